"""Reading and writing at indices, as PyTorch spells it: gather, scatter, index_add, masked_fill and their kin.

All of it is one of three calls with a key that says which elements are meant: ``x[key]``, its adjoint, which adds into
zeros, and `setitem`, which writes into a copy. Each is an op whose gradient is one of the others. The remaining
reductions bring equal places together by sorting and combine them by doubling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..namespace import function
from ..op import OPS
from ..tensor import Tensor, apply, current
from .common import line, part, positions, wrap_dim

_REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")


def _beside(value: Any, like: Any) -> Any:
    """A number as a 0-d Tensor of the dtype of `like`; a Tensor in that dtype."""
    if isinstance(value, Tensor):
        return value.to(like.dtype)
    return like.__array_namespace__().asarray(value, dtype=like.dtype, device=like.device)


def _read(x: Any, key: Any) -> Any:
    return apply(OPS["getitem"], (x,), {"key": key})


def _put(x: Any, key: Any, value: Any) -> Any:
    return apply(OPS["setitem"], (x, _beside(value, x)), {"key": key})


def _added(value: Any, key: Any, shape: Any) -> Any:
    """Zeros of `shape` with `value` added at the key, as often as a place occurs."""
    return apply(OPS["getitem_adjoint"], (value,), {"key": key, "shape": tuple(shape)})


def _each(index: Any, dim: int) -> tuple[Any, ...]:
    """The key that puts `index` along `dim` and keeps every other coordinate of its element."""
    ndim = index.ndim
    return tuple(current(index if d == dim else positions(index, n, d, ndim)) for d, n in enumerate(index.shape))


def _along(index: Any, dim: int) -> tuple[Any, ...]:
    """The key of whole slices at `index` along `dim`."""
    return (*[slice(None)] * dim, current(index.reshape(-1)))


def _lined(f: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of (input, dim, index, source) take 0-d Tensors as lines of one element."""

    def along(input: Any, dim: int, index: Any, *args: Any, **params: Any) -> Any:
        if index.dtype not in (dtypes.int64, dtypes.int32):
            raise RuntimeError(f"{f.__name__}(): Expected dtype int32 or int64 for index, got {index.dtype}")
        dim = wrap_dim(dim, input.ndim)
        if input.ndim and index.ndim:
            return f(input, dim, index, *args, **params)
        whole = input.reshape(-1) if input.ndim == 0 else input
        args = tuple(
            a.reshape(-1) if isinstance(a, Tensor) and a.ndim == 0 and f is not index_fill else a for a in args
        )
        return f(whole, dim, index.reshape(-1), *args, **params).reshape(input.shape)

    along.__name__ = along.__qualname__ = f.__name__
    along.__doc__ = f.__doc__
    return along


def _like_index(input: Any, index: Any, dim: int, name: str) -> None:
    if index.ndim != input.ndim and index.size:
        raise RuntimeError(f"Index tensor must have the same number of dimensions as {name} tensor")
    for d in range(input.ndim):
        if d != dim and index.size and index.shape[d] > input.shape[d]:
            raise RuntimeError(f"Size does not match at dimension {d} expected index {list(index.shape)} to be no "
                               f"larger than "
                               f"self {list(input.shape)} apart from dimension {dim}")  # fmt: skip


# -- reading --


def gather(input: Any, dim: int, index: Any, *, sparse_grad: bool = False) -> Any:
    """The elements of `input` at `index` along `dim`: ``out[i][j] = input[index[i][j]][j]`` for dim 0; index's shape.

    Raises:
        RuntimeError: if `index` is larger than `input` in another dim, or has another number of dims.
    """
    dim = wrap_dim(dim, input.ndim)
    if input.ndim == 0 or index.ndim == 0:
        return gather(input.reshape(-1), 0, index.reshape(-1)).reshape(index.shape)
    if index.size == 0:
        return _read(input.reshape(-1), (current(index),))
    _like_index(input, index, dim, "input")
    kept = tuple(slice(0, n) if d != dim else slice(None) for d, n in enumerate(index.shape))
    whole = all(d == dim or n == input.shape[d] for d, n in enumerate(index.shape))
    return function("take_along_axis")(input if whole else input[kept], index, axis=dim)


@line
def index_select(input: Any, dim: int, index: Any) -> Any:
    """The slices of `input` at `index` along `dim`.

    Raises:
        IndexError: if `index` has more than one dim.
    """
    if index.ndim > 1:
        raise IndexError("index_select(): Index is supposed to be a vector")
    return function("take")(input, index.reshape(-1), axis=wrap_dim(dim, input.ndim))


def take(input: Any, index: Any) -> Any:
    """The elements of the flattened `input` at `index`, in index's shape."""
    return _read(input.reshape(-1), (current(index),))


