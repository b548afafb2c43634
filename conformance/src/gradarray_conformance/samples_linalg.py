"""Samples of linear algebra and Fourier transforms for ``samples.py``: names, forwards in NumPy, inputs, parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Calls = list[tuple[tuple[Array, ...], dict[str, Any]]]

ENTRIES: list[tuple[str, Callable[..., Any], Calls]] = []


def drawn(shape: Shape, seed: int, *, cplx: bool) -> Array:
    """Numbers between -1 and 1."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, shape)
    return x + 1j * rng.uniform(-1.0, 1.0, shape) if cplx else x


def matrix(shape: Shape, seed: int, *, cplx: bool) -> Array:
    """Far from singular."""
    return drawn(shape, seed, cplx=cplx) + np.diag(np.arange(shape[-1]) + 2.0)


def separated(shape: Shape, seed: int, *, cplx: bool) -> Array:
    """Of singular values 1, 2, 3, …"""
    u, s, vh = np.linalg.svd(drawn(shape, seed, cplx=cplx), full_matrices=False)
    return np.asarray((u * np.arange(s.shape[-1], 0.0, -1.0)) @ vh)


def hermitian(shape: Shape, seed: int, *, cplx: bool) -> Array:
    x = matrix(shape, seed, cplx=cplx)
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2


def definite(shape: Shape, seed: int, *, cplx: bool) -> Array:
    x = matrix(shape, seed, cplx=cplx)
    return x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(shape[-1])


def calls(draw: Callable[..., Array], shapes: tuple[Shape, ...], *params: dict[str, Any]) -> Iterator[Any]:
    for i, shape in enumerate(shapes):
        for cplx in (False, True):
            for given in params or ({},):
                yield (draw(shape, 7 * i + 1, cplx=cplx),), given


SQUARE: tuple[Shape, ...] = ((1, 1), (2, 2), (4, 4), (2, 3, 3), (0, 0), (2, 0, 0), (0, 2, 2))
OBLONG: tuple[Shape, ...] = (*SQUARE, (4, 2), (2, 4), (1, 3), (2, 3, 2), (3, 0), (0, 3), (0, 3, 2))


def entry(name: str, forward: Callable[..., Any], *found: Any) -> None:
    ENTRIES.append((name, forward, [call for part in found for call in part]))


OFFSETS = tuple({"offset": k} for k in (0, 1, -1, 3, -9))
entry("linalg.diagonal", lambda x, offset: np.diagonal(x, offset, -2, -1), calls(drawn, OBLONG, *OFFSETS))


def _on_diagonal(x: Array, shape: Shape, offset: int) -> Array:
    out = np.zeros(shape, x.dtype)
    i = np.arange(x.shape[-1])
    out[..., i + max(-offset, 0), i + max(offset, 0)] = x
    return out


entry(
    "diagonal_adjoint",
    _on_diagonal,
    *(
        calls(drawn, (shape,), {"shape": target, "offset": k})
        for shape, target, k in (
            ((3,), (3, 3), 0), ((2, 3), (2, 3, 4), 0), ((2,), (3, 4), 2), ((2,), (4, 3), -2), ((2, 0), (2, 3, 3), 5),
        )
    ),
)  # fmt: skip
entry("linalg.inv", np.linalg.inv, calls(matrix, SQUARE))
entry(
    "linalg.solve",
    np.linalg.solve,
    [
        ((matrix((*stack, n, n), n, cplx=c), drawn((*stack, n, k), 5, cplx=d)), {})
        for stack in ((), (2,))
        for n, k in ((3, 2), (1, 1), (2, 0), (0, 2))
        for c in (False, True)
        for d in (False, True)
    ],
)
entry(
    "linalg.pinv",
    lambda x, rtol: np.linalg.pinv(x, rtol=rtol),
    calls(drawn, OBLONG, {"rtol": None}),
    calls(drawn, ((3, 2),), {"rtol": 1e-6}),
)
RANKS = tuple((np.diag([2.0, 1.0, 0.5][:rank] + [0.0] * (3 - rank)), rank) for rank in (0, 1, 2))
SINGULAR: Calls = [
    ((drawn((3, 3), rank, cplx=c) @ x @ drawn((3, 3), rank + 9, cplx=c),), {})
    for x, rank in RANKS
    for c in (False, True)
]
REPEATED: Calls = [((np.eye(3, dtype=dtype),), {}) for dtype in (np.float64, np.complex128)]
entry("linalg.det", np.linalg.det, calls(drawn, SQUARE), SINGULAR, REPEATED)


def _cofactors(x: Array) -> Array:
    n = x.shape[-1]
    out = np.empty_like(x)
    for i in range(n):
        for j in range(n):
            rest = np.delete(np.delete(x, i, -2), j, -1)
            out[..., i, j] = (-1) ** (i + j) * np.linalg.det(rest)
    return out


