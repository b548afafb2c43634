"""Functions beyond the standard where there is a choice: extremes, views, methods, in place, NumPy's names, errors."""

import math
import sys

import numpy as np
import pytest
from composed import DEVICES, drawn, host

import gradarray as ga
from gradarray.testing import operations

on_each_device = pytest.mark.parametrize("device", DEVICES)
INF, NAN = math.inf, math.nan


def tensor(data, device="cpu", **options):
    return ga.asarray(np.array(data, np.float64), device=device, **options)


def grad(function, x):
    x = tensor(x, requires_grad=True)
    function(x).sum().backward()
    return x.grad.tolist()


# -- softmax -----------------------------------------------------------------------------------------------------------


@on_each_device
def test_softmax_and_its_kin_far_out(device):
    x = tensor([[1000.0, 0.0, -1000.0], [-INF, 1.0, 1.0]], device)
    assert ga.softmax(x, 1).tolist() == [[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]
    assert ga.log_softmax(x, 1).tolist() == [[0.0, -1000.0, -2000.0], [-INF, -math.log(2), -math.log(2)]]
    assert ga.logsumexp(x, 1).tolist() == [1000.0, 1.0 + math.log(2)]


def test_logsumexp_of_complex_numbers_is_a_principal_value():
    x = ga.asarray([1.0 + 4.0j, -2.0j, -800.0 - 7.0j])
    assert ga.logsumexp(x[:, None], 1).tolist() == pytest.approx(
        [1 + (4 - 2 * math.pi) * 1j, -2j, -800 + (2 * math.pi - 7) * 1j]
    )


def test_logsumexp_of_nothing_and_of_infinities():
    assert ga.logsumexp(tensor(np.zeros((2, 0))), 1).tolist() == [-INF, -INF]
    assert ga.logsumexp(tensor([[-INF, -INF], [INF, -INF], [NAN, 0.0]]), 1).tolist()[:2] == [-INF, INF]
    assert grad(lambda x: ga.logsumexp(x, 1), [[-INF, -INF], [-INF, 1.0]]) == [[0.0, 0.0], [0.0, 1.0]]


def test_a_gradient_of_softmax_at_minus_infinity_is_zero():
    weights = tensor([1.0, 2.0, 3.0])
    assert grad(lambda x: ga.softmax(x, 0) * weights, [-INF, 0.0, 0.0])[0] == 0.0
    assert grad(lambda x: ga.log_softmax(x, 0)[1:], [-INF, 0.0, 0.0]) == [0.0, 0.0, 0.0]


def test_softmax_takes_both_spellings_and_scalars():
    x = tensor(drawn(2, 3))
    assert ga.softmax(x, axis=0).tolist() == x.softmax(0).tolist() == ga.softmax(x, dim=-2).tolist()
    assert ga.softmax(ga.asarray([1, 2]), 0).dtype is ga.float32
    assert ga.softmax(ga.asarray([1, 2]), 0, dtype=ga.float64).dtype is ga.float64
    assert ga.softmax(tensor(3.0), 0).item() == 1.0 and ga.log_softmax(tensor(3.0), -1).shape == ()
    assert ga.softmax(tensor(np.zeros((0, 3))), 0).shape == (0, 3)
    with pytest.raises(TypeError, match="softmax: dim must be given"):
        ga.softmax(x)
    with pytest.raises(TypeError, match="dim and axis are the same thing"):
        ga.logsumexp(x, 0, axis=1)


# -- einsum ------------------------------------------------------------------------------------------------------------


def test_einsum_without_opt_einsum_goes_from_left_to_right(monkeypatch):
    xs = [tensor(drawn(*s)) for s in ((2, 3), (3, 4), (4, 5), (5,))]
    monkeypatch.setitem(sys.modules, "opt_einsum", None)
    found = ga.einsum("ab,bc,cd,d->a", *xs)
    np.testing.assert_allclose(host(found), np.einsum("ab,bc,cd,d->a", *map(host, xs)), rtol=1e-13)


def test_einsum_asks_opt_einsum_for_the_path(monkeypatch):
    opt_einsum = pytest.importorskip("opt_einsum")
    asked = []

    def path(*operands, **options):
        asked.append(operands)
        return opt_einsum_path(*operands, **options)

    opt_einsum_path = opt_einsum.contract_path
    monkeypatch.setattr(opt_einsum, "contract_path", path)
    x = tensor(drawn(3, 3))
    ga.einsum("ij,jk", x, x)
    assert asked == []
    ga.einsum("ij,jk,kl", x, x, x)
    assert len(asked) == 1


def test_einsum_of_integers_and_lists():
    x = ga.asarray(np.arange(6, dtype=np.int32).reshape(2, 3))
    out = ga.einsum("ij,kj->ik", x, x)
    assert out.dtype is ga.int32 and out.tolist() == [[5, 14], [14, 50]]
    assert ga.einsum("ij->i", x).dtype is ga.int32
    assert ga.einsum("ij,kj->ik", [x, x]).tolist() == out.tolist()


def test_einsum_of_one_operand_may_be_a_view_but_never_the_operand():
    x = tensor(drawn(2, 3))
    same, turned = ga.einsum("ij->ij", x), ga.einsum("ij->ji", x)
    assert same is not x
    x[0, 1] = 7
    assert (same[0, 1].item(), turned[1, 0].item()) == (7.0, 7.0)


@on_each_device
def test_where_refuses_an_int_that_would_wrap(device):
    mask, x = ga.asarray([True, False], device=device), ga.asarray([1, 2], dtype=ga.int8, device=device)
    for call in (lambda: ga.where(mask, x, 300), lambda: ga.where(mask, 2**70, x)):
        with pytest.raises(RuntimeError, match=r"cannot be converted to gradarray\.int8 without overflow"):
            call()
    assert ga.where(mask, x, -128).tolist() == [1, -128]
    assert ga.where(mask, 7, x).dtype is ga.int8


@on_each_device
def test_an_int_that_the_dtype_does_not_hold_compares_by_its_value_and_is_refused_elsewhere(device):
    x = ga.asarray([1, 255], dtype=ga.uint8, device=device)
    assert (x >= 300).tolist() == (x == 257).tolist() == (x < -1).tolist() == [False, False]
    assert (x < 300).tolist() == (x != 2**70).tolist() == (x < 10**400).tolist() == [True, True]
    assert (ga.asarray([2**63 - 1], device=device) < 2**63).tolist() == [True]
    for call in (lambda: x + 300, lambda: 2**70 * x, lambda: x & -1, lambda: ga.maximum(x, 256), lambda: x.add_(300)):
        with pytest.raises(OverflowError, match=r"cannot be converted to gradarray\.uint8 without overflow"):
            call()
    assert x.tolist() == [1, 255]


@on_each_device
def test_a_limit_that_the_dtype_does_not_hold_limits_nothing_or_is_refused(device):
    x = ga.asarray([1, 255], dtype=ga.uint8, device=device)
    assert ga.clip(x, -1, 300).tolist() == x.clamp(max=2**70).tolist() == x.clamp_min(-(2**70)).tolist() == [1, 255]
    assert ga.clip(x, -1, 3).tolist() == ga.clip(x, -1, ga.asarray(3, dtype=ga.uint8, device=device)).tolist() == [1, 3]
    for call in (lambda: x.clamp(min=300), lambda: x.clamp_max(-1)):
        with pytest.raises(OverflowError, match="without overflow"):
            call()


@pytest.mark.parametrize(
    "name",
    "argmax argmin atan2 ceil clamp copysign floor floor_divide greater greater_equal hypot less less_equal logaddexp "
    "max maximum min minimum nextafter relu remainder signbit trunc".split(),
)
@on_each_device
def test_what_needs_an_order_refuses_complex_numbers(device, name):
    z = ga.asarray([1 + 2j, 0.5j], device=device)
    function = getattr(ga, name)
    with pytest.raises(TypeError, match=r"not defined for complex numbers"):
        function(z, z) if operations()[name].inputs == 2 else function(z)
    if operations()[name].inputs == 2:
        for pair in ((z, 1.0), (1.0, z), (z.real, z)):
            with pytest.raises(RuntimeError, match=r"not defined for complex numbers"):
                function(*pair)


@on_each_device
def test_what_takes_no_bool_says_so_in_both_classes(device):
    x = ga.asarray([True, False], device=device)
    for function in (ga.positive, ga.sign, ga.negative):
        with pytest.raises(TypeError, match=f"{function.__name__}.*bool"):
            function(x)
        with pytest.raises(RuntimeError, match=f"{function.__name__}.*bool"):
            function(x)


@on_each_device
def test_a_shape_to_broadcast_to_has_no_negative_length(device):
    x = ga.ones(2, 1, device=device)
    for call in (lambda: ga.broadcast_to(x, (2, -1)), lambda: x.expand(2, -2), lambda: ga.repeat(x, -1, axis=1)):
        with pytest.raises(ValueError, match=r"does not broadcast to \[2, (1, )?-\d(, 1)?\]"):
            call()
    assert x.expand(2, -1).shape == (2, 1)


@on_each_device
def test_what_is_sorted_has_one_axis(device):
    x = ga.ones(2, 2, device=device)
    for axis in (None, (0, 1)):
        for call in (ga.sort, ga.argsort, ga.Tensor.sort, ga.Tensor.argsort):
            with pytest.raises(TypeError, match="interpreted as an integer"):
                call(x, axis=axis) if call in (ga.sort, ga.argsort) else call(x, axis)
    assert np.sort(ga.asarray([[2.0, 1.0], [0.0, 3.0]]), axis=None).tolist() == [0.0, 1.0, 2.0, 3.0]


@on_each_device
def test_concat_of_a_tensor_without_dimensions_says_what_was_given(device):
    x, number = ga.ones(1, device=device), ga.ones((), device=device)
    for arrays, what in (([x, number], r"got \[1\] and \[\]"), ([number, x], "zero-dimensional")):
        with pytest.raises(ValueError, match=what):
            ga.concat(arrays)


@on_each_device
def test_a_python_bool_counts_as_a_number_beside_numbers(device):
    x = tensor([1.0, 2.0], device).requires_grad_()
    assert (x - True).tolist() == [0.0, 1.0]
    (g,) = ga.autograd.grad(ga.logaddexp(x, True).sum(), x)
    assert g.tolist() == pytest.approx([1 / (1 + math.exp(1 - v)) for v in (1.0, 2.0)])
    assert (ga.asarray([1, 2], device=device) + True).tolist() == [2, 3]
    assert (ga.asarray([True, False], device=device) & True).dtype is ga.bool


@on_each_device
def test_index_select_keeps_the_number_of_dimensions(device):
    x = tensor(drawn(2, 3), device)
    assert ga.index_select(x, 1, ga.asarray([2, 0], device=device)).tolist() == x[:, [2, 0]].tolist()
    assert x.index_select(1, ga.asarray(2, device=device)).tolist() == x[:, 2:].tolist()
    assert grad(lambda x: x.index_select(0, ga.asarray(0)), [3.0, 4.0]) == [1.0, 0.0]


@on_each_device
@pytest.mark.parametrize("value", [2.5, np.float32(2.5), [2.5], np.array([2.5])], ids=repr)
def test_what_lies_between_integers_is_searched_for_as_it_is(value, device):
    x = ga.asarray([1, 2, 3], device=device)
    assert np.ravel(ga.searchsorted(x, value).tolist()).tolist() == [2]
    assert ga.searchsorted(x, 2).item() == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: ga.einsum("ij"), ValueError, "at least one operand"),
        (lambda x: ga.einsum("ij,jk", x), ValueError, "name 2 operands, but 1 were given"),
        (lambda x: ga.einsum("ijk", x), ValueError, r"'ijk' do not fit an operand of shape \[2, 3\]"),
        (lambda x: ga.einsum("ijk...", x), ValueError, r"'ijk...' do not fit"),
        (lambda x: ga.einsum("i1", x), ValueError, "subscripts are letters"),
        (lambda x: ga.einsum("ij->k", x), ValueError, "'k' is in no operand"),
        (lambda x: ga.einsum("ij->ii", x), ValueError, "'i' appears twice"),
        (lambda x: ga.einsum("ii", x), RuntimeError, r"'i' is repeated, for dimensions of different lengths \[2, 3\]"),
        (lambda x: ga.einsum("ij,ij", x, x.mT), RuntimeError, "'i' has length 2 and 3"),
        (lambda x: ga.einsum("ij", np.ones((2, 3))), TypeError, "expected a Tensor"),
        (lambda x: ga.gather(x, 0, x), IndexError, "index must be of integers"),
        (lambda x: ga.gather(x, 0, ga.asarray([0])), RuntimeError, "as many dimensions as the tensor"),
        (lambda x: ga.gather(x, 0, ga.asarray([[0] * 4])), RuntimeError, "must not be longer than the tensor"),
        (lambda x: ga.gather(x, 2, ga.asarray([[0]])), IndexError, "Dimension out of range"),
        (lambda x: ga.scatter_add(x, 0, ga.asarray([[0, 1]]), x[:1, :1]), RuntimeError, "longer than src"),
        (lambda x: ga.scatter(x, 0, ga.asarray([[0]]), x, reduce="max"), ValueError, "must be None or 'add'"),
        (lambda x: ga.index_add(x, 0, ga.asarray([[0]]), x), RuntimeError, "index must be 1-d"),
        (lambda x: ga.index_add(x, 0, ga.asarray([0]), x), RuntimeError, r"must have shape \[1, 3\], got \[2, 3\]"),
        (lambda x: ga.index_fill(x, 0, ga.asarray([0]), x), RuntimeError, "value must be 0-d"),
        (lambda x: x.index_select(0, ga.asarray([[0]])), RuntimeError, "index must be 1-d"),
        (lambda x: ga.roll(x, (1, 2), axis=(0,)), RuntimeError, r"as many shifts as axes, got shift=\(1, 2\)"),
        (lambda x: ga.index_fill(np.ones(2), 0, ga.asarray([0]), 1.0), TypeError, "expected a Tensor, got ndarray"),
        (lambda x: ga.index_copy([1.0], 0, ga.asarray([0]), x), TypeError, "expected a Tensor, got list"),
        (lambda x: ga.nonzero(x.sum()), RuntimeError, "nonzero needs at least 1 dimension, got a 0-d tensor"),
        (lambda x: x.roll((1, 2)), RuntimeError, "as many shifts as axes"),
        (lambda x: ga.roll(x, (1,), axis=(0, 1)), RuntimeError, "as many shifts as axes"),
        (lambda x: ga.roll(x, 1.5), TypeError, "integer"),
        (lambda x: ga.take(x, ga.asarray([True, False]), axis=0), IndexError, "take: index must be of integers, got"),
        (lambda x: ga.take_along_axis(x, x > 0, axis=0), IndexError, "take_along_axis: index must be of integers"),
        (lambda x: x.index_select(0, x[0]), IndexError, "index must be of integers"),
        (lambda x: x.index_select(2, ga.asarray([0])), IndexError, "Dimension out of range"),
        (lambda x: ga.inner(x, x.mT), RuntimeError, "the last dimensions must be of one length"),
        (lambda x: ga.cross(x[:, :2], x[:, :2]), RuntimeError, "no dimension of length 3"),
        (lambda x: ga.diag(x[None]), RuntimeError, "supports 1-d or 2-d"),
        (lambda x: ga.diagonal(x, 0, 1, -1), RuntimeError, "two dimensions are needed"),
        (lambda x: ga.diag_embed(x[0, 0]), RuntimeError, "at least one dimension"),
        (lambda x: ga.trace(x[0]), RuntimeError, "expected a matrix"),
        (lambda x: ga.addmm(x, x[0], x), RuntimeError, "2D and 2D tensors expected, but got 1D and 2D"),
        (lambda x: ga.median(x[:0]), RuntimeError, "no element to choose from"),
        (lambda x: ga.quantile(x, x), RuntimeError, "q must be 0-d or 1-d"),
        (lambda x: ga.quantile(x, -0.5), RuntimeError, r"q must be in the range \[0, 1\] but got -0.5"),
        (lambda x: ga.quantile(x, [0.5, math.nan]), RuntimeError, r"q must be in the range \[0, 1\]"),
        (lambda x: ga.bincount(ga.asarray([-1, 2])), RuntimeError, "expected integers from 0 on, got -1"),
        (lambda x: ga.bincount(ga.asarray([1]), minlength=-1), RuntimeError, "must not be negative, got -1"),
        (lambda x: ga.searchsorted(x, x), RuntimeError, r"x1 must be 1-d, got shape \[2, 3\]"),
        (lambda x: ga.searchsorted([1.0], x), TypeError, "expected a Tensor, got list"),
        (lambda x: ga.cumulative_sum([1.0]), TypeError, "expected a Tensor, got list"),
        (lambda x: ga.outer([1.0], x), TypeError, "expected a Tensor, got list"),
        (lambda x: ga.take_along_axis(x, [0]), TypeError, "expected a Tensor, got list"),
        (lambda x: ga.bincount(x), RuntimeError, "expected a 1-d tensor of integers"),
        (lambda x: ga.bincount(ga.asarray([1]), x), RuntimeError, "weights must have the shape of x"),
        (lambda x: ga.cov(x[None]), RuntimeError, "at most two dimensions"),
        (lambda x: ga.pad(x, (1, 2, 3)), RuntimeError, "a pair for each of 2 dimensions"),
        (lambda x: ga.pad(x, -1), ValueError, "must not be negative"),
        (lambda x: ga.pad(x, 1, "mean"), ValueError, "mode must be one of 'constant', 'edge'"),
        (lambda x: ga.pad(x[:0], 1, "edge"), ValueError, "can't extend empty axis 0"),
        (lambda x: ga.pad(x, 1, constant_values=(1, 2, 3)), RuntimeError, "constant_values must be a number, a pair"),
        (lambda x: ga.trapezoid(x[0, 0]), RuntimeError, "at least one dimension"),
        (lambda x: ga.gradient(x, edge_order=3), ValueError, "edge_order must be 1 or 2"),
        (lambda x: ga.gradient(x, edge_order=2), ValueError, "at least 3 elements are needed along axis 0"),
        (lambda x: ga.gradient(x, 1.0, 2.0, 3.0), TypeError, "3 spacings for 2 dimensions"),
        (lambda x: ga.gradient(x, x[0], axis=0), ValueError, r"are 2, but spacing has shape \[3\]"),
        (lambda x: ga.roots(x), RuntimeError, "expected a 1-d tensor"),
    ],
)
def test_errors_say_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call(tensor(drawn(2, 3)))


