"""Wrong code in place of right code, in the functions that are running: one text changed in one file of gradarray.

The file is compiled as it is and as it would be. Where the two differ, every function in memory that runs the one is
made to run the other, wherever it has been handed to: rules in compiled rules, closures in methods.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType

import gradarray

PACKAGE = Path(gradarray.__file__).parent


@contextmanager
def mutated(file: str, old: str, new: str) -> Iterator[None]:
    """``old`` is ``new`` in ``file``, a path in the package, while entered."""
    path = PACKAGE / file
    source = path.read_text(encoding="utf-8")
    assert old in source, f"{file} has no {old!r} any more"
    right, wrong = (compile(text, str(path), "exec", dont_inherit=True) for text in (source, source.replace(old, new)))
    swaps = dict(different(right, wrong))
    running = [f for f in gc.get_objects() if type(f) is FunctionType and f.__code__.co_filename == str(path)]
    changed = [(f, f.__code__) for f in running if f.__code__ in swaps]
    assert changed, f"no function runs what was changed in {file}"
    try:
        for f, code in changed:
            f.__code__ = swaps[code]
        yield
    finally:
        for f, code in changed:
            f.__code__ = code


def different(right: CodeType, wrong: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The functions that differ, as pairs of their code."""
    pairs = zip(functions(right), functions(wrong), strict=True)
    for one, other in pairs:
        if one != other:
            yield one, other
            yield from different(one, other)


def functions(code: CodeType) -> list[CodeType]:
    """The functions in what is compiled, in their order."""
    return [part for part in code.co_consts if isinstance(part, CodeType)]
