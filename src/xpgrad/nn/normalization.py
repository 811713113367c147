"""Normalization of each sample: over features, groups of channels, or neighbouring channels."""

from __future__ import annotations

import functools
from typing import Any

from ..creation import empty
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter
from .stored import REQUIRED, made


class _Affine(Module):
    """What these layers have in common: a weight of ones and a bias of zeros at first, or neither."""

    weight: Parameter | None
    bias: Parameter | None

    def _register(self, shape: Any, weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        for name, wanted in (("weight", weight), ("bias", weight and bias)):
            made_of = Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, made_of)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights 1 and biases 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        bias = self._parameters.get("bias")
        if bias is not None:
            init.zeros_(bias)


class LayerNorm(_Affine):
    """(x - mean) / sqrt(variance + eps) * weight + bias, over the last axes. Ba et al. (2016).

    Args:
        normalized_shape: the sizes of those axes; an int for one.
        eps: added to the variance.
        elementwise_affine: whether there are weight and bias, of that shape.
        bias: whether there is a bias.
    """

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
                 device: Any = None, dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        single = isinstance(normalized_shape, int)
        self.normalized_shape = (normalized_shape,) if single else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._register(self.normalized_shape, elementwise_affine, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """(*, *normalized_shape)."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The arguments."""
        return (f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
                f"bias={self.bias is not None}")  # fmt: skip


class RMSNorm(_Affine):
    """x / sqrt(mean of x² + eps) * weight, over the last axes. Zhang and Sennrich (2019).

    Args:
        normalized_shape: the sizes of those axes; an int for one.
        eps: the dtype's own if not given.
        elementwise_affine: whether there is a weight, of that shape.
    """

    def __init__(self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True,
                 device: Any = None, dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        single = isinstance(normalized_shape, int)
        self.normalized_shape = (normalized_shape,) if single else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        kept = Parameter(empty(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.register_parameter("weight", kept)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        """(*, *normalized_shape)."""
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """`LayerNorm` over each of `num_groups` groups of channels, with weight and bias for each channel.

    Wu and He (2018).

    Args:
        num_groups: how many. num_channels: size of axis 1.
        eps: added to the variance.
        affine: whether there are weight and bias. bias: whether there is a bias.
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
                 dtype: Any = None, *, bias: bool = True) -> None:  # fmt: skip
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._register((num_channels,), affine, bias, device, dtype)

    def forward(self, input: Tensor) -> Tensor:
        """(batch, num_channels, *)."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The arguments."""
        return (f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
                f"bias={self.bias is not None}")  # fmt: skip


_LRN = (("size", REQUIRED), ("alpha", 1e-4), ("beta", 0.75), ("k", 1.0))
_LRN_SHOWN = "{size}, alpha={alpha}, beta={beta}, k={k}"
_made = functools.partial(made, __name__, shown=_LRN_SHOWN)
LocalResponseNorm = _made("LocalResponseNorm", "local_response_norm", *_LRN)


class CrossMapLRN2d(_made("CrossMapLRN2d", "local_response_norm", *_LRN[:-1], ("k", 1))):  # type: ignore[misc]
    """`LocalResponseNorm` of (batch, channels, height, width), under an older name."""

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, height, width)."""
        if input.ndim != 4:
            raise ValueError(f"CrossMapLRN2d: Expected input to be 4D, got {input.ndim}D instead.")
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)
