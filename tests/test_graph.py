"""The graph as users see it: hooks on nodes, leaves, several tensors; what nodes saved, edges; what a walk visits."""

import tracemalloc

import numpy as np
import pytest

import gradarray as ga
from gradarray.autograd import grad, graph


def leaf(*values):
    return ga.tensor(values, requires_grad=True)


# -- hooks -------------------------------------------------------------------------------------------------------------


def test_hooks_of_one_tensor_run_in_pytorchs_order():
    x = leaf(1.0, 2.0)
    y = x * 3
    seen = []
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append(("after", inputs[0].tolist(), outputs[0].tolist())))
    y.retain_grad()
    y.grad_fn.register_prehook(lambda gs: seen.append(("before", gs[0].tolist())) or (gs[0] + 1,))
    y.register_hook(lambda g: seen.append(("tensor", g.tolist())) or g * 10)
    y.sum().backward()
    assert seen == [("tensor", [1, 1]), ("before", [10, 10]), ("after", [33, 33], [11, 11])]
    assert (y.grad.tolist(), x.grad.tolist()) == ([11, 11], [33, 33])


def test_hooks_of_a_leaf_run_in_pytorchs_order():
    x = leaf(1.0)
    node = (x * 1).grad_fn.next_functions[0][0]
    seen = []
    x.register_post_accumulate_grad_hook(lambda x: seen.append(("accumulated", x.grad.item())))
    node.register_hook(lambda inputs, outputs: seen.append(("after", inputs, outputs[0].item())))
    node.register_prehook(lambda gs: seen.append(("before", gs[0].item())) or (gs[0] + 1,))
    x.register_hook(lambda g: seen.append(("tensor", g.item())) or g * 10)
    (x * 2).backward()
    assert seen == [("tensor", 2.0), ("before", 20.0), ("accumulated", 21.0), ("after", (), 21.0)]


def test_a_hook_after_a_node_may_replace_what_goes_on():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * w
    handle = y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 0, None))
    with pytest.raises(RuntimeError, match="gradient's shape"):
        y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0], ga.ones(5)))
        y.sum().backward()
    assert x.grad is None and w.grad is None
    handle.remove()


@pytest.mark.parametrize("n", [1, 3])
def test_what_a_node_hook_returns_must_be_as_many(n):
    x = leaf(1.0)
    y = x * 2 * x
    y.grad_fn.register_hook(lambda inputs, outputs: inputs[:1] * n)
    with pytest.raises(RuntimeError, match=f"None or 2 gradients, got {n}"):
        y.backward()


def test_node_hooks_of_several_outputs_broadcasts_and_recorded_walks():
    a = ga.tensor([[3.0, 1.0], [1.0, 2.0]], requires_grad=True)
    values, vectors = ga.linalg.eigh(a)
    seen = []
    values.grad_fn.register_prehook(lambda gs: seen.append([None if g is None else g.shape for g in gs]))
    values.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 2,))
    (first,) = grad(values.sum(), a, create_graph=True)
    assert seen == [[(2,), None]]
    np.testing.assert_allclose(first.tolist(), 2 * np.eye(2), atol=1e-6)
    assert first.requires_grad
    b = leaf(1.0, 2.0)
    c = ga.ones(3, 2, requires_grad=True) * b
    c.grad_fn.register_hook(lambda inputs, outputs: tuple(None if g is None else g * 2 for g in inputs))
    c.sum().backward()
    assert b.grad.tolist() == [6.0, 6.0]


def test_handles_take_hooks_away():
    x = leaf(1.0)
    y = x * 2
    count = []
    handles = [
        x.register_hook(count.append),
        x.register_post_accumulate_grad_hook(count.append),
        y.register_hook(count.append),
        y.grad_fn.register_prehook(count.append),
        y.grad_fn.register_hook(lambda *gs: count.append(gs)),
        graph.register_multi_grad_hook([x, y], count.append),
    ]
    y.backward(retain_graph=True)
    assert len(count) == 6
    for handle in handles:
        with handle:
            pass
        handle.remove()  # once more does no harm
    y.backward()
    assert len(count) == 6


def raising(*args):
    raise ValueError("from a hook")


