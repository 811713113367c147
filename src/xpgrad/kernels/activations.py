"""Activations: the functions between the layers, each one op with one rule.

A rule reads the output where it can (`y`), so that the graph keeps one array and not two. At kinks the slope is
PyTorch's: 0 for relu at 0, the left one for leaky_relu and elu, 0 at the ends of hardtanh.
"""

from __future__ import annotations

import math
from typing import Any

from .. import dtypes
from ..op import conj, op


def relu(xp: Any, x: Any) -> Any:
    """max(x, 0); NaN stays NaN."""
    return xp.maximum(x, 0)


def _relu_rule(xp: Any, g: Any, y: Any) -> Any:
    slope = xp.astype(y > 0, g.dtype)
    slope *= g  # a product and not `where`: an order of magnitude faster on NumPy, whose `where` branches per element
    return slope


op("relu", _relu_rule, forward=relu)


def sigmoid(xp: Any, x: Any) -> Any:
    """1 / (1 + exp(-x)), without overflow for real x."""
    if dtypes.is_complex(x.dtype):
        return 1 / (1 + xp.exp(-x))
    y = xp.exp(xp.minimum(x, 0.0))  # and no `where`, which costs as much as eight exponentials on NumPy
    y /= 1 + xp.exp(-xp.abs(x))
    return y


op("sigmoid", lambda xp, g, y: g * conj(xp, y * (1 - y)), forward=sigmoid, floats=True)


def log_sigmoid(xp: Any, x: Any) -> Any:
    """log(sigmoid(x)), exact where sigmoid(x) underflows."""
    return xp.minimum(x, 0.0) - xp.log1p(xp.exp(-xp.abs(x)))


op("log_sigmoid", lambda xp, g, x: g * xp.sigmoid(-x), forward=log_sigmoid)


def floating(x: Any) -> None:
    """Refuse integers, of which some libraries would make float64.

    Raises:
        TypeError: if `x` has no floating dtype.
    """
    kind = dtypes.from_native(x.dtype)
    if not kind.is_floating_point:
        raise TypeError(f"not defined for {kind.name}; convert the input with .to(dtype), or give dtype")


def softmax(xp: Any, x: Any, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along `axis`."""
    floating(x)
    if 0 in x.shape:
        return x
    e = xp.exp(x - xp.max(x, axis=axis, keepdims=True))
    return e / xp.sum(e, axis=axis, keepdims=True)


op("softmax", lambda xp, g, y, axis=-1: y * (g - xp.sum(g * y, axis=axis, keepdims=True)), forward=softmax)


def log_softmax(xp: Any, x: Any, axis: int = -1) -> Any:
    """x - log(sum(exp(x))) along `axis`."""
    floating(x)
    if 0 in x.shape:
        return x
    shifted = x - xp.max(x, axis=axis, keepdims=True)
    return shifted - xp.log(xp.sum(xp.exp(shifted), axis=axis, keepdims=True))


op("log_softmax", lambda xp, g, y, axis=-1: g - xp.exp(y) * xp.sum(g, axis=axis, keepdims=True), forward=log_softmax)


def softplus(xp: Any, x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta, and x itself where beta x > threshold."""
    scaled = x * beta
    smooth = (xp.maximum(scaled, 0.0) + xp.log1p(xp.exp(-xp.abs(scaled)))) / beta
    return xp.where(scaled > threshold, x, smooth)


op("softplus", lambda xp, g, x, beta=1.0, threshold=20.0:
   xp.where(x * beta > threshold, g, g * xp.sigmoid(x * beta)), forward=softplus)  # fmt: skip


def silu(xp: Any, x: Any) -> Any:
    """x sigmoid(x)."""
    return x * sigmoid(xp, x)


def _silu_rule(xp: Any, g: Any, x: Any) -> Any:
    s = xp.sigmoid(x)
    return g * s * (1 + x * (1 - s))


op("silu", _silu_rule, forward=silu)


def mish(xp: Any, x: Any) -> Any:
    """x tanh(softplus(x)). Misra, "Mish: a self regularized non-monotonic activation function" (2019)."""
    return x * xp.tanh(softplus(xp, x))


def _mish_rule(xp: Any, g: Any, x: Any) -> Any:
    t = xp.tanh(xp.softplus(x))
    return g * (t + x * xp.sigmoid(x) * (1 - t * t))


op("mish", _mish_rule, forward=mish)

_ROOT_HALF = math.sqrt(0.5)
_ROOT_TWO_OVER_PI = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def gelu(xp: Any, x: Any, approximate: str = "none") -> Any:
    """x Φ(x), Φ the normal distribution function, exactly or by tanh. Hendrycks and Gimpel (2016)."""
    if approximate == "tanh":
        return 0.5 * x * (1 + xp.tanh(_ROOT_TWO_OVER_PI * (x + _CUBIC * x * x * x)))
    return x * (0.5 * (1 + xp.erf(x * _ROOT_HALF)))


def _gelu_rule(xp: Any, g: Any, x: Any, approximate: str = "none") -> Any:
    if approximate == "tanh":
        t = xp.tanh(_ROOT_TWO_OVER_PI * (x + _CUBIC * x * x * x))
        inner = _ROOT_TWO_OVER_PI * (1 + 3 * _CUBIC * x * x)
        return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner)
    density = xp.exp(-0.5 * x * x) * (0.5 * _ROOT_TWO_OVER_PI)
    return g * (0.5 * (1 + xp.erf(x * _ROOT_HALF)) + x * density)


