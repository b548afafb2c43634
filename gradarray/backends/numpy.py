"""The NumPy backend: the CPU, device ``"cpu"``.

Knows NumPy. Its namespace is NumPy's own, which since 2.1 is the standard's but for what ``kernels`` mends
(array-api-compat's copy of it imports every submodule of NumPy, 150 ms, for the same functions).
"""

from __future__ import annotations

import cmath
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from contextvars import Token, copy_context
from typing import Any

import numpy as np

from gradarray.backends._contract import Array, Backend, Capabilities
from gradarray.backends._special import NumPyFunctions
from gradarray.backends._thrift import NumpyThrift, expanded, fits
from gradarray.devices import Device
from gradarray.dtypes import ALL, DType

CPU = Device("numpy", "cpu")
_ndarray = np.ndarray  # asked for so often that the way by ``np`` counts


def strong_multiply(g: Array, p: Array) -> Array:
    """``g * p`` where a zero in ``g`` beats an inf or nan in ``p``. Its greatest tells if there is a nan.

    Where the greatest is, NumPy finds in half the time of a reduction; a nan it takes for the greatest.
    """
    product = g * p
    if (type(p) is not _ndarray or p.ndim == 0) and cmath.isfinite(p):
        return product
    try:
        greatest = product.item(product.argmax())
    except ValueError:  # there are no elements
        return product
    return np.where(g == 0, product.dtype.type(0), product) if greatest != greatest else product


def floor_divide(x1: Array, x2: Array) -> Array:
    """``np.floor_divide``, but with one operand infinite the floor of the quotient; dot products tell if one may be."""
    kind = (x2 if isinstance(x2, np.ndarray) else x1).dtype
    if kind.kind != "f" or (math.isfinite(np.vdot(x1, x1)) and math.isfinite(np.vdot(x2, x2))):
        return np.floor_divide(x1, x2)
    mask = np.not_equal(np.isinf(x1), np.isinf(x2))
    x1, x2 = np.asarray(x1, kind), np.asarray(x2, kind)
    one = kind.type(1)
    floors = np.floor_divide(np.where(mask, one, x1), np.where(mask, one, x2))
    return np.where(mask, np.divide(x1, np.where(mask, x2, one)), floors)


def argsort(x: Array, *, axis: int, descending: bool, stable: bool) -> Array:
    """``np.argsort``, with the order reversed where asked for; equal elements keep their order in both."""
    kind: Any = "stable" if stable else None
    if not descending:
        return np.argsort(x, axis=axis, kind=kind)
    backwards = np.argsort(np.flip(x, axis=axis), axis=axis, kind=kind)
    return x.shape[axis] - 1 - np.flip(backwards, axis=axis)


def spread(x: Array, *, shape: tuple[int, ...]) -> Array:
    """``x`` broadcast; small arrays copied, which takes a tenth of the time that ``np.broadcast_to`` takes."""
    if math.prod(shape) > 8192:
        return np.broadcast_to(x, shape) if x.ndim else expanded(x, shape)
    out = np.empty(shape, x.dtype)
    if x.ndim:
        out[...] = x
    else:
        out.fill(x)
    return out


_add_up: Any = np.add.reduce


def matmul(x1: Array, x2: Array) -> Array:
    """``x1 @ x2``; of matrices and vectors ``dot``, whose way to BLAS is half a microsecond shorter."""
    return x1.dot(x2) if 0 < x1.ndim < 3 and 0 < x2.ndim < 3 else x1 @ x2


def matmul_nt(x1: Array, x2: Array) -> Array:
    """``x1 @ x2ᵀ``."""
    return x1.dot(x2.T) if x1.ndim == 2 == x2.ndim else x1 @ x2.mT


def matmul_tn(x1: Array, x2: Array) -> Array:
    """``x1ᵀ @ x2``."""
    return x1.T.dot(x2) if x1.ndim == 2 == x2.ndim else x1.mT @ x2


