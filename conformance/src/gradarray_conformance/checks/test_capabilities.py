"""Capabilities are told truly: what a backend claims is exercised, and what it denies is shown to be really absent.

So nothing hides behind a false "no". Knows the contract of backends. Must not know any backend by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np
import pytest

import gradarray as ga
from gradarray.backends import Array, Backend, Capabilities, Device, get, resolve
from gradarray.dtypes import BY_NAME
from gradarray_conformance.arrays import check, function, grid, put, taken, within
from gradarray_conformance.outcomes import unsupported

CHAPTER = "capabilities"


@pytest.fixture
def device(device: str) -> Device:
    """The device itself."""
    return resolve(device)


@pytest.fixture
def backend(device: Device) -> Backend:
    """Its backend."""
    return get(device.backend)


@pytest.fixture
def can(backend: Backend, device: Device) -> Capabilities:
    """What it declares there."""
    return backend.capabilities_on(device)


def written(backend: Backend, array: Array, value: float, device: Device) -> Array:
    """``array`` after a write of one number to all of it: what holds the value."""
    return backend.setitem(array, ..., put(backend, np.array(value, np.float32), device))


# -- mutable -----------------------------------------------------------------------------------------------------------


def test_a_write_changes_memory_where_mutable(backend: Backend, device: Device, can: Capabilities) -> None:
    array = put(backend, grid(), device)
    holder = written(backend, array, 7, device)
    check(backend, holder, np.full((3, 4), 7, np.float32), device)
    if can.mutable:
        assert holder is array
        check(backend, array, np.full((3, 4), 7, np.float32), device)


def test_a_write_leaves_the_array_alone_where_not_mutable(backend: Backend, device: Device, can: Capabilities) -> None:
    array = put(backend, grid(), device)
    before = backend.copy(array)
    holder = written(backend, array, 7, device)
    if not can.mutable:
        assert holder is not array
        check(backend, array, grid(), device)
    check(backend, before, grid(), device)


def test_mutable_is_not_denied_falsely(backend: Backend, device: Device, can: Capabilities) -> None:
    """The library itself must refuse to write, or write where no other array sees it."""
    array = put(backend, grid(), device)
    part = taken(backend, device, array, (slice(0, 2), ...))
    if seen := _seen_by_the_library(backend, array, part, device):
        assert can.mutable, f"{device} declares mutable=False, yet `array[...] = 7` wrote {seen}"
    if not can.mutable:
        unsupported("mutable: a write makes a new array")


def _seen_by_the_library(backend: Backend, array: Array, part: Array, device: Device) -> str:
    """What a write of the library's own changes: ``part``, if that shares the memory of ``array``; else nothing."""
    if part is array:
        return ""
    before = backend.to_numpy(part).copy()
    try:
        with within(backend, device):
            array[...] = 7
    except Exception:  # each library refuses in its own way
        return ""
    after = backend.to_numpy(part)
    return f"to its slice too, now {after.ravel()[0]}" if not np.array_equal(before, after) else ""


# -- views -------------------------------------------------------------------------------------------------------------

Viewed = Callable[[Backend, Device, Array], Array]

VIEWS: dict[str, Viewed] = {
    "a slice": lambda backend, device, x: backend.getitem(x, (slice(1, None), ...)),
    "a step": lambda backend, device, x: backend.getitem(x, (slice(None), slice(None, None, 2), ...)),
    "an integer": lambda backend, device, x: backend.getitem(x, (1, ...)),
    "one element": lambda backend, device, x: backend.getitem(x, (1, 2, ...)),
    "a new axis": lambda backend, device, x: backend.getitem(x, (None, ...)),
    "everything": lambda backend, device, x: backend.getitem(x, ...),
    "a reshape": lambda backend, device, x: function(backend, device, "reshape")(x, (4, 3)),
    "a transpose": lambda backend, device, x: function(backend, device, "permute_dims")(x, (1, 0)),
    "matrix_transpose": lambda backend, device, x: function(backend, device, "matrix_transpose")(x),
    "expand_dims": lambda backend, device, x: function(backend, device, "expand_dims")(x, axis=1),
    "squeeze": lambda backend, device, x: function(backend, device, "squeeze")(backend.getitem(x, (None, ...)), axis=0),
    "broadcast_to": lambda backend, device, x: function(backend, device, "broadcast_to")(x, (2, 3, 4)),
}
with_every_view = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


