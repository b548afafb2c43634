"""Single precision stays single where SciPy leaves it so, and becomes double where SciPy makes it so."""

import numpy as np
import pytest
import scipy.spatial
from scipy import linalg, ndimage, optimize, signal
from scipy.cluster import hierarchy, vq
from scipy.spatial import distance

import gradarray as ga

from .checks import arrays

R = np.random.default_rng(17)
X = R.standard_normal((6, 7)).astype("f")
V = R.standard_normal(40).astype("f")
SPD = (X[:4, :4] @ X[:4, :4].T + np.eye(4)).astype("f")
LABELS = (X > 0).astype(int)
B, A = np.array([0.3, 0.2], "f"), np.array([1, -0.5], "f")
SOS = np.array([[0.3, 0.2, 0.1, 1, -0.5, 0.1]])


def named(module, x, names, *arguments):
    """Cases of functions that take the same arguments."""
    return {name: (lambda x, n=name: getattr(module, n)(x, *arguments), x) for name in names.split()}


CASES = {
    **named(linalg, SPD, "inv det pinv cholesky qr svd svdvals eigh eigvalsh eigvals norm expm sqrtm"),
    **named(linalg, V, "toeplitz hankel circulant"),
    "solve": (lambda x: linalg.solve(x, x), SPD),
    "lstsq": (lambda x: linalg.lstsq(x, x)[:2], SPD),
    **named(ndimage, X, "laplace prewitt sobel uniform_filter spline_filter spline_filter1d"),
    **named(ndimage, X, "gaussian_filter gaussian_laplace gaussian_gradient_magnitude", 1.0),
    **named(ndimage, X, "fourier_gaussian fourier_shift fourier_uniform fourier_ellipsoid zoom shift rotate", 1.5),
    **named(ndimage, X, "maximum_filter median_filter grey_opening morphological_laplace", 3),
    **named(ndimage, X, "sum mean variance standard_deviation minimum maximum median center_of_mass"),
    **{
        f"{name} of {index}": (lambda x, n=name, i=index: getattr(ndimage, n)(x, LABELS, i), X)
        for name in "sum mean variance standard_deviation minimum maximum median center_of_mass".split()
        for index in (1, [0, 1])
    },
    "correlate1d": (lambda x: ndimage.correlate1d(x, [1.0, 2.0]), X),
    "correlate1d, complex": (lambda x: ndimage.correlate1d(x, [1.0, 2j]), X),
    "map_coordinates": (lambda x: ndimage.map_coordinates(x, np.ones((2, 3))), X),
    **named(signal, V, "detrend medfilt wiener czt cspline1d qspline1d periodogram"),
    "convolve": (lambda x: signal.convolve(x, B), V),
    "convolve with double": (lambda x: signal.convolve(x, np.ones(2)), V),
    "convolve, long": (lambda x: signal.convolve(x, np.tile(V, 3)), np.tile(V, 4)),
    "resample_poly": (lambda x: signal.resample_poly(x, 2, 3), V),
    "upfirdn": (lambda x: signal.upfirdn(B, x, 2), V),
    "upfirdn with double": (lambda x: signal.upfirdn(np.ones(2), x, 2), V),
    "savgol_filter": (lambda x: signal.savgol_filter(x, 5, 2), V),
    "lfilter": (lambda x: signal.lfilter(B, A, x), V),
    "lfilter with double": (lambda x: signal.lfilter([1.0, 2.0], [1.0, 0.5], x), V),
    "lfilter, fir": (lambda x: signal.lfilter(B, [1.0], x), V),
    "filtfilt": (lambda x: signal.filtfilt(B, A, x), V),
    "lfilter_zi": (lambda x: signal.lfilter_zi(x[:2], A), V),
    "sosfilt": (lambda x: signal.sosfilt(SOS.astype("f"), x), V),
    "sosfilt with double": (lambda x: signal.sosfilt(SOS, x), V),
    "welch": (lambda x: signal.welch(x, nperseg=8), V),
    "lombscargle": (lambda x: signal.lombscargle(x, x, [1.0, 2.0]), V),
    "deconvolve": (lambda x: signal.deconvolve(x, B), V),
    "zpk2tf": (lambda x: signal.zpk2tf(x[:2], x[2:4], 1.0), V),
    "cspline1d_eval": (lambda x: signal.cspline1d_eval(x, np.array([1.0, 2.5])), V),
    **{
        name: (lambda x, n=name: getattr(distance, n)(x[0], x[1]), X)
        for name in "euclidean sqeuclidean cityblock chebyshev cosine correlation braycurtis canberra".split()
    },
    **{f"minkowski {p}": (lambda x, p=p: distance.minkowski(x[0], x[1], p), X) for p in (1, 2, 3, np.inf)},
    "cdist": (lambda x: distance.cdist(x, x), X),
    "pdist": (lambda x: distance.pdist(x, "cosine"), X),
    "squareform": (distance.squareform, V[:6]),
    "procrustes": (lambda x: scipy.spatial.procrustes(x, X**2), X),
    "vq": (lambda x: vq.vq(x, X[:2]), X),
    "linkage": (hierarchy.linkage, X),
    "nnls": (lambda x: optimize.nnls(x, V[:6]), X),
}


@pytest.mark.parametrize(("function", "x"), CASES.values(), ids=CASES)
def test_the_dtype_is_scipys(function, x):
    found = [part.dtype for part in arrays(function(ga.tensor(x, requires_grad=True)))]
    assert found == [np.asarray(part).dtype for part in arrays(function(x))]
