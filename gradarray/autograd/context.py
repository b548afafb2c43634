"""What a :class:`~gradarray.autograd.Function` leaves for its derivative, and the node that hands it over.

Knows the tape. Must not know the transforms, or operations.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from gradarray._dispatch import TAPED, cast, edge_of, held_in, lend, make, transfer
from gradarray._engine import Slot
from gradarray._nodes import NamedOp, OpNode
from gradarray._storage import Value, cell_of, part_from_views
from gradarray.ops._helpers import sum_to

if TYPE_CHECKING:
    from gradarray.autograd.function import Function


class VmapInfo(NamedTuple):
    """What :meth:`Function.vmap` is told. ``torch.autograd.function``'s ``VmapInfo``."""

    batch_size: int
    randomness: str


class FunctionCtx:
    """What ``forward`` or ``setup_context`` leaves for ``backward`` and ``jvp``. Takes attributes of any name.

    Attributes
    ----------
    needs_input_grad : tuple of bool
        For each argument of ``apply`` whether its gradient is wanted.

    References
    ----------
    ``torch.autograd.function.FunctionCtx``.
    """

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._for_forward: tuple[Any, ...] | None = None
        self._dirty: tuple[Any, ...] = ()
        self._non_differentiable: tuple[Any, ...] = ()
        self._materialize = True
        self._node: Callable[[], OpNode | None] = lambda: None
        self._slots: tuple[Any, ...] = ()
        self._given: list[Value] | None = None  # of what was saved, while a walk is recorded

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for ``backward``: their values as they are now, whatever is written to them later."""
        self._check(tensors, "save_for_backward")
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep tensors for ``jvp``."""
        self._check(tensors, "save_for_forward")
        self._for_forward = tensors

    @staticmethod
    def _check(tensors: tuple[Any, ...], name: str) -> None:
        for x in tensors:
            if x is not None and not isinstance(x, Value):
                raise TypeError(
                    f"{name} can only save tensors, but got {type(x).__name__}; keep other things as attributes of ctx"
                )

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which arguments ``forward`` wrote to; they must be among its outputs."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no derivative."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether zeros stand for gradients (in ``jvp`` tangents) that are not there; else None does. By default so."""
        self._materialize = bool(value)

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved, on the tape where it stood. To write to it changes neither the tape nor what was saved.

        Raises
        ------
        RuntimeError
            If an earlier backward pass freed it.
        """
        node = self._node()
        if node is None:
            return self._to_save if self._for_forward is None else self._for_forward
        if node.saved is None:
            raise RuntimeError(
                "Trying to access saved tensors after they have been freed. Specify retain_graph=True the first time"
            )
        found: list[Any] = []
        for slot, cell in zip(self._slots, node.saved, strict=True):
            if slot is None:
                found.append(None)
                continue
            place, dtype, edge = slot
            if isinstance(edge, int):  # one of its own outputs
                edge = Slot(node, edge) if len(node.params["outputs"]) > 1 else node
            x: Any = held_in(cell, make(cell[0], place, dtype, edge))
            lend(x)
            if self._given is not None:
                self._given.append(x)
            found.append(x)
        return tuple(found)

    def _attach(self, node: OpNode, outputs: Sequence[Any]) -> None:
        """Move what is to be saved into ``node``, as cells, so that no cycle holds it and later writes spare it."""
        positions = {id(o): i for i, o in enumerate(outputs)}
        self._slots = tuple(
            None if x is None else (x._place, x._dtype, positions.get(id(x), edge_of(x))) for x in self._to_save
        )
        node.saved = tuple(None if x is None else cell_of(x) for x in self._to_save)
        self._node = weakref.ref(node)
        self._to_save, self._for_forward = (), None


class FunctionOp(NamedOp):
    """The nodes of one :class:`Function`. ``params``: ``ctx``, and what is known of inputs and ``outputs``."""

    __slots__ = ("function",)

    def __init__(self, function: type[Function]) -> None:
        super().__init__(f"{function.__name__}Backward")
        self.function = function

    def pull(self, node: OpNode, g: Any) -> Sequence[Any]:
        outs = node.params["outputs"]
        raws = g if type(g) is list else [g]
        gs = [None if r is None else make(o[0].wrap(r), o[0]) for r, o in zip(raws, outs, strict=True)]
        found = self._called(node, gs)
        return [None if x is None else x._data for x in found]

    def pull_taped(self, node: OpNode, g: Any) -> Sequence[Any]:
        ctx, given = node.params["ctx"], list[Value]()
        before, ctx._given = ctx._given, given
        try:
            return self._called(node, g if type(g) is list else [g])
        finally:
            ctx._given = before
            part_from_views(given)

    def _called(self, node: OpNode, gs: Sequence[Any]) -> list[Any]:
        ctx, outs = node.params["ctx"], node.params["outputs"]
        if ctx._materialize:
            gs = [_zeros(*o) if g is None else g for g, o in zip(gs, outs, strict=True)]
        returned = self.function._backward()(ctx, *gs)
        return self._fitted(node, returned if isinstance(returned, tuple) else (returned,))

    def _fitted(self, node: OpNode, returned: tuple[Any, ...]) -> list[Any]:
        """What ``backward`` gave, one an edge, in the shape and dtype of the inputs.

        Raises
        ------
        RuntimeError
            If that cannot be.
        """
        inputs, name = node.params["inputs"], self.name_of(node)
        if len(returned) != len(inputs) and not (
            len(returned) > len(inputs) and all(x is None for x in returned[len(inputs) :])
        ):
            raise RuntimeError(
                f"function {name} returned an incorrect number of gradients (expected {len(inputs)}, got "
                f"{len(returned)})"
            )
        found: list[Any] = []
        for i, (g, known, edge) in enumerate(zip(returned, inputs, node.edges, strict=False)):
            if g is None or edge is None:
                if g is not None and known is None:
                    raise RuntimeError(
                        f"function {name} returned a gradient different from None at position {i + 1}, but the "
                        "corresponding forward input was not a Tensor"
                    )
                found.append(None)
                continue
            if not isinstance(g, Value):
                raise RuntimeError(f"function {name}: expected a Tensor or None at index {i}, got {type(g).__name__}")
            place, dtype, shape = known
            if g._data.shape != shape:
                try:
                    g = sum_to(TAPED, g, shape)
                except Exception:
                    raise RuntimeError(
                        f"Function {name} returned an invalid gradient at index {i} - got {list(g._data.shape)} but "
                        f"expected shape compatible with {list(shape)}"
                    ) from None
            if g._place.ground is not place.ground:
                raise RuntimeError(
                    f"Function {name} returned an invalid gradient at index {i} - expected device {place.device} but "
                    f"got {g._place.device}"
                )
            found.append(cast(transfer(g, place) if g._place.level is None else g, dtype))
        return found


def _zeros(place: Any, dtype: Any, shape: Any) -> Any:
    return make(place.kernels["zeros"](shape, dtype=place.raw_dtype[dtype.name]), place, dtype)


__all__ = ["FunctionCtx", "FunctionOp", "VmapInfo"]
