"""The dpnp backend: devices ``dpnp:gpu:0``, ``dpnp:cpu:0`` and so on, and parts of one: ``dpnp:part:0``.

Knows dpnp and dpctl by their public face, and imports them only when asked. A device is a queue of SYCL's here: dpnp
computes in the background, in order of what depends on what, and refuses to mix queues.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from gradarray.backends import Array, Backend, Capabilities, Device, DType, SciPyFunctions, hookimpl

# The functions of the standard that choose a device by themselves: all others follow their arguments.
CREATION = frozenset("arange asarray empty eye fftfreq from_dlpack full linspace ones rfftfreq zeros".split())
HOST = 1  # the CPU in DLPack
RUNTIME = "OCL_ICD_FILENAMES"  # libraries that OpenCL loads beside those that are registered on the machine
THREADS = "SYCL_QUEUE_THREAD_POOL_SIZE"  # for tasks on the host, such as letting go of memory
PARTS = "GRADARRAY_DPNP_PARTS"  # compute units of each part that the default device is to be cut into: "4,4"


def _prepare() -> None:
    """Set what SYCL reads from the environment when first a device is looked for, unless the user has.

    OpenCL does not find by itself the CPU device that ``pip install intel-opencl-rt`` brings. And dpnp waits for tasks
    on the host with Python's lock held, for which other such tasks wait (dpnp#2850, dpctl#1954): with few threads for
    them none is left to go on.
    """
    library = Path(sys.prefix, "lib", "libintelocl.so")
    if library.exists():
        os.environ.setdefault(RUNTIME, str(library))
    os.environ.setdefault(THREADS, "64")


@cache
def _dpnp() -> Any:
    _prepare()
    import dpnp

    return dpnp


def _owning(function: Callable[..., Any]) -> Callable[..., Any]:
    from gradarray_dpnp._array import owning

    return owning(function)


def _own(array: Array) -> Array:
    """A fresh array of dpnp's, made one of our class."""
    if type(array) is not _array_type():
        array.__class__ = _array_type()
    return array


@cache
def _array_type() -> Any:
    _dpnp()
    from gradarray_dpnp._array import SyclArray

    return SyclArray


@cache
def _queues() -> Mapping[Device, Any]:
    """Our devices and the queue of each, the default one first."""
    _dpnp()
    import dpctl

    try:
        default = dpctl.select_default_device()
    except dpctl.SyclDeviceCreationError:
        return {}
    queues = {}
    counts: dict[str, int] = {}
    for raw in sorted(dpctl.get_devices(), key=lambda raw: raw != default):  # which keeps the order of the others
        kind = raw.device_type.name
        queues[Device("dpnp", kind, counts.setdefault(kind, 0))] = dpctl.get_device_cached_queue(raw)
        counts[kind] += 1
    if units := os.environ.get(PARTS):
        parts = default.create_sub_devices(partition=[int(n) for n in units.split(",")])
        queues |= {Device("dpnp", "part", i): dpctl.SyclQueue(part) for i, part in enumerate(parts)}
    return queues


@cache
def _devices() -> Mapping[Any, Device]:
    """Our devices by queues of SYCL's, and by its devices."""
    ours = {queue: device for device, queue in _queues().items()}
    return ours | {queue.sycl_device: device for queue, device in ours.items()}


def _holders(raw: Any) -> int:
    """How many hold the memory of a ``usm_ndarray``: views do, as well as the array itself."""
    return sys.getrefcount(raw.usm_data)


@cache
def _alone() -> int:
    """What :func:`_holders` counts for an array without views."""
    return _holders(_dpnp().tensor.empty(1))


class _Namespace:
    """dpnp as seen from one device: what it creates lies there, and its arrays are of our class."""

    def __init__(self, module: ModuleType, queue: Any) -> None:
        self._module, self._queue = module, queue

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if isinstance(value, ModuleType):
            value = _Namespace(value, self._queue)
        elif callable(value) and not isinstance(value, type):
            value = _owning(partial(value, device=self._queue) if name in CREATION else value)
        setattr(self, name, value)
        return value


@cache
def _namespace(device: Device) -> _Namespace:
    return _Namespace(_dpnp(), _queues()[device])


