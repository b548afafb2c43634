"""Calls of every function of the standard, small enough to be read: what NumPy says of them is what must come out.

Each call is a function of a namespace and of arrays; with NumPy's namespace and NumPy's arrays it gives the truth.
Knows the standard. Must not know gradarray, or any backend.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Host = np.ndarray[Any, Any]

X: Host = np.array([[-2.75, 0.5, 1.25, -0.25], [3.5, -1.5, 0.0, 2.0], [0.75, -3.25, 1.5, 2.5]], np.float32)
Y: Host = np.array([[0.5, -2.0, 4.0, 0.25], [-1.0, 3.0, 2.5, -0.5], [1.5, 2.25, -0.75, 1.0]], np.float32)
UNIT: Host = (X / 4).astype(np.float32)
MORE: Host = (abs(X) + 1).astype(np.float32)
ODD: Host = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1.5, -2.5], np.float32)
EVEN: Host = np.array([1.0, np.nan, -np.inf, -0.0, 0.0, -1.5, 2.5], np.float32)
ZERO: Host = np.array([-0.0, 0.0, -0.0, 0.0], np.float32)
WHOLE: Host = np.array([[7, -7, 2, 0], [5, -3, 2, 9], [1, 4, -8, 6]], np.int32)
BY: Host = np.array([[2, 2, -3, 4], [-5, 2, 7, 1], [3, -3, 2, 5]], np.int32)
BITS: Host = np.array([[6, 3, 2, 0], [5, 1, 2, 7], [1, 4, 3, 6]], np.int32)
NARROW: Host = np.array([100, 27, -128, -1], np.int8)
TRUE: Host = np.array([[True, False, True, False], [False, True, True, False], [True, True, False, False]])
COMPLEX: Host = (X[:2] + 1j * Y[:2]).astype(np.complex64)
TURNED: Host = COMPLEX[::-1].copy()
SORTED: Host = np.array([-2.0, 0.0, 0.0, 1.5, 4.0], np.float32)
TIES: Host = np.array([2, 1, 2, 0, 1, 2], np.int32)
AT: Host = np.array([2, 0, 2], np.int32)
SQUARE: Host = np.array([[4.0, 1.0, -0.5], [1.0, 3.0, 0.25], [-0.5, 0.25, 2.0]], np.float32)
SKEW: Host = np.array([[4.0, 1.0, -0.5], [0.0, 3.0, 2.0], [1.0, 0.25, 2.0]], np.float32)


@dataclass(frozen=True)
class Call:
    """One call.

    Attributes
    ----------
    name : str
        The function, as the standard names it.
    case : str
        What is particular about this call.
    run : Callable
        The call, given a namespace and the arrays.
    arrays : tuple of numpy.ndarray
    truth : Callable or None
        What gives the truth from the arrays, where NumPy's namespace has no such function.
    view : bool
        Whether the result may share the memory of an input.
    signed : bool
        Whether the standard says of each zero in the result which sign it has.
    """

    name: str
    case: str
    run: Callable[..., Any]
    arrays: tuple[Host, ...]
    truth: Callable[..., Any] | None = None
    view: bool = False
    signed: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.case}".strip()


CALLS: list[Call] = []
ELEMENTWISE: dict[str, tuple[Host, ...]] = {}
"""Functions of arrays alone, and arrays that they take."""


def call(
    name: str,
    run: Callable[..., Any],
    *arrays: Host,
    truth: Callable[..., Any] | None = None,
    view: bool = False,
    signed: bool = False,
) -> None:
    """Add a call to the table; what stands after the function's name tells the case."""
    name, _, case = name.partition(" ")
    CALLS.append(Call(name, case, run, arrays, truth, view, signed))


def signed(names: str, *arrays: Host) -> None:
    """Functions of these arrays, of which the standard says which sign a zero has."""
    for name in names.split():
        call(f"{name} of zeros", lambda xp, *xs, name=name: getattr(xp, name)(*xs), *arrays, signed=True)


def unary(names: str, *arrays: Host) -> None:
    """Functions of one array."""
    for name in names.split():
        ELEMENTWISE.setdefault(name, arrays[:1])
        for i, array in enumerate(arrays):
            call(
                f"{name} of {array.dtype}" + (f" {i}" if i else ""),
                lambda xp, x, name=name: getattr(xp, name)(x),
                array,
            )


