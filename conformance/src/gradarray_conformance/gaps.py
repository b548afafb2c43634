"""Known gaps as data: a file with a line for each check that is known to fail, why, and where that is followed up.

A line is ``pattern  # reason, link``. The pattern is the id of a check as pytest prints it, from the file's name on,
in which ``*`` stands for anything: ``test_contract.py::test_round_trip[mine:0-int8*]``. Without brackets it means
every case.

Knows ids. Must not know what a check is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FORM = "`test_file.py::test_name[case]  # reason, link`"


@dataclass(frozen=True)
class Gap:
    """One line of the file.

    Attributes
    ----------
    pattern : str
        Which checks.
    reason : str
        Why they fail, with a link.
    where : str
        The file and the line.
    """

    pattern: str
    reason: str
    where: str

    def names(self, id: str) -> bool:
        """Whether this is about the check ``id``."""
        whole = self.pattern if "[" in self.pattern else f"{self.pattern}[*"
        return re.fullmatch(".*".join(map(re.escape, whole.split("*"))), id) is not None

    @property
    def file(self) -> str:
        """The file of checks that it speaks of."""
        return self.pattern.partition("::")[0]


def read(path: Path) -> list[Gap]:
    """The known gaps of a file.

    Raises
    ------
    ValueError
        If a line is not of the form, has no reason or no link.
    OSError
        If the file cannot be read.
    """
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pattern, _, reason = (part.strip() for part in line.partition("  #"))
        where = f"{path}:{number}"
        if "::" not in pattern:
            raise ValueError(f"{where}: expected {FORM}, got {line.strip()!r}")
        if not reason or "http" not in reason:
            raise ValueError(f"{where}: a known gap needs a reason and a link after two spaces and '#': {FORM}")
        found.append(Gap(pattern, reason, where))
    return found


def stale(gaps: Iterable[Gap], ids: Iterable[str]) -> list[Gap]:
    """Those that name none of the checks ``ids``, though checks of their file are among these."""
    ids = list(ids)
    files = {id.partition("::")[0] for id in ids}
    return [gap for gap in gaps if gap.file in files and not any(map(gap.names, ids))]
