"""What looks on, and what is saved, on every device: the strict one here, and what GRADARRAY_TEST_DEVICES names."""

import os

import numpy as np
import pytest

import gradarray as ga
from gradarray.autograd import checkpoint, detect_anomaly, grad, graph, mermaid, profiler, report_dropped

DEVICES = [d for d in ("cpu", "strict:device1", *os.environ.get("GRADARRAY_TEST_DEVICES", "").split(",")) if d]


@pytest.fixture(params=DEVICES)
def leaf(request):
    if request.param.startswith("strict"):
        pytest.importorskip("gradarray_strict", reason="the plugin gradarray-strict is not installed")
    return lambda *values: ga.tensor(values, device=request.param, requires_grad=True)


def host(x):
    return x.detach().cpu().numpy()


def part(x):
    y = (x * x).sin().exp()
    z = y * 2
    y.mul_(3)
    return (z * y).sum()


def test_checkpoints(leaf):
    x = leaf(0.1, 0.2, 0.3)
    (first,) = grad(part(x), x, create_graph=True)
    (second,) = grad(first.sum(), x)
    (g,) = grad(checkpoint(lambda x: checkpoint(part, x), x), x, create_graph=True)
    (h,) = grad(g.sum(), x)
    np.testing.assert_allclose(host(g), host(first), rtol=1e-6)
    np.testing.assert_allclose(host(h), host(second), rtol=1e-6)


def test_hooks_on_saved_values(leaf):
    x = leaf(0.1, 0.2, 0.3)
    (expected,) = grad(part(x), x)
    with graph.save_on_cpu():
        on_cpu = part(x)
    with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        cloned = part(x)
    for loss in (on_cpu, cloned):
        (g,) = grad(loss, x)
        assert g.device == x.device
        np.testing.assert_allclose(host(g), host(expected), rtol=1e-6)


def test_what_a_hook_returns_lies_where_the_gradient_does(leaf):
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g.cpu())
    if x.device == ga.device("cpu"):
        x.sum().backward()
        return
    with pytest.raises(RuntimeError, match="a hook must return"):
        x.sum().backward()
    assert x.grad is None


def test_hooks_on_nodes_and_tensors(leaf):
    x = leaf(1.0, 2.0)
    y = x * 3
    seen = []
    y.register_hook(lambda g: g * 10)
    y.grad_fn.register_prehook(lambda gs: seen.append((gs[0].device, host(gs[0]).tolist())) or (gs[0] + 1,))
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 2, None))
    x.register_post_accumulate_grad_hook(lambda x: seen.append(host(x.grad).tolist()))
    y.retain_grad()
    y.sum().backward()
    assert seen == [(x.device, [10.0, 10.0]), [66.0, 66.0]]
    assert host(y.grad).tolist() == [11.0, 11.0]


def test_inference_mode(leaf):
    x = leaf(1.0, 2.0)
    with ga.inference_mode():
        y = x * 2
        y.add_(1)
    assert y.is_inference() and host(y).tolist() == [3.0, 5.0]
    with pytest.raises(RuntimeError, match="cannot be saved for backward"):
        y * x
    with pytest.raises(RuntimeError, match="Inplace update"):
        y.add_(1)


def test_anomalies(leaf):
    with np.errstate(all="ignore"), detect_anomaly():
        x = leaf(0.0, 1.0)
        y = (x * 2).sin() / x  # here
        with pytest.raises(RuntimeError, match="returned nan values") as error:
            y.sum().backward()
    assert any("# here" in note for note in error.value.__notes__)


def test_the_profiler_and_pictures(leaf):
    x = leaf(1.0, 2.0)
    with profiler.profile() as prof:
        y = (x.exp() * x).sum()
        y.backward(retain_graph=True)
    assert {row.name for row in prof.rows() if not row.backward} >= {"exp", "multiply", "sum"}
    assert {event.device for event in prof.events} == {str(x.device)}
    assert all(row.nbytes > 0 for row in prof.rows())
    assert "Exp<br/>[2] float32<br/>keeps 8 B" in str(mermaid(y))


def test_what_left_the_tape(leaf):
    x = leaf(3.0)
    with report_dropped() as report:
        float(x)
        x.detach().item()
    assert [drop.how for drop in report.drops] == ["float()", "detach().item()"]
