"""How much memory an array takes, and how amounts read. Knows arrays as opaque values with a shape and a dtype."""

from __future__ import annotations

from typing import Any


def nbytes(raw: Any) -> int:
    """Bytes of an array."""
    size = int(raw.dtype.itemsize)
    for n in raw.shape:
        size *= int(n)
    return size


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
