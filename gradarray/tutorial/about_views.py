"""T10 to T12: indexing, views of the same memory, and the way to Python numbers.

Knows the public API. Must not know how a program is run.
"""

from __future__ import annotations

from typing import Any

import gradarray as ga
from gradarray.tutorial.expect import raises
from gradarray.tutorial.program import lacking_dtypes, program

BASIC: tuple[Any, ...] = (
    1, -1, (2, 0), slice(1, 4), slice(None, None, 2), slice(None, None, -1), (slice(None), 1), (..., 0), None,
    (slice(None), None, 1), (-1, slice(None)), (), ..., slice(3, 3), slice(-99, 99), (slice(4, 0, -2), slice(1, None)),
)  # fmt: skip
ARRAYS: tuple[Any, ...] = (
    [0, 2], [[0, 1], [-2, 3]], ([0, 2], [1, -1]), (slice(1, 3), [0, 0, 2]), ([4, 1], slice(None, 2)), (None, [0, 2]),
    [True, False, True, True, False], ([True, False, True, True, False], 1), (slice(None), [False, True, True]),
)  # fmt: skip


@program(
    "T10",
    "Indexing as in NumPy",
    """
    x = ga.randn(5, 3)
    print(x)
    print(x[:, 1])
    """,
    dtypes=("int64",),
)
def indexing(p: Any) -> None:
    assert p.x[:, 1].tolist() == [row[1] for row in p.x.tolist()]
    mask = p.x > 0
    host = p.np.asarray(p.x.tolist(), dtype="float32")
    keys = [(key, key) for key in BASIC]
    keys += [(key, key) for key in ARRAYS]
    keys += [(of_tensors(key), key) for key in ARRAYS]
    keys += [(mask, host > 0), (host > 0, host > 0), (p.np.array([0, 3]), [0, 3])]
    for key, hosts in keys:
        found = p.x[key]
        assert found.tolist() == host[hosts].tolist(), hosts
        assert (found.dtype, found.device) == (p.x.dtype, p.device)
        for value, same in ((-1.0, -1.0), (found * 2, host[hosts] * 2)):  # assignment of a number, and of a tensor
            x, expected = p.x.clone(), host.copy()
            x[key] = value
            expected[hosts] = same
            assert x.tolist() == expected.tolist(), hosts
    for key in BASIC:  # a view: a write to either is seen in the other
        x, expected = p.x.clone(), host.copy()
        view = x[key]
        view.zero_()
        expected[key] = 0
        assert x.tolist() == expected.tolist(), key
        x.fill_(7)
        assert view.tolist() == p.np.full_like(host, 7)[key].tolist(), key
    for wrong in 5, -6, (0, 3), (0, 0, 0), "a", 1.5:
        with raises(IndexError):
            p.x[wrong]
        with raises(IndexError):
            p.x[wrong] = 0
    with raises(RuntimeError, "[2]"):
        p.x[0] = ga.ones(2)
    assert p.x.tolist() == host.tolist()


def of_tensors(key: Any) -> Any:
    """``key`` with its lists as tensors."""
    if isinstance(key, tuple):
        return tuple(map(of_tensors, key))
    return ga.tensor(key) if isinstance(key, list) else key


@program(
    "T11",
    "Resizing: view",
    """
    x = ga.randn(4, 4)
    y = x.view(16)
    z = x.view(-1, 8)  # the size -1 is inferred from other dimensions
    print(x.size(), y.size(), z.size())
    """,
    prints="gradarray.Size([4, 4]) gradarray.Size([16]) gradarray.Size([2, 8])",
)
def view(p: Any) -> None:
    rows = p.x.tolist()
    assert p.y.tolist() == [value for row in rows for value in row]
    assert p.z.tolist() == [rows[0] + rows[1], rows[2] + rows[3]]
    p.y[0] = 100
    p.z[1, 7] = -100
    p.x[0, 1] = 50
    assert p.x.tolist() == [[100, 50, *rows[0][2:]], rows[1], rows[2], [*rows[3][:3], -100]]
    assert p.y.tolist() == p.x.reshape(16).tolist() and p.z.tolist() == p.x.reshape(2, 8).tolist()
    assert p.x.view((2, 8)).shape == p.x.view([2, -1]).shape == (2, 8)
    before = p.x.tolist()
    for size in (5,), (3, -1), (4, 5):
        with raises(RuntimeError, str(list(size)), "16"):
            p.x.view(*size)
    with raises(RuntimeError, "-1"):
        p.x.view(-1, -1)
    if ga.backends.get(p.device.backend).capabilities.views:
        with raises(RuntimeError, "reshape"):
            p.x.t().view(16)
    assert p.x.t().reshape(16).tolist() == [row[column] for column in range(4) for row in before]
    assert p.x.tolist() == before


@program(
    "T12",
    "One element as a Python number",
    """
    x = ga.randn(1)
    print(x)
    print(x.item())
    """,
)
def item(p: Any) -> None:
    value = p.x.item()
    assert type(value) is float and p.output.splitlines()[-1] == repr(value)
    assert value == float(p.x) == p.x.tolist()[0] == p.x[0].tolist()
    assert ga.tensor([0.1]).item() == float(p.np.float32(0.1)), "all digits, not those that are printed"
    if not lacking_dtypes(p.device, ["float64"]):
        assert ga.tensor([0.1], dtype=ga.double).item() == 0.1
    assert type(ga.tensor(3, dtype=ga.int32).item()) is int and ga.tensor([[3]], dtype=ga.int32).item() == 3
    assert ga.tensor([True]).item() is True
    assert int(ga.tensor([-2.75])) == -2 and float(ga.tensor(3, dtype=ga.int32)) == 3.0
    assert bool(ga.tensor([0.5])) is True and bool(ga.tensor([0.0])) is False
    assert ga.tensor([[1.5, 2.0], [3.0, 4.0]]).tolist() == [[1.5, 2.0], [3.0, 4.0]] and ga.tensor(1.5).tolist() == 1.5
    several = ga.ones(2, 3)
    for convert in several.item, several.__float__, several.__int__:
        with raises(RuntimeError, "6 elements", "[2, 3]"):
            convert()
    with raises(RuntimeError, "ambiguous", "[2, 3]", "any()"):
        bool(several)
