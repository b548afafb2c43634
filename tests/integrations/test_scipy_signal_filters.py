"""Recursive filters of scipy.signal on the tape, against scipy.signal on arrays."""

import numpy as np
import pytest
from scipy import signal

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(12)
X, IMAGE = R.standard_normal(40), R.standard_normal((3, 20))
B, A = np.array([0.3, 0.2, 0.1]), np.array([1.0, -0.6, 0.25])
SOS = np.array([[0.3, 0.2, 0.1, 1.0, -0.6, 0.25], [1.0, -0.5, 0.2, 1.0, 0.3, 0.1]])
FILTERS = {
    "of two": (B, A),
    "not normalized": (B, 2 * A),
    "short b": (B[:1], A),
    "short a": (B, A[:2]),
    "fir": (B, np.array([2.0])),
    "one pole": (np.array([1.0]), np.array([1.0, -0.9])),
    "complex": (B + 0.1j, A - 0.2j),
}


@pytest.mark.parametrize(("b", "a"), FILTERS.values(), ids=FILTERS)
def test_lfilter(b, a):
    agrees(lambda b, a, x: signal.lfilter(b, a, x), b, a, X)
    agrees(lambda b, a, x: signal.lfilter(b, a, x, axis=0), b, a, IMAGE.T)
    agrees(lambda x: signal.lfilter(b, a, x), IMAGE)
    zi = R.standard_normal((3, max(len(a), len(b)) - 1))
    if zi.shape[1]:
        agrees(lambda b, a, x, zi: signal.lfilter(b, a, x, zi=zi), b, a, IMAGE, zi)
        agrees(lambda b, a, x, zi: signal.lfilter(b, a, x, zi=zi), b, a, X[:1], zi[0])


def test_the_third_derivative_of_a_filter():
    a = ga.tensor([-0.6], dtype=ga.double, requires_grad=True)
    one = ga.ones(1, dtype=ga.double)
    pulse = ga.tensor([1.0, 0.0, 0.0, 0.0, 0.0, 0.0], dtype=ga.double)
    y = signal.lfilter(one, ga.concat([one, a]), pulse)[5]  # (-a)**5
    for expected in (-5 * 0.6**4, 20 * 0.6**3, -60 * 0.6**2):
        (y,) = ga.autograd.grad(y.sum(), a, create_graph=True)
        assert abs(y - expected) < 1e-10


def test_the_values_are_scipys_to_the_last_bit():
    assert np.array_equal(
        signal.lfilter(B, A, ga.tensor(X, requires_grad=True)).numpy(force=True), signal.lfilter(B, A, X)
    )


def test_a_long_signal_is_cheap():
    x = ga.tensor(R.standard_normal(20_000), requires_grad=True)
    b, a = signal.butter(4, 0.2)
    signal.lfilter(b, a, x).square().sum().backward()
    direction = R.standard_normal(20_000)
    step = lambda h: (signal.lfilter(b, a, x.numpy(force=True) + h * direction) ** 2).sum()
    assert abs(x.grad.numpy() @ direction - (step(1e-4) - step(-1e-4)) / 2e-4) < 1e-3


@pytest.mark.parametrize("padtype", ["odd", "even", "constant", None])
def test_filtfilt(padtype):
    agrees(lambda b, a, x: signal.filtfilt(b, a, x, padtype=padtype), B, A, X)
    agrees(lambda b, a, x: signal.filtfilt(b, a, x, axis=0, padtype=padtype, padlen=4), B, A, IMAGE.T)
    agrees(lambda x: signal.sosfiltfilt(SOS, x, padtype=padtype), X)


def sections(numbers):
    """Sections of ten numbers: the column that must be 1 is added."""
    namespace = ga if isinstance(numbers, ga.Tensor) else np
    rows = numbers.reshape((2, 5))
    return namespace.concat([rows[:, :3], namespace.ones((2, 1), dtype=namespace.float64), rows[:, 3:]], axis=1)


def test_sosfilt():
    agrees(lambda x: signal.sosfilt(SOS, x), X)
    numbers = np.delete(SOS, 3, axis=1).ravel()
    agrees(lambda n, x: signal.sosfilt(sections(n), x), numbers, X)
    agrees(lambda n, x: signal.sosfiltfilt(sections(n), x), numbers, X)
    agrees(lambda x, zi: signal.sosfilt(SOS, x, zi=zi), IMAGE, R.standard_normal((2, 3, 2)))
    agrees(lambda x, zi: signal.sosfilt(SOS, x, axis=0, zi=zi), IMAGE, R.standard_normal((2, 2, 20)))
    agrees(lambda x: signal.sosfiltfilt(SOS, x, axis=1, padlen=3), IMAGE)


def test_coefficients():
    agrees(signal.lfilter_zi, B, A)
    agrees(signal.lfilter_zi, B[:2], 2 * A)
    agrees(lambda b, a: signal.lfilter_zi(b, a), B, A[:1])
    agrees(signal.sosfilt_zi, SOS)
    agrees(signal.sos2tf, SOS)
    agrees(signal.deconvolve, X, np.array([1.0, 0.5]))
    agrees(signal.zpk2tf, np.array([0.5, -0.2]), np.array([0.1, 0.7, 0.3]), np.float64(2.0))
    agrees(lambda z, p: signal.zpk2tf(z, p, 1.5), np.array([0.5 + 1j, 0.2]), np.array([0.1, 0.7, 0.3]))


def test_what_is_not_supported_says_so():
    x = ga.tensor(X, requires_grad=True)
    with pytest.raises(NotImplementedError, match="filtfilt does not take method"):
        signal.filtfilt(B, A, x, method="gust")
    for call, match in (
        (lambda: signal.lfilter(IMAGE, A, x), "Parameter b"),
        (lambda: signal.lfilter(B, A, x, zi=np.ones((1, 2))), "must match"),
        (lambda: signal.filtfilt(B, A, x[:5]), "greater than padlen"),
        (lambda: signal.filtfilt(B, A, x, padtype="no"), "Unknown value"),
        (lambda: signal.sosfilt(SOS * 2, x), "should be all ones"),
        (lambda: signal.sosfilt(SOS, x, zi=np.ones((2, 3))), "Invalid zi shape"),
        (lambda: signal.lfilter_zi(x[:2], x[:2] * 0), "at least one nonzero"),
    ):
        with pytest.raises(ValueError, match=match):
            call()
