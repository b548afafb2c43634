"""T08 and T09: operations that make a new tensor, write into one, or change their own.

Knows the public API. Must not know how a program is run.
"""

from __future__ import annotations

from typing import Any

import gradarray as ga
from gradarray.tutorial.expect import raises
from gradarray.tutorial.program import program

# The methods that have a twin with an underscore, by what they are tried on: tensor and further arguments.
UNARY = """
abs acos asin asinh atan atanh ceil cos cosh exp expm1 floor log log10 log1p log2 neg negative reciprocal relu round
rsqrt sigmoid sign sin sinh sqrt square tan tanh trunc absolute arccos arcsin arcsinh arctan arctanh fix
""".split()
BINARY = """
add sub subtract mul multiply div divide true_divide floor_divide remainder pow atan2 hypot copysign nextafter
eq ne lt le gt ge not_equal less less_equal greater greater_equal
""".split()
LOGICAL = "logical_and logical_or logical_xor".split()
INTEGER = "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift".split()
# In-place methods that overwrite or turn their tensor: what they are called with, and what it is then.
OTHERS: dict[str, tuple[tuple[Any, ...], list[list[float]]]] = {
    "fill_": ((7.0,), [[7, 7], [7, 7]]),
    "zero_": ((), [[0, 0], [0, 0]]),
    "copy_": (([5.0, 6.0],), [[5, 6], [5, 6]]),
    "t_": ((), [[0.25, 0.75], [0.5, 1]]),
    "transpose_": ((0, 1), [[0.25, 0.75], [0.5, 1]]),
}


@program(
    "T08",
    "Addition, in several syntaxes",
    """
    x = ga.rand(5, 3)
    y = ga.rand(5, 3)
    print(x + y)
    print(ga.add(x, y))

    result = ga.empty(5, 3)
    ga.add(x, y, out=result)  # an output tensor as argument
    print(result)
    """,
)
def addition(p: Any) -> None:
    x, y = (p.np.asarray(z.tolist(), dtype="float32") for z in (p.x, p.y))
    expected = (x + y).tolist()
    assert (p.x + p.y).tolist() == ga.add(p.x, p.y).tolist() == p.x.add(p.y).tolist() == p.result.tolist() == expected
    lines = p.output.splitlines()
    assert lines[:5] == lines[5:10] == lines[10:]
    memory = p.result.view(-1)
    p.result.zero_()
    assert ga.add(p.x, p.y, out=p.result) is p.result
    assert memory.view(5, 3).tolist() == expected, "out= writes into result's own memory"
    with raises(RuntimeError, "[4, 3]", "[5, 3]"):
        ga.add(p.x, p.y, out=ga.empty(4, 3))
    with raises(RuntimeError, "int32", "float32"):
        ga.add(p.x, p.y, out=ga.empty(5, 3, dtype=ga.int32))
    with raises(RuntimeError, "out", "grad"):
        ga.add(p.x.clone().requires_grad_(), p.y, out=p.result)
    assert p.result.tolist() == expected


