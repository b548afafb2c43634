"""What there is here: Array API standard, "Inspection"."""

from __future__ import annotations

from typing import Any

from gradarray import _state, backends
from gradarray.creation import DeviceLike, to_place
from gradarray.devices import Device
from gradarray.dtypes import DType, isdtype

Kind = str | tuple[str, ...] | None


class NamespaceInfo:
    """What :func:`__array_namespace_info__` gives.

    References
    ----------
    Array API standard, "Inspection".
    """

    __slots__ = ()

    def capabilities(self) -> dict[str, Any]:
        """What the library behind the default device can do.

        Returns
        -------
        dict
            ``"boolean indexing"`` and ``"data-dependent shapes"``: bool. ``"max dimensions"``: int, or None for any
            number.

        References
        ----------
        Array API standard, ``capabilities``.
        """
        found = {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": None}
        place = to_place(None)
        about = getattr(place.backend.namespace(place.device), "__array_namespace_info__", None)
        if about is not None:
            found |= {name: value for name, value in about().capabilities().items() if name in found}
        return found

    def default_device(self) -> Device:
        """The device that tensors are created on here and now.

        References
        ----------
        Array API standard, ``default_device``; :func:`gradarray.get_default_device`.
        """
        return to_place(None).device

    def default_dtypes(self, *, device: DeviceLike = None) -> dict[str, DType]:
        """The dtypes that Python numbers, and positions, become; the same on every device that has int64.

        Returns
        -------
        dict
            By ``"real floating"``, ``"complex floating"``, ``"integral"`` and ``"indexing"``.

        References
        ----------
        Array API standard, ``default_dtypes``; :func:`gradarray.set_default_dtype`.
        """
        integer = to_place(device).integer
        floating = _state.get_default_dtype()
        return {
            "real floating": floating,
            "complex floating": floating.to_complex(),
            "integral": integer,
            "indexing": integer,
        }

    def dtypes(self, *, device: DeviceLike = None, kind: Kind = None) -> dict[str, DType]:
        """The dtypes that a device has, by name.

        Parameters
        ----------
        device : Device or str, optional
            By default the default device.
        kind : str or tuple of str, optional
            Only those of a kind, or of one of several; the names are those of :func:`gradarray.isdtype`.

        Raises
        ------
        ValueError
            If there is no such kind.

        References
        ----------
        Array API standard, ``dtypes``.
        """
        found = to_place(device).dtype_of.values()
        return {dtype.name: dtype for dtype in found if kind is None or isdtype(dtype, kind)}

    def devices(self) -> tuple[Device, ...]:
        """Every device that can be used here, of every backend that is installed.

        References
        ----------
        Array API standard, ``devices``.
        """
        usable = [backend for backend in backends.every() if backends.unusable(backend) is None]
        return tuple(device for backend in usable for device in backend.devices())


_INFO = NamespaceInfo()


def __array_namespace_info__() -> NamespaceInfo:
    """What there is here: devices, their dtypes, defaults.

    References
    ----------
    Array API standard, ``__array_namespace_info__``.
    """
    return _INFO
