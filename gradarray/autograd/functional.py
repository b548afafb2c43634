"""Derivatives of functions as PyTorch's older interface spells them: inputs are a tensor or a tuple, results as well.

A thin layer over :mod:`gradarray.func`. Must not know operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradarray import _state
from gradarray._dispatch import TAPED, detached
from gradarray._storage import Value
from gradarray.func.forward import jvp as _jvp
from gradarray.func.jacobian import jacfwd, jacrev
from gradarray.func.reverse import called
from gradarray.func.reverse import grad as _grad

Tensors = Any


def _tuple(x: Tensors, what: str) -> tuple[Any, ...]:
    found = tuple(x) if isinstance(x, list | tuple) else (x,)
    for i, t in enumerate(found):
        if not isinstance(t, Value):
            raise TypeError(f"{what} must be a Tensor or a tuple of Tensors, but element {i} is {type(t).__name__}")
    return found


def _as(found: Any, like: Tensors) -> Tensors:
    found = tuple(found)
    return found if isinstance(like, tuple | list) else found[0]


def _finished(tree: Any, create_graph: bool) -> Any:
    """``tree`` off the tape, unless it is to be differentiated."""
    if create_graph:
        return tree
    if isinstance(tree, tuple | list):
        return type(tree)(_finished(t, create_graph) for t in tree)
    return detached(tree) if isinstance(tree, Value) and tree._node is not None else tree


def _vectors(v: Tensors, like: tuple[Any, ...], what: str, single: str) -> tuple[Any, ...]:
    """``v``, if it goes with ``like``; without it one, where that has a single element."""
    if v is None:
        if len(like) != 1 or TAPED.reshape(like[0], shape=(-1,))._data.shape[0] != 1:
            raise RuntimeError(f"The vector v can only be None if {single} a single Tensor with a single element.")
        return (TAPED.ones_like(detached(like[0])),)
    found = _tuple(v, "v")
    if len(found) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(found)}.")
    for i, (t, x) in enumerate(zip(found, like, strict=True)):
        if t._data.shape != x._data.shape:
            raise RuntimeError(
                f"v has invalid size: should be {list(x._data.shape)} (that of {what}) but got {list(t._data.shape)} "
                f"at {i}."
            )
    return found


def _recording(create_graph: bool) -> Any:
    return _state.grad_enabled.set(create_graph)


def _scalar(func: Callable[..., Any]) -> Callable[..., Any]:
    """``func``, giving one element as a 0-d tensor."""

    def call(*xs: Any) -> Any:
        out = func(*xs)
        out = out[0] if isinstance(out, tuple) and len(out) == 1 else out
        if not isinstance(out, Value):
            raise RuntimeError("The output of the user-provided function should be a single Tensor")
        if TAPED.reshape(out, shape=(-1,))._data.shape != (1,):
            raise RuntimeError(
                f"The Tensor returned by the function should contain one element, got shape {list(out._data.shape)}"
            )
        return TAPED.reshape(out, shape=())

    return call


def _check_strict(run: Any, what: str) -> None:
    for i, out in enumerate(run.outputs):
        if out._node is None:
            raise RuntimeError(f"Output {i} of the user-provided function does not depend on the inputs ({what})")


def vjp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)``, and the product of ``v`` and its Jacobian.

    Parameters
    ----------
    func : callable
        Takes tensors; returns a tensor or a tuple.
    inputs : Tensor or tuple of Tensor
    v : Tensor or tuple of Tensor, optional
        As the output; may be left out where that has one element.
    create_graph : bool
        The results can be differentiated.
    strict : bool
        An output that depends on no input is an error, instead of zeros.

    Returns
    -------
    func_output, vjp
        The second as ``inputs`` are.

    References
    ----------
    ``torch.autograd.functional.vjp``.
    """
    xs = _tuple(inputs, "inputs")
    token = _recording(create_graph)
    try:
        run = called(func, xs, {}, tuple(range(len(xs))), False, "vjp")
        if strict:
            _check_strict(run, "strict=True")
        gs = _vectors(v, tuple(run.outputs), "the output", "the user-provided function returns")
        found = [g for group in run.pulled(gs, keep=create_graph) for g in group]
        return _finished(run.value, create_graph), _as(_finished(tuple(found), create_graph), inputs)
    finally:
        _state.grad_enabled.reset(token)


