"""What one node of a chain holds of the next: in a class of its own, for the compiler's sake.

Python frees a chain of its own objects one by one, however long it is. A class that Cython compiles does so only if it
is told to, and it can be told so, without Cython being there at run time, of a base class in another module alone.

Knows nothing.
"""

from __future__ import annotations

from typing import Any


class Chained:
    """Leads on, by ``to``, to another such object, to several, or to the end."""

    __slots__ = ("to",)

    to: Any
