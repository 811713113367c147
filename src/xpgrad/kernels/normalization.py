"""Normalization: to mean 0 and variance 1 over a layer's features, a batch, or groups of channels.

Each op returns the result, the means and the reciprocal standard deviations, as PyTorch's do. Mean and deviation are
outputs with gradients of their own, so a rule reads them instead of computing them anew and is exact at every order.

With x̂ = (x - mean) rstd, n values to a mean, and h the gradient of x̂:

    dx = rstd (h - mean(h) - x̂ mean(h x̂))

Ioffe and Szegedy, "Batch normalization" (2015); Ba et al., "Layer normalization" (2016); Wu and He, "Group
normalization" (2018).
"""

from __future__ import annotations

import math
from typing import Any

from ..op import op

Axes = tuple[int, ...]


def _counted(x: Any, axes: Axes) -> int:
    return max(int(math.prod(x.shape[a] for a in axes)), 1)


def _statistics(xp: Any, x: Any, axes: Axes, eps: float) -> tuple[Any, Any, Any]:
    """x less its mean, the mean, and 1 / sqrt(variance + eps), over `axes`, which are kept."""
    n = _counted(x, axes)
    mean = xp.sum(x, axis=axes, keepdims=True) / n
    centred = x - mean
    return centred, mean, 1 / xp.sqrt(xp.sum(centred * centred, axis=axes, keepdims=True) / n + eps)


def _affine(y: Any, weight: Any, bias: Any) -> Any:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def _normalized(xp: Any, g: tuple[Any, Any, Any], x: Any, mean: Any, rstd: Any, weight: Any,
                axes: Axes) -> tuple[Any, Any]:  # fmt: skip
    """The gradient of x, and that of the weight before it is summed; `g` for the output, the mean and rstd."""
    g_out, g_mean, g_rstd = g
    n = _counted(x, axes)
    xhat = (x - mean) * rstd
    h = g_out if weight is None else g_out * weight
    inner = xp.sum(h * xhat, axis=axes, keepdims=True) + g_rstd * rstd
    dx = rstd * (h - xp.sum(h, axis=axes, keepdims=True) / n - xhat * (inner / n)) + g_mean / n
    return dx, g_out * xhat


# -- over the last axes --


def normalize_layer(xp: Any, x: Any, weight: Any = None, bias: Any = None, *, count: int = 1,
                    eps: float = 1e-5) -> tuple[Any, Any, Any]:  # fmt: skip
    """x, normalized over its last `count` axes, times `weight` plus `bias`, both of the shape of those axes.

    Returns:
        The result; mean and 1 / sqrt(variance + eps), with those axes of length 1.
    """
    centred, mean, rstd = _statistics(xp, x, tuple(range(x.ndim - count, x.ndim)), eps)
    return _affine(centred * rstd, weight, bias), mean, rstd


def _layer(xp: Any, g: Any, y: Any, x: Any, weight: Any, count: int = 1) -> tuple[Any, Any, Any]:
    dx, dw = _normalized(xp, g, x, y[1], y[2], weight, tuple(range(x.ndim - count, x.ndim)))
    return dx, dw, g[0]


op("normalize_layer", joint=_layer, args="x weight bias", forward=normalize_layer, outputs="out mean rstd",
   node="NativeLayerNormBackward0")  # fmt: skip


# -- over groups of channels --


