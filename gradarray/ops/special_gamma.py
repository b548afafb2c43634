"""The gamma function and what is made of it: factorials, binomials, beta, zeta, incomplete gamma. DLMF 5, 8, 25."""

from __future__ import annotations

import math
from typing import Any

from gradarray.ops._special import complement, integrals, inverse, pick, special, times

# -- gamma, its logarithm and its derivatives --------------------------------------------------------------------------

special("gamma", lambda xp, x, out: times(xp, out, xp.special.digamma(x)), domain="positive")
special("gammaln", lambda xp, x: xp.special.digamma(x), domain="positive")
special("loggamma", lambda xp, x: xp.special.digamma(x), domain="positive")
special("gammasgn", 0, singular=False)
special("digamma", lambda xp, x: xp.special.polygamma(xp.ones_like(x), x), domain="positive")


def _polygamma(xp: Any, x1: Any, x2: Any) -> Any:
    """``(-1)^(n+1) n! ζ(n+1, x)``; n = 0 is ``digamma``. DLMF 25.11.12."""
    order = pick(xp, x1 > 0, x1, 1.0)
    sign = 1 - 2 * xp.remainder(order + 1, xp.full_like(order, 2.0))
    higher = sign * xp.special.gamma(order + 1) * xp.special.zeta(order + 1, x2)
    return xp.where(x1 == 0, xp.special.digamma(x2), higher)


special(
    "polygamma",
    0,
    lambda xp, x1, x2: xp.special.polygamma(x1 + 1, x2),
    forward=_polygamma,
    domain=("count", "positive"),
)


def _rgamma_slope(xp: Any, x: Any) -> Any:
    """The slope of 1/Γ, finite everywhere: below 1/2 of Γ(1-x)·sin(πx)/π, as ``digamma`` has poles there."""
    low = x < 0.5
    a, b = pick(xp, xp.logical_not(low), x, 1.0), math.pi * pick(xp, low, x, 0.0)
    mirrored = 1 - b / math.pi
    turn = xp.cos(b) - xp.sin(b) / math.pi * xp.special.digamma(mirrored)
    below = times(xp, turn, xp.special.gamma(mirrored))
    return xp.where(low, below, -xp.special.rgamma(a) * xp.special.digamma(a))


special("rgamma", _rgamma_slope)


def _reciprocal(xp: Any, x: Any, out: Any, others: Any) -> Any:
    """The part that 1/Γ(x) has in the slope of ``others``/Γ(x): -``out``·ψ(x), and its own slope where Γ has poles."""
    pole = xp.logical_and(x <= 0, x == xp.floor(x))
    away = times(xp, out, xp.special.digamma(pick(xp, xp.logical_not(pole), x, 1.0)))
    return xp.where(pole, times(xp, _rgamma_slope(xp, pick(xp, pole, x, 0.0)), others), -away)


special(
    "poch",
    lambda xp, x1, x2, out: (
        times(xp, out, xp.special.digamma(x1 + x2)) + _reciprocal(xp, x1, out, xp.special.gamma(x1 + x2))
    ),
    lambda xp, x1, x2, out: times(xp, out, xp.special.digamma(x1 + x2)),
    domain=("positive", "positive"),
)


def _binomial(i: int) -> Any:
    """The slope in input ``i`` of Γ(n+1)/(Γ(k+1)·Γ(n-k+1)); where k > n the last has poles, and 1/Γ its slope."""

    def rule(xp: Any, x1: Any, x2: Any, out: Any) -> Any:
        rest = x1 - x2 + 1
        inside = rest > 0
        psi = xp.special.digamma
        others = xp.special.gamma(x1 + 1) * xp.special.rgamma(rest)
        own = times(xp, out, psi(x1 + 1)) if i == 0 else _reciprocal(xp, x2 + 1, out, others)
        both = xp.special.rgamma(pick(xp, xp.logical_not(inside), x2, 0.0) + 1)
        both = times(xp, both, xp.special.gamma(pick(xp, xp.logical_not(inside), x1, 0.0) + 1))
        last = _rgamma_slope(xp, pick(xp, xp.logical_not(inside), rest, 1.0))
        beyond = times(xp, last, both) * (1 if i == 0 else -1)
        within = psi(pick(xp, inside, rest, 1.0)) * (-1 if i == 0 else 1)
        return own + xp.where(inside, times(xp, pick(xp, inside, out, 0.0), within), beyond)

    return rule


special("binom", _binomial(0), _binomial(1), domain=("positive", "positive"))
special(
    "betaln",
    lambda xp, x1, x2: xp.special.digamma(x1) - xp.special.digamma(x1 + x2),
    lambda xp, x1, x2: xp.special.digamma(x2) - xp.special.digamma(x1 + x2),
    domain=("positive", "positive"),
)


def _beta(i: int) -> Any:
    """The slope in input ``i`` of Γ(a)·Γ(b)/Γ(a+b)."""

    def rule(xp: Any, x1: Any, x2: Any, out: Any) -> Any:
        own = times(xp, out, xp.special.digamma(x2 if i else x1))
        return own + _reciprocal(xp, x1 + x2, out, xp.special.gamma(x1) * xp.special.gamma(x2))

    return rule


special(
    "beta",
    _beta(0),
    _beta(1),
    domain=("positive", "positive"),
)

# -- zeta --------------------------------------------------------------------------------------------------------------

_TERMS = 12
_BERNOULLI = [  # B_2k / (2k)!
    b / math.factorial(2 * k + 2)
    for k, b in enumerate((1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798))
]


