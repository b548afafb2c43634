"""The walk as users see it: what accumulates where, what is refused, what the graph shows, hooks and modes."""

import random
import threading

import numpy as np
import pytest

import gradarray as ga
from gradarray.autograd import grad


def leaf(*values):
    return ga.tensor(values, requires_grad=True)


# -- backward ----------------------------------------------------------------------------------------------------------


def test_the_tutorial():
    x = ga.ones(2, 2, requires_grad=True)
    y = x + 2
    z = y * y * 3
    out = z.mean()
    out.backward()
    assert repr(x.grad) == "tensor([[4.5000, 4.5000],\n        [4.5000, 4.5000]])"


def test_gradients_accumulate():
    x = leaf(1.0, 2.0)
    (x * 2).sum().backward()
    (x * x).sum().backward()
    assert x.grad.tolist() == [4.0, 6.0]
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_an_input_used_several_times():
    x = leaf(2.0)
    y = x * x
    (y * y + y * x + x).sum().backward()
    assert x.grad.tolist() == [4 * 8 + 3 * 4 + 1]


def test_a_vector_jacobian_product():
    x = leaf(1.0, 2.0, 3.0)
    (x * x).backward(ga.tensor([0.1, 1.0, 10.0]))
    np.testing.assert_allclose(x.grad.numpy(), [0.2, 4.0, 60.0], rtol=1e-6)


def test_a_graph_that_python_decided():
    x = leaf(0.5, -0.3, 1.2)
    y, doubled = x * 2, 1
    while y.data.norm() < 1000:
        y, doubled = y * 2, doubled + 1
    v = ga.tensor([0.1, 1.0, 0.0001])
    y.backward(v)
    assert x.grad.tolist() == (v * 2**doubled).tolist()


def test_the_gradient_is_not_shared_with_what_was_given():
    x = leaf(1.0, 2.0)
    v = ga.ones(2)
    (x + 0).backward(v)
    x.grad.add_(1)
    assert v.tolist() == [1.0, 1.0]


def test_two_leaves_do_not_share_their_gradients():
    a, b = leaf(1.0), leaf(2.0)
    (a + b).backward()
    a.grad.zero_()
    assert b.grad.tolist() == [1.0]


def test_two_leaves_do_not_share_gradients_of_a_recorded_walk_nor_have_that_which_was_given():
    a, b, v = leaf(1.0, 2.0), leaf(3.0, 4.0), ga.ones(2)
    (a + b).backward(v, create_graph=True)
    b.sum().backward()
    assert (a.grad.tolist(), b.grad.tolist(), v.tolist()) == ([1.0, 1.0], [2.0, 2.0], [1.0, 1.0])


def test_what_hooks_have_seen_and_given_is_not_added_to():
    a, b, given, seen = leaf(1.0), leaf(1.0), ga.ones(1), []
    a.register_hook(lambda g: given)
    b.register_hook(seen.append)
    ga.autograd.graph.register_multi_grad_hook([b], seen.extend)
    for _ in range(2):
        (a + b).backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([2.0], [2.0])
    assert given.tolist() == [1.0]
    assert [g.tolist() for g in seen] == [[1.0]] * 4


def test_a_gradient_that_is_kept_of_a_non_leaf_is_replaced_where_it_grows():
    y = leaf(1.0, 2.0) * 2
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    before = y.grad
    y.sum().backward()
    assert (before.tolist(), y.grad.tolist()) == ([1.0, 1.0], [2.0, 2.0])
    z = leaf(1.0, 2.0) * 2
    z.retain_grad()
    (z + y.detach()).backward(before, create_graph=True)
    z.grad.zero_()
    assert before.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("size", [(1,), (1, 1), ()], ids=str)
def test_one_element_needs_no_gradient(size):
    x = ga.ones(size, requires_grad=True)
    (x * 2).backward()
    assert x.grad.shape == size


