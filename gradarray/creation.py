"""Creation functions: Array API standard, "Creation Functions", in PyTorch's forms too.

Knows dispatch, the default dtype and device. Data from outside comes in through NumPy.

Both ``empty(5, 3)`` and ``empty((5, 3))`` are understood; ``requires_grad`` makes the result a leaf of the tape.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradarray import _state
from gradarray._dispatch import DtypeError, RangeError, ShapeError, apply, cast, make, requires_grad, transfer
from gradarray._levels import raised
from gradarray._place import Place, place_of, place_of_array
from gradarray._primitive import TABLE
from gradarray._storage import LEAF, Value
from gradarray.devices import Device, get_default_device
from gradarray.dtypes import ALL, LIMITS, DType, as_dtype, combine, int64
from gradarray.dtypes import bool as bool_

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

DeviceLike = Device | str | Place | None


def to_place(device: Any) -> Place:
    """The place that ``device`` (a device, its name, or None for the default) names."""
    if isinstance(device, Place):
        return device
    if device is None:
        return place_of(get_default_device())
    if isinstance(device, Device | str):
        return place_of(device)
    if isinstance(device, int):
        return place_of(f"cuda:{device}")
    raise TypeError(f"device must be a device or its name, such as 'cpu' or 'cuda:0', got {device!r}")


def to_shape(size: tuple[Any, ...]) -> tuple[int, ...]:
    """The shape that ``size``, given as numbers or as one sequence, stands for.

    Raises
    ------
    TypeError
        If an entry is no integer, or there is none.
    RuntimeError
        If one is negative.
    """
    if not size:
        raise TypeError("a shape is needed, such as (5, 3); for a tensor of no dimensions give ()")
    if len(size) == 1 and isinstance(size[0], Sequence):
        size = tuple(size[0])
    try:
        if any(isinstance(n, bool) for n in size):
            raise TypeError
        shape = tuple(map(operator.index, size))
    except TypeError:
        raise TypeError(f"a shape is made of integers, got {size!r}") from None
    if any(n < 0 for n in shape):
        raise ShapeError(f"a shape cannot have a negative dimension, got {list(shape)}")
    return shape


def leaf(x: Tensor, required: bool) -> Tensor:
    """``x`` (new), made a leaf that requires a gradient if ``required``; of the transform that runs now, if any."""
    x = raised(x)
    if required:
        if x._dtype.kind not in "fc":
            raise RuntimeError(
                f"only tensors of floating point and complex dtype can require gradients, got {x._dtype!r}"
            )
        x._node = LEAF
    return x


def _floating(dtype: Any) -> DType:
    return _state.get_default_dtype() if dtype is None else as_dtype(dtype)


def _number(x: Any) -> Any:
    """A Python number, also where a 0-d tensor or NumPy's scalar was given."""
    return x.item() if isinstance(x, Value | np.generic) else x  # type: ignore[union-attr]


def _given(name: str, given: Sequence[Any]) -> Any:
    """The one of several spellings of an argument that is not None."""
    found = [x for x in given if x is not None]
    if len(found) != 1:
        raise TypeError(f"{name} needs one of its arguments, and that once; got {found!r}")
    return found[0]


def _size(shape: Any, sizes: tuple[Any, ...], size: Any) -> tuple[int, ...]:
    """The shape, given as ``(5, 3)`` or ``5, 3``, as ``shape=`` (the standard's name) or as ``size=`` (PyTorch's)."""
    if size is None:
        return to_shape((shape, *sizes) if shape is not None or sizes else ())
    return to_shape((_given("a shape", [shape, sizes or None, size]),))


def _made(place: Place, kind: DType, name: str, arguments: tuple[Any, ...], host: Callable[[], Any]) -> Any:
    """A lazy backend makes an array itself, piece by piece where it is large; any other gets NumPy's numbers."""
    raw_dtype = place.to_raw_dtype(kind)
    if place.backend.capabilities.lazy:
        return place.kernels[name](*arguments, dtype=raw_dtype)
    return place.backend.from_numpy(np.asarray(host(), dtype=kind.__numpy_dtype__), place.device, copy=False)


