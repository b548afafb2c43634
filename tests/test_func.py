"""The transforms of ``gradarray.func``: that they compose, what they take and give, and what they refuse."""

import collections
import doctest
import gc
import itertools
import math
import pickle
import sys
import weakref

import numpy as np
import pytest

import gradarray as ga
from gradarray.func import (
    grad,
    grad_and_value,
    hessian,
    is_transformed,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    value_and_grad,
    vjp,
    vmap,
)

from .ops.devices import DEVICES

on_each_device = pytest.mark.parametrize("device", DEVICES)
X = np.array([0.3, -1.2, 2.0])


def host(x):
    return x.detach().numpy(force=True)


def close(found, wanted, tolerance=1e-12):
    np.testing.assert_allclose(host(found), wanted, rtol=tolerance, atol=tolerance)


def f(x):
    """Its gradient is ``sin x + x cos x``, its Hessian diagonal with ``2 cos x - x sin x``."""
    return (ga.sin(x) * x).sum()


def gradient(x):
    return np.sin(x) + x * np.cos(x)


def curvature(x):
    return 2 * np.cos(x) - x * np.sin(x)


def bend(x):
    return -3 * np.sin(x) - x * np.cos(x)


# -- composition -------------------------------------------------------------------------------------------------------


@on_each_device
@pytest.mark.parametrize(("outer", "inner"), list(itertools.product((jacfwd, jacrev), repeat=2)))
def test_second_derivatives_by_every_order_of_modes(outer, inner, device):
    x = ga.asarray(X, device=device)
    found = outer(inner(f))(x)
    close(found, np.diag(curvature(X)))
    assert found.device == ga.device(device)
    assert not found.requires_grad


@on_each_device
@pytest.mark.parametrize("order", list(itertools.product((jacfwd, jacrev), repeat=3)))
def test_third_derivatives_under_vmap(order, device):
    first, second, third = order
    x = ga.asarray(np.stack([X, X + 1]), device=device)
    found = vmap(first(second(third(f))))(x)
    wanted = np.zeros((2, 3, 3, 3))
    for b, i in itertools.product(range(2), range(3)):
        wanted[b, i, i, i] = bend(X + b)[i]
    close(found, wanted, 1e-11)


@on_each_device
def test_vmap_of_grad_is_grad_of_vmap(device):
    x = ga.asarray(X, device=device)
    g = lambda a: ga.sin(a) * a
    close(vmap(grad(g))(x), gradient(X))
    close(grad(lambda v: vmap(g)(v).sum())(x), gradient(X))
    close(vmap(grad(grad(g)))(x), curvature(X))
    close(grad(lambda v: vmap(grad(g))(v).sum())(x), curvature(X))
    close(vmap(grad(grad(grad(g))))(x), bend(X))


def test_vmap_of_vmap_counts_both_dimensions():
    x, y = ga.asarray(np.arange(6.0).reshape(2, 3)), ga.asarray(np.arange(4.0))
    found = vmap(vmap(lambda a, b: a * 10 + b, in_dims=(None, 0)), in_dims=(0, None))(x, y)
    close(found, host(x)[:, None, :] * 10 + host(y)[None, :, None])


def test_perturbations_are_not_confused():
    one = ga.asarray(1.0)
    assert grad(lambda x: x * grad(lambda y: x + y)(one))(ga.asarray(2.0)).item() == 1
    forward = lambda g, at: jvp(g, (at,), (ga.ones_like(at),))[1]
    assert forward(lambda x: x * forward(lambda y: x + y, one), ga.asarray(2.0)).item() == 1
    assert grad(lambda x: x * forward(lambda y: x * y, one))(ga.asarray(3.0)).item() == 6
    assert forward(lambda x: x * grad(lambda y: x * y)(one), ga.asarray(3.0)).item() == 6
    # a tangent of the outer level that the inner one must take for a constant
    assert forward(lambda x: forward(lambda y: x, one), ga.asarray(3.0)).item() == 0


def test_a_function_may_close_over_tensors_of_every_level():
    def outer(a):
        def middle(b):
            return vmap(lambda c: (a * b * c).sum())(ga.ones(2, 3, dtype=ga.float64)).sum()

        return grad(middle)(ga.asarray(2.0))

    value, tangent = jvp(outer, (ga.asarray(5.0),), (ga.asarray(1.0),))
    assert (value.item(), tangent.item()) == (30, 6)


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_a_jacobian_is_made_in_one_call_of_the_function(transform):
    calls = []

    def counted(x):
        calls.append(1)
        return ga.sin(x) * x.sum()

    found = transform(counted)(ga.asarray(X))
    close(found, np.diag(np.cos(X) * X.sum()) + np.sin(X)[:, None])
    assert len(calls) == 1


