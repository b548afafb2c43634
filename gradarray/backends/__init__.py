"""The backend contract, for whoever brings a device. See "Add a backend in sixty lines" in CONTRIBUTING.

A plugin subclasses :class:`Backend`, and yields an instance from a hook found through the entry-point group
``gradarray``::

    from gradarray.backends import hookimpl


    @hookimpl
    def gradarray_backends():
        return [MyBackend()]
"""

from gradarray.backends._contract import Array, Backend, Capabilities, RandomSource, Thrift, hookimpl
from gradarray.backends._manager import (
    BackendUnavailableError,
    every,
    get,
    left_out,
    owner,
    register,
    require,
    resolve,
    unregister,
    unusable,
)
from gradarray.backends._special import NumPyFunctions, SciPyFunctions, is_scipys
from gradarray.devices import Device
from gradarray.dtypes import DType

__all__ = [
    "Array",
    "Backend",
    "BackendUnavailableError",
    "Capabilities",
    "DType",
    "Device",
    "NumPyFunctions",
    "RandomSource",
    "SciPyFunctions",
    "Thrift",
    "every",
    "get",
    "hookimpl",
    "is_scipys",
    "left_out",
    "owner",
    "register",
    "require",
    "resolve",
    "unregister",
    "unusable",
]  # fmt: skip
