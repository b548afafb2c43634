"""What JAX computes otherwise than the Array API standard says: signs of zero, infinities and nan, a few dtypes.

And two special functions of too few digits. Knows JAX and the standard's special cases. Each function is JAX's own,
with other values where it is wrong; the tests hold each to the standard. JAX documents no special cases of complex
numbers and leaves them to XLA.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax import numpy as jnp
from jax.lax import lgamma
from jax.numpy import isfinite, isinf, isnan
from jax.scipy import special

Array = Any
Function = Callable[..., Any]

INF, NAN = math.inf, math.nan

# -- real numbers ------------------------------------------------------------------------------------------------------


def _sign(x: Array) -> Array:
    """JAX leaves -0.0 as it is."""
    return jnp.where(x == 0, jnp.zeros_like(x), jnp.sign(x))


def _floating(out: Array) -> bool:
    return bool(jnp.issubdtype(out.dtype, jnp.floating))


def _floor_divide(x1: Array, x2: Array) -> Array:
    """The sign of zero is the quotient's, and with one operand infinite the result is the quotient."""
    out = jnp.floor_divide(x1, x2)
    return jnp.where((x1 == 0) | (isinf(x1) != isinf(x2)), x1 / x2, out) if _floating(out) else out


def _remainder(x1: Array, x2: Array) -> Array:
    """The sign of zero is the divisor's."""
    out = jnp.remainder(x1, x2)
    return jnp.where(out == 0, jnp.copysign(out, x2), out) if _floating(out) else out


def _searchsorted(x1: Array, x2: Array, *, side: str) -> Array:
    """JAX counts in int32, whatever the default integer is."""
    return jnp.searchsorted(x1, x2, side=side).astype(int)


def betaln(a: Array, b: Array) -> Array:
    """JAX's has 6 digits where the larger is above 8, since it takes a/(a+b) for b/(a+b), and enough from 1000 on."""
    direct = lgamma(a) + (lgamma(b) - lgamma(a + b))
    return jnp.where(jnp.maximum(a, b) < 1000, direct, special.betaln(a, b))


def beta(a: Array, b: Array) -> Array:
    """The same."""
    return special.gammasgn(a) * special.gammasgn(b) * special.gammasgn(a + b) * jnp.exp(betaln(a, b))


# -- complex numbers ---------------------------------------------------------------------------------------------------

Case = tuple[Any, Any, Any]
"""Where JAX is wrong, and the real and imaginary part that the standard wants there."""


def _exp(a: Array, b: Array) -> list[Case]:
    up = a > 0
    return [(isinf(a) & ~isfinite(b), jnp.where(up, INF, 0), jnp.where(up, NAN, 0))]


def _cosh(a: Array, b: Array) -> list[Case]:
    return [((a == 0) & ~isfinite(b), NAN, 0), (isinf(a) & ~isfinite(b), INF, NAN)]


def _sinh(a: Array, b: Array) -> list[Case]:
    return [(((a == 0) | isinf(a)) & ~isfinite(b), a, NAN)]


def _tanh(a: Array, b: Array) -> list[Case]:
    return [((a == 0) & ~isfinite(b), a, NAN)]


def _log(a: Array, b: Array) -> list[Case]:
    return [((isinf(a) & isnan(b)) | (isnan(a) & isinf(b)), INF, NAN)]


def _sqrt(a: Array, b: Array) -> list[Case]:
    return [(isinf(a) & isnan(b), jnp.where(a > 0, INF, NAN), jnp.where(a > 0, NAN, INF))]


def _neither(a: Array, b: Array) -> Array:
    """Where one part is nan and the other says nothing. (Large ones overflow in complex64 on the way.)"""
    return isnan(b) & isfinite(a) & (a != 0)


def _acos(a: Array, b: Array) -> list[Case]:
    return [((a == 0) & isnan(b), math.pi / 2, NAN), (_neither(a, b), NAN, NAN)]


def _acosh(a: Array, b: Array) -> list[Case]:
    return [((a == 0) & isnan(b), NAN, math.pi / 2), (_neither(a, b), NAN, NAN)]


def _asinh(a: Array, b: Array) -> list[Case]:
    return [(isnan(a) & isfinite(b), NAN, jnp.where(b == 0, b, NAN))]


def _atanh(a: Array, b: Array) -> list[Case]:
    zero = (a == 0) | isinf(a)
    return [(isnan(b) | (isnan(a) & isfinite(b)), jnp.where(zero, jnp.copysign(0, a), NAN), NAN)]


COMPLEX = {
    "acos": _acos,
    "acosh": _acosh,
    "asinh": _asinh,
    "atanh": _atanh,
    "cosh": _cosh,
    "exp": _exp,
    "log": _log,
    "log1p": _log,
    "sinh": _sinh,
    "sqrt": _sqrt,
    "tanh": _tanh,
}


def _with_cases(function: Function, cases: Callable[[Array, Array], list[Case]]) -> Function:
    def run(x: Array) -> Array:
        out = function(x)
        if not jnp.iscomplexobj(out):
            return out
        real, imag = out.real, out.imag
        for wrong, a, b in cases(x.real, x.imag):
            real, imag = jnp.where(wrong, a, real), jnp.where(wrong, b, imag)
        return jax.lax.complex(real, imag)

    compiled: Function = jax.jit(run)
    return compiled


def mended() -> Mapping[str, Function]:
    """The functions by their names."""
    return {
        "floor_divide": jax.jit(_floor_divide),
        "permute_dims": jax.jit(  # JAX takes no axis counted from the end of an array without elements
            lambda x, axes: jnp.permute_dims(x, tuple(axis % x.ndim for axis in axes)), static_argnames="axes"
        ),
        "remainder": jax.jit(_remainder),
        "searchsorted": jax.jit(_searchsorted, static_argnames="side"),
        "sign": jax.jit(_sign),
        **{name: _with_cases(getattr(jnp, name), cases) for name, cases in COMPLEX.items()},
    }
