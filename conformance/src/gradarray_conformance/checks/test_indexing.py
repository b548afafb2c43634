"""The contract of backends: reading, writing and adding up by every form of key, with NumPy for the truth.

No tensor and no gradient, as in ``test_contract``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from gradarray.backends import Backend, Device, DType, get, resolve
from gradarray_conformance.arrays import Host, check, grid, put, taken, within, wrapped

CHAPTER = "contract: indexing"

I, M = partial(np.array, dtype=np.int32), partial(np.array, dtype=bool)  # noqa: E741
EMPTY: tuple[()] = ()  # which np.add.at takes for an array of no indices
BASIC: list[Any] = [
    EMPTY, ..., None, 1, -1, slice(None), slice(1, 3), slice(None, None, -1), slice(5, 99), slice(2, 1),
    (1, 2), (1, 2, ...), (..., 1), (slice(None), 1), (None, 1, None, 2), (slice(None, None, 2), None),
    (slice(-2, None), slice(3, None, -2)), (0, None, ..., slice(1, 2)),
]  # fmt: skip
ADVANCED: list[Any] = [
    I(1), I([0, 2]), I([0, 0, -1]), I([[0, 1], [2, 0]]), I([]), (I([0, 2]), I([1, 3])), (I([0, 0]), 1),
    (I([[0], [2]]), I([1, 3])), (I([[0], [0]]), I([1, 1, 3])), (slice(None), I([3, 3, 0])), (..., I([1, 1])),
    (I([1, 1]), ...), (I([2, 2]), None, slice(1, 3)), (slice(None, None, 2), I([1, 1])), (None, I([1, 1]), I([1, 1])),
    np.array([1, 1, 2], np.int8), np.array([1, 1, 2], np.uint8),
    M([True, False, True]), M([False] * 3), M(grid() % 3 == 0), M(True), M(False), True, False,
    (M([True, False, True]), 1), (slice(None), M([True, False, True, True])),
    (M([True, False, True]), I([0, 1])), (M([True, False, True]), ..., None),
]  # fmt: skip
FEW: list[Any] = [
    1,
    (slice(None, None, 2), None),
    I([0, 0, 2, 0]),
    (I([1, 1]), I([2, 2])),
    (..., I([1, 1])),
    M([True, False, True]),
]


def shown(key: Any) -> str:
    """A key as it is typed between the brackets."""
    if isinstance(key, tuple) and key:
        return ", ".join(map(shown, key))
    if isinstance(key, slice):
        return ":".join("" if part is None else str(part) for part in (key.start, key.stop, key.step)).removesuffix(":")
    if isinstance(key, np.ndarray):
        word = "" if key.dtype in (np.int32, bool) else f"{key.dtype} "
        return f"array({key})" if key.ndim == 0 else f"{word}{key.tolist()}" if key.size < 9 else "a mask"
    return "..." if key is ... else repr(key)


with_every_key = pytest.mark.parametrize("key", [*BASIC, *ADVANCED], ids=shown)


@pytest.fixture
def device(device: str) -> Device:
    """The device itself."""
    return resolve(device)


@pytest.fixture
def backend(device: Device) -> Backend:
    """Its backend."""
    return get(device.backend)


def add_at(host: Host, key: Any, value: Any) -> None:
    """``np.add.at``, for every key."""
    everything: Any = ...
    np.add.at(host, everything if key is EMPTY else key, value)


def distinct(key: Any) -> bool:
    """Whether ``key`` names no position twice; else which value stays is not defined."""
    ones = np.zeros((3, 4), int)
    add_at(ones, key, 1)
    return bool(ones.max(initial=0) <= 1)


def check_setitem(backend: Backend, device: Device, host: Host, key: Any) -> None:
    for v in (grid(np.shape(host[key]), host.dtype.name), np.ones((), host.dtype)):
        expected, array = host.copy(), put(backend, host, device)
        expected[key] = v
        written = backend.setitem(array, put(backend, key, device), put(backend, v, device))
        check(backend, written, expected, device)


def check_index_add(backend: Backend, device: Device, host: Host, key: Any) -> None:
    for v in (grid(np.shape(host[key]), host.dtype.name), np.ones((), host.dtype)):
        expected = host.copy()
        add_at(expected, key, v)
        added = backend.index_add(put(backend, host, device), put(backend, key, device), put(backend, v, device))
        check(backend, added, expected, device)


@with_every_key
def test_getitem(backend: Backend, device: Device, key: Any) -> None:
    expected = np.asarray(grid()[key])
    found = taken(backend, device, put(backend, grid(), device), closed(put(backend, key, device)))
    check(backend, found, expected, device)


def closed(key: Any) -> Any:
    """``key`` as gradarray hands it over: a tuple without arrays ends with an ``...``."""
    plain = all(k is None or isinstance(k, int | slice | type(...)) for k in key) if isinstance(key, tuple) else False
    return (*key, ...) if plain and not any(k is ... for k in key) else key


@pytest.mark.parametrize("key", FEW, ids=shown)
def test_getitem_of_every_dtype(backend: Backend, device: Device, dtype: DType, key: Any) -> None:
    host = grid(dtype=dtype.name)
    found = taken(backend, device, put(backend, host, device), put(backend, key, device))
    check(backend, found, np.asarray(host[key]), device)


@pytest.mark.parametrize("key", [k for k in ADVANCED if not isinstance(k, bool)], ids=shown)
def test_getitem_with_arrays_copies(backend: Backend, device: Device, key: Any) -> None:
    array = put(backend, grid(), device)
    found = taken(backend, device, array, put(backend, key, device))
    backend.setitem(array, ..., put(backend, np.array(-1, np.float32), device))
    check(backend, found, np.asarray(grid()[key]), device)


@with_every_key
def test_setitem(backend: Backend, device: Device, key: Any) -> None:
    if distinct(key):
        check_setitem(backend, device, grid(), key)


@pytest.mark.parametrize("key", [key for key in FEW if distinct(key)], ids=shown)
def test_setitem_of_every_dtype(backend: Backend, device: Device, dtype: DType, key: Any) -> None:
    check_setitem(backend, device, grid(dtype=dtype.name), key)


@pytest.mark.parametrize("key", [..., 0, slice(1, 2), I([0, 2]), M([True, False, True])], ids=shown)
def test_setitem_keeps_the_sign_of_zero(backend: Backend, device: Device, key: Any) -> None:
    for dtype, zero in (("float32", -0.0), ("complex64", complex(-0.0, -0.0))):
        expected = np.ones(3, dtype)
        expected[key] = zero
        array, value = put(backend, np.ones(3, dtype), device), put(backend, np.array(zero, dtype), device)
        check(backend, backend.setitem(array, put(backend, key, device), value), expected, device)


@pytest.mark.parametrize("key", [key for key in FEW if not distinct(key)], ids=shown)
def test_setitem_at_one_place_twice_keeps_one_of_the_values(backend: Backend, device: Device, key: Any) -> None:
    value = grid(np.shape(grid()[key])) + 100
    written = backend.setitem(put(backend, grid(), device), put(backend, key, device), put(backend, value, device))
    host, hit = backend.to_numpy(written), np.zeros((3, 4), bool)
    hit[key] = True
    assert set(host[hit].tolist()) <= set(value.ravel().tolist())
    np.testing.assert_array_equal(host[~hit], grid()[~hit])


def test_setitem_of_what_overlaps_is_as_if_it_did_not(backend: Backend, device: Device) -> None:
    for target, source in (
        (slice(1, None), slice(None, -1)),
        (slice(None, -1), slice(1, None)),
        (..., slice(None, None, -1)),
    ):
        array, host = put(backend, grid((6,)), device), grid((6,))
        host[target] = host[source].copy()
        check(backend, backend.setitem(array, target, taken(backend, device, array, source)), host, device)


@with_every_key
def test_index_add(backend: Backend, device: Device, key: Any) -> None:
    check_index_add(backend, device, grid(), key)


@pytest.mark.parametrize("key", FEW, ids=shown)
def test_index_add_of_every_dtype(backend: Backend, device: Device, dtype: DType, key: Any) -> None:
    check_index_add(backend, device, grid(dtype=dtype.name), key)
    check_index_add(backend, device, np.zeros((3, 4), dtype.name), key)


def test_index_add_adds_up_what_comes_twice(backend: Backend, device: Device) -> None:
    host, key = np.zeros(4, np.float32), I([1, 1, 3, 1])
    added = backend.index_add(*(put(backend, a, device) for a in (host, key, np.array([1, 2, 4, 8], np.float32))))
    check(backend, added, np.array([0, 11, 0, 4], np.float32), device)


def test_index_add_of_narrow_integers_wraps_around(backend: Backend, device: Device) -> None:
    for dtype in ("int8", "uint8", "int16", "uint16"):
        if dtype in [d.name for d in backend.dtypes(device).values()]:
            host, key, value = np.full(3, 100, dtype), I([0] * 7 + [2]), np.full(8, 100, dtype)
            expected = host.copy()
            np.add.at(expected, key, value)
            added = backend.index_add(*(put(backend, a, device) for a in (host, key, value)))
            check(backend, added, expected, device)


@pytest.mark.parametrize("key", [EMPTY, ..., None, True, M(True), M(False)], ids=shown)
def test_0_d_arrays_are_indexed_too(backend: Backend, device: Device, key: Any) -> None:
    found = taken(backend, device, put(backend, grid(()), device), closed(put(backend, key, device)))
    check(backend, found, np.asarray(grid(())[key]), device)
    check_setitem(backend, device, grid(()), key)
    check_index_add(backend, device, grid(()), key)


@pytest.mark.parametrize("key", FEW, ids=shown)
def test_index_adjoint_adds_to_zeros(backend: Backend, device: Device, key: Any) -> None:
    value, expected = np.asarray(grid(np.shape(grid()[key])) + 1), np.zeros((3, 4), np.float32)
    np.add.at(expected, key, value)
    with within(backend, device):
        for _ in range(2):  # memory that was used before
            found = backend.index_adjoint(put(backend, value, device), put(backend, key, device), (3, 4))
            check(backend, wrapped(backend, device, found), expected, device)
