"""What gradarray costs, against NumPy by hand and against its peers, as ratios in one run.

    python benchmarks/run.py                        everything: a minute or two, with all peers installed ten
    python benchmarks/run.py W1 W5 import           some of it
    python benchmarks/run.py --only gradarray PyTorch
    python benchmarks/run.py --check                tiny sizes, only to see that all gradients agree
    python benchmarks/run.py --threads 2 --markdown table.md --json table.json --plot table.svg

A goal that is missed is printed, and changes nothing in the exit status: times depend on the machine and on the hour.
Gradients do not, so one that is wrong is an error.
"""

import argparse
import os
import subprocess
import sys
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from _libraries import BELOW, PEERS, Contestant, by_hand, check, operations
from _report import Goal, Section, as_json, as_markdown, as_text, machine, plot
from _timing import collector, frozen, in_turns, ratio, spread
from _workloads import ALL, Workload

ARRAY_LIBRARIES = "array_api_strict autograd cupy dask jax mygrad numpy pandas scipy tensorflow torch".split()
DISTRIBUTIONS = ("numpy", "gradarray", "torch", "autograd", "mygrad", "jax")
KIB = 1024
# far too little for one C frame an operation; Python 3.13 takes more to free a long chain of any class with slots
STACK = (1024 if sys.version_info[:2] == (3, 13) else 512) * KIB
HAND = "NumPy by hand"
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def again(threads: int, arguments: Sequence[str]) -> int:
    """Run in a process whose libraries have so many threads, which they read when they are imported."""
    environment = {**os.environ, **dict.fromkeys(THREADS, str(threads))}
    if threads == 1:
        environment["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false".strip()
    return subprocess.run([sys.executable, __file__, *arguments], env=environment, check=False).returncode


def contestants(work: Workload, names: Sequence[str]) -> list[Contestant]:
    """By hand, and those of ``names`` that are installed and can do it.

    Raises
    ------
    ValueError
        If one of them computes another loss or another gradient than the one by hand.
    """
    found = [by_hand(work)]
    value, gradients = found[0].results()
    for name in names:
        try:
            contestant = PEERS[name](work)
            theirs = contestant.results()
        except (ImportError, NotImplementedError):
            continue
        compare(f"{name}: {work.name}", theirs, (value, gradients))
        if work.kind != "step":  # which has moved the parameters
            compare(f"{name}: {work.name}, the second time", contestant.results(), (value, gradients))
        found.append(contestant)
    return found


def compare(what: str, got: tuple[float, Sequence[np.ndarray]], expected: tuple[float, Sequence[np.ndarray]]) -> None:
    """Make sure that a loss and its gradients are right."""
    check(f"{what}, the loss", np.float64(got[0]), np.float64(expected[0]))
    for i, (one, other) in enumerate(zip(got[1], expected[1], strict=True)):
        check(f"{what}, parameter {i}", one, other)


def peak(run: Callable[[], object]) -> int:
    """The most bytes that NumPy's arrays took at a time while ``run`` ran."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        kept = run()
        most = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    del kept
    return most


def measured(work: Workload, names: Sequence[str], rounds: int) -> Section:
    """Time a workload in all libraries, forward and backward."""
    peers = contestants(work, names)
    section = Section(
        work.name,
        f"{work.title}, forward and backward",
        ["library", "µs", f"× {HAND.removesuffix(' by hand')}", "middle half"],
        notes=["All gradients agree."],
    )
    if not rounds:
        return section
    times = in_turns({peer.name: peer.run for peer in peers}, rounds)
    for peer in peers:
        took, times_as_long = median(times[peer.name]), ratio(times, peer.name, HAND)
        low, high = spread(times, peer.name, HAND)
        section.rows.append([peer.name, f"{took * 1e6:,.0f}", f"{times_as_long:.2f}", f"{low:.2f}–{high:.2f}"])
        section.data[peer.name] = {"seconds": took, "ratio": times_as_long, "spread": [low, high]}
        if peer.name in work.goals and "gradarray" in times:
            goal = Goal(f"gradarray / {peer.name}", ratio(times, "gradarray", peer.name), work.goals[peer.name])
            section.goals.append(goal)
        if peer.name in BELOW and BELOW[peer.name] in times:
            count = operations(work)
            added = (took - median(times[BELOW[peer.name]])) / count * 1e6
            what = f"{peer.name}, beyond {BELOW[peer.name]}'s own, an operation of {count}"
            section.goals.append(Goal(what, added, 2, " µs"))
    if work.memory is not None and "gradarray" in times:
        most = {peer.name: peak(peer.run) for peer in peers if peer.name in (HAND, "gradarray")}
        goal = Goal("peak memory, gradarray / NumPy by hand", most["gradarray"] / most[HAND], work.memory)
        section.goals.append(goal)
        section.data["peak"] = most
    return section


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
        "`import gradarray`, in a new interpreter",
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

    "collector" is what Python's garbage collector, which looks through all that is alive, took of the first two;
    "by hand" is the same arithmetic in NumPy; "bytes" is what the graph takes for an operation.
    """
    import gradarray as ga

    factor = 1 - 1 / length  # so that the gradient, its power, is about 1/e
    x = ga.ones(4, dtype=ga.float64, requires_grad=True)

    def forward() -> ga.Tensor:
        y = x
        for _ in range(length):
            y = y * factor
        return y

    def by_hand() -> np.ndarray:
        y = x.detach().numpy()
        for _ in range(length):
            y = y * factor
        g = np.ones_like(y)
        for _ in range(length):
            g = g * factor
        return g

    with frozen(), collector() as runs:
        start = perf_counter()
        y = forward()
        built = perf_counter()
        y.backward(ga.ones_like(y))
        walked = perf_counter()
    del y
    check(f"W9: a chain of {length}", x.grad.numpy(), np.full(4, factor**length))
    tracemalloc.start()
    y = forward()
    memory = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del y
    y = forward()
    kept = perf_counter()
    del y
    freed = perf_counter()
    check("W9: by hand", by_hand(), x.grad.numpy())
    ended = perf_counter()
    return {
        "forward": built - start,
        "backward": walked - built,
        "collector": sum(runs),
        "freeing": freed - kept,
        "by hand": ended - freed,
        "bytes": memory,
    }


def in_little_stack(function: Callable[[], object]) -> None:
    """Run ``function`` in a thread with a stack of :data:`STACK`."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            errors.append(error)

    before = threading.stack_size(STACK)
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
        "W9",
        "operations one after the other on 4 float64 elements, µs an operation",
        [
            "operations",
            "forward",
            "backward",
            "of it the collector",
            "freeing, not walked",
            "× by hand",
            "bytes a node",
        ],
        notes=[f"All gradients agree. The stack was {STACK // KIB} KiB, so nothing recurses."],
    )

    def run() -> None:
        for length in lengths:
            runs = [one_chain(length) for _ in range(1 if checking else max(1, min(7, 3 * 10**5 // length)))]
            took = {what: median(one[what] for one in runs) / length for what in runs[0]}
            took["ratio"] = median((one["forward"] + one["backward"]) / one["by hand"] for one in runs)
            parts = [f"{took[what] * 1e6:.2f}" for what in ("forward", "backward", "collector", "freeing")]
            section.rows.append([f"{length:,}", *parts, f"{took['ratio']:.2f}", f"{took['bytes']:.0f}"])
            section.data[str(length)] = took

    in_little_stack(run)
    if not checking:
        first, last = (section.data[str(n)] for n in (lengths[0], lengths[-1]))
        one, other = (sum(took[what] for what in ("forward", "backward")) for took in (first, last))
        section.goals += [
            Goal(f"gradarray / {HAND}, {lengths[-1]:,} operations", last["ratio"], 2.5),
            Goal(f"an operation among {lengths[-1]:,} / one among {lengths[0]:,}", other / one, 1.2),
        ]
    return section


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that the command line names, and print and write what came out."""
    names = [*sorted([*ALL, "W9"], key=lambda name: int(name[1:])), "import"]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(names)}; by default all")
    parser.add_argument("--only", nargs="+", metavar="LIBRARY", help=f"of {', '.join(PEERS)}; by default all")
    parser.add_argument("--check", action="store_true", help="tiny sizes: gradients are compared, nothing is timed")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="how often all take their turn (15)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of every library (1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the ratios there, with matplotlib")
    options = parser.parse_args(arguments)
    if unknown := set(options.sections) - set(names):
        parser.error(f"no section named {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if unknown := set(options.only or ()) - set(PEERS):
        parser.error(f"no library named {', '.join(sorted(unknown))}; there are {', '.join(PEERS)}")
    if options.rounds < 2:
        parser.error(f"--rounds {options.rounds}: at least 2 are needed, to say how far they lie apart")

    if any(os.environ.get(name) != str(options.threads) for name in THREADS):
        return again(options.threads, sys.argv[1:] if arguments is None else arguments)
    on = {**machine(DISTRIBUTIONS), "threads": str(options.threads)}
    print(", ".join(f"{name} {what}" for name, what in on.items()))
    sections = []
    for name in options.sections or names:
        if name in ALL:
            rounds = 0 if options.check else options.rounds
            section = measured(ALL[name](options.check), options.only or list(PEERS), rounds)
        else:
            section = {"W9": chains, "import": importing}[name](options.check)
        sections.append(section)
        print(f"{name}: {section.notes[0]}" if options.check else f"\n{as_text(section)}", flush=True)
    for file in (options.json, options.markdown, options.plot):
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
    if options.json:
        options.json.write_text(as_json(sections, on), encoding="utf-8")
    if options.markdown:
        options.markdown.write_text(as_markdown(sections, on), encoding="utf-8")
    if options.plot:
        plot(sections, on, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
