"""What the Dask backend promises beyond the contract: nothing is computed early, and chunks stay chunks.

The contract and the derivatives of the table run on it with ``GRADARRAY_TEST_DEVICES=dask:cpu``.
"""

import subprocess
import sys
import threading

import dask
import dask.array as da
import numpy as np
import pytest
from dask.callbacks import Callback
from gradarray_dask import DaskBackend

import gradarray as ga
from gradarray.backends import Device, get, resolve

BACKEND = DaskBackend()


class Computations(Callback):
    """Counts how often a graph is computed."""

    def __init__(self):
        self.count = 0
        super().__init__(start=self._count)

    def _count(self, graph):
        self.count += 1


@pytest.fixture(autouse=True)
def in_this_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


@pytest.fixture
def computations():
    with Computations() as counter:
        yield counter


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def chunked(*shape, chunks, seed=0):
    """A Dask array of several chunks, and its values."""
    host = numbers(*shape, seed=seed)
    return da.from_array(host, chunks=chunks), host


def values(x):
    return x.detach().cpu().numpy()


def on_both(function, *hosts, chunks):
    """The value and the gradients of ``function``, on NumPy and on Dask, which must agree."""
    found = []
    for device in ("cpu", "dask"):
        xs = [
            ga.asarray(host if device == "cpu" else da.from_array(host, chunks=chunks), copy=True).requires_grad_()
            for host in hosts
        ]
        out = function(*xs)
        out.sum().backward()
        found.append((values(out), [values(x.grad) for x in xs], xs))
    (one, grads_one, _), (two, grads_two, xs) = found
    np.testing.assert_allclose(two, one, rtol=1e-10, atol=1e-12)
    for a, b in zip(grads_one, grads_two, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-10, atol=1e-12)
    return xs


# -- availability ------------------------------------------------------------------------------------------------------


