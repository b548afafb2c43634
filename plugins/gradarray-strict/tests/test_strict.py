"""The array-api-strict backend against its contract, with NumPy for the truth. No tensor, no gradient."""

import re
import subprocess
import sys
from functools import partial
from pathlib import Path

import array_api_strict as xp
import numpy as np
import pytest
from gradarray_strict import CREATION, StrictBackend
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gradarray as ga
from gradarray.backends import Device, DType, get, resolve

BACKEND = StrictBackend()
DEVICES = BACKEND.devices()
PAIRS = [(device, raw, dtype) for device in DEVICES for raw, dtype in BACKEND.dtypes(device).items()]
DEVICE1 = Device("strict", "device1")

on_every_device = pytest.mark.parametrize("device", DEVICES, ids=str)
with_every_dtype = pytest.mark.parametrize(
    ("device", "raw", "dtype"), PAIRS, ids=[f"{device}-{dtype.name}" for device, _, dtype in PAIRS]
)


def grid(shape=(3, 4), dtype="float32"):
    """Distinct values, as far as ``dtype`` has them."""
    return np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)


def put(array, device=DEVICE1):
    """A copy of a NumPy array on ``device``."""
    return BACKEND.from_numpy(np.asarray(array), device, copy=True)


def put_key(key, device=DEVICE1):
    """``key`` with NumPy's arrays replaced by the backend's."""
    if isinstance(key, tuple):
        return tuple(put_key(k, device) for k in key)
    return put(key, device) if isinstance(key, np.ndarray) else key


def check(array, expected, device=DEVICE1):
    """``array`` is the library's, on ``device``, of the dtype, shape and values of ``expected``."""
    assert type(array) in BACKEND.array_types
    assert BACKEND.device_of(array) == device
    host = BACKEND.to_numpy(array)
    assert host.dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(host, expected, strict=True)


def alias(a, b):
    return np.shares_memory(BACKEND.to_numpy(a), BACKEND.to_numpy(b))


# -- availability, devices, dtypes ---------------------------------------------------------------------------


