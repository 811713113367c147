"""Elementwise functions that PyTorch has beyond the standard, as formulas in the standard's functions.

A gradient is that of the formula. At kinks and ties a formula is written so that PyTorch's
choice comes out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..namespace import function
from .common import floating, isnan, number, pair, results

_LOG2 = math.log(2)
_STEPS_PER_BIT = 1.4405  # Euclid's algorithm takes at most log n / log(golden ratio) steps


def _named(f: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return f


def _unary(name: str, doc: str, formula: Callable[[Any, Any], Any], floats: bool = False) -> Callable[..., Any]:
    def f(input: Any) -> Any:
        return formula(input.__array_namespace__(), floating(input) if floats else input)

    return _named(f, name, doc)


def _binary(name: str, doc: str, formula: Callable[[Any, Any, Any], Any], floats: bool = False) -> Callable[..., Any]:
    def f(input: Any, other: Any) -> Any:
        a, b = pair(input, other, floats)
        return formula(a.__array_namespace__(), a, b)

    return _named(f, name, doc)


def _angle(xp: Any, x: Any) -> Any:
    if x.dtype.is_complex:
        return xp.atan2(xp.imag(x), xp.real(x))
    x = floating(x)
    return xp.where(x < 0, math.pi, xp.zeros_like(x)) + xp.where(xp.isnan(x), x, xp.zeros_like(x))


def _is_infinite(sign: int) -> Callable[[Any, Any], Any]:
    def formula(xp: Any, x: Any) -> Any:
        if x.dtype.is_complex:
            raise RuntimeError(f"is{'pos' if sign > 0 else 'neg'}inf does not support complex inputs.")
        if not x.dtype.is_floating_point:
            return xp.zeros_like(x, dtype=dtypes.bool_)
        return x == sign * math.inf

    return formula


def _is_real(xp: Any, x: Any) -> Any:
    return xp.imag(x) == 0 if x.dtype.is_complex else xp.ones_like(x, dtype=dtypes.bool_)


_UNARY = (
    _unary("deg2rad", "Degrees as radians: x pi / 180.", lambda xp, x: x * (math.pi / 180), floats=True),
    _unary("rad2deg", "Radians as degrees: x 180 / pi.", lambda xp, x: x * (180 / math.pi), floats=True),
    _unary("frac", "The fraction, with the sign of x: x - trunc(x).", lambda xp, x: x - xp.trunc(x)),
    _unary("exp2", "2^x.", lambda xp, x: 2.0**x, floats=True),
    _unary("angle", "The angle of a complex number; 0 or pi for a real one.", _angle),
    _unary("isposinf", "Where x is +infinity.", _is_infinite(1)),
    _unary("isneginf", "Where x is -infinity.", _is_infinite(-1)),
    _unary("isreal", "Where the imaginary part is 0.", _is_real),
    _unary("resolve_conj", "The Tensor itself: there is no lazy conjugate here.", lambda xp, x: x),
    _unary("resolve_neg", "The Tensor itself: there is no lazy negation here.", lambda xp, x: x),
    _unary("rsqrt", "1 / sqrt(x).", lambda xp, x: xp.reciprocal(xp.sqrt(x))),
)


def _fmod(xp: Any, x: Any, y: Any) -> Any:
    size = xp.abs(y)
    return xp.where(x < 0, -xp.remainder(-x, size), xp.remainder(x, size))


def _gcd(xp: Any, a: Any, b: Any) -> Any:
    """Euclid's algorithm, as many steps as the dtype can need: there is no looking at the numbers."""
    if dtypes.rank(a.dtype) != 1:
        raise RuntimeError(f"gcd needs integers, got {a.dtype}")
    a, b = xp.broadcast_arrays(xp.abs(a) if a.dtype.is_signed else a, xp.abs(b) if b.dtype.is_signed else b)
    for _ in range(math.ceil(_STEPS_PER_BIT * 8 * a.dtype.itemsize)):
        a, b = xp.where(b == 0, a, b), xp.where(b == 0, b, xp.remainder(a, xp.where(b == 0, xp.ones_like(b), b)))
    return a


def _lcm(xp: Any, a: Any, b: Any) -> Any:
    divisor = _gcd(xp, a, b)
    multiple = xp.floor_divide(a, xp.where(divisor == 0, xp.ones_like(divisor), divisor)) * b
    return xp.abs(multiple) if a.dtype.is_signed else multiple


def _ldexp(input: Any, other: Any) -> Any:
    other = number(other, input)
    return input * 2.0 ** floating(other)


