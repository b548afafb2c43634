"""Derivatives at kinks, ties, zeros and infinities, and of complex numbers: as PyTorch has them, with two exceptions.

A zero cotangent gives a zero gradient, also where a derivative is infinite or nan; and the second derivative is right
also where a factor is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, nan
from typing import Any

import numpy as np
import pytest

import gradarray as ga
from gradarray_conformance import samples_special
from gradarray_conformance.needs import double_precision  # noqa: F401 - a fixture
from gradarray_conformance.samples import OPERATIONS, TOLERANCE, Array, Sample, host, jvp
from gradarray_conformance.special_cases import COMPLEX, REAL, Case

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
EXACT = TOLERANCE["float64"].exact


def leaf(x: Any) -> Any:
    """A leaf of float64 or complex128."""
    x = np.asarray(x)
    return ga.asarray(x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)).requires_grad_()


def gradients(function: Callable[..., Any], xs: Sequence[Any], u: Any = None, **options: bool) -> tuple[Any, Any]:
    """The output, and the gradients for the cotangent ``u``: by default 1, for complex outputs 1 + 0.5j."""
    out = function(*xs)
    u = (1 + 0.5j if out.dtype.kind == "c" else 1.0) if u is None else u
    seed = ga.asarray(np.full(out.shape, u))
    return out, ga.autograd.grad(out, xs, seed, materialize_grads=True, **options)


@pytest.mark.parametrize("case", [*REAL, *COMPLEX], ids=lambda case: case.name)
def test_gradient_is_pytorchs(case: Case, device: str) -> None:
    if device != "cpu" and case in COMPLEX and case.name in ("var", "std"):
        return  # NumPy's extension of the standard
    with ga.device(device):
        xs = [leaf(x) for x in case.inputs]
        _, gs = gradients(case.function, xs)
    for x, g, want in zip(xs, gs, case.gradients, strict=True):
        assert (g.shape, g.dtype, g.device) == (x.shape, x.dtype, ga.device(device))
        np.testing.assert_allclose(host(g), want, rtol=EXACT, atol=EXACT)


@pytest.mark.parametrize("case", [*REAL, *COMPLEX], ids=lambda case: case.name)
def test_create_graph_changes_no_special_gradient(case: Case, device: str) -> None:
    if device != "cpu" and case in COMPLEX and case.name in ("var", "std"):
        return
    with ga.device(device):
        xs = [leaf(x) for x in case.inputs]
        _, gs = gradients(case.function, xs, create_graph=True)
    for g, want in zip(gs, case.gradients, strict=True):
        np.testing.assert_allclose(host(g), want, rtol=EXACT, atol=EXACT)


# -- a zero cotangent --------------------------------------------------------------------------------------------------

SINGULAR = [
    ("divide", (1.0, 0.0)),
    ("divide", (0.0, 0.0)),
    ("reciprocal", (0.0,)),
    ("pow", (0.0, -1.0)),
    ("pow", (0.0, 0.5)),
    ("pow", (0.0, 0.0)),
    ("pow", (-1.0, 0.5)),
    ("exp", (1000.0,)),
    ("expm1", (1000.0,)),
    ("sinh", (-1000.0,)),
    ("cosh", (1000.0,)),
    ("log", (0.0,)),
    ("log", (-1.0,)),
    ("log1p", (-1.0,)),
    ("log2", (0.0,)),
    ("log10", (0.0,)),
    ("sqrt", (0.0,)),
    ("sqrt", (-1.0,)),
    ("rsqrt", (0.0,)),
    ("logaddexp", (-inf, -inf)),
    ("hypot", (0.0, 0.0)),
    ("asin", (1.0,)),
    ("acos", (-1.0,)),
    ("acosh", (1.0,)),
    ("acosh", (0.0,)),
    ("atan2", (0.0, 0.0)),
    ("atan2", (inf, inf)),
    ("atanh", (1.0,)),
    ("binary_cross_entropy", (0.0, 0.5)),
    ("binary_cross_entropy", (1.0, 1.0)),
    *samples_special.SINGULAR,
]
"""Where a partial derivative is infinite or nan."""

at_each_singular_point = pytest.mark.parametrize(
    ("name", "point"), SINGULAR, ids=[f"{name}({', '.join(map(str, point))})" for name, point in SINGULAR]
)


@at_each_singular_point
def test_zero_cotangent_gives_zero_gradient(name: str, point: tuple[float, ...], device: str) -> None:
    with ga.device(device):
        xs = [leaf([x]) for x in point]
        for create_graph in (False, True):
            _, gs = gradients(OPERATIONS[name], xs, u=0.0, create_graph=create_graph)
            assert [host(g).tolist() for g in gs] == [[0.0]] * len(xs)


@pytest.mark.parametrize("name", dict.fromkeys(name for name, _ in SINGULAR))
def test_the_branch_not_taken_poisons_no_gradient_of_any_order(name: str, device: str) -> None:
    points = [point for n, point in SINGULAR if n == name]
    with ga.device(device):

        def order(n: int, points: Sequence[Sequence[float]]) -> list[Array]:
            """The sum of the gradient's squares, of the gradient of that, and so on; of the points only 2 is taken."""
            xs = [leaf([*x, 2.0]) for x in zip(*points, strict=True)]
            taken = ga.asarray([False] * len(points) + [True])
            total = ga.where(taken, OPERATIONS[name](*xs), 0.0).sum()
            for _ in range(n - 1):
                gs = ga.autograd.grad(total, xs, create_graph=True, materialize_grads=True)
                total = sum((g * g).sum() for g in gs)
            return [host(g) for g in ga.autograd.grad(total, xs, materialize_grads=True)]

        for n in (1, 2, 3):
            # a product with an infinity is on its own
            left = [point for point in points if n == 1 or np.isfinite(point).all()]
            if left:
                found, away = order(n, left), order(n, [[2.0] * len(point) for point in left])
                assert all((g[:-1] == 0).all() for g in found), n
                np.testing.assert_array_equal([g[-1] for g in found], [g[-1] for g in away])


