"""Pictures of the graph: in the languages of Graphviz and Mermaid, and by themselves in a notebook.

Knows the survey. Must not know nodes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gradarray._storage import Value
from gradarray.autograd.amounts import bytes_text
from gradarray.autograd.survey import Box, Survey, survey

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

_COLOURS = {"leaf": ("#d6e8fa", "#2f6fab"), "operation": ("#f4f4f4", "#888888"), "result": ("#d9f0d8", "#3f8f3a")}


class Picture:
    """The graph behind some tensors. Shows itself in a notebook; ``str`` is its text, :meth:`save` makes a file.

    Attributes
    ----------
    dot : str
        In Graphviz's language.
    mermaid : str
        In Mermaid's.
    """

    def __init__(self, found: Survey, language: str) -> None:
        self.dot, self.mermaid = "\n".join(_dot(found)), "\n".join(_mermaid(found))
        self._language = language

    def __str__(self) -> str:
        return self.dot if self._language == "dot" else self.mermaid

    def __repr__(self) -> str:
        return f"<Picture in {self._language}, {len(str(self))} characters; print it, or .save('graph.svg')>"

    def render(self, format: str = "svg") -> bytes:
        """What Graphviz draws, for example as ``"svg"``, ``"png"`` or ``"pdf"``.

        Raises
        ------
        RuntimeError
            If there is no ``dot``, or it fails.
        """
        import subprocess  # not before it is needed: it takes a while

        dot = _graphviz()
        if dot is None:
            raise RuntimeError(
                "Graphviz's program dot is not installed; install graphviz, or use .mermaid, which web pages show"
            )
        done = subprocess.run([dot, f"-T{format}"], input=self.dot.encode(), capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"dot -T{format} failed: {done.stderr.decode().strip()}")
        return done.stdout

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file of the kind that its ending says: .dot, .gv, .mmd, or one that Graphviz draws."""
        ending = os.path.splitext(path)[1].lstrip(".").lower()
        if ending in ("dot", "gv"):
            content = (self.dot + "\n").encode()
        elif ending in ("mmd", "mermaid"):
            content = (self.mermaid + "\n").encode()
        else:
            content = self.render(ending or "svg")
        with open(path, "wb") as file:
            file.write(content)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: Graphviz's drawing where that is installed, else Mermaid's, else the text."""
        bundle = {"text/plain": str(self)}
        if self._language == "dot" and _graphviz() is not None:
            bundle["image/svg+xml"] = self.render("svg").decode()
        else:
            bundle["text/markdown"] = f"```mermaid\n{self.mermaid}\n```"
        return bundle


def _graphviz() -> str | None:
    """Where Graphviz's program is."""
    import shutil  # not before it is needed

    return shutil.which("dot")


def graphviz(
    outputs: Tensor | Sequence[Tensor], params: Mapping[str, Tensor] | None = None, *, collapse: bool = True
) -> Picture:
    """A picture of the graph behind ``outputs``, from the leaves down to them.

    Each operation is shown with shape and dtype of its output, and the bytes that it keeps for the walk.

    Parameters
    ----------
    outputs : Tensor or sequence of Tensor
    params : mapping of str to Tensor, optional
        Names of leaves, and of outputs.
    collapse : bool
        Draw once what a loop of the program recorded three times or more, in a frame that says how often; an arrow to
        the next round is dashed.

    Raises
    ------
    RuntimeError
        If no output requires a gradient.

    References
    ----------
    The package ``torchviz`` draws PyTorch's.

    Examples
    --------
    >>> import gradarray as ga
    >>> w = ga.ones(3, requires_grad=True)
    >>> print(ga.autograd.mermaid((w * w).sum(), {"w": w}))
    flowchart TD
        n0["Mul<br/>[3] float32<br/>keeps 12 B"]
        n1["Sum<br/>[] float32"]
        n2(["w<br/>[3] float32"]):::leaf
        n3(["output<br/>[] float32"]):::result
        n2 --> n0
        n0 --> n1
        n1 --> n3
        classDef leaf fill:#d6e8fa,stroke:#2f6fab
        classDef result fill:#d9f0d8,stroke:#3f8f3a
    """
    return Picture(_surveyed(outputs, params, collapse), "dot")


def mermaid(
    outputs: Tensor | Sequence[Tensor], params: Mapping[str, Tensor] | None = None, *, collapse: bool = True
) -> Picture:
    """:func:`graphviz` in the language of Mermaid, which notebooks and many web pages show without any program."""
    return Picture(_surveyed(outputs, params, collapse), "mermaid")


def _surveyed(outputs: Any, params: Mapping[str, Any] | None, collapse: bool) -> Survey:
    xs = [outputs] if isinstance(outputs, Value) else list(outputs)
    if not any(x._node is not None for x in xs):
        raise RuntimeError("there is no graph to draw: no output requires a gradient")
    return survey(xs, params or {}, collapse)


def _lines(box: Box) -> list[str]:
    """What stands in a box."""
    name = box.name.removesuffix("Backward0").removesuffix("Backward") if box.kind == "operation" else box.name
    shape = "" if box.shape is None else str(list(box.shape))
    lines = [name, f"{shape} {box.dtype}".strip()]
    if box.saved:
        lines.append(f"keeps {bytes_text(box.saved)}")
    return [line for line in lines if line]


def _in_loops(found: Survey) -> Iterator[tuple[int | None, list[int]]]:
    """The boxes outside of loops (None), and those of each."""
    yield None, [i for i, box in enumerate(found.boxes) if box.loop is None]
    for loop in range(len(found.loops)):
        yield loop, [i for i, box in enumerate(found.boxes) if box.loop == loop]


def _dot(found: Survey) -> Iterator[str]:
    yield "digraph {"
    yield '  graph [rankdir=TB, ranksep=0.3, nodesep=0.25, fontname="Helvetica", fontsize=11]'
    yield '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=10, margin="0.12,0.05"]'
    yield '  edge [color="#666666", arrowsize=0.6]'
    for loop, members in _in_loops(found):
        indent = "  "
        if loop is not None:
            yield f"  subgraph cluster_{loop} {{"
            yield f'    label="{found.loops[loop]} times"; style="rounded,dashed"; color="#aaaaaa"'
            indent = "    "
        for i in members:
            box = found.boxes[i]
            fill, line = _COLOURS[box.kind]
            label = "\\n".join(_escaped(text) for text in _lines(box))
            yield f'{indent}n{i} [label="{label}", fillcolor="{fill}", color="{line}", tooltip="{_escaped(box.name)}"]'
        if loop is not None:
            yield "  }"
    for start, end, again in found.arrows:
        yield f"  n{start} -> n{end}" + (" [style=dashed, constraint=false]" if again else "")
    yield "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _mermaid(found: Survey) -> Iterator[str]:
    yield "flowchart TD"
    for loop, members in _in_loops(found):
        indent = "    "
        if loop is not None:
            yield f'    subgraph loop{loop}["{found.loops[loop]} times"]'
            indent = "        "
        for i in members:
            box = found.boxes[i]
            label = "<br/>".join(text.replace('"', "#quot;") for text in _lines(box))
            plain = box.kind == "operation"
            yield f'{indent}n{i}["{label}"]' if plain else f'{indent}n{i}(["{label}"]):::{box.kind}'
        if loop is not None:
            yield "    end"
    for start, end, again in found.arrows:
        yield f"    n{start} {'-.->' if again else '-->'} n{end}"
    for kind in ("leaf", "result"):
        fill, line = _COLOURS[kind]
        yield f"    classDef {kind} fill:{fill},stroke:{line}"
