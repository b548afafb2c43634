"""Writing to tensors: memory, history, and everybody who sees either.

Knows dispatch and storage. Must not know what any operation means.

A write through a view is a write to its base: the base's history becomes :class:`_CopySlices` of what it was and of
what was written, and the history of every view of it is made again from the base. Where memory cannot be written to,
the base gets a new array, and every alias is made from it again in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradarray import _state, _watch
from gradarray._dispatch import (
    TAPED,
    ShapeError,
    apply,
    broadcast_shape,
    cast,
    edge_of,
    grad_enabled,
    make,
    transfer,
)  # fmt: skip
from gradarray._engine import Masked
from gradarray._nodes import NamedOp, OpNode, new_node
from gradarray._place import Place, Slotted, fill, place_of
from gradarray._primitive import TABLE
from gradarray._storage import LEAF, Step, Value, before_write, family_of, meta_of, rebind
from gradarray.backends import Array
from gradarray.ops._helpers import sum_to


class _CopySlices(NamedOp):
    """A write through a view: the base after it, as a function of the base before and of what was written.

    ``params``: ``steps`` lead from the base to what was written over, the last being perhaps an index; ``shape`` is the
    base's, ``written`` that of what was written.
    """

    __slots__ = ()

    def pull(self, node: OpNode, g: Any) -> Sequence[Any]:
        place, (base, value), steps = node.place, node.edges, node.params["steps"]
        g = make(place.wrap(g), place)
        token = _state.grad_enabled.set(_below(place))
        try:
            kept = None
            if base is not None:
                kept = _zeroed(g, steps) if place.mutable else self._kept(node, g)
            written = None if value is None else self._taken(node, g)
        finally:
            _state.grad_enabled.reset(token)
        return Masked((None if kept is None else kept._data, None if written is None else written._data))

    def pull_taped(self, node: OpNode, g: Any) -> Sequence[Any]:
        base, value = node.edges
        kept, written = None if base is None else self._kept(node, g), None if value is None else self._taken(node, g)
        return Masked((kept, written))

    def _kept(self, node: OpNode, g: Value) -> Value:
        """``g`` but for what was overwritten, recorded."""
        mask = make(_mask(node.place, node.params["shape"], node.params["steps"]), node.place)
        return TAPED.where(mask, TAPED.zeros_like(g), g)  # type: ignore[no-any-return]

    def _taken(self, node: OpNode, g: Value) -> Value:
        """``g`` of what was overwritten, in the shape of what was written."""
        written, shape = replay(g, node.params["steps"]), node.params["written"]
        extra = max(len(shape) - len(written._data.shape), 0)  # leading ones, which an assignment ignores
        written = sum_to(TAPED, written, shape[extra:])
        return TAPED.reshape(written, shape=shape) if extra else written  # type: ignore[no-any-return]


_COPY_SLICES = _CopySlices("CopySlices")


def _below(place: Place) -> bool:
    """Whether raw computing on ``place`` may record: the arrays of a transform are tensors of the level below it."""
    return place.level is not None and grad_enabled()


def replay(x: Value, steps: Sequence[Step]) -> Value:
    """The view of ``x`` that ``steps`` lead to; a copy where the memory of ``x`` lies otherwise than the base's did."""
    for record, params in steps:
        indices = params.get("indices", ())
        rest = {k: v for k, v in params.items() if k != "indices"}
        try:
            x = apply(record, (x, *indices), rest)
        except ShapeError:
            if record.name != "view":
                raise
            x = apply(TABLE["reshape"], (x,), params)
    return x


# Steps that give a view of any memory, however it lies.
_ALWAYS_VIEWS = frozenset(("getitem", "permute_dims", "transpose", "matrix_transpose", "expand_dims", "squeeze"))

_INDEXING = ("getitem", "index")


