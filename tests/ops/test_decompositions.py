"""Factorisations where a library may choose: what does not depend on its choice has the right derivatives, twice.

And the special cases: repeated values, missing ranks, singular matrices.
"""

import numpy as np
import pytest
from gradarray_conformance.samples import STEP, host, noise
from gradarray_conformance.samples_linalg import definite, drawn, hermitian, separated

import gradarray as ga

from .devices import DEVICES

on_each_device = pytest.mark.parametrize("device", DEVICES)
real_and_complex = pytest.mark.parametrize("cplx", [False, True], ids=["real", "complex"])
linalg = ga.linalg


def value_and_gradient(function, x, device="cpu", **options):
    t = ga.asarray(x, device=device, copy=True).requires_grad_()
    out = function(t)
    return t, out, ga.autograd.grad(out, t, **options)[0]


def along(v, g):
    return float(np.vdot(v, host(g)).real)


def check(function, x, v, device="cpu", second=True):
    """The gradient of a real function against differences along ``v``, and the gradient of that."""
    x, v = np.asarray(x), np.asarray(v)
    t, _, g = value_and_gradient(function, x, device, create_graph=True)
    values = [value_and_gradient(function, x + h * v, device)[1:] for h in (STEP, -STEP)]
    (there, g_there), (back, g_back) = values
    scale = 1 + abs(along(v, g))
    assert abs(along(v, g) - (float(there.item()) - float(back.item())) / (2 * STEP)) < 1e-6 * scale
    if second:
        w = ga.asarray(noise(x, 3), device=device)
        moved = ga.autograd.grad(g, t, w, materialize_grads=True)[0]
        want = (along(host(w), g_there) - along(host(w), g_back)) / (2 * STEP)
        assert abs(along(v, moved) - want) < 1e-5 * (1 + abs(want))


def weighed(x, seed=0):
    """A real number of a tensor, in which each element counts."""
    squares = (x.abs() ** 2) if x.dtype.kind == "c" else x
    return (squares * ga.asarray(noise(np.ones(x.shape), seed), device=x.device)).sum()


def entries(x, seed=0):
    """The same for complex numbers of which the phase counts too."""
    return weighed(ga.real(x), seed) + weighed(ga.imag(x), seed + 1) if x.dtype.kind == "c" else weighed(x, seed)


def adjoint(x):
    return ga.conj(x.mT) if x.dtype.kind == "c" else x.mT


def symmetric(x):
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2


# -- what no choice of vectors changes ---------------------------------------------------------------------------------


@on_each_device
@real_and_complex
@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3)], ids=str)
def test_eigh(shape, cplx, device):
    x = hermitian(shape, 1, cplx=cplx)

    def function(t):
        w, q = linalg.eigh(t)
        return entries((q * ga.exp(w / 4)[..., None, :]) @ adjoint(q)) + weighed(ga.abs(q) ** 2) + weighed(w**2)

    check(function, x, symmetric(noise(x, 2)), device)


@on_each_device
@real_and_complex
def test_eig(cplx, device):
    x = drawn((2, 4, 4), 1, cplx=cplx)

    def function(t):
        w, v = linalg.eig(t)
        return weighed(ga.abs(v) ** 2) + weighed(ga.abs(w)) + entries(v @ (ga.exp(w)[..., None] * linalg.inv(v)))

    check(function, x, noise(x, 2), device)


@on_each_device
@real_and_complex
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("shape", [(3, 3), (5, 2), (2, 5), (2, 4, 2)], ids=str)
def test_svd(shape, full, cplx, device):
    x = separated(shape, 1, cplx=cplx)
    k = min(shape[-2:])

    def function(t):
        u, s, vh = linalg.svd(t, full_matrices=full)
        uk, vk = u[..., :k], vh[..., :k, :]
        out = entries((uk * ga.exp(s)[..., None, :]) @ vk) + weighed(ga.abs(uk) ** 2, 1) + weighed(ga.abs(vk) ** 2, 2)
        up, vp = u[..., k:], vh[..., k:, :]
        return out + entries(up @ adjoint(up), 3) + entries(adjoint(vp) @ vp, 4)

    check(function, x, noise(x, 2), device)


@real_and_complex
@pytest.mark.parametrize("used", [0, 1, 2])
def test_svd_of_which_one_output_is_used(used, cplx):
    x = separated((3, 4), 1, cplx=cplx)
    check(lambda t: weighed(ga.abs(linalg.svd(t, full_matrices=False)[used]) ** 2), x, noise(x, 2))


# -- repeated values ---------------------------------------------------------------------------------------------------


@on_each_device
@real_and_complex
def test_repeated_singular_values(cplx, device):
    x = np.eye(3, dtype=complex if cplx else float)
    _, _, g = value_and_gradient(lambda t: linalg.svd(t).S.sum(), x, device)
    np.testing.assert_allclose(host(g), x, atol=1e-14)
    check(lambda t: linalg.matrix_norm(t, ord="nuc"), x, noise(x, 1), device)
    check(lambda t: (linalg.svdvals(t) ** 3).sum(), x, noise(x, 1), device, second=False)


@on_each_device
@real_and_complex
def test_repeated_eigenvalues(cplx, device):
    basis = np.linalg.qr(drawn((3, 3), 1, cplx=cplx))[0]
    x = symmetric(basis @ np.diag([1.0, 1.0, 3.0]) @ basis.conj().T)

    def projection(t):  # on the first two eigenvectors, whichever they are
        q = linalg.eigh(t).eigenvectors[..., :2]
        return entries(q @ adjoint(q))

    step = symmetric(noise(x, 2))
    check(projection, x, step, device, second=False)
    check(lambda t: (linalg.eigvalsh(t) ** 3).sum(), x, step, device, second=False)
    _, _, g = value_and_gradient(lambda t: linalg.eigh(t).eigenvalues.sum(), x, device)
    np.testing.assert_allclose(host(g), np.eye(3), atol=1e-14)


