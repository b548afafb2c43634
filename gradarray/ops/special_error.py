"""Error functions and the normal distribution. DLMF 7.

``erfcx`` keeps the digits that ``exp(-x²)`` loses far out: the slopes of logarithms are made of it.
"""

from __future__ import annotations

import math
from typing import Any

from gradarray.ops._special import pick, series, special, times

_ROOT_PI, _ROOT_2PI = math.sqrt(math.pi), math.sqrt(2 * math.pi)

special("erf", lambda xp, x: 2 / _ROOT_PI * xp.exp(-x * x), singular=False)
special("erfc", lambda xp, x: -2 / _ROOT_PI * xp.exp(-x * x), singular=False)
special("erfi", lambda xp, x: 2 / _ROOT_PI * xp.exp(x * x))


def _far_out(xp: Any, far: Any, x: Any, near: Any, scale: float, coefficients: list[float]) -> Any:
    """``near``, and where ``far``, where that cancels, the asymptotic series that starts with scale/x². DLMF 7.12."""
    u = 1 / pick(xp, far, x, 10.0)
    return xp.where(far, scale * u * u * series(xp, u * u, coefficients), near)


_DAWSON = [math.prod(range(1, 2 * k + 2, 2)) / 2**k for k in range(20)]
_ERFCX = [(-1) ** k * c for k, c in enumerate(_DAWSON)]
special(
    "erfcx",
    lambda xp, x, out: _far_out(xp, x > 10, x, times(xp, 2 * x, out) - 2 / _ROOT_PI, -1 / _ROOT_PI, _ERFCX),
)
special(
    "dawsn",
    lambda xp, x, out: _far_out(xp, xp.abs(x) > 10, x, 1 - 2 * x * out, -0.5, _DAWSON),
    singular=False,
)


def _square(xp: Any, x: Any) -> Any:
    return times(xp, x, x)


special("erfinv", lambda xp, out: _ROOT_PI / 2 * xp.exp(_square(xp, out)), domain="unit")
special("erfcinv", lambda xp, out: -_ROOT_PI / 2 * xp.exp(_square(xp, out)), domain="fraction")
special("ndtr", lambda xp, x: xp.exp(-0.5 * x * x) / _ROOT_2PI, singular=False)
special("ndtri", lambda xp, out: _ROOT_2PI * xp.exp(0.5 * _square(xp, out)), domain="fraction")
special("log_ndtr", lambda xp, x: math.sqrt(2 / math.pi) / xp.special.erfcx(x / -math.sqrt(2)), singular=False)
special(
    "ndtri_exp",
    lambda xp, out: math.sqrt(math.pi / 2) * xp.special.erfcx(out / -math.sqrt(2)),
    domain="negative",
)
special(  # Owen's T. D. B. Owen, Tables for computing bivariate normal probabilities (1956), 2.1
    "owens_t",
    lambda xp, x1, x2: -0.5 / _ROOT_2PI * xp.exp(-0.5 * x1 * x1) * xp.special.erf(x2 * x1 / math.sqrt(2)),
    lambda xp, x1, x2: xp.exp(-0.5 * x1 * x1 * (1 + x2 * x2)) / (2 * math.pi * (1 + x2 * x2)),
    domain=("real", "real"),
    singular=False,
)
