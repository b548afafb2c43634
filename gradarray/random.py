"""Random numbers: PyTorch's functions, each device with a generator of its own.

Knows dispatch and the backends' sources of numbers.
"""

from __future__ import annotations

import math
import operator
import os
from typing import TYPE_CHECKING, Any

from gradarray import _state
from gradarray._dispatch import make
from gradarray._levels import drawn
from gradarray._place import Place
from gradarray.creation import DeviceLike, leaf, like, to_place, to_shape
from gradarray.devices import Device
from gradarray.dtypes import DType, as_dtype, finfo, holds
from gradarray.functions.manipulation import reshape, stack

if TYPE_CHECKING:
    from gradarray._tensor import Tensor


class Generator:
    """A source of random numbers on one device, repeatable by its seed.

    Parameters
    ----------
    device : Device or str
        By default the CPU.

    References
    ----------
    ``torch.Generator``.
    """

    def __init__(self, device: DeviceLike = "cpu") -> None:
        self._place = to_place(device)
        self.seed()

    @property
    def device(self) -> Device:
        """Where its numbers are made."""
        return self._place.device

    def manual_seed(self, seed: int) -> Generator:
        """Start again from ``seed``; returns the generator.

        Raises
        ------
        TypeError
            If ``seed`` is no integer.
        ValueError
            If it does not lie from -2**63 to 2**64 - 1.
        """
        self._seed = _natural(seed)
        self._source = self._place.backend.generator(self._place.device, self._seed)
        return self

    def seed(self) -> int:
        """Start again from a seed of the operating system's, which is returned."""
        self.manual_seed(int.from_bytes(os.urandom(8)) >> 1)
        return self._seed

    def initial_seed(self) -> int:
        """The seed last started from."""
        return self._seed

    def get_state(self) -> Any:
        """What :meth:`set_state` takes to repeat what follows."""
        return self._source.state()

    def set_state(self, state: Any) -> None:
        """Continue from ``state``."""
        self._source.set_state(state)


def _natural(seed: Any) -> int:
    """``seed`` as generators start from it: as in PyTorch, negative ones are taken modulo 2**64."""
    try:
        number = operator.index(seed)
    except TypeError:
        raise TypeError(f"a seed is an integer, got {seed!r}") from None
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"a seed lies from -2**63 to 2**64 - 1, got {number}")
    return number % 2**64


_default: dict[Device, Generator] = _state.generators
_seed: int | None = None


def _generator(place: Place, given: Generator | None) -> Any:
    if given is not None:
        if given._place is not place:
            raise RuntimeError(
                f"expected a generator for device {str(place.device)!r} but found one for {str(given.device)!r}"
            )
        return given._source
    found = _default.get(place.device)
    if found is None:
        found = _default[place.device] = Generator(place)
        if _seed is not None:
            found.manual_seed(_seed)
    return found._source


def _place(generator: Generator | None, device: Any) -> Place:
    """Where numbers are drawn: outside of all transforms."""
    if not isinstance(generator, Generator | None):
        raise TypeError(f"generator must be a gradarray.Generator, got {generator!r}")
    return (generator._place if generator is not None and device is None else to_place(device)).ground


def default_generator(device: DeviceLike = None) -> Generator:
    """The generator that functions draw from on ``device`` where none is given."""
    place = to_place(device)
    _generator(place, None)
    return _default[place.device]


def manual_seed(seed: int) -> Generator:
    """Seed the default generators of all devices; returns the CPU's.

    References
    ----------
    ``torch.manual_seed``.
    """
    global _seed
    _seed = _natural(int(seed))
    for generator in _default.values():
        generator.manual_seed(_seed)
    return default_generator("cpu").manual_seed(_seed)


def seed() -> int:
    """Seed the default generators of all devices from the operating system; returns the seed.

    References
    ----------
    ``torch.seed``.
    """
    drawn = int.from_bytes(os.urandom(8)) >> 1
    manual_seed(drawn)
    return drawn


def initial_seed() -> int:
    """The seed of the CPU's default generator.

    References
    ----------
    ``torch.initial_seed``.
    """
    return default_generator("cpu").initial_seed()


def _draw(
    name: str, size: tuple[Any, ...], dtype: Any, device: Any, generator: Generator | None, required: bool
) -> Any:
    kind = _state.get_default_dtype() if dtype is None else as_dtype(dtype)
    shape = to_shape(size)
    place = _place(generator, device)
    if kind.kind != "f" and not (kind.kind == "c" and name == "normal"):
        raise TypeError(f"{name} random numbers are of a floating dtype, got {kind!r}")
    place.to_raw_dtype(kind)
    source = _generator(place, generator)
    if kind.kind == "c":  # variance 1 in all, as in PyTorch
        real = kind.to_real()
        parts = [drawn(lambda full: make(source.normal(full, real), place, real), shape) for _ in range(2)]
        return leaf((parts[0] + 1j * parts[1]) * 0.5**0.5, required)
    return leaf(drawn(lambda full: make(getattr(source, name)(full, kind), place, kind), shape), required)


