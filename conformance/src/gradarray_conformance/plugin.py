"""The pytest plugin: which device the checks run on, and how much they draw."""

from __future__ import annotations

import pytest
from hypothesis import settings

from gradarray_conformance import profiles


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options."""
    group = parser.getgroup("gradarray")
    group.addoption("--gradarray-device", default="cpu", help="the device that is checked")
    group.addoption(
        "--gradarray-profile", default="standard", choices=list(profiles.PROFILES), help="how much is drawn"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Load the profile."""
    profiles.register()
    settings.load_profile(f"gradarray-{config.getoption('--gradarray-profile')}")


@pytest.fixture
def device(request: pytest.FixtureRequest) -> str:
    """The device that is checked."""
    return str(request.config.getoption("--gradarray-device"))
