"""``gradarray.nn.functional`` against formulas in NumPy, written for the test.

What no formula tells, such as kinks, extremes and errors, is in ``test_nn_conventions.py``.
"""

import itertools
import math

import numpy as np
import pytest
from composed import DEVICES, Case, check_forward, check_gradient, check_second, drawn
from scipy import special

from gradarray.nn import functional as F

on_each_device = pytest.mark.parametrize("device", DEVICES)


def with_params(name, reference, arrays, second=True, fixed=(), **params):
    shown = f"{name}-{'-'.join(f'{k}={v}' for k, v in params.items())}" if params else name
    return Case(
        shown,
        lambda *xs: getattr(F, name)(*xs, **params),
        lambda *xs: reference(*xs, **params),
        tuple(arrays),
        second,
        tuple(fixed),
    )


# -- activations -------------------------------------------------------------------------------------------------------

POINTS = np.array([-40.0, -3.0, -1.3, -0.4, 0.3, 1.7, 5.5, 7.0, 30.0])


def softplus(x, beta=1.0, threshold=20.0):
    return np.where(x * beta > threshold, x, np.log1p(np.exp(np.minimum(x * beta, threshold))) / beta)


ACTIVATIONS = [
    ("relu", lambda x: np.maximum(x, 0), {}),
    ("relu6", lambda x: np.clip(x, 0, 6), {}),
    ("hardtanh", lambda x, min_val=-1, max_val=1: np.clip(x, min_val, max_val), {}),
    ("hardtanh", lambda x, min_val=-1, max_val=1: np.clip(x, min_val, max_val), {"min_val": -2.0, "max_val": 0.5}),
    ("leaky_relu", lambda x: np.maximum(x, 0.01 * x), {}),
    ("leaky_relu", lambda x, negative_slope: np.maximum(x, negative_slope * x), {"negative_slope": 0.3}),
    ("elu", lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1), {}),
    ("elu", lambda x, alpha: np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0)) - 1)), {"alpha": 0.5}),
    ("celu", lambda x, alpha: np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0) / alpha) - 1)), {"alpha": 0.5}),
    (
        "selu",
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(np.minimum(x, 0)) - 1)),
        {},
    ),
    (
        "gelu",
        lambda x, approximate: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        {"approximate": "tanh"},
    ),
    ("silu", lambda x: x * special.expit(x), {}),
    ("mish", lambda x: x * np.tanh(np.logaddexp(x, 0)), {}),
    ("softplus", softplus, {}),
    ("softplus", softplus, {"beta": 2.0, "threshold": 5.0}),
    ("sigmoid", special.expit, {}),
    ("logsigmoid", special.log_expit, {}),
    ("tanh", np.tanh, {}),
]


def along(reference):
    return lambda x, dim: reference(x, axis=dim)


CASES = [
    with_params(name, reference, [x], **params)
    for name, reference, params in ACTIVATIONS
    for x in (POINTS, drawn(3, 4, seed=1), drawn(0, 2))
]
CASES += [
    with_params(name, along(getattr(special, name)), [x], dim=dim)
    for name in ("softmax", "log_softmax")
    for x, dim in ((POINTS, 0), (drawn(2, 3, 4), 1), (drawn(0, 2), 1))
]

# -- losses ------------------------------------------------------------------------------------------------------------

REDUCE = {"mean": np.mean, "sum": np.sum, "none": lambda x: x}


def reduced(loss, reduce):
    return lambda x, y, reduction: reduce(loss(x, y))


def huber(x, y, d):
    size = np.abs(x - y)
    return np.where(size < d, size**2 / 2, d * (size - d / 2))


def bce(x, y):
    return -y * np.log(x) - (1 - y) * np.log1p(-x)


_x, _y = drawn(3, 4, seed=1), drawn(3, 4, seed=2)
_p, _q = drawn(3, 4, seed=3, low=0.1, high=0.9), drawn(3, 4, seed=4, low=0.1, high=0.9)
for _red, _f in REDUCE.items():
    for _name, _reference, _pair in (
        ("mse_loss", lambda x, y: (x - y) ** 2, (_x, _y)),
        ("l1_loss", lambda x, y: np.abs(x - y), (_x, _y)),
        ("smooth_l1_loss", lambda x, y: huber(x, y, 1), (_x, _y)),
        ("huber_loss", lambda x, y: huber(x, y, 1), (_x, _y)),
        ("kl_div", lambda x, y: y * (np.log(y) - x), (np.log(_p), _q)),
        ("binary_cross_entropy", bce, (_p, _q)),
        ("binary_cross_entropy_with_logits", lambda x, y: bce(special.expit(x), y), (_x, _q)),
    ):
        CASES.append(with_params(_name, reduced(_reference, _f), _pair, reduction=_red))
