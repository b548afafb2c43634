"""Searching, sorting and taking: Array API standard, "Searching", "Sorting" and "Indexing Functions"."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import DtypeError, ShapeError, apply
from gradarray._primitive import TABLE
from gradarray._storage import Value
from gradarray.creation import arange, as_value
from gradarray.functions.indexing import getitem, integers
from gradarray.functions.manipulation import broadcast_to, reshape
from gradarray.functions.statistical import check_axis, check_tensor, needed_axis
from gradarray.functions.types import result_type

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Scalar = bool | int | float | complex


def where(condition: Tensor, x1: Tensor | Scalar | None = None, x2: Tensor | Scalar | None = None, /) -> Any:
    """``x1`` where ``condition`` is true, else ``x2``. Shapes broadcast; differentiable in ``x1`` and ``x2``.

    The branch not taken gets a gradient of exact zero, also where its own derivative is infinite or nan. With
    ``condition`` alone as :func:`nonzero`.

    Raises
    ------
    TypeError
        If ``condition`` is not of dtype bool.
    RuntimeError
        If ``x1`` or ``x2`` is an int that the integer dtype of the other does not hold.

    References
    ----------
    Array API standard, ``where``; ``torch.where``.
    """
    if not isinstance(condition, Value):
        condition = as_value(condition)
    if x1 is None and x2 is None:
        return nonzero(condition)
    if condition._dtype.kind != "b":
        raise DtypeError(f"where expected condition to be a boolean tensor, but got {condition._dtype!r}")
    if not isinstance(x1, Value) and not isinstance(x2, Value):
        x1 = as_value(x1, device=condition._place)
    return apply(TABLE["where"], (condition, x1, x2), {})


def argmax(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Position of the first largest element along ``axis`` (None: of the flattened tensor), as int64.

    References
    ----------
    Array API standard, ``argmax``; ``torch.argmax``.
    """
    return apply(TABLE["argmax"], (x,), {"axis": check_axis(x, axis), "keepdims": keepdims})


def argmin(x: Tensor, /, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Position of the first smallest element along ``axis``. As :func:`argmax`.

    References
    ----------
    Array API standard, ``argmin``; ``torch.argmin``.
    """
    return apply(TABLE["argmin"], (x,), {"axis": check_axis(x, axis), "keepdims": keepdims})


def nonzero(x: Tensor, /) -> tuple[Tensor, ...]:
    """Positions of the elements that are not zero, one tensor a dimension.

    Raises
    ------
    RuntimeError
        If ``x`` has no dimensions.

    References
    ----------
    Array API standard, ``nonzero``; ``torch.nonzero(as_tuple=True)``.
    """
    if not check_tensor(x)._data.shape:
        raise ShapeError("nonzero needs at least 1 dimension, got a 0-d tensor; use x.reshape(1) first")
    found: Any = apply(TABLE["nonzero"], (x,), {})
    return found  # type: ignore[no-any-return]


def searchsorted(x1: Tensor, x2: Tensor | Scalar, /, *, side: str = "left", sorter: Tensor | None = None) -> Tensor:
    """Where ``x2`` would stand in the sorted ``x1``.

    References
    ----------
    Array API standard, ``searchsorted``; ``torch.searchsorted``.
    """
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', got {side!r}")
    if len(check_tensor(x1)._data.shape) != 1:
        raise ShapeError(f"searchsorted: x1 must be 1-d, got shape {list(x1._data.shape)}")
    if sorter is not None:
        x1 = take(x1, sorter)
    if not isinstance(x2, Value):
        like = x2 if isinstance(x2, Scalar) else as_value(x2, device=x1._place)
        x2 = as_value(x2, dtype=result_type(x1, like), device=x1._place)
    return apply(TABLE["searchsorted"], (x1, x2), {"side": side})


def argsort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The positions that sort ``x`` along ``axis``, as int64.

    References
    ----------
    Array API standard, ``argsort``; ``torch.argsort``.
    """
    axis = check_axis(x, operator.index(axis))
    if not x._data.shape:
        return apply(TABLE["argmax"], (x,), {"axis": None, "keepdims": False})
    params = {"axis": axis, "descending": descending, "stable": stable}
    return apply(TABLE["argsort"], (x,), params)


def sort(x: Tensor, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """``x`` sorted along ``axis``. Differentiable: each gradient goes back to where its element came from.

    References
    ----------
    Array API standard, ``sort``; ``torch.sort`` (which gives the positions as well).
    """
    axis = check_axis(x, operator.index(axis))
    if not x._data.shape:
        return apply(TABLE["clone"], (x,), {})
    return take_along_axis(x, argsort(x, axis=axis, descending=descending, stable=stable), axis=axis)


def take(x: Tensor, indices: Tensor, /, *, axis: int | None = None) -> Tensor:
    """The elements of ``x`` at ``indices`` (1-d) along ``axis``. Differentiable in ``x``.

    References
    ----------
    Array API standard, ``take``; ``torch.index_select``.
    """
    if axis is None:
        if len(check_tensor(x)._data.shape) != 1:
            raise ValueError(f"take: axis must be given for a tensor of shape {list(x._data.shape)}")
        axis = 0
    axis = needed_axis(x, axis) % len(x._data.shape)
    return getitem(x, (*(slice(None),) * axis, integers(x, indices, "take")))


def take_along_axis(x: Tensor, indices: Tensor, /, *, axis: int = -1) -> Tensor:
    """The element of ``x`` at each of ``indices`` along ``axis``; other dimensions broadcast. Differentiable in ``x``.

    References
    ----------
    Array API standard, ``take_along_axis``; ``torch.take_along_dim``.
    """
    ndim = len(check_tensor(x)._data.shape)
    indices = integers(x, check_tensor(indices), "take_along_axis")
    if len(indices._data.shape) != ndim:
        raise ValueError(
            f"take_along_axis: x and indices must have as many dimensions, got shapes {list(x._data.shape)} and "
            f"{list(indices._data.shape)}"
        )
    axis = needed_axis(x, axis) % ndim
    lengths = [b if a == 1 else a for a, b in zip(x._data.shape, indices._data.shape, strict=True)]
    lengths[axis] = indices._data.shape[axis]
    key: list[Any] = []
    for d, n in enumerate(lengths):
        if d == axis:
            key.append(broadcast_to(indices, tuple(lengths)))
        elif x._data.shape[d] == 1:
            key.append(reshape(arange(1, device=x._place), (1,) * ndim))
        else:
            key.append(reshape(arange(n, device=x._place), tuple(-1 if i == d else 1 for i in range(ndim))))
    return getitem(x, tuple(key))
