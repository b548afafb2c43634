"""What `gradarray_conformance` checks there, on each device of `devices.py`."""

from gradarray_conformance.checks.test_drawn_operations import *  # noqa: F403
from gradarray_conformance.checks.test_single_precision import *  # noqa: F403
