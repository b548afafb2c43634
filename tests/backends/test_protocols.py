"""What a library asks of objects that are not its own, such as JAX of ``__jax_array__``: tensors on it answer."""

from typing import ClassVar

import numpy as np
import pytest

import gradarray as ga
from gradarray.backends import Device, register, unregister
from gradarray.backends.numpy import NumpyBackend


class Boxed(np.ndarray):
    pass


def boxed(array):
    return np.array(array).view(Boxed)


class BoxedBackend(NumpyBackend):
    name = "boxed"
    array_types = (Boxed,)
    protocols: ClassVar = {"__box__": lambda array: array, "shape": lambda array: "the library's"}

    def devices(self):
        return (Device("boxed", "cpu"),)

    def device_of(self, array):
        return Device("boxed", "cpu")

    def kernels(self, device):
        return {**super().kernels(device), "asarray": lambda x, dtype=None, copy=None: boxed(np.asarray(x, dtype))}

    def from_numpy(self, array, device, *, copy):
        return boxed(array)


@pytest.fixture
def x():
    register(BoxedBackend())
    yield ga.tensor([1.0, 2.0], device="boxed:cpu")
    unregister("boxed")


def test_a_tensor_answers_for_its_array(x):
    assert type(x.__box__()) is Boxed and x.__box__().tolist() == [1.0, 2.0]
    assert x.shape == (2,)  # what tensors have themselves stays


def test_a_tensor_elsewhere_does_not(x):
    there = ga.tensor([1.0])
    assert not hasattr(there, "__box__")
    with pytest.raises(AttributeError, match=r"^'Tensor' object has no attribute '__box__' on cpu$") as raised:
        there.__box__()
    assert (raised.value.name, raised.value.obj is there) == ("__box__", True)


def test_a_tensor_on_the_tape_or_inside_of_a_transform_refuses(x):
    with pytest.raises(RuntimeError, match=r"cannot become an array of boxed's .* Use tensor\.detach\(\)"):
        x.clone().requires_grad_().__box__()
    with pytest.raises(AttributeError, match="__box__"):
        ga.func.vmap(lambda row: row.__box__())(x)


def test_attributes_are_read_at_once():
    # with a __getattr__ the interpreter looks up each attribute of each tensor the long way, in every operation
    assert not hasattr(ga.Tensor, "__getattr__")
    assert ga.Tensor.__getattribute__ is object.__getattribute__
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'colour'"):
        ga.ones(1).colour
