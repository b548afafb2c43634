"""The array-api-strict backend: devices ``strict:CPU_DEVICE``, ``strict:device1`` and the library's others.

Knows array-api-strict by its public face, and imports it only when asked. All its devices are host memory,
which it refuses to mix. DLPack shows it to NumPy, which indexes it as the library's own ``[…]`` may not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache, wraps
from types import ModuleType
from typing import Any

import numpy as np

from gradarray.backends import Array, Backend, Capabilities, Device, DType, hookimpl

# The functions of the standard that choose a device by themselves: all others follow their arguments.
CREATION = frozenset("arange asarray empty eye fftfreq from_dlpack full linspace ones rfftfreq zeros".split())


def _library() -> Any:
    import array_api_strict

    return array_api_strict


@cache
def _array_type() -> type[Any]:
    """The library's array type, which it does not export."""
    return type(_library().empty(0))


@cache
def _ours(device: Any) -> Device:
    """Our device for the library's, whose name only its ``repr`` tells: ``…Device('device1')``."""
    return Device("strict", repr(device).split("'")[1])


def _raw(device: Device) -> Any:
    """The library's device for ours."""
    return _library().Device(device.type)


class _Namespace:
    """The library as seen from one device: what it creates lies there, not on ``CPU_DEVICE``."""

    def __init__(self, module: ModuleType, device: Any) -> None:
        self._module, self._device = module, device

    def __getattr__(self, name: str) -> Any:  # nothing is kept: the library's flags take names away and back
        value = getattr(self._module, name)
        if isinstance(value, ModuleType):
            return _Namespace(value, self._device)
        if name not in CREATION:
            return value

        @wraps(value)
        def create(*args: Any, **kwargs: Any) -> Array:
            if kwargs.get("device") is None:
                inherits = bool(args) and isinstance(args[0], _array_type())
                kwargs["device"] = args[0].device if inherits else self._device
            return value(*args, **kwargs)

        return create


def _host(array: Array, device: Any) -> np.ndarray[Any, Any]:
    """NumPy's view of ``array``, which must lie on ``device``, as what it is combined with does."""
    if array.device != device:
        raise ValueError(f"expected an array on {_ours(device)}, got one on {_ours(array.device)}")
    return np.from_dlpack(array)


def _key(key: Any, device: Any) -> tuple[Any, ...]:
    """``key`` for NumPy's view of an array on ``device``; its ``...`` makes NumPy's scalars 0-d views."""
    keys = key if isinstance(key, tuple) else (key,)
    host = tuple(_host(k, device) if isinstance(k, _array_type()) else k for k in keys)
    return host if any(k is Ellipsis for k in host) else (*host, ...)


@cache
def _missing(device: Device) -> Mapping[str, str]:
    """The dtypes that a device lacks, each with the reason."""
    info = _library().__array_namespace_info__()
    lacking = sorted(info.dtypes().keys() - info.dtypes(device=_raw(device)).keys())
    return dict.fromkeys(lacking, f"array-api-strict's device {device.type!r} stands for hardware without it")


def strong_multiply(g: Array, p: Array) -> Array:
    """``g * p`` where a zero in ``g`` beats an inf or nan in ``p``."""
    xp, product = _library(), g * p
    return xp.where(g == 0, xp.zeros((), dtype=product.dtype, device=product.device), product)


def view(x: Array, *, shape: tuple[int, ...]) -> Array:
    """NumPy's; the library's takes it for a copy where there is nothing, which shares no memory."""
    return _library().asarray(np.from_dlpack(x).reshape(shape, copy=False), device=x.device, copy=False)


class StrictBackend(Backend):
    """array-api-strict: devices that cannot be mixed, on any machine, and no function beyond the standard."""

    name = "strict"
    capabilities = Capabilities(shares_numpy_memory=True)

    def devices(self) -> Sequence[Device]:
        info = _library().__array_namespace_info__()
        return tuple(map(_ours, dict.fromkeys([info.default_device(), *info.devices()])))

    @property
    def array_types(self) -> tuple[type, ...]:
        return (_array_type(),)

    def capabilities_on(self, device: Device) -> Capabilities:
        missing = _missing(device)
        return replace(self.capabilities, missing=missing) if missing else self.capabilities

    def owns(self, array: object) -> bool:
        return "array_api_strict" in sys.modules and isinstance(array, _array_type())

    def device_of(self, array: Array) -> Device:
        return _ours(array.device)

    def namespace(self, device: Device) -> Any:
        return _Namespace(_library(), _raw(device))

    def kernels(self, device: Device) -> Mapping[str, Callable[..., Any]]:
        def copied(function: Callable[..., Array]) -> Callable[..., Array]:
            return wraps(function)(lambda *args, **kw: _library().asarray(function(*args, **kw), copy=True))

        # the library gives a view of its input for these, or the input itself where that holds integers
        names = ("ceil", "flip", "floor", "imag", "real", "trunc")
        mended = {name: copied(getattr(_library(), name)) for name in names}
        return mended | {"strong_multiply": strong_multiply, "view": view}

    def walk_scope(self) -> AbstractContextManager[object]:
        return np.errstate(all="ignore")  # its kernels are NumPy's, which warned in the forward pass

    def dtypes(self, device: Device) -> Mapping[Any, DType]:
        present = _library().__array_namespace_info__().dtypes(device=_raw(device))
        return {raw: dtype for raw, dtype in super().dtypes(device).items() if dtype.name in present}

    def from_numpy(self, array: np.ndarray[Any, Any], device: Device, *, copy: bool) -> Array:
        return _library().asarray(array, device=_raw(device), copy=copy)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        return np.from_dlpack(array)

    def from_dlpack(self, capsule: Any, device: Device, *, copy: bool | None) -> Array:
        return self.from_numpy(np.from_dlpack(capsule, copy=copy), device, copy=False)

    def borrow(self, array: Any, device: Device) -> Array | None:
        try:
            return self.from_dlpack(array, device, copy=False)
        except (AttributeError, BufferError, RuntimeError, TypeError, ValueError):  # not of the host, or not exported
            return None

    def getitem(self, array: Array, key: Any) -> Array:
        view = np.from_dlpack(array)[_key(key, array.device)]
        return _library().asarray(view, device=array.device, copy=False)

    def strides(self, array: Array) -> tuple[int, ...]:
        host = np.from_dlpack(array)
        return tuple(step // host.itemsize for step in host.strides)

    def setitem(self, array: Array, key: Any, value: Array) -> Array:
        np.from_dlpack(array)[_key(key, array.device)] = _host(value, array.device)
        return array

    def index_add(self, array: Array, key: Any, value: Array) -> Array:
        np.add.at(np.from_dlpack(array), _key(key, array.device), _host(value, array.device))
        return array


@hookimpl
def gradarray_backends() -> Sequence[Backend]:
    return [StrictBackend()]
