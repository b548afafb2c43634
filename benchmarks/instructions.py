"""How many instructions a pass of each workload takes, counted by valgrind: the same again on a busy machine.

``python benchmarks/instructions.py W1 W4`` prints a table. Instructions are not time: what waits for memory, or for a
branch that was guessed wrong, takes longer than its instructions say. But a change of one in a hundred can be told.

Knows how to count. Must not know how the libraries are called: see _libraries.py.
"""

from __future__ import annotations

import argparse
import gc
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

from _libraries import PEERS, by_hand
from _workloads import ALL

PASSES = {"W7": 5, "W10": 5, "W11": 5, "W3": 20, "W5": 2, "W6": 2, "W8": 5}
HAND = "NumPy by hand"


def go(name: str, who: str, passes: int) -> None:
    """Run ``passes`` passes of a workload, after two that warm up."""
    work = ALL[name](False)
    run = (by_hand(work) if who == HAND else PEERS[who](work)).run
    run(), run()
    gc.disable()
    for _ in range(passes):
        run()


def counted(name: str, who: str, passes: int) -> int:
    """The instructions of a process that goes ``passes`` passes, from its start to its end."""
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={os.devnull}", sys.executable, __file__]
    alone = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, name, "--who", who, "--go", str(passes)],
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"Collected : (\d+)", done.stderr)
    if found is None:
        raise RuntimeError(f"valgrind counted nothing: {done.stderr[-500:]}")
    return int(found[1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table.

    Raises
    ------
    SystemExit
        Without valgrind.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", default=["W1", "W2", "W4", "W12"], choices=[*ALL], metavar="W")
    parser.add_argument("--who", nargs="+", default=["gradarray"], choices=[HAND, *PEERS], metavar="LIBRARY")
    parser.add_argument("--go", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.go is not None:
        go(given.workloads[0], given.who[0], given.go)
        return
    if shutil.which("valgrind") is None:
        raise SystemExit("instructions are counted by valgrind, which is not there; your system's packages have it")
    contestants = [HAND, *given.who]
    print(f"| instructions a pass | {' | '.join(contestants)} |\n|---|{'---:|' * len(contestants)}")
    for name in given.workloads:
        n = PASSES.get(name, 100)
        counts = [(counted(name, who, n) - counted(name, who, 0)) // n for who in contestants]
        print(f"| {name} | {' | '.join(f'{count:,} ({count / counts[0]:.2f})' for count in counts)} |", flush=True)


if __name__ == "__main__":
    main()
