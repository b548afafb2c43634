"""Shapes that know how their array was chunked, and what turns arrays back into it.

Knows Dask. Must not know gradarray.

Derivative rules keep the shapes of what they differentiate. Kept with its chunks, a shape leads a gradient back into
the same chunks, and a length that is unknown until it is computed back to the array that has it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask.array.core import elemwise

Array = Any


class Lengths(tuple[int, ...]):
    """A shape, the chunks of its array and, where a length is unknown, the array itself."""

    chunks: tuple[tuple[int, ...], ...]
    like: Array | None


def chunked(shape: Sequence[int], dtype: Any) -> Any:
    """Chunks of Dask's choice for an array of ``shape``; it divides by zero itself where that is empty."""
    if 0 in shape:
        return tuple((n,) for n in shape)
    return da.core.normalize_chunks("auto", tuple(shape), dtype=np.dtype(dtype))


def whole(host: Any) -> Array:
    """NumPy's array as one chunk."""
    return da.from_array(np.asarray(host), chunks=-1)


def empty_like(x: Array) -> Any:
    """NumPy's array of no elements that says what the chunks of ``x`` are."""
    return np.empty((0,) * x.ndim, x.dtype)


def lengths(x: Array) -> Lengths:
    """The shape of ``x``, with what it must remember."""
    shape = Lengths(x.shape)
    shape.chunks = x.chunks
    shape.like = x if unknown(x.shape) else None
    return shape


def unknown(shape: Sequence[int]) -> bool:
    """Whether a length in ``shape`` is not known before it is computed."""
    return any(map(math.isnan, shape))


def zeros(shape: Sequence[int], dtype: Any) -> Array:
    """Zeros in the chunks that ``shape`` remembers."""
    if unknown(shape):
        return da.zeros_like(_known(shape, "zeros"), dtype=dtype)
    return filled(getattr(shape, "chunks", None) or chunked(shape, dtype), 0, dtype)


def filled(chunks: Sequence[tuple[int, ...]], value: Any, dtype: Any) -> Array:
    """``value`` everywhere, in ``chunks``."""
    shape, dtype = tuple(map(sum, chunks)), np.dtype(dtype)
    if any(len(c) > 1 for c in chunks):
        return da.full(shape, value, dtype=dtype, chunks=tuple(chunks))
    # Dask's own takes as long as seven operations
    return da.blockwise(
        _filled, tuple(range(len(shape))), value, None, shape, None, dtype, None, new_axes=dict(enumerate(shape)),
        dtype=dtype, meta=np.empty((0,) * len(shape), dtype),
    )  # fmt: skip


