"""The report as Markdown.

Knows Markdown. Must not know how the data came to be.
"""

from __future__ import annotations

from itertools import groupby

from gradarray_conformance.outcomes import Status
from gradarray_conformance.report.data import Place, Run, rows
from gradarray_conformance.report.words import HEADINGS, MEANINGS, SIGNS, cell, named, reasons, samples, total


def page(run: Run) -> str:
    """The whole report."""
    lines = ["# Conformance of gradarray's backends", ""]
    lines += _table(["device", "result", "versions", "profile", "examples", "samples", "seconds"], [
        [_title(p), total(run.counts(p.device)), ", ".join(f"{k} {v}" for k, v in p.versions.items()),
         p.profile, f"{run.examples(p.device):,}", samples(p) or "all", f"{p.seconds:.1f}"]
        for p in run.places
    ])  # fmt: skip
    lines += ["", "; ".join(f"{SIGNS[s]} {MEANINGS[s]}" for s in Status) + ".", ""]
    for chapter, group in groupby(rows(run), key=lambda row: row.chapter):
        lines += [f"## {chapter[:1].upper()}{chapter[1:]}", ""]
        lines += _table(
            ["", *map(_title, run.places)],
            [[f"{row.id} {row.title}".strip(), *(cell(row, device) for device in run.devices)] for row in group],
        )
        lines.append("")
    if failures := run.of(Status.FAILED):
        lines += ["## Failures", ""]
        for o in failures:
            lines += [f"**`{o.id}`** {o.reason}", ""]
            lines += ["```python", o.program, "```", ""] if o.program else []
    for status, heading in HEADINGS.items():
        if found := reasons(run, status):
            lines += [f"## {heading}", ""]
            lines += _table(["device", "reason", "what"], [[f"`{d}`", r, named(os)] for (d, r), os in found.items()])
            lines.append("")
    return "\n".join(lines)


def _title(place: Place) -> str:
    return f"`{place.device}`" + (f" ({place.note})" if place.note else "")


def _table(header: list[str], body: list[list[str]]) -> list[str]:
    cells = [header, ["---"] * len(header), *body]
    return ["| " + " | ".join(" ".join(c.replace("|", "\\|").split()) for c in row) + " |" for row in cells]
