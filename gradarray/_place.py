"""A place: one device of one backend, resolved, with all that an operation needs there as plain attributes.

Knows the table and the backend contract. Must not know tensors or the engine's walk.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from types import MethodType
from typing import Any

from gradarray import backends, ops
from gradarray._deferred import SMALL, Product, Scattered, Shape
from gradarray._engine import Deferred
from gradarray._primitive import TABLE
from gradarray.backends import Array, Backend, Capabilities, Thrift
from gradarray.backends._manager import at_unregistering
from gradarray.devices import Device
from gradarray.dtypes import ALL, BY_NAME, DType, finfo, int32, int64

Scope = Callable[[], AbstractContextManager[object]]


def scoped(function: Callable[..., Any], scope: Scope) -> Callable[..., Any]:
    """``function``, run inside ``scope``."""

    @functools.wraps(function, updated=())
    def run(*args: Any, **kwargs: Any) -> Any:
        with scope():
            return function(*args, **kwargs)

    return run


class Lookup(dict[str, Callable[..., Any]]):
    """Functions on a place's arrays, by name, found on first use.

    Attributes
    ----------
    found : dict
        Those found so far. Python looks a key up in a dict itself three times as fast as in one of a class of ours.
    """

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.found: dict[str, Callable[..., Any]] = {}
        self._place = place

    def find(self, name: str) -> Callable[..., Any]:
        """The function called ``name``."""
        raise NotImplementedError

    def __missing__(self, name: str) -> Callable[..., Any]:
        self[name] = self.found[name] = found = self.find(name)
        return found


class Kernels(Lookup):
    """The functions of a device.

    A function is the backend's own kernel of that name, else the composition that the table holds, else the
    namespace's; that of ``special.erf`` is ``erf`` of :meth:`Backend.special`. ``library.exp`` is ``exp`` without the
    table: what a composition of the same name mends.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._own = place.backend.kernels(place.device)

    def find(self, name: str) -> Callable[..., Any]:
        place = self._place
        plain = name.removeprefix("library.")
        found = self._own.get(plain) or self._ours(plain)
        record = TABLE.get(name)
        if found is None and record is not None and record.forward is not None:
            found = MethodType(record.forward, place.xp)  # a quarter quicker to call than a partial
            # those whose results are of the dtype of their inputs
            if place.chunked and (record.kind == "elementwise" or name == "slope"):
                found = functools.partial(_by_chunks, self._own["by_chunks"], name)
        if found is None:
            family, _, rest = plain.partition(".")
            found = (
                place.backend.special(place.device) if family == "special" else place.backend.namespace(place.device)
            )
            for part in (rest if family == "special" else plain).split("."):
                found = getattr(found, part, None)
        if found is None:
            place.refuse_if_missing(name)
            raise place.unsupported(name, "its namespace has no such function")
        return found if place.scope is None else scoped(found, place.scope)

    def _ours(self, name: str) -> Callable[..., Any] | None:
        """The functions that take a dtype of ours, a key or a shape, for which the contract has methods."""
        place = self._place
        backend, raw_dtype = place.backend, place.raw_dtype
        namespace = backend.namespace(place.device)

        def astype(x: Array, *, dtype: DType, **_: object) -> Array:
            return namespace.astype(x, raw_dtype[dtype.name])

        lookup = backend.getitem

        def index(x: Array, *indices: Array, key: Any) -> Array:
            return lookup(x, fill(key, indices))

        def getitem(x: Array, *, key: Any) -> Array:
            return lookup(x, key)

        def indicator(mask: Array, like: Array) -> Array:
            return namespace.astype(mask, like.dtype)

        def to_complex(x: Array) -> Array:
            return namespace.astype(x, raw_dtype[place.dtype(x).to_complex().name])

        def index_adjoint(g: Array, *indices: Array, key: Any, shape: Shape) -> Array:
            return place.held(backend.index_adjoint(g, fill(key, indices), shape), "index_adjoint")

        def strong_multiply(g: Array, p: Array) -> Array:
            product = g * p
            return place.xp.where(g == 0, place.xp.zeros_like(product), product)

        ours: dict[str, Callable[..., Any]] = {
            "astype": astype,
            "getitem": getitem,
            "index": index,
            "index_adjoint": index_adjoint,
            "indicator": indicator,
            "strong_multiply": strong_multiply,
            "to_complex": to_complex,
        }
        return ours.get(name)


def _by_chunks(apply: Callable[..., Any], name: str, *xs: Array, **params: Any) -> Array:
    return apply(*xs, function=OnNumPy(name, params))


