"""What holds of every operation, for calls that hypothesis draws: up to five dimensions, empty ones, layouts, values.

The forward is NumPy's; ⟨v, vjp(u)⟩ = ⟨jvp(v), u⟩ to round-off, also at the kinks that are drawn now and then; a
gradient has its input's shape, dtype and device, in every precision; inputs stay as they were.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import gradarray as ga

from .samples import DIFFERENTIABLE, TOLERANCE, Sample, about, host, inner, jvp, lowered, noise, roads, run, tensors
from .strategies import CALLS

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
drawn = settings(
    max_examples=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
EXACT = TOLERANCE["float64"].exact
PHASED = ("linalg.eigh", "linalg.eig", "linalg.svd", "linalg.qr")  # a library may choose signs and phases


def test_every_differentiable_operation_is_drawn():
    assert set(CALLS) == set(DIFFERENTIABLE)


def round_off(name: str) -> float:
    """That of matrices is multiplied by how far they are from singular ones."""
    return 100 * EXACT if name.startswith("linalg.") or name == "cofactor" else EXACT


def check(sample: Sample) -> None:
    exact = round_off(sample.name)
    want = sample.output
    vs = {i: sample.direction(i, 3 + i) for i in sample.active}
    u = noise(want, 5)
    for road in roads(sample.name):
        with about(sample):
            xs = tensors(sample.arrays, "cpu", sample.active)
            out = run(sample, xs, road)
            if sample.name in PHASED:
                assert out.shape == want.shape
            else:
                np.testing.assert_allclose(host(out.detach()), want, rtol=exact, atol=exact)
            leaves = [xs[i] for i in sample.active]
            gs = [host(g) for g in ga.autograd.grad(out, leaves, ga.asarray(u), materialize_grads=True)]
            assert [g.shape for g in gs] == [sample.arrays[i].shape for i in sample.active]
            tangent = jvp(sample, vs, "cpu")
            assert tangent.shape == want.shape
            pairs = list(zip(vs.values(), gs, strict=True))
            size = sum(float(np.sum(np.abs(v * g))) for v, g in pairs) + float(np.sum(np.abs(tangent * u)))
            left, right = sum(inner(v, g) for v, g in pairs), inner(tangent, u)
            assert abs(left - right) <= exact * max(1.0, size), (left, right)
            for x, array in zip(xs, sample.arrays, strict=True):
                if isinstance(array, np.ndarray):
                    np.testing.assert_array_equal(host(x.detach()), array)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_forward_adjoint_and_shapes(name):
    @drawn
    @given(CALLS[name](name))
    def run(sample):
        check(sample)

    run()


@pytest.mark.parametrize("name", sorted(name for name in CALLS if name != "astype"))
def test_single_precision_stays_single(name):
    """In 32 bits (64 for complex numbers) no result and no gradient is of another precision or on another device."""

    @settings(drawn, max_examples=8)
    @given(CALLS[name](name))
    def run(sample):
        xs = tensors([lowered(x) for x in sample.arrays], "cpu", sample.active)
        leaves = [xs[i] for i in sample.active]
        with about(sample):
            for road in roads(name):
                out = road(*xs, **sample.params)
                for y in out if isinstance(out, tuple) else (out,):
                    assert y.dtype in (ga.float32, ga.complex64) and y.device == xs[0].device
                joined = ga.concat([ga.reshape(y, (-1,)) for y in out]) if isinstance(out, tuple) else out
                for x, g in zip(leaves, ga.autograd.grad(joined, leaves, ga.ones_like(joined)), strict=True):
                    assert (g.shape, g.dtype, g.device) == (x.shape, x.dtype, x.device)

    run()
