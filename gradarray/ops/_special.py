"""What the files of special functions share: records made of slopes, inverses, compositions, quadrature, series.

Knows :func:`elementwise` and ``xp`` where it is handed one. A *slope* is a partial derivative, written as a rule; it is
kept by name here, so that the slopes of other functions can be made of it.

Many a slope is made of hundreds of operations. Where each of these would be a step of a graph, as in Dask's arrays of
chunks, it is one operation, ``xp.slope``, and so are its derivatives of any order.

Rules are differentiated again, at singular points too, where a zero cotangent must stay zero. So what may be infinite
or nan is multiplied by :func:`times`, and inputs at which a formula fails are replaced by :func:`pick` before, not
after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from typing import Any

from gradarray._primitive import TABLE, elementwise
from gradarray.ops._forward import derivative

Rule = Callable[..., Any]
Slope = Rule | int | float
Domain = str | tuple[str, ...]
SLOPES: dict[str, tuple[Slope, ...]] = {}

# -- records -----------------------------------------------------------------------------------------------------------


def special(name: str, *slopes: Slope, domain: Domain = "real", singular: bool = True, **fields: Any) -> None:
    """Enter the operation ``special.name``, one slope an input. Its forward is SciPy's, or the library's own."""
    SLOPES[name] = slopes
    rules = [_by_chunks(name, i, rule) if callable(rule) else rule for i, rule in enumerate(slopes)]
    elementwise(f"special.{name}", *rules, accepts="floating", singular=singular, domain=domain, **fields)


def slope(xp: Any, name: str, i: int, *xs: Any) -> Any:
    """The partial derivative of ``special.name`` in input ``i``, at ``xs``."""
    rule = SLOPES[name][i]
    if not callable(rule):
        return rule
    wanted = _names(rule)
    values = {"xp": xp, **dict(zip(_inputs(len(xs)), xs, strict=True))}
    if "out" in wanted:
        values["out"] = getattr(xp.special, name)(*xs)
    return rule(*(values[n] for n in wanted))


def _names(rule: Rule) -> tuple[str, ...]:
    code = rule.__code__
    return code.co_varnames[: code.co_argcount]


def _by_chunks(name: str, i: int, rule: Rule) -> Rule:
    """``rule``, which is the slope of ``name`` in input ``i``; one operation where arrays lie in chunks."""
    names = _names(rule)
    xs = ", ".join(n for n in names if n != "xp")
    one = f"xp.slope({xs}, of=of, path=path)"
    make = _made(f"lambda of, path, rule: lambda xp, {xs}: {one} if xp.is_chunked({xs}) else rule({', '.join(names)})")
    return make(name, (i,), rule)


@cache
def _made(text: str) -> Callable[..., Rule]:
    """What makes rules of such a form: compiled once for all that take the same values."""
    maker: Callable[..., Rule] = eval(text)  # made of the names of our rules' parameters
    return maker


def along(xp: Any, *xs: Any, of: str, path: tuple[int, ...]) -> Any:
    """The slope of ``special.of`` in input ``path[0]``; the slope of that in its argument ``path[1]``; and so on.

    ``xs`` are the arguments of the rule: those of the inputs that it takes, and the output if it does.
    """
    if len(path) > 1:
        return derivative(xp, lambda xp, *xs: along(xp, *xs, of=of, path=path[:-1]), path[-1], xs)
    rule, given = SLOPES[of][path[0]], iter(xs)
    assert callable(rule), "a number has no arguments"
    return rule(*(xp if n == "xp" else next(given) for n in _names(rule)))


def _inputs(n: int) -> list[str]:
    return ["x"] if n == 1 else [f"x{i + 1}" for i in range(n)]


def _rule(function: Callable[..., Any], names: Sequence[str]) -> Rule:
    """``function(xp, *values)`` as a rule that takes the values of ``names``."""
    listed = ", ".join(names)
    return _made(f"lambda function: lambda xp, {listed}: function(xp, {listed})")(function)


def inverse(name: str, of: str, position: int, *, domain: Domain) -> None:
    """The function that solves ``of(…, x, …) = y`` for ``x``; ``y`` stands where ``x`` stood, at ``position``.

    Its slopes are those of an implicit function: 1/F_x in y, and -F_a/F_x in another input a; nan where x is infinite.
    """
    n = len(domain) if isinstance(domain, tuple) else 1
    names = ["out" if i == position else given for i, given in enumerate(_inputs(n))]

    def solved(i: int) -> Slope:
        if SLOPES[of][i] == 0:
            return 0

        def implicit(xp: Any, *xs: Any) -> Any:
            finite = xp.isfinite(xs[position])
            at = (*xs[:position], pick(xp, finite, xs[position], 1.0), *xs[position + 1 :])
            along = slope(xp, of, position, *at)
            found = 1 / along if i == position else -slope(xp, of, i, *at) / along
            return pick(xp, finite, found, math.nan)

        return _rule(implicit, names)

    special(name, *map(solved, range(n)), domain=domain)


def complement(name: str, of: str) -> None:
    """``1 - of(…)``."""
    n = len(SLOPES[of])

    def negated(i: int) -> Slope:
        found = SLOPES[of][i]
        return _rule(lambda xp, *xs: -slope(xp, of, i, *xs), _inputs(n)) if callable(found) else -found

    special(name, *map(negated, range(n)), domain=TABLE[f"special.{of}"].domain)


def chained(of: str, inner: Callable[..., tuple[Any, ...]], *jacobian: Mapping[int, Slope]) -> list[Slope]:
    """The slopes of ``of(*inner(xp, *xs))``, by the chain rule.

    ``jacobian`` has one mapping an input: from the positions in ``inner``'s result to their derivatives in that input,
    each a number or ``rule(xp, *xs)``.
    """

    def along(entries: Mapping[int, Slope]) -> Slope:
        if not entries:
            return 0

        def total(xp: Any, *xs: Any) -> Any:
            at = inner(xp, *xs)
            terms = [
                times(xp, d(xp, *xs), slope(xp, of, k, *at)) if callable(d) else slope(xp, of, k, *at) * d
                for k, d in entries.items()
            ]
            return sum(terms[1:], start=terms[0])

        return _rule(total, _inputs(len(jacobian)))

    return list(map(along, jacobian))


def composed(
    name: str, of: str, inner: Callable[..., tuple[Any, ...]], *jacobian: Mapping[int, Slope], domain: Domain
) -> None:
    """``of(*inner(xp, *xs))``, or that and a constant; its slopes are those that :func:`chained` gives."""
    special(name, *chained(of, inner, *jacobian), domain=domain)


# -- values ------------------------------------------------------------------------------------------------------------


def times(xp: Any, a: Any, b: Any) -> Any:
    """``a * b`` in which a zero ``a`` wins over an infinite or nan ``b``, as do zero cotangents of both."""
    return xp.strong_multiply(a, b)


def pick(xp: Any, mask: Any, x: Any, other: float) -> Any:
    """``x`` where ``mask``, and a number elsewhere."""
    return xp.where(mask, x, xp.full_like(x, other))


def series(xp: Any, x: Any, coefficients: Sequence[float]) -> Any:
    """The polynomial with these coefficients, the lowest first."""
    total = xp.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total = total * x + c
    return total


def patched(
    xp: Any, x: Any, near: float, coefficients: Sequence[float], closed: Callable[[Any], Any], variable: Any = None
) -> Any:
    """``closed(x)``, and where ``abs(x) < near``, where that has a removable singularity, its power series in x.

    The series may be one in ``variable``, say x², in place of x.
    """
    small = xp.abs(x) < near
    u = x if variable is None else variable
    return xp.where(
        small, series(xp, pick(xp, small, u, 0.0), coefficients), closed(pick(xp, xp.logical_not(small), x, near))
    )


# -- quadrature --------------------------------------------------------------------------------------------------------


@cache
def gauss(n: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Nodes and weights of Gauss and Legendre's rule on [0, 1]. DLMF 3.5(v); by Newton's method."""
    nodes, weights = [], []
    for i in range(n):
        x = math.cos(math.pi * (i + 0.75) / (n + 0.5))
        for _ in range(6):
            before, value = 1.0, x
            for k in range(2, n + 1):
                before, value = value, ((2 * k - 1) * x * value - (k - 1) * before) / k
            derivative = n * (x * value - before) / (x * x - 1)
            x -= value / derivative
        nodes.append((1 + x) / 2)
        weights.append(1 / ((1 - x * x) * derivative * derivative))
    return tuple(nodes), tuple(weights)