entry("cofactor", _cofactors, calls(drawn, SQUARE))
entry("linalg.slogdet", lambda x: tuple(np.linalg.slogdet(x)), calls(drawn, SQUARE))
entry("linalg.cholesky", np.linalg.cholesky, calls(definite, SQUARE, {"upper": False}))
UPPER = [((np.array(np.swapaxes(x, -1, -2).conj()),), {"upper": True}) for (x,), _ in calls(definite, SQUARE)]
ENTRIES[-1][2].extend(UPPER)
entry("linalg.qr", lambda x, mode: tuple(np.linalg.qr(x, mode)), calls(drawn, OBLONG, {"mode": "reduced"}))
ENTRIES[-1][2].extend(calls(drawn, ((3, 3), (2, 3)), {"mode": "complete"}))
entry("linalg.eigh", lambda x: tuple(np.linalg.eigh(x)), calls(hermitian, SQUARE))
entry("linalg.eigvalsh", np.linalg.eigvalsh, calls(hermitian, SQUARE))
entry("linalg.eig", lambda x: tuple(part.astype(complex) for part in np.linalg.eig(x)), calls(drawn, SQUARE))
entry("linalg.eigvals", lambda x: np.linalg.eigvals(x).astype(complex), calls(drawn, SQUARE))
entry(
    "linalg.svd",
    lambda x, full_matrices: tuple(np.linalg.svd(x, full_matrices)),
    calls(separated, OBLONG, {"full_matrices": False}, {"full_matrices": True}),
)
entry("linalg.svdvals", lambda x: np.linalg.svd(x, compute_uv=False), calls(separated, OBLONG))


def as_determined(name: str, outputs: tuple[Array, ...]) -> tuple[Array, ...]:
    """Of the outputs what every library must agree on: products of vectors, where each chooses their phases."""
    if name == "linalg.eigh":
        w, v = outputs
        return w, (v * w[..., None, :]) @ _adjoint(v), v @ _adjoint(v)
    if name == "linalg.svd":
        u, s, vh = outputs
        k = s.shape[-1]
        return s, (u[..., :k] * s[..., None, :]) @ vh[..., :k, :], _adjoint(u) @ u, vh @ _adjoint(vh)
    return outputs


def _adjoint(x: Array) -> Array:
    return np.swapaxes(x, -1, -2).conj()


def chosen_freely(name: str, arrays: tuple[Any, ...], params: dict[str, Any]) -> bool:
    """Whether a library chooses vectors among those of any phase, or of any basis, so that differences tell nothing."""
    x = arrays[0]
    if name == "linalg.svd":
        return bool(x.dtype.kind == "c" or (params["full_matrices"] and abs(x.shape[-1] - x.shape[-2]) > 1))
    return bool(name == "linalg.eig" or (name == "linalg.eigh" and x.dtype.kind == "c"))


# -- Fourier transforms ------------------------------------------------------------------------------------------------

NORMS = ("backward", "ortho", "forward")
SIZES: tuple[tuple[Shape, tuple[int, ...], tuple[int, ...]], ...] = (  # shape, axes, lengths
    ((4,), (0,), (4,)),
    ((5,), (0,), (5,)),
    ((4,), (0,), (3,)),
    ((4,), (0,), (7,)),
    ((1,), (0,), (1,)),
    ((2, 3), (0, 1), (2, 3)),
    ((2, 3), (1, 0), (5, 1)),
    ((2, 3, 4), (2, 0), (4, 3)),
    ((0, 4), (1,), (4,)),
)
for _name in ("fftn", "ifftn"):
    entry(
        f"fft.{_name}",
        getattr(np.fft, _name),
        [
            ((drawn(shape, i, cplx=True),), {"s": lengths, "axes": axes, "norm": norm})
            for i, (shape, axes, lengths) in enumerate(SIZES)
            for norm in NORMS
        ],
    )
HALVES: tuple[tuple[Shape, int, int], ...] = (
    ((4,), 0, 4), ((5,), 0, 5), ((1,), 0, 1), ((2,), 0, 2), ((4,), 0, 3), ((4,), 0, 7), ((4,), 0, 8), ((2, 5), 1, 4),
    ((4, 3), 0, 6), ((2, 3, 2), 1, 3), ((0, 4), 1, 4), ((0, 3), 1, 4),
)  # fmt: skip
for _name in ("rfft", "irfft"):
    entry(
        f"fft.{_name}",
        getattr(np.fft, _name),
        [
            ((drawn(shape, i, cplx=_name == "irfft"),), {"n": n, "axis": axis, "norm": norm})
            for i, (shape, axis, n) in enumerate(HALVES)
            for norm in NORMS
        ],
    )
