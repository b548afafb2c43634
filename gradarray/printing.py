"""How a tensor reads: its text, to the character that of PyTorch, and the options that govern it.

Knows NumPy, in which the few values that are shown arrive on the host. Must not know tensors, dtypes, devices
or backends: a tensor's values come by a function, what else there is to say of it as finished words.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["get_printoptions", "printoptions", "set_printoptions", "tensor_str"]

Fetch = Callable[[tuple[slice, ...]], "NDArray[Any]"]
# What of a dimension is shown: one range of indices, or two with the dots between them.
Ranges = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Options:
    """The options, never changed in place: a text is made with those that held when it was begun."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES: Final = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}


class _Current:
    """The options that hold now: a property of the program, as in PyTorch, not of a thread or a task."""

    options: ClassVar[_Options] = _PROFILES["default"]


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print. What is not given stays as it is, ``sci_mode`` excepted.

    Parameters
    ----------
    precision : int, optional
        Digits after the point (4).
    threshold : float, optional
        A tensor of more elements than this is summarised (1000); ``math.inf`` for never.
    edgeitems : int, optional
        How many items a summary shows at either end of a dimension (3).
    linewidth : int, optional
        Characters to a line (80). One element too wide for it still gets a line of its own.
    profile : {"default", "short", "full"}, optional
        Values for all of the above, which those given beside it override.
    sci_mode : bool, optional
        Whether floating values print in scientific notation. None, also when left out, lets the values
        decide.

    Raises
    ------
    TypeError
        If an option is of the wrong type. No option changes then, nor after a ValueError.
    ValueError
        If a number is negative or NaN, or there is no such profile.

    References
    ----------
    ``torch.set_printoptions``.
    """
    base = _Current.options
    if profile is not None:
        if not isinstance(profile, str):
            raise TypeError(f"profile must be a str, got {profile!r}")
        if profile not in _PROFILES:
            raise ValueError(f"profile must be one of {', '.join(map(repr, _PROFILES))}, got {profile!r}")
        base = _PROFILES[profile]
    if sci_mode is not None and not isinstance(sci_mode, bool | np.bool):
        raise TypeError(f"sci_mode must be True, False or None, got {sci_mode!r}")
    _Current.options = replace(
        base,
        precision=base.precision if precision is None else _natural("precision", precision),
        threshold=base.threshold if threshold is None else _limit("threshold", threshold),
        edgeitems=base.edgeitems if edgeitems is None else _natural("edgeitems", edgeitems),
        linewidth=base.linewidth if linewidth is None else _natural("linewidth", linewidth),
        sci_mode=None if sci_mode is None else bool(sci_mode),
    )


def get_printoptions() -> dict[str, Any]:
    """The options that hold now, by name; ``set_printoptions(**options)`` brings them back.

    Returns
    -------
    dict of str to Any
        A new dict with ``precision``, ``threshold``, ``edgeitems``, ``linewidth`` and ``sci_mode``.

    References
    ----------
    ``torch._tensor_str.get_printoptions``.
    """
    return asdict(_Current.options)


@contextmanager
def printoptions(**kwargs: Any) -> Iterator[None]:
    """Set options for the duration of a ``with`` block.

    Parameters
    ----------
    **kwargs : Any
        What :func:`set_printoptions` takes.

    Yields
    ------
    None
        Nothing.

    References
    ----------
    ``torch._tensor_str.printoptions``.
    """
    before = _Current.options
    set_printoptions(**kwargs)
    try:
        yield
    finally:
        _Current.options = before


def tensor_str(
    shape: tuple[int, ...],
    kind: str,
    fetch: Fetch,
    suffixes: Sequence[str],
    *,
    prefix: str = "tensor(",
) -> str:
    """The text of a tensor, of which only what is shown is fetched.

    Parameters
    ----------
    shape : tuple of int
        The tensor's shape.
    kind : {"bool", "signed integer", "unsigned integer", "real floating", "complex floating"}
        What its elements are.
    fetch : callable
        Given one slice a dimension, each with its start and stop, the NumPy array of ``tensor[slices]``.
    suffixes : sequence of str
        What follows the values, ``"dtype=..."`` and the like, in order. The size, where it has to be told, is
        put in here: behind a leading ``"device=..."``, before all else.
    prefix : str
        What precedes the values, parenthesis included; further lines are indented to its end.

    Returns
    -------
    str
        The text.

    Raises
    ------
    ValueError
        If there is no such ``kind``.
    """
    if kind not in _COLUMNS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, _COLUMNS))}, got {kind!r}")
    options = _Current.options
    empty = 0 in shape
    body = "[]" if empty else _body(shape, kind, fetch, len(prefix), options)
    words = list(suffixes)
    # The brackets tell the shape, unless nothing stands in them; "[]" itself tells (0,).
    if len(shape) != 1 if empty else options.edgeitems == 0:
        words.insert(bool(words and words[0].startswith("device=")), f"size={tuple(shape)}")
    return _close(prefix + body, words, len(prefix), options.linewidth)


def _body(shape: tuple[int, ...], kind: str, fetch: Fetch, indent: int, options: _Options) -> str:
    """The values of a tensor that has some, with their brackets."""
    edge = options.edgeitems
    summarised = math.prod(shape) > options.threshold
    if summarised and shape and not edge:
        return "[...]"
    most = 2 * edge if summarised else math.inf
    shown: list[Ranges] = [[(0, edge), (n - edge, n)] if n > most else [(0, n)] for n in shape]
    texts, width = _COLUMNS[kind](_gather(fetch, shown).reshape(-1), options)
    if not shape:
        return texts[0]
    # Behind each element stands a comma and a space. As in PyTorch, the brackets before a row count but for
    # the last, and zeros and infinities count as `width` where they are wider.
    per_line = max(1, (options.linewidth - indent - (len(shape) - 1)) // (width + 2))
    return _brackets(iter(texts), shown, indent + 1, per_line)


def _gather(fetch: Fetch, shown: list[Ranges], key: tuple[slice, ...] = ()) -> NDArray[Any]:
    """What is shown as one block, fetched corner by corner."""
    axis = len(key)
    if axis == len(shown):
        return np.asarray(fetch(key))
    pieces = [_gather(fetch, shown, (*key, slice(start, stop))) for start, stop in shown[axis]]
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=axis)


def _brackets(texts: Iterator[str], shown: list[Ranges], indent: int, per_line: int) -> str:
    """The next texts as one item of what dimensions remain; ``indent`` is the column behind its bracket."""
    here, inner = shown[0], shown[1:]
    items: list[str] = []
    for start, stop in here:
        if items:
            items.append("..." if inner else " ...")
        if inner:
            items += [_brackets(texts, inner, indent + 1, per_line) for _ in range(start, stop)]
        else:
            items += islice(texts, stop - start)
    if not inner:
        items = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + ("," + "\n" * max(1, len(inner)) + " " * indent).join(items) + "]"


def _close(text: str, words: list[str], indent: int, linewidth: int) -> str:
    """The text with the words behind it, on a new line where one would overrun, and the parenthesis."""
    column = len(text) - (text.rfind("\n") + 1) + 2  # PyTorch leaves two columns on the line of the values
    for word in words:
        if column + 2 + len(word) > linewidth:
            text += ",\n" + " " * indent + word
            column = indent + len(word)
        else:
            text += ", " + word
            column += 2 + len(word)
    return text + ")"


# Each of these takes the shown values in one row, to their texts and the width to which those are padded.


def _plain(values: NDArray[Any], options: _Options) -> tuple[list[str], int]:
    """Booleans and integers."""
    return _padded([str(value) for value in values.tolist()])


def _real(values: NDArray[Any], options: _Options) -> tuple[list[str], int]:
    """Floating values: one notation for all, chosen by those that are neither zero nor infinite nor NaN."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        values = values.astype(np.float64)
    finite = np.isfinite(values)
    decisive = finite & (values != 0)
    chosen = values[decisive]
    integral = bool((chosen == np.trunc(chosen)).all())
    scientific = False
    if chosen.size:
        magnitudes = np.abs(chosen)
        low, high = float(magnitudes.min()), float(magnitudes.max())
        scientific = high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4
        if options.sci_mode is not None:
            scientific = options.sci_mode
    if scientific:
        spec = f".{options.precision}e"
    else:
        spec = ".0f" if integral else f".{options.precision}f"
    texts = [format(value, spec) for value in values.tolist()]
    if integral and not scientific:
        texts = [f"{text}." if number else text for text, number in zip(texts, finite.tolist())]
    return _padded(texts, decisive.tolist())


