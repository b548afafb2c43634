"""Creation: every form PyTorch and the standard have, which dtype comes out, what is copied, what is refused."""

import numpy as np
import pytest

import gradarray as ga

ALL = [
    ga.bool, ga.int8, ga.int16, ga.int32, ga.int64, ga.uint8, ga.uint16, ga.uint32, ga.uint64,
    ga.float32, ga.float64, ga.complex64, ga.complex128,
]  # fmt: skip
FILLERS = [ga.empty, ga.zeros, ga.ones]


@pytest.fixture
def float64_by_default():
    ga.set_default_dtype(ga.float64)
    yield
    ga.set_default_dtype(ga.float32)


# -- shapes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("create", FILLERS)
@pytest.mark.parametrize(
    ("args", "shape"),
    [
        ((5, 3), (5, 3)),
        (((5, 3),), (5, 3)),
        (([5, 3],), (5, 3)),
        ((ga.Size([5, 3]),), (5, 3)),
        ((5,), (5,)),
        (((),), ()),
        ((0, 3), (0, 3)),
        ((np.int64(2), np.int32(3)), (2, 3)),
        ((ga.tensor(2), 3), (2, 3)),
    ],
    ids=str,
)
def test_a_shape_in_every_form(create, args, shape):
    assert create(*args).shape == shape


@pytest.mark.parametrize("create", FILLERS)
@pytest.mark.parametrize("name", ["shape", "size"])
def test_a_shape_by_name(create, name):
    assert create(**{name: (2, 3)}).shape == (2, 3)


@pytest.mark.parametrize("create", FILLERS)
@pytest.mark.parametrize("args", [(), (2.5,), ("a",), (None,), (True,), ((2, 2.5),)], ids=str)
def test_a_shape_is_made_of_integers(create, args):
    with pytest.raises(TypeError):
        create(*args)


@pytest.mark.parametrize("create", FILLERS)
def test_a_shape_is_not_negative(create):
    with pytest.raises(RuntimeError, match="negative dimension"):
        create(2, -1)


# -- filled ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("create", FILLERS)
@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_every_dtype_is_created(create, dtype):
    assert create(2, 3, dtype=dtype).dtype is dtype


@pytest.mark.parametrize("create", FILLERS)
def test_the_default_dtype_is_float32(create):
    assert create(2).dtype is ga.float32


def test_the_default_dtype_can_be_set(float64_by_default):
    assert {ga.zeros(2).dtype, ga.tensor(1.5).dtype, ga.eye(2).dtype, ga.rand(2).dtype} == {ga.float64}


@pytest.mark.parametrize("python", [bool, int, float, complex])
def test_pythons_types_are_dtypes(python):
    assert ga.zeros(2, dtype=python).dtype == np.dtype(python)


@pytest.mark.parametrize(
    ("value", "dtype"), [(True, ga.bool), (1, ga.int64), (1.5, ga.float32), (1j, ga.complex64)], ids=str
)
def test_full_takes_its_dtype_from_the_value(value, dtype):
    x = ga.full((2,), value)
    assert x.dtype is dtype
    assert x.tolist() == [value, value]


def test_full_takes_a_number_only():
    for value in ("a", None, [1, 2]):
        with pytest.raises(TypeError, match="fill_value"):
            ga.full((2,), value)


@pytest.mark.parametrize(
    "make",
    [
        lambda v: ga.full((2, 3), v, dtype=ga.float64),
        lambda v: ga.full_like(ga.zeros(2, 3, dtype=ga.float64), v),
        lambda v: ga.zeros(2, 3, dtype=ga.float64).new_full((2, 3), v),
        lambda v: ga.linspace(0, v, 6, dtype=ga.float64),
        lambda v: ga.linspace(v, v * v, 6, endpoint=False, dtype=ga.float64),
        lambda v: ga.linspace(v, 1, 1, dtype=ga.float64),
    ],
)
def test_a_tensor_in_place_of_a_number_stays_on_the_tape(make):
    value = ga.tensor(3.0, dtype=ga.float64)
    taped = value.clone().requires_grad_()
    out = make(taped)
    assert ga.allclose(out, make(value)) and out.requires_grad
    assert ga.autograd.gradcheck(make, (taped,))
    jacobian = ga.func.jacfwd(make)(value)
    assert ga.allclose(jacobian, ga.func.jacrev(make)(value)) and bool((jacobian != 0).any())
    assert ga.allclose(ga.func.vmap(make)(value[None]), out[None])


