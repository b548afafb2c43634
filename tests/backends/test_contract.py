"""The contract of backends, on every backend that can be used here, with NumPy for the truth. No tensor, no gradient.

Imports nothing of gradarray but ``backends``, ``devices`` and ``dtypes``; the last test runs the others without more.
"""

import builtins
import os
import subprocess
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import gradarray.backends
from gradarray.backends import (
    Backend,
    BackendUnavailableError,
    Device,
    RandomSource,
    every,
    get,
    owner,
    require,
    resolve,
)
from gradarray.dtypes import ALL, BY_NAME

from . import cuemu


def usable(name: str) -> str | None:
    """Why the backend cannot be tested here, or None."""
    if name == "cupy":
        return cuemu.problem()
    try:
        return get(name).unavailable()
    except RuntimeError as error:  # no such plugin
        return str(error)


UNUSABLE = {name: usable(name) for name in dict.fromkeys(("numpy", "cupy", "strict", *(b.name for b in every())))}
"""Those of this repository's tests and every plugin that is installed, each with why it cannot be tested here."""
BACKENDS = [get(name) for name, why in UNUSABLE.items() if why is None]
PLACES = [(backend, device) for backend in BACKENDS for device in backend.devices()[:2]]
PAIRS = [(b, source, target) for b, source in PLACES for b_, target in PLACES if b_ is b]
TYPED = [(b, device, dtype) for b, device in PLACES for dtype in b.dtypes(device).values()]

on_every_backend = pytest.mark.parametrize("backend", BACKENDS, ids=lambda b: b.name)
on_every_device = pytest.mark.parametrize(("backend", "device"), PLACES, ids=[str(d) for _, d in PLACES])
with_every_dtype = pytest.mark.parametrize(
    ("backend", "device", "dtype"), TYPED, ids=[f"{d}-{dtype.name}" for _, d, dtype in TYPED]
)


def within(backend, device):
    """The context that kernels run in."""
    scope = backend.scope(device)
    return nullcontext() if scope is None else scope()


def function(backend, device, name):
    """The function that dispatch would take: the backend's own, else the namespace's."""
    return backend.kernels(device).get(name) or getattr(backend.namespace(device), name)


def grid(shape=(3, 4), dtype="float32"):
    """Distinct values, as far as ``dtype`` has them; complex ones with an imaginary part."""
    values = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    return np.asarray(values * (1 + 2j) if np.dtype(dtype).kind == "c" else values).astype(dtype)


def put(backend, array, device):
    """A copy of a NumPy array on ``device``, and so for the arrays in a key."""
    if isinstance(array, tuple):
        return tuple(put(backend, k, device) for k in array)
    return backend.from_numpy(array, device, copy=True) if isinstance(array, np.ndarray) else array


def check(backend, array, expected, device):
    """``array`` is the backend's, on ``device``, of the dtype, shape, values and signs of zero of ``expected``."""
    assert type(array) in backend.array_types
    assert backend.device_of(array) == device
    host = backend.to_numpy(array)
    assert type(host) is np.ndarray
    np.testing.assert_array_equal(host, expected, strict=True)
    if host.dtype.kind in "fc":
        np.testing.assert_array_equal(np.signbit(host.real), np.signbit(expected.real))
        np.testing.assert_array_equal(np.signbit(host.imag), np.signbit(expected.imag))


# -- availability and devices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", UNUSABLE)
def test_is_tested(name):
    if UNUSABLE[name] is not None:
        pytest.skip(f"backend {name} is not tested here: {UNUSABLE[name]}")


def test_availability_never_raises():
    for backend in every():
        why = backend.unavailable()
        assert why is None or (isinstance(why, str) and why)


