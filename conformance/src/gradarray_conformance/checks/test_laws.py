"""Laws of the tape: what must hold of any function, whatever it computes.

The functions are built so that graphs branch, join, broadcast, look through views and write in place; hypothesis draws
where they are evaluated, and in which layout. All of them are smooth and take one tensor of two or more rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradarray as ga
from gradarray_conformance.needs import double_precision  # noqa: F401 - a fixture
from gradarray_conformance.profiles import examples
from gradarray_conformance.samples import Array, host, is_lazy, noise
from gradarray_conformance.strategies import arrays

Function = Callable[[Any], Any]
EXACT = 1e-12
STEP = 1e-5


def written_into(x: Any) -> Any:
    y = x.clone()
    y[0] = ga.sin(x[1])
    y *= x
    return y


def through_a_view(x: Any) -> Any:
    y = x * 1.0
    y[1:].mul_(x[0])
    return y


def recurrence(x: Any) -> Any:
    state = x[0]
    for i in range(1, x.shape[0]):
        state = ga.tanh(state * x[i]) + state
    return state


def shared(x: Any) -> Any:
    """Steps so many that the gradients of what they share are put together."""
    weight, bias = ga.sin(x @ ga.matrix_transpose(x)) * 0.3, ga.mean(x, axis=1)
    state = ga.matrix_transpose(x)
    for _ in range(20):
        state = ga.tanh(state @ weight + bias)
    return state


FUNCTIONS: dict[str, Function] = {
    "a shift": lambda x: x + 1.5,
    "a chain": lambda x: ga.exp(ga.sin(x) * 0.5),
    "a value used three times": lambda x: ga.sin(y := ga.tanh(x)) * y + y,
    "an input used directly and through others": lambda x: x * ga.sin(x) - x,
    "broadcasting": lambda x: x - ga.mean(x, axis=0) * ga.sum(x, axis=1, keepdims=True),
    "a product of matrices": lambda x: x @ ga.matrix_transpose(ga.sin(x)),
    "a reduction": lambda x: ga.sum(ga.square(x)) * ga.mean(x),
    "views": lambda x: ga.permute_dims(x, (1, 0))[::-1] * ga.reshape(x, (x.shape[1], x.shape[0])),
    # and no more than twice: a GPU adds in any order, which a sum of two does not show
    "elements taken twice": lambda x: x[ga.asarray([1, 0, 1], device=x.device)] * x[0],
    "parts put together": lambda x: ga.concat([ga.sin(x[:1]), x * x, x[1:]], axis=0),
    "several outputs": lambda x: ga.stack(list(ga.unstack(x, axis=1))[::-1], axis=0) ** 2,
    "a choice": lambda x: ga.where(x > 10.0, 0.0, ga.sin(x)),
    "a write": written_into,
    "a write through a view": through_a_view,
    "a loop": recurrence,
    "a weight of many steps": shared,
}
per_function = pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
points = st.sampled_from(((2, 3), (3, 2), (2, 1))).flatmap(lambda shape: arrays("real", shape))


def on(device: str, array: Array) -> Any:
    """A leaf."""
    return ga.asarray(array, device=device, copy=True).requires_grad_()


def seed_for(y: Any, seed: int) -> Any:
    """A cotangent."""
    return ga.asarray(noise(host(y), seed), device=y.device)


def grad(y: Any, x: Any, u: Any, **options: Any) -> Array:
    """The gradient in NumPy, of a graph that stays."""
    (g,) = ga.autograd.grad(y, x, u, retain_graph=True, materialize_grads=True, **options)
    return host(g)


def same(a: Any, b: Any, tolerance: float = EXACT) -> None:
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, float(np.max(np.abs(b), initial=0))))


def law(share: float = 0.25) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test of each function at points that are drawn: ``check(f, x, device)``, ``x`` being a leaf."""

    def decorate(check: Callable[[Function, Any, str], None]) -> Callable[..., None]:
        def test(f: Function, device: str) -> None:
            @examples(share)
            @given(points)
            def run(array: Array) -> None:
                check(f, on(device, array), device)

            run()

        test.__doc__, test.__name__ = check.__doc__, check.__name__
        return per_function(test)

    return decorate


# -- the cotangent -----------------------------------------------------------------------------------------------------


