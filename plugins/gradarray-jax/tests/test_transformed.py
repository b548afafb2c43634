"""Functions of tensors inside of JAX's own transformations: traced once, and right there too."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("gradarray_jax", reason="plugins/gradarray-jax is not installed")

import gradarray as ga

FLOAT = ga.float64 if "float64" in {d.name for d in ga.backends.get("jax").dtypes("jax").values()} else ga.float32
TOLERANCE = 1e-12 if FLOAT is ga.float64 else 1e-4

import jax  # noqa: E402 # after the backend, which then turns on all of its dtypes
from jax import numpy as jnp  # noqa: E402

PROGRAMS = {}


def program(function):
    """A loss of three numbers, whose gradient is compared."""
    PROGRAMS[function.__name__] = function
    return function


@program
def elementwise(x):
    y = ga.where(x > 0.5, ga.sqrt(x), x * 0) + ga.maximum(x, 2 * x) + ga.relu(x) + x.clamp(0, 1)
    return (y + x**x + ga.sigmoid(x) / (1 + x)).sum()


@program
def reductions(x):
    return ga.max(x) + x.std() + ga.prod(x) + ga.cumulative_sum(x)[1] + ga.cumulative_prod(x).mean()


@program
def matrices(x):
    m = x[:, None] * x + 2 * ga.eye(3, dtype=x.dtype, device=x.device)
    return ga.linalg.det(m) + ga.linalg.inv(m).sum() + ga.linalg.eigvalsh(m)[0] + ga.linalg.cholesky(m).sum()


@program
def transforms(x):
    return ga.abs(ga.fft.fft(x + 0j)).sum() + ga.fft.irfft(ga.fft.rfft(x, n=4))[1]


@program
def keys(x):
    i = ga.tensor([0, 1, 1], device=x.device)
    return (x[i] * x[[2, 2, 0]]).sum() + x[::2].sum() * x[-1] + x[x.argmax()] * ga.sort(x)[0]


@program
def in_place(x):
    y = x * 2
    y[1:].mul_(x[:-1])
    y[0] = x[2]
    y += 1
    return y.exp_().sum()


@program
def gradient_of_gradient(x):
    (g,) = ga.autograd.grad((x**3).sum() * x[0], x, create_graph=True)
    return (g * g).sum()


@program
def shapes(x):
    y = ga.concat([x, ga.flip(x)]).reshape(2, 3)
    return (ga.stack([y, y * y]).mT @ ga.repeat(x, 2).reshape(2, 3)[:, 0]).sum() + ga.tile(x, (2,))[4]


@program
def numbers_and_numpy(x):
    return (np.sin(x) * np.ones(3, x.dtype.__numpy_dtype__) + x**2 * ga.tensor(2.0, dtype=x.dtype)).sum()


def gradient(loss):
    """``loss``'s gradient by gradarray, as a function of arrays of JAX's."""

    def run(array):
        x = ga.asarray(array, requires_grad=True)
        loss(x).backward()
        return jnp.asarray(x.grad)

    return run


def at(*values):
    return jnp.asarray(values, FLOAT.__numpy_dtype__)


def close(found, expected):
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("name", PROGRAMS)
def test_in_jit_and_vmap(name):
    run, points = gradient(PROGRAMS[name]), jnp.stack([at(0.3, 0.7, 0.9), at(0.8, 0.2, 1.1)])
    expected = jnp.stack([run(x) for x in points])
    close(jnp.stack([jax.jit(run)(x) for x in points]), expected)
    close(jax.vmap(run)(points), expected)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "gradient_of_gradient"])  # which needs a leaf
def test_jax_differentiates_the_same_function_to_the_same(name):
    loss, x = PROGRAMS[name], at(0.3, 0.7, 0.9)
    close(jax.grad(lambda a: jnp.asarray(loss(ga.asarray(a))))(x), gradient(loss)(x))


def test_forward_and_backward_are_traced_once():
    traced = []

    def loss(x):
        traced.append(x)
        return (x.sin() * x).sum()

    run = jax.jit(gradient(loss))
    for i in range(3):
        x = at(1.0 + i, 2.0)
        close(run(x), jnp.cos(x) * x + jnp.sin(x))
    assert len(traced) == 1


def test_jax_differentiates_our_gradient_forwards():
    x = at(0.3, 0.7, 0.9)
    close(jax.jacfwd(gradient(lambda x: (x**3).sum()))(x), jnp.diag(6 * x))


def test_jit_takes_and_gives_arrays_only():
    x = ga.ones(3, device="jax")
    with pytest.raises((TypeError, ValueError), match=r"jax\.numpy\.array"):
        jax.jit(lambda a: a)(x)
    with pytest.raises(RuntimeError, match="requires grad"):
        jax.jit(lambda a: jnp.asarray(ga.asarray(a, requires_grad=True) * 2))(jnp.ones(3))


@pytest.mark.parametrize(
    "look", [lambda x: x.tolist(), lambda x: bool(x[0] > 0), lambda x: x.cpu(), lambda x: x[x > 0]]
)
def test_what_needs_a_value_is_refused_by_jax_in_its_words(look):
    with pytest.raises((jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError, IndexError)):
        jax.jit(lambda a: look(ga.asarray(a)))(jnp.ones(3))


def test_the_first_use_may_be_inside_of_a_trace():
    source = """
import jax, gradarray as ga
def f(a):
    x = ga.asarray(a, requires_grad=True)
    (x[0] * ga.arange(2, device=x.device) * x).sum().backward()
    return jax.numpy.asarray(x.grad)
print(jax.jit(f)(jax.numpy.asarray([2.0, 3.0])), ga.ones(1, device="jax") * 2)
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert done.stdout == "[3. 2.] tensor([2.], device='jax:cpu:0')\n", done.stderr[-2000:]


def test_what_is_sharded_stays_sharded_and_other_devices_compute_where_they_are():
    source = """
import os
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
import jax, numpy as np, gradarray as ga
from jax.sharding import AxisType, NamedSharding, PartitionSpec
mesh = jax.make_mesh((4,), ("i",), axis_types=(AxisType.Auto,))
over_four = NamedSharding(mesh, PartitionSpec("i"))
def f(a):
    x = ga.asarray(a, requires_grad=True)
    (ga.log(x) * ga.arange(8, device=x.device) * ga.ones(8, device=x.device)).sum().backward()
    return jax.numpy.asarray(x.grad)
a = np.arange(1, 9, dtype=np.float32)
for run in (f, jax.jit(f)):
    g = run(jax.device_put(a, over_four))
    print(len(g.devices()), np.allclose(g, np.arange(8) / a))
    g = run(jax.device_put(a, jax.devices()[3]))
    print(g.device, np.allclose(g, np.arange(8) / a))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert done.stdout == 2 * "4 True\ncpu:3 True\n", done.stderr[-2000:]
