"""Factorisations of matrices: Array API standard, the ``linalg`` extension.

Eigenvectors and singular vectors are defined up to a phase (a sign, where they are real), and those of one repeated
value up to a rotation. What depends on that choice has no derivative. The rules give that of all else, by leaving out
the turning of vectors of one value into each other; values no further apart than round-off count as one. One thing
that loses: at repeated values, second derivatives of functions that are not linear in the values lack a part (PyTorch's
are nan).

References: Giles (2008), as in ``linalg.py``; J. Townsend, *Differentiating the singular value decomposition* (2016);
Z.-Q. Wan and S.-X. Zhang, *Automatic differentiation for complex valued SVD* (2019), on the phases; M. Seeger et al.,
*Auto-differentiating linear algebra* (2017); I. Murray, *Differentiation of the Cholesky decomposition* (2016).
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import primitive
from gradarray.ops._helpers import adjoint, on_diagonal, real


def _half(xp: Any, x: Any) -> Any:
    """The lower triangle of ``x`` with half its diagonal; with its adjoint it adds up to a Hermitian ``x``."""
    return (xp.tril(x) + xp.tril(x, k=-1)) * 0.5


def _hermitian(xp: Any, x: Any) -> Any:
    return (x + adjoint(xp, x)) * 0.5


def _inverse_gap(xp: Any, gap: Any, values: Any) -> Any:
    """``1 / gap``, and 0 where the gap between the ``values`` is none but round-off."""
    noise = xp.linalg.vector_norm(values, axis=-1, keepdims=True)[..., None] * (8 * xp.eps(values))
    apart = xp.abs(gap) > noise
    return xp.where(apart, 1 / xp.where(apart, gap, xp.ones_like(gap)), xp.zeros_like(gap))


def _differences(x: Any) -> Any:
    """``x[j] - x[i]``."""
    return x[..., None, :] - x[..., :, None]


def _sums(x: Any) -> Any:
    return x[..., None, :] + x[..., :, None]


# -- Cholesky ----------------------------------------------------------------------------------------------------------


def _cholesky_vjp(xp: Any, g: Any, out: Any, upper: bool) -> Any:
    if upper:
        g, out = adjoint(xp, g), adjoint(xp, out)
    lh = adjoint(xp, out)
    middle = _hermitian(xp, _half(xp, lh @ g))
    return xp.linalg.solve(lh, adjoint(xp, xp.linalg.solve(lh, middle)))


def _cholesky_jvp(xp: Any, t: Any, out: Any, upper: bool) -> Any:
    lower = adjoint(xp, out) if upper else out
    middle = xp.linalg.solve(lower, adjoint(xp, xp.linalg.solve(lower, _hermitian(xp, t))))
    moved = lower @ _half(xp, middle)
    return adjoint(xp, moved) if upper else moved


# I. Murray, Differentiation of the Cholesky decomposition (2016), eq. 8: dL = L half(L⁻¹ dA L⁻ᴴ)
primitive(
    "linalg.cholesky",
    vjp=_cholesky_vjp,
    jvp=_cholesky_jvp,
    holomorphic=False,
    accepts="floating",
    defaults={"upper": False},
    domain="definite",
    grad_name="LinalgCholeskyExBackward0",
    batch="leading",
)

# -- QR ----------------------------------------------------------------------------------------------------------------


def _over(xp: Any, x: Any, r: Any) -> Any:
    """``x r⁻¹``."""
    return adjoint(xp, xp.linalg.solve(adjoint(xp, r), adjoint(xp, x)))


def _check_qr(q: Any, r: Any) -> int:
    """How many columns are decomposed; the others follow from Q."""
    if q.shape[-1] > r.shape[-1]:
        raise RuntimeError(
            f"qr: not differentiable with mode='complete' where there are more rows than columns ({q.shape[-2]} and "
            f"{r.shape[-1]}), since the last columns of Q can be any; use mode='reduced'"
        )
    return q.shape[-1]  # type: ignore[no-any-return]


def _qr_vjp(xp: Any, g: Any, out: Any) -> Any:
    """Seeger et al., 4.3. Of a wide matrix (A₁ A₂) the square A₁ = Q R₁ is decomposed, and R₂ = Qᴴ A₂ follows."""
    (gq, gr), (q, r) = g, out
    k = _check_qr(q, r)
    wide = r.shape[-1] > k
    r1 = r[..., :k]
    second = None
    if wide and gr is not None:
        second = q @ gr[..., k:]
        more = q @ (r[..., k:] @ adjoint(xp, gr[..., k:]))
        gq = more if gq is None else gq + more
        gr = gr[..., :k]
    skew = 0 if gq is None else -(adjoint(xp, gq) @ q)
    middle = skew if gr is None else r1 @ adjoint(xp, gr) + skew
    middle = _half(xp, middle)
    inner = q @ (middle + adjoint(xp, middle))
    first = _over(xp, inner if gq is None else gq + inner, adjoint(xp, r1))
    if not wide:
        return first
    return xp.concat([first, xp.zeros_like(q @ r[..., k:]) if second is None else second], axis=-1)


def _qr_jvp(xp: Any, t: Any, out: Any) -> tuple[Any, Any]:
    q, r = out
    k = _check_qr(q, r)
    r1 = r[..., :k]
    moved = _over(xp, t[..., :k], r1)
    inner = adjoint(xp, q) @ moved
    lower = xp.tril(inner, k=-1)
    upper = xp.triu(inner) + adjoint(xp, lower)
    if xp.is_complex(upper):  # the diagonal of R stays real
        upper = upper - on_diagonal(xp, xp.to_complex(xp.imag(xp.linalg.diagonal(inner))) * 1j)
    dq, dr = moved - q @ upper, upper @ r1
    if r.shape[-1] == k:
        return dq, dr
    return dq, xp.concat([dr, adjoint(xp, q) @ (t[..., k:] - dq @ r[..., k:])], axis=-1)


primitive(
    "linalg.qr",
    vjp=_qr_vjp,
    jvp=_qr_jvp,
    holomorphic=False,
    accepts="floating",
    defaults={"mode": "reduced"},
    outputs=2,
    grad_name="LinalgQrBackward0",
    batch="leading",
)

# -- eigenvalues of Hermitian matrices ---------------------------------------------------------------------------------


def _eigh_vjp(xp: Any, g: Any, out: Any) -> Any:
    """Giles, 3.1, and the Hermitian part of it."""
    (gw, gq), (w, q) = g, out
    if gq is None:
        return (q * gw[..., None, :]) @ adjoint(xp, q)
    inner = adjoint(xp, q) @ gq
    middle = (inner - adjoint(xp, inner)) * 0.5 * _inverse_gap(xp, _differences(w), w)
    if gw is not None:
        middle = middle + on_diagonal(xp, gw)
    return q @ middle @ adjoint(xp, q)


def _eigh_jvp(xp: Any, t: Any, out: Any) -> tuple[Any, Any]:
    w, q = out
    inner = adjoint(xp, q) @ _hermitian(xp, t) @ q
    return real(xp, xp.linalg.diagonal(inner)), q @ (inner * _inverse_gap(xp, _differences(w), w))


primitive(
    "linalg.eigh",
    vjp=_eigh_vjp,
    jvp=_eigh_jvp,
    holomorphic=False,
    accepts="floating",
    outputs=2,
    domain="hermitian",
    grad_name="LinalgEighBackward0",
    batch="leading",
)
primitive(  # its vectors are found when they are wanted
    "linalg.eigvalsh",
    vjp=lambda xp, g, x: _eigh_vjp(xp, (g, None), xp.linalg.eigh(x)),
    jvp=lambda xp, t, x: _eigh_jvp(xp, t, xp.linalg.eigh(x))[0],
    holomorphic=False,
    accepts="floating",
    domain="hermitian",
    grad_name="LinalgEighBackward0",
    batch="leading",
)

# -- eigenvalues -------------------------------------------------------------------------------------------------------


def _eig(xp: Any, x: Any) -> tuple[Any, Any]:
    """Complex also where a library keeps to real numbers, since that depends on the values."""
    w, v = xp.library.linalg.eig(x)
    return (w, v) if xp.is_complex(w) else (xp.to_complex(w), xp.to_complex(v))


def _eigvals(xp: Any, x: Any) -> Any:
    w = xp.library.linalg.eigvals(x)
    return w if xp.is_complex(w) else xp.to_complex(w)


def _eig_vjp(xp: Any, g: Any, x: Any, out: Any) -> Any:
    (gw, gv), (w, v) = g, out
    vh = adjoint(xp, v)
    middle = 0 if gw is None else on_diagonal(xp, gw)
    if gv is not None:
        inner = vh @ gv
        along = xp.to_complex(xp.real(xp.linalg.diagonal(inner)))  # the vectors stay of length 1
        inner = inner - (vh @ v) * along[..., None, :]
        middle = middle + inner * _inverse_gap(xp, xp.conj(_differences(w)), w)
    found = xp.linalg.solve(vh, middle @ vh)
    return found if xp.is_complex(x) else xp.real(found)


def _eig_jvp(xp: Any, t: Any, out: Any) -> tuple[Any, Any]:
    w, v = out
    inner = xp.linalg.solve(v, (t if xp.is_complex(t) else xp.to_complex(t)) @ v)
    moved = v @ (inner * _inverse_gap(xp, _differences(w), w))
    along = xp.sum(xp.real(xp.conj(v) * moved), axis=-2, keepdims=True)
    return xp.linalg.diagonal(inner), moved - v * xp.to_complex(along)


primitive(  # Giles, 3.1; C. Boeddeker et al., arXiv:1701.00392, 4.8, for vectors of length 1
    "linalg.eig",
    vjp=_eig_vjp,
    jvp=_eig_jvp,
    forward=_eig,
    holomorphic=False,
    accepts="floating",
    outputs=2,
    grad_name="LinalgEigBackward0",
    batch="leading",
)
primitive(
    "linalg.eigvals",
    vjp=lambda xp, g, x: _eig_vjp(xp, (g, None), x, xp.linalg.eig(x)),
    jvp=lambda xp, t, x: _eig_jvp(xp, t, xp.linalg.eig(x))[0],
    forward=_eigvals,
    holomorphic=False,
    accepts="floating",
    grad_name="LinalgEigBackward0",
    batch="leading",
)

# -- singular values ---------------------------------------------------------------------------------------------------


def _svd_vjp(xp: Any, g: Any, out: Any) -> Any:
    """Townsend, 3. Full matrices have more vectors (``up``, ``vhp``) than values.

    What U and V want is added and subtracted: the sum is over ``s[j] - s[i]``, the difference over ``s[j] + s[i]``,
    which is not small where values are repeated, and keeps the phases of U and V together.
    """
    (gu, gs, gvh), (u, s, vh) = g, out
    if gu is None and gvh is None:
        return (u[..., : s.shape[-1]] * gs[..., None, :]) @ vh[..., : s.shape[-1], :]
    k = s.shape[-1]
    u, up, vh, vhp = u[..., :k], u[..., k:], vh[..., :k, :], vh[..., k:, :]
    inverse = _inverse_gap(xp, s[..., None, :], s)
    found = wants_u = wants_v = 0
    if gu is not None:
        gup, gu = gu[..., k:], gu[..., :k]
        inner = adjoint(xp, u) @ gu
        wants_u = (inner - adjoint(xp, inner)) * 0.5
        outside = gu - u @ inner - up @ (adjoint(xp, gup) @ u)
        found = (outside * inverse) @ vh
    if gvh is not None:
        gvhp, gvh = gvh[..., k:, :], gvh[..., :k, :]
        inner = gvh @ adjoint(xp, vh)
        wants_v = (adjoint(xp, inner) - inner) * 0.5
        outside = gvh - inner @ vh - (vh @ adjoint(xp, gvhp)) @ vhp
        found = found + u @ (outside * xp.matrix_transpose(inverse))
    middle = (wants_u + wants_v) * _inverse_gap(xp, _differences(s), s)
    middle = middle + (wants_u - wants_v) * _inverse_gap(xp, _sums(s), s)
    if gs is not None:
        middle = middle + on_diagonal(xp, gs)
    return found + u @ middle @ vh


def _svd_jvp(xp: Any, t: Any, out: Any) -> tuple[Any, Any, Any]:
    u, s, vh = out
    k = s.shape[-1]
    u, up, vh, vhp = u[..., :k], u[..., k:], vh[..., :k, :], vh[..., k:, :]
    uh, v, inverse = adjoint(xp, u), adjoint(xp, vh), _inverse_gap(xp, s[..., None, :], s)
    inner = uh @ t @ v
    together = _hermitian(xp, inner) * _inverse_gap(xp, _differences(s), s)
    against = (inner - adjoint(xp, inner)) * 0.5 * _inverse_gap(xp, _sums(s), s)
    away_u = (t @ v - u @ inner) * inverse
    away_v = (uh @ t - inner @ vh) * xp.matrix_transpose(inverse)
    du, dvh = u @ (together + against) + away_u, (against - together) @ vh + away_v
    if up.shape[-1]:
        du = xp.concat([du, -(u @ (adjoint(xp, away_u) @ up))], axis=-1)
    if vhp.shape[-2]:
        dvh = xp.concat([dvh, -((vhp @ adjoint(xp, away_v)) @ vh)], axis=-2)
    return du, real(xp, xp.linalg.diagonal(inner)), dvh


primitive(
    "linalg.svd",
    vjp=_svd_vjp,
    jvp=_svd_jvp,
    holomorphic=False,
    accepts="floating",
    defaults={"full_matrices": True},
    outputs=3,
    grad_name="LinalgSvdBackward0",
    batch="leading",
)
primitive(  # its vectors are found when they are wanted
    "linalg.svdvals",
    vjp=lambda xp, g, x: _svd_vjp(xp, (None, g, None), xp.linalg.svd(x, full_matrices=False)),
    jvp=lambda xp, t, x: _svd_jvp(xp, t, xp.linalg.svd(x, full_matrices=False))[1],
    holomorphic=False,
    accepts="floating",
    grad_name="LinalgSvdBackward0",
    batch="leading",
)
