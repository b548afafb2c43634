"""The benchmarks compute what they say they time. How long it takes is no test's business."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments."""
    program = [sys.executable, *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, timeout=300, check=False)


def test_check_passes(tmp_path):
    written = tmp_path / "overhead.json", tmp_path / "overhead.md"
    done = run(BENCHMARKS / "overhead.py", "--check", "--json", written[0], "--markdown", written[1])
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("small", "large", "chain"):
        assert f"{name}: All gradients agree." in done.stdout
    assert list(json.loads(written[0].read_text())["results"]) == ["small", "large", "import", "chain"]
    assert "### chain: " in written[1].read_text(encoding="utf-8")


@pytest.mark.parametrize("section", ["small", "large"])
def test_check_fails_where_a_derivative_is_wrong(section):
    sabotage = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import gradarray, overhead
gradarray.sin = gradarray.sinh
overhead.main(["--check", {section!r}])
"""
    done = run("-c", sabotage)
    assert done.returncode != 0
    assert "ValueError: gradarray: the gradient differs" in done.stderr


def test_check_fails_where_the_chain_is_wrong():
    sabotage = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import gradarray, overhead
right = gradarray.Tensor.backward
gradarray.Tensor.backward = lambda y, g: right(y, g * 1.01)
overhead.main(["--check", "chain"])
"""
    done = run("-c", sabotage)
    assert done.returncode != 0
    assert "ValueError: chain of 1000: the gradient differs" in done.stderr


def test_the_comparison_sees_what_is_wrong():
    check = runpy.run_path(str(BENCHMARKS / "_peers.py"))["check"]
    right = np.linspace(-1, 1, 5, dtype=np.float32)
    check("right", right.copy(), right)
    check("right but for rounding", right * np.float32(1 + 1e-6), right)
    for what, wrong in {
        "one element": np.where(right == 0, np.float32(0.01), right),
        "the sign": -right,
        "nan": np.where(right == 0, np.float32(np.nan), right),
        "the shape": right[None],
        "the dtype": right.astype(np.float64),
    }.items():
        with pytest.raises(ValueError, match=rf"^{what}: the gradient"):
            check(what, wrong, right)


def test_a_ratio_is_the_median_of_those_of_the_rounds():
    ratio = runpy.run_path(str(BENCHMARKS / "_timing.py"))["ratio"]
    # the machine was slow in the second round, and one function had an accident in the third
    assert ratio({"one": [2.0, 20.0, 9.0], "other": [1.0, 10.0, 1.0]}, "one", "other") == 2.0
