"""``gradarray backends``: every backend there is, its devices, and in words what it can do, or why it cannot be used.

Knows the contract, which holds all this as data. Must not know any backend.
"""

from __future__ import annotations

from collections.abc import Iterator

import gradarray as ga
from gradarray._cli.page import Page
from gradarray.tutorial import lacking_dtypes


def listing(page: Page) -> int:
    """Show every registered backend; the exit status."""
    for backend in ga.backends.every():
        why = ga.backends.unusable(backend)
        if why is None:
            page.write(f"{backend.name}: available", "bold green")
        else:
            page.write(f"{backend.name}: not available here", "bold yellow")
        for name, words in lines(backend, why):
            page.write(f"  {name:<9} {words}")
        page.write()
    for plugin, why in ga.backends.left_out().items():
        page.write(f"plugin {plugin}: left out", "bold red")
        page.write(f"  {'why':<9} {why}")
        page.write()
    return 0


def lines(backend: ga.backends.Backend, why: str | None) -> Iterator[tuple[str, str]]:
    """What there is to say of ``backend``, each under a heading; ``why`` it cannot be used, if so."""
    if why is None:
        devices = backend.devices()
        yield "devices", ", ".join(map(str, devices))
    else:
        devices = ()
        yield "why", why
    can = backend.capabilities
    yield (
        "memory",
        "; ".join(
            (
                "written in place" if can.mutable else "never written to: in place makes a new array",
                "views share it" if can.views else "views are copies that write through",
                "shared with NumPy" if can.shares_numpy_memory else "not shared with NumPy: use .cpu().numpy()",
            )
        ),
    )
    shapes = "shapes may be unknown until then" if can.unknown_shapes else "shapes are always known"
    yield "values", f"computed when asked for; {shapes}" if can.lazy else "computed at once"
    if why is None:
        lacking = {str(device): lacking_dtypes(device) for device in devices}
        gaps = [f"{device} has no {', '.join(names)}" for device, names in lacking.items() if names]
        yield "dtypes", f"all, but {'; '.join(gaps)}" if gaps else "all"
        lacked = {name for names in lacking.values() for name in names}
        yield from (("", why) for why in dict.fromkeys(why for name, why in can.missing.items() if name in lacked))
    functions = {name: why for name, why in can.missing.items() if name not in ga.__array_namespace_info__().dtypes()}
    yield "functions", "all" if not functions else f"all but {len(functions)}:"
    for function, reason in functions.items():
        yield "", f"{function}: {reason}"
