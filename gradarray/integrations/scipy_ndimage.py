"""scipy.ndimage on the tape. The functions stand in four modules of their own.

Knows these modules.
"""

from __future__ import annotations

from types import ModuleType

from gradarray.integrations import scipy_ndimage_interpolation as interpolation
from gradarray.integrations import scipy_ndimage_linear as linear
from gradarray.integrations import scipy_ndimage_measurements as measurements
from gradarray.integrations import scipy_ndimage_ranks as ranks
from gradarray.integrations.teaching import teach


def register(ndimage: ModuleType) -> None:
    """Add the branch to each of the functions."""
    for functions in (linear, ranks, measurements, interpolation):
        teach(ndimage, functions.FUNCTIONS)
