"""What is saved, and where: hooks on it, checkpoints, and how much memory they take."""

import tracemalloc

import numpy as np
import pytest

import gradarray as ga
from gradarray import func
from gradarray.autograd import CheckpointError, checkpoint, checkpoint_sequential, grad, graph
from gradarray.func import jvp, vmap


def leaf(*values):
    return ga.tensor(values, dtype=ga.float64, requires_grad=True)


# -- hooks -------------------------------------------------------------------------------------------------------------


def test_what_is_saved_passes_through_the_hooks():
    x, packed, unpacked = leaf(1.0, 2.0), [], []

    def pack(t):
        assert not t.requires_grad and not ga.is_grad_enabled()
        packed.append(t.tolist())
        return len(packed) - 1

    def unpack(i):
        unpacked.append(i)
        return ga.tensor(packed[i], dtype=ga.float64)

    with graph.saved_tensors_hooks(pack, unpack):
        y = (x * x).exp().sum()
    assert packed == [[1.0, 2.0], [1.0, 2.0], pytest.approx(np.exp([1.0, 4.0]).tolist())]
    assert unpacked == []
    (g,) = grad(y, x, retain_graph=True)
    np.testing.assert_allclose(g.tolist(), 2 * np.array([1, 2]) * np.exp([1.0, 4.0]))
    assert sorted(unpacked) == [0, 1, 2]  # each once a walk
    grad(y, x)
    assert sorted(unpacked) == [0, 0, 1, 1, 2, 2]


def test_the_innermost_hooks_are_asked_and_only_while_entered():
    x, calls = leaf(1.0), []

    def hooks(name):
        return graph.saved_tensors_hooks(lambda t: calls.append(name) or t, lambda t: t)

    with hooks("outer"):
        x.exp()
        with hooks("inner"):
            x.exp()
        x.exp()
    x.exp()
    assert calls == ["outer", "inner", "outer"]


def test_hooks_go_through_derivatives_of_any_order():
    x = leaf(0.5, 1.5)
    with graph.saved_tensors_hooks(lambda t: t.numpy().copy(), ga.tensor):
        y = (x.sin() * x).sum()
        (g,) = grad(y, x, create_graph=True)
    (h,) = grad(g.sum(), x)
    v = np.array([0.5, 1.5])
    np.testing.assert_allclose(g.tolist(), np.cos(v) * v + np.sin(v))
    np.testing.assert_allclose(h.tolist(), 2 * np.cos(v) - v * np.sin(v))


def test_several_outputs_are_packed_one_by_one():
    a = ga.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=ga.float64, requires_grad=True)
    shapes = []
    with graph.saved_tensors_hooks(lambda t: shapes.append(t.shape) or t.clone(), lambda t: t):
        values, vectors = ga.linalg.eigh(a)
    (g,) = grad((values**2).sum() + (vectors**2).sum(), a)
    assert shapes[-2:] == [(2,), (2, 2)]
    np.testing.assert_allclose(g.tolist(), 2 * a.detach().numpy(), atol=1e-12)


def test_a_kept_tensor_may_be_overwritten():
    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x * 1
        z = (y * y).sum()
        y.zero_()
    z.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_what_unpack_returns_must_be_a_tensor():
    x = leaf(1.0)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: "no tensor"):
        y = x.exp()
    with pytest.raises(TypeError, match="unpack_hook expected to be a Tensor but got result of type str"):
        y.backward()
    assert x.grad is None


def test_hooks_can_be_forbidden():
    with graph.disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"), graph.saved_tensors_hooks(id, id):
            pass
        with pytest.raises(RuntimeError, match="not here"):
            checkpoint(ga.exp, leaf(1.0))
    hooks = graph.saved_tensors_hooks(lambda t: t, lambda t: t)
    with hooks, pytest.raises(RuntimeError, match="not now"), graph.disable_saved_tensors_hooks("not now"):
        pass


@pytest.mark.parametrize("device", ["cpu", "strict:device1"])
def test_save_on_cpu(device):
    if device != "cpu":
        pytest.importorskip("gradarray_strict", reason="the plugin gradarray-strict is not installed")
    x = ga.tensor([1.0, 2.0], device=device, requires_grad=True)
    with graph.save_on_cpu():
        y = (x.exp() * x).sum()
    y.backward()
    assert str(x.grad.device) == device
    np.testing.assert_allclose(x.grad.cpu().numpy(), [2 * np.e, 3 * np.exp(2)], rtol=1e-6)


# -- checkpoints -------------------------------------------------------------------------------------------------------


