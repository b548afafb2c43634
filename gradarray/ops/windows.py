"""Sliding windows and their adjoint: what convolution, pooling and ``torch.nn.functional.unfold`` are made of.

The windows slide over the last dimensions of a tensor, as many as there are ``sizes``. One slice of the tensor holds
what all windows have at one position, so there is a slice for each position in a window, and none for each window.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

from gradarray._primitive import linear
from gradarray.ops._helpers import Shape


def _slices(shape: Shape, sizes: Shape, strides: Shape, dilations: Shape) -> Iterator[tuple[Any, ...]]:
    """For each position in a window the key of what the windows have there."""
    lengths = shape[len(shape) - len(sizes) :]
    outs = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(lengths, sizes, strides, dilations, strict=True)]
    for position in itertools.product(*map(range, sizes)):
        starts = [p * d for p, d in zip(position, dilations, strict=True)]
        yield (..., *(slice(a, a + s * (o - 1) + 1, s) for a, s, o in zip(starts, strides, outs, strict=True)))


def _windows(xp: Any, x: Any, *, sizes: Shape, strides: Shape, dilations: Shape) -> Any:
    parts = [xp.getitem(x, key=key) for key in _slices(x.shape, sizes, strides, dilations)]
    return xp.stack(parts, axis=len(x.shape) - len(sizes))


def _windows_adjoint(xp: Any, g: Any, *, shape: Shape, sizes: Shape, strides: Shape, dilations: Shape) -> Any:
    total = None
    rest = (slice(None),) * len(sizes)
    for i, key in zip(range(math.prod(sizes)), _slices(shape, sizes, strides, dilations), strict=True):
        part = xp.getitem(g, key=(..., i, *rest))
        total = xp.scattered(part, (), key, shape).add_to(total, owned=True)
    return total


# (*batch, *lengths) to (*batch, positions in a window, *windows)
linear(
    "windows",
    transpose=lambda xp, g, shape1, sizes, strides, dilations: xp.windows_adjoint(
        g, shape=shape1, sizes=sizes, strides=strides, dilations=dilations
    ),
    forward=_windows,
    grad_name="Im2ColBackward0",
    batch="leading",
)
linear(
    "windows_adjoint",
    transpose=lambda xp, g, sizes, strides, dilations: xp.windows(g, sizes=sizes, strides=strides, dilations=dilations),
    forward=_windows_adjoint,
    grad_name="Col2ImBackward0",
    batch="leading",
)
