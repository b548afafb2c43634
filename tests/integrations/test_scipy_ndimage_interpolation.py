"""The splines of scipy.ndimage on the tape, of every order and at every border."""

import numpy as np
import pytest
from scipy import ndimage as nd

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(10)
X = R.standard_normal((5, 6))
INSIDE = R.uniform(0.1, 3.9, (2, 7))
ANYWHERE = np.concatenate([R.uniform(-9, 14, (2, 9)), INSIDE], axis=1)
MODES = ["reflect", "constant", "nearest", "mirror", "wrap", "grid-mirror", "grid-constant", "grid-wrap"]


@pytest.mark.parametrize("order", range(6))
@pytest.mark.parametrize("mode", MODES)
def test_map_coordinates(mode, order):
    function = lambda x: nd.map_coordinates(x, ANYWHERE, order=order, mode=mode, cval=0.7)
    agrees(function, X)
    if order > 0:  # of order 1 the slope jumps where a coordinate is whole, and at borders
        both = lambda x, at: nd.map_coordinates(x, at, order=order, mode=mode, cval=0.7)
        agrees(both, X, INSIDE, second=order > 1)
        agrees(both, X, ANYWHERE, second=order > 1)


@pytest.mark.parametrize("order", [2, 3, 4, 5])
@pytest.mark.parametrize("mode", MODES)
def test_coefficients_that_are_given(mode, order):
    both = lambda x, at: nd.map_coordinates(x, at, order=order, mode=mode, cval=0.7, prefilter=False)
    agrees(both, X, ANYWHERE)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
@pytest.mark.parametrize("mode", ["constant", "nearest", "reflect", "grid-wrap"])
def test_shift_and_zoom(mode, order):
    options = {"order": order, "mode": mode, "cval": 0.2}
    agrees(lambda x: nd.shift(x, (0.4, -1.3), **options), X)
    agrees(lambda x: nd.zoom(x, 1.5, **options), X)
    agrees(lambda x: nd.zoom(x, (0.6, 2), **options), X)
    if mode in ("nearest", "grid-wrap"):
        agrees(lambda x: nd.zoom(x, (0.6, 2), grid_mode=True, **options), X)


def test_the_identity():
    agrees(lambda x: nd.zoom(x, 1), X)
    agrees(lambda x: nd.zoom(x, 1, prefilter=False), X)
    agrees(lambda x: nd.shift(x, 0), X)


def test_what_moves_has_a_gradient():
    agrees(lambda x, by: nd.shift(x, by), X, np.array([0.4, -1.3]))
    agrees(lambda x, m, o: nd.affine_transform(x, m, o), X, np.array([[0.9, 0.1], [-0.1, 0.8]]), np.array([0.31, 0.13]))
    agrees(lambda x, m: nd.affine_transform(x, m, 0.21, mode="nearest"), X, np.array([0.9, 0.8]))
    homogeneous = np.array([[0.9, 0.1, 0.22], [-0.1, 0.8, 0.33]])
    agrees(lambda x, m: nd.affine_transform(x, m, output_shape=(4, 3)), X, homogeneous)
    agrees(lambda x: nd.affine_transform(x, np.vstack([homogeneous, [0, 0, 1]])), X)
    agrees(lambda x, angle: nd.rotate(x, angle, reshape=False, mode="nearest"), X, 30.0)


def test_rotate():
    for angle, options in ((30, {}), (90, {"order": 1}), (-45.0, {"reshape": False}), (30, {"axes": (1, 2)})):
        x = np.stack([X, X**2, X + 1]) if "axes" in options else X
        agrees(lambda x, angle=angle, options=options: nd.rotate(x, angle, **options), x)


def test_geometric_transform():
    agrees(lambda x: nd.geometric_transform(x, lambda o: (o[0] - 0.5, 0.7 * o[1])), X)
    agrees(lambda x: nd.geometric_transform(x, lambda o, k: (o[0] * k,) * 2, (7,), extra_arguments=(0.3,)), X)
    by = ga.tensor(0.4, dtype=ga.double, requires_grad=True)
    moved = nd.geometric_transform(ga.tensor(X, requires_grad=True), lambda o: (o[0] - by, o[1]))
    other = ga.tensor(0.4, dtype=ga.double, requires_grad=True)
    expected = nd.shift(ga.tensor(X), (other, 0.0))
    assert ga.allclose(moved, expected)
    moved.square().sum().backward()
    expected.square().sum().backward()
    assert ga.allclose(by.grad, other.grad)


@pytest.mark.parametrize("mode", ["mirror", "reflect", "grid-wrap", "nearest"])
def test_spline_filter(mode):
    for order in (2, 3, 4, 5):
        agrees(lambda x, order=order: nd.spline_filter(x, order, mode=mode), X)
        agrees(lambda x, order=order: nd.spline_filter1d(x, order, axis=0, mode=mode), X)
    agrees(lambda x: nd.spline_filter1d(x, 1), X)
    agrees(
        lambda x: nd.spline_filter1d(x, output=np.complex128) if isinstance(x, np.ndarray) else nd.spline_filter1d(x),
        X + 1j * X**2,
    )


def test_complex_and_single():
    agrees(lambda x: nd.shift(x, 0.3), X + 1j * X**2)
    assert nd.shift(ga.tensor(X, dtype=ga.float32, requires_grad=True), 0.3).dtype is ga.float32


def test_what_is_not_supported_says_so():
    x = ga.tensor(X, requires_grad=True)
    with pytest.raises(NotImplementedError, match="zoom has no derivative with respect to zoom"):
        nd.zoom(x, ga.tensor(1.5, requires_grad=True))
    with pytest.raises(NotImplementedError, match="spline_filter does not take output"):
        nd.spline_filter(x, output=np.float32)
    with pytest.raises(RuntimeError, match="order not supported"):
        nd.shift(x, 1, order=6)
    with pytest.raises(RuntimeError, match="invalid shape"):
        nd.map_coordinates(x, ANYWHERE[:1])
    with pytest.raises(RuntimeError, match="no proper affine matrix"):
        nd.affine_transform(x, np.ones((3, 2)))
