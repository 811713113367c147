"""Finding, counting and sorting into bins, as PyTorch spells it; what has a shape that depends on the numbers is
here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..namespace import function
from ..op import OPS
from ..tensor import Tensor, apply, current
from .common import positions, results, wrap_dim
from .scattering import gather

# -- what is true --


def nonzero(input: Any, *, as_tuple: bool = False) -> Any:
    """The indices of what is not 0: a matrix with a row for each, or with `as_tuple` a vector for each dim."""
    xp = input.__array_namespace__()
    found = xp.nonzero(input.reshape(-1) if input.ndim == 0 else input)
    if as_tuple:
        return tuple(found)
    return xp.stack(found, axis=1)[:, : input.ndim]


def argwhere(input: Any) -> Any:
    """The indices of what is not 0, one row for each."""
    return nonzero(input)


def nonzero_static(input: Any, *, size: int, fill_value: int = -1) -> Any:
    """The first `size` rows of `nonzero`, filled up with rows of `fill_value`."""
    found = nonzero(input)[:size]
    xp = input.__array_namespace__()
    rest = xp.full((size - found.shape[0], input.ndim), fill_value, dtype=found.dtype, device=found.device)
    return xp.concat([found, rest], axis=0)


def where(condition: Any, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition holds, else `other`; with the condition alone, the indices of what is true."""
    if input is None:
        return nonzero(condition, as_tuple=True)
    if not isinstance(input, Tensor) and not isinstance(other, Tensor):
        dtype = dtypes.common([dtypes.bool_], [input, other], floats=False)
        input = condition.__array_namespace__().asarray(input, dtype=dtype, device=condition.device)
    return function("where")(condition, input, other)


# -- windows --


def unfold(input: Any, dimension: int, size: int, step: int) -> Any:
    """All slices of length `size` along a dim, `step` apart, in a new last dim."""
    dim = wrap_dim(dimension, input.ndim)
    if input.ndim == 0:
        return unfold(input.reshape(-1), 0, size, step)[0]
    n = input.shape[dim]
    if size > n:
        raise RuntimeError(f"maximum size for tensor at dimension {dim} is {n} but size is {size}")
    xp = input.__array_namespace__()
    index = positions(input, (n - size) // step + 1, 0, 2) * step + positions(input, size, 1, 2)
    windows = apply(OPS["getitem"], (input,), {"key": (*[slice(None)] * dim, current(index))})
    return xp.moveaxis(windows, dim + 1, -1)


# -- sorted sequences --


def searchsorted(sorted_sequence: Any, input: Any, *, out_int32: bool = False, right: bool = False,
                 side: str | None = None, sorter: Any = None) -> Any:  # fmt: skip
    """Where each number of `input` belongs in an ascending sequence: before its equals, or after them if `right`.

    The last dim of `sorted_sequence` is searched; the others are those of `input`, unless the sequence is a vector.

    Raises:
        RuntimeError: if the dims before the last differ, or `side` contradicts `right`.
    """
    if side is not None and right and side == "left":
        raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left while "
                           "right was "
                           "True")  # fmt: skip
    right = right or side == "right"
    xp = sorted_sequence.__array_namespace__()
    values = (
        input
        if isinstance(input, Tensor)
        else xp.asarray(input, dtype=sorted_sequence.dtype, device=sorted_sequence.device)
    )
    sequence = sorted_sequence if sorter is None else gather(sorted_sequence, -1, sorter)
    if sequence.ndim != 1 and sequence.shape[:-1] != values.shape[:-1]:
        raise RuntimeError("torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 "
                           "dimensions of "
                           f"boundaries tensor and input value tensor must match, but we got boundaries tensor "
                           f"{list(sequence.shape)} and input value tensor {list(values.shape)}")  # fmt: skip
    n, kept = sequence.shape[-1], values.shape
    if sequence.ndim == 1:
        values = values.reshape(-1)
    low = xp.zeros_like(values, dtype=dtypes.int64)
    high = low + n
    for _ in range(n.bit_length()):  # halving: all numbers at once
        middle = (low + high) // 2
        met = gather(sequence, -1, xp.clip(middle, 0, n - 1))
        beyond = ~(met > values if right else met >= values) & (low < high)
        low, high = xp.where(beyond, middle + 1, low), xp.where(beyond, high, middle)
    return low.reshape(kept).to(dtypes.int32 if out_int32 else dtypes.int64)


