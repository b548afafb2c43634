"""The programs of the tutorial, T01 to T17 and A01 to A13, in its order.

Knows where they stand. Must not know how they are run.
"""

from __future__ import annotations

from typing import Final

from gradarray._cli import about_bridges as bridges
from gradarray._cli import about_creation as creation
from gradarray._cli import about_gradients as gradients
from gradarray._cli import about_operations as operations
from gradarray._cli import about_overwriting as overwriting
from gradarray._cli import about_tape as tape
from gradarray._cli import about_views as views
from gradarray._cli.program import Program


def _collect() -> list[Program]:
    files = (creation, operations, views, bridges, tape, gradients, overwriting)
    found = [value for file in files for value in vars(file).values() if isinstance(value, Program)]
    return sorted(found, key=lambda program: ("TA".index(program.id[0]), program.id))


PROGRAMS: Final[tuple[Program, ...]] = tuple(_collect())
