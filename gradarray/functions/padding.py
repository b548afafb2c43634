"""``pad``, as NumPy spells it. NumPy also says what a mode repeats, by padding the positions."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradarray._dispatch import ShapeError, apply, cast
from gradarray._primitive import TABLE
from gradarray._storage import Value
from gradarray.creation import as_value, full
from gradarray.functions.indexing import setitem
from gradarray.functions.manipulation import clone
from gradarray.functions.searching import take
from gradarray.functions.statistical import check_tensor

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Widths = tuple[tuple[int, int], ...]
Scalar = bool | int | float | complex
MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def _pairs(given: Any, ndim: int, name: str) -> list[Any]:
    """``given`` as one pair a dimension.

    Raises
    ------
    ValueError
        If it is none of the forms that NumPy takes.
    """
    try:
        return np.broadcast_to(np.asarray(given), (ndim, 2)).tolist()  # type: ignore[no-any-return]
    except ValueError:
        raise ShapeError(
            f"pad: {name} must be a number, a pair, or a pair for each of {ndim} dimensions, got {given!r}"
        ) from None


def _widths(given: Any, ndim: int) -> Widths:
    """How many elements come before and after, in each dimension."""
    if isinstance(given, dict):
        pairs: list[Any] = [(0, 0)] * ndim
        for axis, n in given.items():
            pairs[operator.index(axis)] = (n, n) if isinstance(n, int) else tuple(n)
        given = pairs
    widths = tuple((operator.index(a), operator.index(b)) for a, b in _pairs(given, ndim, "pad_width"))
    if any(n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad: pad_width must not be negative, got {given!r}")
    return widths


def surrounded(x: Any, widths: Widths, value: Any) -> Any:
    """``x`` with ``value`` around it."""
    sizes = list(zip(x._data.shape, widths, strict=True))
    shape = tuple([a + n + b for n, (a, b) in sizes])
    key = (..., *[slice(a, a + n) for n, (a, _) in sizes])
    if not isinstance(value, Value) and value == 0:
        return apply(TABLE["index_adjoint"], (x,), {"key": key, "shape": shape})
    if isinstance(value, Value):
        out = clone(cast(as_value(value, device=x._place), x._dtype).expand(shape))
    else:
        out = full(shape, value, dtype=x._dtype, device=x._place)
    setitem(out, key, x)
    return out


def repeated(x: Any, widths: Widths, mode: str) -> Any:
    """``x`` continued by its own elements."""
    for axis, (n, pair) in enumerate(zip(x._data.shape, widths, strict=True)):
        if pair == (0, 0):
            continue
        if n == 0:
            raise ValueError(
                f"pad: can't extend empty axis {axis} using mode {mode!r}, for a tensor of shape {list(x._data.shape)}"
            )
        positions = np.pad(np.arange(n), pair, mode=mode)  # type: ignore[call-overload]
        x = take(x, as_value(positions, device=x._place), axis=axis)
    return x


def pad(
    x: Tensor,
    /,
    pad_width: int | Sequence[Any] | dict[int, Any],
    mode: str = "constant",
    constant_values: Scalar | Tensor | Sequence[Any] = 0,
) -> Tensor:
    """``x`` with elements added at both ends of its dimensions. Differentiable.

    Parameters
    ----------
    x : Tensor
    pad_width : int, pair of int, one pair a dimension, or dict
        How many before and after. A dict names the dimensions to pad.
    mode : {"constant", "edge", "reflect", "symmetric", "wrap"}
        What is added: one value; the element at the edge; the tensor mirrored, without the edge ("reflect") or with
        it; the tensor again.
    constant_values : number, 0-d Tensor, pair of numbers, or one pair a dimension
        The one value, or one for each end.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        For another mode, a negative width, or where there is nothing to repeat.

    References
    ----------
    ``numpy.pad``. PyTorch's is :func:`gradarray.nn.functional.pad`.
    """
    widths = _widths(pad_width, len(check_tensor(x)._data.shape))
    if mode == "constant":
        if not isinstance(constant_values, list | tuple):
            return surrounded(x, widths, constant_values)  # type: ignore[no-any-return]
        for axis, values in enumerate(_pairs(constant_values, len(widths), "constant_values")):
            for end, value in enumerate(values):
                one = [(0, 0)] * len(widths)
                one[axis] = (0, widths[axis][1]) if end else (widths[axis][0], 0)
                x = surrounded(x, tuple(one), value)
        return x
    if mode not in MODES:
        raise ValueError(f"pad: mode must be one of {', '.join(map(repr, MODES))}, got {mode!r}")
    out = repeated(x, widths, mode)
    return clone(x) if out is x else out
