"""Adagrad and Adadelta: each number is divided by what its own gradients have been."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..op import Library, device_of
from ..tensor import current, make
from .optimizer import Optimizer, State, at_least_zero, cast, decayed, fresh_step, next_step, number


def adagrad(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p - r g / (sqrt(s) + eps), with s the sum of g² so far and r = lr / (1 + (t - 1) lr_decay)."""
    g = decayed(p, g, o)
    step = next_step(xp, p, state)
    total = state["sum"] + g * g
    rate = number(xp, o["lr"]) / (1 + (number(xp, step) - 1) * o["lr_decay"])
    return p - g / (xp.sqrt(total) + o["eps"]) * cast(xp, rate, p), {"step": step, "sum": total}


class Adagrad(Optimizer):
    """Adagrad. Duchi, Hazan and Singer (2011).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate.
        lr_decay: by how much the rate falls with each step.
        weight_decay: the coefficient of an L2 penalty.
        initial_accumulator_value: where the sum of squares begins.
        eps: added to the denominator.
        maximize: go up instead of down.
        foreach, differentiable, fused: accepted and kept, without effect.
    """

    rule = staticmethod(adagrad)

    def __init__(self, params: Any, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
                 initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
                 maximize: bool = False, differentiable: bool = False, fused: bool | None = None) -> None:  # fmt: skip
        at_least_zero(learning__rate=lr, lr_decay__value=lr_decay, weight_decay__value=weight_decay,
                      initial_accumulator_value__value=initial_accumulator_value, epsilon__value=eps)  # fmt: skip
        super().__init__(params, {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                                  "initial_accumulator_value": initial_accumulator_value, "foreach": foreach,
                                  "maximize": maximize, "differentiable": differentiable, "fused": fused})  # fmt: skip

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own; their sums are there from the start."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        for p in group["params"]:
            native, array = p.library.native, current(p)
            begin = group["initial_accumulator_value"]
            begin = complex(begin, begin) if dtypes.is_complex(array.dtype) else begin
            total = native.full(array.shape, begin, dtype=array.dtype, device=device_of(array))
            self.state[p].update(step=make(fresh_step(p.library, array)), sum=make(total))


def adadelta(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p - lr d, d = g sqrt(u + eps) / sqrt(v + eps), with running means v of g² and u of d²."""
    g = decayed(p, g, o)
    zero = None if state else xp.zeros_like(p)
    rho, eps = o["rho"], o["eps"]
    v = state.get("square_avg", zero) * rho + g * g * (1 - rho)
    before = state.get("acc_delta", zero)
    d = xp.sqrt(before + eps) / xp.sqrt(v + eps) * g
    after = {"step": next_step(xp, p, state), "square_avg": v, "acc_delta": before * rho + d * d * (1 - rho)}
    return p - d * cast(xp, number(xp, o["lr"]), p), after


class Adadelta(Optimizer):
    """Adadelta. Zeiler, arXiv:1212.5701.

    Args:
        params: parameters, or groups of them.
        lr: a factor of each step.
        rho: how much of the running means is kept.
        eps: added under both roots.
        weight_decay: the coefficient of an L2 penalty.
        maximize: go up instead of down.
        foreach, capturable, differentiable: accepted and kept, without effect.
    """

    rule = staticmethod(adadelta)

    def __init__(self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
                 foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False,
                 differentiable: bool = False) -> None:  # fmt: skip
        at_least_zero(learning__rate=lr, epsilon__value=eps, weight_decay__value=weight_decay)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
                                  "capturable": capturable, "foreach": foreach,
                                  "differentiable": differentiable})  # fmt: skip
