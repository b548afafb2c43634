"""What CuPy does that a user of tensors must not notice: each trap, and that a tensor on the device does not fall in.

A trap is shown first with CuPy alone, so that a test fails when CuPy has mended it. Tensors lie on the last device and
the current one is the first. Runs on a GPU, or on the emulator that cuemu.py describes; test_cupy.py tests the backend.
"""

import copy
import operator
import pickle
import threading
import warnings

import numpy as np
import pytest

import gradarray as ga
from gradarray.backends import get

from . import cuemu

if (why := cuemu.problem()) is not None:
    pytest.skip(f"CuPy is not tested here: {why}", allow_module_level=True)

import array_api_compat.cupy as xp
import cupy
import cupyx

BACKEND = get("cupy")
FIRST, LAST = BACKEND.devices()[0], BACKEND.devices()[-1]
needs_two_devices = pytest.mark.skipif(FIRST == LAST, reason="needs two CUDA devices")


def put(values, dtype=None, **options):
    return ga.asarray(np.asarray(values, dtype), device=LAST, **options)


def raw(values, dtype=None, device=FIRST):
    """CuPy's own array; made without what it does to zeros."""
    with cupy.cuda.Device(device.index):
        return cupy.asarray(np.asarray(values, dtype)[None])[0]


def host(tensor):
    return tensor.detach().cpu().numpy()


@pytest.fixture(autouse=True)
def the_current_device_stays():
    assert cupy.cuda.runtime.getDevice() == FIRST.index
    yield
    assert cupy.cuda.runtime.getDevice() == FIRST.index


# -- the current device ------------------------------------------------------------------------------------------------

OPERATIONS = {
    "add": lambda x: x + 1,
    "sum": lambda x: x.sum(),
    "clone": lambda x: x.clone(),
    "astype": lambda x: x.double(),
    "concat": lambda x: ga.concat([x, x]),
    "matmul": lambda x: x @ x.mT,
    "where": lambda x: ga.where(x > 1, x, 0.0),
    "zeros_like": ga.zeros_like,
    "ones_like": ga.ones_like,
    "empty_like": ga.empty_like,
    "asarray": ga.asarray,
    "rand_like": ga.rand_like,
    "full_like": lambda x: ga.full_like(x, 2.0),
    "index": lambda x: x[ga.tensor([0, 0], device=LAST)],
    "mask": lambda x: x[x > 1],
    "cumsum": lambda x: x.cumsum(0),
    "sort": lambda x: ga.sort(x),
    "max": lambda x: x.max(),
    "einsum": lambda x: ga.einsum("ij,kj->ik", x, x),
    "softmax": lambda x: ga.softmax(x, 0),
    "erf": ga.special.erf,
    "by SciPy": lambda x: ga.special.jv(1.0, x),
    "view": lambda x: x[1:].reshape(-1).mT if x.ndim > 2 else x[1:],
}


@needs_two_devices
def test_cupy_computes_on_the_current_device():
    y = raw([1.0, 2.0], device=LAST)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of access between devices
        try:
            results = [y + 1, y.sum(), cupy.zeros_like(y), cupy.concatenate([y, y])]
        except ValueError:  # where the devices cannot reach each other's memory
            return
    assert {result.device.id for result in results} == {FIRST.index}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_stays_on_the_device_of_its_operands(name):
    x = put([[0.5, -2.0, 3.0], [4.0, 1.5, 2.0]], "float32").requires_grad_()
    out = OPERATIONS[name](x)
    assert out.device == LAST and out._data.device.id == LAST.index
    if out.requires_grad:
        (g,) = ga.autograd.grad(out.sum(), x, create_graph=True)
        assert g.device == LAST and g._data.device.id == LAST.index


@needs_two_devices
@pytest.mark.parametrize(
    "mix",
    [
        operator.add, operator.matmul, lambda x, y: ga.concat([x, y]), lambda x, y: ga.where(x > 0, x, y),
        lambda x, y: x.add_(y),
    ],
    ids=["add", "matmul", "concat", "where", "add_"],
)  # fmt: skip
def test_tensors_on_two_devices_do_not_mix(mix):
    """CuPy reads the other device's memory, where it can, and warns."""
    x, y = ga.ones(3, device=FIRST), ga.ones(3, device=LAST)
    with pytest.raises(RuntimeError, match=rf"{FIRST} and {LAST}|{LAST} and {FIRST}"):
        mix(x, y)
    assert x.tolist() == y.tolist() == [1, 1, 1]


