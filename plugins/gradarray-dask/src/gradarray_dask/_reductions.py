"""Reductions: of one chunk in one step, and those that Dask refuses or gets wrong on what is empty.

Knows Dask and NumPy. Must not know gradarray.

Dask reduces in two steps or more, each chunk and then what came of the chunks. Making them takes longer than eight
other operations, so that a gradient of many small sums was mostly that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import dask.array as da
import numpy as np

from gradarray_dask._shapes import whole

Array = Any


def _reduction(ours: Callable[..., Array], numpys: Callable[..., Any]) -> Callable[..., Array]:
    """``ours``, Dask's function, unless ``numpys`` can be called once for each chunk of the result."""

    def reduced(x: Array, *, axis: Any = None, keepdims: bool = False, **options: Any) -> Array:
        axes = range(x.ndim) if axis is None else [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
        if any(len(x.chunks[a]) > 1 for a in axes):
            return ours(x, axis=axis, keepdims=keepdims, **options)
        function = partial(numpys, axis=tuple(axes), keepdims=keepdims, **options)
        meta = numpys(np.ones((1,) * x.ndim, x.dtype), **options)  # of no axis, so that nothing is refused
        letters = tuple(range(x.ndim))
        return da.blockwise(
            function, letters if keepdims else tuple(a for a in letters if a not in axes), x, letters,
            adjust_chunks=dict.fromkeys(axes, 1) if keepdims else None, concatenate=True, dtype=meta.dtype,
            meta=np.empty((0,) * (x.ndim if keepdims else x.ndim - len(axes)), meta.dtype), token=numpys.__name__,
        )  # fmt: skip

    return reduced


def _extremum(function: Callable[..., Array], numpys: Callable[..., Any]) -> Callable[..., Array]:
    """``da.max`` or ``da.min``, which refuse an array that is empty along an axis that stays."""
    nonempty = _reduction(function, numpys)

    def reduced(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
        if 0 not in x.shape:
            return nonempty(x, axis=axis, keepdims=keepdims)
        return whole(numpys(np.empty(x.shape, x.dtype), axis=axis, keepdims=keepdims))

    return reduced


maximum = _extremum(da.max, np.max)
minimum = _extremum(da.min, np.min)
total = _reduction(da.sum, np.sum)

KERNELS: Mapping[str, Callable[..., Any]] = {
    "all": _reduction(da.all, np.all),
    "any": _reduction(da.any, np.any),
    "max": maximum,
    "mean": _reduction(da.mean, np.mean),
    "min": minimum,
    "prod": _reduction(da.prod, np.prod),
    "sum": total,
}