def _zeta_exponent(xp: Any, x1: Any, x2: Any) -> Any:
    """The slope of Hurwitz's ζ(s, q) in s, by Euler and Maclaurin's formula, each term differentiated. DLMF 25.11.43.

    Relative error 1e-14 for s from 0 to 30 and q > 0; -inf at the pole s = 1, and nan for other q.
    """
    pole, inside = x1 == 1, x2 > 0
    x1, x2 = pick(xp, xp.logical_not(pole), x1, 2.0), pick(xp, inside, x2, 1.0)
    total = xp.zeros_like(x1 * x2)
    for n in range(_TERMS):
        log = xp.log(x2 + n)
        total = total - times(xp, xp.exp(-x1 * log), log)
    log = xp.log(x2 + _TERMS)
    power = xp.exp(-x1 * log)
    integral = 1 / (x1 - 1)
    total = total - power * ((x2 + _TERMS) * integral * (log + integral) + 0.5 * log)
    rising, rising_slope = x1, xp.ones_like(x1)  # (s)_{2k-1} and its slope
    falling = power / (x2 + _TERMS)
    for k, b in enumerate(_BERNOULLI):
        total = total + b * falling * (rising_slope - rising * log)
        for j in (2 * k + 1, 2 * k + 2):
            rising, rising_slope = rising * (x1 + j), rising_slope * (x1 + j) + rising
        falling = falling / ((x2 + _TERMS) * (x2 + _TERMS))
    return pick(xp, inside, pick(xp, xp.logical_not(pole), total, -math.inf), math.nan)


special(
    "zeta",
    _zeta_exponent,
    lambda xp, x1, x2: -times(xp, x1, xp.special.zeta(x1 + 1, x2)),
    domain=("above one", "positive"),
)


def _zetac(xp: Any, x: Any) -> Any:
    """Riemann's ζ: below 0 of its functional equation, 2·(2π)^(s-1)·sin(πs/2)·Γ(1-s)·ζ(1-s). DLMF 25.4.1"""
    low = x < 0
    right = _zeta_exponent(xp, pick(xp, xp.logical_not(low), x, 2.0), xp.ones_like(x))
    s = pick(xp, low, x, -1.0)
    zeta, psi = xp.special.zetac(1 - s) + 1, xp.special.digamma(1 - s)
    zeta_slope = _zeta_exponent(xp, 1 - s, xp.ones_like(x))
    sine, cosine = xp.sin(math.pi / 2 * s), xp.cos(math.pi / 2 * s)
    slope = sine * (zeta * (math.log(2 * math.pi) - psi) - zeta_slope) + math.pi / 2 * cosine * zeta
    left = 2 * xp.exp((s - 1) * math.log(2 * math.pi)) * xp.special.gamma(1 - s) * slope
    return xp.where(low, left, right)


special("zetac", _zetac, domain="above one")

# -- incomplete gamma --------------------------------------------------------------------------------------------------


def _density(xp: Any, x1: Any, x2: Any) -> Any:
    """``x^(a-1) e^-x / Γ(a)``. DLMF 8.8.13."""
    return xp.exp(xp.special.xlogy(x1 - 1, x2) - x2 - xp.special.gammaln(x1))


_REACH = 40.0  # integrands fall to exp(-40) of their peak within what is integrated over


def _shape(xp: Any, x1: Any, x2: Any) -> Any:
    """The slope of P(a, x) in a: ``P·(E[log t | t < x] - ψ(a))`` for t of the gamma distribution. DLMF 8.2.4, 5.9.12.

    The mean is a quotient of two integrals over w = ±log(t/x). On that side of x where the mode of w does not lie the
    integrand only falls, as exp of a concave function, and Gauss's rule of 64 nodes gives it to round-off: relative
    error 1e-12 for a from 1e-6 to 1e4, also far out in the tails. Where a < 1, so that it falls slowly, it is taken
    at a + 1, and P(a, x) = P(a+1, x) + x^a e^-x / Γ(a+1) differentiated. DLMF 8.8.5.
    """
    inside = (x1 > 0) & (x2 > 0) & (x2 < math.inf)
    a, x = pick(xp, inside, x1, 1.0), pick(xp, inside, x2, 1.0)
    upper = (x >= a) & (x >= 1)
    shifted = xp.logical_not(upper) & (a < 1)
    p = xp.where(shifted, a + 1, a)
    sign = xp.where(upper, xp.ones_like(p * x), -xp.ones_like(p * x))
    d = sign * (x - p)
    down, up = 2 * d - _REACH, xp.sqrt(d * d + 2 * _REACH * x)
    width = xp.where(upper, 2 * _REACH / (d + up), (xp.sqrt(down * down + 8 * _REACH * p) - down) / (2 * p))

    def integrands(u: Any, d: Any, x: Any, sign: Any, width: Any) -> tuple[Any, Any]:
        w = u * width
        f = xp.exp(-d * w - x * (xp.expm1(sign * w) - sign * w))
        return f, f * w

    total, moment = integrals(xp, 64, integrands, d, x, sign, width)
    psi = xp.special.digamma(p)
    tail = xp.where(upper, xp.special.gammaincc(a, x), xp.special.gammainc(p, x))
    slope = -sign * tail * (xp.log(x) + sign * moment / total - psi)
    step = xp.exp(a * xp.log(x) - x - xp.special.gammaln(a + 1)) * (xp.log(x) - psi)
    return pick(xp, inside, slope + xp.where(shifted, step, xp.zeros_like(step)), 0.0)


special("gammainc", _shape, _density, domain=("positive", "positive"))
complement("gammaincc", "gammainc")
inverse("gammaincinv", "gammainc", 1, domain=("positive", "fraction"))
inverse("gammainccinv", "gammaincc", 1, domain=("positive", "fraction"))
