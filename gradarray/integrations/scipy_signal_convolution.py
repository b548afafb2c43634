"""Convolutions of scipy.signal on the tape, and what is made of them.

Knows the public API and SciPy's signatures. Short kernels are summed up term by term, long ones go through Fourier
space: the derivatives are the same.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations import scipy_ndimage_linear as linear
from gradarray.integrations import scipy_ndimage_ranks as ranks
from gradarray.integrations.scipy_ndimage_windows import chosen, each, padded
from gradarray.integrations.teaching import array, constant, tensors, tracked

_DIRECT = 64  # up to so many terms, each a node on the tape


def full(x: Any, h: Any, direct: bool = False) -> Any:
    """The whole convolution over all dimensions. Both have the same number of those; lengths of 1 in h broadcast."""
    dtype = ga.result_type(x, h)
    x, h = ga.astype(x, dtype), ga.astype(h, dtype)
    if math.prod(h.shape) > math.prod(x.shape):
        x, h = h, x
    if direct or math.prod(h.shape) <= _DIRECT:
        for axis, n in enumerate(h.shape):
            x = padded(x, axis, n - 1, n - 1, "constant", 0)
        shape = [n - k + 1 for n, k in zip(x.shape, h.shape)]
        factors = h if tracked([h]) else array(h)
        out: Any = None
        for place in np.ndindex(*h.shape):
            factor = factors[place] if factors is h else factors[place].item()
            key = tuple(slice(k - 1 - i, k - 1 - i + n) for i, k, n in zip(place, h.shape, shape))
            term = factor * x[key]
            out = term if out is None else out + term
        return out
    shape = [n + k - 1 for n, k in zip(x.shape, h.shape)]
    sizes, axes = [2 ** (n - 1).bit_length() for n in shape], tuple(range(x.ndim))
    if ga.is_complex(x):
        out = ga.fft.ifftn(ga.fft.fftn(x, s=sizes, axes=axes) * ga.fft.fftn(h, s=sizes, axes=axes), axes=axes)
    else:
        out = ga.fft.irfftn(
            ga.fft.rfftn(x, s=sizes, axes=axes) * ga.fft.rfftn(h, s=sizes, axes=axes), s=sizes, axes=axes
        )
    return out[tuple(slice(n) for n in shape)]


def _cut(whole: Any, first: Any, second: Any, mode: str) -> Any:
    """The part of a whole convolution that a mode asks for."""
    if mode == "full":
        return whole
    if mode == "same":
        starts, lengths = [(n - m) // 2 for n, m in zip(whole.shape, first)], first
    elif mode == "valid":
        if not (all(a >= b for a, b in zip(first, second)) or all(a <= b for a, b in zip(first, second))):
            raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")
        starts = [min(a, b) - 1 for a, b in zip(first, second)]
        lengths = [abs(a - b) + 1 for a, b in zip(first, second)]
    else:
        raise ValueError(f"acceptable mode flags are 'valid', 'same', or 'full', got {mode!r}")
    return whole[tuple(slice(start, start + n) for start, n in zip(starts, lengths))]


def convolve(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    x, h = tensors(in1, in2)
    if method not in ("auto", "direct", "fft"):
        raise ValueError(f"Acceptable method flags are 'auto', 'direct', or 'fft', got {method!r}")
    if x.ndim != h.ndim:
        raise ValueError("volume and kernel should have the same dimensionality")
    if x.ndim == 0:
        return x * h
    return _cut(full(x, h, method == "direct"), x.shape, h.shape, mode)


def correlate(in1: Any, in2: Any, mode: str = "full", method: str = "auto") -> Any:
    x, h = tensors(in1, in2)
    if x.ndim != h.ndim:
        raise ValueError("in1 and in2 should have the same dimensionality")
    return convolve(x, ga.conj(ga.flip(h)) if ga.is_complex(h) else ga.flip(h), mode, method)


def _in_two_dimensions(x: Any, h: Any, mode: str, boundary: str, fillvalue: Any, even: int) -> Any:
    if boundary not in ("fill", "pad", "wrap", "circular", "symm", "symmetric"):
        raise ValueError(f"Acceptable boundary flags are 'fill', 'circular' and 'symm', got {boundary!r}")
    how = {"fill": "constant", "pad": "constant", "wrap": "wrap", "circular": "wrap"}.get(boundary, "reflect")
    if mode == "valid":
        return _cut(full(x, h), x.shape, h.shape, mode)
    for axis, (n, k) in enumerate(zip(x.shape, h.shape)):
        if how != "constant" and k - 1 > n:
            raise NotImplementedError(f"boundary={boundary!r} is not supported with a kernel longer than the image")
        x = padded(x, axis, k - 1, k - 1, how, fillvalue)
    out = full(x, h)
    lengths = [n - k + 1 for n, k in zip(x.shape, h.shape)]
    starts = [k - 1 for k in h.shape]
    if mode == "same":
        starts = [start + (k - 1 + even) // 2 for start, k in zip(starts, h.shape)]
        lengths = [n - k + 1 for n, k in zip(lengths, h.shape)]
    elif mode != "full":
        raise ValueError(f"acceptable mode flags are 'valid', 'same', or 'full', got {mode!r}")
    return out[tuple(slice(start, start + n) for start, n in zip(starts, lengths))]


def convolve2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    x, h = tensors(in1, in2)
    if not x.ndim == h.ndim == 2:
        raise ValueError("convolve2d inputs must both be 2-D arrays")
    return _in_two_dimensions(x, h, mode, boundary, fillvalue, 0)


def correlate2d(in1: Any, in2: Any, mode: str = "full", boundary: str = "fill", fillvalue: Any = 0) -> Any:
    x, h = tensors(in1, in2)
    if not x.ndim == h.ndim == 2:
        raise ValueError("correlate2d inputs must both be 2-D arrays")
    h = ga.flip(ga.conj(h) if ga.is_complex(h) else h)
    return _in_two_dimensions(x, h, mode, boundary, fillvalue, 1)


def along(x: Any, h: Any, direct: bool = False) -> Any:
    """The whole convolution with a vector along the last dimension."""
    return full(x, h.reshape((1,) * (x.ndim - 1) + (-1,)), direct)


@constant("bp")
def detrend(data: Any, axis: int = -1, type: str = "linear", bp: Any = 0) -> Any:
    (x,) = tensors(data)
    if type not in ("linear", "l", "constant", "c"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    if type in ("constant", "c"):
        return x - x.mean(axis=axis, keepdims=True)
    (axis,) = chosen(axis, x.ndim)
    x, n = ga.moveaxis(x, axis, -1), x.shape[axis]
    breaks = np.unique(np.concatenate([np.atleast_1d(array(bp)), [0, n]]))
    if np.any(breaks > n):
        raise ValueError("Breakpoints must be less than length of data along given axis.")
    parts = []
    for start, stop in zip(breaks, breaks[1:]):  # noqa: RUF007 (neither is long)
        part = x[..., int(start) : int(stop)]
        lines = np.stack([np.arange(stop - start), np.ones(stop - start)], axis=1)
        basis = ga.asarray(np.linalg.qr(lines)[0], dtype=x.dtype, device=x.device)
        parts.append(part - (part @ basis) @ basis.T)
    return ga.moveaxis(ga.concat(parts, axis=-1), -1, axis)


def upfirdn(h: Any, x: Any, up: int = 1, down: int = 1, axis: int = -1) -> Any:
    x, h = tensors(x, h)
    if h.ndim != 1 or not h.shape[0]:
        raise ValueError("h must be 1-D with non-zero length")
    if up < 1 or down < 1:
        raise ValueError("Both up and down must be >= 1")
    (axis,) = chosen(axis, x.ndim)
    x, n = ga.moveaxis(x, axis, -1), x.shape[axis]
    if up > 1:  # zeros between the elements
        apart = ga.zeros((*x.shape, up - 1), dtype=x.dtype, device=x.device)
        x = ga.concat([x[..., None], apart], axis=-1).reshape((*x.shape[:-1], n * up))[..., : (n - 1) * up + 1]
    return ga.moveaxis(along(x, h)[..., ::down], -1, axis)


_BACKGROUND = {"mean": ga.mean, "minimum": ga.min, "maximum": ga.max}


def resample_poly(
    x: Any,
    up: int,
    down: int,
    axis: int = 0,
    window: Any = ("kaiser", 5.0),
    padtype: str = "constant",
    cval: Any = None,
) -> Any:
    from scipy.signal import firwin

    if up != int(up) or down != int(down) or up < 1 or down < 1:
        raise ValueError("up and down must be integers and >= 1")
    if padtype not in (*_BACKGROUND, "constant", "median") or (cval is not None and cval != 0):
        raise NotImplementedError(
            f"padtype={padtype!r}, cval={cval!r} is not supported with tensors that require a gradient; there are "
            f"'constant' with 0, 'mean', 'median', 'minimum', 'maximum'"
        )
    shared = math.gcd(int(up), int(down))
    up, down = int(up) // shared, int(down) // shared
    given = not isinstance(window, str | tuple)
    (x, h) = tensors(x, window if given else None)
    if up == down == 1:
        return ga.clone(x)
    (axis,) = chosen(axis, x.ndim)
    if given:
        if h.ndim > 1:
            raise ValueError("window must be 1-D")
        half = (h.shape[0] - 1) // 2
    else:
        rate = max(up, down)
        half = 10 * rate
        h = ga.asarray(firwin(2 * half + 1, 1 / rate, window=window), dtype=x.dtype, device=x.device)
    n_out = -(-x.shape[axis] * up // down)
    before = down - half % down
    first = (half + before) // down
    background: Any = None
    if padtype == "median":
        ordered, n = ga.sort(x, axis=axis), x.shape[axis]
        background = ga.take(ordered, ga.asarray([(n - 1) // 2, n // 2], device=x.device), axis=axis)
        background = background.mean(axis=axis, keepdims=True)
    elif padtype != "constant":
        background = _BACKGROUND[padtype](x, axis=axis, keepdims=True)
    x = x if background is None else x - background
    wanted = (n_out + first - 1) * down + 1  # what must be left of the whole convolution
    after = max(0, wanted - (x.shape[axis] - 1) * up - h.shape[0] - before)
    zero = ga.zeros(1, dtype=h.dtype, device=h.device)
    h = ga.concat([ga.broadcast_to(zero, (before,)), h * up, ga.broadcast_to(zero, (after,))])
    y = upfirdn(h, x, up, down, axis)[(slice(None),) * axis + (slice(first, first + n_out),)]
    return y if background is None else y + background


@constant("delta")
def savgol_filter(
    x: Any,
    window_length: int,
    polyorder: int,
    deriv: int = 0,
    delta: float = 1.0,
    axis: int = -1,
    mode: str = "interp",
    cval: float = 0.0,
) -> Any:
    from scipy.signal import savgol_coeffs, savgol_filter

    (x,) = tensors(x)
    if mode not in ("mirror", "constant", "nearest", "interp", "wrap"):
        raise ValueError("mode must be 'mirror', 'constant', 'nearest' 'wrap' or 'interp'.")
    coefficients = savgol_coeffs(window_length, polyorder, deriv=deriv, delta=delta)
    if mode != "interp":
        return linear.convolve1d(x, coefficients, axis, mode, cval)
    (axis,) = chosen(axis, x.ndim)
    n, half = x.shape[axis], window_length // 2
    if window_length > n:
        raise ValueError("If mode is 'interp', window_length must be less than or equal to the size of x.")
    y = ga.moveaxis(linear.convolve1d(x, coefficients, axis, "constant"), axis, -1)
    x = ga.moveaxis(x, axis, -1)
    # the ends, of a polynomial fitted to the first and to the last window
    fit = savgol_filter(np.eye(window_length), window_length, polyorder, deriv, delta, axis=0)
    fit = ga.asarray(fit.T, dtype=x.dtype, device=x.device)
    ends = (x[..., :window_length] @ fit)[..., :half], (x[..., n - window_length :] @ fit)[..., window_length - half :]
    return ga.moveaxis(ga.concat([ends[0], y[..., half : n - half], ends[1]], axis=-1), -1, axis)


def medfilt(volume: Any, kernel_size: Any = None) -> Any:
    (x,) = tensors(volume)
    sizes = [int(n) for n in each(3 if kernel_size is None else array(kernel_size).tolist(), x.ndim)]
    if any(n % 2 != 1 for n in sizes):
        raise ValueError("Each element of kernel_size should be odd.")
    return ranks.rank_filter(x, math.prod(sizes) // 2, sizes, mode="constant")


def medfilt2d(input: Any, kernel_size: Any = 3) -> Any:
    return medfilt(input, kernel_size)


def order_filter(a: Any, domain: Any, rank: int) -> Any:
    footprint = array(domain)
    if any(n % 2 != 1 for n in footprint.shape):
        raise ValueError("Each dimension of domain argument should have an odd number of elements.")
    return ranks.rank_filter(a, rank, footprint=footprint, mode="constant")


def wiener(im: Any, mysize: Any = None, noise: Any = None) -> Any:
    (x, _) = tensors(im, noise)
    sizes = [int(n) for n in each(3 if mysize is None else array(mysize).tolist(), x.ndim)]
    ones = ga.ones(sizes, dtype=ga.float64, device=x.device)
    mean = correlate(x, ones, "same") / math.prod(sizes)
    variance = correlate(x**2, ones, "same") / math.prod(sizes) - mean**2
    noise = variance.mean() if noise is None else noise
    return ga.where(variance < noise, mean, (x - mean) * (1 - noise / variance) + mean)


FUNCTIONS = {
    f.__name__: f
    for f in (
        convolve, convolve2d, correlate, correlate2d, detrend, medfilt, medfilt2d, order_filter,
        resample_poly, savgol_filter, upfirdn, wiener,
    )
}  # fmt: skip
