"""scipy.signal on the tape. The functions stand in modules of their own.

Knows these modules.
"""

from __future__ import annotations

from types import ModuleType

from gradarray.integrations import scipy_signal_convolution as convolution
from gradarray.integrations import scipy_signal_filters as filters
from gradarray.integrations.teaching import teach


def register(signal: ModuleType) -> None:
    """Add the branch to each of the functions."""
    for functions in (convolution, filters):
        teach(signal, functions.FUNCTIONS)
