"""Trees: the tensors in nested tuples, lists and dicts, as a list, and back again.

A tensor, and tuples of tensors, also nested, need no library. All else is optree's, asked for when it is first met.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

Rebuild = Callable[[Sequence[Any]], Any]
_CONTAINERS = (tuple, list, dict)


def flatten(tree: Any) -> tuple[list[Any], Rebuild]:
    """The leaves of ``tree``, and what makes such a tree of other leaves.

    Raises
    ------
    ImportError
        If it takes optree and there is none.
    """
    if not _is_container(tree):
        return [tree], lambda leaves: leaves[0]
    if type(tree) is tuple:
        parts = [flatten(part) for part in tree]

        def whole(leaves: Sequence[Any]) -> Any:
            rest = iter(leaves)
            return tuple(build([next(rest) for _ in some]) for some, build in parts)

        return [leaf for some, _ in parts for leaf in some], whole
    optree = _optree(tree)
    leaves, spec = optree.tree_flatten(tree, none_is_leaf=True)
    return leaves, lambda leaves: optree.tree_unflatten(spec, leaves)


def leaves_of(tree: Any) -> list[Any]:
    """The leaves of ``tree``."""
    return flatten(tree)[0]


def with_aux(given: Any, what: str) -> tuple[Any, Any]:
    """The output, and what comes with it, that a function gave to the transform ``what`` with ``has_aux=True``.

    Raises
    ------
    RuntimeError
        If it gave anything but a tuple of two.
    """
    if not isinstance(given, tuple) or len(given) != 2:
        raise RuntimeError(f"{what}: with has_aux=True the function must return (output, aux), a tuple of two")
    return given


def spread(prefix: Any, tree: Any, what: str) -> list[Any]:
    """For each leaf of ``tree`` what ``prefix``, which may stop above it, says of it.

    Raises
    ------
    ValueError
        If ``prefix`` does not go with ``tree``.
    """
    if not _is_container(prefix):
        return [prefix] * len(leaves_of(tree))
    if type(prefix) is tuple and (type(tree) is tuple or not _is_container(tree)):
        if type(tree) is not tuple or len(prefix) != len(tree):
            raise ValueError(f"{what} {prefix!r} does not go with the structure of {_shape_of(tree)}")
        return [part for p, t in zip(prefix, tree, strict=True) for part in spread(p, t, what)]
    try:
        return list(_optree(tree).broadcast_prefix(prefix, tree, none_is_leaf=True))
    except ValueError as error:
        raise ValueError(f"{what} {prefix!r} does not go with the structure of {_shape_of(tree)}: {error}") from error


def _is_container(x: Any) -> bool:
    if isinstance(x, _CONTAINERS):
        return True
    optree = sys.modules.get("optree")  # who has made a class of theirs known to it has imported it
    return optree is not None and not optree.tree_is_leaf(x, none_is_leaf=True)


def _shape_of(tree: Any) -> str:
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{k!r}: {_shape_of(v)}" for k, v in tree.items()) + "}"
    if isinstance(tree, list | tuple):
        ends = "[]" if isinstance(tree, list) else "()"
        return ends[0] + ", ".join(map(_shape_of, tree)) + ends[1]
    return type(tree).__name__


def _optree(tree: Any) -> Any:
    try:
        import optree
    except ImportError:
        raise ImportError(
            f"a {_shape_of(tree)} was given or returned: containers other than tuples of tensors need optree; "
            "pip install gradarray[func]"
        ) from None
    return optree
