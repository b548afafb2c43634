"""Logistic regression on data that do not fit into memory, with gradients that are computed by a cluster.

    python examples/larger_than_memory.py                            a cluster of two processes on this machine
    python examples/larger_than_memory.py --kill-one                 one of the processes is killed in the middle
    python examples/larger_than_memory.py --scheduler tcp://…:8786   a cluster that is there already
    python examples/larger_than_memory.py --help

The data are never whole anywhere: workers draw them chunk by chunk, each time they are needed, and drop them. Labels
are drawn with weights that the program knows, and it must find these again. It says what each process had in memory at
most, what the largest array was, and how loss and gradient compare with NumPy's on a sample. The exit status is 1 if a
process took more than it may, an array was larger than a chunk, or an answer is wrong.

Needs `pip install gradarray[examples] gradarray-dask`; the page at the dashboard's address needs `bokeh`, too.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import dask
import dask.array as da
import numpy as np
from dask.utils import format_bytes, parse_bytes
from distributed import Client, LocalCluster, SchedulerPlugin, progress

import gradarray as ga
from gradarray import Tensor

RATE = 48  # of learning: 1 / L, where a sigmoid's slope is at most 1/4 and the variance of a feature 1/12
MOMENTUM = 0.25
SAMPLE = 5_000  # rows that NumPy is asked about
LOCAL = "127.0.0.1"  # what a cluster on this machine listens on


# -- the model ---------------------------------------------------------------------------------------------------------


def draw(rows: int, features: int) -> tuple[Tensor, Tensor, Tensor]:
    """Features between -1/2 and 1/2, labels 0 and 1, and the weights that made them. Nothing is drawn yet."""
    truth = ga.randn(features) * (27 / features) ** 0.5  # so that a row times it has a standard deviation of 1.5
    random = ga.rand(rows, features + 1, device="dask")
    x = random[:, :-1] - 0.5
    y = random[:, -1] < ga.sigmoid(x @ truth.to("dask"))
    return x, y.to(ga.float32), truth


def loss_and_gradient(weights: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Mean cross entropy and its gradient, as graphs: nothing is computed."""
    w = weights.to("dask").requires_grad_()
    loss = ga.nn.functional.binary_cross_entropy_with_logits(x @ w, y)
    loss.backward()
    return loss.detach(), w.grad


def by_hand(w: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same by NumPy in double precision, and the matrix of second derivatives."""
    w, x, y = w.astype(float), x.astype(float), y.astype(float)
    z = x @ w
    p = 1 / (1 + np.exp(-z))
    return (np.logaddexp(0, z) - y * z).mean(), x.T @ (p - y) / len(y), (x.T * (p * (1 - p))) @ x / len(y)


# -- the cluster -------------------------------------------------------------------------------------------------------


class Watch(SchedulerPlugin):
    """Sees, on the scheduler, the result of each task: how many there were, and how large the largest."""

    name = "watch"

    def __init__(self) -> None:
        self.finished = self.largest = 0

    def start(self, scheduler) -> None:
        self.scheduler = scheduler

    def transition(self, key, start: str, finish: str, *_, **__) -> None:
        if finish == "memory":
            self.finished += 1
            self.largest = max(self.largest, self.scheduler.tasks[key].get_nbytes())


def seen(client: Client) -> tuple[int, int]:
    """How many tasks have been finished, and the bytes of the largest result."""

    def ask(dask_scheduler):
        watch = dask_scheduler.plugins["watch"]
        return watch.finished, watch.largest

    return client.run_on_scheduler(ask)


def peak() -> int:
    """The most memory that this process has had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: what a process had before it became this program does not count
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def die() -> None:
    """End this process as a machine that loses its power does."""
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def cluster(options: argparse.Namespace):
    """A client of the scheduler at the address given, or of a cluster on this machine that ends with it."""
    if options.scheduler:
        with Client(options.scheduler) as client:
            yield client
            client.unregister_scheduler_plugin("watch")
        return
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=options.memory, host=LOCAL, dashboard_address=f"{LOCAL}:0"
        ) as local,
        Client(local) as client,
    ):
        yield client


def compute(client: Client, *tensors: Tensor, meanwhile: Callable[[], None] = lambda: None) -> list[np.ndarray]:
    """The values of ``tensors``, in one go, behind Dask's progress bar."""
    futures = client.compute([da.asarray(t) for t in tensors])
    meanwhile()
    progress(futures)
    return client.gather(futures)


def kill(client: Client, victim: str, after: int, peaks: dict[str, int]) -> None:
    """Kill the worker ``victim`` when ``after`` more tasks have been finished; first put into ``peaks`` what it had."""
    before = seen(client)[0]
    while (done := seen(client)[0] - before) < after:
        time.sleep(0.02)
    peaks.update(client.run(peak, workers=[victim]))
    print(f"killing the worker {victim}; {done} tasks of this step are done")
    client.run(die, workers=[victim], on_error="ignore")  # it cannot answer


# -- the program -------------------------------------------------------------------------------------------------------


