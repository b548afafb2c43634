"""The splines of scipy.ndimage: images read between their elements. Coordinates have gradients as well.

Knows the public API and SciPy's signatures, and takes from SciPy the matrix that gives a spline's coefficients: it is
dense, so that filtering an image of n by n costs n³.
"""

from __future__ import annotations

import functools
import itertools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_ndimage_windows import chosen, each, image, padded
from gradarray.integrations.teaching import array, constant, detached, tensors, tracked

_FURTHER = 12  # how many elements SciPy adds where the spline's continuation is not exact
_REACH = 8  # more than the elements on each side that a spline of any order weighs


def _order(order: int) -> int:
    if not 0 <= order <= 5:
        raise RuntimeError("spline order not supported")
    return int(order)


@functools.lru_cache(maxsize=16)
def _coefficients(n: int, order: int, mode: str) -> np.ndarray[Any, Any]:
    from scipy import ndimage

    return np.asarray(ndimage.spline_filter1d(np.eye(n), order, axis=0, mode=mode))


def spline_filter1d(input: Any, order: int = 3, axis: int = -1, mode: str = "mirror") -> Any:
    (x,) = tensors(input)
    x = ga.astype(x, ga.complex128 if ga.is_complex(x) else ga.float64)
    if _order(order) < 2:
        return x
    (axis,) = chosen(axis, x.ndim)
    matrix = ga.asarray(_coefficients(x.shape[axis], order, mode), device=x.device)
    return ga.moveaxis(ga.tensordot(ga.astype(matrix, x.dtype), x, axes=((1,), (axis,))), 0, axis)


def spline_filter(input: Any, order: int = 3, mode: str = "mirror") -> Any:
    if _order(order) < 2:
        raise RuntimeError("spline order not supported")
    (x,) = tensors(input)
    for axis in range(x.ndim):
        x = spline_filter1d(x, order, axis, mode)
    return x


