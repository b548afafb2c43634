"""Transforms as places: a tensor's array may stand for something else that is made of tensors one level below.

Knows dispatch, and the arrays of transforms as opaque values. Must not know what any transform does with them.

While ``vmap`` or ``jvp`` runs a function, that is a :class:`Level`. The function's tensors lie on a
:class:`LevelPlace`, where an array is an :class:`Opaque`: a batch, or a value with its tangent, each made of tensors of
the level below. A kernel there runs the same operation on those, through dispatch, and so on down to the ground, where
arrays are a backend's. The tape of such tensors is the ordinary one: a rule cannot tell what it computes on.

Levels are numbered from the ground. An operation on tensors of several levels runs on the innermost, to which the
others are lifted as constants.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, ClassVar

from gradarray import _state
from gradarray._dispatch import binary, detached, make, transfer, unary
from gradarray._inplace import write
from gradarray._place import Kind, Lookup, Place, Space
from gradarray._primitive import TABLE, Primitive, give_operators
from gradarray._storage import Value
from gradarray.backends import Backend, Capabilities
from gradarray.devices import Device
from gradarray.dtypes import DType


class Opaque:
    """An array of a transform. Has a shape, a dtype and operators, all that rules ask of an array."""

    __slots__ = ("place",)
    place: LevelPlace

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths that the function which is transformed sees."""
        raise NotImplementedError

    @property
    def dtype(self) -> DType:
        """Ours: all levels have the same."""
        raise NotImplementedError

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        return self.place.kernels["getitem"](self, key=parts if ... in parts else (*parts, ...))


give_operators(Opaque, lambda x, name: x.place.kernels[name])


