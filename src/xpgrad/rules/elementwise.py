"""Elementwise functions of the standard and their derivatives.

A derivative is one line. `conj` appears because a complex gradient is, by PyTorch's convention, the incoming one
times the conjugate of the derivative; on reals it costs nothing. Values at kinks and ties are PyTorch's: 0 for `abs`
at 0, one half each for equal arguments of `maximum`, the whole gradient at the boundary of `clip`.
"""

from __future__ import annotations

import cmath
import math
import operator
from typing import Any

from .. import dtypes
from ..op import conj, op


def _zeros(xp: Any, g: Any) -> Any:
    """The gradient of what is constant almost everywhere."""
    return xp.zeros_like(g)


# -- arithmetic --

op("add", lambda xp, g: g,
          lambda xp, g: g,
   operator=operator.add, promotes=True)  # fmt: skip
op("subtract", lambda xp, g: g,
               lambda xp, g: -g,
   operator=operator.sub, promotes=True, node="SubBackward0")  # fmt: skip
op("multiply", lambda xp, g, x2: g * conj(xp, x2),
               lambda xp, g, x1: g * conj(xp, x1),
   operator=operator.mul, promotes=True, node="MulBackward0")  # fmt: skip
op("divide", lambda xp, g, x2: g / conj(xp, x2),
             lambda xp, g, y, x2: -g * conj(xp, y / x2),
   operator=operator.truediv, floats=True, promotes=True, node="DivBackward0")  # fmt: skip
