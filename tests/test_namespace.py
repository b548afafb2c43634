"""The module is an Array API namespace of version 2025.12: names, signatures, inspection, what few libraries get right.

The official suite says the rest: `python tools/array_api_tests.py SUITE`.
"""

import inspect
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gradarray_conformance.samples import host

import gradarray as ga

from .ops.devices import DEVICES

ROOT = Path(__file__).resolve().parents[1]
on_each_device = pytest.mark.parametrize("device", DEVICES)

# -- signatures --------------------------------------------------------------------------------------------------------

X, X1_X2 = "x, /", "x1, x2, /"
ELEMENTWISE = {
    X: "abs acos acosh asin asinh atan atanh bitwise_invert ceil conj cos cosh exp expm1 floor imag isfinite isinf "
    "isnan log log1p log2 log10 logical_not negative positive real reciprocal round sign signbit sin sinh square "
    "sqrt tan tanh trunc",
    X1_X2: "add atan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor copysign divide equal "
    "floor_divide greater greater_equal hypot less less_equal logaddexp logical_and logical_or logical_xor maximum "
    "minimum multiply nextafter not_equal pow remainder subtract",
    "x, /, min=None, max=None": "clip",
}
OTHERS = {
    # creation
    "start, /, stop=None, step=1, *, dtype=None, device=None": "arange",
    "obj, /, *, dtype=None, device=None, copy=None": "asarray",
    "shape, *, dtype=None, device=None": "empty ones zeros",
    "x, /, *, dtype=None, device=None": "empty_like ones_like zeros_like",
    "n_rows, n_cols=None, /, *, k=0, dtype=None, device=None": "eye",
    "x, /, *, device=None, copy=None": "from_dlpack",
    "shape, fill_value, *, dtype=None, device=None": "full",
    "x, /, fill_value, *, dtype=None, device=None": "full_like",
    "start, stop, /, num, *, dtype=None, device=None, endpoint=True": "linspace",
    "*arrays, indexing='xy'": "meshgrid",
    "x, /, *, k=0": "tril triu",
    # dtypes and inspection
    "x, dtype, /, *, copy=True, device=None": "astype",
    "from_, to, /": "can_cast",
    "type, /": "finfo iinfo",
    "dtype, kind": "isdtype",
    "*arrays_and_dtypes": "result_type",
    "": "__array_namespace_info__",
    # indexing, searching, sorting, sets
    "x, indices, /, *, axis=None": "take",
    "x, indices, /, *, axis=-1": "take_along_axis",
    "x, /, *, axis=None, keepdims=False": "argmax argmin count_nonzero all any max mean min",
    "x1, x2, /, *, side='left', sorter=None": "searchsorted",
    "condition, x1, x2, /": "where",
    "x, /, *, axis=-1, descending=False, stable=True": "argsort sort",
    "x1, x2, /, *, invert=False": "isin",
    X: "nonzero unique_all unique_counts unique_inverse unique_values matrix_transpose",
    # linear algebra
    X1_X2: "matmul",
    "x1, x2, /, *, axes=2": "tensordot",
    "x1, x2, /, *, axis=-1": "vecdot",
    # manipulation
    "*arrays": "broadcast_arrays",
    "*shapes": "broadcast_shapes",
    "x, /, shape": "broadcast_to",
    "arrays, /, *, axis=0": "concat stack",
    "x, /, axis": "expand_dims squeeze",
    "x, /, *, axis=None": "flip",
    "x, source, destination, /": "moveaxis",
    "x, /, axes": "permute_dims",
    "x, repeats, /, *, axis=None": "repeat",
    "x, /, shape, *, copy=None": "reshape",
    "x, /, shift, *, axis=None": "roll",
    "x, repetitions, /": "tile",
    "x, /, *, axis=0": "unstack",
    # statistical, utility
    "x, /, *, axis=None, dtype=None, include_initial=False": "cumulative_prod cumulative_sum",
    "x, /, *, axis=None, dtype=None, keepdims=False": "prod sum",
    "x, /, *, axis=None, correction=0.0, keepdims=False": "std var",
    "x, /, *, axis=-1, n=1, prepend=None, append=None": "diff",
}
METHODS = {
    "": "__abs__ __bool__ __complex__ __dlpack_device__ __float__ __index__ __int__ __invert__ __neg__ __pos__",
    "other, /": "__add__ __and__ __eq__ __floordiv__ __ge__ __gt__ __le__ __lshift__ __lt__ __matmul__ __mod__ __mul__ "
    "__ne__ __or__ __pow__ __rshift__ __sub__ __truediv__ __xor__ "
    "__radd__ __rand__ __rfloordiv__ __rlshift__ __rmatmul__ __rmod__ __rmul__ __ror__ __rpow__ __rrshift__ __rsub__ "
    "__rtruediv__ __rxor__ __iadd__ __iand__ __ifloordiv__ __ilshift__ __imatmul__ __imod__ __imul__ __ior__ __ipow__ "
    "__irshift__ __isub__ __itruediv__ __ixor__",
    "*, api_version=None": "__array_namespace__",
    "*, stream=None, max_version=None, dl_device=None, copy=None": "__dlpack__",
    "key, /": "__getitem__",
    "key, value, /": "__setitem__",
    "device, /, *, stream=None": "to_device",
}
INFO = {
    "": "capabilities default_device devices",
    "*, device=None": "default_dtypes",
    "*, device=None, kind=None": "dtypes",
}
ATTRIBUTES = "dtype device mT ndim shape size T".split()
CONSTANTS = "e inf nan newaxis pi".split()
DTYPES = "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 complex64 complex128".split()


