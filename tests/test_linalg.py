"""The namespaces ``linalg`` and ``fft``: what is composed of the table, against NumPy; what they say of bad input."""

import math

import numpy as np
import pytest

import gradarray as ga

linalg, fft = ga.linalg, ga.fft


def numbers(*shape, cplx=False, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape)
    return x + 1j * rng.standard_normal(shape) if cplx else x


def equal(x, want):
    x = x.detach() if isinstance(x, ga.Tensor) else x
    want = np.asarray(want)
    found = np.asarray(x)
    assert (found.shape, found.dtype) == (want.shape, want.dtype)
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-13)


def differentiates(function, *arrays):
    """The gradient of a real function of tensors against differences, along one direction for each."""
    xs = [ga.asarray(a, copy=True).requires_grad_() for a in arrays]
    gs = ga.autograd.grad(function(*xs), xs, materialize_grads=True)
    for i, (a, g) in enumerate(zip(arrays, gs, strict=True)):
        v = numbers(*a.shape, cplx=a.dtype.kind == "c", seed=9)
        moved = [[ga.asarray(b + h * v if i == j else b) for j, b in enumerate(arrays)] for h in (1e-6, -1e-6)]
        there, back = (float(function(*m).item()) for m in moved)
        found = np.vdot(v, np.asarray(g)).real
        assert abs(found - (there - back) / 2e-6) < 1e-7 * (1 + abs(found))


def size(x):
    weights = ga.asarray(numbers(*x.shape, seed=5))
    return (ga.abs(x) ** 2 * weights).sum()


# -- linear algebra ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cplx", [False, True])
def test_cross(cplx):
    a, b, c = numbers(2, 3, cplx=cplx), numbers(3, cplx=cplx, seed=1), numbers(3, 2, cplx=cplx, seed=2)
    equal(linalg.cross(ga.asarray(a), ga.asarray(b)), np.cross(a, b))
    equal(linalg.cross(ga.asarray(c), ga.asarray(2 * c[:, :1]), axis=0), np.cross(c, 2 * c[:, :1], axis=0))
    differentiates(lambda x, y: size(linalg.cross(x, y)), a, b)


def test_cross_of_integers():
    equal(linalg.cross(ga.asarray([1, 2, 3]), ga.asarray([4, 5, 6])), np.array([-3, 6, -3]))


@pytest.mark.parametrize("offset", [0, 1, -2, 7])
def test_trace_and_diagonal(offset):
    x = numbers(2, 3, 4)
    equal(linalg.diagonal(ga.asarray(x), offset=offset), np.diagonal(x, offset, -2, -1))
    equal(linalg.trace(ga.asarray(x), offset=offset), np.trace(x, offset, -2, -1))
    differentiates(lambda t: size(linalg.trace(t, offset=offset)), x)


def test_trace_sums_small_integers_in_large_ones():
    x = ga.asarray(np.full((2, 2), 100, np.int8))
    assert linalg.trace(x).item() == 200
    assert linalg.trace(x).dtype is ga.int64
    assert linalg.trace(x, dtype=ga.float32).dtype is ga.float32


def test_a_diagonal_is_a_copy():
    x = ga.ones(2, 2)
    linalg.diagonal(x).mul_(5)
    assert x.sum().item() == 4


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 3, 10])
@pytest.mark.parametrize("cplx", [False, True])
def test_matrix_power(n, cplx):
    x = numbers(2, 3, 3, cplx=cplx)
    t = ga.asarray(x)
    equal(linalg.matrix_power(t, n), np.linalg.matrix_power(x, n))
    assert linalg.matrix_power(t, n) is not t
    if n:
        differentiates(lambda t: size(linalg.matrix_power(t, n)), x)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("ord", ["fro", None, "nuc", 1, -1, 2, -2, math.inf, -math.inf])
