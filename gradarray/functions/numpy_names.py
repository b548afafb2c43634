"""NumPy's functions on tensors: what ``np.sum(x, 0)`` and ``np.exp(x)`` run, reached through NEP 13 and NEP 18.

Knows the names and signatures in which NumPy differs from the standard. What the namespace lacks is an error, never a
silent detach.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from gradarray._dispatch import ShapeError
from gradarray.functions import elementwise as e
from gradarray.functions import linalg, manipulation, matrices, statistical
from gradarray.functions.einsum import einsum
from gradarray.functions.indexing import getitem

UFUNCS = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "conjugate": "conj", "fabs": "abs", "invert": "bitwise_invert",
    "left_shift": "bitwise_left_shift", "power": "pow", "right_shift": "bitwise_right_shift", "rint": "round",
    "true_divide": "divide", "mod": "remainder",
}  # fmt: skip
FUNCTIONS = {"amax": "max", "amin": "min"}
PARAMETERS = {"a_min": "min", "a_max": "max"}


def _shape(x: Any) -> tuple[int, ...]:
    return tuple(x._data.shape)


def _squeeze(a: Any, axis: Any = None) -> Any:
    return manipulation.squeeze(a, tuple(i for i, n in enumerate(a._data.shape) if n == 1) if axis is None else axis)


def _transpose(a: Any, axes: Any = None) -> Any:
    return manipulation.permute_dims(a, tuple(range(len(a._data.shape)))[::-1] if axes is None else axes)


def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    n = ary._data.shape[axis]
    if isinstance(indices_or_sections, int):
        if n % indices_or_sections:
            raise ValueError("array split does not result in an equal division")
        return list(manipulation.split(ary, n // indices_or_sections, axis))
    before = (slice(None),) * (axis % len(ary._data.shape))
    cuts = [0, *indices_or_sections, n]
    return [getitem(ary, (*before, slice(a, b))) for a, b in zip(cuts, cuts[1:])]  # noqa: RUF007 (neither is long)


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
        if axis is None:
            a, axis = manipulation.reshape(a, (-1,)), 0
        return function(a, axis=axis, dtype=dtype)

    return run


def _spread(function: Callable[..., Any]) -> Callable[..., Any]:
    def run(
        a: Any, axis: Any = None, *, ddof: float = 0, correction: float | None = None, keepdims: bool = False
    ) -> Any:
        return function(a, axis=axis, correction=ddof if correction is None else correction, keepdims=keepdims)

    return run


def _round(a: Any, decimals: int = 0) -> Any:
    return a.round(decimals=decimals)


def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    if ord is not None and (isinstance(axis, tuple) or (axis is None and len(x._data.shape) != 1)):
        raise TypeError("numpy.linalg.norm of a matrix is not supported on gradarray tensors; use ord=None")
    return linalg.vector_norm(x, ord=2 if ord is None else ord, axis=axis, keepdims=keepdims)


def _dot(a: Any, b: Any) -> Any:
    if len(a._data.shape) > 2 or len(b._data.shape) > 2:
        raise ShapeError("numpy.dot of tensors with more than 2 dimensions is not supported; use tensordot")
    return linalg.matmul(a, b) if a._data.shape and b._data.shape else e.multiply(a, b)


def _array_equal(a1: Any, a2: Any) -> bool:
    return _shape(a1) == _shape(a2) and bool(statistical.all(e.equal(a1, a2)))


OWN: dict[str, Callable[..., Any]] = {
    "around": _round,
    "array_equal": _array_equal,
    "concatenate": lambda arrays, axis=0: manipulation.concat(arrays, axis=axis),
    "copy": lambda a: manipulation.clone(a),
    "cross": lambda a, b, axis=-1: linalg.cross(a, b, axis=axis),
    "cumprod": _cumulative(statistical.cumulative_prod),
    "cumsum": _cumulative(statistical.cumulative_sum),
    "diag": lambda v, k=0: matrices.diag(v, k),
    "diagonal": lambda a, offset=0, axis1=0, axis2=1: matrices.diagonal(a, offset, axis1, axis2),
    "dot": _dot,
    "einsum": lambda *operands, optimize=False: einsum(*operands),  # which always looks for the best path
    "linalg.norm": _norm,
    "ndim": lambda a: len(a._data.shape),
    "ravel": lambda a: manipulation.reshape(a, (-1,)),
    "round": _round,
    "shape": _shape,
    "size": lambda a, axis=None: a.numel() if axis is None else a._data.shape[axis],
    "split": _split,
    "squeeze": _squeeze,
    "std": _spread(statistical.std),
    "swapaxes": lambda a, axis1, axis2: manipulation.transpose(a, axis1, axis2),
    "trace": lambda a, offset=0, axis1=0, axis2=1: statistical.sum(matrices.diagonal(a, offset, axis1, axis2), axis=-1),
    "transpose": _transpose,
    "var": _spread(statistical.var),
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
    if own is not None:
        return own(*args, **kwargs)
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
        return namespace(*args, **kwargs)
    if any(p.kind is p.VAR_POSITIONAL for p in given.signature.parameters.values()):
        return namespace(*args, **kwargs)
    positional = sum(p.kind is p.POSITIONAL_ONLY for p in parameters)
    further = given.arguments.pop("kwargs", {})
    first = list(given.arguments.items())
    rest = {PARAMETERS.get(k, k): v for k, v in first[positional:]}
    return namespace(*[v for _, v in first[:positional]], **rest, **further)
