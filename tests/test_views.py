"""Views: they share memory with their base, and history with it."""

import itertools

import numpy as np
import pytest

import gradarray as ga
from gradarray.nn import functional as F

VIEWS = {
    "slice": (lambda x: x[1:], lambda a: a[1:]),
    "step": (lambda x: x[:, ::2], lambda a: a[:, ::2]),
    "reversed": (lambda x: x[::-1], lambda a: a[::-1]),
    "row": (lambda x: x[1], lambda a: a[1]),
    "element": (lambda x: x[1, 2], lambda a: a[1, 2, ...]),
    "column": (lambda x: x[:, 1], lambda a: a[:, 1]),
    "ellipsis": (lambda x: x[..., :2], lambda a: a[..., :2]),
    "all": (lambda x: x[...], lambda a: a[...]),
    "new axis": (lambda x: x[:, None], lambda a: a[:, None]),
    "T": (lambda x: x.T, lambda a: a.T),
    "mT": (lambda x: x.mT, lambda a: a.T),
    "t": (lambda x: x.t(), lambda a: a.T),
    "transpose": (lambda x: x.transpose(0, 1), lambda a: a.T),
    "permute": (lambda x: x.permute(1, 0), lambda a: a.T),
    "movedim": (lambda x: x.movedim(0, 1), lambda a: a.T),
    "view": (lambda x: x.view(2, 6), lambda a: a.reshape(2, 6)),
    "flat": (lambda x: x.view(-1), lambda a: a.reshape(-1)),
    "view_as": (lambda x: x.view_as(ga.zeros(4, 3)), lambda a: a.reshape(4, 3)),
    "reshape": (lambda x: x.reshape(6, 2), lambda a: a.reshape(6, 2)),
    "flatten": (lambda x: x.flatten(), lambda a: a.reshape(-1)),
    "unsqueeze": (lambda x: x.unsqueeze(1), lambda a: a[:, None]),
    "squeeze": (lambda x: x[:1].squeeze(), lambda a: a[0]),
    "narrow": (lambda x: x.narrow(1, 1, 2), lambda a: a[:, 1:3]),
    "select": (lambda x: x.select(0, -1), lambda a: a[-1]),
    "unbind": (lambda x: x.unbind()[1], lambda a: a[1]),
    "split": (lambda x: x.split(2, 1)[1], lambda a: a[:, 2:]),
    "chunk": (lambda x: x.chunk(2, 1)[0], lambda a: a[:, :2]),
    "view of a view": (lambda x: x[1:].t()[0], lambda a: a[1:].T[0]),
    "and another": (lambda x: x.view(-1)[2:8].view(2, 3)[:, 1], lambda a: a.reshape(-1)[2:8].reshape(2, 3)[:, 1]),
}  # fmt: skip
SEVERAL = {"unbind", "split", "chunk"}
ONE_BY_ONE = pytest.mark.parametrize(
    "view", [VIEWS[n] for n in VIEWS if n not in SEVERAL], ids=[n for n in VIEWS if n not in SEVERAL]
)
DETACHED = {"detach": lambda x: x.detach(), "data": lambda x: x.data}


def numbers():
    return np.arange(12.0).reshape(3, 4)


@pytest.fixture(params=VIEWS.values(), ids=VIEWS)
def view(request):
    return request.param


def test_a_view_shows_the_base(view):
    of_tensor, of_array = view
    y = of_tensor(ga.tensor(numbers()))
    assert y.tolist() == of_array(numbers()).tolist()
    assert y.shape == of_array(numbers()).shape


def test_a_write_through_a_view_is_seen_in_the_base(view):
    of_tensor, of_array = view
    x, a = ga.tensor(numbers()), numbers()
    of_tensor(x).add_(100)
    of_array(a)[...] += 100
    assert x.tolist() == a.tolist()


def test_a_write_to_the_base_is_seen_in_a_view(view):
    of_tensor, of_array = view
    x, a = ga.tensor(numbers()), numbers()
    y = of_tensor(x)
    x.mul_(2)
    x[1] = -1
    a *= 2
    a[1] = -1
    assert y.tolist() == of_array(a).tolist()