def test_gradients_have_their_inputs_shape_and_dtype():
    a, b = ga.ones(3, requires_grad=True), ga.ones(2, 1, dtype=ga.float64, requires_grad=True)
    c = ga.ones((), requires_grad=True)
    (a * b + c).sum().backward()
    for x in (a, b, c):
        assert (x.grad.shape, x.grad.dtype) == (x.shape, x.dtype)


def test_several_roots():
    x = leaf(1.0, 2.0)
    ga.autograd.backward([x.sum(), x * x], [None, ga.ones(2)])
    assert x.grad.tolist() == [3.0, 5.0]


def test_backward_into_chosen_inputs():
    a, b = leaf(1.0), leaf(2.0)
    y = a * b
    z = y * y
    z.backward(inputs=[a, y], retain_graph=True)
    assert a.grad.tolist() == [8.0]
    assert y.grad.tolist() == [4.0]
    assert b.grad is None
    assert y.retains_grad
    y.sum().backward()
    assert y.grad.tolist() == [5.0]


def test_a_leaf_may_be_the_root():
    x = leaf(1.0)
    x.backward()
    assert x.grad.tolist() == [1.0]


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("walk", "message"),
    [
        (lambda x, y: y.backward(), "implicitly created only for scalar outputs"),
        (lambda x, y: y.backward(ga.ones(3)), "Mismatch in shape"),
        (lambda x, y: y.backward(ga.ones(2, 1)), "Mismatch in shape"),
        (lambda x, y: y.detach().sum().backward(), "does not require grad"),
        (lambda x, y: y.backward(ga.ones(2, dtype=ga.complex64)), "complex gradient"),
        (lambda x, y: ga.autograd.backward([y, y], [ga.ones(2)]), "2 tensors and 1 gradients"),
        (lambda x, y: y.sum().backward(inputs=[]), "cannot be empty"),
        (lambda x, y: y.sum().backward(inputs=[ga.ones(1)]), "does not require grad"),
        (lambda x, y: grad(y.sum(), ga.ones(2)), "does not require grad"),
        (lambda x, y: grad(y.sum(), leaf(1.0)), "not have been used in the graph"),
        (lambda x, y: (y.exp().to(ga.complex64).sum()).backward(), "real scalar outputs"),
    ],
)
def test_what_is_refused_accumulates_nothing(walk, message):
    x = leaf(1.0, 2.0)
    x.grad = ga.tensor([7.0, 7.0])
    y = x * x
    with pytest.raises(RuntimeError, match=message):
        walk(x, y)
    assert x.grad.tolist() == [7.0, 7.0]
    (y.sum()).backward()  # the graph is as it was
    assert x.grad.tolist() == [9.0, 11.0]


@pytest.mark.parametrize("gradient", [1.0, [1.0], np.ones(1)], ids=repr)
def test_a_gradient_is_a_tensor(gradient):
    with pytest.raises(TypeError):
        (leaf(1.0) * 2).backward(gradient)


def test_a_second_walk_says_what_to_do():
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        loss.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_a_second_walk_through_a_part_that_was_freed():
    x, w = leaf(1.0), leaf(3.0)
    shared = x.exp()
    (shared * 2).backward()
    other = shared * w
    with pytest.raises(RuntimeError, match="second time"):
        other.backward()
    assert w.grad is None


def test_retain_graph_allows_another_walk():
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert x.grad.tolist() == [4.0, 8.0]


def test_what_saved_nothing_may_be_walked_again():
    x = leaf(1.0)
    y = x + 1
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2.0]


# -- grad --------------------------------------------------------------------------------------------------------------


def test_grad_touches_no_grad():
    a, b = leaf(2.0), leaf(3.0)
    y = a * b
    ga_, gy = grad((y * y).sum(), (a, y))
    assert (ga_.tolist(), gy.tolist()) == ([36.0], [12.0])
    assert a.grad is b.grad is y.grad is None


def test_grad_with_vectors():
    x = leaf(1.0, 2.0)
    (g,) = grad([x * x, x * 3], x, [ga.tensor([1.0, 10.0]), ga.ones(2)])
    assert g.tolist() == [5.0, 43.0]