@law()
def test_the_gradient_is_linear_in_the_cotangent(f: Function, x: Any, device: str) -> None:
    y = f(x)
    u, w = seed_for(y, 1), seed_for(y, 2)
    same(grad(y, x, 2.0 * u - 0.5 * w), 2.0 * grad(y, x, u) - 0.5 * grad(y, x, w))


@law(0.1)
def test_a_zero_cotangent_gives_a_zero_gradient(f: Function, x: Any, device: str) -> None:
    y = f(x)
    np.testing.assert_array_equal(grad(y, x, ga.zeros_like(y)), 0 * host(x))


@law()
def test_the_chain_rule(f: Function, x: Any, device: str) -> None:
    """The gradient through a tensor in the middle is the gradient of the first half by the gradient of the second."""
    middle = ga.sin(f(x))
    y = ga.square(middle) * middle
    u = seed_for(y, 1)
    (inner,) = ga.autograd.grad(y, middle, u, retain_graph=True)
    same(grad(middle, x, inner), grad(y, x, u))


# -- accumulation ------------------------------------------------------------------------------------------------------


@law()
def test_gradients_add_up_in_whatever_order(f: Function, x: Any, device: str) -> None:
    array = host(x)
    y, z = f(x), ga.sin(f(x))
    u, w = seed_for(y, 1), seed_for(z, 2)
    both = grad(y, x, u) + grad(z, x, w)
    y.backward(u, retain_graph=True)
    z.backward(w, retain_graph=True)
    same(host(x.grad), both)

    other = on(device, array)
    y, z = f(other), ga.sin(f(other))
    z.backward(w)
    y.backward(u)
    same(host(other.grad), both)

    together = on(device, array)
    ga.autograd.backward([f(together), ga.sin(f(together))], [u, w])
    same(host(together.grad), both)


@law(0.1)
def test_the_gradient_of_a_sum_is_the_sum_of_gradients(f: Function, x: Any, device: str) -> None:
    y, z = f(x), f(ga.sin(x))
    u = seed_for(y, 1)
    same(grad(y + z, x, u), grad(y, x, u) + grad(z, x, u))


@law(0.1)
def test_grad_touches_no_grad_and_backward_only_that_of_leaves(f: Function, x: Any, device: str) -> None:
    other = on(device, host(x))
    y = f(x) * ga.sum(other)
    u = seed_for(y, 1)
    want = grad(y, x, u)
    assert all(leaf.grad is None for leaf in (x, other))
    ga.autograd.backward(y, u, retain_graph=True, inputs=[x])
    assert other.grad is None
    same(host(x.grad), want)


@law(0.1)
def test_gradients_are_the_callers_alone(f: Function, x: Any, device: str) -> None:
    """To write to a gradient, or to the cotangent afterwards, changes nothing else."""
    y = f(x)
    u = seed_for(y, 1)
    before, seed = host(y), host(u)
    (g,) = ga.autograd.grad(y, x, u, retain_graph=True)
    want = host(g)
    y.backward(u, retain_graph=True)
    g += 1.0
    same(host(x.grad), want)
    np.testing.assert_array_equal(host(u), seed)
    np.testing.assert_array_equal(host(y), before)
    u.zero_()
    same(host(x.grad), want)