def _filled(name: str, shape: tuple[int, ...], dtype: Any, device: Any, required: bool) -> Tensor:
    place, kind = to_place(device), _floating(dtype)
    raw = place.kernels[name](shape, dtype=place.to_raw_dtype(kind))
    return leaf(make(raw, place, kind), required)


def empty(
    shape: Any = None,
    *sizes: int,
    size: Any = None,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor whose values are whatever lay in memory.

    Parameters
    ----------
    shape : int or sequence of int
        Also as ``size=``.
    *sizes : int
        The lengths after the first, where ``shape`` is the first alone: ``empty(5, 3)``.
    dtype : DType, optional
        By default the default dtype.
    device : Device or str, optional
        By default the default device.
    requires_grad : bool
        Record operations on it.

    Returns
    -------
    Tensor

    References
    ----------
    Array API standard, ``empty``; ``torch.empty``.
    """
    place, kind = to_place(device), _floating(dtype)
    place.to_raw_dtype(kind)
    return leaf(make(place.backend.empty(_size(shape, sizes, size), kind, place.device), place, kind), requires_grad)


def zeros(
    shape: Any = None,
    *sizes: int,
    size: Any = None,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of zeros. Parameters as :func:`empty`.

    References
    ----------
    Array API standard, ``zeros``; ``torch.zeros``.
    """
    return _filled("zeros", _size(shape, sizes, size), dtype, device, requires_grad)


def ones(
    shape: Any = None,
    *sizes: int,
    size: Any = None,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of ones. Parameters as :func:`empty`.

    References
    ----------
    Array API standard, ``ones``; ``torch.ones``.
    """
    return _filled("ones", _size(shape, sizes, size), dtype, device, requires_grad)


def full(
    shape: Any = None,
    fill_value: Any = None,
    *,
    size: Any = None,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of one value.

    Parameters
    ----------
    shape : int or sequence of int
        Also as ``size=``.
    fill_value : scalar
        Its kind decides the dtype where none is given: bool, int64 (int32 on a device that has no int64), the default
        dtype, or its complex twin. Differentiable in it, where it is a tensor of no dimensions.
    dtype, device, requires_grad
        As :func:`empty`.

    Returns
    -------
    Tensor

    References
    ----------
    Array API standard, ``full``; ``torch.full``.
    """
    place = to_place(device)
    if _has_history(fill_value):
        full_size = to_shape((_given("a shape", [shape, size]),))
        kept = _kept("full", fill_value, _kind_of(fill_value, place) if dtype is None else as_dtype(dtype), place)
        return apply(TABLE["clone"], (apply(TABLE["broadcast_to"], (kept,), {"shape": full_size}),), {})
    fill_value = _number(fill_value)
    if not isinstance(fill_value, int | float | complex):
        raise TypeError(f"full: fill_value must be a number, got {_short(fill_value)}")
    host, kind = _host(fill_value, dtype, place)
    full_size = to_shape((_given("a shape", [shape, size]),))
    value = _converted(host, kind)
    raw = _made(place, kind, "full", (full_size, value.item()), lambda: np.full(full_size, value))
    return leaf(make(raw, place, kind), requires_grad)


def _has_history(x: Any) -> bool:
    """Whether ``x`` is a tensor that would lose something by becoming a number: the tape, or a transform's share."""
    return isinstance(x, Value) and (requires_grad(x) or x._place.level is not None)


def _kind_of(x: Value, place: Place) -> DType:
    """The dtype that the number ``x`` decides."""
    default = _state.get_default_dtype()
    return {"b": bool_, "f": default, "c": default.to_complex()}.get(x._dtype.kind, place.integer)


def _kept(name: str, x: Any, kind: DType, place: Place) -> Any:
    """The number ``x``, a tensor perhaps, as a 0-d tensor of ``kind`` that stays on the tape."""
    if not isinstance(x, Value):
        return full((), x, dtype=kind, device=place)
    if math.prod(x._data.shape) != 1:
        raise ShapeError(f"{name}: a number was expected, got a tensor of shape {list(x._data.shape)}")
    if x._dtype.kind == "c" and kind.kind != "c":
        raise DtypeError(f"{name}: cannot convert complex numbers to {kind!r} without loss; take real() first")
    return apply(TABLE["reshape"], (cast(transfer(x, place), kind),), {"shape": ()})


def like(x: Any, dtype: Any, device: Any) -> tuple[Any, Any]:
    """Of which dtype and on which device a new tensor is that is to be like ``x``."""
    if not isinstance(x, Value):
        raise TypeError(f"expected a Tensor, whose like is to be made, got {type(x).__name__}")
    return (x._dtype if dtype is None else dtype), (x._place if device is None else device)


def _is_unknown(x: Tensor) -> bool:
    """Whether a length of ``x`` is not known before it is computed; only what is made of ``x`` itself has it, too."""
    return x._place.backend.capabilities.unknown_shapes and any(n != n for n in x._data.shape)


def _unknown_like(x: Tensor, fill_value: Any, dtype: Any, device: Any, required: bool) -> Tensor:
    """As :func:`full_like`, of an ``x`` that :func:`_is_unknown`."""
    kind = as_dtype(dtype)
    value = _converted(np.asarray(fill_value), kind).item()
    raw = x._place.kernels["full_like"](x._data, value, dtype=x._place.to_raw_dtype(kind))
    return leaf(transfer(make(raw, x._place, kind), to_place(device)), required)


def empty_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """As :func:`empty`, with the shape and, by default, the dtype and device of ``x``.

    References
    ----------
    Array API standard, ``empty_like``; ``torch.empty_like``.
    """
    dtype, device = like(x, dtype, device)
    if _is_unknown(x):
        return _unknown_like(x, 0, dtype, device, requires_grad)
    return empty(x._data.shape, dtype=dtype, device=device, requires_grad=requires_grad)


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """As :func:`zeros`, with the shape and, by default, the dtype and device of ``x``.

    References
    ----------
    Array API standard, ``zeros_like``; ``torch.zeros_like``.
    """
    dtype, device = like(x, dtype, device)
    if _is_unknown(x):
        return _unknown_like(x, 0, dtype, device, requires_grad)
    return zeros(x._data.shape, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """As :func:`ones`, with the shape and, by default, the dtype and device of ``x``.

    References
    ----------
    Array API standard, ``ones_like``; ``torch.ones_like``.
    """
    dtype, device = like(x, dtype, device)
    if _is_unknown(x):
        return _unknown_like(x, 1, dtype, device, requires_grad)
    return ones(x._data.shape, dtype=dtype, device=device, requires_grad=requires_grad)


def full_like(
    x: Tensor,
    /,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """As :func:`full`, with the shape and, by default, the dtype and device of ``x``.

    References
    ----------
    Array API standard, ``full_like``; ``torch.full_like``.
    """
    dtype, device = like(x, dtype, device)
    if _is_unknown(x):
        if _has_history(fill_value):
            one: Any = _unknown_like(x, 1, dtype, device, False)
            return one * _kept("full_like", fill_value, one._dtype, one._place)  # type: ignore[no-any-return]
        return _unknown_like(x, _number(fill_value), dtype, device, requires_grad)
    return full(x._data.shape, fill_value, dtype=dtype, device=device, requires_grad=requires_grad)


def arange(
    start: float | None = None,
    stop: float | None = None,
    step: float = 1,
    *,
    end: float | None = None,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from ``start`` (0 if it is the only argument) up to ``stop``, without it, in steps of ``step``.

    Integers where all arguments are, else the default dtype. None where ``stop`` lies on the wrong side of ``start``.
    PyTorch's name for ``stop`` is ``end``.

    Raises
    ------
    RuntimeError
        If ``step`` is 0, there is no end to the numbers, or floating ones are beyond what an integer ``dtype`` holds.
    TypeError
        If there is no argument.

    References
    ----------
    Array API standard, ``arange``; ``torch.arange``.
    """
    start, stop, step = _number(start), _number(end if stop is None else stop), _number(step)
    if start is None or stop is None:
        start, stop = 0, _given("arange", [start, stop])
    if step == 0:
        raise ShapeError(f"arange: step must not be 0 (from {start} to {stop})")
    integers = all(isinstance(v, int) for v in (start, stop, step))
    place = to_place(device)
    kind = (place.integer if integers else _state.get_default_dtype()) if dtype is None else as_dtype(dtype)
    place.to_raw_dtype(kind)
    if integers and kind.kind in "iu":
        raw = _made(
            place, kind, "arange", (start, stop, step), lambda: np.arange(start, stop, step, dtype=kind.__numpy_dtype__)
        )
    else:
        length = (stop - start) / step
        if not math.isfinite(length):
            raise ShapeError(f"arange: unsupported range: {start} -> {stop} in steps of {step}")
        host = start + step * np.arange(max(math.ceil(length), 0), dtype=np.float64)
        _check_range(host, kind)
        raw = place.backend.from_numpy(_converted(host, kind), place.device, copy=False)
    return leaf(make(raw, place, kind), requires_grad)


def linspace(
    start: complex,
    stop: complex | None = None,
    num: int | None = None,
    *,
    end: complex | None = None,
    steps: int | None = None,
    dtype: Any = None,
    device: DeviceLike = None,
    endpoint: bool = True,
    requires_grad: bool = False,
) -> Tensor:
    """``num`` numbers evenly spaced from ``start`` to ``stop``, with it unless ``endpoint`` is False.

    PyTorch's names for ``stop`` and ``num`` are ``end`` and ``steps``. Differentiable in tensors of no dimensions.

    Raises
    ------
    RuntimeError
        If ``num`` is negative, or a number is beyond what ``dtype`` holds.
    TypeError
        If a number is complex, and ``dtype`` is not.

    References
    ----------
    Array API standard, ``linspace``; ``torch.linspace``.
    """
    stop = _given("linspace", [stop, end])
    if (_has_history(start) or _has_history(stop)) and _floating(dtype).kind in "fc":
        number = _given("linspace", [num, steps])
        return _between(start, stop, number, dtype, to_place(device), endpoint)  # type: ignore[no-any-return]
    start, stop = _number(start), _number(stop)
    num = operator.index(_given("linspace", [num, steps]))
    if num < 0:
        raise ShapeError(f"linspace: number of steps must be non-negative, got {num}")
    place = to_place(device)
    kind = _floating(dtype)
    if dtype is None and (isinstance(start, complex) or isinstance(stop, complex)):
        kind = kind.to_complex()
    host = np.linspace(start, stop, num, endpoint=endpoint)
    _check_range(host, kind)
    place.to_raw_dtype(kind)
    raw = place.backend.from_numpy(_converted(host, kind), place.device, copy=False)
    return leaf(make(raw, place, kind), requires_grad)


def _between(start: Any, stop: Any, num: Any, dtype: Any, place: Place, endpoint: bool) -> Any:
    """As :func:`linspace`, from or to a tensor that :func:`_has_history`; both ends are exact."""
    kind = _floating(dtype)
    if dtype is None and any(
        x._dtype.kind == "c" if isinstance(x, Value) else type(x) is complex for x in (start, stop)
    ):
        kind = kind.to_complex()
    weight = linspace(0, 1, num, dtype=kind, device=place, endpoint=endpoint)
    rest = linspace(1, 0, num, dtype=kind, device=place) if endpoint else 1 - weight
    return _kept("linspace", start, kind, place) * rest + _kept("linspace", stop, kind, place) * weight


def eye(
    n_rows: int | None = None,
    n_cols: int | None = None,
    *,
    k: int = 0,
    n: int | None = None,
    m: int | None = None,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the ``k``-th diagonal, zeros elsewhere.

    PyTorch's names for ``n_rows`` and ``n_cols`` are ``n`` and ``m``.

    Raises
    ------
    RuntimeError
        If a length is negative.

    References
    ----------
    Array API standard, ``eye``; ``torch.eye``.
    """
    place, kind = to_place(device), _floating(dtype)
    n_rows = operator.index(_given("eye", [n_rows, n]))
    n_cols = n_rows if n_cols is None and m is None else operator.index(_given("eye", [n_cols, m]))
    if n_rows < 0 or n_cols < 0:
        raise ShapeError(f"eye: lengths must be greater or equal to 0, got {n_rows} and {n_cols}")
    k = max(-n_rows, min(k, n_cols))  # NumPy overflows on what lies far outside
    raw = _made(place, kind, "eye", (n_rows, n_cols, k), lambda: np.eye(n_rows, n_cols, k=k))
    return leaf(make(raw, place, kind), requires_grad)


# -- data from outside -------------------------------------------------------------------------------------------------


def _collect(data: Any, numbers: list[Any], dtypes: list[DType]) -> None:
    """Of what kinds the leaves of nested sequences are: one Python number of each type, and the dtypes of the rest."""
    if isinstance(data, list | tuple):
        inner = set(map(type, data))
        if inner.isdisjoint((list, tuple, np.ndarray)):
            numbers += [kind(0) for kind in (bool, int, float, complex) if kind in inner]
            dtypes += [as_dtype(kind) for kind in inner if issubclass(kind, np.generic)]
        else:
            for d in data:
                _collect(d, numbers, dtypes)
    elif isinstance(data, np.ndarray | np.generic):
        dtypes.append(as_dtype(data.dtype))
    elif isinstance(data, bool | int | float | complex):
        numbers.append(data)


def _infer(data: Any, host: np.ndarray[Any, Any]) -> DType:
    """The dtype of data: NumPy's keep theirs, Python's floats and complex numbers take the default precision."""
    if isinstance(data, np.ndarray):
        return as_dtype(data.dtype)
    if host.size == 0:
        return _state.get_default_dtype()
    if host.dtype.kind == "b":
        return bool_
    numbers: list[Any] = []
    dtypes: list[DType] = []
    _collect(data, numbers, dtypes)
    if not numbers and not dtypes:  # a range, a buffer
        return as_dtype(host.dtype)
    if not dtypes:  # ints among floats are floats
        numbers = [max(numbers, key=lambda n: ("bool", "int", "float", "complex").index(type(n).__name__))]
    return combine(dtypes, numbers, _state.get_default_dtype())


def _host(data: Any, dtype: Any, place: Place) -> tuple[np.ndarray[Any, Any], DType]:
    """Python numbers and nested sequences of them as a NumPy array, and the dtype they are to have on ``place``."""
    if isinstance(data, list | tuple) and len(data) == 0:
        kind = _floating(dtype)
        return np.zeros(0, kind.__numpy_dtype__), kind
    try:
        host = np.asarray(data)
        if host.dtype == object and all(isinstance(n, int | float) for n in host.flat):  # integers beyond 64 bits
            host = host.astype(np.float64)
    except (ValueError, TypeError, OverflowError):
        raise _unfit(data) from None
    if host.dtype.kind not in "biufc":
        raise _unfit(data)
    kind = _infer(data, host) if dtype is None else as_dtype(dtype)
    if dtype is None and kind is int64:
        kind = place.integer
    _check_range(host, kind)
    return host, kind


def _unfit(data: Any) -> Exception:
    """Why ``data`` is no array of numbers."""
    level, dim = [data], 0
    while True:
        sequences = [isinstance(d, list | tuple) for d in level]
        others = [d for d in level if not isinstance(d, (*_NUMBERS, list, tuple))]
        if others:
            return TypeError(
                f"cannot make a tensor of {_short(data)}: expected numbers or nested sequences of numbers, got "
                f"{_short(others[0])} of type {type(others[0]).__name__}"
            )
        if not any(sequences):
            break
        if not all(sequences):
            found = next(d for d, s in zip(level, sequences, strict=True) if not s)
            return TypeError(
                f"cannot make a tensor of {_short(data)}: expected a sequence at dim {dim} (got {found!r})"
            )
        lengths = {len(d): None for d in level}
        if len(lengths) > 1:
            first, second = list(lengths)[:2]
            return ShapeError(
                f"cannot make a tensor of {_short(data)}: expected sequence of length {first} at dim {dim} (got "
                f"{second})"
            )
        level, dim = [x for d in level for x in d], dim + 1
    return ShapeError(f"cannot make a tensor of {_short(data)}: a number is too large, or shapes differ")


_NUMBERS = (bool, int, float, complex, np.number, np.bool_, np.ndarray)


def _check_range(host: np.ndarray[Any, Any], kind: DType) -> None:
    """Refuse Python numbers that an integer dtype cannot hold. Negative ones wrap in unsigned dtypes, as in PyTorch."""
    if kind.kind not in "iu" or not host.size or host.dtype.kind not in "iuf":
        return
    lowest, highest = LIMITS[kind.name]
    low = -highest if kind.kind == "u" and host.dtype.kind != "f" else lowest
    least, most = host.min().item(), host.max().item()
    if not (low - 1 < least and most < highest + 1):
        value = most if low - 1 < least else least
        raise RangeError(
            f"value {value} cannot be converted to {kind!r} without overflow: it holds {lowest} to {highest}; "
            "choose another dtype="
        )


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) < 80 else f"{text[:76]} ..."


def _holds_tensor(data: Any) -> bool:
    if isinstance(data, Value):
        return True
    return isinstance(data, list | tuple) and any(map(_holds_tensor, data))


def _stacked(data: Any, dtype: Any, device: Any) -> Any:
    """Nested sequences with tensors among them, stacked on the tape."""
    if isinstance(data, list | tuple):
        parts = [_stacked(d, dtype, device) for d in data]
        return apply(TABLE["stack"], parts, {"axis": 0})
    return as_value(data, dtype=dtype, device=device)


def _place_for(data: Any, device: Any) -> Any:
    """The device of the first tensor among ``data``, unless one is given."""
    while device is None and isinstance(data, list | tuple):
        data = next(d for d in data if _holds_tensor(d))
    return data._place if device is None else device


def as_value(data: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None) -> Any:
    """``data`` as a tensor, without a copy where ``copy`` and its kind allow it; tensors stay on the tape."""
    if isinstance(data, Value):
        out = data if device is None else transfer(data, to_place(device))
        out = out if dtype is None else cast(out, as_dtype(dtype))
        if copy is False and out is not data:
            raise ValueError(
                f"asarray: copy=False, but {data._dtype!r} on {data._place.device} to {out._dtype!r} on "
                f"{out._place.device} needs a copy"
            )
        return raised(apply(TABLE["clone"], (data,), {})) if copy and out is data else out
    if _holds_tensor(data):
        return _stacked(data, dtype, _place_for(data, device))
    if isinstance(data, np.ndarray | np.generic) or not hasattr(data, "shape"):
        return _from_host(data, dtype, device, copy)
    source = place_of_array(data)
    if source is None and hasattr(data, "__dlpack__"):
        return as_value(from_dlpack(data, copy=copy), dtype=dtype, device=device)
    if source is None:
        return _from_host(np.asarray(data), dtype, device, copy)
    data = source.backend.adopt(data)
    x = make(source.backend.copy(data) if copy else data, source)
    return as_value(x, dtype=dtype, device=device, copy=False if copy is False else None)


def _from_host(data: Any, dtype: Any, device: Any, copy: bool | None) -> Any:
    place = to_place(device)
    is_array = isinstance(data, np.ndarray)
    if is_array:
        if data.dtype.kind not in "biufc":
            raise TypeError(
                f"can't convert np.ndarray of type {data.dtype}; gradarray has {', '.join(d.name for d in ALL)}"
            )
        host, kind = data, as_dtype(data.dtype if dtype is None else dtype)
    else:
        host, kind = _host(data, dtype, place)
    place.to_raw_dtype(kind)
    same = host.dtype == kind.__numpy_dtype__ and host.dtype.isnative
    if copy is False and not (is_array and same and place.capabilities.shares_numpy_memory):
        raise ValueError(f"asarray: copy=False, but {_short(data)} as {kind!r} on {place.device} needs a copy")
    if not same:
        host = _converted(host, kind)
    return make(place.backend.from_numpy(host, place.device, copy=bool(copy) and same), place, kind)


def _converted(host: np.ndarray[Any, Any], kind: DType) -> np.ndarray[Any, Any]:
    if host.dtype.kind == "c" and kind.kind not in "cb":
        raise DtypeError(f"cannot convert complex numbers to {kind!r} without loss; take real() first")
    return host.astype(kind.__numpy_dtype__)


def tensor(data: Any, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """A new leaf tensor that holds a copy of ``data``.

    Parameters
    ----------
    data : number, nested sequence of numbers, NumPy array, Tensor, or array of a registered backend
    dtype : DType, optional
        By default from the data; Python floats take the default dtype, integers int64 (int32 on a device that has no
        int64).
    device : Device or str, optional
        By default the default device (for a tensor or a backend's array: its own).
    requires_grad : bool
        Record operations on it.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If sequences differ in length.
    TypeError
        If they hold something else than numbers.
    RuntimeError
        If a number is beyond what ``dtype`` holds.

    References
    ----------
    ``torch.tensor``.
    """
    token = _state.grad_enabled.set(False)
    try:
        x = as_value(data, dtype=dtype, device=device, copy=True)
        return leaf(make(x._data, x._place, x._dtype), requires_grad)
    finally:
        _state.grad_enabled.reset(token)


def asarray(
    obj: Any,
    /,
    *,
    dtype: Any = None,
    device: DeviceLike = None,
    copy: bool | None = None,
    requires_grad: bool | None = None,
) -> Tensor:
    """``obj`` as a tensor, without a copy where that can be.

    Parameters
    ----------
    obj : Tensor, number, nested sequence, NumPy array, array of a registered backend, or object with ``__dlpack__``
        A tensor keeps its place on the tape, and is returned itself where nothing changes. Nested sequences may hold
        tensors.
    dtype, device
        By default those of ``obj``.
    copy : bool or None
        True: always copy. False: never, raise instead. None: copy where needed.
    requires_grad : bool or None
        True: make the result a leaf that requires a gradient (not for what is on the tape already). False: take it off
        the tape. None: leave it as it is.

    Returns
    -------
    Tensor
        Differentiable in ``obj``.

    Raises
    ------
    ValueError
        If ``copy=False`` and a copy is needed.

    References
    ----------
    Array API standard, ``asarray``; ``torch.asarray``.
    """
    x = as_value(obj, dtype=dtype, device=device, copy=copy)
    if requires_grad is False and x._node is not None:
        return x.detach()  # type: ignore[no-any-return]
    return x if requires_grad is None and isinstance(obj, Value) else leaf(x, bool(requires_grad) and x._node is None)


def as_tensor(data: Any, dtype: Any = None, device: DeviceLike = None) -> Tensor:
    """``asarray`` with PyTorch's signature.

    References
    ----------
    ``torch.as_tensor``.
    """
    return as_value(data, dtype=dtype, device=device)  # type: ignore[no-any-return]


def from_numpy(array: np.ndarray[Any, Any], /) -> Tensor:
    """A CPU tensor that shares the memory of ``array``: a write to either is seen in both.

    Raises
    ------
    TypeError
        If ``array`` is no NumPy array, or of a dtype that gradarray lacks.

    References
    ----------
    ``torch.from_numpy``.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(array).__name__})")
    return as_value(array, device="cpu", copy=False)  # type: ignore[no-any-return]


def from_dlpack(x: Any, /, *, device: DeviceLike = None, copy: bool | None = None) -> Tensor:
    """A tensor of the array that ``x`` exports, without a copy where that can be.

    Parameters
    ----------
    x : object with ``__dlpack__`` and ``__dlpack_device__``
    device : Device or str, optional
        By default where ``x`` lies: an array of a registered backend on that backend's device.
    copy : bool or None
        As :func:`asarray`.

    Returns
    -------
    Tensor

    Raises
    ------
    BufferError
        If ``x`` cannot be exported, as a tensor that requires a gradient cannot.

    References
    ----------
    Array API standard, ``from_dlpack``; ``torch.from_dlpack``.
    """
    if isinstance(x, Value):
        if requires_grad(x):
            raise BufferError("cannot export a tensor that requires a gradient; use x.detach() first")
        return as_value(x, device=device, copy=copy)  # type: ignore[no-any-return]
    place = place_of_array(x) or place_of("cuda" if int(x.__dlpack_device__()[0]) == 2 else "cpu")
    out = make(place.backend.from_dlpack(x, place.device, copy=copy), place)
    return as_value(out, device=device, copy=False if copy is False else None)  # type: ignore[no-any-return]
