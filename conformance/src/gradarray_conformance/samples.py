"""Samples of every operation: inputs, parameters, and what NumPy says comes out.

A sample is an operation's name, its arrays (NumPy's, in the longest dtypes, or Python numbers) and its parameters;
beside each name stands its forward in NumPy, written independently of gradarray. The inputs come from the operation's
``domain``, and lie off kinks and ties: those have a table of their own in ``special_cases``.

Knows NumPy and what is public of gradarray. Must not know pytest, nor which device runs here.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

import gradarray as ga
from gradarray import backends
from gradarray.testing import Operation, Placeholder, operations
from gradarray_conformance import samples_linalg, samples_nn, samples_special
from gradarray_conformance.requests import extent

OPERATIONS = operations()
Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Tolerance:
    """Of what is equal but for round-off, and of central differences; both relative to the sizes that enter."""

    exact: float
    difference: float


TOLERANCE = {
    "float32": Tolerance(1e-5, 1e-2),
    "complex64": Tolerance(1e-5, 1e-2),
    "float64": Tolerance(1e-13, 1e-7),
    "complex128": Tolerance(1e-13, 1e-7),
}
STEP = 1e-5  # of central differences in float64


@dataclass(frozen=True, eq=False)
class Sample:
    """One call of an operation."""

    name: str
    arrays: tuple[Any, ...]
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def operation(self) -> Operation:
        return OPERATIONS[self.name]

    @property
    def active(self) -> tuple[int, ...]:
        """The inputs that have derivatives: arrays of real or complex numbers."""
        return tuple(i for i, x in enumerate(self.arrays) if isinstance(x, np.ndarray) and x.dtype.kind in "fc")

    @property
    def exact(self) -> bool:
        """Whether all is computed in the longest dtypes, so that differences can tell a derivative."""
        return self.params.get("dtype") is not ga.float32

    @property
    def smooth(self) -> bool:
        """Whether differences can tell a derivative."""
        return self.exact and not samples_linalg.chosen_freely(self.name, self.arrays, self.params)

    def direction(self, i: int, seed: int) -> Array:
        """Where input ``i`` may move to: a Hermitian matrix to such."""
        step = noise(self.arrays[i], seed)
        hermitian = self.operation.domain in ("hermitian", "definite")
        return (step + np.conj(np.swapaxes(step, -1, -2))) / 2 if hermitian else step

    @property
    def round_off(self) -> float:
        """To what its derivatives are equal."""
        return TOLERANCE["float64" if self.exact else "float32"].exact

    def expected(self) -> Any:
        """What comes out, by NumPy."""
        with np.errstate(all="ignore"):
            return FORWARD[self.name](*self.arrays, **self.params)

    @property
    def output(self) -> Array:
        """The same as one array: several outputs stand there end to end."""
        return np.asarray(joined(self.expected(), np.ravel, np.concatenate))

    def __str__(self) -> str:
        shown = (described(x) if isinstance(x, np.ndarray) else repr(x) for x in self.arrays)
        return f"{self.name}({', '.join((*shown, *(f'{k}={v!r}' for k, v in self.params.items())))})"

    def moved(self, steps: Mapping[int, Array], h: float) -> Sample:
        """The sample ``h`` steps further on."""
        arrays = [np.asarray(x + h * steps[i]) if i in steps else x for i, x in enumerate(self.arrays)]
        return Sample(self.name, tuple(arrays), self.params)


def described(x: Array) -> str:
    """An array's dtype and shape, and how it lies in memory where that is not row by row."""
    steps = tuple(step // x.itemsize for step in x.strides)
    return f"{x.dtype}{list(x.shape)}{'' if x.flags.c_contiguous else f' of strides {steps}'}"


@contextmanager
def about(subject: object) -> Iterator[None]:
    """Say in what fails inside which sample it was."""
    try:
        yield
    except Exception as error:
        error.add_note(f"sample: {subject}")
        raise


# -- running -----------------------------------------------------------------------------------------------------------


def host(x: Any) -> Array:
    """A tensor's values in NumPy, copied."""
    return np.array(x.detach().cpu().numpy())


def shape_of(x: Any) -> Shape:
    """A tensor's shape, also where a length is unknown until it is computed."""
    return host(x).shape if any(n != n for n in x.shape) else tuple(x.shape)


def lowered(x: Any) -> Any:
    """A sample's array in 32 bits, 64 for complex numbers."""
    return x.astype({"f": np.float32, "c": np.complex64}[x.dtype.kind]) if _inexact(x) else x


def _inexact(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind in "fc"


def tensors(arrays: Iterable[Any], device: str, active: Iterable[int] = ()) -> list[Any]:
    """The arrays as tensors, leaves where they are ``active``."""
    active = set(active)
    if _in_32_bits(device):
        arrays = [x.astype(np.int32) if isinstance(x, np.ndarray) and x.dtype == np.int64 else x for x in arrays]
    found = [ga.asarray(x, device=device, copy=True) if isinstance(x, np.ndarray) else x for x in arrays]
    return [x.requires_grad_() if i in active else x for i, x in enumerate(found)]


@cache
def _in_32_bits(device: str) -> bool:
    return "int64" not in ga.__array_namespace_info__().dtypes(device=ga.device(device))


def roads(name: str) -> Sequence[Callable[..., Any]]:
    """Every way in which gradarray runs the operation."""
    return OPERATIONS[name].roads


def joined(out: Any, ravel: Callable[[Any], Any], concat: Callable[[list[Any]], Any]) -> Any:
    """An output, or several end to end."""
    if isinstance(out, tuple | list):
        return concat([ravel(x) for x in out])
    return np.asarray(out) if np.isscalar(out) else out


def run(sample: Sample, xs: Iterable[Any], road: Callable[..., Any]) -> Any:
    """What gradarray computes, as one tensor."""
    return joined(road(*xs, **sample.params), lambda x: ga.reshape(x, (-1,)), ga.concat)


def forward(sample: Sample, device: str) -> Array:
    """What gradarray computes, in NumPy."""
    return host(run(sample, tensors(sample.arrays, device), sample.operation))


def jvp(sample: Sample, tangents: Mapping[int, Array], device: str) -> Array:
    """The tangent of the output by forward mode, in NumPy; ``tangents`` by the position of the input."""
    ts = [
        ga.asarray(tangents[i], device=device, copy=True) if i in tangents else None for i in range(len(sample.arrays))
    ]
    with np.errstate(all="ignore"):
        tangent = sample.operation.jvp(tensors(sample.arrays, device), ts, **sample.params)
    if isinstance(tangent, tuple):
        return np.concatenate([host(t).ravel() for t in tangent])
    return host(tangent)


def seed_of(name: str) -> int:
    return zlib.crc32(name.encode())


def noise(like: Array, seed: int) -> Array:
    """Normal numbers of the shape and dtype of ``like``."""
    rng = np.random.default_rng(seed)
    real = rng.standard_normal(like.shape)
    return np.asarray(real + 1j * rng.standard_normal(like.shape) if like.dtype.kind == "c" else real).astype(
        like.dtype
    )


def inner(a: Array, b: Array) -> float:
    """The real inner product, in which gradients of complex numbers are gradients."""
    return float(np.vdot(a, b).real)


# -- drawing -----------------------------------------------------------------------------------------------------------

DOMAINS: dict[str, tuple[float, float]] = {
    "real": (-2.0, 2.0),
    "nonzero": (0.3, 2.0),  # and its negative
    "positive": (0.3, 2.0),
    "unit": (-0.8, 0.8),
    "above one": (1.2, 3.0),
    "probability": (0.1, 0.9),
    **samples_special.DOMAINS,
}


def draw(domain: str, shape: Shape, seed: int, *, cplx: bool = False) -> Array:
    """Numbers from ``domain``; the imaginary parts of complex ones lie between 0.3 and 1, off every branch cut."""
    rng = np.random.default_rng(seed)
    if domain in samples_special.COUNTS:
        low, high = DOMAINS[domain]
        return np.asarray(rng.integers(int(low), int(high) + 1, shape))
    x = rng.uniform(*DOMAINS[domain], shape)
    if domain == "nonzero":
        x = x * rng.choice([-1.0, 1.0], shape)
    return np.asarray(x + 1j * rng.uniform(0.3, 1.0, shape) if cplx else x)


SHAPES: tuple[Shape, ...] = ((), (3,), (2, 3), (0, 2))
PAIRS: tuple[tuple[Shape | None, Shape | None], ...] = (  # None: a Python number
    ((), ()),
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 1), (4, 1, 3)),
    ((), (2, 3)),
    ((0, 3), (3,)),
    ((2, 3), None),
    (None, (3,)),
)