def test_forward_mode_records_nothing():
    seen = []

    def function(x):
        y = x * x
        seen.append((y.requires_grad, y.grad_fn))
        return y

    out, tangent = jvp(function, (ga.asarray(X),), (ga.ones(3, dtype=ga.float64),))
    assert seen == [(False, None)]
    assert not out.requires_grad and not tangent.requires_grad
    close(tangent, 2 * X)


def test_linearize_runs_the_function_once():
    calls = []

    def function(x, y):
        calls.append(1)
        z = x.clone()
        z[0] = y.sum()
        return {"z": z * ga.sin(x), "constant": ga.ones(2)}

    x, y = ga.asarray(X), ga.asarray(X + 1)
    out, along = linearize(function, x, y)
    for tx, ty in ((x, y), (y, x), (ga.zeros_like(x), ga.ones_like(y))):
        moved = along(tx, ty)
        _, wanted = jvp(function, (x, y), (tx, ty))
        close(moved["z"], host(wanted["z"]))
        close(moved["constant"], np.zeros(2))
    assert len(calls) == 4
    rows = vmap(along)(ga.eye(3, dtype=ga.float64), ga.zeros(3, 3, dtype=ga.float64))["z"]
    close(rows.T, host(jacfwd(lambda v: function(v, y)["z"])(x)))
    close(out["z"], host(function(x, y)["z"]))


def test_a_transform_leaves_nothing_behind():
    x = ga.asarray(X)
    levels = []

    def function(v):
        levels.append(weakref.ref(v._place.level))
        return (v * v).sum()

    vmap(function)(ga.ones(2, 3))
    jvp(function, (x,), (x,))
    gc.collect()
    assert [level() for level in levels] == [None, None]


# -- with the tape around ----------------------------------------------------------------------------------------------


def test_results_stand_on_the_tape_where_something_outside_does():
    w = ga.asarray(X, copy=True).requires_grad_()
    x = ga.asarray(X)
    found = grad(lambda v: (v * v * w).sum())(x)
    found.sum().backward()
    close(w.grad, 2 * X)
    assert not grad(f)(x).requires_grad
    assert grad(f)(w).requires_grad
    g, value = grad_and_value(f)(w)
    (h,) = ga.autograd.grad(g.sum() + value, w)
    close(h, curvature(X) + gradient(X))
    jac = jacfwd(lambda v: v * v)(w)
    (h,) = ga.autograd.grad(jac.sum(), w)
    close(h, np.full(3, 2.0))


def test_a_vmap_that_closes_over_a_leaf_reaches_it():
    w = ga.asarray(X, copy=True).requires_grad_()
    out = vmap(lambda a: (a * w).sum())(ga.asarray(np.array([1.0, 2.0])))
    out.sum().backward()
    close(w.grad, np.full(3, 3.0))


def test_no_grad_inside_holds_and_outside_does_not_reach_in():
    x = ga.asarray(X)

    def function(v):
        with ga.no_grad():
            y = v * v
        return (v * y).sum()

    close(grad(function)(x), X * X)
    with ga.no_grad():
        close(grad(f)(x), gradient(X))
        assert not grad(f)(x.requires_grad_()).requires_grad
    assert ga.is_grad_enabled()


def test_detach_is_a_constant_to_all_of_them():
    x = ga.asarray(X)
    g = lambda v: (v.detach() * v).sum()
    close(grad(g)(x), X)
    close(jacfwd(g)(x), X)
    close(vmap(grad(lambda a: a.detach() * a))(x), X)
    close(grad(lambda v: vmap(lambda a: a.detach() * a)(v).sum())(x), X)


def test_backward_inside_of_vmap_is_of_each_element():
    def function(a):
        y = ga.tensor(2.0, requires_grad=True)
        (a * y * y).backward()
        return y.grad

    close(vmap(function)(ga.tensor([1.0, 3.0])), [4.0, 12.0])


def test_a_gradient_from_outside_of_vmap_is_that_of_each_element(device):
    seed = ga.ones(2, device=device)

    def through(walk, a):
        x = a.detach().requires_grad_()
        return walk(x * x, x)

    def backward(y, x):
        ga.autograd.backward(y, seed)
        return x.grad

    batch = ga.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    close(vmap(lambda a: through(backward, a))(batch), 2 * batch)
    close(vmap(lambda a: through(lambda y, x: ga.autograd.grad(y, x, seed)[0], a))(batch), 2 * batch)


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_refuses_gradients_that_a_leaf_cannot_hold(create_graph, device):
    x = ga.ones(2, requires_grad=True, device=device)
    x.grad = ga.ones(2, device=device)
    y = x * x
    with pytest.raises(RuntimeError, match=r"belong to a transform, such as vmap.*use autograd.grad or func.vjp"):
        vmap(lambda g: y.backward(g, create_graph=create_graph))(ga.ones(3, 2, device=device))
    y.backward(ga.ones(2, device=device))  # the graph and .grad are as they were
    close(x.grad, [3.0, 3.0])