def test_unused_inputs():
    x, unused = leaf(1.0), leaf(1.0)
    y = x * 2
    assert grad(y, (x, unused), allow_unused=True, retain_graph=True)[1] is None
    zeros = grad(y, (x, unused), materialize_grads=True, retain_graph=True)[1]
    assert (zeros.tolist(), zeros.dtype) == ([0.0], ga.float32)
    with pytest.raises(ValueError, match="allow_unused"):
        grad(y, x, allow_unused=False, materialize_grads=True)


def test_the_zeros_of_an_unused_input_have_derivatives_of_any_order():
    x, unused = leaf(1.0), leaf(1.0)
    g = grad(x * 2, unused, create_graph=True, materialize_grads=True)[0]
    for _ in range(2):
        g = grad(g, unused, create_graph=True, materialize_grads=True)[0]
        assert (g.tolist(), g.requires_grad) == ([0.0], True)
    assert not grad(x * 2, unused, materialize_grads=True)[0].requires_grad


def test_grad_for_the_same_input_twice_and_for_the_output():
    x = leaf(3.0)
    y = x * 2
    assert [g.tolist() for g in grad(y, (x, y, x))] == [[2.0], [1.0], [2.0]]


def test_grad_visits_only_what_leads_to_the_inputs():
    x, w = leaf(1.0), leaf(2.0)
    seen = []
    side = w * 2
    side.register_hook(seen.append)
    grad((x * side).sum(), x)
    assert seen == []


# -- higher orders -----------------------------------------------------------------------------------------------------


def test_create_graph_makes_gradients_differentiable():
    x = leaf(2.0, 3.0)
    y = x**4
    orders = []
    for _ in range(4):
        (y,) = grad(y.sum(), x, create_graph=True)
        orders.append(y.tolist())
    assert orders == [[32.0, 108.0], [48.0, 108.0], [48.0, 72.0], [24.0, 24.0]]


def test_backward_with_create_graph():
    x = leaf(2.0)
    (x**3).backward(create_graph=True)
    assert x.grad.requires_grad
    first = x.grad
    x.grad = None
    first.backward()
    assert x.grad.tolist() == [12.0]


def test_gradients_do_not_require_gradients_otherwise():
    x = leaf(2.0)
    (x**3).backward()
    assert not x.grad.requires_grad
    assert not grad(x**3, x)[0].requires_grad


def test_a_gradient_penalty():
    w, x = leaf(0.5, -1.0), leaf(1.0, 2.0)
    (g,) = grad((w * x).sum().tanh(), x, create_graph=True)
    (g * g).sum().backward()
    h = 1e-3

    def penalty(a, b):
        t = np.tanh(a * 1 + b * 2)
        return (1 - t * t) ** 2 * (a * a + b * b)

    expected = [
        (penalty(0.5 + h, -1) - penalty(0.5 - h, -1)) / (2 * h), (penalty(0.5, -1 + h) - penalty(0.5, -1 - h)) / (2 * h)
    ]  # fmt: skip
    np.testing.assert_allclose(w.grad.tolist(), expected, rtol=1e-3)


# -- hooks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("of_leaf", [True, False])
def test_a_hook_sees_and_may_replace_the_gradient(of_leaf):
    x = leaf(1.0, 2.0)
    y = x * 3
    seen = []

    def hook(g):
        seen.append(g.tolist())
        return g * 10

    (x if of_leaf else y).register_hook(hook)
    (y * 2).sum().backward()
    assert seen == [[6.0, 6.0] if of_leaf else [2.0, 2.0]]
    assert x.grad.tolist() == [60.0, 60.0]


def test_hooks_run_in_order_and_can_be_removed():
    x = leaf(1.0)
    calls = []
    first = x.register_hook(lambda g: calls.append("first"))
    x.register_hook(lambda g: calls.append("second"))
    (x * 2).backward()
    first.remove()
    first.remove()
    (x * 2).backward()
    with x.register_hook(lambda g: calls.append("third")):
        (x * 2).backward()
    (x * 2).backward()
    assert calls == ["first", "second", "second", "second", "third", "second"]


