"""Every function composed of others under the transforms: vmap against a loop, forward mode against backward."""

import numpy as np
import pytest
from composed import host, listed
from test_beyond import CASES as BEYOND
from test_nn import CASES as NN

import gradarray as ga
from gradarray.func import jvp, vjp, vmap

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
CASES = [*BEYOND, *NN]
VALUES = ("roots",)  # which looks for leading zeros, so that each element has a shape of its own
SCALES = (1.0, 1.0625, 0.96875)


def floats(case):
    fixed = [ga.asarray(x) for x in case.fixed]
    return lambda *xs: tuple(o for o in listed(case.function(*xs, *fixed)) if o.dtype.kind in "fc")


def all_of(case):
    fixed = [ga.asarray(x) for x in case.fixed]
    return lambda *xs: tuple(listed(case.function(*xs, *fixed)))


@pytest.mark.parametrize("case", [c for c in CASES if c.name not in VALUES], ids=str)
def test_vmap_is_a_loop_and_forward_agrees_with_backward(case):
    batch = [ga.asarray(np.stack([x * s for s in SCALES])) for x in case.arrays]
    found = vmap(all_of(case))(*batch)
    looped = [all_of(case)(*(x[i] for x in batch)) for i in range(len(SCALES))]
    for x, parts in zip(found, zip(*looped, strict=True), strict=True):
        np.testing.assert_allclose(host(x), np.stack([host(p) for p in parts]), rtol=1e-10, atol=1e-10)
    if any(x.dtype.kind != "f" for x in case.arrays):
        return
    function, point = floats(case), [x[0] for x in batch]

    def backward(*xs):
        outs, pull = vjp(function, *xs)
        return pull(tuple(ga.ones_like(o) for o in outs))

    gradients = backward(*point)
    _, moved = jvp(function, tuple(point), tuple(ga.ones_like(x) for x in point))
    one = sum(float(np.sum(host(t)).real) for t in moved)
    two = sum(float(np.sum(host(g))) for g in gradients)
    assert abs(one - two) <= 1e-8 * (1 + abs(one))
    for all_, g in zip(vmap(backward)(*batch), gradients, strict=True):
        np.testing.assert_allclose(host(all_)[0], host(g), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("case", [c for c in CASES if c.name in VALUES], ids=str)
def test_what_looks_at_values_says_so(case):
    with pytest.raises(RuntimeError, match="vmap: a value was asked for"):
        vmap(all_of(case))(*(ga.asarray(np.stack([x, x])) for x in case.arrays))
