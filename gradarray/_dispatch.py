"""The only place where table, tape and backend meet: unwrap, promote, call, record, and back again.

Knows records, nodes, places and values. Must not know what any operation means.

There are three roads. The general one takes everything. The short one, made for each elementwise operation at import,
takes what nearly every call is: real floating tensors of one dtype on one place, or one and a Python scalar. The middle
one, made for each other operation of one or two inputs, takes such tensors and parameters. Both do the same as the
general one with fewer steps; whatever they do not recognise they hand to it.

The annotations of local variables here tell the compiler what it may take for granted (see docs/performance.md).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from gradarray import _state, _watch, ops
from gradarray._deferred import SMALL, RowSum, Shape
from gradarray._engine import Large, Masked, Slot, ages
from gradarray._nodes import NamedOp, OpNode, new_node
from gradarray._place import Kind, Place, place_of, scoped_types, thrifts
from gradarray._primitive import MANY, TABLE, Primitive, Rules
from gradarray._spare import IN_SUM_FIRST, IN_SUM_SECOND, refcount
from gradarray._storage import LEAF, Cells, Value, cell_of, family_of, is_exclusive, make_alias, part_from_views
from gradarray.backends import Array
from gradarray.dtypes import DType, combine, finfo, holds
from gradarray.ops._helpers import sum_to

if TYPE_CHECKING:
    from gradarray._tensor import Tensor as PublicTensor

Tensor: Any = Value
"""The class of the tensors that operations give: ours, once tensor.py has handed it in."""

grad_enabled: Callable[[], bool] = _state.grad_enabled.get
assert ops, "importing it has filled the table"
_T = TypeVar("_T", bound=type[Value])


def adopt(cls: _T) -> _T:
    """Make ``cls`` the class of the tensors that operations give."""
    global Tensor
    Tensor = cls
    return cls


class ShapeError(ValueError, RuntimeError):
    """Shapes that do not go together: PyTorch raises RuntimeError for it, NumPy ValueError."""


class DtypeError(TypeError, RuntimeError):
    """A dtype that an operation does not take: PyTorch raises RuntimeError for it, NumPy TypeError."""


class RangeError(RuntimeError, ValueError, OverflowError):
    """A number that its dtype cannot hold: RuntimeError or ValueError in PyTorch, OverflowError in NumPy."""


def out_of_range(name: str, number: int, dtype: DType) -> RangeError:
    """The error of the operation ``name`` that is given a number which the dtype of a tensor does not hold."""
    return RangeError(f"{name}: {number} cannot be converted to {dtype!r} without overflow; convert the tensor first")


class LinAlgError(np.linalg.LinAlgError, RuntimeError):
    """A matrix that an operation has no result for, such as the inverse of a singular one.

    A ``RuntimeError``, as ``torch.linalg.LinAlgError`` is, and NumPy's own ``LinAlgError``.
    """


# -- tensors from arrays -----------------------------------------------------------------------------------------------


def make(raw: Array, place: Place, dtype: DType | None = None, node: Any = None) -> PublicTensor:
    """A tensor of a raw array."""
    x: Value = Tensor()
    x._data = raw = raw if type(raw) is place.array_type else place.wrap(raw)
    if dtype is not None:
        x._kind = place.kinds[dtype.name]
    else:
        x._kind = place.kind_of.get(raw.dtype) or place.kind(raw)  # nearly always without the call
    if _watch.count and _watch.inference.get():
        x._kind = x._kind.for_inference()
    x._node = node
    x._cell = x._meta = x._shape = None
    return x  # type: ignore[return-value]


def of_kind(raw: Array, kind: Kind) -> PublicTensor:
    """A tensor of a raw array that is known to be of a kind."""
    x: Value = Tensor()
    x._data, x._kind, x._node, x._cell, x._meta, x._shape = raw, kind, None, None, None, None
    return x  # type: ignore[return-value]


def edge_of(x: Any) -> Any:
    """Where the cotangent of ``x`` goes; None if it needs none."""
    if not isinstance(x, Value):
        return None
    node = x._node
    return x if node is LEAF else node


def requires_grad(x: Any) -> bool:
    """Whether ``x`` is a tensor on the tape."""
    return isinstance(x, Value) and x._node is not None


# -- operations as the engine sees them --------------------------------------------------------------------------------


class TableOp(NamedOp):
    """An operation of the table, recorded by the general road: cotangents may be complex, or broadcast.

    Attributes
    ----------
    record : Primitive
    floating : bool
        Integers are converted before the kernel sees them.
    plain : TableOp
        The same for what is real and computed in no scope.
    one, two : callable or None
        Its middle road, where its kernel takes one or two arrays, or one of any number, and gives one.
    """

    __slots__ = ("floating", "one", "plain", "plans", "record", "saves", "two")

    def __init__(self, record: Primitive) -> None:
        super().__init__(record.grad_name)
        self.record = record
        self.floating = record.accepts == "floating"
        self.saves: dict[tuple[bool, ...], frozenset[int]] = {}
        self.plain: TableOp = self
        self.one: Callable[[Any, dict[str, Any]], Any] | None = None
        self.two: Callable[[Any, Any, dict[str, Any]], Any] | None = None
        self.plans = _Plans(self)

    def to_save(self, needs: tuple[bool, ...]) -> frozenset[int]:
        """The positions to save where the inputs marked in ``needs`` want gradients; -1 is the output."""
        found = self.saves.get(needs)
        if found is None:
            found = self.record.saves(needs)
            if self.record.inputs is None and found:  # 0 stands for all inputs, 1 for all but the first
                start = 0 if 0 in found else 1 if 1 in found else len(needs)
                found |= frozenset(range(start, len(needs)))
            self.saves[needs] = found
        return found

    def pull(self, node: OpNode, g: Any) -> Sequence[Any]:
        return self._pull(node, g, self.rules)

    def pull_taped(self, node: OpNode, g: Any) -> Sequence[Any]:
        return self._pull_taped(node, g, self.rules)

    def pull_strong(self, node: OpNode, g: Any) -> Sequence[Any]:
        return self._pull(node, g, self.rules.strong)

    def pull_strong_taped(self, node: OpNode, g: Any) -> Sequence[Any]:
        return self._pull_taped(node, g, self.rules.strong)

    @property
    def rules(self) -> Rules:
        assert self.record.rules is not None
        return self.record.rules

    def _pull(self, node: OpNode, g: Any, rules: Rules) -> Sequence[Any]:
        rule = rules.raw_complex if node.complex else rules.raw
        if node.place.scope is None:
            return self._ran(rule, node, g)
        with node.place.scope():
            return self._ran(rule, node, g)

    def _ran(self, rule: Callable[..., Any], node: OpNode, g: Any) -> Sequence[Any]:
        gs: Sequence[Any] = rule(node, g)
        gs = _unbroadcast(node, gs, node.place.xp) if self.record.broadcasts else gs
        return Masked(gs) if self.record.chooses else gs

    def _pull_taped(self, node: OpNode, g: Any, rules: Rules) -> Sequence[Any]:
        saved = saved_tensors(node)
        rule = rules.taped_complex if node.complex or _is_complex(g) else rules.taped
        gs: Sequence[Any] = rule(node, g, saved, TAPED)
        if saved:
            part_from_views(tensors_among(saved))
        gs = _unbroadcast(node, gs, TAPED) if self.record.broadcasts else gs
        return Masked(gs) if self.record.chooses else gs


class _Plans(dict[tuple[bool, ...], tuple[bool, ...]]):
    """By which inputs want gradients: for each input, and for the output, whether it is saved; () where nothing is."""

    def __init__(self, op: TableOp) -> None:
        super().__init__()
        self._op = op

    def __missing__(self, needs: tuple[bool, ...]) -> tuple[bool, ...]:
        saves = self._op.to_save(needs)
        self[needs] = plan = (*(i in saves for i in range(len(needs))), -1 in saves) if saves else ()
        return plan


class PlainOp(TableOp):
    """The same where all is real and computed in no scope: ``pull`` is hardly more than the compiled rule."""

    __slots__ = ("pull", "pull_strong")

    def __init__(self, record: Primitive) -> None:
        super().__init__(record)
        _compiled_late(self, "pull", lambda: self._compiled(self.rules))
        _compiled_late(self, "pull_strong", lambda: self._compiled(self.rules.strong))

    def _compiled(self, rules: Rules) -> Callable[[OpNode, Any], Sequence[Any]]:
        rule, record = rules.raw, self.record

        def pull(node: OpNode, g: Any) -> Sequence[Any]:
            g1, g2 = rule(node, g)
            shape1, shape2 = node.shapes
            place: Place = node.place
            if g1 is not None and g1.shape != shape1:
                g1 = _summed(place, g1, shape1, node.to[0])
            if g2 is not None and g2.shape != shape2:
                g2 = _summed(place, g2, shape2, node.to[1])
            least = place.large_from
            if least is None:
                return g1, g2
            is_large = (g1 is not None and g1.nbytes >= least) or (g2 is not None and g2.nbytes >= least)
            return Large((g1, g2)) if is_large else (g1, g2)

        if record.broadcasts and record.inputs == 2 and not record.chooses:
            return pull
        if record.broadcasts:
            return lambda node, g: self._ran(rule, node, g)
        if record.chooses:
            return lambda node, g: Masked(rule(node, g))
        return rules.weighed if record.inputs == 1 else rule


def _compiled_late(op: NamedOp, name: str, compile: Callable[[], Callable[..., Sequence[Any]]]) -> None:
    """Let the pull ``name`` of ``op`` compile its rule when it is first asked, and be what that gives from then on."""

    def pull(node: OpNode, g: Any) -> Sequence[Any]:
        compiled = compile()
        setattr(op, name, compiled)
        return compiled(node, g)

    setattr(op, name, pull)


class ShortOp(NamedOp):
    """An elementwise operation, recorded by the short road: real, of one shape, and with edges for ``wanted`` alone.

    ``pull`` and its kin are the compiled rules themselves.
    """

    __slots__ = (
        "chooses", "inputs", "pull", "pull_large", "pull_strong", "pull_strong_large", "pull_strong_taped",
        "pull_taped", "rules", "wanted",
    )  # fmt: skip

    def __init__(self, record: Primitive, wanted: tuple[int, ...]) -> None:
        super().__init__(record.grad_name)
        assert record.rules is not None and record.inputs is not None
        self.inputs, self.wanted, self.chooses = record.inputs, wanted, record.chooses
        self.rules = rules = record.rules.part(wanted)
        _compiled_late(self, "pull", lambda: self._masking(rules.raw))
        _compiled_late(self, "pull_large", lambda: self._masking(rules.large))
        _compiled_late(self, "pull_taped", lambda: self._taped(rules))
        _compiled_late(self, "pull_strong", lambda: rules.strong.raw)
        _compiled_late(self, "pull_strong_large", lambda: rules.strong.large)
        _compiled_late(self, "pull_strong_taped", lambda: self._taped(rules.strong))

    def _masking(self, rule: Callable[..., Any]) -> Callable[..., Any]:
        return (lambda node, g: Masked(rule(node, g))) if self.chooses else rule

    def _taped(self, rules: Rules) -> Callable[..., Any]:
        real, chooses = rules.taped, self.chooses

        def pull(node: OpNode, g: Any) -> Sequence[Any]:
            v: Value = g
            kind: Kind = v._kind
            if kind.short and kind.place is node.place:
                gs: Sequence[Any] = real(node, g, saved_tensors(node, kind), TAPED)
            else:
                rule = rules.taped_complex if _is_complex(g) else real
                gs = rule(node, g, saved_tensors(node), TAPED)
            return Masked(gs) if chooses else gs

        return pull

    def edges_of(self, node: OpNode) -> tuple[Any, ...]:
        found = node.edges
        if len(found) == self.inputs:
            return found
        edges = [None] * self.inputs
        for i, edge in zip(self.wanted, found):
            edges[i] = edge
        return tuple(edges)


def saved_tensors(node: OpNode, kind: Kind | None = None) -> Sequence[Any]:
    """What ``node`` saved as tensors that stand where they stood on the tape.

    ``kind`` is what they are likely to be of, on the place of the node: those that are need not be asked.
    """
    cells, place = node.saved, node.place
    assert cells is not None
    if not cells:
        return cells
    edges = node.op.edges_of(node)  # type: ignore[attr-defined]
    saved: list[Any] = []
    for i, cell in enumerate(cells):
        raw: Any = None if cell is None else cell[0]
        is_array = type(raw) is place.array_type
        if is_array or hasattr(raw, "shape"):
            if kind is not None and is_array and raw.dtype is kind.raw_dtype:
                x: Value = of_kind(raw, kind)
            else:
                x = make(raw, place)
            x._node = node if i == len(edges) else edges[i]
            if type(cell) is list:  # `held_in` written out
                x._cell = cell
            saved.append(x)
        elif type(raw) is list:
            cells_of = cell.cells if type(cell) is Cells else [None] * len(raw)
            saved.append(
                [held_in(c, make(r, place, None, Slot(node, k))) for k, (c, r) in enumerate(zip(cells_of, raw))]
            )
        else:
            saved.append(raw)
    return saved


def held_in(cell: Any, x: Any) -> Any:
    """``x``, made of what a node saved in ``cell``, with that cell for its own.

    A write to the memory gives the cell a copy; so those nodes are spared too that save ``x`` in their turn, as nodes
    of a recorded walk do.
    """
    if type(cell) is list:  # not what a hook has packed
        x._cell = cell
    return x


def tensors_among(saved: Sequence[Any]) -> list[Value]:
    """The tensors of :func:`saved_tensors`, also those of the lists in it."""
    parts = (value if type(value) is list else (value,) for value in saved)
    return [x for part in parts for x in part if isinstance(x, Value)]


def lend(x: Value) -> None:
    """Let a write to ``x`` be made in memory of its own: what it has now others have too, who do not know of it."""
    if x._place.mutable:
        family_of(x).lent = True


def _is_complex(g: Any) -> bool:
    if type(g) is list:
        return any(x is not None and x._kind.dtype.is_complex for x in g)
    return g._kind.dtype.is_complex  # type: ignore[no-any-return]


def _unbroadcast(node: OpNode, gs: Sequence[Any], xp: Any) -> Sequence[Any]:
    """Each cotangent summed back to the shape of its input."""
    for g, shape in zip(gs, node.shapes):
        if g is not None and g.shape != shape:
            return [g if g is None else sum_to(xp, g, shape) for g, shape in zip(gs, node.shapes, strict=True)]
    return gs


def _summed(place: Place, g: Any, shape: Shape, edge: Any) -> Any:
    """``g`` summed back to the ``shape`` of the input that ``edge`` leads to, now or together with others."""
    given = g.shape
    if len(given) != 2 or given[1:] != shape:
        return sum_to(place.xp, g, shape)
    if refcount(edge) > MANY and place.joins and given[0] * given[1] <= SMALL:
        return RowSum(place, g, shape)
    return place.kernels["sum_rows"](g)


_NO_PARAMS: dict[str, Any] = {}
"""Of the nodes of operations that take none."""


class _Ops(dict[Primitive, TableOp]):
    def __missing__(self, record: Primitive) -> TableOp:
        self[record] = op = TableOp(record)
        if record.rules is not None:
            op.plain = PlainOp(record)
        if record.outputs == 1 and not record.listed:
            op.one = _one(op) if record.inputs in (1, None) else None
            op.two = _two(op) if record.inputs == 2 else None
        return op


_ops = _Ops()


def apply(record: Primitive, xs: Sequence[Any], params: dict[str, Any]) -> PublicTensor:
    """Run an operation on tensors and Python scalars; a tensor, or a tuple of them where it has several outputs.

    NumPy's scalars count as Python's, its arrays as tensors. An operation of two operands gives NotImplemented where
    one is nothing of the kind: an operator hands that on to Python, a function raises.

    Raises
    ------
    RuntimeError
        If tensors lie on different devices, or (as :class:`ShapeError`) shapes do not broadcast.
    TypeError
        If the dtypes have no common dtype, or the operation does not take them.
    """
    op = _ops[record]
    if op.one is not None and len(xs) == 1:
        return op.one(xs[0], params)  # type: ignore[no-any-return]
    if op.two is not None and len(xs) == 2:
        return op.two(xs[0], xs[1], params)  # type: ignore[no-any-return]
    return _general(op, xs, params)


# -- the general road --------------------------------------------------------------------------------------------------


def _general(op: TableOp, xs: Sequence[Any], params: dict[str, Any]) -> PublicTensor:
    """:func:`apply`, whatever the tensors are."""
    record = op.record
    kind: Any = None
    tracked = False
    raws = []
    v: Value
    for x in xs:
        if type(x) is not Tensor:
            break
        v = x
        if kind is not v._kind:
            if kind is not None:
                break
            kind = v._kind
        if v._node is not None:
            tracked = True
        raws.append(v._data)
    if len(raws) != len(xs) or (op.floating and kind.dtype.kind not in "fc"):
        place = common_place(record.name, xs)
        if any(type(x) is not Tensor and type(x) not in _NUMBERS for x in xs):
            xs = _understood(record, xs, place)
            if xs is NotImplemented:
                return NotImplemented  # type: ignore[no-any-return] # operators hand it on to Python
        xs = promoted(record, xs, place)
        raws = [x._data if isinstance(x, Value) else x for x in xs]
        tracked = any(requires_grad(x) for x in xs)
        kernels = next(x for x in xs if isinstance(x, Value))._kind.kernels
    else:
        place, kernels = kind.place, kind.kernels
    try:
        kernel = kernels[record.name]
        if _watch.count:
            kernel = _watch.seen(record.name, place, kernel)
        out = kernel(raws, **params) if record.listed else kernel(*raws, **params)
    except Exception as error:
        raise _explained(record, xs, error) from error
    tracked = tracked and record.rules is not None and grad_enabled()
    if record.outputs != 1:
        results = tuple(make(o, place) for o in out)
        if tracked:
            _record(op, xs, params, place, results)
        return results  # type: ignore[return-value] # operations of several outputs are few
    result = make(out, place)
    if tracked and result._kind.dtype.kind in "fc":
        _record(op, xs, params, place, (result,))
    if record.view:
        alias(result, xs[0], record, params)
    return result


def alias(result: Value, base: Value, record: Primitive, params: dict[str, Any]) -> None:
    """Note that ``result`` is a view of ``base``."""
    make_alias(result, base, (record, params), recording=grad_enabled())
    place = result._kind.place
    if not place.negative_steps and place.copies(params):
        family_of(result).scattered = True


def detached(x: Any) -> Any:
    """An alias of ``x`` off the tape, and off those of the levels below."""
    level = x._place.level
    out = make(x._data if level is None else level.detached(x._data), x._place, x._dtype)
    make_alias(out, x, None, recording=False)
    return out


def _record(op: TableOp, xs: Sequence[Any], params: dict[str, Any], place: Place, outputs: tuple[Value, ...]) -> None:
    edges: list[Any] = []
    shapes = []
    needs = []
    is_complex = False
    v: Value
    for x in xs:
        if isinstance(x, Value):
            v = x
            edge = v._node
            edges.append(x if edge is LEAF else edge)
            shapes.append(v._data.shape if place.shape_of is None else place.shape_of(v._data))
            needs.append(edge is not None)
            is_complex = is_complex or v._kind.dtype.is_complex
        else:
            edges.append(None)
            shapes.append(())
            needs.append(False)
    node = OpNode()
    node.op, node.hooks, node.place, node.params = op, None, place, params
    node.edges, node.shapes = tuple(edges), tuple(shapes)
    node.complex = is_complex or outputs[0]._kind.dtype.is_complex or outputs[-1]._kind.dtype.is_complex
    saves = op.to_save(tuple(needs))
    if saves:
        cells: list[Any] = [None] * len(xs)
        for i, x in enumerate(xs):
            if i in saves:
                cells[i] = cell_of(x) if isinstance(x, Value) else [x]
        if -1 not in saves:
            cells.append(None)
        else:
            cells.append(cell_of(outputs[0]) if len(outputs) == 1 else Cells(outputs))
        node.saved = tuple(cells)
    else:
        node.saved = ()
    node.seq = next(ages)
    if op.record.outputs == 1:
        outputs[0]._node = node
    else:
        node.outputs = len(outputs)
        for i, out in enumerate(outputs):
            if out._dtype.kind in "fc":
                out._node = Slot(node, i)
    if _watch.count:
        _watch.recorded(node)


def common_place(name: str, xs: Sequence[Any]) -> Place:
    """The one place of the tensors among ``xs``.

    Raises
    ------
    RuntimeError
        If they lie on several devices. (0-d CPU tensors go along with any; :func:`promoted` moves them.)
    """
    place: Place | None = None
    for x in xs:
        if isinstance(x, Value) and x._place is not place:
            if x._place.level is not None or (place is not None and place.level is not None):
                return _lifted_place(name, xs)
            if place is None or _follows(place, xs):
                place = x._place
            elif not _is_host_scalar(x):
                raise RuntimeError(
                    f"{name}: expected all tensors to be on the same device, but found at least two devices, "
                    f"{place.device} and {x._place.device}! Move one, for example with x.to({str(place.device)!r})"
                )
    if place is None:
        raise TypeError(f"{name} needs at least one tensor, got {', '.join(type(x).__name__ for x in xs)}")
    return place


def _lifted_place(name: str, xs: Sequence[Any]) -> Place:
    """The place of the innermost transform among ``xs``, over the one device that all of them lie on."""
    top: Any = None
    grounds = []
    for x in xs:
        if isinstance(x, Value):
            level = x._place.level
            if level is not None and (top is None or level.depth > top.depth):
                top = level
            while x._place.level is not None:
                x = x._place.level.below(x)
            grounds.append(x)
    return top.over(common_place(name, grounds))  # type: ignore[no-any-return]


def _is_host_scalar(x: Value) -> bool:
    return x._data.shape == () and x._place.device.backend == "numpy"


def _follows(place: Place, xs: Sequence[Any]) -> bool:
    """Whether all tensors seen on ``place`` are 0-d and on the CPU, so that the others decide."""
    return all(_is_host_scalar(x) for x in xs if isinstance(x, Value) and x._place is place)


_NUMBERS = frozenset((bool, int, float, complex))


def _understood(record: Primitive, xs: Sequence[Any], place: Place) -> Any:
    """``xs`` with NumPy's scalars as Python's and its arrays as tensors; NotImplemented, see :func:`apply`."""
    out: list[Any] = []
    for x in xs:
        if isinstance(x, Value) or type(x) in _NUMBERS:
            out.append(x)
        elif isinstance(x, np.generic | int | float | complex):
            out.append(x.item() if isinstance(x, np.generic) else x)
        elif isinstance(x, np.ndarray):
            out.append(make(place.backend.from_numpy(x, place.device, copy=False), place))
        elif record.inputs == 2 and record.broadcasts:
            return NotImplemented
        else:
            raise TypeError(f"{record.name}: expected tensors or numbers, got {type(x).__name__}")
    return out


def promoted(record: Primitive, xs: Sequence[Any], place: Place) -> Sequence[Any]:
    """The inputs on one place and, where the record says so, of one dtype; each step is on the tape."""
    if any(isinstance(x, Value) and x._place is not place for x in xs):
        xs = [transfer(x, place) if isinstance(x, Value) else x for x in xs]
    which = range(len(xs)) if record.promote is None else record.promote
    arrays = [x for i in which if isinstance(x := xs[i], Value)]
    if not arrays:
        return xs
    first = arrays[0]._dtype
    scalars = [x for i in which if not isinstance(x := xs[i], Value)]
    target = first
    if scalars or any(x._dtype is not first for x in arrays):
        target = combine([x._dtype for x in arrays], scalars, _state.get_default_dtype())
    if record.accepts == "floating" and target.kind not in "fc":
        target = _state.get_default_dtype()
    if scalars and target.kind in "iufc":
        xs = [int(x) if type(x) is bool and i in which else x for i, x in enumerate(xs)]  # which libraries refuse
    if scalars and target.kind in "iu":
        beyond = {i: xs[i] for i in which if not isinstance(xs[i], Value) and not holds(target, xs[i])}
        if beyond and not record.compares:
            raise out_of_range(record.name, next(iter(beyond.values())), target)
        if beyond:
            infinite = {i: math.inf if x > 0 else -math.inf for i, x in beyond.items()}  # compares as it does
            return promoted(record, [infinite.get(i, x) for i, x in enumerate(xs)], place)
    if all(x._dtype is target for x in arrays):
        return xs
    return [cast(x, target) if i in which and isinstance(x, Value) else x for i, x in enumerate(xs)]


def cast(tensor: Value, dtype: DType) -> PublicTensor:
    """A tensor in another dtype, on the tape."""
    x: Any = tensor
    if x._dtype is dtype:
        return x  # type: ignore[no-any-return]
    if x._dtype.kind == "c" and dtype.kind not in "cb":
        x = apply(TABLE["real"], (x,), {})
    x._place.to_raw_dtype(dtype)
    return apply(TABLE["astype"], (x,), {"dtype": dtype, "source": x._dtype})


def _explained(record: Primitive, xs: Sequence[Any], error: Exception) -> Exception:
    """``error`` of a kernel in the user's terms."""
    if any(isinstance(x, Value) and x._place.level is not None for x in xs):
        return error  # it comes from the operation on the level below, and is so already
    if type(error).__name__.lstrip("_") == "LinAlgError":
        return LinAlgError(f"{record.name}: {error}, given {', '.join(f'{x._dtype.name}{list(x.shape)}' for x in xs)}")
    shapes = [x._data.shape for x in xs if isinstance(x, Value)]
    if record.broadcasts and (clash := _clash(shapes)) is not None:
        return ShapeError(clash)
    if isinstance(error, NotImplementedError | MemoryError | ShapeError | IndexError):
        return error
    given = ", ".join(f"{x._dtype.name}{list(x._data.shape)}" if isinstance(x, Value) else repr(x) for x in xs)
    kind = ShapeError if isinstance(error, ValueError) else DtypeError if isinstance(error, TypeError) else type(error)
    try:
        return kind(f"{record.name}({given}): {error}")
    except Exception:  # a class that wants other arguments, as CuPy's want a status, and says so in its own way
        return RuntimeError(f"{record.name}({given}): {type(error).__name__}: {error}")


