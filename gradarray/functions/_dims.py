"""PyTorch's ``dim`` and the standard's ``axis``, which are one thing. Knows numbers only."""

from __future__ import annotations

from typing import Any

Dim = int | tuple[int, ...] | list[int] | None


def chosen(dim: Dim, axis: Dim) -> Any:
    """The one of ``dim`` and ``axis`` that was given, or None.

    Raises
    ------
    TypeError
        If both were.
    """
    if dim is not None and axis is not None:
        raise TypeError(f"dim and axis are the same thing; got dim={dim!r} and axis={axis!r}")
    found = axis if dim is None else dim
    return tuple(found) if isinstance(found, list) else found


def needed(name: str, dim: int | None, axis: int | None) -> int:
    """The same, where one must be given."""
    found = chosen(dim, axis)
    if found is None:
        raise TypeError(f"{name}: dim must be given, for example dim=-1")
    return found  # type: ignore[no-any-return]
