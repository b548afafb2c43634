"""The tensor: what it is, how it shows itself, and how it crosses to Python, NumPy and other libraries.

Knows users. Must not know the engine. What it computes is in :mod:`gradarray.methods`.
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradarray import _state, _watch
from gradarray._dispatch import ShapeError, adopt, make
from gradarray._inplace import settle
from gradarray._nodes import shown
from gradarray._place import Place, at_first
from gradarray._state import get_default_dtype
from gradarray._storage import LEAF, meta_of
from gradarray.autograd import hooks
from gradarray.autograd.backward import backward
from gradarray.backends import Array, is_scipys
from gradarray.creation import as_value, empty, full, ones, tensor, zeros
from gradarray.devices import Device
from gradarray.dtypes import DType
from gradarray.functions import elementwise, manipulation
from gradarray.functions._into import into
from gradarray.methods import Methods, detach

if TYPE_CHECKING:
    from types import ModuleType


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as ``gradarray.Size([5, 3])``.

    References
    ----------
    ``torch.Size``.
    """

    __slots__ = ()

    def numel(self) -> int:
        """How many elements a tensor of this shape has."""
        n = 1
        for length in self:
            n *= length
        return n

    def __repr__(self) -> str:
        return f"gradarray.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        return Size(found) if isinstance(key, slice) else found

    def __add__(self, other: Any) -> Any:
        return Size(tuple(self) + tuple(other))

    def __mul__(self, n: Any) -> Any:
        return Size(tuple(self) * n)

    __rmul__ = __mul__


class _Count(int):
    """``x.size``: the number of elements, which called gives PyTorch's :class:`Size`."""

    _shape: Size

    def __call__(self, dim: int | None = None) -> Any:
        if dim is None:
            return self._shape
        n = len(self._shape)
        if not -n <= dim < n:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {dim}) for a tensor of "
                f"shape {list(self._shape)}"
            )
        return self._shape[dim]