def test_the_plugin_is_light():
    code = """
import sys, numpy, gradarray_strict
backend, = gradarray_strict.gradarray_backends()
assert backend.unavailable() is None and not backend.owns(numpy.zeros(1)) and not backend.owns("text")
assert "array_api_strict" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_entry_point_finds_it():
    assert type(get("strict")).__name__ == "StrictBackend"
    assert resolve("strict") == DEVICES[0] == Device("strict", "CPU_DEVICE")


def test_devices_are_the_library_s():
    assert [xp.Device(device.type) for device in DEVICES] == list(xp.__array_namespace_info__().devices())
    assert {"CPU_DEVICE", "device1", "device2"} <= {device.type for device in DEVICES}
    assert [resolve(str(device)) for device in DEVICES] == list(DEVICES)


def test_owns():
    assert BACKEND.owns(put(grid()))
    assert not BACKEND.owns(grid())
    assert not BACKEND.owns(1.0)


@on_every_device
def test_dtypes_are_those_the_device_has(device):
    table = BACKEND.dtypes(device)
    info = xp.__array_namespace_info__()
    assert {dtype.name: raw for raw, dtype in table.items()} == info.dtypes(device=xp.Device(device.type))
    assert all(isinstance(dtype, DType) for dtype in table.values())
    lacking = {
        "no_float64": {"float64", "complex128"},
        "no_x64": {"float64", "complex128", "int64", "uint64"},
    }
    assert not lacking.get(device.type, set()) & {dtype.name for dtype in table.values()}
    missing = BACKEND.capabilities_on(device).missing
    assert set(missing) == info.dtypes().keys() - info.dtypes(device=xp.Device(device.type)).keys()
    for name, why in missing.items():
        assert device.type in why
        with pytest.raises(TypeError, match=re.escape(why)):
            ga.ones(2, dtype=getattr(ga, name), device=device)


def test_the_known_gaps_are_those_of_the_file():
    """Each fails as its line says; the suite fails where one no longer does, and where another does."""
    file = Path(__file__).parents[1] / "conformance-xfails.txt"
    argv = [sys.executable, "-m", "gradarray", "conformance", "strict:no_x64", "--only", "functions"]
    done = subprocess.run([*argv, "--xfails", file, "--", "-q"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr
    assert "150 known gaps" in done.stdout


# -- memory --------------------------------------------------------------------------------------------------


@with_every_dtype
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)], ids=str)
def test_round_trip(device, raw, dtype, shape):
    host = grid(shape, dtype.name)
    for copy in (False, True):
        array = BACKEND.from_numpy(host, device, copy=copy)
        assert array.dtype == raw
        check(array, host, device)
        assert np.shares_memory(BACKEND.to_numpy(array), host) is (not copy and host.size > 0)


@with_every_dtype
def test_memory_is_shared_and_writable_both_ways(device, raw, dtype):
    host = np.zeros((2, 2), dtype.name)
    array = BACKEND.from_numpy(host, device, copy=False)
    host[0, 0] = 1
    BACKEND.to_numpy(array)[0, 1] = 1
    BACKEND.setitem(array, (1, 0), put(np.ones((), dtype.name), device))
    array[1, 1] = xp.ones((), dtype=raw, device=array.device)
    check(array, np.ones((2, 2), dtype.name), device)
    assert host.all()


@on_every_device
def test_strange_strides_are_shared_too(device):
    host = grid((4, 6))
    for view in (host.T, host[::-1, ::-2], np.broadcast_to(host[0], (2, 6)), host[1:3, None]):
        array = BACKEND.from_numpy(view, device, copy=False)
        check(array, view, device)
        assert np.shares_memory(BACKEND.to_numpy(array), host)


@pytest.mark.parametrize("source", DEVICES, ids=str)
@on_every_device
def test_to_device_copies(source, device):
    array = put(grid(), source)
    moved = BACKEND.to_device(array, device)
    check(moved, grid(), device)
    assert not alias(moved, array)


@with_every_dtype
def test_copy_and_empty(device, raw, dtype):
    array = put(grid(dtype=dtype.name), device)
    check(BACKEND.copy(array), grid(dtype=dtype.name), device)
    assert not alias(BACKEND.copy(array), array)
    empty = BACKEND.empty((2, 0, 3), dtype, device)
    assert (empty.shape, empty.dtype, BACKEND.device_of(empty)) == ((2, 0, 3), raw, device)


@on_every_device
def test_from_dlpack(device):
    for source in (host := grid(), xp.asarray(host, copy=False)):
        for copy in (None, False, True):
            array = BACKEND.from_dlpack(source, device, copy=copy)
            check(array, host, device)
            assert np.shares_memory(BACKEND.to_numpy(array), host) is not copy or copy is None


@on_every_device
def test_no_memory_is_given_away_unseen(device):
    assert not BACKEND.owns_memory(put(grid(), device))


@on_every_device
def test_random_numbers_are_those_of_numpy(device):
    dtype = next(d for d in BACKEND.dtypes(device).values() if d.name == "float32")
    expected = np.random.Generator(np.random.PCG64(3)).random((2, 3), dtype=np.float32)
    check(BACKEND.generator(device, 3).uniform((2, 3), dtype), expected, device)


# -- the namespace -------------------------------------------------------------------------------------------

CREATED = {
    "arange": lambda n: n.arange(3),
    "asarray": lambda n: n.asarray([1.0, 2.0]),
    "empty": lambda n: n.empty(shape=(2,)),
    "empty_like": lambda n: n.empty_like(n.zeros(2)),
    "eye": lambda n: n.eye(2),
    "fftfreq": lambda n: n.fft.fftfreq(4),
    "from_dlpack": lambda n: n.from_dlpack(grid()),
    "full": lambda n: n.full((2,), 1.0),
    "full_like": lambda n: n.full_like(n.zeros(2), 1.0),
    "linspace": lambda n: n.linspace(0.0, 1.0, 3),
    "ones": lambda n: n.ones((2,), device=None),
    "ones_like": lambda n: n.ones_like(n.zeros(2)),
    "rfftfreq": lambda n: n.fft.rfftfreq(4),
    "tril": lambda n: n.tril(n.ones((2, 2))),
    "zeros": lambda n: n.zeros((2,)),
    "zeros_like": lambda n: n.zeros_like(n.zeros(2)),
}


@on_every_device
@pytest.mark.parametrize("name", CREATED)
def test_created_on_the_device(device, name):
    assert BACKEND.device_of(CREATED[name](BACKEND.namespace(device))) == device


def test_every_creation_function_is_bound():
    assert set(CREATED) >= CREATION


def test_a_named_device_or_that_of_an_array_comes_first():
    n, other = BACKEND.namespace(DEVICE1), xp.Device("device2")
    assert n.zeros(2, device=other).device == other
    assert n.asarray(xp.zeros(2, device=other)).device == other
    assert n.from_dlpack(xp.zeros(2, device=other)).device == other
    assert n.asarray([1.0], device=other).device == other


def test_the_namespace_is_the_library_s_otherwise():
    n = BACKEND.namespace(DEVICE1)
    assert n.__name__ == "array_api_strict"
    assert n.exp is xp.exp
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        n.absent
    with xp.ArrayAPIStrictFlags(enabled_extensions=()), pytest.raises(AttributeError, match="disabled"):
        n.fft


@on_every_device
def test_python_scalars_go_where_the_arrays_are(device):
    n = BACKEND.namespace(device)
    x, mask = put(grid((3,)), device), put(np.array([True, False, True]), device)
    index = put(np.array([2, 0], np.int32), device)
    for result in (
        n.where(mask, x, 0.0), n.where(mask, 0.0, x), n.clip(x, 0.0, 1.0), n.maximum(x, 1.0), n.pow(2.0, x),
        n.take(x, index), n.repeat(x, 2), x + 1, 1 - x,
    ):  # fmt: skip
        assert BACKEND.device_of(result) == device
        assert result.dtype == n.float32


# -- views ---------------------------------------------------------------------------------------------------

VIEWS = {
    "broadcast_to": lambda x: xp.broadcast_to(x, (2, 3, 4)),
    "expand_dims": lambda x: xp.expand_dims(x, axis=0),
    "matrix_transpose": xp.matrix_transpose,
    "mT": lambda x: x.mT,
    "moveaxis": lambda x: xp.moveaxis(x, 0, 1),
    "own basic indexing": lambda x: x[1:, ...],
    "permute_dims": lambda x: xp.permute_dims(x, (1, 0)),
    "reshape": lambda x: xp.reshape(x, (2, 6), copy=False),
    "squeeze": lambda x: xp.squeeze(xp.expand_dims(x, axis=1), axis=1),
    "unstack": lambda x: xp.unstack(x)[1],
}


@on_every_device
@pytest.mark.parametrize("name", VIEWS)
def test_views_alias(device, name):
    array = put(grid(), device)
    view = VIEWS[name](array)
    assert alias(view, array)
    BACKEND.setitem(array, (1, 1), put(np.float32(99), device))
    assert 99 in BACKEND.to_numpy(view)
    if name != "broadcast_to":  # one element of memory for several of the view: the library lets none be written
        BACKEND.setitem(view, ..., put(np.float32(-1), device))
        assert -1 in BACKEND.to_numpy(array)


FRESH = {
    "ceil": "iuf",
    "flip": "biufc",
    "floor": "iuf",
    "imag": "c",
    "real": "iufc",
    "trunc": "iuf",
}  # of kinds


@with_every_dtype
def test_functions_that_must_not_alias(device, raw, dtype):
    host = grid(dtype=dtype.name)
    array = put(host, device)
    for name in (name for name, kinds in FRESH.items() if dtype.kind in kinds):
        result = BACKEND.kernels(device)[name](array)
        check(result, getattr(np, name)(host), device)
        assert not alias(result, array)
    check(BACKEND.kernels(device)["flip"](array, axis=1), host[:, ::-1], device)


@on_every_device
def test_strong_multiply(device):
    for name in [dtype.name for dtype in BACKEND.dtypes(device).values() if dtype.kind in "fc"]:
        g, p = (np.array(v, name) for v in ([0, 0, 2, 2, -0.0], [np.inf, np.nan, np.nan, 3, 3]))
        with np.errstate(invalid="ignore"):
            product = BACKEND.kernels(device)["strong_multiply"](put(g, device), put(p, device))
        check(product, np.array([0, 0, np.nan, 6, 0], name), device)


# -- indexing ------------------------------------------------------------------------------------------------

I, M = partial(np.array, dtype=np.int32), partial(np.array, dtype=bool)  # noqa: E741
BASIC = [
    (), ..., None, 1, -1, slice(None), slice(1, 3), slice(None, None, -1), slice(5, 99), slice(2, 1),
    np.int64(1), (1, 2), (1, 2, ...), (..., 1), (1, ...), (slice(None), 1), (None, 1, None, 2),
    (slice(None, None, 2), None), (..., None), (slice(-2, None), slice(3, None, -2)),
    (0, None, ..., slice(1, 2)),
]  # fmt: skip
ADVANCED = [
    I(1), I([0, 2]), I([0, 0, -1]), I([[0, 1], [2, 0]]), I([]), (I([0, 2]), I([1, 3])), (I([0, 0]), 1),
    (I([[0], [2]]), I([1, 3])), (slice(None), I([3, 3, 0])), (..., I([1, 1])), (I([1, 1]), ...),
    (I([2, 0]), None, slice(1, 3)), (1, I([0, 0])), (I([0, 1]), None, I([1, 1])), (1, None, I([1, 1])),
    [0, 2], True, False, M(True), M(False), M([True, False, True]), M(grid() % 3 == 0),
    (M([True, False, True]), 1), (slice(None), M([True, False, True, True])),
    (None, M([False, False, False])), (M([True, False, True]), I([0, 1])),
    (M([True, False, True]), ..., None),
]  # fmt: skip


def in_a_line(key):
    """The name of ``key`` in a test's id."""
    return " ".join(repr(key).split())


