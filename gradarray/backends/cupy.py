"""The CuPy backend: CUDA GPUs, devices ``"cuda:0"``, ``"cuda:1"`` and so on.

Knows CuPy and array-api-compat's namespace of it, and imports them only inside functions: ``import gradarray``
must work, and be quick, where there is neither CuPy nor a GPU.

CuPy computes on, and allocates on, the *current* device of the thread, wherever its operands lie; and
array-api-compat's creation functions ignore ``device=`` (array-api-compat#337). So kernels run inside
:meth:`CupyBackend.scope`, and the backend's methods see to it themselves.

The functions below have the names, parameters and results of the standard. Each says where CuPy 14 or
array-api-compat 1.16 strays from it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import numpy as np

from gradarray.backends._contract import Array, Backend
from gradarray.backends._special import SciPyFunctions
from gradarray.devices import Device
from gradarray.dtypes import ALL, DType

INSTALL = '`pip install "gradarray[cuda13]"` for CUDA 13 or `pip install "gradarray[cuda12]"` for CUDA 12'
CUDA_DLPACK = (2, 13)  # kDLCUDA and kDLCUDAManaged of dlpack.h: what CuPy itself can import
ATOMIC = frozenset("int32 int64 uint32 uint64 float32 float64".split())  # what cupy.add.at takes


def _cupy() -> Any:
    import cupy

    return cupy


def _compat() -> Any:
    import array_api_compat.cupy

    return array_api_compat.cupy


@cache
def _device(index: int) -> Device:
    return Device("cupy", "cuda", index)


# -- creation ----------------------------------------------------------------------------------------------------------


def asarray(obj: Any, /, *, dtype: Any = None, copy: bool | None = None) -> Array:
    """CuPy's makes 0-d arrays by ``fill``, a memset where ``value == 0``: -0.0 becomes 0.0. ``full`` keeps it."""
    scalar = isinstance(obj, bool | int | float | complex | np.generic | np.ndarray) and np.ndim(obj) == 0
    if scalar and copy is not False:
        return _cupy().full((), obj, dtype)
    return _compat().asarray(obj, dtype=dtype, copy=copy)


def linspace(start: Any, stop: Any, /, num: int, *, dtype: Any = None, endpoint: bool = True) -> Array:
    """CuPy's takes no complex ends."""
    if not isinstance(start, complex) and not isinstance(stop, complex):
        return _compat().linspace(start, stop, num, dtype=dtype, endpoint=endpoint)
    out = _cupy().empty(num, dtype or np.complex128)
    out.real = _compat().linspace(start.real, stop.real, num, endpoint=endpoint)
    out.imag = _compat().linspace(start.imag, stop.imag, num, endpoint=endpoint)
    return out


# -- elementwise -------------------------------------------------------------------------------------------------------

