"""Where the tests of operations run: NumPy, the library that has nothing beyond the standard, and what is asked for."""

import os
from importlib.metadata import entry_points

import pytest

STRICT = any(point.name == "strict" for point in entry_points(group="gradarray"))
NAMED = tuple(filter(None, os.environ.get("GRADARRAY_TEST_DEVICES", "").split(",")))
DEVICES = (
    "cpu",
    pytest.param(
        "strict:device1", marks=pytest.mark.skipif(not STRICT, reason="plugins/gradarray-strict is not installed")
    ),
    *NAMED,
)