class DpnpBackend(Backend):
    """dpnp: arrays in the memory of SYCL devices, which are Intel's GPUs and CPUs, and others with a plugin of SYCL's.

    Notes
    -----
    - Nothing in forward or backward waits for the device, but what must know a value: masks, ``nonzero``, ``unique``,
      and special functions that SciPy computes.
    - Integers in index arrays that are out of bounds are clipped, for reading and writing.
    - ``index_add`` adds up duplicate positions in a fixed order.
    """

    name = "dpnp"
    capabilities = Capabilities(prefers_arrays=True)

    # -- availability and devices --------------------------------------------------------------------------------------

    def unavailable(self) -> str | None:
        try:
            _dpnp()
        except ModuleNotFoundError as error:
            if error.name == "dpnp":
                return "dpnp is not installed; pip install dpnp, and intel-opencl-rt for a CPU as a device"
            return f"dpnp is installed but cannot be imported: {error}"
        except Exception as error:  # it loads its libraries on import, and they fail in their own ways
            return f"dpnp is installed but cannot be imported: {error}"
        try:
            found = _queues()
        except Exception as error:  # a partition that the device has not, or a driver that fails
            return f"dpnp is installed, but SYCL fails: {error} ({PARTS} is {os.environ.get(PARTS)!r})"
        if not found:
            return (
                "dpnp is installed, but SYCL shows it no device: install a GPU's driver, or pip install "
                f"intel-opencl-rt for the CPU. If that is there, set {RUNTIME} to its libintelocl.so before Python "
                f"starts (it is {os.environ.get(RUNTIME)!r})"
            )
        return None

    def devices(self) -> Sequence[Device]:
        return tuple(_queues())

    @property
    def array_types(self) -> tuple[type, ...]:
        return (_array_type(), _dpnp().ndarray, _dpnp().tensor.usm_ndarray)

    def owns(self, array: object) -> bool:
        return "dpnp" in sys.modules and isinstance(array, self.array_types)

    def device_of(self, array: Array) -> Device:
        found = _devices().get(array.sycl_queue) or _devices().get(array.sycl_device)
        if found is None:
            raise RuntimeError(
                f"the array lies on a SYCL device that is none of gradarray's ({', '.join(map(str, _queues()))}): "
                f"{array.sycl_device}; move it with dpnp.asarray(array, device=...), or name parts in {PARTS}"
            )
        return found

    def adopt(self, array: Array) -> Array:
        queue = _queues()[self.device_of(array)]
        if array.sycl_queue != queue:  # what was submitted to the other is not known to this one
            array.sycl_queue.wait()
            array = array.to_device(queue)
        return _own(_dpnp().asarray(array)[...])  # the user's own keeps its class

    def synchronize(self, device: Device) -> None:
        _queues()[device].wait()

    # -- the namespace -------------------------------------------------------------------------------------------------

    def namespace(self, device: Device) -> Any:
        return _namespace(device)

    def kernels(self, device: Device) -> Mapping[str, Callable[..., Any]]:
        from gradarray_dpnp._kernels import KERNELS, asarray

        return KERNELS | {"asarray": asarray(_queues()[device])}

    def special(self, device: Device) -> Any:
        import dpnp.scipy.special

        return SciPyFunctions(self, device, native=dpnp.scipy.special)

    def in_place(self, device: Device) -> Mapping[str, Callable[[Array, Any], object]]:
        from gradarray_dpnp._kernels import IN_PLACE

        return IN_PLACE

    def raw_dtype(self, dtype: DType, device: Device) -> Any:
        if dtype.name in ("float64", "complex128") and not _queues()[device].sycl_device.has_aspect_fp64:
            raise AttributeError(f"{device} has no {dtype.name}")
        return dtype.__numpy_dtype__

    # -- memory --------------------------------------------------------------------------------------------------------

    def from_numpy(self, array: np.ndarray[Any, Any], device: Device, *, copy: bool) -> Array:
        native = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
        return _own(_dpnp().asarray(native, device=_queues()[device]))

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        host: np.ndarray[Any, Any] = array.asnumpy()
        return host

    def to_device(self, array: Array, device: Device) -> Array:
        return _own(_dpnp().asarray(array, device=_queues()[device], copy=True))

    def copy(self, array: Array) -> Array:
        return _own(array.copy())

    def empty(self, shape: tuple[int, ...], dtype: DType, device: Device) -> Array:
        return _own(_dpnp().empty(shape, dtype=self.raw_dtype(dtype, device), device=_queues()[device]))

    def from_dlpack(self, capsule: Any, device: Device, *, copy: bool | None) -> Array:
        if int(capsule.__dlpack_device__()[0]) != HOST:
            array = self.adopt(_dpnp().from_dlpack(capsule))
            if self.device_of(array) == device:
                return self.copy(array) if copy else array
        elif copy is not False:
            return self.from_numpy(np.from_dlpack(capsule), device, copy=True)
        if copy is False:
            raise BufferError(f"copy=False, but what lies elsewhere must be copied to {device}")
        return self.to_device(array, device)

    def getitem(self, array: Array, key: Any) -> Array:
        from gradarray_dpnp._indexing import getitem

        return _own(getitem(array, key))

    def setitem(self, array: Array, key: Any, value: Array) -> Array:
        from gradarray_dpnp._indexing import setitem

        setitem(array, key, value)
        return array

    def index_add(self, array: Array, key: Any, value: Array) -> Array:
        from gradarray_dpnp._indexing import index_add

        index_add(array, key, value)
        return array

    def owns_memory(self, array: Array) -> bool:
        raw = array.get_array()
        return raw.usm_data.nbytes == raw.nbytes and _holders(raw) == _alone()

    def strides(self, array: Array) -> tuple[int, ...]:
        return tuple(step // array.itemsize for step in array.strides)


@hookimpl
def gradarray_backends() -> Sequence[Backend]:
    return [DpnpBackend()]
