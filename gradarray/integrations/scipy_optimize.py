"""scipy.optimize.elementwise: roots and minima, differentiated by the implicit function theorem.

Knows the public API and what ``find_root`` and ``find_minimum`` take and return. The derivatives of their iterations
are not those of what they find.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import gradarray as ga
from gradarray.integrations.teaching import detached, leaves, tracked


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


def register(elementwise: ModuleType) -> None:
    """Differentiate ``find_root`` and ``find_minimum``."""
    for name, equation in (("find_root", lambda f, x, *args: f(x, *args)), ("find_minimum", _derivative)):
        original = getattr(elementwise, name, None)
        if original is not None and not hasattr(original, "__gradarray__"):
            find = _find(original, equation)
            find.__module__ = elementwise.__name__  # where pickle finds it
            setattr(elementwise, name, find)