def test_the_plugin_is_light():
    code = """
import sys, numpy, gradarray_dask
backend, = gradarray_dask.gradarray_backends()
assert not backend.owns(numpy.zeros(1)) and not backend.owns("text")
assert "dask" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_entry_point_finds_it():
    assert type(get("dask")).__name__ == "DaskBackend"
    assert resolve("dask") == resolve("dask:cpu") == Device("dask", "cpu")


def test_what_it_declares():
    can = BACKEND.capabilities
    assert (can.mutable, can.views, can.lazy, can.unknown_shapes) == (False, False, True, True)


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask", None)
    monkeypatch.setitem(sys.modules, "dask.array", None)
    assert "pip install" in BACKEND.unavailable()


# -- nothing is computed early -----------------------------------------------------------------------------------------


def logistic_loss(w, x, y):
    z = x @ w
    return (ga.logaddexp(ga.zeros_like(z), z) - y * z).mean()


def test_forward_and_backward_build_a_graph_only(computations):
    raw, host = chunked(1000, 8, chunks=(100, 8))
    x, w = ga.asarray(raw), ga.zeros(8, dtype=ga.float64, device="dask", requires_grad=True)
    y = ga.asarray((raw[:, 0] > 0).astype(float))
    loss = logistic_loss(w, x, y)
    loss.backward()
    assert computations.count == 0
    found = values(w.grad)
    assert computations.count == 1
    expected = host.T @ (0.5 - (host[:, 0] > 0)) / 1000
    np.testing.assert_allclose(found, expected, rtol=1e-10)


LAZY = {
    "max, whose gradient asks for ties": lambda x: x.max(),
    "sqrt of zeros": lambda x: ga.where(x > 0, ga.sqrt(ga.abs(x)), 0.0),
    "prod": lambda x: ga.prod(x, axis=1),
    "std": lambda x: ga.std(x, axis=0),
    "cumulative_prod": lambda x: ga.cumulative_prod(x, axis=1),
    "sort": lambda x: ga.sort(x, axis=1),
    "norm": lambda x: ga.linalg.vector_norm(x, axis=1),
    "qr": lambda x: ga.linalg.qr(x).R ** 2,
    "svdvals": lambda x: ga.linalg.svdvals(x),
    "solve": lambda x: ga.linalg.solve(x.mT @ x, ga.eye(4, dtype=x.dtype, device=x.device)),
    "fft": lambda x: ga.abs(ga.fft.fft(x, axis=0)),
    "slices": lambda x: x[::2, 1:] * x[1::2, :-1],
    "an index": lambda x: x[ga.asarray(np.array([5, 0, 5]), device=x.device)],
    "an index of no dimensions": lambda x: x[ga.argmax(x[:, 0])],
    "a mask": lambda x: x[x > 0],
    "in place": lambda x: (x * 1).mul_(x).add_(1),
    "a write through a view": lambda x: written(x * 1),
    "clip": lambda x: ga.clip(x, -0.5, 0.5),
}


def written(x):
    x.mT[1].mul_(x[:, 0])
    x[2:4, :2] = 7.0
    return x


@pytest.mark.parametrize("name", LAZY)
def test_nothing_computes_before_it_is_asked(name, computations):
    raw, _ = chunked(12, 4, chunks=(4, 4))
    x = ga.asarray(raw).requires_grad_()
    out = LAZY[name](x)
    out.sum().backward()
    assert computations.count == 0
    values(x.grad)
    assert computations.count == 1


@pytest.mark.parametrize("name", [name for name in LAZY if name != "a mask"])
def test_in_chunks_as_in_one_piece(name):
    on_both(LAZY[name], numbers(12, 4), chunks=(4, 4))


@pytest.mark.parametrize("ask", [repr, float, bool, lambda x: x.item(), lambda x: x.tolist(), lambda x: f"{x:.2f}"])
def test_who_asks_for_a_value_gets_it(ask, computations):
    x = ga.asarray(chunked(6, chunks=2)[0]).sum()
    assert computations.count == 0
    ask(x)
    assert computations.count == 1


def test_printing_computes_what_is_shown_only():
    seen = []

    def block(block_id=None):
        seen.append(block_id)
        return np.ones((1000, 3))

    x = ga.asarray(da.map_blocks(block, chunks=((1000,) * 100, (3,)), dtype=float, meta=np.empty((0, 0))))
    assert "..." in repr(x)
    assert set(seen) == {(0, 0), (99, 0)}


def test_numpy_asks_for_the_cpu():
    with pytest.raises(TypeError, match=r"Tensor\.cpu\(\)"):
        ga.ones(3, device="dask").numpy()
    assert ga.ones(3, device="dask").cpu().numpy().tolist() == [1, 1, 1]


def test_creation_lays_nothing_out():
    """Two hundred gigabytes each, made in no time, and summed in parts."""
    n = 160_000
    for x in (ga.full((n, n), 2.0, device="dask"), ga.zeros(n, n, device="dask"), ga.eye(n, device="dask")):
        assert max(max(c) for c in x._data.chunks) < n
    assert ga.eye(n, device="dask")[:3, :3].tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    x = ga.randn(n, n, device="dask")
    assert x[:2, :2].cpu().numpy().std() > 0 and ga.arange(10**11, device="dask")[-1].item() == 10**11 - 1


def test_random_numbers_are_repeatable_small_and_large():
    shape = (30_000, 3_000)
    first = []
    for _ in range(2):
        source = BACKEND.generator(resolve("dask"), 7)
        small = source.uniform((3,), ga.float32)
        large = source.normal(shape, ga.float32)
        assert large.npartitions > 1 and large.dtype == np.float32
        first.append((small.compute(), large[-1, :5].compute()))
    for a, b in zip(*first, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(first[0][0], np.random.Generator(np.random.PCG64(7)).random(3, dtype=np.float32))


# -- chunks stay chunks ------------------------------------------------------------------------------------------------

BACK = {
    "sum": lambda x: x.sum(),
    "mean along": lambda x: x.mean(axis=1) ** 2,
    "one slice": lambda x: x[10:20] * 2,
    "rows one by one": lambda x: sum(x[i] * i for i in range(5)),
    "flattened": lambda x: x.reshape(-1) * 3,
    "transposed": lambda x: x.T * 2,
    "broadcast": lambda x: x[None] * ga.ones((2, 1, 1), dtype=x.dtype, device=x.device),
    "concatenated": lambda x: ga.concat([x, x * 2]),
    "matmul": lambda x: x @ x.T[:, :3],
    "an index": lambda x: x[ga.asarray(np.array([5, 99, 5]), device=x.device)] ** 2,
    "two indices": lambda x: x[tuple(ga.asarray(np.array(i), device=x.device) for i in ([5, 99, 5], [0, 3, 0]))] ** 2,
    "diagonal": lambda x: ga.linalg.diagonal(x[:4]) ** 2,
}


@pytest.mark.parametrize("name", BACK)
def test_a_gradient_lies_in_the_chunks_of_what_it_is_of(name):
    (x,) = on_both(BACK[name], numbers(100, 4), chunks=(10, 4))
    assert x.grad._data.chunks == x._data.chunks


def largest(x):
    """Bytes of the largest array that a task gives when ``x`` is computed and added up."""
    sizes = [0]

    def watch(key, result, dsk, state, worker):
        sizes.append(getattr(result, "nbytes", 0))

    with Callback(posttask=watch):
        x.sum().compute()
    return max(sizes)


@pytest.mark.parametrize("name", [name for name in BACK if name not in ("matmul", "broadcast", "concatenated")])
def test_no_task_holds_it_all(name):
    x = ga.asarray(da.random.default_rng(1).random((8000, 4), chunks=(100, 4))).requires_grad_()
    BACK[name](x).sum().backward()
    assert 0 < largest(x.grad._data) < 8000 * 4 * 8 / 4


def counts(x, n, ndim=1, dim=0):
    """0, 1, 2 … along ``dim``, where ``x`` lies."""
    return ga.arange(n, device=x.device).reshape(*(n if d == dim else 1 for d in range(ndim)))


def positions(x, shape, high, seed=0):
    """Integers between ``-high`` and ``high``, where ``x`` lies, in other chunks."""
    host = np.random.default_rng(seed).integers(-high, high, shape)
    return ga.asarray(host if str(x.device) == "cpu" else da.from_array(host, chunks=7), device=x.device)


PAIRED = {
    "an element a row": lambda x: x[counts(x, 100), positions(x, 100, 4)] ** 2,
    "an element a column": lambda x: x[positions(x, 4, 100), counts(x, 4)] ** 2,
    "several a row": lambda x: x[counts(x, 100)[:, None], positions(x, (100, 3), 4)] ** 2,
    "the same ones of each row": lambda x: x[counts(x, 100, 2, 0), positions(x, (1, 3), 4)] ** 2,
    "turned": lambda x: x[counts(x, 100, 2, 1), positions(x, (3, 100), 4)] ** 2,
    "both counted": lambda x: x[counts(x, 100, 2, 0), counts(x, 4, 2, 1)] ** 2,
    "the diagonal": lambda x: x[:4][counts(x, 4), counts(x, 4)] ** 2,
    "beside an axis": lambda x: x.reshape(100, 2, 2)[counts(x, 100), :, positions(x, 100, 2)] ** 2,
    "of three": lambda x: x.reshape(100, 2, 2)[counts(x, 100), positions(x, 100, 2), positions(x, 100, 2, 1)] ** 2,
    "not through all": lambda x: x[counts(x, 50), positions(x, 50, 4)] ** 2,
    "gathered": lambda x: x.gather(1, positions(x, (100, 2), 4) % 4) ** 2,
    "gathered in part": lambda x: x.gather(1, positions(x, (60, 2), 4) % 4) ** 2,
    "taken along": lambda x: ga.take_along_axis(x, positions(x, (100, 2), 4), axis=1) ** 2,
    "scattered": lambda x: (x * 1).scatter_add(1, positions(x, (100, 4), 4) % 4, x) ** 2,
    "written": lambda x: _put(x * 2, (counts(x, 100), positions(x, 100, 4)), x[:, 0]) ** 2,
    "cross entropy": lambda x: ga.nn.functional.cross_entropy(x, positions(x, 100, 4) % 4),
}


def _put(x, key, value):
    x[key] = value
    return x


@pytest.mark.parametrize("name", PAIRED)
def test_an_index_that_counts_through_an_axis(name):
    """Whatever the chunks, that of the other index included."""
    for chunks in ((10, 4), (30, 3)):
        (x,) = on_both(PAIRED[name], numbers(100, 4), chunks=chunks)
        if name != "of three":
            assert x.grad._data.chunks == x._data.chunks


def seen_tasks(*arrays):
    """How many tasks it takes to compute ``arrays``, and the bytes of the largest result."""
    sizes = []
    with Callback(posttask=lambda key, result, *_: sizes.append(getattr(result, "nbytes", 0))):
        dask.compute(*arrays)
    return len(sizes), max(sizes)


@pytest.mark.parametrize("name", ["an element a row", "gathered", "taken along", "scattered", "cross entropy"])
def test_pairs_of_a_position_and_an_index_cost_as_much_as_there_are_chunks(name):
    """Blocks meet one by one: twice as many rows are twice as many tasks, none of them larger."""
    found = []
    for copies in (10, 20):
        x = ga.asarray(da.random.default_rng(1).random((100 * copies, 4), chunks=(100, 4))).requires_grad_()
        labels = ga.asarray(da.random.default_rng(2).integers(0, 4, (100 * copies, 1), chunks=(100, 1)))
        out = {
            "an element a row": lambda x, y: x[ga.arange(len(x), device=x.device), y[:, 0]] ** 2,
            "gathered": lambda x, y: x.gather(1, y) ** 2,
            "taken along": lambda x, y: ga.take_along_axis(x, y, axis=1) ** 2,
            "scattered": lambda x, y: (x * 1).scatter_add(1, y, x[:, :1]) ** 2,
            "cross entropy": lambda x, y: ga.nn.functional.cross_entropy(x, y[:, 0]),
        }[name](x, labels).sum()
        out.backward()
        found.append(seen_tasks(out.detach()._data, x.grad._data.sum(axis=0)))
    (tasks, largest), (twice, largest_of_twice) = found
    assert twice < 2.2 * tasks
    assert largest == largest_of_twice <= 100 * 4 * 8


def test_what_was_counted_and_then_written_to_counts_no_longer():
    raw, host = chunked(6, 4, chunks=(2, 4))
    rows = ga.arange(6, device="dask")
    rows[0] = 5
    columns = ga.asarray(np.array([0, 1, 2, 3, 0, 1]), device="dask")
    found = ga.asarray(raw)[rows, columns]
    np.testing.assert_array_equal(values(found), host[[5, 1, 2, 3, 4, 5], [0, 1, 2, 3, 0, 1]])


def test_tall_matrices_are_decomposed_in_blocks():
    x = ga.asarray(da.random.default_rng(1).random((8000, 4), chunks=(100, 4))).requires_grad_()
    q, r = ga.linalg.qr(x)
    (r**2).sum().backward()
    assert largest(x.grad._data) < 8000 * 4 * 8 / 4
    np.testing.assert_allclose(values(q @ r), values(x), rtol=1e-10)


@pytest.mark.parametrize(
    "function",
    [
        ga.linalg.det, ga.linalg.inv, ga.linalg.eigvalsh, ga.linalg.svdvals, ga.linalg.pinv,
        lambda x: ga.linalg.slogdet(x).logabsdet, lambda x: ga.linalg.svd(x, full_matrices=True).S,
        lambda x: ga.linalg.cholesky(x), lambda x: abs(ga.linalg.eigvals(x)), lambda x: ga.linalg.matrix_power(x, 3),
        lambda x: ga.linalg.solve(x, x[..., :1] + 1), lambda x: ga.linalg.cross(x, x.mT),
    ],
)  # fmt: skip
def test_stacks_of_matrices_stay_in_chunks(function):
    """What Dask lacks altogether, or for stacks."""
    a = numbers(6, 3, 3)
    host = a @ np.swapaxes(a, -1, -2) + 3 * np.eye(3)
    (x,) = on_both(function, host, chunks=(2, 2, 3))
    assert len(function(x)._data.chunks[0]) >= 3


def test_repeat_with_counts_and_take_along_axis():
    host = numbers(6, 4)
    counts = np.array([2, 0, 1, 1, 3, 0])
    on_both(lambda x: ga.repeat(x, ga.asarray(counts, device=x.device), axis=0) ** 2, host, chunks=(2, 4))
    order = np.argsort(host, axis=0)
    on_both(lambda x: ga.take_along_axis(x, ga.asarray(order, device=x.device), axis=0) ** 2, host, chunks=(2, 4))


# -- writes ------------------------------------------------------------------------------------------------------------


def test_views_write_through():
    raw, host = chunked(6, 4, chunks=(2, 4))
    x = ga.asarray(raw).clone()
    row, block = x[1], x[2:5].mT
    row.mul_(2)
    block[0] = -1.0
    x.add_(1)
    expected = host.copy()
    expected[1] *= 2
    expected[2:5, 0] = -1
    expected += 1
    np.testing.assert_array_equal(values(x), expected)
    np.testing.assert_array_equal(values(row), expected[1])
    np.testing.assert_array_equal(values(block), expected[2:5].T)
    np.testing.assert_array_equal(raw.compute(), host)


def test_an_array_that_was_adopted_is_never_written_to():
    raw, host = chunked(4, chunks=2)
    x = ga.asarray(raw)
    assert x._data is raw
    x[1:] = 0.0
    x.mul_(3)
    np.testing.assert_array_equal(raw.compute(), host)


# -- lengths that are unknown ------------------------------------------------------------------------------------------


def test_a_mask_gives_a_length_that_is_unknown():
    raw, host = chunked(10, 4, chunks=(3, 4))
    x = ga.asarray(raw).requires_grad_()
    picked = x[x > 0]
    assert np.isnan(picked.shape[0])
    (picked**2).sum().backward()
    np.testing.assert_array_equal(values(picked), host[host > 0])
    np.testing.assert_allclose(values(x.grad), np.where(host > 0, 2 * host, 0))
    assert x.grad._data.chunks == raw.chunks


def test_tensors_of_an_unknown_length_are_stacked():
    raw, host = chunked(5, 4, chunks=(3, 2))
    x = ga.asarray(raw)
    np.testing.assert_array_equal(sorted(values((x > 0).nonzero()).tolist()), np.argwhere(host > 0).tolist())
    picked = x[x > 0].requires_grad_()
    ga.stack([picked, 2 * picked]).sum().backward()
    assert set(values(picked.grad).tolist()) == {3.0}


def test_what_is_like_an_unknown_length():
    raw, host = chunked(10, chunks=3)
    x = ga.asarray(raw).requires_grad_()
    picked = x[x > 0]
    n = int((host > 0).sum())
    for like, expected in (
        (ga.ones_like(picked), np.ones(n)),
        (ga.zeros_like(picked, dtype=ga.int32), np.zeros(n, np.int32)),
        (ga.full_like(picked, 2.5, device="cpu"), np.full(n, 2.5)),
        (ga.empty_like(picked, dtype=ga.bool), np.zeros(n, bool)),
    ):
        np.testing.assert_array_equal(values(like), expected, strict=True)
    picked.backward(ga.ones_like(picked))
    np.testing.assert_array_equal(values(x.grad), host > 0)


def test_what_has_an_unknown_length_prints():
    x = ga.asarray(da.from_array(np.arange(5.0, dtype=np.float32), chunks=2))
    assert repr(x[x > 2]) == "tensor([3., 4.], device='dask:cpu')"


def test_distinct_elements():
    raw = da.from_array(np.array([3.0, 1, 3, 2, 2]), chunks=2)
    x = ga.asarray(raw).requires_grad_()
    found = ga.unique_inverse(x)
    found.values.sum().backward()
    assert (found.values.cpu().tolist(), found.inverse_indices.tolist()) == ([1, 2, 3], [2, 0, 2, 1, 1])
    assert x.grad.tolist() == [1, 1, 0, 1, 0]
    with pytest.raises(NotImplementedError, match="dask/dask#11831"):
        ga.unique_counts(x)
    assert {"unique_all", "unique_counts"} <= set(BACKEND.capabilities.missing)


def test_rows_by_a_mask():
    raw, host = chunked(10, 4, chunks=(3, 4))
    x = ga.asarray(raw).requires_grad_()
    rows = x[x[:, 0] > 0]
    weights = ga.asarray(np.arange(4.0), device="dask").requires_grad_()
    (rows @ weights).sum().backward()
    kept = host[:, 0] > 0
    np.testing.assert_allclose(values(x.grad), np.where(kept[:, None], np.arange(4.0), 0))
    np.testing.assert_allclose(values(weights.grad), host[kept].sum(0))


def test_a_write_by_a_mask():
    raw, host = chunked(10, chunks=3)
    x = ga.asarray(raw).requires_grad_()
    y = x * 2
    y[y > 0] = x[y > 0] * 10
    y.sum().backward()
    np.testing.assert_allclose(values(y), np.where(host > 0, 10 * host, 2 * host))
    np.testing.assert_allclose(values(x.grad), np.where(host > 0, 10, 2))
    z = ga.asarray(raw).clone()
    z[z > 0] = ga.arange(int((host > 0).sum()), dtype=ga.float64, device="dask")
    expected = host.copy()
    expected[host > 0] = np.arange((host > 0).sum())
    np.testing.assert_array_equal(values(z), expected)


def test_beyond_that_the_error_says_what_to_do():
    x = ga.asarray(chunked(10, chunks=3)[0]).requires_grad_()
    picked = x[x > 0]
    with pytest.raises(ValueError, match=r"number of elements .* unknown"):
        picked.mean().backward()
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        picked[ga.asarray(np.array([0]), device="dask")]
    with pytest.raises(ValueError, match="size nan"):
        picked.reshape(2, -1)
    with pytest.raises(NotImplementedError, match="one after the other"):
        ga.ones((3, 3), device="dask")[x[:3] > 0, x[:3] > 0]


def test_an_index_out_of_bounds_raises_when_computed():
    x = ga.asarray(chunked(4, chunks=2)[0])
    with pytest.raises(IndexError, match="index 4 is out of bounds"):
        x[ga.asarray(np.array([0, 4]), device="dask")].cpu()
    with pytest.raises(IndexError, match="out of bounds"):
        x[4]


# -- in and out --------------------------------------------------------------------------------------------------------


def test_arrays_are_adopted_and_handed_back_uncomputed(computations):
    raw, host = chunked(10, 4, chunks=(3, 4))
    x = ga.asarray(raw)
    assert x._data is raw and x.device == Device("dask", "cpu") and x.dtype is ga.float64
    assert da.asarray(x) is raw
    assert computations.count == 0
    with pytest.raises(RuntimeError, match="detach"):
        da.asarray(x.clone().requires_grad_())
    np.testing.assert_array_equal(np.from_dlpack(x), host)
    assert computations.count > 0


def test_what_comes_from_numpy_is_copied():
    host = np.ones(3)
    x = ga.asarray(host, device="dask")
    y = ga.from_dlpack(host, device="dask")
    host[:] = 7
    assert x.tolist() == y.tolist() == [1, 1, 1]


def test_a_graph_across_devices():
    x = ga.ones(3, device="dask", requires_grad=True)
    w = ga.full((3,), 2.0, device="cpu", requires_grad=True)
    ((x * 3).cpu() * w).sum().backward()
    assert x.grad.device == Device("dask", "cpu") and x.grad.tolist() == [6, 6, 6] and w.grad.tolist() == [3, 3, 3]


def test_devices_do_not_mix():
    with pytest.raises(RuntimeError, match=r"dask:cpu and cpu|cpu and dask:cpu"):
        ga.ones(3, device="dask") + ga.ones(3)
    assert (ga.ones(3, device="dask") + ga.tensor(2.0)).tolist() == [3, 3, 3]


def test_a_singular_matrix_raises_when_computed():
    x = ga.linalg.inv(ga.zeros(2, 2, device="dask"))
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        x.cpu()


@pytest.mark.filterwarnings("ignore:divide by zero")  # which NumPy says where it computes
def test_zero_wins_on_every_thread():
    """The scheduler's threads know nothing of what this one mutes."""
    x = ga.asarray(da.zeros(4, chunks=1)).requires_grad_()
    ga.where(x > 0, ga.sqrt(x), 0.0).sum().backward()
    with dask.config.set(scheduler="threads"):
        assert x.grad.tolist() == [0, 0, 0, 0]


