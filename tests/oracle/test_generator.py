"""The programs of tests/oracle are worth comparing: they run, and they do what they are to do."""

import warnings
from collections import Counter

import gradarray as ga

from .programs import close, program, run


def test_programs_use_what_they_are_to_compare():
    text = Counter()
    for seed in range(300):
        for line in program(seed).lines:
            for what in (
                "_(",
                "] = ",
                "register_hook",
                "retain_grad",
                "no_grad",
                "unbind",
                "expand",
                "view(",
                "detach",
            ):
                text[what] += what in line
    assert min(text.values()) >= 10 and text["_("] > 300


def test_most_lines_run_and_most_programs_walk():
    refused, lines, walked = 0, 0, 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(60):
            written = program(seed)
            seen = run(ga, written)
            refused += sum(isinstance(value, Exception) for _, value in seen)
            lines += len(written.lines)
            walked += any(what == "grad" for what, _ in seen)
    assert refused < 0.3 * lines and walked > 50


def test_a_program_is_its_seed():
    assert str(program(3)) == str(program(3)) != str(program(4))


def test_values_that_differ_are_seen():
    assert close([1.0, [2.0]], [1.0, [2.0 + 1e-12]])
    assert not close([1.0, [2.0]], [1.0, [2.001]])
    assert not close([1.0], None)
    assert close(float("nan"), float("nan")) and close(float("inf"), float("inf"))
