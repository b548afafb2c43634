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


# -- what is imported when it is first asked for -----------------------------------------------------------------------


def test_what_few_programs_need_is_left_for_later():
    done = fresh(
        "import sys, gradarray",
        "late = ['fft', 'func', 'linalg', 'nn', 'optimize', 'special', 'testing', 'printing', 'functions.sets']",
        "late += ['autograd.functional', 'autograd.profiler', 'functions.numpy_names', 'functions.decompositions']",
        "late += ['autograd.anomaly', 'autograd.checkpointing', 'autograd.pictures', 'ops.special', 'ops.activation']",
        "print([name for name in late if 'gradarray.' + name in sys.modules])",
        "print(sorted(set(gradarray.__all__) - set(dir(gradarray))))",
        "print(sorted(set(gradarray.autograd.__all__) - set(dir(gradarray.autograd))))",
    )
    assert done.stdout.split("\n") == ["[]"] * 3 + [""], done.stderr


@pytest.mark.parametrize(
    "program",
    [
        "assert ga.special.erf(ga.ones(())).shape == ()",
        "from gradarray import nn; assert nn is ga.nn and 'nn' in vars(ga)",
        "import gradarray.autograd.checkpointing; assert callable(ga.autograd.checkpoint)",
        "from gradarray.autograd.anomaly import detect_anomaly; assert ga.autograd.detect_anomaly is detect_anomaly",
        "ga.autograd.graphviz(ga.ones(2, requires_grad=True).sum())",
        "import pickle; assert pickle.loads(pickle.dumps(ga.autograd.checkpoint)) is ga.autograd.checkpoint",
        "from gradarray import *; assert optimize is ga.optimize and nn.functional is ga.nn.functional",
    ],
)
def test_what_comes_later_is_there_when_asked_for(program):
    done = fresh("import gradarray as ga", program)
    assert done.returncode == 0, done.stderr


def test_no_late_part_of_a_package_is_named_like_a_module():
    """Whoever imported the module would put it in the place of the function, class or constant."""
    done = fresh(
        "import pkgutil, types, gradarray as ga",
        "for package in (ga, ga.autograd):",
        "    modules = {info.name for info in pkgutil.iter_modules(package.__path__)}",
        "    late = set(dir(package)) - set(vars(package))",
        "    assert len(late) >= 5",
        "    for name in late & modules:",
        "        assert isinstance(getattr(package, name), types.ModuleType), name",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("package", ["gradarray", "gradarray.autograd"])
def test_what_no_package_has_is_missing(package):
    done = fresh(f"import {package}", f"try: {package}.nonesuch", "except AttributeError as error: print(error)")
    assert done.stdout == f"module '{package}' has no attribute 'nonesuch'\n", done.stderr


def test_every_derivative_finds_the_operations_that_it_asks_for():
    """gelu's is made of erf's, which nobody else has asked for."""
    done = fresh(
        "import gradarray as ga",
        "x = ga.tensor([0.0, 1.0], requires_grad=True)",
        "first, = ga.autograd.grad(ga.nn.functional.gelu(x).sum(), x, create_graph=True)",
        "second, = ga.autograd.grad(first.sum(), x)",
        "print(second)",
    )
    assert done.stdout == "tensor([0.7979, 0.2420])\n", done.stderr


def test_the_list_of_operations_is_complete():
    done = fresh(
        "import importlib, pkgutil, gradarray as ga",
        "listed = set(ga.testing.operations())",
        "import gradarray.ops",
        "for info in pkgutil.iter_modules(gradarray.ops.__path__):",
        "    importlib.import_module('gradarray.ops.' + info.name)",
        "from gradarray._primitive import TABLE",
        "assert len(listed) > 200 and listed == set(TABLE), listed ^ set(TABLE)",
    )
    assert done.returncode == 0, done.stderr