def listed(*tables):
    return [(name, wanted) for table in tables for wanted, names in table.items() for name in names.split()]


def check_signature(function, wanted):
    """Whoever calls ``function`` by the signature ``wanted`` is understood, and gets the same defaults."""
    wanted = inspect.signature(eval(f"lambda {wanted}: None")).parameters.values()
    parameters = inspect.signature(function).parameters
    in_order = list(parameters.values())
    for i, want in enumerate(wanted):
        found = parameters.get(want.name) if want.kind is want.KEYWORD_ONLY else in_order[min(i, len(in_order) - 1)]
        assert found is not None, f"there is no {want.name}"
        if want.kind is want.VAR_POSITIONAL:
            assert found.kind is found.VAR_POSITIONAL
        elif want.kind is want.KEYWORD_ONLY:
            assert found.kind in (found.KEYWORD_ONLY, found.POSITIONAL_OR_KEYWORD)
        elif want.kind is want.POSITIONAL_ONLY:
            assert found.kind in (found.POSITIONAL_ONLY, found.POSITIONAL_OR_KEYWORD, found.VAR_POSITIONAL)
        else:
            assert (found.name, found.kind) == (want.name, found.POSITIONAL_OR_KEYWORD)
        if want.default is not want.empty:
            assert found.default == want.default, f"{want.name} is {found.default!r} by default"
    taken = {p.name for p in wanted if p.kind is not p.POSITIONAL_ONLY} | {p.name for p in in_order[: len(wanted)]}
    for p in in_order:  # what goes beyond the standard is optional
        assert p.name in taken or p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD), p.name


@pytest.mark.parametrize(("name", "wanted"), listed(ELEMENTWISE, OTHERS))
def test_function_has_the_signature_of_the_standard(name, wanted):
    assert name in ga.__all__
    check_signature(getattr(ga, name), wanted)


@pytest.mark.parametrize(("name", "wanted"), listed(METHODS))
def test_method_has_the_signature_of_the_standard(name, wanted):
    check_signature(getattr(ga.ones(2, 2), name), wanted)


def test_the_other_names_are_there():
    x = ga.ones(2, 3)
    assert [name for name in ATTRIBUTES if not hasattr(x, name)] == []
    assert [name for name in (*CONSTANTS, *DTYPES) if name not in ga.__all__] == []
    assert (ga.e, ga.inf, ga.pi, ga.newaxis) == (math.e, math.inf, math.pi, None) and math.isnan(ga.nan)
    assert [(getattr(ga, name).name, repr(getattr(ga, name))) for name in DTYPES] == [
        (n, f"gradarray.{n}") for n in DTYPES
    ]


