"""Manipulation functions: Array API standard, "Manipulation Functions", and ``astype``.

What the table lacks is composed here of what it has.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError, apply, broadcast_shape, cast, road, same_shape
from gradarray._levels import raised
from gradarray._primitive import TABLE
from gradarray._storage import Value, one_of_several
from gradarray.creation import as_value, to_place
from gradarray.dtypes import DType, as_dtype
from gradarray.functions.elementwise import not_equal, subtract
from gradarray.functions.indexing import getitem
from gradarray.functions.statistical import check_axis, check_tensor, needed_axis

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Shape = tuple[int, ...]
_T = Any
_VIEW, _PERMUTE, _MATRIX_TRANSPOSE = road("view"), road("permute_dims"), road("matrix_transpose")


def resolve_shape(x: Any, shape: Sequence[int], name: str) -> Shape:
    """``shape`` with its -1 worked out.

    Raises
    ------
    RuntimeError
        If it does not fit the number of elements, or has two -1.
    """
    given = tuple(map(operator.index, shape))
    check_tensor(x)
    size = math.prod(x._data.shape)
    if negative := [n for n in given if n < 0]:
        if negative.count(-1) > 1:
            raise ShapeError(f"{name}: only one dimension can be inferred, but shape {list(given)} has several -1")
        if negative != [-1]:
            raise ShapeError(f"{name}: invalid negative dimension in shape {list(given)}")
        rest = math.prod(n for n in given if n != -1)
        if rest == 0 or size % rest:
            raise ShapeError(f"{name}: shape {list(given)} is invalid for input of size {size}")
        given = tuple(size // rest if n == -1 else n for n in given)
    if math.prod(given) != size:
        raise ShapeError(f"{name}: shape {list(given)} is invalid for input of size {size}")
    return given


def view(x: Tensor, shape: Sequence[int]) -> Tensor:
    """``x`` in another shape over the same memory. Differentiable.

    Raises
    ------
    RuntimeError
        If the size does not fit, or the memory cannot be viewed so; ``reshape`` copies where it must.

    References
    ----------
    ``torch.Tensor.view``.
    """
    target = resolve_shape(x, shape, "view")
    try:
        return _VIEW(x, {"shape": target})  # type: ignore[no-any-return]
    except (ValueError, AttributeError):
        raise ShapeError(
            f"view size {list(target)} is not compatible with input tensor's size {list(x._data.shape)} and stride "
            "(at least one dimension spans across two contiguous subspaces). Use .reshape(...) instead."
        ) from None


def reshape(x: Tensor, /, shape: Sequence[int], *, copy: bool | None = None) -> Tensor:
    """``x`` in another shape: a view where the memory allows it, else a copy. Differentiable.

    Parameters
    ----------
    x : Tensor
    shape : sequence of int
        With at most one -1, which is worked out.
    copy : bool or None
        True: always copy. False: never, raise instead.

    Raises
    ------
    RuntimeError
        If the size does not fit.
    ValueError
        If ``copy=False`` and a copy is needed.

    References
    ----------
    Array API standard, ``reshape``; ``torch.reshape``.
    """
    target = resolve_shape(x, (shape,) if isinstance(shape, int) else shape, "reshape")
    if copy:
        return apply(TABLE["reshape"], (apply(TABLE["clone"], (x,), {}),), {"shape": target})
    try:
        return _VIEW(x, {"shape": target})  # type: ignore[no-any-return]
    except (ValueError, AttributeError):
        if copy is False:
            raise
        return apply(TABLE["reshape"], (x,), {"shape": target})


def permute_dims(x: Tensor, /, axes: Sequence[int]) -> Tensor:
    """``x`` with its dimensions in another order, a view. Differentiable.

    References
    ----------
    Array API standard, ``permute_dims``; ``torch.permute``.
    """
    axes = tuple(axes)
    if len(axes) != len(check_tensor(x)._data.shape):
        raise ShapeError(f"permute_dims: {len(axes)} axes {axes} for a tensor of shape {list(x._data.shape)}")
    check_axis(x, axes)
    return _PERMUTE(x, {"axes": axes})  # type: ignore[no-any-return]


def transpose(x: Tensor, dim0: int | Sequence[int] | None = None, dim1: int | None = None) -> Tensor:
    """``x`` with two dimensions swapped, a view. Differentiable.

    Parameters
    ----------
    x : Tensor
    dim0, dim1 : int
        Those to swap. As in NumPy, one sequence is the order of all dimensions, and without any they are reversed.

    Raises
    ------
    IndexError
        If ``x`` has no such dimension.

    References
    ----------
    ``torch.transpose``; ``numpy.transpose``.
    """
    if dim0 is None:
        return permute_dims(x, tuple(range(len(check_tensor(x)._data.shape)))[::-1])
    if not isinstance(dim0, int):
        return permute_dims(x, dim0)
    if dim1 is None:
        raise TypeError("transpose: one dimension cannot be swapped; name two, or the order of all as a tuple")
    check_axis(x, dim0), check_axis(x, dim1)
    ndim = len(x._data.shape)
    axes = list(range(ndim))
    if ndim:
        axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    if ndim == 2 and axes == [1, 0]:
        return matrix_transpose(x)
    return apply(TABLE["transpose"], (x,), {"axes": tuple(axes)})


def matrix_transpose(x: Tensor, /) -> Tensor:
    """``x`` with its last two dimensions swapped, a view. Differentiable.

    References
    ----------
    Array API standard, ``matrix_transpose``; ``torch.Tensor.mT``.
    """
    if len(check_tensor(x)._data.shape) < 2:
        raise ShapeError(f"matrix_transpose needs at least 2 dimensions, got shape {list(x._data.shape)}")
    return _MATRIX_TRANSPOSE(x, {})  # type: ignore[no-any-return]


def moveaxis(x: Tensor, source: int | Sequence[int], destination: int | Sequence[int], /) -> Tensor:
    """``x`` with dimensions moved to other positions, the rest in order; a view. Differentiable.

    References
    ----------
    Array API standard, ``moveaxis``; ``torch.moveaxis``.
    """
    sources = (source,) if isinstance(source, int) else tuple(source)
    destinations = (destination,) if isinstance(destination, int) else tuple(destination)
    for axes in filter(None, (sources, destinations)):
        needed_axis(x, axes)
    ndim = len(x._data.shape)
    moved, places = [s % ndim for s in sources], [d % ndim for d in destinations]
    if len(moved) != len(places):
        raise ValueError(f"moveaxis: {len(moved)} sources for {len(places)} destinations")
    order = [i for i in range(ndim) if i not in moved]
    for place, axis in sorted(zip(places, moved, strict=True)):
        order.insert(place, axis)
    return permute_dims(x, tuple(order))


def expand_dims(x: Tensor, /, axis: int | tuple[int, ...] = 0) -> Tensor:
    """``x`` with dimensions of length 1 put in, which stand at ``axis`` in the result; a view. Differentiable.

    Raises
    ------
    IndexError
        If the result has no such axis.
    ValueError
        If one is named twice.

    References
    ----------
    Array API standard, ``expand_dims``; ``torch.unsqueeze``.
    """
    axes = axis if isinstance(axis, tuple) else (axis,)
    n = len(x._data.shape) + len(axes)
    for a in axes:
        if not -n <= a < n:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {a})")
    new = {a % n for a in axes}
    if len(new) < len(axes):
        raise ShapeError(f"expand_dims: a dimension appears twice in {axes}, of {n} in the result")
    if len(new) == 1:
        return apply(TABLE["expand_dims"], (x,), {"axis": new.pop()})
    return getitem(x, tuple(None if i in new else slice(None) for i in range(n)))


def squeeze(x: Tensor, /, axis: int | tuple[int, ...]) -> Tensor:
    """``x`` without the dimensions ``axis``, which must have length 1; a view. Differentiable.

    Raises
    ------
    ValueError
        If one is longer.

    References
    ----------
    Array API standard, ``squeeze``.
    """
    axes = axis if isinstance(axis, tuple) else (axis,)
    if axes:
        needed_axis(x, axis)
    if any(x._data.shape[a] != 1 for a in axes):
        raise ShapeError(f"squeeze: cannot drop axis {axis} of shape {list(x._data.shape)}: its length is not 1")
    return apply(TABLE["squeeze"], (x,), {"axis": axes})


def broadcast_to(x: Tensor, /, shape: Sequence[int]) -> Tensor:
    """``x`` repeated to ``shape`` without using memory, a view. Differentiable.

    References
    ----------
    Array API standard, ``broadcast_to``; ``torch.broadcast_to``.
    """
    target = tuple(map(operator.index, shape))
    check_tensor(x)
    if broadcast_shape(x._data.shape, target) != target or any(n < 0 for n in target):
        raise ShapeError(f"broadcast_to: shape {list(x._data.shape)} does not broadcast to {list(target)}")
    return apply(TABLE["broadcast_to"], (x,), {"shape": target})


def broadcast_shapes(*shapes: Shape) -> Shape:
    """The shape that all ``shapes`` broadcast to.

    References
    ----------
    Array API standard, ``broadcast_shapes``.
    """
    out: Shape = ()
    for shape in shapes:
        joined = broadcast_shape(out, tuple(shape))
        if joined is None:
            raise ShapeError(f"shapes {', '.join(str(list(s)) for s in shapes)} do not broadcast")
        out = joined
    return out


def broadcast_arrays(*arrays: Tensor) -> tuple[Tensor, ...]:
    """All ``arrays`` broadcast against each other. Differentiable.

    References
    ----------
    Array API standard, ``broadcast_arrays``.
    """
    shape = broadcast_shapes(*(x._data.shape for x in arrays))
    return tuple(broadcast_to(x, shape) for x in arrays)


def concat(arrays: Sequence[Tensor], /, *, axis: int | None = 0) -> Tensor:
    """``arrays`` joined along ``axis`` (None: flattened first). Differentiable.

    Raises
    ------
    RuntimeError
        If there are none, or their other dimensions differ.

    References
    ----------
    Array API standard, ``concat``; ``torch.cat``.
    """
    arrays = tuple(arrays)
    if not arrays:
        raise ShapeError("concat: expected a non-empty list of Tensors")
    for x in arrays:
        check_tensor(x)
    if axis is None:
        return concat([reshape(x, (-1,)) for x in arrays], axis=0)
    axis = check_axis(arrays[0], axis)
    first = arrays[0]._data.shape
    if axis is None:
        raise ShapeError("concat: zero-dimensional tensors cannot be concatenated; use stack")
    axis %= len(first)
    before, behind = first[:axis], first[axis + 1 :]
    for x in arrays[1:]:
        shape = x._data.shape
        if len(shape) != len(first) or shape[:axis] != before or shape[axis + 1 :] != behind:
            raise ShapeError(
                f"concat: sizes of tensors must match except in dimension {axis}, got {list(first)} and {list(shape)}"
            )
    return apply(TABLE["concat"], arrays, {"axis": axis})


def stack(arrays: Sequence[Tensor], /, *, axis: int = 0) -> Tensor:
    """``arrays`` of one shape joined along a new ``axis``. Differentiable.

    References
    ----------
    Array API standard, ``stack``; ``torch.stack``.
    """
    arrays = tuple(arrays)
    if not arrays:
        raise ShapeError("stack: expected a non-empty list of Tensors")
    for x in arrays:
        check_tensor(x)
    shapes = [x._data.shape for x in arrays]
    if not all(same_shape(s, shapes[0]) for s in shapes):
        given = ", ".join(str(list(s)) for s in shapes)
        raise ShapeError(f"stack expects each tensor to be equal size, but got {given}")
    n = len(shapes[0]) + 1
    if not -n <= axis < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {axis})")
    return apply(TABLE["stack"], arrays, {"axis": axis % n})


def unstack(x: Tensor, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The slices of ``x`` along ``axis``, as views. Differentiable.

    References
    ----------
    Array API standard, ``unstack``; ``torch.unbind``.
    """
    if not check_tensor(x)._data.shape:
        raise IndexError(f"unstack: dimension specified as {axis} but tensor has no dimensions")
    axis = check_axis(x, axis) % len(x._data.shape)
    before = (slice(None),) * axis
    return tuple(getitem(x, (*before, i)) for i in range(x._data.shape[axis]))


