"""``einsum``: sums of products over named dimensions.

Each operand is brought to dimensions that are named once, then two at a time are contracted by one ``matmul``. Which
two come first, opt_einsum says where it is installed, the extra ``gradarray[einsum]``; else it goes from left to right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError
from gradarray.creation import arange
from gradarray.functions.elementwise import multiply
from gradarray.functions.indexing import getitem
from gradarray.functions.linalg import matmul
from gradarray.functions.manipulation import permute_dims, reshape, squeeze
from gradarray.functions.statistical import check_tensor, sum

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Label = str | int  # a letter, or the position from the right of a dimension that the ellipsis stands for
Labels = tuple[Label, ...]
Term = tuple[Any, Labels]


def _letters(text: str, equation: str) -> list[Any]:
    """The labels of one operand, with ``...`` for the ellipsis."""
    parts = text.replace(" ", "").split("...")
    letters = "".join(parts)
    if len(parts) > 2 or not (letters.isalpha() or not letters):
        raise ValueError(
            f"einsum: subscripts are letters and at most one '...' an operand, got {text!r} in {equation!r}"
        )
    return [*parts[0], ..., *parts[1]] if len(parts) == 2 else list(letters)


def _parsed(operands: Sequence[Any]) -> tuple[list[list[Any]], list[Any] | None, list[Any]]:
    """The labels of each operand and of the output (None where it is implicit), and the operands."""
    if isinstance(operands[0], str):
        equation, tensors = operands[0], list(operands[1:])
        if len(tensors) == 1 and isinstance(tensors[0], list | tuple):
            tensors = list(tensors[0])
        left, arrow, right = equation.partition("->")
        inputs = [_letters(text, equation) for text in left.split(",")]
        output = _letters(right, equation) if arrow else None
        return inputs, output, tensors
    tensors, lists = list(operands[0::2]), list(operands[1::2])
    output = list(tensors.pop()) if len(operands) % 2 else None
    return list(map(_named, lists)), None if output is None else _named(output), tensors


def _named(numbers: Iterable[Any]) -> list[Any]:
    """Numbers as letters that are in the same order, as in PyTorch."""
    return [k if k is ... else chr(ord("A") + k if k < 26 else ord("a") + k - 26) for k in numbers]


def _without_ellipsis(labels: list[Any], count: int) -> Labels:
    """``labels`` with the ellipsis as ``count`` dimensions, numbered from the right."""
    if ... not in labels:
        return tuple(labels)
    at = labels.index(...)
    return (*labels[:at], *range(count - 1, -1, -1), *labels[at + 1 :])


def _resolved(inputs: list[list[Any]], output: list[Any] | None, tensors: list[Any]) -> tuple[list[Labels], Labels]:
    """The labels of each operand and of the output, the ellipsis and an implicit output worked out."""
    if len(inputs) != len(tensors):
        raise ValueError(f"einsum: the subscripts name {len(inputs)} operands, but {len(tensors)} were given")
    found, hidden = [], 0
    for labels, x in zip(inputs, tensors, strict=True):
        ndim = len(check_tensor(x)._data.shape)
        count = ndim - len(labels) + 1
        if (count < 0) if ... in labels else (count != 1):
            shown = "".join("..." if k is ... else k for k in labels)
            raise ValueError(f"einsum: subscripts {shown!r} do not fit an operand of shape {list(x._data.shape)}")
        found.append(_without_ellipsis(labels, count))
        hidden = max(hidden, count if ... in labels else 0)
    every = [k for labels in found for k in labels]
    if output is None:
        once = sorted(k for k in set(every) if isinstance(k, str) and every.count(k) == 1)
        return found, (*range(hidden - 1, -1, -1), *once)
    out = _without_ellipsis(output, hidden)
    for k in out:
        if out.count(k) > 1 or k not in every:
            why = "appears twice" if out.count(k) > 1 else "is in no operand"
            raise ValueError(f"einsum: output subscript {k!r} {why}")
    return found, out


def _lengths(terms: Iterable[Term]) -> dict[Label, int]:
    """The length of each label; dimensions of length 1 go along with any."""
    lengths: dict[Label, int] = {}
    for x, labels in terms:
        for k, n in zip(labels, x._data.shape, strict=True):
            if lengths.setdefault(k, n) != n:
                if 1 not in (lengths[k], n):
                    raise ShapeError(
                        f"einsum: subscript {k!r} has length {lengths[k]} and {n}, which do not go together"
                    )
                lengths[k] = n if lengths[k] == 1 else lengths[k]
    return lengths


def _once(x: Any, labels: Labels) -> Term:
    """The diagonal where a label is repeated, so that each is there once."""
    names = tuple(dict.fromkeys(labels))
    if len(names) == len(labels):
        return x, labels
    repeated = [k for k in names if labels.count(k) > 1]
    order = [
        i for k in (*repeated, *(k for k in names if k not in repeated)) for i, label in enumerate(labels) if label == k
    ]
    x = permute_dims(x, order)
    key: list[Any] = []
    for d, k in enumerate(repeated):
        lengths = {n for n, label in zip(x._data.shape, [labels[i] for i in order], strict=True) if label == k}
        if len(lengths) > 1:
            raise ShapeError(
                f"einsum: subscript {k!r} is repeated, for dimensions of different lengths {sorted(lengths)}"
            )
        spread = tuple(-1 if i == d else 1 for i in range(len(repeated)))
        key += [reshape(arange(lengths.pop(), device=x._place), spread)] * labels.count(k)
    return getitem(x, tuple(key)), (*repeated, *(k for k in names if k not in repeated))


def _summed(x: Any, labels: Labels, keep: set[Label]) -> Term:
    """Summed over what is not in ``keep``."""
    axes = tuple(i for i, k in enumerate(labels) if k not in keep)
    if not axes:
        return x, labels
    return sum(x, axis=axes, dtype=x._dtype), tuple(k for k in labels if k in keep)


def _in_order(x: Any, labels: Labels, order: Labels) -> Any:
    return x if labels == order else permute_dims(x, tuple(labels.index(k) for k in order))


def _contracted(one: Term, two: Term, keep: set[Label]) -> Term:
    """The product of two operands, summed over what is not in ``keep``."""
    one, two = _summed(*one, keep | set(two[1])), _summed(*two, keep | set(one[1]))
    (x, first), (y, second) = one, two
    batch = tuple(k for k in first if k in second and k in keep)
    inner = tuple(k for k in first if k in second and k not in keep)
    rows, columns = (tuple(k for k in labels if k not in batch + inner) for labels in (first, second))
    length = dict(zip(first + second, x._data.shape + y._data.shape, strict=True))

    def sizes(labels: Labels) -> tuple[int, ...]:
        return tuple(length[k] for k in labels)

    x, y = _in_order(x, first, batch + rows + inner), _in_order(y, second, batch + inner + columns)
    out = batch + rows + columns
    if not inner:
        x = reshape(x, sizes(batch + rows) + (1,) * len(columns))
        y = reshape(y, sizes(batch) + (1,) * len(rows) + sizes(columns))
        return multiply(x, y), out
    m, n, k = (math.prod(sizes(labels)) for labels in (rows, inner, columns))
    x, y = reshape(x, (*sizes(batch), m, n)), reshape(y, (*sizes(batch), n, k))
    return reshape(matmul(x, y), sizes(out)), out


def _path(terms: list[Term], output: Labels) -> list[tuple[int, ...]]:
    """Which operands to contract, one step after the other."""
    n = len(terms)
    if n > 2:
        try:
            import opt_einsum
        except ImportError:
            pass
        else:
            letters: dict[Label, str] = {}
            for _, labels in terms:
                for k in labels:
                    letters.setdefault(k, opt_einsum.get_symbol(len(letters)))
            inputs = ",".join("".join(letters[k] for k in labels) for _, labels in terms)
            equation = f"{inputs}->{''.join(letters[k] for k in output)}"
            found, _ = opt_einsum.contract_path(equation, *(x._data.shape for x, _ in terms), shapes=True)
            return [tuple(step) for step in found]
    return [(0, 1), *((0, n - i) for i in range(2, n))] if n > 1 else []


def einsum(*operands: Any) -> Tensor:
    """Sum of products over named dimensions. Differentiable in all operands.

    Parameters
    ----------
    *operands : str and Tensors, or Tensors and lists of int
        ``einsum("bij,bjk->bik", x, y)``. Each letter names a dimension; a repeated one takes the diagonal; what the
        part after the arrow does not name is summed over. ``...`` stands for dimensions that broadcast. Without an
        arrow the result has those of the ellipsis and then the letters that occur once, in alphabetical order. The
        other form is ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.

    Returns
    -------
    Tensor
        Of one operand whose dimensions are only put in another order, a view, as in PyTorch.

    Raises
    ------
    ValueError
        If the subscripts are none, or do not fit the operands.
    RuntimeError
        If lengths of one name differ and none is 1.

    Notes
    -----
    Two operands at a time, each pair by one matrix product, in the order that opt_einsum finds (installed by
    ``gradarray[einsum]``), else from left to right.

    References
    ----------
    ``torch.einsum``, ``numpy.einsum``.
    """
    if not operands or len(operands) < 2:
        raise ValueError("einsum: subscripts and at least one operand are needed, such as einsum('ij,jk', x, y)")
    inputs, implied, tensors = _parsed(operands)
    found, output = _resolved(inputs, implied, tensors)
    terms = [_once(x, labels) for x, labels in zip(tensors, found, strict=True)]
    lengths = _lengths(terms)
    for i, (x, labels) in enumerate(terms):  # what has length 1 and broadcasts needs no dimension
        thin = tuple(d for d, k in enumerate(labels) if x._data.shape[d] != lengths[k])
        if thin:
            terms[i] = squeeze(x, thin), tuple(k for d, k in enumerate(labels) if d not in thin)
    for step in _path(terms, output):
        pair = [terms.pop(i) for i in sorted(step, reverse=True)][::-1]
        keep = {*output, *(k for _, labels in terms for k in labels)}
        if len(pair) == 1:
            terms.append(_summed(*pair[0], keep))
            continue
        joined = pair[0]
        for i, other in enumerate(pair[1:], start=2):
            joined = _contracted(joined, other, keep.union(*(labels for _, labels in pair[i:])))
        terms.append(joined)
    (last,) = terms
    x, labels = _summed(*last, set(output))
    out = _in_order(x, labels, output)
    return getitem(out, ...) if any(out is operand for operand in tensors) else out