REAL = frozenset(samples_special.NAMES) | frozenset(
    "atan2 binary_cross_entropy ceil chosen clamp clamp_max clamp_min copysign floor floor_divide gelu hypot "
    "log_softmax logaddexp logsumexp max maximum min minimum nextafter relu relu_backward remainder round "
    "sigmoid_backward slope softmax tanh_backward to_complex trunc fft.rfft".split()
)
"""What complex numbers have not: an order, a sign, a whole part; nor special functions here. The others are tried."""

FORWARD: dict[str, Callable[..., Any]] = {}
SAMPLES: dict[str, list[Sample]] = {}
DIFFERENTIABLE: list[str] = []
"""An operation without samples is not here: it fails the test that the table is complete, and no other."""


def op(name: str, forward: Callable[..., Any], samples: Iterable[tuple[tuple[Any, ...], dict[str, Any]]]) -> None:
    """Enter an operation: its forward in NumPy and its samples."""
    assert name not in FORWARD, name
    FORWARD[name] = forward
    SAMPLES[name] = [Sample(name, arrays, params) for arrays, params in samples]
    if name in OPERATIONS and OPERATIONS[name].differentiable:
        DIFFERENTIABLE.append(name)


def kinds(name: str) -> tuple[bool, ...]:
    """Real, and complex where the operation takes that."""
    return (False,) if name in REAL else (False, True)


