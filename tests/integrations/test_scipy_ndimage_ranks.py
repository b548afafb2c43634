"""The filters of scipy.ndimage that choose, on the tape, and the measurements of regions."""

import numpy as np
import pytest
from scipy import ndimage as nd

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(9)
X, STRUCTURE = R.standard_normal((6, 7)), R.standard_normal((3, 2))
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
LABELS = R.integers(0, 4, (6, 7))
MODES = ["reflect", "constant", "nearest", "mirror", "wrap"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["minimum_filter", "maximum_filter", "median_filter"])
def test_ranks(name, mode):
    function = getattr(nd, name)
    options = {"mode": mode, "cval": 0.3}
    agrees(lambda x: function(x, 3, **options), X)
    agrees(lambda x: function(x, (2, 4), origin=(-1, 1), **options), X)
    agrees(lambda x: function(x, footprint=CROSS, **options), X)
    agrees(lambda x: function(x, size=3, axes=(0,), **options), X)


def test_other_ranks():
    agrees(lambda x: nd.rank_filter(x, 2, 3), X)
    agrees(lambda x: nd.rank_filter(x, -2, footprint=CROSS), X)
    for share in (0, 30, -20, 100):
        agrees(lambda x, share=share: nd.percentile_filter(x, share, 3), X)
    agrees(lambda x: nd.minimum_filter1d(x, 3, 0, origin=1), X)
    agrees(lambda x: nd.maximum_filter1d(x, 4), X)
    agrees(lambda x: nd.median_filter(x, 5), X.ravel())


@pytest.mark.parametrize(
    "name",
    ["grey_erosion", "grey_dilation", "grey_opening", "grey_closing", "morphological_gradient",
     "morphological_laplace", "white_tophat", "black_tophat"],
)  # fmt: skip
def test_morphology(name):
    function = getattr(nd, name)
    agrees(lambda x: function(x, 3), X)
    agrees(lambda x: function(x, (2, 3), mode="constant", cval=0.1, origin=(0, 1)), X)
    agrees(lambda x: function(x, footprint=CROSS, mode="mirror"), X)
    agrees(lambda x, s: function(x, structure=s), X, STRUCTURE)
    agrees(lambda x: function(x, structure=np.zeros((3, 3)), footprint=CROSS), X)


def test_vectorized_filter():
    def mean(x, axis):
        return (ga if isinstance(x, ga.Tensor) else np).mean(x, axis=axis)

    for options in ({"size": 3}, {"size": (2, 3), "mode": "constant", "cval": 0.5, "origin": (-1, 1)},
                    {"footprint": CROSS, "mode": "grid-mirror"}, {"size": 3, "axes": 0}):  # fmt: skip
        agrees(lambda x, options=options: nd.vectorized_filter(x, mean, **options), X)
    with pytest.raises(NotImplementedError, match="mode='valid'"):
        nd.vectorized_filter(ga.tensor(X, requires_grad=True), mean, size=3, mode="valid")


@pytest.mark.parametrize(
    "name",
    ["sum", "sum_labels", "mean", "variance", "standard_deviation", "minimum", "maximum", "median", "center_of_mass"],
)
def test_measurements(name):
    function = getattr(nd, name)
    second = name != "center_of_mass"
    agrees(function, X, second=second)
    agrees(lambda x: function(x, LABELS), X, second=second)
    agrees(lambda x: function(x, LABELS, 2), X, second=second)
    agrees(lambda x: function(x, LABELS, [3, 1]), X, second=second)
    agrees(lambda x: function(x, LABELS - 1, np.array([-1, 2])), X, second=second)


def test_extrema():
    x = ga.tensor(X, requires_grad=True)
    agrees(lambda x: nd.extrema(x, LABELS, [1, 2])[:2], X)
    expected, found = nd.extrema(X), nd.extrema(x)
    assert [tuple(map(int, place)) for place in found[2:]] == [tuple(map(int, place)) for place in expected[2:]]


def test_a_region_without_elements():
    x = ga.tensor(X, requires_grad=True)
    assert nd.sum_labels(x, LABELS, [1, 9])[1] == 0
    assert ga.isnan(nd.mean(x, LABELS, [1, 9])[1])
    assert nd.maximum(x, LABELS, [1, 9])[1] == nd.maximum(X, LABELS, [1, 9])[1]


def test_the_deviation_of_equal_values_has_gradient_zero():
    x = ga.ones((3, 3), requires_grad=True)
    nd.standard_deviation(x).backward()
    assert ga.all(x.grad == 0)


@pytest.mark.parametrize("name", ["fourier_gaussian", "fourier_uniform", "fourier_ellipsoid", "fourier_shift"])
def test_in_fourier_space(name):
    function = getattr(nd, name)
    agrees(lambda x: function(x, 1.5), X + 1j)
    agrees(lambda x: function(x, (1.5, 0.5), n=7), X)
    with pytest.raises(NotImplementedError, match=f"{name} has no derivative with respect to s"):
        function(ga.tensor(X), ga.tensor(1.5, requires_grad=True))


def test_what_is_not_supported_says_so():
    x = ga.tensor(X, requires_grad=True)
    with pytest.raises(TypeError, match="Complex"):
        nd.median_filter(x + 1j, 3)
    with pytest.raises(RuntimeError, match="rank not within"):
        nd.rank_filter(x, 9, 3)
    with pytest.raises(RuntimeError, match="no footprint"):
        nd.median_filter(x)
    with pytest.raises(ValueError, match="must be specified"):
        nd.grey_erosion(x)
    with pytest.warns(UserWarning, match="ignoring size"):
        nd.median_filter(x, 3, CROSS)
