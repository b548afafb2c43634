"""SciPy's optimisers on functions of tensors: values, gradients, Jacobians and Hessian products in their form.

Knows the public API, NumPy and, where a solver is called, SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradarray._storage import Value
from gradarray.autograd import no_grad
from gradarray.creation import asarray
from gradarray.func import _trees, grad_and_value, hessian, jacfwd, jacrev, jvp
from gradarray.func import grad as gradient_of
from gradarray.functions.manipulation import concat, reshape

Vector = Any
"""One NumPy vector of float64, as SciPy's solvers take and give it."""


class Problem:
    """A function of tensors in the form of SciPy's solvers, which know vectors of float64.

    Parameters
    ----------
    fun : callable
        Takes what ``x0`` is, and ``args``; gives a 0-d tensor to be minimised, or residuals.
    x0 : Tensor, or tree of them
        Where to start; says shapes, dtypes and devices.
    args : tuple
        Handed on to ``fun``.

    Attributes
    ----------
    x0 : ndarray
        The start as a vector.
    calls : int
        How many times ``fun`` was called.

    Notes
    -----
    Each method takes a vector: :meth:`fun`, :meth:`jac` (the gradient, or the Jacobian of residuals),
    :meth:`fun_and_jac`, :meth:`hess`, and :meth:`hessp`, which takes the vector to be multiplied as well.
    ``scipy.optimize.minimize(p.fun_and_jac, p.x0, jac=True, hessp=p.hessp)`` is how they are used.
    """

    def __init__(self, fun: Callable[..., Any], x0: Any, args: tuple[Any, ...] = ()) -> None:
        leaves, self._build = _trees.flatten(x0)
        self._like = [asarray(x) for x in leaves]
        for x in self._like:
            if not x.is_floating_point():
                raise TypeError(f"optimising takes real floating tensors, got {x.dtype!r}; convert x0 first")
        self._function, self._args = fun, args
        self.x0 = self.flat(x0)
        self.calls = 0

    def flat(self, tree: Any) -> Vector:
        """What is as ``x0`` is, as a vector."""
        parts = [
            np.ravel(x.detach().numpy(force=True)).astype(np.float64) for x in map(asarray, _trees.leaves_of(tree))
        ]
        return np.concatenate(parts) if parts else np.zeros(0)

    def tree(self, x: Vector) -> Any:
        """A vector as ``x0`` is."""
        leaves, start = [], 0
        for like in self._like:
            n = math.prod(like.shape)
            part = np.reshape(np.asarray(x[start : start + n], dtype=np.float64), tuple(like.shape))
            leaves.append(asarray(part, dtype=like.dtype, device=like.device, copy=True))
            start += n
        return self._build(leaves)

    def _call(self, tree: Any) -> Any:
        self.calls += 1
        return self._function(tree, *self._args)

    def _residuals(self, tree: Any) -> Any:
        """The output as one tensor: 0-d, or 1-d where it is no number."""
        leaves = _trees.leaves_of(self._call(tree))
        if len(leaves) == 1:
            return leaves[0] if leaves[0].ndim == 0 else reshape(leaves[0], (-1,))
        return concat([reshape(x, (-1,)) for x in leaves])

    def fun(self, x: Vector) -> Any:
        """The value: a float, or a vector of residuals."""
        with no_grad():
            out = self._residuals(self.tree(x))
        return out.item() if out.ndim == 0 else _host(out)

    def jac(self, x: Vector) -> Vector:
        """The gradient, or the Jacobian, one row a residual."""
        return self.fun_and_jac(x)[1]

    def fun_and_jac(self, x: Vector) -> tuple[Any, Vector]:
        """Both, for one call of the function where it gives a number."""
        tree = self.tree(x)
        value = self._output_ndim(tree)
        if value is None:
            gradient, out = grad_and_value(self._residuals)(tree)
            self._scalar = True
            return out.item(), self.flat(gradient)
        rows = [_matrix(j) for j in _trees.leaves_of(self._jacobian(tree, value))]
        return _host(value), np.concatenate(rows, axis=1)

    _scalar: bool | None = None

    def _output_ndim(self, tree: Any) -> Any:
        """The residuals, or None where the function gives a number."""
        if self._scalar:
            return None
        with no_grad():
            out = self._residuals(tree)
        self._scalar = out.ndim == 0
        return None if self._scalar else out

    def _jacobian(self, tree: Any, value: Any) -> Any:
        """Backward where there are fewer residuals than unknowns, else forward."""
        transform: Any = jacrev if value.shape[0] < len(self.x0) else jacfwd
        return transform(self._residuals)(tree)

    def hess(self, x: Vector) -> Vector:
        """The matrix of second derivatives."""
        tree = self.tree(x)
        blocks = _trees.leaves_of(hessian(self._residuals)(tree))
        n = len(self._like)
        rows = []
        for i in range(n):
            height = math.prod(self._like[i].shape)
            rows.append(np.concatenate([_host(b).reshape(height, -1) for b in blocks[i * n : (i + 1) * n]], axis=1))
        return np.concatenate(rows, axis=0)

    def hessp(self, x: Vector, p: Vector) -> Vector:
        """The product of that matrix and ``p``, without the matrix."""
        _, moved = jvp(gradient_of(self._residuals), (self.tree(x),), (self.tree(p),))
        return self.flat(moved)


