"""Sessions of pytest inside of a test: checks run in this process, and what became of them.

Knows pytest and the plugin. Must not know any check.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradarray_conformance
import pytest

CHECKS = Path(gradarray_conformance.__file__).parent / "checks"
PLAIN = ["-q", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:randomly", "-c", "/dev/null"]


@dataclass
class Session:
    """What became of the checks, by id; of those that failed, why; and what was printed."""

    status: int
    outcomes: dict[str, str]
    reasons: dict[str, str]
    output: str

    def all_are(self, outcome: str) -> bool:
        """Whether there were checks, and each came to ``outcome``."""
        return bool(self.outcomes) and set(self.outcomes.values()) == {outcome}


class _Recorder:
    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.reasons: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            told: Any = dict(report.user_properties).get("gradarray", {})
            id = told.get("id", report.nodeid)
            self.outcomes[id] = report.outcome
            if report.failed:
                self.reasons[id] = report.longreprtext


def run(*arguments: Any, root: Path | str = "/tmp") -> Session:
    """Run pytest in this process, with the plugin and nothing of this repository's settings."""
    recorder = _Recorder()
    argv = [*PLAIN, "-p", "gradarray_conformance.plugin", f"--rootdir={root}", *map(str, arguments)]
    with contextlib.redirect_stdout(io.StringIO()) as out:
        status = pytest.main(argv, plugins=[recorder])
    return Session(int(status), recorder.outcomes, recorder.reasons, out.getvalue())


def check(id: str, device: str) -> Session:
    """Run one case of one check on a device; ``{}`` in its id stands for the device."""
    return run(CHECKS / id.format(device), f"--gradarray-device={device}")