def part(x, w, scale=1.0):
    y = (x * w).sin() * scale
    z = y.exp()
    s = z * z
    z.mul_(2)  # overwrites what exp saved
    return s + z.sort()[0]


def nested(x, w):
    inner = checkpoint(part, x, w, scale=0.5)
    return checkpoint(lambda x: part(checkpoint(part, x, w), w).tanh(), inner) + x


def random(x, w):
    return part(x * ga.rand(3, dtype=ga.float64), w) * ga.rand(3, dtype=ga.float64)


@pytest.mark.parametrize("function", [part, nested, random], ids=lambda f: f.__name__)
@pytest.mark.parametrize("early_stop", [True, False])
def test_a_checkpoint_has_the_same_derivatives(function, early_stop):
    def derivatives(run):
        x, w = leaf(0.1, 0.5, 0.9), leaf(0.7, 1.1, 0.4)
        ga.manual_seed(0)
        y = run(x, w)
        first = grad(y.sum(), (x, w), create_graph=True)
        ga.rand(5)  # the numbers go on in between
        second = grad(sum((g * g).sum() for g in first), (x, w), retain_graph=True)
        third = grad(sum((g * g).sum() for g in first), (x, w))
        return [y, *first, *second, *third]

    plain = derivatives(function)
    saving = derivatives(lambda x, w: checkpoint(function, x, w, early_stop=early_stop))
    for a, b in zip(plain, saving, strict=True):
        np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), rtol=1e-12)


def test_the_function_runs_twice_and_no_further_than_needed():
    ran = []

    def function(x):
        y = x.exp()
        ran.append("first")
        y = y + 1  # saves nothing
        ran.append("last")
        return y

    x = leaf(1.0)
    y = checkpoint(function, x)
    assert ran == ["first", "last"]
    y.backward()
    assert ran == ["first", "last"]  # exp is known as soon as it has run
    y = checkpoint(function, x, early_stop=False)
    y.backward()
    assert ran == ["first", "last"] * 3


def test_the_arguments_are_what_they_were():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * 1
    z = checkpoint(lambda given: (given["y"][0] ** 2 * w).sum(), {"y": [y]})
    y.zero_()
    z.backward()
    assert (w.grad.tolist(), x.grad.tolist()) == ([1.0, 4.0], [6.0, 16.0])


def test_random_numbers_go_on_after_the_walk():
    x = leaf(1.0, 2.0)
    ga.manual_seed(3)
    y = checkpoint(lambda x: (x * ga.rand(2, dtype=ga.float64)).exp().sum(), x)
    after = ga.random.default_generator().get_state()
    y.backward()
    assert repr(ga.random.default_generator().get_state()) == repr(after)
    assert len(set(ga.rand(50).tolist())) == 50


INSIDE = {
    "vmap of grad": lambda f: lambda x: vmap(func.grad(f))(x[None])[0],
    "grad of vmap": lambda f: lambda x: func.grad(lambda v: vmap(f)(v).sum())(x[None])[0],
    "jvp of grad": lambda f: lambda x: jvp(func.grad(f), (x,), (x,))[1],
    "vmap twice": lambda f: lambda x: vmap(func.grad(lambda u: vmap(func.grad(f))(u[None])[0]))(x[None])[0],
}


@pytest.mark.parametrize("name", INSIDE)
def test_a_checkpoint_of_a_function_that_walks_inside_of_a_transform(name):
    w = ga.tensor(0.3, dtype=ga.float64, requires_grad=True)
    x = ga.tensor(0.7, dtype=ga.float64, requires_grad=True)
    part = INSIDE[name](lambda y: ga.sin(y * w) * y)
    for order in (lambda f: f, func.grad):
        wanted = grad(order(part)(x), (x, w))
        found = grad(order(lambda v: checkpoint(part, v))(x), (x, w))
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one.item(), other.item(), rtol=1e-12)


def test_a_checkpoint_of_a_function_that_walks_over_a_square():
    x = ga.tensor(0.7, dtype=ga.float64, requires_grad=True)
    part = lambda y: grad(y * y, y, create_graph=True)[0] * y
    assert grad(checkpoint(part, x), x)[0].item() == grad(part(x), x)[0].item() == pytest.approx(2.8)


def test_an_argument_from_outside_of_a_transform_is_reached_through_a_checkpoint_inside():
    x = ga.tensor([0.7, 1.1], dtype=ga.float64)
    w = ga.tensor(0.3, dtype=ga.float64, requires_grad=True)
    part = lambda y, w: ga.sin(y * w) * w
    wanted = grad(vmap(func.grad(lambda y: part(y, w)))(x).sum(), w)[0]
    found = grad(vmap(func.grad(lambda y: checkpoint(part, y, w)))(x).sum(), w)[0]
    np.testing.assert_allclose(found.item(), wanted.item(), rtol=1e-12)


