"""The PyTorch backend beyond the contract: where PyTorch strays from NumPy and the standard, and how the two meet.

The contract itself is gradarray-conformance, which tests/backends/test_contract.py runs on every plugin that is there.
"""

import math
import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
pytest.importorskip("gradarray_torch", reason="plugins/gradarray-torch is not installed")

import array_api_compat.torch
import torch
from gradarray_torch import CREATION, TorchBackend
from gradarray_torch._kernels import KERNELS
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx

import gradarray as ga
from gradarray.backends import Device, get, resolve
from gradarray.testing import operations

BACKEND = TorchBackend()
DEVICES = BACKEND.devices()
CPU = Device("torch", "cpu")
DTYPES = [dtype.name for dtype in BACKEND.dtypes(CPU).values()]
UNSIGNED = ("uint16", "uint32", "uint64")

on_every_device = pytest.mark.parametrize("device", DEVICES, ids=str)
of_unsigned = pytest.mark.parametrize("dtype", UNSIGNED)


def put(array, device=CPU):
    return BACKEND.from_numpy(np.asarray(array), device, copy=True)


def same(found, expected):
    """``found``, a tensor of either kind, has the dtype, shape, values and signs of zero of NumPy's ``expected``."""
    host = found.detach().cpu().numpy() if isinstance(found, ga.Tensor) else BACKEND.to_numpy(found)
    expected = np.asarray(expected)
    np.testing.assert_array_equal(host, expected, strict=True)
    if expected.dtype.kind == "f":
        signs = (np.signbit(x) & ~np.isnan(x) for x in (host, expected))
        np.testing.assert_array_equal(*signs)


def leaf(data, device="torch:cpu", **options):
    return ga.tensor(data, device=device, requires_grad=True, **options)


# -- found, and light --------------------------------------------------------------------------------------------------


