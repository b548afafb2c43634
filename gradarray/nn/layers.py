"""What layers compute that have no chapter of their own: linear maps, look-ups, dropout, padding."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradarray import random
from gradarray._dispatch import ShapeError, cast
from gradarray._storage import no_view
from gradarray.creation import arange
from gradarray.dtypes import int64
from gradarray.functions import elementwise as e
from gradarray.functions.indexing import getitem
from gradarray.functions.linalg import floating, matmul
from gradarray.functions.manipulation import clone, expand_dims, matrix_transpose
from gradarray.functions.padding import repeated, surrounded
from gradarray.functions.searching import where
from gradarray.functions.statistical import check_tensor, max, min

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``input @ weight.T + bias``. Differentiable in all.

    Parameters
    ----------
    input : Tensor
        ``(..., in)``.
    weight : Tensor
        ``(out, in)``, or ``(in,)``.
    bias : Tensor, optional
        ``(out,)``.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.nn.functional.linear``.
    """
    out = matmul(input, weight if len(check_tensor(weight)._data.shape) == 1 else matrix_transpose(weight))
    if bias is None:
        return out
    moved = e.add(out, bias)
    if moved._data.shape != out._data.shape:
        raise ShapeError(
            f"linear: bias must broadcast to an output of shape {list(out._data.shape)}, got {list(bias._data.shape)}"
        )
    return moved


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of ``weight`` at the positions in ``input``. Differentiable in ``weight``.

    Parameters
    ----------
    input : Tensor
        Of integers, of any shape.
    weight : Tensor
        ``(rows, width)``.
    padding_idx : int, optional
        A row that gets no gradient.

    Returns
    -------
    Tensor
        ``(*input.shape, width)``.

    References
    ----------
    ``torch.nn.functional.embedding``.
    """
    if check_tensor(input)._dtype.kind not in "iu":
        raise RuntimeError(f"embedding: input must be of integers, got {input._dtype!r}")
    if len(check_tensor(weight)._data.shape) != 2:
        raise ShapeError(f"embedding: weight must be 2-d, got shape {list(weight._data.shape)}")
    rows: Any = no_view(getitem(weight, input.reshape(-1)).reshape(*input._data.shape, weight._data.shape[1]))
    if padding_idx is None:
        return rows  # type: ignore[no-any-return]
    n = weight._data.shape[0]
    if not -n <= padding_idx < n:
        raise RuntimeError(f"embedding: padding_idx must be within weight of {n} rows, got {padding_idx}")
    padding = expand_dims(e.equal(input, padding_idx % n), axis=-1)
    return where(padding, rows.detach(), rows)  # type: ignore[no-any-return]


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """For each class a vector that is 1 at its position, else 0; int64. Not differentiable.

    Parameters
    ----------
    tensor : Tensor
        Classes, integers from 0 on.
    num_classes : int
        The length of the vectors; a class from there on gives zeros. -1: just enough for the largest, which is waited
        for.

    Returns
    -------
    Tensor
        ``(*tensor.shape, num_classes)``.

    References
    ----------
    ``torch.nn.functional.one_hot``.
    """
    if check_tensor(tensor)._dtype.kind not in "iu":
        raise RuntimeError(f"one_hot: classes must be integers, got {tensor._dtype!r}")
    if num_classes == -1:
        if not tensor.numel():
            raise RuntimeError("one_hot: num_classes must be given for a tensor without elements")
        if int(min(tensor)) < 0:
            raise RuntimeError(f"one_hot: classes must not be negative, got {int(min(tensor))}")
        num_classes = int(max(tensor)) + 1
    if num_classes < 0:
        raise RuntimeError(f"one_hot: num_classes must be a number from 0 up, or -1, got {num_classes}")
    classes = arange(operator.index(num_classes), device=tensor._place)
    return cast(e.equal(expand_dims(tensor, axis=-1), classes), int64)


def dropout(
    input: Tensor,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: random.Generator | None = None,
) -> Tensor:
    """``input`` with each element set to 0 with the probability ``p``, and the others scaled up for it. Differentiable.

    Parameters
    ----------
    input : Tensor
    p : float
        From 0 to 1.
    training : bool
        Where False, ``input`` itself.
    inplace : bool
        Overwrite ``input``.
    generator : Generator, optional
        By default the device's own.

    Raises
    ------
    ValueError
        If ``p`` is out of range.

    References
    ----------
    ``torch.nn.functional.dropout``.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    x = floating(input)
    if not training or p == 0:
        return x  # type: ignore[no-any-return]
    drawn = random.rand(x._data.shape, device=x._place, generator=generator)
    out = where(e.less(drawn, p), 0, e.multiply(x, 1 / (1 - p) if p < 1 else 1))
    return input.copy_(out) if inplace else out  # type: ignore[no-any-return]


MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | Tensor | None = None) -> Tensor:
    """``input`` with elements added at both ends of its last dimensions. Differentiable.

    Parameters
    ----------
    input : Tensor
    pad : sequence of int
        Before and after the last dimension, then before and after the one before it, and so on. Where negative,
        elements are taken away.
    mode : {"constant", "reflect", "replicate", "circular"}
        What is added: ``value``; the tensor mirrored, without its edge; the element at the edge; the tensor again.
    value : number or 0-d Tensor, optional
        By default 0.

    Returns
    -------
    Tensor

    Raises
    ------
    RuntimeError
        If ``pad`` does not fit, or the mode asks for more elements than there are.
    NotImplementedError
        For another mode.

    References
    ----------
    ``torch.nn.functional.pad``. NumPy's is :func:`gradarray.pad`.
    """
    x, shape = check_tensor(input), input._data.shape
    given = [operator.index(n) for n in pad]
    if len(given) % 2 or len(given) > 2 * len(shape):
        raise ShapeError(f"pad: one pair for each of at most {len(shape)} dimensions is needed, got {given}")
    pairs = [(0, 0)] * (len(shape) - len(given) // 2) + list(zip(given[::2], given[1::2]))[::-1]
    if mode != "constant" and mode not in MODES:
        raise NotImplementedError(f"pad: mode must be 'constant', {', '.join(map(repr, MODES))}, got {mode!r}")
    cuts = builtins.min(given, default=0) < 0
    if cuts or mode != "constant":
        for n, (a, b) in zip(shape, pairs, strict=True):
            most = {"reflect": n - 1, "circular": n}.get(mode)
            if n + a + b < 0 or (most is not None and builtins.max(a, b, 0) > builtins.max(most, 0)):
                raise ShapeError(f"pad: {(a, b)} is not possible for a dimension of length {n} in mode {mode!r}")
    widths = tuple((builtins.max(a, 0), builtins.max(b, 0)) for a, b in pairs)

    def cut(x: Any) -> Any:
        ends = zip(x._data.shape, pairs, strict=True)
        return (
            getitem(x, tuple(slice(builtins.max(-a, 0), n + builtins.min(b, 0)) for n, (a, b) in ends)) if cuts else x
        )

    if mode == "constant":
        return surrounded(cut(x), widths, 0 if value is None else value)  # type: ignore[no-any-return]
    if mode == "circular":
        out = repeated(cut(x), widths, MODES[mode])
    else:  # mirrored at its own edge, also where the other one is taken away
        out = cut(repeated(x, widths, MODES[mode]))
    return no_view(out) if any(map(any, widths)) else clone(out)  # with nothing added it is the input, or a part of it
