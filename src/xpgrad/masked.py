"""``xpgrad.masked``: reductions and normalizations of the elements where a mask is true, the others left out.

What is left out is replaced by the value that does not count: 0 in a sum, 1 in a product, infinity in a minimum. `dim`
None means all. Where nothing is left in, the result is that value, and nan for means.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .namespace import function
from .torch_names import arithmetic, order, reductions
from .torch_names.common import cast, floating, isnan, summable, wrap_dim


def _filled(input: Any, mask: Any, value: Any) -> Any:
    """`input`, or the smallest, the largest or another `value` of its dtype where the mask is false."""
    if mask is None:
        return input
    if value in (math.inf, -math.inf) and not input.dtype.is_floating_point:
        limits = input.__array_namespace__().iinfo(input.dtype)
        value = limits.max if value > 0 else limits.min
    return function("where")(mask, input, value)


def _over(dim: Any) -> Any:
    return None if dim is None or dim == () else dim


def _reduction(name: str, value: Any, reduce: Callable[..., Any], prepare: Callable[[Any, Any], Any] = cast) -> Any:
    def masked(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
        return reduce(_filled(prepare(input, dtype), mask, value), _over(dim), keepdim)

    masked.__name__ = name
    masked.__doc__ = f"`{name}` over `dim` of what the mask leaves in."
    return masked


sum, prod = _reduction("sum", 0, reductions.sum, summable), _reduction("prod", 1, reductions.prod, summable)
amax, amin = _reduction("amax", -math.inf, reductions.amax), _reduction("amin", math.inf, reductions.amin)


def _arg(name: str, value: float, find: Callable[..., Any]) -> Any:
    def masked(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
        x = cast(input, dtype)
        return find(_filled(x, mask, value), dim, keepdim).to(x.dtype)

    masked.__name__ = name
    masked.__doc__ = f"`{name}` over `dim` of what the mask leaves in; a number of the input's dtype, like PyTorch's."
    return masked


argmax, argmin = _arg("argmax", -math.inf, reductions.argmax), _arg("argmin", math.inf, reductions.argmin)


def logsumexp(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """`logsumexp` over `dim` of what the mask leaves in."""
    every = tuple(range(input.ndim)) if dim is None else dim
    return reductions.logsumexp(_filled(floating(cast(input, dtype)), mask, -math.inf), every, keepdim)


def norm(input: Any, ord: float | None = 2.0, dim: Any = None, *, keepdim: bool = False, dtype: Any = None,
         mask: Any = None) -> Any:  # fmt: skip
    """The vector norm over `dim` of what the mask leaves in."""
    p = 2.0 if ord is None else ord
    return reductions.norm(_filled(cast(input, dtype), mask, math.inf if p < 0 else 0), p, _over(dim), keepdim)


# -- moments --


def _count(input: Any, dim: Any, keepdim: bool, mask: Any) -> Any:
    """How many elements are left in, in the dtype of `input`."""
    ones = input.__array_namespace__().ones_like(input.detach())
    return reductions.sum(_filled(ones, mask, 0), _over(dim), keepdim)


def mean(input: Any, dim: Any = None, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The mean over `dim` of what the mask leaves in."""
    x = floating(cast(input, dtype))
    return sum(x, dim, keepdim=keepdim, mask=mask) / _count(x, dim, keepdim, mask)


def var(input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None,
        keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:  # fmt: skip
    """The variance over `dim` of what the mask leaves in, dividing by n - correction (1 if none is given)."""
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    x = floating(cast(input, dtype))
    away = x - mean(x, dim, keepdim=True, mask=mask)
    square = away * away.conj() if x.dtype.is_complex else away * away
    freedom = function("clip")(_count(x, dim, keepdim, mask) - correction, 0, None)
    return sum(square, dim, keepdim=keepdim, mask=mask) / freedom


def std(input: Any, dim: Any = None, unbiased: bool | None = None, *, correction: float | None = None,
        keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:  # fmt: skip
    """The standard deviation over `dim` of what the mask leaves in; see `var`."""
    spread = var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask)
    return function("sqrt")(spread)


def median(input: Any, dim: int = -1, *, keepdim: bool = False, dtype: Any = None, mask: Any = None) -> Any:
    """The median over `dim` of what the mask leaves in, nan where nothing is.

    Raises:
        ValueError: if the input itself has a nan, which could not be told apart.
    """
    x = cast(input, dtype)
    if bool(isnan(x).any()):
        raise ValueError("masked median expects no NaNs in the input")
    if not x.ndim:
        return _filled(x, mask, math.nan)
    return order.nanmedian(_filled(x, mask, math.nan), dim, keepdim).values


# -- along one dim --


def cumsum(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Running sums along `dim` of what the mask leaves in."""
    return reductions.cumsum(_filled(summable(input, dtype), mask, 0), dim)


def cumprod(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """Running products along `dim` of what the mask leaves in."""
    return reductions.cumprod(_filled(summable(input, dtype), mask, 1), dim)


def softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """`softmax` along `dim` of what the mask leaves in; 0 for the others."""
    return arithmetic.softmax(_filled(cast(input, dtype), mask, -math.inf), dim)


def log_softmax(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """`log_softmax` along `dim` of what the mask leaves in; -infinity for the others."""
    return arithmetic.log_softmax(_filled(cast(input, dtype), mask, -math.inf), dim)


def softmin(input: Any, dim: int, *, dtype: Any = None, mask: Any = None) -> Any:
    """`softmax` of the negative along `dim` of what the mask leaves in; 0 for the others."""
    return arithmetic.softmax(-_filled(cast(input, dtype), mask, math.inf), dim)


def normalize(input: Any, ord: float, dim: int, *, eps: float = 1e-12, dtype: Any = None, mask: Any = None) -> Any:
    """Divided along `dim` by the norm of what the mask leaves in, or by `eps` if that is larger."""
    x = cast(input, dtype)
    size = norm(x, ord, wrap_dim(dim, x.ndim), keepdim=True, mask=mask)
    return _filled(x, mask, 0) / function("maximum")(size, eps + 0 * size.detach())


def logaddexp(input: Any, other: Any, *, dtype: Any = None, input_mask: Any = None, other_mask: Any = None) -> Any:
    """log(exp(input) + exp(other)), what a mask leaves out counting as exp(-infinity)."""
    a = _filled(cast(input, dtype), input_mask, -math.inf)
    return function("logaddexp")(a, _filled(cast(other, dtype), other_mask, -math.inf))


__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp", "logsumexp", "mean", "median",
    "norm", "normalize", "prod", "softmax", "softmin", "std", "sum", "var",
]  # fmt: skip