class OnNumPy:
    """An operation of the table on NumPy's arrays, run wherever a chunk is: on a thread, on a worker elsewhere."""

    __slots__ = ("name", "params")

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        if name not in TABLE:  # in another process than that which made it
            ops.complete()
        self.name, self.params = name, params

    def __call__(self, *arrays: Any) -> Any:
        return place_of("cpu").kernels[self.name](*arrays, **self.params)

    def __reduce__(self) -> Any:
        return OnNumPy, (self.name, self.params)


class ComplexKernels(Lookup):
    """The same for complex numbers: where the table has a forward for these alone, that one; some are refused."""

    def find(self, name: str) -> Callable[..., Any]:
        place, record = self._place, TABLE.get(name)
        if record is not None and record.real_only:
            raise TypeError("it is not defined for complex numbers; use its real part, x.real, or its size, x.abs()")
        if record is None or record.complex_forward is None:
            return place.kernels[name]
        found = functools.partial(record.complex_forward, place.xp)
        return found if place.scope is None else scoped(found, place.scope)


class Slotted:
    """Stands in an index for the array that comes as an input of its own."""

    __slots__ = ("position",)

    def __init__(self, position: int) -> None:
        self.position = position


def fill(key: Any, indices: Sequence[Any]) -> Any:
    """``key`` with the arrays it stands for put in."""
    if not indices:
        return key
    return tuple(indices[k.position] if isinstance(k, Slotted) else k for k in key)


class Space:
    """The namespace of raw arrays that rules compute in: every kernel as an attribute."""

    def __init__(self, place: Place, prefix: str = "") -> None:
        self._place, self._prefix = place, prefix

    def __getattr__(self, name: str) -> Any:
        if name in ("linalg", "fft", "special", "library"):
            value: Any = Space(self._place, f"{self._prefix}{name}.")
        else:
            value = self._place.kernels[self._prefix + name]
        setattr(self, name, value)
        return value

    def is_complex(self, x: Array) -> bool:
        return self._place.dtype(x).kind == "c"

    def is_floating(self, x: Array) -> bool:
        return self._place.dtype(x).kind == "f"

    def is_chunked(self, *xs: Any) -> bool:
        """Whether what is made of many operations should be one, see :attr:`Place.chunked`."""
        return self._place.chunked

    def eps(self, x: Array) -> float:
        return finfo(self._place.dtype(x)).eps

    def scattered(self, g: Array, indices: Sequence[Array], key: Any, shape: Shape) -> Deferred:
        """``index_adjoint``, put off until it is added to something. Its arguments go by position, which is quicker."""
        return Scattered(self._place, g, fill(key, indices), shape)

    def transposed_product(self, cell1: list[Array], g: Array, shape2: Shape) -> Any:
        """``x1ᵀ g``, of ``shape2``, now or together with others; not asked for where the walk is recorded."""
        x1, place = cell1[0], self._place
        size = x1.shape[0] * (shape2[0] + shape2[1])
        if place.joins and size <= SMALL:
            return Product(place, cell1, g, shape2, size)
        return self.matmul_tn(x1, g)


Held = tuple[Any, tuple[Any, ...], tuple[Any, ...]]
"""A number, and what a node saves that needs nothing else: as its first input, and as its second."""


class Kind:
    """A dtype on a place: what two tensors must have in common to be computed with as they stand.

    Attributes
    ----------
    dtype : DType
    place : Place
    plain : bool
        There is no scope to enter, and nobody looks on (:mod:`gradarray._watch`).
    short : bool
        Elementwise operations may take the short road: plain and real floating.
    middle : bool
        Other operations may take the middle road: short, and shapes are known.
    inference : bool
        Of tensors made in inference mode; their kinds are twins of the others.
    kernels, found : mapping, dict
        Those of the place, or its twins for complex numbers; and those of them that have been asked for.
    array_type, raw_dtype : type, object
        Those of the place.
    scalars : dict
        What :meth:`scalar` gave for numbers met before.
    """

    __slots__ = (
        "_twin", "array_type", "dtype", "found", "inference", "kernels", "middle", "place", "plain", "raw_dtype",
        "scalars", "short",
    )  # fmt: skip

    def __init__(self, place: Place, dtype: DType, inference: bool = False) -> None:
        self.place, self.dtype, self.inference = place, dtype, inference
        self.kernels = place.complex_kernels if dtype.is_complex else place.kernels
        self.found = self.kernels.found
        self.array_type, self.raw_dtype = place.array_type, place.raw_dtype[dtype.name]
        self.open(_short_road_open)
        self.scalars: dict[float, Held] = {}
        self._twin: Kind | None = None

    def open(self, short_road: bool) -> None:
        """Open or close the short road; for inference tensors it stays closed."""
        self.plain = short_road and self.place.scope is None and not self.inference
        self.short = self.plain and self.dtype.is_real_floating
        self.middle = self.short and self.place.shape_of is None

    def for_inference(self) -> Kind:
        """The twin of inference tensors."""
        if self.inference:
            return self
        if self._twin is None:
            self._twin = Kind(self.place, self.dtype, inference=True)
        return self._twin

    def scalar(self, value: float) -> Held:
        """``value`` in the form that the backend's kernels take soonest, and held in what a node saves.

        NumPy computes with a 0-d array in half the time that a Python number takes. Zero is not kept, since 0.0 and
        -0.0 are one key of a dictionary.
        """
        if value == 0 or value != value:
            return _held(value)
        if len(self.scalars) > 256:
            self.scalars.clear()
        if self.place.capabilities.prefers_arrays:
            raw = self.place.kernels["asarray"](value, dtype=self.place.raw_dtype[self.dtype.name])
            if type(raw) is not self.array_type:  # but what stands for an array while the library traces
                return _held(raw)
        else:
            raw = value
        self.scalars[value] = held = _held(raw)
        return held


