"""NumPy code on tensors as it stands: each function gives NumPy's values and, where it has one, the right gradient.

Every name that gradarray teaches NumPy has an example here; a name without one fails.
"""

import numpy as np
import pytest

import gradarray as ga
from gradarray.functions import numpy_names, numpy_ufuncs

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

rng = np.random.default_rng(7)
V, W, P = rng.standard_normal(6), rng.standard_normal(6), rng.uniform(0.5, 2, 6)
A, B, S = rng.standard_normal((3, 4)), rng.standard_normal((3, 4)), rng.standard_normal((3, 3))
C = V + 1j * W
NAN = np.where(A > 0.5, np.nan, A)
T = rng.standard_normal((2, 3, 4))
N = rng.integers(0, 4, 6)


def assigned(x, where, value):
    """What a function that writes into its first argument leaves there."""
    y = x * 1
    return y if np.copyto(y, value, where=where) is None else None


def put(x, indices, value, axis):
    y = x * 1
    np.put_along_axis(y, indices, value, axis)
    return y


# name: [(function of arrays, arrays...), ...]
EXAMPLES = {
    "allclose": [(np.allclose, V, V), (lambda x: np.allclose(x, 1.0), V)],
    "angle": [(np.angle, C), (lambda x: np.angle(x, deg=True), C)],
    "append": [(np.append, A, B), (lambda x, y: np.append(x, y, axis=0), A, B)],
    "apply_along_axis": [
        (lambda x: np.apply_along_axis(np.sum, 0, x), A),
        (lambda x: np.apply_along_axis(lambda r: r[:2], 1, x), A),
    ],
    "argsort": [(np.argsort, A), (lambda x: np.argsort(x, axis=None), A), (lambda x: np.argsort(x, 0, "stable"), A)],
    "argwhere": [(lambda x: np.argwhere(x > 0), A)],
    "around": [(lambda x: np.around(x, 1), A)],
    "array_equal": [(np.array_equal, A, A), (np.array_equal, A, V), (lambda x: np.array_equal(x, x, True), NAN)],
    "array_split": [(lambda x: np.array_split(x, 4), V), (lambda x: np.array_split(x, [1, 3]), V)],
    "atleast_1d": [(np.atleast_1d, V[0]), (np.atleast_1d, A), (np.atleast_1d, V[0], A)],
    "atleast_2d": [(np.atleast_2d, V[0]), (np.atleast_2d, V), (np.atleast_2d, T)],
    "atleast_3d": [(np.atleast_3d, V[0]), (np.atleast_3d, V), (np.atleast_3d, A), (np.atleast_3d, T)],
    "average": [
        (np.average, A), (lambda x: np.average(x, axis=0), A), (lambda x, w: np.average(x, weights=w), V, P),
        (lambda x, w: np.average(x, axis=1, weights=w, returned=True), A, P[:4]),
    ],
    "column_stack": [(lambda x, y: np.column_stack([x, y]), V, W), (lambda x, y: np.column_stack([x, y]), S, A)],
    "concatenate": [(lambda x, y: np.concatenate([x, y]), A, B), (lambda x, y: np.concatenate((x, y), 1), A, B)],
    "convolve": [(lambda x, y, m=m: np.convolve(x, y, m), V, W[:3]) for m in ("full", "same", "valid")]
    + [(np.convolve, W[:3], V), (np.convolve, C, V[:2] + 0j)],
    "copy": [(np.copy, A)],
    "copyto": [(lambda x, v: assigned(x, x > 0, v), A, B), (lambda x, v: assigned(x, True, v), A, B)],
    "corrcoef": [(np.corrcoef, A), (np.corrcoef, V, W), (lambda x: np.corrcoef(x, rowvar=False), A), (np.corrcoef, V)],
    "correlate": [(lambda x, y, m=m: np.correlate(x, y, m), V, W[:3]) for m in ("full", "same", "valid")]
    + [(lambda x, y: np.correlate(x, y, "full"), W[:3], V), (lambda x, y: np.correlate(x, y, "full"), C, C[:3])],
    "cov": [(np.cov, A), (np.cov, V), (np.cov, V, W), (lambda x: np.cov(x, bias=True, rowvar=False), A), (np.cov, C)],
    "cross": [(np.cross, A[:, :3], B[:, :3]), (lambda x, y: np.cross(x, y, axis=0), A, B)],
    "cumprod": [(np.cumprod, A), (lambda x: np.cumprod(x, 1), A)],
    "cumsum": [(np.cumsum, A), (lambda x: np.cumsum(x, 1), A)],
    "diag": [(np.diag, V), (np.diag, A), (lambda x: np.diag(x, 1), V), (lambda x: np.diag(x, -2), V)],
    "diagonal": [(np.diagonal, A), (lambda x: np.diagonal(x, 1, 1, 2), T)],
    "diff": [(np.diff, V), (lambda x: np.diff(x, 2, 0), A)],
    "digitize": [
        (lambda x: np.digitize(x, np.array([-1.0, 0, 1])), V), (lambda x: np.digitize(x, np.sort(W), True), V),
    ],
    "dot": [(np.dot, V, W), (np.dot, A, W[:4]), (np.dot, S, A), (np.dot, T, A.T), (np.dot, V[0], A), (np.dot, T, T.mT)],
    "dsplit": [(lambda x: np.dsplit(x, 2), T)],
    "dstack": [(lambda x, y: np.dstack([x, y]), A, B), (lambda x, y: np.dstack([x, y]), V, W)],
    "einsum": [
        (lambda x, y: np.einsum("ij,kj->ik", x, y), A, B), (lambda x: np.einsum("ii", x, optimize=True), S),
    ],
    "empty_like": [(lambda x: np.empty_like(x).shape, A), (lambda x: np.empty_like(x, shape=5).shape, A)],
    "flatnonzero": [(lambda x: np.flatnonzero(x > 0), A)],
    "fliplr": [(np.fliplr, A)],
    "flipud": [(np.flipud, A)],
    "full_like": [(lambda x: np.full_like(x, 3), A), (lambda x: np.full_like(x, 3, shape=(2, 2)), A)],
    "hsplit": [(lambda x: np.hsplit(x, 2), A), (lambda x: np.hsplit(x, 2), V)],
    "hstack": [(lambda x, y: np.hstack([x, y]), V, W), (lambda x, y: np.hstack([x, y]), A, B)],
    "inner": [(np.inner, V, W), (np.inner, A, B), (np.inner, V[0], W)],
    "iscomplexobj": [(np.iscomplexobj, A), (np.iscomplexobj, C)],
    "isclose": [
        (np.isclose, V, V), (lambda x: np.isclose(x, 0.5, atol=0.6), V), (lambda x: np.isclose(1, x, rtol=0.5), P),
        (lambda x: np.isclose(x, [1.0] * 6, rtol=0.5), P),
    ],
    "isrealobj": [(np.isrealobj, A), (np.isrealobj, C)],
    "linalg.multi_dot": [(lambda x, y, z: np.linalg.multi_dot([x, y, z]), S, A, A.T)],
    "linalg.norm": [
        (np.linalg.norm, V), (np.linalg.norm, A), (lambda x: np.linalg.norm(x, 1), A),
        (lambda x: np.linalg.norm(x, 3, axis=1), A), (lambda x: np.linalg.norm(x, "nuc"), A),
        (lambda x: np.linalg.norm(x, np.inf, axis=(0, 2), keepdims=True), T), (lambda x: np.linalg.norm(x, 2), S),
    ],
    "linalg.svd": [
        (lambda x: np.linalg.svd(x, compute_uv=False), A),
        (lambda x: np.abs(np.linalg.svd(x, full_matrices=False)[0]), A),
    ],
    "mean": [(np.mean, A), (lambda x: np.mean(x, 0), A), (lambda x: np.mean(x, axis=(0, 1), keepdims=True), A)],
    "median": [(np.median, A), (lambda x: np.median(x, axis=0), A), (lambda x: np.median(x, 1, keepdims=True), NAN)],
    "nan_to_num": [(np.nan_to_num, NAN), (lambda x: np.nan_to_num(x / 0, posinf=5, neginf=-7), A)],
    "nanmax": [(np.nanmax, NAN), (lambda x: np.nanmax(x, axis=0), NAN)],
    "nanmean": [(np.nanmean, NAN), (lambda x: np.nanmean(x, axis=1), NAN)],
    "nanmedian": [(np.nanmedian, NAN), (lambda x: np.nanmedian(x, axis=1), NAN)],
    "nanmin": [(np.nanmin, NAN), (lambda x: np.nanmin(x, axis=0), NAN)],
    "nanpercentile": [(lambda x: np.nanpercentile(x, [25, 75], axis=1), NAN)],
    "nanprod": [(np.nanprod, NAN), (lambda x: np.nanprod(x, axis=0), NAN)],
    "nanquantile": [(lambda x: np.nanquantile(x, 0.3), NAN), (lambda x: np.nanquantile(x, [0.1, 1], axis=1), NAN)],
    "nanstd": [(np.nanstd, NAN), (lambda x: np.nanstd(x, axis=1, ddof=1), NAN[:, :3])],
    "nansum": [(np.nansum, NAN), (lambda x: np.nansum(x, axis=0, keepdims=True), NAN)],
    "nanvar": [(np.nanvar, NAN), (lambda x: np.nanvar(x, axis=1), NAN), (np.nanvar, C)],
    "ndim": [(np.ndim, A)],
    "ones_like": [(np.ones_like, A), (lambda x: np.ones_like(x, shape=(2,)), A)],
    "outer": [(np.outer, V, W), (np.outer, A, W)],
    "percentile": [(lambda x: np.percentile(x, 40), A), (lambda x: np.percentile(x, [0, 50, 100], axis=0), A)],
    "polyval": [(np.polyval, V[:3], W)],
    "ptp": [(np.ptp, A), (lambda x: np.ptp(x, axis=0, keepdims=True), A)],
    "put_along_axis": [(lambda x, v: put(x, np.array([[1, 2], [0, 3], [3, 1]]), v, 1), A, B[:, :2])],
    "quantile": [
        (lambda x: np.quantile(x, 0.4), A), (lambda x: np.quantile(x, [0.1, 0.5], axis=1, keepdims=True), A),
        (lambda x: np.quantile(x, 0.5, axis=0), NAN),
    ],
    "ravel": [(np.ravel, A)],
    "repeat": [(lambda x: np.repeat(x, 2), A), (lambda x: np.repeat(x, 2, axis=1), A)],
    "result_type": [(lambda x: np.result_type(x, np.float32) == np.float64, A)],
    "rollaxis": [
        (lambda x: np.rollaxis(x, 2), T), (lambda x: np.rollaxis(x, 0, 3), T), (lambda x: np.rollaxis(x, 1, 0), T),
    ],
    "round": [(lambda x: np.round(x, 2), A)],
    "searchsorted": [
        (np.searchsorted, np.sort(V), W), (lambda x, y: np.searchsorted(x, y, side="right"), np.sort(V), W),
    ],
    "select": [
        (lambda x, y: np.select([x > 1, x > 0], [x, y * 2], 7.0), A, B), (lambda x: np.select([x > 0], [x]), V),
        (lambda x: np.select([x > 1, x > 0], [W, 1.0], x), V),
    ],
    "shape": [(np.shape, A)],
    "size": [(np.size, A), (lambda x: np.size(x, 1), A)],
    "sort": [(np.sort, A), (lambda x: np.sort(x, axis=None), A), (lambda x: np.sort(x, 0, "stable"), A)],
    "split": [(lambda x: np.split(x, 2, axis=1), A), (lambda x: np.split(x, [1, 2]), A)],
    "squeeze": [(lambda x: np.squeeze(x[None]), A), (lambda x: np.squeeze(x[None], 0), A)],
    "std": [(np.std, A), (lambda x: np.std(x, 0, ddof=1), A)],
    "stack": [(lambda x, y: np.stack([x, y], axis=1), A, B), (lambda x: np.stack([x, B]), A)],
    "swapaxes": [(lambda x: np.swapaxes(x, 0, 2), T)],
    "take": [
        (lambda x: np.take(x, [5, 0, -1]), A), (lambda x: np.take(x, [0, 2], axis=1), A),
        (lambda x: np.take(x, 1, 0), A),
    ],
    "tile": [(lambda x: np.tile(x, 2), A), (lambda x: np.tile(x, (2, 1, 3)), A)],
    "trace": [(np.trace, S), (lambda x: np.trace(x, 1, 1, 2), T)],
    "transpose": [(np.transpose, T), (lambda x: np.transpose(x, (1, 0, 2)), T), (lambda x: np.transpose(a=x), A)],
    "trapezoid": [
        (np.trapezoid, V), (lambda y, x: np.trapezoid(y, x), V, W), (lambda y: np.trapezoid(y, dx=0.5, axis=0), A),
        (lambda y, x: np.trapezoid(y, x, axis=0), A, B),
    ],
    "unique": [
        (np.unique, N), (lambda x: np.unique(x, True, True, True), N), (lambda x: np.unique(x, return_counts=True), N),
    ],
    "var": [(np.var, A), (lambda x: np.var(x, axis=1, ddof=1, keepdims=True), A)],
    "vdot": [(np.vdot, V, W), (np.vdot, C, C)],
    "vsplit": [(lambda x: np.vsplit(x, 3), A)],
    "vstack": [(lambda x, y: np.vstack([x, y]), V, W), (lambda x, y: np.vstack((x, y)), A, B)],
    "zeros_like": [(np.zeros_like, A), (lambda x: np.zeros_like(x, shape=(1, 1), dtype=np.int64), A)],
}  # fmt: skip
UFUNCS = {
    "cbrt": [(np.cbrt, V)], "exp2": [(np.exp2, V)],
    "divmod": [(np.divmod, V, P)], "fmax": [(np.fmax, A, B), (np.fmax, NAN, B)], "fmin": [(np.fmin, B, NAN)],
    "fmod": [(np.fmod, V, W)], "logaddexp2": [(np.logaddexp2, V, W)], "matvec": [(np.matvec, T, W[:4])],
    "modf": [(np.modf, V)],
    "vecmat": [(np.vecmat, V[:3], A), (np.vecmat, C[:3], A + 1j * B)],
}  # fmt: skip
METHODS = {
    "reduce": [
        (np.add.reduce, A), (lambda x: np.add.reduce(x, axis=1, keepdims=True), A), (np.multiply.reduce, A),
        (lambda x: np.maximum.reduce(x, axis=None), A), (np.minimum.reduce, A),
        (lambda x: np.logical_and.reduce(x > 0), A), (lambda x: np.logical_or.reduce(x > 0, 1), A),
    ],
    "accumulate": [(np.add.accumulate, A), (lambda x: np.multiply.accumulate(x, axis=1), A)],
    "outer": [(np.add.outer, A, V), (np.multiply.outer, V, W), (np.subtract.outer, V[0], W)],
}  # fmt: skip
BY_NAME = {
    "of the namespace": [
        (np.deg2rad, V), (np.degrees, V), (np.rad2deg, V), (np.radians, V), (np.heaviside, V, W), (np.kron, S, A),
        (np.gradient, V), (lambda x: np.gradient(x, 0.5, axis=1), A), (np.bincount, N), (np.sinc, V),
        (lambda x: np.pad(x, 1), A), (lambda x: np.pad(x, ((1, 0), (0, 2)), "edge"), A),
        (lambda x: np.roots(x).real.sum(), V[:4]), (np.exp, A),
        (np.arctan2, V, W), (np.power, P, W), (np.sum, A), (lambda x: np.sum(x, 0), A), (np.matmul, S, A),
        (lambda x: np.clip(x, -0.5, 0.5), A), (lambda x: np.clip(x, a_min=0, a_max=None), A), (np.linalg.inv, S),
        (np.linalg.solve, S, A), (np.linalg.det, S), (lambda x: np.where(x > 0, x, 0.0), A), (np.hypot, V, W),
        (lambda x: np.max(x, axis=0), A), (lambda x: np.reshape(x, (2, -1)), A),
        (np.tensordot, T, T.transpose(1, 2, 0)),
        (np.tril, S),
        (lambda x: np.fft.fft(x).real, V), (lambda x: np.moveaxis(x, 0, 2), T), (lambda x: np.expand_dims(x, 1), A),
        (lambda x: np.flip(x, 0), A), (lambda x: np.roll(x, 2), A), (np.prod, A), (np.real, C), (np.imag, C),
        (lambda x: np.broadcast_to(x, (2, 3, 4)), A), (lambda x: np.count_nonzero(x > 0, axis=0), A),
        (lambda x: np.linalg.eigvalsh(x @ x.T), A), (lambda x: np.argmax(x, axis=1), A),
    ],
}  # fmt: skip
CASES = [
    pytest.param(example, id=f"{name}-{i}")
    for table in (EXAMPLES, UFUNCS, METHODS, BY_NAME)
    for name, examples in table.items()
    for i, example in enumerate(examples)
]


