"""The table: importing this package fills it. One file for each chapter of the standard."""

from gradarray.ops import (
    decompositions,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    searching,
    sorting,
    statistical,
)

__all__ = [
    "decompositions",
    "elementwise",
    "fft",
    "indexing",
    "linalg",
    "manipulation",
    "searching",
    "sorting",
    "statistical",
]
