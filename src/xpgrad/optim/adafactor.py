"""Adafactor: the running mean of g² of a matrix, kept as one row and one column."""

from __future__ import annotations

import math
from typing import Any

from ..op import Library
from .adam import lerp
from .optimizer import Optimizer, State, cast, next_step, number


def adafactor(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p - a u / max(1, rms(u) / d), u = g / sqrt(v), with v the product of running means of g² over rows and columns.

    a = max(eps2, rms(p)) min(lr, 1 / sqrt(t)); the running means move by the share t**beta2_decay.
    """
    least, smallest = o["eps"]
    least = float(xp.native.finfo(p.dtype).eps) if least is None else least
    if o["maximize"]:
        g = -g
    step = next_step(xp, p, state)
    t, lr = number(xp, step), number(xp, o["lr"])
    share = cast(xp, t ** o["beta2_decay"], p)
    rate = _least(xp, lr, 1 / t**0.5)
    size = xp.maximum(_rms(xp, p), smallest) * cast(xp, rate, p)
    if o["weight_decay"] != 0:
        p = p * cast(xp, 1 - lr * o["weight_decay"], p)
    after: State = {"step": step}
    if g.ndim > 1:
        for name, axis in (("row_var", -1), ("col_var", -2)):
            mean = xp.mean(g * g, axis=axis, keepdims=True)
            before = state.get(name)
            after[name] = _moved(xp.zeros_like(mean) if before is None else before, mean, share)
        row, column = after["row_var"], after["col_var"]
        v = row @ column / xp.maximum(xp.mean(row, axis=-2, keepdims=True), least)
    else:
        before = state.get("variance")
        v = after["variance"] = _moved(xp.zeros_like(g) if before is None else before, g * g, share)
    u = g / xp.sqrt(xp.maximum(v, least * least))
    return p - u * (size / xp.maximum(_rms(xp, u) / o["d"], 1.0)), after


def _rms(xp: Library, x: Any) -> Any:
    """The root of the mean square."""
    return xp.sqrt(xp.sum(x * x)) / math.sqrt(math.prod(x.shape))


def _least(xp: Library, a: Any, b: Any) -> Any:
    return min(a, b) if isinstance(a, int | float) and isinstance(b, int | float) else xp.minimum(b, a)


def _moved(before: Any, towards: Any, share: Any) -> Any:
    """`before` moved by `share`, a number or an array without axes, of its distance to `towards`."""
    return lerp(before, towards, share) if isinstance(share, float) else before + (towards - before) * share


class Adafactor(Optimizer):
    """Adafactor. Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost" (2018).

    Args:
        params: parameters, or groups of them; real.
        lr: an upper bound of the relative step.
        beta2_decay: the power of t by which the running means are renewed, up to 0.
        eps: the least variance (the dtype's epsilon if None), and the least scale of a parameter.
        d: from which root mean square on updates are scaled down.
        weight_decay: by how much parameters shrink with each step, times lr.
        maximize: go up instead of down.
        foreach: accepted and kept, without effect.
    """

    rule = staticmethod(adafactor)
    real = True

    def __init__(self, params: Any, lr: Any = 1e-2, beta2_decay: float = -0.8,
                 eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0, *,
                 foreach: bool | None = None, maximize: bool = False) -> None:  # fmt: skip
        for what, value, fits in (("Learning rate should be >= 0", lr, lr >= 0),
                                  ("beta2_decay should be <= 0", beta2_decay, beta2_decay <= 0),
                                  ("epsilon1 should be >= 0", eps[0], eps[0] is None or eps[0] >= 0),
                                  ("epsilon2 should be >= 0", eps[1], eps[1] >= 0),
                                  ("Clipping threshold d should be >= 1", d, d >= 1),
                                  ("weight_decay should be >= 0", weight_decay, weight_decay >= 0)):  # fmt: skip
            if not fits:
                raise ValueError(f"{what} but is: {value}")
        super().__init__(params, {"lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d,
                                  "weight_decay": weight_decay, "foreach": foreach, "maximize": maximize})  # fmt: skip
