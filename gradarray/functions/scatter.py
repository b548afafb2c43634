"""Reading and writing by positions along one dimension, as PyTorch spells it: ``gather``, ``scatter``, ``index_add``.

All is composed of indexing with arrays, and of its adjoint, which adds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError, apply, cast
from gradarray._place import Slotted
from gradarray._primitive import TABLE
from gradarray._storage import Value, no_view
from gradarray.creation import arange, as_value
from gradarray.functions.elementwise import add, multiply
from gradarray.functions.indexing import getitem, integers, setitem
from gradarray.functions.manipulation import broadcast_to, clone, reshape
from gradarray.functions.statistical import check_axis, check_tensor, needed_axis

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Scalar = bool | int | float | complex


def _positions(x: Any, dim: int, index: Any, name: str) -> tuple[Any, ...]:
    """The key of ``x`` that ``index`` stands for: itself along ``dim``, its own position along the others.

    ``index`` may be shorter than ``x`` along these.
    """
    shape, lengths = x._data.shape, index._data.shape
    if len(shape) != len(lengths):
        raise ShapeError(
            f"{name}: index must have as many dimensions as the tensor, got shapes {list(lengths)} and {list(shape)}"
        )
    axis = check_axis(x, dim) % len(shape)
    if any(n > m for d, (n, m) in enumerate(zip(lengths, shape, strict=True)) if d != axis):
        raise ShapeError(
            f"{name}: index of shape {list(lengths)} must not be longer than the tensor of shape {list(shape)}, "
            f"but along dim {dim}"
        )
    counting = index._dtype if index._dtype.itemsize >= 4 else None  # which the device has, and reaches far enough
    spreads = [tuple(-1 if i == d else 1 for i in range(len(shape))) for d in range(len(shape))]
    return tuple(
        index if d == axis else reshape(arange(n, dtype=counting, device=x._place), spreads[d])
        for d, n in enumerate(lengths)
    )


def _lifted(*tensors: Any) -> tuple[Any, ...]:
    """0-d tensors as tensors of one element."""
    return tuple(reshape(x, (1,)) if isinstance(x, Value) and not x._data.shape else x for x in tensors)  # type: ignore[arg-type]


def _shaped(out: Any, like: Any) -> Tensor:
    """What was computed of lifted tensors in the shape of ``like``."""
    return no_view(reshape(out, like._data.shape))


def _adjoint(value: Any, key: tuple[Any, ...], like: Any) -> Any:
    """Zeros of the shape of ``like`` (in its chunks, where it has any) with ``value`` added at ``key``."""
    place, raw = like._place, like._data
    shape = raw.shape if place.shape_of is None else place.shape_of(raw)
    arrays = [k for k in key if isinstance(k, Value)]
    slots = iter(range(len(arrays)))
    parts = tuple(Slotted(next(slots)) if isinstance(k, Value) else k for k in key)
    return apply(TABLE["index_adjoint"], (value, *arrays), {"key": (*parts, ...), "shape": shape})


def _source(index: Any, src: Any, name: str) -> Any:
    """The part of ``src`` that ``index`` covers."""
    wanted, given = index._data.shape, src._data.shape
    if len(wanted) != len(given) or any(n > m for n, m in zip(wanted, given, strict=True)):
        raise ShapeError(f"{name}: index of shape {list(wanted)} is longer than src of shape {list(given)}")
    return src if wanted == given else getitem(src, tuple(slice(n) for n in wanted))


def gather(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The element of ``x`` at each of ``index`` along ``dim``. Differentiable in ``x``.

    Parameters
    ----------
    x : Tensor
    dim : int
    index : Tensor
        Of integers, with as many dimensions as ``x`` and along all but ``dim`` no longer. It does not broadcast;
        :func:`gradarray.take_along_axis` does.

    Returns
    -------
    Tensor
        Of the shape of ``index``: ``out[i][j] = x[index[i][j]][j]`` for ``dim=0``.

    Raises
    ------
    IndexError
        If ``index`` is not of integers, or out of range.
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.gather``.
    """
    index = integers(check_tensor(x), index, "gather")
    one, positions = _lifted(x, index)
    out = getitem(one, _positions(one, dim, positions, "gather"))
    return _shaped(out, index)


