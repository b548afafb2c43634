"""The table: importing this package fills it. One file for each chapter of the standard, and
for each family of special functions.
"""

from gradarray.ops import (
    decompositions,
    elementwise,
    fft,
    indexing,
    linalg,
    manipulation,
    searching,
    sorting,
    special_bessel,
    special_beta,
    special_distributions,
    special_elementary,
    special_error,
    special_gamma,
    special_hypergeometric,
    special_integrals,
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
    "special_bessel",
    "special_beta",
    "special_distributions",
    "special_elementary",
    "special_error",
    "special_gamma",
    "special_hypergeometric",
    "special_integrals",
    "statistical",
]
