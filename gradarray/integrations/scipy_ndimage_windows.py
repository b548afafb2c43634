"""What the filters of scipy.ndimage are made of: images continued over their borders, and shifted copies of them.

Knows the public API. Must not know what a filter does with the copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import gradarray as ga

# SciPy's names of how an image continues over its border: NumPy's
_PADDING = {
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap",
    "grid-wrap": "wrap",
}  # fmt: skip


def image(x: Any) -> Any:
    """``x``, if it is of real or complex numbers: what SciPy computes of integers it rounds."""
    if not ga.isdtype(x.dtype, ("real floating", "complex floating")):
        raise NotImplementedError(
            f"scipy.ndimage rounds what it computes of {x.dtype!r}, which has no derivative; use a floating dtype"
        )
    return x


def each(value: Any, n: int) -> list[Any]:
    """One value for each of ``n`` axes, from a sequence or from one that holds for all."""
    if isinstance(value, str) or not isinstance(value, Iterable) or (isinstance(value, ga.Tensor) and not value.ndim):
        return [value] * n
    out = list(value)
    if len(out) != n:
        raise RuntimeError(f"sequence argument must have length equal to the number of axes, {n}, got {len(out)}")
    return out


def chosen(axes: Any, ndim: int) -> list[int]:
    """The axes that are filtered, each from 0 on; all for None."""
    if axes is None:
        return list(range(ndim))
    out = [axes] if isinstance(axes, int) else list(axes)
    for axis in out:
        if not -ndim <= axis < ndim:
            raise ValueError(f"specified axis: {axis} is out of range for {ndim} dimensions")
    out = [axis % ndim for axis in out]
    if len(set(out)) != len(out):
        raise ValueError("axes must be unique")
    return out


def padded(x: Any, axis: int, before: int, after: int, mode: str, cval: Any) -> Any:
    """``x`` continued along one axis."""
    if not before and not after:
        return x
    if mode in ("constant", "grid-constant"):
        ends = []
        for n in (before, after):
            shape = (*x.shape[:axis], n, *x.shape[axis + 1 :])
            ends.append(ga.astype(ga.zeros(shape, dtype=x.dtype, device=x.device) + cval, x.dtype))
        return ga.concat([ends[0], x, ends[1]], axis=axis)
    if mode not in _PADDING:
        raise RuntimeError(f"boundary mode {mode!r} not supported")
    index = np.pad(np.arange(x.shape[axis]), (before, after), mode=_PADDING[mode])  # type: ignore[call-overload]
    return ga.take(x, ga.asarray(index, device=x.device), axis=axis)


def reach(length: int, origin: int) -> tuple[int, int]:
    """How far a window of this length reaches before and after its element."""
    before = length // 2 + origin
    if not 0 <= before < length:
        raise ValueError(f"invalid origin {origin} of a filter of length {length}")
    return before, length - 1 - before


def shifted(
    x: Any,
    shape: Sequence[int],
    places: Iterable[tuple[int, ...]],
    axes: Sequence[int],
    modes: Sequence[str],
    cval: Any,
    origins: Sequence[int],
) -> list[Any]:
    """Copies of ``x``, each moved so that one place of a window lies where its element was.

    Parameters
    ----------
    x : Tensor
    shape : sequence of int
        The window's lengths along ``axes``.
    places : iterable of tuples
        The indices into the window.
    modes, origins : sequences
        Along each of ``axes``, how the image continues, and how far the window's middle is moved.
    """
    wide = x
    for axis, length, mode, origin in zip(axes, shape, modes, origins, strict=True):
        wide = padded(wide, axis, *reach(length, origin), mode, cval)
    out = []
    for place in places:
        key = [slice(None)] * x.ndim
        for axis, start in zip(axes, place):
            key[axis] = slice(start, start + x.shape[axis])
        out.append(wide[tuple(key)])
    return out
