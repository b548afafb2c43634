"""In place: each method's twin does what the method does, in the tensor's own memory, and never breaks the tape."""

import operator

import numpy as np
import pytest

import gradarray as ga

UNARY = [
    "abs", "absolute", "acos", "acosh", "arccos", "asin", "asinh", "arcsin", "atan", "atanh", "arctan", "ceil", "cos",
    "cosh", "exp", "expm1", "fix", "floor", "log", "log10", "log1p", "log2", "logical_not", "neg", "negative",
    "reciprocal", "relu", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "tan", "tanh", "tril",
    "triu", "trunc",
]  # fmt: skip
BINARY = [
    "add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "floor_divide", "remainder", "pow",
    "atan2", "hypot", "copysign", "nextafter", "eq", "ne", "lt", "le", "gt", "ge", "greater", "less", "not_equal",
    "greater_equal", "less_equal", "logical_and", "logical_or", "logical_xor", "clamp_min", "clamp_max",
]  # fmt: skip
BITWISE = [
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift", "bitwise_right_shift", "add", "sub", "mul",
    "floor_divide", "remainder", "pow",
]  # fmt: skip
WITH_ARGUMENTS = [
    ("clamp", (0.5, 1.0)), ("clip", (0.5, 1.0)), ("cumsum", (0,)), ("cumprod", (1,)), ("tril", (-1,)),
    ("masked_fill", (ga.tensor([[True, False, True]]), 9.0)), ("clamp", (ga.tensor(0.5), None)),
]  # fmt: skip
DIFFERENTIABLE = [
    "abs", "asinh", "atan", "cos", "cosh", "exp", "expm1", "log", "log1p", "neg", "reciprocal", "rsqrt", "sigmoid",
    "sin", "sinh", "sqrt", "square", "tanh", "relu", "trunc", "tan",
]  # fmt: skip


def fresh(**kwargs):
    return ga.tensor([[0.25, 1.5, 0.75], [1.25, 0.5, 1.75]], **kwargs)


def check_twin(x, name, *args):
    with np.errstate(invalid="ignore"):
        expected = getattr(x, name)(*args).to(x.dtype)
        memory, version = x.numpy(), x._version
        returned = getattr(x, f"{name}_")(*args)
    assert returned is x
    np.testing.assert_array_equal(memory, expected.numpy())
    assert x._version == version + 1
    assert x.dtype is expected.dtype


@pytest.mark.parametrize("name", UNARY)
def test_a_unary_method_has_a_twin(name):
    check_twin(fresh() + 1 if name == "acosh" else fresh(), name)


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize(
    "other", [ga.tensor([[2.0], [0.5]]), 2, 0.5, np.float64(1.5)], ids=["tensor", "2", "0.5", "np"]
)
def test_a_binary_method_has_a_twin(name, other):
    if not isinstance(other, ga.Tensor) and name in ("hypot", "copysign", "nextafter", "atan2"):
        other = ga.tensor(other)
    check_twin(fresh(), name, other)


@pytest.mark.parametrize("name", BITWISE)
@pytest.mark.parametrize("dtype", [ga.int8, ga.int64, ga.uint8], ids=str)
def test_an_integer_method_has_a_twin(name, dtype):
    check_twin(ga.tensor([5, 2, 7], dtype=dtype), name, ga.tensor([1, 2, 3], dtype=dtype))


@pytest.mark.parametrize(("name", "args"), WITH_ARGUMENTS, ids=str)
def test_a_method_with_arguments_has_a_twin(name, args):
    check_twin(fresh(), name, *args)


def test_bitwise_not_has_a_twin():
    check_twin(ga.tensor([True, False]), "bitwise_not")


def test_every_arithmetic_method_has_a_twin():
    """Whatever a record calls elementwise and PyTorch writes in place."""
    without = set("conj imag isfinite isinf isnan logaddexp maximum minimum positive real signbit".split())
    methods = {name for name in dir(ga) if callable(getattr(ga, name)) and hasattr(ga.Tensor, name)}
    elementwise = {name for name in methods if getattr(ga, name).__module__.endswith("functions.elementwise")}
    assert elementwise
    assert {name for name in elementwise - without if not hasattr(ga.Tensor, f"{name}_")} <= {"equal"}


