"""Gradients of large arrays: memory is used again where nobody else has it, and nowhere else."""

import tracemalloc

import numpy as np
import pytest

import gradarray as ga
from gradarray.backends import Thrift, require, resolve

SIZE = 50_000
THRIFT = require("numpy").thrift(resolve("cpu"))


def leaf(seed=0):
    return ga.tensor(np.random.default_rng(seed).uniform(0.5, 1.5, SIZE), requires_grad=True)


def arrays_at_a_time(run):
    """How many arrays of SIZE elements NumPy made at most, at a time, while ``run`` ran."""
    ga.ones(1, requires_grad=True).exp().backward()  # what the first walk imports is not counted
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run()
        return (tracemalloc.get_traced_memory()[1] - before) / (8 * SIZE)
    finally:
        tracemalloc.stop()


def test_a_chain_of_products_is_walked_in_one_array():
    x, factors = leaf(), [ga.tensor(np.full(SIZE, 1 + i / 10)) for i in range(6)]
    y = x
    for factor in factors:
        y = -(y * factor)
    loss = ga.sum(y)
    # the last product makes an array, since the factor is the caller's, and all others are written into it
    assert arrays_at_a_time(loss.backward) < 1.5
    expected = np.prod([f.numpy()[0] for f in factors])
    np.testing.assert_allclose(x.grad.numpy(), np.full(SIZE, expected))


def test_a_sum_of_gradients_is_written_into_one_of_them():
    x = leaf()
    y = ga.sum(ga.exp(x) + ga.exp(2.0 * x))
    assert arrays_at_a_time(y.backward) < 2.5  # the two that are added, of which one is the result
    np.testing.assert_allclose(x.grad.numpy(), np.exp(x.detach().numpy()) + 2 * np.exp(2 * x.detach().numpy()))


def test_a_slice_is_added_into_a_gradient_that_nobody_else_holds(monkeypatch):
    x = leaf()
    y = x * 2.0
    part = y[1:] * 3.0
    loss = ga.sum(3.0 * ga.exp(y)) + ga.sum(part)  # the exponential, which is younger, brings its gradient first
    copied = []
    backend = require("numpy")
    monkeypatch.setattr(type(backend), "copy", lambda self, array: copied.append(array) or np.array(array))
    loss.backward()
    assert not copied
    expected = 6 * np.exp(2 * x.detach().numpy())
    expected[1:] += 6
    np.testing.assert_allclose(x.grad.numpy(), expected)


def test_a_graph_that_stays_gives_the_same_again():
    x = leaf()
    y = ga.sum(ga.tanh(x * x) * ga.sin(x) + ga.exp(-x))
    (first,) = ga.autograd.grad(y, x, retain_graph=True)
    kept = first.numpy().copy()
    (second,) = ga.autograd.grad(y, x)
    np.testing.assert_array_equal(second.numpy(), kept)
    np.testing.assert_array_equal(first.numpy(), kept)


def test_the_callers_gradient_is_not_written_to():
    x, seed = leaf(), ga.tensor(np.linspace(-1, 1, SIZE))
    (-(x * 3.0)).backward(seed)
    np.testing.assert_array_equal(seed.numpy(), np.linspace(-1, 1, SIZE))
    np.testing.assert_array_equal(x.grad.numpy(), -3 * np.linspace(-1, 1, SIZE))


@pytest.mark.parametrize("keep", [lambda g: g, lambda g: g.detach(), lambda g: g.numpy(), lambda g: g[1:]])
def test_what_a_hook_keeps_stays_as_it_is(keep):
    """Be it the gradient, its memory or a part of it."""
    x, kept = leaf(), []
    middle = x * 2.0
    middle.register_hook(lambda g: kept.append(keep(g)))
    ga.sum(-(middle * 3.0)).backward()
    assert np.all(np.asarray(kept[0]) == -3.0)
    assert np.all(x.grad.numpy() == -6.0)


def test_gradients_that_are_retained_or_asked_for_stay_as_they_are():
    x = leaf()
    first = x * 2.0
    second = -first
    second.retain_grad()
    third = second * 5.0
    g_first, g_third = ga.autograd.grad(ga.sum(third * 7.0), (first, third), retain_graph=True)
    ga.sum(third * 7.0).backward()
    # what is retained adds up over both walks
    assert [float(g[0]) for g in (g_third, second.grad, g_first, x.grad)] == [7.0, 70.0, -35.0, -70.0]


def test_no_hook_can_write_to_a_value():
    """The gradient of ``a`` is ``b`` itself, where that of the product is one: it is shown read-only."""
    x, b = leaf(), leaf(1).detach()
    before = b.numpy().copy()
    a = x * 1.0
    a.register_hook(lambda g: g.numpy().__imul__(2.0))
    with pytest.raises(ValueError, match="read-only"):
        ga.sum(a * b).backward()
    np.testing.assert_array_equal(b.numpy(), before)


