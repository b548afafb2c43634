"""Reverse mode as functions of functions: ``vjp``, ``grad`` and its kin.

Knows the tape and trees. Must not know operations.

A transform marks its inputs on the tape where the function runs. Whether the results must stand on a tape themselves,
what they depend on says: if nothing outside of the transform is recorded, the walk is a plain one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradarray import _state
from gradarray._dispatch import TAPED, edge_of, make
from gradarray._engine import Node, Slot
from gradarray._levels import raised
from gradarray._nodes import NamedOp, OpNode, new_node
from gradarray._storage import LEAF, Value, make_alias
from gradarray.autograd.backward import grad as walk_back
from gradarray.func import _trees

Argnums = int | tuple[int, ...]


class _Input(NamedOp):
    """Where a transform's input stands on the tape, if that is recorded outside as well."""

    __slots__ = ()

    def pull(self, node: OpNode, g: Any) -> Sequence[Any]:
        return (g,)

    pull_taped = pull


_INPUT = _Input("FunctionalInputBackward0")


def _marked(x: Any, what: str) -> tuple[Any, Any]:
    """``x`` on the tape as an input of a transform, and what stands for it when the gradient is asked for.

    The second stays what it was when the function writes to the first.
    """
    if not isinstance(x, Value):
        raise ValueError(f"{what}: expected tensors to differentiate with respect to, got {type(x).__name__}")
    if x._dtype.kind not in "fc":
        raise RuntimeError(f"{what}: only floating and complex tensors have derivatives, got {x._dtype!r}")
    x = raised(x)
    outer = edge_of(x)
    node: Any = LEAF if outer is None else new_node(_INPUT, (outer,), x._place, {})
    y = make(x._data, x._place, x._dtype)
    make_alias(y, x, None, recording=False)
    y._node = node
    return y, (y if node is LEAF else make(x._data, x._place, x._dtype, node))


def _reaches_beyond(outputs: Sequence[Any], inputs: Sequence[Any]) -> bool:
    """Whether ``outputs`` depend on anything recorded besides ``inputs``, or these on anything."""
    ours = {id(edge_of(x)) for x in inputs}
    if any(isinstance(edge_of(x), Node) for x in inputs):
        return True
    stack = [edge_of(x) for x in outputs]
    seen: set[int] = set()
    while stack:
        edge = stack.pop()
        edge = edge.node if isinstance(edge, Slot) else edge
        if edge is None or id(edge) in ours or id(edge) in seen:
            continue
        if not isinstance(edge, Node):
            return True
        seen.add(id(edge))
        stack.extend(edge.edges)
    return False


def _off(x: Any) -> Any:
    """``x`` without its node on this level's tape."""
    if not isinstance(x, Value) or x._node is None:
        return x
    out = make(x._data, x._place, x._dtype)
    make_alias(out, x, None, recording=False)
    return out


class _Call:
    """A function run with some of its arguments marked on the tape.

    Attributes
    ----------
    inputs : list of Tensor
        What stands for the marked leaves.
    outputs : list of Tensor
        The leaves of what the function gave.
    beyond : bool
        What comes of it is itself recorded.
    """

    def __init__(self, func: Callable[..., Any], trees: Sequence[Any], call: Any, has_aux: bool, what: str) -> None:
        self._recording = _state.grad_enabled.get()
        flat = [_trees.flatten(tree) for tree in trees]
        marked = [[_marked(x, what) for x in leaves] for leaves, _ in flat]
        self.builds = [build for _, build in flat]
        self.groups = [[stand for _, stand in group] for group in marked]
        self.inputs = [x for group in self.groups for x in group]
        given = [build([x for x, _ in group]) for group, (_, build) in zip(marked, flat, strict=True)]
        token = _state.grad_enabled.set(True)
        try:
            out = call(func, given)
        finally:
            _state.grad_enabled.reset(token)
        self.aux = None
        if has_aux:
            out, self.aux = _trees.with_aux(out, what)
        self.outputs, self.build = _trees.flatten(out)
        for x in self.outputs:
            if not isinstance(x, Value):
                raise RuntimeError(f"{what}: expected the function to return tensors, got {type(x).__name__}")
        self.beyond = self._recording and _reaches_beyond(self.outputs, self.inputs)

    def finished(self, tree: Any) -> Any:
        """``tree`` as users get it: on the tape only where something outside is."""
        if self.beyond:
            return tree
        leaves, build = _trees.flatten(tree)
        return build(list(map(_off, leaves)))

    @property
    def value(self) -> Any:
        """What the function gave."""
        return self.finished(self.build(self.outputs))

    def pulled(self, cotangents: Sequence[Any], *, keep: bool, batched: bool = False) -> list[list[Any]]:
        """The cotangents of the inputs, by argument."""
        used = [(x, g) for x, g in zip(self.outputs, cotangents, strict=True) if x._node is not None and g is not None]
        create = _state.grad_enabled.get() and (
            self.beyond or any(isinstance(g, Value) and g._node is not None for _, g in used)
        )
        gs: Sequence[Any] = [None] * len(self.inputs)
        if used:
            gs = walk_back(
                [x for x, _ in used],
                self.inputs,
                [g for _, g in used],
                retain_graph=keep or create,
                create_graph=create,
                allow_unused=True,
                is_grads_batched=batched,
            )
        many = () if not batched else next(g for g in cotangents if g is not None)._data.shape[:1]
        gs = [_zeros(x, many) if g is None else g for x, g in zip(self.inputs, gs, strict=True)]
        it = iter(gs if create else map(_off, gs))
        return [[next(it) for _ in group] for group in self.groups]


