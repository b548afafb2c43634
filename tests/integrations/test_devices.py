"""What is taught runs where its input is, and gives there what it gives on the CPU."""

import numpy as np
import pytest
import scipy.fft
import scipy.spatial
from scipy import linalg, ndimage, signal
from scipy.spatial import distance

import gradarray as ga

from .checks import arrays, host

pytest.importorskip("gradarray_strict", reason="plugins/gradarray-strict is not installed")

R = np.random.default_rng(14)
X, V = R.standard_normal((6, 7)), R.standard_normal(20)
SQUARE = X[:4, :4] @ X[:4, :4].T + np.eye(4)
LABELS = (X > 0).astype(int)
FUNCTIONS = {
    "dct": (scipy.fft.dct, X),
    "idstn": (lambda x: scipy.fft.idstn(x, type=1, norm="ortho"), X),
    "inv": (linalg.inv, SQUARE),
    "solve": (lambda x: linalg.solve(x, np.ones(4)), SQUARE),
    "expm": (linalg.expm, SQUARE),
    "logm": (linalg.logm, SQUARE),
    "lstsq": (lambda x: linalg.lstsq(x, x[:, 0])[0], X[:, :3]),
    "qr": (linalg.qr, SQUARE),
    "toeplitz": (linalg.toeplitz, V),
    "gaussian_filter": (lambda x: ndimage.gaussian_filter(x, 1.0), X),
    "median_filter": (lambda x: ndimage.median_filter(x, 3), X),
    "grey_opening": (lambda x: ndimage.grey_opening(x, structure=np.eye(3)), X),
    "mean": (lambda x: ndimage.mean(x, LABELS, [0, 1]), X),
    "center_of_mass": (ndimage.center_of_mass, X),
    "rotate": (lambda x: ndimage.rotate(x, 30), X),
    "map_coordinates": (lambda x: ndimage.map_coordinates(x, [[1.5, 2], [0.3, 9]], mode="reflect"), X),
    "fourier_gaussian": (lambda x: ndimage.fourier_gaussian(x, 1.0), X),
    "convolve": (lambda x: signal.convolve(x, np.ones(3)), V),
    "convolve2d": (lambda x: signal.convolve2d(x, np.ones((2, 3)), boundary="wrap"), X),
    "savgol_filter": (lambda x: signal.savgol_filter(x, 5, 2), V),
    "lfilter": (lambda x: signal.lfilter([0.2, 0.3], [1, -0.5], x), V),
    "filtfilt": (lambda x: signal.filtfilt([0.2, 0.3], [1, -0.5], x), V),
    "welch": (lambda x: signal.welch(x, nperseg=8)[1], V),
    "resample_poly": (lambda x: signal.resample_poly(x, 2, 3), V),
    "cdist": (lambda x: distance.cdist(x, X), X),
    "squareform": (distance.squareform, V[:6]),
    "procrustes": (lambda x: scipy.spatial.procrustes(x, X**2), X),
}


@pytest.mark.parametrize(("function", "x"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_on_another_device(function, x):
    found = []
    for device in ("cpu", "strict:device1"):
        leaf = ga.tensor(x, device=device, requires_grad=True)
        out = list(arrays(function(leaf)))
        assert {str(part.device) for part in out} == {device}
        (g,) = ga.autograd.grad(sum((ga.abs(part) ** 2).sum() for part in out), leaf)
        found.append([*map(host, out), host(g)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12 * (1 + np.abs(one).max()))