_BINARY = (
    _binary("fmax", "The larger; the other where one is nan.", lambda xp, a, b: xp.where((a >= b) | isnan(b), a, b)),
    _binary("fmin", "The smaller; the other where one is nan.", lambda xp, a, b: xp.where((a <= b) | isnan(b), a, b)),
    _binary("fmod", "The remainder with the sign of x: x - y trunc(x / y).", _fmod),
    _binary("heaviside", "0 below 0, 1 above, `values` at 0.",
            lambda xp, x, values: xp.where(x == 0, values, xp.astype(x > 0, x.dtype))),
    _binary("logaddexp2", "log2(2^a + 2^b), without overflow.",
            lambda xp, a, b: xp.logaddexp(a * _LOG2, b * _LOG2) / _LOG2, floats=True),
    _binary("gcd", "The greatest common divisor of integers; 0 of two zeros.", _gcd),
    _binary("lcm", "The least common multiple of integers; 0 if one is 0.", _lcm),
    _named(_ldexp, "ldexp", "input 2^other."),
)  # fmt: skip


def float_power(input: Any, exponent: Any) -> Any:
    """input^exponent in double precision, whatever the dtypes."""
    a, b = pair(input, exponent)
    dtype = dtypes.complex128 if a.dtype.is_complex else dtypes.float64
    return a.to(dtype) ** b.to(dtype)


def rsub(input: Any, other: Any, *, alpha: float = 1) -> Any:
    """other - alpha input."""
    return other - (input if alpha == 1 else input * alpha)


def nan_to_num(input: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None) -> Any:
    """nan, infinity and -infinity replaced: by 0 and the largest and smallest finite numbers if not given."""
    if dtypes.rank(input.dtype) < 2:
        return input.clone()
    xp = input.__array_namespace__()
    if input.dtype.is_complex:
        return nan_to_num(xp.real(input), nan, posinf, neginf) + 1j * nan_to_num(xp.imag(input), nan, posinf, neginf)
    limits = xp.finfo(input.dtype)
    out = xp.where(xp.isnan(input), 0.0 if nan is None else nan, input)
    out = xp.where(input == math.inf, limits.max if posinf is None else posinf, out)
    return xp.where(input == -math.inf, limits.min if neginf is None else neginf, out)


def round(input: Any, *, decimals: int = 0) -> Any:
    """To the nearest whole number, halves to the even one; to so many `decimals`, tens for negative ones."""
    xp = input.__array_namespace__()
    if decimals == 0 or (decimals > 0 and dtypes.rank(input.dtype) < 2):
        return xp.round(input)
    scale = 10.0 ** abs(decimals)
    if decimals > 0:
        return xp.round(input * scale) / scale
    return xp.round(input / scale) * scale


def frexp(input: Any) -> Any:
    """`mantissa` in [0.5, 1) and the integer `exponent` with input = mantissa 2^exponent.

    Raises:
        RuntimeError: if the dtype is not a real floating one.
    """
    if not input.dtype.is_floating_point:
        raise RuntimeError(f"torch.frexp() only supports floating-point dtypes, got {input.dtype}")
    xp = input.__array_namespace__()
    x = input.detach()
    plain = xp.isfinite(x) & (x != 0)
    exponent = xp.floor(xp.log2(xp.abs(xp.where(plain, x, xp.ones_like(x))))) + 1

    def scaled(value: Any, power: Any) -> Any:  # in two factors: one alone may overflow
        half = xp.floor(power / 2)
        return value * 2.0**half * 2.0 ** (power - half)

    size = xp.abs(scaled(x, -exponent))
    exponent = exponent + xp.astype(size >= 1, x.dtype) - xp.astype(size < 0.5, x.dtype)
    exponent = xp.where(plain, exponent, xp.zeros_like(x))
    return results("frexp", "mantissa exponent")(scaled(input, -exponent), xp.astype(exponent, dtypes.int32))


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    """Each element brought into [min, max].

    Raises:
        RuntimeError: if neither bound is given.
    """
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    return function("clip")(input, min, max)


def clamp_min(input: Any, min: Any) -> Any:
    """max(input, min), elementwise."""
    return function("clip")(input, min, None)


def clamp_max(input: Any, max: Any) -> Any:
    """min(input, max), elementwise."""
    return function("clip")(input, None, max)


def prelu(input: Any, weight: Any) -> Any:
    """x where positive, else weight x: one weight for all, or one for each channel, which are dim 1.

    Raises:
        RuntimeError: if there is neither one weight nor one for each channel.
    """
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.size not in (1, channels):
        raise RuntimeError(f"prelu: expected 1 or {channels} weights (channels), got shape {list(weight.shape)}")
    shape = () if weight.size == 1 else (channels,) + (1,) * (input.ndim - 2)
    return function("prelu")(input, weight.reshape(shape))


METHODS = (*_UNARY, *_BINARY, float_power, nan_to_num, round, frexp, clamp, clamp_min, clamp_max, prelu)
FUNCTIONS: tuple[Callable[..., Any], ...] = (rsub,)
