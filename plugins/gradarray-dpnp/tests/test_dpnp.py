"""The dpnp backend beyond the contract: where dpnp strays from NumPy and the standard, and how the two meet.

The contract itself is gradarray-conformance, which tests/backends/test_contract.py runs on every plugin that is there.
"""

import math
import operator
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("dpnp", reason="dpnp is not installed")
pytest.importorskip("gradarray_dpnp", reason="plugins/gradarray-dpnp is not installed")

import gradarray_dpnp
from gradarray_dpnp import CREATION, DpnpBackend

if why := DpnpBackend().unavailable():
    pytest.skip(why, allow_module_level=True)

import dpctl
import dpctl.utils
import dpnp
from gradarray_dpnp import _array
from gradarray_dpnp._array import IN_FLIGHT, SyclArray, operand
from gradarray_dpnp._kernels import KERNELS
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gradarray as ga
from gradarray.backends import get, resolve

BACKEND = DpnpBackend()
DEVICES = BACKEND.devices()
FIRST = DEVICES[0]
WIDE = "float64" in [dtype.name for dtype in BACKEND.dtypes(FIRST).values()]
FLOATS = ("float32", "complex64", *(("float64", "complex128") if WIDE else ()))

on_every_device = pytest.mark.parametrize("device", DEVICES, ids=str)
on_a_cpu = pytest.mark.skipif(FIRST.type != "cpu", reason="the default SYCL device is no CPU")
nan, inf = math.nan, math.inf


def put(array, device=FIRST):
    return BACKEND.from_numpy(np.asarray(array), device, copy=True)


def same(found, expected):
    """``found``, a tensor or an array, has the dtype, shape and values of NumPy's ``expected``."""
    raw = found.detach()._data if isinstance(found, ga.Tensor) else found
    np.testing.assert_array_equal(raw.asnumpy(), np.asarray(expected), strict=True)


def pointer(array):
    """Where an array's memory starts."""
    raw = array._data if isinstance(array, ga.Tensor) else array
    return raw.__sycl_usm_array_interface__["data"][0] + raw.__sycl_usm_array_interface__["offset"] * raw.itemsize


def leaf(data, device=FIRST, **options):
    return ga.tensor(data, device=device, requires_grad=True, **options)


def python(code, **environ):
    """What a program prints in a process of its own; a variable that is None is unset."""
    variables = {k: v for k, v in {**os.environ, **environ}.items() if v is not None}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# -- found, and light --------------------------------------------------------------------------------------------------


def test_the_plugin_is_light():
    python("""
import sys, numpy, gradarray_dpnp
backend, = gradarray_dpnp.gradarray_backends()
assert not backend.owns(numpy.zeros(1)) and not backend.owns("text")
assert not {"dpnp", "dpctl"} & sys.modules.keys()
assert backend.unavailable() is None
""")


def test_the_entry_point_finds_it():
    assert type(get("dpnp")).__name__ == "DpnpBackend"
    assert resolve("dpnp") == resolve(str(FIRST)) == FIRST
    with pytest.raises(RuntimeError, match=f"there is no device 'dpnp:meta' here; dpnp has {FIRST}"):
        ga.zeros(1, device="dpnp:meta")


def test_devices_are_sycls():
    roots = [d for d in DEVICES if d.type != "part"]
    assert len(roots) == len(dpctl.get_devices())
    assert BACKEND.device_of(dpnp.ones(1)) == FIRST
    for device in roots:
        index = [d for d in roots if d.type == device.type].index(device)
        assert device.index == index and f":{device.type}:" in put([1.0], device).sycl_device.filter_string


@pytest.mark.skipif(
    not Path(sys.prefix, "lib", "libintelocl.so").exists(), reason="intel-opencl-rt is not installed with pip"
)
def test_the_cpu_of_intel_opencl_rt_is_found_without_a_word():
    code = 'from gradarray.backends import require; print(*require("dpnp").devices())'
    assert "dpnp:cpu:0" in python(code, OCL_ICD_FILENAMES=None, ONEAPI_DEVICE_SELECTOR=None)


