"""The dtypes: one interned set for every backend, their promotion and their limits.

Knows NumPy's names for the types, so that the objects convert to NumPy's and compare equal with them. Must not know
tensors, backends or any other array library.
"""

from __future__ import annotations

import builtins
from typing import Any, Final, final

import numpy as np

__all__ = [
    "DType", "bool", "can_cast", "cdouble", "cfloat", "complex64", "complex128", "double", "finfo", "float", "float32",
    "float64", "iinfo", "int", "int8", "int16", "int32", "int64", "isdtype", "long", "promote_types", "result_type",
    "short", "uint8", "uint16", "uint32", "uint64",
]  # fmt: skip

Scalar = builtins.bool | builtins.int | builtins.float | complex


@final
class DType:
    """A data type: ``gradarray.float32`` and its kin. Interned, so ``is`` compares; equal to NumPy's own dtype.

    Attributes
    ----------
    name : str
        The standard's name.
    kind : {"b", "i", "u", "f", "c"}
        NumPy's letter: bool, signed, unsigned, real floating, complex floating.
    itemsize : int
        Bytes an element.
    """

    __slots__ = ("__numpy_dtype__", "is_complex", "is_floating_point", "is_real_floating", "itemsize", "kind", "name")

    def __init__(self, name: str) -> None:
        as_numpy = np.dtype(name)
        self.name: Final = name
        self.kind: Final = as_numpy.kind
        self.itemsize: Final = as_numpy.itemsize
        self.__numpy_dtype__: Final = as_numpy
        self.is_complex: Final = self.kind == "c"
        self.is_real_floating: Final = self.kind == "f"
        self.is_floating_point: Final = self.kind == "f"

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype; what ``np.dtype(self)`` reads where ``__numpy_dtype__`` is not yet known (NumPy < 2.4)."""
        return self.__numpy_dtype__

    @property
    def is_signed(self) -> builtins.bool:
        """Whether values may be negative."""
        return self.kind not in "bu"

    def to_real(self) -> DType:
        """The real dtype of the same precision."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    def to_complex(self) -> DType:
        """The complex dtype of the same precision."""
        return {"float32": complex64, "float64": complex128}.get(self.name, self)

    def __repr__(self) -> str:
        return f"gradarray.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    def __copy__(self) -> DType:
        return self

    def __deepcopy__(self, memo: object) -> DType:
        return self

    def __eq__(self, other: object) -> builtins.bool:
        if self is other:
            return True
        if isinstance(other, np.dtype | type):
            try:
                return builtins.bool(self.__numpy_dtype__ == other)
            except TypeError:
                return False
        return False if isinstance(other, DType) else NotImplemented

    def __hash__(self) -> builtins.int:
        return hash(self.__numpy_dtype__)


