"""Who runs the workloads: NumPy by hand, gradarray on its devices, and its peers, each as it is used.

A contestant is made of a workload; its ``run`` gives the loss and the gradients as the library has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from _workloads import Array, Workload

RATE = np.float32(1e-4)  # of a training step: small, so that the hundredth is like the first


@dataclass(frozen=True)
class Contestant:
    """What is timed, and how what it gives becomes NumPy's."""

    name: str
    run: Callable[[], tuple[Any, Sequence[Any]]]
    read: Callable[[Any], Array]

    def results(self) -> tuple[float, list[Array]]:
        """The loss and the gradients that it computes."""
        value, gradients = self.run()
        return float(self.read(value)), [self.read(g) for g in gradients]


class Lib:
    """The functions of a library that the workloads call, by one name each."""

    def __init__(self, constant: Callable[[Array], Any], **functions: Callable[..., Any]) -> None:
        kept: dict[int, tuple[Array, Any]] = {}  # a constant is made once, as one writes it

        def once(array: Array) -> Any:
            if id(array) not in kept:
                kept[id(array)] = (array, constant(array))
            return kept[id(array)][1]

        self.constant = once
        self.__dict__.update(functions)


def by_hand(work: Workload) -> Contestant:
    """NumPy, with the backward pass written out."""
    parameters = [p.copy() for p in work.parameters]

    def run() -> Any:
        value, gradients = work.by_hand(*parameters)
        if work.kind == "step":
            for p, g in zip(parameters, gradients, strict=True):
                p -= RATE * g
        return value, gradients

    return Contestant("NumPy by hand", run, np.asarray)


def _taped(name: str, work: Workload, lib: Lib, leaves: list[Any], constant: Any, module: Any, read: Any) -> Contestant:
    """gradarray and PyTorch, which have the same names."""
    vector = None if work.vector is None else constant(work.vector)

    def gradient() -> Any:
        for leaf in leaves:
            leaf.grad = None
        value = work.loss(lib, *leaves)
        value.backward()
        return value, [leaf.grad for leaf in leaves]

    def step() -> Any:
        value, gradients = gradient()
        with module.no_grad():
            for leaf, g in zip(leaves, gradients, strict=True):
                leaf -= RATE_NUMBER * g
        return value, gradients

    def hvp() -> Any:
        value = work.loss(lib, *leaves)
        first = module.autograd.grad(value, leaves, create_graph=True)
        along = (first[0] * vector).sum()
        return value + along, module.autograd.grad(along, leaves)

    return Contestant(name, {"gradient": gradient, "step": step, "hvp": hvp}[work.kind], read)


RATE_NUMBER = float(RATE)


def _gradarray(work: Workload, constant: Callable[[Array], Any]) -> tuple[Lib, list[Any]]:
    import gradarray as ga

    def take(x: Any, where: Any) -> Any:
        return x[lib.constant(where)]

    def pad(x: Any) -> Any:
        return ga.nn.functional.pad(x, (1, 1, 1, 1))

    named = {n: getattr(ga, n) for n in ("sin", "exp", "tanh", "log", "sum", "mean", "concat")}
    lib = Lib(constant, take=take, pad=pad, relu=ga.nn.functional.relu, **named)
    return lib, [constant(p).requires_grad_() for p in work.parameters]


def _awaited(contestant: Contestant, synchronize: Callable[[], object]) -> Contestant:
    """``contestant`` whose device has done what it was told."""

    def run() -> Any:
        result = contestant.run()
        synchronize()
        return result

    return Contestant(contestant.name, run, contestant.read)


def gradarray_on(device: str, name: str) -> Callable[[Workload], Contestant]:
    """gradarray on one of its devices."""

    def make(work: Workload) -> Contestant:
        import gradarray as ga

        try:
            ga.backends.resolve(device)
        except RuntimeError as error:
            raise ImportError(str(error)) from error

        def constant(array: Array) -> Any:
            return ga.tensor(array, device=device)

        lib, leaves = _gradarray(work, constant)
        contestant = _taped(name, work, lib, leaves, constant, ga, lambda g: g.detach().cpu().numpy())
        if device == "cpu":
            return contestant

        backend, raw = ga.backends.require(leaves[0].device.backend), ga.backends.resolve(device)
        return _awaited(contestant, lambda: backend.synchronize(raw))

    return make


