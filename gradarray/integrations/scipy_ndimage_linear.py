"""The linear filters of scipy.ndimage: sums of shifted copies of an image. The weights have gradients as well.

Knows the public API and SciPy's signatures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_ndimage_windows import chosen, each, image, shifted
from gradarray.integrations.teaching import array, constant, leaves, tensors, tracked


def _combined(x: Any, weights: Any, axes: Any, modes: Any, cval: Any, origins: Any) -> Any:
    """The sum of the shifted copies, each times its weight."""
    places = list(np.ndindex(*weights.shape))
    if not tracked([weights]):  # numbers cost less than tensors, and zeros nothing
        weights = array(weights)
        places = [place for place in places if weights[place]]
        factors = [weights[place].item() for place in places]
    else:
        factors = [weights[place] for place in places]
    copies = shifted(x, weights.shape, places, axes, modes, cval, origins)
    out = ga.zeros_like(x)
    for factor, copy in zip(factors, copies):
        out = out + factor * copy
    return ga.astype(out, x.dtype) if not ga.is_complex(out) else out


def _weights(weights: Any, like: Any) -> Any:
    w = weights if isinstance(weights, ga.Tensor) or any(True for _ in leaves([weights])) else np.asarray(weights)
    (w, _) = tensors(w, like)
    return ga.astype(w, ga.complex128 if ga.is_complex(w) else ga.float64)


def _conj(w: Any) -> Any:
    return ga.conj(w) if ga.is_complex(w) else w


def _along(x: Any, w: Any, axis: int, mode: str, cval: Any, origin: int) -> Any:
    if w.ndim != 1 or not w.shape[0]:
        raise RuntimeError("no filter weights given")
    return _combined(x, w, chosen(axis, x.ndim), [mode], cval, [origin])


def correlate1d(
    input: Any, weights: Any, axis: int = -1, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    (x, _) = tensors(input, weights, floating=False)
    return _along(image(x), _conj(_weights(weights, x)), axis, mode, cval, origin)


def convolve1d(
    input: Any, weights: Any, axis: int = -1, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    (x, _) = tensors(input, weights, floating=False)
    w = ga.flip(_weights(weights, x))
    return _along(image(x), w, axis, mode, cval, -origin - (1 - w.shape[0] % 2))


def correlate(
    input: Any, weights: Any, mode: str = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None
) -> Any:
    (x, _) = tensors(input, weights, floating=False)
    return _everywhere(x, _conj(_weights(weights, x)), mode, cval, axes, each(origin, len(chosen(axes, x.ndim))))


def convolve(
    input: Any, weights: Any, mode: str = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None
) -> Any:
    (x, _) = tensors(input, weights, floating=False)
    w = ga.flip(_weights(weights, x))
    origins = [-o - (1 - n % 2) for o, n in zip(each(origin, len(chosen(axes, x.ndim))), w.shape)]
    return _everywhere(x, w, mode, cval, axes, origins)


def _everywhere(x: Any, w: Any, mode: str, cval: Any, axes: Any, origins: list[int]) -> Any:
    axes = chosen(axes, image(x).ndim)
    if w.ndim != len(axes):
        raise RuntimeError(f"weights.ndim ({w.ndim}) must match len(axes) ({len(axes)})")
    if not isinstance(mode, str):
        raise RuntimeError("A sequence of modes is not supported")
    return _combined(x, w, axes, [mode] * len(axes), cval, origins)


def uniform_filter1d(
    input: Any, size: int, axis: int = -1, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    if size < 1:
        raise RuntimeError("incorrect filter size")
    (x,) = tensors(input, floating=False)
    return _along(image(x), tensors(np.full(size, 1 / size), x)[0], axis, mode, cval, origin)


def uniform_filter(
    input: Any, size: Any = 3, mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None
) -> Any:
    (x,) = tensors(input, floating=False)
    axes = chosen(axes, image(x).ndim)
    for axis, n, how, where in zip(axes, each(size, len(axes)), each(mode, len(axes)), each(origin, len(axes))):
        x = uniform_filter1d(x, int(n), axis, how, cval, where) if n > 1 else x
    return x


def _gaussian(sigma: Any, order: int, radius: int) -> Any:
    """The kernel, differentiable in sigma: the Gaussian times the polynomial that its derivatives bring with them."""
    if order < 0:
        raise ValueError("order must be non-negative")
    x: Any = np.arange(-radius, radius + 1.0)
    square = sigma * sigma
    if isinstance(sigma, ga.Tensor):
        square = ga.astype(square, ga.float64)
        x = ga.asarray(x, device=sigma.device)
        bell = ga.exp(-0.5 / square * x**2)
    else:
        bell = np.exp(-0.5 / square * x**2)
    bell = bell / bell.sum()
    polynomial: list[Any] = [1.0]
    for _ in range(order):
        raised = [0.0] + [-c / square for c in polynomial]
        lowered = [*(k * c for k, c in enumerate(polynomial) if k), 0.0, 0.0]
        polynomial = [a + b for a, b in zip(lowered, raised)]
    return sum(c * x**k for k, c in enumerate(polynomial)) * bell


@constant("truncate")
def gaussian_filter1d(
    input: Any,
    sigma: Any,
    axis: int = -1,
    order: int = 0,
    mode: str = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: int | None = None,
) -> Any:
    reach = int(truncate * float(sigma) + 0.5) if radius is None else radius
    if not isinstance(reach, int | np.integer) or reach < 0:
        raise ValueError("Radius must be a nonnegative integer.")
    x, sigma = (tensors(input, sigma, floating=False)[0], sigma if tracked([sigma]) else float(sigma))
    return _along(image(x), ga.flip(_weights(_gaussian(sigma, order, int(reach)), x)), axis, mode, cval, 0)


@constant("truncate")
def gaussian_filter(
    input: Any,
    sigma: Any,
    order: Any = 0,
    mode: Any = "reflect",
    cval: Any = 0.0,
    truncate: float = 4.0,
    *,
    radius: Any = None,
    axes: Any = None,
) -> Any:
    (x, _) = tensors(input, sigma, floating=False)
    axes = chosen(axes, image(x).ndim)
    each_of = zip(axes, *(each(what, len(axes)) for what in (sigma, order, mode, radius)))
    for axis, wide, how_often, how, far in each_of:
        if wide > 1e-15:
            x = gaussian_filter1d(x, wide, axis, how_often, how, cval, truncate, radius=far)
    return x


def _smoothed_difference(x: Any, smoother: list[int], axis: int, mode: Any, cval: Any) -> Any:
    (x,) = tensors(x, floating=False)
    (axis,) = chosen(axis, image(x).ndim)
    modes = each(mode, x.ndim)
    x = correlate1d(x, [-1, 0, 1], axis, modes[axis], cval)
    for other in range(x.ndim):
        x = x if other == axis else correlate1d(x, smoother, other, modes[other], cval)
    return x


def prewitt(input: Any, axis: int = -1, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    return _smoothed_difference(input, [1, 1, 1], axis, mode, cval)


def sobel(input: Any, axis: int = -1, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    return _smoothed_difference(input, [1, 2, 1], axis, mode, cval)


def laplace(input: Any, mode: Any = "reflect", cval: Any = 0.0, *, axes: Any = None) -> Any:
    (x,) = tensors(input, floating=False)
    axes = chosen(axes, image(x).ndim)
    parts = [correlate1d(x, [1, -2, 1], axis, how, cval) for axis, how in zip(axes, each(mode, len(axes)))]
    return sum(parts[1:], start=parts[0]) if parts else x


def _gaussian_derivatives(x: Any, order: int, sigma: Any, mode: Any, cval: Any, axes: Any, options: Any) -> list[Any]:
    """The image, smoothed along all axes and differentiated along one after the other."""
    axes = chosen(axes, x.ndim)
    sigmas = dict(zip(axes, each(sigma, len(axes))))
    sigma = [sigmas.get(axis, 0) for axis in range(x.ndim)]
    out = []
    for axis, how in zip(axes, each(mode, len(axes))):
        orders = [order if other == axis else 0 for other in range(x.ndim)]
        out.append(gaussian_filter(x, sigma, orders, how, cval, **options))
    return out or [x]


@constant("truncate")
def gaussian_laplace(
    input: Any,
    sigma: Any,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
    truncate: float = 4.0,
    radius: Any = None,
) -> Any:
    (x, _) = tensors(input, sigma, floating=False)
    parts = _gaussian_derivatives(x, 2, sigma, mode, cval, axes, {"truncate": truncate, "radius": radius})
    return sum(parts[1:], start=parts[0])


@constant("truncate")
def gaussian_gradient_magnitude(
    input: Any,
    sigma: Any,
    mode: Any = "reflect",
    cval: Any = 0.0,
    *,
    axes: Any = None,
    truncate: float = 4.0,
    radius: Any = None,
) -> Any:
    (x, _) = tensors(input, sigma, floating=False)
    if ga.is_complex(x):
        raise NotImplementedError("gaussian_gradient_magnitude takes no complex image that requires a gradient")
    parts = _gaussian_derivatives(x, 1, sigma, mode, cval, axes, {"truncate": truncate, "radius": radius})
    return ga.linalg.vector_norm(ga.stack(parts), axis=0)  # of which the gradient is 0 where it is 0


FUNCTIONS = {
    f.__name__: f
    for f in (
        convolve, convolve1d, correlate, correlate1d, gaussian_filter, gaussian_filter1d, gaussian_gradient_magnitude,
        gaussian_laplace, laplace, prewitt, sobel, uniform_filter, uniform_filter1d,
    )
}  # fmt: skip
