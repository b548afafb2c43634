"""dask arrays whose chunks are tensors, against dask arrays of arrays."""

import dask.array as da
import numpy as np
import pytest

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(5)
X = R.standard_normal((8, 3))


def chunked(x):
    return da.from_array(x, chunks=(3, 3), asarray=False)


@pytest.mark.parametrize(
    "function",
    {
        "arithmetic": lambda a: 2 * a + 1 - a / 3,
        "exp": lambda a: da.exp(a),
        "sum": lambda a: a.sum(axis=0),
        "max": lambda a: a.max(axis=1),
        "matmul": lambda a: a @ a.T,
        "getitem": lambda a: a[2:7, 1],
        "transpose": lambda a: a.T.reshape((3, 8)),
        "concatenate": lambda a: da.concatenate([a, a * a]),
    }.items(),
    ids=lambda item: item[0],
)
def test_dask_over_tensors(function):
    agrees(lambda x: function[1](chunked(x)).compute(scheduler="synchronous"), X)


def test_an_operation_with_a_dask_array_gives_a_dask_array():
    x = ga.tensor(X, requires_grad=True)
    y = chunked(ga.tensor(X)) * x
    assert isinstance(y, da.Array)
    ((x * X).sum() - y.sum().compute()).backward()
    assert ga.allclose(x.grad, ga.zeros_like(x))
