"""Indexing and assignment: what NumPy's keys select, that bounds are kept, and the gradients of both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gradarray as ga

SHAPES = [(4,), (3, 4), (2, 3, 4), (1, 3), (0, 3), (3, 1, 2)]
KEYS = {
    (4,): [
        0, -1, np.int64(2), slice(None), slice(1, 3), slice(None, None, 2), slice(None, None, -1), slice(3, 0, -2),
        slice(10, 20), slice(-2, None), None, ..., (), (None, 1), (..., None), [0, 2], [[0, 1], [2, 3]], [-1, 0, -1],
        np.array([3, 0]), np.array(2), np.array([1, 2], dtype=np.uint8), [True, False, True, False], [], range(3),
        np.array([False] * 4), [[]], ((1, 3),), ((),), ((0, 1), None),
    ],
    (2, 3, 4): [
        0, (0, 1), (0, 1, 2), (-1, -1, -1), (..., 0), (0, ..., 0), (slice(None), 1), (slice(None), slice(1, None), 2),
        (None, 0, None), (slice(None, None, -1), slice(None, None, -1)), ([0, 1], [1, 2]),
        ([0, 1], slice(None), [1, 2]),
        (slice(None), [0, 2]), ([[0], [1]], [0, 2]), (0, [0, 2]), ([0, 1], None, slice(1, 3)), (..., [0, 0, 3]),
        np.arange(6).reshape(2, 3) % 2 == 0, (slice(None), np.array([True, False, True])),
        (np.array([True, False]), [0, 2]), np.arange(24).reshape(2, 3, 4) > 11,
    ],
}  # fmt: skip
CASES = [(shape, key) for shape, keys in KEYS.items() for key in keys]


def arrays(key):
    """``key`` with tensors for NumPy's arrays."""
    if isinstance(key, tuple):
        return tuple(map(arrays, key))
    return ga.tensor(key) if isinstance(key, np.ndarray) else key


def numpys(key):
    return tuple(map(numpys, key)) if isinstance(key, tuple) else list(key) if isinstance(key, range) else key


@pytest.mark.parametrize("tensors", [False, True], ids=["arrays", "tensors"])
@pytest.mark.parametrize(("shape", "key"), CASES, ids=str)
def test_a_key_selects_what_it_does_in_numpy(shape, key, tensors):
    a = np.arange(float(np.prod(shape))).reshape(shape)
    expected = np.asarray(a[numpys(key)])
    x = ga.tensor(a)[arrays(key) if tensors else key]
    assert x.shape == expected.shape
    assert x.tolist() == expected.tolist()


@pytest.mark.parametrize(("shape", "key"), CASES, ids=str)
def test_the_gradient_goes_back_to_where_it_came_from(shape, key):
    a = np.arange(float(np.prod(shape))).reshape(shape)
    x = ga.tensor(a, requires_grad=True)
    y = x[key]
    w = np.random.default_rng(0).random(y.shape)
    expected = np.zeros(shape)
    np.add.at(expected, numpys(key), w)
    y.backward(ga.tensor(w))
    np.testing.assert_allclose(x.grad.numpy(), expected)


@pytest.mark.parametrize(("shape", "key"), CASES, ids=str)
def test_assignment_writes_what_it_does_in_numpy(shape, key):
    a = np.arange(float(np.prod(shape))).reshape(shape)
    x = ga.tensor(a)
    value = np.random.default_rng(0).random(np.shape(a[numpys(key)]))
    a[numpys(key)] = value
    x[key] = ga.tensor(value)
    assert x.tolist() == a.tolist()
    a[numpys(key)] = 7.0
    x[key] = 7
    assert x.tolist() == a.tolist()


