"""Indexing, taking and functional assignment; the gradient of each is a scatter, and of a scatter an indexing.

The standard has no scatter. `index_put` asks the backend for its own; where there is none, assignment through a
basic key goes to a fresh copy, and everything else to `_scatter`, which is made of sorting, a segmented sum by
doubling and a look-up, and so is right on any library, with repeated positions, nan and infinity included.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import device_of, op
from .keys import agreed, is_basic, look_up, plain


def index_put(xp: Any, array: Any, key: Any, values: Any, accumulate: bool) -> Any:
    """A new array: `array` with `values` put, or added, at ``array[key]``.

    Args:
        xp: the array's `Library`.
        key: whatever the library takes in ``array[key]``.
        values: an array that broadcasts to the shape of ``array[key]``.
        accumulate: add, repeated positions as often as they occur; else set, the last one winning.
    """
    native, put, basic = xp.native, xp.backend.index_put, is_basic(key)
    understood = basic or agreed(key)
    if basic:
        key, flips = plain(key, array.shape)
        values = native.flip(values, axis=flips) if flips and len(values.shape) else values
    if put is not None and understood:
        try:
            return put(array, key, values, accumulate)
        except (IndexError, TypeError, ValueError):
            if basic:
                raise
    elif not accumulate and understood:
        try:
            changed = native.asarray(array, copy=True)
            changed[key] = native.astype(values, array.dtype)
            return changed
        except (TypeError, IndexError):
            pass  # an immutable library, or one that assigns through some keys only
    positions = native.reshape(native.arange(math.prod(array.shape), device=device_of(array)), array.shape)
    positions = look_up(native, positions, key)
    values = _flat(native, native.broadcast_to(native.astype(values, array.dtype), positions.shape))
    flat, positions = _flat(native, array), _flat(native, positions)
    if put is not None:
        changed = put(flat, (positions,), values, accumulate)
    else:
        changed = _scatter(native, flat, positions, values, accumulate)
    return native.reshape(changed, array.shape)


def _flat(native: Any, x: Any) -> Any:
    return native.reshape(x, (math.prod(x.shape),))


def _scatter(native: Any, array: Any, positions: Any, values: Any, accumulate: bool) -> Any:
    """Put or add `values` (m, ...) at `positions` (m,) of the first axis of `array` (n, ...).

    Positions are sorted, so equal ones lie together and in their order; adding, each entry becomes the sum of its
    group up to itself by log2 m shifts. The last entry of its group is what a place of the array receives.
    """
    length, count = array.shape[0], positions.shape[0]
    if length == 0 or count == 0:
        return array
    order = native.argsort(positions, stable=True)
    positions = native.take(positions, order, axis=0)
    values = native.take(values, order, axis=0)
    tail = (1,) * (len(values.shape) - 1)
    reach = 1
    while accumulate and reach < count:
        alike = native.reshape(positions[reach:] == positions[:-reach], (count - reach, *tail))
        earlier = native.where(alike, values[:-reach, ...], native.zeros_like(values[:-reach, ...]))
        values = native.concat((values[:reach, ...], values[reach:, ...] + earlier), axis=0)
        reach *= 2
    places = native.arange(length, dtype=positions.dtype, device=device_of(array))
    last = native.searchsorted(positions, places, side="right") - 1
    last = native.where(last < 0, native.zeros_like(last), last)
    hit = native.reshape(native.take(positions, last, axis=0) == places, (length, *tail))
    received = native.take(values, last, axis=0)
    return native.where(hit, array + received if accumulate else received, array)


# -- x[key] and its adjoint; assignment as a function --


def _getitem(xp: Any, x: Any, key: Any) -> Any:
    return look_up(xp.native, x, key)


def _getitem_adjoint(xp: Any, x: Any, key: Any, shape: Any) -> Any:
    zeros = xp.native.zeros(tuple(shape), dtype=x.dtype, device=device_of(x))
    return index_put(xp, zeros, key, x, not is_basic(key))


def _setitem_value(xp: Any, g: Any, key: Any) -> Any:
    """What the values left in the result; those overwritten by a later one for the same place left nothing."""
    taken = xp.getitem(g, key=key)
    return taken if is_basic(key) else xp.where(xp.last_writers(g, key=key), taken, 0)


def _setitem(xp: Any, x: Any, value: Any, key: Any) -> Any:
    return index_put(xp, x, key, value, False)


def _last_writers(xp: Any, x: Any, key: Any) -> Any:
    """Which entries of ``x[key]`` are the last for their place."""
    native = xp.native
    numbers = native.arange(1, math.prod(x.shape) + 1, device=device_of(x))
    shape = look_up(native, native.reshape(numbers, x.shape), key).shape
    numbers = native.reshape(native.arange(1, math.prod(shape) + 1, dtype=numbers.dtype, device=device_of(x)), shape)
    written = index_put(xp, native.zeros(x.shape, dtype=numbers.dtype, device=device_of(x)), key, numbers, False)
    return look_up(native, written, key) == numbers


op("getitem", lambda xp, g, x_shape, key: xp.getitem_adjoint(g, key=key, shape=x_shape),
   forward=_getitem, node="SelectBackward0")  # fmt: skip
op("getitem_adjoint", lambda xp, g, key: xp.getitem(g, key=key), forward=_getitem_adjoint, node="IndexPutBackward0")
op("setitem", lambda xp, g, key: xp.setitem(g, xp.zeros((), dtype=g.dtype, device=device_of(g)), key=key),
   _setitem_value, args="x value", forward=_setitem, node="CopySlices")  # fmt: skip
op("last_writers", args="x", forward=_last_writers)

# -- take and take_along_axis --


def _take_adjoint(xp: Any, x: Any, indices: Any, shape: Any, axis: int | None = None) -> Any:
    """x added into zeros of `shape`, at `indices` along an axis: rows are scattered, with that axis put first."""
    native, ndim = xp.native, len(shape)
    axis = 0 if axis is None else axis % ndim
    others = [a for a in range(ndim) if a != axis]
    extents = tuple(shape[a] for a in others)
    length, width, count = shape[axis], math.prod(extents), math.prod(indices.shape)
    rows = native.reshape(native.permute_dims(x, (axis, *others)), (count, width))
    zeros = native.zeros((length, width), dtype=x.dtype, device=device_of(x))
    if xp.backend.index_put is not None:
        summed = xp.backend.index_put(zeros, (indices,), rows, True)
    else:
        summed = _scatter(native, zeros, native.where(indices < 0, indices + length, indices), rows, True)
    back = [0] * ndim
    for place, a in enumerate((axis, *others)):
        back[a] = place
    return native.permute_dims(native.reshape(summed, (length, *extents)), tuple(back))


def _along_adjoint(xp: Any, x: Any, indices: Any, shape: Any, axis: int = -1) -> Any:
    """x added into zeros of `shape`, each element at its index along an axis."""
    native = xp.native
    size = math.prod(shape)
    places = native.reshape(native.arange(size, dtype=indices.dtype, device=device_of(indices)), tuple(shape))
    places = native.broadcast_to(native.take_along_axis(places, indices, axis=axis), x.shape)
    zeros = native.zeros((size,), dtype=x.dtype, device=device_of(x))
    return native.reshape(index_put(xp, zeros, (_flat(native, places),), _flat(native, x), True), tuple(shape))


op("take", lambda xp, g, indices, x_shape, axis=None: xp.take_adjoint(g, indices, shape=x_shape, axis=axis), None,
   args="x indices", node="IndexSelectBackward0")  # fmt: skip
op("take_adjoint", lambda xp, g, indices, axis=None: xp.take(g, indices, axis=axis), None,
   args="x indices", forward=_take_adjoint, node="IndexAddBackward0")  # fmt: skip
op("take_along_axis", lambda xp, g, indices, x_shape, axis=-1:
       xp.take_along_axis_adjoint(g, indices, shape=x_shape, axis=axis), None,
   args="x indices", node="GatherBackward0")  # fmt: skip
op("take_along_axis_adjoint", lambda xp, g, indices, axis=-1: xp.take_along_axis(g, indices, axis=axis), None,
   args="x indices", forward=_along_adjoint, node="ScatterAddBackward0")  # fmt: skip
