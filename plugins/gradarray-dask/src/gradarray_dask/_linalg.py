"""Linear algebra on Dask's arrays: NumPy's, on each matrix as a whole, stacks of them in their chunks.

Knows Dask and NumPy. Must not know gradarray.

Dask's own functions lack most of these, take no stacks, and want square blocks. Tall matrices in several blocks of
rows are the exception: their QR and singular value decompositions stay in blocks (``tsqr``). A matrix that has no
result raises NumPy's LinAlgError when it is computed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import dask.array as da
import numpy as np

from gradarray_dask._reductions import maximum, minimum, total
from gradarray_dask._shapes import chunked, diagonal_mask, whole, zeros

Array = Any


def _stacked(function: Callable[..., Any], signature: str, *arrays: Array, **options: Any) -> Any:
    """``function`` on whole matrices, with the dtypes that it gives for one of a single element."""
    cores = re.findall(r"\(([^)]*)\)", signature.partition("->")[0])
    ndims = [len(core.split(",")) if core else 0 for core in cores]
    ones = [np.ones((1,) * ndim, x.dtype) for ndim, x in zip(ndims, arrays, strict=True)]
    out = function(*ones)
    if any(0 in x.shape for x in arrays):  # there Dask divides by zero, and there is nothing to wait for
        empty = function(*(np.zeros(x.shape, x.dtype) if 0 in x.shape else _identities(x) for x in arrays))
        if isinstance(out, tuple):
            return tuple(whole(e.astype(o.dtype)) for e, o in zip(empty, out, strict=True))
        return whole(np.asarray(empty, out.dtype))
    meta = tuple(np.empty(0, o.dtype) for o in out) if isinstance(out, tuple) else np.empty(0, out.dtype)
    return da.apply_gufunc(function, signature, *arrays, meta=meta, allow_rechunk=True, **options)


def _identities(x: Array) -> Any:
    return np.broadcast_to(np.eye(*x.shape[-2:], dtype=x.dtype), x.shape)


def _tuple(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` with a plain tuple for NumPy's named one, which a scheduler need not know."""
    return partial(_plain, function)


def _plain(function: Callable[..., Any], *arrays: Any) -> tuple[Any, ...]:
    return tuple(function(*arrays))


def _tall(x: Array) -> bool:
    """Whether ``x`` is one matrix in several blocks of rows, none wider than high."""
    return bool(x.ndim == 2 and x.numblocks[0] > 1 and x.numblocks[1] == 1 and min(x.chunks[0]) >= x.shape[1] > 0)


def cholesky(x: Array, *, upper: bool = False) -> Array:
    return _stacked(partial(np.linalg.cholesky, upper=upper), "(m,n)->(m,n)", x)


def qr(x: Array, *, mode: str = "reduced") -> tuple[Array, Array]:
    if mode == "reduced" and _tall(x):
        return tuple(da.linalg.qr(x))
    m, n = x.shape[-2:]
    sizes = {"p": m if mode == "complete" else min(m, n)}
    return tuple(_stacked(_tuple(partial(np.linalg.qr, mode=mode)), "(m,n)->(m,p),(p,n)", x, output_sizes=sizes))


def svd(x: Array, *, full_matrices: bool = True) -> tuple[Array, Array, Array]:
    m, n = x.shape[-2:]
    if not full_matrices and _tall(x):
        return tuple(da.linalg.svd(x))
    sizes = {"p": m if full_matrices else min(m, n), "k": min(m, n), "q": n if full_matrices else min(m, n)}
    function = _tuple(partial(np.linalg.svd, full_matrices=full_matrices))
    return tuple(_stacked(function, "(m,n)->(m,p),(k),(q,n)", x, output_sizes=sizes))


def svdvals(x: Array) -> Array:
    return _stacked(np.linalg.svdvals, "(m,n)->(k)", x, output_sizes={"k": min(x.shape[-2:])})


def eigh(x: Array) -> tuple[Array, Array]:
    return tuple(_stacked(_tuple(np.linalg.eigh), "(m,n)->(m),(m,n)", x))


def eigvalsh(x: Array) -> Array:
    return _stacked(np.linalg.eigvalsh, "(m,n)->(m)", x)


def _complex(x: Any) -> Any:
    return x if x.dtype.kind == "c" else x.astype(np.result_type(x.dtype, np.complex64))