def _unary(name: str, forward: Callable[..., Any], *params: dict[str, Any], domain: str = "") -> None:
    where = domain or str(OPERATIONS[name].domain)
    op(
        name,
        forward,
        [
            ((draw(where, shape, seed_of(name) + i, cplx=cplx),), given)
            for cplx in kinds(name)
            for i, shape in enumerate(SHAPES)
            for given in params or ({},)
        ],
    )


def _pairs(name: str, domain: str = "") -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    where = domain or str(OPERATIONS[name].domain)
    for i, shapes in enumerate(PAIRS):
        for cplx in itertools.product(kinds(name), repeat=2):
            if None not in shapes or not any(cplx):
                seed = seed_of(name) + 10 * i
                yield (
                    tuple(
                        1.7 if s is None else draw(where, s, seed + j, cplx=c)
                        for j, (s, c) in enumerate(zip(shapes, cplx, strict=True))
                    ),
                    {},
                )


def _binary(name: str, forward: Callable[..., Any], domain: str = "") -> None:
    op(name, forward, _pairs(name, domain))


# -- elementwise -------------------------------------------------------------------------------------------------------

for _name in ("add", "subtract", "multiply", "remainder", "floor_divide", "logaddexp", "hypot"):
    _binary(_name, getattr(np, _name))
for _name in ("maximum", "minimum", "copysign", "nextafter"):
    _binary(_name, getattr(np, _name))
_binary("divide", np.divide)
_binary("atan2", np.arctan2)
for _name, _ufunc in (("strong_multiply", np.multiply), ("clamp_min", np.maximum), ("clamp_max", np.minimum)):
    op(_name, _ufunc, [s for s in _pairs(_name) if isinstance(s[0][0], np.ndarray)])
_products: dict[str, Callable[[Array, Array], Array]] = {
    "chosen": lambda g, p: np.where(p == 0, 0.0, g * p),
    "relu_backward": lambda g, y: np.where(y == 0, 0.0, g),
    "sigmoid_backward": lambda g, y: g * (y * (1 - y)),
    "tanh_backward": lambda g, y: g * (1 - y * y),
}
for _name, _product in _products.items():
    _shapes = [(a, b) for a, b in PAIRS if a is not None and b is not None]
    op(_name, _product, [((draw("real", a, 1), draw("positive", b, 2)), {}) for a, b in _shapes])
