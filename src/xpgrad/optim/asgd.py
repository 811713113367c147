"""ASGD and Rprop: the average of all points so far, and steps that know only signs."""

from __future__ import annotations

from typing import Any

from ..op import Library, device_of
from .optimizer import Optimizer, State, at_least_zero, cast, decayed, next_step, number


def asgd(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p (1 - lambd eta) - eta g, with eta = lr / (1 + lambd lr t)**alpha; and ax, the running average of the points.

    ax moves by the share mu = 1 / max(1, t - t0) of its distance to p. eta and mu are those of the step before.
    """
    g = decayed(p, g, o)
    lr, lambd = number(xp, o["lr"]), o["lambd"]
    step = next_step(xp, p, state)
    t = number(xp, step)
    eta = number(xp, state["eta"] if state else _as_array(xp, lr, xp.native.float32, p))
    p = p * cast(xp, 1 - lambd * eta, p) - g * cast(xp, eta, p)
    mu = number(xp, state["mu"]) if state else 1.0
    ax = p if isinstance(mu, float) and mu == 1 else state["ax"] + (p - state["ax"]) * cast(xp, mu, p)
    late = max(1.0, t - o["t0"]) if isinstance(t, float) else xp.maximum(t - o["t0"], 1.0)
    kind = state["eta"].dtype if state else xp.native.float32
    following = _as_array(xp, lr / (1 + lambd * lr * t) ** o["alpha"], kind, p)
    return p, {"step": step, "eta": following, "mu": _as_array(xp, 1 / late, kind, p), "ax": ax}


def _as_array(xp: Library, value: Any, kind: Any, p: Any) -> Any:
    """A number as an array without axes; PyTorch keeps these in float32."""
    return xp.native.asarray(value, dtype=kind, device=device_of(p))


def rprop(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p - sign(g) s; the step s grows by etas[1] while the sign of g stays, and shrinks by etas[0] where it turns.

    Where it has turned, the gradient counts as 0: no step is taken now, and none is compared with next time.
    """
    if o["maximize"]:
        g = -g
    down, up = o["etas"]
    least, most = o["step_sizes"]
    turned = xp.sign(g * state["prev"]) if state else xp.zeros_like(g)
    factor = xp.where(turned > 0, up, xp.where(turned < 0, down, xp.ones_like(g)))
    before = state["step_size"] if state else xp.zeros_like(p) + cast(xp, number(xp, o["lr"]), p)
    size = xp.clip(before * factor, least, most)
    g = xp.where(turned < 0, xp.zeros_like(g), g)
    return p - xp.sign(g) * size, {"step": next_step(xp, p, state), "prev": g, "step_size": size}


class ASGD(Optimizer):
    """Averaged stochastic gradient descent. Polyak and Juditsky (1992).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate at first.
        lambd: how fast parameters and rate decay.
        alpha: the power of the rate's decay.
        t0: from which step on points are averaged.
        weight_decay: the coefficient of an L2 penalty.
        maximize: go up instead of down.
        foreach, differentiable, capturable: accepted and kept, without effect.
    """

    rule = staticmethod(asgd)

    def __init__(self, params: Any, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
                 weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:  # fmt: skip
        at_least_zero(learning__rate=lr, weight_decay__value=weight_decay)
        super().__init__(params, {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
                                  "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
                                  "capturable": capturable})  # fmt: skip


class Rprop(Optimizer):
    """Resilient backpropagation, for gradients of the whole data. Riedmiller and Braun (1993).

    Args:
        params: parameters, or groups of them.
        lr: the steps at first.
        etas: the factors by which a step shrinks and grows.
        step_sizes: the least and the largest step.
        maximize: go up instead of down.
        capturable, foreach, differentiable: accepted and kept, without effect.
    """

    rule = staticmethod(rprop)

    def __init__(self, params: Any, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
                 step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False,
                 foreach: bool | None = None, maximize: bool = False,
                 differentiable: bool = False) -> None:  # fmt: skip
        at_least_zero(learning__rate=lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(params, {"lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach,
                                  "maximize": maximize, "differentiable": differentiable,
                                  "capturable": capturable})  # fmt: skip
