"""The graph behind some tensors, gathered to be drawn: what each node is, its shape, what it saves, what repeats.

Knows nodes and values. Must not know operations, nor how anything is drawn.

A loop of the program records the same operations again and again. In the order of their age the nodes are then
periodic, whatever leads where; so a period that comes at least three times is one box for each of its nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gradarray._dispatch import ShortOp
from gradarray._engine import Slot
from gradarray._nodes import NamedOp, OpNode
from gradarray._storage import LEAF, Cells, Value
from gradarray.autograd.amounts import nbytes

_LEAST = 3  # so many times a period must come to be drawn once
_LONGEST = 256  # the longest period looked for


@dataclass
class Box:
    """One thing to be drawn: a leaf, an operation, or a result.

    Attributes
    ----------
    kind : {"leaf", "operation", "result"}
    name : str
    shape : tuple of int or None
    dtype : str
    saved : int
        Bytes kept for the walk, of all that it stands for; a value that several keep counts for the oldest.
    loop : int or None
        Which loop it is in.
    """

    kind: str
    name: str
    shape: tuple[Any, ...] | None = None
    dtype: str = ""
    saved: int = 0
    loop: int | None = None


@dataclass
class Survey:
    """What is to be drawn: boxes, arrows between them as (from, to, into the next round), rounds of each loop."""

    boxes: list[Box] = field(default_factory=list)
    arrows: dict[tuple[int, int, bool], None] = field(default_factory=dict)  # a set that keeps its order
    loops: list[int] = field(default_factory=list)


def survey(outputs: Sequence[Value], params: Mapping[str, Value], collapse: bool) -> Survey:
    """Gather the graph behind ``outputs``; ``params`` are names of leaves."""
    names = {id(x): name for name, x in params.items()}
    nodes: dict[OpNode, tuple[Any, str]] = {}
    stack: list[tuple[OpNode, Any, str]] = [
        (root, tuple(x._data.shape), x._dtype.name) for x in outputs if (root := _target(x._node)) is not None
    ]
    while stack:
        node, shape, dtype = stack.pop()
        if node in nodes:
            continue
        nodes[node] = shape, dtype
        for i, edge in enumerate(_edges(node)):
            if (following := _target(edge)) is not None and following not in nodes:
                stack.append((following, *_input(node, i, shape, dtype)))
    ordered = sorted(nodes, key=lambda node: node.seq)
    found = Survey()
    box_of, round_of = _boxes(found, ordered, nodes, collapse)
    leaves: dict[int, int] = {}
    for node in ordered:
        for edge in _edges(node):
            target = _target(edge)
            if target is not None:
                here, there = round_of.get(node), round_of.get(target)
                again = here is not None and there is not None and here[0] == there[0] and here[1] != there[1]
                found.arrows[box_of[target], box_of[node], again] = None
            elif isinstance(edge, Value):
                found.arrows[_leaf(found, leaves, edge, names), box_of[node], False] = None
    for i, x in enumerate(outputs):
        name = names.get(id(x), "output" if len(outputs) == 1 else f"output {i}")
        found.boxes.append(Box("result", name, tuple(x._data.shape), x._dtype.name))
        at = len(found.boxes) - 1
        if (root := _target(x._node)) is not None:
            found.arrows[box_of[root], at, False] = None
        elif x._node is LEAF:
            found.arrows[_leaf(found, leaves, x, names), at, False] = None
    return _with_leaves_together(found) if collapse else found


def _with_leaves_together(found: Survey) -> Survey:
    """Leaves of one shape that lead to one loop alone, as the weights of layers do, as one box."""
    alike: dict[tuple[Any, ...], list[int]] = {}
    for i, box in enumerate(found.boxes):
        ends = tuple(end for start, end, _ in found.arrows if start == i)
        if box.kind == "leaf" and all(found.boxes[end].loop is not None for end in ends):
            alike.setdefault((ends, box.shape, box.dtype), []).append(i)
    stands_for = {i: group[0] for group in alike.values() if len(group) >= _LEAST for i in group}
    for group in alike.values():
        if len(group) >= _LEAST:
            first, last = found.boxes[group[0]], found.boxes[group[-1]]
            names = f"{first.name} … {last.name}, " if first.name != last.name else ""
            first.name = f"{names}{len(group)} leaves"
    kept = [i for i in range(len(found.boxes)) if stands_for.get(i, i) == i]
    place = {i: at for at, i in enumerate(kept)}
    number = {i: place[stands_for.get(i, i)] for i in range(len(found.boxes))}
    arrows = dict.fromkeys((number[start], number[end], again) for start, end, again in found.arrows)
    return Survey([found.boxes[i] for i in kept], arrows, found.loops)


def _target(edge: Any) -> OpNode | None:
    node = edge.node if isinstance(edge, Slot) else edge
    return node if isinstance(node, OpNode) else None


def _edges(node: OpNode) -> tuple[Any, ...]:
    assert isinstance(node.op, NamedOp)
    return node.op.edges_of(node)


def _input(node: OpNode, i: int, shape: Any, dtype: str) -> tuple[Any, str]:
    """Shape and dtype of the ``i``-th input of ``node``, whose output has ``shape`` and ``dtype``, as far as known."""
    if isinstance(node.op, ShortOp):
        return shape, dtype  # all are one
    shapes = getattr(node, "shapes", ())
    if "source" in node.params:  # a cast, or a move to another device
        dtype = getattr(node.params["source"], "name", dtype)
    cells = node.saved or ()
    if i < len(cells) and type(cells[i]) is list and hasattr(cells[i][0], "dtype"):
        dtype = node.place.dtype(cells[i][0]).name
    elif getattr(node, "complex", False):
        dtype = ""
    if i < len(shapes):
        return tuple(shapes[i]), dtype
    if "written" in node.params:
        return tuple(node.params["written" if i else "shape"]), dtype
    return None, dtype


def _leaf(found: Survey, leaves: dict[int, int], x: Value, names: dict[int, str]) -> int:
    if id(x) not in leaves:
        found.boxes.append(Box("leaf", names.get(id(x), "leaf"), tuple(x._data.shape), x._dtype.name))
        leaves[id(x)] = len(found.boxes) - 1
    return leaves[id(x)]


def _saved(node: OpNode, seen: set[int]) -> int:
    """Bytes that ``node`` keeps, but for what has been ``seen``."""
    total = 0
    for cell in node.saved or ():
        raws = cell[0] if type(cell) is Cells else [cell[0]] if type(cell) is list else []
        for raw in raws:
            if hasattr(raw, "dtype") and id(raw) not in seen:
                seen.add(id(raw))
                total += nbytes(raw)
    return total


def _boxes(
    found: Survey, ordered: Sequence[OpNode], nodes: Mapping[OpNode, tuple[Any, str]], collapse: bool
) -> tuple[dict[OpNode, int], dict[OpNode, tuple[int, int]]]:
    """A box for each node, or for all that repeat it; and of what repeats in which loop and round it is."""
    box_of: dict[OpNode, int] = {}
    round_of: dict[OpNode, tuple[int, int]] = {}
    seen: set[int] = set()
    kept = {node: _saved(node, seen) for node in ordered}

    def box(node: OpNode, loop: int | None) -> int:
        shape, dtype = nodes[node]
        found.boxes.append(Box("operation", node.name(), shape, dtype, 0, loop))
        return len(found.boxes) - 1

    signs = [(node.name(), nodes[node], len(node.edges)) for node in ordered]
    at = 0
    while at < len(ordered):
        period, rounds = _period(signs, at) if collapse else (1, 1)
        loop = None
        if rounds > 1:
            found.loops.append(rounds)
            loop = len(found.loops) - 1
        for k in range(period):
            number = box(ordered[at + k], loop)
            for r in range(rounds):
                node = ordered[at + r * period + k]
                box_of[node] = number
                found.boxes[number].saved += kept[node]
                if loop is not None:
                    round_of[node] = loop, r
        at += period * rounds
    return box_of, round_of


def _period(signs: Sequence[Any], at: int) -> tuple[int, int]:
    """The period that begins ``at`` and covers most, and how often it comes; (1, 1) if none comes often enough."""
    best = 1, 1
    for period in range(1, min(_LONGEST, (len(signs) - at) // _LEAST) + 1):
        rounds = 1
        first = signs[at : at + period]
        while signs[at + rounds * period : at + (rounds + 1) * period] == first:
            rounds += 1
        if rounds >= _LEAST and rounds * period > best[0] * best[1]:
            best = period, rounds
    return best
