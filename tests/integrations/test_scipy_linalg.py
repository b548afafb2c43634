"""scipy.linalg on the tape, against scipy.linalg on arrays."""

import numpy as np
import pytest
from scipy import linalg

import gradarray as ga

from .checks import agrees, arrays, host

R = np.random.default_rng(6)
A = R.standard_normal((4, 4)) + 3 * np.eye(4)
Z = A + 1j * R.standard_normal((4, 4))
SPD = A @ A.T + np.eye(4)
HPD = Z @ Z.conj().T + np.eye(4)
BATCH = np.stack([A, A + np.eye(4), A.T])
B = R.standard_normal((4, 2))
TALL, WIDE = R.standard_normal((5, 3)), R.standard_normal((3, 5))


def up_to_phase(w, v):
    """Eigenvalues and projectors: SciPy's drivers choose the phase of an eigenvector as they like."""
    return w, v[:, None, :] * v.conj()[None, :, :]


CASES = {
    "inv": (linalg.inv, A),
    "inv, complex": (linalg.inv, Z),
    "inv, batch": (linalg.inv, BATCH),
    **{
        f"inv, {how}, {lower}": (lambda a, how=how, lower=lower: linalg.inv(a, assume_a=how, lower=lower), SPD)
        for how in ("gen", "sym", "her", "pos", "upper triangular", "lower triangular")
        for lower in (False, True)
    },
    "inv, diagonal": (lambda d: linalg.inv(d[:, None] * (d * 0 + np.eye(4)), assume_a="diagonal"), A[0]),
    "inv, her": (lambda a: linalg.inv(a, assume_a="her"), HPD),
    "det": (linalg.det, A),
    "det, complex": (linalg.det, Z),
    "det, batch": (linalg.det, BATCH),
    "pinv": (linalg.pinv, TALL),
    "pinv, wide": (linalg.pinv, WIDE),
    "pinvh": (linalg.pinvh, SPD),
    "pinvh, upper": (lambda a: linalg.pinvh(a, lower=False), HPD),
    "solve": (linalg.solve, A, B),
    "solve, vector": (linalg.solve, A, B[:, 0]),
    "solve, batch": (linalg.solve, BATCH, B),
    "solve, batch, vector": (linalg.solve, BATCH, B[:, 0]),
    "solve, transposed": (lambda a, b: linalg.solve(a, b, transposed=True), A, B),
    **{
        f"solve, {how}": (lambda a, b, how=how: linalg.solve(a, b, assume_a=how, lower=True), SPD, B)
        for how in ("sym", "hermitian", "positive definite", "tridiagonal")
    },
    **{
        f"solve_triangular, {trans}, {lower}, {unit}": (
            lambda a, b, t=trans, low=lower, u=unit: linalg.solve_triangular(a, b, trans=t, lower=low, unit_diagonal=u),
            Z,
            B + 0j,
        )
        for trans in (0, "T", 2)
        for lower in (False, True)
        for unit in (False, True)
    },
    "cholesky": (linalg.cholesky, SPD),
    "cholesky, lower": (lambda a: linalg.cholesky(a, lower=True), HPD),
    "cho_factor": (lambda a: linalg.cho_factor(a)[0], SPD),
    "cho_factor, lower": (lambda a: linalg.cho_factor(a, lower=True)[0], SPD),
    "cho_solve": (lambda a, b: linalg.cho_solve(linalg.cho_factor(a, lower=True), b), SPD, B),
    "cho_solve, upper": (lambda a, b: linalg.cho_solve(linalg.cho_factor(a), b), HPD, B + 0j),
    "qr": (linalg.qr, A),
    "qr, economic": (lambda a: linalg.qr(a, mode="economic"), TALL),
    "qr, r": (lambda a: linalg.qr(a, mode="r"), TALL),
    "svd": (lambda a: linalg.svd(a, full_matrices=False), TALL),
    "svd, values": (lambda a: linalg.svd(a, compute_uv=False), WIDE),
    "svdvals": (linalg.svdvals, Z),
    "eigh": (lambda a: up_to_phase(*linalg.eigh(a)), SPD),
    "eigh, complex": (lambda a: up_to_phase(*linalg.eigh(a)), HPD),
    "eigh, upper": (lambda a: linalg.eigh(a, lower=False, eigvals_only=True), HPD),
    "eigh, of two": (lambda a, b: up_to_phase(*linalg.eigh(a, b)), SPD, SPD[::-1, ::-1] + np.eye(4)),
    "eigvalsh": (linalg.eigvalsh, HPD),
    "eigvalsh, of two": (lambda a, b: linalg.eigvalsh(a, b, lower=False), SPD, SPD[::-1, ::-1] + np.eye(4)),
    "eigvals": (lambda a: linalg.eigvals(a).sum() ** 2, A),
    **{
        f"norm, {ord}": (lambda a, ord=ord: linalg.norm(a, ord), A)
        for ord in (None, 1, -1, 2, -2, np.inf, "fro", "nuc")
    },
    **{f"norm of a vector, {ord}": (lambda a, ord=ord: linalg.norm(a, ord), A[0]) for ord in (None, 1, 3, np.inf)},
    "norm, axis": (lambda a: linalg.norm(a, axis=0), A),
    "norm, axes": (lambda a: linalg.norm(a, 1, axis=(2, 0), keepdims=True), BATCH),
    "norm, all": (linalg.norm, BATCH),
    "lstsq": (
        lambda a, b: [part for i, part in enumerate(linalg.lstsq(a, b)) if i != 2],
        TALL,
        R.standard_normal((5, 2)),
    ),
    "lstsq, vector": (lambda a, b: linalg.lstsq(a, b)[:2], TALL, R.standard_normal(5)),
    "lstsq, wide": (lambda a, b: linalg.lstsq(a, b)[0], WIDE, R.standard_normal(3)),
    "expm": (linalg.expm, A),
    "expm, small": (linalg.expm, A / 100),
    "expm, complex": (linalg.expm, Z),
    "expm, batch": (linalg.expm, BATCH),
    "sqrtm": (linalg.sqrtm, SPD),
    "sqrtm, not symmetric": (linalg.sqrtm, A + 5 * np.eye(4)),
    "sqrtm, complex": (linalg.sqrtm, Z + 5 * np.eye(4)),
    "sqrtm, of negative": (linalg.sqrtm, A - 9 * np.eye(4)),
    "logm": (linalg.logm, SPD / 4 + np.eye(4)),  # of SPD, SciPy says on some processors that it may be inaccurate
    "logm, not symmetric": (linalg.logm, A + 5 * np.eye(4)),
    "logm, complex": (linalg.logm, Z + 5 * np.eye(4)),
    "logm, equal eigenvalues": (linalg.logm, np.diag([1.0, 1.0, 2.0])),
    "toeplitz": (linalg.toeplitz, A[0]),
    "toeplitz, complex": (linalg.toeplitz, Z[0]),
    "toeplitz, of two": (linalg.toeplitz, A[0], TALL[:, 0]),
    "hankel": (linalg.hankel, A[0]),
    "hankel, of two": (linalg.hankel, A[0], TALL[:, 0]),
    "circulant": (linalg.circulant, A[0]),
    "solve_toeplitz": (linalg.solve_toeplitz, A[0] + [9, 0, 0, 0], B),
    "solve_toeplitz, of two": (lambda c, r, b: linalg.solve_toeplitz((c, r), b), A[0] + [9, 0, 0, 0], A[1], B[:, 0]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_values_and_derivatives(case):
    agrees(*case)


def test_qr_of_a_tall_matrix_in_full_differentiates_through_r():
    agrees(lambda a: linalg.qr(a)[1], TALL)
    agrees(lambda a: linalg.svd(a)[1], TALL)


def test_results_off_the_tape_are_scipys():
    x = ga.tensor(SPD)
    for function in (linalg.inv, linalg.cholesky, linalg.expm):
        assert np.array_equal(host(function(x)), function(SPD))


def test_single_precision_stays():
    x = ga.tensor(SPD, dtype=ga.float32, requires_grad=True)
    for function in (linalg.inv, linalg.cholesky, linalg.expm, linalg.eigh, linalg.qr, linalg.sqrtm):
        assert {part.dtype for part in arrays(function(x))} == {ga.float32}
    assert linalg.det(x).dtype is ga.float64


def test_the_triangle_that_is_not_read_gets_no_gradient():
    x = ga.tensor(SPD, requires_grad=True)
    linalg.cholesky(x, lower=True).sum().backward()
    assert ga.all(ga.triu(x.grad, k=1) == 0)


def test_what_is_not_supported_says_so():
    x = ga.tensor(SPD, requires_grad=True)
    for call, match in (
        (lambda: linalg.qr(x, pivoting=True), "scipy.linalg.qr does not take pivoting"),
        (lambda: linalg.qr(x, mode="raw"), "no mode 'raw'"),
        (lambda: linalg.eigh(x, subset_by_index=(0, 1)), "eigh does not take subset_by_index"),
        (lambda: linalg.eigh(x, x, type=2), "no type 2"),
        (lambda: linalg.pinv(x, atol=0.1), "pinv does not take atol"),
        (lambda: linalg.pinv(x, return_rank=True), "pinv does not take return_rank"),
        (lambda: linalg.solve(x, x, assume_a="banded"), "assume_a='banded'"),
        (lambda: linalg.lstsq(x * 0 + 1, x), "rank 1"),
        (lambda: linalg.sqrtm(ga.tensor([[1.0, 1.0], [0.0, 1.0]], requires_grad=True)), "independent eigenvectors"),
        (lambda: linalg.toeplitz(x), "vectors only"),
    ):
        with pytest.raises(NotImplementedError, match=match):
            call()


def test_errors_are_scipys():
    x = ga.tensor(SPD, requires_grad=True)
    with pytest.raises(ValueError, match="infs or NaNs"):
        linalg.inv(x * ga.nan)
    with pytest.raises(linalg.LinAlgError):
        linalg.inv(x * 0)
    with pytest.raises(ValueError, match="square"):
        linalg.inv(x[:2])
    with pytest.raises(TypeError):
        linalg.inv(x, no=1)