@needs_two_devices
def test_what_is_written_and_what_it_is_written_by_come_along():
    x, y = ga.zeros(3, device=FIRST), ga.tensor([7.0, 8.0, 9.0], device=LAST)
    x[ga.tensor([2, 0], device=LAST)] = y[1:]
    x[1:2] = y[:1]
    assert x.tolist() == [9, 7, 8] and x._data.device.id == FIRST.index


CREATED = {
    "zeros": lambda **o: ga.zeros(2, 3, **o),
    "ones": lambda **o: ga.ones(2, **o),
    "empty": lambda **o: ga.empty(2, **o),
    "full": lambda **o: ga.full((2,), 3.0, **o),
    "eye": lambda **o: ga.eye(3, **o),
    "arange": lambda **o: ga.arange(3, **o),
    "linspace": lambda **o: ga.linspace(0, 1, 3, **o),
    "tensor": lambda **o: ga.tensor([1.0], **o),
    "rand": lambda **o: ga.rand(2, **o),
    "randn": lambda **o: ga.randn(2, **o),
    "randint": lambda **o: ga.randint(0, 9, (2,), **o),
    "randperm": lambda **o: ga.randperm(4, **o),
    "zeros_like": lambda **o: ga.zeros_like(ga.ones(2), **o),
    "asarray": lambda **o: ga.asarray(np.ones(2), **o),
    "from_dlpack": lambda **o: ga.from_dlpack(np.ones(2), **o),
}


@needs_two_devices
def test_array_api_compat_ignores_the_device():
    created = [
        xp.zeros(2, device=cupy.cuda.Device(1)),
        xp.arange(3, device=cupy.cuda.Device(1)),
        xp.ones(2, device="cpu"),
    ]
    assert {array.device.id for array in created} == {FIRST.index}


@pytest.mark.parametrize("name", CREATED)
def test_what_is_created_lies_where_it_was_asked_to(name):
    made = CREATED[name](device=LAST)
    assert made.device == LAST and made._data.device.id == LAST.index
    with LAST:
        assert name in ("asarray", "from_dlpack", "zeros_like") or CREATED[name]().device == LAST


def test_devices_are_values_and_one_that_is_not_there_is_told():
    with pytest.raises(TypeError):
        hash(cupy.cuda.Device(0))
    assert {ga.device("cuda:0"): 1}[FIRST] == 1 and str(cupy.cuda.Device(99)) == "<CUDA Device 99>"
    with pytest.raises(RuntimeError, match=rf"there is no device 'cuda:99' here; cupy has {FIRST}"):
        ga.ones(2, device="cuda:99")


