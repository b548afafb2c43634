"""Results written into a tensor that is there already: ``out=``, and the methods whose names end in ``_``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError, grad_enabled
from gradarray._inplace import check_writable, write
from gradarray._place import Kind
from gradarray._storage import Meta, Value, before_write

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

_ORDER = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def _fits(x: Value, result: Value, name: str) -> None:
    if _ORDER[result._dtype.kind] > _ORDER[x._dtype.kind]:
        raise RuntimeError(
            f"{name}: result type {result._dtype!r} can't be cast to the desired output type {x._dtype!r}; "
            "use the function without out= or trailing underscore, or convert the tensor first"
        )
    if result._data.shape != x._data.shape:
        raise ShapeError(
            f"{name}: output with shape {list(x._data.shape)} doesn't match the broadcast shape "
            f"{list(result._data.shape)}"
        )
    if result._place.ground is not x._place.ground:
        raise RuntimeError(f"{name}: the result lies on {result._place.device}, but out on {x._place.device}")


def into(out: Any, result: Any, name: str) -> Tensor:
    """``result`` written into ``out``'s memory; ``out``.

    Raises
    ------
    RuntimeError
        If shape, dtype or device do not fit, or either tensor requires a gradient while gradients are recorded.
    """
    if not isinstance(out, Value):
        raise TypeError(f"{name}: out must be a Tensor, got {type(out).__name__}")
    if grad_enabled() and (result._node is not None or out._node is not None):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the "
            "arguments requires grad. Leave out= away, or call it inside `with gradarray.no_grad():`"
        )
    _fits(out, result, name)
    return write(out, result, name)  # type: ignore[return-value]


def in_place(function: Callable[..., Any], name: str, kernel: str = "") -> Callable[..., Any]:
    """The method that does to its tensor what ``function`` computes.

    Where nothing is recorded and the backend has a ``kernel`` that writes into its first argument, that is used.
    """

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        check_writable(self, name)
        result = function(self, *args, **kwargs)
        if result is NotImplemented:  # of an operator, for Python to say so
            return result
        _fits(self, result, name)
        return write(self, result, name)

    def quick(self: Any, other: Any, **kwargs: Any) -> Any:
        return self if not kwargs and _written(self, other, kernel) else method(self, other, **kwargs)

    made = quick if kernel else method
    made.__name__ = made.__qualname__ = name
    made.__doc__ = f"``{name[:-1]}`` in place; returns the tensor. See :func:`gradarray.{name[:-1]}`."
    return made


def _written(x: Value, other: Any, kernel: str) -> bool:
    """Run an in-place kernel of the backend, if nothing speaks against it; whether it was run."""
    kind: Kind = x._kind
    meta: Meta | None = x._meta
    if not kind.short or (x._node is not None and grad_enabled()):
        return False
    # a view, or another has a copy of its memory that the write has to reach, or the memory is lent
    if (
        meta is not None
        and meta.family is not None
        and (meta.base is not None or meta.family.scattered or meta.family.lent)
    ):
        return False
    raw = other
    if isinstance(other, Value):
        value: Value = other
        raw = value._data
        if value._kind is not kind or raw.shape != x._data.shape or (value._node is not None and grad_enabled()):
            return False
    elif type(other) is not float and type(other) is not int:
        return False
    function = kind.place.in_place.get(kernel)
    if function is None:
        return False
    before_write(x)
    function(x._data, raw)
    return True
