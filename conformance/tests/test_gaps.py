"""Known gaps: a line excuses the failure it names; one that no longer fails, or names nothing, is an error."""

from __future__ import annotations

from pathlib import Path

import pytest
from gradarray_conformance import gaps
from mutants import Sound
from sessions import CHECKS, run

from gradarray import backends

CHECK = CHECKS / "test_capabilities.py"


class gappy(Sound):
    """It claims to be lazy."""

    capabilities = backends.Capabilities(shares_numpy_memory=True, lazy=True)


@pytest.fixture(autouse=True, scope="module")
def registered() -> None:
    backends.register(gappy())


def session(folder: Path, *lines: str):  # type: ignore[no-untyped-def]
    file = folder / "gaps.txt"
    file.write_text("# what is known\n\n" + "".join(f"{line}\n" for line in lines))
    return run(CHECK, "--gradarray-device=gappy:a", f"--gradarray-xfails={file}", root=folder)


def test_without_a_line_it_fails(tmp_path: Path) -> None:
    found = session(tmp_path)
    assert found.status == 1 and [id for id, outcome in found.outcomes.items() if outcome == "failed"] == [
        "test_capabilities.py::test_lazy_is_told_truly[gappy:a]"
    ]


@pytest.mark.parametrize("pattern", ["test_lazy_is_told_truly[gappy:a]", "test_lazy_is_told_truly", "test_lazy*[gap*]"])
def test_a_line_excuses_it(tmp_path: Path, pattern: str) -> None:
    found = session(tmp_path, f"test_capabilities.py::{pattern}  # upstream, https://example.org/1")
    assert found.status == 0, found.output
    assert "! gappy:a: upstream, https://example.org/1" in found.output and "1 known gap" in found.output


def test_a_line_that_no_longer_fails_is_an_error(tmp_path: Path) -> None:
    found = session(
        tmp_path,
        "test_capabilities.py::test_lazy_is_told_truly  # upstream, https://example.org/1",
        "test_capabilities.py::test_unknown_shapes_are_told_truly  # mended since, https://example.org/2",
    )
    assert found.status == 1
    assert "mended since" in found.reasons["test_capabilities.py::test_unknown_shapes_are_told_truly[gappy:a]"]


def test_a_line_that_names_nothing_is_an_error(tmp_path: Path) -> None:
    lines = [
        "test_capabilities.py::test_lazy_is_told_truly  # upstream, https://example.org/1",
        "test_capabilities.py::test_lasy_is_told_truly  # a slip, https://example.org/1",
        "test_contract.py::test_that_is_not_run_here  # of another file, https://example.org/1",
    ]
    found = session(tmp_path, *lines)
    assert found.status == 1 and "gaps.txt:4: test_capabilities.py::test_lasy" in found.output
    assert "test_that_is_not_run_here" not in found.output


@pytest.mark.parametrize(
    "line",
    [
        "test_capabilities.py::test_lazy_is_told_truly",
        "test_capabilities.py::test_lazy_is_told_truly  # no link",
        "test_lazy_is_told_truly  # no file, https://example.org/1",
    ],
)
def test_a_line_needs_a_check_a_reason_and_a_link(tmp_path: Path, line: str) -> None:
    file = tmp_path / "gaps.txt"
    file.write_text(f"\n{line}\n")
    with pytest.raises(ValueError, match=r"gaps\.txt:2: "):
        gaps.read(file)