def _grouped(xp: Any, x: Any, groups: int) -> Any:
    """(N, C, *S) as (N, G, C/G, product of S)."""
    n, c, *spatial = x.shape
    return xp.reshape(x, (n, groups, c // groups, math.prod(spatial)))


def _per_channel(xp: Any, w: Any, groups: int) -> Any:
    return None if w is None else xp.reshape(w, (1, groups, w.shape[0] // groups, 1))


def normalize_group(xp: Any, x: Any, weight: Any = None, bias: Any = None, *, groups: int,
                    eps: float = 1e-5) -> tuple[Any, Any, Any]:  # fmt: skip
    """(N, C, *S), each sample normalized over each of `groups` groups of channels; `weight` and `bias` are (C,).

    Returns:
        The result; mean and 1 / sqrt(variance + eps), (N, groups).
    """
    centred, mean, rstd = _statistics(xp, _grouped(xp, x, groups), (2, 3), eps)
    y = _affine(centred * rstd, _per_channel(xp, weight, groups), _per_channel(xp, bias, groups))
    flat = (x.shape[0], groups)
    return xp.reshape(y, x.shape), xp.reshape(mean, flat), xp.reshape(rstd, flat)


def _group(xp: Any, g: Any, y: Any, x: Any, weight: Any, groups: int) -> tuple[Any, Any, Any]:
    stats = (x.shape[0], groups, 1, 1)
    g_mean, g_rstd, mean, rstd = (xp.reshape(a, stats) for a in (g[1], g[2], y[1], y[2]))
    inner = (_grouped(xp, g[0], groups), g_mean, g_rstd)
    dx, dw = _normalized(xp, inner, _grouped(xp, x, groups), mean, rstd, _per_channel(xp, weight, groups), (2, 3))
    channels = (x.shape[1],)
    return (xp.reshape(dx, x.shape), xp.reshape(xp.sum(dw, axis=(0, 3)), channels),
            xp.reshape(xp.sum(inner[0], axis=(0, 3)), channels))  # fmt: skip


op("normalize_group", joint=_group, args="x weight bias", forward=normalize_group, outputs="out mean rstd",
   node="NativeGroupNormBackward0")  # fmt: skip


# -- over the batch: everything but axis 1 --


def _others(x: Any) -> Axes:
    return (0, *range(2, x.ndim))


def _row(xp: Any, w: Any, x: Any) -> Any:
    """(C,) beside (N, C, *S)."""
    return xp.reshape(w, (1, x.shape[1]) + (1,) * (x.ndim - 2))


def normalize_batch(xp: Any, x: Any, weight: Any = None, bias: Any = None, *,
                    eps: float = 1e-5) -> tuple[Any, Any, Any]:  # fmt: skip
    """(N, C, *S), each channel normalized over the batch and space; `weight` and `bias` are (C,).

    Returns:
        The result; mean and 1 / sqrt(variance + eps), (C,).
    """
    centred, mean, rstd = _statistics(xp, x, _others(x), eps)
    scale = rstd if weight is None else rstd * _row(xp, weight, x)
    y = _affine(centred * scale, None, None if bias is None else _row(xp, bias, x))
    return y, xp.reshape(mean, (x.shape[1],)), xp.reshape(rstd, (x.shape[1],))


def _batch(xp: Any, g: Any, y: Any, x: Any, weight: Any) -> tuple[Any, Any, Any]:
    """The weight is the same for all values of a mean, so its gradient and the bias's are the sums that dx needs."""
    g_out, axes, n = g[0], _others(x), _counted(x, _others(x))
    centred = x - _row(xp, y[1], x)
    g_bias = xp.sum(g_out, axis=axes)
    g_weight = xp.sum(g_out * centred, axis=axes) * y[2]
    scale = y[2] if weight is None else y[2] * weight
    along = -(scale * g_weight + g[2] * y[2] * y[2]) * y[2] / n
    dx = g_out * _row(xp, scale, x) + centred * _row(xp, along, x) + _row(xp, (g[1] - scale * g_bias) / n, x)
    return dx, g_weight, g_bias


op("normalize_batch", joint=_batch, args="x weight bias", forward=normalize_batch, outputs="out mean rstd",
   node="NativeBatchNormBackward0")  # fmt: skip


def scale_batch(xp: Any, x: Any, weight: Any, bias: Any, mean: Any, var: Any, *, eps: float = 1e-5) -> Any:
    """``(x - mean) / sqrt(var + eps) * weight + bias``, statistics known before; x (N, C, *S), the others (C,)."""
    scale = 1 / xp.sqrt(var + eps)
    scale = scale if weight is None else scale * weight
    return _affine((x - _row(xp, mean, x)) * _row(xp, scale, x), None, None if bias is None else _row(xp, bias, x))


def _scaled(xp: Any, g: Any, x: Any, weight: Any, mean: Any, var: Any, needs: Any,
            eps: float = 1e-5) -> tuple[Any, ...]:  # fmt: skip
    axes, rstd = _others(x), 1 / xp.sqrt(var + eps)
    scale = rstd if weight is None else rstd * weight
    dx = g * _row(xp, scale, x)
    dw: Any = rstd * xp.sum(g * (x - _row(xp, mean, x)), axis=axes) if needs[1] or needs[4] else None
    db = xp.sum(g, axis=axes) if needs[2] or needs[3] else None
    d_mean = -scale * db if needs[3] else None
    d_var = -0.5 * dw * scale * rstd if needs[4] else None
    return dx, dw, db, d_mean, d_var


op("scale_batch", joint=_scaled, args="x weight bias mean var", forward=scale_batch, node="NativeBatchNormBackward0")