@pytest.mark.parametrize(("one", "other"), list(itertools.product(list(VIEWS)[::3], list(VIEWS)[1::4])))
def test_a_write_through_a_view_is_seen_in_another(one, other):
    x, a = ga.tensor(numbers()), numbers()
    seen = VIEWS[other][0](x)
    VIEWS[one][0](x).sub_(7)
    VIEWS[one][1](a)[...] -= 7
    assert seen.tolist() == VIEWS[other][1](a).tolist()


def test_a_view_of_a_leaf_is_differentiable(view):
    of_tensor, of_array = view
    x = ga.tensor(numbers(), requires_grad=True)
    of_tensor(x).sum().backward()
    mask = np.zeros((3, 4))
    of_array(mask)[...] = 1
    assert x.grad.tolist() == mask.tolist()


@ONE_BY_ONE
def test_history_is_rewritten_by_a_write_through_a_view(view):
    of_tensor, of_array = view
    x = ga.tensor(numbers(), requires_grad=True)
    y = x * 2
    v = of_tensor(y)
    v.mul_(10)
    w = np.random.default_rng(0).random((3, 4))
    (y * ga.tensor(w)).sum().backward()
    scale = np.full((3, 4), 2.0)
    of_array(scale)[...] = 20
    np.testing.assert_allclose(x.grad.numpy(), w * scale)
    assert y.grad_fn.name() == "CopySlices"


def test_history_of_a_view_follows_a_write_to_the_base(view):
    of_tensor, of_array = view
    x = ga.tensor(numbers(), requires_grad=True)
    y = x * 2
    v = of_tensor(y)
    y.pow_(2)
    v.sum().backward()
    expected = np.zeros((3, 4))
    of_array(expected)[...] = of_array(8 * numbers())
    np.testing.assert_allclose(x.grad.numpy(), expected)


@ONE_BY_ONE
def test_a_write_that_requires_a_gradient_puts_the_base_on_the_tape(view):
    of_tensor, of_array = view
    base = ga.zeros(3, 4, dtype=ga.float64)
    v = of_tensor(base)
    other = of_tensor(base)
    p = ga.ones(v.shape, dtype=ga.float64, requires_grad=True)
    v.copy_(p)
    assert base.requires_grad
    assert other.requires_grad
    ((base * 2).sum() + other.sum()).backward()
    assert p.grad.tolist() == np.full(v.shape, 3.0).tolist()


@pytest.mark.parametrize("name", sorted(SEVERAL))
def test_a_recorded_write_to_one_of_several_views_is_refused(name):
    of_tensor, _ = VIEWS[name]
    x = ga.tensor(numbers(), requires_grad=True)
    y = x * 2
    v = of_tensor(y)
    w = v[:1]
    for written in (v, w):
        with pytest.raises(RuntimeError, match="returns multiple views"):
            written.mul_(10)
    assert y.tolist() == (2 * numbers()).tolist()
    with ga.no_grad():
        v.mul_(10)
    plain = ga.tensor(numbers())
    of_tensor(plain).mul_(10)
    assert plain.sum() > numbers().sum()
    with pytest.raises(RuntimeError, match="returns multiple views"):
        of_tensor(plain).mul_(ga.tensor(2.0, requires_grad=True))
    assert not plain.requires_grad


@pytest.mark.parametrize("take", [iter, ga.unstack])
def test_a_write_to_what_iteration_gave_is_one_to_its_base(take):
    """PyTorch refuses it, but SciPy's code writes so."""
    x = ga.tensor(numbers(), requires_grad=True)
    y = x * 2
    row, *_ = take(y)
    row[:] = row * row
    (y * y).sum().backward()
    expected = 8 * numbers()
    expected[0] = 64 * numbers()[0] ** 3  # (2x)⁴
    np.testing.assert_allclose(x.grad.numpy(), expected)


def test_copies_are_no_views():
    x = ga.arange(6.0).reshape(2, 3)
    for y in (x.clone(), x[[0, 1]], x[x > 0], x.flip(0), x.roll(1), x.t().reshape(-1), x.repeat(1, 1), x + 0, x.tril()):
        y.zero_()
    assert x.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


