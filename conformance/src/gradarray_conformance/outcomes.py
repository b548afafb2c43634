"""What can become of a check, and how a check says so where pytest has no word for it.

Knows pytest's skips. Must not know any check, or how outcomes are shown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NoReturn

import pytest

DECLARED: Final = "declared unsupported: "
"""What the reason of a skip begins with, where the backend has said beforehand that it cannot."""


class Status(StrEnum):
    """What became of a check on a device."""

    HELD = "held"
    FAILED = "failed"
    KNOWN = "known gap"
    UNSUPPORTED = "declared unsupported"
    NOT_RUN = "not run"


def unsupported(reason: str) -> NoReturn:
    """End a check: its backend declares, as data, that it lacks what is needed.

    Parameters
    ----------
    reason : str
        The backend's own words.
    """
    pytest.skip(DECLARED + reason)


def not_run(reason: str) -> NoReturn:
    """End a check that cannot be made here, which says nothing of the backend: there is no second device, say."""
    pytest.skip(reason)
