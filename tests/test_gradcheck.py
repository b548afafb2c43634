"""`gradcheck` and `gradgradcheck`: right functions pass, wrong ones fail, with both Jacobians."""

import numpy as np
import pytest

import gradarray as ga
from gradarray.autograd import GradcheckError, gradcheck, gradgradcheck

from .composed import DEVICES

BOTH = pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
FAST = pytest.mark.parametrize("fast_mode", [False, True])


def real(*values):
    return ga.tensor(values, dtype=ga.float64, requires_grad=True)


def cplx(*values):
    return ga.tensor(values, dtype=ga.complex128, requires_grad=True)


RIGHT = {
    "one input": (lambda x: x.exp() * x, lambda: real(0.5, -1.0)),
    "0-d": (lambda x: x**3, lambda: ga.tensor(1.5, dtype=ga.float64, requires_grad=True)),
    "empty": (lambda x: x.exp(), lambda: ga.zeros((0, 2), dtype=ga.float64, requires_grad=True)),
    "several of both": (lambda x, y: (x @ y, (x * y).sum()), lambda: (real(0.5, -1.0), real(2.0, 0.3))),
    "a number and an index": (lambda x, n, i: x[i] * n, lambda: (real(0.5, -1.0), 3.0, ga.tensor([1, 1]))),
    "holomorphic": (lambda z: z * z.exp(), lambda: cplx(0.5 + 1j, -1.0)),
    "not holomorphic": (lambda z: (z.abs(), z.conj() * z), lambda: cplx(0.5 + 1j, -1.0 + 0.1j)),
    "real and complex": (lambda x, z: x * z, lambda: (real(0.5), cplx(1j))),
    "whole numbers too": (lambda x: (x.sin(), x.argmax()), lambda: real(0.5, -1.0)),
    "no leaf": (lambda x: x.cos(), lambda: real(0.5, -1.0) * 2),
    "constant": (lambda x: (x.sin(), x.detach() * 0 + 1), lambda: real(0.5)),
    "in place": (lambda x: x.clone().mul_(x).add_(x), lambda: real(0.5, 2.0)),
}


@BOTH
@FAST
@pytest.mark.parametrize(("function", "inputs"), RIGHT.values(), ids=RIGHT)
def test_right(function, inputs, check, fast_mode):
    assert check(function, inputs(), fast_mode=fast_mode) is True


def half(x):
    """Of ``x**2`` it has half of the gradient."""
    return x.detach() * x


@FAST
def test_wrong_says_where_and_shows_both_jacobians(fast_mode):
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda x, y: (x + y, half(y)), (real(5.0, 7.0), real(0.5, -1.0)), fast_mode=fast_mode)
    said = str(caught.value)
    assert said.startswith(
        "Jacobian mismatch for output 1 with respect to input 1; the most at element 1 of the output"
    )
    numerical, analytical = said.partition("numerical:\n")[2].split("analytical:\n")

    def numbers(text):
        return np.array(text.replace("[", " ").replace("]", " ").split(), float)

    np.testing.assert_allclose(numbers(numerical), [1, 0, 0, -2], atol=1e-6)
    np.testing.assert_allclose(numbers(analytical), [0.5, 0, 0, -1])


@FAST
def test_wrong_for_complex_numbers(fast_mode):
    with pytest.raises(GradcheckError, match="the real and the imaginary part"):
        gradcheck(lambda z: z.detach().conj() * z, cplx(0.5 + 1j), fast_mode=fast_mode)


def test_a_gradient_that_is_missing_is_wrong():
    with pytest.raises(GradcheckError, match=r"analytical 0, numerical 1\."):
        gradcheck(lambda x, y: x + y.detach(), (real(0.5), real(1.0)))


def test_a_right_gradient_with_a_wrong_one():
    def scaled(x):
        return (x**2).sum() * x.detach().sum() - x.detach().square().sum() * (x - x.detach()).sum()

    with pytest.raises(GradcheckError):
        gradgradcheck(scaled, real(0.5, 2.0))


def test_false_instead():
    assert gradcheck(half, real(0.5), raise_exception=False) is False
    assert gradgradcheck(lambda x: half(x) * x, real(0.5), raise_exception=False) is False


def test_what_is_close_is_asked():
    nearly = lambda x: x * 1.001 - x.detach() * 0.001
    assert gradcheck(nearly, real(0.5), rtol=2e-3)
    with pytest.raises(GradcheckError):
        gradcheck(nearly, real(0.5), rtol=1e-4)
    assert gradcheck(nearly, real(0.5), rtol=1e-4, atol=1e-2)


def test_a_function_that_changes_is_no_function():
    times = iter(range(1, 100))
    with pytest.raises(GradcheckError, match=r"Backward is not reentrant: two passes from output 0 to input 0"):
        gradcheck(lambda x: x * next(times), real(0.5))


