"""Teach a two-layer network to read handwritten digits, with nothing but gradarray tensors.

    python examples/digits.py                            a second or two on the CPU
    python examples/digits.py --device strict:device1    the same on any other backend that is installed
    python examples/digits.py --help

The data are scikit-learn's 1797 digits of 8 × 8 pixels, which come with it. A fifth of them, held out, says how well
the network reads what it has never seen. The loss, and the digits it misread, are plotted to `examples/out/digits.png`.

Needs `pip install gradarray[examples]`: scikit-learn for the data, matplotlib for the plot, rich for the progress bar.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import gradarray as ga
from gradarray import Tensor

EPOCHS = 40
HIDDEN = 256
BATCH = 50
RATE = 0.1  # of learning, at first; it falls to nothing in a straight line
MOMENTUM = 0.9
NOISE = 0.3  # added to the pixels while training, so that no digit is seen twice and none is learnt by heart


def load(device: str) -> tuple[Tensor, Tensor]:
    """The pixels, between 0 and 1, as a matrix with a digit in each row, and what each digit is."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    return ga.tensor(digits.data, dtype=ga.float32, device=device) / 16, ga.tensor(digits.target, device=device)


def layer(inputs: int, outputs: int, device: str) -> list[Tensor]:
    """Weight and bias, to be trained. The weights start so that signals keep their size from layer to layer."""
    weight = ga.randn(inputs, outputs, device=device) * (2 / inputs) ** 0.5
    return [weight.requires_grad_(), ga.zeros(outputs, device=device, requires_grad=True)]


def network(x: Tensor, parameters: list[Tensor]) -> Tensor:
    """For each digit ten numbers: the larger the first, the more it looks like a 0, and so on."""
    weight1, bias1, weight2, bias2 = parameters
    return (x @ weight1 + bias1).relu() @ weight2 + bias2


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean of -log(softmax(logits)) at the labels: how surprised the network is to hear the right answers."""
    logits = logits - logits.amax(dim=1, keepdim=True).detach()  # softmax stays the same, and exp cannot overflow
    right = ga.take_along_axis(logits, labels.unsqueeze(1), axis=1).squeeze(1)
    return (logits.exp().sum(dim=1).log() - right).mean()


def train(
    parameters: list[Tensor], x: Tensor, labels: Tensor, epochs: int, report: Callable[[int, float], None]
) -> list[float]:
    """Stochastic gradient descent with momentum; the mean loss of each epoch."""
    velocities = [ga.zeros_like(p) for p in parameters]
    losses = []
    for epoch in range(epochs):
        rate = RATE * (1 - epoch / epochs)
        shuffled = ga.randperm(len(x), device=x.device)
        total = ga.zeros((), device=x.device)
        for start in range(0, len(x), BATCH):
            batch = shuffled[start : start + BATCH]
            pixels = x[batch] + NOISE * ga.randn(len(batch), x.shape[1], device=x.device)
            loss = cross_entropy(network(pixels, parameters), labels[batch])
            loss.backward()
            with ga.no_grad():
                for p, v in zip(parameters, velocities, strict=True):
                    v *= MOMENTUM
                    v += p.grad
                    p -= rate * v
                    p.grad = None
                total += loss * len(batch)
        losses.append((total / len(x)).item())
        report(epoch + 1, losses[-1])
    return losses


@contextmanager
def progress(epochs: int) -> Iterator[Callable[[int, float], None]]:
    """What reports an epoch and its loss: a bar in a terminal, if rich is there, and else about ten lines of text."""
    if sys.stdout.isatty() and find_spec("rich"):
        from rich.progress import Progress

        with Progress() as bar:
            task = bar.add_task("training", total=epochs)
            yield lambda epoch, loss: bar.update(task, completed=epoch, description=f"loss {loss:.4f}")
    else:

        def report(epoch: int, loss: float) -> None:
            if epoch % max(epochs // 10, 1) == 0:
                print(f"epoch {epoch:3}/{epochs}  loss {loss:.4f}", flush=True)

        yield report


def plot(file: Path, losses: list[float], x: Tensor, labels: Tensor, guesses: Tensor) -> None:
    """Write the loss curve and the first dozen of misread digits to a PNG file."""
    from matplotlib.figure import Figure  # without pyplot it needs no display: it draws with Agg

    wrong = (guesses != labels).nonzero().squeeze(1)
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subfigures(1, 2)

    curve = left.subplots()
    curve.plot(range(1, len(losses) + 1), losses)
    curve.set(title="Training loss", xlabel="epoch", ylabel="cross entropy", ylim=(0, None))
    curve.grid(alpha=0.3)

    right.suptitle(f"Misread: {len(wrong)} of {len(x)} held-out digits")
    tiles = right.subplots(3, 4).ravel()
    for tile in tiles:
        tile.axis("off")
    for tile, i in zip(tiles, wrong.tolist(), strict=False):
        tile.imshow(x[i].reshape(8, 8).tolist(), cmap="gray_r")
        tile.set_title(f"read {guesses[i].item()}, is {labels[i].item()}", fontsize="small")

    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def main() -> int:
    """Train, say how well it reads, plot; the exit status is 1 if it reads worse than required."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="where to compute, such as cpu, cuda or strict:device1")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="how often to go through the data (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out", help="folder of the plot")
    parser.add_argument("--require", type=float, help="the least accuracy (0.97; 0 where --epochs is given)")
    options = parser.parse_args()
    if options.epochs < 1:
        parser.error(f"--epochs must be at least 1, got {options.epochs}")
    if options.require is None:
        options.require = 0.97 if options.epochs == EPOCHS else 0.0

    ga.manual_seed(options.seed)
    try:
        x, labels = load(options.device)
    except RuntimeError as error:  # no such device here; gradarray says why, and what to install
        parser.error(str(error))
    shuffled = ga.randperm(len(x), device=options.device)
    held_out, seen = shuffled[: len(x) // 5], shuffled[len(x) // 5 :]

    parameters = layer(64, HIDDEN, options.device) + layer(HIDDEN, 10, options.device)
    with progress(options.epochs) as report:
        losses = train(parameters, x[seen], labels[seen], options.epochs, report)

    x, labels = x[held_out], labels[held_out]
    with ga.no_grad():
        guesses = network(x, parameters).argmax(dim=1)
    accuracy = (guesses == labels).to(ga.float32).mean().item()
    print(f"held-out accuracy: {accuracy:.4f} on {len(x)} digits, device {x.device}")

    file = options.out / "digits.png"
    try:
        plot(file, losses, x, labels, guesses)
        print(f"loss and misread digits: {file}")
    except ImportError:
        print("no plot: it needs matplotlib (pip install gradarray[examples])")
    if accuracy < options.require:
        print(f"the accuracy is below the required {options.require}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