# -- a cluster ---------------------------------------------------------------------------------------------------------


def test_gradients_on_a_cluster():
    distributed = pytest.importorskip("distributed")
    raw, host = chunked(400, 4, chunks=(100, 4))
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None) as cluster,
        distributed.Client(cluster),
        dask.config.set(scheduler="dask.distributed"),
    ):
        x, w = ga.asarray(raw), ga.ones(4, dtype=ga.float64, device="dask", requires_grad=True)
        ((x @ w) ** 2).sum().backward()
        found = values(w.grad)
    np.testing.assert_allclose(found, 2 * host.T @ (host @ np.ones(4)), rtol=1e-10)


def test_an_integer_beside_a_negative_step_is_written_to():
    host = np.arange(12.0).reshape(3, 4)
    for key in ((0, slice(None, None, -1)), (-1, slice(2, None, -2)), (slice(None, None, -1), 1)):
        x = ga.tensor(host, device="dask", requires_grad=True)
        (x[key] * 2).sum().backward()
        expected = np.zeros((3, 4))
        expected[key] = 2
        np.testing.assert_array_equal(values(x.grad), expected)


# -- what is small -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "any", "all"])
@pytest.mark.parametrize("chunks", [(4, 3), (2, 3), (4, 1), (2, 2)])
def test_one_chunk_is_reduced_in_one_step_and_several_as_ever(name, chunks):
    raw, host = chunked(4, 3, chunks=chunks)
    for axis in (None, 0, 1, (0, 1), ()):
        for keepdims in (False, True):
            out = getattr(ga, name)(ga.asarray(raw), axis=axis, keepdims=keepdims)
            expected = getattr(np, name)(host, axis=axis, keepdims=keepdims)
            np.testing.assert_allclose(values(out), expected, rtol=1e-14, strict=True)
    one = getattr(ga, name)(ga.asarray(raw), axis=1)
    assert (len(one._data.dask.layers) == len(raw.dask.layers) + 1) is (raw.numblocks[1] == 1)


