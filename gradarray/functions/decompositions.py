"""Factorisations of matrices: Array API standard, the ``linalg`` extension.

Matrices are the last two dimensions of a tensor, and stacked along the others. Dtypes are floating; integers become the
default floating dtype. Derivatives are in ``ops/decompositions.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gradarray._dispatch import apply
from gradarray._primitive import TABLE
from gradarray.functions.linalg import check_matrix, check_square

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


class QRResult(NamedTuple):
    """Orthonormal columns, and the upper triangle that makes the matrix of them."""

    Q: Tensor
    R: Tensor


class EighResult(NamedTuple):
    """Real eigenvalues in ascending order, and orthonormal eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class EigResult(NamedTuple):
    """Complex eigenvalues in no order, and eigenvectors of length 1 as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVDResult(NamedTuple):
    """Left singular vectors as columns, singular values in descending order, right singular vectors as rows."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def cholesky(x: Tensor, /, *, upper: bool = False) -> Tensor:
    """The triangle L with ``L @ L.mH == x``, or U with ``U.mH @ U == x``. Differentiable.

    Parameters
    ----------
    x : Tensor
        ``(..., N, N)``, Hermitian and positive definite; only its lower (upper) triangle is read, and its gradient is
        Hermitian too.
    upper : bool
        The upper triangle instead of the lower.

    Raises
    ------
    LinAlgError
        (a RuntimeError) If a matrix is not positive definite.

    References
    ----------
    Array API standard, ``linalg.cholesky``; ``torch.linalg.cholesky``. Derivative: Murray (2016).
    """
    return apply(TABLE["linalg.cholesky"], (check_square(x, "cholesky"),), {"upper": bool(upper)})


def qr(x: Tensor, /, *, mode: str = "reduced") -> QRResult:
    """Orthonormal columns times an upper triangle. Differentiable, where the first columns of ``x`` are independent.

    Parameters
    ----------
    x : Tensor
        ``(..., M, N)``.
    mode : {"reduced", "complete"}
        Q with ``min(M, N)`` columns or with M, of which those that M has more than N can be any: asked for a derivative
        then, it raises.

    Returns
    -------
    QRResult
        ``(Q, R)``.

    Raises
    ------
    RuntimeError
        If there is no such mode.

    References
    ----------
    Array API standard, ``linalg.qr``; ``torch.linalg.qr``. Derivative: Seeger et al. (2017), 4.3.
    """
    if mode not in ("reduced", "complete"):
        raise RuntimeError(f"linalg.qr: mode must be 'reduced' or 'complete', got {mode!r}")
    return QRResult(*apply(TABLE["linalg.qr"], (check_matrix(x, "qr"),), {"mode": mode}))


def eigh(x: Tensor, /) -> EighResult:
    """Eigenvalues and eigenvectors of Hermitian matrices. Differentiable.

    The gradient is that of a function of the eigenvalues and of what does not depend on the choice of eigenvectors: not
    on their sign or phase, nor, where eigenvalues are repeated, on the basis of their common space.

    Where eigenvalues are repeated, second derivatives of functions that are not linear in them lack a part.

    Parameters
    ----------
    x : Tensor
        ``(..., N, N)``, Hermitian; only the lower triangle is read, and the gradient is Hermitian too.

    Returns
    -------
    EighResult
        ``(eigenvalues, eigenvectors)``.

    References
    ----------
    Array API standard, ``linalg.eigh``; ``torch.linalg.eigh``. Derivative: Giles (2008), 3.1.
    """
    return EighResult(*apply(TABLE["linalg.eigh"], (check_square(x, "eigh"),), {}))


def eigvalsh(x: Tensor, /) -> Tensor:
    """Eigenvalues of Hermitian matrices in ascending order, as :func:`eigh`. Differentiable, also where some are equal.

    References
    ----------
    Array API standard, ``linalg.eigvalsh``; ``torch.linalg.eigvalsh``.
    """
    return apply(TABLE["linalg.eigvalsh"], (check_square(x, "eigvalsh"),), {})


def eig(x: Tensor, /) -> EigResult:
    """Eigenvalues and eigenvectors of any square matrices, complex also where those are real. Differentiable.

    The gradient is that of a function that does not depend on the phase of eigenvectors.

    Returns
    -------
    EigResult
        ``(eigenvalues, eigenvectors)``.

    References
    ----------
    Array API standard, ``linalg.eig``; ``torch.linalg.eig``. Derivative: Boeddeker et al. (2017), 4.8.
    """
    return EigResult(*apply(TABLE["linalg.eig"], (check_square(x, "eig"),), {}))


def eigvals(x: Tensor, /) -> Tensor:
    """Eigenvalues of any square matrices, always complex. Differentiable, where the eigenvectors are independent.

    References
    ----------
    Array API standard, ``linalg.eigvals``; ``torch.linalg.eigvals``.
    """
    return apply(TABLE["linalg.eigvals"], (check_square(x, "eigvals"),), {})


def svd(x: Tensor, /, *, full_matrices: bool = True) -> SVDResult:
    """Singular values and vectors. Differentiable.

    The gradient is that of a function of the singular values and of what does not depend on the choice of singular
    vectors: not on their common sign or phase, nor, where singular values are repeated, on a rotation of both sides.

    Where singular values are repeated, second derivatives of functions that are not linear in them lack a part.

    Parameters
    ----------
    x : Tensor
        ``(..., M, N)``.
    full_matrices : bool
        M left and N right singular vectors, instead of ``min(M, N)`` of each. The gradient through those without a
        singular value is that of the space they span; PyTorch leaves it out.

    Returns
    -------
    SVDResult
        ``(U, S, Vh)``.

    References
    ----------
    Array API standard, ``linalg.svd``; ``torch.linalg.svd``. Derivative: Townsend (2016), Wan & Zhang (2019).
    """
    found = apply(TABLE["linalg.svd"], (check_matrix(x, "svd"),), {"full_matrices": bool(full_matrices)})
    return SVDResult(*found)
