"""What the formulations of a convolution share: the weight as a matrix, and the transposed map tap by tap.

With a stride, positions of the input fall into phases: those of one phase are reached by the same taps, so a strided
map is several unstrided ones, and nothing is computed for zeros in between. Arrays have rows first, batch last; see
`windows`.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from ..op import device_of
from .geometry import Geometry
from .windows import axis_of, columns, extend, fold, interleave, phase

Taps = list[list[tuple[int, int]]]
Phase = tuple[Any, Any, list[list[int]]]


def offsets(geo: Geometry) -> list[range]:
    """Where the taps lie along each axis, from the first."""
    return [range(0, (k - 1) * d + 1, d) for k, d in zip(geo.kernel, geo.dilation, strict=True)]


def weight_matrix(xp: Any, w: Any, geo: Geometry) -> Any:
    """(O, C/G, *K) -> (G, O/G, K1·K2·...·C/G), in the order of `columns`."""
    split = xp.reshape(w, (geo.groups, w.shape[0] // geo.groups, w.shape[1], *geo.kernel))
    split = xp.permute_dims(split, (0, 1, *range(3, split.ndim), 2))
    return xp.reshape(split, (*split.shape[:2], math.prod(geo.kernel) * w.shape[1]))


def weight_of_matrix(xp: Any, matrix: Any, channels: int, geo: Geometry, spatial: int) -> Any:
    """(..., K1·K2·...·C/G) -> (O, C/G, *K) with `spatial` spatial axes: `weight_matrix` undone."""
    split = xp.reshape(matrix, (-1, *geo.kernel, channels // geo.groups))
    split = xp.permute_dims(split, (0, split.ndim - 1, *range(1, split.ndim - 1)))
    return xp.reshape(split, (*split.shape[:2], *geo.kernel[len(geo.kernel) - spatial :]))


def transposed_weight(xp: Any, w: Any, geo: Geometry) -> Any:
    """(O, C/G, *K) -> (G, K1, C/G, K2..., O/G)."""
    split = xp.reshape(w, (geo.groups, w.shape[0] // geo.groups, w.shape[1], *geo.kernel))
    return xp.permute_dims(split, (0, 3, 2, *range(4, split.ndim), 1))


def with_bias(xp: Any, rows: Any, b: Any) -> Any:
    """(S1, C, S2, ..., N) plus (C,), or as it is."""
    return rows if b is None else rows + xp.reshape(b, (b.shape[0],) + (1,) * (rows.ndim - 2))


def input_grad(xp: Any, rows: Any, weight: Any, geo: Geometry) -> Any:
    """(P1, O, P2..., N) and a `transposed_weight` to (S1, C, S2..., N).

    One product gives, for every row of z, the rows of all k1, which are then laid over each other.
    """
    parts = products(xp, phases(xp, rows, weight, geo), 0, geo.outer[0], weight.shape[2], geo)
    return fold(xp, parts, 0, geo.stride[0], geo.dilation[0], geo.pads[0][0], geo.inner[0])


def phases(xp: Any, rows: Any, weight: Any, geo: Geometry) -> list[Phase]:
    """For each phase along the axes that windows are copied over: its taps' part of the weight as a matrix (None, if it
    has no taps), the rows of z with the margins that its windows reach, and where the windows lie."""
    wide, found = range(1, len(geo.kernel)), []
    lengths = _lengths(geo)
    for firsts in itertools.product(*(range(geo.stride[i]) for i in wide)):
        taps = [phase(geo.kernel[i], geo.stride[i], geo.dilation[i], geo.pads[i][0], first)
                for i, first in zip(wide, firsts, strict=True)]  # fmt: skip
        reached, places = rows, []
        for dim, (tap, length) in enumerate(zip(taps, lengths, strict=True), start=1):
            shifts = [-shift for _, shift in tap] or [0]
            reached = extend(xp, reached, axis_of(dim), min(shifts), max(shifts) + length)
            places.append([shift - min(shifts) for shift in shifts])
        found.append((_part(xp, weight, taps) if all(taps) else None, reached, places))
    return found


def _lengths(geo: Geometry) -> list[int]:
    """How many positions a phase has along each axis that windows are copied over."""
    return [-(-n // s) for n, s in zip(geo.inner[1:], geo.stride[1:], strict=True)]


def products(xp: Any, phases: list[Phase], p: int, count: int, channels: int, geo: Geometry) -> list[Any]:
    """For each k1, what the rows p to p + count of z give to x: (count, C, S2, ..., N)."""
    groups, k, lengths = geo.groups, geo.kernel[0], _lengths(geo)
    batch, found = phases[0][1].shape[-1], []
    for weight, rows, places in phases:
        if weight is not None:
            part = rows if count == rows.shape[0] else rows[p : p + count, ...]
            steps = (1,) * len(geo.kernel)
            product = xp.matmul(weight, columns(xp, part, [(0,), *places], steps, (count, *lengths), groups))
        else:
            shape = (count, groups, k * channels, math.prod(lengths) * batch)
            product = xp.zeros(shape, dtype=rows.dtype, device=device_of(rows))
        found.append(xp.reshape(product, (count, groups * k * channels, *lengths, batch)))
    for i in reversed(range(1, len(geo.kernel))):
        s = geo.stride[i]
        found = [interleave(xp, found[j : j + s], axis_of(i), geo.inner[i]) for j in range(0, len(found), s)]
    whole = xp.reshape(found[0], (count, groups, k, channels, *geo.inner[1:], batch))
    flat = (count, groups * channels, *geo.inner[1:], batch)
    return [xp.reshape(whole[:, :, j, ...], flat) for j in range(k)]


def _part(xp: Any, weight: Any, taps: Taps) -> Any:
    """(G, K1, C/G, K2, ..., O/G) -> (G, K1·C/G, T·O/G), the taps of one phase."""
    chosen = []
    for found in taps:
        first, last = found[0][0], found[-1][0]
        chosen.append(slice(first, last + 1, found[1][0] - first if len(found) > 1 else 1))
    part = weight[(slice(None), slice(None), slice(None), *chosen, slice(None))]
    groups, rows, channels, *_, outs = part.shape
    return xp.reshape(part, (groups, rows * channels, math.prod(part.shape[3:-1]) * outs))
