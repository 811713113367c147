"""`grid_sample`: an image read at any places, between the pixels by interpolation."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

from ...tensor import Tensor
from ._call import call

_A = -0.75  # of the cubic kernel; R. Keys (1981)


def grid_sample(input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros",
                align_corners: bool | None = None) -> Tensor:  # fmt: skip
    """`input` at the places that `grid` names. Jaderberg et al. (2015).

    Args:
        input: (N, C, H, W) or (N, C, D, H, W).
        grid: (N, *P, 2) or (N, *P, 3): places (x, y) or (x, y, z), from -1 to 1 across the image.
        mode: ``bilinear``, ``nearest`` or, for images, ``bicubic``.
        padding_mode: what lies outside: ``zeros``, ``border`` or ``reflection``.
        align_corners: -1 and 1 are the centres of the corner pixels; else their outer edges.

    Returns:
        (N, C, *P).

    Raises:
        ValueError, RuntimeError: if arguments do not fit.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError("nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but "
                         f"got: '{mode}'")  # fmt: skip
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError("nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', "
                         f"but got: '{padding_mode}'")  # fmt: skip
    spatial = input.ndim - 2
    fits = spatial in (2, 3) and grid.ndim == input.ndim and grid.shape[0] == input.shape[0]
    if not fits or grid.shape[-1] != spatial or (mode == "bicubic" and spatial != 2):
        raise RuntimeError("grid_sampler(): expected 4D or 5D input and grid with the same number of dimensions, batch "
                           f"and as many coordinates as spatial axes, but got input with sizes {list(input.shape)} and "
                           f"grid with sizes {list(grid.shape)} in mode {mode}")  # fmt: skip
    if 0 in input.shape[1:]:
        raise RuntimeError(f"grid_sampler(): expected input to have non-empty dimensions, but got {list(input.shape)}")
    corners = bool(align_corners)
    lengths = input.shape[2:]
    places = [_unnormalized(grid[..., spatial - 1 - d], lengths[d], corners) for d in range(spatial)]

    def settled(p: Any, d: int) -> Any:
        return _inside(p, lengths[d], padding_mode, corners)

    if mode == "bicubic":
        return _summed(input, [_cubic_taps(p) for p in places], padding_mode == "zeros", settled)
    places = [settled(p, d) for d, p in enumerate(places)]
    taps = [_nearest_taps(p) for p in places] if mode == "nearest" else [_linear_taps(p) for p in places]
    return _summed(input, taps, padding_mode == "zeros", lambda p, d: p)


def _unnormalized(x: Any, length: int, corners: bool) -> Any:
    """From [-1, 1] to places."""
    return (x + 1) * ((length - 1) / 2) if corners else ((x + 1) * length - 1) / 2


def _inside(p: Any, length: int, padding: str, corners: bool) -> Any:
    """A place outside as `padding` says; clipped for ``border``, and mirrored before for ``reflection``."""
    if padding == "zeros":
        return p
    xp = p.__array_namespace__()
    if padding == "reflection":
        low, span = (0.0, length - 1.0) if corners else (-0.5, float(length))
        if span == 0:
            return p * 0
        away = xp.abs(p - low)
        turns = xp.floor(away / span)
        rest = away - turns * span
        odd = turns - 2 * xp.floor(turns / 2) != 0
        p = xp.where(odd, span - rest, rest) + low
    # hardtanh, whose slope at the border itself is 0, as PyTorch's is here
    clipped = call("hardtanh", p, min_val=0.0, max_val=float(length - 1)) if length > 1 else p * 0
    return xp.where(xp.isfinite(p), clipped, 0.0)


def _nearest_taps(p: Any) -> list[tuple[Any, Any]]:
    return [(p.__array_namespace__().round(p), None)]


def _linear_taps(p: Any) -> list[tuple[Any, Any]]:
    low = p.__array_namespace__().floor(p)
    return [(low, low + 1 - p), (low + 1, p - low)]


def _cubic_taps(p: Any) -> list[tuple[Any, Any]]:
    low = p.__array_namespace__().floor(p)
    t = p - low

    def near(u: Any) -> Any:
        return ((_A + 2) * u - (_A + 3)) * u * u + 1

    def far(u: Any) -> Any:
        return ((_A * u - 5 * _A) * u + 8 * _A) * u - 4 * _A

    return [(low - 1, far(t + 1)), (low, near(t)), (low + 1, near(1 - t)), (low + 2, far(2 - t))]


def _summed(input: Any, taps: list[list[tuple[Any, Any]]], zeros: bool, settled: Callable[[Any, int], Any]) -> Tensor:
    """The sum over all combinations of taps of weight times value; 0 for what lies outside, if `zeros`."""
    xp = input.__array_namespace__()
    n, c, *lengths = input.shape
    shape = taps[0][0][0].shape[1:]
    flat = xp.reshape(input, (n, c, math.prod(lengths)))
    total: Any = None
    for combination in itertools.product(*taps):
        index, weight, inside = None, None, None
        for d, (place, share) in enumerate(combination):
            place = settled(place, d)
            at = xp.astype(xp.clip(xp.where(xp.isfinite(place), place, -1.0), -1.0, float(lengths[d])), xp.int64)
            within = (at >= 0) & (at < lengths[d])
            at = xp.clip(at, 0, lengths[d] - 1)
            index = at if index is None else index * lengths[d] + at
            inside = within if inside is None else inside & within
            if share is not None:
                weight = share if weight is None else weight * share
        places = xp.broadcast_to(xp.reshape(index, (n, 1, -1)), (n, c, math.prod(shape)))
        value = xp.take_along_axis(flat, places, axis=2)
        if zeros:
            value = xp.where(xp.reshape(inside, (n, 1, -1)), value, 0.0)
        value = value if weight is None else value * xp.reshape(weight, (n, 1, -1))
        total = value if total is None else total + value
    return xp.reshape(total, (n, c, *shape))  # type: ignore[no-any-return]
