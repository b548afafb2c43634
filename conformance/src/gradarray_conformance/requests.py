"""What a session is asked for, by pytest's options, the command and the environment: devices, a profile, how much.

Knows which devices are there. Must not know pytest's session, or any check.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

PROFILES: Final = ("quick", "standard", "thorough")


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


def one_sample(device: str) -> bool:
    """Whether each operation is to have one sample on ``device``, where it has all on others.

    So the environment says by ``GRADARRAY_TEST_SAMPLES=one`` for all devices but the CPU.
    """
    return device != "cpu" and os.environ.get("GRADARRAY_TEST_SAMPLES") == "one"


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
