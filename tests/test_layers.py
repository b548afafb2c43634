"""Who may know whom: every import under gradarray/, plugins/ and conformance/ against one table.

The files are parsed, never run, so nothing hides: imports inside functions count, as do `import_module("…")`
and `sys.modules["…"]`; only `if TYPE_CHECKING:` is exempt. `python tests/test_layers.py` prints the table.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Row:
    """What a module may import: of gradarray (a package stands for all in it), and of other distributions."""

    layer: int
    knows: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()


COMPUTED = "(a computed name)"  # import_module(name) cannot be checked: for what is loaded late, in three places
ARRAY_LIBRARIES = ("array_api_compat", "cupy", "cupyx", "dask", "jax", "numpy", "scipy", "torch")
FOUNDATION = ("_primitive", "dtypes", "devices", "backends", "ops")  # layers 0 and 1 without the engine
STORAGE = ("_state", "_place", "_watch", "_storage")
LEVELS = ("_levels", "_dual", "_batched")
MIDDLE = (*FOUNDATION, *STORAGE, "_nodes", "_dispatch", "_inplace", *LEVELS, "autograd", "func")  # up to layer 3
TENSORS = (
    "printing",
    "_tensor",
    "methods",
    "creation",
    "random",
    "functions",
)  # layer 4; its members never form a cycle
PUBLIC = (
    *("_state", "dtypes", "devices", "backends", "autograd", "func"),
    *TENSORS,
    *("cuda", "fft", "linalg", "nn", "optimize", "special", "testing"),
)

# A name covers what lies in it, unless a longer name does; `p.*` covers what lies in the package p, not p.
# `__init__` is gradarray itself.
TABLE = {
    "_chained": Row(0),
    "_engine": Row(0, ("_chained",)),
    "_spare": Row(0, ("_engine",)),
    "_rules": Row(0),
    "_later": Row(0, (), (COMPUTED,)),
    "_primitive": Row(0, ("_engine", "_rules", "_spare")),
    "dtypes": Row(0, (), ("numpy",)),
    "devices": Row(0),
    "backends": Row(0, ("backends", "dtypes", "devices"), (*ARRAY_LIBRARIES, "pluggy", COMPUTED)),
    "ops": Row(1, ("_primitive", "ops")),
    "ops.*": Row(1, ("_primitive", "ops._batching", "ops._forward", "ops._helpers", "ops._special")),
    "ops.activation": Row(1, ("_primitive", "ops.special_error", "ops.special_slopes")),
    "ops.special": Row(1, ("ops",)),
    "_state": Row(2, ("dtypes",)),
    "_deferred": Row(2, ("_engine", "_spare", "backends")),
    "_place": Row(2, ("_deferred", "_engine", *FOUNDATION)),
    "_watch": Row(2, ("_engine", "_place")),
    "_storage": Row(2, ("_engine", "_primitive", "_place", "_watch", "dtypes", "backends")),
    "_nodes": Row(2, ("_engine", "_place", "_storage")),
    "_dispatch": Row(2, ("_deferred", "_engine", "_spare", *FOUNDATION, *STORAGE, "_nodes"), ("numpy",)),
    "_inplace": Row(2, ("_engine", *FOUNDATION, *STORAGE, "_nodes", "_dispatch"), ("numpy",)),
    "_levels": Row(2, ("_primitive", *STORAGE, "_dispatch", "_inplace", "backends", "devices", "dtypes")),
    "_dual": Row(2, ("_primitive", *STORAGE, "_dispatch", "_inplace", "_levels")),
    "_batched": Row(2, ("_primitive", "ops._batching", *STORAGE, "_dispatch", "_inplace", "_levels")),
    "autograd": Row(3, ("_engine", "_later", *MIDDLE)),
    "func": Row(3, ("_engine", *MIDDLE), ("optree",)),
    "autograd.gradcheck": Row(3, MIDDLE, ("numpy",)),
    "printing": Row(4, (), ("numpy",)),
    "_tensor": Row(4, (*MIDDLE, *TENSORS), ("numpy",)),
    "methods": Row(4, (*MIDDLE, *TENSORS)),
    "creation": Row(4, (*MIDDLE, *TENSORS), ("numpy",)),
    "random": Row(4, (*MIDDLE, *TENSORS), ("numpy",)),
    "functions": Row(4, (*MIDDLE, *TENSORS), ("numpy", "opt_einsum")),
    "cuda": Row(5, PUBLIC),
    "fft": Row(5, ("functions",)),
    "linalg": Row(5, ("_dispatch", "functions")),
    "nn": Row(
        5, ("_dispatch", "_primitive", "_state", "_storage", "autograd", "dtypes", "ops", *TENSORS, "nn"), ("numpy",)
    ),
    "optimize": Row(5, ("autograd", "func", "optimize", "_storage", *TENSORS), ("numpy", "scipy")),
    "special": Row(5, ("functions",)),
    "testing": Row(5, (*MIDDLE, "testing"), ("numpy",)),
    "integrations": Row(5, (), (COMPUTED,)),
    "integrations.*": Row(5, ("__init__", "integrations"), ("numpy", "scipy")),
    "tutorial": Row(5, ("__init__", "tutorial", *PUBLIC), ("numpy",)),
    "_cli": Row(5, ("__init__", "_cli", "tutorial", *PUBLIC), ("rich", "gradarray_conformance")),
    "__main__": Row(5, ("__init__", "_cli", "tutorial", *PUBLIC)),
    "__init__": Row(5, ("_later", *PUBLIC, "integrations")),
}

# The one import against the current: (importer, imported, the function that it stands in).
EXCEPTION = ("_tensor", "__init__", "__array_namespace__")


@dataclass(frozen=True)
class Import:
    """One import statement, or what amounts to one."""

    line: int
    module: str  # absolute, as written
    names: tuple[str, ...]  # of `from module import names`
    function: str  # the innermost function around it, or ""


def imports(source: str, package: str) -> Iterator[Import]:
    """Every import in `source`, a file of `package`, but for those under TYPE_CHECKING."""

    def absolute(level: int, module: str) -> str:
        parents = package.split(".")[: len(package.split(".")) - level + 1] if level else []
        return ".".join([*parents, *([module] if module else [])])

    def visit(node: ast.AST, function: str) -> Iterator[Import]:
        match node:
            case ast.If(test=ast.Name("TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                for child in node.orelse:
                    yield from visit(child, function)
                return
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                function = name
            case ast.Import(names=aliases):
                for alias in aliases:
                    yield Import(node.lineno, alias.name, (), function)
                    if "." in alias.name and alias.asname is None:  # binds the topmost package too
                        yield Import(node.lineno, alias.name.split(".")[0], (), function)
            case ast.ImportFrom(module=module, names=aliases, level=level):
                names = tuple(alias.name for alias in aliases)
                yield Import(node.lineno, absolute(level, module or ""), names, function)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[first, *_],
            ):
                target = first.value if isinstance(first, ast.Constant) else COMPUTED
                level = len(target) - len(target.lstrip("."))
                yield Import(node.lineno, absolute(level, target.lstrip(".")), (), function)
            case (
                ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Constant(value=str(target)))
                | ast.Call(
                    func=ast.Attribute(value=ast.Attribute(attr="modules"), attr="get"),
                    args=[ast.Constant(value=str(target)), *_],
                )
            ):
                yield Import(node.lineno, target, (), function)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, function)

    yield from visit(ast.parse(source), "")


def row_of(module: str) -> str | None:
    """The name in TABLE that covers `module`, the longest that does."""
    names = [module]
    while "." in module:
        module = module.rpartition(".")[0]
        names += [f"{module}.*", module]
    return next((name for name in names if name in TABLE), None)


def within(module: str, names: tuple[str, ...]) -> bool:
    """Whether `module` is one of `names` or lies in one."""
    return any(module == name or module.startswith(f"{name}.") for name in names)


@dataclass
class Tree:
    """The modules under root/gradarray and what each imports."""

    root: Path

    def __post_init__(self) -> None:
        self.files = {}
        for file in sorted((self.root / "gradarray").rglob("*.py")):
            parts = file.relative_to(self.root / "gradarray").with_suffix("").parts
            self.files[".".join(parts[:-1] if parts[-1] == "__init__" and parts[1:] else parts)] = file
        assert "__init__" in self.files, f"no package gradarray in {self.root}"

    def targets(self, found: Import) -> Iterator[str]:
        """The modules of gradarray that an import reaches; `__init__` where it reaches the package itself."""
        if found.module.split(".")[0] != "gradarray":
            return
        base = found.module.removeprefix("gradarray").removeprefix(".")
        for name in found.names or ("",):
            inner = f"{base}.{name}".strip(".")
            yield inner if inner in self.files else base or "__init__"

    def edges(self) -> Iterator[tuple[str, str, Import]]:
        """Every (importer, imported) inside gradarray, save the one exception."""
        for module, found in self.found():
            for target in dict.fromkeys(self.targets(found)):
                if (module, target, found.function) != EXCEPTION:
                    yield module, target, found

    def found(self) -> Iterator[tuple[str, Import]]:
        """Every import of every module."""
        for module, file in self.files.items():
            relative = file.relative_to(self.root).parent
            for found in imports(file.read_text(encoding="utf-8"), ".".join(relative.parts)):
                yield module, found

    def at(self, module: str, line: int) -> str:
        """Where an import stands, as file:line."""
        return f"{self.files[module].relative_to(self.root).as_posix()}:{line}"


def complaint(where: str, what: str, who: str, may: str) -> str:
    """What a failure says."""
    return f"{where} imports {what}, which {who} must not know; {may}. See the layer table in CONTRIBUTING"


def layer(name: str) -> str:
    """A row as a failure names it."""
    return f"layer {TABLE[name].layer} ({name})"


def unlisted(tree: Tree) -> list[str]:
    """The modules that the table says nothing of."""
    return [
        f"{tree.at(module, 1)} is in no row of TABLE in tests/test_layers.py; decide on its layer and add it "
        "there and to the layer table in CONTRIBUTING"
        for module in tree.files
        if row_of(module) is None
    ]


def against_the_table(tree: Tree) -> list[str]:
    """The imports inside gradarray that the table does not allow."""
    problems = []
    for module, target, found in tree.edges():
        if (name := row_of(module)) is not None and not within(target, TABLE[name].knows):
            what = "gradarray" if target == "__init__" else f"gradarray.{target}"
            may = f"it may know {', '.join(TABLE[name].knows) or 'nothing of gradarray'}"
            problems.append(complaint(tree.at(module, found.line), what, layer(name), may))
    return problems


def from_outside(tree: Tree) -> list[str]:
    """The imports of other distributions, array libraries first among them, that the table does not allow."""
    allowed_everywhere = {"gradarray", *sys.stdlib_module_names}
    problems = []
    for module, found in tree.found():
        library, name = found.module.split(".")[0], row_of(module)
        if name is not None and library not in allowed_everywhere | set(TABLE[name].outside):
            homes = [other for other, row in TABLE.items() if library in row.outside]
            may = f"it is for {', '.join(homes) or 'no module'}"
            problems.append(complaint(tree.at(module, found.line), found.module, layer(name), may))
    return problems


def cycles(tree: Tree) -> list[str]:
    """The strongly connected components of the imports, each with the imports that hold it together."""
    edges = list(tree.edges())
    reached: dict[str, set[str]] = {}
    for start in tree.files:
        reached[start], todo = set(), [start]
        while todo:
            module = todo.pop()
            new = {target for source, target, _ in edges if source == module} - reached[start]
            reached[start] |= new
            todo += new
    components = {
        frozenset(other for other in reached[module] if module in reached.get(other, ()))
        for module in tree.files
        if module in reached[module]
    }
    return [
        f"import cycle of {', '.join(sorted(component))}: "
        + "; ".join(
            f"{tree.at(source, found.line)} imports {target}"
            for source, target, found in edges
            if source in component and target in component
        )
        for component in sorted(components, key=sorted)
        if len(component) > 1
    ]


def from_the_plugins(tree: Tree) -> list[str]:
    """What plugins and conformance import of gradarray beyond what is theirs to know.

    A plugin's own code knows `gradarray.backends`; its tests, and conformance, know everything public.
    """
    problems = []
    for file in sorted([*tree.root.glob("plugins/**/*.py"), *tree.root.glob("conformance/**/*.py")]):
        parts = file.relative_to(tree.root).parts
        if any(part.startswith(".") for part in parts):
            continue
        contract_only = parts[0] == "plugins" and "tests" not in parts
        who = "a plugin" if contract_only else "a plugin's test" if parts[0] == "plugins" else "conformance"
        may = f"it may know {'gradarray.backends' if contract_only else 'public names'} only"
        for found in imports(file.read_text(encoding="utf-8"), "(outside)"):
            if found.module.split(".")[0] == "gradarray":
                for name in [f"{found.module}.{name}" for name in found.names] or [found.module]:
                    private = any(part[0] == "_" and part[-2:] != "__" for part in name.split("."))
                    if private or (contract_only and not within(name, ("gradarray.backends",))):
                        problems.append(complaint(f"{'/'.join(parts)}:{found.line}", name, who, may))
    return problems


CHECKS = [unlisted, against_the_table, from_outside, cycles, from_the_plugins]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_layers_hold(check):
    problems = check(Tree(ROOT))
    assert not problems, "\n".join(["", *problems])


def test_the_table_is_ordered():
    """Each row knows only its own layer and those below, and every name it knows is a row."""
    for name, row in TABLE.items():
        for known in row.knows:
            assert TABLE[row_of(known)].layer <= row.layer, f"{name} may know {known}, which lies above it"


# The checker itself, on made-up trees: without a file that breaks a rule it is content, with one it says so.

GOOD = {
    "gradarray/__init__.py": "from . import _tensor\nfrom .backends import numpy",
    "gradarray/_engine.py": "import collections\nfrom typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from . import _tensor",
    "gradarray/_primitive.py": "",
    "gradarray/dtypes.py": "import numpy as np",
    "gradarray/backends/__init__.py": "import pluggy",
    "gradarray/backends/numpy.py": "import array_api_compat.numpy as xp\nfrom ..dtypes import float32",
    "gradarray/ops/__init__.py": "from . import elementwise",
    "gradarray/ops/_helpers.py": "",
    "gradarray/ops/elementwise.py": "from .._primitive import linear\nfrom ._helpers import once",
    "gradarray/_dispatch.py": "from . import _engine, ops\nfrom gradarray.backends import manager",
    "gradarray/_tensor.py": "from ._dispatch import call\nclass Tensor:\n"
    "    def __array_namespace__(self):\n        import gradarray\n        return gradarray",
    "gradarray/functions/__init__.py": "from .._tensor import Tensor",
    "plugins/gradarray-toy/gradarray_toy/__init__.py": "import toy\nfrom gradarray.backends import Backend",
    "plugins/gradarray-toy/tests/test_toy.py": "import gradarray as ga\nfrom gradarray.autograd import grad",
    "conformance/gradarray_conformance/__init__.py": "import gradarray\nfrom gradarray import __version__",
}

# What is wrong: (file, source, how the complaint goes on after "file:").
BAD = {
    "unlisted module": ("gradarray/kernels.py", "", "1 is in no row of TABLE"),
    "upwards": (
        "gradarray/ops/linalg.py",
        "\nfrom .._dispatch import call",
        "2 imports gradarray._dispatch, which",
    ),
    "upwards, by name": ("gradarray/_engine.py", "from . import dtypes", "1 imports gradarray.dtypes, which"),
    "upwards, dotted": (
        "gradarray/_engine.py",
        "import gradarray.dtypes as d",
        "1 imports gradarray.dtypes, which",
    ),
    "package bound too": (
        "gradarray/ops/linalg.py",
        "import gradarray.ops._helpers",
        "1 imports gradarray, which",
    ),
    "in a function": (
        "gradarray/_engine.py",
        "def f():\n    from . import ops",
        "2 imports gradarray.ops, which",
    ),
    "in an else": (
        "gradarray/_engine.py",
        "import typing\nif typing.TYPE_CHECKING:\n    pass\nelse:\n    from . import _tensor",
        "5 imports gradarray._tensor, which",
    ),
    "by import_module": (
        "gradarray/_engine.py",
        "import importlib\nimportlib.import_module('._tensor', __package__)",
        "2 imports gradarray._tensor, which",
    ),
    "of a module that is gone": (
        "gradarray/_tensor.py",
        "from ._gone import x",
        "1 imports gradarray._gone, which",
    ),
    "by computed name": ("gradarray/_engine.py", "__import__(name)", "1 imports (a computed name), which"),
    "by sys.modules": (
        "gradarray/_engine.py",
        "import sys\nsys.modules['gradarray']",
        "2 imports gradarray, which",
    ),
    "rule knows rule": (
        "gradarray/ops/linalg.py",
        "from .elementwise import exp",
        "1 imports gradarray.ops.elementwise, which layer 1 (ops.*) must not know",
    ),
    "engine at layer 4": (
        "gradarray/creation.py",
        "from . import _engine",
        "1 imports gradarray._engine, which",
    ),
    "not in __array_namespace__": (
        "gradarray/_tensor.py",
        "def __repr__(self):\n    import gradarray",
        "2 imports gradarray, which layer 4 (_tensor) must not know",
    ),
    "NumPy in the engine": (
        "gradarray/_engine.py",
        "import numpy.linalg as la",
        "1 imports numpy.linalg, which layer 0 (_engine) must not know; it is for dtypes, backends, ",
    ),
    "CuPy, lazily": (
        "gradarray/_tensor.py",
        "def f():\n    import cupy",
        "2 imports cupy, which layer 4 (_tensor)",
    ),
    "stranger": (
        "gradarray/random.py",
        "import pandas",
        "1 imports pandas, which layer 4 (random) must not know",
    ),
    "plugin knows API": (
        "plugins/gradarray-toy/gradarray_toy/more.py",
        "import gradarray",
        "1 imports gradarray, which a plugin must not know; it may know gradarray.backends only",
    ),
    "plugin's test knows privates": (
        "plugins/gradarray-toy/tests/test_toy.py",
        "from gradarray import _engine",
        "1 imports gradarray._engine, which a plugin's test must not know; it may know public names only",
    ),
    "conformance knows privates": (
        "conformance/report.py",
        "import gradarray._engine as e",
        "1 imports gradarray._engine, which conformance must not know",
    ),
}


def made_up(root: Path, sources: dict[str, str]) -> Tree:
    for name, source in sources.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source, encoding="utf-8")
    return Tree(root)


def problems_of(tree: Tree) -> list[str]:
    return [problem for check in CHECKS for problem in check(tree)]


def test_the_checker_is_content_with_a_good_tree(tmp_path):
    assert problems_of(made_up(tmp_path, GOOD)) == []


@pytest.mark.parametrize(("file", "source", "expected"), BAD.values(), ids=BAD)
def test_the_checker_sees(tmp_path, file, source, expected):
    problems = problems_of(made_up(tmp_path, {**GOOD, file: source}))
    assert any(problem.startswith(f"{file}:{expected}") for problem in problems), problems


def test_the_message_says_what_to_do(tmp_path):
    upwards = {"gradarray/ops/linalg.py": "from .._dispatch import call"}
    problem = (
        "gradarray/ops/linalg.py:1 imports gradarray._dispatch, which layer 1 (ops.*) must not know; "
        "it may know _primitive, ops._batching, ops._forward, ops._helpers, ops._special. See the layer table in "
        "CONTRIBUTING"
    )
    assert problems_of(made_up(tmp_path, {**GOOD, **upwards})) == [problem]


def test_the_checker_sees_a_cycle(tmp_path):
    there = {"gradarray/creation.py": "def f():\n    from .functions import where"}
    back = {"gradarray/functions/__init__.py": "\nfrom gradarray.creation import zeros"}
    problem = (
        "import cycle of creation, functions: gradarray/creation.py:2 imports functions; "
        "gradarray/functions/__init__.py:2 imports creation"
    )
    assert problems_of(made_up(tmp_path, {**GOOD, **there, **back})) == [problem]


def show() -> None:
    """Print the table, and what stands in the tree today."""
    modules = list(Tree(ROOT).files) if (ROOT / "gradarray" / "__init__.py").exists() else []
    lines = [("layer", "module", "files", "knows of gradarray", "and besides")]
    for name, row in TABLE.items():
        count = sum(row_of(module) == name for module in modules)
        lines.append((str(row.layer), name, str(count), " ".join(row.knows), " ".join(row.outside)))
    widths = [max(len(line[column]) for line in lines) for column in range(5)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    importer, imported, function = EXCEPTION
    print(f"\nExcept: {importer} imports {imported} inside {function}.")
    print("Outside: plugins/* know gradarray.backends, their tests and conformance/ the public API.")


if __name__ == "__main__":
    show()
