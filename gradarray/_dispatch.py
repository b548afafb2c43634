"""The only place where table, tape and backend meet: unwrap, promote, call, record, and back again.

Knows records, nodes, places and values. Must not know what any operation means.

There are two roads. The general one takes everything. The short one, made for each elementwise operation at import, takes
what nearly every call is: real floating tensors of one dtype on one place, or one and a Python scalar. It does the same
with fewer steps; whatever it does not recognise it hands to the general one.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from gradarray import _state
from gradarray._engine import Node, Slot, next_seq
from gradarray._place import Place, fill, place_of, scoped_types
from gradarray._primitive import TABLE, Primitive
from gradarray._storage import (
    LEAF,
    Step,
    Value,
    before_write,
    cell_of,
    make_alias,
    meta_of,
    rebind,
)
from gradarray.backends import Array
from gradarray.dtypes import DType, combine

Tensor: type[Value] = Value
"""The class of the tensors that operations give: ours, once tensor.py has handed it in."""

grad_enabled: Callable[[], bool] = _state.grad_enabled.get
_T = TypeVar("_T", bound=type[Value])


def adopt(cls: _T) -> _T:
    """Make ``cls`` the class of the tensors that operations give."""
    global Tensor
    Tensor = cls
    return cls


class ShapeError(ValueError, RuntimeError):
    """Shapes that do not go together: PyTorch raises RuntimeError for it, NumPy ValueError."""


# -- tensors from arrays -------------------------------------------------------------------------------------------------


def make(raw: Array, place: Place, dtype: DType | None = None, node: Any = None) -> Value:
    """A tensor of a raw array."""
    x = Tensor()
    x._data = raw = raw if type(raw) is place.array_type else place.wrap(raw)
    if dtype is not None:
        x._kind = place.kinds[dtype.name]
    else:
        x._kind = place.kind_of.get(raw.dtype) or place.kinds[place.dtype(raw).name]
    x._node = node
    x._cell = None
    x._meta = None
    return x


def edge_of(x: Any) -> Any:
    """Where the cotangent of ``x`` goes; None if it needs none."""
    if not isinstance(x, Value):
        return None
    node = x._node
    return x if node is LEAF else node


def requires_grad(x: Any) -> bool:
    """Whether ``x`` is a tensor on the tape."""
    return isinstance(x, Value) and x._node is not None


# -- nodes ---------------------------------------------------------------------------------------------------------------


class GradFn(Node):
    """A node as users see it in ``grad_fn``: it shows itself, and what it leads to, as PyTorch's do."""

    __slots__ = ()

    def name(self) -> str:
        """Its name, such as ``"AddBackward0"``."""
        return type(self).__name__

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """For each input the node its cotangent goes to, and to which of that node's outputs."""
        return tuple(map(_next_function, self.edges))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AccumulateGrad) and other.variable is self.variable

    def __hash__(self) -> int:
        return hash((AccumulateGrad, id(self.variable)))

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self.variable):#x}>"


def _next_function(edge: Any) -> tuple[Any, int]:
    if isinstance(edge, Slot):
        return edge.node, edge.index
    return (edge, 0) if edge is None or isinstance(edge, Node) else (AccumulateGrad(edge), 0)


class OpNode(GradFn):
    """A recorded operation of the table.

    Attributes
    ----------
    record : Primitive
        A class attribute: each operation has its own subclass, named as PyTorch names it.
    place : Place
    params : dict
    shapes : tuple of shapes
        Of the inputs.
    """

    __slots__ = ("params", "place", "shapes")
    record: Primitive
    place: Place
    params: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]

    def pullback_taped(self, g: Any) -> Sequence[Any]:
        rules = self.record.rules
        assert rules is not None
        place, n = self.place, len(self.shapes)
        assert self.saved is not None
        saved: list[Any] = []
        for i, cell in enumerate(self.saved):
            if cell is None:
                saved.append(None)
            elif i == n:
                if self.outputs == 1:
                    saved.append(make(cell[0], place, node=self))
                else:
                    saved.append([make(raw, place, node=Slot(self, k)) for k, raw in enumerate(cell[0])])
            else:
                raw = cell[0]
                saved.append(make(raw, place, node=self.edges[i]) if hasattr(raw, "shape") else raw)
        vjp = rules.taped_complex if _is_complex(saved, g) else rules.taped
        gs: Sequence[Any] = vjp(self, g, saved, TAPED)
        return gs


