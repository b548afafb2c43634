"""``gradarray.optimize``: SciPy's solvers fed with derivatives, and derivatives of what solvers find."""

import numpy as np
import pytest

import gradarray as ga
from gradarray.func import grad, hessian, jacfwd, jacrev, jvp, vmap
from gradarray.optimize import Problem, implicit_fixed_point, implicit_minimum, implicit_root

from .ops.devices import DEVICES

scipy_optimize = pytest.importorskip("scipy.optimize")
on_each_device = pytest.mark.parametrize("device", DEVICES)


def host(x):
    return x.detach().numpy(force=True)


def close(found, wanted, tolerance=1e-12):
    np.testing.assert_allclose(host(found), wanted, rtol=tolerance, atol=tolerance)


def scalar(x):
    return ga.asarray(np.array(float(x)))


def rosenbrock(x):
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


START = np.array([-1.2, 1.0, 0.7, -0.5])


@on_each_device
def test_a_problem_in_vectors(device):
    problem = Problem(rosenbrock, ga.asarray(START, device=device))
    assert problem.x0.dtype == np.float64
    v = np.array([1.0, -2.0, 0.5, 0.0])
    assert problem.fun(START) == pytest.approx(scipy_optimize.rosen(START), rel=1e-14)
    np.testing.assert_allclose(problem.jac(START), scipy_optimize.rosen_der(START), rtol=1e-13)
    np.testing.assert_allclose(problem.hess(START), scipy_optimize.rosen_hess(START), rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(problem.hessp(START, v), scipy_optimize.rosen_hess_prod(START, v), rtol=1e-13)
    value, gradient = problem.fun_and_jac(START)
    assert value == problem.fun(START)
    np.testing.assert_array_equal(gradient, problem.jac(START))
    assert problem.tree(START).device == ga.device(device)


@pytest.mark.parametrize(
    "method",
    [None, "BFGS", "L-BFGS-B", "CG", "Newton-CG", "trust-ncg", "trust-exact", "trust-krylov", "TNC", "Nelder-Mead"],
)
def test_minimize(method):
    result = ga.optimize.minimize(rosenbrock, ga.asarray(np.full(4, 0.5)), method=method)
    assert result.success, result.message
    close(result.x, np.ones(4), 1e-3)
    np.testing.assert_array_equal(result.x_flat, host(result.x))


def test_minimize_takes_a_number_and_says_so():
    for fun, error, got in (
        (lambda x: (x**2).sum().reshape(1), RuntimeError, r"shape \[1\]"),
        (lambda x: x**2, RuntimeError, r"shape \[4\]"),
        (lambda x: 1.0, TypeError, "float"),
    ):
        for method in (None, "Nelder-Mead"):
            with pytest.raises(error, match=f"minimize: the function must give a 0-d tensor, got .*{got}"):
                ga.optimize.minimize(fun, ga.asarray(START), method=method)


def test_minimize_passes_on_what_scipy_takes():
    result = ga.optimize.minimize(
        rosenbrock, ga.asarray(START[:2]), method="L-BFGS-B", bounds=[(-2, 0.5), (None, None)]
    )
    close(result.x, [0.5, 0.25], 1e-5)

    def first(fun, start, args, **options):
        return scipy_optimize.OptimizeResult(x=start, fun=fun(start), success=True)

    result = ga.optimize.minimize(rosenbrock, ga.asarray(START), method=first)
    close(result.x, START)
    result = ga.optimize.minimize(lambda x, a: ((x - a) ** 2).sum(), ga.zeros(2), (ga.tensor([1.0, 2.0]),))
    assert result.x.dtype is ga.float32
    close(result.x, [1, 2], 1e-4)


def test_trees_are_given_back():
    pytest.importorskip("optree")
    start = {"a": scalar(1.0), "b": ga.zeros(2, dtype=ga.float64)}
    result = ga.optimize.minimize(lambda t: (t["a"] - 3) ** 2 + ((t["b"] - t["a"]) ** 2).sum(), start)
    close(result.x["a"], 3, 1e-6)
    close(result.x["b"], [3, 3], 1e-6)
    problem = Problem(lambda t: t["a"] * t["b"].sum() ** 2, start)
    x = np.array([2.0, 1.0, 3.0])
    np.testing.assert_allclose(problem.hess(x), [[0, 8, 8], [8, 4, 4], [8, 4, 4]])
    np.testing.assert_allclose(problem.hessp(x, [1, 0, 0]), [0, 8, 8])
    residuals = Problem(lambda t: {"r": t["a"] * t["b"], "s": t["a"]}, start)
    np.testing.assert_allclose(residuals.jac(x), [[1, 2, 0], [3, 0, 2], [1, 0, 0]])


def test_least_squares_and_root():
    t = np.linspace(0, 3, 20)
    y = ga.asarray(2.5 * np.exp(-1.3 * t) + 0.5)
    times = ga.asarray(t)
    found = ga.optimize.least_squares(
        lambda p: p[0] * ga.exp(-p[1] * times) + p[2] - y, ga.asarray(np.array([1.0, 1.0, 0.0]))
    )
    close(found.x, [2.5, 1.3, 0.5], 1e-6)
    assert found.nfev < 20
    start, wanted = ga.asarray(np.array([2.0, 3.0])), ga.asarray(np.array([1.0, 8.0]))
    for method in ("hybr", "lm", "krylov"):
        found = ga.optimize.root(lambda x: x**3 - wanted, start, method=method)
        close(found.x, [1, 2], 1e-5)
    found = ga.optimize.root(lambda x: ga.cos(x) - x, scalar(1.0))
    assert found.x.shape == () and abs(found.x.item() - 0.7390851332151607) < 1e-12


def test_derivatives_save_calls_of_the_function():
    start = ga.asarray(np.tile(START, 5))
    ours = Problem(rosenbrock, start)
    theirs = Problem(rosenbrock, start)
    with_gradient = scipy_optimize.minimize(ours.fun_and_jac, ours.x0, jac=True, method="BFGS")
    without = scipy_optimize.minimize(theirs.fun, theirs.x0, method="BFGS")
    assert with_gradient.fun <= without.fun + 1e-6
    assert ours.calls * 5 < theirs.calls


def test_only_real_numbers_are_optimised():
    with pytest.raises(TypeError, match=r"real floating tensors, got gradarray\.int64"):
        Problem(rosenbrock, ga.tensor([1, 2]))


# -- implicit derivatives ----------------------------------------------------------------------------------------------


def square_root(p):
    return implicit_root(lambda x, p: x * x - p, scalar(1.0), p)


@on_each_device
def test_a_root_to_third_order(device):
    p = ga.asarray(np.array(2.0), device=device, copy=True).requires_grad_()
    x = implicit_root(lambda x, p: x * x - p, ga.asarray(np.array(1.0), device=device), p)
    wanted = [2**0.5, 0.5 * 2**-0.5, -0.25 * 2**-1.5, 0.375 * 2**-2.5]
    close(x, wanted[0])
    for order in wanted[1:]:
        (x,) = ga.autograd.grad(x, p, create_graph=True)
        close(x, order)


def test_a_root_under_every_transform():
    p = ga.asarray(np.array([2.0, 3.0]))
    close(vmap(square_root)(p), host(p) ** 0.5)
    close(vmap(grad(square_root))(p), 0.5 * host(p) ** -0.5)
    close(jvp(square_root, (p[0],), (scalar(1.0),))[1], 0.5 * 2**-0.5)
    for outer in (jacfwd, jacrev):
        for inner in (jacfwd, jacrev):
            close(outer(inner(square_root))(p[0]), -0.25 * 2**-1.5)
    close(vmap(hessian(square_root))(p), -0.25 * host(p) ** -1.5)


def test_a_root_of_several_unknowns_and_parameters():
    a = np.array([[3.0, 1.0], [0.5, 2.0]])

    def system(x, m, b):
        return m @ x + x**3 - b

    def solved(m, b):
        return implicit_root(system, ga.zeros(2, dtype=ga.float64), m, b)

    m, b = ga.asarray(a), ga.asarray(np.array([1.0, 2.0]))
    h = 1e-6
    jm, jb = jacrev(solved, (0, 1))(m, b)
    fm, fb = jacfwd(solved, (0, 1))(m, b)
    close(fm, host(jm), 1e-10)
    close(fb, host(jb), 1e-10)
    for i in range(2):
        step = ga.asarray(h * np.eye(2)[i])
        close(jb[:, i], (host(solved(m, b + step)) - host(solved(m, b - step))) / (2 * h), 1e-7)
    step = np.zeros((2, 2))
    step[0, 1] = h
    step = ga.asarray(step)
    close(jm[:, 0, 1], (host(solved(m + step, b)) - host(solved(m - step, b))) / (2 * h), 1e-7)


def test_a_solver_of_ones_own_is_not_differentiated():
    calls = []

    def bisect(fun, start, p):
        calls.append(ga.is_grad_enabled())
        low, high = 0.0, 10.0
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if fun(scalar(middle), p).item() < 0 else (low, middle)
        return scalar(low)

    p = scalar(2.0).requires_grad_()
    x = implicit_root(lambda x, p: x * x - p, scalar(0.0), p, solver=bisect)
    (g,) = ga.autograd.grad(x, p)
    close(x, 2**0.5)
    close(g, 0.5 * 2**-0.5)
    assert calls == [False]


def test_a_fixed_point():
    solved = lambda a: implicit_fixed_point(lambda x, a: ga.cos(a * x), scalar(1.0), a, tol=1e-14)
    x = 0.7390851332151607
    close(solved(scalar(1.0)), x)
    close(grad(solved)(scalar(1.0)), -x * np.sin(x) / (1 + np.sin(x)))
    with pytest.raises(RuntimeError, match="no fixed point after 5 iterations"):
        implicit_fixed_point(lambda x, a: a * x + 1, scalar(1.0), scalar(3.0), max_iterations=5)


def test_a_minimum():
    rng = np.random.default_rng(0)
    a, b = ga.asarray(rng.normal(size=(6, 2))), ga.asarray(rng.normal(size=6))
    eye = ga.eye(2, dtype=ga.float64)

    def ridge(strength):
        return implicit_minimum(
            lambda w, s: ((a @ w - b) ** 2).sum() + s * (w * w).sum(), ga.zeros(2, dtype=ga.float64), strength
        )

    exact = lambda s: ga.linalg.solve(a.T @ a + s * eye, a.T @ b)
    s = scalar(0.3)
    close(ridge(s), host(exact(s)), 1e-10)
    close(jacrev(ridge)(s), host(jacrev(exact)(s)), 1e-9)
    close(jacfwd(jacfwd(ridge))(s), host(jacfwd(jacfwd(exact))(s)), 1e-9)


def test_unknowns_and_equations_must_be_equally_many():
    p = scalar(2.0).requires_grad_()
    x = implicit_root(lambda x, p: ga.stack([x * p, x]), scalar(1.0), p, solver=lambda *_: scalar(1.0))
    with pytest.raises(RuntimeError, match="one number for each of the 1 unknowns, but it gave 2"):
        x.backward()
