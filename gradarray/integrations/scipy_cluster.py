"""scipy.cluster on the tape: the distances to the nearest code, and the heights at which clusters are merged.

Knows the public API and SciPy's signatures. Which code is nearest and which clusters are merged has no derivative.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_spatial import pdist, squareform
from gradarray.integrations.teaching import array, teach, tensors


def vq(obs: Any, code_book: Any) -> tuple[Any, Any]:
    from scipy.cluster import vq

    x, codes = tensors(obs, code_book)
    nearest, _ = vq.vq(array(x), array(codes))
    index = ga.asarray(nearest, device=x.device)
    difference = x - ga.take(codes, index, axis=0)
    return index, ga.abs(difference) if x.ndim == 1 else ga.linalg.vector_norm(difference, axis=-1)


def linkage(y: Any, method: str = "single", metric: Any = "euclidean", optimal_ordering: bool = False) -> Any:
    from scipy.cluster import hierarchy

    (y,) = tensors(y)
    tree = hierarchy.linkage(array(y), method, metric, optimal_ordering)
    heights = _heights(tree, ga.astype(y if y.ndim == 1 else pdist(y, metric), ga.float64), method)
    pairs, sizes = (
        ga.asarray(np.ascontiguousarray(tree[:, part]), device=y.device) for part in (slice(2), slice(3, 4))
    )
    return ga.concat([pairs, heights[:, None], sizes], axis=1)


def _heights(tree: Any, distances: Any, method: str) -> Any:
    """The distances between the clusters that are merged, from those between observations.

    A cluster is a weighting of the observations. The mean distance between two is bilinear in their weights; that of
    their centres is a quadratic form in the difference of the weights, on squared distances, after Torgerson.
    """
    n = tree.shape[0] + 1
    weights = np.zeros((2 * n - 1, n))
    weights[:n] = np.eye(n)
    first, second = tree[:, :2].astype(int).T
    for k, (i, j) in enumerate(zip(first, second)):
        if method in ("weighted", "median"):
            weights[n + k] = (weights[i] + weights[j]) / 2
        else:
            share = np.count_nonzero(weights[i]) / tree[k, 3]
            weights[n + k] = share * weights[i] + (1 - share) * weights[j]
    one, two = weights[first], weights[second]
    if method in ("single", "complete"):
        index = _places(n)
        values = array(squareform(distances, checks=False))
        chosen = []
        for a, b in zip(one, two):
            rows, columns = np.flatnonzero(a), np.flatnonzero(b)
            block = values[np.ix_(rows, columns)]
            at = np.argmin(block) if method == "single" else np.argmax(block)
            i, j = np.unravel_index(at, block.shape)
            chosen.append(index[rows[i], columns[j]])
        return ga.take(distances, ga.asarray(np.array(chosen), device=distances.device))
    full = squareform(distances, checks=False)
    if method in ("average", "weighted"):
        one, two = (ga.asarray(w, device=full.device) for w in (one, two))
        return ((one @ full) * two).sum(axis=-1)
    difference = ga.asarray(one - two, device=full.device)
    square = -0.5 * ((difference @ full**2) * difference).sum(axis=-1)
    if method == "ward":
        sizes = np.stack([np.count_nonzero(w, axis=1) for w in (one, two)])
        square = square * ga.asarray(2 * sizes.prod(axis=0) / sizes.sum(axis=0), device=full.device)
    apart = square > 0  # equal centres have gradient 0
    return ga.where(apart, ga.sqrt(ga.where(apart, square, 1.0)), 0.0)


def _places(n: int) -> Any:
    """Where the distance of two observations stands in the condensed form."""
    index = np.zeros((n, n), dtype=int)
    index[np.triu_indices(n, 1)] = np.arange(n * (n - 1) // 2)
    return index + index.T


def _by(method: str) -> Callable[..., Any]:
    return lambda y: linkage(y, method)


HIERARCHY: dict[str, Callable[..., Any]] = {
    "linkage": linkage,
    **{name: _by(name) for name in ("average", "centroid", "complete", "median", "single", "ward", "weighted")},
}


def register(module: ModuleType) -> None:
    """Add the branch to ``vq``, or to the functions of ``hierarchy``."""
    teach(module, {"vq": vq} if module.__name__.endswith("vq") else HIERARCHY)
