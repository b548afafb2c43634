"""Products, norms, inverses, determinants: Array API standard, "Linear Algebra Functions" and the ``linalg`` extension.

Its factorisations are in ``decompositions.py``. Matrices are the last two dimensions of a tensor, and stacked along the
others. Dtypes are floating; integers become the default floating dtype.
"""

from __future__ import annotations

import builtins
import math
import operator
from typing import TYPE_CHECKING, Any, NamedTuple

from gradarray import _state
from gradarray._dispatch import ShapeError, apply, cast, road
from gradarray._primitive import TABLE
from gradarray._storage import Value, no_view
from gradarray.autograd import no_grad
from gradarray.creation import eye
from gradarray.dtypes import as_dtype, finfo
from gradarray.functions._dims import chosen
from gradarray.functions.elementwise import abs as absolute
from gradarray.functions.elementwise import conj, divide, greater, multiply, subtract
from gradarray.functions.manipulation import (
    broadcast_arrays,
    broadcast_shapes,
    broadcast_to,
    clone,
    expand_dims,
    matrix_transpose,
    moveaxis,
    permute_dims,
    reshape,
    roll,
    squeeze,
)  # fmt: skip
from gradarray.functions.searching import where
from gradarray.functions.statistical import check_axis, check_tensor, count_nonzero, max, min, needed_axis, sum

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

_MATMUL = road("matmul")


def floating(x: Any) -> Any:
    """``x``, its integers in the default floating dtype."""
    return x if check_tensor(x)._dtype.kind in "fc" else cast(x, _state.get_default_dtype())


def matmul(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Matrix product; leading dimensions broadcast, and a 1-d tensor stands for a row or a column. Differentiable.

    Raises
    ------
    RuntimeError
        If the inner dimensions differ, or one tensor is 0-d.

    References
    ----------
    Array API standard, ``matmul``; ``torch.matmul``.
    """
    if not isinstance(x1, Value) or not isinstance(x2, Value):
        raise TypeError(f"matmul needs two tensors, got {type(x1).__name__} and {type(x2).__name__}")
    return product(x1, x2)  # type: ignore[no-any-return]


def product(x1: Any, x2: Any) -> Any:
    """The operator ``@`` of a tensor."""
    if not isinstance(x2, Value):
        return NotImplemented
    try:
        return _MATMUL(x1, x2, {})
    except Exception:
        _check_product(x1._data.shape, x2._data.shape)
        raise


def _check_product(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Say of shapes that have no product what PyTorch says."""
    if not a or not b:
        raise ShapeError(f"matmul: both arguments need at least one dimension, got {list(a)} and {list(b)}") from None
    if a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ShapeError(f"mat1 and mat2 shapes cannot be multiplied ({list(a)} and {list(b)})") from None


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: int | tuple[Any, Any] = 2) -> Tensor:
    """Sum of products over pairs of dimensions. Differentiable.

    Parameters
    ----------
    x1, x2 : Tensor
    axes : int, or pair of sequences of int
        The last ``axes`` of ``x1`` with the first of ``x2``; or those listed.

    Raises
    ------
    IndexError
        If a tensor has no such axis.
    RuntimeError
        If a tensor has fewer axes, one is listed twice, or the lengths differ.

    References
    ----------
    Array API standard, ``tensordot``; ``torch.tensordot``.
    """
    a, b = check_tensor(x1)._data.shape, check_tensor(x2)._data.shape
    if isinstance(axes, int) and not 0 <= axes <= builtins.min(len(a), len(b)):
        raise ShapeError(
            f"tensordot: axes must be from 0 to the number of dimensions of both tensors, got {axes} for shapes "
            f"{list(a)} and {list(b)}"
        )
    first, second = (range(len(a) - axes, len(a)), range(axes)) if isinstance(axes, int) else axes
    left, right = _positions(x1, first), _positions(x2, second)
    if [a[i] for i in left] != [b[i] for i in right]:
        raise ShapeError(f"tensordot: dimensions {left} of {list(a)} and {right} of {list(b)} differ in length")
    keep1 = [i for i in range(len(a)) if i not in left]
    keep2 = [i for i in range(len(b)) if i not in right]
    n = 1
    for i in left:
        n *= a[i]
    rows, columns = tuple(a[i] for i in keep1), tuple(b[i] for i in keep2)
    m, k = 1, 1
    for r in rows:
        m *= r
    for c in columns:
        k *= c
    one = reshape(permute_dims(x1, (*keep1, *left)), (m, n))
    two = reshape(permute_dims(x2, (*right, *keep2)), (n, k))
    return no_view(reshape(matmul(one, two), (*rows, *columns)))