def test_expand_shares_memory():
    x = ga.ones(3, 1)
    y = x.expand(3, 4)
    x.mul_(5)
    assert y.tolist() == [[5.0] * 4] * 3
    assert x.expand(-1, 2).shape == (3, 2)
    assert x.expand(2, 3, 4).shape == (2, 3, 4)


def test_a_write_to_what_expand_repeats_is_refused():
    x = ga.ones(3, 1)
    y = x.expand(3, 4)
    for write in (lambda: y.add_(1), lambda: y.copy_(ga.ones(3, 4)), lambda: y.__setitem__(0, 5)):
        with pytest.raises(RuntimeError, match="single memory location"):
            write()
    assert x.tolist() == [[1.0]] * 3
    assert x._version == 0


def test_what_shows_no_position_twice_and_fill_are_writes_to_the_base_of_what_expand_repeats():
    p = ga.tensor([3.0], requires_grad=True)
    leaf = ga.ones(3, 1, requires_grad=True)
    x = leaf * 2
    y = x.expand(3, 4)
    y[0, 2:3] = p
    assert (x.tolist(), y[0].tolist()) == ([[3.0], [2.0], [2.0]], [3.0] * 4)
    y[:, 1].mul_(10)
    assert x.tolist() == [[30.0], [20.0], [20.0]]
    y.sum().backward()
    assert (p.grad.tolist(), leaf.grad.tolist()) == ([40.0], [[0.0], [80.0], [80.0]])
    y.zero_()
    assert (x.tolist(), x.requires_grad) == ([[0.0]] * 3, True)
    a = ga.tensor(1.0, requires_grad=True)
    b = a * 1
    b.expand(3)[1].mul_(4)
    b.backward()
    assert a.grad.item() == 4.0


def test_the_base_is_the_first_of_all():
    x = ga.zeros(2, 3)
    assert x._base is None
    assert x[0]._base is x
    assert x[0][1:].view(-1)._base is x
    assert x.detach()._base is None


def test_all_aliases_count_writes_together():
    x = ga.zeros(2, 3)
    views = [x[0], x.t(), x.view(-1), x.detach()]
    views[0].add_(1)
    x.mul_(2)
    views[3].zero_()
    assert [v._version for v in (x, *views)] == [3] * 5


# -- memory that cannot be viewed --------------------------------------------------------------------------------------


def test_view_does_not_copy_and_says_so():
    x = ga.arange(6).reshape(2, 3)
    assert x.t().reshape(-1).tolist() == [0, 3, 1, 4, 2, 5]
    with pytest.raises(RuntimeError, match=r"Use \.reshape"):
        x.t().view(-1)
    assert x.t().view(3, 1, 2).shape == (3, 1, 2)


def test_view_works_out_a_length():
    x = ga.randn(4, 4)
    y, z = x.view(16), x.view(-1, 8)
    assert (x.size(), y.size(), z.size()) == ((4, 4), (16,), (2, 8))
    assert x.view((2, 8)).shape == x.view([2, 8]).shape == x.view(ga.Size([2, 8])).shape == (2, 8)
    assert ga.zeros(0, 3).view(-1, 3).shape == (0, 3)
    assert ga.ones(1).view(()).shape == ()


# -- off the tape ------------------------------------------------------------------------------------------------------


@pytest.fixture(params=DETACHED.values(), ids=DETACHED)
def detached(request):
    return request.param


def test_detached_shares_memory_but_not_history(detached):
    x = ga.ones(3, requires_grad=True)
    y = detached(x)
    assert not y.requires_grad
    assert y.grad_fn is None
    assert x.eq(y).all()
    y[0] = 5
    assert x.tolist() == [5.0, 1.0, 1.0]
    assert x.requires_grad


def test_a_write_to_detached_does_not_reach_the_tape(detached):
    x = ga.tensor([1.0, 2.0], requires_grad=True)
    y = x * x  # keeps x
    detached(x).zero_()
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_detached_may_begin_a_tape_of_its_own(detached):
    x = ga.tensor([1.0, 2.0], requires_grad=True)
    d = detached(x * 3).requires_grad_()
    (d[1:] * d).sum().backward()
    assert d.grad.tolist() == [6.0, 15.0]
    assert x.grad is None


