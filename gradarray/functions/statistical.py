"""Statistical functions: Array API standard, "Statistical Functions", and tests of truth, "Utility Functions"."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from gradarray import _state
from gradarray._dispatch import DtypeError, apply, cast, road
from gradarray._primitive import TABLE
from gradarray._storage import Value
from gradarray.creation import full
from gradarray.dtypes import as_dtype, int64, uint32, uint64

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Axis = int | tuple[int, ...] | None

_SUM, _MEAN = road("sum"), road("mean")


def check_tensor(x: Any) -> Any:
    """``x``, if it is a tensor.

    Raises
    ------
    TypeError
        As PyTorch does.
    """
    if not isinstance(x, Value):
        raise TypeError(f"expected a Tensor, got {type(x).__name__}; make one with gradarray.asarray")
    return x


def check_axis(x: Any, axis: Any) -> Any:
    """``axis``, if ``x`` has it.

    Raises
    ------
    IndexError
        As PyTorch does.
    """
    check_tensor(x)
    if axis is None:
        return None
    ndim = len(x._data.shape)
    if type(axis) is int and -ndim <= axis < ndim:
        return axis
    axis = tuple(axis) if isinstance(axis, list) else axis
    for a in axis if isinstance(axis, tuple) else (axis,):
        if not -builtins.max(ndim, 1) <= a < builtins.max(ndim, 1):
            n = builtins.max(ndim, 1)
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {a}) for a tensor of "
                f"shape {list(x._data.shape)}"
            )
    if isinstance(axis, tuple) and len({a % builtins.max(ndim, 1) for a in axis}) < len(axis):
        raise RuntimeError(f"a dimension appears twice in {axis}, for a tensor of shape {list(x._data.shape)}")
    return None if ndim == 0 else axis


def needed_axis(x: Any, axis: Any) -> Any:
    """``axis``, as :func:`check_axis`, of an ``x`` that must have one: a tensor of no dimensions has none.

    Raises
    ------
    IndexError
        As PyTorch does.
    """
    found = check_axis(x, axis)
    if not x._data.shape:
        raise IndexError(f"Dimension specified as {axis} but tensor has no dimensions")
    return found


def _accumulator(x: Any, dtype: Any) -> Any:
    """``x`` in the dtype that its sum or product has: given, or for small integers the standard's default."""
    if dtype is not None:
        return cast(check_tensor(x), as_dtype(dtype))
    if check_tensor(x)._kind.short or x._dtype.kind in "fc":
        return x
    if x._dtype.kind == "u":
        return cast(x, uint64 if x._place.integer is int64 else uint32)
    return cast(x, x._place.integer)


def _in_dtype(out: Any, dtype: Any) -> Any:
    """``out`` in the dtype that was asked for: libraries sum short integers in long ones."""
    return out if dtype is None else cast(out, as_dtype(dtype))


def _needs_floating(x: Any, name: str) -> Any:
    if not check_tensor(x)._kind.short and x._dtype.kind not in "fc":
        raise DtypeError(
            f"{name}(): input dtype must be either a floating point or complex dtype, got {x._dtype!r}; "
            f"convert it first, for example x.to({_state.get_default_dtype()!r})"
        )
    return x


def _reduced(name: str, x: Any, axis: Axis, keepdims: bool, **params: Any) -> Any:
    return apply(TABLE[name], (x,), {"axis": check_axis(x, axis), "keepdims": keepdims, **params})


