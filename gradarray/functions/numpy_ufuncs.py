"""NumPy's ufuncs on tensors (NEP 13): ``np.exp(x)``, ``np.add.reduce(x)``, ``np.multiply.outer(x, y)``.

Knows where NumPy's names differ from the standard's. What the namespace lacks is an error, never a silent detachment.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradarray.functions import elementwise as e
from gradarray.functions import linalg, manipulation, searching, statistical

NAMES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "conjugate": "conj", "degrees": "rad2deg",
    "radians": "deg2rad", "fabs": "abs", "float_power": "pow",
    "invert": "bitwise_invert", "left_shift": "bitwise_left_shift", "power": "pow",
    "right_shift": "bitwise_right_shift", "rint": "round", "true_divide": "divide", "mod": "remainder",
}  # fmt: skip


def _fmod(x1: Any, x2: Any) -> Any:
    """The remainder with the sign of ``x1``."""
    rest = e.remainder(e.abs(x1), abs(x2))
    return searching.where(e.less(x1, 0), e.negative(rest), rest)


def _fmax(x1: Any, x2: Any, larger: Callable[..., Any]) -> Any:
    """The larger of two where nan counts as missing."""
    out = larger(x1, x2)
    out = searching.where(e.not_equal(x1, x1), x2, out)
    return searching.where(e.not_equal(x2, x2), x1, out)


def _modf(x: Any) -> tuple[Any, Any]:
    whole = e.trunc(x)
    return e.subtract(x, whole), whole


def _cbrt(x: Any) -> Any:
    return e.multiply(e.sign(x), e.pow(e.abs(x), 1 / 3))


OWN: dict[str, Callable[..., Any]] = {
    "cbrt": _cbrt,
    "divmod": lambda x1, x2: (e.floor_divide(x1, x2), e.remainder(x1, x2)),
    "exp2": lambda x: e.pow(2.0, x),
    "fmax": lambda x1, x2: _fmax(x1, x2, e.maximum),
    "fmin": lambda x1, x2: _fmax(x1, x2, e.minimum),
    "fmod": _fmod,
    "logaddexp2": lambda x1, x2: e.divide(
        e.logaddexp(e.multiply(x1, math.log(2)), e.multiply(x2, math.log(2))), math.log(2)
    ),
    "matvec": lambda x1, x2: linalg.matmul(x1, x2[..., None])[..., 0],
    "modf": _modf,
    "vecmat": lambda x1, x2: linalg.matmul(e.conj(x1)[..., None, :], x2)[..., 0, :],
}
REDUCTIONS: dict[str, Callable[..., Any]] = {
    "add": statistical.sum,
    "logical_and": statistical.all,
    "logical_or": statistical.any,
    "maximum": statistical.max,
    "minimum": statistical.min,
    "multiply": statistical.prod,
}
SCANS: dict[str, Callable[..., Any]] = {"add": statistical.cumulative_sum, "multiply": statistical.cumulative_prod}


def function(namespace: Any, ufunc: Any, method: str) -> Callable[..., Any] | None:
    """What ``ufunc`` (or, with another ``method`` than ``__call__``, that method of it) does; None if nothing here."""
    name = ufunc.__name__
    if method == "reduce" and name in REDUCTIONS:
        reduction = REDUCTIONS[name]
        return lambda x, axis=0, dtype=None, keepdims=False: (
            reduction(x, axis=axis, keepdims=keepdims)
            if dtype is None
            else reduction(x, axis=axis, keepdims=keepdims, dtype=dtype)
        )
    if method == "accumulate" and name in SCANS:
        scan = SCANS[name]
        return lambda x, axis=0, dtype=None: scan(x, axis=axis, dtype=dtype)
    found = OWN.get(name) or getattr(namespace, NAMES.get(name, name), None)
    if method == "outer" and found is not None and ufunc.nin == 2:
        return lambda x1, x2: found(manipulation.reshape(x1, (*x1.shape, *(1,) * x2.ndim)), x2)
    return found if method == "__call__" else None
