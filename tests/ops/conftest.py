"""The devices on which rules run here: NumPy, and the library that has nothing beyond the standard."""

from importlib.metadata import entry_points

import pytest

WITH_STRICT = any(point.name == "strict" for point in entry_points(group="gradarray"))
DEVICES = (
    "cpu",
    pytest.param("strict:device1", marks=pytest.mark.skipif(not WITH_STRICT, reason="plugins/gradarray-strict is not installed")),
)
