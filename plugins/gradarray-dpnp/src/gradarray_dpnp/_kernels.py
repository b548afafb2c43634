"""Functions of dpnp under the standard's names, mended.

Knows dpnp. Must not know gradarray. Operands are of one dtype already, but for Python numbers. Each function says where
dpnp 0.20 strays from the standard, or where its host would wait for the device.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any

import dpnp
import numpy as np

from gradarray_dpnp._array import dense, number, operand, own, owning, select, taking_numbers
from gradarray_dpnp._indexing import check_writable

Array = Any

BINARY = (
    "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal "
    "floor_divide greater greater_equal hypot less less_equal logaddexp maximum minimum multiply nextafter not_equal "
    "pow remainder subtract"
).split()
"""Functions that take Python numbers beside arrays."""
ONEMKL = {
    "": "matmul",
    "linalg.": "cholesky det eigh eigvalsh inv pinv qr slogdet solve svd svdvals vector_norm",
}
"""Functions that take no array that is broadcast as it is."""


def strong_multiply(g: Array, p: Any) -> Array:
    """``g * p`` where a zero in ``g`` beats an inf or nan in ``p``."""
    product = g * p
    return select(g == 0, number(0, product), product)


def where(condition: Any, x1: Any, x2: Any) -> Array:
    """dpnp's takes no Python bool for the condition."""
    like = x1 if isinstance(x1, dpnp.ndarray) else x2
    if isinstance(condition, bool):
        condition = dpnp.full((), condition, device=like.sycl_queue)
    return select(condition, operand(x1, like), operand(x2, like))


def full_like(x: Array, value: Any, **params: Any) -> Array:
    """dpnp's copies ``value`` from the host."""
    return dpnp.full(x.shape, value, dtype=params.get("dtype", x.dtype), device=x.sycl_queue)


def pow_number(x: Array, n: float) -> Array:
    """dpnp knows a square only by a Python number, which it copies from the host all the same."""
    return dpnp.square(x) if n == 2 else x**n


def acosh(x: Array) -> Array:
    """dpnp's gives nan for the angle at nan·j, which is π/2."""
    out = dpnp.acosh(x)
    if x.dtype.kind != "c":
        return out
    wrong = (dpnp.real(x) == number(0, dpnp.real(x))) & dpnp.isnan(dpnp.imag(x))
    return select(wrong, number(complex(math.nan, math.pi / 2), x), out)


def _fft(name: str) -> Callable[..., Array]:
    """dpnp's fails where there are no elements; NumPy's says of what shape and dtype nothing is then.

    Its ``irfft`` writes to its input where ``n`` takes only a part of it.
    """

    def run(x: Array, **params: Any) -> Array:
        if x.size:
            return function(x.copy() if name == "irfft" else x, **params)
        like = getattr(np.fft, name)(np.empty(x.shape, x.dtype), **params)
        return own(dpnp.zeros(like.shape, dtype=like.dtype, device=x.sycl_queue))

    function = dense(getattr(dpnp.fft, name))
    return run


def view(x: Array, *, shape: Sequence[int]) -> Array:
    """ValueError where a copy is needed."""
    return dpnp.reshape(x, shape, copy=False)


KERNELS: dict[str, Callable[..., Any]] = {
    **{name: taking_numbers(getattr(dpnp, name)) for name in BINARY},
    **{
        family + name: dense(attrgetter(family + name)(dpnp))
        for family, names in ONEMKL.items()
        for name in names.split()
    },
    **{f"fft.{name}": _fft(name) for name in ("fftn", "ifftn", "irfft", "rfft")},
    **{
        name: owning(function)
        for name, function in {
            "acosh": acosh,
            "clone": dpnp.copy,
            # dpnp's are views of their input, or the input itself
            "flip": lambda x, *, axis=None: dpnp.flip(x, axis).copy(),
            "full_like": full_like,
            "imag": lambda x: dpnp.imag(x).copy(),
            "pow_number": pow_number,
            "real": lambda x: dpnp.real(x).copy(),
            "strong_multiply": strong_multiply,
            "view": view,
            "where": where,
        }.items()
    },
}


def asarray(queue: Any) -> Callable[..., Array]:
    """dpnp's copies Python numbers from the host. What it makes lies on ``queue``."""

    def run(obj: Any, *, dtype: Any = None, copy: bool | None = None) -> Array:
        if isinstance(obj, bool | int | float | complex) and copy is not False:
            return own(dpnp.full((), obj, dtype=dtype, device=queue))
        return own(dpnp.asarray(obj, dtype=dtype, copy=copy, device=queue))

    return run


def _in_place(function: Callable[[Array, Any], Array]) -> Callable[[Array, Any], Array]:
    """dpnp's writes to what is broadcast."""

    def run(x: Array, y: Any) -> Array:
        check_writable(x)
        return function(x, y)

    return run


IN_PLACE: dict[str, Callable[[Array, Any], object]] = {
    "add": _in_place(operator.iadd),
    "divide": _in_place(operator.itruediv),
    "multiply": _in_place(operator.imul),
    "subtract": _in_place(operator.isub),
}
