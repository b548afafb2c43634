"""``gradcheck`` and ``gradgradcheck``: derivatives of a function of the user's, against central differences.

Knows ``grad``, the level of forward mode, tensors as values, and NumPy on the host. Must not know operations.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradarray._dispatch import make
from gradarray._dual import JvpLevel
from gradarray._storage import LEAF, Value
from gradarray.autograd.backward import grad

if TYPE_CHECKING:
    from gradarray._tensor import Tensor

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """A derivative is not what differences say.

    References
    ----------
    ``torch.autograd.gradcheck.GradcheckError``.
    """


def gradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Whether the gradients of ``func`` are those that central differences tell.

    Complex numbers count as pairs of real ones, so that functions that are not holomorphic are checked as well.

    Parameters
    ----------
    func : callable
        Takes the inputs and gives a tensor or a sequence of tensors. It is called often, and must always do the same.
    inputs : Tensor or sequence
        What it is called with. It is differentiated in each tensor that requires a gradient, which had better be of
        float64 or complex128: in single precision differences tell little.
    eps : float
        The step, to either side.
    atol, rtol : float
        They are close where ``|analytical - numerical| <= atol + rtol * |numerical|``.
    raise_exception : bool
        Raise what is wrong; otherwise give False.
    nondet_tol : float
        By how much two backward passes may differ.
    check_grad_dtypes : bool
        Whether gradients must be of their input's dtype and device.
    check_batched_grad : bool
        Whether many cotangents at once, by ``grad(..., is_grads_batched=True)``, must give what one by one gives.
    check_forward_ad, check_backward_ad : bool
        Whether the tangents of forward mode, and the gradients, are compared.
    fast_mode : bool
        Compare along one direction that is drawn, not in each element: two calls instead of two for each element.

    Returns
    -------
    bool
        True.

    Raises
    ------
    GradcheckError
        If they differ. It says in which input and output, and shows both Jacobians.
    ValueError
        If no input requires a gradient, or ``eps`` vanishes beside an input.

    References
    ----------
    ``torch.autograd.gradcheck``.

    Examples
    --------
    >>> import gradarray as ga
    >>> x = ga.tensor([0.5, -1.0], dtype=ga.float64, requires_grad=True)
    >>> ga.autograd.gradcheck(lambda x: x.exp() * x, x)
    True
    """
    check = _Check(func, _tuple(inputs), eps, atol, rtol, nondet_tol, check_grad_dtypes)
    modes = [mode for mode, asked in (("backward", check_backward_ad), ("forward", check_forward_ad)) if asked]
    try:
        check.in_one_direction(modes) if fast_mode else check.in_every_element(modes)
        if check_batched_grad:
            check.in_batches()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
) -> bool:
    """Whether the gradients of the gradients of ``func`` are those that central differences tell.

    What is checked is the function of the inputs and of ``grad_outputs`` that gives the gradients in the inputs.

    Parameters
    ----------
    func, inputs
        As for :func:`gradcheck`.
    grad_outputs : Tensor or sequence of Tensor, optional
        Where the outputs' cotangents lie, one an output that has a gradient; by default they are drawn.
    eps, atol, rtol, raise_exception, nondet_tol, check_grad_dtypes, check_batched_grad, fast_mode
        As for :func:`gradcheck`.
    check_fwd_over_rev, check_rev_over_rev : bool
        Whether the gradients are differentiated in forward mode, and by backward passes.

    Returns
    -------
    bool
        True.

    Raises
    ------
    GradcheckError, ValueError
        As :func:`gradcheck`. Inputs are counted with the cotangents after them, outputs are the gradients.

    References
    ----------
    ``torch.autograd.gradgradcheck``.
    """
    given = _tuple(inputs)
    wanted = _active(given)
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        seeds = [_leaf(_normal(rng, out), out) for out in _outputs(func(*given)) if out._node is not None]
    else:
        seeds = [_leaf(_host(g), g) for g in _tuple(grad_outputs)]

    def gradients(*both: Any) -> tuple[Any, ...]:
        xs, cotangents = both[: len(given)], both[len(given) :]
        outs = [out for out in _outputs(func(*xs)) if out._node is not None]
        if len(outs) != len(cotangents):
            raise ValueError(f"got {len(cotangents)} grad_outputs for {len(outs)} outputs that have a gradient")
        return grad(outs, [xs[i] for i in wanted], cotangents, create_graph=True, materialize_grads=True)

    return gradcheck(
        gradients,
        (*given, *seeds),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
    )


