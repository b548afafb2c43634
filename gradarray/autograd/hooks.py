"""What looks at cotangents on their way: captures, retained gradients, and functions of the user's.

Knows nodes and values. Must not know operations.

For one tensor hooks run as PyTorch's do: those on the tensor, then those before its node, then its gradient is kept
if that was asked for, then the node runs, and then those after it. Of one kind, in the order of their registration.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gradarray._dispatch import make
from gradarray._engine import Hook, Node, Slot
from gradarray._nodes import Around, OpNode
from gradarray._storage import LEAF, Value, meta_of


class Capture(Hook):
    """Keeps a copy of what arrives, as the end of ``key``."""

    __slots__ = ("key",)

    def __init__(self, index: int, key: Any) -> None:
        self.index, self.key = index, key

    def __call__(self, g: Any, ends: dict[Any, Any]) -> Any:
        ends[self.key] = g
        return g


class Retain(Hook):
    """Keeps what arrives for the ``grad`` of a tensor that is no leaf, among the ends as its own.

    Holds tensor and node weakly: they hold this.
    """

    __slots__ = ("node", "tensor")
    rank = 2

    def __init__(self, x: Value) -> None:
        self.tensor = weakref.ref(x)
        self.node: weakref.ref[Node] | None = None
        self.follow(x)

    def follow(self, x: Value) -> None:
        """Go to the node that ``x`` has now."""
        before = None if self.node is None else self.node()
        if before is not None and before.hooks is not None:
            before.hooks.remove(self)
        where = place_in_graph(x)
        if where is not None:
            self.node = weakref.ref(where[0])
            hooks, self.index = hooks_of(x)
            self.add_to(hooks)

    def __call__(self, g: Any, ends: dict[Any, Any]) -> Any:
        ends[self] = g
        return g


class UserHook(Hook):
    """A function of the user's: it sees the gradient as a tensor and may return another."""

    __slots__ = ("function", "place")

    def __init__(self, index: int, place: Any, function: Callable[[Any], Any]) -> None:
        self.index, self.place, self.function = index, place, function

    def __call__(self, g: Any, ends: dict[Any, Any]) -> Any:
        shown = _shown(g, self.place)
        return _like(g, _fitting(self.function(shown), shown))


class PreHook(Hook):
    """A function of the user's before a node: it sees the gradients of all outputs, and may return others."""

    __slots__ = ("function", "place")
    rank = 1

    def __init__(self, place: Any, function: Callable[[tuple[Any, ...]], Any]) -> None:
        self.index, self.place, self.function = None, place, function

    def __call__(self, g: Any, ends: dict[Any, Any]) -> Any:
        gs = g if type(g) is list else [g]
        shown = tuple(_shown(one, self.place) for one in gs)
        replaced = _replaced(self.function(shown), shown)
        out = [_like(one, new) for one, new in zip(gs, replaced, strict=True)]
        return out if type(g) is list else out[0]


class MultiHook(Hook):
    """One function for the gradients of several tensors: of all at the end of the walk, or of the first to come."""

    __slots__ = ("gather", "place", "position")

    def __init__(self, gather: Gather, position: int, index: int, place: Any) -> None:
        self.gather, self.position, self.index, self.place = gather, position, index, place

    def __call__(self, g: Any, ends: dict[Any, Any]) -> Any:
        self.gather.take(self.position, _shown(g, self.place), ends)
        return g


AFTERWARDS = object()
"""The key, among the ends of a walk, of the functions to be called when all its gradients are there."""


class Gather:
    """What the hooks on several tensors have in common, for each walk anew."""

    def __init__(self, function: Callable[[Any], Any], n: int, first: bool) -> None:
        self.function, self.n, self.first = function, n, first
        self._here = threading.local()

    def take(self, position: int, g: Any, ends: dict[Any, Any]) -> None:
        """A gradient has come."""
        seen = getattr(self._here, "seen", None)
        if seen is None or self._here.ends is not ends:
            seen = self._here.seen = [None] * self.n
            self._here.ends = ends
            ends.setdefault(AFTERWARDS, []).append(self._finish)
            if self.first:
                self.function(g)
        seen[position] = g

    def _finish(self) -> None:
        seen = self._here.seen
        self._here.seen = self._here.ends = None
        if not self.first:
            self.function(seen)


