"""Indexing as NumPy has it, on Dask's arrays: reading, writing and adding, chunk by chunk.

Knows Dask and NumPy. Must not know gradarray.

A key is taken apart into what Dask does itself (slices, integers, None) and the arrays, which lie on the axes that are
left. Arrays of integers are looked up block by block: each block of what is indexed meets each block of the indices,
and no task holds more than one of each. Where one of the arrays counts through a whole axis, as in
``x[arange(n), labels]``, blocks meet along it one by one: there the index is an axis of ``x`` itself. What is wrong
with the values of an index shows when it is computed.

What tasks run are functions of this module, never closures: Dask names an array by what makes it, and would have to
pickle a closure for that, which takes longer than making the array.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import dask.array as da
import numpy as np
from dask.array.core import elemwise

from gradarray_dask._shapes import counted, counting, empty_like

Array = Any
Axes = tuple[int, ...]
FULL = slice(None)


@dataclass
class Parsed:
    """A key in its parts.

    Attributes
    ----------
    basic : tuple
        Slices, integers and None for all dimensions; full slices where the arrays lie.
    arrays : list of (int, array)
        The arrays, and on which axis of ``x[basic]`` each begins.
    front : int
        Where in the result the dimensions of the arrays stand.
    """

    basic: tuple[Any, ...]
    arrays: list[tuple[int, Array]]
    front: int


def parse(key: Any, ndim: int) -> Parsed:
    """The parts of ``key`` for an array of ``ndim`` dimensions."""
    keys = [_as_index(k) for k in (key if isinstance(key, tuple) else (key,))]
    if sum(k is Ellipsis for k in keys) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    if not any(k is Ellipsis for k in keys):
        keys.append(Ellipsis)
    rest = ndim - sum(map(_consumes, keys))
    if rest < 0:
        raise IndexError(f"too many indices for an array of {ndim} dimensions: {ndim - rest} were given")
    at = next(i for i, k in enumerate(keys) if k is Ellipsis)
    keys[at : at + 1] = [FULL] * rest
    several = any(isinstance(k, da.Array) for k in keys)
    basic: list[Any] = []
    arrays: list[tuple[int, Array]] = []
    axis = before = 0
    advanced: list[int] = []
    for i, k in enumerate(keys):
        if isinstance(k, da.Array):
            new = k.ndim == 0 and k.dtype == bool
            arrays.append((axis, k.reshape(1) if new else k))
            width = max(k.ndim, 1) if k.dtype == bool else 1
            basic += [None] if new else [FULL] * width
            axis += width
            advanced.append(i)
        else:
            basic.append(k)
            if isinstance(k, int) and several:
                advanced.append(i)
            elif not isinstance(k, int):
                axis += 1
                before += not advanced
    together = not advanced or advanced[-1] - advanced[0] + 1 == len(advanced)
    return Parsed(tuple(basic), arrays, before if together else 0)


def _as_index(k: Any) -> Any:
    if isinstance(k, bool | np.bool_ | np.ndarray | list):
        return da.asarray(np.asarray(k, dtype=np.intp if isinstance(k, list) and not k else None))
    return int(k) if isinstance(k, np.integer) else k


def _consumes(k: Any) -> int:
    if k is None or k is Ellipsis:
        return 0
    return k.ndim if isinstance(k, da.Array) and k.dtype == bool else 1


# -- the three functions of the contract -------------------------------------------------------------------------------


def read(x: Array, key: Any) -> Array:
    """``x[key]``."""
    parsed = parse(key, x.ndim)
    part = _basic(x, parsed.basic)
    if not parsed.arrays:
        return part
    if len(parsed.arrays) == 1 and parsed.arrays[0][1].dtype == bool:
        axis, mask = parsed.arrays[0]
        _check_mask(part, axis, mask)
        found = _flattened(part, axis, mask.ndim)[(*(FULL,) * axis, mask.ravel())]
        return da.moveaxis(found, axis, parsed.front) if axis != parsed.front else found
    axes, indices, own = _integers(part, parsed.arrays)
    found, n = _gather(part, axes, indices, own), indices[0].ndim
    return da.moveaxis(found, tuple(range(n)), tuple(range(parsed.front, parsed.front + n))) if parsed.front else found


def write(x: Array, key: Any, value: Array, *, add: bool) -> Array:
    """A copy of ``x`` with ``value`` written to, or added at, ``key``."""
    parsed = parse(key, x.ndim)
    if not parsed.arrays:
        part = _basic(x, parsed.basic) if add else None
        return _write_basic(x, parsed.basic, value if part is None else part + value)
    part = _basic(x, parsed.basic)
    if len(parsed.arrays) == 1 and parsed.arrays[0][1].dtype == bool:
        axis, mask = parsed.arrays[0]
        _check_mask(part, axis, mask)
        rest = part.ndim - mask.ndim
        value = _of_ndim(value, rest + 1)
        value = da.moveaxis(value, parsed.front, axis) if axis != parsed.front else value
        part = _write_mask(part, axis, mask, value, add=add)
    else:
        axes, indices, own = _integers(part, parsed.arrays)
        n, rest = indices[0].ndim, part.ndim - len(axes) - len(own)
        value = _of_ndim(value, rest + n)
        if parsed.front:
            value = da.moveaxis(value, tuple(range(parsed.front, parsed.front + n)), tuple(range(n)))
        left = tuple(length for axis, length in enumerate(part.shape) if axis not in (*axes, *own))
        if any(v == 1 != length for v, length in zip(value.shape, (*indices[0].shape, *left), strict=True)):
            value = da.broadcast_to(value, (*indices[0].shape, *left))
        part = _scatter(part, axes, indices, value, own, add=add)
    return part if _is_whole(parsed.basic, x.shape) else _write_basic(x, parsed.basic, part)


# -- slices, integers, None --------------------------------------------------------------------------------------------


def _basic(x: Array, key: tuple[Any, ...]) -> Array:
    for n, k in zip(x.shape, (k for k in key if k is not None), strict=True):
        if math.isnan(n) and k != FULL:
            raise NotImplementedError(
                f"{k} cannot index an axis whose length is unknown until it is computed (nan); call "
                "compute_chunk_sizes() on the Dask array first"
            )
    if all(k == FULL for k in key):
        return x
    if all(k is None or k == FULL for k in key):
        d = counted(x)
        return counting(x[key], None if d is None else [i for i, k in enumerate(key) if k is not None][d])
    return x[key]


def _is_whole(key: tuple[Any, ...], shape: tuple[int, ...]) -> bool:
    """Whether ``key`` names every element, in order."""
    if len(key) != len(shape):
        return False
    return all(isinstance(k, slice) and k.indices(n) == (0, n, 1) for k, n in zip(key, shape, strict=True))


def _write_basic(x: Array, key: tuple[Any, ...], value: Array) -> Array:
    part = _basic(x, key)
    value = da.broadcast_to(_of_ndim(value, part.ndim), part.shape)
    inner = tuple(k for k in key if k is not None)
    value = value[tuple(0 if k is None else FULL for k in key if not isinstance(k, int))]
    if _is_whole(inner, x.shape):
        return value
    if 0 in value.shape:
        return x.copy()
    out = x.copy()
    # Dask's writing takes no integer beside a negative step
    value = value[tuple(None if isinstance(k, int) else FULL for k in inner)]
    out[tuple(slice(k, k + 1 or None) if isinstance(k, int) else k for k in inner)] = value
    return out


def _of_ndim(value: Array, ndim: int) -> Array:
    """``value`` with as many dimensions, of length 1 where they are new; superfluous ones of that length go."""
    while value.ndim > ndim and value.shape[0] == 1:
        value = value[0]
    return value[(None,) * (ndim - value.ndim)]


# -- masks -------------------------------------------------------------------------------------------------------------


def _check_mask(x: Array, axis: int, mask: Array) -> None:
    shape = x.shape[axis : axis + mask.ndim]
    for n, m in zip(shape, mask.shape, strict=True):
        if n != m and not (math.isnan(n) or math.isnan(m)):
            raise IndexError(f"a mask of shape {mask.shape} does not fit the shape {shape} that it is to index")


def _flattened(x: Array, axis: int, count: int) -> Array:
    """``x`` with ``count`` dimensions from ``axis`` on made one."""
    if count == 1:
        return x
    length = math.prod(x.shape[axis : axis + count])
    return x.reshape((*x.shape[:axis], length, *x.shape[axis + count :]))


def _write_mask(x: Array, axis: int, mask: Array, value: Array, *, add: bool) -> Array:
    after = x.ndim - axis - mask.ndim
    at = mask[(*(FULL,) * mask.ndim, *(None,) * after)]
    if value.shape[axis] == 1:
        placed = value.reshape((*value.shape[:axis], *(1,) * mask.ndim, *value.shape[axis + 1 :]))
    else:
        flat = mask.ravel()
        if math.isnan(value.shape[axis]):
            placed = _spread_out(flat, axis, value)
        else:
            ranks = _ranks(flat, value.shape[axis])
            placed = _gather(value, (axis,), [ranks], {})
            placed = da.moveaxis(placed, 0, axis) if axis else placed
        if mask.ndim > 1:
            placed = placed.reshape((*placed.shape[:axis], *mask.shape, *placed.shape[axis + 1 :]))
    return da.where(at, x + placed if add else placed, x).astype(x.dtype)


def _ranks(flat: Array, n: int) -> Array:
    """For each element which of the ``n`` values goes there, if one does; 0 else."""
    return elemwise(_rank, flat, da.cumsum(flat, axis=0, dtype=np.int64), flat.sum(), n, dtype=np.int64)


def _rank(mask: Any, rank: Any, count: Any, n: int) -> Any:
    if np.any(count != n):
        raise IndexError(f"a mask that holds for {int(np.max(count))} elements was given {n} values")
    return np.where(mask, rank - 1, 0)


def _spread_out(flat: Array, axis: int, value: Array) -> Array:
    """The values of an unknown number each where its mask is true; they come in the same blocks as the mask does."""
    if value.numblocks[axis] != flat.numblocks[0]:
        raise ValueError(
            f"values of unknown number in {value.numblocks[axis]} blocks cannot be matched with a mask of "
            f"{flat.numblocks[0]}; call compute_chunk_sizes() on the array of values first"
        )
    index = tuple(range(value.ndim))
    return da.blockwise(
        _place, index, flat, (axis,), value, index, axis=axis, dtype=value.dtype, align_arrays=False,
        adjust_chunks={axis: flat.chunks[0]}, concatenate=True, meta=empty_like(value),
    )  # fmt: skip


def _place(mask: Any, values: Any, axis: int) -> Any:
    out = np.zeros((*values.shape[:axis], mask.size, *values.shape[axis + 1 :]), values.dtype)
    out[(*(FULL,) * axis, mask)] = values
    return out


# -- arrays of integers ------------------------------------------------------------------------------------------------


def _integers(x: Array, arrays: list[tuple[int, Array]]) -> tuple[Axes, list[Array], dict[int, int]]:
    """The axes that are indexed, for each an array of integers that are in bounds when computed, and ``own``.

    The arrays are of one shape. ``own`` has the axes along which each element is looked for at its own position, and
    for each the dimension of the indices which that is; there the blocks are those of ``x``.
    """
    lengths = [i.shape for _, i in arrays if i.dtype != bool]
    masked = any(i.dtype == bool for _, i in arrays)
    if masked and math.prod(np.broadcast_shapes(*lengths)) == 1:  # also where there are none
        raise NotImplementedError(
            "several masks, or a mask beside a single integer, in one index are not supported on dask, which does not "
            "know how many elements they name; take one after the other"
        )
    own = {} if masked else _own(x, arrays)
    axes: list[int] = []
    indices: list[Array] = []
    for axis, index in arrays:
        if axis in own:
            continue
        if index.dtype == bool:
            _check_mask(x, axis, index)
            found = _positions(index, np.broadcast_shapes(*lengths)[-1])
        else:
            found = [index]
        axes += range(axis, axis + len(found))
        indices += found
    checked = [_in_bounds(i, x.shape[axis]) for axis, i in zip(axes, indices, strict=True)]
    if own:
        shape = np.broadcast_shapes(*lengths)
        checked = [da.broadcast_to(i, shape).rechunk({d: x.chunks[axis] for axis, d in own.items()}) for i in checked]
    if len(checked) > 1:
        pairs = [part for i in da.broadcast_arrays(*checked) for part in (i, tuple(range(i.ndim)))]
        _, checked = da.core.unify_chunks(*pairs, warn=False)
    return tuple(axes), checked, own


def _own(x: Array, arrays: list[tuple[int, Array]]) -> dict[int, int]:
    """The axes of ``x`` that an array counts through, and along which dimension of the indices each does."""
    ndim = max(index.ndim for _, index in arrays)
    own: dict[int, int] = {}
    for axis, index in arrays:
        d = counted(index)
        if d is None or index.shape[d] != x.shape[axis] or index.shape[d] == 1:
            continue
        d += ndim - index.ndim
        if d not in own.values() and len(own) < len(arrays) - 1:  # one is left, to be looked up
            own[axis] = d
    return own


def _positions(mask: Array, n: int) -> list[Array]:
    """Where ``mask`` is true, which must be ``n`` times: as many as there are of the integers beside it."""
    letters = tuple(range(mask.ndim))
    return [
        da.blockwise(
            _find, (mask.ndim,), mask.rechunk(-1), letters, axis=axis, n=n, new_axes={mask.ndim: n}, dtype=np.intp,
            concatenate=True, meta=np.empty(0, np.intp),
        )
        for axis in letters
    ]  # fmt: skip


def _find(whole: Any, axis: int, n: int) -> Any:
    found = np.nonzero(whole)[axis]
    if len(found) not in (1, n):
        raise IndexError(f"a mask that holds for {len(found)} elements stands beside {n} integers in an index")
    return np.broadcast_to(found, (n,))


def _in_bounds(index: Array, n: int) -> Array:
    """``index``, counted from the start."""
    if math.isnan(n):
        raise ValueError(
            "an array of integers cannot index an axis of unknown length; call compute_chunk_sizes() on it first"
        )
    return index.map_blocks(_checked, n, dtype=np.intp, meta=np.empty((0,) * index.ndim, np.intp))


def _checked(i: Any, n: int) -> Any:
    i = i.astype(np.intp)
    wrong = (i < -n) | (i >= n)
    if wrong.any():
        raise IndexError(f"index {int(i[wrong].flat[0])} is out of bounds for a dimension of size {n}")
    return np.where(i < 0, i + n, i)


def _ranges(chunks: Sequence[int]) -> list[tuple[int, int]]:
    """From where to where each block goes."""
    ends = np.cumsum(chunks)
    return [(int(end) - int(n), int(end)) for n, end in zip(chunks, ends, strict=True)]


def _blocks(x: Array, axes: Axes) -> Iterator[tuple[tuple[int, ...], Array]]:
    """The blocks of ``x`` along ``axes``, whole in the others, and where each begins."""
    for bounds in product(*(_ranges(x.chunks[axis]) for axis in axes)):
        key = [FULL] * x.ndim
        for axis, (low, high) in zip(axes, bounds, strict=True):
            key[axis] = slice(low, high)
        yield tuple(low for low, _ in bounds), x if all(k == FULL for k in key) else x[tuple(key)]


def _hits(
    indices: Sequence[Any], lows: Sequence[int], shape: Sequence[int], dims: Sequence[int]
) -> tuple[Any, tuple[Any, ...]]:
    """Which ``indices`` lie in the block of ``shape`` that begins at ``lows``, and where in there.

    After the axes that are looked up come those along which each looks at its own position, along ``dims``.
    """
    inside = np.ones(indices[0].shape, bool)
    for i, low, n in zip(indices, lows, shape, strict=False):
        inside &= (i >= low) & (i < low + n)
    own = np.nonzero(inside) if dims else ()
    return inside, (*(i[inside] - low for i, low in zip(indices, lows, strict=True)), *(own[d] for d in dims))


def _gather(x: Array, axes: Axes, indices: list[Array], own: Mapping[int, int]) -> Array:
    """The elements of ``x`` at ``indices`` along ``axes``: the dimensions of the indices first, then the others."""
    n = indices[0].ndim
    letters = tuple(own.get(axis, n + axis) for axis in range(x.ndim))  # of x; those below n are of the indices
    first = (*axes, *own)
    out = (*range(n), *(letters[axis] for axis in range(x.ndim) if axis not in first))
    dims = tuple(own.values())
    found = None
    pairs = [part for index in indices for part in (index, tuple(range(n)))]
    for lows, block in _blocks(x, axes):
        # all blocks match already, and those of unknown length can be matched with nothing
        found = da.blockwise(
            _pick, out, found, None if found is None else out, block, letters, *pairs, lows=lows, first=first,
            dims=dims, dtype=x.dtype, concatenate=True, align_arrays=False, meta=np.empty((0,) * len(out), x.dtype),
        )  # fmt: skip
    return found


def _pick(found: Any, block: Any, *at: Any, lows: tuple[int, ...], first: Axes, dims: Axes) -> Any:
    """What was ``found`` so far, with what is in this block."""
    block = np.moveaxis(block, first, tuple(range(len(first))))
    inside, where = _hits(at, lows, block.shape, dims)
    shape = (*at[0].shape, *block.shape[len(first) :])
    found = np.zeros(shape, block.dtype) if found is None else found.copy()
    found[inside] = block[where]
    return found


def _scatter(x: Array, axes: Axes, indices: list[Array], value: Array, own: Mapping[int, int], *, add: bool) -> Array:
    """``x`` with ``value`` at ``indices`` along ``axes``; its dimensions are as :func:`_gather` gives them."""
    n = indices[0].ndim
    letters = tuple(own.get(axis, n + axis) for axis in range(x.ndim))
    first = (*axes, *own)
    rest = tuple(letters[axis] for axis in range(x.ndim) if axis not in first)
    dims = tuple(own.values())
    # the values in the blocks of the indices and of x, which then are taken one after the other
    known = {d: indices[0].chunks[d] for d in range(n) if not math.isnan(indices[0].shape[d])}
    value = value.rechunk(known | {n + d: x.chunks[letter - n] for d, letter in enumerate(rest)})
    if value.numblocks[:n] != indices[0].numblocks:
        raise ValueError(
            f"values in {value.numblocks[:n]} blocks of unknown length cannot be matched with indices in "
            f"{indices[0].numblocks}; call compute_chunk_sizes() on them first"
        )
    positions = product(*([FULL] if d in dims else range(count) for d, count in enumerate(value.numblocks[:n])))
    steps = [([i.blocks[p] for i in indices], value.blocks[p]) if n else (indices, value) for p in positions]
    done = []
    for lows, block in _blocks(x, axes):
        for at, values in steps:
            pairs = [part for index in at for part in (index, tuple(range(n)))]
            block = da.blockwise(
                _put, letters, block, letters, values, (*range(n), *rest), *pairs, lows=lows, first=first, dims=dims,
                add=add, dtype=x.dtype, concatenate=True, align_arrays=False, meta=empty_like(x),
            )  # fmt: skip
        done.append(block)
    return _joined(done, axes, [len(x.chunks[axis]) for axis in axes])


def _put(block: Any, values: Any, *at: Any, lows: tuple[int, ...], first: Axes, dims: Axes, add: bool) -> Any:
    block = block.copy()
    moved = np.moveaxis(block, first, tuple(range(len(first))))
    inside, where = _hits(at, lows, moved.shape, dims)
    if add:
        np.add.at(moved, where, values[inside])
    else:
        moved[where] = values[inside]
    return block


def _joined(blocks: list[Array], axes: Axes, counts: list[int]) -> Array:
    """What :func:`_blocks` took apart, put together again."""
    for axis, count in zip(reversed(axes), reversed(counts), strict=True):
        if count > 1:
            blocks = [da.concatenate(blocks[i : i + count], axis=axis) for i in range(0, len(blocks), count)]
    return blocks[0]