def test_a_view_of_detached_is_written_to(detached):
    x = ga.ones(4, requires_grad=True)
    d = detached(x)
    d[1:].mul_(3)
    d.unsqueeze_(0)
    d[0, 0] = 7
    assert x.tolist() == [7.0, 3.0, 3.0, 3.0]
    assert x.shape == (4,)


def test_a_write_of_what_requires_a_gradient_to_detached(detached):
    x = ga.ones(2, requires_grad=True)
    p = ga.tensor([2.0, 3.0], requires_grad=True)
    y = x * 1
    d = detached(y)
    d[0] = p[0]
    assert d.requires_grad
    (d.sum() + y.sum()).backward()
    assert p.grad.tolist() == [1.0, 0.0]
    assert x.grad.tolist() == [1.0, 1.0]


def test_detach_in_place():
    x = ga.ones(2, requires_grad=True)
    y = x * 2
    assert y.detach_() is y
    assert y.is_leaf
    assert not y.requires_grad
    with pytest.raises(RuntimeError, match="detach views in-place"):
        (x * 2)[0].detach_()


def test_assigning_data():
    x = ga.ones(2, requires_grad=True)
    y = x * x
    new = ga.tensor([5.0, 6.0, 7.0])
    x.data = new
    assert x.tolist() == [5.0, 6.0, 7.0]
    assert x.requires_grad
    new[0] = 0
    assert x[0].item() == 0
    assert ga.autograd.grad(y.sum(), x)[0].tolist() == [2.0, 2.0]


# -- views made while nothing was recorded -----------------------------------------------------------------------------


def test_a_view_made_in_no_grad_mode():
    x = ga.ones(3, requires_grad=True) * 2
    with ga.no_grad():
        v = x[1:]
        v.mul_(3)
    assert not v.requires_grad
    assert x.tolist() == [2.0, 6.0, 6.0]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        v.mul_(2)
    assert x.tolist() == [2.0, 6.0, 6.0]


def test_a_write_to_a_view_of_a_leaf_is_refused():
    x = ga.ones(3, requires_grad=True)
    v = x[1:]
    for write in (lambda: v.mul_(2), lambda: v.__setitem__(0, 1), v.t_, lambda: v.detach()[:].requires_grad_().add_(1)):
        with pytest.raises(RuntimeError, match="leaf"):
            write()
    assert x.tolist() == [1.0, 1.0, 1.0]
    with ga.no_grad():
        v.mul_(2)
    assert x.tolist() == [1.0, 2.0, 2.0]
    assert v.grad_fn.name() == "SliceBackward0"


# -- shapes changed in place -------------------------------------------------------------------------------------------

RESHAPINGS = {
    "t_": (lambda x: x.t_(), lambda x: x.t()),
    "transpose_": (lambda x: x.transpose_(0, 1), lambda x: x.transpose(0, 1)),
    "swapaxes_": (lambda x: x.swapaxes_(-1, 0), lambda x: x.swapaxes(-1, 0)),
    "unsqueeze_": (lambda x: x.unsqueeze_(1), lambda x: x.unsqueeze(1)),
    "squeeze_": (lambda x: x.unsqueeze_(0).squeeze_(), lambda x: x),
    "twice": (lambda x: x.t_().t_(), lambda x: x),
}


@pytest.fixture(params=RESHAPINGS.values(), ids=RESHAPINGS)
def reshaping(request):
    return request.param


def test_a_shape_changes_in_place(reshaping):
    change, same = reshaping
    x = ga.tensor(numbers())
    expected = same(x.clone())
    assert change(x) is x
    assert x.shape == expected.shape
    assert x.tolist() == expected.tolist()
    assert x._version > 0


def test_memory_stays_shared_when_a_shape_changes(reshaping):
    change, same = reshaping
    x = ga.tensor(numbers())
    row, array = x[1], x.numpy()
    change(x)
    x.add_(100)
    assert row.tolist() == [104.0, 105.0, 106.0, 107.0]
    assert array[0, 0] == 100
    row.zero_()
    assert x.tolist() == same(ga.tensor(array)).tolist()


