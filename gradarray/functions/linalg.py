"""Linear algebra: Array API standard, "Linear Algebra Functions", and norms of the extension."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError, apply
from gradarray._primitive import TABLE
from gradarray._storage import Value
from gradarray.functions.elementwise import conj, multiply
from gradarray.functions.manipulation import moveaxis, permute_dims, reshape
from gradarray.functions.statistical import check_axis, sum

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


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
    a, b = x1._data.shape, x2._data.shape
    if not a or not b:
        raise ShapeError(f"matmul: both arguments need at least one dimension, got {list(a)} and {list(b)}")
    if a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ShapeError(f"mat1 and mat2 shapes cannot be multiplied ({list(a)} and {list(b)})")
    return apply(TABLE["matmul"], (x1, x2), {})


def tensordot(x1: Tensor, x2: Tensor, /, *, axes: int | tuple[Any, Any] = 2) -> Tensor:
    """Sum of products over pairs of dimensions. Differentiable.

    Parameters
    ----------
    x1, x2 : Tensor
    axes : int, or pair of sequences of int
        The last ``axes`` of ``x1`` with the first of ``x2``; or those listed.

    References
    ----------
    Array API standard, ``tensordot``; ``torch.tensordot``.
    """
    a, b = x1._data.shape, x2._data.shape
    first, second = (range(len(a) - axes, len(a)), range(axes)) if isinstance(axes, int) else axes
    left, right = [i % len(a) for i in first], [i % len(b) for i in second]
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
    return reshape(matmul(one, two), (*rows, *columns))


def vecdot(x1: Tensor, x2: Tensor, /, *, axis: int = -1) -> Tensor:
    """Sum of ``conj(x1) * x2`` along ``axis``. Differentiable.

    References
    ----------
    Array API standard, ``vecdot``; ``torch.linalg.vecdot``.
    """
    one, two = moveaxis(x1, axis, -1), moveaxis(x2, axis, -1)
    if one._data.shape[-1] != two._data.shape[-1]:
        raise ShapeError(f"vecdot: lengths along axis {axis} differ: {list(x1._data.shape)}, {list(x2._data.shape)}")
    return sum(multiply(conj(one) if one._dtype.kind == "c" else one, two), axis=-1)


def outer(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Products of each element of ``x1`` (1-d) with each of ``x2`` (1-d). Differentiable.

    References
    ----------
    Array API standard, ``linalg.outer``; ``torch.outer``.
    """
    if len(x1._data.shape) != 1 or len(x2._data.shape) != 1:
        raise ShapeError(f"outer: expected two 1-d tensors, got {list(x1._data.shape)} and {list(x2._data.shape)}")
    return multiply(reshape(x1, (-1, 1)), x2)


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
