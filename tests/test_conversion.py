"""To Python, NumPy and other libraries and back; dtypes in arithmetic; copies and pickles."""

import copy
import operator
import pickle

import numpy as np
import pytest

import gradarray as ga

INTEGERS = [ga.int8, ga.int16, ga.int32, ga.int64, ga.uint8, ga.uint16, ga.uint32, ga.uint64]
FLOATS = [ga.float32, ga.float64]
COMPLEX = [ga.complex64, ga.complex128]
ALL = [ga.bool, *INTEGERS, *FLOATS, *COMPLEX]


def of(dtype, *values):
    return ga.tensor(values, dtype=dtype)


# -- dtypes of results -------------------------------------------------------------------------------------------------

# The standard's table, without the mixed kinds; "-" where there is none.
SAME_KIND = {
    ("int8", "int16"): "int16", ("int8", "int32"): "int32", ("int8", "int64"): "int64", ("int16", "int32"): "int32",
    ("int16", "int64"): "int64", ("int32", "int64"): "int64", ("uint8", "uint16"): "uint16",
    ("uint8", "uint32"): "uint32", ("uint8", "uint64"): "uint64", ("uint16", "uint32"): "uint32",
    ("uint16", "uint64"): "uint64", ("uint32", "uint64"): "uint64", ("int8", "uint8"): "int16",
    ("int8", "uint16"): "int32", ("int8", "uint32"): "int64", ("int16", "uint8"): "int16",
    ("int16", "uint16"): "int32", ("int16", "uint32"): "int64", ("int32", "uint8"): "int32",
    ("int32", "uint16"): "int32", ("int32", "uint32"): "int64", ("int64", "uint8"): "int64",
    ("int64", "uint16"): "int64", ("int64", "uint32"): "int64", ("float32", "float64"): "float64",
    ("float32", "complex64"): "complex64", ("float32", "complex128"): "complex128",
    ("float64", "complex64"): "complex128", ("float64", "complex128"): "complex128",
    ("complex64", "complex128"): "complex128",
}  # fmt: skip


@pytest.mark.parametrize(("pair", "result"), SAME_KIND.items(), ids=str)
@pytest.mark.parametrize("op", [operator.add, operator.mul, ga.maximum])
def test_the_standards_promotion(pair, result, op):
    a, b = (getattr(ga, name) for name in pair)
    if op is ga.maximum and "complex" in result:
        pytest.skip("complex numbers have no order")
    assert op(of(a, 1), of(b, 1)).dtype.name == op(of(b, 1), of(a, 1)).dtype.name == result


@pytest.mark.parametrize("integer", [ga.bool, *INTEGERS], ids=str)
@pytest.mark.parametrize("floating", [*FLOATS, *COMPLEX], ids=str)
def test_integers_with_floats_give_the_floats(integer, floating):
    assert (of(integer, 1) + of(floating, 1)).dtype is floating


@pytest.mark.parametrize("signed", [ga.int8, ga.int16, ga.int32, ga.int64], ids=str)
def test_uint64_and_signed_have_no_common_dtype(signed):
    with pytest.raises(TypeError, match="no common integer dtype"):
        of(ga.uint64, 1) + of(signed, 1)


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_python_scalars_bring_their_kind_and_no_precision(dtype):
    x = of(dtype, 1)
    floating = dtype if dtype.kind in "fc" else ga.float32
    assert (x + 1).dtype is (1 + x).dtype is (ga.int64 if dtype is ga.bool else dtype)
    assert (x * 0.5).dtype is (0.5 * x).dtype is floating
    assert (x + 1j).dtype is floating.to_complex()
    assert (x / 2).dtype is (2 / x).dtype is floating


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_comparisons_give_bool(dtype):
    x = of(dtype, 1, 0)
    for result in (x == x, x != 1, x == 1, x == 1):
        assert result.dtype is ga.bool


@pytest.mark.parametrize("dtype", [ga.bool, *INTEGERS], ids=str)
@pytest.mark.parametrize("function", [ga.exp, ga.sqrt, ga.sin, ga.log, ga.tanh])
def test_floating_functions_of_integers(dtype, function):
    assert function(of(dtype, 1)).dtype is ga.float32


@pytest.mark.parametrize("scalar", [np.float64(2), np.float32(2), np.int64(2), np.int8(2)], ids=repr)
@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow])
def test_numpy_scalars_count_as_pythons_on_either_side(scalar, op):
    x = ga.tensor([1.0, 2.0], requires_grad=True)
    for result, expected in ((op(x, scalar), op(x, 2)), (op(scalar, x), op(2, x))):
        assert type(result) is ga.Tensor
        assert result.requires_grad
        assert (result.dtype, result.tolist()) == (ga.float32, expected.tolist())


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv, operator.lt])
def test_numpy_arrays_count_as_tensors_on_either_side(op):
    a, x = np.array([3.0, 4.0]), ga.tensor([1.0, 2.0], requires_grad=True)
    for result, expected in ((op(x, a), op(x, ga.tensor(a))), (op(a, x), op(ga.tensor(a), x))):
        assert type(result) is ga.Tensor
        assert (result.dtype, result.tolist(), result.requires_grad) == (
            expected.dtype, expected.tolist(), expected.requires_grad
        )  # fmt: skip