CASES += [
    with_params("smooth_l1_loss", lambda x, y, beta: np.mean(huber(x, y, beta) / beta), (_x, _y), beta=0.3),
    with_params("smooth_l1_loss", lambda x, y, beta: np.mean(np.abs(x - y)), (_x, _y), beta=0.0),
    with_params("huber_loss", lambda x, y, delta: np.mean(huber(x, y, delta)), (_x, _y), delta=0.3),
    with_params("mse_loss", lambda x, y: np.mean((x - y) ** 2), (_x, drawn(4))),
    with_params("kl_div", lambda x, y, reduction: np.sum(y * (np.log(y) - x)) / 3, (_x, _q), reduction="batchmean"),
    with_params("kl_div", lambda x, y, log_target: np.mean(np.exp(y) * (y - x)), (_x, _y), log_target=True),
    Case(
        "weighted binary_cross_entropy",
        lambda x, y, w: F.binary_cross_entropy(x, y, w),
        lambda x, y, w: np.mean(bce(x, y) * w),
        (_p, _q, drawn(4)),
    ),
    Case(
        "weighted binary_cross_entropy_with_logits",
        lambda x, y, w, p: F.binary_cross_entropy_with_logits(x, y, w, pos_weight=p),
        lambda x, y, w, p: np.mean(w * (-p * y * special.log_expit(x) - (1 - y) * special.log_expit(-x))),
        (_x, _q, drawn(3, 1), drawn(4, low=0.5)),
    ),
]


def nll(x, target, weight=None, ignore_index=-100, reduction="mean", shared=0.0):
    """Element by element; ``shared`` is what label smoothing gives to all classes."""
    x = x[None] if x.ndim == 1 else x
    target = np.asarray(target).reshape(x.shape[:1] + x.shape[2:])
    weight = np.ones(x.shape[1]) if weight is None else weight
    loss, total = np.zeros(target.shape), 0.0
    for at in np.ndindex(*target.shape):
        t = target[at]
        if t == ignore_index:
            continue
        logs = x[(at[0], slice(None), *at[1:])]
        loss[at] = -(1 - shared) * weight[t] * logs[t] - shared / len(logs) * np.sum(weight * logs)
        total += weight[t]
    return np.sum(loss) / total if reduction == "mean" else REDUCE[reduction](loss)


for _shape in ((5,), (3, 5), (2, 5, 2, 3)):
    _x = drawn(*_shape, seed=7)
    _dim = min(1, len(_shape) - 1)
    _t = np.random.default_rng(1).integers(0, 5, _shape[:_dim] + _shape[_dim + 1 :])
    _ignoring = np.where(_t == _t.flat[-1], 3, _t) if _t.ndim else _t
    for _red in REDUCE if len(_shape) > 1 else ("mean", "sum"):
        CASES += [
            Case(
                f"nll_loss {_red}",
                lambda x, t, red=_red: F.nll_loss(x, t, reduction=red),
                lambda x, t, red=_red: nll(x, t, reduction=red),
                (_x,),
                fixed=(_t,),
            ),
            Case(
                f"cross_entropy {_red}",
                lambda x, t, red=_red: F.cross_entropy(x, t, reduction=red),
                lambda x, t, red=_red, d=_dim: nll(special.log_softmax(x, axis=d), t, reduction=red),
                (_x,),
                fixed=(_t,),
            ),
            Case(
                f"cross_entropy weighted, smoothed, ignoring {_red}",
                lambda x, w, t, red=_red: F.cross_entropy(x, t, w, int(t.flatten()[0]), red, 0.2),
                lambda x, w, t, red=_red, d=_dim: nll(special.log_softmax(x, axis=d), t, w, t.flat[0], red, 0.2),
                (_x, drawn(5, low=0.5)),
                fixed=(_t,),
            ),
        ][: 3 if len(_shape) > 1 else 2]
