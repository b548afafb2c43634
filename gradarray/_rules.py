"""Rules compiled ahead of time, by their text: none, in the pure package; ``hatch_build.py`` writes this module anew.

Knows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MADE: dict[str, Callable[[dict[str, Any]], Callable[..., Any]]] = {}
"""By the text of a function, what makes the function of the names that the text uses."""
