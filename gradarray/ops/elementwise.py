"""Elementwise functions: Array API standard, "Element-wise Functions".

At kinks the derivative is PyTorch's: ``abs`` and ``sign`` give 0 at 0, ``maximum`` and ``minimum`` share a tie in
halves.
"""

from __future__ import annotations

import cmath
import math
from typing import Any

from gradarray._primitive import elementwise, linear, nondiff, primitive
from gradarray.ops import _batching
from gradarray.ops._helpers import strong_by_first, strong_by_second

# -- arithmetic --------------------------------------------------------------------------------------------------------

elementwise("add", 1, 1)
elementwise("subtract", 1, -1, grad_name="SubBackward0")
elementwise("multiply", lambda x2: x2, lambda x1: x1, grad_name="MulBackward0")


def _inverse(x: Any) -> Any:
    """``1 / x``, infinite where a Python number is 0, of which Python makes an error."""
    return math.copysign(math.inf, x) if isinstance(x, int | float) and x == 0 else 1 / x


elementwise(
    "divide",
    lambda x2: _inverse(x2),
    lambda x2, out: -out / x2,
    accepts="floating",
    singular=True,
    grad_name="DivBackward0",
    domain="nonzero",
)
elementwise("negative", -1, grad_name="NegBackward0")
elementwise("positive", 1)
elementwise("square", lambda x: 2 * x, grad_name="PowBackward0")
elementwise("reciprocal", lambda x, out: -out / x, accepts="floating", singular=True, domain="nonzero")


def _pow_base(xp: Any, x1: Any, x2: Any) -> Any:
    """0 where the exponent is 0, whatever the base."""
    if isinstance(x2, int | float | complex):
        return x2 * x1 ** (x2 - 1) if x2 != 0 else xp.zeros_like(x1)
    return xp.strong_multiply(x2, xp.pow(x1, x2 - 1))


def _pow_exponent(xp: Any, x1: Any, x2: Any, out: Any) -> Any:
    """0 where the base is 0 and the exponent is not negative, as in PyTorch: there 0 ** x2 is flat."""
    rising = (xp.real(x2) if xp.is_complex(x2) else x2) >= 0
    if not isinstance(x1, int | float | complex):
        return xp.strong_multiply(out, xp.log(xp.where((x1 == 0) & rising, xp.ones_like(x1), x1)))
    if x1 == 0:
        return xp.where(rising, xp.zeros_like(out), out * -math.inf)
    if isinstance(x1, complex) or (x1 < 0 and xp.is_complex(out)):
        return out * cmath.log(x1)
    return out * (math.log(x1) if x1 > 0 else math.nan)


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
elementwise(
    "remainder",
    1,
    lambda xp, x1, x2: -xp.floor(x1 / x2),
    grad_name="RemainderBackward0",
    domain="nonzero",
    real_only=True,
)


def _floor_divide(xp: Any, x1: Any, x2: Any) -> Any:
    """With one operand infinite the floor of the quotient, where libraries follow Python: 1 // -inf is -1 there."""
    out = xp.library.floor_divide(x1, x2)
    if not xp.is_floating(out):
        return out
    first, second = (x2, x1) if isinstance(x1, int | float) else (x1, x2)
    one_infinite = xp.isinf(first)
    if not isinstance(second, int | float):
        one_infinite = xp.not_equal(one_infinite, xp.isinf(second))
    elif math.isinf(second):
        one_infinite = xp.logical_not(one_infinite)
    return xp.where(one_infinite, x1 / x2, out)


elementwise(
    "floor_divide", 0, 0, forward=_floor_divide, grad_name="FloorDivideBackward0", domain="nonzero", real_only=True
)
# the product of the derivative rules, in which zero beats inf and nan; see elementwise(singular=True)
linear(
    "strong_multiply",
    transpose=(strong_by_second, strong_by_first),
    broadcasts=True,
    chooses=True,
)

# that of an operation that chooses, in which a share of zero beats any cotangent; see elementwise(chooses=True)
linear(
    "chosen",
    transpose=(lambda xp, g, x2: xp.chosen(g, x2), strong_by_first),
    forward=lambda xp, x1, x2: xp.where(x2 == 0, xp.zeros_like(x1), x1 * x2),
    broadcasts=True,
    chooses=True,
    grad_name="WhereBackward0",
    domain=("real", "positive"),
)

