"""Factorisations of matrices: Array API standard, the ``linalg`` extension.

Eigenvectors and singular vectors are defined up to a phase (a sign, where they are real), and those of one repeated value
up to a rotation. The rules give the derivative of everything that does not depend on that choice; of what does, there is
none. See Giles (2008); J. Townsend, *Differentiating the singular value decomposition* (2016); Z.-Q. Wan and S.-X. Zhang,
*Automatic differentiation for complex valued SVD* (2019), on the phases; M. Seeger et al., *Auto-differentiating linear
algebra* (2017).
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import primitive
from gradarray.ops._helpers import adjoint, off_diagonal, on_diagonal, real

_MATRIX = (-2, -1)


def _half(xp: Any, x: Any) -> Any:
    """The lower triangle of ``x`` with half its diagonal: of a Hermitian matrix, what its adjoint adds up to it with."""
    return (xp.tril(x) + xp.tril(x, k=-1)) * 0.5


def _hermitian(xp: Any, x: Any) -> Any:
    return (x + adjoint(xp, x)) * 0.5


def _divided(xp: Any, x: Any, gap: Any, like: Any) -> Any:
    """``x / gap``, but 0 where ``x`` is no more than the round-off of matrices of the size of ``like``.

    Where values are repeated, the gap is 0; and so is ``x``, for whatever does not depend on the choice of vectors.
    """
    size = xp.abs(x)
    noise = xp.linalg.vector_norm(like, axis=_MATRIX, keepdims=True) * (8 * xp.eps(like))
    matters = size > noise
    return xp.where(matters, x, xp.zeros_like(x)) / xp.where(matters, gap, xp.ones_like(gap))


def _differences(x: Any) -> Any:
    """``x[j] - x[i]``."""
    return x[..., None, :] - x[..., :, None]


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
)

# -- eigenvalues of Hermitian matrices ---------------------------------------------------------------------------------


def _eigh_vjp(xp: Any, g: Any, out: Any) -> Any:
    """Giles, 3.1, and the Hermitian part of it."""
    (gw, gq), (w, q) = g, out
    if gq is None:
        return (q * gw[..., None, :]) @ adjoint(xp, q)
    inner = adjoint(xp, q) @ gq
    middle = _divided(xp, off_diagonal(xp, inner - adjoint(xp, inner)) * 0.5, _differences(w), inner)
    if gw is not None:
        middle = middle + on_diagonal(xp, gw)
    return q @ middle @ adjoint(xp, q)


def _eigh_jvp(xp: Any, t: Any, out: Any) -> tuple[Any, Any]:
    w, q = out
    inner = adjoint(xp, q) @ _hermitian(xp, t) @ q
    return real(xp, xp.linalg.diagonal(inner)), q @ _divided(xp, off_diagonal(xp, inner), _differences(w), inner)


primitive(
    "linalg.eigh",
    vjp=_eigh_vjp,
    jvp=_eigh_jvp,
    holomorphic=False,
    accepts="floating",
    outputs=2,
    domain="hermitian",
    grad_name="LinalgEighBackward0",
)
primitive(  # its vectors are found when they are wanted
    "linalg.eigvalsh",
    vjp=lambda xp, g, x: _eigh_vjp(xp, (g, None), xp.linalg.eigh(x)),
    jvp=lambda xp, t, x: _eigh_jvp(xp, t, xp.linalg.eigh(x))[0],
    holomorphic=False,
    accepts="floating",
    domain="hermitian",
    grad_name="LinalgEighBackward0",
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
        rest = off_diagonal(xp, inner - (vh @ v) * along[..., None, :])
        middle = middle + _divided(xp, rest, xp.conj(_differences(w)), inner)
    found = xp.linalg.solve(vh, middle @ vh)
    return found if xp.is_complex(x) else xp.real(found)


def _eig_jvp(xp: Any, t: Any, out: Any) -> tuple[Any, Any]:
    w, v = out
    inner = xp.linalg.solve(v, (t if xp.is_complex(t) else xp.to_complex(t)) @ v)
    moved = v @ _divided(xp, off_diagonal(xp, inner), _differences(w), inner)
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
)
primitive(
    "linalg.eigvals",
    vjp=lambda xp, g, x: _eig_vjp(xp, (g, None), x, xp.linalg.eig(x)),
    jvp=lambda xp, t, x: _eig_jvp(xp, t, xp.linalg.eig(x))[0],
    forward=_eigvals,
    holomorphic=False,
    accepts="floating",
    grad_name="LinalgEigBackward0",
)

# -- singular values ---------------------------------------------------------------------------------------------------


def _svd_vjp(xp: Any, g: Any, out: Any) -> Any:
    """Townsend, 3; the phases as Wan and Zhang have them. Full matrices have more vectors (p) than values.

    Sums and differences of what U and V want keep apart what divides by ``s[j] - s[i]`` and what by ``s[j] + s[i]``, which
    is far from 0 where singular values are repeated.
    """
    (gu, gs, gvh), (u, s, vh) = g, out
    k = s.shape[-1]
    u, up, vh, vhp = u[..., :k], u[..., k:], vh[..., :k, :], vh[..., k:, :]
    if gu is None and gvh is None:
        return (u * gs[..., None, :]) @ vh
    uh, v = adjoint(xp, u), adjoint(xp, vh)
    found = wants_u = wants_v = 0
    middle = 0 if gs is None else on_diagonal(xp, gs)
    if gu is not None:
        inner = uh @ gu[..., :k]
        wants_u = (inner - adjoint(xp, inner)) * 0.5
        if xp.is_complex(inner):
            turning = on_diagonal(xp, xp.linalg.diagonal(wants_u))
            middle = middle + _divided(xp, turning, s[..., None, :], inner)
        rest = gu[..., :k] - u @ inner
        if gu.shape[-1] > k:
            rest = rest - up @ (adjoint(xp, gu[..., k:]) @ u)
        found = _divided(xp, rest, s[..., None, :], gu) @ vh
    if gvh is not None:
        inner = gvh[..., :k, :] @ v
        wants_v = (adjoint(xp, inner) - inner) * 0.5
        rest = gvh[..., :k, :] - inner @ vh
        if gvh.shape[-2] > k:
            rest = rest - (vh @ adjoint(xp, gvh[..., k:, :])) @ vhp
        found = found + u @ _divided(xp, rest, s[..., :, None], gvh)
    like = gvh if gu is None else gu if gvh is None else uh @ gu[..., :k] + gvh[..., :k, :] @ v
    middle = middle + _divided(xp, off_diagonal(xp, wants_u + wants_v), _differences(s), like)
    middle = middle + _divided(xp, off_diagonal(xp, wants_u - wants_v), s[..., None, :] + s[..., :, None], like)
    return found + u @ middle @ vh


def _svd_jvp(xp: Any, t: Any, out: Any) -> tuple[Any, Any, Any]:
    u, s, vh = out
    k = s.shape[-1]
    u, up, vh, vhp = u[..., :k], u[..., k:], vh[..., :k, :], vh[..., k:, :]
    uh, v = adjoint(xp, u), adjoint(xp, vh)
    inner = uh @ t @ v
    even, odd = _hermitian(xp, inner), (inner - adjoint(xp, inner)) * 0.5
    near = _divided(xp, off_diagonal(xp, even), _differences(s), inner)
    far = _divided(xp, off_diagonal(xp, odd), s[..., None, :] + s[..., :, None], inner)
    turn_u, turn_v = near + far, near - far
    if xp.is_complex(inner):
        turn_u = turn_u + _divided(xp, on_diagonal(xp, xp.linalg.diagonal(odd)), s[..., None, :], inner)
    out_u = _divided(xp, t @ v - u @ inner, s[..., None, :], t)
    out_v = _divided(xp, uh @ t - inner @ vh, s[..., :, None], t)
    du, dvh = u @ turn_u + out_u, out_v - turn_v @ vh
    if up.shape[-1]:
        du = xp.concat([du, -(u @ (adjoint(xp, out_u) @ up))], axis=-1)
    if vhp.shape[-2]:
        dvh = xp.concat([dvh, -((vhp @ adjoint(xp, out_v)) @ vh)], axis=-2)
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
)
primitive(  # its vectors are found when they are wanted
    "linalg.svdvals",
    vjp=lambda xp, g, x: _svd_vjp(xp, (None, g, None), xp.linalg.svd(x, full_matrices=False)),
    jvp=lambda xp, t, x: _svd_jvp(xp, t, xp.linalg.svd(x, full_matrices=False))[1],
    holomorphic=False,
    accepts="floating",
    grad_name="LinalgSvdBackward0",
)
