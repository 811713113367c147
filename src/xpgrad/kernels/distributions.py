"""Functions of probability: the normal distribution's integral and its inverse, and entropies."""

from __future__ import annotations

import math
from typing import Any

from ..op import op
from .special import erfc, ratio

_DENSITY = 1 / math.sqrt(2 * math.pi)

# M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988):
# numerator and denominator for the middle (in 0.425² - q²) and for both parts of a tail (in √-log r), of the highest
# power first.
_MIDDLE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip
_FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def quantile(xp: Any, q: Any, tail: Any) -> Any:
    """The point below which the normal distribution has 1/2 + q, given also tail = 1/2 - |q|, which may be tiny."""
    inside = xp.abs(q) <= 0.425
    middle = q * ratio(0.180625 - xp.square(xp.where(inside, q, 0.0)), _MIDDLE)
    r = xp.sqrt(-xp.log(xp.where(inside | (tail <= 0), 0.075, tail)))
    outer = xp.where(r <= 5, ratio(xp.minimum(r, 5.0) - 1.6, _TAIL), ratio(xp.maximum(r, 5.0) - 5, _FAR_TAIL))
    outer = xp.where(tail == 0, math.inf, xp.where(tail < 0, math.nan, outer))
    return xp.where(inside, middle, xp.sign(q) * outer)


def ndtr(xp: Any, x: Any) -> Any:
    """Φ(x), the integral of the standard normal density up to x."""
    return 0.5 * erfc(xp, -math.sqrt(0.5) * x)


def ndtri(xp: Any, x: Any) -> Any:
    """The inverse of Φ: infinite at 0 and 1, NaN outside."""
    return quantile(xp, x - 0.5, xp.minimum(x, 1 - x))


def erfinv(xp: Any, x: Any) -> Any:
    """The inverse of erf: infinite at -1 and 1, NaN outside."""
    return math.sqrt(0.5) * quantile(xp, 0.5 * x, 0.5 * (1 - xp.abs(x)))


def entr(xp: Any, x: Any) -> Any:
    """-x log x, 0 at 0 and -∞ below."""
    inside = xp.where(x > 0, x, 1.0)
    return xp.where(x > 0, -x * xp.log(inside), xp.where(x < 0, -math.inf, xp.where(xp.isnan(x), x, 0.0)))


def xlog1py(xp: Any, x1: Any, x2: Any) -> Any:
    """x1 log(1 + x2), and 0 where x1 is 0, unless x2 is NaN."""
    nought = (x1 == 0) & ~xp.isnan(x2)
    return xp.where(nought, 0.0, x1 * xp.log1p(xp.where(nought, 0.0, x2)))


op("ndtr", lambda xp, g, x: g * (_DENSITY * xp.exp(-0.5 * x * x)), forward=ndtr, floats=True)
op("ndtri", lambda xp, g, y: g * (xp.exp(0.5 * y * y) * (1 / _DENSITY)), forward=ndtri, floats=True)
op("erfinv", lambda xp, g, y: g * (math.sqrt(math.pi) / 2 * xp.exp(y * y)), forward=erfinv, floats=True)
op("entr", lambda xp, g, x: g * (-1 - xp.log(x)), forward=entr, floats=True)
op("xlog1py", lambda xp, g, x1, x2: g * xp.log1p(xp.where((x1 == 0) & (x2 <= -1), 0.0, x2)),
              lambda xp, g, x1, x2: g * (x1 / (1 + x2)),
   forward=xlog1py, floats=True, promotes=True)  # fmt: skip