def pytorch_on(device: str, name: str) -> Callable[[Workload], Contestant]:
    """PyTorch, eager; on the CPU, on as many threads as everybody."""

    def make(work: Workload) -> Contestant:
        import torch

        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        if device != "cpu" and not torch.cuda.is_available():
            raise ImportError("PyTorch finds no GPU")

        def constant(array: Array) -> Any:
            return torch.tensor(array, device=device)

        def take(x: Any, where: Any) -> Any:
            return x[lib.constant(where)]

        def pad(x: Any) -> Any:
            return torch.nn.functional.pad(x, (1, 1, 1, 1))

        def total(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
            return x.sum() if axis is None else x.sum(axis, keepdim=keepdims)

        named = {n: getattr(torch, n) for n in ("sin", "exp", "tanh", "log", "mean", "concat", "relu")}
        lib = Lib(constant, take=take, pad=pad, sum=total, **named)
        leaves = [constant(p).requires_grad_() for p in work.parameters]
        contestant = _taped(name, work, lib, leaves, constant, torch, lambda g: g.detach().cpu().numpy())
        return contestant if device == "cpu" else _awaited(contestant, torch.cuda.synchronize)

    return make


def _functional(name: str, work: Workload, value_and_grad: Any, grad: Any, lib: Lib, asarray: Any) -> Contestant:
    """HIPS autograd and JAX, which take functions."""
    parameters = [asarray(p) for p in work.parameters]
    everything = tuple(range(len(parameters)))

    def loss(*ps: Any) -> Any:
        return work.loss(lib, *ps)

    if work.kind == "hvp":
        vector = asarray(work.vector)
        first = grad(loss)

        def along(x: Any) -> Any:
            return lib.sum(first(x) * vector)

        second = value_and_grad(along, 0)

        def hvp() -> Any:
            part, g = second(*parameters)
            return loss(*parameters) + part, [g]

        return Contestant(name, hvp, np.asarray)

    function = value_and_grad(loss, everything)

    def run() -> Any:
        value, gradients = function(*parameters)
        if work.kind == "step":
            for i, g in enumerate(gradients):
                parameters[i] = parameters[i] - RATE_NUMBER * g
        return value, gradients

    return Contestant(name, run, np.asarray)


def hips_autograd(work: Workload) -> Contestant:
    import autograd
    import autograd.numpy as anp
    from autograd.differential_operators import grad, make_vjp

    def value_and_grad(function: Any, argnum: Any) -> Any:
        if isinstance(argnum, int):
            return autograd.value_and_grad(function, argnum)

        def run(*parameters: Any) -> Any:  # autograd's own takes real float64 only for several arguments
            back, value = make_vjp(lambda ps: function(*ps))(tuple(parameters))
            return value, back(np.ones_like(value))

        return run

    lib = Lib(
        lambda array: array,
        take=lambda x, where: x[where],
        pad=lambda x: anp.pad(x, 1, "constant"),
        relu=lambda x: anp.maximum(x, np.float32(0)),
        concat=anp.concatenate,
        **{n: getattr(anp, n) for n in ("sin", "exp", "tanh", "log", "sum", "mean")},
    )
    return _functional("HIPS autograd", work, value_and_grad, grad, lib, lambda a: a)


def mygrad(work: Workload) -> Contestant:
    import mygrad as mg

    if work.kind == "hvp":
        raise NotImplementedError("MyGrad has no second derivatives")

    def pad(x: Any) -> Any:
        raise NotImplementedError("MyGrad has no pad")

    lib = Lib(
        lambda array: mg.tensor(array, constant=True),
        take=lambda x, where: x[where],
        pad=pad,
        relu=lambda x: mg.maximum(x, np.float32(0)),
        concat=mg.concatenate,
        **{n: getattr(mg, n) for n in ("sin", "exp", "tanh", "log", "sum", "mean")},
    )
    leaves = [mg.tensor(p) for p in work.parameters]

    def run() -> Any:
        value = work.loss(lib, *leaves)
        value.backward()
        gradients = [leaf.grad for leaf in leaves]
        if work.kind == "step":
            for leaf, g in zip(leaves, gradients, strict=True):
                leaf.data[...] -= RATE * g
        for leaf in leaves:
            leaf.null_grad()
        return value.data, gradients

    return Contestant("MyGrad", run, np.asarray)


def jax_with(jit: bool, name: str) -> Callable[[Workload], Contestant]:
    """JAX, operation by operation or compiled as a whole."""

    def make(work: Workload) -> Contestant:
        os.environ.setdefault("JAX_ENABLE_X64", "1")  # the gather's positions are of 64 bits
        import jax
        import jax.numpy as jnp

        def value_and_grad(function: Any, argnum: Any) -> Any:
            made = jax.value_and_grad(function, argnum)
            return jax.jit(made) if jit else made

        lib = Lib(
            jnp.asarray,
            take=lambda x, where: x[lib.constant(where)],
            pad=lambda x: jnp.pad(x, 1),
            relu=lambda x: jnp.maximum(x, 0),
            concat=jnp.concatenate,
            **{n: getattr(jnp, n) for n in ("sin", "exp", "tanh", "log", "sum", "mean")},
        )
        made = _functional(name, work, value_and_grad, jax.grad, lib, jnp.asarray)
        return Contestant(name, lambda: jax.block_until_ready(made.run()), made.read)

    return make


PEERS: dict[str, Callable[[Workload], Contestant]] = {
    "gradarray": gradarray_on("cpu", "gradarray"),
    "PyTorch": pytorch_on("cpu", "PyTorch"),
    "HIPS autograd": hips_autograd,
    "MyGrad": mygrad,
    "JAX": jax_with(False, "JAX"),
    "JAX, jit": jax_with(True, "JAX, jit"),
    "gradarray on torch": gradarray_on("torch:cpu", "gradarray on torch"),
    "gradarray on jax": gradarray_on("jax:cpu:0", "gradarray on jax"),
    "PyTorch, CUDA": pytorch_on("cuda:0", "PyTorch, CUDA"),
    "gradarray on CuPy": gradarray_on("cuda:0", "gradarray on CuPy"),
    "gradarray on torch, CUDA": gradarray_on("torch:cuda:0", "gradarray on torch, CUDA"),
}
"""By name; one whose library or device is not there raises ImportError when it is made."""

BELOW = {"gradarray on torch": "PyTorch", "gradarray on jax": "JAX", "gradarray on torch, CUDA": "PyTorch, CUDA"}
"""On whose kernels gradarray runs there, for what it adds to an operation."""


def operations(work: Workload) -> int:
    """How many operations gradarray records for one pass of ``work``: the nodes that its backward pass goes through."""
    import gradarray as ga

    constant = ga.tensor
    lib, leaves = _gradarray(work, constant)
    waiting, seen = [work.loss(lib, *leaves).grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen and node.next_functions:
            seen.add(node)
            waiting += [function for function, _ in node.next_functions]
    return len(seen)


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