def test_grads_in_batches():
    x = ga.asarray(X, copy=True).requires_grad_()
    y = ga.sin(x) * 2
    (rows,) = ga.autograd.grad(y, x, ga.eye(3, dtype=ga.float64), is_grads_batched=True, retain_graph=True)
    close(rows, np.diag(2 * np.cos(X)))
    assert not rows.requires_grad
    (rows,) = ga.autograd.grad(y, x, ga.eye(3, dtype=ga.float64), is_grads_batched=True, create_graph=True)
    (again,) = ga.autograd.grad(rows.sum(), x)
    close(again, -2 * np.sin(X))
    with pytest.raises(RuntimeError, match="is_grads_batched=True needs grad_outputs"):
        ga.autograd.grad(y, x, is_grads_batched=True)
    unused = ga.ones(2, requires_grad=True)
    z = x * 1
    _, nothing = ga.autograd.grad(
        z, (x, unused), ga.ones(4, 3, dtype=ga.float64), is_grads_batched=True, materialize_grads=True
    )
    assert nothing.shape == (4, 2)


def test_grads_in_batches_go_through_writes_views_and_transfers():
    x = ga.asarray(X, copy=True).requires_grad_()
    y = (x * 2).to("cpu")
    y[1:] *= x[:2]
    y[ga.tensor([0, 0])].sum()
    (rows,) = ga.autograd.grad(y, x, ga.eye(3, dtype=ga.float64), is_grads_batched=True)
    close(rows, [[2, 0, 0], [2 * X[1], 2 * X[0], 0], [0, 2 * X[2], 2 * X[1]]])


# -- in place and views ------------------------------------------------------------------------------------------------


def written(x):
    y = ga.zeros(3, dtype=ga.float64)
    y[0] = x[0] * 2
    y[1:] += x[1:] ** 2
    top = y[:2]
    top *= x[2]
    z = x.clone()
    z.mul_(3).add_(y)
    z[z > 100] = 0.0
    return z


def written_in_numpy(x):
    return 3 * x + np.array([2 * x[0] * x[2], x[1] ** 2 * x[2], x[2] ** 2])


@on_each_device
def test_writes_and_views_inside(device):
    with ga.device(device):
        x = ga.asarray(np.stack([X, X + 1]), device=device)
        close(vmap(written)(x), np.stack([written_in_numpy(X), written_in_numpy(X + 1)]))
        jac = np.array([[2 * X[2], 0, 2 * X[0]], [0, 2 * X[1] * X[2], X[1] ** 2], [0, 0, 2 * X[2]]]) + 3 * np.eye(3)
        for transform in (jacfwd, jacrev):
            close(transform(written)(x[0]), jac)
            close(vmap(transform(written))(x)[0], jac)


def test_a_write_at_indices_that_differ_along_the_batch():
    x, i = ga.asarray(np.arange(6.0).reshape(2, 3)), ga.tensor([2, 0])

    def function(row, k):
        out = row.clone()
        out[k] = 10 * row[0]
        return out

    found = vmap(function)(x, i)
    close(found, [[0, 1, 0], [30, 4, 5]])
    g = grad(lambda v: vmap(function)(v, i).sum())(x)
    close(g, [[11, 1, 0], [10, 1, 1]])


@pytest.mark.parametrize(
    "mask", [[True, False, True], [[True, False], [False, False], [False, True]]], ids=["1d", "2d"]
)
@pytest.mark.parametrize("dims", [(0, 0), (None, 0)])
def test_a_mask_that_all_share_beside_an_index_that_differs_along_the_batch(mask, dims):
    shape = (2, *np.shape(mask), 2)
    x, i = ga.asarray(np.arange(math.prod(shape), dtype=float).reshape(shape)), ga.tensor([[0, 1], [1, 1]])
    m = ga.tensor(mask)
    x = x if dims[0] == 0 else x[0]

    def function(part, k):
        out = part.clone()
        out[m, k] = part[m, k] ** 2
        return out

    rows = [(x[b] if dims[0] == 0 else x, i[b]) for b in range(2)]
    close(vmap(function, in_dims=dims)(x, i), np.stack([host(function(*row)) for row in rows]))
    slope = grad(lambda part, k: (function(part, k) ** 2).sum())
    close(vmap(slope, in_dims=dims)(x, i), np.stack([host(slope(*row)) for row in rows]))
    with pytest.raises(RuntimeError, match=r"vmap: .* differ along the batch"):
        vmap(lambda n: vmap(lambda k: x[..., n, k])(i))(ga.stack([m, ~m]))


