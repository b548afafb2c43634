"""The matrix in the terminal: behaviours down, devices across.

Knows rich. Must not know how the data came to be.
"""

from __future__ import annotations

from io import StringIO
from itertools import groupby

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gradarray_conformance.outcomes import Status
from gradarray_conformance.report.data import Run, rows
from gradarray_conformance.report.words import MEANINGS, SIGNS, cell, commonest, reasons, summary

STYLES = {
    Status.HELD: "green",
    Status.FAILED: "bold red",
    Status.KNOWN: "magenta",
    Status.UNSUPPORTED: "yellow",
    Status.NOT_RUN: "bright_black",
}


def matrix(run: Run, reporter: pytest.TerminalReporter) -> str:
    """The matrix as text, in colour where pytest writes in colour."""
    return drawn(run, width=max(reporter._tw.fullwidth, 60), colour=reporter.hasmarkup)


def drawn(run: Run, *, width: int = 100, colour: bool = False) -> str:
    """The matrix, the meaning of its signs, why what is not supported is not, what failed most, and the sums."""
    out = StringIO()
    console = Console(
        file=out,
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        highlight=False,
        emoji=False,
    )
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("", overflow="fold")
    for place in run.places:
        table.add_column(place.title, justify="left", no_wrap=True)
    for chapter, lines in groupby(rows(run), key=lambda row: row.chapter):
        table.add_row(Text(chapter, style="bold"))
        for row in lines:
            cells = [Text(cell(row, device), style=STYLES[row.status(device)]) for device in run.devices]
            table.add_row(Text(f"  {row.id} {row.title}" if row.id else f"  {row.title}"), *cells)
    console.print(table)
    shown = [status for status in Status if run.counts()[status]]
    console.print("\n" + "   ".join(f"{SIGNS[status]} {MEANINGS[status]}" for status in shown), markup=False)
    for status in (Status.UNSUPPORTED, Status.KNOWN):
        for (device, reason), outcomes in reasons(run, status).items():
            console.print(f"{SIGNS[status]} {device}: {reason} ({len(outcomes)})", style=STYLES[status], markup=False)
    for device, reason, count in commonest(run):
        line = f"{SIGNS[Status.FAILED]} {device}: {reason} ({count} times)"
        console.print(line, style=STYLES[Status.FAILED], markup=False)
    for place in run.places:
        counts = run.counts(place.device)
        style = STYLES[Status.FAILED if counts[Status.FAILED] else Status.HELD if counts else Status.NOT_RUN]
        console.print(f"{place.title}: {summary(run, place)}", style=style, markup=False)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"
