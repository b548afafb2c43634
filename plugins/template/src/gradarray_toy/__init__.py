"""A backend that keeps NumPy's arrays apart, on a device of its own: ``toy:box``."""

import array_api_compat.numpy as library
import numpy as np

from gradarray.backends import Backend, Capabilities, Device, hookimpl

BOX = Device("toy", "box")


class BoxArray(np.ndarray):
    """An array that is not NumPy's own."""


def box(x, dtype=None, copy=None):
    return np.array(x, dtype=dtype, copy=copy).view(BoxArray)


class ToyBackend(Backend):
    name = "toy"
    capabilities = Capabilities(mutable=True, views=True, shares_numpy_memory=True)
    array_types = (BoxArray,)

    def devices(self):
        return [BOX]

    def device_of(self, array):
        return BOX

    def namespace(self, device):
        return library

    def kernels(self, device):
        def copied(function):  # where NumPy gives a view of its input, and memory of its own is asked for
            return lambda *args, **kw: function(*args, **kw).copy()

        mended = {name: copied(getattr(library, name)) for name in ("flip", "imag", "real")}
        return mended | {"asarray": box}  # also what makes a BoxArray of anything else that a function returns

    def raw_dtype(self, dtype, device):
        return dtype.__numpy_dtype__

    def from_numpy(self, array, device, *, copy):
        return box(array, copy=copy or None)

    def to_numpy(self, array):
        return array.view(np.ndarray)

    def index_add(self, array, key, value):
        np.add.at(array, key, value)
        return array


@hookimpl
def gradarray_backends():
    return [ToyBackend()]
