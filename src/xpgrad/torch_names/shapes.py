"""Shapes and views as PyTorch spells them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..creation import shape_of
from ..namespace import function
from ..tensor import Tensor
from .common import wrap_dim, wrap_dims


def _dim(input: Tensor, dim: int, extra: int = 0) -> int:
    """`dim` counted from the front, `extra` more of them counted in."""
    return wrap_dim(dim, input.ndim + extra)


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The same elements in another shape; one extent may be -1.

    Raises:
        RuntimeError: if the number of elements differs.
    """
    wanted = shape_of(shape)
    count = input.shape.numel()
    known = math.prod(n for n in wanted if n != -1)
    if known != count if -1 not in wanted else known == 0 or count % known:
        raise RuntimeError(f"shape '{list(wanted)}' is invalid for input of size {count}")
    return function("reshape")(input, wanted)  # type: ignore[no-any-return]


def view(input: Tensor, *shape: Any) -> Tensor:
    """`reshape`; every Tensor counts as contiguous here."""
    return reshape(input, *shape)


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """The same elements in the shape of `other`."""
    return reshape(input, tuple(other.shape))


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dims from `start_dim` to `end_dim` made one."""
    if input.ndim == 0:
        return reshape(input, 1)
    first, last = _dim(input, start_dim), _dim(input, end_dim)
    if first > last:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    shape = tuple(input.shape)
    return reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """`dim` split into `sizes`."""
    at = _dim(input, dim)
    shape = tuple(input.shape)
    sizes = tuple(sizes)
    if -1 in sizes:
        rest = math.prod(n for n in sizes if n != -1)
        sizes = tuple(shape[at] // rest if n == -1 else n for n in sizes)
    if math.prod(sizes) != shape[at]:
        raise RuntimeError(f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
                           f"({shape[at]}) in the input tensor")  # fmt: skip
    return reshape(input, (*shape[:at], *sizes, *shape[at + 1 :]))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without the dims of length 1, or without `dim` if its length is 1."""
    asked = (
        range(input.ndim)
        if dim is None
        else [_dim(input, d) for d in (dim if isinstance(dim, tuple | list) else (dim,))]
    )
    gone = tuple(d for d in asked if input.ndim and input.shape[d] == 1)
    return function("squeeze")(input, axis=gone)  # type: ignore[no-any-return]


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dim of length 1 at `dim`."""
    return function("expand_dims")(input, axis=_dim(input, dim, 1))  # type: ignore[no-any-return]


def permute(input: Tensor, *dims: Any) -> Tensor:
    """The dims in another order."""
    order = shape_of(dims)
    if sorted(d % max(input.ndim, 1) for d in order) != list(range(input.ndim)):
        raise RuntimeError("permute(sparse_coo): number of dimensions in the tensor input does not match the length of "
                           f"the desired ordering of dimensions i.e. input.dim() = {input.ndim}, "
                           f"dims = {list(order)}")  # fmt: skip
    return function("permute_dims")(input, order)  # type: ignore[no-any-return]


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Two dims swapped."""
    order = list(range(input.ndim))
    a, b = _dim(input, dim0), _dim(input, dim1)
    if order:
        order[a], order[b] = order[b], order[a]
    return function("permute_dims")(input, tuple(order))  # type: ignore[no-any-return]


def t(input: Tensor) -> Tensor:
    """A matrix transposed; a vector as it is."""
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return function("t")(input)  # type: ignore[no-any-return]


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """Dims moved to other places."""
    return function("moveaxis")(input, source, destination)  # type: ignore[no-any-return]


def expand(input: Tensor, *sizes: Any) -> Tensor:
    """Dims of length 1 repeated to `sizes`, without a copy; -1 keeps a dim."""
    wanted = shape_of(sizes)
    extra = len(wanted) - input.ndim
    if extra < 0:
        raise RuntimeError(f"expand({list(input.shape)}, size={list(wanted)}): the number of sizes provided "
                           f"({len(wanted)}) must be greater or equal to the number of dimensions in the tensor "
                           f"({input.ndim})")  # fmt: skip
    shape = tuple(input.shape[i - extra] if n == -1 else n for i, n in enumerate(wanted))
    for i, n in enumerate(shape[extra:]):
        if input.shape[i] not in (1, n):
            raise RuntimeError(f"The expanded size of the tensor ({n}) must match the existing size ({input.shape[i]}) "
                               f"at non-singleton dimension {i + extra}.  Target sizes: {list(shape)}.  Tensor sizes: "
                               f"{list(input.shape)}")  # fmt: skip
    return function("broadcast_to")(input, shape)  # type: ignore[no-any-return]


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """Expanded to the shape of `other`."""
    return expand(input, tuple(other.shape))