def take_along_dim(input: Any, indices: Any, dim: int | None = None) -> Any:
    """The elements at `indices` along `dim`, other dims broadcast; of the flattened input if there is no dim."""
    if dim is None:
        return gather(input.reshape(-1), 0, indices.reshape(-1))
    dim = wrap_dim(dim, input.ndim)
    if input.ndim != indices.ndim:
        raise RuntimeError(f"torch.take_along_dim(): input and indices should have the same number of dimensions, "
                           f"but got "
                           f"{input.ndim} dimensions for input, and {indices.ndim} dimensions for indices")  # fmt: skip
    xp = input.__array_namespace__()
    ones = [1 if d == dim else n for d, n in enumerate(input.shape)]
    common = xp.broadcast_shapes(tuple(ones), tuple(1 if d == dim else n for d, n in enumerate(indices.shape)))
    rows = tuple(input.shape[dim] if d == dim else n for d, n in enumerate(common))
    at = tuple(indices.shape[dim] if d == dim else n for d, n in enumerate(common))
    return gather(xp.broadcast_to(input, rows), dim, xp.broadcast_to(indices, at))


# -- writing --


@_lined
def scatter(input: Any, dim: int, index: Any, src: Any = None, *, value: Any = None, reduce: str | None = None) -> Any:
    """`input` with ``out[index[i][j]][j] = src[i][j]`` (for dim 0); `src` a Tensor or a number.

    With `reduce` "add" or "multiply", combined with what is there instead.
    Where an index occurs twice, the last one wins.
    """
    src = value if src is None else src
    _like_index(input, index, dim, "self")
    if index.size == 0:
        return input.clone()
    if isinstance(src, Tensor) and src.ndim:
        src = src[tuple(slice(0, n) for n in index.shape)]
    if reduce is None:
        return _put(input, _each(index, dim), src)
    if reduce not in ("add", "multiply"):
        raise RuntimeError("reduce argument must be either add or multiply.")
    spread = function("broadcast_to")(_beside(src, input), tuple(index.shape))
    return scatter_reduce(input, dim, index, spread, "sum" if reduce == "add" else "prod")


@_lined
def scatter_add(input: Any, dim: int, index: Any, src: Any) -> Any:
    """`input` with ``out[index[i][j]][j] += src[i][j]`` (for dim 0)."""
    _like_index(input, index, dim, "self")
    if index.size == 0:
        return input.clone()
    return input + _added(src[tuple(slice(0, n) for n in index.shape)], _each(index, dim), input.shape)


@_lined
def scatter_reduce(input: Any, dim: int, index: Any, src: Any, reduce: str, *, include_self: bool = True) -> Any:
    """`src` combined at `index` along `dim`: by "sum", "prod", "mean", "amax" or "amin".

    What is in `input` is included, or not.

    Where no index leads, `input` stays. Equal extrema share the gradient evenly.
    """
    _like_index(input, index, dim, "self")
    if index.size == 0:
        return input.clone()
    return _combined(input, _each(index, dim), src[tuple(slice(0, n) for n in index.shape)], reduce, include_self)


@_lined
def index_add(input: Any, dim: int, index: Any, source: Any, *, alpha: float = 1) -> Any:
    """`input` with `alpha` times the slices of `source` added at `index` along `dim`."""
    return input + _added(source if alpha == 1 else alpha * source, _along(index, dim), input.shape)


@_lined
def index_copy(input: Any, dim: int, index: Any, source: Any) -> Any:
    """`input` with the slices of `source` written at `index` along `dim`."""
    return _put(input, _along(index, dim), source)


@_lined
def index_fill(input: Any, dim: int, index: Any, value: Any) -> Any:
    """`input` with `value` written into the slices at `index` along `dim`."""
    return _put(input, _along(index, dim), value)


@_lined
def index_reduce(input: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True) -> Any:
    """The slices of `source` combined at `index` along `dim`, as `scatter_reduce` does."""
    return _combined(input, _along(index, dim), source, reduce, include_self)


def index_put(input: Any, indices: Any, values: Any, accumulate: bool = False) -> Any:
    """`input` with `values` written, or added, at ``input[indices]``."""
    key = tuple(slice(None) if i is None else current(i) for i in indices)
    if not accumulate:
        return _put(input, key, values)
    shape = _read(input.detach(), key).shape
    return input + _added(function("broadcast_to")(_beside(values, input), tuple(shape)), key, input.shape)


