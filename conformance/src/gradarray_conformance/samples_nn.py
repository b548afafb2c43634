"""Samples of what neural networks are made of for ``samples.py``: names, forwards in NumPy, inputs, parameters."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Calls = list[tuple[tuple[Array, ...], dict[str, Any]]]

ENTRIES: list[tuple[str, Callable[..., Any], Calls]] = []


def drawn(shape: Shape, seed: int, *, cplx: bool = False, low: float = -2.0, high: float = 2.0) -> Array:
    rng = np.random.default_rng(seed)
    x = np.asarray(rng.uniform(low, high, shape))
    return np.asarray(x + 1j * rng.uniform(0.3, 1.0, shape)) if cplx else x


def entry(name: str, forward: Callable[..., Any], calls: Calls) -> None:
    ENTRIES.append((name, forward, calls))


# -- softmax and its kin -----------------------------------------------------------------------------------------------


def _softmax(x: Array, axis: int) -> Array:
    raised = np.exp(x)
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True))


ALONG = (((4,), 0), ((2, 3), 1), ((2, 3), -2), ((2, 3, 2), 1), ((1,), 0), ((0, 2), 1), ((0, 2), 0))
_along: Calls = [((drawn(shape, i),), {"axis": axis}) for i, (shape, axis) in enumerate(ALONG)]
entry("softmax", _softmax, _along)
entry("log_softmax", lambda x, axis: np.log(_softmax(x, axis)), _along)
OVER = (((), None), ((3,), None), ((2, 3), None), ((2, 3), 1), ((2, 3), -2), ((2, 3, 2), (0, -1)), ((0, 3), 1))
entry(
    "logsumexp",
    lambda x, axis, keepdims: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    [
        ((drawn(shape, i),), {"axis": axis, "keepdims": keepdims})
        for i, (shape, axis) in enumerate(OVER)
        for keepdims in (False, True)
    ],
)

# -- elementwise -------------------------------------------------------------------------------------------------------

_erf = np.vectorize(math.erf, otypes=[float])
entry(
    "gelu",
    lambda x: x * (1 + _erf(x / math.sqrt(2))) / 2,
    [((drawn(shape, i),), {}) for i, shape in enumerate(((), (3,), (2, 3), (0, 2)))],
)
PAIRS = (((), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 1), (4, 1, 3)), ((), (2, 3)), ((0, 3), (3,)))
entry(
    "binary_cross_entropy",
    lambda x, y: -y * np.log(x) - (1 - y) * np.log(1 - x),
    [(tuple(drawn(s, 2 * i + j, low=0.1, high=0.9) for j, s in enumerate(p)), {}) for i, p in enumerate(PAIRS)],
)


def _spherical_jn(x: Array, n: int = 0) -> Array:
    """Poisson's integral (DLMF 10.54.1), by 60 points of Gauss's."""
    node, weight = np.polynomial.legendre.leggauss(60)
    factor = x**n / (2.0 ** (n + 1) * math.factorial(n))
    return np.asarray(factor * np.sum(weight * np.cos(x[..., None] * node) * (1 - node**2) ** n, axis=-1))


entry(
    "spherical_jn",
    _spherical_jn,
    [
        ((drawn(shape, i, cplx=cplx, low=-9.0, high=9.0),), {"n": n})
        for n in (0, 1, 2, 5)
        for i, shape in enumerate(((), (40,), (2, 3), (0, 2)))
        for cplx in (False, True)
    ],
)

# -- windows -----------------------------------------------------------------------------------------------------------


def _spans(shape: Shape, sizes: Shape, strides: Shape, dilations: Shape) -> list[tuple[tuple[Any, ...], Shape]]:
    """The key of each window, and where it stands among them."""
    lengths = shape[len(shape) - len(sizes) :]
    counts = [len(range(0, n - d * (k - 1), s)) for n, k, s, d in zip(lengths, sizes, strides, dilations, strict=True)]
    return [
        (
            (..., *(slice(w * s, w * s + d * k, d) for w, k, s, d in zip(at, sizes, strides, dilations, strict=True))),
            at,
        )
        for at in itertools.product(*map(range, counts))
    ]


def _windows(x: Array, sizes: Shape, strides: Shape, dilations: Shape) -> Array:
    spans = _spans(x.shape, sizes, strides, dilations)
    batch = x.shape[: x.ndim - len(sizes)]
    counts = tuple(n + 1 for n in spans[-1][1])
    parts = [x[key].reshape(*batch, math.prod(sizes)) for key, _ in spans]
    return np.stack(parts, axis=-1).reshape(*batch, math.prod(sizes), *counts)


def _windows_adjoint(g: Array, shape: Shape, sizes: Shape, strides: Shape, dilations: Shape) -> Array:
    out = np.zeros(shape, g.dtype)
    for key, at in _spans(shape, sizes, strides, dilations):
        window: tuple[Any, ...] = (..., *at)
        out[key] += g[window].reshape(*shape[: len(shape) - len(sizes)], *sizes)
    return out


SLID: tuple[tuple[Shape, dict[str, Any]], ...] = (  # shape, sizes, strides, dilations
    ((5,), {"sizes": (2,), "strides": (1,), "dilations": (1,)}),
    ((2, 7), {"sizes": (3,), "strides": (2,), "dilations": (2,)}),
    ((3, 4), {"sizes": (1,), "strides": (3,), "dilations": (1,)}),
    ((5, 4), {"sizes": (2, 3), "strides": (1, 1), "dilations": (1, 1)}),
    ((2, 6, 7), {"sizes": (3, 2), "strides": (2, 1), "dilations": (1, 3)}),
    ((2, 1, 4, 4, 3), {"sizes": (2, 1, 3), "strides": (1, 2, 1), "dilations": (2, 1, 1)}),
    ((0, 4), {"sizes": (2,), "strides": (1,), "dilations": (1,)}),
)
entry("windows", _windows, [((drawn(s, i, cplx=c),), p) for i, (s, p) in enumerate(SLID) for c in (False, True)])
entry(
    "windows_adjoint",
    _windows_adjoint,
    [
        ((drawn(_windows(np.zeros(s), **p).shape, i, cplx=c),), {**p, "shape": s})
        for i, (s, p) in enumerate(SLID)
        for c in (False, True)
    ],
)
