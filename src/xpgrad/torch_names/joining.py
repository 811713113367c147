"""Joining and splitting, and the reshapes that have a name of their own, as PyTorch spells them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from ..creation import shape_of
from ..namespace import function
from ..op import OPS
from ..operands import ArgumentError
from ..sizes import Size
from ..tensor import Tensor, apply
from .common import number, part, wrap_dim
from .shapes import cat, chunk, expand, flip, movedim, reshape, split, stack, transpose, unsqueeze

# -- more dims --


def _each(f: Callable[[Any], Any], tensors: tuple[Any, ...]) -> Any:
    """`f` of one Tensor, or of each of several, given one by one or as a list."""
    if len(tensors) == 1 and isinstance(tensors[0], Tensor):
        return f(tensors[0])
    return tuple(map(f, tensors[0] if len(tensors) == 1 else tensors))


def atleast_1d(*tensors: Any) -> Any:
    """A number as a vector of one; a tuple of them for several Tensors."""
    return _each(lambda x: x if x.ndim else reshape(x, 1), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """A number or vector as a matrix of one row; a tuple of them for several Tensors."""
    return _each(lambda x: x if x.ndim > 1 else reshape(x, 1, -1 if x.ndim else 1), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """A number, vector or matrix with dims of length 1 to make it three: (1, n, 1) and (m, n, 1)."""
    return _each(lambda x: x if x.ndim > 2 else unsqueeze(atleast_2d(x), -1), tensors)


def ravel(input: Any) -> Any:
    """All elements in a vector."""
    return reshape(input, -1) if input.numel() else reshape(input, 0)


def reshape_as(input: Any, other: Any) -> Any:
    """The same elements in the shape of `other`."""
    return reshape(input, tuple(other.shape))


def swapaxes(input: Any, axis0: int, axis1: int) -> Any:
    """Two dims swapped."""
    return transpose(input, axis0, axis1)


def swapdims(input: Any, dim0: int, dim1: int) -> Any:
    """Two dims swapped."""
    return transpose(input, dim0, dim1)


def adjoint(input: Any) -> Any:
    """The last two dims swapped, conjugated."""
    return function("conj")(transpose(input, -2, -1)) if input.dtype.is_complex else transpose(input, -2, -1)


def moveaxis(input: Any, source: Any, destination: Any) -> Any:
    """Dims moved to other places."""
    return movedim(input, source, destination)


# -- turning --


def fliplr(input: Any) -> Any:
    """Each row reversed."""
    if input.ndim < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return flip(input, 1)


def flipud(input: Any) -> Any:
    """The rows in reverse order."""
    if input.ndim < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return flip(input, 0)


def rot90(input: Any, k: int = 1, dims: Any = (0, 1)) -> Any:
    """Turned `k` times by 90 degrees, from the first of `dims` towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    first, second = (wrap_dim(d, input.ndim) for d in dims)
    if first == second:
        raise RuntimeError(f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}")
    if k % 4 == 2:
        return flip(input, first, second)
    if k % 2 == 0:
        return function("clone")(input)
    return flip(transpose(input, first, second), first if k % 4 == 1 else second)


# -- joining --


def hstack(tensors: Any) -> Any:
    """Side by side: along the second dim, vectors along their only one."""
    tensors = atleast_1d(list(tensors))
    return cat(tensors, 0 if tensors[0].ndim == 1 else 1)


def vstack(tensors: Any) -> Any:
    """Below each other: along the first dim, vectors as rows."""
    return cat(atleast_2d(list(tensors)), 0)


row_stack = vstack


def dstack(tensors: Any) -> Any:
    """Behind each other: along the third dim."""
    return cat(atleast_3d(list(tensors)), 2)


def column_stack(tensors: Any) -> Any:
    """Side by side: along the second dim, vectors as columns."""
    return cat([x if x.ndim > 1 else reshape(x, -1, 1) for x in atleast_1d(list(tensors))], 1)