on_every_key = pytest.mark.parametrize("key", [*BASIC, *ADVANCED], ids=in_a_line)


def added(host, key, value):
    """``host`` with ``value`` added position by position, in Python."""
    flat = host.copy().reshape(-1)
    positions = np.asarray(np.arange(host.size).reshape(host.shape)[key])
    for position, v in zip(positions.flat, np.broadcast_to(value, positions.shape).flat):
        flat[position] += v
    return flat.reshape(host.shape)


def check_indexing(host, key, device=DEVICE1):
    """All three functions with ``key`` against NumPy; whether the item is a view."""
    raw_key, array = put_key(key, device), put(host, device)
    item = BACKEND.getitem(array, raw_key)
    check(item, np.asarray(host[key]), device)

    value = (np.asarray(host[key]) * 0 + grid(host[key].shape) + 50).astype(host.dtype)
    expected = host.copy()
    expected[key] = value
    written = put(host, device)
    assert BACKEND.setitem(written, raw_key, put(value, device)) is written
    check(written, expected, device)

    summed = BACKEND.index_add(put(host, device), raw_key, put(value, device))
    check(summed, added(host, key, value), device)
    return alias(item, array)


@on_every_device
@on_every_key
def test_indexing(device, key):
    is_view = check_indexing(grid(), key, device)
    assert is_view is (any(key is k for k in BASIC) and grid()[key].size > 0)


