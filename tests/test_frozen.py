"""In place where memory cannot be written to: the same programs on read-only arrays as on NumPy's."""

import numpy as np
import pytest
from frozen import device

import gradarray as ga

PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


@program
def add_in_place(x):
    y = x * 2
    z = y * y
    y.add_(1)
    return [y, z]


@program
def through_a_view(x):
    y = x * 2
    y[1:].mul_(3)
    return [y, y * y]


@program
def through_a_view_of_a_view(x):
    y = x.reshape(2, 3) * 1
    row = y.t()[1:]
    before = row * row
    row[0].exp_()
    return [y, row, before]


@program
def through_the_base(x):
    y = x * 1
    head, tail = y[:2], y[2:]
    y.mul_(x)
    return [head, tail, head * 2]


@program
def assignment(x):
    y = x * x
    y[2] = x[0]
    y[ga.tensor([0, 5], device=x.device)] = x[1:3]
    y[y > 3] = 0.5
    return [y]


@program
def overwritten_though_saved(x):
    y = x.exp()
    z = y.sin()
    y.zero_()
    return [y, z]


@program
def transposed_in_place(x):
    y = (x * 1).view(2, 3)
    top = y[0]
    y.t_()
    y[0].add_(10)
    return [y, top]


@program
def copy_and_fill(x):
    y = x * 1
    y[:3].copy_(x[3:])
    y[4].fill_(7)
    return [y]


def values(function, where):
    x = ga.tensor([0.5, 1.0, 1.5, 2.0, 2.5, 3.0], dtype=ga.float64, device=where, requires_grad=True)
    outs = function(x)
    total = sum((o * o).sum() for o in outs)
    total.backward()
    return [o.detach().cpu().numpy() for o in outs], x.grad.cpu().numpy(), x.grad.device


@pytest.mark.parametrize("name", PROGRAMS)
def test_in_place_is_the_same_on_read_only_arrays(name):
    expected, expected_grad, _ = values(PROGRAMS[name], "cpu")
    found, grad, where = values(PROGRAMS[name], device())
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(grad, expected_grad)
    assert str(where) == "frozen:cpu"


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_gradients_are_those_of_finite_differences(name):
    def loss(v):
        with ga.no_grad():
            x = ga.tensor(v, dtype=ga.float64)
            return float(sum((o * o).sum() for o in PROGRAMS[name](x)))

    v = np.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0])
    steps = 1e-6 * np.eye(6)
    slope = [(loss(v + h) - loss(v - h)) / 2e-6 for h in steps]
    np.testing.assert_allclose(values(PROGRAMS[name], "cpu")[1], slope, rtol=1e-6, atol=1e-6)


def test_views_and_detached_aliases_see_the_write():
    x = ga.zeros(4, device=device())
    view, alias = x.view(2, 2), x.detach()
    view[1, 0] = 5
    assert x.tolist() == alias.tolist() == [0, 0, 5, 0]
    alias.add_(1)
    assert view.tolist() == [[1, 1], [6, 1]]
    assert x._version == view._version == 2


def test_the_optimiser_step_of_the_tutorials():
    w = ga.ones(3, device=device(), requires_grad=True)
    (w * w).sum().backward()
    with ga.no_grad():
        w -= 0.1 * w.grad
        w.grad.zero_()
    assert w.is_leaf and w.requires_grad
    np.testing.assert_allclose(w.tolist(), [0.8] * 3, rtol=1e-6)
    assert w.grad.tolist() == [0, 0, 0]
