"""The pages are true: what they run runs, prints what they say, and links lead somewhere.

In README.md, CONTRIBUTING.md and docs/*.md a block marked `python` is run, page by page from top to bottom in one
namespace, and a block marked `text` right after it is what it prints. A block marked `py` is only shown. The two
recipes of CONTRIBUTING are `py` blocks, followed here to the letter: one in a copy of the project, one as an installed
plugin; and so is the README of plugins/template.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from .test_layers import TABLE

ROOT = Path(__file__).resolve().parents[1]
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
PAGES = [ROOT / "README.md", CONTRIBUTING, *sorted((ROOT / "docs").glob("*.md"))]
LINKED = [*PAGES, ROOT / "CHANGELOG.md", *sorted(ROOT.glob("*/README.md")), *sorted(ROOT.glob("plugins/*/README.md"))]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# -- blocks ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A fenced block: the heading it stands under, its language, its first line's number and its text."""

    heading: str
    language: str
    line: int
    text: str
    adjacent: bool  # nothing but empty lines between it and the block before


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a page."""
    found: list[Block] = []
    heading, opened, adjacent = "", None, False
    for number, line in enumerate(page.splitlines(), 1):
        if opened is not None:
            if line == "```":
                language, start, body = opened
                found.append(Block(heading, language, start, "".join(f"{x}\n" for x in body), adjacent))
                opened, adjacent = None, True
            else:
                opened[2].append(line)
        elif line.startswith("```"):
            opened = line[3:], number + 1, []
        else:
            adjacent = adjacent and not line.strip()
            if line.startswith("#"):
                heading = line.lstrip("# ")
    assert opened is None, f"the block at line {opened[1] - 1} is never closed"
    return found


def broken(page: str, where: str) -> Iterator[str]:
    """What a page promises and does not hold."""
    found = blocks(page)
    namespace: dict[str, object] = {"__name__": "__docs__"}
    for i, block in enumerate(found):
        after = found[i + 1] if i + 1 < len(found) else None
        promised = after.text if after is not None and after.language == "text" and after.adjacent else ""
        if block.language == "text" and not (block.adjacent and found[i - 1].language == "python"):
            yield f"{where}:{block.line}: a text block that no python block prints"
        if block.language != "python":
            continue
        source = "\n" * (block.line - 1) + block.text  # so that a traceback shows the page's line
        printed = StringIO()
        with redirect_stdout(printed):
            exec(compile(source, where, "exec"), namespace)
        if printed.getvalue() != promised:
            yield f"{where}:{block.line} prints\n{printed.getvalue()}and not\n{promised}"


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_blocks_print_what_the_page_says(page):
    problems = list(broken(page.read_text(encoding="utf-8"), named(page)))
    assert not problems, "\n".join(["", *problems])


def test_a_block_that_prints_something_else_is_seen():
    page = "```python\nx = 1\nprint(x)\n```\n\n```text\n{}\n```\n\nand\n\n```python\nassert x == 1\n```\n"
    assert list(broken(page.format(1), "page")) == []
    assert list(broken(page.format(2), "page")) == ["page:2 prints\n1\nand not\n2\n"]
    assert list(broken("```python\nprint(1)\n```\n\n...\n\n```text\n1\n```\n", "page")) == [
        "page:2 prints\n1\nand not\n",
        "page:8: a text block that no python block prints",
    ]
    with pytest.raises(ZeroDivisionError):
        list(broken("```python\n1 / 0\n```\n", "page"))


# -- links -------------------------------------------------------------------------------------------------------------


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as the usual renderers make them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", LINKED, ids=named)
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{named(page)} links to {link}, which is not there"
        assert target.is_relative_to(ROOT), f"{named(page)} links to {link}, outside of the project"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{named(page)}: no such heading: {link}"


# -- the layer table ---------------------------------------------------------------------------------------------------


def test_the_layer_table_has_the_rows_that_are_enforced():
    page = CONTRIBUTING.read_text(encoding="utf-8").partition("## Layers")[2].partition("\n## ")[0]
    shown = [(name, int(layer)) for layer, name in re.findall(r"^\| (\d) \| `([^`]+)` \|", page, re.MULTILINE)]
    assert len(dict(shown)) == len(shown)
    assert dict(shown) == {name: row.layer for name, row in TABLE.items()}
    assert [layer for _, layer in shown] == sorted(layer for _, layer in shown)


# -- an op in four lines -----------------------------------------------------------------------------------------------

FOUR = "Add an op in four lines"
SIXTY = "Add a backend in sixty lines"


def recipe(heading: str, language: str) -> str:
    """The one block of ``language`` under a heading of CONTRIBUTING."""
    (found,) = [
        b.text for b in blocks(CONTRIBUTING.read_text("utf-8")) if (b.heading, b.language) == (heading, language)
    ]
    return found


def python(*arguments: object, path: Path) -> str:
    """What Python prints, with ``path`` before all else on its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    program = [sys.executable, *map(str, arguments)]
    done = subprocess.run(
        program, cwd=path, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


USE_LOGCOSH = """
import os
import gradarray as ga

assert os.path.samefile(ga.__file__, "gradarray/__init__.py"), ga.__file__
x = ga.tensor([0.5, -2.0], dtype=ga.double, requires_grad=True)
y = ga.logcosh(x)
(g,) = ga.autograd.grad(y.sum(), x, create_graph=True)
g.sum().backward()
assert ga.allclose(g, x.tanh()) and ga.allclose(x.grad, 1 - x.tanh() ** 2)
z = x.detach()
assert z.logcosh_() is z and ga.allclose(z, y)
print(y.grad_fn.name())
"""


def copy_the_project(to: Path) -> None:
    """Copy what the tests of operations need."""
    for part in ("gradarray", "tests", "conformance"):
        shutil.copytree(ROOT / part, to / part, ignore=shutil.ignore_patterns("__pycache__", "data"))
    shutil.copy(ROOT / "pyproject.toml", to)


def operation_tests(which: str, path: Path) -> str:
    """What pytest says of the tests of operations that ``which`` selects."""
    return python("-m", "pytest", "-p", "no:cacheprovider", "-q", "-k", which, "tests/ops", path=path)


def test_an_op_in_four_lines(tmp_path):
    lines = recipe(FOUR, "py").splitlines()
    files = [re.match(r"# (\S+\.py): ", line)[1] for line in lines[0::2]]
    added = dict(zip(files, lines[1::2], strict=True))
    assert len(added) == 4
    assert all(not line.startswith("#") and len(line) <= 120 for line in added.values())

    # at the end of a file, or, in methods.py, into the class
    copy_the_project(tmp_path)
    for file, line in added.items():
        source = (tmp_path / file).read_text(encoding="utf-8")
        if file == "gradarray/methods.py":
            before, head, after = source.partition("    exp, exp_ = ")
            assert head
            source = f"{before}    {line}\n{head}{after}"
        else:
            source = f"{source}\n{line}\n"
        (tmp_path / file).write_text(source, encoding="utf-8")
    init = tmp_path / "gradarray" / "__init__.py"
    init.write_text(
        f"{init.read_text('utf-8')}\nfrom gradarray.functions.elementwise import logcosh\n", encoding="utf-8"
    )

    assert python("-c", USE_LOGCOSH, path=tmp_path) == "LogcoshBackward0\n"

    tests = operation_tests("logcosh or has_samples", tmp_path)
    assert int(re.search(r"(\d+) passed", tests)[1]) > 5
    assert "failed" not in tests


def test_an_op_without_the_line_that_tests_it_is_seen(tmp_path):
    copy_the_project(tmp_path)
    with (tmp_path / "gradarray/ops/elementwise.py").open("a", encoding="utf-8") as file:
        file.write(recipe(FOUR, "py").splitlines()[1] + "\n")
    with pytest.raises(AssertionError, match="1 failed"):
        operation_tests("has_samples", tmp_path)


# -- a backend in sixty lines ------------------------------------------------------------------------------------------

USE_IT = """
import gradarray as ga

x = ga.tensor([[1.0, 2.0], [3.0, 4.0]], device="toy", requires_grad=True)
assert str(x.device) == "toy:box" and type(x._data).__name__ == "BoxArray"
y = (x[:, 0] * x.exp().sum(dim=0)).sum() + x.to("cpu").log().sum().to("toy")
(g,) = ga.autograd.grad(y, x, create_graph=True)
g.sum().backward()
assert g.device == x.grad.device == x.device and g.grad_fn is not None

c = x.detach().cpu().requires_grad_()
z = (c[:, 0] * c.exp().sum(dim=0)).sum() + c.log().sum()
(h,) = ga.autograd.grad(z, c, create_graph=True)
h.sum().backward()
assert ga.allclose(g.cpu(), h) and ga.allclose(x.grad.cpu(), c.grad)

w = x.detach()
w[0] += 10
assert x.tolist() == [[11.0, 12.0], [3.0, 4.0]]
try:
    x + c
except RuntimeError as error:
    assert "toy:box and cpu" in str(error), error
else:
    raise AssertionError
"""


def install(pyproject: str, path: Path) -> None:
    """What installing such a distribution would leave behind beside its modules, which are in ``path``."""
    project = tomllib.loads(pyproject)["project"]
    info = path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n", encoding="utf-8"
    )
    points = [f"{name} = {module}\n" for name, module in project["entry-points"]["gradarray"].items()]
    (info / "entry_points.txt").write_text("".join(["[gradarray]\n", *points]), encoding="utf-8")


