"""Strategies that draw calls of every operation, for ``strategies.calls``.

Inputs come from the operation's domain; one that must be special (a matrix far from singular) is made so from noise
that is drawn. ``CALLS`` has one strategy an operation; a differentiable operation without one fails a test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradarray import complex128, float64
from gradarray.testing import Placeholder
from gradarray_conformance import samples_linalg, samples_special
from gradarray_conformance.samples import DIFFERENTIABLE, DOMAINS, OPERATIONS, REAL, Sample
from gradarray_conformance.samples_special import COUNTS, domains
from gradarray_conformance.strategies import arrays, shapes

Calls = st.SearchStrategy[Sample]
CALLS: dict[str, Callable[[str], Calls]] = {}
SIDES = st.integers(0, 3)


def complexity(name: str) -> st.SearchStrategy[bool]:
    return st.just(False) if name in REAL else st.booleans()


def noise(draw: Any, shape: tuple[int, ...], cplx: bool) -> Any:
    """Numbers between -1 and 1, of a seed that is drawn: they need not shrink, since no value is special."""
    return samples_linalg.drawn(shape, draw(st.integers(0, 2**16)), cplx=cplx)


def calls_of(*names: str) -> Callable[[Any], Any]:
    def enter(strategy: Any) -> Any:
        CALLS.update(dict.fromkeys(names, strategy))
        return strategy

    return enter


# -- elementwise -------------------------------------------------------------------------------------------------------

PARAMETERS: dict[str, list[dict[str, Any]]] = {
    "clamp": [{"min": -1.0, "max": 1.0}, {"min": 0.5, "max": None}, {"min": None, "max": 0.0}],
    "spherical_jn": [{"n": n} for n in range(4)],
}


@calls_of(*(name for name in DIFFERENTIABLE if OPERATIONS[name].kind == "elementwise"))
@st.composite
def elementwise(draw: Any, name: str) -> Sample:
    if name == "pow_number":
        return Sample(name, (draw(arrays("real", draw(shapes()), draw(st.booleans()))), draw(st.integers(1, 4))))
    inputs = OPERATIONS[name].inputs or 1
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=inputs, min_side=0, max_side=3, max_dims=5))
    shaped = list(found.input_shapes)
    if name == "overwrite":  # the second is broadcast to the first
        shaped[0] = found.result_shape
    xs = tuple(
        draw(hnp.arrays(np.int64, shape, elements=st.integers(*map(int, DOMAINS[domain]))))
        if domain in COUNTS
        else draw(arrays(domain, shape, draw(complexity(name))))
        for domain, shape in zip(domains(name), shaped, strict=True)
    )
    if name in ("pow", "sign", "floor_divide", "remainder") and any(x.dtype.kind == "c" for x in xs):
        assume(all(np.all(x != 0) for x in xs))
    return Sample(name, xs, draw(st.sampled_from(PARAMETERS.get(name, [{}]))))


@calls_of("slope")
@st.composite
def slopes(draw: Any, name: str) -> Sample:
    (of, path), inputs = draw(st.sampled_from(list(samples_special.SLOPES.items())))
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=inputs, min_side=0, max_side=3, max_dims=4))
    xs = tuple(draw(arrays("positive", shape)) for shape in found.input_shapes)
    return Sample(name, xs, {"of": of, "path": path})


@calls_of("strong_multiply", "chosen")
@st.composite
def products(draw: Any, name: str) -> Sample:
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=4))
    return Sample(name, tuple(draw(arrays("real", shape, draw(complexity(name)))) for shape in found.input_shapes))


@calls_of("abs", "sign", "conj", "clone", "to_complex")
@st.composite
def of_one(draw: Any, name: str) -> Sample:
    return Sample(name, (draw(arrays("real", draw(shapes()), draw(complexity(name)))),))


@calls_of("real", "imag")
@st.composite
def of_complex(draw: Any, name: str) -> Sample:
    return Sample(name, (draw(arrays("real", draw(shapes()), True)),))


@calls_of("where")
@st.composite
def choices(draw: Any, name: str) -> Sample:
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=3, min_side=0, max_side=3, max_dims=4))
    mask, *others = found.input_shapes
    cplx = draw(st.booleans())
    return Sample(name, (draw(hnp.arrays(bool, mask)), *(draw(arrays("real", shape, cplx)) for shape in others)))


# -- reductions and scans ----------------------------------------------------------------------------------------------

OF_NONE = ("sum", "prod")  # the reductions that have a value where there is nothing to reduce


@calls_of("sum", "mean", "max", "min", "prod", "var", "std", "linalg.vector_norm", "logsumexp")
@st.composite
def reductions(draw: Any, name: str) -> Sample:
    x = draw(
        arrays(str(OPERATIONS[name].domain), draw(shapes(min_side=0 if name in OF_NONE else 1)), draw(complexity(name)))
    )
    axis = None
    if x.ndim:
        one = st.integers(-x.ndim, x.ndim - 1)
        axis = draw(st.one_of(st.none(), one, st.lists(one, unique_by=lambda a: a % x.ndim).map(tuple)))
    params: dict[str, Any] = {"axis": axis, "keepdims": draw(st.booleans())}
    if name in ("var", "std"):
        params["correction"] = 0.0
    if name == "linalg.vector_norm":
        params["ord"] = draw(st.sampled_from((1, 2, 3, np.inf)))
    return Sample(name, (x,), params)


@calls_of("cumulative_sum", "cumulative_prod", "softmax", "log_softmax")
@st.composite
def scans(draw: Any, name: str) -> Sample:
    x = draw(arrays("real", draw(shapes(1)), draw(complexity(name))))
    return Sample(name, (x,), {"axis": draw(st.integers(-x.ndim, x.ndim - 1))})


# -- shapes ------------------------------------------------------------------------------------------------------------


def drawn_axis(draw: Any, ndim: int) -> int:
    return draw(st.integers(-ndim, ndim - 1))  # type: ignore[no-any-return]


@calls_of("permute_dims", "transpose")
@st.composite
def permutations(draw: Any, name: str) -> Sample:
    x = draw(arrays("real", draw(shapes(2 if name == "transpose" else 0)), draw(st.booleans())))
    return Sample(name, (x,), {"axes": tuple(draw(st.permutations(range(x.ndim))))})


@calls_of("matrix_transpose", "tril", "triu", "linalg.diagonal")
@st.composite
def of_matrices(draw: Any, name: str) -> Sample:
    k = draw(st.integers(-4, 4))
    params = {"tril": {"k": k}, "triu": {"k": k}, "linalg.diagonal": {"offset": k}}.get(name, {})
    return Sample(name, (draw(arrays("real", draw(shapes(2)), draw(st.booleans()))),), params)


@calls_of("diagonal_adjoint")
@st.composite
def diagonals(draw: Any, name: str) -> Sample:
    target, offset = draw(shapes(2)), draw(st.integers(-4, 4))
    length = np.diagonal(np.empty(target), offset, -2, -1).shape[-1]
    x = draw(arrays("real", (*target[:-2], length), draw(st.booleans())))
    return Sample(name, (x,), {"shape": target, "offset": offset})


@calls_of("expand_dims", "squeeze", "flip", "roll")
@st.composite
def along_axes(draw: Any, name: str) -> Sample:
    x = draw(arrays("real", draw(shapes(1)), draw(st.booleans())))
    axis: Any = drawn_axis(draw, x.ndim)
    if name == "expand_dims":
        return Sample(name, (x,), {"axis": draw(st.integers(0, x.ndim))})
    if name == "squeeze":
        return Sample(name, (np.expand_dims(x, axis),), {"axis": (axis,)})
    if name == "flip":
        return Sample(name, (x,), {"axis": draw(st.sampled_from((None, axis, (axis,))))})
    shift = draw(st.integers(-5, 5))
    shift, axis = draw(st.sampled_from(((shift, axis), (shift, None), ((shift, 1), (axis, axis)))))
    return Sample(name, (x,), {"shift": shift, "axis": axis})


@calls_of("view", "reshape")
@st.composite
def reshapings(draw: Any, name: str) -> Sample:
    x = draw(arrays("real", draw(shapes()), draw(st.booleans())))
    parts = [n for n in x.shape if n != 1]
    target = tuple(draw(st.permutations([*parts, *draw(st.sampled_from(((), (1,), (1, 1))))])))
    if name == "view":
        x, target = np.ascontiguousarray(x).reshape(x.shape), (-1 if 0 not in x.shape else 0, *(1,) * (len(target) % 2))
        target = (x.size, *target[1:])
    return Sample(name, (x,), {"shape": target})


@calls_of("broadcast_to", "spread")
@st.composite
def broadcasts(draw: Any, name: str) -> Sample:
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=2, min_side=0, max_side=3, max_dims=4))
    x = draw(arrays("real", found.input_shapes[0], draw(st.booleans())))
    return Sample(name, (x,), {"shape": found.result_shape})


@calls_of("sum_rows")
@st.composite
def rows(draw: Any, name: str) -> Sample:
    return Sample(name, (draw(arrays("real", draw(shapes(1)), draw(st.booleans()))),), {})


@calls_of("concat", "stack")
@st.composite
def joinings(draw: Any, name: str) -> Sample:
    shape, cplx, n = draw(shapes(1)), draw(st.booleans()), draw(st.integers(1, 3))
    axis = drawn_axis(draw, len(shape) + (name == "stack"))
    lengths = [shape] * n
    if name == "concat":
        at = axis % len(shape)
        lengths = [(*shape[:at], draw(SIDES), *shape[at + 1 :]) for _ in range(n)]
    return Sample(name, tuple(draw(arrays("real", s, cplx)) for s in lengths), {"axis": axis})


@calls_of("astype")
@st.composite
def conversions(draw: Any, name: str) -> Sample:
    cplx = draw(st.booleans())
    x = draw(arrays("real", draw(shapes()), cplx))
    source = complex128 if cplx else float64
    target = complex128 if cplx else draw(st.sampled_from((float64, complex128)))
    return Sample(name, (x,), {"dtype": target, "source": source})


@calls_of("windows", "windows_adjoint")
@st.composite
def slidings(draw: Any, name: str) -> Sample:
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5))
    n = draw(st.integers(1, min(len(shape), 2)))
    sizes: list[int] = []
    strides: list[int] = []
    dilations: list[int] = []
    outs = []
    for length in shape[len(shape) - n :]:
        size = draw(st.integers(1, length))
        dilation = draw(st.integers(1, (length - 1) // (size - 1))) if size > 1 else 1
        stride = draw(st.integers(1, 3))
        for found, drawn in ((sizes, size), (strides, stride), (dilations, dilation)):
            found.append(drawn)
        outs.append((length - dilation * (size - 1) - 1) // stride + 1)
    params: dict[str, Any] = {"sizes": tuple(sizes), "strides": tuple(strides), "dilations": tuple(dilations)}
    if name == "windows":
        return Sample(name, (draw(arrays("real", shape, draw(st.booleans()))),), params)
    windows = (*shape[: len(shape) - n], int(np.prod(sizes)), *outs)
    return Sample(name, (noise(draw, windows, draw(st.booleans())),), {"shape": shape, **params})


# -- indexing ----------------------------------------------------------------------------------------------------------


@calls_of("getitem")
@st.composite
def basic_keys(draw: Any, name: str) -> Sample:
    x = draw(arrays("real", draw(shapes(min_side=1)), draw(st.booleans())))
    key = draw(hnp.basic_indices(x.shape, allow_newaxis=True, allow_ellipsis=True))
    key = key if isinstance(key, tuple) else (key,)
    return Sample(name, (x,), {"key": key if any(k is ... for k in key) else (*key, ...)})


@st.composite
def advanced(draw: Any, shape: tuple[int, ...]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """A key of slices, integer arrays that broadcast, or one mask, in its one form; and the arrays."""
    if draw(st.booleans()):
        depth = draw(st.integers(1, len(shape)))
        return (Placeholder(0), ...), (draw(hnp.arrays(bool, shape[:depth])),)
    chosen = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=2, unique=True))
    found = draw(hnp.mutually_broadcastable_shapes(num_shapes=len(chosen), min_side=0, max_side=3, max_dims=2))
    key: list[Any] = [slice(None)] * len(shape)
    indices: list[Any] = []
    for axis, index_shape in zip(sorted(chosen), found.input_shapes, strict=True):
        n = shape[axis]
        key[axis] = Placeholder(len(indices))
        indices.append(draw(hnp.arrays(np.int64, index_shape, elements=st.integers(-n, n - 1))))
    return (*key, ...), tuple(indices)


@calls_of("index")
@st.composite
def keys(draw: Any, name: str) -> Sample:
    x = draw(arrays("real", draw(shapes(1, 3, min_side=1)), draw(st.booleans())))
    key, indices = draw(advanced(x.shape))
    return Sample(name, (x, *indices), {"key": key})


@calls_of("index_adjoint")
@st.composite
def adjoint_keys(draw: Any, name: str) -> Sample:
    shape = draw(shapes(1, 3, min_side=1))
    key, indices = draw(advanced(shape))
    filled = tuple(indices[k.position] if isinstance(k, Placeholder) else k for k in key)
    g = draw(arrays("real", np.empty(shape)[filled].shape, draw(st.booleans())))
    return Sample(name, (g, *indices), {"key": key, "shape": shape})


# -- linear algebra and Fourier transforms -----------------------------------------------------------------------------


@calls_of("matmul")
@st.composite
def matrix_products(draw: Any, name: str) -> Sample:
    found = draw(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_dims=2, min_side=0, max_side=3))
    return Sample(name, tuple(draw(arrays("real", shape, draw(st.booleans()))) for shape in found.input_shapes))


@calls_of("matmul_nt", "matmul_tn")
@st.composite
def transposed_products(draw: Any, name: str) -> Sample:
    signature = "(m,k),(n,k)->(m,n)" if name == "matmul_nt" else "(k,m),(k,n)->(m,n)"
    found = draw(hnp.mutually_broadcastable_shapes(signature=signature, max_dims=2, min_side=0, max_side=3))
    return Sample(name, tuple(draw(arrays("real", shape, draw(st.booleans()))) for shape in found.input_shapes))


SQUARE = {
    "linalg.inv": samples_linalg.matrix, "linalg.det": samples_linalg.drawn, "cofactor": samples_linalg.drawn,
    "linalg.slogdet": samples_linalg.matrix, "linalg.cholesky": samples_linalg.definite,
    "linalg.eigh": samples_linalg.hermitian, "linalg.eigvalsh": samples_linalg.hermitian,
    "linalg.eig": samples_linalg.matrix, "linalg.eigvals": samples_linalg.matrix,
}  # fmt: skip
OBLONG = {
    "linalg.pinv": samples_linalg.separated, "linalg.qr": samples_linalg.drawn, "linalg.svd": samples_linalg.separated,
    "linalg.svdvals": samples_linalg.separated,
}  # fmt: skip
OPTIONS: dict[str, list[dict[str, Any]]] = {
    "linalg.cholesky": [{"upper": False}, {"upper": True}], "linalg.pinv": [{"rtol": None}],
    "linalg.qr": [{"mode": "reduced"}], "linalg.svd": [{"full_matrices": False}],
}  # fmt: skip


@calls_of(*SQUARE, *OBLONG)
@st.composite
def matrices(draw: Any, name: str) -> Sample:
    n, stack = draw(st.integers(0, 4)), draw(shapes(0, 2))
    m = n if name in SQUARE else draw(st.integers(0, 4))
    make = SQUARE.get(name) or OBLONG[name]
    x = make((*stack, m, n), draw(st.integers(0, 2**16)), cplx=draw(st.booleans()))
    if name == "linalg.cholesky":
        x = (x + np.conj(np.swapaxes(x, -1, -2))) / 2
    return Sample(name, (x,), draw(st.sampled_from(OPTIONS.get(name, [{}]))))


@calls_of("linalg.solve")
@st.composite
def systems(draw: Any, name: str) -> Sample:
    n, k, stack = draw(SIDES), draw(SIDES), draw(shapes(0, 2))
    a = samples_linalg.matrix((*stack, n, n), draw(st.integers(0, 2**16)), cplx=draw(st.booleans()))
    return Sample(name, (a, noise(draw, (*stack, n, k), draw(st.booleans()))))


@calls_of("fft.fftn", "fft.ifftn")
@st.composite
def transforms(draw: Any, name: str) -> Sample:
    x = noise(draw, draw(shapes(1, min_side=1)), True)
    axes = tuple(draw(st.lists(st.integers(0, x.ndim - 1), min_size=1, unique=True)))
    lengths = tuple(draw(st.integers(1, 5)) for _ in axes)
    return Sample(name, (x,), {"s": lengths, "axes": axes, "norm": draw(st.sampled_from(samples_linalg.NORMS))})


@calls_of("fft.rfft", "fft.irfft")
@st.composite
def half_transforms(draw: Any, name: str) -> Sample:
    x = noise(draw, draw(shapes(1, min_side=1)), name == "fft.irfft")
    params = {"n": draw(st.integers(1, 6)), "axis": drawn_axis(draw, x.ndim)}
    return Sample(name, (x,), {**params, "norm": draw(st.sampled_from(samples_linalg.NORMS))})