@pytest.mark.parametrize("cplx", [False, True])
def test_matrix_norm(ord, keepdims, cplx):
    x = numbers(2, 3, 4, cplx=cplx)
    want = np.linalg.norm(x, ord=ord or "fro", axis=(-2, -1), keepdims=keepdims)
    equal(linalg.matrix_norm(ga.asarray(x), ord=ord, keepdims=keepdims), want)
    differentiates(lambda t: size(linalg.matrix_norm(t, ord=ord)), x)


@pytest.mark.parametrize("ord", ["fro", "nuc", 1, 2, math.inf])
@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 0)])
def test_a_norm_of_an_empty_matrix_is_zero(ord, shape):
    x = ga.zeros(shape).requires_grad_()
    out = linalg.matrix_norm(x, ord=ord)
    assert not out.any()
    assert out.shape == shape[:-2]
    out.sum().backward()
    assert x.grad.shape == shape


@pytest.mark.parametrize("ord", [-1, -2, -0.5])
def test_a_norm_of_negative_order_that_is_zero_stays_so(ord):
    x = ga.tensor([[0.0, 1.0, -2.0], [1.0, 1.0, -2.0]], requires_grad=True)
    with np.errstate(divide="ignore"):
        linalg.vector_norm(x, axis=1, ord=ord).sum().backward()
    assert not x.grad[0].any()
    assert x.grad[1].all()


@pytest.mark.parametrize(
    ("axes", "error", "match"),
    [
        (((2,), (0,)), IndexError, "but got 2"),
        (((0,), (-3,)), IndexError, "but got -3"),
        (((0, 0), (0, 1)), RuntimeError, "appears twice"),
        (3, RuntimeError, "axes must be from 0 .* got 3"),
        (-1, RuntimeError, "axes must be from 0 .* got -1"),
    ],
)
def test_tensordot_needs_axes_that_are_there(axes, error, match):
    with pytest.raises(error, match=match):
        ga.tensordot(ga.ones(2, 2), ga.ones(2, 2), axes=axes)
    with pytest.raises(error):
        ga.tensordot(ga.ones(()), ga.ones(2, 2), axes=axes)
    equal(ga.tensordot(ga.asarray(2.0), ga.ones(2), axes=0), np.full(2, 2, np.float32))


def test_norm_is_of_vectors_or_matrices():
    x = numbers(2, 3, 4)
    t = ga.asarray(x)
    equal(linalg.norm(t), np.linalg.norm(x))
    equal(linalg.norm(t, 3, 1), np.linalg.norm(x, 3, 1))
    equal(linalg.norm(t, 1, dim=(0, 2), keepdim=True), np.linalg.norm(x, 1, (0, 2), keepdims=True))
    equal(linalg.norm(t, "nuc", axis=(2, 0)), np.linalg.norm(x, "nuc", (2, 0)))
    equal(linalg.norm(t[0], 2), np.linalg.norm(x[0], 2))
    equal(linalg.norm(t, dim=(0, 1, 2), keepdim=True), np.linalg.norm(x).reshape(1, 1, 1))
    assert linalg.norm(ga.asarray([3, 4])).item() == 5
    with pytest.raises(RuntimeError, match="must be 1D or 2D"):
        linalg.norm(t, 1)
    with pytest.raises(RuntimeError, match="need two dimensions"):
        linalg.norm(t, "fro", 1)
    with pytest.raises(TypeError, match="the same thing"):
        linalg.norm(t, dim=1, axis=1)


def test_matrix_rank():
    x = np.stack([np.diag([1.0, 1e-3, 0.0]), np.diag([1.0, 1e-17, 0.0])])
    t = ga.asarray(x).requires_grad_()
    equal(linalg.matrix_rank(t), np.array([2, 1]))
    equal(linalg.matrix_rank(t, rtol=1e-2), np.array([1, 1]))
    equal(linalg.matrix_rank(t, rtol=ga.asarray([1e-2, 1e-20])), np.array([1, 2]))
    equal(linalg.matrix_rank(ga.zeros(2, 0, 3)), np.array([0, 0]))
    assert not linalg.matrix_rank(t).requires_grad


