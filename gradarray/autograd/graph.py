"""The graph as users see it: its nodes, what they saved, edges, and hooks on several tensors.

Knows nodes, values, hooks. Must not know operations.

References
----------
``torch.autograd.graph``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from gradarray import _nodes
from gradarray._dispatch import lend, make, saved_tensors, tensors_among
from gradarray._engine import GraphFreedError
from gradarray._nodes import OpNode
from gradarray._storage import Value, before_write
from gradarray.autograd.hooks import (
    AfterLeaf,
    AfterNode,
    Gather,
    GradientEdge,
    MultiHook,
    PreHook,
    RemovableHandle,
    hooks_of,
    place_in_graph,
    registered,
)  # fmt: skip
from gradarray.autograd.saving import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

_metadata: weakref.WeakKeyDictionary[Any, dict[str, Any]] = weakref.WeakKeyDictionary()


class Node(OpNode):
    """A recorded operation, as ``grad_fn`` shows it; each operation's nodes are of a class named after it.

    References
    ----------
    ``torch.autograd.graph.Node``.

    Examples
    --------
    >>> import gradarray as ga
    >>> x = ga.tensor([1.0, 2.0], requires_grad=True)
    >>> node = (x * x).grad_fn
    >>> node.name(), [following.name() for following, _ in node.next_functions]
    ('MulBackward0', ['AccumulateGrad', 'AccumulateGrad'])
    >>> node.saved_values["x2"] is not x, node.saved_values["x2"].tolist()
    (True, [1.0, 2.0])
    """

    __slots__ = ()

    @property
    def metadata(self) -> dict[str, Any]:
        """A dictionary for whatever is to be remembered of the node. ``torch.autograd.graph.Node.metadata``."""
        return _metadata.setdefault(self, {})

    @property
    def saved_values(self) -> dict[str, Any]:
        """What the node keeps of the forward pass, by the names in its derivative rule.

        ``x`` (or ``x1``, ``x2``, …) are inputs, ``out`` is the output. Tensors stand where they stood on the tape. To
        write to one changes neither what was saved nor what it was saved of.

        Raises
        ------
        RuntimeError
            If a walk has freed it.

        References
        ----------
        ``_saved_self``, ``_saved_other``, ``_saved_result`` of PyTorch's nodes.
        """
        if self.saved is None:
            raise GraphFreedError
        values = saved_tensors(self)
        for x in tensors_among(values):
            lend(x)
        n = len(values) - 1
        names = ["x"] if n == 1 else [f"x{i + 1}" for i in range(n)]
        return {name: value for name, value in zip([*names, "out"], values, strict=False) if value is not None}

    def register_hook(self, function: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call ``function(grad_inputs, grad_outputs)`` after the node has run; it may return other ``grad_inputs``.

        Both are tuples, with None where there is no gradient.

        References
        ----------
        ``torch.autograd.graph.Node.register_hook``.
        """
        op = self.op
        if not isinstance(op, AfterNode):
            self.op = op = AfterNode(op)
        op.hooks.append(function)
        return RemovableHandle((op.hooks, function))

    def register_prehook(self, function: Callable[[tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call ``function(grad_outputs)`` before the node runs; it may return other ``grad_outputs``.

        References
        ----------
        ``torch.autograd.graph.Node.register_prehook``.
        """
        if self.hooks is None:
            self.hooks = []
        return registered(PreHook(self.place, function), self.hooks)


class AccumulateGrad:
    """How a leaf shows itself among the next functions of a node.

    Attributes
    ----------
    variable : Tensor
        The leaf.
    """

    __slots__ = ("variable",)
    next_functions = ()

    def __init__(self, variable: Value) -> None:
        self.variable = variable

    def name(self) -> str:
        """``"AccumulateGrad"``."""
        return "AccumulateGrad"

    @property
    def metadata(self) -> dict[str, Any]:
        """See :attr:`Node.metadata`."""
        return _metadata.setdefault(self.variable, {})

    def register_hook(self, function: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call ``function((), grad_outputs)`` once the gradient has been added."""
        return registered(AfterLeaf(function), hooks_of(self.variable)[0])

    def register_prehook(self, function: Callable[[tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call ``function(grad_outputs)`` before the gradient is added; it may return another."""
        return registered(PreHook(self.variable._place, function), hooks_of(self.variable)[0])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return hash((AccumulateGrad, id(self.variable)))

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self.variable):#x}>"


_nodes.adopt(Node, AccumulateGrad)


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge that the gradient of ``tensor`` comes along, which does not keep the tensor alive.

    Raises
    ------
    RuntimeError
        If ``tensor`` requires no gradient.

    References
    ----------
    ``torch.autograd.graph.get_gradient_edge``.
    """
    if tensor._node is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    where = place_in_graph(tensor)
    if where is None:
        return GradientEdge(AccumulateGrad(tensor), 0, tensor)
    place = tensor._place
    nothing = place.kernels["zeros"]((), dtype=place.to_raw_dtype(tensor._dtype))
    shaped = make(place.kernels["broadcast_to"](nothing, tensor._data.shape), place, tensor._dtype, tensor._node)
    return GradientEdge(_nodes.shown(where[0]), where[1], shaped)


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Say that the memory of ``tensor`` is about to be written to by other means.

    What the tape has saved of it is copied first, so the gradient stays that of the values used; the version counts up.

    References
    ----------
    ``torch.autograd.graph.increment_version``.
    """
    for x in (tensor,) if isinstance(tensor, Value) else tensor:
        before_write(x)


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """Nothing: what the tape saved may be overwritten at any time, and the gradient is that of the values used.

    References
    ----------
    ``torch.autograd.graph.allow_mutation_on_saved_tensors``.
    """
    yield


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable[[Any], None], *, mode: str = "all"
) -> RemovableHandle:
    """Call ``fn`` once a walk for the gradients of several tensors together.

    Parameters
    ----------
    tensors : sequence of Tensor
    fn : callable
        With ``"all"`` it gets, at the end of the walk, a list of the gradients, None for a tensor that had none. With
        ``"any"`` it gets the first gradient as soon as that is known.
    mode : {"all", "any"}

    Raises
    ------
    ValueError
        For another mode.
    RuntimeError
        If a tensor requires no gradient.

    References
    ----------
    ``torch.autograd.graph.register_multi_grad_hook``.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    gather = Gather(fn, len(tensors), mode == "any")
    found = []
    for i, x in enumerate(tensors):
        if x._node is None:
            raise RuntimeError(f"cannot register a hook on tensor {i}, which doesn't require gradient")
        hooks, index = hooks_of(x)
        hook = MultiHook(gather, i, index, x._place)
        hook.add_to(hooks)
        found.append((hooks, hook))
    return RemovableHandle(*found)


__all__ = [
    "GradientEdge",
    "Node",
    "RemovableHandle",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]