@pytest.mark.parametrize(
    ("op", "in_place"),
    [
        (operator.add, operator.iadd), (operator.sub, operator.isub), (operator.mul, operator.imul),
        (operator.truediv, operator.itruediv), (operator.floordiv, operator.ifloordiv),
        (operator.mod, operator.imod), (operator.pow, operator.ipow),
    ],
)  # fmt: skip
@pytest.mark.parametrize("other", [2, 0.5, ga.tensor([2.0, 3.0, 0.5]), np.float64(2)], ids=repr)
def test_augmented_operators(op, in_place, other):
    x = fresh()
    expected, memory = op(x, other), x.numpy()
    y = in_place(x, other)
    assert y is x
    np.testing.assert_allclose(memory, expected.numpy())


@pytest.mark.parametrize("op", [operator.iand, operator.ior, operator.ixor, operator.ilshift, operator.irshift])
def test_augmented_bitwise_operators(op):
    x = ga.tensor([5, 6])
    assert op(x, 1) is x
    assert x.tolist() == [op(5, 1), op(6, 1)]


def test_augmented_matmul():
    x = y = fresh()[:, :2].clone()
    x @= ga.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert x is y
    assert x.tolist() == [[1.5, 0.25], [0.5, 1.25]]


def test_filling():
    x = fresh()
    assert x.zero_() is x
    assert not x.any()
    assert x.fill_(2.5).tolist() == [[2.5] * 3] * 2
    assert x.fill_(ga.tensor(3)).tolist() == [[3.0] * 3] * 2
    assert x.copy_(ga.arange(3)).tolist() == [[0.0, 1.0, 2.0]] * 2
    assert x.copy_(7).tolist() == [[7.0] * 3] * 2
    assert ga.zeros(2, dtype=ga.int64).copy_(ga.tensor([1.7, -1.7])).tolist() == [1, -1]


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "write", "message"),
    [
        (lambda: ga.ones(2, dtype=ga.int64), lambda x: x.add_(1.5), "can't be cast"),
        (lambda: ga.ones(2, dtype=ga.int64), lambda x: x.div_(2), "can't be cast"),
        (lambda: ga.ones(2, dtype=ga.int64), lambda x: x.sqrt_(), "can't be cast"),
        (lambda: ga.ones(2, dtype=ga.bool), lambda x: x.add_(1), "can't be cast"),
        (lambda: ga.ones(2), lambda x: x.mul_(1j), "can't be cast"),
        (lambda: ga.ones(2), lambda x: x.add_(ga.ones(3, 2)), "doesn't match the broadcast shape"),
        (lambda: ga.ones(1), lambda x: x.add_(ga.ones(3)), "doesn't match the broadcast shape"),
        (lambda: ga.ones(2), lambda x: x.copy_(ga.ones(3)), "must match"),
        (lambda: ga.ones(2), lambda x: x.fill_(ga.ones(2)), "0-dimension"),
        (lambda: ga.ones(2), lambda x: x.masked_fill_(ga.tensor([1, 0]), 2), "boolean"),
        (lambda: ga.ones(2), lambda x: x.clamp_(), "must not be None"),
        (lambda: ga.ones(2, 3), lambda x: x.matmul(ga.ones(2)), "cannot be multiplied"),
    ],
)
@pytest.mark.parametrize("on_tape", [False, True])
def test_after_a_refusal_nothing_has_changed(x, write, message, on_tape):
    x = x()
    if on_tape and x.is_floating_point():
        x = x.requires_grad_() * 1
    before, node = x.tolist(), x.grad_fn
    with pytest.raises(RuntimeError, match=message):
        write(x)
    assert (x.tolist(), x.grad_fn, x._version) == (before, node, 0)


@pytest.mark.parametrize(
    "write",
    [
        lambda x: x.add_(1), lambda x: x.zero_(), lambda x: x.copy_(ga.zeros(2)), lambda x: x.exp_(),
        lambda x: x.fill_(1), lambda x: x.normal_(), lambda x: x.masked_fill_(x > 0, 1), lambda x: operator.iadd(x, 1),
        lambda x: x.__setitem__(0, 1), lambda x: x.clamp_(0, 1), lambda x: x.cumsum_(0),
    ],
)  # fmt: skip
def test_a_leaf_that_requires_a_gradient_refuses(write):
    x = ga.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        write(x)
    assert (x.tolist(), x._version, x.is_leaf) == ([1.0, 1.0], 0, True)
    with ga.no_grad():
        write(x)
    assert (x._version, x.is_leaf, x.requires_grad) == (1, True, True)