def test_a_tensor_in_place_of_a_number_decides_the_dtype_as_the_number_does():
    for value in (1.5, 1j):
        taped = ga.tensor(value, dtype=ga.complex128 if value == 1j else ga.float64, requires_grad=True)
        assert ga.full((2,), taped).dtype is ga.full((2,), value).dtype
        assert ga.linspace(0, taped, 2).dtype is ga.linspace(0, value, 2).dtype
    assert ga.linspace(0, ga.tensor(3.0, requires_grad=True), 3, dtype=ga.int64).tolist() == [0, 1, 3]
    with pytest.raises(RuntimeError, match="shape"):
        ga.full((2,), ga.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="without loss"):
        ga.full((2,), ga.tensor(1j, requires_grad=True), dtype=ga.float32)


@pytest.mark.parametrize(("value", "dtype"), [(300, ga.uint8), (2**31, ga.int32), (float("nan"), ga.int64)], ids=str)
def test_a_number_beyond_the_dtype_is_refused(value, dtype):
    for make in (lambda: ga.full((2,), value, dtype=dtype), lambda: ga.tensor([value], dtype=dtype)):
        with pytest.raises(RuntimeError, match="without overflow"):
            make()


@pytest.mark.parametrize("like", [ga.empty_like, ga.zeros_like, ga.ones_like])
def test_like_takes_shape_and_dtype_but_no_gradient(like):
    x = ga.ones(2, 3, dtype=ga.float64, requires_grad=True)
    y = like(x)
    assert (y.shape, y.dtype, y.device, y.requires_grad) == ((2, 3), ga.float64, x.device, False)
    assert like(x, dtype=ga.int8).dtype is ga.int8
    assert like(x, requires_grad=True).requires_grad


@pytest.mark.parametrize("name", ["empty", "zeros", "ones"])
def test_new_takes_dtype_and_device_of_the_tensor(name):
    x = ga.zeros(1, dtype=ga.int16)
    new = getattr(x, f"new_{name}")
    assert [new(2, 3).dtype, new((2, 3)).dtype, new(size=(2, 3)).dtype] == [ga.int16] * 3
    assert new(2, 3, dtype=ga.double).dtype is ga.float64
    assert new(2, dtype=ga.double, requires_grad=True).requires_grad


def test_new_full_and_new_tensor():
    x = ga.zeros(1, dtype=ga.float64)
    assert x.new_full((2,), 3).tolist() == [3.0, 3.0]
    assert x.new_tensor([1, 2]).dtype is ga.float64
    assert x.new_tensor([1.0], requires_grad=True).is_leaf


# -- ranges ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "kwargs", "values"),
    [
        ((5,), {}, [0, 1, 2, 3, 4]),
        ((1, 5), {}, [1, 2, 3, 4]),
        ((1, 5, 2), {}, [1, 3]),
        ((5, 1, -2), {}, [5, 3]),
        ((), {"end": 3}, [0, 1, 2]),
        ((1,), {"end": 3}, [1, 2]),
        ((), {"start": 1, "stop": 3}, [1, 2]),
        ((0, 1, 0.25), {}, [0.0, 0.25, 0.5, 0.75]),
        ((3.0,), {}, [0.0, 1.0, 2.0]),
        ((0,), {}, []),
        ((5, 1), {}, []),  # empty, as the standard says; PyTorch raises
        ((2**62, 2**62 + 2), {}, [2**62, 2**62 + 1]),
        ((2**63, 2**63 + 2), {"dtype": ga.uint64}, [2**63, 2**63 + 1]),
        ((ga.tensor(3),), {}, [0, 1, 2]),
        ((np.int64(3),), {}, [0, 1, 2]),
    ],
    ids=str,
)
def test_arange(args, kwargs, values):
    x = ga.arange(*args, **kwargs)
    assert x.tolist() == values
    assert x.dtype is kwargs.get("dtype", ga.float32 if any(isinstance(v, float) for v in values) else ga.int64)


@pytest.mark.parametrize("args", [(0, 5, 0), (float("nan"),), (0, float("inf"))], ids=str)
def test_arange_needs_an_end(args):
    with pytest.raises(RuntimeError):
        ga.arange(*args)


def test_linspace():
    assert ga.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert ga.linspace(0, 1, 4, endpoint=False).tolist() == [0.0, 0.25, 0.5, 0.75]
    assert ga.linspace(start=0, end=10, steps=3).tolist() == [0.0, 5.0, 10.0]
    assert ga.linspace(3, 5, 1).tolist() == [3.0]
    assert ga.linspace(0, 1, 0).shape == (0,)
    assert ga.linspace(0, 1j, 3).dtype is ga.complex64
    with pytest.raises(RuntimeError, match="non-negative"):
        ga.linspace(0, 1, -1)


