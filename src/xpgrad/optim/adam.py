"""Adam and AdamW."""

from __future__ import annotations

from typing import Any

from ..op import Library
from .optimizer import Optimizer, State, at_least_zero, betas_below_one, cast, next_step, number


def lerp(before: Any, g: Any, weight: float) -> Any:
    """before (1 - weight) + g weight, computed from the nearer end."""
    return before + (g - before) * weight if weight < 0.5 else g - (g - before) * (1 - weight)


def adam(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p - lr m̂ / (sqrt(v̂) + eps), with running means m of g and v of g², each divided by 1 - betaᵗ.

    amsgrad: the largest v so far. decoupled_weight_decay: p shrinks by itself, and not through g.
    """
    beta1, beta2 = (number(xp, b) for b in o["betas"])
    lr = number(xp, o["lr"])
    if o["maximize"]:
        g = -g
    if o["weight_decay"] != 0:
        if o["decoupled_weight_decay"]:
            p = p * cast(xp, 1 - lr * o["weight_decay"], p)
        else:
            g = g + p * o["weight_decay"]
    zero = None if state else xp.zeros_like(p)
    step = next_step(xp, p, state)
    m = lerp(state.get("exp_avg", zero), g, 1 - beta1)
    v = state.get("exp_avg_sq", zero) * beta2 + g * g * (1 - beta2)
    after = {"step": step, "exp_avg": m, "exp_avg_sq": v}
    if o["amsgrad"]:
        v = xp.maximum(state["max_exp_avg_sq"], v) if state else v
        after["max_exp_avg_sq"] = v
    t = number(xp, step)
    scale = (1 - beta2**t) ** 0.5
    denominator = xp.sqrt(v) / cast(xp, scale, p) + o["eps"]
    return p - m * cast(xp, lr / (1 - beta1**t), p) / denominator, after


class Adam(Optimizer):
    """Adam. Kingma and Ba, "Adam: a method for stochastic optimization" (2014); amsgrad by Reddi et al. (2018).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate.
        betas: how much of the running means of g and g² is kept.
        eps: added to the denominator.
        weight_decay: the coefficient of an L2 penalty.
        amsgrad: divide by the largest running mean of g² so far.
        maximize: go up instead of down.
        decoupled_weight_decay: shrink the parameters themselves, as AdamW does.
        foreach, capturable, differentiable, fused: accepted and kept, without effect.
    """

    rule = staticmethod(adam)

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
                 capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
                 decoupled_weight_decay: bool = False) -> None:  # fmt: skip
        at_least_zero(learning__rate=lr, epsilon__value=eps, weight_decay__value=weight_decay)
        betas_below_one(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "amsgrad": amsgrad, "maximize": maximize, "foreach": foreach,
                                  "capturable": capturable, "differentiable": differentiable, "fused": fused,
                                  "decoupled_weight_decay": decoupled_weight_decay})  # fmt: skip


class AdamW(Adam):
    """Adam with a weight decay apart from the gradient. Loshchilov and Hutter (2017). Arguments as `Adam`'s."""

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False,
                 foreach: bool | None = None, capturable: bool = False, differentiable: bool = False,
                 fused: bool | None = None) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize,
                         capturable=capturable, differentiable=differentiable, fused=fused,
                         decoupled_weight_decay=True)  # fmt: skip
