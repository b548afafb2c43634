"""What gradarray costs, against NumPy by hand and against its peers, as ratios in one run.

    python benchmarks/overhead.py                        all benchmarks, about a minute
    python benchmarks/overhead.py small import           some of them
    python benchmarks/overhead.py --check                tiny sizes, only to see that the gradients agree

A goal that is missed is printed, and changes nothing in the exit status: times depend on the machine and on the hour.
Gradients do not, so one that is wrong is an error.
"""

import argparse
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from _peers import LIBRARIES, all_installed, check
from _report import Goal, Section, as_json, as_markdown, as_text, machine
from _timing import collector, frozen, in_turns, ratio, spread

ARRAY_LIBRARIES = "array_api_strict autograd cupy dask jax mygrad numpy pandas scipy tensorflow torch".split()
KIB = 1024


def hundred_operations(name: str, size: int, rounds: int, goals: dict[str, float]) -> Section:
    """Time 100 elementwise operations, forward and backward, in all libraries."""
    peers = all_installed(size)
    expected = peers[0].gradient()
    for peer in peers[1:]:
        check(peer.name, peer.gradient(), expected)
        check(f"{peer.name}, the second time", peer.gradient(), expected)

    section = Section(
        name,
        f"100 elementwise operations on {size} float32 elements, forward and backward",
        ["library", "µs", "× NumPy", "middle half"],
        notes=["All gradients agree."],
    )
    if rounds:
        times = in_turns({peer.name: peer.run for peer in peers}, rounds)
        base = peers[0].name
        for peer in peers:
            took, times_as_long = median(times[peer.name]), ratio(times, peer.name, base)
            low, high = spread(times, peer.name, base)
            section.rows.append([peer.name, f"{took * 1e6:.0f}", f"{times_as_long:.2f}", f"{low:.2f}–{high:.2f}"])
            section.data[peer.name] = {"seconds": took, "ratio": times_as_long, "spread": [low, high]}
            if peer.name in goals:
                goal = Goal(f"gradarray / {peer.name}", ratio(times, "gradarray", peer.name), goals[peer.name])
                section.goals.append(goal)
    return section


def small(checking: bool) -> Section:
    """What an operation costs beyond its arithmetic."""
    return hundred_operations("small", 4, 0 if checking else 25, {"NumPy by hand": 4, "PyTorch": 0.5})


def large(checking: bool) -> Section:
    """Whether the library shows where the arithmetic takes all the time."""
    size, rounds = (1000, 0) if checking else (10**6, 15)
    return hundred_operations("large", size, rounds, {"NumPy by hand": 1.05})


IMPORT = f"""
import sys
from time import perf_counter
start = perf_counter()
import numpy
middle = perf_counter()
import gradarray
end = perf_counter()
found = [name for name in {ARRAY_LIBRARIES!r} if name in sys.modules]
print(middle - start, end - middle, *found)
"""


