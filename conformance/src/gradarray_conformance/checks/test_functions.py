"""Every function of the standard, by a few calls, with NumPy for the truth; and a backend's own kernels.

Knows the calls. Must not know any backend by name.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import gradarray as ga
from gradarray.backends import Backend, Device, get, resolve
from gradarray_conformance.arrays import check, function, put, within, wrapped
from gradarray_conformance.calls import CALLS, ELEMENTWISE, ODD, Call, X, Y
from gradarray_conformance.outcomes import not_run, unsupported

CHAPTER = "functions of the standard"
with_every_call = pytest.mark.parametrize("call", CALLS, ids=str)


def _given(call: Call, device: str) -> list[ga.Tensor]:
    return [ga.asarray(array, device=device, copy=True) for array in call.arrays]


def _flat(result: Any) -> Iterator[Any]:
    """The arrays of a result that may be a tuple."""
    yield from (result if isinstance(result, tuple | list) else [result])


def _run(call: Call, device: str, arrays: list[ga.Tensor]) -> list[ga.Tensor]:
    """What the call gives; what the backend is declared to lack is not supported."""
    missing = get(resolve(device).backend).capabilities_on(resolve(device)).missing
    try:
        with ga.device(device):
            return list(_flat(call.run(ga, *arrays)))
    except NotImplementedError as error:
        declared = next((why for name, why in missing.items() if why in str(error)), None)
        if declared is None:
            raise
        unsupported(f"{call.name}: {declared}")


def _truth(call: Call) -> list[np.ndarray[Any, Any]]:
    with np.errstate(all="ignore"):
        found = call.run(np, *call.arrays) if call.truth is None else call.truth(*call.arrays)
    return [np.asarray(value) for value in _flat(found)]


def _host(tensor: ga.Tensor) -> np.ndarray[Any, Any]:
    return np.asarray(tensor.detach().cpu().numpy())


@with_every_call
@pytest.mark.filterwarnings("ignore")
def test_a_function_gives_the_values_of_numpy(call: Call, device: str) -> None:
    found, expected = _run(call, device, _given(call, device)), _truth(call)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        host = _host(ours)
        assert host.shape == theirs.shape, f"{call} has shape {host.shape}, expected {theirs.shape}"
        exact = theirs.dtype.kind in "biu"
        np.testing.assert_allclose(host, theirs, rtol=0 if exact else 2e-5, atol=0 if exact else 2e-5, equal_nan=True)
        if call.signed:
            signs, wanted = (np.signbit(values)[theirs == 0] for values in (host, theirs))
            np.testing.assert_array_equal(signs, wanted, f"the sign of zero: got {host}, expected {theirs}")


@with_every_call
@pytest.mark.filterwarnings("ignore")
def test_a_function_gives_the_dtype_of_numpy(call: Call, device: str) -> None:
    have = {dtype.name for dtype in get(resolve(device).backend).dtypes(resolve(device)).values()}
    for ours, theirs in zip(_run(call, device, _given(call, device)), _truth(call)):
        name = ours.dtype.name
        held = _host(ours).dtype.name
        assert held == name, f"the result of {call.name} is to be of {name}, what its kernel gave is of {held}"
        if theirs.dtype.name in have:
            assert name == theirs.dtype.name
        else:  # the default integer, where it is int32
            assert np.dtype(name).kind == theirs.dtype.kind


@with_every_call
@pytest.mark.filterwarnings("ignore")
def test_a_function_computes_on_its_device(call: Call, device: str) -> None:
    for ours in _run(call, device, _given(call, device)):
        assert str(ours.device) == device


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.filterwarnings("ignore")
def test_a_kernel_gives_an_array_on_its_device(name: str, device: str) -> None:
    """What the library itself says, where gradarray only remembers."""
    here = resolve(device)
    backend = get(here.backend)
    with within(backend, here):
        found = function(backend, here, name)(*(put(backend, array, here) for array in ELEMENTWISE[name]))
    assert backend.device_of(wrapped(backend, here, found)) == here


@pytest.mark.parametrize("call", [call for call in CALLS if call.arrays], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_a_function_leaves_its_inputs_alone(call: Call, device: str) -> None:
    arrays = _given(call, device)
    _run(call, device, arrays)
    for array, before in zip(arrays, call.arrays):
        np.testing.assert_array_equal(_host(array), before, f"{call.name} wrote to what it was given")


@pytest.mark.parametrize("call", [call for call in CALLS if call.arrays and not call.view], ids=str)
@pytest.mark.filterwarnings("ignore")
def test_a_function_gives_memory_of_its_own(call: Call, device: str) -> None:
    """A write to the result must not be seen in what it was computed from."""
    arrays = _given(call, device)
    for ours in _run(call, device, arrays):
        if all(isinstance(length, int) for length in ours.shape):
            ours.zero_()
    words = f"{call.name} gave a view: a write to the result is seen in what it was given; let a kernel copy"
    for array, before in zip(arrays, call.arrays):
        np.testing.assert_array_equal(_host(array), before, words)


# -- kernels of a backend's own, which gradarray takes where they are there --------------------------------------------


def _windows(x: Any) -> Any:
    return np.lib.stride_tricks.sliding_window_view(x, (2, 2)).transpose(2, 3, 0, 1).reshape(4, 2, 3)


def _log_softmax(x: Any) -> Any:
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _mixed(x: Any, y: Any, n: float) -> Any:
    return np.hypot(x, y) + n


ZEROS = np.zeros(7, np.float32)
ZEROS[5] = 2
KERNELS: dict[str, tuple[tuple[Any, ...], dict[str, Any], Any]] = {
    "strong_multiply": ((ZEROS, ODD), {}, np.array([0, 0, 0, 0, 0, 3, 0], np.float32)),
    "chosen": (
        (np.array([-1, np.inf, np.nan, 2], np.float32), np.array([0, 0, 0, 0.5], np.float32)), {},
        np.array([0, 0, 0, 1], np.float32),
    ),
    "relu_backward": ((X[0], np.array([0.5, 0.0, -0.0, np.nan], np.float32)), {}, X[0] * [1, 0, 0, 1]),
    "sigmoid_backward": ((X, Y), {}, X * (Y * (1 - Y))),
    "tanh_backward": ((X, Y), {}, X * (1 - Y * Y)),
    "sum_rows": ((X,), {}, X.sum(axis=0)),
    "matmul_nt": ((X, Y[:2]), {}, X @ Y[:2].T),
    "matmul_tn": ((X, Y[:, :2]), {}, X.T @ Y[:, :2]),
    "spread": ((X,), {"shape": (2, 3, 4)}, np.broadcast_to(X, (2, 3, 4))),
    "view": ((X,), {"shape": (4, 3)}, X.reshape(4, 3)),
    "clone": ((X,), {}, X),
    "pow_number": ((X, 3), {}, X**3),
    "indicator": ((X > 0, X), {}, (X > 0).astype(np.float32)),
    "softmax": ((X,), {"axis": 1}, np.exp(_log_softmax(X))),
    "log_softmax": ((X,), {"axis": 1}, _log_softmax(X)),
    "logsumexp": ((X,), {"axis": 1, "keepdims": False}, np.log(np.exp(X).sum(axis=1))),
    "windows": ((X,), {"sizes": (2, 2), "strides": (1, 1), "dilations": (1, 1)}, _windows(X)),
    "windows_adjoint": (
        (_windows(Y),), {"shape": (3, 4), "sizes": (2, 2), "strides": (1, 1), "dilations": (1, 1)},
        Y * np.array([[1, 2, 2, 1], [2, 4, 4, 2], [1, 2, 2, 1]], np.float32),
    ),
    "by_chunks": ((X, Y[:1], 2.0), {"function": _mixed}, _mixed(X, Y[:1], 2.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.filterwarnings("ignore")
def test_a_kernel_of_its_own_computes_what_it_is_named_for(name: str, device: str) -> None:
    here = resolve(device)
    backend = get(here.backend)
    arguments, parameters, expected = KERNELS[name]
    own = backend.kernels(here).get(name)
    if own is None:
        not_run("the backend has no kernel of its own; gradarray composes it")
    with within(backend, here):
        found = own(*(put(backend, argument, here) for argument in arguments), **parameters)
    np.testing.assert_allclose(backend.to_numpy(found), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_a_view_of_what_cannot_be_viewed_is_refused(device: str) -> None:
    here = resolve(device)
    backend = get(here.backend)
    own = backend.kernels(here).get("view")
    if own is None or not backend.capabilities_on(here).views:
        not_run("the backend has no kernel of its own, or no views")
    with within(backend, here):
        turned = put(backend, X.T, here)
        strided = backend.getitem(put(backend, np.zeros((4, 6), np.float32), here), (slice(None), slice(0, 4), ...))
        with pytest.raises((ValueError, RuntimeError)):
            own(strided, shape=(16,))
    assert tuple(turned.shape) == (4, 3)


IN_PLACE = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul, "divide": operator.truediv}


@pytest.mark.parametrize("name", IN_PLACE)
def test_an_operation_in_place_writes(name: str, device: str) -> None:
    here: Device = resolve(device)
    backend: Backend = get(here.backend)
    own = backend.in_place(here).get(name)
    if own is None:
        not_run("the backend has no function of its own; gradarray writes the result")
    for y in (Y, Y[0], np.array(2, np.float32), 2.0):
        x, other = put(backend, X, here), put(backend, y, here)
        view = backend.getitem(x, ...)
        with within(backend, here):
            own(x, other)
        for found in (x, view) if backend.capabilities_on(here).views else (x,):
            assert backend.device_of(found) == here and tuple(found.shape) == X.shape
            np.testing.assert_allclose(backend.to_numpy(found), IN_PLACE[name](X, y), rtol=1e-6, err_msg=f"with {y}")
        if isinstance(y, np.ndarray):
            check(backend, other, y, here)