def test_a_hook_sees_the_sum_once():
    x = leaf(1.0)
    y = x * 2
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    (y * 3 + y * 4 + y).backward()
    assert seen == [8.0]


def test_a_hook_that_raises_leaves_no_gradient():
    x, w = leaf(1.0), leaf(1.0)
    y = x * w

    def refuse(g):
        raise ValueError("no")

    x.register_hook(refuse)
    with pytest.raises(ValueError, match="no"):
        y.backward()
    assert x.grad is None
    assert w.grad is None


def test_what_a_hook_returns_must_fit():
    for wrong in (ga.ones(3), 1.0, ga.ones(2, dtype=ga.float64), ga.ones(2, dtype=ga.int64)):
        for register in (
            lambda x, y, hook: x.register_hook(hook),
            lambda x, y, hook: y.register_hook(hook),
            lambda x, y, hook: y.grad_fn.register_prehook(hook),
            lambda x, y, hook: y.grad_fn.register_hook(lambda given, _: (hook(None), *given[1:])),
        ):
            x = leaf(1.0, 2.0)
            y = x * 2
            register(x, y, lambda g, wrong=wrong: wrong)
            with pytest.raises(RuntimeError, match="a hook must return"):
                y.sum().backward()
            assert x.grad is None


def test_hooks_and_retained_gradients_need_the_tape():
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        ga.ones(1).register_hook(print)
    with pytest.raises(RuntimeError, match="requires_grad=False"):
        ga.ones(1).retain_grad()


def test_a_non_leaf_keeps_its_gradient_when_told():
    x = leaf(1.0, 2.0)
    y, z = x * 2, x * 3
    y.retain_grad()
    (y * y + z).sum().backward()
    assert y.grad.tolist() == [4.0, 8.0]
    assert z.grad is None
    assert (y.retains_grad, z.retains_grad, x.retains_grad) == (True, False, False)
    x.retain_grad()  # nothing, for a leaf


@pytest.mark.parametrize("outside", [ga.no_grad, ga.enable_grad])
@pytest.mark.parametrize("create_graph", [False, True])
def test_hooks_run_in_the_mode_of_the_walk_wherever_they_are(outside, create_graph):
    x, seen = leaf(1.0, 2.0), {}

    def note(name):
        return lambda *_: seen.update({name: ga.is_grad_enabled()})

    y = x * 3
    y.register_hook(note("tensor"))
    y.grad_fn.register_hook(note("after the node"))
    x.register_hook(note("leaf"))
    x.register_post_accumulate_grad_hook(note("after accumulation"))
    ga.autograd.graph.register_multi_grad_hook([x, y], note("of all"))
    loss = y.sum()
    with outside():
        loss.backward(create_graph=create_graph)
        assert ga.is_grad_enabled() is (outside is ga.enable_grad)
    assert len(seen) == 5
    assert set(seen.values()) == {create_graph}


def test_a_leaf_may_be_changed_as_soon_as_its_gradient_is_there():
    x = leaf(1.0, 2.0)
    x.register_post_accumulate_grad_hook(lambda x: x.sub_(x.grad))
    (x * x).sum().backward()
    assert x.tolist() == [-1.0, -2.0]


def test_gradients_accumulate_with_their_graph_in_no_grad_too():
    x = leaf(1.0, 2.0)
    for _ in range(2):
        y = (x**3).sum()
        with ga.no_grad():
            y.backward(create_graph=True)
    assert grad(x.grad.sum(), x)[0].tolist() == [12.0, 24.0]


def test_a_hook_on_one_of_several_slices():
    x = ga.tensor([1.0, 2.0, 3.0], requires_grad=True)
    a, b, c = x.unbind()
    b.register_hook(lambda g: g * 100)
    (a + b + c).backward()
    assert x.grad.tolist() == [1.0, 100.0, 1.0]


# -- modes -------------------------------------------------------------------------------------------------------------


