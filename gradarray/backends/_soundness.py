"""Whether a backend is what the contract says: as far as can be told without computing anything.

Knows the contract. Must not know which backends there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from gradarray.backends._contract import Backend, Capabilities
from gradarray.devices import SHORT, Device
from gradarray.dtypes import DType


def check_name(backend: Any) -> None:
    """Whether ``backend`` may be registered: what can be told before its library is imported.

    Raises
    ------
    TypeError
        If it is no instance of :class:`Backend`, or has no name.
    ValueError
        If no device can be named by its name.
    """
    if isinstance(backend, type) and issubclass(backend, Backend):
        raise TypeError(f"expected a backend, got the class {backend.__name__}; make one of it: {backend.__name__}()")
    if not isinstance(backend, Backend):
        raise TypeError(f"expected an instance of gradarray.backends.Backend, got {_shown(backend)}")
    kind, name = type(backend).__name__, getattr(backend, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"{kind}.name must be a str, by which devices name it, got {name!r}; write name = 'mine'")
    if not name.isidentifier():
        raise ValueError(f"{kind}.name must be a name such as 'mine', for devices 'mine:cpu', got {name!r}")
    if name in SHORT:
        raise ValueError(f"{kind}.name cannot be {name!r}, which is a device of the backend {SHORT[name]!r}")
    if not isinstance(backend.capabilities, Capabilities):
        raise TypeError(f"{kind}.capabilities must be a gradarray.backends.Capabilities, got {backend.capabilities!r}")


def breach(backend: Backend, others: Sequence[Backend]) -> str | None:
    """How a backend that can be used here breaks the contract, or None; ``others`` are in use already."""
    try:
        return next(_breaches(backend, others), None)
    except Exception as error:
        return f"it raised {told(error)}"


def _breaches(backend: Backend, others: Sequence[Backend]) -> Iterator[str]:
    devices, types = backend.devices(), backend.array_types
    if not isinstance(devices, Sequence) or not _all_are(Device, devices):
        yield f"devices() must give gradarray.backends.Devices, at least one, got {devices!r}"
    for i, device in enumerate(devices):
        if device.backend != backend.name:
            yield f"devices() gave {device!r}, of the backend {device.backend!r} and not of {backend.name!r}"
        if device in devices[:i]:
            yield f"devices() gave {device!r} twice"
        if not isinstance(can := backend.capabilities_on(device), Capabilities):
            yield f"capabilities_on({device!r}) must give gradarray.backends.Capabilities, got {can!r}"
        if backend.namespace(device) is None:
            yield f"namespace({device!r}) must give the library's Array API namespace, got None"
        if not isinstance(kernels := backend.kernels(device), Mapping) or not all(map(callable, kernels.values())):
            yield f"kernels({device!r}) must give functions by name, got {kernels!r}"
        dtypes = backend.dtypes(device)
        if not isinstance(dtypes, Mapping) or not _all_are(DType, dtypes.values()):
            yield f"dtypes({device!r}) must give gradarray.backends.DTypes by the library's dtypes, got {dtypes!r}"
    if not isinstance(types, tuple) or not _all_are(type, types):
        yield f"array_types must be a tuple of types, at least one, got {types!r}"
    for other in others:
        if shared := [t for t in types if t in other.array_types]:
            named = f"{shared[0].__module__}.{shared[0].__qualname__}"
            yield f"its arrays, {named}, are those of the backend {other.name!r} already"


def _all_are(kind: type, values: Collection[Any]) -> bool:
    """Whether these are some of the kind, and not none."""
    return len(values) > 0 and all(isinstance(value, kind) for value in values)


def told(error: Exception) -> str:
    """An error in a line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _shown(value: Any) -> str:
    return f"{value!r}, of type {type(value).__name__}"
