"""The methods of a tensor that compute: PyTorch's names and signatures.

They take both spellings, ``dim``/``axis`` and ``keepdim``/``keepdims``. Knows the functions. Where a function of the
standard and a method of PyTorch have one name and differ (``max``, ``min``, ``sort``, ``std``, ``var``, ``squeeze``,
``repeat``, ``nonzero``), the function is the standard's and the method PyTorch's.
"""

from __future__ import annotations

import builtins
import operator
from typing import Any, NamedTuple

from gradarray import random
from gradarray._dispatch import DtypeError, ShapeError, apply, binary, detached, make, unary
from gradarray._inplace import check_writable, rewritten, write
from gradarray._primitive import TABLE
from gradarray._state import grad_enabled as grad_mode
from gradarray._storage import LEAF, Step, Value, hand_over, meta_of, no_view
from gradarray.creation import as_value
from gradarray.dtypes import DType, as_dtype, complex64, complex128, float32, float64, int8, int16, int32, int64, uint8
from gradarray.dtypes import bool as bool_
from gradarray.functions import (
    descriptive,
    linalg,
    manipulation,
    matrices,
    numpy_like,
    pytorch,
    searching,
    statistical,
    testing,
)
from gradarray.functions import elementwise as e
from gradarray.functions import scatter as positions
from gradarray.functions import softmax as soft
from gradarray.functions._dims import Dim
from gradarray.functions._dims import chosen as _axis
from gradarray.functions._dims import needed as _needed
from gradarray.functions._into import in_place
from gradarray.functions.indexing import getitem, setitem


class ValuesAndIndices(NamedTuple):
    """What ``max``, ``min`` and ``sort`` along a dimension give."""

    values: Any
    indices: Any


