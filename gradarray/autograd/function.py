"""``Function``: an operation of the user's own, with its own derivative.

Knows the tape and the transforms. Must not know operations.

On the ground ``forward`` runs unrecorded, and a node keeps the context for ``backward``. Where a tensor lies on a
transform, the function is applied one level below, and the transform's own rule (``jvp``, ``vmap``) says what comes of
that; then it is recorded here as well, if this level has a tape. So every order of transforms is right.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from gradarray import _state, _watch
from gradarray._batched import VmapLevel
from gradarray._dispatch import TAPED, detached, edge_of, make, transfer
from gradarray._dual import JvpLevel
from gradarray._engine import Slot
from gradarray._inplace import check_writable, rewrite
from gradarray._levels import Level
from gradarray._nodes import NamedOp, OpNode, new_node
from gradarray._storage import Value, of_function
from gradarray.autograd.context import FunctionCtx, FunctionOp, VmapInfo


class Function:
    """An operation with a derivative of its own. Subclass, write the static methods, call ``apply``.

    ``forward(ctx, *args)`` computes, and leaves for ``backward`` what that needs; or, as the transforms of
    :mod:`gradarray.func` require, ``forward(*args)`` computes and ``setup_context(ctx, inputs, output)`` leaves it.
    ``backward(ctx, *grad_outputs)`` gives one gradient an argument, None for one that has none; ``jvp(ctx, *tangents)``
    one tangent an output; ``vmap(info, in_dims, *args)`` the output and its batch dimension, for arguments with theirs.
    With ``generate_vmap_rule = True`` the last is made of the others, which must then be written in gradarray's
    functions.

    Examples
    --------
    >>> import gradarray as ga
    >>> class Square(ga.autograd.Function):
    ...     @staticmethod
    ...     def forward(x):
    ...         return x * x
    ...
    ...     @staticmethod
    ...     def setup_context(ctx, inputs, output):
    ...         ctx.save_for_backward(*inputs)
    ...
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * g
    >>> x = ga.tensor(3.0, requires_grad=True)
    >>> Square.apply(x).backward()
    >>> x.grad
    tensor(6.)

    References
    ----------
    ``torch.autograd.Function``.
    """

    generate_vmap_rule: ClassVar[bool] = False
    _kernels: ClassVar[dict[str, Callable[..., Any]]] = {}
    _op: ClassVar[FunctionOp]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._op = FunctionOp(cls)
        cls._kernels = dict(cls._kernels)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The computation."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Leave in ``ctx`` what ``backward`` and ``jvp`` need."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[Any, ...], *args: Any) -> Any:
        """The output for arguments with a batch dimension, and where that is."""
        raise NotImplementedError("vmap is not implemented.")

    @classmethod
    def kernel(cls, backend: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorates what computes ``forward`` on one backend's own arrays, such as a fused kernel on ``"cupy"``.

        It is called with the arguments of ``apply``, tensors as that backend's arrays, and gives such arrays. It must
        compute what ``forward`` does, which goes on to serve every other backend.
        """

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            cls._kernels[backend] = function
            return function

        return register

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run it, recorded where an argument requires a gradient."""
        split = cls.setup_context is not Function.setup_context
        if kwargs or split:
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args = bound.args
        level: Level | None = None
        for x in args:
            if isinstance(x, Value) and x._place.level is not None:
                level = x._place.level if level is None or x._place.level.depth > level.depth else level
        ctx = FunctionCtx()
        if level is not None:
            args = tuple(transfer(x, level.over(x._place.ground)) if isinstance(x, Value) else x for x in args)
        tracked = _state.grad_enabled.get() and any(edge_of(x) is not None for x in args)
        ctx.needs_input_grad = tuple(tracked and edge_of(x) is not None for x in args)
        if level is None:
            token = _state.grad_enabled.set(False)
            try:
                out = cls._run(args) if split else cls.forward(ctx, *args)
                if split:
                    cls.setup_context(ctx, args, out)
            finally:
                _state.grad_enabled.reset(token)
        else:
            if not split:
                raise RuntimeError(
                    f"{cls.__name__}: in order to use an autograd.Function with transforms (vmap, jvp, ...), it must "
                    "override the setup_context staticmethod, and forward must take no ctx"
                )
            out = _below(cls, level, args)
            cls.setup_context(ctx, args, out)
        if not tracked:
            known = {id(x) for x in args} - {id(x) for x in ctx._dirty}
            return _each(out, lambda o, _: detached(o) if id(o) in known else o)
        return cls._recorded(ctx, args, out)

    @classmethod
    def _run(cls, args: tuple[Any, ...]) -> Any:
        """``forward``, or the kernel of the backend that the tensors lie on."""
        if cls._kernels:
            places = {x._place for x in args if isinstance(x, Value)}
            if len(places) == 1 and (kernel := cls._kernels.get((place := places.pop()).backend.name)) is not None:
                raws = [x._data if isinstance(x, Value) else x for x in args]
                if place.scope is None:
                    out = kernel(*raws)
                else:
                    with place.scope():
                        out = kernel(*raws)
                return tuple(make(o, place) for o in out) if isinstance(out, tuple) else make(out, place)
        return cls.forward(*args)

    @classmethod
    def _recorded(cls, ctx: FunctionCtx, args: tuple[Any, ...], out: Any) -> Any:
        several = isinstance(out, tuple)
        outs = list(out) if several else [out]
        dirty = {id(x) for x in ctx._dirty}
        for x in ctx._dirty:
            check_writable(x, f"{cls.__name__}.apply")
        fixed = {id(x) for x in ctx._non_differentiable}
        mine = {id(x) for x in args}
        for i, o in enumerate(outs):  # an argument given back, or a view of one, is another tensor on the tape
            if isinstance(o, Value) and id(o) not in dirty and id(o) not in fixed:
                viewed = o._meta is not None and o._meta.root is not None
                outs[i] = of_function(detached(o)) if id(o) in mine or viewed else o
        places = [x._place for x in (*outs, *args) if isinstance(x, Value)]
        node = new_node(cls._op, tuple(edge_of(x) for x in args), places[0], {})
        differentiable = [isinstance(o, Value) and o._dtype.kind in "fc" and id(o) not in fixed for o in outs]
        node.params = {
            "ctx": ctx,
            "inputs": [(x._place, x._dtype, x._data.shape) if isinstance(x, Value) else None for x in args],
            "outputs": [
                (o._place, o._dtype, o._data.shape) if isinstance(o, Value) else (places[0], places[0].integer, ())
                for o in outs
            ],
        }
        ctx._attach(node, out if several else (out,))
        if len(outs) > 1:
            node.outputs = len(outs)
        for i, (o, moves) in enumerate(zip(outs, differentiable, strict=True)):
            if not moves:
                continue
            edge = Slot(node, i) if len(outs) > 1 else node
            if id(o) in dirty:
                rewrite(o, make(o._data, o._place, o._dtype, edge))
            else:
                o._node = edge
        if _watch.count:
            _watch.recorded(node)
        return tuple(outs) if several else outs[0]

    @classmethod
    def _backward(cls) -> Callable[..., Any]:
        return cls.vjp if cls.backward is Function.backward else cls.backward


# -- under transforms --------------------------------------------------------------------------------------------------


def _below(cls: type[Function], level: Level, args: tuple[Any, ...]) -> Any:
    """The function applied one level below, and what the transform makes of that."""
    level.check()
    token = _state.transform.set(level.parent)
    try:
        if isinstance(level, JvpLevel):
            return _pushed(cls, level, args)
        assert isinstance(level, VmapLevel)
        return _mapped(cls, level, args)
    finally:
        _state.transform.reset(token)


def _pushed(cls: type[Function], level: JvpLevel, args: tuple[Any, ...]) -> Any:
    pairs = [level.split(x) if isinstance(x, Value) else (x, None) for x in args]
    primals, tangents = tuple(p for p, _ in pairs), [t for _, t in pairs]
    out = cls.apply(*primals)
    outs = out if isinstance(out, tuple) else (out,)
    if all(t is None for t in tangents):
        return _each(out, lambda o, _: level.dual(o, None))
    ctx = FunctionCtx()
    ctx.needs_input_grad = tuple(edge_of(x) is not None for x in primals)
    cls.setup_context(ctx, primals, out)
    fixed = {id(x) for x in ctx._non_differentiable}

    def along(ts: Sequence[Any]) -> Sequence[Any]:
        if ctx._materialize:
            ts = [
                TAPED.zeros_like(p) if t is None and isinstance(p, Value) and p._dtype.kind in "fc" else t
                for p, t in zip(primals, ts, strict=True)
            ]
        moved = cls.jvp(ctx, *ts)
        moved = moved if isinstance(moved, tuple) else (moved,)
        if len(moved) != len(outs):
            raise RuntimeError(f"{cls.__name__}.jvp gave {len(moved)} tangents for {len(outs)} outputs")
        for o, t in zip(outs, moved, strict=True):
            if isinstance(t, Value) and t._data.shape != o._data.shape:
                raise RuntimeError(
                    f"{cls.__name__}.jvp gave a tangent of shape {list(t._data.shape)} for an output of shape "
                    f"{list(o._data.shape)}"
                )
        return moved

    moved = level.push(along, tangents, len(outs))
    return _each(out, lambda o, i: level.dual(o, None if id(o) in fixed else moved[i]))


def _mapped(cls: type[Function], level: VmapLevel, args: tuple[Any, ...]) -> Any:
    pairs = [level.split(x) if isinstance(x, Value) else (x, False) for x in args]
    values, which = tuple(v for v, _ in pairs), tuple(b for _, b in pairs)
    if not any(which):
        return _each(cls.apply(*values), lambda o, _: transfer(o, level.over(o._place.ground)))
    own = cls.vmap is not Function.vmap
    if cls.generate_vmap_rule:
        if own:
            raise RuntimeError(f"{cls.__name__}: generate_vmap_rule=True and a vmap of its own; one of them must go")
        out = _generated(cls, which, level.size, level.randomness).apply(*values)
        return _each(out, lambda o, _: level.batch(o))
    if not own:
        raise RuntimeError(
            f"{cls.__name__} cannot be used under vmap: override the vmap staticmethod, or set "
            "generate_vmap_rule = True where the other methods are written in gradarray's functions"
        )
    found = cls.vmap(VmapInfo(level.size, level.randomness), tuple(0 if b else None for b in which), *values)
    if not isinstance(found, tuple) or len(found) != 2:
        raise RuntimeError(f"{cls.__name__}.vmap must return (output, out_dims), a tuple of two")
    out, dims = found
    dims = dims if isinstance(dims, tuple) else (dims,) * (len(out) if isinstance(out, tuple) else 1)

    def batch(o: Any, i: int) -> Any:
        d = dims[i]
        if d is None:
            return transfer(o, level.over(o._place.ground))
        ndim = len(o._data.shape)
        order = (d % ndim, *(k for k in range(ndim) if k != d % ndim))
        return level.batch(o if order[0] == 0 else TAPED.permute_dims(o, axes=order))

    return _each(out, batch)


def _each(out: Any, change: Callable[[Any, int], Any]) -> Any:
    """``out`` with each tensor in it changed."""
    if isinstance(out, tuple):
        return tuple(change(o, i) if isinstance(o, Value) else o for i, o in enumerate(out))
    return change(out, 0) if isinstance(out, Value) else out


def _generated(cls: type[Function], which: tuple[bool, ...], size: int, randomness: str) -> type[Function]:
    """The function on a whole batch: each method runs inside of ``vmap``, on what the last left.

    The context of the function itself is made anew where it is needed, of inputs and outputs, which are what is saved.
    """

    def inside(level: VmapLevel, xs: Sequence[Any], batched: Sequence[bool]) -> list[Any]:
        return [level.batch(x) if b and isinstance(x, Value) else x for x, b in zip(xs, batched, strict=True)]

    def outside(level: VmapLevel, x: Any, total: bool = False) -> Any:
        """With the batch in front, or summed over it."""
        if not isinstance(x, Value):
            return x
        value, batched = level.split(x)
        if total:
            return TAPED.sum(value, axis=0) if batched else TAPED.multiply(value, size)
        return value if batched else TAPED.broadcast_to(value, shape=(size, *value._data.shape))

    def context(level: VmapLevel, ctx: Any) -> FunctionCtx:
        made = FunctionCtx()
        made.needs_input_grad = ctx.needs_input_grad
        saved = iter(ctx.saved_tensors)
        inputs = [next(saved) if is_tensor else x for x, is_tensor in ctx.inputs]
        outputs = [next(saved) if is_tensor else x for x, is_tensor in ctx.outputs]
        outs = inside(level, outputs, (True,) * len(outputs))
        cls.setup_context(made, tuple(inside(level, inputs, which)), tuple(outs) if ctx.several else outs[0])
        ctx.set_materialize_grads(made._materialize)
        return made

    class Generated(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*args: Any) -> Any:
            level = VmapLevel(size, randomness)
            with level:
                return _each(cls.forward(*inside(level, args, which)), lambda o, _: outside(level, o))

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            outs = output if isinstance(output, tuple) else (output,)
            ctx.several = isinstance(output, tuple)
            ctx.inputs = [(None, True) if isinstance(x, Value) else (x, False) for x in inputs]
            ctx.outputs = [(None, True) if isinstance(x, Value) else (x, False) for x in outs]
            tensors = [x for x in (*inputs, *outs) if isinstance(x, Value)]
            ctx.save_for_backward(*tensors)
            ctx.save_for_forward(*tensors)
            level = VmapLevel(size, randomness)
            with level:
                made = FunctionCtx()
                made.needs_input_grad = ctx.needs_input_grad
                batched = inside(level, outs, (True,) * len(outs))
                cls.setup_context(
                    made, tuple(inside(level, inputs, which)), tuple(batched) if ctx.several else batched[0]
                )
                fixed = {id(x) for x in made._non_differentiable}
                ctx.mark_non_differentiable(*(o for o, b in zip(outs, batched, strict=True) if id(b) in fixed))
                ctx.set_materialize_grads(made._materialize)

        @staticmethod
        def backward(ctx: Any, *gs: Any) -> Any:
            level = VmapLevel(size, randomness)
            with level:
                given = inside(level, gs, (True,) * len(gs))
                found = cls._backward()(context(level, ctx), *given)
                found = found if isinstance(found, tuple) else (found,)
                return tuple(outside(level, g, total=not b) for g, b in zip(found, which, strict=False))

        @staticmethod
        def jvp(ctx: Any, *ts: Any) -> Any:
            level = VmapLevel(size, randomness)
            with level:
                moved = cls.jvp(context(level, ctx), *inside(level, ts, which))
                return _each(moved, lambda t, _: outside(level, t))

    Generated.__name__ = Generated.__qualname__ = cls.__name__
    Generated._op = FunctionOp(Generated)
    return Generated


# -- once ------------------------------------------------------------------------------------------------------------


class _Once(NamedOp):
    """Where a derivative ends that was said to be taken once."""

    __slots__ = ()

    def pull(self, node: OpNode, g: Any) -> Sequence[Any]:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    pull_taped = pull


_ONCE = _Once("ErrorBackward")


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a ``backward`` that cannot be differentiated again: doing so is an error, not a wrong result.

    References
    ----------
    ``torch.autograd.function.once_differentiable``.
    """

    @functools.wraps(backward)
    def once(ctx: Any, *gs: Any) -> Any:
        recording = _state.grad_enabled.get()
        token = _state.grad_enabled.set(False)
        try:
            found = backward(ctx, *gs)
        finally:
            _state.grad_enabled.reset(token)
        if not recording:
            return found
        node = ctx._node()
        edges = (*(edge_of(g) for g in gs), *(() if node is None else node.edges))
        if all(edge is None for edge in edges):
            return found

        def end(x: Any, _: int) -> Any:
            return make(x._data, x._place, x._dtype, new_node(_ONCE, edges, x._place, {}))

        return _each(found, end)

    return once


__all__ = ["Function", "FunctionCtx", "VmapInfo", "once_differentiable"]
