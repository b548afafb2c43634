"""Special functions made of others: no rows in the table. Knows functions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from gradarray.autograd import no_grad
from gradarray.functions._into import into
from gradarray.functions.elementwise import abs as absolute
from gradarray.functions.elementwise import equal, exp, isfinite, log, logaddexp, multiply, sign, subtract
from gradarray.functions.linalg import floating
from gradarray.functions.searching import where
from gradarray.functions.special import hurwitz_zeta, loggamma, zetac
from gradarray.functions.statistical import max, sum

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Axis = int | tuple[int, ...] | None


def zeta(x: Any, q: Any = None, /, *, out: Tensor | None = None) -> Tensor:
    """Hurwitz's zeta function of ``x`` and ``q``; Riemann's where ``q`` is left out.

    Parameters
    ----------
    x, q : Tensor or Python number
        Real. Shapes broadcast, dtypes promote; integers become the default floating dtype.
    out : Tensor, optional
        Written to and returned, in its own memory.

    Returns
    -------
    Tensor
        Differentiable in x and q.

    Raises
    ------
    TypeError
        If an argument is complex, or none is a tensor.

    References
    ----------
    ``scipy.special.zeta``.
    """
    if q is not None:
        return hurwitz_zeta(x, q, out=out)
    result: Any = zetac(x) + 1
    return result if out is None else into(out, result, "zeta")


def multigammaln(a: Tensor, d: int, /) -> Tensor:
    """Logarithm of the gamma function of dimension ``d``.

    Parameters
    ----------
    a : Tensor
        Real. The result is nan where it is not above ``(d - 1) / 2``; SciPy raises there.
    d : int
        Positive.

    Returns
    -------
    Tensor
        Differentiable in a.

    Raises
    ------
    ValueError
        If ``d`` is not a positive whole number.

    References
    ----------
    ``scipy.special.multigammaln``.
    """
    dimension = int(d)
    if d != dimension or dimension < 1:
        raise ValueError(f"special.multigammaln: d must be a positive whole number, got {d!r}")
    total: Any = dimension * (dimension - 1) / 4 * math.log(math.pi)
    for j in range(dimension):
        total = loggamma(subtract(a, j / 2)) + total
    return total  # type: ignore[no-any-return]


def softplus(x: Tensor, /) -> Tensor:
    """``log(1 + exp(x))``, without overflow.

    Parameters
    ----------
    x : Tensor
        Real.

    Returns
    -------
    Tensor
        Differentiable.

    References
    ----------
    ``scipy.special.softplus``.
    """
    return logaddexp(x, 0.0)


def _peak(a: Any, axis: Axis) -> Any:
    """The maximum along ``axis``, a constant; 0 where it is infinite or nan."""
    with no_grad():
        peak = max(a, axis=axis, keepdims=True)
        return where(isfinite(peak), peak, 0.0)


def logsumexp(a: Any, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    """``log(sum(b * exp(a)))``, without overflow.

    Parameters
    ----------
    a : Tensor
        Real. Integers become the default floating dtype.
    axis : int or tuple of int, optional
        What to sum over; everything by default.
    b : Tensor or number, optional
        Factors, which broadcast against ``a``. Where one is 0, ``a`` does not matter.
    keepdims : bool, optional
        Keep the dimensions summed over, with length 1.
    return_sign : bool, optional
        Return the logarithm of the sum's absolute value, and its sign.

    Returns
    -------
    Tensor or tuple of Tensor
        The logarithm, nan where the sum is negative and its sign is not asked for. Differentiable in a and b.

    References
    ----------
    ``scipy.special.logsumexp``.
    """
    a = floating(a)
    if b is not None:
        a = where(equal(b, 0), -math.inf, a)
    peak = _peak(a, axis)
    terms = exp(subtract(a, peak))
    total: Any = sum(terms if b is None else multiply(terms, b), axis=axis, keepdims=True)
    result: Any = log(absolute(total) if return_sign else total) + peak
    if not keepdims:
        shape = sum(terms.detach(), axis=axis).shape
        result, total = result.reshape(shape), total.reshape(shape)
    return (result, sign(total)) if return_sign else result


def log_softmax(x: Tensor, axis: Axis = None) -> Tensor:
    """Logarithm of :func:`softmax`, without overflow.

    Parameters
    ----------
    x : Tensor
        Real. Integers become the default floating dtype.
    axis : int or tuple of int, optional
        What sums to 1; everything by default.

    Returns
    -------
    Tensor
        Differentiable.

    References
    ----------
    ``scipy.special.log_softmax``.
    """
    x = floating(x)
    shifted: Any = subtract(x, _peak(x, axis))
    return shifted - log(sum(exp(shifted), axis=axis, keepdims=True))  # type: ignore[no-any-return]


def softmax(x: Tensor, axis: Axis = None) -> Tensor:
    """``exp(x) / sum(exp(x))``, without overflow.

    Parameters
    ----------
    x : Tensor
        Real. Integers become the default floating dtype.
    axis : int or tuple of int, optional
        What sums to 1; everything by default.

    Returns
    -------
    Tensor
        Differentiable.

    References
    ----------
    ``scipy.special.softmax``.
    """
    x = floating(x)
    terms: Any = exp(subtract(x, _peak(x, axis)))
    return terms / sum(terms, axis=axis, keepdims=True)  # type: ignore[no-any-return]
