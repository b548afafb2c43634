"""SciPy, scikit-learn, array-api-extra, einops, xarray, dask and NumPy on tensors: as recorded, and no gradient wrong.

The record is `measured.json`, written by `python tools/ecosystem.py --write` together with docs/ecosystem.md. It holds
for the versions in it; with others a call may come or go, but no gradient may be wrong or nan.
"""

import importlib.util
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from . import other_calls, scipy_calls
from .call import CALLS, gradient, values

assert scipy_calls and other_calls, "importing them has entered the calls"
ROOT = Path(__file__).resolve().parents[2]
RECORD = json.loads(Path(__file__).with_name("measured.json").read_text())
SAME = all(version(name) == number for name, number in RECORD["versions"].items())
BAD = ("wrong", "nan")

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


def test_every_call_is_recorded():
    assert set(RECORD["calls"]) == set(CALLS)


def test_no_gradient_is_recorded_as_wrong():
    assert not [name for name, found in RECORD["calls"].items() if found["gradient"] in BAD]


@pytest.mark.parametrize("name", CALLS)
def test_values(name):
    found = values(CALLS[name])
    if SAME:
        assert found == RECORD["calls"][name]["values"]
    else:
        assert found != "differs" or RECORD["calls"][name]["values"] == "differs"


@pytest.mark.parametrize("name", CALLS)
def test_gradient(name):
    found = gradient(CALLS[name])
    if SAME:
        assert found == RECORD["calls"][name]["gradient"]
    else:
        assert found not in BAD


def test_the_page_says_what_was_measured():
    spec = importlib.util.spec_from_file_location("ecosystem_tool", ROOT / "tools" / "ecosystem.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert (ROOT / "docs" / "ecosystem.md").read_text() == tool.render(RECORD)