@pytest.mark.parametrize("shapes", [((3, 3), (3,)), ((2, 3, 3), (3,)), ((3, 3), (2, 3, 4)), ((2, 1, 3, 3), (4, 3, 1))])
def test_solve_broadcasts(shapes):
    a, b = numbers(*shapes[0]) + 2 * np.eye(3), numbers(*shapes[1], seed=1)
    equal(linalg.solve(ga.asarray(a), ga.asarray(b)), np.linalg.solve(a, b))
    differentiates(lambda x, y: size(linalg.solve(x, y)), a, b)


def test_pinv_takes_a_tolerance_for_each_matrix():
    x = np.stack([np.diag([1.0, 1e-3])] * 2)
    found = linalg.pinv(ga.asarray(x), rtol=ga.asarray([1e-2, 1e-4]))
    equal(found, np.stack([np.diag([1.0, 0.0]), np.diag([1.0, 1e3])]))


def test_pinv_with_a_tolerance_that_differs_along_a_batch():
    x, rtol = np.stack([np.diag([1.0, 1e-3])] * 2), ga.asarray([1e-2, 1e-4])
    found = ga.func.vmap(lambda a, r: linalg.pinv(a, rtol=r))(ga.asarray(x), rtol)
    equal(found, np.stack([np.diag([1.0, 0.0]), np.diag([1.0, 1e3])]))
    assert linalg.pinv(ga.zeros(2, 0, 3), rtol=rtol).shape == (2, 3, 0)
    differentiates(lambda t: size(linalg.pinv(t, rtol=ga.asarray(1e-3))), numbers(3, 2, cplx=True))


def test_vecdot():
    a, b = numbers(4, 1, 3, cplx=True), numbers(2, 3, cplx=True, seed=1)
    equal(linalg.vecdot(ga.asarray(a), ga.asarray(b)), np.vecdot(a, b))
    differentiates(lambda x, y: size(linalg.vecdot(x, y)), a, b)


