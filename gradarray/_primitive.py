"""The record of an operation: its name, its forward, its derivatives and what they save.

Knows rules. Must not know tensors, backends or array libraries.

A rule says by the names of its parameters what it needs, and nothing else is kept for it:

``x``, ``x1``, ``x2``, …
    the value of an input; of a variadic operation ``xs`` the list of all inputs and ``rest`` of all but the first
``cell``, ``cell1``, …
    such a value as the node holds it, in a list of one, for what is computed later: a write gives the cell a copy
``out``
    the value of the output (a list where there are several)
``shape``, ``shape1``, ``shape2``, …, ``shapes``
    the shape of an input (``shape`` where it is the only one), which costs no memory
``shared1``, ``shared2``, …
    whether so many nodes lead to that input that it pays to make their cotangents together (see :data:`MANY`)
``xp``
    the namespace to compute in; ``g`` the cotangent; ``t`` the tangent
any other name
    a parameter of the operation, such as ``axis``

The names are resolved here, once, to positions; nothing is looked up by name when a rule runs.

Complex numbers: the gradient of a real loss is the conjugate Wirtinger derivative, as in PyTorch. Rules are written for
holomorphic functions, as on paper; the constructors put the conjugation in. A rule of a function that is not
holomorphic says ``holomorphic=False`` and is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any, Final, Literal

from gradarray import _spare
from gradarray._engine import Large

Rule = Callable[..., Any]
Compiled = Callable[..., Any]
Cotangents = Sequence[tuple[str, Callable[..., Any] | None]]
"""For each input an expression, in which ``rule()`` stands for the call of its rule, and the rule."""
_THRIFTY: Final = {
    "g * rule()": "thrift.product(g, rule(), {})",
    "xp.strong_multiply(g, rule())": "thrift.strong_product(g, rule(), {})",
    "-g": "thrift.negative(g, {})",
}
"""The expressions that a backend may compute in memory that is there, as it does so; last whether ``g`` is to spare."""
MANY: Final = 16
"""How many hold what an edge leads to, by Python's reference count, where cotangents wait to be made together: a weight
that is used once is held by a few variables, that of a recurrent net by a node for each step."""
Partial = Rule | int | float

TABLE: Final[dict[str, Primitive]] = {}
"""Every operation by name, filled when ``gradarray.ops`` is imported."""


class Rules:
    """The vjp of an operation, compiled from its rules when it is first needed.

    Attributes
    ----------
    plans : tuple of frozenset
        For each input the positions that its rule saves.
    raw, taped : callable
        ``raw(node, g)`` computes on the backend's arrays, ``taped(node, g, saved, xp)`` on tensors.
    large : callable
        ``raw`` where cotangents may be large: it leaves those that are to the ``thrift`` of the place.
    weighed : callable
        ``raw`` of one input, which says by :class:`gradarray._engine.Large` where its cotangent is large.
    raw_complex, taped_complex : callable
        Their twins for complex numbers, whose rules are made then.
    strong : Rules
        The same for cotangents whose zeros must stay zero whatever they meet.

    ``product`` names the operation that gives a real cotangent times the partial at once, see :func:`elementwise`.
    """

    def __init__(
        self,
        real: Cotangents,
        conj: Callable[[], Cotangents],
        n: int | None,
        wanted: tuple[int, ...] | None = None,
        strong: Rules | None = None,
        product: str = "",
    ) -> None:
        self._sources = real, conj, n, wanted
        self._product = product
        self.plans = tuple(_plan(rule, n) for _, rule in real)
        self.strong = self if strong is None else strong

    def part(self, wanted: tuple[int, ...]) -> Rules:
        """The same for the cotangents of some inputs alone, where all nodes want just those."""
        strong = None if self.strong is self else self.strong.part(wanted)
        return Rules(*self._sources[:3], wanted, strong, self._product)

    @cached_property
    def raw(self) -> Compiled:
        return _compile(*self._source())

    @cached_property
    def large(self) -> Compiled:
        return _compile(*self._source(large=True))

    @cached_property
    def weighed(self) -> Compiled:
        return _compile(*self._source(weighed=True))

    @cached_property
    def taped(self) -> Compiled:
        return _compile(*self._taped_source())

    @cached_property
    def raw_complex(self) -> Compiled:
        _, conj, n, wanted = self._sources
        return _compile(*_source(conj(), n, wanted, taped=False))

    @cached_property
    def taped_complex(self) -> Compiled:
        _, conj, n, wanted = self._sources
        return _compile(*_source(conj(), n, wanted, taped=True))

    def _source(self, **how: bool) -> tuple[str, dict[str, Any]]:
        real, _, n, wanted = self._sources
        return _source(real, n, wanted, taped=False, product=self._product, **how)

    def _taped_source(self) -> tuple[str, dict[str, Any]]:
        real, _, n, wanted = self._sources
        return _source(real, n, wanted, taped=True)

    def texts(self) -> set[str]:
        """The text of what real cotangents that are not large meet."""
        weighed = {self._source(weighed=True)[0]} if self._sources[2] == 1 else set()
        return {self._source()[0], self._taped_source()[0], *weighed}


@dataclass(frozen=True, kw_only=True, eq=False)
class Primitive:
    """One operation. Made by :func:`elementwise`, :func:`linear`, :func:`primitive` and :func:`nondiff` only.

    Attributes
    ----------
    inputs : int or None
        How many arrays it takes; None for any number.
    listed : bool
        Its forward takes the arrays as one list (``concat``).
    forward : callable or None
        ``forward(xp, *arrays, **params)``, composed of other functions; None where the namespace has it by this name.
    complex_forward : callable or None
        The same for complex numbers alone, where libraries get special cases wrong.
    defaults : dict
        Its parameters and their defaults.
    accepts : {"any", "floating"}
        What its kernel takes; integers are converted to the default floating dtype where it says "floating".
    real_only : bool
        Complex numbers are refused: libraries that take them do not agree on what comes out.
    promote : tuple of int or None
        The inputs brought to one dtype; None for all of them, () for none.
    numbers : bool
        Its rules or kernels look at a Python number, which must stay one.
    compares : bool
        It tells something of the values alone, so that it takes a Python int which the other's dtype does not hold.
    singular : bool
        A partial derivative may be infinite or nan, and a zero cotangent beats that.
    chooses : bool
        It takes some elements of its inputs and leaves others, whose cotangents are zero whatever they are.
    broadcasts : bool
        Inputs broadcast against each other, so that cotangents are summed back to their shapes.
    view : bool
        The result aliases the input's memory.
    outputs : int
        How many arrays it gives.
    rules : Rules or None
        The vjp; None where no derivative exists.
    jvp : callable or None
        ``jvp(xp, tangents, xs, out, params)``, the tangent of the output; a tangent of None is zero.
    grad_name : str or callable
        What PyTorch calls the node; where that varies, a function of the parameters and the shapes.
    domain : str or tuple of str
        What tests draw its inputs from, all or each.
    batch : str or callable
        How it runs on inputs with a hidden batch dimension, in front of their own: a kind that ``gradarray._batched``
        names, or ``batch(xp, xs, batched, size, params)``, which gives an output with that dimension in front.
    """

    name: str
    kind: Literal["elementwise", "linear", "primitive", "nondiff"]
    inputs: int | None = 1
    listed: bool = False
    forward: Callable[..., Any] | None = None
    complex_forward: Callable[..., Any] | None = None
    defaults: dict[str, Any] = field(default_factory=dict)
    accepts: Literal["any", "floating"] = "any"
    real_only: bool = False
    promote: tuple[int, ...] | None = None
    numbers: bool = False
    compares: bool = False
    singular: bool = False
    chooses: bool = False
    broadcasts: bool = False
    view: bool = False
    outputs: int = 1
    rules: Rules | None = None
    jvp: Callable[..., Any] | None = None
    grad_name: str | Callable[[dict[str, Any], tuple[tuple[int, ...], ...]], str] = ""
    domain: str | tuple[str, ...] = "real"
    batch: str | Callable[..., Any] = ""

    def saves(self, needs: Sequence[bool]) -> frozenset[int]:
        """The positions to save when the inputs marked in ``needs`` want their gradients (-1: the output)."""
        assert self.rules is not None
        if self.inputs is None:
            return self.rules.plans[0]
        return frozenset().union(*(plan for plan, need in zip(self.rules.plans, needs, strict=True) if need))


def _register(name: str, **fields: Any) -> Primitive:
    if name in TABLE:
        raise ValueError(f"the operation {name!r} is in the table already; each has one record")
    pointwise = fields.pop("pointwise", False) or fields["kind"] == "elementwise"
    if not fields.get("batch") and (pointwise or fields.get("broadcasts")):
        fields["batch"] = "elementwise"
    if not fields.get("grad_name"):
        camel = "".join(part[:1].upper() + part[1:] for part in name.replace(".", "_").split("_"))
        fields["grad_name"] = camel + "Backward0"
    TABLE[name] = record = Primitive(name=name, **fields)
    return record


# -- names to positions ------------------------------------------------------------------------------------------------


def _names(rule: Rule) -> tuple[str, ...]:
    code = rule.__code__
    return code.co_varnames[: code.co_argcount]


def _position(name: str, inputs: int | None) -> int | None:
    """The position among what a node saves of the value called ``name`` (-1: the output), or None if it is no value."""
    if name == "out":
        return -1
    if name.startswith("cell"):
        name = name.replace("cell", "x", 1)
    if inputs is None:
        return {"xs": 0, "rest": 1}.get(name)
    if name == "x" and inputs == 1:
        return 0
    if name[0] == "x" and name[1:].isdecimal() and 1 <= int(name[1:]) <= inputs:
        return int(name[1:]) - 1
    return None


def _shape_index(name: str, inputs: int | None) -> int | None:
    """The input whose shape is called ``name``, or None if it is no shape."""
    rest = name.removeprefix("shape")
    if rest == "" and inputs != 1:
        return None
    return None if rest == name or not (rest == "" or rest.isdecimal()) else int(rest or 1) - 1


def _fetch(name: str, inputs: int | None, taped: bool) -> str:
    """The expression that fetches from a node what a rule calls ``name``."""
    if name in ("xp", "g"):
        return name
    if name == "shapes":
        return "node.shapes"
    if (position := _position(name, inputs)) is not None:
        if inputs is None and position >= 0:
            part = f"saved[{position}:-1]"
            return part if taped else f"[cell[0] for cell in node.{part}]"
        if name.startswith("cell"):
            return f"(saved[{position}],)" if taped else f"node.saved[{position}]"
        return f"saved[{position}]" if taped else f"node.saved[{position}][0]"
    if (index := _shape_index(name, inputs)) is not None:
        return f"node.shapes[{index}]"
    if name.startswith("shared"):
        return "False" if taped else f"refcount(node.to[{int(name[6:]) - 1}]) > MANY"
    return f"node.params[{name!r}]"


def texts(record: Primitive) -> set[str]:
    """The text of all of its rules that can be compiled ahead of time: those of its parts and strong ones, too."""
    rules, n = record.rules, record.inputs or 0
    assert rules is not None
    parts = [rules]
    if record.broadcasts and n < 3:  # what the short road takes
        parts += [rules.part(wanted) for size in range(1, n + 1) for wanted in combinations(range(n), size)]
    return set().union(*(one.texts() for part in parts for one in (part, part.strong)))


def _compile(text: str, scope: dict[str, Any]) -> Compiled:
    """The function ``vjp`` of the text, which may be compiled already."""
    from gradarray._rules import MADE  # now, since what is compiled knows nodes, which know of this module

    if text in MADE:
        return MADE[text](scope)
    exec(text, scope)  # made of the names of our rules' parameters
    compiled: Compiled = scope["vjp"]
    return compiled


def _source(
    cotangents: Cotangents,
    inputs: int | None,
    wanted: tuple[int, ...] | None,
    *,
    taped: bool,
    product: str = "",
    large: bool = False,
    weighed: bool = False,
) -> tuple[str, dict[str, Any]]:
    """The text of a function of a node and a cotangent that gives the cotangents of the inputs, and what it refers to.

    With ``wanted`` it gives those of these inputs; else of all, None where the node has no edge. The cotangents of two
    factors that are one tensor it gives as one. ``product``, ``large``, ``weighed``: see :class:`Rules`.
    """
    scope: dict[str, Any] = {"refcount": _spare.refcount, "IN_PULL": _spare.IN_PULL, "MANY": MANY, "Large": Large}
    chosen = [i for i in range(len(cotangents)) if wanted is None or i in wanted]
    plain, thrifty = [], []
    for i in chosen:
        expression, rule = cotangents[i]
        # the last to use g may write to it, unless g is one of the cotangents itself
        mine = "spare" if i == chosen[-1] and not any(cotangents[k][0] == "g" for k in chosen) else "False"
        call = ""
        sparing = _THRIFTY.get(expression)
        if rule is not None:
            values = [_fetch(name, inputs, taped) for name in _names(rule)]
            call = values[0] if _passes_on(rule, inputs) else f"rule{i}({', '.join(values)})"
            scope[f"rule{i}"] = rule
            if product:
                expression = f"xp.{product}({', '.join(['g', *(value for value in values if value != 'xp')])})"
        plain.append(expression.replace("rule()", call))
        thrifty.append(plain[-1] if sparing is None else sparing.format(mine).replace("rule()", call))

    sure = wanted is not None or len(cotangents) == 1

    def gives(items: Sequence[str]) -> str:
        if inputs is None:
            return items[0]
        parts = [item if sure else f"{item} if node.to[{i}] is not None else None" for i, item in zip(chosen, items)]
        return f"({', '.join(parts)},)"

    lines, sparing_lines = [f"return {gives(plain)}"], [f"return {gives(thrifty)}"]
    if len(chosen) == 2 and all(rule is not None and _passes_on(rule, inputs) for _, rule in cotangents):
        same = "if node.saved[0] is node.saved[1]: g = {}; return ({}, None)"
        lines.insert(0, same.format(plain[1], "g * 2" if taped else "g + g"))
        sparing_lines.insert(0, same.format(thrifty[1], "thrift.sum(g, g, True, False)"))
    if weighed:
        lines = [
            f"gs, least = {gives(plain)}, node.place.large_from",
            "return gs if least is None or gs[0].nbytes < least else Large(gs)",
        ]
    if large and thrifty != plain:
        lines = [
            "thrift = node.place.thrift",
            "if thrift is not None and g.nbytes >= thrift.least:",
            "    spare = refcount(g) <= IN_PULL",
            *("    " + line for line in sparing_lines),
            *lines,
        ]
    if not taped and any("xp" in line for line in lines):
        lines.insert(0, "xp = node.place.xp")
    text = "\n    ".join(lines)
    for attribute in ("place", "saved", "shapes", "to"):  # fetched once
        fetched = f"node.{attribute}"
        if text.count(fetched) > 1:
            text = f"of_{attribute} = {fetched}\n    {text.replace(fetched, f'of_{attribute}')}"
    parameters = "node, g, saved, xp" if taped else "node, g"
    return f"def vjp({parameters}):\n    {text}", scope


def _passes_on(rule: Rule, inputs: int | None) -> bool:
    """Whether ``rule`` gives the value that it takes, as those of a product give the other factor."""
    names = _names(rule)
    return (
        len(names) == 1
        and rule.__code__.co_code == _passing_on.__code__.co_code
        and _position(names[0], inputs) is not None
    )


def _passing_on(x: Any) -> Any:
    return x


def _plan(rule: Rule | None, n: int | None) -> frozenset[int]:
    positions = () if rule is None else (_position(name, n) for name in _names(rule))
    return frozenset(p for p in positions if p is not None)


def _call(rule: Rule, n: int | None, xp: Any, t: Any, xs: Sequence[Any], out: Any, params: dict[str, Any]) -> Any:
    """``rule`` called by name, for forward mode, where all values are at hand."""

    def value(name: str) -> Any:
        if name in ("t", "ts"):
            return t
        if name == "xp":
            return xp
        if name == "shapes":
            return tuple(x.shape for x in xs)
        if (position := _position(name, n)) is not None:
            return out if position == -1 else xs[position:] if n is None else xs[position]
        if (index := _shape_index(name, n)) is not None:
            return xs[index].shape
        return params[name]

    return rule(*map(value, _names(rule)))


def _replacing(rule: Rule, change: Callable[[str], str], result: str = "{}") -> Rule:
    """``rule`` with its arguments passed through ``change`` and its result through ``result``, taking ``xp`` too."""
    names = _names(rule)
    arguments = ", ".join(map(change, names))
    taken = ", ".join(names if "xp" in names else (*names, "xp"))
    wrapped: Rule = eval(f"lambda {taken}: {result.format(f'rule({arguments})')}", {"rule": rule, "conj": _conj})
    return wrapped


def _conj(xp: Any, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_conj(xp, v) for v in value]
    if isinstance(value, int | float | complex):
        return value.conjugate()
    return None if value is None else xp.conj(value)


# -- the four constructors ---------------------------------------------------------------------------------------------


def elementwise(name: str, *partials: Partial, singular: bool = False, product: str = "", **fields: Any) -> Primitive:
    """An operation on each element: one partial derivative an input, which serves vjp and jvp alike.

    A partial is a number where it is constant, else a rule. Where a partial may be infinite or nan, ``singular=True``
    makes a zero cotangent give a zero gradient there. ``product`` names an operation of the cotangent and of what the
    only partial takes, which gives their product: libraries often have it as one kernel. ``fields`` are those of
    :class:`Primitive`.
    """
    n = len(partials)
    # in which a zero beats whatever it meets: that of the cotangent, or that of a partial of 0 and 1, or shares of 1
    beating = "strong_multiply" if singular else "chosen" if fields.get("chooses") else ""
    constants: dict[float, str] = {1: "g", -1: "-g", 0: "xp.zeros_like(g)"}

    def expressions(times: str, ps: Sequence[Partial]) -> Cotangents:
        return [(times, p) if callable(p) else (constants.get(p, f"g * {p!r}"), None) for p in ps]

    def conjugated(p: Partial) -> Partial:
        return _replacing(p, lambda name: name, "conj(xp, {})") if callable(p) else p

    def jvp(xp: Any, ts: Sequence[Any], xs: Sequence[Any], out: Any, params: dict[str, Any]) -> Any:
        total = None
        for t, p in zip(ts, partials, strict=True):
            if t is None:
                continue
            if callable(p):
                partial = _call(p, n, xp, t, xs, out, params)
                term = getattr(xp, beating)(t, partial) if beating else t * partial
            else:
                term = t if p == 1 else t * p if p else xp.zeros_like(t)
            total = term if total is None else total + term
        return total if total is None or total.shape == out.shape else xp.broadcast_to(total, shape=out.shape)

    def compiled(times: str, **more: Any) -> Rules:
        real = expressions(times, partials)
        return Rules(real, lambda: expressions(times, [conjugated(p) for p in partials]), n, **more)

    if beating:
        rules = compiled(f"xp.{beating}(g, rule())", product=product)
    else:
        rules = compiled("g * rule()", product=product, strong=compiled("xp.strong_multiply(g, rule())"))
    return _register(
        name,
        kind="elementwise",
        inputs=n,
        singular=singular,
        broadcasts=True,
        rules=rules,
        jvp=jvp,
        **fields,
    )


def linear(name: str, *, transpose: Rule | tuple[Rule, ...], variadic: bool = False, **fields: Any) -> Primitive:
    """An operation linear in each of its inputs: its jvp is itself; ``transpose`` is one rule an input.

    For an operation linear in its inputs taken together (``concat``), ``variadic=True`` and one rule that gives the
    list of all cotangents. ``fields`` are those of :class:`Primitive`.
    """
    rules = transpose if isinstance(transpose, tuple) else (transpose,)
    n = None if variadic else len(rules)

    def run(xp: Any, xs: Sequence[Any], params: dict[str, Any]) -> Any:
        function = xp
        for part in name.split("."):
            function = getattr(function, part)
        return function(list(xs), **params) if fields.get("listed") else function(*xs, **params)

    def jvp(xp: Any, ts: Sequence[Any], xs: Sequence[Any], out: Any, params: dict[str, Any]) -> Any:
        if variadic:
            return run(xp, [xp.zeros_like(x) if t is None else t for t, x in zip(ts, xs, strict=True)], params)
        terms = [run(xp, [*xs[:i], t, *xs[i + 1 :]], params) for i, t in enumerate(ts) if t is not None]
        return sum(terms[1:], start=terms[0])

    # a rule of a multilinear map is linear in the other inputs, so conjugating those is all that complex numbers need
    def conjugated(rule: Rule) -> Rule:
        if all(_position(name, n) is None for name in _names(rule)):
            return rule
        return _replacing(rule, lambda name: name if _position(name, n) is None else f"conj(xp, {name})")

    return _register(
        name,
        kind="linear",
        inputs=n,
        rules=Rules([("rule()", r) for r in rules], lambda: [("rule()", conjugated(r)) for r in rules], n),
        jvp=jvp,
        **fields,
    )


def primitive(
    name: str,
    *,
    vjp: Rule | tuple[Rule | None, ...],
    jvp: Rule,
    holomorphic: bool = True,
    variadic: bool = False,
    pointwise: bool = False,
    **fields: Any,
) -> Primitive:
    """Any other operation: ``vjp`` one rule an input (None where an input has no derivative), and ``jvp``.

    A jvp rule takes ``t``, or, where there are several inputs, ``ts``: the list of tangents, None for one that is zero.
    ``pointwise`` says that a cotangent's element meets that element of the inputs alone, so that a zero can be strong.
    ``fields`` are those of :class:`Primitive`.
    """
    rules = vjp if isinstance(vjp, tuple) else (vjp,)
    n = None if variadic else len(rules)
    takes_list = "ts" in _names(jvp)

    def conjugated(rule: Rule | None) -> Rule | None:
        if rule is None or not holomorphic:
            return rule
        return _replacing(rule, lambda name: "conj(xp, g)" if name == "g" else name, "conj(xp, {})")

    def run_jvp(xp: Any, ts: Sequence[Any], xs: Sequence[Any], out: Any, params: dict[str, Any]) -> Any:
        return _call(jvp, n, xp, ts if takes_list else ts[0], xs, out, params)

    def compiled(result: str, strong: Rules | None = None) -> Rules:
        def cotangents(some: Sequence[Rule | None]) -> Cotangents:
            return [("None" if r is None else result, r) for r in some]

        return Rules(cotangents(rules), lambda: cotangents([conjugated(r) for r in rules]), n, strong=strong)

    return _register(
        name,
        kind="primitive",
        inputs=n,
        rules=compiled("rule()", compiled("xp.where(g == 0, xp.zeros_like(g), rule())") if pointwise else None),
        jvp=run_jvp,
        pointwise=pointwise,
        **fields,
    )


def nondiff(*names: str, inputs: int | None = 1, **fields: Any) -> None:
    """Operations without a derivative: their results never require a gradient."""
    for name in names:
        _register(name, kind="nondiff", inputs=inputs, broadcasts=inputs == 2, **fields)


# -- Python's operators, for what stands in for an array ---------------------------------------------------------------

_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "pow", "matmul": "matmul",
    "and": "bitwise_and", "or": "bitwise_or",
}  # fmt: skip
_COMPARISONS = {
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
}  # fmt: skip
_SIGNS = {"neg": "negative", "invert": "bitwise_invert"}


def give_operators(cls: Any, function: Callable[[Any, str], Callable[..., Any]]) -> None:
    """Give ``cls`` the operators that rules use; ``function(x, name)`` is the operation ``name`` where ``x`` is."""

    def binary(name: str) -> Callable[[Any, Any], Any]:
        return lambda self, other: function(self, name)(self, other)

    def reflected(name: str) -> Callable[[Any, Any], Any]:
        return lambda self, other: function(self, name)(other, self)

    def unary(name: str) -> Callable[[Any], Any]:
        return lambda self: function(self, name)(self)

    for python, name in (*_OPERATORS.items(), *_COMPARISONS.items()):
        setattr(cls, f"__{python}__", binary(name))
    for python, name in _OPERATORS.items():
        setattr(cls, f"__r{python}__", reflected(name))
    for python, name in _SIGNS.items():
        setattr(cls, f"__{python}__", unary(name))
    cls.__hash__ = object.__hash__  # which __eq__ has taken
