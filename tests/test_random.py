"""The generator gives PyTorch's numbers and takes as many words of the stream for them."""

from __future__ import annotations

import numpy as np
import pytest

from xpgrad import dtypes, random
from xpgrad.random import Generator

SCALE = float(np.float32(1) / np.float32(0.75))
RECORDED = {  # torch 2.13; bernoulli and dropout from its uniform numbers
    "randn3": [1.5409960746765137, -0.293428897857666, -2.1787893772125244],
    "randn20": [-1.1258398294448853, 1.85300612449646, 0.46809640526771545, 0.05373690277338028],
    "double": [1.5409961082440433, -0.2934289057609464, -2.1787893820745574],
    "wide": [-3711235831533098449, -642142871786238784],
    "randperm": [4, 0, 7, 3, 2, 5, 1, 6],
    "bernoulli": [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0],
    "dropout": [0.0, SCALE, SCALE, 0.0, SCALE, 0.0, SCALE, SCALE, SCALE, SCALE],
    "bernoulli_of": [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
    "state": [7, 105, 2, 1, 8, 1],
}

FLOATS = [dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16]


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.fixture
def pair(torch):
    """A generator of ours and one of PyTorch's at the same place."""
    return Generator().manual_seed(2024), torch.Generator().manual_seed(2024)


def values(tensor):
    return tensor.float().numpy() if tensor.element_size() == 2 and tensor.is_floating_point() else tensor.numpy()


def check(ours, theirs, mine, his, exact=True):
    his = values(his)
    assert mine.shape == his.shape and mine.dtype == (his.dtype if mine.dtype != np.float16 else np.float16)
    if exact:
        np.testing.assert_array_equal(mine.astype(his.dtype), his)
    else:
        np.testing.assert_allclose(mine, his, rtol=1e-13, atol=1e-15)
    state = theirs.get_state().numpy()
    words, spare = slice(0, 5016), slice(5016, None)
    np.testing.assert_array_equal(ours.get_state()[words], state[words])
    if exact:
        mine_spare, his_spare = (s[spare].copy().view("f8")[:3] for s in (ours.get_state(), state))
        np.testing.assert_allclose(mine_spare, his_spare, rtol=1e-13)


# Recorded from torch 2.13: these hold without PyTorch.


def test_recorded_uniform():
    expected = [0.49625658988952637, 0.7682217955589294, 0.08847743272781372, 0.13203048706054688]
    assert Generator().manual_seed(0).uniform((4,)).tolist() == expected


def test_recorded_normal():
    assert Generator().manual_seed(0).normal((3,)).tolist() == RECORDED["randn3"]
    assert Generator().manual_seed(0).normal((20,))[[0, 7, 8, 19]].tolist() == RECORDED["randn20"]
    assert Generator().manual_seed(0).normal((3,), dtypes.float64).tolist() == pytest.approx(RECORDED["double"], 1e-14)


def test_recorded_integers():
    assert Generator().manual_seed(0).integers(0, 10, (5,)).tolist() == [4, 9, 3, 0, 3]
    assert Generator().manual_seed(0).integers(-(2**62), 2**62, 2).tolist() == RECORDED["wide"]
    assert Generator().manual_seed(0).permutation(8).tolist() == RECORDED["randperm"]


def test_recorded_bernoulli():
    # the portable stream; PyTorch on an Intel CPU may take another
    assert Generator().manual_seed(0).bernoulli(0.5, (10,)).tolist() == RECORDED["bernoulli"]
    assert Generator().manual_seed(0).bernoulli(np.full(10, 0.5, np.float32)).tolist() == RECORDED["bernoulli_of"]
    assert Generator().manual_seed(0).dropout((10,), 0.25).tolist() == RECORDED["dropout"]


def test_recorded_states():
    g = Generator().manual_seed(7)
    g.normal((3,))
    assert [int(g.get_state()[i]) for i in (0, 8, 9, 12, 16, 5040)] == RECORDED["state"]
    assert random.Generator().initial_seed() == 67280421310721


# Against PyTorch.


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("bounds", [(0, 1), (-0.1, 0.1), (3, 7), (-2, 0), (0.3, 0.3)])
def test_uniform(torch, pair, dtype, bounds):
    ours, theirs = pair
    his = torch.empty(3, 1001, dtype=getattr(torch, dtype.name)).uniform_(*bounds, generator=theirs)
    check(ours, theirs, ours.uniform((3, 1001), dtype, *bounds), his)


def test_uniform_in_a_huge_range(torch, pair):
    ours, theirs = pair
    his = torch.empty(100, dtype=torch.float64).uniform_(-8e307, 8e307, generator=theirs)
    np.testing.assert_allclose(ours.uniform(100, dtypes.float64, -8e307, 8e307), his.numpy(), atol=8e307 * 2**-52)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("size", [0, 1, 2, 15, 16, 17, 31, 32, 1000, 40001])
@pytest.mark.parametrize("moments", [(0, 1), (0, 0.02), (1.5, 0.3)])
def test_normal(torch, pair, dtype, size, moments):
    ours, theirs = pair
    his = torch.empty(size, dtype=getattr(torch, dtype.name)).normal_(*moments, generator=theirs)
    mine = ours.normal(size, dtype, *moments)
    check(ours, theirs, mine, his, exact=dtype is not dtypes.float64)


def test_normal_keeps_the_second_of_a_pair(torch, pair):
    ours, theirs = pair
    for size in (1, 3, 0, 20, 2, 1, 15, 5):
        check(ours, theirs, ours.normal((size,)), torch.randn(size, generator=theirs))


@pytest.mark.parametrize("name", ["complex64", "complex128"])
@pytest.mark.parametrize("shape", [(), (3,), (5, 7)])
def test_complex(torch, pair, name, shape):
    ours, theirs = pair
    dtype, exact = getattr(dtypes, name), name == "complex64"
    check(ours, theirs, ours.uniform(shape, dtype), torch.rand(shape, dtype=getattr(torch, name), generator=theirs))
    his = torch.randn(shape, dtype=getattr(torch, name), generator=theirs)
    check(ours, theirs, ours.normal(shape, dtype), his, exact)


@pytest.mark.parametrize(
    "bounds",
    [(0, 1), (-5, 5), (0, 2**28 - 1), (0, 2**28), (-3, 2**31), (0, 2**32), (-(2**63), 2**63 - 1), (7, 2**63 - 1)],
)
def test_integers(torch, pair, bounds):
    ours, theirs = pair
    check(ours, theirs, ours.integers(*bounds, (4, 9)), torch.randint(*bounds, (4, 9), generator=theirs))


@pytest.mark.parametrize("name", ["uint8", "int8", "int16", "int32", "float32", "float64", "bool"])
def test_integers_of_other_dtypes(torch, pair, name):
    ours, theirs = pair
    high = 2 if name == "bool" else 100
    mine = ours.integers(0, high, 50, dtypes.NAMED[name])
    check(ours, theirs, mine, torch.randint(0, high, (50,), dtype=getattr(torch, name), generator=theirs))


@pytest.mark.parametrize("n", [0, 1, 2, 7, 1000])
def test_permutation(torch, pair, n):
    ours, theirs = pair
    check(ours, theirs, ours.permutation(n), torch.randperm(n, generator=theirs))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(
    "name, args",
    [
        ("exponential", (1.0,)),
        ("exponential", (2.5,)),
        ("log_normal", (1.0, 2.0)),
        ("log_normal", (0.5, 0.1)),
        ("cauchy", (0.0, 1.0)),
        ("cauchy", (2.0, 0.5)),
    ],
)
def test_other_distributions(torch, pair, dtype, name, args):
    ours, theirs = pair
    his = getattr(torch.empty(7, 31, dtype=getattr(torch, dtype.name)), name + "_")(*args, generator=theirs)
    check(ours, theirs, getattr(ours, name)((7, 31), dtype, *args), his, exact=dtype is not dtypes.float64)


@pytest.mark.parametrize("p", [0.01, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.int64], ids=str)
def test_geometric(torch, pair, p, dtype):
    ours, theirs = pair
    his = torch.empty(200, dtype=getattr(torch, dtype.name)).geometric_(p, generator=theirs)
    check(ours, theirs, ours.geometric(200, p, dtype), his)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(5,), (3, 40)])
