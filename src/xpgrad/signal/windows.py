"""Window functions: weights that fade a stretch of a signal in and out.

Each takes the number of points `M`; `sym=False` leaves out the last of M + 1 points, for periodic signals. They lie on
the chosen backend, and are computed there in the dtype asked for.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import creation, dtypes
from ..namespace import function


def _window(formula: Callable[..., Any]) -> Callable[..., Any]:
    """A window function, of a formula in the points 0 ... M-1 and the number N of steps between first and last."""

    @functools.wraps(formula)
    def window(M: int, *, sym: bool = True, dtype: Any = None, device: Any = None, layout: Any = None,
               requires_grad: bool = False, **params: Any) -> Any:  # fmt: skip
        name = formula.__name__
        dtype = dtypes.get_default_dtype() if dtype is None else dtype
        if M < 0:
            raise ValueError(f"{name} requires non-negative window length, got M={M}")
        if not dtype.is_floating_point:
            raise ValueError(f"{name} expects a floating-point dtype, got {dtype}")
        if M < 2:
            return creation.ones(M, dtype=dtype, device=device, requires_grad=requires_grad)
        out = formula(creation.arange(M, dtype=dtype, device=device), M - 1 if sym else M, **params)
        return out.requires_grad_(requires_grad)

    return window


def _cosines(k: Any, n: int, a: Sequence[float]) -> Any:
    cos = function("cos")
    total = a[0] + 0 * k
    for i, weight in enumerate(a[1:], 1):
        total = total + (-1) ** i * weight * cos(k * (2 * math.pi * i / n))
    return total


@_window
def general_cosine(k: Any, n: int, *, a: Sequence[float]) -> Any:
    """a₀ - a₁ cos(2πk/N) + a₂ cos(4πk/N) - ..."""
    return _cosines(k, n, list(a))


@_window
def general_hamming(k: Any, n: int, *, alpha: float = 0.54) -> Any:
    """alpha - (1 - alpha) cos(2πk/N)."""
    return _cosines(k, n, (alpha, 1 - alpha))


@_window
def hamming(k: Any, n: int, *, alpha: float = 0.54, beta: float = 0.46) -> Any:
    """0.54 - 0.46 cos(2πk/N).

    Example:
        >>> import xpgrad
        >>> xpgrad.signal.windows.hamming(3)
        tensor([0.0800, 1.0000, 0.0800])
    """
    return _cosines(k, n, (alpha, beta))


@_window
def hann(k: Any, n: int) -> Any:
    """0.5 - 0.5 cos(2πk/N)."""
    return _cosines(k, n, (0.5, 0.5))


@_window
def blackman(k: Any, n: int) -> Any:
    """0.42 - 0.5 cos(2πk/N) + 0.08 cos(4πk/N)."""
    return _cosines(k, n, (0.42, 0.5, 0.08))


@_window
def nuttall(k: Any, n: int) -> Any:
    """The cosine sum with the smallest side lobes of four terms. Nuttall, IEEE Trans. ASSP 29 (1981)."""
    return _cosines(k, n, (0.3635819, 0.4891775, 0.1365995, 0.0106411))


@_window
def bartlett(k: Any, n: int) -> Any:
    """1 - |2k/N - 1|."""
    return 1 - abs(2 * k / n - 1)


@_window
def cosine(k: Any, n: int) -> Any:
    """sin(π (k + 1/2) / (N + 1))."""
    return function("sin")((k + 0.5) * (math.pi / (n + 1)))


@_window
def exponential(k: Any, n: int, *, center: float | None = None, tau: float = 1.0) -> Any:
    """exp(-|k - center| / τ), the center in the middle if none is given."""
    if tau <= 0:
        raise ValueError(f"Tau must be positive, got: {tau} instead.")
    return function("exp")(-abs(k - (n / 2 if center is None else center)) / tau)


@_window
def gaussian(k: Any, n: int, *, std: float = 1.0) -> Any:
    """exp(-(k - N/2)² / (2 std²))."""
    if std <= 0:
        raise ValueError(f"Standard deviation must be positive, got: {std} instead.")
    return function("exp")(-(((k - n / 2) / std) ** 2) / 2)


@_window
def kaiser(k: Any, n: int, *, beta: float = 12.0) -> Any:
    """I₀(β √(1 - (2k/N - 1)²)) / I₀(β), I₀ the modified Bessel function."""
    if beta < 0:
        raise ValueError(f"beta must be non-negative, got: {beta} instead.")
    i0 = function("i0")
    return i0(beta * function("sqrt")(function("clip")(1 - (2 * k / n - 1) ** 2, 0, None))) / i0(beta + 0 * k[:1])


__all__ = [
    "bartlett", "blackman", "cosine", "exponential", "gaussian", "general_cosine", "general_hamming", "hamming", "hann",
    "kaiser", "nuttall",
]  # fmt: skip
