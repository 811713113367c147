"""Modified Bessel functions of the first kind, and sinc: functions whose derivatives form families of their own.

I_n is a power series with positive terms near 0 and an asymptotic one far away; both are exact to the precision of the
dtype. Derivatives are neighbours, I_n' = (I_(n-1) + I_(n+1)) / 2, so no formula divides by x, and every order of
gradient is right at 0 too. The derivatives of sinc are a series near 0 and a recurrence elsewhere.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import op

_FAR = 30.0


def scaled_bessel(xp: Any, x: Any, n: int = 0) -> Any:
    """exp(-|x|) I_n(x), for a whole number n from 0 on.

    DLMF 10.25.2 and 10.40.1: with m = 4n², I_n(x) ~ eˣ / √(2πx) (1 - (m-1)/(8x) + (m-1)(m-9)/(2! (8x)²) - ...).
    """
    n = abs(n)
    size = xp.abs(x)
    border = _FAR + n * n / 4.0
    near, far = xp.minimum(size, border), xp.maximum(size, border)
    half = xp.square(0.5 * near)
    series = xp.ones_like(x)
    for k in range(int(0.8 * border) + 30, 0, -1):
        series = 1 + series * half / (k * (k + n))
    # exp(-size) is put in by halves beside (size / 2)ⁿ / n!, so that float32 does not overflow between
    series = xp.exp(-0.5 * near) * series * (xp.exp(-0.5 * near) * (0.5 * near) ** n / math.factorial(n))
    tail = xp.ones_like(x)
    for k in range(25, 0, -1):
        tail = 1 - tail * (4 * n * n - (2 * k - 1) ** 2) / (8.0 * k * far)
    value = xp.where(size <= border, series, tail / xp.sqrt(2 * math.pi * far))
    value = xp.where(xp.isnan(x), x, value)
    return value * xp.sign(x) if n % 2 else value


def bessel(xp: Any, x: Any, n: int = 0) -> Any:
    """I_n(x), for a whole number n from 0 on."""
    size = xp.abs(x)
    grown = xp.exp(0.5 * size)  # twice, since exp(size) overflows earlier than I_n
    return xp.where(xp.isinf(x), x if n % 2 else size, grown * (grown * scaled_bessel(xp, x, n)))


def sinc_derivative(xp: Any, x: Any, n: int = 1) -> Any:
    """The n-th derivative of sin(πx) / (πx)."""
    z = math.pi * x
    border = 3.0 + n / 2
    close = xp.abs(z) <= border
    small = xp.where(close, z, 0.0)
    square = xp.square(small)
    first = (n + 1) // 2  # the series has terms (-1)ᵐ z^(2m-n) / ((2m+1) (2m-n)!), 2m >= n
    series = xp.zeros_like(z)
    for m in range(first + 22, first - 1, -1):
        series = (-1) ** m / ((2 * m + 1) * math.factorial(2 * m - n)) + square * series
    series = series * small if n % 2 else series
    large = xp.where(close, border, z)
    sine, cosine = xp.sin(large), xp.cos(large)
    value = sine / large
    for k in range(1, n + 1):  # z f⁽ᵏ⁾ + k f⁽ᵏ⁻¹⁾ = sin(z + kπ/2)
        value = ((sine, cosine, -sine, -cosine)[k % 4] - k * value) / large
    return math.pi**n * xp.where(close, series, value)


def sinc(xp: Any, x: Any) -> Any:
    """sin(πx) / (πx), and 1 at 0."""
    return sinc_derivative(xp, x, 0)


def i0(xp: Any, x: Any) -> Any:
    """The modified Bessel function I₀."""
    return bessel(xp, x, 0)


def i1(xp: Any, x: Any) -> Any:
    """The modified Bessel function I₁."""
    return bessel(xp, x, 1)


def i0e(xp: Any, x: Any) -> Any:
    """exp(-|x|) I₀(x)."""
    return scaled_bessel(xp, x, 0)


def i1e(xp: Any, x: Any) -> Any:
    """exp(-|x|) I₁(x)."""
    return scaled_bessel(xp, x, 1)


def _neighbours(xp: Any, g: Any, x: Any, n: int = 0) -> Any:
    return g * (0.5 * (xp.bessel(x, n=abs(n - 1)) + xp.bessel(x, n=n + 1)))


def _scaled_neighbours(xp: Any, g: Any, x: Any, y: Any, n: int = 0) -> Any:
    return g * (0.5 * (xp.scaled_bessel(x, n=abs(n - 1)) + xp.scaled_bessel(x, n=n + 1)) - xp.sign(x) * y)


op("bessel", _neighbours, forward=bessel, floats=True)
op("scaled_bessel", _scaled_neighbours, forward=scaled_bessel, floats=True)
op("i0", lambda xp, g, x: g * xp.i1(x), forward=i0, floats=True)
op("i1", lambda xp, g, x: g * (0.5 * (xp.i0(x) + xp.bessel(x, n=2))), forward=i1, floats=True)
op("i0e", lambda xp, g, x, y: g * (xp.i1e(x) - xp.sign(x) * y), forward=i0e, floats=True)
op(
    "i1e",
    lambda xp, g, x, y: g * (0.5 * (xp.i0e(x) + xp.scaled_bessel(x, n=2)) - xp.sign(x) * y),
    forward=i1e,
    floats=True,
)
op("sinc", lambda xp, g, x: g * xp.sinc_derivative(x, n=1), forward=sinc, floats=True)
op("sinc_derivative", lambda xp, g, x, n=1: g * xp.sinc_derivative(x, n=n + 1), forward=sinc_derivative, floats=True)
