"""The report as one page of HTML: nothing from elsewhere, light and dark, for a phone and for a desk.

Knows HTML. Must not know how the data came to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from itertools import groupby

from gradarray_conformance.outcomes import Status
from gradarray_conformance.report.badge import svg
from gradarray_conformance.report.data import Place, Row, Run, rows
from gradarray_conformance.report.words import HEADINGS, MEANINGS, SIGNS, cell, meaning, named, reasons, total, tried


def page(run: Run) -> str:
    """The whole report."""
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    checked = escape(", ".join(place.title for place in run.places if run.counts(place.device)))
    columns = "".join(f'<th scope="col">{_broken(place.title)}</th>' for place in run.places)
    return f"""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>gradarray conformance: {checked}</title>
<style>
{style}</style>
</head>
<body>
<main>
<header><h1>Conformance of gradarray’s backends</h1>
<p>What every backend must do, checked on {checked}.</p>
{svg(run)}</header>
<section class="devices">
{"".join(map(str, (_device(run, place) for place in run.places)))}</section>
<section><h2>Matrix</h2>
<p class="legend">{" ".join(f'<span class="{_class(s)}"><b>{SIGNS[s]}</b> {MEANINGS[s]}</span>' for s in Status)}</p>
<div class="scroll"><table class="matrix">
<thead><tr><th scope="col">behaviour</th>{columns}</tr></thead>
{"".join(_matrix(run))}</table></div></section>
{"".join(_failures(run))}{"".join(_reasons(run, status) for status in HEADINGS)}{_environment(run)}</main>
</body>
</html>
"""


def _class(status: Status) -> str:
    return status.name.lower().replace("_", "-")


def _broken(device: str) -> str:
    """A device's name, which may go to a new line after a colon."""
    return escape(device).replace(":", ":<wbr>")


def _device(run: Run, place: Place) -> str:
    counts = run.counts(place.device)
    whole = max(sum(counts.values()), 1)
    bar = "".join(
        f'<i class="{_class(s)}" style="flex-grow:{max(counts[s] / whole, 0.01):.4f}"></i>' for s in Status if counts[s]
    )
    library = ", ".join(f"{name} {number}" for name, number in place.versions.items())
    said = tried(run, place) if counts else ""
    amount = f'<p class="small">{escape(said)}</p>' if said else ""
    worst = Status.FAILED if counts[Status.FAILED] else Status.HELD if counts else Status.NOT_RUN
    return f"""\
<article class="{_class(worst)}"><h3>{_broken(place.title)}</h3><div class="bar">{bar}</div>
<p>{escape(total(counts))}</p>{amount}<p class="small">{escape(library)}</p></article>
"""


def _matrix(run: Run) -> Iterator[str]:
    for chapter, group in groupby(rows(run), key=lambda row: row.chapter):
        heading = f'<th colspan="{len(run.devices) + 1}" scope="rowgroup">{escape(chapter)}</th>'
        yield f'<tbody><tr class="chapter">{heading}</tr>\n'
        yield from (_row(run, row) for row in group)
        yield "</tbody>\n"


def _row(run: Run, row: Row) -> str:
    id = f"<b>{escape(row.id)}</b> " if row.id else ""
    cells = "".join(_cell(row, device) for device in run.devices)
    return f'<tr><th scope="row">{id}{escape(row.title)}</th>{cells}</tr>\n'


def _cell(row: Row, device: str) -> str:
    status, text = row.status(device), escape(cell(row, device))
    if status is Status.FAILED:
        text = f'<a href="#{_anchor(row, device)}">{text}</a>'
    return f'<td class="{_class(status)}" title="{escape(meaning(row, device))}">{text}</td>'


def _failures(run: Run) -> Iterator[str]:
    failed = [(row, d) for row in rows(run) for d in run.devices if row.status(d) is Status.FAILED]
    if not failed:
        return
    yield f"<section><h2>{run.counts()[Status.FAILED]:,} failed</h2>\n"
    for row, device in failed:
        outcomes = [outcome for outcome in row.cells[device] if outcome.status is Status.FAILED]
        title = escape(f"{row.id} {row.title}".strip())
        yield f'<article class="failure" id="{_anchor(row, device)}">'
        yield f'<h3>{title} <span class="small">on {escape(device)}</span></h3>\n'
        for o in outcomes:
            program = f"<pre><code>{escape(o.program)}</code></pre>" if o.program else ""
            case = f"<b>{escape(o.case)}</b> " if o.case else ""
            yield f"""\
<p>{case}{escape(o.reason)}</p>{program}
<details><summary><code>{escape(o.id)}</code></summary><pre>{escape(o.details)}</pre></details>
"""
        yield "</article>\n"
    yield "</section>\n"


def _anchor(row: Row, device: str) -> str:
    return "-".join(re.findall(r"\w+", f"{row.chapter} {row.id} {row.title} on {device}"))


def _reasons(run: Run, status: Status) -> str:
    found = reasons(run, status)
    if not found:
        return ""
    items = "".join(
        f'<dt><span class="{_class(status)}">{_broken(device)}</span> {_linked(reason)}</dt>'
        f"<dd>{escape(named(outcomes))}</dd>\n"
        for (device, reason), outcomes in found.items()
    )
    return f"<section><h2>{HEADINGS[status]}</h2>\n<dl>{items}</dl></section>\n"


def _linked(reason: str) -> str:
    """A reason with its links as links."""
    words = escape(reason).split(" ")
    return " ".join(f'<a href="{w.strip("(),.;")}">{w}</a>' if "://" in w[:9] else w for w in words)


def _environment(run: Run) -> str:
    def facts(place: Place) -> str:
        can = ", ".join(name for name, yes in place.capabilities.items() if yes is True)
        seed = f", seed {place.seed}" if place.seed else ""
        drawn = f"{said}, " if (said := tried(run, place)) else ""
        return (
            f"<dt>{_broken(place.title)}</dt><dd>{escape(place.system)}. {escape(place.started)}, profile "
            f"{escape(place.profile)}{escape(seed)}, {escape(drawn)}{place.seconds:.1f} s. "
            f"It declares: {escape(can) or 'nothing'}.</dd>\n"
        )

    checked = (place for place in run.places if run.counts(place.device))
    return f"<section><h2>Where and how</h2>\n<dl>{''.join(map(facts, checked))}</dl></section>\n"
