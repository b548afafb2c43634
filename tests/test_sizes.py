"""A library whose shapes are of a subclass of tuple, as PyTorch's are: also where modules are compiled, with types."""

import numpy as np
import pytest

import gradarray as ga
from gradarray.backends import Device, register, unregister
from gradarray.backends.numpy import NumpyBackend


class Size(tuple):
    """Of integers."""


class Sized(np.ndarray):
    @property
    def shape(self):
        return Size(np.ndarray.shape.__get__(self))


def sized(array):
    return np.array(array).view(Sized)


class SizedBackend(NumpyBackend):
    name = "sized"
    array_types = (Sized,)

    def devices(self):
        return (Device("sized", "cpu"),)

    def device_of(self, array):
        return Device("sized", "cpu")

    def kernels(self, device):
        return {**super().kernels(device), "asarray": lambda x, dtype=None, copy=None: sized(np.asarray(x, dtype))}

    def from_numpy(self, array, device, *, copy):
        return sized(array)


@pytest.fixture
def device():
    backend = SizedBackend()
    register(backend)
    yield "sized:cpu"
    unregister(backend.name)


def recurrent(x):
    w, b, h = x[:3] * 0.1, x[3], x[4:]
    for _ in range(20):
        h = ga.tanh(h @ w + b)
    return h


PROGRAMS = {
    "a broadcast": lambda x: x * x[0] + x[:, :1],
    "slices": lambda x: x[1:, ::2] * x[:-1, 1:],
    "a gather": lambda x: x[[0, 0, 2]],
    "reshaped": lambda x: x.reshape(3, 5).T.expand(2, 5, 3),
    "joined": lambda x: ga.concat([x, x * x]),
    "padded": lambda x: ga.nn.functional.pad(x, (1, 1)),
    "many steps": recurrent,
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("create_graph", [False, True])
def test_gradients_are_those_of_numpy(name, create_graph, device):
    def gradient(where):
        x = ga.tensor(np.linspace(-1, 1, 15).reshape(5, 3), device=where, requires_grad=True)
        y = PROGRAMS[name](x)
        (g,) = ga.autograd.grad((y * y).sum(), x, create_graph=create_graph)
        return g.detach().cpu().numpy()

    assert type(ga.tensor([1.0], device=device)._data.shape) is Size
    np.testing.assert_allclose(gradient(device), gradient("cpu"), rtol=1e-12, atol=1e-15)
    assert np.any(gradient(device))