op("gelu", _gelu_rule, forward=gelu)


def elu(xp: Any, x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    """scale x for x > 0, else scale alpha (exp(input_scale x) - 1). Clevert et al. (2015)."""
    return scale * xp.where(x > 0, x, alpha * xp.expm1(input_scale * xp.where(x > 0, 0.0, x)))


def _elu_rule(xp: Any, g: Any, x: Any, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
    slope = alpha * input_scale * xp.exp(input_scale * xp.where(x > 0, 0.0, x))
    return g * scale * xp.where(x > 0, 1.0, slope)


op("elu", _elu_rule, forward=elu)
op("celu", lambda xp, g, x, alpha=1.0: g * xp.where(x > 0, 1.0, xp.exp(xp.where(x > 0, 0.0, x) / alpha)),
   forward=lambda xp, x, alpha=1.0: elu(xp, x, alpha, 1.0, 1 / alpha))  # fmt: skip

op("leaky_relu", lambda xp, g, x, negative_slope=0.01: xp.where(x > 0, g, g * negative_slope),
   forward=lambda xp, x, negative_slope=0.01: xp.where(x > 0, x, x * negative_slope))  # fmt: skip
op("prelu", lambda xp, g, x, weight: xp.where(x > 0, g, g * weight),
   lambda xp, g, x: xp.where(x > 0, 0.0, g * x), args="x weight", node="PreluKernelBackward0",
   forward=lambda xp, x, weight: xp.where(x > 0, x, x * weight))  # fmt: skip
op("threshold", lambda xp, g, x, threshold=0.0: xp.where(x <= threshold, 0.0, g),
   forward=lambda xp, x, threshold=0.0, value=0.0: xp.where(x <= threshold, value, x))  # fmt: skip

op("hardtanh", lambda xp, g, x, min_val=-1.0, max_val=1.0: xp.where((x <= min_val) | (x >= max_val), 0.0, g),
   forward=lambda xp, x, min_val=-1.0, max_val=1.0: xp.clip(x, min_val, max_val))  # fmt: skip
op("hardsigmoid", lambda xp, g, x: xp.where((x > -3) & (x < 3), g * (1 / 6), 0.0),
   forward=lambda xp, x: xp.clip(x + 3, 0, 6) / 6)  # fmt: skip
op("hardswish", lambda xp, g, x: xp.where(x <= -3, 0.0, xp.where(x < 3, g * (x / 3 + 0.5), g)),
   forward=lambda xp, x: x * xp.clip(x + 3, 0, 6) / 6)  # fmt: skip

op("softshrink", lambda xp, g, x, lambd=0.5: xp.where((x >= -lambd) & (x <= lambd), 0.0, g),
   forward=lambda xp, x, lambd=0.5: xp.where(
       x > lambd, x - lambd, xp.where(x < -lambd, x + lambd, x * 0.0)))  # fmt: skip
op("hardshrink", lambda xp, g, x, lambd=0.5: xp.where((x >= -lambd) & (x <= lambd), 0.0, g),
   forward=lambda xp, x, lambd=0.5: xp.where((x >= -lambd) & (x <= lambd), 0.0, x))  # fmt: skip
