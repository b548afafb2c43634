"""Forward mode as functions of functions: ``jvp``, ``linearize``.

Knows the level of forward mode, and trees. Must not know operations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradarray._dispatch import TAPED, cast
from gradarray._dual import JvpLevel, LinearLevel
from gradarray._storage import Value
from gradarray.func import _trees


def _tangents(primals: Sequence[Any], tangents: Sequence[Any], what: str) -> list[Any]:
    """The tangents, if they go with the primals."""
    if len(primals) != len(tangents):
        raise RuntimeError(f"{what}: got {len(primals)} primal and {len(tangents)} tangent tensors; one goes with one")
    out = []
    for x, t in zip(primals, tangents, strict=True):
        if not isinstance(x, Value) or not isinstance(t, Value):
            raise RuntimeError(
                f"{what}: expected tensors, got primal {type(x).__name__} and tangent {type(t).__name__}"
            )
        if x._data.shape != t._data.shape:
            raise RuntimeError(
                f"{what}: a tangent has the shape of its primal, got {list(t._data.shape)} for {list(x._data.shape)}"
            )
        if x._dtype.kind not in "fc":
            raise RuntimeError(f"{what}: only floating and complex tensors have tangents, got {x._dtype!r}")
        if t._dtype.kind == "c" and x._dtype.kind != "c":
            raise RuntimeError(f"{what}: a real tensor cannot have a complex tangent ({t._dtype!r})")
        out.append(cast(t, x._dtype))
    return out


def jvp(
    func: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...], *, strict: bool = False,
    has_aux: bool = False,
) -> Any:  # fmt: skip
    """The value of ``func`` at ``primals``, and how it moves as they move by ``tangents``; in one pass, forward.

    Parameters
    ----------
    func : callable
        Takes ``primals``, tensors or trees of them; returns a tensor or a tree.
    primals, tangents : tuple
        One entry an argument; a tangent is as its primal is.
    strict : bool
        A result that does not depend on the inputs is an error, instead of a tangent of zeros.
    has_aux : bool
        ``func`` gives ``(output, aux)``; ``aux`` is not differentiated.

    Returns
    -------
    output, tangent, or output, tangent, aux

    Raises
    ------
    RuntimeError
        If tangents do not fit.

    References
    ----------
    ``torch.func.jvp``, ``jax.jvp``.

    Examples
    --------
    >>> import gradarray as ga
    >>> ga.func.jvp(lambda x: x**3, (ga.tensor(2.0),), (ga.tensor(1.0),))
    (tensor(8.), tensor(12.))
    """
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            raise RuntimeError(f"jvp: expected {what} to be a tuple, got {type(given).__name__}")
    flat = [_trees.flatten(p) for p in primals]
    xs = [x for leaves, _ in flat for x in leaves]
    ts = _tangents(xs, [t for tree in tangents for t in _trees.leaves_of(tree)], "jvp")
    level = JvpLevel()
    with level:
        inside = [level.dual(x, t) for x, t in zip(xs, ts, strict=True)]
        duals = iter(inside)
        out = func(*(build([next(duals) for _ in leaves]) for leaves, build in flat))
        aux = None
        if has_aux:
            out, aux = _trees.with_aux(out, "jvp")
        leaves, build = _trees.flatten(out)
        pairs = [_split(level, x, strict) for x in leaves]
    level.write_back(xs, inside)
    value, tangent = build([p for p, _ in pairs]), build([t for _, t in pairs])
    if not has_aux:
        return value, tangent
    leaves, build = _trees.flatten(aux)
    return value, tangent, build([level.split(x)[0] if isinstance(x, Value) else x for x in leaves])


def _split(level: JvpLevel, x: Any, strict: bool) -> tuple[Any, Any]:
    if not isinstance(x, Value):
        raise RuntimeError(f"jvp: expected the function to return tensors, got {type(x).__name__}")
    primal, tangent = level.split(x)
    if tangent is None:
        if strict:
            raise RuntimeError("jvp(..., strict=True): an output does not depend on the inputs")
        tangent = TAPED.zeros_like(primal)
    return primal, tangent


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The value of ``func`` at ``primals``, and the linear function that is its derivative there.

    Parameters
    ----------
    func : callable
    *primals
        Tensors or trees of them.

    Returns
    -------
    output, jvp_fn
        ``jvp_fn`` takes one tangent a primal and gives that of the output. The function is not run again: what there is
        to do to tangents was noted, with the values that takes.

    References
    ----------
    ``torch.func.linearize``, ``jax.linearize``.
    """
    flat = [_trees.flatten(p) for p in primals]
    xs = [x for leaves, _ in flat for x in leaves]
    for x in xs:
        if not isinstance(x, Value) or x._dtype.kind not in "fc":
            raise RuntimeError(f"linearize: expected floating or complex tensors, got {_kind(x)}")
    level = LinearLevel()
    with level:
        inputs = iter([level.input(x) for x in xs])
        out = func(*(build([next(inputs) for _ in leaves]) for leaves, build in flat))
        outs, rebuild = _trees.flatten(out)
        for x in outs:
            if not isinstance(x, Value):
                raise RuntimeError(f"linearize: expected the function to return tensors, got {type(x).__name__}")
        pairs = [level.split(x) for x in outs]

    def jvp_fn(*tangents: Any) -> Any:
        given = _tangents(xs, [t for tree in tangents for t in _trees.leaves_of(tree)], "linearize")
        found: dict[Any, Any] = level.play(given)
        moved = [found[number] for _, number in pairs]
        return rebuild([TAPED.zeros_like(p) if t is None else t for (p, _), t in zip(pairs, moved, strict=True)])

    return rebuild([p for p, _ in pairs]), jvp_fn


def _kind(x: Any) -> str:
    return repr(x._dtype) if isinstance(x, Value) else type(x).__name__


__all__ = ["jvp", "linearize"]