def test_the_gradient_of_an_eigendecomposition_is_hermitian():
    x = hermitian((3, 3), 1, cplx=True)
    _, _, g = value_and_gradient(lambda t: weighed(linalg.eigh(t).eigenvectors), x)
    np.testing.assert_allclose(host(g), host(g).conj().T, atol=1e-14)


# -- missing ranks -----------------------------------------------------------------------------------------------------


@on_each_device
@real_and_complex
def test_pinv_along_matrices_of_one_rank(cplx, device):
    left, right = drawn((4, 2), 1, cplx=cplx), drawn((2, 3), 2, cplx=cplx)
    factor = ga.asarray(right, device=device)
    check(lambda t: entries(linalg.pinv(t @ factor, rtol=1e-9)), left, noise(left, 3), device)


@on_each_device
@pytest.mark.parametrize(
    ("x", "want"),
    [
        ([[1.0, 2.0], [2.0, 4.0]], [[4.0, -2.0], [-2.0, 1.0]]),
        ([[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [-1.0, 0.0]]),
        (np.diag([1.0, 2.0, 0.0]), np.diag([0.0, 0.0, 2.0])),
        (np.ones((3, 3)), np.zeros((3, 3))),
        ([[0.0]], [[1.0]]),
    ],
)
def test_det_of_a_singular_matrix(x, want, device):
    """PyTorch 2.13 gives zeros for most of these."""
    _, _, g = value_and_gradient(linalg.det, np.array(x), device)
    np.testing.assert_allclose(host(g), want, atol=1e-14)


@on_each_device
@real_and_complex
@pytest.mark.parametrize("rank", [0, 1, 2, 3, 4])
def test_second_derivative_of_det_at_every_rank(rank, cplx, device):
    x = drawn((4, rank), 1, cplx=cplx) @ drawn((rank, 4), 2, cplx=cplx)
    check(lambda t: entries(linalg.det(t)), x, noise(x, 3), device)


def test_second_derivative_of_det_at_the_identity():
    t, _, g = value_and_gradient(linalg.det, np.eye(2), create_graph=True)
    np.testing.assert_allclose(host(ga.autograd.grad(g[0, 0], t)[0]), [[0.0, 0.0], [0.0, 1.0]], atol=1e-15)


# -- determinants as logarithms ----------------------------------------------------------------------------------------


@on_each_device
@real_and_complex
def test_slogdet(cplx, device):
    x = drawn((2, 3, 3), 1, cplx=cplx)
    x[0, 0] *= np.sign(np.linalg.det(x[0]).real) * -1

    def function(t):
        sign, logabsdet = linalg.slogdet(t)
        return entries(sign, 1) + weighed(logabsdet, 2)

    check(function, x, noise(x, 2), device)
    assert x.dtype.kind == "c" or np.linalg.det(x[0]) < 0


def test_slogdet_where_det_overflows():
    x = np.diag(np.full(400, 1e3)) + 0.0
    _, out, g = value_and_gradient(lambda t: linalg.slogdet(t).logabsdet, x)
    assert abs(float(out.item()) - 400 * np.log(1e3)) < 1e-9
    np.testing.assert_allclose(host(g), np.diag(np.full(400, 1e-3)), atol=1e-15)


# -- what there is no derivative of ------------------------------------------------------------------------------------


def test_complete_qr_of_a_tall_matrix_has_no_derivative():
    x = ga.asarray(drawn((4, 2), 1, cplx=False)).requires_grad_()
    q, r = linalg.qr(x, mode="complete")
    assert (q.shape, r.shape) == ((4, 4), (4, 2))
    with pytest.raises(RuntimeError, match=r"mode='complete' where there are more rows than columns \(4 and 2\)"):
        r.sum().backward()


def test_slogdet_of_a_singular_matrix_has_no_derivative():
    x = ga.asarray([[1.0, 2.0], [2.0, 4.0]]).requires_grad_()
    sign, logabsdet = linalg.slogdet(x)
    assert (sign.item(), logabsdet.item()) == (0, -np.inf)
    with pytest.raises(np.linalg.LinAlgError):
        logabsdet.backward()


# -- precision ---------------------------------------------------------------------------------------------------------


@on_each_device
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_single_precision_stays_single(dtype, device):
    x = definite((3, 3), 1, cplx=np.dtype(dtype).kind == "c").astype(dtype)

    def function(t):
        parts = [linalg.cholesky(t), linalg.inv(t), linalg.det(t), linalg.pinv(t), linalg.solve(t, t), *linalg.qr(t)]
        parts += [*linalg.eigh(t), *linalg.svd(t), linalg.svdvals(t), linalg.eigvalsh(t), *linalg.slogdet(t)]
        parts += [*linalg.eig(t), linalg.eigvals(t), linalg.matrix_power(t, -3), linalg.trace(t)]
        parts += [linalg.matrix_norm(t, ord=p) for p in ("fro", "nuc", 2, 1)]
        assert {p.dtype for p in parts} <= {ga.float32, ga.complex64}
        return ga.sum(ga.stack([(ga.abs(p) ** 2).sum() for p in parts]))

    _, out, g = value_and_gradient(function, x, device)
    assert (out.dtype, g.dtype) == (ga.float32, ga.asarray(x).dtype)
