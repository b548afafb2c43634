"""What nodes keep of the forward pass, handed to functions of the user's: to be stored elsewhere, or made again.

Knows nodes, cells, who looks on. Must not know operations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any

from gradarray import _state, _watch
from gradarray._dispatch import make, transfer
from gradarray._engine import Node
from gradarray._nodes import Around, OpNode
from gradarray._place import Place, place_of, place_of_array
from gradarray._storage import Cell, Cells, Value

Hook = Callable[[Any], Any]


class Stored:
    """Stands for a cell among what a node saved: ``stored[0]`` is the array, from wherever it is."""

    __slots__ = ()

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError


class Packing(_watch.Watcher):
    """Says how what new nodes save is stored, unless a later one has said so."""

    def store(self, cell: Cell, place: Place) -> Stored | Cell:
        """What stands for ``cell``."""
        raise NotImplementedError

    def recorded(self, node: Node) -> None:
        assert isinstance(node, OpNode) and node.saved is not None
        if isinstance(node.op, Unpacking) or not any(map(_holds_arrays, node.saved)):
            return
        node.saved = tuple(self._stored(cell, node.place) if _holds_arrays(cell) else cell for cell in node.saved)
        node.op = Unpacking(node.op)  # type: ignore[arg-type]

    def _stored(self, cell: Any, place: Place) -> Any:
        if type(cell) is Cells:
            return cell.map(lambda one: self._stored(one, place))
        # what came from another device, to a function of the user's, lies there
        here = type(cell[0]) is place.array_type
        return self.store(cell, place if here else place_of_array(cell[0]) or place)


def _holds_arrays(cell: Any) -> bool:
    """Whether a cell holds an array, or those of several outputs, and not a number."""
    return type(cell) is Cells or (type(cell) is list and hasattr(cell[0], "shape"))


class Unpacking(Around):
    """An operation of a node that saved what is stored: each is asked for once a pull, and no longer held."""

    __slots__ = ()

    def around(self, node: OpNode, g: Any, run: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        saved = node.saved
        assert saved is not None
        node.saved = tuple([cell[0]] if isinstance(cell, Stored | Cells) else cell for cell in saved)
        try:
            return run()
        finally:
            node.saved = saved


def innermost() -> Packing | None:
    """Who says how what is saved here and now is stored."""
    return next((w for w in reversed(_watch.watchers.get()) if isinstance(w, Packing)), None)


def enter(packing: Packing) -> Token[Any]:
    """Let ``packing`` say so from now on; the token is for :func:`gradarray._watch.leave`.

    Raises
    ------
    RuntimeError
        Where that is disabled.
    """
    if (message := _disabled.get()) is not None:
        raise RuntimeError(message)
    return _watch.enter(packing)


class _Packed(Stored):
    """What ``pack`` made of the array, to be asked for by ``unpack``."""

    __slots__ = ("_cell", "_kept", "_place", "_unpack")

    def __init__(self, cell: Cell, place: Place, pack: Hook, unpack: Hook) -> None:
        x = make(cell[0], place)
        kept = _unrecorded(pack, x)
        # where the hook keeps the very tensor, the cell is kept: it knows when the memory is about to be overwritten
        self._cell = cell if kept is x else None
        self._kept = None if kept is x else kept
        self._place, self._unpack = place, unpack

    def __getitem__(self, index: int) -> Any:
        kept = self._kept if self._cell is None else make(self._cell[0], self._place)
        x = _unrecorded(self._unpack, kept)
        if not isinstance(x, Value):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type {type(x).__name__}"
            )
        return transfer(x, self._place)._data


def _unrecorded(function: Hook, x: Any) -> Any:
    token = _state.grad_enabled.set(False)
    try:
        return function(x)
    finally:
        _state.grad_enabled.reset(token)


class _Hooks(Packing):
    def __init__(self, pack: Hook, unpack: Hook) -> None:
        self.pack, self.unpack = pack, unpack

    def store(self, cell: Cell, place: Place) -> Stored:
        return _Packed(cell, place, self.pack, self.unpack)


class saved_tensors_hooks:
    """While entered, what nodes save is what ``pack_hook`` makes of it; the walk gets it from ``unpack_hook``.

    Of several, the innermost is asked. Both run without recording. Where ``pack_hook`` returns the tensor itself,
    a later write to that memory does no harm; where it keeps an alias of it in something else, that sees the write.

    Parameters
    ----------
    pack_hook : callable
        Takes a tensor, returns anything.
    unpack_hook : callable
        Takes what ``pack_hook`` returned, returns a tensor of the same values.

    Raises
    ------
    RuntimeError
        Inside of :class:`disable_saved_tensors_hooks`.

    References
    ----------
    ``torch.autograd.graph.saved_tensors_hooks``.

    Examples
    --------
    >>> import gradarray as ga
    >>> x = ga.tensor([1.0, 2.0], requires_grad=True)
    >>> with ga.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), ga.tensor):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook: Hook, unpack_hook: Hook) -> None:
        self._packing = _Hooks(pack_hook, unpack_hook)
        self._tokens: list[Token[Any]] = []

    def __enter__(self) -> None:
        self._tokens.append(enter(self._packing))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _watch.leave(self._tokens.pop())


class save_on_cpu(saved_tensors_hooks):
    """While entered, what nodes save is kept on the CPU, and brought back for the walk.

    Parameters
    ----------
    pin_memory : bool
        Accepted as in PyTorch; the backend decides.
    device_type : str
        Accepted as in PyTorch; values on any device but the CPU are moved.

    References
    ----------
    ``torch.autograd.graph.save_on_cpu``.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        cpu = place_of("cpu")

        def pack(x: Any) -> Any:
            return x if x._place is cpu else (x._place, transfer(x, cpu))

        def unpack(packed: Any) -> Any:
            return packed if isinstance(packed, Value) else transfer(packed[1], packed[0])

        super().__init__(pack, unpack)


_disabled: ContextVar[str | None] = ContextVar("gradarray.saved_tensors_hooks_disabled", default=None)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Let nobody enter :class:`saved_tensors_hooks`: that raises RuntimeError with ``error_message``.

    References
    ----------
    ``torch.autograd.graph.disable_saved_tensors_hooks``.
    """
    if innermost() is not None:
        raise RuntimeError(error_message)
    token = _disabled.set(error_message)
    try:
        yield
    finally:
        _disabled.reset(token)
