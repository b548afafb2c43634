"""Sets: Array API standard, "Set Functions". Composed of sorting, comparing and taking, so alike on every backend.

What is equal is one element: zeros of either sign are, nan is not equal even to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gradarray._dispatch import cast, common_place
from gradarray._storage import Value
from gradarray.creation import as_value, ones, zeros
from gradarray.dtypes import iinfo, uint8
from gradarray.functions import elementwise as e
from gradarray.functions.manipulation import concat, reshape
from gradarray.functions.searching import argsort, nonzero, searchsorted, take
from gradarray.functions.statistical import any as any_
from gradarray.functions.statistical import cumulative_sum
from gradarray.functions.types import result_type

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


class UniqueAll(NamedTuple):
    """What :func:`unique_all` gives."""

    values: Tensor
    indices: Tensor
    inverse_indices: Tensor
    counts: Tensor


class UniqueCounts(NamedTuple):
    """What :func:`unique_counts` gives."""

    values: Tensor
    counts: Tensor


class UniqueInverse(NamedTuple):
    """What :func:`unique_inverse` gives."""

    values: Tensor
    inverse_indices: Tensor


def _order(x: Any) -> Any:
    """The positions that sort 1-d ``x``, equal elements in their order; complex numbers by their real parts first."""
    if x._dtype.kind == "c":
        order = argsort(e.imag(x))
        return take(order, argsort(take(e.real(x), order)))
    return argsort(cast(x, uint8) if x._dtype.kind == "b" else x)


def _grouped(x: Any) -> tuple[Any, Any, Any]:
    """1-d ``x``, the positions that sort it, and for each element in that order whether it differs from the last."""
    flat = reshape(x, (-1,))
    order = _order(flat)
    n = flat._data.shape[0]
    ordered = take(flat, order)
    head = ones(min(n, 1), dtype="bool", device=flat._place)
    return flat, order, concat([head, e.not_equal(ordered[1:], ordered[:-1])])


def _counts(starts: Any, n: int) -> Any:
    """How long each run is, of those that begin at ``starts`` and fill ``n``."""
    return e.subtract(concat([starts[1:], as_value([n], dtype=starts._dtype, device=starts._place)]), starts)


def _inverse(x: Any, order: Any, new: Any) -> Any:
    ranks = e.subtract(cumulative_sum(cast(new, new._place.integer), axis=0), 1)
    return reshape(take(ranks, argsort(order)), x._data.shape)


def _values(flat: Any, order: Any, new: Any) -> tuple[Any, Any, Any]:
    """The distinct elements, where each stands first, and where each group begins in sorted order."""
    (starts,) = nonzero(new)
    indices = take(order, starts)
    return take(flat, indices), indices, starts


def unique_all(x: Tensor, /) -> UniqueAll:
    """The distinct elements of ``x``, sorted; where each stands first, which makes up each of ``x``, and how often.

    Parameters
    ----------
    x : Tensor
        Of any shape and dtype. Each nan is an element of its own; complex numbers are sorted by their real parts first.

    Returns
    -------
    UniqueAll
        ``values`` 1-d, of ``x``'s dtype: differentiable, each gradient goes to where the element stands first.
        ``indices`` (into flattened ``x``) and ``counts`` of the same shape, ``inverse_indices`` of ``x``'s, int64.

    References
    ----------
    Array API standard, ``unique_all``; ``numpy.unique``, ``torch.unique``.
    """
    flat, order, new = _grouped(x)
    flat._place.refuse_if_missing("unique_all")
    values, indices, starts = _values(flat, order, new)
    return UniqueAll(values, indices, _inverse(x, order, new), _counts(starts, flat._data.shape[0]))


def unique_counts(x: Tensor, /) -> UniqueCounts:
    """The distinct elements of ``x``, sorted, and how often each occurs. As :func:`unique_all`.

    References
    ----------
    Array API standard, ``unique_counts``; ``torch.unique(return_counts=True)``.
    """
    flat, order, new = _grouped(x)
    flat._place.refuse_if_missing("unique_counts")
    values, _, starts = _values(flat, order, new)
    return UniqueCounts(values, _counts(starts, flat._data.shape[0]))


def unique_inverse(x: Tensor, /) -> UniqueInverse:
    """The distinct elements of ``x``, sorted, and which of them makes up each of ``x``. As :func:`unique_all`.

    References
    ----------
    Array API standard, ``unique_inverse``; ``torch.unique(return_inverse=True)``.
    """
    flat, order, new = _grouped(x)
    return UniqueInverse(_values(flat, order, new)[0], _inverse(x, order, new))


def unique_values(x: Tensor, /) -> Tensor:
    """The distinct elements of ``x``, sorted. As :func:`unique_all`.

    References
    ----------
    Array API standard, ``unique_values``; ``torch.unique``.
    """
    return _values(*_grouped(x))[0]  # type: ignore[no-any-return]


def isin(x1: Tensor | complex, x2: Tensor | complex, /, *, invert: bool = False) -> Tensor:
    """Whether each element of ``x1`` is one of ``x2``.

    Parameters
    ----------
    x1, x2 : Tensor or Python scalar
        At least one a tensor. Of any dtypes that have a common one; nan is in nothing.
    invert : bool
        Whether it is not.

    Returns
    -------
    Tensor
        Of bool, in ``x1``'s shape. Not differentiable: the result needs no gradient.

    References
    ----------
    Array API standard, ``isin``; ``torch.isin``.
    """
    found: Any
    if isinstance(x1, Value) and isinstance(x2, Value):
        found = _isin(x1, x2)
    else:
        common_place("isin", (x1, x2))
        found = _equal(x1, x2) if isinstance(x1, Value) else any_(_equal(x2, x1))
    return e.logical_not(found) if invert else found


def _equal(x: Any, number: Any) -> Any:
    """``x == number``, also where libraries refuse a number that ``x``'s dtype cannot hold."""
    if x._dtype.kind in "iu" and isinstance(number, int) and not iinfo(x._dtype).min <= number <= iinfo(x._dtype).max:
        return zeros(x._data.shape, dtype="bool", device=x._place)
    return e.equal(x, number)


def _isin(x1: Any, x2: Any) -> Any:
    shape, kind, place = x1._data.shape, result_type(x1, x2), common_place("isin", (x1, x2))
    x1, x2 = (reshape(cast(as_value(x, device=place), kind), (-1,)) for x in (x1, x2))
    n, m = x1._data.shape[0], x2._data.shape[0]
    if not m:
        return zeros(shape, dtype="bool", device=place)
    if kind.kind == "c":  # which the standard does not sort: their numbers in the sorted order serve as well
        labels = unique_inverse(concat([x1, x2])).inverse_indices
        x1, x2 = labels[:n], labels[n:]
    elif kind.kind == "b":
        x1, x2 = cast(x1, uint8), cast(x2, uint8)
    x2 = take(x2, argsort(x2))
    places = e.minimum(searchsorted(x2, x1), m - 1)
    return reshape(e.equal(take(x2, places), x1), shape)
