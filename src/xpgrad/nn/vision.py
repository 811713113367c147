"""Layers for images: shuffled pixels and channels, another size, patches; and distances of vectors."""

from __future__ import annotations

import functools
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .module import Module
from .stored import REQUIRED, made

_made = functools.partial(made, __name__)
_SLIDING = (("kernel_size", REQUIRED), ("dilation", 1), ("padding", 0), ("stride", 1))
_SHOWN = "kernel_size={kernel_size}, dilation={dilation}, padding={padding}, stride={stride}"

PixelShuffle = _made("PixelShuffle", "pixel_shuffle", ("upscale_factor", REQUIRED),
                     shown="upscale_factor={upscale_factor}")  # fmt: skip
PixelUnshuffle = _made("PixelUnshuffle", "pixel_unshuffle", ("downscale_factor", REQUIRED),
                       shown="downscale_factor={downscale_factor}")  # fmt: skip
ChannelShuffle = _made("ChannelShuffle", "channel_shuffle", ("groups", REQUIRED), shown="groups={groups}")
Unfold = _made("Unfold", "unfold", *_SLIDING, shown=_SHOWN)
Fold = _made("Fold", "fold", ("output_size", REQUIRED), *_SLIDING, shown=f"output_size={{output_size}}, {_SHOWN}")
CosineSimilarity = _made("CosineSimilarity", "cosine_similarity", ("dim", 1), ("eps", 1e-8))


class PairwiseDistance(Module):
    """The norm of order p of x1 - x2 + eps, along the last axis."""

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """(*, D) and (*, D)."""
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class Upsample(Module):
    """(batch, channels, *spatial) in another spatial size; see `functional.interpolate`.

    Args:
        size, scale_factor: the new sizes, or what they are multiplied with.
        mode: ``nearest``, ``linear``, ``bilinear``, ``bicubic``, ``trilinear``, ``nearest-exact`` or ``area``.
        align_corners: the centres of the corner pixels keep their values.
        recompute_scale_factor: compute with the ratio of the sizes.
    """

    def __init__(self, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
                 align_corners: bool | None = None, recompute_scale_factor: bool | None = None) -> None:  # fmt: skip
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        many = isinstance(scale_factor, tuple | list)
        self.scale_factor = tuple(map(float, scale_factor)) if many else float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, *spatial)."""
        return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners,
                             self.recompute_scale_factor)  # fmt: skip

    def extra_repr(self) -> str:
        """The size and the mode."""
        size = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """`Upsample` in mode ``nearest``."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """`Upsample` in mode ``bilinear``, corners aligned."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
