"""dask: an ``Array`` may have tensors as chunks, and differentiates through them.

Knows the public API and ``register_chunk_type``.
"""

from __future__ import annotations

from types import ModuleType

import gradarray as ga


def register(dask_array: ModuleType) -> None:
    """Say that tensors are chunks, to which an ``Array`` does not defer."""
    try:
        dask_array.register_chunk_type(ga.Tensor)
    except NotImplementedError:  # with query planning, dask knows no other chunks than its own
        pass
