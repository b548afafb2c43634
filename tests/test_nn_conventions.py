"""``gradarray.nn.functional`` where PyTorch makes a choice: kinks, extremes, what is changed in place, errors."""

import math

import numpy as np
import pytest
from composed import DEVICES, drawn, host

import gradarray as ga
from gradarray.nn import functional as F

on_each_device = pytest.mark.parametrize("device", DEVICES)
INF, NAN = math.inf, math.nan


def tensor(data, device="cpu", **options):
    return ga.asarray(np.asarray(data, np.float64), device=device, **options)


def derivatives(function, points, order=1, device="cpu"):
    """The derivatives of an elementwise function at ``points``."""
    x = tensor(points, device, requires_grad=True)
    y = function(x)
    for _ in range(order):
        (y,) = ga.autograd.grad(y, x, ga.ones_like(y), create_graph=True)
    return host(y.detach())


# -- activations: PyTorch 2.13's numbers -------------------------------------------------------------------------------

SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772


@on_each_device
@pytest.mark.parametrize(
    ("name", "points", "slopes"),
    [
        ("relu", [0.0, -0.0], [0.0, 0.0]),
        ("relu6", [0.0, 6.0], [0.0, 0.0]),
        ("hardtanh", [-1.0, 1.0], [0.0, 0.0]),
        ("leaky_relu", [0.0, -INF, INF], [0.01, 0.01, 1.0]),
        ("elu", [0.0, -1000.0, 1000.0, -INF, INF], [1.0, 0.0, 1.0, 0.0, 1.0]),
        ("celu", [0.0, -1000.0, 1000.0], [1.0, 0.0, 1.0]),
        ("selu", [0.0, -1000.0, 1000.0], [SCALE * ALPHA, 0.0, SCALE]),
        ("silu", [0.0, -1000.0, 1000.0], [0.5, 0.0, 1.0]),
        ("mish", [0.0, -1000.0, 1000.0], [0.6, 0.0, 1.0]),
        ("softplus", [0.0, -1000.0, 1000.0, -INF, INF], [0.5, 0.0, 1.0, 0.0, 1.0]),
        ("logsigmoid", [0.0, -1000.0, 1000.0, -INF, INF], [0.5, 1.0, 0.0, 1.0, 0.0]),
    ],
)
def test_slopes_at_kinks_and_far_out(name, points, slopes, device):
    np.testing.assert_allclose(derivatives(getattr(F, name), points, device=device), slopes, rtol=1e-15, atol=0)


@pytest.mark.parametrize(
    ("name", "points", "values"),
    [
        ("elu", [-1000.0, 1000.0], [-1.0, 1000.0]),
        ("softplus", [-1000.0, 1000.0, -40.0], [0.0, 1000.0, math.exp(-40)]),
        ("logsigmoid", [-1000.0, 1000.0, 40.0], [-1000.0, 0.0, -math.exp(-40)]),
        ("hardtanh", [NAN, -INF, INF], [NAN, -1.0, 1.0]),
    ],
)
def test_values_far_out(name, points, values):
    np.testing.assert_allclose(host(getattr(F, name)(tensor(points))), values, rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("softplus", 0.25), ("silu", 0.5), ("logsigmoid", -0.25), ("sigmoid", 0.0), ("tanh", 0.0)],
)
def test_second_derivatives_at_zero(name, wanted):
    assert derivatives(getattr(F, name), [0.0], order=2) == pytest.approx([wanted], abs=1e-15)


def test_gelu_takes_one_of_two_approximations():
    with pytest.raises(RuntimeError, match="approximate must be 'none' or 'tanh', got 'erf'"):
        F.gelu(tensor([1.0]), approximate="erf")