def put(input: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    """`input` with `source` written, or added, at `index` into its elements in row-major order."""
    return index_put(input.reshape(-1), (index.reshape(-1),), source.reshape(-1), accumulate).reshape(input.shape)


def _combined(input: Any, key: tuple[Any, ...], src: Any, reduce: str, include_self: bool) -> Any:
    """`input` with `src` combined into what the key names."""
    if reduce not in _REDUCTIONS:
        raise RuntimeError(
            f"reduce argument must be either {', '.join(_REDUCTIONS[:-1])} or {_REDUCTIONS[-1]}, got {reduce}."
        )
    xp, shape = input.__array_namespace__(), tuple(input.shape)
    counts = _added(xp.ones_like(src, dtype=dtypes.int64), key, shape)
    untouched = counts == 0
    if reduce in ("sum", "mean"):
        total = _added(src, key, shape) + (input if include_self else xp.where(untouched, input, xp.zeros_like(input)))
        if reduce == "sum":
            return total
        counts = xp.where(untouched, 1, counts + int(include_self))
        return total // counts if dtypes.rank(input.dtype) < 2 else total / xp.astype(counts, input.dtype)
    size = math.prod(shape)
    places = _read(positions(input, size).reshape(shape), key).reshape(-1)
    values = src.reshape(-1)
    if include_self:
        values, places = xp.concat([input.reshape(-1), values]), xp.concat([positions(input, size), places])
    if reduce == "prod":
        combined = _doubled(values, places, size, lambda a, b: a * b)
    else:
        combined = _extremum(values, places, size, reduce)
    return xp.where(untouched.reshape(-1), input.reshape(-1), combined).reshape(shape)


def _extremum(values: Any, places: Any, size: int, reduce: str) -> Any:
    """The extremum at each place; its gradient in equal shares to all that attain it."""
    xp = values.__array_namespace__()
    fixed = values.detach()
    found = _doubled(fixed, places, size, xp.maximum if reduce == "amax" else xp.minimum)
    if not values.requires_grad:
        return found
    ties = (fixed == xp.take(found, places, axis=0)) & xp.isfinite(fixed)
    shares = _added(xp.astype(ties, values.dtype), (current(places),), (size,))
    change = xp.where(ties, values - xp.where(xp.isfinite(fixed), fixed, xp.zeros_like(fixed)), xp.zeros_like(values))
    return found + _added(change, (current(places),), (size,)) / xp.where(shares == 0, xp.ones_like(shares), shares)


def _doubled(values: Any, places: Any, size: int, combine: Callable[[Any, Any], Any]) -> Any:
    """The values of each place, in a line of `size`, combined in log2 n steps; anything where there are none."""
    xp, count = values.__array_namespace__(), places.shape[0]
    order = xp.argsort(places, stable=True)
    places, values = xp.take(places, order, axis=0), xp.take(values, order, axis=0)
    reach = 1
    while reach < count:
        alike = places[reach:] == places[:-reach]
        joined = xp.where(alike, combine(values[reach:], values[:-reach]), values[reach:])
        values = xp.concat([values[:reach], joined])
        reach *= 2
    last = xp.searchsorted(places, positions(places, size), side="right") - 1
    return xp.take(values, xp.where(last < 0, xp.zeros_like(last), last), axis=0)


# -- masks --


def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    """`value` where the mask is true, else `input`.

    Raises:
        RuntimeError: if the mask is not boolean, or the value a Tensor with dims.
    """
    if mask.dtype is not dtypes.bool_:
        raise RuntimeError(f"masked_fill_ only supports boolean masks, but got mask with dtype {mask.dtype}")
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with {value.ndim} "
                           "dimension(s).")  # fmt: skip
    return function("where")(mask, _beside(value, input), input)


def masked_select(input: Any, mask: Any) -> Any:
    """The elements where the mask is true, in a vector."""
    xp = input.__array_namespace__()
    shape = xp.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    return xp.broadcast_to(input, shape).reshape(-1)[xp.broadcast_to(mask, shape).reshape(-1)]


def masked_scatter(input: Any, mask: Any, source: Any) -> Any:
    """Where the mask is true, the elements of `source` in order."""
    xp = input.__array_namespace__()
    shape = xp.broadcast_shapes(tuple(input.shape), tuple(mask.shape))
    chosen = xp.broadcast_to(mask, shape).reshape(-1)
    if input.ndim == 0 or source.size == 0:
        source = xp.concat([source.reshape(-1), xp.zeros((1,), dtype=source.dtype, device=source.device)])
    which = xp.cumulative_sum(xp.astype(chosen, dtypes.int64)) - 1
    which = xp.clip(which, 0, max(source.size - 1, 0))
    return xp.where(chosen.reshape(shape), xp.take(source.reshape(-1), which, axis=0).reshape(shape), input)


# -- writing into a slice --


def select_scatter(input: Any, src: Any, dim: int, index: int) -> Any:
    """`input` with `src` in place of one slice along `dim`."""
    return _put(input, (*[slice(None)] * wrap_dim(dim, input.ndim), index), src)


def slice_scatter(
    input: Any, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    """`input` with `src` in place of a slice along `dim`."""
    return _put(input, (*part(wrap_dim(dim, input.ndim), None)[:-1], slice(start, end, step)), src)


METHODS = (
    gather, index_select, take, take_along_dim, scatter, scatter_add, scatter_reduce, index_add, index_copy, index_fill,
    index_reduce, index_put, put, masked_fill, masked_select, masked_scatter, select_scatter, slice_scatter,
)  # fmt: skip
FUNCTIONS: tuple[Callable[..., Any], ...] = ()
