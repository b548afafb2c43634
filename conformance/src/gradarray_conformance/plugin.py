"""The pytest plugin: options, the fixture ``device``, known gaps, and where the report is collected.

Knows pytest, and how checks are named. Must not know any check. pytest loads it in every run, so it imports
gradarray and hypothesis only where one of its options or checks is asked for.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gradarray_conformance import gaps
from gradarray_conformance.requests import EXTENTS, PROFILES, SAMPLES, extent, positive, resolved

if TYPE_CHECKING:
    from gradarray_conformance.report.data import Outcome, Run

CHECKS = Path(__file__).parent / "checks"
PROPERTY = "gradarray"
"""The name of the user property by which a check tells the report what it is."""

SPELT = {"numpy": "NumPy", "dlpack": "DLPack"}
"""Words in the names of checks that are written otherwise."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("gradarray", "conformance of gradarray's backends")
    group.addoption(
        "--gradarray-device",
        action="append",
        default=[],
        metavar="DEVICE",
        help="a device to check, such as mine:0 (cpu); may be given several times",
    )
    group.addoption(
        "--gradarray-profile",
        choices=PROFILES,
        default=None,
        help="how many examples hypothesis draws (quick); its own --hypothesis-seed repeats a run",
    )
    group.addoption(
        "--gradarray-examples",
        type=positive,
        default=None,
        metavar="N",
        help="draw as from N examples, whatever the profile says: where each new shape costs a compilation, say",
    )
    group.addoption(
        "--gradarray-samples",
        choices=EXTENTS,
        default=None,
        help="how many samples an operation has, but on the CPU; few show each shape, dtype and parameter once",
    )
    group.addoption(
        "--gradarray-note",
        default="",
        metavar="WORDS",
        help="what the report is to say of the devices, such as `emulated`",
    )
    group.addoption(
        "--gradarray-report",
        action="append",
        default=[],
        metavar="FILE",
        help="write a report, by suffix .html, .md, .json, or .svg for a badge; may be given several times",
    )
    group.addoption(
        "--gradarray-xfails",
        action="append",
        default=[],
        metavar="FILE",
        help="known gaps, a line each: `test_file.py::test_name[case]  # reason, link`",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gradarray_row(id, title): the row of the conformance report for this case")
    options = ("device", "profile", "examples", "samples", "report", "xfails")
    given = [config.getoption(f"gradarray_{name}") for name in options]
    if any(given) or any("gradarray_conformance" in argument for argument in config.args):
        config.pluginmanager.register(Conformance(config), "gradarray-conformance-session")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """The checks, also in a project whose own tests are named in another way."""
    if file_path.parent != CHECKS or not fnmatch(file_path.name, "test_*.py"):
        return None
    if any(fnmatch(file_path.name, pattern) for pattern in parent.config.getini("python_files")):
        return None  # pytest sees to it
    return pytest.Module.from_parent(parent, path=file_path)


@pytest.fixture
def device(gradarray_device: str) -> str:
    """The name of the device that is held to account, once for each --gradarray-device."""
    return gradarray_device


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    # a fixture `device` of somebody else's does not ask for this one
    if "gradarray_device" in metafunc.fixturenames:
        session = metafunc.config.pluginmanager.get_plugin("gradarray-conformance-session")
        metafunc.parametrize("gradarray_device", ["cpu"] if session is None else session.devices, scope="session")


class Conformance:
    """One run of checks: its devices, its known gaps, and what became of each."""

    def __init__(self, config: pytest.Config) -> None:
        from gradarray_conformance import profiles

        self._config = config
        try:
            self.devices = resolved(config.getoption("gradarray_device") or ["cpu"])
        except ValueError as error:
            raise pytest.UsageError(f"--gradarray-device: {error}") from None
        if given := config.getoption("gradarray_samples"):
            chosen = pytest.MonkeyPatch()
            chosen.setenv(SAMPLES, given)
            config.add_cleanup(chosen.undo)
        try:
            extent("cpu")  # which refuses what the variable must not say
        except ValueError as error:
            raise pytest.UsageError(str(error)) from None
        self._reports = [Path(name).absolute() for name in config.getoption("gradarray_report")]
        try:
            self._gaps = [gap for name in config.getoption("gradarray_xfails") for gap in gaps.read(Path(name))]
        except (OSError, ValueError) as error:
            raise pytest.UsageError(f"--gradarray-xfails: {error}") from None
        for report in self._reports:
            if report.suffix not in (".html", ".md", ".json", ".svg"):
                raise pytest.UsageError(f"--gradarray-report: expected a .html, .md, .json or .svg file, got {report}")
            try:  # now, and not when all has been run
                report.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise pytest.UsageError(f"--gradarray-report: {error}") from None
            if report.is_dir() or not os.access(report if report.exists() else report.parent, os.W_OK):
                raise pytest.UsageError(f"--gradarray-report: cannot write to {report}")
        self._stale: list[gaps.Gap] = []
        self._outcomes: list[Outcome] = []
        self._run: Run | None = None
        self._started = time.time()
        self._profiles = profiles
        self.profile = config.getoption("gradarray_profile") or "quick"
        self.examples = config.getoption("gradarray_examples") or profiles.PROFILES[self.profile][0]
        if not config.getoption("--hypothesis-profile", None):
            profiles.load(self.profile, self.examples)

    # -- collecting the checks -----------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)  # before any is deselected
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        ids = []
        for order, item in enumerate(items):
            told = described(item)
            if told is None:
                continue
            ids.append(told["id"])
            item.user_properties.append((PROPERTY, told | {"order": order}))
            for gap in self._gaps:
                if gap.names(told["id"]):
                    item.add_marker(pytest.mark.xfail(reason=f"{gap.reason} ({gap.where})", strict=True))
        self._stale = gaps.stale(self._gaps, ids)
        by_operation(items)

    # -- what becomes of them ------------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Add to what the report knows of a check how many examples it drew."""
        before = self._profiles.drawn()
        try:
            return (yield)
        finally:
            told = dict(item.user_properties).get(PROPERTY)
            if isinstance(told, dict):
                told["examples"] = self._profiles.drawn() - before

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        from gradarray_conformance.report import collect

        found = collect.outcome(report, PROPERTY)
        if found is not None:
            self._outcomes.append(found)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from gradarray_conformance.report import collect, write

        if (output := getattr(self._config, "workeroutput", None)) is not None:
            output["gradarray_stale"] = [vars(gap) for gap in self._stale]
            return
        if self._stale and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._outcomes:
            seed = self._config.getoption("--hypothesis-seed", None)
            how = {"profile": self._said(), "seed": seed, "note": self._config.getoption("gradarray_note")}
            self._run = collect.run(self._outcomes, self.devices, how, self._started)
            for path in self._reports:
                write(self._run, path)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A worker of pytest-xdist is done: every one has seen the same gaps."""
        self._stale = [gaps.Gap(**gap) for gap in getattr(node, "workeroutput", {}).get("gradarray_stale", [])]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        from gradarray_conformance.report import terminal

        if self._run is not None:
            terminalreporter.section("gradarray conformance")
            terminalreporter.write(terminal.matrix(self._run, terminalreporter))
            for path in self._reports:
                terminalreporter.line(f"report: {path}")
        for gap in self._stale:
            terminalreporter.line(f"{gap.where}: {gap.pattern} names no check; take the line out", red=True)

    def pytest_report_header(self) -> str:
        return f"gradarray conformance: {', '.join(self.devices)}; profile {self._said()}"

    def _said(self) -> str:
        """The profile, with the number of examples where that is not its own."""
        own = self.examples == self._profiles.PROFILES[self.profile][0]
        return self.profile if own else f"{self.profile} with {self.examples} examples"


def by_operation(items: list[pytest.Item]) -> None:
    """Put the checks of one operation, of one file of ours, after one another.

    They ask for the same shapes: a device that compiles each then finds what it has compiled, while its cache has it,
    and in the same process, since pytest-xdist deals out neighbours together.
    """
    first: dict[object, int] = {}
    places = {}
    for place, item in enumerate(items):
        params = item.callspec.params if item.path.parent == CHECKS and hasattr(item, "callspec") else {}
        key = (item.path, params["gradarray_device"], params["name"]) if "name" in params else item
        places[item] = first.setdefault(key, place)
    items.sort(key=places.__getitem__)


def described(item: pytest.Item) -> dict[str, str] | None:
    """What the report must know of a check: chapter, row, device, case, id; None if it has no device."""
    given = getattr(item, "callspec", None)
    if given is None or "gradarray_device" not in given.params:
        return None
    function: Any = item
    device = given.params["gradarray_device"]
    chapter = getattr(function.module, "CHAPTER", None) or item.path.stem.removeprefix("test_").replace("_", " ")
    row = item.get_closest_marker("gradarray_row")
    name = function.originalname.removeprefix("test_").replace("0_d_", "0-d_").replace("_", " ")
    name = " ".join(SPELT.get(word, word) for word in name.split())
    id, title = row.args if row is not None else ("", name)
    case = "" if row is not None else given.id.replace(device, "", 1).strip("-")
    whole = f"{item.path.name}::{item.name}"  # what pytest puts before it depends on where it was started
    return {"chapter": chapter, "row": id, "title": title, "device": device, "case": case, "id": whole}
