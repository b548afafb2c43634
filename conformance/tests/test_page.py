"""docs/testing.md is true: its file of tests is short, runs as it stands, and sees what is wrong."""

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RIGHT = "import gradarray as ga\n\n\ndef smooth_abs(x):\n    return ga.sqrt(1 + x * x) - 1\n"
WRONG = RIGHT.replace("x * x", "x * x.detach()")
INSTALLED = any(point.value == "gradarray_conformance.plugin" for point in entry_points(group="pytest11"))
LOADED = [] if INSTALLED else ["-p", "gradarray_conformance.plugin"]


def run(mine: str, path: Path) -> subprocess.CompletedProcess[str]:
    """pytest, on the page's file and a module ``mine``."""
    (block,) = re.findall(
        r"^```py\n(.*?)^```$", (ROOT / "docs/testing.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    lines = [line for line in block.splitlines() if line.strip() and not re.match(r"import|from", line)]
    assert len(lines) <= 10
    (path / "test_mine.py").write_text(block, encoding="utf-8")
    (path / "mine.py").write_text(mine, encoding="utf-8")
    sources = [str(path), str(ROOT), str(ROOT / "conformance/src")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sources), "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-q", "-p", "no:cacheprovider", "--gradarray-device=cpu", "--gradarray-profile=quick"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *LOADED, *options, "test_mine.py"],
        cwd=path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_its_file_of_tests_passes(tmp_path: Path) -> None:
    done = run(RIGHT, tmp_path)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_its_file_of_tests_sees_a_wrong_derivative(tmp_path: Path) -> None:
    done = run(WRONG, tmp_path)
    assert "1 failed" in done.stdout and "Jacobian mismatch" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["arrays", "broadcastable", "calls", "dtypes", "numbers", "shapes", "tensors"])
def test_it_lists_the_strategies(name: str) -> None:
    from gradarray_conformance import strategies

    assert name in strategies.__all__
    assert f"| `{name}(" in (ROOT / "docs/testing.md").read_text("utf-8")
