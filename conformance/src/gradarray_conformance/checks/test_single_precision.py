"""Every operation in 32 bits, 64 for complex numbers, for calls that are drawn; also where there is no float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given

import gradarray as ga
from gradarray_conformance.checks.test_drawn_operations import PHASED, in_order_of
from gradarray_conformance.profiles import examples
from gradarray_conformance.samples import (
    DIFFERENTIABLE,
    Sample,
    about,
    beyond_the_standard,
    host,
    lowered,
    roads,
    tensors,
)
from gradarray_conformance.strategies import calls

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
SINGLE = 1e-4


@pytest.mark.parametrize("name", sorted(name for name in DIFFERENTIABLE if name != "astype"))
def test_drawn_in_single_precision_stays_single_and_is_numpys_in_double(name: str, device: str) -> None:
    """In 32 bits (64 for complex numbers) no result and no gradient is of another precision or on another device."""

    @examples(0.2)
    @given(calls(name))
    def check(sample: Sample) -> None:
        assume(device == "cpu" or not beyond_the_standard(sample))
        arrays = tuple(lowered(x) for x in sample.arrays)
        raised = tuple(x.astype(y.dtype) if isinstance(x, np.ndarray) else x for x, y in zip(arrays, sample.arrays))
        want = Sample(name, raised, sample.params).output
        xs = tensors(arrays, device, sample.active)
        leaves = [xs[i] for i in sample.active]
        with about(sample):
            for road in roads(name):
                out = road(*xs, **sample.params)
                for y in out if isinstance(out, tuple) else (out,):
                    assert y.dtype in (ga.float32, ga.complex64) and y.device == xs[0].device
                joined = ga.concat([ga.reshape(y, (-1,)) for y in out]) if isinstance(out, tuple) else out
                if name not in PHASED:
                    scale = np.max(np.abs(want), initial=1)
                    ordered = in_order_of(host(joined), want, name)
                    np.testing.assert_allclose(host(joined), ordered, rtol=SINGLE, atol=SINGLE * scale)
                for x, g in zip(leaves, ga.autograd.grad(joined, leaves, ga.ones_like(joined)), strict=True):
                    assert (g.shape, g.dtype, g.device) == (x.shape, x.dtype, x.device)

    check()
