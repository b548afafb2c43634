"""From a graph to its values in NumPy.

Knows Dask and NumPy. Must not know gradarray.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import dask
import dask.threaded
import numpy as np
from dask.base import get_scheduler

Array = Any

SMALL = 2**16  # bytes


def values(x: Array) -> np.ndarray[Any, Any]:
    """What ``x`` holds, computed by whatever scheduler Dask uses.

    Dask first optimises a graph: it leaves out what is not asked for, fuses steps that follow one another, and reads
    less where only a part is taken. Then it hands each step to a thread. Small arrays of one chunk have nothing to gain
    from either, and pay: twice as long for a few steps, and for thousands of them, as of a loop, quadratically or with
    a RecursionError. They are computed as they are, and in this thread unless a scheduler has been chosen.
    """
    if not _is_plain(x.dask):
        return np.asarray(x.compute())
    chosen = dask.config.get("scheduler", None) is not None or get_scheduler(collections=(x,)) is not dask.threaded.get
    return np.asarray(x.compute(optimize_graph=False, scheduler=None if chosen else "synchronous"))


def _is_plain(graph: Any) -> bool:
    """Whether each step of a graph is a small array of one chunk, as far as Dask knows."""
    layers = getattr(graph, "layers", None)
    return layers is not None and all(_is_small(layer.collection_annotations) for layer in layers.values())


def _is_small(array: Mapping[str, Any] | None) -> bool:
    """Whether a layer, by what Dask notes of the array that it is, has one small chunk; not if nothing is noted."""
    if array is None or any(len(lengths) != 1 for lengths in array["chunks"]):
        return False
    return bool(math.prod(array["shape"]) * array["dtype"].itemsize <= SMALL)  # nan, an unknown length, is not
