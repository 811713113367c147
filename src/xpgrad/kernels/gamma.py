"""The gamma function's logarithm and its derivatives, digamma and polygamma.

The argument is brought to at least 1/2 by reflection, and then up to where an asymptotic series holds; log Γ near its
zeros at 1 and 2 has a Taylor series, so that it is exact there too.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import op
from .special import horner

# the Bernoulli numbers B(2k), from which the coefficients of Stirling's series and its derivatives come
BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510)
_SHIFT = 10  # the series is used from here on: its last term is below 1e-17


def _zeta_less_one(k: int) -> float:
    """ζ(k) - 1, for a whole number k from 2 on: a sum, and Euler and Maclaurin's formula for its rest."""
    n = 50
    rest = n ** (1 - k) * (1 / (k - 1) + 1 / (2 * n) + k / (12 * n**2) - k * (k + 1) * (k + 2) / (720 * n**4)
                           + k * (k + 1) * (k + 2) * (k + 3) * (k + 4) / (30240 * n**6))  # fmt: skip
    return math.fsum([m**-k for m in range(2, n)] + [rest])


_EULER = 0.5772156649015328606
# log Γ(2 + w) = (1 - _EULER) w + Σ (ζ(k) - 1) (-w)ᵏ / k
_AROUND_TWO = (*((-1) ** k * _zeta_less_one(k) / k for k in range(28, 1, -1)), 1 - _EULER, 0.0)


def _reflected(xp: Any, x: Any) -> tuple[Any, Any]:
    """Whether x is below 1/2, and the argument of at least 1/2 that the reflection formula leads to."""
    below = x < 0.5
    return below, xp.where(below, 1 - x, x)


def lgamma(xp: Any, x: Any) -> Any:
    """log |Γ(x)|, infinite at 0, -1, -2, ..."""
    below, z = _reflected(xp, x)
    small = z < 1e3
    low = xp.where(small, z, 1.0)
    first, second = low, low + 5  # Γ(z + 10) / Γ(z), in two products, which overflow later than one
    for k in range(1, 5):
        first, second = first * (low + k), second * (low + (5 + k))
    base = xp.where(small, z + _SHIFT, z)
    inverse = 1 / base
    terms = [b / ((2 * k + 2) * (2 * k + 1)) for k, b in enumerate(BERNOULLI)]
    value = (base - 0.5) * xp.log(base) - base + 0.5 * math.log(2 * math.pi)
    value = value + inverse * horner(inverse * inverse, tuple(reversed(terms)))
    value = xp.where(small, value - xp.log(first) - xp.log(second), value)
    w = xp.where(z < 1.5, z - 1, xp.minimum(z, 2.5) - 2)
    taylor = horner(w, _AROUND_TWO) - xp.where(z < 1.5, xp.log1p(w), 0.0)
    value = xp.where(z < 2.5, taylor, value)
    fraction = x - xp.floor(x)
    sine = xp.where(below, xp.abs(xp.sin(math.pi * xp.minimum(fraction, 1 - fraction))), 1.0)
    value = xp.where(below, math.log(math.pi) - xp.log(sine) - value, value)
    return xp.where(xp.isinf(x), xp.abs(x), value)


def digamma(xp: Any, x: Any) -> Any:
    """ψ(x) = d log Γ(x) / dx; NaN at -1, -2, ..., and ∓∞ at ±0, as PyTorch has it."""
    below, z = _reflected(xp, x)
    shifted = z + _SHIFT
    total = 1 / z
    for k in range(1, _SHIFT):
        total = total + 1 / (z + k)
    inverse = 1 / (shifted * shifted)
    terms = [b / (2 * k + 2) for k, b in enumerate(BERNOULLI)]
    series = inverse * horner(inverse, tuple(reversed(terms)))
    value = xp.log(shifted) - 0.5 / shifted - series - total
    cycle = math.pi * (x - xp.round(x))
    pole = below & (x == xp.floor(x))
    value = value - xp.where(below, math.pi / xp.tan(xp.where(pole | ~below, 1.0, cycle)), 0.0)
    return xp.where(pole, xp.where(x == 0, xp.copysign(xp.full_like(x, math.inf), -x), math.nan), value)


def _cotangents_derivative(xp: Any, x: Any, n: int) -> Any:
    """The n-th derivative of cot(πx): πⁿ times a polynomial in the cotangent c, since c' = -π (1 + c²)."""
    powers = [0, 1]  # coefficients, of the lowest power first
    for _ in range(n):
        slope = [k * a for k, a in enumerate(powers)][1:]
        powers = [-a - b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    c = 1 / xp.tan(math.pi * (x - xp.round(x)))
    square = c * c
    odd = len(powers) % 2 == 0
    total = powers[-1] + xp.zeros_like(x)
    for a in powers[-3::-2]:
        total = total * square + a
    return math.pi**n * (total * c if odd else total)


def polygamma(xp: Any, x: Any, n: int = 1) -> Any:
    """The n-th derivative of digamma: (-1)ⁿ⁺¹ n! Σ 1/(x+k)ⁿ⁺¹, k = 0, 1, ..."""
    if n == 0:
        return digamma(xp, x)
    below = x < -_SHIFT  # ψₙ(x) = (-1)ⁿ ψₙ(1 - x) - π dⁿ/dxⁿ cot(πx)
    start = xp.where(below, 1 - x, x)
    s, shift = n + 1, _SHIFT + 20
    total = start ** (-s)
    for k in range(1, shift):
        total = total + (start + k) ** (-s)
    z = start + shift
    tail = z ** (1 - s) / (s - 1) + 0.5 * z ** (-s)  # Euler and Maclaurin's formula for the sum from z on
    rising = float(s)
    for k, b in enumerate(BERNOULLI[:6]):
        tail = tail + b / math.factorial(2 * k + 2) * rising * z ** (-s - 2 * k - 1)
        rising *= (s + 2 * k + 1) * (s + 2 * k + 2)
    value = (-1.0) ** (n + 1) * math.factorial(n) * (total + tail)
    reflected = (-1) ** n * value - math.pi * _cotangents_derivative(xp, xp.where(below, x, 0.5), n)
    return xp.where(below, reflected, value)


op("lgamma", lambda xp, g, x: g * xp.digamma(x), forward=lgamma, floats=True)
op("digamma", lambda xp, g, x: g * xp.polygamma(x, n=1), forward=digamma, floats=True)
op("polygamma", lambda xp, g, x, n=1: g * xp.polygamma(x, n=n + 1), forward=polygamma, floats=True)
