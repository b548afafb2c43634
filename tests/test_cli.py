"""The command `gradarray`: what it writes to a pipe and to a terminal, and its exit status."""

import re
import subprocess
import sys
from dataclasses import replace

import pytest

import gradarray as ga
from gradarray import __main__ as command
from gradarray._cli.page import Page, page
from gradarray.tutorial import PROGRAMS

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def piped(*arguments):
    """Run the command in a process of its own, its output piped."""
    argv = [sys.executable, "-W", "error", "-m", "gradarray", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)


@pytest.fixture
def call(capsys):
    """Run the command in this process; exit status, output and errors."""

    def run(*arguments):
        try:
            status = command.main(arguments)
        except SystemExit as stop:  # argparse
            status = stop.code
        return status, *capsys.readouterr()

    return run


SHOWN = """\
import numpy as np
import gradarray as ga

device = ga.device("cpu")
ga.set_default_device(device)

==== What is gradarray? ====

T04  A tensor from data

x = ga.tensor([5.5, 3])
print(x)

#out:
tensor([5.5000, 3.0000])

-> held


==== Autograd: automatic differentiation ====

A05  Backpropagation

x = ga.ones(2, 2, requires_grad=True)
y = x + 2
z = y * y * 3
out = z.mean()

out.backward()
print(x.grad)

#out:
tensor([[4.5000, 4.5000],
        [4.5000, 4.5000]])

-> held


2 programs on cpu: 2 held
"""


def test_the_tutorial_reads_as_the_article_does():
    done = piped("tutorial", "--only", "A05,T04")
    assert (done.returncode, done.stdout, done.stderr) == (0, SHOWN, "")


def test_the_whole_tutorial_in_a_pipe():
    done = piped("tutorial")
    assert done.returncode == 0 and done.stderr == ""
    assert "\x1b" not in done.stdout and done.stdout.isascii(), "no escapes, no boxes"
    assert [line[:3] for line in done.stdout.splitlines() if re.match(r"[TA]\d\d  ", line)] == [p.id for p in PROGRAMS]
    assert re.search(r"^30 programs on cpu: (30 held|28 held, 2 not run)$", done.stdout, re.MULTILINE)


def test_only_takes_ids_as_they_come(call):
    status, out, _ = call("tutorial", "--only", " a05, t04 ")
    assert status == 0 and out == SHOWN
    for wrong in "T99", "T04,B2", ",":
        status, out, err = call("tutorial", "--only", wrong)
        assert (status, out) == (2, "") and err.count("\n") == 1
        assert "there is no program" in err and "T17" in err


def test_what_does_not_hold_is_told_and_is_status_1(call, monkeypatch):
    def broken(p):
        assert p.x.dtype is ga.float64, "broken on purpose"

    programs = [replace(p, check=broken) if p.id == "T04" else p for p in PROGRAMS]
    monkeypatch.setattr(command, "PROGRAMS", programs)
    status, out, err = call("tutorial", "--only", "T03,T04,A05")
    assert status == 1 and err == ""
    assert "\n-> not held: broken on purpose\n" in out and "\nassert p.x.dtype is ga.float64" in out
    assert out.endswith("T04 not held: broken on purpose\n3 programs on cpu: 2 held, 1 not held\n")
    assert call("tutorial", "--only", "A05")[0] == 0


def test_what_was_not_run_is_told(call, monkeypatch):
    monkeypatch.setattr(ga.backends, "every", lambda: [ga.backends.get("numpy")])
    status, out, _ = call("tutorial", "--only", "T17,A01")
    assert status == 0
    assert out.endswith("T17 not run: needs a second device\n2 programs on cpu: 1 held, 1 not run\n")


def test_without_its_checks_nothing_is_claimed():
    argv = [sys.executable, "-O", "-m", "gradarray", "tutorial", "--only", "T04"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "T04 not run: python -O leaves the checks out" in done.stdout


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("nowhere:cpu", ["no backend named 'nowhere'", "numpy"]),
        ("cpu:7", ["no device 'cpu:7'", "cpu"]),
        ("one two", ["[backend:]type[:index]"]),
    ],
)
def test_a_device_that_is_not_there(call, device, words):
    status, out, err = call("tutorial", "--device", device)
    assert (status, out) == (2, "")
    assert err.startswith("gradarray: ") and err.count("\n") == 1
    assert all(word in err for word in words)


