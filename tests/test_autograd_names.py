"""The table in docs/autograd.md is true: what it says is ours is there, and no name of PyTorch's is left out."""

import importlib
import re
from pathlib import Path

import pytest

import gradarray as ga

PAGE = Path(__file__).resolve().parents[1] / "docs" / "autograd.md"


def table():
    """Section, name, our names and remark of each row."""
    section = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            section = line.removeprefix("### ")
        elif (row := re.fullmatch(r"\| `([\w.]+)` \| (.*) \| (.*) \|", line)) is not None:
            yield section, row[1], re.findall(r"`([\w.]+)`", row[2]), row[3].strip()


def found(name):
    """What ``name`` stands for; raises if there is none."""
    parts = name.split(".")
    x = importlib.import_module(parts[0])
    for i, part in enumerate(parts[1:], 2):
        if not hasattr(x, part):
            importlib.import_module(".".join(parts[:i]))
        x = getattr(x, part)
    return x


def test_every_name_of_ours_is_there():
    rows = list(table())
    names = {name for _, _, ours, _ in rows for name in ours}
    assert len(rows) > 150 and len(names) > 80
    for name in sorted(names):
        assert found(name) is not None
    with pytest.raises((ImportError, AttributeError)):
        found("gradarray.autograd.nothing_of_the_kind")


def test_what_is_declined_says_why():
    assert [name for _, name, ours, remark in table() if not ours and len(remark) < 5] == []


def test_every_public_name_of_ours_is_in_the_table():
    listed = {name for _, _, ours, _ in table() for name in ours}
    for module in (ga.autograd, ga.autograd.graph):
        for name in module.__all__:
            assert f"{module.__name__}.{name}" in listed


def test_every_public_name_of_pytorchs_is_in_the_table():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed; its names are compared where it is")
    checkpoint = importlib.import_module("torch.utils.checkpoint")
    given = {}
    for section, name, _, _ in table():
        given.setdefault(section, set()).add(name)
    sections = {
        "torch.autograd": torch.autograd.__all__,
        "torch.autograd.graph": torch.autograd.graph.__all__,
        "torch.autograd.forward_ad": torch.autograd.forward_ad.__all__,
        "torch.utils.checkpoint": checkpoint.__all__,
        "torch.func": torch.func.__all__,
    }
    for section, names in sections.items():
        assert set(names) - given[section] == set(), section
