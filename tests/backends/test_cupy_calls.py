"""What is asked of cuSOLVER, cuBLAS, cuFFT and cuRAND where they are not: NumPy stands in, with CuPy's signatures.

Everything around the call is as on a GPU: gradarray's rules, array-api-compat's wrapping, CuPy's kernels, the current
device. That a library of CUDA's computes what NumPy does is for a GPU to tell.
"""

import inspect

import numpy as np
import pytest
from gradarray_conformance import samples
from gradarray_conformance.checks import test_operations

import gradarray as ga
from gradarray import _place
from gradarray.backends import RandomSource, get

from . import cuemu

if (why := cuemu.problem()) is not None:
    pytest.skip(f"CuPy is not tested here: {why}", allow_module_level=True)

import array_api_compat.cupy as xp
import cupy
import cupyx.scipy.special

BACKEND = get("cupy")
LAST = BACKEND.devices()[-1]
STANDING_IN = " ".join(
    cuemu.LACKING[library] for library in ("cuSOLVER", "LU decomposition of cuBLAS", "cuFFT")
).split()
STOOD_IN = {
    "linalg": "cholesky det eig eigh eigvals eigvalsh inv pinv qr slogdet solve svd".split(),
    "fft": "fft fftn hfft ifft ifftn ihfft irfft irfftn rfft rfftn".split(),
}
"""The functions of CuPy's that call cuSOLVER, cuBLAS's decompositions and cuFFT, and are called here."""


def stand_in(function, by, called):
    """NumPy's ``by``, called as CuPy's ``function`` can be: with its parameters, on arrays of the current device."""
    signature = inspect.signature(function)

    def run(*args, **kwargs):
        given = signature.bind(*args, **kwargs).arguments
        arrays = [value for value in given.values() if isinstance(value, cupy.ndarray)]
        assert arrays and all(array.dtype.char in "fdFD" for array in arrays)
        assert {array.device.id for array in arrays} == {cupy.cuda.runtime.getDevice()}
        called.add(function.__name__)
        out = by(*(x.get() if isinstance(x, cupy.ndarray) else x for x in args), **kwargs)
        return tuple(map(cupy.asarray, out)) if isinstance(out, tuple) else cupy.asarray(out)

    return run


@pytest.fixture
def called(monkeypatch):
    """NumPy stands in for what CuPy takes from CUDA; the names of what was called."""
    names = set()
    for part, functions in STOOD_IN.items():
        for name in functions:
            real = getattr(getattr(cupy, part), name)
            double = stand_in(real, getattr(getattr(np, part), name), names)
            for module in (getattr(cupy, part), getattr(xp, part)):
                if getattr(module, name) is real:  # else it wraps CuPy's
                    monkeypatch.setattr(module, name, double)
    monkeypatch.setattr(_place, "_by_device", {})  # kernels are looked up once a place
    return names


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", STANDING_IN)
def test_operations_with_numpy_for_cudas_libraries(name, called):
    test_operations.test_forward_is_numpys(name, str(LAST))
    assert called
    if name in samples.DIFFERENTIABLE:
        test_operations.test_vjp_is_the_adjoint_of_jvp(name, str(LAST))
        test_operations.test_gradient_of_gradient_by_a_zero_cotangent_is_the_jvp(name, str(LAST))


def over(name, **parameters):
    """A function of a matrix: the last output of one of the extensions' functions."""
    module, _, function = name.partition(".")

    def run(x):
        out = getattr(getattr(ga, module), function)(x, **parameters)
        return out[-1] if isinstance(out, tuple) else out

    return run


FUNCTIONS = {
    **{f"linalg.{n}": over(f"linalg.{n}") for n in "det eigvalsh inv matrix_rank pinv slogdet svdvals".split()},
    "linalg.cholesky": over("linalg.cholesky", upper=True),
    "linalg.matrix_norm": over("linalg.matrix_norm", ord="nuc"),
    "linalg.matrix_power": lambda x: ga.linalg.matrix_power(x, -2),
    "linalg.qr": lambda x: abs(ga.linalg.qr(x, mode="complete").R),
    "linalg.solve": lambda x: ga.linalg.solve(x, x[0]),
    "linalg.svd": lambda x: ga.linalg.svd(x, full_matrices=False).S,
    **{f"fft.{n}": over(f"fft.{n}", n=4) for n in "fft hfft ifft ihfft irfft rfft".split()},
    **{f"fft.{n}": over(f"fft.{n}", s=(4, 2), axes=(1, 0)) for n in "fftn ifftn irfftn rfftn".split()},
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_with_numpy_for_cudas_libraries(name, called):
    host = ga.tensor([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 5.0]], dtype=ga.float64)
    out = FUNCTIONS[name](host.to(LAST))
    assert called and out.device == LAST
    np.testing.assert_allclose(out.cpu().numpy(), FUNCTIONS[name](host).numpy(), atol=1e-12)


@pytest.mark.skipif(not cuemu.EMULATED, reason="a GPU lacks nothing")
@pytest.mark.parametrize("name", [name for names in cuemu.LACKING.values() for name in names.split()])
def test_what_is_not_run_on_the_emulator_cannot_be(name):
    """Else it would be left out for nothing."""
    sample = min(samples.SAMPLES[name], key=samples.plainness)
    xs = samples.tensors(sample.arrays, str(LAST), sample.active)
    with pytest.raises(Exception, match=r"CUSOLVER_STATUS|CUBLAS_STATUS|CUFFT|was not declared in this scope"):
        ga.autograd.grad(samples.run(sample, xs, samples.OPERATIONS[name]).abs().sum(), [xs[i] for i in sample.active])


def test_random_numbers_ask_nothing_of_curand():
    """An emulated one gives whatever lies in memory; test_cupy_traps.py shows that CuPy is not asked."""
    assert type(BACKEND.generator(LAST, 0)) is RandomSource


# -- special functions -------------------------------------------------------------------------------------------------

SPECIAL = sorted(name.removeprefix("special.") for name in samples.SAMPLES if name.startswith("special."))
BY_SCIPY = set(
    "betaincc betainccinv btdtria btdtrib chdtriv dawsn ellipe erfi gdtria gdtrib gdtrix hyp0f1 hyp1f1 hyp2f1 iv ive "
    "jv kn kv kve lpmv ndtri_exp owens_t spence stdtr stdtrit yv".split()
)
"""What SciPy computes on the host: CuPy lacks them or, of lpmv, has a wrong one."""


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_are_cupys_where_it_has_them(name):
    import scipy.special

    function = getattr(BACKEND.special(LAST), name)
    own = getattr(cupyx.scipy.special, name, None)
    assert (function is own) is (name not in BY_SCIPY)
    theirs = inspect.unwrap(getattr(scipy.special, name))
    if isinstance(own, cupy.ufunc) and isinstance(theirs, np.ufunc):
        assert (own.nin, own.nout) == (theirs.nin, theirs.nout)
    elif own is not None and not isinstance(own, cupy.ufunc):
        assert list(inspect.signature(own).parameters) == list(inspect.signature(theirs).parameters)


def test_lpmv_of_cupys_is_wrong():
    """If it is not any more, the backend can use it."""
    degree, x = cupy.full((), 2.3), cupy.full((), -0.6)
    assert abs(float(cupyx.scipy.special.lpmv(cupy.full((), 0), degree, x)) - 0.352875197223609) > 0.01