def _zeros(x: Value, many: tuple[int, ...]) -> Value:
    """The gradient of ``x`` where nothing depends on it; of a batch of them where there are ``many``."""
    zeros = TAPED.zeros_like(x)
    return TAPED.broadcast_to(zeros, shape=(*many, *x._data.shape)) if many else zeros  # type: ignore[no-any-return]


def _numbers(argnums: Argnums, n: int, what: str) -> tuple[int, ...]:
    """``argnums`` as a tuple of positions among ``n`` arguments."""
    listed = argnums if isinstance(argnums, tuple) else (argnums,)
    for i in listed:
        if not isinstance(i, int) or not -n <= i < n:
            raise RuntimeError(f"{what}: got argnum={i!r}, but the function was given {n} positional inputs")
    found = tuple(i % n for i in listed)
    if len(set(found)) < len(found) or not found:
        raise RuntimeError(f"{what}: argnums must be one or several different positions, got {argnums!r}")
    return found


def called(
    func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], argnums: Argnums, has_aux: bool, what: str
) -> _Call:
    """``func`` run with the arguments at ``argnums`` marked."""
    positions = _numbers(argnums, len(args), what)

    def call(func: Callable[..., Any], given: Sequence[Any]) -> Any:
        full = list(args)
        for i, x in zip(positions, given, strict=True):
            full[i] = x
        return func(*full, **kwargs)

    return _Call(func, [args[i] for i in positions], call, has_aux, what)


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of ``func``, and the function that pulls a cotangent of it back to ``primals``.

    Parameters
    ----------
    func : callable
        Takes ``primals``, tensors or trees of them; returns a tensor or a tree.
    *primals
        Where.
    has_aux : bool
        ``func`` gives ``(output, aux)``; ``aux`` is not differentiated.

    Returns
    -------
    output, vjp_fn, or output, vjp_fn, aux
        ``vjp_fn`` takes a cotangent, a tree as ``output``, and gives a tuple with one entry a primal; may be called
        several times, under :func:`vmap` too.

    References
    ----------
    ``torch.func.vjp``, ``jax.vjp``.

    Examples
    --------
    >>> import gradarray as ga
    >>> y, pull = ga.func.vjp(ga.sin, ga.zeros(2))
    >>> pull(ga.ones(2))
    (tensor([1., 1.]),)
    """
    run = called(func, primals, {}, tuple(range(len(primals))), has_aux, "vjp")

    def vjp_fn(*cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        if len(cotangents) != 1 and len(cotangents) != len(run.outputs):
            raise RuntimeError(f"vjp_fn takes one cotangent, a tree as the output is; got {len(cotangents)} arguments")
        given = _trees.leaves_of(cotangents[0] if len(cotangents) == 1 else cotangents)
        if len(given) != len(run.outputs):
            raise RuntimeError(f"vjp_fn: the output has {len(run.outputs)} tensors, the cotangent {len(given)}")
        groups = run.pulled(given, keep=retain_graph)
        return tuple(build(group) for build, group in zip(run.builds, groups, strict=True))

    return (run.value, vjp_fn, run.finished(run.aux)) if has_aux else (run.value, vjp_fn)


def _scalar(run: _Call, what: str) -> None:
    if len(run.outputs) != 1 or run.outputs[0]._data.shape != ():
        given = [list(x._data.shape) for x in run.outputs]
        raise RuntimeError(f"{what}: expected the function to return one 0-d tensor, got shape(s) {given}; sum it")
    if run.outputs[0]._dtype.kind == "c":
        raise RuntimeError(f"{what}: expected a real output, got {run.outputs[0]._dtype!r}; take abs() or real")


def _gradient(
    func: Callable[..., Any], args: Any, kwargs: Any, argnums: Argnums, has_aux: bool, what: str
) -> tuple[Any, Any]:
    """The gradient, and the value (with ``aux`` where there is one)."""
    run = called(func, args, kwargs, argnums, has_aux, what)
    _scalar(run, what)
    (out,) = run.outputs
    groups = run.pulled([TAPED.ones_like(_off(out))], keep=False)
    found = tuple(build(group) for build, group in zip(run.builds, groups, strict=True))
    value = (run.value, run.finished(run.aux)) if has_aux else run.value
    return (found if isinstance(argnums, tuple) else found[0]), value


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that computes the gradient of ``func``, which gives one 0-d tensor.

    Parameters
    ----------
    func : callable
    argnums : int or tuple of int
        Which arguments to differentiate with respect to; each a tensor or a tree.
    has_aux : bool
        ``func`` gives ``(output, aux)``, and the result is ``(gradient, aux)``.

    Returns
    -------
    callable
        Gives the gradient, as the argument is; a tuple where ``argnums`` is one. May be transformed again.

    Raises
    ------
    RuntimeError
        If the function does not give one real 0-d tensor, or there is no such argument.

    References
    ----------
    ``torch.func.grad``, ``jax.grad``.

    Examples
    --------
    >>> import gradarray as ga
    >>> ga.func.grad(ga.func.grad(lambda x: x**3))(ga.tensor(2.0))
    tensor(12.)
    """

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = _gradient(func, args, kwargs, argnums, has_aux, "grad")
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """As :func:`grad`, giving ``(gradient, value)``, or ``(gradient, (value, aux))``.

    References
    ----------
    ``torch.func.grad_and_value``.
    """

    @functools.wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        return _gradient(func, args, kwargs, argnums, has_aux, "grad_and_value")

    return both


def value_and_grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """As :func:`grad`, giving ``(value, gradient)``, or ``((value, aux), gradient)``.

    References
    ----------
    ``jax.value_and_grad``, ``autograd.value_and_grad``.
    """

    @functools.wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        found, value = _gradient(func, args, kwargs, argnums, has_aux, "value_and_grad")
        return value, found

    return both


__all__ = ["called", "grad", "grad_and_value", "value_and_grad", "vjp"]