def importing(checking: bool) -> Section:
    """How long `import gradarray` takes where NumPy is there already, each time in a new interpreter."""
    numpys, ours, libraries = [], [], set()
    with TemporaryDirectory() as cache:
        # as installed: compiled before, which the first interpreter does here and is left out for
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        for turn in range(1 if checking else 16):
            done = subprocess.run(
                [sys.executable, "-P", "-c", IMPORT],
                env=os.environ if checking else environment,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            first, second, *found = done.stdout.split()
            libraries.update(found)
            if turn or checking:
                numpys.append(float(first))
                ours.append(float(second))
    took = [median(times) for times in (numpys, ours)]
    times_as_long = ratio({"gradarray": ours, "numpy": numpys}, "gradarray", "numpy")
    return Section(
        "import",
        "in a new interpreter",
        ["module", "ms", "× numpy"],
        [
            ["numpy", f"{took[0] * 1e3:.1f}", "1.00"],
            ["gradarray beyond it", f"{took[1] * 1e3:.1f}", f"{times_as_long:.2f}"],
        ],
        [
            Goal("import gradarray, beyond numpy", took[1] * 1e3, 60, " ms"),
            Goal("array libraries imported beside NumPy", len(libraries - {"numpy"}), 0),
        ],
        [f"Array libraries imported: {', '.join(sorted(libraries))}."],
        {
            "numpy": {"seconds": took[0]},
            "gradarray": {"seconds": took[1], "ratio": times_as_long},
            "libraries": sorted(libraries),
        },
    )


def one_chain(length: int) -> dict[str, float]:
    """Seconds for ``length`` operations forward and backward, and for freeing a graph of them that nobody walked.

    "collector" is what Python's garbage collector, which looks through all that is alive, took of the first two.
    """
    import gradarray as ga

    factor = 1 - 1 / length  # so that the gradient, its power, is about 1/e
    x = ga.ones(4, dtype=ga.float64, requires_grad=True)

    def forward() -> ga.Tensor:
        y = x
        for _ in range(length):
            y = y * factor
        return y

    with frozen(), collector() as runs:
        start = perf_counter()
        y = forward()
        built = perf_counter()
        y.backward(ga.ones_like(y))
        walked = perf_counter()
    del y
    check(f"chain of {length}", x.grad.numpy(), np.full(4, factor**length))
    y = forward()
    kept = perf_counter()
    del y
    freed = perf_counter()
    return {"forward": built - start, "backward": walked - built, "collector": sum(runs), "freeing": freed - kept}


def in_little_stack(function: Callable[[], object]) -> None:
    """Run ``function`` in a thread with a stack of 512 KiB: far too little for one C frame an operation."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    before = threading.stack_size(512 * KIB)
    try:
        thread = threading.Thread(target=run)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    if errors:
        raise errors[0]


def chains(checking: bool) -> Section:
    """Whether time is linear in the length of the graph, and the stack no matter."""
    lengths = (10**3, 10**4) if checking else (10**3, 10**4, 10**5, 10**6)
    section = Section(
        "chain",
        "operations one after the other on 4 float64 elements, µs an operation",
        ["operations", "forward", "backward", "of it the collector", "freeing, not walked"],
        notes=["All gradients agree. The stack was 512 KiB, so nothing recurses."],
    )

    def run() -> None:
        for length in lengths:
            runs = [one_chain(length) for _ in range(1 if checking else max(1, min(7, 3 * 10**5 // length)))]
            took = {what: median(one[what] for one in runs) / length for what in runs[0]}
            section.rows.append([f"{length:,}", *(f"{seconds * 1e6:.2f}" for seconds in took.values())])
            section.data[str(length)] = took

    in_little_stack(run)
    if not checking:
        first, last = (
            sum(took[what] for what in ("forward", "backward", "freeing")) - took["collector"]
            for took in (section.data[str(lengths[0])], section.data[str(lengths[-1])])
        )
        section.notes.append(
            f"Without the collector an operation among {lengths[-1]:,} takes {last / first:.2f} × one among "
            f"{lengths[0]:,}."
        )
    return section


SECTIONS: dict[str, Callable[[bool], Section]] = {"small": small, "large": large, "import": importing, "chain": chains}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that the command line names, and print and write what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}; by default all")
    parser.add_argument("--check", action="store_true", help="tiny sizes: gradients are compared, nothing is timed")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no section named {', '.join(sorted(unknown))}; there are {', '.join(SECTIONS)}")

    on = machine(["numpy", "gradarray", *LIBRARIES])
    print(", ".join(f"{name} {what}" for name, what in on.items()))
    sections = []
    for name in options.sections or SECTIONS:
        section = SECTIONS[name](options.check)
        sections.append(section)
        print(f"{name}: {section.notes[0]}" if options.check else f"\n{as_text(section)}", flush=True)
    if options.json:
        options.json.write_text(as_json(sections, on), encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(as_markdown(sections, on), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