def _aliases(backend: Backend, device: Device, view: Viewed) -> bool:
    """Whether a write to an array is seen in the view of it, and a write to the view in the array."""
    array = put(backend, grid() + 1, device)
    with within(backend, device):
        seen = view(backend, device, array)
        written(backend, array, -1, device)
    there = bool((backend.to_numpy(seen) == -1).all())
    if prod(seen.shape) > prod(array.shape):
        return there  # an element that stands there several times is not written to
    array = put(backend, grid() + 1, device)
    with within(backend, device):
        written(backend, view(backend, device, array), -1, device)
    back = bool((backend.to_numpy(array) == -1).any())
    assert there == back, f"a write to the array is {'' if there else 'not '}seen in the view, but the other way it is"
    return there


@with_every_view
def test_a_view_shares_memory_where_views_are_claimed(
    backend: Backend, device: Device, can: Capabilities, view: Viewed
) -> None:
    if not can.views:
        unsupported("views: they are copies, and gradarray writes through them")
    assert _aliases(backend, device, view)


@with_every_view
def test_views_are_not_denied_falsely(backend: Backend, device: Device, can: Capabilities, view: Viewed) -> None:
    if can.views:
        assert can.mutable, "a backend that is immutable has no views that could be written through"
    elif can.mutable:
        assert not _aliases(backend, device, view), f"{device} declares views=False, yet this one shares memory"
    else:
        array = put(backend, grid(), device)
        with within(backend, device):
            part = view(backend, device, array)
        assert not _seen_by_the_library(backend, array, part, device)


def _item(key: Any, backend: Backend, device: Device, x: Array) -> Array:
    return backend.getitem(x, key)


def test_negative_steps_are_told_truly(backend: Backend, device: Device, can: Capabilities) -> None:
    if not can.views:
        unsupported("views: they are copies, and gradarray writes through them")
    for key in ((slice(None, None, -1), ...), (slice(None), slice(3, None, -2), ...)):
        shares = _aliases(backend, device, partial(_item, key))
        told = f"{device} declares negative_steps={can.negative_steps}; a slice with one "
        assert shares is can.negative_steps, told + ("shares memory" if shares else "is a copy")


# -- NumPy's memory ----------------------------------------------------------------------------------------------------


def test_memory_is_shared_with_numpy_where_it_says_so(backend: Backend, device: Device, can: Capabilities) -> None:
    host = grid()
    array = backend.from_numpy(host, device, copy=False)
    shares = bool(np.shares_memory(backend.to_numpy(array), host))
    assert shares is can.shares_numpy_memory, f"{device} declares shares_numpy_memory={can.shares_numpy_memory}"
    if can.shares_numpy_memory:
        host[0, 0] = 99
        check(backend, array, host, device)


def test_to_numpy_shares_memory_where_it_says_so(backend: Backend, device: Device, can: Capabilities) -> None:
    array = put(backend, grid(), device)
    host = backend.to_numpy(array)
    if not can.shares_numpy_memory:
        unsupported("shares_numpy_memory: .numpy() names .cpu()")
    host[0, 0] = 99
    expected = grid()
    expected[0, 0] = 99
    check(backend, array, expected, device)


# -- lazy, unknown shapes, scalars -------------------------------------------------------------------------------------


def test_lazy_is_told_truly(backend: Backend, device: Device, can: Capabilities) -> None:
    """A product of 256 TiB, beyond what a process can address, can be named by lazy backends, and by these alone."""
    column, row = (put(backend, np.ones(shape, np.float32), device) for shape in ((2**23, 1), (1, 2**23)))
    try:
        with within(backend, device):
            product = function(backend, device, "multiply")(column, row)
        backend.synchronize(device)
    except Exception as error:  # each library says in its own way that it has not so much memory
        assert not can.lazy, f"{device} declares lazy=True, yet computed at once: {type(error).__name__}: {error}"
    else:
        assert can.lazy, f"{device} declares lazy=False, yet has not computed {product.shape}"