_powers: list[tuple[Any, Any]] = [
    *((draw("real", (3,), 1), n) for n in (3.0, -2, 0)),
    *((draw("positive", (3,), 2), n) for n in (0.5, 1j)),
    *((draw("real", (3,), 3, cplx=True), n) for n in (1.7, 0.5 - 1j)),
    *((n, draw("real", (3,), 4)) for n in (2, 0.5 + 1j)),
    (-1.5, draw("real", (3,), 5, cplx=True)),
]
op("pow", np.power, [*_pairs("pow"), *((arrays, {}) for arrays in _powers)])
_powers = [(draw("real", s, i), n) for i, (s, n) in enumerate((((3,), 1), ((2, 3), 2), ((), 3.0), ((0,), 2)))]
_powers.append((draw("positive", (3,), 4), 1.5))
op("pow_number", np.power, [((x.astype(dtype), n), {}) for x, n in _powers for dtype in (np.float64, np.complex128)])
op(
    "overwrite",
    lambda x1, x2: np.broadcast_to(x2, x1.shape),
    [
        ((draw("real", a, 1, cplx=cplx), draw("real", b, 2, cplx=cplx)), {})
        for a, b in (((2, 3), (3,)), ((3,), (3,)), ((2, 3), ()), ((), ()), ((2, 0), (1, 1)))
        for cplx in (False, True)
    ],
)
for _name in "negative positive square reciprocal sqrt exp expm1 log log1p log2 log10".split():
    _unary(_name, getattr(np, _name))
for _name in "sin cos tan sinh cosh tanh".split():
    _unary(_name, getattr(np, _name))
for _name in "asin acos atan asinh acosh atanh".split():
    _unary(_name, getattr(np, _name.replace("a", "arc", 1)))
for _name in "abs sign conj floor ceil round trunc".split():
    _unary(_name, getattr(np, _name))
_unary("rsqrt", lambda x: 1 / np.sqrt(x))
_unary("sigmoid", lambda x: 1 / (1 + np.exp(-x)))
_unary("relu", lambda x: np.where(x > 0, x, 0.0))
_unary(
    "clamp",
    np.clip,
    *({"min": a, "max": b} for a, b in ((-1, 1), (0.5, None), (None, 0))),
)
for _name in ("real", "imag"):
    op(_name, getattr(np, _name), [((draw("real", s, i, cplx=True),), {}) for i, s in enumerate(SHAPES)])
_unary("to_complex", lambda x: x.astype(np.complex128))

# -- truth and bits ----------------------------------------------------------------------------------------------------

for _name in "equal not_equal less less_equal greater greater_equal".split():
    _x = np.array([1.0, 2.0, math.nan, -0.0])
    op(_name, getattr(np, _name), [((_x, _x[::-1].copy()), {}), ((_x, np.array([[1.0], [0.0]])), {}), ((_x, 2), {})])
for _name in "logical_and logical_or logical_xor".split():
    op(_name, getattr(np, _name), [((np.array([[True], [False]]), np.array([True, False])), {})])
for _name in "bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift".split():
    op(_name, getattr(np, _name), [((np.array([[12], [7]]), np.array([1, 2, 3])), {}), ((np.array([12, 7]), 2), {})])
op("logical_not", np.logical_not, [((np.array([True, False]),), {}), ((np.array(True),), {})])
op("bitwise_invert", np.invert, [((np.array([0, 5, -3]),), {}), ((np.array([True, False]),), {})])
for _name in "isfinite isinf isnan signbit".split():
    op(_name, getattr(np, _name), [((np.array([1.0, -math.inf, math.nan, -0.0]),), {}), ((np.array(2.0),), {})])
op("indicator", lambda mask, like: mask.astype(like.dtype), [((np.array([True, False]), np.zeros(2)), {})])
op("zeros_like", np.zeros_like, [((np.ones((2, 3)),), {}), ((np.ones((), complex),), {})])
op("ones_like", np.ones_like, [((np.zeros((2, 3)),), {}), ((np.zeros((), complex),), {})])
op(
    "constant",
    lambda x, values: np.asarray(values, x.dtype),
    [((np.zeros((2, 3)),), {"values": (0.5, 1.5)}), ((np.zeros((), np.float32),), {"values": (0.1,)})],
)
op("full_like", np.full_like, [((np.zeros((2, 3)), 1.5), {}), ((np.zeros(0), 2.0), {})])

# -- indexing ----------------------------------------------------------------------------------------------------------


