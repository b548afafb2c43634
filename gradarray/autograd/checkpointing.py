"""Checkpoints: a part of the forward pass is run again when the walk needs what it would have saved.

Knows how what nodes save is stored. Must not know operations.

A checkpoint stores nothing of what the nodes in its function save but each one's position. When the walk asks for the
first, the function is run again and the values are collected in the same order, as many as there were; then it is
stopped. What is saved are the arguments, as a node's would be: an outer checkpoint forgets them too.

An array of a transform is made of tensors, which have a tape of their own. So arguments are given as tensors of the
transform that runs: these lead, when the function is run again, to where they led at first. And what is saved inside of
a transform that the function begins is kept: it is walked before that ends, and a second run would begin another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from gradarray import _state, _watch
from gradarray._dispatch import make
from gradarray._levels import Level, raised, resumed
from gradarray._place import Place
from gradarray._storage import LEAF, Cell, Value, cell_of
from gradarray.autograd.saving import Packing, Stored, enter, innermost

Context = AbstractContextManager[Any]


class CheckpointError(RuntimeError):
    """What a checkpoint saved when it was run again is not what it saved at first.

    References
    ----------
    ``torch.utils.checkpoint.CheckpointError``.
    """


class _Enough(BaseException):
    """All values are there; the function need not run to its end, nor must it catch this."""


class _Position(Stored):
    """The value that was saved so many others after the beginning of a checkpoint."""

    __slots__ = ("_frame", "_position")

    def __init__(self, frame: _Frame, position: int) -> None:
        self._frame, self._position = frame, position

    def __getitem__(self, index: int) -> Any:
        return self._frame.value(self._position)


class _Frame(Packing):
    """One call of a checkpoint. As long as it looks on, positions are stored."""

    def __init__(self, run: Callable[[], Any], level: Level | None, early_stop: bool, check: bool) -> None:
        self._run, self._level, self._early_stop, self._check = run, level, early_stop, check
        self._made: list[str] = []
        self._cells: dict[int, Cell] = {}

    def store(self, cell: Cell, place: Place) -> Stored | Cell:
        if _begun_inside(place.level, self._level):
            return cell
        self._made.append(_description(cell, place))
        return _Position(self, len(self._made) - 1)

    def value(self, position: int) -> Any:
        """The array at ``position``; it is not kept any longer."""
        if position not in self._cells:
            collector = _Collector(self._made, self._level, self._early_stop, self._check)
            self._cells = collector.cells
            token, recording = enter(collector), _state.grad_enabled.set(True)
            try:
                self._run()
            except _Enough:
                pass
            finally:
                _state.grad_enabled.reset(recording)
                _watch.leave(token)
            if collector.count != len(self._made):
                raise CheckpointError(
                    f"checkpoint: {len(self._made)} tensors were saved at first, and {collector.count} when it was run "
                    "again; the function must do the same each time"
                )
        return self._cells.pop(position)[0]


class _Again(Stored):
    """A value saved when the function is run again: for each time another, as positions are.

    What a walk in the function records may hang on whether two saved values are one, as those of ``x * x`` are.
    """

    __slots__ = ("_cell",)

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def __getitem__(self, index: int) -> Any:
        return self._cell[index]


class _Collector(Packing):
    """Looks on while the function of a checkpoint is run again."""

    def __init__(self, made: Sequence[str], level: Level | None, early_stop: bool, check: bool) -> None:
        self._made, self._level, self._early_stop, self._check = made, level, early_stop, check
        self.cells: dict[int, Cell] = {}
        self.count = 0

    def store(self, cell: Cell, place: Place) -> Stored | Cell:
        if _begun_inside(place.level, self._level):
            return cell
        if self.count < len(self._made):
            was, now = self._made[self.count], _description(cell, place)
            if self._check and now != was:
                raise CheckpointError(
                    f"checkpoint: the tensor saved at position {self.count} was {was}, and when run again it is {now}; "
                    "the function must do the same each time"
                )
            self.cells[self.count] = cell
        self.count += 1
        if self._early_stop and self.count == len(self._made):
            raise _Enough
        return _Again(cell)


def _begun_inside(level: Level | None, around: Level | None) -> bool:
    """Whether ``level`` is a transform that began while ``around`` (None: no transform) was the innermost."""
    return level is not None and level.depth > (0 if around is None else around.depth)


def _description(cell: Cell, place: Place) -> str:
    raw = cell[0]
    return f"{place.dtype(raw).name}{list(raw.shape)} on {place.device}"


class _Argument:
    """A tensor that was given to a checkpoint, stored as what nodes save is."""

    def __init__(self, x: Value) -> None:
        self._place, self._required = x._place, x._node is not None
        cell: Stored | Cell = cell_of(x)
        packing = innermost()
        self._cell = cell if packing is None else packing.store(cell_of(x), x._place)

    def tensor(self) -> Any:
        """The tensor as it was, a leaf."""
        return make(self._cell[0], self._place, node=LEAF if self._required else None)


def _raised(given: Any) -> Any:
    """``given`` with its tensors as tensors of the transform that runs now."""
    return _mapped(given, lambda x: raised(x) if isinstance(x, Value) else x)


def _stored(given: Any) -> Any:
    """``given`` with its tensors, also in lists, tuples and dicts, stored."""
    return _mapped(given, lambda x: _Argument(x) if isinstance(x, Value) else x)


def _restored(stored: Any) -> Any:
    return _mapped(stored, lambda x: x.tensor() if isinstance(x, _Argument) else x)


def _mapped(x: Any, change: Callable[[Any], Any]) -> Any:
    if type(x) is dict:
        return {key: _mapped(value, change) for key, value in x.items()}
    if type(x) in (list, tuple):
        return type(x)(_mapped(value, change) for value in x)
    return change(x)


def _replaying() -> Callable[[], Context]:
    """A context in which the random numbers drawn from now on are drawn again."""
    states = {device: generator.get_state() for device, generator in _state.generators.items()}

    @contextmanager
    def replaying() -> Iterator[None]:
        now = {device: generator.get_state() for device, generator in _state.generators.items()}
        for device, generator in _state.generators.items():
            if device in states:
                generator.set_state(states[device])
            else:  # it was made since then
                generator.manual_seed(generator.initial_seed())
        try:
            yield
        finally:
            for device, state in now.items():
                _state.generators[device].set_state(state)

    return replaying


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool = False,
    preserve_rng_state: bool = True,
    context_fn: Callable[[], tuple[Context, Context]] | None = None,
    determinism_check: str = "default",
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args, **kwargs)``, of which nothing but the arguments is saved; the walk runs it again for the rest.

    So it takes the memory of the arguments, and, while the walk is in it, that of this part, for the time of a second
    forward pass. Checkpoints may contain checkpoints, and derivatives of any order go through.

    Parameters
    ----------
    function : callable
        It must do the same each time it is called.
    *args, **kwargs
        What it is given. Tensors, also in lists, tuples and dicts, are given again with the values they have now.
    use_reentrant : bool
        Accepted for code written for PyTorch. Only False, which can do all of the above, is there.
    preserve_rng_state : bool
        Draw the same random numbers again.
    context_fn : callable, optional
        Gives two context managers: for the forward pass, and for when it is run again.
    determinism_check : {"default", "none"}
        By default shapes, dtypes and devices of what is saved must be what they were.
    early_stop : bool
        Run it again only as far as is needed.

    Raises
    ------
    CheckpointError
        In the walk: if the second run saves something else than the first.

    References
    ----------
    ``torch.utils.checkpoint.checkpoint``.

    Examples
    --------
    >>> import gradarray as ga
    >>> x = ga.tensor([1.0, 2.0], requires_grad=True)
    >>> def part(x):
    ...     print("run")
    ...     return (x.sin() * x.exp()).tanh()
    >>> y = ga.autograd.checkpoint(part, x).sum()
    run
    >>> y.backward()
    run
    """
    if use_reentrant:
        raise ValueError("checkpoint: use_reentrant=True, PyTorch's older way, is not supported; use False")
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check must be 'default' or 'none', got {determinism_check!r}")
    if not _state.grad_enabled.get():
        return function(*args, **kwargs)
    level = _state.transform.get()  # the walk may come when it has ended, or while others run
    if level is not None:
        args, kwargs = _raised(args), _raised(kwargs)
    stored_args, stored_kwargs = _stored(args), _stored(kwargs)
    replaying = _replaying() if preserve_rng_state else nullcontext
    forward, again = (nullcontext(), nullcontext()) if context_fn is None else context_fn()

    def run() -> Any:
        with resumed(level), replaying(), again:
            return function(*_restored(stored_args), **_restored(stored_kwargs))

    token = enter(_Frame(run, level, early_stop, determinism_check == "default"))
    try:
        with forward:
            return function(*args, **kwargs)
    finally:
        _watch.leave(token)


def checkpoint_sequential(
    functions: Sequence[Callable[[Any], Any]],
    segments: int,
    input: Any,
    use_reentrant: bool = False,
    preserve_rng_state: bool = True,
) -> Any:
    """``functions`` one after the other on ``input``, in so many segments, each but the last a :func:`checkpoint`.

    Parameters
    ----------
    functions : sequence of callable
    segments : int
        Memory is least near the square root of their number.
    input : Tensor
    use_reentrant, preserve_rng_state
        As for :func:`checkpoint`.

    References
    ----------
    ``torch.utils.checkpoint.checkpoint_sequential``.
    """
    functions = list(functions)
    if not 1 <= segments <= max(len(functions), 1):
        raise ValueError(f"segments must be between 1 and the number of functions, {len(functions)}; got {segments}")
    size = len(functions) // segments

    def chain(part: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
        def run(x: Any) -> Any:
            for function in part:
                x = function(x)
            return x

        return run

    for start in range(0, size * (segments - 1), size):
        input = checkpoint(
            chain(functions[start : start + size]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve_rng_state,
        )
    return chain(functions[size * (segments - 1) :])(input)
