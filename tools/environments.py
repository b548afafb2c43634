"""Virtual environments of their own, and commands in them: what tools/cuda.py and tools/plugins.py share.

Knows packages, folders and commands. Must not know gradarray, which need not be installed where this file runs.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

Step = tuple[str, list[str], dict[str, str]]
"""What it is called, the command, and what it adds to the environment."""


class InstallError(Exception):
    """pip could not install what was asked for."""


def run_all(name: str, steps: Iterable[Step]) -> int:
    """Run every step, whatever fails, and say of `name` which did; 1 if any did."""
    results = []
    for title, argv, added in steps:
        print(f"\n--- {name}: {title}: {shlex.join(argv)}", flush=True)
        start = time.monotonic()
        done = subprocess.run(argv, cwd=ROOT, env=cleaned(added), check=False)
        results.append((title, done.returncode == 0, time.monotonic() - start))
    print()
    for title, passed, seconds in results:
        print(f"{'ok    ' if passed else 'FAILED'} {name}: {title} ({seconds:.1f} s)", flush=True)
    return 0 if all(passed for _, passed, _ in results) else 1


def cleaned(added: Mapping[str, str]) -> dict[str, str]:
    """The environment, with `added` and without what would change what is tested, or mix kernels of two CuPys."""
    kept = {k: v for k, v in os.environ.items() if k != "CUPY_CACHE_DIR" and not k.startswith("GRADARRAY_")}
    return {**kept, **added, "PYTHONDONTWRITEBYTECODE": "1"}


def installed(venv: Path, requirements: list[str], *projects: str) -> str:
    """The Python of a virtual environment that holds `requirements`, made or brought up to date if need be.

    `projects` are the folders whose pyproject.toml the requirements name.

    Raises
    ------
    InstallError
        If it cannot be made; what pip said is printed.
    """
    python = str(venv / "bin" / "python")
    stamp = venv / "installed.txt"
    home = hashed(sys.version, str(venv))
    files = [ROOT / project / "pyproject.toml" for project in (".", *projects)]
    digest = hashed(home, *requirements, *(file.read_text(encoding="utf-8") for file in files))
    found = stamp.read_text() if stamp.is_file() else ""
    if found != f"{home} {digest}":
        print(f"Installing into {venv} (the first time takes a few minutes) ...", flush=True)
        if not found.startswith(home):
            quietly([sys.executable, "-m", "venv", "--clear", str(venv)])
        quietly([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])
        stamp.write_text(f"{home} {digest}")
    return python


def hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def quietly(argv: list[str], added: Mapping[str, str] | None = None) -> None:
    """Run `argv` in silence, with `added` in the environment; if it fails, print what it said and raise."""
    pipe, merged = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(argv, cwd=ROOT, env=cleaned(added or {}), stdout=pipe, stderr=merged, text=True, check=False)
    if done.returncode:
        print(done.stdout, flush=True)
        raise InstallError(f"this failed; what it said is above: {shlex.join(argv)}")
