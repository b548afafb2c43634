"""The behaviours: every program of the tutorial, T01 to T17 and A01 to A13, printed to the character and judged.

Knows the programs, by their ids. Must not know what any is about.
"""

from __future__ import annotations

import pytest

from gradarray.tutorial import PROGRAMS, Program, Status, run
from gradarray_conformance.outcomes import not_run, unsupported

CHAPTER = "behaviours"
with_every_program = pytest.mark.parametrize(
    "program", [pytest.param(p, id=p.id, marks=pytest.mark.gradarray_row(p.id, p.title)) for p in PROGRAMS]
)


@with_every_program
def test_behaviour(program: Program, device: str) -> None:
    result = run(program, device)
    if result.status is Status.NOT_SUPPORTED:
        unsupported(result.reason)
    if result.status is Status.NOT_RUN:
        not_run(result.reason)
    if result.status is not Status.HELD:
        printed = f"\n\nIt printed\n{result.output}" if result.output else ""
        why = result.reason.splitlines()
        said = ": ".join(why) if len(why) == 2 else result.reason  # what was raised, and in which line
        pytest.fail(f"{program.id}: {said}\n\n# program\n{result.source}\n# end{printed}", pytrace=False)
