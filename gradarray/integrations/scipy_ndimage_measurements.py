"""Measurements of labelled regions, and the filters in Fourier space, of scipy.ndimage.

Knows the public API and SciPy's signatures. Labels have no gradient. Regions are computed one after the other, which
costs what their number and the size of the image add up to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_ndimage_windows import image
from gradarray.integrations.teaching import array, constant, tensors


def _regions(input: Any, labels: Any, index: Any) -> tuple[list[Any], bool]:
    """The values in each region that is asked for, and whether it was one alone."""
    (x,) = tensors(input, floating=False)
    image(x)
    if labels is None:
        return [x.reshape((-1,))], True
    found = array(labels)
    shape = np.broadcast_shapes(tuple(x.shape), found.shape)
    x, found = ga.broadcast_to(x, shape).reshape((-1,)), np.broadcast_to(found, shape).ravel()
    if index is None or array(index).ndim == 0:
        groups = [np.flatnonzero(found > 0 if index is None else found == array(index))]
        alone = True
    else:
        order = np.argsort(found, kind="stable")
        ends = np.searchsorted(found[order], wanted := array(index).ravel(), side="left")
        ends = np.stack([ends, np.searchsorted(found[order], wanted, side="right")], axis=1)
        groups = [order[a:b] for a, b in ends]
        alone = False
    return [ga.take(x, ga.asarray(group, device=x.device)) for group in groups], alone


def _measured(measure: Callable[[Any], Any], empty: float, wide: str = "") -> Callable[..., Any]:
    """A function of labelled regions: one number each, ``empty`` for a region without elements.

    ``wide`` says when SciPy gives double precision: "always", or for "several" regions.
    """

    def as_scipy(x: Any, several: bool) -> Any:
        if wide == "always" or (wide and several):
            return ga.astype(x, ga.complex128 if ga.is_complex(x) else ga.float64)
        return x

    def function(input: Any, labels: Any = None, index: Any = None) -> Any:
        values, alone = _regions(input, labels, index)
        out = [measure(v) if v.shape[0] else ga.full((), empty, dtype=v.dtype, device=v.device) for v in values]
        if alone:
            return as_scipy(out[0], False)
        if not out:
            return ga.zeros(0, dtype=ga.float64)
        return as_scipy(ga.stack(out).reshape(array(index).shape), True)

    return function


def _spread(x: Any) -> Any:
    """The deviations' norm, whose gradient is 0 where there are none."""
    return ga.linalg.vector_norm(x - x.mean()) / math.sqrt(x.shape[0])


def _median(x: Any) -> Any:
    ordered, n = ga.sort(x), x.shape[0]
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2


_sum = _measured(lambda x: x.sum(), 0, "several")
_minimum, _maximum = _measured(ga.min, 0), _measured(ga.max, 0)


def center_of_mass(input: Any, labels: Any = None, index: Any = None) -> Any:
    (x,) = tensors(input, floating=False)
    mass = _sum(x, labels, index)
    grids = np.ogrid[tuple(slice(0, n) for n in x.shape)]
    results = [_sum(x * ga.asarray(grid.astype(float), device=x.device), labels, index) / mass for grid in grids]
    if not results[0].ndim:
        return tuple(results)
    return [tuple(result[i] for result in results) for i in range(results[0].shape[0])]


def extrema(input: Any, labels: Any = None, index: Any = None) -> Any:
    from scipy import ndimage

    _, _, low, high = ndimage.extrema(*(None if x is None else array(x) for x in (input, labels, index)))
    return _minimum(input, labels, index), _maximum(input, labels, index), low, high


def _fourier(name: str, parameter: str) -> Callable[..., Any]:
    """A product with a kernel: what SciPy makes of ones."""

    def multiplied(input: Any, amount: Any, n: int, axis: int) -> Any:
        from scipy import ndimage

        (x,) = tensors(input)
        kernel = getattr(ndimage, name)(np.ones(x.shape, dtype=complex), array(amount), n, axis)
        if name != "fourier_shift":
            kernel = kernel.real
        out = x * ga.asarray(kernel, device=x.device)
        return ga.astype(out, x.dtype) if name != "fourier_shift" or ga.is_complex(x) else out

    # by name, as SciPy calls the amount
    by_name: dict[str, Callable[..., Any]] = {
        "sigma": lambda input, sigma, n=-1, axis=-1: multiplied(input, sigma, n, axis),
        "shift": lambda input, shift, n=-1, axis=-1: multiplied(input, shift, n, axis),
        "size": lambda input, size, n=-1, axis=-1: multiplied(input, size, n, axis),
    }
    return constant(parameter)(by_name[parameter])


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": _sum,
    "sum_labels": _sum,
    "mean": _measured(lambda x: x.mean(), math.nan, "always"),
    "variance": _measured(lambda x: (ga.abs(x - x.mean()) ** 2).mean(), math.nan, "always"),
    "standard_deviation": _measured(_spread, math.nan, "always"),
    "minimum": _minimum,
    "maximum": _maximum,
    "median": _measured(_median, 0),
    "center_of_mass": center_of_mass,
    "extrema": extrema,
    "fourier_gaussian": _fourier("fourier_gaussian", "sigma"),
    "fourier_uniform": _fourier("fourier_uniform", "size"),
    "fourier_ellipsoid": _fourier("fourier_ellipsoid", "size"),
    "fourier_shift": _fourier("fourier_shift", "shift"),
}