def test_all_is_what_there_is():
    assert len(set(ga.__all__)) == len(ga.__all__)
    for name in ga.__all__:
        getattr(ga, name)


def test_the_namespace_is_one():
    for version in (None, *ga.SUPPORTED_VERSIONS):
        assert ga.ones(1).__array_namespace__(api_version=version) is ga
    assert ga.__array_api_version__ == "2025.12" == ga.SUPPORTED_VERSIONS[-1]
    with pytest.raises(ValueError, match="api_version must be one of"):
        ga.ones(1).__array_namespace__(api_version="1999.12")


def test_a_shape_is_one_argument_or_several():
    for create in (ga.empty, ga.zeros, ga.ones):
        for x in (create(5, 3), create((5, 3)), create([5, 3]), create(shape=(5, 3)), create(size=(5, 3))):
            assert x.shape == (5, 3)
        assert create(()).shape == () and create(4).shape == (4,) == create(shape=4).shape
        for wrong in ({}, {"shape": 3, "size": 3}, {"shape": "ab"}):
            with pytest.raises(TypeError):
                create(**wrong)
        with pytest.raises(TypeError):
            create(5, 3, size=(5, 3))


# -- inspection --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "wanted"), listed(INFO))
def test_info_function_has_the_signature_of_the_standard(name, wanted):
    check_signature(getattr(ga.__array_namespace_info__(), name), wanted)


def test_capabilities():
    found = ga.__array_namespace_info__().capabilities()
    assert found == {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}
    assert ga.zeros((1,) * 64).ndim == 64


@on_each_device
def test_the_default_device_is_one_of_the_devices(device):
    info = ga.__array_namespace_info__()
    with ga.device(device):
        assert info.default_device() == ga.device(device) == ga.zeros(1).device
        assert info.default_device() in info.devices()
        assert set(info.capabilities()) == {"boolean indexing", "data-dependent shapes", "max dimensions"}
    assert info.default_device() == ga.device("cpu") == info.devices()[0]


def test_every_device_can_be_created_on_in_every_dtype_it_has():
    info = ga.__array_namespace_info__()
    for device in info.devices():
        for name, dtype in info.dtypes(device=device).items():
            assert ga.zeros(2, dtype=dtype, device=device).dtype is dtype and dtype.name == name


def test_default_dtypes_are_those_of_python_numbers():
    info = ga.__array_namespace_info__()
    for floating in (ga.float32, ga.float64):
        ga.set_default_dtype(floating)
        try:
            made = [ga.asarray(x).dtype for x in (1.0, 1j, 1)] + [ga.argmax(ga.asarray([1])).dtype]
        finally:
            ga.set_default_dtype(ga.float32)
    assert made == [ga.float64, ga.complex128, ga.int64, ga.int64]
    names = ["real floating", "complex floating", "integral", "indexing"]
    assert info.default_dtypes() == dict(zip(names, [ga.float32, ga.complex64, ga.int64, ga.int64]))
    assert info.default_dtypes(device="cpu") == info.default_dtypes()


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (None, DTYPES),
        ("bool", DTYPES[:1]),
        ("signed integer", DTYPES[1:5]),
        ("unsigned integer", DTYPES[5:9]),
        ("integral", DTYPES[1:9]),
        ("real floating", DTYPES[9:11]),
        ("complex floating", DTYPES[11:]),
        ("numeric", DTYPES[1:]),
        (("bool", "complex floating"), DTYPES[:1] + DTYPES[11:]),
        ((), []),
    ],
    ids=str,
)
def test_dtypes_by_kind(kind, names):
    assert ga.__array_namespace_info__().dtypes(kind=kind) == {name: getattr(ga, name) for name in names}