@at_each_singular_point
def test_a_zero_cotangent_that_requires_a_gradient_still_gives_the_jvp(
    name: str, point: tuple[float, ...], device: str
) -> None:
    """Zero beats infinity in the gradient, but not in its derivative with respect to the cotangent."""
    sample = Sample(name, tuple(np.asarray([x]) for x in point))
    tangents = {i: np.asarray([1.0 + i]) for i in range(len(point))}
    with ga.device(device):
        xs = [leaf([x]) for x in point]
        seed = leaf([0.0])
        gs = ga.autograd.grad(OPERATIONS[name](*xs), xs, seed, create_graph=True)
        used = [(g, ga.asarray(t)) for g, t in zip(gs, tangents.values(), strict=True) if g.requires_grad]
        (found,) = ga.autograd.grad([g for g, _ in used], seed, [t for _, t in used])
    np.testing.assert_allclose(host(found), jvp(sample, tangents, device), rtol=EXACT)


CHOICES: dict[str, Callable[[Any], Any]] = {
    "relu": ga.relu,
    "clamp": lambda x: ga.clip(x, -2.0, 1.0),
    "clamp_min": lambda x: OPERATIONS["clamp_min"](x, ga.full_like(x, 0.5)),
    "clamp_max": lambda x: OPERATIONS["clamp_max"](x, ga.full_like(x, 0.5)),
    "maximum": lambda x: ga.maximum(x, ga.full_like(x, 0.5)),
    "minimum": lambda x: ga.minimum(ga.full_like(x, 0.5), x),
    "where": lambda x: ga.where(x > 0, x, 0.0),
    "a slice": lambda x: x[::2],
    "tril": lambda x: ga.tril(x),
}


@pytest.mark.parametrize("size", [2, 2_000])
@pytest.mark.parametrize("u", [-1.5, -inf, nan])
@pytest.mark.parametrize("name", CHOICES)
def test_what_was_not_chosen_has_gradient_plus_zero_whatever_the_cotangent(
    name: str, u: float, size: int, device: str
) -> None:
    """Not -1.5 · 0, which is printed as -0, nor inf · 0; nor in forward mode."""
    column = np.array([[-3.0], [0.25], [7.0], [-0.25]], np.float32)
    x = ga.asarray(np.ascontiguousarray(np.broadcast_to(column, (4, size))), device=device)
    function = CHOICES[name]
    chosen = host(ga.autograd.grad(function(x.requires_grad_()).sum(), x)[0]) != 0
    assert chosen.any() and not chosen.all()
    for create_graph in (False, True):
        out = function(x)
        (g,) = ga.autograd.grad(out, x, ga.full_like(out, u), create_graph=create_graph)
        np.testing.assert_array_equal(host(g), np.where(chosen, np.float32(u), np.float32(0)))
        assert not np.signbit(host(g)[~chosen]).any()
    if name != "a slice":
        tangent = host(ga.func.jvp(function, (x.detach(),), (ga.full_like(x.detach(), u),))[1])
        np.testing.assert_array_equal(tangent[~chosen], 0)