class Level:
    """One transform while it runs: a context, inside of which the function is called.

    Attributes
    ----------
    depth : int
        How many transforms it lies in, itself included.
    parent : Level or None
        The one around it.
    alive : bool
        False once it has ended; tensors that escaped from it are an error then.
    """

    name: ClassVar[str]
    array_type: ClassVar[type[Opaque]]
    lazy: ClassVar[bool] = False

    def __init__(self) -> None:
        self.parent: Level | None = _state.transform.get()
        self.depth: int = 1 if self.parent is None else self.parent.depth + 1
        self.alive = True
        self._places: dict[Place, LevelPlace] = {}

    def __enter__(self) -> None:
        self._token = _state.transform.set(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _state.transform.reset(self._token)
        self.alive = False

    def __str__(self) -> str:
        return f"{self.name} (level {self.depth})"

    def over(self, ground: Place) -> LevelPlace:
        """Its place over that of a device."""
        found = self._places.get(ground)
        if found is None:
            below = ground if self.parent is None else self.parent.over(ground)
            found = self._places[ground] = LevelPlace(self, below)
        return found

    def check(self) -> None:
        """Refuse to compute once it has ended.

        Raises
        ------
        RuntimeError
        """
        if not self.alive:
            raise RuntimeError(
                f"a tensor escaped from {self}, which has ended, and has no value outside of it; return it from the "
                "function, where it was kept in a list or a global before"
            )

    def lift(self, x: Value, place: LevelPlace) -> Any:
        """``x``, which lies on a level below, as a constant on ``place``."""
        value = transfer(x, place.below)
        return make(self.constant(value, place), place, x._dtype)

    def write_back(self, given: Sequence[Value], inside: Sequence[Value]) -> None:
        """Write to the tensors ``given`` what was written to those that stood for them ``inside``."""
        for x, y in zip(given, inside, strict=True):
            if y is not x and y._meta is not None and y._meta.family is not None and y._meta.family.version:
                write(x, self.below(y), self.name)

    # -- what a transform says of its arrays ---------------------------------------------------------------------------

    def constant(self, value: Value, place: LevelPlace) -> Opaque:
        """The array that stands for ``value``, a tensor of the level below."""
        raise NotImplementedError

    def parts(self, raw: Any) -> tuple[Any, ...]:
        """The tensors that ``raw`` is made of, None where one is missing; the first is the value."""
        raise NotImplementedError

    def rebuilt(self, raw: Any, place: LevelPlace, parts: tuple[Any, ...]) -> Opaque:
        """``raw`` made of other tensors."""
        raise NotImplementedError

    def kernel(self, place: LevelPlace, record: Primitive) -> Callable[..., Any]:
        """The operation on its arrays."""
        raise NotImplementedError

    def setitem(self, place: LevelPlace, target: Any, key: Any, value: Any) -> Opaque:
        """``target`` with ``value`` written at ``key``, as a new array."""
        raise NotImplementedError

    def host(self, raw: Any) -> Any:
        """The value in NumPy.

        Raises
        ------
        RuntimeError
            If there is no one value.
        """
        (value, *_) = self.parts(raw)
        return value._host()

    def draws(self) -> int | None:
        """How many random numbers it wants for one; None for one."""
        return None

    def random(self, value: Value, place: LevelPlace) -> Opaque:
        """The array of random numbers ``value``, of which there are :meth:`draws` along the first dimension."""
        return self.constant(value, place)

    # -- what follows from that ----------------------------------------------------------------------------------------

    def below(self, x: Value) -> Value:
        """A tensor of the level below that lies where ``x`` lies."""
        return self.parts(x._data)[0]  # type: ignore[no-any-return]

    def detached(self, raw: Any) -> Opaque:
        """``raw`` off the tapes of the levels below."""
        return self.rebuilt(raw, raw.place, tuple(None if p is None else detached(p) for p in self.parts(raw)))

    def moved(self, raw: Any, target: Any) -> Opaque:
        """``raw`` on another device."""
        parts = tuple(None if p is None else transfer(p, target.below) for p in self.parts(raw))
        return self.rebuilt(raw, target, parts)


class LevelPlace(Place):
    """Where the tensors of a transform lie: over the place of the level below."""

    __slots__ = ("below",)
    level: Level
    below: Place

    def __init__(self, level: Level, below: Place) -> None:
        self.level, self.below = level, below
        self.device, self.ground = below.device, below.ground
        self.array_type = level.array_type
        self.raw_dtype = {name: kind.dtype for name, kind in below.kinds.items()}
        self.dtype_of = {dtype: dtype for dtype in self.raw_dtype.values()}
        self.integer = below.integer
        self.scope = None
        self.mutable, self.negative_steps, self.in_place = False, True, {}
        self.thrift = self.large_from = None
        self.chunked, self.joins = below.chunked, False
        self.shape_of = None
        self.backend = _LevelBackend(self)
        self.owns_memory = self.backend.owns_memory
        self.kernels = self.complex_kernels = _LevelKernels(self)  # type: ignore[assignment]
        self.xp = _LevelSpace(self)
        self.kinds = {name: Kind(self, dtype) for name, dtype in self.raw_dtype.items()}
        for kind in self.kinds.values():
            kind.short = kind.middle = False  # its kernels compute through dispatch, which may record
        self.kind_of = {kind.dtype: kind for kind in self.kinds.values()}


class _LevelKernels(Lookup):
    """The operations of the table on a transform's arrays, and the functions that make arrays."""

    _place: LevelPlace

    def find(self, name: str) -> Callable[..., Any]:
        place, record = self._place, TABLE.get(name)
        if record is not None:
            return place.level.kernel(place, record)
        if name in ("zeros", "ones", "full", "eye", "arange", "asarray"):
            return _creation(place, name)
        raise NotImplementedError(f"{name} is not supported inside of {place.level}")


def _creation(place: LevelPlace, name: str) -> Callable[..., Any]:
    below = place.below

    def make_constant(*args: Any, dtype: Any = None, **params: Any) -> Opaque:
        if name == "asarray" and isinstance(args[0], Opaque):
            return args[0]
        given = params if dtype is None else {**params, "dtype": below.to_raw_dtype(dtype)}
        return place.level.constant(make(below.kernels[name](*args, **given), below), place)

    return make_constant


class _LevelSpace(Space):
    """The namespace of a transform's arrays that rules compute in."""

    def scattered(self, g: Any, indices: Sequence[Any], key: Any, shape: tuple[int, ...]) -> Any:
        return self.index_adjoint(g, *indices, key=key, shape=shape)


class _LevelBackend(Backend):
    """The contract, kept by tensors of the level below. Nothing is ever written to: writing makes a new array."""

    name = "transform"

    def __init__(self, place: LevelPlace) -> None:
        self._place = place
        lazy = place.level.lazy or place.below.capabilities.lazy
        self.capabilities = Capabilities(mutable=False, views=False, lazy=lazy)

    def devices(self) -> list[Device]:
        return [self._place.device]

    @property
    def array_types(self) -> tuple[type, ...]:
        return (self._place.array_type,)

    def device_of(self, array: Any) -> Device:
        return self._place.device

    def namespace(self, device: Device) -> Any:
        return self._place.xp

    def walk_scope(self) -> AbstractContextManager[object] | None:
        return self._place.below.backend.walk_scope()

    def from_numpy(self, array: Any, device: Device, *, copy: bool) -> Any:
        below = self._place.below
        return self._place.level.constant(make(below.backend.from_numpy(array, device, copy=copy), below), self._place)

    def to_numpy(self, array: Any) -> Any:
        self._place.level.check()
        return self._place.level.host(array)

    def copy(self, array: Any) -> Any:
        return array

    def owns_memory(self, array: Any) -> bool:
        return True

    def empty(self, shape: tuple[int, ...], dtype: DType, device: Device) -> Any:
        below = self._place.below
        return self._place.level.constant(make(below.backend.empty(shape, dtype, device), below), self._place)

    def getitem(self, array: Any, key: Any) -> Any:
        return array[key]

    def setitem(self, array: Any, key: Any, value: Any) -> Any:
        place = self._place
        place.level.check()
        return place.level.setitem(place, array, (key,) if not isinstance(key, tuple) else key, value)

    def index_add(self, array: Any, key: Any, value: Any) -> Any:
        return array + self.index_adjoint(value, key, array.shape)

    def index_adjoint(self, value: Any, key: Any, shape: tuple[int, ...]) -> Any:
        return self._place.kernels["index_adjoint"](value, key=key, shape=shape)


@functools.cache
def short(record: Primitive) -> Callable[..., Any] | None:
    """The short road of an operation on tensors of the level below, or None if it has none."""
    if record.defaults or record.batch != "elementwise" or record.promote is not None:
        return None
    if record.kind == "elementwise" and record.inputs == 1:
        return unary(record.name)
    return binary(record.name) if record.kind in ("elementwise", "nondiff") and record.inputs == 2 else None


def raised(x: Any) -> Any:
    """``x`` on the innermost level that runs now, as what is made inside of a transform is: it can be written to."""
    level = _state.transform.get()
    return x if level is None or x._place.level is level else transfer(x, level.over(x._place.ground))


@contextmanager
def resumed(level: Level | None) -> Iterator[None]:
    """A context in which ``level`` runs again, though it may have ended: for a part of its function put off till now.

    None stands for no transform: none that runs now is seen then.
    """
    ended: list[Level] = []
    around = level
    while around is not None:
        if not around.alive:
            ended.append(around)
        around = around.parent
    token = _state.transform.set(level)
    for one in ended:
        one.alive = True
    try:
        yield
    finally:
        for one in ended:
            one.alive = False
        _state.transform.reset(token)


def drawn(draw: Callable[[tuple[int, ...]], Any], shape: tuple[int, ...]) -> Any:
    """Random numbers of ``shape``, which ``draw`` makes outside of all transforms; each level adds what it wants.

    Raises
    ------
    RuntimeError
        As a level says that may not be.
    """
    levels: list[Level] = []
    level: Level | None = _state.transform.get()
    while level is not None:
        levels.insert(0, level)
        level = level.parent
    sizes = [n for level in levels if (n := level.draws()) is not None]
    x = draw((*sizes, *shape))
    for level in levels:
        place = level.over(x._place.ground)
        x = make(level.random(x, place), place, x._dtype)
    return x


__all__ = ["Level", "LevelPlace", "Opaque", "drawn", "raised", "resumed", "short"]