def binary(names: str, *pairs: tuple[Host, Host]) -> None:
    """Functions of two arrays."""
    for name in names.split():
        ELEMENTWISE.setdefault(name, pairs[0])
        for i, pair in enumerate(pairs):
            case = f"{name} of {pair[0].dtype}" + (f" {i}" if i else "")
            call(case, lambda xp, x, y, name=name: getattr(xp, name)(x, y), *pair)


# -- elementwise -------------------------------------------------------------------------------------------------------

unary("abs negative positive square sign", X, WHOLE, ODD)
unary("ceil floor trunc round", X, np.array([0.5, 1.5, -0.5, 2.5, -1.5], np.float32), ODD, WHOLE)
unary("exp expm1 sin cos tan sinh cosh tanh asinh atan signbit isnan isinf isfinite", X, ODD)
unary("log log1p log2 log10 sqrt reciprocal", MORE)
unary("acosh", MORE)
unary("acos asin atanh", UNIT)
unary("conj real imag abs", COMPLEX)
unary("exp sin", COMPLEX)
unary("logical_not", TRUE)
unary("bitwise_invert", WHOLE, TRUE)
binary(
    "add subtract multiply",
    (X, Y),
    (WHOLE, BY),
    (X, Y[0]),
    (NARROW, NARROW.copy()),
    (COMPLEX, TURNED),
    (X[:0], Y[:1]),
)
binary("divide", (X, Y), (COMPLEX, TURNED))
binary("maximum minimum", (X, Y), (WHOLE, BY), (ODD, EVEN))
binary("atan2 hypot copysign nextafter logaddexp", (X, Y))
binary("floor_divide remainder", (X, Y), (WHOLE, BY))
binary("pow", (MORE, Y), (BITS, BITS))
binary(
    "equal not_equal less less_equal greater greater_equal",
    (X, np.round(X)),
    (WHOLE, WHOLE.T.reshape(3, 4)),
    (ODD, EVEN),
)
binary("logical_and logical_or logical_xor", (TRUE, TRUE[::-1].copy()))
binary("bitwise_and bitwise_or bitwise_xor", (WHOLE, BY), (TRUE, TRUE[::-1].copy()))
binary("bitwise_left_shift bitwise_right_shift", (WHOLE, BITS))
signed(
    "negative positive abs ceil floor trunc round sqrt square expm1 sin tan sinh tanh asin asinh atan atanh log1p",
    ZERO,
)
signed("multiply divide copysign atan2", ZERO, np.array([2.0, 2.0, 0.5, -0.5], np.float32))
signed("add subtract", ZERO, np.array([-0.0, 0.0, 0.0, 0.0], np.float32))
call("clip", lambda xp, x: xp.clip(x, -1.0, 2.0), X)
call("clip of nan", lambda xp, x: xp.clip(x, -1.0, 2.0), ODD)
call("clip from below", lambda xp, x: xp.clip(x, -1.0), X, truth=lambda x: np.maximum(x, np.float32(-1)))
call("where", lambda xp, c, x, y: xp.where(c, x, y), TRUE, X, Y)
call("where broadcast", lambda xp, c, x, y: xp.where(c, x, y), TRUE[:, :1], X, Y[0])
call("astype to int32", lambda xp, x: xp.astype(x, xp.int32), X)
call("astype to float32", lambda xp, x: xp.astype(x, xp.float32), WHOLE)
call("astype to bool", lambda xp, x: xp.astype(x, xp.bool), X)
call("astype to the same", lambda xp, x: xp.astype(x, xp.float32), X)

# -- statistical, searching, utility -----------------------------------------------------------------------------------

for _name in ("sum", "prod", "max", "min", "mean", "std", "var"):
    call(_name, lambda xp, x, f=_name: getattr(xp, f)(x), X)
    call(f"{_name} along an axis", lambda xp, x, f=_name: getattr(xp, f)(x, axis=0), X)
    call(f"{_name} along the last axis", lambda xp, x, f=_name: getattr(xp, f)(x, axis=-1), X)
    call(f"{_name} with keepdims", lambda xp, x, f=_name: getattr(xp, f)(x, axis=1, keepdims=True), X)
    call(f"{_name} along two axes", lambda xp, x, f=_name: getattr(xp, f)(x, axis=(0, 1)), X)
    call(f"{_name} with nan", lambda xp, x, f=_name: getattr(xp, f)(x), np.array([1.0, np.nan, 2.0], np.float32))
