"""Anomaly mode, the profiler, and the report of what left the tape."""

import json
import sys
import traceback
import warnings

import numpy as np
import pytest

import gradarray as ga
from gradarray.autograd import detect_anomaly, grad, profiler, report_dropped, set_detect_anomaly

HERE = __file__


@pytest.fixture(autouse=True)
def quiet():
    with np.errstate(all="ignore"):
        yield


@pytest.fixture(autouse=True)
def nobody_looks_on_afterwards():
    yield
    assert ga.ones(1)._kind.short


def text_of(error):
    return "".join(traceback.format_exception(error.value))


# -- anomaly mode ------------------------------------------------------------------------------------------------------


def divide(x):
    return x.sin() / x.abs()  # the line that makes nan


def test_the_line_that_made_nan_is_named():
    with detect_anomaly():
        x = ga.tensor([0.0, 1.0], requires_grad=True)
        y = divide(x).sum()
        with pytest.raises(
            RuntimeError, match="Function 'DivBackward0' returned nan values in its 1th output"
        ) as error:
            y.backward()
    text = text_of(error)
    assert "DivBackward0 was made in the forward pass here:" in text
    assert "return x.sin() / x.abs()  # the line that makes nan" in text
    assert f'File "{HERE}"' in text and "in divide" in text
    assert "gradarray/_dispatch.py" not in "".join(error.value.__notes__)
    assert "The first nan of the forward pass came out of divide" in text
    assert x.grad is None


def test_a_nan_that_only_the_walk_makes():
    with detect_anomaly():
        x = ga.tensor([0.0], requires_grad=True)
        y = ga.where(x > 1, x, x * 1).rsqrt()
        z = y * ga.zeros(1)
        with pytest.raises(RuntimeError, match="nan values"):
            ga.concat([z, y]).sum().backward(ga.tensor(float("nan")))


def test_errors_of_other_kinds_are_explained():
    class Failed(Exception):
        pass

    def hook(inputs, outputs):
        raise Failed("here")

    with detect_anomaly(check_nan=False):
        x = ga.tensor([0.0], requires_grad=True)
        y = divide(x)
        y.grad_fn.register_hook(hook)
        with pytest.raises(Failed) as error:
            y.backward()
    assert "return x.sin() / x.abs()" in text_of(error)


def test_without_check_nan_nan_passes():
    with detect_anomaly(check_nan=False):
        assert ga.autograd.is_anomaly_enabled() and not ga.autograd.is_anomaly_check_nan_enabled()
        x = ga.tensor([0.0], requires_grad=True)
        divide(x).backward()
    assert np.isnan(x.grad.item())
    assert not ga.autograd.is_anomaly_enabled()


def test_a_node_from_outside_says_so():
    x = ga.tensor([0.0], requires_grad=True)
    y = divide(x)
    with detect_anomaly(), pytest.raises(RuntimeError) as error:
        y.backward()
    assert "outside of anomaly mode" in text_of(error)


def test_nan_in_a_recorded_walk_names_both_lines():
    with detect_anomaly():
        x = ga.tensor([1.0], requires_grad=True)
        y = x.sin()  # the forward pass
        (g,) = grad(y, x, create_graph=True)
        with pytest.raises(RuntimeError) as error:
            g.backward(ga.tensor([float("nan")]))
    text = text_of(error)
    assert "# the forward pass" in text and "create_graph=True" in text
    assert "which was the walk through what was made in the forward pass here:" in text


def test_anomaly_mode_can_be_set():
    mode = set_detect_anomaly(True)
    try:
        assert ga.autograd.is_anomaly_enabled() and ga.autograd.is_anomaly_check_nan_enabled()
        with set_detect_anomaly(True, check_nan=False):
            assert not ga.autograd.is_anomaly_check_nan_enabled()
        assert ga.autograd.is_anomaly_check_nan_enabled()
    finally:
        set_detect_anomaly(False)
    assert not ga.autograd.is_anomaly_enabled()
    del mode


# -- the profiler ------------------------------------------------------------------------------------------------------


def step(x, w):
    return ((x @ w).tanh() ** 2).mean()


def test_the_profiler_sees_time_and_bytes_both_ways():
    x, w = ga.ones(8, 4), ga.ones(4, 3, requires_grad=True)
    with profiler.profile() as prof:
        for _ in range(5):
            step(x, w).backward()
    rows = {(row.name, row.backward): row for row in prof.rows()}
    assert rows["matmul", False].calls == rows["MmBackward0", True].calls == 5
    assert rows["matmul", False].nbytes == 5 * 8 * 3 * 4
    assert rows["MmBackward0", True].nbytes == 5 * 4 * 3 * 4
    assert rows["tanh", False].saved == 5 * 8 * 3 * 4
    assert rows["matmul", False].saved == 8 * 4 * 4  # the same x each time
    assert all(event.seconds >= 0 and event.start >= 0 for event in prof.events)
    assert sum(row.seconds for row in rows.values()) == pytest.approx(sum(e.seconds for e in prof.events))


def test_the_profiler_sees_what_is_not_recorded_and_nothing_outside():
    x = ga.ones(3)
    y = ga.ones(3, dtype=ga.int64)
    with profiler.profile() as prof, ga.no_grad():
        x + 1
        _ = x < x, y == y
        x.add_(1)
    x * 3
    assert [row.name for row in prof.rows()] == ["add", "less", "equal", "overwrite"] or [
        row.name for row in prof.rows()
    ] == ["add", "less", "equal"]
    assert not any(row.backward for row in prof.rows())
    with profiler.profile(enabled=False) as off:
        x * 3
    assert off.events == []
    with prof, pytest.raises(RuntimeError, match="entered already"), prof:
        pass