def _host(x: Any) -> Vector:
    return np.asarray(x.detach().numpy(force=True), dtype=np.float64)


def _matrix(jacobian: Any) -> Vector:
    host = _host(jacobian)
    return host.reshape(host.shape[0], -1)


_WITHOUT = ("nelder-mead", "powell", "cobyla", "cobyqa")
_WITH_PRODUCTS = ("newton-cg", "trust-ncg", "trust-krylov", "trust-constr")
_WITH_MATRIX = ("dogleg", "trust-exact")


def minimize(fun: Callable[..., Any], x0: Any, args: tuple[Any, ...] = (), method: Any = None, **options: Any) -> Any:
    """``scipy.optimize.minimize`` with the derivatives that ``method`` takes.

    Parameters
    ----------
    fun : callable
        Takes what ``x0`` is, and ``args``; gives a 0-d tensor.
    x0 : Tensor, or tree of them
    args : tuple
    method : str or callable, optional
        By default SciPy's choice, BFGS or what constraints need.
    **options
        SciPy's: ``bounds``, ``tol``, ``options``, …

    Returns
    -------
    OptimizeResult
        SciPy's, in which ``x`` is as ``x0`` is; the vector is ``x_flat``.

    Raises
    ------
    TypeError
        If ``fun`` gives no tensor, or ``x0`` is not of real floating ones.
    RuntimeError
        If ``fun`` gives a tensor of some dimensions.

    References
    ----------
    ``scipy.optimize.minimize``.

    Examples
    --------
    >>> import gradarray as ga
    >>> ga.optimize.minimize(lambda x: ((x - 3) ** 2).sum(), ga.zeros(2)).x.round(decimals=2)
    tensor([3., 3.])
    """
    from scipy import optimize

    problem = Problem(lambda tree, *rest: _number(fun(tree, *rest)), x0, args)
    name = method.lower() if isinstance(method, str) else ""
    if name in _WITHOUT:
        result = optimize.minimize(problem.fun, problem.x0, method=method, **options)
        return _finished(problem, result)
    if name in _WITH_PRODUCTS:
        options.setdefault("hessp", problem.hessp)
    if name in _WITH_MATRIX:
        options.setdefault("hess", problem.hess)
    return _finished(problem, optimize.minimize(problem.fun_and_jac, problem.x0, jac=True, method=method, **options))


def least_squares(fun: Callable[..., Any], x0: Any, args: tuple[Any, ...] = (), **options: Any) -> Any:
    """``scipy.optimize.least_squares`` with the Jacobian; ``fun`` gives residuals. As :func:`minimize`.

    References
    ----------
    ``scipy.optimize.least_squares``.
    """
    from scipy import optimize

    problem = Problem(lambda tree, *rest: _at_least_1d(fun(tree, *rest)), x0, args)
    return _finished(problem, optimize.least_squares(problem.fun, problem.x0, jac=problem.jac, **options))


def root(fun: Callable[..., Any], x0: Any, args: tuple[Any, ...] = (), method: str = "hybr", **options: Any) -> Any:
    """``scipy.optimize.root`` with the Jacobian; ``fun`` gives as many numbers as there are in ``x0``.

    As :func:`minimize`. The methods that take no Jacobian (``"krylov"``, ``"df-sane"``, …) are given none.

    References
    ----------
    ``scipy.optimize.root``.
    """
    from scipy import optimize

    problem = Problem(lambda tree, *rest: _at_least_1d(fun(tree, *rest)), x0, args)
    jac = problem.jac if method in ("hybr", "lm") else None
    return _finished(problem, optimize.root(problem.fun, problem.x0, jac=jac, method=method, **options))


def _number(value: Any) -> Any:
    if not isinstance(value, Value):
        raise TypeError(f"minimize: the function must give a 0-d tensor, got {type(value).__name__}")
    if value._data.shape:
        raise RuntimeError(f"minimize: the function must give a 0-d tensor, got one of shape {list(value._data.shape)}")
    return value


def _at_least_1d(tree: Any) -> Any:
    leaves, build = _trees.flatten(tree)
    return build([reshape(x, (1,)) if x.ndim == 0 else x for x in leaves])


def _finished(problem: Problem, result: Any) -> Any:
    result.x_flat = result.x
    result.x = problem.tree(result.x)
    return result


__all__ = ["Problem", "least_squares", "minimize", "root"]