def test_read_only_memory_is_not_written_to():
    a = np.ones(2)
    a.flags.writeable = False
    x = ga.from_numpy(a)
    with pytest.raises(RuntimeError, match="read-only"):
        x.zero_()
    assert x.tolist() == [1.0, 1.0]


# -- versions ----------------------------------------------------------------------------------------------------------


def test_each_write_counts():
    x = ga.zeros(3)
    assert x._version == 0
    x.add_(1)
    x[0] = 2
    x.t_()
    x += 1
    x.zero_()
    assert x._version == 5


def test_reading_does_not_count():
    x = ga.zeros(3)
    x + 1, x[0], x.sum(), x.tolist()
    assert x._version == 0


# -- the tape ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_a_twin_is_differentiable(name):
    x, z = fresh(requires_grad=True), fresh(requires_grad=True)
    y = x * 1.5
    getattr(y, f"{name}_")()
    (y * y).sum().backward()
    out = getattr(z * 1.5, name)()
    (out * out).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "atan2", "hypot", "remainder", "copysign"])
def test_a_binary_twin_is_differentiable_in_both(name):
    x, z = fresh(requires_grad=True), fresh(requires_grad=True)
    p, q = (ga.tensor([0.5, 2.0, 1.25], requires_grad=True) for _ in range(2))
    y = x * 1.5
    getattr(y, f"{name}_")(p)
    (y * y).sum().backward()
    out = getattr(z * 1.5, name)(q)
    (out * out).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-5)
    np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-5)


SAVING = {
    "mul": lambda y: y * y, "exp": lambda y: y.exp(), "sin": lambda y: y.sin(), "pow": lambda y: y**3,
    "div": lambda y: 1 / y, "sqrt": lambda y: y.sqrt(), "log": lambda y: y.log(), "sigmoid": lambda y: y.sigmoid(),
    "matmul": lambda y: y @ y.T, "prod": lambda y: y.prod(), "max": lambda y: y.amax(0),
    "cumprod": lambda y: y.cumprod(0),
    "norm": lambda y: y.norm(), "maximum": lambda y: ga.maximum(y, y.flip(0)), "relu": lambda y: y.relu(),
    "where": lambda y: ga.where(y > 1, y * 2, y * 3), "std": lambda y: y.std(),
    "view": lambda y: y.view(-1) * y.view(-1),
    "clamp": lambda y: y.clamp(0.5, 1.2), "abs": lambda y: y.abs(), "index": lambda y: y[y > 1] * 2,
}  # fmt: skip
WRITES = {
    "zero_": lambda y: y.zero_(), "mul_": lambda y: y.mul_(100), "through a view": lambda y: y.t()[0].fill_(100),
    "setitem": lambda y: y.__setitem__(slice(None), 100), "data": lambda y: y.data.fill_(100),
    "detached": lambda y: y.detach().zero_(), "numpy's own": lambda y: y.detach().view(-1).exp_(),
    "after t_": lambda y: y.t_().zero_(),
}  # fmt: skip


@pytest.mark.parametrize("use", SAVING.values(), ids=SAVING)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("of", ["input", "output"])
def test_the_gradient_is_that_of_the_values_used(use, write, of):
    """Where PyTorch raises its version error (or with ``.data`` is silently wrong) the gradient is right."""
    x, z = fresh(requires_grad=True), fresh(requires_grad=True)
    y = x * 1.5
    out = use(y)
    loss = (out * 2).sum()
    if of == "input":
        write(y)
    elif out.ndim == 2:
        write(out)
    else:
        out.zero_()
    loss.backward()
    (use(z * 1.5) * 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("use", SAVING.values(), ids=SAVING)
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("of", ["leaf", "middle"])
def test_the_second_derivative_is_that_of_the_values_used(use, write, of):
    def first(leaf):
        y = leaf * leaf
        return y, ga.autograd.grad((use(y) * 2).sum(), leaf, create_graph=True)[0]

    x, z = fresh(requires_grad=True), fresh(requires_grad=True)
    (y, g), (_, wanted) = first(x), first(z)
    with ga.no_grad():
        write(x.detach() if of == "leaf" else y)
    (got,), (expected,) = ga.autograd.grad((g * g).sum(), x), ga.autograd.grad((wanted * wanted).sum(), z)
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-4)


