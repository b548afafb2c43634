"""Every program of the tutorial on every device at hand; and that the judge of programs sees what does not hold."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import gradarray as ga
from gradarray.backends import resolve
from gradarray.tutorial import PROGRAMS, about_operations, program
from gradarray.tutorial.expect import expected, reads
from gradarray.tutorial.program import Status, run

BY_ID = {p.id: p for p in PROGRAMS}
DEVICES = ["cpu", "strict:device1", "strict:CPU_DEVICE", "strict:device2"]
# Devices that lack dtypes: which programs cannot run there, and of what the reason speaks.
NARROW = {
    "strict:no_float64": dict.fromkeys("T05 T06 T14 T15".split(), "float64"),
    "strict:no_x64": {"T03": "int64", "T10": "int64", "T15": "int64"} | dict.fromkeys(("T05", "T06", "T14"), "float64"),
}


def strict_is_there():
    return any(backend.name == "strict" for backend in ga.backends.every())


def there(device):
    """``device``, or a skipped test."""
    if device.startswith("strict") and not strict_is_there():
        pytest.skip("the plugin gradarray-strict is not installed")
    return device


def made(source="x = ga.ones(2)", check=lambda p: None, **rest):
    return program.program("X01", "made up", source, **rest)(check)


def test_the_programs_are_those_of_the_contract():
    assert [p.id for p in PROGRAMS] == [f"T{n:02}" for n in range(1, 18)] + [f"A{n:02}" for n in range(1, 14)]
    assert all(p.title and p.source and not p.source[0].isspace() for p in PROGRAMS)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("id", BY_ID)
def test_it_holds(id, device):
    result = run(BY_ID[id], there(device))
    if BY_ID[id].second_device and device == "cpu" and not strict_is_there() and not ga.cuda.is_available():
        assert (result.status, result.reason) == (Status.NOT_RUN, "needs a second device")
    else:
        assert (result.status, result.reason) == (Status.HELD, "")


@pytest.mark.parametrize("device", NARROW)
@pytest.mark.parametrize("id", BY_ID)
def test_it_holds_where_dtypes_are_lacking(id, device):
    result = run(BY_ID[id], there(device))
    if id in NARROW[device]:
        assert result.status is Status.NOT_SUPPORTED
        assert result.reason.startswith(f"{device} has no {NARROW[device][id]}")
    else:
        assert (result.status, result.reason) == (Status.HELD, "")


def test_every_method_in_place_is_tried():
    words = set(re.findall(r"\w+", Path(about_operations.__file__).read_text(encoding="utf-8")))
    named = {name for name in dir(ga.Tensor) if name.endswith("_") and not name.startswith("_")}
    untried = {name for name in named if not words & {name, name.removesuffix("_")}}
    assert untried <= {"detach_", "requires_grad_"}, "add it to T09"


# One way to break each thing that the tutorial shows: where it stands, and what becomes of it.
MUTANTS = {
    "T01": (ga, "empty", lambda f: lambda *size: f(*size, dtype=ga.float64)),
    "T02": (ga, "rand", lambda f: lambda *size: f(*size) * 1.5),
    "T03": (ga, "cfloat", lambda f: ga.complex128),
    "T04": (ga, "tensor", lambda f: lambda data, **kw: f(data, **{"dtype": ga.float64, **kw})),
    "T05": (ga.Tensor, "new_zeros", lambda f: lambda self, *size, **kw: ga.zeros(*size, **kw)),
    "T06": (ga, "randn_like", lambda f: ga.rand_like),
    "T07": (ga.Tensor, "size", lambda f: lambda self, *dim: f.fget(self)(*dim)),
    "T08": (ga, "add", lambda f: lambda x, y, out=None: f(x, y) if out is None else rebound(out, f(x, y))),
    "T09": (ga.Tensor, "log1p_", lambda f: lambda self: self.log1p()),
    "T10": (ga.Tensor, "__getitem__", lambda f: lambda self, key: f(self, key).clone()),
    "T11": (ga.Tensor, "view", lambda f: lambda self, *size: f(self.clone(), *size)),
    "T12": (ga.Tensor, "item", lambda f: lambda self: round(f(self), 4)),
    "T13": (ga.Tensor, "numpy", lambda f: lambda self: f(self).copy()),
    "T14": (ga, "from_numpy", lambda f: ga.tensor),
    "T15": (ga.Tensor, "numpy", lambda f: lambda self: f(self).copy() if self.dtype is ga.int8 else f(self)),
    "T16": (ga.Tensor, "to", lambda f: lambda self, device, dtype=None: f(self, device)),
    "T17": (ga.Tensor, "__matmul__", lambda f: lambda self, other: f(self, other.to(self.device))),
    "A01": (ga.Tensor, "is_leaf", lambda f: property(lambda self: not self.requires_grad)),
    "A02": (ga.Tensor, "__add__", lambda f: lambda self, other: self - -other),
    "A03": (ga.Tensor, "mean", lambda f: lambda self: self.sum() / 4),
    "A04": (ga.Tensor, "requires_grad_", lambda f: lambda self, on=True: self),
    "A05": (ga.Tensor, "backward", lambda f: lambda self: f(self * 2)),
    "A06": (ga.Tensor, "backward", lambda f: lambda self, v: f(self, v * v)),
    "A07": (ga.Tensor, "norm", lambda f: lambda self: self.abs().sum()),
    "A08": (ga, "no_grad", lambda f: ga.enable_grad),
    "A09": (ga.Tensor, "detach", lambda f: lambda self: f(self).clone()),
    "A10": (ga.Tensor, "backward", lambda f: lambda self, retain_graph=True: f(self, retain_graph=True)),
    "A11": (ga.Tensor, "backward", lambda f: lambda self, v=None: f(self, ga.ones_like(self) if v is None else v)),
    "A12": (ga.Tensor, "zero_", lambda f: lambda self: (self.detach().numpy().fill(0), self)[1]),
    "A13": (ga.Tensor, "to", lambda f: lambda self, device: f(self, device).detach()),
}


def rebound(out, result):
    """``out``, which has left its memory for that of ``result``."""
    out.data = result
    return out


def test_there_is_a_mutant_for_every_program():
    assert list(MUTANTS) == list(BY_ID)


@pytest.mark.parametrize("id", MUTANTS)
def test_a_broken_library_does_not_hold(id, monkeypatch):
    there("strict:device1")
    owner, name, mutate = MUTANTS[id]
    monkeypatch.setattr(owner, name, mutate(getattr(owner, name)))
    result = run(BY_ID[id], "cpu")
    assert result.status is Status.NOT_HELD, result


# -- the judge ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", BY_ID)
def test_a_broken_check_does_not_hold(id):
    def broken(p):
        BY_ID[id].check(p)
        assert p.np is None, "broken on purpose"

    there("strict:device1")
    result = run(replace(BY_ID[id], check=broken), "cpu")
    assert result.status is Status.NOT_HELD
    assert "broken on purpose" in result.reason


@pytest.mark.parametrize("id", [p.id for p in PROGRAMS if p.prints is not None])
def test_other_text_does_not_hold(id):
    there("strict:device1")
    for prints in (BY_ID[id].prints + "!", f" {BY_ID[id].prints}"):
        result = run(replace(BY_ID[id], prints=prints), "cpu")
        assert result.status is Status.NOT_HELD
        assert result.reason.startswith("the output must be as follows\n")


def test_what_a_program_or_its_check_raises_is_its_result():
    result = run(made("print('before')\nga.ones(2) + ga.ones(3)"), "cpu")
    assert (result.status, result.output) == (Status.NOT_HELD, "before")
    assert result.reason.startswith("ShapeError: ") and result.reason.endswith("\nga.ones(2) + ga.ones(3)")
    result = run(made(check=lambda p: p.y), "cpu")
    assert result.reason.startswith("AttributeError: ") and "lambda p: p.y" in result.reason
    assert run(made("not python"), "cpu").status is Status.NOT_HELD


def test_nothing_reaches_in_or_out():
    spoil = """
    ga.set_grad_enabled(False)
    ga.set_default_dtype(ga.float64)
    ga.set_default_device("cuda")
    ga.set_printoptions(precision=1)
    ga.device("cuda").__enter__()
    raise KeyError
    """
    before = ga.get_printoptions()
    assert run(made(spoil), "cpu").reason.startswith("KeyError")
    assert ga.is_grad_enabled() and ga.get_default_dtype() is ga.float32 and ga.get_printoptions() == before
    assert ga.get_default_device() == ga.device("cpu")
    with ga.no_grad(), ga.device("cuda"), ga.printoptions(precision=1):
        assert run(BY_ID["A03"], "cpu").status is run(BY_ID["T04"], "cpu").status is Status.HELD
        assert not ga.is_grad_enabled() and ga.get_default_device() == ga.device("cuda")


def test_the_source_that_is_shown_is_the_one_that_runs():
    result = run(made("print('{other}')", second_device=True), there("strict:device1"))
    assert (result.source, result.output) == ("print('cpu')", "cpu")
    result = run(made("print(1)", elsewhere="print(2)"), "strict:device1")
    assert (result.source, result.output) == ("print(2)", "2")
    result = run(made("print(1)", elsewhere="print(2)"), "cpu")
    assert (result.source, result.output) == ("print(1)", "1")


def test_without_a_second_device(monkeypatch):
    monkeypatch.setattr(ga.backends, "every", lambda: [ga.backends.get("numpy")])
    for id in "T17", "A13":
        result = run(BY_ID[id], "cpu")
        assert (result.status, result.reason) == (Status.NOT_RUN, "needs a second device")


def test_without_shared_memory(monkeypatch):
    """The bridge is reported as not supported, and only that; and only if `.numpy()` says so too."""
    strict = ga.backends.get("strict") if strict_is_there() else pytest.skip("gradarray-strict is not installed")
    monkeypatch.setattr(strict, "capabilities", replace(strict.capabilities, shares_numpy_memory=False))
    status = {p.id: run(p, "strict:device1") for p in PROGRAMS}
    assert {id for id, result in status.items() if result.status is Status.NOT_SUPPORTED} == {"T13", "T14", "T15"}
    assert {result.status for result in status.values()} == {Status.HELD, Status.NOT_SUPPORTED}
    assert "does not share memory with NumPy" in status["T13"].reason and ".cpu()" in status["T13"].reason
    monkeypatch.setattr(ga.Tensor, "numpy", lambda self: self.cpu().detach().numpy())
    assert run(BY_ID["T13"], "strict:device1").status is Status.NOT_HELD


def test_a_function_that_is_declared_missing(monkeypatch):
    numpy = ga.backends.get("numpy")
    lacks = made("raise NotImplementedError('frobnicate: see upstream issue 7')")
    assert run(lacks, "cpu").status is Status.NOT_HELD
    declared = replace(numpy.capabilities, missing={"frobnicate": "see upstream issue 7"})
    monkeypatch.setattr(numpy, "capabilities", declared)
    result = run(lacks, "cpu")
    assert (result.status, result.reason) == (Status.NOT_SUPPORTED, "frobnicate: see upstream issue 7")
    assert run(made("raise NotImplementedError('other')"), "cpu").status is Status.NOT_HELD


def test_a_device_that_is_not_there():
    with pytest.raises(RuntimeError, match="nowhere"):
        run(BY_ID["T01"], "nowhere:cpu")


@pytest.mark.parametrize("device", ["strict:device1", "strict:CPU_DEVICE", "strict:no_float64"])
def test_expected_text_is_wrapped_as_tensors_are(device):
    """A long device name goes to a new line where printing puts it there."""
    device = resolve(there(device))
    leaf = ga.full((5,), 2.0, device=device, requires_grad=True)
    texts = {
        "tensor([2., 2., 2., 2., 2.]{device}, requires_grad=True)": leaf,
        "tensor([[2., 2., 2., 2., 2.],\n        [2., 2., 2., 2., 2.]]{device}, grad_fn=<MulBackward0>)": leaf
        * ga.ones(2, 5, device=device),
        f"tensor([{', '.join('1' * 12)}]{{device}}, dtype=gradarray.int8)": ga.ones(12, dtype=ga.int8, device=device),
    }
    for template, x in texts.items():
        assert expected(template, device) == repr(x)
        assert reads(repr(x), template, device)
