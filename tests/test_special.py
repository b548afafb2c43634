"""`gradarray.special`: what SciPy finds there by itself, arguments, dtypes, and what no record has samples for."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.special

import gradarray as ga
from gradarray import backends, special

HOOK = """
import numpy as np, scipy.special as sp
import gradarray as ga

def gradients(name, *xs):
    tensors = [ga.asarray(x).requires_grad_() for x in xs]
    out = getattr(sp, name)(*tensors)
    assert type(out) is ga.Tensor, name
    out.sum().backward()
    np.testing.assert_allclose(out.detach().numpy(), getattr(sp, name)(*xs), rtol=1e-14)
    return [t.grad.numpy() for t in tensors]

x, a = np.array([0.3, 0.5, 0.8]), np.array([0.7, 1.5, 2.5])
for name, xs in {"erf": [x], "ndtri": [x], "gammainc": [a, x], "betainc": [a, a[::-1].copy(), x],
                 "zeta": [a + 1, x], "stdtr": [a, x], "xlogy": [a, x], "psi": [a], "log1p": [x], "expm1": [x]}.items():
    for i, g in enumerate(gradients(name, *xs)):
        there, back = ([v + h * (j == i) for j, v in enumerate(xs)] for h in (1e-6, -1e-6))
        slope = (getattr(sp, name)(*there) - getattr(sp, name)(*back)) / 2e-6
        np.testing.assert_allclose(g, slope, rtol=1e-6, atol=1e-8, err_msg=name)