# -- powers and logarithms ---------------------------------------------------------------------------------------------

elementwise("exp", lambda out: out, accepts="floating", singular=True)


_MINUS_ONE = complex(-1.0, -0.0)  # which added leaves the sign of a zero imaginary part: PyTorch's ``- 1`` does not


def _complex_expm1(xp: Any, x: Any) -> Any:
    """At 0, inf and nan from ``exp``, which libraries get right there."""
    plain = xp.logical_and(xp.isfinite(x), x != 0)
    one = xp.ones_like(x)
    return xp.where(plain, xp.expm1(xp.where(plain, x, one)), xp.exp(xp.where(plain, one, x)) + _MINUS_ONE)


elementwise("expm1", lambda out: out + 1, complex_forward=_complex_expm1, accepts="floating", singular=True)
elementwise("log", lambda x: 1 / x, accepts="floating", singular=True, domain="positive")
elementwise("log1p", lambda x: 1 / (1 + x), accepts="floating", singular=True, domain="positive")
elementwise("log2", lambda x: math.log2(math.e) / x, accepts="floating", singular=True, domain="positive")
elementwise("log10", lambda x: math.log10(math.e) / x, accepts="floating", singular=True, domain="positive")
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
    lambda xp, x1, x2: xp.sigmoid(x1 - x2),
    lambda xp, x1, x2: xp.sigmoid(x2 - x1),
    accepts="floating",
    singular=True,
    real_only=True,
)
elementwise(
    "hypot",
    lambda x1, out: x1 / out,
    lambda x2, out: x2 / out,
    accepts="floating",
    singular=True,
    domain="nonzero",
    real_only=True,
)

# -- trigonometric and hyperbolic --------------------------------------------------------------------------------------

elementwise("sin", lambda xp, x: xp.cos(x), accepts="floating")
elementwise("cos", lambda xp, x: -xp.sin(x), accepts="floating")
elementwise("tan", lambda out: 1 + out * out, accepts="floating")
elementwise("asin", lambda xp, x: 1 / xp.sqrt(1 - x * x), accepts="floating", singular=True, domain="unit")
elementwise("acos", lambda xp, x: -1 / xp.sqrt(1 - x * x), accepts="floating", singular=True, domain="unit")
elementwise("atan", lambda x: 1 / (1 + x * x), accepts="floating")


def _square_norm(xp: Any, x1: Any, x2: Any) -> Any:
    """``x1² + x2²``, and 1 where that is 0."""
    norm = x1 * x1 + x2 * x2
    return xp.where(norm == 0, xp.ones_like(norm), norm)


elementwise(
    "atan2",
    lambda xp, x1, x2: x2 / _square_norm(xp, x1, x2),
    lambda xp, x1, x2: -x1 / _square_norm(xp, x1, x2),
    accepts="floating",
    singular=True,
    real_only=True,
)
elementwise("sinh", lambda xp, x: xp.cosh(x), accepts="floating", singular=True)
elementwise("cosh", lambda xp, x: xp.sinh(x), accepts="floating", singular=True)


def _complex_tanh(xp: Any, x: Any) -> Any:
    """At inf the imaginary part is a zero of the sign that it has in ``x``; in C's standard, of its double's sine."""
    out = xp.tanh(x)
    turned = xp.not_equal(xp.signbit(xp.imag(out)), xp.signbit(xp.imag(x)))
    return xp.where(xp.logical_and(xp.isinf(xp.real(x)), turned), xp.conj(out), out)


elementwise(
    "tanh", lambda out: 1 - out * out, product="tanh_backward", complex_forward=_complex_tanh, accepts="floating"
)
elementwise(
    "tanh_backward",
    lambda x2: 1 - x2 * x2,
    lambda x1, x2: -2 * x1 * x2,
    forward=lambda xp, x1, x2: x1 * (1 - x2 * x2),
    accepts="floating",
)
elementwise("asinh", lambda xp, x: 1 / xp.sqrt(x * x + 1), accepts="floating")
elementwise(
    "acosh",
    lambda xp, x: 1 / xp.sqrt(x - 1) / xp.sqrt(x + 1),
    accepts="floating",
    singular=True,
    domain="above one",
)
elementwise("atanh", lambda x: 1 / (1 - x * x), accepts="floating", singular=True, domain="unit")

