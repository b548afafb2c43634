"""Modes of recording, as context managers and decorators. Per thread and per async task.

Knows the state. Must not know tensors.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from gradarray import _state

_P = ParamSpec("_P")
_R = TypeVar("_R")


class _Mode:
    """Sets grad mode while entered, or, as a decorator, while the function runs. Nests, and may be entered again."""

    _enabled: bool

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(_state.grad_enabled.get())
        _state.grad_enabled.set(self._enabled)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _state.grad_enabled.set(self._before.pop())

    def _clone(self) -> _Mode:
        return type(self)()

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(function)
        def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with self._clone():
                return function(*args, **kwargs)

        return run


class _Decorator(type):
    """Lets ``@no_grad`` stand without parentheses."""

    def __call__(cls, *args: Any) -> Any:
        mode = super().__call__()
        return mode(args[0]) if args else mode


class no_grad(_Mode, metaclass=_Decorator):
    """Record nothing: results require no gradient, and leaves may be changed in place.

    References
    ----------
    ``torch.no_grad``.

    Examples
    --------
    >>> import gradarray as ga
    >>> x = ga.ones(2, requires_grad=True)
    >>> with ga.no_grad():
    ...     print((x**2).requires_grad)
    False
    """

    _enabled = False


class enable_grad(_Mode, metaclass=_Decorator):
    """Record again, inside of :class:`no_grad`.

    References
    ----------
    ``torch.enable_grad``.
    """

    _enabled = True


class set_grad_enabled(_Mode):
    """Switch recording on or off: at once, and back at the end if used as a context manager or decorator.

    Parameters
    ----------
    mode : bool

    References
    ----------
    ``torch.set_grad_enabled``.
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self._enabled = bool(mode)
        self._at_once: bool | None = _state.grad_enabled.get()
        _state.grad_enabled.set(self._enabled)

    def __enter__(self) -> None:
        super().__enter__()
        if self._at_once is not None:  # what held before the switch is what comes back
            self._before[-1], self._at_once = self._at_once, None

    def _clone(self) -> _Mode:
        return set_grad_enabled(self._enabled)

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        if self._at_once is not None:
            _state.grad_enabled.set(self._at_once)
            self._at_once = None
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether operations are recorded here and now.

    References
    ----------
    ``torch.is_grad_enabled``.
    """
    return _state.grad_enabled.get()
