"""The suite is shown to fail: each mutant backend is caught, by the check that is named for what is wrong with it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from mutant_table import MUTANTS, table
from mutants import Sound
from sessions import CHECKS, check, run

from gradarray import backends

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"


@pytest.fixture(scope="module")
def sound() -> dict[str, str]:
    """What became of every check, on the backend that is wrong in nothing."""
    backends.register(Sound())
    files = [CHECKS / f"test_{name}.py" for name in ("behaviours", "contract", "indexing", "capabilities", "functions")]
    session = run(*files, "--gradarray-device=Sound:a")
    assert session.status == 0, session.output
    return session.outcomes


def test_nothing_fails_where_nothing_is_wrong(sound: dict[str, str]) -> None:
    outcomes = Counter(sound.values())
    assert outcomes["failed"] == 0 and outcomes["passed"] > 1500


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.__name__)
def test_a_mutant_is_caught(mutant: type[Sound], sound: dict[str, str]) -> None:
    assert sound[mutant.caught_by.format("Sound:a")] == "passed"
    backends.register(mutant())
    found = check(mutant.caught_by, f"{mutant.__name__}:a")
    assert found.all_are("failed"), found.output
    assert "fixture" not in "".join(found.reasons.values()), "it is the check that failed"


SAID = {
    "flip gives a view of its input": "flip gave a view: a write to the result is seen in what it was given",
    "the input is sorted in place": "argsort wrote to what it was given",
    "what is written is not given back": "expected an array of type Boxed_m",
    "what goes to another device stays where it is": "device_of() says device(type='m",
    "float32 drifts to float64": "the result of sqrt is to be of float32, what its kernel gave is of float64",
}


@pytest.mark.parametrize("words", SAID)
def test_what_is_wrong_is_said(words: str) -> None:
    mutant = next(mutant for mutant in MUTANTS if mutant.__doc__ == words)
    said = type(f"{mutant.__name__}_once_more", (mutant,), {})
    backends.register(said())
    found = check(mutant.caught_by, f"{said.__name__}:a")
    assert SAID[words] in "".join(found.reasons.values())


def test_there_are_enough_of_them() -> None:
    assert len(MUTANTS) >= 40
    assert len({mutant.__doc__ for mutant in MUTANTS}) == len(MUTANTS)


def test_the_page_lists_them() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert table() in text, "put what `python conformance/tests/mutant_table.py` prints into docs/conformance.md"
