"""Every operation of the table on a device: its values against NumPy's, its derivatives against one another.

⟨v, vjp(u)⟩ = ⟨jvp(v), u⟩ holds to round-off and binds the two rules of an operation to each other; central differences
bind them to the forward. All inner products are real ones, so complex numbers need no case of their own. The calls are
those of ``gradarray_conformance.samples``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradarray as ga
from gradarray_conformance import samples_linalg
from gradarray_conformance.needs import double_precision  # noqa: F401 - a fixture
from gradarray_conformance.samples import (
    DIFFERENTIABLE,
    OPERATIONS,
    SAMPLES,
    STEP,
    TOLERANCE,
    Array,
    Sample,
    about,
    forward,
    host,
    inner,
    jvp,
    lowered,
    noise,
    roads,
    run,
    samples,
    seed_of,
    shape_of,
    tensors,
)

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
per_operation = pytest.mark.parametrize("name", DIFFERENTIABLE)
WITHOUT = [name for name, operation in OPERATIONS.items() if not operation.differentiable and name in SAMPLES]
TWO_TENSORS = [
    name
    for name in DIFFERENTIABLE
    if OPERATIONS[name].inputs == 2 and OPERATIONS[name].broadcasts and name != "pow_number"
]


@pytest.mark.parametrize("name", SAMPLES)
def test_forward_is_numpys(name: str, device: str) -> None:
    for sample in samples(name, device):
        expected = sample.expected()
        wanted = [np.asarray(want) for want in (expected if isinstance(expected, tuple) else (expected,))]
        for road in roads(name):
            with about(sample):
                out = road(*tensors(sample.arrays, device), **sample.params)
                found = out if isinstance(out, tuple) else (out,)
                for x, want in zip(found, wanted, strict=True):
                    assert type(x) is ga.Tensor and x.device == ga.device(device) and not x.requires_grad
                    assert (host(x).dtype, shape_of(x)) == (want.dtype, want.shape)
                pairs = zip(*(samples_linalg.as_determined(name, tuple(y)) for y in (map(host, found), wanted)))
                for value, want in pairs:
                    tolerance = TOLERANCE.get(want.dtype.name)
                    if tolerance is None:
                        np.testing.assert_array_equal(value, want)
                    else:
                        np.testing.assert_allclose(value, want, rtol=tolerance.exact, atol=tolerance.exact)


@pytest.mark.parametrize("name", WITHOUT)
def test_without_a_derivative_nothing_requires_a_gradient(name: str, device: str) -> None:
    for sample in samples(name, device):
        with about(sample):
            out = roads(name)[0](*tensors(sample.arrays, device, sample.active), **sample.params)
            assert not any(x.requires_grad for x in (out if isinstance(out, tuple) else (out,)))


def directions(sample: Sample) -> tuple[dict[int, Array], Array]:
    """A tangent for each active input and a cotangent for the output."""
    seed = seed_of(str(sample))
    out = sample.output
    return {i: sample.direction(i, seed + i) for i in sample.active}, noise(out, seed - 1)


def differentiable(name: str, device: str) -> list[Sample]:
    """The samples whose output is of real or complex numbers."""
    return [s for s in samples(name, device) if s.active and s.output.dtype.kind in "fc"]


def gradients(
    sample: Sample, device: str, u: Any, road: Callable[..., Any], **options: bool
) -> tuple[list[Any], Any, Any]:
    """The inputs, the output, and the gradients of ⟨u, output⟩; zeros for an input that gets none."""
    xs = tensors(sample.arrays, device, sample.active)
    out = run(sample, xs, road)
    leaves = [xs[i] for i in sample.active]
    gs = ga.autograd.grad(out, leaves, u, materialize_grads=True, **options)
    return leaves, out, gs


def close(a: float, b: float, *sizes: float, tolerance: float) -> None:
    assert abs(a - b) <= tolerance * max(1.0, *sizes), (a, b)


def sizes(*pairs: tuple[Array, Array]) -> float:
    """The size of what is added up in inner products: their round-off is relative to that."""
    return sum(float(np.sum(np.abs(a) * np.abs(b))) for a, b in pairs)


@per_operation
def test_vjp_is_the_adjoint_of_jvp(name: str, device: str) -> None:
    for sample in differentiable(name, device):
        vs, u = directions(sample)
        with about(sample):
            tangent = jvp(sample, vs, device)
        for road in roads(name):
            with about(sample):
                _, out, gs = gradients(sample, device, ga.asarray(u, device=device), road)
                found = [host(g) for g in gs]
                assert (tangent.shape, tangent.dtype) == (u.shape, host(out).dtype)
                pairs = list(zip(vs.values(), found, strict=True))
                total = sum(inner(v, g) for v, g in pairs)
                close(total, inner(tangent, u), sizes(*pairs, (tangent, u)), tolerance=sample.round_off)


@per_operation
def test_jvp_of_one_input_has_the_shape_of_the_output(name: str, device: str) -> None:
    for sample in differentiable(name, device):
        vs, u = directions(sample)
        with about(sample):
            parts = [jvp(sample, {i: v}, device) for i, v in vs.items()]
            assert all(part.shape == u.shape for part in parts)
            if len(parts) == 1:
                continue
            whole = jvp(sample, vs, device)
            exact = sample.round_off
            np.testing.assert_allclose(
                sum(parts), whole, rtol=exact, atol=exact * (1 + np.max(np.abs(whole), initial=0))
            )


@per_operation
def test_jvp_is_the_limit_of_differences(name: str, device: str) -> None:
    for sample in differentiable(name, device):
        if not sample.smooth:
            continue
        vs, u = directions(sample)
        with about(sample):
            there, back = (forward(sample.moved(vs, h), device) for h in (STEP, -STEP))
            difference = (there - back) / (2 * STEP)
            tangent = jvp(sample, vs, device)
            scale = 1 + np.max(np.abs(tangent), initial=0)
            tolerance = TOLERANCE[u.dtype.name].difference
            np.testing.assert_allclose(tangent, difference, rtol=tolerance, atol=tolerance * scale)


@per_operation
def test_create_graph_changes_no_gradient(name: str, device: str) -> None:
    for sample in differentiable(name, device):
        u = ga.asarray(directions(sample)[1], device=device)
        for road in roads(name):
            with about(sample):
                plain = gradients(sample, device, u, road)[2]
                taped = gradients(sample, device, u, road, create_graph=True)[2]
                for a, b in zip(plain, taped, strict=True):
                    assert (shape_of(a), a.dtype, a.device) == (shape_of(b), b.dtype, b.device)
                    exact = TOLERANCE[a.dtype.name].exact
                    np.testing.assert_allclose(host(b), host(a), rtol=exact, atol=exact)


def loss_of_gradient(sample: Sample, u: Array, ws: list[Array], device: str) -> float:
    """⟨ws, vjp(u)⟩."""
    gs = gradients(sample, device, ga.asarray(u, device=device), sample.operation)[2]
    return sum(inner(w, host(g)) for w, g in zip(ws, gs, strict=True))


@per_operation
def test_gradient_of_gradient_is_the_limit_of_differences(name: str, device: str) -> None:
    for sample in differentiable(name, device):
        if not sample.smooth:
            continue
        vs, u = directions(sample)
        ws = [noise(sample.arrays[i], seed_of(name) + 7 * i) for i in sample.active]
        du = noise(u, seed_of(name) + 99)
        with about(sample):
            there, back = (
                loss_of_gradient(sample.moved(vs, h), np.asarray(u + h * du), ws, device) for h in (STEP, -STEP)
            )
        for road in roads(name):
            with about(sample):
                seed = ga.asarray(u, device=device, copy=True).requires_grad_()
                leaves, _, gs = gradients(sample, device, seed, road, create_graph=True)
                used = [(g, ga.asarray(w, device=device)) for g, w in zip(gs, ws, strict=True) if g.requires_grad]
                found = 0.0
                if used:
                    outer = ga.autograd.grad(
                        [g for g, _ in used], [*leaves, seed], [w for _, w in used], materialize_grads=True
                    )
                    found = sum(inner(v, host(g)) for v, g in zip((*vs.values(), du), outer, strict=True))
                tolerance = TOLERANCE[u.dtype.name].difference
                close(found, (there - back) / (2 * STEP), abs(found), abs(there), tolerance=10 * tolerance)


@per_operation
def test_gradient_of_gradient_by_a_zero_cotangent_is_the_jvp(name: str, device: str) -> None:
    """The transpose of the transpose, by which forward mode runs through the tape."""
    for sample in differentiable(name, device):
        vs, u = directions(sample)
        with about(sample):
            want = jvp(sample, vs, device)
        for road in roads(name):
            with about(sample):
                seed = ga.asarray(np.zeros_like(u), device=device).requires_grad_()
                gs = gradients(sample, device, seed, road, create_graph=True)[2]
                used = [
                    (g, ga.asarray(v, device=device)) for g, v in zip(gs, vs.values(), strict=True) if g.requires_grad
                ]
                found = np.zeros_like(u)
                if used:
                    g = ga.autograd.grad([g for g, _ in used], seed, [v for _, v in used], materialize_grads=True)
                    found = host(g[0])
                exact = sample.round_off
                np.testing.assert_allclose(found, want, rtol=exact, atol=exact * (1 + np.max(np.abs(want), initial=0)))


@per_operation
def test_a_gradient_is_of_its_inputs_shape_dtype_and_device_and_nothing_else_changes(name: str, device: str) -> None:
    for sample in differentiable(name, device):
        for change in (lowered, lambda x: x):
            arrays = tuple(map(change, sample.arrays))
            if "source" in sample.params and arrays[0].dtype != sample.arrays[0].dtype:
                continue  # astype is told its input's dtype
            moved = Sample(name, arrays, sample.params)
            with about(sample):
                tangent = jvp(moved, {i: noise(arrays[i], i) for i in sample.active}, device)
            for road in roads(name):
                with about(sample):
                    xs = tensors(arrays, device, sample.active)
                    out = run(moved, xs, road)
                    before = host(out)
                    if change is lowered:
                        assert out.dtype in (ga.float32, ga.complex64)
                    u = noise(before, 1)
                    seed = ga.asarray(u, device=device, copy=True)
                    leaves = [xs[i] for i in sample.active]
                    gs = ga.autograd.grad(out, leaves, seed, materialize_grads=True)
                    for x, g in zip(leaves, gs, strict=True):
                        assert (g.shape, g.dtype, g.device) == (x.shape, x.dtype, x.device)
                        assert not g.requires_grad
                    assert (tangent.shape, tangent.dtype) == (before.shape, before.dtype)
                    np.testing.assert_array_equal(host(out), before)
                    np.testing.assert_array_equal(host(seed), u)
                    for x, array in zip(xs, arrays, strict=True):
                        if isinstance(array, np.ndarray):
                            np.testing.assert_array_equal(host(x), array)


@pytest.mark.parametrize("name", TWO_TENSORS)
@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32"), ("int32", "float32")])
def test_each_input_gets_the_gradient_in_its_own_dtype(name: str, dtypes: tuple[str, str], device: str) -> None:
    arrays = [np.full((2, 2), 1.5 + i).astype(dtype) for i, dtype in enumerate(dtypes)]
    xs = [ga.asarray(x, device=device) for x in arrays]
    leaves = [x.requires_grad_() for x in xs if x.dtype is not ga.int32]
    out = OPERATIONS[name](*xs)
    assert out.dtype is ga.float64 if "float64" in dtypes else ga.float32
    for x, g in zip(leaves, ga.autograd.grad(out.sum(), leaves, materialize_grads=True), strict=True):
        assert g.dtype is x.dtype