def _filled(key: tuple[Any, ...], indices: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(indices[k.position] if isinstance(k, Placeholder) else k for k in key)


def _adjoint(g: Array, *indices: Array, key: tuple[Any, ...], shape: Shape) -> Array:
    out = np.zeros(shape, g.dtype)
    np.add.at(out, _filled(key, indices), g)
    return out


_all, _first, _second = slice(None), Placeholder(0), Placeholder(1)
BASIC: tuple[tuple[Shape, tuple[Any, ...]], ...] = (
    ((), (...,)),
    ((), (None, ...)),
    ((4,), (2, ...)),
    ((4,), (slice(1, 3), ...)),
    ((4,), (slice(None, None, -2), ...)),
    ((2, 4), (-1, ...)),
    ((2, 4), (..., slice(None, None, -1))),
    ((2, 4), (None, 1, ..., None, slice(0, 0))),
    ((3, 2, 4), (_all, 0, slice(1, None, 2), ...)),
    ((0, 2), (_all, 1, ...)),
)
ADVANCED: tuple[tuple[Shape, tuple[Any, ...], tuple[Array, ...]], ...] = (
    ((4,), (_first, ...), (np.array([3, 0, 3]),)),
    ((4,), (_first, ...), (np.array([[1, -1], [1, 2]]),)),
    ((4,), (_first, ...), (np.array([], np.int64),)),
    ((4,), (_first, ...), (np.array([True, False, True, True]),)),
    ((2, 4), (_first, ...), (np.array([1, 1]),)),
    ((2, 4), (_all, _first, ...), (np.array([0, 2, 0]),)),
    ((2, 4), (..., _first), (np.array([0, -4]),)),
    ((2, 4), (_first, _second, ...), (np.array([[1], [0]]), np.array([3, 3]))),
    ((2, 2), (_first, ...), (np.array([[True, False], [True, True]]),)),
    ((2, 3, 2), (_all, _first, 1, ...), (np.array([2, 2]),)),
    ((2, 3), (None, _first, slice(1, None), ...), (np.array([0, 1, 0]),)),
)
op(
    "getitem",
    lambda x, key: x[key],
    [((draw("real", shape, i, cplx=c),), {"key": key}) for i, (shape, key) in enumerate(BASIC) for c in (False, True)],
)
op(
    "index",
    lambda x, *indices, key: x[_filled(key, indices)],
    [
        ((draw("real", shape, i, cplx=c), *indices), {"key": key})
        for i, (shape, key, indices) in enumerate(ADVANCED)
        for c in (False, True)
    ],
)
op(
    "index_adjoint",
    _adjoint,
    [
        (
            (draw("real", np.zeros(shape)[_filled(key, indices)].shape, i, cplx=c), *indices),
            {"key": key, "shape": shape},
        )
        for i, (shape, key, indices) in enumerate((*((s, k, ()) for s, k in BASIC), *ADVANCED))
        for c in (False, True)
    ],
)

# -- linear algebra ----------------------------------------------------------------------------------------------------

MATRICES: tuple[tuple[Shape, Shape], ...] = (
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 2)),
    ((2, 3), (3, 4)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((1, 2, 3), (5, 3, 4)),
    ((4, 1, 2, 3), (5, 3, 1)),
    ((3,), (5, 3, 2)),
    ((5, 2, 3), (3,)),
    ((2, 0), (0, 3)),
    ((0,), (0,)),
    ((0, 2), (2, 3)),
)


def turned(x: Array, is_turned: bool) -> Array:
    """``x``, or a copy of it with the last two dimensions exchanged."""
    return np.swapaxes(x, -1, -2).copy() if is_turned else x


op(
    "matmul",
    np.matmul,
    [
        ((draw("real", a, i, cplx=c), draw("real", b, i + 50, cplx=d)), {})
        for i, (a, b) in enumerate(MATRICES)
        for c, d in itertools.product((False, True), repeat=2)
    ],
)
for _name, _turned in (("matmul_nt", (False, True)), ("matmul_tn", (True, False))):
    op(
        _name,
        lambda x1, x2, _turned=_turned: np.matmul(*map(turned, (x1, x2), _turned)),
        [
            (tuple(map(turned, sample.arrays, _turned)), {})
            for sample in SAMPLES["matmul"]
            if all(x.ndim > 1 for x in sample.arrays)
        ],
    )


def _norm(x: Array, *, axis: Any, keepdims: bool, ord: float) -> Any:
    size = np.abs(x)
    if ord in (math.inf, -math.inf):
        return (np.max if ord > 0 else np.min)(size, axis=axis, keepdims=keepdims)
    if ord == 0:
        return np.sum(size != 0, axis=axis, keepdims=keepdims).astype(size.dtype)
    return np.sum(size**ord, axis=axis, keepdims=keepdims) ** (1 / ord)


