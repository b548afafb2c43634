"""scipy.cluster.vq on the tape: the distances to the nearest code. Which code that is has no derivative.

Knows the public API and SciPy's signatures.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import gradarray as ga
from gradarray.integrations.teaching import array, teach, tensors


def vq(obs: Any, code_book: Any) -> tuple[Any, Any]:
    from scipy.cluster import vq

    x, codes = tensors(obs, code_book)
    nearest, _ = vq.vq(array(x), array(codes))
    index = ga.asarray(nearest, device=x.device)
    difference = x - ga.take(codes, index, axis=0)
    return index, ga.abs(difference) if x.ndim == 1 else ga.linalg.vector_norm(difference, axis=-1)


def register(module: ModuleType) -> None:
    """Add the branch to ``vq``."""
    teach(module, {"vq": vq})
