"""DataLoader: batches of a dataset, in PyTorch's order under the same seed.

Workers are threads: they load ahead, and the batches come in the same order as without them.
"""

from __future__ import annotations

import contextvars
import copy
import itertools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from .collate import default_collate, default_convert
from .dataset import IterableDataset, Subset, TensorDataset
from .sampler import BatchSampler, RandomSampler, SequentialSampler, drawn_seed


class WorkerInfo(NamedTuple):
    """What a worker knows of itself: its number, how many there are, its seed, and its dataset."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker: contextvars.ContextVar[WorkerInfo | None] = contextvars.ContextVar("xpgrad_worker", default=None)


def get_worker_info() -> WorkerInfo | None:
    """The worker that is loading now; None outside of workers."""
    return _worker.get()


class _Endless:
    """The sampler of an iterable dataset: None, without end."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader:
    """Batches of a dataset.

    Args:
        dataset: samples by number, or an IterableDataset.
        batch_size: samples in a batch; None for samples alone.
        shuffle: a new random order in each pass.
        sampler, batch_sampler: the order, or the batches, instead.
        num_workers: how many threads load ahead.
        collate_fn: makes a list of samples a batch.
        drop_last: leave out the last batch if it is shorter.
        worker_init_fn: called with each worker's number at first.
        generator: where the order comes from; the default one if not given.
        prefetch_factor: how many batches each worker loads ahead.
        pin_memory, timeout, multiprocessing_context, persistent_workers, pin_memory_device, in_order: accepted and
            kept, without effect.

    Raises:
        ValueError: for options that exclude each other.

    Example:
        >>> import xpgrad
        >>> from xpgrad.utils.data import DataLoader, TensorDataset
        >>> [x.tolist() for x, in DataLoader(TensorDataset(xpgrad.arange(5)), batch_size=2)]
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, dataset: Any, batch_size: int | None = 1, shuffle: bool | None = None, sampler: Any = None,
                 batch_sampler: Any = None, num_workers: int = 0, collate_fn: Any = None, pin_memory: bool = False,
                 drop_last: bool = False, timeout: float = 0, worker_init_fn: Any = None,
                 multiprocessing_context: Any = None, generator: Any = None, *, prefetch_factor: int | None = None,
                 persistent_workers: bool = False, pin_memory_device: str = "",
                 in_order: bool = True) -> None:  # fmt: skip
        iterable = isinstance(dataset, IterableDataset)
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        for name, value in (("shuffle", shuffle or None), ("sampler", sampler), ("batch_sampler", batch_sampler)):
            if iterable and value is not None:
                raise ValueError(f"DataLoader with IterableDataset: expected unspecified {name} option, "
                                 f"but got {name}={value}")  # fmt: skip
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
                                 "and drop_last")  # fmt: skip
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None:
            sampler = (_Endless() if iterable else RandomSampler(dataset, generator=generator) if shuffle
                       else SequentialSampler(dataset))  # fmt: skip
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.generator = generator
        self.num_workers = num_workers
        self.prefetch_factor = prefetch_factor if prefetch_factor is not None or not num_workers else 2
        self.collate_fn = collate_fn or (default_convert if batch_sampler is None else default_collate)
        self.worker_init_fn = worker_init_fn
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.timeout = timeout
        self.multiprocessing_context = multiprocessing_context
        self.persistent_workers = persistent_workers
        self.in_order = in_order

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            count = len(self.dataset)  # type: ignore[arg-type]
            size = self.batch_size or 1
            return count // size if self.drop_last else -(-count // size)
        return len(self._index_sampler)

    def __iter__(self) -> Iterator[Any]:
        indices = iter(self._index_sampler)
        seed = drawn_seed(self.generator)
        if isinstance(self.dataset, IterableDataset):
            return self._streams(seed) if self.num_workers else self._stream(self.dataset)
        return self._ahead(indices, seed) if self.num_workers else map(self._fetch, indices)

    def _fetch(self, indices: Any) -> Any:
        """The batch at `indices`, or the sample at one."""
        if self.batch_sampler is None:
            return self.collate_fn(self.dataset[indices])
        if self.collate_fn is default_collate and type(_innermost(self.dataset)) is TensorDataset:
            return list(self.dataset[indices])  # indexing with a list is collating, all at once
        several = getattr(self.dataset, "__getitems__", None)
        return self.collate_fn(several(indices) if several is not None else [self.dataset[i] for i in indices])

    def _stream(self, dataset: Any) -> Iterator[Any]:
        samples = iter(dataset)
        if self.batch_sampler is None:
            yield from map(self.collate_fn, samples)
            return
        size: int = self.batch_size or 1
        while batch := list(itertools.islice(samples, size)):
            if len(batch) == size or not self.drop_last:
                yield self.collate_fn(batch)

    def _info(self, worker: int, seed: int, dataset: Any) -> WorkerInfo:
        return WorkerInfo(worker, self.num_workers, seed + worker, dataset)

    def _streams(self, seed: int) -> Iterator[Any]:
        """Every worker's own stream of a copy of the dataset, a batch from each in turn."""
        live: deque[tuple[contextvars.Context, Iterator[Any]]] = deque()
        for worker in range(self.num_workers):
            dataset = copy.copy(self.dataset)
            context = contextvars.copy_context()
            context.run(_worker.set, self._info(worker, seed, dataset))
            if self.worker_init_fn is not None:
                context.run(self.worker_init_fn, worker)
            live.append((context, self._stream(dataset)))
        end = object()
        while live:
            context, stream = live.popleft()
            batch = context.run(next, stream, end)
            if batch is not end:
                live.append((context, stream))
                yield batch

    def _ahead(self, indices: Iterator[Any], seed: int) -> Iterator[Any]:
        """Batches that threads load ahead, in order."""
        numbers = itertools.count()

        def begin() -> None:
            worker = next(numbers)
            _worker.set(self._info(worker, seed, self.dataset))
            if self.worker_init_fn is not None:
                self.worker_init_fn(worker)

        with ThreadPoolExecutor(self.num_workers, "xpgrad-loader", begin) as pool:
            depth = self.num_workers * (self.prefetch_factor or 1)
            waiting = deque(pool.submit(self._fetch, i) for i in itertools.islice(indices, depth))
            try:
                while waiting:
                    batch = waiting.popleft().result()
                    waiting.extend(pool.submit(self._fetch, i) for i in itertools.islice(indices, 1))
                    yield batch
            finally:
                for future in waiting:
                    future.cancel()


def _innermost(dataset: Any) -> Any:
    """The dataset that subsets of subsets are taken from."""
    while type(dataset) is Subset:
        dataset = dataset.dataset
    return dataset


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable workers.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError("prefetch_factor option could only be specified with num_workers > 0")
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