def test_numpy_matmul_with_a_tensor():
    assert (np.ones((2, 3)) @ ga.ones(3)).tolist() == [3.0, 3.0]


# -- to Python ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_item_and_tolist_give_pythons_numbers(dtype):
    kind = {"b": bool, "i": int, "u": int, "f": float, "c": complex}[dtype.kind]
    x = ga.ones(2, 2, dtype=dtype)
    assert type(x[0, 0].item()) is kind
    assert {type(v) for row in x.tolist() for v in row} == {kind}


@pytest.mark.parametrize(("dtype", "value"), [(ga.float64, 0.1), (ga.float32, float(np.float32(0.1)))], ids=str)
def test_item_keeps_the_precision_of_the_dtype(dtype, value):
    assert of(dtype, 0.1).item() == value
    assert of(dtype, 0.1).tolist() == [value]


@pytest.mark.parametrize("shape", [(), (1,), (1, 1, 1)], ids=str)
def test_item_of_one_element_of_any_shape(shape):
    assert ga.full(shape, 3).item() == 3


@pytest.mark.parametrize("shape", [(2,), (0,), (2, 2)], ids=str)
@pytest.mark.parametrize("convert", [ga.Tensor.item, float, int, complex], ids=lambda f: f.__name__)
def test_one_element_is_needed(shape, convert):
    with pytest.raises(RuntimeError, match="cannot be converted to Scalar"):
        convert(ga.zeros(shape))


def test_tolist_of_every_rank():
    assert ga.tensor(3).tolist() == 3
    assert ga.zeros(0).tolist() == []
    assert ga.zeros(2, 0).tolist() == [[], []]


def test_conversions():
    assert float(ga.tensor(1.5)) == 1.5
    assert int(ga.tensor(3.7)) == 3
    assert complex(ga.tensor(1 + 2j)) == 1 + 2j
    assert float(ga.tensor([2.0], requires_grad=True)) == 2.0
    assert bool(ga.tensor([[0.0]])) is False
    assert operator.index(ga.tensor(3)) == 3
    assert [10, 20, 30][ga.tensor(1)] == 20
    assert list(range(ga.tensor(2))) == [0, 1]


@pytest.mark.parametrize(("shape", "what"), [((2,), "more than one value"), ((0,), "no values")], ids=str)
def test_truth_needs_one_element(shape, what):
    with pytest.raises(RuntimeError, match=what):
        bool(ga.ones(shape))


@pytest.mark.parametrize("x", [ga.tensor(3.0), ga.ones(2, dtype=ga.int64)], ids=repr)
def test_index_needs_one_integer(x):
    with pytest.raises(TypeError, match="converted to an index"):
        operator.index(x)


def test_length_and_iteration():
    x = ga.arange(6).reshape(3, 2)
    assert len(x) == 3
    assert [row.tolist() for row in x] == [[0, 1], [2, 3], [4, 5]]
    for use in (len, iter):
        with pytest.raises(TypeError, match="0-d tensor"):
            use(ga.tensor(1))


def test_iteration_gives_views_on_the_tape():
    x = ga.ones(2, requires_grad=True)
    a, b = x
    (a * 2 + b).backward()
    assert x.grad.tolist() == [2.0, 1.0]


def test_contains():
    assert 3 in ga.tensor([1, 2, 3])
    assert 4 not in ga.tensor([1, 2, 3])
    with pytest.raises(RuntimeError, match="`in`"):
        assert "a" in ga.tensor([1, 2, 3])


def test_format():
    assert f"{ga.tensor(3.14159):.2f}" == "3.14"
    assert f"{ga.tensor(1.5)}" == "1.5"
    assert f"{ga.tensor([1.5])}" == "tensor([1.5000])"
    with pytest.raises(TypeError, match="unsupported format string"):
        f"{ga.tensor([1.5, 2.5]):.2f}"


def test_hash_is_by_identity():
    x, y = ga.ones(2), ga.ones(2)
    assert len({x, y, x}) == 2
    assert {x: 1}[x] == 1


