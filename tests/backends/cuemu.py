"""CuPy without a GPU: the emulator that GRADARRAY_CUEMU names, a test double on which the real CuPy runs.

    python tests/backends/cuemu.py tutorial --device cuda:1                the command `gradarray`, there
    python tests/backends/cuemu.py conformance cuda:1 -n 2 -- -p cuemu     in workers of pytest as well: as a plugin

    GRADARRAY_CUEMU        the folder of the emulator's source, with build.py and install.py
    GRADARRAY_CUEMU_BUILD  the folder that `python build.py FOLDER` has built, with libcuemu.so

It needs the packages cupy-cuda13x, cython, setuptools, nvidia-cuda-runtime and nvidia-cuda-crt, and g++:
`python tools/cuda.py emulated` sees to all of it. Without these variables CuPy runs on what the machine has. The
emulator has no cuFFT, cuSOLVER or cuRAND, and nothing in it happens later: what it cannot tell is left to a real GPU.
"""

import importlib.util
import os
import shutil
import sys
import warnings
from functools import cache
from pathlib import Path

import pytest

EMULATED = "GRADARRAY_CUEMU" in os.environ

LACKING = {
    "cuSOLVER": (
        "cofactor linalg.cholesky linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.inv linalg.pinv "
        "linalg.qr linalg.solve linalg.svd linalg.svdvals"
    ),
    "LU decomposition of cuBLAS": "linalg.det linalg.slogdet",
    "cuFFT": "fft.fftn fft.ifftn fft.irfft fft.rfft",
    "cyl_bessel_i0 and cyl_bessel_i1 of CUDA": (
        "special.i0 special.i0e special.i1 special.i1e special.k0 special.k0e special.k1 special.k1e"
    ),
    "normcdf and normcdfinv of CUDA": (
        "special.bdtri special.betaincinv special.fdtr special.fdtrc special.fdtri special.log_ndtr special.nbdtri "
        "special.ndtr special.ndtri special.ndtri_exp"
    ),
    "erfcx of CUDA": "special.erfcx",
    "erfinv and erfcinv of CUDA": "special.erfcinv special.erfinv",
}
"""What the emulator has not, and the operations that it cannot run, or not differentiate, for that."""


FUNCTIONS = {
    "cuSOLVER": "linalg.matrix_rank",
    "cuFFT": "fft.fft fft.hfft fft.ifft fft.ifftn fft.ihfft fft.irfftn fft.rfftn",
    "threads that end early, as those of CuPy's kernel do, and no other with them": "isin",
}
"""The same for functions of the standard that are made of these operations."""


def lacking(operation: object) -> str | None:
    """What the emulator would need to run ``operation``, and its name; or None."""
    lists = (*LACKING.items(), *FUNCTIONS.items())
    return next((f"{what}: {operation}" for what, names in lists if operation in names.split()), None)


@cache
def problem() -> str | None:
    """Why CuPy cannot be tested here, or None. The emulator, if there is one to be, is installed by the first call."""
    if EMULATED and (why := _install()) is not None:
        return why
    from gradarray.backends import get

    why = get("cupy").unavailable()
    return why if EMULATED or why is None else f"{why}. (Or set GRADARRAY_CUEMU, see tests/backends/cuemu.py)"


def _install() -> str | None:
    source = Path(os.environ["GRADARRAY_CUEMU"])
    if not (source / "install.py").is_file():
        return f"GRADARRAY_CUEMU={source} has no install.py"
    if importlib.util.find_spec("cupy") is None:
        return "the emulator needs CuPy: pip install cupy-cuda13x"
    if shutil.which("g++") is None:
        return "the emulator compiles CuPy's kernels with g++, which is not there"
    built = Path(os.environ.get("GRADARRAY_CUEMU_BUILD", ""))
    if not (built / "libcuemu.so").is_file():
        return f"GRADARRAY_CUEMU_BUILD={built} is not built: `python {source}/build.py FOLDER`, and set it to FOLDER"
    if "cupy" in sys.modules:
        return "CuPy was imported before the emulator could take its place"
    spec = importlib.util.spec_from_file_location("cuemu_install", source / "install.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.install(str(built), devices=2)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """As a plugin of the conformance suite: the emulator is there before a device is asked for."""
    if (why := problem()) is not None:
        raise pytest.UsageError(why)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what the emulator cannot run, and say why; let no kernel read another device's memory."""
    given = getattr(getattr(item, "callspec", None), "params", {})
    device = str(given.get("gradarray_device", given.get("device")))
    name = given.get("name", getattr(given.get("call"), "name", None))
    if device.startswith("cuda") and (what := lacking(name)) is not None:
        pytest.skip(f"not run: the emulator has no {what}")
    warnings.filterwarnings("error", "The device where the array resides")


if __name__ == "__main__":
    sys.modules["cuemu"] = sys.modules["__main__"]  # one module, also as pytest's plugin
    if (why := problem()) is not None:
        raise SystemExit(f"cuemu.py: {why}")
    from gradarray.__main__ import main

    raise SystemExit(main())
