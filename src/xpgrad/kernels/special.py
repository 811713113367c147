"""Special functions that the standard lacks: erf and its kin, logarithms that take their limit at 0.

Each is computed from the standard's functions alone, to about the precision of the dtype, on any library.
Each function's derivative is a formula in the others, so every order of gradient is there.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import op

# W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969): numerator and
# denominator for |x| < 0.46875 (erf, in x²), for |x| < 4 (erfc, in x) and beyond (erfc, in 1/x²), highest power first.
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)  # fmt: skip
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip
_TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)
_SERIES = 8.0  # where the asymptotic series of erfcx and its derivatives begins to be exact


def horner(x: Any, coefficients: tuple[float, ...]) -> Any:
    """The polynomial with these coefficients, of the highest power first."""
    total = coefficients[0] * x + coefficients[1]
    for c in coefficients[2:]:
        total = total * x + c
    return total


def ratio(x: Any, pair: tuple[tuple[float, ...], tuple[float, ...]]) -> Any:
    """The quotient of two polynomials."""
    return horner(x, pair[0]) / horner(x, pair[1])


def _scaled_tail(xp: Any, a: Any) -> Any:
    """exp(a²) erfc(a) of `a` >= 0.46875."""
    middle = ratio(xp.minimum(a, 4.0), _MIDDLE)
    inverse = 1 / xp.square(xp.maximum(a, 4.0))
    far = (1 / math.sqrt(math.pi) - inverse * ratio(inverse, _FAR)) / xp.maximum(a, 4.0)
    return xp.where(a <= 4.0, middle, far)


def _tail(xp: Any, size: Any) -> Any:
    """erfc of `size` >= 0.46875; smaller values stand for that bound."""
    a = xp.clip(size, 0.46875, 28.0)
    head = xp.trunc(a * 16) / 16  # exp(-a²) in two factors, so that the rounding of a² does not count
    power = xp.exp(-head * head) * xp.exp(-(a - head) * (a + head))
    tail = power * _scaled_tail(xp, a)
    return xp.where(xp.isnan(size), size, tail)


def erf(xp: Any, x: Any) -> Any:
    """The error function, 2/√π ∫₀ˣ exp(-t²) dt."""
    size = xp.abs(x)
    small = xp.minimum(size, 0.46875)
    near = x * ratio(xp.square(small), _NEAR)
    return xp.where(size <= 0.46875, near, xp.sign(x) * (1 - _tail(xp, size)))


def erfc(xp: Any, x: Any) -> Any:
    """1 - erf(x), without cancellation for large x."""
    size = xp.abs(x)
    near = 1 - erf(xp, xp.clip(x, -0.46875, 0.46875))
    tail = _tail(xp, size)
    return xp.where(size <= 0.46875, near, xp.where(x > 0, tail, 2 - tail))


def erfcx(xp: Any, x: Any) -> Any:
    """exp(x²) erfc(x), which neither overflows nor vanishes for large x."""
    low, high = xp.clip(x, -28.0, 0.46875), xp.maximum(x, 0.46875)
    head = xp.trunc(low * 16) / 16
    value = xp.exp(head * head) * (xp.exp((low - head) * (low + head)) * erfc(xp, low))
    return xp.where(xp.isnan(x), x, xp.where(x < 0.46875, value, _scaled_tail(xp, high)))


def erfcx_derivative(xp: Any, x: Any, n: int = 1) -> Any:
    """The n-th derivative of erfcx: y' = 2xy - 2/√π, y⁽ᵏ⁺¹⁾ = 2x y⁽ᵏ⁾ + 2k y⁽ᵏ⁻¹⁾.

    Far right, where that cancels, a series; DLMF 7.18.4 and 7.18.14: (-1)ⁿ / (√π xⁿ⁺¹) Σ (-1)ᵐ (n + 2m)! / (m! (2x)²ᵐ).
    """
    near, far = xp.minimum(x, _SERIES), xp.maximum(x, _SERIES)
    before, value = erfcx(xp, near), 2 * near * erfcx(xp, near) - _TWO_OVER_ROOT_PI
    for k in range(1, n):
        before, value = value, 2 * near * value + 2 * k * before
    inverse = 1 / (4 * far * far)
    series = xp.ones_like(x)
    for m in range(24, 0, -1):
        series = 1 - series * inverse * ((n + 2 * m - 1) * (n + 2 * m) / m)
    scale = (-1) ** n * math.factorial(n) / math.sqrt(math.pi)
    return xp.where(x < _SERIES, value, scale * series / far ** (n + 1))


def log_ndtr(xp: Any, x: Any) -> Any:
    """log Φ(x), the logarithm of the normal distribution's integral, exact far into either tail."""
    high, low = xp.maximum(x, -1.0), xp.minimum(x, -1.0)
    near = xp.log1p(-0.5 * erfc(xp, high * math.sqrt(0.5)))
    return xp.where(x > -1, near, xp.log(0.5 * _scaled_tail(xp, -low * math.sqrt(0.5))) - 0.5 * low * low)


def _log_ndtr(xp: Any, g: Any, y: Any, x: Any) -> Any:
    """g φ(x) / Φ(x), in the left tail without the quotient of two small numbers."""
    high = xp.maximum(x, -1.0)
    near = xp.exp(-0.5 * high * high - xp.maximum(y, -2.0) - 0.5 * math.log(2 * math.pi))
    return g * xp.where(x > -1, near, math.sqrt(2 / math.pi) / xp.erfcx(xp.maximum(-x, 1.0) * math.sqrt(0.5)))


def logit(xp: Any, x: Any) -> Any:
    """log(x / (1 - x)), near 1/2 without cancellation."""
    near = 2 * xp.atanh(xp.clip(2 * x - 1, -0.5, 0.5))
    return xp.where(xp.abs(x - 0.5) < 0.25, near, xp.log(x) - xp.log1p(-x))


def xlogy(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 log(x2), and 0 where x1 is 0, unless x2 is NaN."""
    nought = (x1 == 0) & ~xp.isnan(x2)
    return xp.where(nought, 0.0, x1 * xp.log(xp.where(nought, 1.0, x2)))


op("erf", lambda xp, g, x: g * (_TWO_OVER_ROOT_PI * xp.exp(-x * x)), forward=erf, floats=True)
op("erfc", lambda xp, g, x: g * (-_TWO_OVER_ROOT_PI * xp.exp(-x * x)), forward=erfc, floats=True)
op("erfcx", lambda xp, g, x: g * xp.erfcx_derivative(x, n=1), forward=erfcx, floats=True)
op("erfcx_derivative", lambda xp, g, x, n=1: g * xp.erfcx_derivative(x, n=n + 1), forward=erfcx_derivative, floats=True)
op("log_ndtr", _log_ndtr, forward=log_ndtr, floats=True)
op("logit", lambda xp, g, x: g / (x * (1 - x)), forward=logit, floats=True)
op("xlogy", lambda xp, g, x1, x2: g * xp.log(xp.where((x1 == 0) & (x2 <= 0), 1.0, x2)),
            lambda xp, g, x1, x2: g * (x1 / x2),
   forward=xlogy, floats=True, promotes=True)  # fmt: skip
