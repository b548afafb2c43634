"""The one command of this repository; it needs nothing but Python 3.11.

    python dev.py test [pytest arguments]      every check, as CI runs them, in .venv
    python dev.py tutorial [arguments]         `gradarray tutorial`, installed into .venv if need be

The virtual environment is made on the first run, kept, and brought up to date when a pyproject.toml changes.
"""

import hashlib
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

# The conformance suite, drawing the same each time; its reports go where git ignores them.
SUITE = ["gradarray", "conformance", "--seed=1", "-n", "2"]
# Its checks that tests/ops runs as well, for whoever works on an operation.
CONFORMED = ["derivatives", "drawn", "masked", "special_values"]

# Times are only printed; a wrong gradient fails. The table is kept in a folder beside the reports.
TABLES = ["--markdown", "reports/benchmarks/table.md", "--json", "reports/benchmarks/table.json"]


def reports(name: str) -> list[str]:
    """The options that make the suite write its report in three forms."""
    return [f"--report=reports/{name}.{suffix}" for suffix in ("html", "json", "svg")]


# Where the suite has to run, or the matrix says that it was not. A GPU's report is made by `tools/cuda.py gpu`.
DEVICES = "cpu,strict:device1,torch:cpu,jax:cpu:0,dask:cpu,dpnp:cpu:0,cuda:1,cuda:0"
MATRIX = [word for suffix in ("html", "md", "svg") for word in ("-o", f"reports/matrix.{suffix}")]

# What `test` runs, in this order, all of it, whatever fails. The program is looked up in .venv.
STEPS = [
    ("ruff check", ["ruff", "check"]),
    ("ruff format", ["ruff", "format", "--check"]),
    ("mypy", ["mypy"]),
    ("pytest", ["pytest", "-n", "2", *(f"--ignore=tests/ops/test_{name}.py" for name in CONFORMED)]),
    ("tutorial on cpu", ["gradarray", "tutorial", "--device", "cpu"]),
    ("tutorial on strict:device1", ["gradarray", "tutorial", "--device", "strict:device1"]),
    ("benchmarks", ["python", "benchmarks/run.py", "--only", "gradarray", "--rounds", "3", *TABLES]),
    ("conformance", [*SUITE, "cpu", "strict:device1", *reports("conformance"), "--", "-q"]),
    ("conformance of Dask", [*SUITE, "dask:cpu", "--samples=few", *reports("dask"), "--", "-q"]),
    ("plugins of large libraries", ["python", "tools/plugins.py", "ci"]),
    ("compiled", ["python", "tools/compiled.py", "ci"]),
    ("CuPy on an emulator", ["python", "tools/cuda.py", "emulated"]),
    ("one matrix of all devices", ["gradarray", "conformance", "merge", "reports", "--expect", DEVICES, *MATRIX]),
]
# The distributions beside the root's own that `test` installs.
PLUGINS = ["plugins/gradarray-strict", "plugins/gradarray-dask"]
# What each command needs; "full" contains "light".
REQUIREMENTS = {
    "light": ["-e", ".[cli]", *(word for plugin in PLUGINS for word in ("-e", plugin))],
    "full": ["-e", ".[cli,test,lint]", *(word for one in (*PLUGINS, "conformance") for word in ("-e", one))],
}

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if sys.platform == "win32" else "bin")
PYTHON = str(BIN / "python")
STAMP = VENV / "installed.txt"


def main(arguments: list[str]) -> int:
    """Run the command that `arguments` names; its exit status."""
    command, rest = (arguments or [""])[0], arguments[1:]
    if rest[:1] == ["--"]:
        rest = rest[1:]
    if command == "test":
        install("full")
        return test(rest)
    if command == "tutorial":
        install("light")
        return run(["gradarray", "tutorial", *rest])
    print(__doc__.strip())
    return 0 if command in ("-h", "--help") else 2


def test(pytest_arguments: list[str]) -> int:
    """Run every step, each under its heading, then say which failed; 1 if any did."""
    shutil.rmtree(ROOT / "reports", ignore_errors=True)  # what an earlier run wrote would be taken for this one's
    results = []
    for title, argv in STEPS:
        argv = [*argv, *pytest_arguments] if argv[0] == "pytest" else argv
        print(f"\n=== {title}: {shlex.join(argv)}", flush=True)
        start = time.monotonic()
        results.append((title, run(argv) == 0, time.monotonic() - start))
    print()
    for title, passed, seconds in results:
        print(f"{'ok    ' if passed else 'FAILED'} {title} ({seconds:.1f} s)")
    return 0 if all(passed for _, passed, _ in results) else 1


def run(argv: list[str]) -> int:
    """Run a program of the virtual environment in the root, its output flowing through; its exit status."""
    program = shutil.which(argv[0], path=BIN)
    if program is None:
        print(f"dev.py: there is no program {argv[0]} in {BIN}; delete {VENV} and try again", flush=True)
        return 127
    return subprocess.run([program, *argv[1:]], cwd=ROOT, check=False).returncode


def install(level: str) -> None:
    """Make the virtual environment hold REQUIREMENTS[level]; do nothing if it does already."""
    files = [ROOT / "pyproject.toml", *(ROOT / one / "pyproject.toml" for one in (*PLUGINS, "conformance"))]
    if missing := [str(file) for file in files if not file.is_file()]:
        raise SystemExit(f"dev.py: not found: {', '.join(missing)}")
    recipe = repr((sys.version_info[:2], str(ROOT), REQUIREMENTS)).encode()
    digest = hashlib.sha256(b"\0".join([recipe, *(file.read_bytes() for file in files)])).hexdigest()
    if healthy() and STAMP.is_file() and STAMP.read_text() in (f"{digest} {level}", f"{digest} full"):
        return
    print(f"Installing into {VENV} (the first time takes a minute or two) ...", flush=True)
    if not healthy():
        quietly(
            [sys.executable, "-m", "venv", "--clear", str(VENV)],
            "this Python cannot make a virtual environment with pip in it; what it said is above. "
            "On Debian and Ubuntu: apt install python3-venv. Elsewhere: use python.org's Python.",
        )
    STAMP.unlink(missing_ok=True)
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    quietly([*pip, *REQUIREMENTS[level]], "pip could not install the project; what it said is above")
    STAMP.write_text(f"{digest} {level}")


def healthy() -> bool:
    """Whether .venv is whole: it runs, it has pip, and it is of the Python that runs this file."""
    probe = "import sys, pip; print(sys.version_info[:2])"
    try:
        done = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True, check=False)
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == str(sys.version_info[:2])


def quietly(argv: list[str], complaint: str) -> None:
    """Run `argv` in silence; if it fails, print what it said and stop with `complaint`."""
    pipe, merged = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(argv, cwd=ROOT, stdout=pipe, stderr=merged, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\ndev.py: {complaint}")


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs before anything has checked
        raise SystemExit(f"dev.py needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    raise SystemExit(main(sys.argv[1:]))
