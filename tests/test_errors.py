"""Bad input: PyTorch's class of error, what was given, what to do; and nothing has changed."""

import operator

import numpy as np
import pytest

import gradarray as ga

OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod, operator.pow,
    operator.matmul, operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift, operator.lt,
    operator.le, operator.gt, operator.ge,
]  # fmt: skip
IN_PLACE = [
    operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod, operator.ipow,
    operator.iand, operator.ior, operator.ixor, operator.ilshift, operator.irshift, operator.imatmul,
]  # fmt: skip


@pytest.mark.parametrize("op", OPERATORS + IN_PLACE, ids=lambda f: f.__name__)
@pytest.mark.parametrize("other", ["a", None, object(), {}, b"a"], ids=lambda v: type(v).__name__)
def test_operators_leave_strangers_to_python(op, other):
    with pytest.raises(TypeError, match=r"support|single element"):
        op(ga.ones(2), other)


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.truediv], ids=lambda f: f.__name__)
def test_lists_are_no_operands(op):
    with pytest.raises(TypeError):
        op(ga.ones(2), [1, 2])
    with pytest.raises(TypeError):
        op([1, 2], ga.ones(2))


def test_the_other_operand_gets_its_chance():
    class Other:
        def __radd__(self, x):
            return "radd"

        def __rmatmul__(self, x):
            return "rmatmul"

        def __gt__(self, x):
            return "gt"

    x = ga.ones(2)
    assert (x + Other(), x @ Other(), x < Other()) == ("radd", "rmatmul", "gt")
    x += Other()
    assert x == "radd"


@pytest.mark.parametrize("other", ["a", None, [1.0, 1.0], object()], ids=lambda v: type(v).__name__)
def test_nothing_equals_a_stranger(other):
    x = ga.ones(2)
    assert (x == other) is False
    assert (x != other) is True
    assert (other == x) is False


@pytest.mark.parametrize("other", ["a", None, [1, 2], {}], ids=repr)
@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "pow", "maximum", "less", "equal", "atan2"])
def test_functions_say_what_they_take(name, other):
    with pytest.raises(TypeError, match="arguments must be tensors or numbers"):
        getattr(ga, name)(ga.ones(2), other)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: ga.take(x, ga.tensor([0]), axis=0), lambda x: ga.repeat(x, 2, axis=0),
        lambda x: ga.squeeze(x, axis=-1), lambda x: ga.take_along_axis(x, ga.tensor(0)),
        lambda x: ga.moveaxis(x, 0, 0), lambda x: ga.vecdot(x, x),
        lambda x: ga.unstack(x), lambda x: x.index_select(0, ga.tensor([0])), lambda x: x.narrow(0, 0, 1),
    ],
)  # fmt: skip
def test_a_tensor_of_no_dimensions_has_no_axis(call):
    with pytest.raises(IndexError, match="but tensor has no dimensions"):
        call(ga.tensor(1.0))


@pytest.mark.parametrize("sort", [ga.sort, ga.argsort])
def test_sorting_a_number_needs_an_axis_that_it_could_have(sort):
    assert sort(ga.tensor(0), axis=0).item() == sort(ga.tensor(0)).item() == 0
    with pytest.raises(IndexError, match="Dimension out of range"):
        sort(ga.tensor(0), axis=1)


@pytest.mark.parametrize("given", [[1.0], np.ones(2), 2.0, "a", None], ids=repr)
@pytest.mark.parametrize(
    "name",
    [
        "sum", "mean", "max", "any", "argmax", "exp", "clip", "sort", "flip", "permute_dims", "stack", "concat", "tril",
        "empty_like", "zeros_like", "ones_like", "full_like", "rand_like", "randn_like",
    ],
)  # fmt: skip
def test_functions_need_a_tensor(name, given):
    extra = {"permute_dims": ((0,),), "clip": (0, 1), "full_like": (0,)}.get(name, ())
    with pytest.raises(TypeError):
        getattr(ga, name)([given] if name in ("stack", "concat") else given, *extra)


