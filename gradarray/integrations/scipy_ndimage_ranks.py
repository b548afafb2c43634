"""The filters of scipy.ndimage that choose: ranks, and grey morphology, which is made of the first and the last rank.

Knows the public API and SciPy's signatures. What is chosen gets the gradient; where a minimum or a maximum is not
unique, those that are equal share it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_ndimage_windows import chosen, each, image, shifted
from gradarray.integrations.teaching import array, constant, tensors


def _real(input: Any) -> Any:
    (x,) = tensors(input, floating=False)
    if ga.is_complex(image(x)):
        raise TypeError("Complex type not supported")
    return x


def _one_footprint(size: Any, footprint: Any, n: int) -> Any:
    """The window as booleans."""
    if size is not None and footprint is not None:
        warnings.warn("ignoring size because footprint is set", UserWarning, stacklevel=6)
    if footprint is not None:
        found = array(footprint).astype(bool)
        if found.ndim != n:
            raise RuntimeError(f"footprint.ndim ({found.ndim}) must match len(axes) ({n})")
        if not found.any():
            raise ValueError("All-zero footprint is not supported.")
        return found
    if size is None:
        raise RuntimeError("no footprint or filter size provided")
    return np.ones([int(s) for s in each(size, n)], dtype=bool)


def _windows(x: Any, footprint: Any, axes: list[int], mode: Any, cval: Any, origin: Any) -> list[Any]:
    modes = each(mode, len(axes))
    return shifted(x, footprint.shape, np.argwhere(footprint), axes, modes, cval, each(origin, len(axes)))


def _extreme(reduce: Callable[..., Any], sign: int) -> Callable[..., Any]:
    """The filters that take the minimum or the maximum, with the grey values of a structure subtracted or added."""

    def filter(
        input: Any,
        size: Any = None,
        footprint: Any = None,
        structure: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        axes: Any = None,
    ) -> Any:
        x = _real(input)
        axes = chosen(axes, x.ndim)
        if structure is not None and footprint is None:
            footprint = np.ones(np.shape(array(structure)), dtype=bool)
        found = _one_footprint(None if structure is not None else size, footprint, len(axes))
        if structure is None and found.all():  # one axis after the other
            for axis, n, how, where in zip(axes, found.shape, each(mode, len(axes)), each(origin, len(axes))):
                if n > 1:
                    x = reduce(ga.stack(_windows(x, np.ones(n, dtype=bool), [axis], how, cval, where)), axis=0)
            return x
        if not isinstance(mode, str):
            raise RuntimeError("A sequence of modes is not supported for non-separable footprints")
        copies = _windows(x, found, axes, mode, cval, origin)
        if structure is not None:
            (grey,) = tensors(structure, x)[:1]
            copies = [
                ga.astype(c + sign * grey[tuple(p)], x.dtype) for c, p in zip(copies, np.argwhere(found).tolist())
            ]
        return reduce(ga.stack(copies), axis=0)

    return filter


_minimum, _maximum = _extreme(ga.min, -1), _extreme(ga.max, 1)


def minimum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    return _minimum(input, size, footprint, None, mode, cval, origin, axes)


def maximum_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    return _maximum(input, size, footprint, None, mode, cval, origin, axes)


def minimum_filter1d(
    input: Any, size: int, axis: int = -1, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    if size < 1:
        raise RuntimeError("incorrect filter size")
    return _minimum(input, size, None, None, mode, cval, origin, axis)


def maximum_filter1d(
    input: Any, size: int, axis: int = -1, mode: str = "reflect", cval: Any = 0.0, origin: int = 0
) -> Any:
    if size < 1:
        raise RuntimeError("incorrect filter size")
    return _maximum(input, size, None, None, mode, cval, origin, axis)


def _ranked(
    input: Any, rank: Callable[[int], int], size: Any, footprint: Any, mode: Any, cval: Any, origin: Any, axes: Any
) -> Any:
    x = _real(input)
    axes = chosen(axes, x.ndim)
    found = _one_footprint(size, footprint, len(axes))
    n = int(found.sum())
    which = rank(n)
    if not 0 <= which < n:
        raise RuntimeError("rank not within filter footprint size")
    if which in (0, n - 1):
        return (_minimum if which == 0 else _maximum)(x, None, found, None, mode, cval, origin, axes)
    if not isinstance(mode, str):
        raise RuntimeError("A sequence of modes is not supported by non-separable rank filters")
    return ga.sort(ga.stack(_windows(x, found, axes, mode, cval, origin)), axis=0)[which]


def rank_filter(
    input: Any,
    rank: int,
    size: Any = None,
    footprint: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    rank = int(rank)
    return _ranked(input, lambda n: rank + n if rank < 0 else rank, size, footprint, mode, cval, origin, axes)


def median_filter(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    return _ranked(input, lambda n: n // 2, size, footprint, mode, cval, origin, axes)


@constant("percentile")
def percentile_filter(
    input: Any,
    percentile: float,
    size: Any = None,
    footprint: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    share = float(percentile) + (100 if percentile < 0 else 0)
    if not 0 <= share <= 100:
        raise RuntimeError("invalid percentile")
    return _ranked(
        input, lambda n: n - 1 if share == 100 else int(n * share / 100), size, footprint, mode, cval, origin, axes
    )


def grey_erosion(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    if size is None and footprint is None and structure is None:
        raise ValueError("size, footprint, or structure must be specified")
    return _minimum(input, size, footprint, structure, mode, cval, origin, axes)


def grey_dilation(
    input: Any,
    size: Any = None,
    footprint: Any = None,
    structure: Any = None,
    mode: Any = "reflect",
    cval: Any = 0.0,
    origin: Any = 0,
    *,
    axes: Any = None,
) -> Any:
    if size is None and footprint is None and structure is None:
        raise ValueError("size, footprint, or structure must be specified")
    (x, structure) = tensors(input, structure, floating=False)
    n = len(chosen(axes, x.ndim))
    # the window is turned by half a circle
    if structure is not None:
        structure = ga.flip(structure)
    if footprint is not None:
        footprint = np.flip(array(footprint))
    sizes = (
        each(size, n)
        if footprint is None and structure is None
        else np.shape(array(structure) if footprint is None else footprint)
    )
    origins = [-o - (1 - int(s) % 2) for o, s in zip(each(origin, n), sizes)]
    return _maximum(x, size, footprint, structure, mode, cval, origins, axes)


def _morphology(combine: Callable[..., Any]) -> Callable[..., Any]:
    """What is made of the image, an erosion and a dilation."""

    def filter(
        input: Any,
        size: Any = None,
        footprint: Any = None,
        structure: Any = None,
        mode: Any = "reflect",
        cval: Any = 0.0,
        origin: Any = 0,
        *,
        axes: Any = None,
    ) -> Any:
        (x, structure) = tensors(input, structure, floating=False)
        options = {
            "size": size, "footprint": footprint, "structure": structure, "mode": mode, "cval": cval,
            "origin": origin, "axes": axes,
        }  # fmt: skip
        return combine(x, lambda y: grey_erosion(y, **options), lambda y: grey_dilation(y, **options))

    return filter


def vectorized_filter(
    input: Any,
    function: Callable[..., Any],
    *,
    size: Any = None,
    footprint: Any = None,
    mode: str = "reflect",
    cval: Any = None,
    origin: Any = None,
    axes: Any = None,
) -> Any:
    if (size is None) == (footprint is None):
        raise ValueError("Either `size` or `footprint` must be provided, and not both.")
    if mode == "valid":
        raise NotImplementedError("mode='valid' is not supported with tensors that require a gradient")
    (x,) = tensors(input, floating=False)
    axes = chosen(axes, x.ndim)
    last = list(range(-len(axes), 0))
    x = ga.moveaxis(x, axes, last)
    found = _one_footprint(size, footprint, len(axes))
    mode = "mirror" if mode == "grid-mirror" else mode  # as SciPy has it, here only
    last_axes = [axis + x.ndim for axis in last]
    copies = _windows(x, found, last_axes, mode, 0.0 if cval is None else cval, 0 if origin is None else origin)
    windows = ga.stack(copies, axis=-1)
    if footprint is None:
        out = function(windows.reshape((*x.shape, *found.shape)), axis=tuple(last))
    else:
        out = function(windows, axis=-1)
    return ga.moveaxis(out, last, axes)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{
        f.__name__: f
        for f in (
            grey_dilation, grey_erosion, maximum_filter, maximum_filter1d, median_filter, minimum_filter,
            minimum_filter1d, percentile_filter, rank_filter, vectorized_filter,
        )
    },
    "grey_opening": _morphology(lambda x, erode, dilate: dilate(erode(x))),
    "grey_closing": _morphology(lambda x, erode, dilate: erode(dilate(x))),
    "morphological_gradient": _morphology(lambda x, erode, dilate: dilate(x) - erode(x)),
    "morphological_laplace": _morphology(lambda x, erode, dilate: dilate(x) + erode(x) - 2 * x),
    "white_tophat": _morphology(lambda x, erode, dilate: x - dilate(erode(x))),
    "black_tophat": _morphology(lambda x, erode, dilate: erode(dilate(x)) - x),
}  # fmt: skip
