"""The table: importing this package fills it. One file for each chapter of the standard, and a few beyond it."""

from gradarray.ops import (
    activation,
    decompositions,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    searching,
    softmax,
    sorting,
    statistical,
    windows,
)

__all__ = [
    "activation",
    "decompositions",
    "elementwise",
    "fft",
    "indexing",
    "linalg",
    "manipulation",
    "searching",
    "softmax",
    "sorting",
    "statistical",
    "windows",
]