def test_writes_to_arguments_are_seen_outside():
    x = ga.asarray(np.arange(6.0).reshape(2, 3), copy=True)
    found = vmap(lambda a: a.mul_(2).sum(), in_dims=1)(x)
    close(x, 2 * np.arange(6.0).reshape(2, 3))
    close(found, host(x).sum(0))
    vmap(lambda a: a.add_(1), chunk_size=1)(x)
    close(x, 2 * np.arange(6.0).reshape(2, 3) + 1)
    y = ga.asarray(X, copy=True)
    _, tangent = jvp(lambda a: a.mul_(a), (y,), (ga.ones(3, dtype=ga.float64),))
    close(y, X**2)
    close(tangent, 2 * X)
    w = ga.asarray(X, copy=True).requires_grad_()
    z = w * 1
    vmap(lambda a: a.mul_(3))(z)
    close(ga.autograd.grad(z.sum(), w)[0], np.full(3, 3.0))


COPIES = {
    "clone": lambda x: x.clone(),
    "copy": np.copy,
    "to": lambda x: x.to(ga.float64, copy=True),
    "astype": lambda x: ga.astype(x, ga.float64),
    "asarray": lambda x: ga.asarray(x, copy=True),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_made_inside_of_a_tensor_from_outside_takes_values_from_inside(name):
    y = ga.asarray(X).requires_grad_()

    def function(a):
        z = COPIES[name](y)
        z[0] = a * a
        z[1:] *= a
        return z

    a = ga.asarray(3.0, dtype=ga.float64)
    wanted = np.array([9, *(3 * X[1:])])
    close(vmap(function)(ga.stack([a, a])), np.stack([wanted, wanted]))
    for transform in (jacfwd, jacrev, lambda f: lambda x: linearize(f, x)[1](ga.ones_like(x))):
        close(transform(function)(a), [6, *X[1:]])
    for outer, inner in itertools.product((jacfwd, jacrev), repeat=2):
        close(outer(inner(lambda v: (function(v) ** 2).sum()))(a), 12 * 9 + 2 * (X[1:] ** 2).sum())
    vmap(jacfwd(function))(ga.stack([a, a])).sum().backward()
    close(y.grad, [0, 2, 2])
    close(y, X)


def test_a_tensor_from_outside_takes_no_value_from_inside():
    y = ga.zeros(3)
    with pytest.raises(RuntimeError, match="a tensor from outside of vmap"):
        vmap(lambda a: y.add_(a))(ga.ones(2))
    with pytest.raises(RuntimeError, match="a tensor from outside of jvp"):
        jvp(lambda a: y.copy_(a), (ga.ones(3),), (ga.ones(3),))
    with pytest.raises(RuntimeError, match=r"a tensor from outside of vmap .* at an index"):
        vmap(lambda i: y.__setitem__(i, 1.0))(ga.tensor([0, 2]))
    with pytest.raises(RuntimeError, match=r"a tensor from outside of jvp .* at an index"):
        jvp(lambda a: y.__setitem__(a > 0, 1.0), (ga.ones(3),), (ga.ones(3),))
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        grad(lambda a: a.add_(1).sum())(ga.ones(3))
    assert y.tolist() == [0, 0, 0]


# -- what vmap takes and gives -----------------------------------------------------------------------------------------


def test_dimensions_in_and_out():
    x = ga.asarray(np.arange(24.0).reshape(2, 3, 4))
    close(vmap(lambda a: a, in_dims=1, out_dims=-1)(x), np.moveaxis(host(x), 1, -1))
    close(vmap(lambda a: a.sum(dim=0), in_dims=-1, out_dims=1)(x), host(x).sum(0))
    found = vmap(lambda a, b: (a, b, a + b), in_dims=(2, None), out_dims=(1, None, 0))(x, x[:, :, 0])
    close(found[0], np.moveaxis(host(x), 2, 1))
    close(found[1], host(x)[:, :, 0])
    close(found[2], np.moveaxis(host(x) + host(x)[:, :, :1], 2, 0))
    close(vmap(lambda a: ga.ones(2, dtype=ga.float64), out_dims=1)(x), np.ones((2, 2)))
    close(vmap(lambda a: a, out_dims=(1,))(x), np.moveaxis(host(x), 0, 1))  # as in PyTorch, for one tensor
    close(vmap(lambda a, *, b: a + b)(x, b=x), 2 * host(x))
    close(vmap(lambda a: a * 2, in_axes=2, out_axes=2)(x), 2 * host(x))
    assert vmap(lambda a, n: a * n, in_dims=(0, None))(x, 3).shape == (2, 3, 4)


def test_trees_of_tensors():
    pytest.importorskip("optree")
    tree = {"a": ga.asarray(X), "b": [ga.asarray(X[:2]), (ga.asarray(np.array(2.0)),)]}
    function = lambda t: t["a"].sum() * t["b"][1][0] + (t["b"][0] ** 2).sum()
    g = grad(function)(tree)
    close(g["a"], [2, 2, 2])
    close(g["b"][0], 2 * X[:2])
    close(g["b"][1][0], X.sum())
    h = hessian(function)(tree)
    close(h["a"]["b"][1][0], np.ones(3))
    _, tangent = jvp(function, (tree,), (g,))
    close(tangent, (host(g["a"]) ** 2).sum() + (host(g["b"][0]) ** 2).sum() + X.sum() ** 2)
    close(grad(lambda q: (q[0] * q[1]).sum())(collections.deque((tree["a"], tree["a"] * 2)))[1], X)
    found = vmap(lambda t, k: {"out": t["a"] * t["b"][1][0] + k}, in_dims=({"a": 0, "b": None}, None))(tree, 1.0)
    close(found["out"], 2 * X + 1)
    both = vmap(lambda t: [t["a"], t["a"] + ga.ones(2)], out_dims=[0, 1])({"a": tree["a"]})
    assert [x.shape for x in both] == [(3,), (2, 3)]


def test_containers_need_optree_and_tuples_do_not(monkeypatch):
    monkeypatch.setitem(sys.modules, "optree", None)
    x = ga.asarray(X)
    assert len(vmap(lambda a, b: (a, b))(x, x)) == 2
    close(vmap(lambda a, *, b: a * b)(x, b=x), X**2)
    close(grad(lambda t: (t[0] * t[1]).sum())((x, x))[0], X)
    with pytest.raises(ImportError, match=r"\{'a': Tensor\}.*pip install gradarray\[func\]"):
        grad(lambda t: t["a"].sum())({"a": x})


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 10])
def test_chunks_change_nothing(chunk_size):
    x = ga.asarray(np.arange(10.0).reshape(5, 2))
    found = vmap(lambda a: (a * a, a.sum()), chunk_size=chunk_size, out_dims=(1, 0))(x)
    close(found[0], (host(x) ** 2).T)
    close(found[1], host(x).sum(1))
    for transform in (jacrev, jacfwd):
        close(transform(lambda v: ga.sin(v), chunk_size=chunk_size)(x[:, 0]), np.diag(np.cos(host(x)[:, 0])))


