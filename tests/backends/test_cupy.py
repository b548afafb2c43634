"""The CuPy backend where CuPy, or array-api-compat's namespace of it, strays from the standard. NumPy is the truth.

Runs on a GPU, or on the emulator that cuemu.py describes; is skipped where there is neither.
"""

import subprocess
import sys
import threading
import warnings
from contextlib import contextmanager

import numpy as np
import pytest

from gradarray.backends import Device, get

from . import cuemu

if (why := cuemu.problem()) is not None:
    pytest.skip(f"CuPy is not tested here: {why}", allow_module_level=True)

import array_api_compat.cupy as xp
import cupy
import cupyx.scipy.special

BACKEND = get("cupy")
DEVICES = BACKEND.devices()
KERNELS = BACKEND.kernels(DEVICES[0])
SPECIAL = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.5, -7.0, np.inf, -np.inf, np.nan]

needs_two_devices = pytest.mark.skipif(len(DEVICES) < 2, reason="needs two CUDA devices")
needs_a_gpu = pytest.mark.skipif(cuemu.EMULATED, reason="not run: the emulator has no cuFFT")
on_every_device = pytest.mark.parametrize("device", DEVICES, ids=str)


def put(array, device=DEVICES[0]):
    """``array`` on ``device``; made by CuPy itself, not by what is tested."""
    with cupy.cuda.Device(device.index):
        return cupy.asarray(np.asarray(array)[None])[0]


def check(array, expected, *, ulp=0):
    """The dtype, shape, values and signs of zero of ``array``; complex numbers are compared by their parts."""
    assert isinstance(array, cupy.ndarray)
    host, expected = array.get(), np.asarray(expected)
    assert (host.dtype, host.shape) == (expected.dtype, expected.shape)
    for a, b in ((host.real, expected.real), (host.imag, expected.imag)):
        if host.dtype.kind in "fc":
            limit = ulp * np.finfo(host.dtype).eps
            np.testing.assert_allclose(a, b, rtol=limit, atol=limit if ulp else 0, equal_nan=True)
            number = ~np.isnan(b)
            np.testing.assert_array_equal(np.signbit(a)[number], np.signbit(b)[number])
        else:
            np.testing.assert_array_equal(a, b)


@contextmanager
def no_waiting():
    """Raise where the host waits for the device."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CuPy says that this check is experimental
        with cupyx.allow_synchronize(False):
            yield


def current():
    return cupy.cuda.runtime.getDevice()


# -- without CuPy ------------------------------------------------------------------------------------------------------


def test_the_module_is_light():
    program = """
import sys
from gradarray.backends import get
backend = get("cupy")
dtypes = backend.dtypes(None), backend.kernels(None), backend.capabilities
assert not {"cupy", "cupyx", "array_api_compat.cupy"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_old_cupy_is_refused(monkeypatch):
    monkeypatch.setattr(cupy, "__version__", "13.6.0")
    assert BACKEND.unavailable().startswith("CuPy 14 or newer is needed, found 13.6.0; install it with `pip install")


def test_no_driver_is_told_in_cudas_words(monkeypatch):
    def fail():
        raise cupy.cuda.runtime.CUDARuntimeError(35)

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", fail)
    assert "finds no usable NVIDIA driver and GPU: cudaError" in BACKEND.unavailable()


def test_no_device(monkeypatch):
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 0)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert BACKEND.unavailable().endswith("CUDA shows it no device (CUDA_VISIBLE_DEVICES is '')")


def test_no_compiler(monkeypatch):
    def fail():
        raise RuntimeError("libnvrtc.so was not found.")

    monkeypatch.setattr(cupy.cuda.nvrtc, "getVersion", fail)
    assert "(NVRTC): libnvrtc.so was not found. Install the CUDA toolkit, or `pip install" in BACKEND.unavailable()


# -- the current device ------------------------------------------------------------------------------------------------


