"""Comparison with tolerance: PyTorch's ``isclose`` and ``allclose``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradarray._storage import Value
from gradarray.creation import as_value
from gradarray.functions import elementwise as e
from gradarray.functions.statistical import all as all_
from gradarray.functions.statistical import check_tensor
from gradarray.functions.types import result_type

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Scalar = bool | int | float | complex


def _beside(x: Any, other: Any) -> Any:
    """``x``, a number in the dtype that it has in arithmetic with ``other``."""
    if isinstance(x, Scalar) and isinstance(other, Value):
        return as_value(x, dtype=result_type(x, other), device=other._place)
    return check_tensor(x)


def isclose(
    input: Tensor | Scalar, other: Tensor | Scalar, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether ``|input - other| <= atol + rtol * |other|``, or both are the same infinity (or, if asked, both nan).

    Parameters
    ----------
    input, other : Tensor or Python number
        Not both a number.
    rtol, atol : float
    equal_nan : bool

    Returns
    -------
    Tensor
        Of bool, of the shape that they broadcast to.

    Raises
    ------
    TypeError
        If one is neither a tensor nor a number beside one.

    References
    ----------
    ``torch.isclose``, which takes tensors alone; ``numpy.isclose``.
    """
    x1, x2 = _beside(input, other), _beside(other, input)
    close = e.equal(x1, x2)
    if x1._dtype.kind in "fc" or x2._dtype.kind in "fc":
        near = e.less_equal(e.abs(e.subtract(x1, x2)), e.add(e.multiply(e.abs(x2), rtol), atol))
        close = e.logical_or(close, e.logical_and(near, e.isfinite(x2)))
    if equal_nan:
        close = e.logical_or(close, e.logical_and(e.isnan(x1), e.isnan(x2)))
    return close


def allclose(
    input: Tensor | Scalar, other: Tensor | Scalar, /, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close; see :func:`isclose`.

    References
    ----------
    ``torch.allclose``.
    """
    return bool(all_(isclose(input, other, rtol, atol, equal_nan)))