def test_without_recording_a_checkpoint_is_a_call():
    calls = []
    with ga.no_grad():
        y = checkpoint(lambda x: calls.append(1) or x * 2, leaf(1.0))
    assert (y.item(), calls, y.requires_grad) == (2.0, [1], False)


def test_contexts_for_both_runs():
    entered = []

    class Context:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            entered.append(self.name)

        def __exit__(self, *error):
            pass

    y = checkpoint(ga.exp, leaf(1.0), context_fn=lambda: (Context("forward"), Context("again")))
    assert entered == ["forward"]
    y.backward()
    assert entered == ["forward", "again"]


def test_a_function_that_changes_its_mind_is_noticed():
    calls = []

    def more(x):
        calls.append(1)
        return x.exp() if len(calls) == 1 else x + 1

    def other(x):
        calls.append(1)
        return (x if len(calls) == 1 else ga.concat([x, x])).exp().sum()

    for function, message in ((more, "1 tensors were saved at first, and 0"), (other, r"was float64\[2\] on cpu, and")):
        calls.clear()
        x = leaf(1.0, 2.0)
        y = checkpoint(function, x)
        with pytest.raises(CheckpointError, match=message):
            y.sum().backward()
        assert x.grad is None


def test_what_a_checkpoint_does_not_take():
    with pytest.raises(ValueError, match="use_reentrant"):
        checkpoint(ga.exp, leaf(1.0), use_reentrant=True)
    with pytest.raises(ValueError, match="determinism_check"):
        checkpoint(ga.exp, leaf(1.0), determinism_check="some")
    with pytest.raises(ValueError, match="segments"):
        checkpoint_sequential([ga.exp], 2, leaf(1.0))


@pytest.mark.parametrize("segments", [1, 2, 3, 7])
def test_a_sequence_of_checkpoints(segments):
    functions = [ga.sin, ga.exp, ga.tanh, lambda x: x * x, ga.cos, ga.exp, ga.sin]
    x = leaf(0.3, 0.6)
    y = x
    for function in functions:
        y = function(y)
    (expected,) = grad(y.sum(), x)
    (found,) = grad(checkpoint_sequential(functions, segments, x).sum(), x)
    np.testing.assert_allclose(found.tolist(), expected.tolist())


def test_a_checkpoint_saves_memory():
    n, steps = 50_000, 16

    def block(x):
        return (x.sin() * x.exp()).tanh()

    def peak(run):
        x = ga.ones(n, requires_grad=True)
        tracemalloc.start()
        try:
            y = run(x).sum()
            kept = tracemalloc.get_traced_memory()[0]
            y.backward()
            return kept / (4 * n), tracemalloc.get_traced_memory()[1] / (4 * n), x.grad
        finally:
            tracemalloc.stop()

    def plain(x):
        for _ in range(steps):
            x = block(x)
        return x

    def saving(x):
        for _ in range(steps):
            x = checkpoint(block, x)
        return x

    def halves(x):
        for _ in range(2):
            x = checkpoint(lambda x: [x := checkpoint(block, x) for _ in range(steps // 2)][-1], x)
        return x

    kept, most, gradient = peak(plain)
    kept_saving, most_saving, same = peak(saving)
    kept_halves, most_halves, same_again = peak(halves)
    assert gradient.tolist() == same.tolist() == same_again.tolist()
    assert kept > 3 * steps and kept_saving < steps + 4 and kept_halves < 6  # in arrays
    assert most_saving < 0.5 * most and most_halves < most_saving


def test_saving_elsewhere_saves_memory(tmp_path):
    n = 50_000

    def pack(t):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npy"
        np.save(path, t.numpy())
        return path

    x = ga.ones(n, requires_grad=True)
    tracemalloc.start()
    try:
        with graph.saved_tensors_hooks(pack, lambda path: ga.tensor(np.load(path))):
            y = x
            for _ in range(10):
                y = y.sin()
        kept = tracemalloc.get_traced_memory()[0] / (4 * n)
    finally:
        tracemalloc.stop()
    assert kept < 3
    y.sum().backward()
    value, slope = np.ones(1, np.float32), 1.0
    for _ in range(10):
        value, slope = np.sin(value), slope * np.cos(value)
    np.testing.assert_allclose(x.grad.numpy()[:1], slope, rtol=1e-5)
