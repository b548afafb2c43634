"""Nothing outlives its use: no reference cycles through tensors or nodes, and no recursion however long the chain."""

import gc
import platform
import subprocess
import sys
import weakref

import numpy as np
import pytest

import gradarray as ga


def exponential(x):
    return x.exp().sum()  # saves its own output


def in_place(x):
    y = x * 2
    y.exp_()
    y.mul_(y)
    return y.sum()


def views(x):
    y = x * 2
    row, column = y[0], y.t()[1]
    row.add_(column.sum())
    y.view(-1)[2:4].zero_()
    return (row * 2).sum() + y.sum()


def indexed_write(x):
    y = x.clone()
    y[ga.tensor([0, 1])] = x.sin()[:2]
    y[y > 0.5] = 0.25
    return y.sum()


def transposed_in_place(x):
    y = x * 3
    kept = y * y
    y.t_()
    y.unsqueeze_(0)
    y.mul_(2)
    return y.sum() + kept.sum()


def retained(x):
    y = x * 2
    y.retain_grad()
    return (y * y).sum()


def hooked(x):
    y = x * 2
    y.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: g + 1)
    return y.sum()


def several_outputs(x):
    values, _ = x.sort()
    return ga.stack(list(x.unbind())).sum() + values.max()


def detached(x):
    y = x * 2
    z = y.detach()
    z.add_(1)
    return (y * z).sum()


PROGRAMS = [
    exponential, in_place, views, indexed_write, transposed_in_place, retained, hooked, several_outputs, detached,
]  # fmt: skip


@pytest.fixture
def without_gc():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def ours() -> list[object]:
    """The objects of gradarray's that the garbage collector finds unreachable."""
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        gc.collect()
        return [x for x in gc.garbage if type(x).__module__.startswith("gradarray")]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_walk_leaves_no_cycles(program, without_gc):
    x = ga.tensor(np.linspace(0.1, 1.2, 12).reshape(3, 4), requires_grad=True)
    loss = program(x)
    loss.backward()
    dead = weakref.ref(x), weakref.ref(loss), weakref.ref(loss.grad_fn)
    del loss, x
    assert [ref() for ref in dead] == [None] * 3
    assert ours() == []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_graph_that_is_never_walked_leaves_no_cycles(program, without_gc):
    x = ga.tensor(np.linspace(0.1, 1.2, 12).reshape(3, 4), requires_grad=True)
    loss = program(x)
    dead = weakref.ref(x), weakref.ref(loss), weakref.ref(loss.grad_fn)
    del loss, x
    assert [ref() for ref in dead] == [None] * 3
    assert ours() == []


def test_a_recorded_walk_leaves_no_cycles(without_gc):
    x = ga.tensor([0.5, 1.0], requires_grad=True)
    (g,) = ga.autograd.grad((x.exp() * x).sum(), x, create_graph=True)
    (h,) = ga.autograd.grad(g.sum(), x)
    dead = weakref.ref(x), weakref.ref(g), weakref.ref(h)
    del x, g, h
    assert [ref() for ref in dead] == [None] * 3
    assert ours() == []


def test_walking_frees_what_was_saved(without_gc):
    x = ga.ones(3, requires_grad=True)
    y = x * 2
    saved = weakref.ref(y)
    loss = (y * y).sum()
    array = weakref.ref(y._data)
    del y
    assert saved() is None and array() is not None  # the tensor is gone, its array is kept for the walk
    loss.backward()
    assert array() is None


def test_dropping_the_loss_frees_the_graph(without_gc):
    x = ga.ones(3, requires_grad=True)
    y = x * 2
    array = weakref.ref(y._data)
    loss = (y * y).sum()
    del y, loss
    assert array() is None


def test_what_no_rule_needs_is_not_saved(without_gc):
    x = ga.ones(3, requires_grad=True)
    y = x + 1
    array = weakref.ref(y._data)
    loss = (y + 1).sum()
    del y
    assert array() is None
    loss.backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


def test_a_million_operations_without_recursion(without_gc):
    x = ga.ones((), requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y + 0.5
    y.backward()
    assert x.grad.item() == 1.0
    del y
    unwalked = x
    for _ in range(100_000):
        unwalked = unwalked.sin()
    first = weakref.ref(unwalked.grad_fn)
    del unwalked
    assert first() is None


def test_views_of_one_base_do_not_pile_up():
    x = ga.zeros(4)
    for i in range(100_000):
        x[i % 4]
    assert len(x._meta.family.members) < 100


def test_writes_through_one_base_do_not_pile_up():
    x = ga.zeros(4)
    for i in range(2_000):
        x[i % 4].add_(1)
        x.unsqueeze_(0).squeeze_(0)
    assert len(x._meta.family.members) < 100
    assert x.tolist() == [500.0] * 4


def test_transposing_to_and_fro_does_not_pile_up():
    x = ga.arange(6).reshape(2, 3)
    for _ in range(1_000):
        x.t_()
    assert len(x._meta.path) < 4
    assert x.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_accumulating_gradients_keeps_their_memory():
    x = ga.ones(3, requires_grad=True)
    (x * 2).sum().backward()
    grad = x.grad
    (x * 3).sum().backward()
    assert x.grad is grad
    assert grad.tolist() == [5.0, 5.0, 5.0]


FAULTS = """
import resource
import gradarray as ga

def run():
    x = ga.ones(100_000)
    return float(ga.sum(x * 2 + x * 3 - x * 4))

run(), run()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    run()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 20)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this is glibc's way to give memory back")
def test_memory_of_large_arrays_is_not_asked_of_the_system_again_and_again():
    faults = int(subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True).stdout)
    assert faults < 100  # of the seven arrays one alone has a hundred pages