REDUCED: tuple[tuple[Shape, Any], ...] = (
    ((), None),
    ((3,), None),
    ((3,), 0),
    ((2, 3), None),
    ((2, 3), 1),
    ((2, 3), -2),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 2), (-1, 0)),
    ((2, 1, 3), 1),
    ((0, 3), 1),
)
EMPTY: tuple[tuple[Shape, Any], ...] = (((0,), None), ((0, 3), 0), ((2, 0), (0, 1)))


def reductions(
    name: str, cases: tuple[tuple[Shape, Any], ...], *more: dict[str, Any], complex_too: bool
) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    for i, (shape, axis) in enumerate(cases):
        for keepdims, cplx, extra in itertools.product((False, True), (False, True)[: 1 + complex_too], more or ({},)):
            x = draw("real", shape, seed_of(name) + i, cplx=cplx)
            yield (x,), {"axis": axis, "keepdims": keepdims, **extra}


op(
    "linalg.vector_norm",
    _norm,
    reductions(
        "norm",
        REDUCED,
        *({"ord": p} for p in (2, 1, math.inf, -math.inf, 0, 3, 0.5, 1.5, -1)),
        complex_too=True,
    ),
)

for _name, _reference, _samples in (
    *samples_linalg.ENTRIES,
    *samples_nn.ENTRIES,
    *samples_special.entries(draw, seed_of),
):
    op(_name, _reference, _samples)

# -- manipulation ------------------------------------------------------------------------------------------------------


def _moved(name: str, forward: Callable[..., Any], *cases: tuple[Shape, dict[str, Any]]) -> None:
    op(
        name,
        forward,
        [((draw("real", s, i, cplx=c),), params) for i, (s, params) in enumerate(cases) for c in (False, True)],
    )


RESHAPED = (
    ((2, 3), {"shape": (3, 2)}), ((2, 3), {"shape": (6,)}), ((), {"shape": (1, 1)}), ((1,), {"shape": ()}),
)  # fmt: skip
BROADCAST = (
    ((3,), {"shape": (2, 3)}), ((2, 1), {"shape": (4, 2, 3)}), ((), {"shape": (2, 3)}), ((2, 3), {"shape": (2, 3)}),
    ((1, 3), {"shape": (0, 3)}), ((0, 3), {"shape": (2, 0, 3)}), ((), {"shape": ()}),
)  # fmt: skip
_moved("view", np.reshape, *RESHAPED)
_moved("reshape", np.reshape, *RESHAPED, ((0, 2), {"shape": (4, 0)}))
_moved("broadcast_to", np.broadcast_to, *BROADCAST)
_moved("spread", np.broadcast_to, *BROADCAST, ((3, 1), {"shape": (100, 3, 50)}))
_moved("sum_rows", lambda x: np.sum(x, axis=0), ((3,), {}), ((4, 3), {}), ((2, 3, 4), {}), ((0, 3), {}), ((3, 0), {}))
_moved(
    "permute_dims",
    np.transpose,
    ((2, 3, 4), {"axes": (2, 0, 1)}), ((2, 3, 4), {"axes": (-1, 0, 1)}), ((2, 3), {"axes": (0, 1)}), ((), {"axes": ()}),
    ((0, 2), {"axes": (1, 0)}),
)  # fmt: skip
_moved(
    "transpose",
    np.transpose,
    ((2, 3), {"axes": (1, 0)}),
    ((2, 3, 4), {"axes": (0, 2, 1)}),
    ((3,), {"axes": (0,)}),
    ((0, 2), {"axes": (1, 0)}),
)
_moved("matrix_transpose", lambda x: np.swapaxes(x, -1, -2), ((2, 3), {}), ((4, 2, 3), {}), ((0, 2), {}))
_moved(
    "expand_dims",
    np.expand_dims,
    ((2, 3), {"axis": 0}), ((2, 3), {"axis": 1}), ((2, 3), {"axis": -1}), ((), {"axis": 0}), ((0,), {"axis": 1}),
)  # fmt: skip
_moved(
    "squeeze",
    np.squeeze,
    ((1, 3), {"axis": (0,)}), ((2, 1, 3, 1), {"axis": (1, -1)}), ((1,), {"axis": (0,)}), ((3,), {"axis": ()}),
    ((0, 1), {"axis": (1,)}),
)  # fmt: skip
_moved("clone", np.array, *((s, {}) for s in SHAPES))
_moved(
    "flip",
    np.flip,
    ((3,), {"axis": None}), ((2, 3), {"axis": None}), ((2, 3), {"axis": -1}), ((2, 3, 4), {"axis": (0, 2)}),
    ((), {"axis": None}), ((0, 2), {"axis": 1}),
)  # fmt: skip
_moved(
    "roll",
    np.roll,
    ((5,), {"shift": 2, "axis": None}), ((2, 3), {"shift": -4, "axis": None}), ((2, 3), {"shift": 1, "axis": -1}),
    ((2, 3, 4), {"shift": (1, -2), "axis": (0, 2)}), ((0,), {"shift": 1, "axis": 0}),
)  # fmt: skip
for _name in ("tril", "triu"):
    _moved(
        _name, getattr(np, _name), *(((*s, 3, 4), {"k": k}) for s in ((), (2,)) for k in (0, 1, -2)), ((0, 2), {"k": 0})
    )


