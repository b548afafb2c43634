"""Functions that PyTorch has by names and signatures which the standard has not.

Knows the functions of the standard, which do the work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradarray._dispatch import ShapeError
from gradarray._storage import Value, one_of_several
from gradarray.functions import elementwise as e
from gradarray.functions import linalg, manipulation, searching

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Scalar = bool | int | float | complex


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """``tensors`` joined along ``dim``. Differentiable. See :func:`gradarray.concat`.

    References
    ----------
    ``torch.cat``.
    """
    return manipulation.concat(tensors, axis=dim)


def unsqueeze(x: Tensor, dim: int) -> Tensor:
    """``x`` with a dimension of length 1 put in at ``dim``, a view. Differentiable. See :func:`gradarray.expand_dims`.

    References
    ----------
    ``torch.unsqueeze``.
    """
    return manipulation.expand_dims(x, axis=dim)


def unbind(x: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """The slices of ``x`` along ``dim``, as views. Differentiable. See :func:`gradarray.unstack`.

    References
    ----------
    ``torch.unbind``.
    """
    views = manipulation.unstack(x, axis=dim)
    one_of_several(views)
    return views


def permute(x: Tensor, dims: Sequence[int]) -> Tensor:
    """``x`` with its dimensions in another order, a view. Differentiable. See :func:`gradarray.permute_dims`.

    References
    ----------
    ``torch.permute``.
    """
    return manipulation.permute_dims(x, dims)


def norm(x: Tensor, p: float | str = 2, dim: int | tuple[int, ...] | None = None, keepdim: bool = False) -> Tensor:
    """The ``p``-norm of the elements over ``dim`` (by default all). Differentiable; 0 at 0.

    Parameters
    ----------
    x : Tensor
    p : float or "fro"
        "fro" is 2.
    dim : int, tuple of int or None
    keepdim : bool

    Returns
    -------
    Tensor

    References
    ----------
    ``torch.norm``.
    """
    if isinstance(p, str):
        if p != "fro":
            raise ValueError(f"norm: p must be a number or 'fro', got {p!r}")
        p = 2
    return linalg.vector_norm(x, axis=dim, keepdims=keepdim, ord=p)


def _product(name: str, x1: Any, x2: Any, ndims: tuple[int, int]) -> Tensor:
    given = tuple(len(x._data.shape) if isinstance(x, Value) else -1 for x in (x1, x2))
    if -1 not in given and given != ndims:
        raise ShapeError(
            f"{name}: {ndims[0]}D and {ndims[1]}D tensors expected, but got {given[0]}D and {given[1]}D tensors; "
            "matmul takes any"
        )
    return linalg.matmul(x1, x2)


def dot(x1: Tensor, x2: Tensor) -> Tensor:
    """Product of two 1-d tensors. Differentiable. See :func:`gradarray.matmul`.

    Raises
    ------
    RuntimeError
        If one is not 1-d, or their lengths differ.

    References
    ----------
    ``torch.dot``.
    """
    return _product("dot", x1, x2, (1, 1))


def mm(x1: Tensor, x2: Tensor) -> Tensor:
    """Product of two matrices. As :func:`dot`. ``torch.mm``."""
    return _product("mm", x1, x2, (2, 2))


def mv(x1: Tensor, x2: Tensor) -> Tensor:
    """Product of a matrix and a 1-d tensor. As :func:`dot`. ``torch.mv``."""
    return _product("mv", x1, x2, (2, 1))


def bmm(x1: Tensor, x2: Tensor) -> Tensor:
    """Products of two batches of matrices. As :func:`dot`. ``torch.bmm``."""
    return _product("bmm", x1, x2, (3, 3))


def _plus(x: Any, product: Any, beta: Scalar, alpha: Scalar) -> Any:
    scaled = product if alpha == 1 else e.multiply(product, alpha)
    if beta == 0:  # whatever x holds, also nan
        return scaled
    return e.add(x if beta == 1 else e.multiply(x, beta), scaled)


def addmm(x: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor:
    """``beta * x + alpha * (mat1 @ mat2)``, of matrices; with ``beta=0`` without ``x``. Differentiable.

    Raises
    ------
    RuntimeError
        If the shapes do not go together.

    References
    ----------
    ``torch.addmm``.
    """
    return _plus(x, _product("addmm", mat1, mat2, (2, 2)), beta, alpha)  # type: ignore[no-any-return]


def addmv(x: Tensor, mat: Tensor, vec: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor:
    """``beta * x + alpha * (mat @ vec)``, of a matrix and a 1-d tensor. As :func:`addmm`. ``torch.addmv``."""
    return _plus(x, _product("addmv", mat, vec, (2, 1)), beta, alpha)  # type: ignore[no-any-return]


def baddbmm(x: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor:
    """``beta * x + alpha * (batch1 @ batch2)``, of batches of matrices. As :func:`addmm`. ``torch.baddbmm``."""
    return _plus(x, _product("baddbmm", batch1, batch2, (3, 3)), beta, alpha)  # type: ignore[no-any-return]


def addcmul(x: Tensor, tensor1: Tensor | Scalar, tensor2: Tensor | Scalar, *, value: Scalar = 1) -> Tensor:
    """``x + value * tensor1 * tensor2``. Differentiable.

    References
    ----------
    ``torch.addcmul``.
    """
    product = e.multiply(tensor1, tensor2)
    return e.add(x, product if value == 1 else e.multiply(product, value))


def addcdiv(x: Tensor, tensor1: Tensor | Scalar, tensor2: Tensor | Scalar, *, value: Scalar = 1) -> Tensor:
    """``x + value * tensor1 / tensor2``. Differentiable.

    References
    ----------
    ``torch.addcdiv``.
    """
    quotient = e.divide(tensor1, tensor2)
    return e.add(x, quotient if value == 1 else e.multiply(quotient, value))


def lerp(x: Tensor, end: Tensor, weight: Tensor | Scalar) -> Tensor:
    """From ``x`` a part of the way to ``end``: all of it gives just ``end``. Differentiable in all.

    Parameters
    ----------
    x, end : Tensor
    weight : Tensor or number
        0 for ``x``, 1 for ``end``.

    References
    ----------
    ``torch.lerp``.
    """
    way = e.subtract(end, x)
    if not isinstance(weight, Value):
        if abs(weight) < 0.5:
            return e.add(x, e.multiply(way, weight))
        return e.subtract(end, e.multiply(way, 1 - weight))
    near = e.less(e.abs(weight), 0.5)
    return searching.where(  # type: ignore[no-any-return]
        near, e.add(x, e.multiply(way, weight)), e.subtract(end, e.multiply(way, e.subtract(1, weight)))
    )


def _method(name: str) -> Callable[..., Any]:
    """The function that PyTorch has next to the method ``name``."""

    def function(x: Tensor, /, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(x, Value):
            raise TypeError(f"{name}: expected a Tensor, got {type(x).__name__}")
        return getattr(x, name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The method :meth:`gradarray.Tensor.{name}` as a function. ``torch.{name}``."
    return function


eq, ne, lt, le, gt, ge = map(_method, ("eq", "ne", "lt", "le", "gt", "ge"))
amax, amin, cumsum, cumprod = map(_method, ("amax", "amin", "cumsum", "cumprod"))
chunk, flatten, movedim, narrow = map(_method, ("chunk", "flatten", "movedim", "narrow"))
ravel, repeat_interleave, select, t = map(_method, ("ravel", "repeat_interleave", "select", "t"))
masked_fill, masked_select = map(_method, ("masked_fill", "masked_select"))
detach, take_along_dim, true_divide = map(_method, ("detach", "take_along_dim", "true_divide"))
