"""The examples run as their pages say: each in an interpreter of its own, as a user would start it."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
DIGITS = EXAMPLES / "digits.py"
LARGER = EXAMPLES / "larger_than_memory.py"
TUMOURS = EXAMPLES / "tumours.py"


def digits(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `examples/digits.py`, which writes into a pipe here, so plain text is to be expected."""
    if find_spec("sklearn") is None:
        pytest.skip("scikit-learn, whose digits the example reads, is not installed")
    program = [sys.executable, str(DIGITS), *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, timeout=300, check=False)


def accuracy(done: subprocess.CompletedProcess[str]) -> float:
    """The accuracy that it printed."""
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("held-out accuracy: ")]
    return float(line.split()[2])


def test_digits_reads_nearly_all(tmp_path):
    done = digits("--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert accuracy(done) >= 0.97
    assert "epoch  40/40  loss " in done.stdout
    assert "\x1b" not in done.stdout  # no control sequences in a pipe
    assert done.stderr == ""


def test_digits_plots_the_loss_and_the_misread(tmp_path):
    if find_spec("matplotlib") is None:
        pytest.skip("matplotlib, which draws the plot, is not installed")
    from PIL import Image  # which matplotlib needs

    done = digits("--epochs", 1, "--out", tmp_path / "new" / "folder")
    assert done.returncode == 0, done.stdout + done.stderr
    assert 0.5 < accuracy(done) < 1  # so some are misread
    file = tmp_path / "new" / "folder" / "digits.png"
    assert str(file) in done.stdout
    with Image.open(file) as opened:
        assert opened.format == "PNG"
        image = opened.convert("L")  # decodes it, and raises if it is damaged
    w, h = image.size
    for box in [(0, 0, w // 2, h), (w // 2, h // 8, w, h)]:  # the curve; the digits under their heading
        darkest, brightest = image.crop(box).getextrema()
        assert darkest < 60
        assert brightest == 255


def test_digits_runs_on_another_backend(tmp_path):
    if find_spec("gradarray_strict") is None:
        pytest.skip("gradarray-strict, the other backend, is not installed")
    done = digits("--device", "strict:device1", "--epochs", 1, "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "device strict:device1" in done.stdout
    assert accuracy(done) > 0.5


def test_digits_fails_if_it_reads_too_badly(tmp_path):
    done = digits("--epochs", 1, "--require", 1.01, "--out", tmp_path)
    assert done.returncode == 1
    assert "below the required 1.01" in done.stderr


def test_digits_says_which_device_it_lacks(tmp_path):
    done = digits("--device", "nowhere:x", "--out", tmp_path)
    assert done.returncode == 2
    assert "'nowhere'" in done.stderr
    assert "Traceback" not in done.stderr


def larger(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `examples/larger_than_memory.py`."""
    for module in ("distributed", "gradarray_dask"):
        if find_spec(module) is None:
            pytest.skip(f"{module}, which the example computes with, is not installed")
    program = [sys.executable, str(LARGER), *map(str, arguments)]
    return subprocess.run(program, capture_output=True, text=True, timeout=600, check=False)


def losses(done: subprocess.CompletedProcess[str]) -> list[float]:
    """The loss of each step."""
    return [float(loss) for loss in re.findall(r"step \d+/\d+  loss (\S+)", done.stdout)]


def megabytes(done: subprocess.CompletedProcess[str], what: str) -> list[float]:
    """The figures before ``what`` in the report on memory."""
    return [float(n) for n in re.findall(rf"([\d.]+) MB {what}", done.stdout)]


SMALL = ("--rows", 200_000, "--chunk", "8 MiB", "--steps", 4)  # 160 MB


def test_larger_than_memory_stays_within_it():
    done = larger("--steps", 5)
    assert done.returncode == 0, done.stdout + done.stderr
    (limit,), (largest,), peaks = (megabytes(done, what) for what in ("the limit", "the largest", "at most"))
    assert len(peaks) == 3  # two workers, and the process with the scheduler
    assert all(50 < peak < limit for peak in peaks)
    assert largest < 20
    (times,) = re.findall(r"the limit; the data are ([\d.]+) times", done.stdout)
    assert float(times) >= 4
    assert re.search(r"dashboard: http://127\.0\.0\.1:\d+/status", done.stdout)
    assert re.search(r"\[#+ *\] \| +\d+% Completed", done.stdout)  # Dask's bar
    tasks = re.findall(r"(\d+) tasks", done.stdout)
    assert len(tasks) == 5 and len(set(tasks)) == 1  # the graph does not grow
    assert losses(done)[-1] < losses(done)[0]


def test_a_worker_that_is_killed_changes_nothing():
    undisturbed, done = larger(*SMALL), larger(*SMALL, "--kill-one")
    assert undisturbed.returncode == 0, undisturbed.stdout + undisturbed.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killing the worker tcp://127.0.0.1:" in done.stdout
    assert "nobody killed: the same numbers" in done.stdout
    assert losses(done) == pytest.approx(losses(undisturbed), rel=1e-5) and len(losses(done)) == 4
    (victim,) = re.findall(r"killing the worker (\S+);", done.stdout)
    after = re.findall(r"MB at most, worker (\S+?),? ?(killed)?$", done.stdout, re.MULTILINE)
    assert (victim, "killed") in after
    assert len([worker for worker, killed in after if not killed and worker != victim]) == 2  # one of them new


@contextmanager
def started(*arguments: object) -> Iterator[None]:
    """The program `dask` with these arguments, as long as the block lasts."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-m", "dask", *map(str, arguments)], **quiet) as process:
        try:
            yield
        finally:
            process.terminate()


def test_larger_than_memory_on_a_cluster_that_is_there(tmp_path):
    """One that is started as the page says, with one worker, which is killed; and a limit that cannot be kept."""
    file, local = tmp_path / "scheduler.json", ("--host", "127.0.0.1")
    if find_spec("distributed") is None:
        pytest.skip("distributed, of which the cluster is, is not installed")
    with (
        started("scheduler", *local, "--port", 0, "--dashboard-address", "127.0.0.1:0", "--scheduler-file", file),
        started(
            "worker", *local, "--scheduler-file", file, "--nthreads", 1, "--memory-limit", "250MB", "--no-dashboard"
        ),
    ):
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        done = larger(*SMALL, "--scheduler", address, "--memory", "50 MB")
        assert done.returncode == 1 and min(megabytes(done, "at most")) > 50
        done = larger(*SMALL, "--scheduler", address, "--kill-one")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nobody killed: the same numbers" in done.stdout
    for process in ("worker tcp://127.0.0.1", "scheduler", "this process"):
        assert f"MB at most, {process}" in done.stdout


def test_larger_than_memory_fails_if_the_weights_are_not_found():
    done = larger(*SMALL, "--steps", 1)
    assert done.returncode == 1
    assert re.search(r"weights off by [\d.]+ at most, \d\d", done.stdout)


def test_tumours_are_fitted_with_fewer_calls_by_derivatives():
    if find_spec("sklearn") is None or find_spec("scipy") is None:
        pytest.skip("scikit-learn, whose tumours the example reads, is not installed")
    program = [sys.executable, str(TUMOURS)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    runs = re.findall(r"^(.*?) +loss ([\d.]+)  calls +(\d+)", done.stdout, re.MULTILINE)
    assert [title for title, *_ in runs] == [
        "L-BFGS-B, differences",
        "L-BFGS-B, gradient",
        "trust-ncg, Hessian products",
    ]
    assert len({round(float(loss), 4) for _, loss, _ in runs}) == 1
    assert int(runs[0][2]) > 20 * int(runs[1][2])
    before, after = map(float, re.findall(r"held out: loss ([\d.]+)", done.stdout))
    assert after < before
