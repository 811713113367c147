"""Adaptive pooling: the output's size is given, and the windows follow from it.

Window i of an axis is ``floor(i*n/size) .. ceil((i + 1)*n/size)``. Where n is a multiple of the size these are the
windows of `pooling`. Elsewhere their lengths differ, and every window is a *run*: outputs sum runs of inputs, and, the
other way round, every input is covered by a run of outputs, so the transpose has the same form.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

from ..op import device_of, op
from .windows import axis_of, batch_first, numbered, rows_first, tupled

Runs = tuple[tuple[int, int], ...]


@functools.lru_cache(maxsize=1024)
def _windows(length: int, size: int) -> Runs:
    """(start, stop) of each window."""
    return tuple((i * length // size, -(-(i + 1) * length // size)) for i in range(size))


@functools.lru_cache(maxsize=1024)
def _covers(length: int, size: int) -> Runs:
    """(first, stop) of the windows that cover each position."""
    windows = _windows(length, size)
    hits = [[i for i, (start, stop) in enumerate(windows) if start <= place < stop] for place in range(length)]
    return tuple((found[0], found[-1] + 1) for found in hits)


def _sizes(name: str, shape: tuple[int, ...], size: Any) -> tuple[int, ...]:
    """The output's spatial sizes; None keeps the input's.

    Raises:
        RuntimeError: if there are more or fewer than spatial axes, or the input is empty.
    """
    count = len(shape) - 2
    name = f"{name}{count}d"
    if count < 1 or 0 in shape[1:]:
        raise RuntimeError(f"{name}: Expected input to be (N, C, spatial...) with non-zero size for non-batch "
                           f"dimensions, but got input of size: {list(shape)}")  # fmt: skip
    wanted = (size,) * count if size is None else tupled(name, "output_size", size, count)
    sizes = tuple(n if s is None else s for s, n in zip(wanted, shape[2:], strict=True))
    if min(sizes) <= 0:
        raise RuntimeError(f"{name}: output_size must be positive, got {list(sizes)}")
    return sizes


def _kernel(shape: tuple[int, ...], sizes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The kernel, and stride, of the plain pooling that is the same; None where there is none."""
    if any(n % s for n, s in zip(shape[2:], sizes, strict=True)):
        return None
    return tuple(n // s for n, s in zip(shape[2:], sizes, strict=True))


def _longest(runs: Runs) -> int:
    return max(stop - start for start, stop in runs)


def _read(xp: Any, rows: Any, axis: int, runs: Runs, t: int) -> Any:
    """The t-th value of each run along `axis`; its last, where it is shorter."""
    places = [min(start + t, stop - 1) for start, stop in runs]
    return xp.take(rows, xp.asarray(places, dtype=xp.int64, device=device_of(rows)), axis=axis)


def _column(xp: Any, values: list[Any], axis: int, like: Any, dtype: Any) -> Any:
    shape = [1] * like.ndim
    shape[axis] = len(values)
    return xp.reshape(xp.asarray(values, dtype=dtype, device=device_of(like)), tuple(shape))


def _within(xp: Any, rows: Any, axis: int, runs: Runs, t: int) -> Any:
    """A mask along `axis`: the runs that have a t-th value."""
    return _column(xp, [start + t < stop for start, stop in runs], axis, rows, xp.bool)


def _run_sums(xp: Any, rows: Any, axis: int, runs: Runs) -> Any:
    """The sum of each run along `axis`."""
    zero = xp.zeros((), dtype=rows.dtype, device=device_of(rows))
    total = _read(xp, rows, axis, runs, 0)
    for t in range(1, _longest(runs)):
        total = total + xp.where(_within(xp, rows, axis, runs, t), _read(xp, rows, axis, runs, t), zero)
    return total


def _axes(x: tuple[int, ...], sizes: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(axis with rows first, input length, output length) for each spatial dimension."""
    lift = 1 if len(sizes) == 1 else 0
    return [(axis_of(i + lift), n, s) for i, (n, s) in enumerate(zip(x[2:], sizes, strict=True))]


def adaptive_avg_pool(xp: Any, x: Any, *, size: Any) -> Any:
    """The mean of each of `size` windows along each spatial axis: (N, C, *S) to (N, C, *size).

    Raises:
        RuntimeError: if `size` does not fit the shape.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([[[1.0, 5.0, 2.0, 4.0]]])
        >>> x.__array_namespace__().adaptive_avg_pool(x, size=3).tolist()
        [[[3.0, 3.5, 3.0]]]
    """
    shape = tuple(x.shape)
    sizes = _sizes("adaptive_avg_pool", shape, size)
    kernel = _kernel(shape, sizes)
    if kernel is not None:
        return xp.avg_pool(x, kernel=kernel)
    rows = rows_first(xp, x)
    for axis, n, s in _axes(shape, sizes):
        runs = _windows(n, s)
        counts = _column(xp, [stop - start for start, stop in runs], axis, rows, rows.dtype)
        rows = _run_sums(xp, rows, axis, runs) / counts
    return batch_first(xp, rows, len(sizes))


def adaptive_avg_pool_grad(xp: Any, z: Any, *, size: tuple[int, ...]) -> Any:
    """The transpose of `adaptive_avg_pool`: (N, C, *P) to (N, C, *size), each value spread over its window."""
    sizes, shape = tuple(z.shape[2:]), (*z.shape[:2], *size)
    kernel = _kernel(shape, sizes)
    if kernel is not None:
        return xp.avg_pool_grad(z, size=tuple(size), kernel=kernel)
    rows = rows_first(xp, z)
    for axis, n, s in _axes(shape, sizes):
        counts = _column(xp, [stop - start for start, stop in _windows(n, s)], axis, rows, rows.dtype)
        rows = _run_sums(xp, rows / counts, axis, _covers(n, s))
    return batch_first(xp, rows, len(sizes))


def _largest(xp: Any, x: Any, sizes: tuple[int, ...]) -> tuple[Any, Any]:
    """Each window's maximum and its place in the flattened spatial axes, rows first."""
    rows, axes = rows_first(xp, x), _axes(tuple(x.shape), sizes)
    places = numbered(xp, x)
    best: Any = None
    found: Any = None
    for taps in itertools.product(*(range(_longest(_windows(n, s))) for _, n, s in axes)):
        value, place = rows, places
        for t, (axis, n, s) in zip(taps, axes, strict=True):
            value, place = (_read(xp, a, axis, _windows(n, s), t) for a in (value, place))
        if best is None:
            best, found = value, place + xp.zeros_like(value, dtype=xp.int64)
        else:
            better = (value > best) | (value != value)
            best, found = xp.where(better, value, best), xp.where(better, place, found)
    return best, found


def adaptive_max_pool(xp: Any, x: Any, *, size: Any) -> Any:
    """The largest value of each of `size` windows along each spatial axis: (N, C, *S) to (N, C, *size).

    Raises:
        RuntimeError: if `size` does not fit the shape.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.tensor([[[1.0, 5.0, 2.0, 4.0]]])
        >>> x.__array_namespace__().adaptive_max_pool(x, size=3).tolist()
        [[[5.0, 5.0, 4.0]]]
    """
    sizes = _sizes("adaptive_max_pool", tuple(x.shape), size)
    kernel = _kernel(tuple(x.shape), sizes)
    if kernel is not None:
        return xp.max_pool(x, kernel=kernel)
    return batch_first(xp, _largest(xp, x, sizes)[0], len(sizes))


def adaptive_max_pool_indices(xp: Any, x: Any, *, size: Any) -> Any:
    """Where `adaptive_max_pool` found its values: indices into the flattened spatial axes of `x`, int64."""
    sizes = _sizes("adaptive_max_pool", tuple(x.shape), size)
    return batch_first(xp, _largest(xp, x, sizes)[1], len(sizes))


def adaptive_max_put(xp: Any, z: Any, x: Any, top: Any) -> Any:
    """`z`, one value for each window of ``top = adaptive_max_pool(x)``, laid where its maximum lies, and summed."""
    shape, sizes = tuple(x.shape), tuple(z.shape[2:])
    kernel = _kernel(shape, sizes)
    if kernel is not None:
        return xp.max_pool_put(z, x, top, kernel=kernel)
    rows, found, axes = rows_first(xp, z), _largest(xp, x, sizes)[1], _axes(shape, sizes)
    places = numbered(xp, x)
    zero = xp.zeros((), dtype=z.dtype, device=device_of(z))
    total = None
    for taps in itertools.product(*(range(_longest(_covers(n, s))) for _, n, s in axes)):
        value, place, inside = rows, found, None
        for t, (axis, n, s) in zip(taps, axes, strict=True):
            runs = _covers(n, s)
            value, place = (_read(xp, a, axis, runs, t) for a in (value, place))
            within = _within(xp, rows, axis, runs, t)
            inside = within if inside is None else inside & within
        moved = xp.where((place == places) & inside, value, zero)
        total = moved if total is None else total + moved
    return batch_first(xp, total, len(sizes))


def adaptive_max_take(xp: Any, v: Any, x: Any, top: Any) -> Any:
    """`v`, an array like `x`, read where each window of ``top = adaptive_max_pool(x)`` has its maximum."""
    kernel = _kernel(tuple(x.shape), tuple(top.shape[2:]))
    if kernel is not None:
        return xp.max_pool_take(v, x, top, kernel=kernel)
    places = adaptive_max_pool_indices(xp, x, size=tuple(top.shape[2:]))
    n, c, *spatial = v.shape
    flat = xp.reshape(places, (n, c, math.prod(top.shape[2:])))
    return xp.reshape(xp.take_along_axis(xp.reshape(v, (n, c, math.prod(spatial))), flat, axis=2), top.shape)


op("adaptive_avg_pool", lambda xp, g, x_shape: xp.adaptive_avg_pool_grad(g, size=tuple(x_shape[2:])),
   forward=adaptive_avg_pool, node="AdaptiveAvgPool2DBackward0")  # fmt: skip

op("adaptive_avg_pool_grad", lambda xp, g, z_shape: xp.adaptive_avg_pool(g, size=tuple(z_shape[2:])),
   forward=adaptive_avg_pool_grad, args="z", node="AdaptiveAvgPool2DBackwardBackward0")  # fmt: skip

op("adaptive_max_pool", lambda xp, g, x, y: xp.adaptive_max_put(g, x, y),
   forward=adaptive_max_pool, node="AdaptiveMaxPool2DBackward0")  # fmt: skip

op("adaptive_max_pool_indices", None, forward=adaptive_max_pool_indices)

op("adaptive_max_put", lambda xp, g, x, top: xp.adaptive_max_take(g, x, top), None, None,
   forward=adaptive_max_put, args="z x top", node="AdaptiveMaxPool2DBackwardBackward0")  # fmt: skip

op("adaptive_max_take", lambda xp, g, x, top: xp.adaptive_max_put(g, x, top), None, None,
   forward=adaptive_max_take, args="v x top")  # fmt: skip
