"""The plugin: from any folder, beside other plugins, and of no consequence where nobody asks for it."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from sessions import CHECKS, run

BEHAVIOURS = CHECKS / "test_behaviours.py"


def pytest_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pytest in a process of its own, started in ``folder``, without this repository's settings."""
    argv = [sys.executable, "-m", "pytest", "-p", "gradarray_conformance.plugin", *arguments]
    return subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_it_runs_from_any_folder_by_the_packages_name(tmp_path: Path) -> None:
    done = pytest_in(tmp_path, "--pyargs", "gradarray_conformance.checks.test_behaviours", "--gradarray-device=cpu:0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "gradarray conformance: cpu; profile quick" in done.stdout
    assert "cpu: 30 held" in done.stdout or "cpu: 28 held, 2 not run" in done.stdout


def test_it_runs_in_a_project_that_names_its_tests_otherwise(tmp_path: Path) -> None:
    settings = "python_files = check_*.py\nfilterwarnings = error\naddopts = --strict-markers --import-mode=importlib"
    (tmp_path / "pytest.ini").write_text(f"[pytest]\n{settings}\n")
    done = pytest_in(tmp_path, "--pyargs", "gradarray_conformance", "-k", "T04 or behaviour and A05", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cpu: 2 held" in done.stdout


def test_it_runs_in_several_processes(tmp_path: Path) -> None:
    gaps, report = tmp_path / "gaps.txt", tmp_path / "out" / "report.json"
    gaps.write_text("test_behaviours.py::test_behaviour[cpu-T99]  # gone, https://example.org/1\n")
    options = ("-n", "2", f"--gradarray-xfails={gaps}", f"--gradarray-report={report}")
    done = pytest_in(tmp_path, "--pyargs", "gradarray_conformance.checks.test_behaviours", *options)
    assert done.returncode == 1, "a line that names no check is an error"
    assert "gaps.txt:1: test_behaviours.py::test_behaviour[cpu-T99] names no check" in done.stdout
    assert report.is_file() and "cpu: " in done.stdout


UNRELATED = """
import sys

import pytest

@pytest.fixture(params=["gpu"])
def device(request):
    return request.param

def test_my_device(device):
    assert device == "gpu"

@pytest.mark.parametrize("device", ["tpu"])
def test_given(device):
    assert device == "tpu"

def test_nothing_was_imported():
    assert not {"gradarray", "hypothesis.strategies", "rich", "gradarray_conformance.report"} & set(sys.modules)
"""


def test_it_costs_nothing_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(UNRELATED)
    done = pytest_in(tmp_path, "-p", "no:hypothesispytest", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout and "[gpu]" in done.stdout and "[tpu]" in done.stdout
    assert "gradarray conformance" not in done.stdout


MINE = """
import gradarray as ga

def test_mine(device):
    assert str(ga.ones(1, device=device).device) == device
"""


def test_the_tests_of_a_library_take_the_device_too(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(MINE)
    assert list(run(tmp_path / "test_mine.py", root=tmp_path).outcomes.values()) == ["passed"], "on the cpu"
    found = run(tmp_path / "test_mine.py", "--gradarray-device=strict:device1", "--gradarray-device=cpu", root=tmp_path)
    assert found.outcomes == {
        "test_mine.py::test_mine[strict:device1]": "passed",
        "test_mine.py::test_mine[cpu]": "passed",
    }
    assert "mine" in found.output


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--gradarray-device=nowhere:0", "no backend named 'nowhere'"),
        ("--gradarray-device=cpu:7", "there is no device 'cpu:7'"),
        ("--gradarray-report=report.pdf", "expected a .html, .md, .json or .svg file"),
        ("--gradarray-xfails=nowhere.txt", "nowhere.txt"),
        ("--gradarray-profile=huge", "invalid choice: 'huge'"),
        ("--gradarray-examples=0", "invalid positive value: '0'"),
        ("--gradarray-samples=some", "invalid choice: 'some'"),
    ],
)
def test_what_cannot_be_met_is_said(option: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(BEHAVIOURS, option)
    assert found.status == pytest.ExitCode.USAGE_ERROR and not found.outcomes
    assert words in capsys.readouterr().err


def test_the_checks_of_an_operation_follow_one_another_on_each_device() -> None:
    devices = ("--gradarray-device=strict:device1", "--gradarray-device=cpu")
    found = run(CHECKS / "test_operations.py", "-k", "(forward or jvp_is) and (sin or maximum)", *devices)
    names = [id.partition("[")[2] for id in found.outcomes]
    groups = [name for name, _ in itertools.groupby(names)]
    assert found.all_are("passed") and len(names) > len(groups) == len(set(groups))


def test_a_report_that_cannot_be_written_is_refused_before_anything_is_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "report.json").mkdir()
    (tmp_path / "file").touch()
    for name, words in (("report.json", "report: cannot write to"), ("file/report.json", "report: [Errno")):
        found = run(BEHAVIOURS, "-k", "T04", f"--gradarray-report={tmp_path / name}")
        assert found.status == pytest.ExitCode.USAGE_ERROR and not found.outcomes
        assert words in capsys.readouterr().err