def _clash(shapes: Sequence[tuple[int, ...]]) -> str | None:
    """PyTorch's message for the first two shapes that do not broadcast, or None."""
    for i, a in enumerate(shapes):
        for b in shapes[i + 1 :]:
            for d in range(1, min(len(a), len(b)) + 1):
                if a[-d] != b[-d] and 1 not in (a[-d], b[-d]):
                    return (
                        f"The size of tensor a ({a[-d]}) must match the size of tensor b ({b[-d]}) at non-singleton "
                        f"dimension {max(len(a), len(b)) - d}; the shapes are {list(a)} and {list(b)}"
                    )
    return None


def same_shape(a: Shape, b: Shape) -> bool:
    """Whether two shapes can be one; a length that is unknown until it is computed (nan) can be any."""
    return a == b or (len(a) == len(b) and all(m == n or m != m or n != n for m, n in zip(a, b, strict=True)))


def broadcast_shape(a: Shape, b: Shape) -> tuple[int, ...] | None:
    """The shape that ``a`` and ``b`` broadcast to, or None."""
    if _clash((a, b)) is not None:
        return None
    n = max(len(a), len(b))
    padded = zip((1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b, strict=True)
    return tuple(q if p == 1 else p for p, q in padded)


# -- the middle road ---------------------------------------------------------------------------------------------------


def road(name: str) -> Callable[..., Any]:
    """The function of one tensor or two, and parameters, that runs the operation ``name``: :func:`apply` made short."""
    op = _ops[TABLE[name]]
    found = op.one or op.two
    assert found is not None, f"{name} takes another number of arrays"
    return found


def _one(op: TableOp) -> Callable[[Any, dict[str, Any]], Any]:
    """The function of a tensor and parameters that runs ``op``, whose kernel takes one array and gives one."""
    record, plain = op.record, op.plain
    name, view, differentiable = record.name, record.view, record.rules is not None
    save_x, save_out = op.plans[(True,)] or (False, False) if differentiable else (False, False)

    def run(x: Any, params: dict[str, Any]) -> Any:
        if type(x) is not Tensor:
            return _general(op, (x,), params)
        v: Value = x
        kind: Kind = v._kind
        if not kind.middle:
            return _general(op, (x,), params)
        data = v._data
        try:
            try:
                kernel = kind.found[name]
            except KeyError:
                kernel = kind.kernels[name]
            raw: Any = kernel(data, **params)
        except Exception as error:
            raise _explained(record, (x,), error) from error
        out: Value = Tensor()
        out._data = raw = raw if type(raw) is kind.array_type else kind.place.wrap(raw)
        out._kind = kind if raw.dtype is kind.raw_dtype else kind.place.kind(raw)
        out._node = out._cell = out._meta = out._shape = None
        node = v._node
        if node is not None and differentiable and grad_enabled():
            if out._kind is kind:
                new: OpNode = OpNode()
                new.op, new.hooks, new.place, new.params, new.complex = plain, None, kind.place, params, False
                new.to = x if node is LEAF else node
                shape = v._shape
                if shape is None:
                    v._shape = shape = data.shape
                new.shapes = (shape,)
                if save_x or save_out:
                    new.saved = (cell_of(v) if save_x else None, cell_of(out) if save_out else None)
                else:
                    new.saved = ()
                new.seq = next(ages)
                out._node = new
            elif out._kind.dtype.kind in "fc":
                _record(op, (x,), params, kind.place, (out,))
        if view:
            alias(out, v, record, params)
        return out

    return run


def _two(op: TableOp) -> Callable[[Any, Any, dict[str, Any]], Any]:
    """The function of two tensors and parameters that runs ``op``, whose kernel takes two arrays and gives one."""
    record = op.record
    name, differentiable = record.name, record.rules is not None
    assert not record.view, "what a view is of would have to be said"
    plan1, plan2, plan12 = (
        op.plans[needs] if differentiable else () for needs in ((True, False), (False, True), (True, True))
    )

    def run(x1: Any, x2: Any, params: dict[str, Any]) -> Any:
        if type(x1) is not Tensor or type(x2) is not Tensor:
            return _general(op, (x1, x2), params)
        v1: Value = x1
        v2: Value = x2
        kind: Kind = v1._kind
        if kind is not v2._kind or not kind.middle:
            return _general(op, (x1, x2), params)
        try:
            try:
                kernel = kind.found[name]
            except KeyError:
                kernel = kind.kernels[name]
            if params:  # to hand on none takes longer
                raw: Any = kernel(v1._data, v2._data, **params)
            else:
                raw = kernel(v1._data, v2._data)
        except Exception as error:
            raise _explained(record, (x1, x2), error) from error
        out: Value = Tensor()
        out._data = raw = raw if type(raw) is kind.array_type else kind.place.wrap(raw)
        out._kind = kind if raw.dtype is kind.raw_dtype else kind.place.kind(raw)
        out._node = out._cell = out._meta = out._shape = None
        if (v1._node is not None or v2._node is not None) and differentiable and grad_enabled():
            if out._kind is kind:
                plan = plan1 if v2._node is None else plan2 if v1._node is None else plan12
                _record_two(op, v1, v2, params, out, plan)
            elif out._kind.dtype.kind in "fc":
                _record(op, (x1, x2), params, kind.place, (out,))
        return out

    return run


def _record_two(op: TableOp, v1: Value, v2: Value, params: dict[str, Any], out: Value, plan: Any) -> None:
    """:func:`_record` for an operation on two real tensors of one dtype, which gives one of that dtype.

    ``plan`` says of each input, and of the output, whether it is saved; nothing is where it is empty.
    """
    new: OpNode = OpNode()
    data1, data2 = v1._data, v2._data
    new.op, new.hooks, new.place, new.params, new.complex = op.plain, None, out._kind.place, params, False
    node1, node2 = v1._node, v2._node
    new.to = (v1 if node1 is LEAF else node1, v2 if node2 is LEAF else node2)
    shape1, shape2 = v1._shape, v2._shape
    if shape1 is None:
        v1._shape = shape1 = data1.shape
    if shape2 is None:
        v2._shape = shape2 = data2.shape
    new.shapes = (shape1, shape2)
    if plan:
        save1, save2, save_out = plan
        cell1 = cell2 = cell3 = None
        if save1:  # `cell_of` written out, as on the short road: by its calls recording took a fifth longer
            cell1 = v1._cell
            if cell1 is None:
                v1._cell = cell1 = [data1]
        if save2:
            cell2 = v2._cell
            if cell2 is None:
                v2._cell = cell2 = [data2]
        if save_out:
            out._cell = cell3 = [out._data]
        new.saved = (cell1, cell2, cell3)
    else:
        new.saved = ()
    new.seq = next(ages)
    out._node = new


# -- the short road ----------------------------------------------------------------------------------------------------


@functools.cache
def unary(name: str) -> Callable[[Any], Any]:
    """The function of one tensor that runs the elementwise operation ``name``."""
    record = TABLE[name]
    if record.kind != "elementwise" or record.rules is None:
        return lambda x: apply(record, (x,), {})
    whole, op = _ops[record], ShortOp(record, (0,))
    plan = record.rules.plans[0]
    save_x, save_out = 0 in plan, -1 in plan

    def run(x: Any) -> Any:
        if type(x) is not Tensor:
            return _general(whole, (x,), {})
        v: Value = x
        kind: Kind = v._kind
        if not kind.short:
            return _general(whole, (x,), {})
        data = v._data
        try:
            try:
                kernel = kind.found[name]
            except KeyError:
                kernel = kind.kernels[name]
            raw = kernel(data)
        except Exception:
            return _general(whole, (x,), {})  # which explains what is wrong
        out: Value = Tensor()
        out._data = raw = raw if type(raw) is kind.array_type else kind.place.wrap(raw)
        out._kind = kind
        out._shape = v._shape
        out._cell = out._meta = None
        node = v._node
        if node is None or not grad_enabled():
            out._node = None
            return out
        new: OpNode = OpNode()
        new.op = op
        new.place = kind.place
        if save_x:
            cell = v._cell
            if cell is None:
                v._cell = cell = [data]
            if save_out:
                out._cell = other = [raw]
                new.saved = (cell, other)
            else:
                new.saved = (cell, None)
        elif save_out:
            out._cell = cell = [raw]
            new.saved = (None, cell)
        else:
            new.saved = ()
        new.to = x if node is LEAF else node
        new.hooks = None
        new.seq = next(ages)
        out._node = new
        return out

    return run


@functools.cache
def binary(name: str, *, reflected: bool = False) -> Callable[[Any, Any], Any]:
    """The function of two tensors, or a tensor and a Python scalar, that runs the elementwise operation ``name``.

    With ``reflected`` it takes its operands in the other order, as ``__radd__`` does.
    """
    if reflected:
        plain = binary(name)
        return lambda x2, x1: plain(x1, x2)
    record = TABLE[name]
    if record.rules is None:
        return _untracked(name)
    whole = _ops[record]
    op1, op2, op12 = ShortOp(record, (0,)), ShortOp(record, (1,)), ShortOp(record, (0, 1))
    numbers = record.numbers
    plan1, plan2, plan12 = (
        (0 in plan, 1 in plan, -1 in plan) if (plan := record.saves(needs)) else None
        for needs in ((True, False), (False, True), (True, True))
    )
    # whether a number beside a tensor is all that is saved
    alone1, alone2 = plan2 == (True, False, False), plan1 == (False, True, False)

    def run(x1: Any, x2: Any) -> Any:
        kind: Kind
        v1: Value
        v2: Value
        uneven = False
        held: Any = None
        shape: Any = None
        if type(x2) is Tensor and type(x1) is Tensor:
            v1, v2 = x1, x2
            kind = v1._kind
            if kind is not v2._kind or not kind.short:
                return _general(whole, (x1, x2), {})
            data1, data2, node1, node2 = v1._data, v2._data, v1._node, v2._node
            if node1 is not None or node2 is not None:
                shape, shape2 = v1._shape, v2._shape
                if shape is None:
                    v1._shape = shape = data1.shape
                if shape2 is None:
                    v2._shape = shape2 = data2.shape
                if shape is not shape2 and shape != shape2:
                    if not kind.middle:
                        return _general(whole, (x1, x2), {})
                    shape, uneven = None, True
        elif (type(x2) is float or type(x2) is int) and type(x1) is Tensor:
            v1 = x1
            kind = v1._kind
            if not kind.short:
                return _general(whole, (x1, x2), {})
            data1, data2, shape = v1._data, x2, v1._shape
            if not numbers:
                held = kind.scalars.get(x2) or kind.scalar(x2)
                data2 = held[0]
            node1, node2 = v1._node, None
        elif (type(x1) is float or type(x1) is int) and type(x2) is Tensor:
            v2 = x2
            kind = v2._kind
            if not kind.short:
                return _general(whole, (x1, x2), {})
            data1, data2, shape = x1, v2._data, v2._shape
            if not numbers:
                held = kind.scalars.get(x1) or kind.scalar(x1)
                data1 = held[0]
            node1, node2 = None, v2._node
        else:
            return _general(whole, (x1, x2), {})
        try:
            try:
                kernel = kind.found[name]
            except KeyError:
                kernel = kind.kernels[name]
            raw = kernel(data1, data2)
        except Exception:
            return _general(whole, (x1, x2), {})  # which explains what is wrong
        out: Value = Tensor()
        out._data = raw = raw if type(raw) is kind.array_type else kind.place.wrap(raw)
        out._kind = kind
        out._shape = shape
        out._cell = out._meta = None
        if (node1 is None and node2 is None) or not grad_enabled():
            out._node = None
            return out
        if uneven:
            plan = plan1 if node2 is None else plan2 if node1 is None else plan12
            _record_two(whole, v1, v2, _NO_PARAMS, out, plan)
            return out
        new: OpNode = OpNode()
        new.place = kind.place
        if node1 is None:
            new.op, plan = op2, plan2
            new.to = x2 if node2 is LEAF else node2
        elif node2 is None:
            new.op, plan = op1, plan1
            new.to = x1 if node1 is LEAF else node1
        else:
            new.op, plan = op12, plan12
            new.to = (x1 if node1 is LEAF else node1, x2 if node2 is LEAF else node2)
        if plan is None:
            new.saved = ()
        elif held is not None and (alone2 if node2 is None else alone1):
            new.saved = held[2 if node2 is None else 1]
        else:
            save1, save2, save_out = plan
            cell1 = cell2 = cell3 = None
            if save1:
                if type(x1) is Tensor:
                    cell1 = v1._cell
                    if cell1 is None:
                        v1._cell = cell1 = [data1]
                else:
                    cell1 = [data1]
            if save2:
                if type(x2) is Tensor:
                    cell2 = v2._cell
                    if cell2 is None:
                        v2._cell = cell2 = [data2]
                else:
                    cell2 = [data2]
            if save_out:
                out._cell = cell3 = [raw]
            new.saved = (cell1, cell2, cell3)
        new.hooks = None
        new.seq = next(ages)
        out._node = new
        return out

    return run


def _untracked(name: str) -> Callable[[Any, Any], Any]:
    """The short road of an operation of two inputs that has no derivative."""
    record = TABLE[name]

    def run(x1: Any, x2: Any) -> Any:
        if type(x1) is not Tensor:
            return apply(record, (x1, x2), {})
        kind = x1._kind
        if type(x2) is Tensor and x2._kind is kind and kind.plain:
            data2 = x2._data
        elif (type(x2) is float or type(x2) is int) and kind.short:
            data2 = (kind.scalars.get(x2) or kind.scalar(x2))[0]
        else:
            return apply(record, (x1, x2), {})
        try:
            try:
                kernel = kind.found[name]
            except KeyError:
                kernel = kind.kernels[name]
            raw = kernel(x1._data, data2)
        except Exception:
            return apply(record, (x1, x2), {})  # which explains what is wrong
        return make(raw, kind.place)

    return run


# -- between places ----------------------------------------------------------------------------------------------------


class _ToCopy(NamedOp):
    """A tensor moved to another device; its cotangent moves back. ``params`` hold the place it came from."""

    __slots__ = ()

    def pull(self, node: OpNode, g: Any) -> Sequence[Any]:
        return (move(node.place.wrap(g), node.place, node.params["source"]),)

    def pull_taped(self, node: OpNode, g: Any) -> Sequence[Any]:
        return (transfer(g, node.params["source"]),)


_TO_COPY = _ToCopy("ToCopyBackward0")


def move(raw: Array, source: Place, target: Place) -> Array:
    """A raw array copied from one place to another."""
    if source.level is not None:
        return source.level.moved(raw, target)
    if source.backend is target.backend:
        return source.backend.to_device(raw, target.device)
    return target.backend.from_numpy(source.backend.to_numpy(raw), target.device, copy=True)


def _lent(x: Value, place: Place) -> Array | None:
    """The memory of ``x`` as an array of ``place``; None where that cannot be, or another than ``x`` might write to it.

    Both tensors then seem to have memory of their own: the one that is written to first gets it before.
    """
    source = x._place.backend
    if source is place.backend or not source.lends(x._data) or (x._place.mutable and not is_exclusive(x)):
        return None
    return place.backend.borrow(x._data, place.device)


def transfer(tensor: Value, place: Place) -> PublicTensor:
    """A tensor on another place, on the tape."""
    x: Any = tensor
    if x._place is place:
        return x  # type: ignore[no-any-return]
    level = x._place.level
    if place.level is not level:  # up to where a transform computes, or to another device within one
        if level is None or (place.level is not None and place.level.depth > level.depth):
            return place.level.lift(x, place)  # type: ignore[no-any-return]
        return transfer(x, level.over(place.ground))
    place.to_raw_dtype(x._dtype)
    lent = _lent(x, place)
    out = make(move(x._data, x._place, place) if lent is None else lent, place, x._dtype)
    if lent is not None:
        lend(x)
        lend(out)
    if x._node is not None and grad_enabled():
        out._node = node = new_node(_TO_COPY, (edge_of(x),), place, {"source": x._place})
        if _watch.count:
            _watch.recorded(node)
    return out


# -- the namespace of rules that record themselves ---------------------------------------------------------------------


class _Taped:
    """Every operation of the table as a function of tensors: what rules compute in when the walk is recorded."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        if name in ("linalg", "fft", "special"):
            value: Any = _Taped(f"{name}.")
        elif self._prefix + name not in TABLE:
            raise AttributeError(f"there is no operation {self._prefix}{name}")
        else:
            record = TABLE[self._prefix + name]
            defaults = record.defaults
            if record.kind == "elementwise" and record.inputs == 1 and not defaults:
                value = unary(record.name)
            elif record.batch == "elementwise" and record.inputs == 2 and not defaults:
                value = binary(record.name)
            elif record.listed:

                def value(xs: Any, **params: Any) -> Any:
                    return apply(record, xs, {**defaults, **params})

            else:

                def value(*xs: Any, **params: Any) -> Any:
                    return apply(record, xs, {**defaults, **params})

        setattr(self, name, value)
        return value

    def is_complex(self, x: Value) -> bool:
        return x._dtype.kind == "c"

    def is_chunked(self, *xs: Any) -> bool:
        return any(isinstance(x, Value) and x._kind.place.chunked for x in xs)

    def eps(self, x: Value) -> float:
        return finfo(x._dtype).eps

    def counting(self, n: int, like: Value) -> Value:
        """The integers below ``n``, where ``like`` lies."""
        place = like._place
        return make(place.kernels["arange"](n, dtype=place.raw_dtype[place.integer.name]), place, place.integer)

    def scattered(self, g: Value, indices: Sequence[Value], key: Any, shape: Shape) -> Value:
        return self.index_adjoint(g, *indices, key=key, shape=shape)  # type: ignore[no-any-return]


TAPED = _Taped()


def is_large(raw: Array) -> bool:
    """Whether finding out what memory can be used again pays for a raw cotangent."""
    thrift = thrifts.get(type(raw))
    return thrift is not None and raw.nbytes >= thrift.least


def add_large(a: Array, b: Array) -> Array:
    """The sum of two raw cotangents, in memory that only the walk holds where one is large."""
    thrift = thrifts.get(type(a))
    if thrift is not None and a.nbytes >= thrift.least:
        spare_a, spare_b = refcount(a) <= IN_SUM_FIRST, refcount(b) <= IN_SUM_SECOND  # before they are arguments again
        return thrift.sum(a, b, spare_a, spare_b)
    return add_raw(a, b)


def add_raw(a: Array, b: Array) -> Array:
    """The sum of two raw cotangents."""
    scope = _scope_of(a)
    if scope is None:
        return a + b
    with scope():
        return a + b


def iadd_raw(a: Array, b: Array) -> Array:
    """The sum of two raw cotangents, in the memory of the first where that can be."""
    scope = _scope_of(a)
    if scope is None:
        a += b
        return a
    with scope():
        a += b
        return a


def _scope_of(raw: Array) -> Any:
    """What the place of ``raw`` computes inside of. Only an array of a backend that has such a scope is looked up."""
    backend = scoped_types.get(type(raw))
    return None if backend is None else place_of(backend.device_of(raw)).scope
