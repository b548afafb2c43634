"""Distribution functions and their inverses: incomplete gamma and beta functions in other variables.

Counts are whole numbers, and nothing is differentiated in them.
"""

from __future__ import annotations

from typing import Any

from gradarray.ops._special import chained, complement, composed, inverse, pick, slope, special, times

# -- chi-square, gamma, Poisson: incomplete gamma ----------------------------------------------------------------------

composed("chdtr", "gammainc", lambda xp, v, x: (v / 2, x / 2), {0: 0.5}, {1: 0.5}, domain=("positive", "positive"))
complement("chdtrc", "chdtr")
inverse("chdtri", "chdtrc", 1, domain=("positive", "fraction"))
inverse("chdtriv", "chdtr", 0, domain=("fraction", "positive"))
composed(
    "gdtr",
    "gammainc",
    lambda xp, a, b, x: (b, a * x),
    {1: lambda xp, a, b, x: x},
    {0: 1},
    {1: lambda xp, a, b, x: a},
    domain=("positive",) * 3,
)
complement("gdtrc", "gdtr")
inverse("gdtria", "gdtr", 0, domain=("fraction", "positive", "positive"))
inverse("gdtrib", "gdtr", 1, domain=("positive", "fraction", "positive"))
inverse("gdtrix", "gdtr", 2, domain=("positive", "positive", "fraction"))
composed("pdtr", "gammaincc", lambda xp, k, m: (xp.floor(k) + 1, m), {}, {1: 1}, domain=("count", "positive"))
complement("pdtrc", "pdtr")
inverse("pdtri", "pdtr", 1, domain=("count", "fraction"))

# -- F, binomial, Student: incomplete beta -----------------------------------------------------------------------------


def _share(of_x: Any) -> Any:
    """A slope of d1·x / (d2 + d1·x), of which ``of_x(d1, d2, x)`` is the numerator."""
    return lambda xp, d1, d2, x: of_x(d1, d2, x) / ((d2 + d1 * x) * (d2 + d1 * x))


def _lighter(near: Any, far: Any) -> Any:
    """``near`` where that share is below 1/2, else the slope of what is left, as the share is rounded to 1 far out."""
    return lambda xp, x1, x2, x3: xp.where(x1 * x3 > x2, -far(xp, x1, x2, x3), near(xp, x1, x2, x3))


_near = chained(
    "betainc",
    lambda xp, d1, d2, x: (d1 / 2, d2 / 2, d1 * x / (d2 + d1 * x)),
    {0: 0.5, 2: _share(lambda d1, d2, x: x * d2)},
    {1: 0.5, 2: _share(lambda d1, d2, x: -d1 * x)},
    {2: _share(lambda d1, d2, x: d1 * d2)},
)
_far = chained(
    "betainc",
    lambda xp, d1, d2, x: (d2 / 2, d1 / 2, d2 / (d2 + d1 * x)),
    {1: 0.5, 2: _share(lambda d1, d2, x: -x * d2)},
    {0: 0.5, 2: _share(lambda d1, d2, x: d1 * x)},
    {2: _share(lambda d1, d2, x: -d1 * d2)},
)
special("fdtr", *map(_lighter, _near, _far), domain=("positive",) * 3)
complement("fdtrc", "fdtr")
inverse("fdtri", "fdtr", 2, domain=("positive", "positive", "fraction"))
_BINOMIAL = ("count", "large count", "fraction")
composed(
    "bdtrc", "betainc", lambda xp, k, n, p: (xp.floor(k) + 1, n - xp.floor(k), p), {}, {}, {2: 1}, domain=_BINOMIAL
)
complement("bdtr", "bdtrc")
inverse("bdtri", "bdtr", 2, domain=_BINOMIAL)
composed("nbdtr", "betainc", lambda xp, k, n, p: (n, k + 1, p), {}, {}, {2: 1}, domain=_BINOMIAL)
complement("nbdtrc", "nbdtr")
inverse("nbdtri", "nbdtr", 2, domain=_BINOMIAL)
inverse("btdtria", "betainc", 0, domain=("fraction", "positive", "fraction"))
inverse("btdtrib", "betainc", 1, domain=("positive", "fraction", "fraction"))


def _student(xp: Any, x1: Any, x2: Any) -> Any:
    """The density of Student's t."""
    special = xp.special
    return xp.exp(
        -special.betaln(x1 / 2, xp.full_like(x1, 0.5)) - 0.5 * (xp.log(x1) + times(xp, x1 + 1, xp.log1p(x2 * x2 / x1)))
    )


def _student_freedom(xp: Any, x1: Any, x2: Any) -> Any:
    """Of 1/2 + sign(t)/2 · I_z(1/2, ν/2), z = t²/(ν+t²), in ν: the slope in b, and that in z, a change of scale.

    Far out z is nearly 1; there it is the slope in a of 1 - I_w(ν/2, 1/2), w = 1 - z = ν/(ν+t²).
    """
    total = x1 + x2 * x2
    far = x2 * x2 > x1
    half, b = xp.full_like(total, 0.5), x1 / 2 + 0 * total
    z, w = pick(xp, xp.logical_not(far), x2 * x2 / total, 0.5), pick(xp, far, x1 / total, 0.5)
    in_b = xp.where(far, -slope(xp, "betainc", 0, b, half, w), slope(xp, "betainc", 1, half, b, z))
    return xp.sign(x2) * in_b / 4 - times(xp, x2, _student(xp, x1, x2) / (2 * x1))


special("stdtr", _student_freedom, _student, domain=("positive", "real"))
inverse("stdtrit", "stdtr", 1, domain=("positive", "fraction"))
