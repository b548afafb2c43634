"""The conformance suite's checks of operations take a fixture ``device``: here they run on each device in turn."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from .devices import DEVICES

pytest.register_assert_rewrite("gradarray_conformance.checks")
settings.register_profile("tests of operations", max_examples=30, derandomize=True, database=None, deadline=None)


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def drawn_alike() -> Iterator[None]:
    """The same calls are drawn each time, and as many."""
    before = settings.get_current_profile_name()
    settings.load_profile("tests of operations")
    yield
    settings.load_profile(before)
