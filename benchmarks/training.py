"""What a compiler is shown where it compiles for what it has seen: ``hatch_build.py`` runs this.

The workloads, for what runs often; the programs of the tutorial and some transforms, so that what runs seldom is not
taken for what never does. Nothing is measured.
"""

from __future__ import annotations

from typing import Any

from _libraries import PEERS
from _workloads import ALL

import gradarray as ga
from gradarray.tutorial import PROGRAMS, run

PASSES = {
    "W1": 300,
    "W2": 3000,
    "W3": 10,
    "W4": 1000,
    "W5": 1,
    "W6": 1,
    "W7": 10,
    "W8": 3,
    "W10": 10,
    "W11": 3,
    "W12": 2000,
}


def transforms() -> None:
    """Derivatives by ``gradarray.func``, of one function."""

    def loss(x: Any, y: Any) -> Any:
        return ga.sum(ga.tanh(x @ y[:, None])[1:] * x.mean(axis=1, keepdims=True)[1:] + ga.exp(-y).max())

    x, y = ga.ones((4, 3)), ga.linspace(-1, 1, 3)
    for _ in range(30):
        ga.func.grad(loss, argnums=(0, 1))(x, y)
        ga.func.vmap(ga.func.grad(loss), in_dims=(0, None))(ga.stack([x, x]), y)
        ga.func.jvp(loss, (x, y), (x, y))
        ga.func.hessian(loss, argnums=1)(x, y)


if __name__ == "__main__":
    for name, passes in PASSES.items():
        work = PEERS["gradarray"](ALL[name](False))
        for _ in range(passes):
            work.run()
    for program in PROGRAMS:
        run(program, "cpu")
    transforms()
