"""Reductions that Dask refuses or gets wrong on arrays that are empty, or of unknown length.

Knows Dask and NumPy. Must not know gradarray.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dask.array as da
import numpy as np

from gradarray_dask._shapes import whole

Array = Any


def _extremum(function: Callable[..., Array]) -> Callable[..., Array]:
    """``da.max`` or ``da.min``, which refuse an array that is empty along an axis that stays."""

    def reduced(x: Array, *, axis: Any = None, keepdims: bool = False) -> Array:
        if 0 not in x.shape:
            return function(x, axis=axis, keepdims=keepdims)
        host = (np.max if function is da.max else np.min)(np.empty(x.shape, x.dtype), axis=axis, keepdims=keepdims)
        return whole(host)

    return reduced


maximum = _extremum(da.max)
minimum = _extremum(da.min)
