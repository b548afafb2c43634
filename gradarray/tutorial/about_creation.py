"""T01 to T07: tensors are created, and say what they are.

Knows the public API. Must not know how a program is run.
"""

from __future__ import annotations

import re
from typing import Any

import gradarray as ga
from gradarray.tutorial.expect import close, raises, reads
from gradarray.tutorial.program import program

ALIASES = {
    "short": "int16", "int": "int32", "long": "int64",
    "float": "float32", "double": "float64", "cfloat": "complex64", "cdouble": "complex128",
}  # fmt: skip


def moments(x: Any) -> tuple[float, float]:
    """Mean and standard deviation, worked out on the host."""
    values = x.view(-1).tolist()
    mean = sum(values) / len(values)
    return mean, (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5


@program(
    "T01",
    "A tensor that is not initialized",
    """
    x = ga.empty(5, 3)
    print(x)
    """,
)
def empty(p: Any) -> None:
    assert p.x.shape == (5, 3)
    assert p.x.dtype is ga.float32
    assert p.x.device == p.device
    rows = p.output.splitlines()
    assert len(rows) == 5
    for start, row in zip(["tensor([[", *4 * ["        ["]], rows):
        assert re.match(re.escape(start) + r"( *[^\s,\]]+,){2} *[^\s,\]]+\]", row), row
    p.x.copy_(ga.tensor([[0.5, -1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11], [12, 13, 14]]))
    template = """\
tensor([[ 0.5000, -1.0000,  2.0000],
        [ 3.0000,  4.0000,  5.0000],
        [ 6.0000,  7.0000,  8.0000],
        [ 9.0000, 10.0000, 11.0000],
        [12.0000, 13.0000, 14.0000]]{device})"""
    assert reads(repr(p.x), template, p.device), repr(p.x)
    for size in ((5, 3),), ([5, 3],), (ga.ones(5, 3).size(),), (5, 3):
        assert ga.empty(*size).shape == (5, 3)
    with raises(RuntimeError, "-5"):
        ga.empty(-5, 3)


@program(
    "T02",
    "A tensor of random numbers",
    """
    x = ga.rand(5, 3)
    print(x)
    """,
)
def rand(p: Any) -> None:
    assert p.x.shape == (5, 3)
    assert p.x.dtype is ga.float32
    assert p.x.device == p.device
    assert all(0 <= value < 1 for row in p.x.tolist() for value in row)
    numbers = re.findall(r"\d+\.[^\s,\]]*", p.output)
    assert len(numbers) == 15
    assert all(re.fullmatch(r"\d\.\d{4}(e[+-]\d\d)?", number) for number in numbers), numbers
    ga.manual_seed(0)
    first, second = ga.rand(5, 3), ga.rand(5, 3)
    ga.manual_seed(0)
    assert ga.rand(5, 3).tolist() == first.tolist() != second.tolist()
    ga.manual_seed(1)
    assert ga.rand(5, 3).tolist() != first.tolist()
    mean, deviation = moments(ga.rand(10_000))
    assert close(mean, 0.5, 0.03) and close(deviation, 12**-0.5, 0.03), (mean, deviation)


@program(
    "T03",
    "A tensor of zeros, of dtype long",
    """
    x = ga.zeros(5, 3, dtype=ga.long)
    print(x)
    print(x.dtype)
    """,
    prints="""
    tensor([[0, 0, 0],
            [0, 0, 0],
            [0, 0, 0],
            [0, 0, 0],
            [0, 0, 0]]{device})
    gradarray.int64
    """,
    dtypes=("int64",),
)
def zeros(p: Any) -> None:
    assert p.x.device == p.device
    assert ga.zeros(5, 3).dtype is ga.zeros((5, 3)).dtype is ga.get_default_dtype() is ga.float32
    for alias, name in ALIASES.items():
        dtype = getattr(ga, alias)
        assert dtype is getattr(ga, name), alias
        assert repr(dtype) == f"gradarray.{name}"
        assert dtype.name == name == p.np.dtype(dtype).name
        assert dtype == p.np.dtype(name) and hash(dtype) == hash(p.np.dtype(name))


@program(
    "T04",
    "A tensor from data",
    """
    x = ga.tensor([5.5, 3])
    print(x)
    """,
    prints="tensor([5.5000, 3.0000]{device})",
)
def from_data(p: Any) -> None:
    assert p.x.dtype is ga.get_default_dtype() is ga.float32
    assert p.x.device == p.device
    assert p.x.tolist() == [5.5, 3.0]
    data = p.np.array([5.5, 3], dtype="float32")
    x = ga.tensor(data)
    data[0] = 0
    assert x.tolist() == [5.5, 3.0], "tensor() copies"
    with raises(ValueError, "length"):
        ga.tensor([[1.0, 2.0], [3.0]])


@program(
    "T05",
    "A tensor like another, of ones",
    """
    x = ga.tensor([5.5, 3])
    x = x.new_ones(5, 3, dtype=ga.double)  # new_* methods take in sizes
    print(x)
    """,
    prints="""
    tensor([[1., 1., 1.],
            [1., 1., 1.],
            [1., 1., 1.],
            [1., 1., 1.],
            [1., 1., 1.]]{device}, dtype=gradarray.float64)
    """,
    dtypes=("float64",),
)
def new_ones(p: Any) -> None:
    for like in p.x, ga.ones(2, dtype=ga.int32):
        with ga.device("cpu"):  # of no consequence: it is x's device
            made = {
                "new_ones": like.new_ones(5, 3),
                "new_zeros": like.new_zeros((5, 3)),
                "new_full": like.new_full((5, 3), 7),
                "new_empty": like.new_empty([5, 3]),
                "new_tensor": like.new_tensor([[7, 7, 7]] * 5),
            }
            other = [
                like.new_ones(2, dtype=ga.float),
                like.new_zeros(2, dtype=ga.float),
                like.new_full((2,), 7, dtype=ga.float),
                like.new_empty(2, dtype=ga.float),
                like.new_tensor([7, 7], dtype=ga.float),
            ]
        for name, x in made.items():
            assert (x.shape, x.dtype, x.device) == ((5, 3), like.dtype, p.device), name
        assert all(x.dtype is ga.float32 and x.device == p.device for x in other)
        values = [made[name].view(-1).tolist() for name in ("new_ones", "new_zeros", "new_full", "new_tensor")]
        assert values == [[1] * 15, [0] * 15, [7] * 15, [7] * 15]


@program(
    "T06",
    "A tensor like another, of random numbers and another dtype",
    """
    x = ga.ones(5, 3, dtype=ga.double)
    x = ga.randn_like(x, dtype=ga.float)  # override dtype!
    print(x)  # result has the same size
    """,
    dtypes=("float64",),
)
def randn_like(p: Any) -> None:
    assert p.x.shape == (5, 3)
    assert p.x.dtype is ga.float32
    assert len(set(p.x.view(-1).tolist())) == 15
    with ga.device("cpu"):
        assert ga.randn_like(p.x).device == p.device
    assert ga.randn_like(p.x.double()).dtype is ga.float64
    x = ga.randn_like(ga.empty(10_000))
    mean, deviation = moments(x)
    assert close(mean, 0, 0.06) and close(deviation, 1, 0.06), (mean, deviation)
    within = sum(abs(value) < 1 for value in x.tolist()) / 10_000
    assert close(within, 0.6827, 0.03), within


@program(
    "T07",
    "The size of a tensor",
    """
    x = ga.randn(5, 3)
    print(x.size())
    """,
    prints="gradarray.Size([5, 3])",
)
def size(p: Any) -> None:
    rows, columns = p.x.size()
    assert (rows, columns) == (5, 3) == p.x.size() == p.x.shape
    assert isinstance(p.x.size(), tuple) and type(p.x.size()) is type(p.x.shape)
    assert p.x.size(0) == 5 and p.x.size(-1) == 3
    with raises(IndexError, "2"):
        p.x.size(2)
    assert p.x.numel() == p.x.size().numel() == p.x.size == 15 and isinstance(p.x.size, int)
