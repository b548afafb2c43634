"""Checkpoints, hooks on what is saved, the profiler, anomaly mode and pictures, of functions of the user's and inside
of transforms.
"""

import numpy as np
import pytest

import gradarray as ga
from gradarray.autograd import Function, checkpoint, detect_anomaly, grad, graph, mermaid, profiler


class Cube(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x * x * g


class Broken(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g * float("nan")


def leaf():
    return ga.tensor([1.0, 2.0], dtype=ga.float64, requires_grad=True)


def plain(x):
    return (x.sin() * x).sum()


def saving(x):
    return checkpoint(plain, x)


def test_hooks_on_what_a_function_saves():
    x, seen = leaf(), []
    with graph.saved_tensors_hooks(lambda t: seen.append(t.tolist()) or t.clone(), lambda t: t):
        y = Cube.apply(x).sum()
    assert seen == [[1.0, 2.0]]
    assert grad(y, x)[0].tolist() == [3.0, 12.0]


def test_a_checkpoint_of_a_function():
    x = leaf()
    (g,) = grad(checkpoint(lambda x: (Cube.apply(x) * x).sum(), x), x, create_graph=True)
    assert g.tolist() == [4.0, 32.0]
    assert grad(g.sum(), x)[0].tolist() == [12.0, 48.0]


def test_a_function_shows_itself():
    x = leaf()
    y = Cube.apply(x)
    assert isinstance(y.grad_fn, graph.Node)
    assert "Cube<br/>[2] float64<br/>keeps 16 B" in str(mermaid(y.sum()))
    seen = []
    y.grad_fn.register_prehook(lambda gs: seen.append(gs[0].tolist()) or (gs[0] * 2,))
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] + 1,))
    y.sum().backward()
    assert (seen, x.grad.tolist()) == ([[1.0, 1.0]], [7.0, 25.0])


def test_the_line_that_called_a_function():
    with detect_anomaly():
        y = Broken.apply(leaf())  # this line
        with pytest.raises(RuntimeError, match="Broken") as error:
            y.sum().backward()
    assert any("# this line" in note for note in error.value.__notes__)


def test_transforms_of_a_checkpoint():
    x, xs = leaf(), ga.tensor(np.linspace(0, 1, 6).reshape(3, 2))
    for transform in (ga.func.grad, ga.func.hessian, ga.func.jacrev, lambda f: ga.func.vmap(ga.func.grad(f))):
        given = xs if transform.__name__ == "<lambda>" else x
        np.testing.assert_allclose(
            transform(saving)(given).detach().numpy(), transform(plain)(given).detach().numpy(), rtol=1e-12
        )


def test_a_checkpoint_is_run_again_in_the_transform_that_has_ended():
    """The walk comes when ``vmap`` or ``jvp`` is over, or in one that had not begun."""
    func, xs = ga.func, ga.tensor(np.linspace(0, 1, 6).reshape(3, 2))

    def shifted(x):
        return (x * ga.asarray([1.0, 2.0], dtype=ga.float64) + ga.ones(2, dtype=ga.float64)).sin() * x

    def total(f):
        return lambda x: f(x).sum()

    programs = [
        lambda f: func.grad(total(func.vmap(f)))(xs),
        lambda f: func.jacrev(func.vmap(f))(xs),
        lambda f: func.grad(total(func.vmap(lambda x: f(x) * f(x + x))))(xs),
        lambda f: func.grad(total(func.vmap(lambda x: checkpoint(lambda y: f(y) * x, x))))(xs),
        lambda f: func.grad(lambda x: func.jvp(total(f), (x,), (xs,))[1])(xs),
        lambda f: func.grad(total(func.vmap(func.grad(total(f)))))(xs),
        lambda f: func.vmap(func.jacrev(f))(xs),
    ]
    for program in programs:
        plainly, saved = program(shifted), program(lambda x: checkpoint(shifted, x))
        np.testing.assert_allclose(saved.detach().numpy(), plainly.detach().numpy(), rtol=1e-12)


def test_tensors_of_a_transform_that_has_ended_stay_of_no_use_after_a_checkpoint_in_it():
    kept, calls, xs = [], [], ga.tensor([[1.0], [2.0]], requires_grad=True)

    def part(x):
        kept.append(x)
        calls.append(len(calls))
        if len(calls) == 2:
            raise KeyError("in the second run")
        return x.sin() * x

    y = ga.func.vmap(lambda x: checkpoint(part, x))(xs).sum()
    for error in (KeyError, None):
        if error is None:
            y.backward()
        else:
            with pytest.raises(error):
                y.backward(retain_graph=True)
        for x in kept:
            with pytest.raises(RuntimeError, match="escaped from vmap"):
                x + 1
    assert calls == [0, 1, 2]
    np.testing.assert_allclose(
        xs.grad.numpy(), np.sin(xs.tolist()) + np.array(xs.tolist()) * np.cos(xs.tolist()), rtol=1e-6
    )


def test_transforms_are_profiled():
    with profiler.profile() as prof:
        ga.func.vmap(ga.func.grad(plain))(ga.ones(3, 2))
        ga.func.jvp(plain, (ga.ones(2),), (ga.ones(2),))
    rows = {row.name: row for row in prof.rows()}
    assert {"sin", "multiply", "sum", "SinBackward0"} <= set(rows)


def test_anomaly_mode_lets_transforms_be():
    x = leaf()
    expected = ga.func.hessian(plain)(x)
    with detect_anomaly():
        found = ga.func.hessian(plain)(x)
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy())
    with np.errstate(all="ignore"), detect_anomaly(), pytest.raises(RuntimeError, match="nan values"):
        ga.func.grad(lambda x: (x.sin() / x).sum())(ga.zeros(2))
