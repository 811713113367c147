"""A line search for the strong Wolfe conditions: far enough down, and the slope nearly gone.

Nocedal and Wright, "Numerical optimization", algorithms 3.5 and 3.6, with cubic interpolation: first a bracket that
must hold such a point, then ever smaller ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

_DECREASE = 1e-4  # of the first slope, for each unit of length
_SLOPE = 0.9  # what may be left of it
_SMALLEST = 1e-9  # a bracket in which no parameter changes by more


class _Point(NamedTuple):
    at: float
    value: float
    gradient: Any
    slope: float


def strong_wolfe(along: Callable[[float], tuple[float, Any, float]], length: float, largest: float, value: float,
                 gradient: Any, slope: float, evaluations: int) -> tuple[float, Any, float, int]:  # fmt: skip
    """A length that meets the conditions, or the best within `evaluations`.

    Args:
        along: value, gradient, and slope along the line at a length.
        length: the first to try.
        largest: the largest component of the direction.
        value, gradient, slope: at 0.

    Returns:
        Value and gradient at the length that was found, the length, and how often `along` was called.
    """
    start = _Point(0.0, value, gradient, slope)
    before, now = start, _Point(length, *along(length))
    calls, tries = 1, 0
    bracket: list[_Point] | None = None
    while tries < evaluations:
        if now.value > value + _DECREASE * now.at * slope or (tries > 1 and now.value >= before.value):
            bracket = [before, now]
        elif abs(now.slope) <= -_SLOPE * slope:
            return now.value, now.gradient, now.at, calls
        elif now.slope >= 0:
            bracket = [before, now]
        if bracket is not None:
            break
        further = (now.at + 0.01 * (now.at - before.at), now.at * 10)
        length = _cubic(before, now, further)
        before, now = now, _Point(length, *along(length))
        calls, tries = calls + 1, tries + 1
    low, high = sorted(bracket or [start, now], key=lambda point: point.value)
    stuck = False
    while bracket is not None and tries < evaluations and abs(high.at - low.at) * largest >= _SMALLEST:
        left, right = sorted((low.at, high.at))
        length = _cubic(low, high, (left, right))
        margin = 0.1 * (right - left)
        near = min(right - length, length - left) < margin
        if near and (stuck or length >= right or length <= left):  # twice near an end, or on it: step away
            length = right - margin if abs(length - right) < abs(length - left) else left + margin
            near = False
        stuck = near
        now = _Point(length, *along(length))
        calls, tries = calls + 1, tries + 1
        if now.value > value + _DECREASE * now.at * slope or now.value >= low.value:
            low, high = sorted((low, now), key=lambda point: point.value)
            continue
        met = abs(now.slope) <= -_SLOPE * slope
        if not met and now.slope * (high.at - low.at) >= 0:
            high = low
        low = now
        if met:
            break
    return low.value, low.gradient, low.at, calls


def _cubic(a: _Point, b: _Point, bounds: tuple[float, float]) -> float:
    """Where the cubic through both points, with their slopes, is least; within `bounds`."""
    if a.at > b.at:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.at - b.at)
    square = d1 * d1 - a.slope * b.slope
    if square < 0:
        return (bounds[0] + bounds[1]) / 2
    d2 = math.sqrt(square)
    least = b.at - (b.at - a.at) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(least, bounds[0]), bounds[1])
