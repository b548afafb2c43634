"""What parameters of layers must be like. Knows shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradarray._dispatch import ShapeError
from gradarray.functions.statistical import check_tensor


def check_shape(x: Any, shape: Sequence[int], name: str, what: str) -> None:
    """See that ``x``, where there is one, has just that shape: one that broadcasts would change what comes out.

    Raises
    ------
    RuntimeError
        As PyTorch does.
    """
    if x is not None and check_tensor(x)._data.shape != tuple(shape):
        raise ShapeError(f"{name}: {what} must be of shape {list(shape)}, got {list(x._data.shape)}")
