"""Special functions on any library's arrays: its own where it has them, else SciPy's on the host.

Knows SciPy, and imports it only when a function is asked for.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gradarray.devices import Device

if TYPE_CHECKING:
    from gradarray.backends._contract import Array, Backend


class SciPyFunctions:
    """The functions of ``scipy.special`` as attributes, on the arrays of one device.

    Parameters
    ----------
    backend : Backend
    device : Device
    native : module, optional
        The library's own functions, such as ``torch.special``: used where it has one of the name.
    names : mapping of str to str or None, optional
        Its names where they are not SciPy's: ``{"k0": "modified_bessel_k0"}``; None where its own is not to be used.
    only : collection of str, optional
        The functions, by SciPy's names, to take from ``native``, where others of it are inexact or take other
        arguments. By default all that it has.

    Raises
    ------
    NotImplementedError
        If a function is asked for that ``native`` lacks, and SciPy is not installed.
    """

    def __init__(
        self,
        backend: Backend,
        device: Device,
        native: Any = None,
        names: Mapping[str, str | None] | None = None,
        only: Collection[str] | None = None,
    ) -> None:
        self._backend, self._device, self._native, self._names, self._only = backend, device, native, names or {}, only

    def __getattr__(self, name: str) -> Any:
        native = self._names.get(name, name)
        if native is not None and (self._only is None or name in self._only):
            found = getattr(self._native, native, None)
            if found is not None:
                return found
        function = ufunc(name)

        def on_host(*xs: Any) -> Array:
            backend = self._backend
            hosts = [backend.to_numpy(x) if backend.owns(x) else x for x in xs]
            out = np.asarray(function(*hosts))
            return backend.from_numpy(out, self._device, copy=False)

        return on_host


class NumPyFunctions:
    """The functions of ``scipy.special`` themselves, for NumPy's arrays."""

    def __getattr__(self, name: str) -> Any:
        return ufunc(name)


def ufunc(name: str) -> Any:
    """SciPy's function, without the dispatch that it wears where ``SCIPY_ARRAY_API`` is set.

    Raises
    ------
    NotImplementedError
        If SciPy is not installed.
    AttributeError
        If it has no such function.
    """
    try:
        import scipy.special
    except ModuleNotFoundError as error:
        raise NotImplementedError(
            f'special.{name} is computed by SciPy, which is not installed: pip install "gradarray[special]"'
        ) from error
    function = inspect.unwrap(getattr(scipy.special, name))
    return _of_whole_trials(function) if name in ("bdtr", "bdtrc", "bdtri") else function


def _of_whole_trials(function: Any) -> Any:
    """A function of the binomial distribution, with its number of trials whole: SciPy deprecates others."""

    def run(k: Any, n: Any, p: Any) -> Any:
        return function(k, np.asarray(n).astype(np.int64), p).astype(p.dtype)

    return run


def is_scipys(function: Any) -> bool:
    """Whether ``function`` is one of ``scipy.special``, which is not imported for the question."""
    module = sys.modules.get("scipy.special")
    found = getattr(module, function.__name__, None)
    return callable(found) and inspect.unwrap(found) is function