CASES += [
    Case(
        f"cross_entropy of probabilities {smoothing}",
        lambda x, y, w, s=smoothing: F.cross_entropy(x, y, w, label_smoothing=s),
        lambda x, y, w, s=smoothing: (
            -np.sum(special.log_softmax(x, axis=1) * w[:, None] * (y * (1 - s) + s / 4)) / (3 * 2)
        ),
        (drawn(3, 4, 2), drawn(3, 4, 2, low=0.0, high=1.0), drawn(4)),
    )
    for smoothing in (0.0, 0.3)
]

# -- normalization and layers ------------------------------------------------------------------------------------------


def standardized(x, axes, eps=1e-5):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)


def padded(x, pad, mode="constant", value=0):
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    x = x[tuple(slice(max(-a, 0), n + min(b, 0)) for n, (a, b) in zip(x.shape, pairs, strict=True))]
    more = {"constant_values": value} if mode == "constant" else {}
    names = {"replicate": "edge", "circular": "wrap"}
    return np.pad(x, [(max(a, 0), max(b, 0)) for a, b in pairs], names.get(mode, mode), **more)


def cosine(x, y, dim):
    return np.sum(x * y, dim) / (np.linalg.norm(x, axis=dim) * np.linalg.norm(y, axis=dim))


CASES += [
    Case("linear", F.linear, lambda x, w, b: x @ w.T + b, (drawn(2, 5, 3), drawn(4, 3), drawn(4))),
    Case("linear", F.linear, lambda x, w: x @ w.T, (drawn(2, 3, cplx=True), drawn(4, 3, cplx=True))),
    Case("linear", F.linear, lambda x, w: x @ w, (drawn(2, 3), drawn(3))),
    Case(
        "embedding",
        lambda w, i: F.embedding(i, w),
        lambda w, i: w[i],
        (drawn(4, 3),),
        fixed=(np.array([[1, 3, 1]]),),
    ),
    Case(
        "layer_norm",
        lambda x, w, b: F.layer_norm(x, (3, 4), w, b),
        lambda x, w, b: standardized(x, (1, 2)) * w + b,
        (drawn(2, 3, 4), drawn(3, 4, seed=1), drawn(3, 4, seed=2)),
    ),
    Case(
        "batch_norm in training",
        lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
        lambda x, w, b: standardized(x, (0, 2)) * w[:, None] + b[:, None],
        (drawn(4, 3, 2), drawn(3, seed=1), drawn(3, seed=2)),
    ),
    Case(
        "batch_norm",
        lambda x, m, v, w: F.batch_norm(x, m, v, w),
        lambda x, m, v, w: (x - m) / np.sqrt(v + 1e-5) * w,
        (drawn(4, 3), drawn(3, seed=1), drawn(3, low=0.5), drawn(3, seed=2)),
    ),
    *(
        Case(
            f"normalize {p}",
            lambda x, p=p: F.normalize(x, p, 0),
            lambda x, p=p: x / np.linalg.norm(x, p, axis=0),
            (drawn(3, 4),),
        )
        for p in (1.0, 2.0, 3.0)
    ),
    with_params("cosine_similarity", cosine, (drawn(3, 4), drawn(3, 4, seed=1)), dim=1),
    with_params("cosine_similarity", cosine, (drawn(3, 4), drawn(3, 4, seed=1)), dim=0),
    *(
        with_params("pad", padded, [drawn(2, 3, 4, cplx=c)], pad=pad, **more)
        for pad, more in (
            ((1, 2), {}), ((1, 0, 0, 3), {"value": 1.5}), ((-1, 2, 0, -1), {}), ((0, 0), {}),
            ((2, 3), {"mode": "reflect"}), ((0, 2, 5, 1), {"mode": "replicate"}), ((4, 1, 0, 2), {"mode": "circular"}),
        )
        for c in (False, True)
    ),
]  # fmt: skip

# -- convolution and pooling -------------------------------------------------------------------------------------------