def integrals(xp: Any, n: int, functions: Callable[..., Sequence[Any]], *xs: Any) -> list[Any]:
    """For each of ``functions(u, *xs)`` its integral over u from 0 to 1, by Gauss's rule of ``n`` nodes.

    The nodes lie along a new last axis: memory is ``n`` times that of the arrays ``xs``.
    """
    nodes, weights = (xp.constant(xs[0], values=values) for values in gauss(n))
    return [xp.sum(y * weights, axis=-1) for y in functions(nodes, *(x[..., None] for x in xs))]


# -- power series in parameters ----------------------------------------------------------------------------------------

_AT_ONCE = 16384  # elements: of more, term by term is faster, and takes less memory
Step = tuple[Any, Any, list[Any], list[Any]]
"""A step y -> s + p·y: p, s, and the slopes of each in some parameters."""


def _after(outer: Step, inner: Step) -> Step:
    """The step that takes y to outer(inner(y))."""
    (p, s, dps, dss), (q, r, dqs, drs) = outer, inner
    return (
        p * q,
        s + p * r,
        [dp * q + p * dq for dp, dq in zip(dps, dqs, strict=True)],
        [ds + dp * r + p * dr for dp, ds, dr in zip(dps, dss, drs, strict=True)],
    )


@cache
def _folding(n: int) -> tuple[float, ...]:
    """The numbers below ``n``, a power of two, 2i and 2i+1 half the length apart, and so on in each half."""
    if n == 1:
        return (0.0,)
    half = _folding(n // 2)
    return (*(2 * i for i in half), *(2 * i + 1 for i in half))


def _halved(step: Step) -> tuple[Step, Step]:
    """The steps in the first and in the second half of the last axis."""
    half = step[0].shape[-1] // 2
    return _at(step, slice(None, half)), _at(step, slice(half, None))


def _at(step: Step, where: Any) -> Step:
    p, s, dps, dss = step
    return p[..., where], s[..., where], [dp[..., where] for dp in dps], [ds[..., where] for ds in dss]


def hypergeometric(
    xp: Any, tops: Sequence[Any], bottoms: Sequence[Any], x: Any, terms: int, *wanted: int
) -> tuple[Any, list[Any], Any]:
    """The series Σ Π(a)_k/Π(b)_k x^k/k!, its slopes in the ``wanted`` of the a and b, and the next term. DLMF 16.2.1.

    A term is that before it times a factor f, so the series is ``1 + f₀(1 + f₁(1 + …))``, whose steps are composed two
    by two. Of few elements all ``terms``, a power of two, lie along a new last axis, and are one after its logarithm of
    rounds; of many elements they come one pair after the other. Nothing is divided by a parameter that may be zero.
    """
    parameters = [*tops, *bottoms]
    size = max(math.prod(p.shape) for p in (x, *parameters))
    pairs = terms // 2 if size * terms // 2 <= _AT_ONCE else 1
    first: Any = 0
    if pairs > 1:
        first, x, parameters = xp.constant(x, values=_folding(pairs)), x[..., None], [p[..., None] for p in parameters]

    def factors(k: Any) -> tuple[Any, list[Any]]:
        """What leads from term k to the next, and its slopes."""
        risen = [p + k for p in parameters]
        factor = x / (k + 1)
        for b in risen[len(tops) :]:
            factor = factor / b
        full = factor
        for a in risen[: len(tops)]:
            full = full * a
        changes = []
        for i in wanted:
            change = factor if i < len(tops) else -full / risen[i]
            for j in range(len(tops)) if i < len(tops) else ():
                change = change * risen[j] if j != i else change
            changes.append(change)
        return full, changes

    def block(start: int) -> Step:
        """The steps of twice as many terms as there are ``pairs``, as one."""
        (p, dps), (q, dqs) = factors(2 * first + start), factors(2 * first + (start + 1))
        step = p * q, 1 + p, [dp * q + p * dq for dp, dq in zip(dps, dqs, strict=True)], dps
        for _ in range(pairs.bit_length() - 1):
            step = _after(*_halved(step))
        return step if pairs == 1 else _at(step, 0)

    rest, value, _, sums = reduce(_after, map(block, range(0, terms, 2 * pairs)))
    return value, sums, rest