t = ga.asarray(a).requires_grad_()
sp.polygamma(1, t).sum().backward()
np.testing.assert_allclose(t.grad.numpy(), sp.polygamma(2, a), rtol=1e-12)
print("all", end="")
"""


@pytest.mark.parametrize("dispatch", ["1", ""], ids=["SCIPY_ARRAY_API=1", "NumPy's protocol"])
def test_scipys_own_functions_differentiate(dispatch):
    program = HOOK
    if not dispatch:  # then these two are no ufuncs
        program = HOOK.replace('"zeta": [a + 1, x], ', "").replace("sp.polygamma(1, t)", "ga.special.polygamma(1, t)")
    env = {**os.environ, "SCIPY_ARRAY_API": dispatch}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stdout) == (0, "all"), done.stderr


def test_every_function_that_scipy_dispatches_is_there():
    backends = pytest.importorskip("scipy.special._support_alternative_backends")
    assert set(backends.__all__) <= set(special.__all__)


def test_without_scipy_the_error_says_what_to_install():
    program = "import sys; sys.modules['scipy'] = None\nimport gradarray as ga\nga.special.erf(ga.ones(2))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (
        'NotImplementedError: special.erf is computed by SciPy, which is not installed: pip install "gradarray[spe'
        in (done.stderr)
    )


def test_numbers_take_the_dtype_of_the_tensors():
    x = ga.asarray([0.5], dtype=ga.float32).requires_grad_()
    out = special.betainc(2, 1.5, x)
    (g,) = ga.autograd.grad(out.sum(), x)
    assert out.dtype is g.dtype is ga.float32
    assert special.gammainc(ga.asarray([1, 2]), 2).dtype is ga.float32
    assert special.xlogy(ga.asarray([1, 2]), ga.asarray([1.0], dtype=ga.float64)).dtype is ga.float64


def test_what_is_not_taken():
    with pytest.raises(TypeError, match=r"special\.erf takes real numbers, got gradarray\.complex128"):
        special.erf(ga.asarray([1j], dtype=ga.complex128))
    with pytest.raises(TypeError, match=r"special\.erf needs at least one tensor, got float"):
        special.erf(0.5)
    with pytest.raises(TypeError, match=r"special.betainc\(a, b, x\) takes 3 arguments, got 1"):
        special.betainc(ga.ones(1))
    with pytest.raises(ValueError, match="d must be a positive whole number, got 0"):
        special.multigammaln(ga.ones(1), 0)


def test_a_librarys_own_functions_come_first_and_scipy_has_the_rest():
    class Native:
        @staticmethod
        def bessel_j0(x):
            return x + 100

    backend, device = backends.get("numpy"), ga.device("cpu")
    found = backends.SciPyFunctions(backend, device, native=Native, names={"j0": "bessel_j0"})
    x = np.array([0.5], dtype=np.float32)
    assert found.j0(x) == [100.5]
    host = found.betainc(x, 2.0, x)
    assert type(host) is np.ndarray and host.dtype == np.float32
    np.testing.assert_array_equal(host, scipy.special.betainc(x, 2.0, x))
    with pytest.raises(AttributeError):
        found.no_such_function


def test_out():
    out = ga.zeros(2, dtype=ga.float64)
    assert special.erf(ga.asarray(np.array([0.5, 1.0])), out=out) is out
    np.testing.assert_array_equal(out.numpy(), scipy.special.erf([0.5, 1.0]))


def gradient(function, *xs, device="cpu"):
    tensors = [ga.asarray(np.asarray(x), device=device).requires_grad_() for x in xs]
    return [g.numpy() for g in ga.autograd.grad(function(*tensors).sum(), tensors)]


@pytest.mark.parametrize(
    ("function", "reference"),
    [
        (lambda x: special.logsumexp(x, axis=1), lambda x: scipy.special.logsumexp(x, axis=1)),
        (lambda x: special.softmax(x, axis=1)[:, 0], lambda x: scipy.special.softmax(x, axis=1)[:, 0]),
        (lambda x: special.log_softmax(x, axis=0)[0], lambda x: scipy.special.log_softmax(x, axis=0)[0]),
        (lambda x: special.multigammaln(x + 4, 3), lambda x: scipy.special.multigammaln(x + 4, 3)),
        (lambda x: special.zeta(x + 5), lambda x: scipy.special.zeta(x + 5)),
        (special.softplus, lambda x: np.logaddexp(x, 0)),
    ],
    ids=["logsumexp", "softmax", "log_softmax", "multigammaln", "zeta", "softplus"],
)
def test_compositions(function, reference):
    x = np.random.default_rng(1).uniform(-2, 2, (2, 3))
    np.testing.assert_allclose(function(ga.asarray(x)).numpy(), reference(x), rtol=1e-13)
    (g,) = gradient(function, x)
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = 1e-5
        assert abs(g[i] - (np.sum(reference(x + step)) - np.sum(reference(x - step))) / 2e-5) < 1e-8


def test_logsumexp_with_factors_and_signs():
    x, b = np.array([1.0, 2.0, 1000.0]), np.array([-3.0, 1.0, 0.0])
    found = special.logsumexp(ga.asarray(x), b=ga.asarray(b), return_sign=True)
    np.testing.assert_allclose([float(v) for v in found], scipy.special.logsumexp(x, b=b, return_sign=True))
    (g,) = gradient(lambda t: special.logsumexp(t), np.array([-np.inf, 0.0, 1000.0]))
    assert g.tolist() == [0.0, 0.0, 1.0]


# of high precision arithmetic: mpmath 1.4.1, 40 digits, differentiated there
REFERENCE = [
    ("gammainc", 0, (1e-3, 0.5), -0.5603594001080031),
    ("gammainc", 0, (50.0, 20.0), -1.1690273381623859e-08),
    ("gammainc", 0, (1000.0, 1100.0), -0.00011048987784079389),
    ("betainc", 0, (0.05, 300.0, 1e-4), -2.614192427401155),
    ("betainc", 1, (30.0, 0.5, 0.9), 0.040278827265874735),
    ("jv", 0, (0.3, 20.0), -0.030454494828156337),
    ("yv", 0, (2.5, 0.1), -2803.6651913874807),
    ("iv", 0, (1.5, 30.0), -38254611133.997665),
    ("kv", 0, (3.3, 0.01), 333177095.3827298),
    ("zeta", 0, (1.1, 0.2), -90.56565523771383),
    ("zetac", 0, (-3.5,), 0.009154213629941512),
    ("hyp1f1", 0, (0.5, 1.5, -20.0), -0.7028801651214488),
    ("hyp1f1", 1, (2.0, 0.7, 15.0), -621778287.3222309),
    ("lpmv", 1, (1.0, 2.5, 0.3), 1.7613422492691677),
    ("stdtr", 0, (3.0, -2.0), -0.015255481525655007),
    ("ellipk", 0, (0.999,), 499.1639931300771),
    ("rgamma", 0, (-4.0,), 24.0),
    ("erfcx", 0, (1e5,), -5.641895834631278e-11),
    ("dawsn", 0, (1e4,), -5.000000075000002e-09),
    ("log_ndtr", 0, (-40.0,), 40.02496884720726),
    ("expn", 1, (1.0, 30.0), -3.1192076562800582e-15),
    ("boxcox", 1, (3.0, 1e-9), 0.6034744808482806),
]


@pytest.mark.parametrize(("name", "i", "point", "want"), REFERENCE, ids=[f"{n}{p}" for n, _, p, _ in REFERENCE])
def test_derivatives_far_from_the_samples(name, i, point, want):
    g = gradient(getattr(special, name), *([x] for x in point))[i]
    np.testing.assert_allclose(g, [want], rtol=1e-12)


@pytest.mark.parametrize(("name", "of"), [("hyp0f1", 2), ("hyp1f1", 3), ("hyp2f1", 4)])
def test_a_series_of_many_elements_has_the_derivatives_of_each_element(name, of):
    """Of few elements all terms are summed at once, of many one after the other."""
    rng = np.random.default_rng(0)
    many = [rng.uniform(0.1, 0.8, 1000) for _ in range(of)]
    found = gradient(getattr(special, name), *many)
    alone = gradient(getattr(special, name), *(x[:3] for x in many))
    for g, want in zip(found, alone, strict=True):
        np.testing.assert_allclose(g[:3], want, rtol=1e-13)


def test_the_second_derivative_in_a_parameter():
    """By mpmath: of P(a, x) in a twice, and in both."""
    a, x = (ga.asarray(np.array([v])).requires_grad_() for v in (1.5, 2.0))
    g, _ = ga.autograd.grad(special.gammainc(a, x).sum(), [a, x], create_graph=True)
    second, mixed = ga.autograd.grad(g.sum(), [a, x])
    np.testing.assert_allclose([second.numpy()[0], mixed.numpy()[0]], SECOND, rtol=1e-12)


SECOND = (-0.07409338751048228, 0.14181422900471316)


@pytest.mark.parametrize("x", [2.22507386e-308, 5e-320, 0.0, -1e-310])
def test_the_derivative_of_i1_at_the_smallest_numbers(x):
    """SciPy's iv(2, x) is nan there."""
    point = ga.tensor(x, dtype=ga.float64, requires_grad=True)
    (g,) = ga.autograd.grad(ga.special.i1(point), point, create_graph=True)
    (second,) = ga.autograd.grad(g, point)
    assert g.item() == 0.5 and abs(second.item()) < 1e-300


