"""Moving between backends: no copy where memory can be lent, and never a write that another tensor sees."""

import itertools

import numpy as np
import pytest
from frozen import device as frozen

import gradarray as ga

PAIRS = list(itertools.permutations(("cpu", "strict:device1", "dask:cpu", "frozen"), 2))
between = pytest.mark.parametrize(("here", "there"), PAIRS)


def device(name):
    return frozen() if name == "frozen" else name


def fresh(name, n=4):
    """A tensor in memory that nobody else has."""
    return ga.zeros(n, device=device(name)) + ga.arange(float(n), device=device(name))


def values(x):
    return x.detach().cpu().tolist()


def address(x):
    """Where the values lie, looked up without showing the memory to anybody who might write to it."""
    return np.from_dlpack(x._data).ctypes.data


# -- what is shared ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("there", ["strict", "strict:device1"])
def test_numpys_memory_is_read_where_it_lies(there):
    x = fresh("cpu", 1000)
    y = x.to(there)
    assert address(x) == address(y)
    assert y.device == ga.device(there) or there == "strict"


def test_a_way_there_and_back_ends_in_the_same_memory():
    x = fresh("cpu")
    y = x.to("strict:device1").to("cpu")
    assert values(x) == values(y)


@pytest.mark.parametrize(
    "hold",
    [lambda x: x.numpy(), lambda x: x.native(), lambda x: x.detach(), lambda x: x[1:], lambda x: memoryview(x.numpy())],
    ids=["numpy", "native", "detach", "view", "buffer"],
)
def test_memory_that_somebody_else_has_is_copied(hold):
    x = fresh("cpu")
    other = hold(x)
    y = x.to("strict:device1")
    assert address(x) != address(y)
    assert other is not None


def test_memory_of_the_users_is_copied():
    array = np.arange(4.0)
    x = ga.from_numpy(array)
    y = x.to("strict:device1")
    array[0] = 9
    assert values(x)[0] == 9
    assert values(y)[0] == 0


# -- what is never seen ------------------------------------------------------------------------------------------------

WRITES = {
    "add_": lambda x: x.add_(1),
    "iadd a tensor": lambda x: x.__iadd__(ga.ones_like(x)),
    "fill_": lambda x: x.fill_(7),
    "an element": lambda x: x.__setitem__(0, 5),
    "a slice": lambda x: x.__setitem__(slice(1, 3), 5),
    "a mask": lambda x: x.__setitem__(x > 1, 5),
    "a view": lambda x: x[1:].mul_(3),
    "a reversed view": lambda x: ga.flip(x[::-1]) is None or x[::-1][:2].zero_(),
    "out": lambda x: ga.add(x, 1, out=x),
    "copy_": lambda x: x.copy_(ga.ones_like(x)),
    "exp_": lambda x: x.exp_(),
}


@between
@pytest.mark.parametrize("write", WRITES.values(), ids=list(WRITES))
def test_a_write_to_either_is_not_seen_in_the_other(here, there, write):
    for first in (True, False):
        x = fresh(here)
        y = x.to(device(there))
        written, other = (x, y) if first else (y, x)
        expected = fresh("cpu")
        write(expected)
        write(written)
        assert values(other) == [0, 1, 2, 3]
        assert values(written) == values(expected)


@between
def test_views_made_before_and_after_see_the_write(here, there):
    x = fresh(here)
    y = x.to(device(there))
    before, of_x = y[1:], x[:2]
    y.add_(1)
    assert values(before) == [2, 3, 4]
    assert values(of_x) == [0, 1]
    before.zero_()
    assert values(y) == [1, 0, 0, 0]
    of_x.fill_(8)
    assert values(x) == [8, 8, 2, 3]
    assert values(y) == [1, 0, 0, 0]


@pytest.mark.parametrize("show", [ga.Tensor.numpy, ga.Tensor.native, np.asarray], ids=["numpy", "native", "asarray"])
def test_memory_that_is_shown_is_nobody_elses(show):
    x = fresh("cpu")
    y = x.to("strict:device1")
    show(x)[0] = 9
    assert values(x) == [9, 1, 2, 3]
    assert values(y) == [0, 1, 2, 3]
    x = fresh("cpu")
    y = x.to("strict:device1")
    np.from_dlpack(y)[0] = 9
    assert values(x) == [0, 1, 2, 3]
    assert values(y) == [9, 1, 2, 3]


@between
def test_the_tape_keeps_what_it_saved(here, there):
    x = fresh(here).requires_grad_()
    y = x * x
    z = y.to(device(there))
    out = (z * z).sum()
    with ga.no_grad():
        y.zero_()
        z.fill_(100)
    out.backward()
    assert values(x.grad) == [0, 4, 32, 108]
    assert x.grad.device == x.device


@between
def test_gradients_are_never_shared(here, there):
    x = fresh(here).requires_grad_()
    y = x.to(device(there))
    seed = ga.ones_like(y.detach())
    y.backward(seed)
    seed.fill_(5)
    assert values(x.grad) == [1, 1, 1, 1]
    x.grad.fill_(3)
    assert values(seed) == [5, 5, 5, 5]


def test_memory_is_copied_once_and_then_its_own():
    x = fresh("cpu")
    y = x.to("strict:device1")
    shared = address(x)
    x.add_(1)
    own = address(x)
    assert own != shared
    assert address(y) == shared
    x.add_(1)
    assert address(x) == own


# -- handed back -------------------------------------------------------------------------------------------------------


def test_native_is_the_librarys_own_array():
    x = ga.ones(3)
    assert isinstance(x.native(), np.ndarray)
    x.native()[0] = 5
    assert x.tolist() == [5, 1, 1]
    assert type(ga.ones(3, device="strict:device1").native()).__module__.startswith("array_api_strict")
    back = ga.asarray(ga.ones(3, device="strict:device1").native())
    assert str(back.device) == "strict:device1"


def test_native_refuses_what_is_on_the_tape():
    with pytest.raises(RuntimeError, match=r"requires grad. Use tensor.detach\(\).native\(\)"):
        ga.ones(3, requires_grad=True).native()
