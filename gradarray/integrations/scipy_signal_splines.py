"""Splines of scipy.signal on the tape: coefficients of a signal, and their evaluation.

Knows the public API and SciPy's signatures. The coefficients are those of scipy.ndimage at a border of mode "reflect".
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_ndimage_interpolation import mapped, spline_filter1d, spline_weights
from gradarray.integrations.teaching import array, constant, tensors


def _coefficients(name: str, signal: Any, order: int) -> Any:
    from scipy import signal as module

    (x,) = tensors(signal)
    if x.ndim != 1 or ga.is_complex(x):
        raise NotImplementedError("splines of tensors that require a gradient are of one real signal")
    c = spline_filter1d(x, order, mode="reflect")
    values = ga.asarray(getattr(module, name)(array(x)), device=x.device)  # which SciPy approximates near the ends
    return values + (c - c.detach())


def cspline1d(signal: Any) -> Any:
    return _coefficients("cspline1d", signal, 3)


def qspline1d(signal: Any) -> Any:
    return _coefficients("qspline1d", signal, 2)


def _evaluated(cj: Any, newx: Any, dx: float, x0: Any, order: int) -> Any:
    c, at = tensors(cj, newx)
    n = c.shape[0]
    if not n:
        raise ValueError("Spline coefficients 'cj' must not be empty.")
    at = (at - x0) / float(dx)
    values = array(at)
    there, slope = mapped(values, n, "mirror")
    at = at * ga.asarray(slope, device=at.device) + ga.asarray(there - slope * values, device=at.device)
    half = 0.0 if order % 2 else 0.5
    whole = np.floor(there + half)
    out: Any = 0.0
    for j, weight in enumerate(spline_weights(at + half - ga.asarray(whole, device=at.device), order)):
        index = np.clip(whole.astype(int) - order // 2 + j, 0, n - 1)
        out = out + weight * ga.take(c, ga.asarray(index.ravel(), device=c.device)).reshape(index.shape)
    return ga.astype(out, c.dtype)


@constant("dx")
def cspline1d_eval(cj: Any, newx: Any, dx: float = 1.0, x0: Any = 0) -> Any:
    return _evaluated(cj, newx, dx, x0, 3)


@constant("dx")
def qspline1d_eval(cj: Any, newx: Any, dx: float = 1.0, x0: Any = 0) -> Any:
    return _evaluated(cj, newx, dx, x0, 2)


FUNCTIONS = {f.__name__: f for f in (cspline1d, cspline1d_eval, qspline1d, qspline1d_eval)}
