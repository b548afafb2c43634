"""Convolutions of scipy.signal on the tape, against scipy.signal on arrays."""

import numpy as np
import pytest
from scipy import signal

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(11)
X, H = R.standard_normal(12), R.standard_normal(5)
LONG = R.standard_normal(150)
IMAGE, KERNEL = R.standard_normal((6, 7)), R.standard_normal((3, 2))
ZH = H + 1j * R.standard_normal(5)
METHODS, MODES = ("auto", "direct", "fft"), ("full", "same", "valid")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["convolve", "correlate"])
def test_convolve_and_correlate(name, mode, method):
    function = lambda x, h: getattr(signal, name)(x, h, mode, method)
    agrees(function, X, H)
    agrees(function, H, X)
    agrees(function, X, H[:4])
    agrees(function, X, ZH)
    agrees(function, ZH, X + 1j * X[::-1])
    agrees(function, IMAGE, KERNEL)
    agrees(function, LONG, R.standard_normal(80))


@pytest.mark.parametrize("name", ["convolve", "correlate"])
def test_of_scalars_and_of_lists(name):
    agrees(lambda x, h: getattr(signal, name)(x, h), np.float64(2.0), np.float64(3.0))
    agrees(lambda x: getattr(signal, name)(x, [1.0, 2.0]) if isinstance(x, ga.Tensor)
           else getattr(signal, name)(x, np.array([1.0, 2.0])), X)  # fmt: skip


@pytest.mark.parametrize("boundary", ["fill", "wrap", "symm"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["convolve2d", "correlate2d"])
def test_in_two_dimensions(name, mode, boundary):
    function = lambda x, h: getattr(signal, name)(x, h, mode, boundary, 0.7)
    agrees(function, IMAGE, KERNEL)
    agrees(function, IMAGE, KERNEL[:2] + 1j)
    agrees(function, IMAGE, R.standard_normal((4, 5)))
    if mode == "valid" or boundary == "fill":
        agrees(function, KERNEL, IMAGE)


def test_detrend():
    agrees(signal.detrend, X)
    agrees(lambda x: signal.detrend(x, type="constant"), X)
    agrees(lambda x: signal.detrend(x, axis=0, bp=[3]), IMAGE)
    agrees(lambda x: signal.detrend(x, bp=3), IMAGE + 1j * IMAGE**2)


@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (1, 3), (3, 2), (2, 5)])
def test_upfirdn(up, down):
    agrees(lambda h, x: signal.upfirdn(h, x, up, down), H, X)
    agrees(lambda h, x: signal.upfirdn(h, x, up, down, axis=0), H, IMAGE)


@pytest.mark.parametrize("padtype", ["constant", "mean", "median", "minimum", "maximum"])
@pytest.mark.parametrize(("up", "down"), [(1, 1), (2, 1), (2, 4), (3, 2), (5, 7)])
def test_resample_poly(up, down, padtype):
    agrees(lambda x: signal.resample_poly(x, up, down, padtype=padtype), LONG[:41])
    if up != down:
        agrees(lambda x, w: signal.resample_poly(x, up, down, axis=1, window=w), IMAGE, H)


@pytest.mark.parametrize("mode", ["interp", "mirror", "constant", "nearest", "wrap"])
def test_savgol_filter(mode):
    agrees(lambda x: signal.savgol_filter(x, 5, 2, mode=mode, cval=0.3), X)
    agrees(lambda x: signal.savgol_filter(x, 5, 3, deriv=1, delta=0.5, axis=0, mode=mode), IMAGE)


def test_median_order_and_wiener():
    agrees(lambda x: signal.medfilt(x), X)
    agrees(lambda x: signal.medfilt(x, (3, 1)), IMAGE)
    agrees(lambda x: signal.medfilt2d(x, 3), IMAGE)
    agrees(lambda x: signal.order_filter(x, np.ones((3, 3)), 2), IMAGE)
    agrees(lambda x: signal.wiener(x), IMAGE)
    agrees(lambda x: signal.wiener(x, (3, 5), 0.2), IMAGE)


@pytest.mark.parametrize("kind", ["cspline1d", "qspline1d"])
def test_splines(kind):
    coefficients, evaluate = getattr(signal, kind), getattr(signal, f"{kind}_eval")
    agrees(coefficients, X)
    agrees(evaluate, X, np.concatenate([R.uniform(-20, 40, 9), R.uniform(2, 8, 5)]), second=kind == "cspline1d")
    agrees(lambda c: evaluate(c, np.array([[0.4, 1.3], [2.0, 9.9]]), dx=0.7, x0=0.2), X)
    with pytest.raises(NotImplementedError, match="does not take lamb"):
        coefficients(ga.tensor(X, requires_grad=True), 0.5)


def test_what_is_not_supported_says_so():
    x = ga.tensor(X, requires_grad=True)
    for call, match in (
        (lambda: signal.upfirdn(H, x, mode="wrap"), "upfirdn does not take mode"),
        (lambda: signal.resample_poly(x, 2, 3, padtype="line"), "padtype='line'"),
        (lambda: signal.convolve2d(x[None], H[None].repeat(3, 1), boundary="wrap"), "longer than the image"),
    ):
        with pytest.raises(NotImplementedError, match=match):
            call()
    for call, match in (
        (lambda: signal.convolve(x, H, "no"), "acceptable mode"),
        (lambda: signal.convolve(x, H, method="no"), "method flags"),
        (lambda: signal.convolve(x, IMAGE), "same dimensionality"),
        (lambda: signal.convolve(ga.tensor(IMAGE, requires_grad=True), IMAGE.T, "valid"), "at least as large"),
        (lambda: signal.medfilt(x, 2), "should be odd"),
        (lambda: signal.detrend(x, type="no"), "Trend type"),
    ):
        with pytest.raises(ValueError, match=match):
            call()
