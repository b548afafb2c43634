"""What looks at cotangents on their way: captures, retained gradients, and functions of the user's.

Knows nodes and values. Must not know operations.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

from gradarray._dispatch import make
from gradarray._engine import Hook, Node, Slot
from gradarray._storage import Value, meta_of


class Capture(Hook):
    """Keeps a copy of what arrives, as the end of ``key``."""

    __slots__ = ("key",)

    def __init__(self, index: int, key: Any) -> None:
        self.index, self.key = index, key

    def __call__(self, g: Any, ends: dict[Any, Any]) -> Any:
        ends[self.key] = g
        return g


class Retain(Hook):
    """Keeps what arrives for the ``grad`` of a tensor that is no leaf. Holds the tensor weakly: it holds the node."""

    __slots__ = ("tensor",)

    def __init__(self, index: int, x: Value) -> None:
        self.index, self.tensor = index, weakref.ref(x)

    def __call__(self, g: Any, ends: dict[Any, Any]) -> Any:
        x = self.tensor()
        if x is not None:
            ends[x] = g
        return g


class UserHook(Hook):
    """A function of the user's: it sees the gradient as a tensor and may return another."""

    __slots__ = ("function", "place")

    def __init__(self, index: int, place: Any, function: Callable[[Any], Any]) -> None:
        self.index, self.place, self.function = index, place, function

    def __call__(self, g: Any, ends: dict[Any, Any]) -> Any:
        taped = isinstance(g, Value)
        given = g if taped else make(g, self.place)
        result = self.function(given)
        if result is None:
            return g
        if not isinstance(result, Value) or result._data.shape != given._data.shape:
            raise RuntimeError(
                f"a hook must return None or a tensor of the gradient's shape {list(given._data.shape)}, got {result!r}"
            )
        return result if taped else result._data


class RemovableHandle:
    """Takes a hook away again: ``handle.remove()``, or at the end of a ``with`` block.

    References
    ----------
    ``torch.utils.hooks.RemovableHandle``.
    """

    _next_id = itertools.count()

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self.id = next(self._next_id)
        self._hooks, self._hook = hooks, hook

    def remove(self) -> None:
        """Take the hook away; nothing if it is gone already."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def place_in_graph(x: Value) -> tuple[Node, int] | None:
    """The node that made ``x`` and which of its outputs ``x`` is; None for a leaf."""
    node = x._node
    if isinstance(node, Slot):
        return node.node, node.index
    return (node, 0) if isinstance(node, Node) else None


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
    where = place_in_graph(x)
    if where is None:
        meta = meta_of(x)
        meta.hooks = meta.hooks or []
        hook = UserHook(0, x._place, function)
        meta.hooks.append(hook)
        return RemovableHandle(meta.hooks, hook)
    node, index = where
    node.hooks = node.hooks or []
    hook = UserHook(index, x._place, function)
    node.hooks.append(hook)
    return RemovableHandle(node.hooks, hook)


def retain_grad(x: Value) -> None:
    """Keep the gradient of ``x`` in ``x.grad`` also where ``x`` is no leaf. Nothing for a leaf.

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
    where = place_in_graph(x)
    if where is None or meta_of(x).retains:
        return
    node, index = where
    node.hooks = node.hooks or []
    node.hooks.append(Retain(index, x))
    meta_of(x).retains = True