def test_unknown_shapes_are_told_truly(backend: Backend, device: Device, can: Capabilities) -> None:
    mask = put(backend, grid() > 4, device)
    found = taken(backend, device, put(backend, grid(), device), mask)
    known = all(isinstance(length, int) for length in found.shape)
    assert known is not can.unknown_shapes, f"{device} declares unknown_shapes={can.unknown_shapes}, got {found.shape}"
    check(backend, found, grid()[grid() > 4], device)


def test_numbers_and_0_d_arrays_do_the_same(backend: Backend, device: Device) -> None:
    """What ``prefers_arrays`` chooses between."""
    float32 = {dtype.name: raw for raw, dtype in backend.dtypes(device).items()}["float32"]
    with within(backend, device):
        two = function(backend, device, "asarray")(2.0, dtype=float32)
        for name in ("add", "multiply", "pow"):
            compute, x = function(backend, device, name), put(backend, grid(), device)
            number, array = compute(x, 2.0), compute(x, two)
            check(backend, array, backend.to_numpy(number), device)


# -- what is missing ---------------------------------------------------------------------------------------------------


def test_each_dtype_that_is_lacking_is_really_absent(backend: Backend, device: Device, can: Capabilities) -> None:
    lacking = [dtype for dtype in BY_NAME.values() if dtype not in backend.dtypes(device).values()]
    for dtype in lacking:
        with pytest.raises(TypeError, match=dtype.name):
            ga.ones(2, dtype=dtype, device=str(device))
        try:
            with within(backend, device):
                array = backend.from_numpy(np.ones(2, dtype.name), device, copy=True)
                kept = str(np.asarray(backend.to_numpy(array)).dtype) == dtype.name
        except Exception:  # each library refuses in its own way
            continue
        assert not kept, f"{device} is declared to lack {dtype.name}, yet holds an array of it"
    for name in set(can.missing) & set(BY_NAME):
        assert BY_NAME[name] in lacking, f"{device} is declared to lack {name}, yet lists it among its dtypes"
    if lacking:
        unsupported(f"dtypes {', '.join(dtype.name for dtype in lacking)}")


def test_each_function_that_is_missing_is_really_absent(backend: Backend, device: Device, can: Capabilities) -> None:
    names = [name for name in can.missing if name not in BY_NAME]
    for name in names:
        compute = _found(name)
        assert compute is not None, f"{device} is declared to lack {name}, which is no function of gradarray"
        reason = can.missing[name]
        assert reason, f"{device} is declared to lack {name}, without a reason"
        said = []
        for arguments in _guesses(compute, device):
            try:
                compute(*arguments)
            except NotImplementedError as error:
                said.append(str(error))
            except Exception:  # arguments that do not fit
                continue
            else:
                pytest.fail(f"{device} is declared to lack {name}, yet {name} works", pytrace=False)
        assert any(reason in message for message in said), f"{name} was to say {reason!r}, it said {said}"
    if names:
        unsupported("; ".join(f"{name}: {can.missing[name]}" for name in names))


def _found(name: str) -> Callable[..., Any] | None:
    """The function of gradarray's of that name, which may have dots."""
    found: Any = ga
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if callable(found) else None


def _guesses(compute: Callable[..., Any], device: Device) -> Iterator[list[Any]]:
    """Arguments that ``compute`` may take: what must be given, from a few tensors and numbers."""
    x = ga.ones(3, 3, device=str(device)) + ga.asarray(np.eye(3, dtype=np.float32), device=str(device))
    whole = ga.asarray(np.array([0, 1, 2], np.int32), device=str(device))
    try:
        parameters = inspect.signature(compute).parameters.values()
        needed = sum(p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters)
    except ValueError:
        needed = 1
    for second in (x, whole, 1, 0, (0, 1), (3, 3), "i,i"):
        yield [x, second, *[0] * (needed - 2)] if needed > 1 else [x]
    yield from ([whole], [whole, whole], [x[0]], [x[0], x[0]], [[x, x]], [x, whole, 0], [x > 0], [x > 0, x, x])
    yield from ([3], [(3,)], [0.0, 1.0, 3], ["ij,jk->ik", x, x], [x[0], x[0], 0])
