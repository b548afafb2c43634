"""Fourier transforms: Array API standard, the ``fft`` extension.

Four operations; the others are composed of them where the functions of the namespace are defined. All are linear. The
adjoint of a transform is the inverse transform, scaled where the transform is not: ``norm`` says which of the two is.
Where it cuts its input to a length or fills it up with zeros, its adjoint ends by doing the opposite.
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import linear
from gradarray.ops._helpers import Shape

_SCALED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def _fitted(xp: Any, x: Any, axis: int, length: int) -> Any:
    """``x`` cut along ``axis`` to ``length``, or filled up with zeros."""
    n, axis = x.shape[axis], axis % len(x.shape)
    if n == length:
        return x
    key = (*(slice(None),) * axis, slice(0, min(n, length)), ...)
    if n > length:
        return xp.getitem(x, key=key)
    return xp.index_adjoint(x, key=key, shape=(*x.shape[:axis], length, *x.shape[axis + 1 :]))


def _complex(inverse: str) -> Any:
    def transpose(xp: Any, g: Any, shape1: Shape, axes: tuple[int, ...], norm: str) -> Any:
        out = getattr(xp.fft, inverse)(g, s=tuple(g.shape[a] for a in axes), axes=axes, norm=_SCALED[norm])
        for axis in axes:
            out = _fitted(xp, out, axis, shape1[axis])
        return out

    return transpose


linear("fft.fftn", transpose=_complex("ifftn"), grad_name="FftC2CBackward0", batch="axes")
linear("fft.ifftn", transpose=_complex("fftn"), grad_name="FftC2CBackward0", batch="axes")


def _inner(xp: Any, x: Any, axis: int, n: int, factor: float) -> Any:
    """The half spectrum ``x`` of ``n`` real numbers, with a factor on each frequency that stands for two.

    These are all but 0 and, where ``n`` is even, n/2.
    """
    before = (slice(None),) * (axis % len(x.shape))
    first, middle, last = (
        xp.getitem(x, key=(*before, part, ...))
        for part in (slice(0, 1), slice(1, (n + 1) // 2), slice((n + 1) // 2, None))
    )
    return xp.concat([first, middle * factor, last], axis=axis % len(x.shape))


def _rfft(xp: Any, g: Any, shape1: Shape, n: int, axis: int, norm: str) -> Any:
    out = xp.fft.irfft(_inner(xp, g, axis, n, 0.5), n=n, axis=axis, norm=_SCALED[norm])
    return _fitted(xp, out, axis, shape1[axis])


def _irfft(xp: Any, g: Any, shape1: Shape, n: int, axis: int, norm: str) -> Any:
    out = _inner(xp, xp.fft.rfft(g, n=n, axis=axis, norm=_SCALED[norm]), axis, n, 2.0)
    return _fitted(xp, out, axis, shape1[axis])


linear("fft.rfft", transpose=_rfft, grad_name="FftR2CBackward0", batch="axes")
linear("fft.irfft", transpose=_irfft, grad_name="FftC2RBackward0", batch="axes")
