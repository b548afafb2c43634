"""Where the commands write: plain text, or, in a terminal and with rich installed, the same text in colour.

Knows the terminal. Must not know what is written.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec


class Page:
    """Plain text on standard output."""

    def write(self, text: str = "", style: str = "") -> None:
        """One or more lines; ``style`` is what they look like where there are styles."""
        print(text)

    def code(self, source: str) -> None:
        """Python source."""
        self.write(source)


class RichPage(Page):
    """The same, in colour."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)

    def write(self, text: str = "", style: str = "") -> None:
        self._console.print(text, style=style)

    def code(self, source: str) -> None:
        from rich.syntax import Syntax

        self._console.print(Syntax(source, "python", theme="ansi_dark", background_color="default"))


def page(*, plain: bool = False) -> Page:
    """The page for standard output as it is now: plain if asked for, if piped, or if rich is missing."""
    if plain or not sys.stdout.isatty() or find_spec("rich") is None:
        return Page()
    return RichPage()