for _name in ("sum", "prod", "max", "min"):
    call(f"{_name} of int32", lambda xp, x, f=_name: getattr(xp, f)(x, axis=1), WHOLE)
for _name in ("std", "var"):
    call(f"{_name} with correction", lambda xp, x, f=_name: getattr(xp, f)(x, axis=0, correction=1), X)
call("sum of nothing", lambda xp, x: xp.sum(x, axis=0), X[:0])
call("sum of bool", lambda xp, x: xp.sum(x, axis=0), TRUE)
call("prod of nothing", lambda xp, x: xp.prod(x), X[:0])
for _name in ("all", "any"):
    call(_name, lambda xp, x, f=_name: getattr(xp, f)(x), TRUE)
    call(f"{_name} along an axis", lambda xp, x, f=_name: getattr(xp, f)(x, axis=1), TRUE)
    call(f"{_name} with keepdims", lambda xp, x, f=_name: getattr(xp, f)(x, axis=0, keepdims=True), TRUE)
    call(f"{_name} of nothing", lambda xp, x, f=_name: getattr(xp, f)(x), TRUE[:0])
for _name in ("argmax", "argmin"):
    call(_name, lambda xp, x, f=_name: getattr(xp, f)(x), X)
    call(f"{_name} along an axis", lambda xp, x, f=_name: getattr(xp, f)(x, axis=0), X)
    call(f"{_name} along the last axis", lambda xp, x, f=_name: getattr(xp, f)(x, axis=-1), X)
    call(f"{_name} with keepdims", lambda xp, x, f=_name: getattr(xp, f)(x, axis=1, keepdims=True), X)
    call(f"{_name} of ties", lambda xp, x, f=_name: getattr(xp, f)(x), TIES)
for _name in ("cumulative_sum", "cumulative_prod"):
    call(_name, lambda xp, x, f=_name: getattr(xp, f)(x), SORTED)
    call(f"{_name} along an axis", lambda xp, x, f=_name: getattr(xp, f)(x, axis=0), X)
    call(f"{_name} from the start", lambda xp, x, f=_name: getattr(xp, f)(x, axis=1, include_initial=True), X)
call("count_nonzero", lambda xp, x: xp.count_nonzero(x), X)
call("count_nonzero along an axis", lambda xp, x: xp.count_nonzero(x, axis=0), WHOLE)
call("nonzero", lambda xp, x: xp.nonzero(x), X)
call("diff", lambda xp, x: xp.diff(x, axis=1), X)
call("diff twice", lambda xp, x: xp.diff(x, axis=0, n=2), X)
call(
    "searchsorted from the left", lambda xp, x, v: xp.searchsorted(x, v), SORTED, np.array([0.0, 9.0, -3.0], np.float32)
)
call("searchsorted from the right", lambda xp, x, v: xp.searchsorted(x, v, side="right"), SORTED, SORTED.copy())
call("isin", lambda xp, x, y: xp.isin(x, y), WHOLE, AT)

# -- sorting, sets -----------------------------------------------------------------------------------------------------

call("sort", lambda xp, x: xp.sort(x), X)
call("sort along an axis", lambda xp, x: xp.sort(x, axis=0), X)
call("sort descending", lambda xp, x: xp.sort(x, descending=True), X, truth=lambda x: -np.sort(-x))
call("argsort", lambda xp, x: xp.argsort(x, axis=0), X)
call("argsort of ties", lambda xp, x: xp.argsort(x, stable=True), TIES)
call(
    "argsort descending",
    lambda xp, x: xp.argsort(x, descending=True),
    TIES,
    truth=lambda x: np.argsort(-x, stable=True),
)
call("unique_values", lambda xp, x: xp.unique_values(x), TIES)
call("unique_counts", lambda xp, x: xp.unique_counts(x).counts, TIES)
call("unique_inverse", lambda xp, x: xp.unique_inverse(x).inverse_indices, TIES)
call("unique_all", lambda xp, x: xp.unique_all(x).counts, TIES)

