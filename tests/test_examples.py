"""The examples run as their pages say: each in an interpreter of its own, as a user would start it."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DIGITS = Path(__file__).parents[1] / "examples" / "digits.py"


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
