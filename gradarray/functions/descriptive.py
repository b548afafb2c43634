"""Descriptive statistics beyond the standard's: sums without nan, order statistics, counts, covariance.

Where NumPy and PyTorch both have a function it takes both spellings; ``median`` is NumPy's, ``cov`` PyTorch's.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradarray._dispatch import ShapeError, binary, cast
from gradarray._storage import Value, no_view
from gradarray.creation import as_value, zeros
from gradarray.dtypes import int64
from gradarray.functions import elementwise as e
from gradarray.functions._dims import Dim, chosen
from gradarray.functions.indexing import getitem
from gradarray.functions.linalg import floating, matmul
from gradarray.functions.manipulation import expand_dims, matrix_transpose, moveaxis, reshape, squeeze
from gradarray.functions.matrices import diagonal
from gradarray.functions.scatter import index_add
from gradarray.functions.searching import sort, take, take_along_axis, where
from gradarray.functions.statistical import any as any_
from gradarray.functions.statistical import check_axis, check_tensor, max, mean, min, sum

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

_strong_multiply = binary("strong_multiply")

# -- sums and order statistics -----------------------------------------------------------------------------------------


def nansum(
    x: Tensor, /, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None, axis: Dim = None, keepdims: bool = False
) -> Tensor:
    """Sum over ``dim`` of what is not nan. Differentiable; 0 where there is nan. See :func:`gradarray.sum`.

    References
    ----------
    ``torch.nansum``, ``numpy.nansum``.
    """
    x = _without_nan(x)
    return sum(x, axis=chosen(dim, axis), keepdims=keepdim or keepdims, dtype=dtype)


def _without_nan(x: Any) -> Any:
    return where(e.isnan(x), 0, x) if check_tensor(x)._dtype.kind in "fc" else x


def nanmean(
    x: Tensor, /, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None, axis: Dim = None, keepdims: bool = False
) -> Tensor:
    """Mean over ``dim`` of what is not nan; nan where all is. Differentiable. See :func:`gradarray.mean`.

    References
    ----------
    ``torch.nanmean``, ``numpy.nanmean``.
    """
    over, keep = chosen(dim, axis), keepdim or keepdims
    total = sum(_without_nan(floating(x)), axis=over, keepdims=keep, dtype=dtype)
    there = cast(e.logical_not(e.isnan(floating(x))), total._dtype)
    return e.divide(total, sum(there, axis=over, keepdims=keep))


def _sorted(x: Any, axis: Any, name: str) -> tuple[Any, Any, tuple[int, ...]]:
    """``x`` with the dimensions of ``axis`` made one, put last and sorted; whether nan is there; the shape kept."""
    x = floating(x)
    shape, ndim = x._data.shape, len(x._data.shape)
    axis = check_axis(x, axis)
    axes = tuple(range(ndim)) if axis is None else tuple(a % ndim for a in ((axis,) if isinstance(axis, int) else axis))
    length = math.prod(shape[a] for a in axes)
    if not length:
        raise RuntimeError(f"{name}: no element to choose from along axis {axis} of shape {list(shape)}")
    moved = moveaxis(x, axes, tuple(range(ndim - len(axes), ndim)))
    flat = sort(reshape(moved, (*moved._data.shape[: ndim - len(axes)], length)), axis=-1)
    return flat, any_(e.isnan(flat), axis=-1), tuple(1 if i in axes else n for i, n in enumerate(shape))


def median(x: Tensor, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Tensor:
    """The element in the middle over ``axis`` (by default over all), or the mean of the two there. Differentiable.

    The method :meth:`gradarray.Tensor.median` is PyTorch's, which takes the lower of the two.

    Returns
    -------
    Tensor
        nan where there is one.

    Raises
    ------
    RuntimeError
        If there is no element to choose from.

    References
    ----------
    ``numpy.median``.
    """
    flat, has_nan, kept = _sorted(x, axis, "median")
    n = flat._data.shape[-1]
    middle = getitem(flat, (..., slice((n - 1) // 2, n // 2 + 1)))
    out = where(has_nan, math.nan, mean(middle, axis=-1))
    return no_view(reshape(out, kept)) if keepdims else out


def quantile(
    x: Tensor,
    q: Tensor | float | Sequence[float],
    /,
    dim: Dim = None,
    keepdim: bool = False,
    *,
    axis: Dim = None,
    keepdims: bool = False,
) -> Tensor:
    """What a part ``q`` of the elements over ``dim`` (by default over all) lies below; between two, linear.

    Differentiable in ``x`` and ``q``.

    Parameters
    ----------
    x : Tensor
    q : Tensor, float or sequence of float
        From 0 to 1, 0-d or 1-d.
    dim, axis : int, tuple of int or None
    keepdim, keepdims : bool
        Keep reduced dimensions with length 1.

    Returns
    -------
    Tensor
        With the dimension of ``q``, where it has one, first; nan where there is one.

    Raises
    ------
    RuntimeError
        If there is no element to choose from, ``q`` has more than one dimension, or is a number out of range.

    References
    ----------
    ``torch.quantile``, ``numpy.quantile``.
    """
    return _quantile(x, q, chosen(dim, axis), keepdim or keepdims, skip_nan=False)  # type: ignore[no-any-return]


def nanquantile(
    x: Tensor,
    q: Tensor | float | Sequence[float],
    /,
    dim: Dim = None,
    keepdim: bool = False,
    *,
    axis: Dim = None,
    keepdims: bool = False,
) -> Tensor:
    """:func:`quantile` of what is not nan; nan where all is.

    References
    ----------
    ``torch.nanquantile``, ``numpy.nanquantile``.
    """
    return _quantile(x, q, chosen(dim, axis), keepdim or keepdims, skip_nan=True)  # type: ignore[no-any-return]


def _quantile(x: Any, q: Any, over: Any, keep: bool, *, skip_nan: bool) -> Any:
    flat, has_nan, kept = _sorted(x, over, "quantile")
    if not isinstance(q, Value) and not ((np.asarray(q) >= 0) & (np.asarray(q) <= 1)).all():
        raise ShapeError(f"quantile: q must be in the range [0, 1] but got {q}")
    part = as_value(q, dtype=None if isinstance(q, Value) else flat._dtype, device=flat._place)
    if len(part._data.shape) > 1:
        raise ShapeError(f"quantile: q must be 0-d or 1-d, got shape {list(part._data.shape)}")
    last: Any = flat._data.shape[-1] - 1
    if skip_nan:  # which stands at the end
        last = e.subtract(sum(cast(e.logical_not(e.isnan(flat)), flat._dtype), axis=-1, keepdims=True), 1)
    at = e.multiply(reshape(part, (-1,)), last)
    below = e.clip(e.floor(at.detach()), 0)
    above = e.clip(e.minimum(e.add(below, 1), last), 0)
    pick = take_along_axis if skip_nan else take
    low, high = (pick(flat, cast(i, int64), axis=-1) for i in (below, above))
    # just at an element the one above counts nothing, even if infinite
    out = e.add(low, _strong_multiply(e.subtract(at, below), e.subtract(high, low)))
    out = moveaxis(out if skip_nan else where(expand_dims(has_nan, axis=-1), math.nan, out), -1, 0)
    if keep:
        out = reshape(out, (out._data.shape[0], *kept))
    return no_view(out if part._data.shape else squeeze(out, 0))


def bincount(x: Tensor, /, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each integer from 0 on occurs in ``x``, or the sum of ``weights`` there. Differentiable in ``weights``.

    The length of the result is a value of ``x``, which is waited for.

    Parameters
    ----------
    x : Tensor
        1-d, of integers that are not negative.
    weights : Tensor, optional
        Of the shape of ``x``.
    minlength : int
        The least length of the result.

    Raises
    ------
    RuntimeError
        If ``x`` is not 1-d or has a negative element, ``weights`` is not of its shape, or ``minlength`` negative.

    References
    ----------
    ``torch.bincount``, ``numpy.bincount``.
    """
    if len(check_tensor(x)._data.shape) != 1 or x._dtype.kind not in "iu":
        raise ShapeError(f"bincount: expected a 1-d tensor of integers, got {x._dtype.name}{list(x._data.shape)}")
    if weights is not None and weights._data.shape != x._data.shape:
        raise ShapeError(
            f"bincount: weights must have the shape of x, got {list(weights._data.shape)} and {list(x._data.shape)}"
        )
    if minlength < 0:
        raise ShapeError(f"bincount: minlength must not be negative, got {minlength}")
    if x._data.shape[0] and int(min(x)) < 0:
        raise ShapeError(f"bincount: expected integers from 0 on, got {int(min(x))}")
    length = int(max(x)) + 1 if x._data.shape[0] else 0
    counted: Any = cast(e.equal(x, x), int64) if weights is None else weights
    length = builtins.max(length, minlength)
    return index_add(zeros(length, dtype=counted._dtype, device=x._place), 0, x, counted)


