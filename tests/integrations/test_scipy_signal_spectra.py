"""Spectra of scipy.signal on the tape, against scipy.signal on arrays."""

import numpy as np
import pytest
from scipy import signal

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(13)
X, Y, IMAGE = R.standard_normal(40), R.standard_normal(40), R.standard_normal((3, 20))
Z = X + 1j * Y


def spectrum(function, *arguments, **options):
    """The spectrum without the frequencies, which do not depend on the signal."""
    return lambda *x: function(*x, *arguments, **options)[1]


WELCH = {
    "plain": {"nperseg": 8},
    "short": {"nperseg": 9, "noverlap": 2, "nfft": 16, "fs": 3.0, "window": "hamming"},
    "linear": {"nperseg": 8, "detrend": "linear", "scaling": "spectrum"},
    "raw": {"nperseg": 8, "detrend": False, "return_onesided": False},
    "median": {"nperseg": 8, "average": "median"},
    "one segment": {"nperseg": 40, "average": "median"},
    "window": {"window": R.uniform(0.5, 1, 8)},
}


@pytest.mark.parametrize("options", WELCH.values(), ids=WELCH)
def test_welch_and_csd(options):
    agrees(spectrum(signal.welch, **options), X)
    agrees(spectrum(signal.welch, **options), Z)
    agrees(spectrum(signal.csd, **options), X, Y)
    if options.get("nperseg", 8) <= 9:
        agrees(spectrum(signal.welch, axis=0, **options), IMAGE.T)


def test_csd_of_different_lengths():
    agrees(spectrum(signal.csd, nperseg=8), X, Y[:33])


@pytest.mark.parametrize("options", [{}, {"nfft": 64}, {"nfft": 10}, {"window": "hann", "scaling": "spectrum"}])
def test_periodogram(options):
    agrees(spectrum(signal.periodogram, **options), X)
    agrees(spectrum(signal.periodogram, axis=1, **options), IMAGE)


def test_frequencies_and_precision():
    f, p = signal.welch(ga.tensor(X, requires_grad=True), nperseg=8, fs=2.0)
    assert np.array_equal(f.numpy(), signal.welch(X, nperseg=8, fs=2.0)[0])
    assert not f.requires_grad
    assert signal.welch(ga.tensor(X, dtype=ga.float32, requires_grad=True), nperseg=8)[1].dtype is ga.float32
    with pytest.warns(UserWarning, match="greater than signal length"):
        signal.welch(ga.tensor(X, requires_grad=True))


@pytest.mark.parametrize("mode", ["onesided", "twosided", "centered", "onesided2X"])
@pytest.mark.parametrize("padding", ["zeros", "edge", "even"])
def test_short_time_transforms(mode, padding):
    plan = signal.ShortTimeFFT(
        np.hanning(8) + 0.1, 4, 1.0, fft_mode=mode, mfft=10, scale_to="psd" if "2X" in mode else None, phase_shift=1
    )
    agrees(lambda x: plan.stft(x, padding=padding), X)
    agrees(lambda x: plan.stft(x, 1, 4, k_offset=2, padding=padding, axis=0), IMAGE.T)
    agrees(lambda x: plan.stft_detrend(x, "linear", padding=padding), X)
    agrees(lambda x: plan.spectrogram(x, padding=padding), X)
    if mode in ("twosided", "centered"):
        agrees(lambda x: plan.stft(x, padding=padding), Z)


def test_czt():
    agrees(signal.czt, X)
    agrees(lambda x: signal.czt(x, 7, axis=0), IMAGE)
    agrees(lambda x: signal.czt(x, 9, np.exp(-0.1j), 1.1 + 0.1j), Z)


@pytest.mark.parametrize("normalize", [False, True, "amplitude"])
@pytest.mark.parametrize("floating_mean", [False, True])
def test_lombscargle(normalize, floating_mean):
    x, f, w = np.sort(R.uniform(0, 9, 12)), np.array([0.7, 1.3]), R.uniform(0.5, 1, 12)
    options = {"normalize": normalize, "floating_mean": floating_mean}
    agrees(lambda x, y, f: signal.lombscargle(x, y, f, **options), x, X[:12], f)
    agrees(lambda x, y, f, w: signal.lombscargle(x, y, f, weights=w, **options), x, X[:12], f, w)


def test_group_delay():
    b, a = np.array([0.3, 0.2, 0.1]), np.array([1.0, -0.6])
    agrees(lambda b, a: signal.group_delay((b, a), 8)[1], b, a)
    agrees(lambda b, a: signal.group_delay((b, a), [0.1, 0.3], fs=2.0)[1], b, a)
    with pytest.raises(NotImplementedError, match="singular"):
        signal.group_delay((ga.tensor([1.0, 0.0, 1.0], requires_grad=True), a), [np.pi / 2])


def test_what_is_not_supported_says_so():
    x = ga.tensor(X, requires_grad=True)
    plan = signal.ShortTimeFFT(np.hanning(8) + 0.1, 4, 1.0)
    with pytest.raises(NotImplementedError, match="padding='odd'"):
        plan.stft(x, padding="odd")
    with pytest.raises(ValueError, match="Complex-valued"):
        plan.stft(x + 1j)
    with pytest.raises(ValueError, match="average must be"):
        signal.welch(x, nperseg=8, average="no")
    with pytest.raises(ValueError, match="more than noverlap"):
        signal.welch(x, nperseg=8, noverlap=8)