# -- by positions ------------------------------------------------------------------------------------------------------


@on_each_device
def test_twins_in_place(device):
    index, rows = ga.asarray(np.array([[0, 1], [2, 0]]), device=device), ga.asarray(np.array([2, 0]), device=device)
    src, other = tensor(drawn(2, 2), device), tensor(drawn(2, 3), device)
    for name, args in (
        ("scatter", (0, index, src)),
        ("scatter", (0, index, 2.5)),
        ("scatter_add", (0, index, src)),
        ("index_add", (0, rows, other)),
        ("index_copy", (0, rows, other)),
        ("index_fill", (1, rows, 3.0)),
        ("lerp", (tensor(drawn(3, 3), device), 0.2)),
        ("addcmul", (other[:1], 2.0)),
        ("addcdiv", (other[:1], 2.0)),
        ("addmm", (src.reshape(4, 1)[:3], other[:1])),
        ("nan_to_num", ()),
        ("sinc", ()),
        ("deg2rad", ()),
        ("rad2deg", ()),
        ("heaviside", (tensor(0.5, device),)),
    ):
        leaf = tensor(drawn(3, 3), device, requires_grad=True)
        x = leaf * 2
        want = getattr(ga, name)(leaf * 2, *args)
        assert getattr(x, f"{name}_")(*args) is x and x.tolist() == want.tolist(), name
        if x.requires_grad and want.requires_grad:
            found, expected = (ga.autograd.grad(y.sum(), leaf)[0].tolist() for y in (x, want))
            assert found == expected, name