def test_no_device_says_what_to_install(monkeypatch):
    monkeypatch.setattr(gradarray_dpnp, "_queues", dict)
    monkeypatch.setenv("OCL_ICD_FILENAMES", "/nowhere.so")
    why = BACKEND.unavailable()
    assert "SYCL shows it no device" in why and "pip install intel-opencl-rt" in why and "'/nowhere.so'" in why


@pytest.mark.parametrize("error", [ImportError("libsycl.so.9: no such file"), OSError("a DLL is missing")], ids=repr)
def test_a_broken_dpnp_says_how(monkeypatch, error):
    def refuse():
        raise error

    monkeypatch.setattr(gradarray_dpnp, "_dpnp", refuse)
    assert BACKEND.unavailable() == f"dpnp is installed but cannot be imported: {error}"


def test_a_missing_dpnp_says_what_to_install(monkeypatch):
    def refuse():
        raise ModuleNotFoundError("No module named 'dpnp'", name="dpnp")

    monkeypatch.setattr(gradarray_dpnp, "_dpnp", refuse)
    assert BACKEND.unavailable().startswith("dpnp is not installed; pip install dpnp")


def test_what_a_device_lacks_is_left_out(monkeypatch):
    bare = SimpleNamespace(sycl_device=SimpleNamespace(has_aspect_fp64=False))
    monkeypatch.setattr(gradarray_dpnp, "_queues", lambda: {FIRST: bare})
    names = [dtype.name for dtype in BACKEND.dtypes(FIRST).values()]
    assert {"float32", "complex64", "int64", "uint64"} <= set(names) and not {"float64", "complex128"} & set(names)


