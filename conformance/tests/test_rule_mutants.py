"""The suite is shown to fail: derivative rules and the engine with one thing wrong each, and the check that says so.

Each check passes, then fails with the mutant in place, then passes again. docs/testing.md has the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from gradarray_conformance.checks import test_laws as laws
from gradarray_conformance.checks import test_masked as masked
from gradarray_conformance.checks import test_operations as operations
from gradarray_conformance.checks import test_programs as programs
from gradarray_conformance.checks import test_special_values as special
from gradarray_conformance.special_cases import REAL
from hypothesis import HealthCheck, Phase, settings

from .mutation import mutated

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
settings.register_profile(
    "mutants",
    max_examples=20,
    stateful_step_count=15,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate,),  # that it fails is enough
    suppress_health_check=list(HealthCheck),
)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


@dataclass(frozen=True)
class Mutant:
    """One thing wrong.

    Attributes
    ----------
    what : str
    file, old, new : str
        Where, and which text in place of which.
    check : callable
        What must fail.
    given : dict
        Its arguments, but for the device.
    shown : str
        These, for the table.
    """

    what: str
    file: str
    old: str
    new: str
    check: Callable[..., None]
    shown: str
    given: dict[str, Any] = field(default_factory=dict)

    @property
    def caught_by(self) -> str:
        """The check, as the table names it."""
        name = self.check.__name__
        return f"{name}[{self.shown}]" if self.shown else name


def rule(what: str, name: str, file: str, old: str, new: str, check: Callable[..., None]) -> Mutant:
    """A mutant that a check of the operation ``name`` catches."""
    return Mutant(what, f"ops/{file}.py", old, new, check, name, {"name": name})


def of_function(what: str, file: str, old: str, new: str, check: Callable[..., None], f: str) -> Mutant:
    """A mutant that a law catches, for one of its functions."""
    return Mutant(what, file, old, new, check, f, {"f": laws.FUNCTIONS[f]})


def of_view(what: str, file: str, old: str, new: str, check: Callable[..., None], view: str) -> Mutant:
    """A mutant that a law of views catches."""
    return Mutant(what, file, old, new, check, view, {"view": laws.VIEWS[view]})


ADJOINT = operations.test_vjp_is_the_adjoint_of_jvp
DIFFERENCES = operations.test_jvp_is_the_limit_of_differences
SECOND = operations.test_gradient_of_gradient_is_the_limit_of_differences
MUTANTS = [
    rule("the derivative of sin has the wrong sign", "sin", "elementwise",
         "xp.cos(x), accepts", "-xp.cos(x), accepts", DIFFERENCES),
    rule("the derivative of tanh forgets a square", "tanh", "elementwise",
         "lambda out: 1 - out * out, product", "lambda out: 1 - out, product", DIFFERENCES),
    Mutant("the product with the derivative of tanh forgets a square", "backends/numpy.py",
           "g * (_ONE[out.dtype] - square)", "g * (_ONE[out.dtype] - out)", ADJOINT, "tanh", {"name": "tanh"}),
    Mutant("what was not chosen gets 0 times the cotangent", "backends/numpy.py",
           "return relu_backward(g * p, p)", "return g * p",
           special.test_what_was_not_chosen_has_gradient_plus_zero_whatever_the_cotangent,
           "clamp", {"name": "clamp", "u": -1.5, "size": 2}),
    rule("the derivative of a quotient in its denominator has the wrong sign", "divide", "elementwise",
         "lambda x2, out: -out / x2", "lambda x2, out: out / x2", DIFFERENCES),
    rule("the derivative of log10 is that of log", "log10", "elementwise",
         "lambda x: math.log10(math.e) / x", "lambda x: 1.0 / x", DIFFERENCES),
    rule("the variance forgets a factor", "var", "statistical", "(2 / n if", "(1 / n if", DIFFERENCES),
    rule("the cotangent of abs is not turned, for complex numbers", "abs", "elementwise",
         "vjp=lambda xp, g, x: g * xp.sign(x)", "vjp=lambda xp, g, x: g * xp.conj(xp.sign(x))", ADJOINT),
    rule("the cotangent of cumulative_sum runs forwards", "cumulative_sum", "statistical",
         "xp.flip(xp.cumulative_sum(xp.flip(g, axis=axis), axis=axis), axis=axis)",
         "xp.cumulative_sum(g, axis=axis)", ADJOINT),
    rule("the cotangent of mean is not divided", "mean", "statistical",
         "g / (count(shape1, axis) or 1)", "g / max(1, 1)", ADJOINT),
    rule("the cotangent of permute_dims is permuted again", "permute_dims", "manipulation",
         "axes=inverse(axes))", "axes=axes)",
         ADJOINT),
    rule("the cotangent of roll rolls on", "roll", "manipulation", "shift=-shift if", "shift=shift if", ADJOINT),
    rule("the cotangents of concat begin one off", "concat", "manipulation",
         "slice(start, start + shape[axis])", "slice(start + 1, start + 1 + shape[axis])", ADJOINT),
    rule("the cotangent of a product of matrices is not transposed", "matmul", "linalg",
         "return xp.matmul_tn(x1, g)", "return xp.matmul(x1, g)", ADJOINT),
    rule("the cotangent of tril keeps the other triangle", "tril", "manipulation",
         "xp.tril(g, k=k)", "xp.triu(g, k=k)", ADJOINT),
    Mutant("derivatives are not conjugated, for complex numbers", "_primitive.py",
           "else xp.conj(value)", "else value", ADJOINT, "multiply", {"name": "multiply"}),
    Mutant("cotangents are not summed back to the shape that was broadcast", "_dispatch.py",
           "if g is not None and g.shape != shape:", "if g is not None and g.shape is None:",
           operations.test_a_gradient_is_of_its_inputs_shape_dtype_and_device_and_nothing_else_changes,
           "add", {"name": "add"}),
    Mutant("rules that record themselves take what was saved for constants", "_dispatch.py",
           "x._node = node if i == len(edges) else edges[i]", "pass",
           SECOND, "exp", {"name": "exp"}),
    rule("a product of rules has no derivative in its first factor", "log", "_helpers",
         "return xp.strong_multiply(g, x2)", "return xp.zeros_like(g)",
         operations.test_gradient_of_gradient_by_a_zero_cotangent_is_the_jvp),
    Mutant("ties get the whole gradient each", "ops/statistical.py",
           "return best / xp.sum(best, axis=axis, keepdims=True)", "return best",
           special.test_gradient_is_pytorchs, "max with ties",
           {"case": next(case for case in REAL if case.name == "max with ties")}),
    Mutant("zero times infinity is nan in rules", "backends/numpy.py",
           "if greatest != greatest else product", "if False else product",
           special.test_zero_cotangent_gives_zero_gradient, "sqrt at 0", {"name": "sqrt", "point": (0.0,)}),
    Mutant("the walk forgets that a mask chose", "_engine.py", "if type(gs) is Masked:", "if gs is None:",
           masked.test_what_is_not_taken_of_one_input_gets_zero, "sin", {"name": "sin"}),
    of_function("of several cotangents the last one counts", "_engine.py",
                "return self.add(total, g)", "return g",
                laws.test_the_gradient_of_a_sum_is_the_sum_of_gradients, "a chain"),
    of_function("the walk visits the oldest node first", "_engine.py", "age = -target.seq", "age = target.seq",
                laws.test_the_gradient_of_the_gradient_is_the_limit_of_differences, "a value used three times"),
    of_function("cotangents are added up in memory that is not the walk's", "_engine.py",
                "if key in owned:\n            return self.iadd", "if key:\n            return self.iadd",
                laws.test_gradients_are_the_callers_alone, "a value used three times"),
    of_function("of products that wait for one another the last is forgotten", "_deferred.py",
                "        self.cells += other.cells\n        self.gs += other.gs\n", "",
                laws.test_create_graph_gives_the_same_gradient_on_the_tape, "a weight of many steps"),
    of_function("sums that wait for one another are written into a cotangent", "_deferred.py",
                "        if self.mine:\n", "        if True:\n",
                laws.test_create_graph_gives_the_same_gradient_on_the_tape, "a weight of many steps"),
    of_function("the nodes of a recorded walk save in cells that no writer knows", "_dispatch.py",
                "        x._cell = cell\n", "        pass\n",
                laws.test_a_write_after_a_recorded_walk_leaves_the_second_derivative, "a chain"),
    of_function("a graph is never freed", "_engine.py", "if saved and not keep:", "if False:",
                laws.test_a_graph_that_is_retained_gives_the_same_again_and_then_is_freed, "a chain"),
    of_function("a graph is freed although it is retained", "_engine.py", "if saved and not keep:", "if saved:",
                laws.test_a_graph_that_is_retained_gives_the_same_again_and_then_is_freed, "a chain"),
    of_function("backward overwrites the gradient", "autograd/backward.py",
                "= meta.grad\n    if old is None:", "= meta.grad\n    if True:",
                laws.test_gradients_add_up_in_whatever_order, "a chain"),
    of_function("a gradient shares the memory of the cotangent", "autograd/backward.py",
                "alone = _refcount(raw) <= _ALONE and", "alone = True or",
                laws.test_gradients_are_the_callers_alone, "a shift"),
    of_function("a product is written into a cotangent that somebody holds", "backends/_thrift.py",
                "out = _memory(g, p) if spare else None", "out = _memory(g, p)",
                laws.test_memory_of_large_gradients_is_used_again_only_where_nobody_has_it, "a chain"),
    of_function("a product is written into a value that the graph keeps", "backends/_thrift.py",
                "if out is None and temporary else out)", "if out is None else out)",
                laws.test_memory_of_large_gradients_is_used_again_only_where_nobody_has_it, "a value used three times"),
    of_function("a sum is written into a cotangent that somebody holds", "_dispatch.py",
                "refcount(a) <= IN_SUM_FIRST, refcount(b) <= IN_SUM_SECOND", "True, True",
                laws.test_memory_of_large_gradients_is_used_again_only_where_nobody_has_it,
                "a value used three times"),
    of_function("what has a view is written to", "backends/_thrift.py",
                "_refcount(base) > _SOLE_BASE", "_refcount(base) > 1 << 30",
                laws.test_memory_of_large_gradients_is_used_again_only_where_nobody_has_it, "a value used three times"),
    of_function("create_graph records nothing", "autograd/backward.py",
                "outs))\n    token = grad_enabled.set(_records(outs, create_graph))",
                "outs))\n    taped = False\n    token = grad_enabled.set(_records(outs, False))",
                laws.test_create_graph_gives_the_same_gradient_on_the_tape, "a chain"),
    of_function("no_grad records, on the short road", "_dispatch.py",
                "if (node1 is None and node2 is None) or not grad_enabled():", "if node1 is None and node2 is None:",
                laws.test_no_grad_computes_the_same_and_records_nothing, "an input used directly and through others"),
    of_function("detach stays on the tape", "_dispatch.py",
                "level.detached(x._data), x._place, x._dtype)\n    make_alias",
                "level.detached(x._data), x._place, x._dtype, x._node)\n    make_alias",
                laws.test_detached_is_the_same_value_without_a_gradient, "a chain"),
    Mutant("a write reaches what nodes have saved", "_storage.py", "if _holders(cell) > _LEAST + owned:", "if False:",
           laws.test_in_place_is_as_out_of_place, "mul_ by itself",
           dict(zip(("in_place", "out_of_place"), laws.TWINS["mul_ by itself"], strict=True))),
    of_view("what was overwritten keeps its gradient", "_inplace.py",
            "kept = _zeroed(g, steps) if place.mutable else self._kept(node, g)", "kept = g",
            laws.test_a_write_through_a_view_is_a_write_to_its_base, "a row"),
    of_view("a write through a view is not on the tape of its base", "_inplace.py",
            "rewritten(root, _written(root, root, value, x._meta.path + steps))\n", "pass\n",
            laws.test_a_write_through_a_view_is_a_write_to_its_base, "a slice"),
    of_view("views are not known to be views", "_dispatch.py",
            "if view:\n", "if view and record.listed:\n",
            laws.test_a_write_through_a_view_is_a_write_to_its_base, "transposed"),
    Mutant("other views of a base that was written to keep their history", "_inplace.py",
           "rewritten(view, replay(root, meta.path)._node if meta.path else root._node)", "pass",
           programs.test_programs_give_what_forward_mode_gives, ""),
]  # fmt: skip


@pytest.fixture(autouse=True)
def drawn_alike() -> Iterator[None]:
    """The same is drawn each time."""
    before = settings.get_current_profile_name()
    settings.load_profile("mutants")
    yield
    settings.load_profile(before)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_is_caught(mutant: Mutant) -> None:
    mutant.check(**mutant.given, device="cpu")
    with mutated(mutant.file, mutant.old, mutant.new), pytest.raises((Exception, pytest.fail.Exception)):
        mutant.check(**mutant.given, device="cpu")
    mutant.check(**mutant.given, device="cpu")


def test_the_page_lists_them() -> None:
    rows = re.findall(r"^\| (.+?) \| `(.+?)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [(mutant.what, mutant.caught_by) for mutant in MUTANTS]


def test_a_program_that_fails_runs_as_it_is_printed() -> None:
    """It is short, fails with the mutant in place by itself, and is right without."""
    mutant = MUTANTS[-1]
    shrinking = settings(settings.get_profile("mutants"), phases=(Phase.generate, Phase.shrink))
    settings.register_profile("shrinking mutants", parent=shrinking)
    settings.load_profile("shrinking mutants")
    with mutated(mutant.file, mutant.old, mutant.new):
        with pytest.raises(Exception) as caught:
            mutant.check(device="cpu")
        (program,) = [note for note in caught.value.__notes__ if note.startswith("# program")]
        with pytest.raises(AssertionError):
            exec(program, {})
    exec(program, {})
    lines = program.removeprefix(f"# program\n{programs.PREAMBLE}").strip().splitlines()
    assert len(lines) <= 20, program  # eight on an idle machine: how far it is shrunk depends on the time there is