class AfterNode(Around):
    """The operation of a node with functions of the user's that run after it, and may replace what it gave."""

    __slots__ = ("hooks",)

    def __init__(self, op: Any) -> None:
        super().__init__(op)
        self.hooks: list[Callable[[tuple[Any, ...], tuple[Any, ...]], Any]] = []

    def around(self, node: OpNode, g: Any, run: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        if not self.hooks:
            return run()
        saved = node.saved
        # each in a cell of its own, so that an input that is there twice has two cotangents
        node.saved = tuple([cell[0]] if type(cell) is list else cell for cell in saved or ())
        try:
            gs = run()
        finally:
            node.saved = saved
        given = tuple(_shown(one, node.place) for one in (g if type(g) is list else [g]))
        for hook in tuple(self.hooks):
            edges = self.edges_of(node)
            wanted = [i for i, edge in enumerate(edges) if edge is not None]
            short = len(gs) != len(edges)  # a node of the short road has cotangents for the wanted inputs alone
            at = list(range(len(gs))) if short else wanted
            inputs: list[Any] = [None] * len(edges)
            for i, k in zip(wanted, at, strict=True):
                g_in = gs[k]
                inputs[i] = _shown(g_in.add_to(None, owned=False) if hasattr(g_in, "add_to") else g_in, node.place)
            shown = tuple(inputs)
            replaced = _replaced(hook(shown, given), shown)
            changed = list(gs)
            for i, k in zip(wanted, at, strict=True):
                if replaced[i] is not shown[i]:
                    changed[k] = _like(given[0] if isinstance(g, Value) else gs[k], replaced[i])
            gs = type(gs)(changed) if isinstance(gs, tuple) else changed
        return gs


def _shown(g: Any, place: Any) -> Any:
    """A cotangent as the user sees it."""
    return g if g is None or isinstance(g, Value) else make(g, place)


def _like(g: Any, result: Any) -> Any:
    """A gradient of the user's as the walk that brought ``g`` carries it on."""
    return result if result is None or isinstance(g, Value) else result._data


def _fitting(result: Any, given: Any) -> Any:
    """What a hook returned, if it can stand for ``given``."""
    if result is None:
        return given
    if not isinstance(result, Value) or (given is not None and result._data.shape != given._data.shape):
        shape = None if given is None else list(given._data.shape)
        raise RuntimeError(f"a hook must return None or a tensor of the gradient's shape {shape}, got {result!r}")
    if given is not None:
        ours, theirs = [(x._dtype, x._place.device) for x in (given, result)]
        if ours != theirs:
            raise RuntimeError(
                f"a hook must return None or a tensor of the gradient's dtype {ours[0]!r} on its device {ours[1]}, got "
                f"one of {theirs[0]!r} on {theirs[1]}"
            )
    return result


def _replaced(result: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the hook of a node returned for the gradients ``given``: one of them for each."""
    if result is None:
        return given
    results = tuple(result) if isinstance(result, list | tuple) else (result,)
    if len(results) != len(given):
        raise RuntimeError(f"the hook of a node must return None or {len(given)} gradients, got {len(results)}")
    return tuple(_fitting(new, old) for new, old in zip(results, given, strict=True))


class RemovableHandle:
    """Takes a hook away again: ``handle.remove()``, or at the end of a ``with`` block.

    References
    ----------
    ``torch.utils.hooks.RemovableHandle``.
    """

    _next_id = itertools.count()

    def __init__(self, *registered: tuple[list[Any], Any]) -> None:
        self.id = next(self._next_id)
        self._registered = registered

    def remove(self) -> None:
        """Take the hook away; nothing if it is gone already."""
        for hooks, hook in self._registered:
            if hook in hooks:
                hooks.remove(hook)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


class GradientEdge(NamedTuple):
    """Where a gradient flows to: a node, and one of its outputs. Stands for a tensor in ``grad`` and ``backward``.

    Made by :func:`get_gradient_edge`. ``like`` is a tensor at this place of the graph that has a shape and no memory.

    References
    ----------
    ``torch.autograd.graph.GradientEdge``.
    """

    node: Any
    output_nr: int
    like: Any


def place_in_graph(x: Value) -> tuple[Node, int] | None:
    """The node that made ``x`` and which of its outputs ``x`` is; None for a leaf."""
    node = x._node
    if isinstance(node, Slot):
        return node.node, node.index
    return (node, 0) if isinstance(node, Node) else None


def hooks_of(x: Value) -> tuple[list[Hook], int]:
    """The list for hooks on the gradient of ``x``, and which output of its node ``x`` is."""
    where = place_in_graph(x)
    if where is None:
        meta = meta_of(x)
        if meta.hooks is None:
            meta.hooks = []
        return meta.hooks, 0
    node, index = where
    if node.hooks is None:
        node.hooks = []
    return node.hooks, index


def registered(hook: Hook, hooks: list[Hook]) -> RemovableHandle:
    """Put ``hook`` among ``hooks``; the handle that takes it out."""
    hook.add_to(hooks)
    return RemovableHandle((hooks, hook))


def register_hook(x: Value, function: Callable[[Any], Any]) -> RemovableHandle:
    """Call ``function`` with the gradient of ``x`` whenever one is computed; it may return another.

    Raises
    ------
    RuntimeError
        If ``x`` requires no gradient.

    References
    ----------
    ``torch.Tensor.register_hook``.
    """
    if x._node is None:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    hooks, index = hooks_of(x)
    return registered(UserHook(index, x._place, function), hooks)


class AfterAccumulation(Hook):
    """A function of the user's that is called with a leaf once its ``grad`` has changed."""

    __slots__ = ("function",)
    rank = 3

    def __init__(self, function: Callable[..., Any]) -> None:
        self.index, self.function = 0, function

    def after(self, x: Value, g: Any) -> None:
        """``g`` has been added to ``x.grad``."""
        self.function(x)


class AfterLeaf(AfterAccumulation):
    """The same as hooks after a node see it: gradients of no inputs, and that of the output."""

    __slots__ = ()
    rank = 4

    def after(self, x: Value, g: Any) -> None:
        self.function((), (g,))


def register_post_accumulate_grad_hook(x: Value, function: Callable[[Any], None]) -> RemovableHandle:
    """Call ``function`` with the leaf ``x`` whenever ``backward`` has added to its ``grad``.

    It is called when the walk is over and all gradients have been added; what it returns is ignored.

    Raises
    ------
    RuntimeError
        If ``x`` is no leaf that requires a gradient.

    References
    ----------
    ``torch.Tensor.register_post_accumulate_grad_hook``.
    """
    if x._node is None:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if x._node is not LEAF:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return registered(AfterAccumulation(function), hooks_of(x)[0])


def retain_grad(x: Value) -> None:
    """Keep the gradient of ``x`` in ``x.grad`` also where ``x`` is no leaf. Nothing for a leaf.

    After a write to ``x`` in place it is the gradient of what ``x`` then is.

    Raises
    ------
    RuntimeError
        If ``x`` requires no gradient.

    References
    ----------
    ``torch.Tensor.retain_grad``.
    """
    if x._node is None:
        raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
    if place_in_graph(x) is None or meta_of(x).retains is not None:
        return
    meta_of(x).retains = Retain(x)