@on_each_device
def test_gelu_is_exact(device):
    points = np.array([-8.0, -1.0, 0.0, 0.5, 3.0])
    x = tensor(points, device, requires_grad=True)
    erf = np.array([math.erf(p / math.sqrt(2)) for p in points])
    density = np.exp(-(points**2) / 2) / math.sqrt(2 * math.pi)
    (g,) = ga.autograd.grad(F.gelu(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(host(F.gelu(x).detach()), points * (1 + erf) / 2, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(host(g.detach()), (1 + erf) / 2 + points * density, rtol=1e-14, atol=1e-15)
    (h,) = ga.autograd.grad(g.sum(), x)
    np.testing.assert_allclose(host(h), (2 - points**2) * density, rtol=1e-13, atol=1e-15)


# -- losses ------------------------------------------------------------------------------------------------------------


def test_binary_cross_entropy_of_what_is_certain():
    x = tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(x, tensor([1.0, 0.0, 0.0, 1.0]), reduction="none")
    assert loss.tolist() == [100.0, 100.0, 0.0, 0.0]
    loss.sum().backward()
    assert x.grad.tolist() == [-1e12, 1e12, 0.0, 0.0]


def test_binary_cross_entropy_with_logits_keeps_every_digit():
    x = tensor([-1000.0, 1000.0, -40.0, 40.0], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, tensor([0.0, 0.0, 0.0, 1.0]), reduction="none")
    np.testing.assert_allclose(host(loss.detach()), [0.0, 1000.0, math.exp(-40), math.exp(-40)], rtol=1e-15)
    loss.sum().backward()
    np.testing.assert_allclose(host(x.grad), [0.0, 1.0, math.exp(-40), -math.exp(-40)], rtol=1e-14)


def test_kl_div_takes_no_logarithm_of_zero():
    y = tensor([0.0, 1.0], requires_grad=True)
    loss = F.kl_div(tensor([-1.0, -2.0]), y, reduction="sum")
    loss.backward()
    assert loss.item() == 2.0 and y.grad.isfinite().all()


@on_each_device
def test_a_class_that_is_ignored_gets_no_gradient(device):
    x = tensor(drawn(3, 4), device, requires_grad=True)
    target = ga.asarray(np.array([1, -100, 3]), device=device)
    loss = F.cross_entropy(x, target, reduction="none")
    assert loss.tolist()[1] == 0.0
    F.cross_entropy(x, target).backward()
    assert not x.grad[1].any() and x.grad[0].all() and x.grad[2].all()


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_the_mean_of_no_class_is_nan():
    assert math.isnan(F.nll_loss(tensor(drawn(2, 3)), ga.asarray(np.array([-100, -100]))).item())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: F.mse_loss(x, x, "max"), ValueError, "reduction must be 'mean', 'sum' or 'none', got 'max'"),
        (lambda x: F.smooth_l1_loss(x, x, beta=-1.0), ValueError, "beta must not be negative, got -1"),
        (lambda x: F.huber_loss(x, x, delta=0.0), ValueError, "delta must be positive, got 0"),
        (lambda x: F.binary_cross_entropy(x, x[0]), ValueError, r"target must have the shape of input, got \[3\]"),
        (lambda x: F.cross_entropy(x, x[0]), RuntimeError, r"target must be integers of shape \[2\]"),
        (lambda x: F.cross_entropy(x, x, label_smoothing=2.0), RuntimeError, "label_smoothing must be between 0 and 1"),
        (lambda x: F.nll_loss(x[0, 0], x), RuntimeError, "input must have a dimension of classes"),
        (lambda x: F.hardtanh(x, 1.0, 0.0), ValueError, "min_val must not be larger than max_val"),
        (lambda x: F.softmax(x, 2), IndexError, "Dimension out of range"),
        (lambda x: F.layer_norm(x, (2,)), RuntimeError, r"shape \[2, 3\] must be \[2\]"),
        (lambda x: F.batch_norm(x[0], None, None, training=True), RuntimeError, r"expected an input of shape \(N, C"),
        (lambda x: F.batch_norm(x[:1], None, None, training=True), ValueError, "more than 1 value per channel"),
        (lambda x: F.batch_norm(x, None, None), RuntimeError, "must be given unless training=True"),
        (lambda x: F.batch_norm(x, x[0], x[0], x[0, :1]), RuntimeError, r"weight must be of shape \[3\], got \[1\]"),
        (lambda x: F.layer_norm(x, (3,), x), RuntimeError, r"weight must be of shape \[3\], got \[2, 3\]"),
        (lambda x: F.linear(x, x[:1], x[0]), RuntimeError, r"broadcast to an output of shape \[2, 1\], got \[3\]"),
        (lambda x: F.conv1d(x, x[None, :, :2], x[0]), RuntimeError, r"conv1d: bias must be of shape \[1\], got \[3\]"),
        (lambda x: F.conv_transpose1d(x, x[..., None], x[0, :1]), RuntimeError, r"bias must be of shape \[3\]"),
        (lambda x: F.nll_loss(x, ga.tensor([0, 0]), x[0, :2]), RuntimeError, r"weight must be of shape \[3\]"),
        (lambda x: F.cross_entropy(x, x, x[0, :1]), RuntimeError, r"weight must be of shape \[3\], got \[1\]"),
        (lambda x: F.dropout(x, 1.5), ValueError, "between 0 and 1, but got 1.5"),
        (lambda x: F.embedding(x, x), RuntimeError, "input must be of integers"),
        (lambda x: F.one_hot(x), RuntimeError, "classes must be integers"),
        (lambda x: F.one_hot(ga.asarray([0]), -2), RuntimeError, "a number from 0 up, or -1, got -2"),
        (lambda x: F.one_hot(ga.asarray([3, -1])), RuntimeError, "classes must not be negative, got -1"),
        (lambda x: F.celu(x, 0.0), RuntimeError, "alpha must not be 0"),
        (lambda x: F.pad(x, (1,)), RuntimeError, "one pair for each of at most 2 dimensions is needed"),
        (lambda x: F.pad(x, (3, 0), mode="reflect"), RuntimeError, r"not possible for a dimension of length 3"),
        (lambda x: F.pad(x, (1, 0), mode="edge"), NotImplementedError, "mode must be 'constant', 'reflect'"),
        (lambda x: F.conv1d(x, x), RuntimeError, r"needs a weight \(C_out, C_in / groups, k\)"),
        (lambda x: F.conv1d(x, ga.ones(1, 2, 4)), RuntimeError, "can't be larger than the padded input"),
        (lambda x: F.conv1d(x, ga.ones(1, 2, 2), padding="all"), RuntimeError, "'same' or 'valid', got 'all'"),
        (lambda x: F.conv1d(x, ga.ones(1, 2, 2), stride=2, padding="same"), RuntimeError, "not supported for strided"),
        (lambda x: F.conv1d(x, ga.ones(1, 2, 2), stride=0), RuntimeError, "stride must be a number from 1 up"),
        (lambda x: F.conv2d(x, ga.ones(1, 2, 2, 2)), RuntimeError, "expected a 4D input, or 3D without a batch"),
        (lambda x: F.conv_transpose1d(x, ga.ones(2, 1, 2), output_padding=1), RuntimeError, "must be smaller than"),
        (lambda x: F.conv_transpose1d(x, ga.ones(2, 1, 2), padding=2), RuntimeError, "leaves nothing"),
        (lambda x: F.max_pool1d(x, 2, padding=2), RuntimeError, "at most half of kernel size"),
        (lambda x: F.avg_pool1d(x, 2, divisor_override=0), RuntimeError, "divisor_override must not be zero"),
        (
            lambda x: F.adaptive_avg_pool1d(x, (1, 2)),
            RuntimeError,
            "one output size from 0 up for each of 1 dimensions",
        ),
        (lambda x: F.adaptive_avg_pool1d(x, -1), RuntimeError, "one output size from 0 up .* got -1"),
        (lambda x: F.fold(x, (2, 2), 2), RuntimeError, r"shape \(N, C \* 4, 1 \* 1\) is needed"),
    ],
)
def test_errors_say_what_was_expected(call, error, message):
    with pytest.raises(error, match=message):
        call(tensor(drawn(2, 3)))


