"""RMSprop."""

from __future__ import annotations

from typing import Any

from ..op import Library
from .adam import lerp
from .optimizer import Optimizer, State, at_least_zero, cast, decayed, next_step, number


def rmsprop(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p - lr g / (sqrt(v) + eps), with v a running mean of g².

    centered: v less the square of a running mean of g. momentum: a running sum of the steps.
    """
    g = decayed(p, g, o)
    zero = None if state else xp.zeros_like(p)
    v = state.get("square_avg", zero) * o["alpha"] + g * g * (1 - o["alpha"])
    after: State = {"step": next_step(xp, p, state), "square_avg": v}
    if o["centered"]:
        mean = after["grad_avg"] = lerp(state.get("grad_avg", zero), g, 1 - o["alpha"])
        v = v - mean * mean
    lr = cast(xp, number(xp, o["lr"]), p)
    step = g / (xp.sqrt(v) + o["eps"])
    if o["momentum"] > 0:
        step = after["momentum_buffer"] = state.get("momentum_buffer", zero) * o["momentum"] + step
    return p - step * lr, after


class RMSprop(Optimizer):
    """RMSprop. Tieleman and Hinton, lecture 6.5 (2012); centered as in Graves, arXiv:1308.0850.

    Args:
        params: parameters, or groups of them.
        lr: the learning rate.
        alpha: how much of the running mean of g² is kept.
        eps: added to the denominator.
        weight_decay: the coefficient of an L2 penalty.
        momentum: the share of the previous step that is kept.
        centered: divide by the estimated standard deviation instead.
        maximize: go up instead of down.
        capturable, foreach, differentiable: accepted and kept, without effect.
    """

    rule = staticmethod(rmsprop)

    def __init__(self, params: Any, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
                 momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
                 maximize: bool = False, differentiable: bool = False) -> None:  # fmt: skip
        at_least_zero(learning__rate=lr, epsilon__value=eps, momentum__value=momentum, weight_decay__value=weight_decay,
                      alpha__value=alpha)  # fmt: skip
        super().__init__(params, {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
                                  "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach,
                                  "maximize": maximize, "differentiable": differentiable})  # fmt: skip