@pytest.mark.parametrize(("shape", "key"), CASES, ids=str)
def test_assignment_is_differentiable_in_both(shape, key):
    if isinstance(key, list) and len(set(map(str, key))) < len(key):
        pytest.skip("which of several values is kept is not said")
    positions = np.arange(np.prod(shape)).reshape(shape)
    w = np.random.default_rng(0).random(shape)
    base = ga.zeros(shape, dtype=ga.float64, requires_grad=True)
    value = ga.zeros(np.shape(positions[numpys(key)]), dtype=ga.float64, requires_grad=True)
    x = base * 1
    x[key] = value
    x.backward(ga.tensor(w))
    written = np.zeros(shape, dtype=bool)
    written[numpys(key)] = True
    np.testing.assert_allclose(base.grad.numpy(), np.where(written, 0, w))
    if len(set(positions[numpys(key)].ravel().tolist())) == positions[numpys(key)].size:
        np.testing.assert_allclose(value.grad.numpy(), w[numpys(key)])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_basic_indexing_is_numpys(data):
    shape = data.draw(st.sampled_from(SHAPES))
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    a = np.arange(np.prod(shape)).reshape(shape)
    x = ga.from_numpy(a)
    assert x[key].tolist() == a[key].tolist()
    x[key].zero_() if x[key].ndim else x[key].fill_(0)
    b = np.arange(np.prod(shape)).reshape(shape)
    b[key] = 0
    assert a.tolist() == b.tolist()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_indexing_with_integer_arrays_is_numpys(data):
    shape = data.draw(st.sampled_from([s for s in SHAPES if 0 not in s]))
    result = hnp.array_shapes(max_dims=2, max_side=3)
    key = data.draw(hnp.integer_array_indices(shape, result_shape=result, dtype=np.dtype("int64")))
    a = np.arange(np.prod(shape)).reshape(shape)
    assert ga.tensor(a)[key].tolist() == a[key].tolist()
    assert ga.tensor(a)[arrays(key)].tolist() == a[key].tolist()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_masks_are_numpys(data):
    shape = data.draw(st.sampled_from(SHAPES))
    mask = data.draw(hnp.arrays(bool, shape))
    a = np.arange(np.prod(shape)).reshape(shape)
    x = ga.tensor(a)
    assert x[ga.tensor(mask)].tolist() == a[mask].tolist()
    x[ga.tensor(mask)] = -1
    a[mask] = -1
    assert x.tolist() == a.tolist()


def test_scalar_masks():
    x = ga.arange(3)
    assert x[True].shape == (1, 3)
    assert x[False].shape == (0, 3)
    assert ga.tensor(3.0)[True].tolist() == [3.0]


def test_zero_dimensional_tensors():
    x = ga.tensor(3.0)
    assert x[()].item() == x[...].item() == 3.0
    assert x[None].tolist() == [3.0]
    x[()] = 5
    x[...] += 1
    assert x.item() == 6.0


@pytest.mark.parametrize(
    ("shape", "key"),
    [
        ((2, 3), 2), ((2, 3), -3), ((2, 3), (0, 3)), ((2, 3), (..., 3)), ((2, 3), (0, 0, 0)), ((), 0),
        ((), slice(None)),
        ((0,), 0), ((2, 3), [0, 2]), ((2, 3), (slice(None), [3])), ((2, 3), [-3]), ((2, 3), (..., ...)),
        ((2, 3), [True, False, True]), ((2, 3), (slice(None), [True, False])), ((2, 3), "a"), ((2, 3), 1.5),
        ((2, 3), [0.5]), ((2, 3), {}), ((2, 3), ([0, 1], [0, 1, 2])),
        ((2, 3), [None]), ((2, 3), [slice(None)]), ((2, 3), [[0, 1], [0]]), ((2, 3), np.array(["a"])),
        ((2, 3), [2**70]),
    ],
    ids=str,
)  # fmt: skip
def test_a_key_that_does_not_fit(shape, key):
    x = ga.zeros(shape)
    with pytest.raises(IndexError):
        x[key]
    with pytest.raises(IndexError):
        x[key] = 1
    assert x._version == 0
    assert not x.any()


def test_the_bounds_are_told():
    with pytest.raises(IndexError, match="index 5 is out of bounds for dimension 1 with size 3"):
        ga.zeros(2, 3)[:, 5]


