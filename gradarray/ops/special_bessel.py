"""Bessel functions, in the argument by recurrences (DLMF 10.6.1, 10.29.1) and in the order by integrals.

In the order, for arguments above 0: Schläfli's integrals (DLMF 10.9.6, 10.9.7, 10.32.4, 10.32.9), differentiated under
the integral sign, by Gauss's rule of 100 nodes; and of J and I near 0 the power series (DLMF 10.2.2, 10.25.2). Their
error is 1e-13 of what is added up, for abs(order) + argument up to 60; K and I may have any argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradarray.ops._special import hypergeometric, integrals, pick, special

_NODES, _REACH = 100, 40.0


# -- whole orders ------------------------------------------------------------------------------------------------------


def _order(xp: Any, name: str, n: int, x: Any) -> Any:
    return getattr(xp.special, name)(xp.full_like(x, float(n)), x)


def _i2(xp: Any, x: Any) -> Any:
    """I₂. It is 0 where the square of ``x`` is, and SciPy's iv gives nan below 3e-308."""
    far = x * x != 0
    return pick(xp, far, _order(xp, "iv", 2, pick(xp, far, x, 1.0)), 0.0)


special("j0", lambda xp, x: -xp.special.j1(x), singular=False)
special("j1", lambda xp, x: 0.5 * (xp.special.j0(x) - _order(xp, "jv", 2, x)), singular=False)
special("y0", lambda xp, x: -xp.special.y1(x), domain="positive")
special("y1", lambda xp, x, out: xp.special.y0(x) - out / x, domain="positive")
special("i0", lambda xp, x: xp.special.i1(x))
special("i1", lambda xp, x: 0.5 * (xp.special.i0(x) + _i2(xp, x)))
special("i0e", lambda xp, x, out: xp.special.i1e(x) - xp.sign(x) * out, singular=False)
special(
    "i1e",
    lambda xp, x, out: 0.5 * (xp.special.i0e(x) + _order(xp, "ive", 2, x)) - xp.sign(x) * out,
    singular=False,
)
special("k0", lambda xp, x: -xp.special.k1(x), domain="positive")
special("k1", lambda xp, x, out: -xp.special.k0(x) - out / x, domain="positive")
special("k0e", lambda xp, x, out: out - xp.special.k1e(x), domain="positive")
special("k1e", lambda xp, x, out: out - xp.special.k0e(x) - out / x, domain="positive")


def _recurrence(name: str, before: float, after: float) -> Callable[..., Any]:
    """``before`` times the function of the order below, and ``after`` times that of the order above."""

    def rule(xp: Any, x1: Any, x2: Any) -> Any:
        function = getattr(xp.special, name)
        return before * function(x1 - 1, x2) + after * function(x1 + 1, x2)

    return rule


special("yn", 0, _recurrence("yn", 0.5, -0.5), domain=("count", "positive"))
special("kn", 0, _recurrence("kn", -0.5, -0.5), domain=("count", "positive"))

# -- any order ---------------------------------------------------------------------------------------------------------


def _reach(xp: Any, v: Any, z: Any, inverse: Callable[[Any], Any], base: float) -> Any:
    """Where ``exp(abs(v)·t - z·f(t))`` has fallen to exp(-40), f the function that ``inverse`` inverts; f(0) = base."""
    t = inverse(base + _REACH / z)
    for _ in range(3):
        t = inverse(base + (_REACH + xp.abs(v) * t) / z)
    return t


def _near_zero(xp: Any, v: Any, z: Any, near: Any, sign: float, terms: int) -> Any:
    """The slope in the order of (z/2)^v / Γ(v+1) · Σ, where ``near``."""
    v, z = pick(xp, near, v, 1.0), pick(xp, near, z, 1.0)
    log = xp.log(z / 2)
    total, (change,), _ = hypergeometric(xp, [], [v + 1], sign * z * z / 4, terms, 0)
    return xp.exp(v * log - xp.special.gammaln(v + 1)) * ((log - xp.special.digamma(v + 1)) * total + change)


def _waves(xp: Any, v: Any, z: Any) -> tuple[Any, Any]:
    """The integrals over θ from 0 to π of θ·sin and θ·cos of z sin θ - vθ, divided by π."""

    def integrands(u: Any, v: Any, z: Any) -> tuple[Any, Any]:
        theta = math.pi * u
        phase = z * xp.sin(theta) - v * theta
        return theta * xp.sin(phase), theta * xp.cos(phase)

    sines, cosines = integrals(xp, _NODES, integrands, v, z)
    return sines, cosines


