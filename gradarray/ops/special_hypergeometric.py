"""Hypergeometric functions, by their power series in the parameters, and Legendre functions. DLMF 13, 14, 15, 16."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradarray.ops._special import hypergeometric, integrals, pick, slope, special, times


def _slopes(
    xp: Any, tops: Sequence[Any], bottoms: Sequence[Any], x: Any, terms: int, *wanted: int
) -> tuple[Any, list[Any]]:
    """The series Σ Π(a)_k/Π(b)_k x^k/k! and its slopes in the ``wanted`` of the a and b.

    Where so many terms do not reach a relative 1e-12, or a b is a whole number up to 0, all is nan.
    """
    inside = x < 100
    for b in bottoms:
        inside = inside & ((b > 0) | (b != xp.floor(b)))
    x, bottoms = pick(xp, inside, x, 0.0), [pick(xp, inside, b, 1.0) for b in bottoms]
    value, sums, rest = hypergeometric(xp, tops, bottoms, x, terms, *wanted)
    reached = inside & (xp.abs(rest) <= 1e-12 * xp.abs(value))
    return pick(xp, reached, value, math.nan), [pick(xp, reached, total, math.nan) for total in sums]


def _kummer(i: int) -> Any:
    """The slope of M(a, b, x) in a (0) or b (1); for negative x by M(a, b, x) = e^x M(b-a, b, -x). DLMF 13.2.39.

    Up to abs(x) = 75 for parameters of that size and below.
    """

    def rule(xp: Any, x1: Any, x2: Any, x3: Any) -> Any:
        negative = x3 < 0
        _, (in_a, *in_b) = _slopes(xp, [xp.where(negative, x2 - x1, x1)], [x2], xp.abs(x3), 256, *range(i + 1))
        scale = xp.exp(pick(xp, negative, x3, 0.0))
        found = xp.where(negative, -in_a, in_a) if i == 0 else xp.where(negative, in_a + in_b[0], in_b[0])
        return times(xp, found, scale)

    return rule


special(  # DLMF 13.3.15 in x
    "hyp1f1",
    _kummer(0),
    _kummer(1),
    lambda xp, x1, x2, x3: times(xp, x1 / x2, xp.special.hyp1f1(x1 + 1, x2 + 1, x3)),
    domain=("positive", "positive", "real"),
)
special(  # DLMF 16.3.1 in x
    "hyp0f1",
    lambda xp, x1, x2: _slopes(xp, [], [x1], x2, 64, 0)[1][0],
    lambda xp, x1, x2: xp.special.hyp0f1(x1 + 1, x2) / x1,
    domain=("positive", "real"),
)


def _gauss(i: int) -> Any:
    """The slope of F(a, b; c; x) in a (0), b (1) or c (2), for x from about -4 to 0.8, beyond nan.

    For negative x by F(a, b; c; x) = (1-x)^-a F(a, c-b; c; x/(x-1)). DLMF 15.8.1.
    """

    def rule(xp: Any, x1: Any, x2: Any, x3: Any, x4: Any) -> Any:
        inside = (x4 > -50) & (x4 < 0.95)
        x4 = pick(xp, inside, x4, 0.0)
        negative = x4 < 0
        x = xp.where(negative, x4 / (x4 - 1), x4)
        wanted = (1, 2) if i == 2 else (i,)
        value, (*others, along) = _slopes(xp, [x1, xp.where(negative, x3 - x2, x2)], [x3], x, 256, *wanted)
        log = xp.log1p(-pick(xp, negative, x4, 0.0))
        mirrored = along - times(xp, log, value) if i == 0 else -along if i == 1 else others[0] + along
        found = times(xp, xp.where(negative, mirrored, along), xp.exp(-x1 * log))
        return pick(xp, inside, found, math.nan)

    return rule


special(  # DLMF 15.5.1 in x
    "hyp2f1",
    _gauss(0),
    _gauss(1),
    _gauss(2),
    lambda xp, x1, x2, x3, x4: times(xp, x1 * x2 / x3, xp.special.hyp2f1(x1 + 1, x2 + 1, x3 + 1, x4)),
    domain=("positive", "positive", "positive", "unit"),
)

# -- Legendre functions ------------------------------------------------------------------------------------------------


def _degree(xp: Any, x1: Any, x2: Any, x3: Any) -> Any:
    """The slope of P_v^m(cos θ) in v > -1, m whole, by Mehler's integral for the order -abs(m). DLMF 14.12.1.

    With t = θ(1-u²) it is smooth; 64 nodes give a relative 1e-13 up to v = 50. Its order's sign by DLMF 14.9.3.
    """
    inside = xp.abs(x3) < 1
    theta, m, v = xp.acos(pick(xp, inside, x3, 0.0)), xp.abs(x1), x2

    def integrands(u: Any, theta: Any, m: Any, v: Any) -> tuple[Any, Any]:
        t = theta * (1 - u * u)
        gap = 2 * xp.sin((theta + t) / 2) * xp.sin(theta * u * u / 2) / (u * u)
        weight = xp.exp((m - 0.5) * xp.log(gap) + 2 * m * xp.log(u))
        return weight * xp.cos((v + 0.5) * t), -t * weight * xp.sin((v + 0.5) * t)

    scale = 2 * theta * math.sqrt(2 / math.pi) * xp.exp(-m * xp.log(xp.sin(theta))) * xp.special.rgamma(m + 0.5)
    value, change = (scale * found for found in integrals(xp, 64, integrands, theta, m, v))
    gamma, reciprocal = xp.special.gamma(v + m + 1), xp.special.rgamma(v - m + 1)
    ratio_slope = xp.special.digamma(v + m + 1) * reciprocal + slope(xp, "rgamma", 0, v - m + 1)
    positive = xp.cos(math.pi * m) * gamma * (ratio_slope * value + reciprocal * change)
    return pick(xp, inside, xp.where(x1 > 0, positive, change), math.nan)


special(  # in x DLMF 14.10.5
    "lpmv",
    0,
    _degree,
    lambda xp, x1, x2, x3, out: (
        (times(xp, x2 * x3, out) - times(xp, x2 + x1, xp.special.lpmv(x1, x2 - 1, x3))) / (x3 * x3 - 1)
    ),
    domain=("count", "positive", "unit"),
)