def test_what_is_filled_is_one_step_and_not_laid_out():
    for x in (
        ga.zeros(3, device="dask"),
        ga.full((2, 2), 1.5, device="dask"),
        ga.ones_like(ga.zeros(4, device="dask")),
    ):
        assert [len(layer) for layer in x._data.dask.layers.values()] == [1]
        blocks = []
        with Callback(posttask=lambda key, block, *_, blocks=blocks: blocks.append(block)):
            x._data.compute(optimize_graph=False)
        assert not any(blocks[0].strides)


@pytest.mark.parametrize("n", [3, 100_000])
def test_small_arrays_are_computed_as_they_are_in_this_thread_unless_a_scheduler_is_chosen(n):
    threads = []

    def noting(block):
        threads.append(threading.current_thread())
        return block + 1

    x = ga.asarray(da.from_array(np.ones(n), chunks=n).map_blocks(noting, dtype=float, meta=np.empty(0)))
    y = (x * 2).exp()
    for chosen in (None, "threads"):
        steps = []
        with dask.config.set(scheduler=chosen), Callback(posttask=lambda *_, steps=steps: steps.append(1)):
            y.cpu()
        assert (len(steps) > 2) is (n == 3)  # fused, all that is computed from the data is one step
    assert [thread is threading.main_thread() for thread in threads] == [n == 3, False]


