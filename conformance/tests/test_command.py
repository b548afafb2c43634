"""``gradarray conformance``: what it runs, where, and what it says where it cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from gradarray_conformance import command
from mutants import Sound

from gradarray import __main__ as gradarray
from gradarray import backends


def test_it_runs_whatever_the_settings_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\npython_files = check_*.py\n")
    argv = [sys.executable, "-W", "error", "-m", "gradarray", "conformance", "cpu", "--only", "T04,contract"]
    argv += ["--seed", "3", "--report", "r/all.json", "--", "-q"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "T04 A tensor from data" in done.stdout and "round trip" in done.stdout and "T05" not in done.stdout
    assert (tmp_path / "r" / "all.json").is_file() and '"seed": "3"' in (tmp_path / "r" / "all.json").read_text()
    assert "warning" not in done.stdout


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_check_that_does_not_end_says_where_it_is(workers: list[str], tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time, pytest\n@pytest.fixture(autouse=True)\ndef slow_kernel():\n    time.sleep(3)\n"
    )
    argv = ["conformance", "cpu", "--only", "T04", *workers, "--", "-q", "-p", "slow"]
    program = (
        f"from gradarray import __main__; from gradarray_conformance import command; command.PATIENCE = 1; "
        f"raise SystemExit(__main__.main({argv!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Timeout (0:00:01)!" in done.stderr and "in slow_kernel" in done.stderr


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
        (["--only", "T04,A14"], "there is no 'A14'; there are behaviours"),
        (["--only", ","], "there is no ''; there are behaviours"),  # and not all that the folder holds
    ],
)
def test_what_cannot_be_met_is_said(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert gradarray.main(["conformance", *arguments]) == 2
    assert words in capsys.readouterr().err


class Doubling(Sound):
    """Copies are twice what was there."""

    def copy(self, array: backends.Array) -> backends.Array:
        return array * 2


def test_the_list_of_what_failed_names_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    backends.register(Doubling())
    assert command.main(["Doubling:a", "--only", "contract", "--", "-k", "a_copy_is_independent and int32"]) == 1
    assert "test_contract.py::test_a_copy_is_independent[int32-Doubling:a]" in capsys.readouterr().out
