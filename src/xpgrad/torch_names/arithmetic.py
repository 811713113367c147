"""Arithmetic as PyTorch spells it: other names for the standard's functions, `alpha`, products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..namespace import function
from .common import cast, line, pair, wrap_dim

# PyTorch's name -> the standard's
RENAMED = {
    "mul": "multiply", "sub": "subtract", "div": "divide", "true_divide": "divide", "neg": "negative", "absolute":
    "abs", "acos": "acos", "arccos": "acos", "arcsin": "asin", "arctan": "atan", "arccosh": "acosh", "arcsinh":
    "asinh", "arctanh": "atanh", "arctan2": "atan2", "eq": "equal", "ne": "not_equal", "lt": "less", "le":
    "less_equal", "gt": "greater", "ge": "greater_equal", "bitwise_not": "bitwise_invert", "fix": "trunc", "sgn":
    "sign", "floor_divide": "floor_divide", "conj_physical": "conj", "sigmoid": "sigmoid",
}  # fmt: skip


def add(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input + alpha other."""
    return function("add")(input, other if alpha == 1 else other * alpha)


def sub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """input - alpha other."""
    return function("subtract")(input, other if alpha == 1 else other * alpha)


def div(input: Any, other: Any, *, rounding_mode: str | None = None) -> Any:
    """input / other, rounded towards zero (``"trunc"``) or down (``"floor"``) if asked; rounded, it has gradient 0.

    Raises:
        RuntimeError: for another rounding mode.
    """
    if rounding_mode is None:
        return function("divide")(input, other)
    if rounding_mode not in ("trunc", "floor"):
        raise RuntimeError(
            f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'"
        )
    a, b = pair(input, other)
    xp = a.__array_namespace__()
    if rounding_mode == "trunc":
        if dtypes.rank(a.dtype) > 1:
            return xp.trunc(a / b)
        quotient = a // b
        return quotient + xp.astype((quotient < 0) & (quotient * b != a), a.dtype)
    quotient = a.detach() // b.detach()
    if not (a.requires_grad or b.requires_grad):
        return quotient
    never = xp.zeros_like(quotient, dtype=dtypes.bool_)  # recorded, so that there is a gradient: of zeros
    return xp.where(never, a + b, quotient)


def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """input + value tensor1 tensor2."""
    return input + value * tensor1 * tensor2


def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: float = 1) -> Any:
    """input + value tensor1 / tensor2."""
    return input + value * tensor1 / tensor2


def lerp(input: Any, end: Any, weight: Any) -> Any:
    """input + weight (end - input)."""
    return input + weight * (end - input)


@line
def softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """exp(x) / sum(exp(x)) along `dim`."""
    return function("softmax")(cast(input, dtype), axis=wrap_dim(dim, input.ndim))


@line
def log_softmax(input: Any, dim: int, dtype: Any = None) -> Any:
    """log(softmax(x)) along `dim`."""
    return function("log_softmax")(cast(input, dtype), axis=wrap_dim(dim, input.ndim))


METHODS = (add, sub, div, addcmul, addcdiv, lerp, softmax, log_softmax)  # fmt: skip
FUNCTIONS: tuple[Callable[..., Any], ...] = ()
