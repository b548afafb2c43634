"""Who dropped the graph: where a tensor on the tape became a Python number or an array.

Knows stacks, nodes' names, the mode. Must not know tensors: they say when it happens.
"""

from __future__ import annotations

from contextvars import Token
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from gradarray import _state
from gradarray._nodes import OpNode
from gradarray.autograd.stacks import is_library, line_of, outside, place_of


@dataclass(frozen=True, slots=True)
class Drop:
    """One line at which gradients were lost, and how often.

    Attributes
    ----------
    how : str
        ``float()``, ``bool()``, ``item()``, ``tolist()``, ``numpy()``, …, with ``detach().`` where that was called.
    file, line, function, source
        Of the innermost line outside of gradarray.
    caller : str
        ``file:line`` of the program's own line that led there, where the former lies in a library.
    count : int
    shape : tuple of int
        Of the first tensor.
    made_by : str
        The name of the node that made it; "" for a leaf, or where that is gone.
    """

    how: str
    file: str
    line: int
    function: str
    source: str
    caller: str
    count: int
    shape: tuple[Any, ...]
    made_by: str


class report_dropped:
    """While entered, notes where a tensor that requires a gradient becomes a Python number or an array.

    Such a value has no history: what is computed from it has no gradient with respect to what the tensor depends on,
    and nothing says so. The report names file and line of each place. What happens in ``no_grad``, and what is only
    printed, is left out.

    Parameters
    ----------
    detached : bool
        Note as well what was taken off the tape by ``detach()`` or ``data`` before, which is often meant so.

    References
    ----------
    No library has this; the question is PyTorch's "why is my grad None".

    Examples
    --------
    >>> import gradarray as ga
    >>> x = ga.tensor([3.0, 4.0], requires_grad=True)
    >>> with ga.autograd.report_dropped() as report:
    ...     scale = float(x.sum())
    >>> [(drop.how, drop.count, drop.made_by) for drop in report.drops]
    [('float()', 1, 'SumBackward0')]
    """

    def __init__(self, *, detached: bool = True) -> None:
        self.detached = detached
        self._drops: dict[tuple[Any, ...], Drop] = {}
        self._tokens: list[Token[Any]] = []

    def __enter__(self) -> report_dropped:
        self._tokens.append(_state.reports.set((*_state.reports.get(), self)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _state.reports.reset(self._tokens.pop())

    @property
    def drops(self) -> list[Drop]:
        """The places, in the order in which they were first met."""
        return list(self._drops.values())

    def noted(self, how: str, shape: tuple[Any, ...], node: Any, detached: bool) -> None:
        """A tensor that ``node`` made has become ``how``."""
        if not _state.grad_enabled.get() or (detached and not self.detached):
            return
        frames = list(outside())
        if not frames:
            return
        made_by = node.name() if isinstance(node, OpNode) else ""
        how = f"detach().{how}" if detached else how
        file, line, function, source = line_of(frames[0])
        own = next((f for f in frames if not is_library(f)), None)
        caller = "" if own is None or own is frames[0] else place_of(own)
        key = (how, file, line, caller)
        before = self._drops.get(key)
        count = 1 if before is None else before.count + 1
        first = (tuple(shape), made_by) if before is None else (before.shape, before.made_by)
        self._drops[key] = Drop(how, file, line, function, source, caller, count, *first)

    def __str__(self) -> str:
        if not self._drops:
            return "No tensor on the tape became a number or an array."
        lines = [f"{sum(drop.count for drop in self.drops)} times a tensor on the tape became a number or an array:"]
        for drop in sorted(self.drops, key=lambda d: -d.count):
            what = f"a tensor of shape {list(drop.shape)}" + (f" made by {drop.made_by}" if drop.made_by else "")
            lines.append(f"  {drop.count} x {drop.how} of {what}")
            lines.append(f"      {drop.file}:{drop.line} in {drop.function}: {drop.source}".rstrip(": "))
            if drop.caller:
                lines.append(f"      called from {drop.caller}")
        return "\n".join(lines)
