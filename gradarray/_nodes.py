"""The nodes of the tape as they are made and as users see them.

Knows the engine, and places as opaque values. Must not know what any operation means.

All nodes are of one class while the tape is written and walked. To whoever looks at one, through ``grad_fn``, it
shows itself in a class of its own, named as PyTorch names it: its class is changed then, which Python allows where
the layout is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradarray._engine import Node, Op, Slot, ages
from gradarray._place import Place
from gradarray._storage import Value

Shapes = tuple[tuple[int, ...], ...]


class OpNode(Node):
    """A recorded operation.

    Attributes
    ----------
    place : Place
        Where its output lies.
    params : dict
    shapes : tuple of shapes
        Of the inputs. Not set on the short road, where all are the output's.
    complex : bool
        Whether an input or an output is complex. Not set on the short road, where none is.
    """

    __slots__ = ("complex", "params", "place", "shapes")
    place: Place
    params: dict[str, Any]
    shapes: Shapes
    complex: bool

    def name(self) -> str:
        """Its name, such as ``"AddBackward0"``. ``torch.autograd.graph.Node.name``."""
        assert isinstance(self.op, NamedOp)
        return self.op.name_of(self)

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """For each input the node its cotangent goes to, and to which of that node's outputs.

        References
        ----------
        ``torch.autograd.graph.Node.next_functions``.
        """
        assert isinstance(self.op, NamedOp)
        return tuple(map(_next_function, self.op.edges_of(self)))

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"


class NamedOp(Op):
    """An operation with the name that PyTorch gives its nodes, which may depend on parameters and shapes."""

    __slots__ = ("_grad_name", "_types")

    def __init__(self, grad_name: str | Callable[[dict[str, Any], Shapes], str]) -> None:
        self._grad_name = grad_name
        self._types: dict[str, type[OpNode]] = {}

    def name_of(self, node: OpNode) -> str:
        """The name of ``node``."""
        if isinstance(self._grad_name, str):
            return self._grad_name
        return self._grad_name(node.params, node.shapes)

    def edges_of(self, node: OpNode) -> tuple[Any, ...]:
        """One edge an input, None for an input that needs no gradient."""
        return node.edges

    def show(self, node: OpNode) -> OpNode:
        """``node``, in a class of its own name."""
        if type(node) is OpNode:
            name = self.name_of(node)
            if name not in self._types:
                self._types[name] = type(name, (_node_class,), {"__slots__": (), "__module__": "gradarray.autograd"})
            node.__class__ = self._types[name]
        return node


def shown(node: Node) -> Node:
    """``node`` as users see it."""
    return node.op.show(node) if isinstance(node, OpNode) and isinstance(node.op, NamedOp) else node


class Around(NamedOp):
    """An operation of one node, with something done before or after it; by itself it changes nothing."""

    __slots__ = ("op",)

    def __init__(self, op: NamedOp) -> None:
        self.op = op

    def name_of(self, node: OpNode) -> str:
        return self.op.name_of(node)

    def edges_of(self, node: OpNode) -> tuple[Any, ...]:
        return self.op.edges_of(node)

    def show(self, node: OpNode) -> OpNode:
        return self.op.show(node)

    def pull(self, node: OpNode, g: Any) -> Sequence[Any]:
        return self.around(node, g, lambda: self.op.pull(node, g))

    def pull_taped(self, node: OpNode, g: Any) -> Sequence[Any]:
        return self.around(node, g, lambda: self.op.pull_taped(node, g))

    def pull_strong(self, node: OpNode, g: Any) -> Sequence[Any]:
        return self.around(node, g, lambda: self.op.pull_strong(node, g))

    def pull_strong_taped(self, node: OpNode, g: Any) -> Sequence[Any]:
        return self.around(node, g, lambda: self.op.pull_strong_taped(node, g))

    def around(self, node: OpNode, g: Any, run: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        """``run``, with what is to be done around it."""
        raise NotImplementedError


def new_node(op: NamedOp, edges: tuple[Any, ...], place: Place, params: dict[str, Any]) -> OpNode:
    """A node that saves nothing but its parameters."""
    node = OpNode()
    node.op, node.edges, node.saved, node.hooks = op, edges, (), None
    node.place, node.params, node.seq = place, params, next(ages)
    return node


def adopt(node_class: type[OpNode], leaf_class: Callable[[Value], Any]) -> None:
    """Let users see nodes as of ``node_class``, and a leaf among the next functions as of ``leaf_class``."""
    global _node_class, _leaf_class
    _node_class, _leaf_class = node_class, leaf_class


_node_class: type[OpNode] = OpNode
_leaf_class: Callable[[Value], Any]


def _next_function(edge: Any) -> tuple[Any, int]:
    if isinstance(edge, Slot):
        return shown(edge.node), edge.index
    if isinstance(edge, Node):
        return shown(edge), 0
    return (None if edge is None else _leaf_class(edge)), 0
