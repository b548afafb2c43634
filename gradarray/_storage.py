"""What lies behind a tensor: its memory, who else sees that memory, and what the tape keeps of it.

Knows places and arrays as opaque values. Must not know what any operation means.

**Cells.** What a node saves of a tensor is a cell: a list of one, the array. The tensor keeps the cell as well. Before
memory is overwritten, each cell that a node still holds gets a copy of its own, and the tensor a new cell; so the tape
never sees the write, and a write that the tape need not know of costs one test.

**Families.** Tensors that alias each other's memory form a family. It counts writes (``_version``) and knows its
members' cells. A tensor that nobody aliases has none.

**Views.** A view holds its base and the steps (record and parameters) that lead from the base to it. Replaying them
gives the view again, to write through where memory cannot be written to. It holds as well its root and the path from
there, to rewrite history after a write; base and root differ where a tensor on the way was taken off the tape.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref as ref_to

from gradarray import _watch
from gradarray._engine import Node, Slot
from gradarray._place import Kind, Place
from gradarray._primitive import Primitive
from gradarray.backends import Array
from gradarray.dtypes import DType

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Cell = list[Any]
Step = tuple[Primitive, dict[str, Any]]


class _Leaf:
    """Marks a tensor that requires a gradient and is nobody's output: edges lead to the tensor itself."""

    def __repr__(self) -> str:
        return "<leaf>"


LEAF = _Leaf()


class Value:
    """What dispatch knows of a tensor; :class:`gradarray.Tensor` adds what users know.

    Attributes
    ----------
    _data : array
        The backend's array.
    _kind : Kind
        Its dtype and place in one.
    _node : Node, Slot, Value, LEAF or None
        Where its cotangent goes. None: it requires no gradient.
    _cell : list or None
        The cell that nodes save, made when first asked for.
    _meta : Meta or None
        Everything that few tensors have.
    _shape : tuple or None
        The shape of ``_data``, once it was asked for: each time that NumPy is asked it makes another tuple.
    """

    __slots__ = ("__weakref__", "_cell", "_data", "_kind", "_meta", "_node", "_shape")

    _data: Array
    _kind: Kind
    _node: Any
    _cell: Cell | None
    _meta: Meta | None
    _shape: Any

    @property
    def _dtype(self) -> DType:
        return self._kind.dtype

    @property
    def _place(self) -> Place:
        return self._kind.place

    # here, and not with the rest of what users know, since each step of a training loop asks for it: see _storage.pxd
    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by ``backward``; None before."""
        meta: Meta | None = self._meta
        return None if meta is None else meta.grad  # type: ignore[return-value]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is None:
            if self._meta is not None:
                self._meta.grad = None
            return
        if not isinstance(value, Value):
            raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
        if value is self:
            raise RuntimeError("can't assign a Tensor as its own grad")
        for what, mine, given in (
            ("shape", tuple(self._data.shape), tuple(value._data.shape)),
            ("dtype", self._dtype, value._dtype),
            ("device", self._place.device, value._place.device),
        ):
            if mine != given:
                raise RuntimeError(f"assigned grad has {what} {given}, but the tensor has {mine}")
        meta_of(self).grad = value

    @grad.deleter
    def grad(self) -> None:
        self.grad = None


_V = TypeVar("_V", bound=Value)


class Meta:
    """What few tensors have: a gradient, a family, a base, hooks."""

    __slots__ = ("base", "blind", "family", "grad", "hooks", "left", "path", "refuses", "retains", "root", "steps")

    def __init__(self) -> None:
        self.grad: Value | None = None
        self.family: Family | None = None
        self.base: Value | None = None
        self.steps: tuple[Step, ...] = ()
        self.root: Value | None = None  # what it is a view of to the tape; None: of nothing, as after detach
        self.path: tuple[Step, ...] = ()
        self.refuses: str | None = None  # a write that is recorded, for this reason
        self.left: weakref.ref[Any] | None = None  # of what was taken off the tape: the node or leaf that it was
        self.blind = False  # made of a tensor on the tape while nothing was recorded: knows its root, has no history
        self.hooks: list[Any] | None = None
        self.retains: Any = None  # what keeps the gradient of a tensor that is no leaf, and follows it to a new node


class Family:
    """The tensors that see one piece of memory.

    Attributes
    ----------
    version : int
        How many writes there were.
    members : list
        The tensors, and the cells that nodes may hold of them.
    scattered : bool
        A member has memory of its own, though it means the base's: a write has to be made in both.
    lent : bool
        A tensor on another place reads this memory: a write has to be made in a copy, which is this family's from then.
    """

    __slots__ = ("_prune_at", "lent", "members", "scattered", "version")

    def __init__(self) -> None:
        self.version = 0
        self.scattered = self.lent = False
        self.members: list[tuple[weakref.ref[Value], Cell]] = []
        self._prune_at = 16

    def add(self, x: Value) -> None:
        """Take in ``x`` with the cell that nodes may hold of it."""
        cell = x._cell
        if cell is None:
            x._cell = cell = [x._data]
        self.members.append((ref_to(x), cell))
        if len(self.members) > self._prune_at:
            self.prune()
            self._prune_at = 2 * len(self.members) + 16

    def prune(self) -> None:
        """Forget those that are gone."""
        kept = []
        x: Value | None
        for member in self.members:
            ref, cell = member
            x = ref()
            if (x is not None and x._cell is cell) or _holders(cell) > _LEAST:
                kept.append(member)
        self.members = kept

    def alive(self) -> list[Value]:
        """The members that still exist, oldest first."""
        return [x for ref, _ in self.members if (x := ref()) is not None]


_refcount: Callable[[object], int] | None = getattr(sys, "getrefcount", None)


def _holders(cell: Cell) -> int:
    """How many hold ``cell``. Without reference counts (PyPy) a great many: a copy too many, never one too few."""
    return _refcount(cell) if _refcount is not None else 1 << 30


def _least() -> int:
    """What :func:`_holders` says of a cell that only a member's tuple holds, to who walks over the members."""
    members = [(None, [None])]
    for _, cell in members:
        return _holders(cell)
    raise AssertionError


