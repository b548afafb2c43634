"""``Function``, ``custom_vjp`` and ``custom_jvp``: PyTorch's behaviour, and every transform through them."""

import gc
import weakref

import numpy as np
import pytest

import gradarray as ga
from gradarray.autograd import Function
from gradarray.autograd.function import once_differentiable
from gradarray.func import custom_jvp, custom_vjp, grad, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap

from .ops.devices import DEVICES

on_each_device = pytest.mark.parametrize("device", DEVICES)
X = np.array([0.5, -1.0, 2.0])


def host(x):
    return x.detach().numpy(force=True)


def close(found, wanted, tolerance=1e-12):
    np.testing.assert_allclose(host(found), wanted, rtol=tolerance, atol=tolerance)


class Cube(Function):
    """``x³``, with its derivative as a second output."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**3, 3 * x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs, output[1])
        ctx.save_for_forward(*inputs, output[1])

    @staticmethod
    def backward(ctx, g, gd):
        x, slope = ctx.saved_tensors
        return g * slope + gd * 6 * x

    @staticmethod
    def jvp(ctx, t):
        x, slope = ctx.saved_tensors
        return t * slope, t * 6 * x


def cube(x):
    return Cube.apply(x)[0]


class Scale(Function):
    """``x * factor`` as PyTorch's older style has it."""

    @staticmethod
    def forward(ctx, x, factor, flag=True):
        ctx.factor = factor
        ctx.save_for_backward(x)
        return x * factor

    @staticmethod
    def backward(ctx, g):
        assert not ga.is_grad_enabled()
        return g * ctx.factor, None, None


# -- on the tape -------------------------------------------------------------------------------------------------------


@on_each_device
def test_first_and_second_order(device):
    x = ga.asarray(X, device=device, copy=True).requires_grad_()
    y = cube(x)
    assert y.grad_fn.name() == "CubeBackward" and y.device == x.device
    (g,) = ga.autograd.grad(y.sum(), x, create_graph=True)
    close(g, 3 * X**2)
    (h,) = ga.autograd.grad(g.sum(), x, create_graph=True)
    close(h, 6 * X)
    (k,) = ga.autograd.grad(h.sum(), x)
    close(k, np.full(3, 6.0))


def test_the_older_style_with_numbers():
    x = ga.asarray(X, copy=True).requires_grad_()
    y = Scale.apply(x, 3.0)
    assert y.grad_fn.name() == "ScaleBackward"
    y.sum().backward()
    close(x.grad, np.full(3, 3.0))
    assert Scale.apply(x.detach(), 2.0).grad_fn is None
    with ga.no_grad():
        assert not Scale.apply(x, 2.0).requires_grad


def test_saved_tensors_are_what_they_were_whatever_is_written_later():
    x = ga.asarray(X, copy=True).requires_grad_()
    z = x * 1
    value, slope = Cube.apply(z)
    z.mul_(100)
    slope.mul_(100)
    value.sum().backward()
    close(x.grad, 3 * X**2)


def test_the_graph_is_freed_and_says_so():
    x = ga.asarray(X, copy=True).requires_grad_()
    y = cube(x)
    node = y.grad_fn
    y.sum().backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="after they have been freed"):
        node.params["ctx"].saved_tensors


def test_no_cycle_keeps_what_it_saves():
    x = ga.asarray(X, copy=True).requires_grad_()
    gc.collect()
    gc.disable()
    try:
        out = Cube.apply(x)
        node = weakref.ref(out[0].grad_fn)
        del out
        assert node() is None
    finally:
        gc.enable()


def test_needs_input_grad_and_gradients_that_are_none():
    seen = []

    class Product(Function):
        @staticmethod
        def forward(ctx, a, b, c):
            ctx.save_for_backward(a, b)
            seen.append(ctx.needs_input_grad)
            return a * b

        @staticmethod
        def backward(ctx, g):
            seen.append(ctx.needs_input_grad)
            a, b = ctx.saved_tensors
            return g * b, (g * a if ctx.needs_input_grad[1] else None), None

    a, b = ga.asarray(X, copy=True).requires_grad_(), ga.asarray(X + 1)
    Product.apply(a, b, "text").sum().backward()
    assert seen == [(True, False, False)] * 2
    close(a.grad, X + 1)


def test_materialize_grads():
    seen = []

    class Two(Function):
        materialize = True

        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(Two.materialize)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx, a, b):
            seen.append((a, b))
            return (0 if a is None else 2 * a) + (0 if b is None else 3 * b)

    x = ga.asarray(X, copy=True).requires_grad_()
    Two.apply(x)[1].sum().backward()
    close(seen[-1][0], np.zeros(3))
    Two.materialize = False
    Two.apply(x)[1].sum().backward()
    assert seen[-1][0] is None
    close(x.grad, np.full(3, 6.0))


