"""What a check takes for the same, and what it does not."""

import numpy as np
from gradarray_conformance.checks.test_drawn_operations import in_order_of


def test_eigenvalues_are_the_same_in_any_order_and_only_if_each_is():
    want = np.asarray([[1 + 1j, 2, 3j], [5, 4, 4.00001]])
    got = want[:, [2, 0, 1]]
    np.testing.assert_array_equal(in_order_of(got, want, "linalg.eigvals"), got)
    assert not np.allclose(in_order_of(got + 1, want, "linalg.eigvals"), got + 1)
    np.testing.assert_array_equal(in_order_of(got, want, "linalg.eigvalsh"), want)
