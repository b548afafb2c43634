"""The random programs do on every device what they do on the CPU: views, writes, hooks, modes and walks."""

import os
import warnings

import pytest

import gradarray as ga

from .programs import close, program, run

DEVICES = [d for d in ("strict:device1", *os.environ.get("GRADARRAY_TEST_DEVICES", "").split(",")) if d]
PROGRAMS = int(os.environ.get("GRADARRAY_ORACLE_PROGRAMS", "100"))


@pytest.mark.parametrize("device", DEVICES)
def test_a_device_agrees_with_the_cpu(device):
    if device.startswith("strict"):
        pytest.importorskip("gradarray_strict", reason="the plugin gradarray-strict is not installed")
    for seed in range(PROGRAMS):
        written = program(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = run(ga, written)
            ga.set_default_device(device)
            try:
                seen = run(ga, written)
            finally:
                ga.set_default_device("cpu")
        for (what, a), (also, b) in zip(expected, seen, strict=True):
            assert what == also, written
            same = type(a) is type(b) if isinstance(a, Exception) else close(a, b)
            assert same, f"{written}\n{what}: {b!r} on {device}, {a!r} on the CPU"
