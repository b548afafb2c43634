"""``vmap`` as a place: an array carries a hidden batch dimension.

Knows levels, records, and what the kinds of batching rules do to shapes. A record's ``batch`` is one of these kinds:

``"elementwise"``
    inputs broadcast against each other, the batch dimension in front of all
``"axes"``
    it works along the dimensions that ``axis`` or ``axes`` name, which stand one further on
``"leading"``
    it works on the last dimensions, stacked along those before; a ``shape`` it is given is the whole one
``"shape"``
    it gives the ``shape`` it is given, which gets the batch in front
``"independent"``
    its result depends on no value

Any other has a rule of its own, which stands with the record.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from gradarray._dispatch import TAPED, apply, make, transfer
from gradarray._inplace import write
from gradarray._levels import Level, LevelPlace, Opaque, short
from gradarray._place import Slotted
from gradarray._primitive import TABLE, Primitive
from gradarray._storage import Value
from gradarray.ops._batching import aligned, laid_out, stacked

Params = dict[str, Any]


class Batched(Opaque):
    """A tensor of the level below whose first dimension is hidden, or, where not ``batched``, one that all share."""

    __slots__ = ("batched", "value")

    def __init__(self, place: LevelPlace, value: Value, batched: bool) -> None:
        self.place, self.value, self.batched = place, value, batched

    @property
    def shape(self) -> tuple[int, ...]:
        shape = self.value._data.shape
        return tuple(shape[1:]) if self.batched else shape

    @property
    def dtype(self) -> Any:
        return self.value._dtype

    def __repr__(self) -> str:
        return f"Batched(lvl={self.place.level.depth}, bdim={0 if self.batched else None}, value={self.value!r})"


class NoOneValue(RuntimeError, TypeError):
    """A Python value was asked for where each element of the batch has its own."""


class VmapLevel(Level):
    """``vmap`` while it runs.

    Attributes
    ----------
    size : int
        Of the batch.
    randomness : {"error", "different", "same"}
    """

    name = "vmap"
    array_type = Batched
    lazy = True  # an index that is a tensor stays one

    def __init__(self, size: int, randomness: str) -> None:
        super().__init__()
        self.size, self.randomness = size, randomness

    def batch(self, value: Value) -> Any:
        """A tensor of this level, of one with the batch as its first dimension."""
        place = self.over(value._place.ground)
        return make(Batched(place, transfer(value, place.below), True), place, value._dtype)

    def split(self, x: Value) -> tuple[Value, bool]:
        """The tensor of the level below, and whether its first dimension is the batch."""
        if x._place.level is not self:
            return x, False
        raw: Any = x._data
        return raw.value, raw.batched

    def constant(self, value: Value, place: LevelPlace) -> Batched:
        return Batched(place, value, False)

    def parts(self, raw: Any) -> tuple[Any, ...]:
        return (raw.value,)

    def rebuilt(self, raw: Any, place: LevelPlace, parts: tuple[Any, ...]) -> Batched:
        return Batched(place, parts[0], raw.batched)

    def draws(self) -> int | None:
        if self.randomness == "error":
            raise RuntimeError(
                "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
                "'different' randomness flags on vmap or perform the randomness operation out of vmap"
            )
        return self.size if self.randomness == "different" else None

    def random(self, value: Value, place: LevelPlace) -> Batched:
        return Batched(place, value, self.randomness == "different")

    def host(self, raw: Any) -> Any:
        if raw.batched:
            raise NoOneValue(
                "vmap: a value was asked for (by item(), float(), bool() in an if, numpy()) of a tensor that has "
                f"{self.size} of them, one for each element of the batch. Use gradarray.where instead of if, and leave "
                "the tensor a tensor"
            )
        return super().host(raw)

    def kernel(self, place: LevelPlace, record: Primitive) -> Callable[..., Any]:
        road = short(record)
        if road is not None:
            return self._unary(place, road) if record.inputs == 1 else self._binary(place, road)
        rule = record.batch if callable(record.batch) else KINDS.get(record.batch)
        defaults = record.defaults

        def run(*xs: Any, **params: Any) -> Any:
            self.check()
            given: Any = xs[0] if record.listed else xs
            params = {**defaults, **params}
            values = [x.value if type(x) is Batched else x for x in given]
            which = [type(x) is Batched and x.batched for x in given]
            batched = any(which)
            if not batched:
                out: Any = apply(record, values, params)
            elif callable(record.batch):
                out = record.batch(TAPED, values, which, self.size, params)
            elif rule is None:
                raise NotImplementedError(f"{record.name} has no batching rule; give its record a batch=")
            else:
                out = rule(record, values, which, self.size, params)
                batched = record.batch != "independent"
            if record.outputs == 1:
                return Batched(place, out, batched)
            return tuple(Batched(place, o, batched) for o in out)

        return run

    def _unary(self, place: LevelPlace, road: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            if not self.alive:
                self.check()
            return Batched(place, road(x.value), x.batched)

        return run

    def _binary(self, place: LevelPlace, road: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        def run(x1: Any, x2: Any) -> Any:
            if not self.alive:
                self.check()
            which1 = which2 = False
            n1 = n2 = 0
            if type(x1) is Batched:
                which1, x1 = x1.batched, x1.value
                n1 = len(x1._data.shape) - which1
            if type(x2) is Batched:
                which2, x2 = x2.batched, x2.value
                n2 = len(x2._data.shape) - which2
            if (which1 and n1 < n2) or (which2 and n2 < n1):
                x1, x2 = aligned(TAPED, (x1, x2), (which1, which2), max(n1, n2))
            return Batched(place, road(x1, x2), which1 or which2)

        return run

    def setitem(self, place: LevelPlace, target: Any, key: Any, value: Any) -> Batched:
        indices = [k for k in key if isinstance(k, Opaque)]
        which = [x.batched for x in (target, value, *indices)]
        if not any(which):
            return Batched(place, _written(target.value, key, [i.value for i in indices], value.value), False)  # type: ignore[attr-defined]
        copy = stacked(TAPED, target.value, self.size, which[0])
        if key == (...,):
            (new,) = aligned(TAPED, [value.value], which[1:2], len(target.shape))
            return Batched(place, write(TAPED.clone(copy), new, "__setitem__"), True)
        alone = len(indices) == 1 and key[0] is indices[0] and all(k is ... for k in key[1:])
        if alone and indices[0].dtype.kind == "b" and not value.shape:
            return Batched(place, self._masked(copy, indices[0], value), True)
        count = iter(range(len(indices)))
        parts = tuple(Slotted(next(count)) if isinstance(k, Opaque) else k for k in key)
        selected = place.kernels["index" if indices else "getitem"](target, *indices, key=parts)
        (new,) = aligned(TAPED, [value.value], which[1:2], len(selected.shape))
        shape = (self.size, *selected.shape)
        new = new if which[1] else new[None, ...] if len(new._data.shape) < len(shape) else new
        new = TAPED.broadcast_to(new, shape=shape)
        arrays = [i.value for i in indices]  # type: ignore[attr-defined]
        filled, order = laid_out(TAPED, parts, arrays, which[2:], self.size, len(target.shape), len(selected.shape))
        new = new if order is None else TAPED.permute_dims(new, axes=order)
        step = TABLE["index" if filled[1] else "getitem"], {"key": filled[0], "indices": tuple(filled[1])}
        return Batched(place, write(TAPED.clone(copy), new, "__setitem__", step), True)

    def _masked(self, copy: Value, mask: Any, value: Any) -> Value:
        """A write of one number through a mask, which may differ along this batch or one further down."""
        ndim, shape = len(copy._data.shape), mask.value._data.shape
        missing = ndim - len(shape) - (not mask.batched)
        where = TAPED.reshape(mask.value, shape=(*shape, *(1,) * missing)) if missing else mask.value
        (new,) = aligned(TAPED, [value.value], [value.batched], ndim - 1)
        return TAPED.where(where, new, copy)  # type: ignore[no-any-return]


def _written(target: Value, key: tuple[Any, ...], arrays: Sequence[Value], value: Value) -> Value:
    if key == (...,):
        return write(TAPED.clone(target), value, "__setitem__")
    count = iter(range(len(arrays)))
    parts = tuple(Slotted(next(count)) if isinstance(k, Opaque) else k for k in key)
    params: Params = {"key": parts, "indices": tuple(arrays)} if arrays else {"key": parts}
    return write(TAPED.clone(target), value, "__setitem__", (TABLE["index" if arrays else "getitem"], params))


# -- the kinds of rules ------------------------------------------------------------------------------------------------


def _ndim(x: Any, batched: bool) -> int:
    return len(x._data.shape) - batched if isinstance(x, Value) else 0


def _elementwise(record: Primitive, xs: Sequence[Any], which: Sequence[bool], size: int, params: Params) -> Any:
    ndim = max(_ndim(x, b) for x, b in zip(xs, which, strict=True))
    return apply(record, aligned(TAPED, xs, which, ndim), params)


def _leading(record: Primitive, xs: Sequence[Any], which: Sequence[bool], size: int, params: Params) -> Any:
    if "shape" in params:
        params = {**params, "shape": (size, *params["shape"])}
    return apply(record, [stacked(TAPED, x, size, b) for x, b in zip(xs, which, strict=True)], params)


def _shape(record: Primitive, xs: Sequence[Any], which: Sequence[bool], size: int, params: Params) -> Any:
    return apply(record, xs, {**params, "shape": (size, *params["shape"])})


_ADDS_A_DIMENSION = ("expand_dims", "stack")
_FLATTENS = ("argmax", "argmin", "roll")  # where axis is None; the others then work along all axes


def _axes(record: Primitive, xs: Sequence[Any], which: Sequence[bool], size: int, params: Params) -> Any:
    xs = [stacked(TAPED, x, size, b) for x, b in zip(xs, which, strict=True)] if len(xs) > 1 else xs
    ndim = len(xs[0]._data.shape) - 1
    name = "axes" if "axes" in params else "axis"
    axis = params[name]
    shape = xs[0]._data.shape
    if axis is None and record.name in _FLATTENS:
        flat = TAPED.reshape(xs[0], shape=(size, math.prod(shape[1:])))
        out = apply(record, [flat], {**params, "axis": 1})
        if record.name == "roll":
            return TAPED.reshape(out, shape=shape)
        return TAPED.reshape(out, shape=(size, *(1,) * ndim)) if params["keepdims"] else out
    if not ndim and record.name not in _ADDS_A_DIMENSION and name == "axis":  # 0-d: along a dimension of length 1
        one = TAPED.reshape(xs[0], shape=(size, 1))
        return TAPED.reshape(apply(record, [one], {**params, "axis": 1}), shape=(size,))
    n = ndim + 1 if record.name in _ADDS_A_DIMENSION else ndim
    if axis is None:
        moved: Any = tuple(range(1, n + 1))
    else:
        moved = axis % n + 1 if isinstance(axis, int) else tuple(a % n + 1 for a in axis)
    if record.name in ("permute_dims", "transpose"):
        moved = (0, *moved)
    return apply(record, xs, {**params, name: moved})


def _independent(record: Primitive, xs: Sequence[Any], which: Sequence[bool], size: int, params: Params) -> Any:
    return apply(record, xs, params)


KINDS: dict[str, Callable[..., Any]] = {
    "elementwise": _elementwise,
    "axes": _axes,
    "leading": _leading,
    "shape": _shape,
    "independent": _independent,
}
