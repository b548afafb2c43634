"""Whether anybody but the walk holds a cotangent: where nobody does, a rule may write the next one into its memory.

Knows reference counts and the walk. Must not know arrays, tensors or what any node computes.

Python counts who holds an object: a tensor's data, what a node saved, a hook's caller, a view, which holds its base.
The walk, and the functions that it calls, hold a cotangent themselves a few times; how often depends on the interpreter
and is measured here, by walks over nodes that count. A count beyond that is somebody else's, and nothing is written. An
interpreter without counts (PyPy) never writes. From Python 3.14 on a function that is handed what a variable of its
caller holds does not count it again: the counts are lower there, and a variable alone is nobody.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, Final

from gradarray._engine import Deferred, Node, Op, ages, walk

refcount: Final[Callable[[object], int]] = getattr(sys, "getrefcount", lambda x: sys.maxsize)


class _Counting(Op):
    """Notes how often its cotangent is held, from where a compiled rule asks, and sends a new one to each input."""

    def __init__(self, counts: list[int], deferred: type[Deferred] | None = None) -> None:
        self.counts, self.deferred = counts, deferred

    def answer(self, node: Any, count: int) -> Sequence[Any]:
        """Note the count; what the walk gets."""
        self.counts.append(count)
        return tuple([object() if self.deferred is None else self.deferred() for _ in node.edges])

    # compiled as rules are, from text: where this module is compiled by another, such a function holds as often as they
    pull_large = pull_strong_large = eval(
        "lambda self, node, g: self.answer(node, refcount(g))", {"refcount": refcount}
    )


def _node(op: Op, *edges: Any) -> Node:
    node = Node()
    node.op, node.edges, node.saved, node.hooks, node.seq = op, edges, (), None, next(ages)
    return node


def _measured() -> tuple[int, int, int, int]:
    in_pull: list[int] = []
    in_sum: list[tuple[int, int]] = []
    in_deferred: list[int] = []

    class Counted(Deferred):
        def add_to(self, total: Any, *, owned: bool) -> Any:
            if total is not None:
                in_deferred.append(refcount(total))
            return object()

    def add(a: Any, b: Any) -> Any:
        in_sum.append((refcount(a), refcount(b)))
        return object()

    # a chain, branches that wait for one another, and sums at a node and at a sink, to which some are deferred
    plain, late = _Counting(in_pull), _Counting(in_pull, Counted)
    foot = _node(plain, "one")
    slices = _node(late, foot, "one")
    left, right = _node(plain, foot, "one", "other"), _node(plain, foot, "one", "other")
    top = _node(plain, _node(plain, _node(plain, left, right, slices)))
    walk([(top, object())], add=add, iadd=add, large=True)
    # the least: where it is held more often, a chance is missed and no harm is done
    return min(in_pull), min(a for a, _ in in_sum), min(b for _, b in in_sum), min(in_deferred)


IN_PULL, IN_SUM_FIRST, IN_SUM_SECOND, IN_DEFERRED = (0, 0, 0, 0) if refcount(None) == sys.maxsize else _measured()
"""What :func:`refcount` says of a cotangent that only the walk holds: to a rule, to the function that adds two, of the
first and of the second, and to :meth:`gradarray._engine.Deferred.add_to`."""