def test_no_grad_records_nothing():
    x = leaf(1.0)
    with ga.no_grad():
        y = x**2
        assert x.requires_grad
        assert not y.requires_grad
        assert y.is_leaf
    assert (x**2).requires_grad


def test_modes_nest_and_come_back():
    states = []
    with ga.no_grad():
        states.append(ga.is_grad_enabled())
        with ga.enable_grad():
            states.append(ga.is_grad_enabled())
            with ga.set_grad_enabled(False):
                states.append(ga.is_grad_enabled())
            states.append(ga.is_grad_enabled())
        states.append(ga.is_grad_enabled())
    assert [*states, ga.is_grad_enabled()] == [False, True, False, True, False, True]


def test_modes_come_back_after_an_exception():
    with pytest.raises(ZeroDivisionError), ga.no_grad():
        1 / 0
    assert ga.is_grad_enabled()


def test_set_grad_enabled_works_at_once():
    ga.set_grad_enabled(False)
    assert not (leaf(1.0) * 2).requires_grad
    ga.set_grad_enabled(True)
    assert (leaf(1.0) * 2).requires_grad


@pytest.mark.parametrize(
    ("decorator", "enabled"),
    [
        (lambda: ga.no_grad, False),
        (lambda: ga.no_grad(), False),
        (lambda: ga.enable_grad, True),
        (lambda: ga.set_grad_enabled(False), False),
    ],
)
def test_modes_are_decorators(decorator, enabled):
    @decorator()
    def recorded(depth):
        """Documented."""
        return ga.is_grad_enabled() and (depth == 0 or recorded(depth - 1))

    with ga.set_grad_enabled(not enabled):
        assert recorded(2) is enabled
        assert ga.is_grad_enabled() is not enabled
    assert recorded.__doc__ == "Documented."


def test_a_mode_object_can_be_entered_again():
    mode = ga.no_grad()
    with mode, mode:
        assert not ga.is_grad_enabled()
    assert ga.is_grad_enabled()


def test_modes_are_per_thread():
    inside, outside = [], []
    entered, done = threading.Event(), threading.Event()

    def work():
        with ga.no_grad():
            inside.append(ga.is_grad_enabled())
            entered.set()
            done.wait(5)

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(5)
    outside.append(ga.is_grad_enabled())
    done.set()
    thread.join()
    assert (inside, outside) == ([False], [True])


# -- what the graph shows ----------------------------------------------------------------------------------------------

NAMES = {
    "Add": lambda x, y: x + y, "Sub": lambda x, y: x - y, "Mul": lambda x, y: x * y, "Div": lambda x, y: x / y,
    "Neg": lambda x, y: -x, "Pow": lambda x, y: x**2, "Exp": lambda x, y: x.exp(), "Log": lambda x, y: x.log(),
    "Sqrt": lambda x, y: x.sqrt(), "Sin": lambda x, y: x.sin(), "Cos": lambda x, y: x.cos(),
    "Tanh": lambda x, y: x.tanh(), "Sigmoid": lambda x, y: x.sigmoid(), "Relu": lambda x, y: x.relu(),
    "Abs": lambda x, y: x.abs(), "Reciprocal": lambda x, y: x.reciprocal(), "Maximum": lambda x, y: ga.maximum(x, y),
    "Atan2": lambda x, y: x.atan2(y), "Sum": lambda x, y: x.sum(), "Mean": lambda x, y: x.mean(),
    "Prod": lambda x, y: x.prod(), "Std": lambda x, y: x.std(), "Var": lambda x, y: x.var(),
    "Amax": lambda x, y: x.amax(0), "Cumsum": lambda x, y: x.cumsum(0), "Mm": lambda x, y: x @ y.T,
    "Mv": lambda x, y: x @ y[0], "Dot": lambda x, y: x[0] @ y[0], "T": lambda x, y: x.t(),
    "Transpose": lambda x, y: x.transpose(0, 1), "Permute": lambda x, y: x.permute(1, 0),
    "View": lambda x, y: x.view(-1), "UnsafeView": lambda x, y: x.t().reshape(-1), "Select": lambda x, y: x[0],
    "Slice": lambda x, y: x[1:], "Index": lambda x, y: x[[0, 1]], "Unsqueeze": lambda x, y: x.unsqueeze(0),
    "Expand": lambda x, y: x.expand(2, 2, 2), "Cat": lambda x, y: ga.cat([x, y]),
    "Stack": lambda x, y: ga.stack([x, y]),
    "Clone": lambda x, y: x.clone(), "Where": lambda x, y: ga.where(x > 1, x, y), "ToCopy": lambda x, y: x.double(),
    "Flip": lambda x, y: x.flip(0), "Roll": lambda x, y: x.roll(1), "Tril": lambda x, y: x.tril(),
    "Alias": lambda x, y: x[...], "LinalgVectorNorm": lambda x, y: x.norm(),
}  # fmt: skip
ONES = {
    "Sum": lambda x: x.sum(0),
    "Mean": lambda x: x.mean(0),
    "Prod": lambda x: x.prod(0),
    "Clamp": lambda x: x.clamp(0, 1),
}


