"""Normalization: by the statistics of a layer, of a batch, or by a norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError
from gradarray.autograd import no_grad
from gradarray.functions import elementwise as e
from gradarray.functions.linalg import floating, vector_norm
from gradarray.functions.manipulation import broadcast_arrays, reshape
from gradarray.functions.statistical import check_tensor, mean, sum, var
from gradarray.nn._shapes import check_shape

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


def _scaled(x: Any, centre: Any, spread: Any, eps: float, weight: Any, bias: Any) -> Any:
    out = e.multiply(e.subtract(x, centre), e.rsqrt(e.add(spread, eps)))
    if weight is not None:
        out = e.multiply(out, weight)
    return out if bias is None else e.add(out, bias)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """``input`` with mean 0 and variance 1 over its last dimensions, then scaled and shifted. Differentiable in all.

    Parameters
    ----------
    input : Tensor
    normalized_shape : sequence of int
        The lengths of those dimensions.
    weight, bias : Tensor, optional
        Of that shape.
    eps : float
        Added to the variance.

    Raises
    ------
    RuntimeError
        If the last dimensions are not of these lengths, or ``weight`` or ``bias`` not of that shape.

    References
    ----------
    ``torch.nn.functional.layer_norm``; Ba et al. (2016).
    """
    shape = tuple(normalized_shape)
    if not shape or check_tensor(input)._data.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"layer_norm: the last dimensions of an input of shape {list(input._data.shape)} must be {list(shape)}"
        )
    for what, p in (("weight", weight), ("bias", bias)):
        check_shape(p, shape, "layer_norm", what)
    x = floating(input)
    axes = tuple(range(-len(shape), 0))
    centre, spread = mean(x, axis=axes, keepdims=True), var(x, axis=axes, keepdims=True)
    return _scaled(x, centre, spread, eps, weight, bias)  # type: ignore[no-any-return]


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> Tensor:
    """``input`` with mean 0 and variance 1 in each channel, then scaled and shifted. Differentiable.

    Parameters
    ----------
    input : Tensor
        ``(N, C, …)``.
    running_mean, running_var : Tensor or None
        ``(C,)``. Used unless ``training``; with it changed in place, towards the statistics of the batch.
    weight, bias : Tensor, optional
        ``(C,)``.
    training : bool
        Use the statistics of the batch.
    momentum : float
        How far the running ones go: the new one is ``(1 - momentum) * running + momentum * batch``, of the variance
        with the correction 1.
    eps : float
        Added to the variance.

    Raises
    ------
    ValueError
        If there is but one value a channel to train on.
    RuntimeError
        If there are no running statistics to use, or the shapes do not go together.

    References
    ----------
    ``torch.nn.functional.batch_norm``; Ioffe and Szegedy (2015).
    """
    x = floating(input)
    shape = x._data.shape
    if len(shape) < 2:
        raise ShapeError(f"batch_norm: expected an input of shape (N, C, …), got {list(shape)}")
    given = {"running_mean": running_mean, "running_var": running_var, "weight": weight, "bias": bias}
    for what, p in given.items():  # before the running statistics are changed
        check_shape(p, shape[1:2], "batch_norm", what)
    per_channel = (-1,) + (1,) * (len(shape) - 2)
    if training:
        axes = (0, *range(2, len(shape)))
        count = 1
        for a in axes:
            count *= shape[a]
        if count <= 1:
            raise ValueError(f"batch_norm: expected more than 1 value per channel when training, got {list(shape)}")
        centre, spread = mean(x, axis=axes, keepdims=True), var(x, axis=axes, keepdims=True)
        with no_grad():
            for running, batch in ((running_mean, centre), (running_var, spread * (count / (count - 1)))):
                if running is not None:
                    running.mul_(1 - momentum).add_(reshape(batch, (-1,)) * momentum)
    elif running_mean is None or running_var is None:
        raise RuntimeError("batch_norm: running_mean and running_var must be given unless training=True")
    else:
        centre, spread = reshape(running_mean, per_channel), reshape(running_var, per_channel)
    scale, shift = (None if p is None else reshape(p, per_channel) for p in (weight, bias))
    return _scaled(x, centre, spread, eps, scale, shift)  # type: ignore[no-any-return]


def normalize(input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12) -> Tensor:
    """``input`` divided by its ``p``-norm over ``dim``, which counts as ``eps`` where it is smaller. Differentiable.

    References
    ----------
    ``torch.nn.functional.normalize``.
    """
    x = floating(input)
    return e.divide(x, e.clip(vector_norm(x, axis=dim, keepdims=True, ord=p), eps, None))


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between vectors along ``dim``; norms smaller than ``eps`` count as that. Differentiable.

    Parameters
    ----------
    x1, x2 : Tensor
        Shapes broadcast.
    dim : int
    eps : float

    References
    ----------
    ``torch.nn.functional.cosine_similarity``.
    """
    one, two = broadcast_arrays(floating(x1), floating(x2))
    first, second = (normalize(x, 2.0, dim, eps) for x in (one, two))
    return sum(e.multiply(first, second), axis=dim)
