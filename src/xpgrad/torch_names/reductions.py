"""Reductions as PyTorch spells them: `dim` and `keepdim`, and the extremum over a dim together with its place."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..namespace import function
from ..tensor import Tensor
from .common import cast, floating, line, part, results, summable, wrap_dim, wrap_dims


def _axis(input: Any, dim: Any) -> tuple[int, ...] | None:
    """The standard's axis for PyTorch's dim: a 0-d Tensor is reduced whole whatever is said."""
    found = wrap_dims(dim, input.ndim)
    return found if input.ndim else None


def _reduction(name: str, prepare: Callable[[Any, Any], Any] = cast, spelling: str = "") -> Callable[..., Any]:
    standard = function(name)

    def reduce(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None, axis: Any = None,
               keepdims: bool = False) -> Any:  # fmt: skip
        dim = axis if dim is None else dim
        x = prepare(input, dtype)
        return standard(x, axis=None if dim is None else _axis(input, dim), keepdims=keepdim or keepdims)

    reduce.__name__ = spelling or name
    reduce.__doc__ = f"The standard's ``{name}`` over `dim` (all if None), kept with length 1 if `keepdim`."
    return reduce


sum, prod = _reduction("sum", summable), _reduction("prod", summable)
mean, count_nonzero = _reduction("mean"), _reduction("count_nonzero")
amax, amin = _reduction("max", spelling="amax"), _reduction("min", spelling="amin")


def _logical(name: str) -> Callable[..., Any]:
    truth = _reduction(name)

    def reduce(input: Any, dim: Any = None, keepdim: bool = False) -> Any:
        found = truth(input, dim, keepdim)
        return found.to(dtypes.uint8) if input.dtype is dtypes.uint8 else found

    reduce.__name__ = name
    reduce.__doc__ = f"Whether {name} of the elements over `dim` (all if None) are not 0: bools, uint8 of uint8."
    return reduce


all, any = _logical("all"), _logical("any")


def _spread(name: str) -> Callable[..., Any]:
    def spread(input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
               correction: float | None = None) -> Any:  # fmt: skip
        if isinstance(dim, bool):
            dim, unbiased = None, dim
        if correction is None:
            correction = 1 if unbiased is None else int(unbiased)
        return function(name)(input, axis=_axis(input, dim), correction=correction, keepdims=keepdim)

    spread.__name__ = name
    spread.__doc__ = (
        f"The {name} over `dim`, dividing by n - correction (1 if none is given; `unbiased=False` means 0)."
    )
    return spread


var, std = _spread("var"), _spread("std")


def var_mean(input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Any, Any]:  # fmt: skip
    """The variance and the mean over `dim`; see `var`."""
    over = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), mean(input, over, keepdim)


def std_mean(input: Any, dim: Any = None, unbiased: bool | None = None, keepdim: bool = False, *,
             correction: float | None = None) -> tuple[Any, Any]:  # fmt: skip
    """The standard deviation and the mean over `dim`; see `std`."""
    over = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), mean(input, over, keepdim)


# -- without nan --


def _numbers(input: Any) -> Any:
    xp = input.__array_namespace__()
    return xp.where(xp.isnan(input), 0, input)


def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The sum of what is not nan."""
    x = summable(input, dtype)
    return sum(_numbers(x) if dtypes.rank(x.dtype) > 1 else x, dim, keepdim)


def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The mean of what is not nan; nan where nothing is left."""
    x = floating(cast(input, dtype))
    count = sum(~x.__array_namespace__().isnan(x), dim, keepdim)
    return sum(_numbers(x), dim, keepdim) / count


# -- extrema --


def _extremum(name: str) -> Callable[..., Any]:
    pairwise = {"max": "maximum", "min": "minimum"}[name]

    @line
    def over(input: Any, dim: int, keepdim: bool) -> Any:
        axis = wrap_dim(dim, input.ndim)
        if not input.shape[axis]:
            raise IndexError(f"{name}(): Expected reduction dim {axis} to have non-zero size.")
        indices = function(f"arg{name}")(input, axis=axis, keepdims=True)
        values = function("take_along_axis")(input, indices, axis=axis)
        if not keepdim:
            values, indices = (function("squeeze")(t, axis=axis) for t in (values, indices))
        return results(name)(values, indices)

    def extremum(input: Any, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        if isinstance(dim, Tensor) or other is not None:
            return function(pairwise)(input, dim if other is None else other)
        return function(name)(input) if dim is None else over(input, dim, keepdim)

    extremum.__name__ = name
    extremum.__doc__ = (f"The {name} of all elements; over `dim`, values and indices; of two Tensors, elementwise. "
                        "Over a `dim`, the first of several equal ones gets the whole gradient.")  # fmt: skip
    return extremum


max, min = _extremum("max"), _extremum("min")


def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """The smallest and the largest element, of all or over `dim`."""
    return results("aminmax", "min max")(amin(input, dim, keepdim), amax(input, dim, keepdim))


def _arg(name: str) -> Callable[..., Any]:
    def arg(input: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        axis = None if dim is None else wrap_dim(dim, input.ndim)
        return function(name)(input, axis=axis if input.ndim else None, keepdims=keepdim)

    arg.__name__ = name
    arg.__doc__ = f"The standard's ``{name}`` over `dim`, or in the flattened Tensor."
    return arg


argmax, argmin = _arg("argmax"), _arg("argmin")


# -- running --


@line
def cumsum(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running sums along `dim`."""
    return function("cumulative_sum")(summable(input, dtype), axis=wrap_dim(dim, input.ndim))


