"""How much memory an array takes, and how amounts read. Knows places."""

from __future__ import annotations

import math
from typing import Any

from gradarray._place import place_of_array


def nbytes(raw: Any) -> int:
    """Bytes of an array; 0 where its lengths are not known before it is computed."""
    place, n = place_of_array(raw), math.prod(raw.shape)
    item = place.dtype(raw).itemsize if place is not None else raw.dtype.itemsize  # the latter of NumPy's scalars
    return int(n) * int(item) if n == n else 0


def bytes_text(n: float) -> str:
    """Such as ``"12 B"`` or ``"1.15 kB"``."""
    units = iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while n >= 1000 and unit != "GB":
        n, unit = n / 1000, next(units)
    return f"{n:.3g} {unit}"


def seconds_text(seconds: float) -> str:
    """Such as ``"1.5 ms"`` or ``"80 ns"``."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"
