"""Dropout layers: active in training, and nothing in evaluation."""

from __future__ import annotations

from ..tensor import Tensor
from . import functional as F
from .module import Module


class _Dropout(Module):
    """What dropout layers have in common."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The parameters."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Set each element to 0 with probability `p`, and divide the others by ``1 - p``. Hinton et al. (2012).

    Args:
        p: in [0, 1].
        inplace: write into the input.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Of any shape."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Dropout of whole channels, (batch, channels, width)."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, width) or (channels, width)."""
        return F.dropout1d(input, self.p, self.training, self.inplace)  # type: ignore[no-any-return]


class Dropout2d(_Dropout):
    """Dropout of whole channels, (batch, channels, height, width)."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width) or (channels, height, width)."""
        return F.dropout2d(input, self.p, self.training, self.inplace)  # type: ignore[no-any-return]


class Dropout3d(_Dropout):
    """Dropout of whole channels, (batch, channels, depth, height, width)."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, depth, height, width), or without the batch."""
        return F.dropout3d(input, self.p, self.training, self.inplace)  # type: ignore[no-any-return]


class AlphaDropout(_Dropout):
    """Dropout that keeps mean 0 and variance 1, for `SELU`. Klambauer et al. (2017)."""

    def forward(self, input: Tensor) -> Tensor:
        """Of any shape."""
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels, (batch, channels, ...)."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, ...)."""
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
