"""Where the time of one operation goes, in nanoseconds: kernel, dispatch, record, walk, rule.

    python benchmarks/budget.py

For small arrays, where nothing but the library's own time matters. Each figure is the least of many rounds, of which
each takes a millisecond or so: what the machine does beside adds to a round, and never takes from it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from time import perf_counter

import numpy as np
from _report import Section, as_text, machine

import gradarray as ga

CHAIN = 50  # nodes of a walk


def nanoseconds(function: Callable[[], object], calls: int = 400, rounds: int = 60) -> float:
    """What a call takes, at the least."""
    best = float("inf")
    for _ in range(rounds):
        start = perf_counter()
        for _ in range(calls):
            function()
        best = min(best, (perf_counter() - start) / calls)
    return best * 1e9


def walked(step: Callable[[ga.Tensor], ga.Tensor], x: ga.Tensor) -> float:
    """What a node takes in the walk, with its rule: the difference of two chains, so that beginning and end cancel."""

    def backward(length: int) -> float:
        y = x
        for _ in range(length):
            y = step(y)
        seed = ga.ones_like(y.detach())

        def run() -> None:
            y.backward(seed, retain_graph=True)
            x.grad = None

        return nanoseconds(run, calls=20)

    return (backward(CHAIN + 1) - backward(1)) / CHAIN


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(arguments)
    small = np.linspace(0.1, 0.4, 4, dtype=np.float32)
    square = np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)
    x, m = ga.tensor(small, requires_grad=True), ga.tensor(square, requires_grad=True)
    plain, matrix, seed = x.detach(), m.detach(), np.ones_like(small)
    out = np.tanh(small)
    cases = {
        "x * y": (
            lambda: small * small,
            lambda: plain * plain,
            lambda: x * plain,
            lambda: seed * small,
            x,
            lambda t: t * plain,
        ),
        "x * 0.9": (
            lambda: small * 0.9,
            lambda: plain * 0.9,
            lambda: x * 0.9,
            lambda: seed * 0.9,
            x,
            lambda t: t * 0.9,
        ),
        "tanh(x)": (
            lambda: np.tanh(small),
            lambda: ga.tanh(plain),
            lambda: ga.tanh(x),
            lambda: seed * (1 - out * out),
            x,
            ga.tanh,
        ),
        "x @ y": (
            lambda: square @ square,
            lambda: matrix @ matrix,
            lambda: m @ matrix,
            lambda: square @ square.T,
            m,
            lambda t: t @ matrix,
        ),
        "x[::-1]": (lambda: small[::-1], lambda: plain[::-1], lambda: x[::-1], lambda: seed, x, lambda t: t[::-1]),
        "reshape": (
            lambda: square.reshape(4, 16),
            lambda: matrix.reshape(4, 16),
            lambda: m.reshape(4, 16),
            lambda: square,
            m,
            lambda t: t.reshape(t.shape[::-1]),
        ),
    }
    section = Section(
        "budget",
        "nanoseconds an operation, on 4 (products: 8 × 8) float32 elements",
        ["operation", "kernel", "dispatch", "record", "rule", "walk"],
        notes=[
            "dispatch: what a call takes beyond NumPy's, off the tape. record: what it takes more on the tape. rule:",
            "the arithmetic of the derivative in NumPy. walk: what a node takes in the backward pass beyond that.",
        ],
    )
    for name, (kernel, untaped, taped, rule, leaf, step) in cases.items():
        bare, off, on, derivative = map(nanoseconds, (kernel, untaped, taped, rule))
        node = walked(step, leaf)
        figures = (bare, off - bare, on - off, derivative, node - derivative)
        section.rows.append([name, *(f"{figure:.0f}" for figure in figures)])
    print(", ".join(f"{name} {what}" for name, what in machine(["numpy", "gradarray"]).items()))
    print(as_text(section))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
