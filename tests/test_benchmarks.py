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
    written = tmp_path / "table.json", tmp_path / "table.md"
    done = run(BENCHMARKS / "run.py", "--check", "--json", written[0], "--markdown", written[1])
    assert done.returncode == 0, done.stdout + done.stderr
    names = [f"W{i}" for i in range(1, 13)]
    for name in names:
        assert f"{name}: All gradients agree." in done.stdout
    assert list(json.loads(written[0].read_text())["results"]) == [*names, "import"]
    assert "### W9: " in written[1].read_text(encoding="utf-8")


def test_a_table_and_a_plot_are_written(tmp_path):
    written = tmp_path / "table.json", tmp_path / "table.svg"
    options = ["--rounds", "3", "--only", "gradarray", "--json", written[0], "--plot", written[1]]
    done = run(BENCHMARKS / "run.py", "W2", "W12", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(written[0].read_text())["results"]
    assert results["W2"]["NumPy by hand"]["ratio"] == 1
    assert results["W12"]["gradarray"]["ratio"] > 0
    assert written[1].read_text(encoding="utf-8").lstrip().startswith("<?xml")


SABOTAGE = {
    "W1": "gradarray.sin = gradarray.sinh",
    "W2": "gradarray.mean = gradarray.sum",
    "W3": "gradarray.nn.functional.relu = abs",
    "W7": "gradarray.tanh = gradarray.sin",
    "W10": "gradarray.concat = lambda parts: right(parts[1:])",
    "W11": "gradarray.nn.functional.pad = lambda x, widths: right_pad(x, (2, 0, 1, 1))",
    "W12": "gradarray.exp = gradarray.expm1",
}


@pytest.mark.parametrize("section", SABOTAGE)
def test_check_fails_where_a_derivative_is_wrong(section):
    sabotage = f"""
import os, sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import gradarray, run
right, right_pad = gradarray.concat, gradarray.nn.functional.pad
{SABOTAGE[section]}
os.environ.update(dict.fromkeys(run.THREADS, "1"))
run.main(["--check", "--only", "gradarray", "--", {section!r}])
"""
    done = run("-c", sabotage)
    assert done.returncode != 0
    assert f"ValueError: gradarray: {section}, " in done.stderr


def test_check_fails_where_the_chain_is_wrong():
    sabotage = f"""
import os, sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import gradarray, run
right = gradarray.Tensor.backward
gradarray.Tensor.backward = lambda y, g: right(y, g * 1.01)
os.environ.update(dict.fromkeys(run.THREADS, "1"))
run.main(["--check", "W9"])
"""
    done = run("-c", sabotage)
    assert done.returncode != 0
    assert "ValueError: W9: a chain of 1000: the gradient differs" in done.stderr


def test_the_comparison_sees_what_is_wrong(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    check = runpy.run_path(str(BENCHMARKS / "_libraries.py"))["check"]
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


def test_the_budget_is_one_of_figures():
    done = run(BENCHMARKS / "budget.py")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.rsplit(maxsplit=5) for line in done.stdout.splitlines()[3:9]]
    assert [name.strip() for name, *_ in rows] == ["x * y", "x * 0.9", "tanh(x)", "x @ y", "x[::-1]", "reshape"]
    assert all(figure.lstrip("-").isdecimal() for _, *figures in rows for figure in figures)


def test_instructions_are_counted_in_passes_of_a_workload(tmp_path, monkeypatch):
    program = BENCHMARKS / "instructions.py"
    done = run(program, "W2", "--who", "gradarray", "--go", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = run(program, "W2")
    assert done.returncode == 1 and "counted by valgrind, which is not there" in done.stderr
    # one that counts 1000 for a process and, of each pass, 10 by hand and 25 of gradarray
    counts = """n=; for word; do n=$word; done
    case "$*" in *hand*) each=10 ;; *) each=25 ;; esac
    echo "==1== Collected : $((1000 + each * n))" >&2"""
    (tmp_path / "valgrind").write_text(f"#!/bin/sh\n{counts}\n")
    (tmp_path / "valgrind").chmod(0o755)
    assert run(program, "W2", "W7").stdout.splitlines()[2:] == [
        "| W2 | 10 (1.00) | 25 (2.50) |",
        "| W7 | 10 (1.00) | 25 (2.50) |",
    ]
