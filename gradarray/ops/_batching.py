"""What batching rules share about shapes: the batch is the first dimension, in front of those that an operation sees.

Knows shapes, keys and ``xp`` where it is handed one. Must not know what computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradarray.ops._helpers import inverse

Key = tuple[Any, ...]


def stacked(xp: Any, x: Any, size: int, batched: bool) -> Any:
    """``x`` with the batch in front also where all share it. Python numbers stay what they are."""
    return x if batched or not hasattr(x, "shape") else xp.broadcast_to(x, shape=(size, *x.shape))


def aligned(xp: Any, xs: Sequence[Any], which: Sequence[bool], ndim: int) -> list[Any]:
    """``xs`` with as many dimensions between the batch and their own as let them broadcast to ``ndim``."""
    out = []
    for x, batched in zip(xs, which, strict=True):
        missing = ndim + 1 - len(x.shape) if batched else 0
        out.append(xp.reshape(x, shape=(x.shape[0], *(1,) * missing, *x.shape[1:])) if missing > 0 else x)
    return out


# -- indices -----------------------------------------------------------------------------------------------------------


def _is_array(k: Any) -> bool:
    return hasattr(k, "position")


def _arrays_in(key: Key, arrays: Sequence[Any], which: Sequence[bool], ndim: int) -> tuple[int, int, bool]:
    """Of a key with arrays: how many dimensions they give, after how many others, and whether they stand together.

    Where they do not, NumPy puts their dimensions in front. Integers count as arrays beside them.
    """
    ranks, consumed = [], 0
    for x, batched in zip(arrays, which, strict=True):
        is_mask = "bool" in str(x.dtype)
        ranks.append(1 if is_mask else len(x.shape) - batched)
        consumed += len(x.shape) if is_mask else 1
    consumed += sum(isinstance(k, int | slice) for k in key)
    places = [i for i, k in enumerate(key) if _is_array(k) or isinstance(k, int)]
    together = places[-1] - places[0] == len(places) - 1
    before = 0
    if together:
        before = sum(ndim - consumed if k is ... else 1 for k in key[: places[0]])
    return max(ranks), before, together


def _without_masks(
    xp: Any, key: Key, arrays: Sequence[Any], which: Sequence[bool]
) -> tuple[Key, list[Any], Sequence[bool]]:
    """The same with the positions of its elements for each mask, which must be one for all of the batch.

    Raises
    ------
    RuntimeError
        If a mask differs along the batch.
    """
    if not any("bool" in str(x.dtype) for x in arrays):
        return key, list(arrays), which
    parts: list[Any] = []
    found: list[Any] = []
    batched: list[bool] = []
    for k in key:
        if not _is_array(k):
            parts.append(k)
            continue
        x, differs = arrays[k.position], which[k.position]
        is_mask = "bool" in str(x.dtype)
        if is_mask and (differs or not x.shape):
            raise RuntimeError(
                "vmap: an index with a mask that differs along the batch gives a shape that does, too; use "
                "gradarray.where"
            )
        for one in xp.nonzero(x) if is_mask else (x,):
            parts.append(type(k)(len(found)))
            found.append(one)
            batched.append(differs)
    return tuple(parts), found, batched


def laid_out(
    xp: Any, key: Key, arrays: Sequence[Any], which: Sequence[bool], size: int, ndim: int, out_ndim: int
) -> tuple[tuple[Key, list[Any]], tuple[int, ...] | None]:
    """The key and arrays that index a batch of what ``key`` indexes, of ``ndim`` dimensions.

    And in what order the dimensions of the result stand there, of which there are ``out_ndim``, the batch before them;
    None where they stay as they are.
    """
    if not arrays:
        return ((slice(None), *key), []), None
    if any(which):
        key, arrays, which = _without_masks(xp, key, arrays, which)
    n, before, together = _arrays_in(key, arrays, which, ndim)
    rest = tuple(range(before + n + 1, out_ndim + 1))
    if not any(which):
        order = None if together else (*range(1, n + 1), 0, *rest)
        return ((slice(None), *key), list(arrays)), order
    own = xp.reshape(xp.counting(size, arrays[0]), shape=(size, *(1,) * n))
    slot = type(next(k for k in key if _is_array(k)))(len(arrays))
    order = (0, *range(before + 1, before + n + 1), *range(1, before + 1), *rest)
    return ((slot, *key), [*aligned(xp, arrays, which, n), own]), None if order == tuple(sorted(order)) else order


def index(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """``x[key]`` of each, where ``x``, some of the arrays in the key, or both differ along the batch."""
    (x, *arrays), key, own = xs, params["key"], which[1:]
    if any(own):
        key, arrays, own = _without_masks(xp, key, arrays, own)
    ndim = len(x.shape) - which[0]
    n, before, _ = _arrays_in(key, arrays, own, ndim)
    if not which[0]:  # one array for all, of which no copy an element of the batch is made
        out = xp.index(x, *aligned(xp, arrays, own, n), key=key)
        order = (before, *(i for i in range(len(out.shape)) if i != before))
        return xp.permute_dims(out, axes=order) if before else out
    news = sum(k is None for k in key)
    masks = sum(len(a.shape) for a in arrays if "bool" in str(a.dtype))
    taken = masks + sum("bool" not in str(a.dtype) for a in arrays) + sum(isinstance(k, int) for k in key)
    (filled, given), back = laid_out(xp, key, arrays, own, size, ndim, ndim - taken + news + n)
    out = xp.index(x, *given, key=filled)
    return out if back is None else xp.permute_dims(out, axes=inverse(back))


def index_adjoint(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """Zeros with each ``g`` added at its key."""
    (g, *arrays), key, shape = xs, params["key"], params["shape"]
    g = stacked(xp, g, size, which[0])
    (filled, given), order = laid_out(xp, key, arrays, which[1:], size, len(shape), len(g.shape) - 1)
    g = g if order is None else xp.permute_dims(g, axes=order)
    return xp.index_adjoint(g, *given, key=filled, shape=(size, *shape))


def getitem(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """``x[key]`` for slices and integers."""
    return xp.getitem(xs[0], key=(slice(None), *params["key"]))


# -- others ------------------------------------------------------------------------------------------------------------


def broadcast_to(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """As the namespace's, the batch staying in front."""
    (x,) = aligned(xp, xs, which, len(params["shape"]))
    return xp.broadcast_to(x, shape=(size, *params["shape"]))


