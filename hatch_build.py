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
import subprocess
import sys
from pathlib import Path
from shutil import rmtree
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
    """The extension modules, made in ``folder``; the part of it where they are."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    def extension(name: str, source: Path) -> Any:
        return Extension(
            f"gradarray.{name}",
            [str(source)],
            # types that Python makes are such that `node.__class__` can be set, as for classes written in Python
            define_macros=[("CYTHON_USE_TYPE_SPECS", "1")],
            # what a debugger would ask for takes five sixths of a file
            extra_compile_args=[] if sys.platform == "win32" else ["-g0"],
        )

    extensions = []
    for names, typed in ((TYPED, True), (UNTYPED, False)):
        made = [extension(name, Path("gradarray", *name.split(".")).with_suffix(".py")) for name in names]
        if typed:
            rules = folder / "_rules.pyx"
            rules.write_text(rules_ahead(root), encoding="utf-8")
            made.append(extension("_rules", rules))
        directives = {"language_level": 3, "annotation_typing": typed, "nonecheck": True, "infer_types": False}
        here = Path.cwd()
        os.chdir(root)
        try:
            extensions += cythonize(
                made, build_dir=str(folder / "c"), include_path=["."], compiler_directives=directives, quiet=True
            )
        finally:
            os.chdir(here)
    command = build_ext(Distribution({"ext_modules": extensions}))
    command.build_lib, command.build_temp = str(folder / "lib"), str(folder / "temp")
    command.parallel = os.cpu_count()
    command.ensure_finalized()
    command.run()
    return folder / "lib"


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
        typed = text.replace("def vjp(node, g):", "def vjp(OpNode node, g):")
        names = [*sorted(set(re.findall(r"\brule\d+\b", text))), "refcount", "MANY", "Large"]
        lines += ["def make(scope):", *(f"    {name} = scope[{name!r}]" for name in names)]
        lines += [indent(typed, "    "), "    return vjp", f"MADE[{text!r}] = make"]
    return "\n".join([*lines, ""])
