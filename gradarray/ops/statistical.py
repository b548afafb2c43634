"""Statistical functions: Array API standard, "Statistical Functions".

``max`` and ``min`` share the gradient among ties in equal parts, as ``torch.amax`` does.
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import linear, primitive
from gradarray.ops import _batching
from gradarray.ops._helpers import Axis, Shape, axes_of, before, count, inverse, others, spread, unreduce

_REDUCTION: dict[str, Any] = {"axis": None, "keepdims": False}


def _numbered(name: str) -> Any:
    return lambda params, shapes: f"{name}Backward{int(params.get('axis') is not None)}"


linear(
    "sum",
    transpose=spread,
    defaults=_REDUCTION,
    grad_name=_numbered("Sum"),
    batch="axes",
)
# what a bias gets, which is added to each row: libraries may have a quicker way there than in general
linear(
    "sum_rows",
    transpose=lambda xp, g, shape1: xp.spread(g, shape=shape1),
    forward=lambda xp, x: xp.sum(x, axis=0),
    grad_name="SumBackward1",
    batch=_batching.sum_rows,
)
linear(
    "mean",
    transpose=lambda xp, g, shape1, axis: spread(xp, g / (count(shape1, axis) or 1), shape1, axis),
    defaults=_REDUCTION,
    grad_name=_numbered("Mean"),
    batch="axes",
)


def _ties(xp: Any, x: Any, out: Any, axis: Axis) -> Any:
    """Where the extremum lies, as numbers that sum to one."""
    best = xp.indicator(x == unreduce(xp, out, x.shape, axis), x)
    return best / xp.sum(best, axis=axis, keepdims=True)


for _name in ("max", "min"):
    primitive(
        _name,
        vjp=lambda xp, g, x, out, axis: unreduce(xp, g, x.shape, axis) * _ties(xp, x, out, axis),
        jvp=lambda xp, t, x, out, axis, keepdims: xp.sum(t * _ties(xp, x, out, axis), axis=axis, keepdims=keepdims),
        defaults=_REDUCTION,
        grad_name=f"A{_name}Backward0",
        chooses=True,
        batch="axes",
        real_only=True,
    )


def _flat(xp: Any, x: Any, axis: Axis) -> tuple[Any, tuple[int, ...], Shape]:
    """``x`` with the dimensions of ``axis`` brought to the end and made one."""
    axes = axes_of(axis, len(x.shape))
    order = (*(i for i in range(len(x.shape)) if i not in axes), *axes)
    moved = xp.permute_dims(x, axes=order) if x.shape else x
    rest = tuple(x.shape[i] for i in order[: len(order) - len(axes)])
    return xp.reshape(moved, shape=(*rest, count(x.shape, axis))), order, moved.shape


def _prod_partial(xp: Any, x: Any, axis: Axis) -> Any:
    flat, order, moved = _flat(xp, x, axis)
    partial = xp.reshape(others(xp, flat), shape=moved)
    return xp.permute_dims(partial, axes=inverse(order)) if order else partial


primitive(
    "prod",
    vjp=lambda xp, g, x, axis: unreduce(xp, g, x.shape, axis) * _prod_partial(xp, x, axis),
    jvp=lambda xp, t, x, axis, keepdims: xp.sum(t * _prod_partial(xp, x, axis), axis=axis, keepdims=keepdims),
    defaults=_REDUCTION,
    grad_name=_numbered("Prod"),
    batch="axes",
)


def _along(xp: Any, t: Any, partial: Any) -> Any:
    """``t`` times the derivative of a real function; of complex numbers the real part of the product."""
    return xp.real(xp.conj(partial) * t) if xp.is_complex(partial) else t * partial


def _deviation(xp: Any, x: Any, axis: Axis, correction: float) -> Any:
    """The derivative of the variance."""
    n = count(x.shape, axis) - correction
    return (x - xp.mean(x, axis=axis, keepdims=True)) * (2 / n if n > 0 else float("nan"))


primitive(
    "var",
    vjp=lambda xp, g, x, axis, correction: unreduce(xp, g, x.shape, axis) * _deviation(xp, x, axis, correction),
    jvp=lambda xp, t, x, axis, correction, keepdims: xp.sum(
        _along(xp, t, _deviation(xp, x, axis, correction)), axis=axis, keepdims=keepdims
    ),
    holomorphic=False,
    defaults={**_REDUCTION, "correction": 0.0},
    batch="axes",
)


def _std_partial(xp: Any, x: Any, out: Any, axis: Axis, correction: float) -> Any:
    """∂std/∂x; where all elements are equal, and there is none, 0, the least of the subgradients."""
    std = unreduce(xp, out, x.shape, axis)
    constant = std == 0
    half = 0.5 / xp.where(constant, xp.ones_like(std), std)
    return _deviation(xp, x, axis, correction) * xp.where(constant, xp.zeros_like(std), half)


primitive(
    "std",
    vjp=lambda xp, g, x, out, axis, correction: (
        unreduce(xp, g, x.shape, axis) * _std_partial(xp, x, out, axis, correction)
    ),
    jvp=lambda xp, t, x, out, axis, correction, keepdims: xp.sum(
        _along(xp, t, _std_partial(xp, x, out, axis, correction)), axis=axis, keepdims=keepdims
    ),
    holomorphic=False,
    defaults={**_REDUCTION, "correction": 0.0},
    batch="axes",
)
linear(
    "cumulative_sum",
    transpose=lambda xp, g, axis: xp.flip(xp.cumulative_sum(xp.flip(g, axis=axis), axis=axis), axis=axis),
    grad_name="CumsumBackward0",
    batch="axes",
)


def _recur(xp: Any, a: Any, b: Any) -> Any:
    """``h[j] = b[j] + a[j] * h[j + 1]`` along the last axis (``a`` is one shorter), in log n steps on whole arrays."""
    n, step = b.shape[-1], 1
    while step < n:
        b = xp.concat([b[..., :-step] + a * b[..., step:], b[..., -step:]], axis=-1)
        if 2 * step < n:
            a = a[..., :-step] * a[..., step:]
        step *= 2
    return b


def _on_last(xp: Any, axis: int, rule: Any, *arrays: Any) -> Any:
    """``rule(xp, *arrays)`` with ``axis`` as the last; nothing to do where it is empty."""
    ndim = len(arrays[0].shape)
    if not arrays[0].shape[axis]:
        return arrays[0]
    order = (*(i for i in range(ndim) if i != axis % ndim), axis % ndim)
    moved = rule(xp, *(xp.permute_dims(x, axes=order) for x in arrays))
    return xp.permute_dims(moved, axes=inverse(order))


def _cumprod_vjp(xp: Any, g: Any, x: Any) -> Any:
    """No division, so zeros do no harm, and it can be differentiated again at them."""
    return before(xp, x) * _recur(xp, x[..., 1:], g)


def _cumprod_jvp(xp: Any, t: Any, x: Any) -> Any:
    def back(x: Any) -> Any:
        return xp.flip(x, axis=-1)

    return back(_recur(xp, back(x[..., 1:]), back(before(xp, x) * t)))


primitive(
    "cumulative_prod",
    vjp=lambda xp, g, x, axis: _on_last(xp, axis, _cumprod_vjp, g, x),
    jvp=lambda xp, t, x, axis: _on_last(xp, axis, _cumprod_jvp, t, x),
    grad_name="CumprodBackward0",
    batch="axes",
)
