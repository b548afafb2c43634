"""``grad`` and ``backward``: seeds in, gradients out. ``backward`` is ``grad`` that adds to ``.grad`` at the end.

Knows the engine's walk and tensors as values. Must not know operations. Nothing is written before the walk is over, so
an exception in the middle leaves every gradient as it was.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from operator import add, iadd
from typing import TYPE_CHECKING, Any

from gradarray import _watch
from gradarray._batched import VmapLevel
from gradarray._dispatch import (
    TAPED,
    add_large,
    add_raw,
    apply,
    cast,
    edge_of,
    iadd_raw,
    is_large,
    make,
    of_kind,
    requires_grad,
    same_shape,
    transfer,
)
from gradarray._engine import Hook, Node, leading_to, walk
from gradarray._inplace import rebind_family
from gradarray._place import Kind, Place, scoped_types
from gradarray._primitive import TABLE
from gradarray._state import grad_enabled
from gradarray._storage import LEAF, Meta, Value, before_write, meta_of
from gradarray.autograd.hooks import (
    AFTERWARDS,
    AfterAccumulation,
    Capture,
    GradientEdge,
    Retain,
    place_in_graph,
    retain_grad,
)
from gradarray.backends import Array

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


def _sequence(x: Any) -> tuple[Any, ...]:
    if isinstance(x, Value):
        return (x,)
    found = x if isinstance(x, list | tuple) and not isinstance(x, GradientEdge) else (x,)
    return tuple([one.like if not isinstance(one, Value) and isinstance(one, GradientEdge) else one for one in found])


def _seeds(outputs: Sequence[Any], gradients: Sequence[Any], taped: bool) -> list[tuple[Any, Any]]:
    """Where the walk starts and with what.

    Raises
    ------
    RuntimeError
        As PyTorch: for an output off the tape, a missing gradient of what is no scalar, a gradient that does not fit.
    """
    if len(outputs) != len(gradients):
        raise RuntimeError(f"got {len(outputs)} tensors and {len(gradients)} gradients")
    seeds: list[tuple[Any, Any]] = []
    for i, x in enumerate(outputs):
        if not isinstance(x, Value):
            raise TypeError(f"element {i} of tensors must be a Tensor, got {type(x).__name__}")
        v: Value = x
        node, g = v._node, gradients[i]
        if node is None:
            raise RuntimeError(
                f"element {i} of tensors does not require grad and does not have a grad_fn; create what it depends on "
                "with requires_grad=True, outside of no_grad"
            )
        if g is None:
            g = _one(v)
            if taped:
                g = make(g, v._kind.place, v._kind.dtype)
        else:
            g = _checked(v, g, i)
            if not taped:
                g = g._data
        seeds.append((v if node is LEAF else node, g))
    return seeds


def _one(x: Value) -> Array:
    """The gradient of a scalar with respect to itself."""
    kind: Kind = x._kind
    shape = x._data.shape
    if shape and math.prod(shape) != 1:
        raise RuntimeError(
            f"grad can be implicitly created only for scalar outputs, got one of shape {list(shape)}; pass a gradient "
            "of that shape, for example backward(gradarray.ones_like(y))"
        )
    if kind.dtype.is_complex:
        raise RuntimeError(
            f"grad can be implicitly created only for real scalar outputs but got {x._dtype!r}; pass a gradient"
        )
    return kind.kernels["ones_like"](x._data)


def _checked(x: Value, g: Any, i: int) -> Value:
    """``g``, if it can be the gradient of ``x``, in the dtype of ``x``."""
    if not isinstance(g, Value):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(g).__name__}")
    if not same_shape(g._data.shape, x._data.shape):
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{i}] has a shape of {list(g._data.shape)} and output[{i}] has a shape of "
            f"{list(x._data.shape)}."
        )
    if g._place.ground is not x._place.ground:
        raise RuntimeError(
            f"the gradient lies on {g._place.device} and the output on {x._place.device}; move one with .to()"
        )
    if g._dtype.kind == "c" and x._dtype.kind != "c":
        raise RuntimeError(f"a complex gradient ({g._dtype!r}) was given for a real output ({x._dtype!r})")
    if _is_deeper(x, g):
        g = transfer(g, x._place)
    return cast(g, x._dtype)


def _is_deeper(x: Value, y: Value) -> bool:
    """Whether ``x`` belongs to a transform that runs inside of that of ``y``."""
    level, other = x._place.level, y._place.level
    return level is not None and (other is None or other.depth < level.depth)


def _are_deeper(gradients: Sequence[Any], outputs: Sequence[Any]) -> bool:
    """Whether a gradient belongs to a transform that runs inside of that of its output."""
    found = False
    for g, x in zip(gradients, outputs):
        found = found or (isinstance(g, Value) and isinstance(x, Value) and _is_deeper(g, x))
    return found


def _records(outputs: Sequence[Any], recorded: bool) -> bool:
    """Whether what a walk from ``outputs`` computes, its hooks included, is recorded.

    Where it is not to be, raw arrays of a transform still are tensors of the level below, where recording goes on.
    """
    if recorded or not outputs or not isinstance(outputs[0], Value):
        return recorded
    first: Value = outputs[0]
    return first._kind.place.level is not None and grad_enabled.get()


def _run(
    outputs: Sequence[Any],
    gradients: Sequence[Any],
    inputs: Sequence[Any] | None,
    *,
    keep: bool,
    taped: bool,
) -> dict[Any, Any]:
    """The walk; each leaf or input reached, with its gradient: raw, or a tensor where ``taped``.

    What is recorded is taped. So is what must go on in a transform: that takes the road of tensors, too.
    """
    large = False
    for g in gradients:
        if isinstance(g, Value) and is_large(g._data):
            large = True
    seeds = _seeds(outputs, gradients, taped)
    only: frozenset[Any] | None = None
    captures: dict[Node, list[Hook]] | None = None
    if inputs is not None:
        targets: list[Any] = []
        for x in inputs:
            where = None if x._node is LEAF else place_in_graph(x)  # most are leaves, which need no call
            targets.append(edge_of(x) if where is None else where[0])
            if where is not None:
                captures = {} if captures is None else captures
                captures.setdefault(where[0], []).append(Capture(where[1], x))
        only = leading_to([edge for edge, _ in seeds], targets)
    first: Value = outputs[0]
    place = first._kind.place
    scope = place.backend.walk_scope() or nullcontext()
    plain = taped or not scoped_types
    with scope:
        return walk(
            seeds,
            add=add if plain else add_raw,
            iadd=add if taped else iadd if plain else iadd_raw,
            add_large=None if taped else add_large,
            large=large and not taped,
            taped=taped,
            keep=keep,
            only=only,
            captures=captures,
            around=_watch.pulled if _watch.count and _watch.watchers.get() else None,
        )


_refcount = getattr(sys, "getrefcount", lambda x: sys.maxsize)


def _alone() -> int:
    """What :func:`_finished` counts for what nobody else holds; without reference counts (PyPy) that is never so."""
    raw = {None: object()}.pop(None)
    return _refcount(raw) if hasattr(sys, "getrefcount") else 0


_ALONE = _alone()


def _finished(x: Value, ends: dict[Any, Any], taped: bool, key: Any = None) -> Value:
    """What the walk brought for ``x``, taken out of ``ends``: a tensor in memory of its own, seen by a leaf's hooks."""
    key = x if key is None else key
    if taped:
        g = ends.pop(key)
    else:
        kind: Kind = x._kind
        place: Place = kind.place
        raw: Any = ends.pop(key)
        # given away where nobody else holds it, such as another leaf's gradient, a saved value or the caller's seed
        alone = _refcount(raw) <= _ALONE and type(raw) is place.array_type and place.owns_memory(raw)
        if not alone:
            raw = place.backend.copy(place.wrap(raw))
        if kind.short and raw.dtype is kind.raw_dtype and type(raw) is place.array_type:
            g = of_kind(raw, kind)
        else:
            g = cast(make(raw, place), kind.dtype)
    meta: Meta | None = x._meta
    if meta is not None and meta.hooks and x._node is LEAF:
        for hook in tuple(meta.hooks):
            if not isinstance(hook, AfterAccumulation):
                g = hook(g, ends)
    return g  # type: ignore[no-any-return]


