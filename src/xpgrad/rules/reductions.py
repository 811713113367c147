"""Reductions, cumulations and sorting, with their gradients.

`_restored` puts back the axes that a reduction took away, so that the incoming gradient lines up with the argument.
Products are differentiated without a division, by the products of everything to the left and to the right, so zeros
among the factors are no special case at any order.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import conj, op


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    """The reduced axes, none of them negative."""
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in (axis if isinstance(axis, tuple | list) else (axis,)))


def _restored(xp: Any, g: Any, shape: Any, axis: Any, keepdims: bool) -> Any:
    """The reduced `g` with its reduced axes back, each of length one."""
    if keepdims:
        return g
    axes = _axes(axis, len(shape))
    return xp.reshape(g, tuple(1 if i in axes else n for i, n in enumerate(shape)))


def _count(shape: Any, axis: Any) -> int:
    """How many elements each result of the reduction is made of."""
    return math.prod(shape[a] for a in _axes(axis, len(shape)))


# -- sums and moments --


def _sum(xp: Any, g: Any, x_shape: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return xp.broadcast_to(_restored(xp, g, x_shape, axis, keepdims), x_shape)


def _mean(xp: Any, g: Any, x_shape: Any, axis: Any = None, keepdims: bool = False) -> Any:
    share = g / max(_count(x_shape, axis), 1)
    return xp.broadcast_to(_restored(xp, share, x_shape, axis, keepdims), x_shape)


def _var(xp: Any, g: Any, x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """2 (x - mean) / (n - correction); infinite where nothing is left to divide by, as in PyTorch."""
    freedom = _count(x.shape, axis) - correction
    scaled = g * (2 / freedom if freedom > 0 else math.inf)
    return _restored(xp, scaled, x.shape, axis, keepdims) * (x - xp.mean(x, axis=axis, keepdims=True))


def _std(xp: Any, g: Any, y: Any, x: Any, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The gradient of the variance over 2 std, and 0 where the deviation is 0."""
    still = y == 0
    half = xp.where(still, 0, g / xp.where(still, 1, 2 * y))
    return _var(xp, half, x, axis, correction, keepdims)


def _std_forward(xp: Any, x: Any, *, axis: Any = None, correction: float = 0.0, keepdims: bool = False) -> Any:
    """The library's own; by the variance where the correction is a fraction, which some know for `var` only."""
    if correction % 1:
        return xp.native.sqrt(xp.native.var(x, axis=axis, correction=correction, keepdims=keepdims))
    return xp.native.std(x, axis=axis, correction=correction, keepdims=keepdims)


op("sum", _sum)
op("mean", _mean, floats=True)
op("var", _var, floats=True)
op("std", _std, forward=_std_forward, floats=True)

# -- extrema --


def _extremum(xp: Any, g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """g in equal shares to all elements that attain the extremum."""
    ties = xp.astype(x == _restored(xp, y, x.shape, axis, keepdims), g.dtype)
    shares = ties / xp.sum(ties, axis=axis, keepdims=True)
    return _restored(xp, g, x.shape, axis, keepdims) * shares


op("max", _extremum, node="MaxBackward1")
op("min", _extremum, node="MinBackward1")

# -- products --


def _prod(xp: Any, g: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """For each factor, the product of those before it times the product of those after it."""
    shape, ndim = x.shape, len(x.shape)
    reduced = _axes(axis, ndim)
    order = tuple(a for a in range(ndim) if a not in reduced) + reduced
    ordered = tuple(shape[a] for a in order)
    rows = xp.reshape(xp.permute_dims(x, order), (*ordered[: ndim - len(reduced)], _count(shape, axis)))
    before = xp.cumulative_prod(rows, axis=-1, include_initial=True)[..., :-1]
    after = xp.flip(xp.cumulative_prod(xp.flip(rows, axis=-1), axis=-1, include_initial=True)[..., :-1], axis=-1)
    others = xp.permute_dims(xp.reshape(before * after, ordered), tuple(order.index(a) for a in range(ndim)))
    return _restored(xp, g, shape, axis, keepdims) * conj(xp, others)


def _part(axis: int, ndim: int, start: int | None, stop: int | None) -> tuple[slice, ...]:
    """The key of a slice along one axis."""
    return tuple(slice(start, stop) if i == axis else slice(None) for i in range(ndim))


def _shifted(xp: Any, x: Any, step: int, axis: int) -> Any:
    """x moved `step` to the front along an axis, zeros at the end."""
    ndim = len(x.shape)
    kept = x[_part(axis, ndim, step, None)]
    return xp.concat((kept, xp.zeros_like(x[_part(axis, ndim, 0, step)])), axis=axis)


def _cumulative_prod(xp: Any, g: Any, x: Any, axis: int | None = None, include_initial: bool = False) -> Any:
    """What precedes each factor, times r with r[k] = g[k] + x[k+1] r[k+1].

    The recurrence is solved by doubling: after each step, r[k] holds `reach` terms and `ahead` the product of the
    `reach` factors that follow k. There are log2 n steps, and no division.
    """
    ndim = len(x.shape)
    axis = 0 if axis is None else axis % ndim
    if include_initial:
        g = g[_part(axis, ndim, 1, None)]
    before = xp.cumulative_prod(x, axis=axis, include_initial=True)[_part(axis, ndim, 0, -1)]
    factors = conj(xp, x)
    length, reach = x.shape[axis], 1
    ahead = _shifted(xp, factors, 1, axis) if length else factors
    while reach < length:
        g = g + ahead * _shifted(xp, g, reach, axis)
        ahead = ahead * _shifted(xp, ahead, reach, axis)
        reach *= 2
    return conj(xp, before) * g


def _cumulative_sum(xp: Any, g: Any, axis: int | None = None, include_initial: bool = False) -> Any:
    """The sum of all that comes later, from the end."""
    axis = 0 if axis is None else axis
    if include_initial:
        g = g[_part(axis % len(g.shape), len(g.shape), 1, None)]
    return xp.flip(xp.cumulative_sum(xp.flip(g, axis=axis), axis=axis), axis=axis)


op("prod", _prod)
op("cumulative_prod", _cumulative_prod, node="CumprodBackward0")
op("cumulative_sum", _cumulative_sum, node="CumsumBackward0")

# -- sorting --


def _sort(xp: Any, g: Any, x: Any, axis: int = -1, descending: bool = False, stable: bool = True) -> Any:
    """g carried back by the inverse of the permutation that sorts."""
    order = xp.argsort(x, axis=axis, descending=descending, stable=stable)
    return xp.take_along_axis(g, xp.argsort(order, axis=axis), axis=axis)


def _searchsorted(xp: Any, x1: Any, x2: Any, sorter: Any = None, *, side: str = "left") -> Any:
    """The library's, as its default integers: JAX gives int32 where its indices are int64."""
    found = xp.native.searchsorted(x1, x2, side=side, sorter=sorter)
    return xp.native.astype(found, xp.native.arange(0).dtype, copy=False)


op("sort", _sort)
op("searchsorted", args="x1 x2 sorter", forward=_searchsorted)
op("isin", args="x1 x2")
for _name in ("all", "any", "argmax", "argmin", "argsort", "count_nonzero", "nonzero", "unique_values"):
    op(_name, args="x")
op("unique_all", args="x", outputs="values indices inverse_indices counts")
op("unique_counts", args="x", outputs="values counts")
op("unique_inverse", args="x", outputs="values inverse_indices")
