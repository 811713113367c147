"""Images: pixels shuffled between channels and space, another size, and sampling at any place."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ...tensor import Tensor
from ._call import call
from .pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d


def pixel_shuffle(input: Any, upscale_factor: int) -> Tensor:
    """(*, C r², H, W) to (*, C, H r, W r). Shi et al. (2016).

    Raises:
        RuntimeError: if r² does not divide the channels, or there are fewer than 3 axes.
    """
    r = upscale_factor
    if input.ndim < 3:
        raise RuntimeError(f"pixel_shuffle expects input to have at least 3 dimensions, but got {input.ndim}")
    *outer, c, h, w = input.shape
    if r <= 0 or c % (r * r):
        raise RuntimeError("pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
                           f"upscale_factor, but input.size(-3)={c} is not divisible by {r * r}")  # fmt: skip
    xp, n = input.__array_namespace__(), len(outer)
    split = xp.reshape(input, (*outer, c // (r * r), r, r, h, w))
    moved = xp.permute_dims(split, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return xp.reshape(moved, (*outer, c // (r * r), h * r, w * r))  # type: ignore[no-any-return]


def pixel_unshuffle(input: Any, downscale_factor: int) -> Tensor:
    """(*, C, H r, W r) to (*, C r², H, W), undoing `pixel_shuffle`.

    Raises:
        RuntimeError: if r does not divide height and width, or there are fewer than 3 axes.
    """
    r = downscale_factor
    if input.ndim < 3:
        raise RuntimeError(f"pixel_unshuffle expects input to have at least 3 dimensions, but got {input.ndim}")
    *outer, c, h, w = input.shape
    if r <= 0 or h % r or w % r:
        raise RuntimeError("pixel_unshuffle expects height and width to be divisible by downscale_factor, but input "
                           f"has {h} x {w} and downscale_factor is {r}")  # fmt: skip
    xp, n = input.__array_namespace__(), len(outer)
    split = xp.reshape(input, (*outer, c, h // r, r, w // r, r))
    moved = xp.permute_dims(split, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return xp.reshape(moved, (*outer, c * r * r, h // r, w // r))  # type: ignore[no-any-return]


def channel_shuffle(input: Any, groups: int) -> Tensor:
    """(N, G C, *) with channel j of group i moved to place j G + i. Zhang et al. (2018).

    Raises:
        RuntimeError: if the groups do not divide the channels, or there are fewer than 3 axes.
    """
    if input.ndim < 3:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    n, c, *spatial = input.shape
    if groups <= 0 or c % groups:
        raise RuntimeError(f"Number of channels must be divisible by groups. Got {c} channels and {groups} groups.")
    xp = input.__array_namespace__()
    split = xp.reshape(input, (n, groups, c // groups, *spatial))
    return xp.reshape(xp.permute_dims(split, (0, 2, 1, *range(3, split.ndim))), input.shape)  # type: ignore[no-any-return]


native_channel_shuffle = channel_shuffle

# mode -> (kernel, numbers of spatial axes)
_MODES = {"nearest": ("nearest", (1, 2, 3)), "nearest-exact": ("nearest-exact", (1, 2, 3)), "area": ("area", (1, 2, 3)),
          "linear": ("linear", (1,)), "bilinear": ("linear", (2,)), "bicubic": ("cubic", (2,)),
          "trilinear": ("linear", (3,))}  # fmt: skip


def interpolate(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
                antialias: bool = False) -> Tensor:  # fmt: skip
    """(batch, channels, *spatial) in another spatial size.

    Args:
        size: the new sizes, an int or one for each spatial axis; or
        scale_factor: what they are multiplied with.
        mode: ``nearest``, ``nearest-exact``, ``linear``, ``bilinear``, ``bicubic``, ``trilinear`` or ``area``.
        align_corners: the centres of the corner pixels keep their values; else the image's edges stay.
        recompute_scale_factor: compute with the ratio of the sizes, and not with `scale_factor` itself.
        antialias: in modes ``bilinear`` and ``bicubic``, average where the image shrinks.

    Raises:
        ValueError, NotImplementedError: if arguments do not fit each other.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.interpolate(xpgrad.tensor([[[1.0, 2.0]]]), scale_factor=2)
        tensor([[[1., 1., 2., 2.]]])
    """
    if mode not in _MODES:
        raise NotImplementedError("Input Error: Only 3D, 4D and 5D input Tensors supported (got "
                                  f"{input.ndim}D) for the modes: {' | '.join(_MODES)} (got {mode})")  # fmt: skip
    kernel, ranks = _MODES[mode]
    spatial = input.ndim - 2
    if spatial not in (1, 2, 3):
        raise NotImplementedError(f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D)")
    if spatial not in ranks:
        raise NotImplementedError(f"Got {input.ndim}D input, but {mode} mode needs {ranks[0] + 2}D input")
    if align_corners is not None and kernel not in ("linear", "cubic"):
        raise ValueError("align_corners option can only be set with the interpolating modes: linear | bilinear | "
                         "bicubic | trilinear")  # fmt: skip
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError("Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as "
                         "input")  # fmt: skip
    sizes, factors = _target(input.shape[2:], size, scale_factor, recompute_scale_factor)
    if kernel == "area":
        pool = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[spatial - 1]
        return pool(input, sizes)  # type: ignore[no-any-return]
    if min(sizes) <= 0 or 0 in input.shape[1:]:
        raise RuntimeError(f"Input and output sizes should be greater than 0, but got input (H, W...) "
                           f"{list(input.shape[2:])} output {list(sizes)}")  # fmt: skip
    corners = bool(align_corners)
    scales = tuple(_scale(n, s, f, corners) for n, s, f in zip(input.shape[2:], sizes, factors, strict=True))
    return call("resample", input, mode=kernel, size=sizes, scales=scales, align_corners=corners, antialias=antialias)


def _scale(length: int, size: int, factor: float | None, corners: bool) -> float:
    """The distance of two outputs, in inputs."""
    if corners:
        return (length - 1) / (size - 1) if size > 1 else 0.0
    return 1.0 / factor if factor else length / size


def _target(lengths: Any, size: Any, factor: Any, recompute: bool | None) -> tuple[tuple[int, ...], list[Any]]:
    count = len(lengths)
    if (size is None) == (factor is None):
        raise ValueError("only one of size or scale_factor should be defined" if size is not None else
                         "either size or scale_factor should be defined")  # fmt: skip
    given = size if size is not None else factor
    if isinstance(given, list | tuple) and len(given) != count:
        raise ValueError("Input and output must have the same number of spatial dimensions, but got input with spatial "
                         f"dimensions of {list(lengths)} and output size or scale factor {given}.")  # fmt: skip
    each = list(given) if isinstance(given, list | tuple) else [given] * count
    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return tuple(int(s) for s in each), [None] * count
    sizes = tuple(math.floor(float(n) * float(f)) for n, f in zip(lengths, each, strict=True))
    return sizes, [None] * count if recompute else [float(f) for f in each]


def upsample(input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
             align_corners: bool | None = None) -> Tensor:  # fmt: skip
    """`interpolate`, under its older name."""
    warnings.warn("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead.", stacklevel=2)
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` in mode ``nearest``."""
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Tensor:
    """`interpolate` in mode ``bilinear``, corners aligned."""
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)


