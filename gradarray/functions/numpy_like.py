"""Functions that NumPy has and the standard has not: elementwise ones, calculus, roots of polynomials.

Where PyTorch has them too, they take its spelling as well.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError, apply, cast
from gradarray._primitive import TABLE
from gradarray._storage import Value
from gradarray.creation import as_value, eye, zeros
from gradarray.dtypes import finfo, uint8
from gradarray.functions import elementwise as e
from gradarray.functions._dims import chosen
from gradarray.functions.indexing import getitem
from gradarray.functions.linalg import floating
from gradarray.functions.manipulation import concat, flip, reshape
from gradarray.functions.searching import argmax, where
from gradarray.functions.statistical import check_axis, check_tensor, max, sum

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Scalar = bool | int | float | complex

# -- elementwise -------------------------------------------------------------------------------------------------------


def nan_to_num(x: Tensor, /, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """``x`` with numbers for nan and for the infinities. Differentiable; 0 where there was none.

    Parameters
    ----------
    x : Tensor
        Of complex numbers both parts.
    nan : float
    posinf, neginf : float or None
        None: the largest number of the dtype, and its negative.

    References
    ----------
    ``torch.nan_to_num``, ``numpy.nan_to_num``.
    """
    if check_tensor(x)._dtype.kind == "c":
        real, imag = (nan_to_num(part, nan, posinf, neginf) for part in (e.real(x), e.imag(x)))
        return e.add(real, e.multiply(imag, 1j))
    if x._dtype.kind != "f":
        return apply(TABLE["clone"], (x,), {})
    largest = finfo(x._dtype).max
    out = where(e.isnan(x), nan, x)
    out = where(e.equal(x, math.inf), largest if posinf is None else posinf, out)
    return where(e.equal(x, -math.inf), -largest if neginf is None else neginf, out)  # type: ignore[no-any-return]


def heaviside(x: Tensor, values: Tensor | Scalar, /) -> Tensor:
    """0 where ``x`` is negative, 1 where it is positive, and ``values`` where it is 0. Differentiable in ``values``.

    References
    ----------
    ``torch.heaviside``, ``numpy.heaviside``.
    """
    step = where(e.less(x, 0), 0.0, where(e.isnan(x), x.detach(), 1.0))
    return where(e.equal(x, 0), values, cast(step, x._dtype))  # type: ignore[no-any-return]


def sinc(x: Tensor, /) -> Tensor:
    """``sin(πx) / (πx)``, and 1 at 0. Differentiable, at 0 and near it to every order.

    References
    ----------
    ``torch.sinc``, ``numpy.sinc``. Derivatives: spherical Bessel functions, DLMF 10.51.
    """
    return apply(TABLE["spherical_jn"], (e.multiply(check_tensor(x), math.pi),), {"n": 0})


def deg2rad(x: Tensor, /) -> Tensor:
    """Degrees to radians. Differentiable. ``torch.deg2rad``, ``numpy.deg2rad``."""
    return e.multiply(x, math.pi / 180)


def rad2deg(x: Tensor, /) -> Tensor:
    """Radians to degrees. Differentiable. ``torch.rad2deg``, ``numpy.rad2deg``."""
    return e.multiply(x, 180 / math.pi)


# -- calculus ----------------------------------------------------------------------------------------------------------


def _part(x: Any, axis: int, *bounds: int | None) -> Any:
    """A slice along ``axis``."""
    return getitem(x, (*(slice(None),) * axis, slice(*bounds)))


def _spread(x: Any, axis: int, ndim: int) -> Any:
    """A 1-d tensor that lies along ``axis``."""
    return reshape(x, tuple(-1 if i == axis else 1 for i in range(ndim)))


def trapezoid(
    y: Tensor, x: Tensor | None = None, dx: float = 1.0, dim: int | None = None, *, axis: int | None = None
) -> Tensor:
    """The integral of ``y`` along ``dim`` (by default the last), linear between its points. Differentiable in both.

    Parameters
    ----------
    y : Tensor
    x : Tensor, optional
        Where the points are: 1-d, or of a shape that broadcasts against ``y``'s.
    dx : float
        How far the points are apart, where there is no ``x``.
    dim, axis : int

    References
    ----------
    ``torch.trapezoid``, ``numpy.trapezoid``.
    """
    axis = chosen(dim, axis)
    ndim = len(check_tensor(y)._data.shape)
    if not ndim:
        raise ShapeError("trapezoid: at least one dimension is needed, got a 0-d tensor")
    along = check_axis(y, -1 if axis is None else axis) % ndim
    pairs = e.add(_part(y, along, 1, None), _part(y, along, None, -1))
    step: Any = dx
    if x is not None:
        at = _spread(x, along, ndim) if len(x._data.shape) == 1 else x
        where_ = along - ndim + len(at._data.shape)
        step = e.subtract(_part(at, where_, 1, None), _part(at, where_, None, -1))
    return e.multiply(sum(e.multiply(pairs, step), axis=along), 0.5)


def _slope(f: Any, axis: int, spacing: Any, edge_order: int) -> Any:
    """The second-order differences of ``f`` along ``axis``, at the ends of the order asked for."""
    n, ndim = f._data.shape[axis], len(f._data.shape)

    def at(i: int) -> Any:
        return _part(f, axis, i, i + 1 or None)

    if not isinstance(spacing, Value):
        inside = e.divide(e.subtract(_part(f, axis, 2, None), _part(f, axis, None, -2)), 2 * spacing)
        first, last = spacing, spacing
        second, before = spacing, spacing
    else:
        steps = e.subtract(_part(spacing, 0, 1, None), _part(spacing, 0, None, -1))
        left, right = (_spread(_part(steps, 0, *bounds), axis, ndim) for bounds in ((None, -1), (1, None)))
        both = e.add(left, right)
        inside = e.subtract(
            e.add(
                e.multiply(_part(f, axis, None, -2), e.divide(e.negative(right), e.multiply(left, both))),
                e.multiply(_part(f, axis, 1, -1), e.divide(e.subtract(right, left), e.multiply(left, right))),
            ),
            e.multiply(_part(f, axis, 2, None), e.divide(e.negative(left), e.multiply(right, both))),
        )
        first, last = getitem(steps, 0), getitem(steps, -1)
        second, before = (getitem(steps, 1), getitem(steps, -2)) if n > 2 else (first, last)
    start = e.divide(e.subtract(at(1), at(0)), first)
    end = e.divide(e.subtract(at(-1), at(-2)), last)
    if edge_order == 2:  # the slope of the parabola through the three points at the end
        next_ = e.divide(e.subtract(at(2), at(1)), second)
        start = e.subtract(start, e.multiply(e.subtract(next_, start), first / (first + second)))
        next_ = e.divide(e.subtract(at(-2), at(-3)), before)
        end = e.add(end, e.multiply(e.subtract(end, next_), last / (last + before)))
    return concat([start, inside, end], axis=axis)


def gradient(
    f: Tensor, /, *varargs: Any, axis: int | tuple[int, ...] | None = None, edge_order: int = 1
) -> Tensor | tuple[Tensor, ...]:
    """Slopes of ``f`` along each of its dimensions, by central differences. Differentiable in all tensors.

    Parameters
    ----------
    f : Tensor
    *varargs : number or 1-d Tensor
        How far the points are apart, or where they are: one for all dimensions, or one for each. By default 1.
    axis : int, tuple of int or None
        Along which; by default all.
    edge_order : {1, 2}
        Of the differences at the ends.

    Returns
    -------
    Tensor, or tuple of them
        One for each dimension, of the shape of ``f``.

    Raises
    ------
    ValueError
        If a dimension is too short, or the spacings do not fit.

    References
    ----------
    ``numpy.gradient``; ``torch.gradient`` (with ``spacing`` and ``dim``) always gives a tuple.
    """
    f = floating(f)
    ndim = len(f._data.shape)
    given = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    check_axis(f, tuple(given))
    axes = [a % ndim for a in given]
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order must be 1 or 2, got {edge_order!r}")
    if len(varargs) not in (0, 1, len(axes)):
        raise TypeError(
            f"gradient: {len(varargs)} spacings for {len(axes)} dimensions; give none, one, or one for each"
        )
    spacings = list(varargs) * len(axes) if len(varargs) == 1 else list(varargs) or [1.0] * len(axes)
    found = []
    for a, spacing in zip(axes, spacings, strict=True):
        n = f._data.shape[a]
        if n <= edge_order:
            raise ValueError(
                f"gradient: at least {edge_order + 1} elements are needed along axis {a}, got shape "
                f"{list(f._data.shape)}"
            )
        if not isinstance(spacing, int | float):
            spacing = as_value(spacing, device=f._place)
            spacing = floating(spacing)
            if spacing._data.shape not in ((), (n,)):
                raise ValueError(
                    f"gradient: the points along axis {a} are {n}, but spacing has shape {list(spacing._data.shape)}"
                )
            if not spacing._data.shape:
                spacing = e.multiply(spacing, as_value(list(range(n)), dtype=spacing._dtype, device=f._place))
        found.append(_slope(f, a, spacing, edge_order))
    return found[0] if len(found) == 1 else tuple(found)


# -- polynomials -------------------------------------------------------------------------------------------------------


def roots(p: Tensor, /) -> Tensor:
    """The roots of the polynomial ``p[0] * x**n + … + p[n]``, complex. Differentiable, where they are simple.

    Coefficients that are 0 at either end are looked for, so that the values are waited for.

    Parameters
    ----------
    p : Tensor
        1-d, the coefficient of the highest power first.

    Returns
    -------
    Tensor
        1-d, always of a complex dtype; NumPy's is real where all roots are.

    Raises
    ------
    RuntimeError
        If ``p`` is not 1-d.

    References
    ----------
    ``numpy.roots``: the eigenvalues of the companion matrix.
    """
    p = floating(p)
    if len(p._data.shape) != 1:
        raise ShapeError(f"roots: expected a 1-d tensor, got shape {list(p._data.shape)}")
    size = p._data.shape[0]
    there = cast(e.not_equal(p.detach(), 0), uint8)
    if not size or not max(there):
        return zeros(0, dtype=p._dtype.to_complex(), device=p._place)
    first, last = int(argmax(there)), size - 1 - int(argmax(flip(there)))
    kept = getitem(p, slice(first, last + 1))
    n = last - first
    zero = zeros(size - 1 - last, dtype=p._dtype.to_complex(), device=p._place)
    if not n:
        return zero
    from gradarray.functions.decompositions import eigvals  # late: nobody else here needs them

    top = e.divide(e.negative(getitem(kept, slice(1, None))), getitem(kept, 0))
    below = eye(n - 1, n, dtype=p._dtype, device=p._place)
    found = eigvals(concat([reshape(top, (1, n)), below], axis=0))
    return concat([found, zero], axis=0) if zero._data.shape[0] else found
