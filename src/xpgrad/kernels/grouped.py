"""Convolution in groups of channels, depthwise above all, where a product is as small as a group's weight.

For a group, of C channels and M outputs. The plain formulation copies all windows, of as many groups as stay in the
cache, and multiplies:

    y  =  w @ columns(x),    (M, C·K1·K2·...) by (C·K1·K2·..., P1·P2·...·N)

Where lines are long, no window is copied. Rows first, batch last (see `windows`), a line is the last spatial axis and
the batch. With a group's rows one after the other, K1 of them are the windows, along the first axis, of a row of y. The
taps along the wide axes, S2 and on, are views that begin further on in the line, and their products are summed while
the row is in the cache:

    y[p]  =  sum over k2 of  w[..., k2] @ x[rows of p, k2*d2 ...],    (M, K1·C) by (K1·C, P2·...·N)

The weight's gradient is z times the same columns, or views; the input's gradient is the same sum with the weight
transposed and reversed, once for each phase of the stride.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..op import device_of
from .geometry import Geometry
from .windows import axis_of, batch_first, cut, extend, interleave, phase, rows_first, settled


def serves(geo: Geometry) -> bool:
    """Whether to compute here: there are groups, or the rows of a window lie apart."""
    return geo.groups > 1 or (geo.dilation[0] > 1 and geo.kernel[0] > 1)


def forward(xp: Any, x: Any, w: Any, b: Any, geo: Geometry) -> Any:
    """(N, G·C, *S), (G·M, C, *K) and a bias (G·M,) or None to (N, G·M, *P)."""
    y = _sums(xp, _group_rows(xp, x, geo.groups), _group_weight(xp, w, geo), b, _forward_axes(geo))
    return batch_first(xp, y, x.ndim - 2)


def input_grad(xp: Any, z: Any, w: Any, b: Any, geo: Geometry) -> Any:
    """(N, G·M, *P), (G·M, C, *K) and a bias (G·C,) or None to (N, G·C, *S)."""
    rows, spatial = _group_rows(xp, z, geo.groups), len(geo.kernel)
    weight = xp.permute_dims(_group_weight(xp, w, geo), (0, 2, 1, *range(3, spatial + 3)))
    weight = settled(xp, xp.flip(weight, axis=tuple(range(3, spatial + 3))))
    channels, lengths = w.shape[1] * geo.groups, [-(-n // s) for n, s in zip(geo.inner, geo.stride, strict=True)]
    phases = []
    for taps, axes in _phases(geo):
        if axes:
            total = _sums(xp, rows, weight[(slice(None), slice(None), slice(None), *taps)], b, axes)
        else:  # no tap reaches these positions
            shape = (lengths[0], channels, *lengths[1:], z.shape[0])
            total = xp.zeros(shape, dtype=z.dtype, device=device_of(z))
            total = total if b is None else total + xp.reshape(b, (channels,) + (1,) * spatial)
        phases.append(total)
    for dim in reversed(range(spatial)):
        s = geo.stride[dim]
        phases = [interleave(xp, phases[j : j + s], axis_of(dim), geo.inner[dim]) for j in range(0, len(phases), s)]
    return batch_first(xp, phases[0], z.ndim - 2)


def weight_grad(xp: Any, z: Any, x: Any, geo: Geometry) -> Any:
    """(N, G·M, *P) and (N, G·C, *S) to (G·M, C, *K)."""
    rows, grad, axes = _group_rows(xp, x, geo.groups), _group_rows(xp, z, geo.groups), _forward_axes(geo)
    products = _row_products if _by_rows(rows, axes) else _column_products
    parts = [products(xp, grad[:, slab, ...], rows[:, slab, ...], axes) for slab in _slabs(rows, axes)]
    total = parts[0] if len(parts) == 1 else xp.concat(parts, axis=0)
    return xp.reshape(total, (z.shape[1], rows.shape[2], *geo.kernel[2 - z.ndim :]))


# What is worked on at a time, in numbers, so that it stays in the cache with what is made of it: 2**16 to 2**19 are
# alike. And how many numbers the windows of a row must have in a group to be worth a product of their own: with half
# as many, copied columns take 0.6 to 0.8 of the time, with twice as many 1.2 times (depthwise, 7 to 56 rows, kernel 3).
_BLOCK, _ROW = 2**18, 180


class Axis(NamedTuple):
    """Windows along one axis: the p-th of `length` lies on ``start + p*stride + k*apart`` for every k below `taps`."""

    length: int
    taps: int
    start: int
    stride: int
    apart: int

    def span(self, count: int) -> int:
        """How far `count` windows reach from where the first begins."""
        return (count - 1) * self.stride + (self.taps - 1) * self.apart + 1

    def slices(self) -> list[slice]:
        """For each tap, where it lies in all windows, from where the first begins."""
        last = (self.length - 1) * self.stride + 1
        return [slice(k, k + last, self.stride) for k in range(0, self.taps * self.apart, self.apart)]


@functools.lru_cache(maxsize=1024)
def _forward_axes(geo: Geometry) -> tuple[Axis, ...]:
    each = zip(geo.outer, geo.kernel, geo.pads, geo.stride, geo.dilation, strict=True)
    return tuple(Axis(length, taps, -low, stride, apart) for length, taps, (low, _), stride, apart in each)


@functools.lru_cache(maxsize=1024)
def _phases(geo: Geometry) -> list[tuple[list[slice], tuple[Axis, ...]]]:
    """For each phase of the transpose: its taps in the reversed weight, and its windows of z (none without taps)."""
    found = []
    for firsts in itertools.product(*map(range, geo.stride)):
        slices, axes = [], []
        for i, first in enumerate(firsts):
            k, length = geo.kernel[i], -(-geo.inner[i] // geo.stride[i])
            taps = [(k - 1 - tap, -shift) for tap, shift in
                    reversed(phase(k, geo.stride[i], geo.dilation[i], geo.pads[i][0], first))]  # fmt: skip
            if taps:
                (low, start), (second, after) = taps[0], taps[min(1, len(taps) - 1)]
                slices.append(slice(low, taps[-1][0] + 1, max(second - low, 1)))
                axes.append(Axis(length, len(taps), start, 1, max(after - start, 1)))
        found.append((slices, tuple(axes) if len(axes) == len(firsts) else ()))
    return found


def _group_rows(xp: Any, x: Any, groups: int) -> Any:
    """(N, G·C, *S) -> (S1, G, C, S2, ..., Sd, N)."""
    rows = settled(xp, rows_first(xp, x))
    return xp.reshape(rows, (rows.shape[0], groups, rows.shape[1] // groups, *rows.shape[2:]))


def _group_weight(xp: Any, w: Any, geo: Geometry) -> Any:
    """(G·M, C, *K) -> (G, M, C, *K)."""
    return xp.reshape(w, (geo.groups, w.shape[0] // geo.groups, w.shape[1], *geo.kernel))


def _by_rows(rows: Any, axes: tuple[Axis, ...]) -> bool:
    """The choice between the formulations: by rows if there are some to sum over, and long ones."""
    return axes[0].taps > 1 and axes[0].taps * rows.shape[2] * axes[-1].length * rows.shape[-1] >= _ROW


def _slabs(rows: Any, axes: tuple[Axis, ...]) -> list[slice]:
    """The groups in pieces that stay in the cache."""
    if _by_rows(rows, axes):
        each = axes[0].taps * math.prod(rows.shape[2:])
    else:
        each = math.prod(axis.taps * axis.length for axis in axes) * rows.shape[2] * rows.shape[-1]
    groups, count = rows.shape[1], max(_BLOCK // max(each, 1), 1)
    return [slice(g, min(g + count, groups)) for g in range(0, groups, count)]


def _sums(xp: Any, rows: Any, weight: Any, b: Any, axes: tuple[Axis, ...]) -> Any:
    """(S1, G, C, S2, ..., Sd, N), (G, M, C, *K) and (G·M,) or None to (P1, G·M, P2, ..., Pd, N)."""
    bias: Any = None if b is None else xp.reshape(b, weight.shape[:2])
    sums = _row_sums if _by_rows(rows, axes) else _column_sums
    parts = [sums(xp, rows[:, slab, ...], weight[slab, ...], None if b is None else bias[slab, ...], axes)
             for slab in _slabs(rows, axes)]  # fmt: skip
    y = parts[0] if len(parts) == 1 else xp.concat(parts, axis=1)
    length, *others = (axis.length for axis in axes)
    return xp.reshape(y, (length, weight.shape[0] * weight.shape[1], *others, rows.shape[-1]))


def _columns(xp: Any, rows: Any, axes: tuple[Axis, ...]) -> Any:
    """(S1, G, C, S2, ..., Sd, N) -> (G, C·K1·K2·..., P1·P2·...·N): all windows."""
    x = xp.permute_dims(rows, (1, 2, 0, *range(3, rows.ndim)))
    for i, axis in enumerate(axes):
        x = extend(xp, x, i + 2, axis.start, axis.start + axis.span(axis.length))
    places = itertools.product(*(axis.slices() for axis in axes))
    taps = xp.stack([x[(slice(None), slice(None), *place, slice(None))] for place in places], axis=2)
    return xp.reshape(taps, (taps.shape[0], taps.shape[1] * taps.shape[2], math.prod(taps.shape[3:])))


def _column_sums(xp: Any, rows: Any, weight: Any, bias: Any, axes: tuple[Axis, ...]) -> Any:
    cols = _columns(xp, rows, axes)
    y = xp.matmul(xp.reshape(weight, (*weight.shape[:2], cols.shape[1])), cols)
    if bias is not None:
        y += xp.expand_dims(bias, axis=-1)
    y = xp.reshape(y, (*weight.shape[:2], *(axis.length for axis in axes), rows.shape[-1]))
    return xp.permute_dims(y, (2, 0, 1, *range(3, y.ndim)))


def _column_products(xp: Any, grad: Any, rows: Any, axes: tuple[Axis, ...]) -> Any:
    """(P1, G, M, P2, ..., Pd, N) and (S1, G, C, S2, ..., Sd, N) to (G, M, C·K1·K2·...)."""
    cols = _columns(xp, rows, axes)
    grad = xp.permute_dims(grad, (1, 2, 0, *range(3, grad.ndim)))
    return xp.matmul(xp.reshape(grad, (*grad.shape[:2], cols.shape[2])), xp.matrix_transpose(cols))


def _row_sums(xp: Any, rows: Any, weight: Any, bias: Any, axes: tuple[Axis, ...]) -> Any:
    groups, outs, channels, k, *wide = weight.shape
    between = (1,) * (len(wide) - 1)
    taps = settled(xp, xp.permute_dims(weight, (*range(4, weight.ndim), 0, 1, 3, 2)))
    taps = xp.reshape(taps, (math.prod(wide), 1, groups, *between, outs, k * channels))
    matrix, *matrices = (taps[i, ...] for i in range(taps.shape[0]))
    bias = None if bias is None else xp.reshape(bias, (groups, *between, outs, 1))
    done = []
    for _, (window, *windows) in _row_windows(xp, rows, axes):
        row = xp.matmul(matrix, window)
        for other, further in zip(matrices, windows, strict=True):
            row += xp.matmul(other, further)
        if bias is not None:
            row += bias
        done.append(row)
    y = xp.concat(done, axis=0)
    return xp.permute_dims(y, (0, 1, y.ndim - 2, *range(2, y.ndim - 2), y.ndim - 1))


def _row_products(xp: Any, grad: Any, rows: Any, axes: tuple[Axis, ...]) -> Any:
    """(P1, G, M, P2, ..., Pd, N) and (S1, G, C, S2, ..., Sd, N) to (G, M, C, K1, K2·...)."""
    grad = xp.reshape(grad, (*grad.shape[:-2], grad.shape[-2] * grad.shape[-1]))
    grad = xp.permute_dims(grad, (0, 1, *range(3, grad.ndim - 1), 2, grad.ndim - 1))
    totals: list[Any] = []
    for p, windows in _row_windows(xp, rows, axes):
        row = grad[p, ...]
        products = [xp.matmul(row, xp.matrix_transpose(window)) for window in windows]
        if totals:
            for i, product in enumerate(products):
                totals[i] += product
        else:
            totals = products
    total = xp.stack(totals, axis=-1)  # (G, P2, ..., M, K1·C, K2·...)
    total = xp.sum(total, axis=tuple(range(1, total.ndim - 3)), dtype=total.dtype)
    total = xp.reshape(total, (*total.shape[:2], axes[0].taps, rows.shape[2], len(totals)))
    return xp.permute_dims(total, (0, 1, 3, 2, 4))


def _row_windows(xp: Any, rows: Any, axes: tuple[Axis, ...]) -> Iterator[tuple[int, list[Any]]]:
    """From (S1, G, C, S2, ..., Sd, N): the number of each row of the output, and its windows for each tap along the
    wide axes, (G, P2, ..., K1·C, Pd·N)."""
    first, *wide = axes
    channels, step, apart = rows.shape[2], wide[-1].stride, first.apart
    keys = _keys(tuple(wide), rows.shape[-1])
    order = (2, *range(4, rows.ndim - 1), 1, 0, 3, rows.ndim - 1)
    count = max(_BLOCK // max(math.prod(rows.shape[1:]) * first.stride, 1), first.taps * apart // first.stride, 1)
    for p in range(0, first.length, count):
        n, start = min(count, first.length - p), first.start + p * first.stride
        turns = -(-first.span(n) // apart)  # rows as far apart as taps come one after the other
        block = extend(xp, rows, 0, start, start + turns * apart)
        for dim, axis in enumerate(wide, start=3):
            block = extend(xp, block, dim, axis.start, axis.start + axis.span(axis.length))
        lines = {}  # every step-th position along the last axis, one after the other, with the rows before them
        for begin in {begin for begin, _, _ in keys}:
            part = block if step == 1 else cut(block, rows.ndim - 2, begin, block.shape[-2], step)
            part = xp.reshape(part, (turns, apart, *part.shape[1:-2], part.shape[-2] * part.shape[-1]))
            part = xp.permute_dims(part, order)
            lines[begin] = xp.reshape(part, (*part.shape[:-4], apart * turns * channels, part.shape[-1]))
        for i in range(n):
            turn, place = divmod(i * first.stride, apart)
            begin = (place * turns + turn) * channels
            taps = slice(begin, begin + first.taps * channels)
            yield p + i, [lines[begin][(*between, taps, line)] for begin, between, line in keys]


@functools.lru_cache(maxsize=1024)
def _keys(wide: tuple[Axis, ...], batch: int) -> list[tuple[int, tuple[slice, ...], slice]]:
    """For each tap along the wide axes: where along the last axis its line begins, below the stride, and the slices
    of what comes before the rows, and of that line."""
    *middle, last = wide
    keys = []
    for between in itertools.product(*(axis.slices() for axis in middle)):
        for tap in range(last.taps):
            moved, begin = divmod(tap * last.apart, last.stride)
            keys.append((begin, (slice(None), *between), slice(moved * batch, (moved + last.length) * batch)))
    return keys
