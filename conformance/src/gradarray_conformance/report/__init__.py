"""The report: collected from pytest, kept as data, shown as a matrix of behaviours by devices.

Knows which suffix means which form. Must not know what a form looks like.
"""

from __future__ import annotations

from pathlib import Path

from gradarray_conformance.report import badge, data, html, markdown
from gradarray_conformance.report.data import Run

FORMS = {".html": html.page, ".md": markdown.page, ".json": data.dumps, ".svg": badge.svg}


def write(run: Run, path: Path) -> None:
    """Write ``run`` to ``path``, in the form that its suffix says; folders are made.

    Raises
    ------
    ValueError
        If the suffix says none.
    """
    if path.suffix not in FORMS:
        raise ValueError(f"expected a file {', '.join(FORMS)}, got {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FORMS[path.suffix](run), encoding="utf-8")