def flat(out):
    if isinstance(out, tuple | list) and not all(isinstance(x, int) for x in out):
        return [y for x in out for y in flat(x)]
    return [out]


def values(out):
    return [x.detach().numpy() if isinstance(x, ga.Tensor) else np.asarray(x) for x in flat(out)]


def test_every_name_has_an_example():
    assert set(EXAMPLES) == set(numpy_names.OWN)
    assert set(UFUNCS) == set(numpy_ufuncs.OWN)


@pytest.mark.parametrize("example", CASES)
def test_the_values_are_numpy_s(example):
    function, *arrays = example
    xs = [ga.asarray(x) for x in arrays]
    found, wanted = values(function(*xs)), values(function(*arrays))
    assert len(found) == len(wanted)
    for x, want in zip(found, wanted, strict=True):
        assert x.shape == want.shape and x.dtype.kind == want.dtype.kind
        np.testing.assert_allclose(x, want, rtol=1e-12, atol=1e-12)
    for x, array in zip(xs, arrays, strict=True):
        np.testing.assert_array_equal(x.numpy(), array)


@pytest.mark.parametrize("example", CASES)
def test_the_gradient_is_the_limit_of_differences(example):
    function, *arrays = example
    which = [i for i, x in enumerate(arrays) if x.dtype.kind in "fc"]
    base = values(function(*arrays))
    picked = [k for k, out in enumerate(base) if out.dtype.kind in "fc"]
    if not which or not picked:
        return  # of integers, or truths: nothing has a derivative
    weights = [rng.standard_normal(base[k].shape) for k in picked]
    directions = {i: np.where(np.isnan(arrays[i]), 0, rng.standard_normal(arrays[i].shape)) for i in which}

    def total(t):
        out = values(function(*(x + t * directions[i] if i in which else x for i, x in enumerate(arrays))))
        parts = zip((out[k] for k in picked), weights, strict=True)
        return sum(np.nansum(np.real(o) * w) for o, w in parts)

    xs = [ga.asarray(x).requires_grad_(i in which) for i, x in enumerate(arrays)]
    out = flat(function(*xs))
    loss = ga.asarray(0.0, dtype=ga.float64)
    for k, w in zip(picked, weights, strict=True):
        if isinstance(out[k], ga.Tensor):
            part = ga.real(out[k])
            loss = loss + ga.where(ga.isnan(part), 0.0, part * ga.asarray(w)).sum()
    wanted = (total(1e-6) - total(-1e-6)) / 2e-6
    if not loss.requires_grad:
        assert abs(wanted) < 1e-6, "the derivative is not zero, but the graph was lost"
        return
    loss.backward()
    found = sum(
        float(np.sum(np.real(np.conj(xs[i].grad.numpy()) * directions[i]))) for i in which if xs[i].grad is not None
    )
    assert np.isfinite(found) and abs(found - wanted) <= 1e-5 * max(1, abs(wanted)), (found, wanted)


