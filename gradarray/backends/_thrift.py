"""The arithmetic of derivative rules on large NumPy arrays, which uses memory again and leaves out what changes nothing.

Knows NumPy. Must not know what it computes for. Whether somebody else holds a cotangent it is told (``spare``), whether
the array is one to write to it asks itself.

An array that is broadcast along all dimensions, as the gradient of a sum is, holds one number: what is computed of it is
computed once.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from gradarray.backends._contract import Array, Thrift

_refcount: Callable[[object], int] = getattr(sys, "getrefcount", lambda x: sys.maxsize)


class NumpyThrift(Thrift):
    """For NumPy's arrays. With fewer than ten thousand elements finding out takes longer than it saves."""

    size = 10_000

    def product(self, g: Array, p: Array, spare: bool) -> Array:
        return _product(g, p, spare, _refcount(p) <= _TEMPORARY)

    def strong_product(self, g: Array, p: Array, spare: bool) -> Array:
        temporary = _refcount(p) <= _TEMPORARY
        if _is_finite(p) if _is_number(p) else _uniform(g) or (spare and _is_finite(p)):
            return _product(g, p, spare, temporary)
        product = np.multiply(g, p, out=p) if temporary and _is_writable(p, like=g) else g * p
        if np.isnan(np.minimum.reduce(product, axis=None)):
            return np.where(g == 0, product.dtype.type(0), product)
        return product

    def negative(self, g: Array, spare: bool) -> Array:
        value = _uniform(g)
        if value is not None:
            return np.broadcast_to(-value, g.shape)
        return np.negative(g, out=g) if spare and _is_writable(g) else -g

    def sum(self, a: Array, b: Array, spare_a: bool, spare_b: bool) -> Array:
        if spare_a and _is_writable(a, like=b):
            return np.add(a, b, out=a)
        return np.add(a, b, out=b) if spare_b and _is_writable(b, like=a) else a + b

    def is_writable(self, array: Array) -> bool:
        return _is_writable(array)


def _product(g: Array, p: Any, spare: bool, temporary: bool) -> Array:
    value = _uniform(g)
    if value == 1 and type(p) is np.ndarray and p.shape == g.shape and p.dtype == g.dtype:
        if temporary:
            return p
        alias = p[...]
        alias.flags.writeable = False  # it is somebody's value, and no hook may write to it
        return alias
    if value is not None and _is_number(p):
        return np.broadcast_to(value * p, g.shape)
    if spare and _is_writable(g, like=p):
        return np.multiply(g, p, out=g)
    return np.multiply(g, p, out=p) if temporary and _is_writable(p, like=g) else g * p


def _is_writable(x: Any, like: Any = 0) -> bool:
    """Whether ``x`` is an array of its own, and what is computed of it and ``like`` fits into it."""
    if type(x) is not np.ndarray or x.base is not None or not (x.flags.owndata and x.flags.writeable):
        return False
    if not isinstance(like, np.ndarray | np.generic):
        return isinstance(like, int | float)
    return like.dtype == x.dtype and (like.ndim == 0 or like.shape == x.shape)


def _is_number(p: Any) -> bool:
    return not isinstance(p, np.ndarray) or p.ndim == 0


def _is_finite(p: Any) -> bool:
    """Whether there is neither inf nor nan in ``p``: both show in its extremes."""
    if _is_number(p):
        return bool(np.isfinite(p))
    return bool(np.isfinite(np.minimum.reduce(p, axis=None)) and np.isfinite(np.maximum.reduce(p, axis=None)))


def _uniform(x: Array) -> Any:
    """The number that ``x`` holds everywhere, known by its strides; None where it may hold several."""
    return None if any(x.strides) else x[(0,) * x.ndim]


class _Counting(NumpyThrift):
    def product(self, g: Array, p: Array, spare: bool) -> Any:
        return _refcount(p)


def _temporary() -> int:
    """How often what an expression of a rule gives is held, as :meth:`NumpyThrift.product` sees it."""
    thrift, rule = _Counting(), object
    scope: dict[str, Any] = {"thrift": thrift, "rule": rule}
    exec("def vjp(g): return (thrift.product(g, rule(), False),)", scope)  # as rules are compiled
    (count,) = scope["vjp"](None)
    return count if hasattr(sys, "getrefcount") else -1


_TEMPORARY = _temporary()
