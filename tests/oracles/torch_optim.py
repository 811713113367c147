"""PyTorch's database of optimizers as an oracle: five steps of every one with each of its sample options.

Each run starts from the same parameters and takes the gradients of the same loss. What is compared: the parameters
after each step, the names and values of the state, and the steps that follow when the state has gone to PyTorch and
when it has come back.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

import xpgrad

LEFT_OUT = {"SparseAdam": "sparse gradients: xpgrad has no sparse Tensors"}
# The iteration inside Muon runs in bfloat16, and PyTorch's matrix products round on the way as the processor does.
# ASGD keeps its rate in float32, and a state that was loaded in the parameters' dtype.
TOLERANCES = {"Muon": 0.02, "ASGD": 1e-7}
_RNG = np.random.default_rng(5)
SHAPES = {"Muon": ((4, 3), (2, 5))}
START = {shape: _RNG.normal(size=shape) for shape in ((3, 4), (5,), (), (4, 3), (2, 5))}
GOAL = {shape: _RNG.normal(size=shape) for shape in START}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One optimizer with one of its sample options."""

    name: str
    about: str
    options: dict[str, Any]
    complex: bool

    def __str__(self) -> str:
        return f"{self.name}-{self.about}{'-complex' if self.complex else ''}".replace(" ", "_")


def entries() -> Iterator[Entry]:
    """All of the database but what is left out; each optimizer that takes complex numbers with such, too."""
    from torch.testing._internal.common_optimizers import optim_db

    for info in optim_db:
        if info.name in LEFT_OUT:
            continue
        for sample in info.optim_inputs_func(device="cpu"):
            yield Entry(info.name, sample.desc, sample.kwargs, False)
        if info.supports_complex:
            yield Entry(info.name, "default", {"lr": 0.01}, True)


class Run:
    """An optimizer of one library at work."""

    def __init__(self, lib: Any, entry: Entry) -> None:
        self.lib = lib
        shapes = SHAPES.get(entry.name, ((3, 4), (5,), ()))
        made = [START[s] * (1 + 0.3j) if entry.complex else START[s] for s in shapes]
        self.params = [lib.nn.Parameter(lib.tensor(np.asarray(a).tolist(), dtype=self._kind(entry))) for a in made]
        self.goals = [lib.tensor(GOAL[s].tolist(), dtype=lib.float64) for s in shapes]
        options = {k: lib.tensor(v.item()) if hasattr(v, "item") else v for k, v in entry.options.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.optimizer = getattr(lib.optim, entry.name)(self.params, **options)

    def _kind(self, entry: Entry) -> Any:
        return self.lib.complex128 if entry.complex else self.lib.float64

    def loss(self) -> Any:
        """Without gradients that are 0, and not a quadratic form."""
        self.optimizer.zero_grad()
        total = sum((((p - g).abs() ** 2).sum() + ((p * p).abs() + 1).log().sum()) for p, g in
                    zip(self.params, self.goals, strict=True))  # fmt: skip
        total.backward()
        return total

    def step(self) -> float:
        """One step; the loss before it."""
        return float(self.optimizer.step(self.loss).item())

    def values(self) -> list[Any]:
        """The parameters, as NumPy's arrays."""
        return [np.array(p.detach().tolist()) for p in self.params]

    def take(self, state: Any, params: list[Any]) -> None:
        """Go on from another run's state and parameters."""
        self.optimizer.load_state_dict(_carried(state, self.lib))
        with self.lib.no_grad():
            for p, value in zip(self.params, params, strict=True):
                p.copy_(self.lib.tensor(value.tolist(), dtype=p.dtype))


def _carried(value: Any, lib: Any) -> Any:
    """A state with its Tensors made the library's."""
    if isinstance(value, dict):
        return {k: _carried(v, lib) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_carried(v, lib) for v in value)
    if not hasattr(value, "detach"):
        return value
    kind = str(value.dtype).rpartition(".")[2]
    return lib.tensor(value.detach().tolist(), dtype=getattr(lib, kind))


def check(entry: Entry) -> None:
    """Raise AssertionError where xpgrad's optimizer and PyTorch's part."""
    import torch

    close = TOLERANCES.get(entry.name)
    ours, theirs, back = Run(xpgrad, entry), Run(torch, entry), Run(xpgrad, entry)
    assert repr(ours.optimizer) == repr(theirs.optimizer)
    for _ in range(5):
        _same(ours.step(), theirs.step(), close)
        for mine, other in zip(ours.values(), theirs.values(), strict=True):
            _same(mine, other, close)
    mine, other = ours.optimizer.state_dict(), theirs.optimizer.state_dict()
    assert _names(mine) == _names(other)
    theirs.take(mine, ours.values())
    back.take(theirs.optimizer.state_dict(), ours.values())
    for _ in range(2):
        expected = ours.step()
        _same(theirs.step(), expected, close)
        _same(back.step(), expected, close)
    for a, b, c in zip(ours.values(), theirs.values(), back.values(), strict=True):
        _same(b, a, close)
        _same(c, a, close)


def _names(state: Any) -> Any:
    return [sorted(g) for g in state["param_groups"]], {k: sorted(v) for k, v in state["state"].items()}


def _same(a: Any, b: Any, close: float | None) -> None:
    np.testing.assert_allclose(a, b, rtol=close or 1e-9, atol=close or 1e-12)
