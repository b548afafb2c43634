"""The contract of backends, method by method, with NumPy for the truth: devices, dtypes, memory, random numbers.

No tensor and no gradient: of gradarray only ``backends`` is imported, so that it can be checked without the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from gradarray.backends import Array, Backend, Device, DType, RandomSource, every, get, owner, resolve, unusable
from gradarray_conformance.arrays import check, extremes, function, grid, put, taken, within, wrapped
from gradarray_conformance.outcomes import not_run, unsupported

CHAPTER = "contract"


@pytest.fixture
def device(device: str) -> Device:
    """The device itself."""
    return resolve(device)


@pytest.fixture
def backend(device: Device) -> Backend:
    """Its backend."""
    return get(device.backend)


# -- availability and devices ------------------------------------------------------------------------------------------


def test_the_backend_says_that_it_can_be_used(backend: Backend, device: Device) -> None:
    assert backend.unavailable() is None
    assert unusable(backend) is None, "what can be told without computing"


def test_devices_are_present_and_found_by_name(backend: Backend, device: Device) -> None:
    devices = backend.devices()
    assert device in devices and len(set(devices)) == len(devices)
    for present in devices:
        assert isinstance(present, Device) and present.backend == backend.name
        assert resolve(str(present)) == resolve(present) == present
    with pytest.raises(RuntimeError, match="there is no device"):
        resolve(Device(backend.name, devices[0].type, 99))


def test_an_array_is_known_by_its_backend(backend: Backend, device: Device) -> None:
    array = put(backend, grid(), device)
    assert backend.owns(array) and isinstance(array, backend.array_types)
    assert owner(array) is backend
    for stranger in (1.0, [1.0], "text", None):
        assert not backend.owns(stranger), stranger
    for other in every():
        if other is not backend and unusable(other) is None:
            assert type(array) not in other.array_types, other.name
    assert backend.adopt(array) is not None and type(backend.adopt(array)) is backend.array_types[0]


def test_an_array_says_where_it_lies(backend: Backend, device: Device) -> None:
    for shape in ((3, 4), (0,), ()):
        assert backend.device_of(put(backend, grid(shape), device)) == device
    backend.synchronize(device)


def test_what_is_created_in_the_scope_lies_on_the_device(backend: Backend, device: Device) -> None:
    named = partial(function, backend, device)
    float32 = raw(backend, device, "float32")
    x = put(backend, grid(), device)
    with within(backend, device):
        results = {
            "zeros": named("zeros")((2, 3), dtype=float32), "ones": named("ones")((2,), dtype=float32),
            "arange": named("arange")(3), "full": named("full")((2,), 3.0, dtype=float32),
            "eye": named("eye")(2, dtype=float32), "empty": named("empty")((2,), dtype=float32),
            "linspace": named("linspace")(0.0, 1.0, 3, dtype=float32), "asarray": named("asarray")(2.0, dtype=float32),
            "zeros_like": named("zeros_like")(x), "full_like": named("full_like")(x, 2.0),
        }  # fmt: skip
    for name, result in results.items():
        assert backend.device_of(wrapped(backend, device, result)) == device, name


def test_what_is_created_has_memory_of_its_own(backend: Backend, device: Device) -> None:
    float32, x = raw(backend, device, "float32"), put(backend, grid(), device)
    creations: dict[str, Callable[[Callable[..., Array]], Array]] = {
        "zeros": lambda create: create((3, 4), dtype=float32), "ones": lambda create: create((3, 4), dtype=float32),
        "full": lambda create: create((3, 4), 2.0, dtype=float32), "eye": lambda create: create(3, 4, dtype=float32),
        "zeros_like": lambda create: create(x), "full_like": lambda create: create(x, 2.0),
    }  # fmt: skip
    for name, made in creations.items():
        with within(backend, device):
            create = function(backend, device, name)
            first, second = (wrapped(backend, device, made(create)) for _ in range(2))
        before = backend.to_numpy(second).copy()
        backend.setitem(first, ..., put(backend, np.full((), 7, np.float32), device))
        assert np.array_equal(backend.to_numpy(second), before), f"{name} gave the same memory twice"


def test_what_is_computed_lies_on_the_device(backend: Backend, device: Device) -> None:
    named = partial(function, backend, device)
    x, y = put(backend, grid(), device), put(backend, grid(), device)
    with within(backend, device):
        results = [
            x + 1, x * y, x @ named("matrix_transpose")(y), x[1:, ...], named("sum")(x, axis=None, keepdims=False),
            named("astype")(x, raw(backend, device, "float32")), named("reshape")(x, (4, 3)),
            named("concat")([x, y]), named("where")(x > y, x, y),
        ]  # fmt: skip
    assert [backend.device_of(wrapped(backend, device, result)) for result in results] == [device] * len(results)


def raw(backend: Backend, device: Device, name: str) -> object:
    """The library's dtype object of that name."""
    return {dtype.name: found for found, dtype in backend.dtypes(device).items()}[name]


