"""``softmax``, its logarithm, and the logarithm of a sum of exponentials: ``torch.softmax`` and its kin.

What is exponentiated is taken relative to the largest, so that nothing overflows.
"""

from __future__ import annotations

import math
from typing import Any

from gradarray._primitive import primitive
from gradarray.ops._helpers import Axis, axes_of, count, real, unreduce


def _shifted(xp: Any, x: Any, axis: int) -> Any:
    return x - xp.max(x, axis=axis, keepdims=True) if x.shape[axis] else xp.asarray(x, copy=True)


def _softmax(xp: Any, x: Any, *, axis: int) -> Any:
    raised = xp.exp(_shifted(xp, x, axis))
    return raised / xp.sum(raised, axis=axis, keepdims=True)


def _softmax_derivative(xp: Any, t: Any, out: Any, axis: int) -> Any:
    """Its own transpose: diag(p) - p pᵀ is symmetric."""
    moved = out * t
    return moved - out * xp.sum(moved, axis=axis, keepdims=True)


primitive(
    "softmax",
    vjp=lambda xp, g, out, axis: _softmax_derivative(xp, g, out, axis),
    jvp=_softmax_derivative,
    forward=_softmax,
    accepts="floating",
    batch="axes",
)


def _log_softmax(xp: Any, x: Any, *, axis: int) -> Any:
    shifted = _shifted(xp, x, axis)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True)) if x.shape[axis] else shifted


primitive(
    "log_softmax",
    vjp=lambda xp, g, out, axis: g - xp.exp(out) * xp.sum(g, axis=axis, keepdims=True),
    jvp=lambda xp, t, out, axis: t - xp.sum(xp.exp(out) * t, axis=axis, keepdims=True),
    forward=_log_softmax,
    accepts="floating",
    batch="axes",
)


def _finite(xp: Any, x: Any) -> Any:
    """``x``, and 0 where it is infinite or nan."""
    return xp.where(xp.isfinite(x), x, xp.zeros_like(x))


def _logsumexp(xp: Any, x: Any, *, axis: Axis, keepdims: bool) -> Any:
    if not count(x.shape, axis):
        return xp.full_like(xp.sum(x, axis=axis, keepdims=keepdims), -math.inf)
    largest = xp.max(real(xp, x), axis=axis, keepdims=True)  # imaginary parts stay the logarithm's, from -π to π
    total = xp.sum(xp.exp(x - _finite(xp, largest)), axis=axis, keepdims=True)
    # it is 0 where all is -inf: the largest says so, and the logarithm need not warn
    out = xp.log(xp.where(total == 0, xp.ones_like(total), total)) + largest
    left = tuple(n for i, n in enumerate(x.shape) if i not in axes_of(axis, len(x.shape)))
    return out if keepdims else xp.reshape(out, shape=left)


def _weights(xp: Any, x: Any, out: Any, axis: Axis) -> Any:
    """∂out/∂x, the softmax; where all is -inf, 0."""
    total = unreduce(xp, out, x.shape, axis)
    return xp.exp(x - xp.where(total == -math.inf, xp.zeros_like(total), total))


primitive(
    "logsumexp",
    vjp=lambda xp, g, x, out, axis: unreduce(xp, g, x.shape, axis) * _weights(xp, x, out, axis),
    jvp=lambda xp, t, x, out, axis, keepdims: xp.sum(t * _weights(xp, x, out, axis), axis=axis, keepdims=keepdims),
    forward=_logsumexp,
    accepts="floating",
    defaults={"axis": None, "keepdims": False},
    batch="axes",
)
