"""Indexing JAX's arrays: read, written and added to, each as one compiled function.

Knows keys as the contract has them, and JAX. ``x[key]`` and ``x.at[key]`` do the same, but run a dozen operations one
by one, which takes fifty times as long. Where a key stands is an argument of the compiled function, not part of it, so
that a loop over rows or batches compiles once.

Positions out of range, which JAX clamps or drops, are refused where they can be looked at for nothing: on the CPU,
outside of a trace.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

Array = Any
Shape = tuple[int, ...]


def getitem(array: Array, key: Any) -> Array:
    """``array[key]``."""
    return _run("get", array, key)


def setitem(array: Array, key: Any, value: Array) -> Array:
    """A copy of ``array`` with ``value`` at ``key``."""
    return _run("set", array, key, value)


def index_add(array: Array, key: Any, value: Array) -> Array:
    """A copy of ``array`` with ``value`` added at ``key``, as often as a position is named; of bool, ``or``."""
    return _run("add", array, key, value)


def _run(what: str, array: Array, key: Any, *value: Array) -> Array:
    keys = key if type(key) is tuple else (key,)
    shape = array.shape
    block = _block(shape, keys)
    if block is not None:
        return _on_block(what)(array, *block, *value)
    return _on_arrays(what)(array, *_taken_apart(shape, keys), *value)


# -- blocks: integers, slices in steps of one, None and an ellipsis ----------------------------------------------------


def _block(shape: Shape, keys: tuple[Any, ...]) -> tuple[Any, Shape, Shape] | None:
    """Where a block starts, its lengths, and its shape as the keys give it; None if they name no block."""
    starts: list[int] = []
    lengths: list[int] = []
    out: list[int] = []
    named = 0
    for k in keys:
        if type(k) is int or type(k) is slice:
            named += 1
        elif k is not None and k is not ...:
            return None
    for k in keys:
        n = shape[len(starts)] if len(starts) < len(shape) else 0
        if k is None:
            out.append(1)
        elif k is ...:
            rest = shape[len(starts) : len(shape) - named]
            starts += [0] * len(rest)
            lengths += rest
            out += rest
        elif type(k) is int:
            named -= 1
            starts.append(k if k >= 0 else k + n)
            lengths.append(1)
        else:
            named -= 1
            start, stop, step = k.indices(n)
            if step != 1:
                return None
            length = max(stop - start, 0)
            starts.append(start if length else 0)
            lengths.append(length)
            out.append(length)
    rest = shape[len(starts) :]
    return np.array(starts + [0] * len(rest), np.int64), (*lengths, *rest), (*out, *rest)


def _without_leading_ones(value: Array) -> Array:
    """``value``, which may have more dimensions than there is room for, all of length 1; those needed come back."""
    ones = next((i for i, n in enumerate(value.shape) if n != 1), value.ndim)
    return value.reshape(value.shape[ones:])


@cache
def _on_block(what: str) -> Any:
    functions: dict[str, Callable[..., Array]] = {"get": _get, "set": _set, "add": _add}
    return jax.jit(functions[what], static_argnums=(2, 3))


def _get(array: Array, starts: Array, lengths: Shape, shape: Shape) -> Array:
    return lax.dynamic_slice(array, tuple(starts), lengths).reshape(shape)


def _set(array: Array, starts: Array, lengths: Shape, shape: Shape, value: Array) -> Array:
    block = jnp.broadcast_to(_without_leading_ones(value), shape).reshape(lengths)
    return lax.dynamic_update_slice(array, block, tuple(starts))


def _add(array: Array, starts: Array, lengths: Shape, shape: Shape, value: Array) -> Array:
    old = _get(array, starts, lengths, shape)
    return _set(array, starts, lengths, shape, old | value if array.dtype == bool else old + value)


# -- everything else ---------------------------------------------------------------------------------------------------

Template = tuple[Any, ...]
"""Keys that can be hashed: a slice is its three numbers, an integer or array the number of the one to be put in."""


def _taken_apart(shape: Shape, keys: tuple[Any, ...]) -> tuple[Template, tuple[Any, ...]]:
    """A template, and what is to be put in. A mask is the positions where it is true, as in NumPy.

    Raises
    ------
    IndexError
        If a position is out of range or a mask does not fit, where that can be seen.
    """
    template: list[Any] = []
    arrays: list[Any] = []

    def put_in(*positions: Any) -> None:
        template.extend(range(len(arrays), len(arrays) + len(positions)))
        arrays.extend(positions)

    axis = 0
    for i, k in enumerate(keys):
        if k is None or k is ... or isinstance(k, bool):
            template.append(k)
            axis = len(shape) - sum(map(_dims, keys[i + 1 :])) if k is ... else axis
        elif isinstance(k, slice):
            template.append((k.start, k.stop, k.step))
        elif isinstance(k, int):
            put_in(np.int64(k))
        else:
            host = _on_host(k)
            if not _is_mask(k):
                _check_bounds(host, axis, shape[axis])
                put_in(k)
            elif isinstance(k, jax.core.Tracer):
                put_in(k)  # which JAX refuses, and says why
            elif k.ndim == 0:
                template.append(bool(k))
            else:
                _check_mask(k, shape[axis : axis + k.ndim])
                put_in(*(jnp.nonzero(k) if host is None else np.nonzero(host)))
        axis += _dims(k)
    return tuple(template), tuple(arrays)


def _dims(k: Any) -> int:
    """How many dimensions ``k`` takes."""
    if k is None or k is ... or isinstance(k, bool):
        return 0
    return k.ndim if hasattr(k, "dtype") and _is_mask(k) else 1


def _is_mask(k: Array) -> bool:
    return bool(k.dtype == bool)


def _on_host(k: Array) -> np.ndarray[Any, Any] | None:
    """The values of ``k``, once they are there, if looking at them takes no transfer."""
    if isinstance(k, jax.core.Tracer):
        return None
    near = all(device.platform == "cpu" for device in k.devices()) and k.is_fully_addressable
    return np.asarray(k) if near else None


def _check_bounds(positions: np.ndarray[Any, Any] | None, axis: int, n: int) -> None:
    if positions is not None and positions.size:
        least, most = positions.min(), positions.max()
        if least < -n or most >= n:
            k = least if least < -n else most
            raise IndexError(f"index {k} is out of bounds for dimension {axis} with size {n}")


def _check_mask(mask: Array, shape: Shape) -> None:
    if mask.shape != shape:
        raise IndexError(f"a mask of shape {list(mask.shape)} does not fit the dimensions {list(shape)} it is for")


def _put_together(template: Template, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
    def part(k: Any) -> Any:
        if type(k) is tuple:
            return slice(*k)
        if type(k) is not int:
            return k
        found = arrays[k]
        return found if _is_mask(found) else found.astype(int)  # JAX would count in the index's own dtype: 300 in int8

    return tuple(map(part, template))


def _take(array: Array, template: Template, arrays: tuple[Any, ...]) -> Array:
    return array[_put_together(template, arrays)]


def _put(array: Array, template: Template, arrays: tuple[Any, ...], value: Array) -> Array:
    return array.at[_put_together(template, arrays)].set(_without_leading_ones(value))


def _accumulate(array: Array, template: Template, arrays: tuple[Any, ...], value: Array) -> Array:
    at = array.at[_put_together(template, arrays)]
    return at.max(value) if array.dtype == bool else at.add(value)


@cache
def _on_arrays(what: str) -> Any:
    functions: dict[str, Callable[..., Array]] = {"get": _take, "set": _put, "add": _accumulate}
    return jax.jit(functions[what], static_argnums=1)