def test_scatter_that_adds_takes_its_index_as_one_that_writes():
    x = tensor(drawn(2, 3))
    assert x.scatter(0, [[0]], 5.0, reduce="add").tolist() == x.scatter_add(0, [[0]], tensor([[5.0]])).tolist()


def test_a_function_of_positions_changes_nothing_but_its_result():
    x, index, src = tensor(drawn(2, 3)), ga.asarray(np.array([[1, 0, 1]])), tensor(drawn(1, 3))
    before = x.tolist()
    for out in (ga.scatter(x, 0, index, src), ga.scatter_add(x, 0, index, src), ga.gather(x, 0, index)):
        out += 1
    assert x.tolist() == before


def test_an_index_that_changes_later_changes_no_gradient():
    x = tensor(drawn(3), requires_grad=True)
    index = ga.asarray(np.array([0, 0]))
    y, z = ga.gather(x, 0, index), ga.index_add(ga.zeros(3, dtype=ga.float64), 0, index, x[:2])
    index.fill_(2)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 0.0]
    (z * tensor([5.0, 0.0, 1.0])).sum().backward()
    assert x.grad.tolist() == [7.0, 5.0, 0.0]


@on_each_device
def test_scalars_have_one_position(device):
    x, zero = tensor(3.0, device, requires_grad=True), ga.asarray(np.array(0), device=device)
    assert ga.gather(x, 0, zero).item() == 3.0
    assert ga.scatter_add(x, 0, zero, tensor(2.0, device)).item() == 5.0
    assert ga.index_add(x, 0, zero.reshape(1), tensor([2.0], device).reshape(())).shape == ()
    assert ga.scatter(x, -1, zero, 1.0).shape == ()


