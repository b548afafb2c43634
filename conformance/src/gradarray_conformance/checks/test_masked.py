"""What a mask, a limit or an index did not take gets a zero gradient, whatever its value and its derivatives are.

Operation by operation, on values where the operation or its derivative is infinite or nan, to second order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradarray as ga
from gradarray_conformance.needs import double_precision  # noqa: F401 - a fixture
from gradarray_conformance.samples import DOMAINS, OPERATIONS, Array, host, roads
from gradarray_conformance.samples_special import COUNTS, domains

pytestmark = [
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    # SciPy's hyp0f1 divides by zero in C at some of the bad values, and goes on
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

BAD = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 1e300]
POINTWISE = [
    name
    for name, operation in sorted(OPERATIONS.items())
    if operation.differentiable and (operation.kind == "elementwise" or name in ("abs", "sign"))
]
UNARY = [name for name in POINTWISE if OPERATIONS[name].inputs == 1]
BINARY = [name for name in POINTWISE if OPERATIONS[name].inputs == 2 and name != "pow_number"]
PARAMETERS: dict[str, dict[str, float]] = {"clamp": {"min": -0.5, "max": 0.5}, "spherical_jn": {"n": 0}}


def good(name: str, i: int = 0) -> float:
    """A value in the domain of input ``i``, off every kink."""
    domain = domains(name)[i]
    low, high = DOMAINS[domain]
    value = low + 0.625 * (high - low)
    return float(round(value)) if domain in COUNTS else value


def check(name: str, xs: list[Array], taken: Array, device: str) -> None:
    """The gradients of what is taken are finite, of the rest exactly zero; and so are theirs."""
    record = roads(name)[0]
    leaves = [ga.asarray(x, device=device).requires_grad_() for x in xs]
    mask = ga.asarray(taken, device=device)
    # something before and something after, so that the zeros have a way to go in both directions
    inner = [x * 1 for x in leaves]
    out = ga.where(mask, record(*inner, **PARAMETERS.get(name, {})) * 1.0, 0.0)
    first = ga.autograd.grad(out.sum(), leaves, create_graph=True, materialize_grads=True)
    for g in first:
        found = host(g)
        assert np.all(np.isfinite(found)), (name, found)
        assert np.all(found[~taken] == 0), (name, found)
    total = sum((g * g).sum() for g in first)
    if not total.requires_grad:
        return
    for g in ga.autograd.grad(total, leaves, materialize_grads=True):
        found = host(g)
        assert np.all(np.isfinite(found)), (name, found)
        assert np.all(found[~taken] == 0), (name, found)


@pytest.mark.parametrize("name", UNARY)
def test_what_is_not_taken_of_one_input_gets_zero(name: str, device: str) -> None:
    x = np.array([*BAD, good(name)])
    check(name, [x], np.arange(x.size) == x.size - 1, device)


@pytest.mark.parametrize("name", BINARY)
def test_what_is_not_taken_of_two_inputs_gets_zero(name: str, device: str) -> None:
    # a recurrence takes as many steps as its order says: whole numbers stay small
    bad = [[0.0, 1.0, 3.0] if domain in COUNTS else BAD for domain in domains(name)]
    first, second = (a.ravel() for a in np.meshgrid(*bad))
    xs = [np.append(first, good(name, 0)), np.append(second, good(name, 1) * 0.9)]
    check(name, xs, np.arange(xs[0].size) == xs[0].size - 1, device)


TAKERS = {
    "where": lambda y, bad: ga.where(bad, 0.0, y),
    "masked_fill": lambda y, bad: y.masked_fill(bad, 0.0),
    "assignment": lambda y, bad: assigned(y, bad),
    "index": lambda y, bad: y[ga.logical_not(bad)],
    "slice": lambda y, bad: y[:1],
    "take": lambda y, bad: ga.take(y, ga.asarray([0])),
    "relu": lambda y, bad: ga.relu(ga.where(bad, -1.0, y)),
}


def assigned(y: Any, bad: Any) -> Any:
    y = y.clone()
    y[bad] = 0.0
    return y


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
def test_however_it_was_left_out(take: Callable[[Any, Any], Any], device: str) -> None:
    with ga.device(device):
        x = ga.tensor([4.0, 0.0, -1.0], dtype=ga.float64, requires_grad=True)
        y = x.sqrt() * x / x
        (g,) = ga.autograd.grad(take(y, ~(x.detach() > 0)).sum(), x, create_graph=True)
        np.testing.assert_allclose(host(g), [0.25, 0, 0])
        (g2,) = ga.autograd.grad((g * g).sum(), x)
        np.testing.assert_allclose(host(g2), [2 * 0.25 * -0.25 * 4**-1.5, 0, 0])


def test_the_limit_that_was_not_reached(device: str) -> None:
    """An infinite product that a limit cuts off takes no nan back through the product."""
    with ga.device(device):
        x = ga.tensor([2.0, 0.0], requires_grad=True)
        scale = ga.tensor([1.0, float("inf")])
        y = (1 / x) * scale
        y.clip(max=3.0).sum().backward()
        np.testing.assert_allclose(host(x.grad), [-0.25, 0])


def test_a_square_of_nan_left_out(device: str) -> None:
    """As in the running variance of scikit-learn's StandardScaler."""
    with ga.device(device):
        x = ga.tensor([1.0, 2.0], requires_grad=True)
        count = ga.tensor([0.0, 4.0])
        y = count / 3 * (x / count - 1) ** 2
        y[count == 0] = x[count == 0]
        y.sum().backward()
        np.testing.assert_allclose(host(x.grad), [1.0, 2 / 3 * (0.5 - 1)], rtol=1e-6)