@on_every_device
def test_the_tutorial_holds(device):
    command = [sys.executable, "-m", "gradarray", "tutorial", "--device", str(device)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert f"30 programs on {device}: 27 held, 3 not supported" in done.stdout  # .numpy() shares no memory


# -- parts of a device -------------------------------------------------------------------------------------------------

PARTS = """
import gradarray as ga, gradarray_dpnp, dpnp, numpy as np
from gradarray.backends import get
print(*get("dpnp").devices()[-2:])
x = ga.tensor([1.0, 2.0, 3.0], device="dpnp:part:0", requires_grad=True)
w = ga.full((3,), 2.0, device="dpnp:part:1", requires_grad=True)
y = (x * 3).to("dpnp:part:1") * w
(y.to("cpu") ** 2).sum().backward()
print(x.grad.device, w.grad.device, x.grad.tolist(), w.grad.tolist())
for mix in (lambda: x + w, lambda: x.detach().add_(w.detach())):
    try:
        mix()
    except RuntimeError as error:
        print(error)
try:
    dpnp.add(x._data, w._data)
except dpnp.exceptions.ExecutionPlacementError:
    print("dpnp refuses too")
"""


@on_a_cpu
@pytest.mark.skipif(dpctl.select_default_device().max_compute_units < 2, reason="the device has one compute unit")
def test_parts_are_devices_that_do_not_mix():
    devices, grads, *errors, dpnps = python(PARTS, GRADARRAY_DPNP_PARTS="1,1").splitlines()
    assert devices == "dpnp:part:0 dpnp:part:1"
    assert grads == "dpnp:part:0 dpnp:part:1 [72.0, 144.0, 216.0] [36.0, 144.0, 324.0]"
    assert len(errors) == 2 and all("dpnp:part:0" in error and "dpnp:part:1" in error for error in errors)
    assert dpnps == "dpnp refuses too"


def test_parts_that_cannot_be_say_so():
    code = 'from gradarray.backends import get; print(get("dpnp").unavailable())'
    assert "GRADARRAY_DPNP_PARTS is '1000000'" in python(code, GRADARRAY_DPNP_PARTS="1000000")


# -- adopted and handed back -------------------------------------------------------------------------------------------


def test_adopted_without_a_copy():
    a = dpnp.reshape(dpnp.arange(6, dtype="float32"), (2, 3))
    for view in (a, a.T, a[:, 1], a[::-1], a[1, 2], dpnp.broadcast_to(a, (4, 2, 3))):
        x = ga.asarray(view)
        assert pointer(x) == pointer(view) and x.device == ga.device(FIRST)
        assert x._data.strides == view.strides and type(view) is dpnp.ndarray
        same(x, view.asnumpy())
    ga.asarray(a)[0, 0] = 99
    assert a[0, 0] == 99
    assert pointer(ga.tensor(a)) != pointer(a) != pointer(ga.asarray(a, copy=True))
    usm = a.get_array()
    assert pointer(ga.asarray(usm)) == pointer(a)


def test_an_array_on_a_queue_of_its_own_comes_over_to_the_devices():
    queue = dpctl.SyclQueue(put([1.0]).sycl_device)
    a = dpnp.ones(3, dtype="float32", sycl_queue=queue) * 2
    x = ga.asarray(a)
    assert x._data.sycl_queue == put([1.0]).sycl_queue != queue and pointer(x) == pointer(a)
    same(x + ga.ones(3, device=FIRST), np.full(3, 3, np.float32))


@on_a_cpu
def test_an_array_on_an_unknown_part_is_refused():
    try:
        part = dpctl.select_default_device().create_sub_devices(partition=[1])[0]
    except dpctl.SyclSubDeviceCreationError:
        pytest.skip("this device has no parts")
    a = dpnp.ones(3, sycl_queue=dpctl.SyclQueue(part))
    with pytest.raises(RuntimeError, match=r"none of gradarray's .*GRADARRAY_DPNP_PARTS"):
        ga.asarray(a)


def test_handed_back_without_a_copy():
    x = ga.ones(3, device=FIRST)
    a = dpnp.from_dlpack(x)
    assert pointer(a) == pointer(x) and isinstance(x._data, dpnp.ndarray)
    x.add_(1)
    same(a, np.full(3, 2, np.float32))
    assert pointer(ga.from_dlpack(a)) == pointer(a) != pointer(ga.from_dlpack(a, copy=True))
    with pytest.raises(BufferError, match="require gradient"):
        dpnp.from_dlpack(leaf([1.0]))


def test_owns_memory():
    a = put(np.arange(6.0, dtype=np.float32))
    assert BACKEND.owns_memory(a) and BACKEND.owns_memory(a + 1) and BACKEND.owns_memory(a * a)
    for shared in (a[1:], dpnp.reshape(a, (2, 3)), dpnp.broadcast_to(a, (2, 6)), BACKEND.adopt(a)):
        assert not BACKEND.owns_memory(shared) and not BACKEND.owns_memory(a)
        del shared
    theirs = dpnp.ones(3, dtype="float32")
    x = leaf([1.0, 2.0, 3.0])
    (x * 1).backward(ga.asarray(theirs))
    x.grad.add_(1)
    assert theirs.tolist() == [1.0, 1.0, 1.0]
    x.grad = None
    (x * 1).backward(ga.asarray(theirs))
    ga.add(x, 0).backward(ga.asarray(theirs))
    assert theirs.tolist() == [1.0, 1.0, 1.0] and x.grad.tolist() == [2.0, 2.0, 2.0]


def test_nothing_comes_to_the_host_without_a_word():
    x = ga.ones(2, device=FIRST)
    with pytest.raises(TypeError, match=r"Use Tensor\.cpu\(\)"):
        x.numpy()
    for take in (np.asarray, np.from_dlpack, dpnp.asarray):
        with pytest.raises((RuntimeError, TypeError), match=r"Tensor\.cpu\(\)|Unsupported device"):
            take(x)
    host = x.cpu()
    host += 1
    assert (host.device, host.tolist(), x.tolist()) == (ga.device("cpu"), [2.0, 2.0], [1.0, 1.0])
    np.testing.assert_array_equal(np.from_dlpack(x, device="cpu"), np.ones(2, np.float32))


def test_dlpack_from_the_host_is_copied_or_refused():
    host = np.arange(3, dtype=np.float32)
    same(BACKEND.from_dlpack(host, FIRST, copy=None), host)
    with pytest.raises(BufferError, match="must be copied"):
        BACKEND.from_dlpack(host, FIRST, copy=False)


def test_foreign_byte_orders_are_taken():
    same(put(np.arange(3, dtype=">i4")), np.arange(3, dtype=np.int32))


def test_mixing_devices_names_both():
    with pytest.raises(RuntimeError, match=rf"two devices, {FIRST} and cpu! Move one.*x\.to\('{FIRST}'\)"):
        ga.ones(2, device=FIRST) + ga.ones(2)
    same(ga.ones(2, device=FIRST) + ga.tensor(2.0), np.full(2, 3, np.float32))  # 0-d ones of the CPU go along
    with pytest.raises(TypeError):
        ga.ones(2, device=FIRST) + dpnp.ones(2)


def test_transfers_are_differentiable():
    x = leaf([1.0, 2.0, 3.0])
    y = (x * 3).to("cpu") ** 2
    (y.to(FIRST) * x).sum().backward()
    assert x.grad.device == ga.device(FIRST)
    same(x.grad, (27 * np.array([1.0, 2.0, 3.0]) ** 2).astype(np.float32))


# -- in the background -------------------------------------------------------------------------------------------------


def unfinished(queue):
    """Whether the device still computes."""
    events = dpctl.utils.SequentialOrderManager[queue].submitted_events
    return any(event.execution_status != dpctl.event_status_type.complete for event in events)


def test_forward_and_backward_do_not_wait_for_the_device(monkeypatch):
    n = 1500
    host = np.random.default_rng(0).random((n, n), dtype=np.float32)
    x, w = leaf(host), ga.asarray(put(host))
    queue = w._data.sycl_queue

    def run():
        x.grad = None
        y = (x @ w) * (1 / n)
        (2.0 * (y @ w)).sum().backward()

    run()  # what is compiled on first use is waited for
    BACKEND.synchronize(FIRST)
    assert not unfinished(queue)
    monkeypatch.setattr(_array, "_flying", 0)
    run()
    assert unfinished(queue)  # four products of a billion multiplications
    BACKEND.synchronize(FIRST)
    assert not unfinished(queue)
    expected = 2 / n * np.broadcast_to((host @ host.sum(1))[None, :], (n, n))
    np.testing.assert_allclose(x.grad.cpu().numpy(), expected, rtol=1e-4)


@on_a_cpu
def test_not_too_much_is_in_flight_on_a_cpu():
    x = ga.ones(2, device=FIRST)
    for _ in range(3 * IN_FLIGHT):
        x = x * 1.5
        assert _array._flying < IN_FLIGHT


OPERATORS = [
    getattr(operator, name) for name in "add sub mul truediv floordiv mod pow eq ne lt le gt ge iadd isub imul".split()
]
NUMBERS = [2, -3, 0, 2.5, -0.0, inf, nan, 1j, True]


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8", "float32", "complex64"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_numbers_do_as_in_dpnp(dtype):
    """Kept from the host, a number still counts for what it is."""

    def outcome(function, *args):
        try:
            return function(*args).asnumpy()
        except Exception as error:
            return type(error)

    for function in OPERATORS:
        for number in NUMBERS:
            if dtype == "uint8" and number == -3:
                continue  # which dpnp wraps around in some, and refuses in others
            ours, plain = put(np.array([3, 1, 2], dtype)), dpnp.asarray(np.array([3, 1, 2], dtype))
            pairs = [((ours, number), (plain, number))]
            if not function.__name__.startswith("i"):
                pairs.append(((number, ours), (number, plain)))
            for mine, theirs in pairs:
                found, expected = outcome(function, *mine), outcome(function, *theirs)
                if isinstance(expected, type):
                    assert found is expected, (function, number)
                else:
                    np.testing.assert_array_equal(found, expected, strict=True, err_msg=f"{function} {number}")


def test_numbers_are_kept_by_all_that_tells_them_apart():
    x, y = put(np.ones(1, np.float32)), put(np.ones(1, np.float32))
    assert operand(2.0, x) is operand(2.0, y) is not operand(2, x)
    assert np.signbit(operand(-0.0, x).asnumpy()) and not np.signbit(operand(0.0, x).asnumpy())
    assert operand(True, x) is True and operand(1j, x) == 1j and operand(0.5, put([1])) == 0.5
    for i in range(2 * _array.LIMIT):
        operand(float(i), x)
    assert len(_array._numbers) <= _array.LIMIT


# -- the namespace -----------------------------------------------------------------------------------------------------


@on_every_device
def test_created_on_the_device(device):
    n = BACKEND.namespace(device)
    made = {
        "arange": lambda: n.arange(3), "asarray": lambda: n.asarray([1.0]), "empty": lambda: n.empty((2,)),
        "eye": lambda: n.eye(2), "fftfreq": lambda: n.fft.fftfreq(4), "from_dlpack": lambda: n.from_dlpack(np.ones(2)),
        "full": lambda: n.full((2,), 1.0), "linspace": lambda: n.linspace(0.0, 1.0, 3), "ones": lambda: n.ones((2,)),
        "rfftfreq": lambda: n.fft.rfftfreq(4), "zeros": lambda: n.zeros((2,)),
    }  # fmt: skip
    assert set(made) == CREATION
    for make in made.values():
        array = make()
        assert BACKEND.device_of(array) == device and type(array) is SyclArray


FRESH = "abs ceil conj flip floor imag positive real round trunc".split()


@pytest.mark.parametrize("dtype", ["bool", "int32", *FLOATS])
def test_functions_that_must_not_alias(dtype):
    x = put(np.arange(3).astype(dtype))
    for name in FRESH:
        if (dtype == "bool" and name != "flip") or (name == "imag" and x.dtype.kind != "c"):
            continue
        if x.dtype.kind == "c" and name in ("ceil", "floor", "trunc"):
            continue
        out = (KERNELS.get(name) or getattr(BACKEND.namespace(FIRST), name))(x)
        assert out.get_array().usm_data is not x.get_array().usm_data, name


F = lambda *v: np.array(v, np.float32)
C = lambda *v: np.array(v, np.complex64)
# What dpnp gets otherwise: (function, arguments, what NumPy or the standard says).
MENDED = [
    ("acosh", (C(complex(0, nan)),), {}, C(complex(nan, math.pi / 2))),
    ("where", (np.array([True, False]), F(1, 2), 0.0), {}, F(1, 0)),
    ("flip", (np.arange(3),), {}, np.arange(3)[::-1]),
    ("real", (C(1 + 2j),), {}, F(1)),
    ("full_like", (F(1, 2), 3), {}, F(3, 3)),
    ("pow", (F(3, 4), 2), {}, F(9, 16)),
]


@on_every_device
@pytest.mark.parametrize(("name", "arrays", "params", "expected"), MENDED, ids=[case[0] for case in MENDED])
def test_mended(name, arrays, params, expected, device):
    inputs = (ga.asarray(x, device=device) if isinstance(x, np.ndarray) else x for x in arrays)
    same(getattr(ga, name)(*inputs, **params), expected)


@on_every_device
def test_what_is_broadcast_is_computed_with_too(device):
    """By dpnp: "not c-contiguous nor f-contiguous"; and ``rfft`` of ones comes out as [1, 0]."""
    three = ga.broadcast_to(ga.ones((), device=device), (3, 3))
    same(three @ three, np.full((3, 3), 3, np.float32))
    same(three @ three[0], np.full(3, 3, np.float32))
    same(three._data @ three._data, np.full((3, 3), 3, np.float32))
    np.testing.assert_allclose(ga.fft.rfft(three[0]).cpu().numpy(), C(3, 0), atol=1e-6)
    np.testing.assert_allclose(ga.linalg.eigvalsh(three).cpu().numpy(), F(0, 0, 3), atol=1e-6)


@on_every_device
def test_nothing_has_a_transform_too(device):
    x = ga.zeros((0, 4), device=device)  # oneMKL: "invalid configuration value"
    half = ga.fft.rfft(x)
    assert (ga.fft.fft(x).shape, half.shape, ga.fft.irfft(half, n=5).shape) == ((0, 4), (0, 3), (0, 5))
    assert half.dtype is ga.complex64


@on_every_device
def test_a_transform_leaves_its_input_alone(device):
    host = np.array([1 + 1j, 2, 3 - 1j, 4 + 2j], np.complex64)
    x = put(host, device)
    found = BACKEND.kernels(device)["fft.irfft"](x, n=3, axis=0)  # dpnp's sets x[0].imag to 0
    same(x, host)
    np.testing.assert_allclose(found.asnumpy(), np.fft.irfft(host, n=3), rtol=1e-6)


@on_every_device
def test_strong_multiply(device):
    for dtype in ("float32", "complex64"):
        g, p = (np.array(v, dtype) for v in ([0, 0, 2, 2, -0.0], [inf, nan, nan, 3, 3]))
        found = BACKEND.kernels(device)["strong_multiply"](put(g, device), put(p, device))
        np.testing.assert_array_equal(found.asnumpy(), np.array([0, 0, nan, 6, 0], dtype))


def test_special_functions_are_dpnps_where_it_has_them():
    special = BACKEND.special(FIRST)
    assert special.erf is dpnp.scipy.special.erf
    pytest.importorskip("scipy")
    x = leaf([0.5, 2.0])
    ga.special.gammaln(x).sum().backward()
    np.testing.assert_allclose(x.grad.cpu().numpy(), [-1.9635100, 0.42278433], rtol=1e-5)


# -- indexing ----------------------------------------------------------------------------------------------------------

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4)