def test_results_are_named():
    x = ga.eye(2)
    assert linalg.qr(x)._fields == ("Q", "R")
    assert linalg.slogdet(x)._fields == ("sign", "logabsdet")
    assert linalg.eigh(x)._fields == linalg.eig(x)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.svd(x)._fields == ("U", "S", "Vh")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linalg.inv(ga.zeros(2, 2)), r"linalg\.inv: Singular matrix"),
        (lambda: linalg.solve(ga.zeros(2, 2), ga.ones(2)), r"linalg\.solve: Singular matrix"),
        (
            lambda: linalg.cholesky(-ga.eye(2)),
            r"linalg\.cholesky: Matrix is not positive definite, given float32\[2, 2\]",
        ),
        (lambda: linalg.matrix_power(ga.zeros(2, 2), -1), "Singular matrix"),
    ],
)
def test_a_matrix_without_a_result(call, message):
    for kind in (RuntimeError, linalg.LinAlgError, np.linalg.LinAlgError):
        with pytest.raises(kind, match=message):
            call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: linalg.inv(ga.zeros(2, 3)),
            "linalg.inv: The input must be batches of square matrices, but they are 2 by 3",
        ),
        (lambda: linalg.det(ga.zeros(2)), "linalg.det: The input tensor must have at least 2 dimensions"),
        (lambda: linalg.solve(ga.eye(3), ga.ones(2)), r"Incompatible shapes \[3, 3\] and \[2\]"),
        (lambda: linalg.qr(ga.eye(2), mode="r"), "mode must be 'reduced' or 'complete', got 'r'"),
        (lambda: linalg.matrix_norm(ga.eye(2), ord=3), "Order 3 not supported"),
        (lambda: linalg.matrix_norm(ga.eye(2), ord="max"), "Order 'max' not supported"),
        (lambda: linalg.cross(ga.ones(2), ga.ones(2)), "must have length 3"),
        (lambda: fft.fft(ga.ones(3), n=0), r"Invalid number of data points \(0\)"),
        (lambda: fft.rfft(ga.ones(3), n=-1), r"Invalid number of data points \(-1\)"),
        (lambda: fft.irfft(ga.ones(1)), r"Invalid number of data points \(0\)"),
        (lambda: fft.fft(ga.ones(3), norm="none"), 'norm must be "backward", "ortho" or "forward"'),
        (lambda: fft.fftn(ga.ones(3, 3), axes=(0, 0)), "appears twice"),
        (lambda: fft.fftn(ga.ones(3, 3), s=(1,), axes=(0, 1)), "s and axes must be of one length"),
        (lambda: fft.fft(ga.asarray(1.0)), "at least one dimension"),
        (lambda: fft.rfft(ga.ones(3) * 1j), "rfft expects a real tensor, got gradarray.complex64; fft takes"),
        (lambda: fft.fftfreq(0), "n must be at least 1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(RuntimeError, match=message):
        call()


def test_an_axis_that_is_not_there():
    with pytest.raises(IndexError, match="Dimension out of range"):
        fft.fft(ga.ones(3), axis=1)
    with pytest.raises(IndexError, match="Dimension out of range"):
        linalg.cross(ga.ones(3), ga.ones(3), axis=-2)


# -- Fourier transforms ------------------------------------------------------------------------------------------------

NORMS = ("backward", "ortho", "forward")


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("n", [None, 1, 3, 4, 7])
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_one_axis(name, n, norm):
    x = numbers(4, 3, cplx=name not in ("rfft", "ihfft"))
    equal(getattr(fft, name)(ga.asarray(x), n=n, axis=0, norm=norm), getattr(np.fft, name)(x, n=n, axis=0, norm=norm))
    differentiates(lambda t: size(getattr(fft, name)(t, n=n, axis=0, norm=norm)), x)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize(
    ("s", "axes"),
    [(None, None), (None, (1,)), ((3, 5), (2, 0)), ((2, 2), (0, 1)), ((3, -1), (0, 2)), (None, (-1, 0, 1))],
)
@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_several_axes(name, s, axes, norm):
    x = numbers(2, 3, 4, cplx=name != "rfftn")
    lengths = (3, 6) if name == "irfftn" and s == (3, -1) else s  # as PyTorch; NumPy takes the input's length
    want = getattr(np.fft, name)(x, lengths, axes, norm)
    equal(getattr(fft, name)(ga.asarray(x), s=s, axes=axes, norm=norm), want)
    differentiates(lambda t: size(getattr(fft, name)(t, s=s, axes=axes, norm=norm)), x)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn"])
def test_single_precision_stays_single(name):
    real_output = name in ("irfft", "hfft", "irfftn")
    x = ga.ones(4).requires_grad_()
    out = getattr(fft, name)(x)
    assert out.dtype is (ga.float32 if real_output else ga.complex64)
    ga.abs(out).sum().backward()
    assert x.grad.dtype is ga.float32
    assert getattr(fft, name)(ga.arange(4)).dtype is out.dtype


def test_no_axes_leave_it_as_it_is():
    x = ga.ones(2, 2)
    out = fft.fftn(x, axes=())
    assert out.dtype is ga.complex64
    assert (out.real == x).all()


@pytest.mark.parametrize("n", [1, 2, 5, 6])
def test_frequencies(n):
    equal(fft.fftfreq(n, d=0.1, dtype=ga.float64), np.fft.fftfreq(n, 0.1))
    equal(fft.rfftfreq(n, d=0.1, dtype=ga.float64), np.fft.rfftfreq(n, 0.1))
    assert fft.fftfreq(n).dtype is fft.rfftfreq(n).dtype is ga.float32


@pytest.mark.parametrize("axes", [None, 0, (1,), (0, -1)])
@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts(name, axes):
    x = numbers(4, 5)
    equal(getattr(fft, name)(ga.asarray(x), axes=axes), getattr(np.fft, name)(x, axes=axes))
    differentiates(lambda t: size(getattr(fft, name)(t, axes=axes)), x)
