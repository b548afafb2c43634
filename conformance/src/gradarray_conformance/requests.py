"""What a session is asked for, by pytest's options and by the command alike: devices and a profile.

Knows which devices are there. Must not know pytest's session, or any check.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

PROFILES: Final = ("quick", "standard", "thorough")


def resolved(devices: Sequence[str]) -> list[str]:
    """The devices themselves, present and with their index, each once.

    Raises
    ------
    ValueError
        If one is not there; the message says why, or which there are.
    """
    from gradarray.backends import resolve

    try:
        return list(dict.fromkeys(str(resolve(device)) for device in devices))
    except RuntimeError as error:
        raise ValueError(str(error)) from None
