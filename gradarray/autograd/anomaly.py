"""Anomaly mode: which line of the forward pass made what gave nan, or raised, in the walk.

Knows nodes, who looks on, stacks. Must not know operations.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

from gradarray import _watch
from gradarray._engine import Deferred, Node
from gradarray._nodes import OpNode
from gradarray._place import Place
from gradarray._storage import Value
from gradarray.autograd.stacks import stack


class AnomalyError(RuntimeError):
    """A node of the walk gave nan."""


class _Made:
    """Where a node was made: the stack, and, for what a recorded walk made, the node that was walked."""

    __slots__ = ("parent", "stack")

    def __init__(self, parent: _Made | None) -> None:
        self.stack, self.parent = stack(), parent


_made: weakref.WeakKeyDictionary[Node, _Made] = weakref.WeakKeyDictionary()
_walked: ContextVar[_Made | None] = ContextVar("gradarray.walked", default=None)


class _Detector(_watch.Watcher):
    """Remembers the stack of every new node, and looks for nan in what nodes give."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan
        self.first: str | None = None  # where the forward pass first made a nan of what had none

    def ran(self, name: str, place: Place, kernel: Callable[..., Any], *inputs: Any, **params: Any) -> Any:
        out = kernel(*inputs, **params)
        if self.check_nan and self.first is None and _any_nan(out, place) and not _any_nan(inputs, place):
            lines = "".join(stack().format())
            self.first = f"The first nan of the forward pass came out of {name}, which was called here:\n{lines}"
        return out

    def recorded(self, node: Node) -> None:
        _made[node] = _Made(_walked.get())

    def pulled(self, node: Node, g: Any, run: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        assert isinstance(node, OpNode)
        made = _made.get(node)
        token = _walked.set(made)
        try:
            gs = run()
            if self.check_nan:
                for i, one in enumerate(gs):
                    if _any_nan(one, node.place):
                        raise AnomalyError(f"Function {node.name()!r} returned nan values in its {i}th output.")
        except Exception as error:
            if not any("in the forward pass" in note for note in getattr(error, "__notes__", ())):
                error.add_note(_note(node, made))
                if self.first is not None:
                    error.add_note(self.first.rstrip())
            raise
        finally:
            _walked.reset(token)
        return gs


def _any_nan(x: Any, place: Place) -> bool:
    """Whether there is a nan in an array, a tensor or several of them."""
    if isinstance(x, list | tuple):
        return any(_any_nan(one, place) for one in x)
    if isinstance(x, Deferred):
        x = x.add_to(None, owned=False)
    if isinstance(x, Value):
        x, place = x._data, x._place
    if place.level is not None:  # inside of a transform there is no one value to look at
        return False
    if not hasattr(x, "dtype"):
        return isinstance(x, float) and x != x
    return place.dtype(x).kind in "fc" and bool(place.xp.any(place.xp.isnan(x)))


def _note(node: OpNode, made: _Made | None) -> str:
    """Where ``node`` comes from, to be read under the traceback of the walk."""
    if made is None:
        return (
            f"{node.name()} was made in the forward pass outside of anomaly mode, so where is not known; enable it "
            "there as well."
        )
    text = f"{node.name()} was made in the forward pass here:\n{''.join(made.stack.format())}"
    while (made := made.parent) is not None:
        text += f"which was the walk through what was made in the forward pass here:\n{''.join(made.stack.format())}"
    return text.rstrip()


class set_detect_anomaly:
    """Switch anomaly mode on or off: at once, and back at the end if used as a context manager.

    In anomaly mode each node remembers the line that made it. Where a node gives nan, or raises, the error of the walk
    has a note with that line and how it was reached. It slows everything down: it is for debugging.

    Parameters
    ----------
    mode : bool
    check_nan : bool
        Raise where a node gives nan; else only errors are explained.

    References
    ----------
    ``torch.autograd.set_detect_anomaly``.
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = _watch.watchers.get()
        others = tuple(w for w in self._before if not isinstance(w, _Detector))
        after = (*others, _Detector(check_nan)) if mode else others
        self._change = len(after) - len(self._before)
        _watch.opened(self._change)
        _watch.watchers.set(after)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _watch.watchers.set(self._before)
        _watch.opened(-self._change)


class detect_anomaly:
    """Anomaly mode while entered; see :class:`set_detect_anomaly`.

    Parameters
    ----------
    check_nan : bool
        Raise where a node gives nan; else only errors are explained.

    Raises
    ------
    AnomalyError
        In the walk: where a node gives nan. It is a RuntimeError.

    References
    ----------
    ``torch.autograd.detect_anomaly``.

    Examples
    --------
    >>> import gradarray as ga
    >>> with ga.autograd.detect_anomaly():
    ...     x = ga.tensor([0.0], requires_grad=True)
    ...     y = (x.sin() / x.abs()).sum()
    ...     try:
    ...         y.backward()
    ...     except RuntimeError as error:
    ...         print(error)
    Function 'DivBackward0' returned nan values in its 1th output.
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        self._entered: list[Token[Any]] = []

    def __enter__(self) -> None:
        self._entered.append(_watch.enter(_Detector(self._check_nan)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _watch.leave(self._entered.pop())


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on here and now. ``torch.is_anomaly_enabled``."""
    return any(isinstance(w, _Detector) for w in _watch.watchers.get())


def is_anomaly_check_nan_enabled() -> bool:
    """Whether nodes are looked at for nan here and now. ``torch.is_anomaly_check_nan_enabled``."""
    return any(isinstance(w, _Detector) and w.check_nan for w in _watch.watchers.get())
