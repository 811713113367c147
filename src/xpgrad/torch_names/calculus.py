"""Differences, slopes and areas of sampled functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..namespace import function
from ..tensor import Tensor
from .common import part, wrap_dim


def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """The n-th differences of neighbours along `dim`, with more elements before and behind if given.

    Raises:
        RuntimeError: for a 0-d Tensor.
    """
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    axis = wrap_dim(dim, input.ndim)
    if n < 1:
        return function("clone")(input)
    x = function("concat")([p for p in (prepend, input, append) if p is not None], axis=axis)
    boolean = x.dtype is dtypes.bool_
    for _ in range(min(n, x.shape[axis])):
        a, b = x[part(axis, 1)], x[part(axis, None, -1)]
        x = a != b if boolean else a - b
    return x


def _gaps(points: Any, axis: int, ndim: int) -> Any:
    """The distances of neighbouring points along an axis; a vector of points lies along it."""
    if points.ndim == 1:
        points = points.reshape([-1 if i == axis else 1 for i in range(ndim)])
    at = axis - ndim + points.ndim
    return points[part(at, 1)] - points[part(at, None, -1)]


def trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """The area under the points (x, y) along `dim`, by the trapezoidal rule; `dx` apart where there is no x."""
    axis = wrap_dim(dim, y.ndim)
    areas = _areas(y, x, dx, axis)
    return function("sum")(areas, axis=axis)


def trapz(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """`trapezoid`."""
    return trapezoid(y, x, dx=dx, dim=dim)


def cumulative_trapezoid(y: Any, x: Any = None, *, dx: Any = None, dim: int = -1) -> Any:
    """Running areas along `dim`, by the trapezoidal rule; one fewer than there are points."""
    axis = wrap_dim(dim, y.ndim)
    return function("cumulative_sum")(_areas(y, x, dx, axis), axis=axis)


def _areas(y: Any, x: Any, dx: Any, axis: int) -> Any:
    if x is not None and x.ndim > y.ndim:
        axis += x.ndim - y.ndim
        y = y.reshape((1,) * (x.ndim - y.ndim) + tuple(y.shape))
    sums = y[part(axis, 1)] + y[part(axis, None, -1)]
    width = (1 if dx is None else dx) if x is None else _gaps(x, axis, y.ndim)
    return sums * width / 2


def gradient(input: Any, *, spacing: Any = None, dim: Any = None, edge_order: int = 1) -> tuple[Any, ...]:
    """The slope along each of `dim`, from the neighbours on both sides; second order inside.

    Args:
        spacing: the distance of neighbours, or one for each dim, or a list of vectors with the places of the samples.
        dim: one dim, several, or all.
        edge_order: 1 for the difference quotient at the ends, 2 for a parabola through three points.

    Raises:
        RuntimeError: if there are too few samples, or not one spacing for each dim.
    """
    if edge_order not in (1, 2):
        raise RuntimeError(f"torch.gradient only supports edge_order=1 and edge_order=2, got {edge_order}")
    dims = (
        range(input.ndim)
        if dim is None
        else [wrap_dim(d, input.ndim) for d in (dim if isinstance(dim, list | tuple) else [dim])]
    )
    gaps = list(spacing) if isinstance(spacing, list | tuple) else [1 if spacing is None else spacing] * len(dims)
    if len(gaps) != len(dims):
        raise RuntimeError("torch.gradient expected spacing to be unspecified, a scalar or a list of length "
                           f"{len(dims)}, got a list of length {len(gaps)}")  # fmt: skip
    for d in dims:
        if input.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1 = "
                               f"{edge_order + 1}, got {input.shape[d]} in dim {d}")  # fmt: skip
    return tuple(_slope(input, d, gap, edge_order) for d, gap in zip(dims, gaps, strict=True))


def _slope(f: Any, d: int, gap: Any, edge_order: int) -> Any:
    n = f.shape[d]
    uneven = isinstance(gap, Tensor) and gap.ndim == 1
    step = _gaps(gap, d, f.ndim) if uneven else gap

    def between(i: int) -> Any:  # the gap behind the point i
        return step[part(d, i, i + 1)] if uneven else step

    quotients = (f[part(d, 1)] - f[part(d, None, -1)]) / step
    left, right = (step[part(d, None, -1)], step[part(d, 1)]) if uneven else (step, step)
    inside = (right * quotients[part(d, None, -1)] + left * quotients[part(d, 1)]) / (left + right)
    first, last = quotients[part(d, 0, 1)], quotients[part(d, n - 2, n - 1)]
    if edge_order == 2:
        a, b = between(0), between(1)
        first = first + (first - quotients[part(d, 1, 2)]) * (a / (a + b))
        a, b = between(n - 3), between(n - 2)
        last = last + (last - quotients[part(d, n - 3, n - 2)]) * (b / (a + b))
    return function("concat")([first, inside, last], axis=d)


METHODS: tuple[Callable[..., Any], ...] = (diff,)
FUNCTIONS: tuple[Callable[..., Any], ...] = (trapezoid, trapz, cumulative_trapezoid, gradient)
