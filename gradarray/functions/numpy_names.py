"""NumPy's functions on tensors (NEP 18): what ``np.sum(x, 0)`` and ``np.vstack([x, y])`` run.

Knows the names and signatures in which NumPy differs from the standard. A function of the namespace by NumPy's name is
called with NumPy's arguments by name; what needs more than that is in ``OWN`` or in ``numpy_statistics.py``. What the
namespace lacks is an error, never a silent detachment.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradarray import creation
from gradarray._storage import Value
from gradarray.creation import as_value
from gradarray.dtypes import as_dtype
from gradarray.functions import elementwise as e
from gradarray.functions import (
    linalg,
    manipulation,
    matrices,
    numpy_like,
    numpy_statistics,
    searching,
    sets,
    statistical,
    testing,
    types,
)
from gradarray.functions.einsum import einsum
from gradarray.functions.indexing import getitem

FUNCTIONS = {"amax": "max", "amin": "min"}
PARAMETERS = {"a_min": "min", "a_max": "max"}
WRITES = ("copyto", "put_along_axis")
"""Functions that write into their first argument."""


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(x._data.shape)


def _flat(x: Any) -> Any:
    return manipulation.reshape(x, (-1,))


# -- shapes ------------------------------------------------------------------------------------------------------------


def _squeeze(a: Any, axis: Any = None) -> Any:
    return manipulation.squeeze(a, tuple(i for i, n in enumerate(a._data.shape) if n == 1) if axis is None else axis)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0, *, even: bool = True) -> list[Any]:
    n = ary._data.shape[axis]
    if isinstance(indices_or_sections, int):
        parts = indices_or_sections
        if even and n % parts:
            raise ValueError("array split does not result in an equal division")
        sizes = [n // parts + (i < n % parts) for i in range(parts)]
        indices_or_sections = np.cumsum(sizes)[:-1].tolist()
    before = (slice(None),) * (axis % len(ary._data.shape))
    cuts = [0, *indices_or_sections, n]
    return [getitem(ary, (*before, slice(a, b))) for a, b in zip(cuts, cuts[1:])]  # noqa: RUF007 (neither is long)


def _raised(x: Any, n: int) -> Any:
    """``x`` with at least ``n`` dimensions, put where NumPy puts them."""
    x = as_value(x)
    ndim = len(x._data.shape)
    if ndim >= n:
        return x
    if ndim == 0:
        return manipulation.reshape(x, (1,) * n)
    return x[None, :] if n == 2 else x[None, :, None] if ndim == 1 else x[:, :, None]


def _at_least(n: int) -> Callable[..., Any]:
    def run(*arys: Any) -> Any:
        raised = tuple(_raised(x, n) for x in arys)
        return raised[0] if len(raised) == 1 else raised

    return run


def _joined(n: int, axis: int) -> Callable[..., Any]:
    def run(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Any:
        parts = [_raised(x, n) for x in tup]
        along = 0 if n == 1 and len(parts[0]._data.shape) == 1 else axis
        out = manipulation.concat(parts, axis=along)
        return out if dtype is None else manipulation.astype(out, as_dtype(dtype))

    return run


def _column_stack(tup: Any) -> Any:
    columns = [as_value(x) for x in tup]
    return manipulation.concat([c if len(c._data.shape) > 1 else _flat(c)[:, None] for c in columns], axis=1)


def _flipped(axis: int) -> Callable[[Any], Any]:
    return lambda m: manipulation.flip(m, axis=axis)


def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return manipulation.concat([as_value(arr), as_value(values)], axis=axis)


# -- creation ----------------------------------------------------------------------------------------------------------


def _like(function: Callable[..., Any], like: Callable[..., Any]) -> Callable[..., Any]:
    def run(
        a: Any,
        *values: Any,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        device: Any = None,
    ) -> Any:
        if shape is None:
            return like(a, *values, dtype=dtype, device=device)
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        place = a._place if device is None else device
        return function(shape, *values, dtype=a._dtype if dtype is None else dtype, device=place)

    return run


# -- products ----------------------------------------------------------------------------------------------------------


def _dot(a: Any, b: Any) -> Any:
    a, b = as_value(a), as_value(b)
    if not a._data.shape or not b._data.shape:
        return e.multiply(a, b)
    if len(b._data.shape) == 1 or len(a._data.shape) <= 2 >= len(b._data.shape):
        return linalg.matmul(a, b)
    return linalg.tensordot(a, b, axes=((-1,), (-2,)))


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    matrix = isinstance(axis, tuple) and len(axis) == 2
    if ord is None or not (matrix or (axis is None and len(x._data.shape) == 2)):
        return linalg.vector_norm(x, ord=2 if ord is None else ord, axis=axis, keepdims=keepdims)
    if not matrix:
        return linalg.matrix_norm(x, ord=ord, keepdims=keepdims)
    out = linalg.matrix_norm(manipulation.moveaxis(x, axis, (-2, -1)), ord=ord, keepdims=keepdims)
    return manipulation.moveaxis(out, (-2, -1), axis) if keepdims else out


def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    from gradarray.functions import decompositions

    return decompositions.svd(a, full_matrices=full_matrices) if compute_uv else linalg.svdvals(a)


def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, v = as_value(a), as_value(v)
    if a._data.shape[0] < v._data.shape[0]:
        a, v = v, a
    n, m = a._data.shape[0], v._data.shape[0]
    skip = {"full": 0, "same": (m - 1) // 2, "valid": m - 1}[mode]
    length = {"full": n + m - 1, "same": n, "valid": n - m + 1}[mode]
    edge = creation.zeros((m - 1,), dtype=a._dtype, device=a._place)
    padded = manipulation.concat([edge, a, edge])
    windows = np.arange(length)[:, None] + np.arange(skip, skip + m)
    return linalg.matmul(getitem(padded, windows), manipulation.flip(v))


def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    a, v = as_value(a), as_value(v)
    if a._data.shape[0] < v._data.shape[0]:  # as in NumPy: the shorter slides, and the result is turned round
        return manipulation.flip(e.conj(_correlate(v, a, mode)))
    return _convolve(a, manipulation.flip(e.conj(v)), mode)


def _polyval(p: Any, x: Any) -> Any:
    out = creation.zeros_like(as_value(x))
    for coefficient in as_value(p):
        out = e.add(e.multiply(out, x), coefficient)
    return out


# -- searching and sorting ---------------------------------------------------------------------------------------------


def _sorted(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return searching.sort(_flat(a), axis=-1) if axis is None else searching.sort(a, axis=axis)


def _argsorted(a: Any, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> Any:
    return searching.argsort(_flat(a), axis=-1) if axis is None else searching.argsort(a, axis=axis)


def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    if axis is not None:
        raise TypeError("numpy.unique along an axis is not supported on gradarray tensors; use axis=None")
    found = sets.unique_all(ar)
    order = searching.argsort(found.values)
    out = [getitem(found.values, order)]
    if return_index:
        out.append(getitem(found.indices, order))
    if return_inverse:
        out.append(getitem(searching.argsort(order), found.inverse_indices))
    if return_counts:
        out.append(getitem(found.counts, order))
    return out[0] if len(out) == 1 else tuple(out)


def _digitize(x: Any, bins: Any, right: bool = False) -> Any:
    return searching.searchsorted(as_value(bins), x, side="left" if right else "right")


def _put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    if axis is None:
        raise TypeError("numpy.put_along_axis without an axis is not supported on gradarray tensors")
    grids = [as_value(np.arange(n).reshape([-1 if i == d else 1 for i in range(indices.ndim)]), device=arr._place)
             for d, n in enumerate(indices._data.shape)]  # fmt: skip
    grids[axis] = indices
    arr[tuple(grids)] = values


# -- the rest ----------------------------------------------------------------------------------------------------------


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        if axis is None:
            a, axis = _flat(a), 0
        return function(a, axis=axis, dtype=dtype)

    return run


def _round(a: Any, decimals: int = 0) -> Any:
    return a.round(decimals=decimals)


def _array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    a1, a2 = as_value(a1), as_value(a2)
    if _shape(a1) != _shape(a2):
        return False
    same = e.equal(a1, a2)
    if equal_nan:
        same = e.logical_or(same, e.logical_and(e.not_equal(a1, a1), e.not_equal(a2, a2)))
    return bool(statistical.all(same))


def _copyto(dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if where is True:
        dst.copy_(src)
    else:
        dst[where] = getitem(manipulation.broadcast_to(as_value(src), dst._data.shape), where)


def _apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    moved = manipulation.moveaxis(arr, axis, -1)
    lead = _shape(moved)[:-1]
    rows = [as_value(func1d(row, *args, **kwargs)) for row in manipulation.reshape(moved, (-1, _shape(moved)[-1]))]
    out = manipulation.reshape(manipulation.stack(rows), (*lead, *_shape(rows[0])))
    return out if not _shape(rows[0]) else manipulation.moveaxis(out, -1, axis)


def _result_type(*xs: Any) -> Any:
    return types.result_type(*(np.dtype(x) if isinstance(x, type) else x for x in xs)).__numpy_dtype__


def _close(compare: Callable[..., Any]) -> Callable[..., Any]:
    def run(a: Any, b: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
        place = next(x._place for x in (a, b) if isinstance(x, Value))
        a, b = (x if isinstance(x, int | float | complex) else as_value(x, device=place) for x in (a, b))
        return compare(a, b, rtol, atol, equal_nan)

    return run


def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    out = default
    for condition, choice in reversed(list(zip(condlist, choicelist, strict=True))):
        out = searching.where(*_tensors((condition, choice, out)))
    return out


def _take(a: Any, indices: Any, axis: int | None = None) -> Any:
    return searching.take(_flat(a), indices, axis=0) if axis is None else searching.take(a, indices, axis=axis)


def _product(arrays: Any) -> Any:
    out, *rest = map(as_value, arrays)
    for x in rest:
        out = linalg.matmul(out, x)
    return out


OWN: dict[str, Callable[..., Any]] = {
    "allclose": _close(testing.allclose),
    "angle": lambda z, deg=False: e.atan2(e.imag(z), e.real(z)) * (180 / math.pi if deg else 1.0),
    "append": _append,
    "apply_along_axis": _apply_along_axis,
    "argsort": _argsorted,
    "argwhere": lambda a: manipulation.stack(searching.nonzero(a), axis=-1),
    "around": _round,
    "array_equal": _array_equal,
    "array_split": lambda ary, sections, axis=0: _split(ary, sections, axis, even=False),
    "atleast_1d": _at_least(1),
    "atleast_2d": _at_least(2),
    "atleast_3d": _at_least(3),
    "column_stack": _column_stack,
    "concatenate": lambda arrays, axis=0: manipulation.concat([as_value(x) for x in arrays], axis=axis),
    "convolve": _convolve,
    "copy": lambda a, order="K", subok=False: manipulation.clone(a),
    "copyto": _copyto,
    "correlate": _correlate,
    "cumprod": _cumulative(statistical.cumulative_prod),
    "cumsum": _cumulative(statistical.cumulative_sum),
    "cross": lambda a, b, axis=-1: linalg.cross(a, b, axis=axis),
    "diag": lambda v, k=0: matrices.diag(v, k),
    "diagonal": lambda a, offset=0, axis1=0, axis2=1: matrices.diagonal(a, offset, axis1, axis2),
    "diff": lambda a, n=1, axis=-1, **ends: manipulation.diff(a, axis=axis, n=n, **ends),
    "digitize": _digitize,
    "dot": _dot,
    "dsplit": lambda ary, sections: _split(ary, sections, 2),
    "dstack": _joined(3, 2),
    "einsum": lambda *operands, optimize=False: einsum(*operands),  # which always looks for the best path
    "empty_like": _like(creation.empty, creation.empty_like),
    "flatnonzero": lambda a: searching.nonzero(_flat(a))[0],
    "fliplr": _flipped(1),
    "flipud": _flipped(0),
    "full_like": _like(creation.full, creation.full_like),
    "hsplit": lambda ary, sections: _split(ary, sections, 1 if len(ary._data.shape) > 1 else 0),
    "hstack": _joined(1, 1),
    "inner": lambda a, b: matrices.inner(as_value(a), as_value(b)),
    "iscomplexobj": lambda x: x._dtype.kind == "c",
    "isclose": _close(testing.isclose),
    "isrealobj": lambda x: x._dtype.kind != "c",
    "linalg.multi_dot": _product,
    "linalg.norm": _norm,
    "linalg.svd": _svd,
    "nan_to_num": lambda x, copy=True, nan=0.0, posinf=None, neginf=None: numpy_like.nan_to_num(x, nan, posinf, neginf),
    "ndim": lambda a: len(a._data.shape),
    "ones_like": _like(creation.ones, creation.ones_like),
    "outer": lambda a, b: linalg.outer(_flat(as_value(a)), _flat(as_value(b))),
    "polyval": _polyval,
    "put_along_axis": _put_along_axis,
    "ravel": lambda a, order="C": _flat(a),
    "repeat": lambda a, repeats, axis=None: manipulation.repeat(a, repeats, axis=axis),
    "result_type": _result_type,
    "rollaxis": lambda a, axis, start=0: manipulation.moveaxis(
        a, axis, start - (axis % len(_shape(a)) < start % (len(_shape(a)) + 1))
    ),
    "round": _round,
    "searchsorted": lambda a, v, side="left", sorter=None: searching.searchsorted(
        as_value(a), v, side=side, sorter=sorter
    ),
    "select": _select,
    "shape": _shape,
    "size": lambda a, axis=None: a.numel() if axis is None else a._data.shape[axis],
    "sort": _sorted,
    "split": _split,
    "squeeze": _squeeze,
    "stack": lambda arrays, axis=0: manipulation.stack([as_value(x) for x in arrays], axis=axis),
    "swapaxes": lambda a, axis1, axis2: manipulation.transpose(a, axis1, axis2),
    "take": _take,
    "tile": lambda A, reps: manipulation.tile(A, (reps,) if isinstance(reps, int) else tuple(reps)),
    "trace": lambda a, offset=0, axis1=0, axis2=1, dtype=None: statistical.sum(
        matrices.diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype
    ),
    "transpose": lambda a, axes=None: manipulation.transpose(a, axes),
    "trapezoid": lambda y, x=None, dx=1.0, axis=-1: numpy_like.trapezoid(y, x, dx=dx, axis=axis),
    "unique": _unique,
    "vdot": lambda a, b: statistical.sum(e.multiply(e.conj(_flat(a)), _flat(b))),
    "vsplit": lambda ary, sections: _split(ary, sections, 0),
    "vstack": _joined(2, 0),
    "zeros_like": _like(creation.zeros, creation.zeros_like),
    **numpy_statistics.OWN,
}


def call(namespace: Any, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What NumPy's ``function`` does, by the functions of ``namespace``.

    Raises
    ------
    TypeError
        If there is no such function, or it has no such parameter.
    """
    name = function.__name__
    path = [*filter(None, function.__module__.removeprefix("numpy").split(".")), name]
    own = OWN.get(".".join(path))
    if name in WRITES and not isinstance(args[0], Value):  # an array: only what is off the tape can go there
        rest = {k: np.asarray(v) if isinstance(v, Value) else v for k, v in kwargs.items()}
        return function(*(np.asarray(x) if isinstance(x, Value) else x for x in args), **rest)
    if own is not None:
        return own(*_tensors(args), **kwargs)
    path[-1] = FUNCTIONS.get(name, name)
    for part in path:
        namespace = getattr(namespace, part, None)
    if namespace is None:
        raise TypeError(
            f"{function.__module__}.{name} is not supported on gradarray tensors; use the functions of gradarray, or "
            "tensor.detach().numpy()"
        )
    try:
        given = inspect.signature(function).bind(*args, **kwargs)
        parameters = inspect.signature(namespace).parameters.values()
    except ValueError:  # of those written in C
        return namespace(*_tensors(args), **kwargs)
    if any(p.kind is p.VAR_POSITIONAL for p in given.signature.parameters.values()):
        return namespace(*_tensors(args), **kwargs)
    positional = sum(p.kind is p.POSITIONAL_ONLY for p in parameters)
    further = given.arguments.pop("kwargs", {})
    names, values = list(given.arguments), _tensors(given.arguments.values())
    rest = {PARAMETERS.get(k, k): v for k, v in zip(names[positional:], values[positional:], strict=True)}
    return namespace(*values[:positional], **rest, **further)


def _tensors(args: Any) -> list[Any]:
    """``args``, NumPy's arrays among them, and beside tensors in a sequence, as tensors where the first tensor lies."""
    args = list(args)
    beside = [isinstance(x, list | tuple) and any(isinstance(y, Value) for y in x) for x in args]
    all_ = [y for x, several in zip(args, beside, strict=True) for y in (x if several else (x,))]
    place = next((x._place for x in all_ if isinstance(x, Value)), None)

    def one(x: Any) -> Any:
        return as_value(x, device=place) if isinstance(x, np.ndarray) else x

    return [[one(y) for y in x] if several else one(x) for x, several in zip(args, beside, strict=True)]
