"""``softmax``, its logarithm, and the logarithm of a sum of exponentials, as PyTorch spells them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradarray._dispatch import apply, cast
from gradarray._primitive import TABLE
from gradarray.dtypes import as_dtype
from gradarray.functions._dims import Dim, chosen, needed
from gradarray.functions.manipulation import reshape
from gradarray.functions.statistical import check_axis, check_tensor

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


def _along(name: str, x: Any, dim: int | None, axis: int | None, dtype: Any) -> Any:
    """The operation along one dimension; a 0-d tensor counts as one of one element."""
    axis = needed(name, dim, axis)
    given = check_tensor(x) if dtype is None else cast(check_tensor(x), as_dtype(dtype))
    if check_axis(given, axis) is None:
        return reshape(apply(TABLE[name], (reshape(given, (1,)),), {"axis": 0}), ())
    return apply(TABLE[name], (given,), {"axis": axis})


def softmax(x: Tensor, /, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Tensor:
    """``exp(x)`` divided by its sum along ``dim``, without overflow. Differentiable.

    Parameters
    ----------
    x : Tensor
        Integers become the default floating dtype.
    dim, axis : int
        One of them.
    dtype : DType, optional
        To convert ``x`` to first.

    Returns
    -------
    Tensor
        Of the shape of ``x``; nan where all along ``dim`` is -inf.

    Raises
    ------
    IndexError
        If ``x`` has no such dimension.

    References
    ----------
    ``torch.softmax``.
    """
    return _along("softmax", x, dim, axis, dtype)  # type: ignore[no-any-return]


def log_softmax(x: Tensor, /, dim: int | None = None, dtype: Any = None, *, axis: int | None = None) -> Tensor:
    """The logarithm of :func:`softmax`, also where that is too small for a number. Differentiable. Parameters as there.

    References
    ----------
    ``torch.log_softmax``.
    """
    return _along("log_softmax", x, dim, axis, dtype)  # type: ignore[no-any-return]


def logsumexp(x: Tensor, /, dim: Dim = None, keepdim: bool = False, *, axis: Dim = None, keepdims: bool = False) -> Any:
    """``log(sum(exp(x)))`` over ``dim`` (by default over all), without overflow. Differentiable.

    Parameters
    ----------
    x : Tensor
        Integers become the default floating dtype.
    dim, axis : int, tuple of int or None
    keepdim, keepdims : bool
        Keep reduced dimensions with length 1.

    Returns
    -------
    Tensor
        Where all is -inf, -inf with a gradient of 0 (PyTorch's is nan).

    References
    ----------
    ``torch.logsumexp``.
    """
    params = {"axis": check_axis(x, chosen(dim, axis)), "keepdims": keepdim or keepdims}
    return apply(TABLE["logsumexp"], (x,), params)
