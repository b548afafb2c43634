"""Samples of special functions for ``samples.py``: from each operation's domains, with SciPy's function as forward."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.special

from gradarray.testing import operations

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

DOMAINS: dict[str, tuple[float, float]] = {
    "fraction": (0.1, 0.9),
    "negative": (-2.0, -0.2),
    "count": (0, 3),
    "large count": (5, 9),
}
COUNTS = ("count", "large count")
"""Domains of whole numbers, in which nothing has a derivative."""

NAMES = sorted(name for name in operations() if name.startswith("special."))

SHAPES: dict[int, tuple[tuple[Shape, ...], ...]] = {
    1: (((),), ((3,),), ((2, 3),), ((0, 2),)),
    2: (((), ()), ((3,), (3,)), ((2, 1), (3,)), ((), (2, 3)), ((0, 3), (3,))),
    3: (((), (), ()), ((3,), (3,), (3,)), ((2, 1), (3,), ()), ((0, 3), (3,), (1, 1))),
    4: (((), (), (), ()), ((2, 1), (3,), (), (2, 3)), ((0, 3), (3,), (), (3,))),
}


def of_scipy(name: str) -> Callable[..., Any]:
    """SciPy's function, on NumPy's arrays."""
    function: Callable[..., Any] = inspect.unwrap(getattr(scipy.special, name.removeprefix("special.")))
    return function


def domains(name: str) -> tuple[str, ...]:
    """The domain of each input."""
    found = operations()[name]
    assert found.inputs is not None
    return found.domain if isinstance(found.domain, tuple) else (found.domain,) * found.inputs


def entries(
    draw: Callable[[str, Shape, int], Array], seed_of: Callable[[str], int]
) -> Iterator[tuple[str, Callable[..., Any], list[tuple[tuple[Array, ...], dict[str, Any]]]]]:
    """For each operation its name, its forward and its samples."""
    for name in NAMES:
        found = domains(name)
        calls: list[tuple[tuple[Array, ...], dict[str, Any]]] = [
            (tuple(draw(d, shape, seed_of(name) + 10 * i + j) for j, (d, shape) in enumerate(zip(found, shapes))), {})
            for i, shapes in enumerate(SHAPES[len(found)])
        ]
        yield name, of_scipy(name), calls
    pairs = [
        (tuple(draw("positive", shape, seed_of("slope") + 10 * i + j) for j, shape in enumerate(shapes[:n])), call)
        for i, shapes in enumerate(SHAPES[2])
        for call, n in SLOPES.items()
    ]
    yield "slope", slope, [(xs, {"of": of, "path": path}) for xs, (of, path) in pairs]


SLOPES: dict[tuple[str, tuple[int, ...]], int] = {
    ("erf", (0,)): 1,
    ("erf", (0, 0)): 1,
    ("betaln", (0,)): 2,
    ("betaln", (0, 1)): 2,
    ("betaln", (1, 1, 0)): 2,
}
"""Slopes of special functions that can be written down, with how many arguments they take."""


def slope(*xs: Array, of: str, path: tuple[int, ...]) -> Array:
    """One of ``SLOPES``: of the error function, of the sum of logarithms that the beta function's logarithm is."""
    (x, *_), order = xs, len(path)
    if of == "erf":
        return np.asarray((-2 * x) ** (order - 1) * 2 / np.sqrt(np.pi) * np.exp(-x * x))
    own = scipy.special.polygamma(order - 1, xs[path[0]]) if len(set(path)) == 1 else 0.0
    return np.asarray(own - scipy.special.polygamma(order - 1, sum(xs)))