def test_mark_non_differentiable_and_integers():
    class Sorted(Function):
        @staticmethod
        def forward(ctx, x):
            order = ga.argsort(x)
            top = x.max()
            ctx.mark_non_differentiable(top)
            ctx.save_for_backward(order)
            return x[order], order, top, "text"

        @staticmethod
        def backward(ctx, g, _, __, ___):
            (order,) = ctx.saved_tensors
            return ga.zeros_like(g).scatter(0, order, g)

    x = ga.asarray(X, copy=True).requires_grad_()
    values, order, top, text = Sorted.apply(x)
    assert values.requires_grad and not order.requires_grad and not top.requires_grad and text == "text"
    (values * ga.asarray(np.array([1.0, 2.0, 3.0]))).sum().backward()
    close(x.grad, [2, 1, 3])


def test_mark_dirty_rewrites_the_history_of_the_argument_and_its_views():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    x = ga.asarray(X, copy=True).requires_grad_()
    y = x * 1
    view = y[:2]
    out = Double.apply(y)
    assert out is y and y.grad_fn.name() == "DoubleBackward"
    close(y, 2 * X)
    (view * 10).sum().backward()
    close(x.grad, [20, 20, 0])
    z = x * 1
    Double.apply(z[1:])
    (g,) = ga.autograd.grad(z.sum(), x)
    close(g, [1, 2, 2])
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        Double.apply(x)


@pytest.mark.parametrize("forward", [lambda x: x, lambda x: x[:2], lambda x: (x * 2).T], ids=["it", "view", "own view"])
def test_to_a_view_that_a_function_gave_no_write_is_recorded(forward):
    class Given(Function):
        @staticmethod
        def forward(ctx, x):
            return forward(x)

        @staticmethod
        def backward(ctx, g):
            return g

    x = ga.asarray(X, copy=True).requires_grad_()
    for base in (x, x * 1):
        out = Given.apply(base)
        for write in (lambda v=out: v.mul_(2), lambda v=out[:1]: v.zero_(), lambda v=out: v.__setitem__(0, 1.0)):
            with pytest.raises(RuntimeError, match="Function gave"):
                write()
        close(base, X)
        out.clone().mul_(2)


def test_an_argument_given_back_in_no_grad_is_another_tensor():
    class Given(Function):
        @staticmethod
        def forward(ctx, x):
            return x, x * 2

        @staticmethod
        def backward(ctx, g, h):
            return g + 2 * h

    x = ga.asarray(X, copy=True).requires_grad_()
    with ga.no_grad():
        same, double = Given.apply(x)
    assert same is not x
    assert not same.requires_grad and not double.requires_grad and x.requires_grad
    same[0] = 7.0  # off the tape, in the same memory
    assert x[0].item() == 7