def _sizes(shape: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape


class Methods(Value):
    """Everything that computes. :class:`gradarray.Tensor` adds what a tensor is."""

    __slots__ = ()

    # -- operators -----------------------------------------------------------------------------------------------------

    __add__ = binary("add")
    __radd__ = binary("add", reflected=True)
    __iadd__ = in_place(binary("add"), "add_", "add")
    __sub__ = binary("subtract")
    __rsub__ = binary("subtract", reflected=True)
    __isub__ = in_place(binary("subtract"), "sub_", "subtract")
    __mul__ = binary("multiply")
    __rmul__ = binary("multiply", reflected=True)
    __imul__ = in_place(binary("multiply"), "mul_", "multiply")
    __truediv__ = binary("divide")
    __rtruediv__ = binary("divide", reflected=True)
    __itruediv__ = in_place(binary("divide"), "div_", "divide")
    __floordiv__ = binary("floor_divide")
    __rfloordiv__ = binary("floor_divide", reflected=True)
    __ifloordiv__ = in_place(binary("floor_divide"), "floor_divide_")
    __mod__ = binary("remainder")
    __rmod__ = binary("remainder", reflected=True)
    __imod__ = in_place(binary("remainder"), "remainder_")
    __pow__ = e.power
    __rpow__ = binary("pow", reflected=True)
    __ipow__ = in_place(e.power, "pow_")
    __and__ = binary("bitwise_and")
    __rand__ = binary("bitwise_and", reflected=True)
    __iand__ = in_place(binary("bitwise_and"), "bitwise_and_")
    __or__ = binary("bitwise_or")
    __ror__ = binary("bitwise_or", reflected=True)
    __ior__ = in_place(binary("bitwise_or"), "bitwise_or_")
    __xor__ = binary("bitwise_xor")
    __rxor__ = binary("bitwise_xor", reflected=True)
    __ixor__ = in_place(binary("bitwise_xor"), "bitwise_xor_")
    __lshift__ = binary("bitwise_left_shift")
    __rlshift__ = binary("bitwise_left_shift", reflected=True)
    __ilshift__ = in_place(binary("bitwise_left_shift"), "bitwise_left_shift_")
    __rshift__ = binary("bitwise_right_shift")
    __rrshift__ = binary("bitwise_right_shift", reflected=True)
    __irshift__ = in_place(binary("bitwise_right_shift"), "bitwise_right_shift_")
    __eq__ = binary("equal")
    __ne__ = binary("not_equal")
    __lt__ = binary("less")
    __le__ = binary("less_equal")
    __gt__ = binary("greater")
    __ge__ = binary("greater_equal")
    __hash__ = object.__hash__  # by identity, as in PyTorch, since == compares elements
    __neg__ = unary("negative")
    __abs__ = unary("abs")
    __invert__ = unary("bitwise_invert")

    def __pos__(self) -> Any:
        return apply(TABLE["positive"], (self,), {})

    __matmul__: Any = linalg.product

    def __rmatmul__(self, other: Any) -> Any:
        return linalg.matmul(other, self) if isinstance(other, Value) else NotImplemented  # type: ignore[arg-type]

    def __imatmul__(self, other: Any) -> Any:  # type: ignore[misc] # Any does not say that they agree
        if not isinstance(other, Value):
            return NotImplemented
        return in_place(linalg.matmul, "matmul_")(self, other)

    __getitem__: Any = getitem

    def __setitem__(self, key: Any, value: Any) -> None:
        setitem(self, key, value)  # type: ignore[arg-type]

    # -- elementwise, each with its twin that works in place -----------------------------------------------------------

    add, add_ = e.add, in_place(e.add, "add_", "add")
    sub, sub_ = e.subtract, in_place(e.subtract, "sub_", "subtract")
    subtract, subtract_ = e.subtract, in_place(e.subtract, "subtract_", "subtract")
    mul, mul_ = e.multiply, in_place(e.multiply, "mul_", "multiply")
    multiply, multiply_ = e.multiply, in_place(e.multiply, "multiply_", "multiply")
    div, div_ = e.divide, in_place(e.divide, "div_", "divide")
    divide, divide_ = e.divide, in_place(e.divide, "divide_", "divide")
    true_divide, true_divide_ = e.divide, in_place(e.divide, "true_divide_", "divide")
    floor_divide, floor_divide_ = e.floor_divide, in_place(e.floor_divide, "floor_divide_")
    remainder, remainder_ = e.remainder, in_place(e.remainder, "remainder_")
    pow, pow_ = e.pow, in_place(e.pow, "pow_")
    atan2, atan2_ = e.atan2, in_place(e.atan2, "atan2_")
    hypot, hypot_ = e.hypot, in_place(e.hypot, "hypot_")
    copysign, copysign_ = e.copysign, in_place(e.copysign, "copysign_")
    nextafter, nextafter_ = e.nextafter, in_place(e.nextafter, "nextafter_")
    logaddexp = e.logaddexp
    maximum, minimum = e.maximum, e.minimum
    bitwise_and, bitwise_and_ = e.bitwise_and, in_place(e.bitwise_and, "bitwise_and_")
    bitwise_or, bitwise_or_ = e.bitwise_or, in_place(e.bitwise_or, "bitwise_or_")
    bitwise_xor, bitwise_xor_ = e.bitwise_xor, in_place(e.bitwise_xor, "bitwise_xor_")
    bitwise_not, bitwise_not_ = e.bitwise_invert, in_place(e.bitwise_invert, "bitwise_not_")
    bitwise_left_shift, bitwise_left_shift_ = (
        e.bitwise_left_shift,
        in_place(e.bitwise_left_shift, "bitwise_left_shift_"),
    )
    bitwise_right_shift, bitwise_right_shift_ = (
        e.bitwise_right_shift,
        in_place(e.bitwise_right_shift, "bitwise_right_shift_"),
    )
    logical_and, logical_and_ = e.logical_and, in_place(e.logical_and, "logical_and_")
    logical_or, logical_or_ = e.logical_or, in_place(e.logical_or, "logical_or_")
    logical_xor, logical_xor_ = e.logical_xor, in_place(e.logical_xor, "logical_xor_")
    logical_not, logical_not_ = e.logical_not, in_place(e.logical_not, "logical_not_")
    eq, eq_ = e.equal, in_place(e.equal, "eq_")
    ne, ne_ = e.not_equal, in_place(e.not_equal, "ne_")
    lt, lt_ = e.less, in_place(e.less, "lt_")
    le, le_ = e.less_equal, in_place(e.less_equal, "le_")
    gt, gt_ = e.greater, in_place(e.greater, "gt_")
    ge, ge_ = e.greater_equal, in_place(e.greater_equal, "ge_")
    greater, greater_ = e.greater, in_place(e.greater, "greater_")
    greater_equal, greater_equal_ = e.greater_equal, in_place(e.greater_equal, "greater_equal_")
    less, less_ = e.less, in_place(e.less, "less_")
    less_equal, less_equal_ = e.less_equal, in_place(e.less_equal, "less_equal_")
    not_equal, not_equal_ = e.not_equal, in_place(e.not_equal, "not_equal_")
    abs, abs_ = e.abs, in_place(e.abs, "abs_")
    absolute, absolute_ = e.abs, in_place(e.abs, "absolute_")
    acos, acos_ = e.acos, in_place(e.acos, "acos_")
    arccos, arccos_ = e.acos, in_place(e.acos, "arccos_")
    acosh, acosh_ = e.acosh, in_place(e.acosh, "acosh_")
    arccosh, arccosh_ = e.acosh, in_place(e.acosh, "arccosh_")
    asin, asin_ = e.asin, in_place(e.asin, "asin_")
    arcsin, arcsin_ = e.asin, in_place(e.asin, "arcsin_")
    asinh, asinh_ = e.asinh, in_place(e.asinh, "asinh_")
    arcsinh, arcsinh_ = e.asinh, in_place(e.asinh, "arcsinh_")
    atan, atan_ = e.atan, in_place(e.atan, "atan_")
    arctan, arctan_ = e.atan, in_place(e.atan, "arctan_")
    atanh, atanh_ = e.atanh, in_place(e.atanh, "atanh_")
    arctanh, arctanh_ = e.atanh, in_place(e.atanh, "arctanh_")
    ceil, ceil_ = e.ceil, in_place(e.ceil, "ceil_")
    conj = conjugate = e.conj
    cos, cos_ = e.cos, in_place(e.cos, "cos_")
    cosh, cosh_ = e.cosh, in_place(e.cosh, "cosh_")
    exp, exp_ = e.exp, in_place(e.exp, "exp_")
    expm1, expm1_ = e.expm1, in_place(e.expm1, "expm1_")
    floor, floor_ = e.floor, in_place(e.floor, "floor_")
    isfinite, isinf, isnan = e.isfinite, e.isinf, e.isnan
    log, log_ = e.log, in_place(e.log, "log_")
    log10, log10_ = e.log10, in_place(e.log10, "log10_")
    log1p, log1p_ = e.log1p, in_place(e.log1p, "log1p_")
    log2, log2_ = e.log2, in_place(e.log2, "log2_")
    neg, neg_ = e.negative, in_place(e.negative, "neg_")
    negative, negative_ = e.negative, in_place(e.negative, "negative_")
    positive = e.positive
    reciprocal, reciprocal_ = e.reciprocal, in_place(e.reciprocal, "reciprocal_")
    relu, relu_ = e.relu, in_place(e.relu, "relu_")

    def round(self, *, decimals: int = 0) -> Any:
        """Rounded to so many decimals, halves to even. ``torch.Tensor.round``."""
        if decimals == 0:
            return e.round(self)
        scale = 10.0**decimals
        return e.divide(e.round(e.multiply(self, scale)), scale)

    round_ = in_place(round, "round_")
    rsqrt, rsqrt_ = e.rsqrt, in_place(e.rsqrt, "rsqrt_")
    sigmoid, sigmoid_ = e.sigmoid, in_place(e.sigmoid, "sigmoid_")
    sign, sign_ = e.sign, in_place(e.sign, "sign_")
    signbit = e.signbit
    sin, sin_ = e.sin, in_place(e.sin, "sin_")
    sinh, sinh_ = e.sinh, in_place(e.sinh, "sinh_")
    sqrt, sqrt_ = e.sqrt, in_place(e.sqrt, "sqrt_")
    square, square_ = e.square, in_place(e.square, "square_")
    tan, tan_ = e.tan, in_place(e.tan, "tan_")
    tanh, tanh_ = e.tanh, in_place(e.tanh, "tanh_")
    trunc, trunc_ = e.trunc, in_place(e.trunc, "trunc_")
    fix, fix_ = e.trunc, in_place(e.trunc, "fix_")

    deg2rad, deg2rad_ = numpy_like.deg2rad, in_place(numpy_like.deg2rad, "deg2rad_")
    rad2deg, rad2deg_ = numpy_like.rad2deg, in_place(numpy_like.rad2deg, "rad2deg_")
    heaviside, heaviside_ = numpy_like.heaviside, in_place(numpy_like.heaviside, "heaviside_")
    nan_to_num, nan_to_num_ = numpy_like.nan_to_num, in_place(numpy_like.nan_to_num, "nan_to_num_")
    sinc, sinc_ = numpy_like.sinc, in_place(numpy_like.sinc, "sinc_")
    addcdiv, addcdiv_ = pytorch.addcdiv, in_place(pytorch.addcdiv, "addcdiv_")
    addcmul, addcmul_ = pytorch.addcmul, in_place(pytorch.addcmul, "addcmul_")
    lerp, lerp_ = pytorch.lerp, in_place(pytorch.lerp, "lerp_")
    softmax, log_softmax = soft.softmax, soft.log_softmax

    def clamp(self, min: Any = None, max: Any = None) -> Any:
        """See :func:`gradarray.clip`. ``torch.Tensor.clamp``."""
        if min is None and max is None:
            raise RuntimeError("clamp: at least one of min and max must not be None")
        return e.clip(self, min, max)  # type: ignore[arg-type]

    clip = clamp
    clamp_ = clip_ = in_place(clamp, "clamp_")

    def clamp_min(self, min: Any) -> Any:
        """Limited from below. ``torch.Tensor.clamp_min``."""
        return e.clip(self, min, None)  # type: ignore[arg-type]

    clamp_min_ = in_place(clamp_min, "clamp_min_")

    def clamp_max(self, max: Any) -> Any:
        """Limited from above. ``torch.Tensor.clamp_max``."""
        return e.clip(self, None, max)  # type: ignore[arg-type]

    clamp_max_ = in_place(clamp_max, "clamp_max_")

    def where(self, condition: Any, other: Any) -> Any:
        """The tensor where ``condition`` is true, else ``other``. ``torch.Tensor.where``."""
        return searching.where(condition, self, other)  # type: ignore[arg-type]

    def isclose(self, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
        """See :func:`gradarray.isclose`. ``torch.Tensor.isclose``."""
        return testing.isclose(self, other, rtol, atol, equal_nan)  # type: ignore[arg-type]

    def allclose(self, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
        """See :func:`gradarray.allclose`. ``torch.Tensor.allclose``."""
        return testing.allclose(self, other, rtol, atol, equal_nan)  # type: ignore[arg-type]

    def equal(self, other: Any) -> bool:
        """Whether shape and all elements are equal; elementwise is :meth:`eq`. ``torch.Tensor.equal``."""
        same = self._data.shape == statistical.check_tensor(other)._data.shape
        return same and builtins.bool(statistical.all(e.equal(self, other)))

    def masked_fill(self, mask: Any, value: Any) -> Any:
        """``value`` where ``mask`` is true. Differentiable in both. ``torch.Tensor.masked_fill``."""
        return searching.where(mask, as_value(value, dtype=self._dtype, device=self._place), self)  # type: ignore[arg-type]

    masked_fill_ = in_place(masked_fill, "masked_fill_")

    def copy_(self, src: Any) -> Any:
        """Overwrite with ``src``, which broadcasts; its dtype and device are converted. ``torch.Tensor.copy_``."""
        check_writable(self, "copy_")
        value = as_value(src, device=self._place)
        value = manipulation.astype(value, self._dtype, copy=False)
        return write(self, apply(TABLE["overwrite"], (self, value), {}), "copy_")

    def fill_(self, value: Any) -> Any:
        """Overwrite with one value. ``torch.Tensor.fill_``."""
        check_writable(self, "fill_")
        given = as_value(value, dtype=self._dtype, device=self._place)
        if given._data.shape:
            raise ShapeError(f"fill_ only supports 0-dimension value tensors, got shape {list(given._data.shape)}")
        return write(self, apply(TABLE["overwrite"], (self, given), {}), "fill_", uniform=True)

    def zero_(self) -> Any:
        """Overwrite with zeros. ``torch.Tensor.zero_``."""
        return self.fill_(0)

    def uniform_(self, low: float = 0, high: float = 1, *, generator: Any = None) -> Any:
        """Overwrite with numbers uniform on [low, high). ``torch.Tensor.uniform_``."""
        if not low <= high:
            raise RuntimeError(f"uniform_ expects low <= high, got low={low} and high={high}")
        return self._drawn(random.rand, high - low, low, generator, "uniform_")

    def normal_(self, mean: float = 0, std: float = 1, *, generator: Any = None) -> Any:
        """Overwrite with normally distributed numbers. ``torch.Tensor.normal_``."""
        if not std >= 0:
            raise RuntimeError(f"normal_ expects std >= 0, got {std}")
        return self._drawn(random.randn, std, mean, generator, "normal_")

    def _drawn(self, function: Any, scale: float, shift: float, generator: Any, name: str) -> Any:
        check_writable(self, name)
        drawn = function(self._data.shape, dtype=self._dtype, device=self._place, generator=generator)
        return self.copy_(drawn * scale + shift)

    # -- reductions ----------------------------------------------------------------------------------------------------

    def sum(
        self, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None, axis: Dim = None, keepdims: bool = False
    ) -> Any:
        """See :func:`gradarray.sum`. ``torch.Tensor.sum``."""
        return statistical.sum(self, axis=_axis(dim, axis), keepdims=keepdim or keepdims, dtype=dtype)  # type: ignore[arg-type]

    def mean(
        self, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None, axis: Dim = None, keepdims: bool = False
    ) -> Any:
        """See :func:`gradarray.mean`. ``torch.Tensor.mean``."""
        return statistical.mean(self, axis=_axis(dim, axis), keepdims=keepdim or keepdims, dtype=dtype)  # type: ignore[arg-type]

    def prod(
        self, dim: Dim = None, keepdim: bool = False, *, dtype: Any = None, axis: Dim = None, keepdims: bool = False
    ) -> Any:
        """See :func:`gradarray.prod`. ``torch.Tensor.prod``."""
        return statistical.prod(self, axis=_axis(dim, axis), keepdims=keepdim or keepdims, dtype=dtype)  # type: ignore[arg-type]

    def all(self, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
        """See :func:`gradarray.all`. ``torch.Tensor.all``."""
        return statistical.all(self, axis=_axis(dim, axis), keepdims=keepdim or keepdims)  # type: ignore[arg-type]

    def any(self, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
        """See :func:`gradarray.any`. ``torch.Tensor.any``."""
        return statistical.any(self, axis=_axis(dim, axis), keepdims=keepdim or keepdims)  # type: ignore[arg-type]

    def count_nonzero(self, dim: Dim = None, *, axis: Dim = None) -> Any:
        """See :func:`gradarray.count_nonzero`. ``torch.Tensor.count_nonzero``."""
        return statistical.count_nonzero(self, axis=_axis(dim, axis))  # type: ignore[arg-type]

    def _spread(self, function: Any, dim: Dim, unbiased: bool | None, correction: float, keep: bool) -> Any:
        if isinstance(dim, bool):  # x.var(False)
            dim, unbiased = None, dim
        correction = correction if unbiased is None else float(unbiased)
        return function(self, axis=_axis(dim, None), correction=correction, keepdims=keep)

    def var(
        self,
        dim: Dim = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float = 1,
        axis: Dim = None,
        keepdims: bool = False,
    ) -> Any:
        """Variance, by default with the correction 1. See :func:`gradarray.var`. ``torch.Tensor.var``."""
        return self._spread(statistical.var, _axis(dim, axis), unbiased, correction, keepdim or keepdims)

    def std(
        self,
        dim: Dim = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: float = 1,
        axis: Dim = None,
        keepdims: bool = False,
    ) -> Any:
        """Standard deviation, by default with the correction 1. See :func:`gradarray.std`. ``torch.Tensor.std``."""
        return self._spread(statistical.std, _axis(dim, axis), unbiased, correction, keepdim or keepdims)

    def _extreme(self, name: str, dim: Any, keep: bool) -> Any:
        if isinstance(dim, Value):
            return (e.maximum if name == "max" else e.minimum)(self, dim)
        if dim is None:
            return getattr(statistical, name)(self)
        statistical._nonempty(self, dim, name)
        indices = getattr(searching, f"arg{name}")(self, axis=dim, keepdims=True)
        values = self.clone() if not self._data.shape else searching.take_along_axis(self, indices, axis=dim)  # type: ignore[arg-type]
        if not keep and self._data.shape:
            values, indices = (no_view(manipulation.squeeze(x, dim)) for x in (values, indices))
        return ValuesAndIndices(values, indices)

    def max(self, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool = False) -> Any:
        """The largest element; along ``dim`` also its position; with another tensor the larger of each pair.

        ``torch.Tensor.max``.
        """
        return self._extreme("max", dim if axis is None else axis, keepdim or keepdims)

    def min(self, dim: Any = None, keepdim: bool = False, *, axis: Any = None, keepdims: bool = False) -> Any:
        """The smallest element; as :meth:`max`. ``torch.Tensor.min``."""
        return self._extreme("min", dim if axis is None else axis, keepdim or keepdims)

    def amax(self, dim: Dim = None, keepdim: bool = False) -> Any:
        """See :func:`gradarray.max`. ``torch.Tensor.amax``."""
        return statistical.max(self, axis=_axis(dim, None), keepdims=keepdim)  # type: ignore[arg-type]

    def amin(self, dim: Dim = None, keepdim: bool = False) -> Any:
        """See :func:`gradarray.min`. ``torch.Tensor.amin``."""
        return statistical.min(self, axis=_axis(dim, None), keepdims=keepdim)  # type: ignore[arg-type]

    def argmax(
        self, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
    ) -> Any:
        """See :func:`gradarray.argmax`. ``torch.Tensor.argmax``."""
        return searching.argmax(self, axis=_axis(dim, axis), keepdims=keepdim or keepdims)  # type: ignore[arg-type]

    def argmin(
        self, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None, keepdims: bool = False
    ) -> Any:
        """See :func:`gradarray.argmin`. ``torch.Tensor.argmin``."""
        return searching.argmin(self, axis=_axis(dim, axis), keepdims=keepdim or keepdims)  # type: ignore[arg-type]

    norm, logsumexp = pytorch.norm, soft.logsumexp
    nansum, nanmean, quantile = descriptive.nansum, descriptive.nanmean, descriptive.quantile
    cov, corrcoef, bincount = descriptive.cov, descriptive.corrcoef, descriptive.bincount

    def median(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The element in the middle, or the lower of the two there; along ``dim`` also its position.

        nan where there is one. See :func:`gradarray.median` for NumPy's. ``torch.Tensor.median``.
        """
        if dim is None:
            return manipulation.reshape(self, (-1,)).median(0).values  # type: ignore[arg-type]
        if not self._data.shape:
            return ValuesAndIndices(self.clone(), searching.argmax(self))  # type: ignore[arg-type]
        statistical._nonempty(self, dim, "median")
        order = searching.argsort(self, axis=dim)  # type: ignore[arg-type]
        middle = manipulation.moveaxis(order, dim, -1)[..., (self._data.shape[dim] - 1) // 2]
        indices = manipulation.expand_dims(middle, axis=dim)
        if self._dtype.kind == "f":
            where_nan = e.isnan(self)
            first = searching.argmax(where_nan.to(uint8), axis=dim, keepdims=True)
            indices = searching.where(statistical.any(where_nan, axis=dim, keepdims=True), first, indices)
        values = searching.take_along_axis(self, indices, axis=dim)  # type: ignore[arg-type]
        if not keepdim:
            values, indices = (no_view(manipulation.squeeze(x, dim)) for x in (values, indices))
        return ValuesAndIndices(values, indices)

    def cumsum(self, dim: int | None = None, *, dtype: Any = None, axis: int | None = None) -> Any:
        """See :func:`gradarray.cumulative_sum`. ``torch.Tensor.cumsum``."""
        return statistical.cumulative_sum(self, axis=_needed("cumsum", dim, axis), dtype=dtype)  # type: ignore[arg-type]

    def cumprod(self, dim: int | None = None, *, dtype: Any = None, axis: int | None = None) -> Any:
        """See :func:`gradarray.cumulative_prod`. ``torch.Tensor.cumprod``."""
        return statistical.cumulative_prod(self, axis=_needed("cumprod", dim, axis), dtype=dtype)  # type: ignore[arg-type]

    cumsum_, cumprod_ = in_place(cumsum, "cumsum_"), in_place(cumprod, "cumprod_")

    def sort(self, dim: int = -1, descending: bool = False, stable: bool = True) -> Any:
        """Sorted values and where they were. ``torch.Tensor.sort``."""
        indices = searching.argsort(self, axis=dim, descending=descending, stable=stable)  # type: ignore[arg-type]
        values = searching.take_along_axis(self, indices, axis=dim) if self._data.shape else self.clone()  # type: ignore[arg-type]
        return ValuesAndIndices(values, indices)

    def argsort(self, dim: int = -1, descending: bool = False, stable: bool = True) -> Any:
        """See :func:`gradarray.argsort`. ``torch.Tensor.argsort``."""
        return searching.argsort(self, axis=dim, descending=descending, stable=stable)  # type: ignore[arg-type]

    def nonzero(self, *, as_tuple: bool = False) -> Any:
        """Positions of what is not zero, one a row; ``as_tuple`` one tensor a dimension. ``torch.Tensor.nonzero``."""
        flat = self if self._data.shape else manipulation.reshape(self, (1,))  # type: ignore[arg-type]
        found = searching.nonzero(flat)  # type: ignore[arg-type]
        if not self._data.shape and not as_tuple:
            return manipulation.reshape(found[0], (-1, 1))[:, :0]
        return found if as_tuple else manipulation.stack(found, axis=1)

    # -- products ------------------------------------------------------------------------------------------------------

    def matmul(self, other: Any) -> Any:
        """See :func:`gradarray.matmul`. ``torch.Tensor.matmul``."""
        return linalg.matmul(self, other)  # type: ignore[arg-type]

    dot, mm, mv, bmm = pytorch.dot, pytorch.mm, pytorch.mv, pytorch.bmm
    inner, kron, cross = matrices.inner, matrices.kron, matrices.cross
    diag, diagonal, diag_embed, trace = matrices.diag, matrices.diagonal, matrices.diag_embed, matrices.trace
    addmm, addmm_ = pytorch.addmm, in_place(pytorch.addmm, "addmm_")
    addmv, addmv_ = pytorch.addmv, in_place(pytorch.addmv, "addmv_")
    baddbmm, baddbmm_ = pytorch.baddbmm, in_place(pytorch.baddbmm, "baddbmm_")

    def outer(self, other: Any) -> Any:
        """See :func:`gradarray.linalg.outer`. ``torch.Tensor.outer``."""
        return linalg.outer(self, other)  # type: ignore[arg-type]

    # -- shapes --------------------------------------------------------------------------------------------------------

    def view(self, *shape: Any) -> Any:
        """Another shape over the same memory. Differentiable. See :func:`gradarray.reshape` for what may copy.

        Raises
        ------
        RuntimeError
            If the size does not fit, or the memory cannot be viewed so.

        References
        ----------
        ``torch.Tensor.view``.
        """
        if len(shape) == 1 and not isinstance(shape[0], int | tuple | list):
            dtype = as_dtype(shape[0])
            if dtype is not self._dtype:
                raise NotImplementedError(
                    f"view: memory of {self._dtype!r} is not read as {dtype!r}; x.to(dtype) converts the values"
                )
            shape = self._data.shape
        return manipulation.view(self, _sizes(shape))  # type: ignore[arg-type]

    def view_as(self, other: Any) -> Any:
        """``view`` in the shape of ``other``. ``torch.Tensor.view_as``."""
        return manipulation.view(self, statistical.check_tensor(other)._data.shape)  # type: ignore[arg-type]

    def reshape(self, *shape: Any) -> Any:
        """See :func:`gradarray.reshape`. ``torch.Tensor.reshape``."""
        return manipulation.reshape(self, _sizes(shape))  # type: ignore[arg-type]

    def reshape_as(self, other: Any) -> Any:
        """``reshape`` to the shape of ``other``. ``torch.Tensor.reshape_as``."""
        return manipulation.reshape(self, statistical.check_tensor(other)._data.shape)  # type: ignore[arg-type]

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Any:
        """Dimensions from ``start_dim`` to ``end_dim`` made one; of one alone, the tensor. ``torch.Tensor.flatten``."""
        shape = self._data.shape or (1,)
        start, end = (statistical.check_axis(self, d) or 0 for d in (start_dim, end_dim))
        start, end = start % len(shape), end % len(shape)
        if start > end:
            raise ShapeError("flatten() has invalid args: start_dim cannot come after end_dim")
        size = 1
        for n in shape[start : end + 1]:
            size *= n
        if start == end and self._data.shape:
            return self
        return manipulation.reshape(self, (*shape[:start], size, *shape[end + 1 :]))  # type: ignore[arg-type]

    def ravel(self) -> Any:
        """One dimension, in row-major order in memory too: else a copy. ``torch.Tensor.ravel``."""
        flat = manipulation.reshape(self, (-1,))  # type: ignore[arg-type]
        return flat if flat.is_contiguous() else flat.clone()

    def permute(self, *dims: Any) -> Any:
        """See :func:`gradarray.permute_dims`. ``torch.Tensor.permute``."""
        return manipulation.permute_dims(self, _sizes(dims))  # type: ignore[arg-type]

    def transpose(self, *dims: Any) -> Any:
        """Two dimensions swapped, a view. ``torch.Tensor.transpose``.

        As ``numpy.ndarray.transpose`` with no number (all dimensions reversed), a tuple, or more than two.
        """
        return manipulation.transpose(self, *(dims if len(dims) <= 2 else (dims,)))  # type: ignore[arg-type]

    def swapaxes(self, axis0: int, axis1: int) -> Any:
        """Two dimensions swapped, a view. ``torch.Tensor.swapaxes``."""
        return manipulation.transpose(self, axis0, axis1)  # type: ignore[arg-type]

    swapdims = swapaxes

    def broadcast_to(self, *shape: Any) -> Any:
        """See :func:`gradarray.broadcast_to`. ``torch.Tensor.broadcast_to``."""
        return manipulation.broadcast_to(self, _sizes(shape))  # type: ignore[arg-type]

    def tile(self, *repeats: Any) -> Any:
        """See :func:`gradarray.tile`. ``torch.Tensor.tile``."""
        return manipulation.tile(self, _sizes(repeats))  # type: ignore[arg-type]

    def take_along_dim(self, indices: Any, dim: int) -> Any:
        """See :func:`gradarray.take_along_axis`. ``torch.Tensor.take_along_dim``."""
        return searching.take_along_axis(self, indices, axis=dim)  # type: ignore[arg-type]

    def masked_select(self, mask: Any) -> Any:
        """The elements where ``mask`` is true, 1-d. ``torch.Tensor.masked_select``."""
        mask = mask if isinstance(mask, Value) else as_value(mask, device=self._place)
        if mask._dtype.kind != "b":  # numbers would be taken for positions
            raise DtypeError(f"masked_select expected mask to be a boolean tensor, but got {mask._dtype!r}")
        shape = manipulation.broadcast_shapes(self._data.shape, mask._data.shape)
        spread = manipulation.broadcast_to(self, shape)  # type: ignore[arg-type]
        return getitem(spread, manipulation.broadcast_to(mask, shape))

    def t(self) -> Any:
        """Transpose of a matrix (what has less than two dimensions as it is), a view. ``torch.Tensor.t``."""
        n = len(self._data.shape)
        if n > 2:
            raise ShapeError(f"t() expects a tensor with <= 2 dimensions, but self is {n}D; use .mT")
        return apply(TABLE["transpose"], (self,), {"axes": (1, 0)}) if n == 2 else getitem(self, ...)  # type: ignore[arg-type]

    def movedim(self, source: Any, destination: Any) -> Any:
        """See :func:`gradarray.moveaxis`. ``torch.Tensor.movedim``."""
        return manipulation.moveaxis(self, source, destination)  # type: ignore[arg-type]

    moveaxis = movedim

    def squeeze(self, dim: Dim = None, *, axis: Dim = None) -> Any:
        """Without the dimensions of length 1, or those of them in ``dim``; a view. ``torch.Tensor.squeeze``."""
        chosen = _axis(dim, axis)
        shape = self._data.shape
        statistical.check_axis(self, chosen)
        if chosen is None:
            axes = tuple(i for i, n in enumerate(shape) if n == 1)
        else:
            axes = (chosen,) if isinstance(chosen, int) else chosen
            axes = tuple(a for a in axes if shape and shape[a] == 1)
        return apply(TABLE["squeeze"], (self,), {"axis": axes})

    def unsqueeze(self, dim: int) -> Any:
        """See :func:`gradarray.expand_dims`. ``torch.Tensor.unsqueeze``."""
        return manipulation.expand_dims(self, axis=dim)  # type: ignore[arg-type]

    def expand(self, *sizes: Any) -> Any:
        """Repeated along dimensions of length 1 without using memory; -1 keeps a length. ``torch.Tensor.expand``."""
        target = _sizes(sizes)
        shape = self._data.shape
        extra = len(target) - len(shape)
        if extra < 0 or -1 in target[:extra]:
            raise ShapeError(f"expand: cannot expand shape {list(shape)} to {list(target)}")
        full = tuple(shape[i - extra] if n == -1 else n for i, n in enumerate(target))
        return manipulation.broadcast_to(self, full)  # type: ignore[arg-type]

    def expand_as(self, other: Any) -> Any:
        """``expand`` to the shape of ``other``. ``torch.Tensor.expand_as``."""
        return manipulation.broadcast_to(self, statistical.check_tensor(other)._data.shape)  # type: ignore[arg-type]

    def repeat(self, *repeats: Any) -> Any:
        """The whole repeated along each dimension; see :func:`gradarray.tile`. ``torch.Tensor.repeat``."""
        times = _sizes(repeats)
        if len(times) < len(self._data.shape):
            raise ShapeError(
                f"repeat: {len(times)} numbers for {len(self._data.shape)} dimensions; each dimension needs one"
            )
        return manipulation.tile(self, times)  # type: ignore[arg-type]

    def repeat_interleave(self, repeats: Any, dim: int | None = None) -> Any:
        """See :func:`gradarray.repeat`. ``torch.Tensor.repeat_interleave``."""
        return manipulation.repeat(self, repeats, axis=dim)  # type: ignore[arg-type]

    def unbind(self, dim: int = 0) -> Any:
        """See :func:`gradarray.unbind`. ``torch.Tensor.unbind``."""
        return pytorch.unbind(self, dim)  # type: ignore[arg-type]

    def split(self, split_size: Any, dim: int = 0) -> Any:
        """See :func:`gradarray.split`. ``torch.Tensor.split``."""
        return manipulation.split(self, split_size, dim)  # type: ignore[arg-type]

    def chunk(self, chunks: int, dim: int = 0) -> Any:
        """At most ``chunks`` pieces of equal length (the last may be shorter). ``torch.Tensor.chunk``."""
        n = self._data.shape[statistical.check_axis(self, dim)] if self._data.shape else 0
        if chunks <= 0 or not self._data.shape:
            raise ShapeError(f"chunk: expected at least one chunk of at least one dimension, got {chunks} chunks")
        return manipulation.split(self, -(-n // chunks) or [0] * chunks, dim)  # type: ignore[arg-type]

    def narrow(self, dim: int, start: int, length: int) -> Any:
        """``length`` elements along ``dim`` from ``start``, a view. ``torch.Tensor.narrow``."""
        axis = statistical.needed_axis(self, dim) % len(self._data.shape)
        n = self._data.shape[axis]
        start = start + n if start < 0 else start
        if length < 0 or not 0 <= start <= n - length:
            raise ShapeError(f"narrow: start ({start}) + length ({length}) exceeds dimension size ({n})")
        return getitem(self, (*(slice(None),) * axis, slice(start, start + length)))  # type: ignore[arg-type]

    def select(self, dim: int, index: int) -> Any:
        """The slice at ``index`` along ``dim``, a view. ``torch.Tensor.select``."""
        if not self._data.shape:
            raise IndexError("select() cannot be applied to a 0-dim tensor.")
        axis = statistical.check_axis(self, dim) % len(self._data.shape)
        return getitem(self, (*(slice(None),) * axis, operator.index(index)))  # type: ignore[arg-type]

    index_select = positions.index_select
    gather = positions.gather
    index_add, index_add_ = positions.index_add, in_place(positions.index_add, "index_add_")
    index_copy, index_copy_ = positions.index_copy, in_place(positions.index_copy, "index_copy_")
    index_fill, index_fill_ = positions.index_fill, in_place(positions.index_fill, "index_fill_")
    scatter_add, scatter_add_ = positions.scatter_add, in_place(positions.scatter_add, "scatter_add_")
    scatter, scatter_ = positions.scatter, in_place(positions.scatter, "scatter_")

    def flip(self, *dims: Any) -> Any:
        """See :func:`gradarray.flip`. ``torch.Tensor.flip``."""
        return manipulation.flip(self, axis=_sizes(dims))  # type: ignore[arg-type]

    def roll(self, shifts: Any, dims: Any = None) -> Any:
        """See :func:`gradarray.roll`. ``torch.Tensor.roll``."""
        return manipulation.roll(self, shifts, axis=dims)  # type: ignore[arg-type]

    def tril(self, diagonal: int = 0) -> Any:
        """See :func:`gradarray.tril`. ``torch.Tensor.tril``."""
        return manipulation.tril(self, k=diagonal)  # type: ignore[arg-type]

    def triu(self, diagonal: int = 0) -> Any:
        """See :func:`gradarray.triu`. ``torch.Tensor.triu``."""
        return manipulation.triu(self, k=diagonal)  # type: ignore[arg-type]

    tril_, triu_ = in_place(tril, "tril_"), in_place(triu, "triu_")

    def clone(self) -> Any:
        """A copy in memory of its own. Differentiable. ``torch.Tensor.clone``."""
        return manipulation.clone(self)  # type: ignore[arg-type]

    def contiguous(self) -> Any:
        """The tensor itself if its memory is in row-major order, else a copy that is. ``torch.Tensor.contiguous``."""
        if self.is_contiguous():
            return self
        flat = manipulation.reshape(self, (-1,))  # type: ignore[arg-type]
        return no_view(manipulation.view(flat if flat.is_contiguous() else flat.clone(), self._data.shape))

    def stride(self, dim: int | None = None) -> Any:
        """Steps in memory along each dimension, in elements. ``torch.Tensor.stride``."""
        steps = self._place.backend.strides(self._data)
        return steps if dim is None else steps[dim]

    def is_contiguous(self) -> bool:
        """Whether memory is in row-major order. ``torch.Tensor.is_contiguous``."""
        step = 1
        for n, s in zip(reversed(self._data.shape), reversed(self.stride()), strict=True):
            if n == 0:
                return True
            if n != 1 and s != step:
                return False
            step *= n
        return True

    # -- shapes, in place ----------------------------------------------------------------------------------------------

    def _become(self, change: Any, name: str) -> Any:
        """Turn into a view of what the tensor was: a hidden tensor takes over its memory and history as the root."""
        check_writable(self, name)
        leaf = self._node is LEAF  # a leaf stays one
        token = grad_mode.set(grad_mode.get() or not (leaf or self._node is None))  # shapes change under no_grad too
        try:
            changed = change(self)
        finally:
            grad_mode.reset(token)
        if meta_of(self).root is None:
            hidden = make(self._data, self._place, self._dtype, None if leaf else self._node)
            hand_over(self, hidden)
        meta, new = meta_of(self), meta_of(changed)
        assert meta.family is not None
        meta.base, meta.root = new.base, new.root
        meta.steps, meta.path = _shortened(new.steps), _shortened(new.path)
        self._data, self._cell, self._shape = changed._data, changed._cell, changed._shape
        rewritten(self, LEAF if leaf else changed._node)
        meta.family.members = [(r, c) for r, c in meta.family.members if r() is not changed]  # keeps what nodes hold
        meta.family.add(self)
        meta.family.version += 1
        return self

    def t_(self) -> Any:
        """Transpose in place: the same memory, read in another order. ``torch.Tensor.t_``."""
        return self._become(Methods.t, "t_")

    def transpose_(self, dim0: int, dim1: int) -> Any:
        """:meth:`transpose` in place. ``torch.Tensor.transpose_``."""
        return self._become(lambda x: x.transpose(dim0, dim1), "transpose_")

    swapaxes_ = swapdims_ = transpose_

    def squeeze_(self, dim: Dim = None) -> Any:
        """:meth:`squeeze` in place. ``torch.Tensor.squeeze_``."""
        return self._become(lambda x: x.squeeze(dim), "squeeze_")

    def unsqueeze_(self, dim: int) -> Any:
        """:meth:`unsqueeze` in place. ``torch.Tensor.unsqueeze_``."""
        return self._become(lambda x: x.unsqueeze(dim), "unsqueeze_")

    # -- dtypes and devices --------------------------------------------------------------------------------------------

    def to(
        self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False
    ) -> Any:
        """In another dtype, on another device, or both; the tensor itself where nothing changes. Differentiable.

        Called as ``to(dtype)``, ``to(device)``, ``to(device, dtype)`` or ``to(other)``, behind which ``non_blocking``
        and ``copy`` may stand.

        Parameters
        ----------
        copy : bool
            Copy also where nothing changes.
        non_blocking : bool
            Accepted as in PyTorch; the backend decides.

        References
        ----------
        ``torch.Tensor.to``.
        """
        flags = [arg for arg in args if isinstance(arg, bool)]  # non_blocking, which the backend decides, and copy
        copy = copy or flags[1:] == [True]
        for arg in args:
            if isinstance(arg, Value):
                dtype, device = arg._dtype, arg._place
            elif isinstance(arg, DType | type) or hasattr(arg, "itemsize"):  # Python's types and NumPy's dtypes too
                dtype = arg
            elif arg is not None and not isinstance(arg, bool):
                device = arg
        out = as_value(self, dtype=dtype, device=device)
        return self.clone() if copy and out is self else out

    def astype(self, dtype: Any, copy: builtins.bool = True) -> Any:
        """See :func:`gradarray.astype`. ``numpy.ndarray.astype``."""
        return manipulation.astype(self, dtype, copy=copy)  # type: ignore[arg-type]

    def copy(self) -> Any:
        """See :meth:`clone`. ``numpy.ndarray.copy``."""
        return self.clone()

    def cpu(self) -> Any:
        """On the CPU. Differentiable. ``torch.Tensor.cpu``."""
        return as_value(self, device="cpu")

    def cuda(self, device: Any = None) -> Any:
        """On a CUDA device. Differentiable. ``torch.Tensor.cuda``."""
        return as_value(self, device="cuda" if device is None else device)

    def type_as(self, other: Any) -> Any:
        """In the dtype of ``other``. ``torch.Tensor.type_as``."""
        return self.to(statistical.check_tensor(other)._dtype)

    def bool(self) -> Any:
        """In ``gradarray.bool``."""
        return self.to(bool_)

    def char(self) -> Any:
        """In ``gradarray.int8``."""
        return self.to(int8)

    def byte(self) -> Any:
        """In ``gradarray.uint8``."""
        return self.to(uint8)

    def short(self) -> Any:
        """In ``gradarray.int16``."""
        return self.to(int16)

    def int(self) -> Any:
        """In ``gradarray.int32``."""
        return self.to(int32)

    def long(self) -> Any:
        """In ``gradarray.int64``."""
        return self.to(int64)

    def float(self) -> Any:
        """In ``gradarray.float32``."""
        return self.to(float32)

    def double(self) -> Any:
        """In ``gradarray.float64``."""
        return self.to(float64)

    def cfloat(self) -> Any:
        """In ``gradarray.complex64``."""
        return self.to(complex64)

    def cdouble(self) -> Any:
        """In ``gradarray.complex128``."""
        return self.to(complex128)


def _shortened(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """``steps`` without two transpositions in a row that undo each other."""
    if len(steps) > 1 and steps[-1] == steps[-2] and steps[-1][0].name in ("transpose", "matrix_transpose"):
        return steps[:-2]
    return steps


def detach(x: Any) -> Any:
    """An alias of ``x`` off the tape."""
    return detached(x)