class _General(OpNode):
    """An operation recorded by the general road: its cotangents may be complex, or broadcast."""

    __slots__ = ("complex", "outputs")
    complex: bool

    def pullback(self, g: Any) -> Sequence[Any]:
        scope = self.place.scope
        if scope is None:
            return self._pull(g)
        with scope():
            return self._pull(g)

    def _pull(self, g: Any) -> Sequence[Any]:
        rules = self.record.rules
        assert rules is not None
        gs = (rules.raw_complex if self.complex else rules.raw)(self, g)
        return _unbroadcast(self, gs, self.place.xp) if self.record.broadcasts else gs

    def pullback_taped(self, g: Any) -> Sequence[Any]:
        gs = super().pullback_taped(g)
        return _unbroadcast(self, gs, TAPED) if self.record.broadcasts else gs


def _is_complex(values: Sequence[Any], g: Any) -> bool:
    gs = g if isinstance(g, list) else [g]
    return any(isinstance(v, Value) and v._dtype.kind == "c" for v in (*values, *gs))


def _unbroadcast(node: OpNode, gs: Sequence[Any], xp: Any) -> Sequence[Any]:
    """Each cotangent summed back to the shape of its input."""
    if all(g is None or g.shape == shape for g, shape in zip(gs, node.shapes, strict=True)):
        return gs
    return [g if g is None else sum_to(xp, g, shape) for g, shape in zip(gs, node.shapes, strict=True)]


def sum_to(xp: Any, g: Any, shape: tuple[int, ...]) -> Any:
    """``g`` summed over the dimensions along which ``shape`` was broadcast to it."""
    if g.shape == shape:
        return g
    extra = len(g.shape) - len(shape)
    axes = (*range(extra), *(extra + i for i, n in enumerate(shape) if n == 1 and g.shape[extra + i] != 1))
    return xp.reshape(xp.sum(g, axis=axes), shape) if axes else xp.reshape(g, shape)


class Plan:
    """What dispatch works out once for each operation.

    Attributes
    ----------
    floating : bool
        Integers are converted before the kernel sees them.
    saves : dict
        For each choice of inputs that need gradients, the positions to save, or None.
    types : dict
        The node types by what PyTorch calls them.
    """

    __slots__ = ("floating", "record", "saves", "types")

    def __init__(self, record: Primitive) -> None:
        self.record = record
        self.floating = record.accepts == "floating"
        self.saves: dict[tuple[bool, ...], frozenset[int]] = {}
        self.types: dict[Any, type[_General]] = {}

    def node_type(self, params: dict[str, Any], shapes: tuple[tuple[int, ...], ...]) -> type[_General]:
        """The type of the node for these parameters."""
        name = self.record.grad_name
        shown = name if isinstance(name, str) else name(params, shapes)
        found = self.types.get(shown)
        if found is None:
            self.types[shown] = found = type(shown, (_General,), {"__slots__": (), "record": self.record})
        return found

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


class _Plans(dict[Primitive, Plan]):
    def __missing__(self, record: Primitive) -> Plan:
        self[record] = plan = Plan(record)
        return plan


_plans = _Plans()


def _fast_node_type(record: Primitive) -> type[OpNode]:
    assert record.rules is not None
    # shapes count the inputs only: on the short road all inputs have the output's
    members = {"__slots__": (), "record": record, "pullback": record.rules.raw, "shapes": ((),) * (record.inputs or 0)}
    name = record.grad_name
    return type(name if isinstance(name, str) else name({}, ()), (OpNode,), members)


# -- the general road ----------------------------------------------------------------------------------------------------


