"""``xpgrad.special``: special functions as PyTorch spells them; also the orthogonal polynomials, by their recurrences.

The functions are ops of the kernels, each with its derivative. A polynomial is made of steps that are recorded, so its
gradient is that of the steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .namespace import function
from .tensor import Tensor
from .torch_names import arithmetic, elementwise, reductions
from .torch_names.common import floating, number, pair

# PyTorch's name -> the op's
_ONE = {
    "bessel_j0": "bessel_j0", "bessel_j1": "bessel_j1", "bessel_y0": "bessel_y0", "bessel_y1": "bessel_y1",
    "modified_bessel_k0": "modified_bessel_k0", "modified_bessel_k1": "modified_bessel_k1", "airy_ai": "airy_ai",
    "scaled_modified_bessel_k0": "scaled_modified_bessel_k0", "scaled_modified_bessel_k1": "scaled_modified_bessel_k1",
    "modified_bessel_i0": "i0", "modified_bessel_i1": "i1", "i0": "i0", "i0e": "i0e", "i1": "i1", "i1e": "i1e",
    "entr": "entr", "erf": "erf", "erfc": "erfc", "erfcx": "erfcx", "erfinv": "erfinv", "ndtr": "ndtr",
    "ndtri": "ndtri", "log_ndtr": "log_ndtr", "gammaln": "lgamma", "digamma": "digamma", "psi": "digamma",
    "expit": "sigmoid", "expm1": "expm1", "log1p": "log1p", "sinc": "sinc",
}  # fmt: skip
_TWO = {"xlogy": "xlogy", "xlog1py": "xlog1py", "zeta": "zeta", "gammainc": "igamma", "gammaincc": "igammac"}


def _one(name: str, op: str) -> Callable[..., Any]:
    def f(input: Any) -> Any:
        return function(op)(floating(input))

    return _named(f, name, function(op).__doc__)


def _two(name: str, op: str) -> Callable[..., Any]:
    def f(input: Any, other: Any) -> Any:
        return function(op)(*pair(input, other, floats=True))

    return _named(f, name, function(op).__doc__)


def _named(f: Callable[..., Any], name: str, doc: str | None) -> Callable[..., Any]:
    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return f


globals().update({name: _one(name, op) for name, op in _ONE.items()})
globals().update({name: _two(name, op) for name, op in _TWO.items()})
exp2 = next(f for f in elementwise.METHODS if f.__name__ == "exp2")
round, logsumexp = elementwise.round, reductions.logsumexp
softmax, log_softmax = arithmetic.softmax, arithmetic.log_softmax


def logit(input: Any, eps: float | None = None) -> Any:
    """log(x / (1 - x)), with x brought into [eps, 1 - eps] first if `eps` is given."""
    x = floating(input)
    return function("logit")(x if eps is None else function("clip")(x, eps, 1 - eps))


def polygamma(n: int, input: Any) -> Any:
    """The n-th derivative of digamma."""
    if n < 0:
        raise RuntimeError("polygamma(n, x) does not support negative n.")
    return function("polygamma")(floating(input), n=n)


def multigammaln(a: Any, p: int) -> Any:
    """The logarithm of the multivariate gamma function of dimension p: p (p - 1) / 4 log π + Σ lgamma(a - j / 2), j
    < p.
    """
    a = floating(a)
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    total = p * (p - 1) / 4 * math.log(math.pi) + function("lgamma")(a)
    for j in range(1, p):
        total = total + function("lgamma")(a - j / 2)
    return total


def spherical_bessel_j0(x: Any) -> Any:
    """sin(x) / x, and 1 at 0."""
    x = floating(x)
    xp = x.__array_namespace__()
    infinite = xp.isinf(x)
    return xp.where(infinite, xp.zeros_like(x), function("sinc")(xp.where(infinite, xp.zeros_like(x), x) / math.pi))


# -- orthogonal polynomials --

_First = Callable[[Any], Any]
_Step = Callable[[int, Any, Any, Any], Any]


def _polynomial(name: str, first: _First, step: _Step, shifted: bool = False) -> Callable[..., Any]:
    """The family with P₀ = 1, P₁ = first(x) and Pₖ₊₁ = step(k, x, Pₖ, Pₖ₋₁)."""

    def f(input: Any, n: Any) -> Any:
        x = floating(input if isinstance(input, Tensor) else number(input, n))
        x = 2 * x - 1 if shifted else x
        xp = x.__array_namespace__()
        degree = n if isinstance(n, Tensor) else None
        highest = int(n) if degree is None else int(degree.max()) if degree.size else 0
        before, value = xp.ones_like(x), first(x)
        if degree is None:
            if highest < 1:
                return before if highest == 0 else xp.zeros_like(x)
            for k in range(1, highest):
                before, value = value, step(k, x, value, before)
            return value
        degree = xp.trunc(degree) if degree.dtype.is_floating_point else degree
        out = xp.where(degree == 0, before, xp.zeros_like(x))
        for k in range(1, highest + 1):
            out = xp.where(degree == k, value, out)
            before, value = value, step(k, x, value, before)
        return out

    return _named(
        f, name, f"The {name.replace('_', ' ').capitalize()} of degree n (a number or a Tensor) at x; 0 for n < 0."
    )


def _chebyshev(k: int, x: Any, p: Any, q: Any) -> Any:
    return 2 * x * p - q


_FIRST = {"t": lambda x: x, "u": lambda x: 2 * x, "v": lambda x: 2 * x - 1, "w": lambda x: 2 * x + 1}
for _kind, _start in _FIRST.items():
    for _prefix in ("", "shifted_"):
        _name = f"{_prefix}chebyshev_polynomial_{_kind}"
        globals()[_name] = _polynomial(_name, _start, _chebyshev, bool(_prefix))
hermite_polynomial_h = _polynomial("hermite_polynomial_h", lambda x: 2 * x, lambda k, x, p, q: 2 * x * p - 2 * k * q)
hermite_polynomial_he = _polynomial("hermite_polynomial_he", lambda x: x, lambda k, x, p, q: x * p - k * q)
laguerre_polynomial_l = _polynomial("laguerre_polynomial_l", lambda x: 1 - x,
                                    lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1))  # fmt: skip
legendre_polynomial_p = _polynomial("legendre_polynomial_p", lambda x: x,
                                    lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1))  # fmt: skip
