"""Products, norms, inverses, determinants: Array API standard, "Linear Algebra Functions" and the ``linalg`` extension.

Its factorisations are in ``decompositions.py``. What is composed of these (``cross``, ``trace``, ``matrix_power`` …) is
where the functions of the namespace are defined.

References: M. Giles, *Collected matrix derivative results for forward and reverse mode algorithmic differentiation*
(2008), "Giles" below; J. Magnus and H. Neudecker, *Matrix Differential Calculus* (3rd edition, 2019).
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import linear, primitive
from gradarray.ops import _batching
from gradarray.ops._helpers import Axis, Shape, adjoint, conj, off_diagonal, on_diagonal, others, unreduce

Shapes = tuple[Shape, ...]


def _matmul_name(params: dict[str, Any], shapes: Shapes) -> str:
    ndims = (len(shapes[0]), len(shapes[1]))
    return {(1, 1): "Dot", (2, 1): "Mv", (2, 2): "Mm", (3, 3): "Bmm"}.get(ndims, "Matmul") + "Backward0"


def _matmul_first(xp: Any, g: Any, x2: Any, shape1: Shape, shape2: Shape) -> Any:
    if len(shape2) == 1:
        return (g if len(shape1) == 1 else g[..., None]) * x2
    if len(shape1) == 1:
        return xp.matmul(x2, g[..., None])[..., 0]
    return xp.matmul_nt(g, x2)


def _matmul_second(xp: Any, g: Any, cell1: Any, shape1: Shape, shape2: Shape, shared2: bool) -> Any:
    if shared2 and len(shape1) == 2 == len(shape2):
        return xp.transposed_product(cell1, g, shape2)
    (x1,) = cell1
    if len(shape1) == 1:
        return x1 * g if len(shape2) == 1 else x1[:, None] * g[..., None, :]
    if len(shape2) == 1:
        return xp.matmul(g, x1) if len(shape1) == 2 else xp.matmul_tn(x1, g[..., None])[..., 0]
    return xp.matmul_tn(x1, g)


linear(
    "matmul", transpose=(_matmul_first, _matmul_second), broadcasts=True, grad_name=_matmul_name, batch=_batching.matmul
)
# of matrices, the second or the first of them transposed: where that is said, no library needs a copy of it
linear(
    "matmul_nt",
    transpose=(lambda xp, g, x2: xp.matmul(g, x2), lambda xp, g, x1: xp.matmul_tn(g, x1)),
    forward=lambda xp, x1, x2: xp.matmul(x1, xp.matrix_transpose(x2)),
    broadcasts=True,
    grad_name=_matmul_name,
    batch=_batching.matmul_nt,
)
linear(
    "matmul_tn",
    transpose=(lambda xp, g, x2: xp.matmul_nt(x2, g), lambda xp, g, x1: xp.matmul(x1, g)),
    forward=lambda xp, x1, x2: xp.matmul(xp.matrix_transpose(x1), x2),
    broadcasts=True,
    grad_name=_matmul_name,
    batch=_batching.matmul_tn,
)


def _norm_partial(xp: Any, x: Any, out: Any, axis: Axis, ord: float) -> Any:
    """∂‖x‖/∂x; at 0, where there is none, 0, the least of the subgradients."""
    norm = unreduce(xp, out, x.shape, axis)
    if ord == 2:
        return xp.where(norm == 0, xp.zeros_like(x), x / xp.where(norm == 0, xp.ones_like(norm), norm))
    if ord == 1:
        return xp.sign(x)
    size = xp.abs(x)
    if ord in (float("inf"), -float("inf")):
        best = xp.indicator(size == norm, size)
        return xp.sign(x) * (best / xp.sum(best, axis=axis, keepdims=True))
    if ord == 0:
        return xp.zeros_like(x)
    flat = (size == 0) | (norm == 0)  # of a negative order one zero makes the norm 0, for any others
    ratio = xp.where(flat, xp.ones_like(size), size) / xp.where(norm == 0, xp.ones_like(norm), norm)
    return xp.where(flat, xp.zeros_like(x), xp.sign(x) * ratio ** (ord - 1))


primitive(
    "linalg.vector_norm",
    vjp=lambda xp, g, x, out, axis, ord: unreduce(xp, g, x.shape, axis) * _norm_partial(xp, x, out, axis, ord),
    jvp=lambda xp, t, x, out, axis, ord, keepdims: xp.sum(
        xp.real(xp.conj(_norm_partial(xp, x, out, axis, ord)) * t)
        if xp.is_complex(x)
        else _norm_partial(xp, x, out, axis, ord) * t,
        axis=axis,
        keepdims=keepdims,
    ),
    holomorphic=False,
    accepts="floating",
    defaults={"axis": None, "keepdims": False, "ord": 2},
    grad_name="LinalgVectorNormBackward0",
    batch="axes",
)

# -- diagonals ---------------------------------------------------------------------------------------------------------


def _diagonal_adjoint(xp: Any, x: Any, *, shape: Shape, offset: int) -> Any:
    """Zeros of ``shape`` with ``x`` on the diagonal."""
    i = xp.arange(x.shape[-1])
    return xp.index_adjoint(x, key=(..., i + max(-offset, 0), i + max(offset, 0)), shape=shape)


linear(
    "linalg.diagonal",
    transpose=lambda xp, g, shape1, offset: xp.diagonal_adjoint(g, shape=shape1, offset=offset),
    forward=lambda xp, x, *, offset=0: xp.asarray(xp.library.linalg.diagonal(x, offset=offset), copy=True),
    defaults={"offset": 0},
    grad_name="DiagonalBackward0",
    batch="leading",
)
linear(
    "diagonal_adjoint",
    transpose=lambda xp, g, offset: xp.linalg.diagonal(g, offset=offset),
    forward=_diagonal_adjoint,
    grad_name="DiagonalBackwardBackward0",
    batch="leading",
)

# -- inverses ----------------------------------------------------------------------------------------------------------


def _inv_vjp(xp: Any, g: Any, out: Any) -> Any:
    turned = xp.matrix_transpose(out)
    return -(turned @ g @ turned)


primitive(  # Giles, 2.2.3: d(A⁻¹) = -A⁻¹ dA A⁻¹
    "linalg.inv",
    vjp=_inv_vjp,
    jvp=lambda xp, t, out: -(out @ t @ out),
    accepts="floating",
    grad_name="LinalgInvExBackward0",
    batch="leading",
)


def _solve_vjp(xp: Any, g: Any, xs: Any, out: Any) -> list[Any]:
    """Giles, 2.3.1. One rule for both inputs, since the second's cotangent makes the first's."""
    second = xp.linalg.solve(xp.matrix_transpose(xs[0]), g)
    return [-(second @ xp.matrix_transpose(out)), second]


def _solve_jvp(xp: Any, ts: Any, xs: Any, out: Any) -> Any:
    ta, tb = ts
    moved = tb if ta is None else -(ta @ out) if tb is None else tb - ta @ out
    return xp.linalg.solve(xs[0], moved)


primitive(  # of matrices, stacked alike
    "linalg.solve",
    vjp=_solve_vjp,
    jvp=_solve_jvp,
    variadic=True,
    accepts="floating",
    grad_name="LinalgSolveExBackward0",
    batch="leading",
)


def _pinv_vjp(xp: Any, g: Any, x: Any, out: Any) -> Any:
    p, ph, gh = out, adjoint(xp, out), adjoint(xp, g)
    left, right = gh @ p @ ph, ph @ p @ gh
    return (left - x @ (p @ left)) + (right - (right @ p) @ x) - ph @ g @ ph


def _pinv_jvp(xp: Any, t: Any, x: Any, out: Any) -> Any:
    p, ph, th = out, adjoint(xp, out), adjoint(xp, t)
    left, right = p @ ph @ th, th @ ph @ p
    return (left - (left @ x) @ p) + (right - p @ (x @ right)) - p @ t @ p


# Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973), 4.12, while the rank stays:
# d(A⁺) = -A⁺ dA A⁺ + A⁺ A⁺ᴴ dAᴴ (I - A A⁺) + (I - A⁺ A) dAᴴ A⁺ᴴ A⁺
primitive(
    "linalg.pinv",
    vjp=_pinv_vjp,
    jvp=_pinv_jvp,
    holomorphic=False,
    accepts="floating",
    defaults={"rtol": None},
    grad_name="LinalgPinvBackward0",
    batch="leading",
)

# -- determinants ------------------------------------------------------------------------------------------------------


def _frame(xp: Any, x: Any) -> tuple[Any, Any, Any, Any]:
    """The singular values of ``x``, a factor and two matrices: they turn the cofactors of diag(s) into those of ``x``.

    Cofactors multiply as matrices do, and those of a unitary matrix are its determinant times its conjugate.
    """
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    phase = xp.linalg.det(u) * xp.linalg.det(vh)
    return s, phase[..., None, None], conj(xp, u), conj(xp, vh)


def _cofactor(xp: Any, x: Any) -> Any:
    """The cofactors: ``det(x)`` times the transposed inverse, and right also where there is none."""
    s, phase, left, right = _frame(xp, x)
    return phase * ((left * others(xp, s)[..., None, :]) @ right)


def _cofactor_derivative(xp: Any, t: Any, x: Any) -> Any:
    """What changes in the cofactors as ``x`` moves by ``t``; its own transpose, being a second derivative.

    In the frame where ``x`` is diagonal and ``t`` is b, and with p[i,j] the product of all singular values but the i-th
    and the j-th: the sum over j of ``p[i,j] b[j,j]`` on the diagonal, ``-p[i,j] b[j,i]`` off it. Nothing is divided by.
    """
    s, phase, left, right = _frame(xp, x)
    rows = on_diagonal(xp, xp.ones_like(s)) + off_diagonal(xp, xp.spread(s[..., None, :], shape=x.shape))
    pairs = off_diagonal(xp, others(xp, rows))
    b = xp.matrix_transpose(left) @ t @ xp.matrix_transpose(right)
    middle = on_diagonal(xp, xp.sum(pairs * xp.linalg.diagonal(b)[..., None, :], axis=-1, keepdims=False))
    return phase * (left @ (middle - pairs * xp.matrix_transpose(b)) @ right)


primitive(  # Jacobi's formula (Magnus & Neudecker, 8.3), with cofactors instead of the inverse
    "linalg.det",
    vjp=lambda xp, g, x: g[..., None, None] * xp.cofactor(x),
    jvp=lambda xp, t, x: xp.sum(t * xp.cofactor(x), axis=(-2, -1), keepdims=False),
    accepts="floating",
    grad_name="LinalgDetBackward0",
    batch="leading",
)
primitive(
    "cofactor",
    forward=_cofactor,
    vjp=lambda xp, g, x: _cofactor_derivative(xp, g, x),
    jvp=_cofactor_derivative,
    accepts="floating",
    batch="leading",
)


def _slogdet_vjp(xp: Any, g: Any, x: Any, out: Any) -> Any:
    (gsign, glog), (sign, _) = g, out
    if xp.is_complex(x):
        turning = None if gsign is None else xp.to_complex(xp.imag(gsign * xp.conj(sign))) * 1j
        glog = None if glog is None else xp.to_complex(glog)
        glog = glog if turning is None else turning if glog is None else glog + turning
    elif glog is None:
        glog = xp.zeros_like(gsign)
    return glog[..., None, None] * adjoint(xp, xp.linalg.inv(x))


def _slogdet_jvp(xp: Any, t: Any, x: Any, out: Any) -> tuple[Any, Any]:
    rate = xp.sum(xp.matrix_transpose(xp.linalg.inv(x)) * t, axis=(-2, -1), keepdims=False)
    if xp.is_complex(x):
        return out[0] * xp.to_complex(xp.imag(rate)) * 1j, xp.real(rate)
    return xp.zeros_like(rate), rate


primitive(  # d(log det A) = tr(A⁻¹ dA): its real part moves the logarithm, its imaginary part turns the sign
    "linalg.slogdet",
    vjp=_slogdet_vjp,
    jvp=_slogdet_jvp,
    holomorphic=False,
    accepts="floating",
    outputs=2,
    grad_name="LinalgSlogdetBackward0",
    batch="leading",
)
