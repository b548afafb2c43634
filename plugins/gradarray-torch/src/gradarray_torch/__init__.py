"""The PyTorch backend: devices ``torch:cpu``, ``torch:cuda:0`` and so on, ``torch:mps``.

Knows PyTorch by its public face, and imports it only when asked. It takes PyTorch's memory and kernels; PyTorch's own
autograd never records, since no tensor that it is handed requires a gradient, and so needs no switching off.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from types import ModuleType
from typing import Any

import numpy as np

from gradarray.backends import Array, Backend, Capabilities, Device, DType, SciPyFunctions, hookimpl

# The functions of the standard that choose a device by themselves: all others follow their arguments.
CREATION = frozenset("arange asarray empty eye fftfreq from_dlpack full linspace ones rfftfreq zeros".split())
CPU = Device("torch", "cpu")
HOST = 1  # the CPU in DLPack


def _torch() -> Any:
    import torch

    return torch


@cache
def _ours(device: Any) -> Device:
    """Our device for PyTorch's; the CPU and MPS are one each, whatever index they are given."""
    return Device("torch", device.type, None if device.type in ("cpu", "mps") else device.index or 0)


@cache
def _raw(device: Device) -> Any:
    """PyTorch's device for ours."""
    return _torch().device(device.type, device.index)


class _Namespace:
    """array-api-compat's PyTorch as seen from one device: what it creates lies there, not on PyTorch's default one."""

    def __init__(self, module: ModuleType, device: Any) -> None:
        self._module, self._device = module, device

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        if isinstance(value, ModuleType):
            value = _Namespace(value, self._device)
        elif name in CREATION:
            value = partial(value, device=self._device)
        setattr(self, name, value)
        return value


@cache
def _namespace(device: Device) -> _Namespace:
    import array_api_compat.torch

    return _Namespace(array_api_compat.torch, _raw(device))


SPECIAL_NAMES = {
    "k0": "modified_bessel_k0", "k0e": "scaled_modified_bessel_k0", "k1": "modified_bessel_k1",
    "k1e": "scaled_modified_bessel_k1",
}  # fmt: skip
SPECIAL = frozenset(
    "digamma entr erf erfc erfcx erfinv exp2 expit gammainc gammaincc gammaln i0 i0e i1 i1e k0 k0e k1 k1e log_ndtr "
    "logit ndtr ndtri psi xlog1py xlogy zeta".split()
)
"""PyTorch's special functions that are exact to the last digits; its j0, j1, y0 and y1 lose half of them."""