# CUDA kernels by name: parameters and body. x and y are the parts of a complex z, R is their type.
_SOURCES = {
    "strong_multiply": ("T g, T p", "out = g == T(0) ? T(0) : g * p"),
    "relu_backward": ("T g, T y", "out = y == T(0) ? T(0) : g"),
    "sigmoid_backward": ("T g, T y", "out = g * (y * (T(1) - y))"),
    "tanh_backward": ("T g, T y", "out = g * (T(1) - y * y)"),
    # CuPy's a - floor(a / b) * b is nan for b = ±inf, loses the sign of zero and is not exact. This is NumPy's way.
    "remainder": (
        "T a, T b",
        "out = fmod(a, b); if (out == 0) out = copysign(T(0), b); else if ((b < 0) != (out < 0)) out += b",
    ),
    # CUDA's gives nan for a negative order.
    "yn": (
        "T n, T x",
        "const int order = abs((int)n); const double y = yn(order, (double)x); out = n < 0 && order % 2 ? -y : y",
    ),
    # CuPy's complex functions give nan for what is infinite or nan in one part only, log2 even for 0. Its log1p and
    # expm1, being log(1 + z) and exp(z) - 1, lose all of a small z, and log1p takes the wrong side of its branch cut.
    "log": ("T z", "out = log_z"),
    "log2": ("T z", "out = T(log_z.real() / log(R(2)), log_z.imag() / log(R(2)))"),
    "log10": ("T z", "out = T(log_z.real() / log(R(10)), log_z.imag() / log(R(10)))"),
    "log1p": (
        "T z",
        "out = T(small ? log1p(x * (2 + x) + y * y) / 2 : log(hypot(1 + x, y)), atan2(y, 1 + x))",
    ),
    "expm1": (
        "T z",
        "out = small ? T(expm1(x) * cos(y) - 2 * sin(y / 2) * sin(y / 2), exp(x) * sin(y)) : expm1(z)",
    ),
    "acosh": ("T z", "out = x == 0 && isnan(y) ? T(y, acos(x)) : acosh(z)"),
    "tan": ("T z", "out = y == 0 && !isfinite(x) ? T(x - x, y) : tan(z)"),
    "tanh": ("T z", "out = x == 0 && !isfinite(y) ? T(x, y - y) : tanh(z)"),
}
_PARTS = """
    using R = typename T::value_type;
    const R x = z.real(), y = z.imag();
    const bool small = hypot(x, y) < R(0.5);
    const T log_z = isinf(x) || isinf(y) ? T(log(hypot(x, y)), atan2(y, x)) : log(z);
"""


@cache
def _elementwise(name: str) -> Callable[..., Array]:
    inputs, body = _SOURCES[name]
    body = f"{_PARTS if inputs == 'T z' else ''}{body}"
    kernel: Callable[..., Array] = _cupy().ElementwiseKernel(inputs, "T out", body, f"gradarray_{name}")
    return kernel


def _promoted(*xs: Any) -> tuple[np.dtype[Any], list[Any]]:
    """The common dtype of ``xs``, and their arrays in it: a kernel of one's own does not promote."""
    dtype = _cupy().result_type(*xs)
    return dtype, [x.astype(dtype, copy=False) if hasattr(x, "dtype") else x for x in xs]


def _of_cotangent(name: str) -> Callable[[Array, Any], Array]:
    """A kernel of a cotangent and what it meets: one pass, and the host does not wait."""
    return lambda g, p: _elementwise(name)(*_promoted(g, p)[1])


def remainder(x1: Any, x2: Any, /) -> Array:
    """NumPy's algorithm for floating dtypes."""
    dtype, xs = _promoted(x1, x2)
    return _elementwise("remainder")(*xs) if dtype.kind == "f" else _cupy().remainder(*xs)


def _of_complex(name: str) -> Callable[[Array], Array]:
    """CuPy's function for real arrays, ours for complex ones."""

    def function(x: Array, /) -> Array:
        if x.dtype.kind == "c":
            return _elementwise(name)(x)
        return getattr(_compat(), name)(x)

    return function


def pow(x1: Any, x2: Any, /) -> Array:
    """CuPy's gives 0 or 1 for an integer to a negative power, where NumPy and PyTorch raise: so do we for scalars."""
    if isinstance(x2, int) and x2 < 0 and x1.dtype.kind in "iu":
        raise ValueError("integers to negative integer powers are not allowed; convert them to a floating dtype")
    return _cupy().power(x1, x2)


def clip(x: Array, /, min: Any = None, max: Any = None) -> Array:
    """array-api-compat's waits for the device twice, in ``out[mask] = bound[mask]``."""
    limits = np.iinfo(x.dtype) if x.dtype.kind in "iu" else None
    out = x
    if min is not None and not (limits and isinstance(min, int) and min <= limits.min):
        out = _cupy().maximum(out, min)
    if max is not None and not (limits and isinstance(max, int) and max >= limits.max):
        out = _cupy().minimum(out, max)
    return x.copy() if out is x else out.astype(x.dtype, copy=False)


def sign(x: Array, /) -> Array:
    """CuPy 14 itself is right but for bool, whose sign is no number; array-api-compat mends nan again, and waits."""
    if x.dtype.kind == "b":
        raise TypeError("the sign of a bool is not defined; convert it to an integer dtype")
    return _cupy().sign(x)


