"""Which backends there are: the two built in and, once a device asks for another, those of the plugins.

Knows pluggy. Nothing here runs per operation: a device or an array type is resolved once and is a dictionary hit after.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from functools import cache
from typing import Any

import pluggy

from gradarray.backends import _contract
from gradarray.backends._contract import Backend
from gradarray.devices import Device

_BUILT_IN = {"numpy": ("gradarray.backends.numpy", "NumpyBackend"), "cupy": ("gradarray.backends.cupy", "CupyBackend")}
_registered: dict[str, Backend] = {}


class BackendUnavailableError(RuntimeError):
    """A backend is registered but cannot be used here; the message says what is missing and how to install it."""


def register(backend: Backend) -> None:
    """Make ``backend`` known by its name, as a plugin's hook does.

    Raises
    ------
    ValueError
        If another backend has the name.
    """
    taken = _registered.get(backend.name)
    if backend.name in _BUILT_IN or (taken is not None and type(taken) is not type(backend)):
        raise ValueError(f"a backend named {backend.name!r} is registered already; give yours another name")
    _registered[backend.name] = backend


@cache
def _built_in(name: str) -> Backend:
    module, cls = _BUILT_IN[name]
    backend: Backend = getattr(importlib.import_module(module), cls)()
    return backend


@cache
def _load_plugins() -> None:
    manager = pluggy.PluginManager("gradarray")
    manager.add_hookspecs(_contract)
    manager.load_setuptools_entrypoints("gradarray")
    for backends in manager.hook.gradarray_backends():
        for backend in backends:
            register(backend)


def get(name: str) -> Backend:
    """The backend called ``name``.

    Raises
    ------
    RuntimeError
        If there is none; the message lists those there are.
    """
    if name in _BUILT_IN:
        return _built_in(name)
    if name not in _registered:
        _load_plugins()
    if name not in _registered:
        known = ", ".join(repr(b.name) for b in every())
        raise RuntimeError(
            f"no backend named {name!r} is registered (there are {known}); install its plugin, for example "
            f"`pip install gradarray-{name}`, or register one with gradarray.backends.register"
        )
    return _registered[name]


def every() -> Sequence[Backend]:
    """Every registered backend, the built-in ones first."""
    _load_plugins()
    return [*(_built_in(name) for name in _BUILT_IN), *_registered.values()]


def require(name: str) -> Backend:
    """The backend called ``name``, fit for use.

    Raises
    ------
    BackendUnavailableError
        If it cannot be used here: why, and what to install.
    """
    backend = get(name)
    why = backend.unavailable()
    if why is not None:
        raise BackendUnavailableError(f"backend {name!r} cannot be used here: {why}")
    return backend


def resolve(device: Device | str) -> Device:
    """The device itself, present and with its index, that ``device`` names.

    Raises
    ------
    BackendUnavailableError
        If its backend cannot be used here.
    RuntimeError
        If the backend has no such device; the message lists those it has.
    """
    wanted = Device(device)
    backend = require(wanted.backend)
    present = backend.devices()
    for d in present:
        if wanted.type in ("", d.type) and (wanted.index is None or wanted.index == d.index):
            return d
    if wanted.index == 0:  # "cpu:0" is "cpu" where the type has one device without an index
        for d in present:
            if wanted.type in ("", d.type) and d.index is None:
                return d
    raise RuntimeError(f"there is no device {str(wanted)!r} here; {wanted.backend} has {', '.join(map(str, present))}")


def owner(array: Any) -> Backend | None:
    """The backend whose array this is, or None."""
    numpy = _built_in("numpy")
    if numpy.owns(array):
        return numpy
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        return None
    return next((b for b in every() if b.unavailable() is None and b.owns(array)), None)


__all__ = ["BackendUnavailableError", "every", "get", "owner", "register", "require", "resolve"]
