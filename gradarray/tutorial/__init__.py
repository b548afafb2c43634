"""The programs of the tutorial, T01 to T17 and A01 to A13: what must hold on every device, and the judge of it.

``gradarray tutorial`` shows them, and the conformance suite runs them on any device::

    from gradarray.tutorial import PROGRAMS, run

    for program in PROGRAMS:
        print(program.id, run(program, "cpu").status)

Knows where the programs stand. Must not know how they are shown.
"""

from __future__ import annotations

from typing import Final

from gradarray.tutorial import about_bridges as bridges
from gradarray.tutorial import about_creation as creation
from gradarray.tutorial import about_gradients as gradients
from gradarray.tutorial import about_operations as operations
from gradarray.tutorial import about_overwriting as overwriting
from gradarray.tutorial import about_tape as tape
from gradarray.tutorial import about_views as views
from gradarray.tutorial.program import PREAMBLE, Program, Result, Status, lacking_dtypes, run


def _collect() -> list[Program]:
    files = (creation, operations, views, bridges, tape, gradients, overwriting)
    found = [value for file in files for value in vars(file).values() if isinstance(value, Program)]
    return sorted(found, key=lambda program: ("TA".index(program.id[0]), program.id))


PARTS: Final = {"T": "What is gradarray?", "A": "Autograd: automatic differentiation"}
"""The parts that the ids of the programs begin with, and their titles."""

PROGRAMS: Final[tuple[Program, ...]] = tuple(_collect())
"""Every program, in the tutorial's order."""

__all__ = ["PARTS", "PREAMBLE", "PROGRAMS", "Program", "Result", "Status", "lacking_dtypes", "run"]
