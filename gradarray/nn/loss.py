"""Losses: how far a prediction is from its target, for each element, on average or in all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError, binary, cast
from gradarray.functions import elementwise as e
from gradarray.functions import softmax as soft
from gradarray.functions.linalg import floating
from gradarray.functions.manipulation import expand_dims, reshape, squeeze
from gradarray.functions.scatter import gather
from gradarray.functions.searching import take, where
from gradarray.functions.statistical import check_tensor, mean, sum
from gradarray.nn._shapes import check_shape
from gradarray.ops import activation

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

assert activation, "importing it has entered the operation"
_binary_cross_entropy = binary("binary_cross_entropy")


def _reduced(loss: Any, reduction: str, name: str) -> Any:
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"{name}: reduction must be 'mean', 'sum' or 'none', got {reduction!r}")


def _weighted(loss: Any, weight: Any) -> Any:
    return loss if weight is None else e.multiply(loss, weight)


# -- of numbers --------------------------------------------------------------------------------------------------------


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The squared difference. Differentiable.

    Parameters
    ----------
    input, target : Tensor
        Shapes broadcast.
    reduction : {"mean", "sum", "none"}

    References
    ----------
    ``torch.nn.functional.mse_loss``.
    """
    return _reduced(e.square(floating(e.subtract(input, target))), reduction, "mse_loss")  # type: ignore[no-any-return]


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """The absolute difference. Differentiable; 0 where there is none. Parameters as :func:`mse_loss`.

    References
    ----------
    ``torch.nn.functional.l1_loss``.
    """
    return _reduced(e.abs(floating(e.subtract(input, target))), reduction, "l1_loss")  # type: ignore[no-any-return]


def smooth_l1_loss(input: Tensor, target: Tensor, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """The absolute difference less ``beta / 2``; where it is below ``beta``, its square over ``2 * beta``.

    Differentiable. Other parameters as :func:`mse_loss`.

    References
    ----------
    ``torch.nn.functional.smooth_l1_loss``.
    """
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction)
    return _reduced(e.divide(_huber(input, target, beta), beta), reduction, "smooth_l1_loss")  # type: ignore[no-any-return]


def _huber(input: Any, target: Any, delta: float) -> Any:
    difference = floating(e.subtract(input, target))
    size = e.abs(difference)
    square = e.multiply(e.square(difference), 0.5)
    return where(e.less(size, delta), square, e.multiply(e.subtract(size, 0.5 * delta), delta))


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0) -> Tensor:
    """Half the squared difference; from ``delta`` on it goes on along its tangent. Differentiable.

    Other parameters as :func:`mse_loss`.

    References
    ----------
    ``torch.nn.functional.huber_loss``; Huber (1964).
    """
    if delta <= 0:
        raise ValueError(f"huber_loss: delta must be positive, got {delta}")
    return _reduced(_huber(input, target, delta), reduction, "huber_loss")  # type: ignore[no-any-return]


# -- of probabilities --------------------------------------------------------------------------------------------------


