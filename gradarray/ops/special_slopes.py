"""The slopes of special functions as an operation, for arrays whose chunks NumPy computes.

``slope`` is the partial derivative that a rule of a special function gives, differentiated further as its ``path``
says: :func:`gradarray.ops._special.along`. Its own derivatives are of its kind.
"""

from __future__ import annotations

from typing import Any

from gradarray._primitive import primitive
from gradarray.ops._special import along


def _vjp(xp: Any, g: Any, xs: Any, of: str, path: tuple[int, ...]) -> list[Any]:
    return [
        None if isinstance(x, int | float) else xp.strong_multiply(g, xp.slope(*xs, of=of, path=(*path, i)))
        for i, x in enumerate(xs)
    ]


def _jvp(xp: Any, ts: Any, xs: Any, of: str, path: tuple[int, ...]) -> Any:
    terms = [xp.strong_multiply(t, xp.slope(*xs, of=of, path=(*path, i))) for i, t in enumerate(ts) if t is not None]
    return sum(terms[1:], start=terms[0])


primitive(
    "slope",
    vjp=_vjp,
    jvp=_jvp,
    forward=along,
    variadic=True,
    holomorphic=False,  # of real numbers alone
    broadcasts=True,
    accepts="floating",
    singular=True,
)
