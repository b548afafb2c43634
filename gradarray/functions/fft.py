"""Fourier transforms: Array API standard, the ``fft`` extension.

Four operations of the table do it all. Single precision stays single; integers become the default floating dtype. All
transforms are differentiable.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from gradarray import _state
from gradarray._dispatch import DtypeError, ShapeError, apply, cast
from gradarray._primitive import TABLE
from gradarray.creation import arange
from gradarray.dtypes import as_dtype
from gradarray.functions.elementwise import conj, divide
from gradarray.functions.linalg import floating
from gradarray.functions.manipulation import concat, roll
from gradarray.functions.statistical import check_axis, check_tensor

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Norm = Literal["backward", "ortho", "forward"]
Axes = int | Sequence[int] | None
_OTHER: dict[str, Norm] = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


def _check_norm(norm: str) -> None:
    if norm not in _OTHER:
        raise RuntimeError(f'norm must be "backward", "ortho" or "forward", got {norm!r}')


def _length(n: int, x: Any) -> int:
    n = operator.index(n)
    if n < 1:
        raise ShapeError(f"Invalid number of data points ({n}) specified, for a tensor of shape {list(x._data.shape)}")
    return n


def _lengths(n: int | None, x: Any) -> tuple[int, ...] | None:
    """``n`` as the lengths of one dimension, among which -1 would mean all of it."""
    return None if n is None else (_length(n, x),)


def _complex(x: Any) -> Any:
    x = floating(x)
    return cast(x, x._dtype.to_complex())


def _real(x: Any, name: str) -> Any:
    x = floating(x)
    if x._dtype.kind == "c":
        raise DtypeError(
            f"{name} expects a real tensor, got {x._dtype!r}; {name.replace('r', '', 1)} takes complex ones"
        )
    return x


def _axes(x: Any, s: Sequence[int] | None, axes: Axes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions to transform, none twice, and their lengths."""
    shape = check_tensor(x)._data.shape
    if isinstance(axes, int):
        axes = (axes,)
    if axes is None:
        first = 0 if s is None else len(shape) - len(s)
        if first < 0:
            raise ShapeError(f"s names {len(s or ())} dimensions, more than the tensor of shape {list(shape)} has")
        axes = range(first, len(shape))
    chosen = tuple(map(operator.index, axes))
    if not shape:
        raise ShapeError("a Fourier transform needs at least one dimension, got a 0-d tensor")
    check_axis(x, chosen)
    if s is not None and len(s) != len(chosen):
        raise ShapeError(f"s and axes must be of one length, got {tuple(s)} and {chosen}")
    given = [-1] * len(chosen) if s is None else s
    lengths = (shape[a] if n == -1 else n for n, a in zip(given, chosen, strict=True))
    return tuple(_length(n, x) for n in lengths), tuple(a % len(shape) for a in chosen)


def _transformed(name: str, x: Any, s: Sequence[int] | None, axes: Axes, norm: Norm) -> Tensor:
    _check_norm(norm)
    x = _complex(x)
    lengths, chosen = _axes(x, s, axes)
    if not chosen:
        return apply(TABLE["clone"], (x,), {})
    return apply(TABLE[f"fft.{name}"], (x,), {"s": lengths, "axes": chosen, "norm": norm})


def fft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The discrete Fourier transform along ``axis``. Differentiable.

    Parameters
    ----------
    x : Tensor
        Real tensors are taken for complex ones.
    n : int, optional
        To what length ``x`` is cut, or filled up with zeros, first.
    axis : int
    norm : {"backward", "ortho", "forward"}
        Divide by nothing, by the root of ``n``, or by ``n``; the inverse transform does what is left.

    Returns
    -------
    Tensor
        Of the complex dtype.

    Raises
    ------
    RuntimeError
        If ``n`` is less than 1, or there is no such norm.
    IndexError
        If ``x`` has no such axis.

    References
    ----------
    Array API standard, ``fft.fft``; ``torch.fft.fft``.
    """
    return _transformed("fftn", x, _lengths(n, x), (axis,), norm)


def ifft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The inverse of :func:`fft`, whose parameters it has. Differentiable.

    References
    ----------
    Array API standard, ``fft.ifft``; ``torch.fft.ifft``.
    """
    return _transformed("ifftn", x, _lengths(n, x), (axis,), norm)


def fftn(x: Tensor, /, *, s: Sequence[int] | None = None, axes: Axes = None, norm: Norm = "backward") -> Tensor:
    """The discrete Fourier transform along several axes. Differentiable.

    Parameters
    ----------
    x : Tensor
    s : sequence of int, optional
        To what lengths ``x`` is cut, or filled up with zeros, first; -1 keeps one as it is.
    axes : sequence of int, optional
        By default all; with ``s`` the last of them.
    norm : {"backward", "ortho", "forward"}
        See :func:`fft`.

    Raises
    ------
    RuntimeError
        If a length is less than 1, ``s`` does not fit, an axis appears twice, or there is no such norm.

    References
    ----------
    Array API standard, ``fft.fftn``; ``torch.fft.fftn``.
    """
    return _transformed("fftn", x, s, axes, norm)


def ifftn(x: Tensor, /, *, s: Sequence[int] | None = None, axes: Axes = None, norm: Norm = "backward") -> Tensor:
    """The inverse of :func:`fftn`, whose parameters it has. Differentiable.

    References
    ----------
    Array API standard, ``fft.ifftn``; ``torch.fft.ifftn``.
    """
    return _transformed("ifftn", x, s, axes, norm)


def _to_half(x: Any, n: int, axis: int, norm: Norm) -> Tensor:
    return apply(TABLE["fft.rfft"], (x,), {"n": n, "axis": axis, "norm": norm})


