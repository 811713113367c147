"""Sliding windows as columns, and columns laid back over each other: each is the other's adjoint."""

from __future__ import annotations

import itertools
import math
from typing import Any

from ..op import op
from .geometry import patch_geometry
from .windows import cut, extend, fold, tupled


def im2col(xp: Any, x: Any, *, kernel: Any, stride: Any = 1, padding: Any = 0, dilation: Any = 1) -> Any:
    """Each window of (N, C, *S) as a column: (N, C · product of the kernel, number of windows).

    Raises:
        RuntimeError: if shape and parameters do not fit each other.

    Example:
        >>> import xpgrad
        >>> x = xpgrad.reshape(xpgrad.arange(6.0), (1, 1, 2, 3))
        >>> x.__array_namespace__().im2col(x, kernel=2).tolist()
        [[[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]]
    """
    geo = patch_geometry("unfold", tuple(x.shape), kernel, stride, padding, dilation)
    for dim, (low, high) in enumerate(geo.pads):
        x = extend(xp, x, dim + 2, -low, x.shape[dim + 2] + high)
    taps = []
    for place in itertools.product(*map(range, geo.kernel)):
        tap = x
        for dim, k in enumerate(place):
            start, step = k * geo.dilation[dim], geo.stride[dim]
            tap = cut(tap, dim + 2, start, start + (geo.outer[dim] - 1) * step + 1, step)
        taps.append(tap)
    return xp.reshape(xp.stack(taps, axis=2), (x.shape[0], x.shape[1] * len(taps), math.prod(geo.outer)))


def col2im(xp: Any, z: Any, *, size: tuple[int, ...], kernel: Any, stride: Any = 1, padding: Any = 0,
           dilation: Any = 1) -> Any:  # fmt: skip
    """The adjoint of `im2col`: columns (N, C · product of the kernel, number of windows) summed into (N, C, *size).

    Raises:
        RuntimeError: if shape and parameters do not fit each other.
    """
    taps = math.prod(tupled("fold", "kernel_size", kernel, len(size)))
    if z.shape[1] % taps:
        raise RuntimeError("fold: Expected size of input's dimension 1 to be divisible by the product of kernel_size, "
                           f"but got input.size(1)={z.shape[1]} and kernel_size={kernel}.")  # fmt: skip
    n, channels = z.shape[0], z.shape[1] // taps
    geo = patch_geometry("fold", (n, channels, *size), kernel, stride, padding, dilation)
    count = math.prod(geo.outer)
    if z.shape[2] != count:
        raise RuntimeError(f"fold: Given output_size={tuple(size)}, kernel_size={geo.kernel}, dilation={geo.dilation}, "
                           f"padding={geo.pads}, stride={geo.stride}, expected size of input's dimension 2 to match "
                           f"the calculated number of sliding blocks {count}, but got {z.shape[2]}.")  # fmt: skip
    whole = xp.reshape(z, (n, channels, taps, *geo.outer))
    parts = [whole[:, :, t, ...] for t in range(taps)]
    for dim in reversed(range(len(geo.kernel))):  # the last axis varies fastest
        k, s, d = geo.kernel[dim], geo.stride[dim], geo.dilation[dim]
        parts = [fold(xp, parts[j : j + k], dim + 2, s, d, geo.pads[dim][0], geo.inner[dim])
                 for j in range(0, len(parts), k)]  # fmt: skip
    return parts[0]


op("im2col", lambda xp, g, x_shape, kernel, stride=1, padding=0, dilation=1: xp.col2im(
       g, size=tuple(x_shape[2:]), kernel=kernel, stride=stride, padding=padding, dilation=dilation),
   forward=im2col, node="Im2ColBackward0")  # fmt: skip
op("col2im", lambda xp, g, kernel, stride=1, padding=0, dilation=1: xp.im2col(
       g, kernel=kernel, stride=stride, padding=padding, dilation=dilation),
   forward=col2im, args="z", node="Col2ImBackward0")  # fmt: skip
