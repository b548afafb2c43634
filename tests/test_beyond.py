"""Functions beyond the standard against NumPy's, or against formulas where NumPy has none.

What no formula tells, such as errors, methods and extremes, is in ``test_beyond_conventions.py``.
"""

import numpy as np
import pytest
from composed import DEVICES, Case, check_forward, check_gradient, check_second, drawn
from scipy import special

import gradarray as ga

CASES = []


def case(name, function, reference, *arrays, second=True, fixed=()):
    CASES.append(Case(name, function, reference, arrays, second, fixed))


def kinds(*shapes, seed=0):
    """The shapes filled with real numbers, and with complex ones."""
    for cplx in (False, True):
        yield tuple(drawn(*shape, seed=seed + i, cplx=cplx) for i, shape in enumerate(shapes))


# -- einsum ------------------------------------------------------------------------------------------------------------

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij, kj -> ki", (2, 3), (4, 3)),
    ("ii->i", (3, 3)),
    ("ii", (3, 3)),
    ("iji->ij", (2, 3, 2)),
    ("iijj->ij", (2, 2, 3, 3)),
    ("iij,jk->ik", (2, 2, 3), (3, 4)),
    ("ij->ji", (2, 3)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("i,j->ij", (2,), (3,)),
    ("i,i->", (3,), (3,)),
    ("i,i->i", (3,), (3,)),
    ("ij,kl->il", (2, 3), (4, 5)),
    (",ij->ij", (), (2, 3)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 5)),
    ("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5)),
    ("ijk,jil->kl", (2, 3, 4), (3, 2, 5)),
    ("...ij,...jk->...ik", (2, 3, 4), (4, 5)),
    ("...ij,...jk", (2, 1, 3, 4), (6, 4, 5)),
    ("...,...->...", (2, 3), (3,)),
    ("...", (2, 3)),
    ("i...->...", (2, 3, 4)),
    ("...i->...", (2, 3)),
    ("ii...->i...", (3, 3, 2)),
    ("b...i,bij->b...j", (2, 4, 5, 3), (2, 3, 2)),
    ("ij,ij->ij", (2, 1), (2, 3)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("a,b,c->abc", (2,), (3,), (4,)),
    ("ab,bc,cd,de->ae", (2, 3), (3, 4), (4, 5), (5, 2)),
    ("bn,anm,bm->ba", (2, 3), (4, 3, 5), (2, 5)),
    ("ij,j,jk", (2, 3), (3,), (3, 4)),
    ("zA,Ab", (2, 3), (3, 4)),
    ("ij,jk->ik", (0, 3), (3, 2)),
    ("ij,jk->ik", (2, 0), (0, 2)),
]
for _equation, *_shapes in EQUATIONS:
    for _arrays in kinds(*_shapes):
        case(
            f"einsum {_equation}",
            lambda *xs, eq=_equation: ga.einsum(eq, *xs),
            lambda *xs, eq=_equation: np.einsum(eq, *xs),
            *_arrays,
        )
case(
    "einsum by numbers",
    lambda x, y: ga.einsum(x, [0, 30], y, [30, 2], [2, 0]),
    lambda x, y: (x @ y).T,
    drawn(2, 3),
    drawn(3, 4),
)
case(
    "einsum by numbers, implicit",
    lambda x, y: ga.einsum(x, [..., 30, 1], y, [1, 0]),
    lambda x, y: np.einsum("...bj,ja->...ab", x, y),
    drawn(2, 5, 3),
    drawn(3, 4),
)

# -- softmax and its kin -----------------------------------------------------------------------------------------------

for _shape, _dim in (((4,), 0), ((2, 3), 1), ((2, 3, 2), -2)):
    for _name in ("softmax", "log_softmax"):
        case(
            f"{_name} {_dim}",
            lambda x, name=_name, d=_dim: getattr(ga, name)(x, d),
            lambda x, name=_name, d=_dim: getattr(special, name)(x, axis=d),
            drawn(*_shape),
        )
for _shape, _dim in (((4,), None), ((2, 3), 1), ((2, 3, 2), (0, -1)), ((2, 3), None), ((), None)):
    case(
        f"logsumexp {_dim}",
        lambda x, d=_dim: (ga.logsumexp(x, d), ga.logsumexp(x, d, keepdim=True)),
        lambda x, d=_dim: tuple(np.log(np.sum(np.exp(x), axis=d, keepdims=k)) for k in (False, True)),
        drawn(*_shape),
    )

# -- by positions ------------------------------------------------------------------------------------------------------


def one_by_one(combine):
    """``combine(out, to, src, at)`` for each position in the index."""

    def run(x, src, index, dim):
        out = x.copy()
        for at in np.ndindex(*index.shape):
            to = list(at)
            to[dim] = index[at]
            combine(out, tuple(to), src, at)
        return out

    return run


def write(out, to, src, at):
    out[to] = src[at]


def add(out, to, src, at):
    out[to] += src[at]


def gathered(x, index, dim):
    out = np.zeros(index.shape, x.dtype)
    for at in np.ndindex(*index.shape):
        source = list(at)
        source[dim] = index[at]
        out[at] = x[tuple(source)]
    return out


_rng = np.random.default_rng(5)
for _shape, _dim, _lengths in (
    ((3, 4), 0, (2, 3)), ((3, 4), 1, (2, 6)), ((5,), 0, (7,)), ((2, 3, 4), 2, (1, 3, 5)), ((3, 4), 0, (0, 4)),
):  # fmt: skip
    _index = _rng.integers(0, _shape[_dim], _lengths)
    for (_x,) in kinds(_shape):
        _src = drawn(*(n + (i == 0) for i, n in enumerate(_lengths)), seed=3).astype(_x.dtype)
        case(
            f"gather {_dim}",
            lambda x, index, d=_dim: ga.gather(x, d, index),
            lambda x, index, d=_dim: gathered(x, index, d),
            _x,
            fixed=(_index,),
        )
        case(
            f"scatter_add {_dim}",
            lambda x, src, index, d=_dim: ga.scatter_add(x, d, index, src),
            lambda x, src, index, d=_dim: one_by_one(add)(x, src, index, d),
            _x,
            _src,
            fixed=(_index,),
        )
for (_x,) in kinds((3, 4)):
    _once = np.array([[0, 3], [2, 1]])
    case(
        "scatter",
        lambda x, src, index: ga.scatter(x, 1, index, src),
        lambda x, src, index: one_by_one(write)(x, src, index, 1),
        _x,
        drawn(3, 2).astype(_x.dtype),
        fixed=(_once,),
    )
case(
    "scatter of a number",
    lambda x, index: ga.scatter(x, 0, index, 2.5),
    lambda x, index: one_by_one(write)(x, np.full(index.shape, 2.5), index, 0),
    drawn(3, 4),
    fixed=(np.array([[0, 2, 1]]),),
)


def index_added(x, source, index, dim, alpha=1):
    out = np.moveaxis(x.copy(), dim, 0)
    np.add.at(out, index, alpha * np.moveaxis(source, dim, 0))
    return np.moveaxis(out, 0, dim)


for _shape, _dim in (((3, 4), 0), ((3, 4), 1), ((5,), 0), ((2, 3, 4), -2)):
    _index = np.array([2, 0, 2, 1])
    _source = tuple(4 if i == _dim % len(_shape) else n for i, n in enumerate(_shape))
    case(
        f"index_add {_dim}",
        lambda x, source, index, d=_dim: (
            ga.index_add(x, d, index, source),
            ga.index_add(x, d, index, source, alpha=2.5),
        ),
        lambda x, source, index, d=_dim: (index_added(x, source, index, d), index_added(x, source, index, d, 2.5)),
        drawn(*_shape),
        drawn(*_source),
        fixed=(_index,),
    )


def assigned(x, value, index):
    out = x.copy()
    out[:, index] = value
    return out


case(
    "index_copy",
    lambda x, y, i: ga.index_copy(x, 1, i, y),
    assigned,
    drawn(3, 4),
    drawn(3, 2),
    fixed=(np.array([3, 0]),),
)
case("index_fill", lambda x, y, i: ga.index_fill(x, 1, i, y), assigned, drawn(3, 4), drawn(), fixed=(np.array([3, 0]),))

# -- diagonals and products --------------------------------------------------------------------------------------------

for _k in (0, 1, -2, 5):
    for _arrays in kinds((3, 4)):
        case(f"diag {_k}", lambda x, k=_k: ga.diag(x, k), lambda x, k=_k: np.diag(x, k), *_arrays)
        case(f"diagonal {_k}", lambda x, k=_k: ga.diagonal(x, k), lambda x, k=_k: np.diagonal(x, k), *_arrays)
    case(f"diag of 1-d {_k}", lambda x, k=_k: ga.diag(x, k), lambda x, k=_k: np.diag(x, k), drawn(3))
case("diagonal of 3-d", lambda x: ga.diagonal(x, 1, -1, 0), lambda x: np.diagonal(x, 1, -1, 0), drawn(2, 3, 4))
case("diag_embed", lambda x: ga.diag_embed(x, 1), lambda x: np.stack([np.diag(row, 1) for row in x]), drawn(2, 3))
case(
    "diag_embed elsewhere",
    lambda x: ga.diag_embed(x, 0, 0, 2),
    lambda x: np.moveaxis(np.stack([np.diag(row) for row in x]), (1, 2), (0, 2)),
    drawn(2, 3),
)
for _arrays in kinds((3, 4)):
    case("trace", ga.trace, np.trace, *_arrays)
for _a, _b in (((3,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((), (2, 3)), ((2, 2, 3), (4, 3)), ((2, 0), (3, 0))):
    for _arrays in kinds(_a, _b):
        case("inner", ga.inner, np.inner, *_arrays)
for _a, _b in (((2,), (3,)), ((2, 3), (3,)), ((2, 3), (4, 3)), ((), (2, 3)), ((2, 2, 3), (4, 3)), ((0, 2), (3, 1))):
    for _arrays in kinds(_a, _b):
        case("kron", ga.kron, np.kron, *_arrays)
for _arrays in kinds((4, 3), (4, 3)):
    case("cross", ga.cross, np.cross, *_arrays)
case("cross along 0", ga.cross, lambda x, y: np.cross(x, y, axis=0), drawn(3, 3), drawn(3, 3, seed=1))
for _kw, _beta, _alpha in (({}, 1, 1), ({"beta": 0.5, "alpha": 2.0}, 0.5, 2), ({"beta": 0}, 0, 1)):
    for _name, _shapes in (
        ("addmm", ((2, 4), (2, 3), (3, 4))),
        ("addmm", ((4,), (2, 3), (3, 4))),
        ("addmv", ((2,), (2, 3), (3,))),
        ("baddbmm", ((5, 2, 4), (5, 2, 3), (5, 3, 4))),
    ):
        case(
            f"{_name} {_kw}",
            lambda x, a, b, name=_name, kw=_kw: getattr(ga, name)(x, a, b, **kw),
            lambda x, a, b, beta=_beta, alpha=_alpha: beta * x + alpha * (a @ b),
            *(drawn(*s, seed=i) for i, s in enumerate(_shapes)),
        )
for _arrays in kinds((2, 3), (3,), (2, 1)):
    case("addcmul", lambda x, a, b: ga.addcmul(x, a, b, value=0.5), lambda x, a, b: x + 0.5 * a * b, *_arrays)
    case("addcdiv", lambda x, a, b: ga.addcdiv(x, a, b, value=0.5), lambda x, a, b: x + 0.5 * a / b, *_arrays)
    case("lerp", lambda x, y, w: ga.lerp(x, y, 0.3), lambda x, y, w: x + 0.3 * (y - x), *_arrays)
    case("lerp beyond the middle", lambda x, y, w: ga.lerp(x, y, 0.7), lambda x, y, w: x + 0.7 * (y - x), *_arrays)
    case("lerp by a tensor", ga.lerp, lambda x, y, w: x + w * (y - x), *_arrays)

# -- statistics --------------------------------------------------------------------------------------------------------

for _shape, _axis in (
    ((5,), None),
    ((6,), 0),
    ((3, 4), 1),
    ((3, 5), -2),
    ((2, 3, 4), (0, 2)),
    ((3, 4), None),
    ((), None),
):
    case(
        f"median {_axis}",
        lambda x, a=_axis: (ga.median(x, axis=a), ga.median(x, axis=a, keepdims=True)),
        lambda x, a=_axis: (np.median(x, a), np.median(x, a, keepdims=True)),
        drawn(*_shape),
    )
    for _q in (0.3, (0.0, 0.25, 0.9, 1.0)):
        case(
            f"quantile {_q, _axis}",
            lambda x, q=_q, a=_axis: (ga.quantile(x, q, a), ga.quantile(x, q, axis=a, keepdims=True)),
            lambda x, q=_q, a=_axis: (np.quantile(x, q, a), np.quantile(x, q, a, keepdims=True)),
            drawn(*_shape),
        )
case(
    "quantile of a tensor",
    lambda x, q: ga.quantile(x, q, 1),
    lambda x, q: np.quantile(x, q, 1),
    drawn(3, 6),
    np.array([0.1, 0.55]),
)
_holes = np.where(drawn(3, 4, seed=8) > 1, np.nan, drawn(3, 4))
for _axis in (None, 0, (0, 1)):
    case(
        f"nansum {_axis}",
        lambda x, m, a=_axis: ga.nansum(ga.where(m, ga.nan, x), a),
        lambda x, m, a=_axis: np.nansum(np.where(m, np.nan, x), a),
        drawn(3, 4),
        fixed=(np.isnan(_holes),),
    )
    case(
        f"nanmean {_axis}",
        lambda x, m, a=_axis: ga.nanmean(ga.where(m, ga.nan, x), axis=a, keepdims=True),
        lambda x, m, a=_axis: np.nanmean(np.where(m, np.nan, x), a, keepdims=True),
        drawn(3, 4),
        fixed=(np.isnan(_holes),),
    )
_fw, _aw = np.array([1, 3, 2, 1, 2]), drawn(5, low=0.5)
for _arrays in (*kinds((3, 5)), *kinds((5,)), *kinds((1, 5))):
    case("cov", ga.cov, np.cov, *_arrays)
    case(
        "cov, weighted",
        lambda x, w, f: ga.cov(x, correction=0, fweights=f),
        lambda x, w, f: np.cov(x, ddof=0, fweights=f),
        *_arrays,
        _aw,
        fixed=(_fw,),
    )
    case(
        "cov, weighted twice",
        lambda x, w, f: ga.cov(x, fweights=f, aweights=w),
        lambda x, w, f: np.cov(x, fweights=f, aweights=w),
        *_arrays,
        _aw,
        fixed=(_fw,),
    )
    if _arrays[0].shape == (3, 5):
        case("corrcoef", lambda x: ga.corrcoef(x)[0, 1], lambda x: np.corrcoef(x)[0, 1], *_arrays)


case(
    "bincount",
    lambda w, x: ga.bincount(x, w, minlength=9),
    lambda w, x: np.bincount(x, w, 9),
    drawn(6),
    fixed=(np.array([3, 1, 3, 0, 6, 1]),),
)

# -- elementwise -------------------------------------------------------------------------------------------------------

for _arrays in kinds((3, 4)):
    case("nan_to_num", ga.nan_to_num, np.nan_to_num, *_arrays)
    case("deg2rad", ga.deg2rad, lambda x: x * np.pi / 180, *_arrays)
    case("rad2deg", ga.rad2deg, lambda x: x * 180 / np.pi, *_arrays)
    case("sinc", ga.sinc, np.sinc, *_arrays)
case("heaviside", ga.heaviside, np.heaviside, np.array([-1.5, 0.5, 2.0]), drawn(3))

# -- padding -----------------------------------------------------------------------------------------------------------

for _mode, _kw in (
    ("constant", {}), ("constant", {"constant_values": 1.5}), ("edge", {}), ("reflect", {}), ("symmetric", {}),
    ("wrap", {}),
):  # fmt: skip
    for _width in (1, (2, 1), ((0, 3), (5, 0)), ((0, 0), (0, 0)), {-1: (1, 2)}):
        for _arrays in kinds((3, 4)):
            case(
                f"pad {_mode} {_width} {_kw}",
                lambda x, w=_width, m=_mode, kw=_kw: ga.pad(x, w, m, **kw),
                lambda x, w=_width, m=_mode, kw=_kw: np.pad(x, [(0, 0), w[-1]] if isinstance(w, dict) else w, m, **kw),
                *_arrays,
            )
case(
    "pad with a tensor",
    lambda x, v: ga.pad(x, 1, constant_values=v),
    lambda x, v: np.pad(x, 1) + np.pad(np.zeros(x.shape), 1, constant_values=1) * v,
    drawn(2, 3),
    drawn(),
)

# -- calculus and polynomials ------------------------------------------------------------------------------------------

for _arrays in kinds((3, 5)):
    case("trapezoid", ga.trapezoid, np.trapezoid, *_arrays)
    case(
        "trapezoid of steps",
        lambda y: ga.trapezoid(y, dx=0.3, dim=0),
        lambda y: np.trapezoid(y, dx=0.3, axis=0),
        *_arrays,
    )
case("trapezoid over points", ga.trapezoid, np.trapezoid, drawn(3, 5), drawn(5))
case(
    "trapezoid over rows of points",
    lambda y, x: ga.trapezoid(y, x, axis=1),
    lambda y, x: np.trapezoid(y, x[None], axis=1),
    drawn(2, 3, 5),
    drawn(3, 5),
)
_points = np.sort(drawn(5, seed=2))
for _order in (1, 2):
    for _arrays in kinds((4, 5)):
        case(
            f"gradient {_order}",
            lambda x, o=_order: ga.gradient(x, edge_order=o),
            lambda x, o=_order: np.gradient(x, edge_order=o),
            *_arrays,
        )
        case(
            f"gradient along one {_order}",
            lambda x, o=_order: ga.gradient(x, 0.5, axis=-1, edge_order=o),
            lambda x, o=_order: np.gradient(x, 0.5, axis=-1, edge_order=o),
            *_arrays,
        )
    case(
        f"gradient over points {_order}",
        lambda x, p, o=_order: ga.gradient(x, 0.3, p, edge_order=o),
        lambda x, p, o=_order: np.gradient(x, 0.3, p, edge_order=o),
        drawn(4, 5),
        _points,
    )
case(
    "gradient of two",
    lambda x, p: ga.gradient(x, p),
    lambda x, p: (x[1] - x[0]) / (p[1] - p[0]) * np.ones(2),
    drawn(2),
    drawn(2, seed=1),
)


def symmetric(r):
    return r.sum(), r.prod(), (r * r).sum()


for _p in (np.array([1.0, -6.0, 11.0, -6.0]), np.array([2.0, 1.0, 3.0]), np.array([2.0 + 1j, 1.0, 3.0, -1j])):
    case(
        "roots",  # in no order, so what does not depend on it
        lambda p: symmetric(ga.roots(p)),
        lambda p: symmetric(np.roots(p).astype(complex)),
        _p,
    )

per_case = pytest.mark.parametrize("case", CASES, ids=str)
on_each_device = pytest.mark.parametrize("device", DEVICES)


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