def _positions(x: Any, axes: Any) -> list[int]:
    """``axes`` of ``x`` from the left."""
    axes = tuple(axes)
    return [a % len(x._data.shape) for a in needed_axis(x, axes)] if axes else []


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Sum of ``conj(x1) * x2`` along ``axis``. The other dimensions broadcast. Differentiable.

    Raises
    ------
    RuntimeError
        If the lengths along ``axis`` differ, or the shapes do not broadcast.

    References
    ----------
    Array API standard, ``vecdot``; ``torch.linalg.vecdot``.
    """
    one, two = moveaxis(x1, axis, -1), moveaxis(x2, axis, -1)
    if one._data.shape[-1:] != two._data.shape[-1:]:
        raise ShapeError(f"vecdot: lengths along axis {axis} differ: {list(x1._data.shape)}, {list(x2._data.shape)}")
    products = multiply(conj(one) if one._dtype.kind == "c" else one, two)
    return cast(sum(products, axis=-1), products._dtype)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Products of each element of ``x1`` (1-d) with each of ``x2`` (1-d). Differentiable.

    References
    ----------
    Array API standard, ``linalg.outer``; ``torch.outer``.
    """
    if len(check_tensor(x1)._data.shape) != 1 or len(check_tensor(x2)._data.shape) != 1:
        raise ShapeError(f"outer: expected two 1-d tensors, got {list(x1._data.shape)} and {list(x2._data.shape)}")
    return multiply(reshape(x1, (-1, 1)), x2)


