"""Random numbers: drawn by NumPy, as on every device, as long as they fit one chunk; chunk by chunk beyond that.

Knows the contract's source of random numbers, Dask and NumPy.
"""

from __future__ import annotations

from typing import Any

import dask.array as da

from gradarray.backends import Array, DType, RandomSource


class DaskSource(RandomSource):
    """What does not fit one chunk is drawn by the workers, from seeds that this source draws."""

    def _chunks(self, shape: tuple[int, ...], dtype: DType) -> Any:
        """The chunks of such an array, or None where one holds it."""
        chunks = da.core.normalize_chunks("auto", shape, dtype=dtype.__numpy_dtype__)
        return chunks if any(len(c) > 1 for c in chunks) else None

    def _workers(self) -> Any:
        return da.random.default_rng(int(self._host.integers(2**63)))

    def uniform(self, shape: tuple[int, ...], dtype: DType) -> Array:
        chunks = self._chunks(shape, dtype)
        if chunks is None:
            return super().uniform(shape, dtype)
        return self._workers().random(shape, dtype=dtype.__numpy_dtype__, chunks=chunks)

    def normal(self, shape: tuple[int, ...], dtype: DType) -> Array:
        chunks = self._chunks(shape, dtype)
        if chunks is None:
            return super().normal(shape, dtype)
        return self._workers().standard_normal(shape, chunks=chunks).astype(dtype.__numpy_dtype__)

    def integers(self, low: int, high: int, shape: tuple[int, ...], dtype: DType) -> Array:
        chunks = self._chunks(shape, dtype)
        if chunks is None:
            return super().integers(low, high, shape, dtype)
        return self._workers().integers(low, high, shape, dtype=dtype.__numpy_dtype__, chunks=chunks)
