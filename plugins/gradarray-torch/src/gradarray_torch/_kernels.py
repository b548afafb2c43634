"""Functions of PyTorch under the standard's names: quicker than array-api-compat's, or mended.

Knows PyTorch and array-api-compat's namespace of it. Must not know gradarray. Operands are of one dtype already, but
for Python numbers. Each function here that does not just rename says where PyTorch 2.13 strays from the standard.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import array_api_compat.torch as compat
import numpy as np
import torch
from array_api_compat.torch import fft
from torch import Tensor

from gradarray_torch._hosted import hosted, hosted_pair
from gradarray_torch._indexing import SIGNED, basic, flip

Axis = int | tuple[int, ...] | None

# -- elementwise -------------------------------------------------------------------------------------------------------


def strong_multiply(g: Tensor, p: Any) -> Tensor:
    """``g * p`` where a zero in ``g`` beats an inf or nan in ``p``.

    On the CPU it is asked if there is a nan at all; a GPU would have to be waited for.
    """
    product: Tensor = g * p
    if product.is_cpu and not _has_nan(product):
        return product
    return torch.where(g == 0, torch.zeros((), dtype=product.dtype, device=product.device), product)


def _has_nan(x: Tensor) -> bool:
    """Whether an element may be nan: of few it is told soonest by whether they equal themselves, else by their sum."""
    try:
        if x.numel() <= 2048:
            return not torch.equal(x, x)
        return math.isnan(abs(x.sum().item()))
    except RuntimeError:  # while PyTorch traces, there are no values
        return True


def tensors(function: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Any, Any], Tensor]:
    """PyTorch's function of two tensors, also of a tensor and a Python number."""

    def run(x1: Any, x2: Any) -> Tensor:
        try:
            return function(x1, x2)
        except TypeError:
            return function(*_as_tensors(x1, x2))

    return run


