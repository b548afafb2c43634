"""Which line of the user's is running. Knows Python's frames, and which of them are gradarray's own."""

from __future__ import annotations

import functools
import linecache
import os
import sys
import traceback
from collections.abc import Iterator
from types import FrameType

_OWN = os.path.dirname(os.path.dirname(__file__)) + os.sep


@functools.cache
def _libraries() -> tuple[str, ...]:
    """Where installed libraries lie, and Python's own."""
    import sysconfig  # not before it is needed

    return (*{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}, "<frozen")


def outside() -> Iterator[FrameType]:
    """The frames outside of gradarray, innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_OWN):
            yield frame
        frame = frame.f_back


def is_library(frame: FrameType) -> bool:
    """Whether the frame is of an installed library, or of Python's own."""
    return frame.f_code.co_filename.startswith(_libraries())


def line_of(frame: FrameType) -> tuple[str, int, str, str]:
    """File, line number, function and source of what runs in ``frame``."""
    code = frame.f_code
    source = linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals).strip()
    return code.co_filename, frame.f_lineno, code.co_qualname, source


def place_of(frame: FrameType) -> str:
    """``file:line`` of what runs in ``frame``."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def stack() -> traceback.StackSummary:
    """The stack outside of gradarray, outermost first; source lines are read when it is printed."""
    walk = [(frame, frame.f_lineno) for frame in outside()]
    return traceback.StackSummary.extract(reversed(walk), lookup_lines=False)
