"""Pooling: the largest of each window, or its mean."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradarray._dispatch import ShapeError
from gradarray.creation import arange, as_value
from gradarray.dtypes import finfo
from gradarray.functions import elementwise as e
from gradarray.functions.indexing import getitem
from gradarray.functions.linalg import floating
from gradarray.functions.manipulation import broadcast_to, clone, concat, reshape, squeeze
from gradarray.functions.searching import argmax, take_along_axis
from gradarray.functions.statistical import mean, sum
from gradarray.nn.convolution import Size, Sizes, around, batched, sizes, unbatched, windows

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


def _plan(
    x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, n: int, name: str
) -> tuple[Sizes, Sizes, Sizes, Sizes, list[tuple[int, int]]]:
    """Kernel, stride, dilation, padding, and what is added at both ends so that the last windows are whole."""
    kernel = sizes(kernel_size, n, name, "kernel_size")
    step = kernel if stride is None else sizes(stride, n, name, "stride")
    spread, pads = sizes(dilation, n, name, "dilation"), sizes(padding, n, name, "padding", least=0)
    if any(2 * p > k for p, k in zip(pads, kernel, strict=True)):
        raise ShapeError(f"{name}: padding {pads} should be at most half of kernel size {kernel}")
    ends = []
    for length, k, s, d, p in zip(x._data.shape[-n:], kernel, step, spread, pads, strict=True):
        over = length + 2 * p - d * (k - 1) - 1
        more = 0
        if ceil_mode and over > -s and over % s:
            last = (over // s + 1) * s  # where one more window would start, which it may not in the padding
            more = last - over if last < length + p else 0
        ends.append((p, p + more))
    return kernel, step, spread, pads, ends


def _max_pool(n: int) -> Callable[..., Any]:
    name = f"max_pool{n}d"

    def max_pool(
        input: Tensor,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        x, was_batch = batched(floating(input), n, name)
        kernel, step, spread, _, ends = _plan(x, kernel_size, stride, padding, dilation, ceil_mode, n, name)
        found = windows(around(x, ends, -math.inf), kernel, step, spread, name)
        candidates = found
        if any(end != (0, 0) for end in ends):  # what is padded must not be the largest even where all others are -inf
            candidates = windows(around(e.clip(x, finfo(x._dtype).min), ends, -math.inf), kernel, step, spread, name)
        best = argmax(candidates, axis=2, keepdims=True)
        out = squeeze(take_along_axis(found, best, axis=2), 2)
        out = unbatched(out, was_batch)
        if not return_indices:
            return out
        lengths = x._data.shape[2:]
        numbers = reshape(arange(math.prod(lengths), device=x._place), (1, 1, *lengths))
        places = windows(around(numbers, ends), kernel, step, spread, name)
        indices = squeeze(take_along_axis(broadcast_to(places, found._data.shape), best, axis=2), 2)
        return out, unbatched(indices, was_batch)

    max_pool.__name__ = max_pool.__qualname__ = name
    max_pool.__doc__ = f"""The largest element of each window. Differentiable: of a tie, the first gets the gradient.

    Parameters
    ----------
    input : Tensor
        ``(N, C, …)`` with {n} more dimension{"s" * (n > 1)}, or without ``N``.
    kernel_size : int or sequence of int
    stride : int or sequence of int, optional
        By default ``kernel_size``.
    padding : int or sequence of int
        How many -inf at both ends, at most half of the kernel.
    dilation : int or sequence of int
    ceil_mode : bool
        Another window where elements are left at the end.
    return_indices : bool
        Give also where each element is, counted over all but ``N`` and ``C``.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.nn.functional.{name}``.
    """
    return max_pool


max_pool1d, max_pool2d, max_pool3d = _max_pool(1), _max_pool(2), _max_pool(3)


def _divisors(lengths: Sizes, kernel: Sizes, step: Sizes, pads: Sizes, counts: Sequence[int], inside_only: bool) -> Any:
    """How many elements each window counts: those in the padded input, or in the input alone."""
    out: Any = np.ones(())
    for length, k, s, p, count in zip(lengths, kernel, step, pads, counts, strict=True):
        start = np.arange(count) * s - p
        end = np.minimum(start + k, length + p)
        if inside_only:
            start, end = np.maximum(start, 0), np.minimum(end, length)
        out = np.multiply.outer(out, end - start)
    return out


def _avg_pool(n: int) -> Callable[..., Any]:
    name = f"avg_pool{n}d"

    def avg_pool(
        input: Tensor,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Tensor:
        x, was_batch = batched(floating(input), n, name)
        kernel, step, ones, pads, ends = _plan(x, kernel_size, stride, padding, 1, ceil_mode, n, name)
        total = sum(windows(around(x, ends), kernel, step, ones, name), axis=2)
        if divisor_override is not None:
            if divisor_override == 0:
                raise RuntimeError(f"{name}: divisor_override must not be zero")
            out = e.divide(total, divisor_override)
        else:
            lengths, counts = x._data.shape[2:], total._data.shape[2:]
            divisors = _divisors(lengths, kernel, step, pads, counts, not count_include_pad)
            out = e.divide(total, as_value(divisors, dtype=total._dtype, device=x._place))
        return unbatched(out, was_batch)

    avg_pool.__name__ = avg_pool.__qualname__ = name
    avg_pool.__doc__ = f"""The mean of each window. Differentiable.

    Parameters
    ----------
    input : Tensor
        ``(N, C, …)`` with {n} more dimension{"s" * (n > 1)}, or without ``N``.
    kernel_size : int or sequence of int
    stride : int or sequence of int, optional
        By default ``kernel_size``.
    padding : int or sequence of int
        How many zeros at both ends, at most half of the kernel.
    ceil_mode : bool
        Another window where elements are left at the end.
    count_include_pad : bool
        Whether the zeros count.
    divisor_override : int, optional
        What to divide by instead of the number of elements.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.nn.functional.{name}``.
    """
    return avg_pool


avg_pool1d, avg_pool2d, avg_pool3d = _avg_pool(1), _avg_pool(2), _avg_pool(3)


def _averages(x: Any, count: int, axis: int) -> Any:
    """``count`` means along ``axis``, over parts as even as can be; of each part alone, as it may not be finite."""
    length, ahead = x._data.shape[axis], (slice(None),) * axis
    spans = [slice(i * length // count, -(-(i + 1) * length // count)) for i in range(count)]
    if not spans:
        return clone(getitem(x, (*ahead, slice(0))))
    return concat([mean(getitem(x, (*ahead, span)), axis=axis, keepdims=True) for span in spans], axis=axis)


def _adaptive_avg_pool(n: int) -> Callable[..., Any]:
    name = f"adaptive_avg_pool{n}d"

    def adaptive_avg_pool(input: Tensor, output_size: int | Sequence[int | None]) -> Tensor:
        x, was_batch = batched(floating(input), n, name)
        given = (output_size,) * n if isinstance(output_size, int) else tuple(output_size)
        lengths = x._data.shape[2:]
        if len(given) != n or 0 in lengths or any(count is not None and count < 0 for count in given):
            raise ShapeError(
                f"{name}: one output size from 0 up for each of {n} dimensions that are not empty is needed, got "
                f"{output_size!r} for an input of shape {list(input._data.shape)}"
            )
        out = x
        for axis, (length, count) in enumerate(zip(lengths, given, strict=True), start=2):
            if count is None or count == length:
                continue
            out = _averages(out, count, axis)
        return unbatched(clone(x) if out is x else out, was_batch)

    adaptive_avg_pool.__name__ = adaptive_avg_pool.__qualname__ = name
    adaptive_avg_pool.__doc__ = f"""Means over as many windows as are asked for, all of nearly one size. Differentiable.

    Parameters
    ----------
    input : Tensor
        ``(N, C, …)`` with {n} more dimension{"s" * (n > 1)}, or without ``N``.
    output_size : int or sequence of int or None
        None keeps a length.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.nn.functional.{name}``.
    """
    return adaptive_avg_pool


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(_adaptive_avg_pool, (1, 2, 3))