def apply(record: Primitive, xs: Sequence[Any], params: dict[str, Any]) -> Any:
    """Run an operation on tensors and Python scalars; a tensor, or a tuple of them where it has several outputs.

    Raises
    ------
    RuntimeError
        If tensors lie on different devices, or (as :class:`ShapeError`) shapes do not broadcast.
    TypeError
        If the dtypes have no common dtype, or the operation does not take them.
    """
    kind: Any = None
    tracked = False
    raws = []
    for x in xs:
        if type(x) is not Tensor:
            break
        if kind is not x._kind:
            if kind is not None:
                break
            kind = x._kind
        if x._node is not None:
            tracked = True
        raws.append(x._data)
    plan = _plans[record]
    if len(raws) != len(xs) or (plan.floating and kind.dtype.kind not in "fc"):
        place = common_place(record.name, xs)
        xs = _promoted(record, xs, place)
        raws = [x._data if isinstance(x, Value) else x for x in xs]
        tracked = any(requires_grad(x) for x in xs)
    else:
        place = kind.place
    try:
        kernel = place.kernels[record.name]
        out = kernel(raws, **params) if record.listed else kernel(*raws, **params)
    except Exception as error:
        raise _explained(record, xs, error) from error
    tracked = tracked and record.rules is not None and grad_enabled()
    if record.outputs != 1:
        results = tuple(make(o, place) for o in out)
        if tracked:
            _record(plan, xs, params, place, results)
        return results
    result = make(out, place)
    if tracked and result._kind.dtype.kind in "fc":
        _record(plan, xs, params, place, (result,))
    if record.view:
        alias(result, xs[0], record, params)
    return result


def alias(result: Value, base: Value, record: Primitive, params: dict[str, Any]) -> None:
    """Note that ``result`` is a view of ``base``."""
    make_alias(result, base, (record, params), tracked=base._node is None or grad_enabled())


def _record(
    plan: Plan, xs: Sequence[Any], params: dict[str, Any], place: Place, outputs: tuple[Value, ...]
) -> None:
    edges = tuple([edge_of(x) for x in xs])
    shapes = tuple([x._data.shape if isinstance(x, Value) else () for x in xs])
    saves = plan.to_save(tuple([edge is not None for edge in edges]))
    node = plan.node_type(params, shapes)()
    saved: tuple[Any, ...] = ()
    if saves:
        cells = [(cell_of(x) if isinstance(x, Value) else [x]) if i in saves else None for i, x in enumerate(xs)]
        if -1 not in saves:
            cells.append(None)
        else:
            cells.append(cell_of(outputs[0]) if len(outputs) == 1 else [[out._data for out in outputs]])
        saved = tuple(cells)
    node.edges, node.saved, node.hooks = edges, saved, None
    node.place, node.params, node.shapes = place, params, shapes
    node.outputs = len(outputs)
    node.complex = False
    for x in (*xs, *outputs):
        if isinstance(x, Value) and x._kind.dtype.kind == "c":
            node.complex = True
    node.seq = next_seq()
    if plan.record.outputs == 1:
        outputs[0]._node = node
    else:
        for i, out in enumerate(outputs):
            if out._dtype.kind in "fc":
                out._node = Slot(node, i)


def common_place(name: str, xs: Sequence[Any]) -> Place:
    """The one place of the tensors among ``xs``.

    Raises
    ------
    RuntimeError
        If they lie on several devices. (0-d CPU tensors go along with any; :func:`_promoted` moves them.)
    """
    place: Place | None = None
    for x in xs:
        if isinstance(x, Value) and x._place is not place:
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


def _is_host_scalar(x: Value) -> bool:
    return x._data.shape == () and x._place.device.backend == "numpy"


def _follows(place: Place, xs: Sequence[Any]) -> bool:
    """Whether all tensors seen on ``place`` are 0-d and on the CPU, so that the others decide."""
    return all(_is_host_scalar(x) for x in xs if isinstance(x, Value) and x._place is place)


def _promoted(record: Primitive, xs: Sequence[Any], place: Place) -> Sequence[Any]:
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
    if all(x._dtype is target for x in arrays):
        return xs
    return [cast(x, target) if i in which and isinstance(x, Value) else x for i, x in enumerate(xs)]


def cast(x: Value, dtype: DType) -> Value:
    """``x`` in another dtype, on the tape."""
    if x._dtype is dtype:
        return x
    if x._dtype.kind == "c" and dtype.kind not in "cb":
        x = apply(TABLE["real"], (x,), {})
    x._place.to_raw_dtype(dtype)
    result: Value = apply(TABLE["astype"], (x,), {"dtype": dtype, "source": x._dtype})
    return result