def _from_half(x: Any, n: int, axis: int, norm: Norm) -> Tensor:
    return apply(TABLE["fft.irfft"], (x,), {"n": _length(n, x), "axis": axis, "norm": norm})


def rfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The first half of :func:`fft` of a real tensor; the other is its mirror image, conjugate. Differentiable.

    Returns
    -------
    Tensor
        Complex, of length ``n // 2 + 1`` along ``axis``.

    Raises
    ------
    TypeError
        If ``x`` is complex.

    References
    ----------
    Array API standard, ``fft.rfft``; ``torch.fft.rfft``.
    """
    _check_norm(norm)
    (length,), (axis,) = _axes(x, _lengths(n, x), (axis,))
    return _to_half(_real(x, "rfft"), length, axis, norm)


def irfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The inverse of :func:`rfft`: a real tensor, of length ``n`` along ``axis``, by default even. Differentiable.

    The imaginary parts of frequency 0 and, where ``n`` is even, ``n/2`` count for nothing.

    References
    ----------
    Array API standard, ``fft.irfft``; ``torch.fft.irfft``.
    """
    _check_norm(norm)
    _, (axis,) = _axes(x, None, (axis,))
    return _from_half(_complex(x), 2 * (x._data.shape[axis] - 1) if n is None else n, axis, norm)


def rfftn(x: Tensor, /, *, s: Sequence[int] | None = None, axes: Axes = None, norm: Norm = "backward") -> Tensor:
    """:func:`rfft` along the last of ``axes``, :func:`fft` along the rest. Parameters as :func:`fftn`. Differentiable.

    References
    ----------
    Array API standard, ``fft.rfftn``; ``torch.fft.rfftn``.
    """
    _check_norm(norm)
    x = _real(x, "rfftn")
    lengths, chosen = _axes(x, s, axes)
    if not chosen:
        raise ShapeError("rfftn needs at least one axis")
    half = _to_half(x, lengths[-1], chosen[-1], norm)
    return _transformed("fftn", half, lengths[:-1], chosen[:-1], norm)


def irfftn(x: Tensor, /, *, s: Sequence[int] | None = None, axes: Axes = None, norm: Norm = "backward") -> Tensor:
    """The inverse of :func:`rfftn`: a real tensor. Differentiable. Parameters as :func:`fftn`.

    References
    ----------
    Array API standard, ``fft.irfftn``; ``torch.fft.irfftn``.
    """
    _check_norm(norm)
    lengths, chosen = _axes(x, s, axes)
    if not chosen:
        raise ShapeError("irfftn needs at least one axis")
    half = _transformed("ifftn", x, lengths[:-1], chosen[:-1], norm)
    n = 2 * (x._data.shape[chosen[-1]] - 1) if s is None or s[-1] == -1 else s[-1]
    return _from_half(half, n, chosen[-1], norm)


def hfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """:func:`fft` of a signal that is its own mirror image, conjugate, and given by half. Real, differentiable.

    References
    ----------
    Array API standard, ``fft.hfft``; ``torch.fft.hfft``.
    """
    _check_norm(norm)
    return irfft(conj(_complex(x)), n=n, axis=axis, norm=_OTHER[norm])


def ihfft(x: Tensor, /, *, n: int | None = None, axis: int = -1, norm: Norm = "backward") -> Tensor:
    """The inverse of :func:`hfft`. Differentiable.

    References
    ----------
    Array API standard, ``fft.ihfft``; ``torch.fft.ihfft``.
    """
    _check_norm(norm)
    return conj(rfft(_real(x, "ihfft"), n=n, axis=axis, norm=_OTHER[norm]))


def _frequencies(n: int, parts: Sequence[tuple[int, int]], d: float, dtype: Any, device: Any) -> Tensor:
    if n < 1:
        raise ShapeError(f"fftfreq: n must be at least 1, got {n}")
    dtype = _state.get_default_dtype() if dtype is None else as_dtype(dtype)
    numbers = [arange(start, stop, dtype=dtype, device=device) for start, stop in parts]
    return divide(concat(numbers) if len(numbers) > 1 else numbers[0], n * d)


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of :func:`fft` of ``n`` samples ``d`` apart: first those from 0 up, then the negative ones.

    References
    ----------
    Array API standard, ``fft.fftfreq``; ``torch.fft.fftfreq``.
    """
    n = operator.index(n)
    return _frequencies(n, ((0, (n + 1) // 2), (-(n // 2), 0)), d, dtype, device)


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of :func:`rfft` of ``n`` samples ``d`` apart.

    References
    ----------
    Array API standard, ``fft.rfftfreq``; ``torch.fft.rfftfreq``.
    """
    n = operator.index(n)
    return _frequencies(n, ((0, n // 2 + 1),), d, dtype, device)


def _shifted(x: Any, axes: Axes, half: Any) -> Tensor:
    shape = check_tensor(x)._data.shape
    chosen = tuple(range(len(shape))) if axes is None else (axes,) if isinstance(axes, int) else tuple(axes)
    check_axis(x, chosen)
    return roll(x, tuple(half(shape[a]) for a in chosen), axis=chosen)


def fftshift(x: Tensor, /, *, axes: Axes = None) -> Tensor:
    """``x`` with frequency 0 brought from the start of ``axes`` (by default all) to the middle. Differentiable.

    References
    ----------
    Array API standard, ``fft.fftshift``; ``torch.fft.fftshift``.
    """
    return _shifted(x, axes, lambda n: n // 2)


def ifftshift(x: Tensor, /, *, axes: Axes = None) -> Tensor:
    """The inverse of :func:`fftshift`. Differentiable.

    References
    ----------
    Array API standard, ``fft.ifftshift``; ``torch.fft.ifftshift``.
    """
    return _shifted(x, axes, lambda n: -(n // 2))
