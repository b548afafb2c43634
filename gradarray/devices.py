"""Devices as values, ``[backend:]type[:index]``, and which one is the default here and now.

Knows the form of a device's name. Must not know backends, arrays or which devices exist: naming a device asks nobody.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final, final

# Types that may be named without their backend, which is what a user of PyTorch writes.
SHORT: Final[dict[str, str]] = {"cpu": "numpy", "cuda": "cupy"}


@final
class Device:
    """Where a tensor's memory lies: a backend, a device type of that backend and, where it has several, an index.

    Immutable, hashable, compared by value. ``"cpu"`` is NumPy's, ``"cuda"``/``"cuda:1"`` CuPy's, others carry the name
    of their backend: ``"torch:cpu"``, ``"jax:cpu:0"``, ``"strict:device1"``.
    """

    __slots__ = ("backend", "index", "type")

    backend: str
    type: str
    index: int | None

    def __new__(cls, device: str | Device, type: str | int | None = None, index: int | None = None) -> Device:
        """``Device("cuda:1")``, ``Device("cuda", 1)``, or all parts: ``Device("cupy", "cuda", 1)``."""
        if isinstance(device, Device):
            return device
        self = object.__new__(cls)
        if isinstance(type, str):
            parts = device, type, index
        else:
            parts = _parse(device if type is None else f"{device}:{type}")
        for name, value in zip(cls.__slots__, (parts[0], parts[2], parts[1]), strict=True):
            object.__setattr__(self, name, value)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a device cannot be changed (tried to set {name!r}); make a new one")

    def __str__(self) -> str:
        named = self.type if SHORT.get(self.type) == self.backend else f"{self.backend}:{self.type}".rstrip(":")
        return named if self.index is None else f"{named}:{self.index}"

    def __repr__(self) -> str:
        named = self.type if SHORT.get(self.type) == self.backend else f"{self.backend}:{self.type}".rstrip(":")
        return f"device(type='{named}')" if self.index is None else f"device(type='{named}', index={self.index})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Device):
            return NotImplemented
        return (self.backend, self.type, self.index) == (other.backend, other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.backend, self.type, self.index))

    def __reduce__(self) -> tuple[object, ...]:
        return Device, (self.backend, self.type, self.index)

    def __enter__(self) -> Device:
        """Make it the default device inside of a ``with`` block."""
        _entered.set((*_entered.get(), self))
        return self

    def __exit__(self, *error: object) -> None:
        _entered.set(_entered.get()[:-1])


_Parts = tuple[str, str, int | None]


def _parse(name: Any) -> _Parts:
    """Backend, type (empty if left out) and index of the device that ``name`` names.

    Raises
    ------
    RuntimeError
        If ``name`` has not the form ``[backend:]type[:index]``.
    """
    parts = name.split(":") if isinstance(name, str) else [""]
    index: int | None = None
    if len(parts) > 1 and parts[-1].isdecimal():
        index = int(parts.pop())
    if len(parts) == 1 and parts[0] in SHORT:
        return SHORT[parts[0]], parts[0], index
    if len(parts) > 2 or not all(part.isidentifier() for part in parts):
        raise RuntimeError(
            f"a device is named [backend:]type[:index], such as 'cpu', 'cuda:1' or 'torch:cpu', got {name!r}"
        )
    return parts[0], parts[1] if len(parts) == 2 else "", index


_entered: Final[ContextVar[tuple[Device, ...]]] = ContextVar("gradarray.devices", default=())
_default = Device("cpu")


def get_default_device() -> Device:
    """The device that tensors are created on: of the innermost ``with device:``, else the one set, else the CPU.

    References
    ----------
    ``torch.get_default_device``.
    """
    entered = _entered.get()
    return entered[-1] if entered else _default


def set_default_device(device: Device | str | None, /) -> None:
    """Make ``device`` (None: the CPU) the one that tensors are created on.

    References
    ----------
    ``torch.set_default_device``.
    """
    global _default
    _default = Device("cpu" if device is None else device)