def _joined(name: str, *cases: tuple[tuple[Shape, ...], int]) -> None:
    op(
        name,
        lambda *xs, axis: getattr(np, {"concat": "concatenate"}.get(name, name))(xs, axis=axis),
        [
            (tuple(draw("real", s, i + j, cplx=c and j != 1) for j, s in enumerate(shapes)), {"axis": axis})
            for i, (shapes, axis) in enumerate(cases)
            for c in (False, True)
        ],
    )


_joined("concat", (((1,), (2,), (3,)), 0), (((2, 1), (2, 3), (2, 0)), 1), (((2, 3, 1), (2, 4, 1)), -2), (((3,),), 0))
_joined("stack", (((2,), (2,)), 0), (((2, 3), (2, 3), (2, 3)), -1), (((), ()), 0), (((0, 2), (0, 2)), 1))
op(
    "astype",
    lambda x, dtype, source: x.astype(dtype.__numpy_dtype__),
    [
        ((draw("real", s, i, cplx=source.kind == "c"),), {"dtype": dtype, "source": source})
        for i, s in enumerate(SHAPES)
        for source, dtype in (
            *((ga.float64, dtype) for dtype in (ga.float64, ga.float32, ga.complex128, ga.int64)),
            (ga.complex128, ga.complex128),
        )
    ],
)

# -- searching and sorting ---------------------------------------------------------------------------------------------

op(
    "where",
    np.where,
    [
        (
            (
                np.asarray(draw("real", mask, i) > 0),
                *(1.7 if s is None else draw("real", s, i + j, cplx=c) for j, s in enumerate(shapes)),
            ),
            {},
        )
        for i, (mask, *shapes) in enumerate((
            ((3,), (3,), (3,)), ((2, 1), (3,), (2, 3)), ((2, 3), (), (3,)), ((3,), None, (3,)), ((), (2,), None),
            ((0, 1), (3,), (1, 3)),
        ))
        for c in (False, True)
    ],
)  # fmt: skip
for _name in ("argmax", "argmin"):
    op(
        _name,
        getattr(np, _name),
        [
            ((draw("real", s, i),), {"axis": a, "keepdims": k})
            for i, (s, a) in enumerate((((3,), None), ((2, 3), 1), ((2, 3), -2), ((), None), ((2, 3), None)))
            for k in (False, True)
        ],
    )
for _name in ("all", "any", "count_nonzero"):
    op(
        _name,
        getattr(np, _name),
        [
            ((np.asarray(draw("real", s, i) > 0.5),), {"axis": a, "keepdims": k})
            for i, (s, a) in enumerate((*REDUCED, *EMPTY))
            for k in (False, True)
        ],
    )
op(
    "searchsorted",
    np.searchsorted,
    [((np.array([0.0, 1.0, 1.0, 2.0]), np.array([[1.0], [3.0]])), {"side": side}) for side in ("left", "right")],
)
op(
    "nonzero",
    np.nonzero,
    [((np.array([[0, 2], [3, 0]]),), {}), ((np.array([0.0, 1.5]),), {}), ((np.zeros((0, 2)),), {})],
)


def _argsort(x: Array, *, axis: int, descending: bool, stable: bool) -> Array:
    return np.argsort(-x if descending else x, axis=axis, stable=stable)