# -- manipulation ------------------------------------------------------------------------------------------------------

call("reshape", lambda xp, x: xp.reshape(x, (2, -1)), X, view=True)
call("reshape of a transpose", lambda xp, x: xp.reshape(xp.permute_dims(x, (1, 0)), (2, 6)), X, view=True)
call("permute_dims", lambda xp, x: xp.permute_dims(x, (2, 0, 1)), X.reshape(3, 2, 2), view=True)
call("matrix_transpose", lambda xp, x: xp.matrix_transpose(x), X, view=True)
call("moveaxis", lambda xp, x: xp.moveaxis(x, 0, -1), X.reshape(3, 2, 2), view=True)
call("expand_dims", lambda xp, x: xp.expand_dims(x, axis=-1), X, view=True)
call("squeeze", lambda xp, x: xp.squeeze(x, axis=1), X[:, None], view=True)
call("broadcast_to", lambda xp, x: xp.broadcast_to(x, (2, 3, 4)), X, view=True)
call("broadcast_arrays", lambda xp, x, y: xp.broadcast_arrays(x, y), X, Y[:, :1].copy(), view=True)
call("unstack", lambda xp, x: xp.unstack(x, axis=1), X, view=True)
call("concat", lambda xp, x, y: xp.concat([x, y], axis=1), X, Y)
call("concat of one", lambda xp, x: xp.concat([x]), X)
call("concat of all elements", lambda xp, x, y: xp.concat([x, y], axis=None), X, Y)
call("stack", lambda xp, x, y: xp.stack([x, y], axis=-1), X, Y)
call("flip", lambda xp, x: xp.flip(x, axis=1), X)
call("flip of everything", lambda xp, x: xp.flip(x), X)
call("roll", lambda xp, x: xp.roll(x, 1, axis=0), X)
call("roll of all elements", lambda xp, x: xp.roll(x, -2), X)
call("repeat", lambda xp, x: xp.repeat(x, 2, axis=1), X)
call("tile", lambda xp, x: xp.tile(x, (2, 1)), X)
call("tril", lambda xp, x: xp.tril(x, k=1), X)
call("triu", lambda xp, x: xp.triu(x, k=-1), X)
call("meshgrid", lambda xp, x, y: xp.meshgrid(x, y, indexing="ij"), X[0].copy(), Y[1, :3].copy(), view=True)
call("take", lambda xp, x, at: xp.take(x, at, axis=1), X, AT)
call("take_along_axis", lambda xp, x, at: xp.take_along_axis(x, at, axis=1), X, BITS[:, :2] % 4)

# -- creation ----------------------------------------------------------------------------------------------------------

call("arange", lambda xp: xp.arange(2, 9, 3))
call("arange of float32", lambda xp: xp.arange(0.0, 1.0, 0.25, dtype=xp.float32))
call("linspace", lambda xp: xp.linspace(-1.0, 2.0, 5, dtype=xp.float32))
call("linspace without the end", lambda xp: xp.linspace(0.0, 2.0, 4, endpoint=False, dtype=xp.float32))
call("eye", lambda xp: xp.eye(3, 4, k=1, dtype=xp.float32))
call("zeros", lambda xp: xp.zeros((2, 3), dtype=xp.float32))
call("ones", lambda xp: xp.ones((2, 3), dtype=xp.int32))
call("full", lambda xp: xp.full((2, 3), 7, dtype=xp.float32))
call("zeros_like", lambda xp, x: xp.zeros_like(x), X)
call("ones_like", lambda xp, x: xp.ones_like(x, dtype=xp.int32), X)
call("full_like", lambda xp, x: xp.full_like(x, 1.5), X)
call("asarray", lambda xp: xp.asarray([[1.0, 2.0], [3.0, 4.0]], dtype=xp.float32))

# -- products and linear algebra ---------------------------------------------------------------------------------------

