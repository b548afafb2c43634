"""scipy.optimize: roots, minima and least squares, differentiated by the equations that they solve.

Knows the public API and what ``find_root``, ``find_minimum`` and ``nnls`` take and return. The derivatives of their
iterations are not those of what they find.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

import gradarray as ga
from gradarray.integrations.scipy_linalg import lstsq
from gradarray.integrations.teaching import array, detached, leaves, teach, tensors, tracked


def _slope(y: Any, x: Any) -> Any:
    """dy/dx of an elementwise function, itself on the tape."""
    if not y.requires_grad:
        return ga.zeros_like(x)
    return ga.autograd.grad(y.sum(), x, create_graph=True, materialize_grads=True)[0]


def _attached(equation: Callable[[Any], Any], x: Any) -> Any:
    """``x``, which solves ``equation(x) == 0``, with the derivatives that this implies.

    Two of Newton's steps from ``x`` off the tape: they move nothing, and their derivatives are those of the solution
    up to the third.
    """
    for _ in range(2):
        here = x if x.requires_grad else x.detach().requires_grad_()
        value = equation(here)
        slope = _slope(value, here)
        if (flat := slope == 0).any():  # there the solution moves infinitely fast, as the square root does at 0
            moving = value / ga.where(flat, ga.ones_like(slope), slope)
            step = ga.where(flat, ga.sqrt(value - value.detach()), moving)
        else:
            step = value / slope
        x = here - (step - step.detach())
    return x


def _find(original: Callable[..., Any], equation: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def find(f: Callable[..., Any], init: Any, /, *, args: Any = (), **options: Any) -> Any:
        device = next((x.device for x in leaves((init, args))), None)
        if device is None:
            return original(f, init, args=args, **options)
        closes_over = False

        def off_the_tape(x: Any, *args: Any) -> Any:
            nonlocal closes_over
            y = f(x, *args)
            if isinstance(y, ga.Tensor) and y.requires_grad:
                closes_over = True
                y = y.detach()
            return y

        found = original(off_the_tape, detached(init), args=detached(args), **detached(options))
        given: Any = args if isinstance(args, tuple) else (args,)
        if not ga.is_grad_enabled() or not (closes_over or tracked(given)):
            return found
        # without SCIPY_ARRAY_API, SciPy returns arrays
        success, f_x, x, *given = (ga.asarray(v, device=device) for v in (found.success, found.f_x, found.x, *given))
        x, *given = ga.broadcast_arrays(x, *given)
        x = _attached(lambda x: equation(f, x, *given), x)
        found.x = ga.where(success, x, x.detach())
        value = f(found.x, *given)
        found.f_x = f_x + (value - value.detach())
        return found

    find.__gradarray__ = original  # type: ignore[attr-defined]
    return find


def _derivative(f: Callable[..., Any], x: Any, *args: Any) -> Any:
    """df/dx, which vanishes in a minimum."""
    return _slope(f(x, *args), x)


def nnls(A: Any, b: Any, *, maxiter: int | None = None) -> tuple[Any, Any]:
    """Of the columns that SciPy finds in use, the least squares; the others have gradient 0."""
    from scipy.optimize import nnls

    a, b = (ga.astype(x, ga.float64) for x in tensors(A, b))
    b = b.reshape((-1,)) if b.ndim == 2 and b.shape[1] == 1 else b
    used = np.flatnonzero(nnls(array(a), array(b), maxiter=maxiter)[0] > 0)
    x = ga.zeros(a.shape[1], dtype=a.dtype, device=a.device)
    if used.size:
        place = ga.asarray(np.eye(a.shape[1])[:, used], device=a.device)
        x = place @ lstsq(a @ place, b)[0]
    return x, ga.linalg.vector_norm(a @ x - b)


def register(module: ModuleType) -> None:
    """Differentiate ``find_root`` and ``find_minimum``, or ``nnls``."""
    if module.__name__ == "scipy.optimize":
        teach(module, {"nnls": nnls})
        return
    for name, equation in (("find_root", lambda f, x, *args: f(x, *args)), ("find_minimum", _derivative)):
        original = getattr(module, name, None)
        if original is not None and not hasattr(original, "__gradarray__"):
            find = _find(original, equation)
            find.__module__ = module.__name__  # where pickle finds it
            setattr(module, name, find)