def where(condition: Any, x1: Any, x2: Any, /) -> Array:
    """CuPy's takes no Python bool for the condition."""
    return _cupy().where(condition if hasattr(condition, "dtype") else asarray(condition), x1, x2)


def real(x: Array, /) -> Array:
    """CuPy's is a view, or ``x`` itself."""
    return x.real.copy()


def imag(x: Array, /) -> Array:
    """CuPy's is a view."""
    return x.imag.copy()


# -- manipulation, sorting, sums, transforms ---------------------------------------------------------------------------


def flip(x: Array, /, *, axis: Any = None) -> Array:
    """CuPy's is a view."""
    return _cupy().flip(x, axis).copy()


def sort(x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """CuPy's refuses 0-d arrays, which PyTorch sorts."""
    return _compat().sort(x, axis=axis, descending=descending, stable=stable) if x.ndim else x.copy()


def argsort(x: Array, /, *, axis: int = -1, descending: bool = False, stable: bool = True) -> Array:
    """CuPy's makes 1-d arrays of 0-d ones; array-api-compat's refuses those in descending order."""
    order = _compat().argsort(x, axis=axis, descending=descending and x.ndim > 0, stable=stable)
    return order.reshape(x.shape)


def _cumulative(name: str) -> Callable[..., Array]:
    """CuPy's refuse 0-d arrays, which NumPy takes for arrays of one element."""

    def function(x: Array, /, *, axis: int | None = None, **kwargs: Any) -> Array:
        return getattr(_compat(), name)(x if x.ndim else x.reshape(1), axis=axis, **kwargs)

    return function


def _fftn(name: str) -> Callable[..., Array]:
    """CuPy 14 ignores an ``s`` that equals the tuple ``x.shape``, whatever the axes (cupy#8248): give it a list."""

    def function(x: Array, /, *, s: Any = None, axes: Any = None, norm: str = "backward") -> Array:
        return getattr(_compat().fft, name)(x, s=None if s is None else list(s), axes=axes, norm=norm)

    return function


def solve(a: Array, b: Array, /) -> Array:
    """CuPy's divides by zero where a stack of matrices is solved for no right sides."""
    return _compat().linalg.solve(a, b) if b.size else _cupy().empty(b.shape, _promoted(a, b)[0])


def exp1(x: Array, /) -> Array:
    """CuPy's counts down from the least integer for nan, for minutes."""
    import cupyx.scipy.special

    nan = _cupy().isnan(x)
    return _cupy().where(nan, x, cupyx.scipy.special.exp1(_cupy().where(nan, 1, x)))


def yn(n: Any, x: Any, /) -> Array:
    """CuPy's gives nan for a negative order, and float64 whatever it is given: no other of its functions does."""
    return _elementwise("yn")(*_promoted(n, x)[1])


KERNELS: dict[str, Callable[..., Array]] = {
    "argsort": argsort,
    "asarray": asarray,
    "clip": clip,
    "cumulative_prod": _cumulative("cumulative_prod"),
    "cumulative_sum": _cumulative("cumulative_sum"),
    "flip": flip,
    "imag": imag,
    "linalg.solve": solve,
    "linspace": linspace,
    "pow": pow,
    "real": real,
    "remainder": remainder,
    "sign": sign,
    "sort": sort,
    "special.exp1": exp1,
    "special.yn": yn,
    "where": where,
    **{name: _of_cotangent(name) for name in ("relu_backward", "sigmoid_backward", "strong_multiply", "tanh_backward")},
    **{name: _of_complex(name) for name in ("acosh", "expm1", "log", "log10", "log1p", "log2", "tan", "tanh")},
    **{f"fft.{name}": _fftn(name) for name in ("fftn", "ifftn", "irfftn", "rfftn")},
}


class CupyBackend(Backend):
    """CUDA GPUs through CuPy.

    Notes
    -----
    What a program sees of the GPU, because mending it would make the host wait for the device at every call:

    - An index *array* out of bounds wraps around, for reading and writing. Python integers are checked.
    - ``x[key] = values`` with duplicate positions keeps an undefined one of the values.
    - ``index_add`` adds up duplicate positions in no fixed order: the last bits differ from run to run.
    - An integer divided by zero is 0; a nan, inf or too large a number cast to an integer is undefined.
    - Subnormal float32 numbers are taken for zero.
    """

    name = "cupy"

    # -- availability and devices --------------------------------------------------------------------------------------

    def unavailable(self) -> str | None:
        try:
            cupy = _cupy()
        except ModuleNotFoundError as error:
            if error.name == "cupy":
                return f"CuPy is not installed; install it with {INSTALL}"
            return f"CuPy is installed but cannot be imported: {error}"
        except Exception as error:  # it looks for its libraries on import, and they fail in their own ways
            return f"CuPy is installed but cannot be imported: {error}"
        version = getattr(cupy, "__version__", "of unknown version")
        if not version.split(".")[0].isdecimal() or int(version.split(".")[0]) < 14:
            # the first with NumPy 2's promotion, where a Python scalar brings no precision
            return f"CuPy 14 or newer is needed, found {version}; install it with {INSTALL}"
        try:
            if cupy.cuda.runtime.getDeviceCount() == 0:
                visible = os.environ.get("CUDA_VISIBLE_DEVICES")
                hint = "" if visible is None else f" (CUDA_VISIBLE_DEVICES is {visible!r})"
                return f"CuPy {version} is installed, but CUDA shows it no device{hint}"
        except Exception as error:
            return f"CuPy {version} is installed, but finds no usable NVIDIA driver and GPU: {error}"
        try:
            cupy.cuda.nvrtc.getVersion()
        except Exception as error:  # the wheels bring no CUDA libraries unless asked to
            return (
                f"CuPy {version} sees a GPU, but not the compiler that it builds kernels with (NVRTC): {error} "
                f'Install the CUDA toolkit, or `pip install "cupy-cuda13x[ctk]"` ("cupy-cuda12x[ctk]" for CUDA 12)'
            )
        return None

    def devices(self) -> Sequence[Device]:
        return [_device(i) for i in range(_cupy().cuda.runtime.getDeviceCount())]

    @property
    def array_types(self) -> tuple[type, ...]:
        return (_cupy().ndarray,)

    def owns(self, array: object) -> bool:
        return isinstance(array, getattr(sys.modules.get("cupy"), "ndarray", ()))

    def device_of(self, array: Array) -> Device:
        return _device(array.data.device_id)

    def scope(self, device: Device) -> Callable[[], AbstractContextManager[object]] | None:
        cuda = _cupy().cuda
        if cuda.runtime.getDeviceCount() == 1:
            return None
        # one for all: it keeps what to go back to on a stack of the thread's, so it nests and threads may share it
        context: AbstractContextManager[object] = cuda.Device(device.index)
        return lambda: context

    def synchronize(self, device: Device) -> None:
        _cupy().cuda.Device(device.index).synchronize()

    # -- the namespace -------------------------------------------------------------------------------------------------

    def namespace(self, device: Device) -> Any:
        return _compat()

    def kernels(self, device: Device) -> Mapping[str, Callable[..., Any]]:
        return KERNELS

    def raw_dtype(self, dtype: DType, device: Device) -> Any:
        return dtype.__numpy_dtype__

    def dtypes(self, device: Device) -> Mapping[Any, DType]:
        return {dtype.__numpy_dtype__: dtype for dtype in ALL}

    # -- memory --------------------------------------------------------------------------------------------------------

    def from_numpy(self, array: np.ndarray[Any, Any], device: Device, *, copy: bool) -> Array:
        with _cupy().cuda.Device(device.index):
            return asarray(array)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        host: np.ndarray[Any, Any] = array.get()
        return host

    def special(self, device: Device) -> Any:
        import cupyx.scipy.special

        # its lpmv is wrong where the degree is no whole number and x < -0.35
        return SciPyFunctions(self, device, native=cupyx.scipy.special, names={"lpmv": None})

    def to_device(self, array: Array, device: Device) -> Array:
        # CuPy's own copy across devices refuses strides, and waits for neither device's stream: the source may not
        # be computed yet when it is read, or be freed and hold something else already.
        cuda = _cupy().cuda
        with array.device:
            array = array.astype(array.dtype, order="C", copy=False)  # ascontiguousarray makes 0-d arrays 1-d
            computed = cuda.get_current_stream().record()
        with cuda.Device(device.index):
            stream = cuda.get_current_stream()
            stream.wait_event(computed)
            out = _cupy().empty(array.shape, array.dtype)
            out.data.copy_from_device_async(array.data, array.nbytes)
            copied = stream.record()
        with array.device:
            cuda.get_current_stream().wait_event(copied)
        return out

    def copy(self, array: Array) -> Array:
        with array.device:
            return array.copy()

    def empty(self, shape: tuple[int, ...], dtype: DType, device: Device) -> Array:
        with _cupy().cuda.Device(device.index):
            return _cupy().empty(shape, dtype.__numpy_dtype__)

    def from_dlpack(self, capsule: Any, device: Device, *, copy: bool | None) -> Array:
        kind, index = capsule.__dlpack_device__()
        if copy is False and (kind not in CUDA_DLPACK or index != device.index):
            raise ValueError(f"copy=False, but from DLPack device {kind, index} to {device} there is only a copy")
        if kind not in CUDA_DLPACK:  # CuPy's refuses the memory of the CPU
            return self.from_numpy(np.from_dlpack(capsule), device, copy=True)
        array = _cupy().from_dlpack(capsule)  # stays on its device; CuPy has no device= and no copy=True here
        if index != device.index:
            return self.to_device(array, device)
        return self.copy(array) if copy else array

    def borrow(self, array: Any, device: Device) -> Array | None:
        try:
            kind, index = array.__dlpack_device__()
            if kind in CUDA_DLPACK and index == device.index:
                return _cupy().from_dlpack(array)
        except (AttributeError, BufferError, RuntimeError, TypeError, ValueError):  # not exported
            pass
        return None

    def setitem(self, array: Array, key: Any, value: Any) -> Array:
        cupy = _cupy()
        with array.device:
            if not isinstance(value, cupy.ndarray):  # CuPy refuses NumPy's arrays, and makes 0.0 of -0.0
                value = asarray(value, dtype=array.dtype)
            elif cupy.may_share_memory(array, value):  # it copies as if they did not overlap
                value = value.copy()
            if value.ndim == 0 and _is_mask_of(key, array):  # CuPy would wait to count what the mask lets pass
                mask = key.reshape(key.shape + (1,) * (array.ndim - key.ndim))
                cupy.copyto(array, value, where=mask)
            else:
                array[key] = value
        return array

    def index_add(self, array: Array, key: Any, value: Array) -> Array:
        add_at = _cupy().add.at  # by atomic operations, which CUDA has for some dtypes only
        with array.device:
            if array.dtype.kind == "c":
                add_at(array.real, key, value.real)
                add_at(array.imag, key, value.imag)
            elif array.dtype.name in ATOMIC:
                add_at(array, key, value)
            else:  # a narrow integer wraps around as it would have, and a bool is whether the sum is not 0
                wide = array.astype(np.int32)
                add_at(wide, key, value.astype(np.int32))
                array[...] = wide
        return array

    def owns_memory(self, array: Array) -> bool:
        # what came by DLPack or __cuda_array_interface__ has no base either, but is not memory of CuPy's pool
        return array.base is None and type(array.data.mem) is _cupy().cuda.memory.PooledMemory

    def strides(self, array: Array) -> tuple[int, ...]:
        return tuple(step // array.itemsize for step in array.strides)


def _is_mask_of(key: Any, array: Array) -> bool:
    """Whether ``key`` is one mask, on the device, that fits the leading dimensions of ``array``."""
    return isinstance(key, _cupy().ndarray) and key.dtype == np.bool_ and key.shape == array.shape[: key.ndim]
