"""A05 to A07, A10, A11 and A13: gradients, what they are, where they go, and when there are none.

Knows the public API. Must not know how a program is run.
"""

from __future__ import annotations

from typing import Any

import gradarray as ga
from gradarray.tutorial.expect import close, raises, reads
from gradarray.tutorial.program import program


@program(
    "A05",
    "Backpropagation",
    """
    x = ga.ones(2, 2, requires_grad=True)
    y = x + 2
    z = y * y * 3
    out = z.mean()

    out.backward()
    print(x.grad)
    """,
    prints="""
    tensor([[4.5000, 4.5000],
            [4.5000, 4.5000]]{device})
    """,
)
def backward(p: Any) -> None:
    grad = p.x.grad
    assert (grad.shape, grad.dtype, grad.device) == ((2, 2), ga.float32, p.device)
    assert not grad.requires_grad and grad.is_leaf
    assert p.x.tolist() == [[1, 1], [1, 1]] and p.out.item() == 27


@program(
    "A06",
    "The vector-Jacobian product",
    """
    def f(x):
        return x[1:] * x[:2] + x[0] * 3

    x = ga.tensor([1.5, -2.0, 0.5], requires_grad=True)
    y = f(x)
    v = ga.tensor([1.0, -0.25])
    y.backward(v)
    print(x.grad)
    """,
)
def vector_jacobian(p: Any) -> None:
    steps, point = ga.eye(3) * 0.5, p.x.detach()  # f is quadratic: central differences are its derivatives
    columns = [((p.f(point + step) - p.f(point - step)) / 1.0).tolist() for step in steps]
    expected = [sum(weight * row for weight, row in zip(p.v.tolist(), column)) for column in columns]
    assert close(p.x.grad.tolist(), expected), (p.x.grad, expected)
    assert close(p.x.grad.tolist(), [-2 + 2.25, 1.5 - 0.125, 0.5])
    assert reads(p.output, "tensor([0.2500, 1.3750, 0.5000]{device})", p.device)


@program(
    "A07",
    "The graph is what ran",
    """
    x = ga.randn(3, requires_grad=True)
    y = x * 2
    while y.data.norm() < 1000:
        y = y * 2
    print(y)

    v = ga.tensor([0.1, 1.0, 0.0001])
    y.backward(v)
    print(x.grad)
    """,
)
def loop(p: Any) -> None:
    values, factor = p.x.tolist(), 2
    while (factor * p.x.detach()).norm() < 1000:
        factor *= 2
    assert p.y.tolist() == [factor * value for value in values]
    assert close(p.x.grad.tolist(), (p.v * factor).tolist())
    assert "grad_fn=<MulBackward0>" in p.output and not p.y.data.requires_grad
    x = ga.tensor([1.0, -0.75, 0.5], requires_grad=True)
    y, k = x * 2, 1
    while y.data.norm() < 1000:
        y, k = y * 2, k + 1
    y.backward(p.v)
    assert k == 10
    assert reads(repr(x.grad), "tensor([1.0240e+02, 1.0240e+03, 1.0240e-01]{device})", p.device), repr(x.grad)


@program(
    "A10",
    "Gradients accumulate, and a graph is walked once",
    """
    x = ga.ones(2, 2, requires_grad=True)
    out = (x * x * 3).mean()
    out.backward(retain_graph=True)
    print(x.grad)
    out.backward()
    print(x.grad)
    try:
        out.backward()
    except RuntimeError as error:
        print(error)
    """,
    prints="""
    tensor([[1.5000, 1.5000],
            [1.5000, 1.5000]]{device})
    tensor([[3., 3.],
            [3., 3.]]{device})
    …retain_graph=True…
    """,
)
def accumulate(p: Any) -> None:
    threes = [[3, 3], [3, 3]]
    assert p.x.grad.tolist() == threes, "nothing comes of a walk that fails"
    grad = p.x.grad
    (p.x * 2).sum().backward()
    assert p.x.grad is grad and grad.tolist() == [[5, 5], [5, 5]], "a new graph adds to the same tensor"
    del p.x.grad
    shared = p.x * p.x
    one, two = shared.sum(), (shared * 2).sum()
    one.backward()
    with raises(RuntimeError, "retain_graph=True"):
        two.backward()  # part of its graph is freed
    assert p.x.grad.tolist() == [[2, 2], [2, 2]]
    p.x.grad.zero_()
    (p.x + p.x * p.x).sum().backward()
    assert p.x.grad.tolist() == threes, "all ways to a leaf add up"


@program(
    "A11",
    "What backward refuses",
    """
    x = ga.ones(3, requires_grad=True)
    y = x * 2
    for refused in (
        lambda: y.backward(),               # not a scalar, and no gradient given
        lambda: y.backward(ga.ones(4)),     # a gradient of the wrong shape
        lambda: ga.ones(3).sum().backward() # nothing requires a gradient
    ):
        try:
            refused()
        except RuntimeError as error:
            print(error)
    print(x.grad)
    """,
    prints="""
    …scalar…[3]…
    …[4]…[3]…
    …does not require grad…
    None
    """,
)
def refused(p: Any) -> None:
    with raises(TypeError, "Tensor"):
        p.y.backward(1.0)
    with raises(RuntimeError, "[2, 3]"):
        p.y.backward(ga.ones(2, 3))  # would broadcast, but is none of y's
    with raises(RuntimeError, "does not require grad"):
        p.y.detach().sum().backward()
    with ga.no_grad():
        off = (p.x * 2).sum()
    with raises(RuntimeError, "does not require grad"):
        off.backward()
    assert (p.x.grad, p.y.is_leaf) == (None, False)
    p.y.backward(ga.tensor([1.0, 2.0, 3.0]))  # nothing was freed either
    assert p.x.grad.tolist() == [2, 4, 6]


@program(
    "A13",
    "A graph across devices",
    """
    x = ga.ones(3, requires_grad=True)
    w = ga.full((3,), 2.0, device="{other}", requires_grad=True)
    y = (x * 3).to("{other}")
    loss = (y * w).sum()
    loss.backward()
    print(x.grad)
    print(w.grad)
    """,
    prints="""
    tensor([6., 6., 6.]{device})
    tensor([3., 3., 3.]{other})
    """,
    second_device=True,
)
def across(p: Any) -> None:
    assert p.x.grad.device == p.device and p.w.grad.device == p.y.device == p.loss.device == p.other
    (p.w * p.w).to(p.device).sum().backward()  # the other way
    assert p.w.grad.tolist() == [7, 7, 7] and p.w.grad.device == p.other
    ((p.x * 2).to(p.other).to(p.device) * p.x).sum().backward()  # there and back
    assert p.x.grad.tolist() == [10, 10, 10] and p.x.grad.device == p.device
    y = (p.x * 2).to(p.other)
    with raises(RuntimeError, str(p.device), str(p.other)):
        y.backward(ga.ones(3))
    assert p.x.grad.tolist() == [10, 10, 10]
