"""``gradarray tutorial``: every program of the tutorial, what it prints on a device, and whether it held.

Knows the page. Must not know what any program is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import gradarray as ga
from gradarray._cli.page import Page
from gradarray.tutorial import PARTS, PREAMBLE, Program, Result, Status, run

STYLES: Final = {
    Status.HELD: "green",
    Status.NOT_HELD: "bold red",
    Status.NOT_SUPPORTED: "yellow",
    Status.NOT_RUN: "yellow",
}


def choose(programs: Sequence[Program], only: str | None) -> list[Program]:
    """Those of ``programs`` whose ids ``only`` lists, with commas between them; all where it is None.

    Raises
    ------
    ValueError
        If an id is nobody's.
    """
    if only is None:
        return list(programs)
    wanted = {word.strip().upper() for word in only.split(",") if word.strip()}
    unknown = sorted(wanted - {program.id for program in programs})
    if unknown or not wanted:
        known = ", ".join(program.id for program in programs)
        raise ValueError(f"there is no program {', '.join(unknown) or repr(only)}; there are {known}")
    return [program for program in programs if program.id in wanted]


def tutorial(programs: Sequence[Program], device: ga.device, page: Page) -> int:
    """Run ``programs`` on ``device`` and show them; the exit status, 1 if one did not hold."""
    page.code(PREAMBLE.format(device=device))
    results: list[Result] = []
    part = ""
    for program in programs:
        if program.id[0] != part:
            part = program.id[0]
            page.write(f"==== {PARTS.get(part, part)} ====\n", "bold")
        results.append(run(program, device))
        show(results[-1], page)
    for result in results:
        if result.status is not Status.HELD:
            page.write(f"{result.program.id} {result.status}: {result.reason.splitlines()[0]}", STYLES[result.status])
    counts = Counter(result.status for result in results)
    told = ", ".join(f"{counts[status]} {status}" for status in Status if counts[status])
    failed = counts[Status.NOT_HELD] > 0 or not __debug__
    page.write(f"{len(results)} programs on {device}: {told}", STYLES[Status.NOT_HELD if failed else Status.HELD])
    return int(failed)


def show(result: Result, page: Page) -> None:
    """One program as the article shows it: source, output; and the verdict."""
    page.write(f"{result.program.id}  {result.program.title}\n", "bold")
    page.code(result.source)
    if result.output:
        page.write(f"\n#out:\n{result.output}")
    reason = f": {result.reason}" if result.reason else ""
    page.write(f"\n-> {result.status}{reason}\n\n", STYLES[result.status])