def bucketize(input: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> Any:
    """The number of the bin of each element, between ascending `boundaries`; a boundary belongs to the bin below it,
    or above if `right`."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize(): boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    values = input if isinstance(input, Tensor) else boundaries.__array_namespace__().asarray(input)
    return searchsorted(boundaries, values, out_int32=out_int32, right=right)


# -- counts --


def _summed(values: Any, index: Any, size: int) -> Any:
    """`values` added at `index` into `size` zeros."""
    return apply(OPS["getitem_adjoint"], (values,), {"key": (current(index),), "shape": (size,)})


def bincount(input: Any, weights: Any = None, minlength: int = 0) -> Any:
    """How often each integer from 0 on occurs, or the sum of its weights."""
    if input.ndim != 1 or dtypes.rank(input.dtype) > 1:
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    xp = input.__array_namespace__()
    if input.size == 0:
        return xp.zeros((minlength,), dtype=dtypes.int64, device=input.device)
    if bool((input < 0).any()):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is None:
        weights = xp.ones_like(input, dtype=dtypes.int64)
    elif weights.dtype is not dtypes.float32:
        weights = weights.to(dtypes.float64)
    return _summed(weights, input, max(int(input.max()) + 1, minlength))


def _range(x: Any, low: float, high: float, around: float) -> tuple[float, float]:
    """The bounds of the bins: as given, those of the numbers if equal, `around` on either side if those are equal
    too.
    """
    if low > high:
        raise RuntimeError("torch.histc: max must be larger than min")
    if low == high and x.size:
        low, high = float(x.min()), float(x.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"torch.histogram: range of [{low}, {high}] is not finite")
    return (low - around, high + around) if low == high else (low, high)


def histc(input: Any, bins: int = 100, min: float = 0, max: float = 0) -> Any:
    """How many elements lie in each of `bins` equal bins from `min` to `max`; those of the elements if both are
    equal.
    """
    x = input.detach().reshape(-1)
    low, high = _range(x, min, max, 1)
    xp = x.__array_namespace__()
    inside = (x >= low) & (x <= high)
    bin_ = xp.astype(xp.floor((xp.where(inside, x, low) - low) * (bins / (high - low))), dtypes.int64)
    return _summed(xp.astype(inside, x.dtype), xp.clip(bin_, 0, bins - 1), bins)


def histogram(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """The sum of weights (1 each) in each bin, and the edges: `bins` of equal width over `range`, or between given
    edges.
    """
    hist, edges = histogramdd(input.reshape(-1, 1), [bins] if isinstance(bins, int) else (bins,), range=range,
                              weight=None if weight is None else weight.reshape(-1), density=density)  # fmt: skip
    return results("histogram", "hist bin_edges")(hist, edges[0])


def histogramdd(input: Any, bins: Any, *, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """The sum of weights in each cell of a grid, points lying along the last dim of `input`; and the edges in each
    dim.
    """
    dims = input.shape[-1]
    points = input.detach().reshape(-1, dims)
    xp = points.__array_namespace__()
    bins = [bins] * dims if isinstance(bins, int) else list(bins)
    edges, cell, inside = [], None, None
    for d, count in enumerate(bins):
        x = points[:, d]
        if isinstance(count, Tensor):
            edge = count
        else:
            low, high = range[2 * d : 2 * d + 2] if range is not None else (0, 0) if x.size else (0, 1)
            low, high = _range(x, low, high, 0.5)
            edge = xp.linspace(low, high, count + 1, dtype=x.dtype, device=x.device)
        edges.append(edge)
        n = edge.shape[0] - 1
        place = searchsorted(edge, x, right=True) - 1
        place = xp.where(x == edge[-1], n - 1, place)
        within = (place >= 0) & (place < n)
        cell = xp.clip(place, 0, n - 1) if cell is None else cell * n + xp.clip(place, 0, n - 1)
        inside = within if inside is None else inside & within
    shape = tuple(e.shape[0] - 1 for e in edges)
    weight = xp.ones_like(points[:, 0]) if weight is None else weight.reshape(-1)
    hist = _summed(xp.where(inside, weight, xp.zeros_like(weight)), cell, math.prod(shape)).reshape(shape)
    if density:
        hist = hist / hist.sum()
        for d, edge in enumerate(edges):
            hist = hist / (edge[1:] - edge[:-1]).reshape(tuple(-1 if i == d else 1 for i, _ in enumerate(shape)))
    return results("histogramdd", "hist bin_edges")(hist, tuple(edges))


# -- groups of equals --


def _groups(input: Any, dim: int | None, ordered: bool, inverse: bool, counts: bool) -> Any:
    """One of each group of equal slices; with it, on request, the group of each slice and the size of each group.

    Equal ones are neighbours in the input, or are brought together: sorted by the last element, then by the one
    before it and so on, each time keeping the order of equals.
    """
    xp = input.__array_namespace__()
    x = input.detach().reshape(-1) if dim is None else xp.moveaxis(input.detach(), wrap_dim(dim, input.ndim), 0)
    n = x.shape[0]
    rows = x.reshape(n, math.prod(x.shape[1:]))
    order = positions(x, n)
    for column in range(rows.shape[1] - 1, -1, -1) if ordered else ():
        order = xp.take(order, xp.argsort(xp.take(rows[:, column], order, axis=0), stable=True), axis=0)
    rows = xp.take(rows, order, axis=0)
    changes = xp.concat([xp.ones((min(n, 1),), dtype=dtypes.bool_, device=x.device), (rows[1:] != rows[:-1]).any(1)])
    (starts,) = xp.nonzero(changes)
    found = xp.take(xp.take(x, order, axis=0), starts, axis=0)
    out = [found if dim is None else xp.moveaxis(found, 0, dim)]
    if inverse:
        group = xp.take(xp.cumulative_sum(xp.astype(changes, dtypes.int64)) - 1, xp.argsort(order), axis=0)
        out.append(group.reshape(input.shape) if dim is None else group)
    if counts:
        ends = xp.concat([starts, xp.full((1,), n, dtype=starts.dtype, device=x.device)])
        out.append((ends[1:] - ends[:-1]).to(dtypes.int64) if n else starts)
    return tuple(out) if len(out) > 1 else out[0]


def unique(input: Any, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False,
           dim: int | None = None) -> Any:  # fmt: skip
    """The distinct elements in ascending order, or the distinct slices along `dim`; with the index of each element
    among them, and how often each occurs, if asked for."""
    return _groups(input, dim, True, return_inverse, return_counts)


def unique_consecutive(
    input: Any, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements, or slices along `dim`, that differ from the one before."""
    return _groups(input, dim, False, return_inverse, return_counts)


METHODS = (nonzero, argwhere, nonzero_static, unfold, bincount, histc, histogram, unique, unique_consecutive, where)
FUNCTIONS: tuple[Callable[..., Any], ...] = (searchsorted, bucketize, histogramdd)