def test_scatter_can_add():
    x, index = tensor([0.0, 0.0]), ga.asarray(np.array([1, 1]))
    assert ga.scatter(x, 0, index, tensor([1.0, 2.0]), reduce="add").tolist() == [0.0, 3.0]
    assert ga.scatter(x, 0, index, 1.5, reduce="add").tolist() == [0.0, 3.0]


# -- statistics --------------------------------------------------------------------------------------------------------


@on_each_device
def test_the_method_median_is_pytorchs(device):
    x = tensor([[4.0, 1.0, 3.0, 2.0], [1.0, 8.0, NAN, 5.0]], device, requires_grad=True)
    assert x[0].median().item() == 2.0 and ga.median(x[0]).item() == 2.5
    values, indices = x[:1].median(1)
    assert (values.tolist(), indices.tolist()) == ([2.0], [3])
    values, indices = x.median(1, keepdim=True)
    assert math.isnan(values.tolist()[1][0]) and indices.tolist() == [[3], [2]]
    x[0].median().backward()
    assert x.grad.tolist()[0] == [0.0, 0.0, 0.0, 1.0]
    assert x[0, 0].median(0).values.item() == 4.0
    assert tensor([[7.0]], device).median(-1).values.tolist() == [7.0]


def test_nan_passes_through_order_statistics():
    x = tensor([[1.0, NAN, 3.0], [1.0, 2.0, 3.0]])
    assert math.isnan(ga.median(x).item()) and ga.median(x, axis=1).tolist()[1] == 2.0
    assert math.isnan(ga.quantile(x, 0.5, 1).tolist()[0]) and ga.quantile(x, 0.5, 1).tolist()[1] == 2.0