def split(x: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """``x`` cut along ``dim`` into pieces of a size, or of the sizes listed; views. Differentiable.

    References
    ----------
    ``torch.split``.
    """
    if not check_tensor(x)._data.shape:
        raise ShapeError("split expects at least a 1-dimensional tensor, got a 0-d tensor")
    axis = check_axis(x, dim) % len(x._data.shape)
    n = x._data.shape[axis]
    sizes = split_size_or_sections
    if isinstance(sizes, int):
        if sizes <= 0 and not sizes == n == 0:
            raise ShapeError(f"split: split_size must be positive, got {sizes} for length {n}")
        sizes = [n] if n == 0 else [min(sizes, n - start) for start in range(0, n, sizes)]
    if sum(sizes) != n:
        raise ShapeError(f"split: sizes {list(sizes)} do not add up to {n}, the length of dimension {dim}")
    pieces, start = [], 0
    for size in sizes:
        pieces.append(getitem(x, (*(slice(None),) * axis, slice(start, start + size))))
        start += size
    one_of_several(pieces)
    return tuple(pieces)


def flip(x: Tensor, /, *, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """``x`` with the order along ``axis`` (by default all) reversed, a copy. Differentiable.

    References
    ----------
    Array API standard, ``flip``; ``torch.flip``.
    """
    axis = check_axis(x, axis)
    return apply(TABLE["flip"], (x,), {"axis": axis}) if x._data.shape else apply(TABLE["clone"], (x,), {})


def roll(x: Tensor, /, shift: int | tuple[int, ...], *, axis: int | tuple[int, ...] | None = None) -> Tensor:
    """``x`` shifted along ``axis`` (by default flattened); what leaves at one end enters at the other. Differentiable.

    Raises
    ------
    TypeError
        If a shift is no integer.
    RuntimeError
        If there are several shifts, and not as many axes.

    References
    ----------
    Array API standard, ``roll``; ``torch.roll``.
    """
    shifts = tuple(map(operator.index, shift if isinstance(shift, tuple | list) else (shift,)))
    if isinstance(shift, tuple | list) and len(shifts) != (len(axis) if isinstance(axis, tuple | list) else 1):
        raise ShapeError(f"roll: there must be as many shifts as axes, got shift={shift} and axis={axis}")
    if axis is not None and not check_tensor(x)._data.shape:
        raise IndexError(f"roll: dimension specified as {axis} but tensor has no dimensions")
    params = {"shift": shifts[0] if len(shifts) == 1 else shifts, "axis": check_axis(x, axis)}
    return apply(TABLE["roll"], (x,), params)


def _own(x: Tensor) -> Tensor:
    """``x`` in memory of its own: a copy of a view."""
    return x if x._meta is None or x._meta.base is None else apply(TABLE["clone"], (x,), {})


def tile(x: Tensor, repetitions: tuple[int, ...], /) -> Tensor:
    """``x`` repeated as a whole along each dimension. Differentiable.

    References
    ----------
    Array API standard, ``tile``; ``torch.tile``.
    """
    shape = check_tensor(x)._data.shape
    n = max(len(shape), len(repetitions))
    lengths = (1,) * (n - len(shape)) + shape
    times = (1,) * (n - len(repetitions)) + tuple(repetitions)
    doubled = reshape(x, tuple(k for length in lengths for k in (1, length)))
    spread = broadcast_to(doubled, tuple(k for pair in zip(times, lengths, strict=True) for k in pair))
    return _own(reshape(spread, tuple(t * length for t, length in zip(times, lengths, strict=True))))


def repeat(x: Tensor, repeats: int | Tensor, /, *, axis: int | None = None) -> Tensor:
    """Each element of ``x`` repeated along ``axis`` (by default flattened). Differentiable in ``x``.

    References
    ----------
    Array API standard, ``repeat``; ``torch.repeat_interleave``.
    """
    if axis is None:
        x, axis = reshape(x, (-1,)), 0
    axis = needed_axis(x, axis) % len(x._data.shape)
    n = x._data.shape[axis]
    if isinstance(repeats, Value) or not isinstance(repeats, int):
        import numpy as np

        counts = as_value(repeats)
        times = counts._place.backend.to_numpy(counts._data)
        try:
            source = np.repeat(np.arange(n), np.broadcast_to(times, (n,)))
        except ValueError as error:
            raise ShapeError(
                f"repeat: repeats must be a number, or one for each of the {n} elements along axis {axis}, and none "
                f"negative, got {times.tolist()}"
            ) from error
        return getitem(x, (*(slice(None),) * axis, source))
    shape = x._data.shape
    spread = broadcast_to(expand_dims(x, axis=axis + 1), (*shape[: axis + 1], repeats, *shape[axis + 1 :]))
    return _own(reshape(spread, (*shape[:axis], n * repeats, *shape[axis + 1 :])))


def diff(
    x: Tensor, /, n: int = 1, *, axis: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Differences of neighbours along ``axis``, taken ``n`` times. Differentiable in all tensors.

    Parameters
    ----------
    x : Tensor
        Of bool: whether neighbours differ.
    axis : int
    n : int
        The result is shorter by as much; with 0 it is a copy of ``x``.
    prepend, append : Tensor, optional
        Joined to ``x`` along ``axis`` first. Dtypes promote.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If ``x`` is 0-d or shapes do not fit.
    ValueError
        If ``n`` is negative.
    IndexError
        If ``x`` has no such axis.

    References
    ----------
    Array API standard, ``diff``; ``torch.diff``.
    """
    if not x._data.shape:
        raise ShapeError("diff needs at least 1 dimension, got a 0-d tensor")
    if n < 0:
        raise ShapeError(f"diff: n must not be negative, got {n}")
    axis = check_axis(x, axis) % len(x._data.shape)
    if n == 0:  # of x alone, as NumPy and PyTorch have it
        return clone(x)
    parts = [part for part in (prepend, x, append) if part is not None]
    out = concat(parts, axis=axis) if len(parts) > 1 else x
    before = (slice(None),) * axis
    minus = not_equal if out._dtype.kind == "b" else subtract
    for _ in range(n):
        out = minus(getitem(out, (*before, slice(1, None))), getitem(out, (*before, slice(None, -1))))
    return out


def meshgrid(*arrays: Tensor, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Coordinates of a grid from those of its axes. Differentiable.

    References
    ----------
    Array API standard, ``meshgrid``; ``torch.meshgrid``.
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing must be 'xy' or 'ij', got {indexing!r}")
    n = len(arrays)
    order = list(range(n))
    if indexing == "xy" and n > 1:
        order[0], order[1] = 1, 0
    shaped = [reshape(x, tuple(-1 if i == d else 1 for i in range(n))) for d, x in zip(order, arrays, strict=True)]
    return broadcast_arrays(*shaped)


def _matrices(x: Any, name: str) -> Any:
    if len(check_tensor(x)._data.shape) < 2:
        raise ShapeError(f"{name}: input tensor must have at least 2 dimensions, got shape {list(x._data.shape)}")
    return x


def tril(x: Tensor, /, *, k: int = 0) -> Tensor:
    """``x`` with zeros above its ``k``-th diagonal. Differentiable.

    References
    ----------
    Array API standard, ``tril``; ``torch.tril``.
    """
    return apply(TABLE["tril"], (_matrices(x, "tril"),), {"k": k})


def triu(x: Tensor, /, *, k: int = 0) -> Tensor:
    """``x`` with zeros below its ``k``-th diagonal. Differentiable.

    References
    ----------
    Array API standard, ``triu``; ``torch.triu``.
    """
    return apply(TABLE["triu"], (_matrices(x, "triu"),), {"k": k})


def astype(x: Tensor, dtype: DType, /, *, copy: bool = True, device: Any = None) -> Tensor:
    """``x`` in another dtype; a copy, or with ``copy=False`` ``x`` itself where nothing changes. Differentiable.

    References
    ----------
    Array API standard, ``astype``; ``torch.Tensor.to``.
    """
    target = as_dtype(dtype)
    check_tensor(x)
    moved = x if device is None else as_value(x, device=to_place(device))
    if moved._dtype is target:
        return clone(moved) if copy and moved is x else moved
    return cast(moved, target)


def clone(x: Tensor, /) -> Tensor:
    """A copy of ``x`` in memory of its own, which the transform that runs now may write to. Differentiable.

    References
    ----------
    ``torch.clone``.
    """
    return raised(apply(TABLE["clone"], (x,), {}))  # type: ignore[no-any-return]
