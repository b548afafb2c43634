"""The JAX backend: devices ``jax:cpu:0``, ``jax:gpu:0``, ``jax:tpu:0`` and so on, each platform's by its index.

Knows JAX by its public face, and imports it only when asked. Its arrays never change, and may be those of a trace:
inside of ``jax.jit`` nothing here looks at a value.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

from gradarray.backends import Array, Backend, Capabilities, Device, DType, SciPyFunctions, hookimpl

if TYPE_CHECKING:
    import numpy as np

NEEDS_X64 = (
    "JAX is configured to compute in 32 bits. Set JAX_ENABLE_X64=1 in the environment, or call "
    'jax.config.update("jax_enable_x64", True), before gradarray first meets JAX'
)
WIDE = ("int64", "uint64", "float64", "complex128")


@cache
def _library() -> Any:
    """JAX. Whoever imports it first owns its configuration: if that is us, all dtypes are there."""
    ours = "jax" not in sys.modules and "JAX_ENABLE_X64" not in os.environ
    import jax

    library: Any = jax
    if ours:
        library.config.update("jax_enable_x64", True)
    return library


def _has_x64() -> bool:
    return bool(_library().config.jax_enable_x64)


WITH_X64 = Capabilities(mutable=False, views=False)
WITHOUT_X64 = Capabilities(mutable=False, views=False, missing=dict.fromkeys(WIDE, NEEDS_X64))


@cache
def _array_type() -> type[Any]:
    """The type of arrays that have values, which the library does not export; ``jax.Array`` is all arrays'."""
    jax = _library()
    with jax.ensure_compile_time_eval():
        return type(jax.numpy.empty(0))


@cache
def _devices() -> Mapping[Any, Device]:
    """Our devices by the library's, its default one first."""
    jax = _library()
    platforms = [jax.local_devices()]
    try:
        platforms.append(jax.local_devices(backend="cpu"))
    except RuntimeError:  # left out by JAX_PLATFORMS
        pass
    chosen = jax.config.jax_default_device  # a device, or the name of a platform
    if isinstance(chosen, str):
        chosen = jax.local_devices(backend=chosen)[0]
    ours = {raw: Device("jax", raw.platform, i) for platform in platforms for i, raw in enumerate(platform)}
    return ours if chosen is None else {chosen: ours[chosen], **ours}


@cache
def _raw(device: Device) -> Any:
    """The library's device for ours. For the default one None: what is made there goes along with other devices'."""
    raw = next(raw for raw, ours in _devices().items() if ours == device)
    return None if device == _default() else raw


def _default() -> Device:
    return next(iter(_devices().values()))


class _Namespace:
    """``jax.numpy`` as seen from one device: what it creates lies there."""

    def __init__(self, module: Any, created: Mapping[str, Any]) -> None:
        self._module = module
        self.__dict__.update(created)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@cache
def _namespace(device: Device) -> _Namespace:
    jax = _library()
    from gradarray_jax import _kernels

    convert = jax.jit(_kernels.convert, static_argnames="dtype")
    return _Namespace(jax.numpy, {**_kernels.created_on(_raw(device)), "astype": convert})


@cache
def _compiled() -> Mapping[str, Callable[..., Any]]:
    _library()
    from gradarray_jax import _kernels, _mended

    return {**_kernels.compiled(), **_mended.mended()}


@cache
def _by_key() -> Any:
    _library()
    from gradarray_jax import _keys

    return _keys


SPECIAL = frozenset(
    "beta betainc betaln dawsn digamma entr erf erfc erfcx erfinv exp1 expi expit expn gamma gammainc gammaincc "
    "gammaln gammasgn i0 i0e i1 i1e logit ndtr ndtri poch psi spence xlog1py xlogy zeta".split()
)
"""JAX's special functions that are exact; others are SciPy's on the host, which cannot be traced."""

INEXACT = ("beta", "betaln", "gammainc", "gammaincc", "poch")
"""Those of JAX that are exact for some arguments only: taken inside of a trace, where SciPy's cannot be.

For large a the series of ``gammainc`` loses digits, 9 of 16 at 1e8, and has no last term: for 1e17 and the like it runs
on. ``poch`` overflows with the gamma function of its arguments. What else is inexact is mended.
"""


def _exact() -> AbstractContextManager[object]:
    """A context in which products of matrices are exact to their dtype, or as JAX is configured."""
    jax = _library()
    configured = jax.config.jax_default_matmul_precision is not None
    return nullcontext() if configured else jax.default_matmul_precision("highest")


def _traced(native: Callable[..., Array], on_host: Callable[..., Array]) -> Callable[..., Array]:
    """``native`` inside of a trace, ``on_host`` outside."""
    tracer = _library().core.Tracer

    def run(*xs: Array) -> Array:
        return (native if any(isinstance(x, tracer) for x in xs) else on_host)(*xs)

    return run