def test_a_backend_in_sixty_lines(tmp_path):
    source = recipe(SIXTY, "py")
    assert len(source.splitlines()) <= 60
    known = set(re.findall(r"(?:from|import) (gradarray[\w.]*)", source))
    assert known == {"gradarray.backends"}

    (tmp_path / "gradarray_toy.py").write_text(source, encoding="utf-8")
    install(recipe(SIXTY, "toml"), tmp_path)
    python("-W", "error", "-c", USE_IT, path=tmp_path)
    shown = python("-m", "gradarray", "tutorial", "--plain", "--device", "toy:box", path=tmp_path)
    programs, held = re.search(r"^(\d+) programs on toy:box: (\d+) held$", shown, re.MULTILINE).groups()
    assert programs == held == "30"


# -- a backend to copy -------------------------------------------------------------------------------------------------

TEMPLATE = ROOT / "plugins" / "template"


def test_the_template_is_the_recipe():
    assert (TEMPLATE / "src/gradarray_toy/__init__.py").read_text(encoding="utf-8") == recipe(SIXTY, "py")
    project = tomllib.loads((TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for field, value in tomllib.loads(recipe(SIXTY, "toml"))["project"].items():
        assert project[field] == value


def test_the_template_under_another_name_passes_its_tests_and_holds_the_contract(tmp_path):
    """What its README says, step by step, but for calling another library."""
    for file in filter(Path.is_file, TEMPLATE.rglob("*")):
        if file.suffix in (".py", ".toml"):
            to = tmp_path / file.relative_to(TEMPLATE).as_posix().removeprefix("src/").replace("toy", "mine")
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(file.read_text(encoding="utf-8").replace("toy", "mine"), encoding="utf-8")
    install((tmp_path / "pyproject.toml").read_text(encoding="utf-8"), tmp_path)
    assert "mine: available" in python("-m", "gradarray", "backends", "--plain", path=tmp_path)

    said = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", path=tmp_path)
    assert int(re.search(r"(\d+) passed", said)[1]) > 10 and "skipped" not in said
    only = "contract,indexing,capabilities,functions"
    said = python("-m", "gradarray", "conformance", "mine", "--only", only, path=tmp_path)
    assert int(re.search(r"([\d,]+) held", said)[1].replace(",", "")) > 2000 and "failed" not in said
