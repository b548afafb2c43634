"""What a program of the tutorial is, and how it is run on a device and judged.

Knows the public API and what backends declare of themselves. Must not know what any program is about, or how
results are shown.
"""

from __future__ import annotations

import contextvars
import io
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import gradarray as ga
from gradarray.tutorial.expect import expected, raises, reads

Check = Callable[[Any], None]
"""Asserts what must hold of the names a program leaves behind: ``p.x`` is its ``x``, ``p.output`` what it printed."""

PREAMBLE = """\
import numpy as np
import gradarray as ga

device = ga.device("{device}")
ga.set_default_device(device)
"""


class Status(StrEnum):
    """What became of a program."""

    HELD = "held"
    NOT_HELD = "not held"
    NOT_SUPPORTED = "not supported"
    NOT_RUN = "not run"


@dataclass(frozen=True, kw_only=True)
class Program:
    """One thing that the tutorial shows.

    Attributes
    ----------
    id : str
        The contract's name for it: ``"T04"``.
    title : str
        What it is about, in a few words.
    source : str
        What a user types, and what is run; ``{other}`` in it stands for the second device.
    check : Check
        What must hold.
    prints : str or None
        What it must print, to the character, but that ``…`` stands for anything on a line, and ``{device}`` and
        ``{other}`` for how a tensor on that device says so. None where the check alone judges.
    elsewhere : str or None
        The source on other devices than the CPU, where it must be another.
    dtypes : tuple of str
        Which it needs the device to have, besides float32, int32 and bool.
    shares_numpy_memory : bool
        Whether it needs a device whose memory NumPy can share.
    second_device : bool
        Whether it needs one.
    """

    id: str
    title: str
    source: str
    check: Check
    prints: str | None = None
    elsewhere: str | None = None
    dtypes: tuple[str, ...] = ()
    shares_numpy_memory: bool = False
    second_device: bool = False

    def text(self, device: ga.device, other: ga.device | None) -> str:
        """The source for ``device``, beside which there is ``other``."""
        source = self.source if self.elsewhere is None or str(device) == "cpu" else self.elsewhere
        return source.replace("{other}", str(other or "..."))


def program(id: str, title: str, source: str, **rest: Any) -> Callable[[Check], Program]:
    """Make a check into the :class:`Program` that it judges; sources may be indented."""
    for key in ("elsewhere", "prints"):
        if key in rest:
            rest[key] = dedent(rest[key]).strip("\n")
    return lambda check: Program(id=id, title=title, source=dedent(source).strip("\n"), check=check, **rest)


@dataclass(frozen=True)
class Result:
    """A program's outcome on one device.

    Attributes
    ----------
    program : Program
    status : Status
    reason : str
        Why, unless it held.
    source : str
        What was run.
    output : str
        What it printed.
    """

    program: Program
    status: Status
    reason: str = ""
    source: str = ""
    output: str = ""


# -- running -----------------------------------------------------------------------------------------------------------


def second_device(device: ga.device) -> ga.device | None:
    """A device other than ``device``: the CPU, or, beside that, one of the first backend that can be used."""
    if str(device) != "cpu":
        return ga.device("cpu")
    rest = (backend for backend in ga.backends.every() if backend.name != device.backend)
    return next((backend.devices()[0] for backend in rest if ga.backends.unusable(backend) is None), None)


def run(program: Program, device: ga.device | str) -> Result:
    """Run ``program`` on ``device`` and judge it.

    Nothing it does to gradarray's modes lasts, nothing that holds outside reaches it, and whatever it raises is its
    result.

    Parameters
    ----------
    program : Program
    device : Device or str

    Returns
    -------
    Result

    Raises
    ------
    RuntimeError
        If there is no such device here.
    """
    return contextvars.Context().run(_run, program, ga.backends.resolve(device))