def test_arrays_beside_tensors_come_along():
    x = ga.asarray(V).requires_grad_()
    for out in (np.dot(W, x), np.hstack([x, W]), np.convolve(W, x), W + x, np.outer(W, x), np.vdot(W, x)):
        assert isinstance(out, ga.Tensor) and out.requires_grad


@pytest.mark.parametrize("join", [np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack])
def test_arrays_beside_tensors_in_a_sequence_come_along(join):
    pytest.importorskip("gradarray_strict")
    x = ga.asarray(V, device="strict:device1").requires_grad_()
    for arrays in ([W, x], (x, W)):
        out = join(arrays)
        assert out.device == x.device and out.requires_grad
        np.testing.assert_array_equal(out.detach().cpu().numpy(), join([V if y is x else y for y in arrays]))
    product = np.linalg.multi_dot([np.diag(W), x[:, None]])
    np.testing.assert_allclose(product.detach().cpu().numpy(), (W * V)[:, None])
    np.testing.assert_array_equal(np.clip(W, x, x + 1).detach().cpu().numpy(), np.clip(W, V, V + 1))


def test_out_is_written_to():
    x = ga.asarray(A)
    y = ga.zeros_like(x)
    assert np.multiply(x, 2, out=y) is y
    np.testing.assert_array_equal(y.numpy(), A * 2)
    host = np.zeros_like(A)
    assert np.multiply(x, 2, out=host) is host
    np.testing.assert_array_equal(host, A * 2)
    assert np.fmod(x, 1.0, out=(host,)) is host