bool = DType("bool")
int8, int16, int32, int64 = map(DType, ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = map(DType, ("uint8", "uint16", "uint32", "uint64"))
float32, float64 = map(DType, ("float32", "float64"))
complex64, complex128 = map(DType, ("complex64", "complex128"))

short, int, long = int16, int32, int64
float, double = float32, float64
cfloat, cdouble = complex64, complex128

ALL: Final[tuple[DType, ...]] = (
    bool, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float32, float64, complex64, complex128,
)  # fmt: skip
BY_NAME: Final[dict[str, DType]] = {d.name: d for d in ALL}

_KINDS: Final[dict[str, str]] = {
    "bool": "b",
    "signed integer": "i",
    "unsigned integer": "u",
    "integral": "iu",
    "real floating": "f",
    "complex floating": "c",
    "numeric": "iufc",
}


def as_dtype(dtype: Any) -> DType:
    """The :class:`DType` that ``dtype`` (one of ours, NumPy's, a name or a Python type) stands for.

    Raises
    ------
    TypeError
        If no dtype of the standard matches.
    """
    if isinstance(dtype, DType):
        return dtype
    python: dict[Any, DType] = {builtins.bool: bool, builtins.int: int64, builtins.float: float64, complex: complex128}
    try:
        return python[dtype] if dtype in python else BY_NAME[np.dtype(dtype).name]
    except (KeyError, TypeError):
        known = ", ".join(BY_NAME)
        raise TypeError(f"dtype must be one of gradarray's ({known}), got {dtype!r}") from None


_UNSIGNED_TO_SIGNED: Final = {"uint8": int16, "uint16": int32, "uint32": int64}


def promote_types(a: DType, b: DType) -> DType:
    """The dtype that holds both.

    The standard's table; where that leaves mixed kinds undefined, PyTorch's rule: an integer (or bool) with a floating
    dtype gives the floating dtype, and a bool with an integer the integer.

    Raises
    ------
    TypeError
        For uint64 with a signed integer, which no integer dtype holds.

    References
    ----------
    Array API standard, "Type Promotion Rules"; ``torch.promote_types``.
    """
    if a is b:
        return a
    order = "buifc"
    if order.index(a.kind) > order.index(b.kind):
        a, b = b, a
    if a.kind == b.kind:
        return a if a.itemsize > b.itemsize else b
    if b.kind == "i" and a.kind == "u":
        signed = _UNSIGNED_TO_SIGNED.get(a.name)
        if signed is None:
            raise TypeError(
                f"{a!r} and {b!r} have no common integer dtype; convert one of them first, for example x.to({b!r})"
            )
        return signed if signed.itemsize > b.itemsize else b
    if b is complex64 and a is float64:
        return complex128
    return b


PROMOTED: Final[dict[tuple[str, str], DType]] = {}
for _a in ALL:
    for _b in ALL:
        if {_a.kind, _b.kind} != {"u", "i"} or "uint64" not in (_a.name, _b.name):
            PROMOTED[_a.name, _b.name] = promote_types(_a, _b)


def promote_scalar(dtype: DType, scalar: Scalar, default: DType) -> DType:
    """The dtype of an array of ``dtype`` combined with a Python scalar, which brings its kind and no precision."""
    if isinstance(scalar, builtins.bool):
        return dtype
    if isinstance(scalar, builtins.int):
        return int64 if dtype is bool else dtype
    if isinstance(scalar, builtins.float):
        return dtype if dtype.kind in "fc" else default
    return dtype.to_complex() if dtype.kind in "fc" else default.to_complex()


def of_scalar(scalar: Scalar, default: DType) -> DType:
    """The dtype of a Python scalar that stands alone."""
    if isinstance(scalar, builtins.bool):
        return bool
    if isinstance(scalar, builtins.int):
        return int64
    return default if isinstance(scalar, builtins.float) else default.to_complex()


def combine(dtypes: list[DType], scalars: list[Scalar], default: DType) -> DType:
    """The common dtype of arrays (``dtypes``) and Python ``scalars``."""
    if not dtypes:
        dtypes, scalars = [of_scalar(scalars[0], default)], scalars[1:]
    out = dtypes[0]
    for d in dtypes[1:]:
        out = out if d is out else PROMOTED.get((out.name, d.name)) or promote_types(out, d)
    for s in scalars:
        out = promote_scalar(out, s, default)
    return out


def isdtype(dtype: Any, kind: Any) -> builtins.bool:
    """Whether ``dtype`` is of a ``kind``: a dtype, one of the standard's kind names, or a tuple of them.

    References
    ----------
    Array API standard, ``isdtype``.
    """
    dtype = as_dtype(dtype)
    if isinstance(kind, tuple):
        return any(isdtype(dtype, k) for k in kind)
    if isinstance(kind, str):
        if kind not in _KINDS:
            raise ValueError(f"kind must be a dtype or one of {', '.join(map(repr, _KINDS))}, got {kind!r}")
        return dtype.kind in _KINDS[kind]
    return dtype is as_dtype(kind)


@final
class finfo:
    """Limits of a floating dtype, as Python floats: ``bits, eps, max, min, smallest_normal, dtype``.

    References
    ----------
    Array API standard, ``finfo``; ``torch.finfo``.
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "resolution", "smallest_normal", "tiny")

    def __init__(self, type: Any = None, /) -> None:
        dtype = as_dtype(getattr(type, "dtype", type) if not isinstance(type, DType) else type)
        if dtype.kind not in "fc":
            raise TypeError(f"finfo needs a floating dtype, got {dtype!r}; for integers use iinfo")
        info = np.finfo(dtype.to_real().__numpy_dtype__)
        self.bits: Final = builtins.int(info.bits)
        self.eps: Final = builtins.float(info.eps)
        self.max: Final = builtins.float(info.max)
        self.min: Final = builtins.float(info.min)
        self.smallest_normal: Final = builtins.float(info.smallest_normal)
        self.tiny: Final = self.smallest_normal
        self.resolution: Final = builtins.float(info.resolution)
        self.dtype: Final = dtype.to_real()

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, dtype={self.dtype.name})"
        )


@final
class iinfo:
    """Limits of an integer dtype, as Python ints: ``bits, max, min, dtype``.

    References
    ----------
    Array API standard, ``iinfo``; ``torch.iinfo``.
    """

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, type: Any, /) -> None:
        dtype = as_dtype(getattr(type, "dtype", type) if not isinstance(type, DType) else type)
        if dtype.kind not in "iu":
            raise TypeError(f"iinfo needs an integer dtype, got {dtype!r}; for floating dtypes use finfo")
        info = np.iinfo(dtype.__numpy_dtype__)
        self.bits: Final = builtins.int(info.bits)
        self.max: Final = builtins.int(info.max)
        self.min: Final = builtins.int(info.min)
        self.dtype: Final = dtype

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype.name})"


LIMITS: Final = {d.name: (iinfo(d).min, iinfo(d).max) for d in ALL if d.kind in "iu"}


def holds(dtype: DType, number: builtins.int) -> builtins.bool:
    """Whether an integer dtype holds a Python int."""
    least, most = LIMITS[dtype.name]
    return least <= number <= most


def result_type(*arrays_and_dtypes: Any, default: DType = float32) -> DType:
    """The dtype that combining tensors, dtypes and Python scalars gives.

    References
    ----------
    Array API standard, ``result_type``.
    """
    dtypes: list[DType] = []
    scalars: list[Scalar] = []
    for x in arrays_and_dtypes:
        if isinstance(x, builtins.bool | builtins.int | builtins.float | complex) and not hasattr(x, "dtype"):
            scalars.append(x)
        else:
            dtypes.append(x if isinstance(x, DType) else as_dtype(getattr(x, "dtype", x)))
    if not dtypes and not scalars:
        raise ValueError("result_type needs at least one array, dtype or scalar, got none")
    return combine(dtypes, scalars, default)


def can_cast(from_: Any, to: Any, /) -> builtins.bool:
    """Whether promotion takes ``from_`` (a dtype or tensor) to ``to``.

    References
    ----------
    Array API standard, ``can_cast``.
    """
    source = from_ if isinstance(from_, DType) else as_dtype(getattr(from_, "dtype", from_))
    target = as_dtype(to)
    return PROMOTED.get((source.name, target.name)) is target