def overwrite(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """The second in the first's shape."""
    first = stacked(xp, xs[0], size, which[0])
    (second,) = aligned(xp, xs[1:], which[1:], len(first.shape) - 1)
    return xp.overwrite(first, second)


def indicator(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """Of the second nothing but the dtype matters."""
    return xp.indicator(stacked(xp, xs[0], size, which[0]), xs[1])


def sum_rows(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """The rows are behind the batch."""
    return xp.sum(xs[0], axis=1)


def matmul(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """Products of stacks. A vector with one matrix for all is a matrix with that, in one product."""
    (a, b), (p, q) = xs, which
    m, n = len(a.shape) - p, len(b.shape) - q
    if m == 1 and n == 2 and not q:
        return xp.matmul(a, b)
    if m == 2 and n == 1 and not p:
        return xp.matmul(b, xp.matrix_transpose(a))
    a = xp.expand_dims(a, axis=-2) if m == 1 else a
    b = xp.expand_dims(b, axis=-1) if n == 1 else b
    out = xp.matmul(*aligned(xp, (a, b), which, max(m, n, 2)))
    out = xp.squeeze(out, axis=(-1,)) if n == 1 else out
    return xp.squeeze(out, axis=(-1 if n == 1 else -2,)) if m == 1 else out


def matmul_nt(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """The second transposed."""
    return matmul(xp, (xs[0], xp.matrix_transpose(xs[1])), which, size, params)


def matmul_tn(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """The first transposed."""
    return matmul(xp, (xp.matrix_transpose(xs[0]), xs[1]), which, size, params)


def searchsorted(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """One call where all share what is searched, else one for each."""
    if not which[0]:
        shape = xs[1].shape
        return xp.reshape(xp.searchsorted(xs[0], xp.reshape(xs[1], shape=(-1,)), **params), shape=shape)
    one, two = (stacked(xp, x, size, b) for x, b in zip(xs, which, strict=True))
    if not size:
        return xp.zeros_like(xp.argsort(two, axis=0, descending=False, stable=True))
    return xp.stack([xp.searchsorted(one[i], two[i], **params) for i in range(size)], axis=0)


def refused(xp: Any, xs: Sequence[Any], which: Sequence[bool], size: int, params: dict[str, Any]) -> Any:
    """What gives each element of the batch a shape of its own.

    Raises
    ------
    RuntimeError
    """
    raise RuntimeError(
        "vmap: nonzero gives a shape that depends on values, which differ along the batch; use gradarray.where"
    )
