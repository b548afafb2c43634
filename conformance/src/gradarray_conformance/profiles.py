"""How much is drawn: hypothesis's settings under the names of ``--gradarray-profile``.

======== ======== ===== ===========================
profile  examples steps on NumPy, seconds of a core
======== ======== ===== ===========================
quick    20       15    41
standard 100      30    182
thorough 1000     50    1,310
======== ======== ===== ===========================

A check says by :func:`examples` what share of the examples it draws. Steps are those of whole programs.
``--gradarray-examples`` gives another number of examples: where each new shape costs a compilation, for example.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from hypothesis import HealthCheck, settings

PROFILES = {"quick": (20, 15), "standard": (100, 30), "thorough": (1000, 50)}

_drawn = 0


def load(profile: str, count: int | None = None) -> None:
    """Make hypothesis draw what ``profile`` says, or ``count`` examples in place of that."""
    examples, steps = PROFILES[profile]
    name = f"gradarray-{profile}"
    settings.register_profile(
        name,
        max_examples=examples if count is None else count,
        stateful_step_count=steps,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    settings.load_profile(name)


def examples(share: float) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Settings of a check that draws ``share`` of the profile's examples, and at least two. They are counted."""
    limited = settings(max_examples=max(2, round(share * settings.default.max_examples)))  # type: ignore[union-attr]

    def decorate(check: Any) -> Callable[..., Any]:
        inner = check.hypothesis.inner_test

        @wraps(inner)
        def counted(*args: Any, **kwargs: Any) -> None:
            inner(*args, **kwargs)
            one_more()

        check.hypothesis.inner_test = counted
        return limited(check)  # type: ignore[no-any-return]

    return decorate


def one_more() -> None:
    """Count an example that held."""
    global _drawn
    _drawn += 1


def drawn() -> int:
    """How many examples have held in this process."""
    return _drawn