@pytest.mark.parametrize("other", [[1.0], 1.0, None], ids=repr)
@pytest.mark.parametrize("name", ["equal", "view_as", "reshape_as", "expand_as", "type_as", "take_along_dim"])
def test_methods_need_a_tensor(name, other):
    with pytest.raises(TypeError, match="expected a Tensor"):
        getattr(ga.ones(1), name)(other, *([0] if name == "take_along_dim" else []))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ga.ones(2, 3) + ga.ones(3, 2), r"size of tensor a \(3\) must match the size of tensor b \(2\)"),
        (lambda: ga.ones(2, 3).view(7), r"\[7\] is invalid for input of size 6"),
        (lambda: ga.ones(2, 3).view(-1, -1), "only one dimension can be inferred"),
        (lambda: ga.ones(2, 3).view(-1, 4), r"\[-1, 4\] is invalid for input of size 6"),
        (lambda: ga.ones(2, 3).view(-2, 3), "invalid negative dimension"),
        (lambda: ga.ones(0, 3).view(0, -1), "invalid"),
        (lambda: ga.ones(2, 3).t().view(6), r"not compatible with input tensor's size.*\.reshape"),
        (lambda: ga.ones(2, 3).reshape(7), r"\[7\] is invalid for input of size 6"),
        (lambda: ga.ones(2, 3) @ ga.ones(2, 3), r"cannot be multiplied \(\[2, 3\] and \[2, 3\]\)"),
        (lambda: ga.ones(2, 3).mm(ga.ones(3)), "expected"),
        (lambda: ga.ones(2).dot(ga.ones(2, 2)), "expected"),
        (lambda: ga.ones(2, 3, 4).t(), "<= 2 dimensions"),
        (lambda: ga.ones(2, 1).expand(3, 3), "does not broadcast"),
        (lambda: ga.ones(2, 1).expand(-1, 2, 3), "cannot expand"),
        (lambda: ga.concat([ga.ones(2), ga.ones(2, 2)]), "sizes of tensors must match"),
        (lambda: ga.concat([]), "non-empty list"),
        (lambda: ga.stack([ga.ones(2), ga.ones(3)]), "equal size"),
        (lambda: ga.arange(5).split([2, 2]), "do not add up to 5"),
        (lambda: ga.arange(5).split(0), "must be positive"),
        (lambda: ga.arange(5).chunk(0), "at least one chunk"),
        (lambda: ga.arange(5).narrow(0, 4, 2), "exceeds dimension size"),
        (lambda: ga.ones(2, 3).repeat(2), "each dimension needs one"),
        (lambda: ga.ones(3).tril(), "at least 2 dimensions"),
        (lambda: ga.ones(0).max(), "no element to choose from"),
        (lambda: ga.ones(2).clamp(), "must not be None"),
        (lambda: ga.ones(2).div(2, rounding_mode="up"), "rounding_mode"),
        (lambda: ga.ones(2, 3).permute(0), "1 axes"),
        (lambda: ga.ones(2, 3).sum((0, 0)), "appears twice"),
        (lambda: ga.ones(2, dtype=ga.int32).mean(), "floating point or complex"),
        (lambda: ga.where(ga.tensor([1]), ga.ones(1), ga.ones(1)), "boolean tensor"),
        (lambda: ga.ones(3).masked_select(ga.tensor([1, 0, 1])), "boolean tensor"),
        (lambda: ga.ones(3).repeat_interleave(ga.tensor([1, 2])), r"each of the 3 elements.*got \[1, 2\]"),
        (lambda: ga.ones(2).repeat_interleave(ga.tensor([1, -2])), r"none negative, got \[1, -2\]"),
    ],
)
def test_runtime_errors_say_what_was_given(call, message):
    with pytest.raises(RuntimeError, match=message):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sum(2), lambda x: x.mean(dim=-3), lambda x: x.unsqueeze(4), lambda x: x.squeeze(2),
        lambda x: x.transpose(0, 2), lambda x: x.flatten(0, 5), lambda x: x.argmax(2), lambda x: x.cumsum(2),
        lambda x: x.sort(2), lambda x: x.flip(2), lambda x: x.unbind(2), lambda x: x.split(1, 2),
        lambda x: x.select(2, 0), lambda x: x.chunk(2, 2), lambda x: ga.stack([x], axis=4),
        lambda x: ga.concat([x], axis=2), lambda x: x.movedim(0, 2),
    ],
)  # fmt: skip
def test_a_dimension_out_of_range(call):
    with pytest.raises(IndexError, match="Dimension out of range"):
        call(ga.ones(2, 3))


def test_shape_errors_are_value_errors_too():
    with pytest.raises(ValueError, match="invalid"):
        ga.ones(2, 3).reshape(7)


def test_dim_and_axis_are_one():
    x = ga.ones(2, 3)
    assert x.sum(dim=0).tolist() == x.sum(axis=0).tolist()
    assert x.sum(0, keepdim=True).shape == x.sum(0, keepdims=True).shape
    with pytest.raises(TypeError, match="same thing"):
        x.sum(dim=0, axis=0)


# -- out= --------------------------------------------------------------------------------------------------------------


def test_out_is_written_in_its_own_memory_and_returned():
    out = ga.zeros(2)
    memory = out.numpy()
    assert ga.add(ga.ones(2), 1, out=out) is out
    assert memory.tolist() == [2.0, 2.0]
    assert out._version == 1


