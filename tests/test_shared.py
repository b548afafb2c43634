"""What many small steps share, a weight and a bias: its gradients are put together, and are those of each step."""

import os

import numpy as np
import pytest

import gradarray as ga
from gradarray._deferred import SMALL, Product
from gradarray._primitive import MANY
from gradarray.autograd import detect_anomaly, grad

DEVICES = [d for d in ("cpu", "strict:device1", *os.environ.get("GRADARRAY_TEST_DEVICES", "").split(",")) if d]
STEPS, ROWS, SIZE = 3 * MANY, 4, 5


@pytest.fixture(params=DEVICES)
def device(request):
    if request.param.startswith("strict"):
        pytest.importorskip("gradarray_strict", reason="the plugin gradarray-strict is not installed")
    return request.param


def leaves(device, *shapes, dtype=np.float64):
    draw = np.random.default_rng(0).standard_normal
    values = [0.3 * draw(shape) + (0.2j * draw(shape) if dtype == np.complex128 else 0) for shape in shapes]
    return [ga.asarray(v.astype(dtype), device=device, copy=True).requires_grad_() for v in values]


def host(x):
    return x.detach().cpu().numpy()


def state_after(x, weights, biases):
    for weight, bias in zip(weights, biases, strict=True):
        x = ga.tanh(x @ weight + bias)
    return ga.sum(ga.real(x * x) if x.dtype.is_complex else x * x)


def gradients_of_copies(x, weight, bias, steps):
    """The sums of the gradients of a weight and a bias for each step."""
    weights = [weight.detach().clone().requires_grad_() for _ in range(steps)]
    biases = [bias.detach().clone().requires_grad_() for _ in range(steps)]
    state_after(x, weights, biases).backward()
    return [np.sum([host(leaf.grad) for leaf in some], axis=0) for some in (weights, biases)]


@pytest.mark.parametrize("steps", [1, 2, MANY - 3, MANY, STEPS])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_the_gradient_is_the_sum_of_those_of_copies(device, steps, dtype):
    x, weight, bias = leaves(device, (ROWS, SIZE), (SIZE, SIZE), (SIZE,), dtype=dtype)
    state_after(x, [weight] * steps, [bias] * steps).backward()
    for found, expected in zip((weight.grad, bias.grad), gradients_of_copies(x, weight, bias, steps), strict=True):
        assert tuple(found.shape) == expected.shape and found.device == weight.device
        np.testing.assert_allclose(host(found), expected, rtol=1e-10, atol=1e-14)


def test_more_than_waits_at_a_time(monkeypatch):
    joined = []
    join = Product.join
    monkeypatch.setattr(Product, "join", lambda self, other: joined.append(self.size) or join(self, other))
    rows = SMALL // (2 * SIZE) - 1  # of which a few are computed at a time
    x, weight, bias = leaves("cpu", (rows, SIZE), (SIZE, SIZE), (SIZE,))
    state_after(x, [weight] * STEPS, [bias] * STEPS).backward()
    found, expected = (weight.grad, bias.grad), gradients_of_copies(x, weight, bias, STEPS)
    assert joined and max(joined) < 5 * SMALL  # what was computed waits no longer
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(host(one), other, rtol=1e-8)


def test_steps_of_several_sizes_and_other_uses():
    x, weight = leaves("cpu", (ROWS, SIZE), (SIZE, SIZE))
    large = ga.ones(SMALL, SIZE, dtype=ga.float64)

    def function(weight):
        total = ga.sum(weight * weight) + ga.sum(ga.sin(large @ weight))
        for i in range(STEPS):
            total = total + ga.sum(ga.sin(x[: 1 + i % ROWS].detach() @ weight))
            if i % 10 == 0:
                total = total + ga.sum(ga.cos(weight)) + ga.sum(ga.sin(weight @ ga.matrix_transpose(x.detach())))
        return total

    function(weight).backward()
    with detect_anomaly():  # where everything takes the general road
        (expected,) = grad(function(weight), weight)
    np.testing.assert_allclose(host(weight.grad), host(expected), rtol=1e-10)
    step = 1e-6 * host(ga.ones_like(weight))
    ahead, behind = (function(weight.detach() + ga.asarray(sign * step)).item() for sign in (1, -1))
    np.testing.assert_allclose(host(weight.grad).sum(), (ahead - behind) / 2e-6, rtol=1e-5)


def test_a_second_derivative(device):
    x, weight, bias = leaves(device, (ROWS, SIZE), (SIZE, SIZE), (SIZE,))
    (first,) = grad(state_after(x, [weight] * STEPS, [bias] * STEPS), weight, create_graph=True)
    (second,) = grad(ga.sum(first), weight)
    step = 1e-5

    def slope(sign):
        moved = (weight.detach() + sign * step).requires_grad_()
        return host(grad(state_after(x, [moved] * STEPS, [bias] * STEPS), moved)[0])

    np.testing.assert_allclose(host(second), (slope(1) - slope(-1)) / (2 * step), rtol=1e-5, atol=1e-8)


def test_a_hook_that_writes_to_a_factor_changes_nothing():
    x, weight = leaves("cpu", (ROWS, SIZE), (SIZE, SIZE))
    states = [ga.tanh(x.detach() * i) for i in range(STEPS)]

    def spoil(g):
        with ga.no_grad():
            for state in states:
                state.zero_()

    def gradient(hook):
        first = states[0] @ weight
        if hook:
            first.register_hook(hook)  # the walk comes to the oldest node last, when the others' products wait
        total = ga.sum(first)
        for state in states[1:]:
            total = total + ga.sum(state @ weight)
        return host(grad(total, weight)[0])

    plain = gradient(None)
    np.testing.assert_allclose(gradient(spoil), plain, rtol=1e-10)
    assert not states[1].any()


def test_an_error_leaves_everything_as_it_was():
    x, weight, bias = leaves("cpu", (ROWS, SIZE), (SIZE, SIZE), (SIZE,))

    def fail(g):
        raise ZeroDivisionError

    first = ga.tanh(x @ weight + bias)
    handle = first.register_hook(fail)
    loss = state_after(first, [weight] * STEPS, [bias] * STEPS)
    with pytest.raises(ZeroDivisionError):
        loss.backward(retain_graph=True)
    assert weight.grad is None and bias.grad is None
    handle.remove()
    loss.backward()
    for found, expected in zip((weight.grad, bias.grad), gradients_of_copies(x, weight, bias, STEPS + 1), strict=True):
        np.testing.assert_allclose(host(found), expected, rtol=1e-10)
