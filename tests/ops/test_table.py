"""The table is complete, both ways, and every forward computes what NumPy computes, on every device."""

import numpy as np
import pytest

import gradarray as ga
from gradarray._primitive import TABLE, elementwise

from . import samples_linalg
from .samples import (
    DEVICES,
    DIFFERENTIABLE,
    DOMAINS,
    FORWARD,
    REAL,
    SAMPLES,
    TOLERANCE,
    about,
    host,
    roads,
    samples,
    shape_of,
    tensors,
)
from .samples_special import domains


def test_every_operation_has_samples_and_every_sample_names_an_operation():
    assert set(SAMPLES) == set(FORWARD) == set(TABLE)
    assert all(SAMPLES.values())


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_differentiable_operation_is_tried_on_matrices_nothing_and_complex_numbers(name):
    arrays = [x for sample in samples(name) for x in sample.arrays if isinstance(x, np.ndarray)]
    assert any(x.ndim == 2 for x in arrays)
    assert any(x.size == 0 for x in arrays)
    assert any(x.dtype.kind == "c" for x in arrays) == (name not in REAL)


def test_every_elementwise_operation_is_tried_on_scalars():
    for name in SAMPLES:
        if TABLE[name].kind == "elementwise":
            assert any(np.ndim(x) == 0 for sample in SAMPLES[name] for x in sample.arrays), name


def test_records_are_whole():
    for name, record in TABLE.items():
        assert record.name == name
        assert record.kind != "elementwise" or set(domains(name)) <= set(DOMAINS), name
        assert (record.rules is None) == (record.jvp is None) == (record.kind == "nondiff"), name


def test_an_operation_has_one_record():
    with pytest.raises(ValueError, match=r"'exp' is in the table already; each has one record"):
        elementwise("exp", 1)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", SAMPLES)
def test_forward(name, device):
    for sample in samples(name, device):
        expected = sample.expected()
        for road in roads(name):
            with about(sample):
                out = road(*tensors(sample.arrays, device), **sample.params)
                found = out if isinstance(out, tuple) else (out,)
                wanted = [np.asarray(want) for want in (expected if isinstance(expected, tuple) else (expected,))]
                for x, want in zip(found, wanted, strict=True):
                    assert type(x) is ga.Tensor and x.device == ga.device(device) and not x.requires_grad
                    assert (host(x).dtype, shape_of(x)) == (want.dtype, want.shape)
                pairs = zip(*(samples_linalg.as_determined(name, tuple(y)) for y in (map(host, found), wanted)))
                for value, want in pairs:
                    tolerance = TOLERANCE.get(want.dtype.name)
                    if tolerance is None:
                        np.testing.assert_array_equal(value, want)
                    else:
                        np.testing.assert_allclose(value, want, rtol=tolerance.exact, atol=tolerance.exact)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", [name for name in SAMPLES if TABLE[name].rules is None])
def test_without_a_derivative_nothing_requires_a_gradient(name, device):
    for sample in samples(name, device):
        with about(sample):
            out = roads(name)[0](*tensors(sample.arrays, device, sample.active), **sample.params)
            assert not any(x.requires_grad for x in (out if isinstance(out, tuple) else (out,)))


@pytest.mark.parametrize("name", ["sqrt", "exp", "divide", "hypot", "linalg.vector_norm"])
def test_integers_become_the_default_floating_dtype_where_the_operation_needs_it(name):
    params = SAMPLES[name][0].params
    x = ga.asarray(np.arange(1, 4))
    out = roads(name)[0](*[x] * (TABLE[name].inputs or 1), **params)
    assert out.dtype is ga.float32
    assert x.dtype is ga.int64
