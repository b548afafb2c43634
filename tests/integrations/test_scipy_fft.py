"""scipy.fft on tensors: the cosine and sine transforms in all their forms."""

import itertools

import numpy as np
import pytest
import scipy.fft

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(4)
X = R.standard_normal((5, 6))
Z = X + 1j * R.standard_normal((5, 6))
ONE, SEVERAL = ("dct", "idct", "dst", "idst"), ("dctn", "idctn", "dstn", "idstn")


def same(function, x, **options):
    expected, found = function(x, **options), function(ga.tensor(x), **options)
    assert isinstance(found, ga.Tensor)
    np.testing.assert_allclose(
        found.numpy(), expected, rtol=0, atol=2e-14 * np.abs(expected).max(), err_msg=str(options)
    )


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@pytest.mark.parametrize("name", ONE)
def test_values_of_every_combination(name, kind):
    norms, orthogonal = (None, "backward", "ortho", "forward"), (None, True, False)
    for x, norm, orthogonalize, n, axis in itertools.product((X, Z), norms, orthogonal, (None, 3, 9), (0, -1)):
        same(getattr(scipy.fft, name), x, type=kind, norm=norm, orthogonalize=orthogonalize, n=n, axis=axis)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@pytest.mark.parametrize("name", SEVERAL)
def test_values_of_several_axes(name, kind):
    x = R.standard_normal((3, 5, 6))
    shapes = [(None, None), ((4, 5), None), ((4, 7), (0, 2)), (None, (1,)), ((3, -1), (0, 1)), (4, 1)]
    for norm, orthogonalize, (s, axes) in itertools.product((None, "ortho", "forward"), (None, True, False), shapes):
        same(getattr(scipy.fft, name), x, type=kind, norm=norm, orthogonalize=orthogonalize, s=s, axes=axes)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
@pytest.mark.parametrize("name", [*ONE, *SEVERAL])
def test_gradients(name, kind):
    function = getattr(scipy.fft, name)
    agrees(lambda x: function(x, type=kind), X)
    agrees(lambda x: function(x, type=kind, norm="ortho"), Z)
    if name in ONE:
        agrees(lambda x: function(x, type=kind, norm="forward", n=4, axis=0), X)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn"])
def test_the_fourier_transforms_need_no_switch(name):
    x = Z if name in ("irfft", "irfftn", "hfft") else X
    agrees(lambda x: getattr(scipy.fft, name)(x, norm="ortho"), x)
    agrees(lambda x: getattr(scipy.fft, name)(x, overwrite_x=True, workers=1), x)


def test_dtypes():
    for dtype, expected in (("float32", ga.float32), ("complex64", ga.complex64), ("int32", ga.float64)):
        assert scipy.fft.dct(ga.ones(4, dtype=getattr(ga, dtype))).dtype is expected


def test_arrays_are_still_scipys():
    assert type(scipy.fft.dct(X)) is np.ndarray
    assert type(scipy.fft.fft(X)) is np.ndarray


def test_errors():
    x = ga.tensor(X)
    for options, match in (
        ({"type": 5}, "type must be 1, 2, 3 or 4"),
        ({"norm": "no"}, "Invalid norm"),
        ({"axis": 2}, "axis 2 is out of range"),
        ({"n": 0}, "invalid number of data points"),
        ({"n": 1, "type": 1}, "invalid number of data points"),
    ):
        with pytest.raises(ValueError, match=match):
            scipy.fft.dct(x, **options)
    with pytest.raises(ValueError, match="axes must be unique"):
        scipy.fft.dctn(x, axes=(0, 0))
    with pytest.raises(ValueError, match="same length"):
        scipy.fft.dctn(x, s=(1,), axes=(0, 1))