# -- what NumPy runs on each chunk as one step -------------------------------------------------------------------------


def steps_of(x):
    return len(x._data.dask.layers)


@pytest.mark.parametrize("name", ["gammainc", "jv"])
def test_each_derivative_of_a_special_function_is_a_few_steps(name, computations):
    """Each is made of hundreds of operations, or of thousands."""
    hosts = 1.0 + abs(numbers(6)), 1.0 + abs(numbers(6, seed=1))
    found = {}
    for device in ("cpu", "dask"):
        xs = [
            ga.asarray(h if device == "cpu" else da.from_array(h, chunks=4), copy=True).requires_grad_() for h in hosts
        ]
        g = getattr(ga.special, name)(*xs)
        found[device] = []
        for _ in range(3):
            g, other = ga.autograd.grad(g.sum(), xs, create_graph=True)
            found[device] += [g, other]
    assert computations.count == 0 and [steps_of(g) for g in found["dask"][:2]] == [6, 6]
    assert all(steps_of(g) < 60 and g._data.chunks == ((4, 2),) for g in found["dask"])
    for a, b in zip(found["cpu"], found["dask"], strict=True):
        np.testing.assert_allclose(values(b), values(a), rtol=1e-8, atol=1e-10)


def test_a_composition_is_one_step():
    (x,) = on_both(lambda x: ga.sinc(x) * ga.nn.functional.gelu(x), numbers(5), chunks=3)
    assert steps_of(ga.sigmoid(x)) == steps_of(x) + 1
    z = ga.asarray(da.from_array(numbers(3) + 1j, chunks=2))
    np.testing.assert_allclose(values(ga.sigmoid(z)), 1 / (1 + np.exp(-values(z))), rtol=1e-14)


