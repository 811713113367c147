"""Averages of models: of the points of a training (SWA), or with ever smaller weights (EMA).

Izmailov et al., "Averaging weights leads to wider optima and better generalization" (2018).
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable
from typing import Any

from ..creation import tensor
from ..modes import no_grad
from ..nn.module import Module
from ..tensor import Tensor
from ..views import detach
from .lr_scheduler.base import LRScheduler, for_each, groups_of
from .optimizer import Optimizer

Average = Callable[[Any, Any, Any], Any]


def get_swa_avg_fn() -> Average:
    """``average(averaged, new, count)``: the mean of all so far."""

    def average(averaged: Any, new: Any, count: Any) -> Any:
        with no_grad():
            return averaged + (new - averaged) / (count + 1)

    return average


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """``average(averaged, new, count)``: `decay` of the average, and the rest of the new.

    Raises:
        ValueError: unless `decay` is in [0, 1].
    """
    if not 0.0 <= decay <= 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")

    def average(averaged: Any, new: Any, count: Any) -> Any:
        with no_grad():
            return averaged * decay + new * (1 - decay)

    return average


def get_swa_multi_avg_fn() -> Callable[[Any, Any, Any], None]:
    """`get_swa_avg_fn` on lists, written into the averages."""
    return _on_lists(get_swa_avg_fn())


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Any, Any, Any], None]:
    """`get_ema_avg_fn` on lists, written into the averages."""
    return _on_lists(get_ema_avg_fn(decay))


def _on_lists(average: Average) -> Callable[[Any, Any, Any], None]:
    def update(averaged: Any, new: Any, count: Any) -> None:
        with no_grad():
            for mean, value in zip(averaged, new, strict=True):
                mean.copy_(average(mean, value, count))

    return update


class AveragedModel(Module):
    """A copy of a model that holds the average of its parameters; of their values at each `update_parameters`.

    Args:
        model: the model; it is copied.
        device: where the average is kept.
        avg_fn: ``average(averaged, new, count)`` for each parameter; the mean of all so far if not given.
        multi_avg_fn: the same for lists of them, writing into the first.
        use_buffers: whether buffers are averaged too, and not only copied.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> from xpgrad.optim.swa_utils import AveragedModel
        >>> model = nn.Linear(1, 1, bias=False)
        >>> averaged = AveragedModel(model)
        >>> for value in (1.0, 2.0, 6.0):
        ...     _ = nn.init.constant_(model.weight, value)
        ...     averaged.update_parameters(model)
        >>> averaged.module.weight.item()
        3.0
    """

    n_averaged: Tensor

    def __init__(self, model: Module, device: Any = None, avg_fn: Average | None = None,
                 multi_avg_fn: Callable[[Any, Any, Any], None] | None = None,
                 use_buffers: bool = False) -> None:  # fmt: skip
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model computes."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the parameters of `model` into the average."""
        ours, theirs = ([detach(p) for p in (itertools.chain(m.parameters(), m.buffers()) if self.use_buffers
                                             else m.parameters())] for m in (self.module, model))  # fmt: skip
        theirs = [new.to(mean.device) for mean, new in zip(ours, theirs, strict=True)]
        with no_grad():
            if int(self.n_averaged) == 0:
                _copy(ours, theirs)
            else:
                update = self.multi_avg_fn or _on_lists(self.avg_fn or get_swa_avg_fn())
                update(ours, theirs, self.n_averaged)
            if not self.use_buffers:
                _copy(map(detach, self.module.buffers()), model.buffers())
            self.n_averaged.copy_(self.n_averaged + 1)


def _copy(into: Iterable[Any], values: Iterable[Any]) -> None:
    for mean, value in zip(into, values, strict=True):
        mean.copy_(value.detach().to(mean.device))


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of a model's batch norms anew, over all batches of `loader`.

    Args:
        loader: batches, or tuples or lists that begin with one.
        model: in the mode that it was before, afterwards.
        device: where batches are moved.
    """
    norms = [m for m in model.modules() if hasattr(m, "reset_running_stats") and hasattr(m, "momentum")]
    if not norms:
        return
    momenta, was_training = [m.momentum for m in norms], model.training
    for m in norms:
        m.reset_running_stats()
        m.momentum = None  # the mean of all batches
    model.train()
    with no_grad():
        for batch in loader:
            first = batch[0] if isinstance(batch, list | tuple) else batch
            model(first if device is None else first.to(device))
    for m, momentum in zip(norms, momenta, strict=True):
        m.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From each group's rate to `swa_lr` in `anneal_epochs`, along half a cosine or a line, and that from then on.

    Raises:
        ValueError: for an `anneal_strategy` other than ``cos`` and ``linear``, or negative `anneal_epochs`.
    """

    def __init__(self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos",
                 last_epoch: int = -1) -> None:  # fmt: skip
        groups = groups_of(optimizer)
        for group, lr in zip(groups, for_each("swa_lr", groups, swa_lr), strict=True):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        share = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return share if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * share)) / 2

    def get_lr(self) -> list[Any]:
        """From the rates before: they are taken back to where the annealing began."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            begin = end if before == 1 else (group["lr"] - before * end) / (1 - before)
            rates.append(end * now + begin * (1 - now))
        return rates