def test_a_change_of_shape_is_differentiable(reshaping):
    change, same = reshaping
    w = ga.rand(same(ga.zeros(3, 4)).shape, dtype=ga.float64)
    x, z = (ga.tensor(numbers(), requires_grad=True) for _ in range(2))
    y = x * 3
    before = y * y
    row = y[0]
    change(y)
    y.mul_(2)
    ((y * w).sum() + row.sum() + before.sum()).backward()
    s = z * 3
    ((same(s * 2) * w).sum() + (s * 2)[0].sum() + (s * s).sum()).backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy())


def test_a_shape_of_a_leaf_does_not_change():
    x = ga.ones(2, 3, requires_grad=True)
    for change in (x.t_, lambda: x.unsqueeze_(0), x.squeeze_, lambda: x.transpose_(0, 1)):
        with pytest.raises(RuntimeError, match="leaf"):
            change()
    assert x.shape == (2, 3)


def test_t_of_a_vector_is_another_tensor():
    x = ga.ones(3)
    y = x.t()
    y.unsqueeze_(0)
    assert x.shape == (3,)
    y.zero_()
    assert not x.any()


def test_a_write_to_detached_expanded_memory():
    leaf = ga.tensor([1.0, 2.0], requires_grad=True)
    leaf.expand(3, 2)[0].detach().mul_(10)
    assert leaf.tolist() == [10.0, 20.0]
    p = ga.tensor([5.0, 6.0], requires_grad=True)
    base = ga.zeros(2)
    y = base.expand(3, 2).detach()
    y[1] = p
    assert (y.tolist(), base.tolist(), base.requires_grad) == ([[5.0, 6.0]] * 3, [5.0, 6.0], False)
    (y * 2).sum().backward()
    assert p.grad.tolist() == [2.0, 2.0]


def test_a_clone_of_expanded_memory_is_contiguous():
    x = ga.ones(2, 3).expand(4, 2, 3).clone()
    assert x.is_contiguous()
    assert x.view(-1).shape == (24,)
    assert ga.ones(2, 3).expand(4, 2, 3).roll(1, 1).is_contiguous()
    assert ga.ones(2, 3).t().clone().stride() == (1, 3)  # any other keeps its order


def test_roll_of_no_dimension():
    with pytest.raises(IndexError, match="no dimensions"):
        ga.tensor(1.0).roll(1, 0)
    assert ga.tensor(1.0).roll(1).item() == 1.0
    with pytest.raises(IndexError, match="no dimensions"):
        ga.tensor(1.0).unbind()
    with pytest.raises(IndexError, match="0-dim"):
        ga.tensor(1.0).select(0, 0)
    with pytest.raises(RuntimeError, match="at least a 1-dimensional"):
        ga.tensor(1.0).split(1)


def test_a_view_made_in_no_grad_takes_no_recorded_write():
    p = ga.ones(2, requires_grad=True)
    for base in (ga.zeros(3, 2), ga.ones(3, 2, requires_grad=True) * 1):
        with ga.no_grad():
            view = base[0]
            inner = view[:1]
        before = base.tolist()
        for write in (lambda v=view: v.mul_(p), lambda v=inner: v.copy_(p[:1]), lambda v=view: v.__setitem__(0, p[0])):
            with pytest.raises(RuntimeError, match="created in no_grad mode"):
                write()
        assert base.tolist() == before
        with ga.no_grad():
            view.add_(1)
        assert base[0].tolist() == [x + 1 for x in before[0]]
    constant = ga.zeros(2)
    with ga.no_grad():
        view = constant[:1]
    view.add_(1)  # nothing to record
    assert constant.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("n", "chunks", "lengths"), [(5, 2, [3, 2]), (5, 3, [2, 2, 1]), (4, 3, [2, 2]), (2, 7, [1, 1]), (0, 3, [0, 0, 0])]
)
def test_chunks_are_as_many_as_there_are_elements_for(n, chunks, lengths):
    assert [x.shape for x in ga.zeros(2, n).chunk(chunks, 1)] == [(2, length) for length in lengths]


