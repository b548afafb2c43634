"""Write docs/support.md: what each backend says that it can do, from its own data.

    python tools/support.py            say whether the page is what the backends say
    python tools/support.py --write    write it

Reads the plugins' sources, so that no array library need be installed. A test holds the page against what this gives.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from gradarray import backends
from gradarray.backends import Backend, Capabilities

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "support.md"
PLUGINS = ("torch", "jax", "dask", "dpnp", "strict")
ROWS = {
    "mutable": ("an in-place method writes memory", "yes", "a new array"),
    "views": ("views share memory", "yes", "they write through"),
    "negative_steps": ("`x[::-1]` is a view", "yes", "it writes through"),
    "shares_numpy_memory": ("`x.numpy()` shares memory", "yes", "`x.cpu().numpy()`"),
    "lazy": ("values are computed", "when asked for", "at once"),
    "unknown_shapes": ("lengths are known", "may have to be computed", "always"),
}
HEAD = """# What each backend supports

Every operation, method and derivative of gradarray is there on every backend, but for what this page names. It is
written by `python tools/support.py --write` from what the backends declare (`Backend.capabilities`), and a test holds
the two together; the conformance suite shows that what is declared is so. `gradarray backends` says the same of what
is installed, device by device. Which of them have run on a GPU, the [README](../README.md#devices) says.

"""


def declared() -> dict[str, Backend]:
    """Every backend of this repository, by its name."""
    found: dict[str, Backend] = {name: backends.get(name) for name in ("numpy", "cupy")}
    for name in PLUGINS:
        sys.path.insert(0, str(ROOT / "plugins" / f"gradarray-{name}" / "src"))
        try:
            (found[name],) = importlib.import_module(f"gradarray_{name}").gradarray_backends()
        finally:
            sys.path.pop(0)
    return found


def render() -> str:
    """The page."""
    known = {name: backend.capabilities for name, backend in declared().items()}
    titles = {"numpy": "NumPy (`cpu`)", "cupy": "CuPy (`cuda`)"}
    lines = [f"| | {' | '.join(titles.get(name, f'`{name}`') for name in known)} |", "|---" * (len(known) + 1) + "|"]
    for field, (what, yes, no) in ROWS.items():
        cells = [yes if has(can, field) else no for can in known.values()]
        lines.append(f"| {what} | {' | '.join(cells)} |")
    counts = ["all" if not can.missing else f"all but {len(can.missing)}" for can in known.values()]
    lines.append(f"| functions and dtypes | {' | '.join(counts)} |")
    lines += ["", "## What is missing, and why", ""]
    for name, can in known.items():
        lines += [f"- **{titles.get(name, f'`{name}`')}**: {_missing(can)}"]
    return HEAD + "\n".join(lines) + "\n"


def has(can: Capabilities, field: str) -> bool:
    return bool(getattr(can, field)) and (can.views or field != "negative_steps")


def _missing(can: Capabilities) -> str:
    reasons: dict[str, list[str]] = {}
    for name, why in can.missing.items():
        reasons.setdefault(why, []).append(f"`{name}`")
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items()) or "nothing."


if __name__ == "__main__":
    page = render()
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(page, encoding="utf-8")
    elif page != PAGE.read_text(encoding="utf-8"):
        raise SystemExit("docs/support.md is not what the backends say; run: python tools/support.py --write")
