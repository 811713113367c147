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

from ..op import device_of, op
from .activations import floating


def _line(xp: Any, x: Any, value: float) -> Any:
    """`value`, as often as the last axis of `x` is long: a product with it sums that axis, on NumPy in a fifth of the
    time of a sum."""
    return xp.full((x.shape[-1],), value, dtype=x.dtype, device=device_of(x))


def _share(x: Any) -> float:
    """What one value on the last axis is of their mean."""
    return 1 / max(int(x.shape[-1]), 1)


def _normalized(xp: Any, x: Any, eps: float) -> tuple[Any, Any, Any]:
    """x̂, the mean and 1 / sqrt(variance + eps) over the last axis, which is kept."""
    floating(x)
    mean = (x @ _line(xp, x, _share(x)))[..., None]
    y = x - mean
    rstd = 1 / xp.sqrt(xp.vecdot(y, y)[..., None] * _share(x) + eps)
    y *= rstd
    return y, mean, rstd


def _affine(y: Any, weight: Any, bias: Any) -> Any:
    """`y`, the caller's own array, times `weight` plus `bias`."""
    if weight is not None:
        y *= weight
    if bias is not None:
        y += bias
    return y


def _pulled(xp: Any, h: Any, centred: Any, rstd: Any, g_mean: Any, g_rstd: Any) -> Any:
    """The gradient of x; `centred` is x - mean, the caller's own array."""
    along = (xp.vecdot(h, centred)[..., None] + g_rstd) * rstd * rstd * rstd * _share(h)
    across = rstd * (h @ _line(xp, h, _share(h)))[..., None] - g_mean * _share(h)
    centred *= along
    centred += across
    dx = h * rstd
    dx -= centred
    return dx


# -- over the last axes --


def _merged(xp: Any, x: Any, count: int) -> Any:
    """The last `count` axes as one."""
    return x if x is None or count == 1 else xp.reshape(x, (*x.shape[: x.ndim - count], math.prod(x.shape[-count:])))


def normalize_layer(xp: Any, x: Any, weight: Any = None, bias: Any = None, *, count: int = 1,
                    eps: float = 1e-5) -> tuple[Any, Any, Any]:  # fmt: skip
    """x, normalized over its last `count` axes, times `weight` plus `bias`, both of the shape of those axes.

    Returns:
        The result; mean and 1 / sqrt(variance + eps), with those axes of length 1.
    """
    y, mean, rstd = _normalized(xp, _merged(xp, x, count), eps)
    y = _affine(y, _merged(xp, weight, count), _merged(xp, bias, count))
    if count == 1:
        return y, mean, rstd
    kept = (*x.shape[: x.ndim - count], *(1,) * count)
    return xp.reshape(y, x.shape), xp.reshape(mean, kept), xp.reshape(rstd, kept)


def _layer(xp: Any, g: Any, y: Any, x: Any, weight: Any, needs: tuple[bool, ...] = (),
           count: int = 1) -> tuple[Any, Any, Any]:  # fmt: skip
    """The gradients of weight and bias are products with rstd, and with ones, of all rows."""
    features = x.shape[x.ndim - count :]
    rows = (math.prod(x.shape[: x.ndim - count]), math.prod(features))
    g_out, g_mean, g_rstd, mean, rstd = (_merged(xp, a, count) for a in (*g, *y[1:]))
    centred = _merged(xp, x, count) - mean
    dx = dw = db = None
    if needs[1]:
        dw = xp.reshape(rstd, rows[:1]) @ xp.reshape(g_out * centred, rows)
    if needs[2]:
        db = _line(xp, xp.reshape(rstd, rows[:1]), 1) @ xp.reshape(g_out, rows)
    if needs[0]:
        h = g_out if weight is None else g_out * _merged(xp, weight, count)
        dx = _pulled(xp, h, centred, rstd, g_mean, g_rstd)
    if count > 1:
        dx, dw, db = (a if a is None else xp.reshape(a, s) for a, s in ((dx, x.shape), (dw, features), (db, features)))
    return dx, dw, db


op("normalize_layer", joint=_layer, args="x weight bias", forward=normalize_layer, outputs="out mean rstd",
   node="NativeLayerNormBackward0")  # fmt: skip


# -- over groups of channels --


def _grouped(x: Any, groups: int) -> tuple[int, ...]:
    """(N, G, C/G, product of S), the shape in which (N, C, *S) is cut into groups."""
    n, c, *spatial = x.shape
    return n, groups, c // groups, math.prod(spatial)