op(
    "argsort",
    _argsort,
    [
        ((x,), {"axis": axis, "descending": down, "stable": True})
        for x in (draw("real", (2, 5), 1), np.array([[1.0, 0.0, 1.0, 0.0, 1.0]]))
        for axis in (0, -1)
        for down in (False, True)
    ],
)

# -- statistical -------------------------------------------------------------------------------------------------------

for _name in ("sum", "prod"):
    op(_name, getattr(np, _name), reductions(_name, (*REDUCED, *EMPTY), complex_too=True))
op("mean", np.mean, reductions("mean", REDUCED, complex_too=True))
for _name in ("max", "min"):
    op(_name, getattr(np, _name), reductions(_name, REDUCED, complex_too=False))
for _name in ("var", "std"):
    op(
        _name,
        getattr(np, _name),
        [
            (arrays, {**params, "correction": correction})
            for arrays, params in reductions(_name, REDUCED, complex_too=False)
            for correction in (0.0, 1.0, 0.5)
            if arrays[0].ndim and arrays[0].shape != (2, 1, 3)  # of one number: in the table of special values
        ],
    )
SCANNED = (((3,), 0), ((1,), 0), ((2, 5), 1), ((2, 5), -2), ((4, 3, 2), 1), ((0,), 0), ((2, 0, 3), 0), ((2, 0, 3), 1))
_moved("cumulative_sum", np.cumsum, *((s, {"axis": a}) for s, a in SCANNED))
_moved("cumulative_prod", np.cumprod, *((s, {"axis": a}) for s, a in SCANNED))

ONE_DEVICE: dict[str, list[Sample]] = (
    {
        # array-api-strict cannot view no elements in another shape
        "view": [Sample("view", (np.zeros((0, 2)),), {"shape": (4, 0)})],
        # the standard defines these for real numbers only; NumPy takes more
    }
    | {
        name: [
            Sample(name, arrays, {**params, "correction": correction})
            for arrays, params in reductions(name, REDUCED[1:8], complex_too=True)
            for correction in (0.0, 1.0)
            if arrays[0].dtype.kind == "c"
        ]
        for name in ("var", "std")
    }
)
"""Samples that only the CPU takes."""


def samples(name: str, device: str = "cpu") -> list[Sample]:
    """The samples of an operation that ``device`` takes.

    Few of them, or one, where :func:`gradarray_conformance.requests.extent` says so, for devices that compile each
    kernel.
    """
    match extent(device):
        case "one":
            return few(name)[:1]
        case "few":
            return few(name)
    return SAMPLES[name] + (ONE_DEVICE.get(name, []) if device == "cpu" else [])


@cache
def few(name: str) -> list[Sample]:
    """The plainest sample, and as many as show each shape, kind of numbers and parameter that any sample has."""
    found = [min(SAMPLES[name], key=plainness)]
    unseen = set().union(*map(traits, SAMPLES[name])) - traits(found[0])
    while unseen:
        found.append(max(SAMPLES[name], key=lambda sample: len(traits(sample) & unseen)))
        unseen -= traits(found[-1])
    return found


def traits(sample: Sample) -> set[tuple[object, object]]:
    """What a sample shows: of each input its shape and its kind of numbers, and each parameter."""
    found: set[tuple[object, object]] = {(key, repr(value)) for key, value in sample.params.items()}
    for i, x in enumerate(sample.arrays):
        found |= {(i, x.shape), (i, x.dtype.kind)} if isinstance(x, np.ndarray) else {(i, type(x))}
    return found


@cache
def is_lazy(device: str) -> bool:
    """Whether values are computed on ``device`` only when they are asked for."""
    resolved = backends.resolve(device)
    return backends.require(resolved.backend).capabilities_on(resolved).lazy


def beyond_the_standard(sample: Sample) -> bool:
    """Whether only NumPy need take it: what ``ONE_DEVICE`` has, for calls that are drawn."""
    x = sample.arrays[0]
    return (sample.name in ("var", "std") and x.dtype.kind == "c") or (sample.name == "view" and not x.size)


def plainness(sample: Sample) -> tuple[bool, bool, bool]:
    """Least for the plainest sample that shows most: matrices of real numbers, and no Python number."""
    arrays = [x for x in sample.arrays if isinstance(x, np.ndarray)]
    numbers = len(arrays) < len(sample.arrays)
    return (any(x.dtype.kind == "c" for x in arrays), numbers, any(x.ndim != 2 or not x.size for x in arrays))
