"""Logistic regression on real data by SciPy's optimisers, with derivatives and without; a penalty that tunes itself.

    python examples/tumours.py

The data are scikit-learn's 569 breast tumours with 30 measurements each, benign or malignant. The same loss is
minimised by differences, by the gradient, and by products with the Hessian; calls and time are counted. Then the
penalty's strength is chosen by descending the loss on held-out tumours: its derivative goes through the fit by the
implicit function theorem, not through the solver's iterations.
"""

import argparse
import time

import numpy as np
from scipy import optimize
from sklearn.datasets import load_breast_cancer

import gradarray as ga


def data(device):
    """Measurements with mean 0 and variance 1, and labels; every fourth tumour is held out."""
    bunch = load_breast_cancer()
    x = (bunch.data - bunch.data.mean(0)) / bunch.data.std(0)
    x = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    held = np.arange(len(x)) % 4 == 0
    parts = (x[~held], bunch.target[~held].astype(float), x[held], bunch.target[held].astype(float))
    return [ga.asarray(part, device=device) for part in parts]


def loss(w, x, y, strength=0.0):
    """Mean cross entropy of labels 0 and 1, and the penalty."""
    z = x @ w
    return ga.mean(ga.logaddexp(z, ga.zeros_like(z)) - y * z) + strength * (w * w).sum()


def timed(title, make, solve, repeat=5):
    """Run one optimiser, and print what it took: the least time of several runs, which are all alike."""
    seconds = []
    for _ in range(repeat):
        problem = make()
        start = time.perf_counter()
        result = solve(problem)
        seconds.append(time.perf_counter() - start)
    print(f"{title:<34}loss {result.fun:.6f}  calls {problem.calls:>5}  {min(seconds) * 1e3:8.1f} ms", flush=True)
    return result, problem, min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="where to compute (default: cpu)")
    arguments = parser.parse_args()
    x, y, x_held, y_held = data(arguments.device)
    strength = ga.asarray(np.array(1e-3), device=arguments.device)
    w0 = ga.zeros(x.shape[1], dtype=ga.float64, device=arguments.device)

    def problem():
        return ga.optimize.Problem(loss, w0, (x, y, strength))

    _, differences, slow = timed(
        "L-BFGS-B, differences", problem, lambda p: optimize.minimize(p.fun, p.x0, method="L-BFGS-B")
    )
    _, gradient, fast = timed(
        "L-BFGS-B, gradient", problem, lambda p: optimize.minimize(p.fun_and_jac, p.x0, jac=True, method="L-BFGS-B")
    )
    found, products, _ = timed(
        "trust-ncg, Hessian products",
        problem,
        lambda p: optimize.minimize(p.fun_and_jac, p.x0, jac=True, hessp=p.hessp, method="trust-ncg"),
    )
    calls, times = differences.calls / gradient.calls, slow / fast
    print(f"with the gradient: {calls:.0f} times fewer calls, {times:.1f} times faster")
    errors = np.sqrt(np.diag(np.linalg.inv(products.hess(found.x) * x.shape[0])))
    names = [*load_breast_cancer().feature_names, "constant"]
    print("surest: " + ", ".join(names[i] for i in np.argsort(-np.abs(found.x / errors))[:3]))

    def held_out(log_strength):
        w = ga.optimize.implicit_minimum(lambda w, s: loss(w, x, y, s), w0, ga.exp(log_strength))
        return loss(w, x_held, y_held)

    tuned = ga.optimize.minimize(held_out, ga.log(strength), method="BFGS", options={"gtol": 1e-5})
    w = ga.optimize.implicit_minimum(lambda w, s: loss(w, x, y, s), w0, ga.exp(tuned.x))
    right = ((x_held @ w > 0) == (y_held > 0.5)).to(ga.float64).mean().item()
    print(f"held out: loss {held_out(ga.log(strength)).item():.4f} at strength {strength.item():.4g}")
    print(f"held out: loss {tuned.fun:.4f} at strength {ga.exp(tuned.x).item():.4g}, {right:.1%} right")


if __name__ == "__main__":
    main()
