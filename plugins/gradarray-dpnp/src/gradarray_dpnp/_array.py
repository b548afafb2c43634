"""dpnp's array, whose host does not wait for the device where a Python number comes in.

Knows dpnp. Must not know gradarray. dpnp copies each Python number to the device as it copies an array, which waits for
all that is queued there. Here a number becomes a 0-d array that the device fills in itself, of the dtype of the array
that it is computed with.

On a CPU no more than ``IN_FLIGHT`` results are left to be computed in the background. Each has a task that lets go of
its inputs, for which it takes a thread and Python's lock, and dpnp waits for other tasks with that lock held
(dpnp#2850, dpctl#1954): were there more of them than threads, nothing would ever go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dpnp

Array = Any

WEAK = {int: "iufc", float: "fc", complex: "c"}
"""The kinds of dtypes that a Python number takes on. For others dpnp knows what to do."""
LIMIT = 256
IN_FLIGHT = 16
_numbers: dict[tuple[str, Any, Any], Array] = {}
_flying = 0


def operand(value: Any, like: Array) -> Any:
    """``value``, if it is a Python number, as a 0-d array of the dtype and on the queue of ``like``."""
    kinds = WEAK.get(type(value))
    return value if kinds is None or like.dtype.kind not in kinds else number(value, like)


def number(value: Any, like: Array) -> Array:
    """A 0-d array of the Python number ``value``, kept for the next time: nobody writes to it."""
    key = repr(value), like.dtype, like.sycl_queue  # -0.0 is not 0.0, nor nan itself
    found = _numbers.get(key)
    if found is None:
        if len(_numbers) >= LIMIT:
            _numbers.clear()
        found = _numbers[key] = own(dpnp.full((), value, dtype=like.dtype, device=like.sycl_queue))
    return found


def own(out: Any) -> Any:
    """``out``, fresh from dpnp: its arrays are of our class from here on."""
    global _flying
    if type(out) is dpnp.ndarray:
        out.__class__ = SyclArray
        _flying += 1
        if _flying >= IN_FLIGHT and out.sycl_device.is_cpu:
            out.sycl_queue.wait()
            _flying = 0
    elif isinstance(out, tuple | list):
        for part in out:
            own(part)
    return out


def owning(function: Callable[..., Any]) -> Callable[..., Any]:
    """dpnp's function, with arrays of our class coming out."""
    return lambda *args, **params: own(function(*args, **params))


def dense(function: Callable[..., Any]) -> Callable[..., Any]:
    """dpnp's function, with what is broadcast copied first.

    What oneMKL computes fails for it ("not c-contiguous nor f-contiguous"), or worse: ``fft.rfft`` gives wrong numbers.
    """
    return lambda *xs, **params: own(function(*[x.copy() if 0 in x.strides else x for x in xs], **params))


def select(condition: Any, x1: Any, x2: Any) -> Any:
    """``dpnp.where``, which reads other memory than it is given where an array is reversed: copied first."""
    return dpnp.where(*[x.copy(order="C") if any(step < 0 for step in x.strides) else x for x in (condition, x1, x2)])


def taking_numbers(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The same of two arguments, of which one may be a Python number."""

    def run(x1: Any, x2: Any) -> Any:
        if not isinstance(x2, dpnp.ndarray):
            x2 = operand(x2, x1)
        elif not isinstance(x1, dpnp.ndarray):
            x1 = operand(x1, x2)
        return own(function(x1, x2))

    return run


class SyclArray(dpnp.ndarray):  # type: ignore[misc] # dpnp has no types
    """dpnp's array with operators of its own; in all else dpnp's."""

    __slots__ = ()
    __matmul__ = dense(dpnp.matmul)


def _operator(name: str) -> Callable[..., Any]:
    plain = getattr(dpnp.ndarray, name)

    def run(self: Array, *others: Any) -> Any:
        return own(plain(self, *[operand(other, self) for other in others]))

    return run


NUMERIC = "add sub mul truediv floordiv mod pow".split()
OPERATORS = [
    *(f"__{prefix}{name}__" for name in NUMERIC for prefix in ("", "r", "i")),
    *(f"__{name}__" for name in "eq ne lt le gt ge neg pos abs".split()),
]
for _name in OPERATORS:
    setattr(SyclArray, _name, _operator(_name))
