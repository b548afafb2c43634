"""opt_einsum on tensors, against NumPy."""

import numpy as np
import opt_einsum
import pytest

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(16)
A, B, C = R.standard_normal((3, 4)), R.standard_normal((4, 5)), R.standard_normal((5, 2, 3))


@pytest.mark.parametrize(
    ("pattern", "operands"), [("ij,jk->ik", (A, B)), ("ij,jk->ki", (A, B)), ("kli,ij->klj", (C, A))]
)
def test_by_products_alone(pattern, operands):
    agrees(lambda *xs: opt_einsum.contract(pattern, *xs), *operands)


@pytest.mark.skipif(not hasattr(ga, "einsum"), reason="gradarray.einsum is not there yet")
@pytest.mark.parametrize(
    ("pattern", "operands"), [("ij,jk,kli->li", (A, B, C)), ("ij->ji", (A,)), ("ij,ij->j", (A, A))]
)
def test_by_einsum(pattern, operands):
    agrees(lambda *xs: opt_einsum.contract(pattern, *xs), *operands)