def test_devices_are_named_as_pytorch_names_them():
    assert [str(device) for device in DEVICES] == [f"cuda:{i}" for i in range(cupy.cuda.runtime.getDeviceCount())]


def test_one_device_needs_no_scope(monkeypatch):
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 1)
    assert BACKEND.scope(DEVICES[0]) is None


@needs_two_devices
def test_scopes_nest_and_give_back():
    first, second = map(BACKEND.scope, DEVICES[:2])
    assert current() == 0
    with pytest.raises(ZeroDivisionError), second():
        assert current() == 1
        with first():
            assert current() == 0
            with second(), second():
                assert current() == 1
        assert current() == 1
        1 / 0
    assert current() == 0


@needs_two_devices
def test_threads_share_a_scope():
    scope, seen = BACKEND.scope(DEVICES[1]), []
    inside, go = threading.Barrier(3), threading.Event()

    def work():
        with scope():
            inside.wait(10)
            go.wait(10)
            seen.append(current())
        seen.append(current())

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(10)
    assert current() == 0
    go.set()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [0, 0, 1, 1]


KERNEL_CALLS = {
    "acosh": lambda f, x: f(x + 2j),
    "argsort": lambda f, x: f(x, descending=True),
    "asarray": lambda f, x: f(-0.0, dtype=x.dtype),
    "clip": lambda f, x: f(x, 1.0, x),
    "cumulative_prod": lambda f, x: f(x, axis=1),
    "cumulative_sum": lambda f, x: f(x, axis=1, include_initial=True),
    "expm1": lambda f, x: f(x + 2j),
    "flip": lambda f, x: f(x, axis=0),
    "imag": lambda f, x: f(x + 2j),
    "linalg.solve": lambda f, x: f(x[:, :2], x[:, :0]),
    "linspace": lambda f, x: f(0, 1j, 3),
    "log": lambda f, x: f(x + 2j),
    "log10": lambda f, x: f(x + 2j),
    "log1p": lambda f, x: f(x + 2j),
    "log2": lambda f, x: f(x + 2j),
    "pow": lambda f, x: f(x, 2),
    "real": lambda f, x: f(x),
    "relu_backward": lambda f, x: f(x, x),
    "remainder": lambda f, x: f(x, 2.0),
    "sigmoid_backward": lambda f, x: f(x, x),
    "sign": lambda f, x: f(x),
    "sort": lambda f, x: f(x, descending=True),
    "special.exp1": lambda f, x: f(x),
    "special.yn": lambda f, x: f(x, x),
    "strong_multiply": lambda f, x: f(x, x),
    "tan": lambda f, x: f(x + 2j),
    "tanh": lambda f, x: f(x + 2j),
    "tanh_backward": lambda f, x: f(x, x),
    "where": lambda f, x: f(True, x, 0.0),
}
OTHER_CALLS = {
    "astype": lambda f, x: f(x, np.dtype("int8")),
    "concat": lambda f, x: f([x, x]),
    "count_nonzero": lambda f, x: f(x),
    "eye": lambda f, x: f(3),
    "full": lambda f, x: f((2,), 1.0),
    "matmul": lambda f, x: f(x, x.T),
    "max": lambda f, x: f(x, axis=0),
    "mean": lambda f, x: f(x),
    "std": lambda f, x: f(x, axis=1),
    "sum": lambda f, x: f(x),
    "take": lambda f, x: f(x, cupy.arange(2), axis=1),
    "tril": lambda f, x: f(x),
    "zeros_like": lambda f, x: f(x),
}


def test_every_kernel_is_the_standards_or_scipys():
    assert set(KERNEL_CALLS) | {"fft.fftn", "fft.ifftn", "fft.irfftn", "fft.rfftn"} == set(KERNELS)
    modules = {"": xp, "fft": xp.fft, "linalg": xp.linalg, "special": cupyx.scipy.special}
    for name in set(KERNELS) - {"strong_multiply", "relu_backward", "sigmoid_backward", "tanh_backward"}:
        module, _, function = name.rpartition(".")
        assert hasattr(modules[module], function)