def _explained(record: Primitive, xs: Sequence[Any], error: Exception) -> Exception:
    """``error`` of a kernel in the user's terms."""
    shapes = [x._data.shape for x in xs if isinstance(x, Value)]
    if record.broadcasts and (clash := _clash(shapes)) is not None:
        return ShapeError(clash)
    if isinstance(error, NotImplementedError | MemoryError | ShapeError | IndexError):
        return error
    given = ", ".join(f"{x._dtype.name}{list(x._data.shape)}" if isinstance(x, Value) else repr(x) for x in xs)
    kind = ShapeError if isinstance(error, ValueError) else type(error)
    try:
        return kind(f"{record.name}({given}): {error}")
    except TypeError:  # an exception class that wants other arguments
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


# -- the short road ------------------------------------------------------------------------------------------------------


def unary(name: str) -> Callable[[Any], Any]:
    """The function of one tensor that runs the elementwise operation ``name``."""
    record = TABLE[name]
    if record.kind != "elementwise" or record.rules is None:
        return lambda x: apply(record, (x,), {})
    node_type = _fast_node_type(record)
    plan = record.rules.plans[0]
    save_x, save_out = 0 in plan, -1 in plan

    def run(x: Any) -> Any:
        if type(x) is not Tensor or not (kind := x._kind).short:
            return apply(record, (x,), {})
        data = x._data
        raw = kind.kernels[name](data)
        out = Tensor()
        out._data = raw = raw if type(raw) is kind.array_type else kind.place.wrap(raw)
        out._kind = kind
        out._cell = out._meta = None
        node = x._node
        if node is None or not grad_enabled():
            out._node = None
            return out
        out._node = new = node_type()
        new.place = kind.place
        if save_x:
            cell = x._cell
            if cell is None:
                x._cell = cell = [data]
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
        new.edges = (x if node is LEAF else node,)
        new.hooks = None
        new.seq = next_seq()
        return out

    return run


def binary(name: str, *, reflected: bool = False) -> Callable[[Any, Any], Any]:
    """The function of two tensors, or a tensor and a Python scalar, that runs the elementwise operation ``name``.

    With ``reflected`` it takes its operands in the other order, as ``__radd__`` does.
    """
    record = TABLE[name]
    if record.rules is None:
        run = _untracked(name)
        return (lambda x2, x1: run(x1, x2)) if reflected else run
    node_type = _fast_node_type(record)
    numbers = record.numbers
    plan1, plan2, plan12 = (
        (0 in plan, 1 in plan, -1 in plan) if (plan := record.saves(needs)) else None
        for needs in ((True, False), (False, True), (True, True))
    )

    def run(x1: Any, x2: Any) -> Any:  # noqa: PLR0912, PLR0915 (spelt out, since a call costs what three tests cost)
        if type(x2) is Tensor and type(x1) is Tensor:
            kind = x1._kind
            data1, data2 = x1._data, x2._data
            if kind is not x2._kind or not kind.short:
                return apply(record, (x1, x2), {})
            node1, node2 = x1._node, x2._node
            if (node1 is not None or node2 is not None) and data1.shape != data2.shape:
                return apply(record, (x1, x2), {})
        elif (type(x2) is float or type(x2) is int) and type(x1) is Tensor:
            kind = x1._kind
            if not kind.short:
                return apply(record, (x1, x2), {})
            data1, data2 = x1._data, x2 if numbers else kind.scalars.get(x2)
            if data2 is None:
                data2 = kind.scalar(x2)
            node1, node2 = x1._node, None
        elif (type(x1) is float or type(x1) is int) and type(x2) is Tensor:
            kind = x2._kind
            if not kind.short:
                return apply(record, (x1, x2), {})
            data1, data2 = x1 if numbers else kind.scalars.get(x1), x2._data
            if data1 is None:
                data1 = kind.scalar(x1)
            node1, node2 = None, x2._node
        else:
            return apply(record, (x1, x2), {})
        try:
            raw = kind.kernels[name](data1, data2)
        except Exception:
            return apply(record, (x1, x2), {})  # which explains what is wrong
        out = Tensor()
        out._data = raw = raw if type(raw) is kind.array_type else kind.place.wrap(raw)
        out._kind = kind
        out._cell = out._meta = None
        if (node1 is None and node2 is None) or not grad_enabled():
            out._node = None
            return out
        out._node = new = node_type()
        new.place = kind.place
        if node1 is None:
            plan = plan2
            new.edges = (None, x2 if node2 is LEAF else node2)
        elif node2 is None:
            plan = plan1
            new.edges = (x1 if node1 is LEAF else node1, None)
        else:
            plan = plan12
            new.edges = (x1 if node1 is LEAF else node1, x2 if node2 is LEAF else node2)
        if plan is None:
            new.saved = ()
        else:
            save1, save2, save_out = plan
            cell1 = cell2 = cell3 = None
            if save1:
                if type(x1) is Tensor:
                    cell1 = x1._cell
                    if cell1 is None:
                        x1._cell = cell1 = [data1]
                else:
                    cell1 = [data1]
            if save2:
                if type(x2) is Tensor:
                    cell2 = x2._cell
                    if cell2 is None:
                        x2._cell = cell2 = [data2]
                else:
                    cell2 = [data2]
            if save_out:
                out._cell = cell3 = [raw]
            new.saved = (cell1, cell2, cell3)
        new.hooks = None
        new.seq = next_seq()
        return out

    if reflected:
        return lambda x2, x1: run(x1, x2)
    return run