@pytest.mark.parametrize("name", NAMES)
def test_nodes_are_named_as_pytorchs(name):
    x, y = (ga.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True) for _ in range(2))
    node = NAMES[name](x, y).grad_fn
    assert type(node).__name__ == node.name() == f"{name}Backward0"
    assert repr(node).startswith(f"<{name}Backward0 object at 0x")


@pytest.mark.parametrize("name", ONES)
def test_nodes_of_a_second_kind(name):
    assert ONES[name](ga.ones(2, 2, requires_grad=True)).grad_fn.name() == f"{name}Backward1"


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("SelectBackwardBackward0", lambda x: x[0]),
        ("SliceBackwardBackward0", lambda x: x[1:]),
        ("SliceBackwardBackward0", lambda x: x[..., 1:]),
        ("IndexPutImplBackward0", lambda x: x[[0, 0]]),
    ],
)
def test_nodes_of_a_derivative_of_an_index(name, f):
    x = ga.ones(2, 2, requires_grad=True)
    (g,) = ga.autograd.grad((f(x) ** 2).sum(), x, create_graph=True)
    assert g.grad_fn.name() == name


def test_a_node_of_padding():
    x = ga.ones(2, 2, requires_grad=True)
    assert ga.nn.functional.pad(x, (1, 0)).grad_fn.name() == ga.pad(x, 1).grad_fn.name() == "ConstantPadNdBackward0"


def test_nodes_of_writes():
    y = ga.ones(2, 2, requires_grad=True) * 1
    y.copy_(ga.zeros(2, 2))
    assert y.grad_fn.name() == "CopyBackwards"
    y[0] = 1
    assert y.grad_fn.name() == "CopySlices"


def test_next_functions_lead_to_the_leaves():
    a, b = leaf(1.0), leaf(2.0)
    y = a * b + 1
    ((mul, i), (nothing, _)) = y.grad_fn.next_functions
    assert (mul.name(), i, nothing) == ("MulBackward0", 0, None)
    (first, _), (second, _) = mul.next_functions
    assert (first.name(), first.variable is a, second.variable is b) == ("AccumulateGrad", True, True)
    assert first.next_functions == ()


def test_leaves_and_others():
    x = leaf(1.0)
    y = x * 2
    assert (x.is_leaf, x.grad_fn, x.requires_grad, x.output_nr) == (True, None, True, 0)
    assert (y.is_leaf, y.requires_grad) == (False, True)
    assert (ga.ones(1).is_leaf, ga.ones(1).requires_grad) == (True, False)
    assert not (x > 0).requires_grad
    assert not x.argmax().requires_grad


# -- random programs ---------------------------------------------------------------------------------------------------

