"""What checks are made of: errors that must be raised, numbers that must agree, text that must be printed.

Knows how PyTorch prints a tensor's device. Must not know any program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gradarray as ga


@contextmanager
def raises(error: type[Exception], *words: str) -> Iterator[None]:
    """The block must raise ``error`` with a message that has each of ``words`` in it."""
    try:
        yield
    except error as caught:
        missing = [word for word in words if word not in str(caught)]
        assert not missing, f"the error does not mention {missing}: {caught}"
    else:
        raise AssertionError(f"{error.__name__} was not raised")


def close(actual: Any, expected: Any, tolerance: float = 1e-5) -> bool:
    """Whether nested lists (or numbers) agree up to ``tolerance``, relative to what is larger than 1."""
    if isinstance(expected, list | tuple):
        return len(actual) == len(expected) and all(close(a, e, tolerance) for a, e in zip(actual, expected))
    return bool(abs(actual - expected) <= tolerance * max(1.0, abs(expected)))


def suffix(device: ga.device | None) -> str:
    """How a tensor on ``device`` says so where it is printed."""
    return "" if str(device) == "cpu" else f", device='{device}'"


def expected(template: str, device: ga.device, other: ga.device | None = None) -> str:
    """What ``template`` (see :attr:`Program.prints`) comes to on ``device``, but for the dots."""
    text = template.replace("{device}", suffix(device)).replace("{other}", suffix(other))
    # PyTorch goes to a new line before what would overrun the eightieth column
    return "\n".join(") ".join(map(_wrapped, line.split(") "))) for line in text.splitlines())


def reads(text: str, template: str, device: ga.device, other: ga.device | None = None) -> bool:
    """Whether ``text`` is what ``template`` stands for."""
    pattern = re.escape(expected(template, device, other)).replace("…", ".+")
    return re.fullmatch(pattern, text) is not None


def _wrapped(line: str) -> str:
    text, *words = re.split(", (?=device=|dtype=|grad_fn=|requires_grad=)", line)
    column = len(text) + 2
    for word in words:
        width = len(word.removesuffix(")"))
        fits = column + 2 + width <= 80
        text += f", {word}" if fits else f",\n       {word}"
        column = width + (column + 2 if fits else 7)
    return text