def test_an_empty_batch():
    x = ga.zeros(0, 3)
    assert vmap(lambda a: ga.sin(a) @ a)(x).shape == (0,)
    assert vmap(grad(f))(x).shape == (0, 3)
    assert jacrev(lambda v: v * 2)(ga.zeros(0)).shape == (0, 0)
    assert jacfwd(lambda v: v * 2)(ga.zeros(0)).shape == (0, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: vmap(ga.sin)(ga.tensor(1.0)), r"in_dims=0 for a tensor of 0 dimensions"),
        (lambda x: vmap(ga.sin, in_dims=3)(x), r"in_dims=3 for a tensor of 1 dimensions"),
        (lambda x: vmap(ga.sin, in_dims=None)(x), r"at least one argument must be a tensor that is mapped"),
        (lambda x: vmap(ga.add)(x, ga.ones(2)), r"same size in the mapped dimension, got sizes \[2, 3\]"),
        (lambda x: vmap(ga.add)(x, 2.0), r"in_dims=0 for an input of type float"),
        (lambda x: vmap(ga.add, in_dims=(0,))(x, x), r"in_dims is not compatible with the inputs"),
        (lambda x: vmap(lambda a: 2.0)(x), r"must only return Tensors, got type float"),
        (lambda x: vmap(lambda a: a, out_dims=None)(x), r"out_dims is None for a result that differs"),
        (lambda x: vmap(lambda a: a, out_dims=2)(x), r"out_dims=2 is out of range"),
        (lambda x: vmap(lambda a: (a, a), out_dims=(0,))(x), r"out_dims \(0,\) does not go with .* \(Tensor, Tensor\)"),
        (lambda x: vmap(lambda a: a, out_dims=(0, 0))(x), r"out_dims \(0, 0\) does not go with .* Tensor"),
        (lambda x: vmap(ga.sin, chunk_size=0), r"chunk_size should be None or greater than 0"),
        (lambda x: vmap(ga.sin, in_dims="0")(x), r"in_dims must be integers or None, got '0'"),
    ],
)
def test_what_vmap_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call(ga.asarray(X))