@on_every_device
@pytest.mark.parametrize("name", [*KERNEL_CALLS, *OTHER_CALLS])
def test_nothing_leaves_the_device_or_waits_for_it(device, name):
    call, x = (KERNEL_CALLS | OTHER_CALLS)[name], put([[1.5, -2.0, 3.0], [4.0, 0.0, 2.0]], device)
    with (BACKEND.scope(device) or no_waiting)(), no_waiting():  # and a warning of access between devices is an error
        result = call(KERNELS.get(name) or getattr(xp, name), x)
    assert BACKEND.device_of(result) == device


@on_every_device
def test_methods_need_no_scope(device):
    x = put(np.arange(6.0).reshape(2, 3), device)
    index, value = put(np.array([0, 0]), device), put(np.ones((2, 3)), device)
    results = [
        BACKEND.copy(x), BACKEND.index_add(x.copy() if current() == device.index else BACKEND.copy(x), index, value),
        BACKEND.setitem(BACKEND.copy(x), index, value), BACKEND.from_numpy(np.ones(2), device, copy=False),
        BACKEND.from_numpy(np.array(-0.0), device, copy=False), BACKEND.from_dlpack(x, device, copy=True),
    ]  # fmt: skip
    assert {BACKEND.device_of(result) for result in results} == {device}
    assert current() == 0


# -- minus zero --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        -0.0,
        np.float32(-0.0),
        np.array(-0.0),
        complex(-0.0, -0.0),
        complex(1, -0.0),
        np.array(complex(-0.0, 0.0)),
        [-0.0],
    ],
    ids=repr,
)
def test_asarray_keeps_the_sign_of_zero(value):
    check(KERNELS["asarray"](value), value)
    dtype = np.dtype("complex64" if np.iscomplexobj(value) else "float32")
    check(KERNELS["asarray"](value, dtype=dtype), np.asarray(value, dtype=dtype))


@pytest.mark.parametrize("value", [True, 3, -(2**63), 2**64 - 1, 1.5, 1j, np.int8(3), [1, 2], [[1.5], [2]]], ids=repr)
def test_asarray_infers_as_numpy_does(value):
    check(KERNELS["asarray"](value), value)


def test_asarray_copies_when_asked():
    x = put([1.0, 2.0])
    assert KERNELS["asarray"](x) is x
    assert not cupy.may_share_memory(KERNELS["asarray"](x, copy=True), x)
    for value in (1.0, np.ones(2), np.array(1.0)):
        with pytest.raises(ValueError, match="copy"):
            KERNELS["asarray"](value, copy=False)


@pytest.mark.parametrize(
    "value", [-0.0, np.array(-0.0), np.float64(-0.0), [-0.0, -0.0], np.array([-0.0, -0.0])], ids=repr
)
@pytest.mark.parametrize("key", [..., slice(None), np.array([True, True]), np.array([0, 1])], ids=repr)
def test_setitem_takes_host_values_and_keeps_the_sign_of_zero(key, value):
    check(BACKEND.setitem(put([1.0, 2.0]), key, value), [-0.0, -0.0])


# -- elementwise -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_remainder(dtype):
    values = np.array([*SPECIAL, 0.1, 1e30], dtype)
    with np.errstate(invalid="ignore"):
        check(KERNELS["remainder"](put(values[:, None]), put(values)), np.remainder(values[:, None], values))
        check(KERNELS["remainder"](put(values), -0.3), np.remainder(values, -0.3))
        check(KERNELS["remainder"](np.inf, put(values)), np.remainder(np.inf, values))