def cross(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Cross product of the 3-vectors along ``axis``. The other dimensions broadcast. Differentiable.

    Parameters
    ----------
    x1, x2 : Tensor
    axis : int
        Of length 3 in both. Counted in the shape that both are broadcast to.

    Raises
    ------
    RuntimeError
        If an axis is not of length 3, or the shapes do not broadcast.

    References
    ----------
    Array API standard, ``linalg.cross``; ``torch.linalg.cross``.
    """
    for x in (x1, x2):
        check_axis(x, axis if axis < 0 else None)
    if axis >= 0:
        x1, x2 = broadcast_arrays(x1, x2)
        check_axis(x1, axis)
    if [x._data.shape[axis : axis + 1 or None] for x in (x1, x2)] != [(3,), (3,)]:
        raise ShapeError(
            f"linalg.cross: inputs dimension {axis} must have length 3, got {list(x1._data.shape)} and "
            f"{list(x2._data.shape)}"
        )
    ahead, back = (multiply(roll(x1, -shift, axis=axis), roll(x2, shift, axis=axis)) for shift in (1, -1))
    return subtract(ahead, back)


# -- diagonals ---------------------------------------------------------------------------------------------------------


def check_matrix(x: Any, name: str) -> Any:
    """``x``, if it is a matrix or a stack of them.

    Raises
    ------
    RuntimeError
        As PyTorch does.
    """
    if len(check_tensor(x)._data.shape) < 2:
        raise ShapeError(
            f"linalg.{name}: The input tensor must have at least 2 dimensions, got shape {list(x._data.shape)}"
        )
    return x


def check_square(x: Any, name: str) -> Any:
    """``x``, if it is a square matrix or a stack of them.

    Raises
    ------
    RuntimeError
        As PyTorch does.
    """
    m, n = check_matrix(x, name)._data.shape[-2:]
    if m != n:
        raise ShapeError(
            f"linalg.{name}: The input must be batches of square matrices, but they are {m} by {n} matrices"
        )
    return x


def diagonal(x: Tensor, /, *, offset: int = 0) -> Tensor:
    """The diagonals of matrices, a copy. Differentiable.

    Parameters
    ----------
    x : Tensor
        ``(..., M, N)``, of any dtype.
    offset : int
        How far above the main diagonal; negative below.

    Returns
    -------
    Tensor
        ``(..., K)``, of no elements where the offset leads out of the matrix.

    References
    ----------
    Array API standard, ``linalg.diagonal``; ``torch.linalg.diagonal``.
    """
    return apply(TABLE["linalg.diagonal"], (check_matrix(x, "diagonal"),), {"offset": operator.index(offset)})


def trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    """Sum of the diagonals of matrices. Differentiable. ``dtype`` as in :func:`gradarray.sum`.

    References
    ----------
    Array API standard, ``linalg.trace``; ``torch.trace``.
    """
    return sum(diagonal(check_matrix(x, "trace"), offset=offset), axis=-1, dtype=dtype)


# -- inverses ----------------------------------------------------------------------------------------------------------


def inv(x: Tensor, /) -> Tensor:
    """The inverse of square matrices. Differentiable.

    Raises
    ------
    LinAlgError
        (a RuntimeError) If a matrix is singular.
    RuntimeError
        If the matrices are not square.

    References
    ----------
    Array API standard, ``linalg.inv``; ``torch.linalg.inv``. Derivative: Giles (2008), 2.2.3.
    """
    return apply(TABLE["linalg.inv"], (check_square(x, "inv"),), {})


def solve(x1: Tensor, x2: Tensor, /) -> Tensor:
    """What ``x1`` (square matrices) has to be multiplied by to give ``x2``. Differentiable in both.

    Parameters
    ----------
    x1 : Tensor
        ``(..., M, M)``.
    x2 : Tensor
        ``(M,)`` or ``(..., M, K)``. Stacks broadcast.

    Raises
    ------
    LinAlgError
        (a RuntimeError) If a matrix is singular.
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    Array API standard, ``linalg.solve``; ``torch.linalg.solve``, which takes some 2-d ``x2`` for stacked vectors.
    Derivative: Giles (2008), 2.3.1.
    """
    m = check_square(x1, "solve")._data.shape[-1]
    vector = len(check_tensor(x2)._data.shape) == 1
    right: Any = reshape(x2, (-1, 1)) if vector else check_matrix(x2, "solve")
    shape1, shape2 = x1._data.shape, right._data.shape
    if shape2[-2] != m:
        raise ShapeError(f"linalg.solve: Incompatible shapes {list(shape1)} and {list(x2._data.shape)} for Ax = B")
    stack = broadcast_shapes(shape1[:-2], shape2[:-2])
    left, right = broadcast_to(x1, (*stack, m, m)), broadcast_to(right, (*stack, *shape2[-2:]))
    found = apply(TABLE["linalg.solve"], (left, right), {})
    return squeeze(found, axis=-1) if vector else found


def pinv(x: Tensor, /, *, rtol: float | Tensor | None = None) -> Tensor:
    """The Moore-Penrose inverse. Differentiable, along matrices of the same rank.

    Parameters
    ----------
    x : Tensor
        ``(..., M, N)``.
    rtol : float, Tensor of shape ``(...)`` or None
        Singular values up to ``rtol`` times the largest are taken for 0. By default ``max(M, N)`` times the precision.

    Returns
    -------
    Tensor
        ``(..., N, M)``.

    References
    ----------
    Array API standard, ``linalg.pinv``; ``torch.linalg.pinv``. Derivative: Golub & Pereyra (1973), 4.12.
    """
    check_matrix(x, "pinv")
    if not isinstance(rtol, Value):
        return apply(TABLE["linalg.pinv"], (x,), {"rtol": rtol})
    u, s, vh = apply(TABLE["linalg.svd"], (x,), {"full_matrices": False})  # parameters cannot differ along a batch
    kept = greater(s, multiply(s[..., :1], expand_dims(rtol, axis=-1)))
    inverse = where(kept, divide(1, where(kept, s, 1)), 0)
    return matmul(multiply(conj(matrix_transpose(vh)), expand_dims(inverse, axis=-2)), conj(matrix_transpose(u)))


def matrix_power(x: Tensor, n: int, /) -> Tensor:
    """Square matrices multiplied with themselves ``n`` times, by repeated squaring. Differentiable.

    A negative ``n`` takes the inverse, 0 gives the identity.

    Raises
    ------
    LinAlgError
        (a RuntimeError) If ``n`` is negative and a matrix is singular.

    References
    ----------
    Array API standard, ``linalg.matrix_power``; ``torch.linalg.matrix_power``.
    """
    square, n = floating(check_square(x, "matrix_power")), operator.index(n)
    shape = square._data.shape
    if n == 0:
        return clone(broadcast_to(eye(shape[-1], dtype=square._dtype, device=square._place), shape))
    if n < 0:
        square, n = inv(square), -n
    out = square
    for bit in f"{n:b}"[1:]:
        out = matmul(out, out)
        if bit == "1":
            out = matmul(out, square)
    return clone(out) if out is x else out


# -- determinants ------------------------------------------------------------------------------------------------------


def det(x: Tensor, /) -> Tensor:
    """The determinant of square matrices. Differentiable, twice also where a matrix is singular.

    References
    ----------
    Array API standard, ``linalg.det``; ``torch.linalg.det``. Derivative: Jacobi's formula, with the cofactors.
    """
    return apply(TABLE["linalg.det"], (check_square(x, "det"),), {})


class SlogdetResult(NamedTuple):
    """A determinant as its sign (a complex number of length 1, where it is complex) and its logarithm without it."""

    sign: Tensor
    logabsdet: Tensor


def slogdet(x: Tensor, /) -> SlogdetResult:
    """Sign and logarithm of the determinant, where that itself is too large or small. Differentiable.

    Returns
    -------
    SlogdetResult
        ``(sign, logabsdet)``; ``(0, -inf)`` for a singular matrix, which has no derivative: asked for one, it raises.

    References
    ----------
    Array API standard, ``linalg.slogdet``; ``torch.linalg.slogdet``.
    """
    return SlogdetResult(*apply(TABLE["linalg.slogdet"], (check_square(x, "slogdet"),), {}))


# -- norms -------------------------------------------------------------------------------------------------------------


def vector_norm(
    x: Tensor, /, *, axis: int | tuple[int, ...] | None = None, keepdims: bool = False, ord: float = 2
) -> Tensor:
    """The ``ord``-norm of the elements over ``axis`` (by default all). Differentiable; 0 at 0.

    References
    ----------
    Array API standard, ``linalg.vector_norm``; ``torch.linalg.vector_norm``.
    """
    params = {"axis": check_axis(x, axis), "keepdims": keepdims, "ord": ord}
    return apply(TABLE["linalg.vector_norm"], (x,), params)


def svdvals(x: Tensor, /) -> Tensor:
    """The singular values of matrices, from the largest to the smallest. Differentiable, also where some are equal.

    Parameters
    ----------
    x : Tensor
        ``(..., M, N)``.

    Returns
    -------
    Tensor
        ``(..., min(M, N))``, of the real dtype.

    References
    ----------
    Array API standard, ``linalg.svdvals``; ``torch.linalg.svdvals``.
    """
    return apply(TABLE["linalg.svdvals"], (check_matrix(x, "svdvals"),), {})


def matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: float | str | None = "fro") -> Tensor:
    """A norm of matrices. Differentiable; where a maximum is not unique, the gradient is shared in equal parts.

    Parameters
    ----------
    x : Tensor
        ``(..., M, N)``.
    keepdims : bool
        Keep the two dimensions, with length 1.
    ord : {"fro", "nuc", inf, -inf, 1, -1, 2, -2} or None
        Frobenius (also None): the root of the sum of squares. Nuclear: the sum of singular values. 2: the largest of
        these, -2 the smallest. 1 and -1: the largest and smallest sum of absolute values in a column, inf and -inf in a
        row.

    Raises
    ------
    RuntimeError
        If ``x`` has fewer than two dimensions, there is no such norm, or no smallest since a matrix is empty.

    References
    ----------
    Array API standard, ``linalg.matrix_norm``; ``torch.linalg.matrix_norm``.
    """
    x = floating(check_matrix(x, "matrix_norm"))
    if ord is None or ord == "fro":
        return vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        found = sum(svdvals(x), axis=-1)
    elif ord in (1, -1, 2, -2, math.inf, -math.inf) and not isinstance(ord, str):
        size = abs(ord)
        parts = svdvals(x) if size == 2 else sum(absolute(x), axis=-2 if size == 1 else -1)
        if not parts._data.shape[-1] and ord > 0:
            found = sum(parts, axis=-1)
        else:
            found = (max if ord > 0 else min)(parts, axis=-1)
    else:
        raise ShapeError(
            f"linalg.matrix_norm: Order {ord!r} not supported; use 'fro', 'nuc', inf, 1, 2 or a negative one"
        )
    return expand_dims(found, axis=(-2, -1)) if keepdims else found


def norm(
    x: Tensor,
    /,
    ord: float | str | None = None,
    dim: int | tuple[int, ...] | None = None,
    keepdim: bool = False,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    dtype: Any = None,
) -> Tensor:
    """A norm of vectors or matrices. Differentiable.

    Parameters
    ----------
    x : Tensor
    ord : number, "fro", "nuc" or None
        Which; None: the root of the sum of squares.
    dim, axis : int, pair of int or None
        One for vectors, two for matrices. By default all; with an ``ord``, ``x`` must then be 1-d or 2-d.
    keepdim, keepdims : bool
        Keep the dimensions, with length 1.
    dtype : DType, optional
        To convert ``x`` to first.

    References
    ----------
    ``torch.linalg.norm``; see :func:`vector_norm` and :func:`matrix_norm`.
    """
    x = floating(x if dtype is None else cast(x, as_dtype(dtype)))
    ndim = len(x._data.shape)
    axis, keepdims = chosen(dim, axis), keepdim or keepdims
    if ord is None:
        return vector_norm(x, axis=axis, keepdims=keepdims)
    if axis is None:
        if ndim not in (1, 2):
            raise ShapeError(
                f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {ndim}D."
            )
        axis = tuple(range(ndim))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    if len(axes) == 1:
        if isinstance(ord, str):
            raise ShapeError(f"linalg.norm: Order {ord!r} is for matrices, which need two dimensions; got dim={axis}")
        return vector_norm(x, axis=axes, keepdims=keepdims, ord=ord)
    if len(axes) != 2:
        raise ShapeError(f"linalg.norm: dim must be of length 1 or 2, got {axis}")
    check_axis(x, axes)
    found = matrix_norm(moveaxis(x, axes, (-2, -1)), ord=ord)
    return expand_dims(found, axis=tuple(sorted(a % ndim for a in axes))) if keepdims else found


def matrix_rank(x: Tensor, /, *, rtol: float | Tensor | None = None) -> Tensor:
    """How many singular values are larger than ``rtol`` times the largest, as int64. Not differentiable.

    Parameters
    ----------
    x : Tensor
        ``(..., M, N)``.
    rtol : float, Tensor of shape ``(...)`` or None
        By default ``max(M, N)`` times the precision of the dtype.

    References
    ----------
    Array API standard, ``linalg.matrix_rank``; ``torch.linalg.matrix_rank``.
    """
    with no_grad():
        values = svdvals(x)
        if rtol is None:
            rtol = builtins.max(x._data.shape[-2:]) * finfo(values._dtype).eps
        if not values._data.shape[-1]:
            return count_nonzero(values, axis=-1)
        largest = multiply(max(values, axis=-1), rtol)
        return count_nonzero(greater(values, expand_dims(largest, axis=-1)), axis=-1)
