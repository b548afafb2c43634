"""NumPy's indexing in dpnp's terms: what a key means, and the views and index arrays that give it.

Knows dpnp. Must not know gradarray. dpnp strays from NumPy in four ways, each mended here: it takes no index arrays
that stand apart from each other; an integer beside them is no index array to it; it writes to what is broadcast; and it
has nothing that adds at positions. Nothing here waits for the device, but for masks, whose count gives a shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dpnp

from gradarray_dpnp._array import number, select

Array = Any


def getitem(x: Array, key: Any) -> Array:
    """``x[key]`` for every key that NumPy takes: a view for a basic key, else a copy."""
    if _is_basic(key):
        return x[key]
    target, indices, at = _split(x, key)
    found = target[tuple(indices)]
    if not indices[0].ndim:  # dpnp takes an array of one integer for an integer, and gives a view
        found = found.copy()
    return _moved(found, indices, at, back=True)


def setitem(x: Array, key: Any, value: Array) -> None:
    """Write ``value`` to ``x[key]``.

    Raises
    ------
    ValueError
        If elements of ``x`` share memory. Nothing has been written then.
    """
    check_writable(x)
    if _is_basic(key):
        x[key] = value
    elif _is_mask(key) and value.size == 1:  # the device need not be waited for
        _check_mask(x, key)
        mask = dpnp.reshape(key, key.shape + (1,) * (x.ndim - key.ndim))
        x[...] = select(mask, dpnp.reshape(value, ()), x)
    else:
        target, indices, at = _split(x, key)
        target[tuple(indices)] = _fitted(value, target, indices, at)


def index_add(x: Array, key: Any, value: Array) -> None:
    """Add ``value`` to ``x[key]``, at a position that is named twice twice, in a fixed order."""
    if _is_basic(key):
        view = x[key]
        view += value
        return
    target, indices, at = _split(x, key)
    value = _fitted(value, target, indices, at)
    if len(indices) > 1 or not _is_mask(key):  # a mask names each position once
        indices, value = _merged(target.shape, indices, value)
    target[tuple(indices)] = target[tuple(indices)] + value


def check_writable(x: Array) -> None:
    """ValueError where one element of memory is several of ``x``."""
    if 0 in x.strides and x.size and any(n > 1 and step == 0 for n, step in zip(x.shape, x.strides, strict=True)):
        raise ValueError("the array is read-only: several of its elements, broadcast, are one in memory")


# -- adding up ---------------------------------------------------------------------------------------------------------


def _merged(shape: Sequence[int], indices: Sequence[Array], value: Array) -> tuple[list[Array], Array]:
    """``indices`` flattened and sorted, and with each the sum of all values at its position.

    Positions that are named twice then stand there twice with the same sum, so it does not matter which is written.
    After the step of length d, each element holds the sum of the last 2d at its position: log2(n) steps in all.
    """
    lengths = shape[: len(indices)]
    indices = [select(i < number(0, i), i + number(n, i), i) for i, n in zip(indices, lengths, strict=True)]
    flat, *others = indices
    for index, n in zip(others, lengths[1:], strict=True):
        flat = flat * number(n, flat) + index
    flat = dpnp.reshape(flat, -1)
    order = dpnp.argsort(flat, stable=True)
    flat = flat[order]
    rest = value.shape[indices[0].ndim :]
    total = dpnp.reshape(value, (flat.size, *rest))[order]
    step = 1
    while step < flat.size:
        same = dpnp.reshape(flat[step:] == flat[:-step], (-1, *(1,) * len(rest)))
        more = select(same, total[:-step], number(0, total))
        tail = total[step:]
        tail += more
        step *= 2
    last = dpnp.searchsorted(flat, flat, side="right")
    last -= number(1, last)
    return [dpnp.reshape(i, -1)[order] for i in indices], total[last]


# -- keys --------------------------------------------------------------------------------------------------------------


def _is_basic(key: Any) -> bool:
    """Whether ``key`` holds no arrays."""
    keys = key if type(key) is tuple else (key,)
    return not any(isinstance(k, dpnp.ndarray | bool) for k in keys)


def _is_mask(key: Any) -> bool:
    """Whether ``key`` is one array of bool with dimensions."""
    return isinstance(key, dpnp.ndarray) and key.dtype == dpnp.bool and key.ndim > 0


def _taken(k: Any) -> int:
    """How many dimensions a part of a key takes."""
    if k is None or k is ... or isinstance(k, bool):
        return 0
    return k.ndim if isinstance(k, dpnp.ndarray) and k.dtype == dpnp.bool else 1


def _parts(key: Any, ndim: int) -> tuple[list[Any], int]:
    """The parts of ``key``, with slices for its ``...`` (at the end if there is none); where that stood."""
    parts = list(key) if isinstance(key, tuple) else [key]
    at = next((i for i, k in enumerate(parts) if k is ...), None)
    if at is None:
        at = len(parts)
        parts.append(...)
    rest = ndim - sum(map(_taken, parts))
    if rest < 0 or any(k is ... for k in parts[at + 1 :]):
        raise IndexError(f"too many indices for an array of {ndim} dimensions, or '...' twice: {key!r}")
    parts[at : at + 1] = [slice(None)] * rest
    return parts, at


def _split(x: Array, key: Any) -> tuple[Array, list[Array], int]:
    """``key`` in two steps: a view of ``x``, and index arrays of one shape for its first dimensions.

    Last comes where the dimensions that the arrays give belong. NumPy puts them first where the arrays are not next to
    each other, also where but a ``...`` of no dimensions stands between.
    """
    parts, gap = _parts(key, x.ndim)
    basics: list[Any] = []
    indices: list[Array] = []
    which = [i for i, k in enumerate(parts) if k is not None and not isinstance(k, slice)]
    first: list[int] = []  # the dimensions that are indexed
    rest: list[int] = []
    dim = 0
    for k in parts:
        n = len(first) + len(rest)
        if k is None or isinstance(k, slice):
            basics.append(k)
            rest.append(n)
        elif _taken(k) == 0:  # True or False: a new dimension, of which there is all or nothing
            basics.append(None)
            indices.append(dpnp.zeros(int(k), dtype=dpnp.int64, device=x.sycl_queue))
            first.append(n)
        elif isinstance(k, dpnp.ndarray) and k.dtype == dpnp.bool:
            _check_mask(x, k, dim)
            basics += [slice(None)] * k.ndim
            indices += dpnp.nonzero(k)
            first += range(n, n + k.ndim)
        else:
            basics.append(slice(None))
            index = k if isinstance(k, dpnp.ndarray) else dpnp.full((), k, device=x.sycl_queue)
            indices.append(index if index.dtype == dpnp.int64 else index.astype(dpnp.int64))
            first.append(n)
        dim += _taken(k)
    apart = which[-1] - which[0] >= len(which) or which[0] < gap <= which[-1]
    view = dpnp.permute_dims(x[tuple(basics)], first + rest)
    return view, dpnp.broadcast_arrays(*indices), 0 if apart else first[0]


def _check_mask(x: Array, mask: Array, dim: int = 0) -> None:
    """IndexError where ``mask`` does not fit; NumPy takes a length of 0 for any."""
    found = x.shape[dim : dim + mask.ndim]
    if any(length not in (0, n) for length, n in zip(mask.shape, found, strict=False)) or len(found) < mask.ndim:
        raise IndexError(f"a mask of shape {mask.shape} does not fit the shape {found} that it is to index")


def _moved(value: Array, indices: Sequence[Array], at: int, *, back: bool) -> Array:
    """``value`` with the dimensions that the arrays give first instead of at ``at``, or ``back``."""
    n = indices[0].ndim
    ends = tuple(range(n)), tuple(range(at, at + n))
    return dpnp.moveaxis(value, *(ends if back else ends[::-1])) if at and n else value


def _fitted(value: Array, target: Array, indices: Sequence[Array], at: int) -> Array:
    """``value`` broadcast to what the index gives, with the dimensions that the arrays give first."""
    new, rest = indices[0].shape, target.shape[len(indices) :]
    while value.ndim > len(new) + len(rest) and value.shape[0] == 1:  # which count for nothing, as in NumPy
        value = value[0]
    value = dpnp.broadcast_to(value, (*rest[:at], *new, *rest[at:]))
    return _moved(value, indices, at, back=False)
