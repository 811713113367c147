"""What all schedules share: an optimizer whose rates they set, epoch by epoch."""

from __future__ import annotations

import warnings
import weakref
from typing import Any

from ..optimizer import Optimizer


class LRScheduler:
    """The base class: a subclass says in `get_lr` what the rates at `last_epoch` are.

    Args:
        optimizer: whose rates it changes.
        last_epoch: where to go on; -1 begins anew, with each group's ``lr`` as its ``initial_lr``.

    Raises:
        TypeError: unless `optimizer` is one. KeyError: when going on without an ``initial_lr``.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = optimizer
        for i, group in enumerate(groups_of(optimizer)):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                               "last_epoch >= 0")  # fmt: skip
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._last_lr: list[Any] = []
        watch(optimizer)
        self._initial_step()

    def _initial_step(self) -> None:
        """Set the rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list[Any]:
        """The rates at `last_epoch`, one for each group."""
        raise NotImplementedError

    def get_last_lr(self) -> list[Any]:
        """The rates that the last step set."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Set the rates for the next epoch; call it after the optimizer's step."""
        if self._step_count == 1 and not getattr(self.optimizer, "_opt_called", False):
            warnings.warn("Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call them in the opposite "
                          "order, or the first value of the schedule is skipped.", stacklevel=2)  # fmt: skip
        self._step_count += 1
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        closed = getattr(self, "_get_closed_form_lr", None)
        rates = self.get_lr() if epoch is None or closed is None else closed()
        self._set(rates)

    def _set(self, rates: list[Any]) -> None:
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = lr
        self._last_lr = self._current()

    def _current(self) -> list[Any]:
        return [group["lr"] for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.__dict__.update(state_dict)


def groups_of(optimizer: Any) -> list[dict[str, Any]]:
    """The groups of an optimizer; TypeError for anything else."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer.param_groups


def for_each(name: str, groups: list[dict[str, Any]], value: Any) -> list[Any]:
    """`value` for each group: a list of as many, or one for all."""
    if not isinstance(value, list | tuple):
        return [value] * len(groups)
    if len(value) != len(groups):
        raise ValueError(f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
                         f"param_groups has {len(groups)}.")  # fmt: skip
    return list(value)


def watch(optimizer: Optimizer) -> None:
    """Let the optimizer note that it has stepped."""
    if "_opt_called" in optimizer.__dict__:
        return
    optimizer.__dict__["_opt_called"] = False
    there = weakref.ref(optimizer)

    def note(*_: Any) -> None:
        target = there()
        if target is not None:
            target.__dict__["_opt_called"] = True

    optimizer.register_step_post_hook(note)


def set_momentum(group: dict[str, Any], value: float, beta: bool) -> None:
    """The momentum of a group, or with `beta` the first of its betas."""
    if beta:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


def has_beta(optimizer: Optimizer) -> bool:
    """Whether an optimizer's momentum is the first of its betas.

    Raises:
        ValueError: if it has neither.
    """
    if not {"momentum", "betas"} & set(optimizer.defaults):
        raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
    return "betas" in optimizer.defaults
