"""Calls of other libraries, run on tensors: whether the values are right, and the gradients.

A call is made three times: on NumPy arrays, which give the values to reach and, by central differences, the
derivative; on tensors; and on tensors that require a gradient.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import array_api_compat.numpy
import numpy as np

import gradarray as ga


@dataclass(frozen=True)
class Call:
    """One call, ``function(xp, *arrays)``.

    Attributes
    ----------
    name : str
        The library's module and function.
    grad : bool
        Whether there is a derivative that differences can tell.
    wrt : tuple of int or None
        The inputs to differentiate in; None for all of real or complex numbers.
    rtol, atol, gtol, h : float
        What values and derivatives are equal to, and the step of the differences.
    """

    name: str
    function: Callable[..., Any]
    arrays: tuple[Any, ...]
    grad: bool
    wrt: tuple[int, ...] | None
    rtol: float
    atol: float
    gtol: float
    h: float


CALLS: dict[str, Call] = {}


def call(
    name: str, function: Callable[..., Any], *arrays: Any, grad: bool = True, wrt: Any = None, rtol: float = 1e-6,
    atol: float = 1e-9, gtol: float = 2e-4, h: float = 1e-6,
) -> None:  # fmt: skip
    """Enter a call."""
    assert name not in CALLS, name
    CALLS[name] = Call(name, function, tuple(np.array(a) for a in arrays), grad, wrt, rtol, atol, gtol, h)


def flat(o: Any, depth: int = 0) -> list[Any]:
    """The arrays, numbers and texts in a result, in order."""
    if isinstance(o, ga.Tensor | np.ndarray | np.generic):
        return [o]
    if depth > 6 or isinstance(o, ModuleType | type) or (callable(o) and not hasattr(o, "shape")):
        return []
    if isinstance(o, dict):
        return [y for k in sorted(o, key=str) for y in flat(o[k], depth + 1)]
    if isinstance(o, list | tuple):
        return [y for x in o for y in flat(x, depth + 1)]
    if dataclasses.is_dataclass(o):
        return [y for f in dataclasses.fields(o) for y in flat(getattr(o, f.name), depth + 1)]
    if isinstance(o, int | float | complex | str):
        return [o]
    if hasattr(o, "statistic") or hasattr(o, "mean_direction"):
        return [y for _, v in sorted(vars(o).items()) for y in flat(v, depth + 1)]
    return []


def host(x: Any) -> Any:
    return x.detach().numpy() if isinstance(x, ga.Tensor) else np.asarray(x)


def differs(found: list[Any], wanted: list[Any], c: Call) -> bool:
    if len(found) != len(wanted):
        return True
    for a, b in zip(found, wanted, strict=True):
        if isinstance(a, str) or isinstance(b, str):
            if a != b:
                return True
            continue
        a, b = host(a), host(b)
        single = a.dtype in (np.float32, np.complex64)
        rtol, atol = (1e-3, max(c.atol, 1e-5)) if single else (c.rtol, c.atol)
        if a.size != b.size or not np.allclose(a.reshape(b.shape), b, rtol=rtol, atol=atol, equal_nan=True):
            return True
    return False


def values(c: Call) -> str:
    """What comes out on tensors: the values as a "tensor", as "python" numbers, as a NumPy "array"; or how it fails."""
    wanted = flat(c.function(array_api_compat.numpy, *(a.copy() for a in c.arrays)))
    try:
        found = flat(c.function(ga, *(ga.asarray(a.copy()) for a in c.arrays)))
    except Exception as error:
        return f"fails: {type(error).__name__}"
    if differs(found, wanted, c):
        return "differs"
    if any(isinstance(x, np.ndarray | np.generic) for x in found):
        return "array"
    return "tensor" if any(isinstance(x, ga.Tensor) for x in found) else "python"


def inside(c: Call) -> str:
    """:func:`values`, where no tensor can become a NumPy array."""

    def refuse(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a tensor was turned into a NumPy array")

    kept = ga.Tensor.__array__
    ga.Tensor.__array__ = refuse  # type: ignore[method-assign]
    try:
        return values(c)
    finally:
        ga.Tensor.__array__ = kept  # type: ignore[method-assign]


def _is_float(x: Any) -> bool:
    return not isinstance(x, str | ga.Tensor) and np.asarray(x).dtype.kind in "fc"


def gradient(c: Call) -> str:
    """Whether the gradient is "right".

    Else it is "zero" (there is no graph, and the derivative is zero), "wrong", "nan", "lost" (there is no graph, but a
    derivative), "raises", or "none" where there is nothing to check: no real input or output, or no derivative.
    """
    which = [i for i, a in enumerate(c.arrays) if a.dtype.kind in "fc" and (c.wrt is None or i in c.wrt)]
    base = flat(c.function(array_api_compat.numpy, *(a.copy() for a in c.arrays)))
    picked = [k for k, x in enumerate(base) if _is_float(x)]
    if not (c.grad and which and picked):
        return "none"
    rng = np.random.default_rng(5)
    weights = [rng.standard_normal(np.shape(base[k])) for k in picked]
    steps = {}
    for i in which:
        step = rng.standard_normal(c.arrays[i].shape)
        steps[i] = step + 1j * rng.standard_normal(step.shape) if c.arrays[i].dtype.kind == "c" else step

    def at(t: float) -> float:
        moved = [a + t * steps[i] if i in steps else a.copy() for i, a in enumerate(c.arrays)]
        out = flat(c.function(array_api_compat.numpy, *moved))
        return sum(float(np.sum(np.real(w * np.asarray(out[k])))) for k, w in zip(picked, weights, strict=True))

    try:
        wanted = (at(c.h) - at(-c.h)) / (2 * c.h)
        rough = (at(2 * c.h) - at(-2 * c.h)) / (4 * c.h)
    except Exception:  # a step out of the domain of the function itself
        return "none"
    smooth = bool(np.isfinite(wanted)) and abs(wanted - rough) <= 1e-2 * max(1e-3, abs(wanted))
    xs = [ga.asarray(a.copy()) for a in c.arrays]
    for i in which:
        xs[i].requires_grad_()
    try:
        out = flat(c.function(ga, *xs))
        chosen = [out[k] for k in picked] if len(out) == len(base) else [x for x in out if isinstance(x, ga.Tensor)]
        terms = [
            ga.sum(ga.real(ga.reshape(x, np.shape(w)) * ga.asarray(w, dtype=x.dtype)))
            for x, w in zip(chosen, weights, strict=False)
            if isinstance(x, ga.Tensor) and x.requires_grad
        ]
        if not terms:
            return "none" if not smooth else "zero" if abs(wanted) < 1e-7 else "lost"
        sum(terms[1:], start=terms[0]).backward()
    except Exception:
        return "raises"
    found = 0.0
    for i in which:
        g = xs[i].grad
        found += 0.0 if g is None else float(np.sum(np.real(np.conj(g.numpy()) * steps[i])))
    if not smooth:
        return "none"
    if not np.isfinite(found):
        return "nan"
    return "right" if abs(found - wanted) <= c.gtol * max(1.0, abs(wanted)) else "wrong"
