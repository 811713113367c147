"""Pooling over windows of any number of spatial axes: the largest value, or the mean.

Both are linear once it is known which values are the largest, so each has a partner that is its transpose, and the
two are each other's gradient: `max_pool_take` reads another array at the places of the maxima, `max_pool_put` lays
values there; `avg_pool_grad` spreads what `avg_pool` gathered. Places are kept as masks and not as indices: one
comparison for each tap of the window, and no scatter, which the standard lacks.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

from .. import dtypes
from ..op import device_of, op
from .embeddings import check_range
from .geometry import Geometry, pool_geometry
from .host import waits
from .windows import axis_of, batch_first, extend, fold, numbered, padded, rows_first


@functools.lru_cache(maxsize=1024)
def _reach(geo: Geometry) -> list[tuple[int, int]]:
    """Padding (before, after) with which the last window ends where the array ends."""
    lasts = [(o - 1) * s + (k - 1) * d + 1
             for o, s, k, d in zip(geo.outer, geo.stride, geo.kernel, geo.dilation, strict=True)]  # fmt: skip
    return [(low, last - n - low) for (low, _), last, n in zip(geo.pads, lasts, geo.inner, strict=True)]


def _lowest(xp: Any, x: Any) -> float:
    """What never wins: minus infinity, or the smallest integer."""
    return -math.inf if dtypes.from_native(x.dtype).is_floating_point else int(xp.iinfo(x.dtype).min)


def _slices(x: Any, axis: int, dim: int, geo: Geometry) -> list[Any]:
    """Tap by tap along one axis: what each window sees there."""
    return [x[key] for key in _keys(axis, geo.kernel[dim], geo.stride[dim], geo.dilation[dim], geo.outer[dim])]


@functools.lru_cache(maxsize=1024)
def _keys(axis: int, kernel: int, stride: int, dilation: int, count: int) -> list[Any]:
    before, span = (slice(None),) * axis, (count - 1) * stride + 1
    return [(*before, slice(k * dilation, k * dilation + span, stride), ...) for k in range(kernel)]


def _taps(rows: Any, geo: Geometry) -> Iterator[Any]:
    """Tap by tap over all axes, in the order in which PyTorch scans a window."""
    for place in itertools.product(*(range(k) for k in geo.kernel)):
        first, *others = (slice(k * d, k * d + (n - 1) * s + 1, s)
                          for k, d, n, s in zip(place, geo.dilation, geo.outer, geo.stride, strict=True))  # fmt: skip
        yield rows[(first, slice(None), *others, slice(None))]


def max_pool(xp: Any, x: Any, *, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
             ceil_mode: bool = False) -> Any:  # fmt: skip
    """The largest value of each window: ``y[n,c,p] = max over k of x[n,c,p*stride + k*dilation - padding]``.

    Args:
        x: (N, C, *S). kernel, stride, padding, dilation: an int, or one for each spatial axis; the stride is the
            kernel if not given.
        ceil_mode: windows that begin inside the input but end beyond it count as well.

    Returns:
        (N, C, *P). NaN wins. The gradient goes to the first of equal values; where a NaN won, to the window's first
        place.

    Raises:
        RuntimeError: if shape and parameters do not fit each other.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([[[1.0, 5.0, 2.0, 4.0]]])
        >>> x.__array_namespace__().max_pool(x, kernel=2).tolist()
        [[[5.0, 4.0]]]
    """
    geo = pool_geometry("max_pool", tuple(x.shape), kernel, stride, padding, dilation, ceil_mode)
    if xp.backend.compile is not None and _tiles(geo):
        return _largest_of_tiles(xp, x, geo)
    rows = padded(xp, rows_first(xp, x), _reach(geo), _lowest(xp, x))
    for dim in range(len(geo.kernel)):
        rows = _largest(xp, _slices(rows, axis_of(dim), dim, geo))
    return batch_first(xp, rows, x.ndim - 2)


def _tiles(geo: Geometry) -> bool:
    """Whether the windows lie side by side and cover the input."""
    each = zip(geo.kernel, geo.stride, geo.dilation, geo.pads, geo.inner, geo.outer, strict=True)
    return all(k == s and (d == 1 or k == 1) and low == 0 and n == p * k for k, s, d, (low, _), n, p in each)


def _largest_of_tiles(xp: Any, x: Any, geo: Geometry) -> Any:
    """`max_pool` as one reduction: a compiler repeats maxima of slices wherever they are read, not so a reduction."""
    apart = list(x.shape[:2])
    for p, k in list(zip(geo.outer, geo.kernel, strict=True))[len(geo.kernel) - x.ndim + 2 :]:
        apart += [p, k]
    return xp.max(xp.reshape(x, tuple(apart)), axis=tuple(range(3, len(apart), 2)))


def max_pool_indices(xp: Any, x: Any, *, kernel: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                     ceil_mode: bool = False) -> Any:  # fmt: skip
    """Where `max_pool` found its values: indices into the flattened spatial axes of `x`, int64, (N, C, *P).

    Of equal values the first; of several NaN the last, as in PyTorch.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([[[1.0, 5.0, 2.0, 4.0]]])
        >>> x.__array_namespace__().max_pool_indices(x, kernel=2).tolist()
        [[[1, 3]]]
    """
    geo = pool_geometry("max_pool", tuple(x.shape), kernel, stride, padding, dilation, ceil_mode)
    rows = padded(xp, rows_first(xp, x), _reach(geo), _lowest(xp, x))
    places = padded(xp, numbered(xp, x), _reach(geo), -1)
    best: Any = None
    found: Any = None
    for value, place in zip(_taps(rows, geo), _taps(places, geo), strict=True):
        if best is None:
            best, found = value, place + xp.zeros_like(value, dtype=xp.int64)
        else:  # a place in the padding, -1, gives way to any other
            better = ((value > best) | (value != value) | (found < 0)) & (place >= 0)
            best, found = xp.where(better, value, best), xp.where(better, place, found)
    return batch_first(xp, found, x.ndim - 2)


def _beaten(xp: Any, taps: list[Any], top: Any, dim: int, geo: Geometry) -> list[Any]:
    """For each tap along one axis but the last a mask: the windows whose maximum `top` lies at a later tap.

    What lies in the padding is always beaten, and what stands beside a NaN never is.
    """
    masks = []
    n, low, s = geo.inner[dim], geo.pads[dim][0], geo.stride[dim]
    for k, tap in enumerate(taps[:-1]):
        mask, start = tap < top, k * geo.dilation[dim] - low
        if start < 0 or start + (geo.outer[dim] - 1) * s >= n:
            outside = [not 0 <= start + p * s < n for p in range(geo.outer[dim])]
            shape = [1] * top.ndim
            shape[axis_of(dim)] = len(outside)
            mask = mask | xp.reshape(xp.asarray(outside, dtype=xp.bool, device=device_of(top)), tuple(shape))
        masks.append(mask)
    return masks


def _levels(xp: Any, rows: Any, top: Any, geo: Geometry) -> list[list[Any]]:
    """The masks of `_beaten` along each axis: one axis after the other, from the last to the first, a window is
    pooled to a single value, and among equals the first in the order of a scan wins, as in PyTorch."""
    reach, lowest = _reach(geo), _lowest(xp, rows)
    levels = []
    for dim in reversed(range(len(geo.kernel))):
        taps = _slices(_padded_along(xp, rows, dim, reach, lowest), axis_of(dim), dim, geo)
        rows = _largest(xp, taps) if dim else top
        levels.append(_beaten(xp, taps, rows, dim, geo))
    return levels[::-1]


def _padded_along(xp: Any, rows: Any, dim: int, reach: list[tuple[int, int]], value: float) -> Any:
    low, high = reach[dim]
    return extend(xp, rows, axis_of(dim), -low, rows.shape[axis_of(dim)] + high, value)


def _largest(xp: Any, taps: list[Any]) -> Any:
    first, *others = taps
    for other in others:
        first = xp.maximum(first, other)
    return first


_BLOCK = 2**18  # numbers in an array of which several stay in a cache


def max_pool_put(xp: Any, z: Any, x: Any, top: Any, *, kernel: Any, stride: Any = None, padding: Any = 0,
                 dilation: Any = 1, ceil_mode: bool = False) -> Any:  # fmt: skip
    """`z`, one value for each window of ``top = max_pool(x)``, laid where the window's maximum lies and summed there.

    Args:
        z: (N, C, *P). x: (N, C, *S). top: (N, C, *P).

    Returns:
        (N, C, *S); an infinite `z` makes NaN of its window.
    """
    geo = pool_geometry("max_pool", tuple(x.shape), kernel, stride, padding, dilation, ceil_mode)
    x, rows, top = (rows_first(xp, a) for a in (x, z, top))
    apart = geo.pads[0] == (0, 0) and geo.stride[0] > (geo.kernel[0] - 1) * geo.dilation[0]
    if not apart or math.prod(x.shape) < 2 * _BLOCK or waits(xp, x):
        return batch_first(xp, _put(xp, rows, x, top, geo), z.ndim - 2)
    # windows of different rows do not meet, so they are done in blocks whose temporaries stay in the cache
    s, count = geo.stride[0], geo.outer[0]
    n = max(_BLOCK * geo.inner[0] // (math.prod(x.shape) * s), 1)
    blocks = []
    for p in range(0, count, n):
        stop = min(p + n, count)
        end = stop * s if stop < count else geo.inner[0]
        part = dataclasses.replace(geo, inner=(end - p * s, *geo.inner[1:]), outer=(stop - p, *geo.outer[1:]))
        blocks.append(_put(xp, rows[p:stop, ...], x[p * s : end, ...], top[p:stop, ...], part))
    return batch_first(xp, xp.concat(blocks, axis=0), z.ndim - 2)


def _put(xp: Any, rows: Any, x: Any, top: Any, geo: Geometry) -> Any:
    """`max_pool_put` with rows first."""
    for dim, masks in enumerate(_levels(xp, x, top, geo)):
        parts = []
        for mask in masks:  # products and differences: `where` takes ten times as long
            later = xp.native.astype(mask, rows.dtype)
            later *= rows
            rows = rows - later
            parts.append(rows)
            rows = later
        rows = fold(xp, [*parts, rows], axis_of(dim), geo.stride[dim], geo.dilation[dim], geo.pads[dim][0],
                    geo.inner[dim])  # fmt: skip
    return rows


def max_pool_take(xp: Any, v: Any, x: Any, top: Any, *, kernel: Any, stride: Any = None, padding: Any = 0,
                  dilation: Any = 1, ceil_mode: bool = False) -> Any:  # fmt: skip
    """`v`, an array like `x`, read where each window of ``top = max_pool(x)`` has its maximum.

    Args:
        v: (N, C, *S). x: (N, C, *S). top: (N, C, *P).

    Returns:
        (N, C, *P).
    """
    geo = pool_geometry("max_pool", tuple(x.shape), kernel, stride, padding, dilation, ceil_mode)
    rows, reach = rows_first(xp, v), _reach(geo)
    for dim, masks in reversed(list(enumerate(_levels(xp, rows_first(xp, x), rows_first(xp, top), geo)))):
        *taps, rows = _slices(_padded_along(xp, rows, dim, reach, 0), axis_of(dim), dim, geo)
        for mask, tap in zip(reversed(masks), reversed(taps), strict=True):
            rows = xp.where(mask, rows, tap)
    return batch_first(xp, rows, v.ndim - 2)


def _divided(xp: Any, rows: Any, geo: Geometry, count_include_pad: bool, divisor: int | None) -> Any:
    """Sums of windows, rows first, divided by the numbers of values that count."""
    if divisor is not None:
        if divisor == 0:
            raise RuntimeError(f"{geo.name}: divisor must be not zero")
        return rows / divisor
    for dim, (low, high) in enumerate(geo.pads):
        least, most = (-low, geo.inner[dim] + high) if count_include_pad else (0, geo.inner[dim])
        counts = []
        for p in range(geo.outer[dim]):
            start = p * geo.stride[dim] - low
            counts.append(min(start + geo.kernel[dim], most) - max(start, least))
        if len(set(counts)) == 1:
            rows = rows / counts[0]
        else:
            shape = [1] * rows.ndim
            shape[axis_of(dim)] = len(counts)
            rows = rows / xp.reshape(xp.asarray(counts, dtype=rows.dtype, device=device_of(rows)), tuple(shape))
    return rows


def avg_pool(xp: Any, x: Any, *, kernel: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
             count_include_pad: bool = True, divisor_override: int | None = None) -> Any:  # fmt: skip
    """The mean of each window: ``y[n,c,p] = sum over k of x[n,c,p*stride + k - padding] / count``.

    Args:
        x: (N, C, *S). kernel, stride, padding, ceil_mode: as in `max_pool`.
        count_include_pad: zeros of the padding count as values. divisor_override: divide by this instead.

    Returns:
        (N, C, *P).

    Raises:
        RuntimeError: if shape and parameters do not fit each other.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([[[1.0, 5.0, 2.0, 4.0]]])
        >>> x.__array_namespace__().avg_pool(x, kernel=2, stride=1).tolist()
        [[[3.0, 3.5, 3.0]]]
    """
    geo = pool_geometry("avg_pool", tuple(x.shape), kernel, stride, padding, 1, ceil_mode)
    rows = padded(xp, rows_first(xp, x), _reach(geo))
    for dim in range(len(geo.kernel)):
        first, *others = _slices(rows, axis_of(dim), dim, geo)
        for other in others:
            first = first + other
        rows = first
    return batch_first(xp, _divided(xp, rows, geo, count_include_pad, divisor_override), x.ndim - 2)


def avg_pool_grad(xp: Any, z: Any, *, size: tuple[int, ...], kernel: Any, stride: Any = None, padding: Any = 0,
                  ceil_mode: bool = False, count_include_pad: bool = True,
                  divisor_override: int | None = None) -> Any:  # fmt: skip
    """The transpose of `avg_pool`: (N, C, *P) to (N, C, *size), each value spread evenly over its window."""
    shape = (*z.shape[:2], *size)
    geo = pool_geometry("avg_pool", shape, kernel, stride, padding, 1, ceil_mode)
    rows = _divided(xp, rows_first(xp, z), geo, count_include_pad, divisor_override)
    for dim, k in enumerate(geo.kernel):
        rows = fold(xp, [rows] * k, axis_of(dim), geo.stride[dim], 1, geo.pads[dim][0], geo.inner[dim])
    return batch_first(xp, rows, z.ndim - 2)


op("max_pool", lambda xp, g, x, y, kernel=None, stride=None, padding=0, dilation=1, ceil_mode=False: xp.max_pool_put(
    g, x, y, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode),
   forward=max_pool, node="MaxPool2DWithIndicesBackward0")  # fmt: skip

op("max_pool_indices", None, forward=max_pool_indices)

op("max_pool_put",
   lambda xp, g, x, top, kernel=None, stride=None, padding=0, dilation=1, ceil_mode=False: xp.max_pool_take(
       g, x, top, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode),
   None, None, forward=max_pool_put, args="z x top", node="MaxPool2DWithIndicesBackwardBackward0")  # fmt: skip

op("max_pool_take",
   lambda xp, g, x, top, kernel=None, stride=None, padding=0, dilation=1, ceil_mode=False: xp.max_pool_put(
       g, x, top, kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode),
   None, None, forward=max_pool_take, args="v x top")  # fmt: skip

op("avg_pool",
   lambda xp, g, x_shape, kernel=None, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
   divisor_override=None: xp.avg_pool_grad(
       g, size=tuple(x_shape[2:]), kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode,
       count_include_pad=count_include_pad, divisor_override=divisor_override),
   forward=avg_pool, node="AvgPool2DBackward0")  # fmt: skip

op("avg_pool_grad",
   lambda xp, g, kernel=None, stride=None, padding=0, ceil_mode=False, count_include_pad=True,
   divisor_override=None: xp.avg_pool(
       g, kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode,
       count_include_pad=count_include_pad, divisor_override=divisor_override),
   forward=avg_pool_grad, args="z", node="AvgPool2DBackwardBackward0")  # fmt: skip


def max_unpool(xp: Any, x: Any, indices: Any, *, size: tuple[int, ...]) -> Any:
    """Zeros (N, C, *size), with each of x (N, C, *P) at its index into the flattened spatial axes.

    Of several for one place the last is seen, and each gets that place's gradient, as in PyTorch.

    Example:
        >>> import xpgrad
        >>> x, at = xpgrad.tensor([[[5.0, 4.0]]]), xpgrad.tensor([[[1, 3]]])
        >>> x.__array_namespace__().max_unpool(x, at, size=(4,)).tolist()
        [[[0.0, 5.0, 0.0, 4.0]]]
    """
    outer, count = tuple(x.shape[: x.ndim - len(size)]), math.prod(size)
    rows = math.prod(outer)
    check_range(xp, "max_unpool", indices, count)
    places = xp.reshape(xp.astype(indices, xp.int64), (rows, math.prod(x.shape) // max(rows, 1)))
    places = places + xp.reshape(xp.arange(rows, dtype=xp.int64, device=device_of(x)) * count, (rows, 1))
    zeros = xp.zeros((rows * count,), dtype=x.dtype, device=device_of(x))
    key = (xp.reshape(places, (math.prod(x.shape),)),)
    return xp.reshape(xp.setitem(zeros, xp.reshape(x, (math.prod(x.shape),)), key=key), (*outer, *size))


def _unpooled(xp: Any, g: Any, indices: Any, size: tuple[int, ...]) -> Any:
    outer = tuple(g.shape[: g.ndim - len(size)])
    count = math.prod(indices.shape) // max(math.prod(outer), 1)
    flat = xp.reshape(g, (math.prod(outer), math.prod(size)))
    return xp.reshape(xp.take_along_axis(flat, xp.reshape(indices, (math.prod(outer), count)), axis=1), indices.shape)


op("max_unpool", _unpooled, None, args="x indices", forward=max_unpool, node="MaxUnpool2DBackward0")