def test_an_evenly_spaced_number_that_its_dtype_does_not_hold_is_refused():
    for call in (
        lambda: ga.linspace(1, 1e30, 3, dtype=ga.int32),
        lambda: ga.linspace(-1, 300, 3, dtype=ga.uint8),
        lambda: ga.arange(1e10, 1e10 + 2, dtype=ga.int32),
    ):
        with pytest.raises(RuntimeError, match="without overflow"):
            call()
    with pytest.raises(TypeError, match="without loss"):
        ga.linspace(1j, 2, 3, dtype=ga.float32)
    assert ga.linspace(-5, 5, 4, dtype=ga.int64).tolist() == [-5, -1, 1, 5]
    assert ga.arange(0, 3, 2**63, dtype=ga.float32).tolist() == [0.0]
    for args in ((), (None,)):
        with pytest.raises(TypeError, match="arange needs one of its arguments"):
            ga.arange(*args)


def test_eye():
    assert ga.eye(2).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert ga.eye(2, 3, k=1, dtype=ga.int8).tolist() == [[0, 1, 0], [0, 0, 1]]
    assert ga.eye(n=2, m=1).shape == (2, 1)
    assert ga.eye(3, k=10**20).sum().item() == 0
    with pytest.raises(RuntimeError, match="greater or equal to 0"):
        ga.eye(-1)


# -- data --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1, ga.int64),
        (1.5, ga.float32),
        (True, ga.bool),
        (1j, ga.complex64),
        ([], ga.float32),
        ([[]], ga.float32),
        ([1, 2], ga.int64),
        ([1, 2.5], ga.float32),
        ([True, 2], ga.int64),
        ([True, False], ga.bool),
        ([1, 1j], ga.complex64),
        ((1, (2)), ga.int64),
        (range(3), ga.int64),
        (np.float64(1), ga.float64),
        (np.int8(1), ga.int8),
        (np.bool_(True), ga.bool),
        ([np.float32(1), 2.0], ga.float32),
        ([1.0, np.float64(2)], ga.float64),
        ([np.int8(1), np.int16(2)], ga.int16),
        ([np.array([1.0, 2.0]), [3.0, 4.0]], ga.float64),
        ([ga.tensor(1.0), 2.0], ga.float32),
        ([ga.tensor([1, 2]), ga.tensor([3, 4])], ga.int64),
    ],
    ids=repr,
)
@pytest.mark.parametrize("create", [ga.tensor, ga.as_tensor, ga.asarray])
def test_the_dtype_of_data(create, data, dtype):
    assert create(data).dtype is dtype


@pytest.mark.parametrize("dtype", ALL, ids=str)
@pytest.mark.parametrize("create", [ga.tensor, ga.as_tensor, ga.asarray, ga.from_numpy])
def test_numpy_arrays_keep_their_dtype(create, dtype):
    assert create(np.ones(2, dtype.__numpy_dtype__)).dtype is dtype


@pytest.mark.parametrize("dtype", ALL, ids=str)
def test_dtype_converts(dtype):
    assert ga.tensor([1, 0], dtype=dtype).tolist() == [1, 0]
    assert ga.tensor(np.array([1.0, 0.0]), dtype=dtype).tolist() == [1, 0]


def test_large_integers():
    assert ga.tensor(2**63 - 1).item() == 2**63 - 1
    assert ga.tensor(2**64 - 1, dtype=ga.uint64).item() == 2**64 - 1
    assert ga.tensor([2**64], dtype=ga.float64).item() == 2.0**64


@pytest.mark.parametrize("data", [[[1, 2], [3]], [[[1], [2]], [[3]]]], ids=repr)
def test_ragged_lists_are_refused(data):
    with pytest.raises(ValueError, match=r"expected sequence of length \d at dim \d \(got \d\)"):
        ga.tensor(data)


@pytest.mark.parametrize(
    "data", ["a", ["a"], None, [None], {}, [1, "a"], [1, [2, 3]], [[1, 2], 3], Ellipsis, np.array(["a"])], ids=repr
)
@pytest.mark.parametrize("dtype", [None, ga.float32, ga.int64])
def test_what_is_no_number_is_refused(data, dtype):
    with pytest.raises(TypeError):
        ga.tensor(data, dtype=dtype)


def test_complex_data_does_not_become_real():
    with pytest.raises(TypeError, match="complex"):
        ga.tensor(1j, dtype=ga.float32)


# -- copies ------------------------------------------------------------------------------------------------------------