@program(
    "T09",
    "Operations in place end in _",
    """
    x = ga.rand(5, 3)
    y = ga.rand(5, 3)
    y.add_(x)  # adds x to y
    print(y)

    x.copy_(y)
    x.t_()
    print(x)
    """,
)
def in_place(p: Any) -> None:
    assert p.x.shape == (3, 5)
    assert p.x.t().tolist() == p.y.tolist()
    x = ga.tensor([[0.25, 0.5], [0.75, 1.0]])
    n = ga.tensor([[1, 2], [3, 4]], dtype=ga.int32)
    for name in UNARY:
        twin(x * 0.5, name)
    twin(x + 1, "acosh")
    twin(x + 1, "arccosh")
    for name in BINARY:
        twin(x, name, x.t() + 0.25)
        twin(x, name, ga.tensor([0.5, 0.25]))  # broadcasts
    for name in "add sub mul div floor_divide remainder pow".split():
        twin(x, name, 2)
        twin(x, name, 0.5)
    for name in INTEGER:
        twin(n, name, n.t().clone())
    twin(n, "bitwise_not")
    for name in LOGICAL:
        twin(n > 1, name, n > 3)
    twin(n > 1, "logical_not")
    for name in "clamp", "clip":
        twin(x, name, 0.3, 0.8)
        twin(x, name, None, 0.8)
    twin(x, "clamp_min", 0.3)
    twin(x, "clamp_max", 0.8)
    for name in "cumsum", "cumprod", "tril", "triu":
        twin(x, name, 0)
    for name in "deg2rad", "rad2deg", "sinc", "nan_to_num":
        twin(x, name)
    twin(x - 0.5, "heaviside", x)
    twin(x, "lerp", x.t(), 0.25)
    for name in "addcmul", "addcdiv", "addmm":
        twin(x, name, x.t() + 1, x)
    twin(x, "addmv", x, x[0])
    twin(x, "masked_fill", x > 0.5, 7.0)
    by_position(x)
    for name, (arguments, expected) in OTHERS.items():
        y = x.clone()
        given = [ga.tensor(a) if isinstance(a, list) else a for a in arguments]
        assert getattr(y, name)(*given) is y and y.tolist() == expected, name
    y = x.clone()
    assert y.unsqueeze_(0) is y and y.shape == (1, 2, 2) and y.squeeze_(0) is y and y.shape == (2, 2)
    for name in "transpose", "swapaxes", "swapdims":
        y = x.clone()
        assert getattr(y, f"{name}_")(0, 1) is y and y.tolist() == x.t().tolist(), name
    y = ga.empty(1000, device=x.device)
    assert y.uniform_(2, 3) is y and bool(((y >= 2) & (y < 3)).all())
    assert y.normal_(5, 0.5) is y and abs(float(y.mean()) - 5) < 0.2
    turned = x.clone()
    memory = turned.view(-1)
    turned.t_()[0, 1] = 9
    assert memory.tolist() == [0.25, 0.5, 9.0, 1.0], "t_ turns the same memory"
    operators(x, n)
    with raises(RuntimeError, "[2, 2]", "[3, 2, 2]"):
        x.add_(ga.ones(3, 2, 2))
    with raises(RuntimeError, "int32", "float32"):
        n.add_(0.5)
    assert x.tolist() == [[0.25, 0.5], [0.75, 1.0]] and n.tolist() == [[1, 2], [3, 4]]


def twin(x: Any, name: str, *arguments: Any) -> None:
    """``x.name_(…)`` returns ``x``, whose memory then holds what ``x.name(…)`` gives."""
    expected = getattr(x, name)(*arguments).to(x.dtype).tolist()
    x = x.clone()
    memory = x.view(4)
    assert getattr(x, f"{name}_")(*arguments) is x, name
    assert x.tolist() == memory.view(2, 2).tolist() == expected, name


def by_position(x: Any) -> None:
    """What is written where an index says."""
    rows, index = (ga.tensor(data, dtype=ga.int32) for data in ([1, 0], [[1, 0]]))
    twin(x, "scatter", 0, index, x)
    twin(x, "scatter_add", 1, index, x)
    twin(x, "index_fill", 0, rows[:1], 7.0)
    for name in "index_add", "index_copy":
        twin(x, name, 1, rows, x)
    y = x.clone().view(1, 2, 2)
    assert y.baddbmm_(y, y).tolist() == ga.baddbmm(x, x.view(1, 2, 2), x.view(1, 2, 2)).tolist()


def operators(x: Any, n: Any) -> None:
    """``+=`` and the like work in place."""
    y = x.clone()
    memory = y.view(4)
    y += 1
    y *= 4
    y -= ga.ones(2, 2)
    y /= 2
    y **= 2
    y //= 2
    y %= 5
    assert y.tolist() == [[(((v + 1) * 4 - 1) / 2) ** 2 // 2 % 5 for v in row] for row in x.tolist()]
    assert memory.tolist() == y.view(4).tolist()
    m = n.clone()
    memory = m.view(4)
    m <<= 2
    m |= 1
    m ^= 3
    m &= 14
    m >>= 1
    assert memory.tolist() == [(((v << 2 | 1) ^ 3) & 14) >> 1 for v in (1, 2, 3, 4)]