class _Check:
    """A function at one point: its Jacobians by backward passes and by differences, and how they compare."""

    def __init__(
        self, func: Function, inputs: tuple[Any, ...], eps: float, atol: float, rtol: float, nondet: float, strict: bool
    ) -> None:
        self.func, self.inputs, self.active = func, inputs, _active(inputs)
        self.eps, self.atol, self.rtol, self.nondet, self.strict = eps, atol, rtol, nondet, strict
        self.points = {i: _host(inputs[i]) for i in self.active}
        self.outputs = _outputs(func(*inputs))
        self.twice = _outputs(func(*inputs))

    def in_every_element(self, modes: Sequence[str]) -> None:
        """Compare all Jacobians."""
        numerical = {i: self.numerical(i) for i in self.active}
        for mode in modes:
            for o in range(len(self.outputs)):
                for i, found in (self.analytical(o) if mode == "backward" else self.tangential(o)).items():
                    if not np.allclose(found, numerical[i][o], rtol=self.rtol, atol=self.atol):
                        raise GradcheckError(self.mismatch(o, i, found, numerical[i][o], mode))

    def in_one_direction(self, modes: Sequence[str]) -> None:
        """Compare ⟨u, J v⟩ for random u and v, an output and an input at a time."""
        rng = np.random.default_rng(0)
        for i in self.active:
            v = rng.standard_normal(_parts(self.points[i]).size)
            there, back = (self.called(i, h * v) for h in (self.eps, -self.eps))
            for o, out in enumerate(self.outputs):
                u = rng.standard_normal(_parts(_host(out)).size)
                want = float(u @ (there[o] - back[o])) / (2 * self.eps)
                for mode in modes:
                    found = float(v @ self.pulled(o, u)[i] if mode == "backward" else u @ self.pushed(i, v)[o])
                    if not np.isclose(found, want, rtol=self.rtol, atol=self.atol * max(1.0, abs(v).sum())):
                        jacobians = self.analytical(o) if mode == "backward" else self.tangential(o)
                        raise GradcheckError(self.mismatch(o, i, jacobians[i], self.numerical(i)[o], mode))

    def in_batches(self) -> None:
        """Compare the gradients for two cotangents at once with those for one after the other."""
        rng = np.random.default_rng(1)
        wanted = [self.inputs[i] for i in self.active]
        for o, out in enumerate(self.outputs):
            if out._node is None:
                continue
            us = rng.standard_normal((2, _parts(_host(out)).size))
            seeds = _plain(np.stack([_whole(u, _host(out)) for u in us]), out)
            batch = grad(out, wanted, seeds, retain_graph=True, allow_unused=True, is_grads_batched=True)
            singly = [self.pulled(o, u) for u in us]
            for i, g in zip(self.active, batch, strict=True):
                for k, one in enumerate(singly):
                    found = np.zeros(one[i].size) if g is None else _parts(_host(g)[k])
                    if not np.allclose(found, one[i], rtol=self.rtol, atol=self.atol):
                        raise GradcheckError(
                            f"the gradients of output {o} in input {i} for two cotangents at once are not those for "
                            f"one after the other; for cotangent {k}\nat once: {found}\nby itself: {one[i]}"
                        )

    # -- by backward passes

    def analytical(self, o: int) -> dict[int, Array]:
        """For each input the Jacobian of output ``o``, a row for each of its parts."""
        size = _parts(_host(self.outputs[o])).size
        rows = [self.pulled(o, u) for u in np.eye(size)]
        return {
            i: np.array([row[i] for row in rows]).reshape(size, _parts(point).size) for i, point in self.points.items()
        }

    def pulled(self, o: int, u: Array) -> dict[int, Array]:
        """For each input the parts of its gradient, for the parts ``u`` of the cotangent of output ``o``."""
        wanted = [self.inputs[i] for i in self.active]
        both = []
        for outputs in (self.outputs, self.twice):
            out = outputs[o]
            if out._node is None:
                return {i: np.zeros(_parts(point).size) for i, point in self.points.items()}
            seed = _plain(_whole(u, _host(out)), out)
            both.append(grad(out, wanted, seed, retain_graph=True, allow_unused=True))
        found = {}
        for i, first, second in zip(self.active, *both, strict=True):
            if first is None:
                found[i] = np.zeros(_parts(self.points[i]).size)
                continue
            self.of_its_input(first, i, o)
            found[i] = _parts(_host(first))
            if not np.allclose(found[i], _parts(_host(second)), rtol=0, atol=self.nondet, equal_nan=True):
                raise GradcheckError(
                    f"Backward is not reentrant: two passes from output {o} to input {i} gave gradients that differ by "
                    f"{np.max(np.abs(found[i] - _parts(_host(second)))):g}, where nondet_tol={self.nondet:g} is allowed"
                )
        return found

    def of_its_input(self, g: Value, i: int, o: int) -> None:
        """The gradient has its input's shape, and dtype and device where that is asked."""
        x = self.inputs[i]
        for what, got, want, asked in (
            ("shape", list(g._data.shape), list(x._data.shape), True),
            ("dtype", g._dtype, x._dtype, self.strict),
            ("device", g._place.device, x._place.device, self.strict),
        ):
            if asked and got != want:
                raise GradcheckError(f"the gradient of output {o} in input {i} has {what} {got}, the input {want}")

    # -- in forward mode

    def tangential(self, o: int) -> dict[int, Array]:
        """For each input the Jacobian of output ``o``, a column for each part of the input."""
        size = _parts(_host(self.outputs[o])).size
        return {
            i: np.array([self.pushed(i, v)[o] for v in np.eye(n)]).reshape(n, size).T
            for i, point in self.points.items()
            for n in (_parts(point).size,)
        }

    def pushed(self, i: int, v: Array) -> list[Array]:
        """The parts of each output's tangent, for the parts ``v`` of the tangent of input ``i``."""
        level = JvpLevel()
        with level:
            inputs = list(self.inputs)
            for k in self.active:
                like = self.inputs[k]
                tangent = _plain(_whole(v, self.points[k]), like) if k == i else None
                inputs[k] = level.dual(_plain(self.points[k], like), tangent)
                inputs[k]._node = LEAF  # func may differentiate
            tangents = [level.split(out)[1] for out in _outputs(self.func(*inputs))]
        return [
            np.zeros(_parts(_host(out)).size) if t is None else _parts(_host(t))
            for t, out in zip(tangents, self.outputs, strict=True)
        ]

    # -- by differences

    def numerical(self, i: int) -> list[Array]:
        """For each output its Jacobian in input ``i``, a column for each of the input's parts."""
        size = _parts(self.points[i]).size
        columns: list[list[Array]] = [[] for _ in self.outputs]
        for step in np.eye(size):
            ends = [self.called(i, h * step) for h in (self.eps, -self.eps)]
            for column, there, back in zip(columns, *ends, strict=True):
                column.append((there - back) / (2 * self.eps))
        return [
            np.array(column).reshape(size, _parts(_host(out)).size).T
            for column, out in zip(columns, self.outputs, strict=True)
        ]

    def called(self, i: int, step: Array) -> list[Array]:
        """The parts of each output with the parts of input ``i`` moved by ``step``."""
        point = self.points[i]
        moved = np.asarray(_whole(_parts(point) + step, point))
        if moved.size and np.any(step) and np.array_equal(moved, point):
            raise ValueError(f"eps={self.eps:g} is nothing beside input {i}, of {point.dtype}; choose a larger one")
        inputs = list(self.inputs)
        for k in self.active:  # leaves of their own, so that func may differentiate
            inputs[k] = _leaf(moved if k == i else self.points[k], self.inputs[k])
        outs = _outputs(self.func(*inputs))
        if [out._data.shape for out in outs] != [out._data.shape for out in self.outputs]:
            raise GradcheckError(f"the outputs' shapes change with input {i}")
        return [_parts(_host(out)) for out in outs]

    def mismatch(self, o: int, i: int, found: Array, want: Array, mode: str) -> str:
        """What is said of two Jacobians that differ."""
        pairs = any(_host(x).dtype.kind == "c" for x in (self.outputs[o], self.inputs[i]))
        gap = np.abs(found - want)
        row, column = np.unravel_index(int(np.argmax(np.where(np.isnan(gap), np.inf, gap))), gap.shape)
        how = "" if mode == "backward" else "in forward mode "
        note = " (of complex numbers the real and the imaginary part, one after the other)" if pairs else ""
        return (
            f"Jacobian mismatch {how}for output {o} with respect to input {i}; the most at element {row} of the output "
            f"and {column} of the input: analytical {found[row, column]:g}, numerical {want[row, column]:g}.\n"
            f"Rows are elements of the output, columns of the input{note}.\n"
            f"numerical:\n{np.array2string(want, threshold=200)}\nanalytical:\n{np.array2string(found, threshold=200)}"
        )


