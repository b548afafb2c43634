"""Indexing: Array API standard, "Indexing" and "Indexing Functions".

``getitem`` is basic indexing, a view; ``index`` has arrays of integers or masks in its key, which come as inputs of their
own. The adjoint of both adds a cotangent into zeros.
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import linear, primitive


def _basic_name(params: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> str:
    key = [k for k in params["key"] if k is not Ellipsis]
    if key and all(isinstance(k, int) for k in key):
        return "SelectBackward0"
    return "UnsqueezeBackward0" if key and all(k is None for k in key) else "SliceBackward0"


linear(
    "getitem",
    transpose=lambda xp, g, key, shape1: xp.index_adjoint(g, key=key, shape=shape1),
    view=True,
    grad_name=_basic_name,
)


def _index_vjp(xp: Any, g: Any, rest: Any, key: Any, shapes: Any) -> list[Any]:
    return [xp.index_adjoint(g, *rest, key=key, shape=shapes[0]), *(None for _ in rest)]


primitive(
    "index",
    vjp=_index_vjp,
    jvp=lambda xp, ts, rest, key: xp.index(ts[0], *rest, key=key),
    variadic=True,
    promote=(),
)


def _adjoint_vjp(xp: Any, g: Any, rest: Any, key: Any) -> list[Any]:
    return [xp.index(g, *rest, key=key) if rest else xp.getitem(g, key=key), *(None for _ in rest)]


primitive(
    "index_adjoint",
    vjp=_adjoint_vjp,
    jvp=lambda xp, ts, rest, key, shape: xp.index_adjoint(ts[0], *rest, key=key, shape=shape),
    variadic=True,
    promote=(),
    grad_name="IndexPutBackward0",
)