def _untracked(name: str) -> Callable[[Any, Any], Any]:
    """The short road of an operation of two inputs that has no derivative."""
    record = TABLE[name]

    def run(x1: Any, x2: Any) -> Any:
        if type(x1) is not Tensor:
            return apply(record, (x1, x2), {})
        kind = x1._kind
        if type(x2) is Tensor and x2._kind is kind and kind.place.scope is None:
            data2 = x2._data
        elif (type(x2) is float or type(x2) is int) and kind.short:
            data2 = kind.scalars.get(x2)
            if data2 is None:
                data2 = kind.scalar(x2)
        else:
            return apply(record, (x1, x2), {})
        try:
            raw = kind.kernels[name](x1._data, data2)
        except Exception:
            return apply(record, (x1, x2), {})  # which explains what is wrong
        return make(raw, kind.place)

    return run


# -- between places ------------------------------------------------------------------------------------------------------


class ToCopyBackward0(GradFn):
    """A tensor moved to another device; its cotangent moves back."""

    __slots__ = ("places",)
    places: tuple[Place, Place]

    def pullback(self, g: Any) -> Sequence[Any]:
        there, here = self.places
        return (move(here.wrap(g), here, there),)

    def pullback_taped(self, g: Any) -> Sequence[Any]:
        return (transfer(g, self.places[0]),)


def move(raw: Array, source: Place, target: Place) -> Array:
    """A raw array copied from one place to another."""
    if source.backend is target.backend:
        return source.backend.to_device(raw, target.device)
    return target.backend.from_numpy(source.backend.to_numpy(raw), target.device, copy=True)


def transfer(x: Value, place: Place) -> Value:
    """``x`` on another place, on the tape."""
    if x._place is place:
        return x
    place.to_raw_dtype(x._dtype)
    out = make(move(x._data, x._place, place), place, x._dtype)
    if x._node is not None and grad_enabled():
        node = ToCopyBackward0()
        node.edges, node.saved, node.hooks = (edge_of(x),), (), None
        node.places = (x._place, place)
        node.seq = next_seq()
        out._node = node
    return out


# -- the namespace of rules that record themselves ---------------------------------------------------------------------------


class _Taped:
    """Every operation of the table as a function of tensors: what rules compute in when the walk is recorded."""

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix

    def __getattr__(self, name: str) -> Any:
        if name in ("linalg", "fft"):
            value: Any = _Taped(f"{name}.")
        else:
            record = TABLE[self._prefix + name]
            defaults = record.defaults
            if record.listed:

                def value(xs: Any, **params: Any) -> Any:
                    return apply(record, xs, {**defaults, **params})

            else:

                def value(*xs: Any, **params: Any) -> Any:
                    return apply(record, xs, {**defaults, **params})

        setattr(self, name, value)
        return value

    def is_complex(self, x: Value) -> bool:
        return x._dtype.kind == "c"