def _after(ends: dict[Any, Any]) -> None:
    """Call what waits for the end of the walk."""
    for function in ends.get(AFTERWARDS, ()):
        function()


def _accumulate(x: Value, g: Value, taped: bool) -> None:
    """Add ``g`` to ``x.grad``: into its memory; where the walk was recorded, as a new tensor on the tape.

    The gradient that is kept of what is no leaf is a new tensor, too, as in PyTorch.
    """
    meta: Meta = meta_of(x)
    old: Value | None = meta.grad
    if old is None:
        # hooks have seen it, or it is theirs; and recorded, it may be another's gradient, or the caller's seed
        meta.grad = apply(TABLE["clone"], (g,), {}) if taped or meta.hooks else g
    elif taped or x._node is not LEAF:
        meta.grad = apply(TABLE["add"], (old, g), {})
    else:
        place = old._place
        add = place.in_place.get("add") if old._dtype is g._dtype else None
        family = before_write(old)
        if family.scattered or family.lent or not place.mutable:
            rebind_family(old, None, place.kernels["add"](old._data, g._data))
        elif add is not None:
            add(old._data, g._data)
        else:
            place.backend.setitem(old._data, ..., place.kernels["add"](old._data, g._data))


def backward(
    tensors: Tensor | Sequence[Tensor],
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:
    """Add the gradient of ``tensors`` to the ``.grad`` of the leaves they depend on.

    Parameters
    ----------
    tensors : Tensor or sequence of Tensor
        What to differentiate.
    grad_tensors : Tensor, sequence of Tensor or None
        The vector of the vector-Jacobian product, of the shape of each; may be None for scalars.
    retain_graph : bool, optional
        Keep the graph for another walk. By default as ``create_graph``.
    create_graph : bool
        Record the walk, so that the gradients can be differentiated.
    inputs : Tensor or sequence of Tensor, optional
        Accumulate into these alone. Those that are no leaves retain their gradients from then on.

    Raises
    ------
    RuntimeError
        If a tensor is not on the tape, is no scalar and has no gradient, its gradient does not fit, or the graph was
        freed by an earlier walk. No ``.grad`` has changed then.

    References
    ----------
    ``torch.autograd.backward``.
    """
    outputs = _sequence(tensors)
    gradients = (None,) * len(outputs) if grad_tensors is None else _sequence(grad_tensors)
    wanted = None if inputs is None else _sequence(inputs)
    if wanted is not None:
        if not wanted:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty")
        for i, x in enumerate(wanted):
            if not requires_grad(x):
                raise RuntimeError(f"element {i} of inputs does not require grad, so it cannot receive a gradient")
    keep = create_graph if retain_graph is None else retain_graph
    if _are_deeper(gradients, outputs):
        raise RuntimeError(
            "backward() was given gradients that belong to a transform, such as vmap, and tensors that do not; .grad "
            "cannot hold what comes of it, so use autograd.grad or func.vjp, which return the gradients"
        )
    token = grad_enabled.set(_records(outputs, create_graph))
    try:
        ends = _run(outputs, gradients, wanted, keep=keep, taped=create_graph)
        finished: dict[Value, Value] = {}
        leaf: Value
        for key in list(ends):
            if isinstance(key, Value):
                leaf = key
                # it may have been taken off the tape since it was recorded
                if leaf._node is not None and (wanted is None or any(key is x for x in wanted)):
                    finished[key] = _finished(leaf, ends, create_graph)
            elif type(key) is Retain and (kept := key.tensor()) is not None:
                finished[kept] = _finished(kept, ends, create_graph, key)
        hooked = []
        for leaf, g in finished.items():
            _accumulate(leaf, g, create_graph)
            if leaf._meta is not None and leaf._meta.hooks:
                hooked.append((leaf, g))
        for x in wanted or ():
            retain_grad(x)
        for x, g in hooked:
            for hook in tuple(meta_of(x).hooks or ()):
                if isinstance(hook, AfterAccumulation):
                    hook.after(x, g)
        if AFTERWARDS in ends:
            _after(ends)
    finally:
        grad_enabled.reset(token)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
    is_grads_batched: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``; no ``.grad`` is touched but those that are retained.

    Parameters
    ----------
    outputs, inputs : Tensor or sequence of Tensor
    grad_outputs : Tensor, sequence of Tensor or None
        The vector of the vector-Jacobian product; may be None for scalars.
    retain_graph, create_graph
        As :func:`backward`.
    allow_unused : bool, optional
        Give None for an input that no output depends on, where otherwise that is an error. By default
        ``materialize_grads``.
    materialize_grads : bool
        Give zeros instead of None, which with ``create_graph`` require a gradient.
    is_grads_batched : bool
        The first dimension of each of ``grad_outputs`` counts vectors, for which all products are computed at once, as
        by :func:`gradarray.func.vmap`. It is the first of the results as well.

    Returns
    -------
    tuple of Tensor
        One an input.

    Raises
    ------
    RuntimeError
        As :func:`backward`; and if an input is not on the tape, or unused though that is not allowed.

    References
    ----------
    ``torch.autograd.grad``.
    """
    if is_grads_batched:
        return _batched(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads)
    outs, wanted = _sequence(outputs), _sequence(inputs)
    gradients = (None,) * len(outs) if grad_outputs is None else _sequence(grad_outputs)
    if allow_unused is False and materialize_grads:
        raise ValueError("materialize_grads=True needs allow_unused=True or None, got allow_unused=False")
    for i, x in enumerate(wanted):
        if not requires_grad(x):
            raise RuntimeError(f"One of the differentiated Tensors (number {i}) does not require grad")
    keep = create_graph if retain_graph is None else retain_graph
    taped = create_graph or (grad_outputs is not None and _are_deeper(gradients, outs))
    token = grad_enabled.set(_records(outs, create_graph))
    try:
        ends = _run(outs, gradients, wanted, keep=keep, taped=taped)
        results: list[Any] = []
        found: dict[Value, Value] = {}  # an input may be listed twice
        for i, x in enumerate(wanted):
            if x in ends:
                found[x] = _finished(x, ends, taped)
            if x in found:
                results.append(found[x])
            elif materialize_grads:
                zeros = TAPED.zeros_like(x)
                zeros._node = LEAF if create_graph else None  # as PyTorch's: it has derivatives, and these are zero
                results.append(zeros)
            elif allow_unused:
                results.append(None)
            else:
                raise RuntimeError(
                    f"One of the differentiated Tensors (number {i}) appears to not have been used in the graph. Set "
                    "allow_unused=True if this is the desired behavior."
                )
        if ends:
            for key in tuple(ends):
                if type(key) is Retain and (kept := key.tensor()) is not None:
                    _accumulate(kept, _finished(kept, ends, taped, key), create_graph)
            if AFTERWARDS in ends:
                _after(ends)
        return tuple(results)
    finally:
        grad_enabled.reset(token)


def _batched(outputs: Any, inputs: Any, grad_outputs: Any, *options: Any) -> tuple[Any, ...]:
    """:func:`grad` for a batch of vectors at once.

    Raises
    ------
    RuntimeError
        If there is no vector, or they are not equally many.
    """
    gradients = () if grad_outputs is None else _sequence(grad_outputs)
    sizes = {g._data.shape[0] if isinstance(g, Value) and g._data.shape else None for g in gradients if g is not None}
    if len(sizes) != 1 or None in sizes:
        raise RuntimeError(
            "is_grads_batched=True needs grad_outputs, each a Tensor with the batch as its first dimension, all of one "
            f"length; got {', '.join(str(list(g._data.shape)) for g in gradients if isinstance(g, Value)) or 'none'}"
        )
    level = VmapLevel(int(sizes.pop()), "error")  # type: ignore[arg-type]
    with level:
        seeds = [None if g is None else level.batch(g) for g in gradients]
        found = grad(outputs, inputs, seeds, *options)
        pairs = [None if g is None else level.split(g) for g in found]
    return tuple(
        None if p is None else p[0] if p[1] else TAPED.broadcast_to(p[0], shape=(level.size, *p[0]._data.shape))
        for p in pairs
    )
