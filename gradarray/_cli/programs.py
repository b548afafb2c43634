"""The programs of the tutorial, T01 to T17 and A01 to A13, in its order.

Knows where they stand. Must not know how they are run.
"""

from __future__ import annotations

from typing import Final

from gradarray._cli import about_bridges, about_creation, about_gradients, about_operations, about_tape
from gradarray._cli.program import Program

PROGRAMS: Final[tuple[Program, ...]] = tuple(
    value
    for module in (about_creation, about_operations, about_bridges, about_tape, about_gradients)
    for value in vars(module).values()
    if isinstance(value, Program)
)
