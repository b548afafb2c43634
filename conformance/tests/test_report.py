"""The report: what is collected, how several become one, and what each form shows."""

from __future__ import annotations

import os
import re
import xml.etree.ElementTree as xml
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from gradarray_conformance import command
from gradarray_conformance.outcomes import Status
from gradarray_conformance.report import FORMS, badge, collect, data, html, markdown, terminal, write
from gradarray_conformance.report.data import Outcome, Place, Run
from gradarray_conformance.samples import SAMPLES, samples, traits
from mutants import Sound
from sessions import CHECKS, run

from gradarray import backends


class wrong(Sound):
    """Zeros are ones, there is no complex128, and it claims to be lazy."""

    capabilities = backends.Capabilities(
        lazy=True, missing={"complex128": "upstream has none: https://example.org/<2>"}
    )

    def kernels(self, device):  # type: ignore[no-untyped-def]
        return {**super().kernels(device), "zeros": super().kernels(device)["ones"]}

    def dtypes(self, device):  # type: ignore[no-untyped-def]
        return {raw: dtype for raw, dtype in super().dtypes(device).items() if dtype.name != "complex128"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A session in which checks hold, fail, are not supported and are not run."""
    backends.register(wrong())
    folder = tmp_path_factory.mktemp("report")
    (folder / "gaps.txt").write_text(
        "test_capabilities.py::test_lazy_is_told_truly[wrong:a]  # so it is, https://example.org/1\n"
    )
    session = run(
        CHECKS / "test_behaviours.py", CHECKS / "test_capabilities.py", CHECKS / "test_functions.py",
        "--gradarray-device=cpu", "--gradarray-device=wrong:a", "--gradarray-profile=thorough", "--hypothesis-seed=7",
        f"--gradarray-report={folder / 'made' / 'r.json'}", f"--gradarray-xfails={folder / 'gaps.txt'}",
    )  # fmt: skip
    assert session.status == 1, session.output
    return data.read(folder / "made" / "r.json")


def the(run: Run, id: str) -> Outcome:
    return next(outcome for outcome in run.outcomes if outcome.id == id)


def test_each_outcome_is_what_it_was(found: Run) -> None:
    assert the(found, "test_behaviours.py::test_behaviour[cpu-T04]").status is Status.HELD
    failed = the(found, "test_behaviours.py::test_behaviour[wrong:a-T03]")
    assert (failed.status, failed.row, failed.device) == (Status.FAILED, "T03", "wrong:a")
    assert failed.title == "A tensor of zeros, of dtype long" and failed.reason.startswith(
        "Failed: T03: the output must"
    )
    assert failed.program.splitlines()[0] == "x = ga.zeros(5, 3, dtype=ga.long)"
    assert "tensor([[1, 1, 1]" in failed.details
    lacking = the(found, "test_behaviours.py::test_behaviour[wrong:a-T15]")
    assert (lacking.status, lacking.reason) == (Status.UNSUPPORTED, "wrong:a has no complex128")
    known = the(found, "test_capabilities.py::test_lazy_is_told_truly[wrong:a]")
    assert known.status is Status.KNOWN and known.reason.startswith("so it is, https://example.org/1 (")
    kernel = "test_functions.py::test_a_kernel_of_its_own_computes_what_it_is_named_for[wrong:a-softmax]"
    assert the(found, kernel).status is Status.NOT_RUN
    assert found.counts("cpu")[Status.FAILED] == 0 and found.counts()[Status.HELD] > 1000


def test_it_says_where_and_how(found: Run) -> None:
    cpu, place = found.places
    assert (cpu.device, place.device, place.profile, place.seed) == ("cpu", "wrong:a", "thorough", "7")
    assert cpu.versions.keys() >= {"gradarray", "numpy"} and "Python 3" in cpu.system and cpu.seconds > 0
    assert place.capabilities["missing"] == {"complex128": "upstream has none: https://example.org/<2>"}


def test_json_is_read_as_it_was_written(found: Run) -> None:
    assert data.loads(data.dumps(found)) == found
    for text in ("{}", "[", '{"gradarray-conformance": 2}', "<html>"):
        with pytest.raises(ValueError, match="here"):
            data.loads(text, "here")


def made(device: str, *statuses: Status) -> Run:
    """A run of one check, each case of which came to one of ``statuses``."""

    def outcome(i: int, status: Status) -> Outcome:
        why, id = "" if status is Status.HELD else f"because {i}", f"test_contract.py::test_round_trip[{i}]"
        return Outcome(
            chapter="contract", title="round trip", device=device, id=id, status=status, reason=why, case=str(i)
        )

    outcomes = [outcome(i, status) for i, status in enumerate(statuses)]
    return Run([Place(device=device, profile="quick")], outcomes)


def test_several_runs_become_one_matrix() -> None:
    whole = data.merge(
        [made("a:0", Status.HELD, Status.FAILED), made("b:0", Status.HELD), made("a:0", Status.HELD, Status.HELD)]
    )
    assert whole.devices == ["a:0", "b:0"] and whole.counts("a:0") == {Status.HELD: 2}
    (row,) = data.rows(whole)
    assert row.status("b:0") is Status.HELD and row.status("elsewhere") is Status.NOT_RUN


def test_what_was_expected_and_not_run_is_shown_so() -> None:
    whole = data.merge([made("b:0", Status.HELD)], expected=["a:0", "b:0"])
    assert whole.devices == ["a:0", "b:0"]
    assert "a:0: nothing was run" in terminal.drawn(whole).splitlines()
    assert "| round trip | · | ✓ |" in markdown.page(whole)
    page = html.page(whole)
    assert '<article class="not-run"><h3>a:<wbr>0</h3>' in page and "checked on b:0.</p>" in page


def test_a_note_stands_beside_the_device() -> None:
    run = Run([Place(device="a:0", note="emulated")], made("a:0", Status.HELD).outcomes)
    assert "a:0 (emulated): 1 held; 0.0 s" in terminal.drawn(run) and "|  | `a:0` (emulated) |" in markdown.page(run)
    assert '<th scope="col">a:<wbr>0 (emulated)</th>' in html.page(run)


def test_what_was_drawn_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    options = ("--gradarray-examples=8", "--gradarray-note=drawn", f"--gradarray-report={path}", "--hypothesis-seed=1")
    session = run(CHECKS / "test_laws.py", "-k", "linear_in_the_cotangent or is_as_a_copy", *options)
    found = data.read(path)
    assert {o.examples for o in found.outcomes} == {2}, "a quarter of 8"
    drawn = f"{2 * len(found.outcomes)} examples drawn"
    assert drawn in session.output and drawn in html.page(found)
    assert (found.places[0].profile, found.places[0].note) == ("quick with 8 examples", "drawn")


def test_fewer_samples_are_said_beside_the_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, said = tmp_path / "r.json", "one sample of each operation, not all"
    options = ("--gradarray-device=strict:device1", "--gradarray-device=cpu", f"--gradarray-report={path}")
    monkeypatch.setenv("GRADARRAY_TEST_SAMPLES", "few")  # which the option overrules
    options = (*options, "--gradarray-samples=one")
    session = run(CHECKS / "test_operations.py", "-k", "forward_is_numpys and strong_multiply", *options)
    assert os.environ["GRADARRAY_TEST_SAMPLES"] == "few", "as it was"
    found = data.read(path)
    fewer, all_of_them = found.places
    assert fewer.samples == "one sample of each operation" and all_of_them.samples == "", "the CPU has all"
    assert f"strict:device1: 1 held; {said};" in session.output and session.output.count(said) == 1
    assert html.page(found).count(f'<p class="small">{said}</p>') == 1, "on its card"
    assert f"profile quick, {said}, " in html.page(found), "and where it is said how it was run"
    table = [line for line in markdown.page(found).splitlines() if line.startswith("| `")]
    assert [line.split(" | ")[-2] for line in table] == [said, "all"]


def test_few_samples_show_all_that_all_show(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {}
    for extent in ("one", "few", "all"):
        monkeypatch.setenv("GRADARRAY_TEST_SAMPLES", extent)
        sizes[extent] = {name: samples(name, "strict:device1") for name in SAMPLES}
    for name, whole in sizes["all"].items():
        assert set(sizes["one"][name]) <= set(sizes["few"][name]) <= set(whole)
        shown, there = (set().union(*map(traits, some)) for some in (sizes["few"][name], whole))
        assert shown == there
        assert any(s.smooth for s in sizes["few"][name]) == any(s.smooth for s in whole), "differences tell it"
    one, some, every = (sum(map(len, found.values())) for found in sizes.values())
    assert one == len(SAMPLES) < some < every / 2


def test_an_extent_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRADARRAY_TEST_SAMPLES", "some")
    session = run(CHECKS / "test_operations.py", "-k", "strong_multiply")
    assert session.status == pytest.ExitCode.USAGE_ERROR
    assert "GRADARRAY_TEST_SAMPLES: expected all, few, one, got 'some'" in capsys.readouterr().err


def test_the_worst_of_the_cases_is_the_cell() -> None:
    order = [Status.FAILED, Status.KNOWN, Status.HELD, Status.UNSUPPORTED, Status.NOT_RUN]
    for i, status in enumerate(order):
        (row,) = data.rows(made("a:0", *reversed(order[i:])))
        assert row.status("a:0") is status


def test_the_terminal_shows_a_matrix() -> None:
    text = terminal.drawn(data.merge([made("a:0", Status.HELD, Status.FAILED), made("b:b:0", Status.UNSUPPORTED)]))
    lines = text.splitlines()
    assert lines[0].split() == ["a:0", "b:b:0"] and lines[1] == "contract"
    assert lines[2].split() == ["round", "trip", "✗", "1/2", "–"]
    assert "– b:b:0: because 0 (1)" in lines and "a:0: 1 held, 1 failed; 0.0 s" in lines
    assert "\x1b[" not in text and "\x1b[" in terminal.drawn(made("a:0", Status.HELD), colour=True)


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "wbr"):
            self.open.append(tag)
        for name, value in attributes:
            if name in ("src", "href"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag


def test_the_terminal_says_what_failures_have_in_common() -> None:
    failed = [replace(o, reason=reason) for reason in "aabbbc" for o in made("a:0", Status.FAILED).outcomes]
    outcomes = [replace(outcome, id=f"{i}") for i, outcome in enumerate(failed)]
    lines = terminal.drawn(Run(made("a:0").places, outcomes)).splitlines()
    assert lines[-3:-1] == ["✗ a:0: b (3 times)", "✗ a:0: a (2 times)"]


def test_the_page_is_whole_and_has_nothing_from_elsewhere(found: Run) -> None:
    text = html.page(found)
    page = Page(text)
    assert (
        page.open == []
        and "script" not in page.tags
        and "link" not in page.tags
        and "url(" not in text.replace("url(#r)", "")
    )
    anchors = [link.removeprefix("#") for link in page.links if link.startswith("#")]
    assert anchors and set(anchors) <= set(page.ids), "a failed cell leads to the failure"
    assert "prefers-color-scheme: dark" in text and "width=device-width" in text
    assert "x = ga.zeros(5, 3, dtype=ga.long)" in text, "the program of a failure"
    assert "https://example.org/&lt;2&gt;" in text and "<2>" not in text
    for words in ("cpu", "wrong:<wbr>a", "Declared unsupported", "Known gaps", "Not run", "profile thorough, seed 7"):
        assert words in text, words


def test_markdown_has_the_same(found: Run) -> None:
    text = markdown.page(found)
    assert "| T03 A tensor of zeros, of dtype long | ✓ | ✗ |" in text
    assert "```python\nx = ga.zeros(5, 3, dtype=ga.long)" in text and "## Known gaps" in text
    widths = {
        line.count(" | ")
        for line in text.split("## Behaviours")[1].split("##")[0].splitlines()
        if line.startswith("| ")
    }
    assert widths == {2}


def test_the_badge_says_how_many(found: Run) -> None:
    title = "{http://www.w3.org/2000/svg}title"
    assert xml.fromstring(badge.svg(made("a:0", Status.HELD))).findtext(title) == "gradarray conformance: 1 held"
    told = xml.fromstring(badge.svg(found)).findtext(title)
    assert told is not None and re.fullmatch(r"gradarray conformance: \d+ of [\d,]+ failed", told)


def test_the_smallest_program_is_found() -> None:
    noted = "E   AssertionError\nE   # program\nE   import gradarray as ga\nE   x = ga.ones(2)\nE   # end\nE   more"
    assert collect.smallest_program(noted) == "import gradarray as ga\nx = ga.ones(2)"
    assert collect.smallest_program(noted.replace("E   ", f"E{' ' * 11}")) == collect.smallest_program(noted)
    noted = noted.replace("E   # end", "E   Falsifying example: test_it(x=1)")
    assert collect.smallest_program(noted) == "import gradarray as ga\nx = ga.ones(2)"
    assert (
        collect.smallest_program(noted.partition("E   Falsifying")[0] + "\ntest.py:3")
        == "import gradarray as ga\nx = ga.ones(2)"
    )
    drawn = (
        "E   ValueError\nE   Falsifying example: test_it(\nE       x=0,\nE       y='a',\nE   )\n\ntest.py:3: ValueError"
    )
    assert collect.smallest_program(drawn) == "Falsifying example: test_it(\n    x=0,\n    y='a',\n)"
    newer = drawn.replace("Falsifying example:", "Failing test case:")  # since hypothesis 6.170
    assert collect.smallest_program(newer) == "Failing test case: test_it(\n    x=0,\n    y='a',\n)"
    assert collect.smallest_program("E   ValueError") == ""


def test_merge_writes_what_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for device in ("a:0", "b:0"):
        write(made(device, Status.HELD), tmp_path / f"{device[0]}.json")
    outputs = [word for suffix in FORMS for word in ("-o", str(tmp_path / f"all{suffix}"))]
    assert command.main(["merge", str(tmp_path / "a.json"), str(tmp_path / "b.json"), *outputs]) == 0
    assert data.read(tmp_path / "all.json").devices == ["a:0", "b:0"]
    assert "b:<wbr>0" in (tmp_path / "all.html").read_text() and (tmp_path / "all.svg").is_file()
    assert command.main(["merge", str(tmp_path / "a.json")]) == 0 and "a:0: 1 held" in capsys.readouterr().out
    assert command.main(["merge", str(tmp_path), "--expect", "c:0,a:0"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["c:0", "a:0", "b:0"], "a folder stands for all in it"
    (tmp_path / "empty").mkdir()
    assert command.main(["merge", str(tmp_path / "empty")]) == 2
    assert "there are no reports" in capsys.readouterr().err
    assert command.main(["merge", str(tmp_path / "all.svg")]) == 2 and "is no report" in capsys.readouterr().err
    assert command.main(["merge", str(tmp_path / "a.json"), "-o", str(tmp_path / "a.pdf")]) == 2