@pytest.mark.parametrize("count, replacement", [(1, False), (4, False), (1, True), (6, True), (500, True)])
def test_multinomial(torch, pair, dtype, shape, count, replacement):
    ours, theirs = pair
    weights = np.random.default_rng(0).random(shape).astype(dtype)
    weights[..., 2] = 0
    his = torch.multinomial(torch.from_numpy(weights), count, replacement, generator=theirs)
    check(ours, theirs, ours.multinomial(weights, count, replacement), his)


def test_states_go_to_pytorch_and_back(torch, pair):
    ours, theirs = pair
    for count in (0, 1, 623, 1, 700):
        check(ours, theirs, ours.uniform(count), torch.rand(count, generator=theirs))
    check(ours, theirs, ours.normal(3), torch.randn(3, generator=theirs))
    back = Generator().set_state(theirs.get_state().numpy())
    theirs.set_state(torch.from_numpy(ours.get_state()))
    check(back, theirs, back.normal(5), torch.randn(5, generator=theirs))
    assert back.initial_seed() == theirs.initial_seed() == 2024


@pytest.mark.parametrize("seed", [0, 1, -1, -5, 2**32 + 3, 2**63, 2**64 - 1, -(2**63)])
def test_seeds(torch, seed):
    ours, theirs = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    check(ours, theirs, ours.uniform(3), torch.rand(3, generator=theirs))
    assert ours.initial_seed() == theirs.initial_seed()


# What it does on its own.


