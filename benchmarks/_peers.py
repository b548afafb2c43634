"""The same hundred elementwise operations, forward and backward, in NumPy by hand, in gradarray and in its peers.

Twenty times ``y = tanh(sin(y * c + x) - c)``, then the gradient of the sum by ``x``; all in float32, on one core.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

REPEATS = 20  # of five operations
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Peer:
    """A library: what is timed, which gives the gradient as the library has it, and how that becomes a NumPy array."""

    name: str
    run: Callable[[], Any]
    read: Callable[[Any], Array]

    def gradient(self) -> Array:
        """The gradient that it computes."""
        return self.read(self.run())


def chain(x: Any, c: Any, sin: Callable[[Any], Any], tanh: Callable[[Any], Any]) -> Any:
    """The forward pass, for whatever has operators."""
    y = x
    for _ in range(REPEATS):
        y = y * c
        y = y + x
        y = sin(y)
        y = y - c
        y = tanh(y)
    return y


def by_hand(x: Array, c: Array) -> Peer:
    """NumPy, the backward pass written by a patient human: no more arithmetic, and no more memory, than it takes."""

    def run() -> Array:
        y, saved = x, []
        for _ in range(REPEATS):
            y = y * c
            before_sin = y + x
            y = np.sin(before_sin)
            y = y - c
            y = np.tanh(y)
            saved.append((before_sin, y))
        y.sum()
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
        return total

    return Peer("NumPy by hand", run, lambda g: g)


def gradarray(x: Array, c: Array) -> Peer:
    """This library, on NumPy."""
    import gradarray as ga

    leaf, constant = ga.tensor(x, requires_grad=True), ga.tensor(c)

    def run() -> Any:
        leaf.grad = None
        chain(leaf, constant, ga.sin, ga.tanh).sum().backward()
        return leaf.grad

    return Peer("gradarray", run, lambda g: g.numpy())


def pytorch(x: Array, c: Array) -> Peer:
    """PyTorch, eager, one thread."""
    import torch

    torch.set_num_threads(1)
    leaf, constant = torch.tensor(x, requires_grad=True), torch.tensor(c)

    def run() -> Any:
        leaf.grad = None
        chain(leaf, constant, torch.sin, torch.tanh).sum().backward()
        return leaf.grad

    return Peer("PyTorch", run, lambda g: g.numpy())


def hips_autograd(x: Array, c: Array) -> Peer:
    """HIPS autograd."""
    import autograd
    import autograd.numpy as anp

    gradient = autograd.grad(lambda x: anp.sum(chain(x, c, anp.sin, anp.tanh)))
    return Peer("HIPS autograd", lambda: gradient(x), lambda g: g)


def mygrad(x: Array, c: Array) -> Peer:
    """MyGrad."""
    import mygrad as mg

    leaf, constant = mg.tensor(x), mg.tensor(c, constant=True)

    def run() -> Any:
        leaf.null_grad()
        chain(leaf, constant, mg.sin, mg.tanh).sum().backward()
        return leaf.grad

    return Peer("MyGrad", run, lambda g: g)


LIBRARIES = {"torch": pytorch, "autograd": hips_autograd, "mygrad": mygrad}


def all_installed(size: int) -> list[Peer]:
    """All of them, on arrays of ``size`` elements, without those that are not installed."""
    x, c = (np.linspace(low, low + 0.4, size, dtype=np.float32) for low in (0.1, 0.5))
    peers = [by_hand(x, c), gradarray(x, c)]
    for make in LIBRARIES.values():
        try:
            peers.append(make(x, c))
        except ImportError:
            pass
    return peers


def check(name: str, got: Array, expected: Array) -> None:
    """Make sure that a gradient is right before anybody is timed for computing it.

    Raises
    ------
    ValueError
        If it is not, be it in its values, its shape or its dtype.
    """
    if got.shape != expected.shape or got.dtype != expected.dtype:
        raise ValueError(
            f"{name}: the gradient is {got.dtype}{list(got.shape)}, expected {expected.dtype}{list(expected.shape)}"
        )
    error = np.max(np.abs(got - expected), initial=0) / max(np.max(np.abs(expected), initial=0), 1e-30)
    if not error <= 1e-4:  # this form also catches nan
        raise ValueError(f"{name}: the gradient differs from the one by hand by {error:.2g} of the largest element")
