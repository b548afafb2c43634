"""Functions of ``jax.numpy`` as gradarray calls them: compiled as a whole.

Knows JAX and the standard. What JAX does not compile itself runs operation by operation outside of a trace, ten times
as slow; ``jax.jit`` of the same function is one call.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import jax
from jax import numpy as jnp

Array = Any
Function = Callable[..., Any]


def convert(x: Array, dtype: Any) -> Array:
    """The standard's ``astype``."""
    return x.astype(dtype)


def created_on(device: Any) -> Mapping[str, Function]:
    """What makes arrays of nothing, on ``device``; on the default one, where that is None."""
    sharding = None if device is None else jax.sharding.SingleDeviceSharding(device)

    def compiled(function: Function) -> Function:
        found: Function = jax.jit(function, static_argnames=("shape", "dtype"), out_shardings=sharding)
        return found

    zeros, ones = compiled(jnp.zeros), compiled(jnp.ones)
    full = compiled(lambda value, shape, dtype: jnp.full(shape, value, dtype))

    def asarray(x: Any, dtype: Any = None, copy: bool | None = None) -> Array:
        there = device if not isinstance(x, jax.Array) else None
        return jnp.asarray(x, dtype=dtype, copy=copy, device=there)

    def put(name: str) -> Function:
        function = getattr(jnp, name)
        return lambda *args, **kwargs: function(*args, device=device, **kwargs)

    return {
        "asarray": asarray,
        "zeros": zeros,
        "ones": ones,
        "empty": zeros,
        "full": lambda shape, value, dtype=None: full(value, shape, dtype),
        # compiled for itself, a function that looks at the shape alone would not keep the device
        "zeros_like": lambda x: zeros(x.shape, x.dtype),
        "ones_like": lambda x: ones(x.shape, x.dtype),
        "full_like": lambda x, value: full(value, x.shape, x.dtype),
        **{name: put(name) for name in ("arange", "eye", "linspace")},
    }


def _strong_multiply(g: Array, p: Array) -> Array:
    """``g * p`` where a zero in ``g`` beats an inf or nan in ``p``."""
    product = g * p
    return jnp.where(g == 0, jnp.zeros_like(product), product)


def compiled() -> Mapping[str, Function]:
    """Functions of arrays, by the standard's names and gradarray's own."""

    def of(function: Function, *static: str) -> Function:
        found: Function = jax.jit(function, static_argnames=static)
        return found

    reshape = of(lambda x, shape: x.reshape(shape), "shape")
    broadcast = of(lambda x, shape: jnp.broadcast_to(x, shape), "shape")
    return {
        "broadcast_to": broadcast,
        "clone": of(lambda x: x.copy()),
        "concat": of(jnp.concat, "axis"),
        "expand_dims": of(jnp.expand_dims, "axis"),
        "matmul_nt": of(lambda x1, x2: x1 @ x2.mT),
        "matmul_tn": of(lambda x1, x2: x1.mT @ x2),
        "matrix_transpose": of(jnp.matrix_transpose),
        "pow_number": operator.pow,  # which knows of squares
        "relu_backward": of(lambda g, out: jnp.where(out == 0, jnp.zeros_like(g), g)),
        "reshape": reshape,
        "sigmoid_backward": of(lambda g, out: g * (out * (1 - out))),
        "spread": broadcast,
        "squeeze": of(jnp.squeeze, "axis"),
        "stack": of(jnp.stack, "axis"),
        "strong_multiply": of(_strong_multiply),
        "tanh_backward": of(lambda g, out: g * (1 - out * out)),
        "view": reshape,
        "where": of(jnp.where),
    }