# -- what every user writes next: torch.sigmoid, torch.relu, torch.sinc ------------------------------------------------


def _sigmoid(xp: Any, x: Any) -> Any:
    if xp.is_complex(x):
        return 1 / (1 + xp.exp(-x))
    small = xp.exp(-xp.abs(x))  # never overflows, and keeps every digit of a result near 0
    return xp.where(x < 0, small, xp.ones_like(small)) / (1 + small)


elementwise("sigmoid", lambda out: out * (1 - out), product="sigmoid_backward", forward=_sigmoid, accepts="floating")
elementwise(
    "sigmoid_backward",
    lambda x2: x2 * (1 - x2),
    lambda x1, x2: x1 * (1 - 2 * x2),
    forward=lambda xp, x1, x2: x1 * (x2 * (1 - x2)),
    accepts="floating",
)
elementwise(
    "relu",
    lambda xp, out: xp.indicator(out != 0, out),
    product="relu_backward",
    forward=lambda xp, x: xp.where(x < 0, xp.zeros_like(x), x),
    chooses=True,
    real_only=True,
)
elementwise(
    "relu_backward",
    lambda xp, x2: xp.indicator(x2 != 0, x2),
    0,
    forward=lambda xp, x1, x2: xp.where(x2 == 0, xp.zeros_like(x1), x1),
    chooses=True,
    domain=("real", "positive"),
)


def _spherical_jn(xp: Any, x: Any, *, n: int) -> Any:
    """Near 0 the series (DLMF 10.53.1), which loses no digits there; else upwards from the sine (DLMF 10.51.1)."""
    near = xp.abs(x) < n + 1.5
    zero, one = xp.zeros_like(x), xp.ones_like(x)
    far, small = xp.where(near, one, x), xp.where(near, x, zero)
    lower, upper = xp.cos(far) / far, xp.sin(far) / far
    for k in range(n):
        lower, upper = upper, (2 * k + 1) / far * upper - lower
    series = term = one
    for k in range(1, 17):
        term = term * (small * small) * (-0.5 / (k * (2 * (n + k) + 1)))
        series = series + term
    for k in range(n):
        series = series * small * (1 / (2 * k + 3))
    return xp.where(near, series, upper)


# spherical Bessel functions, of which the first is sin(x) / x: a family closed under the derivative (DLMF 10.51.2), so
# that each order of it is right at 0 and near it
elementwise(
    "spherical_jn",
    lambda xp, x, n: (
        (n * xp.spherical_jn(x, n=n - 1) - (n + 1) * xp.spherical_jn(x, n=n + 1)) / (2 * n + 1)
        if n
        else -xp.spherical_jn(x, n=1)
    ),
    forward=_spherical_jn,
    accepts="floating",
    defaults={"n": 0},
    grad_name="SincBackward0",
)

# -- magnitudes, kinks and steps ---------------------------------------------------------------------------------------


primitive(
    "abs",
    vjp=lambda xp, g, x: g * xp.sign(x),
    jvp=lambda xp, t, x: xp.real(xp.conj(xp.sign(x)) * t) if xp.is_complex(x) else t * xp.sign(x),
    holomorphic=False,
    pointwise=True,
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
    jvp=_turn,
    holomorphic=False,
    pointwise=True,
    grad_name="SignBackward0",
)
for _name in ("floor", "ceil", "round", "trunc"):
    elementwise(_name, 0, real_only=_name != "round")


def _share(xp: Any, x1: Any, x2: Any, loses: Any) -> Any:
    """0 where ``loses``, half at a tie, else 1: also where an input is nan and neither loses."""
    like = x1 if hasattr(x1, "shape") else x2
    won = xp.indicator(xp.logical_not(loses), like)
    return xp.where(x1 == x2, xp.full_like(like, 0.5), won)


