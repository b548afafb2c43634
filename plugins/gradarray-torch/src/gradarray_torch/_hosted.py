"""Integers for which PyTorch has no kernel: NumPy computes on the host.

Those are uint16, uint32 and uint64, for which it has memory but little more (pytorch#58734), and on a GPU the product
of matrices of any integers.

Knows PyTorch and NumPy. Must not know gradarray. On the CPU the arrays are shared, not copied; a GPU has to wait.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor

INTEGERS = (torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.uint16, torch.uint32, torch.uint64)


def hosted(function: Callable[..., Any], on_host: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` of an array and parameters, and NumPy's ``on_host`` where PyTorch has no kernel for its dtype."""

    @wraps(function, updated=())
    def run(x: Any, *rest: Any, **params: Any) -> Any:
        try:
            return function(x, *rest, **params)
        except NotImplementedError:
            return _on_host(on_host, (x, *rest), params)

    return run


def hosted_pair(function: Callable[[Any, Any], Any], on_host: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    """The same of two operands, one of which may be a Python number."""

    @wraps(function, updated=())
    def run(x1: Any, x2: Any) -> Any:
        try:
            return function(x1, x2)
        except NotImplementedError:
            return _on_host(on_host, (x1, x2), {})

    return run


def _on_host(function: Callable[..., Any], xs: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    arrays = [x for x in xs if isinstance(x, Tensor)]
    if not any(x.dtype in INTEGERS for x in arrays):
        given = ", ".join(str(x.dtype) for x in arrays)
        raise TypeError(f"PyTorch has no such function of {given}")
    with np.errstate(all="ignore"):
        found = function(*(x.numpy(force=True) if isinstance(x, Tensor) else x for x in xs), **params)
    return torch.from_numpy(np.array(found)).to(arrays[0].device)
