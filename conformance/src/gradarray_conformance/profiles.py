"""How much is drawn: hypothesis's settings under the names of ``--gradarray-profile``.

======== ======== ===== ====================
profile  examples steps on NumPy
======== ======== ===== ====================
quick    20       15    less than a minute
standard 100      30    some minutes
thorough 1000     50    an hour
======== ======== ===== ====================

A check says by :func:`examples` what share of the examples it draws. Steps are those of whole programs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings

PROFILES = {"quick": (20, 15), "standard": (100, 30), "thorough": (1000, 50)}


def register() -> None:
    """Make the profiles known to hypothesis, as ``gradarray-quick``, ``gradarray-standard``, ``gradarray-thorough``."""
    for name, (count, steps) in PROFILES.items():
        settings.register_profile(
            f"gradarray-{name}",
            max_examples=count,
            stateful_step_count=steps,
            deadline=None,
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        )


def examples(share: float, *, least: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Settings of a check that draws ``share`` of the profile's examples, and at least two; two, if the ``least``."""
    count = 0 if least else round(share * settings.default.max_examples)  # type: ignore[union-attr]
    return settings(max_examples=max(2, count))
