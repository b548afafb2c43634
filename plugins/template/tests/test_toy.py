"""What a backend promises, on every device of this one, with NumPy for the truth."""

import subprocess
import sys

import numpy as np
import pytest

import gradarray as ga
from gradarray.backends import get, unusable

BACKEND = get("toy")
on_every_device = pytest.mark.parametrize("device", BACKEND.devices(), ids=str)

VALUES = {"b": [True, False], "i": [0, 1, -128], "u": [0, 1, 255], "f": [0.0, -0.0, np.inf, np.nan], "c": [0, 1 - 2j]}
KEYS = [
    1,
    ...,
    slice(None, None, -1),
    (slice(1, None), None, 2),
    np.array([0, 0, -1]),
    (np.array([[0], [2]]), np.array([1, 3])),
    np.array([True, False, True]),
    np.arange(12).reshape(3, 4) % 3 == 0,
]


def test_the_contract_is_held_as_far_as_can_be_told_without_computing():
    assert unusable(BACKEND) is None


@on_every_device
def test_arrays_come_and_go(device):
    for raw, dtype in BACKEND.dtypes(device).items():
        host = np.array(VALUES[dtype.kind], dtype.__numpy_dtype__)
        for given in (host, host[::-1], host[0], host[:0], np.tile(host, (2, 3)).T):
            array = BACKEND.from_numpy(np.asarray(given), device, copy=True)
            assert type(array) in BACKEND.array_types and array.dtype == raw
            assert BACKEND.owns(array) and BACKEND.device_of(array) == device
            np.testing.assert_array_equal(BACKEND.to_numpy(array), given, strict=np.ndim(given) > 0)


@on_every_device
@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_reading_writing_and_adding_up(device, key):
    def put(x):
        return ga.asarray(x, device=device) if isinstance(x, np.ndarray) else x

    host = np.arange(12.0).reshape(3, 4)
    there = tuple(map(put, key)) if isinstance(key, tuple) else put(key)
    x = put(host.copy()).requires_grad_()
    np.testing.assert_array_equal(x[there].detach().cpu().numpy(), host[key])
    x[there].sum().backward()
    expected = np.zeros((3, 4))
    np.add.at(expected, key, 1.0)
    np.testing.assert_array_equal(x.grad.cpu().numpy(), expected)
    y = put(host.copy())
    y[there] = -0.0
    host[key] = -0.0
    np.testing.assert_array_equal(y.cpu().numpy(), host)
    np.testing.assert_array_equal(np.signbit(y.cpu().numpy()), np.signbit(host))


@on_every_device
def test_gradients_are_those_of_the_cpu(device):
    def second_gradient(x):
        y = (x.exp() @ x.mT).softmax(dim=0).sum(dim=1).cumsum(0).prod() + ga.where(x > 1, x, 0.0).max()
        (g,) = ga.autograd.grad(y, x, create_graph=True)
        return ga.autograd.grad((g * g).sum(), x)[0]

    x = ga.tensor([[0.5, -1.0], [2.0, 0.25]])
    found = second_gradient(x.to(device).requires_grad_())
    assert found.device == device
    np.testing.assert_allclose(found.cpu().numpy(), second_gradient(x.requires_grad_()).numpy(), rtol=1e-4, atol=1e-5)


@on_every_device
def test_devices_do_not_mix(device):
    with pytest.raises(RuntimeError, match=f"{device} and cpu"):
        ga.ones(2, device=device) + ga.ones(2)


@on_every_device
def test_the_tutorial_holds(device):
    argv = [sys.executable, "-m", "gradarray", "tutorial", "--plain", "--device", str(device)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
