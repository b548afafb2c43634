"""Functions of dpnp under the standard's names, mended.

Knows dpnp. Must not know gradarray. Operands are of one dtype already, but for Python numbers. Each function says where
dpnp 0.20 strays from the standard. None waits for the device.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import dpnp

from gradarray_dpnp._indexing import check_writable

Array = Any


def strong_multiply(g: Array, p: Any) -> Array:
    """``g * p`` where a zero in ``g`` beats an inf or nan in ``p``."""
    product = g * p
    return dpnp.where(g == 0, dpnp.zeros_like(product), product)


def where(condition: Any, x1: Any, x2: Any) -> Array:
    """dpnp's takes no Python bool for the condition."""
    if isinstance(condition, bool):
        like = x1 if isinstance(x1, dpnp.ndarray) else x2
        condition = dpnp.asarray(condition, device=like.sycl_queue)
    return dpnp.where(condition, x1, x2)


def view(x: Array, *, shape: Sequence[int]) -> Array:
    """ValueError where a copy is needed."""
    return dpnp.reshape(x, shape, copy=False)


KERNELS: dict[str, Callable[..., Any]] = {
    "clone": dpnp.copy,
    # dpnp's are views of their input, or the input itself
    "flip": lambda x, *, axis=None: dpnp.flip(x, axis).copy(),
    "imag": lambda x: dpnp.imag(x).copy(),
    "real": lambda x: dpnp.real(x).copy(),
    "strong_multiply": strong_multiply,
    "view": view,
    "where": where,
}


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