def test_values_are_not_to_be_had_of_a_batch():
    x = ga.asarray(X)
    for ask in (float, bool, int, lambda a: a.item(), lambda a: a.tolist(), lambda a: a.numpy(force=True)):
        with pytest.raises(RuntimeError, match=r"vmap: a value was asked for"):
            vmap(lambda a, ask=ask: a if ask(a) else -a)(x)
    with pytest.raises(RuntimeError, match="mask that differs along the batch"):
        vmap(lambda a: a[a > 0])(ga.ones(2, 3))
    close(vmap(lambda a: a * ga.tensor(2.0, dtype=ga.float64).item())(x), 2 * X)  # what is the same for all has one
    assert jvp(lambda a: a if a > 0 else -a, (ga.asarray(-2.0),), (ga.asarray(1.0),))[1].item() == -1
    assert grad(lambda a: a if a > 0 else -a)(ga.asarray(-2.0)).item() == -1


def test_what_escapes_says_so():
    kept = []
    vmap(lambda a: kept.append(a) or a)(ga.ones(2))
    jvp(lambda a: kept.append(a) or a, (ga.ones(2),), (ga.ones(2),))
    for x in kept:
        with pytest.raises(RuntimeError, match="escaped from"):
            x + 1
        with pytest.raises(RuntimeError, match="escaped from"):
            x.tolist()
        assert repr(x).startswith(("Batched(", "Dual("))
    assert [is_transformed(x) for x in (*kept, ga.ones(1), 2)] == [True, True, False, False]


def test_no_array_leaves_with_its_tangent_lost():
    for transform in (lambda f: vmap(f)(ga.ones(2)), lambda f: jvp(f, (ga.ones(2),), (ga.ones(2),))):
        for export, error in (
            (lambda a: a.numpy(), RuntimeError),
            (np.asarray, RuntimeError),
            (np.from_dlpack, BufferError),
            (pickle.dumps, RuntimeError),
        ):
            with pytest.raises(error, match=r"inside of (vmap|jvp) \(level 1\) has a batch or a tangent"):
                transform(export)
    with pytest.raises(RuntimeError, match="to return tensors"):
        jvp(lambda a: a.numpy(force=True), (ga.ones(2),), (ga.ones(2),))


def test_an_error_inside_ends_the_transform():
    with pytest.raises(RuntimeError, match=r"size of tensor a \(3\)"):
        vmap(lambda a: ga.ones(3) + ga.ones(2))(ga.ones(2))
    with pytest.raises(ZeroDivisionError):
        jvp(lambda a: a * (1 / 0), (ga.ones(1),), (ga.ones(1),))
    assert ga.zeros(1)._place.level is None


@pytest.mark.skipif(len(DEVICES) < 2, reason="one device")
def test_devices_may_differ_inside_but_not_in_one_operation():
    pytest.importorskip("gradarray_strict")
    x = ga.ones(2, dtype=ga.float64)
    found = vmap(lambda a: (a.to("strict:device1") * 2).to("cpu"))(x)
    close(found, [2, 2])
    close(jacfwd(lambda v: (v.to("strict:device1") * v.to("strict:device1")).to("cpu"))(x), 2 * np.eye(2))
    close(jacrev(lambda v: (v.to("strict:device1") * v.to("strict:device1")).to("cpu"))(x), 2 * np.eye(2))
    with pytest.raises(RuntimeError, match="same device"):
        vmap(lambda a: a + ga.ones(3, device="strict:device1"))(ga.ones(2, 3))


# -- random numbers ----------------------------------------------------------------------------------------------------


def test_random_numbers_of_a_batch():
    x = ga.zeros(4)
    with pytest.raises(RuntimeError, match="called random operation while in randomness error mode"):
        vmap(lambda a: a + ga.rand(()))(x)
    different = vmap(lambda a: a + ga.rand(()), randomness="different")(x)
    assert len(set(different.tolist())) == 4
    same = vmap(lambda a: a + ga.rand(()), randomness="same")(x)
    assert len(set(same.tolist())) == 1
    perms = vmap(lambda a: ga.randperm(20), randomness="different")(x)
    assert len(set(map(tuple, perms.tolist()))) == 4 and all(sorted(p) == list(range(20)) for p in perms.tolist())
    whole = vmap(lambda a: ga.randint(0, 1000, (5,)), randomness="different")(x)
    assert whole.shape == (4, 5) and len(set(map(tuple, whole.tolist()))) == 4
    nested = vmap(vmap(lambda a: ga.randn(2), randomness="different"), randomness="same")(ga.zeros(2, 3))
    rows = np.asarray(nested.tolist())
    assert (rows[0] == rows[1]).all() and len(np.unique(rows[0])) == 6
    kept = vmap(lambda a: ga.nn.functional.dropout(a, 0.5), randomness="different")(ga.ones(50, 3))
    assert 0 < (kept == 0).sum().item() < 150
    with pytest.raises(RuntimeError, match="randomness must be"):
        vmap(ga.sin, randomness="no")