_LEAST = _least()


def meta_of(x: Value) -> Meta:
    """The :class:`Meta` of ``x``, made if there is none."""
    if x._meta is None:
        x._meta = Meta()
    return x._meta


def family_of(x: Value) -> Family:
    """The family of ``x``, made if there is none."""
    meta: Meta = meta_of(x)
    if meta.family is None:
        meta.family = Family()
        meta.family.add(x)
    return meta.family


def cell_of(x: Value) -> Cell:
    """The cell of ``x``, made if there is none.

    Raises
    ------
    RuntimeError
        For an inference tensor, as PyTorch does.
    """
    cell = x._cell
    if x._kind.inference:
        raise RuntimeError(
            "Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal "
            "tensor and use it in autograd."
        )
    if cell is None:
        x._cell = cell = [x._data]
    return cell


class Cells:
    """The cells of an operation's several outputs, where a node saves them together."""

    __slots__ = ("cells",)

    def __init__(self, outputs: Sequence[Value]) -> None:
        self.cells: tuple[Any, ...] = tuple(map(cell_of, outputs))

    def map(self, function: Callable[[Any], Any]) -> Cells:
        """The same with what ``function`` makes of each cell."""
        new = Cells(())
        new.cells = tuple(map(function, self.cells))
        return new

    def __getitem__(self, index: int) -> list[Array]:
        return [cell[index] for cell in self.cells]


def is_exclusive(x: Value) -> bool:
    """Whether nobody but ``x``, and the tape, holds its array. Without reference counts (PyPy) never."""
    if x._meta is not None and x._meta.family is not None:
        x._meta.family.prune()
    return _array_holders(x) <= _ALONE + (x._cell is not None)


def _array_holders(x: Value) -> int:
    return _refcount(x._data) if _refcount is not None else 1 << 30


def _alone() -> int:
    """What :func:`_array_holders` says of an array that a tensor alone holds; never reached without counts."""
    x = Value()
    x._data = object()
    return _array_holders(x) if _refcount is not None else 0


_ALONE = _alone()


_UNRECORDED = (
    "a view was created in no_grad mode and is being modified in place with grad mode enabled. Make the view outside "
    "of no_grad, or write inside of it"
)
_SEVERAL = (
    "output of a function that returns multiple views is being modified in place, which such functions do not allow. "
    "Take the views one by one, for example x[i], or replace the write by an operation out of place"
)


_OF_FUNCTION = (
    "a view that an autograd.Function gave, or an argument that it gave back, is being modified in place. Its base "
    "would have to know, and the Function's own backward says nothing about that. Work on a clone of what it gave"
)


def of_function(x: _V) -> _V:
    """``x``, an alias of what an ``autograd.Function`` gave, as a tensor to which no write is recorded."""
    meta_of(x).refuses = _OF_FUNCTION
    return x


def one_of_several(views: Sequence[Value]) -> None:
    """Note that one call gave all these views: to none of them a write is recorded, as in PyTorch."""
    for x in views:
        if x._meta is not None and x._meta.root is not None:
            x._meta.refuses = x._meta.refuses or _SEVERAL