def test_a_key_that_was_met_before_is_still_looked_at():
    x = ga.arange(4)
    assert x[1:3].tolist() == [1, 2] and x[3].item() == 3
    for key in (slice(1.0, 3), slice(1, 3.0), 3.0):  # equal to those as keys of a dictionary
        with pytest.raises((IndexError, TypeError)):
            x[key]
    assert x[True].shape == (1, 4) and x[True:3].tolist() == [1, 2]
    with pytest.raises(IndexError):
        x[:3][3]


def test_views_of_many_keys_are_views():
    x = ga.arange(1500, dtype=ga.float32, requires_grad=True)
    sum(x[i : i + 2].sum() for i in range(1500)).backward()  # more than are remembered
    assert x.grad.tolist() == [1.0] + [2.0] * 1499


def test_a_slice_needs_integers():
    with pytest.raises(TypeError):
        ga.zeros(3)[1.0:2]
    with pytest.raises(ValueError, match="zero"):
        ga.zeros(3)[::0]
    assert ga.arange(5)[ga.tensor(1) : ga.tensor(3)].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("key", "value"),
    [(0, ga.ones(2)), (slice(None), ga.ones(3, 3)), ([0, 1], ga.ones(4)), (ga.ones(2, 3).bool(), ga.ones(2))],
    ids=str,
)
def test_a_value_that_does_not_fit_changes_nothing(key, value):
    x = ga.zeros(2, 3, requires_grad=True) * 1
    node = x.grad_fn
    with pytest.raises(RuntimeError, match="shape mismatch"):
        x[key] = value
    assert not x.any()
    assert x.grad_fn is node
    assert x._version == 0


@pytest.mark.parametrize("value", ["a", None, 1j], ids=repr)
def test_a_value_that_is_no_number_changes_nothing(value):
    x = ga.zeros(2, 3)
    with pytest.raises(TypeError):
        x[0] = value
    assert not x.any()


def test_values_are_converted():
    x = ga.zeros(3, dtype=ga.int64)
    x[0] = 1.7
    x[1] = True
    x[2] = ga.tensor(2.9, dtype=ga.float64)
    assert x.tolist() == [1, 1, 2]
    y = ga.zeros(2, 2)
    y[0] = [1, 2]
    y[1] = np.array([3, 4])
    assert y.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_leading_ones_of_a_value_are_dropped():
    x = ga.zeros(3, requires_grad=True) * 1
    value = ga.ones(1, 1, 2, requires_grad=True)
    x[[0, 2]] = value
    assert x.tolist() == [1.0, 0.0, 1.0]
    x.sum().backward()
    assert value.grad.tolist() == [[[1.0, 1.0]]]


def test_a_broadcast_value_gets_the_sum():
    x = ga.zeros(2, 3, requires_grad=True) * 1
    value = ga.ones(3, requires_grad=True)
    scalar = ga.tensor(2.0, requires_grad=True)
    x[:] = value
    x[:, 0] = scalar
    x.sum().backward()
    assert value.grad.tolist() == [0.0, 2.0, 2.0]
    assert scalar.grad.item() == 2.0


def test_duplicate_indices_add_up():
    x = ga.ones(3, requires_grad=True)
    x[[0, 0, 2, 0]].sum().backward()
    assert x.grad.tolist() == [3.0, 0.0, 1.0]


def test_changing_the_index_afterwards_does_not_change_the_gradient():
    x = ga.ones(3, requires_grad=True)
    index, mask = ga.tensor([0, 1]), ga.tensor([True, False, True])
    y = x * 2
    y[mask] = 0
    loss = x[index].sum() + y.sum()
    index.fill_(2)
    mask.fill_(True)
    loss.backward()
    assert x.grad.tolist() == [1.0, 3.0, 0.0]


def test_augmented_assignment():
    x = ga.arange(6.0).reshape(2, 3)
    x[0, 0] += 10
    x[1] *= 2
    x[x > 9] -= 1
    assert x.tolist() == [[9.0, 1.0, 2.0], [6.0, 8.0, 9.0]]


def test_assignment_to_a_leaf_is_refused():
    x = ga.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        x[0] = 5
    assert x.tolist() == [1.0, 1.0, 1.0]
    with ga.no_grad():
        x[0] = 5
    assert x.tolist() == [5.0, 1.0, 1.0]
