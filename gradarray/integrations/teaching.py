"""Functions that have no hook get one: a branch for tensors on the tape, as SciPy itself has one for CuPy and JAX.

Knows the public API. Must not know any of the libraries that are taught.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

import gradarray as ga

Function = TypeVar("Function", bound=Callable[..., Any])

# What says how to compute, never what
IMMATERIAL = frozenset(
    "overwrite_a overwrite_b overwrite_x overwrite_ab overwrite_data check_finite workers lapack_driver driver lwork "
    "batch_memory".split()
)  # fmt: skip

_LOOKED_INTO = (ga.Tensor, list, tuple, dict)


def tracked(values: Iterable[Any]) -> bool:
    """Whether a tensor on the tape, or of a transform, is among the values, or in a sequence or mapping among them."""
    for x in values:
        if isinstance(x, _LOOKED_INTO):  # one test for what most arguments are not
            if isinstance(x, ga.Tensor):
                if x.requires_grad or ga.func.is_transformed(x):
                    return True
            elif tracked(x.values() if isinstance(x, dict) else x):
                return True
    return False


def constant(*names: str) -> Callable[[Function], Function]:
    """Mark parameters of one of our functions that it reads as numbers: a tensor on the tape there is an error."""

    def mark(function: Function) -> Function:
        function.__constant__ = names  # type: ignore[attr-defined]
        return function

    return mark


def _may_be_finite(x: Any) -> bool:
    """Whether all of ``x`` is finite; of a transform's tensors that is not asked, since they may be a batch."""
    return ga.func.is_transformed(x) or bool(ga.isfinite(x).all())


def _known(original: Callable[..., Any], ours: Callable[..., Any], where: str) -> Callable[..., Any]:
    """``ours``, called as the original is; what it has no parameter for must be at its default."""
    theirs, takes = inspect.signature(original), inspect.signature(ours).parameters

    def run(*args: Any, **kwargs: Any) -> Any:
        bound = theirs.bind(*args, **kwargs)
        bound.apply_defaults()  # the original's, which differ between its versions
        given = bound.arguments
        for name, parameter in theirs.parameters.items():
            if parameter.kind is parameter.VAR_KEYWORD:
                given |= given.pop(name)
        if given.get("check_finite") and not all(map(_may_be_finite, leaves(given.values()))):
            raise ValueError("array must not contain infs or NaNs")
        for name in getattr(ours, "__constant__", ()):
            if tracked([given.get(name)]):
                raise NotImplementedError(f"{where} has no derivative with respect to {name}; use {name}.detach()")
        known = {}
        for name, value in given.items():
            if name in takes:
                known[name] = value
            elif name not in IMMATERIAL:
                default = theirs.parameters[name].default if name in theirs.parameters else inspect.Parameter.empty
                if not (value is default or (type(value) is type(default) and value == default)):
                    raise NotImplementedError(
                        f"{where} does not take {name} with tensors that require a gradient, got {value!r}; leave it "
                        "out, or use detach()"
                    )
        return ours(**known)

    return run


def teach(module: ModuleType | type, functions: Mapping[str, Callable[..., Any]]) -> None:
    """Give functions of ``module`` the branch: ours if a tensor among the arguments requires a gradient.

    Parameters
    ----------
    module : module or class
        The public module in which users find the functions, or the class whose methods they are. A name that it lacks
        is left out.
    functions : mapping
        By name, what takes over. It has the original's parameters, or those of them that it can honour: the others
        raise NotImplementedError, unless they are at their default or immaterial.
    """
    for name, ours in functions.items():
        original = getattr(module, name, None)
        if original is not None and not hasattr(original, "__gradarray__"):
            branch = _branch(original, _known(original, ours, f"{module.__name__}.{name}"))
            if isinstance(module, ModuleType):
                branch.__module__ = module.__name__  # where pickle finds it
            setattr(module, name, branch)


def _branch(original: Callable[..., Any], ours: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        if tracked(args) or (kwargs and tracked(kwargs.values())):
            return ours(*args, **kwargs)
        return original(*args, **kwargs)

    function.__gradarray__ = ours  # type: ignore[attr-defined]
    return function


@functools.cache
def scipy_is_since(*version: int) -> bool:
    """Whether the SciPy that is here is of ``version``, such as ``(1, 18)``, or newer: we do as it does."""
    import scipy

    return tuple(map(int, scipy.__version__.split(".")[:2])) >= version


def detached(value: Any) -> Any:
    """The value with every tensor in it off the tape."""
    if isinstance(value, ga.Tensor):
        return value.detach()
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(map(detached, value))
    if isinstance(value, dict):
        return {k: detached(v) for k, v in value.items()}
    return value


def array(value: Any) -> Any:
    """The value as a NumPy array, off the tape: for what is computed of values and has no derivative."""
    return value.numpy(force=True) if isinstance(value, ga.Tensor) else np.asarray(detached(value))


def tensors(*values: Any, floating: bool = True) -> list[Any]:
    """The values as tensors on the device of the first tensor among them; None stays None.

    Arrays, lists and numbers keep the dtype that NumPy gives them; integers become float64 if ``floating``, as SciPy
    has it.
    """
    device = next((t.device for t in leaves(values)), None)
    out: list[Any] = []
    for x in values:
        if x is None:
            out.append(None)
            continue
        if not isinstance(x, ga.Tensor):
            if isinstance(x, list | tuple) and any(True for _ in leaves(x)):
                x = ga.stack([tensors(part, ga.zeros(0, device=device))[0] for part in x])
            else:
                x = ga.asarray(np.asarray(x), device=device)
        if floating and not ga.isdtype(x.dtype, ("real floating", "complex floating")):
            x = ga.astype(x, ga.float64)
        out.append(x)
    return out


def leaves(values: Iterable[Any]) -> Iterator[Any]:
    """The tensors among the values, and in the sequences among them."""
    for x in values:
        if isinstance(x, ga.Tensor):
            yield x
        elif isinstance(x, list | tuple):
            yield from leaves(x)
