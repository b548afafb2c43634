"""The table: importing this package fills it. One file for each chapter of the standard, and more beyond it.

What neither the namespace nor a tensor has itself is entered by those who have it, when they are imported: the chapters
``special_*`` of :mod:`gradarray.ops.special`, and ``activation``. :func:`complete` is for who needs them all.
"""

from importlib import import_module

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
    "complete",
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


def complete() -> None:
    """Enter what is entered late."""
    import_module("gradarray.ops.activation")
    import_module("gradarray.ops.special")