def make_alias(x: Value, base: Value, step: Step | None, *, recording: bool) -> None:
    """Make ``x`` (new) an alias of ``base``: a view by ``step``, or, with None, the same array off the tape.

    A view of what is on the tape, made while nothing is recorded, has no history. An alias of an inference tensor is
    one too, and of another none.
    """
    meta: Meta = Meta()
    x._meta = meta
    base_meta: Meta = meta_of(base) if base._meta is None else base._meta
    if x._kind.inference is not base._kind.inference:
        x._kind = x._kind.for_inference() if base._kind.inference else x._place.kinds[x._dtype.name]
    family: Family = family_of(base) if base_meta.family is None else base_meta.family
    meta.family = family
    meta.base = base if base_meta.base is None else base_meta.base
    meta.left = base_meta.left
    if step is None:
        if base._node is not None:
            node = base._node.node if isinstance(base._node, Slot) else base._node
            meta.left = weakref.ref(base if node is LEAF else node)
        if isinstance(meta.base._node, Node | Slot):
            meta.base = _memory_of(meta.base)
        meta.steps = base_meta.steps
    else:
        meta.steps = (*base_meta.steps, step)
        meta.root = base if base_meta.root is None else base_meta.root
        meta.path = meta.steps if base_meta.path is base_meta.steps else (*base_meta.path, step)
        meta.blind = base_meta.blind or not (recording or base._node is None)
        meta.refuses = base_meta.refuses or (None if recording else _UNRECORDED)
    family.add(x)


def no_view(x: _V) -> _V:
    """``x``, a view of what was computed for it and nobody else sees, as a tensor that is no view to the tape."""
    meta = x._meta
    if meta is not None and meta.root is not None:
        assert meta.base is not None
        meta.base._node = None  # x has the history
        meta.root, meta.path, meta.refuses, meta.blind = None, (), None, False
    return x


def _memory_of(x: Value) -> Value:
    """A new base, off the tape, for ``x`` and all that alias it, so that none of them holds the graph of ``x``."""
    hidden = type(x)()
    hidden._data, hidden._kind, hidden._node, hidden._cell, hidden._meta = x._data, x._kind, None, None, None
    hidden._shape = x._shape
    meta_of(hidden).family = family = family_of(x)
    for member in family.alive():
        meta = meta_of(member)
        if meta.base is x or member is x:
            meta.base = hidden
    family.add(hidden)
    return hidden


def hand_over(x: Value, hidden: Value) -> None:
    """Let ``hidden`` (new) stand where ``x`` stood for those that alias it; ``x`` becomes its view without a step."""
    meta, taken = meta_of(x), meta_of(hidden)
    taken.family = family = family_of(x)
    taken.base, taken.steps = meta.base, meta.steps
    hidden._cell = x._cell
    for member in family.alive():
        other = meta_of(member)
        if other.root is x:
            other.root = hidden
        if other.base is x:
            other.base = hidden
    family.members = [(ref, cell) for ref, cell in family.members if ref() is not x]
    family.add(hidden)
    meta.base = hidden if taken.base is None else taken.base
    meta.root, meta.path = hidden, ()


def before_write(x: Value) -> Family:
    """Copy, for the nodes that hold them, the values in memory that ``x`` shares, and count the write in its family.

    Raises
    ------
    RuntimeError
        For an inference tensor outside of inference mode, as PyTorch does.
    """
    if x._kind.inference and not _watch.inference.get():
        raise RuntimeError(
            "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a clone to get a "
            "normal tensor before doing inplace update."
        )
    family: Family = family_of(x)
    if len(family.members) == 1:
        cell = family.members[0][1]
        if cell is x._cell and _holders(cell) <= _LEAST + 1:  # no node holds it, as in a step of an optimizer
            family.version += 1
            return family
    kept: list[tuple[weakref.ref[Value], Cell]] = []
    for ref, cell in family.members:
        member = ref()
        owned = member is not None and member._cell is cell  # not so: of a tensor that is gone, or has another by now
        if _holders(cell) > _LEAST + owned:  # a node holds it too
            if x._place.mutable and not family.lent:
                cell[0] = x._place.backend.copy(cell[0])
            if owned:
                assert member is not None
                member._cell = [member._data]
                kept.append((ref, member._cell))
        elif owned:
            kept.append((ref, cell))
    family.members = kept
    family.version += 1
    return family


def part_from_views(tensors: Sequence[Value]) -> None:
    """Give what nodes hold of views of these memory of its own: they share theirs with others, who do not know them."""
    for x in tensors:
        if x._meta is None or not x._place.mutable:
            continue
        assert x._meta.family is not None
        for ref, cell in x._meta.family.members:
            member = ref()
            if cell is not x._cell and _holders(cell) > _LEAST + (member is not None and member._cell is cell):
                cell[0] = x._place.backend.copy(cell[0])


def rebind(x: Value, raw: Array) -> None:
    """Give ``x`` another array, in a new cell."""
    x._data, x._shape = raw, None
    if x._cell is not None:
        x._cell = [raw]
        family = x._meta.family if x._meta is not None else None
        if family is not None:
            family.members = [(ref, x._cell if ref() is x else cell) for ref, cell in family.members]
