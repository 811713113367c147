"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from ..op import Library
from .optimizer import Optimizer, State, at_least_zero, cast, decayed, number, required


def sgd(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p - lr d, with d the gradient or its running sum.

    momentum: m = momentum m + (1 - dampening) g, which begins as g; d = m, or g + momentum m with nesterov.
    """
    g = decayed(p, g, o)
    after: State = {}
    momentum = o["momentum"]
    if momentum != 0:
        before = state.get("momentum_buffer")
        if before is None:
            m = g
        else:
            m = before * momentum
            m += g if o["dampening"] == 0 else g * (1 - o["dampening"])
        after["momentum_buffer"] = m
        g = g + m * momentum if o["nesterov"] else m
    moved = g * -cast(xp, number(xp, o["lr"]), p)
    moved += p
    return moved, after


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wished. Sutskever et al. (2013).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate.
        momentum: the share of the previous direction that is kept.
        dampening: the share of the gradient that does not enter the momentum.
        weight_decay: the coefficient of an L2 penalty.
        nesterov: look ahead along the momentum.
        maximize: go up instead of down.
        foreach, differentiable, fused: accepted and kept, without effect.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn, optim
        >>> w = nn.Parameter(xpgrad.tensor([1.0, 2.0]))
        >>> optimizer = optim.SGD([w], lr=0.1)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.detach()
        tensor([0.8000, 1.6000])
    """

    rule = staticmethod(sgd)

    def __init__(self, params: Any, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0,
                 nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None,
                 differentiable: bool = False, fused: bool | None = None) -> None:  # fmt: skip
        if lr is not required:
            at_least_zero(learning__rate=lr)
        at_least_zero(momentum__value=momentum, weight_decay__value=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                                  "nesterov": nesterov, "maximize": maximize, "foreach": foreach,
                                  "differentiable": differentiable, "fused": fused})  # fmt: skip
