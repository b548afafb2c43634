"""Linear algebra: Array API standard, "Linear Algebra Functions", and of the extension the vector norm."""

from __future__ import annotations

from typing import Any

from gradarray._primitive import linear, primitive
from gradarray.ops._helpers import Axis, Shape, unreduce

Shapes = tuple[Shape, ...]


def _matmul_name(params: dict[str, Any], shapes: Shapes) -> str:
    ndims = (len(shapes[0]), len(shapes[1]))
    return {(1, 1): "Dot", (2, 1): "Mv", (2, 2): "Mm", (3, 3): "Bmm"}.get(ndims, "Matmul") + "Backward0"


def _matmul_first(xp: Any, g: Any, x2: Any, shape1: Shape, shape2: Shape) -> Any:
    if len(shape2) == 1:
        return (g if len(shape1) == 1 else g[..., None]) * x2
    if len(shape1) == 1:
        return xp.matmul(x2, g[..., None])[..., 0]
    return xp.matmul(g, xp.matrix_transpose(x2))


def _matmul_second(xp: Any, g: Any, x1: Any, shape1: Shape, shape2: Shape) -> Any:
    if len(shape1) == 1:
        return x1 * g if len(shape2) == 1 else x1[:, None] * g[..., None, :]
    if len(shape2) == 1:
        return xp.matmul(xp.matrix_transpose(x1), g[..., None])[..., 0]
    return xp.matmul(xp.matrix_transpose(x1), g)


linear("matmul", transpose=(_matmul_first, _matmul_second), broadcasts=True, grad_name=_matmul_name)


def _norm_partial(xp: Any, x: Any, out: Any, axis: Axis, ord: float) -> Any:
    """∂‖x‖/∂x; at 0, where there is none, 0, the least of the subgradients."""
    norm = unreduce(xp, out, x.shape, axis)
    if ord == 2:
        return xp.where(norm == 0, xp.zeros_like(x), x / xp.where(norm == 0, xp.ones_like(norm), norm))
    if ord == 1:
        return xp.sign(x)
    size = xp.abs(x)
    if ord in (float("inf"), -float("inf")):
        best = xp.indicator(size == norm, size)
        return xp.sign(x) * (best / xp.sum(best, axis=axis, keepdims=True))
    if ord == 0:
        return xp.zeros_like(x)
    safe = xp.where(norm == 0, xp.ones_like(norm), norm)
    return xp.where(
        size == 0, xp.zeros_like(x), xp.sign(x) * (xp.where(size == 0, xp.ones_like(size), size) / safe) ** (ord - 1)
    )


primitive(
    "linalg.vector_norm",
    vjp=lambda xp, g, x, out, axis, ord: unreduce(xp, g, x.shape, axis) * _norm_partial(xp, x, out, axis, ord),
    jvp=lambda xp, t, x, out, axis, ord, keepdims: xp.sum(
        xp.real(xp.conj(_norm_partial(xp, x, out, axis, ord)) * t)
        if xp.is_complex(x)
        else _norm_partial(xp, x, out, axis, ord) * t,
        axis=axis,
        keepdims=keepdims,
    ),
    holomorphic=False,
    accepts="floating",
    defaults={"axis": None, "keepdims": False, "ord": 2},
    grad_name="LinalgVectorNormBackward0",
)