def _filled(value: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    return np.broadcast_to(np.asarray(value, dtype), shape)  # one element in memory, as in Dask's own


def filled_like(x: Array, value: Any, dtype: Any = None) -> Array:
    """``value`` everywhere, in the chunks of ``x``."""
    dtype = x.dtype if dtype is None else dtype
    return da.full_like(x, value, dtype=dtype) if unknown(x.shape) else filled(x.chunks, value, dtype)


def arange(start: int, stop: int | None = None, step: int = 1, *, dtype: Any = None) -> Array:
    """Integers in a row, which are remembered to count where each is its own position."""
    if stop is None:
        start, stop = 0, start
    return counting(da.arange(start, stop, step, dtype=dtype), 0 if (start, step) == (0, 1) else None)


def counting(x: Array, dim: int | None) -> Array:
    """``x``, remembered to have at each element its position along ``dim``."""
    if dim is not None:
        x.counted = x.name, dim
    return x


def counted(x: Array) -> int | None:
    """The dimension along which each element of ``x`` is its own position, if that is known."""
    name, dim = getattr(x, "counted", (None, None))
    return dim if name == x.name else None  # an array that has been written to has a new name


def diagonal_mask(chunks: Sequence[tuple[int, ...]], k: int) -> Array:
    """A matrix in ``chunks`` that is true on its ``k``-th diagonal."""
    return da.map_blocks(_eye, k=k, chunks=tuple(chunks), dtype=bool, meta=np.empty((0, 0), bool))


def _eye(k: int, block_info: Any = None) -> Any:
    (low, high), (left, right) = block_info[None]["array-location"]
    return np.eye(high - low, right - left, k=k + low - left, dtype=bool)


def broadcast(x: Array, shape: Sequence[int]) -> Array:
    """``x`` broadcast to ``shape``, in the chunks that this remembers."""
    if x.shape == shape and not unknown(shape):
        return x
    if unknown(shape):
        like = _known(shape, "broadcast_to")
        return elemwise(_broadcast, x, like, dtype=x.dtype)
    chunks = getattr(shape, "chunks", None)
    if chunks is not None or 0 in shape:
        chunks = chunks or chunked(shape, x.dtype)
        own = x.shape[::-1]
        x = x.rechunk({x.ndim - 1 - i: chunks[-1 - i] for i, n in enumerate(own) if n != 1})
    else:
        new = len(shape) - x.ndim
        auto = tuple("auto" if i < new or x.shape[i - new] != n else x.chunks[i - new] for i, n in enumerate(shape))
        chunks = da.core.normalize_chunks(auto, tuple(shape), dtype=x.dtype)
    return da.broadcast_to(x, tuple(shape), chunks=chunks)


def _broadcast(x: Any, like: Any) -> Any:
    return np.broadcast_to(x, np.broadcast_shapes(np.shape(x), np.shape(like)))


def reshape(x: Array, shape: Sequence[int]) -> Array:
    """``x`` in another shape; where lengths are unknown, dimensions of length 1 may come and go."""
    if 0 in x.shape and not unknown(shape):  # Dask's fails there, each time in another way
        found = np.empty(x.shape).reshape(shape).shape
        return zeros(shape if found == tuple(shape) else found, x.dtype)
    if not unknown(x.shape) and not unknown(shape):
        try:
            out = x.reshape(tuple(shape))
        except NotImplementedError:  # where dimensions are split unevenly; by way of one dimension all goes
            out = x.reshape(-1).reshape(tuple(shape))
        chunks = getattr(shape, "chunks", out.chunks)
        out = out if chunks == out.chunks else out.rechunk(chunks)
        long = [d for d, n in enumerate(out.shape) if n != 1]
        return out if counted(x) is None or len(long) != 1 else counting(out, long[0])
    if x.ndim == 1 and tuple(shape) == (-1,):
        return x
    if x.ndim == len(shape) and not unknown(shape):
        return _assumed(x, shape)
    key: list[Any] = []
    left = list(x.shape)
    for n in shape:
        while left and left[0] == 1 and n != 1:
            left.pop(0)
            key.append(0)
        if left and (left[0] == n or math.isnan(n) or (math.isnan(left[0]) and n == -1)):
            left.pop(0)
            key.append(slice(None))
        elif n == 1:
            key.append(None)
        else:
            break
    else:
        if all(n == 1 for n in left):
            return x[(*key, *(0 for _ in left))]
    raise ValueError(
        f"reshape: {tuple(x.shape)} to {tuple(shape)}: a length is unknown until it is computed (nan). Call "
        "compute_chunk_sizes() on the Dask array first"
    )


def roll(x: Array, *, shift: int | tuple[int, ...], axis: int | tuple[int, ...] | None = None) -> Array:
    """``np.roll``, of all elements in the chunks that they were in."""
    if axis is not None or x.ndim == 1:
        return da.roll(x, shift, axis=0 if axis is None else axis)
    return reshape(da.roll(reshape(x, (-1,)), shift, axis=0), lengths(x))


def concat(arrays: Sequence[Array], *, axis: int = 0) -> Array:
    """``np.concat``, without slivers; what is empty in one chunk, since Dask does not compute products of several."""
    out = da.concatenate(arrays, axis=axis)
    if 0 in out.shape:
        return zeros(out.shape, out.dtype)
    chunks = _joined([x.chunks[axis] for x in arrays if x.shape[axis]])
    return out if chunks == out.chunks[axis] else out.rechunk({axis % out.ndim: chunks})


def _joined(parts: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The chunks of what is joined: two that meet become one, unless both are as long as the longest.

    Parts of one array stay apart, so that the gradient of each array lies in its chunks. Else each step of what shifts
    an array by slices and joins them, as the gradient of a cumulative product does, would leave twice as many.
    """
    longest = max(map(max, parts))
    found: list[int] = []
    for first, *others in parts:
        if found and first + found[-1] < 2 * longest:  # not where a length is unknown, which is nan
            found[-1] += first
        else:
            found.append(first)
        found += others
    return tuple(found)


def _assumed(x: Array, shape: Sequence[int]) -> Array:
    """``x``, whose lengths are unknown, where they must be those of ``shape``: one chunk where they were unknown."""
    letters = tuple(range(x.ndim))
    new = {x.ndim + i: n for i, n in enumerate(shape)}
    lengths = [part for n in shape for part in (n, None)]
    out = da.blockwise(_of_shape, tuple(new), x, letters, *lengths, new_axes=new, dtype=x.dtype, concatenate=True)
    return out.rechunk(getattr(shape, "chunks", out.chunks))


def _of_shape(whole: Any, *lengths: int) -> Any:
    if whole.shape != lengths:
        raise ValueError(f"an array of shape {whole.shape} was taken for one of shape {lengths}")
    return whole


def _known(shape: Sequence[int], name: str) -> Array:
    like = getattr(shape, "like", None)
    if like is None:
        raise ValueError(
            f"{name}: the shape {tuple(shape)} has a length that is unknown until it is computed (nan). Call "
            "compute_chunk_sizes() on the Dask array first"
        )
    return like
