"""The table's special functions: importing this module enters them."""

from gradarray.ops import (
    special_bessel,
    special_beta,
    special_distributions,
    special_elementary,
    special_error,
    special_gamma,
    special_hypergeometric,
    special_integrals,
    special_slopes,
)

__all__ = [
    "special_bessel",
    "special_beta",
    "special_distributions",
    "special_elementary",
    "special_error",
    "special_gamma",
    "special_hypergeometric",
    "special_integrals",
    "special_slopes",
]