@adopt
class Tensor(Methods):
    """An n-dimensional array of one dtype on one device, which may stand on the tape.

    Made by :func:`gradarray.tensor` and the other creation functions.

    References
    ----------
    Array API standard, "Array object"; ``torch.Tensor``.
    """

    __slots__ = ()
    __array_priority__ = 1000

    # -- what it is ----------------------------------------------------------------------------------------------------

    @property
    def dtype(self) -> DType:
        """The dtype."""
        return self._dtype

    @property
    def device(self) -> Device:
        """The device."""
        return self._place.device

    @property
    def shape(self) -> Size:
        """The lengths of the dimensions."""
        return Size(self._data.shape)

    @property
    def ndim(self) -> int:
        """How many dimensions."""
        return len(self._data.shape)

    @property
    def size(self) -> Any:
        """The number of elements; called, ``x.size()`` is the :class:`Size` and ``x.size(dim)`` one length."""
        shape = Size(self._data.shape)
        count = _Count(shape.numel())
        count._shape = shape
        return count

    @property
    def itemsize(self) -> int:
        """Bytes an element."""
        return self._dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes in all."""
        return self.numel() * self._dtype.itemsize

    @property
    def T(self) -> Tensor:
        """Dimensions in reverse order, a view."""
        return manipulation.permute_dims(self, tuple(range(len(self._data.shape)))[::-1])

    @property
    def mT(self) -> Tensor:
        """The last two dimensions swapped, a view."""
        return manipulation.matrix_transpose(self)

    @property
    def H(self) -> Tensor:
        """Conjugate transpose of a matrix."""
        return elementwise.conj(self.T) if self._dtype.kind == "c" else self.T

    mH = property(lambda self: elementwise.conj(self.mT) if self._dtype.kind == "c" else self.mT)

    @property
    def real(self) -> Tensor:
        """The real part."""
        return elementwise.real(self)

    @property
    def imag(self) -> Tensor:
        """The imaginary part; zeros for a real tensor."""
        return elementwise.imag(self)

    @property
    def is_cuda(self) -> bool:
        """Whether it lies on a CUDA device."""
        return self._place.device.type == "cuda"

    def dim(self) -> int:
        """How many dimensions. ``torch.Tensor.dim``."""
        return len(self._data.shape)

    ndimension = dim

    def numel(self) -> int:
        """How many elements. ``torch.Tensor.numel``."""
        return Size(self._data.shape).numel()

    nelement = numel

    def element_size(self) -> int:
        """Bytes an element. ``torch.Tensor.element_size``."""
        return self._dtype.itemsize

    def is_floating_point(self) -> builtins.bool:
        """Whether of a real floating dtype. ``torch.Tensor.is_floating_point``."""
        return self._dtype.kind == "f"

    def is_complex(self) -> builtins.bool:
        """Whether of a complex dtype. ``torch.Tensor.is_complex``."""
        return self._dtype.kind == "c"

    def __len__(self) -> builtins.int:
        if not self._data.shape:
            raise TypeError("len() of a 0-d tensor")
        return self._data.shape[0]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Tensor]:
        if not self._data.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter(manipulation.unstack(self))

    def __contains__(self, value: object) -> builtins.bool:
        if not isinstance(value, Tensor | builtins.bool | builtins.int | builtins.float | complex | np.generic):
            raise RuntimeError(f"`in` of a Tensor only supports Tensor or number, got {type(value).__name__}")
        return builtins.bool((self == value).any())

    # -- the tape ------------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> builtins.bool:
        """Whether operations on it are recorded."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, required: builtins.bool) -> None:
        if not isinstance(required, builtins.bool | np.bool):
            raise RuntimeError(f"requires_grad must be a bool, got {required!r}")
        if not self.is_leaf:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable "
                "in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        if required and self._dtype.kind not in "fc":
            raise RuntimeError(
                f"only Tensors of floating point and complex dtype can require gradients, got {self._dtype!r}"
            )
        if required and self._kind.inference and not _watch.inference.get():
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        self._node = LEAF if required else None

    def requires_grad_(self, requires_grad: builtins.bool = True) -> Tensor:
        """Set :attr:`requires_grad` in place; returns the tensor. ``torch.Tensor.requires_grad_``."""
        if not requires_grad or self.is_leaf:  # that a tensor that was computed requires one is allowed to be said
            self.requires_grad = requires_grad
        return self

    def is_inference(self) -> builtins.bool:
        """Whether it was made in inference mode. ``torch.Tensor.is_inference``."""
        return self._kind.inference

    @property
    def is_leaf(self) -> builtins.bool:
        """Whether it is nobody's recorded output."""
        return self._node is None or self._node is LEAF

    @property
    def grad_fn(self) -> Any:
        """The node that made it; None for a leaf."""
        where = hooks.place_in_graph(self)
        return None if where is None else shown(where[0])

    @property
    def output_nr(self) -> builtins.int:
        """Which output of its node it is."""
        where = hooks.place_in_graph(self)
        return 0 if where is None else where[1]

    @property
    def retains_grad(self) -> builtins.bool:
        """Whether ``.grad`` of this non-leaf is kept."""
        return self._meta is not None and self._meta.retains is not None

    @property
    def _version(self) -> builtins.int:
        """How many times its memory has been written to in place."""
        if self._kind.inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        meta = self._meta
        return 0 if meta is None or meta.family is None else meta.family.version

    @property
    def _base(self) -> Tensor | None:
        """The tensor that this is a view of."""
        meta = self._meta
        return None if meta is None else meta.root  # type: ignore[return-value]

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: builtins.bool | None = None,
        create_graph: builtins.bool = False,
        inputs: Tensor | Sequence[Tensor] | None = None,
    ) -> None:
        """Add the gradient of this tensor to the ``.grad`` of the leaves it depends on.

        Parameters
        ----------
        gradient : Tensor, optional
            The vector of the vector-Jacobian product; may be left out for a scalar.
        retain_graph, create_graph, inputs
            See :func:`gradarray.autograd.backward`.

        Raises
        ------
        RuntimeError
            See :func:`gradarray.autograd.backward`; no gradient has changed then.

        References
        ----------
        ``torch.Tensor.backward``.
        """
        backward(self, gradient, retain_graph, create_graph, inputs)

    def detach(self) -> Tensor:
        """An alias off the tape: the same memory, no history. ``torch.Tensor.detach``."""
        return detach(self)  # type: ignore[no-any-return]

    def detach_(self) -> Tensor:
        """Take it off the tape in place. ``torch.Tensor.detach_``.

        Raises
        ------
        RuntimeError
            For a view, whose base would disagree.
        """
        if self._base is not None:
            raise RuntimeError(
                "Can't detach views in-place. Use detach() instead, or detach the base before taking the view"
            )
        self._node = None
        return self

    @property
    def data(self) -> Tensor:
        """An alias off the tape, as :meth:`detach`; assigning gives the tensor the other's array."""
        return detach(self)  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"data must be a Tensor, got {type(value).__name__}")
        if value._dtype is not self._dtype and self._node is not None and value._dtype.kind not in "fc":
            raise RuntimeError(f"data set to a tensor of {value._dtype!r}, but it requires gradients")
        grad, hooked = (None, None) if self._meta is None else (self._meta.grad, self._meta.hooks)
        self._data, self._kind, self._shape = value._data, value._kind, None
        self._cell = self._meta = None
        alias = detach(value)
        self._cell, self._meta = alias._cell, alias._meta
        assert alias._meta is not None and alias._meta.family is not None
        alias._meta.family.add(self)
        meta = meta_of(self)
        meta.grad, meta.hooks = grad, hooked

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> hooks.RemovableHandle:
        """Call ``hook`` with each gradient computed of this tensor. ``torch.Tensor.register_hook``."""
        return hooks.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> hooks.RemovableHandle:
        """Call ``hook`` with this leaf when ``backward`` has added to its ``grad``.

        ``torch.Tensor.register_post_accumulate_grad_hook``; see there what is run when.
        """
        return hooks.register_post_accumulate_grad_hook(self, hook)

    def retain_grad(self) -> None:
        """Keep ``.grad`` although this is no leaf. ``torch.Tensor.retain_grad``."""
        hooks.retain_grad(self)

    # -- to Python -----------------------------------------------------------------------------------------------------

    def item(self) -> Any:
        """The only element as a Python number.

        Raises
        ------
        RuntimeError
            If there are none or several.

        References
        ----------
        ``torch.Tensor.item``.
        """
        return self._number("item()")

    def _number(self, how: str) -> Any:
        """:meth:`item`, for what is called ``how``."""
        if self.numel() != 1:
            raise ShapeError(
                f"a Tensor with {self.numel()} elements cannot be converted to Scalar (its shape is "
                f"{list(self._data.shape)}); pick one element, or use tolist()"
            )
        self._leaves(how)
        return self._host().reshape(()).item()

    def _leaves(self, how: str) -> None:
        """It becomes a number or an array: say so to who wants to know."""
        for report in _state.reports.get():
            left = None if self._meta is None else self._meta.left
            if self._node is not None:
                report.noted(how, self._data.shape, self.grad_fn, detached=False)
            elif left is not None:
                report.noted(how, self._data.shape, left(), detached=True)

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for 0-d. ``torch.Tensor.tolist``."""
        self._leaves("tolist()")
        return self._host().tolist()

    def __float__(self) -> builtins.float:
        return builtins.float(self._number("float()"))

    def __int__(self) -> builtins.int:
        return builtins.int(self._number("int()"))

    def __complex__(self) -> complex:
        return complex(self._number("complex()"))

    def __index__(self) -> builtins.int:
        if self._dtype.kind not in "iub" or self.numel() != 1:
            raise TypeError(
                f"only integer tensors of a single element can be converted to an index, got {self._dtype!r} of shape "
                f"{list(self._data.shape)}"
            )
        return builtins.int(self.item())

    def __bool__(self) -> builtins.bool:
        if self.numel() != 1:
            none = "no values" if self.numel() == 0 else "more than one value"
            raise ShapeError(
                f"Boolean value of Tensor with {none} is ambiguous (its shape is {list(self._data.shape)}); use .any() "
                "or .all()"
            )
        return builtins.bool(self._number("bool()"))

    def __format__(self, spec: str) -> str:
        if not self._data.shape:
            return format(self._host().reshape(()).item(), spec)
        return object.__format__(self, spec)

    def __repr__(self) -> str:
        if self._place.level is not None:  # it stands for many values, or has a tangent
            return repr(self._data)
        from gradarray.printing import tensor_str  # late, as what few programs need, see _later

        suffixes = []
        kinds = {"b": "bool", "i": "signed integer", "u": "unsigned integer", "f": "real floating"}
        default = get_default_dtype()
        plain = self._dtype in (default, default.to_complex()) or self._dtype.name in ("bool", "int64")
        if str(self.device) != "cpu":
            suffixes.append(f"device='{self.device}'")
        if not plain or (not self.numel() and self._dtype is not default):
            suffixes.append(f"dtype={self._dtype!r}")
        if self.grad_fn is not None:
            suffixes.append(f"grad_fn=<{self.grad_fn.name()}>")
        elif self.requires_grad:
            suffixes.append("requires_grad=True")
        kind = kinds.get(self._dtype.kind, "complex floating")
        source = detach(self)
        shape = tuple(self._data.shape)
        if all(n == n for n in shape):
            return tensor_str(shape, kind, lambda key: source[key]._host(), suffixes)
        host = self._host()  # of a length that is unknown until it is computed
        return tensor_str(host.shape, kind, host.__getitem__, suffixes)

    def _repr_pretty_(self, printer: Any, cycle: builtins.bool) -> None:
        printer.text(repr(self))

    def _inside(self) -> str:
        """Why a tensor of a transform cannot go to another library."""
        return (
            f"a Tensor inside of {self._place.level} has a batch or a tangent, which an array cannot carry; use "
            "gradarray's functions, or return it first"
        )

    def _host(self) -> np.ndarray[Any, Any]:
        """The values on the host, to read only."""
        return self._place.backend.to_numpy(self._data)

    def __copy__(self) -> Tensor:
        out = detach(self)
        out._node = self._node
        return out  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: dict[builtins.int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                "moment; use x.detach().clone()"
            )
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        out: Any = make(self._place.backend.copy(self._data), self._place, self._dtype, self._node)
        memo[id(self)] = out
        if self.grad is not None:
            out.grad = self.grad.detach().clone()
        return out  # type: ignore[no-any-return]

    def __reduce__(self) -> tuple[Any, ...]:
        if self._place.level is not None:
            raise RuntimeError(f"pickle: {self._inside()}")
        # the graph stays behind, as in PyTorch; the flag goes along
        return _unpickle, (np.array(self._host()), str(self.device), self._dtype.name, self.requires_grad)

    # -- to NumPy and other libraries ----------------------------------------------------------------------------------

    def numpy(self, *, force: builtins.bool = False) -> np.ndarray[Any, Any]:
        """The values as a NumPy array that shares this tensor's memory.

        Parameters
        ----------
        force : bool
            Take it off the tape and copy it to the host where needed.

        Raises
        ------
        RuntimeError
            If it requires a gradient.
        TypeError
            If its memory is not NumPy's to share.

        References
        ----------
        ``torch.Tensor.numpy``.
        """
        if force:
            self._leaves("numpy(force=True)")
            return self._host()
        if self._node is not None:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if self._place.level is not None:
            raise RuntimeError(f"numpy(): {self._inside()}")
        if not self._place.capabilities.shares_numpy_memory:
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host "
                "memory first."
            )
        self._leaves("numpy()")
        settle(self)
        return self._host()

    def native(self) -> Array:
        """The array of the backend's own library that this tensor holds: no copy, the same memory.

        Returns
        -------
        array
            A ``numpy.ndarray`` on ``"cpu"``, a ``torch.Tensor`` on ``"torch:cpu"``, a ``jax.Array`` on ``"jax:cpu:0"``.
            ``gradarray.asarray`` takes it back, without a copy too.

        Raises
        ------
        RuntimeError
            If it requires a gradient, which the other library would lose without a word.

        References
        ----------
        ``to_native`` of narwhals, ``raw`` of eagerpy.

        Examples
        --------
        >>> import gradarray as ga
        >>> ga.ones(2).native()
        array([1., 1.], dtype=float32)
        """
        if self._node is not None:
            raise RuntimeError(
                "Can't call native() on Tensor that requires grad. Use tensor.detach().native() instead."
            )
        if self._place.level is not None:
            raise RuntimeError(f"native(): {self._inside()}")
        self._leaves("native()")
        settle(self)
        return self._data

    def __array__(self, dtype: Any = None, copy: builtins.bool | None = None) -> np.ndarray[Any, Any]:
        # RuntimeError, since consumers take TypeError and ValueError for "try something else"
        if self._node is not None:
            raise RuntimeError(
                "a Tensor that requires grad cannot become a NumPy array without leaving the tape. Use "
                "tensor.detach().numpy() instead."
            )
        if self._place.level is not None:
            raise RuntimeError(f"__array__: {self._inside()}")
        if not self._place.capabilities.shares_numpy_memory:
            raise RuntimeError(f"a Tensor on {self.device} cannot become a NumPy array; use Tensor.cpu() first")
        self._leaves("__array__()")
        settle(self)
        return np.array(self._host(), dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from gradarray.functions import numpy_ufuncs  # late

        namespace = self.__array_namespace__()
        if is_scipys(ufunc) and hasattr(namespace.special, ufunc.__name__):  # log1p, expm1 and round are the standard's
            namespace = namespace.special
        function = numpy_ufuncs.function(namespace, ufunc, method)
        out = kwargs.pop("out", None)
        if function is None or (kwargs and method in ("__call__", "outer")):
            library = "scipy.special" if is_scipys(ufunc) else "numpy"
            given = f"{library}.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}")
            raise TypeError(
                f"{given} is not supported on gradarray tensors{f' with {sorted(kwargs)}' if kwargs else ''}; use the "
                "functions of gradarray, or tensor.detach().numpy()"
            )
        if any(isinstance(x, np.ndarray) for x in inputs):
            inputs = tuple(as_value(x, device=self._place) if isinstance(x, np.ndarray) else x for x in inputs)
        result = function(*inputs, **kwargs)
        if out is None:
            return result
        for x, value in zip(out, result if isinstance(result, tuple) else (result,), strict=True):
            if isinstance(x, Tensor):
                into(x, value, ufunc.__name__)
            else:
                np.copyto(x, np.asarray(value), casting="same_kind")
        return out[0] if len(out) == 1 else out

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from gradarray.functions import numpy_names  # late

        return numpy_names.call(self.__array_namespace__(), func, args, kwargs)

    def __array_namespace__(self, *, api_version: str | None = None) -> ModuleType:
        """The namespace: :mod:`gradarray` itself, for every device. Array API standard."""
        import gradarray

        if api_version not in (None, *gradarray.SUPPORTED_VERSIONS):
            raise ValueError(f"api_version must be one of {gradarray.SUPPORTED_VERSIONS}, got {api_version!r}")
        return gradarray

    def __dlpack__(
        self,
        *,
        stream: Any = None,
        max_version: tuple[builtins.int, builtins.int] | None = None,
        dl_device: tuple[Any, builtins.int] | None = None,
        copy: builtins.bool | None = None,
    ) -> Any:
        """Export the array. Array API standard.

        Raises
        ------
        BufferError
            If it requires a gradient, which the other library would lose without a word.
        """
        if self._node is not None:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        if self._place.level is not None:
            raise BufferError(f"__dlpack__: {self._inside()}")
        self._leaves("__dlpack__()")
        given = {"stream": stream, "max_version": max_version, "dl_device": dl_device, "copy": copy}
        return self._exported().__dlpack__(**{k: v for k, v in given.items() if v is not None})

    def __dlpack_device__(self) -> tuple[Any, builtins.int]:
        """Where the array lies, in DLPack's terms. Array API standard."""
        return self._exported().__dlpack_device__()  # type: ignore[no-any-return]

    def _exported(self) -> Any:
        """What has the memory: the array, or the computed values of one that has none, as Dask's."""
        settle(self)
        return self._data if hasattr(self._data, "__dlpack__") else self._host()

    def to_device(self, device: Device | str, /, *, stream: Any = None) -> Tensor:
        """On another device. Differentiable. Array API standard; ``torch.Tensor.to``."""
        return as_value(self, device=device)  # type: ignore[no-any-return]

    # -- new tensors like this one -------------------------------------------------------------------------------------

    def _options(self, dtype: Any, device: Any) -> dict[str, Any]:
        return {"dtype": self._dtype if dtype is None else dtype, "device": self._place if device is None else device}

    def new_tensor(
        self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: builtins.bool = False
    ) -> Tensor:
        """A new leaf of ``data`` with this tensor's dtype and device. ``torch.Tensor.new_tensor``."""
        return tensor(data, requires_grad=requires_grad, **self._options(dtype, device))

    def new_empty(
        self,
        *args: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: builtins.bool = False,
    ) -> Tensor:
        """See :func:`gradarray.empty`; this tensor's dtype and device. ``torch.Tensor.new_empty``."""
        return empty(*args, size=size, requires_grad=requires_grad, **self._options(dtype, device))

    def new_zeros(
        self,
        *args: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: builtins.bool = False,
    ) -> Tensor:
        """See :func:`gradarray.zeros`; this tensor's dtype and device. ``torch.Tensor.new_zeros``."""
        return zeros(*args, size=size, requires_grad=requires_grad, **self._options(dtype, device))

    def new_ones(
        self,
        *args: Any,
        size: Any = None,
        dtype: Any = None,
        device: Any = None,
        requires_grad: builtins.bool = False,
    ) -> Tensor:
        """See :func:`gradarray.ones`; this tensor's dtype and device. ``torch.Tensor.new_ones``."""
        return ones(*args, size=size, requires_grad=requires_grad, **self._options(dtype, device))

    def new_full(
        self,
        size: Any,
        fill_value: Any,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: builtins.bool = False,
    ) -> Tensor:
        """See :func:`gradarray.full`; this tensor's dtype and device. ``torch.Tensor.new_full``."""
        return full(size, fill_value, requires_grad=requires_grad, **self._options(dtype, device))


