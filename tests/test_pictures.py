"""Pictures of the graph: what they say, that Graphviz draws them, and that loops are drawn once."""

import re
import shutil

import pytest

import gradarray as ga
from gradarray.autograd import graphviz, mermaid
from gradarray.autograd.survey import survey

HAS_DOT = shutil.which("dot") is not None


def recurrent(steps):
    p = {"W": ga.ones(4, 8), "U": ga.ones(8, 8), "b": ga.zeros(8)}
    for x in p.values():
        x.requires_grad_()
    x, h = ga.ones(2, 4), ga.zeros(2, 8)
    for _ in range(steps):
        h = ga.tanh(x @ p["W"] + h @ p["U"] + p["b"])
    return h.sum(), p


def test_boxes_say_shapes_dtypes_and_what_is_kept():
    w, x = ga.ones(3, 4, requires_grad=True), ga.ones(2, 3)
    y = (x @ w)[0].exp().to(ga.float64).sum()
    found = survey([y], {"w": w}, collapse=True)
    assert [(b.kind, b.name, b.shape, b.dtype, b.saved) for b in found.boxes] == [
        ("operation", "MmBackward0", (2, 4), "float32", 24),
        ("operation", "SelectBackward0", (4,), "float32", 0),
        ("operation", "ExpBackward0", (4,), "float32", 16),
        ("operation", "ToCopyBackward0", (4,), "float64", 0),
        ("operation", "SumBackward0", (), "float64", 0),
        ("leaf", "w", (3, 4), "float32", 0),
        ("result", "output", (), "float64", 0),
    ]
    assert list(found.arrows) == [
        (5, 0, False),
        (0, 1, False),
        (1, 2, False),
        (2, 3, False),
        (3, 4, False),
        (4, 6, False),
    ]


def test_what_several_keep_is_counted_once():
    x = ga.ones(5, requires_grad=True)
    y = x.exp()
    found = survey([y * y], {}, collapse=True)
    assert sum(box.saved for box in found.boxes) == 20


def test_a_loop_is_drawn_once():
    loss, p = recurrent(200)
    found = survey([loss], p, collapse=True)
    assert found.loops == [200]
    assert sum(box.loop == 0 for box in found.boxes) == 5
    assert len(found.boxes) == 5 + 1 + 3 + 1
    assert [found.boxes[a].name + " to " + found.boxes[b].name for a, b, again in found.arrows if again] == [
        "TanhBackward0 to MmBackward0"
    ]
    everything = survey([loss], p, collapse=False)
    assert len(everything.boxes) == 200 * 5 + 1 + 3 + 1
    assert sum(b.saved for b in everything.boxes) == sum(b.saved for b in found.boxes)


def test_layers_with_weights_of_their_own_are_one_loop():
    p = {f"W{i}": ga.ones(4, 4, requires_grad=True) for i in range(12)}
    x = ga.ones(2, 4, requires_grad=True)
    h = x
    for w in p.values():
        h = h + ga.relu(h @ w)
    found = survey([h.sum()], {**p, "x": x}, collapse=True)
    assert [box.name for box in found.boxes if box.kind == "leaf"] == ["x", "W0 … W11, 12 leaves"]
    assert found.loops == [12] and len(found.boxes) == 7


def test_two_repetitions_are_drawn_twice():
    loss, p = recurrent(2)
    found = survey([loss], p, collapse=True)
    assert found.loops == [] and len(found.boxes) == 2 * 5 + 1 + 3 + 1


def test_several_results_writes_and_several_outputs():
    x = ga.ones(3, 3, requires_grad=True)
    y = x * 2
    y[0] = y[1].exp()
    values, vectors = ga.linalg.eigh(y)
    found = survey([values, vectors, x], {"values": values}, collapse=True)
    names = [box.name for box in found.boxes]
    assert [n for n, b in zip(names, found.boxes, strict=True) if b.kind == "result"] == [
        "values",
        "output 1",
        "output 2",
    ]
    write = names.index("CopySlices")
    assert found.boxes[write].shape == (3, 3)
    assert {names[a] for a, b, _ in found.arrows if b == write} == {"MulBackward0", "ExpBackward0"}
    assert found.boxes[names.index("ExpBackward0")].shape == (3,)


def test_a_graph_that_was_walked_can_be_drawn():
    x = ga.ones(3, requires_grad=True)
    y = x.exp().sum()
    y.backward()
    assert "keeps" not in str(graphviz(y))


def test_without_a_graph_there_is_no_picture():
    with pytest.raises(RuntimeError, match="no graph to draw"):
        graphviz(ga.ones(2))


def test_mermaid_is_well_formed():
    loss, p = recurrent(10)
    lines = str(mermaid(loss, p)).splitlines()
    assert lines[0] == "flowchart TD"
    declared = {m[1] for line in lines if (m := re.match(r"\s+(n\d+)[\[(]", line))}
    used = {n for line in lines if "->" in line for n in re.findall(r"n\d+", line)}
    assert declared == used
    assert sum("subgraph" in line for line in lines) == sum(line.strip() == "end" for line in lines) == 1
    assert any("-.->" in line for line in lines)
    assert "W<br/>[4, 8] float32" in "\n".join(lines)


@pytest.mark.skipif(not HAS_DOT, reason="Graphviz's dot is not installed")
def test_graphviz_draws_it(tmp_path):
    loss, p = recurrent(10)
    picture = graphviz(loss, {'a "quoted" name': p["W"]})
    svg = picture.render("svg").decode()
    assert "<svg" in svg and "10 times" in svg and "a &quot;quoted&quot; name" in svg
    for name in ("graph.png", "graph.svg", "graph.dot", "graph.mmd"):
        picture.save(tmp_path / name)
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "graph.dot").read_text().startswith("digraph {")
    assert (tmp_path / "graph.mmd").read_text().startswith("flowchart TD")
    bundle = picture._repr_mimebundle_()
    assert "<svg" in bundle["image/svg+xml"] and bundle["text/plain"] == picture.dot
    with pytest.raises(RuntimeError, match="dot -Tnonsense failed"):
        picture.render("nonsense")


def test_a_notebook_without_graphviz_shows_mermaid(monkeypatch):
    loss, p = recurrent(10)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    picture = graphviz(loss, p)
    assert picture._repr_mimebundle_()["text/markdown"] == f"```mermaid\n{picture.mermaid}\n```"
    assert "svg" not in picture._repr_mimebundle_()
    with pytest.raises(RuntimeError, match="not installed"):
        picture.render()
    assert repr(picture).startswith("<Picture in dot, ")


def test_a_few_hundred_nodes_are_quick_and_small():
    x = ga.ones(4, requires_grad=True)
    y = x
    for i in range(600):
        y = y * 2 if (i * i) % 7 < 3 else y.sin()
    assert str(mermaid(y)).count("\n") < 150