@line
def cumprod(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """Running products along `dim`."""
    return function("cumulative_prod")(summable(input, dtype), axis=wrap_dim(dim, input.ndim))


def scan(xp: Any, parts: tuple[Any, ...], dim: int, combine: Callable[..., tuple[Any, ...]]) -> tuple[Any, ...]:
    """Every running result of an associative `combine(earlier, later)` along `dim`, in log2 n steps by doubling."""
    reach, length = 1, parts[0].shape[dim]
    while reach < length:
        later = combine(tuple(p[part(dim, None, -reach)] for p in parts), tuple(p[part(dim, reach)] for p in parts))
        parts = tuple(xp.concat([p[part(dim, None, reach)], q], axis=dim) for p, q in zip(parts, later, strict=True))
        reach *= 2
    return parts


@line
def logcumsumexp(input: Any, dim: int) -> Any:
    """Running log(sum(exp(x))) along `dim`, without overflow."""
    xp = input.__array_namespace__()
    return scan(xp, (input,), wrap_dim(dim, input.ndim), lambda a, b: (xp.logaddexp(a[0], b[0]),))[0]


def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """log(sum(exp(x))) over `dim`, without overflow."""
    xp = input.__array_namespace__()
    x, axis = floating(input), _axis(input, dim)
    if not math.prod(x.shape):
        return xp.log(xp.sum(xp.exp(x), axis=axis, keepdims=keepdim))
    real = xp.real(x) if x.dtype.is_complex else x
    top = xp.max(real.detach(), axis=axis, keepdims=True)
    top = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    total = xp.log(xp.sum(xp.exp(x - top), axis=axis, keepdims=True)) + top
    return total if keepdim else xp.squeeze(total, axis=axis if axis is not None else tuple(range(x.ndim)))


# -- norms --


def norm(input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The p-norm of all elements or over `dim`, taken as a vector; ``"nuc"`` is the sum of singular values.

    Raises:
        RuntimeError: if `p` is ``"nuc"`` and there are not two dims.
    """
    x = cast(input, dtype)
    axis = _axis(x, dim)
    if p != "nuc":
        return function("linalg.vector_norm")(x, axis=axis, keepdims=keepdim, ord=2 if p in ("fro", None) else p)
    axis = tuple(range(x.ndim)) if axis is None else axis
    if len(axis) != 2:
        raise RuntimeError(f"norm: the nuclear norm is of matrices; give 2 dims, not {len(axis)}")
    total = function("sum")(function("linalg.svdvals")(function("moveaxis")(x, axis, (-2, -1))), axis=-1)
    if not keepdim:
        return total
    return function("reshape")(total, tuple(1 if i in axis else n for i, n in enumerate(x.shape)))


def renorm(input: Any, p: float, dim: int, maxnorm: float) -> Any:
    """Each slice along `dim` whose p-norm exceeds `maxnorm` scaled down to it."""
    axis = wrap_dim(dim, input.ndim)
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    xp = input.__array_namespace__()
    size = norm(input, p, tuple(i for i in range(input.ndim) if i != axis), True)
    long = size > maxnorm
    return input * xp.where(long, maxnorm / xp.where(long, size + 1e-7, 1), 1)


# -- comparisons of whole Tensors --


def allclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether ``|input - other| <= atol + rtol |other|`` everywhere."""
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def isclose(input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Where ``|input - other| <= atol + rtol |other|``."""
    if input.dtype is not other.dtype:
        raise RuntimeError(f"isclose: {input.dtype} did not match {other.dtype}")
    xp = input.__array_namespace__()
    a, b = input.detach(), other.detach()
    if not (a.dtype.is_floating_point or a.dtype.is_complex):
        a, b = a.to(dtypes.float64), b.to(dtypes.float64)
    near = (a == b) | ((xp.abs(a - b) <= atol + rtol * xp.abs(b)) & xp.isfinite(b))
    return near | (xp.isnan(a) & xp.isnan(b)) if equal_nan else near


def equal(input: Any, other: Any) -> bool:
    """Whether both have the same shape and elements."""
    return tuple(input.shape) == tuple(other.shape) and builtins.bool((input == other).all())


METHODS = (
    sum, mean, all, any, amax, amin, count_nonzero, prod, var, std, nansum, nanmean, max, min, aminmax, argmax,
    argmin, cumsum, cumprod, logcumsumexp, logsumexp, norm, renorm, allclose, isclose, equal,
)  # fmt: skip
FUNCTIONS: tuple[Callable[..., Any], ...] = (var_mean, std_mean)