def put_key(key):
    return tuple(put(k) if isinstance(k, np.ndarray) else k for k in key) if isinstance(key, tuple) else put(key)


def check_indexing(host, key):
    """Reading, writing and adding at ``key`` are NumPy's."""
    raw = put_key(key) if isinstance(key, tuple | np.ndarray) else key
    same(BACKEND.getitem(put(host), raw), host[key])
    value = np.arange(np.size(host[key])).reshape(np.shape(host[key])) + 50
    expected = host.copy()
    expected[key] = value
    same(BACKEND.setitem(put(host), raw, put(value)), expected)
    expected = host.copy()
    np.add.at(expected, ... if isinstance(key, tuple) and not key else key, value)
    same(BACKEND.index_add(put(host), raw, put(value)), expected)


def grid(shape):
    return np.arange(math.prod(shape)).reshape(shape)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.data())
def test_any_basic_key(data):
    shape = data.draw(SHAPES)
    check_indexing(grid(shape), data.draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=7)))


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.data())
def test_any_advanced_key(data):
    """Arrays of integers among slices, integers and an ellipsis; sometimes a mask in the end."""
    shape = data.draw(SHAPES)
    dtype = data.draw(st.sampled_from([np.int64, np.int8]))

    def draw_index(n):
        positions = st.integers(-n, n - 1)
        return data.draw(st.one_of(st.slices(n), positions, hnp.arrays(dtype, 2, elements=positions, unique=n > 1)))

    key = list(map(draw_index, shape[: data.draw(st.integers(1, len(shape)))]))
    if not any(isinstance(k, np.ndarray) for k in key):
        key[-1] = data.draw(hnp.arrays(bool, shape[len(key) - 1]))
    whole = len(key) == len(shape)
    for more in data.draw(st.sets(st.sampled_from([None, ...]))):
        key.insert(data.draw(st.integers(0, len(key))) if whole or more is None else len(key), more)
    key = tuple(key)  # an ellipsis of no dimensions sets arrays apart
    ones = np.zeros(shape, int)
    np.add.at(ones, key, 1)
    if ones.max(initial=0) <= 1:  # else which value stays is not said
        check_indexing(grid(shape), key)
    else:
        same(BACKEND.getitem(put(grid(shape)), put_key(key)), grid(shape)[key])


