"""Results as text for a terminal, as Markdown and as JSON.

Knows tables, goals and the machine. Must not know what was measured.
"""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Goal:
    """What a measured value should not exceed."""

    what: str
    value: float
    most: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it does not."""
        return self.value <= self.most

    def __str__(self) -> str:
        verdict = "met" if self.met else "MISSED"
        return f"{self.what}: {self.value:.3g}{self.unit} (goal: at most {self.most:g}{self.unit}), {verdict}"


@dataclass
class Section:
    """One benchmark: what it is, a table, goals, and the bare numbers for those who compute on."""

    name: str
    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)


def machine(libraries: Iterable[str]) -> dict[str, str]:
    """What was measured on: versions of Python and of the libraries that are installed, system and cores."""
    found = {"Python": platform.python_version()}
    for library in libraries:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            pass
    return {**found, "system": f"{platform.system()} {platform.machine()}", "cores": str(os.cpu_count())}


def _widths(section: Section) -> list[int]:
    return [max(map(len, column)) for column in zip(section.columns, *section.rows, strict=True)]


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))]


def as_text(section: Section) -> str:
    """For a terminal."""
    widths = _widths(section)
    lines = [f"{section.name}: {section.title}"]
    lines += ["  " + "  ".join(_aligned(cells, widths)).rstrip() for cells in (section.columns, *section.rows)]
    lines += [f"  -> {goal}" for goal in section.goals]
    lines += [f"  {note}" for note in section.notes]
    return "\n".join(lines)


def as_markdown(sections: Iterable[Section], on: dict[str, str]) -> str:
    """For a page: a table and a list of goals for each benchmark."""
    lines = ["Measured in one run, in turns; medians. " + ", ".join(f"{k} {v}" for k, v in on.items()) + "."]
    for section in sections:
        widths = _widths(section)
        rule = ["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
        lines += ["", f"### {section.name}: {section.title}", ""]
        rows = [_aligned(section.columns, widths), rule, *(_aligned(cells, widths) for cells in section.rows)]
        lines += [f"| {' | '.join(cells)} |" for cells in rows]
        lines += ["", *(f"- {item}" for item in (*section.goals, *section.notes))]
    return "\n".join(lines) + "\n"


def as_json(sections: Iterable[Section], on: dict[str, str]) -> str:
    """The bare numbers; times are in seconds."""
    results = {
        section.name: {
            **section.data,
            "goals": [{"what": g.what, "value": g.value, "most": g.most, "met": g.met} for g in section.goals],
        }
        for section in sections
    }
    return json.dumps({"machine": on, "results": results}, indent=2) + "\n"


def plot(sections: Iterable[Section], on: dict[str, str], file: Path) -> None:
    """Draw, for each workload, each library's ratio to NumPy by hand."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    timed = [s for s in sections if s.name.startswith("W") and any("ratio" in row for row in _by_library(s).values())]
    libraries = list(dict.fromkeys(name for section in timed for name in _by_library(section)))
    figure, axes = pyplot.subplots(figsize=(10, 4.5), layout="constrained")
    width = 0.8 / max(len(libraries), 1)
    for i, library in enumerate(libraries):
        found = [(n, _by_library(s)[library]["ratio"]) for n, s in enumerate(timed) if library in _by_library(s)]
        axes.bar([n + i * width for n, _ in found], [value for _, value in found], width, label=library)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xticks([n + 0.4 - width / 2 for n in range(len(timed))], [section.name for section in timed])
    axes.set_ylabel("time / NumPy by hand")
    axes.set_title(", ".join(f"{k} {v}" for k, v in on.items()), fontsize=7)
    axes.legend(fontsize=8, ncols=4)
    figure.savefig(file)
    pyplot.close(figure)


def _by_library(section: Section) -> dict[str, Any]:
    return {name: row for name, row in section.data.items() if isinstance(row, dict) and "spread" in row}
