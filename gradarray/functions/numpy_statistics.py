"""NumPy's statistics on tensors, where they differ from the standard's: ``ddof``, nan as missing, quantiles.

Knows functions. All are differentiable; quantiles through the order of the elements.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradarray._storage import Value
from gradarray.creation import as_value
from gradarray.functions import descriptive, linalg, manipulation, searching, statistical
from gradarray.functions import elementwise as e
from gradarray.functions.linalg import floating
from gradarray.functions.manipulation import astype


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        *,
        correction: float | None = None,
    ) -> Any:
        a = a if dtype is None else astype(a, dtype, copy=False)
        return function(
            floating(a), axis=axis, correction=ddof if correction is None else correction, keepdims=keepdims
        )

    return run


def _mean(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Any:
    return statistical.mean(floating(a), axis=axis, dtype=dtype, keepdims=keepdims)


def _filled(a: Any, value: float) -> Any:
    return searching.where(e.isnan(a), value, a) if a._dtype.kind in "fc" else a


def _nan(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Any:
        return function(a, axis=axis, dtype=dtype, keepdims=keepdims)

    return run


def _nanprod(a: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False) -> Any:
    return statistical.prod(_filled(a, 1.0), axis=axis, dtype=dtype, keepdims=keepdims)


def _nanvar(
    a: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0, keepdims: bool = False
) -> Any:
    a = floating(a if dtype is None else astype(a, dtype, copy=False))
    there = e.logical_not(e.isnan(a))
    away = searching.where(there, e.subtract(a, descriptive.nanmean(a, axis=axis, keepdims=True)), 0.0)
    square = e.real(e.multiply(away, e.conj(away))) if a._dtype.kind == "c" else e.square(away)
    free = statistical.sum(astype(there, square._dtype), axis=axis, keepdims=keepdims) - ddof
    return e.divide(statistical.sum(square, axis=axis, keepdims=keepdims), searching.where(free > 0, free, math.nan))


def _nanextreme(function: Callable[..., Any], worst: float) -> Callable[..., Any]:
    def run(a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
        found = function(_filled(a, worst), axis=axis, keepdims=keepdims)
        if a._dtype.kind != "f":
            return found
        return searching.where(statistical.all(e.isnan(a), axis=axis, keepdims=keepdims), math.nan, found)

    return run


def _quantiles(scale: float, quantile: Callable[..., Any]) -> Callable[..., Any]:
    def run(
        a: Any,
        q: Any,
        axis: Any = None,
        out: None = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
    ) -> Any:
        if method != "linear":
            raise TypeError(f"quantiles of gradarray tensors are interpolated linearly; got method={method!r}")
        q = q if isinstance(q, Value) else np.asarray(q)
        return quantile(a, q * scale if scale != 1 else q, axis=axis, keepdims=keepdims)

    return run


def _median(median: Callable[..., Any]) -> Callable[..., Any]:
    def run(a: Any, axis: Any = None, out: None = None, overwrite_input: bool = False, keepdims: bool = False) -> Any:
        return median(a, axis=axis, keepdims=keepdims)

    return run


def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    a = floating(a)
    if weights is None:
        out = statistical.mean(a, axis=axis, keepdims=keepdims)
        total = as_value(float(a.numel() / max(out.numel(), 1)), dtype=a._dtype, device=a._place)
    else:
        weights = as_value(weights, device=a._place)
        if weights._data.shape != a._data.shape:  # one weight a position along the axis
            weights = manipulation.reshape(weights, tuple(-1 if i == axis % a.ndim else 1 for i in range(a.ndim)))
            weights = manipulation.broadcast_to(weights, a._data.shape)
        total = statistical.sum(weights, axis=axis, keepdims=keepdims)
        out = e.divide(statistical.sum(e.multiply(a, weights), axis=axis, keepdims=keepdims), total)
    return (out, manipulation.broadcast_to(total, out._data.shape)) if returned else out


def _cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None, *, dtype: Any = None
) -> Any:
    rows = [_rows(x, rowvar) for x in (m, y) if x is not None]
    x = floating(rows[0] if len(rows) == 1 else manipulation.concat(rows, axis=0))
    x = e.subtract(x, statistical.mean(x, axis=-1, keepdims=True))
    free = x._data.shape[-1] - (ddof if ddof is not None else 0 if bias else 1)
    out = e.divide(linalg.matmul(x, e.conj(manipulation.matrix_transpose(x))), float(max(free, 0)))
    return manipulation.reshape(out, ()) if out.numel() == 1 else out


def _rows(x: Any, rowvar: bool) -> Any:
    x = as_value(x)
    x = x if len(x._data.shape) == 2 else manipulation.reshape(x, (1, -1))
    return x if rowvar or x._data.shape[0] == 1 else manipulation.matrix_transpose(x)


def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = _cov(x, y, rowvar)
    if not c._data.shape:
        return e.divide(c, c)
    size = e.sqrt(e.real(linalg.diagonal(c)))
    return e.divide(c, e.multiply(size[:, None], size[None, :]))


def _ptp(a: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
    return e.subtract(
        statistical.max(a, axis=axis, keepdims=keepdims), statistical.min(a, axis=axis, keepdims=keepdims)
    )


OWN: dict[str, Callable[..., Any]] = {
    "average": _average,
    "corrcoef": _corrcoef,
    "cov": _cov,
    "mean": _mean,
    "median": _median(descriptive.median),
    "nanmax": _nanextreme(statistical.max, -math.inf),
    "nanmean": _nan(descriptive.nanmean),
    "nanmedian": _median(lambda a, **options: descriptive.nanquantile(a, 0.5, **options)),
    "nanmin": _nanextreme(statistical.min, math.inf),
    "nanpercentile": _quantiles(0.01, descriptive.nanquantile),
    "nanprod": _nanprod,
    "nanquantile": _quantiles(1, descriptive.nanquantile),
    "nanstd": lambda *args, **kwargs: e.sqrt(_nanvar(*args, **kwargs)),
    "nansum": _nan(descriptive.nansum),
    "nanvar": _nanvar,
    "percentile": _quantiles(0.01, descriptive.quantile),
    "ptp": _ptp,
    "quantile": _quantiles(1, descriptive.quantile),
    "std": _spread(statistical.std),
    "var": _spread(statistical.var),
}
