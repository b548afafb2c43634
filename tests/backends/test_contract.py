"""The contract of backends, on every one that can be used here: the conformance suite's, run as anybody runs it.

The checks are gradarray_conformance's. Here stands what is only this repository's: which backends there must be, what a
missing CuPy says, and that the contract is checked without the rest of gradarray.
"""

import builtins
import os
import subprocess
import sys
from pathlib import Path

import gradarray_conformance
import pytest

import gradarray.backends
from gradarray.backends import Backend, BackendUnavailableError, every, get, require, resolve

from . import cuemu


def usable(name: str) -> str | None:
    """Why the backend cannot be tested here, or None."""
    if name == "cupy":
        return cuemu.problem()
    try:
        return get(name).unavailable()
    except RuntimeError as error:  # no such plugin
        return str(error)


UNUSABLE = {name: usable(name) for name in dict.fromkeys(("numpy", "cupy", "strict", *(b.name for b in every())))}
"""Those of this repository's tests and every plugin that is installed, each with why it cannot be tested here."""
DEVICES = [str(device) for name, why in UNUSABLE.items() if why is None for device in get(name).devices()[:2]]
CHECKS = Path(gradarray_conformance.__file__).parent / "checks"


@pytest.mark.parametrize("name", UNUSABLE)
def test_is_tested(name):
    if UNUSABLE[name] is not None:
        pytest.skip(f"backend {name} is not tested here: {UNUSABLE[name]}")


@pytest.mark.parametrize("device", DEVICES)
def test_the_contract_is_held(device, tmp_path):
    command = [cuemu.__file__] if cuemu.EMULATED else ["-m", "gradarray"]
    argv = [sys.executable, *command, "conformance", device, "--only", "contract,indexing,capabilities", "--", "-q"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_availability_never_raises():
    for backend in every():
        why = backend.unavailable()
        assert why is None or (isinstance(why, str) and why)


def hide_cupy(monkeypatch, error):
    """``import cupy`` raises ``error``."""
    real_import = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "cupy":
            raise error
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_a_missing_cupy_says_what_to_install(monkeypatch):
    hide_cupy(monkeypatch, ModuleNotFoundError("No module named 'cupy'", name="cupy"))
    why = get("cupy").unavailable()
    assert why.startswith("CuPy is not installed")
    assert 'pip install "gradarray[cuda12]"' in why and 'pip install "gradarray[cuda13]"' in why
    with pytest.raises(BackendUnavailableError, match=r"'cupy' cannot be used here: CuPy is not installed"):
        require("cupy")
    with pytest.raises(BackendUnavailableError, match="CuPy is not installed"):
        resolve("cuda")


@pytest.mark.parametrize(
    "error",
    [
        ImportError("libcudart.so.12: no such file"),
        ModuleNotFoundError("No module named 'fastrlock'", name="fastrlock"),
    ],
    ids=repr,
)
def test_a_broken_cupy_says_how(monkeypatch, error):
    hide_cupy(monkeypatch, error)
    assert get("cupy").unavailable() == f"CuPy is installed but cannot be imported: {error}"


def test_an_array_is_owned_by_its_backend_without_importing_any():
    program = """
import sys, numpy
from gradarray.backends import get
assert not get("cupy").owns(numpy.zeros(1)) and not get("cupy").owns("text") and get("numpy").owns(numpy.zeros(1))
assert not {"cupy", "array_api_compat.cupy"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# -- the layer ---------------------------------------------------------------------------------------------------------

ALONE = """
import sys, types

class Guard:
    def find_spec(self, name, path=None, target=None):
        first, _, rest = name.partition(".")
        assert first != "gradarray" or rest.split(".")[0] in ("backends", "devices", "dtypes"), f"looked for {name}"

package = types.ModuleType("gradarray")
package.__path__ = [sys.argv[1]]  # as if its __init__.py were empty
sys.modules["gradarray"] = package
sys.meta_path.insert(0, Guard())
import pytest
sys.exit(pytest.main([*sys.argv[2:], "-q", "-p", "gradarray_conformance.plugin", "-p", "no:cacheprovider"]))
"""


def test_the_contract_is_checked_without_the_engine(tmp_path):
    package = str(Path(gradarray.backends.__file__).parents[1])
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("GRADARRAY_", "PYTEST_"))}
    environ |= {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CUDA_VISIBLE_DEVICES": ""}
    files = [str(CHECKS / "test_contract.py"), str(CHECKS / "test_indexing.py")]
    devices = ["--gradarray-device=cpu"] + ["--gradarray-device=strict:device1"] * (UNUSABLE["strict"] is None)
    command = [sys.executable, "-c", ALONE, package, *files, *devices]
    done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert isinstance(get("numpy"), Backend)