def kl_div(input: Tensor, target: Tensor, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """``target * (log(target) - input)``, the divergence of a distribution from another. Differentiable in both.

    Parameters
    ----------
    input : Tensor
        Logarithms of probabilities.
    target : Tensor
        Probabilities, or with ``log_target`` their logarithms. Where one is 0, so is the term.
    reduction : {"mean", "batchmean", "sum", "none"}
        "batchmean" divides the sum by the length of the first dimension; that is the divergence.
    log_target : bool

    References
    ----------
    ``torch.nn.functional.kl_div``.
    """
    if log_target:
        loss = e.multiply(e.exp(target), e.subtract(target, input))
    else:
        zero = e.equal(target, 0)  # of which the logarithm is not asked
        safe = where(zero, 1, target)
        loss = e.subtract(e.multiply(target, e.log(safe)), e.multiply(target, input))
    if reduction == "batchmean":
        return e.divide(sum(loss), loss._data.shape[0] if loss._data.shape else 1)
    return _reduced(loss, reduction, "kl_div")  # type: ignore[no-any-return]


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """``-target * log(input) - (1 - target) * log(1 - input)``, each logarithm from -100 up. Differentiable in both.

    Parameters
    ----------
    input : Tensor
        Probabilities.
    target : Tensor
        Probabilities, of the same shape.
    weight : Tensor, optional
        Broadcasts.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        If the shapes differ.

    References
    ----------
    ``torch.nn.functional.binary_cross_entropy``.
    """
    _same_shape(input, target, "binary_cross_entropy")
    loss = _weighted(_binary_cross_entropy(input, target), weight)
    return _reduced(loss, reduction, "binary_cross_entropy")  # type: ignore[no-any-return]


def _same_shape(input: Any, target: Any, name: str) -> None:
    a, b = check_tensor(input)._data.shape, check_tensor(target)._data.shape
    if a != b:
        raise ShapeError(f"{name}: target must have the shape of input, got {list(b)} and {list(a)}")


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """:func:`binary_cross_entropy` of the sigmoid of ``input``, exact also where that is 0 or 1. Differentiable.

    Parameters
    ----------
    input : Tensor
        Logarithms of odds.
    target : Tensor
        Probabilities, of the same shape.
    weight : Tensor, optional
        Broadcasts.
    reduction : {"mean", "sum", "none"}
    pos_weight : Tensor, optional
        What the part of ``target`` counts; broadcasts.

    References
    ----------
    ``torch.nn.functional.binary_cross_entropy_with_logits``.
    """
    _same_shape(input, target, "binary_cross_entropy_with_logits")
    x = floating(input)
    missed = e.multiply(target, e.logaddexp(e.negative(x), 0.0))
    loss = e.add(_weighted(missed, pos_weight), e.multiply(e.subtract(1, target), e.logaddexp(x, 0.0)))
    return _reduced(_weighted(loss, weight), reduction, "binary_cross_entropy_with_logits")  # type: ignore[no-any-return]


# -- of classes --------------------------------------------------------------------------------------------------------


def _class_dim(x: Any, weight: Any, name: str) -> int:
    if not x._data.shape:
        raise ShapeError(f"{name}: input must have a dimension of classes, got a 0-d tensor")
    dim = 0 if len(x._data.shape) == 1 else 1
    check_shape(weight, x._data.shape[dim : dim + 1], name, "weight")
    return dim


def _picked(x: Any, target: Any, weight: Any, ignore_index: int, name: str) -> tuple[Any, Any]:
    """The weighted negative element of ``x`` at each target (0 where it is ignored), and the weights."""
    dim = _class_dim(x, weight, name)
    wanted = x._data.shape[:dim] + x._data.shape[dim + 1 :]
    if check_tensor(target)._dtype.kind not in "iu" or target._data.shape != wanted:
        raise ShapeError(
            f"{name}: target must be integers of shape {list(wanted)} for an input of shape {list(x._data.shape)}, got "
            f"{target._dtype.name}{list(target._data.shape)}"
        )
    counts = e.not_equal(target, ignore_index)
    safe = where(counts, target, 0)
    weights: Any = cast(counts, x._dtype)
    if weight is not None:
        chosen = reshape(take(weight, reshape(safe, (-1,)), axis=0), wanted)
        weights = where(counts, chosen, 0)
    found = squeeze(gather(x, dim, expand_dims(safe, axis=dim)), dim)
    return where(counts, e.negative(_weighted(found, None if weight is None else weights)), 0), weights


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The negative of ``input`` at the target class. Differentiable in ``input`` and ``weight``.

    Parameters
    ----------
    input : Tensor
        Logarithms of probabilities, ``(C,)``, ``(N, C)`` or ``(N, C, d1, …)``.
    target : Tensor
        Classes, of the shape of ``input`` without ``C``.
    weight : Tensor, optional
        ``(C,)``: what each class counts.
    ignore_index : int
        A target that counts nothing.
    reduction : {"mean", "sum", "none"}
        "mean" is the weighted one: nan where nothing counts.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.nn.functional.nll_loss``.
    """
    loss, weights = _picked(floating(input), target, weight, ignore_index, "nll_loss")
    if reduction == "mean":
        return e.divide(sum(loss), sum(weights))
    return _reduced(loss, reduction, "nll_loss")  # type: ignore[no-any-return]


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """:func:`nll_loss` of the :func:`gradarray.log_softmax` of ``input`` over its classes. Differentiable.

    Parameters
    ----------
    input : Tensor
        Not normalized, ``(C,)``, ``(N, C)`` or ``(N, C, d1, …)``.
    target : Tensor
        Classes, of the shape of ``input`` without ``C``; or probabilities, of its shape, and then differentiable too.
    weight : Tensor, optional
        ``(C,)``: what each class counts.
    ignore_index : int
        A class that counts nothing.
    reduction : {"mean", "sum", "none"}
        "mean" of classes is the weighted one; of probabilities that over all but ``C``.
    label_smoothing : float
        What part of each target is shared out among all classes, from 0 to 1.

    Raises
    ------
    RuntimeError
        If the shapes do not go together, or ``label_smoothing`` is out of range.

    References
    ----------
    ``torch.nn.functional.cross_entropy``.
    """
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"cross_entropy: label_smoothing must be between 0 and 1, got {label_smoothing}")
    x = floating(input)
    dim = _class_dim(x, weight, "cross_entropy")
    classes = x._data.shape[dim]
    logs = soft.log_softmax(x, dim)
    if check_tensor(target)._data.shape == x._data.shape and target._dtype.kind == "f":
        if label_smoothing:
            target = e.add(e.multiply(target, 1 - label_smoothing), label_smoothing / classes)
        loss = e.negative(sum(_per_class(e.multiply(logs, target), weight, dim), axis=dim))
        if reduction == "mean":
            rows = 1
            for n in loss._data.shape:
                rows *= n
            return e.divide(sum(loss), rows)
        return _reduced(loss, reduction, "cross_entropy")  # type: ignore[no-any-return]
    loss, weights = _picked(logs, target, weight, ignore_index, "cross_entropy")
    if label_smoothing:
        shared = e.negative(sum(_per_class(logs, weight, dim), axis=dim))
        shared = where(e.not_equal(target, ignore_index), shared, 0)
        loss = e.add(e.multiply(loss, 1 - label_smoothing), e.multiply(shared, label_smoothing / classes))
    if reduction == "mean":
        return e.divide(sum(loss), sum(weights))
    return _reduced(loss, reduction, "cross_entropy")  # type: ignore[no-any-return]


def _per_class(x: Any, weight: Any, dim: int) -> Any:
    if weight is None:
        return x
    return e.multiply(x, reshape(weight, (-1,) + (1,) * (len(x._data.shape) - 1 - dim)))
