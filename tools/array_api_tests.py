"""Run the official test suite of the Array API standard on gradarray.

    python tools/array_api_tests.py SUITE [--device cpu] [--max-examples 20] [--xfails FILE] [pytest arguments]

SUITE (or the environment variable ARRAY_API_TESTS) is a checkout of github.com/data-apis/array-api-tests with its
submodule; nothing is downloaded. The suite needs pytest, hypothesis, ndindex and pytest-json-report beside gradarray.
With --device the same namespace is tested on another backend. Every failure is printed, then the numbers; the exit
status is pytest's.

Plugins that are installed add devices, which the suite's test_from_dlpack visits too: on one that lacks a dtype, such
as strict:no_float64, it fails. Run it where only the plugin under test is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

OPTIONS = (
    "-q --no-header --tb=short -p no:cacheprovider --disable-deadline --derandomize --json-report "
    "--json-report-omit=streams --json-report-omit=log"
)
NEEDS = ("gradarray", "pytest", "hypothesis", "ndindex", "pytest_jsonreport")


def main(argv: list[str]) -> int:
    """Run the suite as ``argv`` says; its exit status, or 2 if it cannot be run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("suite", nargs="?", default=os.environ.get("ARRAY_API_TESTS"), help="checkout of the suite")
    parser.add_argument("--device", default="cpu", help="the default device while the suite runs")
    parser.add_argument("--max-examples", type=int, default=20, help="examples a test (default 20)")
    parser.add_argument("--xfails", type=Path, help="file of test ids that may fail, one a line")
    arguments, rest = parser.parse_known_args(argv)
    problem = why_not(arguments.suite)
    if problem is not None:
        print(f"array_api_tests: {problem}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pytest", "array_api_tests", *OPTIONS.split()]
        command += [f"--max-examples={arguments.max_examples}", f"--json-report-file={report}"]
        command += [f"--xfails-file={arguments.xfails.resolve()}"] if arguments.xfails else []
        environment = {
            **os.environ,
            "ARRAY_API_TESTS_MODULE": f"exec('import gradarray as xp; xp.set_default_device(\"{arguments.device}\")')",
            "HYPOTHESIS_STORAGE_DIRECTORY": folder,
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run([*command, *rest], cwd=arguments.suite, env=environment, check=False)
        if not report.is_file():
            return done.returncode or 2
        tests = json.loads(report.read_text())["tests"]
    failed = sorted(test["nodeid"] for test in tests if test["outcome"] in ("failed", "error"))
    for test in failed:
        print("FAILED", test)
    outcomes = Counter(test["outcome"] for test in tests)
    print(
        f"{arguments.device}: passed={outcomes['passed']} failed={len(failed)} skipped={outcomes['skipped']} "
        f"xfailed={outcomes['xfailed']}"
    )
    return done.returncode


def why_not(suite: str | None) -> str | None:
    """What keeps the suite from running, or None."""
    if not suite:
        return "where is the suite? Name its checkout as the first argument, or in ARRAY_API_TESTS"
    if not Path(suite, "array_api_tests", "__init__.py").is_file():
        return f"{suite} is no checkout of https://github.com/data-apis/array-api-tests"
    if not Path(suite, "array-api", "spec").is_dir():
        return f"the submodule of {suite} is empty; in there run `git submodule update --init`"
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        found = ", ".join(missing)
        return f"{sys.executable} has no {found}; pip install gradarray pytest hypothesis ndindex pytest-json-report"
    return None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