def test_the_table_and_the_trace(tmp_path):
    x, w = ga.ones(8, 4), ga.ones(4, 3, requires_grad=True)
    with profiler.profile(record_lines=True) as prof:
        step(x, w).backward()
    lines = prof.table(sort_by="name").splitlines()
    assert lines[0].split() == ["operation", "pass", "calls", "total", "share", "each", "bytes", "saved"]
    assert next(line for line in lines if line.startswith("matmul")).split()[:3] == ["matmul", "forward", "1"]
    assert lines[-1].startswith("forward ") and ", backward " in lines[-1]
    assert str(prof).splitlines()[-1] == lines[-1]
    assert f"{HERE}:{step.__code__.co_firstlineno + 1}" in prof.table(group_by="line")
    assert "and 3 more" in prof.table(row_limit=len(prof.rows()) - 3)
    with pytest.raises(ValueError, match="sort_by"):
        prof.table(sort_by="colour")
    with pytest.raises(ValueError, match="group_by"):
        prof.rows(group_by="colour")
    prof.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert len(events) == len(prof.events)
    assert {e["ph"] for e in events} == {"X"} and {e["cat"] for e in events} == {"forward", "backward"}
    matmul = next(e for e in events if e["name"] == "matmul")
    assert matmul["args"]["bytes"] == 8 * 3 * 4 and matmul["dur"] > 0
    backward = next(e for e in events if e["name"] == "MmBackward0")
    assert backward["args"]["line"].endswith(f":{step.__code__.co_firstlineno + 1}")


def test_a_region_has_a_name_of_its_own(tmp_path):
    with profiler.profile() as prof:
        with profiler.record_function("the step"):
            ga.ones(3) + 1
        ga.ones(3) * 2
    (region,) = [event for event in prof.events if event.region]
    (added,) = [event for event in prof.events if event.name == "add"]
    assert region.name == "the step" and region.start <= added.start
    assert region.start + region.seconds >= added.start + added.seconds
    assert {row.name for row in prof.rows()} == {"add", "multiply"}
    prof.export_chrome_trace(tmp_path / "trace.json")
    assert '"cat": "region"' in (tmp_path / "trace.json").read_text()
    with profiler.record_function("nobody looks on"):
        pass


# -- what left the tape ------------------------------------------------------------------------------------------------


def test_what_becomes_a_number_is_reported_with_its_line():
    x = ga.tensor([3.0, 4.0], requires_grad=True)
    with report_dropped() as report:
        first = sys._getframe().f_lineno + 1
        float(x.sum())
        for _ in range(3):
            bool(x[0])
        x.sum().item()
        int(x[1])
        complex(x[1])
        x.tolist()
        x.numpy(force=True)
    found = [(drop.how, drop.line - first, drop.count, drop.shape) for drop in report.drops]
    assert found == [
        ("float()", 0, 1, ()),
        ("bool()", 2, 3, ()),
        ("item()", 3, 1, ()),
        ("int()", 4, 1, ()),
        ("complex()", 5, 1, ()),
        ("tolist()", 6, 1, (2,)),
        ("numpy(force=True)", 7, 1, (2,)),
    ]
    assert {drop.file for drop in report.drops} == {HERE}
    assert report.drops[0].source == "float(x.sum())" and report.drops[0].made_by == "SumBackward0"
    text = str(report)
    assert text.startswith("9 times a tensor on the tape became a number or an array:")
    assert f"3 x bool() of a tensor of shape [] made by SelectBackward0\n      {HERE}:{first + 2} in " in text


def test_what_was_detached_before_is_reported_as_such():
    x = ga.tensor([3.0, 4.0], requires_grad=True)
    plain = ga.tensor([1.0])

    def use():
        y = x * 2
        y.detach().numpy()
        np.asarray(y.data)
        y.detach()[0].item()
        plain.item(), plain.detach().numpy()

    with report_dropped() as report:
        use()
    assert [drop.how for drop in report.drops] == [
        "detach().numpy()", "detach().__array__()", "detach().item()",
    ]  # fmt: skip
    with report_dropped(detached=False) as report:
        use()
    assert report.drops == []
    assert str(report) == "No tensor on the tape became a number or an array."


def test_what_is_meant_so_or_only_printed_is_not_reported():
    x = ga.tensor([3.0], requires_grad=True)
    with report_dropped() as report:
        with ga.no_grad():
            float(x)
        f"{x.sum():.2f} {x}"
        repr(x)
        bool((x > 1).all())
        len(x), x.shape, list(x)
    float(x)
    assert report.drops == []


def test_a_library_is_named_with_the_line_that_called_it():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    sklearn = pytest.importorskip("sklearn")
    x = ga.tensor([3.0, 4.0], requires_grad=True)
    with report_dropped() as report, sklearn.config_context(array_api_dispatch=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line = sys._getframe().f_lineno + 1
        metrics.mean_squared_error(ga.tensor([3.5, 3.5]), x)
    drop = next(drop for drop in report.drops if drop.how == "float()")
    assert "sklearn" in drop.file and drop.caller == f"{HERE}:{line}"
    assert f"called from {HERE}:{line}" in str(report)
