"""Creation functions: Array API standard, "Creation Functions", in PyTorch's forms too.

Knows dispatch, the default dtype and device. Data from outside comes in through NumPy.

Both ``empty(5, 3)`` and ``empty((5, 3))`` are understood; ``requires_grad`` makes the result a leaf of the tape.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradarray import _state
from gradarray._dispatch import ShapeError, apply, cast, make, requires_grad, transfer
from gradarray._place import Place, place_of, place_of_array
from gradarray._primitive import TABLE
from gradarray._storage import LEAF, Value
from gradarray.devices import Device, get_default_device
from gradarray.dtypes import DType, as_dtype, int64

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
        If an entry is no integer.
    RuntimeError
        If one is negative.
    """
    if len(size) == 1 and isinstance(size[0], Sequence):
        size = tuple(size[0])
    try:
        shape = tuple(map(operator.index, size))
    except TypeError:
        raise TypeError(f"a shape is made of integers, got {size!r}") from None
    if any(n < 0 for n in shape):
        raise ShapeError(f"a shape cannot have a negative dimension, got {list(shape)}")
    return shape


def leaf(x: Any, required: bool) -> Any:
    """``x`` (new), made a leaf that requires a gradient if ``required``."""
    if required:
        if x._dtype.kind not in "fc":
            raise RuntimeError(f"only tensors of floating point and complex dtype can require gradients, got {x._dtype!r}")
        x._node = LEAF
    return x


def _floating(dtype: Any) -> DType:
    return _state.get_default_dtype() if dtype is None else as_dtype(dtype)


def _filled(name: str, size: tuple[Any, ...], dtype: Any, device: Any, required: bool) -> Any:
    place, kind = to_place(device), _floating(dtype)
    raw = place.kernels[name](to_shape(size), dtype=place.to_raw_dtype(kind))
    return leaf(make(raw, place, kind), required)


