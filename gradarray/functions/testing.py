"""Comparison with tolerance: PyTorch's ``isclose`` and ``allclose``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradarray.functions import elementwise as e
from gradarray.functions.statistical import all as all_

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


def isclose(
    input: Tensor, other: Tensor, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether ``|input - other| <= atol + rtol * |other|``, or both are the same infinity (or, if asked, both nan).

    References
    ----------
    ``torch.isclose``.
    """
    close = e.equal(input, other)
    if input._dtype.kind in "fc" or other._dtype.kind in "fc":
        near = e.less_equal(e.abs(e.subtract(input, other)), e.add(e.multiply(e.abs(other), rtol), atol))
        close = e.logical_or(close, e.logical_and(near, e.isfinite(other)))
    if equal_nan:
        close = e.logical_or(close, e.logical_and(e.isnan(input), e.isnan(other)))
    return close


def allclose(
    input: Tensor, other: Tensor, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close; see :func:`isclose`.

    References
    ----------
    ``torch.allclose``.
    """
    return bool(all_(isclose(input, other, rtol, atol, equal_nan)))
