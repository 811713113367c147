"""Keys: what stands between the brackets of ``x[key]``, read alike on every library.

The standard promises slices, integers, one boolean mask, and as many integer arrays as there are axes. PyTorch and
NumPy take any mixture, and disagree on where the axes of the arrays go once integers or an empty ellipsis stand
between them. So what is basic in a key is cut out first, as PyTorch does; the library is then asked for the arrays,
and if it refuses, the axes that they point into are brought together, made one, and one `take` picks from it.
"""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

from .. import dtypes


def is_basic(key: Any) -> bool:
    """Whether a key has no arrays, and so meets every element at most once."""
    parts = key if isinstance(key, tuple) else (key,)
    return not any(_is_array(part) or isinstance(part, list | bool) for part in parts)


def plain(key: Any, shape: Any) -> tuple[Any, tuple[int, ...]]:
    """A basic key that every library takes, and the axes of the result that are to be flipped.

    An ellipsis is put where axes are left over, and slices with a negative step are turned round. Integers are held
    against the shape here, since some libraries would take the nearest that there is.

    Raises:
        IndexError: for an integer out of range.
    """
    parts = list(key) if isinstance(key, tuple) else [key]
    used = sum(part is not None and part is not Ellipsis for part in parts)
    if Ellipsis not in parts and used < len(shape):
        parts.append(Ellipsis)
    axis = 0
    for i, part in enumerate(parts):
        if isinstance(part, Integral) and axis < len(shape):
            if not -shape[axis] <= part < shape[axis]:
                raise IndexError(f"index {part} is out of bounds for dimension {axis} with size {shape[axis]}")
            parts[i] = int(part)
        axis += len(shape) - used if part is Ellipsis else part is not None
    if not any(isinstance(part, slice) and part.step is not None and part.step < 0 for part in parts):
        return tuple(parts), ()
    if Ellipsis in parts:
        at = parts.index(Ellipsis)
        parts[at : at + 1] = [slice(None)] * (len(shape) - used)
    flips, source, result = [], 0, 0
    for i, part in enumerate(parts):
        if isinstance(part, slice) and part.step is not None and part.step < 0:
            met = range(*part.indices(shape[source]))
            parts[i] = slice(met[-1], met[0] + 1, -part.step) if met else slice(0, 0)
            flips.append(result)
        source += part is not None
        result += part is None or isinstance(part, slice)
    return tuple(parts), tuple(flips)


def _within(key: tuple[Any, ...], shape: Any) -> tuple[Any, ...]:
    """A basic key with every slice's bounds inside the array."""
    used = sum(part is not None and part is not Ellipsis for part in key)
    sizes = iter(shape)
    out: list[Any] = []
    for part in key:
        if part is None:
            out.append(part)
        elif part is Ellipsis:
            out += [slice(0, next(sizes)) for _ in range(len(shape) - used)]
        elif isinstance(part, slice):
            start, stop, step = part.indices(next(sizes, 0))
            out.append(slice(start, max(start, stop), step))
        else:
            next(sizes, None)
            out.append(part)
    return tuple(out)


def _is_array(part: Any) -> bool:
    return hasattr(part, "dtype") and not isinstance(part, Integral)  # NumPy's integers are no arrays


def agreed(key: Any) -> bool:
    """Whether the libraries that take this key with arrays all read it alike: arrays and rising slices."""
    parts = key if isinstance(key, tuple) else (key,)
    return all(_is_array(p) or (isinstance(p, slice) and (p.step is None or p.step > 0)) for p in parts)


def look_up(native: Any, x: Any, key: Any) -> Any:
    """``x[key]`` on any library, for any mixture of slices, integers, None, an ellipsis, lists and arrays.

    Where arrays are next to each other, their axes stand in the place of the first; else they come before all others.

    Raises:
        IndexError: for a key that does not fit, or an index out of range where the library looks at that.
    """
    if is_basic(key):
        key, flips = plain(key, x.shape)
        try:
            x = x[key]
        except IndexError:  # a library that takes no slice beyond the end
            x = x[_within(key, x.shape)]
        return native.flip(x, axis=flips) if flips else x
    if not agreed(key):
        simple, key = _split(native, x, key)
        x = look_up(native, x, simple)
    try:
        return x[key]
    except (IndexError, TypeError, ValueError) as refusal:
        try:
            return _pick(native, x, key if isinstance(key, tuple) else (key,))
        except IndexError as error:
            raise error from refusal