def test_threads():
    """In a new thread CuPy's current device is the first."""
    x, seen = put([1.0, 2.0]).requires_grad_(), []

    def work():
        y = (x * x).sum()
        (g,) = ga.autograd.grad(y, x)
        seen.append((y._data.device.id, g._data.device.id, g.tolist(), cupy.cuda.runtime.getDevice()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(LAST.index, LAST.index, [2.0, 4.0], FIRST.index)] * 4


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"])
def test_copies_come_back_to_their_device(again):
    if FIRST != LAST and again is not copy.deepcopy:
        assert again(raw([1.0], device=LAST)).device.id == FIRST.index
    x = again(put([1.0, -0.0]).requires_grad_())
    assert x.device == LAST and x._data.device.id == LAST.index and x.requires_grad
    assert np.signbit(host(x)).tolist() == [False, True]


def test_streams():
    """CuPy refuses a stream of another device; an operation on this one enters its device first."""
    x = put(np.arange(6.0)).requires_grad_()
    with cupy.cuda.Device(FIRST.index), cupy.cuda.Stream(non_blocking=True):
        y = (x * 2).sum()
        y.backward()
    assert y.item() == 30 and x.grad.tolist() == [2.0] * 6 and x.grad._data.device.id == LAST.index


def test_no_hidden_waiting():
    x = put(np.arange(6.0).reshape(2, 3)).requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CuPy says that this check is experimental
        with cupyx.allow_synchronize(False):
            (ga.where(x > 1, x.exp() / 2, 0.0) @ x.mT).mean().backward()
            with pytest.raises(cupyx.DeviceSynchronized):
                x.sum().item()
    assert x.grad.shape == (2, 3)


# -- to the host and back ----------------------------------------------------------------------------------------------


def test_moving_there_and_back():
    x = ga.tensor([[1.0, -0.0], [3.0, 4.0]], requires_grad=True)
    there = x.to(LAST)
    back = (there.mT * 2).to("cpu")
    back.sum().backward()
    assert there.device == LAST and type(back._data) is np.ndarray and x.grad.tolist() == [[2, 2], [2, 2]]
    assert x.grad.device == x.device
    if FIRST != LAST:
        assert there.to(FIRST)._data.device.id == FIRST.index


def test_nothing_leaves_the_device_in_silence():
    x = put([1.0, 2.0])
    with pytest.raises(TypeError, match=r"\.cpu\(\)"):
        x.numpy()
    with pytest.raises((TypeError, RuntimeError), match="cpu"):
        np.asarray(x)
    with pytest.raises(TypeError):
        raw([1.0, 2.0]) + np.ones(2)
    assert (x + np.ones(2)).device == LAST
    with pytest.raises(RuntimeError, match=f"{LAST} and cpu|cpu and {LAST}"):
        x + ga.ones(2)
    assert (x + np.float32(1)).tolist() == (x + ga.tensor(1.0)).tolist() == (x + np.array(1.0)).tolist() == [2, 3]


VALUES = [np.array([7.0, 8.0, 9.0]), [7.0, 8.0, 9.0], -0.0, np.float64(-0.0), np.array(-0.0), [-0.0, -0.0, -0.0]]


@pytest.mark.parametrize("value", VALUES, ids=repr)
@pytest.mark.parametrize("key", [..., slice(None), 1, (slice(None), slice(None)), (0, ...)], ids=repr)
def test_setitem_from_the_host(key, value):
    """CuPy refuses NumPy's arrays and lists for basic keys, and writes 0.0 for -0.0."""
    trap = cupy.ones((2, 3))
    if np.ndim(value):
        with pytest.raises(ValueError, match="cannot be used for fill"):
            trap[...] = np.asarray(value)
    else:
        trap[...] = value
        assert not np.signbit(trap.get()).any()
    x, expected = put(np.ones((2, 3))), np.ones((2, 3))
    x[key] = value
    expected[key] = value
    np.testing.assert_array_equal(host(x), expected)
    np.testing.assert_array_equal(np.signbit(host(x)), np.signbit(expected))
    assert x._data.device.id == LAST.index


def test_one_element_as_a_number():
    x = put([3], "int64")
    with pytest.raises(TypeError):
        operator.index(raw(3))
    assert ([10, 11, 12, 13][x[0]], list(range(x[0])), int(x[0]), float(x), bool(x), x.item()) == (
        13, [0, 1, 2], 3, 3.0, True, 3,
    )  # fmt: skip


def test_big_endian_and_strided_host_arrays():
    source = np.arange(6, dtype=">f8").reshape(2, 3)[::-1, ::2]
    assert ga.asarray(source, device=LAST).tolist() == source.tolist()
    with pytest.raises(TypeError, match="float16"):
        ga.asarray(cupy.ones(2, "float16"))


# -- values ------------------------------------------------------------------------------------------------------------

ZEROS = {
    "tensor": lambda: ga.tensor(-0.0, device=LAST),
    "asarray": lambda: put(-0.0),
    "list": lambda: ga.tensor([-0.0], device=LAST),
    "full": lambda: ga.full((2,), -0.0, device=LAST),
    "full_like": lambda: ga.full_like(put([1.0]), -0.0),
    "fill_": lambda: put([1.0, 2.0]).fill_(-0.0),
    "zero times": lambda: put([0.0]) * -1,
    "neg": lambda: -put(0.0),
    "scatter": lambda: put([1.0]).scatter(0, ga.tensor([0], device=LAST), ga.full((1,), -0.0, device=LAST)),
    "masked": lambda: put([1.0]).masked_fill(put([True]), -0.0),
    "to": lambda: ga.tensor(-0.0).to(LAST),
    "complex": lambda: ga.tensor(complex(-0.0, -0.0), device=LAST).imag,
    "add": lambda: put(-0.0) + put(-0.0),
}


@pytest.mark.parametrize("name", ZEROS)
def test_minus_zero(name):
    """CuPy's ``asarray(-0.0)`` and ``fill(-0.0)`` give 0.0."""
    trap = cupy.ones(1)
    trap.fill(-0.0)
    assert not np.signbit(cupy.asarray(-0.0).get()) and not np.signbit(trap.get()).any()
    assert np.signbit(host(ZEROS[name]())).all()


def test_remainder_by_infinity():
    assert np.isnan(cupy.remainder(raw([5.0]), raw([-np.inf])).get()).all()
    x = [5.0, -5.0, 0.0, -0.0]
    for y in (np.inf, -np.inf):
        np.testing.assert_array_equal(host(ga.remainder(put(x), y)), np.remainder(x, y))


def test_integers_are_computed_with_as_reals_in_the_default_dtype():
    assert cupy.exp(raw([1], "int8")).dtype == cupy.float16
    assert ga.exp(put([1], "int8")).dtype is ga.float32 and ga.sqrt(put([4])).dtype is ga.float32


def test_what_bools_have_not():
    assert cupy.sign(raw([True])).dtype == np.int8
    for refused in (operator.neg, ga.sign, lambda x: x - x):
        with pytest.raises((TypeError, RuntimeError)):
            refused(put([True]))


def test_integers_to_negative_powers():
    assert (raw([2, 1]) ** -1).tolist() == [0, 1]
    with pytest.raises((ValueError, RuntimeError), match="negative integer powers"):
        put([2, 1]) ** -1


def test_integers_are_no_reals_in_place():
    x = put([1, 2])
    with pytest.raises(RuntimeError, match="can't be cast"):
        x += 1.5
    assert x.tolist() == [1, 2]
    y = put([1.0], "float32")
    y += put([1.5], "float64")
    assert y.dtype is ga.float32 and y.tolist() == [2.5]


def test_limits_are_numbers_of_pythons():
    assert type(cupy.finfo(cupy.float32).eps) is np.float32
    for name in ("eps", "max", "min", "smallest_normal"):
        assert type(getattr(ga.finfo(ga.float32), name)) is float
    assert type(ga.iinfo(ga.int8).max) is int


def test_sorting_of_scalars_and_descending():
    with pytest.raises(ValueError, match="rank of zero"):
        cupy.sort(raw(1.0))
    assert ga.sort(put(1.0)).item() == 1.0
    assert ga.sort(put([1.0, np.nan, 3.0]), descending=False).tolist()[:2] == [1.0, 3.0]
    assert ga.argsort(put([1, 3, 3, 2]), descending=True, stable=True).tolist() == [1, 2, 3, 0]


def test_numbers_for_conditions_and_counts():
    with pytest.raises(AttributeError):
        cupy.where(True, 1, 2)
    x = put([1.0, 2.0])
    assert ga.where(ga.tensor(True), x, 0.0).tolist() == [1.0, 2.0]
    assert ga.repeat(x, 2).tolist() == [1, 1, 2, 2] and ga.repeat(x, put([1, 2])).tolist() == [1, 2, 2]


def test_complex_linspace():
    with pytest.raises(TypeError):
        cupy.linspace(0, 1j, 3)
    assert ga.linspace(0, 1 + 1j, 3, device=LAST).tolist() == [0, 0.5 + 0.5j, 1 + 1j]


# -- memory ------------------------------------------------------------------------------------------------------------


def test_what_is_broadcast_is_not_written_through():
    source = raw([0.0, 1.0, 2.0])
    cupy.broadcast_to(source, (2, 3))[...] += 1  # the order of two writes to one place is nobody's
    x = put([0.0, 1.0, 2.0])
    spread = ga.broadcast_to(x, (2, 3))
    with pytest.raises(RuntimeError, match="single memory location"):
        spread.add_(1)
    assert x.tolist() == [0, 1, 2]
    spread[0, 0] = 5  # of one place, as in PyTorch
    assert x.tolist() == [5, 1, 2]


def test_functions_that_give_new_memory_give_new_memory():
    source = raw([1.0])
    assert cupy.real(source) is source
    x = put([1.0, 2.0])
    for y in (ga.flip(x), x.clone(), ga.asarray(x, copy=True), ga.astype(x, ga.float64, copy=True), ga.real(x + 0j)):
        y[0] = 9
    assert x.tolist() == [1, 2]


@pytest.mark.parametrize(
    "dtype", ["bool", "int8", "uint8", "int16", "int32", "uint64", "float32", "complex64", "complex128"]
)
def test_duplicate_positions_add_up(dtype):
    """CuPy's ``add.at`` takes few dtypes."""
    if dtype in ("bool", "int8", "complex64"):
        with pytest.raises(TypeError):
            cupy.add.at(raw([0, 0], dtype), raw([0, 0]), raw([1, 1], dtype))
    ones, index = put([1, 1, 1], dtype), ga.tensor([0, 0, 1], device=LAST)
    out = ga.zeros(2, dtype=ones.dtype, device=LAST).index_add(0, index, ones) if dtype != "bool" else None
    if out is not None:
        assert out.dtype == ones.dtype and out.tolist() == [2, 1]
    if dtype.startswith(("float", "complex")):
        x = put([1, 2], dtype).requires_grad_()
        x[index].sum().abs().backward()
        np.testing.assert_allclose(host(x.grad), np.array([2, 1], dtype), rtol=1e-6)


def test_an_index_array_out_of_bounds_wraps_and_an_integer_is_checked():
    x = put([0.0, 1.0, 2.0])
    assert x[ga.tensor([3, -4], device=LAST)].tolist() == [0.0, 2.0]  # CuPy's, documented in its backend's notes
    with pytest.raises(IndexError):
        x[3]


def test_out_of_memory():
    """The error is Python's, nothing has changed, and the memory that is cached is found again."""
    x = put(np.ones(1000)).requires_grad_()
    with pytest.raises(MemoryError):
        ga.empty(1 << 44, dtype=ga.float64, device=LAST)
    with cupy.cuda.Device(LAST.index):
        pool = cupy.get_default_memory_pool()
        pool.free_all_blocks()
        limit, used = pool.get_limit(), pool.total_bytes()
        pool.set_limit(size=used + (1 << 20))
    try:
        with pytest.raises(MemoryError):
            x.detach().repeat(1 << 10)
        y = ga.zeros(1000, device=LAST)
        with pytest.raises(MemoryError):
            y.add_(ga.broadcast_to(x.detach(), (1 << 10, 1000)).sum(0) + ga.zeros(1 << 10, 1000, device=LAST))
        assert y.tolist() == [0.0] * 1000
        for size in (1 << 16, 1 << 17, 1 << 16):  # in sum more than the limit, but never at once
            ga.zeros(size, dtype=ga.float32, device=LAST)
        (x * 2).sum().backward()
    finally:
        with cupy.cuda.Device(LAST.index):
            pool.set_limit(size=limit)
    assert x.grad.tolist() == [2.0] * 1000


# -- random numbers ----------------------------------------------------------------------------------------------------


def test_random_numbers_are_those_of_the_cpu_and_do_not_ask_cupy(monkeypatch):
    """CuPy's generators lack most methods, live on one device, and give a seed other numbers on another GPU."""
    for missing in ("normal", "permutation", "shuffle", "choice"):
        assert not hasattr(cupy.random.Generator, missing)
    monkeypatch.setattr(cupy.random, "default_rng", None)
    draws = [
        lambda device: ga.rand(5, device=device), lambda device: ga.randn(5, device=device),
        lambda device: ga.randint(-3, 4, (20,), device=device), lambda device: ga.randperm(9, device=device),
    ]  # fmt: skip
    numbers = {}
    for device in ("cpu", FIRST, LAST):
        ga.manual_seed(5)
        numbers[device] = [draw(device).tolist() for draw in draws]
    assert numbers["cpu"] == numbers[FIRST] == numbers[LAST]


# -- other libraries ---------------------------------------------------------------------------------------------------


def test_dlpack():
    x = put([1.0, 2.0])
    with pytest.raises(TypeError):
        cupy.from_dlpack(np.ones(2))
    assert ga.from_dlpack(np.ones(2), device=LAST)._data.device.id == LAST.index
    for made, shared in ((ga.from_dlpack(x._data), True), (ga.from_dlpack(x._data, copy=True), False)):
        assert made.device == LAST and bool(cupy.may_share_memory(made._data, x._data)) is shared
    taken = cupy.from_dlpack(x)
    assert taken.device.id == LAST.index and cupy.may_share_memory(taken, x._data)
    with pytest.raises((RuntimeError, BufferError, TypeError)):
        np.from_dlpack(x)
    assert np.from_dlpack(x, device="cpu").tolist() == [1.0, 2.0]
    with pytest.raises((RuntimeError, BufferError), match="grad"):
        cupy.from_dlpack(put([1.0]).requires_grad_())


def test_cupys_arrays_are_adopted_where_they_lie():
    array = raw([1.0, 2.0], device=LAST)
    x = ga.asarray(array)
    assert x.device == LAST and x._data is array
    x += 1
    assert array.tolist() == [2.0, 3.0]


def test_cupy_does_not_compute_past_the_tape():
    """An object with ``__cuda_array_interface__`` is taken by every function of CuPy's, and its history is lost."""
    x = put([1.0, 2.0]).requires_grad_()
    for name in ("__cuda_array_interface__", "__cupy_get_ndarray__"):
        assert not hasattr(x, name)
    for function in (cupy.exp, cupy.sum, lambda t: cupy.ones(2) + t):
        try:
            out = function(x)
        except TypeError:
            continue
        assert isinstance(out, ga.Tensor) and out.requires_grad
    assert np.exp(x).requires_grad and np.exp(x).device == LAST