def test_an_unknown_kind_or_device_is_refused():
    info = ga.__array_namespace_info__()
    with pytest.raises(ValueError, match="kind must be"):
        info.dtypes(kind="float")
    for ask in (info.dtypes, info.default_dtypes):
        with pytest.raises(RuntimeError, match="no device"):
            ask(device="cpu:7")


# -- sets --------------------------------------------------------------------------------------------------------------

NUMBERS = [
    np.array([[3.0, 1.0, math.nan, -0.0], [0.0, 1.0, math.nan, 3.0]]),
    np.array([5, -1, 5, 5, 0], np.int8),
    np.array([2**64 - 1, 0, 2**64 - 1], np.uint64),
    np.array([True, False, True]),
    np.array([1 + 1j, 1, 1 + 1j, -0.0 + 1j, 0.0 + 1j, 1 - 1j]),
    np.array([complex(1, math.nan), 1, complex(1, math.nan), complex(math.nan, 1)]),
    np.array(7.0),
    np.zeros((2, 0)),
]


@on_each_device
@pytest.mark.parametrize("x", NUMBERS, ids=str)
def test_unique(x, device):
    t = ga.asarray(x, device=device)
    found = ga.unique_all(t)
    values, indices, inverse, counts = map(host, found)
    want, first, where, times = np.unique(
        x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False
    )
    np.testing.assert_array_equal(values, want)
    np.testing.assert_array_equal(indices, first)
    np.testing.assert_array_equal(inverse, where.reshape(x.shape))
    np.testing.assert_array_equal(counts, times)
    np.testing.assert_array_equal(x.ravel()[indices], values)
    assert found._fields == ("values", "indices", "inverse_indices", "counts")
    assert {part.dtype for part in found[1:]} == {ga.int64} and found.values.dtype is t.dtype
    assert {part.device for part in found} == {ga.device(device)}
    for some in (ga.unique_counts(t), ga.unique_inverse(t)):
        for name, part in zip(some._fields, some):
            np.testing.assert_array_equal(host(part), host(getattr(found, name)))
    np.testing.assert_array_equal(host(ga.unique_values(t)), values)


@on_each_device
def test_distinct_values_are_differentiable(device):
    x = ga.tensor([3.0, 1.0, 3.0, 2.0], device=device, requires_grad=True)
    found = ga.unique_all(x)
    assert not any(part.requires_grad for part in found[1:])
    (found.values * ga.tensor([1.0, 2.0, 3.0], device=device)).sum().backward()
    assert x.grad.tolist() == [3.0, 1.0, 0.0, 2.0]


@on_each_device
@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize("x", NUMBERS, ids=str)
def test_isin(x, invert, device):
    t = ga.asarray(x, device=device)
    for other in (x, x.ravel()[:2], x.ravel()[1:][None], x.ravel()[:0]):
        found = ga.isin(t, ga.asarray(other, device=device), invert=invert)
        np.testing.assert_array_equal(host(found), np.isin(x, other, invert=invert), strict=True)
        assert found.device == ga.device(device)


@on_each_device
def test_isin_of_numbers_and_of_two_dtypes(device):
    x = ga.tensor([[1, 2], [3, 300]], device=device)
    small = ga.tensor([1, 2], dtype=ga.uint8, device=device)
    assert ga.isin(x, 3).tolist() == [[False, False], [True, False]]
    assert ga.isin(3, x).tolist() is True and ga.isin(3, x, invert=True).shape == ()
    assert ga.isin(small, x).tolist() == [True, True] and ga.isin(x, small).tolist() == [[True, True], [False, False]]
    assert ga.isin(small, 300).tolist() == [False, False]
    assert ga.isin(ga.tensor([1.5, 2.0], device=device), x).tolist() == [False, True]
    with pytest.raises(TypeError, match="isin needs at least one tensor"):
        ga.isin(1, 2)


# -- differences, axes, sums -------------------------------------------------------------------------------------------


