"""Twelve programs with gradients, each written twice: over any array library, and by hand in NumPy.

``loss(lib, *parameters)`` is the program over ``lib``, which has the few functions that it needs (see _libraries.py).
``by_hand(*parameters)`` gives the loss and the gradients with the backward pass written out: what a patient programmer
would write who has no library, with the same arithmetic and nothing kept that is not needed.

Knows NumPy. Must not know the libraries that are compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Gradients = tuple[float, Sequence[Array]]


@dataclass(frozen=True)
class Workload:
    """One program, what goes into it, and what gradarray should reach.

    ``kind`` is "gradient", "step" (the parameters are also moved along it) or "hvp" (the Hessian times a vector).
    ``goals`` hold, by the name of whom it is compared with, the ratio that is not to be exceeded.
    """

    name: str
    title: str
    parameters: Sequence[Array]
    loss: Callable[..., Any]
    by_hand: Callable[..., Gradients]
    goals: dict[str, float]
    kind: str = "gradient"
    memory: float | None = None
    vector: Array | None = None
    needs: frozenset[str] = field(default_factory=frozenset)


def _random(seed: int = 0) -> Callable[..., Array]:
    generator = np.random.default_rng(seed)
    return lambda *shape, scale=1.0: (generator.standard_normal(shape) * scale).astype(np.float32)


def w1(tiny: bool) -> Workload:
    """Twenty times ``y = tanh(sin(y * c + x) - c)``."""
    size = 4
    x, c = (np.linspace(low, low + 0.4, size, dtype=np.float32) for low in (0.1, 0.5))

    def loss(lib: Any, x: Any) -> Any:
        k = lib.constant(c)
        y = x
        for _ in range(20):
            y = y * k
            y = y + x
            y = lib.sin(y)
            y = y - k
            y = lib.tanh(y)
        return lib.sum(y)

    def by_hand(x: Array) -> Gradients:
        y, saved = x, []
        for _ in range(20):
            y = y * c
            before_sin = y + x
            y = np.sin(before_sin)
            y = y - c
            y = np.tanh(y)
            saved.append((before_sin, y))
        value = y.sum()
        g, total = np.ones_like(y), None
        while saved:
            before_sin, out = saved.pop()
            g = g * (1 - out * out)
            g = g * np.cos(before_sin)
            if total is None:
                total = g.copy()
            else:
                total += g
            g = g * c
        total += g
        return value, [total]

    goals = {"NumPy by hand": 2.5, "PyTorch": 0.4}
    return Workload("W1", "100 elementwise operations on 4 elements", [x], loss, by_hand, goals)


def w2(tiny: bool) -> Workload:
    def loss(lib: Any, x: Any) -> Any:
        y = x + 2
        z = y * y * 3
        return lib.mean(z)

    def by_hand(x: Array) -> Gradients:
        y = x + 2
        z = y * y * 3
        value = z.mean()
        g = np.full_like(z, 1 / z.size) * 3
        g = g * y
        return value, [g + g]

    x = np.ones((2, 2), np.float32)
    goals = {"NumPy by hand": 2.0, "PyTorch": 0.35}
    return Workload("W2", "the tutorial's mean of 3 (x + 2)², 2 × 2", [x], loss, by_hand, goals)


def w3(tiny: bool) -> Workload:
    sizes, batch = ((12, 8, 6, 4), 8) if tiny else ((784, 256, 128, 10), 128)
    draw = _random()
    weights = [draw(m, n, scale=(2 / m) ** 0.5) for m, n in itertools.pairwise(sizes)]
    biases = [draw(n, scale=0.01) for n in sizes[1:]]
    inputs = draw(batch, sizes[0])
    hot = np.eye(sizes[-1], dtype=np.float32)[np.arange(batch) % sizes[-1]]

    def loss(lib: Any, w1: Any, w2: Any, w3: Any, b1: Any, b2: Any, b3: Any) -> Any:
        h = lib.relu(lib.constant(inputs) @ w1 + b1)
        h = lib.relu(h @ w2 + b2)
        z = h @ w3 + b3
        most = lib.log(lib.sum(lib.exp(z), axis=1, keepdims=True))
        return lib.sum((most - z) * lib.constant(hot)) / batch

    def by_hand(w1: Array, w2: Array, w3: Array, b1: Array, b2: Array, b3: Array) -> Gradients:
        h1 = inputs @ w1
        h1 += b1
        np.maximum(h1, 0, out=h1)
        h2 = h1 @ w2
        h2 += b2
        np.maximum(h2, 0, out=h2)
        z = h2 @ w3
        z += b3
        e = np.exp(z)
        total = e.sum(axis=1, keepdims=True)
        value = ((np.log(total) - z) * hot).sum() / batch
        e /= total
        e -= hot
        e /= batch
        g3, gb3 = h2.T @ e, e.sum(axis=0)
        g = e @ w3.T
        g *= h2 > 0
        g2, gb2 = h1.T @ g, g.sum(axis=0)
        g = g @ w2.T
        g *= h1 > 0
        return value, [inputs.T @ g, g2, g3, g.sum(axis=0), gb2, gb3]

    goals = {"NumPy by hand": 1.10, "PyTorch": 1.0}
    title = f"a training step {'-'.join(map(str, sizes))}, batch {batch}"
    return Workload("W3", title, [*weights, *biases], loss, by_hand, goals, "step")


def w4(tiny: bool) -> Workload:
    draw = _random()
    sizes, batch = (16, 32, 32, 1), 32
    weights = [draw(m, n, scale=m**-0.5) for m, n in itertools.pairwise(sizes)]
    biases = [draw(n, scale=0.01) for n in sizes[1:]]
    inputs, target = draw(batch, sizes[0]), draw(batch, 1)

    def loss(lib: Any, w1: Any, w2: Any, w3: Any, b1: Any, b2: Any, b3: Any) -> Any:
        h = lib.tanh(lib.constant(inputs) @ w1 + b1)
        h = lib.tanh(h @ w2 + b2)
        d = h @ w3 + b3 - lib.constant(target)
        return lib.mean(d * d)

    def by_hand(w1: Array, w2: Array, w3: Array, b1: Array, b2: Array, b3: Array) -> Gradients:
        h1 = np.tanh(inputs @ w1 + b1)
        h2 = np.tanh(h1 @ w2 + b2)
        d = h2 @ w3 + b3 - target
        value = (d * d).mean()
        g = d * (2 / d.size)
        g3, gb3 = h2.T @ g, g.sum(axis=0)
        g = (g @ w3.T) * (1 - h2 * h2)
        g2, gb2 = h1.T @ g, g.sum(axis=0)
        g = (g @ w2.T) * (1 - h1 * h1)
        return value, [inputs.T @ g, g2, g3, g.sum(axis=0), gb2, gb3]

    goals = {"NumPy by hand": 1.7, "PyTorch": 0.45}
    title = f"a training step {'-'.join(map(str, sizes))}, batch {batch}"
    return Workload("W4", title, [*weights, *biases], loss, by_hand, goals, "step")


def w5(tiny: bool) -> Workload:
    size = 1000 if tiny else 4_000_000
    x = np.linspace(-1, 3, size, dtype=np.float32)

    def loss(lib: Any, x: Any) -> Any:
        return lib.sum(lib.sin(x) * lib.exp(-(x * x)) + lib.tanh(x))

    def by_hand(x: Array) -> Gradients:
        s = np.sin(x)
        e = np.exp(-(x * x))
        t = np.tanh(x)
        value = (s * e + t).sum()
        g = np.cos(x)
        g *= e
        t *= t
        np.subtract(1, t, out=t)
        g += t
        s *= e
        s *= x
        s *= 2
        g -= s
        return value, [g]

    title = f"sum(sin(x) exp(-x²) + tanh(x)), {size:,} elements"
    return Workload("W5", title, [x], loss, by_hand, {"NumPy by hand": 1.05}, memory=1.1)


def w6(tiny: bool) -> Workload:
    n = 16 if tiny else 1024
    draw = _random()
    matrices = [draw(n, n, scale=n**-0.5) for _ in range(5)]

    def loss(lib: Any, x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        return lib.sum(x @ a @ b @ c @ d)

    def by_hand(x: Array, a: Array, b: Array, c: Array, d: Array) -> Gradients:
        p = x @ a
        q = p @ b
        r = q @ c
        value = (r @ d).sum()
        g = np.ones_like(x)
        gd = r.T @ g
        g = g @ d.T
        gc = q.T @ g
        g = g @ c.T
        gb = p.T @ g
        g = g @ b.T
        return value, [g @ a.T, x.T @ g, gb, gc, gd]

    return Workload("W6", f"four products of {n} × {n}", matrices, loss, by_hand, {"NumPy by hand": 1.02})


def w7(tiny: bool) -> Workload:
    steps, hidden, batch = (5, 4, 2) if tiny else (200, 64, 16)
    draw = _random()
    inputs = [draw(batch, hidden) for _ in range(steps)]
    wx, wh = (draw(hidden, hidden, scale=0.5 * hidden**-0.5) for _ in range(2))
    bias, start = draw(hidden, scale=0.1), np.zeros((batch, hidden), np.float32)

    def loss(lib: Any, wx: Any, wh: Any, b: Any) -> Any:
        h = lib.constant(start)
        for x in inputs:
            h = lib.tanh(lib.constant(x) @ wx + h @ wh + b)
        return lib.mean(h * h)

    def by_hand(wx: Array, wh: Array, b: Array) -> Gradients:
        h, saved = start, []
        for x in inputs:
            before = h
            h = np.tanh(x @ wx + h @ wh + b)
            saved.append((x, before, h))
        value = (h * h).mean()
        g = h * (2 / h.size)
        gx, gh, gb = np.zeros_like(wx), np.zeros_like(wh), np.zeros_like(b)
        while saved:
            x, before, h = saved.pop()
            g = g * (1 - h * h)
            gx += x.T @ g
            gh += before.T @ g
            gb += g.sum(axis=0)
            g = g @ wh.T
        return value, [gx, gh, gb]

    title = f"a recurrent net, {steps} steps, hidden {hidden}, batch {batch}"
    return Workload("W7", title, [wx, wh, bias], loss, by_hand, {"NumPy by hand": 1.3, "PyTorch": 0.5})


def w8(tiny: bool) -> Workload:
    rows, columns = (100, 5) if tiny else (100_000, 50)
    draw = _random()
    data, truth = draw(rows, columns), draw(columns)
    labels = (data @ truth > 0).astype(np.float32)

    def loss(lib: Any, w: Any) -> Any:
        z = lib.constant(data) @ w
        return lib.mean(lib.log(1 + lib.exp(z)) - z * lib.constant(labels))

    def by_hand(w: Array) -> Gradients:
        z = data @ w
        e = np.exp(z)
        e1 = 1 + e
        value = (np.log(e1) - z * labels).mean()
        e /= e1
        e -= labels
        e /= len(e)
        return value, [e @ data]

    title = f"logistic regression {rows:,} × {columns}"
    return Workload("W8", title, [draw(columns, scale=0.1)], loss, by_hand, {"NumPy by hand": 1.05})


def w10(tiny: bool) -> Workload:
    pieces, length = (5, 8) if tiny else (200, 5_000)
    draw = _random()
    x = draw(pieces * length)
    picked = np.random.default_rng(1).integers(0, len(x), len(x) // 4)
    factors = [1 + i / pieces for i in range(pieces)]

    def loss(lib: Any, x: Any) -> Any:
        joined = lib.concat([x[i * length : (i + 1) * length] * f for i, f in enumerate(factors)])
        some = lib.take(x, picked)
        return lib.sum(joined * joined) + lib.sum(some * some)

    def by_hand(x: Array) -> Gradients:
        joined = np.concatenate([x[i * length : (i + 1) * length] * np.float32(f) for i, f in enumerate(factors)])
        some = x[picked]
        value = (joined * joined).sum() + (some * some).sum()
        joined *= 2
        g = np.zeros_like(x)
        np.add.at(g, picked, some * 2)
        for i, f in enumerate(factors):
            part = slice(i * length, (i + 1) * length)
            g[part] += joined[part] * np.float32(f)
        return value, [g]

    title = f"{pieces} slices, a gather and a concatenation of {len(x):,} elements"
    return Workload("W10", title, [x], loss, by_hand, {"NumPy by hand": 1.3})


def w11(tiny: bool) -> Workload:
    n, steps = (8, 3) if tiny else (256, 100)
    u0 = _random()(n, n)
    target = _random(1)(n, n)
    rate = 0.1

    def loss(lib: Any, u: Any) -> Any:
        for _ in range(steps):
            flow = u[:-2, 1:-1] + u[2:, 1:-1] + u[1:-1, :-2] + u[1:-1, 2:] - 4 * u[1:-1, 1:-1]
            u = u + lib.pad(flow * rate)
        d = u - lib.constant(target)
        return lib.mean(d * d)

    def by_hand(u: Array) -> Gradients:
        u = u.copy()
        for _ in range(steps):
            flow = u[:-2, 1:-1] + u[2:, 1:-1]
            flow += u[1:-1, :-2]
            flow += u[1:-1, 2:]
            flow -= 4 * u[1:-1, 1:-1]
            flow *= np.float32(rate)
            u[1:-1, 1:-1] += flow
        d = u - target
        value = (d * d).mean()
        g = d * np.float32(2 / d.size)
        for _ in range(steps):
            flow = g[1:-1, 1:-1] * np.float32(rate)
            g[:-2, 1:-1] += flow
            g[2:, 1:-1] += flow
            g[1:-1, :-2] += flow
            g[1:-1, 2:] += flow
            flow *= 4
            g[1:-1, 1:-1] -= flow
        return value, [g]

    title = f"the heat equation, {steps} steps on {n} × {n}"
    goals = {"NumPy by hand": 1.15}
    return Workload("W11", title, [u0], loss, by_hand, goals, memory=1.15, needs=frozenset({"pad"}))


def w12(tiny: bool) -> Workload:
    x = np.linspace(-1, 1, 10, dtype=np.float32)
    v = np.cos(np.arange(10, dtype=np.float32))

    def loss(lib: Any, x: Any) -> Any:
        return lib.sum(lib.sin(x) * lib.exp(-(x * x)))

    def by_hand(x: Array) -> Gradients:
        s, c, e = np.sin(x), np.cos(x), np.exp(-(x * x))
        value = (s * e).sum()
        first = e * (c - 2 * x * s)
        value = value + (first * v).sum()
        second = e * (-s - 2 * s - 2 * x * c) - 2 * x * first
        return value, [second * v]

    goals = {"NumPy by hand": 5, "PyTorch": 0.5}
    return Workload("W12", "the Hessian of a small function times a vector", [x], loss, by_hand, goals, "hvp", vector=v)


ALL: dict[str, Callable[[bool], Workload]] = {
    "W1": w1, "W2": w2, "W3": w3, "W4": w4, "W5": w5, "W6": w6, "W7": w7, "W8": w8, "W10": w10, "W11": w11, "W12": w12,
}  # fmt: skip
