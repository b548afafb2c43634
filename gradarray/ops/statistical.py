"""Statistical functions: Array API standard, "Statistical Functions".

``max`` and ``min`` share the gradient among ties in equal parts, as ``torch.amax`` does.
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import linear, primitive
from gradarray.ops._helpers import Axis, Shape, axes_of, count, spread, unreduce

_REDUCTION: dict[str, Any] = {"axis": None, "keepdims": False}


def _numbered(name: str) -> Any:
    return lambda params, shapes: f"{name}Backward{int(params.get('axis') is not None)}"


linear(
    "sum",
    transpose=lambda xp, g, shape1, axis: spread(xp, g, shape1, axis),
    defaults=_REDUCTION,
    grad_name=_numbered("Sum"),
)
linear(
    "mean",
    transpose=lambda xp, g, shape1, axis: spread(xp, g / max(count(shape1, axis), 1), shape1, axis),
    defaults=_REDUCTION,
    grad_name=_numbered("Mean"),
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
    )


def _flat(xp: Any, x: Any, axis: Axis) -> tuple[Any, tuple[int, ...], Shape]:
    """``x`` with the dimensions of ``axis`` brought to the end and made one."""
    axes = axes_of(axis, len(x.shape))
    order = (*(i for i in range(len(x.shape)) if i not in axes), *axes)
    moved = xp.permute_dims(x, axes=order) if x.shape else x
    rest = tuple(x.shape[i] for i in order[: len(order) - len(axes)])
    return xp.reshape(moved, shape=(*rest, count(x.shape, axis))), order, moved.shape


def _others(xp: Any, x: Any) -> Any:
    """For each element the product of the others along the last axis; no division, so zeros do no harm."""
    ones = xp.ones_like(x[..., :1])
    before = xp.cumulative_prod(xp.concat([ones, x[..., :-1]], axis=-1), axis=-1)
    after = xp.cumulative_prod(xp.flip(xp.concat([x[..., 1:], ones], axis=-1), axis=-1), axis=-1)
    return before * xp.flip(after, axis=-1)


def _prod_partial(xp: Any, x: Any, axis: Axis) -> Any:
    flat, order, moved = _flat(xp, x, axis)
    others = xp.reshape(_others(xp, flat), shape=moved)
    return xp.permute_dims(others, axes=tuple(order.index(i) for i in range(len(order)))) if order else others


primitive(
    "prod",
    vjp=lambda xp, g, x, axis: unreduce(xp, g, x.shape, axis) * _prod_partial(xp, x, axis),
    jvp=lambda xp, t, x, axis, keepdims: xp.sum(t * _prod_partial(xp, x, axis), axis=axis, keepdims=keepdims),
    defaults=_REDUCTION,
    grad_name=_numbered("Prod"),
)


def _deviation(xp: Any, x: Any, axis: Axis, correction: float) -> Any:
    """The derivative of the variance."""
    n = count(x.shape, axis) - correction
    return (x - xp.mean(x, axis=axis, keepdims=True)) * (2 / n if n else float("nan"))


primitive(
    "var",
    vjp=lambda xp, g, x, axis, correction: unreduce(xp, g, x.shape, axis) * _deviation(xp, x, axis, correction),
    jvp=lambda xp, t, x, axis, correction, keepdims: xp.sum(
        t * _deviation(xp, x, axis, correction), axis=axis, keepdims=keepdims
    ),
    defaults={**_REDUCTION, "correction": 0.0},
)


def _std_partial(xp: Any, x: Any, out: Any, axis: Axis, correction: float) -> Any:
    return _deviation(xp, x, axis, correction) / (2 * unreduce(xp, out, x.shape, axis))


primitive(
    "std",
    vjp=lambda xp, g, x, out, axis, correction: xp.strong_multiply(
        xp.broadcast_to(unreduce(xp, g, x.shape, axis), shape=x.shape), _std_partial(xp, x, out, axis, correction)
    ),
    jvp=lambda xp, t, x, out, axis, correction, keepdims: xp.sum(
        xp.strong_multiply(t, _std_partial(xp, x, out, axis, correction)), axis=axis, keepdims=keepdims
    ),
    defaults={**_REDUCTION, "correction": 0.0},
)
linear(
    "cumulative_sum",
    transpose=lambda xp, g, axis: xp.flip(xp.cumulative_sum(xp.flip(g, axis=axis), axis=axis), axis=axis),
    grad_name="CumsumBackward0",
)


def _cumprod_last(xp: Any, g: Any, x: Any) -> Any:
    """The vjp of the cumulative product along the last axis, in n² products and without division.

    ∂out[j]/∂x[i] is the product of all before i times that of all between i and j.
    """
    n = x.shape[-1]
    row = xp.expand_dims(x, axis=-2)
    square = xp.broadcast_to(row, shape=(*x.shape[:-1], n, n))
    between = xp.cumulative_prod(xp.triu(square, k=1) + xp.tril(xp.ones_like(square), k=0), axis=-1)
    ones = xp.ones_like(x[..., :1])
    before = xp.cumulative_prod(xp.concat([ones, x[..., :-1]], axis=-1), axis=-1)
    return before * xp.sum(xp.triu(xp.expand_dims(g, axis=-2) * between, k=0), axis=-1)


def _cumprod_vjp(xp: Any, g: Any, x: Any, axis: int) -> Any:
    if not x.shape[axis]:
        return g
    order = list(range(len(x.shape)))
    order.append(order.pop(axis))
    back = tuple(order.index(i) for i in range(len(order)))
    moved = _cumprod_last(xp, xp.permute_dims(g, axes=tuple(order)), xp.permute_dims(x, axes=tuple(order)))
    return xp.permute_dims(moved, axes=back)


def _cumprod_jvp(xp: Any, t: Any, x: Any, axis: int) -> Any:
    n = x.shape[axis]
    terms = [xp.concat([_part(x, axis, 0, i), _part(t, axis, i, i + 1), _part(x, axis, i + 1, n)], axis=axis) for i in range(n)]
    total = xp.zeros_like(x)
    for i, term in enumerate(terms):
        product = xp.cumulative_prod(term, axis=axis)
        total = total + xp.concat([xp.zeros_like(_part(x, axis, 0, i)), _part(product, axis, i, n)], axis=axis)
    return total


def _part(x: Any, axis: int, start: int, stop: int) -> Any:
    return x[(*(slice(None),) * (axis % len(x.shape)), slice(start, stop), ...)]


primitive("cumulative_prod", vjp=_cumprod_vjp, jvp=_cumprod_jvp, grad_name="CumprodBackward0")

