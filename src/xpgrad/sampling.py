"""What PyTorch's compiled samplers do to uniform numbers, rounding for rounding.

That code rounds ``a * b + c`` once (`fma`), half precision by way of float32 (`cast`), and makes float32's normal
numbers with Cephes' single-precision log, sin and cos by Horner's rule. Here the same roundings are made by plain
operations. No array library is imported: `xp` is the NumPy that the generator draws with.
"""

from __future__ import annotations

import math
from typing import Any

from . import dtypes

Array = Any

_LOG = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
        2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)  # fmt: skip
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)
_MINUS_QUARTER_PI = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)  # in three parts
_BLOCK = 1 << 15  # uniforms per round: the temporaries stay in cache


def cast(xp: Any, values: Array, dtype: dtypes.dtype) -> Array:
    """`values` in `dtype`; half precision by way of float32, as PyTorch does it."""
    if dtype is dtypes.bfloat16:
        bits = xp.asarray(values, dtype=xp.float32).view(xp.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(xp.uint32).view(xp.float32)
    if dtype is dtypes.float16:
        values = xp.asarray(values, dtype=xp.float32)
    with xp.errstate(over="ignore"):  # the far tails of Cauchy's are infinite in a narrow dtype
        return xp.asarray(values).astype(dtype.name, copy=False)


def fma(xp: Any, a: Array, b: Any, c: Any) -> Array:
    """``a * b + c`` rounded once, in the precision of `a` (float32 by way of float64, float64 by error-free parts)."""
    if a.dtype == xp.float32:
        wide = xp.multiply(a, b, dtype=xp.float64)
        wide += c
        return wide.astype(xp.float32)
    product = a * b
    if xp.all(c == 0):
        return product
    total = product + c
    with xp.errstate(over="ignore", invalid="ignore"):  # next to overflow there is no correction
        back = total - product
        lost = (product - (total - back)) + (c - back)
        (a_high, a_low), (b_high, b_low) = _halves(a), _halves(xp.float64(b))
        lost = lost + (((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low)
    return total + xp.where(xp.isfinite(lost), lost, 0)


def _halves(x: Array) -> tuple[Array, Array]:
    """Veltkamp's split of float64 in two halves of 26 bits, whose products are exact."""
    scaled = x * 134217729.0
    high = scaled - (scaled - x)
    return high, x - high


def box_muller(xp: Any, u: Array) -> Array:
    """Blocks of 16 uniform float64: the first eight give radii, the last eight angles."""
    blocks = u.reshape(-1, 2, 8)
    radius, angle = xp.sqrt(-2 * xp.log(1 - blocks[:, 0])), 2 * math.pi * blocks[:, 1]
    return xp.stack([radius * xp.cos(angle), radius * xp.sin(angle)], axis=1).reshape(-1)


def box_muller_float32(xp: Any, u: Array) -> Array:
    """As `box_muller` in float32, with Cephes' single-precision log, sin and cos, sums fused with products.

    Only correctly rounded operations are used, so the numbers are the same on every machine.
    """
    for start in range(0, len(u), _BLOCK):
        blocks = u[start : start + _BLOCK].reshape(-1, 2, 8)
        radius = xp.sqrt(xp.float32(-2) * _log(xp, xp.float32(1) - blocks[:, 0]))
        sine, cosine = _sincos(xp, xp.float32(2 * math.pi) * blocks[:, 1])
        xp.multiply(radius, cosine, out=blocks[:, 0])
        xp.multiply(radius, sine, out=blocks[:, 1])
    return u


def _polynomial(xp: Any, coefficients: tuple[float, ...], x: Array) -> Array:
    """Horner's rule with fused steps as in `fma`, then one more product with `x`."""
    wide = x.astype(xp.float64)
    step = xp.full_like(wide, xp.float32(coefficients[0]))
    y = xp.empty_like(x)
    for c in coefficients[1:]:
        step *= wide
        step += xp.float32(c)
        y[...] = step
        step[...] = y
    y *= x
    return y


def _log(xp: Any, x: Array) -> Array:
    mantissa, exponent = xp.frexp(x)
    small = mantissa < xp.float32(math.sqrt(0.5))
    e = (exponent - small).astype(xp.float32)
    x = mantissa * (small + xp.float32(1)) - xp.float32(1)
    z = x * x
    y = fma(xp, _polynomial(xp, _LOG, x), z, e * xp.float32(-2.12194440e-4)) - z * xp.float32(0.5)
    return fma(xp, e, xp.float32(0.693359375), x + y)


def _sincos(xp: Any, x: Array) -> tuple[Array, Array]:
    """Sine and cosine for x in [0, 2 pi]."""
    octant = ((x * xp.float32(4 / math.pi)).astype(xp.int32) + 1) & ~1
    turns = octant.astype(xp.float32)
    for part in _MINUS_QUARTER_PI:
        x = fma(xp, turns, xp.float32(part), x)
    z = x * x
    cosine = fma(xp, _polynomial(xp, _COS, z), z, z * xp.float32(-0.5)) + xp.float32(1)
    sine = fma(xp, _polynomial(xp, _SIN, z), x, x)
    # swapped in every other quarter, and each negative in one half: by bits, as choosing elementwise costs more
    s, c = sine.view(xp.int32), cosine.view(xp.int32)
    exchange = (s ^ c) & -((octant >> 1) & 1)
    s, c = s ^ exchange ^ ((octant & 4) << 29), c ^ exchange ^ (((octant + 2) & 4) << 29)
    return s.view(xp.float32), c.view(xp.float32)