# -- layers ------------------------------------------------------------------------------------------------------------


@on_each_device
def test_batch_norm_moves_the_running_statistics(device):
    x = drawn(4, 3, 2)
    mean, var = tensor([1.0, 2.0, 3.0], device), tensor([4.0, 5.0, 6.0], device)
    t = tensor(x, device, requires_grad=True)
    F.batch_norm(t, mean, var, training=True, momentum=0.3).sum().backward()
    np.testing.assert_allclose(host(mean), 0.7 * np.array([1.0, 2.0, 3.0]) + 0.3 * x.mean((0, 2)), rtol=1e-14)
    np.testing.assert_allclose(host(var), 0.7 * np.array([4.0, 5.0, 6.0]) + 0.3 * x.var((0, 2), ddof=1), rtol=1e-14)
    assert not mean.requires_grad and not var.requires_grad
    before = host(mean)
    F.batch_norm(t, mean, var)
    np.testing.assert_array_equal(host(mean), before)


@pytest.mark.parametrize("wrong", ["running_var", "weight", "bias"])
def test_batch_norm_moves_nothing_where_a_shape_is_wrong(wrong):
    given = {name: ga.ones(3) for name in ("running_mean", "running_var", "weight", "bias")}
    with pytest.raises(RuntimeError, match=rf"{wrong} must be of shape \[3\], got \[4\]"):
        F.batch_norm(tensor(drawn(2, 3)), **{**given, wrong: ga.ones(4)}, training=True)
    assert given["running_mean"].tolist() == [1, 1, 1]


def test_normalize_and_cosine_similarity_of_nothing():
    x = tensor(np.zeros((2, 3)), requires_grad=True)
    assert not F.normalize(x).any() and not F.cosine_similarity(x, x).any()
    F.normalize(x).sum().backward()
    assert x.grad.tolist() == [[1e12] * 3] * 2


