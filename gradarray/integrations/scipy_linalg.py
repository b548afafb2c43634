"""scipy.linalg on the tape: what gradarray's own linalg has, in SciPy's words, and functions of matrices.

Knows the public API and SciPy's signatures. LAPACK reads one triangle of a symmetric matrix, so the other one gets no
gradient.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_matfuncs import expm, logm, sqrtm
from gradarray.integrations.teaching import array, constant, scipy_is_since, teach, tensors

_STRUCTURES = {
    "gen": "general", "pos": "positive definite", "sym": "symmetric", "her": "hermitian", None: "general",
}  # fmt: skip


def _square(a: Any, name: str) -> Any:
    (a,) = tensors(a)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"scipy.linalg.{name} expected square matrices, got shape {tuple(a.shape)}")
    return a


def _structured(a: Any, structure: str | None, lower: bool) -> Any:
    """The matrix of which LAPACK reads a part, made whole from that part."""
    structure = _STRUCTURES.get(structure, structure)
    if structure == "general":
        return a
    if structure == "diagonal":
        return ga.triu(ga.tril(a))
    if structure == "tridiagonal":
        return ga.triu(ga.tril(a, k=1), k=-1)
    if structure in ("upper triangular", "lower triangular"):
        return ga.triu(a) if structure[0] == "u" else ga.tril(a)
    if structure not in ("symmetric", "hermitian", "positive definite"):
        raise NotImplementedError(f"assume_a={structure!r} is not supported with tensors that require a gradient")
    below = ga.tril(a, k=-1) if lower else ga.triu(a, k=1)
    diagonal = ga.triu(ga.tril(a))
    if structure == "symmetric":
        return below + below.mT + diagonal
    return below + below.mH + (ga.real(diagonal) if ga.is_complex(a) else diagonal)


def inv(a: Any, *, assume_a: str | None = None, lower: bool = False) -> Any:
    return ga.linalg.inv(_structured(_square(a, "inv"), assume_a, lower))


def det(a: Any) -> Any:
    a = _square(a, "det")
    return ga.linalg.det(ga.astype(a, ga.complex128 if ga.is_complex(a) else ga.float64))


@constant("rtol")
def pinv(a: Any, *, rtol: float | None = None) -> Any:
    (a,) = tensors(a)
    return ga.linalg.pinv(a, rtol=rtol)


@constant("rtol")
def pinvh(a: Any, rtol: float | None = None, lower: bool = True) -> Any:
    return ga.linalg.pinv(_structured(_square(a, "pinvh"), "hermitian", lower), rtol=rtol)


def solve(a: Any, b: Any, lower: bool = False, assume_a: str | None = None, transposed: bool = False) -> Any:
    a, b = tensors(a, b)
    if transposed and ga.is_complex(a):
        raise NotImplementedError("scipy.linalg.solve can currently not solve a^T x = b or a^H x = b for complex a")
    if b.ndim == 0:
        raise NotImplementedError("scipy.linalg.solve takes no 0-d b with tensors that require a gradient")
    a = _structured(_square(a, "solve"), assume_a, lower)
    return ga.linalg.solve(a.mT if transposed else a, b)


def solve_triangular(a: Any, b: Any, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False) -> Any:
    a, b = tensors(a, b)
    a = _square(a, "solve_triangular")
    inner = int(unit_diagonal)
    a = ga.tril(a, k=-inner) if lower else ga.triu(a, k=inner)
    if unit_diagonal:
        a = a + ga.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    if trans not in (0, 1, 2, "N", "T", "C"):
        raise ValueError(f"trans must be 0, 1, 2, 'N', 'T' or 'C', got {trans!r}")
    return ga.linalg.solve(a if trans in (0, "N") else a.mT if trans in (1, "T") else a.mH, b)


def cholesky(a: Any, lower: bool = False) -> Any:
    return ga.linalg.cholesky(_structured(_square(a, "cholesky"), "positive definite", lower), upper=not lower)


def cho_factor(a: Any, lower: bool = False) -> tuple[Any, bool]:
    a = _square(a, "cho_factor")
    factor = cholesky(a, lower)
    if scipy_is_since(1, 18):
        return factor, lower
    return factor + (ga.triu(a, k=1) if lower else ga.tril(a, k=-1)), lower


def cho_solve(c_and_lower: tuple[Any, bool], b: Any) -> Any:
    c, lower = c_and_lower
    c, b = tensors(c, b)
    first = ga.tril(c) if lower else ga.triu(c).mH
    return ga.linalg.solve(first.mH, ga.linalg.solve(first, b))


def qr(a: Any, mode: str = "full") -> tuple[Any, ...]:
    (a,) = tensors(a)
    if mode not in ("full", "economic", "r"):
        raise NotImplementedError(f"scipy.linalg.qr takes no mode {mode!r} with tensors that require a gradient")
    if mode == "economic":
        return tuple(ga.linalg.qr(a))
    r = ga.linalg.qr(a).R  # has derivatives also where the further columns of Q have none
    rows = (*r.shape[:-2], a.shape[-2] - r.shape[-2], r.shape[-1])
    r = ga.concat([r, ga.zeros(rows, dtype=r.dtype, device=r.device)], axis=-2)
    return (r,) if mode == "r" else (ga.linalg.qr(a, mode="complete").Q, r)


def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    (a,) = tensors(a)
    return tuple(ga.linalg.svd(a, full_matrices=full_matrices)) if compute_uv else ga.linalg.svdvals(a)


def svdvals(a: Any) -> Any:
    return svd(a, compute_uv=False)


def eigh(a: Any, b: Any = None, *, lower: bool = True, eigvals_only: bool = False, type: int = 1) -> Any:
    a = _structured(_square(a, "eigh"), "hermitian", lower)
    if b is not None:
        if type != 1:
            raise NotImplementedError(f"scipy.linalg.eigh takes no type {type} with tensors that require a gradient")
        a, b = tensors(a, b)
        triangle = cholesky(b, lower=True) if lower else cholesky(b).mH
        a = ga.linalg.solve(triangle, ga.linalg.solve(triangle, a).mH)
    if eigvals_only:
        return ga.linalg.eigvalsh(a)
    w, v = ga.linalg.eigh(a)
    return w, v if b is None else ga.linalg.solve(triangle.mH, v)


def eigvalsh(a: Any, b: Any = None, *, lower: bool = True, type: int = 1) -> Any:
    return eigh(a, b, lower=lower, eigvals_only=True, type=type)


def eigvals(a: Any) -> Any:
    return ga.linalg.eigvals(_square(a, "eigvals"))


def norm(a: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    (a,) = tensors(a)
    if axis is None and ord is not None:
        if a.ndim not in (1, 2):
            raise ValueError(f"Improper number of dimensions to norm: {a.ndim}")
        axis = tuple(range(a.ndim))
    axes = (axis,) if isinstance(axis, int) else axis
    if axes is None or len(axes) == 1 or ord is None:
        return ga.linalg.vector_norm(a, axis=axes, ord=2 if ord is None else ord, keepdims=keepdims)
    rows, columns = (axis % a.ndim for axis in axes)
    out = ga.linalg.matrix_norm(ga.moveaxis(a, (rows, columns), (-2, -1)), ord=ord, keepdims=keepdims)
    return ga.moveaxis(out, (-2, -1), (rows, columns)) if keepdims else out


@constant("cond")
def lstsq(a: Any, b: Any, cond: float | None = None) -> tuple[Any, Any, int, Any]:
    a, b = tensors(a, b)
    if a.ndim != 2 or b.ndim not in (1, 2):
        raise NotImplementedError("scipy.linalg.lstsq takes no batches with tensors that require a gradient")
    m, n = a.shape
    s = ga.linalg.svdvals(a)
    values = array(s)
    rank = int(np.sum(values > values[0] * (np.finfo(values.dtype).eps if cond is None else cond)))
    if rank < min(m, n):
        raise NotImplementedError(
            f"scipy.linalg.lstsq of a matrix of rank {rank} and shape {(m, n)} has no derivative; it needs full rank"
        )
    if m >= n:
        q, r = ga.linalg.qr(a)
        x = ga.linalg.solve(r, q.mH @ b)
    else:
        q, r = ga.linalg.qr(a.mH)
        x = q @ ga.linalg.solve(r.mH, b)
    residual = b - a @ x
    none = ga.zeros(0, dtype=x.dtype, device=x.device)
    return x, (ga.abs(residual) ** 2).sum(axis=0) if m > n else none, rank, s


def _gathered(values: Any, index: Any) -> Any:
    return ga.take(values, ga.asarray(index.ravel(), device=values.device)).reshape(index.shape)


def _vectors(name: str, *xs: Any) -> list[Any]:
    """Vectors of one dtype."""
    out = tensors(*xs, floating=False)
    if any(x.ndim != 1 for x in out):
        raise NotImplementedError(f"scipy.linalg.{name} takes vectors only with tensors that require a gradient")
    dtype = ga.result_type(*out)
    return [ga.astype(x, dtype) for x in out]


def toeplitz(c: Any, r: Any = None) -> Any:
    c, r = _vectors("toeplitz", c, ga.conj(tensors(c)[0]) if r is None else r)
    i, j = np.ogrid[: c.shape[0], : r.shape[0]]
    return _gathered(ga.concat([ga.flip(r[1:]), c]), i - j + r.shape[0] - 1)


def hankel(c: Any, r: Any = None) -> Any:
    c, r = _vectors("hankel", c, ga.zeros_like(tensors(c)[0]) if r is None else r)
    i, j = np.ogrid[: c.shape[0], : r.shape[0]]
    return _gathered(ga.concat([c, r[1:]]), i + j)


def circulant(c: Any) -> Any:
    (c,) = _vectors("circulant", c)
    i, j = np.ogrid[: c.shape[0], : c.shape[0]]
    return _gathered(c, (i - j) % c.shape[0])


def solve_toeplitz(c_or_cr: Any, b: Any) -> Any:
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    return solve(toeplitz(c, r), b)


FUNCTIONS = {
    f.__name__: f
    for f in (
        cho_factor, cho_solve, cholesky, circulant, det, eigh, eigvals, eigvalsh, expm, hankel, inv, logm, lstsq, norm,
        pinv, pinvh, qr, solve, solve_toeplitz, solve_triangular, sqrtm, svd, svdvals, toeplitz,
    )
}  # fmt: skip


def register(linalg: ModuleType) -> None:
    """Add the branch to each of the functions."""
    teach(linalg, FUNCTIONS)
