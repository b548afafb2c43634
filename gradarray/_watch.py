"""Who looks on while operations run, are recorded and are walked: nobody, nearly always.

Knows nodes, and where the short road is open. Must not know what any operation means.

While anybody looks on, in any thread, all operations take the general road, which asks :data:`watchers` for those of
its own thread or task. So looking on costs nothing where nobody does.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from typing import Any

from gradarray import _place
from gradarray._engine import Node, pull
from gradarray._place import Place


class Watcher:
    """Looks on. By itself it sees nothing and changes nothing."""

    def ran(self, name: str, place: Place, kernel: Callable[..., Any], *inputs: Any, **params: Any) -> Any:
        """An operation: ``kernel(*inputs, **params)``, an array or several."""
        return kernel(*inputs, **params)

    def recorded(self, node: Node) -> None:
        """A node, new and complete."""

    def pulled(self, node: Node, g: Any, run: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """A node of a walk: ``run()``, the cotangents of its inputs for ``g``."""
        return run()


watchers: ContextVar[tuple[Watcher, ...]] = ContextVar("gradarray.watchers", default=())
inference: ContextVar[bool] = ContextVar("gradarray.inference", default=False)
"""Whether new tensors are inference tensors."""

count = 0
"""How many look on, in the whole process."""

_lock = threading.Lock()


def opened(by: int) -> None:
    """Someone begins (1) or ceases (-1) to look on."""
    global count
    with _lock:
        before, count = count, count + by
        if 0 in (before, count) and before != count:
            _place.open_short_road(count == 0)


def enter(watcher: Watcher) -> Token[tuple[Watcher, ...]]:
    """Let ``watcher`` look on, after those that do already; the token is for :func:`leave`."""
    opened(1)
    return watchers.set((*watchers.get(), watcher))


def leave(token: Token[tuple[Watcher, ...]]) -> None:
    """Undo :func:`enter`."""
    watchers.reset(token)
    opened(-1)


def seen(name: str, place: Place, kernel: Callable[..., Any]) -> Callable[..., Any]:
    """``kernel``, its call seen by all watchers, the latest nearest."""
    for watcher in reversed(watchers.get()):
        kernel = functools.partial(watcher.ran, name, place, kernel)
    return kernel


def recorded(node: Node) -> None:
    """Show ``node`` to all watchers, the latest first."""
    for watcher in reversed(watchers.get()):
        watcher.recorded(node)


def pulled(node: Node, g: Any, taped: bool, strong: bool) -> Sequence[Any]:
    """The pull of ``node``, seen by all watchers; what a walk is given as ``around``."""
    run: Callable[[], Sequence[Any]] = functools.partial(pull, node, g, taped, strong)
    for watcher in reversed(watchers.get()):
        run = functools.partial(watcher.pulled, node, g, run)
    return run()