@on_each_device
def test_dropout(device):
    x = tensor(np.full(10_000, 3.0), device, requires_grad=True)
    ga.manual_seed(1)
    y = F.dropout(x, 0.25)
    kept = host(y.detach()) != 0
    np.testing.assert_allclose(host(y.detach())[kept], 4.0)
    assert 0.73 < kept.mean() < 0.77
    y.sum().backward()
    np.testing.assert_allclose(host(x.grad), np.where(kept, 1 / 0.75, 0))
    ga.manual_seed(1)
    np.testing.assert_array_equal(host(F.dropout(x, 0.25).detach()), host(y.detach()))
    assert F.dropout(x, training=False) is x and F.dropout(x, 0.0) is x
    assert not F.dropout(x, 1.0).any()


def test_dropout_in_place_and_by_a_generator_of_ones_own():
    x = tensor(np.ones(100))
    generator = ga.Generator().manual_seed(3)
    y = F.dropout(x, generator=generator)
    generator.manual_seed(3)
    assert F.dropout(x, inplace=True, generator=generator) is x
    assert x.tolist() == y.tolist() and set(x.tolist()) == {0.0, 2.0}
    infinite = tensor([INF], requires_grad=True)  # of what is dropped nothing is left, not even nan
    F.dropout(infinite, 1.0).sum().backward()
    assert infinite.grad.tolist() == [0.0]


@on_each_device
def test_one_hot(device):
    x = ga.asarray(np.array([[0, 2], [1, 0]]), device=device)
    out = F.one_hot(x)
    assert out.dtype is ga.int64 and out.tolist() == np.eye(3, dtype=int)[[[0, 2], [1, 0]]].tolist()
    assert F.one_hot(x, 5).shape == (2, 2, 5)
    assert F.one_hot(x[:0], 4).shape == (0, 2, 4)
    with pytest.raises(RuntimeError, match="num_classes must be given"):
        F.one_hot(x[:0])