def _per_channel(xp: Any, w: Any, groups: int) -> Any:
    return None if w is None else xp.reshape(w, (1, groups, w.shape[0] // groups, 1))


def normalize_group(xp: Any, x: Any, weight: Any = None, bias: Any = None, *, groups: int,
                    eps: float = 1e-5) -> tuple[Any, Any, Any]:  # fmt: skip
    """(N, C, *S), each sample normalized over each of `groups` groups of channels; `weight` and `bias` are (C,).

    Returns:
        The result; mean and 1 / sqrt(variance + eps), (N, groups).
    """
    n, _, c, s = shape = _grouped(x, groups)
    y, mean, rstd = _normalized(xp, xp.reshape(x, (n, groups, c * s)), eps)
    y = _affine(xp.reshape(y, shape), _per_channel(xp, weight, groups), _per_channel(xp, bias, groups))
    return xp.reshape(y, x.shape), xp.reshape(mean, (n, groups)), xp.reshape(rstd, (n, groups))


def _group(xp: Any, g: Any, y: Any, x: Any, weight: Any, groups: int) -> tuple[Any, Any, Any]:
    n, _, c, s = shape = _grouped(x, groups)
    g_out, flat = xp.reshape(g[0], shape), (n, groups, c * s)
    g_mean, g_rstd, mean, rstd = (a[..., None] for a in (*g[1:], *y[1:]))
    centred = xp.reshape(x, flat) - mean
    ones = _line(xp, g_out, 1)
    dw = xp.sum((g_out * xp.reshape(centred, shape)) @ ones * rstd, axis=0)
    db = xp.sum(g_out @ ones, axis=0)
    h = g_out if weight is None else g_out * _per_channel(xp, weight, groups)
    dx = _pulled(xp, xp.reshape(h, flat), centred, rstd, g_mean, g_rstd)
    return xp.reshape(dx, x.shape), xp.reshape(dw, (groups * c,)), xp.reshape(db, (groups * c,))


op("normalize_group", joint=_group, args="x weight bias", forward=normalize_group, outputs="out mean rstd",
   node="NativeGroupNormBackward0")  # fmt: skip


# -- over the batch: everything but axis 1 --


def _turned(ndim: int) -> tuple[int, ...]:
    """The axes of (N, C, *S) with channels second and the batch last; with the channels first, if S is one axis or
    none."""
    return (2, 1, *range(3, ndim), 0) if ndim > 3 else (*range(1, ndim), 0)


def _rows(xp: Any, x: Any) -> Any:
    """(N, C, *S) as (S1, C, S2 · ... · N): as it lies in memory where it comes out of a convolution, rows first and
    batch last. What lies otherwise is copied: two arrays of different orders cost four times as much in every sum."""
    x = xp.permute_dims(x, _turned(x.ndim))
    first = x.shape[:1] if x.ndim > 3 else (1,)
    c, *others = x.shape[len(x.shape) > 3 :]
    return xp.reshape(x, (*first, c, math.prod(others)))


def _restored(xp: Any, rows: Any, shape: Any) -> Any:
    """What `_rows` was made of."""
    order = _turned(len(shape))
    back = tuple(order.index(axis) for axis in range(len(shape)))
    return xp.permute_dims(xp.reshape(rows, tuple(shape[axis] for axis in order)), back)


def _count(x: Any) -> int:
    """How many values each channel has."""
    return max(int(x.shape[0] * math.prod(x.shape[2:])), 1)


def normalize_batch(xp: Any, x: Any, weight: Any = None, bias: Any = None, *,
                    eps: float = 1e-5) -> tuple[Any, Any, Any]:  # fmt: skip
    """(N, C, *S), each channel normalized over the batch and space; `weight` and `bias` are (C,).

    Returns:
        The result; mean and 1 / sqrt(variance + eps), (C,).
    """
    floating(x)
    rows, n = _rows(xp, x), _count(x)
    mean = xp.sum(rows @ _line(xp, rows, 1 / n), axis=0)
    y = rows - mean[:, None]
    rstd = 1 / xp.sqrt(xp.sum(xp.vecdot(y, y), axis=0) / n + eps)
    scale = rstd if weight is None else rstd * weight
    y = _affine(y, scale[:, None], None if bias is None else bias[:, None])
    return _restored(xp, y, x.shape), mean, rstd


def _batch(xp: Any, g: Any, y: Any, x: Any, weight: Any) -> tuple[Any, Any, Any]:
    """The weight is the same for all values of a mean, so its gradient and the bias's are the sums that dx needs."""
    (g_out, g_mean, g_rstd), (_, mean, rstd), n = g, y, _count(x)
    rows = _rows(xp, g_out)
    centred = _rows(xp, x) - mean[:, None]
    g_bias = xp.sum(rows @ _line(xp, rows, 1), axis=0)
    g_weight = xp.sum(xp.vecdot(rows, centred), axis=0) * rstd
    scale = rstd if weight is None else rstd * weight
    centred *= ((scale * g_weight + g_rstd * rstd * rstd) * rstd / n)[:, None]
    centred += ((scale * g_bias - g_mean) / n)[:, None]
    dx = rows * scale[:, None]
    dx -= centred
    return _restored(xp, dx, x.shape), g_weight, g_bias


op("normalize_batch", joint=_batch, args="x weight bias", forward=normalize_batch, outputs="out mean rstd",
   node="NativeBatchNormBackward0")  # fmt: skip


def _others(x: Any) -> tuple[int, ...]:
    return (0, *range(2, x.ndim))


def _row(xp: Any, w: Any, x: Any) -> Any:
    """(C,) beside (N, C, *S)."""
    return xp.reshape(w, (1, x.shape[1]) + (1,) * (x.ndim - 2))


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