class JaxBackend(Backend):
    """JAX: immutable arrays on any device, compiled by XLA."""

    name = "jax"
    # by which JAX's functions take a tensor for its array, also inside of a trace, where DLPack has no memory to show
    protocols: ClassVar = {"__jax_array__": lambda array: array}

    @property
    def capabilities(self) -> Capabilities:  # type: ignore[override] # read only here: it depends on a setting
        if "jax" in sys.modules:
            return WITH_X64 if _has_x64() else WITHOUT_X64
        asked = os.environ.get("JAX_ENABLE_X64", "1").lower()  # by what it will be: nobody imports JAX to ask this
        return WITH_X64 if asked in ("1", "y", "yes", "t", "true", "on") else WITHOUT_X64

    def devices(self) -> Sequence[Device]:
        return tuple(_devices().values())

    @property
    def array_types(self) -> tuple[type, ...]:
        return (_array_type(), _library().Array)

    def owns(self, array: object) -> bool:
        return "jax" in sys.modules and isinstance(array, _library().Array)

    def device_of(self, array: Array) -> Device:
        if isinstance(array, _library().core.Tracer):
            return _default()  # which compiler and caller decide
        places = array.devices()
        return _devices()[next(iter(places))] if len(places) == 1 else _default()

    def scope(self, device: Device) -> Callable[[], AbstractContextManager[object]] | None:
        """Products keep all digits of float32 where JAX by default drops some, unless its configuration says which."""
        return None if device.type == "cpu" else _exact

    def synchronize(self, device: Device) -> None:
        # JAX shows no queue to wait for, but all arrays that live
        for array in _library().live_arrays(device.type):
            if device in map(_devices().get, array.devices()):
                array.block_until_ready()

    def namespace(self, device: Device) -> Any:
        return _namespace(device)

    def special(self, device: Device) -> Any:
        import jax.scipy.special

        from gradarray_jax import _mended

        on_host, names = SciPyFunctions(self, device), {"psi": "digamma"}
        native = {name: getattr(jax.scipy.special, names.get(name, name)) for name in SPECIAL}
        native |= {"beta": _mended.beta, "betaln": _mended.betaln}
        native |= {name: _traced(native[name], getattr(on_host, name)) for name in INEXACT}
        return SciPyFunctions(self, device, native=SimpleNamespace(**native))

    def kernels(self, device: Device) -> Mapping[str, Callable[..., Any]]:
        return _compiled()

    def raw_dtype(self, dtype: DType, device: Device) -> Any:
        if dtype.name in WIDE and not _has_x64():
            raise AttributeError(f"no {dtype.name}: {NEEDS_X64}")
        return dtype.__numpy_dtype__

    def from_numpy(self, array: np.ndarray[Any, Any], device: Device, *, copy: bool) -> Array:
        if array.dtype.name in WIDE and not _has_x64():  # JAX would take half of each number without a word
            raise TypeError(f"JAX has no {array.dtype.name} here: {NEEDS_X64}")
        return _library().numpy.array(array, device=_raw(device))

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        import numpy as np

        return np.asarray(array)

    def copy(self, array: Array) -> Array:
        return _library().numpy.array(array)

    def from_dlpack(self, capsule: Any, device: Device, *, copy: bool | None) -> Array:
        jax = _library()
        if isinstance(capsule, jax.Array):
            array = capsule if self.device_of(capsule) == device else self.to_device(capsule, device)
            return self.copy(array) if copy and array is capsule else array
        if copy is False:
            what = type(capsule).__name__
            raise ValueError(f"from_dlpack: copy=False, but arrays of JAX's never change, and a {what} may")
        return self.to_device(jax.dlpack.from_dlpack(capsule, copy=True), device)

    def to_device(self, array: Array, device: Device) -> Array:
        raw = next(raw for raw, ours in _devices().items() if ours == device)
        return _library().device_put(array, raw)

    def borrow(self, array: Any, device: Device) -> Array | None:
        try:
            borrowed = _library().dlpack.from_dlpack(array, copy=False)
        except Exception:  # memory that XLA cannot use as it lies, or of another device; JAX raises its own errors
            return None
        return borrowed if self.device_of(borrowed) == device else None

    def getitem(self, array: Array, key: Any) -> Array:
        return _by_key().getitem(array, key)

    def setitem(self, array: Array, key: Any, value: Array) -> Array:
        return _by_key().setitem(array, key, value)

    def index_add(self, array: Array, key: Any, value: Array) -> Array:
        return _by_key().index_add(array, key, value)


@hookimpl
def gradarray_backends() -> Sequence[Backend]:
    return [JaxBackend()]