TAPED = _Taped()


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
        return operator.iadd(a, b)
    with scope():
        return operator.iadd(a, b)


def _scope_of(raw: Array) -> Any:
    """What the place of ``raw`` computes inside of. Only an array of a backend that has such a scope is looked up."""
    backend = scoped_types.get(type(raw))
    return None if backend is None else place_of(backend.device_of(raw)).scope


# -- in place ------------------------------------------------------------------------------------------------------------


class CopySlices(GradFn):
    """A write through a view: the base after it, as a function of the base before and of what was written.

    ``steps`` lead from the base to what was written over, the last being perhaps an index.
    """

    __slots__ = ("place", "shape", "steps", "written")
    place: Place
    shape: tuple[int, ...]
    steps: tuple[Step, ...]
    written: tuple[int, ...]

    def pullback(self, g: Any) -> Sequence[Any]:
        g = make(self.place.wrap(g), self.place)
        token = _state.grad_enabled.set(False)
        try:
            return [None if ct is None else ct._data for ct in self.pullback_taped(g)]
        finally:
            _state.grad_enabled.reset(token)

    def pullback_taped(self, g: Any) -> Sequence[Any]:
        base, value = self.edges
        mask = None if base is None else make(_mask(self.place, self.shape, self.steps), self.place)
        return (
            None if mask is None else TAPED.where(mask, TAPED.zeros_like(g), g),
            None if value is None else sum_to(TAPED, replay(g, self.steps), self.written),
        )


def replay(x: Value, steps: Sequence[Step]) -> Value:
    """The view of ``x`` that ``steps`` lead to."""
    for record, params in steps:
        indices = params.get("indices", ())
        rest = {k: v for k, v in params.items() if k != "indices"}
        x = apply(record, (x, *indices), rest)
    return x


def _positions(place: Place, shape: tuple[int, ...], steps: Sequence[Step]) -> tuple[Array, int]:
    """For each element that ``steps`` lead to, its number in the base, and how many the base has."""
    size = 1
    for n in shape:
        size *= n
    xp = place.xp
    numbers = place.kernels["reshape"](place.kernels["arange"](size, dtype=place.raw_dtype["int64"]), shape)
    return xp.reshape(replay(make(numbers, place), steps)._data, (-1,)), size


def _mask(place: Place, shape: tuple[int, ...], steps: Sequence[Step]) -> Array:
    """True where a write through ``steps`` goes."""
    token = _state.grad_enabled.set(False)
    try:
        positions, size = _positions(place, shape, steps)
        kernels, backend = place.kernels, place.backend
        mask = kernels["zeros"](size, dtype=place.raw_dtype["bool"])
        true = kernels["ones"](positions.shape, dtype=place.raw_dtype["bool"])
        return kernels["reshape"](backend.setitem(mask, positions, true), shape)
    finally:
        _state.grad_enabled.reset(token)


def check_writable(x: Value, name: str) -> None:
    """Refuse a write to a leaf that requires a gradient, or to a view of one, while gradients are recorded.

    Raises
    ------
    RuntimeError
        As PyTorch does.
    """
    if not grad_enabled():
        return
    base = x._meta.base if x._meta is not None and x._meta.tracked else None
    if x._node is LEAF:
        raise RuntimeError(
            f"{name}: a leaf Variable that requires grad is being used in an in-place operation. Update it inside "
            "`with gradarray.no_grad():`, or work on x.clone()"
        )
    if base is not None and base._node is LEAF:
        raise RuntimeError(
            f"{name}: a view of a leaf Variable that requires grad is being used in an in-place operation. Update it "
            "inside `with gradarray.no_grad():`, or work on x.clone()"
        )
    if x._meta is not None and x._meta.base is not None and not x._meta.tracked and x._meta.steps:
        root = x._meta.base
        if root._node is not None and x._node is None:
            raise RuntimeError(
                f"{name}: a view was created in no_grad mode and is being modified in place with grad mode enabled. "
                "Make the view outside of no_grad, or write inside of it"
            )