def _zeroed(g: Value, steps: Sequence[Step]) -> Value:
    """A copy of ``g`` with zeros where ``steps`` lead to, made by a write."""
    place = g._place
    last = steps[-1] if steps and steps[-1][0].name == "index" else None  # gives no view
    path = steps if last is None else steps[:-1]
    if not all(record.name in _ALWAYS_VIEWS and not place.copies(params) for record, params in path):
        mask = make(_mask(place, g._data.shape, steps), place)
        return TAPED.where(mask, TAPED.zeros_like(g), g)  # type: ignore[no-any-return]
    out = make(place.backend.copy(g._data), place, g._dtype)
    zero = place.kernels["zeros"]((), dtype=place.to_raw_dtype(g._dtype))
    _store(place, replay(out, path)._data, last, zero)
    return out


def _mask(place: Place, shape: tuple[int, ...], steps: Sequence[Step]) -> Array:
    """True where a write through ``steps`` goes."""
    token = _state.grad_enabled.set(False)
    try:
        boolean = place.raw_dtype["bool"]
        nothing = make(place.kernels["zeros"](shape, dtype=boolean), place)
        written = () if steps and steps[-1][0].name in _INDEXING else replay(nothing, steps)._data.shape
        return _through(nothing, steps, place.kernels["ones"](written, dtype=boolean))
    finally:
        _state.grad_enabled.reset(token)


def _through(x: Value, steps: Sequence[Step], raw: Array) -> Array:
    """The array of ``x`` with ``raw`` written where ``steps`` lead: into the last view, that into the one before.

    A step that is no index only arranges the elements in another way: its transpose puts them back.
    """
    if not steps:
        return raw
    place, befores = x._place, [x]
    for step in steps[:-1]:
        befores.append(replay(befores[-1], [step]))
    for before, step in zip(reversed(befores), reversed(steps), strict=True):
        record, params = step
        if record.name in _INDEXING:
            raw = _store(place, before._data, step, raw)
        else:
            assert record.rules is not None
            node = OpNode()
            node.place, node.params, node.shapes, node.saved = place, params, (before._data.shape,), ()
            (raw,) = record.rules.raw(node, raw)
    return raw


def check_writable(x: Value, name: str) -> None:
    """Refuse a write to a leaf that requires a gradient, or to a view of one, while gradients are recorded.

    Raises
    ------
    RuntimeError
        As PyTorch does.
    """
    if not grad_enabled():
        return
    root = x._meta.root if x._meta is not None else None
    if x._node is LEAF:
        raise RuntimeError(
            f"{name}: a leaf Variable that requires grad is being used in an in-place operation. Update it inside "
            "`with gradarray.no_grad():`, or work on x.clone()"
        )
    if x._meta is None:
        return
    if x._meta.refuses is not None and (x._node is not None or (root is not None and root._node is not None)):
        raise RuntimeError(f"{name}: {x._meta.refuses}")
    if root is not None and root._node is LEAF:
        raise RuntimeError(
            f"{name}: a view of a leaf Variable that requires grad is being used in an in-place operation. Update it "
            "inside `with gradarray.no_grad():`, or work on x.clone()"
        )


def from_inside(name: str, given: Value, what: str) -> RuntimeError:
    """The error where a tensor meets, in being written to, one of a transform that it is outside of."""
    return RuntimeError(
        f"{name}: a tensor from outside of {given._place.level} cannot {what} that changes inside of it. "
        "Write to a copy made inside, such as x.clone(), or make the tensor there"
    )


