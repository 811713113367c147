"""Rates that go up and down between two bounds, once or again and again, and momenta the other way."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, for_each, groups_of, has_beta, set_momentum


class OneCycleLR(LRScheduler):
    """Up to `max_lr` and down far below the initial rate, once; momentum the other way. Smith and Topin (2017).

    Args:
        optimizer: whose rates it changes.
        max_lr: the top, one or one for each group.
        total_steps: the length of the cycle; or `epochs` times `steps_per_epoch`.
        pct_start: the share of the cycle that goes up.
        anneal_strategy: ``cos`` or ``linear``.
        cycle_momentum: whether momentum goes from `max_momentum` to `base_momentum` and back.
        div_factor: the initial rate is max_lr / div_factor.
        final_div_factor: the last rate is the initial one / final_div_factor.
        three_phase: go down to the initial rate in as many steps as up, and then to the last one.
    """

    def __init__(self, optimizer: Optimizer, max_lr: Any, total_steps: int | None = None, epochs: int | None = None,
                 steps_per_epoch: int | None = None, pct_start: float = 0.3, anneal_strategy: str = "cos",
                 cycle_momentum: bool = True, base_momentum: Any = 0.85, max_momentum: Any = 0.95,
                 div_factor: float = 25.0, final_div_factor: float = 1e4, three_phase: bool = False,
                 last_epoch: int = -1) -> None:  # fmt: skip
        groups = groups_of(optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
            total_steps = _positive("epochs", epochs) * _positive("steps_per_epoch", steps_per_epoch)
        self.total_steps = _positive("total_steps", total_steps)
        if not isinstance(pct_start, float) or not 0 <= pct_start <= 1:
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = _phases(pct_start * total_steps, total_steps, three_phase)
        self.cycle_momentum = cycle_momentum
        if last_epoch == -1:
            for group, top in zip(groups, for_each("max_lr", groups, max_lr), strict=True):
                group["initial_lr"] = top / div_factor
                group["max_lr"] = top
                group["min_lr"] = group["initial_lr"] / final_div_factor
        if cycle_momentum:
            self.use_beta1 = has_beta(optimizer)
            tops = for_each("max_momentum", groups, max_momentum)
            bases = for_each("base_momentum", groups, base_momentum)
            if last_epoch == -1:
                for group, top, base in zip(groups, tops, bases, strict=True):
                    set_momentum(group, top, self.use_beta1)
                    group["max_momentum"], group["base_momentum"] = top, base
        super().__init__(optimizer, last_epoch)

    def _between(self, start: Any, end: Any, share: float) -> Any:
        if self._anneal_func_type == "linear":
            return (end - start) * share + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * share) + 1)

    def get_lr(self) -> list[Any]:
        """From the phase that the step lies in; sets the momentum too."""
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The specified number of total steps is {self.total_steps}")
        begin = 0.0
        for phase in self._schedule_phases:
            if step <= phase["end_step"] or phase is self._schedule_phases[-1]:
                break
            begin = phase["end_step"]
        share = (step - begin) / (phase["end_step"] - begin)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], share))
            if self.cycle_momentum:
                ends = group[phase["start_momentum"]], group[phase["end_momentum"]]
                set_momentum(group, self._between(*ends, share), self.use_beta1)
        return rates


def _phases(rise: float, total: int, three: bool) -> list[dict[str, Any]]:
    """The cycle's phases: where each ends, and which of a group's entries it goes between."""
    names = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
    up = (float(rise) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")
    down = (total - 1, "max_lr", "min_lr", "base_momentum", "max_momentum")
    back = (float(2 * rise) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
    last = (total - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum")
    return [dict(zip(names, phase, strict=True)) for phase in ([up, back, last] if three else [up, down])]


def _positive(name: str, value: Any) -> int:
    if not isinstance(value, int) or value <= 0:
        raise ValueError(f"Expected positive integer {name}, but got {value}")
    return value


class CyclicLR(LRScheduler):
    """Between `base_lr` and `max_lr` to and fro, along straight lines. Smith, arXiv:1506.01186.

    Args:
        optimizer: whose rates it changes.
        base_lr, max_lr: the bounds, one or one for each group.
        step_size_up, step_size_down: how many steps up and down; as many down as up if not given.
        mode: how the height of a cycle changes: ``triangular``, not at all; ``triangular2``, halved each time;
            ``exp_range``, times gamma**step.
        gamma: of ``exp_range``.
        scale_fn: the height in place of `mode`'s, as a function of what `scale_mode` says: ``cycle``, or
            ``iterations``.
        cycle_momentum: whether momentum goes between `max_momentum` and `base_momentum`, the other way.
    """

    def __init__(self, optimizer: Optimizer, base_lr: Any, max_lr: Any, step_size_up: int = 2000,
                 step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
                 scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle",
                 cycle_momentum: bool = True, base_momentum: Any = 0.8, max_momentum: Any = 0.9,
                 last_epoch: int = -1) -> None:  # fmt: skip
        groups = groups_of(optimizer)
        bases = for_each("base_lr", groups, base_lr)
        if last_epoch == -1:
            for group, lr in zip(groups, bases, strict=True):
                group["lr"] = lr
        self.max_lrs = for_each("max_lr", groups, max_lr)
        up = float(step_size_up)
        self.total_size = up + (up if step_size_down is None else float(step_size_down))
        self.step_ratio = up / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = has_beta(optimizer)
            self.base_momentums = for_each("base_momentum", groups, base_momentum)
            self.max_momentums = for_each("max_momentum", groups, max_momentum)
            if last_epoch == -1:
                for group, top, base in zip(groups, self.max_momentums, self.base_momentums, strict=True):
                    set_momentum(group, top, self.use_beta1)
                    group["max_momentum"], group["base_momentum"] = top, base
        super().__init__(optimizer, last_epoch)
        self.base_lrs = bases

    def scale_fn(self, x: float) -> float:
        """The height of cycle `x`, or of step `x`."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        if self.mode == "exp_range":
            return float(self.gamma**x)
        return 1 / 2.0 ** (x - 1) if self.mode == "triangular2" else 1.0

    def get_lr(self) -> list[Any]:
        """From the place in the cycle; sets the momentum too."""
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        share = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.cycle_momentum:
            bounds = zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums, strict=True)
            for group, base, top in bounds:
                set_momentum(group, top - (top - base) * share * scale, self.use_beta1)
        return [base + (top - base) * share * scale for base, top in zip(self.base_lrs, self.max_lrs, strict=True)]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and a plain function; of a callable object, its attributes."""
        custom = self._scale_fn_custom
        kept = None if custom is None or isinstance(custom, types.FunctionType) else custom.__dict__.copy()
        return {**super().state_dict(), "_scale_fn_custom": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        super().load_state_dict({k: v for k, v in state_dict.items() if k != "_scale_fn_custom"})
        if state_dict["_scale_fn_custom"] is not None:
            self._scale_fn_custom.__dict__.update(state_dict["_scale_fn_custom"])
