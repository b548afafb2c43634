"""What checks of a backend's own arrays are made of: arrays to put there, the functions found there, a comparison.

Knows NumPy, for the truth, and the contract of backends. Must not know tensors, or any backend by name.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from gradarray.backends import Array, Backend, Device, DType

Host = np.ndarray[Any, Any]

EXTREMES: dict[str, list[Any]] = {
    "b": [True, False],
    "f": [0.0, -0.0, 1.5, np.inf, -np.inf, np.nan],
    "c": [0, complex(-0.0, -0.0), 1 + 2j, complex(np.inf, -np.inf), complex(np.nan, 0)],
}


def within(backend: Backend, device: Device) -> AbstractContextManager[object]:
    """The context that kernels run in."""
    scope = backend.scope(device)
    return nullcontext() if scope is None else scope()


def function(backend: Backend, device: Device, name: str) -> Callable[..., Any]:
    """The function that gradarray would take: the backend's own kernel, else the namespace's."""
    found: Callable[..., Any] = backend.kernels(device).get(name) or getattr(backend.namespace(device), name)
    return found


def grid(shape: tuple[int, ...] = (3, 4), dtype: str = "float32") -> Host:
    """Distinct values, as far as ``dtype`` has them; complex ones with an imaginary part."""
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    return np.asarray(values * (1 + 2j) if np.dtype(dtype).kind == "c" else values).astype(dtype)


def extremes(dtype: DType) -> Host:
    """Values of ``dtype`` that are easily lost on the way."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype.name)
        return np.array([0, 1, limits.min, limits.max], dtype.name)
    return np.array(EXTREMES[dtype.kind], dtype.name)


def put(backend: Backend, array: Any, device: Device) -> Any:
    """A copy of a NumPy array on ``device``, and so for the arrays in a key."""
    if isinstance(array, tuple):
        return tuple(put(backend, k, device) for k in array)
    return backend.from_numpy(array, device, copy=True) if isinstance(array, np.ndarray) else array


def check(backend: Backend, array: Array, expected: Host, device: Device) -> None:
    """``array`` is the backend's, on ``device``, of the dtype, shape, values and signs of zero of ``expected``."""
    types = ", ".join(kind.__name__ for kind in backend.array_types)
    assert type(array) in backend.array_types, f"expected an array of type {types}, got {array!r}"
    where = backend.device_of(array)
    assert where == device, f"device_of() says {where!r}, expected {device!r}"
    host = backend.to_numpy(array)
    assert type(host) is np.ndarray
    np.testing.assert_array_equal(host, expected, strict=True)
    if host.dtype.kind in "fc":
        np.testing.assert_array_equal(np.signbit(host.real), np.signbit(expected.real))
        np.testing.assert_array_equal(np.signbit(host.imag), np.signbit(expected.imag))


def wrapped(backend: Backend, device: Device, result: Any) -> Array:
    """``result`` as gradarray takes it: what is not of the backend's type goes through its ``asarray``."""
    if type(result) is backend.array_types[0]:
        return result
    with within(backend, device):
        return function(backend, device, "asarray")(result)


def taken(backend: Backend, device: Device, array: Array, key: Any) -> Array:
    """``array[key]`` as gradarray takes it: inside of the scope, as every kernel."""
    with within(backend, device):
        return backend.getitem(array, key)
