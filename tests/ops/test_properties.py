"""What holds for every shape, of up to four dimensions, empty ones too, and for every value of an operation's domain.

The forward is NumPy's, a gradient has its input's shape, and ⟨v, vjp(u)⟩ = ⟨jvp(v), u⟩ to round-off, also at the kinks
that are drawn now and then.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gradarray as ga
from gradarray._primitive import TABLE

from .samples import DOMAINS, TOLERANCE, Sample, about, host, inner, jvp, noise, roads, tensors
from .samples_special import COUNTS, domains

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
drawn = settings(
    max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
EXACT = TOLERANCE["float64"].exact

ELEMENTWISE = sorted(name for name, record in TABLE.items() if record.kind == "elementwise")
REDUCTIONS = ("sum", "mean", "max", "min", "prod", "var", "std", "linalg.vector_norm")
SCANS = ("cumulative_sum", "cumulative_prod")
OF_NONE = ("sum", "prod")  # the reductions that have a value where there is nothing to reduce


def values(domain: str) -> st.SearchStrategy[float]:
    low, high = DOMAINS[domain]
    numbers = st.floats(low, high, allow_subnormal=False)
    if domain == "nonzero":
        return st.builds(lambda x, sign: x * sign, numbers, st.sampled_from((1.0, -1.0)))
    return numbers


def arrays(domain: str, shape) -> st.SearchStrategy[np.ndarray]:
    if domain in COUNTS:
        return hnp.arrays(np.int64, shape, elements=st.integers(*map(int, DOMAINS[domain])))
    return hnp.arrays(np.float64, shape, elements=values(domain))


@st.composite
def elementwise_calls(draw, name):
    record = TABLE[name]
    if name == "pow_number":
        x = draw(arrays("real", hnp.array_shapes(min_dims=0, max_dims=4, max_side=3)))
        return Sample(name, (x, draw(st.integers(1, 4))))
    shapes = draw(hnp.mutually_broadcastable_shapes(num_shapes=record.inputs, min_side=0, max_side=3, max_dims=4))
    inputs = list(shapes.input_shapes)
    if name == "overwrite":  # the second is broadcast to the first
        inputs[0] = shapes.result_shape
    params = {"min": -1.0, "max": 1.0} if name == "clamp" else {}
    return Sample(name, tuple(map(draw, map(arrays, domains(name), inputs))), params)


@st.composite
def reductions(draw, name):
    low = 0 if name in OF_NONE else 1
    x = draw(arrays(TABLE[name].domain, hnp.array_shapes(min_dims=0, max_dims=4, min_side=low, max_side=3)))
    axis = None
    if x.ndim:
        one = st.integers(-x.ndim, x.ndim - 1)
        axis = draw(st.one_of(st.none(), one, st.lists(one, unique_by=lambda a: a % x.ndim).map(tuple)))
    params: dict[str, Any] = {"axis": axis, "keepdims": draw(st.booleans())}
    if name in ("var", "std"):
        params["correction"] = 0.0
    if name == "linalg.vector_norm":
        params["ord"] = draw(st.sampled_from((1, 2, 3, np.inf)))
    return Sample(name, (x,), params)


@st.composite
def scans(draw, name):
    x = draw(arrays("real", hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)))
    return Sample(name, (x,), {"axis": draw(st.integers(-x.ndim, x.ndim - 1))})


def check(sample: Sample) -> None:
    want = sample.output
    vs = {i: noise(x, 3 + i) for i, x in enumerate(sample.arrays) if i in sample.active}
    u = noise(want, 5)
    for road in roads(sample.name):
        with about(sample):
            xs = tensors(sample.arrays, "cpu", sample.active)
            out = road(*xs, **sample.params)
            np.testing.assert_allclose(host(out.detach()), want, rtol=EXACT, atol=EXACT)
            leaves = [xs[i] for i in sample.active]
            gs = [host(g) for g in ga.autograd.grad(out, leaves, ga.asarray(u), materialize_grads=True)]
            assert [g.shape for g in gs] == [sample.arrays[i].shape for i in sample.active]
            tangent = jvp(sample, vs, "cpu")
            assert tangent.shape == want.shape
            size = sum(float(np.sum(np.abs(v * g))) for v, g in zip(vs.values(), gs, strict=True))
            left, right = sum(inner(v, g) for v, g in zip(vs.values(), gs, strict=True)), inner(tangent, u)
            assert abs(left - right) <= EXACT * max(1.0, size, float(np.sum(np.abs(tangent * u)))), (left, right)


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name):
    @drawn
    @given(elementwise_calls(name))
    def run(sample):
        check(sample)

    run()


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduction(name):
    @drawn
    @given(reductions(name))
    def run(sample):
        check(sample)

    run()


@pytest.mark.parametrize("name", SCANS)
def test_scan(name):
    @drawn
    @given(scans(name))
    def run(sample):
        check(sample)

    run()
