"""Forward mode by hand: dual numbers made and taken apart inside of a level.

Knows the level of forward mode. Must not know operations.

Examples
--------
>>> import gradarray as ga
>>> from gradarray.autograd import forward_ad
>>> with forward_ad.dual_level():
...     x = forward_ad.make_dual(ga.tensor(2.0), ga.tensor(1.0))
...     forward_ad.unpack_dual(x**3).tangent
tensor(12.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

from gradarray import _state
from gradarray._dual import JvpLevel
from gradarray._storage import Value


class UnpackedDualTensor(NamedTuple):
    """What :func:`unpack_dual` gives; ``tangent`` is None where there is none."""

    primal: Any
    tangent: Any


class dual_level:
    """A context in which tensors can have tangents. They have no value once it is left. Nests.

    References
    ----------
    ``torch.autograd.forward_ad.dual_level``.
    """

    def __enter__(self) -> dual_level:
        self._level = JvpLevel()
        self._level.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._level.__exit__(*error)


def _level() -> JvpLevel | None:
    level = _state.transform.get()
    while level is not None and not isinstance(level, JvpLevel):
        level = level.parent
    return level


def make_dual(tensor: Any, tangent: Any) -> Any:
    """``tensor`` with a tangent, of its shape and dtype.

    Raises
    ------
    RuntimeError
        Outside of :class:`dual_level`, or where they do not go together.

    References
    ----------
    ``torch.autograd.forward_ad.make_dual``.
    """
    level = _state.transform.get()
    if not isinstance(level, JvpLevel):
        raise RuntimeError("make_dual: trying to create a dual Tensor for forward AD outside of `with dual_level():`")
    if not isinstance(tensor, Value) or not isinstance(tangent, Value):
        raise TypeError(f"make_dual takes two tensors, got {type(tensor).__name__} and {type(tangent).__name__}")
    if tensor._data.shape != tangent._data.shape or tensor._dtype is not tangent._dtype:
        raise RuntimeError(
            f"make_dual: the tangent ({tangent._dtype!r}, {list(tangent._data.shape)}) must be of the dtype and shape "
            f"of the tensor ({tensor._dtype!r}, {list(tensor._data.shape)})"
        )
    if tensor._dtype.kind not in "fc":
        raise ValueError(f"make_dual: expected a floating or complex tensor, got {tensor._dtype!r}")
    return level.dual(level.split(tensor)[0], level.split(tangent)[0])


def unpack_dual(tensor: Any) -> UnpackedDualTensor:
    """The value and the tangent of a tensor.

    References
    ----------
    ``torch.autograd.forward_ad.unpack_dual``.
    """
    level = _level()
    if level is None or tensor._place.level is not level:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(*level.split(tensor))


__all__ = ["UnpackedDualTensor", "dual_level", "make_dual", "unpack_dual"]
