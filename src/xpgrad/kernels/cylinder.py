"""Bessel functions J, Y and K of the orders 0 and 1, and Airy's Ai, by their integrals.

The trapezoidal rule is exact to rounding for a periodic analytic function, and for one that dies out fast on a line,
with a few dozen points; where the integrand has a logarithm, that is put into the weights (R. Kress, "Linear Integral
Equations", 12.3). Far away the asymptotic series take over. The formulas are those of the DLMF, chapters 9 and 10.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import op

_EULER = 0.5772156649015328606
_FAR = 25.0  # from here on the asymptotic series of J and Y are exact
_POINTS = 40  # of half the circle; enough up to _FAR


def _circle() -> list[tuple[float, float, float]]:
    """cos(t/2), weight and logarithmic weight of the points t of the circle, mirror images and opposites put
    together.
    """
    n = _POINTS
    out = []
    for k in range(n + 1):
        t = math.pi * k / n
        log = -(math.fsum(math.cos(m * t) / m for m in range(1, n)) + math.cos(n * t) / (2 * n)) / n
        twice = 1 if k in (0, n) else 2
        out.append((math.cos(t / 2), twice / (2 * n), twice * log))
    return out


_CIRCLE = _circle()


def _means(x: Any, wave: Any, odd: bool) -> tuple[Any, Any]:
    """The means of wave(x c), times c if `odd`, over the circle: plain, and with the weight log(4 sin²(t/2))."""
    plain, logarithmic = 0.0, 0.0
    for c, weight, log in _CIRCLE:
        value = wave(x * c) * (c if odd else 1.0)
        plain, logarithmic = plain + weight * value, logarithmic + log * value
    return plain, logarithmic


def _hankel(xp: Any, x: Any, order: int) -> tuple[Any, Any]:
    """The two series of 10.17.1 for J and Y far away: P and Q."""
    mu, term, p, q = 4.0 * order * order, 1.0, 1.0, 0.0
    for k in range(1, 24):
        term = term * ((mu - (2 * k - 1) ** 2) / (8.0 * k)) / x
        sign = -1 if k % 4 in (2, 3) else 1
        p, q = (p, q + sign * term) if k % 2 else (p + sign * term, q)
    return p, q


def _waves(xp: Any, x: Any, order: int, second: bool) -> Any:
    """J or Y of order 0 or 1, for x from 0 on."""
    near, far = xp.clip(x, 0.0, _FAR), xp.maximum(x, _FAR)
    plain, logarithmic = _means(near, xp.sin if order else xp.cos, bool(order))
    if second:
        safe = xp.where(near == 0, 1.0, near)
        log = _EULER + xp.log(safe / 2)
        value = log * plain + logarithmic
        value = (2 / math.pi) * (value - (_means(near, xp.cos, False)[0] / safe if order else 0.0))
        value = xp.where(near == 0, -math.inf, value)
    else:
        value = plain
    p, q = _hankel(xp, far, order)
    s, c = xp.sin(far), xp.cos(far)
    # sine and cosine of x - (order / 2 + 1 / 4) pi, without the rounding of that difference
    sine, cosine = (-s - c, s - c) if order else (s - c, s + c)
    series = sine * p + cosine * q if second else cosine * p - sine * q
    series = xp.where(xp.isinf(far), 0.0, series / xp.sqrt(math.pi * far))
    return xp.where(xp.isnan(x), x, xp.where(x <= _FAR, value, series))


def bessel_j0(xp: Any, x: Any) -> Any:
    """The Bessel function J₀."""
    return _waves(xp, xp.abs(x), 0, False)


def bessel_j1(xp: Any, x: Any) -> Any:
    """The Bessel function J₁."""
    return xp.sign(x) * _waves(xp, xp.abs(x), 1, False)


def bessel_y0(xp: Any, x: Any) -> Any:
    """The Bessel function Y₀; -inf at 0 and NaN below."""
    return xp.where(x < 0, math.nan, _waves(xp, xp.abs(x), 0, True))


def bessel_y1(xp: Any, x: Any) -> Any:
    """The Bessel function Y₁; -inf at 0 and NaN below."""
    return xp.where(x < 0, math.nan, _waves(xp, xp.abs(x), 1, True))


def _decaying(xp: Any, x: Any, factor: Any) -> Any:
    """∫₀^∞ exp(-x (cosh t - 1)) factor(t) dt for x from 1 on, with t = s / √x."""
    root, step = 1 / xp.sqrt(x), 0.25
    total = 0.5 * xp.ones_like(x)
    for k in range(1, 38):
        half = xp.sinh(0.5 * (k * step) * root)
        total = total + xp.exp(-2 * x * half * half) * factor(k * step * root)
    return step * root * total


def _scaled_k(xp: Any, x: Any, order: int) -> Any:
    """exp(x) times K of order 0 or 1."""
    near, far = xp.clip(x, 0.0, 2.0), xp.clip(x, 2.0, 1e30)
    safe = xp.where(near == 0, 1.0, near)
    plain, logarithmic = _means(near, xp.sinh if order else xp.cosh, bool(order))
    value = (_EULER + xp.log(safe / 2)) * plain + logarithmic
    value = _means(near, xp.cosh, False)[0] / safe + value if order else -value
    value = xp.where(near == 0, math.inf, value * xp.exp(near))
    large = _decaying(xp, far, xp.cosh if order else xp.ones_like)
    out = xp.where(x <= 2, value, xp.where(xp.isinf(x), 0.0, large))
    return xp.where((x < 0) | xp.isnan(x), math.nan, out)


def scaled_modified_bessel_k0(xp: Any, x: Any) -> Any:
    """exp(x) K₀(x); inf at 0 and NaN below."""
    return _scaled_k(xp, x, 0)


def scaled_modified_bessel_k1(xp: Any, x: Any) -> Any:
    """exp(x) K₁(x); inf at 0 and NaN below."""
    return _scaled_k(xp, x, 1)


def modified_bessel_k0(xp: Any, x: Any) -> Any:
    """The modified Bessel function K₀; inf at 0 and NaN below."""
    return xp.exp(-x) * _scaled_k(xp, x, 0)


def modified_bessel_k1(xp: Any, x: Any) -> Any:
    """The modified Bessel function K₁; inf at 0 and NaN below."""
    return xp.exp(-x) * _scaled_k(xp, x, 1)


def airy_ai(xp: Any, x: Any) -> Any:
    """Airy's function Ai.

    Between -9 and 2 the integral along a line above the real axis, where it dies out as a Gaussian; above by
    K of order 1/3 (9.6.2), below the asymptotic series (9.7.9). It is taken as infinite oscillation, NaN, at -inf.
    """
    lift, step = 0.6, 0.1
    middle = xp.clip(x, -9.0, 2.0)
    total = 0.5 * xp.ones_like(x)
    for k in range(1, 82):
        u = k * step
        total = total + math.exp(-lift * u * u) * xp.cos(u * middle + (u**3 / 3 - lift * lift * u))
    value = (step / math.pi) * xp.exp(lift**3 / 3 - lift * middle) * total
    right = xp.clip(x, 2.0, 200.0)
    zeta = (2 / 3) * right * xp.sqrt(right)
    above = xp.sqrt(right / 3) * xp.exp(-zeta) / math.pi * _decaying(xp, zeta, lambda t: xp.cosh(t / 3))
    left = xp.maximum(-x, 9.0)
    root = xp.sqrt(left)
    zeta = (2 / 3) * left * root
    p, q, term = 1.0, 0.0, 1.0
    for k in range(1, 26):
        term = term * ((6 * k - 5) * (6 * k - 1) / (72.0 * k)) / zeta
        sign = -1 if k % 4 in (2, 3) else 1
        p, q = (p, q + sign * term) if k % 2 else (p + sign * term, q)
    angle = zeta - math.pi / 4
    below = (xp.cos(angle) * p + xp.sin(angle) * q) / xp.sqrt(math.pi * root)
    out = xp.where(x > 2, xp.where(x > 200, 0.0, above), xp.where(x < -9, below, value))
    return xp.where(xp.isnan(x), x, out)


op("bessel_j0", lambda xp, g, x: -g * xp.bessel_j1(x), forward=bessel_j0, floats=True)


def _j1(xp: Any, g: Any, x: Any, y: Any) -> Any:
    return g * (xp.bessel_j0(x) - xp.where(x == 0, 0.5, y / xp.where(x == 0, 1.0, x)))


op("bessel_j1", _j1, forward=bessel_j1, floats=True)
op("bessel_y0", lambda xp, g, x: -g * xp.bessel_y1(x), forward=bessel_y0, floats=True)
op("bessel_y1", lambda xp, g, x, y: g * (xp.bessel_y0(x) - y / x), forward=bessel_y1, floats=True)
op("modified_bessel_k0", lambda xp, g, x: -g * xp.modified_bessel_k1(x), forward=modified_bessel_k0, floats=True)
op("modified_bessel_k1", lambda xp, g, x, y: -g * (xp.modified_bessel_k0(x) + y / x),
   forward=modified_bessel_k1, floats=True)  # fmt: skip
op("scaled_modified_bessel_k0", lambda xp, g, x, y: g * (y - xp.scaled_modified_bessel_k1(x)),
   forward=scaled_modified_bessel_k0, floats=True)  # fmt: skip
op("scaled_modified_bessel_k1", lambda xp, g, x, y: g * (y - xp.scaled_modified_bessel_k0(x) - y / x),
   forward=scaled_modified_bessel_k1, floats=True)  # fmt: skip


def _airy(xp: Any, g: Any) -> Any:
    raise RuntimeError("the derivative for 'special_airy_ai' is not implemented; detach() its argument")


op("airy_ai", _airy, forward=airy_ai, floats=True)
