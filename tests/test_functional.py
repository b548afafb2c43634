"""``autograd.functional`` and ``autograd.forward_ad``: PyTorch's older interfaces."""

import numpy as np
import pytest

import gradarray as ga
from gradarray.autograd import forward_ad, functional

X = np.array([0.5, -1.0, 2.0])
H = np.diag(6 * X) + 1.0


def host(x):
    return x.detach().numpy(force=True)


def close(found, wanted):
    np.testing.assert_allclose(host(found), wanted, rtol=1e-12, atol=1e-12)


def cubic(x):
    """Its gradient is ``3 x² + sum x``, its Hessian ``diag(6 x) + 1``."""
    return (x**3).sum() + 0.5 * x.sum() ** 2


def pair(x, y):
    return x * y, (x + y).sum()


@pytest.fixture
def x():
    return ga.asarray(X)


def test_vjp_and_jvp(x):
    y, v = x + 1, ga.asarray(np.array([1.0, 2.0, 3.0]))
    out, (gx, gy) = functional.vjp(pair, (x, y), (v, ga.asarray(np.array(2.0))))
    close(out[0], X * (X + 1))
    close(gx, host(v) * (X + 1) + 2)
    close(gy, host(v) * X + 2)
    out, (a, b) = functional.jvp(pair, (x, y), (v, v))
    close(a, host(v) * (2 * X + 1))
    close(b, 2 * host(v).sum())
    out, g = functional.vjp(cubic, x)
    close(g, 3 * X**2 + X.sum())
    assert not out.requires_grad and not g.requires_grad


@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
def test_jacobian_and_hessian(x, strategy):
    close(functional.jacobian(lambda v: v * v, x, strategy=strategy), np.diag(2 * X))
    rows = functional.jacobian(pair, (x, x + 1), strategy=strategy)
    close(rows[0][1], np.diag(X))
    close(rows[1][0], np.ones(3))
    close(functional.hessian(cubic, x, outer_jacobian_strategy=strategy), H)
    blocks = functional.hessian(lambda a, b: (a * b).sum().reshape(1), (x, x), outer_jacobian_strategy=strategy)
    close(blocks[0][1], np.eye(3))
    close(blocks[0][0], np.zeros((3, 3)))


@pytest.mark.parametrize("product", [functional.hvp, functional.vhp])
def test_products_with_the_hessian(x, product):
    v = ga.asarray(np.array([1.0, -1.0, 0.5]))
    out, found = product(cubic, x, v)
    close(out, (X**3).sum() + 0.5 * X.sum() ** 2)
    close(found, H @ host(v))
    out, (a, b) = product(lambda p, q: (p * q).sum(), (x, x), (v, 2 * v))
    close(a, 2 * host(v))
    close(b, host(v))


def test_create_graph(x):
    x.requires_grad_()
    for found in (
        functional.vjp(cubic, x, create_graph=True)[1],
        functional.jacobian(cubic, x, create_graph=True),
        functional.jacobian(cubic, x, create_graph=True, strategy="forward-mode"),
    ):
        (h,) = ga.autograd.grad(found.sum(), x)
        close(h, H.sum(0))
    v = ga.ones(3, dtype=ga.float64)
    for product in (functional.hvp, functional.vhp):
        (third,) = ga.autograd.grad(product(cubic, x, v, create_graph=True)[1].sum(), x)
        close(third, np.full(3, 6.0))
        assert not product(cubic, x, v)[1].requires_grad
    assert not functional.jacobian(cubic, x).requires_grad


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: functional.vjp(lambda v: v, x), RuntimeError, "v can only be None if"),
        (lambda x: functional.jvp(cubic, x), RuntimeError, "v can only be None if"),
        (lambda x: functional.vjp(lambda v: v, x, x[:2]), RuntimeError, r"should be \[3\] .* but got \[2\]"),
        (lambda x: functional.vjp(lambda v: v, x, (x, x)), RuntimeError, "should be 1 but got 2"),
        (lambda x: functional.vjp(cubic, 2.0), TypeError, "element 0 is float"),
        (lambda x: functional.hessian(lambda v: v, x), RuntimeError, "should contain one element"),
        (lambda x: functional.hvp(lambda v: (v, v), x, x), RuntimeError, "should be a single Tensor"),
        (lambda x: functional.jacobian(cubic, x, strategy="no"), ValueError, "strategy must be"),
        (lambda x: functional.jacobian(lambda v: ga.ones(2), x, strict=True), RuntimeError, "Output 0 .* not depend"),
        (lambda x: functional.jvp(lambda v: ga.ones(2), x, x, strict=True), RuntimeError, "not depend"),
    ],
)
def test_refusals(x, call, error, message):
    with pytest.raises(error, match=message):
        call(x)


def test_dual_numbers_by_hand(x):
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(x, ga.ones_like(x))
        out = forward_ad.unpack_dual(dual * dual * ga.arange(3))
        close(out.primal, X * X * np.arange(3))
        close(out.tangent, 2 * X * np.arange(3))
        assert forward_ad.unpack_dual(x).tangent is None
        assert forward_ad.unpack_dual(dual.detach()).tangent is None
        with forward_ad.dual_level():
            again = forward_ad.make_dual(dual, ga.ones_like(x))
            second = forward_ad.unpack_dual(again**3).tangent
        close(forward_ad.unpack_dual(second).tangent, 6 * X)
    with pytest.raises(RuntimeError, match="escaped from jvp"):
        dual + 1


def test_dual_numbers_go_with_the_tape(x):
    x.requires_grad_()
    with forward_ad.dual_level():
        moved = forward_ad.unpack_dual(forward_ad.make_dual(x, ga.ones_like(x)) ** 3).tangent
        (g,) = ga.autograd.grad(moved.sum(), x)
    close(g, 6 * X)


def test_dual_numbers_refuse():
    x = ga.ones(3)
    with pytest.raises(RuntimeError, match="outside of `with dual_level"):
        forward_ad.make_dual(x, x)
    with forward_ad.dual_level():
        with pytest.raises(RuntimeError, match="must be of the dtype and shape"):
            forward_ad.make_dual(x, ga.ones(2))
        with pytest.raises(ValueError, match="floating or complex"):
            forward_ad.make_dual(ga.ones(1, dtype=ga.int64), ga.ones(1, dtype=ga.int64))
        with pytest.raises(TypeError, match="takes two tensors"):
            forward_ad.make_dual(x, 1.0)