def test_size():
    x = ga.zeros(5, 3)
    assert repr(x.size()) == "gradarray.Size([5, 3])"
    assert (x.size, x.size(0), x.size(-1), x.numel(), x.ndim, x.dim()) == (15, 5, 3, 15, 2, 2)
    rows, columns = x.size()
    assert (rows, columns) == (5, 3)
    assert isinstance(x.shape[:1], ga.Size)
    assert isinstance(x.shape + ga.Size((1,)), ga.Size)
    assert x.shape.numel() == 15
    with pytest.raises(IndexError, match="Dimension out of range"):
        x.size(2)


# -- NumPy -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_the_bridge_shares_memory_both_ways(dtype):
    x = ga.zeros(3, dtype=dtype)
    a = x.numpy()
    assert a.dtype == dtype
    a[0] = 1
    x[1] = 1
    back = ga.from_numpy(a)
    back[2] = 1
    assert x.tolist() == a.tolist() == [1, 1, 1]
    assert back.dtype is dtype


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_dlpack_shares_memory_both_ways(dtype):
    x = ga.zeros(3, dtype=dtype)
    a = np.from_dlpack(x)
    x[0] = 1
    assert a.tolist() == [1, 0, 0]
    b = np.zeros(3, dtype.__numpy_dtype__)
    y = ga.from_dlpack(b)
    y[0] = 1
    assert b.tolist() == [1, 0, 0]
    assert y.dtype is dtype


def test_dlpack_of_a_tensor_on_the_tape_is_refused():
    x = ga.ones(2, requires_grad=True)
    for export in (np.from_dlpack, ga.from_dlpack):
        with pytest.raises(BufferError, match="gradient"):
            export(x)
    assert np.from_dlpack(x.detach()).tolist() == [1.0, 1.0]


def test_numpy_of_a_tensor_on_the_tape_is_refused():
    x = ga.ones(2, requires_grad=True)
    for export in (ga.Tensor.numpy, np.asarray, np.array):
        with pytest.raises(RuntimeError, match=r"detach\(\)\.numpy\(\)"):
            export(x)
    assert x.numpy(force=True).tolist() == [1.0, 1.0]


def test_asarray_shares_and_array_copies():
    x = ga.zeros(2)
    shared, copied, converted = np.asarray(x), np.array(x), np.asarray(x, dtype=np.float64)
    x[0] = 1
    assert (shared.tolist(), copied.tolist(), converted.tolist()) == ([1.0, 0.0], [0.0, 0.0], [0.0, 0.0])


def test_a_write_through_numpy_is_seen_by_what_numpy_holds():
    a = ga.ones(5)
    b = a.numpy()
    assert a.add_(1) is a
    assert b.tolist() == [2.0] * 5
    np.add(b, 1, out=b)
    assert a.tolist() == [3.0] * 5


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (np.exp, lambda x: x.exp()),
        (lambda x: np.add(x, 1), lambda x: x + 1),
        (lambda x: np.power(x, 2), lambda x: x**2),
        (np.absolute, lambda x: x.abs()),
        (np.sum, lambda x: x.sum()),
        (lambda x: np.sum(x, 0), lambda x: x.sum(0)),
        (lambda x: np.sum(x, axis=1, keepdims=True), lambda x: x.sum(1, keepdim=True)),
        (lambda x: np.mean(x, axis=0), lambda x: x.mean(0)),
        (lambda x: np.var(x, ddof=1), lambda x: x.var()),
        (np.std, lambda x: x.std(correction=0)),
        (lambda x: np.max(x, axis=0), lambda x: x.amax(0)),
        (lambda x: np.concatenate([x, x], 1), lambda x: ga.concat([x, x], axis=1)),
        (lambda x: np.stack([x, x], axis=1), lambda x: ga.stack([x, x], axis=1)),
        (np.transpose, lambda x: x.T),
        (lambda x: np.reshape(x, (3, 2)), lambda x: x.reshape(3, 2)),
        (lambda x: np.squeeze(x[None]), lambda x: x),
        (lambda x: np.where(x > 2, x, 0), lambda x: ga.where(x > 2, x, 0)),
        (lambda x: np.clip(x, a_min=1, a_max=2), lambda x: x.clip(1, 2)),
        (np.cumsum, lambda x: x.ravel().cumsum(0)),
        (lambda x: np.dot(x, x.T), lambda x: x @ x.T),
        (np.linalg.norm, lambda x: x.norm()),
        (lambda x: np.flip(x, 0), lambda x: x.flip(0)),
        (lambda x: np.split(x, 3, axis=1)[1], lambda x: x[:, 1:2]),
        (lambda x: np.round(x, 1), lambda x: x.round(decimals=1)),
        (np.copy, lambda x: x.clone()),
    ],
)
def test_numpys_functions_on_the_tape(call, expected):
    x = ga.tensor([[0.25, 1.5, 2.75], [4.0, 5.25, 6.5]], requires_grad=True)
    got, want = call(x), expected(x)
    assert type(got) is ga.Tensor
    assert got.tolist() == want.tolist()
    assert got.requires_grad
    w = ga.rand(got.shape)
    (g,), (h,) = ga.autograd.grad((got * w).sum(), x), ga.autograd.grad((want * w).sum(), x)
    assert g.tolist() == h.tolist()