# -- what the others take and give -------------------------------------------------------------------------------------


def test_argnums_and_auxiliary_results():
    x, y = ga.asarray(X), ga.asarray(X + 1)
    pytest.importorskip("optree")
    function = lambda a, b: ((a * b).sum(), {"sum": a + b, "note": "text"})
    (ga_, gb), aux = grad(function, argnums=(0, 1), has_aux=True)(x, y)
    close(ga_, X + 1)
    close(gb, X)
    close(aux["sum"], 2 * X + 1)
    assert aux["note"] == "text" and not aux["sum"].requires_grad
    (value, aux), g = value_and_grad(function, argnums=-1, has_aux=True)(x, y)
    close(g, X)
    close(value, (X * (X + 1)).sum())
    vector = lambda a, b: (a * b, a + b)
    for transform in (jacrev, jacfwd):
        jac, aux = transform(vector, argnums=(0, 1), has_aux=True)(x, y)
        close(jac[0], np.diag(X + 1))
        close(jac[1], np.diag(X))
        close(aux, 2 * X + 1)
    out, pull, aux = vjp(vector, x, y, has_aux=True)
    close(pull(ga.ones(3, dtype=ga.float64))[1], X)
    out, tangent, aux = jvp(vector, (x, y), (x, y), has_aux=True)
    close(tangent, 2 * X * (X + 1))


def test_jacobians_of_several_outputs_and_of_a_number():
    x = ga.asarray(X)
    for transform in (jacrev, jacfwd):
        a, b = transform(lambda v: (v * v, v.sum()))(x)
        close(a, np.diag(2 * X))
        close(b, np.ones(3))
        close(transform(lambda v: ga.ones(2, dtype=ga.float64))(x), np.zeros((2, 3)))
        matrix = transform(lambda m: m @ m)(ga.asarray(np.eye(2)))
        assert matrix.shape == (2, 2, 2, 2)


def test_complex_numbers():
    z = np.array([1 + 2j, 0.5 - 1j])
    x = ga.asarray(z)
    found = grad(lambda v: (v.abs() ** 2).sum())(x)
    close(found, 2 * z)
    _, tangent = jvp(lambda v: v * v, (x,), (ga.asarray(z * 1j),))
    close(tangent, 2 * z * z * 1j)
    close(jacfwd(lambda v: v * v)(x), np.diag(2 * z))
    close(jacrev(lambda v: v * v)(x), np.diag(2 * z).conj())
    close(vmap(grad(lambda v: v.abs() ** 2))(x), 2 * z)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: grad(lambda v: v)(x), RuntimeError, r"one 0-d tensor, got shape\(s\) \[\[3\]\]"),
        (lambda x: grad(lambda v: 1.0)(x), RuntimeError, "to return tensors, got float"),
        (lambda x: grad(f, argnums=1)(x), RuntimeError, "argnum=1, but the function was given 1 positional"),
        (lambda x: grad(f)(ga.tensor([1, 2])), RuntimeError, "only floating and complex tensors have derivatives"),
        (lambda x: grad(f)(1.0), ValueError, "expected tensors to differentiate with respect to, got float"),
        (lambda x: grad(f, has_aux=True)(x), RuntimeError, "must return .output, aux., a tuple of two"),
        (lambda x: jacfwd(lambda v: v[:2], has_aux=True)(x), RuntimeError, "must return .output, aux., a tuple of two"),
        (lambda x: jvp(f, x, (x,)), RuntimeError, "expected primals to be a tuple"),
        (lambda x: jvp(f, (x,), (x[:2],)), RuntimeError, r"a tangent has the shape of its primal, got \[2\] for \[3\]"),
        (lambda x: jvp(f, (x,), (x, x)), RuntimeError, "got 1 primal and 2 tangent"),
        (lambda x: jvp(lambda v: ga.ones(1), (x,), (x,), strict=True), RuntimeError, "does not depend on the inputs"),
        (lambda x: vjp(f, x)[1](x, x), RuntimeError, "vjp_fn takes one cotangent"),
        (lambda x: vjp(lambda v: v, x)[1](x[:2]), RuntimeError, "Mismatch in shape"),
    ],
)
def test_what_the_others_refuse(call, error, message):
    with pytest.raises(error, match=message):
        call(ga.asarray(X))


