"""Exponential, square root and logarithm of matrices, differentiable in any order that their docstrings name.

Knows the public API, and takes from SciPy the values of square root and logarithm.

References
----------
Higham, "Functions of Matrices" (2008): chapter 3 for the derivatives, chapter 10 for the exponential.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.teaching import array, tensors

_PADE = (
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
    670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
)  # fmt: skip
_RADIUS = 5.371920351148152  # in which the approximation of this order is exact to float64's precision


def expm(A: Any) -> Any:
    """The exponential by scaling and squaring, with a Padé approximation of order 13. Differentiable in any order."""
    (a,) = tensors(A)
    if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
        raise ValueError(f"scipy.linalg.expm expected square matrices, got shape {tuple(a.shape)}")
    size = np.max(np.sum(np.abs(array(a)), axis=-2), initial=0)
    squarings = max(0, int(np.ceil(np.log2(size / _RADIUS)))) if size and np.isfinite(size) else 0
    a = a / 2**squarings
    b, one = _PADE, ga.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a @ (a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one)
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + b[0] * one
    out = ga.linalg.solve(even - odd, even + odd)
    for _ in range(squarings):
        out = out @ out
    return out


def _attached(
    name: str,
    A: Any,
    values: Any,
    inverse: Callable[[Any], Any],
    ratios: Callable[[Any], Any],
) -> Any:
    """``values``, a function of the matrix ``A``, with derivatives up to the third.

    The function has an ``inverse``, so ``A - inverse(x)`` vanishes at its value. Each step adds what the derivative at
    ``A`` makes of that, which moves nothing and adds one order. In the basis of eigenvectors that derivative is a
    product with the divided differences of the function, ``ratios`` of the eigenvalues.
    """
    (a,) = tensors(A)
    if a.ndim != 2:
        raise NotImplementedError(f"scipy.linalg.{name} takes no batches with tensors that require a gradient")
    w, v = np.linalg.eig(array(a))
    if np.linalg.cond(v) > 1e6:
        raise NotImplementedError(
            f"scipy.linalg.{name} of a matrix without independent eigenvectors is not differentiated"
        )
    x = ga.asarray(values, device=a.device)
    wide = ga.complex128 if x.dtype in (ga.float64, ga.complex128) else ga.complex64
    back, forth, factors = (ga.asarray(m, dtype=wide, device=a.device) for m in (v, np.linalg.inv(v), ratios(w)))
    for _ in range(3):
        step = back @ ((forth @ ga.astype(a - inverse(x), wide) @ back) * factors) @ forth
        step = step if ga.is_complex(x) else ga.real(step)
        x = x + (step - step.detach())
    return x


def sqrtm(A: Any) -> Any:
    """The principal square root. Differentiable three times, of matrices with independent eigenvectors."""
    import scipy.linalg

    def ratios(w: Any) -> Any:
        root = np.sqrt(w.astype(complex))
        return 1 / (root[:, None] + root)

    return _attached("sqrtm", A, scipy.linalg.sqrtm(array(A)), lambda x: x @ x, ratios)


def logm(A: Any) -> Any:
    """The principal logarithm. Differentiable three times, of matrices with independent eigenvectors."""
    import scipy.linalg

    def ratios(w: Any) -> Any:
        log = np.log(w.astype(complex))
        half = (log[:, None] - log) / 2
        # (log a - log b) / (a - b) is this, without the cancellation, by sinh
        near = np.abs(half) < 1e-4
        shrink = np.where(near, 1 - half**2 / 6, half / np.where(near, 1, np.sinh(half)))
        return shrink * np.exp(-(log[:, None] + log) / 2)

    return _attached("logm", A, scipy.linalg.logm(array(A)), expm, ratios)