elementwise(
    "maximum",
    lambda xp, x1, x2: _share(xp, x1, x2, x1 < x2),
    lambda xp, x1, x2: _share(xp, x1, x2, x2 < x1),
    chooses=True,
    real_only=True,
)
elementwise(
    "minimum",
    lambda xp, x1, x2: _share(xp, x1, x2, x1 > x2),
    lambda xp, x1, x2: _share(xp, x1, x2, x2 > x1),
    chooses=True,
    real_only=True,
)
# limits that are tensors: at a tie all goes to what is limited
elementwise(
    "clamp_min",
    lambda xp, x1, x2: xp.indicator(x1 >= x2, x1),
    lambda xp, x1, x2: xp.indicator(x1 < x2, x1),
    forward=lambda xp, x1, x2: xp.maximum(x1, x2),
    grad_name="ClampMinBackward1",
    chooses=True,
    real_only=True,
)
elementwise(
    "clamp_max",
    lambda xp, x1, x2: xp.indicator(x1 <= x2, x1),
    lambda xp, x1, x2: xp.indicator(x1 > x2, x1),
    forward=lambda xp, x1, x2: xp.minimum(x1, x2),
    grad_name="ClampMaxBackward1",
    chooses=True,
    real_only=True,
)


def _clip(xp: Any, x: Any, *, min: Any, max: Any) -> Any:
    if min is not None and max is not None and min > max:  # which the standard leaves undefined: the maximum wins
        return xp.minimum(xp.maximum(x, min), max)
    return xp.clip(x, min, max)


def _inside(xp: Any, x: Any, min: Any, max: Any) -> Any:
    if min is None:
        return xp.indicator(x == x if max is None else x <= max, x)
    return xp.indicator(x >= min if max is None else (x >= min) & (x <= max), x)


elementwise(
    "clamp",
    _inside,
    defaults={"min": None, "max": None},
    forward=_clip,
    grad_name="ClampBackward1",
    chooses=True,
    real_only=True,
)
elementwise(
    "copysign",
    lambda xp, x1, x2: xp.sign(x1) * xp.copysign(xp.ones_like(x1), x2),
    0,
    accepts="floating",
    real_only=True,
)
elementwise("nextafter", 1, 0, accepts="floating", real_only=True)

# what copy_ and fill_ do: the second, in the first's shape
elementwise(
    "overwrite",
    0,
    1,
    forward=lambda xp, x1, x2: xp.broadcast_to(x2, x1.shape),
    grad_name="CopyBackwards",
    batch=_batching.overwrite,
)

# -- complex -----------------------------------------------------------------------------------------------------------

primitive("conj", vjp=lambda xp, g: xp.conj(g), jvp=lambda xp, t: xp.conj(t), holomorphic=False, batch="elementwise")
primitive(
    "real", vjp=lambda xp, g: xp.to_complex(g), jvp=lambda xp, t: xp.real(t), holomorphic=False, batch="elementwise"
)
primitive(
    "imag",
    vjp=lambda xp, g: xp.to_complex(g) * 1j,
    jvp=lambda xp, t: xp.imag(t),
    holomorphic=False,
    batch="elementwise",
)

primitive(
    "to_complex",
    vjp=lambda xp, g: xp.real(g),
    jvp=lambda xp, t: xp.to_complex(t),
    holomorphic=False,
    batch="elementwise",
)

# -- truth and bits ----------------------------------------------------------------------------------------------------

nondiff("equal", "not_equal", inputs=2, compares=True)
nondiff("less", "less_equal", "greater", "greater_equal", inputs=2, compares=True, real_only=True)
nondiff("logical_and", "logical_or", "logical_xor", inputs=2, compares=True)
nondiff("bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", inputs=2)
nondiff("logical_not", "bitwise_invert", "isfinite", "isinf", "isnan", batch="elementwise")
nondiff("signbit", batch="elementwise", real_only=True)
nondiff(
    "indicator", inputs=2, promote=(), batch=_batching.indicator
)  # 1 where true and 0 where false, of the second's dtype
nondiff("zeros_like", "ones_like", "full_like", batch="elementwise")
# numbers that a rule needs as an array: a vector of the input's dtype, on its device
nondiff("constant", forward=lambda xp, x, *, values: xp.asarray(list(values), dtype=x.dtype), batch="independent")
