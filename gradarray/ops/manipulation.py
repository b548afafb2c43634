"""Manipulation functions: Array API standard, "Manipulation Functions", and conversion ("Data Type Functions").

Records marked ``view`` alias their input's memory. What can be composed of these (``tile``, ``moveaxis``, ``unstack``
…) is, where the functions of the namespace are defined.
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import linear
from gradarray.ops import _batching
from gradarray.ops._helpers import Shape, inverse, sum_to

# -- views -------------------------------------------------------------------------------------------------------------

linear(
    "view",
    transpose=lambda xp, g, shape1: xp.reshape(g, shape=shape1),
    forward=lambda xp, x, *, shape: xp.reshape(x, shape, copy=False),
    view=True,
    grad_name="ViewBackward0",
    batch="shape",
)
linear(
    "permute_dims",
    transpose=lambda xp, g, axes: xp.permute_dims(g, axes=inverse(axes)),
    view=True,
    grad_name="PermuteBackward0",
    batch="axes",
)
linear(
    "transpose",
    transpose=lambda xp, g, axes: xp.permute_dims(g, axes=inverse(axes)),
    forward=lambda xp, x, *, axes: xp.permute_dims(x, axes),
    view=True,
    grad_name=lambda params, shapes: "TBackward0" if len(shapes[0]) == 2 else "TransposeBackward0",
    batch="axes",
)
linear(
    "matrix_transpose",
    transpose=lambda xp, g: xp.matrix_transpose(g),
    view=True,
    grad_name="TransposeBackward0",
    batch="leading",
)
linear(
    "expand_dims",
    transpose=lambda xp, g, axis: xp.squeeze(g, axis=axis),
    view=True,
    grad_name="UnsqueezeBackward0",
    batch="axes",
)
linear(
    "squeeze",
    transpose=lambda xp, g, shape1: xp.reshape(g, shape=shape1),
    view=True,
    grad_name="SqueezeBackward1",
    batch="axes",
)


linear(
    "broadcast_to",
    transpose=sum_to,
    view=True,
    grad_name="ExpandBackward0",
    batch=_batching.broadcast_to,
)

# what the rules of reductions use: a backend may copy where that is quicker
linear(
    "spread",
    transpose=sum_to,
    forward=lambda xp, x, *, shape: xp.broadcast_to(x, shape=shape),
    grad_name="ExpandBackward0",
    batch=_batching.broadcast_to,
)

# -- copies ------------------------------------------------------------------------------------------------------------

linear(
    "reshape",
    transpose=lambda xp, g, shape1: xp.reshape(g, shape=shape1),
    grad_name="UnsafeViewBackward0",
    batch="shape",
)
linear("clone", transpose=lambda g: g, forward=lambda xp, x: xp.asarray(x, copy=True), batch="elementwise")


def _concat(xp: Any, g: Any, shapes: tuple[Shape, ...], axis: int) -> list[Any]:
    axis %= len(shapes[0])
    parts, start = [], 0
    for shape in shapes:
        key = (*(slice(None),) * axis, slice(start, start + shape[axis]), ...)
        parts.append(xp.getitem(g, key=key))
        start += shape[axis]
    return parts


linear(
    "concat",
    transpose=_concat,
    variadic=True,
    listed=True,
    grad_name="CatBackward0",
    defaults={"axis": 0},
    batch="axes",
)


def _stack(xp: Any, g: Any, shapes: tuple[Shape, ...], axis: int) -> list[Any]:
    axis %= len(shapes[0]) + 1
    return [xp.getitem(g, key=(*(slice(None),) * axis, i, ...)) for i in range(len(shapes))]


linear("stack", transpose=_stack, variadic=True, listed=True, defaults={"axis": 0}, batch="axes")
linear("flip", transpose=lambda xp, g, axis: xp.flip(g, axis=axis), defaults={"axis": None}, batch="axes")


def _unroll(xp: Any, g: Any, shift: int | tuple[int, ...], axis: Any) -> Any:
    return xp.roll(g, shift=-shift if isinstance(shift, int) else tuple(-s for s in shift), axis=axis)


linear("roll", transpose=_unroll, defaults={"axis": None}, batch="axes")
linear("tril", transpose=lambda xp, g, k: xp.tril(g, k=k), defaults={"k": 0}, chooses=True, batch="leading")
linear("triu", transpose=lambda xp, g, k: xp.triu(g, k=k), defaults={"k": 0}, chooses=True, batch="leading")

# -- dtypes ------------------------------------------------------------------------------------------------------------


def _cast_back(xp: Any, g: Any, dtype: Any, source: Any) -> Any:
    if dtype.kind == "c" and source.kind != "c":
        return xp.astype(xp.real(g), dtype=source, source=dtype.to_real())
    return xp.astype(g, dtype=source, source=dtype)


linear("astype", transpose=_cast_back, grad_name="ToCopyBackward0", batch="elementwise")
