"""Hypergeometric functions, by their power series in the parameters, and Legendre functions. DLMF 13, 14, 15, 16."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, reduce
from typing import Any

from gradarray.ops._special import integrals, pick, slope, special, times

_AT_ONCE = 16384  # elements: of more, term by term is faster, and takes less memory
Step = tuple[Any, Any, list[Any], list[Any]]
"""A step y -> s + p·y: p, s, and the slopes of each in some parameters."""


def _after(outer: Step, inner: Step) -> Step:
    """The step that takes y to outer(inner(y))."""
    (p, s, dps, dss), (q, r, dqs, drs) = outer, inner
    return (
        p * q,
        s + p * r,
        [dp * q + p * dq for dp, dq in zip(dps, dqs, strict=True)],
        [ds + dp * r + p * dr for dp, ds, dr in zip(dps, dss, drs, strict=True)],
    )


@cache
def _folding(n: int) -> tuple[float, ...]:
    """The numbers below ``n``, a power of two, 2i and 2i+1 half the length apart, and so on in each half."""
    if n == 1:
        return (0.0,)
    half = _folding(n // 2)
    return (*(2 * i for i in half), *(2 * i + 1 for i in half))


def _halved(step: Step) -> tuple[Step, Step]:
    """The steps in the first and in the second half of the last axis."""
    half = step[0].shape[-1] // 2
    return _at(step, slice(None, half)), _at(step, slice(half, None))


def _at(step: Step, where: Any) -> Step:
    p, s, dps, dss = step
    return p[..., where], s[..., where], [dp[..., where] for dp in dps], [ds[..., where] for ds in dss]


def _slopes(
    xp: Any, tops: Sequence[Any], bottoms: Sequence[Any], x: Any, terms: int, *wanted: int
) -> tuple[Any, list[Any]]:
    """The series Σ Π(a)_k/Π(b)_k x^k/k! and its slopes in the ``wanted`` of the a and b. DLMF 16.2.1.

    A term is that before it times a factor f, so the series is ``1 + f₀(1 + f₁(1 + …))``, whose steps are composed two
    by two. Of few elements all ``terms``, a power of two, lie along a new last axis, and are one after its logarithm of
    rounds; of many elements they come one pair after the other. Nothing is divided by a parameter that may be zero.
    Where so many terms do not reach a relative 1e-12, or a b is a whole number up to 0, all is nan.
    """
    inside = x < 100
    for b in bottoms:
        inside = inside & ((b > 0) | (b != xp.floor(b)))
    x, bottoms = pick(xp, inside, x, 0.0), [pick(xp, inside, b, 1.0) for b in bottoms]
    parameters = [*tops, *bottoms]
    size = max(math.prod(p.shape) for p in (x, *parameters))
    pairs = terms // 2 if size * terms // 2 <= _AT_ONCE else 1
    first: Any = 0
    if pairs > 1:
        first, x, parameters = xp.constant(x, values=_folding(pairs)), x[..., None], [p[..., None] for p in parameters]

    def factors(k: Any) -> tuple[Any, list[Any]]:
        """What leads from term k to the next, and its slopes."""
        risen = [p + k for p in parameters]
        factor = x / (k + 1)
        for b in risen[len(tops) :]:
            factor = factor / b
        full = factor
        for a in risen[: len(tops)]:
            full = full * a
        changes = []
        for i in wanted:
            change = factor if i < len(tops) else -full / risen[i]
            for j in range(len(tops)) if i < len(tops) else ():
                change = change * risen[j] if j != i else change
            changes.append(change)
        return full, changes

    def block(start: int) -> Step:
        """The steps of twice as many terms as there are ``pairs``, as one."""
        (p, dps), (q, dqs) = factors(2 * first + start), factors(2 * first + (start + 1))
        step = p * q, 1 + p, [dp * q + p * dq for dp, dq in zip(dps, dqs, strict=True)], dps
        for _ in range(pairs.bit_length() - 1):
            step = _after(*_halved(step))
        return step if pairs == 1 else _at(step, 0)

    last, value, _, sums = reduce(_after, map(block, range(0, terms, 2 * pairs)))
    reached = inside & (xp.abs(last) <= 1e-12 * xp.abs(value))
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
