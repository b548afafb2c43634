"""`gradarray.testing`: comparison, and the operations as tests see them."""

import numpy as np
import pytest

import gradarray as ga
from gradarray.testing import Placeholder, assert_close, operations

NAN, INF = float("nan"), float("inf")


def t(values, dtype=ga.float64):
    return ga.tensor(values, dtype=dtype)


CLOSE = {
    "equal": (t([1.0, 2.0]), t([1.0, 2.0])),
    "round-off of float64": (t([1.0]), t([1.0 + 1e-7])),
    "round-off of float32": (t([1.0], ga.float32), t([1.000_01], ga.float32)),
    "complex": (t([1 + 1j], ga.complex128), t([1 + 1j + 1e-8], ga.complex128)),
    "infinities": (t([INF, -INF]), t([INF, -INF])),
    "nothing": (ga.zeros((0, 3)), ga.zeros((0, 3))),
    "whole numbers": (ga.tensor([2**62 + 1]), ga.tensor([2**62 + 1])),
    "truth": (ga.tensor([True]), ga.tensor([True])),
    "NumPy": (t([1.0]), np.array([1.0])),
    "a number": (t(1.0, ga.float32), 1),
    "numbers": (1.0, 1.0 + 1e-9),
    "sequences": ([t([1.0]), 2.0], (t([1.0]), 2.0)),
    "mappings": ({"a": t(1.0), "b": [t(2.0)]}, {"b": [t(2.0)], "a": t(1.0)}),
}


@pytest.mark.parametrize(("actual", "expected"), CLOSE.values(), ids=CLOSE)
def test_close(actual, expected):
    assert_close(actual, expected)


APART = {
    "value": (t([1.0, 2.0]), t([1.0, 2.1]), r"1 of 2 elements are not close \(50.0 %\), of shape \[2\]"),
    "where": (t([[0.0, 5.0]]), t([[0.0, 7.0]]), r"absolute difference: 2 at index \(0, 1\): 5.0 and 7.0 \(up to 1e-07"),
    "0-d": (t(1.0), t(2.0), r"not close: 1.0 and 2.0.\nAbsolute difference: 1 .*\nRelative difference: 0.5"),
    "shape": (t([1.0]), t([[1.0]]), r"shapes are not equal: \[1\] and \[1, 1\]"),
    "dtype": (t([1.0]), t([1.0], ga.float32), "dtypes are not equal: float64 and float32; check_dtype=False"),
    "nan": (t([NAN]), t([NAN]), "1 of 1 elements"),
    "nan and a number": (t([NAN, 1.0]), t([1.0, 1.0]), "1 of 2 elements"),
    "infinity and a number": (t([1.0]), t([INF]), "1 of 1 elements"),
    "infinities of two signs": (t([INF]), t([-INF]), "1 of 1 elements"),
    "whole numbers": (ga.tensor([2**62 + 1]), ga.tensor([2**62]), "1 of 1 elements"),
    "imaginary part": (t([1 + 1j], ga.complex128), t([1 - 1j], ga.complex128), "difference: 2 at"),
    "in a sequence": ([t(1.0), [t(1.0), t(2.0)]], [t(1.0), [t(1.0), t(3.0)]], r"in element \[1\]\[1\]\."),
    "in a mapping": ({"a": t(1.0)}, {"a": t(3.0)}, r"in element \['a'\]\."),
    "length": ([t(1.0)], [], "lengths are not equal: 1 and 0"),
    "keys": ({"a": t(1.0)}, {"b": t(1.0)}, r"keys are not equal: \['a'\] and \['b'\]"),
}


@pytest.mark.parametrize(("actual", "expected", "said"), APART.values(), ids=APART)
def test_apart(actual, expected, said):
    with pytest.raises(AssertionError, match=said):
        assert_close(actual, expected)


def test_what_is_asked_of_it():
    assert_close(t([NAN, 1.0]), t([NAN, 1.0]), equal_nan=True)
    assert_close(t([1.0]), t([1.1]), rtol=0.2, atol=0)
    assert_close(t([1.0]), t([1.0 + 1e-6], ga.float32), check_dtype=False)  # the tolerance is that of float32
    with pytest.raises(AssertionError):
        assert_close(t([1.0]), t([1.0 + 1e-6]))
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(1, 2, msg="mine")
    with pytest.raises(AssertionError, match=r"^here: The values"):
        assert_close(1, 2, msg=lambda said: f"here: {said}")
    with pytest.raises(ValueError, match="both be given, or neither"):
        assert_close(1, 1, rtol=0.1)
    with pytest.raises(TypeError, match=r"expected is no tensor, .*: 'one'"):
        assert_close(1, "one")
    with pytest.raises(TypeError, match=r"actual\[0\] is no tensor"):
        assert_close([None], [1])


def test_devices():
    pytest.importorskip("array_api_strict")
    here, there = t([1.0]), t([1.0])
    try:
        there = there.to("strict:device1")
    except RuntimeError:
        pytest.skip("plugins/gradarray-strict is not installed")
    with pytest.raises(AssertionError, match="devices are not equal: strict:device1 and cpu; check_device=False"):
        assert_close(there, here)
    assert_close(there, here, check_device=False)
    assert_close(there, np.array([1.0]))


def test_tensors_on_the_tape_are_compared():
    x = t([1.0]).requires_grad_()
    assert_close(x * 2, t([2.0]))


def test_an_operation():
    power = operations()["pow"]
    assert (power.inputs, power.outputs, power.differentiable) == (2, 1, True)
    x, dx = t([2.0, 3.0]), t([1.0, 0.0])
    for road in power.roads:
        assert_close(road(x, 3), t([8.0, 27.0]))
    assert_close(power.jvp([x, t(3.0)], [dx, None]), t([12.0, 0.0]))
    assert len(power.roads) == 2 and len(operations()["sum"].roads) == 1


def test_an_operation_of_several_outputs_and_a_mixture_of_dtypes():
    sign, size = operations()["linalg.slogdet"].jvp([t([[2.0]])], [t([[1.0]])])
    assert_close((sign, size), (t(0.0), t(0.5)))
    x, z = t([2.0]), t([1j], ga.complex128)
    assert_close(operations()["multiply"].jvp([x, z], [t([3.0]), None]), t([3j], ga.complex128))


def test_a_key_with_placeholders():
    picked = operations()["index"](t([1.0, 2.0, 3.0]), ga.tensor([2, 0]), key=(Placeholder(0), ...))
    assert_close(picked, t([3.0, 1.0]))


def test_no_derivative_no_jvp():
    with pytest.raises(TypeError, match="argmax has no derivative, and so no jvp"):
        operations()["argmax"].jvp([t([1.0])], [t([1.0])])
