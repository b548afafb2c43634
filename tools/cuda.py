"""The CuPy backend held to all that it promises, on a machine's GPUs or, where there is none, on an emulator.

    python tools/cuda.py gpu [12]      on the GPUs of this machine, with CuPy for CUDA 13 (or 12), in .venv-cuda
    python tools/cuda.py emulated      on two emulated ones, in .venv-cuemu: a step of `python dev.py test`

Both install what they need, then run the contract of backends and CuPy's traps (tests/backends). On a GPU the whole
conformance suite follows; its report goes to reports/cuda.html. The emulator compiles each kernel with g++, so what
follows there is small enough for CI: the tutorial on each device, and on the second the suite's chapters that need few
kernels, with one sample of real numbers an operation; their report is cuda-emulated.html. What the emulator lacks
is not run, by name.

The emulator is a folder that is not part of this repository: `../shared/cuemu` beside it, or what GRADARRAY_CUEMU
names. Where it or g++ is not there, `emulated` says so and succeeds. It is built once, in .venv-cuemu, where the
compiled kernels are kept too, and again when its source, CuPy or g++ has changed; or it is there already, in the folder
that GRADARRAY_CUEMU_BUILD names.

Knows packages, folders and commands. Must not know gradarray, which need not be installed where this file runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from environments import ROOT, hashed, installed, quietly, run_all

PROJECT = ["-e", ".[cli,test]", "-e", "./conformance"]
EMULATED = ["cupy-cuda13x>=14", "cython>=3.2", "setuptools>=77", "nvidia-cuda-runtime", "nvidia-cuda-crt"]
CONTRACT = ["tests/backends", "-k", "cuda or cupy"]
# The suite runs the contract of cuda:1 by itself.
ELSEWHERE = ["--deselect", "tests/backends/test_contract.py::test_the_contract_is_held[cuda:1]"]
# Of the suite all but what is drawn in every layout, and masks: each layout is another kernel.
FEW_KERNELS = "behaviours,capabilities,contract,functions,indexing,laws,operations,programs,special_values"


def main(arguments: Sequence[str]) -> int:
    """Run what `arguments` ask for; the exit status."""
    match arguments:
        case ["emulated"]:
            return emulated()
        case ["gpu", *rest] if rest in ([], ["12"], ["13"]):
            return gpu(*rest)
    print(__doc__.strip())
    return 0 if arguments in (["-h"], ["--help"]) else 2


def gpu(version: str = "13") -> int:
    """Everything, on the first GPU and, where there is one, on the second."""
    python = installed(ROOT / ".venv-cuda", ["-e", f".[cli,test,cuda{version}]", *PROJECT[2:]])
    there = "from gradarray import backends as b; print(*b.require('cupy').devices())"
    done = subprocess.run([python, "-c", there], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"CuPy is not tested here. {done.stderr.strip().splitlines()[-1]}")
        return 1
    devices = done.stdout.split()[:2]
    print(f"on {', '.join(devices)}")
    suite = [python, "-m", "gradarray", "conformance", *devices, "--seed=1", "-n", "2"]
    reports = [f"--report=reports/cuda.{suffix}" for suffix in ("html", "json")]
    return run_all("CuPy", [
        ("contract and traps", [python, "-m", "pytest", "-n", "2", *CONTRACT], {}),
        ("conformance", [*suite, *reports, "--", "-q"], {}),
    ])  # fmt: skip


def emulated() -> int:
    """What of it fits into CI, on two emulated GPUs; nothing where the emulator cannot be."""
    source = Path(os.environ.get("GRADARRAY_CUEMU", ROOT.parent / "shared" / "cuemu")).resolve()
    if not (source / "build.py").is_file():
        print(f"CuPy is not tested: there is no emulator of CUDA in {source}")
        return 0
    if shutil.which("g++") is None:
        print("CuPy is not tested: the emulator of CUDA needs g++, which is not there")
        return 0
    venv = ROOT / ".venv-cuemu"
    python = installed(venv, [*PROJECT, *EMULATED])
    given = os.environ.get("GRADARRAY_CUEMU_BUILD")
    build = Path(given).resolve() if given else built(source, venv / "cuemu", python)
    environment = {
        "GRADARRAY_CUEMU": str(source),
        "GRADARRAY_CUEMU_BUILD": str(build),
    }
    there = [python, "tests/backends/cuemu.py"]
    suite = [*there, "conformance", "cuda:1", "--seed=1", "-n", "2", "--examples=4", "--samples=one"]
    reports = [f"--report=reports/cuda-emulated.{suffix}" for suffix in ("html", "json")]
    chosen = [f"--only={FEW_KERNELS}", "--note=emulated", *reports]
    return run_all("CuPy", [
        ("contract and traps", [python, "-m", "pytest", "-n", "2", "-q", *CONTRACT, *ELSEWHERE], environment),
        ("tutorial on cuda:0", [*there, "tutorial", "--plain", "--device", "cuda:0"], environment),
        ("conformance of cuda:1", [*suite, *chosen, "--", "-q", "-p", "cuemu"], environment),
    ])  # fmt: skip


def built(source: Path, build: Path, python: str) -> Path:
    """The folder of the emulator, built from `source` if it is not, or of something else."""
    packages = [requirement.partition(">=")[0] for requirement in EMULATED]
    asked = [python, "-c", "import sys; from importlib.metadata import version as v; print(*map(v, sys.argv[1:]))"]
    versions = [
        subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        for argv in ([*asked, "numpy", *packages], ["g++", "--version"])
    ]
    files = sorted(path for path in source.iterdir() if path.is_file())
    digest = hashed(str(build), *versions, *(path.read_text(encoding="utf-8") for path in files))
    stamp = build / "built.txt"
    if not stamp.is_file() or stamp.read_text() != digest:
        print(f"Building the emulator of CUDA in {build} ...", flush=True)
        shutil.rmtree(build, ignore_errors=True)  # and with it the kernels that another one compiled
        quietly([python, str(source / "build.py"), str(build)])
        stamp.write_text(digest)
    return build


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
