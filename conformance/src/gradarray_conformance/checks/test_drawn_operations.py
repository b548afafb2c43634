"""What holds of every operation, for calls that hypothesis draws: up to five dimensions, empty ones, layouts, values.

The forward is NumPy's; ⟨v, vjp(u)⟩ = ⟨jvp(v), u⟩ to round-off, also at the kinks that are drawn now and then; a
gradient has its input's shape; inputs stay as they were.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given

import gradarray as ga
from gradarray_conformance.needs import double_precision  # noqa: F401 - a fixture
from gradarray_conformance.profiles import examples
from gradarray_conformance.samples import (
    DIFFERENTIABLE,
    TOLERANCE,
    Array,
    Sample,
    about,
    beyond_the_standard,
    host,
    inner,
    jvp,
    noise,
    roads,
    run,
    shape_of,
    tensors,
)
from gradarray_conformance.strategies import calls

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
EXACT = TOLERANCE["float64"].exact
PHASED = ("linalg.eigh", "linalg.eig", "linalg.svd", "linalg.qr")  # a library may choose signs and phases


def in_order_of(got: Array, want: Array, name: str) -> Array:
    """``want``, but eigenvalues in the order of ``got``: a library may give them in any."""
    if name != "linalg.eigvals" or not want.size or got.shape != want.shape:
        return want
    rows = []
    for found, row in zip(got.reshape(-1, want.shape[-1]), want.reshape(-1, want.shape[-1]), strict=True):
        left = list(row)
        rows.append([left.pop(int(np.argmin(np.abs(np.asarray(left) - x)))) for x in found])
    return np.asarray(rows).reshape(want.shape)


def round_off(name: str) -> float:
    """That of matrices is multiplied by how far they are from singular ones."""
    return 100 * EXACT if name.startswith("linalg.") or name == "cofactor" else EXACT


@pytest.mark.parametrize("name", sorted(DIFFERENTIABLE))
def test_drawn_forward_is_numpys_and_vjp_the_adjoint_of_jvp(name: str, device: str) -> None:
    @examples(0.5)
    @given(calls(name))
    def check(sample: Sample) -> None:
        assume(device == "cpu" or not beyond_the_standard(sample))
        exact, want = round_off(name), sample.output
        vs = {i: sample.direction(i, 3 + i) for i in sample.active}
        u = noise(want, 5)
        with about(sample):
            tangent = jvp(sample, vs, device)
            assert tangent.shape == want.shape
        for road in roads(name):
            with about(sample):
                xs = tensors(sample.arrays, device, sample.active)
                out = run(sample, xs, road)
                if name in PHASED:
                    assert shape_of(out) == want.shape
                else:
                    np.testing.assert_allclose(host(out), in_order_of(host(out), want, name), rtol=exact, atol=exact)
                leaves = [xs[i] for i in sample.active]
                seed = ga.asarray(u, device=device)
                gs = [host(g) for g in ga.autograd.grad(out, leaves, seed, materialize_grads=True)]
                assert [g.shape for g in gs] == [sample.arrays[i].shape for i in sample.active]
                pairs = list(zip(vs.values(), gs, strict=True))
                size = sum(float(np.sum(np.abs(v * g))) for v, g in pairs) + float(np.sum(np.abs(tangent * u)))
                left, right = sum(inner(v, g) for v, g in pairs), inner(tangent, u)
                assert abs(left - right) <= exact * max(1.0, size), (left, right)
                for x, array in zip(xs, sample.arrays, strict=True):
                    if isinstance(array, np.ndarray):
                        np.testing.assert_array_equal(host(x), array)

    check()