def write(x: Value, value: Value, name: str, key: Step | None = None, *, uniform: bool = False) -> Value:
    """Overwrite ``x`` (or, with ``key``, the part of it that this indexing step leads to) with ``value``; ``x``.

    The memory changes, aliases see it, and history is rewritten as PyTorch does: ``x``, its base and all its views
    become functions of ``value``, whose elements are all the same if it is ``uniform``.

    Raises
    ------
    RuntimeError
        For a leaf that requires a gradient; nothing has changed then.
    """
    check_writable(x, name)
    place = x._place
    value = cast(transfer(value, place), x._dtype)
    if value._place is not place:
        raise from_inside(name, value, "take a value")
    meta = x._meta
    root = None if meta is None or meta.blind else meta.root
    recording = grad_enabled() and (
        value._node is not None or x._node is not None or (root is not None and root._node is not None)
    )
    if recording and meta is not None and meta.refuses is not None:
        raise RuntimeError(f"{name}: {meta.refuses}")
    if meta is not None and any(record.name == "broadcast_to" for record, _ in meta.steps):
        return _write_repeated(x, value, name, key, recording, uniform)
    steps: tuple[Step, ...] = () if key is None else (key,)
    raw_value = _broadcastable(x, value, key, name)
    family = before_write(x)
    try:
        if place.mutable and not family.scattered and not family.lent:
            _store(place, x._data, key, raw_value)
        else:
            rebind_family(x, key, raw_value)
    except Exception as error:
        family.version -= 1
        if isinstance(error, ValueError | TypeError):
            raise _unwritable(x, value, key, name, error) from error
        raise
    if recording:
        _rewrite(x, value, steps, root)
    return x


def rewrite(x: Value, value: Value) -> None:
    """Make ``x``, its base and all its views functions of ``value``, whose array is in the memory of ``x`` already.

    Raises
    ------
    RuntimeError
        As :func:`check_writable`.
    """
    meta = x._meta
    _rewrite(x, value, (), None if meta is None or meta.blind else meta.root)


def _rewrite(x: Value, value: Value, steps: tuple[Step, ...], root: Value | None) -> None:
    if root is None:
        rewritten(x, _written(x, x, value, steps) if steps else edge_of(value))
        _refresh(x)
    else:
        assert x._meta is not None
        rewritten(root, _written(root, root, value, x._meta.path + steps))
        _refresh(root)


def rewritten(x: Value, node: Any) -> None:
    """Give ``x`` the history ``node``; what retains its gradient follows."""
    x._node = node
    if x._meta is not None and x._meta.retains is not None:
        x._meta.retains.follow(x)


def _write_repeated(x: Value, value: Value, name: str, key: Step | None, recording: bool, uniform: bool) -> Value:
    """The write to a view of what was expanded: to its base, at the positions that the view shows.

    Raises
    ------
    RuntimeError
        Where it shows one position twice, and ``value`` is not ``uniform``.
    """
    meta = meta_of(x)
    through = recording and meta.root is not None  # then history is rewritten at the root, else in x alone
    target, path = (meta.root, meta.path) if through else (meta.base, meta.steps)
    assert target is not None
    cpu, length = place_of("cpu"), math.prod(target._data.shape)
    token = _state.grad_enabled.set(False)
    try:
        steps = path if key is None else (*path, (key[0], _on_host(key[1])))
        numbers = apply(TABLE["reshape"], (make(np.arange(length), cpu),), {"shape": tuple(target._data.shape)})
        positions = replay(numbers, steps)._data
    finally:
        _state.grad_enabled.reset(token)
    unique, first = np.unique(positions, return_index=True)
    if not uniform and len(unique) != positions.size:
        raise ShapeError(f"{name}: {_REPEATED}")
    at = _index_step(np.unravel_index(unique, target._data.shape), x._place) if target._data.shape else None
    token = _state.grad_enabled.set(through)
    try:
        picked = TAPED.reshape(TAPED.broadcast_to(value, shape=tuple(positions.shape)), shape=(-1,))
        picked = replay(picked, [_index_step((first,), x._place)])
        write(target, picked if at is not None else TAPED.reshape(picked, shape=()), name, at)
    finally:
        _state.grad_enabled.reset(token)
    if recording and not through:
        rewritten(x, _written(x, x, value, () if key is None else (key,)))
        _refresh(x)
    return x


def _on_host(params: dict[str, Any]) -> dict[str, Any]:
    return {**params, "indices": tuple(transfer(i, place_of("cpu")) for i in params.get("indices", ()))}


