"""Other libraries learn about tensors when, and only when, they are imported.

Knows which of our modules teaches which of theirs, and Python's import system. Must not import any of them, nor
gradarray itself.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Their module: ours, whose ``register`` is called with theirs once it has been executed.
LESSONS = {
    "dask.array": "gradarray.integrations.dask",
    "einops._backends": "gradarray.integrations.einops",
    "opt_einsum.backends.dispatch": "gradarray.integrations.opt_einsum",
    "scipy.cluster.hierarchy": "gradarray.integrations.scipy_cluster",
    "scipy.cluster.vq": "gradarray.integrations.scipy_cluster",
    "scipy.fft": "gradarray.integrations.scipy_fft",
    "scipy.linalg": "gradarray.integrations.scipy_linalg",
    "scipy.ndimage": "gradarray.integrations.scipy_ndimage",
    "scipy.optimize": "gradarray.integrations.scipy_optimize",
    "scipy.optimize.elementwise": "gradarray.integrations.scipy_optimize",
    "scipy.signal": "gradarray.integrations.scipy_signal",
    "scipy.spatial": "gradarray.integrations.scipy_spatial",
    "scipy.spatial.distance": "gradarray.integrations.scipy_spatial",
}


def teach(name: str, module: ModuleType) -> None:
    """Let our module teach theirs. Whatever goes wrong is a warning: their import must not fail by it."""
    try:
        importlib.import_module(LESSONS[name]).register(module)
    except Exception as error:
        warnings.warn(
            f"gradarray could not teach {name} about tensors ({type(error).__name__}: {error}); it works on as it does "
            "without. GRADARRAY_INTEGRATIONS=0 switches this off",
            RuntimeWarning,
            stacklevel=2,
        )


class Finder:
    """Finds no module itself. Those of :data:`LESSONS` it lets the others find, and adds a lesson to their execution.

    The loader stays the one that was found, so that ``inspect`` and ``pkgutil`` see nothing new.
    """

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec that the finders after this one find, with the lesson added; None for all other modules."""
        if name not in LESSONS:
            return None
        for finder in list(sys.meta_path):
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                _add_lesson(spec.loader)
                return spec
        return None


def _add_lesson(loader: Any) -> None:
    def exec_module(module: ModuleType) -> None:
        del loader.exec_module  # the loader is as it was found
        execute(module)
        teach(module.__name__, module)

    try:
        execute = loader.exec_module
        loader.exec_module = exec_module
    except AttributeError:  # a loader of another kind, or one that takes no attributes
        warnings.warn(f"gradarray cannot teach a library that is loaded by {loader!r}", RuntimeWarning, stacklevel=3)


def install() -> None:
    """Teach what has been imported, and from now on what will be. ``GRADARRAY_INTEGRATIONS=0`` keeps it from that."""
    if os.environ.get("GRADARRAY_INTEGRATIONS") == "0" or any(isinstance(f, Finder) for f in sys.meta_path):
        return
    sys.meta_path.insert(0, Finder())
    for name in LESSONS:
        module = sys.modules.get(name)
        if module is not None and not getattr(module.__spec__, "_initializing", False):
            teach(name, module)
