"""Resampling: an image of another size, each new value a weighted sum of a few old ones along every axis.

Which values, and with what weights, is a table for each axis that follows from sizes alone. The forward reads and
adds; the adjoint is a product with the table as a matrix, so neither needs a scatter. Convention of coordinates:
with `align_corners` the centres of the corner pixels coincide, else their outer edges do.

R. Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -0.75; with `antialias` the
kernels are widened by the scale where the image shrinks, and a = -0.5.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from ..op import device_of, op

Table = tuple[tuple[tuple[int, ...], ...], tuple[tuple[float, ...], ...]]


def _cubic(t: float, a: float) -> float:
    """Keys's kernel at distance t."""
    t = abs(t)
    if t <= 1:
        return ((a + 2) * t - (a + 3)) * t * t + 1
    return a * (((t - 5) * t + 8) * t - 4) if t < 2 else 0.0


def _hat(t: float) -> float:
    return max(0.0, 1 - abs(t))


@functools.lru_cache(maxsize=512)
def table(mode: str, length: int, size: int, scale: float, align_corners: bool, antialias: bool) -> Table:
    """For each of `size` outputs: the places read from an axis of `length`, and their weights.

    `scale` is the distance of two outputs, in inputs.
    """
    places: list[tuple[int, ...]] = []
    weights: list[tuple[float, ...]] = []
    at: tuple[int, ...]
    share: tuple[float, ...]
    for i in range(size):
        centre = i * scale if align_corners else (i + 0.5) * scale - 0.5
        if mode in ("nearest", "nearest-exact"):
            at, share = (math.floor(i * scale if mode == "nearest" else (i + 0.5) * scale),), (1.0,)
        elif antialias:
            at, share = _wide(mode, length, (i + 0.5) * scale, scale)
        elif mode == "linear":
            centre = max(centre, 0.0)
            low = min(math.floor(centre), length - 1)
            at, share = (low, low + 1), (1 - (centre - low), centre - low)
        else:
            low = math.floor(centre)
            at = tuple(range(low - 1, low + 3))
            share = tuple(_cubic(centre - p, -0.75) for p in at)
        places.append(tuple(min(max(p, 0), length - 1) for p in at))
        weights.append(share)
    return tuple(places), tuple(weights)


def _wide(mode: str, length: int, centre: float, scale: float) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The places under a kernel widened by the scale, and their weights, which sum to 1."""
    stretch = max(scale, 1.0)
    reach = (1 if mode == "linear" else 2) * stretch
    count = math.ceil(reach) * 2 + 1
    start, stop = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), length)
    at = [*range(start, stop)]
    raw = [(_hat if mode == "linear" else functools.partial(_cubic, a=-0.5))((p - centre + 0.5) / stretch) for p in at]
    rest = count - len(at)
    return (*at, *[start] * rest), (*[r / sum(raw) for r in raw], *[0.0] * rest)


def _tables(mode: str, lengths: tuple[int, ...], size: tuple[int, ...], scales: tuple[float, ...],
            align_corners: bool, antialias: bool) -> list[tuple[int, Table]]:  # fmt: skip
    """(axis, table) for each spatial axis that changes."""
    found = []
    for dim, (n, s, scale) in enumerate(zip(lengths, size, scales, strict=True)):
        made = table(mode, n, s, scale, align_corners, antialias)
        if made[0] != tuple((i,) * len(p) for i, p in enumerate(made[0])) or n != s:
            found.append((dim + 2, made))
    return found


def _column(xp: Any, values: list[Any], axis: int, like: Any) -> Any:
    shape = [1] * like.ndim
    shape[axis] = len(values)
    return xp.reshape(xp.asarray(values, dtype=like.dtype, device=device_of(like)), tuple(shape))


def resample(xp: Any, x: Any, *, mode: str, size: tuple[int, ...], scales: tuple[float, ...],
             align_corners: bool = False, antialias: bool = False) -> Any:  # fmt: skip
    """(N, C, *S) to (N, C, *size) by ``nearest``, ``nearest-exact``, ``linear`` or ``cubic`` interpolation.

    Args:
        scales: the distance of two outputs along each axis, in inputs.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([[[1.0, 2.0]]])
        >>> x.__array_namespace__().resample(x, mode="linear", size=(4,), scales=(0.5,)).tolist()
        [[[1.0, 1.25, 1.75, 2.0]]]
    """
    for axis, (places, weights) in _tables(mode, tuple(x.shape[2:]), size, scales, align_corners, antialias):
        total = None
        for t in range(len(places[0])):
            at = xp.asarray([p[t] for p in places], dtype=xp.int64, device=device_of(x))
            part = xp.take(x, at, axis=axis)
            if len(places[0]) > 1:
                part = part * _column(xp, [w[t] for w in weights], axis, x)
            total = part if total is None else total + part
        x = total
    return x


def resample_adjoint(xp: Any, z: Any, *, mode: str, size: tuple[int, ...], scales: tuple[float, ...],
                     align_corners: bool = False, antialias: bool = False) -> Any:  # fmt: skip
    """The adjoint of `resample`: (N, C, *P) to (N, C, *size), each value given back to those it was made of."""
    for axis, (places, weights) in _tables(mode, size, tuple(z.shape[2:]), scales, align_corners, antialias):
        matrix = [[0.0] * size[axis - 2] for _ in places]
        for row, at, share in zip(matrix, places, weights, strict=True):
            for p, w in zip(at, share, strict=True):
                row[p] += w
        product = xp.matmul(xp.moveaxis(z, axis, -1), xp.asarray(matrix, dtype=z.dtype, device=device_of(z)))
        z = xp.moveaxis(product, -1, axis)
    return z


op("resample", lambda xp, g, x_shape, mode, scales, align_corners=False, antialias=False: xp.resample_adjoint(
       g, mode=mode, size=tuple(x_shape[2:]), scales=scales, align_corners=align_corners, antialias=antialias),
   forward=resample, node="UpsampleBackward0")  # fmt: skip
op("resample_adjoint", lambda xp, g, z_shape, mode, scales, align_corners=False, antialias=False: xp.resample(
       g, mode=mode, size=tuple(z_shape[2:]), scales=scales, align_corners=align_corners, antialias=antialias),
   forward=resample_adjoint, args="z", node="UpsampleBackwardBackward0")  # fmt: skip