def test_remainder_of_integers():
    a, b = np.array([7, -7, 7, -7], np.int8), np.array([3, 3, -3, -3], np.int8)
    check(KERNELS["remainder"](put(a), put(b)), a % b)
    check(KERNELS["remainder"](put(a), 3), a % 3)
    check(KERNELS["remainder"](put(a), 1.5), a % 1.5)
    check(KERNELS["remainder"](put(a), put(b.astype("float32"))), a % b.astype("float32"))


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", ["acosh", "log", "log10", "log1p", "log2", "tan", "tanh"])
def test_complex_functions_of_special_values(name, dtype):
    z = np.array([complex(a, b) for a in SPECIAL for b in SPECIAL], dtype)
    with np.errstate(all="ignore"):
        check(KERNELS[name](put(z)), getattr(np, name)(z), ulp=8)


@pytest.mark.parametrize("name", ["expm1", "log1p"])
def test_complex_functions_of_small_values(name):
    z = np.array([1e-10 + 1e-10j, -1e-20 + 1e-12j, complex(-0.0, 0.0), complex(0.0, -0.0), 1e-300j, 0.3 - 0.2j, 2 + 3j])
    if name == "expm1":
        expected = np.expm1(z)
    else:  # NumPy's own loses small values
        a, b = z.real, z.imag
        expected = np.log1p(a * (2 + a) + b * b) / 2 + 1j * np.arctan2(b, 1 + a)
        expected.real[2] = 0.0
    result = KERNELS[name](put(z)).get()
    np.testing.assert_allclose(result.real, expected.real, rtol=1e-14)
    np.testing.assert_allclose(result.imag, expected.imag, rtol=1e-14)
    np.testing.assert_array_equal(np.signbit(result.imag), np.signbit(z.imag))


@pytest.mark.parametrize("name", ["acosh", "expm1", "log", "log10", "log1p", "log2", "tan", "tanh"])
def test_real_arguments_go_to_cupy(name):
    x = np.array([1.0, 1.5, 3.0])
    check(KERNELS[name](put(x)), getattr(np, name)(x), ulp=4)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_strong_multiply(dtype):
    g = np.array([0, -0.0, 0, 2, 2, 0], dtype)
    p = np.array([np.inf, np.nan, -np.inf, np.inf, 3, 4], dtype)
    with np.errstate(invalid="ignore"):
        expected = np.where(g == 0, g.dtype.type(0), g * p)
    check(KERNELS["strong_multiply"](put(g), put(p)), expected)
    check(KERNELS["strong_multiply"](put(g[:, None]), put(np.array(np.inf, dtype)))[:2], np.zeros((2, 1), dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_products_with_derivatives(dtype):
    g, y = np.array([2, -3, 0.5, np.nan], dtype), np.array([0.5, -0.25, 0, 0], dtype)
    check(KERNELS["relu_backward"](put(g), put(y)), np.where(y == 0, g.dtype.type(0), g))
    check(KERNELS["sigmoid_backward"](put(g), put(y)), g * (y * (1 - y)), ulp=4)
    check(KERNELS["tanh_backward"](put(g), put(y)), g * (1 - y * y), ulp=4)


def test_strong_multiply_promotes():
    real = np.array([np.inf, 2], "float32")
    check(
        KERNELS["strong_multiply"](put(np.array([0, 1 + 1j], "complex64")), put(real)),
        np.array([0, 2 + 2j], "complex64"),
    )
    check(KERNELS["strong_multiply"](put(np.array([0, 1], "float32")), np.inf), np.array([0, np.inf], "float32"))


def test_integers_to_negative_powers_are_refused():
    with pytest.raises(ValueError, match="negative integer powers"):
        KERNELS["pow"](put(np.array([2, 3])), -1)
    check(KERNELS["pow"](put(np.array([2.0, 4.0])), -1), [0.5, 0.25])
    check(KERNELS["pow"](2, put(np.array([2, 3]))), np.array([4, 8]))


@pytest.mark.parametrize("bounds", [(1, None), (None, 2), (1, 2), (None, None), (-1, 300), (2, 1)], ids=repr)
def test_clip(bounds):
    for x in (np.array([0, 1, 2, 3], "uint8"), np.array([0, 1, 2, 3], "float32"), np.array([np.nan, 5, -5.0])):
        expected = x if bounds == (None, None) else np.clip(x, *bounds)
        array = put(x)
        check(KERNELS["clip"](array, *bounds), expected)
        assert not cupy.may_share_memory(KERNELS["clip"](array, *bounds), array)


def test_clip_by_arrays():
    x, low, high = np.array([[0.0, 5.0], [np.nan, -5.0]]), np.array([1.0, np.nan]), np.array([[2.0], [3.0]])
    check(KERNELS["clip"](put(x), put(low), put(high)), np.clip(x, low, high))


def test_sign():
    values = np.array(SPECIAL)
    check(KERNELS["sign"](put(values)), np.sign(values))


@pytest.mark.parametrize("condition", [True, False])
def test_where_takes_a_python_condition(condition):
    check(KERNELS["where"](condition, put([1.0, -0.0]), -1.0), np.where(condition, [1.0, -0.0], -1.0))


# -- shapes ------------------------------------------------------------------------------------------------------------


def test_0_d_arrays_are_sorted_and_summed():
    x = put(2.0)
    for descending in (False, True):
        check(KERNELS["sort"](x, descending=descending), 2.0)
        check(KERNELS["argsort"](x, descending=descending), np.int64(0))
    assert not cupy.may_share_memory(KERNELS["sort"](x), x)
    check(KERNELS["cumulative_sum"](x), np.cumulative_sum(np.array(2.0)))
    check(KERNELS["cumulative_prod"](x), np.cumulative_prod(np.array(2.0)))
    check(KERNELS["cumulative_sum"](x, include_initial=True), np.array([0.0, 2.0]))


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "float32", "complex64"])
def test_cumulative(name, dtype):
    x = np.array([[1, 2, 3], [3, 4, 1]], dtype)
    for parameters in ({"axis": 1}, {"axis": -2, "include_initial": True}, {"axis": 0, "dtype": np.dtype("float64")}):
        if dtype != "complex64" or "dtype" not in parameters:
            check(KERNELS[name](put(x), **parameters), getattr(np, name)(x, **parameters))