def test_out_may_be_a_view_and_an_operand():
    x = ga.ones(2, 2)
    ga.multiply(x[0], 3, out=x[1])
    ga.add(x, x, out=x)
    assert x.tolist() == [[2.0, 2.0], [6.0, 6.0]]


@pytest.mark.parametrize(
    ("out", "result", "error"),
    [
        (lambda: ga.zeros(3), lambda: ga.ones(2), "doesn't match the broadcast shape"),
        (lambda: ga.zeros(2, dtype=ga.int64), lambda: ga.ones(2), "can't be cast"),
        (lambda: ga.zeros(2, dtype=ga.bool), lambda: ga.ones(2, dtype=ga.int64), "can't be cast"),
        (lambda: ga.zeros(2), lambda: ga.ones(2, dtype=ga.complex64), "can't be cast"),
        (lambda: ga.zeros(2), lambda: ga.ones(2, requires_grad=True), "automatic differentiation"),
        (lambda: ga.zeros(2, requires_grad=True), lambda: ga.ones(2), "automatic differentiation"),
    ],
)
def test_out_that_does_not_fit_is_left_alone(out, result, error):
    out = out()
    before = out.tolist()
    with pytest.raises(RuntimeError, match=error):
        ga.add(result(), 1, out=out)
    assert out.tolist() == before
    assert out._version == 0
    assert out.grad_fn is None


def test_out_is_a_tensor():
    with pytest.raises(TypeError, match="out must be a Tensor"):
        ga.add(ga.ones(2), 1, out=np.ones(2))


def test_out_without_recording():
    x = ga.ones(2, requires_grad=True)
    out = ga.zeros(2)
    with ga.no_grad():
        ga.exp(x, out=out)
    assert not out.requires_grad


# -- the attributes ----------------------------------------------------------------------------------------------------


def test_requires_grad_of_what_is_no_leaf():
    y = ga.ones(2, requires_grad=True) * 2
    for required in (True, False):
        with pytest.raises(RuntimeError, match="leaf variables"):
            y.requires_grad = required
    assert y.requires_grad_() is y


@pytest.mark.parametrize("required", ["False", None, 1], ids=repr)
def test_requires_grad_is_a_bool(required):
    x = ga.ones(2)
    with pytest.raises(RuntimeError, match="requires_grad must be a bool"):
        x.requires_grad = required
    assert not x.requires_grad
    x.requires_grad = np.bool(True)
    assert x.requires_grad is True


@pytest.mark.parametrize(
    ("grad", "error"),
    [
        (lambda: ga.ones(3), RuntimeError),
        (lambda: ga.ones(2, dtype=ga.float64), RuntimeError),
        (lambda: [1.0, 1.0], TypeError),
    ],
)
def test_an_assigned_grad_must_fit(grad, error):
    x = ga.ones(2, requires_grad=True)
    x.grad = before = ga.zeros(2)
    with pytest.raises(error, match="assigned grad"):
        x.grad = grad()
    with pytest.raises(RuntimeError, match="its own grad"):
        x.grad = x
    assert x.grad is before
    x.grad = None
    assert x.grad is None


def test_data_must_be_a_tensor():
    x = ga.ones(2)
    with pytest.raises(TypeError, match="data must be a Tensor"):
        x.data = [1.0]


def test_tensors_have_no_further_attributes():
    with pytest.raises(AttributeError):
        ga.ones(2).colour = "red"


class StatusError(RuntimeError):
    """An error that is made of a number, as CuPy's are."""

    def __init__(self, status):
        super().__init__({15: "INVALID_REFINE"}[status])


def test_a_librarys_own_error_is_told_whatever_its_class_wants(monkeypatch):
    def kernel(x):
        raise StatusError(15)

    x = ga.ones(2)
    monkeypatch.setitem(x._place.kernels, "exp", kernel)
    monkeypatch.setitem(x._kind.found, "exp", kernel)
    with pytest.raises(RuntimeError, match=r"^exp\(float32\[2\]\): StatusError: INVALID_REFINE$") as raised:
        ga.exp(x)
    assert type(raised.value.__cause__) is StatusError


def test_a_backend_whose_writes_give_nothing_is_named(monkeypatch):
    backend = ga.backends.get("numpy")
    x = ga.ones(3, requires_grad=True)
    y = x[[0, 0]].sum()
    monkeypatch.setattr(backend, "index_add", lambda array, key, value: None)
    with pytest.raises(RuntimeError, match=r"NumpyBackend\.index_adjoint gave None; it must return"):
        y.backward()
    assert x.grad is None
    monkeypatch.setattr(backend, "setitem", lambda array, key, value: None)
    with pytest.raises(RuntimeError, match=r"NumpyBackend\.setitem gave None"):
        ga.zeros(3)[0] = 1.0
