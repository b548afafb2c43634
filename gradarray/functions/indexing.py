"""Indexing: Array API standard, "Indexing" and "Indexing Functions".

Knows what a key may be and brings it to two forms: a tuple of slices, integers, None and an ellipsis (a view), or one
with arrays in it (a copy).
"""

from __future__ import annotations

import operator
from functools import lru_cache
from types import EllipsisType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradarray._dispatch import apply, cast, grad_enabled, make, road
from gradarray._inplace import from_inside, write
from gradarray._place import Slotted
from gradarray._primitive import TABLE
from gradarray._storage import Value
from gradarray.creation import as_value
from gradarray.dtypes import int64

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

_GETITEM, _INDEX = TABLE["getitem"], TABLE["index"]
_viewed = road("getitem")
_ARRAYS = (bool, np.bool_, list, tuple, np.ndarray)


def _integer(k: Any) -> Any:
    return k if k is None else operator.index(k)


def _array(x: Value, k: Any) -> Any:
    """What stands for an array in a key of ``x``, as a tensor."""
    try:
        if not isinstance(k, _ARRAYS) and not hasattr(k, "__array__") and not hasattr(k, "__dlpack__"):
            raise TypeError
        if isinstance(k, np.ndarray) and k.dtype == np.int64:
            k = k.astype(x._place.integer.__numpy_dtype__, copy=False)
        array = as_value(k, device=x._place)
    except (TypeError, ValueError) as error:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and integer or boolean tensors are valid indices, got "
            f"{k!r}"
        ) from error
    empty = isinstance(k, list | tuple) and 0 in array._data.shape  # which says nothing of a dtype
    return cast(array, x._place.integer) if empty else array


def _parse(x: Value, key: Any) -> tuple[tuple[Any, ...], tuple[Value, ...]]:
    """``key`` in its one form, with arrays replaced by :class:`Slotted`, and those arrays."""
    parts: list[Any] = []
    arrays: list[Value] = []
    ellipsis = False
    dims = 0
    for k in key if isinstance(key, tuple) else (key,):
        if type(k) is range:
            k = list(k)
        kind = type(k)
        if kind is int:
            parts.append(k)
            dims += 1
        elif kind is slice:
            parts.append(slice(_integer(k.start), _integer(k.stop), _integer(k.step)))
            dims += 1
        elif k is None:
            parts.append(k)
        elif kind is EllipsisType:
            if ellipsis:
                raise IndexError("an index can only have a single ellipsis ('...')")
            ellipsis = True
            parts.append(k)
        else:
            array = k if isinstance(k, Value) else None
            if array is None and not isinstance(k, _ARRAYS):
                try:
                    parts.append(operator.index(k))
                    dims += 1
                    continue
                except TypeError:
                    pass
            if array is None:
                array = _array(x, k)
            waits = array._place.capabilities.lazy  # its value is not asked for: it stays an array
            if array._dtype.kind in "iu" and array._data.shape == () and not isinstance(k, np.ndarray) and not waits:
                try:
                    parts.append(operator.index(array))  # type: ignore[arg-type]
                    dims += 1
                    continue
                except TypeError:  # it has no value yet, as inside of jax.jit: an array like any other
                    pass
            if array._dtype.kind not in "iub":
                raise IndexError(f"tensors used as indices must be of integers or bool, got {array._dtype!r}")
            if array._place is not x._place:
                array = cast(array, x._place.integer) if array._dtype is int64 else array
                array = as_value(array, device=x._place)
            parts.append(Slotted(len(arrays)))
            arrays.append(array)
            dims += len(array._data.shape) if array._dtype.kind == "b" else 1
    if dims > len(x._data.shape):
        raise IndexError(f"too many indices for tensor of dimension {len(x._data.shape)}: {dims} were given")
    if not ellipsis:
        parts.append(...)
    _check_bounds(x, parts, arrays)
    return tuple(parts), tuple(arrays)


