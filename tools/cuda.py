"""The CuPy backend held to all that it promises, on a machine's GPUs or, where there is none, on an emulator.

    python tools/cuda.py gpu [12]      on the GPUs of this machine, with CuPy for CUDA 13 (or 12), in .venv-cuda
    python tools/cuda.py emulated      on two emulated ones, in .venv-cuemu: a step of `python dev.py test`

Both install what they need, then run the contract of backends and CuPy's traps (tests/backends), the whole tutorial on
each device, and the operations of the table, forward and derivatives (tests/ops). On a GPU that is all of it. On the
emulator, which compiles each kernel with g++, it is small enough for CI: one sample an operation, of real numbers, and
none of special values, masked elements and drawn shapes. What the emulator lacks is skipped by name.

The emulator is a folder that is not part of this repository: `../shared/cuemu` beside it, or what GRADARRAY_CUEMU
names. Where it or g++ is not there, `emulated` says so and succeeds. It is built once, in .venv-cuemu, where the
compiled kernels are kept too, and again when its source, CuPy or g++ has changed; or it is there already, in the folder
that GRADARRAY_CUEMU_BUILD names.

Knows packages, folders and commands. Must not know gradarray, which need not be installed where this file runs.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ["-e", ".[cli,test]", "-e", "./conformance"]
EMULATED = ["cupy-cuda13x>=14", "cython>=3.2", "setuptools>=77", "nvidia-cuda-runtime", "nvidia-cuda-crt"]
CONTRACT = ["tests/backends", "-k", "cuda or cupy"]
OPERATIONS = ["tests/ops/test_table.py", "tests/ops/test_derivatives.py", "-k", "cuda"]

Step = tuple[str, list[str], dict[str, str]]
"""What it is called, the command, and what it adds to the environment."""


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
    pytest = [python, "-m", "pytest", "-n", "2"]
    named = {"GRADARRAY_TEST_DEVICES": ",".join(devices)}
    return run_all([
        ("contract and traps", [*pytest, *CONTRACT], {}),
        *((f"tutorial on {d}", [python, "-m", "gradarray", "tutorial", "--device", d], {}) for d in devices),
        ("operations", [*pytest, "tests/ops", "-k", "cuda"], named),
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
        "GRADARRAY_TEST_DEVICES": "cuda:1",
        "GRADARRAY_TEST_SAMPLES": "one",
    }
    pytest = [python, "-m", "pytest", "-n", "2", "-q"]
    tutorial = [python, "tests/backends/cuemu.py", "tutorial", "--plain", "--device"]
    return run_all([
        ("contract and traps", [*pytest, *CONTRACT], environment),
        ("tutorial on cuda:0", [*tutorial, "cuda:0"], environment),
        ("tutorial on cuda:1", [*tutorial, "cuda:1"], environment),
        ("operations on cuda:1", [*pytest, *OPERATIONS], environment),
    ])  # fmt: skip


def run_all(steps: Iterable[Step]) -> int:
    """Run every step, whatever fails; 1 if any did."""
    results = []
    for title, argv, added in steps:
        print(f"\n--- {title}: {shlex.join(argv)}", flush=True)
        start = time.monotonic()
        done = subprocess.run(argv, cwd=ROOT, env=cleaned(added), check=False)
        results.append((title, done.returncode == 0, time.monotonic() - start))
    print()
    for title, passed, seconds in results:
        print(f"{'ok    ' if passed else 'FAILED'} CuPy: {title} ({seconds:.1f} s)")
    return 0 if all(passed for _, passed, _ in results) else 1


def cleaned(added: Mapping[str, str]) -> dict[str, str]:
    """The environment, with `added` and without what would mix emulated kernels with a real GPU's."""
    kept = {k: v for k, v in os.environ.items() if k != "CUPY_CACHE_DIR" and not k.startswith("GRADARRAY_")}
    return {**kept, **added, "PYTHONDONTWRITEBYTECODE": "1"}


def installed(venv: Path, requirements: list[str]) -> str:
    """The Python of a virtual environment that holds `requirements`, made or brought up to date if need be."""
    python = str(venv / "bin" / "python")
    stamp = venv / "installed.txt"
    home = hashed(sys.version, str(venv))
    digest = hashed(home, *requirements, (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = stamp.read_text() if stamp.is_file() else ""
    if found != f"{home} {digest}":
        print(f"Installing CuPy into {venv} (the first time takes a few minutes) ...", flush=True)
        if not found.startswith(home):
            quietly([sys.executable, "-m", "venv", "--clear", str(venv)])
        quietly([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])
        stamp.write_text(f"{home} {digest}")
    return python


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


def hashed(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def quietly(argv: list[str]) -> None:
    """Run `argv` in silence; if it fails, print what it said and stop."""
    pipe, merged = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(argv, cwd=ROOT, env=cleaned({}), stdout=pipe, stderr=merged, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\ncuda.py: this failed; what it said is above: {shlex.join(argv)}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
