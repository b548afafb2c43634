"""The command ``gradarray``, also ``python -m gradarray``.

Knows the commands. Must not know what they do.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import gradarray as ga
from gradarray._cli.conformance import conformance
from gradarray._cli.listing import listing
from gradarray._cli.page import page
from gradarray._cli.tutorial import choose, tutorial
from gradarray.tutorial import PROGRAMS


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Its arguments; by default those of the process.

    Returns
    -------
    int
        The exit status: 0, or 1 if a program of the tutorial or a check did not hold, or 2 for a request that cannot be
        met.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        # whose arguments are its own to read
        status = conformance(given[1:]) if given[:1] == ["conformance"] else _run(_parser().parse_args(given))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _run(request: argparse.Namespace) -> int:
    shown = page(plain=request.plain)
    if request.command == "backends":
        return listing(shown)
    try:
        programs, device = choose(PROGRAMS, request.only), ga.backends.resolve(request.device)
    except (RuntimeError, ValueError) as error:
        print(f"gradarray: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return tutorial(programs, device, shown)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="gradarray", description="Automatic differentiation over the Array API.")
    parser.add_argument("--version", action="version", version=f"gradarray {ga.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    plain = argparse.ArgumentParser(add_help=False)
    plain.add_argument("--plain", action="store_true", help="no colour, also in a terminal")
    told = "run every program of the tutorial and say which held"
    command = commands.add_parser("tutorial", help=told, description=told.capitalize(), parents=[plain])
    command.add_argument(
        "--device", default="cpu", metavar="D", help="where to run them (cpu); see `gradarray backends`"
    )
    command.add_argument("--only", metavar="IDS", help="only these, such as T03,A05")
    told = "list the backends, their devices, what they can do and what is missing"
    commands.add_parser("backends", help=told, description=told.capitalize(), parents=[plain])
    commands.add_parser("conformance", help="check what every device must do on some; `gradarray conformance --help`")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