def test_nan_to_num_gives_numbers():
    x = [NAN, INF, -INF, 1.0]
    largest = np.finfo(np.float64).max
    assert ga.nan_to_num(tensor(x)).tolist() == [0.0, largest, -largest, 1.0]
    assert ga.nan_to_num(tensor(x), 1.0, 2.0, 3.0).tolist() == [1.0, 2.0, 3.0, 1.0]
    assert grad(ga.nan_to_num, x) == [0.0, 0.0, 0.0, 1.0]
    assert ga.nan_to_num(ga.asarray([1, 2])).dtype is ga.int64


def test_sums_without_nan():
    x = tensor([[1.0, NAN], [NAN, NAN]])
    assert ga.nansum(x).item() == 1.0 and x.nansum(1).tolist() == [1.0, 0.0]
    assert ga.nanmean(x[0]).item() == 1.0
    assert grad(ga.nansum, [1.0, NAN]) == [1.0, 0.0] and grad(ga.nanmean, [1.0, NAN]) == [1.0, 0.0]
    assert ga.nansum(ga.asarray([1, 2])).dtype is ga.int64


def test_order_statistics_of_no_lines():
    x = ga.zeros(0, 3)
    assert ga.median(x, axis=1).shape == (0,) and ga.median(x, axis=1, keepdims=True).shape == (0, 1)
    assert ga.quantile(x, [0.1, 0.2], 1).shape == (2, 0) and ga.quantile(x, 0.5, 1, True).shape == (0, 1)