def test_a_gradient_has_memory_of_its_own():
    x, b = leaf(), leaf(1).detach()
    ga.sum(x * b).backward()
    x.grad.add_(1.0)
    np.testing.assert_array_equal(b.numpy() + 1.0, x.grad.numpy())


def test_a_write_after_the_walk_does_not_reach_what_was_saved():
    x, factor = leaf(), leaf(1).detach()
    y = x * factor
    factor.mul_(0.0)
    (g,) = ga.autograd.grad(ga.sum(y), x)
    np.testing.assert_array_equal(g.numpy(), leaf(1).detach().numpy())


def test_an_error_in_the_walk_changes_nothing():
    x, fails = leaf(), [True]
    middle = ga.exp(x) * x

    def hook(g):
        if fails:
            raise KeyError("no")

    middle.register_hook(hook)
    y = ga.sum(-(middle * 2.0))
    with pytest.raises(KeyError):
        y.backward(retain_graph=True)
    assert x.grad is None
    fails.clear()
    y.backward()
    values = x.detach().numpy()
    np.testing.assert_allclose(x.grad.numpy(), -2 * np.exp(values) * (1 + values))


def test_a_zero_beats_an_infinite_partial_in_memory_that_is_used_again():
    values = np.ones(SIZE)
    values[::2] = 0.0
    x = ga.tensor(values, requires_grad=True)
    ga.sum(ga.where(x > 0.5, ga.sqrt(x) * 2.0, 0.0)).backward()
    np.testing.assert_array_equal(x.grad.numpy(), values)


def test_derivatives_of_derivatives_are_as_of_small_arrays():
    x = leaf()
    (g,) = ga.autograd.grad(ga.sum(x * x * x), x, create_graph=True)
    (h,) = ga.autograd.grad(ga.sum(g), x)
    np.testing.assert_allclose(h.numpy(), 6 * x.detach().numpy())


def test_a_factor_that_is_there_twice_has_two_gradients_to_a_hook_of_the_node():
    for x in (leaf(), ga.tensor([1.0, 2.0], requires_grad=True)):
        y, seen = x * x, []
        y.grad_fn.register_hook(lambda inputs, outputs, seen=seen: seen.extend(inputs))
        ga.sum(y).backward()
        assert len(seen) == 2
        for g in seen:
            np.testing.assert_array_equal(g.numpy(), x.detach().numpy())
        np.testing.assert_array_equal(x.grad.numpy(), 2 * x.detach().numpy())


# -- the arithmetic itself, against the operators ----------------------------------------------------------------------


def some(kind):
    x = np.random.default_rng(2).standard_normal(SIZE).astype(np.float32)
    return {
        "array": x,
        "read-only": np.array(x),
        "uniform": np.broadcast_to(np.float32(-2.5), SIZE),
        "one": np.broadcast_to(np.float32(1), SIZE),
        "zero": np.broadcast_to(np.float32(0), SIZE),
        "zeros within": np.where(x > 0, x, np.float32(0)),
        "infinities within": np.where(x > 0, x, np.float32(np.inf)),
        "huge": x * np.float32(1e30),  # the squares are infinite
        "every other": np.repeat(x, 2)[::2],
        "float64": x.astype(np.float64),
        "number": 0.3,
        "0-d": np.float32(0.3),
        "infinity": np.float32(np.inf),
    }[kind]


@pytest.mark.parametrize("spare", [False, True])
@pytest.mark.parametrize(
    "p", ["array", "infinities within", "huge", "every other", "float64", "number", "0-d", "infinity"]
)
@pytest.mark.parametrize("g", ["array", "read-only", "uniform", "one", "zero", "zeros within", "every other"])
def test_arithmetic_is_the_operators(g, p, spare):
    def given(kind):
        x = some(kind)
        if kind == "read-only":
            x.flags.writeable = False
        return x

    assert isinstance(THRIFT, Thrift)
    with np.errstate(all="ignore"):
        plain = given(g) * given(p)
        strong = np.where(given(g) == 0, plain.dtype.type(0), plain)
        total = given(g) + given(p)
        for result, expected in [
            (THRIFT.product(given(g), given(p), spare), plain),
            (THRIFT.strong_product(given(g), given(p), spare), strong),
            (THRIFT.negative(given(g), spare), -given(g)),
            *([(THRIFT.sum(given(g), given(p), spare, spare), total)] if np.ndim(given(p)) else []),
        ]:
            assert result.dtype == expected.dtype
            assert result.shape == expected.shape
            np.testing.assert_array_equal(result, expected)


def test_a_partial_that_somebody_holds_is_not_written_to():
    # held by somebody: what a variable of the caller holds alone does not count from Python 3.14 on, nor do rules do it
    held = [some("array"), some("array") + 1]
    before = [x.copy() for x in held]
    with np.errstate(all="ignore"):
        THRIFT.product(held[0], held[1], False)
        THRIFT.strong_product(held[0], held[1], False)
        THRIFT.negative(held[0], False)
        THRIFT.sum(held[0], held[1], False, False)
    np.testing.assert_array_equal(held, before)
