"""Random programs that run on gradarray and on PyTorch as they stand: lines of Python over ``xp`` and tensors.

A program makes leaves and then, line by line, operations, views, writes in place, hooks and modes; what is refused is
part of it. At the end come gradients, up to the second order. Everything that both libraries show is compared: values,
flags, gradients, what hooks saw, and the class of an error.

What a derivative is a function of is each library's choice (of the output or of the input, say), and so is what of it
reaches a tensor in the middle of the graph. So second derivatives are compared with respect to leaves, and hooks do
nothing in that walk. After a write PyTorch makes the history of views again, past what they were before and the views
between; so nothing is written to where a view has a hook. And its views follow the flag ``requires_grad`` of their
base; so that is not changed where there are views.

PyTorch refuses a walk where a saved value was overwritten, and gradarray does not. So PyTorch runs with hooks that
keep copies of what it saves, which gives the gradient of the values used.

What else PyTorch alone refuses, and gradarray computes, stands in :data:`REFUSED`: the line that it refuses is taken
out, and the rest compared.

``python tests/oracle/programs.py 5000`` compares so many, from seed 0 on or from a second number.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

SHAPES = [(3,), (2, 3), (3, 3), (2, 1, 3), (2, 2, 3), (4,), (3, 4), ()]
UNARY = [
    "sin",
    "cos",
    "tanh",
    "sigmoid",
    "abs",
    "neg",
    "relu",
    "square",
    "atan",
    "expm1",
    "clone",
    "exp",
    "sqrt",
    "log1p",
]
TAMED = {"exp": "{}.tanh().exp()", "expm1": "{}.tanh().expm1()", "sqrt": "({}.abs() + 0.5).sqrt()",
         "log1p": "{}.abs().log1p()"}  # fmt: skip
UNARY_IN_PLACE = ["sin_", "cos_", "tanh_", "sigmoid_", "neg_", "relu_", "square_", "zero_", "abs_"]
REDUCTIONS = ["sum", "mean", "amax", "amin", "prod", "logsumexp", "var"]


@dataclass
class Program:
    """The lines, and the names of the leaves."""

    seed: int
    lines: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)
    tensors: list[str] = field(default_factory=list)
    views: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        return f"# seed {self.seed}\n" + "\n".join(self.lines)


class _Writer:
    """Writes one program; knows the shape of each tensor, and which may be written to."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.program = Program(seed)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.hooks = 0
        self.root: dict[str, str] = {}  # whose memory it may see
        self.views = self.program.views
        self.expanded: set[str] = set()
        self.hooked: set[str] = set()  # roots of which a view has a hook
        self.silent: set[str] = set()  # roots that were written to in no_grad

    def new(self, text: str, shape: tuple[int, ...], of: str | None = None) -> str:
        name = f"v{len(self.shapes)}"
        self.root[name] = name if of is None else self.root[of]
        if of is not None:
            self.views.add(name)
            if of in self.expanded or "expand(" in text:
                self.expanded.add(name)
        self.program.lines.append(f"{name} = {text}")
        self.shapes[name] = shape
        self.program.tensors.append(name)
        return name

    def do(self, text: str) -> None:
        self.program.lines.append(text)

    def pick(self, ndim: int = 0) -> str | None:
        """A tensor, rather one of the last, of so many dimensions at least."""
        names = [n for n, s in self.shapes.items() if len(s) >= ndim and 0 not in s]
        if not names:
            return None
        return self.random.choice(names[-5:] if self.random.random() < 0.7 else names)

    def fitting(self, shape: tuple[int, ...], into: str | None = None) -> str:
        """A tensor or number that broadcasts to ``shape``, and does not see the memory of ``into`` in another way."""
        names = [
            n
            for n, s in self.shapes.items()
            if _broadcasts(s, shape) and (into is None or n == into or self.root[n] != self.root[into])
        ]
        if names and self.random.random() < 0.75:
            return self.random.choice(names)
        return repr(round(self.random.uniform(-1.5, 1.5), 2))

    def data(self, shape: tuple[int, ...]) -> str:
        def nested(shape: tuple[int, ...]) -> Any:
            if not shape:
                return round(self.random.uniform(-1.6, 1.6), 3)
            return [nested(shape[1:]) for _ in range(shape[0])]

        return repr(nested(shape))

    def write(self) -> Program:
        r = self.random
        for i in range(r.randint(2, 3)):
            shape = r.choice(SHAPES)
            required = i == 0 or r.random() < 0.6
            name = self.new(f"xp.tensor({self.data(shape)}, dtype=xp.float64, requires_grad={required})", shape)
            self.program.leaves.append(name)
        for _ in range(r.randint(4, 16)):
            kind = r.choices(
                [self.operation, self.view, self.in_place, self.hook, self.mode, self.structure],
                [5, 5, 5, 1.5, 1, 2.5],
            )[0]
            kind()
        return self.program

    def operation(self) -> None:
        r = self.random
        x = self.pick()
        if x is None:
            return
        shape = self.shapes[x]
        which = r.random()
        if which < 0.35:
            name = r.choice(UNARY)
            self.new(TAMED.get(name, "{}." + name + "()").format(x), shape)
        elif which < 0.7:
            op = r.choice(["+", "-", "*", "/"])
            y = self.fitting(shape)
            other = f"({y} * {y} + 0.5)" if op == "/" else y
            self.new(f"{x} {op} {other}" if r.random() < 0.7 or op == "/" else f"{other} {op} {x}", shape)
        elif which < 0.78:
            self.new(f"{x} ** {r.choice([2, 3, 2.0])}", shape)
        elif which < 0.84:
            self.new(f"{x}.clamp({r.choice(['-0.5, 0.5', 'min=-0.3', 'max=0.4'])})", shape)
        elif which < 0.9 and len(shape) == 2:
            y = next((n for n, s in self.shapes.items() if len(s) == 2 and s[0] == shape[1]), None)
            if y is not None:
                self.new(f"{x} @ {y}", (shape[0], self.shapes[y][1]))
        elif shape:
            dim = r.randrange(len(shape))
            rest = shape[:dim] + shape[dim + 1 :]
            name = r.choice([*REDUCTIONS, "cumsum", "softmax"])
            if name == "cumsum":
                self.new(f"{x}.cumsum({dim})", shape)
            elif name == "softmax":
                self.new(f"{x}.softmax({dim})", shape)
            elif name == "var":
                if shape[dim] > 1:
                    self.new(f"{x}.var({dim})", rest)
            elif r.random() < 0.3:
                self.new(f"{x}.{name}({dim}, keepdim=True)", (*shape[:dim], 1, *shape[dim + 1 :]))
            else:
                self.new(f"{x}.{name}({dim})", rest)

    def view(self) -> None:
        r = self.random
        x = self.pick(1)
        if x is None:
            return
        shape = self.shapes[x]
        n, total = shape[0], _size(shape)
        dim = r.randrange(len(shape))
        out: list[tuple[str, tuple[int, ...]]] = [
            (f"{x}[{r.randrange(n)}]", shape[1:]),
            (f"{x}[{r.choice([0, -1])}]", shape[1:]),
            (f"{x}[..., :{max(shape[-1] - 1, 1)}]", (*shape[:-1], max(shape[-1] - 1, 1))),
            (f"{x}[::2]", ((n + 1) // 2, *shape[1:])),
            (f"{x}[None]", (1, *shape)),
            (f"{x}.unsqueeze({dim})", (*shape[:dim], 1, *shape[dim:])),
            (f"{x}.reshape(-1)", (total,)),
            (f"{x}.view(-1)", (total,)),
            (f"{x}.view({', '.join(map(str, shape))})", shape),
            (f"{x}.transpose(0, {dim})", _swapped(shape, 0, dim)),
            (f"{x}.permute({', '.join(map(str, reversed(range(len(shape)))))})", shape[::-1]),
            (f"{x}.narrow({dim}, 0, 1)", (*shape[:dim], 1, *shape[dim + 1 :])),
            (f"{x}.select({dim}, 0)", shape[:dim] + shape[dim + 1 :]),
            (f"{x}.unbind({dim})[-1]", shape[:dim] + shape[dim + 1 :]),
            (f"{x}.split(1, {dim})[0]", (*shape[:dim], 1, *shape[dim + 1 :])),
            (f"{x}.chunk({shape[dim]}, {dim})[-1]", (*shape[:dim], 1, *shape[dim + 1 :])),
            (f"list({x})[0]", shape[1:]),
            (f"{x}.flatten()", (total,)),
            (f"{x}.squeeze()", tuple(s for s in shape if s != 1)),
            (f"{x}.detach()", shape),
            (f"{x}.data", shape),
            (f"{x}.expand(2, {', '.join(map(str, shape))})", (2, *shape)),
        ]
        if len(shape) == 2:
            out += [(f"{x}.t()", shape[::-1]), (f"{x}.T", shape[::-1])]
        self.new(*r.choice(out), of=x)

    def structure(self) -> None:
        """What copies and chooses."""
        r = self.random
        x = self.pick(1)
        if x is None:
            return
        shape = self.shapes[x]
        n = shape[0]
        dim = r.randrange(len(shape))
        same = [name for name, s in self.shapes.items() if s == shape]
        y = r.choice(same)
        picks = [r.randrange(n) for _ in range(2)]
        out = [
            (f"{x}.flip({dim})" if len(shape) > 1 else f"{x}.flip(0)", shape),
            (f"xp.stack([{x}, {y}])", (2, *shape)),
            (f"xp.where({x} > 0.1, {x}, {y})", shape),
            (f"{x}[{picks}]", (2, *shape[1:])),
            (f"{x}.masked_fill({x} > 0.3, 0.7)", shape),
            (f"xp.maximum({x}, {y} * 0.9)", shape),
            (f"{x}.sort({dim})[0]", shape),
            (f"{x}.roll(1, {dim})", shape),
            (f"{x}.sum()", ()),
            (f"{x}.mean()", ()),
        ]
        if len(shape) == 2:
            out.append((f"{x}.diagonal() * 1.0", (min(shape),)))  # a view in PyTorch alone
        self.new(*r.choice(out))

    def alone(self, x: str) -> bool:
        """Whether no other tensor sees the memory of ``x``."""
        return list(self.root.values()).count(self.root[x]) == 1

    def in_place(self) -> None:
        r = self.random
        x = self.pick()
        if x is None or self.root[x] in self.hooked:
            return
        shape = self.shapes[x]
        y = self.fitting(shape, x)
        out = [
            f"{x}.add_({y})",
            f"{x}.sub_({y})",
            f"{x}.mul_({y})",
            f"{x} += {y}",
            f"{x} *= {y}",
            f"{x}.div_(1.5)",
            f"{x}.{r.choice(UNARY_IN_PLACE)}()",
            f"{x}.{r.choice(UNARY_IN_PLACE)}()",
            f"{x}.clamp_(-0.4, 0.6)",
            f"{x}.fill_(0.25)",
            f"{x}[...] = {y}",
        ]
        if x not in self.expanded:  # there PyTorch allows it, and says that it will not
            out.append(f"{x}.masked_fill_({x} > 0.2, 0.1)")
        tensors = [
            n for n, s in self.shapes.items() if (_broadcasts(s, shape) and self.root[n] != self.root[x]) or n == x
        ]
        out.append(f"{x}.copy_({r.choice(tensors)})")
        if shape:
            rest = self.fitting(shape[1:], x)
            out += [
                f"{x}[0] = {rest}",
                f"{x}[-1] += {rest}",
                f"{x}[:1] *= {rest}",
                f"{x}[0].mul_({rest})",
                f"{x}[0] = {x}[-1] * 0.7",
                f"{x}[-1].add_({x}[0])" if shape[0] > 1 else "",
                f"{x}.unbind(0)[0].add_(0.5)",
                f"{x}.split(1)[0].mul_(0.5)",
                f"{x}.expand(2, {', '.join(map(str, shape))}).add_(1)",
                f"{x}.expand(2, {', '.join(map(str, shape))})[0].mul_(0.7)",
                f"{x}.view(-1).mul_(0.9)",
            ]
            if x not in self.expanded:
                out += [f"{x}[{[r.randrange(shape[0])]}] = {rest}", f"{x}[{x} > 0.4] = 0.3"]
            if x in self.expanded:  # PyTorch takes fill_ there, and fails in the walk
                out = [f"{x}.add_({y})", f"{x}[0].mul_({rest})", f"{x}.select({len(shape) - 1}, 0).mul_(0.9)"]
            if self.alone(x) and x not in self.program.leaves and x not in self.views:  # no view is left behind
                out.append(f"{x}.detach_()")
            if self.silently(x):
                out.append(f"{x}.detach().mul_(0.8)")
        self.do(r.choice(out))
        if shape and r.random() < 0.06:
            self.do(f"{x}.unsqueeze_(0)")
            self.views.add(x)
            self.shapes[x] = (1, *shape)

    def silently(self, x: str) -> bool:
        """Whether ``x`` may be written to in no_grad; it is noted."""
        if self.root[x] in self.hooked:
            return False
        self.silent.add(self.root[x])
        return True

    def hook(self) -> None:
        r = self.random
        x = self.pick()
        if x is None or (x in self.views and self.root[x] in self.silent):
            return
        if x in self.views:
            self.hooked.add(self.root[x])
        self.hooks += 1
        tag = f"h{self.hooks}"
        self.do(
            r.choice(
                [
                    f"{x}.register_hook(lambda g: note({tag!r}, g))",
                    f"{x}.register_hook(scaled)",
                    f"{x}.register_hook(lambda g: note({tag!r}, g) or scaled(g))",
                    f"{x}.retain_grad()",
                    f"{x}.requires_grad_()" if self.alone(x) else "",
                    f"{x}.register_post_accumulate_grad_hook(lambda t: note({tag!r}, t.grad))",
                    f"{x}.grad_fn and {x}.grad_fn.register_prehook(lambda gs, k={x}.output_nr: note({tag!r}, gs[k]))",
                    f"{x}.grad_fn and {x}.grad_fn.register_hook(lambda i, o, k={x}.output_nr: note({tag!r}, o[k]))",
                    f"{x}.grad_fn and graph.register_multi_grad_hook([{x}], lambda gs: note({tag!r}, gs[0]))",
                ]
            )
        )

    def mode(self) -> None:
        r = self.random
        x = self.pick(1)
        if x is None:
            return
        shape = self.shapes[x]
        y = self.fitting(shape, x)
        which = r.randrange(3)
        if which == 0:
            if self.silently(x):
                self.do(f"with xp.no_grad(): {x}.mul_({y})")
        elif which == 1 and self.silently(x):
            # used by nothing else: PyTorch 2.13 shows requires_grad=True for it, against its documentation
            self.do(f"with xp.no_grad(): unrecorded = {x}[0]")
            rest = self.fitting(shape[1:], x)
            self.do(r.choice([f"unrecorded.mul_({rest})", f"with xp.no_grad(): unrecorded.mul_({rest})"]))
        else:
            name = self.new(f"{x} * 2", shape)
            self.program.lines[-1] = f"with xp.no_grad(): {name} = {x} * 2"


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    return len(shape) <= len(to) and all(a in (1, b) for a, b in zip(shape[::-1], to[::-1], strict=False))


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


def _swapped(shape: tuple[int, ...], i: int, j: int) -> tuple[int, ...]:
    out = list(shape)
    out[i], out[j] = out[j], out[i]
    return tuple(out)


def program(seed: int) -> Program:
    """The program of this seed."""
    return _Writer(seed).write()


# -- running -----------------------------------------------------------------------------------------------------------


def run(xp: Any, program: Program) -> list[tuple[str, Any]]:
    """What there is to see, in order: (what, value); errors as ``("…", exception)``."""
    seen: list[tuple[str, Any]] = []
    notes: dict[str, list[Any]] = {}

    def note(tag: str, g: Any) -> None:
        if g is not None and active[0]:
            notes.setdefault(tag, []).append(g.detach().tolist())

    def scaled(g: Any) -> Any:
        return g * 0.5 if active[0] else None

    active = [True]
    env: dict[str, Any] = {"xp": xp, "graph": xp.autograd.graph, "note": note, "scaled": scaled}
    for line in program.lines:
        try:
            exec(line, env)
        except Exception as error:
            seen.append((line, error))
    tensors = {name: env[name] for name in program.tensors if name in env}
    for name, x in tensors.items():
        try:
            seen.append((f"{name}", x.detach().tolist()))
            seen.append((f"{name}.requires_grad, is_leaf", (x.requires_grad, x.is_leaf)))
        except Exception as error:
            seen.append((next(line for line in program.lines if f"{name} = " in line), error))
            return seen
    tracked = [x for x in tensors.values() if x.requires_grad]
    if not tracked:
        return seen
    loss = sum(((x * 0.7).tanh() * (0.3 + 0.1 * i)).sum() for i, x in enumerate(tracked[-4:]))
    leaves = [x for x in tensors.values() if x.requires_grad and x.is_leaf]
    # a gradient that is both asked for and walked through is, in PyTorch, the one before the hooks
    changed = [line.split(".")[0] for line in program.lines if "scaled" in line]
    changed += program.views
    inner = [x for name, x in tensors.items() if x.requires_grad and not x.is_leaf and name not in changed]
    wanted = leaves + inner[:2]
    try:
        first = xp.autograd.grad(loss, wanted, create_graph=True, allow_unused=True)
        seen.append(("grad", [None if g is None else g.detach().tolist() for g in first]))
        again = [(g * g).sum() for g in first if g is not None and g.requires_grad]
        if again:
            active[0], kept = (
                False,
                [(x, None if x.grad is None else x.grad.clone()) for x in tracked if not x.is_leaf and x.retains_grad],
            )
            second = xp.autograd.grad(sum(again), leaves, retain_graph=True, allow_unused=True)
            active[0] = True
            for x, grad in kept:
                x.grad = grad
            seen.append(("second grad", [None if g is None else g.detach().tolist() for g in second]))
        loss.backward(retain_graph=True)
        loss.backward()
    except Exception as error:
        seen.append(("walks", error))
    for name, x in tensors.items():
        grad = x.grad if x.is_leaf or x.retains_grad else None
        seen.append((f"{name}.grad", None if grad is None else grad.tolist()))
    seen.append(("hooks", sorted(notes.items())))
    return seen


def run_torch(program: Program) -> list[tuple[str, Any]]:
    """:func:`run` on PyTorch, which keeps copies of what it saves."""
    import torch

    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x):
        return run(torch, program)


def _zeros(gradients: list[Any], others: list[Any]) -> list[Any]:
    """``gradients`` with zeros for None, in the shapes of ``others``."""

    def zeros(x: Any) -> Any:
        return [zeros(one) for one in x] if isinstance(x, list) else x and 0.0

    return [zeros(other) if g is None else g for g, other in zip(gradients, others, strict=True)]


def close(a: Any, b: Any) -> bool:
    """Whether two values are the same but for rounding."""
    if isinstance(a, list | tuple):
        return isinstance(b, list | tuple) and len(a) == len(b) and all(map(close, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b) or abs(a - b) <= 1e-9 + 1e-7 * max(abs(a), abs(b))
    return bool(a == b)


FAILS = ("more than one element of the written-to tensor", "attempting to assign a gradient of size")
"""How PyTorch fails in the walk after a write to expanded memory, and for a retained tensor that got another shape."""

REFUSED = [
    (
        "its base or another view of its base has been modified inplace",
        "",
        "the use of a view that unbind or split gave, after a write",
    ),
    (
        "some elements of the input tensor and the written-to tensor refer to a single memory location",
        "",
        "a write of what overlaps with where it goes",
    ),
    (
        "a leaf Variable that requires grad is being used in an in-place operation",
        "views",
        "a write to a view whose base has got a history since",
    ),
    (
        "view size is not compatible with input tensor's size and stride",
        "",
        "view() where memory lies in another order",
    ),
    (
        "This view is the output of a function that returns multiple views",
        "list(",
        "a write to a view that iteration gave",
    ),
]
"""What PyTorch alone refuses: part of its message, the tensors that it is about (all, views, or those made by a line
that begins so), and what it is."""


def _reason(program: Program, line: str, error: Exception) -> str | None:
    name = re.split(r"\W", line)[0]
    for message, which, what in REFUSED:
        about = (
            name in program.views if which == "views" else any(x.startswith(f"{name} = {which}") for x in program.lines)
        )
        if message in str(error) and (not which or about):
            return what
    return None


def differences(program: Program, refused: Counter[str] | None = None) -> list[str]:
    """Where gradarray and PyTorch differ in ``program``."""
    import gradarray

    while True:
        ours, theirs = run(gradarray, program), run_torch(program)
        raised = {what for what, value in ours if isinstance(value, Exception)}
        for what, value in theirs:
            if what == "walks" and any(message in str(value) for message in FAILS):
                if refused is not None:
                    refused["no walk"] += 1
                return []
            if not isinstance(value, Exception) or what not in program.lines or what in raised:
                continue
            if (reason := _reason(program, what, value)) is not None:
                if refused is not None:
                    refused[reason] += 1
                program.lines.remove(what)
                break
        else:
            break
    found = []
    errors_ours = {what: value for what, value in ours if isinstance(value, Exception)}
    errors_theirs = {what: value for what, value in theirs if isinstance(value, Exception)}
    for what in {**errors_ours, **errors_theirs}:
        mine, other = errors_ours.get(what), errors_theirs.get(what)
        if mine is None or other is None or not isinstance(mine, type(other)):
            found.append(f"{what}: we raise {mine!r}, PyTorch {other!r}")
    a = [x for x in ours if not isinstance(x[1], Exception)]
    b = [x for x in theirs if not isinstance(x[1], Exception)]
    if [what for what, _ in a] != [what for what, _ in b]:
        found.append(f"we show {[what for what, _ in a]}, PyTorch {[what for what, _ in b]}")
        return found
    for (what, mine), (_, other) in zip(a, b, strict=True):
        if what == "second grad":  # whether nothing or zero comes out is a matter of what a derivative is a function of
            mine, other = _zeros(mine, other), _zeros(other, mine)
        if not close(mine, other):
            found.append(f"{what}: {mine}, PyTorch {other}")
    return found


def shrunk(program: Program) -> Program:
    """The shortest program found by leaving out lines that still differs."""
    best = program
    at = len(best.lines) - 1
    while at >= 0:
        lines = best.lines[:at] + best.lines[at + 1 :]
        tried = Program(best.seed, lines, best.leaves, best.tensors, best.views)
        try:
            if differences(Program(best.seed, list(lines), best.leaves, best.tensors, best.views)):
                best = tried
        except Exception:
            pass
        at -= 1
    return best  # lines that name what is gone fail on both sides, and do no harm


def compared(seeds: range) -> Iterator[tuple[int, list[str], Counter[str]]]:
    """Each seed with its differences and what was refused, from a process of its own: PyTorch may crash."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    next_seed = seeds.start
    while next_seed < seeds.stop:
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_compare, args=(range(next_seed, seeds.stop), sender))
        child.start()
        sender.close()
        try:
            while next_seed < seeds.stop:
                yield receiver.recv()
                next_seed += 1
        except EOFError:
            child.join()
            yield next_seed, [], Counter({"crash": 1})
            next_seed += 1
        child.join()


def _compare(seeds: range, sender: Any) -> None:
    for seed in seeds:
        refused: Counter[str] = Counter()
        try:
            found = differences(program(seed), refused)
        except Exception as error:  # the comparison itself went wrong
            found = [f"could not be compared: {error!r}"]
        sender.send((seed, found, refused))


def main() -> None:
    """Compare as many programs as the command line says."""
    import warnings

    warnings.simplefilter("ignore")
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    start = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    lines = differ = 0
    refused: Counter[str] = Counter()
    for seed, found, taken_out in compared(range(start, start + n)):
        written = program(seed)
        lines += len(written.lines)
        refused += taken_out
        if found:
            differ += 1
            print(shrunk(written), *found, "", sep="\n", flush=True)
    crashes, no_walk = refused.pop("crash", 0), refused.pop("no walk", 0)
    print(f"{n} programs of {lines} lines in all: {n - differ - crashes - no_walk} agree, {differ} differ")
    print(f"in {no_walk} PyTorch fails in the walk (FAILS), {crashes} ended its process")
    for reason, times in refused.items():
        print(f"{times} lines that PyTorch alone refuses were taken out: {reason}")
    sys.exit(differ > 0)


if __name__ == "__main__":
    main()
