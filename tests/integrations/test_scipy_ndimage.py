"""scipy.ndimage on the tape, against scipy.ndimage on arrays."""

import numpy as np
import pytest
from scipy import ndimage as nd

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(8)
X, W = R.standard_normal((5, 6)), R.standard_normal((3, 2))
CUBE = R.standard_normal((3, 4, 5))
Z = X + 1j * R.standard_normal((5, 6))
MODES = ["reflect", "constant", "nearest", "mirror", "wrap", "grid-mirror", "grid-constant", "grid-wrap"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["correlate1d", "convolve1d"])
def test_one_dimension(name, mode):
    function = getattr(nd, name)
    for n, axis in ((1, 0), (2, 1), (3, -1), (4, 0), (9, 1)):
        for origin in {0, -(n // 2), (n - 1) // 2}:
            options = {"axis": axis, "mode": mode, "cval": 1.5, "origin": origin}
            agrees(lambda x, w, options=options: function(x, w, **options), X, R.standard_normal(n), second=n == 3)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["correlate", "convolve"])
def test_several_dimensions(name, mode):
    function = getattr(nd, name)
    agrees(lambda x, w: function(x, w, mode=mode, cval=1.5), X, W)
    agrees(lambda x, w: function(x, w, mode=mode, cval=1.5, origin=(1, 0)), X, W)
    agrees(lambda x, w: function(x, w, mode=mode, axes=(0, 2)), CUBE, W)


@pytest.mark.parametrize("name", ["correlate", "convolve", "correlate1d", "convolve1d"])
def test_complex(name):
    function = getattr(nd, name)
    w = W if name in ("correlate", "convolve") else W[:, 0]
    agrees(lambda x, w: function(x, w, mode="constant", cval=1 + 2j), Z, w + 1j)
    agrees(lambda x: function(x, w), Z)
    agrees(lambda w: function(X, w), w + 1j)


def test_the_weights_may_be_all_zero_or_a_list():
    agrees(lambda x: nd.correlate1d(x, [0.0, 1.0, 0.0]), X)
    x = ga.tensor(X, requires_grad=True)
    assert ga.all(nd.correlate1d(x, [0, 0]) == 0)
    weight = ga.tensor(2.0, requires_grad=True)
    nd.correlate1d(ga.ones(4), [weight, 1.0, weight]).sum().backward()
    assert weight.grad == 8


FILTERS = {
    "uniform1d": lambda x: nd.uniform_filter1d(x, 4, axis=0, origin=1),
    "uniform": lambda x: nd.uniform_filter(x, 3),
    "uniform, sizes": lambda x: nd.uniform_filter(x, (2, 1), mode=["wrap", "mirror"], origin=(-1, 0)),
    "uniform, axes": lambda x: nd.uniform_filter(x, 2, axes=1),
    **{f"gaussian1d, {n}": lambda x, n=n: nd.gaussian_filter1d(x, 0.8, axis=0, order=n) for n in range(5)},
    "gaussian1d, radius": lambda x: nd.gaussian_filter1d(x, 0.8, radius=1, mode="constant", cval=2.0),
    "gaussian": lambda x: nd.gaussian_filter(x, 1.1),
    "gaussian, all": lambda x: nd.gaussian_filter(x, (0.5, 0), (1, 0), truncate=2.0, radius=(2, 1), mode="wrap"),
    "prewitt": lambda x: nd.prewitt(x, 0),
    "sobel": lambda x: nd.sobel(x, mode=["nearest", "mirror"]),
    "laplace": lambda x: nd.laplace(x, mode="wrap"),
    "laplace, axes": lambda x: nd.laplace(x, axes=(1,)),
    "gaussian_laplace": lambda x: nd.gaussian_laplace(x, (0.7, 0.9), truncate=3.0),
    "gaussian_laplace, axes": lambda x: nd.gaussian_laplace(x, 0.7, axes=(0,)),
    "gaussian_gradient_magnitude": lambda x: nd.gaussian_gradient_magnitude(x, 0.7, mode="constant"),
}


@pytest.mark.parametrize("function", FILTERS.values(), ids=FILTERS)
def test_linear_filters(function):
    agrees(function, X)


def test_sigma_has_a_gradient():
    agrees(lambda x, s: nd.gaussian_filter1d(x, s, order=2), X, 0.8)
    agrees(lambda x, s: nd.gaussian_filter(x, s), X, 0.8)
    agrees(lambda x, s: nd.gaussian_filter(x, (s, 0.7)), X, 0.8)


def test_the_gradient_of_a_magnitude_is_zero_where_it_is_zero():
    x = ga.ones((5, 5), requires_grad=True)
    nd.gaussian_gradient_magnitude(x, 1.0).sum().backward()
    assert ga.isfinite(x.grad).all()


def test_single_precision_stays():
    x = ga.tensor(X, dtype=ga.float32, requires_grad=True)
    for function in FILTERS.values():
        assert function(x).dtype is ga.float32


def test_what_is_not_supported_says_so():
    x, w = ga.tensor(X, requires_grad=True), ga.ones(3, requires_grad=True)
    for call, match in (
        (lambda: nd.correlate1d(x, w, output=np.float32), "correlate1d does not take output"),
        (lambda: nd.correlate1d(ga.arange(4), w), "rounds what it computes"),
    ):
        with pytest.raises(NotImplementedError, match=match):
            call()
    with pytest.raises(RuntimeError, match="boundary mode 'no'"):
        nd.correlate1d(x, w, mode="no")
    with pytest.raises(ValueError, match="invalid origin"):
        nd.correlate1d(x, w, origin=2)
    with pytest.raises(RuntimeError, match="must match"):
        nd.correlate(x, w)
