"""scipy.fft: a backend for tensors, which adds the cosine and sine transforms, differentiable in any order.

Knows the public API and the ``uarray`` protocol that ``scipy.fft.register_backend`` takes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

import gradarray as ga

# The transforms are 2 Re (cosines) or -2 Im (sines) of the sum over n of x[n] exp(-2πi (k + a) (n + b) / L).
# Transform and type: L - 2 N, a, b, and at which ends of the input an element counts half.
_KINDS: dict[tuple[str, int], tuple[int, float, float, tuple[int, ...]]] = {
    ("dct", 1): (-2, 0, 0, (0, -1)),
    ("dct", 2): (0, 0, 0.5, ()),
    ("dct", 3): (0, 0.5, 0, (0,)),
    ("dct", 4): (0, 0.5, 0.5, ()),
    ("dst", 1): (2, 1, 1, ()),
    ("dst", 2): (0, 1, 0.5, ()),
    ("dst", 3): (0, 0.5, 1, (-1,)),
    ("dst", 4): (0, 0.5, 0.5, ()),
}
# Transform and type: the elements that ``orthogonalize`` multiplies by √2 before, and divides by √2 after.
_ORTHOGONAL: dict[tuple[str, int], tuple[tuple[int, ...], tuple[int, ...]]] = {
    ("dct", 1): ((0, -1), (0, -1)),
    ("dct", 2): ((), (0,)),
    ("dct", 3): ((0,), ()),
    ("dst", 2): ((), (-1,)),
    ("dst", 3): ((-1,), ()),
}


def _constant(values: Any, like: Any) -> Any:
    """An array as a tensor of the precision and on the device of another."""
    complex_, single = np.iscomplexobj(values), like.dtype in (ga.float32, ga.complex64)
    kind = (ga.complex64 if complex_ else ga.float32) if single else (ga.complex128 if complex_ else ga.float64)
    return ga.asarray(values, dtype=kind, device=like.device)


def _resized(x: Any, n: int, axis: int) -> Any:
    """``x`` with ``n`` elements along ``axis``, cut or filled up with zeros."""
    if n <= x.shape[axis]:
        return x[(slice(None),) * axis + (slice(n),)]
    shape = (*x.shape[:axis], n - x.shape[axis], *x.shape[axis + 1 :])
    return ga.concat([x, ga.zeros(shape, dtype=x.dtype, device=x.device)], axis=axis)


def _transform(name: str, kind: int, x: Any, axis: int, scale: Any, orthogonalize: bool) -> Any:
    """One real transform along one axis. ``scale`` is what NumPy's FFT calls ``norm``."""
    n = x.shape[axis]
    extra, a, b, halves = _KINDS[name, kind]
    length = 2 * n + extra
    if n < 1 or length < 1:
        raise ValueError(f"invalid number of data points ({n}) specified for {name.upper()} of type {kind}")
    before, after, k = np.full(n, 2.0), np.ones(n), np.arange(n)
    for end in halves:
        before[end] /= 2
    if orthogonalize:
        first, last = _ORTHOGONAL.get((name, kind), ((), ()))
        for end in first:
            before[end] *= np.sqrt(2)
        for end in last:
            after[end] /= np.sqrt(2)
    along = (n,) + (1,) * (x.ndim - axis - 1)
    turn = -2j * np.pi / length
    if a:
        before = before * np.exp(turn * a * k)
    spectrum = ga.fft.fft(x * _constant(before.reshape(along), x), n=length, axis=axis, norm=scale)
    spectrum = spectrum[(slice(None),) * axis + (slice(n),)]
    if name == "dst":
        after = after * 1j  # -Im z is Re iz
    return ga.real(spectrum * _constant((after * np.exp(turn * b * (k + a))).reshape(along), x))


