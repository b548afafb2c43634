"""Modes of recording, as context managers and decorators. Per thread and per async task.

Knows the state, and who looks on. Must not know tensors.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from gradarray import _state, _watch

_F = TypeVar("_F", bound=Callable[..., Any])
_is_enabled, _set_enabled = _state.grad_enabled.get, _state.grad_enabled.set


class _Mode:
    """Sets a mode while entered, or, as a decorator, while the function runs. Nests, and may be entered again.

    A generator runs in the mode from each time it is resumed until it yields; a coroutine, until it is done, in its
    task alone. Of a class the constructor runs in the mode.
    """

    _enabled: bool
    _before: Any = None
    """What held before the mode was entered, and what this said then."""

    def __enter__(self) -> None:
        self._before = (_is_enabled(), self._before)
        _set_enabled(self._enabled and not _watch.inference.get())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        enabled, self._before = self._before
        _set_enabled(enabled)

    def _clone(self) -> _Mode:
        return type(self)()

    def __call__(self, function: _F) -> _F:
        run: _F = decorated(function, self._clone)
        return run


def decorated(function: Any, mode: Callable[[], Any]) -> Any:
    """``function`` (also of a generator or coroutine, or a class), run in a new ``mode()``."""
    if inspect.isclass(function):
        type.__setattr__(function, "__init__", decorated(function.__init__, mode))
        return function
    if inspect.isasyncgenfunction(function):
        run: Any = _async_generator(function, mode)
    elif inspect.isgeneratorfunction(function):
        run = _generator(function, mode)
    elif inspect.iscoroutinefunction(function):

        async def run(*args: Any, **kwargs: Any) -> Any:
            with mode():
                return await function(*args, **kwargs)

    else:

        def run(*args: Any, **kwargs: Any) -> Any:
            with mode():
                return function(*args, **kwargs)

    return functools.wraps(function)(run)


def _generator(function: Callable[..., Any], mode: Callable[[], Any]) -> Any:
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        generator = function(*args, **kwargs)
        resume: Callable[[], Any] = functools.partial(next, generator)
        try:
            while True:
                with mode():
                    value = resume()
                try:
                    resume = functools.partial(generator.send, (yield value))
                except GeneratorExit:
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)
        except StopIteration as done:
            return done.value
        finally:
            with mode():
                generator.close()

    return run


def _async_generator(function: Callable[..., Any], mode: Callable[[], Any]) -> Any:
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        generator = function(*args, **kwargs)
        resume: Callable[[], Any] = generator.__anext__
        try:
            while True:
                with mode():
                    value = await resume()
                try:
                    resume = functools.partial(generator.asend, (yield value))
                except GeneratorExit:
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.athrow, error)
        except StopAsyncIteration:
            return
        finally:
            with mode():
                await generator.aclose()

    return run


class _Bare(_Mode):
    """One that as a decorator may stand without parentheses."""

    @overload
    def __new__(cls, function: None = None) -> Self: ...
    @overload
    def __new__(cls, function: _F) -> _F: ...  # type: ignore[misc] # of no instance
    def __new__(cls, function: Any = None) -> Any:
        mode = object.__new__(cls)
        return mode if function is None else mode(function)


class no_grad(_Bare):
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


class enable_grad(_Bare):
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
        self._enabled = bool(mode)
        self._at_once: bool | None = _is_enabled()
        _set_enabled(self._enabled and not _watch.inference.get())

    def __enter__(self) -> None:
        super().__enter__()
        if self._at_once is not None:  # what held before the switch is what comes back
            self._before, self._at_once = (self._at_once, self._before[1]), None

    def _clone(self) -> _Mode:
        return set_grad_enabled(self._enabled)

    def __call__(self, function: _F) -> _F:
        if self._at_once is not None:
            _set_enabled(self._at_once)
            self._at_once = None
        return super().__call__(function)


def is_grad_enabled() -> bool:
    """Whether operations are recorded here and now.

    References
    ----------
    ``torch.is_grad_enabled``.
    """
    return _is_enabled()


class inference_mode(_Mode):
    """Record nothing, and make tensors that never can be recorded.

    These inference tensors count no writes and cannot be saved for a derivative or, outside of the mode, be written
    to or require a gradient. It is no faster than :class:`no_grad` here; its use is that a mistake is an error.

    Parameters
    ----------
    mode : bool
        False switches the mode off, and recording on, inside of it.

    References
    ----------
    ``torch.inference_mode``.

    Examples
    --------
    >>> import gradarray as ga
    >>> with ga.inference_mode():
    ...     x = ga.ones(2)
    >>> x.is_inference(), x.clone().is_inference()
    (True, False)
    """

    def __new__(cls, mode: Any = True) -> Any:
        made = super().__new__(cls)
        if isinstance(mode, bool):
            return made
        made.__init__()  # type: ignore[misc] # @inference_mode without parentheses
        return made(mode)

    def __init__(self, mode: bool = True) -> None:
        self._enabled = not mode
        self._outer: list[bool] = []

    def __enter__(self) -> None:
        self._outer.append(_watch.inference.get())
        _watch.inference.set(not self._enabled)
        _watch.opened(1)
        super().__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        _watch.opened(-1)
        _watch.inference.set(self._outer.pop())

    def _clone(self) -> _Mode:
        made: _Mode = inference_mode(not self._enabled)
        return made


def is_inference_mode_enabled() -> bool:
    """Whether new tensors are inference tensors here and now.

    References
    ----------
    ``torch.is_inference_mode_enabled``.
    """
    return _watch.inference.get()
