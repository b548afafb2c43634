"""Strategies of hypothesis for tests of whatever is built on gradarray: shapes, dtypes, arrays, tensors, calls.

Everything is drawn small, and shrinks to what is plain: one dimension less, rows in a row, zeros. Layouts are drawn
too: an array may come transposed, reversed or as every other element of a larger one.

Knows hypothesis, NumPy and what is public of gradarray. Must not know any backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import gradarray as ga
from gradarray_conformance.samples import DOMAINS

if TYPE_CHECKING:
    from gradarray_conformance.samples import Sample

__all__ = ["arrays", "broadcastable", "calls", "dtypes", "numbers", "shapes", "tensors"]

Shape = tuple[int, ...]
Shapes = st.SearchStrategy[Shape]
LAYOUTS = ("plain", "transposed", "reversed", "strided")


def shapes(min_dims: int = 0, max_dims: int = 5, *, min_side: int = 0, max_side: int = 3) -> Shapes:
    """Shapes: 0-d ones, empty ones, and up to five dimensions.

    Parameters
    ----------
    min_dims, max_dims : int
        How many dimensions.
    min_side, max_side : int
        How long each is; ``min_side=1`` draws no empty shape.
    """
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def broadcastable(count: int, *, max_dims: int = 4, max_side: int = 3) -> st.SearchStrategy[tuple[Shape, ...]]:
    """``count`` shapes that broadcast against each other, empty ones among them."""
    found = hnp.mutually_broadcastable_shapes(num_shapes=count, min_side=0, max_side=max_side, max_dims=max_dims)
    return found.map(lambda drawn: drawn.input_shapes)


def dtypes(device: str = "cpu", kinds: str = "f") -> st.SearchStrategy[ga.dtype]:
    """The dtypes that a device has, of some kinds: ``f`` real floating, ``c`` complex, ``i``, ``u`` and ``b``."""
    have = ga.__array_namespace_info__().dtypes(device=ga.device(device))
    return st.sampled_from([dtype for dtype in have.values() if dtype.kind in kinds])


def numbers(domain: str = "real", *, cplx: bool = False) -> st.SearchStrategy[Any]:
    """Numbers from a domain of ``Operation.domain``, off branch cuts where they are complex.

    Parameters
    ----------
    domain : str
        ``"real"`` is -2 to 2, ``"positive"`` 0.3 to 2, ``"nonzero"`` that and its negative, ``"unit"`` -0.8 to 0.8, ...
    cplx : bool
        Complex numbers, with imaginary parts from 0.3 to 1.
    """
    low, high = DOMAINS[domain]
    reals = st.floats(low, high, allow_subnormal=False)
    if domain == "nonzero":
        reals = st.builds(lambda x, sign: x * sign, reals, st.sampled_from((1.0, -1.0)))
    return st.builds(complex, reals, st.floats(0.3, 1.0)) if cplx else reals


@st.composite
def arrays(draw: Any, domain: str, shape: Shape, cplx: bool = False) -> Any:
    """NumPy's arrays of float64 or complex128 from a domain, in any layout."""
    dtype, elements = np.complex128 if cplx else np.float64, numbers(domain, cplx=cplx)
    layout = draw(st.sampled_from(LAYOUTS)) if shape else "plain"
    base = draw(hnp.arrays(dtype, _base(shape, layout), elements=elements))
    return _seen(base, layout)


@st.composite
def tensors(
    draw: Any,
    *,
    shape: Shape | Shapes | None = None,
    dtype: ga.dtype | st.SearchStrategy[ga.dtype] | None = None,
    device: str = "cpu",
    elements: st.SearchStrategy[Any] | None = None,
    requires_grad: bool | st.SearchStrategy[bool] = False,
) -> Any:
    """Tensors on a device: shapes, dtypes, layouts and values.

    Parameters
    ----------
    shape : tuple of int or strategy, optional
        By default :func:`shapes`.
    dtype : dtype or strategy, optional
        By default the real floating ones of :func:`dtypes`.
    device : str
    elements : strategy, optional
        Of Python numbers. By default those of :func:`numbers` for floating dtypes, and whole numbers from 0 to 9.
    requires_grad : bool or strategy
        Whether the tensor is a leaf of the tape.

    Examples
    --------
    >>> from hypothesis import given
    >>> from gradarray_conformance import strategies
    >>> @given(strategies.tensors(shape=(2, 3), requires_grad=True))
    ... def test_mine(x): ...
    """
    shape = shape if isinstance(shape, tuple) else draw(shapes() if shape is None else shape)
    kind = dtype if isinstance(dtype, ga.dtype) else draw(dtypes(device) if dtype is None else dtype)
    if elements is None:
        elements = numbers(cplx=kind.kind == "c") if kind.kind in "fc" else st.integers(0, 1 if kind.kind == "b" else 9)
    layout = draw(st.sampled_from(LAYOUTS)) if shape else "plain"
    host = draw(hnp.arrays(np.complex128 if kind.kind == "c" else float, _base(shape, layout), elements=elements))
    x = _seen(ga.asarray(host, dtype=kind, device=device), layout)
    tracked = requires_grad if isinstance(requires_grad, bool) else draw(requires_grad)
    return x.requires_grad_() if tracked else x


def _base(shape: Shape, layout: str) -> Shape:
    """The shape of the array that :func:`_seen` makes one of ``shape`` of."""
    if layout == "transposed":
        return shape[::-1]
    return (*shape[:-1], 2 * shape[-1]) if layout == "strided" else shape


def _seen(base: Any, layout: str) -> Any:
    if layout == "plain":
        return base
    if layout == "strided":
        return base[..., ::2]
    if layout == "reversed":
        return base[::-1]
    return base.transpose() if isinstance(base, np.ndarray) else ga.permute_dims(base, tuple(range(base.ndim))[::-1])


def calls(name: str) -> st.SearchStrategy[Sample]:
    """Calls of an operation of ``gradarray.testing.operations()`` that has a derivative: inputs and parameters.

    A call knows its operation, its arrays and parameters, and what NumPy says comes out.

    Raises
    ------
    KeyError
        If there is no strategy for an operation of that name.
    """
    from gradarray_conformance.strategies_calls import CALLS

    return CALLS[name](name)