def fit(client: Client, x: Tensor, y: Tensor, options: argparse.Namespace) -> tuple[Tensor, dict[str, int], bool]:
    """The weights after so many steps of gradient descent with Nesterov's momentum.

    They live on the CPU and enter the graph anew in each step, so it does not grow. With `--kill-one`, also how much
    memory the victim had, and whether its step, computed again by workers unharmed, gives the same numbers.
    """
    weights = ga.zeros(options.features)
    velocity = ga.zeros_like(weights)
    lost: dict[str, int] = {}
    same = True
    tasks = 0
    for step in range(options.steps):
        start, done = time.perf_counter(), seen(client)[0]
        ahead = weights + MOMENTUM * velocity
        asked = loss_and_gradient(ahead, x, y)
        if options.kill_one and step == options.steps // 2:
            workers = list(client.nthreads())
            values = compute(client, *asked, meanwhile=partial(kill, client, workers[0], tasks // 2, lost))
            client.wait_for_workers(len(workers))
            again = compute(client, *asked)
            # to round-off: another process may add up a product in another order
            same = all(np.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(values, again, strict=True))
            print(f"the same step again, nobody killed: {'the same numbers' if same else 'OTHER NUMBERS'}")
        else:
            values = compute(client, *asked)
        loss, gradient = values
        velocity = MOMENTUM * velocity - RATE * ga.asarray(gradient)
        weights = weights + velocity
        seconds, tasks = time.perf_counter() - start, seen(client)[0] - done
        print(f"step {step + 1}/{options.steps}  loss {loss:.7f}  {tasks} tasks, {seconds:.1f} s", flush=True)
    return weights, lost, same


def check_sample(client: Client, x: Tensor, y: Tensor, weights: Tensor, truth: Tensor) -> bool:
    """Say how far loss and gradient are from NumPy's on rows from everywhere, and the weights from the true ones."""
    rows = x.shape[0]
    every = max(rows // SAMPLE, 1)
    x, y = x[::every], y[::every]
    at = weights / 2  # where the gradient is not about zero
    loss, gradient, x, y = compute(client, *loss_and_gradient(at, x, y), x, y)
    loss_by_hand, gradient_by_hand, _ = by_hand(at.numpy(), x, y)
    _, _, curvature = by_hand(weights.numpy(), x, y)
    loss_off = abs(loss - loss_by_hand) / loss_by_hand
    gradient_off = abs(gradient - gradient_by_hand).max() / abs(gradient_by_hand).max()
    errors = np.sqrt(np.diag(np.linalg.inv(curvature)) / rows)  # what is left to chance, by Fisher's information
    off = abs((weights - truth).numpy())
    print(f"{len(y)} rows, NumPy in double precision: loss off by {loss_off:.1e}, gradient by {gradient_off:.1e}")
    print(f"weights off by {off.max():.4f} at most, {(off / errors).max():.1f} standard errors")
    return bool(loss_off < 1e-5 and gradient_off < 1e-5 and (off / errors).max() < 5)


def report_memory(client: Client, lost: dict[str, int], size: int, options: argparse.Namespace) -> bool:
    """Say what each process had at most, and what the largest array was; whether all is within the limit."""
    peaks = {f"worker {address}, killed": most for address, most in lost.items()}
    peaks |= {f"worker {address}": most for address, most in client.run(peak).items()}
    if options.scheduler:
        peaks["scheduler"] = client.run_on_scheduler(peak)
    peaks["this process" if options.scheduler else "scheduler and this process"] = peak()
    limit = parse_bytes(options.memory)
    for name, most in peaks.items():
        print(f"{most / 1e6:7.0f} MB at most, {name}")
    _, largest = seen(client)
    print(f"{limit / 1e6:7.0f} MB the limit; the data are {size / limit:.1f} times as large")
    print(f"{largest / 1e6:7.1f} MB the largest result of a task; the data are {size // largest} times as large")
    return max(peaks.values()) <= limit and largest <= 1.1 * parse_bytes(options.chunk)


def main() -> int:
    """Draw, fit, compare; the exit status is 1 if anything is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_250_000, help="of the data (%(default)s)")
    parser.add_argument("--features", type=int, default=200, help="of each row, 4 bytes each (%(default)s)")
    parser.add_argument("--chunk", default="16 MiB", help="the size of a chunk (%(default)s)")
    parser.add_argument("--memory", default="250 MB", help="what each process may have (%(default)s)")
    parser.add_argument("--steps", type=int, default=6, help="of gradient descent (%(default)s)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a cluster, such as tcp://10.0.0.1:8786")
    parser.add_argument("--kill-one", action="store_true", help="kill a worker in the middle of a step")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (%(default)s)")
    options = parser.parse_args()
    if options.kill_one and options.steps < 2:
        parser.error("--kill-one needs two --steps, so that one comes before")

    ga.manual_seed(options.seed)
    with dask.config.set({"array.chunk-size": options.chunk}), cluster(options) as client:
        print(f"dashboard: {client.dashboard_link}")
        client.register_plugin(Watch())
        x, y, truth = draw(options.rows, options.features)
        size = x.nbytes
        print(f"data: {x.shape[0]} rows of {x.shape[1]} features, {format_bytes(size)} in {x._data.npartitions} chunks")
        start = time.perf_counter()
        weights, lost, same = fit(client, x, y, options)
        print(f"{options.steps} steps in {time.perf_counter() - start:.0f} s")
        close = check_sample(client, x, y, weights, truth)
        small = report_memory(client, lost, size, options)
    return 0 if same and close and small else 1


if __name__ == "__main__":
    sys.exit(main())