def test_a_special_function_of_an_unknown_length_and_of_a_number():
    x = ga.asarray(da.from_array(np.array([-1.0, 0.5, 2.0, 3.0]), chunks=2)).requires_grad_()
    ga.special.gammainc(1.5, x[x > 0]).sum().backward()
    y = ga.tensor([0.5, 2.0, 3.0], dtype=ga.float64, requires_grad=True)
    ga.special.gammainc(1.5, y).sum().backward()
    np.testing.assert_allclose(values(x.grad), [0.0, *values(y.grad)], rtol=1e-14)


def test_transforms_of_a_special_function():
    host = 1.0 + abs(numbers(3, 2))

    def function(x):
        return ga.special.gammaln(x).sum()

    on_cpu, on_dask = (ga.func.vmap(ga.func.hessian(function))(ga.asarray(host, device=d)) for d in ("cpu", "dask"))
    np.testing.assert_allclose(values(on_dask), values(on_cpu), rtol=1e-10, atol=1e-12)


def test_what_workers_run_can_be_sent_to_them():
    x = ga.asarray(da.from_array(np.array([0.5, 2.0]), chunks=1)).requires_grad_()
    ga.special.digamma(x).sum().backward()
    with dask.config.set(scheduler="processes", num_workers=1):
        found = values(x.grad)
    np.testing.assert_allclose(found, [np.pi**2 / 2, np.pi**2 / 6 - 1], rtol=1e-13)


