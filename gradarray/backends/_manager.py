"""Which backends there are: the two built in and, once a device asks for another, those of the plugins.

Knows pluggy. Nothing here runs per operation: a device or an array type is resolved once and is a dictionary hit after.
A plugin that fails is left out, with a warning that says why, and takes no other with it.
"""

from __future__ import annotations

import importlib
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pluggy

from gradarray.backends import _contract
from gradarray.backends._contract import Backend
from gradarray.backends._soundness import breach, check_name, told
from gradarray.devices import Device

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_BUILT_IN = {"numpy": ("gradarray.backends.numpy", "NumpyBackend"), "cupy": ("gradarray.backends.cupy", "CupyBackend")}
_registered: dict[str, Backend] = {}
_left_out: dict[str, str] = {}
_sound: list[Backend] = []
at_unregistering: list[Callable[[Backend], None]] = []
"""Who keeps what it has resolved, and lets go of it when the backend is taken away."""
_loading = threading.RLock()  # a plugin may ask for a backend while it is loaded
_loaded = False


class BackendUnavailableError(RuntimeError):
    """A backend is registered but cannot be used here; the message says what is missing and how to install it."""


def register(backend: Backend) -> None:
    """Make ``backend`` known by its name, as a plugin's hook does.

    Raises
    ------
    TypeError
        If it is no instance of :class:`Backend`, or has no name.
    ValueError
        If another backend has the name, or no device can be named by it.
    """
    check_name(backend)
    taken = _registered.get(backend.name)
    if backend.name in _BUILT_IN or (taken is not None and type(taken) is not type(backend)):
        holder = type(_built_in(backend.name) if taken is None else taken)
        raise ValueError(
            f"a backend named {backend.name!r} is registered already, {_whose(holder)}; give yours, "
            f"{_whose(type(backend))}, another name"
        )
    _registered[backend.name] = backend


def unregister(name: str) -> Backend:
    """Take a backend away again, so that another may have its name: where a test or a notebook makes one anew.

    Tensors that live there are left alone: they are computed with, and moved away, as before. Nothing new can be made
    on its devices, and its raw arrays are nobody's. What a backend of the same name makes later does not mix with them.

    Parameters
    ----------
    name : str

    Returns
    -------
    Backend
        The one that was taken away.

    Raises
    ------
    ValueError
        If it is built in.
    RuntimeError
        If there is none of that name.
    """
    if name in _BUILT_IN:
        raise ValueError(f"the backend {name!r} is built in and cannot be unregistered; leave it out of use")
    backend = get(name)
    del _registered[name]
    _sound[:] = [sound for sound in _sound if sound is not backend]
    for forget in at_unregistering:
        forget(backend)
    return backend


def _whose(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


@cache
def _built_in(name: str) -> Backend:
    module, cls = _BUILT_IN[name]
    backend: Backend = getattr(importlib.import_module(module), cls)()
    return backend


def _load_plugins() -> None:
    """Register what the plugins bring, once; leave out those that fail."""
    global _loaded
    from importlib.metadata import entry_points  # slow to import, and seldom needed

    with _loading:
        if _loaded:
            return
        _loaded = True
        for point in sorted(entry_points(group="gradarray"), key=lambda point: (point.name, point.value)):
            try:
                _load(point)
            except Exception as error:
                source = f" of {point.dist.name} {point.dist.version}" if point.dist is not None else ""
                _left_out[f"{point.name} = {point.value}{source}"] = told(error)
    for plugin, why in _left_out.items():
        warnings.warn(f"gradarray leaves out the plugin {plugin}: {why}", RuntimeWarning, stacklevel=3)


def _load(point: EntryPoint) -> None:
    """Register what one plugin brings."""
    manager = pluggy.PluginManager("gradarray")  # of its own: what one raises would keep pluggy from calling the next
    manager.add_hookspecs(_contract)
    manager.register(point.load(), name=point.name)
    found = manager.hook.gradarray_backends()
    if not found:
        raise TypeError("it has no function gradarray_backends, marked @hookimpl, that returns a list of backends")
    for backends in found:
        if not isinstance(backends, Iterable):
            raise TypeError(f"gradarray_backends() must return a list of backends, got {backends!r}")
        for backend in backends:
            register(backend)


def left_out() -> Mapping[str, str]:
    """The plugins that could not be loaded, each with the reason."""
    _load_plugins()
    return MappingProxyType(_left_out)


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
        failed = "".join(f"; the plugin {plugin} is left out: {why}" for plugin, why in _left_out.items())
        raise RuntimeError(
            f"no backend named {name!r} is registered (there are {known}); install its plugin, for example "
            f"`pip install gradarray-{name}`, or register one with gradarray.backends.register{failed}"
        )
    return _registered[name]


def every() -> Sequence[Backend]:
    """Every registered backend, the built-in ones first."""
    _load_plugins()
    return [*(_built_in(name) for name in _BUILT_IN), *_registered.values()]


def unusable(backend: Backend) -> str | None:
    """Why ``backend`` cannot be used here, or None: what it says itself, or how it breaks the contract."""
    try:
        why = backend.unavailable()
    except Exception as error:
        return f"it breaks the contract: unavailable() raised {told(error)}"
    if why is not None and not isinstance(why, str):
        return f"it breaks the contract: unavailable() must give None or a sentence, got {why!r}"
    if why is not None or any(backend is sound for sound in _sound):
        return why
    why = breach(backend, [sound for sound in _sound if sound.name != backend.name])
    if why is not None:
        return f"it breaks the contract: {why}"
    _sound.append(backend)
    return None


def require(name: str) -> Backend:
    """The backend called ``name``, fit for use.

    Raises
    ------
    BackendUnavailableError
        If it cannot be used here: why, and what to install.
    """
    backend = get(name)
    why = unusable(backend)
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
    if type(array) in numpy.array_types:
        return numpy
    if numpy.owns(array):  # one of a subclass, which may be that of another backend in use
        return next((b for b in _sound if type(array) in b.array_types), numpy)
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        return None
    return next((b for b in every() if _claims(b, array) and unusable(b) is None and b.owns(array)), None)


def _claims(backend: Backend, array: Any) -> bool:
    """Whether ``array`` may be of ``backend``: asked before its library is imported, when it is perhaps not sound."""
    try:
        return backend.owns(array)
    except Exception:
        return True


__all__ = [
    "BackendUnavailableError",
    "every",
    "get",
    "left_out",
    "owner",
    "register",
    "require",
    "resolve",
    "unregister",
    "unusable",
]