def empty(*size: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """A tensor whose values are whatever lay in memory.

    Parameters
    ----------
    *size : int, or one sequence of int
        The shape.
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
    return leaf(make(place.backend.empty(to_shape(size), kind, place.device), place, kind), requires_grad)


def zeros(*size: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """A tensor of zeros. Parameters as :func:`empty`.

    References
    ----------
    Array API standard, ``zeros``; ``torch.zeros``.
    """
    return _filled("zeros", size, dtype, device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """A tensor of ones. Parameters as :func:`empty`.

    References
    ----------
    Array API standard, ``ones``; ``torch.ones``.
    """
    return _filled("ones", size, dtype, device, requires_grad)


def full(
    shape: int | Sequence[int],
    fill_value: Any,
    *,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """A tensor of one value.

    Parameters
    ----------
    shape : int or sequence of int
    fill_value : scalar
        Its kind decides the dtype where none is given: bool, int64, the default dtype, or its complex twin.
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
    if isinstance(fill_value, Value):
        fill_value = fill_value.item()  # type: ignore[attr-defined]
    kind = _infer(np.asarray(fill_value), weak=True) if dtype is None else as_dtype(dtype)
    size = to_shape((shape,))
    value = np.asarray(fill_value).astype(kind.__numpy_dtype__)[()]
    raw = place.backend.from_numpy(np.full(size, value), place.device, copy=False)
    place.to_raw_dtype(kind)
    return leaf(make(raw, place, kind), requires_grad)


def _like(x: Any, dtype: Any, device: Any) -> tuple[Any, Any]:
    return (x._dtype if dtype is None else dtype), (x._place if device is None else device)


def empty_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """As :func:`empty`, with the shape and, by default, the dtype and device of ``x``.

    References
    ----------
    Array API standard, ``empty_like``; ``torch.empty_like``.
    """
    dtype, device = _like(x, dtype, device)
    return empty(x._data.shape, dtype=dtype, device=device, requires_grad=requires_grad)


def zeros_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """As :func:`zeros`, with the shape and, by default, the dtype and device of ``x``.

    References
    ----------
    Array API standard, ``zeros_like``; ``torch.zeros_like``.
    """
    dtype, device = _like(x, dtype, device)
    return zeros(x._data.shape, dtype=dtype, device=device, requires_grad=requires_grad)


def ones_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """As :func:`ones`, with the shape and, by default, the dtype and device of ``x``.

    References
    ----------
    Array API standard, ``ones_like``; ``torch.ones_like``.
    """
    dtype, device = _like(x, dtype, device)
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
    dtype, device = _like(x, dtype, device)
    return full(x._data.shape, fill_value, dtype=dtype, device=device, requires_grad=requires_grad)


def arange(
    start: float,
    /,
    stop: float | None = None,
    step: float = 1,
    *,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from ``start`` (0 if it is the only argument) up to ``stop``, without it, in steps of ``step``.

    Integers where all arguments are, else the default dtype.

    Raises
    ------
    ValueError
        If ``step`` is 0.

    References
    ----------
    Array API standard, ``arange``; ``torch.arange``.
    """
    if stop is None:
        start, stop = 0, start
    if step == 0:
        raise ShapeError(f"arange: step must not be 0 (from {start} to {stop})")
    integers = all(isinstance(v, int) for v in (start, stop, step))
    place = to_place(device)
    kind = (int64 if integers else _state.get_default_dtype()) if dtype is None else as_dtype(dtype)
    n = max(math.ceil((stop - start) / step), 0)
    values = start + step * np.arange(n) if kind.kind in "fc" or integers else np.arange(start, stop, step)
    raw = place.backend.from_numpy(np.asarray(values, dtype=kind.__numpy_dtype__), place.device, copy=False)
    place.to_raw_dtype(kind)
    return leaf(make(raw, place, kind), requires_grad)


def linspace(
    start: complex,
    stop: complex,
    /,
    num: int,
    *,
    dtype: Any = None,
    device: DeviceLike = None,
    endpoint: bool = True,
    requires_grad: bool = False,
) -> Tensor:
    """``num`` numbers evenly spaced from ``start`` to ``stop``, with it unless ``endpoint`` is False.

    References
    ----------
    Array API standard, ``linspace``; ``torch.linspace``.
    """
    place = to_place(device)
    kind = _floating(dtype)
    if dtype is None and (isinstance(start, complex) or isinstance(stop, complex)):
        kind = kind.to_complex()
    values = np.linspace(start, stop, num, endpoint=endpoint, dtype=kind.__numpy_dtype__)
    place.to_raw_dtype(kind)
    return leaf(make(place.backend.from_numpy(values, place.device, copy=False), place, kind), requires_grad)


def eye(
    n_rows: int,
    n_cols: int | None = None,
    /,
    *,
    k: int = 0,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones on the ``k``-th diagonal, zeros elsewhere.

    References
    ----------
    Array API standard, ``eye``; ``torch.eye``.
    """
    place, kind = to_place(device), _floating(dtype)
    n_cols = n_rows if n_cols is None else n_cols
    k = max(-n_rows, min(k, n_cols))  # NumPy overflows on what lies far outside
    values = np.eye(n_rows, n_cols, k=k, dtype=kind.__numpy_dtype__)
    place.to_raw_dtype(kind)
    return leaf(make(place.backend.from_numpy(values, place.device, copy=False), place, kind), requires_grad)


# -- data from outside ---------------------------------------------------------------------------------------------------


def _infer(host: np.ndarray[Any, Any], *, weak: bool) -> DType:
    """The dtype of data; Python's floats and complex numbers (``weak``) take the default precision."""
    if weak and host.dtype.kind == "f":
        return _state.get_default_dtype()
    if weak and host.dtype.kind == "c":
        return _state.get_default_dtype().to_complex()
    return as_dtype(host.dtype)


def _first(data: Any) -> Any:
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return data


def _host(data: Any, dtype: Any) -> tuple[np.ndarray[Any, Any], DType]:
    """Python numbers and nested sequences of them as a NumPy array, and the dtype they are to have."""
    if isinstance(data, list | tuple) and len(data) == 0:
        kind = _floating(dtype)
        return np.zeros(0, kind.__numpy_dtype__), kind
    try:
        host = np.asarray(data)
    except ValueError:
        host = np.asarray(None)
    if host.dtype.kind not in "biufc":
        raise ShapeError(
            f"cannot make a tensor of {_short(data)}: expected numbers, or nested sequences of numbers that all have "
            "the same length"
        )
    weak = not isinstance(_first(data), np.ndarray | np.generic)
    return host, (_infer(host, weak=weak or host.size == 0) if dtype is None else as_dtype(dtype))


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
        return apply(TABLE["clone"], (data,), {}) if copy and out is data else out
    if _holds_tensor(data):
        return _stacked(data, dtype, _place_for(data, device))
    if isinstance(data, np.ndarray | np.generic) or not hasattr(data, "shape"):
        return _from_host(data, dtype, device, copy)
    source = place_of_array(data)
    if source is None and hasattr(data, "__dlpack__"):
        return as_value(from_dlpack(data, copy=copy), dtype=dtype, device=device)
    if source is None:
        return _from_host(np.asarray(data), dtype, device, copy)
    x = make(source.backend.copy(data) if copy else data, source)
    return as_value(x, dtype=dtype, device=device, copy=False if copy is False else None)


def _from_host(data: Any, dtype: Any, device: Any, copy: bool | None) -> Any:
    place = to_place(device)
    is_array = isinstance(data, np.ndarray)
    host, kind = (data, _infer(data, weak=False) if dtype is None else as_dtype(dtype)) if is_array else _host(data, dtype)
    place.to_raw_dtype(kind)
    same = host.dtype == kind.__numpy_dtype__ and host.dtype.isnative
    if copy is False and not (is_array and same and place.backend.capabilities.shares_numpy_memory):
        raise ValueError(f"asarray: copy=False, but {_short(data)} as {kind!r} on {place.device} needs a copy")
    if not same:
        host = _converted(host, kind)
    return make(place.backend.from_numpy(host, place.device, copy=bool(copy) and same), place, kind)


def _converted(host: np.ndarray[Any, Any], kind: DType) -> np.ndarray[Any, Any]:
    if host.dtype.kind == "c" and kind.kind not in "cb":
        raise TypeError(f"cannot convert complex numbers to {kind!r}; take real() first")
    return host.astype(kind.__numpy_dtype__)


def tensor(data: Any, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """A new leaf tensor that holds a copy of ``data``.

    Parameters
    ----------
    data : number, nested sequence of numbers, NumPy array, Tensor, or array of a registered backend
    dtype : DType, optional
        By default from the data; Python floats take the default dtype, integers int64.
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
        If sequences differ in length, or hold something else than numbers.

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
    requires_grad: bool = False,
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
    requires_grad : bool
        Make the result a leaf that requires a gradient (not for what is on the tape already).

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
    return leaf(x, requires_grad and x._node is None)


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
        By default where ``x`` lies.
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
    kind = int(x.__dlpack_device__()[0])
    source = place_of_array(x) if kind not in (1, 2, 3) else None
    place = source or place_of("cuda" if kind == 2 else "cpu")
    out = make(place.backend.from_dlpack(x, place.device, copy=copy), place)
    return as_value(out, device=device, copy=False if copy is False else None)  # type: ignore[no-any-return]