def test_sort():
    x = np.array([[3.0, np.nan, -1.0], [2.0, 2.0, np.inf]])
    check(KERNELS["sort"](put(x)), np.sort(x))
    check(KERNELS["sort"](put(x), axis=0, descending=True), np.flip(np.sort(x, axis=0), 0))
    check(KERNELS["argsort"](put(x[1])), np.array([0, 1, 2]))
    check(KERNELS["argsort"](put(x[1]), descending=True), np.array([2, 0, 1]))


@pytest.mark.parametrize("dtype", ["bool", "int32", "float32", "complex64"])
@pytest.mark.parametrize("name", ["flip", "real", "imag"])
def test_a_new_array_is_new(name, dtype):
    x = (np.arange(6).reshape(2, 3) * (1 + 2j if dtype == "complex64" else 1)).astype(dtype)
    array = put(x)
    check(KERNELS[name](array), getattr(np, name)(x))
    assert not cupy.may_share_memory(KERNELS[name](array), array)


@pytest.mark.parametrize(
    "parameters",
    [(0, 1, 5), (0.0, 1.0, 5), (1, 1 + 2j, 3), (1j, 0, 4), (2.0, 5.0, 1), (0, 1, 0), (0j, 0.0, 2), (-0.0, 1.0, 2)],
    ids=repr,
)
@pytest.mark.parametrize("endpoint", [True, False])
@pytest.mark.parametrize("dtype", [None, "float32", "complex64"])
def test_linspace(parameters, endpoint, dtype):
    if dtype == "float32" and any(isinstance(p, complex) for p in parameters):
        return
    dtype = dtype and np.dtype(dtype)
    expected = np.linspace(*parameters, endpoint=endpoint, dtype=dtype)
    result = KERNELS["linspace"](*parameters, endpoint=endpoint, dtype=dtype).get()
    assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(result, expected, rtol=1e-6)


