"""The backend contract: what a library of arrays states so that tensors can live in it.

Knows storage, devices, dtypes and random numbers. Must not know autograd, tensors or any array library but NumPy, the
common ground of every transfer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy

from gradarray.devices import Device
from gradarray.dtypes import ALL, DType

if TYPE_CHECKING:
    import numpy as np

Array = Any
"""An array of a backend's own library: opaque to everyone else."""

hookspec = pluggy.HookspecMarker("gradarray")
hookimpl = pluggy.HookimplMarker("gradarray")


@hookspec
def gradarray_backends() -> Sequence[Backend]:
    """The backends that a plugin brings. Called once, when a device outside NumPy is first asked for."""
    raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a backend can do, as data: drives the fall-backs, the conformance report and the table in the docs.

    Attributes
    ----------
    mutable : bool
        ``array[key] = value`` changes the array's memory. Where False the tensor's storage is rebound.
    views : bool
        Basic indexing, reshaping and transposing alias memory. Where False views write through to their base.
    negative_steps : bool
        A slice with a negative step is such a view too. Where False it is a copy, and a write to it or to what it was
        taken from goes by way of the base.
    shares_numpy_memory : bool
        ``to_numpy`` and ``from_numpy(copy=False)`` share memory.
    lazy : bool
        Values are computed when asked for.
    unknown_shapes : bool
        Lengths may be unknown until computed.
    prefers_arrays : bool
        Kernels are quicker with a 0-d array than with a Python number.
    missing : mapping of str to str
        Functions and dtypes of the standard that the library lacks, each with the upstream reason, or what to set.
    """

    prefers_arrays: bool = False
    mutable: bool = True
    views: bool = True
    negative_steps: bool = True
    shares_numpy_memory: bool = False
    lazy: bool = False
    unknown_shapes: bool = False
    missing: Mapping[str, str] = field(default_factory=dict)


class Thrift(ABC):
    """Arithmetic of derivative rules on large arrays that may use their memory again: optional, for speed.

    ``g`` is a cotangent, an array of ``least`` bytes or more of a real floating dtype; ``p`` what it meets: an array
    of its shape, or a number, and never what a variable of the caller holds alone: a method may count who else does.
    ``spare`` says that nobody holds the array ``g`` beside who calls, by Python's reference counts, so that it may be
    overwritten; whether it has memory of its own, and takes the result, is for the method to see. Each gives what the
    operator gives, bit by bit; the result may be read-only.
    """

    #: From how many bytes on finding out pays. The library's arrays tell theirs as an attribute, ``nbytes``.
    least: int

    @abstractmethod
    def product(self, g: Array, p: Array, spare: bool) -> Array:
        """``g * p``."""

    @abstractmethod
    def strong_product(self, g: Array, p: Array, spare: bool) -> Array:
        """``g * p``, but zero where ``g`` is zero, whatever ``p`` is there."""

    @abstractmethod
    def negative(self, g: Array, spare: bool) -> Array:
        """``-g``."""

    @abstractmethod
    def sum(self, a: Array, b: Array, spare_a: bool, spare_b: bool) -> Array:
        """``a + b``, two cotangents."""

    @abstractmethod
    def is_writable(self, array: Array) -> bool:
        """Whether ``array``, which nobody else holds, has memory of its own that may be written to."""


class Backend(ABC):
    """One array library. Subclass, fill in the abstract methods, override a default where the library does better.

    A backend knows nothing of tensors or gradients: each method takes and returns the library's own arrays.
    """

    #: How devices name it: ``"torch"`` in ``"torch:cpu"``.
    name: str
    capabilities: Capabilities = Capabilities()
    #: What the library asks of objects that are not its own, by name, as a function of the array: its functions then
    #: take a tensor for the array it holds. JAX asks for ``__jax_array__``.
    protocols: ClassVar[Mapping[str, Callable[[Array], Any]]] = {}

    # -- availability and devices ------------------------------------------------------------------------------------

    def unavailable(self) -> str | None:
        """Why the backend cannot be used here and what to install, or None where it can. Must not raise."""
        return None

    @abstractmethod
    def devices(self) -> Sequence[Device]:
        """Every device present, the default one first. Called only where :meth:`unavailable` gave None."""

    @property
    @abstractmethod
    def array_types(self) -> tuple[type, ...]:
        """The types of the library's arrays, the usual one first."""

    def owns(self, array: object) -> bool:
        """Whether ``array`` is one of the library's. Must not import the library if it is not imported yet."""
        return isinstance(array, self.array_types)

    def capabilities_on(self, device: Device) -> Capabilities:
        """What it can do on ``device``, where that differs: a GPU's memory is not NumPy's to share."""
        return self.capabilities

    @abstractmethod
    def device_of(self, array: Array) -> Device:
        """The device that ``array`` lies on, always with the index where the device type has several."""

    def adopt(self, array: Array) -> Array:
        """``array``, which a user brings, fit to be a tensor's: the same memory, of the first of ``array_types``.

        Raises
        ------
        RuntimeError, TypeError
            If it cannot be, such as one on the library's own tape; the message says what to do.
        """
        return array

    def scope(self, device: Device) -> Callable[[], AbstractContextManager[object]] | None:
        """What makes a context in which the library computes on ``device``, or None where that needs no context.

        Every kernel and every derivative rule runs inside it (CuPy's current device, PyTorch's own autograd off).
        """
        return None

    def synchronize(self, device: Device) -> None:
        """Wait until everything queued on ``device`` is done."""
        return None

    # -- the namespace -----------------------------------------------------------------------------------------------

    @abstractmethod
    def namespace(self, device: Device) -> Any:
        """The library's Array API namespace, as array-api-compat gives it."""

    def kernels(self, device: Device) -> Mapping[str, Callable[..., Any]]:
        """Functions to use instead of the namespace's, by name: faster ones, missing ones, mended ones."""
        return {}

    def special(self, device: Device) -> Any:
        """An object with the special functions as attributes, by SciPy's names and with SciPy's parameters.

        The default computes each with SciPy on the host, and says how to install it where it is not there. A library
        that has some of its own says ``return SciPyFunctions(self, device, native=torch.special)``.
        """
        from gradarray.backends._special import SciPyFunctions

        return SciPyFunctions(self, device)

    def in_place(self, device: Device) -> Mapping[str, Callable[[Array, Any], object]]:
        """Functions that write ``x + y`` and the like into ``x``, by the standard's name: optional, for speed."""
        return {}

    def thrift(self, device: Device) -> Thrift | None:
        """How derivative rules compute on large arrays, where memory can be used again; None for the operators."""
        return None

    def walk_scope(self) -> AbstractContextManager[object] | None:
        """What a whole backward pass runs inside of, such as a muted warning; None for nothing."""
        return None

    def raw_dtype(self, dtype: DType, device: Device) -> Any:
        """The library's dtype object for ``dtype``."""
        return getattr(self.namespace(device), dtype.name)

    def dtypes(self, device: Device) -> Mapping[Any, DType]:
        """The library's dtype objects, as ``array.dtype`` shows them, to ours; those the device lacks are left out."""
        table = {}
        for dtype in ALL:
            try:
                table[self.raw_dtype(dtype, device)] = dtype
            except AttributeError:
                continue
        return table

    # -- memory ------------------------------------------------------------------------------------------------------

    @abstractmethod
    def from_numpy(self, array: np.ndarray[Any, Any], device: Device, *, copy: bool) -> Array:
        """``array`` on ``device``. With ``copy=False`` memory is shared where ``shares_numpy_memory`` says so."""

    @abstractmethod
    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        """``array`` as NumPy's, sharing memory where ``shares_numpy_memory`` says so. Waits for its value."""

    def to_device(self, array: Array, device: Device) -> Array:
        """A copy of ``array`` on another device of this backend."""
        return self.from_numpy(self.to_numpy(array), device, copy=True)

    def copy(self, array: Array) -> Array:
        """A copy in memory of its own, on the same device."""
        device = self.device_of(array)
        asarray = self.kernels(device).get("asarray") or self.namespace(device).asarray
        return asarray(array, copy=True)

    def empty(self, shape: tuple[int, ...], dtype: DType, device: Device) -> Array:
        """A new array whose values are whatever lay there."""
        import numpy as np

        return self.from_numpy(np.empty(shape, dtype.__numpy_dtype__), device, copy=False)

    def from_dlpack(self, capsule: Any, device: Device, *, copy: bool | None) -> Array:
        """The array that ``capsule`` (an object with ``__dlpack__``) exports, without a copy unless asked for one."""
        array = self.namespace(device).from_dlpack(capsule)
        if type(array) not in self.array_types and "asarray" in self.kernels(device):
            array = self.kernels(device)["asarray"](array)
        return self.copy(array) if copy else array

    def lends(self, array: Array) -> bool:
        """Whether another library may read ``array``'s memory in place of a copy: nobody else can write to it.

        Who holds ``array`` itself is counted already; the question is who else has its memory: a view, a buffer.
        """
        return not self.capabilities.mutable

    def borrow(self, array: Any, device: Device) -> Array | None:
        """An array on ``device`` that reads the memory of ``array``, another library's; None where it must be copied.

        Neither is written to as long as both may be in use: a tensor gets memory of its own first.
        """
        return None

    def getitem(self, array: Array, key: Any) -> Array:
        """``array[key]`` for every key that NumPy takes, always as an array, 0-d where one element is left.

        For slices, integers, None and ``...`` a view where ``views`` says so; a copy where the key holds arrays. A
        tuple key without arrays ends with an ``...``, so that NumPy gives a 0-d view and no scalar.
        """
        return array[key]

    def setitem(self, array: Array, key: Any, value: Array) -> Array:
        """Write ``value`` (an array of the same dtype that broadcasts) to ``array[key]``; the array that now holds it.

        A mutable backend writes into ``array`` and returns it. Duplicate positions keep one of the values.
        """
        array[key] = value
        return array

    @abstractmethod
    def index_add(self, array: Array, key: Any, value: Array) -> Array:
        """Add ``value`` to ``array[key]``, duplicate positions adding up: the adjoint of indexing.

        The standard has no such function. ``array`` is fresh and may be written to; the array that now holds the sum
        is returned. ``key`` is anything that indexing takes: slices, integers, None, ``...``, arrays of integers and
        masks of bool.
        """

    def index_adjoint(self, value: Array, key: Any, shape: tuple[int, ...]) -> Array:
        """Zeros of ``shape`` with ``value`` added at ``key``.

        ``shape`` is what :meth:`shape` gave, or a plain tuple.
        """
        zeros = self.namespace(self.device_of(value)).zeros(shape, dtype=value.dtype)
        return self.index_add(zeros, key, value)

    def shape(self, array: Array) -> tuple[int, ...]:
        """The shape of ``array``, as derivative rules keep it and hand it to kernels.

        A library may add to the tuple what it needs to make an array like this one again, such as its chunks. Asked
        for only where :attr:`Capabilities.unknown_shapes` says that the lengths are not all there is to know.
        """
        return tuple(array.shape)

    def owns_memory(self, array: Array) -> bool:
        """Whether nothing else can alias ``array``'s memory, so that a gradient may be given away uncopied."""
        return not self.capabilities.mutable

    def strides(self, array: Array) -> tuple[int, ...]:
        """Steps in elements along each dimension; row-major where the library does not tell."""
        steps, step = [], 1
        for length in reversed(array.shape):
            steps.append(step)
            step *= max(length, 1)
        return tuple(reversed(steps))

    # -- random numbers ----------------------------------------------------------------------------------------------

    def generator(self, device: Device, seed: int) -> RandomSource:
        """A source of random numbers for ``device``, repeatable by ``seed``.

        The default draws with NumPy on the host and moves the numbers over: the same seed then gives the same numbers
        on every device.
        """
        return RandomSource(self, device, seed)


