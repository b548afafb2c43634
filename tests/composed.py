"""A function composed of others, against a formula in NumPy: its values, its gradients, the gradients of these.

A case has real or complex arrays, all of which the function differentiates in; whatever else it takes is bound in it.
Derivatives are taken along one direction drawn at random, in which a wrong one shows as well as in each alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

import numpy as np
import pytest

import gradarray as ga

STRICT = any(point.name == "strict" for point in entry_points(group="gradarray"))
DEVICES = (
    "cpu",
    pytest.param("strict:device1", marks=pytest.mark.skipif(not STRICT, reason="gradarray-strict is not installed")),
)
STEP = 1e-5
EXACT, DIFFERENCE = 1e-12, 1e-7

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False)
class Case:
    """One call.

    Attributes
    ----------
    name : str
    function, reference : callable
        Of tensors, and of NumPy's arrays; of several results they give a tuple.
    arrays : tuple
    second : bool
        There is a second derivative that differences can tell.
    """

    name: str
    function: Callable[..., Any]
    reference: Callable[..., Any]
    arrays: tuple[Array, ...]
    second: bool = True
    fixed: tuple[Array, ...] = field(default=())  # further arguments without a derivative

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{x.dtype}{list(x.shape)}' for x in (*self.arrays, *self.fixed))})"


def drawn(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0, cplx: bool = False) -> Array:
    rng = np.random.default_rng(seed + 17 * sum(shape))
    x = np.asarray(rng.uniform(low, high, shape))
    return np.asarray(x + 1j * rng.uniform(low, high, shape)) if cplx else x


def host(x: Any) -> Array:
    """A tensor's values in NumPy, copied."""
    return np.array(x._place.backend.to_numpy(x._data))


def listed(out: Any) -> list[Any]:
    return list(out) if isinstance(out, tuple | list) else [out]


def noise(like: Array, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(like.shape)
    return np.asarray(x + 1j * rng.standard_normal(like.shape) if like.dtype.kind == "c" else x)


def inner(pairs: Any) -> float:
    return sum(float(np.vdot(a, b).real) for a, b in pairs)


def gradients(case: Case, arrays: Any, us: list[Array], device: str, **options: Any) -> tuple[list[Any], list[Any]]:
    """The inputs as tensors, and the gradients of ⟨us, results⟩ in them."""
    xs = [ga.asarray(x, device=device, copy=True).requires_grad_() for x in arrays]
    outs = [out for out in listed(case.function(*xs, *fixed(case, device))) if out.dtype.kind in "fc"]
    seeds = [ga.asarray(u, device=device) for u in us]
    return xs, list(ga.autograd.grad(outs, xs, seeds, materialize_grads=True, **options))


def fixed(case: Case, device: str) -> list[Any]:
    return [ga.asarray(x, device=device) for x in case.fixed]


def check_forward(case: Case, device: str) -> None:
    found = listed(case.function(*(ga.asarray(x, device=device) for x in case.arrays), *fixed(case, device)))
    wanted = [np.asarray(want) for want in listed(case.reference(*case.arrays, *case.fixed))]
    here = ga.zeros(1, device=device).device
    for x, want in zip(found, wanted, strict=True):
        assert x.device == here
        assert (host(x).shape, host(x).dtype) == (want.shape, want.dtype)
        np.testing.assert_allclose(host(x), want, rtol=EXACT, atol=EXACT)


def outputs(case: Case, arrays: Any) -> list[Array]:
    found = [np.asarray(out) for out in listed(case.reference(*arrays, *case.fixed))]
    return [out for out in found if out.dtype.kind in "fc"]


def moved(case: Case, vs: list[Array], h: float) -> list[Array]:
    return [np.asarray(x + h * v) for x, v in zip(case.arrays, vs, strict=True)]


def check_gradient(case: Case, device: str) -> None:
    vs = [noise(x, 3 + i) for i, x in enumerate(case.arrays)]
    us = [noise(out, 30 + i) for i, out in enumerate(outputs(case, case.arrays))]
    there, back = (inner(zip(us, outputs(case, moved(case, vs, h)), strict=True)) for h in (STEP, -STEP))
    xs, gs = gradients(case, case.arrays, us, device)
    for x, g in zip(xs, gs, strict=True):
        assert (g.shape, g.dtype, g.device) == (x.shape, x.dtype, x.device)
    found = inner((v, host(g)) for v, g in zip(vs, gs, strict=True))
    want = (there - back) / (2 * STEP)
    assert abs(found - want) <= DIFFERENCE * max(1.0, abs(there), abs(want)), (found, want)


def check_second(case: Case, device: str) -> None:
    """⟨ws, gradients⟩ differentiated again, in the inputs and in the cotangents."""
    vs = [noise(x, 3 + i) for i, x in enumerate(case.arrays)]
    ws = [noise(x, 60 + i) for i, x in enumerate(case.arrays)]
    us = [noise(out, 30 + i) for i, out in enumerate(outputs(case, case.arrays))]

    def first(h: float) -> float:
        gs = gradients(case, moved(case, vs, h), us, device)[1]
        return inner((w, host(g)) for w, g in zip(ws, gs, strict=True))

    want = (first(STEP) - first(-STEP)) / (2 * STEP)
    xs, gs = gradients(case, case.arrays, us, device, create_graph=True)
    used = [(g, ga.asarray(w, device=device)) for g, w in zip(gs, ws, strict=True) if g.requires_grad]
    found = 0.0
    if used:
        outer = ga.autograd.grad([g for g, _ in used], xs, [w for _, w in used], materialize_grads=True)
        found = inner((v, host(g)) for v, g in zip(vs, outer, strict=True))
    assert abs(found - want) <= 10 * DIFFERENCE * max(1.0, abs(found), abs(first(0.0))), (found, want)