def _check_held(name: str, least: int, most: int, kind: DType) -> None:
    """Refuse a ``kind`` that does not tell all numbers from ``least`` to ``most`` apart."""
    whole = kind.kind in "iu"
    if not (holds(kind, least) and holds(kind, most) if whole else max(-least, most) <= 2 / finfo(kind).eps):
        raise RuntimeError(f"{name}: {kind!r} does not hold all numbers from {least} to {most}; choose another dtype=")


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniform on [0, 1).

    Parameters
    ----------
    *size : int, or one sequence of int
        The shape.
    generator : Generator, optional
        By default the device's own.
    dtype, device, requires_grad
        As :func:`gradarray.empty`.

    Returns
    -------
    Tensor

    References
    ----------
    ``torch.rand``.
    """
    return _draw("uniform", size, dtype, device, generator, requires_grad)  # type: ignore[no-any-return]


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: DeviceLike = None,
    requires_grad: bool = False,
) -> Tensor:
    """Standard normal; complex with variance 1 in all. Parameters as :func:`rand`.

    References
    ----------
    ``torch.randn``.
    """
    return _draw("normal", size, dtype, device, generator, requires_grad)  # type: ignore[no-any-return]


def rand_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """As :func:`rand`, with the shape and, by default, the dtype and device of ``x``.

    References
    ----------
    ``torch.rand_like``.
    """
    dtype, device = like(x, dtype, device)
    return rand(x._data.shape, dtype=dtype, device=device, requires_grad=requires_grad)


def randn_like(x: Tensor, /, *, dtype: Any = None, device: DeviceLike = None, requires_grad: bool = False) -> Tensor:
    """As :func:`randn`, with the shape and, by default, the dtype and device of ``x``.

    References
    ----------
    ``torch.randn_like``.
    """
    dtype, device = like(x, dtype, device)
    return randn(x._data.shape, dtype=dtype, device=device, requires_grad=requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: DeviceLike = None,
) -> Tensor:
    """Integers from ``low`` (0 if left out: ``randint(high, size)``) to ``high`` without it.

    Raises
    ------
    RuntimeError
        If there is no number to choose from, or ``dtype`` does not hold all of them.
    TypeError
        If ``low`` or ``high`` is no integer.

    References
    ----------
    ``torch.randint``.
    """
    if size is None:
        low, high, size = 0, low, high
    try:
        low, high = operator.index(low), operator.index(high)
    except TypeError:
        raise TypeError(f"randint expects integers low and high, got {low!r} and {high!r}") from None
    if low >= high:
        raise RuntimeError(f"randint expects low < high, got low={low} and high={high}")
    place = _place(generator, device)
    kind = place.integer if dtype is None else as_dtype(dtype)
    made = place.integer if kind.kind not in "iu" else kind
    _check_held("randint", low, high - 1, made)
    source = _generator(place, generator)
    out: Any = drawn(lambda full: make(source.integers(low, high, full, made), place), to_shape((size,)))
    return out if out._dtype is kind else out.to(kind)  # type: ignore[no-any-return]


def randperm(
    n: int, *, generator: Generator | None = None, dtype: DType | None = None, device: DeviceLike = None
) -> Tensor:
    """The numbers 0 … n-1 in random order.

    Raises
    ------
    RuntimeError
        If ``n`` is negative, or ``dtype`` does not hold all of these numbers.
    TypeError
        If ``n`` is no integer, or ``dtype`` neither of integers nor floating.

    References
    ----------
    ``torch.randperm``.
    """
    (n,) = to_shape((n,))
    place = _place(generator, device)
    kind = place.integer if dtype is None else as_dtype(dtype)
    if kind.kind not in "iuf":
        raise TypeError(f"randperm: numbers are of an integer or a floating dtype, got {kind!r}")
    _check_held("randperm", 0, n - 1, kind)
    source = _generator(place, generator)

    def draw(batch: tuple[int, ...]) -> Any:
        rows = [make(source.permutation(n, kind), place) for _ in range(math.prod(batch[:-1]))]
        return reshape(stack(rows), batch) if batch[:-1] else rows[0]

    out: Tensor = drawn(draw, (n,))
    return out