def _check_bounds(x: Value, parts: list[Any], arrays: list[Value]) -> None:
    """Refuse an integer out of range; libraries clamp, wrap or raise each in its own way."""
    shape = x._data.shape
    for order, dims in ((parts, range(len(shape))), (parts[::-1], range(len(shape) - 1, -1, -1))):
        axes = iter(dims)
        for k in order:
            if k is ...:
                break
            if k is None:
                continue
            step = 1
            if type(k) is Slotted and arrays[k.position]._dtype.kind == "b":
                step = len(arrays[k.position]._data.shape)
            axis = 0
            for _ in range(step):
                axis = next(axes)
            if type(k) is int and not -shape[axis] <= k < shape[axis]:
                raise IndexError(f"index {k} is out of bounds for dimension {axis} with size {shape[axis]}")


def integers(x: Value, index: Any, name: str) -> Any:
    """``index`` as a tensor of integers on the device of ``x``: a mask would mean something else.

    Raises
    ------
    IndexError
        If it is of another dtype.
    """
    index = as_value(index, device=x._place)
    if index._dtype.kind not in "iu":
        raise IndexError(f"{name}: index must be of integers, got {index._dtype!r}")
    return index


def getitem(x: Tensor, key: Any) -> Tensor:
    """``x[key]``: a view for slices, integers, None and ``...``; a copy for arrays of integers and masks.

    Differentiable in ``x``.

    Raises
    ------
    IndexError
        For an integer out of range, too many indices, or a key of another kind.

    References
    ----------
    Array API standard, "Indexing"; NumPy, "Indexing on ndarrays".
    """
    shape = x._shape
    if shape is None:
        x._shape = shape = x._data.shape
    keys = key if type(key) is tuple else (key,)
    known: list[Any] = []
    if len(keys) <= len(shape):
        for i, k in enumerate(keys):
            if type(k) is slice:
                start, stop, step = k.start, k.stop, k.step
                if (
                    (start is not None and type(start) is not int)
                    or (stop is not None and type(stop) is not int)
                    or (step is not None and type(step) is not int)
                ):
                    break
                known.append((start, stop, step))
            elif type(k) is int and -shape[i] <= k < shape[i]:
                known.append(k)
            else:
                break
        else:
            return _viewed(x, _params(tuple(known)))  # type: ignore[no-any-return]
    parts, arrays = _parse(x, key)
    if arrays:
        return apply(_INDEX, (x, *arrays), {"key": parts})
    return _viewed(x, {"key": parts})  # type: ignore[no-any-return]


@lru_cache(1024)
def _params(known: tuple[Any, ...]) -> dict[str, Any]:
    """The parameters of a view by slices and integers: in a loop the same few again, which the tape holds once."""
    return {"key": (*(slice(*k) if type(k) is tuple else k for k in known), ...)}


def setitem(x: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``, for every key that :func:`getitem` takes. Differentiable in ``x`` and ``value``.

    Where integer arrays in ``key`` name an element several times, which of its values is kept is the library's affair,
    and the gradient is that of each, as in PyTorch: too large by those that were overwritten.

    Raises
    ------
    IndexError
        As :func:`getitem`.
    RuntimeError
        If ``value`` does not broadcast to ``x[key]``, or ``x`` is a leaf that requires a gradient. Nothing has changed.
    """
    parts, arrays = _parse(x, key)
    given = as_value(value, dtype=None if isinstance(value, Value) else x._dtype, device=x._place)
    for a in arrays:
        if a._place is not x._place:
            raise from_inside("__setitem__", a, "be written to at an index")
    if arrays and grad_enabled():  # the step stays on the tape: keep the indices as they are now
        arrays = tuple(make(a._place.backend.copy(a._data), a._place, a._dtype) for a in arrays)
    params: dict[str, Any] = {"key": parts, "indices": arrays} if arrays else {"key": parts}
    write(x, given, "__setitem__", (_INDEX if arrays else _GETITEM, params))
