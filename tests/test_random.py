"""Random numbers: shapes, ranges, and that a seed repeats them."""

import pytest

import gradarray as ga


@pytest.fixture(autouse=True)
def seeded():
    ga.manual_seed(0)


@pytest.mark.parametrize("draw", [ga.rand, ga.randn])
@pytest.mark.parametrize(("args", "shape"), [((5, 3), (5, 3)), (((5, 3),), (5, 3)), ((4,), (4,)), (((),), ())], ids=str)
def test_shapes(draw, args, shape):
    x = draw(*args)
    assert (x.shape, x.dtype) == (shape, ga.float32)


@pytest.mark.parametrize("draw", [ga.rand, ga.randn])
@pytest.mark.parametrize("dtype", [ga.float32, ga.float64], ids=str)
def test_floating_dtypes(draw, dtype):
    assert draw(3, dtype=dtype).dtype is dtype


@pytest.mark.parametrize("draw", [ga.rand, ga.randn])
def test_integers_are_refused(draw):
    with pytest.raises(TypeError, match="floating dtype"):
        draw(3, dtype=ga.int64)


def test_rand_is_uniform_on_the_unit_interval():
    x = ga.rand(10_000)
    assert 0 <= x.min().item() < 0.01
    assert 0.99 < x.max().item() < 1
    assert abs(x.mean().item() - 0.5) < 0.02


def test_randn_is_standard_normal():
    x = ga.randn(10_000, dtype=ga.float64)
    assert abs(x.mean().item()) < 0.05
    assert abs(x.std().item() - 1) < 0.05


def test_complex_normal_has_variance_one():
    x = ga.randn(10_000, dtype=ga.complex128)
    assert x.dtype is ga.complex128
    assert abs((x.abs() ** 2).mean().item() - 1) < 0.05


@pytest.mark.parametrize(
    "draw",
    [
        lambda: ga.rand(4),
        lambda: ga.randn(4),
        lambda: ga.randint(0, 100, (4,)),
        lambda: ga.randperm(10),
        lambda: ga.zeros(4).uniform_(),
        lambda: ga.zeros(4).normal_(),
    ],
)
def test_a_seed_repeats_what_follows(draw):
    ga.manual_seed(7)
    first, second = draw().tolist(), draw().tolist()
    ga.manual_seed(7)
    assert draw().tolist() == first
    assert draw().tolist() == second
    assert first != second


def test_like():
    x = ga.zeros(2, 3, dtype=ga.float64)
    assert (ga.rand_like(x).shape, ga.rand_like(x).dtype) == ((2, 3), ga.float64)
    assert ga.randn_like(x, dtype=ga.float).dtype is ga.float32


def test_randint():
    x = ga.randint(3, 6, (1000,))
    assert sorted(set(x.tolist())) == [3, 4, 5]
    assert x.dtype is ga.int64
    assert ga.randint(2, (3, 2)).shape == (3, 2)
    assert ga.randint(0, 2, (3,), dtype=ga.float32).dtype is ga.float32
    with pytest.raises(RuntimeError, match="low < high"):
        ga.randint(3, 3, (1,))


def test_randint_says_what_it_needs():
    for low, high in ((0, 5.5), (0.5, 5), ("a", 5), (0, None)):
        with pytest.raises(TypeError, match="integers low and high, got"):
            ga.randint(low, high, (3,))
    for low, high, dtype in ((0, 300, ga.uint8), (-1, 10, ga.uint8), (0, 2**63 + 1, None)):
        with pytest.raises(RuntimeError, match="does not hold all numbers from"):
            ga.randint(low, high, (3,), dtype=dtype)
    assert ga.randint(-(2**63), 2**63, (3,)).shape == (3,)


def test_randperm():
    x = ga.randperm(20)
    assert x.dtype is ga.int64
    assert sorted(x.tolist()) == list(range(20))
    assert ga.randperm(0).shape == (0,)


@pytest.mark.parametrize(
    ("n", "dtype", "error", "message"),
    [
        (257, ga.uint8, RuntimeError, r"gradarray.uint8 does not hold all numbers from 0 to 256"),
        (129, ga.int8, RuntimeError, "does not hold"),
        (2, ga.bool, TypeError, "an integer or a floating dtype, got gradarray.bool"),
        (2, ga.complex64, TypeError, "an integer or a floating dtype"),
        (-1, None, RuntimeError, "negative"),
        (2.5, None, TypeError, "made of integers"),
    ],
)
def test_randperm_is_a_permutation_or_none(n, dtype, error, message):
    with pytest.raises(error, match=message):
        ga.randperm(n, dtype=dtype)
    assert sorted(ga.randperm(256, dtype=ga.uint8).tolist()) == list(range(256))
    assert sorted(ga.randperm(3, dtype=ga.float32).tolist()) == [0.0, 1.0, 2.0]


def test_a_generator_is_independent_of_the_default_one():
    g = ga.Generator().manual_seed(3)
    first = ga.rand(3, generator=g).tolist()
    ga.rand(3)
    g.manual_seed(3)
    assert ga.rand(3, generator=g).tolist() == first
    assert g.initial_seed() == 3


def test_what_is_no_seed_changes_nothing():
    ga.manual_seed(3)
    g = ga.Generator().manual_seed(4)
    for seed, error in ((1.5, TypeError), ("12", TypeError), (None, TypeError), (2**64, ValueError)):
        with pytest.raises(error, match="a seed"):
            g.manual_seed(seed)
    with pytest.raises(ValueError, match="a seed lies from"):
        ga.manual_seed(-(2**63) - 1)
    assert (ga.initial_seed(), g.initial_seed()) == (3, 4)
    assert g.manual_seed(-1).initial_seed() == 2**64 - 1


def test_a_generator_is_one():
    for draw in (ga.rand, ga.randperm, ga.zeros(2).uniform_):
        with pytest.raises(TypeError, match=r"must be a gradarray\.Generator, got 5"):
            draw(0, generator=5)


def test_a_generators_state_can_be_put_back():
    g = ga.Generator().manual_seed(3)
    state = g.get_state()
    first = ga.randn(3, generator=g).tolist()
    g.set_state(state)
    assert ga.randn(3, generator=g).tolist() == first


def test_the_seed_is_told():
    ga.manual_seed(11)
    assert ga.initial_seed() == 11
    assert ga.seed() == ga.initial_seed()


def test_drawing_in_place():
    x = ga.zeros(1000)
    assert x.uniform_(2, 3) is x
    assert 2 <= x.min().item() < x.max().item() < 3
    x.normal_(5, 0.01)
    assert abs(x.mean().item() - 5) < 0.01


def test_drawing_in_place_needs_a_distribution():
    x = ga.zeros(3)
    for low, high in ((1, 0), (0, float("nan"))):
        with pytest.raises(RuntimeError, match="low <= high"):
            x.uniform_(low, high)
    for std in (-1, float("nan")):
        with pytest.raises(RuntimeError, match="std >= 0"):
            x.normal_(0, std)
    assert x.tolist() == [0.0, 0.0, 0.0] and x._version == 0
    assert x.uniform_(2, 2).tolist() == x.normal_(2, 0).tolist() == [2.0, 2.0, 2.0]


def test_drawn_leaves_require_gradients_when_told():
    assert ga.randn(2, requires_grad=True).is_leaf
    assert ga.rand_like(ga.zeros(2), requires_grad=True).requires_grad