# -- sampling at places given by a grid --


def affine_grid(theta: Any, size: Any, align_corners: bool | None = None) -> Tensor:
    """The grid of an affine map, for `grid_sample`. Jaderberg et al. (2015).

    Args:
        theta: (N, 2, 3) for images, (N, 3, 4) for volumes.
        size: the result's, (N, C, H, W) or (N, C, D, H, W).
        align_corners: -1 and 1 are the centres of the corner pixels; else their outer edges.

    Returns:
        (N, H, W, 2) or (N, D, H, W, 3).

    Raises:
        ValueError, NotImplementedError: if the shapes do not fit.
    """
    spatial = tuple(size)[2:]
    n = len(spatial)
    if n not in (2, 3):
        raise NotImplementedError("affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, "
                                  f"respectively. Got size {tuple(size)}.")  # fmt: skip
    if tuple(theta.shape) != (size[0], n, n + 1):
        raise ValueError(f"Expected a batch of {n}D affine matrices of shape {size[0]}x{n}x{n + 1} for size "
                         f"{tuple(size)}. Got {tuple(theta.shape)}.")  # fmt: skip
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {tuple(size)}")
    xp = theta.__array_namespace__()
    axes = []
    for place, length in enumerate(spatial):
        line = xp.linspace(-1, 1, length, dtype=theta.dtype, device=theta.device)
        line = line if length > 1 else line * 0
        line = line if align_corners else line * ((length - 1) / length)
        shape = [1] * n
        shape[place] = length
        axes.append(xp.broadcast_to(xp.reshape(line, tuple(shape)), spatial))
    ones = xp.ones(spatial, dtype=theta.dtype, device=theta.device)
    base = xp.reshape(xp.stack([*axes[::-1], ones], axis=-1), (1, math.prod(spatial), n + 1))
    base = xp.broadcast_to(base, (theta.shape[0], *base.shape[1:]))
    return xp.reshape(xp.matmul(base, xp.matrix_transpose(theta)), (theta.shape[0], *spatial, n))  # type: ignore[no-any-return]