def test_a_backend_that_cannot_be_used(call, monkeypatch):
    monkeypatch.setattr(ga.backends.get("cupy"), "unavailable", lambda: "CuPy is on holiday;\ncall it back")
    status, out, err = call("tutorial", "--device", "cuda")
    assert (status, out) == (2, "")
    assert err == "gradarray: backend 'cupy' cannot be used here: CuPy is on holiday; call it back\n"
    status, out, _ = call("backends")
    assert status == 0
    assert "\ncupy: not available here\n  why       CuPy is on holiday;" in out


def test_backends_says_what_each_can_do():
    done = piped("backends")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout.isascii() and "\x1b" not in done.stdout
    sections = dict(section.split("\n", 1) for section in done.stdout.strip().split("\n\n"))
    assert sections["numpy: available"] == (
        "  devices   cpu\n"
        "  memory    written in place; views share it; shared with NumPy\n"
        "  values    computed at once\n"
        "  dtypes    all\n"
        "  functions all"
    )
    assert {title.split(":")[0] for title in sections} == {backend.name for backend in ga.backends.every()}
    for backend in ga.backends.every():
        why = backend.unavailable()
        section = sections[f"{backend.name}: {'available' if why is None else 'not available here'}"]
        assert (why or ", ".join(map(str, backend.devices()))) in section
    if "strict: available" in sections:
        assert "strict:no_float64 has no float64, complex128" in sections["strict: available"]


def test_backends_puts_every_capability_into_words(call, monkeypatch):
    numpy = ga.backends.get("numpy")
    poor = replace(
        numpy.capabilities,
        mutable=False,
        views=False,
        shares_numpy_memory=False,
        lazy=True,
        unknown_shapes=True,
        missing={"sort": "upstream issue 7"},
    )
    monkeypatch.setattr(numpy, "capabilities", poor)
    _, out, _ = call("backends")
    numpys = out.split("\n\n")[0]
    for words in (
        "never written to",
        "views are copies that write through",
        "not shared with NumPy",
        "computed when asked for; shapes may be unknown until then",
        "all but 1:",
        "sort: upstream issue 7",
    ):
        assert words in numpys


def test_version_and_help(call):
    assert call("--version") == (0, f"gradarray {ga.__version__}\n", "")
    status, out, _ = call("--help")
    assert status == 0 and "tutorial" in out and "backends" in out
    status, out, _ = call("tutorial", "--help")
    assert status == 0 and all(option in out for option in ("--device", "--only", "--plain"))
    status, out, err = call()
    assert status == 2 and out == "" and "COMMAND" in err


@pytest.mark.parametrize("arguments", [("tutorial", "--only", "T04,A05"), ("backends",)])
def test_in_a_terminal_the_same_text_has_colour(call, monkeypatch, arguments):
    pytest.importorskip("rich")
    _, plain, _ = call(*arguments)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert call(*arguments, "--plain")[1] == plain
    coloured = call(*arguments)[1]
    assert "\x1b[" in coloured
    bare = [line.rstrip() for line in ESCAPE.sub("", coloured).splitlines()]
    assert bare == [line.rstrip() for line in plain.splitlines()]


def test_in_a_terminal_without_rich(monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr("gradarray._cli.page.find_spec", lambda name: None)
    assert type(page()) is Page


def test_a_reader_that_leaves_early_is_no_error():
    argv = [sys.executable, "-m", "gradarray", "tutorial", "--only", "T04"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    with process.stderr as stderr:
        said = stderr.read()
    process.wait(timeout=120)
    assert said == b""


# -- the conformance suite ---------------------------------------------------------------------------------------------


def test_without_the_suite_it_says_what_to_install(call, monkeypatch):
    monkeypatch.setattr("gradarray._cli.conformance.find_spec", lambda name: None)
    status, out, err = call("conformance", "cpu")
    assert (status, out) == (2, "") and "`pip install gradarray-conformance`" in err


def test_the_suite_reads_its_own_arguments(call):
    status, out, _ = call("conformance", "--help")
    assert status == 0 and "usage: gradarray conformance" in out
    assert "conformance" in call("--help")[1]