def _as_tensors(x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    like = x1 if isinstance(x1, Tensor) else x2
    one, two = (torch.as_tensor(x, dtype=like.dtype, device=like.device) for x in (x1, x2))
    return one, two


def sign(x: Tensor) -> Tensor:
    """PyTorch's gives 0 for nan, and has another name for complex numbers."""
    if x.is_complex():
        return torch.sgn(x)
    return torch.where(x != x, x, torch.sign(x)) if x.is_floating_point() else torch.sign(x)


def own(function: Callable[[Tensor], Tensor], *, only: Callable[[Tensor], bool]) -> Callable[[Tensor], Tensor]:
    """PyTorch's function where ``only`` holds; a copy where it would give ``x`` itself."""
    return lambda x: function(x) if only(x) else x.clone()


def floor_divide(x1: Any, x2: Any) -> Tensor:
    """PyTorch's follows Python where one operand is infinite; the standard wants the floor of the quotient."""
    out: Tensor = x1 // x2
    if not out.is_floating_point():
        return out
    x1, x2 = _as_tensors(x1, x2)
    return torch.where(torch.isinf(x1) ^ torch.isinf(x2), x1 / x2, out)


def remainder(x1: Any, x2: Any) -> Tensor:
    """PyTorch's zeros have not the sign of the divisor."""
    out: Tensor = x1 % x2
    if not out.is_floating_point():
        return out
    return torch.where(out == 0, torch.copysign(out, _as_tensors(x1, x2)[1]), out)


def acos(x: Tensor) -> Tensor:
    """PyTorch's complex one gives 0 for the imaginary part where it is -0."""
    out = torch.acos(x)
    return torch.complex(out.real, torch.copysign(out.imag, -x.imag)) if x.is_complex() else out


def log1p(x: Tensor) -> Tensor:
    """PyTorch's complex one gives nan for what is infinite in one part and nan in the other."""
    out = torch.log1p(x)
    if not x.is_complex():
        return out
    infinite = torch.isinf(x.real) | torch.isinf(x.imag)
    return torch.complex(torch.where(infinite, torch.full_like(out.real, math.inf), out.real), out.imag)


def clip(x: Tensor, min: Any = None, max: Any = None) -> Tensor:
    """PyTorch's wants a limit, and would make a floating result of integers; array-api-compat's sees to these."""
    if x.is_floating_point() and not min is max is None:
        return torch.clamp(x, min, max)
    return compat.clip(x, min, max)


def where(condition: Any, x1: Any, x2: Any) -> Tensor:
    """PyTorch's takes no Python bool for the condition."""
    if not isinstance(condition, Tensor):
        like = x1 if isinstance(x1, Tensor) else x2
        condition = torch.as_tensor(condition, device=like.device)
    return torch.where(condition, x1, x2)


def argsort(x: Tensor, *, axis: int, descending: bool, stable: bool) -> Tensor:
    """PyTorch's takes uint16, uint32 and uint64 on no GPU; signed, and with the highest bit turned, they sort alike."""
    signed = SIGNED.get(x.dtype)
    x = x if signed is None else x.view(signed) ^ torch.iinfo(signed).min
    return compat.argsort(x, axis=axis, descending=descending, stable=stable)


# -- sums --------------------------------------------------------------------------------------------------------------


def _reduction(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """PyTorch's takes ``axis=()`` for all axes."""

    def run(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
        if axis == ():
            return x.clone()
        return function(x) if axis is None and not keepdims else function(x, _axes(x, axis), keepdims)

    return run


def _axes(x: Tensor, axis: Axis) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)


def _as_given(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """PyTorch's adds up uint64 in int64: the bits are right."""

    def run(x: Tensor, **params: Any) -> Tensor:
        out = function(x, **params)
        return out.view(torch.uint64) if x.dtype == torch.uint64 else out

    return run


def _prod(x: Tensor, axes: tuple[int, ...] = (), keepdims: bool = False) -> Tensor:
    """PyTorch's knows one axis or all."""
    if not axes:
        return torch.prod(x)
    for a in sorted((a % x.ndim for a in axes), reverse=True):
        x = torch.prod(x, a, keepdims)
    return x


def _truth(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """PyTorch's gives uint8 for uint8."""

    def run(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
        x = x if x.dtype == torch.bool else x != 0
        return x.clone() if axis == () else function(x, dim=_axes(x, axis), keepdim=keepdims) if x.ndim else x.clone()

    return run


def count_nonzero(x: Tensor, *, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """PyTorch's has no keepdims."""
    mask = x != 0
    return mask.to(torch.int64) if axis == () else torch.sum(mask, _axes(x, axis), keepdims)


def _extreme(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def run(x: Tensor, *, axis: int | None = None, keepdims: bool = False) -> Tensor:
        """PyTorch's takes no bool, and is not sure to give the first of several."""
        return function(x.to(torch.uint8) if x.dtype == torch.bool else x, axis, keepdims)

    return run


def var(x: Tensor, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """PyTorch's warns where there are no more elements than ``correction``, or none; NumPy gives nan or inf."""
    axes = _axes(x, axis)
    n = math.prod(x.shape[a] for a in axes)
    if axes and x.numel() and n > correction:
        return torch.var(x, axes, correction=correction, keepdim=keepdims)
    apart = x - mean(x, axis=axes, keepdims=True)
    return _sum((apart * apart.conj()).real if x.is_complex() else apart * apart, axis=axes, keepdims=keepdims) / max(
        n - correction, 0
    )


def std(x: Tensor, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Tensor:
    """PyTorch's takes whole corrections only, by way of array-api-compat."""
    return torch.sqrt(var(x, axis=axis, correction=correction, keepdims=keepdims))


mean = _reduction(torch.mean)
_sum = _reduction(torch.sum)


def vector_norm(x: Tensor, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    """PyTorch's takes ``axis=()`` for all axes, and warns of complex numbers where it counts those that are not 0."""
    if ord == 0 or axis == ():
        parts = (x != 0).to(x.abs().dtype) if ord == 0 else x.abs()
        return parts if axis == () else torch.sum(parts, _axes(x, axis), keepdims)
    out: Tensor = torch.linalg.vector_norm(x, ord, axis, keepdims)
    return out


def _fft(name: str) -> Callable[..., Tensor]:
    """PyTorch's fails for no elements (MKL's does)."""
    function: Callable[..., Tensor] = getattr(fft, name)

    def run(x: Tensor, **params: Any) -> Tensor:
        if x.numel():
            return function(x, **params)
        like = function(torch.empty(x.shape, dtype=x.dtype, device="meta"), **params)
        return torch.zeros(like.shape, dtype=like.dtype, device=x.device)

    return run


# -- searching and shapes ----------------------------------------------------------------------------------------------


def searchsorted(x1: Tensor, x2: Tensor, *, side: str = "left") -> Tensor:
    """PyTorch's warns of values that do not lie in a row, and takes nan for less than a number, not for more."""
    if not x1.is_floating_point():
        return torch.searchsorted(x1.contiguous(), x2.contiguous(), side=side)
    numbers = x1.numel() - torch.isnan(x1).sum()
    one, two = (torch.nan_to_num(x, math.inf, math.inf, -math.inf).contiguous() for x in (x1, x2))
    found = torch.minimum(torch.searchsorted(one, two, side=side), numbers)
    return torch.where(torch.isnan(x2), numbers if side == "left" else torch.full_like(numbers, x1.numel()), found)


def nonzero(x: Tensor) -> tuple[Tensor, ...]:
    """PyTorch's takes 0-d arrays, which the standard forbids."""
    if not x.ndim:
        raise ValueError("nonzero needs at least one dimension, got a 0-d array; reshape it to (1,)")
    found: tuple[Tensor, ...] = torch.nonzero(x if x.dtype == torch.bool else x != 0, as_tuple=True)
    return found


def view(x: Tensor, *, shape: Sequence[int]) -> Tensor:
    """ValueError where a copy is needed."""
    try:
        return x.view(shape)
    except RuntimeError as error:
        raise ValueError(str(error)) from None


def roll(x: Tensor, shift: int | tuple[int, ...], *, axis: Axis = None) -> Tensor:
    """PyTorch's takes no single shift for several axes."""
    axes = () if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return torch.roll(x, (shift,) * max(len(axes), 1) if isinstance(shift, int) else shift, axes)


def _real(name: str) -> Callable[[Tensor], Tensor]:
    """PyTorch's takes no complex numbers, of which the standard rounds both parts."""
    function = getattr(torch, name)
    return lambda x: torch.complex(function(x.real), function(x.imag)) if x.is_complex() else function(x)


def _lower(name: str) -> Callable[..., Tensor]:
    function = getattr(torch, name)
    return hosted(lambda x, k=0: function(x, k), getattr(np, name))


SEARCH: dict[str, Callable[[Any, Any], Any]] = {
    side: hosted_pair(partial(searchsorted, side=side), partial(np.searchsorted, side=side))
    for side in ("left", "right")
}
KERNELS: dict[str, Callable[..., Any]] = {
    "abs": hosted(torch.abs, np.abs),
    "acos": acos,
    "add": hosted_pair(operator.add, np.add),
    "all": _truth(torch.all),
    "any": _truth(torch.any),
    "argmax": hosted(_extreme(torch.argmax), np.argmax),
    "argmin": hosted(_extreme(torch.argmin), np.argmin),
    "argsort": argsort,
    "atan2": tensors(torch.atan2),
    "bitwise_and": hosted_pair(operator.and_, np.bitwise_and),
    "bitwise_invert": hosted(operator.invert, np.invert),
    "bitwise_left_shift": hosted_pair(operator.lshift, np.left_shift),
    "bitwise_or": hosted_pair(operator.or_, np.bitwise_or),
    "bitwise_right_shift": hosted_pair(operator.rshift, np.right_shift),
    "bitwise_xor": hosted_pair(operator.xor, np.bitwise_xor),
    "broadcast_to": lambda x, shape: x.expand(shape),
    "clip": hosted(clip, np.clip),
    "clone": torch.clone,
    "concat": lambda xs, *, axis=0: torch.cat(xs, axis),
    "conj": own(torch.conj_physical, only=torch.is_complex),
    "copysign": tensors(torch.copysign),
    "count_nonzero": count_nonzero,
    "cumulative_prod": _as_given(lambda x, *, axis: torch.cumprod(x, axis)),
    "cumulative_sum": _as_given(lambda x, *, axis: torch.cumsum(x, axis)),
    "divide": operator.truediv,
    "equal": operator.eq,
    "expand_dims": lambda x, *, axis: x.unsqueeze(axis),
    **{f"fft.{name}": _fft(name) for name in ("fftn", "ifftn", "irfft", "rfft")},
    "flip": lambda x, *, axis=None: flip(x, _axes(x, axis)),
    "floor_divide": hosted_pair(floor_divide, np.floor_divide),
    "getitem": basic,
    "greater": hosted_pair(operator.gt, np.greater),
    "greater_equal": hosted_pair(operator.ge, np.greater_equal),
    "hypot": tensors(torch.hypot),
    "imag": lambda x: x.imag.clone(),
    "indicator": lambda mask, like: mask.to(like.dtype),
    "less": hosted_pair(operator.lt, np.less),
    "less_equal": hosted_pair(operator.le, np.less_equal),
    "log1p": log1p,
    "logaddexp": tensors(torch.logaddexp),
    "linalg.vector_norm": vector_norm,
    "logical_and": hosted_pair(tensors(torch.logical_and), np.logical_and),
    "logical_not": hosted(torch.logical_not, np.logical_not),
    "logical_or": hosted_pair(tensors(torch.logical_or), np.logical_or),
    "logical_xor": hosted_pair(tensors(torch.logical_xor), np.logical_xor),
    "matmul": hosted_pair(operator.matmul, np.matmul),
    "matmul_nt": lambda x1, x2: x1 @ x2.mT,
    "matmul_tn": lambda x1, x2: x1.mT @ x2,
    "matrix_transpose": lambda x: x.mT,
    "max": hosted(_reduction(torch.amax), np.max),
    "maximum": hosted_pair(tensors(torch.maximum), np.maximum),
    "mean": mean,
    "min": hosted(_reduction(torch.amin), np.min),
    "minimum": hosted_pair(tensors(torch.minimum), np.minimum),
    "multiply": hosted_pair(operator.mul, np.multiply),
    "negative": hosted(operator.neg, np.negative),
    "nextafter": tensors(torch.nextafter),
    "nonzero": nonzero,
    "not_equal": operator.ne,
    "permute_dims": lambda x, axes: x.permute(axes),
    "positive": torch.clone,
    "pow": hosted_pair(operator.pow, np.power),
    "pow_number": hosted_pair(operator.pow, np.power),
    "prod": _as_given(_reduction(_prod)),
    "real": own(lambda x: x.real.clone(), only=torch.is_complex),
    "relu": own(torch.relu, only=lambda x: x.dtype.is_signed),
    "relu_backward": lambda g, out: torch.ops.aten.threshold_backward(g, out, 0),
    "remainder": hosted_pair(remainder, np.remainder),
    "reshape": lambda x, shape: x.reshape(shape),
    "roll": roll,
    "round": _real("round"),
    "searchsorted": lambda x1, x2, *, side="left": SEARCH[side](x1, x2),
    "sigmoid_backward": torch.ops.aten.sigmoid_backward,
    "sign": hosted(sign, np.sign),
    "spread": lambda x, *, shape: x.expand(shape),
    "square": hosted(torch.square, np.square),
    "squeeze": lambda x, *, axis: x.squeeze(axis),
    "stack": lambda xs, *, axis=0: torch.stack(xs, axis),
    "std": std,
    "strong_multiply": strong_multiply,
    "subtract": hosted_pair(operator.sub, np.subtract),
    "sum": _as_given(_sum),
    "tanh_backward": torch.ops.aten.tanh_backward,
    "tril": _lower("tril"),
    "triu": _lower("triu"),
    "var": var,
    "view": view,
    "where": hosted(where, np.where),
}