# -- dtypes ------------------------------------------------------------------------------------------------------------


def test_the_table_of_dtypes_is_complete(backend: Backend, device: Device) -> None:
    table = backend.dtypes(device)
    assert len(set(table.values())) == len(table)
    assert {"bool", "int32", "float32", "complex64"} <= {dtype.name for dtype in table.values()}


def test_a_dtype_is_one_of_the_library(backend: Backend, device: Device, dtype: DType) -> None:
    table = backend.dtypes(device)
    shown = put(backend, grid(dtype=dtype.name), device).dtype
    for found, whence in ((backend.raw_dtype(dtype, device), "raw_dtype() gives"), (shown, "array.dtype shows")):
        assert table.get(found) is dtype, f"{whence} {found!r}, for which dtypes() has {table.get(found)}"


# -- memory ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [False, True], ids=["shared", "copied"])
def test_round_trip(backend: Backend, device: Device, dtype: DType, copy: bool) -> None:
    for host in (extremes(dtype), *(grid(shape, dtype.name) for shape in [(0,), (2, 0, 3), (2, 3, 4)])):
        check(backend, backend.from_numpy(host, device, copy=copy), host, device)


def test_round_trip_of_0_d_arrays(backend: Backend, device: Device, dtype: DType) -> None:
    for value in extremes(dtype):  # they go their own way in CuPy
        for copy in (False, True):
            check(backend, backend.from_numpy(np.array(value), device, copy=copy), np.array(value), device)


def test_strange_strides_arrive(backend: Backend, device: Device) -> None:
    host = grid((4, 6))
    for view in (host.T, host[::-1, ::-2], np.broadcast_to(host[0], (2, 6)), host[1:3, None]):
        check(backend, put(backend, view, device), view, device)


def test_a_copy_from_numpy_is_independent(backend: Backend, device: Device, dtype: DType) -> None:
    whole = grid((4, 6), dtype.name)
    for host in (whole, whole.T, whole[::-1, ::-2], whole[1], whole[2, 3, ...]):
        array = backend.from_numpy(host, device, copy=True)
        before = host.copy()
        host[...] = np.ones((), dtype.name)
        check(backend, array, before, device)
        assert not np.shares_memory(backend.to_numpy(array), host)


def test_a_copy_is_independent(backend: Backend, device: Device, dtype: DType) -> None:
    for host in (grid(dtype=dtype.name), grid((), dtype.name)):
        for key in (..., (slice(None, 1), ...), (slice(None, None, -1), ...)) if host.ndim else (...,):
            array = put(backend, host, device)
            copy = backend.copy(taken(backend, device, array, key))
            assert backend.device_of(copy) == device
            backend.setitem(array, ..., put(backend, np.ones((), dtype.name), device))
            check(backend, copy, host[key], device)


def test_empty_has_the_shape_and_the_dtype(backend: Backend, device: Device, dtype: DType) -> None:
    for shape in ((), (0,), (2, 0, 3), (2, 3)):
        array = backend.empty(shape, dtype, device)
        assert (tuple(array.shape), backend.device_of(array)) == (shape, device)
        assert backend.dtypes(device).get(array.dtype) is dtype, array.dtype


def test_to_device_arrives(backend: Backend, device: Device) -> None:
    for target in backend.devices()[:3]:
        for host in (grid(), grid((), "int32"), grid((0, 2))):
            check(backend, backend.to_device(put(backend, host, device), target), host, target)
        turned = function(backend, device, "permute_dims")
        with within(backend, device):
            strided = turned(put(backend, grid((4, 6)), device)[::2, 1::2], (1, 0))
        check(backend, backend.to_device(strided, target), grid((4, 6))[::2, 1::2].T, target)


