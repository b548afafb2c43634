"""Hypothesis's profiles ``gradarray-quick``, ``gradarray-standard`` and ``gradarray-thorough``: how much is drawn.

Knows hypothesis. Must not know any check.
"""

from __future__ import annotations

from hypothesis import settings

EXAMPLES = {"quick": 10, "standard": 100, "thorough": 1000}


def register() -> None:
    """Make the profiles known to hypothesis."""
    for name, examples in EXAMPLES.items():
        settings.register_profile(f"gradarray-{name}", max_examples=examples, deadline=None)