def test_the_dtype_of_a_gradient():
    x = ga.tensor([0.5], dtype=ga.float32, requires_grad=True)
    with pytest.warns(UserWarning, match="input 0 is of float32: differences will likely tell too little"):
        assert gradcheck(lambda x: x * 3, x, eps=1e-2, atol=1e-3, check_grad_dtypes=True)
    big = ga.tensor([1e9], dtype=ga.float32, requires_grad=True)
    with (
        pytest.warns(UserWarning, match="float32"),
        pytest.raises(ValueError, match=r"eps=1e-06 is nothing beside input 0"),
    ):
        gradcheck(lambda x: x, big)


def test_errors_of_the_caller():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x, ga.ones(2, dtype=ga.float64))
    with pytest.raises(TypeError, match="must give a tensor or a sequence of tensors, got float"):
        gradcheck(lambda x: 1.0, real(0.5))
    with pytest.raises(ValueError, match=r"got 2 grad_outputs for 1 outputs"):
        gradgradcheck(lambda x: x, real(0.5), [ga.ones(1, dtype=ga.float64)] * 2)


def test_cotangents_of_ones_own():
    x, g = real(0.5, -1.0), real(2.0, 3.0)
    seen = []

    def function(x):
        y = x**2
        y.register_hook(lambda cotangent: seen.append(cotangent.tolist()))
        return y

    assert gradgradcheck(function, x, g)
    assert seen[0] == [2.0, 3.0]


@BOTH
def test_nothing_is_left_behind(check):
    x = real(0.5, -1.0)
    assert check(lambda x: x.exp(), x)
    assert x.grad is None and x.tolist() == [0.5, -1.0] and x.is_leaf


@BOTH
@pytest.mark.parametrize("device", DEVICES)
def test_on_each_device(device, check):
    x = ga.tensor([0.5, -1.0], dtype=ga.float64, device=device, requires_grad=True)
    z = ga.tensor([1j, 2.0], dtype=ga.complex128, device=device, requires_grad=True)
    assert check(lambda x, z: (x * z, z.abs()), (x, z))
    assert check(lambda x, z: (x * z, z.abs()), (x, z), fast_mode=True)
    if check is gradcheck:
        with pytest.raises(GradcheckError, match="Jacobian mismatch"):
            check(half, x)


# -- forward mode, and many cotangents at once -------------------------------------------------------------------------

MORE = {
    gradcheck: {"check_forward_ad": True, "check_batched_grad": True},
    gradgradcheck: {"check_fwd_over_rev": True, "check_batched_grad": True},
}


@BOTH
@FAST
@pytest.mark.parametrize(("function", "inputs"), RIGHT.values(), ids=RIGHT)
def test_right_in_every_mode(function, inputs, check, fast_mode):
    assert check(function, inputs(), fast_mode=fast_mode, **MORE[check]) is True


class Skewed(ga.autograd.Function):
    """Squares; the tangent is three times too large, and the gradient is that of the first cotangent of a batch."""

    @staticmethod
    def forward(x):
        return x * x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * x * g

    @staticmethod
    def jvp(ctx, t):
        (x,) = ctx.saved_tensors
        return 6 * x * t


@FAST
def test_a_wrong_tangent_is_told_apart(fast_mode):
    assert gradcheck(Skewed.apply, real(0.5, 2.0), fast_mode=fast_mode)
    with pytest.raises(
        GradcheckError, match=r"^Jacobian mismatch in forward mode for output 0 with respect to input 0"
    ):
        gradcheck(Skewed.apply, real(0.5, 2.0), check_forward_ad=True, fast_mode=fast_mode)
    assert not gradcheck(Skewed.apply, real(0.5), check_forward_ad=True, check_backward_ad=False, raise_exception=False)
    with pytest.raises(GradcheckError, match="in forward mode"):
        gradgradcheck(lambda x: Skewed.apply(x) * x, real(0.5, 2.0), check_fwd_over_rev=True, fast_mode=fast_mode)


def test_a_wrong_batch_is_told_apart(monkeypatch):
    module = __import__("sys").modules["gradarray.autograd.gradcheck"]
    right = module.grad

    def first(*args, is_grads_batched=False, **options):
        found = right(*args, is_grads_batched=is_grads_batched, **options)
        return tuple(ga.stack([g[0], g[0]]) for g in found) if is_grads_batched else found

    assert gradcheck(lambda x: x.sin(), real(0.5, 2.0), check_batched_grad=True)
    monkeypatch.setattr(module, "grad", first)
    with pytest.raises(GradcheckError, match="for two cotangents at once are not those for one after the other"):
        gradcheck(lambda x: x.sin(), real(0.5, 2.0), check_batched_grad=True)
