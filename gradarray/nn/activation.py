"""Activations: elementwise functions, and those that go along one dimension.

Most are composed of two branches and ``where``; what the branch not taken is handed is finite, so that nothing there
overflows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import unary
from gradarray.functions import elementwise as e
from gradarray.functions import softmax as soft
from gradarray.functions.linalg import floating
from gradarray.functions.searching import where
from gradarray.functions.statistical import check_tensor
from gradarray.ops import activation

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

assert activation, "importing it has entered gelu"
_gelu = unary("gelu")


def relu(input: Tensor) -> Tensor:
    """``input`` where positive, else 0. Differentiable; 0 at 0. ``torch.nn.functional.relu``."""
    return e.relu(input)


def sigmoid(input: Tensor) -> Tensor:
    """``1 / (1 + exp(-input))``. Differentiable. ``torch.nn.functional.sigmoid``."""
    return e.sigmoid(input)


def tanh(input: Tensor) -> Tensor:
    """Hyperbolic tangent. Differentiable. ``torch.nn.functional.tanh``."""
    return e.tanh(input)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """``input`` limited to a range. Differentiable; 0 at the limits, where :func:`gradarray.clip` has 1.

    Raises
    ------
    ValueError
        If ``min_val`` is larger than ``max_val``.

    References
    ----------
    ``torch.nn.functional.hardtanh``.
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val must not be larger than max_val, got {min_val} and {max_val}")
    low = where(e.less_equal(check_tensor(input), min_val), min_val, input)
    return where(e.greater_equal(input, max_val), max_val, low)  # type: ignore[no-any-return]


def relu6(input: Tensor) -> Tensor:
    """``input`` limited to the range from 0 to 6, as :func:`hardtanh`. ``torch.nn.functional.relu6``."""
    return hardtanh(input, 0.0, 6.0)


def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """``input`` where positive, else ``negative_slope`` times that. Differentiable; the slope at 0.

    References
    ----------
    ``torch.nn.functional.leaky_relu``.
    """
    return where(e.greater(input, 0), input, e.multiply(input, negative_slope))  # type: ignore[no-any-return]


def _elu(x: Any, alpha: float, scale: float, rate: float) -> Any:
    x = floating(x)
    positive = e.greater(x, 0)
    below = e.multiply(e.expm1(e.multiply(where(positive, 0, x), rate)), alpha * scale)
    return where(positive, x if scale == 1 else e.multiply(x, scale), below)


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``input`` where positive, else ``alpha * expm1(input)``. Differentiable; ``alpha`` at 0.

    References
    ----------
    ``torch.nn.functional.elu``; Clevert et al. (2015).
    """
    return _elu(input, alpha, 1, 1)  # type: ignore[no-any-return]


def celu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """``input`` where positive, else ``alpha * expm1(input / alpha)``. Differentiable, once continuously.

    References
    ----------
    ``torch.nn.functional.celu``; Barron (2017).
    """
    if alpha == 0:
        raise RuntimeError("celu: alpha must not be 0")
    return _elu(input, alpha, 1, 1 / alpha)  # type: ignore[no-any-return]


def selu(input: Tensor) -> Tensor:
    """:func:`elu` with the two constants that keep mean 0 and variance 1. Differentiable.

    References
    ----------
    ``torch.nn.functional.selu``; Klambauer et al. (2017).
    """
    return _elu(input, 1.6732632423543772, 1.0507009873554805, 1)  # type: ignore[no-any-return]


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """``input`` times the probability that a standard normal number is smaller. Differentiable.

    Parameters
    ----------
    input : Tensor
    approximate : {"none", "tanh"}
        Exact, by the error function, which is SciPy's; or by a hyperbolic tangent.

    References
    ----------
    ``torch.nn.functional.gelu``; Hendrycks and Gimpel (2016).
    """
    if approximate == "none":
        return _gelu(input)  # type: ignore[no-any-return]
    if approximate != "tanh":
        raise RuntimeError(f"gelu: approximate must be 'none' or 'tanh', got {approximate!r}")
    x = floating(input)
    inner = e.multiply(e.add(x, e.multiply(e.multiply(e.square(x), x), 0.044715)), math.sqrt(2 / math.pi))
    return e.multiply(e.multiply(x, 0.5), e.add(e.tanh(inner), 1))


def silu(input: Tensor) -> Tensor:
    """``input * sigmoid(input)``. Differentiable. ``torch.nn.functional.silu``."""
    return e.multiply(input, e.sigmoid(input))


def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """``log(1 + exp(beta * input)) / beta``, a smooth :func:`relu`, without overflow. Differentiable.

    Parameters
    ----------
    input : Tensor
    beta : float
    threshold : float
        Where ``beta * input`` is larger, the result is ``input``.

    References
    ----------
    ``torch.nn.functional.softplus``.
    """
    x = floating(input)
    scaled = x if beta == 1 else e.multiply(x, beta)
    linear = e.greater(scaled, threshold)
    smooth = e.logaddexp(where(linear, 0, scaled), 0.0)
    return where(linear, x, smooth if beta == 1 else e.divide(smooth, beta))  # type: ignore[no-any-return]


def logsigmoid(input: Tensor) -> Tensor:
    """The logarithm of :func:`sigmoid`, without overflow. Differentiable. ``torch.nn.functional.logsigmoid``."""
    return e.negative(e.logaddexp(e.negative(floating(input)), 0.0))


def mish(input: Tensor) -> Tensor:
    """``input * tanh(softplus(input))``. Differentiable.

    References
    ----------
    ``torch.nn.functional.mish``; Misra (2019).
    """
    return e.multiply(input, e.tanh(softplus(input)))


def softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """See :func:`gradarray.softmax`. ``torch.nn.functional.softmax``."""
    return soft.softmax(input, dim, dtype)


def log_softmax(input: Tensor, dim: int, dtype: Any = None) -> Tensor:
    """See :func:`gradarray.log_softmax`. ``torch.nn.functional.log_softmax``."""
    return soft.log_softmax(input, dim, dtype)
