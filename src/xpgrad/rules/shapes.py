"""Functions that move elements about without computing: reshaping, joining, repeating, casting.

The gradient of a move is the move back. Where the walk already sums a gradient to its argument's shape, or casts it
to its argument's dtype, there is nothing left for the rule to do.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

from .. import dtypes
from ..op import composite, device_of, op


def _inverse(axes: Any) -> tuple[int, ...]:
    """The permutation that undoes `axes`."""
    order = [a % len(axes) for a in axes]
    return tuple(order.index(i) for i in range(len(order)))


def _permute_dims(xp: Any, x: Any, /, axes: Any) -> Any:
    return xp.native.permute_dims(x, tuple(a + len(axes) if a < 0 else a for a in axes))


def _roll(xp: Any, g: Any, shift: Any, axis: Any = None) -> Any:
    back = tuple(-s for s in shift) if isinstance(shift, tuple | list) else -shift
    return xp.roll(g, back, axis=axis)


def _astype(xp: Any, x: Any, dtype: Any, *, copy: bool = True, device: Any = None) -> Any:
    where = {} if device is None else {"device": device}
    return xp.native.astype(x, dtypes.native(xp.native, dtype), copy=copy, **where)


# Forwards are written out where the standard takes a parameter by position only.
op("reshape", lambda xp, g, x_shape: xp.reshape(g, x_shape), node="ViewBackward0")
op("expand_dims", lambda xp, g, x_shape: xp.reshape(g, x_shape), node="UnsqueezeBackward0")
op("squeeze", lambda xp, g, x_shape: xp.reshape(g, x_shape), node="SqueezeBackward1")
op("permute_dims", lambda xp, g, axes: xp.permute_dims(g, _inverse(axes)), forward=_permute_dims,
   node="PermuteBackward0")  # fmt: skip
op("moveaxis", lambda xp, g, source, destination: xp.moveaxis(g, destination, source), node="PermuteBackward0",
   forward=lambda xp, x, source, destination: xp.native.moveaxis(x, source, destination))  # fmt: skip
op("broadcast_to", lambda xp, g: g, node="ExpandBackward0")
op("flip", lambda xp, g, axis=None: xp.flip(g, axis=axis))
op("roll", _roll, forward=lambda xp, x, shift, *, axis=None: xp.native.roll(x, shift, axis=axis))
op("tril", lambda xp, g, k=0: xp.tril(g, k=k))
op("triu", lambda xp, g, k=0: xp.triu(g, k=k))
op("astype", lambda xp, g: g, forward=_astype, node="ToCopyBackward0")

# -- joining --


def _concat(xp: Any, g: Any, shapes: Any, needs: Any, axis: int | None = 0) -> tuple[Any, ...]:
    """The stretch of g that each array filled."""
    flat = axis is None
    where = 0 if axis is None else axis % len(g.shape)
    sizes = [math.prod(s) if flat else s[where] for s in shapes]
    ends = itertools.accumulate(sizes)
    parts: list[Any] = []
    for shape, size, end, needed in zip(shapes, sizes, ends, needs, strict=True):
        part = g[(*(slice(None),) * where, slice(end - size, end), ...)] if needed else None
        parts.append(xp.reshape(part, shape) if flat and needed else part)
    return tuple(parts)


def _stack(xp: Any, g: Any, needs: Any, axis: int = 0) -> tuple[Any, ...]:
    """The layer of g that each array became."""
    before = (slice(None),) * (axis % len(g.shape))
    return tuple(g[(*before, i, ...)] if needed else None for i, needed in enumerate(needs))


op("concat", joint=_concat, args="*arrays", promotes=True, node="CatBackward0")
op("stack", joint=_stack, args="*arrays", promotes=True)

# -- compositions --


@composite("unstack")
def unstack(xp: Any, x: Any, /, *, axis: int = 0) -> tuple[Any, ...]:
    """The layers of x along an axis."""
    if not -len(x.shape) <= axis < len(x.shape):
        raise IndexError(f"unstack: axis {axis} is out of range for an array of {len(x.shape)} axes")
    before = (slice(None),) * (axis % len(x.shape))
    return tuple(x[(*before, i)] for i in range(x.shape[axis]))


@composite("broadcast_arrays")
def broadcast_arrays(xp: Any, *arrays: Any) -> tuple[Any, ...]:
    """Every array at the shape that all broadcast to."""
    shape = xp.broadcast_shapes(*(tuple(a.shape) for a in arrays))
    return tuple(xp.broadcast_to(a, shape) for a in arrays)


@composite("meshgrid")
def meshgrid(xp: Any, *arrays: Any, indexing: str = "xy") -> tuple[Any, ...]:
    """Coordinate arrays of a grid; its first two axes are exchanged by the indexing "xy"."""
    if indexing not in ("xy", "ij"):
        raise ValueError(f'meshgrid: indexing must be "xy" or "ij", got {indexing!r}')
    if any(len(a.shape) > 1 for a in arrays):
        raise ValueError(f"meshgrid: arrays must have one axis, got shapes {[tuple(a.shape) for a in arrays]}")
    place = list(range(len(arrays)))
    if indexing == "xy" and len(arrays) > 1:
        place[:2] = 1, 0
    sizes = [math.prod(a.shape) for a in arrays]
    shape = tuple(sizes[i] for i in place)
    lines = (tuple(n if place[d] == i else 1 for d in range(len(arrays))) for i, n in enumerate(sizes))
    return tuple(xp.broadcast_to(xp.reshape(a, line), shape) for a, line in zip(arrays, lines, strict=True))


@composite("tile")
def tile(xp: Any, x: Any, repetitions: Any, /) -> Any:
    """x laid out as often along each axis as `repetitions` says."""
    width = max(len(x.shape), len(repetitions))
    shape = (1,) * (width - len(x.shape)) + tuple(x.shape)
    times = (1,) * (width - len(repetitions)) + tuple(repetitions)
    spread = xp.reshape(x, tuple(itertools.chain.from_iterable((1, n) for n in shape)))
    spread = xp.broadcast_to(spread, tuple(itertools.chain.from_iterable(zip(times, shape, strict=True))))
    return xp.reshape(spread, tuple(t * n for t, n in zip(times, shape, strict=True)))


@composite("repeat")
def repeat(xp: Any, x: Any, repeats: Any, /, *, axis: int | None = None) -> Any:
    """Each element of x along an axis, as often as `repeats` says; of the flat x if there is no axis."""
    if axis is None:
        x, axis = xp.reshape(x, (math.prod(x.shape),)), 0
    axis %= len(x.shape)
    if not isinstance(repeats, int):
        return xp.take(x, xp.repeated_positions(repeats, length=x.shape[axis]), axis=axis)
    before, length, after = tuple(x.shape[:axis]), x.shape[axis], tuple(x.shape[axis + 1 :])
    spread = xp.broadcast_to(xp.expand_dims(x, axis=axis + 1), (*before, length, repeats, *after))
    return xp.reshape(spread, (*before, length * repeats, *after))


@composite("diff")
def diff(xp: Any, x: Any, /, *, axis: int = -1, n: int = 1, prepend: Any = None, append: Any = None) -> Any:
    """The n-th difference of neighbours along an axis."""
    if n < 0:
        raise ValueError(f"diff: n must not be negative, got {n}")
    parts = [part for part in (prepend, x, append) if part is not None]
    if len(parts) > 1:
        x = xp.concat(parts, axis=axis)
    before = (slice(None),) * (axis % len(x.shape))
    for _ in range(n):
        x = x[(*before, slice(1, None))] - x[(*before, slice(None, -1))]
    return x


def _repeated_positions(xp: Any, counts: Any, *, length: int) -> Any:
    """0 ... length-1, each as often as its count says."""
    positions = xp.native.arange(length, dtype=counts.dtype, device=device_of(counts))
    return xp.native.repeat(positions, xp.native.broadcast_to(counts, (length,)), axis=0)


op("repeated_positions", args="counts", forward=_repeated_positions)