# -- what is joined ----------------------------------------------------------------------------------------------------


def test_the_gradient_of_a_cumulative_product_stays_in_one_chunk():
    """It is made of slices that are joined, log n times."""
    (x,) = on_both(ga.cumulative_prod, 1 + 0.1 * numbers(50), chunks=50)
    assert x.grad._data.numblocks == (1,)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([(7,), (1,)], (8,)),
        ([(1,), (7,)], (8,)),
        ([(4, 4), (1,), (4,)], (4, 5, 4)),
        ([(3,), (1,), (1,), (1,), (1,)], (5, 2)),
        ([(4, 4), (4, 4)], (4, 4, 4, 4)),
        ([(4, 1), (1, 4)], (4, 2, 4)),
    ],
)
def test_what_is_joined_has_no_slivers(given, expected):
    hosts = [np.arange(float(sum(chunks))) for chunks in given]
    joined = ga.concat([ga.asarray(da.from_array(h, chunks=(c,))) for h, c in zip(hosts, given, strict=True)])
    assert joined._data.chunks == (expected,)
    np.testing.assert_array_equal(values(joined), np.concatenate(hosts))


def test_the_gradient_of_what_was_joined_lies_in_its_chunks():
    (x, y) = on_both(lambda x, y: ga.concat([x, y]) ** 2, numbers(10), numbers(3), chunks=4)
    assert (x.grad._data.chunks, y.grad._data.chunks) == (((4, 4, 2),), ((3,),))


