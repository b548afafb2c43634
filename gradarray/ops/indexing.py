"""Indexing: Array API standard, "Indexing" and "Indexing Functions".

``getitem`` is basic indexing, a view; ``index`` has arrays of integers or masks in its key, which come as inputs of
their own. The adjoint of both adds a cotangent into zeros; ``xp.scattered`` is ``xp.index_adjoint``, put off until it
is added to something.
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import linear, primitive
from gradarray.ops import _batching


def _basic_name(params: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> str:
    # PyTorch takes the parts of a key one after the other, and the last that does anything gives the name
    for k in reversed(params["key"]):
        if k is None:
            return "UnsqueezeBackward0"
        if isinstance(k, int):
            return "SelectBackward0"
        if k is not Ellipsis and k != slice(None):
            return "SliceBackward0"
    return "AliasBackward0" if all(k is Ellipsis for k in params["key"]) else "SliceBackward0"


linear(
    "getitem",
    transpose=lambda xp, g, key, shape1: xp.scattered(g, (), key, shape1),
    view=True,
    chooses=True,
    grad_name=_basic_name,
    batch=_batching.getitem,
)


def _index_vjp(xp: Any, g: Any, rest: Any, key: Any, shapes: Any) -> list[Any]:
    return [xp.scattered(g, rest, key, shapes[0]), *(None for _ in rest)]


primitive(
    "index",
    vjp=_index_vjp,
    jvp=lambda xp, ts, rest, key: xp.index(ts[0], *rest, key=key),
    holomorphic=False,  # linear, and the same for real and imaginary parts: nothing is to be conjugated
    variadic=True,
    promote=(),
    chooses=True,
    batch=_batching.index,
)


def _adjoint_name(params: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> str:
    key = params["key"]
    if len(shapes) > 1:  # with arrays
        return "IndexPutImplBackward0"
    if key[0] is Ellipsis and len(key) == len(params["shape"]) + 1 and all(type(k) is slice for k in key[1:]):
        return "ConstantPadNdBackward0"
    return _basic_name(params, shapes).replace("Backward0", "BackwardBackward0")


def _adjoint_vjp(xp: Any, g: Any, rest: Any, key: Any, shapes: Any) -> list[Any]:
    found = xp.index(g, *rest, key=key) if rest else xp.getitem(g, key=key)
    if found.shape != shapes[0]:  # of a length that is unknown until it is computed, by a mask
        found = xp.reshape(found, shape=shapes[0])
    return [found, *(None for _ in rest)]


primitive(
    "index_adjoint",
    vjp=_adjoint_vjp,
    jvp=lambda xp, ts, rest, key, shape: xp.index_adjoint(ts[0], *rest, key=key, shape=shape),
    holomorphic=False,
    variadic=True,
    promote=(),
    grad_name=_adjoint_name,
    batch=_batching.index_adjoint,
)