def scatter(x: Tensor, dim: int, index: Tensor, src: Tensor | Scalar, *, reduce: str | None = None) -> Tensor:
    """A copy of ``x`` with ``src`` written at ``index`` along ``dim``. Differentiable in ``x`` and ``src``.

    Parameters
    ----------
    x : Tensor
    dim : int
    index : Tensor
        As in :func:`gather`. Where it names a position twice, one of the values is kept.
    src : Tensor or number
        Along no dimension shorter than ``index``.
    reduce : {None, "add"}
        "add" is :func:`scatter_add`.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.scatter``.
    """
    index = integers(check_tensor(x), index, "scatter")
    if reduce is not None:
        if reduce != "add":
            raise ValueError(f"scatter: reduce must be None or 'add', got {reduce!r}")
        if not isinstance(src, Value):
            src = broadcast_to(as_value(src, dtype=x._dtype, device=x._place), index._data.shape)
        return scatter_add(x, dim, index, src)
    one, positions, values = _lifted(clone(x), index, src)
    if isinstance(values, Value):
        values = cast(_source(positions, values, "scatter"), x._dtype)
    setitem(one, _positions(one, dim, positions, "scatter"), values)
    return _shaped(one, x)


def scatter_add(x: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """``x`` with ``src`` added at ``index`` along ``dim``; what falls on one position adds up. Differentiable.

    Parameters as :func:`scatter`.

    References
    ----------
    ``torch.scatter_add``.
    """
    index = integers(check_tensor(x), index, "scatter_add")
    one, positions, values = _lifted(x, index, check_tensor(src))
    values = cast(_source(positions, values, "scatter_add"), x._dtype)
    key = _positions(one, dim, positions, "scatter_add")
    return _shaped(add(one, _adjoint(values, key, one)), x)


def _rows(x: Any, dim: int, index: Any, name: str) -> tuple[Any, ...]:
    """The key of the slices of ``x`` at a 1-d ``index`` along ``dim``."""
    index = _lifted(integers(check_tensor(x), index, name))[0]
    if len(index._data.shape) != 1:
        raise ShapeError(f"{name}: index must be 1-d, got shape {list(index._data.shape)}")
    return (*(slice(None),) * (needed_axis(x, dim) % len(x._data.shape)), index)


def _fits_rows(x: Any, key: tuple[Any, ...], source: Any, name: str) -> None:
    shape = list(x._data.shape)
    shape[len(key) - 1] = key[-1]._data.shape[0]
    if source._data.shape != tuple(shape):
        raise ShapeError(f"{name}: source must have shape {shape}, got {list(source._data.shape)}")


def index_select(x: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of ``x`` at ``index`` along ``dim``. Differentiable in ``x``.

    Parameters
    ----------
    x : Tensor
    dim : int
    index : Tensor
        1-d, of integers; one of no dimensions counts as one of one element.

    Returns
    -------
    Tensor
        Of the shape of ``x``, but along ``dim`` as long as ``index``.

    Raises
    ------
    IndexError
        If ``index`` is not of integers, or out of range; if ``x`` has no dimensions.
    RuntimeError
        If ``index`` is of more dimensions.

    References
    ----------
    ``torch.index_select``.
    """
    return getitem(x, _rows(check_tensor(x), dim, index, "index_select"))


def index_add(x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Scalar = 1) -> Tensor:
    """``x`` with ``alpha`` times the slices of ``source`` added at ``index`` along ``dim``. Differentiable.

    Parameters
    ----------
    x : Tensor
    dim : int
    index : Tensor
        1-d, of integers. What falls on one position adds up.
    source : Tensor
        Of the shape of ``x``, but along ``dim`` as long as ``index``.
    alpha : number

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.index_add``.
    """
    one, values = _lifted(check_tensor(x), check_tensor(source))
    key = _rows(one, dim, index, "index_add")
    _fits_rows(one, key, values, "index_add")
    values = cast(values, x._dtype)
    added = _adjoint(values if alpha == 1 else multiply(values, alpha), key, one)
    return _shaped(add(one, added), x)


def index_copy(x: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy of ``x`` with the slices of ``source`` written at ``index`` along ``dim``. Differentiable.

    Parameters as :func:`index_add`; where ``index`` names a position twice, one of the slices is kept.

    References
    ----------
    ``torch.index_copy``.
    """
    one, values = _lifted(clone(check_tensor(x)), check_tensor(source))
    key = _rows(one, dim, index, "index_copy")
    _fits_rows(one, key, values, "index_copy")
    setitem(one, key, cast(values, x._dtype))
    return _shaped(one, x)


def index_fill(x: Tensor, dim: int, index: Tensor, value: Tensor | Scalar) -> Tensor:
    """A copy of ``x`` with one value written at ``index`` (1-d) along ``dim``. Differentiable in ``x`` and ``value``.

    References
    ----------
    ``torch.index_fill``.
    """
    check_tensor(x)
    if isinstance(value, Value) and value._data.shape:
        raise ShapeError(f"index_fill: value must be 0-d, got shape {list(value._data.shape)}")
    (one,) = _lifted(clone(x))
    setitem(one, _rows(one, dim, index, "index_fill"), value)
    return _shaped(one, x)
