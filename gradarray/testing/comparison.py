"""``assert_close``: whether values are equal up to round-off, and if not, where and by how much.

Knows the public functions, and NumPy on the host. Must not know any backend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradarray._storage import Value

TOLERANCES = {
    "float32": (1.3e-6, 1e-5),
    "complex64": (1.3e-6, 1e-5),
    "float64": (1e-7, 1e-7),
    "complex128": (1e-7, 1e-7),
}
"""rtol and atol by dtype, as PyTorch has them; whole numbers and bools must be equal."""

Array = np.ndarray[Any, Any]
Number = bool | int | float | complex


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """Assert that ``|actual - expected| <= atol + rtol * |expected|``, and that all else is equal.

    Parameters
    ----------
    actual, expected : Tensor, array of NumPy's, number, or sequence or mapping of these
        Sequences are compared element by element, mappings key by key. Where one side is no tensor, devices are not
        compared; where one is a Python number, dtypes are not.
    rtol, atol : float, optional
        Both or neither. By default those of the dtype, and of the less precise one where dtypes differ:

        ==================== ====== ====
        dtype                rtol   atol
        ==================== ====== ====
        float32, complex64   1.3e-6 1e-5
        float64, complex128  1e-7   1e-7
        others               0      0
        ==================== ====== ====
    equal_nan : bool
        Whether nan is close to nan.
    check_device, check_dtype : bool
        Whether both must lie on the same device, and be of the same dtype. If not, they are compared on the host in
        the dtype to which both are promoted.
    msg : str or callable, optional
        To be said instead, or made of what would be said.

    Raises
    ------
    AssertionError
        If they are not close. It says how many elements are not, and where the worst ones are.
    ValueError
        If only one of ``rtol`` and ``atol`` is given.
    TypeError
        If one of them is nothing that can be compared.

    References
    ----------
    ``torch.testing.assert_close``.

    Examples
    --------
    >>> import gradarray as ga
    >>> from gradarray.testing import assert_close
    >>> assert_close(ga.tensor([1.0, 2.0]), ga.tensor([1.0, 2.0 + 1e-7]))
    >>> assert_close([ga.ones(2), 3.0], [ga.ones(2), 3.0])
    """
    if (rtol is None) != (atol is None):
        raise ValueError(f"rtol and atol must both be given, or neither; got rtol={rtol} and atol={atol}")
    options = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan, "device": check_device, "dtype": check_dtype}
    found = _difference(actual, expected, "", options)
    if found is not None:
        raise AssertionError(msg(found) if callable(msg) else found if msg is None else msg)


def _difference(actual: Any, expected: Any, where: str, options: Mapping[str, Any]) -> str | None:
    """What is not equal, in words, or None; ``where`` says in which element of what was given."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        if set(actual) != set(expected):
            return _said(where, f"The keys are not equal: {sorted(actual, key=str)} and {sorted(expected, key=str)}.")
        parts = ((actual[key], expected[key], f"{where}[{key!r}]") for key in expected)
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        if len(actual) != len(expected):
            return _said(where, f"The lengths are not equal: {len(actual)} and {len(expected)}.")
        parts = ((a, e, f"{where}[{i}]") for i, (a, e) in enumerate(zip(actual, expected, strict=True)))
    else:
        return _of_arrays(actual, expected, where, options)
    return next((found for part in parts if (found := _difference(*part, options)) is not None), None)


def _of_arrays(actual: Any, expected: Any, where: str, options: Mapping[str, Any]) -> str | None:
    a, e = _on_host(actual, "actual", where), _on_host(expected, "expected", where)
    numbers = isinstance(actual, Number) or isinstance(expected, Number)
    if a.shape != e.shape:
        return _said(where, f"The shapes are not equal: {list(a.shape)} and {list(e.shape)}.")
    if options["device"] and isinstance(actual, Value) and isinstance(expected, Value):
        there, here = (x._place.device for x in (actual, expected))
        if there != here:
            return _said(where, f"The devices are not equal: {there} and {here}; check_device=False compares values.")
    if options["dtype"] and not numbers and a.dtype != e.dtype:
        return _said(where, f"The dtypes are not equal: {a.dtype} and {e.dtype}; check_dtype=False compares values.")
    rtol, atol = options["rtol"], options["atol"]
    if rtol is None:
        given = [x.dtype.name for x, what in ((a, actual), (e, expected)) if not isinstance(what, Number)]
        pairs = [TOLERANCES.get(name, (0.0, 0.0)) for name in given or [a.dtype.name, e.dtype.name]]
        rtol, atol = (max(values) for values in zip(*pairs, strict=True))
    return _unlike(a, e, rtol, atol, where, equal_nan=options["equal_nan"])


def _unlike(a: Array, e: Array, rtol: float, atol: float, where: str, *, equal_nan: bool) -> str | None:
    """Which elements are not close, and by how much."""
    if a.dtype.kind in "bui" and e.dtype.kind in "bui":  # whole numbers that doubles cannot tell apart
        a, e = a.astype(object), e.astype(object)
    else:
        dtype = np.promote_types(np.promote_types(a.dtype, e.dtype), np.float64)
        a, e = a.astype(dtype), e.astype(dtype)
    with np.errstate(all="ignore"):
        gap = np.abs(a - e)
        close = np.asarray(a == e) | (np.asarray(gap <= atol + rtol * np.abs(e)) & _finite(e))
        if equal_nan:
            close |= np.asarray(a != a) & np.asarray(e != e)
        if close.all():
            return None
        size = np.abs(e)
        ratio = np.where(size == 0, np.inf, gap / np.where(size == 0, 1, size)).astype(float)
    gap = np.asarray(gap, dtype=float)
    if not a.ndim:
        return _said(
            where,
            f"The values are not close: {a[()]} and {e[()]}.\n"
            f"Absolute difference: {gap[()]:g} (up to {atol:g} allowed)\n"
            f"Relative difference: {ratio[()]:g} (up to {rtol:g} allowed)",
        )
    wrong, total = int(np.sum(~close)), close.size
    lines = [f"{wrong} of {total} elements are not close ({100 * wrong / total:.1f} %), of shape {list(a.shape)}."]
    for name, values, allowed in (("absolute", gap, atol), ("relative", ratio, rtol)):
        worst = np.where(close, -np.inf, np.where(np.isnan(values), np.inf, values))
        at = tuple(int(i) for i in np.unravel_index(int(np.argmax(worst)), worst.shape))
        lines.append(
            f"Greatest {name} difference: {values[at]:g} at index {at}: {a[at]} and {e[at]} (up to {allowed:g} allowed)"
        )
    return _said(where, "\n".join(lines))


def _finite(x: Array) -> Array:
    return np.ones(x.shape, bool) if x.dtype == object else np.isfinite(x)


def _on_host(x: Any, name: str, where: str) -> Array:
    if isinstance(x, Value):
        return np.asarray(x._place.backend.to_numpy(x._data))
    if isinstance(x, np.ndarray | np.generic | Number):
        return np.asarray(x)
    raise TypeError(f"{name}{where} is no tensor, array of NumPy's, number, or sequence or mapping of these: {x!r}")


def _said(where: str, what: str) -> str:
    return f"{what}\nThe difference is in element {where}." if where else what
