"""``custom_vjp`` and ``custom_jvp``: a function with a derivative of its own, as decorators.

Made of :class:`gradarray.autograd.Function`. Knows trees. Must not know operations.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradarray._dispatch import TAPED
from gradarray._storage import Value
from gradarray.autograd.function import Function
from gradarray.func import _trees
from gradarray.func.reverse import vjp as reverse_mode


class _Custom:
    """A function of trees that is called through a :class:`Function` of their tensors."""

    def __init__(self, fun: Callable[..., Any], nondiff_argnums: tuple[int, ...] = ()) -> None:
        functools.update_wrapper(self, fun)
        self.fun, self.nondiff_argnums = fun, nondiff_argnums

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = _Call(self, args, kwargs)
        out = call.function().apply(*call.leaves)
        assert call.rebuild_output is not None
        return call.rebuild_output(out)

    def function(self, call: _Call) -> type[Function]:
        """The operation that computes ``call``."""
        raise NotImplementedError


class _Call:
    """One call: its tensors, and what else there is."""

    def __init__(self, custom: _Custom, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.custom, self.kwargs = custom, kwargs
        self.fixed = {i: args[i] for i in custom.nondiff_argnums}
        self.moving = [i for i in range(len(args)) if i not in self.fixed]
        self.count = len(args)
        flat = [_trees.flatten(args[i]) for i in self.moving]
        self.leaves = [x for leaves, _ in flat for x in leaves]
        self._builds = [(build, len(leaves)) for leaves, build in flat]
        self.rebuild_output: Callable[[Any], Any] | None = None

    def function(self) -> type[Function]:
        return type(getattr(self.custom.fun, "__name__", "custom"), (self.custom.function(self),), {})

    def groups(self, leaves: Sequence[Any]) -> list[Any]:
        """``leaves`` as the arguments that are differentiated."""
        it = iter(leaves)
        return [build([next(it) for _ in range(n)]) for build, n in self._builds]

    def arguments(self, leaves: Sequence[Any]) -> list[Any]:
        """All arguments, with ``leaves`` in them."""
        full: list[Any] = [None] * self.count
        for i, x in self.fixed.items():
            full[i] = x
        for i, x in zip(self.moving, self.groups(leaves), strict=True):
            full[i] = x
        return full

    def flat_output(self, out: Any) -> tuple[Any, ...]:
        """The tensors of ``out``, whose structure is kept."""
        leaves, self.rebuild_output = _trees.flatten(out)
        return tuple(leaves)

    def structured(self, leaves: Sequence[Any]) -> Any:
        """``leaves`` as the output is."""
        assert self.rebuild_output is not None
        return self.rebuild_output(leaves)


class _OfLeaves(Function):
    """What both decorators make of a call: a function of its leaves, which keeps them all."""

    generate_vmap_rule = True

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
        ctx.save_for_backward(*(x for x in inputs if isinstance(x, Value)))
        ctx.others = [None if isinstance(x, Value) else x for x in inputs]
        ctx.which = [isinstance(x, Value) for x in inputs]


def _kept(ctx: Any) -> list[Any]:
    """The leaves of the call: the saved tensors, and the others where they stood."""
    saved = iter(ctx.saved_tensors)
    return [next(saved) if t else x for t, x in zip(ctx.which, ctx.others, strict=True)]


class custom_vjp(_Custom):
    """Decorates a function whose backward pass is written by hand.

    ``f.defvjp(fwd, bwd)``: ``fwd(*args)`` gives ``(output, residuals)``, and ``bwd(*nondiff, residuals, g)`` a tuple
    with one cotangent an argument, None for zero. Derivatives of derivatives go through both. Forward mode needs
    :class:`custom_jvp`.

    Parameters
    ----------
    fun : callable
        Of tensors, or trees of them.
    nondiff_argnums : tuple of int
        Arguments that are handed on as they are.

    References
    ----------
    ``jax.custom_vjp``.

    Examples
    --------
    >>> import gradarray as ga
    >>> @ga.func.custom_vjp
    ... def clip_gradient(x):
    ...     return x
    >>> clip_gradient.defvjp(lambda x: (x, None), lambda _, g: (ga.clip(g, -1, 1),))
    >>> ga.func.grad(lambda x: 5 * clip_gradient(x))(ga.tensor(2.0))
    tensor(1.)
    """

    def defvjp(self, fwd: Callable[..., Any], bwd: Callable[..., Any]) -> None:
        """Say how to compute forward, keeping residuals, and backward from them."""
        self.fwd, self.bwd = fwd, bwd

    def function(self, call: _Call) -> type[Function]:
        if not hasattr(self, "fwd"):
            raise AttributeError(f"No VJP defined for custom_vjp function {self.fun!r} using defvjp")

        class Custom(_OfLeaves):
            @staticmethod
            def forward(*leaves: Any) -> Any:
                return call.flat_output(self.fun(*call.arguments(leaves), **call.kwargs))

            @staticmethod
            def backward(ctx: Any, *gs: Any) -> Any:
                # the residuals are made anew where they are wanted, so that they stand on whatever tape there is
                leaves = _kept(ctx)
                _, residuals = self.fwd(*call.arguments(leaves), **call.kwargs)
                found = self.bwd(*call.fixed.values(), residuals, call.structured(gs))
                if not isinstance(found, tuple) or len(found) != len(call.moving):
                    raise TypeError(
                        f"{self.fun!r}: bwd must give a tuple of {len(call.moving)} cotangents, one an argument; got "
                        f"{found!r}"
                    )
                given: list[Any] = []
                for group, g in zip(call.groups(leaves), found, strict=True):
                    n = len(_trees.leaves_of(group))
                    given += [None] * n if g is None else _trees.leaves_of(g)
                return tuple(given)

        return Custom


class custom_jvp(_Custom):
    """Decorates a function whose derivative is written by hand, as how it moves; backward is made of that.

    ``f.defjvp(rule)``: ``rule(*nondiff, primals, tangents)`` gives ``(output, tangent)``, linear in the tangents. Or
    ``f.defjvps(*rules)``: for each argument ``rule(t, output, *primals)``, or None for zero.

    Parameters
    ----------
    fun : callable
        Of tensors, or trees of them.
    nondiff_argnums : tuple of int
        Arguments that are handed on as they are.

    References
    ----------
    ``jax.custom_jvp``.

    Examples
    --------
    >>> import gradarray as ga
    >>> @ga.func.custom_jvp
    ... def softplus(x):
    ...     return ga.log1p(ga.exp(x))
    >>> softplus.defjvps(lambda t, out, x: t / (1 + ga.exp(-x)))
    >>> ga.func.grad(softplus)(ga.tensor(0.0))
    tensor(0.5000)
    """

    def defjvp(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        """Say how the output moves."""
        self.rule = rule
        return rule

    def defjvps(self, *rules: Callable[..., Any] | None) -> None:
        """Say how the output moves with each argument alone."""

        def rule(*given: Any) -> Any:
            *fixed, primals, tangents = given
            out = self.fun(*self._whole(fixed, primals))
            total = None
            for one, t in zip(rules, tangents, strict=True):
                if one is not None and t is not None:
                    term = one(t, out, *primals)
                    total = term if total is None else total + term
            return out, TAPED.zeros_like(out) if total is None else total

        self.rule = rule

    def _whole(self, fixed: Sequence[Any], primals: Sequence[Any]) -> list[Any]:
        full, rest = dict(zip(self.nondiff_argnums, fixed, strict=True)), iter(primals)
        return [full[i] if i in full else next(rest) for i in range(len(full) + len(primals))]

    def function(self, call: _Call) -> type[Function]:
        if not hasattr(self, "rule"):
            raise AttributeError(f"No JVP defined for custom_jvp function {self.fun!r} using defjvp")

        def pushed(primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
            """The tangents of the output's leaves."""
            groups = tuple(call.groups(primals)), tuple(call.groups(tangents))
            return tuple(_trees.leaves_of(self.rule(*call.fixed.values(), *groups)[1]))

        class Custom(_OfLeaves):
            @staticmethod
            def forward(*leaves: Any) -> Any:
                return call.flat_output(self.fun(*call.arguments(leaves), **call.kwargs))

            @staticmethod
            def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
                _OfLeaves.setup_context(ctx, inputs, output)
                ctx.save_for_forward(*(x for x in inputs if isinstance(x, Value)))

            @staticmethod
            def backward(ctx: Any, *gs: Any) -> Any:
                leaves = _kept(ctx)
                active = [i for i, x in enumerate(leaves) if isinstance(x, Value) and x._dtype.kind in "fc"]

                def along(*ts: Any) -> Any:  # linear: its transpose is its vjp, anywhere
                    full = [TAPED.zeros_like(x) if isinstance(x, Value) else None for x in leaves]
                    for i, t in zip(active, ts, strict=True):
                        full[i] = t
                    return pushed(leaves, full)

                found = iter(reverse_mode(along, *(TAPED.zeros_like(leaves[i]) for i in active))[1](tuple(gs)))
                return tuple(next(found) if i in active else None for i in range(len(leaves)))

            @staticmethod
            def jvp(ctx: Any, *ts: Any) -> Any:
                leaves = _kept(ctx)
                return pushed(leaves, ts)

        return Custom


__all__ = ["custom_jvp", "custom_vjp"]