def hide_cupy(monkeypatch, error):
    """``import cupy`` raises ``error``."""
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "cupy":
            raise error
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_a_missing_cupy_says_what_to_install(monkeypatch):
    hide_cupy(monkeypatch, ModuleNotFoundError("No module named 'cupy'", name="cupy"))
    why = get("cupy").unavailable()
    assert why.startswith("CuPy is not installed")
    assert 'pip install "gradarray[cuda12]"' in why and 'pip install "gradarray[cuda13]"' in why
    with pytest.raises(BackendUnavailableError, match=r"'cupy' cannot be used here: CuPy is not installed"):
        require("cupy")
    with pytest.raises(BackendUnavailableError, match="CuPy is not installed"):
        resolve("cuda")


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libcudart.so.12: no such file"),
        ModuleNotFoundError("No module named 'fastrlock'", name="fastrlock"),
    ],
    ids=repr,
)
def test_a_broken_cupy_says_how(monkeypatch, error):
    hide_cupy(monkeypatch, error)
    assert get("cupy").unavailable() == f"CuPy is installed but cannot be imported: {error}"


def test_an_array_is_owned_by_its_backend_without_importing_any():
    program = """
import sys, numpy
from gradarray.backends import get
assert not get("cupy").owns(numpy.zeros(1)) and not get("cupy").owns("text") and get("numpy").owns(numpy.zeros(1))
assert not {"cupy", "array_api_compat.cupy"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True)


@on_every_backend
def test_devices(backend):
    devices = backend.devices()
    assert devices and len(set(devices)) == len(devices)
    for device in devices:
        assert isinstance(device, Device) and device.backend == backend.name
        assert resolve(str(device)) == resolve(device) == device
    with pytest.raises(RuntimeError, match="there is no device"):
        resolve(Device(backend.name, devices[0].type, 99))


@on_every_device
def test_owner_and_device_of(backend, device):
    array = put(backend, grid(), device)
    assert backend.owns(array) and isinstance(array, backend.array_types)
    assert owner(array) is backend
    assert backend.device_of(array) == backend.device_of(put(backend, grid((0,)), device)) == device
    assert not any(backend.owns(stranger) for stranger in (1.0, [1.0], "text", None))
    assert all(other is backend or type(array) not in other.array_types for other in BACKENDS)
    backend.synchronize(device)


@on_every_device
def test_what_is_computed_in_the_scope_lies_on_the_device(backend, device):
    x, y = put(backend, grid(), device), put(backend, grid(), device)
    named = partial(function, backend, device)
    float32 = backend.raw_dtype(BY_NAME["float32"], device)
    with within(backend, device):
        results = [
            named("zeros")((2, 3), dtype=float32), named("ones")((2,), dtype=float32), named("arange")(3),
            named("full")((2,), 3.0, dtype=float32), named("eye")(2, dtype=float32),
            named("empty")((2,), dtype=float32), named("linspace")(0.0, 1.0, 3, dtype=float32),
            named("asarray")(2.0, dtype=float32), named("zeros_like")(x), named("full_like")(x, 2.0),
            x + 1, x * y, x @ named("matrix_transpose")(y), x[1:, ...], named("sum")(x), named("astype")(x, float32),
            named("reshape")(x, (4, 3)), named("concat")([x, y]), named("where")(x > y, x, y),
        ]  # fmt: skip
    assert [backend.device_of(result) for result in results] == [device] * len(results)


# -- dtypes ------------------------------------------------------------------------------------------------------------


@on_every_device
def test_the_table_of_dtypes_is_complete(backend, device):
    table = backend.dtypes(device)
    assert set(table.values()) <= set(ALL)
    assert len(set(table.values())) == len(table)
    assert {"bool", "int32", "float32", "complex64"} <= {dtype.name for dtype in table.values()}
    if backend.name in ("numpy", "cupy"):
        assert list(table.values()) == list(ALL)
    for raw, dtype in table.items():
        assert backend.raw_dtype(dtype, device) == raw
        assert table[put(backend, grid(dtype=dtype.name), device).dtype] is dtype
        assert table[backend.empty((2,), dtype, device).dtype] is dtype


# -- memory ------------------------------------------------------------------------------------------------------------

EXTREMES = {
    "b": [True, False],
    "f": [0.0, -0.0, 1.5, np.inf, -np.inf, np.nan],
    "c": [0, complex(-0.0, -0.0), 1 + 2j, complex(np.inf, -np.inf), complex(np.nan, 0)],
}


def extremes(dtype):
    """Values of ``dtype`` that are easily lost on the way."""
    numpy_dtype = dtype.__numpy_dtype__
    if dtype.kind in "iu":
        return np.array([0, 1, np.iinfo(numpy_dtype).min, np.iinfo(numpy_dtype).max], numpy_dtype)
    return np.array(EXTREMES[dtype.kind], numpy_dtype)


@with_every_dtype
@pytest.mark.parametrize("copy", [False, True])
def test_round_trip(backend, device, dtype, copy):
    for host in (extremes(dtype), *(grid(shape, dtype.name) for shape in [(), (0,), (2, 0, 3), (2, 3, 4)])):
        check(backend, backend.from_numpy(host, device, copy=copy), host, device)
    for value in extremes(dtype):  # 0-d arrays go their own way in CuPy
        check(backend, backend.from_numpy(np.array(value), device, copy=copy), np.array(value), device)


@on_every_device
def test_strange_strides_arrive(backend, device):
    host = grid((4, 6))
    for view in (host.T, host[::-1, ::-2], np.broadcast_to(host[0], (2, 6)), host[1:3, None]):
        check(backend, put(backend, view, device), view, device)


@on_every_device
def test_memory_is_shared_where_it_says_so(backend, device):
    host = grid()
    array = backend.from_numpy(host, device, copy=False)
    assert np.shares_memory(backend.to_numpy(array), host) is backend.capabilities_on(device).shares_numpy_memory
    assert not np.shares_memory(backend.to_numpy(put(backend, host, device)), host)
    if backend.capabilities_on(device).shares_numpy_memory:
        host[0, 0] = 99
        check(backend, array, host, device)


@with_every_dtype
def test_a_copy_is_independent(backend, device, dtype):
    host = grid(dtype=dtype.name)
    array = put(backend, host, device)
    for copy in (backend.copy(array), backend.copy(array[1:, ...])):
        before = backend.to_numpy(copy).copy()
        assert backend.device_of(copy) == device
        backend.setitem(array, ..., put(backend, np.ones((), dtype.name), device))
        check(backend, copy, before, device)
        array = put(backend, host, device)


@with_every_dtype
def test_empty(backend, device, dtype):
    for shape in ((), (0,), (2, 0, 3), (2, 3)):
        array = backend.empty(shape, dtype, device)
        assert (tuple(array.shape), backend.device_of(array)) == (shape, device)


@pytest.mark.parametrize(
    ("backend", "source", "target"), PAIRS, ids=[f"{source} to {target}" for _, source, target in PAIRS]
)
def test_to_device_copies(backend, source, target):
    for host in (grid(), grid((), "int32"), grid((0, 2))):
        array = put(backend, host, source)
        moved = backend.to_device(array, target)
        check(backend, moved, host, target)
        backend.setitem(moved, ..., put(backend, np.full((), 7, host.dtype), target))
        check(backend, array, host, source)
    array = put(backend, grid((4, 6)), source)
    with within(backend, source):
        strided = array[::2, 1::2].T if backend.name != "strict" else array[::2, 1::2].mT
    check(backend, backend.to_device(strided, target), grid((4, 6))[::2, 1::2].T, target)


@on_every_device
def test_from_dlpack_of_numpy(backend, device):
    host = grid()
    for copy in (None, True):
        array = backend.from_dlpack(host, device, copy=copy)
        check(backend, array, grid(), device)
    backend.setitem(array, ..., put(backend, np.array(7, np.float32), device))
    np.testing.assert_array_equal(host, grid())
    if backend.capabilities_on(device).shares_numpy_memory:
        assert np.shares_memory(backend.to_numpy(backend.from_dlpack(host, device, copy=False)), host)
    else:
        with pytest.raises((ValueError, BufferError)):
            backend.from_dlpack(host, device, copy=False)


@on_every_device
def test_strides_are_in_elements(backend, device):
    for dtype in ("float32", "int8"):
        assert backend.strides(put(backend, grid((2, 3, 4), dtype), device)) == (12, 4, 1)
        assert backend.strides(put(backend, grid((), dtype), device)) == ()


@on_every_device
def test_a_view_does_not_own_its_memory(backend, device):
    array = put(backend, grid(), device)
    if backend.capabilities.views and backend.capabilities.mutable:
        assert not backend.owns_memory(array[1:, ...])
        assert not backend.owns_memory(backend.from_numpy(grid(), device, copy=True)[0, ...])


# -- indexing ----------------------------------------------------------------------------------------------------------

I, M = partial(np.array, dtype=np.int32), partial(np.array, dtype=bool)  # noqa: E741
EMPTY = ()  # which np.add.at takes for an array of no indices
BASIC = [
    EMPTY, ..., None, 1, -1, slice(None), slice(1, 3), slice(None, None, -1), slice(5, 99), slice(2, 1),
    (1, 2), (1, 2, ...), (..., 1), (slice(None), 1), (None, 1, None, 2), (slice(None, None, 2), None),
    (slice(-2, None), slice(3, None, -2)), (0, None, ..., slice(1, 2)),
]  # fmt: skip
ADVANCED = [
    I(1), I([0, 2]), I([0, 0, -1]), I([[0, 1], [2, 0]]), I([]), (I([0, 2]), I([1, 3])), (I([0, 0]), 1),
    (I([[0], [2]]), I([1, 3])), (I([[0], [0]]), I([1, 1, 3])), (slice(None), I([3, 3, 0])), (..., I([1, 1])),
    (I([1, 1]), ...), (I([2, 2]), None, slice(1, 3)), (slice(None, None, 2), I([1, 1])), (None, I([1, 1]), I([1, 1])),
    np.array([1, 1, 2], np.int8), np.array([1, 1, 2], np.uint8),
    M([True, False, True]), M([False] * 3), M(grid() % 3 == 0), M(True), M(False), True, False,
    (M([True, False, True]), 1), (slice(None), M([True, False, True, True])),
    (M([True, False, True]), I([0, 1])), (M([True, False, True]), ..., None),
]  # fmt: skip
FEW = [
    1,
    (slice(None, None, 2), None),
    I([0, 0, 2, 0]),
    (I([1, 1]), I([2, 2])),
    (..., I([1, 1])),
    M([True, False, True]),
]
with_every_key = pytest.mark.parametrize("key", [*BASIC, *ADVANCED], ids=repr)


def check_setitem(backend, device, host, key):
    for v in (grid(np.shape(host[key]), host.dtype), np.ones((), host.dtype)):
        expected, array = host.copy(), put(backend, host, device)
        expected[key] = v
        written = backend.setitem(array, put(backend, key, device), put(backend, v, device))
        assert written is array or not backend.capabilities.mutable
        check(backend, written, expected, device)


def check_index_add(backend, device, host, key):
    for v in (grid(np.shape(host[key]), host.dtype), np.ones((), host.dtype)):
        expected = host.copy()
        np.add.at(expected, ... if key is EMPTY else key, v)
        added = backend.index_add(put(backend, host, device), put(backend, key, device), put(backend, v, device))
        check(backend, added, expected, device)


def distinct(key):
    """Whether ``key`` names no position twice; else which value stays is not defined."""
    ones = np.zeros((3, 4), int)
    np.add.at(ones, ... if key is EMPTY else key, 1)
    return ones.max(initial=0) <= 1


@on_every_device
@with_every_key
def test_setitem(backend, device, key):
    if distinct(key):
        check_setitem(backend, device, grid(), key)


@on_every_device
@with_every_key
def test_index_add(backend, device, key):
    check_index_add(backend, device, grid(), key)


@with_every_dtype
@pytest.mark.parametrize("key", FEW, ids=repr)
def test_index_add_of_every_dtype(backend, device, dtype, key):
    check_index_add(backend, device, grid(dtype=dtype.name), key)
    check_index_add(backend, device, np.zeros((3, 4), dtype.name), key)


@with_every_dtype
def test_setitem_of_every_dtype(backend, device, dtype):
    for key in FEW:
        if distinct(key):
            check_setitem(backend, device, grid(dtype=dtype.name), key)


@on_every_device
def test_narrow_integers_wrap_around(backend, device):
    for dtype in ("int8", "uint8", "int16", "uint16"):
        if dtype in [d.name for d in backend.dtypes(device).values()]:
            host, key, value = np.full(3, 100, dtype), I([0] * 7 + [2]), np.full(8, 100, dtype)
            expected = host.copy()
            np.add.at(expected, key, value)
            added = backend.index_add(*(put(backend, a, device) for a in (host, key, value)))
            check(backend, added, expected, device)


@on_every_device
@pytest.mark.parametrize("key", [..., 0, slice(1, 2), I([0, 2]), M([True, False, True])], ids=repr)
def test_setitem_keeps_the_sign_of_zero(backend, device, key):
    for dtype, zero in (("float32", -0.0), ("complex64", complex(-0.0, -0.0))):
        expected = np.ones(3, dtype)
        expected[key] = zero
        array, value = put(backend, np.ones(3, dtype), device), put(backend, np.array(zero, dtype), device)
        check(backend, backend.setitem(array, put(backend, key, device), value), expected, device)


@on_every_device
@pytest.mark.parametrize("key", [EMPTY, ..., None, True, M(True), M(False)], ids=repr)
def test_0_d_arrays_are_indexed_too(backend, device, key):
    check_setitem(backend, device, grid(()), key)
    check_index_add(backend, device, grid(()), key)


@on_every_device
def test_what_overlaps_is_written_as_if_it_did_not(backend, device):
    for target, source in (
        (slice(1, None), slice(None, -1)),
        (slice(None, -1), slice(1, None)),
        (..., slice(None, None, -1)),
    ):
        array, host = put(backend, grid((6,)), device), grid((6,))
        host[target] = host[source].copy()
        check(backend, backend.setitem(array, target, backend.getitem(array, source)), host, device)


# -- random numbers ----------------------------------------------------------------------------------------------------


@on_every_device
def test_random_numbers(backend, device):
    types = {dtype.name: dtype for dtype in backend.dtypes(device).values()}
    draws = {
        "uniform": lambda source: source.uniform((50, 2), types["float32"]),
        "normal": lambda source: source.normal((50,), types["float32"]),
        "integers": lambda source: source.integers(-3, 5, (100,), types["int32"]),
        "permutation": lambda source: source.permutation(20, types["int32"]),
    }
    source, same, other = (backend.generator(device, seed) for seed in (3, 3, 4))
    first = {name: draw(source) for name, draw in draws.items()}
    state = source.state()
    host = {name: backend.to_numpy(array) for name, array in first.items()}
    for name, draw in draws.items():
        assert backend.device_of(first[name]) == device
        check(backend, draw(same), host[name], device)
        assert not np.array_equal(backend.to_numpy(draw(other)), host[name])
    second = [backend.to_numpy(draw(source)) for draw in draws.values()]
    source.set_state(state)
    for draw, expected in zip(draws.values(), second):
        check(backend, draw(source), expected, device)
    assert host["uniform"].dtype == host["normal"].dtype == np.float32 and host["integers"].dtype == np.int32
    assert 0 <= host["uniform"].min() < host["uniform"].max() < 1
    assert host["normal"].min() < 0 < host["normal"].max()
    assert set(host["integers"]) == set(range(-3, 5))
    assert sorted(host["permutation"]) == list(range(20))
    if type(source) is RandomSource:  # drawn on the host: the same on every device
        expected = np.random.Generator(np.random.PCG64(3)).random((50, 2), dtype=np.float32)
        np.testing.assert_array_equal(host["uniform"], expected)


# -- the layer ---------------------------------------------------------------------------------------------------------

ALONE = """
import sys, types

class Guard:
    def find_spec(self, name, path=None, target=None):
        first, _, rest = name.partition(".")
        assert first != "gradarray" or rest.split(".")[0] in ("backends", "devices", "dtypes"), f"looked for {name}"

package = types.ModuleType("gradarray")
package.__path__ = [sys.argv[1]]  # as if its __init__.py were empty
sys.modules["gradarray"] = package
sys.meta_path.insert(0, Guard())
import pytest
sys.exit(pytest.main([sys.argv[2], "-q", "-k", "not engine", "--noconftest", "--import-mode=importlib"]))
"""


def test_all_of_it_without_the_engine():
    package = str(Path(gradarray.backends.__file__).parents[1])
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("GRADARRAY_", "PYTEST_"))}
    environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", ALONE, package, __file__]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert isinstance(get("numpy"), Backend)
