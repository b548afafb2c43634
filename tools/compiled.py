"""gradarray with its hot modules compiled, in an environment of its own, held to what the sources are held to.

    python tools/compiled.py               build, install into .venv-compiled, test
    python tools/compiled.py ci            a step of `python dev.py test`: where CI is set, and elsewhere where that
                                           environment is there already, since a build takes minutes and a C compiler

Tested are what the compiled modules do: the engine, modes, hooks, views, writes, transfers, transforms, and the
conformance suite on NumPy, with few samples of each operation: all are tried on the sources.

Knows packages, folders and commands. Must not know gradarray, which need not be installed where this file runs.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from environments import ROOT, installed, quietly, run_all

VENV = ROOT / ".venv-compiled"
TESTS = (
    "autograd composed_transforms creation debugging engine errors func function functional graph indexing inplace "
    "large looking_on memory modes optimize random saving sizes transfers views"
).split()


def main(arguments: Sequence[str]) -> int:
    """Run what `arguments` ask for; the exit status."""
    if arguments == ["ci"] and not VENV.is_dir():
        if not os.environ.get("CI"):
            print("The compiled package is not tested: to build and test it, python tools/compiled.py")
            return 0
        if shutil.which("cc") is None:
            print("The compiled package is not tested: there is no C compiler")
            return 0
    elif arguments not in ([], ["ci"]):
        print(__doc__.strip())
        return 0 if arguments in (["-h"], ["--help"]) else 2
    return test()


def test() -> int:
    """Build, install and test; 1 if anything fails."""
    plugins = ["./plugins/gradarray-strict", "./plugins/gradarray-dask", "./conformance"]
    python = installed(VENV, [".[cli,test]", *plugins], *plugins)
    scripts = VENV / "bin"
    again = ["install", "--quiet", "--disable-pip-version-check", "--force-reinstall", "--no-deps", "."]
    quietly([python, "-m", "pip", *again], {"GRADARRAY_COMPILE": "1"})  # always: the sources may have changed
    is_compiled = "import gradarray._dispatch as d, sys; sys.exit(not d.__file__.endswith(('.so', '.pyd')))"
    return run_all("compiled", [
        ("it is compiled", [python, "-I", "-c", is_compiled], {}),
        # by pytest's own program: `python -m pytest` would find the sources of the current folder first
        ("tests", [str(scripts / "pytest"), "-n", "2", "-q", *(f"tests/test_{name}.py" for name in TESTS)], {}),
        (
            "conformance of cpu",
            [str(scripts / "gradarray"), "conformance", "cpu", "--samples=few", "--seed=1", "-n", "2", "--", "-q"],
            {},
        ),
    ])  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
