"""When libraries are taught: each case is a fresh interpreter, in which warnings are errors."""

import os
import subprocess
import sys

import pytest

TAUGHT = """
import einops._backends as b
assert [c.__name__ for c in b.AbstractBackend.__subclasses__()].count("GradarrayBackend") == {count}
"""


def fresh(source: str, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, *(options or ("-W", "error")), "-c", source]
    variables = {**os.environ, **environment}
    return subprocess.run(program, capture_output=True, text=True, timeout=120, check=False, env=variables)


def run(source: str, *options: str, **environment: str) -> None:
    done = fresh(source, *options, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize(
    "first", ["import gradarray, einops._backends", "import einops._backends, gradarray"], ids=["before", "after"]
)
def test_a_library_is_taught_in_either_order(first):
    run(first + TAUGHT.format(count=1))


@pytest.mark.parametrize("first", ["import gradarray, scipy.signal", "import scipy.signal, gradarray"])
def test_what_scipy_imports_on_its_way_is_taught_as_well(first):
    run(
        f"{first}\n"
        "import scipy.linalg, scipy.ndimage, gradarray as ga\n"
        "for f in (scipy.signal.convolve, scipy.linalg.inv, scipy.ndimage.convolve):\n"
        "    assert hasattr(f, '__gradarray__') and not hasattr(f.__wrapped__, '__gradarray__'), f\n"
        "x = ga.ones(3, requires_grad=True)\n"
        "scipy.signal.savgol_filter(x, 3, 1).sum().backward()\n"
        "assert ga.allclose(x.grad, ga.ones(3))\n"
    )


def test_the_variable_switches_it_off():
    run("import gradarray, einops._backends" + TAUGHT.format(count=0), GRADARRAY_INTEGRATIONS="0")
    run("import gradarray, sys; assert not any('gradarray' in type(f).__module__ for f in sys.meta_path)",
        GRADARRAY_INTEGRATIONS="0")  # fmt: skip


def test_a_second_import_of_gradarray_adds_nothing():
    run(
        "import gradarray, sys, importlib, einops._backends\n"
        "importlib.reload(gradarray)\n"
        "assert sum('gradarray' in type(f).__module__ for f in sys.meta_path) == 1" + TAUGHT.format(count=1)
    )


def test_a_reloaded_library_is_taught_again():
    run("import gradarray, importlib, einops._backends as b\nimportlib.reload(b)" + TAUGHT.format(count=1))


def test_the_loader_and_the_source_stay_the_librarys():
    run(
        "import gradarray, einops._backends as b, inspect, importlib.machinery as m\n"
        "assert type(b.__loader__) is m.SourceFileLoader and 'exec_module' not in vars(b.__loader__)\n"
        "assert b.__spec__.loader is b.__loader__ and 'class AbstractBackend' in inspect.getsource(b)\n"
    )


def test_a_library_that_is_not_there_is_not_found():
    run(
        "import gradarray, gradarray.integrations as i\n"
        "i.LESSONS['no_such_library'] = 'gradarray.integrations.einops'\n"
        "try:\n    import no_such_library\n"
        "except ModuleNotFoundError as e:\n    assert e.name == 'no_such_library'\n"
        "else:\n    raise AssertionError\n"
    )


def test_a_lesson_that_fails_warns_and_breaks_no_import():
    source = (
        "import gradarray, gradarray.integrations as i\n"
        "i.LESSONS['colorsys'] = 'gradarray.integrations.nothing'\n"
        "import colorsys\nassert colorsys.rgb_to_hsv(0, 0, 0) == (0, 0, 0)\n"
    )
    done = fresh(source, "-W", "default")
    assert done.returncode == 0, done.stderr
    assert "RuntimeWarning: gradarray could not teach colorsys" in done.stderr
    assert "GRADARRAY_INTEGRATIONS=0" in done.stderr


def test_a_loader_that_cannot_be_added_to_warns_and_breaks_no_import():
    source = (
        "import gradarray, gradarray.integrations as i, sys, importlib.machinery as m\n"
        "class Loader:\n"
        "    __slots__ = ()\n"
        "    def create_module(self, spec): return None\n"
        "    def exec_module(self, module): module.x = 1\n"
        "class Other:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        return m.ModuleSpec(name, Loader()) if name == 'strange' else None\n"
        "sys.meta_path.append(Other())\n"
        "i.LESSONS['strange'] = 'gradarray.integrations.einops'\n"
        "import strange\nassert strange.x == 1\n"
    )
    done = fresh(source, "-W", "default")
    assert done.returncode == 0, done.stderr
    assert "RuntimeWarning: gradarray cannot teach a library that is loaded by <__main__.Loader" in done.stderr


def test_a_library_that_fails_fails_as_without():
    run(
        "import gradarray, gradarray.integrations as i, sys, pathlib, tempfile\n"
        "d = tempfile.mkdtemp(); pathlib.Path(d, 'broken_library.py').write_text('1 / 0'); sys.path.insert(0, d)\n"
        "i.LESSONS['broken_library'] = 'gradarray.integrations.einops'\n"
        "try:\n    import broken_library\n"
        "except ZeroDivisionError:\n    assert 'broken_library' not in sys.modules\n"
        "else:\n    raise AssertionError\n"
    )


def test_threads_import_and_each_lesson_is_given_once():
    run(
        "import gradarray, threading, importlib\n"
        "ts = [threading.Thread(target=importlib.import_module, args=['einops._backends']) for _ in range(8)]\n"
        "[t.start() for t in ts]; [t.join() for t in ts]" + TAUGHT.format(count=1)
    )


@pytest.mark.parametrize("library", ["scipy", "scipy.linalg", "einops", "dask.array"])
def test_import_gradarray_imports_none_of_them(library):
    run(
        "import gradarray, sys\n"
        f"assert {library!r} not in sys.modules\n"
        "assert [m for m in sys.modules if m.startswith('gradarray.integrations')] == ['gradarray.integrations']"
    )
