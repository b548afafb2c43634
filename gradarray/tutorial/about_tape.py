"""A01 to A04, A08 and A09: what is recorded, how it shows, and how recording stops.

Knows the public API. Must not know how a program is run.
"""

from __future__ import annotations

from threading import Thread
from typing import Any

import gradarray as ga
from gradarray.tutorial.expect import close, raises
from gradarray.tutorial.program import program


@program(
    "A01",
    "A tensor whose operations are recorded",
    """
    x = ga.ones(2, 2, requires_grad=True)
    print(x)
    """,
    prints="""
    tensor([[1., 1.],
            [1., 1.]]{device}, requires_grad=True)
    """,
)
def leaf(p: Any) -> None:
    assert p.x.requires_grad and p.x.is_leaf and p.x.grad is None and p.x.grad_fn is None
    assert not ga.ones(2, 2).requires_grad and ga.ones(2, 2).is_leaf
    with raises(RuntimeError, "floating", "int32"):
        ga.ones(2, dtype=ga.int32, requires_grad=True)
    x = ga.tensor([1.0], requires_grad=True)
    assert x.requires_grad and x.device == p.device


@program(
    "A02",
    "The result of an operation has a grad_fn",
    """
    x = ga.ones(2, 2, requires_grad=True)
    y = x + 2
    print(y)
    print(y.grad_fn)
    """,
    prints="""
    tensor([[3., 3.],
            [3., 3.]]{device}, grad_fn=<AddBackward0>)
    <AddBackward0 object at 0x…>
    """,
)
def operation(p: Any) -> None:
    assert p.x.grad_fn is None and p.x.is_leaf
    assert p.y.requires_grad and not p.y.is_leaf
    assert p.y.grad_fn is p.y.grad_fn, "one node, however often it is asked for"
    int(p.output.split("at 0x")[1].rstrip(">"), 16)
    assert (ga.ones(2, 2) + 2).grad_fn is None


@program(
    "A03",
    "More operations",
    """
    x = ga.ones(2, 2, requires_grad=True)
    y = x + 2
    z = y * y * 3
    out = z.mean()
    print(z, out)
    """,
    prints="""
    tensor([[27., 27.],
            [27., 27.]]{device}, grad_fn=<MulBackward0>) tensor(27.{device}, grad_fn=<MeanBackward0>)
    """,
)
def operations(p: Any) -> None:
    assert p.out.shape == () and p.out.dtype is ga.float32 and p.out.device == p.device
    names = {
        "AddBackward0": p.x + p.x, "SubBackward0": p.x - 1, "MulBackward0": p.x * 2, "DivBackward0": p.x / p.x,
        "PowBackward0": p.x**2, "SumBackward0": p.x.sum(), "MeanBackward0": p.x.mean(), "ExpBackward0": p.x.exp(),
        "NegBackward0": -p.x,
    }  # fmt: skip
    for name, y in names.items():
        assert type(y.grad_fn).__name__ == name and f"grad_fn=<{name}>" in repr(y), name


@program(
    "A04",
    "requires_grad_ changes the flag in place",
    """
    a = ga.randn(2, 2)
    a = (a * 3) / (a - 1)
    print(a.requires_grad)
    a.requires_grad_(True)
    print(a.requires_grad)
    b = (a * a).sum()
    print(b.grad_fn)
    """,
    prints="""
    False
    True
    <SumBackward0 object at 0x…>
    """,
)
def flag(p: Any) -> None:
    assert p.a.is_leaf and p.a.requires_grad_() is p.a
    p.b.backward()
    values = p.a.detach()
    assert close(p.a.grad.tolist(), (2 * values).tolist()) and values.grad is None
    assert not p.a.requires_grad_(False).requires_grad and not (p.a * 2).requires_grad
    with raises(RuntimeError, "leaf", "detach()"):
        p.b.requires_grad_(False)


@program(
    "A08",
    "Recording stops inside no_grad",
    """
    x = ga.randn(3, requires_grad=True)
    print(x.requires_grad)
    print((x ** 2).requires_grad)

    with ga.no_grad():
        print((x ** 2).requires_grad)
    """,
    prints="""
    True
    True
    False
    """,
)
def no_grad(p: Any) -> None:
    no_grad: Any = ga.no_grad
    enable_grad: Any = ga.enable_grad

    def square() -> bool:
        return bool((p.x**2).requires_grad)

    assert square()
    assert not no_grad()(square)() and not no_grad(square)(), "as a decorator"
    assert square() and no_grad(square).__name__ == "square"
    with ga.no_grad():
        with ga.enable_grad():
            assert square()
            with ga.no_grad():
                assert not square()
            assert square() and not no_grad(square)()
            assert square()
        assert not square() and enable_grad(square)()
        assert not square() and not ga.is_grad_enabled() and in_thread(square)
    with raises(KeyError, "left by an error"), ga.no_grad():
        raise KeyError("left by an error")
    assert square() and ga.is_grad_enabled()

    def switch() -> bool:
        ga.set_grad_enabled(False)
        return square()

    assert not in_thread(switch) and square(), "what a thread switches is its own"
    with ga.no_grad():
        assert not (y := p.x * 2).requires_grad and y.grad_fn is None and y.is_leaf
        p.x.mul_(0)  # what a step of an optimizer does
    assert p.x.requires_grad and p.x.is_leaf and p.x.tolist() == [0, 0, 0]


def in_thread(function: Any) -> bool:
    """What ``function`` returns in a thread of its own."""
    found: list[bool] = []
    thread = Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found == [True]


@program(
    "A09",
    "detach: the same values, off the tape",
    """
    x = ga.randn(3, requires_grad=True)
    print(x.requires_grad)
    y = x.detach()
    print(y.requires_grad)
    print(x.eq(y).all())
    """,
    prints="""
    True
    False
    tensor(True{device})
    """,
)
def detach(p: Any) -> None:
    assert p.y.is_leaf and p.y.grad_fn is None and p.y.device == p.device
    twice = p.x * 2
    assert twice.detach_() is twice and not twice.requires_grad and twice.grad_fn is None
    p.y[0] = 7
    assert p.x.tolist()[0] == 7, "y shares x's memory"
    with ga.no_grad():
        p.x.fill_(2)
    assert p.y.tolist() == [2, 2, 2]
    z = p.x * p.x
    (z * z.detach()).sum().backward()
    assert p.x.grad.tolist() == [16, 16, 16], "what is detached counts as constant"
