"""Searching functions: Array API standard, "Searching Functions"; and tests of truth, "Utility Functions"."""

from __future__ import annotations

from gradarray._primitive import nondiff, primitive
from gradarray.ops import _batching

primitive(
    "where",
    vjp=(
        None,
        lambda xp, g, x1: xp.where(x1, g, xp.zeros_like(g)),
        lambda xp, g, x1: xp.where(x1, xp.zeros_like(g), g),
    ),
    jvp=lambda xp, ts, x1, out: xp.where(
        x1,
        xp.zeros_like(out) if ts[1] is None else ts[1],
        xp.zeros_like(out) if ts[2] is None else ts[2],
    ),
    promote=(1, 2),
    broadcasts=True,
    chooses=True,
)
nondiff("argmax", "argmin", defaults={"axis": None, "keepdims": False}, batch="axes", real_only=True)
nondiff("all", "any", "count_nonzero", defaults={"axis": None, "keepdims": False}, batch="axes")
nondiff("searchsorted", inputs=2, batch=_batching.searchsorted)
nondiff("nonzero", outputs=0, batch=_batching.refused)