_SINGULAR: dict[str, list[tuple[float, ...]]] = {
    "bdtr": [(0.0, 0.0, 1.0)],
    "bdtrc": [(0.0, 0.0, 1.0)],
    "bdtri": [(0.0, 0.0, 0.0)],
    "beta": [(0.0, 0.0), (0.0, 2.0)],
    "betainc": [(0.5, 0.5, 0.0), (0.5, 0.5, 1.0), (0.0, 0.0, 0.0)],
    "betaincc": [(0.5, 0.5, 0.0)],
    "betainccinv": [(0.5, 2.0, 0.0), (2.0, 2.0, 1.0)],
    "betaincinv": [(2.0, 2.0, 0.0), (2.0, 0.5, 1.0)],
    "betaln": [(0.0, 0.0)],
    "binom": [(-1.0, 0.0)],
    "boxcox": [(0.0, 0.0), (0.0, -1.0)],
    "boxcox1p": [(-1.0, 0.0)],
    "btdtria": [(0.0, 0.5, 0.5)],
    "btdtrib": [(0.5, 0.0, 0.5)],
    "cbrt": [(0.0,)],
    "chdtr": [(1.0, 0.0)],
    "chdtrc": [(1.0, 0.0)],
    "chdtri": [(1.0, 0.0), (1.0, 1.0)],
    "chdtriv": [(0.0, 0.5)],
    "cotdg": [(0.0,)],
    "digamma": [(0.0,), (-1.0,)],
    "ellipe": [(1.0,), (2.0,)],
    "ellipeinc": [(1.0, 2.0)],
    "ellipk": [(1.0,), (2.0,)],
    "ellipkinc": [(1.0, 2.0)],
    "ellipkm1": [(0.0,), (-1.0,)],
    "entr": [(0.0,), (-1.0,)],
    "erfcinv": [(0.0,), (2.0,)],
    "erfcx": [(-40.0,)],
    "erfi": [(-40.0,)],
    "erfinv": [(1.0,), (-1.0,), (2.0,)],
    "exp1": [(0.0,), (-1.0,)],
    "exp10": [(800.0,)],
    "exp2": [(2000.0,)],
    "expi": [(0.0,)],
    "expn": [(0.0, 0.0), (1.0, 0.0)],
    "exprel": [(800.0,)],
    "fdtr": [(1.0, 1.0, 0.0)],
    "fdtrc": [(1.0, 1.0, 0.0)],
    "fdtri": [(1.0, 1.0, 0.0), (1.0, 1.0, 1.0)],
    "gamma": [(0.0,), (-1.0,), (200.0,)],
    "gammainc": [(0.5, 0.0), (0.0, 0.0), (1.0, -1.0)],
    "gammaincc": [(0.5, 0.0)],
    "gammainccinv": [(0.5, 0.0), (0.5, 1.0)],
    "gammaincinv": [(2.0, 0.0), (2.0, 1.0)],
    "gammaln": [(0.0,), (-1.0,)],
    "gdtr": [(1.0, 0.5, 0.0)],
    "gdtrc": [(1.0, 0.5, 0.0)],
    "gdtria": [(0.0, 2.0, 1.0)],
    "gdtrib": [(1.0, 0.0, 1.0)],
    "gdtrix": [(1.0, 2.0, 0.0)],
    "hyp0f1": [(0.0, 0.0)],
    "hyp1f1": [(0.0, 0.0, 0.0), (1.0, 1.0, 800.0)],
    "hyp2f1": [(1.0, 1.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0)],
    "i0": [(800.0,)],
    "i1": [(800.0,)],
    "inv_boxcox": [(1.0, -1.0)],
    "inv_boxcox1p": [(1.0, -1.0)],
    "iv": [(0.5, 0.0), (0.5, -1.0)],
    "ive": [(0.5, 0.0), (0.5, -1.0)],
    "jv": [(0.5, 0.0), (0.5, -1.0)],
    "k0": [(0.0,)],
    "k0e": [(0.0,)],
    "k1": [(0.0,)],
    "k1e": [(0.0,)],
    "kl_div": [(0.0, 0.5), (0.0, 0.0), (1.0, 0.0)],
    "kn": [(0.0, 0.0)],
    "kv": [(0.0, 0.0), (0.5, -1.0)],
    "kve": [(0.0, 0.0)],
    "loggamma": [(0.0,)],
    "logit": [(0.0,), (1.0,), (2.0,)],
    "lpmv": [(1.0, 2.0, 1.0), (0.0, 2.0, -1.0)],
    "nbdtr": [(0.0, 0.0, 0.0)],
    "nbdtrc": [(0.0, 0.0, 0.0)],
    "nbdtri": [(0.0, 2.0, 0.0)],
    "ndtri": [(0.0,), (1.0,), (2.0,)],
    "ndtri_exp": [(0.0,)],
    "pdtr": [(-1.0, 0.0)],
    "pdtrc": [(-1.0, 0.0)],
    "pdtri": [(0.0, 0.0)],
    "poch": [(0.0, 0.0)],
    "polygamma": [(0.0, 0.0), (1.0, 0.0)],
    "rel_entr": [(0.0, 0.5), (0.0, 0.0), (1.0, 0.0)],
    "rgamma": [(-300.5,)],
    "spence": [(0.0,), (-1.0,)],
    "stdtr": [(0.0, 0.0), (0.0, 1.0)],
    "stdtrit": [(1.0, 0.0), (1.0, 1.0)],
    "tandg": [(90.0,)],
    "xlog1py": [(0.5, -1.0), (0.0, -1.0)],
    "xlogy": [(0.5, 0.0), (0.0, 0.0)],
    "y0": [(0.0,)],
    "y1": [(0.0,)],
    "yn": [(0.0, 0.0)],
    "yv": [(0.0, 0.0), (0.5, -1.0)],
    "zeta": [(1.0, 1.0), (2.0, 0.0)],
    "zetac": [(1.0,)],
}
SINGULAR = tuple((f"special.{name}", point) for name, points in _SINGULAR.items() for point in points)
"""Where a partial derivative is infinite or nan, as in ``test_special_values.py``."""
