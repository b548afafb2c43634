"""What several files of checks share.

Knows the contract of backends. Must not import the rest of gradarray: the contract is checked without it, too.
"""

from __future__ import annotations

import pytest

from gradarray.backends import DType, get, resolve
from gradarray.dtypes import ALL
from gradarray_conformance.outcomes import unsupported


@pytest.fixture(params=ALL, ids=lambda dtype: dtype.name)
def dtype(request: pytest.FixtureRequest, device: str) -> DType:
    """Each dtype that there is; one that the device is declared to lack is not supported."""
    wanted: DType = request.param
    resolved = resolve(device)
    backend = get(resolved.backend)
    if wanted not in backend.dtypes(resolved).values():
        why = backend.capabilities_on(resolved).missing.get(wanted.name, f"{resolved} has no {wanted.name}")
        unsupported(f"{wanted.name}: {why}")
    return wanted
