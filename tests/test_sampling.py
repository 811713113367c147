"""Random Tensors and initial parameters: PyTorch's numbers on every library, through the functions that users call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import xpgrad

DRAWS: dict[str, Callable[[Any], Any]] = {
    "rand": lambda t: t.rand(3, 5),
    "rand float64": lambda t: t.rand(4, dtype=t.float64),
    "rand_like": lambda t: t.rand_like(t.zeros(2, 9)),
    "randn of few": lambda t: t.randn(2, 3),
    "randn of many": lambda t: t.randn(5, 7),
    "randn float64": lambda t: t.randn(20, dtype=t.float64),
    "randn_like": lambda t: t.randn_like(t.zeros(17)),
    "randint": lambda t: t.randint(10, (7,)),
    "randint from": lambda t: t.randint(-3, 2**40, (2, 3)),
    "randint_like": lambda t: t.randint_like(t.zeros(5), 3, 9),
    "randperm": lambda t: t.randperm(9),
    "normal": lambda t: t.normal(2.0, 0.5, (3, 6)),
    "normal of means": lambda t: t.normal(t.arange(1.0, 5.0), 2.0),
    "normal of deviations": lambda t: t.normal(t.zeros(20), t.arange(1.0, 21.0)),
    "uniform_": lambda t: t.empty(3, 4).uniform_(-2, 5),
    "normal_": lambda t: t.empty(3, 4).normal_(1, 3),
    "random_": lambda t: t.empty(6).random_(3, 8),
    "in turn": lambda t: t.cat([t.randn(3), t.rand(2), t.randn(1), t.randn(16), t.randperm(3).float()]),
}
LAYERS: dict[str, Callable[[Any], Any]] = {
    "Linear": lambda nn: nn.Linear(5, 3),
    "Linear without bias": lambda nn: nn.Linear(20, 30, bias=False),
    "Bilinear": lambda nn: nn.Bilinear(3, 4, 2),
    "Conv1d": lambda nn: nn.Conv1d(4, 6, 3, groups=2),
    "Conv2d": lambda nn: nn.Conv2d(3, 4, (3, 2)),
    "Conv3d": lambda nn: nn.Conv3d(1, 2, 2),
    "ConvTranspose2d": lambda nn: nn.ConvTranspose2d(3, 4, 2),
    "Embedding": lambda nn: nn.Embedding(7, 3),
    "LSTM": lambda nn: nn.LSTM(3, 4, num_layers=2),
    "MultiheadAttention": lambda nn: nn.MultiheadAttention(8, 2),
    "LeNet": lambda nn: nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.Flatten(), nn.Linear(9, 3)),
}
SCALE = 1 / 0.75
RECORDED = {  # torch 2.13's uniform numbers below p; PyTorch on an Intel CPU may take another stream here
    "bernoulli_": [0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0],
    "bernoulli": [1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0],
    "dropout": [0.0, SCALE, SCALE, 0.0, SCALE, 0.0, SCALE, SCALE, SCALE, SCALE],
}


@pytest.fixture(scope="module")
def torch() -> Any:
    found = pytest.importorskip("torch")
    state = found.get_rng_state()
    yield found
    found.set_rng_state(state)


def same(ours: Any, theirs: Any) -> None:
    assert type(ours).__module__.startswith("xpgrad")
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert ours.dtype.name == str(theirs.dtype).removeprefix("torch.")
    exact = ours.dtype is not xpgrad.float64  # there, up to the last bit of a logarithm and a cosine
    mine, his = ours.detach().numpy(), theirs.detach().numpy()
    np.testing.assert_allclose(mine, his, rtol=0 if exact else 1e-13, atol=0)


@pytest.mark.parametrize("name", DRAWS)
def test_random_tensors(backend: str, torch: Any, name: str) -> None:
    xpgrad.manual_seed(2024), torch.manual_seed(2024)
    ours = DRAWS[name](xpgrad)
    assert ours.library.backend.name == backend
    same(ours, DRAWS[name](torch))
    same(xpgrad.rand(1), torch.rand(1))  # and as much of the stream was taken


@pytest.mark.parametrize("name", LAYERS)
def test_initial_parameters(backend: str, torch: Any, name: str) -> None:
    xpgrad.manual_seed(7), torch.manual_seed(7)
    ours, theirs = LAYERS[name](xpgrad.nn).state_dict(), LAYERS[name](torch.nn).state_dict()
    assert list(ours) == list(theirs)
    for key, value in ours.items():
        same(value, theirs[key])


def test_recorded_numbers(backend: str) -> None:
    """Without PyTorch."""
    assert xpgrad.rand(3).tolist() == [0.49625658988952637, 0.7682217955589294, 0.08847743272781372]
    xpgrad.manual_seed(0)
    assert xpgrad.randn(3).tolist() == [1.5409960746765137, -0.293428897857666, -2.1787893772125244]
    xpgrad.manual_seed(0)
    assert xpgrad.randint(0, 10, (5,)).tolist() == [4, 9, 3, 0, 3]
    xpgrad.manual_seed(0)
    assert xpgrad.randperm(8).tolist() == [4, 0, 7, 3, 2, 5, 1, 6]
    xpgrad.manual_seed(0)
    assert xpgrad.empty(10).bernoulli_(0.5).tolist() == RECORDED["bernoulli_"]
    xpgrad.manual_seed(0)
    assert xpgrad.bernoulli(xpgrad.full((10,), 0.5)).tolist() == RECORDED["bernoulli"]
    xpgrad.manual_seed(0)
    dropped = xpgrad.nn.functional.dropout(xpgrad.ones(10), 0.25)
    assert dropped.tolist() == pytest.approx(RECORDED["dropout"], rel=1e-6)


def test_states_of_the_generator(backend: str) -> None:
    before = xpgrad.get_rng_state()
    assert before.dtype is xpgrad.uint8 and tuple(before.shape) == (5056,)
    first = xpgrad.randn(3).tolist()
    xpgrad.set_rng_state(before)
    assert xpgrad.randn(3).tolist() == first
    own = xpgrad.Generator().manual_seed(0)
    drawn = xpgrad.rand(3, generator=own).tolist()
    assert xpgrad.rand(3, generator=own).tolist() != drawn
    assert xpgrad.rand(3, generator=own.manual_seed(0)).tolist() == drawn
    own.set_state(before)
    assert xpgrad.randn(3, generator=own).tolist() == first


def test_states_go_to_pytorch_and_back(backend: str, torch: Any) -> None:
    xpgrad.manual_seed(5)
    xpgrad.randn(3)
    torch.set_rng_state(torch.from_numpy(np.array(xpgrad.get_rng_state().numpy())))
    same(xpgrad.randn(40), torch.randn(40))
    torch.manual_seed(11), torch.rand(3)
    xpgrad.set_rng_state(xpgrad.tensor(torch.get_rng_state().numpy()))
    same(xpgrad.randn(5), torch.randn(5))
