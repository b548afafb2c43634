"""What a check needs of a device that not every device has.

Knows devices and what their backends declare. Must not know any check.
"""

from __future__ import annotations

import pytest

import gradarray as ga
from gradarray import backends


@pytest.fixture(autouse=True)
def double_precision(device: str) -> None:
    """End a check of derivatives on a device without float64 or complex128, for the reason that its backend declares.

    Imported by the modules that need it. Differences, and round-off of 1e-13, ask for double precision.
    """
    here = backends.resolve(device)
    have = ga.__array_namespace_info__().dtypes(device=ga.device(device))
    missing = backends.require(here.backend).capabilities_on(here).missing
    for name in ("float64", "complex128"):
        if name not in have:
            assert name in missing, f"{device} lacks {name}, and its backend does not declare why"
            pytest.skip(f"declared unsupported: {name}: {missing[name]}")
