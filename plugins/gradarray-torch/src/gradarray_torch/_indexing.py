"""NumPy's indexing in PyTorch's terms: what a key means, and the views and index tensors that give it.

Knows PyTorch. Must not know gradarray. PyTorch strays from NumPy in four ways, each mended here: it has no negative
steps; it takes an integer beside index arrays for a slice of one; it takes arrays of uint8 for masks; and it neither
reverses uint16, uint32 and uint64 nor, on a GPU, reads positions of them, nor writes and adds at positions in them, but
does so with the signed dtypes' bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]`` for every key that NumPy takes: a view for a basic key without negative steps, else a copy."""
    if _is_basic(key):
        return basic(x, key=key)
    if (signed := SIGNED.get(x.dtype)) is not None:
        return getitem(x.view(signed), key).view(x.dtype)
    view, backwards, indices, order = _split(x, key)
    view = flip(view, backwards) if backwards else view
    found: Tensor = torch.ops.aten.index(view.permute(order), indices)
    return found


def basic(x: Tensor, *, key: Any) -> Tensor:
    """``x[key]`` for slices, integers, None and ``...``."""
    try:
        return x[key]
    except ValueError:  # a negative step
        view, backwards = _forwards(x, key)
        return flip(view, backwards)


def flip(x: Tensor, dims: Sequence[int]) -> Tensor:
    """``x`` reversed along ``dims``, a copy."""
    signed = SIGNED.get(x.dtype)
    out: Tensor = torch.flip(x if signed is None else x.view(signed), tuple(dims))
    return out.view(x.dtype)


def setitem(x: Tensor, key: Any, value: Tensor) -> None:
    """Write ``value`` to ``x[key]``.

    Raises
    ------
    ValueError
        If it does not fit, or elements of ``x`` share memory. Nothing has been written then.
    IndexError
        If an index is out of bounds. On a GPU, where looking would mean waiting, PyTorch finds out: late, and for good.
    """
    if 0 in x.stride() and x.numel() and any(n > 1 and step == 0 for n, step in zip(x.shape, x.stride(), strict=True)):
        raise ValueError("the array is read-only: several of its elements, broadcast, are one in memory")
    if x.untyped_storage().data_ptr() == value.untyped_storage().data_ptr():
        value = value.clone()  # PyTorch copies as if they did not overlap
    try:
        if _is_basic(key):
            view, backwards = _forwards(x, key)
            value = _fitted(value).expand(view.shape)
            view.copy_(flip(value, backwards) if backwards else value)
        else:
            _put(x, key, value, accumulate=False)
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def index_add(x: Tensor, key: Any, value: Tensor) -> None:
    """Add ``value`` to ``x[key]``, at a position that is named twice twice."""
    if _is_basic(key):
        view, backwards = _forwards(x, key)
        value = _fitted(value).expand(view.shape)
        value = flip(value, backwards) if backwards else value
        if x.dtype in SIGNED:
            view.view(SIGNED[x.dtype]).add_(value.view(SIGNED[x.dtype]))
        else:
            view += value
    else:
        _put(x, key, value, accumulate=True)


def _put(x: Tensor, key: Any, value: Tensor, *, accumulate: bool) -> None:
    if x.dtype in SIGNED:
        x, value = x.view(SIGNED[x.dtype]), value.view(SIGNED[x.dtype])
    view, backwards, indices, order = _split(x, key)
    target = flip(view, backwards) if backwards else view
    if x.is_cpu and not accumulate:  # PyTorch's would write up to where it meets it
        _check_bounds(target.permute(order).shape, indices)
    torch.ops.aten.index_put_(target.permute(order), indices, _fitted(value), accumulate)
    if backwards:  # that was a copy
        view.copy_(flip(target, backwards))


def _fitted(value: Tensor) -> Tensor:
    """``value`` without leading dimensions of length 1, which count for nothing, as in NumPy."""
    while value.ndim and value.shape[0] == 1:
        value = value[0]
    return value


def _check_bounds(shape: torch.Size, indices: list[Tensor | None]) -> None:
    dim = 0
    for index in indices:
        if index is not None and index.dtype != torch.bool and index.numel():
            try:
                low, high = (extreme.item() for extreme in index.aminmax())
            except RuntimeError:  # while PyTorch traces, there are no values
                low = high = 0
            if low < -shape[dim] or high >= shape[dim]:
                raise IndexError(f"indices {low} to {high} are not all within {shape[dim]} elements")
        dim += 1 if index is None else _taken(index)


# -- keys --------------------------------------------------------------------------------------------------------------


def _is_basic(key: Any) -> bool:
    """Whether ``key`` holds no arrays."""
    keys = key if type(key) is tuple else (key,)
    return not any(isinstance(k, Tensor | bool) for k in keys)


def _taken(k: Any) -> int:
    """How many dimensions a part of a key takes."""
    if k is None or k is ... or isinstance(k, bool):
        return 0
    return k.ndim if isinstance(k, Tensor) and k.dtype == torch.bool else 1


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


def _forwards(x: Tensor, key: Any) -> tuple[Tensor, list[int]]:
    """The view of ``x`` at a key without arrays, its steps made positive, and the dimensions that want reversing."""
    parts, _ = _parts(key, x.ndim)
    backwards = []
    dim = position = 0  # in x, and in the view
    for i, k in enumerate(parts):
        if isinstance(k, slice) and k.step is not None and k.step < 0:
            places = range(x.shape[dim])[k]
            parts[i] = slice(places[-1], places[0] + 1, -k.step) if places else slice(0, 0)
            backwards.append(position)
        dim += k is not None
        position += k is None or isinstance(k, slice)
    return x[tuple(parts)], backwards


def _split(x: Tensor, key: Any) -> tuple[Tensor, list[int], list[Tensor | None], list[int]]:
    """``key`` in two steps: a view of ``x`` with dimensions that want reversing, and index arrays into it.

    Last comes the order of dimensions to index in. NumPy puts what the arrays give first where they are not next to
    each other, also where but a ``...`` of no dimensions stands between; that is where the indexed ones come first.
    """
    parts, gap = _parts(key, x.ndim)
    basics: list[Any] = []
    indices: list[Tensor | None] = []
    which = [i for i, k in enumerate(parts) if k is not None and not isinstance(k, slice)]
    first: list[int] = []  # the dimensions that are indexed
    rest: list[int] = []
    for k in parts:
        n = len(first) + len(rest)
        if k is None or isinstance(k, slice):
            basics.append(k)
            indices.append(None)
            rest.append(n)
        elif isinstance(k, bool) or (isinstance(k, Tensor) and k.dtype == torch.bool and not k.ndim):
            basics.append(None)  # a new dimension, of which there is all or nothing
            indices.append(torch.zeros(int(k), dtype=torch.int64, device=x.device))
            first.append(n)
        else:
            index = torch.as_tensor(k, device=x.device)
            if index.dtype != torch.bool:
                index = index.to(torch.int64)
            elif not index.numel():  # NumPy takes a length of 0 for any
                dim = sum(map(_taken, parts[: len(indices)]))
                lengths = zip(index.shape, x.shape[dim : dim + index.ndim], strict=True)
                index = index.new_zeros([length if n == 0 else n for n, length in lengths])
            basics += [slice(None)] * _taken(index)
            indices.append(index)
            first += range(n, n + _taken(index))
    view, backwards = _forwards(x, tuple(basics))
    if which[-1] - which[0] >= len(which) or which[0] < gap <= which[-1]:
        return view, backwards, [index for index in indices if index is not None], first + rest
    return view, backwards, indices, list(range(view.ndim))