def test_tensor_copies():
    a = np.zeros(2)
    x = ga.tensor(a)
    y = ga.tensor(x)
    a[0] = 5
    assert x.tolist() == y.tolist() == [0.0, 0.0]
    x[1] = 7
    assert y.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("create", [ga.as_tensor, ga.asarray, ga.from_numpy, ga.from_dlpack])
def test_the_others_share_memory_with_numpy(create):
    a = np.zeros(2)
    x = create(a)
    a[0] = 5
    x[1] = 7
    assert x.tolist() == a.tolist() == [5.0, 7.0]


def test_memory_is_shared_whatever_the_strides():
    a = np.arange(6).reshape(2, 3)
    x = ga.from_numpy(a.T[::-1])
    x.zero_()
    assert a.tolist() == [[0, 0, 0], [0, 0, 0]]


def test_asarray_copies_when_told():
    a = np.zeros(2)
    x = ga.asarray(a, copy=True)
    a[0] = 5
    assert x.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ga.asarray([1], copy=False),
        lambda: ga.asarray(np.zeros(2), dtype=ga.float32, copy=False),
        lambda: ga.asarray(ga.zeros(2), dtype=ga.float64, copy=False),
    ],
)
def test_asarray_refuses_to_copy_when_told(make):
    with pytest.raises(ValueError, match="copy=False"):
        make()


def test_from_numpy_takes_arrays_only():
    for data in ([1], np.float64(1), ga.zeros(1)):
        with pytest.raises(TypeError, match=r"expected np\.ndarray"):
            ga.from_numpy(data)


# -- the graph ---------------------------------------------------------------------------------------------------------


def test_asarray_of_a_tensor_is_that_tensor():
    x = ga.ones(2, requires_grad=True) * 2
    assert ga.asarray(x) is x
    assert ga.as_tensor(x) is x
    assert ga.asarray(x, dtype=x.dtype, device=x.device) is x


@pytest.mark.parametrize("options", [{"dtype": ga.float64}, {"copy": True}], ids=str)
def test_asarray_keeps_the_graph(options):
    x = ga.ones(2, requires_grad=True)
    y = ga.asarray(x, **options)
    (g,) = ga.autograd.grad((y * 3).sum(), x)
    assert g.dtype is ga.float32
    assert g.tolist() == [3.0, 3.0]


def test_lists_of_tensors_keep_the_graph():
    x = ga.tensor(2.0, requires_grad=True)
    y = ga.asarray([[x, 1.0], [x * x, 0.0]])
    assert y.tolist() == [[2.0, 1.0], [4.0, 0.0]]
    y.sum().backward()
    assert x.grad.item() == 5.0


def test_tensor_leaves_the_graph():
    x = ga.ones(2, requires_grad=True)
    y = ga.tensor(x * 2)
    assert not y.requires_grad
    assert ga.tensor(x, requires_grad=True).is_leaf


def test_asarray_sets_and_clears_the_flag():
    assert ga.asarray([1.0], requires_grad=True).is_leaf
    x = ga.ones(2, requires_grad=True)
    y = ga.asarray(x, requires_grad=False)
    assert not y.requires_grad
    assert x.requires_grad


@pytest.mark.parametrize(
    "make",
    [
        lambda: ga.zeros(2, requires_grad=True),
        lambda: ga.ones((2,), requires_grad=True),
        lambda: ga.empty(2, requires_grad=True),
        lambda: ga.full((2,), 1.0, requires_grad=True),
        lambda: ga.arange(2.0, requires_grad=True),
        lambda: ga.linspace(0, 1, 2, requires_grad=True),
        lambda: ga.eye(2, requires_grad=True),
        lambda: ga.tensor([1.0], requires_grad=True),
        lambda: ga.tensor([1j], requires_grad=True),
        lambda: ga.rand(2, requires_grad=True),
    ],
)
def test_requires_grad_makes_a_leaf(make):
    x = make()
    assert x.requires_grad
    assert x.is_leaf
    assert x.grad_fn is None
    assert x.grad is None


@pytest.mark.parametrize(
    "make",
    [
        lambda: ga.zeros(2, dtype=ga.int64, requires_grad=True),
        lambda: ga.full((2,), 1, requires_grad=True),
        lambda: ga.arange(3, requires_grad=True),
        lambda: ga.tensor([True], requires_grad=True),
        lambda: ga.zeros(2, dtype=ga.uint8).requires_grad_(),
    ],
)
def test_integers_require_no_gradient(make):
    with pytest.raises(RuntimeError, match="floating point"):
        make()