def _index_step(indices: Sequence[Any], place: Place) -> Step:
    """The step that leads to what ``indices``, NumPy's arrays, one a dimension, point at."""
    arrays = tuple(make(place.kernels["asarray"](i, dtype=place.raw_dtype[place.integer.name]), place) for i in indices)
    return TABLE["index"], {"key": tuple(Slotted(i) for i in range(len(arrays))), "indices": arrays}


_REPEATED = (
    "unsupported operation: more than one element of the tensor may refer to a single memory location, as after "
    "expand(), or its memory is read-only. Work on x.clone()"
)


def _unwritable(x: Value, value: Value, key: Step | None, name: str, error: Exception) -> ShapeError:
    """Why a write did not go: shapes, or memory that may not be written to."""
    if "read-only" in str(error):
        return ShapeError(f"{name}: {_REPEATED}")
    where = "" if key is None else " indexed"
    return ShapeError(
        f"{name}: shape mismatch: value tensor of shape {list(value._data.shape)} cannot be broadcast to a tensor of "
        f"shape {list(x._data.shape)}{where} ({error})"
    )


def _broadcastable(x: Value, value: Value, key: Step | None, name: str) -> Array:
    """``value``'s array, if it fits where it is to go."""
    raw = value._data
    if key is None and raw.shape != x._data.shape and broadcast_shape(x._data.shape, raw.shape) != x._data.shape:
        raise ShapeError(
            f"{name}: output with shape {list(x._data.shape)} doesn't match the broadcast shape {list(raw.shape)}"
        )
    return raw


def _store(place: Place, target: Array, key: Step | None, raw: Array) -> Array:
    where: Any = ... if key is None else _raw_key(key)
    if place.scope is None:
        return place.held(place.backend.setitem(target, where, raw), "setitem")
    with place.scope():
        return place.held(place.backend.setitem(target, where, raw), "setitem")


def _raw_key(step: Step) -> Any:
    params = step[1]
    return fill(params["key"], [i._data for i in params.get("indices", ())])


def _written(base: Value, old: Value, value: Value, steps: tuple[Step, ...]) -> OpNode:
    params = {"shape": base._data.shape, "steps": steps, "written": value._data.shape}
    node = new_node(_COPY_SLICES, (edge_of(old), edge_of(value)), base._place, params)
    if _watch.count:
        _watch.recorded(node)
    return node


def _refresh(root: Value) -> None:
    """Rewrite the history of every view of ``root``, whose node is new."""
    family = root._meta.family if root._meta is not None else None
    if family is None:
        return
    for view in family.alive():
        meta = view._meta
        if meta is not None and meta.root is root and not meta.blind:
            rewritten(view, replay(root, meta.path)._node if meta.path else root._node)


def settle(x: Value) -> None:
    """Give ``x`` and its aliases memory that nobody else reads, before it is shown to who may write to it."""
    if x._meta is not None and x._meta.family is not None and x._meta.family.lent:
        rebind_family(x, None, x._data)


def rebind_family(x: Value, key: Step | None, raw: Array) -> None:
    """Write where memory cannot be written to: the base gets a new array, and every alias is made from it again.

    So too where it can, but an alias has memory of its own (the base's is then written to), or the base's is lent.
    """
    place = x._place
    meta = meta_of(x)
    base = x if meta.base is None else meta.base
    steps = meta.steps if key is None else (*meta.steps, key)
    if key is None:
        raw = place.xp.broadcast_to(raw, shape=x._data.shape)
    token = _state.grad_enabled.set(_below(place))
    try:
        family = family_of(base)
        before = base._data
        if place.mutable and family.lent:
            before = place.backend.copy(before)
        new = _through(make(before, place, base._dtype), steps, raw)
        if place.mutable:
            new = _store(place, before, None, new)
            family.lent = False
        rebind(base, new)
        for member in family.alive():
            steps = member._meta.steps if member._meta is not None else ()
            if member is not base:
                fresh = make(new, place, base._dtype)
                rebind(member, replay(fresh, steps)._data)
    finally:
        _state.grad_enabled.reset(token)