def test_quantile_next_to_infinity():
    x = tensor([1.0, 2.0, INF], requires_grad=True)
    with np.errstate(invalid="ignore"):  # from infinity to itself
        out = ga.quantile(x, [0.0, 0.5, 0.75, 1.0])
    assert out.tolist() == [1.0, 2.0, INF, INF]
    assert ga.autograd.grad(out[1], x)[0].tolist() == [0.0, 1.0, 0.0]


def test_bincount_counts():
    x = ga.asarray(np.array([0, 3, 3]))
    assert ga.bincount(x).tolist() == [1, 0, 0, 2] and ga.bincount(x).dtype is ga.int64
    assert x.bincount(minlength=6).tolist() == [1, 0, 0, 2, 0, 0]
    assert ga.bincount(x[:0]).tolist() == []


# -- elementwise, calculus, polynomials --------------------------------------------------------------------------------


def test_every_derivative_of_sinc_is_right_at_zero():
    x = tensor([0.0, 1e-9], requires_grad=True)
    y, found = ga.sinc(x), []
    for _ in range(4):
        (y,) = ga.autograd.grad(y.sum(), x, create_graph=True)
        found.append(y.tolist())
    squared = math.pi**2
    assert found[0] == pytest.approx([0.0, -squared / 3 * 1e-9], rel=1e-12)
    assert found[1] == pytest.approx([-squared / 3] * 2, rel=1e-12)
    assert found[2] == pytest.approx([0.0, squared**2 / 5 * 1e-9], rel=1e-12)
    assert found[3] == pytest.approx([squared**2 / 5] * 2, rel=1e-12)