def test_unused_inputs_have_zero_derivatives():
    x = ga.asarray(X)
    close(grad(lambda a, b: a.sum(), argnums=1)(x, x), np.zeros(3))
    close(grad(lambda a: ga.asarray(1.0))(x), np.zeros(3))
    close(vjp(lambda a, b: a, x, x)[1](x)[1], np.zeros(3))


def test_strong_zeros_hold_under_the_transforms():
    x = ga.asarray(np.array([0.0, 4.0]))
    safe = lambda v: ga.where(v > 0, ga.sqrt(v), 0.0)
    with np.errstate(all="raise"):
        close(vmap(grad(safe))(x), [0, 0.25])
        close(grad(lambda v: safe(v).sum())(x), [0, 0.25])
        close(vmap(lambda a: jvp(ga.sqrt, (a,), (ga.zeros_like(a),))[1])(x), [0, 0])


def test_threads_do_not_see_each_others_transforms():
    import threading

    inside, done = threading.Event(), threading.Event()
    seen = []

    def other():
        inside.wait(10)
        seen.append(ga.zeros(2)._place.level)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    def function(a):
        inside.set()
        done.wait(10)
        return a

    vmap(function)(ga.ones(2))
    thread.join()
    assert seen == [None]


def test_scipy_is_taught_about_them():
    linalg = pytest.importorskip("scipy.linalg")
    a = ga.asarray(np.array([[4.0, 1.0], [1.0, 3.0]]))
    found = vmap(lambda s: linalg.inv(a * s))(ga.asarray(np.array([1.0, 2.0])))
    close(found, np.stack([np.linalg.inv(host(a)), np.linalg.inv(2 * host(a))]))
    _, tangent = jvp(linalg.inv, (a,), (a,))
    close(tangent, -np.linalg.inv(host(a)))


def test_a_kalman_filter_by_everything_at_once():
    """Gradients, in the noise's size, of likelihoods of many series: vmap of grad of a loop with writes."""

    def likelihood(q, series):
        mean, var, total = ga.zeros((), dtype=ga.float64), ga.ones((), dtype=ga.float64), 0.0
        for i in range(4):
            var = var + q
            error, scale = series[i] - mean, var + 1.0
            total = total - 0.5 * (ga.log(scale) + error**2 / scale)
            gain = var / scale
            mean, var = mean + gain * error, (1 - gain) * var
        return total

    series = np.random.default_rng(0).normal(size=(6, 4))
    q = ga.asarray(np.array(0.3))
    found = host(vmap(grad(likelihood), in_dims=(None, 0))(q, ga.asarray(series)))
    forward = host(vmap(jacfwd(likelihood), in_dims=(None, 0))(q, ga.asarray(series)))
    h = 1e-6
    for row, g, t in zip(series, found, forward, strict=True):
        there, back = (likelihood(ga.asarray(np.array(0.3 + s)), ga.asarray(row)).item() for s in (h, -h))
        assert math.isclose(g, (there - back) / (2 * h), rel_tol=1e-6)
        assert math.isclose(g, t, rel_tol=1e-12)


# -- docstrings --------------------------------------------------------------------------------------------------------

DOCUMENTED = [
    *(getattr(ga.func, name) for name in ga.func.__all__),
    *(getattr(ga.autograd.functional, name) for name in ga.autograd.functional.__all__),
    *(getattr(ga.autograd.forward_ad, name) for name in ga.autograd.forward_ad.__all__),
    *(getattr(ga.optimize, name) for name in ga.optimize.__all__),
    ga.autograd.Function,
]


@pytest.mark.parametrize("thing", DOCUMENTED, ids=lambda thing: thing.__name__)
def test_docstrings_are_there_and_their_examples_true(thing):
    assert thing.__doc__
    failures = []
    runner = doctest.DocTestRunner(verbose=False)
    for example in doctest.DocTestFinder(recurse=False).find(thing, thing.__name__, module=False, globs={}):
        runner.run(example, out=failures.append)
    assert not failures, "".join(failures)


def test_transforms_of_tensors_nest_without_optree(monkeypatch):
    monkeypatch.setitem(sys.modules, "optree", None)
    x = ga.tensor([1.0, 2.0])
    cube = vmap(ga.func.grad(ga.func.grad(lambda x: x**3)))
    assert cube(x).tolist() == [6, 12]
    ((a, b), c) = vmap(lambda x: ((x, 2 * x), 3 * x))(x)
    assert (a.tolist(), b.tolist(), c.tolist()) == ([1, 2], [2, 4], [3, 6])
