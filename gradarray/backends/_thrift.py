"""The arithmetic of derivative rules on large NumPy arrays: it uses memory again, and leaves out what changes nothing.

Knows NumPy. Must not know what it computes for. Whether somebody else holds a cotangent it is told (``spare``), whether
the array is one to write to it asks itself.

An array that is broadcast along all dimensions, as the gradient of a sum is, holds one number: what is computed of that
is computed once.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from gradarray.backends._contract import Array, Thrift

_refcount: Callable[[object], int] = getattr(sys, "getrefcount", lambda x: sys.maxsize)


class NumpyThrift(Thrift):
    """For NumPy's arrays."""

    least = 40_000

    def product(self, g: Array, p: Array, spare: bool) -> Array:
        return _product(g, p, spare, _refcount(p) <= _TEMPORARY)

    def strong_product(self, g: Array, p: Array, spare: bool) -> Array:
        temporary = _refcount(p) <= _TEMPORARY
        if _is_number(p):
            if np.isfinite(p):
                return _product(g, p, spare, temporary)
        elif _uniform(g) or (spare and _memory(g, p) is not None and _is_finite(p)):
            return _product(g, p, spare, temporary)
        product = np.multiply(g, p, out=_memory(p, g) if temporary else None)
        return np.where(g == 0, product.dtype.type(0), product) if np.isnan(_least(product)) else product

    def negative(self, g: Array, spare: bool) -> Array:
        value = _uniform(g)
        if value is not None:
            return expanded(-value, g.shape)
        return np.negative(g, out=_memory(g, g) if spare else None)

    def sum(self, a: Array, b: Array, spare_a: bool, spare_b: bool) -> Array:
        out = _memory(a, b) if spare_a else None
        return np.add(a, b, out=_memory(b, a) if out is None and spare_b else out)

    def is_writable(self, array: Array) -> bool:
        return _memory(array, array) is array


def _product(g: Array, p: Any, spare: bool, temporary: bool) -> Array:
    value = _uniform(g)
    if value is not None and _is_number(p):
        return expanded(value * p, g.shape)
    if value == 1 and p.shape == g.shape and p.dtype == g.dtype:
        return p if temporary else _read_only(p)
    out = _memory(g, p) if spare else None
    return np.multiply(g, p, out=_memory(p, g) if out is None and temporary else out)


def expanded(value: Any, shape: tuple[int, ...]) -> Array:
    """One number everywhere: ``np.broadcast_to`` of a scalar or a 0-d array, in a third of its time."""
    out = np.ndarray(shape, value.dtype, value, 0, (0,) * len(shape))
    out.flags.writeable = False
    return out


def _read_only(x: Array) -> Array:
    """``x``, which is somebody's value, as an array that no hook can write to."""
    alias = x[...]
    alias.flags.writeable = False
    return alias


def _memory(x: Any, other: Any) -> Array | None:
    """Where ``x``, which nobody holds any longer, may be overwritten by what is computed of it and ``other``."""
    if type(x) is not np.ndarray or not fits(other, x):
        return None
    base = x.base
    if base is None:
        return x if x.flags.owndata and x.flags.writeable else None
    if type(base) is not np.ndarray or _refcount(base) > _SOLE_BASE:
        return None
    if not (base.flags.owndata and base.flags.writeable):
        return None
    if x.flags.writeable:
        return x if x.flags.forc else None
    return base if base.shape == x.shape and base.strides == x.strides else None  # of _read_only


def fits(other: Any, x: Array) -> bool:
    """Whether what is computed of ``x`` and ``other`` is like ``x``."""
    if not isinstance(other, np.ndarray | np.generic):
        return isinstance(other, int | float)
    return other.dtype == x.dtype and (other.ndim == 0 or other.shape == x.shape)


def _is_number(p: Any) -> bool:
    return not isinstance(p, np.ndarray) or p.ndim == 0


def _is_finite(p: Array) -> bool:
    """Whether there is neither inf nor nan in ``p``; False may be said where there is not, if squares are too large."""
    if p.dtype.char in "fd" and p.flags.forc:
        every = p.ravel(order="K")
        return math.isfinite(np.dot(every, every))  # takes half the time of both bounds
    return bool(np.maximum.reduce(p, axis=None) < np.inf and np.minimum.reduce(p, axis=None) > -np.inf)


def _least(p: Array) -> Any:
    return np.minimum.reduce(p, axis=None)


def _uniform(x: Array) -> Any:
    """The number that ``x`` holds everywhere, known by its strides; None where it may hold several."""
    return None if any(x.strides) else x[(0,) * x.ndim]


# -- how often an object is held that nobody else holds, which differs between interpreters ----------------------------


class _Counting(NumpyThrift):
    def product(self, g: Array, p: Array, spare: bool) -> Any:
        return _refcount(p)


def _temporary() -> int:
    """What :meth:`NumpyThrift.product` counts for what an expression of a rule gives."""
    scope: dict[str, Any] = {"thrift": _Counting(), "rule": object}
    exec("def vjp(g): return (thrift.product(g, rule(), False),)", scope)  # as rules are compiled
    (count,) = scope["vjp"](None)
    scope.clear()  # which holds the function that holds it
    return int(count)


def _sole_base() -> int:
    """What :func:`_memory` counts for the base of an array that alone holds it."""
    alias = np.empty(1)[...]
    base = alias.base
    return _refcount(base)


_HAS_COUNTS = hasattr(sys, "getrefcount")
_TEMPORARY = _temporary() if _HAS_COUNTS else -1
_SOLE_BASE = _sole_base() if _HAS_COUNTS else -1