broadcast_to = expand


def repeat(input: Tensor, *repeats: Any) -> Tensor:
    """Tiled: each dim repeated so many times."""
    return function("tile")(input, shape_of(repeats))  # type: ignore[no-any-return]


def repeat_interleave(input: Tensor, repeats: Any, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """Each element repeated so many times along `dim`, or in the flattened Tensor.

    Raises:
        RuntimeError: if the result's length is not `output_size`.
    """
    x = reshape(input, 1) if input.ndim == 0 else input
    axis = None if dim is None else _dim(x, dim)
    if isinstance(repeats, Tensor) and repeats.ndim == 0:
        repeats = reshape(repeats, 1)
    out = function("repeat")(x, repeats, axis=axis)
    if output_size is not None and out.shape[axis or 0] != output_size:
        raise RuntimeError(
            f"repeat_interleave: the result has length {out.shape[axis or 0]}, not output_size={output_size}"
        )
    return out  # type: ignore[no-any-return]


def cat(tensors: Any, dim: int = 0, *, axis: int | None = None) -> Tensor:
    """Joined along an existing dim."""
    tensors = [x for x in tensors if tuple(x.shape) != (0,)] or list(tensors)[:1]
    return function("concat")(tensors, axis=dim if axis is None else axis)  # type: ignore[no-any-return]


concat = concatenate = cat


def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Joined along a new dim."""
    return function("stack")(list(tensors), axis=dim)  # type: ignore[no-any-return]


def _along(input: Tensor, dim: int, part: Any) -> Tensor:
    return input[(*[slice(None)] * dim, part)]


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` elements from `start` along `dim`."""
    at = _dim(input, dim)
    start = start % input.shape[at] if start < 0 else start
    if start + length > input.shape[at]:
        raise RuntimeError(f"start ({start}) + length ({length}) exceeds dimension size ({input.shape[at]}).")
    return _along(input, at, slice(start, start + length))


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One slice along `dim`, without that dim."""
    return _along(input, _dim(input, dim), index)


def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Pieces of a size, the last one maybe smaller, or of the sizes given."""
    at = _dim(tensor, dim)
    n = tensor.shape[at]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        sizes = [min(size, n - i) for i in range(0, n, size)] or [0]
    else:
        sizes = list(split_size_or_sections)
        if sum(sizes) != n:
            raise RuntimeError(f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at "
                               f"dimension {at}), but got split_sizes={sizes}")  # fmt: skip
    out, start = [], 0
    for size in sizes:
        out.append(_along(tensor, at, slice(start, start + size)))
        start += size
    return tuple(out)


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """At most `chunks` pieces of equal size, the last one maybe smaller."""
    return split(input, max(1, -(-input.shape[_dim(input, dim)] // chunks)), dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """All slices along `dim`."""
    return function("unstack")(input, axis=dim)  # type: ignore[no-any-return]


def flip(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    """Reversed along `dims`."""
    axes = wrap_dims(shape_of(dims or (named.pop("dims"),)), input.ndim)
    if named:
        raise TypeError(f"flip() got an unexpected keyword argument {next(iter(named))!r}")
    return function("flip")(input, axis=axes) if axes and input.ndim else function("clone")(input)  # type: ignore[no-any-return]


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """Shifted along `dims`, or in the flattened Tensor, what leaves at the end coming in at the front."""
    shift = tuple(shifts) if isinstance(shifts, list | tuple) else (shifts,)
    axis = wrap_dims(dims, input.ndim)
    if len(shift) != len(axis or (0,)):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(shift)}, dims:{len(axis or ())}")
    if not input.ndim:
        return function("clone")(input)  # type: ignore[no-any-return]
    return function("roll")(input, shift if axis else shift[0], axis=axis)  # type: ignore[no-any-return]


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle, zeros above."""
    return function("tril")(input, k=diagonal)  # type: ignore[no-any-return]


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle, zeros below."""
    return function("triu")(input, k=diagonal)  # type: ignore[no-any-return]


METHODS = (
    reshape, view, view_as, flatten, unflatten, squeeze, unsqueeze, permute, transpose, t, movedim, expand, expand_as,
    broadcast_to, repeat, repeat_interleave, narrow, select, split, chunk, unbind, flip, roll, tril, triu,
)  # fmt: skip
FUNCTIONS: tuple[Callable[..., Any], ...] = (cat, stack)
