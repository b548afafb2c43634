"""Forward mode on the arrays of any namespace: what the slope of a slope is computed by, as a whole.

Knows records, and namespaces where it is handed one. Must not know tensors, places or the tape.

A rule that is handed a :class:`Forward` namespace and :class:`Moving` values computes with each value its tangent, by
the jvp of each record on the way. Such namespaces lie over one another, and so give derivatives of any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradarray._primitive import TABLE, give_operators

Rule = Callable[..., Any]


def derivative(xp: Any, function: Rule, position: int, xs: Sequence[Any]) -> Any:
    """The partial derivative of ``function(xp, *xs)``, which is elementwise, in the array ``xs[position]``."""
    space = Forward(xp)
    moving = [x if isinstance(x, int | float) else Moving(space, x, None) for x in xs]
    moving[position] = Moving(space, xs[position], xp.ones_like(xs[position]))
    out = function(space, *moving)
    if not isinstance(out, Moving):
        return xp.zeros_like(xs[position])
    return xp.zeros_like(out.value) if out.tangent is None else out.tangent


class Moving:
    """A value and its tangent, of the namespace below; None is a tangent of zero. Has the operators of an array."""

    __slots__ = ("space", "tangent", "value")

    def __init__(self, space: Forward, value: Any, tangent: Any) -> None:
        self.space, self.value, self.tangent = space, value, tangent

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> Any:
        return self.value.dtype

    def __getitem__(self, key: Any) -> Any:
        return Moving(self.space, self.value[key], None if self.tangent is None else self.tangent[key])


give_operators(Moving, lambda x, name: getattr(x.space, name))


class Forward:
    """The operations of the table on moving values, over the namespace ``below``."""

    def __init__(self, below: Any, prefix: str = "", root: Forward | None = None) -> None:
        self._below, self._prefix, self._root = below, prefix, root or self

    def __getattr__(self, name: str) -> Any:
        if name == "special":
            found: Any = Forward(self._below, "special.", self)
        else:
            found = self._function(self._prefix + name)
        setattr(self, name, found)
        return found

    def _function(self, name: str) -> Rule:
        record, below, root = TABLE[name], self._below, self._root
        kernel = below
        for part in name.split("."):
            kernel = getattr(kernel, part)

        def run(*xs: Any, **params: Any) -> Moving:
            values = [x.value if type(x) is Moving else x for x in xs]
            tangents = [x.tangent if type(x) is Moving else None for x in xs]
            out = kernel(*values, **params)
            if record.jvp is None or all(t is None for t in tangents):
                return Moving(root, out, None)
            return Moving(root, out, record.jvp(below, tangents, values, out, {**record.defaults, **params}))

        return run

    def is_complex(self, x: Moving) -> bool:
        return self._below.is_complex(x.value)  # type: ignore[no-any-return]

    def is_chunked(self, *xs: Any) -> bool:
        """False: what computes here is computed as a whole already."""
        return False
