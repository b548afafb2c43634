"""What tensors print, against PyTorch 2.13 (its texts: data/printing.json), and what printing fetches."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from gradarray import printing

# Each case: "about", "dtype", "shape", its elements, "options", "suffixes", perhaps "prefix", and "expected",
# which is PyTorch's text with `gradarray.` for `torch.` (put in before it wrapped the lines).
CASES = json.loads((Path(__file__).parent / "data" / "printing.json").read_text(encoding="utf-8"))
KINDS = {
    "b": "bool",
    "i": "signed integer",
    "u": "unsigned integer",
    "f": "real floating",
    "c": "complex floating",
}


def array_of(case):
    """The array of a case: "values" in words, or a "formula" where there are many."""
    dtype, shape = np.dtype(case["dtype"]), tuple(case["shape"])
    if "values" in case:
        parse = {"f": float, "c": complex}.get(dtype.kind, int)
        return np.array([parse(word) for word in case["values"].split()], dtype=dtype).reshape(shape)
    scale, offset, modulus = case["formula"]
    values = offset + scale * (np.arange(math.prod(shape)) * 7919 % modulus)
    return (values - 0.5j * values if dtype.kind == "c" else values).astype(dtype).reshape(shape)


def printed(array, suffixes=(), fetch=None, **keywords):
    kind = KINDS[array.dtype.kind]
    return printing.tensor_str(array.shape, kind, fetch or array.__getitem__, suffixes, **keywords)


@pytest.fixture(autouse=True)
def options_at_rest():
    """No test leaves the options changed, and none finds them so."""
    rest = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}
    assert printing.get_printoptions() == rest
    yield
    assert printing.get_printoptions() == rest


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case['about']}" for n, case in enumerate(CASES)])
def test_the_text_is_that_of_pytorch(case):
    prefix = case.get("prefix", "tensor(")
    with printing.printoptions(**case["options"]):
        assert printed(array_of(case), case["suffixes"], prefix=prefix) == case["expected"]


def test_the_cases_are_many_and_of_every_kind():
    assert len(CASES) >= 250
    assert {np.dtype(case["dtype"]).kind for case in CASES} == set(KINDS)
    assert {len(case["shape"]) for case in CASES} >= {0, 1, 2, 3, 4}


class Giant:
    """A tensor too large for any memory, its elements the sums of their indices; counts what is fetched."""

    def __init__(self, *shape):
        self.shape = shape
        self.fetched = 0

    def __call__(self, key):
        assert len(key) == len(self.shape)
        self.fetched += math.prod(part.stop - part.start for part in key)
        assert self.fetched <= 10_000
        return sum(np.ix_(*(np.arange(part.start, part.stop) for part in key)), start=np.int64(0))

    def __str__(self):
        return printing.tensor_str(self.shape, "signed integer", self, [])


@pytest.mark.parametrize(
    ("shape", "fetched"),
    [
        ((10**12,), 6),
        ((10**6, 10**6), 36),
        ((7, 2, 10**9), 6 * 2 * 6),
        ((10**9, 1, 6), 6 * 1 * 6),
        ((1000,) * 4, 6**4),
        ((501, 2), 6 * 2),
    ],
)
def test_a_summary_fetches_what_it_shows(shape, fetched):
    giant = Giant(*shape)
    assert "..." in str(giant)
    assert giant.fetched == fetched


def test_a_summary_of_a_giant():
    assert str(Giant(10**6, 10**6)) == (
        "tensor([[      0,       1,       2,  ...,  999997,  999998,  999999],\n"
        "        [      1,       2,       3,  ...,  999998,  999999, 1000000],\n"
        "        [      2,       3,       4,  ...,  999999, 1000000, 1000001],\n"
        "        ...,\n"
        "        [ 999997,  999998,  999999,  ..., 1999994, 1999995, 1999996],\n"
        "        [ 999998,  999999, 1000000,  ..., 1999995, 1999996, 1999997],\n"
        "        [ 999999, 1000000, 1000001,  ..., 1999996, 1999997, 1999998]])"
    )


def test_edgeitems_bound_what_is_fetched():
    with printing.printoptions(edgeitems=1):
        str(giant := Giant(10**5, 10**5, 2))
        assert giant.fetched == 2 * 2 * 2
    with printing.printoptions(edgeitems=0):
        assert str(giant := Giant(10**5, 10**5)) == "tensor([...], size=(100000, 100000))"
        assert giant.fetched == 0


def test_up_to_the_threshold_everything_is_fetched_once():
    for shape in [(), (1000,), (4, 250)]:
        assert "..." not in str(giant := Giant(*shape))
        assert giant.fetched == math.prod(shape)


def test_nothing_is_fetched_of_an_empty_tensor():
    for shape, text in [
        ((0,), "tensor([])"),
        ((3, 0), "tensor([], size=(3, 0))"),
        ((0, 10**9), "tensor([], size=(0, 1000000000))"),
    ]:
        assert str(giant := Giant(*shape)) == text
        assert giant.fetched == 0


def test_the_size_stands_behind_the_device():
    empty, words = np.zeros((0, 3)), ["dtype=gradarray.float64", "requires_grad=True"]
    assert printed(empty, words[1:]) == "tensor([], size=(0, 3), requires_grad=True)"
    assert printed(empty, words) == "tensor([], size=(0, 3), dtype=gradarray.float64, requires_grad=True)"
    placed = ["device='cuda:0'", words[1]]
    assert printed(empty, placed) == "tensor([], device='cuda:0', size=(0, 3), requires_grad=True)"
    assert placed == ["device='cuda:0'", words[1]], "the caller's list was changed"


def test_host_arrays_of_any_layout():
    array = np.arange(6.0)[::-1].reshape(2, 3).T
    expected = "tensor([[5., 2.],\n        [4., 1.],\n        [3., 0.]])"
    assert printed(array) == expected
    assert printed(array.astype(">f4")) == expected
    assert printed(np.broadcast_to(np.float32(2.5), (2,))) == "tensor([2.5000, 2.5000])"


def test_a_signalling_nan_prints_without_warning():
    assert printed(np.array([0x7FA00000], dtype=np.uint32).view(np.float32)) == "tensor([nan])"


def test_an_unknown_kind():
    with pytest.raises(ValueError, match=r"kind must be one of 'bool', .*, got 'quaternion'"):
        printing.tensor_str((0,), "quaternion", Giant(0), [])


def test_options_are_kept_unless_given():
    with printing.printoptions():
        printing.set_printoptions(precision=2, linewidth=np.int64(100), threshold=np.float32(7.5))
        printing.set_printoptions(edgeitems=1)
        changed = {"precision": 2, "threshold": 7.5, "edgeitems": 1, "linewidth": 100, "sci_mode": None}
        assert printing.get_printoptions() == changed


def test_sci_mode_falls_back_to_auto_in_every_call():
    with printing.printoptions(sci_mode=True):
        assert printing.get_printoptions()["sci_mode"] is True
        printing.set_printoptions(precision=4)
        assert printing.get_printoptions()["sci_mode"] is None
        printing.set_printoptions(sci_mode=np.False_)
        assert printing.get_printoptions()["sci_mode"] is False


@pytest.mark.parametrize(
    ("profile", "values"),
    [("default", (4, 1000, 3, 80)), ("short", (2, 1000, 2, 80)), ("full", (4, math.inf, 3, 80))],
)
def test_profiles(profile, values):
    names = ("precision", "threshold", "edgeitems", "linewidth")
    with printing.printoptions(precision=9, threshold=9, edgeitems=9, linewidth=9, sci_mode=True):
        printing.set_printoptions(profile=profile)
        assert printing.get_printoptions() == {**dict(zip(names, values)), "sci_mode": None}
        printing.set_printoptions(profile=profile, edgeitems=5)
        assert printing.get_printoptions() == {**dict(zip(names, values)), "edgeitems": 5, "sci_mode": None}


def test_options_come_back_by_keyword():
    with printing.printoptions(profile="full", sci_mode=False, precision=7):
        options = printing.get_printoptions()
        printing.set_printoptions(profile="short")
        printing.set_printoptions(**options)
        assert printing.get_printoptions() == options
        options["precision"] = 1
        assert printing.get_printoptions()["precision"] == 7


def test_options_are_restored():
    with printing.printoptions(precision=2):
        assert printed(np.array([0.125])) == "tensor([0.12])"
        with printing.printoptions(sci_mode=True):
            assert printed(np.array([0.125])) == "tensor([1.25e-01])"
        assert printed(np.array([0.125])) == "tensor([0.12])"
    with pytest.raises(ZeroDivisionError), printing.printoptions(precision=2):
        1 / 0
    assert printed(np.array([0.125])) == "tensor([0.1250])"


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"precision": 1.5}, TypeError, "precision must be an integer, got 1.5"),
        ({"precision": True}, TypeError, "precision must be an integer, got True"),
        ({"precision": -1}, ValueError, "precision must not be negative, got -1"),
        ({"edgeitems": "3"}, TypeError, "edgeitems must be an integer, got '3'"),
        ({"edgeitems": -3}, ValueError, "edgeitems must not be negative, got -3"),
        ({"linewidth": math.inf}, TypeError, "linewidth must be an integer, got inf"),
        ({"linewidth": -80}, ValueError, "linewidth must not be negative, got -80"),
        ({"threshold": "1000"}, TypeError, "threshold must be a real number, got '1000'"),
        ({"threshold": False}, TypeError, "threshold must be a real number, got False"),
        ({"threshold": -1}, ValueError, "threshold must be a number not less than 0, got -1"),
        ({"threshold": math.nan}, ValueError, "threshold must be a number not less than 0, got nan"),
        ({"profile": "long"}, ValueError, "profile must be one of 'default', 'short', 'full', got 'long'"),
        ({"profile": 1}, TypeError, "profile must be a str, got 1"),
        ({"sci_mode": "auto"}, TypeError, "sci_mode must be True, False or None, got 'auto'"),
        ({"sci_mode": 1}, TypeError, "sci_mode must be True, False or None, got 1"),
        ({"digits": 3}, TypeError, "unexpected keyword argument 'digits'"),
    ],
    ids=str,
)
def test_bad_options_change_nothing(given, error, message):
    good = {name: 2 for name in ("precision", "edgeitems", "linewidth") if name not in given}
    before = printing.get_printoptions()
    with pytest.raises(error) as raised:
        printing.set_printoptions(**{**good, **given})
    assert message in str(raised.value)
    assert printing.get_printoptions() == before
    with pytest.raises(error), printing.printoptions(**{**good, **given}):
        pytest.fail("the block was entered")
    assert printing.get_printoptions() == before
