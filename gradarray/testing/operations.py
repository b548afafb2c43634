"""Every operation of gradarray's table, as a test of rules or of a backend sees it: callable, with its domain and jvp.

Knows the table, dispatch and places. Must not know what any operation means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache, cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import apply, binary, cast, common_place, make, promoted, unary
from gradarray._place import Slotted as Placeholder
from gradarray._primitive import TABLE
from gradarray._storage import Value
from gradarray.autograd.modes import no_grad
from gradarray.ops import complete

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

__all__ = ["Operation", "Placeholder", "operations"]


@dataclass(frozen=True)
class Operation:
    """One operation of the table, which functions and methods are made of. Called with tensors and Python numbers.

    Attributes
    ----------
    name : str
        Such as ``"exp"`` or ``"linalg.svd"``.
    kind : {"elementwise", "linear", "primitive", "nondiff"}
        Whether it is a function of each element, linear in each input, something else, or without a derivative.
    inputs : int or None
        How many arrays it takes; None for any number.
    outputs : int
        How many tensors it gives; where several, as a tuple.
    domain : str or tuple of str
        Where its inputs lie, all or each: ``"real"``, ``"positive"``, ``"unit"``, ... Its derivatives exist there.
    differentiable : bool
    broadcasts : bool
        Whether inputs broadcast against each other.
    promotes : tuple of int or None
        The inputs brought to one dtype; None for all of them.
    singular : bool
        Whether a derivative may be infinite or nan at the edge of the domain.

    Notes
    -----
    ``getitem``, ``index`` and ``index_adjoint`` take ``key=`` in the one form that backends are handed: a tuple with
    one ``...``. Where an array belongs in it stands a ``Placeholder(n)``, for the n-th of the arrays after the first.
    """

    name: str
    kind: str
    inputs: int | None
    outputs: int
    domain: str | tuple[str, ...]
    differentiable: bool
    broadcasts: bool
    promotes: tuple[int, ...] | None
    singular: bool

    def __call__(self, *inputs: Any, **params: Any) -> Any:
        """The result on tensors: a tensor, or a tuple of them where ``outputs`` says so."""
        return apply(TABLE[self.name], inputs, params)

    @cached_property
    def roads(self) -> tuple[Callable[..., Any], ...]:
        """Every way in which gradarray runs it: this one, and a shorter one for the commonest arguments, if any."""
        if self.kind != "elementwise" or TABLE[self.name].defaults or self.inputs not in (1, 2):
            return (self,)
        return (self, unary(self.name) if self.inputs == 1 else binary(self.name))

    def jvp(self, inputs: Sequence[Any], tangents: Sequence[Tensor | None], **params: Any) -> Any:
        """The tangent of the output, by the operation's own rule of forward mode.

        Parameters
        ----------
        inputs : sequence of Tensor or number
        tangents : sequence of Tensor or None
            One an input; None for one that does not move.

        Returns
        -------
        Tensor or tuple of Tensor

        Raises
        ------
        TypeError
            If the operation has no derivative.
        """
        record = TABLE[self.name]
        if record.jvp is None:
            raise TypeError(f"{self.name} has no derivative, and so no jvp")
        with no_grad():
            place = common_place(self.name, inputs)
            xs = promoted(record, inputs, place)
            raws = [x._data if isinstance(x, Value) else x for x in xs]
            ts = [None if t is None else cast(t, x._dtype)._data for t, x in zip(tangents, xs, strict=True)]
            with nullcontext() if place.scope is None else place.scope():
                kernel = next((x for x in xs if isinstance(x, Value)), xs[0])._kind.kernels[self.name]
                out = kernel(raws, **params) if record.listed else kernel(*raws, **params)
                tangent = record.jvp(place.xp, ts, raws, out, params)
            return make(tangent, place) if self.outputs == 1 else tuple(make(t, place) for t in tangent)


@cache
def operations() -> Mapping[str, Operation]:
    """Every operation by name.

    Examples
    --------
    >>> import gradarray as ga
    >>> from gradarray.testing import operations
    >>> exp = operations()["exp"]
    >>> exp.kind, exp.domain, exp.differentiable
    ('elementwise', 'real', True)
    >>> exp.jvp([ga.tensor([0.0])], [ga.tensor([2.0])])
    tensor([2.])
    """
    complete()
    return MappingProxyType(
        {
            name: Operation(
                name=name,
                kind=record.kind,
                inputs=record.inputs,
                outputs=record.outputs,
                domain=record.domain,
                differentiable=record.rules is not None,
                broadcasts=record.broadcasts,
                promotes=record.promote,
                singular=record.singular,
            )
            for name, record in TABLE.items()
        }
    )
