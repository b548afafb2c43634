"""Derivatives in full: ``jacrev``, ``jacfwd``, ``hessian``. All directions at once by ``vmap``, never by a loop.

Knows the transforms. Must not know operations.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from gradarray._dispatch import TAPED, detached
from gradarray._levels import raised
from gradarray._storage import Value
from gradarray.func import _trees
from gradarray.func.forward import jvp
from gradarray.func.reverse import Argnums, _Call, _numbers, called
from gradarray.func.vmap import vmap


def _basis(x: Value, start: int, stop: int) -> Any:
    """The unit vectors ``start`` to ``stop`` of the space of ``x``, one an entry along a first dimension."""
    n = math.prod(x._data.shape)
    x = raised(x)
    rows: Any = TAPED.counting(stop - start, x)
    columns = TAPED.counting(n, x)
    like = TAPED.zeros_like(TAPED.reshape(detached(x), shape=(n,)))
    return TAPED.reshape(
        TAPED.indicator((rows + start)[:, None] == columns, like), shape=(stop - start, *x._data.shape)
    )


def _chunks(n: int, chunk_size: int | None) -> list[tuple[int, int]]:
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size should be None or greater than 0, got {chunk_size}")
    step = n if chunk_size is None else chunk_size
    return [(start, min(start + step, n)) for start in range(0, n, max(step, 1))] or [(0, 0)]


def _joined(parts: list[list[Any]]) -> list[Any]:
    return parts[0] if len(parts) == 1 else [TAPED.concat(list(xs), axis=0) for xs in zip(*parts, strict=True)]


def _rows(run: _Call, i: int, chunk_size: int | None) -> list[Any]:
    """The Jacobian of one output: for each leaf of the inputs of shape (*output, *input)."""
    out = run.outputs[i]
    n = math.prod(out._data.shape)
    parts = []
    for start, stop in _chunks(n, chunk_size):
        gs: list[Any] = [None] * len(run.outputs)
        gs[i] = _basis(out, start, stop)
        parts.append([g for group in run.pulled(gs, keep=True, batched=True) for g in group])
    return [TAPED.reshape(g, shape=(*out._data.shape, *g._data.shape[1:])) for g in _joined(parts)]


def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable[..., Any]:
    """The function that computes the Jacobian of ``func``, backward: best where there are fewer outputs than inputs.

    Parameters
    ----------
    func : callable
        Takes and returns tensors, or trees of them.
    argnums : int or tuple of int
        Which arguments to differentiate with respect to.
    has_aux : bool
        ``func`` gives ``(output, aux)``, and the result is ``(jacobian, aux)``.
    chunk_size : int, optional
        How many rows at once, where memory is short. By default all.

    Returns
    -------
    callable
        Gives a tensor of shape (\\*output, \\*input); for trees a tree as the output, of trees as the input; a tuple of
        these where ``argnums`` is one.

    References
    ----------
    ``torch.func.jacrev``, ``jax.jacrev``.

    Examples
    --------
    >>> import gradarray as ga
    >>> ga.func.jacrev(lambda x: x * x)(ga.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        run = called(func, args, kwargs, argnums, has_aux, "jacrev")
        rows = []
        for i in range(len(run.outputs)):
            leaves = iter(_rows(run, i, chunk_size))
            found = tuple(
                build([next(leaves) for _ in group]) for build, group in zip(run.builds, run.groups, strict=True)
            )
            rows.append(found if isinstance(argnums, tuple) else found[0])
        result = run.build(rows)
        return (result, run.finished(run.aux)) if has_aux else result

    return jacobian


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """The function that computes the Jacobian of ``func``, forward: best where there are more outputs than inputs.

    Parameters
    ----------
    func, argnums, has_aux
        As :func:`jacrev`.
    randomness : {"error", "different", "same"}
        As :func:`vmap`.
    chunk_size : int, optional
        How many columns at once.

    Returns
    -------
    callable
        As :func:`jacrev`.

    References
    ----------
    ``torch.func.jacfwd``, ``jax.jacfwd``.
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        positions = _numbers(argnums, len(args), "jacfwd")
        flat = [_trees.flatten(args[i]) for i in positions]
        xs = [x for leaves, _ in flat for x in leaves]
        kept: dict[str, Any] = {}

        def of_leaves(*leaves: Any) -> Any:
            it, full = iter(leaves), list(args)
            for i, (group, build) in zip(positions, flat, strict=True):
                full[i] = build([next(it) for _ in group])
            out = func(*full, **kwargs)
            out, aux = _trees.with_aux(out, "jacfwd") if has_aux else (out, ())
            outs, kept["build"] = _trees.flatten(out)
            auxs, kept["aux"] = _trees.flatten(aux)
            kept["others"] = [None if isinstance(x, Value) else x for x in auxs]
            return tuple(outs), tuple(x for x in auxs if isinstance(x, Value))

        columns = []  # for each leaf of the inputs, of each output
        aux_leaves: Any = ()
        for i, x in enumerate(xs):
            if not isinstance(x, Value):
                raise RuntimeError(f"jacfwd: expected tensors, got {type(x).__name__}")

            def push(t: Any, i: int = i, x: Any = x) -> Any:
                def alone(moving: Any) -> Any:
                    return of_leaves(*xs[:i], moving, *xs[i + 1 :])

                _, moved, aux = jvp(alone, (x,), (t,), has_aux=True)
                return moved, aux

            parts = []
            for start, stop in _chunks(math.prod(x._data.shape), chunk_size):
                moved, aux_leaves = _pushed(push, _basis(x, start, stop), randomness)
                parts.append(moved)
            columns.append([_columns(t, x) for t in _joined(parts)])
        rows = []
        for k in range(len(columns[0])):
            it = iter([column[k] for column in columns])
            found = tuple(build([next(it) for _ in leaves]) for leaves, build in flat)
            rows.append(found if isinstance(argnums, tuple) else found[0])
        result = kept["build"](rows)
        if not has_aux:
            return result
        rest = iter(aux_leaves)
        return result, kept["aux"]([next(rest) if o is None else o for o in kept["others"]])

    return jacobian


def _pushed(push: Callable[..., Any], basis: Any, randomness: str) -> tuple[list[Any], list[Any]]:
    """The tangents for all of ``basis``, and the auxiliary tensors, which are the same for all."""
    moved, aux = vmap(push, randomness=randomness)(basis)
    return list(moved), [a[0] for a in aux]


def _columns(t: Any, x: Any) -> Any:
    """Tangents (directions, \\*output) as (\\*output, \\*input)."""
    ndim = len(t._data.shape)
    moved = TAPED.permute_dims(t, axes=(*range(1, ndim), 0)) if ndim > 1 else t
    return TAPED.reshape(moved, shape=(*t._data.shape[1:], *x._data.shape))


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that computes the matrix of second derivatives of ``func``: forward over backward.

    Parameters
    ----------
    func, argnums
        As :func:`jacrev`.

    Returns
    -------
    callable
        Gives a tensor of shape (\\*output, \\*input, \\*input), or trees of them.

    References
    ----------
    ``torch.func.hessian``, ``jax.hessian``.

    Examples
    --------
    >>> import gradarray as ga
    >>> ga.func.hessian(lambda x: (x**3).sum())(ga.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


__all__ = ["hessian", "jacfwd", "jacrev"]
