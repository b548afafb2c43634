"""scipy.spatial on the tape, against scipy.spatial on arrays."""

import numpy as np
import pytest
from scipy import spatial
from scipy.spatial import distance

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(7)
X, Y = R.standard_normal((5, 3)), R.standard_normal((4, 3))
W = R.uniform(0.5, 2, 3)
METRICS = ["euclidean", "sqeuclidean", "cityblock", "chebyshev", "cosine", "correlation", "braycurtis", "canberra"]


@pytest.mark.parametrize("name", [*METRICS, "minkowski"])
def test_between_two_vectors(name):
    function = getattr(distance, name)
    agrees(lambda u, v: np_float(function(u, v)), X[0], Y[0])
    if name != "minkowski":
        agrees(lambda u, v: np_float(function(u, v, W)), X[0], Y[0])


@pytest.mark.parametrize("name", [*METRICS, "minkowski"])
def test_between_the_rows_of_arrays_where_scipy_has_that(name):
    function = getattr(distance, name)  # SciPy has it since 1.18, for some
    try:
        function(X[:4], Y)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)):
            function(ga.tensor(X[:4], requires_grad=True), Y)
    else:
        agrees(function, X[:4], Y)
        agrees(function, X[0], Y)


def np_float(x):
    return x if isinstance(x, ga.Tensor) else np.float64(x)


def test_minkowski():
    for p in (1, 1.5, 3, np.inf):
        agrees(lambda u, v, p=p: distance.minkowski(u, v, p), X[0], Y[0])
        agrees(lambda u, v, p=p: distance.minkowski(u, v, p=p, w=W), X[0], Y[0])
    agrees(lambda u, v, w: distance.minkowski(u, v, 3, w), X[0], Y[0], W)


@pytest.mark.parametrize("name", [*METRICS, "minkowski"])
def test_cdist_and_pdist(name):
    agrees(lambda x, y: distance.cdist(x, y, name), X, Y)
    agrees(lambda x: distance.pdist(x, name), X)
    if name in ("euclidean", "minkowski", "sqeuclidean", "cityblock", "cosine"):
        agrees(lambda x, y: distance.cdist(x, y, name, w=W), X, Y)
        agrees(lambda x: distance.pdist(x, name, w=W), X)


def test_cdist_by_other_names():
    agrees(lambda x, y: distance.cdist(x, y, "minkowski", p=3), X, Y)
    agrees(lambda x, y: distance.cdist(x, y, distance.cityblock), X, Y)
    agrees(lambda x, y: distance.cdist(x, y, "cos"), X, Y)


def test_a_distance_to_itself_has_gradient_zero():
    x = ga.tensor(X, requires_grad=True)
    d = distance.cdist(x, x)
    assert (d.detach() == d.detach().T).all()
    d.sum().backward()
    assert ga.isfinite(x.grad).all()
    y = ga.tensor(X[0], requires_grad=True)
    distance.euclidean(y, y.detach()).backward()
    assert y.grad.tolist() == [0, 0, 0]


def test_squareform():
    agrees(distance.squareform, distance.pdist(X))
    agrees(lambda x: distance.squareform(x, checks=False), distance.squareform(distance.pdist(X)))
    agrees(distance.squareform, np.array([1.0]))
    assert distance.squareform(ga.zeros(0, requires_grad=True)).tolist() == [[0]]
    with pytest.raises(ValueError, match="binomial"):
        distance.squareform(ga.ones(4, requires_grad=True))
    with pytest.raises(ValueError, match="must be symmetric"):
        distance.squareform(ga.tensor([[0.0, 1.0], [2.0, 0.0]], requires_grad=True))
    with pytest.raises(ValueError, match="not a distance vector"):
        distance.squareform(ga.ones((2, 2), requires_grad=True), "tomatrix")


def test_procrustes():
    agrees(spatial.procrustes, X, R.standard_normal((5, 3)))


def test_what_is_not_supported_says_so():
    x = ga.tensor(X, requires_grad=True)
    for call, match in (
        (lambda: distance.cdist(x, Y, "mahalanobis"), "metric mahalanobis"),
        (lambda: distance.pdist(x, lambda u, v: 0), "metric <lambda>"),
        (lambda: distance.pdist(x, out=np.zeros(10)), "pdist does not take out"),
        (lambda: distance.cdist(x, Y, "seuclidean", V=W), "does not take V"),
    ):
        with pytest.raises(NotImplementedError, match=match):
            call()
    with pytest.raises(ValueError, match="non-negative"):
        distance.cdist(x, Y, w=-W)
    with pytest.raises(ValueError, match="same number of columns"):
        distance.cdist(x, Y[:, :2])
