"""Questions about dtypes and tensors: Array API standard, "Data Type Functions", and PyTorch's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradarray import _state, dtypes
from gradarray._storage import Value
from gradarray.dtypes import DType

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


def result_type(*arrays_and_dtypes: Any) -> DType:
    """The dtype that combining tensors, dtypes and Python scalars gives.

    Raises
    ------
    TypeError
        If there is none.

    References
    ----------
    Array API standard, ``result_type``; ``torch.result_type``.
    """
    return dtypes.result_type(*arrays_and_dtypes, default=_state.get_default_dtype())


def is_tensor(obj: object) -> bool:
    """Whether ``obj`` is a :class:`gradarray.Tensor`. ``torch.is_tensor``."""
    return isinstance(obj, Value)


def is_floating_point(x: Tensor) -> bool:
    """Whether ``x`` is of a real floating dtype. ``torch.is_floating_point``."""
    return x._dtype.kind == "f"


def is_complex(x: Tensor) -> bool:
    """Whether ``x`` is of a complex dtype. ``torch.is_complex``."""
    return x._dtype.kind == "c"


def numel(x: Tensor) -> int:
    """How many elements ``x`` has. ``torch.numel``."""
    return x.numel()