call("matmul", lambda xp, x, y: xp.matmul(x, y), X, Y.T.copy())
call("matmul of thirds and sevenths", lambda xp, x, y: xp.matmul(x, y), X / 3, Y.T / 7)  # all bits of float32
call("matmul of a batch", lambda xp, x, y: xp.matmul(x, y), X.reshape(3, 2, 2), Y.reshape(3, 2, 2))
call("matmul with a vector", lambda xp, x, y: xp.matmul(x, y), X, Y[0].copy())
call("matmul of int32", lambda xp, x, y: xp.matmul(x, y), WHOLE, BY.T.copy())
call("tensordot", lambda xp, x, y: xp.tensordot(x, y, axes=([0], [0])), X, Y)
call("vecdot", lambda xp, x, y: xp.vecdot(x, y, axis=-1), X, Y)
call("vecdot of complex64", lambda xp, x, y: xp.vecdot(x, y), COMPLEX, TURNED)
call("linalg.outer", lambda xp, x, y: xp.linalg.outer(x, y), X[0].copy(), Y[1].copy())
call("linalg.cross", lambda xp, x, y: xp.linalg.cross(x, y), X[:, :3].copy(), Y[:, :3].copy())
call("linalg.diagonal", lambda xp, x: xp.linalg.diagonal(x, offset=1), X, view=True)
call("linalg.trace", lambda xp, x: xp.linalg.trace(x, offset=-1), X)
call("linalg.vector_norm", lambda xp, x: xp.linalg.vector_norm(x, axis=1), X)
call("linalg.matrix_norm", lambda xp, x: xp.linalg.matrix_norm(x), X)
call("linalg.matrix_power", lambda xp, x: xp.linalg.matrix_power(x, 3), SQUARE)
call("linalg.matrix_rank", lambda xp, x: xp.linalg.matrix_rank(x), SQUARE)
call("linalg.det", lambda xp, x: xp.linalg.det(x), SKEW)
call("linalg.slogdet", lambda xp, x: tuple(xp.linalg.slogdet(x)), SKEW)
call("linalg.inv", lambda xp, x: xp.linalg.inv(x), SKEW)
call("linalg.solve", lambda xp, x, y: xp.linalg.solve(x, y), SKEW, X)
call("linalg.pinv", lambda xp, x: xp.linalg.pinv(x), X)
call("linalg.cholesky", lambda xp, x: xp.linalg.cholesky(x), SQUARE)
call("linalg.cholesky upper", lambda xp, x: xp.linalg.cholesky(x, upper=True), SQUARE)
call("linalg.qr", lambda xp, x: xp.matmul(*xp.linalg.qr(x)), X)
call("linalg.svd", lambda xp, x: xp.linalg.svd(x, full_matrices=False)[1], X)
call("linalg.svdvals", lambda xp, x: xp.linalg.svdvals(x), X)
call("linalg.eigvalsh", lambda xp, x: xp.linalg.eigvalsh(x), SQUARE)
call("linalg.eigh", lambda xp, x: xp.abs(xp.linalg.eigh(x)[1]), SQUARE)

# -- Fourier -----------------------------------------------------------------------------------------------------------

for _name in ("fft", "ifft", "hfft"):
    call(f"fft.{_name}", lambda xp, x, f=_name: getattr(xp.fft, f)(x), COMPLEX)
    call(f"fft.{_name} of a length", lambda xp, x, f=_name: getattr(xp.fft, f)(x, n=6, norm="ortho"), COMPLEX)
for _name in ("rfft", "ihfft"):
    call(f"fft.{_name}", lambda xp, x, f=_name: getattr(xp.fft, f)(x), X)
call("fft.irfft", lambda xp, x: xp.fft.irfft(x, n=5), COMPLEX)
for _name in ("fftn", "ifftn"):
    call(f"fft.{_name}", lambda xp, x, f=_name: getattr(xp.fft, f)(x, axes=(0, 1)), COMPLEX)
call("fft.rfftn", lambda xp, x: xp.fft.rfftn(x, axes=(0, 1)), X)
call("fft.irfftn", lambda xp, x: xp.fft.irfftn(x, axes=(0, 1), s=(2, 6)), COMPLEX)
call("fft.fftfreq", lambda xp: xp.astype(xp.fft.fftfreq(5, d=0.5), xp.float32))
call("fft.rfftfreq", lambda xp: xp.astype(xp.fft.rfftfreq(5, d=0.5), xp.float32))
call("fft.fftshift", lambda xp, x: xp.fft.fftshift(x), X)
call("fft.ifftshift", lambda xp, x: xp.fft.ifftshift(x, axes=1), X)
