"""Functions of the standard that Dask lacks or gets wrong, made of its own, and those worth a shorter graph.

Knows Dask and NumPy. Must not know gradarray.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal

import dask.array as da
import numpy as np
from dask.array.core import broadcast_shapes, elemwise

from gradarray_dask import _linalg, _reductions, _shapes

Array = Any
Norm = Literal["backward", "ortho", "forward"]


def _strong(g: Any, p: Any) -> Any:
    with np.errstate(all="ignore"):  # as in any backward pass; this runs on a thread of the scheduler's
        product = g * p
    return np.where(g == 0, product.dtype.type(0), product)


def strong_multiply(g: Array, p: Array) -> Array:
    """``g * p`` where a zero in ``g`` beats an inf or nan in ``p``; one step of the graph."""
    return elemwise(_strong, g, p)


def by_chunks(*xs: Array, function: Callable[..., Any]) -> Array:
    """``function`` of NumPy's arrays and of numbers, elementwise, on each chunk; one step of the graph."""
    arrays = [x for x in xs if isinstance(x, da.Array)]
    broadcast_shapes(*(x.shape for x in arrays))  # what does not fit is refused now, not where it is computed
    dtype = np.result_type(*(x.dtype if isinstance(x, da.Array) else x for x in xs))
    ndim = max(x.ndim for x in arrays)
    given = [part for x in xs for part in (x, tuple(range(ndim - x.ndim, ndim)) if isinstance(x, da.Array) else None)]
    meta = np.empty((0,) * ndim, dtype)
    return da.blockwise(
        _of_chunks, tuple(range(ndim)), function, None, dtype, None, *given, dtype=dtype, meta=meta, token="by-chunks"
    )


def matmul(x1: Array, x2: Array) -> Array:
    """Dask's refuses lengths that differ only where it computes."""
    n, m = x1.shape[-1], x2.shape[-2:][0]
    if n != m and not math.isnan(n + m):
        raise ValueError(f"shapes {x1.shape} and {x2.shape} have no product")
    return da.matmul(x1, x2)


def _of_chunks(function: Callable[..., Any], dtype: Any, *chunks: Any) -> Any:
    with np.errstate(all="ignore"):  # this runs on a thread of the scheduler's
        found = function(*chunks)
    return np.broadcast_to(np.asarray(found, dtype), np.broadcast_shapes(*map(np.shape, chunks)))


def _triangle(function: Callable[..., Any]) -> Callable[..., Array]:
    """``np.tril`` or ``np.triu`` of each block; Dask's own warn of complex numbers."""

    def triangle(x: Array, *, k: int = 0) -> Array:
        if x.numblocks[-2:] == (1, 1):
            return x.map_blocks(function, k, dtype=x.dtype, meta=x._meta)
        return x.map_blocks(_part_of_triangle, function, k, dtype=x.dtype, meta=x._meta)

    return triangle


def _part_of_triangle(part: Any, function: Callable[..., Any], k: int, block_info: Any = None) -> Any:
    (low, _), (left, _) = block_info[0]["array-location"][-2:]
    return function(part, k + low - left)


# -- Fourier transforms ------------------------------------------------------------------------------------------------


def _whole(x: Array, axes: Any) -> Array:
    """``x`` in one chunk along ``axes``, and as it is along the others."""
    return x.rechunk(dict.fromkeys(axes, -1))


def fftn(x: Array, *, s: Any = None, axes: Any = None, norm: Norm = "backward", inverse: bool = False) -> Array:
    axes = tuple(range(x.ndim)) if axes is None else axes
    lengths = [x.shape[a] for a in axes] if s is None else s
    transform = partial(np.fft.ifftn if inverse else np.fft.fftn, s=tuple(lengths), axes=tuple(axes), norm=norm)
    return _transformed(transform, x, axes, lengths)


def rfft(x: Array, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    n = x.shape[axis] if n is None else n
    return _transformed(partial(np.fft.rfft, n=n, axis=axis, norm=norm), x, (axis,), (n // 2 + 1,))


def irfft(x: Array, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Array:
    n = 2 * (x.shape[axis] - 1) if n is None else n
    return _transformed(partial(np.fft.irfft, n=n, axis=axis, norm=norm), x, (axis,), (n,))


def _transformed(transform: Callable[[Any], Any], x: Array, axes: Any, lengths: Any) -> Array:
    """``transform`` of ``x``, each task with all there is along ``axes``; these have ``lengths`` after it."""
    x = _whole(x, [a % x.ndim for a in axes])
    chunks = list(x.chunks)
    for axis, n in zip(axes, lengths, strict=True):
        chunks[axis] = (n,)
    dtype = transform(np.ones((1,) * x.ndim, x.dtype)).dtype
    return x.map_blocks(transform, dtype=dtype, chunks=tuple(chunks))


# -- creation ----------------------------------------------------------------------------------------------------------


def full(shape: Any, value: Any, dtype: Any) -> Array:
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    return _shapes.filled(_shapes.chunked(shape, dtype), value, dtype)


def eye(n_rows: int, n_cols: int | None = None, k: int = 0, *, dtype: Any) -> Array:
    shape = (n_rows, n_rows if n_cols is None else n_cols)
    return _shapes.diagonal_mask(_shapes.chunked(shape, dtype), k).astype(dtype)


KERNELS: Mapping[str, Callable[..., Any]] = {
    **_linalg.KERNELS,
    **_reductions.KERNELS,
    "arange": _shapes.arange,
    "by_chunks": by_chunks,
    "broadcast_to": lambda x, shape: _shapes.broadcast(x, shape),
    "clone": lambda x: x.copy(),
    "concat": _shapes.concat,
    "eye": eye,
    "fft.fftn": fftn,
    "fft.ifftn": partial(fftn, inverse=True),
    "fft.irfft": irfft,
    "fft.rfft": rfft,
    "full": full,
    "full_like": _shapes.filled_like,
    "matmul": matmul,
    "ones": lambda shape, dtype: full(shape, 1, dtype),
    "ones_like": lambda x, dtype=None: _shapes.filled_like(x, 1, dtype),
    "reshape": lambda x, shape: _shapes.reshape(x, shape),
    "roll": _shapes.roll,
    "spread": lambda x, *, shape: _shapes.broadcast(x, shape),
    "stack": lambda xs, *, axis=0: da.stack(xs, axis, allow_unknown_chunksizes=True),
    "strong_multiply": strong_multiply,
    "tril": _triangle(np.tril),
    "triu": _triangle(np.triu),
    "view": lambda x, *, shape: _shapes.reshape(x, shape),
    "zeros": lambda shape, dtype: full(shape, 0, dtype),
    "zeros_like": lambda x, dtype=None: _shapes.filled_like(x, 0, dtype),
}