class _Ones(dict[int, Array]):
    """Vectors of ones by their length; short ones are kept."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self._code = code

    def __missing__(self, n: int) -> Array:
        ones = np.ones(n, self._code)
        if n <= 4096 and len(self) < 64:
            self[n] = ones
        return ones


_ONES = {np.dtype(code): _Ones(code) for code in "fd"}


def sum_rows(x: Array) -> Array:
    """The sum over the first dimension. A product with ones takes a third of the time, and adds as exactly."""
    ones = _ONES.get(x.dtype)
    if ones is None or x.ndim != 2 or 0 in x.strides:
        return _add_up(x, axis=0)
    return ones[len(x)].dot(x)


def mean(x: Array, *, axis: Any, keepdims: bool) -> Array:
    """``np.mean`` without its wrapping, which takes longer than a short sum."""
    total = _add_up(x, axis=axis, keepdims=keepdims)
    size = total.size
    return total / (x.size / size) if size else np.mean(x, axis=axis, keepdims=keepdims)


def ones_like(x: Array) -> Array:
    """``np.ones_like``, in a third of its time on small arrays; always in row-major order, a scalar for a 0-d one."""
    if x.ndim == 0:
        return _ONE[x.dtype][()]  # a scalar, with which NumPy computes in a fifth of the time
    out = np.empty(x.shape, x.dtype)
    out.fill(1)
    return out


# 0-d arrays, with which NumPy computes a quarter of a microsecond sooner than with Python's numbers
_ZERO, _ONE = (
    {np.dtype(code): np.asarray(value, code) for code in "?efdFD" + np.typecodes["AllInteger"]} for value in (0, 1)
)


_BITS = {np.dtype(np.float32): np.dtype(np.int32), np.dtype(np.float64): np.dtype(np.int64)}


def relu(x: Array) -> Array:
    """``x``, and 0 where it is negative. A maximum has no branches to guess wrong, which took most of the time."""
    return np.maximum(_ZERO[x.dtype], x)  # in this order it gives x of two zeros


def relu_backward(g: Array, out: Array) -> Array:
    """``g`` where ``out`` is not 0, else 0. On many elements ``np.where`` guesses wrong: there bits are multiplied."""
    bits = _BITS.get(g.dtype)
    if bits is None or g.size < 2_000 or g.shape != out.shape:
        return np.where(out, g, _ZERO[g.dtype])
    mask = (out != _ZERO[out.dtype]).view(np.int8)
    return np.multiply(g.view(bits), mask).view(g.dtype)


def chosen(g: Array, p: Array) -> Array:
    """``g * p``, but 0 where ``p`` is."""
    return relu_backward(g * p, p)


_LARGE = NumpyThrift.least


def sigmoid_backward(g: Array, out: Array) -> Array:
    """``g`` times the derivative of the sigmoid function where that is ``out``."""
    slope = _ONE[out.dtype] - out
    return g * (out * slope) if slope.nbytes < _LARGE else _into(_into(slope, out), g)


def tanh_backward(g: Array, out: Array) -> Array:
    """``g`` times the derivative of tanh where that is ``out``."""
    square = out * out
    if square.nbytes < _LARGE:
        return g * (_ONE[out.dtype] - square)
    return _into(np.subtract(_ONE[out.dtype], square, out=square), g)


def _into(mine: Array, g: Array) -> Array:
    """The product, in the memory of ``mine``: said so, since NumPy sees that only where Python itself multiplies."""
    return np.multiply(g, mine, out=mine if fits(g, mine) else None)


def _muting(gather: int | None = None) -> Callable[[], AbstractContextManager[object]]:
    """What makes a context in which NumPy warns of nothing: ``np.errstate(all="ignore")``, in half of its time.

    What NumPy warns of is the value of a context variable, which says as well how many elements of arrays that lie
    scattered it ``gather``s at a time. Which variable it is, and what its value is then, is seen here once.
    """

    def mute() -> list[tuple[Any, Any]]:
        before = copy_context()
        np.seterr(all="ignore")
        if gather is not None:
            np.setbufsize(gather)
        return [(var, value) for var, value in copy_context().items() if before.get(var) is not value]

    changed = copy_context().run(mute)
    if len(changed) != 1:  # another release keeps it elsewhere
        return lambda: np.errstate(all="ignore")
    variable, muted = changed[0]

    class Muted:
        __slots__ = ("_token",)
        _token: Token[Any]

        def __enter__(self) -> None:
            self._token = variable.set(muted)

        def __exit__(self, *error: object) -> None:
            variable.reset(self._token)

    return Muted


_muted = _muting()
# 8,192 elements, as by default, do not fit into the nearest cache: a sum of large slices takes up to twice as long; not
# so of those that fit into the next one with what they are added to
_muted_in_cache = _muting(gather=1024)
_LARGE_SLICE = 300_000
_BASIC = frozenset((slice, int, type(None), type(...)))


def _let_malloc_keep_memory() -> None:
    """Let glibc keep some memory that is freed, for the arrays to come.

    It hands back what is free at the end of the heap beyond twice the largest block that was ever freed (32 MiB at most
    counts), and a page that comes anew takes as long as a thousand additions. A program that has freed a large array
    once is spared that; so one is freed here, of memory that is never touched. Elsewhere this does nothing.
    """
    with suppress(MemoryError):
        np.empty(2**25 - 2**16, np.uint8)


_let_malloc_keep_memory()


def _is_basic(key: Any) -> bool:
    """Whether ``key`` gives a view: it holds no array, mask or list."""
    if type(key) is not tuple:
        return type(key) in _BASIC
    for k in key:  # noqa: SIM110 (all() and a generator take three times as long)
        if type(k) not in _BASIC:
            return False
    return True


def _clone(x: Array) -> Array:
    # of an expanded array, whose memory has no order to keep, one in row-major order
    return np.array(x, order="C" if 0 in x.strides else "K")


def _roll(x: Array, *, shift: Any, axis: Any) -> Array:
    return np.roll(_clone(x) if 0 in x.strides else x, shift, axis)


class NumpyBackend(Backend):
    name = "numpy"
    capabilities = Capabilities(shares_numpy_memory=True, prefers_arrays=True)
    array_types = (np.ndarray,)

    def devices(self) -> Sequence[Device]:
        return (CPU,)

    def device_of(self, array: Array) -> Device:
        return CPU

    def namespace(self, device: Device) -> Any:
        return np

    def kernels(self, device: Device) -> Mapping[str, Callable[..., Any]]:
        return {
            "strong_multiply": strong_multiply,
            "floor_divide": floor_divide,
            "pow": operator.pow,
            "pow_number": operator.pow,  # which knows of squares and square roots
            "getitem": lambda x, *, key: x[key],
            "view": lambda x, *, shape: x.reshape(shape, copy=False),
            "reshape": lambda x, shape: x.reshape(shape),
            "clone": _clone,
            "roll": _roll,
            "argsort": argsort,
            "relu": relu,
            "chosen": chosen,
            "relu_backward": relu_backward,
            "sigmoid_backward": sigmoid_backward,
            "tanh_backward": tanh_backward,
            "indicator": lambda mask, like: mask.astype(like.dtype),
            "sum": _add_up,
            "sum_rows": sum_rows,
            "mean": mean,
            "spread": spread,
            "ones_like": ones_like,
            "permute_dims": lambda x, axes: x.transpose(axes),
            "matmul": matmul,
            "matmul_nt": matmul_nt,
            "matmul_tn": matmul_tn,
            "matrix_transpose": operator.attrgetter("mT"),
            # NumPy returns a view of its input for these, where a function of the standard gives a new array
            "flip": lambda x, *, axis=None: np.flip(x, axis).copy(),
            "real": lambda x: np.real(x).copy(),
            "imag": lambda x: np.imag(x).copy(),
        }

    def special(self, device: Device) -> Any:
        return NumPyFunctions()

    def in_place(self, device: Device) -> Mapping[str, Callable[[Array, Any], object]]:
        return {
            "add": operator.iadd,
            "subtract": operator.isub,
            "multiply": operator.imul,
            "divide": operator.itruediv,
        }

    def thrift(self, device: Device) -> NumpyThrift:
        return NumpyThrift()

    def walk_scope(self) -> AbstractContextManager[object]:
        return _muted()  # what is infinite or nan was warned of in the forward pass

    def raw_dtype(self, dtype: DType, device: Device) -> Any:
        return dtype.__numpy_dtype__

    def dtypes(self, device: Device) -> Mapping[Any, DType]:
        return {dtype.__numpy_dtype__: dtype for dtype in ALL}

    def from_numpy(self, array: np.ndarray[Any, Any], device: Device, *, copy: bool) -> Array:
        return np.array(array) if copy else np.asarray(array)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        return np.asarray(array)

    def copy(self, array: Array) -> Array:
        return np.array(array)

    def empty(self, shape: tuple[int, ...], dtype: DType, device: Device) -> Array:
        return np.empty(shape, dtype.__numpy_dtype__)

    def from_dlpack(self, capsule: Any, device: Device, *, copy: bool | None) -> Array:
        return np.from_dlpack(capsule, copy=copy)

    def lends(self, array: Array) -> bool:
        return self.owns_memory(array)

    def borrow(self, array: Any, device: Device) -> Array | None:
        try:
            return np.from_dlpack(array, copy=False)
        except (AttributeError, BufferError, RuntimeError, TypeError, ValueError):  # not of the host, or not exported
            return None

    def getitem(self, array: Array, key: Any) -> Array:
        if array.ndim == 1 and type(key) is tuple and len(key) == 2 and key[1] is ... and type(key[0]) is _ndarray:
            return array[key[0]]  # in three quarters of the time
        return array[key]

    def index_add(self, array: Array, key: Any, value: Array) -> Array:
        if _is_basic(key):
            part = array[key]
            if isinstance(part, _ndarray):  # a view: there is nothing to write back
                if part.nbytes < _LARGE_SLICE:
                    part += value
                else:
                    with _muted_in_cache():
                        part += value
                return array
        elif any(isinstance(k, np.ndarray) and k.dtype != bool for k in (key if isinstance(key, tuple) else (key,))):
            np.add.at(array, key, value)
            return array
        array[key] = array[key] + value  # masks name every position once
        return array

    def index_adjoint(self, value: Array, key: Any, shape: tuple[int, ...]) -> Array:
        zeros = np.zeros(shape, value.dtype)
        if not _is_basic(key):
            return self.index_add(zeros, key, value)
        zeros[key] = value  # each position is there once, and a copy takes half the time of a sum
        return zeros

    def owns_memory(self, array: Array) -> bool:
        return type(array) is _ndarray and array.base is None and array.flags.owndata

    def strides(self, array: Array) -> tuple[int, ...]:
        return tuple(step // array.itemsize for step in array.strides)
