"""``vmap``: a function of one element, run on all of a batch at once.

Knows levels and trees. Must not know how an operation is batched.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from gradarray._batched import VmapLevel
from gradarray._dispatch import TAPED
from gradarray._storage import Value
from gradarray.func import _trees

Dims = Any


def vmap(
    func: Callable[..., Any],
    in_dims: Dims = 0,
    out_dims: Dims = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
    in_axes: Dims = 0,
    out_axes: Dims = 0,
) -> Callable[..., Any]:
    """The function that maps ``func`` over a dimension of its arguments, without a loop.

    Parameters
    ----------
    func : callable
        Takes and returns tensors, or trees of them.
    in_dims : int, None, or tree of these
        Along which dimension each argument is mapped; None: not at all. A tuple has one entry an argument, which may be
        a tree as the argument is, or stop above it. Keyword arguments are mapped along their first dimension.
    out_dims : int, None, or tree of these
        Where the mapped dimension stands in the results; None for a result that does not depend on it.
    randomness : {"error", "different", "same"}
        What random numbers are for the elements of the batch. By default drawing any is an error.
    chunk_size : int, optional
        How many elements at once, where memory is short. By default all.
    in_axes, out_axes
        JAX's names for ``in_dims`` and ``out_dims``.

    Returns
    -------
    callable
        Differentiable, and may be transformed again.

    Raises
    ------
    ValueError
        If nothing is mapped, lengths differ, or a dimension is not there.
    RuntimeError
        If the function asks for a value (``item``, ``if``), or draws random numbers unasked.

    References
    ----------
    ``torch.func.vmap``, ``jax.vmap``.

    Examples
    --------
    >>> import gradarray as ga
    >>> x, y = ga.ones(3, 2), ga.arange(2.0)
    >>> ga.func.vmap(lambda a, b: a @ b, in_dims=(0, None))(x, y)
    tensor([1., 1., 1.])
    """
    dims, outs = _one(in_dims, in_axes, "in_dims", "in_axes"), _one(out_dims, out_axes, "out_dims", "out_axes")
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"randomness must be 'error', 'different' or 'same', got {randomness!r}")
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0, got {chunk_size}")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, rebuild = _trees.flatten((args, tuple(kwargs.values())) if kwargs else args)
        given = dims
        if isinstance(dims, list):
            given = tuple(dims)
        if isinstance(given, tuple) and len(given) != len(args):
            raise ValueError(
                f"vmap({_name(func)}, in_dims={dims!r}): in_dims is not compatible with the inputs, of which there are "
                f"{len(args)}; give one entry an argument"
            )
        where = _trees.spread(given, args, "in_dims") + [0] * (len(leaves) - len(_trees.leaves_of(args)))
        where = [_checked(x, d, func) for x, d in zip(leaves, where, strict=True)]
        sizes = {x._data.shape[d] for x, d in zip(leaves, where, strict=True) if d is not None}
        if not sizes:
            raise ValueError(
                f"vmap({_name(func)}, in_dims={dims!r}): at least one argument must be a tensor that is mapped"
            )
        if len(sizes) > 1:
            raise ValueError(
                f"vmap: Expected all tensors to have the same size in the mapped dimension, got sizes {sorted(sizes)}"
            )
        (size,) = sizes
        fronts = [x if d is None else to_front(x, d) for x, d in zip(leaves, where, strict=True)]
        which = [d is not None for d in where]

        def run(batch: Sequence[Any], n: int) -> Any:
            def call(tree: Any) -> Any:
                return func(*tree[0], **dict(zip(kwargs, tree[1], strict=True))) if kwargs else func(*tree)

            return _mapped(lambda xs: call(rebuild(xs)), batch, which, n, randomness, outs)

        if chunk_size is None or chunk_size >= size:
            found, build, _ = run(fronts, size)
            return build(found)
        parts = []
        for start in range(0, size, chunk_size):
            stop = min(start + chunk_size, size)
            some = [
                TAPED.getitem(x, key=(slice(start, stop), ...)) if b else x for x, b in zip(fronts, which, strict=True)
            ]
            parts.append(run(some, stop - start))
        build, back = parts[0][1:]
        joined = [
            xs[0] if d is None else TAPED.concat(list(xs), axis=d)
            for xs, d in zip(zip(*(p[0] for p in parts), strict=True), back, strict=True)
        ]
        return build(joined)

    return mapped


def is_transformed(x: Any) -> bool:
    """Whether ``x`` is a tensor of a transform that runs now: it stands for a batch, or may have a tangent.

    Its value must not be taken out of the function, and may not be one. For libraries that treat tensors on the tape in
    a way of their own; :func:`grad` and its kin use the tape, where ``x.requires_grad`` says it.
    """
    return isinstance(x, Value) and x._place.level is not None


def _mapped(
    call: Callable[[list[Any]], Any], xs: Sequence[Any], which: Sequence[bool], size: int, randomness: str, outs: Dims
) -> tuple[list[Any], _trees.Rebuild, list[int | None]]:
    """The results of ``call`` on a batch, each with the batch where ``outs`` says."""
    level = VmapLevel(size, randomness)
    with level:
        inside = [level.batch(x) if b else x for x, b in zip(xs, which, strict=True)]
        out = call(inside)
        leaves, build = _trees.flatten(out)
        back = _trees.spread(_as_the_output_is(outs, out), out, "out_dims")
        found = [_unbatched(level, x, d) for x, d in zip(leaves, back, strict=True)]
    level.write_back(xs, inside)
    return [x for x, _ in found], build, [d for _, d in found]


def _as_the_output_is(outs: Dims, out: Any) -> Dims:
    """``outs``, where a list stands for a tuple, and a tuple of one also for the one tensor that is given."""
    if isinstance(outs, tuple | list) and len(outs) == 1 and isinstance(out, Value):
        return outs[0]
    return tuple(outs) if isinstance(outs, list) and isinstance(out, tuple) else outs


def _unbatched(level: VmapLevel, x: Any, dim: Any) -> tuple[Any, int | None]:
    """The tensor of the level below with the batch at ``dim``, and where that is."""
    if not isinstance(x, Value):
        raise ValueError(f"vmap: the function must only return Tensors, got type {type(x).__name__}")
    value, batched = level.split(x)
    if dim is None:
        if batched:
            raise ValueError("vmap: out_dims is None for a result that differs along the batch; give a dimension")
        return value, None
    ndim = len(value._data.shape) + (not batched)
    if not -ndim <= dim < ndim:
        raise ValueError(f"vmap: out_dims={dim} is out of range for a result of {ndim} dimensions with the batch")
    if not batched:
        value = TAPED.broadcast_to(value, shape=(level.size, *value._data.shape))
    dim %= ndim
    return (value if dim == 0 else _moved(value, 0, dim)), dim


def _moved(x: Value, source: int, target: int) -> Any:
    """``x`` with a dimension moved."""
    order = [i for i in range(len(x._data.shape)) if i != source]
    order.insert(target, source)
    return TAPED.permute_dims(x, axes=tuple(order))


def to_front(x: Value, dim: int) -> Any:
    """``x`` with a dimension moved to the front."""
    return x if dim == 0 else _moved(x, dim, 0)


def _checked(x: Any, dim: Any, func: Any) -> int | None:
    if dim is None:
        return None
    if not isinstance(dim, int) or isinstance(dim, bool):
        raise ValueError(f"vmap({_name(func)}): in_dims must be integers or None, got {dim!r}")
    if not isinstance(x, Value):
        raise ValueError(
            f"vmap({_name(func)}): in_dims={dim} for an input of type {type(x).__name__}, which cannot be mapped over; "
            "give None for it"
        )
    ndim = len(x._data.shape)
    if not -ndim <= dim < ndim:
        raise ValueError(
            f"vmap({_name(func)}): in_dims={dim} for a tensor of {ndim} dimensions; it must be in [{-ndim}, {ndim})"
        )
    return dim % ndim


def _one(torchs: Dims, jaxs: Dims, name: str, other: str) -> Dims:
    if torchs != 0 and jaxs != 0:
        raise TypeError(f"vmap: {name} and {other} are two names of one argument, and both were given")
    return jaxs if torchs == 0 and type(torchs) is int else torchs


def _name(func: Any) -> str:
    return getattr(func, "__name__", repr(func))


__all__ = ["is_transformed", "to_front", "vmap"]
