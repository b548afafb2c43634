"""scipy.signal on the tape. The functions stand in modules of their own.

Knows these modules.
"""

from __future__ import annotations

from types import ModuleType

from gradarray.integrations import scipy_signal_convolution as convolution
from gradarray.integrations import scipy_signal_filters as filters
from gradarray.integrations import scipy_signal_spectra as spectra
from gradarray.integrations import scipy_signal_splines as splines
from gradarray.integrations.teaching import teach


def register(signal: ModuleType) -> None:
    """Add the branch to each of the functions, and to the one method that all of ``ShortTimeFFT`` goes through."""
    for functions in (convolution, filters, spectra, splines):
        teach(signal, functions.FUNCTIONS)
    if hasattr(signal, "ShortTimeFFT"):  # since SciPy 1.12
        teach(signal.ShortTimeFFT, spectra.METHODS)
