"""Elementwise functions of the namespace: Array API standard, "Element-wise Functions", and PyTorch's next to them.

Knows dispatch. Each is made from its record in the table; the docstring says what the record says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import apply, binary, cast, out_of_range, unary
from gradarray._primitive import TABLE
from gradarray._state import get_default_dtype
from gradarray._storage import Value
from gradarray.dtypes import LIMITS, holds
from gradarray.functions._into import into

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Scalar = bool | int | float | complex
_DOC = """{summary}

Parameters
----------
{parameters}
out : Tensor, optional
    Written to and returned, in its own memory. Must have the result's shape; not with gradients.

Returns
-------
Tensor
    {dtype}

Raises
------
RuntimeError
    If tensors lie on different devices{broadcast}.

Notes
-----
{derivative}

References
----------
Array API standard, "Element-wise Functions"; ``torch.{name}``.
"""


def _not_operands(name: str, x1: Any, x2: Any) -> TypeError:
    return TypeError(
        f"{name}(): arguments must be tensors or numbers, not {type(x1).__name__} and {type(x2).__name__}; make a "
        "tensor of lists first"
    )


def _document(function: Callable[..., Any], name: str, summary: str, record_name: str) -> None:
    record = TABLE[record_name]
    two = record.inputs == 2
    parameters = "x1, x2 : Tensor or Python scalar\n    Shapes broadcast, dtypes promote." if two else "x : Tensor"
    floating = "The default floating dtype where the input is of integers, else the input's."
    same = "Of the common dtype and the broadcast shape." if two else "Of the input's shape and dtype."
    differentiable = (
        "Differentiable" if record.rules is not None else "Not differentiable: the result needs no gradient"
    )
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DOC.format(
        summary=summary,
        parameters=parameters,
        dtype=floating if record.accepts == "floating" else same if record.rules is not None else "Shaped as above.",
        broadcast=", or shapes do not broadcast" if two else "",
        derivative=f"{differentiable}, forward and backward; see ``{record_name}`` in ``gradarray.ops``.",
        name=name,
    )


def _unary(name: str, summary: str, record: str = "") -> Callable[..., Tensor]:
    run = unary(record or name)

    def function(x: Any, /, *, out: Any = None) -> Any:
        return run(x) if out is None else into(out, run(x), name)

    _document(function, name, summary, record or name)
    return function


def _binary(name: str, summary: str, record: str = "") -> Callable[..., Tensor]:
    run = binary(record or name)

    def function(x1: Any, x2: Any, /, *, out: Any = None) -> Any:
        result = run(x1, x2)
        if result is NotImplemented:
            raise _not_operands(name, x1, x2)
        return result if out is None else into(out, result, name)

    _document(function, name, summary, record or name)
    return function


def _scaled(x: Any, alpha: float) -> Any:
    if type(alpha) is int and alpha == 1:
        return x
    return multiply(x, alpha) if isinstance(x, Value) else x * alpha


_add, _subtract = binary("add"), binary("subtract")


def add(x1: Tensor | Scalar, x2: Tensor | Scalar, /, *, alpha: float = 1, out: Tensor | None = None) -> Tensor:
    """Sum, ``x1 + alpha * x2``.

    Parameters
    ----------
    x1, x2 : Tensor or Python scalar
        Shapes broadcast, dtypes promote.
    alpha : number
        Factor of ``x2``.
    out : Tensor, optional
        Written to and returned, in its own memory.

    Returns
    -------
    Tensor
        Differentiable in both.

    Raises
    ------
    RuntimeError
        If tensors lie on different devices, or shapes do not broadcast.

    References
    ----------
    Array API standard, ``add``; ``torch.add``.
    """
    result: Any = _add(x1, _scaled(x2, alpha))
    if result is NotImplemented:
        raise _not_operands("add", x1, x2)
    return result if out is None else into(out, result, "add")


def subtract(x1: Tensor | Scalar, x2: Tensor | Scalar, /, *, alpha: float = 1, out: Tensor | None = None) -> Tensor:
    """Difference, ``x1 - alpha * x2``. As :func:`add`.

    References
    ----------
    Array API standard, ``subtract``; ``torch.sub``.
    """
    result: Any = _subtract(x1, _scaled(x2, alpha))
    if result is NotImplemented:
        raise _not_operands("subtract", x1, x2)
    return result if out is None else into(out, result, "subtract")


multiply = _binary("multiply", "Product, ``x1 * x2``.")
_pow, _pow_number = binary("pow"), binary("pow_number")


def power(x1: Any, x2: Any) -> Any:
    """``x1 ** x2``, the operator."""
    kind = type(x2)
    return _pow_number(x1, x2) if (kind is int or kind is float) and x2 >= 1 else _pow(x1, x2)


def pow(x1: Tensor | Scalar, x2: Tensor | Scalar, /, *, out: Tensor | None = None) -> Tensor:
    """Power, ``x1 ** x2``.

    Parameters
    ----------
    x1, x2 : Tensor or Python scalar
        Shapes broadcast, dtypes promote.
    out : Tensor, optional
        Written to and returned, in its own memory.

    Returns
    -------
    Tensor
        Differentiable in both; with respect to the exponent 0 where the base is 0.

    Raises
    ------
    RuntimeError
        If tensors lie on different devices, or shapes do not broadcast.

    References
    ----------
    Array API standard, ``pow``; ``torch.pow``.
    """
    result = power(x1, x2)
    if result is NotImplemented:
        raise _not_operands("pow", x1, x2)
    return result if out is None else into(out, result, "pow")


remainder = _binary("remainder", "Remainder of floored division, with the sign of ``x2``.")
floor_divide = _binary("floor_divide", "Quotient rounded down.")
atan2 = _binary("atan2", "Angle of the point (x2, x1).")
hypot = _binary("hypot", "Length of the vector (x1, x2), without overflow.")
logaddexp = _binary("logaddexp", "``log(exp(x1) + exp(x2))``, without overflow.")
copysign = _binary("copysign", "Magnitude of ``x1`` with the sign of ``x2``.")
nextafter = _binary("nextafter", "The number next to ``x1`` towards ``x2``.")
maximum = _binary("maximum", "The larger of two; at a tie each gets half of the gradient.")
_clamp_min, _clamp_max = binary("clamp_min"), binary("clamp_max")
minimum = _binary("minimum", "The smaller of two; at a tie each gets half of the gradient.")
equal = _binary("equal", "Whether ``x1 == x2``.")
not_equal = _binary("not_equal", "Whether ``x1 != x2``.")
less = _binary("less", "Whether ``x1 < x2``.")
less_equal = _binary("less_equal", "Whether ``x1 <= x2``.")
greater = _binary("greater", "Whether ``x1 > x2``.")
greater_equal = _binary("greater_equal", "Whether ``x1 >= x2``.")
logical_and = _binary("logical_and", "Whether both are true.")
logical_or = _binary("logical_or", "Whether one is true.")
logical_xor = _binary("logical_xor", "Whether just one is true.")
bitwise_and = _binary("bitwise_and", "``x1 & x2``.")
bitwise_or = _binary("bitwise_or", "``x1 | x2``.")
bitwise_xor = _binary("bitwise_xor", "``x1 ^ x2``.")
bitwise_left_shift = _binary("bitwise_left_shift", "``x1 << x2``.")
bitwise_right_shift = _binary("bitwise_right_shift", "``x1 >> x2``.")
_divide = _binary("divide", "Quotient, ``x1 / x2``.")


def divide(
    x1: Tensor | Scalar, x2: Tensor | Scalar, /, *, rounding_mode: str | None = None, out: Tensor | None = None
) -> Tensor:
    """Quotient, ``x1 / x2``; of integers in the default floating dtype.

    Parameters
    ----------
    x1, x2 : Tensor or Python scalar
        Shapes broadcast, dtypes promote.
    rounding_mode : {None, "trunc", "floor"}
        Round the quotient towards zero, or down; the gradient is then zero.
    out : Tensor, optional
        Written to and returned, in its own memory.

    Returns
    -------
    Tensor
        Differentiable in both; a zero cotangent gives a zero gradient also where ``x2`` is 0.

    Raises
    ------
    RuntimeError
        If tensors lie on different devices, or shapes do not broadcast; for another rounding mode.

    References
    ----------
    Array API standard, ``divide``; ``torch.div``.
    """
    if rounding_mode is None:
        return _divide(x1, x2, out=out)
    if rounding_mode == "floor":
        return floor_divide(x1, x2, out=out)
    if rounding_mode == "trunc":
        floor_ = floor_divide(x1, x2)
        if floor_._dtype.kind in "iu":  # one more where floor went down from a fraction below zero
            inexact = not_equal(remainder(x1, x2), 0)
            result = add(floor_, cast(logical_and(inexact, less(floor_, 0)), floor_._dtype))
        else:
            result = trunc(_divide(x1, x2))
        return result if out is None else into(out, result, "divide")
    raise RuntimeError(f"rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")


abs = _unary("abs", "Magnitude.")
acos = _unary("acos", "Inverse cosine.")
acosh = _unary("acosh", "Inverse hyperbolic cosine.")
asin = _unary("asin", "Inverse sine.")
asinh = _unary("asinh", "Inverse hyperbolic sine.")
atan = _unary("atan", "Inverse tangent.")
atanh = _unary("atanh", "Inverse hyperbolic tangent.")
bitwise_invert = _unary("bitwise_invert", "``~x``.")
ceil = _unary("ceil", "Rounded up.")
conj = _unary("conj", "Complex conjugate.")
cos = _unary("cos", "Cosine.")
cosh = _unary("cosh", "Hyperbolic cosine.")
exp = _unary("exp", "Exponential.")
expm1 = _unary("expm1", "``exp(x) - 1``, exact near 0.")
floor = _unary("floor", "Rounded down.")
isfinite = _unary("isfinite", "Whether neither infinite nor nan.")
isinf = _unary("isinf", "Whether infinite.")
isnan = _unary("isnan", "Whether nan.")
log = _unary("log", "Natural logarithm.")
log10 = _unary("log10", "Logarithm to base 10.")
log1p = _unary("log1p", "``log(1 + x)``, exact near 0.")
log2 = _unary("log2", "Logarithm to base 2.")
logical_not = _unary("logical_not", "Whether zero or false.")
negative = _unary("negative", "``-x``.")
positive = _unary("positive", "``+x``.")
reciprocal = _unary("reciprocal", "``1 / x``.")
relu = _unary("relu", "``x`` where positive, else 0.")
round = _unary("round", "Rounded to the nearest integer, halves to even.")
rsqrt = _unary("rsqrt", "``1 / sqrt(x)``.")
sigmoid = _unary("sigmoid", "``1 / (1 + exp(-x))``, without overflow.")
sign = _unary("sign", "-1, 0 or 1; for complex numbers ``x / abs(x)``.")
signbit = _unary("signbit", "Whether the sign bit is set.")
sin = _unary("sin", "Sine.")
sinh = _unary("sinh", "Hyperbolic sine.")
sqrt = _unary("sqrt", "Square root.")
square = _unary("square", "``x * x``.")
tan = _unary("tan", "Tangent.")
tanh = _unary("tanh", "Hyperbolic tangent.")
trunc = _unary("trunc", "Rounded towards zero.")


def real(x: Tensor, /) -> Tensor:
    """Real part; of a real tensor the tensor itself. Differentiable.

    References
    ----------
    Array API standard, ``real``; ``torch.real``.
    """
    return apply(TABLE["real"], (x,), {}) if x._dtype.kind == "c" else x


def imag(x: Tensor, /) -> Tensor:
    """Imaginary part; of a real tensor zeros. Differentiable.

    References
    ----------
    Array API standard, ``imag``; ``torch.imag``.
    """
    return apply(TABLE["imag"], (x,), {}) if x._dtype.kind == "c" else apply(TABLE["zeros_like"], (x,), {})


def _is_floating(x: Any) -> bool:
    return isinstance(x, Value) and x._dtype.kind == "f"


def _limit(x: Value, limit: Any, *, lower: bool) -> Any:
    """``limit`` as the dtype of ``x`` holds it: an int beyond all that it holds, which limits nothing, as the last."""
    if type(limit) is not int or x._dtype.kind not in "iu":
        return limit
    least, most = LIMITS[x._dtype.name]
    limit = max(limit, least) if lower else min(limit, most)
    if not holds(x._dtype, limit):
        raise out_of_range("clip", limit, x._dtype)
    return limit


def clip(
    x: Tensor, /, min: Tensor | Scalar | None = None, max: Tensor | Scalar | None = None, *, out: Tensor | None = None
) -> Tensor:
    """``x`` limited to the range from ``min`` to ``max``.

    Parameters
    ----------
    x : Tensor
    min, max : Tensor, number or None
        Broadcast to ``x``'s shape; None for no limit. The result has ``x``'s dtype, or for integers with floating
        limits the default dtype.
    out : Tensor, optional
        Written to and returned, in its own memory.

    Returns
    -------
    Tensor
        Differentiable in ``x`` (1 inside and on the limits, 0 outside) and in limits that are tensors.

    Raises
    ------
    RuntimeError
        If a limit is an int that the integer dtype of ``x`` does not hold, and that limits ``x``.

    References
    ----------
    Array API standard, ``clip``; ``torch.clamp``.
    """
    result: Any = x
    if not isinstance(x, Value):
        raise TypeError(f"clip: expected a Tensor, got {type(x).__name__}")
    if x._dtype.kind in "iub" and any(isinstance(v, float) or _is_floating(v) for v in (min, max)):
        x = result = cast(x, get_default_dtype())
    min, max = _limit(x, min, lower=True), _limit(x, max, lower=False)
    if isinstance(min, Value) or isinstance(max, Value):
        if min is not None:
            result = _clamp_min(result, cast(min, x._dtype) if isinstance(min, Value) else min)
        if max is not None:
            result = _clamp_max(result, cast(max, x._dtype) if isinstance(max, Value) else max)
    else:
        result = apply(TABLE["clamp"], (x,), {"min": min, "max": max})
    return result if out is None else into(out, result, "clip")


__all__ = [name for name in list(globals()) if not name.startswith("_") and name in TABLE] + ["clip"]
