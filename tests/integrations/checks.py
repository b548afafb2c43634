"""What every taught function must do: the values of the original, and derivatives that agree with differences."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import gradarray as ga

STEP = 1e-6


def arrays(result: Any) -> Iterator[Any]:
    """The arrays and numbers in a result, from left to right."""
    if isinstance(result, tuple | list):
        for part in result:
            yield from arrays(part)
    elif result is not None:
        yield result


def host(x: Any) -> np.ndarray:
    return x.numpy(force=True) if isinstance(x, ga.Tensor) else np.asarray(x)


def projected(results: Any, rng: np.random.Generator, namespace: Any) -> Any:
    """The real inner product of all that a function returns with random numbers."""
    total = 0.0
    for x in arrays(results):
        x = x if namespace is ga else np.asarray(x)
        u = rng.standard_normal(x.shape) + (1j * rng.standard_normal(x.shape) if "complex" in str(x.dtype) else 0)
        if "float" not in str(x.dtype) and "complex" not in str(x.dtype):
            continue
        total = total + (namespace.real(x * (ga.asarray(np.conj(u)) if namespace is ga else np.conj(u)))).sum()
    return total


def inner(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    return float(sum(np.real(np.vdot(x, y)) for x, y in zip(a, b, strict=True)))


def gradients(function: Callable[..., Any], xs: list[Any], **options: Any) -> tuple[Any, ...]:
    out = projected(function(*xs), np.random.default_rng(1), ga)
    return ga.autograd.grad(out, xs, materialize_grads=True, **options)


def leaves(values: list[np.ndarray]) -> list[Any]:
    return [ga.tensor(x, requires_grad=True) for x in values]


def agrees(
    function: Callable[..., Any], *inputs: Any, second: bool = True, rtol: float = 1e-10, gtol: float = 2e-6
) -> None:
    """Assert that ``function`` does with tensors what it does with arrays, and that its derivatives are right.

    ``inputs`` are differentiated, together and each by itself; what is not to be belongs into the function.
    """
    values = [np.asarray(x) for x in inputs]
    expected = list(arrays(function(*values)))
    found = list(arrays(function(*leaves(values))))
    assert len(found) == len(expected)
    for have, want in zip(found, expected):
        assert isinstance(have, ga.Tensor), type(have)
        want = np.asarray(want)
        assert have.shape == want.shape
        np.testing.assert_allclose(host(have), want, rtol=rtol, atol=rtol * (1 + np.max(np.abs(want), initial=0)))
        assert have.numpy(force=True).dtype == want.dtype

    rng = np.random.default_rng(0)
    v = [
        rng.standard_normal(x.shape) + (1j * rng.standard_normal(x.shape) if x.dtype.kind == "c" else 0) for x in values
    ]

    def moved(h: float) -> list[np.ndarray]:
        return [x + h * d for x, d in zip(values, v)]

    def value(h: float) -> float:
        return float(projected(function(*moved(h)), np.random.default_rng(1), np))

    g = [host(x) for x in gradients(function, leaves(values))]
    difference = (value(STEP) - value(-STEP)) / (2 * STEP)
    scale = 1 + sum(float(np.sum(np.abs(a) * np.abs(b))) for a, b in zip(g, v))
    assert any(np.any(x) for x in g), "all gradients are zero"
    assert abs(inner(g, v) - difference) < gtol * scale, (inner(g, v), difference)

    for i, x in enumerate(values):  # the same when only one input is on the tape
        one = leaves([x])[0]
        mixed = [one if i == j else ga.tensor(y) for j, y in enumerate(values)]
        out = projected(function(*mixed), np.random.default_rng(1), ga)
        np.testing.assert_allclose(
            host(ga.autograd.grad(out, [one], materialize_grads=True)[0]), g[i], rtol=1e-9, atol=1e-9 * scale
        )

    if second:

        def slope(h: float) -> float:
            return inner([host(x) for x in gradients(function, leaves(moved(h)))], v)

        xs = leaves(values)
        gs = gradients(function, xs, create_graph=True)
        along = sum((ga.real(a * ga.asarray(np.conj(d)))).sum() for a, d in zip(gs, v))
        hs = (
            ga.autograd.grad(along, xs, materialize_grads=True)
            if along.requires_grad
            else [ga.zeros_like(x) for x in xs]
        )
        found, expected = inner([host(h) for h in hs], v), (slope(STEP) - slope(-STEP)) / (2 * STEP)
        scale += sum(float(np.sum(np.abs(host(a)) * np.abs(b))) for a, b in zip(hs, v))
        assert abs(found - expected) < gtol * scale, (found, expected)
