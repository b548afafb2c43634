"""What rules share about shapes. Knows integers and tuples, and ``xp`` where it is handed one."""

from __future__ import annotations

import math
from typing import Any

Axis = int | tuple[int, ...] | None
Shape = tuple[int, ...]


def axes_of(axis: Axis, ndim: int) -> tuple[int, ...]:
    """``axis`` as a tuple of non-negative numbers."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim if ndim else 0 for a in ((axis,) if isinstance(axis, int) else axis))


def kept(shape: Shape, axis: Axis) -> Shape:
    """The shape after a reduction that keeps the dimensions reduced, with length 1."""
    if axis is None:
        return (1,) * len(shape)
    axes = axes_of(axis, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def count(shape: Shape, axis: Axis) -> int:
    """How many elements a reduction puts together.

    Raises
    ------
    ValueError
        If a length is unknown until it is computed.
    """
    n = math.prod(shape if axis is None else [shape[a] for a in axes_of(axis, len(shape))] if shape else ())
    if n != n:
        raise ValueError(
            f"the derivative needs the number of elements along axis {axis} of shape {tuple(shape)}, which is unknown "
            "until it is computed (nan); use sum() and divide by a number of your own"
        )
    return n


def unreduce(xp: Any, g: Any, shape: Shape, axis: Axis) -> Any:
    """The value of a reduction, shaped so that it broadcasts against what was reduced."""
    target = kept(shape, axis)
    return g if g.shape == target else xp.reshape(g, shape=target)


def spread(xp: Any, g: Any, shape: Shape, axis: Axis) -> Any:
    """The value of a reduction, once for each element that was reduced."""
    return xp.spread(g if axis is None else unreduce(xp, g, shape, axis), shape=shape)


def inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes ``axes``."""
    axes = tuple(a % len(axes) for a in axes)
    return tuple(axes.index(i) for i in range(len(axes)))


def strong_by_second(xp: Any, g: Any, x2: Any) -> Any:
    """The rule of a product's first factor, in which a zero of ``g`` beats what it meets."""
    return xp.strong_multiply(g, x2)


def strong_by_first(xp: Any, g: Any, x1: Any) -> Any:
    """The same of its second."""
    return xp.strong_multiply(g, x1)


# -- matrices: the last two dimensions, stacked along the others -------------------------------------------------------


def conj(xp: Any, x: Any) -> Any:
    """The complex conjugate, of real numbers themselves."""
    return xp.conj(x) if xp.is_complex(x) else x


def adjoint(xp: Any, x: Any) -> Any:
    """The conjugate transpose."""
    return conj(xp, xp.matrix_transpose(x))


def real(xp: Any, x: Any) -> Any:
    """The real part, of real numbers themselves."""
    return xp.real(x) if xp.is_complex(x) else x


def on_diagonal(xp: Any, x: Any) -> Any:
    """Square matrices with the vectors ``x`` on their diagonals."""
    n = x.shape[-1]
    return xp.diagonal_adjoint(x, shape=(*x.shape, n), offset=0)


def off_diagonal(xp: Any, x: Any) -> Any:
    """Square matrices without their diagonals."""
    return xp.tril(x, k=-1) + xp.triu(x, k=1)


def others(xp: Any, x: Any) -> Any:
    """For each element the product of the others along the last axis; no division, so zeros do no harm."""
    return before(xp, x) * xp.flip(before(xp, xp.flip(x, axis=-1)), axis=-1) if x.shape[-1] else x


def before(xp: Any, x: Any) -> Any:
    """For each element the product of those before it along the last axis, which must not be empty."""
    return xp.cumulative_prod(xp.concat([xp.ones_like(x[..., :1]), x[..., :-1]], axis=-1), axis=-1)


def sum_to(xp: Any, g: Any, shape: Shape) -> Any:
    """``g`` summed over the dimensions along which ``shape`` was broadcast to it."""
    given = g.shape
    if given == shape:
        return g
    extra = len(given) - len(shape)
    if extra == 1 and given[1:] == shape:  # a bias, added to each row
        return xp.sum_rows(g)
    axes = tuple(range(extra))
    if given[extra:] != shape:
        axes += tuple([extra + i for i, n in enumerate(shape) if n == 1 and given[extra + i] != 1])
    total = xp.sum(g, axis=axes) if axes else g
    return total if total.shape == shape else xp.reshape(total, shape=shape)