FFTN = [((3, 2), (3, 2), (1, 0)), ((3, 2), (2, 3), (1, 0)), ((4, 4), (4, 4), (0, 1)), ((2, 3, 4), (3, 2), (0, 2))]


@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
def test_fftn_heeds_s(name, monkeypatch):
    given = []
    monkeypatch.setattr(xp.fft, name, lambda x, **parameters: given.append(parameters))
    KERNELS[f"fft.{name}"](None, s=(3, 2), axes=(1, 0), norm="ortho")
    KERNELS[f"fft.{name}"](None)
    assert given == [{"s": [3, 2], "axes": (1, 0), "norm": "ortho"}, {"s": None, "axes": None, "norm": "backward"}]


@needs_a_gpu
@pytest.mark.parametrize("name", ["fftn", "ifftn", "rfftn", "irfftn"])
@pytest.mark.parametrize(("shape", "s", "axes"), FFTN, ids=repr)
def test_fftn(name, shape, s, axes):
    x = np.random.default_rng(0).normal(size=shape)
    x = x if name == "rfftn" else x + 1j
    expected = getattr(np.fft, name)(x, s=s, axes=axes)
    result = KERNELS[f"fft.{name}"](put(x), s=s, axes=axes).get()
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-12)


# -- memory ------------------------------------------------------------------------------------------------------------


def test_a_masked_fill_does_not_wait():
    x, mask = np.arange(6.0).reshape(2, 3), np.array([True, False])
    array, value, key = put(x), put(-0.0), put(mask)
    full = put(x > 2)
    with no_waiting():
        BACKEND.setitem(array, key, value)
        BACKEND.setitem(array, full, value)
    x[mask] = -0.0
    x[np.arange(6.0).reshape(2, 3) > 2] = -0.0
    check(array, x)
    with pytest.raises(IndexError):
        BACKEND.setitem(array, put(np.array([True, False, True])), value)


@pytest.mark.parametrize("target", [slice(1, None), slice(None, -1)], ids=str)
def test_overlapping_writes_by_index_arrays(target):
    x = np.arange(64.0)
    source = slice(None, -1) if target.start else slice(1, None)
    positions = np.arange(64)[target]
    array = put(x)
    BACKEND.setitem(array, put(positions), array[source])
    x[positions] = x[source].copy()
    check(array, x)


def test_an_index_array_out_of_bounds_wraps_around():
    """Documented, not wanted: if CuPy ever raises, the backend's notes are to be changed."""
    x = put([0.0, 1.0, 2.0])
    check(x[put(np.array([3, -4, 10]))], [0.0, 2.0, 1.0])
    check(BACKEND.index_add(put([0.0, 0.0, 0.0]), put(np.array([4])), put([1.0])), [0.0, 1.0, 0.0])
    with pytest.raises(IndexError):
        x[3]


@needs_two_devices
@pytest.mark.parametrize(
    "key", [np.s_[:], np.s_[::2, 1::2], np.s_[::-1], np.s_[:, None, 1], np.s_[0:0], np.s_[1, 1]], ids=str
)
def test_to_device_takes_strides(key):
    x = np.arange(24.0).reshape(4, 6)
    for host, array in ((x[key], put(x)[key]), (x.T[key[::-1] if isinstance(key, tuple) else key], None)):
        if array is None:
            array = put(x).T[key[::-1] if isinstance(key, tuple) else key]
        moved = BACKEND.to_device(array, DEVICES[1])
        assert (BACKEND.device_of(moved), BACKEND.device_of(array)) == (DEVICES[1], DEVICES[0])
        check(moved, host)
        check(BACKEND.to_device(moved, DEVICES[0]), host)
        assert current() == 0


