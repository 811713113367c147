"""Layers on grids: transposed convolutions, padding, pooling, resampling, and normalization."""

from __future__ import annotations

from typing import Any

from . import distinct, fixed, integers, positive, real
from .layers import layer

_SIZES = ((6,), (4, 5), (3, 4, 3))
_CHANNELS: dict[str, Any] = {"weight": real(4), "bias": real(4)}

for _n, _size in enumerate(_SIZES, 1):
    _x = real(2, 4, *_size)
    layer(f"ConvTranspose{_n}d", (4, 2, 3), _x, weight=real(4, 2, *(3,) * _n), bias=real(2))
    layer(f"ConvTranspose{_n}d", (4, 4, 2), _x, weight=real(4, 2, *(2,) * _n), about="stride, groups",
          options={"stride": 2, "groups": 2, "output_padding": 1, "bias": False})  # fmt: skip
    for _name in ("ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad"):
        layer(f"{_name}{_n}d", (1,), _x)
    layer(f"ConstantPad{_n}d", (1, 0.5), _x)
    layer(f"AdaptiveAvgPool{_n}d", (2,), _x)
    layer(f"AdaptiveMaxPool{_n}d", (2,), distinct(2, 2, *_size))
    layer(f"LPPool{_n}d", (3, 2), positive(2, 4, *_size))
    layer(f"BatchNorm{_n}d", (4,), _x, **_CHANNELS)
    layer(f"BatchNorm{_n}d", (4,), _x, training=False, about="evaluation", **_CHANNELS)
    layer(f"InstanceNorm{_n}d", (4,), _x, options={"affine": True}, **_CHANNELS)
for _n, (_x, _places, _out) in enumerate((
    (real(1, 2, 2), fixed([[[1, 2], [0, 3]]]), (4,)),
    (real(1, 1, 2, 2), fixed([[[[0, 3], [9, 14]]]]), (4, 4)),
    (real(1, 1, 1, 2, 1), fixed([[[[[3], [6]]]]]), (2, 4, 2)),
), 1):  # fmt: skip
    layer(f"MaxUnpool{_n}d", (2,), _x, _places)

layer("BatchNorm1d", (4,), real(5, 4), options={"affine": False}, about="no batch of grids")
layer("GroupNorm", (2, 4), real(3, 4, 5), **_CHANNELS)
layer("LayerNorm", (4,), real(3, 4), **_CHANNELS)
layer("RMSNorm", (4,), real(3, 4), weight=real(4))
layer("LocalResponseNorm", (3,), real(2, 5, 3))
layer("CrossMapLRN2d", (3,), real(2, 5, 3, 3), torch=False)
layer("Unfold", (2,), real(1, 2, 3, 4))
layer("Fold", ((3, 4), 2), real(1, 8, 6))
layer("PixelShuffle", (2,), real(1, 4, 2, 3))
layer("PixelUnshuffle", (2,), real(1, 1, 4, 6))
layer("ChannelShuffle", (2,), real(1, 4, 2, 2))
for _mode, _shape in (("nearest", (5,)), ("linear", (5,)), ("bilinear", (3, 4)), ("bicubic", (3, 4)),
                      ("trilinear", (2, 3, 2))):  # fmt: skip
    layer("Upsample", (), real(1, 2, *_shape), options={"scale_factor": 2, "mode": _mode}, about=_mode)
layer("UpsamplingNearest2d", (), real(1, 2, 3, 2), options={"scale_factor": 2})
layer("UpsamplingBilinear2d", (), real(1, 2, 3, 2), options={"size": (5, 4)})

layer("Bilinear", (3, 2, 4), real(5, 3), real(5, 2), weight=real(4, 3, 2), bias=real(4))
layer("Embedding", (6, 3), integers(2, 4), weight=real(6, 3))
layer("EmbeddingBag", (6, 3), integers(2, 4), weight=real(6, 3))
layer("EmbeddingBag", (6, 3), integers(2, 4), weight=distinct(6, 3), options={"mode": "max"}, about="max")
layer("CosineSimilarity", (), real(3, 4), real(3, 4))
layer("PairwiseDistance", (), real(3, 4), real(3, 4))
layer("RReLU", (), distinct(3, 4), training=False, about="evaluation")
layer("RReLU", (0.2, 0.2), distinct(3, 4), about="one slope")  # numbers between two slopes would depend on the dtype
layer("AlphaDropout", (0.4,), real(3, 4), seed=3, torch=False)
layer("FeatureAlphaDropout", (0.4,), real(3, 4, 2), seed=3, torch=False)
