"""What a check takes for the same, and what it does not."""

import numpy as np
from gradarray_conformance.checks.test_drawn_operations import in_order_of
from gradarray_conformance.samples import Sample


def test_eigenvalues_are_the_same_in_any_order_and_only_if_each_is():
    want = np.asarray([[1 + 1j, 2, 3j], [5, 4, 4.00001]])
    got = want[:, [2, 0, 1]]
    np.testing.assert_array_equal(in_order_of(got, want, "linalg.eigvals"), got)
    assert not np.allclose(in_order_of(got + 1, want, "linalg.eigvals"), got + 1)
    np.testing.assert_array_equal(in_order_of(got, want, "linalg.eigvalsh"), want)


def test_a_sample_tells_how_its_arrays_lie_in_memory():
    x = np.ones((2, 3))
    assert str(Sample("cumulative_sum", (x,), {"axis": 0})) == "cumulative_sum(float64[2, 3], axis=0)"
    assert str(Sample("add", (x.T[::-1], 2.0))) == "add(float64[3, 2] of strides (-1, 3), 2.0)"
