"""The tape: nodes, edges and the walk that carries cotangents backwards.

Knows graphs. Must not know arrays, tensors or what any node computes: its tests run on integers and strings.

An edge of a node leads to another :class:`Node`, to a :class:`Slot` (one of several outputs of a node), or to
anything else: a *sink*, where a cotangent ends. An input that needs no gradient has the edge None. Nodes are made
after the nodes that they lead to, so taking the youngest first visits each node once, when all that leads to it has
been added up.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from heapq import heappop, heappush, heapreplace
from operator import attrgetter
from typing import Any

from gradarray._chained import Chained

Cotangent = Any

ages: Iterator[int] = itertools.count()
"""The ages of nodes to come, one each."""


class Op:
    """What kind of operation a node records: how cotangents pass through it."""

    __slots__ = ()

    def pull(self, node: Any, g: Cotangent) -> Sequence[Cotangent]:
        """The cotangents of the inputs (None for zero), one an edge, for the cotangent ``g`` of the output."""
        raise NotImplementedError

    def pull_taped(self, node: Any, g: Cotangent) -> Sequence[Cotangent]:
        """:meth:`pull`, recording itself so that the result can be differentiated again."""
        raise NotImplementedError

    def pull_strong(self, node: Any, g: Cotangent) -> Sequence[Cotangent]:
        """:meth:`pull` for a ``g`` whose zeros say "not chosen" (see :class:`Masked`) and beat an infinite partial."""
        return self.pull(node, g)

    def pull_strong_taped(self, node: Any, g: Cotangent) -> Sequence[Cotangent]:
        """The same, recording itself."""
        return self.pull_taped(node, g)

    def pull_large(self, node: Any, g: Cotangent) -> Sequence[Cotangent]:
        """:meth:`pull` where cotangents may be large (see :class:`Large`), and what takes longer to find out pays."""
        return self.pull(node, g)

    def pull_strong_large(self, node: Any, g: Cotangent) -> Sequence[Cotangent]:
        """:meth:`pull_strong` likewise."""
        return self.pull_strong(node, g)


class Masked(tuple[Cotangent, ...]):
    """Cotangents of an operation that chose among its inputs' elements: zero where it did not take one.

    What was not taken may be anything, nan as well. So every node that such a cotangent comes to, and all beyond, are
    asked by :meth:`Op.pull_strong`.
    """

    __slots__ = ()


class Large(tuple[Cotangent, ...]):
    """Cotangents of which one is large: from then on, all nodes are asked by :meth:`Op.pull_large`."""

    __slots__ = ()


class Node(Chained):
    """One recorded operation.

    One class serves for all operations: the interpreter reads the attributes of objects of one class three times as
    fast as those of many.

    Attributes
    ----------
    op : Op
    seq : int
        Age: a node is younger than every node it leads to.
    to : edge or tuple of edges
        Where the cotangent of each input goes; None for an input that needs none. Where there is one edge, that itself
        (unless it is a tuple): a chain takes a third less memory so, and the garbage collector has half as much to do.
    saved : tuple or None
        What ``op`` needs from the forward pass; None once freed. What saved nothing, (), stays fit for another walk.
    hooks : list or None
        :class:`Hook` objects that see the cotangent before it passes through.
    outputs : int
        Set only where it has several outputs. A cotangent is then a list, with None for outputs that got none.
    """

    __slots__ = ("__weakref__", "hooks", "op", "outputs", "saved", "seq")

    op: Op
    seq: int
    saved: tuple[Any, ...] | None
    hooks: list[Hook] | None
    outputs: int

    @property
    def edges(self) -> tuple[Any, ...]:
        """One edge an input."""
        return self.to if type(self.to) is tuple else (self.to,)

    @edges.setter
    def edges(self, edges: tuple[Any, ...]) -> None:
        self.to = edges[0] if len(edges) == 1 and type(edges[0]) is not tuple else edges


class Slot:
    """An edge to one of several outputs of a node."""

    __slots__ = ("index", "node")

    def __init__(self, node: Node, index: int) -> None:
        self.node, self.index = node, index


class Hook:
    """Sees, and may replace, the cotangent of one output of a node.

    Attributes
    ----------
    index : int or None
        Of the output; None for all at once: the cotangent is then a list where the node has several outputs.
    rank : int
        A node's hooks are kept in the order of their ranks. What a walk captures is taken after those of rank 0.
        Those of rank 1 run only where the node itself does.
    """

    __slots__ = ("index",)
    index: int | None
    rank = 0

    def add_to(self, hooks: list[Hook]) -> None:
        """Take its place among ``hooks``, behind those of its rank."""
        place = len(hooks)
        while place and hooks[place - 1].rank > self.rank:
            place -= 1
        hooks.insert(place, self)

    def __call__(self, g: Cotangent, ends: dict[Any, Cotangent]) -> Cotangent:
        """The cotangent to go on with. ``ends`` is what the walk will return; a hook may add to it."""
        raise NotImplementedError


class Deferred:
    """A cotangent that is best made with what it is added to.

    The gradient of one slice of an array is a small part of a large sum: adding it costs what the part costs, and only
    the sum is ever made in full. The gradients of a matrix that many small products share are made as one product.
    """

    __slots__ = ()

    def add_to(self, total: Cotangent | None, *, owned: bool) -> Cotangent:
        """``total`` (None: zero) plus this, in a new buffer, or in ``total`` itself where that is ``owned``."""
        raise NotImplementedError

    def join(self, other: Deferred) -> bool:
        """Take in ``other``, which came to the same place, where that makes the sum cheaper; else False."""
        return False


class GraphFreedError(RuntimeError):
    """A second walk over a graph that the first one freed."""

    def __init__(self) -> None:
        super().__init__(
            "Trying to backward through the graph a second time, but what it saved was freed by the first time. "
            "Specify retain_graph=True the first time if you need to backward through the graph again"
        )


class _Sums:
    """Cotangents that wait for their node or sink, added up as they arrive."""

    __slots__ = ("add", "iadd", "owned")

    def __init__(self, add: Callable[[Any, Any], Any], iadd: Callable[[Any, Any], Any]) -> None:
        self.add, self.iadd = add, iadd
        self.owned: set[Hashable] = set()  # those whose sum lies in a buffer that the walk itself made

    def plus(self, key: Hashable, total: Cotangent, g: Cotangent) -> Cotangent:
        """``total``, which waits at ``key``, plus ``g``."""
        owned = self.owned
        if isinstance(total, Deferred):
            if isinstance(g, Deferred) and total.join(g):
                return total
            total = total.add_to(None, owned=False)
            owned.add(key)
        if isinstance(g, Deferred):
            total = g.add_to(total, owned=key in owned)
            owned.add(key)
            return total
        if key in owned:
            return self.iadd(total, g)
        owned.add(key)
        return self.add(total, g)

    def pop(self, waiting: dict[Any, Cotangent], key: Hashable) -> Cotangent:
        """What has been added up at ``key``, which waits no longer."""
        self.owned.discard(key)
        g = waiting.pop(key)
        return g.add_to(None, owned=False) if isinstance(g, Deferred) else g


def walk(
    roots: Iterable[tuple[Any, Cotangent]],
    *,
    add: Callable[[Any, Any], Any],
    iadd: Callable[[Any, Any], Any],
    add_large: Callable[[Any, Any], Any] | None = None,
    large: bool = False,
    taped: bool = False,
    keep: bool = False,
    only: frozenset[Any] | None = None,
    captures: Mapping[Node, Sequence[Hook]] | None = None,
    around: Callable[[Node, Cotangent, bool, bool], Sequence[Cotangent]] | None = None,
) -> dict[Any, Cotangent]:
    """Carry cotangents from ``roots`` to the sinks.

    Parameters
    ----------
    roots : iterable of (edge, cotangent)
        Where to start.
    add, iadd : callable
        The sum of two cotangents, and the sum into the first, which the walk then owns.
    add_large : callable, optional
        What stands for ``add`` once a node has given :class:`Large` cotangents.
    large : bool
        The cotangents of the roots are large already.
    taped : bool
        Record the walk itself (:meth:`Op.pull_taped`).
    keep : bool
        Keep what the nodes saved.
    only : frozenset, optional
        The nodes and sinks worth visiting (see :func:`leading_to`); by default all.
    captures : mapping of node to hooks, optional
        Hooks of this walk alone. A node that has some, and from where nothing of ``only`` is reached, is not run.
    around : callable, optional
        ``around(node, g, taped, strong)`` stands for the node's own pull, and is to ask for it: :func:`pull`.

    Returns
    -------
    dict
        Each sink reached, with its cotangent.

    Raises
    ------
    GraphFreedError
        At a node that an earlier walk has freed.
    """
    target: Node
    add_large = add if add_large is None else add_large
    sums: _Sums = _Sums(add_large if large else add, iadd)
    owned: set[Hashable] = sums.owned
    waiting: dict[Any, Cotangent] = {}  # at nodes
    arrived: dict[Any, Cotangent] = {}  # at sinks
    ends: dict[Any, Cotangent] = {}
    heap: list[int] = []  # of the ages of those nodes, negative: numbers are compared sooner than pairs
    aged: dict[int, Node] = {}
    # one node may wait outside of the heap: in a chain, where it is alone, that is never used
    ready: Node | None = None
    ready_g: Cotangent = None
    edges: Sequence[Any]
    gs: Sequence[Cotangent]
    edges, gs = zip(*roots)
    node: Node | None = None
    strong: set[Any] = set()
    while True:
        if node is None:
            for i, edge in enumerate(edges):
                g = gs[i]
                if g is None or edge is None:
                    continue
                if isinstance(edge, Node):
                    target = edge
                    if target is ready:
                        ready_g = sums.plus(target, ready_g, g)
                    elif target in waiting:
                        waiting[target] = sums.plus(target, waiting[target], g)
                    elif only is None or target in only:
                        if ready is None:
                            ready, ready_g = target, g
                        elif target.seq > ready.seq:
                            waiting[ready] = ready_g
                            age = -ready.seq
                            aged[age] = ready
                            heappush(heap, age)
                            ready, ready_g = target, g
                        else:
                            waiting[target] = g
                            age = -target.seq
                            aged[age] = target
                            heappush(heap, age)
                elif edge in arrived:
                    arrived[edge] = sums.plus(edge, arrived[edge], g)
                elif isinstance(edge, Slot):
                    target = edge.node
                    if only is not None and target not in only:
                        continue
                    if target not in waiting:
                        waiting[target] = [None] * target.outputs
                        age = -target.seq
                        aged[age] = target
                        heappush(heap, age)
                    key = (target, edge.index)
                    if key in waiting:
                        waiting[key] = sums.plus(key, waiting[key], g)
                    else:
                        waiting[key] = g
                        waiting[target][edge.index] = key
                elif only is None or edge in only:
                    arrived[edge] = g
            if ready is not None and (not heap or ready.seq > -heap[0]):
                node, g, ready_g = ready, ready_g, None
            elif heap:
                if ready is None:
                    node = aged.pop(heappop(heap))
                else:
                    waiting[ready], ready_g = ready_g, None
                    age = -ready.seq
                    aged[age] = ready
                    node = aged.pop(heapreplace(heap, age))
                g = waiting.pop(node)
                if type(g) is list:
                    g = [None if key is None else sums.pop(waiting, key) for key in g]
            else:
                break
            ready = None
            if owned:
                owned.discard(node)
        if isinstance(g, Deferred):
            g = g.add_to(None, owned=False)
        if captures is not None and node in captures:
            hooks = node.hooks or ()
            g = _call_hooks([h for h in hooks if h.rank == 0], g, ends)
            g = _call_hooks(captures[node], g, ends)
            runs = only is None or not only.isdisjoint(_targets(node))
            g = _call_hooks([h for h in hooks if h.rank > 1 or (runs and h.rank == 1)], g, ends)
            if not runs:
                strong.discard(node)
                node, edges = None, ()
                continue
        elif node.hooks is not None:
            g = _call_hooks(node.hooks, g, ends)
        saved = node.saved
        if saved is None:
            raise GraphFreedError
        gs = ()  # so that where nobody else holds g, g alone does: see _spare
        masks = node in strong if strong else False
        if masks:
            strong.remove(node)
        if around is not None:
            gs = around(node, g, taped, masks)
        elif masks:
            if large:
                gs = node.op.pull_strong_large(node, g)
            else:
                gs = node.op.pull_strong_taped(node, g) if taped else node.op.pull_strong(node, g)
        elif large:
            gs = node.op.pull_large(node, g)
        else:
            gs = node.op.pull_taped(node, g) if taped else node.op.pull(node, g)
        to = node.to
        if type(gs) is not tuple:
            if type(gs) is Masked:
                masks = True
            elif type(gs) is Large:
                large, sums.add = True, add_large
        if masks:
            for edge in node.edges:
                if isinstance(edge, Node):
                    strong.add(edge)
                elif isinstance(edge, Slot):
                    strong.add(edge.node)
        if saved and not keep:
            node.saved = None
        # the only edge leads to a node that is younger than all that wait, and so that node is the next
        if isinstance(to, Node):
            target, g = to, gs[0]
            if g is not None and (not heap or target.seq > -heap[0]) and (only is None or target in only):
                node = target
                continue
        edges = to if type(to) is tuple else (to,)
        node = None
    for sink, g in arrived.items():
        if isinstance(g, Deferred):
            arrived[sink] = g.add_to(None, owned=False)
    if not ends:
        return arrived
    ends.update(arrived)
    return ends


def pull(node: Node, g: Cotangent, taped: bool, strong: bool) -> Sequence[Cotangent]:
    """The cotangents of the inputs of ``node``, as the walk asks for them."""
    if strong:
        return node.op.pull_strong_taped(node, g) if taped else node.op.pull_strong(node, g)
    return node.op.pull_taped(node, g) if taped else node.op.pull(node, g)


def _call_hooks(hooks: Iterable[Hook], g: Cotangent, ends: dict[Any, Cotangent]) -> Cotangent:
    for hook in tuple(hooks):
        index = hook.index
        if type(g) is not list or index is None:
            g = hook(g, ends)
        elif g[index] is not None:
            g[index] = hook(g[index], ends)
    return g


def _targets(node: Node) -> list[Any]:
    """The nodes and sinks that the edges of ``node`` lead to."""
    return [edge.node if isinstance(edge, Slot) else edge for edge in node.edges if edge is not None]


_age = attrgetter("seq")


def leading_to(roots: Iterable[Any], targets: Iterable[Any]) -> frozenset[Any] | None:
    """The nodes and sinks on a path from a root to one of ``targets`` (nodes or sinks); None where that is all."""
    found = set(targets)
    every = True
    for target in found:
        if isinstance(target, Node):
            every = False
    seen: set[Node] = set()
    waiting: list[Any] = list(roots)
    node: Node
    for edge in waiting:  # which grows
        while edge is not None:
            if isinstance(edge, Node):
                node = edge
            elif isinstance(edge, Slot):
                node = edge.node
            else:
                every = every and edge in found
                break
            known = len(seen)
            seen.add(node)
            if len(seen) == known:
                break
            edge = node.to  # the only one, as in a chain
            if type(edge) is tuple:
                ending = True
                for to in edge:
                    if to is not None:
                        waiting.append(to)
                        ending = False
                every = every and not ending
                break
            if edge is None:
                every = False
    if every:
        return None
    for node in sorted(seen, key=_age):
        if not found.isdisjoint(_targets(node)):
            found.add(node)
    return frozenset(found)
