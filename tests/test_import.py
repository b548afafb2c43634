"""`import gradarray` is light: of the array libraries NumPy alone, no scan for plugins, no warning.

Each test is a fresh interpreter under `-W error`. The guards raise AssertionError, which `except ImportError`
around an optional import lets through, so the tests mean the same where a library is not installed.
"""

import subprocess
import sys

import pytest

HEAVY = """
array_api_extra array_api_strict autograd cupy cupyx dask einops jax jaxlib matplotlib opt_einsum pandas rich scipy
sklearn torch xarray gradarray_conformance gradarray_dask gradarray_jax gradarray_strict gradarray_torch
""".split()

NO_HEAVY_IMPORTS = f"""
import sys
class Guard:
    def find_spec(self, name, path=None, target=None):
        assert name.split(".")[0] not in {HEAVY!r}, f"looked for {{name}}"
sys.meta_path.insert(0, Guard())
"""

NO_SCAN = """
import importlib.metadata
def scan(*args, **kwargs):
    raise AssertionError("scanned the entry points of what is installed")
importlib.metadata.entry_points = importlib.metadata.distributions = scan
"""

USE_THE_CPU = """
x = gradarray.ones(3, requires_grad=True)
(x * x).sum().backward()
assert x.grad.tolist() == [2.0, 2.0, 2.0]
"""


def fresh(*sources: str) -> subprocess.CompletedProcess[str]:
    """Run the sources, one after the other, in a new interpreter that treats warnings as errors."""
    program = [sys.executable, "-W", "error", "-c", "\n".join(sources)]
    return subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("then", ["", USE_THE_CPU], ids=["import", "use on the cpu"])
@pytest.mark.parametrize(
    "guard", ["", NO_HEAVY_IMPORTS, NO_SCAN], ids=["no warning", "no heavy import", "no entry-point scan"]
)
def test_import_is_light(guard, then):
    done = fresh(guard, "import gradarray", then)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""


@pytest.mark.parametrize("library", ["cupy", "torch", "jax.numpy", "dask.array", "array_api_strict"])
def test_the_guard_sees_an_optional_import(library):
    done = fresh(NO_HEAVY_IMPORTS, f"try:\n    import {library}\nexcept ImportError:\n    pass")
    assert "AssertionError: looked for" in done.stderr


def test_the_guard_sees_pluggys_scan():
    done = fresh(NO_SCAN, "import pluggy; pluggy.PluginManager('x').load_setuptools_entrypoints('gradarray')")
    assert "AssertionError: scanned" in done.stderr
