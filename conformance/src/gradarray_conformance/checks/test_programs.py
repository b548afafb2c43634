"""Whole programs that hypothesis makes up: creation, operations, views, writes, transfers, backward, in any order.

Each line runs in gradarray and in ``gradarray_conformance.reference``, which knows no tape. After each line every
tensor must have its twin's value, shape, device and ``requires_grad``; each backward its twin's gradients, and now and
then their derivatives. A program that fails is made as short as can be, and stands in the notes of the exception, from
``# program`` to ``# end``: it runs as it stands there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

import gradarray as ga
from gradarray import backends
from gradarray_conformance.profiles import one_more
from gradarray_conformance.reference import WIDTH, Namespace, Twin, Unsafe, direction

PREAMBLE = '''\
import gradarray as ga
import numpy as np


def host(x):
    return x.detach().cpu().numpy()


def second(y, seed, leaves, directions):
    """The gradients of the gradients of y, multiplied by directions."""
    gs = ga.autograd.grad(y, leaves, seed, create_graph=True, materialize_grads=True)
    used = [(g, d) for g, d in zip(gs, directions) if g.requires_grad]
    if not used:
        return [ga.zeros_like(x) for x in leaves]
    gs, ds = zip(*used)
    return ga.autograd.grad(gs, leaves, ds, retain_graph=True, materialize_grads=True)

'''
SHAPES = ((), (1,), (3,), (2, 3), (3, 2), (2, 2), (1, 3), (2, 1, 2), (0,), (2, 0))
UNARY = (
    "ga.sin({})", "{}.sum()", "ga.square({})", "ga.tanh({})", "-{}", "{} * 0.5", "1.5 - {}", "{}.clone()",
    "ga.exp({})", "ga.sigmoid({})", "ga.abs({})", "ga.relu({})", "ga.where({0} > 0.0, {0}, 0.5)",
)  # fmt: skip
BINARY = ("{} + {}", "{} * {}", "{} - {}", "{} / {}", "ga.maximum({}, {})", "ga.where({0} > 0.0, {0}, {1})")
ONE_IN_PLACE = ("{}.sin_()", "{}.tanh_()", "{}.mul_(0.5)", "{}.zero_()", "{} *= -1.0", "{}[{} > 0.0] = 0.25")
TWO_IN_PLACE = ("{}.add_({})", "{}.mul_({})", "{} += {}", "{}.copy_({})", "{}[...] = {}")
KINDS = (
    *("of_one", "of_two", "matrices", "reduced", "joined", "of_two", "create", "leave_the_tape", "transfer", "forget"),
    *("look",) * 4, *("write",) * 5, "backward", "gradients",
)  # fmt: skip
NUMBERS = st.sampled_from((0.5, 1.0, -1.5, 0.75, -0.25, 2.0, 1.25))


class Program(RuleBasedStateMachine):
    """The lines so far, and what they made in either world."""

    device = "cpu"
    dtype, tolerance = "float64", 1e-9

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.model = Namespace()
        self.twins: dict[str, Twin] = {}
        self.mine: dict[str, Any] = {}
        self.names = map("x{}".format, itertools.count())
        self.failed = False
        exec(PREAMBLE, self.mine)
        here = backends.resolve(self.device)
        siblings = [str(d) for d in backends.require(here.backend).devices()[:2]]
        self.devices = list(dict.fromkeys((self.device, *siblings, "cpu")))

    # -- running

    @property
    def text(self) -> str:
        """The program."""
        return PREAMBLE + "\n" + "\n".join(self.lines)

    @contextmanager
    def reported(self, last: Callable[[], str] = str) -> Iterator[None]:
        """Put the program into the notes of what fails; ``last`` gives the line that shows it."""
        try:
            yield
        except Exception as error:
            self.failed = True
            if not any(note.startswith("# program") for note in getattr(error, "__notes__", ())):
                error.add_note(f"# program\n{self.text}\n{last()}".rstrip() + "\n# end")
            raise

    def run(self, line: str, made: str | None = None) -> bool:
        """Run a line in both worlds, ``made`` being the name it binds; False where the model leaves it out."""
        space: dict[str, Any] = {"ga": self.model, **self.twins}
        try:
            exec(line, space)
        except Unsafe:
            return False
        if made is not None:
            self.twins[made] = space[made]
        self.lines.append(line)
        with self.reported():
            exec(line, self.mine)
        return True

    def make(self, expression: str) -> None:
        """A line that gives a value a new name."""
        name = next(self.names)
        self.run(f"{name} = {expression}", name)

    def expect(self, expression: str, want: Any) -> None:
        """Compare what an expression of gradarray's world gives."""
        shown = np.asarray(want).tolist()
        line = f"np.testing.assert_allclose({expression}, {shown}, rtol={self.tolerance}, atol={self.tolerance})"
        with self.reported(lambda: line):
            found = eval(expression, self.mine)
            np.testing.assert_allclose(found, want, rtol=self.tolerance, atol=self.tolerance)

    @invariant()
    def every_tensor_is_as_its_twin(self) -> None:
        for name, twin in self.twins.items():
            x = self.mine[name]
            self.expect(f"host({name})", twin.v)
            with self.reported(
                lambda name=name, twin=twin: (  # type: ignore[misc]
                    f"assert {name}.requires_grad is {twin.root.tracked} and str({name}.device) == {twin.device!r}"
                )
            ):
                assert (x.requires_grad, str(x.device), tuple(x.shape)) == (twin.root.tracked, twin.device, twin.shape)

    # -- choosing

    def some(self, data: st.DataObject, suits: Callable[[Twin], bool] = lambda x: True) -> str | None:
        """The name of a tensor that suits, if there is one."""
        found = [name for name, twin in self.twins.items() if suits(twin)]
        return data.draw(st.sampled_from(found)) if found else None

    def partner(self, data: st.DataObject, x: Twin, shape: tuple[int, ...] | None = None) -> str | None:
        """A tensor that broadcasts with ``x`` or, with ``shape``, to that, on its device or 0-d on the CPU."""

        def suits(y: Twin) -> bool:
            if y.device != x.device and (y.shape or y.device != "cpu"):
                return False
            try:
                whole = np.broadcast_shapes(x.shape if shape is None else shape, y.shape)
            except ValueError:
                return False
            return shape is None or whole == shape

        return self.some(data, suits)

    def key(self, data: st.DataObject, shape: tuple[int, ...]) -> str:
        """Integers, slices with steps, new axes."""
        parts = []
        for n in shape:
            choices = [":", "1:", ":-1", "::2", "::-1"] + (["0", "-1"] if n else [])
            parts.append(data.draw(st.sampled_from(choices)))
        if data.draw(st.booleans()):
            parts = parts[: data.draw(st.integers(0, len(parts)))]
        return ", ".join(parts) or "..."

    # -- lines

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """A leaf, and what is made of it and may be written to."""
        self.create(data, requires_grad=True)
        self.make("x0 * 0.5")

    @rule(kind=st.sampled_from(KINDS), data=st.data())
    def go_on(self, kind: str, data: st.DataObject) -> None:
        """One more line. It is one rule, since hypothesis switches most of several off in most programs."""
        getattr(self, kind)(data)

    def create(self, data: st.DataObject, requires_grad: bool | None = None) -> None:
        shape = data.draw(st.sampled_from(SHAPES))
        size = int(np.prod(shape))
        wanted = data.draw(st.booleans()) if requires_grad is None else requires_grad
        tracked = wanted and self.model.used + size <= WIDTH
        values = np.array(data.draw(st.lists(NUMBERS, min_size=size, max_size=size))).reshape(shape).tolist()
        where = data.draw(st.sampled_from(self.devices))
        if 0 in shape:
            values = np.zeros(shape).tolist()
        self.make(f"ga.tensor({values}, dtype=ga.{self.dtype}, device={where!r}, requires_grad={tracked})")

    def of_one(self, data: st.DataObject) -> None:
        self.make(data.draw(st.sampled_from(UNARY)).format(self.some(data)))

    def of_two(self, data: st.DataObject) -> None:
        x = self.some(data)
        y = self.partner(data, self.twins[str(x)])
        self.make(data.draw(st.sampled_from(BINARY)).format(x, y))

    def matrices(self, data: st.DataObject) -> None:
        x = self.some(data, lambda x: len(x.shape) == 2)
        if x is None:
            return
        inner, where = self.twins[x].shape[1], self.twins[x].device
        y = self.some(data, lambda y: len(y.shape) == 2 and y.shape[0] == inner and y.device == where)
        if y is not None:
            self.make(f"{x} @ {y}")

    def reduced(self, data: st.DataObject) -> None:
        x = self.some(data, lambda x: x.v.size > 0 and len(x.shape) > 0)
        if x is not None:
            axis, keep = data.draw(st.integers(0, len(self.twins[x].shape) - 1)), data.draw(st.booleans())
            forms = (
                f"{x}.sum(dim={axis}, keepdim={keep})", f"ga.mean({x}, axis={axis}, keepdims={keep})",
                f"ga.cumulative_sum({x}, axis={axis})", f"ga.flip({x}, axis={axis})",
            )  # fmt: skip
            self.make(data.draw(st.sampled_from(forms)))

    def joined(self, data: st.DataObject) -> None:
        x = self.some(data, lambda x: len(x.shape) > 0)
        if x is not None:
            twin = self.twins[x]
            y = self.some(data, lambda y: (y.shape, y.device) == (twin.shape, twin.device))
            join = data.draw(st.sampled_from(("concat", "stack")))
            self.make(f"ga.{join}([{x}, {y}], axis={data.draw(st.integers(0, len(twin.shape) - 1))})")

    def look(self, data: st.DataObject) -> None:
        """A view."""
        x = str(self.some(data))
        twin = self.twins[x]
        n, size = len(twin.shape), twin.v.size
        forms = [f"{x}[{self.key(data, twin.shape)}]", f"{x}[None]", f"ga.expand_dims({x}, axis={n})"]
        forms.append(f"ga.permute_dims({x}, {tuple(data.draw(st.permutations(range(n))))})")
        forms.append(f"ga.broadcast_to({x}, {(2, *twin.shape)})")
        if n and twin.shape[0] == 1:
            forms.append(f"ga.squeeze({x}, 0)")
        if size:
            forms.append(f"ga.reshape({x}, ({size},){'' if twin.dense else ', copy=True'})")
        if n and size:
            at = data.draw(st.lists(st.integers(0, twin.shape[0] - 1), min_size=1, max_size=3))
            forms.append(f"{x}[ga.asarray({at}, device={twin.device!r})]")
        self.make(data.draw(st.sampled_from(forms)))

    def write(self, data: st.DataObject) -> None:
        x = self.some(data, lambda x: bool(x.v.flags.writeable))
        if x is not None:
            how = data.draw(st.sampled_from((self.by_itself, self.by_another, self.a_part)))
            how(data, x)

    def by_itself(self, data: st.DataObject, x: str) -> None:
        self.written(data.draw(st.sampled_from(ONE_IN_PLACE)).format(x, x), x)

    def by_another(self, data: st.DataObject, x: str) -> None:
        y = self.partner(data, self.twins[x], self.twins[x].shape)
        if y is not None:
            self.written(data.draw(st.sampled_from(TWO_IN_PLACE)).format(x, y), x)

    def a_part(self, data: st.DataObject, x: str) -> None:
        twin = self.twins[x]
        key = self.key(data, twin.shape)
        shape = eval(f"v[{key}]", {"v": twin.v}).shape
        y = self.partner(data, twin, shape) if data.draw(st.booleans()) else None
        self.written(f"{x}[{key}] = {0.5 if y is None else y}", x)

    def written(self, line: str, x: str) -> None:
        """A line that writes to ``x``: in no_grad mode where ``x`` is a leaf, after it was refused outside of it."""
        if not self.twins[x].root.leaf:
            self.run(line)
            return
        refusal = f"try:\n    {line}\nexcept RuntimeError:\n    pass\nelse:\n    raise AssertionError('not refused')"
        self.lines.append(refusal)
        with self.reported():
            exec(refusal, self.mine)
        self.run(f"with ga.no_grad(): {line}")

    def leave_the_tape(self, data: st.DataObject) -> None:
        form = data.draw(st.sampled_from(("{} * 2.0", "ga.sin({})", "{}.clone()", "{}.detach()")))
        name = next(self.names)
        mode = "" if form.endswith("detach()") else "with ga.no_grad(): "
        self.run(f"{mode}{name} = {form.format(self.some(data))}", name)

    def transfer(self, data: st.DataObject) -> None:
        self.make(f"{self.some(data)}.to({data.draw(st.sampled_from(self.devices))!r})")

    def forget(self, data: st.DataObject) -> None:
        x = self.some(data, lambda x: not x.root.leaf)
        if x is not None:
            self.drop([x])

    def drop(self, names: list[str]) -> None:
        if names:
            for name in names:
                del self.twins[name]
            self.lines.append(f"del {', '.join(names)}")
            exec(self.lines[-1], self.mine)

    # -- derivatives

    @property
    def leaves(self) -> dict[str, Twin]:
        """By one of its names: ``x.to(device)`` is ``x`` itself where it lies there."""
        return {name: leaf for leaf, name in {x: name for name, x in self.twins.items() if x.slots is not None}.items()}

    def seeded(self, data: st.DataObject) -> tuple[str, np.ndarray[Any, Any], str] | None:
        """A tensor on the tape, a cotangent, and the cotangent as text."""
        y = self.some(data, lambda y: y.root.tracked)
        if y is None:
            return None
        twin = self.twins[y]
        seed = np.full(twin.shape, data.draw(NUMBERS)) + 0.5 * np.arange(twin.v.size).reshape(twin.shape)
        return y, seed, self.shown(seed, twin.device)

    def shown(self, array: np.ndarray[Any, Any], device: str) -> str:
        where = f"dtype=ga.{self.dtype}, device={device!r}"
        return f"ga.tensor({array.tolist()}, {where})" if array.size else f"ga.zeros({array.shape}, {where})"

    def backward(self, data: st.DataObject) -> None:
        found, retain = self.seeded(data), data.draw(st.booleans())
        if found is None:
            return
        y, seed, shown = found
        self.lines.append(f"{y}.backward({shown}, retain_graph={retain})")
        with self.reported():
            exec(self.lines[-1], self.mine)
        whole = self.twins[y].pulled(seed)
        for name, leaf in self.leaves.items():
            part = whole[leaf.slots].reshape(leaf.shape)
            leaf.grad = part if leaf.grad is None else leaf.grad + part
            self.expect(f"0.0 if {name}.grad is None else host({name}.grad)", leaf.grad)
        if not retain:  # what it was made of cannot be walked again
            self.drop([name for name, twin in self.twins.items() if twin.root.tracked and not twin.root.leaf])

    def gradients(self, data: st.DataObject) -> None:
        found = self.seeded(data)
        if found is not None:
            self.differentiate(*found, data.draw(st.sampled_from((1, 2))))

    def teardown(self) -> None:
        """At the end the gradient of every tensor, and of the last one the gradient of the gradient."""
        if self.failed:
            return
        ends = [name for name, twin in self.twins.items() if twin.root.tracked and twin.slots is None]
        for y, order in [*((y, 1) for y in ends), *((y, 2) for y in ends[-1:])]:
            twin = self.twins[y]
            seed = np.cos(np.arange(twin.v.size)).reshape(twin.shape)
            self.differentiate(y, seed, self.shown(seed, twin.device), order)
        one_more()

    def differentiate(self, y: str, seed: np.ndarray[Any, Any], shown: str, order: int) -> None:
        """The gradients in all leaves, or the gradients of these along the leaves' directions."""
        names, leaves = zip(*self.leaves.items(), strict=True)
        listed = f"[{', '.join(names)}]"
        if order == 1:
            expression = f"ga.autograd.grad({y}, {listed}, {shown}, retain_graph=True, materialize_grads=True)"
        else:
            directions = ", ".join(self.shown(direction(x.slots.start, x.shape), x.device) for x in leaves)
            expression = f"second({y}, {shown}, {listed}, [{directions}])"
        self.lines.append(f"gs = {expression}")
        with self.reported():
            exec(self.lines[-1], self.mine)
        whole = self.twins[y].pulled(seed, second=order == 2)
        for i, leaf in enumerate(leaves):
            self.expect(f"host(gs[{i}])", whole[leaf.slots].reshape(leaf.shape))


def test_programs_give_what_forward_mode_gives(device: str) -> None:
    found: dict[str, object] = {"device": str(backends.resolve(device))}
    if "float64" not in ga.__array_namespace_info__().dtypes(device=ga.device(device)):
        found |= {"dtype": "float32", "tolerance": 1e-3}
    count = settings.default.max_examples  # type: ignore[union-attr]
    run_state_machine_as_test(
        type("Program", (Program,), found), settings=settings(max_examples=3 * count, report_multiple_bugs=False)
    )
