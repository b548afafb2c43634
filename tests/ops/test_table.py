"""The table is complete, both ways: each operation has samples and a strategy, and each of these an operation."""

import numpy as np
import pytest
from gradarray_conformance.checks.test_special_values import SINGULAR
from gradarray_conformance.samples import DIFFERENTIABLE, DOMAINS, FORWARD, REAL, SAMPLES, roads, samples
from gradarray_conformance.samples_special import domains
from gradarray_conformance.strategies_calls import CALLS

import gradarray as ga
from gradarray._primitive import TABLE, elementwise, texts


def test_every_operation_has_samples_and_every_sample_names_an_operation():
    assert set(SAMPLES) == set(FORWARD) == set(TABLE)
    assert all(SAMPLES.values())


def test_every_differentiable_operation_is_drawn():
    assert set(CALLS) == set(DIFFERENTIABLE)


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


def test_every_singular_operation_is_listed():
    singular = {name for name, record in TABLE.items() if record.kind == "elementwise" and record.singular}
    assert singular == {name for name, _ in SINGULAR}


def test_an_operation_has_one_record():
    with pytest.raises(ValueError, match=r"'exp' is in the table already; each has one record"):
        elementwise("exp", 1)


@pytest.mark.parametrize("name", ["sqrt", "exp", "divide", "hypot", "linalg.vector_norm"])
def test_integers_become_the_default_floating_dtype_where_the_operation_needs_it(name):
    params = SAMPLES[name][0].params
    x = ga.asarray(np.arange(1, 4))
    out = roads(name)[0](*[x] * (TABLE[name].inputs or 1), **params)
    assert out.dtype is ga.float32
    assert x.dtype is ga.int64


@pytest.mark.parametrize("name", ["sin", "multiply", "exp"])
def test_a_rule_that_was_compiled_ahead_is_found_by_its_text(name, monkeypatch):
    known = texts(TABLE[name])
    heads = ("def vjp(node, g):\n", "def vjp(node, g, saved, xp):\n")
    assert all(text.startswith(heads) for text in known)  # to which the build gives a type
    ahead = {text: lambda scope, text=text: text for text in known}
    monkeypatch.setattr("gradarray._rules.MADE", ahead)
    rules = TABLE[name].rules.part((0,))  # anew: none of it is compiled yet
    assert {rules.raw, rules.taped, rules.strong.raw, rules.strong.taped} <= known
    assert rules.large not in known  # of large cotangents no rule is