@pytest.mark.parametrize(
    "register",
    [
        lambda x, y: x.register_hook(raising),
        lambda x, y: y.register_hook(raising),
        lambda x, y: y.grad_fn.register_prehook(raising),
        lambda x, y: y.grad_fn.register_hook(raising),
    ],
    ids=["leaf", "tensor", "before a node", "after a node"],
)
def test_a_hook_that_raises_leaves_every_gradient_as_it_was(register):
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    x.grad = ga.ones(2)
    y = x * 2
    y.retain_grad()
    register(x, y)
    with pytest.raises(ValueError, match="from a hook"):
        (y * w).sum().backward()
    assert (x.grad.tolist(), w.grad, y.grad) == ([1.0, 1.0], None, None)


def test_a_hook_after_accumulation_that_raises_finds_all_gradients_added():
    x, w = leaf(1.0), leaf(3.0)
    x.register_post_accumulate_grad_hook(raising)
    with pytest.raises(ValueError, match="from a hook"):
        (x * w).backward()
    assert (x.grad.item(), w.grad.item()) == (3.0, 1.0)


def test_hooks_after_accumulation_are_for_leaves_and_for_backward():
    x = leaf(1.0)
    called = []
    x.register_post_accumulate_grad_hook(called.append)
    grad(x * 2, x)
    assert called == []
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(called.append)
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        ga.ones(2).register_post_accumulate_grad_hook(called.append)
    # an optimiser that steps as soon as the gradient is there, and lets it go
    with ga.no_grad():
        x.register_post_accumulate_grad_hook(lambda x: (x.data.sub_(0.5 * x.grad), setattr(x, "grad", None)))
    (x * 2).backward()
    assert (x.item(), x.grad) == (0.0, None)


def test_a_hook_on_several_tensors_waits_for_all():
    x, w, unused = leaf(1.0), leaf(3.0), leaf(5.0)
    y = x * w
    seen, first = [], []
    graph.register_multi_grad_hook([x, y, unused], lambda gs: seen.append([g and g.item() for g in gs]))
    graph.register_multi_grad_hook([x, y, unused], lambda g: first.append(g.item()), mode="any")
    (y * 2).backward(retain_graph=True)
    (y * 2).backward()
    assert seen == [[6.0, 2.0, None]] * 2
    assert first == [2.0, 2.0]
    grad(x * 2, w, allow_unused=True)
    assert len(seen) == 2
    with pytest.raises(ValueError, match="all"):
        graph.register_multi_grad_hook([x], seen.append, mode="some")
    with pytest.raises(RuntimeError, match="tensor 1"):
        graph.register_multi_grad_hook([x, ga.ones(1)], seen.append)


def test_a_retained_gradient_is_that_of_the_value_after_a_write():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.retain_grad()
    before = []
    y.register_hook(lambda g: before.append(g.tolist()))
    y.mul_(10)
    y[0] = 0
    (y * 3).sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]
    assert before == [[0.0, 30.0]]
    z = (x * 2).view(2, 1)
    z.retain_grad()
    z._base.exp_()
    z.sum().backward()
    assert z.grad.tolist() == [[1.0], [1.0]]


def test_grad_adds_to_what_is_retained_and_to_nothing_else():
    x = leaf(1.0, 2.0)
    y = x * x
    y.retain_grad()
    grad((y * y).sum(), x, retain_graph=True)
    assert (y.grad.tolist(), x.grad) == ([2.0, 8.0], None)
    grad((y * y).sum(), y, retain_graph=True)
    assert y.grad.tolist() == [4.0, 16.0]
    (y * y).sum().backward(inputs=[y])
    assert y.grad.tolist() == [6.0, 24.0]


def test_a_leaf_taken_off_the_tape_gets_no_gradient():
    x, w = leaf(1.0), leaf(2.0)
    y = x * w
    x.requires_grad_(False)
    y.backward()
    assert (x.grad, w.grad.item()) == (None, 1.0)


# -- nodes and edges ---------------------------------------------------------------------------------------------------


def test_a_node_shows_what_it_is():
    x = leaf(1.0, 2.0)
    y = x.exp() * 2
    node = y.grad_fn
    assert isinstance(node, graph.Node)
    assert (node.name(), node.next_functions[0][0].name()) == ("MulBackward0", "ExpBackward0")
    node.metadata["why"] = "for a test"
    assert y.grad_fn.metadata == {"why": "for a test"}
    leaf_node = node.next_functions[0][0].next_functions[0][0]
    assert (leaf_node.name(), leaf_node.variable is x, leaf_node.next_functions) == ("AccumulateGrad", True, ())


