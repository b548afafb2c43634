"""An independent model of tensors for whole programs: NumPy and forward mode, with no tape at all.

A ``Twin`` is a value and its derivatives: along one direction, by each element of each leaf, and mixed. Every operation
carries them forward, so at the end the gradients and Hessian products are at hand, and nothing was recorded. Views are
NumPy's own views, of the derivatives as well; so a write through one is seen by all, as gradarray must see to by
rewriting history. ``detach`` shares the value and not the derivatives.

``Namespace`` has what lines of programs call ``ga``: the same text runs in gradarray and here.

Knows NumPy and mathematics. Must not know gradarray.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
WIDTH = 20
"""How many elements all leaves of a program have together, at most."""

FIRST, SECOND = slice(1, 1 + WIDTH), slice(1 + WIDTH, 1 + 2 * WIDTH)


class Unsafe(Exception):
    """A value near a kink or a tie, or too large to tell anything: the line is left out of the program."""


class Root:
    """What a tensor shares with its views: whether it is on the tape, and whether as a leaf."""

    def __init__(self, tracked: bool, leaf: bool = False) -> None:
        self.tracked, self.leaf = tracked, leaf


class Twin:
    """A tensor.

    Attributes
    ----------
    v : array
        The value.
    h : array
        The derivatives in one more axis: 1 along the direction, ``WIDTH`` by the leaves' elements, ``WIDTH`` mixed.
    root : Root
    device : str
    dense : bool
        Whether it lies row by row on every backend, so that another shape of it is a view.
    slots : slice or None
        Of a leaf on the tape: its elements among the ``WIDTH``.
    grad : array or None
    """

    def __init__(self, space: Namespace, v: Any, h: Any, root: Root, device: str, *, dense: bool = False) -> None:
        self.space, self.v, self.h = space, np.asarray(v), np.asarray(h)
        self.root, self.device, self.dense = root, device, dense
        self.slots: slice | None = None
        self.grad: Array | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return self.v.shape

    # -- what gives new memory

    def made(self, v: Any, h: Any, *others: Twin) -> Twin:
        """The result of an operation on this and others."""
        v, h = np.asarray(v, float), np.asarray(h)
        if v.size and (not np.all(np.isfinite(v)) or np.max(np.abs(v)) > 50 or np.max(np.abs(h)) > 1e4):
            raise Unsafe
        tracked = self.space.recording and any(x.root.tracked for x in (self, *others))
        if not tracked:
            h = np.zeros_like(h)
        found = [x.device for x in (self, *others) if x.shape or x.device != "cpu"] or [self.device]
        return Twin(self.space, np.array(v, order="C"), np.array(h, order="C"), Root(tracked), found[0])

    def smooth(self, f: Callable[[Array], tuple[Any, Any, Any]]) -> Twin:
        """A function of each element: ``f`` gives it and two derivatives."""
        v, first, second = (np.asarray(part) for part in f(self.v))
        h = first[..., None] * self.h
        h[..., SECOND] += second[..., None] * self.h[..., :1] * self.h[..., FIRST]
        return self.made(v, h)

    def bilinear(self, other: Twin, product: Callable[[Array, Array], Array]) -> Twin:
        """A product; ``product`` leaves the last axis alone."""
        a, b = self.v[..., None], other.v[..., None]
        h = product(self.h, b) + product(a, other.h)
        h[..., SECOND] += product(self.h[..., :1], other.h[..., FIRST]) + product(self.h[..., FIRST], other.h[..., :1])
        return self.made(product(a, b)[..., 0], h, other)

    def linear(self, f: Callable[[Array], Any]) -> Twin:
        """What moves or adds up elements; ``f`` leaves a last axis alone."""
        return self.made(f(self.v), f(self.h))

    def lifted(self, x: Any) -> Twin:
        """A number as a twin."""
        return x if isinstance(x, Twin) else self.space.constant(np.asarray(float(x)), "cpu")

    def __add__(self, other: Any) -> Twin:
        other = self.lifted(other)
        return self.made(self.v + other.v, self.h + other.h, other)

    def __mul__(self, other: Any) -> Twin:
        return self.bilinear(self.lifted(other), np.multiply)

    def __neg__(self) -> Twin:
        return self.linear(np.negative)

    def __sub__(self, other: Any) -> Twin:
        other = self.lifted(other)
        return self.made(self.v - other.v, self.h - other.h, other)

    def __rsub__(self, other: Any) -> Twin:
        return self.lifted(other) - self

    def __truediv__(self, other: Twin) -> Twin:
        if other.v.size and np.min(np.abs(other.v)) < 0.2:
            raise Unsafe
        return self * other.smooth(lambda x: (1 / x, -1 / x**2, 2 / x**3))

    def __matmul__(self, other: Twin) -> Twin:
        def product(a: Array, b: Array) -> Array:
            return np.moveaxis(np.moveaxis(a, -1, 0) @ np.moveaxis(b, -1, 0), 0, -1)

        return self.bilinear(other, product)

    __radd__, __rmul__ = __add__, __mul__

    def __gt__(self, number: float) -> Array:
        if self.v.size and np.min(np.abs(self.v - number)) < 1e-3:
            raise Unsafe
        return np.asarray(self.v > number)

    def sum(self, dim: int | None = None, keepdim: bool = False) -> Twin:
        axes = tuple(range(self.v.ndim)) if dim is None else (dim,)
        return self.linear(lambda x: np.sum(x, axis=axes, keepdims=keepdim))

    def clone(self) -> Twin:
        return self.linear(np.copy)

    def to(self, device: str) -> Twin:
        moved = self if device == self.device else self.clone()
        moved.device = device
        return moved

    def detach(self) -> Twin:
        return Twin(self.space, self.v, np.zeros_like(self.h), Root(False), self.device, dense=self.dense)

    # -- views and writes

    def view_by(self, f: Callable[[Array], Array], *, dense: bool = False) -> Twin:
        """A view; ``f`` leaves a last axis alone and gives views."""
        return Twin(self.space, f(self.v), f(self.h), self.root, self.device, dense=dense)

    def __getitem__(self, key: Any) -> Twin:
        if isinstance(key, np.ndarray):
            return self.linear(lambda x: x[key])
        rows = isinstance(key, slice) and key.step is None
        key = key if isinstance(key, tuple) else (key,)
        key = key if ... in key else (*key, ...)
        return self.view_by(lambda x: x[key], dense=self.dense and rows)

    def __setitem__(self, key: Any, value: Any) -> None:
        value = self.lifted(value)
        key = key if isinstance(key, tuple | np.ndarray) else (key,)
        self.v[key] = value.v.copy()
        if self.space.recording:
            self.h[key] = value.h.copy()
            self.root.tracked = self.root.tracked or value.root.tracked

    def become(self, value: Twin) -> Twin:
        """Itself, overwritten."""
        self[...] = value
        return self

    def __iadd__(self, other: Any) -> Twin:
        return self.become(self + other)

    def __imul__(self, other: Any) -> Twin:
        return self.become(self * other)

    def add_(self, other: Any) -> Twin:
        return self.become(self + other)

    def mul_(self, other: Any) -> Twin:
        return self.become(self * other)

    def copy_(self, other: Twin) -> Twin:
        return self.become(other)

    def zero_(self) -> Twin:
        return self.become(self.space.constant(np.zeros(()), "cpu"))

    def sin_(self) -> Twin:
        return self.become(self.space.sin(self))

    def tanh_(self) -> Twin:
        return self.become(self.space.tanh(self))

    # -- what backward gives

    def pulled(self, seed: Array, *, second: bool = False) -> Array:
        """⟨seed, this⟩ differentiated by each of the ``WIDTH``; with ``second`` along the direction as well."""
        part = self.h[..., SECOND if second else FIRST]
        return np.tensordot(seed, part, axes=seed.ndim)


class Namespace:
    """What programs call ``ga``."""

    float64 = float32 = None

    def __init__(self) -> None:
        self.recording = True
        self.used = 0

    @contextmanager
    def no_grad(self) -> Iterator[None]:
        self.recording = False
        try:
            yield
        finally:
            self.recording = True

    def constant(self, v: Array, device: str) -> Twin:
        return Twin(self, v, np.zeros((*v.shape, 1 + 2 * WIDTH)), Root(False), device, dense=True)

    def tensor(self, values: Any, *, dtype: object = None, device: str, requires_grad: bool = False) -> Twin:
        made = self.constant(np.array(values, float), device)
        if requires_grad:
            start, size = self.used, made.v.size
            made.root, made.slots, self.used = Root(True, leaf=True), slice(start, start + size), start + size
            made.h[..., 0] = direction(start, made.shape)
            made.h[..., FIRST] = np.eye(WIDTH)[made.slots].reshape(*made.shape, WIDTH)
        return made

    def sin(self, x: Twin) -> Twin:
        return x.smooth(lambda v: (np.sin(v), np.cos(v), -np.sin(v)))

    def tanh(self, x: Twin) -> Twin:
        return x.smooth(lambda v: (y := np.tanh(v), 1 - y**2, -2 * y * (1 - y**2)))

    def exp(self, x: Twin) -> Twin:
        return x.smooth(lambda v: (np.exp(v),) * 3)

    def square(self, x: Twin) -> Twin:
        return x.smooth(lambda v: (v**2, 2 * v, np.full_like(v, 2)))

    def sigmoid(self, x: Twin) -> Twin:
        return x.smooth(lambda v: (y := 1 / (1 + np.exp(-v)), y * (1 - y), y * (1 - y) * (1 - 2 * y)))

    def abs(self, x: Twin) -> Twin:
        positive = x > 0.0
        return x.smooth(lambda v: (np.abs(v), np.where(positive, 1.0, -1.0), np.zeros_like(v)))

    def relu(self, x: Twin) -> Twin:
        return self.where(x > 0.0, x, 0.0)

    def where(self, mask: Array, x: Twin, y: Any) -> Twin:
        y = x.lifted(y)
        return x.made(np.where(mask, x.v, y.v), np.where(mask[..., None], x.h, y.h), y)

    def maximum(self, x: Twin, y: Twin) -> Twin:
        return self.where((x - y) > 0.0, x, y)

    def mean(self, x: Twin, *, axis: int, keepdims: bool) -> Twin:
        return x.linear(lambda a: np.mean(a, axis=axis, keepdims=keepdims))

    def cumulative_sum(self, x: Twin, *, axis: int) -> Twin:
        return x.linear(lambda a: np.cumsum(a, axis=axis))

    def flip(self, x: Twin, *, axis: int) -> Twin:
        return x.linear(lambda a: np.flip(a, axis=axis))

    def concat(self, xs: Sequence[Twin], *, axis: int) -> Twin:
        return self._joined(np.concatenate, xs, axis)

    def stack(self, xs: Sequence[Twin], *, axis: int) -> Twin:
        return self._joined(np.stack, xs, axis)

    def _joined(self, join: Callable[..., Any], xs: Sequence[Twin], axis: int) -> Twin:
        made = xs[0].made(join([x.v for x in xs], axis=axis), join([x.h for x in xs], axis=axis), *xs[1:])
        made.device = xs[0].device
        return made

    def asarray(self, values: Any, *, device: str) -> Array:
        """Of positions to index with."""
        return np.asarray(values)

    def permute_dims(self, x: Twin, axes: tuple[int, ...]) -> Twin:
        return x.view_by(lambda a: np.transpose(a, axes + tuple(range(len(axes), a.ndim))))

    def expand_dims(self, x: Twin, *, axis: int) -> Twin:
        return x.view_by(lambda a: np.expand_dims(a, axis))

    def squeeze(self, x: Twin, axis: int) -> Twin:
        return x.view_by(lambda a: np.squeeze(a, axis))

    def broadcast_to(self, x: Twin, shape: tuple[int, ...]) -> Twin:
        return x.view_by(lambda a: np.broadcast_to(a, shape + a.shape[x.v.ndim :]))

    def reshape(self, x: Twin, shape: tuple[int, ...], *, copy: bool | None = None) -> Twin:
        if copy:
            return x.linear(lambda a: np.reshape(a, shape + a.shape[x.v.ndim :]))
        return x.view_by(lambda a: np.reshape(a, shape + a.shape[x.v.ndim :]), dense=True)


def direction(start: int, shape: tuple[int, ...]) -> Array:
    """The direction of the leaf whose elements begin at ``start``: numbers between -1 and 1, none of them 0."""
    at = start + np.arange(int(np.prod(shape)))
    return np.asarray(np.cos(1.0 + 2.0 * at)).reshape(shape)
