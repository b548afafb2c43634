"""einops on tensors, against einops on arrays."""

import einops
import numpy as np
import pytest

import gradarray as ga

from .checks import agrees

R = np.random.default_rng(3)
X, Y = R.standard_normal((4, 6, 3)), R.standard_normal((4, 6))


@pytest.mark.parametrize("pattern", ["a b c -> c b a", "a (b d) c -> a b (d c)", "a b c -> (a b c)", "... c -> c ...",
                                     "a b c -> a 1 b 1 c"])  # fmt: skip
def test_rearrange(pattern):
    sizes = {"d": 2} if "d" in pattern else {}
    agrees(lambda x: einops.rearrange(x, pattern, **sizes), X)


@pytest.mark.parametrize("how", ["sum", "mean", "max", "min", "prod"])
@pytest.mark.parametrize("pattern", ["a b c -> b", "a (b d) c -> b c", "a b c ->", "a b c -> 1 b 1"])
def test_reduce(how, pattern):
    sizes = {"d": 2} if "d" in pattern else {}
    agrees(lambda x: einops.reduce(x, pattern, how, **sizes), X)


def test_reduce_of_booleans():
    x = ga.tensor(X > 0)
    for how in ("any", "all"):
        assert einops.reduce(x, "a b c -> a", how).tolist() == einops.reduce(X > 0, "a b c -> a", how).tolist()
    with pytest.raises(NotImplementedError, match="reduce_mean is not available for non-floating tensors"):
        einops.reduce(x, "a b c -> a", "mean")


@pytest.mark.parametrize("pattern", ["a b -> a b d", "a b -> (d a) b", "a b -> a (b d)"])
def test_repeat(pattern):
    agrees(lambda x: einops.repeat(x, pattern, d=3), Y)


def test_pack_and_unpack():
    agrees(lambda x, y: einops.pack([x, y], "a b *")[0], X, Y)
    agrees(lambda x: einops.unpack(x, [(1,), (), (2, 2)], "a *"), Y)


def test_a_list_is_stacked():
    agrees(lambda x, y: einops.rearrange([x, y], "s a b -> a (s b)"), Y, Y + 1)


def test_parse_shape_and_asnumpy():
    x = ga.tensor(X, requires_grad=True)
    assert einops.parse_shape(x, "a _ c") == {"a": 4, "c": 3}
    assert type(einops.asnumpy(x)) is np.ndarray


@pytest.mark.skipif(not hasattr(ga, "einsum"), reason="gradarray.einsum is not there yet")
def test_einsum():
    agrees(lambda x, y: einops.einsum(x, y, "a b c, a b -> c"), X, Y)
