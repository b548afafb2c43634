"""What `gradarray_conformance` checks there, on each device of `devices.py`."""

from gradarray_conformance.checks.test_masked import *  # noqa: F403