def _first(xp: Any, v: Any, z: Any) -> Any:
    """The slope of J_v(z) in v."""
    q = z * z / 4
    near = (v >= 0) & (q <= 4 * (v + 1))
    small = _near_zero(xp, v, z, near, -1.0, 32)
    v, z = pick(xp, xp.logical_not(near), v, 1.0), pick(xp, xp.logical_not(near), z, 1.0)
    reach = _reach(xp, v, z, xp.asinh, 0.0)

    def tails(u: Any, v: Any, z: Any, reach: Any) -> tuple[Any, Any]:
        t = u * reach
        f = xp.exp(-z * xp.sinh(t) - v * t)
        return f, f * t

    f, ft = integrals(xp, _NODES, tails, v, z, reach)
    turn = math.pi * v
    tail = reach * (xp.sin(turn) / math.pi * ft - xp.cos(turn) * f)
    return xp.where(near, small, _waves(xp, v, z)[0] + tail)


def _second(xp: Any, v: Any, z: Any) -> Any:
    """The slope of Y_v(z) in v."""
    reach, turn = _reach(xp, v, z, xp.asinh, 0.0), math.pi * v

    def tails(u: Any, v: Any, z: Any, reach: Any, turn: Any) -> tuple[Any]:
        t = u * reach
        fall = -z * xp.sinh(t)
        rising, falling = xp.exp(fall + v * t), xp.exp(fall - v * t)
        return (t * rising - falling * (t * xp.cos(turn) + math.pi * xp.sin(turn)),)

    (tail,) = integrals(xp, _NODES, tails, v, z, reach, turn)
    return -_waves(xp, v, z)[1] - reach * tail / math.pi


def _modified_first(xp: Any, v: Any, z: Any) -> Any:
    """The slope of e^-z I_v(z) in v."""
    near = (v >= 0) & (z * z / 4 <= 100 + 15 * v)
    small = _near_zero(xp, v, z, near, 1.0, 64) * xp.exp(-pick(xp, near, z, 1.0))
    v, z = pick(xp, xp.logical_not(near), v, 1.0), pick(xp, xp.logical_not(near), z, 1.0)
    reach = _reach(xp, v, z, xp.acosh, 1.0)

    def integrands(u: Any, v: Any, z: Any, reach: Any) -> tuple[Any, Any, Any]:
        theta, t = math.pi * u, u * reach
        half = xp.sin(theta / 2)
        f = xp.exp(-z * (xp.cosh(t) + 1) - v * t)
        return theta * xp.sin(v * theta) * xp.exp(-2 * z * half * half), f, f * t

    waves, f, ft = integrals(xp, _NODES, integrands, v, z, reach)
    turn = math.pi * v
    tail = reach * (xp.sin(turn) / math.pi * ft - xp.cos(turn) * f)
    return xp.where(near, small, tail - waves)


def _modified_second(xp: Any, v: Any, z: Any) -> Any:
    """The slope of e^z K_v(z) in v."""
    reach = _reach(xp, v, z, xp.acosh, 1.0)

    def integrand(u: Any, v: Any, z: Any, reach: Any) -> tuple[Any]:
        t = u * reach
        half = xp.sinh(t / 2)
        fall = -2 * z * half * half
        return (t * (xp.exp(fall + v * t) - xp.exp(fall - v * t)),)

    return 0.5 * reach * integrals(xp, _NODES, integrand, v, z, reach)[0]


def _in_order(slope: Callable[..., Any], at_zero: float, scale: float = 0.0) -> Callable[..., Any]:
    """``slope`` times exp(scale·z) as a rule: nan for z < 0, where the functions are complex."""

    def rule(xp: Any, x1: Any, x2: Any) -> Any:
        inside = x2 > 0
        v, z = pick(xp, inside, x1, 1.0), pick(xp, inside, x2, 1.0)
        found = slope(xp, v, z)
        found = found * xp.exp(scale * z) if scale else found
        zero = xp.full_like(found, at_zero)
        return xp.where(inside, found, xp.where(x2 == 0, zero, xp.full_like(found, math.nan)))

    return rule


_PROPER = ("positive", "positive")
special("jv", _in_order(_first, 0.0), _recurrence("jv", 0.5, -0.5), domain=_PROPER)
special("yv", _in_order(_second, math.nan), _recurrence("yv", 0.5, -0.5), domain=_PROPER)
special("iv", _in_order(_modified_first, 0.0, 1.0), _recurrence("iv", 0.5, 0.5), domain=_PROPER)
special("kv", _in_order(_modified_second, math.nan, -1.0), _recurrence("kv", -0.5, -0.5), domain=_PROPER)


def _scaled(name: str, before: float, sign: Callable[..., Any]) -> Callable[..., Any]:
    step = _recurrence(name, before, before)
    return lambda xp, x1, x2, out: step(xp, x1, x2) + sign(xp, x2) * out


special("ive", _in_order(_modified_first, 0.0), _scaled("ive", 0.5, lambda xp, x: -xp.sign(x)), domain=_PROPER)
special("kve", _in_order(_modified_second, math.nan), _scaled("kve", -0.5, lambda xp, x: 1), domain=_PROPER)
