"""A12: what is written in place never breaks the tape.

Knows the public API. Must not know how a program is run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradarray as ga
from gradarray.tutorial.expect import close, raises
from gradarray.tutorial.program import program


@program(
    "A12",
    "In place never breaks the tape",
    """
    x = ga.tensor([1.0, 2.0, 3.0], requires_grad=True)
    w = ga.tensor([10.0, 20.0, 30.0])
    y = x * w
    w.zero_()  # the tape has still to know what w was
    y.sum().backward()
    print(x.grad)

    try:
        x.add_(1)
    except RuntimeError as error:
        print(error)
    """,
    prints="""
    tensor([10., 20., 30.]{device})
    …leaf…
    """,
)
def never_breaks(p: Any) -> None:
    data = p.x.tolist()
    for write in WRITES:
        x = p.x.detach().clone().requires_grad_()
        h = x.exp()  # keeps its output
        out = (h * h).sum()  # keeps its inputs, and now both are written to
        before = h.tolist()
        write(h)
        assert h.tolist() != before
        out.backward()
        assert close(x.grad.tolist(), [2 * value**2 for value in before])
        x = p.x.detach().clone().requires_grad_()
        out = (x * x).sum()
        with ga.no_grad():  # likewise a leaf
            write(x)
        out.backward()
        assert close(x.grad.tolist(), [2 * value for value in data])
    for leaf_write in WRITES[:9]:
        with raises(RuntimeError, "leaf"):
            leaf_write(p.x)
        assert p.x.tolist() == data and p.x.is_leaf
    rewritten(p.x.detach().clone().requires_grad_())


def set_item(x: Any, key: Any, value: Any) -> None:
    """``x[key] = value``."""
    x[key] = value


def under_no_grad(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``write``, unrecorded."""
    return ga.no_grad()(write)


# Ways to overwrite a tensor of three elements; the first nine are refused on a leaf.
WRITES: tuple[Callable[[Any], Any], ...] = (
    lambda h: h.zero_(),
    lambda h: h.mul_(3),
    lambda h: h.exp_(),
    lambda h: h.copy_(ga.zeros(3)),
    lambda h: set_item(h, 1, 5.0),
    lambda h: set_item(h, slice(None), 0.0),
    lambda h: set_item(h, h > 2, -1.0),
    lambda h: h.view(3, 1).zero_(),
    lambda h: h[:2].add_(1),
    lambda h: h.detach().zero_(),
    lambda h: h.data.mul_(2),
    under_no_grad(lambda h: h.sub_(1)),
    under_no_grad(lambda h: ga.add(h, 1, out=h)),
    under_no_grad(lambda h: h[1:].fill_(9)),
)


def rewritten(x: Any) -> None:
    """What is written in place on the tape is differentiated as written."""

    def gradient(out: Any) -> Any:
        del x.grad
        out.sum().backward()
        return x.grad.tolist()

    h = x * 2
    h.mul_(3)
    assert gradient(h) == [6, 6, 6]
    h = x * 2
    h[0] = 0
    assert gradient(h) == [0, 2, 2]
    h = x * 2
    h[1:].mul_(5)  # a view writes through to what it is a view of
    assert gradient(h) == [2, 10, 10]
    h = ga.zeros(3)
    h[1] = x[0] * 7
    assert h.requires_grad and gradient(h) == [7, 0, 0]
    h = ga.ones(3)
    h.mul_(x).mul_(x)
    assert close(gradient(h), (2 * x.detach()).tolist())
