"""CUDA devices, PyTorch's names. Nothing here needs a GPU, or CuPy, until one is asked for.

References
----------
``torch.cuda``.
"""

from __future__ import annotations

from gradarray import backends
from gradarray.creation import DeviceLike, to_place


def is_available() -> bool:
    """Whether a CUDA device can be used: CuPy is installed, and finds a driver and a device."""
    return backends.get("cupy").unavailable() is None


def device_count() -> int:
    """How many CUDA devices there are; 0 where none can be used."""
    return len(backends.get("cupy").devices()) if is_available() else 0


def synchronize(device: DeviceLike = None) -> None:
    """Wait until everything queued on a CUDA device (by default the first) is done.

    Raises
    ------
    BackendUnavailableError
        If there is none: what is missing, and how to install it.
    """
    place = to_place("cuda" if device is None else device)
    place.backend.synchronize(place.device)


__all__ = ["device_count", "is_available", "synchronize"]
