"""What every taught function has in common: when ours runs, what it refuses, what stays as it was."""

import inspect
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.cluster.hierarchy
import scipy.cluster.vq
import scipy.linalg
import scipy.ndimage
import scipy.optimize.elementwise
import scipy.signal
import scipy.spatial.distance

import gradarray as ga
from gradarray.integrations import teaching

MODULES = [
    scipy.cluster.hierarchy,
    scipy.cluster.vq,
    scipy.linalg,
    scipy.ndimage,
    scipy.optimize,
    scipy.optimize.elementwise,
    scipy.signal,
    scipy.spatial,
    scipy.spatial.distance,
]
TAUGHT = {
    f"{module.__name__}.{name}": function
    for module in MODULES
    for name, function in vars(module).items()
    if hasattr(function, "__gradarray__") and function.__module__ == module.__name__  # and not from elsewhere
}
METHODS = {"scipy.signal.ShortTimeFFT.stft_detrend": scipy.signal.ShortTimeFFT.stft_detrend}


def test_there_are_many():
    assert len(TAUGHT) > 100


@pytest.mark.parametrize("name", [*TAUGHT, *METHODS])
def test_it_looks_like_the_original(name):
    function = {**TAUGHT, **METHODS}[name]
    original = function.__wrapped__
    assert inspect.signature(function) == inspect.signature(original)
    assert function.__doc__ == original.__doc__
    assert function.__name__ == original.__name__


@pytest.mark.parametrize("name", TAUGHT)
def test_it_can_be_pickled(name):
    assert pickle.loads(pickle.dumps(TAUGHT[name])) is TAUGHT[name]


@pytest.mark.parametrize("name", [n for n in TAUGHT if "elementwise" not in n])
def test_ours_has_no_parameter_that_the_original_lacks(name):
    theirs = inspect.signature(TAUGHT[name]).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in theirs.values()):
        ours = inspect.getclosurevars(TAUGHT[name].__gradarray__).nonlocals["takes"]
        assert set(ours) <= set(theirs)


def test_the_original_runs_without_a_gradient():
    x = ga.tensor([[2.0, 0.0], [0.0, 4.0]])
    original = scipy.linalg.inv.__wrapped__
    assert type(scipy.linalg.inv(x)) is type(original(x))
    assert type(scipy.linalg.inv(x.numpy())) is np.ndarray
    y = x.clone().requires_grad_()
    assert isinstance(scipy.linalg.inv(y), ga.Tensor)
    with ga.no_grad():
        assert not scipy.linalg.inv(y).requires_grad


def test_where_tensors_are_looked_for():
    x = ga.tensor(1.0, requires_grad=True)
    for values in ([x], [[1, x]], [(1, [2, x])], [{"a": x}], [{"a": [x]}]):
        assert teaching.tracked(values)
    for values in ([x.detach()], [1, "a", None], [[1, [2]]], [{"a": 1}], [{x}]):
        assert not teaching.tracked(values)


def test_infinite_values_are_refused_unless_not_checked():
    x = ga.tensor([[1.0, 0.0], [0.0, float("inf")]], requires_grad=True)
    with pytest.raises(ValueError, match="infs or NaNs"):
        scipy.linalg.det(x)
    assert scipy.linalg.det(x, check_finite=False) == float("inf")


def test_an_option_at_its_default_and_one_that_is_immaterial_are_taken():
    x = ga.tensor([[2.0, 1.0], [1.0, 4.0]], requires_grad=True)
    scipy.linalg.eigh(x, overwrite_a=True, driver="evd", subset_by_index=None)
    with pytest.raises(NotImplementedError, match=r"scipy\.linalg\.eigh does not take subset_by_index .* got \(0, 1\)"):
        scipy.linalg.eigh(x, subset_by_index=(0, 1))


def test_a_parameter_that_is_read_as_a_number_must_not_be_on_the_tape():
    x, number = ga.ones(9, requires_grad=True), ga.tensor(2.0, requires_grad=True)
    for call in (
        lambda: scipy.signal.savgol_filter(x, 5, 2, 1, number),
        lambda: scipy.signal.welch(x, number, nperseg=4),
        lambda: scipy.signal.welch(x, window=ga.ones(4, requires_grad=True)),
        lambda: scipy.signal.czt(x, 3, number),
        lambda: scipy.ndimage.zoom(x, number),
        lambda: scipy.ndimage.percentile_filter(x, number, 3),
        lambda: scipy.spatial.distance.cdist(x[None], x[None], "minkowski", p=number),
        lambda: scipy.linalg.lstsq(x[:, None], x, number),
    ):
        with pytest.raises(NotImplementedError, match="has no derivative with respect to"):
            call()


def test_numbers_and_lists_get_the_dtype_that_numpy_gives_them():
    x = ga.ones(2, requires_grad=True)
    whole, number, single = teaching.tensors([1, 2], 0.5, x)
    assert (whole.dtype, number.dtype, single.dtype) == (ga.float64, ga.float64, ga.float32)
    assert teaching.tensors(None, [x[0], 2.0])[1].requires_grad


def test_the_page_lists_what_is_taught():
    page = (Path(__file__).resolve().parents[2] / "docs" / "integrations.md").read_text(encoding="utf-8")
    table = page.partition("## SciPy")[2]
    listed = set()
    for module, names in re.findall(r"^\| `(scipy[\w.]*)` \| (.*?) \|", table, re.MULTILINE):
        listed |= {f"{module}.{name}" for name in re.findall(r"`([\w.]+)`", names)}
    assert listed == {*TAUGHT, *METHODS}


def test_gradarray_was_not_taught_by_halves():
    assert {m.__name__ for m in MODULES} <= set(sys.modules["gradarray.integrations"].LESSONS)
