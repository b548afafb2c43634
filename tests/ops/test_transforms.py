"""Every operation under the transforms: ``vmap`` against a loop, forward mode against the record's own rule.

And of every derivative: ``vmap`` of the vjp against a loop, and the vjp of a dual number against the jvp of the vjp.
"""

import functools
import itertools

import numpy as np
import pytest
from gradarray_conformance.samples import (
    DIFFERENTIABLE,
    SAMPLES,
    TOLERANCE,
    about,
    host,
    noise,
    samples,
    seed_of,
    tensors,
)
from gradarray_conformance.samples import jvp as jvp_of_record

import gradarray as ga
from gradarray._primitive import TABLE
from gradarray.func import jvp, vjp, vmap
from gradarray.ops import _batching
from gradarray.testing import operations

from .devices import DEVICES

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")
on_each_device = pytest.mark.parametrize("device", DEVICES)
SCALES = (1.0, 1.0625, 0.9375)  # near enough for every domain
LOOPS = ("searchsorted",)
REFUSED = ("nonzero",)


def variants(x, i):
    """Three arrays of one shape, in the domain of ``x``."""
    if x.dtype.kind in "fc":
        return [np.asarray(x * s, dtype=x.dtype) for s in SCALES]
    if x.dtype.kind in "iu" and x.ndim:
        return [x, np.flip(x), np.roll(x, 1 + i)]
    return [x, x, x]


def batches(sample):
    """Which inputs carry a batch: each alone, and all."""
    arrays = [i for i, x in enumerate(sample.arrays) if isinstance(x, np.ndarray)]
    masks = [i for i in arrays if sample.name in ("index", "index_adjoint") and sample.arrays[i].dtype.kind == "b"]
    usual = [i for i in arrays if i not in masks]
    if masks:  # beside a mask nothing but what is indexed
        return [(0,)]
    return sorted({tuple(usual), *((i,) for i in usual)} - {()})


def rows_of(sample, which):
    """The arrays of each element of the batch."""
    made = {i: variants(sample.arrays[i], i) for i in which}
    return [[made[i][k] if i in which else x for i, x in enumerate(sample.arrays)] for k in range(3)]


def batch_of(sample, which, device):
    rows = rows_of(sample, which)
    return tensors([np.stack([row[i] for row in rows]) if i in which else x for i, x in enumerate(rows[0])], device)


def outputs(out):
    return out if isinstance(out, tuple) else (out,)


def same(found, wanted, sample):
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    if wanted.dtype.name not in TOLERANCE:
        np.testing.assert_array_equal(found, wanted)
        return
    exact = sample.round_off
    finite = np.abs(wanted[np.isfinite(wanted)])
    np.testing.assert_allclose(found, wanted, rtol=exact, atol=exact * (1 + np.max(finite, initial=0)))


def mapped(function, batch, which):
    return vmap(function, in_dims=tuple(0 if i in which else None for i in range(len(batch))))(*batch)


def test_every_operation_has_a_batching_rule():
    from gradarray._batched import KINDS

    assert [n for n, r in TABLE.items() if not callable(r.batch) and r.batch not in KINDS] == []
    assert [n for n, r in TABLE.items() if r.batch is _batching.searchsorted] == list(LOOPS)
    assert [n for n, r in TABLE.items() if r.batch is _batching.refused] == list(REFUSED)


@on_each_device
@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in REFUSED])
def test_vmap_is_a_loop(name, device):
    for sample in samples(name, device):
        for which in batches(sample):
            with about((sample, which)):
                call = lambda *xs, sample=sample: operations()[name](*xs, **sample.params)
                found = mapped(call, batch_of(sample, which, device), which)
                looped = [outputs(call(*tensors(row, device))) for row in rows_of(sample, which)]
                for x, parts in zip(outputs(found), zip(*looped, strict=True), strict=True):
                    assert x.device == ga.device(device)
                    same(host(x), np.stack([host(p) for p in parts]), sample)


@on_each_device
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_vmap_of_a_vjp_is_a_loop(name, device):
    for sample in samples(name, device):
        if not sample.active or sample.output.dtype.kind not in "fc":
            continue
        which = tuple(i for i in batches(sample)[-1])
        active = sample.active

        def pulled(*xs, sample=sample, active=active):
            def call(*moving):
                full = list(xs[: len(sample.arrays)])
                for i, x in zip(active, moving, strict=True):
                    full[i] = x
                out = operations()[name](*full, **sample.params)
                return tuple(o for o in outputs(out) if o.dtype.kind in "fc")

            return vjp(call, *(xs[i] for i in active))[1](xs[len(sample.arrays) :])

        with about((sample, which)):
            rows = rows_of(sample, which)
            outs = [x for x in outputs(sample.expected()) if np.asarray(x).dtype.kind in "fc"]
            us = [noise(np.stack([np.asarray(x)] * 3), seed_of(name) + k) for k, x in enumerate(outs)]
            n = len(sample.arrays)
            found = mapped(
                pulled,
                [*batch_of(sample, which, device), *tensors(us, device)],
                (*which, *range(n, n + len(us))),
            )
            looped = [pulled(*tensors([*row, *(np.asarray(u[k]) for u in us)], device)) for k, row in enumerate(rows)]
            for x, parts in zip(found, zip(*looped, strict=True), strict=True):
                same(host(x), np.stack([host(p) for p in parts]), sample)