def block_diag(*tensors: Any) -> Any:
    """A matrix with the given ones along its diagonal, zeros elsewhere."""
    blocks = atleast_2d(list(tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors))
    width = sum(b.shape[1] for b in blocks)
    xp = blocks[0].__array_namespace__()
    rows, start = [], 0
    for b in blocks:
        if b.ndim != 2:
            raise RuntimeError(f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Got {b.ndim}")
        height, n = b.shape
        edges = (start, width - start - n)
        before, after = (xp.zeros((height, m), dtype=b.dtype, device=b.device) for m in edges)
        rows.append(function("concat")([before, b, after], axis=1))
        start += n
    return function("concat")(rows, axis=0)


def meshgrid(*tensors: Any, indexing: str = "ij") -> Any:
    """Coordinates of a grid: one Tensor for each vector, constant along the dims of the others."""
    given = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    return function("meshgrid")(*[atleast_1d(x) for x in given], indexing=indexing)


def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of one element of each vector, as rows."""
    if len(tensors) == 1:
        return tensors[0]
    return stack([ravel(x) for x in meshgrid(*tensors)], 1)


def combinations(input: Any, r: int = 2, with_replacement: bool = False) -> Any:
    """All combinations of `r` elements of a vector, as rows."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = list(choose(range(input.shape[0]), r))
    if not chosen or not r:
        return input[0:0] if not r else reshape(input[0:0], 0, r)
    xp = input.__array_namespace__()
    indices = xp.asarray(list(itertools.chain.from_iterable(chosen)), dtype=xp.int64, device=input.device)
    return reshape(function("take")(input, indices, axis=0), len(chosen), r)


# -- splitting --


def tensor_split(input: Any, indices_or_sections: Any = None, dim: int = 0, *, sections: Any = None,
                 indices: Any = None) -> tuple[Any, ...]:  # fmt: skip
    """So many pieces along `dim`, the first ones maybe longer by one; or the pieces between the given indices."""
    where = next(w for w in (indices_or_sections, sections, indices) if w is not None)
    where = where.tolist() if hasattr(where, "tolist") else where
    if input.ndim == 0:
        raise RuntimeError("tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims")
    axis = wrap_dim(dim, input.ndim)
    n = input.shape[axis]
    if isinstance(where, int):
        if where < 1:
            raise RuntimeError(f"number of sections must be larger than 0, got {where}")
        size, longer = divmod(n, where)
        where = [i * size + min(i, longer) for i in range(1, where)]
    bounds = [0, *where, None]
    return tuple(input[part(axis, a, b)] for a, b in itertools.pairwise(bounds))


def _split_along(name: str, dim: int, least: int) -> Callable[..., Any]:
    def along(
        input: Any, indices_or_sections: Any = None, *, sections: Any = None, indices: Any = None
    ) -> tuple[Any, ...]:
        if input.ndim < least:
            raise RuntimeError(f"torch.{name} requires a tensor with at least {least} dimension{'s'[: least - 1]}, but "
                               f"got a tensor with {input.ndim} dimensions!")  # fmt: skip
        axis = 0 if input.ndim == 1 else dim
        where = next(w for w in (indices_or_sections, sections, indices) if w is not None)
        if isinstance(where, int) and (where < 1 or input.shape[axis] % where):
            raise RuntimeError(f"torch.{name} attempted to split along dimension {axis}, but the size of the dimension "
                               f"{input.shape[axis]} is not divisible by the split_size {where}!")  # fmt: skip
        return tensor_split(input, where, axis)

    along.__name__ = name
    along.__doc__ = f"`tensor_split` along dim {dim} into equal pieces" + (
        ", a vector along its only one." if dim == 1 else "."
    )
    return along


hsplit, vsplit, dsplit = _split_along("hsplit", 1, 1), _split_along("vsplit", 0, 2), _split_along("dsplit", 2, 3)


def split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> tuple[Any, ...]:
    """Pieces of the given sizes."""
    return split(input, list(split_sizes), dim)


def unsafe_chunk(input: Any, chunks: int, dim: int = 0) -> tuple[Any, ...]:
    """`chunk`."""
    return chunk(input, chunks, dim)


def unsafe_split(tensor: Any, split_size: Any, dim: int = 0) -> tuple[Any, ...]:
    """`split`."""
    return split(tensor, split_size, dim)


def unsafe_split_with_sizes(input: Any, split_sizes: Any, dim: int = 0) -> tuple[Any, ...]:
    """`split_with_sizes`."""
    return split(input, list(split_sizes), dim)


# -- broadcasting --


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that Tensors of these shapes broadcast to.

    Raises:
        RuntimeError: if they do not broadcast together.
    """
    out: list[int] = []
    given = [(s,) if isinstance(s, int) else tuple(s) for s in shapes]
    for axis in range(-max(map(len, given), default=0), 0):
        extents = {s[axis] for s in given if len(s) >= -axis} - {1}
        if len(extents) > 1:
            raise ArgumentError(
                f"Shape mismatch: objects cannot be broadcast to a single shape: {', '.join(map(str, given))}"
            )
        out.append(extents.pop() if extents else 1)
    return Size(out)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """Every Tensor expanded to the shape that all broadcast to."""
    given = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], Tensor) else tensors
    shape = broadcast_shapes(*(x.shape for x in given))
    return tuple(expand(x, shape) for x in given)


def sum_to_size(input: Any, *size: Any) -> Any:
    """Summed over the dims in which it was broadcast from `size`.

    Raises:
        RuntimeError: if a Tensor of that size does not broadcast to this shape.
    """
    wanted = shape_of(size)
    shape = tuple(input.shape)
    extra = len(shape) - len(wanted)
    if extra < 0 or any(w not in (1, n) for w, n in zip(wanted, shape[extra:], strict=True)):
        raise RuntimeError(f"size {{{list(wanted)}}} is not expandable to size {{{list(shape)}}}.")
    gone = tuple(i for i, n in enumerate(shape) if i < extra or wanted[i - extra] != n)
    return reshape(function("sum")(input, axis=gone), wanted) if gone else reshape(input, wanted)


def fill(input: Any, value: Any) -> Any:
    """A Tensor of the same shape and dtype, every element `value`; a 0-d Tensor gets the gradient, `input` zeros.

    Raises:
        RuntimeError: if `value` is a Tensor with dims.
    """
    value = number(value, input)
    if value.ndim:
        raise RuntimeError(f"fill only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions.")
    return apply(OPS["overwrite"], (input, value.to(input.dtype)))


def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """The index in each dim of `shape` of elements counted in row-major order."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape.tolist() if hasattr(shape, "tolist") else shape)
    return tuple(indices // math.prod(sizes[i + 1 :]) % n for i, n in enumerate(sizes))


METHODS = (
    ravel, reshape_as, swapaxes, swapdims, adjoint, moveaxis, fliplr, flipud, rot90, tensor_split, hsplit, vsplit,
    dsplit, split_with_sizes, unsafe_chunk, unsafe_split, unsafe_split_with_sizes, sum_to_size,
)  # fmt: skip
FUNCTIONS: tuple[Callable[..., Any], ...] = (
    atleast_1d, atleast_2d, atleast_3d, hstack, vstack, dstack, column_stack, block_diag, meshgrid, cartesian_prod,
    combinations, broadcast_shapes, broadcast_tensors, fill, unravel_index,
)  # fmt: skip