def test_heaviside_is_numpys_at_nan():
    x = [-1.0, 0.0, 2.0, NAN]
    np.testing.assert_array_equal(host(ga.heaviside(tensor(x), 0.5)), np.heaviside(x, 0.5))


def test_lerp_ends_where_it_should():
    a, b = tensor([1e20, 1.0]), tensor([3.0, 2.0])
    assert ga.lerp(a, b, 1).tolist() == b.tolist() and ga.lerp(a, b, tensor(1.0)).tolist() == b.tolist()
    assert ga.lerp(a, b, 0).tolist() == a.tolist()


def test_a_beta_of_zero_takes_nothing():
    nothing = tensor([[NAN]], requires_grad=True)
    assert ga.addmm(nothing, tensor([[2.0]]), tensor([[3.0]]), beta=0).tolist() == [[6.0]]


@on_each_device
def test_roots(device):
    found = ga.roots(tensor([0.0, 0.0, 2.0, -6.0, 4.0, 0.0, 0.0], device))
    assert found.dtype is ga.complex128
    np.testing.assert_allclose(sorted(host(found).real), [0, 0, 1, 2], atol=1e-14)
    assert ga.roots(tensor([0.0, 0.0], device)).shape == ga.roots(tensor([3.0], device)).shape == (0,)
    assert ga.roots(tensor([3.0, 0.0], device)).tolist() == [0j]
    p = tensor([1.0, -3.0, 2.0], device, requires_grad=True)
    ga.real(ga.roots(p)).max().backward()  # of the root 2, where the slope is 1: -(4, 2, 1)
    np.testing.assert_allclose(host(p.grad), [-4.0, -2.0, -1.0], rtol=1e-13)


def test_gradient_takes_spacings_that_are_differentiable():
    h = tensor(0.5, requires_grad=True)
    ga.gradient(tensor([1.0, 2.0, 4.0]), h).sum().backward()
    assert h.grad.item() == pytest.approx(-(1 + 1.5 + 2) / 0.25)


def test_pad_gives_memory_of_its_own():
    x = tensor(drawn(2, 3))
    for mode in ("constant", "edge"):
        out = ga.pad(x, 0, mode)
        out += 1
        assert out.tolist() != x.tolist()


@on_each_device
def test_pad_takes_a_value_for_each_end(device):
    x = drawn(2, 3)
    t = tensor(x, device, requires_grad=True)
    for values in ((1.0, 2.0), ((1.0, 2.0), (3.0, 4.0)), ((0, 0), (0, 5))):
        found = ga.pad(t, ((1, 2), (0, 1)), constant_values=values)
        np.testing.assert_array_equal(host(found.detach()), np.pad(x, ((1, 2), (0, 1)), constant_values=values))
    found.sum().backward()
    assert t.grad.tolist() == np.ones((2, 3)).tolist()