op("remainder", lambda xp, g: g,
                lambda xp, g, x1, x2: -g * (x1 // x2),
   operator=operator.mod, promotes=True)  # fmt: skip
op("floor_divide", args="x1 x2", operator=operator.floordiv, promotes=True)
op("negative", lambda xp, g: -g, operator=operator.neg, node="NegBackward0")
op("positive", lambda xp, g: g, operator=operator.pos, node="AliasBackward0")
op("square", lambda xp, g, x: g * conj(xp, 2 * x), node="PowBackward0")
op("reciprocal", lambda xp, g, y: -g * conj(xp, y * y), floats=True)


def _pow_base(xp: Any, g: Any, x1: Any, x2: Any) -> Any:
    """x2 x1^(x2 - 1), and 0 where x2 is 0, whatever the base."""
    if isinstance(x2, int | float | complex):
        if x2 == 0:
            return xp.zeros_like(g)
        return g * conj(xp, 2 * x1 if x2 == 2 else x2 * x1 ** (x2 - 1))
    # 0 * 0^-1 would be nan; elsewhere the exponent stays, so that mixed second derivatives are right
    base = xp.where((x2 == 0) & ~(abs(x1) > 0), 1, x1)
    return g * conj(xp, x2 * base ** (x2 - 1))


def _pow_exponent(xp: Any, g: Any, y: Any, x1: Any, x2: Any) -> Any:
    """y log x1, and 0 where the base is 0 and the exponent's real part is not negative."""
    real = xp.real(x2) if dtypes.is_complex(x2.dtype) else x2
    if not isinstance(x1, int | float | complex):
        return g * conj(xp, y * xp.log(xp.where((x1 == 0) & (real >= 0), 1, x1)))
    if x1 == 0:
        return g * conj(xp, y * xp.where(real >= 0, xp.zeros_like(y), -math.inf))
    if dtypes.is_complex(y.dtype):
        return g * conj(xp, y * cmath.log(x1))
    return g * (y * (math.log(x1) if x1 > 0 else math.nan))  # type: ignore[arg-type, operator]


op("pow", _pow_base, _pow_exponent, operator=operator.pow, promotes=True)

# -- parts and signs --


def _sign(xp: Any, g: Any, x: Any) -> Any:
    """0 for reals; for complex numbers, the part of g across x / |x|, over |x|."""
    if not dtypes.is_complex(x.dtype):
        return xp.zeros_like(g)
    s, size = xp.sign(x), abs(x)
    across = g - s * xp.real(conj(xp, s) * g)
    return xp.where(size == 0, 0, across / xp.where(size == 0, 1, size))


def _imag(xp: Any, g: Any) -> Any:
    """i g: the imaginary axis carries the gradient of the imaginary part."""
    return xp.astype(g, dtypes.native(xp, dtypes.from_native(g.dtype).to_complex())) * 1j


op("abs", lambda xp, g, x: g * xp.sign(x), operator=operator.abs)
op("sign", _sign)
op("conj", lambda xp, g: conj(xp, g))
op("real", lambda xp, g: g, node="SelectBackward0")
op("imag", _imag, node="SelectBackward0")
op("copysign", lambda xp, g, y, x1: xp.where(x1 == 0, 0, g * (y / xp.where(x1 == 0, 1, x1))),
               _zeros,
   floats=True, promotes=True)  # fmt: skip
op("nextafter", lambda xp, g, x1, x2: xp.where(x1 == x2, 0, g),
                _zeros,
   promotes=True)  # fmt: skip
for _name in ("ceil", "floor", "round", "trunc"):
    op(_name, _zeros)

# -- exponentials and logarithms --



def _share_of_sum(xp: Any, g: Any, mine: Any, other: Any) -> Any:
    """g e^mine / (e^mine + e^other), by the exponential of a number that is not positive."""
    ahead = other - mine
    behind = ahead > 0
    e = xp.exp(xp.where(behind, -ahead, ahead))
    return g * (xp.where(behind, e, 1) / (1 + e))


op("exp", lambda xp, g, y: g * conj(xp, y), floats=True)
op("expm1", lambda xp, g, y: g * conj(xp, y + 1), floats=True)
op("log", lambda xp, g, x: g / conj(xp, x), floats=True)
op("log1p", lambda xp, g, x: g / conj(xp, x + 1), floats=True)
op("log2", lambda xp, g, x: g / conj(xp, x * math.log(2)), floats=True)
op("log10", lambda xp, g, x: g / conj(xp, x * math.log(10)), floats=True)
op("sqrt", lambda xp, g, y: g / conj(xp, 2 * y), floats=True)
op("logaddexp", lambda xp, g, x1, x2: _share_of_sum(xp, g, x1, x2),
                lambda xp, g, x1, x2: _share_of_sum(xp, g, x2, x1),
   floats=True, promotes=True)  # fmt: skip

# -- circular and hyperbolic functions --

op("sin", lambda xp, g, x: g * conj(xp, xp.cos(x)), floats=True)
op("cos", lambda xp, g, x: -g * conj(xp, xp.sin(x)), floats=True)
op("tan", lambda xp, g, y: g * conj(xp, 1 + y * y), floats=True)
op("asin", lambda xp, g, x: g / conj(xp, xp.sqrt(1 - x * x)), floats=True)
op("acos", lambda xp, g, x: -g / conj(xp, xp.sqrt(1 - x * x)), floats=True)
op("atan", lambda xp, g, x: g / conj(xp, 1 + x * x), floats=True)
op("sinh", lambda xp, g, x: g * conj(xp, xp.cosh(x)), floats=True)
op("cosh", lambda xp, g, x: g * conj(xp, xp.sinh(x)), floats=True)
op("tanh", lambda xp, g, y: g * conj(xp, 1 - y * y), floats=True)
op("asinh", lambda xp, g, x: g / conj(xp, xp.sqrt(x * x + 1)), floats=True)
# two roots, not one of the product: only these have the branch cut of acosh
op("acosh", lambda xp, g, x: g / conj(xp, xp.sqrt(x - 1) * xp.sqrt(x + 1)), floats=True)
op("atanh", lambda xp, g, x: g / conj(xp, 1 - x * x), floats=True)


def _over_square(xp: Any, part: Any, x1: Any, x2: Any) -> Any:
    """part / (x1² + x2²), and 0 at the origin."""
    square = x1 * x1 + x2 * x2
    return xp.where(square == 0, 0, part / xp.where(square == 0, 1, square))


op("atan2", lambda xp, g, x1, x2: g * _over_square(xp, x2, x1, x2),
            lambda xp, g, x1, x2: -g * _over_square(xp, x1, x1, x2),
   floats=True, promotes=True)  # fmt: skip
op("hypot", lambda xp, g, y, x1: g * (x1 / y),
            lambda xp, g, y, x2: g * (x2 / y),
   floats=True, promotes=True)  # fmt: skip

# -- choices --


def _share(xp: Any, g: Any, tie: Any, lost: Any) -> Any:
    """g for the winner of a comparison, half of it at a tie, 0 for the loser."""
    return xp.where(tie, g / 2, xp.where(lost, 0, g))


def _inside(x: Any, min: Any, max: Any) -> Any:
    """Where x lies within the bounds, the bounds included; None if there are none."""
    if min is None:
        return None if max is None else x <= max
    return x >= min if max is None else (x >= min) & (x <= max)


def _clip(xp: Any, g: Any, x: Any, min: Any = None, max: Any = None) -> Any:
    inside = _inside(x, min, max)
    return g if inside is None else xp.where(inside, g, 0)


def _clip_min(xp: Any, g: Any, x: Any, min: Any, max: Any = None) -> Any:
    below = x < min if max is None else (x < min) & (min < max)
    return xp.where(below, g, 0)


def _clip_max(xp: Any, g: Any, x: Any, max: Any, min: Any = None) -> Any:
    above = x > max if min is None else (x > max) | (max < min)
    return xp.where(above, g, 0)


op("maximum", lambda xp, g, x1, x2: _share(xp, g, x1 == x2, x1 < x2),
              lambda xp, g, x1, x2: _share(xp, g, x1 == x2, x1 > x2),
   promotes=True)  # fmt: skip
op("minimum", lambda xp, g, x1, x2: _share(xp, g, x1 == x2, x1 > x2),
              lambda xp, g, x1, x2: _share(xp, g, x1 == x2, x1 < x2),
   promotes=True)  # fmt: skip
op("clip", _clip, _clip_min, _clip_max, args="x min max", promotes=True, node="ClampBackward1")
op("where", None,
            lambda xp, g, condition: xp.where(condition, g, 0),
            lambda xp, g, condition: xp.where(condition, 0, g),
   args="condition x1 x2", promotes=True)  # fmt: skip

# -- no derivative: predicates, comparisons, logic, bits --

for _name in ("isfinite", "isinf", "isnan", "logical_not", "signbit"):
    op(_name, args="x")
for _name in ("logical_and", "logical_or", "logical_xor"):
    op(_name, args="x1 x2")
op("equal", args="x1 x2", operator=operator.eq, promotes=True)
op("not_equal", args="x1 x2", operator=operator.ne, promotes=True)
op("less", args="x1 x2", operator=operator.lt, promotes=True)
op("less_equal", args="x1 x2", operator=operator.le, promotes=True)
op("greater", args="x1 x2", operator=operator.gt, promotes=True)
op("greater_equal", args="x1 x2", operator=operator.ge, promotes=True)
op("bitwise_and", args="x1 x2", operator=operator.and_, promotes=True)
op("bitwise_or", args="x1 x2", operator=operator.or_, promotes=True)
op("bitwise_xor", args="x1 x2", operator=operator.xor, promotes=True)
op("bitwise_invert", args="x", operator=operator.invert)
op("bitwise_left_shift", args="x1 x2", operator=operator.lshift, promotes=True)
op("bitwise_right_shift", args="x1 x2", operator=operator.rshift, promotes=True)