def correlated(x, w, b, stride, pads, dilation, groups):
    """Output by output."""
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    n, kernel = x.ndim - 2, w.shape[2:]
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    counts = [(m - span) // s + 1 for m, span, s in zip(x.shape[2:], spans, stride, strict=True)]
    out = np.zeros((x.shape[0], w.shape[0], *counts), np.result_type(x, w))
    rows, inner = w.shape[0] // groups, w.shape[1]
    for c in range(w.shape[0]):
        part = x[:, c // rows * inner : (c // rows + 1) * inner]
        for at in itertools.product(*map(range, counts)):
            window = tuple(
                slice(i * s, i * s + span, d) for i, s, span, d in zip(at, stride, spans, dilation, strict=True)
            )
            out[(slice(None), c, *at)] = np.sum(part[(..., *window)] * w[c], axis=tuple(range(1, n + 2)))
    return out + b.reshape(-1, *(1,) * n)


def transposed(x, w, b, stride, padding, output_padding, dilation, groups):
    """Input by input."""
    n, kernel = x.ndim - 2, w.shape[2:]
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    full = [(m - 1) * s + span for m, s, span in zip(x.shape[2:], stride, spans, strict=True)]
    out = np.zeros((x.shape[0], w.shape[1] * groups, *(f + o for f, o in zip(full, output_padding, strict=True))))
    rows = w.shape[0] // groups
    for c in range(w.shape[0]):
        part = slice(c // rows * w.shape[1], (c // rows + 1) * w.shape[1])
        for at in itertools.product(*map(range, x.shape[2:])):
            window = tuple(
                slice(i * s, i * s + span, d) for i, s, span, d in zip(at, stride, spans, dilation, strict=True)
            )
            value = x[(slice(None), c, *at)]
            out[(slice(None), part, *window)] += value.reshape(-1, *(1,) * (n + 1)) * w[c]
    out = out[(..., *(slice(p, m - p) for p, m in zip(padding, out.shape[2:], strict=True)))]
    return out + b.reshape(-1, *(1,) * n)


for _n, _lengths, _kernel in ((1, (7,), (3,)), (2, (5, 6), (3, 2)), (3, (3, 4, 3), (2, 1, 2))):
    _one, _two, _no = (1,) * _n, (2,) * _n, ((0, 0),) * _n
    _same = [((k - 1) // 2, k - 1 - (k - 1) // 2) for k in _kernel]
    for _params, _args, _groups in (
        ({}, (_one, _no, _one), 1),
        ({"stride": 2}, (_two, _no, _one), 1),
        ({"padding": 1}, (_one, ((1, 1),) * _n, _one), 1),
        ({"padding": "same"}, (_one, _same, _one), 1),
        ({"padding": "valid", "dilation": 2}, (_one, _no, _two), 1),
        ({"stride": _two, "padding": _two, "dilation": _two}, (_two, ((2, 2),) * _n, _two), 1),
        ({"groups": 2}, (_one, _no, _one), 2),
        ({"groups": 4, "stride": 2}, (_two, _no, _one), 4),
    ):
        _arrays = (drawn(2, 4, *_lengths), drawn(4, 4 // _groups, *_kernel), drawn(4))
        CASES.append(
            Case(
                f"conv{_n}d {_params}",
                lambda x, w, b, n=_n, params=_params: getattr(F, f"conv{n}d")(x, w, b, **params),
                lambda x, w, b, args=_args, groups=_groups: correlated(x, w, b, *args, groups),
                _arrays,
            )
        )
    _zero = (0,) * _n
    for _params, _args in (
        ({}, (_one, _zero, _zero, _one, 1)),
        ({"stride": 2, "padding": 1, "output_padding": 1}, (_two, _one, _one, _one, 1)),
        ({"stride": 2, "dilation": 3, "output_padding": 2}, (_two, _zero, _two, (3,) * _n, 1)),
        ({"groups": 2, "stride": 2}, (_two, _zero, _zero, _one, 2)),
        ({"groups": 4}, (_one, _zero, _zero, _one, 4)),
    ):
        _lengths_in = tuple(min(3, m) for m in _lengths)
        CASES.append(
            Case(
                f"conv_transpose{_n}d {_params}",
                lambda x, w, b, n=_n, params=_params: getattr(F, f"conv_transpose{n}d")(x, w, b, **params),
                lambda x, w, b, args=_args: transposed(x, w, b, *args),
                (drawn(2, 4, *_lengths_in), drawn(4, 3, *_kernel), drawn(3 * _args[-1])),
            )
        )
CASES.append(
    Case(
        "complex conv2d",
        lambda x, w: F.conv2d(x, w, stride=2),
        lambda x, w: correlated(x[None], w, np.zeros(2), (2, 2), ((0, 0), (0, 0)), (1, 1), 1)[0],
        (drawn(3, 5, 5, cplx=True), drawn(2, 3, 2, 2, cplx=True)),
    )
)


def spans(length, k, s, p, d=1, ceil_mode=False):
    """The positions of each window, those in the padding below 0 or above the length."""
    starts = range(-p, length + p - d * (k - 1), s)
    if ceil_mode:
        starts = [a for a in range(-p, length + 2 * p, s) if a < length and a - s + d * (k - 1) < length + p - 1]
    return [[a + d * j for j in range(k)] for a in starts]


def pooled(x, n, combine, k, s, p=0, d=1, ceil_mode=False):
    """Window by window."""
    every = [spans(m, k, s, p, d, ceil_mode) for m in x.shape[-n:]]
    out = np.zeros((*x.shape[:-n], *map(len, every)))
    for at in itertools.product(*(range(len(e)) for e in every)):
        places = [e[i] for e, i in zip(every, at, strict=True)]
        inside = [[j for j in ps if 0 <= j < m] for ps, m in zip(places, x.shape[-n:], strict=True)]
        counted = math.prod(sum(j < m + p for j in ps) for ps, m in zip(places, x.shape[-n:], strict=True))
        window = x[(..., *np.ix_(*inside))]
        out[(..., *at)] = combine(window.reshape(*x.shape[:-n], -1), counted)
    return out


def averaged(x, size):
    out = np.zeros((*x.shape[:2], *size))
    for i, j in np.ndindex(*size):
        rows, columns = (
            slice(k * m // n, -(-(k + 1) * m // n)) for k, m, n in zip((i, j), x.shape[2:], size, strict=True)
        )
        out[:, :, i, j] = x[:, :, rows, columns].mean((2, 3))
    return out


def largest(window, counted):
    return window.max(-1)


for _n, _lengths in ((1, (7,)), (2, (6, 5)), (3, (4, 5, 4))):
    for _k, _s, _p, _ceil in ((2, 2, 0, False), (3, 1, 1, False), (3, 2, 1, True), (2, 2, 0, True), (2, 3, 1, True)):
        _x = drawn(2, 3, *_lengths, seed=_k)
        CASES.append(
            Case(
                f"max_pool{_n}d {_k, _s, _p, _ceil}",
                lambda x, n=_n, args=(_k, _s, _p), c=_ceil: getattr(F, f"max_pool{n}d")(x, *args, ceil_mode=c),
                lambda x, n=_n, args=(_k, _s, _p), c=_ceil: pooled(x, n, largest, *args, ceil_mode=c),
                (_x,),
            )
        )
        for _include in (True, False):
            CASES.append(
                Case(
                    f"avg_pool{_n}d {_k, _s, _p, _ceil, _include}",
                    lambda x, n=_n, args=(_k, _s, _p, _ceil, _include): getattr(F, f"avg_pool{n}d")(x, *args),
                    lambda x, n=_n, args=(_k, _s, _p), c=_ceil, i=_include: pooled(
                        x, n, lambda w, m: w.sum(-1) / (m if i else w.shape[-1]), *args, ceil_mode=c
                    ),
                    (_x,),
                )
            )
CASES += [
    Case(
        "max_pool2d, dilated",
        lambda x: F.max_pool2d(x, 2, 1, dilation=2),
        lambda x: pooled(x, 2, largest, 2, 1, 0, 2),
        (drawn(3, 5, 5),),
    ),
    Case(
        "avg_pool2d, divisor",
        lambda x: F.avg_pool2d(x, 2, divisor_override=3),
        lambda x: pooled(x, 2, lambda w, m: w.sum(-1) / 3, 2, 2),
        (drawn(1, 3, 4, 4),),
    ),
    *(
        Case(
            f"adaptive_avg_pool2d {size}",
            lambda x, size=size: F.adaptive_avg_pool2d(x, size),
            lambda x, size=size: averaged(x, size),
            (drawn(2, 3, 5, 7),),
        )
        for size in ((1, 1), (2, 3), (5, 4))
    ),
]  # fmt: skip


per_case = pytest.mark.parametrize("case", CASES, ids=str)


@on_each_device
@per_case
def test_forward(case, device):
    check_forward(case, device)


@on_each_device
@per_case
def test_gradient(case, device):
    check_gradient(case, device)


@pytest.mark.parametrize("case", [c for c in CASES if c.second], ids=str)
def test_second_derivative(case):
    check_second(case, "cpu")
