"""From pytest's reports to ours, and what there is to say of a device.

Knows pytest's reports, hypothesis's falsifying examples, and the contract of backends. Must not know any check.
"""

from __future__ import annotations

import platform
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import takewhile
from textwrap import dedent
from typing import Any

import pytest

from gradarray_conformance.outcomes import DECLARED, Status
from gradarray_conformance.report.data import Outcome, Place, Run
from gradarray_conformance.requests import EXTENTS, extent

LONGEST = 8000
"""Characters of a failure that are kept: its end, where the error is."""


FAILING = ("Falsifying example:", "Failing test case:")
"""How hypothesis's releases begin the case that they found."""


def outcome(report: pytest.TestReport, property: str) -> Outcome | None:
    """What became of a check, from one of its three reports; None from those that do not decide it."""
    told = dict(report.user_properties).get(property)
    if not isinstance(told, dict):
        return None
    if report.passed and (report.when != "call" or hasattr(report, "wasxfail")):
        return None
    if report.when == "teardown" and not report.failed:
        return None
    found = Outcome(status=Status.HELD, seconds=round(report.duration, 4), **told)
    if report.failed:
        text = report.longreprtext
        crash = getattr(getattr(report.longrepr, "reprcrash", None), "message", text)
        lines = [line.strip() for line in str(crash).splitlines() if line.strip()] or ["it failed"]
        reason = " ".join(lines[: 3 if lines[0] == "AssertionError:" else 1])
        return replace(
            found, status=Status.FAILED, reason=reason, details=text[-LONGEST:], program=smallest_program(text)
        )
    if hasattr(report, "wasxfail"):
        return replace(found, status=Status.KNOWN, reason=report.wasxfail)
    if report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
        why = why.removeprefix("Skipped: ")
        if why.startswith(DECLARED):
            return replace(found, status=Status.UNSUPPORTED, reason=why.removeprefix(DECLARED))
        return replace(found, status=Status.NOT_RUN, reason=why)
    return found


def smallest_program(text: str) -> str:
    """The program that a check has attached to its failure, or else hypothesis's falsifying example; or nothing.

    It stands below a line ``# program``: in a note of the exception, where pytest puts an E before each line, and as
    many spaces as the line that failed is indented, and hypothesis its own notes behind it, or up to a line ``# end``.
    """
    lines = text.splitlines()
    for start in reversed(range(len(lines))):
        noted = re.fullmatch(r"(E +)?# program", lines[start].rstrip())
        if noted:
            margin = noted[1] or ""
            block = takewhile(partial(_goes_on, margin), lines[start + 1 :])
            return "\n".join(line.removeprefix(margin).rstrip() for line in block).strip("\n")
    lines = [line.removeprefix("E   ") for line in lines]
    start = next((i for i, line in enumerate(lines) if line.strip().startswith(FAILING)), len(lines))
    end = next((i for i in range(start, len(lines)) if lines[i].strip() == ")"), start)
    return dedent("\n".join(lines[start : end + 1]))


def _goes_on(margin: str, line: str) -> bool:
    """Whether ``line`` is still of the program."""
    words = line.removeprefix(margin).rstrip()
    others = (*FAILING, "You can reproduce this", "Explanation:", "Highlight")
    return line.startswith(margin.rstrip()) and words != "# end" and not words.startswith(others)


def run(outcomes: Sequence[Outcome], devices: Sequence[str], how: Mapping[str, Any], started: float) -> Run:
    """All of a session; ``how`` has its profile, seed and note.

    A check that ended in several ways, held and then failed in its teardown, has failed.
    """
    last = sorted({(o.device, o.id): o for o in outcomes}.values(), key=lambda o: o.order)
    return Run([place(device, last, how, started) for device in devices], last)


def place(device: str, outcomes: Sequence[Outcome], how: Mapping[str, Any], started: float) -> Place:
    """What there is to say of a device and of the run."""
    from gradarray.backends import get, resolve

    resolved = resolve(device)
    backend = get(resolved.backend)
    can = backend.capabilities_on(resolved)
    libraries = [
        name
        for name in (backend.name, backend.array_types[0].__module__.partition(".")[0])
        if name in sys.modules and not name.startswith("gradarray")
    ]
    names = dict.fromkeys(("gradarray", f"gradarray-{backend.name}", "gradarray-conformance", *libraries, "numpy"))
    found = {name: known for name in names if (known := version_of(name))}
    return Place(
        device=device,
        versions=found,
        system=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        capabilities={
            **asdict(replace(can := backend.capabilities_on(resolved), missing={})),
            "missing": {**can.missing},
        },
        profile=how["profile"],
        seed="" if how["seed"] is None else str(how["seed"]),
        note=how["note"],
        samples=EXTENTS[extent(device)],
        started=time.strftime("%Y-%m-%d %H:%M", time.localtime(started)),
        seconds=round(sum(outcome.seconds for outcome in outcomes if outcome.device == device), 1),
    )


def version_of(name: str) -> str | None:
    """The version of a distribution, or of an imported module."""
    try:
        return version(name)
    except PackageNotFoundError:
        return getattr(sys.modules.get(name), "__version__", None)