def _asked(name: str, x: Tensor) -> Callable[[], Any]:
    """The method ``name`` of ``x``, by which the library that its array is of takes a tensor for that array.

    Raises
    ------
    AttributeError
        If ``x`` lies on another device, or is inside of a transform: other libraries take it for what it is.
    RuntimeError
        If it is on the tape, which that library would lose without a word.
    """
    backend = x._place.backend
    protocol = backend.protocols.get(name)
    if protocol is None:
        raise AttributeError(f"{type(x).__name__!r} object has no attribute {name!r} on {x.device}", name=name, obj=x)
    if x._node is not None:
        raise RuntimeError(
            f"a Tensor that requires grad cannot become an array of {backend.name}'s without leaving the tape. Use "
            "tensor.detach() instead."
        )
    settle(x)
    return functools.partial(protocol, x._data)


def _answer(place: Place) -> None:
    """Let tensors have what the library of ``place`` asks of objects that are not its own, such as ``__jax_array__``.

    As properties of the class. With a ``__getattr__`` the interpreter looks up every attribute of a tensor the long
    way, which took a tenth of the instructions of an operation.
    """
    for name in place.backend.protocols:
        if not hasattr(Tensor, name):
            setattr(Tensor, name, property(functools.partial(_asked, name)))


at_first.append(_answer)


def _unpickle(host: np.ndarray[Any, Any], device: str, dtype: str, required: bool) -> Tensor:
    from gradarray import dtypes

    return tensor(host, dtype=dtypes.BY_NAME[dtype], device=device, requires_grad=required)


__all__ = ["Size", "Tensor"]
