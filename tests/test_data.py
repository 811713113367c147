"""Datasets, samplers and the loader: PyTorch's order and PyTorch's use of the generator, under the same seed."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import xpgrad
import xpgrad.utils.data

torch = pytest.importorskip("torch")
pytest.importorskip("torch.utils.data")

ORDERS = (
    "data.DataLoader(d, batch_size=4, shuffle=True)",
    "data.DataLoader(d, batch_size=4, shuffle=True, drop_last=True)",
    "data.DataLoader(d, batch_size=4)",
    "data.DataLoader(d, batch_size=None)",
    "data.DataLoader(d, batch_size=4, shuffle=True, generator=t.Generator().manual_seed(5))",
    "data.DataLoader(d, batch_size=3, sampler=data.RandomSampler(d, replacement=True, num_samples=40))",
    "data.DataLoader(d, sampler=data.RandomSampler(d, num_samples=25), batch_size=3)",
    "data.DataLoader(d, sampler=data.SubsetRandomSampler([1, 3, 5, 7]), batch_size=3)",
    "data.DataLoader(d, batch_sampler=data.BatchSampler(data.SequentialSampler(d), 4, True))",
    "data.DataLoader(d, batch_size=4, sampler=data.WeightedRandomSampler([1.0] * 5 + [3.0] * 5, 6, replacement=False))",
    "data.DataLoader(data.random_split(d, [0.35, 0.65])[1], batch_size=3, shuffle=True)",
    "data.DataLoader(data.ConcatDataset([d, d]), batch_size=6, shuffle=True)",
)


@pytest.mark.parametrize("text", ORDERS)
def test_order(backend: str, text: str) -> None:
    def run(t: Any) -> list[Any]:
        t.manual_seed(7)
        d = t.utils.data.TensorDataset(t.arange(10), t.arange(10) * 2.0)
        loader = eval(text, {"t": t, "d": d, "data": t.utils.data})
        passes = [[[part.tolist() for part in batch] for batch in loader] for _ in range(2)]
        return [len(loader), passes, t.rand(2).tolist()]  # the generator has gone just as far

    assert run(xpgrad) == run(torch)


def test_batches_are_lists_of_tensors() -> None:
    d = xpgrad.utils.data.TensorDataset(xpgrad.ones(4, 2), xpgrad.arange(4))
    batch = next(iter(xpgrad.utils.data.DataLoader(d, batch_size=2)))
    assert type(batch) is list
    assert [p.shape for p in batch] == [(2, 2), (2,)]


@pytest.mark.parametrize("workers", (1, 3))
def test_workers_give_the_same_order(workers: int) -> None:
    class Squares(xpgrad.utils.data.Dataset[int]):
        def __len__(self) -> int:
            return 20

        def __getitem__(self, index: int) -> int:
            assert xpgrad.utils.data.get_worker_info() is not None
            return index * index

    def run(dataset: Any, **options: Any) -> list[list[int]]:
        xpgrad.manual_seed(1)
        return [b.tolist() for b in xpgrad.utils.data.DataLoader(dataset, 3, shuffle=True, **options)]

    assert run(Squares(), num_workers=workers) == [[i * i for i in batch] for batch in run(range(20))]


def test_iterable_datasets() -> None:
    def run(t: Any, workers: int) -> list[Any]:
        class Count(t.utils.data.IterableDataset):  # type: ignore[misc,name-defined]
            def __iter__(self) -> Iterator[int]:
                info = t.utils.data.get_worker_info()
                first, step = (info.id, info.num_workers) if info else (0, 1)
                return iter(range(first, 10, step))

        return [b.tolist() for b in t.utils.data.DataLoader(Count(), batch_size=3, num_workers=workers)]

    assert run(xpgrad, 0) == run(torch, 0)
    assert run(xpgrad, 2) == [[0, 2, 4], [1, 3, 5], [6, 8], [7, 9]]


Point = namedtuple("Point", ["x", "y"])


@pytest.mark.parametrize("batch", (
    [1, 2], [1.5, 2.5], ["a", "b"], [(0, 1.0), (2, 3.0)], [[0, 1], [2, 3]], [{"a": 0, "b": "x"}, {"a": 1, "b": "y"}],
    [Point(0, 0.5), Point(1, 1.5)], [np.zeros(2, "float32"), np.ones(2, "float32")], [np.float64(1.0), np.float64(2.0)],
    [True, False],
))  # fmt: skip
def test_collate(batch: list[Any]) -> None:
    ours, theirs = xpgrad.utils.data.default_collate(batch), torch.utils.data.default_collate(batch)
    assert repr(ours) == repr(theirs)


def test_refusals() -> None:
    data = xpgrad.utils.data
    d = data.TensorDataset(xpgrad.ones(3))
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        data.TensorDataset(xpgrad.ones(3), xpgrad.ones(2))
    with pytest.raises(ValueError, match="sampler option is mutually exclusive with shuffle"):
        data.DataLoader(d, shuffle=True, sampler=data.SequentialSampler(d))
    with pytest.raises(ValueError, match="batch_sampler option is mutually exclusive"):
        data.DataLoader(d, batch_size=2, batch_sampler=[[0]])
    with pytest.raises(ValueError, match="batch_size should be a positive integer value, but got batch_size=0"):
        data.DataLoader(d, batch_size=0)
    with pytest.raises(ValueError, match="Sum of input lengths does not equal the length of the input dataset"):
        data.random_split(d, [1, 1])
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        data.default_collate([[1], [1, 2]])


def test_datasets_side_by_side() -> None:
    for t, data in ((torch, torch.utils.data), (xpgrad, xpgrad.utils.data)):
        x = data.TensorDataset(t.arange(4))
        pair, named = data.StackDataset(x, [5, 6, 7, 8]), data.StackDataset(x=x, y=[5, 6, 7, 8])
        assert len(pair) == 4 and pair[1][1] == 6 and named[2]["y"] == 7
        batches = list(data.DataLoader(named, batch_size=3))
        assert batches[0]["y"].tolist() == [5, 6, 7] and batches[1]["x"][0].tolist() == [3]
        for make, what in ((lambda: data.StackDataset(), "At least one dataset"),  # noqa: B023
                           (lambda: data.StackDataset(x, [1]), "Size mismatch"),  # noqa: B023
                           (lambda: data.StackDataset(x, y=x), "both types are given")):  # noqa: B023 # fmt: skip
            with pytest.raises(ValueError, match=what):
                make()