@per_function
def test_memory_of_large_gradients_is_used_again_only_where_nobody_has_it(f: Function, device: str) -> None:
    """A walk gives the same whether hooks hold each cotangent or nobody does, and what anybody holds stays as it is."""
    side = 16 if is_lazy(device) else 96  # of a graph that is computed later no step can write to what is held
    x = on(device, 0.5 * noise(np.zeros((side, side)), 3))
    middle = ga.sin(x)
    y = f(middle)
    u = seed_for(y, 1)
    held = [x.detach(), middle, y, u]
    before = [host(one).copy() for one in held]
    total = ga.sum(y)  # whose gradient is the same number everywhere
    want, of_total = grad(y, x, u), grad(total, x, None)
    np.testing.assert_array_equal(grad(y, x, u), want)
    np.testing.assert_array_equal(grad(total, x, None), of_total)

    def keep(gs: Any) -> None:
        for g in gs:
            if g is not None:
                held.append(g)
                before.append(host(g).copy())

    waiting, seen = [y.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen and node.next_functions:
            seen.add(node)
            node.register_prehook(keep)
            waiting += [function for function, _ in node.next_functions]
    same(grad(y, x, u), want)
    same(grad(total, x, None), of_total)
    total.backward()
    same(host(x.grad), of_total)
    for one, was in zip(held, before, strict=True):
        np.testing.assert_array_equal(host(one), was)


# -- off the tape ------------------------------------------------------------------------------------------------------


@law(0.1)
def test_detached_is_the_same_value_without_a_gradient(f: Function, x: Any, device: str) -> None:
    y = f(x)
    cut = y.detach()
    assert not cut.requires_grad and cut.grad_fn is None
    np.testing.assert_array_equal(host(cut), host(y))
    u = seed_for(y, 1)
    same(grad(y * cut, x, u), grad(y, x, u * cut))


@law(0.1)
def test_no_grad_computes_the_same_and_records_nothing(f: Function, x: Any, device: str) -> None:
    with ga.no_grad():
        y = f(x)
    assert not y.requires_grad and y.grad_fn is None and x.requires_grad
    np.testing.assert_array_equal(host(y), host(f(x)))
    with ga.no_grad(), ga.enable_grad():
        assert f(x).requires_grad


# -- in place, and views -----------------------------------------------------------------------------------------------

TWINS: dict[str, tuple[Function, Function]] = {
    "add_": (lambda y: y.add_(ga.sin(y)), lambda y: y + ga.sin(y)),
    "mul_ by itself": (lambda y: y.mul_(y), lambda y: y * y),
    "a number": (lambda y: y.sub_(1.5), lambda y: y - 1.5),
    "a function": (lambda y: y.tanh_(), ga.tanh),
    "one after the other": (lambda y: y.sin_().exp_().mul_(2.0), lambda y: ga.exp(ga.sin(y)) * 2.0),
    "an operator": (lambda y: y.__imul__(0.5), lambda y: y * 0.5),
    "copy_": (lambda y: y.copy_(ga.cos(y)), ga.cos),
    "zero_": (lambda y: y.zero_(), lambda y: y * 0.0),
}


@pytest.mark.parametrize(("in_place", "out_of_place"), TWINS.values(), ids=TWINS)
def test_in_place_is_as_out_of_place(in_place: Function, out_of_place: Function, device: str) -> None:
    @examples(0.25)
    @given(points)
    def run(array: Array) -> None:
        results = []
        for change in (in_place, out_of_place):
            x = on(device, array)
            y = ga.sin(x)
            z = y * x  # made of what is written to afterwards
            changed = change(y)
            assert (changed is y) == (change is in_place)
            total = changed * z
            results.append((host(total), grad(total, x, seed_for(total, 1))))
        for a, b in zip(*results, strict=True):
            same(a, b)

    run()


VIEWS: dict[str, Function] = {
    "a row": lambda x: x[1],
    "a slice": lambda x: x[:, ::2],
    "backwards": lambda x: x[::-1],
    "transposed": lambda x: ga.permute_dims(x, (1, 0)),
    "a new axis": lambda x: x[:, None],
    "broadcast": lambda x: ga.broadcast_to(x, (2, *x.shape)),
    "of a view": lambda x: ga.permute_dims(x, (1, 0))[0],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_view_is_as_a_copy(view: Function, device: str) -> None:
    @examples(0.25)
    @given(points)
    def run(array: Array) -> None:
        results = []
        for copied in (False, True):
            x = on(device, array)
            y = view(ga.sin(x))
            total = ga.square(y.clone() if copied else y) * ga.sum(x)
            results.append((host(total), grad(total, x, seed_for(total, 1))))
        for a, b in zip(*results, strict=True):
            same(a, b)

    run()


@pytest.mark.parametrize("view", [view for name, view in VIEWS.items() if name != "broadcast"])
def test_a_write_through_a_view_is_a_write_to_its_base(view: Function, device: str) -> None:
    @examples(0.25)
    @given(points)
    def run(array: Array) -> None:
        x = on(device, array)
        base = ga.sin(x)
        seen = view(base)
        seen.mul_(3.0)
        twin = on(device, array)
        ones = ga.ones_like(twin.detach())
        view(ones).mul_(3.0)
        want = ga.sin(twin) * ones
        same(host(base), host(want))
        same(host(view(base)), host(seen))
        u = seed_for(want, 1)
        same(grad(base, x, u), grad(want, twin, u))

    run()


# -- the life of a graph -----------------------------------------------------------------------------------------------


@law(0.1)
def test_a_graph_that_is_retained_gives_the_same_again_and_then_is_freed(f: Function, x: Any, device: str) -> None:
    y = f(x) * ga.sin(x[0, 0])
    u = seed_for(y, 1)
    first = grad(y, x, u)
    same(grad(y, x, u), first)
    y.backward(u)
    kept = host(x.grad)
    same(kept, first)
    with pytest.raises(RuntimeError, match="a second time"):
        y.backward(u)
    np.testing.assert_array_equal(host(x.grad), kept)


@law(0.1)
def test_what_raises_in_the_middle_changes_no_gradient(f: Function, x: Any, device: str) -> None:
    y = ga.sin(x)
    z = f(y)
    u = seed_for(z, 1)
    z.backward(u, retain_graph=True)
    kept = host(x.grad)

    def refuse(g: Any) -> None:
        raise ValueError("no")

    handle = y.register_hook(refuse)
    with pytest.raises(ValueError, match="no"):
        z.backward(u, retain_graph=True)
    np.testing.assert_array_equal(host(x.grad), kept)
    handle.remove()
    z.backward(u)
    same(host(x.grad), 2 * kept)


# -- higher orders -----------------------------------------------------------------------------------------------------


@law()
def test_create_graph_gives_the_same_gradient_on_the_tape(f: Function, x: Any, device: str) -> None:
    y = f(x)
    u = seed_for(y, 1)
    (g,) = ga.autograd.grad(ga.sum(ga.square(y) * u), x, create_graph=True)
    assert g.requires_grad
    same(host(g), grad(f(x), x, 2 * y.detach() * u))


def hessian_product(f: Function, x: Any, v: Array) -> Array:
    """The Hessian of the sum of squares of ``f``, times ``v``."""
    (g,) = ga.autograd.grad(ga.sum(ga.square(f(x))), x, create_graph=True)
    (h,) = ga.autograd.grad(g, x, ga.asarray(v, device=x.device), materialize_grads=True)
    return host(h)


@law()
def test_the_gradient_of_the_gradient_is_the_limit_of_differences(f: Function, x: Any, device: str) -> None:
    array = host(x)
    v = noise(array, 3)

    def first(h: float) -> Array:
        at = on(device, np.asarray(array + h * v))
        (g,) = ga.autograd.grad(ga.sum(ga.square(f(at))), at)
        return host(g)

    same(hessian_product(f, x, v), (first(STEP) - first(-STEP)) / (2 * STEP), 1e-6)


@law()
def test_the_hessian_is_symmetric(f: Function, x: Any, device: str) -> None:
    v, w = noise(host(x), 3), noise(host(x), 4)
    hv, hw = hessian_product(f, x, v), hessian_product(f, x, w)
    size = float(np.sum(np.abs(hv * w)) + np.sum(np.abs(hw * v)))
    assert abs(float(np.sum(hv * w) - np.sum(hw * v))) <= EXACT * max(1.0, size)


@law(0.1)
def test_a_write_after_a_recorded_walk_leaves_the_second_derivative(f: Function, x: Any, device: str) -> None:
    """What the nodes of a recorded walk save is as much theirs as what the first nodes did."""
    v = noise(host(x), 3)
    want = hessian_product(f, x, v)
    (g,) = ga.autograd.grad(ga.sum(ga.square(f(x))), x, create_graph=True)
    with ga.no_grad():
        x *= 3
    (h,) = ga.autograd.grad(g, x, ga.asarray(v, device=x.device), materialize_grads=True)
    same(host(h), want)


@law(0.1)
def test_a_second_derivative_is_the_same_by_backward(f: Function, x: Any, device: str) -> None:
    """``backward`` twice, with ``create_graph``, adds to ``.grad`` what ``grad`` twice gives."""
    v = noise(host(x), 3)
    want = hessian_product(f, x, v)
    ga.sum(ga.square(f(x))).backward(create_graph=True)
    g, x.grad = x.grad, None
    g.backward(ga.asarray(v, device=x.device))
    same(host(ga.zeros_like(x) if x.grad is None else x.grad), want)
