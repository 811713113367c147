"""Windows over spatial axes, by slices and sums: what convolution and pooling share.

Arrays come and go as (N, C, S1, ..., Sd). In between they are seen *rows first, batch last*, (S1, C, S2, ..., Sd, N):
consecutive rows are then one contiguous block, and a slice along any other axis still runs over whole batches. On a
library with strides the change of view costs nothing, and elementwise functions keep the memory order, so a network
stays in it from layer to layer. One spatial axis becomes two, the first of length 1.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

from ..op import device_of


def tupled(name: str, what: str, value: Any, count: int) -> tuple[int, ...]:
    """An int, or one for each of `count` spatial axes, as a tuple.

    Raises:
        RuntimeError: if there are more or fewer than `count`.
    """
    if isinstance(value, int):
        return (value,) * count
    values = tuple(value)
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise RuntimeError(f"{name}: expected {what} to be a single integer value or a list of {count} values to "
                           f"match the spatial dimensions, but got {what}={list(values)}")  # fmt: skip
    return values


def paired(name: str, value: Any, count: int) -> tuple[tuple[int, int], ...]:
    """Padding as (before, after) for each spatial axis, from an int, ints, or pairs."""
    values = (value,) * count if isinstance(value, int) else tuple(value)
    if len(values) == 1:
        values = values * count
    if len(values) != count:
        raise RuntimeError(f"{name}: expected padding to be a single integer value or a list of {count} values to "
                           f"match the spatial dimensions, but got padding={list(values)}")  # fmt: skip
    return tuple((v, v) if isinstance(v, int) else (v[0], v[1]) for v in values)


# Views, by the library's own functions: forwards alone come here, and a small convolution is mostly calls.
def rows_first(xp: Any, x: Any) -> Any:
    """(N, C, S1, ..., Sd) seen as (S1, C, S2, ..., Sd, N); (N, C, S) as (1, C, S, N)."""
    if x.ndim == 3:
        return xp.native.expand_dims(xp.native.permute_dims(x, (1, 2, 0)), axis=0)
    return xp.native.permute_dims(x, (2, 1, *range(3, x.ndim), 0))


def batch_first(xp: Any, rows: Any, spatial: int) -> Any:
    """(S1, C, S2, ..., Sd, N) seen as (N, C, S1, ..., Sd) with `spatial` spatial axes: undoes `rows_first`."""
    if spatial == 1:
        return xp.native.permute_dims(rows[0, ...], (2, 0, 1))
    return xp.native.permute_dims(rows, (rows.ndim - 1, 1, 0, *range(2, rows.ndim - 1)))


def axis_of(dim: int) -> int:
    """The axis of spatial dimension `dim` in an array with rows first."""
    return dim + 1 if dim else 0


def settled(xp: Any, x: Any) -> Any:
    """`x` in its own memory order: copied if its axes lie in another order, itself if they lie right."""
    return xp.reshape(xp.reshape(x, (math.prod(x.shape),)), x.shape)


def numbered(xp: Any, x: Any) -> Any:
    """The places of (N, C, *S), numbered as its flattened spatial axes: (S1, 1, S2, ..., Sd, 1) with rows first."""
    spatial = x.shape[2:] if x.ndim > 3 else (1, x.shape[2])
    places = xp.arange(math.prod(spatial), dtype=xp.int64, device=device_of(x))
    return xp.reshape(places, (spatial[0], 1, *spatial[1:], 1))


def cut(x: Any, axis: int, start: int, stop: int, step: int = 1) -> Any:
    """``x[start:stop:step]`` along `axis`."""
    return x[(slice(None),) * axis + (slice(start, stop, step), ...)]


def extend(xp: Any, x: Any, axis: int, start: int, stop: int, value: float = 0) -> Any:
    """``x[start:stop]`` along `axis`, as if `x` went on in both directions with `value`."""
    length = x.shape[axis]
    if start == 0 and stop == length:
        return x

    def fill(count: int) -> Any:
        shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
        if value == 0:
            return xp.zeros(shape, dtype=x.dtype, device=device_of(x))
        return xp.full(shape, value, dtype=x.dtype, device=device_of(x))

    first, last = min(max(start, 0), length), max(min(stop, length), 0)
    if last <= first:
        return fill(stop - start)
    parts = [x if (first, last) == (0, length) else cut(x, axis, first, last)]
    if start < 0:
        parts.insert(0, fill(-start))
    if stop > length:
        parts.append(fill(stop - length))
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=axis)


def padded(xp: Any, rows: Any, pads: Sequence[tuple[int, int]], value: float = 0) -> Any:
    """`rows` with (before, after) more of `value` along each spatial axis; fewer, where a number is negative."""
    for dim, (low, high) in enumerate(pads):
        axis = axis_of(dim)
        rows = extend(xp, rows, axis, -low, rows.shape[axis] + high, value)
    return rows


def columns(xp: Any, rows: Any, offsets: Sequence[Sequence[int]], steps: Sequence[int], sizes: Sequence[int],
            groups: int) -> Any:  # fmt: skip
    """Windows side by side: (sizes[0], groups, T·C/groups, sizes[1]·...·N), for T = all combinations of offsets.

    Along spatial axis i, offset o is the slice ``o, o + steps[i], ...`` of length ``sizes[i]``. T varies slower than
    the channel.
    """
    per_group, length, batch = rows.shape[1] // groups, rows.shape[0], rows.shape[-1]
    rows = xp.reshape(rows, (length, groups, per_group, *rows.shape[2:]))
    pieces = [rows[key] for key in _keys(tuple(map(tuple, offsets)), tuple(steps), tuple(sizes))]
    stacked = pieces[0] if len(pieces) == 1 else xp.concat(pieces, axis=2)
    return xp.reshape(stacked, (sizes[0], groups, len(pieces) * per_group, math.prod(sizes[1:]) * batch))


@functools.lru_cache(maxsize=1024)
def _keys(offsets: tuple[tuple[int, ...], ...], steps: tuple[int, ...], sizes: tuple[int, ...]) -> list[Any]:
    """The slices of `columns`, one key for each combination of offsets."""
    keys = []
    for place in itertools.product(*offsets):
        first, *others = (slice(o, o + (n - 1) * s + 1, s) for o, s, n in zip(place, steps, sizes, strict=True))
        keys.append((first, slice(None), slice(None), *others, slice(None)))
    return keys


@functools.lru_cache(maxsize=1024)
def phase(count: int, stride: int, dilation: int, before: int, first: int) -> list[tuple[int, int]]:
    """The taps that reach positions ``first + u*stride``, with their shifts.

    Tap k of the window at p lies on position ``p*stride + k*dilation - before``; the pairs (k, shift) are those with
    ``u = p + shift`` for a whole number `shift`. Over all `first` below the stride every tap occurs once, so a
    strided transposed map is `stride` unstrided ones, and nothing is computed for zeros in between.
    """
    found = []
    for k in range(count):
        shift, rest = divmod(k * dilation - before - first, stride)
        if rest == 0:
            found.append((k, shift))
    return found


def interleave(xp: Any, phases: Sequence[Any], axis: int, size: int) -> Any:
    """Position ``first + u*len(phases)`` along `axis` is position u of ``phases[first]``; the first `size` of them."""
    if len(phases) == 1:
        return extend(xp, phases[0], axis, 0, size)
    shape, count = phases[0].shape, len(phases)
    single = (*shape[: axis + 1], 1, *shape[axis + 1 :])
    beside = xp.concat([xp.reshape(phase, single) for phase in phases], axis=axis + 1)
    merged = xp.reshape(beside, (*shape[:axis], shape[axis] * count, *shape[axis + 1 :]))
    return extend(xp, merged, axis, 0, size)


def fold(xp: Any, parts: Sequence[Any], axis: int, stride: int, dilation: int, before: int, size: int) -> Any:
    """Windows laid back over each other: ``out[p*stride + k*dilation - before] += parts[k][p]`` along `axis`."""
    if stride == len(parts) and dilation == 1 and before == 0:  # side by side
        return interleave(xp, parts, axis, size)
    length = -(-size // stride)
    phases = []
    for first in range(stride):
        taps = phase(len(parts), stride, dilation, before, first)
        if not taps:  # where the stride exceeds the window, some positions belong to no window
            phases.append(extend(xp, parts[0], axis, -length, 0))
            continue
        lowest = taps[0][1]
        step = taps[1][1] - lowest if len(taps) > 1 else 0
        total = _skewed_sum(xp, [parts[k] for k, _ in taps], axis, step)
        phases.append(extend(xp, total, axis, -lowest, length - lowest))
    return interleave(xp, phases, axis, size)


def _skewed_sum(xp: Any, parts: Sequence[Any], axis: int, step: int) -> Any:
    """The sum of `parts`, the j-th moved on by ``j*step`` along `axis`.

    In one line, with ``len(parts)*step`` zeros between them, they are cut into as many equal pieces; each piece is too
    short by `step` to hold a part and its zeros, so the parts move on by that from piece to piece.
    """
    count = len(parts)
    if count == 1:
        return parts[0]
    shape = parts[0].shape
    gap = extend(xp, parts[0], axis, -count * step, 0)
    line = xp.concat([parts[0], *(a for part in parts[1:] for a in (gap, part))], axis=axis)
    pieces = xp.reshape(line, (*shape[:axis], count, shape[axis] + (count - 1) * step, *shape[axis + 1 :]))
    return xp.sum(pieces, axis=axis, dtype=line.dtype)
