"""Backends that the tests register are gone after each file: one of them claims every array there is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gradarray import backends


@pytest.fixture(autouse=True, scope="module")
def registry_at_rest() -> Iterator[None]:
    """The backends in use, as they were before; those of the plugins are there by then."""
    before = {backend.name for backend in backends.every()}
    yield
    for backend in backends.every():
        if backend.name not in before:
            backends.unregister(backend.name)