# -- covariance --------------------------------------------------------------------------------------------------------


def cov(
    x: Tensor, /, *, correction: float = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """Covariances of the rows of ``x``. Differentiable in ``x`` and ``aweights``.

    Parameters
    ----------
    x : Tensor
        ``(variables, observations)``, or 1-d, of one variable.
    correction : float
        The sum is divided by the number of observations less this.
    fweights : Tensor, optional
        How often each observation is there, 1-d, integers.
    aweights : Tensor, optional
        What each observation counts, 1-d.

    Returns
    -------
    Tensor
        ``(variables, variables)``, or 0-d of one variable.

    Raises
    ------
    RuntimeError
        If ``x`` has more than two dimensions.

    References
    ----------
    ``torch.cov``, ``numpy.cov`` with ``rowvar=True``.
    """
    x = floating(x)
    ndim = len(x._data.shape)
    if ndim > 2:
        raise ShapeError(f"cov: expected at most two dimensions, got shape {list(x._data.shape)}")
    rows = reshape(x, (1, -1)) if ndim < 2 else x
    real = e.real(rows)._dtype
    weights: Any = None if fweights is None else cast(fweights, real)
    if aweights is not None:
        weights = aweights if weights is None else e.multiply(weights, aweights)
    if weights is None:
        total: Any = rows._data.shape[1]
        centred = e.subtract(rows, mean(rows, axis=1, keepdims=True))
        weighted, divisor = centred, builtins.max(total - correction, 0)
    else:
        total = sum(weights)
        centred = e.subtract(rows, expand_dims(e.divide(sum(e.multiply(rows, weights), axis=1), total), axis=1))
        weighted = e.multiply(centred, weights)
        lost: Any = correction
        if aweights is not None and correction:
            lost = e.divide(e.multiply(sum(e.multiply(weights, aweights)), correction), total)
        divisor = e.clip(e.subtract(total, lost), 0, None)
    other = e.conj(centred) if centred._dtype.kind == "c" else centred
    out = e.divide(matmul(weighted, matrix_transpose(other)), divisor)
    return no_view(reshape(out, ())) if ndim < 2 or rows._data.shape[0] == 1 else out


def corrcoef(x: Tensor, /) -> Tensor:
    """Correlation coefficients of the rows of ``x``, whose parts lie between -1 and 1. Differentiable.

    References
    ----------
    ``torch.corrcoef``, ``numpy.corrcoef``.
    """
    c = cov(x)
    if not c._data.shape:
        return e.divide(c, c)
    deviation = e.sqrt(e.real(diagonal(c)))
    out = e.divide(e.divide(c, expand_dims(deviation, axis=1)), deviation)
    if out._dtype.kind == "c":
        return e.add(e.clip(e.real(out), -1, 1), e.multiply(e.clip(e.imag(out), -1, 1), 1j))
    return e.clip(out, -1, 1)
