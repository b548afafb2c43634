"""scipy.cluster on the tape, against scipy.cluster on arrays."""

import numpy as np
import pytest
from scipy.cluster import hierarchy, vq
from scipy.spatial import distance

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(15)
X = R.standard_normal((9, 2))
METHODS = ["single", "complete", "average", "weighted", "centroid", "median", "ward"]


def test_vq():
    codes = R.standard_normal((3, 2))
    agrees(lambda x, c: vq.vq(x, c)[1], X, codes)
    agrees(lambda x, c: vq.vq(x, c)[1], X[:, 0], codes[:, 0])
    index, _ = vq.vq(ga.tensor(X, requires_grad=True), codes)
    assert index.tolist() == vq.vq(X, codes)[0].tolist()


@pytest.mark.parametrize("method", METHODS)
def test_linkage(method):
    agrees(lambda x: hierarchy.linkage(x, method), X)
    agrees(lambda x: hierarchy.linkage(x, method), distance.pdist(X))
    agrees(getattr(hierarchy, method), distance.pdist(X))
    agrees(lambda x: hierarchy.linkage(x, method, optimal_ordering=True), X)


def test_linkage_by_another_metric():
    agrees(lambda x: hierarchy.linkage(x, "average", "cityblock"), X)
    with pytest.raises(ValueError, match="Euclidean"):
        hierarchy.linkage(ga.tensor(X, requires_grad=True), "ward", "cityblock")


@pytest.mark.parametrize("method", METHODS)
def test_equal_observations_have_gradient_zero(method):
    x = ga.tensor(np.concatenate([X, X[:1]]), requires_grad=True)
    hierarchy.linkage(x, method)[:, 2].sum().backward()
    assert ga.isfinite(x.grad).all()