@on_each_device
@pytest.mark.parametrize("n", [0, 1, 2, 5])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_diff(n, axis, device):
    x = np.random.default_rng(0).standard_normal((3, 4))
    ends = [None, x[:, :1] if axis % 2 else x[:2]]
    for before in ends:
        for after in ends:
            ends_given = {name: part for name, part in (("prepend", before), ("append", after)) if part is not None}
            given = {name: ga.asarray(part, device=device) for name, part in ends_given.items()}
            t = ga.asarray(x, device=device, requires_grad=True, copy=True)
            found = ga.diff(t, axis=axis, n=n, **given)
            np.testing.assert_allclose(host(found), np.diff(x, n=n, axis=axis, **ends_given))
            assert found is not t
            found.sum().backward()
            assert t.grad.shape == (3, 4)


def test_the_gradient_of_diff():
    x = ga.tensor([1.0, 4.0, 9.0], requires_grad=True)
    end = ga.tensor([16.0], requires_grad=True)
    (ga.diff(x, append=end) * ga.tensor([1.0, 10.0, 100.0])).sum().backward()
    assert (x.grad.tolist(), end.grad.tolist()) == ([-1.0, -9.0, -90.0], [100.0])
    assert ga.diff(ga.tensor([True, True, False])).tolist() == [False, True]
    assert ga.diff(ga.tensor([1, 3])).dtype is ga.int64


@pytest.mark.parametrize(
    ("x", "given", "error", "message"),
    [
        (ga.ones(()), {}, ValueError, "at least 1 dimension"),
        (ga.ones(3), {"n": -1}, ValueError, "n must not be negative, got -1"),
        (ga.ones(3), {"axis": 1}, IndexError, "Dimension out of range"),
        (ga.ones(2, 3), {"prepend": ga.ones(3, 1)}, RuntimeError, "sizes of tensors must match"),
    ],
)
def test_diff_refuses(x, given, error, message):
    with pytest.raises(error, match=message):
        ga.diff(x, **given)


@on_each_device
def test_expand_dims_takes_several_axes(device):
    x = ga.zeros(2, 3, device=device, requires_grad=True)
    for axis, shape in (
        ((0, -1), (1, 2, 3, 1)),
        ((-2, 0), (1, 2, 1, 3)),
        ((1,), (2, 1, 3)),
        ((), (2, 3)),
        (2, (2, 3, 1)),
    ):
        assert ga.expand_dims(x, axis).shape == ga.expand_dims(x, axis=axis).shape == shape
    ga.expand_dims(x, (0, 2)).sum().backward()
    assert x.grad.tolist() == [[1.0] * 3] * 2
    for wrong, error in ((4, IndexError), ((0, -5), IndexError), ((0, -4), ValueError)):
        with pytest.raises(error):
            ga.expand_dims(x, wrong)


@on_each_device
def test_a_sum_has_the_dtype_asked_for(device):
    x = ga.tensor([200, 100], dtype=ga.uint8, device=device)
    for function, short, long in ((ga.sum, 44, 300), (ga.prod, 32, 20000)):
        assert (function(x).dtype, function(x).item()) == (ga.uint64, long)
        asked = function(x, dtype=ga.uint8)
        assert (asked.dtype, asked.item()) == (ga.uint8, short)
    assert ga.cumulative_sum(x, dtype=ga.uint8, include_initial=True).tolist() == [0, 200, 44]
    assert ga.cumulative_prod(ga.asarray(3.0), axis=0, include_initial=True).tolist() == [1.0, 3.0]
    assert ga.cumulative_prod(x, dtype=ga.int16).dtype is ga.int16


def test_grids_and_broadcast_arrays_are_tuples():
    a, b = ga.arange(2), ga.arange(3)
    assert [x.shape for x in ga.meshgrid(a, b)] == [(3, 2)] * 2 and type(ga.meshgrid(a, b)) is tuple
    assert type(ga.broadcast_arrays(a, ga.ones(3, 1))) is tuple


# -- special values that libraries get wrong ---------------------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, math.inf, -math.inf, math.nan]


def assert_same(found, wanted):
    """Equal, the signs of zeros too."""
    np.testing.assert_array_equal(found, wanted, strict=True)
    known = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(found)[known], np.signbit(wanted)[known])


