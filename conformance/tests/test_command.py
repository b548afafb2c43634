"""``gradarray conformance``: what it runs, where, and what it says where it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from gradarray_conformance import command

from gradarray import __main__ as gradarray


def test_it_runs_whatever_the_settings_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\npython_files = check_*.py\n")
    argv = [sys.executable, "-W", "error", "-m", "gradarray", "conformance", "cpu", "--only", "T04,contract"]
    argv += ["--seed", "3", "--report", "r/all.json", "--", "-q"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "T04 A tensor from data" in done.stdout and "round trip" in done.stdout and "T05" not in done.stdout
    assert (tmp_path / "r" / "all.json").is_file() and '"seed": "3"' in (tmp_path / "r" / "all.json").read_text()
    assert "warning" not in done.stdout


def test_chapters_and_behaviours_are_chosen() -> None:
    assert {"behaviours", "contract", "capabilities", "functions"} <= set(command.chapters())
    assert command.chosen(None, ["cpu"]) == [str(command.CHECKS)]
    file = command.CHECKS / "test_behaviours.py"
    assert command.chosen("t04, contract", ["cpu", "mine:0"]) == [
        f"{file}::test_behaviour[cpu-T04]", f"{file}::test_behaviour[mine:0-T04]",
        str(command.CHECKS / "test_contract.py"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere:0"], "no backend named 'nowhere'"),
        (["--only", "T04,nothing"], "there is no 'nothing'; there are behaviours"),
    ],
)
def test_what_cannot_be_met_is_said(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert gradarray.main(["conformance", *arguments]) == 2
    assert words in capsys.readouterr().err