@needs_two_devices
def test_to_device_waits_for_streams():
    with cupy.cuda.Device(0), cupy.cuda.Stream(non_blocking=True):
        x = cupy.arange(1 << 20, dtype="float32")
        for _ in range(20):
            x = x + 1
        moved = BACKEND.to_device(x, DEVICES[1])
        x[...] = 0
    np.testing.assert_array_equal(moved.get(), np.arange(1 << 20, dtype="float32") + 20)


@needs_two_devices
def test_from_dlpack_of_another_device():
    x = put([1.0, 2.0], DEVICES[1])
    check(BACKEND.from_dlpack(x, DEVICES[0], copy=None), [1.0, 2.0])
    assert BACKEND.device_of(BACKEND.from_dlpack(x, DEVICES[0], copy=None)) == DEVICES[0]
    assert cupy.may_share_memory(BACKEND.from_dlpack(x, DEVICES[1], copy=None), x)
    with pytest.raises(ValueError, match="copy=False, but from DLPack device"):
        BACKEND.from_dlpack(x, DEVICES[0], copy=False)


@on_every_device
def test_from_dlpack_of_the_device_itself(device):
    x = put([1.0, 2.0], device)
    for copy in (None, False, True):
        array = BACKEND.from_dlpack(x, device, copy=copy)
        assert BACKEND.device_of(array) == device
        assert cupy.may_share_memory(array, x) is not copy
        check(array, [1.0, 2.0])


class Foreign:
    """Memory of another library's."""

    def __init__(self, array):
        self.array, self.__cuda_array_interface__ = array, array.__cuda_array_interface__


def test_owns_memory():
    x = put(np.ones((2, 3)))
    fresh = [x + 1, x.sum(), BACKEND.copy(x), BACKEND.from_numpy(np.ones(3), DEVICES[0], copy=False)]
    assert all(map(BACKEND.owns_memory, fresh))
    x = fresh[0]
    shared = [
        x[1:],
        x.T,
        x.reshape(3, 2),
        (x + 1j).real,
        cupy.broadcast_to(x, (2, 2, 3)),
        cupy.from_dlpack(x),
        cupy.asarray(Foreign(x)),
    ]
    assert not any(map(BACKEND.owns_memory, shared))


def test_host_arrays_do_not_creep_in():
    """NumPy's arrays are refused by CuPy, so that no transfer goes unseen: the backend must not rely on one."""
    with pytest.raises(TypeError):
        put([1.0]) + np.ones(1)
    with pytest.raises(TypeError):
        np.asarray(put([1.0]))


def test_synchronize():
    for device in DEVICES:
        BACKEND.synchronize(device)
    assert current() == 0
    assert Device("cupy", "cuda", 0) == DEVICES[0]


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-5), ("float64", 2e-12)])  # CUDA's loses some
def test_yn_of_every_order(dtype, rtol):
    import scipy.special

    order, x = np.arange(-4.0, 5.0, dtype=dtype), np.array([[0.5], [1.5], [20.0]], dtype)
    result = KERNELS["special.yn"](put(order), put(x)).get()
    assert result.dtype == dtype
    np.testing.assert_allclose(result, scipy.special.yn(order, x), rtol=rtol)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exp1_of_nan_ends(dtype):
    import scipy.special

    x = np.array([np.nan, np.inf, 0.0, -1.0, 0.5, 1.0, 2.0, 30.0], dtype)
    result = KERNELS["special.exp1"](put(x)).get()
    assert result.dtype == dtype
    np.testing.assert_allclose(result, scipy.special.exp1(x), rtol=1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("stack", [(), (0,), (2,), (2, 3)])
@pytest.mark.parametrize(("rows", "columns"), [(3, 0), (0, 3), (0, 0)])
def test_solving_for_nothing(stack, rows, columns):
    nothing = np.ones((*stack, rows, columns))
    check(KERNELS["linalg.solve"](put(np.ones((*stack, rows, rows), "float32")), put(nothing)), nothing)