def _held(value: Any) -> Held:
    cell = [value]
    return value, (cell, None, None), (None, cell, None)


class Place:
    """One device of one backend.

    Attributes
    ----------
    device : Device
    backend : Backend
    array_type : type
        The type of the backend's arrays; anything else that a kernel returns is made into one.
    dtype_of : mapping
        The backend's dtype objects to ours.
    raw_dtype : dict of str to object
        The backend's dtype objects by name.
    scope : callable or None
        What kernels and rules run inside of.
    kernels, complex_kernels : mapping
    integer : DType
        The default integer dtype: int64, or int32 where the device has no other.
    kinds : dict of str to Kind
        By the name of the dtype.
    kind_of : dict
        The same by the backend's dtype objects.
    shape_of : callable or None
        The shape of an array with what else the backend must know of it; None where that is the shape alone.
    owns_memory : callable
        The backend's.
    large_from : int or None
        From how many bytes on an array is large: such are left to ``thrift``. None where there is none.
    thrift : Thrift or None
        How rules compute on large arrays; None where they do as on all.
    joins : bool
        Whether small cotangents wait for others to be made with: a call costs more there than what is stacked.
    chunked : bool
        Whether each operation is a step of a graph, and the backend can run NumPy's on each chunk as one of them.
    xp : Space
    level : Level or None
        The transform whose arrays lie here; None where they are a backend's.
    ground : Place
        The place on the device itself.
    """

    __slots__ = (
        "array_type", "backend", "chunked", "complex_kernels", "device", "dtype_of", "ground", "in_place", "integer",
        "joins", "kernels", "kind_of", "kinds", "large_from", "level", "mutable", "negative_steps", "owns_memory",
        "raw_dtype", "scope", "shape_of", "thrift", "xp",
    )  # fmt: skip
    level: Any
    ground: Place

    def __init__(self, backend: Backend, device: Device) -> None:
        self.backend, self.device = backend, device
        self.level, self.ground = None, self
        self.array_type = backend.array_types[0]
        self.dtype_of = backend.dtypes(device)
        self.raw_dtype = {dtype.name: raw for raw, dtype in self.dtype_of.items()}
        self.integer = int64 if "int64" in self.raw_dtype else int32
        self.scope = backend.scope(device)
        if self.scope is not None:
            scoped_types[self.array_type] = backend
        self.mutable = self.capabilities.mutable
        self.negative_steps = self.capabilities.negative_steps
        self.shape_of = backend.shape if self.capabilities.unknown_shapes else None
        self.in_place = backend.in_place(device) if self.scope is None else {}
        self.owns_memory = backend.owns_memory
        self.thrift = backend.thrift(device) if self.scope is None else None
        self.large_from = None if self.thrift is None else self.thrift.least
        if self.thrift is not None:
            thrifts[self.array_type] = self.thrift
        self.chunked = "by_chunks" in backend.kernels(device)
        self.joins = self.mutable and self.scope is None and self.shape_of is None and not self.chunked
        self.kernels, self.complex_kernels = Kernels(self), ComplexKernels(self)
        self.xp = Space(self)
        self.kinds = {name: Kind(self, BY_NAME[name]) for name in self.raw_dtype}
        self.kind_of = {raw: self.kinds[dtype.name] for raw, dtype in self.dtype_of.items()}

    @property
    def capabilities(self) -> Capabilities:
        """What the backend can do here."""
        return self.backend.capabilities_on(self.device)

    def refuse_if_missing(self, name: str) -> None:
        """Check that the backend does not declare that it cannot do ``name``: for functions made of several kernels.

        Raises
        ------
        NotImplementedError
            If it does; the message gives its reason.
        """
        if name in self.capabilities.missing:
            raise self.unsupported(name, self.capabilities.missing[name])

    def unsupported(self, name: str, why: str) -> NotImplementedError:
        """The error that there is no function ``name`` here."""
        return NotImplementedError(f"{name} is not supported on device {str(self.device)!r}: {why}")

    def wrap(self, raw: Any) -> Array:
        """``raw`` as an array: NumPy gives scalars for 0-d results."""
        return raw if type(raw) is self.array_type else self.kernels["asarray"](raw)

    def held(self, raw: Array | None, method: str) -> Array:
        """``raw``, which a method of the backend's gave.

        Raises
        ------
        RuntimeError
            If it gave nothing: without this a gradient would be lost in silence.
        """
        if raw is None:
            name = type(self.backend).__name__
            raise RuntimeError(f"{name}.{method} gave None; it must return the array that holds the result")
        return raw

    def kind(self, raw: Array) -> Kind:
        """The kind of a raw array."""
        return self.kind_of.get(raw.dtype) or self.kinds[self.dtype(raw).name]

    def dtype(self, raw: Array) -> DType:
        """The dtype of a raw array, as ours.

        Raises
        ------
        TypeError
            If gradarray has no such dtype, or the backend lists it in another form.
        """
        found = self.dtype_of.get(raw.dtype)
        if found is None:
            for listed in self.dtype_of:
                if listed == raw.dtype:  # but is not found in its place
                    name = type(self.backend).__name__
                    raise TypeError(
                        f"{name}.dtypes() must list dtypes as array.dtype shows them, {raw.dtype!r}; it lists "
                        f"{listed!r}, whose hash is another; let {name}.raw_dtype() give the former"
                    )
            names = ", ".join(d.name for d in ALL)
            raise TypeError(f"dtype {raw.dtype} is none that gradarray has ({names}); convert the array first")
        return found

    def copies(self, params: dict[str, Any]) -> bool:
        """Whether an indexing step without arrays gives a copy here, where others give a view."""
        if self.negative_steps:
            return False
        return any(type(k) is slice and k.step is not None and k.step < 0 for k in params.get("key", ()))

    def to_raw_dtype(self, dtype: DType) -> Any:
        """The backend's object for ``dtype``.

        Raises
        ------
        TypeError
            If the device lacks the dtype.
        """
        if dtype.name not in self.raw_dtype:
            have = ", ".join(self.raw_dtype)
            what = self.capabilities.missing.get(dtype.name, "choose one of those")
            raise TypeError(f"device {str(self.device)!r} has no {dtype!r} (it has {have}); {what}")
        return self.raw_dtype[dtype.name]


