"""A convolution by rows, for processors with caches: less is copied, and products stay small enough.

Rows first, (S1, C, S2, ..., N), windows are copied along all spatial axes but the first. Along the
first, K1 consecutive rows of windows are one contiguous block already; a band that holds the weight R times, each time
moved by a row, gives R output rows in one product. Rows of padding are left out of the product.

How many rows, and how much of the width, go into one product is chosen by `_cut`, where the measurements stand. Groups,
and rows that a dilation sets apart, are for `grouped`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

from . import taps
from .geometry import Geometry
from .windows import batch_first, columns, cut, extend, padded, rows_first, settled

# What a cache holds beside the output, in numbers, if a piece of the width follows the other; a little more if there is
# one alone. LeNet's first layer takes 2.0 ms at batch 256 with six positions a piece, 3.9 with seven.
_BLOCK = 2**18
# OpenBLAS does products of fewer multiply-adds than these without packing, which pays from a width of 128 on.
_UNPACKED, _NARROW = 10**6, 128
# What the calls around a product, and around a piece of the width, cost, in multiply-adds.
_CALL, _PIECE = 2e5, 3e6


@functools.lru_cache(maxsize=1024)
def _cut(geo: Geometry, outs: int, depth: int, width: int, lost: tuple[int, int], both: bool) -> tuple[int, int]:
    """How many output positions along the width, and how many output rows, to take in one product: the cheapest.

    In multiply-adds: a band of R rows multiplies by zeros too, ((R - 1)·s + K) / K times the work; but a product of few
    rows is slow, as if it had some `lost` more, fewer where it is not packed; where `both` factors are large, the other
    one counts likewise. On one core with AVX-512, products of 16 x 150 by 320 numbers run at 80 per ns, by 640 at 50;
    32 x 180 by 640 at 60.

    Args:
        outs, depth, width: output channels; rows of windows for each input row; numbers in one position of the width.
    """
    count, s, k, wide, height = geo.outer[0], geo.stride[0], geo.kernel[0], geo.outer[1], geo.inner[0]

    def cost(choice: tuple[int, int]) -> float:
        positions, r = choice
        m = positions * width
        work = ((r - 1) * s + k) * depth * m
        unpacked = r * outs * work < _UNPACKED and height * depth * m <= (1.2 if positions == wide else 1) * _BLOCK
        more = lost[not unpacked]
        product = (r * outs + more) * work + both * more * r * outs * m
        return -(-wide // positions) * (_PIECE + -(-count // r) * (_CALL + product))

    heights = {r for r in (1, 2, 3, 4, 5, 7, 8, 14, (count + 1) // 2, count) if r <= count}
    widths = {n for n in {-(-wide // pieces) for pieces in range(1, wide + 1)} if n * width >= _NARROW} or {wide}
    return min(((n, r) for n in sorted(widths, reverse=True) for r in sorted(heights)), key=cost)


def _row_columns(xp: Any, rows: Any, geo: Geometry, positions: int) -> Iterator[tuple[int, int, Any]]:
    """(H·K2·...·C, P2·...·N): K1 consecutive rows of it are the windows of one output row.

    In pieces of (start, stop) along P2.
    """
    rows = padded(xp, rows, ((0, 0), *geo.pads[1:]))
    height, wide, s = rows.shape[0], geo.outer[1], geo.stride[1]
    depth, width = math.prod(geo.kernel[1:]) * rows.shape[1], math.prod(geo.outer[2:]) * rows.shape[-1]
    offsets = taps.offsets(geo)[1:]
    for start in range(0, wide, positions):
        stop = min(start + positions, wide)
        part = rows if stop - start == wide else cut(rows, 2, start * s, (stop - 1) * s + offsets[0][-1] + 1)
        sizes = (height, stop - start, *geo.outer[2:])
        cols = columns(xp, part, [(0,), *offsets], (1, *geo.stride[1:]), sizes, 1)
        yield start, stop, xp.reshape(cols, (height * depth, (stop - start) * width))


def _blocks(geo: Geometry, r: int) -> Iterator[tuple[int, int, int, int, int]]:
    """For each block of `r` output rows: its first row, how many there are, the input row that its windows begin at (it
    may lie in the padding), and the part (start, stop) of them that lies in the input."""
    s, k, height = geo.stride[0], geo.kernel[0], geo.inner[0]
    for p in range(0, geo.outer[0], r):
        n, first = min(r, geo.outer[0] - p), p * s - geo.pads[0][0]
        start = min(max(first, 0), height)
        yield p, n, first, start, max(min(first + (n - 1) * s + k, height), start)


def forward(xp: Any, x: Any, w: Any, b: Any, geo: Geometry) -> Any:
    """(N, C, *S), (O, C, *K) and a bias (O,) or None to (N, O, *P)."""
    rows, weight = settled(xp, rows_first(xp, x)), taps.weight_matrix(xp, w, geo)[0, ...]
    outs, depth = weight.shape[0], weight.shape[1] // geo.kernel[0]
    positions, r = _cut(geo, outs, depth, math.prod(geo.outer[2:]) * rows.shape[-1], (2, 20), False)
    band = _band(xp, weight, r, geo)
    bias = None if b is None else xp.concat([xp.reshape(b, (outs, 1))] * r, axis=0)
    parts = []
    for start, stop, cols in _row_columns(xp, rows, geo, positions):
        blocks = []
        for _, n, first, top, bottom in _blocks(geo, r):
            part = band if n == r and bottom - top == band.shape[1] // depth else (
                band[: n * outs, (top - first) * depth : (bottom - first) * depth])  # fmt: skip
            block = xp.matmul(part, cols[top * depth : bottom * depth, :])
            if bias is not None:
                block += bias if n == r else bias[: n * outs, :]
            blocks.append(block)
        part = blocks[0] if len(blocks) == 1 else xp.concat(blocks, axis=0)
        parts.append(xp.reshape(part, (geo.outer[0], outs, stop - start, *geo.outer[2:], rows.shape[-1])))
    return batch_first(xp, parts[0] if len(parts) == 1 else xp.concat(parts, axis=2), x.ndim - 2)


def _band(xp: Any, weight: Any, r: int, geo: Geometry) -> Any:
    """(O, K1·D) to (R·O, span·D): the weight in each of R rows, moved on by s·D from row to row, and zeros."""
    if r == 1:
        return weight
    outs, depth, s = weight.shape[0], weight.shape[1] // geo.kernel[0], geo.stride[0]
    span = ((r - 1) * s + geo.kernel[0]) * depth
    # [w 0...0] of length span + s·D, repeated, and cut into rows of length span
    repeated = xp.concat([extend(xp, weight, 1, 0, span + s * depth)] * r, axis=1)
    band = xp.reshape(repeated[:, : r * span], (outs, r, span))
    return xp.reshape(xp.permute_dims(band, (1, 0, 2)), (r * outs, span))


def weight_grad(xp: Any, z: Any, x: Any, geo: Geometry) -> Any:
    """(N, O, *P) and (N, C, *S) to (O, C, *K): the diagonal of products of blocks.

    A product of windows with g is faster than one of g with windows, by a fifth to a third.
    """
    grad, rows = settled(xp, rows_first(xp, z)), settled(xp, rows_first(xp, x))
    count, outs, depth = geo.outer[0], grad.shape[1], math.prod(geo.kernel[1:]) * rows.shape[1]
    positions, r = _cut(geo, outs, depth, math.prod(geo.outer[2:]) * rows.shape[-1], (7, 18), True)
    sums: dict[tuple[int, int, int], Any] = {}  # products of n rows of g and the same rows of their windows
    for start, stop, cols in _row_columns(xp, rows, geo, positions):
        part = grad if stop - start == geo.outer[1] else cut(grad, 2, start, stop)
        flat = xp.reshape(part, (count * outs, cols.shape[1]))
        for p, n, first, top, bottom in _blocks(geo, r):
            block = xp.matrix_transpose(flat[p * outs : (p + n) * outs, :])
            product = xp.matmul(cols[top * depth : bottom * depth, :], block)
            kind = (n, top - first, bottom - first)
            if kind in sums:
                sums[kind] += product
            else:
                sums[kind] = product
    total = None
    for (n, top, _), product in sums.items():
        found = _diagonal(xp, xp.matrix_transpose(product), n, top, depth, geo)
        total = found if total is None else total + found
    return taps.weight_of_matrix(xp, total, x.shape[1], geo, x.ndim - 2)


def _diagonal(xp: Any, product: Any, n: int, top: int, depth: int, geo: Geometry) -> Any:
    """The sum of the blocks on the diagonal, (n·O, ...) to (O, K1·D): the cut of `_band` undone."""
    s, k, outs = geo.stride[0], geo.kernel[0], product.shape[0] // n
    span = (n - 1) * s + k
    product = extend(xp, product, 1, -top * depth, (span - top) * depth)
    if n == 1:
        return product
    slabs = xp.permute_dims(xp.reshape(product, (n, outs, span * depth)), (1, 0, 2))
    line = extend(xp, xp.reshape(slabs, (outs, n * span * depth)), 1, 0, n * (span + s) * depth)
    slabs = xp.reshape(line, (outs, n, (span + s) * depth))
    return xp.sum(slabs[:, :, : k * depth], axis=1, dtype=product.dtype)


def input_grad(xp: Any, z: Any, w: Any, b: Any, geo: Geometry) -> Any:
    """(N, O, *P), (O, C, *K) and a bias (C,) or None to (N, C, *S): whole, or row by row where that is too large."""
    rows, weight = settled(xp, rows_first(xp, z)), taps.transposed_weight(xp, w, geo)
    windows = math.prod(geo.kernel[1:]) * math.prod(rows.shape)
    y = (taps.input_grad if windows <= 2 * _BLOCK else _by_rows)(xp, rows, weight, geo)
    return batch_first(xp, taps.with_bias(xp, y, b), z.ndim - 2)


def _by_rows(xp: Any, rows: Any, weight: Any, geo: Geometry) -> Any:
    """`taps.input_grad` with every row of z alone: it gives K1 rows of x, which are summed where they meet."""
    count, s, low, height = geo.outer[0], geo.stride[0], geo.pads[0][0], geo.inner[0]
    phases = taps.phases(xp, rows, weight, geo)
    sums: list[Any] = [None] * max((count - 1) * s + geo.kernel[0], low + height)  # None where nothing is given
    for p in range(count):
        for j, part in enumerate(taps.products(xp, phases, p, 1, weight.shape[2], geo)):
            if sums[p * s + j] is None:
                sums[p * s + j] = part
            else:
                sums[p * s + j] += part
    empty = xp.zeros_like(part)
    return xp.concat([empty if row is None else row for row in sums[low : low + height]], axis=0)
