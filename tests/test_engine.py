"""The walk alone: cotangents are integers and strings, and no array is in sight."""

import gc
import operator
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradarray._engine import Deferred, GraphFreedError, Hook, Masked, Node, Op, Slot, ages, leading_to, walk


class Times(Op):
    """Sends to each input the cotangent times a factor that the node saved; integers or strings alike."""

    def pull(self, node, g):
        return tuple(g * factor for factor in node.saved)

    def pull_taped(self, node, g):
        return tuple(("taped", g * factor) for factor in node.saved)


class Split(Op):
    """Has two outputs; their cotangents come as a list."""

    def pull(self, node, g):
        return (tuple(g),)

    pull_taped = pull


TIMES, SPLIT = Times(), Split()


def node(*edges, factors=None, op=TIMES, outputs=None):
    made = Node()
    made.op, made.edges, made.hooks, made.seq = op, edges, None, next(ages)
    made.saved = tuple(factors or (1,) * len(edges))
    if outputs is not None:
        made.outputs = outputs
    return made


def run(*roots, **options):
    return walk(roots, **{"add": operator.add, "iadd": operator.iadd, **options})


def test_a_chain_multiplies():
    assert run((node(node("x", factors=(2,)), factors=(3,)), 1)) == {"x": 6}


def test_strings_are_cotangents_too():
    shared = node("x", "y")
    assert run((node(shared, shared), "ab")) == {"x": "abab", "y": "abab"}


def test_a_diamond_visits_its_foot_once():
    visits = []

    class Seen(Hook):
        index = 0

        def __call__(self, g, ends):
            visits.append(g)
            return g

    foot = node("x")
    foot.hooks = [Seen()]
    left, right = node(foot, factors=(2,)), node(foot, factors=(5,))
    assert run((node(left, right), 1)) == {"x": 7}
    assert visits == [7]


def test_the_youngest_goes_first_however_the_edges_are_ordered():
    for order in (slice(None), slice(None, None, -1)):
        old = node("x", factors=(10,))
        middle = node(old, factors=(3,))
        assert run((node(*[old, middle][order]), 1)) == {"x": 40}


def test_a_ready_node_that_gets_more_waits_for_it():
    old = node("x")
    young = node(old)
    assert run((node(old, old, young, young), 1)) == {"x": 4}


def test_none_is_zero_and_goes_nowhere():
    class Half(Op):
        def pull(self, node, g):
            return (g, None)

        pull_taped = pull

    assert run((node("x", "y", op=Half()), 1)) == {"x": 1}
    assert run((node("x", None, factors=(1, 1)), 1)) == {"x": 1}


def test_several_roots_and_a_sink_as_root():
    first, second = node("x", factors=(2,)), node("x", factors=(3,))
    assert run((first, 1), (second, 10), ("y", 5)) == {"x": 32, "y": 5}


def test_slots_collect_the_cotangents_of_several_outputs():
    many = node("x", op=SPLIT, outputs=3)
    top = node(Slot(many, 2), Slot(many, 0), Slot(many, 2), factors=(1, 2, 3))
    assert run((top, 1)) == {"x": (2, None, 4)}


def test_what_was_saved_is_freed_and_a_second_walk_says_so():
    below = node("x", factors=(2,))
    top = node(below, factors=(3,))
    assert run((top, 1)) == {"x": 6}
    assert top.saved is None and below.saved is None
    with pytest.raises(GraphFreedError, match="retain_graph=True"):
        run((top, 1))


def test_keep_keeps_it():
    top = node("x", factors=(2,))
    assert run((top, 1), keep=True) == run((top, 1), keep=True) == {"x": 2}


def test_a_node_that_saved_nothing_can_be_walked_again():
    class Same(Op):
        def pull(self, node, g):
            return (g,)

        pull_taped = pull

    top = node("x", op=Same())
    top.saved = ()
    assert run((top, 1)) == run((top, 1)) == {"x": 1}


def test_only_visits_what_leads_to_the_targets():
    wanted, other = node("x", factors=(2,)), node("y", factors=(3,))
    top = node(wanted, other)
    only = leading_to([top], ["x"])
    assert wanted in only and other not in only
    assert run((top, 1), only=only) == {"x": 2}
    assert other.saved is not None, "what was not visited was not freed"