_by_device: dict[Device, Place] = {}
at_first: list[Callable[[Place], None]] = []
"""Who is told of each device's place when it is made."""


def _forget(backend: Backend) -> None:
    """Let go of the places of a backend that is taken away; tensors that lie there keep theirs."""
    for device in [device for device, place in _by_device.items() if place.backend is backend]:
        del _by_device[device]


at_unregistering.append(_forget)
_short_road_open = True


def open_short_road(is_open: bool) -> None:
    """Open or close the short road on all places, also those to come."""
    global _short_road_open
    _short_road_open = is_open
    for place in tuple(_by_device.values()):
        for kind in place.kinds.values():
            kind.open(is_open)


scoped_types: dict[type, Backend] = {}
"""The array types of backends that compute inside a scope."""

thrifts: dict[type, Thrift] = {}
"""By the array type: how large cotangents are added up."""


def place_of(device: Device | str) -> Place:
    """The place that ``device`` names.

    Raises
    ------
    BackendUnavailableError, RuntimeError
        If it is not there; see :func:`gradarray.backends.resolve`.
    """
    if isinstance(device, Device) and (found := _by_device.get(device)) is not None:
        return found
    resolved = backends.resolve(device)
    found = _by_device.get(resolved)
    if found is None:
        found = _by_device[resolved] = Place(backends.require(resolved.backend), resolved)
        for tell in at_first:
            tell(found)
    if not isinstance(device, str):
        _by_device[device] = found
    return found


def place_of_array(array: Array) -> Place | None:
    """The place of an array of any backend's, or None if it is nobody's."""
    backend = backends.owner(array)
    return None if backend is None else place_of(backend.device_of(array))
