"""Derivatives of what a solver finds, without walking its iterations: the implicit function theorem.

Where ``f(x, p) = 0`` defines x, ``dx = -(∂f/∂x)⁻¹ (∂f/∂p) dp``, however x was found.

Knows the public API. Must not know operations.

References
----------
M. Blondel et al., *Efficient and modular implicit differentiation* (2022); A. Griewank and A. Walther, *Evaluating
Derivatives* (2nd edition, 2008), chapter 15.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from gradarray._storage import Value
from gradarray.autograd import Function
from gradarray.func import _trees, grad, jacrev, jvp, vjp
from gradarray.functions.linalg import solve as solve_linear
from gradarray.functions.manipulation import concat, matrix_transpose, reshape, stack
from gradarray.optimize.solvers import minimize, root

Solver = Callable[..., Any]


def implicit_root(fun: Callable[..., Any], x0: Any, *params: Any, solver: Solver | None = None) -> Any:
    """The ``x`` at which ``fun(x, *params)`` is zero, differentiable in ``params``.

    Parameters
    ----------
    fun : callable
        Gives as many numbers as ``x`` has, a tensor or a tree.
    x0 : Tensor, or tree of them
        Where to start; the result is as this is, and does not depend on it.
    *params : Tensor, or tree of them
        What the result is differentiated with respect to. What ``fun`` closes over is a constant.
    solver : callable, optional
        ``solver(fun, x0, *params)`` gives ``x``; it is not differentiated, and may be anything that ends there. By
        default SciPy's ``root``, with the Jacobian.

    Returns
    -------
    Tensor, or tree of them
        With derivatives of every order, forward and backward; under ``vmap`` the solver runs for each element.

    References
    ----------
    ``jaxopt.implicit_diff.custom_root``, ``jax.lax.custom_root``.

    Examples
    --------
    >>> import gradarray as ga
    >>> p = ga.tensor(2.0, requires_grad=True)
    >>> ga.optimize.implicit_root(lambda x, p: x * x - p, ga.tensor(1.0), p).backward()
    >>> p.grad
    tensor(0.3536)
    """
    find = solver or (lambda f, start, *rest: root(f, start, rest).x)
    starts, build_x = _trees.flatten(x0)
    flat = [_trees.flatten(p) for p in params]
    leaves = [x for group, _ in flat for x in group]

    def groups(given: Sequence[Any]) -> list[Any]:
        it = iter(given)
        return [build([next(it) for _ in group]) for group, build in flat]

    class Root(Function):
        @staticmethod
        def forward(*given: Any) -> Any:
            found = _trees.leaves_of(find(fun, x0, *groups(given)))
            return tuple(x.detach() for x in found)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> None:
            ctx.which = [isinstance(x, Value) for x in inputs]
            ctx.others = [None if isinstance(x, Value) else x for x in inputs]
            tensors = [x for x in inputs if isinstance(x, Value)]
            ctx.save_for_backward(*tensors, *output)
            ctx.save_for_forward(*tensors, *output)

        @staticmethod
        def backward(ctx: Any, *gs: Any) -> Any:
            given, xs = _saved(ctx)
            moving = [i for i, x in enumerate(given) if _differentiable(x)]
            u = solve_linear(matrix_transpose(_jacobian(fun, xs, build_x, groups(given))), _vector(gs))
            _, pull = vjp(_of_params(fun, build_x, xs, given, moving, groups), *(given[i] for i in moving))
            pulled = iter(pull(-u))
            return tuple(next(pulled) if i in moving else None for i in range(len(given)))

        @staticmethod
        def jvp(ctx: Any, *ts: Any) -> Any:
            given, xs = _saved(ctx)
            moving = [i for i, x in enumerate(given) if _differentiable(x)]
            along = _of_params(fun, build_x, xs, given, moving, groups)
            _, moved = jvp(along, tuple(given[i] for i in moving), tuple(ts[i] for i in moving))
            return tuple(_parts(solve_linear(_jacobian(fun, xs, build_x, groups(given)), -moved), xs))

        @staticmethod
        def vmap(info: Any, in_dims: tuple[Any, ...], *given: Any) -> Any:
            rows = [
                Root.apply(*(x if d is None else x[i] for x, d in zip(given, in_dims, strict=True)))
                for i in range(info.batch_size)
            ]
            return tuple(stack(list(xs)) for xs in zip(*rows, strict=True)), (0,) * len(starts)

    return build_x(Root.apply(*leaves))


def implicit_fixed_point(
    fun: Callable[..., Any], x0: Any, *params: Any, solver: Solver | None = None, tol: float = 1e-8,
    max_iterations: int = 1000,
) -> Any:  # fmt: skip
    """The ``x`` that ``fun(x, *params)`` leaves where it is, differentiable in ``params``.

    Parameters
    ----------
    fun : callable
        Gives what ``x`` is.
    x0, params
        As :func:`implicit_root`.
    solver : callable, optional
        ``solver(fun, x0, *params)`` gives ``x``. By default ``fun`` is applied again and again.
    tol : float
        How near two such steps must be, relative to 1 and the values, to be one.
    max_iterations : int
        How many there may be.

    Raises
    ------
    RuntimeError
        If there were so many and they were not near.

    References
    ----------
    ``jaxopt.FixedPointIteration``.
    """

    def iterate(f: Callable[..., Any], start: Any, *rest: Any) -> Any:
        x = start
        for _ in range(max_iterations):
            new = f(x, *rest)
            pairs = list(zip(_trees.leaves_of(x), _trees.leaves_of(new), strict=True))
            x = new
            if all(bool(((b - a).abs() <= tol * (1 + b.abs())).all()) for a, b in pairs):
                return x
        raise RuntimeError(
            f"implicit_fixed_point: no fixed point after {max_iterations} iterations, to a tolerance of {tol}; give a "
            "start nearer to it, a larger max_iterations=, or a solver= of your own"
        )

    def difference(x: Any, *rest: Any) -> Any:
        leaves, build = _trees.flatten(x)
        return build([b - a for a, b in zip(leaves, _trees.leaves_of(fun(x, *rest)), strict=True)])

    find = solver or iterate
    return implicit_root(difference, x0, *params, solver=lambda _, start, *rest: find(fun, start, *rest))


def implicit_minimum(fun: Callable[..., Any], x0: Any, *params: Any, solver: Solver | None = None) -> Any:
    """The ``x`` at which ``fun(x, *params)``, one number, is least; differentiable in ``params``.

    Parameters
    ----------
    fun : callable
        Gives a 0-d tensor, twice differentiable in ``x``.
    x0, params
        As :func:`implicit_root`.
    solver : callable, optional
        ``solver(fun, x0, *params)`` gives ``x``. By default SciPy's ``minimize`` (BFGS), then Newton's steps.

    References
    ----------
    ``jaxopt.implicit_diff.custom_root`` of a gradient.
    """
    gradient = grad(fun)

    def find(f: Callable[..., Any], start: Any, *rest: Any) -> Any:
        near = minimize(f, start, rest).x
        return root(gradient, near, rest).x  # a gradient vanishes to more digits than a value is least to

    chosen = solver or find
    return implicit_root(gradient, x0, *params, solver=lambda _, start, *rest: chosen(fun, start, *rest))


def _differentiable(x: Any) -> bool:
    return isinstance(x, Value) and x._dtype.kind in "fc"


def _saved(ctx: Any) -> tuple[list[Any], list[Any]]:
    saved = iter(ctx.saved_tensors)
    return [next(saved) if t else o for t, o in zip(ctx.which, ctx.others, strict=True)], list(saved)


def _vector(tree: Any) -> Any:
    parts = [reshape(x, (-1,)) for x in _trees.leaves_of(tree)]
    return parts[0] if len(parts) == 1 else concat(parts)


def _parts(vector: Any, like: Sequence[Any]) -> list[Any]:
    found, start = [], 0
    for x in like:
        n = math.prod(x.shape)
        found.append(reshape(vector[start : start + n], tuple(x.shape)))
        start += n
    return found


def _jacobian(fun: Callable[..., Any], xs: Sequence[Any], build: Callable[..., Any], rest: Sequence[Any]) -> Any:
    """∂f/∂x as a matrix."""

    def of_vector(v: Any) -> Any:
        out = _vector(fun(build(_parts(v, xs)), *rest))
        if out.shape != v.shape:
            raise RuntimeError(
                f"the function must give one number for each of the {v.shape[0]} unknowns, but it gave {out.shape[0]}"
            )
        return out

    return jacrev(of_vector)(_vector(tuple(xs)))


def _of_params(
    fun: Callable[..., Any], build: Callable[..., Any], xs: Sequence[Any], given: Sequence[Any], moving: Sequence[int],
    groups: Callable[[Sequence[Any]], list[Any]],
) -> Callable[..., Any]:  # fmt: skip
    """``f`` at a fixed x, of those parameters that can move."""

    def along(*ps: Any) -> Any:
        full = list(given)
        for i, p in zip(moving, ps, strict=True):
            full[i] = p
        return _vector(fun(build(xs), *groups(full)))

    return along


__all__ = ["implicit_fixed_point", "implicit_minimum", "implicit_root"]