def test_leading_to_goes_through_slots():
    many = node("x", op=SPLIT, outputs=2)
    assert many in leading_to([node(Slot(many, 1)), node("y")], ["x"])


def test_where_all_leads_to_the_targets_nothing_is_listed():
    shared = node("x", "y")
    assert leading_to([node(shared), node(shared, "x")], ["x", "y"]) is None
    top = node(shared)
    assert leading_to([top], ["x"]) == {"x", shared, top}
    assert leading_to([top], [shared]) == {shared, top}


def test_what_leads_nowhere_does_not_lead_to_the_targets():
    assert leading_to([node(None, factors=(1,))], ["x"]) == {"x"}


def test_captures_see_a_cotangent_on_its_way():
    class Keep(Hook):
        def __init__(self, index):
            self.index = index

        def __call__(self, g, ends):
            ends["kept"] = g
            return g

    below = node("x", factors=(2,))
    top = node(below, factors=(3,))
    assert run((top, 1), captures={below: [Keep(0)]}) == {"kept": 3, "x": 6}


def test_a_hook_may_replace_the_cotangent():
    class Double(Hook):
        index = 0

        def __call__(self, g, ends):
            return 2 * g

    below = node("x")
    below.hooks = [Double()]
    assert run((node(below, factors=(3,)), 1)) == {"x": 6}


def test_taped_uses_the_other_rule():
    assert run((node("x", factors=(2,)), 1), taped=True) == {"x": ("taped", 2)}


class Adds(Deferred):
    made = 0

    def __init__(self, value):
        self.value = value

    def add_to(self, total, *, owned):
        Adds.made += total is None
        if total is None:
            return {self.value}
        if owned:
            total.add(self.value)
            return total
        return total | {self.value}


class Give(Op):
    def pull(self, node, g):
        return (Adds(node.saved[0]),)

    pull_taped = pull


@pytest.mark.parametrize("through_a_node", [False, True])
def test_deferred_cotangents_make_one_buffer(through_a_node):
    class Total(Op):
        def pull(self, node, g):
            return (g if isinstance(g, set) else {g},)

        pull_taped = pull

    Adds.made = 0
    foot = node("x", op=Total()) if through_a_node else "x"
    parts = [node(foot, factors=(i,), op=Give()) for i in range(5)]
    (found,) = run((node(*parts), 1)).values()
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert Adds.made == 1


class Joins(Deferred):
    """Numbers of one sign, which are added up when they are asked for."""

    made = 0

    def __init__(self, *values):
        self.values = values

    def join(self, other):
        if type(other) is not Joins or self.values[0] * other.values[0] < 0:
            return False
        self.values += other.values
        return True

    def add_to(self, total, *, owned):
        Joins.made += 1
        return sum(self.values) + (total or 0)


@pytest.mark.parametrize(("values", "made"), [((1, 2, 3), 1), ((1, 2, -3), 2), ((1, -2, 3), 3), ((-1,), 1)])
@pytest.mark.parametrize("through_a_node", [False, True])
def test_deferred_cotangents_that_join_are_made_together(values, made, through_a_node):
    class GiveJoins(Op):
        def pull(self, node, g):
            return (Joins(node.saved[0]),)

    Joins.made = 0
    foot = node("x", factors=(1,)) if through_a_node else "x"
    parts = [node(foot, factors=(value,), op=GiveJoins()) for value in reversed(values)]  # the youngest comes first
    assert run((node(*parts), 1)) == {"x": sum(values)}
    assert Joins.made == made


def test_a_deferred_cotangent_does_not_join_a_number():
    class GiveJoins(Op):
        def pull(self, node, g):
            return (Joins(5),)

    for op, other in ((None, GiveJoins()), (GiveJoins(), None)):
        parts = [node("x", factors=(2,)) if o is None else node("x", factors=(1,), op=o) for o in (op, other)]
        assert run((node(*parts), 1)) == {"x": 7}


@pytest.mark.parametrize("edges", [("x",), (("a", "tuple"),), ("x", "y"), (None,), ()])
def test_the_edges_of_a_node_are_what_was_given(edges):
    assert node(*edges).edges == edges


def test_sums_are_made_in_the_first_buffer_that_the_walk_owns():
    calls = []

    def add(a, b):
        calls.append("add")
        return a + b

    def iadd(a, b):
        calls.append("iadd")
        return a + b

    parts = [node("x") for _ in range(4)]
    assert walk([(node(*parts), 1)], add=add, iadd=iadd) == {"x": 4}
    assert calls == ["add", "iadd", "iadd"]


