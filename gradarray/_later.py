"""Parts of a package that are imported when they are first asked for: most programs need few of them, or none.

Knows nothing of gradarray; it is handed names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def later(package: str, parts: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of ``package``, of which ``parts`` are imported late.

    Parameters
    ----------
    package : str
        Its name.
    parts : mapping of str to str
        Modules of the package, each with the names that it gives to the package; with none, it is public itself. No
        name may be that of a module in it: whoever imported the module would put it in the name's place.

    References
    ----------
    PEP 562.
    """
    homes = {name: module for module, names in parts.items() for name in names.split() or [module]}

    def find(name: str) -> Any:
        module = homes.get(name)
        if module is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = import_module(f"{package}.{module}")
        if name != module:
            found = getattr(found, name)
        setattr(sys.modules[package], name, found)
        return found

    return find, lambda: sorted({*vars(sys.modules[package]), *homes})