@pytest.mark.parametrize(
    ("name", "x1", "x2"),
    [
        ("poch", 0.0, 0.25), ("poch", 0.0, 3.0), ("poch", -2.0, 3.0), ("poch", -3.0, 4.5), ("beta", 0.5, -0.5),
        ("beta", 1.5, -5.5), ("binom", 4.5, -3.0), ("binom", 0.25, -1.0), ("binom", -1.5, -2.0),
    ],
)  # fmt: skip
def test_where_one_over_gamma_is_zero_its_slope_is_not(name, x1, x2):
    function, point = getattr(scipy.special, name), np.array([x1, x2])
    x = ga.asarray(point).requires_grad_()
    getattr(special, name)(x[0], x[1]).backward()
    steps = 1e-6 * np.eye(2)
    slopes = [(function(*(point + step)) - function(*(point - step))) / 2e-6 for step in steps]
    np.testing.assert_allclose(x.grad.numpy(), slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "xs"), [("gdtr", (10.0, 0.25, 0.0)), ("gdtrc", (0.5, 0.1, 0.0)), ("fdtr", (0.5, 7.7, 0.0))]
)
def test_what_is_zero_for_all_parameters_has_slope_zero_in_them(name, xs):
    tensors = [ga.asarray(np.array(x)).requires_grad_() for x in xs]
    getattr(special, name)(*tensors).backward()
    assert [t.grad.item() for t in tensors[:2]] == [0.0, 0.0]
    assert abs(tensors[2].grad.item()) == np.inf


@pytest.mark.parametrize("t", [-1e5, -1e6, -1e8, 1e8, -3.0, 0.0])
def test_the_slope_of_stdtr_in_its_degrees_of_freedom_far_out(t):
    freedom, h = np.array([0.5, 1.0, 3.0]), 1e-5
    tail = -abs(t)
    slope = (scipy.special.stdtr(freedom + h, tail) - scipy.special.stdtr(freedom - h, tail)) / (2 * h)
    x = ga.asarray(freedom).requires_grad_()
    special.stdtr(x, ga.asarray(np.array(t))).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), slope if t < 0 else -slope, rtol=1e-7)


@pytest.mark.parametrize(("name", "far"), [("fdtrc", [1e2, 1e6, 1e10]), ("fdtr", [1e-2, 1e-6, 1e-10])])
def test_the_slopes_of_fishers_distribution_far_out(name, far):
    function, h = getattr(scipy.special, name), 1e-5
    points = [np.array([3.0] * 3), np.array([5.0] * 3), np.array(far)]
    tensors = [ga.asarray(x).requires_grad_() for x in points]
    getattr(special, name)(*tensors).sum().backward()
    for i, x in enumerate(points):
        above, below = ([x * (1 + sign * h) if j == i else y for j, y in enumerate(points)] for sign in (1, -1))
        slope = (function(*above) - function(*below)) / (2 * h * x)
        np.testing.assert_allclose(tensors[i].grad.numpy(), slope, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", ["bdtr", "bdtrc"])
@pytest.mark.parametrize("p", [1e-18, 1e-8, 0.3, 1 - 1e-12])
def test_the_slope_of_the_binomial_distribution_where_success_is_rare(name, p):
    x = ga.asarray(np.array(p)).requires_grad_()
    getattr(special, name)(ga.asarray(2.0), ga.asarray(6.0), x).backward()
    slope = 60 * p**2 * (1 - p) ** 3
    assert x.grad.item() == pytest.approx(slope if name == "bdtrc" else -slope, rel=1e-12, abs=0)