def jvp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)``, and the product of its Jacobian and ``v``, forward in one pass. Parameters as :func:`vjp`.

    ``v`` is as the inputs are.

    References
    ----------
    ``torch.autograd.functional.jvp``, which goes backward twice.
    """
    xs = _tuple(inputs, "inputs")
    vs = _vectors(v, xs, "the input", "the input to the user-provided function is")
    token = _recording(create_graph)
    try:
        out, moved = _jvp(func, xs, vs, strict=strict)
        return _finished(out, create_graph), _finished(moved, create_graph)
    finally:
        _state.grad_enabled.reset(token)


def jacobian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = True,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of ``func`` at ``inputs``.

    Parameters
    ----------
    func, inputs, create_graph, strict
        As :func:`vjp`.
    vectorize : bool
        All rows at once by ``vmap``, which is the only way here.
    strategy : {"reverse-mode", "forward-mode"}

    Returns
    -------
    Tensor or nested tuples of them
        Of shape (\\*output, \\*input), for each output and input.

    References
    ----------
    ``torch.autograd.functional.jacobian``.
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(f"strategy must be 'reverse-mode' or 'forward-mode', got {strategy!r}")
    xs = _tuple(inputs, "inputs")
    several = isinstance(inputs, tuple | list)
    token = _recording(create_graph)
    try:
        if strict:
            _check_strict(called(func, xs, {}, tuple(range(len(xs))), False, "jacobian"), "strict=True")
        transform: Any = jacrev if strategy == "reverse-mode" else jacfwd
        return _finished(transform(func, tuple(range(len(xs))) if several else 0)(*xs), create_graph)
    finally:
        _state.grad_enabled.reset(token)


def hessian(
    func: Callable[..., Any],
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = True,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The matrix of second derivatives of ``func``, which gives one element. Parameters as :func:`jacobian`.

    References
    ----------
    ``torch.autograd.functional.hessian``.
    """
    if outer_jacobian_strategy not in ("reverse-mode", "forward-mode"):
        raise ValueError(
            f"outer_jacobian_strategy must be 'reverse-mode' or 'forward-mode', got {outer_jacobian_strategy!r}"
        )
    xs = _tuple(inputs, "inputs")
    which: Any = tuple(range(len(xs))) if isinstance(inputs, tuple | list) else 0
    outer: Any = jacrev if outer_jacobian_strategy == "reverse-mode" else jacfwd
    token = _recording(create_graph)
    try:
        if strict:
            _check_strict(called(func, xs, {}, tuple(range(len(xs))), False, "hessian"), "strict=True")
        return _finished(outer(_grad(_scalar(func), which), which)(*xs), create_graph)
    finally:
        _state.grad_enabled.reset(token)


def hvp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)``, which is one element, and the product of its Hessian and ``v``: forward over backward.

    Parameters as :func:`vjp`; ``v`` is as the inputs are.

    References
    ----------
    ``torch.autograd.functional.hvp``.
    """
    xs = _tuple(inputs, "inputs")
    vs = _vectors(v, xs, "the input", "the input to the user-provided function is")
    token = _recording(create_graph)
    try:
        if strict:
            _check_strict(called(func, xs, {}, tuple(range(len(xs))), False, "hvp"), "strict=True")
        _, moved = _jvp(_grad(_scalar(func), tuple(range(len(xs)))), xs, vs)
        return _finished(func(*xs), create_graph), _as(_finished(moved, create_graph), inputs)
    finally:
        _state.grad_enabled.reset(token)


def vhp(
    func: Callable[..., Any], inputs: Tensors, v: Tensors = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """``func(*inputs)``, which is one element, and the product of ``v`` and its Hessian, which is symmetric.

    Parameters as :func:`vjp`; ``v`` is as the inputs are. Backward over backward.

    References
    ----------
    ``torch.autograd.functional.vhp``.
    """
    xs = _tuple(inputs, "inputs")
    vs = _vectors(v, xs, "the input", "the input to the user-provided function is")
    token = _recording(create_graph)
    try:
        which = tuple(range(len(xs)))
        if strict:
            _check_strict(called(func, xs, {}, which, False, "vhp"), "strict=True")
        run = called(_grad(_scalar(func), which), xs, {}, which, False, "vhp")
        found = tuple(g for group in run.pulled(vs, keep=create_graph) for g in group)
        return _finished(func(*xs), create_graph), _as(_finished(found, create_graph), inputs)
    finally:
        _state.grad_enabled.reset(token)


__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]
