"""Elementwise functions: Array API standard, "Element-wise Functions".

At kinks the derivative is PyTorch's: ``abs`` and ``sign`` give 0 at 0, ``maximum`` and ``minimum`` share a tie in halves.
"""

from __future__ import annotations

import math
from typing import Any

from gradarray._primitive import elementwise, linear, nondiff, primitive

# -- arithmetic ----------------------------------------------------------------------------------------------------------

elementwise("add", 1, 1)
elementwise("subtract", 1, -1, grad_name="SubBackward0")
elementwise("multiply", lambda x2: x2, lambda x1: x1, grad_name="MulBackward0")
elementwise(
    "divide",
    lambda x2: 1 / x2,
    lambda x2, out: -out / x2,
    accepts="floating",
    singular=True,
    grad_name="DivBackward0",
    domain="nonzero",
)
elementwise("negative", -1, grad_name="NegBackward0")
elementwise("positive", 1)
elementwise("square", lambda x: 2 * x, grad_name="PowBackward0")
elementwise("reciprocal", lambda out: -out * out, accepts="floating", singular=True, domain="nonzero")


def _pow_base(xp: Any, x1: Any, x2: Any) -> Any:
    if isinstance(x2, int | float):
        return x2 * x1 ** (x2 - 1) if x2 != 0 else xp.zeros_like(x1)
    return xp.where(x2 == 0, xp.zeros_like(x2), x2 * xp.pow(x1, x2 - 1))


def _pow_exponent(xp: Any, x1: Any, x2: Any, out: Any) -> Any:
    if isinstance(x1, int | float | complex):
        return out * (math.log(x1) if x1 != 0 and not isinstance(x1, complex) and x1 > 0 else xp.log(x1 + 0 * out))
    # 0 ** x2 is 0 for every positive x2: flat there
    return xp.where((x1 == 0) & (x2 != 0), xp.zeros_like(out), out * xp.log(x1))


elementwise("pow", _pow_base, _pow_exponent, singular=True, numbers=True, grad_name="PowBackward1", domain="positive")
# a number from 1 up as exponent: no derivative is infinite, and nothing need be looked out for
elementwise(
    "pow_number",
    lambda x1, x2: x2 * x1 ** (x2 - 1),
    _pow_exponent,
    forward=lambda xp, x1, x2: xp.pow(x1, x2),
    numbers=True,
    grad_name="PowBackward0",
)
elementwise("remainder", 1, lambda xp, x1, x2: -xp.floor(x1 / x2), grad_name="RemainderBackward0", domain="nonzero")
elementwise("floor_divide", 0, 0, grad_name="FloorDivideBackward0", domain="nonzero")
# the product of the derivative rules, in which zero beats inf and nan; see elementwise(singular=True)
linear(
    "strong_multiply",
    transpose=(lambda xp, g, x2: xp.strong_multiply(g, x2), lambda xp, g, x1: xp.strong_multiply(g, x1)),
    broadcasts=True,
)

# -- powers and logarithms -----------------------------------------------------------------------------------------------

elementwise("exp", lambda out: out, accepts="floating")
elementwise("expm1", lambda out: out + 1, accepts="floating")
elementwise("log", lambda x: 1 / x, accepts="floating", singular=True, domain="positive")
elementwise("log1p", lambda x: 1 / (1 + x), accepts="floating", singular=True, domain="positive")
elementwise("log2", lambda x: 1 / (math.log(2) * x), accepts="floating", singular=True, domain="positive")
elementwise("log10", lambda x: 1 / (math.log(10) * x), accepts="floating", singular=True, domain="positive")
elementwise("sqrt", lambda out: 0.5 / out, accepts="floating", singular=True, domain="positive")
elementwise(
    "rsqrt",
    lambda x, out: -0.5 * out / x,
    forward=lambda xp, x: 1 / xp.sqrt(x),
    accepts="floating",
    singular=True,
    domain="positive",
)
elementwise(
    "logaddexp",
    lambda xp, x1, out: xp.exp(x1 - out),
    lambda xp, x2, out: xp.exp(x2 - out),
    accepts="floating",
    singular=True,
)
elementwise("hypot", lambda x1, out: x1 / out, lambda x2, out: x2 / out, accepts="floating", singular=True)

# -- trigonometric and hyperbolic ----------------------------------------------------------------------------------------

elementwise("sin", lambda xp, x: xp.cos(x), accepts="floating")
elementwise("cos", lambda xp, x: -xp.sin(x), accepts="floating")
elementwise("tan", lambda out: 1 + out * out, accepts="floating")
elementwise("asin", lambda xp, x: 1 / xp.sqrt(1 - x * x), accepts="floating", singular=True, domain="unit")
elementwise("acos", lambda xp, x: -1 / xp.sqrt(1 - x * x), accepts="floating", singular=True, domain="unit")
elementwise("atan", lambda x: 1 / (1 + x * x), accepts="floating")
elementwise(
    "atan2",
    lambda x1, x2: x2 / (x1 * x1 + x2 * x2),
    lambda x1, x2: -x1 / (x1 * x1 + x2 * x2),
    accepts="floating",
    singular=True,
)
elementwise("sinh", lambda xp, x: xp.cosh(x), accepts="floating")
elementwise("cosh", lambda xp, x: xp.sinh(x), accepts="floating")
elementwise("tanh", lambda out: 1 - out * out, accepts="floating")
elementwise("asinh", lambda xp, x: 1 / xp.sqrt(x * x + 1), accepts="floating")
elementwise(
    "acosh",
    lambda xp, x: 1 / (xp.sqrt(x - 1) * xp.sqrt(x + 1)),
    accepts="floating",
    singular=True,
    domain="above one",
)
elementwise("atanh", lambda x: 1 / (1 - x * x), accepts="floating", singular=True, domain="unit")

