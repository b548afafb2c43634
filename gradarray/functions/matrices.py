"""Diagonals and products of matrices that PyTorch and NumPy have beside the standard's."""

from __future__ import annotations

import builtins
import operator
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError, apply
from gradarray._primitive import TABLE
from gradarray._storage import no_view
from gradarray.functions import linalg
from gradarray.functions.elementwise import multiply
from gradarray.functions.manipulation import broadcast_arrays, moveaxis, reshape
from gradarray.functions.statistical import check_axis, check_tensor

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

# -- diagonals ---------------------------------------------------------------------------------------------------------


def diagonal(x: Tensor, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonals of ``x`` over two of its dimensions, as the last dimension; a copy. Differentiable.

    Parameters
    ----------
    x : Tensor
    offset : int
        How far above the main diagonal; negative below.
    dim1, dim2 : int

    References
    ----------
    ``torch.diagonal``, which gives a view.
    """
    return linalg.diagonal(_at_the_end(x, dim1, dim2, "diagonal"), offset=offset)


def _at_the_end(x: Any, dim1: int, dim2: int, name: str) -> Any:
    ndim = len(check_tensor(x)._data.shape)
    check_axis(x, dim1), check_axis(x, dim2)
    if ndim < 2 or dim1 % ndim == dim2 % ndim:
        raise ShapeError(f"{name}: two dimensions are needed, got {dim1} and {dim2} of shape {list(x._data.shape)}")
    return moveaxis(x, (dim1, dim2), (-2, -1))


def diag_embed(x: Tensor, /, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the vectors in the last dimension of ``x`` on their diagonals, else 0. Differentiable.

    Parameters
    ----------
    x : Tensor
    offset : int
        How far above the main diagonal; negative below.
    dim1, dim2 : int
        Where the two dimensions stand in the result.

    References
    ----------
    ``torch.diag_embed``.
    """
    shape = check_tensor(x)._data.shape
    if not shape:
        raise ShapeError("diag_embed: at least one dimension is needed, got a 0-d tensor")
    n = shape[-1] + builtins.abs(operator.index(offset))
    out = apply(TABLE["diagonal_adjoint"], (x,), {"shape": (*shape[:-1], n, n), "offset": operator.index(offset)})
    check_axis(out, dim1), check_axis(out, dim2)
    return no_view(moveaxis(out, (-2, -1), (dim1, dim2)))


def diag(x: Tensor, /, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, a copy; of a 1-d tensor the matrix that has it on its diagonal. Differentiable.

    References
    ----------
    ``torch.diag``, ``numpy.diag``.
    """
    ndim = len(check_tensor(x)._data.shape)
    if ndim not in (1, 2):
        raise ShapeError(f"diag: supports 1-d or 2-d tensors, got shape {list(x._data.shape)}")
    return linalg.diagonal(x, offset=diagonal) if ndim == 2 else diag_embed(x, diagonal)


def trace(x: Tensor, /) -> Tensor:
    """The sum of the diagonal of a matrix. Differentiable. See :func:`gradarray.linalg.trace` for stacks of them.

    References
    ----------
    ``torch.trace``.
    """
    if len(check_tensor(x)._data.shape) != 2:
        raise ShapeError(f"trace: expected a matrix, got shape {list(x._data.shape)}")
    return linalg.trace(x)


# -- products ----------------------------------------------------------------------------------------------------------


def inner(x1: Tensor, x2: Tensor, /) -> Tensor:
    """Sums of products along the last dimensions; with a 0-d tensor the product. Differentiable.

    Raises
    ------
    RuntimeError
        If the last dimensions differ in length.

    References
    ----------
    ``torch.inner``, ``numpy.inner``.
    """
    a, b = check_tensor(x1)._data.shape, check_tensor(x2)._data.shape
    if not a or not b:
        return multiply(x1, x2)
    if a[-1] != b[-1]:
        raise ShapeError(f"inner: the last dimensions must be of one length, got shapes {list(a)} and {list(b)}")
    return linalg.tensordot(x1, x2, axes=((-1,), (-1,)))


def kron(x1: Tensor, x2: Tensor, /) -> Tensor:
    """The Kronecker product: ``x2`` once for each element of ``x1``, times that. Differentiable.

    References
    ----------
    ``torch.kron``, ``numpy.kron``.
    """
    a, b = check_tensor(x1)._data.shape, check_tensor(x2)._data.shape
    n = max(len(a), len(b))
    a, b = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
    one = reshape(x1, tuple(k for length in a for k in (length, 1)))
    two = reshape(x2, tuple(k for length in b for k in (1, length)))
    return no_view(reshape(multiply(one, two), tuple(p * q for p, q in zip(a, b, strict=True))))


def cross(x1: Tensor, x2: Tensor, /, dim: int | None = None) -> Tensor:
    """Cross product of the 3-vectors along ``dim``, by default the first of length 3. Differentiable.

    Raises
    ------
    RuntimeError
        If there is no such dimension, or the shapes do not broadcast.

    References
    ----------
    ``torch.cross``. The standard's, along the last dimension, is :func:`gradarray.linalg.cross`.
    """
    if dim is None:
        x1, x2 = broadcast_arrays(x1, x2)
        if 3 not in x1._data.shape:
            raise ShapeError(f"cross: no dimension of length 3 in shape {list(x1._data.shape)}")
        dim = x1._data.shape.index(3)
    return linalg.cross(x1, x2, axis=dim)