def write(x: Value, value: Value, name: str, key: Step | None = None) -> Value:
    """Overwrite ``x`` (or, with ``key``, the part of it that this indexing step leads to) with ``value``; ``x``.

    The memory changes, aliases see it, and history is rewritten as PyTorch does: ``x``, its base and all its views
    become functions of ``value``.

    Raises
    ------
    RuntimeError
        For a leaf that requires a gradient; nothing has changed then.
    """
    check_writable(x, name)
    place = x._place
    value = cast(transfer(value, place), x._dtype)
    recording = grad_enabled() and (value._node is not None or x._node is not None)
    meta = x._meta
    tracked_base = meta.base if meta is not None and meta.base is not None and meta.tracked else None
    recording = recording or (grad_enabled() and tracked_base is not None and tracked_base._node is not None)
    steps: tuple[Step, ...] = () if key is None else (key,)
    raw_value = _broadcastable(x, value, key, name)
    before_write(x)
    if place.mutable:
        _store(place, x._data, key, raw_value)
    else:
        _rebind_family(x, key, raw_value)
    if not recording:
        return x
    if tracked_base is None:
        x._node = _written(x, x, value, steps) if steps else edge_of(value)
        _refresh(x)
    else:
        assert meta is not None
        tracked_base._node = _written(tracked_base, tracked_base, value, meta.steps + steps)
        _refresh(tracked_base)
    return x


def _broadcastable(x: Value, value: Value, key: Step | None, name: str) -> Array:
    """``value``'s array, if it fits where it is to go."""
    raw = value._data
    if key is None and raw.shape != x._data.shape and sum_shape(x._data.shape, raw.shape) != x._data.shape:
        raise ShapeError(
            f"{name}: output with shape {list(x._data.shape)} doesn't match the broadcast shape {list(raw.shape)}"
        )
    return raw


def sum_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape that ``a`` and ``b`` broadcast to, or None."""
    if _clash((a, b)) is not None:
        return None
    n = max(len(a), len(b))
    padded = zip((1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b, strict=True)
    return tuple(q if p == 1 else p for p, q in padded)


def _store(place: Place, target: Array, key: Step | None, raw: Array) -> Array:
    where: Any = ... if key is None else _raw_key(key)
    if place.scope is None:
        return place.backend.setitem(target, where, raw)
    with place.scope():
        return place.backend.setitem(target, where, raw)


def _raw_key(step: Step) -> Any:
    params = step[1]
    return fill(params["key"], [i._data for i in params.get("indices", ())])


def _written(base: Value, old: Value, value: Value, steps: tuple[Step, ...]) -> Node:
    node = CopySlices()
    node.edges, node.saved, node.hooks = (edge_of(old), edge_of(value)), (), None
    node.place, node.shape, node.steps, node.written = base._place, base._data.shape, steps, value._data.shape
    node.seq = next_seq()
    return node


def _refresh(base: Value) -> None:
    """Rewrite the history of every view of ``base``, whose node is new."""
    family = base._meta.family if base._meta is not None else None
    if family is None:
        return
    for view in family.alive():
        meta = view._meta
        if meta is not None and meta.base is base and meta.tracked:
            view._node = replay(base, meta.steps)._node if meta.steps else base._node


def _rebind_family(x: Value, key: Step | None, raw: Array) -> None:
    """Write where memory cannot be written to: the base gets a new array, and every alias is made from it again."""
    place = x._place
    meta = meta_of(x)
    base = x if meta.base is None else meta.base
    if key is None:
        new = place.xp.broadcast_to(raw, x._data.shape)
    else:
        new = place.backend.setitem(x._data, _raw_key(key), raw)
    if base is not x:
        positions, size = _positions(place, base._data.shape, meta.steps)
        flat = place.xp.reshape(base._data, (size,))
        flat = place.backend.setitem(flat, positions, place.xp.reshape(new, (-1,)))
        new = place.xp.reshape(flat, base._data.shape)
    rebind(base, new)
    token = _state.grad_enabled.set(False)
    try:
        family = base._meta.family if base._meta is not None else None
        for member in family.alive() if family is not None else ():
            steps = member._meta.steps if member._meta is not None else ()
            if member is not base:
                fresh = make(new, place, base._dtype)
                rebind(member, replay(fresh, steps)._data)
    finally:
        _state.grad_enabled.reset(token)

