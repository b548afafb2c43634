"""Convolutions, their transposes, and the windows they are made of.

The windows of the input are gathered by one slice a position in the kernel, and one ``matmul`` does the rest. The
transpose takes the same two steps backwards.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError, apply
from gradarray._primitive import TABLE
from gradarray._storage import no_view
from gradarray.functions import elementwise as e
from gradarray.functions.indexing import getitem
from gradarray.functions.linalg import matmul
from gradarray.functions.manipulation import matrix_transpose, reshape
from gradarray.functions.padding import surrounded
from gradarray.functions.statistical import check_tensor
from gradarray.nn._shapes import check_shape

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Size = int | Sequence[int]
Sizes = tuple[int, ...]


def sizes(given: Any, n: int, name: str, what: str, *, least: int = 1) -> Sizes:
    """``given`` as one number for each of ``n`` dimensions.

    Raises
    ------
    RuntimeError
        If it is not that, or one is smaller than ``least``.
    """
    one = isinstance(given, int)
    found = (operator.index(given),) * n if one else tuple(map(operator.index, given))
    found = found * n if len(found) == 1 else found
    if len(found) != n or min(found) < least:
        raise ShapeError(f"{name}: {what} must be a number from {least} up, or {n} of them, got {given!r}")
    return found


def batched(x: Any, n: int, name: str) -> tuple[Any, bool]:
    """``x`` as a batch, ``(N, C, *lengths)``, and whether it was one."""
    ndim = len(check_tensor(x)._data.shape)
    if ndim not in (n + 1, n + 2):
        raise ShapeError(
            f"{name}: expected a {n + 2}D input, or {n + 1}D without a batch, but got shape {list(x._data.shape)}"
        )
    return (x, True) if ndim == n + 2 else (reshape(x, (1, *x._data.shape)), False)


def unbatched(out: Tensor, was_batch: bool) -> Tensor:
    """What was computed, without the dimension that :func:`batched` put in front; no view, whatever it is made of."""
    return no_view(out if was_batch else reshape(out, out._data.shape[1:]))


def around(x: Any, pads: Sequence[tuple[int, int]], value: float = 0) -> Any:
    """``x`` with ``value`` around its last dimensions."""
    if all(pair == (0, 0) for pair in pads):
        return x
    return surrounded(x, ((0, 0),) * (len(x._data.shape) - len(pads)) + tuple(pads), value)


def windows(x: Any, kernel: Sizes, stride: Sizes, dilation: Sizes, name: str) -> Any:
    """The windows of ``x``, ``(*batch, positions in a window, *windows)``.

    Raises
    ------
    RuntimeError
        If a window is longer than ``x``.
    """
    lengths = x._data.shape[-len(kernel) :]
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    if any(span > n for span, n in zip(spans, lengths, strict=True)):
        raise ShapeError(f"{name}: kernel of span {spans} can't be larger than the padded input of {list(lengths)}")
    return apply(TABLE["windows"], (x,), {"sizes": kernel, "strides": stride, "dilations": dilation})


def _with_bias(out: Any, bias: Any, n: int, was_batch: bool, name: str) -> Tensor:
    if bias is not None:
        check_shape(bias, out._data.shape[1:2], name, "bias")
        out = e.add(out, reshape(bias, (-1,) + (1,) * n))
    return unbatched(out, was_batch)


def _pads(padding: Any, kernel: Sizes, stride: Sizes, dilation: Sizes, name: str) -> list[tuple[int, int]]:
    if padding == "same":
        if any(s != 1 for s in stride):
            raise RuntimeError(f"{name}: padding='same' is not supported for strided convolutions, got stride {stride}")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return [(total // 2, total - total // 2) for total in totals]
    if padding == "valid":
        padding = 0
    if isinstance(padding, str):
        raise RuntimeError(f"{name}: padding must be a number, numbers, 'same' or 'valid', got {padding!r}")
    return [(p, p) for p in sizes(padding, len(kernel), name, "padding", least=0)]


def _conv(n: int) -> Callable[..., Any]:
    name = f"conv{n}d"

    def conv(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Size = 1,
        padding: Size | str = 0,
        dilation: Size = 1,
        groups: int = 1,
    ) -> Tensor:
        x, was_batch = batched(input, n, name)
        shape = check_tensor(weight)._data.shape
        if len(shape) != n + 2 or groups < 1 or shape[0] % groups or x._data.shape[1] != shape[1] * groups:
            raise ShapeError(
                f"{name}: groups={groups} needs a weight (C_out, C_in / groups, {'k, ' * (n - 1)}k), with C_out "
                f"a multiple of groups; got {list(shape)} for an input of shape {list(input._data.shape)}"
            )
        kernel, steps, spread = shape[2:], sizes(stride, n, name, "stride"), sizes(dilation, n, name, "dilation")
        columns = windows(around(x, _pads(padding, kernel, steps, spread, name)), kernel, steps, spread, name)
        batch, lengths = x._data.shape[0], columns._data.shape[3:]
        rows, inner, count = shape[0] // groups, math.prod(shape[1:]), math.prod(lengths)
        stacked = (groups,) if groups > 1 else ()  # without groups the stack is of the batch alone
        out = matmul(reshape(weight, (*stacked, rows, inner)), reshape(columns, (batch, *stacked, inner, count)))
        out = reshape(out, (batch, shape[0], *lengths))
        return _with_bias(out, bias, n, was_batch, name)

    conv.__name__ = conv.__qualname__ = name
    conv.__doc__ = f"""Cross-correlation of ``input`` with ``weight`` over {n} dimension{"s" * (n > 1)}. Differentiable.

    Parameters
    ----------
    input : Tensor
        ``(N, C_in, …)``, or without ``N``.
    weight : Tensor
        ``(C_out, C_in / groups, …)``.
    bias : Tensor, optional
        ``(C_out,)``.
    stride, dilation : int or sequence of int
        How far the windows are apart, and the elements of a window.
    padding : int, sequence of int, "valid" or "same"
        How many zeros at both ends; none, or just as many as keep the length.
    groups : int
        Into how many parts the channels are divided, each with outputs of its own.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.nn.functional.{name}``.
    """
    return conv


conv1d, conv2d, conv3d = _conv(1), _conv(2), _conv(3)


def _conv_transpose(n: int) -> Callable[..., Any]:
    name = f"conv_transpose{n}d"

    def conv_transpose(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        dilation: Size = 1,
    ) -> Tensor:
        x, was_batch = batched(input, n, name)
        shape = check_tensor(weight)._data.shape
        if len(shape) != n + 2 or groups < 1 or shape[0] % groups or x._data.shape[1] != shape[0]:
            raise ShapeError(
                f"{name}: groups={groups} needs a weight (C_in, C_out / groups, {'k, ' * (n - 1)}k), with C_in "
                f"a multiple of groups; got {list(shape)} for an input of shape {list(input._data.shape)}"
            )
        kernel, steps, spread = shape[2:], sizes(stride, n, name, "stride"), sizes(dilation, n, name, "dilation")
        cut = sizes(padding, n, name, "padding", least=0)
        more = sizes(output_padding, n, name, "output_padding", least=0)
        if any(m >= max(s, d) for m, s, d in zip(more, steps, spread, strict=True)):
            raise ShapeError(f"{name}: output_padding {more} must be smaller than stride {steps} or dilation {spread}")
        batch, lengths = x._data.shape[0], x._data.shape[2:]
        channels, inner, count = shape[1], math.prod(shape[1:]), math.prod(lengths)
        full = tuple(
            (length - 1) * s + d * (k - 1) + 1 for length, s, d, k in zip(lengths, steps, spread, kernel, strict=True)
        )
        ends = [length + m - p for length, m, p in zip(full, more, cut, strict=True)]
        if any(end <= p for end, p in zip(ends, cut, strict=True)):
            raise ShapeError(f"{name}: padding {cut} leaves nothing of an output of {list(full)}")
        rows = matrix_transpose(reshape(weight, (groups, shape[0] // groups, inner)))
        columns = matmul(rows, reshape(x, (batch, groups, shape[0] // groups, count)))
        columns = reshape(columns, (batch, groups * channels, math.prod(kernel), *lengths))
        params = {"sizes": kernel, "strides": steps, "dilations": spread, "shape": (batch, groups * channels, *full)}
        out = around(apply(TABLE["windows_adjoint"], (columns,), params), [(0, m) for m in more])
        out = getitem(out, (..., *(slice(p, end) for p, end in zip(cut, ends, strict=True))))
        return _with_bias(out, bias, n, was_batch, name)

    conv_transpose.__name__ = conv_transpose.__qualname__ = name
    conv_transpose.__doc__ = f"""What is the transpose of :func:`conv{n}d` in its input. Differentiable in all.

    Parameters
    ----------
    input : Tensor
        ``(N, C_in, …)``, or without ``N``.
    weight : Tensor
        ``(C_in, C_out / groups, …)``.
    bias : Tensor, optional
        ``(C_out,)``.
    stride, dilation, groups
        Those of the convolution.
    padding : int or sequence of int
        How many elements are left out at both ends.
    output_padding : int or sequence of int
        How many more there are at the end: several lengths are convolved to one.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.nn.functional.{name}``.
    """
    return conv_transpose


conv_transpose1d, conv_transpose2d, conv_transpose3d = _conv_transpose(1), _conv_transpose(2), _conv_transpose(3)


def unfold(input: Tensor, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1) -> Tensor:
    """The windows of pictures as columns. Differentiable.

    Parameters
    ----------
    input : Tensor
        ``(N, C, H, W)``, or without ``N``.
    kernel_size, dilation, padding, stride : int or pair of int
        As in :func:`conv2d`.

    Returns
    -------
    Tensor
        ``(N, C * k, windows)``.

    References
    ----------
    ``torch.nn.functional.unfold``.
    """
    x, was_batch = batched(input, 2, "unfold")
    kernel, step, spread, pads = _four("unfold", kernel_size, stride, dilation, padding)
    columns = windows(around(x, [(p, p) for p in pads]), kernel, step, spread, "unfold")
    batch, channels, count = columns._data.shape[:3]
    out = reshape(columns, (batch, channels * count, math.prod(columns._data.shape[3:])))
    return unbatched(out, was_batch)


def fold(
    input: Tensor,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> Tensor:
    """Columns added into pictures where :func:`unfold` took them from. Differentiable.

    Parameters
    ----------
    input : Tensor
        ``(N, C * k, windows)``, or without ``N``.
    output_size : int or pair of int
        ``(H, W)``.
    kernel_size, dilation, padding, stride : int or pair of int
        As in :func:`unfold`.

    Returns
    -------
    Tensor
        ``(N, C, H, W)``.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.nn.functional.fold``.
    """
    x, was_batch = batched(input, 1, "fold")
    kernel, step, spread, pads = _four("fold", kernel_size, stride, dilation, padding)
    full = tuple(n + 2 * p for n, p in zip(sizes(output_size, 2, "fold", "output_size"), pads, strict=True))
    counts = [(n - d * (k - 1) - 1) // s + 1 for n, k, s, d in zip(full, kernel, step, spread, strict=True)]
    batch, rows, found = x._data.shape
    if rows % math.prod(kernel) or min(counts) < 1 or found != math.prod(counts):
        raise ShapeError(
            f"fold: an input of shape (N, C * {math.prod(kernel)}, {' * '.join(map(str, counts))}) is needed, got "
            f"{list(input._data.shape)}"
        )
    columns = reshape(x, (batch, rows // math.prod(kernel), math.prod(kernel), *counts))
    params = {"sizes": kernel, "strides": step, "dilations": spread, "shape": (*columns._data.shape[:2], *full)}
    out = apply(TABLE["windows_adjoint"], (columns,), params)
    out = getitem(out, (..., *(slice(p, n - p) for p, n in zip(pads, full, strict=True))))
    return unbatched(out, was_batch)


def _four(name: str, kernel_size: Size, stride: Size, dilation: Size, padding: Size) -> tuple[Sizes, ...]:
    return (
        sizes(kernel_size, 2, name, "kernel_size"),
        sizes(stride, 2, name, "stride"),
        sizes(dilation, 2, name, "dilation"),
        sizes(padding, 2, name, "padding", least=0),
    )
