"""Elementwise functions of neural networks that are no mere composition: ``torch.nn.functional``."""

from __future__ import annotations

import math
from typing import Any

from gradarray._primitive import elementwise
from gradarray.ops import special_error, special_slopes

assert special_error and special_slopes, "importing them has entered erf and, where arrays lie in chunks, its slope"

# -- the Gaussian error linear unit: x Φ(x) ----------------------------------------------------------------------------


def _normal_cdf(xp: Any, x: Any) -> Any:
    return 0.5 * (1 + xp.special.erf(x * math.sqrt(0.5)))


elementwise(
    "gelu",
    lambda xp, x: _normal_cdf(xp, x) + x * xp.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi)),
    forward=lambda xp, x: x * _normal_cdf(xp, x),
    accepts="floating",
)

# -- the cross-entropy of a probability --------------------------------------------------------------------------------


def _limited_log(xp: Any, x: Any) -> Any:
    """The logarithm from -100 up, as in PyTorch, so that a certain error costs much but not all."""
    never = x == 0
    return xp.where(never, xp.full_like(x, -100.0), xp.maximum(xp.log(xp.where(never, xp.ones_like(x), x)), -100.0))


elementwise(
    "binary_cross_entropy",
    lambda xp, x1, x2: (x1 - x2) / xp.maximum(x1 * (1 - x1), 1e-12),
    lambda xp, x1: xp.log1p(-x1) - xp.log(x1),
    forward=lambda xp, x1, x2: -x2 * _limited_log(xp, x1) - (1 - x2) * _limited_log(xp, 1 - x1),
    accepts="floating",
    singular=True,
    domain="probability",
)