def test_to_device_copies(backend: Backend, device: Device) -> None:
    for target in backend.devices()[:3]:
        for host in (grid(), grid(()), grid((4, 6)).T):
            array = put(backend, host, device)
            backend.setitem(backend.to_device(array, target), ..., put(backend, np.full((), 7, np.float32), target))
            check(backend, array, host, device)


def test_from_dlpack_of_numpy(backend: Backend, device: Device) -> None:
    host = grid()
    check(backend, backend.from_dlpack(host, device, copy=None), grid(), device)
    if backend.capabilities_on(device).shares_numpy_memory:
        assert np.shares_memory(backend.to_numpy(backend.from_dlpack(host, device, copy=False)), host)
    else:
        with pytest.raises((ValueError, BufferError)):
            backend.from_dlpack(host, device, copy=False)


def test_a_copy_from_dlpack_is_independent(backend: Backend, device: Device) -> None:
    host = grid()
    array = backend.from_dlpack(host, device, copy=True)
    check(backend, array, grid(), device)
    backend.setitem(array, ..., put(backend, np.array(7, np.float32), device))
    np.testing.assert_array_equal(host, grid())


def test_strides_are_in_elements(backend: Backend, device: Device) -> None:
    for dtype in ("float32", "int8"):
        if dtype in [d.name for d in backend.dtypes(device).values()]:
            assert backend.strides(put(backend, grid((2, 3, 4), dtype), device)) == (12, 4, 1)
            assert backend.strides(put(backend, grid((), dtype), device)) == ()


def test_a_view_does_not_own_its_memory(backend: Backend, device: Device) -> None:
    can = backend.capabilities_on(device)
    if not (can.views and can.mutable):
        unsupported("its views share no memory")
    array = put(backend, grid(), device)
    assert not backend.owns_memory(backend.getitem(array, (slice(1, None), ...)))
    assert not backend.owns_memory(backend.getitem(put(backend, grid(), device), (0, ...)))


def test_a_view_is_not_lent(backend: Backend, device: Device) -> None:
    can = backend.capabilities_on(device)
    if not (can.views and can.mutable):
        unsupported("its views share no memory")
    array = put(backend, grid(), device)
    for key in ((slice(1, None), ...), (0, ...), (None, ...)):
        assert not backend.lends(taken(backend, device, array, key)), "whoever writes to the whole writes to it"


def test_what_is_borrowed_is_what_was_there(backend: Backend, device: Device) -> None:
    for host in (grid(), grid((4, 6)).T, grid((4, 6))[::2, ::-3], grid(()), grid((0, 2))):
        borrowed = backend.borrow(host, device)
        if borrowed is None:
            not_run("the backend borrows no memory of NumPy's; gradarray copies it")
        check(backend, borrowed, host, device)


def test_the_shape_is_that_of_the_array(backend: Backend, device: Device) -> None:
    for shape in ((), (0, 2), (2, 3, 4)):
        found = backend.shape(put(backend, grid(shape), device))
        assert isinstance(found, tuple) and found == shape


# -- random numbers ----------------------------------------------------------------------------------------------------


def float32(backend: Backend, device: Device) -> DType:
    return next(dtype for dtype in backend.dtypes(device).values() if dtype.name == "float32")


def int32(backend: Backend, device: Device) -> DType:
    return next(dtype for dtype in backend.dtypes(device).values() if dtype.name == "int32")


DRAWS = {
    "uniform": lambda source, backend, device: source.uniform((50, 2), float32(backend, device)),
    "normal": lambda source, backend, device: source.normal((50,), float32(backend, device)),
    "integers": lambda source, backend, device: source.integers(-3, 5, (100,), int32(backend, device)),
    "permutation": lambda source, backend, device: source.permutation(20, int32(backend, device)),
}
with_every_draw = pytest.mark.parametrize("draw", DRAWS)


@with_every_draw
def test_a_seed_repeats_random_numbers(backend: Backend, device: Device, draw: str) -> None:
    first, same = (DRAWS[draw](backend.generator(device, 3), backend, device) for _ in range(2))
    assert backend.device_of(first) == device
    check(backend, same, backend.to_numpy(first), device)


@with_every_draw
def test_another_seed_gives_other_numbers(backend: Backend, device: Device, draw: str) -> None:
    first, *others = (DRAWS[draw](backend.generator(device, seed), backend, device) for seed in (3, 4, 3 + 2**32))
    for other in others:
        assert not np.array_equal(backend.to_numpy(first), backend.to_numpy(other))


