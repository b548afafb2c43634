"""Spectra of scipy.signal on the tape: short-time Fourier transforms, Welch's averages, chirps, uneven samples.

Knows the public API, SciPy's signatures and the properties of ``ShortTimeFFT``.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_ndimage_windows import chosen, padded
from gradarray.integrations.scipy_signal_convolution import along, detrend
from gradarray.integrations.teaching import array, constant, tensors

_PADDING = {"zeros": "constant", "edge": "nearest", "even": "mirror"}


def _transformed(plan: Any, x: Any) -> Any:
    """The Fourier transforms of slices, as a ``ShortTimeFFT`` has them."""
    if plan.phase_shift is not None:
        x = padded(x, x.ndim - 1, 0, max(0, plan.mfft - x.shape[-1]), "constant", 0)
        x = ga.roll(x, -((plan.phase_shift + plan.m_num_mid) % plan.m_num), axis=-1)
    if plan.fft_mode in ("twosided", "centered"):
        out = ga.fft.fft(x, n=plan.mfft)
        return out if plan.fft_mode == "twosided" else ga.fft.fftshift(out, axes=-1)
    out = ga.fft.rfft(x, n=plan.mfft)
    if plan.fft_mode == "onesided":
        return out
    return _doubled(out, -1, plan.mfft, np.sqrt(2) if plan.scaling == "psd" else 2)


def _doubled(x: Any, axis: int, n: int, factor: float = 2) -> Any:
    """One-sided spectra with the factor for the side that is missing: all but frequency 0 and, if n is even, n / 2."""
    factors = np.full(x.shape[axis], float(factor))
    factors[0] = 1
    if n % 2 == 0:
        factors[-1] = 1
    shape = [1] * x.ndim
    shape[axis] = -1
    return x * ga.asarray(factors.reshape(shape), device=x.device)


def stft_detrend(
    self: Any,
    x: Any,
    detr: Any,
    p0: int | None = None,
    p1: int | None = None,
    *,
    k_offset: int = 0,
    padding: str = "zeros",
    axis: int = -1,
) -> Any:
    if padding not in _PADDING:
        raise NotImplementedError(f"padding={padding!r} is not supported with tensors that require a gradient")
    (x,) = tensors(x)
    if self.onesided_fft and ga.is_complex(x):
        raise ValueError(f"Complex-valued `x` not allowed for fft_mode='{self.fft_mode}'!")
    (at,) = chosen(axis, x.ndim)
    x, n = ga.moveaxis(x, at, -1), x.shape[at]
    if n < self.m_num - self.m_num_mid:
        raise ValueError(f"the length {n} must be >= ceil(m_num/2) = {self.m_num - self.m_num_mid}!")
    p0, p1 = self.p_range(n, p0, p1)
    start = p0 * self.hop - self.m_num_mid + k_offset
    stop = start + (p1 - p0) * self.hop + self.m_num
    x = x[..., max(start, 0) : min(stop, n)]
    x = padded(x, x.ndim - 1, max(-start, 0), max(stop - n, 0), _PADDING[padding], 0)
    index = np.arange(p1 - p0)[:, None] * self.hop + np.arange(self.m_num)
    slices = ga.take(x, ga.asarray(index.ravel(), device=x.device), axis=-1).reshape((*x.shape[:-1], *index.shape))
    if callable(detr):
        slices = detr(slices)
    elif detr is not None:
        slices = detrend(slices, type=detr)
    out = _transformed(self, slices * ga.asarray(self.win.conj(), device=x.device)).mT
    return ga.moveaxis(out, -2, axis if axis >= 0 else axis - 1) if x.ndim > 1 else out


@constant("fs", "window")
def csd(
    x: Any,
    y: Any,
    fs: float = 1.0,
    window: Any = "hann_periodic",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Any, Any]:
    from scipy.signal import ShortTimeFFT, get_window

    if average not in ("mean", "median") or scaling not in ("spectrum", "density"):
        raise ValueError(
            f"average must be 'mean' or 'median' and scaling 'spectrum' or 'density', got {average!r}, {scaling!r}"
        )
    same = x is y
    x, y = tensors(x, y)
    if not x.numel() or not y.numel():
        raise NotImplementedError("spectra of empty signals have no derivative")
    (axis,) = chosen(axis, x.ndim)
    x, y = ga.moveaxis(x, axis, -1), ga.moveaxis(y, axis, -1)
    n = max(x.shape[-1], y.shape[-1])
    x, y = (padded(v, v.ndim - 1, 0, n - v.shape[-1], "constant", 0) for v in (x, y))
    if isinstance(window, str | tuple):
        nperseg = 256 if nperseg is None else int(nperseg)
        if n < nperseg:
            warnings.warn(f"{nperseg=} is greater than signal length {n}, using nperseg = {n}", stacklevel=4)
            nperseg = n
        win = get_window(window, nperseg)
    else:
        win = array(window)
        nperseg = len(win) if nperseg is None else nperseg
    nfft = nperseg if nfft is None else int(nfft)
    noverlap = nperseg // 2 if noverlap is None else int(noverlap)
    if nperseg != len(win) or nfft < nperseg or noverlap >= nperseg:
        raise ValueError(
            f"{nperseg=} must be the window's length {len(win)}, at most {nfft=}, and more than {noverlap=}"
        )
    onesided = return_onesided and not ga.is_complex(x)
    plan = ShortTimeFFT(
        win,
        nperseg - noverlap,
        fs,
        fft_mode="onesided" if onesided else "twosided",
        mfft=nfft,
        scale_to="psd" if scaling == "density" else "magnitude",
        phase_shift=None,
    )
    how = {"p0": 0, "p1": (n - noverlap) // plan.hop, "k_offset": nperseg // 2}
    detr = None if detrend is False else detrend
    first = stft_detrend(plan, x, detr, **how)
    out = ga.abs(first) ** 2 if same else ga.conj(first) * stft_detrend(plan, y, detr, **how)
    out = _doubled(out, -2, nfft) if onesided else out
    out = out.mean(axis=-1) if average == "mean" else _median(out)
    complex_ = ga.result_type(x, y, ga.complex64)
    out = ga.astype(out, complex_ if not same else ga.float32 if complex_ is ga.complex64 else ga.float64)
    return ga.asarray(plan.f, device=x.device), ga.moveaxis(out, -1, axis)


def _median(x: Any) -> Any:
    """The median along the last dimension, divided by what it is too large or small by for an average of squares."""
    if ga.is_complex(x):
        return _median(ga.real(x)) + 1j * _median(ga.imag(x))
    n, ordered = x.shape[-1], ga.sort(x, axis=-1)
    if n == 1:
        return x[..., 0]
    even = 2 * np.arange(1.0, (n - 1) // 2 + 1)
    return (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2 / (1 + np.sum(1 / (even + 1) - 1 / even))


@constant("fs", "window")
def welch(
    x: Any,
    fs: float = 1.0,
    window: Any = "hann_periodic",
    nperseg: int | None = None,
    noverlap: int | None = None,
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
    average: str = "mean",
) -> tuple[Any, Any]:
    (x,) = tensors(x)
    return csd(x, x, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average)


@constant("fs", "window")
def periodogram(
    x: Any,
    fs: float = 1.0,
    window: Any = "boxcar",
    nfft: int | None = None,
    detrend: Any = "constant",
    return_onesided: bool = True,
    scaling: str = "density",
    axis: int = -1,
) -> tuple[Any, Any]:
    (x,) = tensors(x)
    (axis,) = chosen(axis, x.ndim)
    n = x.shape[axis]
    if nfft is not None and nfft < n:
        x, n, nfft = x[(slice(None),) * axis + (slice(nfft),)], nfft, None
    return csd(x, x, fs, "boxcar" if window is None else window, n, 0, nfft, detrend, return_onesided, scaling, axis)


@constant("w", "a")
def czt(x: Any, m: int | None = None, w: Any = None, a: Any = 1 + 0j, *, axis: int = -1) -> Any:
    (x,) = tensors(x)
    (axis,) = chosen(axis, x.ndim)
    x, n = ga.moveaxis(x, axis, -1), x.shape[axis]
    m = n if m is None else m
    if n < 1 or m < 1:
        raise ValueError(f"Invalid number of CZT points ({n}, {m}) specified. They must be positive.")
    k = np.arange(max(m, n))
    # k (n) = (k² + n² - (n - k)²) / 2, after Bluestein, which makes a convolution of it
    chirp = np.exp(-1j * np.pi * (k**2 % (2 * m)) / m) if w is None else complex(w) ** (k**2 / 2)
    values = [complex(a) ** -k[:n] * chirp[:n], 1 / np.hstack([chirp[n - 1 : 0 : -1], chirp[:m]]), chirp[:m]]
    before, kernel, after = (ga.asarray(v, device=x.device) for v in values)
    return ga.moveaxis(along(x * before, kernel)[..., n - 1 : n + m - 1] * after, -1, axis)


def lombscargle(
    x: Any, y: Any, freqs: Any, *, normalize: Any = False, weights: Any = None, floating_mean: bool = False
) -> Any:
    x, y, freqs, weights = (None if v is None else ga.astype(v, ga.float64) for v in tensors(x, y, freqs, weights))
    if weights is None:
        weights = ga.ones(y.shape, dtype=y.dtype, device=y.device)
    if x.ndim != 1 or not x.shape[0] or not x.shape == y.shape == weights.shape or freqs.ndim != 1:
        raise ValueError("Parameters x, y, weights must be 1-D arrays of equal non-zero length, and freqs 1-D")
    kind = {False: "power", True: "normalize"}.get(normalize, normalize)
    if kind not in ("power", "normalize", "amplitude"):
        raise ValueError(f"normalize must be 'power', 'normalize' or 'amplitude', got {normalize!r}")
    weights = weights / weights.sum()
    phase = x[:, None] * freqs

    def moments(phase: Any) -> tuple[Any, ...]:
        """Weighted means of cos, sin, cos², sin² and cos sin; of the first two only where the mean floats."""
        c, s = ga.cos(phase), ga.sin(phase)
        mean_c, mean_s = (weights @ c, weights @ s) if floating_mean else (0.0, 0.0)
        cc = weights @ (c * c)
        return c, s, mean_c, mean_s, cc - mean_c**2, 1 - cc - mean_s**2, weights @ (c * s) - mean_c * mean_s

    *_, cc, ss, cs = moments(phase)
    tau = 0.5 * ga.atan2(2 * cs, cc - ss)
    c, s, mean_c, mean_s, cc, ss, _ = moments(phase - tau)
    mean = weights @ y
    yc, ys = (weights * y) @ c - mean * mean_c, (weights * y) @ s - mean * mean_s
    least = float(np.finfo(float).epsneg)
    one, two = yc / ga.clip(cc, least), ys / ga.clip(ss, least)
    if kind == "amplitude":
        return (one + 1j * two) * ga.exp(1j * tau)
    power = 2 * (one * yc + two * ys)
    if kind == "power":
        return power * (x.shape[0] / 4)
    return power * 0.5 / ((weights * y) @ y - (mean**2 if floating_mean else 0))


@constant("w", "fs")
def group_delay(system: Any, w: Any = 512, whole: bool = False, fs: float = 2 * np.pi) -> tuple[Any, Any]:
    b, a = (v.reshape((-1,)) for v in tensors(*system))
    if isinstance(w, int | np.integer) or w is None:
        at = np.linspace(0, 2 * np.pi if whole else np.pi, 512 if w is None else int(w), endpoint=False)
    else:
        at = np.atleast_1d(array(w)) * 2 * np.pi / fs
    c = along(b, ga.flip(ga.conj(a) if ga.is_complex(a) else a))
    k = np.arange(c.shape[0])
    powers = ga.asarray(np.exp(-1j * at[:, None] * k), device=c.device)
    c = ga.astype(c, ga.complex128)
    below = powers @ c
    if np.any(np.abs(array(below)) < 10 * np.finfo(float).eps):
        raise NotImplementedError("scipy.signal.group_delay is not differentiated at frequencies where it is singular")
    delay = ga.real(powers @ (c * ga.asarray(k.astype(float), device=c.device)) / below) - (a.shape[0] - 1)
    return ga.asarray(at * (fs / (2 * np.pi)), device=c.device), delay


FUNCTIONS = {f.__name__: f for f in (csd, czt, group_delay, lombscargle, periodogram, welch)}
METHODS = {"stft_detrend": stft_detrend}