def mapped(at: np.ndarray[Any, Any], n: int, mode: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Where in the image a coordinate lies, -1 for nowhere, and how fast it moves there."""
    slope = np.ones_like(at)
    if mode == "grid-constant":
        return at, slope
    inside = (at >= 0) & (at <= n - 1)
    if mode == "constant":
        return np.where(inside, at, -1.0), slope
    if mode == "nearest":  # it is the neighbours that lie on the edge; beyond the reach of every order all of them do
        return np.clip(at, -_REACH, n - 1 + _REACH), np.where((at >= -_REACH) & (at <= n - 1 + _REACH), 1.0, 0.0)
    if mode in ("wrap", "grid-wrap"):
        period = n - 1 if mode == "wrap" else n
        new = np.where(at < 0, at + period * ((-at // max(period, 1)) + 1), at - period * (at // max(period, 1)))
        return np.where(inside, at, new if period else 0.0), slope
    period, first = (2 * n - 2, 0.0) if mode == "mirror" else (2 * n, -0.5)
    if period == 0:
        return np.zeros_like(at), np.zeros_like(at)
    turned = (at - first) % period
    back = turned > period / 2
    new = np.where(back, period - turned, turned) + first
    return np.where(inside, at, new), np.where(inside | ~back, 1.0, -1.0)


def spline_weights(x: Any, order: int) -> list[Any]:
    """The B-splines of an order at ``x``, between 0 and 1, by the recurrence of Cox and de Boor for equal steps."""
    weights: list[Any] = [ga.ones_like(x)]
    for k in range(1, order + 1):
        left, right = [None, *weights], [*weights, None]
        weights = [
            ((0 if a is None else (x + (k - j)) * a) + (0 if b is None else (j + 1 - x) * b)) / k
            for j, (a, b) in enumerate(zip(left, right))
        ]
    return weights


def _read(x: Any, coordinates: Sequence[Any], order: int, mode: str, cval: Any, prefilter: bool) -> Any:
    """``x`` at coordinates, one tensor for each axis; these broadcast.

    A sum over the order + 1 neighbours along each axis, as in SciPy's ``NI_GeometricTransform``.
    """
    dtype = image(x).dtype
    mode = {"grid-mirror": "reflect"}.get(mode, mode)
    if mode not in ("reflect", "constant", "nearest", "mirror", "wrap", "grid-constant", "grid-wrap"):
        raise RuntimeError(f"boundary mode {mode!r} not supported")
    further = 0
    if prefilter and order > 1:
        if mode in ("nearest", "grid-constant"):
            further = _FURTHER
            for axis in range(x.ndim):
                x = padded(x, axis, further, further, mode, cval)
        x = spline_filter(x, order, mode=mode)
    x = ga.astype(x, ga.complex128 if ga.is_complex(x) else ga.float64)
    edge = "mirror" if mode in ("constant", "wrap") else mode
    taps, outside = [], np.zeros((), dtype=bool)
    for n, at in zip(x.shape, coordinates):
        at = ga.astype(at, ga.float64) + further
        values = array(at)
        there, slope = mapped(values, n, mode)
        if mode == "constant":
            outside = outside | (there < 0)
            there = np.maximum(there, 0)
        at = at * ga.asarray(slope, device=x.device) + ga.asarray(there - slope * values, device=x.device)
        half = 0.0 if order % 2 else 0.5
        whole = np.floor(there + half)
        fraction = at + half - ga.asarray(whole, device=x.device)
        start = whole.astype(int) - order // 2
        along = []
        for j, weight in enumerate(spline_weights(fraction, order)):
            index = start + j
            missing = (index < 0) | (index >= n) if mode == "grid-constant" else np.zeros((), dtype=bool)
            index = np.clip(np.rint(mapped(index.astype(float), n, edge)[0]).astype(int), 0, n - 1)
            along.append((index, missing, weight))
        taps.append(along)
    flat = ga.concat([x.reshape((-1,)), (ga.zeros(1, dtype=x.dtype, device=x.device) + cval)])
    out: Any = 0.0
    for neighbours in itertools.product(*taps):
        place: Any = 0
        missing, weight = np.zeros((), dtype=bool), None
        for n, (index, absent, factor) in zip(x.shape, neighbours):
            place, missing = place * n + index, missing | absent
            weight = factor if weight is None else weight * factor
        place = np.where(missing, flat.shape[0] - 1, place)
        values = ga.take(flat, ga.asarray(place.ravel(), device=x.device)).reshape(place.shape)
        out = out + weight * values
    if np.any(outside):
        out = ga.where(ga.asarray(outside, device=x.device), flat[-1], out)
    return ga.astype(out, dtype)


def map_coordinates(
    input: Any, coordinates: Any, order: int = 3, mode: str = "constant", cval: Any = 0.0, prefilter: bool = True
) -> Any:
    x, at = tensors(input, coordinates)
    if at.shape[0] != x.ndim or not x.ndim or at.ndim < 2:
        raise RuntimeError("invalid shape for coordinate array")
    return _read(x, ga.unstack(at), _order(order), mode, cval, prefilter)


def _grid(lengths: Any, like: Any) -> list[Any]:
    """The coordinates of each element, open."""
    return [ga.asarray(g.astype(float), device=like.device) for g in np.ogrid[tuple(slice(0, int(n)) for n in lengths)]]


def shift(
    input: Any, shift: Any, order: int = 3, mode: str = "constant", cval: Any = 0.0, prefilter: bool = True
) -> Any:
    (x, *_) = tensors(input, shift)
    at = [grid - by for grid, by in zip(_grid(x.shape, x), each(shift, x.ndim))]
    return _read(x, at, _order(order), mode, cval, prefilter)


@constant("zoom")
def zoom(
    input: Any,
    zoom: Any,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    *,
    grid_mode: bool = False,
) -> Any:
    (x,) = tensors(input)
    factors = each(detached(zoom), x.ndim)
    lengths = [round(n * float(factor)) for n, factor in zip(x.shape, factors)]
    if all(factor == 1 for factor in factors) and prefilter:
        return ga.clone(x)
    if grid_mode and mode in ("constant", "wrap"):
        warnings.warn(
            f"It is recommended to use mode = grid-{mode} instead of {mode} when grid_mode is True.", stacklevel=4
        )
    at = []
    for grid, old, new in zip(_grid(lengths, x), x.shape, lengths):
        top, bottom = (old, new) if grid_mode else (old - 1, new - 1)
        step = top / bottom if bottom else 1.0
        at.append((grid + 0.5) * step - 0.5 if grid_mode else grid * step)
    return _read(x, at, _order(order), mode, cval, prefilter)


def affine_transform(
    input: Any,
    matrix: Any,
    offset: Any = 0.0,
    output_shape: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    (x, m) = tensors(input, matrix)
    n = x.ndim
    lengths = tuple(x.shape) if output_shape is None else tuple(output_shape)
    if m.ndim == 2 and m.shape[1] == n + 1 and m.shape[0] in (n, n + 1):  # homogeneous coordinates
        if m.shape[0] == n + 1 and array(m)[n].tolist() != [0] * n + [1]:
            raise ValueError(
                f"Expected homogeneous transformation matrix of shape {tuple(m.shape)} to end in [0, …, 1]"
            )
        offset, m = [m[i, n] for i in range(n)], m[:n, :n]
    if m.ndim not in (1, 2) or m.shape[0] != n or (m.ndim == 2 and m.shape[1] != len(lengths)):
        raise RuntimeError(f"no proper affine matrix provided: its shape is {tuple(m.shape)}")
    grid, offsets = _grid(lengths, x), each(offset, n)
    if m.ndim == 1:
        at = [g * m[i] + offsets[i] for i, g in enumerate(grid)]
    else:
        at = [sum(m[i, j] * g for j, g in enumerate(grid)) + offsets[i] for i in range(n)]
    return _read(x, at, _order(order), mode, cval, prefilter)


def rotate(
    input: Any,
    angle: Any,
    axes: tuple[int, int] = (1, 0),
    reshape: bool = True,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
) -> Any:
    (x, *_) = tensors(input, angle)
    if x.ndim < 2:
        raise ValueError("input array should be at least 2D")
    first, second = sorted(chosen(axes, x.ndim))
    if tracked([angle]):
        turn = ga.astype(angle, ga.float64) * (np.pi / 180)
        c: Any = ga.cos(turn)
        s: Any = ga.sin(turn)
    else:
        from scipy import special

        degrees = float(angle)
        c, s = float(special.cosdg(degrees)), float(special.sindg(degrees))
    rotation = np.array([[float(c), float(s)], [-float(s), float(c)]])
    old = np.array([x.shape[first], x.shape[second]])
    new = old
    if reshape:
        corners = rotation @ [[0, 0, old[0], old[0]], [0, old[1], 0, old[1]]]
        new = (np.ptp(corners, axis=1) + 0.5).astype(int)
    middle, centre = (new - 1) / 2, (old - 1) / 2
    matrix = ga.stack([*tensors(c, s, x)[:2], *tensors(-s, c, x)[:2]]).reshape((2, 2))
    offset = [
        centre[0] - (c * middle[0] + s * middle[1]),
        centre[1] - (-s * middle[0] + c * middle[1]),
    ]
    planes = ga.moveaxis(x, (first, second), (-2, -1))
    stack = planes.reshape((-1, *planes.shape[-2:]))
    turned = [
        affine_transform(stack[i], matrix, offset, new.tolist(), order, mode, cval, prefilter)
        for i in range(stack.shape[0])
    ]
    return ga.moveaxis(ga.stack(turned).reshape((*planes.shape[:-2], *new.tolist())), (-2, -1), (first, second))


def geometric_transform(
    input: Any,
    mapping: Callable[..., Any],
    output_shape: Any = None,
    order: int = 3,
    mode: str = "constant",
    cval: Any = 0.0,
    prefilter: bool = True,
    extra_arguments: Any = (),
    extra_keywords: Any = None,
) -> Any:
    (x,) = tensors(input)
    lengths = tuple(x.shape) if output_shape is None else tuple(output_shape)
    places = [mapping(place, *extra_arguments, **(extra_keywords or {})) for place in np.ndindex(*lengths)]
    if tracked(places):
        at = ga.stack([ga.stack(tensors(*place, x)[:-1]) for place in places])
    else:
        at = ga.asarray(np.array(detached(places), dtype=float), device=x.device)
    return _read(x, ga.unstack(at.T.reshape((x.ndim, *lengths))), _order(order), mode, cval, prefilter)


FUNCTIONS = {
    f.__name__: f
    for f in (
        affine_transform, geometric_transform, map_coordinates, rotate, shift, spline_filter, spline_filter1d, zoom,
    )
}  # fmt: skip