def eig(x: Array) -> tuple[Array, Array]:
    """Complex always: what NumPy gives depends on the values, which are not known yet."""
    return tuple(_stacked(_eig, "(m,n)->(m),(m,n)", x))


def _eig(a: Any) -> Any:
    return tuple(map(_complex, np.linalg.eig(a)))


def eigvals(x: Array) -> Array:
    return _stacked(_eigvals, "(m,n)->(m)", x)


def _eigvals(a: Any) -> Any:
    return _complex(np.linalg.eigvals(a))


def inv(x: Array) -> Array:
    return _stacked(np.linalg.inv, "(m,n)->(m,n)", x)


def solve(x1: Array, x2: Array) -> Array:
    """Columns are solved for in the chunks that they come in."""
    if 0 in x1.shape or 0 in x2.shape:
        return _stacked(np.linalg.solve, "(m,n),(n,k)->(m,k)", x1, x2)
    n = x2.ndim
    x1, x2 = x1.rechunk({n - 2: -1, n - 1: -1}), x2.rechunk({n - 2: -1})
    dtype = np.linalg.solve(np.ones((1, 1), x1.dtype), np.ones((1, 1), x2.dtype)).dtype
    letters = tuple(range(n))
    return da.blockwise(
        _solved, letters, x2, letters, x1, (*letters[:-2], n, n + 1), dtype=dtype,
        concatenate=True,
    )  # fmt: skip


def _solved(b: Any, a: Any) -> Any:
    return np.linalg.solve(a, b)


def pinv(x: Array, *, rtol: Any = None) -> Array:
    if isinstance(rtol, da.Array):
        return _stacked(_pinv, "(m,n),()->(n,m)", x, rtol)
    return _stacked(partial(np.linalg.pinv, rtol=rtol), "(m,n)->(n,m)", x)


def _pinv(a: Any, tolerance: Any) -> Any:
    return np.linalg.pinv(a, rtol=tolerance)


def det(x: Array) -> Array:
    return _stacked(np.linalg.det, "(m,n)->()", x)


def slogdet(x: Array) -> tuple[Array, Array]:
    return tuple(_stacked(_tuple(np.linalg.slogdet), "(m,n)->(),()", x))


def vector_norm(x: Array, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Array:
    """As NumPy's, of the absolute values; by sums, so that nothing is gathered in one place."""
    size = abs(x)
    if ord in (np.inf, -np.inf):
        found = (maximum if ord > 0 else minimum)(size, axis=axis, keepdims=keepdims)
    elif ord == 0:
        found = total(size != 0, axis=axis, keepdims=keepdims)
    elif ord == 1:
        found = total(size, axis=axis, keepdims=keepdims)
    elif ord == 2:
        found = da.sqrt(total(size * size, axis=axis, keepdims=keepdims))
    else:
        found = total(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)
    return found.astype(size.dtype)


def diagonal(x: Array, *, offset: int = 0) -> Array:
    rows, columns = x.shape[-2:]
    if not -rows < offset < columns:
        return zeros((*x.shape[:-2], 0), x.dtype)
    return da.diagonal(x, offset=offset, axis1=-2, axis2=-1)


def diagonal_adjoint(x: Array, *, shape: tuple[int, ...], offset: int) -> Array:
    """Zeros of ``shape`` with ``x`` on the diagonal."""
    rows, columns = shape[-2:]
    if 0 in shape or 0 in x.shape:
        return zeros(shape, x.dtype)
    behind = rows - max(-offset, 0) - x.shape[-1]
    padded = da.pad(x, [(0, 0)] * (x.ndim - 1) + [(max(-offset, 0), behind)])
    on = diagonal_mask(((rows,), chunked((columns,), x.dtype)[0]), offset)
    return da.where(on, padded[..., :, None], np.zeros((), x.dtype))


KERNELS: Mapping[str, Callable[..., Any]] = {
    "diagonal_adjoint": diagonal_adjoint,
    "linalg.cholesky": cholesky,
    "linalg.det": det,
    "linalg.diagonal": diagonal,
    "linalg.eig": eig,
    "linalg.eigh": eigh,
    "linalg.eigvals": eigvals,
    "linalg.eigvalsh": eigvalsh,
    "linalg.inv": inv,
    "linalg.pinv": pinv,
    "linalg.qr": qr,
    "linalg.slogdet": slogdet,
    "linalg.solve": solve,
    "linalg.svd": svd,
    "linalg.svdvals": svdvals,
    "linalg.vector_norm": vector_norm,
}