@with_every_dtype
def test_indexing_keeps_the_dtype(device, raw, dtype):
    for key in (1, (1, 2), I([0, 0]), M([True, False, True])):
        check_indexing(grid(dtype=dtype.name), key, device)


@pytest.mark.parametrize("key", [(), ..., None, (None, ...), True, M(True), M(False)], ids=repr)
def test_indexing_0_d(key):
    check_indexing(grid(()), key)


@on_every_key
def test_values_broadcast(key):
    host, raw_key, value = grid(), put_key(key), put(np.float32(7))
    expected = host.copy()
    expected[key] = 7
    check(BACKEND.setitem(put(host), raw_key, value), expected)
    check(BACKEND.index_add(put(host), raw_key, value), added(host, key, np.float32(7)))


SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)


@settings(derandomize=True, deadline=None)
@given(st.data())
def test_any_basic_key(data):
    shape = data.draw(SHAPES)
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=7))
    assert check_indexing(grid(shape), key) is (grid(shape)[key].size > 0)


@settings(derandomize=True, deadline=None)
@given(st.data())
def test_any_advanced_key(data):
    """Arrays of integers among slices and integers or, where none was drawn, a mask as the last."""
    shape = data.draw(SHAPES)
    common = data.draw(hnp.array_shapes(max_dims=2, max_side=3))

    def draw_index(n):
        positions = st.integers(-n, n - 1)
        return data.draw(st.one_of(st.slices(n), positions, hnp.arrays(np.int32, common, elements=positions)))

    key = tuple(map(draw_index, shape[: data.draw(st.integers(1, len(shape)))]))
    if not any(isinstance(k, np.ndarray) for k in key):
        key = (*key[:-1], data.draw(hnp.arrays(bool, shape[len(key) - 1])))
    check_indexing(grid(shape), key)


def test_what_overlaps_is_written_as_if_it_did_not():
    array, host = put(grid((6,))), grid((6,))
    getitem = BACKEND.getitem
    BACKEND.setitem(array, slice(1, None), getitem(array, slice(None, -1)))
    host[1:] = host[:-1].copy()
    check(array, host)


@pytest.mark.parametrize("key", [7, (0, 0, 0), I([5]), M([True, False]), (..., ...)], ids=in_a_line)
def test_a_bad_key_is_refused_and_changes_nothing(key):
    array, value = put(grid()), put(np.float32(1))
    for write in (BACKEND.setitem, BACKEND.index_add):
        with pytest.raises(IndexError):
            write(array, put_key(key), value)
    with pytest.raises(IndexError):
        BACKEND.getitem(array, put_key(key))
    check(array, grid())


def test_devices_do_not_mix():
    array, elsewhere = put(grid()), Device("strict", "device2")
    index, value = put(I([0]), elsewhere), put(np.float32(1), elsewhere)
    message = "expected an array on strict:device1, got one on strict:device2"
    with pytest.raises(ValueError, match=message):
        BACKEND.getitem(array, index)
    for write in (BACKEND.setitem, BACKEND.index_add):
        with pytest.raises(ValueError, match=message):
            write(array, index, put(np.float32(1)))
        with pytest.raises(ValueError, match=message):
            write(array, 0, value)
    check(array, grid())


def test_nothing_is_viewed_in_another_shape():
    x = ga.zeros(0, 3, device="strict:device1", requires_grad=True)
    assert x.view(3, 0).shape == (3, 0)
    assert x[::2].view(0).contiguous().flatten().grad_fn.name() == "ViewBackward0"