READS = [
    "a * b", "a + b", "a - b", "a / (b * b + 1)", "a * 0.5", "1 - a", "a.sin()", "a.tanh()", "(a * a + 0.5).sqrt()",
    "a.exp()", "a[0] * b", "a.t()", "a[:, 1:2] + b", "a.sum(0)", "a.mean() * b", "a.clone()",
    "a[[0, 2]][:, [1, 0, 1]].sum()",
]  # fmt: skip
TAKES = ["a[0]", "a[1:]", "a[:, 1]", "a.t()", "a.view(-1)", "a[::-1]", "a[1][2:]", "a.unsqueeze(0)", "a.T[1:].T"]
WRITES = [
    "a.mul_(2)", "a.add_(b.sum())", "a.sin_()", "a.mul_(a)", "a[...] = b.mean()", "a.zero_()",
    "a.div_(b.sum() ** 2 + 1)",
    "a.tanh_()", "a.copy_(b.sum().expand(a.shape))", "a.masked_fill_(a > 0.3, 0.25)", "a.pow_(2)",
]  # fmt: skip


def program(seed):
    rng = random.Random(seed)
    steps = []
    for _ in range(rng.randint(4, 14)):
        kind = rng.choices(["read", "take", "write"], [4, 3, 5])[0]
        text = rng.choice({"read": READS, "take": TAKES, "write": WRITES}[kind])
        steps.append((kind, text, rng.randrange(100), rng.randrange(100)))
    return steps


def run(steps, x):
    """The values of ``program`` on ``x``: NumPy arrays stay NumPy's, tensors are recorded."""
    pool = [x * 1.0, x + 0.25]
    for kind, text, i, j in steps:
        names = {"a": pool[i % len(pool)], "b": pool[j % len(pool)], "ga": ga}
        try:
            if kind == "write":
                exec(text, names)
            else:
                pool.append(eval(text, names))
        except (RuntimeError, IndexError, ValueError):
            continue
    total = ga.zeros((), dtype=ga.float64)
    for k, t in enumerate(pool):
        total = total + (t * (0.3 + 0.1 * k)).sum()
    return total


@pytest.mark.parametrize("seed", range(60))
def test_random_programs_against_finite_differences(seed):
    """Reads, views and writes mixed: the derivative is that of what was computed."""
    steps = program(seed)
    at = np.random.default_rng(seed).uniform(0.35, 0.9, (3, 3))
    x = ga.tensor(at, requires_grad=True)
    direction = np.random.default_rng(seed + 1).normal(size=(3, 3))
    loss = run(steps, x)
    (g,) = grad(loss, x)
    h = 1e-6
    with ga.no_grad():
        up, down = (run(steps, ga.tensor(at + s * h * direction)).item() for s in (1, -1))
    if not np.isfinite([up, down]).all() or abs(loss.item()) > 1e6:
        pytest.skip("it grew beyond what differences can tell")
    np.testing.assert_allclose((g.numpy() * direction).sum(), (up - down) / (2 * h), rtol=2e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("zero", [0, 0.0, -0.0])
def test_division_by_the_number_zero_has_an_infinite_derivative(zero):
    x = ga.tensor([1.0, -1.0, 0.0], requires_grad=True)
    y = x / zero
    (g,) = ga.autograd.grad(y, x, ga.tensor([1.0, 0.0, -1.0]))
    sign = -1 if str(zero) == "-0.0" else 1
    np.testing.assert_array_equal(g.numpy(), [sign * np.inf, 0.0, -sign * np.inf])


def test_numpy_says_nothing_while_the_walk_runs_and_what_it_said_before_afterwards():
    x = leaf(0.0, 1.0)
    seen = []

    def fail(g):
        seen.append(np.geterr())
        raise KeyError("stop")

    with np.errstate(all="raise"):
        before = np.geterr()
        y = x * 2
        y.register_hook(fail)
        with pytest.raises(KeyError):
            y.backward(ga.ones(2))
        assert np.geterr() == before
        (g,) = grad(ga.sqrt(x).sum(), x)
        assert np.geterr() == before
    assert seen == [dict.fromkeys(before, "ignore")]
    np.testing.assert_array_equal(g.numpy(), [np.inf, 0.5])