def test_numpys_questions():
    x = ga.zeros(2, 3)
    assert (np.shape(x), np.ndim(x), np.size(x), np.size(x, 1)) == ((2, 3), 2, 6, 3)
    assert np.array_equal(x, x)
    assert np.allclose(x, x + 1e-9)


def test_numpys_out():
    x = ga.ones(3)
    assert np.add(x, 1, out=x) is x
    a = np.ones(3)
    a += x
    assert (x.tolist(), a.tolist()) == ([2.0] * 3, [3.0] * 3)
    with pytest.raises(RuntimeError):
        a += ga.ones(3, requires_grad=True)
    assert a.tolist() == [3.0] * 3


@pytest.mark.parametrize("call", [np.histogram, np.subtract.reduce, np.nanargmax])
@pytest.mark.parametrize("required", [True, False])
def test_what_the_namespace_lacks_is_an_error(call, required):
    with pytest.raises(TypeError, match="not supported on gradarray tensors"):
        call(ga.ones(3, requires_grad=required))


# -- dtypes and devices ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ALL, ids=str)
@pytest.mark.parametrize("source", ALL, ids=str)
def test_to_every_dtype(source, target):
    x = of(source, 0, 1).to(target)
    assert (x.dtype, x.tolist()) == (target, [0, 1])


def test_to_in_every_form():
    x = ga.ones(2)
    for y in (
        x.to(ga.float64), x.to("cpu", ga.float64), x.to(dtype=ga.float64), x.to(ga.zeros(1, dtype=ga.float64)),
        x.to(float), x.to(np.dtype("float64")), x.double(), x.type_as(ga.zeros(1, dtype=ga.float64)),
    ):  # fmt: skip
        assert y.dtype is ga.float64
    assert x.to(ga.float32) is x.to("cpu") is x.float() is x.cpu() is x
    copies = x.to(ga.float32, copy=True), x.to(ga.float32, False, True), x.to("cpu", ga.float32, False, True)
    assert all(y is not x for y in copies)
    assert x.to(ga.float32, True) is x.to(ga.float32, True, False) is x  # non_blocking alone


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("bool", ga.bool), ("byte", ga.uint8), ("char", ga.int8), ("short", ga.int16), ("int", ga.int32),
        ("long", ga.int64), ("float", ga.float32), ("double", ga.float64), ("cfloat", ga.complex64),
        ("cdouble", ga.complex128),
    ],
)  # fmt: skip
def test_casting_methods(name, dtype):
    assert getattr(ga.ones(2), name)().dtype is dtype


def test_casting_is_differentiable():
    x = ga.tensor([1.0, 2.0], requires_grad=True)
    (x.to(ga.float64) * x.double()).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (ga.float32, [2.0, 4.0])
    assert not x.long().requires_grad


# -- copies ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_pickle(dtype):
    x = ga.ones(2, 3, dtype=dtype)
    y = pickle.loads(pickle.dumps(x))
    assert (y.dtype, y.tolist(), y.device) == (x.dtype, x.tolist(), x.device)


def test_pickle_keeps_the_flag_and_leaves_the_graph():
    x = pickle.loads(pickle.dumps(ga.ones(2, requires_grad=True) * 2))
    assert x.requires_grad
    assert x.is_leaf


def test_deepcopy_of_a_leaf():
    x = ga.ones(2, requires_grad=True)
    x.sum().backward()
    first, second = copy.deepcopy([x, x])
    assert first is second
    assert first.requires_grad
    assert first.is_leaf
    first.grad.zero_()
    first.detach().zero_()
    assert (x.tolist(), x.grad.tolist()) == ([1.0, 1.0], [1.0, 1.0])


def test_deepcopy_of_what_is_no_leaf_is_refused():
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(ga.ones(2, requires_grad=True) * 2)


def test_copy_shares_memory_and_graph():
    x = ga.ones(2, requires_grad=True) * 2
    y = copy.copy(x)
    assert y is not x
    assert y.grad_fn is x.grad_fn
    y.detach()[0] = 5
    assert x.tolist() == [5.0, 2.0]


def test_clone_and_contiguous():
    x = ga.arange(6).reshape(2, 3)
    y = x.clone()
    y[0, 0] = 9
    assert x[0, 0].item() == 0
    assert x.contiguous() is x
    t = x.t()
    assert not t.is_contiguous()
    assert t.contiguous().stride() == (2, 1)
    assert t.contiguous().tolist() == t.tolist()
    every_other = ga.arange(6)[::2]
    assert every_other.contiguous().is_contiguous()