@pytest.mark.parametrize("count", [1, 2, 3, 100, 1000])
def test_positions_named_many_times_add_up_the_same_every_time(count):
    rng = np.random.default_rng(count)
    key = rng.integers(0, 5, count)
    value = rng.random((count, 2), dtype=np.float32)
    expected = np.zeros((6, 2), np.float64)
    np.add.at(expected, key, value.astype(np.float64))
    added = [BACKEND.index_add(put(np.zeros((6, 2), np.float32)), put(key), put(value)).asnumpy() for _ in range(3)]
    np.testing.assert_allclose(added[0], expected, rtol=1e-5)
    assert all((a == added[0]).all() for a in added)


def test_a_mask_that_does_not_fit_is_refused():
    x = put(grid((3, 2)))
    for mask in (np.ones(2, bool), np.ones((3, 3), bool), np.ones((3, 2, 1), bool)):
        for use in (
            lambda m: BACKEND.getitem(x, m),
            lambda m: BACKEND.setitem(x, m, put(0)),
            lambda m: BACKEND.index_add(x, m, put(0)),
        ):
            with pytest.raises(IndexError):
                use(put(mask))
    same(x, grid((3, 2)))


def test_a_broadcast_view_is_not_written_to():
    base = dpnp.ones(1, dtype="float32")
    x = dpnp.broadcast_to(base, (3,))
    two = ga.tensor([2.0, 2.0, 2.0], device=FIRST)
    writes = (
        lambda: BACKEND.setitem(x, 0, put(np.float32(5))),
        lambda: ga.asarray(x).fill_(2),
        lambda: ga.asarray(x).add_(two),
    )
    for write in writes:
        with pytest.raises((ValueError, RuntimeError), match="read-only"):
            write()
    assert base.tolist() == [1.0]


def test_index_arrays_out_of_bounds_are_clipped():
    same(BACKEND.getitem(put([10, 11, 12]), put([0, 7, -9])), [10, 12, 10])  # as the README says
    with pytest.raises(IndexError):
        ga.arange(3, device=FIRST)[3]


@pytest.mark.parametrize("key", [np.s_[::-1], np.s_[:, ::-1], np.s_[::-1, ::-1]])
def test_where_reads_the_memory_that_is_reversed(key):
    host = np.arange(6.0).reshape(2, 3)
    x = ga.tensor(host, device=DEVICES[0])[key]
    expected = np.where(host[key] > 2, 0, host[key])
    same(ga.where(x > 2, 0.0, x), expected)
    same(ga.where(x <= 2, x, 0.0), expected)


def test_an_array_of_one_integer_gives_a_copy():
    x = ga.tensor(np.arange(6.0).reshape(2, 3), device=DEVICES[0])
    row = x[ga.asarray(1, device=DEVICES[0])[None]][0]
    taken = BACKEND.getitem(x.native(), (BACKEND.from_numpy(np.asarray(1), row._place.device, copy=True), ...))
    x.zero_()
    np.testing.assert_array_equal(BACKEND.to_numpy(taken), [3, 4, 5])
