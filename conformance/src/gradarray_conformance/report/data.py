"""A report as data: what became of each check on each device, where that was, and how several runs become one.

Knows JSON. Must not know pytest, or how a report is shown.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from gradarray_conformance.outcomes import Status

VERSION: Final = 1
"""Of the form of the JSON."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one check on one device.

    Attributes
    ----------
    chapter, title : str
        What the check is of, and what it checks.
    row : str
        The id of a behaviour, such as ``"T04"``; else empty.
    case : str
        Which of the check's cases, if there are several.
    device : str
    id : str
        pytest's, from the file's name on.
    status : Status
    seconds : float
    reason : str
        Why, unless it held: of a failure the message in a line.
    details : str
        Of a failure all that pytest says.
    program : str
        The shortest program that fails, where hypothesis found one.
    order : int
        Which check of the session it was, in the order in which they were found.
    examples : int
        How many examples hypothesis drew for it that held.
    """

    chapter: str
    title: str
    device: str
    id: str
    status: Status
    row: str = ""
    case: str = ""
    seconds: float = 0.0
    reason: str = ""
    details: str = ""
    program: str = ""
    order: int = 0
    examples: int = 0


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and how one device was checked.

    Attributes
    ----------
    device : str
    versions : dict of str to str
        Of what was involved, by name.
    system : str
        Operating system, processor, Python.
    capabilities : dict of str to object
        What the backend declares.
    profile : str
        Of hypothesis; with the number of examples where that was given.
    seed : str
        Given by ``--hypothesis-seed``; else empty.
    started : str
        Date and time.
    seconds : float
        How long all its checks took, added up.
    note : str
        What else is to be known of it, in a word or two: that it is emulated.
    samples : str
        In words, how many samples of an operation were tried, where that is not all.
    """

    device: str
    versions: dict[str, str] = field(default_factory=dict)
    system: str = ""
    capabilities: dict[str, Any] = field(default_factory=dict)
    profile: str = ""
    seed: str = ""
    started: str = ""
    seconds: float = 0.0
    note: str = ""
    samples: str = ""

    @property
    def title(self) -> str:
        """The device, with its note."""
        return f"{self.device} ({self.note})" if self.note else self.device


@dataclass(frozen=True)
class Run:
    """Everything that a report shows."""

    places: Sequence[Place]
    outcomes: Sequence[Outcome]

    @property
    def devices(self) -> list[str]:
        return [place.device for place in self.places]

    def counts(self, device: str | None = None) -> Counter[Status]:
        """How many checks came to what, on one device or on all."""
        return Counter(outcome.status for outcome in self.outcomes if device in (None, outcome.device))

    def examples(self, device: str) -> int:
        """How many examples were drawn on a device, and held."""
        return sum(outcome.examples for outcome in self.outcomes if outcome.device == device)

    def of(self, status: Status) -> list[Outcome]:
        """The checks that came to ``status``."""
        return [outcome for outcome in self.outcomes if outcome.status is status]


@dataclass(frozen=True)
class Row:
    """A line of the matrix: one behaviour or check, and its cases by device."""

    chapter: str
    id: str
    title: str
    cells: dict[str, list[Outcome]]

    def status(self, device: str) -> Status:
        """What became of all its cases: the worst; not supported only where none was."""
        found = {outcome.status for outcome in self.cells.get(device, ())}
        order = (Status.FAILED, Status.KNOWN, Status.HELD, Status.UNSUPPORTED, Status.NOT_RUN)
        return next((status for status in order if status in found), Status.NOT_RUN)


def rows(run: Run) -> list[Row]:
    """The lines of the matrix, in the order in which the checks were run, chapter by chapter."""
    found: dict[tuple[str, str, str], Row] = {}
    for outcome in run.outcomes:
        key = (outcome.chapter, outcome.row, outcome.title)
        row = found.setdefault(key, Row(*key, cells={}))
        row.cells.setdefault(outcome.device, []).append(outcome)
    chapters = list(dict.fromkeys(row.chapter for row in found.values()))
    return sorted(found.values(), key=lambda row: chapters.index(row.chapter))


def merge(runs: Iterable[Run], expected: Iterable[str] = ()) -> Run:
    """Several runs as one; of a check that several have for a device, the last counts.

    The devices that are ``expected`` come first, also those on which nothing was run.
    """
    places = {device: Place(device=device) for device in expected}
    outcomes: dict[tuple[str, str], Outcome] = {}
    for run in runs:
        places |= {place.device: place for place in run.places}
        outcomes |= {(outcome.device, outcome.id): outcome for outcome in run.outcomes}
    return Run(list(places.values()), list(outcomes.values()))


def dumps(run: Run) -> str:
    """The report as JSON; what is empty is left out."""
    filled = [{key: value for key, value in asdict(o).items() if value not in ("", 0)} for o in run.outcomes]
    whole = {"gradarray-conformance": VERSION, "places": [asdict(p) for p in run.places], "outcomes": filled}
    return json.dumps(whole, indent=1) + "\n"


def loads(text: str, source: str = "the report") -> Run:
    """What :func:`dumps` wrote.

    Raises
    ------
    ValueError
        If it is no such JSON; the message names ``source``.
    """
    try:
        whole = json.loads(text)
        if whole["gradarray-conformance"] != VERSION:
            raise ValueError(f"{source} is of version {whole['gradarray-conformance']}, expected {VERSION}")
        outcomes = [Outcome(**given | {"status": Status(given["status"])}) for given in whole["outcomes"]]
        return Run([Place(**given) for given in whole["places"]], outcomes)
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{source} is no report of gradarray-conformance: {type(error).__name__}: {error}") from None


def read(path: Path) -> Run:
    """The report in a JSON file.

    Raises
    ------
    ValueError, OSError
        If it cannot be read, or is none.
    """
    return loads(path.read_text(encoding="utf-8"), str(path))
