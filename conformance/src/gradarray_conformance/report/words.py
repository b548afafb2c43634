"""What every form of the report says in the same words: signs, sums, and reasons brought together.

Knows the data. Must not know a form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gradarray_conformance.outcomes import Status
from gradarray_conformance.report.data import Outcome, Place, Row, Run

SIGNS: Final = {
    Status.HELD: "✓",
    Status.FAILED: "✗",
    Status.KNOWN: "!",
    Status.UNSUPPORTED: "–",
    Status.NOT_RUN: "·",
}
MEANINGS: Final = {
    Status.HELD: "held",
    Status.FAILED: "failed",
    Status.KNOWN: "fails as known",
    Status.UNSUPPORTED: "declared unsupported by the backend",
    Status.NOT_RUN: "not run",
}

HEADINGS: Final = {
    Status.UNSUPPORTED: "Declared unsupported",
    Status.KNOWN: "Known gaps",
    Status.NOT_RUN: "Not run",
}


def total(counts: Mapping[Status, int]) -> str:
    """For example ``"27 held, 1 failed"``."""
    words = {status: str(status) for status in Status}
    if counts.get(Status.KNOWN, 0) > 1:
        words[Status.KNOWN] += "s"
    return ", ".join(f"{counts[s]:,} {words[s]}" for s in Status if counts.get(s)) or "nothing was run"


def summary(run: Run, place: Place) -> str:
    """A device in a line: what its checks came to, how much was drawn, how long it took."""
    counts = run.counts(place.device)
    words = [total(counts), tried(run, place) if counts else "", f"{place.seconds:.1f} s" if counts else ""]
    return "; ".join(filter(None, words))


def tried(run: Run, place: Place) -> str:
    """How much was tried on a device: how many examples were drawn; how many samples, where that is not all."""
    drawn = run.examples(place.device)
    return ", ".join(filter(None, [f"{drawn:,} examples drawn" if drawn else "", samples(place)]))


def samples(place: Place) -> str:
    """For example ``"one sample of each operation, not all"``; nothing where it is all."""
    return f"{place.samples}, not all" if place.samples else ""


def cell(row: Row, device: str) -> str:
    """The sign of a cell; with numbers where not all of its cases came to the same."""
    outcomes = row.cells.get(device, [])
    status = row.status(device)
    same = sum(outcome.status is status for outcome in outcomes)
    if len(outcomes) < 2:
        return SIGNS[status]
    return f"{SIGNS[status]} {same}" if same == len(outcomes) else f"{SIGNS[status]} {same}/{len(outcomes)}"


def meaning(row: Row, device: str) -> str:
    """A cell in words."""
    outcomes = row.cells.get(device, [])
    if not outcomes:
        return f"{device}: not run"
    counts = {status: sum(o.status is status for o in outcomes) for status in Status}
    seconds = sum(outcome.seconds for outcome in outcomes)
    reason = next((f"; {o.reason}" for o in outcomes if o.status is row.status(device) and o.reason), "")
    return f"{device}: {total(counts)}, {seconds:.2f} s{reason}"


def reasons(run: Run, status: Status) -> dict[tuple[str, str], list[Outcome]]:
    """The checks that came to ``status``, by device and reason."""
    found: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in run.of(status):
        found.setdefault((outcome.device, outcome.reason), []).append(outcome)
    return found


def commonest(run: Run) -> list[tuple[str, str, int]]:
    """Device, reason and number of the failures that have a reason in common, most first: likely of one cause."""
    found = [(*key, len(outcomes)) for key, outcomes in reasons(run, Status.FAILED).items() if len(outcomes) > 1]
    return sorted(found, key=lambda entry: -entry[-1])[:3]


def named(outcomes: list[Outcome]) -> str:
    """What a few checks are about; of many the number."""
    titles = list(dict.fromkeys(f"{o.row} {o.title}".strip() for o in outcomes))
    shown = "; ".join(titles[:4]) + (f" and {len(titles) - 4} more" if len(titles) > 4 else "")
    return shown if len(outcomes) == len(titles) else f"{shown} ({len(outcomes)} cases)"