# -- what is empty -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(0, 0), (2, 0), (0, 2), (0, 0, 0), (3, 0, 2)])
def test_what_is_empty_is_reshaped_and_rolled(shape):
    """Dask's own reshape raises a different error for each of these, or leaves tasks out."""
    host = np.zeros(shape)
    x = ga.tensor(host, device="dask", requires_grad=True)
    for target in ((-1,), (0, 5), (1, -1)):
        assert values(ga.reshape(x, target)).shape == host.reshape(target).shape
    out = ga.roll(x, 1)
    out.sum().backward()
    assert values(out).shape == values(x.grad).shape == shape


def test_all_elements_are_rolled_into_the_chunks_that_they_came_in():
    (x,) = on_both(lambda x: ga.roll(x, 5) ** 2, numbers(6, 4, 3), chunks=(4, 3, 2))
    assert ga.roll(x, 5)._data.chunks == x._data.chunks


def test_products_of_what_is_empty_and_was_joined():
    x = ga.zeros((0, 1, 1), device="dask")
    joined = ga.concat([x, x[..., :0]], axis=-1)
    assert values(joined @ joined.mT).shape == (0, 1, 1)
    assert values(ga.linalg.det(x.requires_grad_())).shape == (0,)


@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (ga.matmul, [(3, 1), (3, 1)]),
        (ga.matmul, [(3, 0), (2, 3)]),
        (ga.matmul, [(2, 3), (4,)]),
        (ga.floor_divide, [(0,), (2, 1, 3)]),
        (ga.logaddexp, [(0,), (2,)]),
    ],
)
def test_shapes_that_do_not_fit_are_refused_before_anything_is_computed(function, shapes):
    with pytest.raises(RuntimeError, match=r"must match|multiplied"):
        function(*(ga.zeros(shape, device="dask") for shape in shapes))
