"""Forward mode as a place: an array is a value with its tangent.

Knows levels and records. Each operation runs once on the values and, by its record's ``jvp``, once on the tangents;
a tangent of None is zero, and costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from gradarray._dispatch import TAPED, apply, common_place, make, transfer
from gradarray._inplace import write
from gradarray._levels import Level, LevelPlace, Opaque, short
from gradarray._place import Slotted
from gradarray._primitive import TABLE, Primitive
from gradarray._storage import Value


class Dual(Opaque):
    """A value and its tangent, tensors of the level below; None where the tangent is zero."""

    __slots__ = ("primal", "tangent")

    def __init__(self, place: LevelPlace, primal: Value, tangent: Value | None) -> None:
        self.place, self.primal, self.tangent = place, primal, tangent

    @property
    def shape(self) -> tuple[int, ...]:
        return self.primal._data.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        return self.primal._dtype

    def __repr__(self) -> str:
        return f"Dual(primal={self.primal!r}, tangent={self.tangent!r})"


class JvpLevel(Level):
    """Forward mode while it runs."""

    name = "jvp"
    array_type = Dual

    def dual(self, primal: Value, tangent: Value | None) -> Any:
        """A tensor of this level with a tangent."""
        place = self.over(primal._place.ground)
        tangent = transfer(tangent, place.below) if isinstance(tangent, Value) else tangent
        return make(Dual(place, transfer(primal, place.below), tangent), place, primal._dtype)

    def split(self, x: Value) -> tuple[Value, Value | None]:
        """The value and the tangent of a tensor; of one of another level itself and None."""
        return self.parts(x._data) if x._place.level is self else (x, None)

    def constant(self, value: Value, place: LevelPlace) -> Dual:
        return Dual(place, value, None)

    def parts(self, raw: Dual) -> tuple[Any, Any]:
        return raw.primal, raw.tangent

    def rebuilt(self, raw: Dual, place: LevelPlace, parts: tuple[Any, ...]) -> Dual:
        return Dual(place, *parts)

    def detached(self, raw: Any) -> Opaque:
        return super().detached(Dual(raw.place, raw.primal, None))  # as in PyTorch, the tangent goes too

    def kernel(self, place: LevelPlace, record: Primitive) -> Callable[..., Any]:
        defaults, road = record.defaults, short(record)

        def run(*xs: Any, **params: Any) -> Any:
            self.check()
            given: Any = xs[0] if record.listed else xs
            params = {**defaults, **params}
            primals = [x.primal if type(x) is Dual else x for x in given]
            tangents = [x.tangent if type(x) is Dual else None for x in given]
            out: Any = apply(record, primals, params) if road is None else road(*primals)
            outs = (out,) if record.outputs == 1 else out
            moved: Sequence[Any] = (None,) * len(outs)
            if record.jvp is not None and any(t is not None for t in tangents):
                rule = record.jvp

                def along(ts: Sequence[Any]) -> Sequence[Any]:
                    with place.below.backend.walk_scope() or nullcontext():
                        found = rule(TAPED, ts, primals, out, params)
                    return (found,) if record.outputs == 1 else found

                moved = self.push(along, tangents, len(outs))
            made = tuple(Dual(place, o, t if o._dtype.kind in "fc" else None) for o, t in zip(outs, moved, strict=True))
            return made[0] if record.outputs == 1 else made

        return run

    def push(
        self, along: Callable[[Sequence[Any]], Sequence[Any]], tangents: Sequence[Any], outputs: int
    ) -> Sequence[Any]:
        """The tangents of outputs, by what is linear in those of the inputs, of which not all are None."""
        return along(tangents)

    def setitem(self, place: LevelPlace, target: Any, key: Any, value: Any) -> Dual:
        step = _step(key)
        primal = _written(target.primal, step, value.primal)
        if target.tangent is None and value.tangent is None:
            return Dual(place, primal, None)

        def along(ts: Sequence[Any]) -> Sequence[Any]:
            old, new = (
                TAPED.zeros_like(x.primal) if t is None else t for x, t in zip((target, value), ts, strict=True)
            )
            return (_written(old, step, new),)

        return Dual(place, primal, self.push(along, (target.tangent, value.tangent), 1)[0])


class LinearLevel(JvpLevel):
    """Forward mode that notes what is to be done to tangents, for each of which a number stands until then."""

    name = "linearize"

    def __init__(self) -> None:
        super().__init__()
        self._notes: list[tuple[Callable[[Sequence[Any]], Sequence[Any]], tuple[Any, ...], range]] = []
        self._count = 0

    def input(self, primal: Value) -> Any:
        """A tensor of this level with a tangent to come: the next of those that :meth:`play` is given."""
        place = self.over(primal._place.ground)
        made = make(Dual(place, transfer(primal, place.below), self._count), place, primal._dtype)  # type: ignore[arg-type]
        self._count += 1
        return made

    def push(
        self, along: Callable[[Sequence[Any]], Sequence[Any]], tangents: Sequence[Any], outputs: int
    ) -> Sequence[Any]:
        made = range(self._count, self._count + outputs)
        self._count += outputs
        self._notes.append((along, tuple(tangents), made))
        return made

    def moved(self, raw: Any, target: Any) -> Opaque:
        tangent = raw.tangent
        if tangent is not None:
            (tangent,) = self.push(lambda ts: (transfer(ts[0], target.below),), (tangent,), 1)
        return Dual(target, transfer(raw.primal, target.below), tangent)

    def play(self, tangents: Sequence[Any]) -> dict[int, Any]:
        """The tangent of each number, for those of the inputs."""
        found: dict[Any, Any] = {None: None, **dict(enumerate(tangents))}
        for along, given, made in self._notes:
            ts = [found[t] for t in given]
            if any(t is not None for t in ts):
                found.update(zip(made, along(ts), strict=True))
            else:
                found.update(dict.fromkeys(made))
        return found


def _written(target: Value, step: Any, value: Value) -> Value:
    copy = TAPED.clone(transfer(target, common_place("__setitem__", (target, value))))
    return write(copy, value, "__setitem__", step)


def _step(key: tuple[Any, ...]) -> Any:
    """The step that leads to what ``key`` (which may hold arrays) selects, on the level below."""
    arrays = [k for k in key if isinstance(k, Opaque)]
    if not arrays:
        return None if key == (...,) else (TABLE["getitem"], {"key": key})
    count = iter(range(len(arrays)))
    parts = tuple(Slotted(next(count)) if isinstance(k, Opaque) else k for k in key)
    indices = tuple(k.place.level.parts(k)[0] for k in arrays)
    return TABLE["index"], {"key": parts, "indices": indices}
