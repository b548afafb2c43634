"""An adversarial backend: NumPy arrays that nobody may write to, so that every write must rebind and write through."""

from functools import cache

import numpy as np

from gradarray.backends import Backend, Capabilities, Device, register


class Frozen(np.ndarray):
    """An array that is read-only, whoever asks."""

    def __array_finalize__(self, obj):
        self.flags.writeable = False

    def __iadd__(self, other):
        return self + other

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return freeze(array)


def freeze(array):
    return np.asarray(array).view(Frozen)


def thaw(array):
    return np.array(array, subok=False)


class FrozenBackend(Backend):
    """Immutable, and no views: what JAX is like."""

    name = "frozen"
    capabilities = Capabilities(mutable=False, views=False)
    array_types = (Frozen,)

    def devices(self):
        return (Device("frozen", "cpu"),)

    def device_of(self, array):
        return Device("frozen", "cpu")

    def namespace(self, device):
        return np

    def raw_dtype(self, dtype, device):
        return dtype.__numpy_dtype__

    def kernels(self, device):
        def copied(function):
            return lambda *args, **kwargs: freeze(thaw(function(*map(_plain, args), **kwargs)))

        names = (
            "reshape",
            "permute_dims",
            "matrix_transpose",
            "expand_dims",
            "squeeze",
            "broadcast_to",
            "flip",
            "real",
            "imag",
        )
        return {
            **{name: copied(getattr(np, name)) for name in names},
            "view": copied(lambda x, *, shape: np.reshape(x, shape)),
            "zeros_like": lambda x: freeze(np.zeros(x.shape, x.dtype)),
            "ones_like": lambda x: freeze(np.ones(x.shape, x.dtype)),
            "asarray": lambda x, dtype=None, copy=None: freeze(np.array(x, dtype=dtype)),
        }

    def from_numpy(self, array, device, *, copy):
        return freeze(np.array(array))

    def to_numpy(self, array):
        return thaw(array)

    def copy(self, array):
        return freeze(thaw(array))

    def getitem(self, array, key):
        return freeze(thaw(np.asarray(array)[_plain(key)]))

    def setitem(self, array, key, value):
        new = thaw(array)
        new[_plain(key)] = value
        return freeze(new)

    def index_add(self, array, key, value):
        new = thaw(array)
        np.add.at(new, _plain(key), value)
        return freeze(new)


def _plain(x):
    if isinstance(x, tuple | list):
        return type(x)(map(_plain, x))
    return np.asarray(x) if isinstance(x, Frozen) else x


@cache
def device():
    """The device of the frozen backend, registered when first asked for."""
    register(FrozenBackend())
    return "frozen:cpu"
