"""Convolution layers: one family for one, two and three dimensions."""

from __future__ import annotations

import math
from typing import Any

from ..creation import empty
from ..tensor import Tensor
from . import functional as F
from . import init
from .linear import init_bias
from .module import Module
from .parameter import Parameter
from .stored import family


def repeated(value: Any, count: int) -> tuple[int, ...]:
    """One number for each axis, from one for all or as they are."""
    return (value,) * count if isinstance(value, int) else tuple(value)


_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvLike(Module):
    """What convolutions and their transposes have in common; `spatial` is the number of axes that the kernel slides
    along."""

    spatial: int
    transposed = False
    weight: Parameter
    bias: Parameter | None
    output_padding: tuple[int, ...]

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
                 output_padding: Any, groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any) -> None:
        super().__init__()
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string '{padding}', should be one of {{'valid', 'same'}}")
        if padding_mode not in _MODES:
            raise ValueError(f"padding_mode must be one of {set(_MODES)}, but got padding_mode='{padding_mode}'")
        n = self.spatial
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = repeated(kernel_size, n)
        self.stride = repeated(stride, n)
        self.padding = padding if isinstance(padding, str) else repeated(padding, n)
        self.dilation = repeated(dilation, n)
        self.output_padding = repeated(output_padding, n)
        self.groups = groups
        self.padding_mode = padding_mode
        if padding == "same" and any(s != 1 for s in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        self._register(bias, device, dtype)

    def _weight_shape(self) -> tuple[int, ...]:
        outer, inner = self.out_channels, self.in_channels
        if self.transposed:
            outer, inner = inner, outer
        return (outer, inner // self.groups, *self.kernel_size)

    def _register(self, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = Parameter(empty(self._weight_shape(), device=device, dtype=dtype))
        made = Parameter(empty(self.out_channels, device=device, dtype=dtype)) if bias else None
        self.register_parameter("bias", made)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the initial values anew: uniform in ±1 / sqrt(size of the weight along all axes but the first)."""
        if 0 not in self.weight.shape:
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))
            init_bias(self.bias, math.prod(self.weight.shape[1:]))

    def extra_repr(self) -> str:
        """The parameters that are not as usual."""
        n = self.spatial
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != (0,) * n:
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * n:
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != (0,) * n:
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _Conv(_ConvLike):
    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros",
                 device: Any = None, dtype: Any = None) -> None:  # fmt: skip
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias,
                         padding_mode, device, dtype)  # fmt: skip

    def _around(self) -> tuple[int, ...]:
        """The padding as `functional.pad` takes it: (before, after) for the last axis first."""
        if self.padding == "valid":
            return (0,) * (2 * self.spatial)
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            pairs = [(t // 2, t - t // 2) for t in totals]
        else:
            pairs = [(p, p) for p in self.padding if isinstance(p, int)]
        return tuple(p for pair in reversed(pairs) for p in pair)

    def forward(self, input: Tensor) -> Tensor:
        """(batch, in_channels, *spatial) to (batch, out_channels, *spatial); the batch may be absent."""
        conv = (F.conv1d, F.conv2d, F.conv3d)[self.spatial - 1]
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = F.pad(input, self._around(), self.padding_mode), 0
        return conv(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)  # type: ignore[no-any-return]


class _ConvTranspose(_ConvLike):
    transposed = True

    def __init__(self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
                 output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1,
                 padding_mode: str = "zeros", device: Any = None, dtype: Any = None) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, output_padding, groups,
                         bias, padding_mode, device, dtype)  # fmt: skip

    def _extra(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that leads to `output_size`.

        Raises:
            ValueError: if none does.
        """
        if output_size is None:
            return self.output_padding
        n = self.spatial
        wanted = tuple(output_size)[-n:]
        padding: Any = self.padding
        least = tuple((size - 1) * s - 2 * p + d * (k - 1) + 1 for size, s, p, d, k in zip(
            input.shape[-n:], self.stride, padding, self.dilation, self.kernel_size, strict=True))  # fmt: skip
        extra = tuple(w - m for w, m in zip(wanted, least, strict=True))
        fits = all(0 <= e < s for e, s in zip(extra, self.stride, strict=True))
        if not fits or len(output_size) not in (n, input.ndim):
            most = [m + s - 1 for m, s in zip(least, self.stride, strict=True)]
            raise ValueError(f"requested an output size of {list(output_size)}, but valid sizes range from "
                             f"{list(least)} to {most} (for an input of {input.shape[-n:]})")  # fmt: skip
        return extra

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        """(batch, in_channels, *spatial) to (batch, out_channels, *spatial); the batch may be absent.

        `output_size` chooses among the sizes that have the same convolution's.
        """
        conv = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self.spatial - 1]
        return conv(input, self.weight, self.bias, self.stride, self.padding, self._extra(input, output_size),  # type: ignore[no-any-return]
                    self.groups, self.dilation)  # fmt: skip


_DOC = """A convolution (cross-correlation) over {axes}.

    Args:
        in_channels, out_channels: sizes of axis 1 of input and output.
        kernel_size, stride, dilation: an int, or one for each axis.
        padding: an int, one for each axis, ``"same"`` or ``"valid"``.
        padding_mode: what is laid around: ``zeros``, ``reflect``, ``replicate`` or ``circular``.
        groups: how many groups of channels are convolved apart.
        bias: whether there is one.

    Shape:
        (batch, in_channels, {axes}) to (batch, out_channels, {axes}); the batch may be absent. Each size becomes
        ``(size + 2 padding - dilation (kernel - 1) - 1) // stride + 1``.

    Raises:
        ValueError: for channels that the groups do not divide, or an unknown padding.
    """


_TRANSPOSED = """The transpose of a convolution as a linear map, over {axes}.

    Args:
        in_channels, out_channels: sizes of axis 1 of input and output.
        kernel_size, stride, padding, dilation: those of the convolution; an int, or one for each axis.
        output_padding: how much larger the result is on one side.
        groups: how many groups of channels are convolved apart.
        bias: whether there is one.

    Shape:
        (batch, in_channels, {axes}) to (batch, out_channels, {axes}); the batch may be absent. Each size becomes
        ``(size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``.

    Raises:
        ValueError: for channels that the groups do not divide.
    """


Conv1d, Conv2d, Conv3d = family(__name__, _Conv, _DOC)
ConvTranspose1d, ConvTranspose2d, ConvTranspose3d = family(__name__, _ConvTranspose, _TRANSPOSED)
