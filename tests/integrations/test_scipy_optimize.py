"""Roots and minima of tensors: the implicit derivatives, against differences and against known functions."""

import numpy as np
import pytest
from scipy import optimize
from scipy.optimize import elementwise

import gradarray as ga

from .checks import agrees

C = np.array([1.0, 2.0, 8.1])


def cube_root(c):
    like = ga.zeros_like(c) if isinstance(c, ga.Tensor) else np.zeros_like(c)
    return elementwise.find_root(lambda t, c: t**3 - c, (like, like + 4), args=(c,)).x


def test_a_root():
    agrees(cube_root, C, rtol=1e-14)


def test_a_root_of_several_arguments():
    def root(a, b):
        like = ga.zeros_like(a) if isinstance(a, ga.Tensor) else np.zeros_like(a)
        return elementwise.find_root(lambda t, a, b: t**3 + a * t - b, (like, like + 9), args=(a, b)).x

    agrees(root, np.array([[0.5], [1.5]]) + np.zeros(3), np.stack([C, C + 1]))


def test_the_third_derivative_is_right():
    c = ga.tensor(C, requires_grad=True)
    y = cube_root(c)
    for factor in (1 / 3, -2 / 9, 10 / 27):
        (y,) = ga.autograd.grad(y.sum(), c, create_graph=True)
        power = {1 / 3: -2 / 3, -2 / 9: -5 / 3, 10 / 27: -8 / 3}[factor]
        np.testing.assert_allclose(y.numpy(force=True), factor * C**power, rtol=1e-9)


def test_what_f_closes_over_is_differentiated():
    c = ga.tensor(8.1, dtype=ga.double, requires_grad=True)
    like = ga.zeros(3, dtype=ga.double)
    found = elementwise.find_root(lambda t: t**3 - c, (like, like + 4))
    (g,) = ga.autograd.grad(found.x.sum(), c)
    assert abs(g - 8.1 ** (-2 / 3)) < 1e-9


def test_the_value_stays_the_root():
    c = ga.tensor(C, requires_grad=True)
    assert cube_root(c).tolist() == cube_root(c.detach()).tolist()
    assert not cube_root(c.detach()).requires_grad
    with ga.no_grad():
        assert cube_root(c).tolist() == cube_root(c.detach()).tolist()


def test_at_a_flat_root_the_derivative_is_infinite_and_the_value_right():
    c = ga.tensor([0.0, 8.0], dtype=ga.double, requires_grad=True)
    like = ga.zeros(2, dtype=ga.double)
    x = elementwise.find_root(lambda t, c: t**3 - c, (like - 4, like + 4), args=(c,)).x
    assert x[0] == 0
    (g,) = ga.autograd.grad(x.sum(), c)
    assert not ga.isfinite(g[0])
    assert abs(g[1] - 1 / 12) < 1e-9


def test_what_did_not_converge_has_no_derivative():
    c = ga.tensor([8.0, 100.0], dtype=ga.double, requires_grad=True)
    like = ga.zeros(2, dtype=ga.double)
    found = elementwise.find_root(lambda t, c: t**3 - c, (like, like + 4), args=(c,))
    assert found.success.tolist() == [True, False]
    (g,) = ga.autograd.grad(found.x[0], c)
    assert abs(g[0] - 1 / 12) < 1e-9


def test_a_minimum():
    def minimum(p, q):
        like = ga.zeros_like(p) if isinstance(p, ga.Tensor) else np.zeros_like(p)
        bracket = (like - 3, like, like + 4)
        found = elementwise.find_minimum(lambda t, p, q: (t - p) ** 2 + 0.1 * q * t**4, bracket, args=(p, q))
        return found.x, found.f_x

    # the minimum itself is known to the square root of the precision, which is what its differences show
    agrees(minimum, np.array([0.3, 0.5, 0.7]), np.array([1.0, 2.0, 0.5]), rtol=1e-7, gtol=0.05, second=False)
    p, q = ga.tensor([0.3], dtype=ga.double, requires_grad=True), ga.tensor([1.0], dtype=ga.double, requires_grad=True)
    x, f_x = minimum(p, q)
    dp, dq = ga.autograd.grad(x, [p, q], retain_graph=True)
    t = float(x)
    second = 2 + 1.2 * t**2
    assert abs(dp - 2 / second) < 1e-6
    assert abs(dq + 0.4 * t**3 / second) < 1e-6
    envelope_p, envelope_q = ga.autograd.grad(f_x, [p, q])
    assert abs(envelope_p + 2 * (t - 0.3)) < 1e-6
    assert abs(envelope_q - 0.1 * t**4) < 1e-6


def test_arrays_are_left_alone():
    found = elementwise.find_root(lambda t: t**3 - 2, (np.zeros(3), np.full(3, 4.0)))
    assert type(found.x) is np.ndarray
    with pytest.raises(TypeError):
        elementwise.find_root(lambda t: t, f=1)


def test_nonnegative_least_squares():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((6, 4)), rng.standard_normal(6)
    x, _ = optimize.nnls(a, b)
    assert 0 < np.count_nonzero(x) < 4
    agrees(optimize.nnls, a, b)
    agrees(optimize.nnls, a, b[:, None])
    x, norm = optimize.nnls(ga.tensor(-np.abs(a), requires_grad=True), np.abs(b))
    assert x.tolist() == [0] * 4
    assert abs(norm - np.linalg.norm(b)) < 1e-12