def test_an_exception_in_the_middle_frees_nothing_below():
    class Fails(Op):
        def pull(self, node, g):
            raise ZeroDivisionError

        pull_taped = pull

    below = node("x")
    broken = node(below, op=Fails())
    with pytest.raises(ZeroDivisionError):
        run((node(broken), 1))
    assert below.saved and broken.saved


def test_a_million_nodes_deep_without_recursion():
    top = node("x")
    for _ in range(1_000_000):
        top = node(top)
    assert run((top, 1)) == {"x": 1}
    gone = weakref.ref(top)
    gc.disable()
    try:
        del top
        assert gone() is None
    finally:
        gc.enable()


class Asked(Op):
    """Says in its cotangents whether it was asked for strong zeros."""

    def pull(self, node, g):
        return tuple(g + " weak" for _ in node.edges)

    pull_taped = pull

    def pull_strong(self, node, g):
        return tuple(g + " strong" for _ in node.edges)

    def pull_strong_taped(self, node, g):
        return tuple(g + " taped" for _ in node.edges)


class Choosing(Asked):
    def pull(self, node, g):
        return Masked(g for _ in node.edges)

    pull_taped = pull


ASKED, CHOOSING = Asked(), Choosing()


@pytest.mark.parametrize("taped", [False, True])
def test_a_choice_makes_zeros_strong_in_all_that_lies_beyond(taped):
    strong = " taped" if taped else " strong"
    first, other = node("x", op=ASKED), node("y", op=ASKED)
    middle = node(first, op=ASKED)
    choice = node(middle, None, op=CHOOSING)
    assert run((choice, "g"), (other, "h"), taped=taped) == {"x": f"g{strong}{strong}", "y": "h weak"}


def test_a_choice_reaches_through_slots_and_sums():
    split = node("x", op=SPLIT, outputs=2)
    foot = node(Slot(split, 1), op=ASKED)
    plain, choice = node(foot, op=ASKED), node(foot, op=CHOOSING)
    assert run((node(plain, choice, op=ASKED), "g")) == {"x": (None, "g weak" + "g weak weak" + " strong")}


@st.composite
def graphs(draw):
    """For each node, from the oldest, its edges: the number of an older node, the name of a sink or None; factors."""
    made = []
    for i in range(draw(st.integers(1, 12))):
        below = st.one_of(st.integers(0, i - 1), st.sampled_from("xyz")) if i else st.sampled_from("xyz")
        edges = draw(st.lists(st.one_of(below, below, below, st.none()), min_size=1, max_size=3))
        made.append((edges, draw(st.lists(st.integers(-2, 3), min_size=len(edges), max_size=len(edges)))))
    return made


@given(graphs(), st.lists(st.integers(0, 11), min_size=1, max_size=3), st.sets(st.sampled_from("xyz")))
def test_any_graph_is_walked_from_the_youngest_down_and_each_node_once(graph, roots, targets):
    visits = []

    class Seen(Hook):
        def __init__(self, i):
            self.index, self.i = 0, i

        def __call__(self, g, ends):
            visits.append(self.i)
            return g

    roots = [i % len(graph) for i in roots]
    nodes = []
    for i, (edges, factors) in enumerate(graph):
        nodes.append(node(*(nodes[e] if isinstance(e, int) else e for e in edges), factors=factors))
        nodes[-1].hooks = [Seen(i)]
    # by hand: the sum over all paths, from the youngest down
    waiting, ends = {}, {}
    for i in roots:
        waiting[i] = waiting.get(i, 0) + 1
    for i in sorted(range(len(graph)), reverse=True):
        for e, factor in zip(*graph[i]) if i in waiting else ():
            if e is not None:
                where = waiting if isinstance(e, int) else ends
                where[e] = where.get(e, 0) + waiting[i] * factor
    seeds = [(nodes[i], 1) for i in roots]
    assert run(*seeds, keep=True) == ends
    assert visits == sorted(waiting, reverse=True)
    only = leading_to([edge for edge, _ in seeds], targets)
    assert run(*seeds, only=only) == {x: g for x, g in ends.items() if x in targets or only is None}