def _split(native: Any, x: Any, key: Any) -> tuple[Any, Any]:
    """A basic key that is to be cut out first, and then an array or a full slice for each axis that is left."""
    parts = [_with_array(native, x, part) for part in (key if isinstance(key, tuple) else (key,))]
    used = sum(_width(part) for part in parts)
    if used > len(x.shape):
        raise IndexError(f"too many indices for tensor of dimension {len(x.shape)}")
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[at : at + 1] = [slice(None)] * (len(x.shape) - used)
    simple: list[Any] = []
    rest: list[Any] = []
    for part in parts:
        if not _is_array(part):
            simple.append(part)
            rest += [] if isinstance(part, int) else [slice(None)]
        elif _width(part) == 0:  # a single truth value looks into a new axis of length one
            simple.append(None)
            rest.append(native.reshape(part, (1,)))
        else:
            simple += [slice(None)] * _width(part)
            rest.append(part)
    return tuple(simple), tuple(rest)


def _with_array(native: Any, x: Any, part: Any) -> Any:
    """A part of a key, lists and truth values made arrays.

    Raises:
        IndexError: if it is nothing that a key is made of.
    """
    if isinstance(part, list | bool):
        part = native.asarray(part, device=getattr(x, "device", None))
        return part if math.prod(part.shape) else native.astype(part, native.int64)
    if part is None or part is Ellipsis or isinstance(part, int | slice) or _is_array(part):
        return part
    raise IndexError(f"an index is made of integers, slices, None, an ellipsis, lists and arrays of integers or "
                     f"booleans; got "
                     f"{part!r}")  # fmt: skip


def _is_mask(part: Any) -> bool:
    return dtypes.from_native(part.dtype).kind == "bool"


def _width(part: Any) -> int:
    """How many axes a part of a key uses up."""
    if part is None or part is Ellipsis:
        return 0
    return len(part.shape) if _is_array(part) and _is_mask(part) else 1


def _pick(native: Any, x: Any, key: Any) -> Any:
    """``x[key]`` for a key of arrays and slices."""
    marks = [_is_array(part) for part in key]
    together = all(marks[marks.index(True) : len(marks) - marks[::-1].index(True)])
    arrays: list[Any] = []
    places: list[int] = []
    axis = 0
    for part in key:
        if _is_array(part):
            found = list(native.nonzero(_fitting(x, part, axis))) if _is_mask(part) else [_integers(native, part)]
            places += range(axis, axis + len(found))
            arrays += found
        axis += _width(part)
    if axis > len(x.shape):
        raise IndexError(f"too many indices for tensor of dimension {len(x.shape)}")
    x = look_up(native, x, tuple(_simple for part in key for _simple in ([slice(None)] * _width(part) if _is_array(part)
                                                                         else [part])))  # fmt: skip
    others = [a for a in range(len(x.shape)) if a not in places]
    extents, rest = tuple(x.shape[a] for a in places), tuple(x.shape[a] for a in others)
    arrays = list(native.broadcast_arrays(*arrays))
    linear, outside = 0, False
    for index, n in zip(arrays, extents, strict=True):
        outside = outside | (index < -n) | (index >= n)
        linear = linear * n + native.where(index < 0, index + n, index)
    shape, size = tuple(arrays[0].shape), math.prod(extents)
    # what is outside in one axis must not be inside once the axes are one
    linear = native.reshape(native.where(outside, size, linear), (math.prod(shape),))
    rows = native.reshape(native.permute_dims(x, (*places, *others)), (size, *rest))
    try:
        picked = native.reshape(native.take(rows, linear, axis=0), (*shape, *rest))
    except IndexError as error:
        raise IndexError(f"an index is out of range for the dimensions {places} with sizes {list(extents)}") from error
    first, count = (places[0] if together else 0), len(shape)
    order = (*range(count, count + first), *range(count), *range(count + first, count + len(rest)))
    return native.permute_dims(picked, order) if first else picked


def _fitting(x: Any, mask: Any, axis: int) -> Any:
    met = tuple(x.shape[axis : axis + len(mask.shape)])
    if met != tuple(mask.shape):
        raise IndexError(f"The shape of the mask {list(mask.shape)} at index {axis} does not match the shape of the "
                         f"indexed "
                         f"tensor {list(x.shape)}")  # fmt: skip
    return mask


def _integers(native: Any, index: Any) -> Any:
    if "integer" not in dtypes.from_native(index.dtype).kind:
        raise IndexError(
            f"tensors used as indices must be of an integer dtype or bool, got {dtypes.from_native(index.dtype)}"
        )
    return native.astype(index, native.int64)