class TorchBackend(Backend):
    """PyTorch's tensors as arrays.

    Notes
    -----
    - A slice with a negative step is a copy, since PyTorch's memory has no such strides (pytorch#59786). gradarray's
      writes reach it nevertheless; writes that PyTorch or NumPy makes in the shared memory do not.
    - A NumPy array with negative strides, or that is read-only, is copied where others are shared, for the same reason.
    - On a GPU, uint16, uint32 and uint64 are mostly computed with on the host; ``index_add`` adds in no fixed order;
      and an index array out of bounds ends the process's use of it, as PyTorch has it.
    """

    name = "torch"
    capabilities = Capabilities(shares_numpy_memory=True, negative_steps=False, prefers_arrays=True)

    # -- availability and devices --------------------------------------------------------------------------------------

    def unavailable(self) -> str | None:
        try:
            _torch()
        except ModuleNotFoundError as error:
            if error.name == "torch":
                return "PyTorch is not installed; see https://pytorch.org/get-started/locally/"
            return f"PyTorch is installed but cannot be imported: {error}"
        except Exception as error:  # it loads its libraries on import, and they fail in their own ways
            return f"PyTorch is installed but cannot be imported: {error}"
        return None

    def devices(self) -> Sequence[Device]:
        torch = _torch()
        gpus = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
        mps = [Device("torch", "mps")] if torch.backends.mps.is_available() else []
        return (CPU, *(Device("torch", "cuda", i) for i in gpus), *mps)

    @property
    def array_types(self) -> tuple[type, ...]:
        return (_torch().Tensor,)

    def owns(self, array: object) -> bool:
        return isinstance(array, getattr(sys.modules.get("torch"), "Tensor", ()))

    def device_of(self, array: Array) -> Device:
        return _ours(array.device)

    def capabilities_on(self, device: Device) -> Capabilities:
        return self.capabilities if device == CPU else replace(self.capabilities, shares_numpy_memory=False)

    def adopt(self, array: Array) -> Array:
        torch = _torch()
        if array.requires_grad:
            raise RuntimeError(
                "cannot adopt a torch.Tensor that requires a gradient: gradarray's tape knows nothing of PyTorch's. "
                "Use its .detach(), and requires_grad=True here for a leaf of gradarray's tape"
            )
        if array.layout != torch.strided:
            raise TypeError(f"expected a torch.Tensor of layout torch.strided, got {array.layout}; use its .to_dense()")
        if array.is_conj() or array.is_neg():  # a mark on the memory, which no other library sees
            array = array.resolve_conj().resolve_neg()
        return array if type(array) is torch.Tensor else array.as_subclass(torch.Tensor)

    def synchronize(self, device: Device) -> None:
        if device.type == "cuda":
            _torch().cuda.synchronize(device.index)
        elif device.type == "mps":
            _torch().mps.synchronize()

    # -- the namespace -------------------------------------------------------------------------------------------------

    def namespace(self, device: Device) -> Any:
        return _namespace(device)

    def kernels(self, device: Device) -> Mapping[str, Callable[..., Any]]:
        from gradarray_torch._kernels import KERNELS

        return KERNELS

    def special(self, device: Device) -> Any:
        import torch

        return SciPyFunctions(self, device, native=torch.special, names=SPECIAL_NAMES, only=SPECIAL)

    def in_place(self, device: Device) -> Mapping[str, Callable[[Array, Any], object]]:
        tensor = _torch().Tensor
        return {
            "add": tensor.add_,
            "subtract": tensor.sub_,
            "multiply": tensor.mul_,
            "divide": tensor.div_,
        }

    def dtypes(self, device: Device) -> Mapping[Any, DType]:
        table = super().dtypes(device)
        if device.type == "mps":  # Apple's GPUs have none of 64 bits
            return {raw: dtype for raw, dtype in table.items() if dtype.name not in ("float64", "complex128")}
        return table

    # -- memory --------------------------------------------------------------------------------------------------------

    def from_numpy(self, array: np.ndarray[Any, Any], device: Device, *, copy: bool) -> Array:
        native = np.dtype(array.dtype.name)  # of C's types of one width PyTorch knows one, and of byte orders its own
        array = array.view(native) if array.dtype.isnative else array.astype(native)
        if copy or not array.flags.writeable or any(step < 0 for step in array.strides):
            array = array.copy()
        return _torch().from_numpy(array).to(_raw(device))

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        host: np.ndarray[Any, Any] = array.numpy(force=True)
        return host

    def to_device(self, array: Array, device: Device) -> Array:
        return array.to(_raw(device), copy=True)

    def copy(self, array: Array) -> Array:
        return array.clone()

    def empty(self, shape: tuple[int, ...], dtype: DType, device: Device) -> Array:
        return _torch().empty(shape, dtype=self.raw_dtype(dtype, device), device=_raw(device))

    def from_dlpack(self, capsule: Any, device: Device, *, copy: bool | None) -> Array:
        if int(capsule.__dlpack_device__()[0]) != HOST:
            return _torch().from_dlpack(capsule, device=_raw(device), copy=copy)
        host = np.from_dlpack(capsule)  # strides that PyTorch has not would end the process (pytorch#188023)
        array = self.from_numpy(host, device, copy=bool(copy))
        if copy is False and (device != CPU or not np.shares_memory(self.to_numpy(array), host)):
            raise BufferError(f"copy=False, but PyTorch cannot share this memory on {device}: {host.strides} strides")
        return array

    def lends(self, array: Array) -> bool:
        users = getattr(_torch()._C, "_storage_Use_Count", None)  # views and buffers count, which Python does not see
        return users is not None and self.owns_memory(array) and users(array.untyped_storage()._cdata) == 2

    def borrow(self, array: Any, device: Device) -> Array | None:
        try:
            if int(array.__dlpack_device__()[0]) == HOST:
                host = np.from_dlpack(array)
                fits = device == CPU and all(step >= 0 and not step % host.itemsize for step in host.strides)
                return _torch().from_dlpack(host) if fits else None
            borrowed = _torch().from_dlpack(array)
        except (AttributeError, BufferError, RuntimeError, TypeError, ValueError):  # not exported, or of no such dtype
            return None
        return borrowed if _ours(borrowed.device) == device else None

    def getitem(self, array: Array, key: Any) -> Array:
        from gradarray_torch._indexing import getitem

        return getitem(array, key)

    def setitem(self, array: Array, key: Any, value: Array) -> Array:
        from gradarray_torch._indexing import setitem

        setitem(array, key, value)
        return array

    def index_add(self, array: Array, key: Any, value: Array) -> Array:
        from gradarray_torch._indexing import index_add

        index_add(array, key, value)
        return array

    def owns_memory(self, array: Array) -> bool:
        # what came from NumPy or by DLPack cannot be resized
        return not array._is_view() and array.untyped_storage().resizable()

    def strides(self, array: Array) -> tuple[int, ...]:
        return tuple(array.stride())


@hookimpl
def gradarray_backends() -> Sequence[Backend]:
    return [TorchBackend()]
