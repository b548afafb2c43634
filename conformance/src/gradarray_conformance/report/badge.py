"""The report as a badge: how many checks of those that the backends claim to support have held.

Knows SVG. Must not know how the data came to be.
"""

from __future__ import annotations

from gradarray_conformance.outcomes import Status
from gradarray_conformance.report.data import Run

LABEL = "gradarray conformance"


def svg(run: Run) -> str:
    """The badge."""
    counts = run.counts()
    held, failed = counts[Status.HELD], counts[Status.FAILED]
    words = f"{held:,} held" if not failed else f"{failed:,} of {held + failed:,} failed"
    colour = "#2e7d32" if held and not failed else "#c62828" if failed else "#757575"
    left, right = 8 + 6.3 * len(LABEL), 12 + 6.6 * len(words)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{left + right:.0f}" height="20" role="img" aria-label="{LABEL}: {words}">
<title>{LABEL}: {words}</title>
<clipPath id="r"><rect width="{left + right:.0f}" height="20" rx="3"/></clipPath>
<g clip-path="url(#r)"><rect width="{left:.0f}" height="20" fill="#444"/>
<rect x="{left:.0f}" width="{right:.0f}" height="20" fill="{colour}"/></g>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">
<text x="{left / 2:.0f}" y="14">{LABEL}</text><text x="{left + right / 2:.0f}" y="14">{words}</text></g>
</svg>
"""
