"""Measure what of SciPy, scikit-learn and others runs on tensors and differentiates; write the page that says so.

    python tools/ecosystem.py            measure, and compare with what is recorded
    python tools/ecosystem.py --write    measure, record it, and write docs/ecosystem.md

The calls are in tests/ecosystem/, and so is the record, which the tests hold against what they find.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "tests" / "ecosystem" / "measured.json"
PAGE = ROOT / "docs" / "ecosystem.md"
LIBRARIES = ("scipy", "scikit-learn", "array-api-extra", "einops", "xarray", "dask", "numpy")
GROUPS = {
    "xpx": "array-api-extra", "sklearn": "scikit-learn", "einops": "einops", "xarray": "xarray", "dask": "dask",
    "numpy": "NumPy and Python", "t": "NumPy and Python", "np": "NumPy and Python", "copy": "NumPy and Python",
    "pickle": "NumPy and Python",
}  # fmt: skip
HEAD = """# What differentiates

Unmodified SciPy, scikit-learn and others, called with tensors. This page is written by `python tools/ecosystem.py
--write` from {n} calls, those of [tests/ecosystem](../tests/ecosystem/call.py), which the tests repeat. Measured with
{versions}.

- **right**: the gradient of a random combination of all results, along a random direction of all real inputs, agrees
  with central differences of the same call on NumPy arrays. **zero**: the derivative is zero, and no graph is made.
- **refused**: the values are right, but on the tape the call raises, since the function turns its input into a NumPy
  array (or for what else is said there). Nothing is ever detached in silence by gradarray; **lost** is what a function
  itself turns into a Python number, as scikit-learn's metrics do.
- **not checked**: nothing to differentiate (of integers, random, piecewise constant), or differences cannot tell.
- **inside**: the values come from gradarray alone, and no tensor was turned into a NumPy array on the way.

SciPy and scikit-learn need their switch: `SCIPY_ARRAY_API=1` before SciPy is imported, and
`sklearn.set_config(array_api_dispatch=True)`.

"""
LISTS = (
    ("right", "The gradient is right"), ("zero", "The derivative is zero"),
    ("raises", "Refused: values only, off the tape"), ("lost", "Lost: the function gives Python numbers"),
    ("wrong", "Wrong"), ("nan", "Not a number"), ("none", "Not checked"),
)  # fmt: skip


def measure() -> dict[str, Any]:
    """What each call does, and with which versions."""
    os.environ["SCIPY_ARRAY_API"] = "1"
    sys.path.insert(0, str(ROOT / "tests"))
    warnings.simplefilter("ignore")
    import numpy as np

    np.seterr(all="ignore")
    from ecosystem import call, other_calls, scipy_calls

    assert scipy_calls and other_calls, "importing them has entered the calls"
    return {
        "versions": {name: version(name) for name in LIBRARIES},
        "calls": {
            name: {
                "values": call.values(c),
                "inside": call.inside(c) in ("tensor", "python"),
                "gradient": call.gradient(c),
            }
            for name, c in sorted(call.CALLS.items())
        },
    }


def group(name: str) -> str:
    """The library, or the module of SciPy's, that a call belongs to."""
    first = name.split(".", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    return GROUPS.get(first, f"scipy.{first}")


def render(record: dict[str, Any]) -> str:
    """The page."""
    calls = record["calls"]
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    groups = sorted({group(name) for name in calls}, key=lambda g: (not g.startswith("scipy"), g.lower()))
    lines = ["| | calls | values right | inside | right | zero | refused | lost | not checked |", "|---" * 9 + "|"]
    for g in [*groups, "all"]:
        rows = [c for name, c in calls.items() if g in (group(name), "all")]
        kinds = Counter(c["gradient"] for c in rows)
        good = sum(c["values"] in ("tensor", "python", "array") for c in rows)
        cells = [len(rows), good, sum(c["inside"] for c in rows)]
        cells += [kinds[k] for k in ("right", "zero", "raises", "lost", "none")]
        title = "**all**" if g == "all" else g if g in GROUPS.values() else f"`{g}`"
        lines.append(f"| {title} | {' | '.join(map(str, cells))} |")
    bad = Counter(c["gradient"] for c in calls.values())
    lines += ["", f"Wrong: {bad['wrong']}. Not a number: {bad['nan']}.", ""]
    for kind, title in LISTS:
        lines += [f"## {title}", ""] if any(c["gradient"] == kind for c in calls.values()) else []
        for g in groups:
            names = [n for n, c in calls.items() if group(n) == g and c["gradient"] == kind]
            if names:
                inner = g if g in GROUPS.values() else f"`{g}`"
                lines += [f"**{inner}**: {', '.join(short(n) for n in names)}", ""]
    text = HEAD.format(n=len(calls), versions=versions) + "\n".join(lines)
    failing = [n for n, c in calls.items() if c["values"] not in ("tensor", "python", "array")]
    text += "## Does not run, or gives other values\n\n"
    return text + "".join(f"- `{n}`: {calls[n]['values']}\n" for n in failing)


def short(name: str) -> str:
    """A call's name without the library's, as code."""
    first, _, rest = name.partition(".")
    return f"`{rest if rest and ' ' not in first else name}`"


def main(argv: list[str]) -> int:
    """Measure; record or compare."""
    found = measure()
    if argv == ["--write"]:
        RECORD.write_text(json.dumps(found, indent=1) + "\n")
        PAGE.write_text(render(found))
    elif argv:
        print(__doc__)
        return 2
    recorded = json.loads(RECORD.read_text())
    changed = {
        name: (recorded["calls"].get(name), found["calls"].get(name))
        for name in sorted({*recorded["calls"], *found["calls"]})
        if recorded["calls"].get(name) != found["calls"].get(name)
    }
    for name, (was, now) in changed.items():
        print(f"{name}: {was} -> {now}")
    calls = found["calls"].values()
    print(f"{len(calls)} calls; values: {dict(Counter(c['values'].split(':')[0] for c in calls))}")
    print(f"inside the namespace: {sum(c['inside'] for c in calls)}")
    print(f"gradients: {dict(Counter(c['gradient'] for c in calls))}")
    return int(bool(changed))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