def _along(
    name: str, x: Any, kind: int, s: Any, axes: Any, norm: str | None, orthogonalize: bool | None, inverse: bool
) -> Any:
    """The transform along several axes, one after the other."""
    if (name, kind) not in _KINDS:
        raise ValueError(f"type must be 1, 2, 3 or 4, got {kind!r}")
    if norm not in (None, "backward", "ortho", "forward"):
        raise ValueError(f'Invalid norm value {norm!r}, should be "backward", "ortho" or "forward"')
    if not ga.isdtype(x.dtype, ("real floating", "complex floating")):
        x = ga.astype(x, ga.float64)
    if ga.is_complex(x):  # SciPy hands ``orthogonalize`` on for real input only
        parts = [_along(name, part, kind, s, axes, norm, None, inverse) for part in (ga.real(x), ga.imag(x))]
        return parts[0] + 1j * parts[1]
    if inverse:
        kind = {2: 3, 3: 2}.get(kind, kind)
    forward = "ortho" if norm == "ortho" else "backward" if (norm == "forward") == inverse else "forward"
    for n, axis in zip(s, axes):
        x = x if n is None or n == -1 else _resized(x, n, axis)
        x = _transform(name, kind, x, axis, forward, norm == "ortho" if orthogonalize is None else orthogonalize)
    return x


def _one(name: str, inverse: bool) -> Callable[..., Any]:
    def run(
        x: Any,
        type: int = 2,
        n: int | None = None,
        axis: int = -1,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: int | None = None,
        orthogonalize: bool | None = None,
    ) -> Any:
        return _along(name, x, type, [n], [_axis(axis, x.ndim)], norm, orthogonalize, inverse)

    return run


def _several(name: str, inverse: bool) -> Callable[..., Any]:
    def run(
        x: Any,
        type: int = 2,
        s: Any = None,
        axes: Any = None,
        norm: str | None = None,
        overwrite_x: bool = False,
        workers: int | None = None,
        orthogonalize: bool | None = None,
    ) -> Any:
        s = [s] if isinstance(s, int) else s
        axes = [axes] if isinstance(axes, int) else axes
        if axes is None:
            axes = range(x.ndim) if s is None else range(x.ndim - len(s), x.ndim)
        axes = [_axis(axis, x.ndim) for axis in axes]
        s = [None] * len(axes) if s is None else s
        if len(s) != len(axes):
            raise ValueError("when given, axes and shape arguments have to be of the same length")
        if len(set(axes)) != len(axes):
            raise ValueError("all axes must be unique")
        return _along(name, x, type, s, axes, norm, orthogonalize, inverse)

    return run


def _axis(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis {axis} is out of range for an input with {ndim} dimensions")
    return axis % ndim


def _namesake(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of :mod:`gradarray.fft` that ignores how SciPy would have run it."""
    known = inspect.signature(function).parameters

    def run(x: Any, *args: Any, **options: Any) -> Any:
        named = dict(zip(list(known)[1:], args))
        return function(x, **named, **{k: v for k, v in options.items() if k in known})

    return run


class Backend:
    """What ``scipy.fft`` asks before its own functions; for anything but a tensor it is not responsible."""

    __ua_domain__ = "numpy.scipy.fft"
    functions: dict[str, Callable[..., Any]]

    @classmethod
    def __ua_function__(cls, method: Any, args: Any, kwargs: Any) -> Any:
        x = args[0] if args else kwargs.get("x")
        function = cls.functions.get(method.__name__) if isinstance(x, ga.Tensor) else None
        return NotImplemented if function is None else function(*args, **kwargs)


Backend.functions = {
    **{
        f"{i}{name}{n}": make(name, bool(i))
        for name in ("dct", "dst")
        for i in ("", "i")
        for n, make in (("", _one), ("n", _several))
    },
    **{
        name: _namesake(getattr(ga.fft, name))
        for name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn")
    },
}


def register(fft: ModuleType) -> None:
    """Register the backend. SciPy's own is tried last, unless the user has said otherwise."""
    fft.register_backend(Backend)