def test_clone_goes_its_own_way():
    g = Generator().manual_seed(1)
    g.normal(3)
    twin = g.clone()
    assert np.array_equal(g.normal(30), twin.normal(30))
    g.uniform(2)
    assert not np.array_equal(g.get_state(), twin.get_state())


def test_elements_from_bytes():
    assert random.from_bytes(b"\x01\x02", dtypes.uint8).tolist() == [1, 2]
    assert random.from_bytes(b"\xc0\x3f\x00\xc0", dtypes.bfloat16).tolist() == [1.5, -2.0]
    assert random.from_bytes(b"", dtypes.float64).shape == (0,)


def test_seed_is_new_each_time():
    g = Generator()
    assert g.seed() != g.seed()
    assert g.initial_seed() < 2**53


def test_default_generator_and_fork():
    assert random.manual_seed(3) is random.default_generator
    assert random.initial_seed() == 3
    with pytest.raises(KeyError), random.fork_rng():
        random.default_generator.uniform(10)
        raise KeyError
    first = random.default_generator.uniform(2)
    with random.fork_rng(enabled=False):
        second = random.default_generator.uniform(2)
    fresh = Generator().manual_seed(3)
    assert np.array_equal(np.append(first, second), fresh.uniform(4))
    assert random.seed() == random.initial_seed()


def test_hooks_record_and_replay():
    g, draws = Generator().manual_seed(5), []

    def hook(draw):
        draws.append(draw)
        return draw()

    random.hooks.append(hook)
    try:
        g.uniform(2), g.multinomial(np.ones(4), 2), g.normal((2, 2), dtypes.complex64)
    finally:
        random.hooks.remove(hook)
    assert [draw.func.__name__ for draw in draws] == ["uniform", "multinomial", "normal"]
    replayed, fresh = [draw() for draw in draws], Generator().manual_seed(5)
    fresh.uniform(2), fresh.multinomial(np.ones(4), 2), fresh.normal((2, 2), dtypes.complex64)
    assert np.array_equal(replayed[0], fresh.uniform(2))


def test_bernoulli_of_probabilities():
    p = np.linspace(0, 1, 1000, dtype=np.float32)
    g = Generator().manual_seed(0)
    assert np.array_equal(g.bernoulli(p), Generator().manual_seed(0).uniform(1000) < p)
    assert g.bernoulli(1.0, (3,), dtypes.bool_).tolist() == [True] * 3
    assert g.bernoulli(np.float64(0.0), ()).shape == ()


@pytest.mark.parametrize("draw, error, text", [
    (lambda g: g.uniform(2, dtypes.float32, 2, 1), RuntimeError, "from=2 > to=1"),
    (lambda g: g.uniform(2, dtypes.int64), RuntimeError, "floating-point"),
    (lambda g: g.uniform((2, -1)), RuntimeError, "negative dimension"),
    (lambda g: g.normal(2, dtypes.float32, 0, -1), RuntimeError, "std -1"),
    (lambda g: g.integers(5, 5, 2), RuntimeError, "from=5 >= to=5"),
    (lambda g: g.integers(0, 300, 2, dtypes.uint8), RuntimeError, "out of bounds"),
    (lambda g: g.permutation(-1), RuntimeError, "got -1"),
    (lambda g: g.bernoulli(2.0, 3), RuntimeError, "p=2.0"),
    (lambda g: g.bernoulli(np.array([0.5, np.nan])), RuntimeError, "to be in"),
    (lambda g: g.dropout(3, 1.0), ValueError, "dropout"),
    (lambda g: g.exponential(3, dtypes.float32, 0), RuntimeError, "lambda=0"),
    (lambda g: g.log_normal(3, dtypes.float32, 0, 0), RuntimeError, "std=0"),
    (lambda g: g.cauchy(3, dtypes.float32, 0, 0), RuntimeError, "sigma=0"),
    (lambda g: g.geometric(3, 1.5), RuntimeError, "p=1.5"),
    (lambda g: g.multinomial(np.ones(3), 4), RuntimeError, "4 of 3"),
    (lambda g: g.multinomial(np.ones(3), 0), RuntimeError, "n_sample <= 0"),
    (lambda g: g.multinomial(np.zeros(3), 2), RuntimeError, "sum of probabilities"),
    (lambda g: g.multinomial(-np.ones(3), 2), RuntimeError, "element < 0"),
    (lambda g: g.multinomial(np.ones(3, int), 2), RuntimeError, "floating-point"),
    (lambda g: g.set_state(np.zeros(5056)), TypeError, "uint8"),
    (lambda g: g.set_state(np.zeros(3, np.uint8)), RuntimeError, "5056"),
    (lambda g: g.set_state(np.zeros(5056, np.uint8)), RuntimeError, "invalid"),
    (lambda g: g.manual_seed(2**64), ValueError, "seed must lie"),
])  # fmt: skip
def test_bad_arguments(draw, error, text):
    g = Generator().manual_seed(0)
    before = g.get_state()
    with pytest.raises(error, match=text):
        draw(g)
    assert np.array_equal(before, g.get_state())  # a refusal draws nothing