def test_embedding_leaves_padding_alone():
    weight = tensor(drawn(4, 2), requires_grad=True)
    out = F.embedding(ga.asarray(np.array([1, 3, 1])), weight, padding_idx=-1)
    np.testing.assert_array_equal(host(out.detach()), host(weight.detach())[[1, 3, 1]])
    out.sum().backward()
    assert weight.grad.tolist() == [[0.0, 0.0], [2.0, 2.0], [0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(RuntimeError, match="within weight of 4 rows, got 4"):
        F.embedding(ga.asarray(np.array([1])), weight, padding_idx=4)


# -- convolution and pooling -------------------------------------------------------------------------------------------


@on_each_device
def test_of_a_tie_the_first_is_pooled(device):
    x = tensor(np.ones((1, 4)), device, requires_grad=True)
    out, indices = F.max_pool1d(x, 2, return_indices=True)
    out.sum().backward()
    assert x.grad.tolist() == [[1.0, 0.0, 1.0, 0.0]]
    assert indices.dtype is ga.int64 and indices.tolist() == [[0, 2]]


def test_indices_of_max_pooling_are_counted_over_the_picture():
    x = drawn(2, 3, 6, 5)
    out, indices = F.max_pool2d(tensor(x), 3, 2, 1, ceil_mode=True, return_indices=True)
    flat = x.reshape(2, 3, -1)
    np.testing.assert_array_equal(
        np.take_along_axis(flat, host(indices).reshape(2, 3, -1), -1).reshape(out.shape), host(out)
    )


def test_padding_is_not_the_largest():
    assert F.max_pool1d(tensor([[-5.0, -6.0]]), 2, 1, 1).tolist() == [[-5.0, -5.0, -6.0]]
    x = tensor([[-INF, -INF, NAN, -INF]], requires_grad=True)  # PyTorch 2.13's indices
    out, indices = F.max_pool1d(x, 2, 1, 1, return_indices=True)
    np.testing.assert_array_equal(host(out.detach()), [[-INF, -INF, NAN, NAN, -INF]])
    assert indices.tolist() == [[0, 0, 2, 2, 3]]
    out.sum().backward()
    assert x.grad.tolist() == [[2.0, 0.0, 2.0, 1.0]]


@on_each_device
def test_a_mean_over_part_of_a_line_knows_nothing_of_the_rest(device):
    x = tensor([[INF, 1.0, 2.0, 3.0, NAN]], device, requires_grad=True)
    out = F.adaptive_avg_pool1d(x, 3)
    np.testing.assert_array_equal(host(out.detach()), [[INF, 2.0, NAN]])
    assert F.adaptive_avg_pool1d(x, 0).shape == (1, 0)
    out.sum().backward()
    np.testing.assert_allclose(
        host(x.grad), np.array([[1 / 2, 1 / 2 + 1 / 3, 1 / 3, 1 / 3 + 1 / 2, 1 / 2]]), rtol=1e-15
    )


@on_each_device
def test_unfold_and_fold(device):
    x = tensor(drawn(2, 3, 5, 4), device)
    columns = F.unfold(x, (3, 2), padding=1, stride=2)
    assert columns.shape == (2, 18, 9)
    assert columns[:, :, 4].tolist() == x[:, :, 1:4, 1:3].reshape(2, 18).tolist()
    # each element comes back as often as windows hold it
    times = F.fold(F.unfold(ga.ones_like(x), (3, 2), padding=1, stride=2), (5, 4), (3, 2), padding=1, stride=2)
    back = F.fold(columns, (5, 4), (3, 2), padding=1, stride=2)
    np.testing.assert_allclose(host(back), host(x) * host(times), rtol=1e-14)
    assert F.fold(columns[0], (5, 4), (3, 2), padding=1, stride=2).tolist() == back[0].tolist()


def test_what_reflect_mirrors_is_not_taken_away_first():
    x = tensor([[1.0, 2.0, 3.0]])  # PyTorch 2.13's numbers
    assert F.pad(x, (-1, 2), mode="reflect").tolist() == [[2.0, 3.0, 2.0, 1.0]]
    assert F.pad(x, (1, -2), mode="reflect").tolist() == [[2.0, 1.0]]
    assert F.pad(x, (-3, 2), mode="replicate").tolist() == [[3.0, 3.0]]
    assert F.pad(x, (-1, 2), mode="circular").tolist() == [[2.0, 3.0, 2.0, 3.0]]


def test_a_window_may_be_longer_than_the_input_in_ceil_mode():
    x = tensor([[1.0, 3.0]])  # PyTorch 2.13's numbers
    assert F.max_pool1d(x, 3, 2, ceil_mode=True).tolist() == [[3.0]]
    assert F.avg_pool1d(x, 3, 2, ceil_mode=True).tolist() == [[2.0]]
    with pytest.raises(RuntimeError, match="can't be larger"):
        F.max_pool1d(x, 4, 2, ceil_mode=True)


def test_what_is_empty_is_unfolded_and_padded():
    x = ga.zeros(0, 2, 3, 4)
    assert F.unfold(x, 2).shape == (0, 8, 6)
    assert F.pad(x, (1, 2), mode="reflect").shape == (0, 2, 3, 7)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_transposed_convolution_is_the_transpose(n):
    x, w = tensor(drawn(2, 4, *(6,) * n)), tensor(drawn(6, 2, *(3,) * n))
    options = {"stride": 2, "padding": 1, "groups": 2}
    y = getattr(F, f"conv{n}d")(x, w, **options)
    u = tensor(drawn(*y.shape, seed=1))
    back = getattr(F, f"conv_transpose{n}d")(u, w, output_padding=1, **options)
    assert back.shape == x.shape
    assert (y * u).sum().item() == pytest.approx((x * back).sum().item(), rel=1e-12)


def test_pictures_need_no_batch():
    x, w = tensor(drawn(3, 5, 5)), tensor(drawn(2, 3, 2, 2))
    assert F.conv2d(x, w).tolist() == F.conv2d(x[None], w)[0].tolist()
    assert F.avg_pool2d(x, 2).tolist() == F.avg_pool2d(x[None], 2)[0].tolist()
    assert F.adaptive_avg_pool2d(x, (None, 2)).shape == (3, 5, 2)


def test_a_small_network_learns():
    ga.manual_seed(0)
    x, y = ga.randn(32, 1, 8, 8), ga.randint(0, 3, (32,))
    params = [
        (ga.randn(4, 1, 3, 3) * 0.3).requires_grad_(),
        ga.zeros(4, requires_grad=True),
        (ga.randn(3, 36) * 0.2).requires_grad_(),
    ]
    losses = []
    for _ in range(60):
        hidden = F.max_pool2d(F.relu(F.conv2d(x, params[0], params[1])), 2)
        loss = F.cross_entropy(F.linear(hidden.flatten(1), params[2]), y)
        losses.append(loss.item())
        for p, g in zip(params, ga.autograd.grad(loss, params), strict=True):
            with ga.no_grad():
                p -= 0.3 * g
    assert losses[-1] < 0.3 * losses[0]
