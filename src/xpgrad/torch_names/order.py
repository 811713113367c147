"""Sorting and what follows from it: the k-th value, medians, quantiles, the mode, running extrema.

Values are taken out of the input at the indices found, so the gradient goes back there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..namespace import function
from ..tensor import Tensor
from .common import isnan, line, part, positions, results, wrap_dim
from .reductions import scan


def _order(input: Any, axis: int, descending: bool = False) -> Any:
    x = input.to(dtypes.uint8) if input.dtype is dtypes.bool_ else input.detach()
    return function("argsort")(x, axis=axis, descending=descending, stable=True)


def _taken(name: str, input: Any, indices: Any, axis: int, keepdim: bool = True) -> Any:
    """Values at `indices` along an axis, and the indices; without that axis unless `keepdim`."""
    values = function("take_along_axis")(input, indices, axis=axis)
    if not keepdim:
        values, indices = (function("squeeze")(t, axis=axis) for t in (values, indices))
    return results(name)(values, indices)


@line
def sort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """Sorted values along `dim`, and the indices that sort; equal ones stay in order."""
    axis = wrap_dim(dim, input.ndim)
    return _taken("sort", input, _order(input, axis, descending), axis)


@line
def argsort(input: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The indices that sort along `dim`."""
    return _order(input, wrap_dim(dim, input.ndim), descending)


def msort(input: Any) -> Any:
    """Sorted along the first dim."""
    return sort(input, 0).values


