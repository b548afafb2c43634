"""What holds for the code that runs now: grad mode, per thread and per async task, and the default dtype.

Knows dtypes. Must not know tensors or backends.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

from gradarray.dtypes import DType, float32

grad_enabled: Final[ContextVar[bool]] = ContextVar("gradarray.grad_enabled", default=True)

generators: Final[dict[Any, Any]] = {}
"""The default source of random numbers of each device that has drawn some, so that what drew them can be repeated."""

transform: Final[ContextVar[Any]] = ContextVar("gradarray.transform", default=None)
"""The innermost transform (``vmap``, ``jvp``) that runs now; None outside of all."""

reports: Final[ContextVar[tuple[Any, ...]]] = ContextVar("gradarray.reports", default=())
"""Those who want to know which tensors on the tape become numbers or arrays: their ``noted`` is called."""

# The default dtype is a property of the program, as in PyTorch, not of a task.
_default_dtype: DType = float32


def get_default_dtype() -> DType:
    """The floating dtype that Python floats become (float32 until :func:`set_default_dtype`).

    References
    ----------
    ``torch.get_default_dtype``.
    """
    return _default_dtype


def set_default_dtype(dtype: DType, /) -> None:
    """Make ``dtype`` the one that Python floats, and results of integers in floating functions, become.

    Parameters
    ----------
    dtype : DType
        ``float32`` or ``float64``.

    Raises
    ------
    TypeError
        If ``dtype`` is not a real floating dtype.

    References
    ----------
    ``torch.set_default_dtype``.
    """
    global _default_dtype
    if not isinstance(dtype, DType) or dtype.kind != "f":
        raise TypeError(f"only floating-point types are supported as the default type, got {dtype!r}")
    _default_dtype = dtype
