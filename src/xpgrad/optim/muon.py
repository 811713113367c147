"""Muon: momentum, made orthogonal."""

from __future__ import annotations

import math
from typing import Any

from ..op import Library
from .adam import lerp
from .optimizer import Optimizer, State, cast, number

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan et al., kellerjordan.github.io/posts/muon
_SPLIT = 2.0**16 + 1


def muon(xp: Library, p: Any, g: Any, state: State, o: dict[str, Any]) -> tuple[Any, State]:
    """p (1 - lr weight_decay) - lr s O(m), m a running mean of g (with nesterov, of g and that), O as `orthogonal`.

    s = sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns)) for ``match_rms_adamw``.
    """
    lr, momentum = number(xp, o["lr"]), o["momentum"]
    m = lerp(state["momentum_buffer"] if state else xp.zeros_like(g), g, 1 - momentum)
    ahead = lerp(g, m, momentum) if o["nesterov"] else m
    direction = orthogonal(xp, ahead, o["ns_coefficients"], o["ns_steps"], o["eps"])
    rows, columns = p.shape
    matched = o["adjust_lr_fn"] == "match_rms_adamw"
    scale = 0.2 * math.sqrt(max(rows, columns)) if matched else math.sqrt(max(1, rows / columns))
    shrunk = p * cast(xp, 1 - lr * o["weight_decay"], p)
    return shrunk - xp.native.astype(direction, p.dtype) * cast(xp, lr * scale, p), {"momentum_buffer": m}


def orthogonal(xp: Library, g: Any, coefficients: tuple[float, float, float], steps: int, eps: float) -> Any:
    """A matrix with about the singular vectors of `g` and singular values near 1, in float32 rounded to bfloat16.

    Newton and Schulz's iteration X <- a X + (b A + c A A) X, A = X Xᵀ, from X = g / |g|. PyTorch runs it in bfloat16,
    whose rounding errors are part of the result; so the same numbers are rounded here, which needs no bfloat16.
    """
    a, b, c = coefficients
    x = _rounded(xp.native.astype(g, xp.native.float32))
    wide = x.shape[0] <= x.shape[1]
    x = x if wide else xp.matrix_transpose(x)
    x = _rounded(x / xp.maximum(_rounded(xp.sqrt(xp.sum(x * x))), eps))
    for _ in range(steps):
        gram = _rounded(x @ xp.matrix_transpose(x))
        x = _rounded(a * x + _rounded(b * gram + c * (gram @ gram)) @ x)
    return x if wide else xp.matrix_transpose(x)


def _rounded(x: Any) -> Any:
    """float32 rounded to the 8 leading bits of bfloat16, by Veltkamp's splitting."""
    far = x * _SPLIT
    return far - (far - x)


class Muon(Optimizer):
    """Muon, for matrices alone. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).

    Args:
        params: matrices, or groups of them; real.
        lr: the learning rate.
        weight_decay: by how much parameters shrink with each step, times lr.
        momentum: how much of the running mean of g is kept.
        nesterov: look ahead along the momentum.
        ns_coefficients: of the iteration that makes it orthogonal.
        eps: the least norm that is divided by.
        ns_steps: how many iterations.
        adjust_lr_fn: how the rate depends on the shape, ``original`` or ``match_rms_adamw``.

    Raises:
        ValueError: for a parameter that is no matrix, or an option out of its range.
    """

    rule = staticmethod(muon)
    real = True

    def __init__(self, params: Any, lr: Any = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
                 nesterov: bool = True, ns_coefficients: tuple[float, float, float] = _COEFFICIENTS, eps: float = 1e-7,
                 ns_steps: int = 5, adjust_lr_fn: str | None = None) -> None:  # fmt: skip
        for what, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0:
                raise ValueError(f"{what} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        if ns_steps >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(ns_coefficients) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
                                  "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
                                  "adjust_lr_fn": adjust_lr_fn})  # fmt: skip
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError("Muon only supports 2D parameters whereas we found a parameter with size: "
                                     f"{p.shape}")  # fmt: skip