def test_an_array_is_no_place_for_a_tensor_on_the_tape():
    x = ga.asarray(A).requires_grad_()
    with pytest.raises(RuntimeError, match="without leaving the tape"):
        np.copyto(np.zeros_like(A), x)
    with pytest.raises(RuntimeError, match="without leaving the tape"):
        np.put_along_axis(np.zeros_like(A), np.zeros((3, 1), dtype=int), x[:, :1], axis=1)
    with pytest.raises(RuntimeError, match="without leaving the tape"):
        np.exp(x, out=np.zeros_like(A))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.frexp(x), lambda x: np.histogram(x), lambda x: np.unique(x, axis=0),
        lambda x: np.quantile(x, 0.5, method="nearest"), lambda x: np.add.at(x, 0, 1), lambda x: np.exp(x, where=x > 0),
        lambda x: np.sin.reduce(x) if False else np.subtract.accumulate(x), lambda x: np.linalg.lstsq(x, x),
    ],
)  # fmt: skip
def test_what_is_not_covered_raises_and_says_so(call):
    x = ga.asarray(S).requires_grad_()
    with pytest.raises(
        (TypeError, NotImplementedError), match=r"not supported|interpolated linearly|unexpected keyword"
    ):
        call(x)


@pytest.mark.filterwarnings("ignore:Degrees of freedom", "ignore:divide by zero", "ignore:invalid value")
@pytest.mark.parametrize("function", [np.nanvar, np.nanstd, np.cov])
def test_no_variance_of_less_than_no_freedom(function):
    for x in (NAN, np.eye(2)):
        found = function(ga.asarray(x), ddof=5).numpy()
        np.testing.assert_array_equal(np.isfinite(found), np.isfinite(function(x, ddof=5)))


def test_methods_of_numpy_s_arrays():
    x = ga.asarray(A)
    assert x.astype(np.float32).dtype is ga.float32 and x.astype(x.dtype, copy=False) is x
    assert x.copy() is not x and bool((x.copy() == x).all())
    assert x.cumsum(axis=1).shape == (3, 4) and x.transpose().shape == (4, 3)
    assert ga.asarray(T).transpose(2, 0, 1).shape == ga.asarray(T).transpose((2, 0, 1)).shape == (4, 2, 3)
    assert ga.transpose(ga.asarray(T)).shape == (4, 3, 2) and ga.transpose(ga.asarray(T), (1, 0, 2)).shape == (3, 2, 4)
    assert x.view(float).shape == x.shape
    np.testing.assert_allclose(ga.std(x, ddof=1).numpy(), A.std(ddof=1))
    np.testing.assert_array_equal(ga.asarray(C).conjugate().numpy(), C.conj())
    with pytest.raises(TypeError, match="dim must be given"):
        x.cumsum()
    with pytest.raises(TypeError, match="name two"):
        ga.transpose(x, 0)
    with pytest.raises(NotImplementedError, match="converts the values"):
        x.view(ga.int64)
