"""Elementary functions under SciPy's names: logistic, entropies, Box and Cox's transform, losses, angles in degrees."""

from __future__ import annotations

import math
from typing import Any

from gradarray.ops._special import patched, pick, series, special, times

# -- the logistic function and its kin ---------------------------------------------------------------------------------

special("expit", lambda xp, x, out: out * xp.special.expit(-x), singular=False)
special("log_expit", lambda xp, x: xp.special.expit(-x), singular=False)
special("logit", lambda x: 1 / (x * (1 - x)), domain="fraction")

# -- entropies: x·log(y) is 0 where x is, whatever y -------------------------------------------------------------------


def _log(xp: Any, x1: Any, x2: Any, end: float) -> Any:
    """``x2``, and 1 where x1 is 0 and a logarithm of x2 has no finite value: as in PyTorch, whose slope is 0 there."""
    return pick(xp, xp.logical_not((x1 == 0) & (x2 <= end)), x2, 1.0 + end)


special(
    "xlogy",
    lambda xp, x1, x2: xp.log(_log(xp, x1, x2, 0.0)),
    lambda xp, x1, x2: times(xp, x1, 1 / x2),
    domain=("real", "positive"),
)
special(
    "xlog1py",
    lambda xp, x1, x2: xp.log1p(_log(xp, x1, x2, -1.0)),
    lambda xp, x1, x2: times(xp, x1, 1 / (1 + x2)),
    domain=("real", "positive"),
)
special("entr", lambda xp, x: -1 - xp.log(x), domain="positive")


def _log_ratio(xp: Any, x1: Any, x2: Any) -> Any:
    """``log(x1/x2)``, and 0 where both are 0."""
    some = xp.logical_not((x1 == 0) & (x2 == 0))
    return xp.log(pick(xp, some, x1, 1.0) / pick(xp, some, x2, 1.0))


special(
    "rel_entr",
    lambda xp, x1, x2: _log_ratio(xp, x1, x2) + 1,
    lambda xp, x1, x2: -times(xp, x1, 1 / x2),
    domain=("positive", "positive"),
)
special(
    "kl_div",
    lambda xp, x1, x2: _log_ratio(xp, x1, x2),
    lambda xp, x1, x2: 1 - times(xp, x1, 1 / x2),
    domain=("positive", "positive"),
)

# -- exponentials and powers -------------------------------------------------------------------------------------------

special("cbrt", lambda out: 1 / (3 * out * out), domain="nonzero")
special("exp2", lambda out: math.log(2) * out)
special("exp10", lambda out: math.log(10) * out)


def _exprel_far(xp: Any, v: Any) -> Any:
    """(eˣ - exprel)/x, for positive x in a form that is infinite where the exponential is, and not nan."""
    out = xp.special.exprel(v)
    return xp.where(v > 0, times(xp, out, 1 - 1 / v) + 1 / v, (xp.exp(v) - out) / v)


_EXPREL = [(k + 1) / math.factorial(k + 2) for k in range(18)]
special(  # (eˣ - 1)/x
    "exprel",
    lambda xp, x: patched(xp, x, 1.0, _EXPREL, lambda v: _exprel_far(xp, v)),
)


def _boxcox_power(xp: Any, log: Any, power: Any) -> Any:
    """The slope of ``(exp(power·log) - 1)/power`` in the power: log²/2 and on, where the product is small."""
    z = times(xp, power, log)
    small = xp.abs(z) < 1
    z1, log1 = pick(xp, small, z, 0.0), pick(xp, small, log, 0.0)
    power2 = pick(xp, xp.logical_not(small), power, 1.0)
    far = (times(xp, xp.exp(z), log) - xp.expm1(z) / power2) / power2
    return xp.where(small, times(xp, times(xp, series(xp, z1, _EXPREL), log1), log1), far)


special(
    "boxcox",
    lambda xp, x1, x2: xp.pow(x1, x2 - 1),
    lambda xp, x1, x2: _boxcox_power(xp, xp.log(x1), x2),
    domain=("positive", "real"),
)
special(
    "boxcox1p",
    lambda xp, x1, x2: xp.exp(times(xp, x2 - 1, xp.log1p(x1))),
    lambda xp, x1, x2: _boxcox_power(xp, xp.log1p(x1), x2),
    domain=("positive", "real"),
)
special(
    "inv_boxcox",
    lambda xp, x2, out: xp.pow(out, 1 - x2),
    lambda xp, x2, out: -times(xp, xp.pow(out, 1 - x2), _boxcox_power(xp, xp.log(out), x2)),
    domain=("fraction", "fraction"),
)
special(
    "inv_boxcox1p",
    lambda xp, x2, out: xp.exp(times(xp, 1 - x2, xp.log1p(out))),
    lambda xp, x2, out: -times(xp, xp.exp(times(xp, 1 - x2, xp.log1p(out))), _boxcox_power(xp, xp.log1p(out), x2)),
    domain=("fraction", "fraction"),
)


# -- losses ------------------------------------------------------------------------------------------------------------

special(  # the threshold first: huber(delta, r)
    "huber",
    lambda xp, x1, x2: xp.maximum(xp.abs(x2) - x1, xp.zeros_like(x1 * x2)),
    lambda xp, x1, x2: xp.minimum(xp.maximum(x2, -x1), x1),
    domain=("positive", "real"),
    singular=False,
)


def _pseudo_huber(xp: Any, x1: Any, x2: Any) -> Any:
    """Where delta is not 0; delta, 1 where it is; u² and ``sqrt(1 + u²)``, of u = r/delta."""
    some = x1 != 0
    delta = pick(xp, some, x1, 1.0)
    square = (x2 / delta) * (x2 / delta)
    return some, delta, square, xp.sqrt(1 + square)


def _pseudo_huber_delta(xp: Any, x1: Any, x2: Any) -> Any:
    some, delta, square, root = _pseudo_huber(xp, x1, x2)
    return xp.where(some, delta * square * square / (root * (root + 1) * (root + 1)), xp.abs(x2))


def _pseudo_huber_residual(xp: Any, x1: Any, x2: Any) -> Any:
    some, _, _, root = _pseudo_huber(xp, x1, x2)
    return pick(xp, some, x2 / root, 0.0)


special("pseudo_huber", _pseudo_huber_delta, _pseudo_huber_residual, domain=("positive", "real"), singular=False)

# -- angles ------------------------------------------------------------------------------------------------------------

_DEGREE = math.pi / 180
special("sindg", lambda xp, x: _DEGREE * xp.special.cosdg(x), singular=False)
special("cosdg", lambda xp, x: -_DEGREE * xp.special.sindg(x), singular=False)
special("tandg", lambda xp, x, out: _DEGREE * (1 + times(xp, out, out)))
special("cotdg", lambda xp, x, out: -_DEGREE * (1 + times(xp, out, out)), domain="nonzero")
special("radian", _DEGREE, _DEGREE / 60, _DEGREE / 3600, domain=("real",) * 3, singular=False)
special("cosm1", lambda xp, x: -xp.sin(x), singular=False)
_SINC = [(-1) ** (k + 1) * (2 * k + 2) * math.pi ** (2 * k + 2) / math.factorial(2 * k + 3) for k in range(12)]
special(  # sin(πx)/(πx); the slope is odd
    "sinc",
    lambda xp, x: (
        x * patched(xp, x, 0.5, _SINC, lambda v: (xp.cos(math.pi * v) - xp.special.sinc(v)) / (v * v), variable=x * x)
    ),
    singular=False,
)