# -- methods and NumPy's names -----------------------------------------------------------------------------------------


def test_methods_are_there_as_in_pytorch():
    x = tensor(drawn(3, 3), requires_grad=True)
    index = ga.asarray(np.array([[0, 2, 1]]))
    for name, args in (
        ("softmax", (1,)), ("log_softmax", (0,)), ("logsumexp", (1,)), ("inner", (x,)), ("kron", (x,)),
        ("gather", (0, index)), ("scatter_add", (0, index, x)), ("cov", ()), ("corrcoef", ()), ("quantile", (0.3,)),
        ("diag", ()), ("diagonal", ()), ("diag_embed", ()), ("trace", ()), ("cross", (x,)), ("lerp", (x, 0.3)),
        ("addcmul", (x, x)), ("addcdiv", (x, x + 5)), ("addmm", (x, x)), ("addmv", (x, x[0])), ("nan_to_num", ()),
        ("nansum", ()), ("nanmean", ()), ("heaviside", (x,)), ("sinc", ()), ("deg2rad", ()), ("rad2deg", ()),
    ):  # fmt: skip
        found, want = getattr(x, name)(*args), getattr(ga, name)(x, *args)
        assert found.tolist() == want.tolist() and found.requires_grad, name


def test_numpys_functions_take_tensors():
    x, y = drawn(3, 3), drawn(3, 3, seed=1)
    t, u = tensor(x, requires_grad=True), tensor(y)
    for function, args in (
        (np.einsum, ("ij,jk->ki", t, u)), (np.pad, (t, 1)), (np.pad, (t, ((0, 1), (2, 0)), "edge")), (np.kron, (t, u)),
        (np.inner, (t, u)), (np.cross, (t, u)), (np.diag, (t, 1)), (np.diagonal, (t,)), (np.trace, (t,)),
        (np.cov, (t,)), (np.corrcoef, (t,)), (np.median, (t,)), (np.median, (t, 0)), (np.nansum, (t, 1)),
        (np.nanmean, (t,)), (np.nan_to_num, (t,)), (np.sinc, (t,)), (np.deg2rad, (t,)), (np.rad2deg, (t,)),
        (np.heaviside, (u, t)), (np.trapezoid, (t,)), (np.gradient, (t,)), (np.quantile, (t, 0.3)), (np.roots, (t[0],)),
    ):  # fmt: skip
        found = function(*args)
        want = function(*(host(a.detach()) if isinstance(a, ga.Tensor) else a for a in args))
        pairs = zip(found, want, strict=True) if isinstance(found, tuple) else [(found, want)]
        for a, b in pairs:
            assert a.requires_grad, function.__name__
            np.testing.assert_allclose(
                np.sort_complex(host(a.detach()).ravel()) if function is np.roots else host(a.detach()),
                np.sort_complex(b.astype(complex)) if function is np.roots else b,
                rtol=1e-12,
                atol=1e-14,
            )
    np.testing.assert_allclose(host(np.trace(tensor(np.stack([x, y])), 0, 1, 2)), np.trace(np.stack([x, y]), 0, 1, 2))
    np.testing.assert_allclose(host(np.cross(u, t.detach(), axis=0)), np.cross(y, x, axis=0))


@pytest.mark.parametrize("dtype", [ga.float64, ga.float32, ga.int64])
def test_isclose_takes_a_number_beside_a_tensor(dtype):
    x = ga.asarray([1, 2, 3], dtype=dtype)
    assert ga.isclose(x, 2).tolist() == x.isclose(2).tolist() == ga.isclose(2, x).tolist() == [False, True, False]
    assert ga.isclose(x, 2.1, atol=0.2).tolist() == [False, True, False] and not ga.allclose(x, 2)
    assert ga.isclose(ga.asarray(0.1, dtype=ga.float64), 0.1, rtol=0, atol=0)  # no bit is lost on the way
    for a, b in ((x, "2"), (2, 2), (x, [2])):
        with pytest.raises(TypeError, match="Tensor"):
            ga.isclose(a, b)