@line
def topk(input: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The `k` largest (or smallest) values along `dim`, in order, and their indices.

    Raises:
        RuntimeError: if there are fewer than `k`.
    """
    axis = wrap_dim(dim, input.ndim)
    if not 0 <= k <= input.shape[axis]:
        raise RuntimeError(f"selected index k out of range: k={k} along dim {dim} of length {input.shape[axis]}")
    return _taken("topk", input, _order(input, axis, largest)[part(axis, 0, k)], axis)


@line
def kthvalue(input: Any, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest value along `dim`, counted from 1, and its index.

    Raises:
        RuntimeError: if there is no k-th.
    """
    axis = wrap_dim(dim, input.ndim)
    if not 1 <= k <= input.shape[axis]:
        raise RuntimeError(f"kthvalue(): selected number k out of range for dimension {axis}: k={k}, "
                           f"length {input.shape[axis]}")  # fmt: skip
    return _taken("kthvalue", input, _order(input, axis)[part(axis, k - 1, k)], axis, keepdim)


# -- medians and quantiles --


def _count(input: Any, axis: int) -> Any:
    """How many numbers along an axis are not nan."""
    xp = input.__array_namespace__()
    return xp.sum(xp.astype(~isnan(input), dtypes.int64), axis=axis, keepdims=True)


def _middle(name: str, ignore_nan: bool, doc: str) -> Callable[..., Any]:
    @line
    def over(input: Any, dim: int, keepdim: bool) -> Any:
        axis = wrap_dim(dim, input.ndim)
        n = input.shape[axis]
        if not n:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
        xp = input.__array_namespace__()
        count = _count(input, axis)
        place = xp.clip(count - 1, min=0) // 2
        if not ignore_nan:  # nan is sorted to the end: the first of them where there is one
            place = xp.where(count < n, count, place)
        return _taken(name, input, xp.take_along_axis(_order(input, axis), place, axis=axis), axis, keepdim)

    def middle(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        if dim is not None:
            return over(input, dim, keepdim)
        flat = input.reshape(-1)
        if not flat.shape[0]:
            return input.sum() * math.nan
        value = over(flat.detach(), 0, False).values
        if not flat.requires_grad:
            return value
        xp = input.__array_namespace__()  # equal ones share the gradient, as those of `max` do
        return xp.max(xp.where((flat == value) | (xp.isnan(flat) & xp.isnan(value)), flat, -math.inf))

    middle.__name__ = name
    middle.__doc__ = doc
    return middle


median = _middle(
    "median", False, "The middle value, the lower of two; nan if there is one. Over `dim`, values and indices."
)
nanmedian = _middle(
    "nanmedian", True, "The middle of what is not nan, the lower of two. Over `dim`, values and indices."
)


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(name: str, ignore_nan: bool, doc: str) -> Callable[..., Any]:
    def quantile(
        input: Any, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
    ) -> Any:
        if not input.dtype.is_floating_point:
            raise RuntimeError(f"{name}() input tensor must be either float or double dtype, got {input.dtype}")
        if interpolation not in _INTERPOLATIONS:
            raise RuntimeError(
                f"{name}() interpolation must be one of {', '.join(_INTERPOLATIONS)}, but got {interpolation}"
            )
        xp = input.__array_namespace__()
        if not isinstance(q, Tensor):
            if not 0 <= q <= 1:
                raise RuntimeError(f"{name}() q must be in the range [0, 1] but got {q}")
            q = xp.asarray(q, dtype=input.dtype, device=input.device)
        if q.ndim > 1 or q.dtype is not input.dtype:
            raise RuntimeError(
                f"{name}() q must be a number or a vector of {input.dtype}, got {q.dtype} of shape {list(q.shape)}"
            )
        axis = None if dim is None else wrap_dim(dim, input.ndim)
        lines = input.reshape(-1) if axis is None or not input.ndim else xp.moveaxis(input, axis, -1)
        n = lines.shape[-1]
        if not n:
            raise RuntimeError(f"{name}() input tensor must be non-empty")
        values = xp.take_along_axis(lines, _order(lines, -1), axis=-1)
        count = _count(lines.detach(), -1)
        rank = q.reshape(-1) * xp.clip(xp.astype(count, input.dtype) - 1, min=0)
        if not ignore_nan:
            rank = xp.where(count < n, n - 1, rank)
        found = _between(xp, values, rank, interpolation)
        shape = [*lines.shape[:-1]]
        if keepdim:
            shape = [1] * input.ndim if axis is None else [*shape[:axis], 1, *shape[axis:]] if input.ndim else []
        return xp.moveaxis(found, -1, 0).reshape((*q.shape, *shape))

    quantile.__name__ = name
    quantile.__doc__ = doc
    return quantile


def _between(xp: Any, values: Any, rank: Any, interpolation: str) -> Any:
    """The sorted values at fractional ranks along the last axis."""

    def at(place: Any) -> Any:
        return xp.take_along_axis(values, xp.astype(place, dtypes.int64), axis=-1)

    if interpolation == "lower":
        return at(xp.floor(rank))
    if interpolation == "higher":
        return at(xp.ceil(rank))
    if interpolation == "nearest":
        return at(xp.round(rank))
    low = xp.floor(rank)
    weight = 0.5 if interpolation == "midpoint" else rank - low
    below, above = at(low), at(xp.ceil(rank))
    return below + weight * xp.where(above == below, 0, above - below)


quantile = _quantile(
    "quantile", False, "The q-quantiles over `dim`, or of all; those of a vector of q's along a new first dim."
)
nanquantile = _quantile("nanquantile", True, "`quantile` of what is not nan.")


# -- running extrema and the mode --


def _running(name: str, wins: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def cumulative(input: Any, dim: int) -> Any:
        axis = wrap_dim(dim, input.ndim)
        xp = input.__array_namespace__()

        def later(a: tuple[Any, ...], b: tuple[Any, ...]) -> tuple[Any, ...]:
            new = (wins(b[0], a[0]) & ~isnan(a[0])) | isnan(b[0])
            return tuple(xp.where(new, y, x) for x, y in zip(a, b, strict=True))

        place = xp.broadcast_to(positions(input, input.shape[axis], axis, input.ndim), tuple(input.shape))
        return _taken(name, input, scan(xp, (input.detach(), place), axis, later)[1], axis)

    cumulative.__name__ = name
    cumulative.__doc__ = (
        f"The {name[3:]}imum up to each element along `dim`, and the index of the last that attains it."
    )
    return line(cumulative)


cummax, cummin = _running("cummax", lambda b, a: b >= a), _running("cummin", lambda b, a: b <= a)


@line
def mode(input: Any, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent value along `dim`, the smallest of several, and the index of its last appearance."""
    axis = wrap_dim(dim, input.ndim)
    n = input.shape[axis]
    if not n:
        raise IndexError(f"mode(): Expected reduction dim {axis} to have non-zero size.")
    xp = input.__array_namespace__()
    order = _order(input, axis)
    values = xp.take_along_axis(input.detach(), order, axis=axis)
    place = xp.broadcast_to(positions(input, n, axis, input.ndim), tuple(input.shape))
    same = values[part(axis, 1)] == values[part(axis, None, -1)]
    start = xp.where(same, 0, place[part(axis, 1)])
    start = scan(
        xp, (xp.concat([place[part(axis, 0, 1)], start], axis=axis),), axis, lambda a, b: (xp.maximum(a[0], b[0]),)
    )[0]
    last = xp.argmax(place - start, axis=axis, keepdims=True)  # the first of the longest runs, at its end
    return _taken("mode", input, xp.take_along_axis(order, last, axis=axis), axis, keepdim)


METHODS = (sort, argsort, msort, topk, kthvalue, median, nanmedian, quantile, nanquantile, cummax, cummin, mode)
FUNCTIONS: tuple[Callable[..., Any], ...] = ()