@on_each_device
@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_forward_mode_is_the_rule_of_the_record_under_vmap_too(name, device):
    for sample in samples(name, device):
        if not sample.active or sample.output.dtype.kind not in "fc":
            continue
        active = sample.active
        vs = {i: sample.direction(i, seed_of(str(sample)) + i) for i in active}

        def call(*moving, xs, sample=sample, active=active):
            full = list(xs)
            for i, x in zip(active, moving, strict=True):
                full[i] = x
            out = outputs(operations()[name](*full, **sample.params))
            return ga.concat([ga.reshape(x, (-1,)) for x in out]) if len(out) > 1 else out[0]

        with about(sample):
            xs = tensors(sample.arrays, device)
            points, directions = [xs[i] for i in active], tensors([vs[i] for i in active], device)
            here = functools.partial(call, xs=xs)
            out, tangent = jvp(here, tuple(points), tuple(directions))
            same(host(out), host(here(*points)), sample)
            same(host(tangent), jvp_of_record(sample, vs, device), sample)
            along = lambda *ts, here=here, points=points: jvp(here, tuple(points), ts)[1]
            twice = vmap(along)(*(ga.stack([t, t * 2]) for t in directions))
            same(host(twice), np.stack([host(tangent), 2 * host(tangent)]), sample)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_forward_over_reverse_is_reverse_over_reverse(name):
    """The rules of vjp run on dual numbers: the jvp of a gradient, against the gradient of its product."""
    for sample in samples(name, "cpu"):
        if not sample.active or sample.output.dtype.kind != "f" or not sample.output.size:
            continue
        if any(np.asarray(sample.arrays[i]).dtype.kind != "f" for i in sample.active):
            continue
        active = sample.active
        vs = [ga.asarray(sample.direction(i, seed_of(name) + i)) for i in active]

        def gradient(*moving, sample=sample, active=active):
            def call(*xs):
                full = tensors(sample.arrays, "cpu")
                for i, x in zip(active, xs, strict=True):
                    full[i] = x
                out = outputs(operations()[name](*full, **sample.params))
                return tuple(x for x in out if x.dtype.kind == "f")

            outs, pull = vjp(call, *moving)
            seeds = [ga.asarray(noise(np.empty(x.shape, x.dtype), 3 + k)) for k, x in enumerate(outs[1:])]
            return pull((ga.ones_like(outs[0]), *seeds))

        with about(sample):
            points = tensors([sample.arrays[i] for i in active], "cpu")
            _, found = jvp(gradient, tuple(points), tuple(vs))
            # symmetric: ⟨v, H w⟩ = ⟨w, H v⟩
            ws = [ga.asarray(sample.direction(i, seed_of(name) + 50 + i)) for i in active]
            _, other = jvp(gradient, tuple(points), tuple(ws))
            one = sum(float(np.sum(host(w) * host(f))) for w, f in zip(ws, found, strict=True))
            two = sum(float(np.sum(host(v) * host(f))) for v, f in zip(vs, other, strict=True))
            _, pull = vjp(gradient, *points)
            back = pull(tuple(ws))
            three = sum(float(np.sum(host(v) * host(b))) for v, b in zip(vs, back, strict=True))
            scale = 1 + sum(float(np.sum(np.abs(host(w) * host(f)))) for w, f in zip(ws, found, strict=True))
            if np.isfinite(one):
                assert abs(one - three) <= 1e-9 * scale, (one, three)
            if np.isfinite(one) and sample.smooth:
                assert abs(one - two) <= 1e-9 * scale, (one, two)


def test_vmap_refuses_what_has_no_one_shape():
    with pytest.raises(RuntimeError, match="depends on values"):
        vmap(lambda x: ga.nonzero(x)[0])(ga.ones(2, 3))


def test_all_pairs_of_batched_inputs_of_matmul_agree_with_a_loop():
    for a, b in itertools.product(((3,), (2, 3), (4, 2, 3)), ((3,), (3, 2), (4, 3, 2))):
        x, y = ga.asarray(np.arange(5.0 * np.prod(a)).reshape(5, *a)), ga.asarray(np.ones((5, *b)))
        for dims in ((0, 0), (0, None), (None, 0)):
            given = [t if d == 0 else t[0] for t, d in zip((x, y), dims, strict=True)]
            loop = ga.stack([x[i if dims[0] == 0 else 0] @ y[i if dims[1] == 0 else 0] for i in range(5)])
            np.testing.assert_allclose(host(vmap(ga.matmul, in_dims=dims)(*given)), host(loop))