SEVERAL = {
    "svd": lambda y: ga.linalg.svd(y, full_matrices=False), "eigh": lambda y: ga.linalg.eigh(y @ y.T),
    "qr": lambda y: ga.linalg.qr(y.T), "slogdet": lambda y: ga.linalg.slogdet(y @ y.T + ga.eye(y.shape[0])),
}  # fmt: skip


@pytest.mark.parametrize("use", SEVERAL.values(), ids=SEVERAL)
@pytest.mark.parametrize("which", [0, 1])
def test_the_gradient_is_right_after_a_write_to_one_of_several_outputs(use, which):
    x, z = fresh(requires_grad=True), fresh(requires_grad=True)
    outs, wanted = use(x * 1.5), use(z * 1.5)
    (outs[which][..., -1] if outs[which].ndim else outs[which]).mul_(-3)
    weights = [ga.arange(out.numel(), dtype=ga.float32).reshape(out.shape) + 1 for out in outs]
    loss = sum(((out * out) * w).sum() for out, w in zip(outs, weights, strict=True))
    copies = [out.clone() for out in wanted]
    if copies[which].ndim:
        copies[which] = ga.concat([wanted[which][..., :-1], wanted[which][..., -1:] * -3], axis=-1)
    else:
        copies[which] = wanted[which] * -3
    loss.backward()
    sum(((out * out) * w).sum() for out, w in zip(copies, weights, strict=True)).backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("use", SEVERAL.values(), ids=SEVERAL)
def test_the_second_derivative_is_right_after_a_write_to_several_outputs(use):
    def first(leaf):
        outs = use(leaf * 1.5)
        return outs, ga.autograd.grad(sum((out * out).sum() for out in outs), leaf, create_graph=True)[0]

    x, z = fresh(requires_grad=True), fresh(requires_grad=True)
    (outs, g), (_, wanted) = first(x), first(z)
    with ga.no_grad():
        for out in outs:
            out.mul_(-3)
    (got,), (expected,) = ga.autograd.grad((g * g).sum(), x), ga.autograd.grad((wanted * wanted).sum(), z)
    np.testing.assert_allclose(got.numpy(), expected.numpy(), rtol=1e-3, atol=1e-3)


VIEWED = {"itself": lambda x: x, "a view": lambda x: x[:], "a view of a view": lambda x: x.reshape(1, 1)[0]}


@pytest.mark.parametrize("viewed", VIEWED.values(), ids=VIEWED)
def test_what_a_function_of_ones_own_saved_is_its_own_in_a_recorded_walk(viewed):
    class Cube(ga.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx, g):
            x = viewed(*ctx.saved_tensors)
            return g * 3 * x * x

    x = ga.tensor([0.5], requires_grad=True)
    (g,) = ga.autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
    with ga.no_grad():
        x += 1
    assert ga.autograd.grad(g.sum(), x)[0].tolist() == [3.0]


