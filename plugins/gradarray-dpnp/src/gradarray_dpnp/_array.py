"""dpnp's array, whose host does not wait for the device where a Python number comes in.

Knows dpnp. Must not know gradarray. dpnp copies each Python number to the device as it copies an array, which waits for
all that is queued there. Here a number becomes a 0-d array that the device fills in itself, of the dtype of the array
that it is computed with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dpnp

Array = Any

WEAK = {int: "iufc", float: "fc", complex: "c"}
"""The kinds of dtypes that a Python number takes on. For others dpnp knows what to do."""
LIMIT = 256
_numbers: dict[tuple[str, Any, Any], Array] = {}


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
    if type(out) is dpnp.ndarray:
        out.__class__ = SyclArray
    elif isinstance(out, tuple | list):
        for part in out:
            own(part)
    return out


def owning(function: Callable[..., Any]) -> Callable[..., Any]:
    """dpnp's function, with arrays of our class coming out."""
    return lambda *args, **params: own(function(*args, **params))


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
    """dpnp's array with operators that never wait; in all else dpnp's."""

    __slots__ = ()


def _operator(name: str) -> Callable[..., Any]:
    plain = getattr(dpnp.ndarray, name)

    def run(self: Array, *others: Any) -> Any:
        return own(plain(self, *[operand(other, self) for other in others]))

    return run


NUMERIC = "add sub mul truediv floordiv mod pow".split()
OPERATORS = [
    *(f"__{prefix}{name}__" for name in NUMERIC for prefix in ("", "r", "i")),
    *(f"__{name}__" for name in "eq ne lt le gt ge matmul neg pos abs".split()),
]
for _name in OPERATORS:
    setattr(SyclArray, _name, _operator(_name))
