"""What the JAX backend promises beyond the contract: devices, dtypes, memory, keys, the standard's special cases."""

import math
import subprocess
import sys

import numpy as np
import pytest
import scipy.special

pytest.importorskip("gradarray_jax", reason="plugins/gradarray-jax is not installed")

import gradarray as ga
from gradarray.backends import Device, get, resolve
from gradarray.testing import operations

BACKEND = get("jax")
FIRST = BACKEND.devices()[0]
TYPES = {dtype.name: dtype for dtype in BACKEND.dtypes(FIRST).values()}

import jax  # noqa: E402 # after the backend, which then turns on all of its dtypes
from gradarray_jax import SPECIAL  # noqa: E402
from jax import numpy as jnp  # noqa: E402

needs_x64 = pytest.mark.skipif("float64" not in TYPES, reason="JAX_ENABLE_X64=0")


def program(source, **environment):
    """What ``source`` prints in a process of its own, on four devices."""
    import os

    keep = {k: v for k, v in os.environ.items() if k not in ("JAX_ENABLE_X64", "XLA_FLAGS")}
    keep |= {"XLA_FLAGS": "--xla_force_host_platform_device_count=4", "JAX_PLATFORMS": "cpu", **environment}
    done = subprocess.run([sys.executable, "-c", source], env=keep, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.split("\n")[:-1]


def aligned(n):
    """Memory that XLA could use as it is."""
    host = np.ones(n + 16, np.float32)
    start = -host.ctypes.data % 64 // 4
    return host[start : start + n]


# -- availability, devices, dtypes -------------------------------------------------------------------------------------


def test_the_plugin_is_light():
    program("""
import sys, numpy, gradarray_jax
backend, = gradarray_jax.gradarray_backends()
assert backend.unavailable() is None and not backend.owns(numpy.zeros(1)) and not backend.owns("text")
assert "jax" not in sys.modules
assert not backend.capabilities.mutable and not backend.capabilities.views
""")


def test_devices_are_named_by_platform_and_index():
    assert program("""
import gradarray as ga, jax
print(*ga.backends.get("jax").devices(), ga.backends.resolve("jax"), ga.backends.resolve("jax:cpu"))
for i, raw in enumerate(jax.devices()):
    x = ga.asarray(jax.device_put(jax.numpy.ones(2), raw))
    made = [x, x + 1, x * x, ga.zeros_like(x), ga.arange(2, device=x.device), ga.eye(2, device=x.device), x[0], -x[:1]]
    made += [ga.where(x > 0, x, 2), ga.tensor([1.5], device=x.device), ga.full((2,), 3.0, device=x.device)]
    assert {str(t.device) for t in made} == {f"jax:cpu:{i}"}
    assert all(t._data.devices() == {raw} for t in made)
""") == ["jax:cpu:0 jax:cpu:1 jax:cpu:2 jax:cpu:3 jax:cpu:0 jax:cpu:0"]
    assert resolve("jax:cpu:0") == Device("jax", "cpu", 0)
    with pytest.raises(RuntimeError, match="there is no device 'jax:tpu:0' here; jax has jax:cpu:0"):
        ga.ones(1, device="jax:tpu:0")


def test_the_default_device_of_jax_comes_first():
    assert program("""
import jax
jax.config.update("jax_default_device", jax.devices()[2])
import gradarray as ga
x = ga.ones(2, device="jax")
print(x.device, (x * ga.arange(2, device="jax")).device, x._data.device, *ga.backends.get("jax").devices())
""") == ["jax:cpu:2 jax:cpu:2 cpu:2 jax:cpu:2 jax:cpu:0 jax:cpu:1 jax:cpu:3"]


WIDE = "import gradarray as ga; print('float64' in [d.name for d in ga.backends.get('jax').dtypes('jax').values()])"


def test_whoever_imports_jax_first_owns_its_configuration():
    assert program(WIDE) == ["True"]
    assert program("import jax\n" + WIDE) == ["False"]
    assert program(WIDE, JAX_ENABLE_X64="0") == ["False"]
    assert program("import jax\n" + WIDE, JAX_ENABLE_X64="1") == ["True"]


def test_without_64_bits_nothing_is_narrowed_without_a_word():
    lines = program(
        """
import numpy as np, gradarray as ga
x = ga.ones(2, device="jax")
for make in (
    lambda: ga.zeros(2, dtype=ga.float64, device="jax"),
    lambda: ga.asarray(np.ones(2), device="jax"),
    lambda: ga.ones(2, dtype=ga.complex128).to("jax"),
    lambda: x.double(),
    lambda: x + np.ones(2),
):
    try:
        print(make())
    except TypeError as error:
        print(all(word in str(error) for word in ("128" if "128" in str(error) else "float64", "JAX_ENABLE_X64=1")))
x.requires_grad_()
(x.exp() * x).sum().backward()
print(x.grad.dtype, x.argmax().dtype, ga.arange(3, device="jax").dtype, ga.tensor([1], device="jax").sum().dtype)
print(ga.sort(ga.tensor([2.0, 1.0], device="jax"))[[1, 0]].tolist(), x[ga.tensor([0, 0])].shape == (2,))
print(ga.repeat(x, [1, 2]).tolist())
""",
        JAX_ENABLE_X64="0",
    )
    assert lines == ["True"] * 5 + ["gradarray.float32" + 3 * " gradarray.int32", "[2.0, 1.0] True", "[1.0, 1.0, 1.0]"]


@pytest.mark.parametrize(("setting", "lacks"), [("0", True), ("1", False)])
def test_the_listing_says_what_is_lacking_and_what_to_set(setting, lacks):
    listing = "from gradarray.__main__ import main; main(['backends'])"
    lines = program(listing, JAX_ENABLE_X64=setting)
    about = " ".join(" ".join(lines[lines.index("jax: available") :]).split())
    assert ("jax:cpu:3 has no int64, uint64, float64, complex128" in about) is lacks
    assert ("Set JAX_ENABLE_X64=1 in the environment" in about) is lacks
    assert "never written to" in about and "functions all" in about and "functions all but" not in about


@pytest.mark.parametrize("raw", ["bfloat16", "float16"])
def test_dtypes_that_gradarray_lacks_are_refused(raw):
    with pytest.raises(TypeError, match=f"dtype {raw} is none that gradarray has"):
        ga.asarray(jnp.ones(2, raw))


# -- memory ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copy", [False, True])
def test_the_memory_of_numpy_is_never_shared(copy):
    host = aligned(512)
    array = BACKEND.from_numpy(host, FIRST, copy=copy)
    x = ga.asarray(host, device="jax")
    host[0] = 7
    assert array[0] == 1 and x[0].item() == 1
    with pytest.raises(ValueError, match="copy=False, but arrays of JAX's never change, and a ndarray may"):
        BACKEND.from_dlpack(host, FIRST, copy=False)


def test_a_jax_array_is_adopted_and_handed_back_without_a_copy():
    array = jnp.arange(3.0)
    for x in (ga.asarray(array), ga.asarray(array, copy=False), ga.from_dlpack(array)):
        assert x.device == FIRST and jnp.asarray(x) is array
    copied = jnp.asarray(ga.tensor(array))
    assert copied.unsafe_buffer_pointer() != array.unsafe_buffer_pointer()
    back = jax.dlpack.from_dlpack(ga.asarray(array))
    assert back.unsafe_buffer_pointer() == array.unsafe_buffer_pointer()
    assert np.shares_memory(np.from_dlpack(ga.asarray(array)), np.asarray(array))
    np.testing.assert_array_equal(array + ga.asarray(array), array + array)


def test_what_requires_a_gradient_does_not_leave_the_tape_unseen():
    x = ga.ones(2, device="jax", requires_grad=True)
    for leave in (jnp.asarray, lambda x: x + jnp.ones(2), jax.dlpack.from_dlpack):
        with pytest.raises((RuntimeError, BufferError), match="detach"):
            leave(x)
    np.testing.assert_array_equal(jnp.asarray(ga.ones(2)), [1, 1])  # a tensor on the CPU goes by way of NumPy


def test_memory_is_read_where_it_lies():
    x = ga.zeros(1000, device="jax") + 1
    y = x.to("cpu")
    assert y._data.ctypes.data == x._data.unsafe_buffer_pointer()
    y.add_(1)
    assert (x[0].item(), y[0].item()) == (1, 2)
    x.add_(5)
    assert (x[0].item(), y[0].item()) == (6, 2)


def test_memory_of_numpys_is_read_where_it_lies_if_xla_can():
    room = np.zeros(4096 + 64, dtype="uint8")
    aligned = room[-room.ctypes.data % 64 :][:4096].view("float32")
    array = BACKEND.borrow(aligned, ga.device("jax:cpu:0"))
    assert array.unsafe_buffer_pointer() == aligned.ctypes.data
    assert BACKEND.borrow(room[1 - room.ctypes.data % 64 :][:4096], ga.device("jax:cpu:0")) is None
    x = ga.zeros(1000) + 1  # may lie either way
    y = x.to("jax")
    x.add_(1)
    assert (x[0].item(), y[0].item()) == (2, 1)


def test_transfers_are_differentiable_and_devices_do_not_mix():
    x = ga.tensor([1.0, 2.0], requires_grad=True)
    y = (x.to("jax") * 3).to("cpu")
    (y * y).sum().backward()
    assert x.grad.tolist() == [18, 36] and str(x.grad.device) == "cpu"
    with pytest.raises(RuntimeError, match="at least two devices, jax:cpu:0 and cpu"):
        x.to("jax") + x
    assert (x.to("jax") * ga.tensor(2.0)).tolist() == [2, 4]


def test_transfers_between_devices_of_jax():
    assert program("""
import gradarray as ga
x = ga.tensor([1.0, 2.0], device="jax:cpu:1", requires_grad=True)
y = x.to("jax:cpu:3") ** 2
y.sum().backward()
print(y.device, x.grad.device, x.grad.tolist())
try:
    x + y
except RuntimeError as error:
    print("jax:cpu:1 and jax:cpu:3" in str(error))
""") == ["jax:cpu:3 jax:cpu:1 [2.0, 4.0]", "True"]


def test_the_tutorial_holds():
    last = program("""
from gradarray.__main__ import main
main(["tutorial", "--device", "jax:cpu:1"])
""")[-1]
    assert last == "30 programs on jax:cpu:1: 27 held, 3 not supported"


# -- keys --------------------------------------------------------------------------------------------------------------


def test_a_loop_over_rows_or_batches_compiles_once():
    from gradarray_jax import _keys

    x = ga.ones((40, 3), device="jax", requires_grad=True)
    x[0].sum().backward(), x[0:4].sum().backward()
    before = {what: _keys._on_block(what)._cache_size() for what in ("get", "add")}
    total = 0
    for i in range(1, 30):
        total = total + x[i].sum() * i + x[i : i + 4].sum()
    total.backward()
    assert {what: _keys._on_block(what)._cache_size() for what in ("get", "add")} == before
    expected = np.zeros(40)
    for i in range(1, 30):
        expected[i] += i
        expected[i : i + 4] += 1
    expected[0:4] += 1
    expected[0] += 1
    np.testing.assert_array_equal(x.grad[:, 0].cpu().numpy(), expected)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_narrow_indices_reach_far(dtype):
    x = jnp.arange(300)
    least = 0 if dtype == "uint8" else -1
    index = jnp.asarray([least, 127], dtype)
    np.testing.assert_array_equal(BACKEND.getitem(x, index), np.arange(300)[[least, 127]])
    assert BACKEND.index_add(x, index, jnp.ones(2, x.dtype))[127] == 128


@pytest.mark.parametrize("index", [[0, 3], [-4]], ids=str)
def test_positions_out_of_range_are_refused_on_the_cpu(index):
    x, i = jnp.arange(6.0).reshape(2, 3), jnp.asarray(index)
    for key in ((..., i), (0, i), (slice(None), i), (None, jnp.asarray([0]), i)):
        with pytest.raises(IndexError, match=r"index -?\d is out of bounds for dimension 1 with size 3"):
            BACKEND.getitem(x, key)
        for write in (BACKEND.setitem, BACKEND.index_add):
            with pytest.raises(IndexError, match="out of bounds for dimension 1"):
                write(x, key, jnp.zeros(()))
    with pytest.raises(IndexError, match=r"a mask of shape \[2\] does not fit the dimensions \[3\] it is for"):
        BACKEND.getitem(x, (..., jnp.asarray([True, False])))


def test_inside_of_a_trace_positions_out_of_range_are_clamped_as_jax_does():
    read = jax.jit(lambda x, i: BACKEND.getitem(x, i))
    assert read(jnp.arange(3.0), jnp.asarray([7])).tolist() == [2]


# -- special cases of the standard that JAX gets wrong -----------------------------------------------------------------

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=needs_x64)])
def test_signs_of_zero(dtype):
    x = ga.tensor([0.0, -0.0, 0.0, -0.0], dtype=getattr(ga, dtype), device="jax")
    y = ga.tensor([2.0, 2.0, -2.0, -2.0], dtype=x.dtype, device="jax")

    def signs(t):
        assert t.dtype is x.dtype and (t == 0).all()
        return ga.signbit(t).tolist()

    assert signs(ga.sign(x)) == [False] * 4
    assert signs(x // y) == [False, True, True, False]
    assert signs(x % y) == signs((y * 2) % y) == [False, False, True, True]


def test_floor_division_by_and_of_infinities_is_the_quotient():
    x = ga.tensor([INF, -INF, 1.0, -1.0, 1.0, INF, 7.0, -7.0], device="jax")
    y = ga.tensor([2.0, 2.0, INF, INF, -INF, INF, 2.0, 2.0], device="jax")
    np.testing.assert_array_equal((x // y).cpu().numpy(), [INF, -INF, 0, -0.0, -0.0, NAN, 3, -4])
    assert ga.signbit(x // y).tolist()[3:5] == [True, True]


COMPLEX = [
    ("acos", (0, NAN), (math.pi / 2, NAN)), ("acosh", (0, NAN), (NAN, math.pi / 2)), ("asinh", (NAN, 0), (NAN, 0)),
    ("asinh", (NAN, 2), (NAN, NAN)), ("atanh", (2, NAN), (NAN, NAN)), ("atanh", (0, NAN), (0, NAN)),
    ("atanh", (INF, NAN), (0, NAN)), ("atanh", (NAN, NAN), (NAN, NAN)), ("atanh", (NAN, 2), (NAN, NAN)),
    ("cosh", (0, INF), (NAN, 0)), ("cosh", (0, NAN), (NAN, 0)), ("cosh", (INF, INF), (INF, NAN)),
    ("cosh", (INF, NAN), (INF, NAN)), ("exp", (INF, INF), (INF, NAN)), ("exp", (INF, NAN), (INF, NAN)),
    ("exp", (-INF, INF), (0, 0)), ("exp", (-INF, NAN), (0, 0)), ("expm1", (-INF, NAN), (-1, 0)),
    ("expm1", (INF, INF), (INF, NAN)), ("log", (INF, NAN), (INF, NAN)), ("log", (-INF, NAN), (INF, NAN)),
    ("log", (NAN, INF), (INF, NAN)), ("log1p", (NAN, INF), (INF, NAN)), ("sinh", (0, INF), (0, NAN)),
    ("sinh", (0, NAN), (0, NAN)), ("sinh", (INF, INF), (INF, NAN)), ("sqrt", (INF, NAN), (INF, NAN)),
    ("sqrt", (-INF, NAN), (NAN, INF)), ("tanh", (0, INF), (0, NAN)), ("tanh", (0, NAN), (0, NAN)),
    ("acos", (1e19, NAN), (NAN, NAN)), ("exp", (1, 0), (math.e, 0)), ("sqrt", (-4, 0), (0, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "z", "expected"), COMPLEX, ids=str)
def test_complex_special_cases(name, z, expected):
    out = getattr(ga, name)(ga.tensor([complex(*z)], device="jax"))
    np.testing.assert_allclose(out.real.tolist(), [expected[0]], rtol=1e-6)
    np.testing.assert_allclose(out.imag.tolist(), [expected[1]], rtol=1e-6)


RANGES = {
    "above one": (1.1, 20), "fraction": (0.01, 0.99), "nonzero": (0.1, 20), "positive": (0.1, 20), "real": (-10, 10),
    "unit": (-0.99, 0.99),
}  # fmt: skip


@needs_x64
@pytest.mark.parametrize("name", sorted(SPECIAL - {"psi"}))
def test_special_functions_of_jax_are_exact(name):
    """Away from the samples of the conformance suite, too, which lie between 0.3 and 2."""
    operation, rng = operations()[f"special.{name}"], np.random.default_rng(0)
    domain = operation.domain if isinstance(operation.domain, tuple) else (operation.domain,) * operation.inputs
    xs = [rng.integers(0, 10, 500) if d == "count" else rng.uniform(*RANGES[d], 500) for d in domain]
    want = getattr(scipy.special, name)(*xs)
    found = getattr(ga.special, name)(*(ga.asarray(x, device="jax") for x in xs))
    np.testing.assert_allclose(found.cpu().numpy(), want, rtol=1e-12, atol=1e-14)


LARGE = {
    "beta": [(1.5, 2.0), (8.5, 1.0), (30.0, 30.0), (2.5, 500.0)],
    "betaln": [(1.5, 2.0), (8.5, 1.0), (30.0, 30.0), (2.5, 5e3)],
    "gammainc": [(1.5, 2.0), (1e4, 1.01e4), (1e8, 1e8), (1e300, 1e300)],
    "gammaincc": [(1.5, 2.0), (1e4, 1.01e4), (1e8, 1e8), (1e300, 1e300)],
    "poch": [(1.5, 2.0), (100.5, 120.0)],
}


@needs_x64
@pytest.mark.parametrize("name", LARGE)
def test_special_functions_of_large_arguments_are_exact_and_end(name):
    """Inside of a trace ``beta`` and ``betaln`` are mended, the others JAX's, whose first arguments are small here."""
    a, b = np.array(LARGE[name]).T
    function, want = getattr(ga.special, name), getattr(scipy.special, name)(a, b)
    found = function(ga.asarray(a, device="jax"), ga.asarray(b, device="jax"))
    np.testing.assert_allclose(found.cpu().numpy(), want, rtol=1e-15)
    traced = jax.jit(lambda a, b: jnp.asarray(function(ga.asarray(a), ga.asarray(b))))
    of = slice(None if name.startswith("beta") else 1)
    np.testing.assert_allclose(traced(a[of], b[of]), want[of], rtol=1e-11)


def test_searchsorted_gives_the_default_integer():
    x = ga.tensor([1.0, 2.0], device="jax")
    assert ga.searchsorted(x, x).dtype is x.argmax().dtype
    assert ga.permute_dims(ga.zeros((0, 2), device="jax"), (-1, 0)).shape == (2, 0)


def products(a, b):
    """Three of them: a product, and the two of its derivative."""
    x, y = ga.asarray(a, requires_grad=True), ga.asarray(b, requires_grad=True)
    out = x @ y
    out.sum().backward()
    return jnp.asarray(out.detach()), jnp.asarray(x.grad), jnp.asarray(y.grad)


def test_products_keep_the_digits_of_their_dtype():
    a, b = (np.random.default_rng(i).normal(size=(64, 64)).astype("float32") for i in range(2))
    ones = np.ones((64, 64))
    expected = (a.astype(float) @ b, ones @ b.T, a.T @ ones)
    for out, want in zip(products(jnp.asarray(a), jnp.asarray(b)), expected, strict=True):
        np.testing.assert_allclose(out, want, atol=1e-4)  # of what is up to 40; by TF32 up to 0.05 is lost


def test_other_devices_than_cpus_are_asked_for_all_digits_unless_jax_is_told_otherwise():
    assert BACKEND.scope(Device("jax", "cpu", 0)) is None
    assert program("""
import gradarray as ga, jax
from gradarray.backends import Device, get
from jax import numpy as jnp
backend = type(get("jax"))
scope = backend.scope
backend.scope = lambda self, device: scope(self, Device("jax", "tpu", 0))  # which is not there
def products(a):
    x = ga.asarray(a, requires_grad=True)
    (ga.linalg.det(x @ x) * ga.linalg.pinv(x).sum()).backward()
    return jnp.asarray(x.grad)
def said():
    traced = str(jax.make_jaxpr(products)(jnp.eye(2, dtype="float32")))
    return traced.count("dot_general"), traced.count("(Precision.HIGHEST, Precision.HIGHEST)")
found, whole = said()
print(found > 5, found == whole)
with jax.default_matmul_precision("bfloat16"):
    print(said()[1] < found)
""") == ["True True", "True"]


def test_an_int_that_the_dtype_does_not_hold_does_not_wrap():
    x = ga.asarray([1, 255], dtype=ga.uint8, device=FIRST)
    assert (x >= 300).tolist() == (x == 257).tolist() == (x < -1).tolist() == [False, False]
    assert (ga.asarray([1], device=FIRST) <= 2**63).tolist() == [True]
    for call in (lambda: x * 300, lambda: 300 + x, lambda: x & 300, lambda: x.add_(300), lambda: x**300):
        with pytest.raises(OverflowError, match="without overflow"):
            call()


def test_a_limit_that_the_dtype_does_not_hold_limits_nothing_or_is_refused():
    x = ga.asarray([1, 255], dtype=ga.uint8, device=FIRST)
    assert ga.clip(x, -1, 300).tolist() == x.clamp(max=2**70).tolist() == x.clamp_min(-(2**70)).tolist() == [1, 255]
    assert ga.clip(x, -1, 3).tolist() == ga.clip(x, -1, ga.asarray(3, dtype=ga.uint8, device=FIRST)).tolist() == [1, 3]
    for call in (lambda: x.clamp(min=300), lambda: x.clamp_max(-1)):
        with pytest.raises(OverflowError, match="without overflow"):
            call()


@pytest.mark.parametrize("name", ["argmax", "atan2", "floor", "less", "logaddexp", "max", "maximum", "relu", "signbit"])
def test_what_needs_an_order_refuses_complex_numbers(name):
    z = ga.asarray([1 + 2j, 0.5j], device=FIRST)
    with pytest.raises(TypeError, match="not defined for complex numbers"):
        getattr(ga, name)(*[z] * operations()[name].inputs)


@pytest.mark.parametrize(
    ("key", "shape"),
    [
        (0, (1, 1, 3)),
        ((0, 0), (1,)),
        (..., (1, 1, 3)),
        (slice(None, None, 2), (1, 1, 3)),
        ((slice(None), [0, 1]), (1, 2, 2)),
        ([[True, False, True], [False, True, False]], (1, 3)),
    ],
)
def test_a_value_may_have_leading_dimensions_of_one_beyond_its_room(key, shape):
    value = np.arange(1.0, 1 + math.prod(shape), dtype=np.float32).reshape(shape)
    x, host = ga.zeros(2, 3, device=FIRST), np.zeros((2, 3), np.float32)
    w = ga.asarray(value, device=FIRST, requires_grad=True)
    x[key] = w
    host[np.array(key) if isinstance(key, list) else key] = value.squeeze()
    assert x.tolist() == host.tolist()
    x.sum().backward()
    assert w.grad.shape == shape
