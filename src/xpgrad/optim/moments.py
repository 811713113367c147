"""Adam's relatives: Adamax, NAdam and RAdam, each with its own use of the running means of g and g²."""

from __future__ import annotations

from typing import Any

from ..op import Library, device_of
from .adam import lerp
from .optimizer import Optimizer, State, at_least_zero, betas_below_one, cast, decayed, next_step, number


def adamax(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p - lr m̂ / u, with m a running mean of g, u = max(beta2 u, |g| + eps) and m̂ = m / (1 - beta1ᵗ)."""
    beta1, beta2 = o["betas"]
    g = decayed(p, g, o)
    zero = None if state else xp.zeros_like(p)
    step = next_step(xp, p, state)
    m = lerp(state.get("exp_avg", zero), g, 1 - beta1)
    u = xp.maximum(state.get("exp_inf", zero) * beta2, xp.abs(g) + o["eps"])
    rate = number(xp, o["lr"]) / (1 - beta1 ** number(xp, step))
    return p - m / u * cast(xp, rate, p), {"step": step, "exp_avg": m, "exp_inf": u}


def nadam(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """Adam with Nesterov's momentum: a weighted sum of g and its running mean, over sqrt(v̂) + eps.

    The momentum grows with the step t: mu(t) = beta1 (1 - 0.96**(t momentum_decay) / 2).
    """
    beta1, beta2 = o["betas"]
    lr = number(xp, o["lr"])
    p, g = _shrunk(xp, p, g, lr, o)
    zero = None if state else xp.zeros_like(p)
    step = next_step(xp, p, state)
    t = number(xp, step)
    mu, following = (beta1 * (1.0 - 0.5 * 0.96 ** (k * o["momentum_decay"])) for k in (t, t + 1))
    before = state.get("mu_product")
    if before is None:
        before = xp.native.ones((), dtype=xp.native.float32, device=device_of(p))
    product = xp.native.asarray(before * cast(xp, mu, before))
    so_far = number(xp, product)
    m = lerp(state.get("exp_avg", zero), g, 1 - beta1)
    v = state.get("exp_avg_sq", zero) * beta2 + g * g * (1 - beta2)
    denominator = xp.sqrt(v / cast(xp, 1 - beta2**t, p)) + o["eps"]
    p = p - g / denominator * cast(xp, lr * (1.0 - mu) / (1.0 - so_far), p)
    p = p - m / denominator * cast(xp, lr * following / (1.0 - so_far * following), p)
    return p, {"step": step, "mu_product": product, "exp_avg": m, "exp_avg_sq": v}


def radam(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """Adam that divides by sqrt(v̂) only once its variance can be known, rectified: p - lr r m̂ / (sqrt(v̂) + eps).

    With rho∞ = 2 / (1 - beta2) - 1 and rho = rho∞ - 2 t beta2ᵗ / (1 - beta2ᵗ): where rho is up to 5, p - lr m̂; above,
    r² = (rho - 4) (rho - 2) rho∞ / ((rho∞ - 4) (rho∞ - 2) rho).
    """
    beta1, beta2 = o["betas"]
    lr = number(xp, o["lr"])
    p, g = _shrunk(xp, p, g, lr, o)
    zero = None if state else xp.zeros_like(p)
    step = next_step(xp, p, state)
    t = number(xp, step)
    m = lerp(state.get("exp_avg", zero), g, 1 - beta1)
    v = state.get("exp_avg_sq", zero) * beta2 + g * g * (1 - beta2)
    after = {"step": step, "exp_avg": m, "exp_avg_sq": v}
    left = 1 - beta2**t
    longest = 2 / (1 - beta2) - 1
    rho = longest - 2 * t * beta2**t / left
    move = m / cast(xp, 1 - beta1**t, p) * cast(xp, lr, p)
    seen = isinstance(rho, float)  # else rho lies on a device, and both ways are computed
    if seen and rho <= 5:
        return p - move, after
    known = rho if seen else xp.where(rho > 5, rho, 6.0)
    share = (known - 4) * (known - 2) * longest / ((longest - 4) * (longest - 2) * known)
    rectified = cast(xp, left**0.5, p) / (xp.sqrt(v) + o["eps"]) * cast(xp, share**0.5, p)
    return p - move * (rectified if seen else xp.where(rho > 5, rectified, 1.0)), after


def _shrunk(xp: Library, p: Any, g: Any, lr: Any, o: dict[str, Any]) -> tuple[Any, Any]:
    """Parameter and gradient after the weight decay, which is one's or the other's."""
    if not o["decoupled_weight_decay"]:
        return p, decayed(p, g, o)
    if o["weight_decay"] != 0:
        p = p * cast(xp, 1 - lr * o["weight_decay"], p)
    return p, -g if o["maximize"] else g


class Adamax(Optimizer):
    """Adamax: Adam with the infinity norm in place of the root of v. Kingma and Ba, arXiv:1412.6980, section 7.

    Args:
        params: parameters, or groups of them.
        lr: the learning rate.
        betas: how much of the running mean of g and of the largest |g| is kept.
        eps: added to |g|.
        weight_decay: the coefficient of an L2 penalty.
        maximize: go up instead of down.
        foreach, differentiable, capturable: accepted and kept, without effect.
    """

    rule = staticmethod(adamax)

    def __init__(self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False,
                 differentiable: bool = False, capturable: bool = False) -> None:  # fmt: skip
        at_least_zero(learning__rate=lr, epsilon__value=eps, weight_decay__value=weight_decay)
        betas_below_one(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
                                  "capturable": capturable})  # fmt: skip


class NAdam(Optimizer):
    """Adam with Nesterov's momentum. Dozat, "Incorporating Nesterov momentum into Adam" (2016).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate.
        betas: how much of the running means of g and g² is kept.
        eps: added to the denominator.
        weight_decay: the coefficient of an L2 penalty.
        momentum_decay: how fast the momentum grows to its full size.
        decoupled_weight_decay: shrink the parameters themselves, as AdamW does.
        maximize: go up instead of down.
        foreach, capturable, differentiable: accepted and kept, without effect.
    """

    rule = staticmethod(nadam)

    def __init__(self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
                 foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
                 differentiable: bool = False) -> None:  # fmt: skip
        at_least_zero(learning__rate=lr, epsilon__value=eps, weight_decay__value=weight_decay,
                      momentum_decay__value=momentum_decay)  # fmt: skip
        betas_below_one(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
                                  "maximize": maximize, "foreach": foreach, "capturable": capturable,
                                  "differentiable": differentiable})  # fmt: skip


class RAdam(Optimizer):
    """Rectified Adam. Liu et al., "On the variance of the adaptive learning rate and beyond" (2019).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate.
        betas: how much of the running means of g and g² is kept.
        eps: added to the denominator.
        weight_decay: the coefficient of an L2 penalty.
        decoupled_weight_decay: shrink the parameters themselves, as AdamW does.
        maximize: go up instead of down.
        foreach, capturable, differentiable: accepted and kept, without effect.
    """

    rule = staticmethod(radam)

    def __init__(self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
                 weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
                 maximize: bool = False, capturable: bool = False, differentiable: bool = False) -> None:  # fmt: skip
        at_least_zero(learning__rate=lr, epsilon__value=eps, weight_decay__value=weight_decay)
        betas_below_one(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
                                  "maximize": maximize, "foreach": foreach, "capturable": capturable,
                                  "decoupled_weight_decay": decoupled_weight_decay,
                                  "differentiable": differentiable})  # fmt: skip
