"""Backends that the tests register are gone after each file: one of them claims every array there is."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from gradarray import backends


@pytest.fixture(autouse=True, scope="module")
def registry_at_rest() -> Iterator[None]:
    """The backends in use, as they were before."""
    manager: Any = inspect.getmodule(backends.register)  # there is no public way to take one back
    registered, sound = dict(manager._registered), list(manager._sound)
    yield
    manager._registered.clear()
    manager._registered.update(registered)
    manager._sound[:] = sound
