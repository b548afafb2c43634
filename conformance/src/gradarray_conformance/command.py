"""What ``gradarray conformance`` does: a session of pytest over the checks, or several reports made into one.

Knows pytest's command line, and where the checks are. Must not know any check.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gradarray_conformance.report import FORMS, data, terminal, write
from gradarray_conformance.requests import EXTENTS, PROFILES, positive, resolved

CHECKS = Path(__file__).parent / "checks"
PATIENCE = 120  # seconds after which a check that has not ended says where it is


def main(arguments: Sequence[str]) -> int:
    """Run ``gradarray conformance`` with ``arguments``.

    Returns
    -------
    int
        The exit status: 0; 1 if a check failed; 2 for a request that cannot be met, as pytest's others.
    """
    if arguments[:1] == ["merge"]:
        return merge(arguments[1:])
    at = list(arguments).index("--") if "--" in arguments else len(arguments)
    request = _parser().parse_args(arguments[:at])
    try:
        return _pytest(request, arguments[at + 1 :])
    except ValueError as error:
        print(f"gradarray conformance: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gradarray conformance",
        description="Check that devices do what every device must, and report what held. "
        "`gradarray conformance merge a.json b.json -o all.html` makes several reports into one.",
        epilog="What follows after -- is given to pytest.",
    )
    parser.add_argument("devices", nargs="*", default=["cpu"], metavar="DEVICE", help="such as mine:0 (cpu)")
    parser.add_argument("--profile", choices=PROFILES, default="quick", help="how much is drawn (quick)")
    parser.add_argument("--examples", type=positive, metavar="N", help="draw as from N, whatever the profile says")
    parser.add_argument("--samples", choices=EXTENTS, help="of an operation, but on the CPU (all)")
    parser.add_argument("--seed", metavar="N", help="of what is drawn; the same again with the same number")
    parser.add_argument("--only", metavar="WHAT", help=f"with commas: {', '.join(chapters())}; or T04, A05")
    parser.add_argument("--note", default="", metavar="WORDS", help="said of the devices in the report: `emulated`")
    parser.add_argument("--report", action="append", default=[], metavar="FILE", help=", ".join(FORMS))
    parser.add_argument("--xfails", action="append", default=[], metavar="FILE", help="known gaps, a line each")
    parser.add_argument("-n", dest="workers", metavar="N", help="in so many processes, with pytest-xdist")
    return parser


def chapters() -> list[str]:
    """The files of checks, as `--only` names them."""
    return sorted(file.stem.removeprefix("test_") for file in CHECKS.glob("test_*.py"))


def chosen(only: str | None, devices: Iterable[str]) -> list[str]:
    """What pytest is to run: all, or the chapters and behaviours that ``only`` lists.

    Raises
    ------
    ValueError
        If a word is neither, or there is none.
    """
    from gradarray.tutorial import PROGRAMS

    if only is None:
        return [str(CHECKS)]
    behaviours = {program.id for program in PROGRAMS}
    found = []
    for word in only.replace(",", " ").split() or [""]:
        if word.upper() in behaviours:
            file = CHECKS / "test_behaviours.py"
            found += [f"{file}::test_behaviour[{device}-{word.upper()}]" for device in devices]
        elif word.lower() in chapters():
            found.append(str(CHECKS / f"test_{word.lower()}.py"))
        else:
            raise ValueError(f"--only: there is no {word!r}; there are {', '.join(chapters())}, T01 to T17, A01 to A13")
    return found


def _pytest(request: argparse.Namespace, more: Sequence[str]) -> int:
    import pytest

    devices = resolved(request.devices)
    argv = [
        *chosen(request.only, devices),
        # nothing of the settings of a project that this is started in
        *("-c", os.devnull, f"--rootdir={CHECKS}", "-p", "no:cacheprovider", "-p", "gradarray_conformance.plugin"),
        # a kernel may never come back: say in which check, and where
        *("-o", f"faulthandler_timeout={PATIENCE}"),
        # this package, whose checks come later, is imported already
        *("-W", "ignore:Module already imported so cannot be rewritten:pytest.PytestAssertRewriteWarning"),
        *(f"--gradarray-device={device}" for device in devices),
        f"--gradarray-profile={request.profile}",
        *([f"--gradarray-examples={request.examples}"] if request.examples else []),
        *([f"--gradarray-samples={request.samples}"] if request.samples else []),
        *([f"--gradarray-note={request.note}"] if request.note else []),
        *(f"--gradarray-report={file}" for file in request.report),
        *(f"--gradarray-xfails={file}" for file in request.xfails),
        *([f"--hypothesis-seed={request.seed}"] if request.seed else []),
        *(["-n", request.workers] if request.workers else []),
        *more,
    ]
    return int(pytest.main(argv))


def merge(arguments: Sequence[str]) -> int:
    """Make several reports in JSON into one, of every form that is asked for."""
    parser = argparse.ArgumentParser(prog="gradarray conformance merge", description="Make several reports into one.")
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json", help="or a folder of such")
    parser.add_argument(
        "--expect", default="", metavar="DEVICES", help="with commas: shown first, also where nothing was run"
    )
    parser.add_argument("-o", "--output", action="append", type=Path, default=[], metavar="FILE", help=", ".join(FORMS))
    request = parser.parse_args(arguments)
    try:
        expected = filter(None, request.expect.split(","))
        run = data.merge(map(data.read, _files(request.reports)), expected)
        for path in request.output:
            write(run, path)
    except (OSError, ValueError) as error:
        print(f"gradarray conformance merge: {error}", file=sys.stderr)
        return 2
    if not request.output:
        print(terminal.drawn(run), end="")
    return 0


def _files(named: Iterable[Path]) -> Iterator[Path]:
    """Files of reports; a folder stands for all in it.

    Raises
    ------
    ValueError
        If there are none in it.
    """
    for path in named:
        found = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not found:
            raise ValueError(f"there are no reports in {path}")
        yield from found