def _complex(values: NDArray[Any], options: _Options) -> tuple[list[str], int]:
    """Complex values: either part by its own notation, and only the real one padded."""
    real, real_width = _real(values.real, options)
    imag, imag_width = _real(values.imag, options)
    signed = (text if text.startswith("-") else f"+{text}" for text in map(str.lstrip, imag))
    return [f"{re}{im}j" for re, im in zip(real, signed)], real_width + imag_width + 1


def _padded(texts: list[str], decisive: list[bool] | None = None) -> tuple[list[str], int]:
    """The texts set flush right, as wide as the widest of those that are decisive; wider ones protrude."""
    widths = (len(text) for text, counts in zip(texts, decisive or [True] * len(texts)) if counts)
    width = max(widths, default=1)
    return [text.rjust(width) for text in texts], width


_COLUMNS: Final[dict[str, Callable[[NDArray[Any], _Options], tuple[list[str], int]]]] = {
    "bool": _plain,
    "signed integer": _plain,
    "unsigned integer": _plain,
    "real floating": _real,
    "complex floating": _complex,
}


def _natural(name: str, value: object) -> int:
    """An option that counts something."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]  # what it is not for raises
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {value!r}")
    return number


def _limit(name: str, value: object) -> float:
    """An option that limits a count, perhaps to infinity."""
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise TypeError(f"{name} must be a real number, got {value!r}")
    if not value >= 0:  # NaN too
        raise ValueError(f"{name} must be a number not less than 0, got {value!r}")
    return int(value) if isinstance(value, int | np.integer) else float(value)
