"""The incomplete gamma functions and Hurwitz's zeta function.

Each takes as many terms as its worst argument needs, so there is no looking at the numbers. The incomplete gamma
functions are a power series, a continued fraction (DLMF 8.11.4 and 8.9.2) and for large a an integral by Gauss and
Legendre's rule.
"""

from __future__ import annotations

import functools
import math
from typing import Any

from ..op import op
from .gamma import BERNOULLI, lgamma

_LARGE = 100.0


@functools.cache
def _legendre(n: int) -> tuple[tuple[float, float], ...]:
    """Nodes in (0, 1) and weights of the rule with n points, by Newton's method on the polynomial."""
    out = []
    for i in range(n):
        z = math.cos(math.pi * (i + 0.75) / (n + 0.5))
        slope = 1.0
        for _ in range(20):
            p, q = 1.0, 0.0
            for k in range(n):
                p, q = ((2 * k + 1) * z * p - k * q) / (k + 1), p
            slope = n * (z * p - q) / (z * z - 1)
            z -= p / slope
        out.append(((1 + z) / 2, 1 / ((1 - z * z) * slope * slope)))
    return tuple(out)


def _density(xp: Any, a: Any, x: Any) -> Any:
    """xᵃ e⁻ˣ / Γ(a), by logarithms; a and x must be positive."""
    return xp.exp(a * xp.log(x) - x - lgamma(xp, a))


def _tails(xp: Any, a: Any, x: Any) -> tuple[Any, Any]:
    """P and Q for positive a and x, each exact to relative precision where it is the smaller one."""
    small = xp.minimum(a, _LARGE)
    low = xp.minimum(x, small + 1)
    term = series = 1 / small
    for k in range(1, 120):
        term = term * low / (small + k)
        series = series + term
    lower = series * _density(xp, small, low)
    high = xp.maximum(x, small + 1)
    fraction = xp.zeros_like(x)
    for k in range(120, 0, -1):
        fraction = k * (small - k) / (high + (2 * k + 1) - small + fraction)
    upper = _density(xp, small, high) / (high + 1 - small + fraction)
    below = x < small + 1
    p, q = xp.where(below, lower, 1 - upper), xp.where(below, 1 - lower, upper)
    big = a > _LARGE
    p_big, q_big = _by_integral(xp, xp.maximum(a, _LARGE), xp.where(big, x, _LARGE))
    return xp.where(big, p_big, p), xp.where(big, q_big, q)


def _by_integral(xp: Any, a: Any, x: Any) -> tuple[Any, Any]:
    """P and Q for a large a: the integral from x on, away from the maximum of the integrand at a - 1."""
    top, width = a - 1, xp.sqrt(a - 1)
    above = x > top
    end = xp.where(above, xp.maximum(top + 11.5 * width, x + 6 * width), xp.minimum(top - 7.5 * width, x - 5 * width))
    end = xp.maximum(end, 0.0)
    total = xp.zeros_like(x)
    for node, weight in _legendre(40):
        t = x + (end - x) * node
        ratio = (t - top) / top
        total = total + weight * xp.exp(top * (xp.log1p(ratio) - ratio))
    scale = xp.exp(top * (xp.log(top) - 1) - lgamma(xp, a))
    tail = xp.abs(end - x) * total * scale
    return xp.where(above, 1 - tail, tail), xp.where(above, tail, 1 - tail)


def _edges(xp: Any, a: Any, x: Any, inner: Any, at_zero: float) -> Any:
    """The value inside, and the limits at 0 and infinity; NaN for negative arguments."""
    out = xp.where((x == 0) | xp.isinf(a), at_zero, inner)
    out = xp.where((a == 0) | xp.isinf(x), 1 - at_zero, out)
    wrong = (a < 0) | (x < 0) | xp.isnan(a) | xp.isnan(x) | ((a == 0) & (x == 0)) | (xp.isinf(a) & xp.isinf(x))
    return xp.where(wrong, math.nan, out)


def _inside(xp: Any, a: Any, x: Any) -> tuple[Any, Any]:
    good = (a > 0) & (x > 0) & xp.isfinite(a) & xp.isfinite(x)
    return xp.where(good, a, 1.0), xp.where(good, x, 1.0)


def igamma(xp: Any, x1: Any, x2: Any) -> Any:
    """P(a, x) = 1/Γ(a) ∫₀ˣ tᵃ⁻¹ e⁻ᵗ dt."""
    return _edges(xp, x1, x2, _tails(xp, *_inside(xp, x1, x2))[0], 0.0)


def igammac(xp: Any, x1: Any, x2: Any) -> Any:
    """Q(a, x) = 1 - P(a, x)."""
    return _edges(xp, x1, x2, _tails(xp, *_inside(xp, x1, x2))[1], 1.0)


def zeta(xp: Any, x1: Any, x2: Any) -> Any:
    """Hurwitz's ζ(s, q) = Σ 1 / (q + k)ˢ, k = 0, 1, ...; NaN for s below 1, and for q below -20."""
    s, q = xp.where(x1 > 1, x1, 2.0), xp.where(x2 > -20, x2, 1.0)
    shift = 30
    whole = (q <= 0) & (q == xp.floor(q))
    q = xp.where(whole, 1.0, q)
    even = s == 2 * xp.floor(s / 2)
    total = xp.zeros_like(s * q)
    for k in range(shift):
        size = xp.abs(q + k) ** (-s)
        total = total + xp.where((q + k < 0) & ~even, -size, size)
    z = q + shift
    total = total + z ** (1 - s) / (s - 1) + 0.5 * z ** (-s)
    rising = s
    for k, b in enumerate(BERNOULLI[:6]):
        total = total + (b / math.factorial(2 * k + 2)) * rising * z ** (-s - (2 * k + 1))
        rising = rising * (s + (2 * k + 1)) * (s + (2 * k + 2))
    total = xp.where(whole, math.inf, total)
    total = xp.where((x2 < 0) & ~whole & (s != xp.floor(s)), math.nan, total)
    total = xp.where(x1 == 1, math.inf, total)
    return xp.where((x1 < 1) | (x2 <= -20) | xp.isnan(x1) | xp.isnan(x2), math.nan, total)


def _unknown(name: str, argument: str) -> Any:
    def rule(xp: Any, g: Any) -> Any:
        raise RuntimeError(f"the derivative for '{argument}' of {name} is not implemented; detach() it")

    return rule


def _slope(xp: Any, x1: Any, x2: Any) -> Any:
    """xᵃ⁻¹ e⁻ˣ / Γ(a)."""
    return xp.exp((x1 - 1) * xp.log(x2) - x2 - xp.lgamma(x1))


op("igamma", _unknown("igamma", "input"), lambda xp, g, x1, x2: g * _slope(xp, x1, x2),
   forward=igamma, floats=True, promotes=True)  # fmt: skip
op("igammac", _unknown("igammac", "input"), lambda xp, g, x1, x2: -g * _slope(xp, x1, x2),
   forward=igammac, floats=True, promotes=True)  # fmt: skip
op("zeta", _unknown("zeta", "self"), lambda xp, g, x1, x2: -g * x1 * xp.zeta(x1 + 1, x2),
   forward=zeta, floats=True, promotes=True)  # fmt: skip
