"""What `gradarray_conformance` checks of every operation, on each device of `devices.py`."""

from gradarray_conformance.checks.test_drawn_operations import *  # noqa: F403
from gradarray_conformance.checks.test_masked import *  # noqa: F403
from gradarray_conformance.checks.test_operations import *  # noqa: F403
from gradarray_conformance.checks.test_special_values import *  # noqa: F403
