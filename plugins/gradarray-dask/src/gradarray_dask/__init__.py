"""The Dask backend: chunked, lazy arrays on the device ``dask:cpu``.

Imports Dask only when asked. Nothing is computed before a value is asked for, neither forward nor backward; what
computes then is Dask's scheduler: threads, or the cluster whose ``Client`` is open.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from gradarray.backends import Array, Backend, Capabilities, Device, DType, NumPyFunctions, RandomSource, hookimpl

CPU = Device("dask", "cpu")


class DaskBackend(Backend):
    """Dask: arrays in chunks, larger than memory, on threads or on a cluster."""

    name = "dask"
    protocols: ClassVar = {"to_dask_array": lambda array: array}  # by which Dask's functions take it, uncomputed
    capabilities = Capabilities(
        mutable=False,
        views=False,
        lazy=True,
        unknown_shapes=True,
        missing=dict.fromkeys(
            ("unique_all", "unique_counts"),
            "Dask does not know how many elements are distinct, and cannot compare arrays of unknown length in "
            "different chunks (dask/dask#11831)",
        ),
    )

    def unavailable(self) -> str | None:
        try:
            import dask.array  # noqa: F401
        except ModuleNotFoundError as error:
            if error.name not in ("dask", "dask.array"):
                return f"Dask is installed but cannot be imported: {error}"
            return 'Dask is not installed; pip install "dask[array]"'
        except ImportError as error:
            return f'Dask is installed but its arrays cannot be imported: {error}; pip install "dask[array]"'
        return None

    def devices(self) -> Sequence[Device]:
        return (CPU,)

    @property
    def array_types(self) -> tuple[type, ...]:
        import dask.array as da

        return (da.Array,)

    def owns(self, array: object) -> bool:
        return "dask.array" in sys.modules and isinstance(array, self.array_types)

    def device_of(self, array: Array) -> Device:
        return CPU

    def namespace(self, device: Device) -> Any:
        import array_api_compat.dask.array as namespace

        return namespace

    def special(self, device: Device) -> Any:
        return NumPyFunctions()  # ufuncs, which Dask applies to each chunk when it is computed

    def kernels(self, device: Device) -> Mapping[str, Callable[..., Any]]:
        from gradarray_dask._kernels import KERNELS

        return KERNELS

    def raw_dtype(self, dtype: DType, device: Device) -> Any:
        return dtype.__numpy_dtype__

    def shape(self, array: Array) -> tuple[int, ...]:
        from gradarray_dask._shapes import lengths

        return lengths(array)

    def from_numpy(self, array: np.ndarray[Any, Any], device: Device, *, copy: bool) -> Array:
        import dask.array as da

        from gradarray_dask._shapes import chunked

        # always copied: the graph holds it for as long as it is not computed
        return da.from_array(np.array(array), chunks=chunked(array.shape, array.dtype), name=False)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        from gradarray_dask._computing import values

        return values(array)

    def copy(self, array: Array) -> Array:
        return array.copy()

    def empty(self, shape: tuple[int, ...], dtype: DType, device: Device) -> Array:
        import dask.array as da

        from gradarray_dask._shapes import chunked

        return da.empty(shape, dtype=dtype.__numpy_dtype__, chunks=chunked(shape, dtype.__numpy_dtype__))

    def from_dlpack(self, capsule: Any, device: Device, *, copy: bool | None) -> Array:
        if copy is False:
            raise BufferError("Dask keeps a copy of what is not its own; use copy=None or copy=True")
        return self.from_numpy(np.from_dlpack(capsule), device, copy=True)

    def getitem(self, array: Array, key: Any) -> Array:
        from gradarray_dask._indexing import read

        return read(array, key)

    def setitem(self, array: Array, key: Any, value: Array) -> Array:
        from gradarray_dask._indexing import write

        return write(array, key, value, add=False)

    def index_add(self, array: Array, key: Any, value: Array) -> Array:
        from gradarray_dask._indexing import write

        return write(array, key, value, add=True)

    def index_adjoint(self, value: Array, key: Any, shape: tuple[int, ...]) -> Array:
        from gradarray_dask._indexing import write
        from gradarray_dask._shapes import zeros

        return write(zeros(shape, value.dtype), key, value, add=True)

    def generator(self, device: Device, seed: int) -> RandomSource:
        from gradarray_dask._random import DaskSource

        return DaskSource(self, device, seed)


@hookimpl
def gradarray_backends() -> Sequence[Backend]:
    return [DaskBackend()]