# -- beyond PyTorch ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "x", "hessian"),
    [
        (ga.prod, [2.0, 0.0, 3.0], [[0, 3, 0], [3, 0, 2], [0, 2, 0]]),
        (ga.prod, [0.0, 0.0, 3.0], [[0, 3, 0], [3, 0, 0], [0, 0, 0]]),
        (lambda x: ga.cumulative_prod(x).sum(), [2.0, 0.0, 3.0], [[0, 4, 0], [4, 0, 2], [0, 2, 0]]),
        (lambda x: ga.cumulative_prod(x).sum(), [0.0, 0.0, 3.0], [[0, 4, 0], [4, 0, 0], [0, 0, 0]]),
        (lambda x: (x[0] ** x[1]).sum(), [2.0, 0.0], [[0, 0.5], [0.5, np.log(2) ** 2]]),
        (ga.linalg.vector_norm, [3.0, 4.0], [[16 / 125, -12 / 125], [-12 / 125, 9 / 125]]),
        (ga.var, [1.0, 1.0], [[0.5, -0.5], [-0.5, 0.5]]),
        (lambda x: ga.maximum(x[0], x[1]), [1.0, 1.0], [[0, 0], [0, 0]]),
    ],
    ids=["prod", "prod, two zeros", "cumulative_prod", "cumulative_prod, two zeros", "pow", "norm", "var", "maximum"],
)
def test_second_derivative(function: Callable[[Any], Any], x: Any, hessian: Any, device: str) -> None:
    with ga.device(device):
        x = leaf(x)
        (g,) = ga.autograd.grad(function(x), x, create_graph=True)
        rows = [
            ga.autograd.grad(gi, x, retain_graph=True, materialize_grads=True)[0] if gi.requires_grad else x * 0
            for gi in g
        ]
        np.testing.assert_allclose([host(row.detach()) for row in rows], hessian, rtol=EXACT, atol=EXACT)


def test_an_empty_reduction_has_an_empty_gradient(device: str) -> None:
    with ga.device(device):
        for shape, axis in (((0,), None), ((0, 3), 0), ((3, 0), 1), ((3, 0), 0)):
            for function in (ga.sum, ga.prod, ga.mean, ga.var, ga.std):
                x = leaf(np.zeros(shape))
                _, (g,) = gradients(lambda x, f=function, a=axis: f(x, axis=a), [x])
                assert g.shape == shape


def test_max_over_another_axis_of_an_empty_tensor(device: str) -> None:
    with ga.device(device):
        x = leaf(np.zeros((0, 3)))
        out, (g,) = gradients(lambda x: ga.max(x, axis=1), [x])
        assert (out.shape, g.shape) == ((0,), (0, 3))
        with pytest.raises(RuntimeError, match="no element to choose from along axis 0"):
            ga.max(x, axis=0)


@pytest.mark.parametrize("dtype", [ga.float32, ga.float64])
def test_sigmoid_keeps_its_digits_far_out(dtype: ga.dtype, device: str) -> None:
    x = ga.asarray([-80.0, -30.0, 30.0, 80.0], dtype=dtype, device=device).requires_grad_()
    out = ga.sigmoid(x)
    (g,) = ga.autograd.grad(out.sum(), x)
    exact = TOLERANCE[dtype.name].exact
    small = np.exp([-80.0, -30.0])
    np.testing.assert_allclose(host(out)[:2], small / (1 + small), rtol=exact)
    np.testing.assert_allclose(host(g)[:2], small / (1 + small) ** 2, rtol=exact)
    assert host(ga.sigmoid(ga.asarray([-1e30, 1e30], device=device))).tolist() == [0.0, 1.0]


def test_cumulative_prod_of_many_needs_no_square_of_memory(device: str) -> None:
    with ga.device(device):
        n = 50_000
        x = ga.asarray(np.full(n, 1.0)).requires_grad_()
        (g,) = ga.autograd.grad(ga.cumulative_prod(x).sum(), x)
        np.testing.assert_array_equal(host(g), np.arange(n, 0, -1.0))


@pytest.mark.parametrize(
    "loss", [ga.abs, lambda z: ga.real(z * ga.conj(z)), lambda z: ga.real(z) ** 2 + ga.imag(z) ** 2]
)
def test_descent_along_the_gradient_of_a_complex_number_lowers_a_real_loss(
    loss: Callable[[Any], Any], device: str
) -> None:
    with ga.device(device):
        z = leaf([1 + 2j])
        (g,) = ga.autograd.grad(loss(z).sum(), z)
        steepest = host(z.detach()) / abs(1 + 2j)
        np.testing.assert_allclose(host(g) / abs(host(g)), steepest, rtol=EXACT)


def test_nan_is_no_winner_and_no_loser(device: str) -> None:
    with ga.device(device):
        x = leaf([nan, 1.0])
        (g,) = ga.autograd.grad(ga.max(x), x)
        assert np.isnan(host(g)).all()