def test_an_argument_given_back_is_another_tensor():
    class Reverse(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return -g

    x = ga.asarray(X, copy=True).requires_grad_()
    out = Reverse.apply(x)
    assert out is not x and x.is_leaf
    out.sum().backward()
    close(x.grad, -np.ones(3))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda g: (g, g), r"incorrect number of gradients \(expected 1, got 2\)"),
        (lambda g: ga.ones(7), r"invalid gradient at index 0 - got \[7\] but expected shape compatible with \[3\]"),
        (lambda g: 2.0, "expected a Tensor or None at index 0, got float"),
        (lambda g: g.to("strict:device1") if len(DEVICES) > 1 else 2.0, "invalid gradient|expected a Tensor"),
    ],
)
def test_a_wrong_gradient_is_refused(returned, message):
    class Wrong(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return returned(g)

    x = ga.asarray(X, copy=True).requires_grad_()
    try:
        out = Wrong.apply(x).sum()
        with pytest.raises(RuntimeError, match=message):
            out.backward()
    except ga.backends.BackendUnavailableError:
        pytest.skip("gradarray-strict is not installed")
    assert x.grad is None


def test_a_gradient_is_fitted_to_its_input():
    class Broadcast(Function):
        @staticmethod
        def forward(ctx, x):
            return x + ga.zeros(4, 3, dtype=ga.float64)

        @staticmethod
        def backward(ctx, g):
            return g

    x = ga.asarray(X.astype(np.float32)).requires_grad_()
    Broadcast.apply(x).sum().backward()
    assert x.grad.dtype is ga.float32
    close(x.grad, np.full(3, 4.0))


def test_methods_that_are_missing_say_so():
    class Nothing(Function):
        pass

    class Forward(Function):
        @staticmethod
        def forward(x):
            return x * 2

        @staticmethod
        def setup_context(ctx, inputs, output):
            pass

    x = ga.asarray(X, copy=True).requires_grad_()
    with pytest.raises(NotImplementedError, match="implement the forward"):
        Nothing.apply(x)
    with pytest.raises(NotImplementedError, match="either the backward or vjp"):
        Forward.apply(x).sum().backward()
    with pytest.raises(NotImplementedError, match="implement the jvp"):
        jvp(Forward.apply, (x,), (x,))
    with pytest.raises(RuntimeError, match="override the vmap staticmethod, or set generate_vmap_rule"):
        vmap(Forward.apply)(x)
    with pytest.raises(RuntimeError, match="must override the setup_context staticmethod"):
        vmap(lambda v: Scale.apply(v, 2.0))(x)
    with pytest.raises(TypeError, match="save_for_backward can only save tensors, but got int"):

        class Saves(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(3)
                return x

        Saves.apply(x)


def test_once_differentiable():
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**2

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    x = ga.asarray(X, copy=True).requires_grad_()
    Once.apply(x).sum().backward()
    close(x.grad, 2 * X)
    (g,) = ga.autograd.grad(Once.apply(x).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="marked with @once_differentiable"):
        g.sum().backward()


def test_a_kernel_of_ones_own_for_one_backend():
    calls = []

    class Fast(Function):
        @staticmethod
        def forward(x, n):
            return x * n

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.n = inputs[1]

        @staticmethod
        def backward(ctx, g):
            return g * ctx.n, None

    @Fast.kernel("numpy")
    def fast(x, n):
        calls.append(type(x))
        return np.multiply(x, n)

    x = ga.asarray(X, copy=True).requires_grad_()
    out = Fast.apply(x, 3)
    out.sum().backward()
    close(out, 3 * X)
    close(x.grad, np.full(3, 3.0))
    assert calls == [np.ndarray]
    other = next((d for d in DEVICES if d != "cpu" and isinstance(d, str)), None)
    if other is not None:
        Fast.apply(ga.ones(2, device=other), 3)
        assert len(calls) == 1


# -- under the transforms ----------------------------------------------------------------------------------------------


@on_each_device
def test_every_transform_goes_through(device):
    x = ga.asarray(X, device=device)
    close(vmap(cube)(x), X**3)
    close(vmap(grad(cube))(x), 3 * X**2)
    close(grad(lambda v: vmap(cube)(v).sum())(x), 3 * X**2)
    close(vmap(vmap(grad(grad(cube))))(x.reshape(1, 3)), [6 * X])
    close(jvp(cube, (x,), (ga.ones_like(x),))[1], 3 * X**2)
    for outer in (jacfwd, jacrev):
        for inner in (jacfwd, jacrev):
            close(outer(inner(lambda v: cube(v).sum()))(x), np.diag(6 * X))
    close(vmap(hessian(cube))(x), 6 * X)
    close(linearize(cube, x)[1](ga.ones_like(x)), 3 * X**2)
    out, pull = vjp(lambda v: Cube.apply(v), x)
    close(pull((ga.ones_like(x), ga.zeros_like(x)))[0], 3 * X**2)
    close(vmap(lambda g: pull((g, g))[0])(ga.eye(3, dtype=ga.float64, device=device)), np.diag(3 * X**2 + 6 * X))


def test_the_generated_rule_sums_over_the_batch_where_an_input_has_none():
    class Product(Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(a, b):
            return a * b

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g * b, g * a

    w, x = ga.asarray(X, copy=True).requires_grad_(), ga.asarray(np.stack([X, X + 1]))
    out = vmap(lambda v: Product.apply(w, v).sum())(x)
    out.sum().backward()
    close(w.grad, 2 * X + 1)
    close(vmap(grad(lambda v: Product.apply(w.detach(), v).sum()))(x), np.stack([X, X]))


def test_a_vmap_rule_of_ones_own():
    calls = []

    class Dot(Function):
        @staticmethod
        def forward(a, b):
            return (a * b).sum(dim=-1)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)
            ctx.save_for_forward(*inputs)

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g[..., None] * b, g[..., None] * a

        @staticmethod
        def vmap(info, in_dims, a, b):
            calls.append((info.batch_size, info.randomness, in_dims, a.shape, b.shape))
            a = a if in_dims[0] is None else a.moveaxis(in_dims[0], 0)
            b = b if in_dims[1] is None else b.moveaxis(in_dims[1], 0)
            return Dot.apply(a + ga.zeros_like(b), b + ga.zeros_like(a)), 0

    x, y = ga.asarray(np.stack([X, X + 1])), ga.asarray(X)
    close(vmap(Dot.apply, in_dims=(0, None))(x, y), [X @ X, (X + 1) @ X])
    assert calls == [(2, "error", (0, None), (2, 3), (3,))]
    close(vmap(grad(Dot.apply), in_dims=(0, None))(x, y), np.stack([X, X]))
    close(grad(lambda v: vmap(Dot.apply, in_dims=(0, None))(x, v).sum())(y), 2 * X + 1)


# -- the decorators ----------------------------------------------------------------------------------------------------


def test_custom_vjp():
    @custom_vjp
    def function(x, y):
        return ga.sin(x) * y

    function.defvjp(
        lambda x, y: (function(x, y), (ga.cos(x), ga.sin(x), y)), lambda r, g: (r[0] * g * r[2] * 10, r[1] * g)
    )
    x, y = ga.asarray(X), ga.asarray(np.array(2.0))
    close(function(x, y), np.sin(X) * 2)
    close(grad(lambda v: function(v, y).sum())(x), 20 * np.cos(X))  # ten times too large, so it is ours
    close(vmap(grad(function), in_dims=(0, None))(x, y), 20 * np.cos(X))
    close(grad(lambda v: vmap(function, in_dims=(0, None))(x, v).sum())(y), np.sin(X).sum())
    once = jacrev(lambda v: grad(lambda u: function(u, y).sum())(v))(x)
    close(once, np.diag(-20 * np.sin(X)))
    with pytest.raises(NotImplementedError, match="jvp"):
        jvp(function, (x, y), (x, y))
    with pytest.raises(AttributeError, match="No VJP defined"):
        custom_vjp(lambda x: x)(x)


def test_custom_vjp_of_trees_and_fixed_arguments():
    pytest.importorskip("optree")

    def power(n, p):
        return {"out": p["x"] ** n + p["y"]}

    power = custom_vjp(power, nondiff_argnums=(0,))
    power.defvjp(
        lambda n, p: ({"out": p["x"] ** n + p["y"]}, p["x"]),
        lambda n, x, g: ({"x": n * x ** (n - 1) * g["out"], "y": g["out"]},),
    )
    p = {"x": ga.asarray(X), "y": ga.asarray(X + 1)}
    g = grad(lambda q: power(3, q)["out"].sum())(p)
    close(g["x"], 3 * X**2)
    close(g["y"], np.ones(3))
    assert power.__name__ == "power"


def test_custom_jvp():
    @custom_jvp
    def function(x, y):
        return ga.sin(x) * y

    function.defjvps(lambda t, out, x, y: 10 * ga.cos(x) * t * y, lambda t, out, x, y: ga.sin(x) * t)
    x, y = ga.asarray(X), ga.asarray(np.array(2.0))
    close(jvp(function, (x, y), (x, y))[1], 20 * np.cos(X) * X + np.sin(X) * 2)
    close(grad(lambda v: function(v, y).sum())(x), 20 * np.cos(X))
    close(vmap(grad(function), in_dims=(0, None))(x, y), 20 * np.cos(X))
    close(grad(lambda v: function(x, v).sum())(y), np.sin(X).sum())
    for outer in (jacfwd, jacrev):
        for inner in (jacfwd, jacrev):
            close(outer(inner(lambda v: function(v, y).sum()))(x), np.diag(-20 * np.sin(X)))

    @custom_jvp
    def whole(x):
        return x, x * 2

    @whole.defjvp
    def rule(primals, tangents):
        return whole(*primals), (tangents[0] * 5, tangents[0] * 7)

    found = jacrev(whole)(x)
    close(found[0], 5 * np.eye(3))
    close(found[1], 7 * np.eye(3))
    with pytest.raises(AttributeError, match="No JVP defined"):
        custom_jvp(lambda x: x)(x)


def test_what_looks_on_sees_it():
    class Square(ga.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 2 * x * g

    packed, unpacked = [], []
    x = ga.tensor([3.0], requires_grad=True)
    with ga.autograd.graph.saved_tensors_hooks(
        lambda t: packed.append(t.tolist()) or t, lambda t: unpacked.append(t.tolist()) or t
    ):
        y = Square.apply(x)
    y.backward()
    assert (packed, unpacked, x.grad.tolist()) == ([[3]], [[3]], [6])