class RandomSource:
    """Random numbers drawn with NumPy's PCG64 and moved to a device.

    A backend that draws on the device subclasses it and overrides what it does itself.
    """

    def __init__(self, backend: Backend, device: Device, seed: int) -> None:
        import numpy as np

        self._backend, self._device = backend, device
        self._host = np.random.Generator(np.random.PCG64(seed))

    def _move(self, values: Any, dtype: DType) -> Array:
        import numpy as np

        host = np.asarray(values, dtype=dtype.__numpy_dtype__)
        return self._backend.from_numpy(host, self._device, copy=False)

    def uniform(self, shape: tuple[int, ...], dtype: DType) -> Array:
        """Uniform on [0, 1), real floating; drawn in ``dtype``, so that 1 is never reached by rounding."""
        return self._move(self._host.random(shape, dtype=dtype.__numpy_dtype__), dtype)

    def normal(self, shape: tuple[int, ...], dtype: DType) -> Array:
        """Standard normal, real floating."""
        return self._move(self._host.standard_normal(shape, dtype=dtype.__numpy_dtype__), dtype)

    def integers(self, low: int, high: int, shape: tuple[int, ...], dtype: DType) -> Array:
        """Integers from ``low`` (inclusive) to ``high`` (exclusive)."""
        return self._move(self._host.integers(low, high, shape, dtype=dtype.__numpy_dtype__), dtype)

    def permutation(self, n: int, dtype: DType) -> Array:
        """The numbers 0 … n-1 in random order."""
        return self._move(self._host.permutation(n), dtype)

    def state(self) -> Any:
        """What :meth:`set_state` takes to repeat what follows."""
        return self._host.bit_generator.state

    def set_state(self, state: Any) -> None:
        """Continue from ``state``."""
        self._host.bit_generator.state = state