def sum(x: Tensor, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Sum over ``axis`` (by default over all).

    Parameters
    ----------
    x : Tensor
    axis : int, tuple of int or None
    dtype : DType, optional
        Of the result; by default the input's, for integers 64 bits.
    keepdims : bool
        Keep reduced dimensions with length 1.

    Returns
    -------
    Tensor
        Differentiable.

    Raises
    ------
    IndexError
        If ``x`` has no such axis.

    References
    ----------
    Array API standard, ``sum``; ``torch.sum``.
    """
    x = _accumulator(x, dtype)
    params = {"axis": None if axis is None else check_axis(x, axis), "keepdims": keepdims}
    return _in_dtype(_SUM(x, params), dtype)  # type: ignore[no-any-return]


def prod(x: Tensor, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Product over ``axis``; the gradient is right also where elements are zero. Parameters as :func:`sum`.

    References
    ----------
    Array API standard, ``prod``; ``torch.prod``.
    """
    return _in_dtype(_reduced("prod", _accumulator(x, dtype), axis, keepdims), dtype)  # type: ignore[no-any-return]


def mean(x: Tensor, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean over ``axis``. Parameters as :func:`sum`.

    Raises
    ------
    TypeError
        If ``x`` is not of a floating dtype.

    References
    ----------
    Array API standard, ``mean``; ``torch.mean``.
    """
    x = x if dtype is None else cast(check_tensor(x), as_dtype(dtype))
    x = _needs_floating(x, "mean")
    return _MEAN(x, {"axis": None if axis is None else check_axis(x, axis), "keepdims": keepdims})  # type: ignore[no-any-return]


def var(
    x: Tensor, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False, ddof: float | None = None
) -> Tensor:
    """Variance over ``axis``, divided by the number of elements less ``correction``. Differentiable.

    ``ddof`` is NumPy's name for ``correction``.

    References
    ----------
    Array API standard, ``var``; ``torch.var`` (whose correction is 1 by default).
    """
    correction = correction if ddof is None else ddof
    return _reduced("var", _needs_floating(x, "var"), axis, keepdims, correction=correction)  # type: ignore[no-any-return]


def std(
    x: Tensor, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False, ddof: float | None = None
) -> Tensor:
    """Standard deviation over ``axis``. As :func:`var`.

    References
    ----------
    Array API standard, ``std``; ``torch.std`` (whose correction is 1 by default).
    """
    correction = correction if ddof is None else ddof
    return _reduced("std", _needs_floating(x, "std"), axis, keepdims, correction=correction)  # type: ignore[no-any-return]


def _nonempty(x: Any, axis: Axis, name: str) -> None:
    axis = check_axis(x, axis)
    shape = x._data.shape
    axes = range(len(shape)) if axis is None else (axis,) if isinstance(axis, int) else axis
    if builtins.any(shape[a] == 0 for a in axes):
        raise RuntimeError(f"{name}(): no element to choose from along axis {axis} of shape {list(shape)}")


def max(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Largest element over ``axis``; the gradient is shared in equal parts among ties.

    Raises
    ------
    RuntimeError
        If there is no element to choose from.

    References
    ----------
    Array API standard, ``max``; ``torch.amax``.
    """
    _nonempty(x, axis, "max")
    return _reduced("max", x, axis, keepdims)  # type: ignore[no-any-return]


def min(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Smallest element over ``axis``. As :func:`max`.

    References
    ----------
    Array API standard, ``min``; ``torch.amin``.
    """
    _nonempty(x, axis, "min")
    return _reduced("min", x, axis, keepdims)  # type: ignore[no-any-return]


def all(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether all elements over ``axis`` are true (not zero).

    References
    ----------
    Array API standard, ``all``; ``torch.all``.
    """
    return _reduced("all", x, axis, keepdims)  # type: ignore[no-any-return]


def any(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Whether an element over ``axis`` is true (not zero).

    References
    ----------
    Array API standard, ``any``; ``torch.any``.
    """
    return _reduced("any", x, axis, keepdims)  # type: ignore[no-any-return]


def count_nonzero(x: Tensor, /, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """How many elements over ``axis`` are not zero.

    References
    ----------
    Array API standard, ``count_nonzero``; ``torch.count_nonzero``.
    """
    return _reduced("count_nonzero", x, axis, keepdims)  # type: ignore[no-any-return]


def _scanned(name: str, x: Any, axis: int | None, dtype: Any, include_initial: bool, initial: float) -> Any:
    if axis is None:
        if len(check_tensor(x)._data.shape) != 1:
            raise ValueError(f"{name}: axis must be given for a tensor of shape {list(x._data.shape)}")
        axis = 0
    x = _accumulator(x, dtype)
    axis = check_axis(x, axis)
    if axis is None:  # 0-d
        if not include_initial:
            return apply(TABLE["clone"], (x,), {})
        x, axis = apply(TABLE["reshape"], (x,), {"shape": (1,)}), 0
    out = _in_dtype(apply(TABLE[name], (x,), {"axis": axis % len(x._data.shape)}), dtype)
    if include_initial:
        shape = list(x._data.shape)
        shape[axis] = 1
        first = full(shape, initial, dtype=x._dtype, device=x._place)
        out = apply(TABLE["concat"], (first, out), {"axis": axis})
    return out


def cumulative_sum(
    x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Sums of all elements up to each, along ``axis``; with ``include_initial`` starting from 0. Differentiable.

    References
    ----------
    Array API standard, ``cumulative_sum``; ``torch.cumsum``.
    """
    return _scanned("cumulative_sum", x, axis, dtype, include_initial, 0)  # type: ignore[no-any-return]


def cumulative_prod(
    x: Tensor, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False
) -> Tensor:
    """Products of all elements up to each, along ``axis``; with ``include_initial`` starting from 1.

    Differentiable, also where elements are zero; the gradient costs the square of the length.

    References
    ----------
    Array API standard, ``cumulative_prod``; ``torch.cumprod``.
    """
    return _scanned("cumulative_prod", x, axis, dtype, include_initial, 1)  # type: ignore[no-any-return]
