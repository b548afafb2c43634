"""Builds the wheel with its hot modules compiled, where that is asked for: ``GRADARRAY_COMPILE=1 pip install .``

By default the wheel is pure Python. Compiled or not, the sources are the same, and stay beside what is compiled of
them; what the compiler may take for granted is in the ``.pxd`` file beside a module, and in annotations of variables.
Cython and setuptools are needed for the build alone, and asked for only then.

Knows files and Cython. Must not know gradarray, which is not installed yet: what its rules are, which it makes when it
runs, it is asked in another process.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree, rmtree, which
from tempfile import mkdtemp
from textwrap import indent
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# In which modules annotations are types to the compiler: only where they are exact, as those of public functions need
# not be (`axis: int` is given NumPy's integers, too).
TYPED = [
    "_chained", "_engine", "_deferred", "_nodes", "_place", "_spare", "_storage", "_dispatch",
    "autograd.backward", "functions._into",
]  # fmt: skip
UNTYPED = [
    "_inplace",
    "autograd.modes",
    "backends.numpy",
    "functions.indexing",
    "functions.linalg",
    "functions.manipulation",
    "functions.statistical",
    "ops._helpers",
    "ops.indexing",
    "ops.linalg",
    "ops.manipulation",
    "ops.statistical",
]
# Operations whose rules are compiled, too: those of small arrays in loops.
HOT = (
    "add subtract multiply divide negative square pow_number exp log sqrt sin cos tanh tanh_backward sigmoid "
    "sigmoid_backward relu relu_backward abs maximum minimum where clone getitem index index_adjoint matmul matmul_nt "
    "matmul_tn matrix_transpose permute_dims reshape expand_dims squeeze broadcast_to spread concat stack sum sum_rows "
    "mean strong_multiply"
)


class Compiled(BuildHookInterface[Any]):
    """The hook that hatchling calls; it does nothing unless ``GRADARRAY_COMPILE`` is 1."""

    folder: Path | None = None

    def dependencies(self) -> list[str]:
        """What the build needs beyond hatchling."""
        return ["cython>=3.1", "setuptools>=77", *self.metadata.core.dependencies] if wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say where what was compiled goes. ``pip install -e`` keeps to the sources."""
        if not wanted() or version == "editable":
            return
        self.folder = Path(mkdtemp())
        made = compiled(Path(self.root), self.folder)
        for file in sorted(made.rglob("*.*")):
            build_data["force_include"][str(file)] = str(file.relative_to(made))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Leave nothing behind, once the wheel is written."""
        if self.folder is not None:
            rmtree(self.folder)


def wanted() -> bool:
    """Whether whoever builds asks for it."""
    return os.environ.get("GRADARRAY_COMPILE") == "1"


def compiled(root: Path, folder: Path) -> Path:
    """The extension modules, made in ``folder``; the part of it where they are.

    GCC compiles them twice, the second time for what it saw ``benchmarks/training.py`` do, and on Linux they lie in one
    library: what runs together lies together, of which a processor forgets less between two kernels.
    """
    extensions = translated(root, folder)
    if is_gcc():
        build(extensions, folder, ["-fprofile-generate"])
        train(root, folder / "lib")
        command = build(extensions, folder, ["-fprofile-use"])
    else:
        command = build(extensions, folder)
    if sys.platform.startswith("linux"):
        join(extensions, command, folder)
    return folder / "lib"


def translated(root: Path, folder: Path) -> list[Any]:
    """The modules as C: of each a source whose initialization has a name of its own, and one that hands over to it."""
    from Cython.Build import cythonize
    from setuptools import Extension

    extensions = []
    for names, typed in ((TYPED, True), (UNTYPED, False)):
        made = [Extension(f"gradarray.{n}", [str(Path("gradarray", *n.split(".")).with_suffix(".py"))]) for n in names]
        if typed:
            rules = folder / "_rules.pyx"
            rules.write_text(rules_ahead(root), encoding="utf-8")
            made.append(Extension("gradarray._rules", [str(rules)]))
        directives = {"language_level": 3, "annotation_typing": typed, "nonecheck": True}
        directives["infer_types"] = None if typed else False  # None: of what typed attributes hold, and no integers
        here = Path.cwd()
        os.chdir(root)
        try:
            extensions += cythonize(
                made, build_dir=str(folder / "c"), include_path=["."], compiler_directives=directives, quiet=True
            )
        finally:
            os.chdir(here)
    for extension in extensions:
        whole, last = extension.name.replace(".", "_"), extension.name.rpartition(".")[2]
        (source,) = extension.sources
        body, entrance = folder / f"{whole}.c", folder / f"{whole}_init.c"
        body.write_text(f'#define PyInit_{last} PyInit_{whole}\n#include "{(root / source).as_posix()}"\n')
        entrance.write_text(
            f"#include <Python.h>\nPyMODINIT_FUNC PyInit_{whole}(void);\n"
            f"PyMODINIT_FUNC PyInit_{last}(void) {{ return PyInit_{whole}(); }}\n"
        )
        extension.sources = [str(body), str(entrance)]
        # types that Python makes are such that `node.__class__` can be set, as for classes written in Python
        extension.define_macros = [("CYTHON_USE_TYPE_SPECS", "1")]
    return extensions


def build(extensions: list[Any], folder: Path, flags: Sequence[str] = ()) -> Any:
    """Compile and link all anew; the command that did."""
    from setuptools import Distribution
    from setuptools.command.build_ext import build_ext

    for extension in extensions:
        # what a debugger would ask for takes five sixths of a file
        extension.extra_compile_args = [] if sys.platform == "win32" else ["-g0", *flags]
        extension.extra_link_args = list(flags)
    command = build_ext(Distribution({"ext_modules": extensions}))
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "temp")
    command.parallel, command.force = os.cpu_count(), True
    command.ensure_finalized()
    command.run()
    return command


def is_gcc() -> bool:
    """Whether extensions are compiled by GCC, which can be shown what a program does."""
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "")
    if not compiler or which(compiler[0]) is None:
        return False
    about = subprocess.run([*compiler, "--version"], stdout=subprocess.PIPE, text=True, check=False)
    return "Free Software Foundation" in about.stdout


def train(root: Path, library: Path) -> None:
    """Run what the compiler is to see, on the modules in ``library``, of which nothing is left there then."""
    copytree(root / "gradarray", library / "gradarray", dirs_exist_ok=True)
    program = [sys.executable, "-B", str(root / "benchmarks" / "training.py")]
    environment = {**os.environ, "PYTHONPATH": str(library), "OMP_NUM_THREADS": "1"}
    subprocess.run(program, cwd=library, env=environment, check=True)
    rmtree(library)


def join(extensions: list[Any], command: Any, folder: Path) -> None:
    """Link the modules that ``command`` has compiled once more: into one library, and doors to it by their names."""
    from setuptools import Extension

    bodies, entrances = (
        command.compiler.object_filenames(sources, output_dir=command.build_temp)
        for sources in zip(*(extension.sources for extension in extensions))
    )
    joined = Extension("gradarray._joined", [], extra_objects=bodies)
    where = Path(build([joined], folder).get_ext_fullpath(joined.name))
    doors = []
    for extension, entrance in zip(extensions, entrances):
        up = "/".join(["$ORIGIN", *[".."] * (extension.name.count(".") - 1)])
        linked = {"library_dirs": [str(where.parent)], "libraries": [f":{where.name}"], "runtime_library_dirs": [up]}
        doors.append(Extension(extension.name, [], extra_objects=[entrance], **linked))
    build(doors, folder)


def rules_ahead(root: Path) -> str:
    """What stands for ``gradarray/_rules.py``: the rules of :data:`HOT`, with nodes as the compiler knows them."""
    ask = (
        "import json, sys, gradarray; from gradarray._primitive import TABLE, texts; "
        "print(json.dumps(sorted(set().union(*(texts(TABLE[name]) for name in sys.argv[1:])))))"
    )
    program = [sys.executable, "-B", "-c", ask, *HOT.split()]
    answer = subprocess.run(program, cwd=root, stdout=subprocess.PIPE, check=True)
    lines = ["from gradarray._nodes cimport OpNode", "MADE = {}"]
    for text in json.loads(answer.stdout):
        typed = text.replace("def vjp(node, g", "def vjp(OpNode node, g")
        names = [*sorted(set(re.findall(r"\brule\d+\b", text))), "refcount", "MANY", "Large"]
        lines += ["def make(scope):", *(f"    {name} = scope[{name!r}]" for name in names)]
        lines += [indent(typed, "    "), "    return vjp", f"MADE[{text!r}] = make"]
    return "\n".join([*lines, ""])