@with_every_draw
def test_the_next_numbers_are_others(backend: Backend, device: Device, draw: str) -> None:
    source = backend.generator(device, 3)
    first, second = (backend.to_numpy(DRAWS[draw](source, backend, device)) for _ in range(2))
    assert not np.array_equal(first, second)


@with_every_draw
def test_a_state_repeats_what_followed_it(backend: Backend, device: Device, draw: str) -> None:
    source = backend.generator(device, 3)
    DRAWS[draw](source, backend, device)
    state = source.state()
    second = backend.to_numpy(DRAWS[draw](source, backend, device))
    DRAWS[draw](source, backend, device)
    source.set_state(state)
    check(backend, DRAWS[draw](source, backend, device), second, device)


@with_every_draw
def test_a_source_is_not_disturbed_by_another(backend: Backend, device: Device, draw: str) -> None:
    alone = backend.generator(device, 3)
    expected = [backend.to_numpy(DRAWS[draw](alone, backend, device)) for _ in range(2)]
    source = backend.generator(device, 3)
    for host in expected:
        check(backend, DRAWS[draw](source, backend, device), host, device)
        DRAWS[draw](backend.generator(device, 4), backend, device)


def test_random_numbers_have_the_shape_and_the_dtype(backend: Backend, device: Device, dtype: DType) -> None:
    source = backend.generator(device, 3)
    draws: dict[str, list[Callable[[tuple[int, ...]], Array]]] = {
        "f": [lambda shape: source.uniform(shape, dtype), lambda shape: source.normal(shape, dtype)],
        "i": [lambda shape: source.integers(3, 100, shape, dtype)],
    }
    draws["u"] = draws["i"]
    for draw in draws.get(dtype.kind, []):
        for shape in ((), (0,), (2, 0), (20, 5)):
            host = backend.to_numpy(array := draw(shape))
            check(backend, array, np.asarray(host, dtype.name).reshape(shape), device)
            if dtype.name == "float64" and host.size:
                assert (host.astype(np.float32) != host).any(), "drawn in single precision"
            if dtype.name in ("int64", "uint64"):
                far = backend.to_numpy(source.integers(2**40, 2**50, (20,), dtype))
                assert 2**40 <= far.min() < far.max() < 2**50 and far.max() - far.min() > 2**32, far


def test_uniform_numbers_are_uniform(backend: Backend, device: Device) -> None:
    host = backend.to_numpy(backend.generator(device, 1).uniform((10_000,), float32(backend, device)))
    assert host.dtype == np.float32 and host.shape == (10_000,)
    assert 0 <= host.min() < host.max() < 1
    counts, _ = np.histogram(host, bins=10, range=(0, 1))
    assert 800 < counts.min() <= counts.max() < 1200, counts


def test_uniform_numbers_never_reach_one(backend: Backend, device: Device) -> None:
    if type(backend.generator(device, 0)) is RandomSource:
        expected = np.random.Generator(np.random.PCG64(3)).random((50, 2), dtype=np.float32)
        found = backend.generator(device, 3).uniform((50, 2), float32(backend, device))
        check(backend, found, expected, device)  # drawn on the host: the same on every device
    host = backend.to_numpy(backend.generator(device, 2).uniform((2**22,), float32(backend, device)))
    assert host.min() >= 0 and host.max() < 1  # drawn in float64 and rounded, one of 2**25 would be 1


def test_normal_numbers_are_standard_normal(backend: Backend, device: Device) -> None:
    host = backend.to_numpy(backend.generator(device, 1).normal((10_000,), float32(backend, device)))
    assert host.dtype == np.float32 and host.shape == (10_000,)
    assert abs(host.mean()) < 0.04 and abs(host.std() - 1) < 0.04
    assert 0.62 < (abs(host) < 1).mean() < 0.74, "about 68 of 100 are within one standard deviation"


def test_random_integers_leave_out_the_upper_end(backend: Backend, device: Device) -> None:
    host = backend.to_numpy(backend.generator(device, 1).integers(-3, 5, (1000,), int32(backend, device)))
    assert host.dtype == np.int32 and set(host.tolist()) == set(range(-3, 5))


def test_a_permutation_has_each_number_once(backend: Backend, device: Device) -> None:
    host = backend.to_numpy(backend.generator(device, 1).permutation(50, int32(backend, device)))
    assert host.dtype == np.int32 and sorted(host.tolist()) == list(range(50)) != host.tolist()
