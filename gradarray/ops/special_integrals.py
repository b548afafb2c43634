"""Exponential and elliptic integrals, Spence's function. DLMF 6, 8.19, 19, 25.12."""

from __future__ import annotations

import math
from typing import Any

from gradarray.ops._special import integrals, patched, pick, series, special, times

# -- exponential integrals ---------------------------------------------------------------------------------------------

special("exp1", lambda xp, x: -xp.exp(-x) / x, domain="positive")
special("expi", lambda xp, x: xp.exp(x) / x, domain="nonzero")


def _expn(xp: Any, x1: Any, x2: Any) -> Any:
    """``-E_(n-1)``; E_(-1) from the recurrence. DLMF 8.19.12 and 13."""
    lower = xp.special.expn(xp.where(x1 >= 1, x1 - 1, xp.zeros_like(x1)), x2)
    return xp.where(x1 >= 1, -lower, -times(xp, xp.exp(-x2), 1 + 1 / x2) / x2)


special("expn", 0, _expn, domain=("count", "positive"))

# -- Spence's function, dilogarithm of 1 - x ---------------------------------------------------------------------------

_SPENCE = [(-1) ** (k + 1) / (k + 1) for k in range(40)]
special(  # log(x)/(1-x), analytic at 1
    "spence",
    lambda xp, x: patched(xp, x - 1, 0.3, _SPENCE, lambda u: -xp.log1p(u) / u),
    domain="positive",
)

# -- complete elliptic integrals, of the parameter m -------------------------------------------------------------------


def _legendre(n: int) -> list[float]:
    """The coefficients of 2/π K(m) in powers of m. DLMF 19.5.1."""
    return [(math.comb(2 * k, k) / 4**k) ** 2 for k in range(n)]


_K = [math.pi / 2 * k * c for k, c in enumerate(_legendre(24))][1:]
_E = [-math.pi / 2 * k * c / (2 * k - 1) for k, c in enumerate(_legendre(24))][1:]


special(  # DLMF 19.4.1
    "ellipk",
    lambda xp, x: patched(
        xp,
        x,
        0.2,
        _K,
        lambda m: (xp.special.ellipe(m) / (1 - m) - xp.special.ellipk(m)) / (2 * m),
    ),
    domain="unit",
)


def _near_one(xp: Any, x: Any) -> Any:
    """The same of K(1-x), x in place of 1-m, which keeps its digits."""
    small = xp.abs(1 - x) < 0.2
    p = pick(xp, xp.logical_not(small), x, 0.5)
    closed = (xp.special.ellipe(1 - p) / p - xp.special.ellipkm1(p)) / (2 * (1 - p))
    return -xp.where(small, series(xp, pick(xp, small, 1 - x, 0.0), _K), closed)


special("ellipkm1", _near_one, domain="fraction")
special(  # DLMF 19.4.2
    "ellipe",
    lambda xp, x: patched(xp, x, 0.2, _E, lambda m: (xp.special.ellipe(m) - xp.special.ellipk(m)) / (2 * m)),
    domain="unit",
)

# -- incomplete ones ---------------------------------------------------------------------------------------------------


def _modulus(xp: Any, phi: Any, m: Any, power: float) -> Any:
    """The integral of ``sin²θ · (1 - m sin²θ)^power`` from 0 to phi: 48 nodes, 1e-13 for m sin² < 0.9."""

    def integrand(u: Any, phi: Any, m: Any) -> tuple[Any]:
        sine = xp.sin(u * phi)
        square = sine * sine
        return (square * xp.exp(power * xp.log1p(-m * square)),)

    inside = m * xp.sin(phi) * xp.sin(phi) < 1
    phi, m = pick(xp, inside, phi, 0.5), pick(xp, inside, m, 0.5)
    return pick(xp, inside, phi * integrals(xp, 48, integrand, phi, m)[0], math.nan)


special(
    "ellipkinc",
    lambda xp, x1, x2: 1 / xp.sqrt(1 - x2 * xp.sin(x1) * xp.sin(x1)),
    lambda xp, x1, x2: 0.5 * _modulus(xp, x1, x2, -1.5),
    domain=("unit", "unit"),
)
special(
    "ellipeinc",
    lambda xp, x1, x2: xp.sqrt(1 - x2 * xp.sin(x1) * xp.sin(x1)),
    lambda xp, x1, x2: -0.5 * _modulus(xp, x1, x2, -0.5),
    domain=("unit", "unit"),
)