# -- what every user writes next: torch.sigmoid, torch.relu ----------------------------------------------------------------


def _sigmoid(xp: Any, x: Any) -> Any:
    return 0.5 * (xp.tanh(0.5 * x) + 1)  # never overflows


elementwise("sigmoid", lambda out: out * (1 - out), forward=_sigmoid, accepts="floating")
elementwise(
    "relu", lambda xp, out: xp.indicator(out > 0, out), forward=lambda xp, x: xp.where(x < 0, xp.zeros_like(x), x)
)

# -- magnitudes, kinks and steps -----------------------------------------------------------------------------------------


primitive(
    "abs",
    vjp=lambda xp, g, x: g * xp.sign(x),
    jvp=lambda xp, t, x: xp.real(xp.conj(xp.sign(x)) * t) if xp.is_complex(x) else t * xp.sign(x),
    holomorphic=False,
)


def _turn(xp: Any, t: Any, x: Any) -> Any:
    """The derivative of ``x / abs(x)``, its own adjoint: what of ``t`` stands at right angles to ``x``."""
    if not xp.is_complex(x):
        return xp.zeros_like(t)
    direction, size = xp.sign(x), xp.abs(x)
    across = t - direction * xp.real(xp.conj(direction) * t)
    return xp.where(size == 0, xp.zeros_like(t), across / xp.where(size == 0, xp.ones_like(size), size))


primitive(
    "sign",
    vjp=lambda xp, g, x: _turn(xp, g, x),
    jvp=lambda xp, t, x: _turn(xp, t, x),
    holomorphic=False,
    grad_name="SignBackward0",
)
for _name in ("floor", "ceil", "round", "trunc"):
    elementwise(_name, 0)


def _share(xp: Any, wins: Any, ties: Any, like: Any) -> Any:
    return xp.where(ties, xp.full_like(like, 0.5), xp.indicator(wins, like))


elementwise(
    "maximum",
    lambda xp, x1, x2, out: _share(xp, x1 > x2, x1 == x2, out),
    lambda xp, x1, x2, out: _share(xp, x2 > x1, x1 == x2, out),
)
elementwise(
    "minimum",
    lambda xp, x1, x2, out: _share(xp, x1 < x2, x1 == x2, out),
    lambda xp, x1, x2, out: _share(xp, x2 < x1, x1 == x2, out),
)


def _clip(xp: Any, x: Any, *, min: Any, max: Any) -> Any:
    return xp.clip(x, min, max)


def _inside(xp: Any, x: Any, min: Any, max: Any) -> Any:
    inside = x == x
    if min is not None:
        inside = inside & (x >= min)
    if max is not None:
        inside = inside & (x <= max)
    return xp.indicator(inside, x)


elementwise("clamp", _inside, defaults={"min": None, "max": None}, forward=_clip, grad_name="ClampBackward1")
elementwise(
    "copysign",
    lambda xp, x1, x2: xp.sign(x1) * xp.copysign(xp.ones_like(x1), x2),
    0,
    accepts="floating",
)
elementwise("nextafter", 1, 0, accepts="floating")

# what copy_ and fill_ do: the second, in the first's shape
elementwise("overwrite", 0, 1, forward=lambda xp, x1, x2: xp.broadcast_to(x2, x1.shape), grad_name="CopyBackwards")

# -- complex -------------------------------------------------------------------------------------------------------------

primitive("conj", vjp=lambda xp, g: xp.conj(g), jvp=lambda xp, t: xp.conj(t), holomorphic=False)
primitive("real", vjp=lambda xp, g: xp.to_complex(g), jvp=lambda xp, t: xp.real(t), holomorphic=False)
primitive("imag", vjp=lambda xp, g: xp.to_complex(g) * 1j, jvp=lambda xp, t: xp.imag(t), holomorphic=False)

primitive("to_complex", vjp=lambda xp, g: xp.real(g), jvp=lambda xp, t: xp.to_complex(t), holomorphic=False)

# -- truth and bits ------------------------------------------------------------------------------------------------------

nondiff("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", inputs=2)
nondiff("logical_and", "logical_or", "logical_xor", inputs=2)
nondiff("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", inputs=2)
nondiff("logical_not", "bitwise_invert", "isfinite", "isinf", "isnan", "signbit")
nondiff("indicator", inputs=2, promote=())  # 1 where true and 0 where false, of the second's dtype
nondiff("zeros_like", "ones_like", "full_like")
