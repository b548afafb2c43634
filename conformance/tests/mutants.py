"""What a mutant is: a backend that is wrong in one thing, made from one that is wrong in nothing.

Each is a class on two devices of its own, such as ``m07_to_numpy:a``. Its docstring says what is wrong, and
``caught_by`` which case of which check must fail there, with ``{}`` for the device.

Knows the contract of backends. Must not know the checks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from gradarray.backends import Array, Backend, Capabilities, Device, DType, RandomSource
from gradarray.backends.numpy import floor_divide


class Boxed(np.ndarray[Any, Any]):
    """An array that knows the device that it is on; each backend has a class of its own."""

    where: Device

    def __array_finalize__(self, parent: Any) -> None:
        if isinstance(parent, Boxed):
            self.where = parent.where


class Sound(Backend):
    """Nothing is wrong."""

    caught_by: ClassVar[str] = ""
    capabilities = Capabilities(shares_numpy_memory=True)

    def __init__(self) -> None:
        self.name = type(self).__name__
        self.kind = type(f"Boxed_{self.name}", (Boxed,), {})

    @property
    def array_types(self) -> tuple[type, ...]:
        return (self.kind,)

    def devices(self) -> Sequence[Device]:
        return (Device(self.name, "a"), Device(self.name, "b"))

    def device_of(self, array: Array) -> Device:
        # inside of a rule an array may still be of the type that NumPy gave it
        return array.where if isinstance(array, Boxed) else self.devices()[0]

    def box(self, x: Any, device: Device, dtype: Any = None, copy: bool | None = None) -> Array:
        made = np.array(x, dtype=dtype, copy=copy).view(self.kind)
        made.where = device
        return made

    def namespace(self, device: Device) -> Any:
        return np

    def kernels(self, device: Device) -> Mapping[str, Callable[..., Any]]:
        def created(function: Callable[..., Any]) -> Callable[..., Array]:
            return lambda *args, **kw: self.box(function(*args, **kw), device)

        names = "arange empty eye full linspace ones zeros zeros_like full_like".split()
        return {
            **{name: created(getattr(np, name)) for name in names},
            "asarray": lambda x, dtype=None, copy=None: self.box(x, device, dtype, copy),
            "add": operator.add,
            "multiply": operator.mul,
            "pow": operator.pow,
            "sum": lambda x, *, axis=None, keepdims=False: np.sum(x, axis=axis, keepdims=keepdims),
            "max": lambda x, *, axis=None, keepdims=False: np.max(x, axis=axis, keepdims=keepdims),
            "argmax": lambda x, *, axis=None, keepdims=False: np.argmax(x, axis=axis, keepdims=keepdims),
            "sort": lambda x, *, axis, descending, stable: (
                -np.sort(-x, axis=axis) if descending else np.sort(x, axis=axis, kind="stable")
            ),
            "argsort": lambda x, *, axis, descending, stable: np.argsort(
                -x if descending else x, axis=axis, kind="stable"
            ),
            "matmul": operator.matmul,
            "floor_divide": floor_divide,
            "strong_multiply": lambda g, p: np.where(g == 0, g.dtype.type(0), g * p),
            "view": lambda x, *, shape: x.reshape(shape, copy=False),
            "flip": lambda x, *, axis=None: np.flip(x, axis).copy(),
            "real": lambda x: np.real(x).copy(),
            "imag": lambda x: np.imag(x).copy(),
        }

    def in_place(self, device: Device) -> Mapping[str, Callable[[Array, Any], object]]:
        return {
            "add": lambda x, y: np.add(x, y, out=x),
            "multiply": lambda x, y: np.multiply(x, y, out=x),
        }

    def walk_scope(self) -> Any:
        return np.errstate(all="ignore")

    def raw_dtype(self, dtype: DType, device: Device) -> Any:
        return np.dtype(dtype.name)

    def from_numpy(self, array: np.ndarray[Any, Any], device: Device, *, copy: bool) -> Array:
        return self.box(array, device, copy=copy or None)

    def to_numpy(self, array: Array) -> np.ndarray[Any, Any]:
        return np.asarray(array)

    def to_device(self, array: Array, device: Device) -> Array:
        return self.box(array, device, copy=True)

    def copy(self, array: Array) -> Array:
        return array.copy()

    def from_dlpack(self, capsule: Any, device: Device, *, copy: bool | None) -> Array:
        return self.box(np.from_dlpack(capsule, copy=copy), device)

    def borrow(self, array: Any, device: Device) -> Array | None:
        return self.box(array, device) if isinstance(array, np.ndarray) else None

    def getitem(self, array: Array, key: Any) -> Array:
        found = array[key]
        return found if isinstance(found, self.kind) else self.box(found, self.device_of(array))

    def index_add(self, array: Array, key: Any, value: Array) -> Array:
        np.add.at(array, ... if isinstance(key, tuple) and not key else key, value)
        return array

    def strides(self, array: Array) -> tuple[int, ...]:
        return tuple(step // array.itemsize for step in array.strides)


MUTANTS: list[type[Sound]] = []


def _add(caught_by: str, name: str, words: str, **members: Any) -> None:
    number = f"m{len(MUTANTS) + 1:02}_{name.replace('.', '_')}"
    MUTANTS.append(type(number, (Sound,), {"caught_by": caught_by, "__doc__": words, **members}))


def kernel(caught_by: str, name: str, words: str, function: Callable[..., Any]) -> None:
    """A mutant whose kernel ``name`` is ``function``."""

    def kernels(self: Sound, device: Device) -> Mapping[str, Callable[..., Any]]:
        return {**Sound.kernels(self, device), name: function}

    _add(caught_by, name, words, kernels=kernels)


def method(caught_by: str, name: str, words: str, function: Callable[..., Any]) -> None:
    """A mutant whose method ``name`` is ``function``."""
    _add(caught_by, name, words, **{name: function})


def declares(caught_by: str, words: str, **capabilities: Any) -> None:
    """A mutant that declares what is not so."""
    can = replace(Sound.capabilities, **capabilities)
    _add(caught_by, f"declares_{next(iter(capabilities))}", words, capabilities=can)


def drawing(caught_by: str, words: str, **methods: Any) -> None:
    """A mutant whose random numbers are wrong."""
    source = type("Source", (RandomSource,), methods)
    method(caught_by, "generator", words, lambda self, device, seed: source(self, device, seed))