@on_each_device
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floor_division_is_the_floor_of_the_quotient_at_infinity(dtype, device):
    a, b = (np.array(SPECIAL, dtype).reshape(s) for s in ((-1, 1), (1, -1)))
    x, y = ga.asarray(a, device=device), ga.asarray(b, device=device)
    with np.errstate(all="ignore"):
        assert_same(host(x // y), np.floor(a / b))
        written = ga.asarray(np.broadcast_to(a, (9, 9)), device=device, copy=True)
        written //= y
        assert_same(host(written), np.floor(a / b))
        for number in SPECIAL:
            assert_same(host(x // number), np.floor(a / dtype(number)))
            assert_same(host(number // x), np.floor(dtype(number) / a))


def test_floor_division_warns_of_nothing_at_infinity():
    assert (ga.tensor([math.inf, 1.0, 5.0]) // ga.tensor([2.0, -math.inf, 2.0])).tolist() == [math.inf, -0.0, 2.0]
    assert (ga.tensor([7, -7]) // 2).tolist() == [3, -4]
    with pytest.raises(TypeError):
        ga.tensor([1j]) // 2


@on_each_device
@pytest.mark.parametrize("dtype", [np.complex64, np.complex128])
def test_complex_expm1_and_tanh_at_zero_and_infinity(dtype, device):
    inf, nan = math.inf, math.nan
    expm1 = {
        0j: 0j, complex(-0.0, 0): 0j, complex(inf, 0): complex(inf, 0), complex(inf, 1): complex(inf, inf),
        complex(inf, 2): complex(-inf, inf), complex(inf, inf): complex(inf, nan), complex(inf, nan): complex(inf, nan),
        complex(-inf, inf): -1 + 0j, complex(-inf, nan): -1 + 0j, complex(-inf, 2): complex(-1, 0),
        complex(nan, 0): complex(nan, 0), complex(nan, 1): complex(nan, nan), complex(1, inf): complex(nan, nan),
    }  # fmt: skip
    tanh = {
        0j: 0j, complex(inf, 0): 1 + 0j, complex(inf, 1): 1 + 0j, complex(inf, 2): 1 + 0j, complex(inf, inf): 1 + 0j,
        complex(inf, nan): 1 + 0j, complex(nan, 0): complex(nan, 0), complex(0, inf): complex(0, nan),
        complex(1, inf): complex(nan, nan),
    }  # fmt: skip
    with np.errstate(all="ignore"):
        for function, table in ((ga.expm1, expm1), (ga.tanh, tanh)):
            for conjugate in (False, True):
                z, wanted = (np.array(list(zs), dtype) for zs in (table, table.values()))
                found = host(function(ga.asarray(np.conj(z) if conjugate else z, device=device)))
                assert found.dtype == dtype
                assert_same(found.real, wanted.real)
                certain = np.isfinite(z.imag)  # elsewhere the standard leaves the sign of the imaginary part open
                np.testing.assert_array_equal(found.imag, -wanted.imag if conjugate else wanted.imag)
                assert_same(found.imag[certain], (-wanted.imag if conjugate else wanted.imag)[certain])


@on_each_device
def test_complex_expm1_and_tanh_elsewhere(device):
    z = np.random.default_rng(0).standard_normal((50, 2)) @ [1, 1j] * np.logspace(-12, 1, 50)
    x = ga.asarray(z, device=device)
    np.testing.assert_allclose(host(ga.expm1(x)), np.expm1(z), rtol=1e-14)
    np.testing.assert_allclose(host(ga.tanh(x)), np.tanh(z), rtol=1e-14)


# -- the official suite ------------------------------------------------------------------------------------------------


def test_the_runner_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("ARRAY_API_TESTS", raising=False)
    command = [sys.executable, str(ROOT / "tools" / "array_api_tests.py")]
    for arguments, message in (([], "where is the suite?"), ([str(tmp_path)], "is no checkout of")):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2 and message in done.stderr