def _run(program: Program, device: ga.device) -> Result:
    other = second_device(device) if program.second_device else None
    finish = partial(Result, program, source=program.text(device, other))
    if not __debug__:
        return finish(Status.NOT_RUN, "python -O leaves the checks out")
    if program.second_device and other is None:
        return finish(Status.NOT_RUN, "needs a second device")
    printed = io.StringIO()
    try:
        with _at_rest():
            names: dict[str, Any] = {"print": partial(print, file=printed)}
            exec(PREAMBLE.format(device=device), names)
            gap = _gap(program, device)
            if gap:
                return finish(Status.NOT_SUPPORTED, gap)
            exec(compile(program.text(device, other), f"<{program.id}>", "exec"), names)
            output = printed.getvalue().rstrip("\n")
            if program.prints is not None and not reads(output, program.prints, device, other):
                must = expected(program.prints, device, other)
                return finish(Status.NOT_HELD, f"the output must be as follows\n{must}", output=output)
            program.check(SimpleNamespace(**names, other=other, output=output))
    except Exception as error:
        output = printed.getvalue().rstrip("\n")
        lacking = _declared(error, device)
        if lacking:
            return finish(Status.NOT_SUPPORTED, lacking, output=output)
        return finish(Status.NOT_HELD, _where(error, program, device, other), output=output)
    return finish(Status.HELD, output=output)


@contextmanager
def _at_rest() -> Iterator[None]:
    """The program's settings as they are at its start, and afterwards as they were."""
    device, dtype = ga.get_default_device(), ga.get_default_dtype()
    try:
        ga.set_default_dtype(ga.float32)
        with ga.printoptions(profile="default"):
            yield
    finally:
        ga.set_default_dtype(dtype)
        ga.set_default_device(device)


# -- what a backend says it cannot do ----------------------------------------------------------------------------------


def lacking_dtypes(device: ga.device, wanted: Sequence[str] = ()) -> list[str]:
    """Which of ``wanted`` (all there are, if none) ``device`` has not."""
    backend, numpy = ga.backends.get(device.backend), ga.backends.get("numpy")
    have = {dtype.name for dtype in backend.dtypes(device).values()}
    return [name for name in wanted or [d.name for d in numpy.dtypes(ga.device("cpu")).values()] if name not in have]


def _gap(program: Program, device: ga.device) -> str:
    """What ``program`` needs that ``device`` is declared not to have, and says so when asked for it; else nothing."""
    lacking = lacking_dtypes(device, program.dtypes) if program.dtypes else []
    if lacking:
        with raises(TypeError, f"gradarray.{lacking[0]}", str(device)):
            ga.zeros(1, dtype=getattr(ga, lacking[0]))
        return f"{device} has no {', '.join(lacking)}"
    if program.shares_numpy_memory and not _capabilities(device).shares_numpy_memory:
        with raises(TypeError, str(device), ".cpu()"):
            ga.ones(5).numpy()
        return f"{device.backend} does not share memory with NumPy; .numpy() names .cpu()"
    return ""


def _capabilities(device: ga.device) -> ga.backends.Capabilities:
    return ga.backends.get(device.backend).capabilities_on(device)


def _declared(error: Exception, device: ga.device) -> str:
    """The declared reason why ``device`` lacks a function, if that is what ``error`` says."""
    missing = _capabilities(device).missing
    said = isinstance(error, NotImplementedError)
    return next((f"{name}: {why}" for name, why in missing.items() if said and why in str(error)), "")


def _where(error: Exception, program: Program, device: ga.device, other: ga.device | None) -> str:
    """What went wrong and in which line, of the program or of its check."""
    files = (f"<{program.id}>", program.check.__code__.co_filename)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    line = ""
    if frames and frames[-1].lineno is not None:
        shown = program.text(device, other).splitlines()
        line = shown[frames[-1].lineno - 1] if frames[-1].filename == files[0] else frames[-1].line or ""
    what = f"{type(error).__name__}: {error}".removesuffix(": ").removeprefix("AssertionError: ")
    return f"{what}\n{line.strip()}".strip()