def test_a_write_to_what_was_saved_is_nobody_elses():
    class Scale(ga.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            x.mul_(2)
            return g * x

    x = ga.tensor([0.5, 2.0], requires_grad=True)
    y = Scale.apply(x).sum()
    assert [ga.autograd.grad(y, x, retain_graph=True)[0].tolist() for _ in range(2)] == [[1.0, 4.0]] * 2
    z, square = x * 2.5, x * x
    with ga.no_grad():
        for saved in (z.grad_fn.saved_values, square.grad_fn.saved_values):
            for value in saved.values():
                value += 1
    assert (x.tolist(), (x * 2.5).tolist()) == ([0.5, 2.0], [1.25, 5.0])
    assert ga.autograd.grad(z.sum(), x)[0].tolist() == [2.5, 2.5]
    assert ga.autograd.grad(square.sum(), x)[0].tolist() == [1.0, 4.0]


CHANGES = {
    "data": lambda x: setattr(x, "data", ga.ones(4, 3)), "t_": lambda x: x.t_(),
    "unsqueeze_": lambda x: x.unsqueeze_(0),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_tensor_of_another_shape_is_recorded_with_it(change):
    x, w = ga.ones(3, 4), ga.ones(4, requires_grad=True)
    for y in (x * w, x[1:], x @ w):
        assert y.shape[-1] in (3, 4)  # its shape has been asked for
    change(x)
    w = ga.ones(x.shape[-1], requires_grad=True)
    y = x * w
    assert y.shape == x.shape
    y.sum().backward()
    assert w.grad.shape == w.shape and set(w.grad.tolist()) == {float(x.numel() // x.shape[-1])}
    assert x[:1].shape == (1, *x.shape[1:])


def test_a_leaf_written_to_in_no_grad_keeps_the_gradient_right():
    w = ga.tensor([2.0, 3.0], requires_grad=True)
    loss = (w * w).sum()
    with ga.no_grad():
        w -= 0.1
    loss.backward()
    assert w.grad.tolist() == [4.0, 6.0]


def test_numpy_memory_written_to_through_the_tensor_it_came_from():
    a = ga.tensor([2.0, 3.0])
    x = ga.ones(2, requires_grad=True)
    loss = (x * a).sum()
    a.zero_()
    loss.backward()
    assert x.grad.tolist() == [2.0, 3.0]


def test_writing_again_and_again():
    x = ga.tensor([1.0, 2.0], requires_grad=True)
    y = x.clone()
    total = ga.zeros(())
    for _ in range(3):
        y.mul_(y)
        total = total + y.sum()
    total.backward()
    v = np.array([1.0, 2.0])
    np.testing.assert_allclose(x.grad.numpy(), 2 * v + 4 * v**3 + 8 * v**7)


def test_a_recurrence_written_into_one_tensor():
    x = ga.tensor(0.5, requires_grad=True)
    states = ga.zeros(5)
    states[0] = x
    for i in range(1, 5):
        states[i] = states[i - 1] ** 2 + x
    states[4].backward()
    value, slope = 0.5, 1.0
    for _ in range(4):
        value, slope = value**2 + 0.5, 2 * value * slope + 1
    np.testing.assert_allclose(x.grad.item(), slope, rtol=1e-5)


def test_a_tensor_off_the_tape_gets_onto_it():
    p = ga.tensor([1.0, 2.0], requires_grad=True)
    x = ga.zeros(2)
    x.add_(p)
    assert x.requires_grad
    assert not x.is_leaf
    x.mul_(p)
    x.sum().backward()
    assert p.grad.tolist() == [2.0, 4.0]


def test_an_integer_tensor_stays_off_the_tape():
    x = ga.zeros(2, dtype=ga.int64)
    x[0] = ga.tensor(2.7, requires_grad=True)
    assert not x.requires_grad
    assert x.tolist() == [2, 0]


def test_zero_cuts_the_gradient():
    x = ga.ones(2, requires_grad=True)
    y = x * 2
    y.zero_()
    (y * 3).sum().backward()
    assert x.grad is None or x.grad.tolist() == [0.0, 0.0]


def test_masked_fill_on_the_tape():
    x = ga.tensor([1.0, 2.0, 3.0], requires_grad=True)
    v = ga.tensor(5.0, requires_grad=True)
    y = x * 2
    y.masked_fill_(x > 1, v)
    y.sum().backward()
    assert (x.grad.tolist(), v.grad.item()) == ([2.0, 0.0, 0.0], 2.0)


def test_a_write_is_differentiable_twice():
    x = ga.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * x
    y[1:].mul_(x[:2])
    y.exp_()
    (g,) = ga.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = ga.autograd.grad(g.sum(), x)

    def functional(x):
        a = x * x
        return ga.exp(ga.concat([a[:1], a[1:] * x[:2]])).sum()

    z = ga.tensor([1.0, 2.0, 3.0], requires_grad=True)
    (k,) = ga.autograd.grad(functional(z), z, create_graph=True)
    np.testing.assert_allclose(g.tolist(), k.tolist(), rtol=1e-5)
    np.testing.assert_allclose(h.tolist(), ga.autograd.grad(k.sum(), z)[0].tolist(), rtol=1e-5)


def test_writing_in_no_grad_does_not_touch_history():
    x = ga.ones(3, requires_grad=True)
    y = x * 2
    node = y.grad_fn
    with ga.no_grad():
        y.mul_(5)
        y[0] = 0
    assert y.grad_fn is node
    assert y.tolist() == [0.0, 10.0, 10.0]
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0, 2.0]
