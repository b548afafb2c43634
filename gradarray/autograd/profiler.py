"""The profiler: time and bytes of each operation, forward and in the walk, as a table and as a trace.

Knows nodes, who looks on, stacks. Must not know operations.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Token
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from gradarray import _watch
from gradarray._engine import Node
from gradarray._nodes import OpNode
from gradarray._place import Place
from gradarray._storage import Value
from gradarray.autograd.amounts import bytes_text, nbytes, seconds_text
from gradarray.autograd.stacks import is_library, outside, place_of


@dataclass(frozen=True, slots=True)
class Event:
    """One operation that ran.

    Attributes
    ----------
    name : str
        ``add``, or in the walk ``AddBackward0``.
    backward : bool
    start, seconds : float
        Since the profiler was entered; and how long.
    nbytes : int
        Of what came out.
    saved : int
        Bytes that the node keeps for the walk, each value counted where it was first kept; of the forward pass only.
    device : str
    line : str
        The line of the program's that ran, or in the walk the one that made the node; with ``record_lines`` only.
    thread : int
    region : bool
        It is no operation, but what :func:`record_function` was around; the table leaves it out.
    """

    name: str
    backward: bool
    start: float
    seconds: float
    nbytes: int
    saved: int
    device: str
    line: str
    thread: int
    region: bool = False


class _Recorder(_watch.Watcher):
    def __init__(self, synchronize: bool, record_lines: bool) -> None:
        self.synchronize, self.record_lines = synchronize, record_lines
        self.events: list[Event] = []
        self.saved: dict[int, Any] = {}  # by identity, with the array, so that the identity stays one
        self.lines: weakref.WeakKeyDictionary[Node, str] = weakref.WeakKeyDictionary()
        self.begin = time.perf_counter()

    def ran(self, name: str, place: Place, kernel: Callable[..., Any], *inputs: Any, **params: Any) -> Any:
        return self._timed(name, False, place, self._line(), lambda: kernel(*inputs, **params))

    def _line(self) -> str:
        if not self.record_lines:
            return ""
        frame = next((f for f in outside() if not is_library(f)), None)
        return "" if frame is None else place_of(frame)

    def pulled(self, node: Node, g: Any, run: Callable[[], Sequence[Any]]) -> Sequence[Any]:
        assert isinstance(node, OpNode)
        gs: Sequence[Any] = self._timed(node.name(), True, node.place, self.lines.get(node, ""), run)
        return gs

    def recorded(self, node: Node) -> None:
        assert isinstance(node, OpNode) and node.saved is not None
        if self.record_lines:
            self.lines[node] = self._line()
        more = 0
        for cell in node.saved:
            for raw in _arrays(cell[0] if type(cell) is list else None):
                if id(raw) not in self.saved:
                    self.saved[id(raw)] = raw
                    more += nbytes(raw)
        if more and self.events and not self.events[-1].backward:
            self.events[-1] = replace(self.events[-1], saved=more)

    def _timed(self, name: str, backward: bool, place: Place, line: str, run: Callable[[], Any]) -> Any:
        if self.synchronize:
            place.backend.synchronize(place.device)
        start = time.perf_counter()
        out = run()
        if self.synchronize:
            place.backend.synchronize(place.device)
        seconds = time.perf_counter() - start
        size = sum(map(nbytes, _arrays(out)))
        thread = threading.get_ident()
        self.events.append(Event(name, backward, start - self.begin, seconds, size, 0, str(place.device), line, thread))
        return out


def _arrays(x: Any) -> list[Any]:
    if isinstance(x, list | tuple):
        return [array for one in x for array in _arrays(one)]
    x = x._data if isinstance(x, Value) else x
    return [x] if hasattr(x, "shape") and hasattr(x, "dtype") else []


@dataclass(frozen=True, slots=True)
class Row:
    """All operations of one name, or line; see :class:`Event`."""

    name: str
    backward: bool
    calls: int
    seconds: float
    nbytes: int
    saved: int


class profile:
    """Measures the operations that run, forward and in the walk, while it is entered. It costs nothing elsewhere.

    Seen are the operations of this thread or task, and the kernels' time, not that of Python between them. While it is
    entered, operations take the general road, and so more of the latter.

    Parameters
    ----------
    enabled : bool
        False measures nothing.
    synchronize : bool
        Wait for the device before and after each operation; what a device does later is not seen otherwise.
    record_lines : bool
        Remember which line of the program ran.

    References
    ----------
    ``torch.autograd.profiler.profile``.

    Examples
    --------
    >>> import gradarray as ga
    >>> x = ga.ones(3, requires_grad=True)
    >>> with ga.autograd.profiler.profile() as prof:
    ...     (x * x + 1).sum().backward()
    >>> [(row.name, row.calls, row.nbytes, row.saved) for row in prof.rows() if not row.backward]
    [('multiply', 1, 12, 12), ('add', 1, 12, 0), ('sum', 1, 4, 0)]
    >>> sorted(row.name for row in prof.rows() if row.backward)
    ['AddBackward0', 'MulBackward0', 'SumBackward0']
    """

    def __init__(self, enabled: bool = True, *, synchronize: bool = True, record_lines: bool = False) -> None:
        self.enabled = enabled
        self._recorder = _Recorder(synchronize, record_lines)
        self._token: Token[Any] | None = None

    def __enter__(self) -> profile:
        if self._token is not None:
            raise RuntimeError("a profiler is entered already; use another one")
        if self.enabled:
            self._token = _watch.enter(self._recorder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token is not None:
            _watch.leave(self._token)
            self._token = None
            self._recorder.saved.clear()

    @property
    def events(self) -> list[Event]:
        """What ran, in the order in which it ended."""
        return self._recorder.events

    def rows(self, group_by: str = "name") -> list[Row]:
        """What ran, added up by ``"name"`` or ``"line"``; forward and walk are apart. In the order of appearance."""
        if group_by not in ("name", "line"):
            raise ValueError(f"group_by must be 'name' or 'line', got {group_by!r}")
        found: dict[tuple[str, bool], list[Event]] = {}
        for event in self.events:
            if event.region:
                continue
            found.setdefault((getattr(event, group_by), event.backward), []).append(event)
        return [
            Row(
                name,
                backward,
                len(events),
                sum(e.seconds for e in events),
                sum(e.nbytes for e in events),
                sum(e.saved for e in events),
            )
            for (name, backward), events in found.items()
        ]

    def table(self, sort_by: str = "seconds", row_limit: int = 100, group_by: str = "name") -> str:
        """The same as text, the largest first.

        Parameters
        ----------
        sort_by : {"seconds", "calls", "nbytes", "saved", "name"}
        row_limit : int
        group_by : {"name", "line"}
        """
        rows = self.rows(group_by)
        if sort_by not in Row.__slots__:
            raise ValueError(f"sort_by must be one of {', '.join(Row.__slots__)}, got {sort_by!r}")
        rows.sort(key=lambda row: getattr(row, sort_by), reverse=sort_by != "name")
        total = sum(row.seconds for row in rows) or 1.0
        head = ("operation", "pass", "calls", "total", "share", "each", "bytes", "saved")
        lines = [head] + [
            (
                row.name or "(not known)",
                "backward" if row.backward else "forward",
                str(row.calls),
                seconds_text(row.seconds),
                f"{row.seconds / total:.1%}",
                seconds_text(row.seconds / row.calls),
                bytes_text(row.nbytes),
                bytes_text(row.saved),
            )
            for row in rows[:row_limit]
        ]
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        text = [
            "  ".join(cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths)))
            for line in lines
        ]
        rule = "  ".join("-" * w for w in widths)
        left_out = len(rows) - row_limit
        end = [f"and {left_out} more"] if left_out > 0 else []
        forward = sum(row.seconds for row in rows if not row.backward)
        backward = sum(row.seconds for row in rows if row.backward)
        totals = f"forward {seconds_text(forward)}, backward {seconds_text(backward)}"
        return "\n".join([text[0].rstrip(), rule, *(line.rstrip() for line in text[1:]), *end, rule, totals])

    def __str__(self) -> str:
        return self.table()

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events to a file that ``chrome://tracing`` and Perfetto show.

        References
        ----------
        ``torch.autograd.profiler.profile.export_chrome_trace``.
        """
        import json  # not before it is needed

        events: list[dict[str, Any]] = [
            {
                "name": e.name,
                "cat": "region" if e.region else "backward" if e.backward else "forward",
                "ph": "X",
                "ts": e.start * 1e6,
                "dur": e.seconds * 1e6,
                "pid": os.getpid(),
                "tid": e.thread,
                "args": {"bytes": e.nbytes, "saved": e.saved, "device": e.device, "line": e.line},
            }
            for e in self.events
        ]
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"traceEvents": events, "displayTimeUnit": "ns"}, file)


@contextmanager
def record_function(name: str) -> Iterator[None]:
    """Give what runs inside a name of its own in the profile, as one more event around it.

    References
    ----------
    ``torch.autograd.profiler.record_function``.
    """
    recorders = [w for w in _watch.watchers.get() if isinstance(w, _Recorder)]
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds = time.perf_counter() - start
        for recorder in recorders:
            recorder.events.append(
                Event(name, False, start - recorder.begin, seconds, 0, 0, "", "", threading.get_ident(), region=True)
            )


__all__ = ["Event", "Row", "profile", "record_function"]
