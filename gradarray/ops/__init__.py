"""The table: importing this package fills it. One file for each chapter of the standard, and more beyond it.

What neither the namespace nor a tensor has itself is entered by those who have it, when they are imported: the chapters
``special_*`` of :mod:`gradarray.ops.special`, and ``activation``.
"""

from gradarray.ops import (
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
