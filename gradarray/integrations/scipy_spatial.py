"""scipy.spatial on the tape: distances between vectors, and Procrustes' superposition.

Knows the public API and SciPy's signatures. Where two vectors are equal, a norm of their difference has gradient 0.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.teaching import array, constant, scipy_is_since, teach, tensors

# Each takes vectors along the last dimension, of which the others broadcast, and weights or None.


def _weighted(x: Any, w: Any) -> Any:
    return x if w is None else w * x


def _minkowski(u: Any, v: Any, w: Any, p: float = 2) -> Any:
    if p <= 0:
        raise ValueError("p must be greater than 0")
    root = None if w is None else ga.astype(w > 0, u.dtype) if p == np.inf else w ** (1 / p)
    return ga.linalg.vector_norm(_weighted(u - v, root), axis=-1, ord=p)


def _sqeuclidean(u: Any, v: Any, w: Any) -> Any:
    return _weighted((u - v) ** 2, w).sum(axis=-1)


def _cosine(u: Any, v: Any, w: Any) -> Any:
    def inner(x: Any, y: Any) -> Any:
        return _weighted(x * y, w).sum(axis=-1)

    return 1 - inner(u, v) / ga.sqrt(inner(u, u) * inner(v, v))


def _correlation(u: Any, v: Any, w: Any) -> Any:
    def centred(x: Any) -> Any:
        mean = x.mean(axis=-1, keepdims=True) if w is None else (w * x).sum(axis=-1, keepdims=True) / w.sum()
        return x - mean

    return _cosine(centred(u), centred(v), w)


def _braycurtis(u: Any, v: Any, w: Any) -> Any:
    return _weighted(ga.abs(u - v), w).sum(axis=-1) / _weighted(ga.abs(u + v), w).sum(axis=-1)


def _canberra(u: Any, v: Any, w: Any) -> Any:
    size = ga.abs(u) + ga.abs(v)
    return _weighted(ga.abs(u - v) / ga.where(size == 0, ga.ones_like(size), size), w).sum(axis=-1)


_METRICS: dict[str, Callable[..., Any]] = {
    "braycurtis": _braycurtis,
    "canberra": _canberra,
    "chebyshev": lambda u, v, w: _minkowski(u, v, w, np.inf),
    "cityblock": lambda u, v, w: _minkowski(u, v, w, 1),
    "correlation": _correlation,
    "cosine": _cosine,
    "euclidean": _minkowski,
    "minkowski": _minkowski,
    "sqeuclidean": _sqeuclidean,
}
_ALIASES = {
    "euclid": "euclidean", "eu": "euclidean", "e": "euclidean", "cityblock": "cityblock", "cblock": "cityblock",
    "cb": "cityblock", "c": "cityblock", "chebychev": "chebyshev", "chebyshev": "chebyshev", "cheby": "chebyshev",
    "cheb": "chebyshev", "ch": "chebyshev", "cos": "cosine", "co": "correlation", "mi": "minkowski", "m": "minkowski",
    "pnorm": "minkowski", "sqe": "sqeuclidean", "sqeuclid": "sqeuclidean",
}  # fmt: skip


def _metric(metric: Any) -> Callable[..., Any]:
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", repr(metric))
    found = _METRICS.get(_ALIASES.get(name.lower(), name.lower()))
    if found is None:
        raise NotImplementedError(
            f"metric {name} is not supported with tensors that require a gradient; there are "
            f"{', '.join(sorted(_METRICS))}"
        )
    return found


def _double(x: Any) -> Any:
    return None if x is None else ga.astype(x, ga.float64)


def _weights(w: Any) -> Any:
    if w is not None and np.any(array(w) < 0):
        raise ValueError("Input weights should be all non-negative")
    return w


def _distance(metric: Callable[..., Any], u: Any, v: Any, w: Any, **options: Any) -> Any:
    u, v, w = tensors(u, v, _weights(w))
    w = _double(w)
    rows = metric in (_minkowski, _sqeuclidean) and scipy_is_since(1, 18)
    by_blas = metric is _minkowski and options.get("p", 2) == 2 and not rows  # which gives a Python number
    if metric in (_braycurtis, _canberra) or by_blas:  # as SciPy has it
        u, v = _double(u), _double(v)
    if (u.ndim != 1 or v.ndim != 1) and not rows:
        raise ValueError("Input vector should be 1-D.")
    return metric(u, v, w, **options)


def _pair(name: str) -> Callable[..., Any]:
    def distance(u: Any, v: Any, w: Any = None) -> Any:
        return _distance(_METRICS[name], u, v, w)

    return distance


@constant("p")
def minkowski(u: Any, v: Any, p: float = 2, w: Any = None) -> Any:
    return _distance(_minkowski, u, v, w, p=p)


@constant("p")
def cdist(XA: Any, XB: Any, metric: Any = "euclidean", w: Any = None, p: float | None = None) -> Any:
    a, b, w = (_double(x) for x in tensors(XA, XB, _weights(w)))
    for name, x in (("XA", a), ("XB", b)):
        if x.ndim != 2:
            raise ValueError(f"{name} must be a 2-dimensional array.")
    if a.shape[1] != b.shape[1]:
        raise ValueError("XA and XB must have the same number of columns (i.e. feature dimension.)")
    return _metric(metric)(a[:, None, :], b[None, :, :], w, **({} if p is None else {"p": p}))


@constant("p")
def pdist(X: Any, metric: Any = "euclidean", w: Any = None, p: float | None = None) -> Any:
    x, w = (_double(x) for x in tensors(X, _weights(w)))
    if x.ndim != 2:
        raise ValueError(f"A 2-dimensional array must be passed. (Shape was {tuple(x.shape)}).")
    first, second = (ga.asarray(i, device=x.device) for i in np.triu_indices(x.shape[0], 1))
    rows = ga.take(x, first, axis=0), ga.take(x, second, axis=0)
    return _metric(metric)(*rows, w, **({} if p is None else {"p": p}))


def squareform(X: Any, force: str = "no", checks: bool = True) -> Any:
    (x,) = tensors(X)
    for wanted, ndim, what in (("tomatrix", 1, "distance vector"), ("tovector", 2, "distance matrix")):
        if force.lower() == wanted and x.ndim != ndim:
            raise ValueError(f"Forcing '{wanted}' but input X is not a {what}.")
    if x.ndim == 1:
        n = max(1, int(np.ceil(np.sqrt(2 * x.shape[0]))))
        if n * (n - 1) != 2 * x.shape[0]:
            raise ValueError(
                "Incompatible vector size. It must be a binomial coefficient n choose 2 for some integer n >= 2."
            )
        index = np.full((n, n), x.shape[0])  # one element further, which is 0
        index[np.triu_indices(n, 1)] = np.arange(x.shape[0])
        index = np.minimum(index, index.T)
        padded = ga.concat([x, ga.zeros(1, dtype=x.dtype, device=x.device)])
        return ga.take(padded, ga.asarray(index.ravel(), device=x.device)).reshape((n, n))
    if x.ndim != 2:
        raise ValueError(f"The first argument must be one or two dimensional. A {x.ndim}-dimensional is not permitted")
    n = x.shape[0]
    if n != x.shape[1]:
        raise ValueError("The matrix argument must be square.")
    if checks:
        from scipy.spatial.distance import is_valid_dm

        is_valid_dm(array(x), throw=True, name="X")
    rows, columns = np.triu_indices(n, 1)
    return ga.take(x.reshape((-1,)), ga.asarray(rows * n + columns, device=x.device))


def procrustes(data1: Any, data2: Any) -> tuple[Any, Any, Any]:
    a, b = (ga.astype(x, ga.float64) for x in tensors(data1, data2))
    if a.ndim != 2 or a.shape != b.shape or not a.numel():
        raise ValueError("Input matrices must be two-dimensional, of same shape, and not empty")
    a, b = (x - x.mean(axis=0) for x in (a, b))
    sizes = [ga.linalg.vector_norm(x) for x in (a, b)]
    if any(size == 0 for size in sizes):
        raise ValueError("Input matrices must contain >1 unique points")
    a, b = a / sizes[0], b / sizes[1]
    u, s, vt = ga.linalg.svd((b.T @ a).T, full_matrices=False)
    b = b @ (u @ vt).T * s.sum()
    return a, b, ((a - b) ** 2).sum()


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "cdist": cdist,
    "minkowski": minkowski,
    "pdist": pdist,
    "squareform": squareform,
}


def register(module: ModuleType) -> None:
    """Add the branch to each function of scipy.spatial, or of its module ``distance``."""
    if module.__name__ == "scipy.spatial":
        teach(module, {"procrustes": procrustes})
    else:
        teach(module, {**{name: _pair(name) for name in _METRICS}, **_FUNCTIONS})
