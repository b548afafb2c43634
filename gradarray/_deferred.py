"""Cotangents of arrays that are best made together: slices, products and sums that lead to one and the same input.

Knows places as opaque values, and arrays. Must not know tensors, nodes or the tape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradarray._engine import Deferred
from gradarray._spare import IN_DEFERRED, refcount
from gradarray.backends import Array

if TYPE_CHECKING:
    from gradarray._place import Place

Shape = tuple[int, ...]
"""Spelt out as the type of a parameter, the compiler would take ``tuple`` to the letter, and PyTorch's shapes, which
are of a subclass, for a mistake."""

SMALL = 8_192
"""Up to how many elements a cotangent waits for others: beyond, the arithmetic takes longer than the calls it saves."""
_MOST = 32_768
"""From how many elements on those that wait are computed, so that they never take much memory."""


class Scattered(Deferred):
    """The cotangent of ``x[key]``: zero but at ``key``. Summed into one array without ever being one itself."""

    __slots__ = ("key", "place", "shape", "value")

    def __init__(self, place: Place, value: Array, key: Any, shape: Shape) -> None:
        self.place, self.value, self.key, self.shape = place, value, key, shape

    def add_to(self, total: Array | None, *, owned: bool) -> Array:
        place = self.place
        if total is None:
            return place.kernels["index_adjoint"](self.value, key=self.key, shape=self.shape)
        spare = refcount(total) <= IN_DEFERRED  # a parameter that is assigned to would be held once more, if compiled
        mine = place.wrap(total)  # the sum of two 0-d arrays of NumPy's is a scalar
        if not (owned or (spare and place.thrift is not None and place.thrift.is_writable(mine))):
            mine = place.backend.copy(mine)
        if place.scope is None:
            return place.held(place.backend.index_add(mine, self.key, self.value), "index_add")
        with place.scope():
            return place.held(place.backend.index_add(mine, self.key, self.value), "index_add")


class Waiting(Deferred):
    """A small cotangent that is made only when it is asked for, with those that came to the same place."""

    __slots__ = ("place", "shape")
    nbytes = 0

    def made(self) -> Array:
        """It, and all that joined it."""
        raise NotImplementedError

    def add_to(self, total: Array | None, *, owned: bool) -> Array:
        made = self.made()
        if total is None:
            return made
        if not owned:
            return total + made
        total += made
        return total


class Product(Waiting):
    """The cotangent ``x1ᵀ g`` of the matrix that ``x1`` was multiplied by, both small.

    ``x1ᵀ g + y1ᵀ h`` is one product, of what is stacked. The weight of a recurrent net gets one such cotangent a step,
    and a large product takes less time than many small ones and their sum.
    """

    __slots__ = ("cells", "gs", "size", "total")

    def __init__(self, place: Place, cell: list[Array], g: Array, shape: Shape, size: int) -> None:
        # x1 as a node holds it: were the tensor written to, in a hook, the cell would get a copy
        self.place, self.cells, self.gs, self.shape, self.size = place, [cell], [g], shape, size
        self.total: Array | None = None

    def join(self, other: Deferred) -> bool:
        if type(other) is not Product:
            return False
        if self.size >= _MOST:
            self.total, self.cells, self.gs, self.size = self.made(), [], [], 0
        self.cells += other.cells
        self.gs += other.gs
        self.size += other.size
        return True

    def made(self) -> Array:
        kernels, total = self.place.kernels, self.total
        concat = kernels["concat"]
        x1, g = concat([cell[0] for cell in self.cells], axis=0), concat(self.gs, axis=0)
        product = kernels["matmul_tn"](x1, g)
        return product if total is None else total + product


class RowSum(Waiting):
    """The cotangent of a vector that was added to each row of a matrix, the sum of the rows of ``g``, which is small.

    Several are summed up before their rows are.
    """

    __slots__ = ("g", "mine")

    def __init__(self, place: Place, g: Array, shape: Shape) -> None:
        self.place, self.g, self.shape, self.mine = place, g, shape, False

    def join(self, other: Deferred) -> bool:
        if type(other) is not RowSum or other.g.shape != self.g.shape:
            return False
        if self.mine:
            self.g += other.g
        else:
            self.g, self.mine = self.g + other.g, True
        return True

    def made(self) -> Array:
        return self.place.kernels["sum_rows"](self.g)
