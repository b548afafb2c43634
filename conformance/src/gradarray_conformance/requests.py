"""What a session is asked for, by pytest's options, the command and the environment: devices, a profile, how much.

Knows which devices are there. Must not know pytest's session, or any check.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

PROFILES: Final = ("quick", "standard", "thorough")
SAMPLES: Final = "GRADARRAY_TEST_SAMPLES"
EXTENTS: Final = {
    "all": "",
    "few": "few samples of each operation",
    "one": "one sample of each operation",
}
"""How many samples an operation may have, and how a report says so."""


def positive(text: str) -> int:
    """A number of examples.

    Raises
    ------
    ValueError
        If it is none, or less than 1.
    """
    if (number := int(text)) < 1:
        raise ValueError
    return number


def extent(device: str) -> str:
    """How many samples each operation is to have on ``device``: all, few or one.

    So the environment says by ``GRADARRAY_TEST_SAMPLES``, or ``--gradarray-samples``, for all devices but the CPU,
    which has all.

    Raises
    ------
    ValueError
        If it says anything else.
    """
    given = os.environ.get(SAMPLES) or "all"
    if given not in EXTENTS:
        raise ValueError(f"{SAMPLES}: expected {', '.join(EXTENTS)}, got {given!r}")
    return "all" if device == "cpu" else given


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