def test_the_plugin_is_light():
    code = """
import sys, numpy, gradarray_torch
backend, = gradarray_torch.gradarray_backends()
assert not backend.owns(numpy.zeros(1)) and not backend.owns("text")
assert "torch" not in sys.modules
assert backend.unavailable() is None
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_entry_point_finds_it():
    assert type(get("torch")).__name__ == "TorchBackend"
    assert resolve("torch") == resolve("torch:cpu") == resolve("torch:cpu:0") == CPU == DEVICES[0]
    with pytest.raises(RuntimeError, match="there is no device 'torch:meta' here; torch has torch:cpu"):
        ga.zeros(1, device="torch:meta")


def test_devices_are_pytorchs():
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    assert [d for d in DEVICES if d.type == "cuda"] == [Device("torch", "cuda", i) for i in range(count)]
    assert (Device("torch", "mps") in DEVICES) is torch.backends.mps.is_available()
    assert BACKEND.device_of(torch.zeros(1, device="cpu:0")) == CPU


@pytest.mark.parametrize("error", [ImportError("libtorch.so: no such file"), OSError("a DLL is missing")], ids=repr)
def test_a_broken_pytorch_says_how(monkeypatch, error):
    def refuse():
        raise error

    monkeypatch.setattr("gradarray_torch._torch", refuse)
    assert BACKEND.unavailable() == f"PyTorch is installed but cannot be imported: {error}"


def test_a_missing_pytorch_says_what_to_install(monkeypatch):
    def refuse():
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr("gradarray_torch._torch", refuse)
    assert BACKEND.unavailable().startswith("PyTorch is not installed; see https://pytorch.org")


def test_memory_is_numpys_to_share_on_the_cpu_alone():
    assert BACKEND.capabilities_on(CPU).shares_numpy_memory
    assert not BACKEND.capabilities_on(Device("torch", "cuda", 0)).shares_numpy_memory


def test_apples_gpus_have_nothing_of_64_bits():
    table = BACKEND.dtypes(Device("torch", "mps")).values()
    assert [dtype.name for dtype in table] == [name for name in DTYPES if name not in ("float64", "complex128")]


@on_every_device
def test_the_tutorial_holds(device):
    command = [sys.executable, "-m", "gradarray", "tutorial", "--device", str(device)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    if device == CPU:
        assert "30 programs on torch:cpu: 30 held" in done.stdout


# -- PyTorch's own tape and state --------------------------------------------------------------------------------------


@on_every_device
def test_pytorchs_autograd_records_nothing(device):
    x = ga.linspace(0.5, 2.0, 6, device=device, requires_grad=True)
    y = (x * 2 + 1).exp().sqrt()
    view = y.reshape((2, 3))[:, 1:]
    view *= 3
    z = ga.linalg.vector_norm(view @ view.mT) + y.sum()
    (g,) = ga.autograd.grad(z, x, create_graph=True)
    g.sum().backward()
    for t in (x, y, view, z, g, x.grad):
        assert not t._data.requires_grad and t._data.grad_fn is None and not t._data.is_inference()
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_pytorchs_defaults_change_nothing():
    def run():
        x = leaf([1.0, -2.0, 3.0])
        parts = [ga.arange(3, device="torch:cpu") / 2, ga.full((2,), 0.5, device="torch:cpu"), x * 0.5, 2 / x]
        parts += [ga.eye(2, device="torch:cpu"), ga.maximum(x, 0.0), ga.where(x > 0, x, 0.0), x[ga.tensor([0, 2])]]
        parts += [ga.mean(x), ga.var(x), ga.linalg.vector_norm(x), ga.fft.rfft(x), ga.rand(2, device="torch:cpu")]
        (g,) = ga.autograd.grad(ga.sum(ga.sqrt(ga.abs(x))), x)
        return [(p.dtype, p.device, p.shape) for p in [*parts, g]]

    expected = run()
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.device("meta"):
            assert run() == expected
    finally:
        torch.set_default_dtype(before)


def test_what_is_on_pytorchs_tape_is_refused():
    t = torch.ones(3, requires_grad=True)
    for take in (ga.asarray, ga.tensor, lambda t: ga.asarray(t * 2), lambda t: ga.ones(3)[t]):
        with pytest.raises((RuntimeError, IndexError), match=r"requires a gradient|must be of integers"):
            take(t)
    with pytest.raises(BufferError, match="require gradient"):
        ga.from_dlpack(t)
    assert ga.asarray(t.detach(), requires_grad=True).is_leaf


def test_the_two_kinds_of_tensor_do_not_mix_without_a_word():
    ours, theirs = leaf([1.0, 2.0]), torch.ones(2)
    number = leaf(2.0)
    for mix in (
        lambda: ours + theirs, lambda: theirs + ours, lambda: theirs * number, lambda: torch.add(theirs, number),
        lambda: theirs.add_(number), lambda: theirs.__setitem__(0, number), lambda: torch.full((2,), number),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            mix()
    for take in (torch.as_tensor, torch.tensor, torch.asarray, torch.from_dlpack):
        with pytest.raises(BufferError, match="require gradient"):
            take(ours)


# -- adopted and handed back -------------------------------------------------------------------------------------------


def test_adopted_without_a_copy():
    t = torch.arange(6.0).reshape(2, 3)
    for view in (t, t.T, t[:, 1], t.expand(4, 2, 3)):
        x = ga.asarray(view)
        assert x._data is view and x.device == ga.device("torch:cpu")
        same(x, view.numpy())
    x = ga.asarray(t)
    x[0, 0] = 99
    assert t[0, 0] == 99
    assert ga.asarray(t, copy=False)._data is t
    assert ga.tensor(t)._data.data_ptr() != t.data_ptr() != ga.asarray(t, copy=True)._data.data_ptr()


def test_a_subclass_becomes_a_plain_tensor_of_the_same_memory():
    t = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    x = ga.asarray(t)
    assert type(x._data) is torch.Tensor and x._data.data_ptr() == t.data_ptr()


def test_a_conjugate_or_negative_mark_is_resolved():
    z = torch.tensor([1 + 2j, 3 - 4j])
    same(ga.asarray(z.conj()), np.conj(z.numpy()))
    same(ga.asarray(z.conj().imag), -z.numpy().imag)
    assert not (ga.conj(ga.asarray(z))._data.is_conj())


@pytest.mark.parametrize("what", ["sparse", "bfloat16", "float16", "meta"])
def test_what_cannot_be_adopted(what):
    made = {
        "sparse": lambda: torch.eye(2).to_sparse(),
        "bfloat16": lambda: torch.ones(2, dtype=torch.bfloat16),
        "float16": lambda: torch.ones(2, dtype=torch.float16),
        "meta": lambda: torch.ones(2, device="meta"),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        t = made[what]()
    with pytest.raises((TypeError, RuntimeError), match=r"to_dense|convert the array first|there is no device"):
        ga.asarray(t)


def test_handed_back_without_a_copy():
    x = ga.ones(3, device="torch:cpu")
    t = torch.from_dlpack(x)
    assert t.data_ptr() == x._data.data_ptr() == torch.asarray(x).data_ptr()
    assert np.shares_memory(x.numpy(), t.numpy()) and np.shares_memory(np.from_dlpack(x), t.numpy())
    x.add_(1)
    assert t.tolist() == [2.0, 2.0, 2.0]


def test_dlpack_comes_in_without_a_copy_where_pytorch_has_such_memory():
    host = np.arange(6.0)
    x = BACKEND.from_dlpack(host, CPU, copy=False)
    assert np.shares_memory(BACKEND.to_numpy(x), host)
    for strange in (host[::-1], np.broadcast_to(host, (2, 6))):  # pytorch#188023: the first would end the process
        same(BACKEND.from_dlpack(strange, CPU, copy=None), strange)
        with pytest.raises(BufferError, match="cannot share this memory"):
            BACKEND.from_dlpack(strange, CPU, copy=False)
    same(ga.from_dlpack(ga.arange(4)[::-1], device="torch:cpu"), np.arange(4)[::-1])


def test_numpys_memory_is_shared_unless_it_is_read_only_or_runs_backwards():
    host = np.arange(6.0)
    assert np.shares_memory(BACKEND.to_numpy(BACKEND.from_numpy(host, CPU, copy=False)), host)
    for strange in (host[::-1], np.broadcast_to(host, (2, 6))):
        array = BACKEND.from_numpy(strange, CPU, copy=False)
        same(array, strange)
        assert not np.shares_memory(BACKEND.to_numpy(array), host)
    same(BACKEND.from_numpy(np.arange(3, dtype=np.ulonglong), CPU, copy=False), np.arange(3, dtype=np.uint64))
    same(BACKEND.from_numpy(np.arange(3, dtype=">f8"), CPU, copy=False), np.arange(3.0))


def test_owns_memory():
    t = torch.arange(6.0)
    assert BACKEND.owns_memory(t) and BACKEND.owns_memory(t + 1)
    for shared in (t[1:], t.reshape(2, 3), t.expand(2, 6), torch.from_numpy(np.ones(2)), torch.from_dlpack(np.ones(2))):
        assert not BACKEND.owns_memory(shared)


def test_pytorch_traces_forward_and_backward_as_one_graph():
    def slope(t):
        x = ga.asarray(t, requires_grad=True)
        y = ga.sqrt(x * 2 + 1)
        y[1:] = y[:-1] ** 3
        z = ga.where(x > 1, y, 0.0)[ga.asarray(torch.tensor([0, 2, 2]))].sum() + ga.max(y)
        (g,) = ga.autograd.grad(z, x, create_graph=True)
        return ga.autograd.grad((g * g).sum(), x)[0]._data

    graph = make_fx(slope)(torch.arange(4.0))
    compiled = torch.compile(graph, backend="eager", fullgraph=True)
    for t in (torch.arange(4.0), torch.tensor([2.0, 3.0, 0.5, 1.5])):
        expected = slope(t)
        assert graph(t).tolist() == compiled(t).tolist() == expected.tolist()


def test_what_pytorch_traces_with_is_not_kept():
    with FakeTensorMode():
        ga.zeros(2, device="torch:cpu") * 0.123
    same(ga.ones(2, device="torch:cpu") * 0.123, np.full(2, 0.123, np.float32))


# -- between devices ---------------------------------------------------------------------------------------------------


def test_memory_is_read_where_it_lies():
    x = ga.zeros(1000) + 1  # nobody else has its memory
    there, t = x._data.ctypes.data, x.to("torch:cpu")
    assert t._data.data_ptr() == there
    t.add_(1)
    assert x._data.ctypes.data == there
    assert t._data.data_ptr() != there
    there, back = t._data.data_ptr(), t.to("cpu")
    assert back._data.ctypes.data == there
    assert (x[0].item(), back[0].item(), t[0].item()) == (1, 2, 2)
    t[0] = 7
    assert (back[0].item(), t[0].item()) == (2, 7)
    back.numpy()[0] = 9
    assert t[0].item() == 7


@pytest.mark.parametrize(
    "hold",
    [lambda raw: raw.numpy(), lambda raw: raw[1:], lambda raw: raw, lambda raw: torch.utils.dlpack.to_dlpack(raw)],
)
def test_memory_that_somebody_else_has_is_copied(hold):
    t = ga.zeros(1000, device="torch:cpu") + 1
    held = hold(t.native())
    assert t.to("cpu")._data.ctypes.data != t._data.data_ptr()
    assert held is not None


def test_transfers_are_differentiable():
    x = leaf([1.0, 2.0, 3.0])
    y = (x * 3).to("cpu") ** 2
    z = y.to("torch:cpu") * x
    z.sum().backward()
    assert x.grad.device == ga.device("torch:cpu")
    same(x.grad, (27 * np.array([1.0, 2.0, 3.0]) ** 2).astype(np.float32))


def test_mixing_devices_names_both():
    with pytest.raises(RuntimeError, match=r"two devices, torch:cpu and cpu! Move one.*x\.to\('torch:cpu'\)"):
        ga.ones(2, device="torch:cpu") + ga.ones(2)
    same(ga.ones(2, device="torch:cpu") + ga.tensor(2.0), np.full(2, 3, np.float32))  # 0-d ones of the CPU go along


# -- the namespace -----------------------------------------------------------------------------------------------------


@on_every_device
def test_created_on_the_device_whatever_pytorchs_is(device):
    n = BACKEND.namespace(device)
    made = {
        "arange": lambda: n.arange(3), "asarray": lambda: n.asarray([1.0]), "empty": lambda: n.empty((2,)),
        "eye": lambda: n.eye(2), "fftfreq": lambda: n.fft.fftfreq(4), "from_dlpack": lambda: n.from_dlpack(np.ones(2)),
        "full": lambda: n.full((2,), 1.0), "linspace": lambda: n.linspace(0.0, 1.0, 3), "ones": lambda: n.ones((2,)),
        "rfftfreq": lambda: n.fft.rfftfreq(4), "zeros": lambda: n.zeros((2,)),
    }  # fmt: skip
    assert set(made) == CREATION
    with torch.device("meta"):
        assert {name: BACKEND.device_of(make()) for name, make in made.items()} == dict.fromkeys(made, device)
    assert n.exp is array_api_compat.torch.exp


FRESH = "abs ceil conj floor imag positive real round trunc".split()


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_that_must_not_alias(dtype):
    x = put(np.arange(3).astype(dtype))
    for name in FRESH:
        if (name == "imag" and not x.is_complex()) or (dtype == "bool" and name != "positive"):
            continue
        if x.is_complex() and name in ("ceil", "floor", "trunc"):
            continue
        function = KERNELS.get(name) or getattr(BACKEND.namespace(CPU), name)
        out = function(x)
        assert out.untyped_storage().data_ptr() != x.untyped_storage().data_ptr(), name


# What PyTorch gets otherwise: (function, arguments, what NumPy or the standard says).
F = lambda *v: np.array(v, np.float32)
C = lambda *v: np.array(v, np.complex128)
nan, inf = math.nan, math.inf
MENDED = [
    ("sign", (F(nan, -2, 0, 3),), {}, F(nan, -1, 0, 1)),
    ("remainder", (F(0.0, -0.0, 5, -5), F(-1, 1, -3, 3)), {}, F(-0.0, 0.0, -1, 1)),
    ("floor_divide", (F(1, -1, inf, 7), F(-inf, inf, -2, 2)), {}, F(-0.0, -0.0, -inf, 3)),
    ("sum", (F(1, 2),), {"axis": ()}, F(1, 2)),
    ("prod", (np.ones((2, 3, 4), np.float32),), {"axis": (0, 2)}, np.ones(3, np.float32)),
    ("max", (F(1, nan, 2),), {}, np.float32(nan)),
    ("mean", (F(1, 2),), {"axis": ()}, F(1, 2)),
    ("any", (np.array([[0, 2], [0, 0]], np.uint8),), {"axis": 1}, np.array([True, False])),
    ("all", (np.array([[[0, 2], [3, 4]]], np.uint8),), {"axis": (0, 2)}, np.array([False, True])),
    ("count_nonzero", (F(0, 2, nan),), {"keepdims": True}, np.array([2])),
    ("argmax", (np.array([False, True, True]),), {}, np.array(1)),
    ("roll", (np.array([[0, 1], [2, 3]]),), {"shift": 1, "axis": (0, 1)}, np.array([[3, 2], [1, 0]])),
    ("flip", (np.arange(3),), {}, np.arange(3)[::-1]),
    ("std", (F(1, 3, 4, 8),), {"correction": -2.5}, np.float32(2)),
    ("var", (F(1, 3),), {"correction": 2}, np.float32(inf)),
    ("var", (F(1),), {"correction": 1}, np.float32(nan)),
    ("take", (np.arange(3), np.array([-1, 0])), {}, np.array([2, 0])),
    ("round", (C(0.5 + 1.5j, -2.5 + 0.2j),), {}, C(0 + 2j, -2 + 0j)),
    ("searchsorted", (F(-inf, 1, inf, nan), F(1, nan, inf, -inf, 0)), {}, np.array([1, 3, 2, 0, 1])),
    ("searchsorted", (F(-inf, 1, inf, nan), F(1, nan, inf)), {"side": "right"}, np.array([2, 4, 3])),
    ("linalg.vector_norm", (F(3, -4),), {"axis": ()}, F(3, 4)),
]  # fmt: skip


@on_every_device
@pytest.mark.parametrize(("name", "arrays", "params", "expected"), MENDED, ids=[case[0] for case in MENDED])
def test_mended(name, arrays, params, expected, device):
    function = ga
    for part in name.split("."):
        function = getattr(function, part)
    same(function(*(ga.asarray(x, device=device) for x in arrays), **params), expected)


@on_every_device
def test_promotion_is_gradarrays(device):
    put32, put64 = ga.ones(2, device=device), ga.tensor(1.0, dtype=ga.float64, device=device)
    if ga.float64 in get("torch").dtypes(device).values():
        assert (put32 + put64).dtype is ga.float64  # by PyTorch's operators a 0-d tensor does not count
    ints = ga.arange(3, dtype=ga.int32, device=device)
    assert (ints + ga.tensor(1, device=device)).dtype is ga.int64
    assert ga.sum(ga.ones(2, dtype=ga.uint32, device=device)).dtype is ga.uint64  # PyTorch: int64
    with pytest.raises(TypeError, match="floating point"):
        ga.mean(ints)


@on_every_device
def test_nothing_has_a_transform_too(device):
    x = ga.zeros((0, 4), device=device)  # MKL: "Inconsistent configuration parameters"
    half = ga.fft.rfft(x)
    assert (ga.fft.fft(x).shape, half.shape, ga.fft.irfft(half, n=5).shape) == ((0, 4), (0, 3), (0, 5))


@on_every_device
def test_strong_multiply(device):
    for dtype in ("float32", "complex64"):
        g, p = (np.array(v, dtype) for v in ([0, 0, 2, 2, -0.0], [inf, nan, nan, 3, 3]))
        found = BACKEND.kernels(device)["strong_multiply"](put(g, device), put(p, device))
        np.testing.assert_array_equal(BACKEND.to_numpy(found), np.array([0, 0, nan, 6, 0], dtype))
        g, p = (np.array(v, dtype) for v in ([1, 1], [inf, -inf]))  # the sum is nan, and none of the products
        found = BACKEND.kernels(device)["strong_multiply"](put(g, device), put(p, device))
        np.testing.assert_array_equal(BACKEND.to_numpy(found).real, p.real)


def test_a_function_that_pytorch_has_not_says_so():
    with pytest.raises(TypeError, match=r"bitwise_and\(complex64\[1\], 2\): PyTorch has no such function"):
        ga.tensor([1j], device="torch:cpu") & 2


# -- unsigned integers -------------------------------------------------------------------------------------------------

BINARY = (
    "add subtract multiply floor_divide remainder pow less less_equal greater greater_equal equal not_equal maximum "
    "minimum bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift"
).split()
UNARY = "abs negative bitwise_invert square sign positive floor ceil trunc round isfinite isnan".split()
REDUCING = "sum prod max min argmax argmin all any count_nonzero".split()


@on_every_device
@of_unsigned
def test_unsigned_integers_are_exact(dtype, device):
    top = np.iinfo(dtype).max
    x, y = np.array([top, top - 1, 7, 1], dtype), np.array([3, top, 2, 5], dtype)
    a, b = (ga.asarray(v, device=device) for v in (x, y))
    with np.errstate(all="ignore"):
        for name in BINARY:
            other, theirs = (y, b) if "shift" not in name else (y % 8, b % 8)
            same(getattr(ga, name)(a, theirs), getattr(np, name)(x, other))
            same(getattr(ga, name)(a, 2), getattr(np, name)(x, 2))
        for name in UNARY:
            same(getattr(ga, name)(a), getattr(np, name)(x))
        for name in REDUCING:
            same(getattr(ga, name)(a), getattr(np, name)(x))
        same(ga.matmul(a, b), np.matmul(x, y))
        same(ga.cumulative_sum(a), np.cumsum(x))
        same(ga.argsort(a), np.argsort(x))
        same(ga.sort(a, descending=True), np.sort(x)[::-1])
        same(ga.searchsorted(ga.sort(a), b), np.searchsorted(np.sort(x), y))
        same(ga.clip(a, 2, 5), np.clip(x, 2, 5))
        same(ga.tril(ga.reshape(a, (2, 2))), np.tril(x.reshape(2, 2)))
        same(ga.unique_values(ga.concat([a, b])), np.unique(np.concatenate([x, y])))
        same(ga.flip(a), x[::-1])
        same(ga.where(a > 5, a, b), np.where(x > 5, x, y))


@on_every_device
@of_unsigned
def test_unsigned_integers_are_written_and_added(dtype, device):
    top, key = np.iinfo(dtype).max, np.array([0, 0, 2])
    host, value = np.full(4, top, dtype), np.array([1, 2, top], dtype)
    expected = host.copy()
    np.add.at(expected, key, value)
    same(BACKEND.index_add(put(host, device), put(key, device), put(value, device)), expected)
    expected = host.copy()
    expected[[3, 1]] = value[:2]
    same(BACKEND.setitem(put(host, device), put(np.array([3, 1]), device), put(value[:2], device)), expected)


# -- indexing ----------------------------------------------------------------------------------------------------------

SHAPES = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)


def put_key(key):
    """``key`` with NumPy's arrays replaced by PyTorch's."""
    if isinstance(key, tuple):
        return tuple(map(put_key, key))
    return put(key) if isinstance(key, np.ndarray) else key


def check_indexing(host, key):
    raw = put_key(key)
    same(BACKEND.getitem(put(host), raw), host[key])
    value = np.asarray(host[key]) * 0 + np.arange(np.size(host[key])).reshape(np.shape(host[key])) + 50
    expected = host.copy()
    expected[key] = value
    same(BACKEND.setitem(put(host), raw, put(value)), expected)
    expected = host.copy()
    np.add.at(expected, ... if isinstance(key, tuple) and not key else key, value)
    same(BACKEND.index_add(put(host), raw, put(value)), expected)


def grid(shape):
    return np.arange(math.prod(shape)).reshape(shape)


@settings(derandomize=True, deadline=None)
@given(st.data())
def test_any_basic_key(data):
    shape = data.draw(SHAPES)
    check_indexing(grid(shape), data.draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=7)))


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.data())
def test_any_advanced_key(data):
    """Arrays of integers among slices, integers and an ellipsis; sometimes a mask in the end."""
    shape = data.draw(SHAPES)
    dtype = data.draw(st.sampled_from([np.int64, np.int8]))

    def draw_index(n):
        positions = st.integers(-n, n - 1)
        return data.draw(st.one_of(st.slices(n), positions, hnp.arrays(dtype, 2, elements=positions, unique=n > 1)))

    key = list(map(draw_index, shape[: data.draw(st.integers(1, len(shape)))]))
    if not any(isinstance(k, np.ndarray) for k in key):
        key[-1] = data.draw(hnp.arrays(bool, shape[len(key) - 1]))
    whole = len(key) == len(shape)
    for more in data.draw(st.sets(st.sampled_from([None, ...]))):
        key.insert(data.draw(st.integers(0, len(key))) if whole or more is None else len(key), more)
    key = tuple(key)  # an ellipsis of no dimensions sets arrays apart
    ones = np.zeros(shape, int)
    np.add.at(ones, key, 1)
    if ones.max(initial=0) <= 1:  # else which value stays is not said
        check_indexing(grid(shape), key)
    else:
        same(BACKEND.getitem(put(grid(shape)), put_key(key)), grid(shape)[key])


def test_unsigned_bytes_are_no_masks():
    check_indexing(grid((3, 2)), np.array([1, 0], np.uint8))


def test_a_broadcast_view_is_not_written_to():
    x = torch.ones(1).expand(3)
    for write in (lambda: BACKEND.setitem(x, 0, torch.tensor(5.0)), lambda: ga.asarray(x).fill_(2)):
        with pytest.raises((ValueError, RuntimeError), match=r"read-only|single memory location"):
            write()
    assert x.tolist() == [1.0, 1.0, 1.0]


def test_a_mask_of_length_0_fits_any():
    for shape, mask in (((1, 2), (0,)), ((3, 2), (3, 0))):
        check_indexing(grid(shape), np.zeros(mask, bool))
    with pytest.raises(IndexError):
        BACKEND.getitem(put(grid((3, 2))), put(np.zeros((2, 0), bool)))


def test_a_key_out_of_bounds_writes_nothing():
    x = put(np.zeros(3))
    with pytest.raises(IndexError, match="indices 0 to 3 are not all within 3 elements"):
        BACKEND.setitem(x, put(np.array([0, 3])), put(np.float64(1)))
    assert not x.any()


# -- negative steps ----------------------------------------------------------------------------------------------------


def test_a_reversed_slice_is_a_view_to_gradarray():
    x = ga.arange(4.0, device="torch:cpu")
    back, tail = x[::-1], x[1:]
    pair = back[:2]
    x[3] = 9
    assert back.tolist() == [9.0, 2.0, 1.0, 0.0] and pair.tolist() == [9.0, 2.0]
    pair += 1
    assert x.tolist() == [0.0, 1.0, 3.0, 10.0] and tail.tolist() == [1.0, 3.0, 10.0]
    assert (back._version, back._base is x) == (x._version, True)
    memory = x.numpy()
    back.zero_()
    assert not memory.any()  # it is still x's


def test_an_adopted_tensor_is_written_to_through_a_reversed_slice():
    t = torch.arange(6.0).reshape(2, 3).T
    ga.asarray(t)[::-1, 0].fill_(7)
    assert t.tolist() == [[7.0, 3.0], [7.0, 4.0], [7.0, 5.0]]


def test_what_accumulates_in_grad_reaches_a_reversed_slice_of_it():
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    back = x.grad[::-1]
    (x * x).sum().backward()
    assert back.tolist() == [8.0, 4.0]


STEPS = st.sampled_from([slice(None, None, -1), slice(None, None, -2), slice(1, None), slice(None, 3), slice(2, 0, -1)])
ACTIONS = st.tuples(st.sampled_from(["view", "write", "add", "item", "scale"]), STEPS, st.integers(0, 7))


def play(actions, device):
    """What comes of views and writes: the tensors, and the gradient of all of them together."""
    leaf_ = ga.asarray(np.arange(1.0, 6.0), device=device).requires_grad_()
    tensors = [leaf_ * 1]
    for what, key, which in actions:
        x = tensors[which % len(tensors)]
        if what == "view":
            tensors.append(x[key])
        elif what == "write":
            x[key] = tensors[0][:1] * 2
        elif what == "add":
            x += tensors[-1][:1].sum()
        elif what == "item" and x.shape[0]:
            x[-1] = x[0] * x[0]
        elif what == "scale":
            x[key] *= 0.5
    (g,) = ga.autograd.grad(sum(((x * x).sum() for x in tensors), start=ga.tensor(0.0)), leaf_)
    with ga.no_grad():
        tensors[0].mul_(2.0)
    return [x.tolist() for x in tensors] + [g.tolist()]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(ACTIONS, max_size=6))
def test_views_and_writes_as_on_numpy(actions):
    expected, found = play(actions, "cpu"), play(actions, "torch:cpu")
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_an_int_that_the_dtype_does_not_hold_does_not_wrap():
    x = ga.asarray([1, 255], dtype=ga.uint8, device="torch:cpu")
    assert (x >= 300).tolist() == (x == 257).tolist() == (x < -1).tolist() == [False, False]
    assert (ga.asarray([1], device="torch:cpu") <= 2**63).tolist() == [True]
    for call in (lambda: x * 300, lambda: 300 + x, lambda: x & 300, lambda: x.add_(300), lambda: x**300):
        with pytest.raises(OverflowError, match="without overflow"):
            call()


def test_a_limit_that_the_dtype_does_not_hold_limits_nothing_or_is_refused():
    x = ga.asarray([1, 255], dtype=ga.uint8, device="torch:cpu")
    assert ga.clip(x, -1, 300).tolist() == x.clamp(max=2**70).tolist() == x.clamp_min(-(2**70)).tolist() == [1, 255]
    assert (
        ga.clip(x, -1, 3).tolist()
        == ga.clip(x, -1, ga.asarray(3, dtype=ga.uint8, device="torch:cpu")).tolist()
        == [1, 3]
    )
    for call in (lambda: x.clamp(min=300), lambda: x.clamp_max(-1)):
        with pytest.raises(OverflowError, match="without overflow"):
            call()


@pytest.mark.parametrize("name", ["argmax", "atan2", "floor", "less", "logaddexp", "max", "maximum", "relu", "signbit"])
def test_what_needs_an_order_refuses_complex_numbers(name):
    z = ga.asarray([1 + 2j, 0.5j], device="torch:cpu")
    with pytest.raises(TypeError, match="not defined for complex numbers"):
        getattr(ga, name)(*[z] * operations()[name].inputs)


@of_unsigned
def test_unsigned_integers_have_a_truth(dtype):
    host, other = np.array([0, 3, 0, 7], dtype), np.array([0, 0, 2, 1], np.uint8)
    x, y = (ga.asarray(a, device="torch:cpu") for a in (host, other))
    for name in ("logical_and", "logical_or", "logical_xor"):
        function = getattr(np, name)
        same(getattr(ga, name)(x, y), function(host, other))
        same(getattr(ga, name)(x, 1), function(host, 1))
    same(ga.logical_not(x), np.logical_not(host))


def test_a_negative_length_to_broadcast_to_keeps_no_length():
    with pytest.raises(ValueError, match=r"does not broadcast to \[2, -1\]"):
        ga.broadcast_to(ga.ones(2, 1, device="torch:cpu"), (2, -1))


def test_concat_of_a_tensor_without_dimensions_is_refused_as_everywhere():
    with pytest.raises(ValueError, match=r"got \[1\] and \[\]"):
        ga.concat([ga.ones(1, device="torch:cpu"), ga.ones((), device="torch:cpu")])
