"""Recursive filters of scipy.signal on the tape, and their coefficients.

Knows the public API and SciPy's signatures. A filter's values are SciPy's own. Its output y solves a * y = b * x, and
the tape records that equation, not the recursion: a step adds to y what the filter 1 / a makes of b * x - a * y. That
is 0, so y does not move, and one order of derivatives is right with each step, all orders if the equation is linear in
what is differentiated. It costs convolutions, n log n, and a handful of nodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_ndimage_windows import chosen
from gradarray.integrations.scipy_signal_convolution import along, convolve
from gradarray.integrations.teaching import array, tensors, tracked

_STEPS = 3  # derivatives with respect to a are right up to this order


def _vector(x: Any, name: str) -> Any:
    x = x.reshape((1,)) if x.ndim == 0 else x
    if x.ndim != 1 or not x.shape[0]:
        raise ValueError(f"Parameter {name} is not a non-empty 1d array, since its shape is {tuple(x.shape)}!")
    return x


def _zeros(n: int, like: Any) -> Any:
    return ga.zeros((*like.shape[:-1], n), dtype=like.dtype, device=like.device)


def _filtered(b: Any, a: Any, x: Any, zi: Any) -> tuple[Any, Any]:
    """The output along the last dimension, and the state after it; ``zi`` is the state before, or None."""
    from scipy import signal

    dtype = ga.result_type(*(v for v in (b, a, x, zi) if v is not None))
    b, a, x = (ga.astype(v, dtype) for v in (b, a, x))
    values = signal.lfilter(array(b), array(a), array(x), zi=None if zi is None else array(zi))
    y = ga.asarray(values if zi is None else values[0], device=x.device)
    fixed, n = not tracked([a]), x.shape[-1]
    b, a = b / a[0], a / a[0]
    memory = max(b.shape[0], a.shape[0]) - 1
    before = _zeros(memory, x) if zi is None else ga.astype(ga.broadcast_to(zi, (*x.shape[:-1], memory)), dtype)
    driven = _lengthened(along(x, b), n + memory) + _lengthened(before, n + memory)
    if a.shape[0] == 1:
        step = driven[..., :n]
        y = y + (step - step.detach())
    else:
        pulse = np.zeros(n, dtype=array(a).dtype)
        pulse[:1] = 1
        response = ga.asarray(signal.lfilter([1.0], array(a), pulse), dtype=dtype, device=x.device)
        for _ in range(1 if fixed else _STEPS):
            step = along((driven - _lengthened(along(y, a), n + memory))[..., :n], response)[..., :n]
            y = y + (step - step.detach())
    after = driven - _lengthened(along(y, a), n + memory)
    return y, after[..., n:]


def _lengthened(x: Any, n: int) -> Any:
    return ga.concat([x, _zeros(n - x.shape[-1], x)], axis=-1) if n > x.shape[-1] else x


def lfilter(b: Any, a: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    b, a, x, zi = tensors(b, a, x, zi)
    b, a = _vector(b, "b"), _vector(a, "a")
    (axis,) = chosen(axis, x.ndim)
    if zi is not None:
        if zi.ndim != x.ndim:
            raise ValueError(f"Dimensions of parameters x and zi must match, but {x.ndim=}, {zi.ndim=}!")
        zi = ga.moveaxis(zi, axis, -1)
    y, zf = _filtered(b, a, ga.moveaxis(x, axis, -1), zi)
    y = ga.moveaxis(y, -1, axis)
    return y if zi is None else (y, ga.moveaxis(zf, -1, axis))


def lfilter_zi(b: Any, a: Any) -> Any:
    b, a = tensors(b, a)
    b, a = _vector(b, "b"), _vector(a, "a")
    zeros = int(np.argmax(array(a) != 0))
    a = a[zeros:]
    if array(a)[0] == 0:
        raise ValueError("There must be at least one nonzero `a` coefficient.")
    b, a = b / a[0], a / a[0]
    n = max(b.shape[0], a.shape[0])
    b, a = _lengthened(b, n), _lengthened(a, n)
    if n == 1:
        return _zeros(0, a)
    drive = b[1:] - a[1:] * b[0]
    first = drive.sum() / a.sum()
    rest = ga.cumulative_sum(a)[1 : n - 1] * first - ga.cumulative_sum(drive)[: n - 2]
    return ga.concat([first.reshape((1,)), rest])


def _extended(x: Any, padtype: str | None, padlen: int | None, taps: int) -> tuple[Any, int]:
    """``x`` continued along its last dimension, and by how much."""
    if padtype not in ("even", "odd", "constant", None):
        raise ValueError(
            f"Unknown value '{padtype}' given to padtype. padtype must be 'even', 'odd', 'constant', or None."
        )
    edge = 0 if padtype is None else 3 * taps if padlen is None else int(padlen)
    n = x.shape[-1]
    if n <= edge:
        raise ValueError(f"The length of the input vector x must be greater than padlen, which is {edge}.")
    if not edge:
        return x, 0
    first, last = x[..., :1], x[..., -1:]
    left, right = ga.flip(x[..., 1 : edge + 1], axis=-1), ga.flip(x[..., n - 1 - edge : n - 1], axis=-1)
    if padtype == "odd":
        left, right = 2 * first - left, 2 * last - right
    elif padtype == "constant":
        left, right = ga.broadcast_to(first, left.shape), ga.broadcast_to(last, right.shape)
    return ga.concat([left, x, right], axis=-1), edge


def filtfilt(b: Any, a: Any, x: Any, axis: int = -1, padtype: str | None = "odd", padlen: int | None = None) -> Any:
    b, a, x = tensors(b, a, x)
    b, a = _vector(b, "b"), _vector(a, "a")
    (axis,) = chosen(axis, x.ndim)
    y, edge = _extended(ga.moveaxis(x, axis, -1), padtype, padlen, max(a.shape[0], b.shape[0]))
    zi = lfilter_zi(b, a)
    for _ in range(2):
        y = ga.flip(_filtered(b, a, y, zi * y[..., :1])[0], axis=-1)
    return ga.moveaxis(y[..., edge : y.shape[-1] - edge], -1, axis)


def _sections(sos: Any) -> Any:
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ValueError("sos array must be shape (n_sections, 6)")
    if np.any(array(sos)[:, 3] != 1):
        raise ValueError("sos[:, 3] should be all ones")
    return sos


def _cascaded(sos: Any, x: Any, zi: Any) -> tuple[Any, list[Any]]:
    """The filters one after the other, along the last dimension; ``zi`` has the states of each, or is None."""
    after = []
    for i in range(sos.shape[0]):
        x, zf = _filtered(sos[i, :3], sos[i, 3:], x, None if zi is None else zi[i])
        after.append(zf)
    return x, after


def sosfilt(sos: Any, x: Any, axis: int = -1, zi: Any = None) -> Any:
    sos, x, zi = tensors(sos, x, zi)
    _sections(sos)
    (axis,) = chosen(axis, x.ndim)
    moved = ga.moveaxis(x, axis, -1)
    if zi is not None:
        shape = (sos.shape[0], *x.shape[:axis], 2, *x.shape[axis + 1 :])
        if tuple(zi.shape) != shape:
            raise ValueError(f"Invalid zi shape: must be {shape}, got {tuple(zi.shape)}.")
        zi = ga.moveaxis(zi, axis + 1, -1)
    y, after = _cascaded(sos, moved, zi)
    y = ga.moveaxis(y, -1, axis)
    return y if zi is None else (y, ga.moveaxis(ga.stack(after), -1, axis + 1))


def sosfilt_zi(sos: Any) -> Any:
    (sos,) = tensors(sos)
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ValueError("sos must be shape (n_sections, 6)")
    out, scale = [], 1.0
    for i in range(sos.shape[0]):
        b, a = sos[i, :3], sos[i, 3:]
        out.append(scale * lfilter_zi(b, a))
        scale = scale * b.sum() / a.sum()
    return ga.stack(out)


def sosfiltfilt(sos: Any, x: Any, axis: int = -1, padtype: str | None = "odd", padlen: int | None = None) -> Any:
    sos, x = tensors(sos, x)
    _sections(sos)
    (axis,) = chosen(axis, x.ndim)
    values = array(sos)
    taps = 2 * sos.shape[0] + 1 - int(min((values[:, 2] == 0).sum(), (values[:, 5] == 0).sum()))
    y, edge = _extended(ga.moveaxis(x, axis, -1), padtype, padlen, taps)
    zi = sosfilt_zi(sos)
    for _ in range(2):
        y = ga.flip(_cascaded(sos, y, [zi[i] * y[..., :1] for i in range(sos.shape[0])])[0], axis=-1)
    return ga.moveaxis(y[..., edge : y.shape[-1] - edge], -1, axis)


def deconvolve(signal: Any, divisor: Any) -> Any:
    a, b = tensors(signal, divisor)
    a, b = _vector(a, "signal"), _vector(b, "divisor")
    n = a.shape[0] - b.shape[0] + 1
    if n < 1:
        return [], a
    pulse = ga.asarray(np.eye(1, n)[0], device=a.device)
    quotient = lfilter(a, b, pulse)
    return quotient, a - convolve(b, quotient)


def _polynomial(roots: Any) -> Any:
    """The coefficients of the polynomial with these roots, real where the roots come in conjugate pairs."""
    out = ga.ones(1, dtype=roots.dtype, device=roots.device)
    one = ga.ones(1, dtype=roots.dtype, device=roots.device)
    for i in range(roots.shape[0]):
        out = along(out, ga.concat([one, -roots[i : i + 1]]))
    values = array(roots)
    if ga.is_complex(out) and np.array_equal(np.sort(values), np.sort(values.conj())):
        return ga.real(out)
    return out


def zpk2tf(z: Any, p: Any, k: Any) -> tuple[Any, Any]:
    z, p, gain = tensors(z, p, k)
    if isinstance(k, int | float):
        gain = k  # of the precision of the roots
    if z.ndim > 1 or p.ndim > 1 or np.ndim(k) > 1:
        raise NotImplementedError("scipy.signal.zpk2tf takes vectors only with tensors that require a gradient")
    z, p = (v.reshape((-1,)) for v in (z, p))
    return gain * _polynomial(z), _polynomial(p)


def sos2tf(sos: Any) -> tuple[Any, Any]:
    (sos,) = tensors(sos)
    b = a = ga.ones(1, dtype=sos.dtype, device=sos.device)
    for i in range(sos.shape[0]):
        b, a = along(b, sos[i, :3]), along(a, sos[i, 3:])
    return b, a


FUNCTIONS = {
    f.__name__: f
    for f in (
        deconvolve, filtfilt, lfilter, lfilter_zi, sos2tf, sosfilt, sosfilt_zi, sosfiltfilt, zpk2tf,
    )
}  # fmt: skip