def _tuple(x: Any) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, list | tuple) else (x,)


def _active(inputs: Sequence[Any]) -> tuple[int, ...]:
    """The inputs that require a gradient."""
    active = tuple(i for i, x in enumerate(inputs) if isinstance(x, Value) and x._node is not None)
    if not active:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none has requires_grad=True"
        )
    for i in active:
        if inputs[i]._dtype.name not in ("float64", "complex128"):
            warnings.warn(
                f"input {i} is of {inputs[i]._dtype.name}: differences will likely tell too little; "
                "use float64 or complex128",
                stacklevel=3,
            )
    return active


def _outputs(found: Any) -> list[Any]:
    """The outputs that may have derivatives."""
    for out in _tuple(found):
        if not isinstance(out, Value):
            raise TypeError(f"the function must give a tensor or a sequence of tensors, got {type(out).__name__}")
    return [out for out in _tuple(found) if out._dtype.kind in "fc"]


def _host(x: Value) -> Array:
    return np.array(x._place.backend.to_numpy(x._data))


def _parts(x: Array) -> Array:
    """The elements in a row in double precision, the real and the imaginary part of each where they are complex."""
    if x.dtype.kind != "c":
        return x.astype(np.float64).reshape(-1)
    return np.ascontiguousarray(x, np.complex128).reshape(-1).view(np.float64)


def _whole(parts: Array, like: Array) -> Array:
    """What has these parts, of the shape and dtype of ``like``."""
    whole = parts.astype(np.float64)
    return (whole.view(np.complex128) if like.dtype.kind == "c" else whole).reshape(like.shape).astype(like.dtype)


def _plain(x: Array, like: Value) -> Any:
    place = like._place
    return make(place.backend.from_numpy(np.array(x), place.device, copy=True), place, like._dtype)


def _leaf(x: Array, like: Value) -> Any:
    """``x`` as a leaf of the device and dtype of ``like``."""
    leaf = _plain(x, like)
    leaf._node = LEAF
    return leaf


def _normal(rng: np.random.Generator, like: Value) -> Array:
    x = _host(like)
    return _whole(rng.standard_normal(_parts(x).size), x)