def test_what_a_node_saved():
    x, w = leaf(1.0, 2.0), ga.tensor([3.0, 4.0])
    y = x * w
    assert {k: v.tolist() for k, v in y.grad_fn.saved_values.items()} == {"x2": [3.0, 4.0]}
    z = y.exp()
    saved = z.grad_fn.saved_values
    assert list(saved) == ["out"] and saved["out"].grad_fn is z.grad_fn
    matrix = ga.ones(2, 2, requires_grad=True)
    product = matrix @ y
    assert {k: v.requires_grad for k, v in product.grad_fn.saved_values.items()} == {"x1": True, "x2": True}
    assert (x + w).grad_fn.saved_values == {}
    z.sum().backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        z.grad_fn.saved_values


def test_an_edge_stands_for_a_tensor():
    x = leaf(1.0, 2.0)
    y = x * 3
    edge = graph.get_gradient_edge(y)
    assert (edge.node, edge.output_nr) == (y.grad_fn, 0)
    loss = (y * y).sum()
    del y
    (g,) = grad(loss, edge, retain_graph=True)
    assert g.tolist() == [6.0, 12.0]
    (h,) = grad(edge, x, ga.ones(2), retain_graph=True)
    assert h.tolist() == [3.0, 3.0]
    assert grad(loss, graph.get_gradient_edge(x))[0].tolist() == [18.0, 36.0]
    values, order = ga.linalg.eigh(ga.eye(2).requires_grad_())
    assert graph.get_gradient_edge(order).output_nr == 1
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(ga.ones(1))


def test_memory_written_to_by_other_means():
    array = np.array([1.0, 2.0])
    x = ga.from_numpy(array)
    w = ga.tensor([3.0, 4.0], dtype=ga.float64, requires_grad=True)
    y = (x * w).sum()
    graph.increment_version(x)
    array[:] = 0
    y.backward()
    assert (w.grad.tolist(), x._version) == ([1.0, 2.0], 1)


def test_saved_values_may_be_overwritten_anyway():
    x = leaf(1.0, 2.0)
    with graph.allow_mutation_on_saved_tensors():
        y = x.exp()
        y.zero_()
        y.sum().backward()
    assert x.grad.tolist() == [0.0, 0.0]


# -- what a walk visits and frees --------------------------------------------------------------------------------------


def test_a_node_whose_gradient_alone_is_asked_for_does_not_run():
    x = leaf(1.0, 2.0)
    y = x.exp()
    ran = []
    y.grad_fn.register_hook(lambda *gs: ran.append(gs))
    loss = (y * y).sum()
    grad(loss, y)
    assert ran == []
    (g,) = grad(y.sum(), x)  # what exp saved is still there
    assert len(ran) == 1
    np.testing.assert_allclose(g.tolist(), np.exp([1.0, 2.0]), rtol=1e-6)


def test_an_inner_gradient_and_one_beyond():
    x = leaf(2.0)
    y = x * x
    z = y * x
    gy, gx = grad(z, [y, x], retain_graph=True)
    assert (gy.item(), gx.item()) == (2.0, 12.0)
    gz, gx = grad(z, [z, x])
    assert (gz.item(), gx.item()) == (1.0, 12.0)


def test_grad_frees_only_what_it_visits():
    x, w = leaf(2.0), leaf(3.0)
    a, b = x.exp(), w.exp()
    loss = (a * b).sum()
    grad(loss, x, retain_graph=False)
    with pytest.raises(RuntimeError, match="second time"):
        grad(loss, w)
    np.testing.assert_allclose(grad(b, w)[0].item(), np.exp(3), rtol=1e-6)


def test_memory_falls_as_the_walk_goes():
    n, steps = 100_000, 20
    x = ga.ones(n, requires_grad=True)
    tracemalloc.start()
    try:
        y = x
        for _ in range(steps):
            y = y.sin()  # keeps its input: float32, 0.4 MB each
        full = tracemalloc.get_traced_memory()[0]
        marks = []
        node = y.grad_fn
        for _ in range(steps):
            node.register_prehook(lambda gs: marks.append(tracemalloc.get_traced_memory()[0]))
            node = node.next_functions[0][0]
        loss = y.sum()
        del y
        loss.backward()
    finally:
        tracemalloc.stop()
    each = 4 * n
    assert full > (steps - 1) * each
    assert marks[0] - marks[-1] > 0.8 * (steps - 2) * each
    assert max(marks) < full + 4 * each  # no more than a few cotangents on top
