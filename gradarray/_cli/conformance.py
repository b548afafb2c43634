"""``gradarray conformance``: hands over to the distribution that has the checks, or says what to install.

Knows where the checks are. Must not know any.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.util import find_spec


def conformance(arguments: Sequence[str]) -> int:
    """Run the suite with ``arguments``; its exit status, or 2 where it is not installed."""
    if find_spec("gradarray_conformance") is None:
        print(
            "gradarray: the checks are a distribution of their own, which is not installed: "
            "`pip install gradarray-conformance`, or from a clone `pip install ./conformance`",
            file=sys.stderr,
        )
        return 2
    from gradarray_conformance.command import main

    return int(main(list(arguments)))
