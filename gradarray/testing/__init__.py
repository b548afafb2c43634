"""For tests: comparison of tensors, and every operation with what a test must know of it.

References
----------
``torch.testing``.
"""

from gradarray.testing.comparison import assert_close
from gradarray.testing.operations import Operation, Placeholder, operations

__all__ = ["Operation", "Placeholder", "assert_close", "operations"]
