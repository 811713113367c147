"""Convolution with windows that do not overlap: kernels of 1, patches (the kernel is the stride), all up to the stride.

No number of the input is in two windows, so the input is cut up and nothing is copied twice; with a kernel of 1 and no
stride it is itself what the weight is multiplied with:

    y  =  w @ x,    (O, C·K1·...) by (C·K1·..., P1·...)

That can be done as arrays lie, batch first or rows first (see `windows`): the first axis counts the products, and what
is made lies as what was given. So a network neither changes its order here nor pays for one.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from .geometry import Geometry
from .windows import axis_of, batch_first, cut, extend, rows_first


def serves(geo: Geometry) -> bool:
    """Whether to compute here: no window reaches into the next."""
    each = zip(geo.kernel, geo.stride, geo.dilation, strict=True)
    return all(k == 1 or (k <= s and d == 1) for k, s, d in each)


def forward(xp: Any, x: Any, w: Any, b: Any, geo: Geometry) -> Any:
    """(N, C, *S), (O, C/G, *K) and a bias (O,) or None to (N, O, *P)."""
    by_rows = _lies_by_rows(xp, x)
    y = xp.matmul(_matrices(xp, w, geo), _columns(xp, _front(xp, x, by_rows), geo, by_rows))
    y = xp.reshape(y, _shape(geo, x.shape[0], w.shape[0], by_rows))
    return _back(xp, y, b, x.ndim - 2, by_rows)


def input_grad(xp: Any, z: Any, w: Any, b: Any, geo: Geometry) -> Any:
    """(N, O, *P), (O, C/G, *K) and a bias (C,) or None to (N, C, *S)."""
    by_rows = _lies_by_rows(xp, z)
    x = xp.matmul(xp.matrix_transpose(_matrices(xp, w, geo)), _grouped(xp, _front(xp, z, by_rows), geo.groups))
    first, channels, *others = _shape(geo, z.shape[0], w.shape[1] * geo.groups, by_rows)
    order, places = _order(geo.kernel, by_rows)
    x = xp.reshape(x, (first, channels, *(k for k in geo.kernel if k > 1), *others))
    x = xp.permute_dims(x, tuple(map(order.index, range(len(order)))))
    for i in reversed(range(len(places))):  # (..., P, K, ...) -> (..., S, ...)
        axis, k, s, low = places[i], geo.kernel[i], geo.stride[i], geo.pads[i][0]
        if s > 1:
            before, after = x.shape[: axis + 1], x.shape[axis + 1 + (k > 1) :]
            x = extend(xp, xp.reshape(x, (*before, k, *after)), axis + 1, 0, s)
            x = xp.reshape(x, (*before[:-1], before[-1] * s, *after))
        x = extend(xp, x, axis, low, low + geo.inner[i])
    return _back(xp, x, b, z.ndim - 2, by_rows)


def weight_grad(xp: Any, z: Any, x: Any, geo: Geometry) -> Any:
    """(N, O, *P) and (N, C, *S) to (O, C/G, *K)."""
    by_rows = _lies_by_rows(xp, x)
    cols = _columns(xp, _front(xp, x, by_rows), geo, by_rows)
    grad = _grouped(xp, _front(xp, z, by_rows), geo.groups)
    if grad.shape[2] * cols.shape[2] > (grad.shape[2] + cols.shape[2]) * cols.shape[3]:
        # to sum up so many small products would cost more than to lay their factors side by side
        grad, cols = (xp.reshape(xp.permute_dims(a, (1, 2, 0, 3)), (1, *a.shape[1:3], a.shape[0] * a.shape[3]))
                      for a in (grad, cols))  # fmt: skip
    products = xp.matmul(grad, xp.matrix_transpose(cols))
    total = xp.sum(products, axis=0, dtype=products.dtype)
    return xp.reshape(total, (z.shape[1], x.shape[1] // geo.groups, *geo.kernel[2 - z.ndim :]))


def _lies_by_rows(xp: Any, x: Any) -> bool:
    """Whether (N, C, *S) lies in memory rows first, asked by what must not be copied."""
    rows = rows_first(xp, x)
    try:
        xp.native.reshape(rows, (math.prod(rows.shape),), copy=False)
    except (AttributeError, ValueError):
        return False
    return True


def _front(xp: Any, x: Any, by_rows: bool) -> Any:
    """(N, C, *S) with its order in memory; one spatial axis becomes two, the first of length 1."""
    if by_rows:
        return rows_first(xp, x)
    return xp.native.expand_dims(x, axis=2) if x.ndim == 3 else x


def _back(xp: Any, y: Any, b: Any, spatial: int, by_rows: bool) -> Any:
    """`_front` undone, on an array just made, with a bias added."""
    if b is not None:
        y += xp.reshape(b, (b.shape[0],) + (1,) * (y.ndim - 2))
    if by_rows:
        return batch_first(xp, y, spatial)
    return y[:, :, 0, ...] if spatial == 1 else y


def _shape(geo: Geometry, batch: int, channels: int, by_rows: bool) -> tuple[int, ...]:
    """The shape of an array of outer positions, in its order in memory."""
    if by_rows:
        return (geo.outer[0], channels, *geo.outer[1:], batch)
    return (batch, channels, *geo.outer)


def _matrices(xp: Any, w: Any, geo: Geometry) -> Any:
    """(O, C/G, *K) -> (G, O/G, C/G·K1·...)."""
    return xp.reshape(w, (geo.groups, w.shape[0] // geo.groups, w.shape[1] * math.prod(geo.kernel)))


def _grouped(xp: Any, x: Any, groups: int) -> Any:
    """(A, C, ...) -> (A, G, C/G, ...), the last axes as one."""
    return xp.reshape(x, (x.shape[0], groups, x.shape[1] // groups, math.prod(x.shape[2:])))


def _columns(xp: Any, x: Any, geo: Geometry, by_rows: bool) -> Any:
    """The windows, (A, G, C/G·K1·..., P2·...), of an array in its order in memory."""
    for i in reversed(range(len(geo.kernel))):
        axis = axis_of(i) if by_rows else i + 2
        k, s, (low, _), count = geo.kernel[i], geo.stride[i], geo.pads[i], geo.outer[i]
        x = extend(xp, x, axis, -low, (count - 1) * s + (1 if k == 1 else s) - low)
        if k == 1:
            x = x if s == 1 else cut(x, axis, 0, x.shape[axis], s)
        else:
            x = xp.reshape(x, (*x.shape[:axis], count, s, *x.shape[axis + 1 :]))
            x = x if k == s else cut(x, axis + 1, 0, k)
    order, _ = _order(geo.kernel, by_rows)
    x = xp.permute_dims(x, order)
    taps = x.ndim - len(geo.kernel) - 2
    return _grouped(xp, xp.reshape(x, (x.shape[0], math.prod(x.shape[1 : 2 + taps]), *x.shape[2 + taps :])), geo.groups)


@functools.lru_cache(maxsize=1024)
def _order(kernel: tuple[int, ...], by_rows: bool) -> tuple[tuple[int, ...], list[int]]:
    """How (N, C, P1, K1, P2, K2, ...), or (P1, K1, C, P2, K2, ..., N), is permuted to (N, C, K1, K2, ..., P1, P2, ...),
    or (P1, C, K1, K2, ..., P2, ..., N); and the places of the P in the former. There is no K for a kernel of 1."""
    spatial = range(len(kernel))
    given: list[Any] = [0, "C", *spatial[1:], "N"] if by_rows else ["N", "C", *spatial]
    beside: list[Any] = []
    for axis in given:
        beside += [axis, ("K", axis)] if axis in spatial and kernel[axis] > 1 else [axis]
    taps = [("K", i) for i in spatial if kernel[i] > 1]
    return tuple(map(beside.index, [*given[:2], *taps, *given[2:]])), [beside.index(i) for i in spatial]