def test_ravel_is_a_view_where_that_is_contiguous_and_else_a_copy():
    x = ga.arange(6.0).reshape(3, 2)
    whole, column = x.ravel(), x[:, :1].ravel()
    x.add_(10)
    assert whole.tolist() == [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]
    assert column.tolist() == [0.0, 2.0, 4.0]
    assert column.is_contiguous()


OWN = {
    "max": lambda x: x.max(1)[0],
    "min": lambda x: x.min(0).values,
    "median": lambda x: x.median(1)[0],
    "the median of all": lambda x: x.median(),
    "quantile": lambda x: x.quantile(0.3),
    "quantiles": lambda x: x.quantile(ga.tensor([0.3, 0.7]), 0),
    "gather": lambda x: x.gather(0, ga.zeros(2, 3, dtype=ga.int64)),
    "gather one": lambda x: x[0, 0].gather(0, ga.tensor(0)),
    "scatter": lambda x: x.scatter(0, ga.tensor([[0, 1, 0]]), x[1:]),
    "scatter_add": lambda x: x.scatter_add(0, ga.tensor([[0, 1, 0]]), x[1:]),
    "index_add": lambda x: x.index_add(0, ga.tensor([1, 1]), x),
    "index_copy": lambda x: x.index_copy(0, ga.tensor([1, 0]), x),
    "index_fill": lambda x: x.index_fill(0, ga.tensor([1]), 3.0),
    "kron": lambda x: x.kron(x),
    "tensordot": lambda x: ga.tensordot(x, x, axes=0),
    "inner": lambda x: x.inner(x),
    "cov": lambda x: x[0].cov(),
    "median, NumPy's": lambda x: ga.median(x, axis=1, keepdims=True),
    "diag_embed": lambda x: x.diag_embed(),
    "contiguous": lambda x: x.T.contiguous(),
    "contiguous, strided": lambda x: x[:, ::2].contiguous(),
    "embedding": lambda x: F.embedding(ga.tensor([[1, 0]]), x),
    "conv1d": lambda x: F.conv1d(x[None], ga.ones(4, 2, 2)),
    "conv1d, no batch": lambda x: F.conv1d(x, ga.ones(4, 2, 2)),
    "conv_transpose1d": lambda x: F.conv_transpose1d(x[None], ga.ones(2, 4, 2)),
    "max_pool2d": lambda x: F.max_pool2d(x[None, None], 2),
    "max_pool1d, no batch": lambda x: F.max_pool1d(x, 2),
    "avg_pool1d, no batch": lambda x: F.avg_pool1d(x, 2),
    "adaptive_avg_pool1d": lambda x: F.adaptive_avg_pool1d(x[None], 2),
    "adaptive_avg_pool1d, as it is": lambda x: F.adaptive_avg_pool1d(x, 3),
    "pad, nothing": lambda x: F.pad(x, (0, 0), mode="circular"),
    "pad, taking away": lambda x: F.pad(x, (-1, 0), mode="reflect"),
    "pad, both": lambda x: F.pad(x, (1, -1), mode="replicate"),
    "pad, constant, taking away": lambda x: F.pad(x, (-1, 0)),
    "unfold": lambda x: F.unfold(x[None, None], 2),
    "fold": lambda x: F.fold(x[None, :1], (1, 3), 1),
}


@pytest.mark.parametrize("function", OWN.values(), ids=OWN)
def test_what_is_computed_is_no_view_whatever_it_is_composed_of(function):
    data, p = ga.tensor([[1.0, 5.0, 2.0], [4.0, 3.0, 6.0]]), ga.tensor(2.0, requires_grad=True)
    x = data.clone().requires_grad_()
    with ga.no_grad():
        out = function(x)
    before = out.detach().clone()
    out.mul_(p)
    out.sum().backward()
    assert ga.allclose(p.grad, before.sum())
    assert (out._base, x.grad) == (None, None)
    out = function(x * 1)
    view = out[None]
    out.mul_(p)
    ((view * view).sum() + out.sum()).backward()
    again = data.clone().requires_grad_()
    out = function(again) * p
    ((out * out).sum() + out.sum()).backward()
    assert ga.allclose(x.grad, again.grad)
    assert function(x * 1).detach_().grad_fn is None
    assert x.tolist() == data.tolist()
