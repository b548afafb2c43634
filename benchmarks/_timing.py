"""Timing on a machine that does other things too: everything in one run, in turns, and only ratios are believed.

Knows functions without arguments. Must not know what they compute.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import median, quantiles
from time import perf_counter

Times = dict[str, list[float]]


def seconds(function: Callable[[], object], number: int = 1) -> float:
    """Seconds that one call takes, the mean of ``number`` calls in a row."""
    turns = range(number)
    start = perf_counter()
    for _ in turns:
        function()
    return (perf_counter() - start) / number


def held(function: Callable[[], object]) -> Callable[[], None]:
    """``function``, with what it gave kept until it is called again: gradients are there to be used.

    Who frees everything at once hands the top of the heap back to the system, and pays for it again the next time; or
    not, where what another keeps lies higher up.
    """
    kept: list[object] = []

    def run() -> None:
        kept.clear()
        kept.append(function())

    return run


@contextmanager
def frozen() -> Iterator[None]:
    """Within the block, keep what exists already from the garbage collector.

    The collector stays on, since it is on where the libraries are used; but nobody pays for what others have imported.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def in_turns(functions: Mapping[str, Callable[[], object]], rounds: int, burst: float = 0.02) -> Times:
    """Time all functions again and again, each round in another order.

    Parameters
    ----------
    functions : mapping of str to callable
        What to time, by name.
    rounds : int
        How often.
    burst : float
        Seconds for which a function is called in a row in each round (but at least once).

    Returns
    -------
    dict of str to list of float
        By name, for each round the seconds that one call took.
    """
    functions = {name: held(function) for name, function in functions.items()}
    numbers = {name: max(1, round(burst / seconds(function))) for name, function in functions.items()}
    times: Times = {name: [] for name in functions}
    with frozen():
        for turn in range(rounds):
            names = list(functions)
            split = turn % len(names)
            for name in names[split:] + names[:split]:
                times[name].append(seconds(functions[name], numbers[name]))
    return times


def ratio(times: Times, one: str, other: str) -> float:
    """How many times as long as ``other`` the function ``one`` takes: the median of the ratios of the rounds.

    What is compared has been measured within the same second, so a machine that slows down for a while slows both.
    """
    return median(a / b for a, b in zip(times[one], times[other], strict=True))


def spread(times: Times, one: str, other: str) -> tuple[float, float]:
    """Between what the middle half of those ratios lies: how far to believe :func:`ratio`."""
    low, _, high = quantiles((a / b for a, b in zip(times[one], times[other], strict=True)), n=4)
    return low, high


@contextmanager
def collector() -> Iterator[list[float]]:
    """Within the block, gather the seconds of each run of Python's garbage collector."""
    runs: list[float] = []
    start = 0.0

    def watch(phase: str, info: dict[str, int]) -> None:
        nonlocal start
        if phase == "start":
            start = perf_counter()
        else:
            runs.append(perf_counter() - start)

    gc.callbacks.append(watch)
    try:
        yield runs
    finally:
        gc.callbacks.remove(watch)
