"""What every test of the project shares: none may leave gradarray's global state changed.

On the emulator of CUDA (tests/backends/cuemu.py) an operation that needs what the emulator lacks is not run, by name.
"""

import os
import sys
from collections.abc import Iterator

import pytest

from .backends import cuemu

if cuemu.EMULATED and (why := cuemu.problem()) is not None:  # it is installed before anything imports CuPy
    raise pytest.UsageError(why)

# SciPy reads it once, when it is first imported: whether it takes other arrays than NumPy's as they are.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

# Name of the state: (how to read it, what it is at rest, how to put it back).
GLOBAL_STATE = {
    "is_grad_enabled()": (
        lambda ga: ga.is_grad_enabled(),
        lambda ga: True,
        lambda ga: ga.set_grad_enabled(True),
    ),
    "get_default_dtype()": (
        lambda ga: ga.get_default_dtype(),
        lambda ga: ga.float32,
        lambda ga: ga.set_default_dtype(ga.float32),
    ),
    "get_default_device()": (
        lambda ga: ga.get_default_device(),
        lambda ga: ga.device("cpu"),
        lambda ga: ga.set_default_device("cpu"),
    ),
}


def leaks() -> list[str]:
    """What of the global state is not at rest; it is put back, so that one guilty test fails and no other."""
    found = []
    if (ga := sys.modules.get("gradarray")) is not None:  # not imported: nothing to leak
        for name, (read, rest, put_back) in GLOBAL_STATE.items():
            if (now := read(ga)) != rest(ga):
                found.append(f"gradarray.{name} is {now}, not {rest(ga)}")
                put_back(ga)
    return found


@pytest.fixture(autouse=True)
def global_state_at_rest() -> Iterator[None]:
    """Fail a test that leaks global state."""
    assert not (before := leaks()), f"leaked by an import or a wider fixture: {before}"
    yield
    assert not (after := leaks()), f"leaked by this test: {after}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """On the emulator: skip what it cannot run, and say why."""
    if cuemu.EMULATED:
        cuemu.pytest_runtest_setup(item)
