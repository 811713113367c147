"""Pooling layers: one family for one, two and three dimensions."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from .convolution import repeated
from .module import Module
from .stored import family


class _MaxPool(Module):
    """The largest value of each window.

    Args:
        kernel_size, stride, padding, dilation: an int, or one for each spatial axis; the stride is the kernel size if
            not given.
        return_indices: return also where each value was found.
        ceil_mode: windows that begin inside the input but end beyond it count as well.
    """

    spatial: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
                 return_indices: bool = False, ceil_mode: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Any:
        """(batch, channels, *spatial); the batch may be absent."""
        pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[self.spatial - 1]
        return pool(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
                    self.return_indices)  # fmt: skip

    def extra_repr(self) -> str:
        """The parameters."""
        return (f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
                f"dilation={self.dilation}, ceil_mode={self.ceil_mode}")  # fmt: skip


class _AvgPool(Module):
    """The mean of each window.

    Args:
        kernel_size, stride, padding: an int, or one for each spatial axis; the stride is the kernel size if not given.
        ceil_mode: windows that begin inside the input but end beyond it count as well.
        count_include_pad: padded zeros count in the mean.
        divisor_override: divide by this number instead.
    """

    spatial: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True, divisor_override: int | None = None) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, *spatial); the batch may be absent."""
        pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[self.spatial - 1]
        return pool(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,  # type: ignore[no-any-return]
                    self.divisor_override)  # fmt: skip

    def extra_repr(self) -> str:
        """The parameters."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    __doc__ = _AvgPool.__doc__
    spatial = 1

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
                 count_include_pad: bool = True) -> None:  # fmt: skip
        kernel, step, pad = ((v,) if isinstance(v, int) else v for v in (kernel_size, stride, padding))
        super().__init__(kernel, step, pad, ceil_mode, count_include_pad)


class _LPPool(Module):
    """The norm of each window, (sum of input^p)^(1/p).

    Args:
        norm_type: p.
        kernel_size, stride: an int, or one for each spatial axis; the stride is the kernel size if not given.
        ceil_mode: windows that begin inside the input but end beyond it count as well.
    """

    spatial: int

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, *spatial); the batch may be absent."""
        pool = (F.lp_pool1d, F.lp_pool2d, F.lp_pool3d)[self.spatial - 1]
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """The parameters."""
        return (f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
                f"ceil_mode={self.ceil_mode}")  # fmt: skip


class _MaxUnpool(Module):
    """Zeros, with each value where a pooling found it.

    Args:
        kernel_size, stride, padding: those of the pooling.
    """

    spatial: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        n = self.spatial
        self.kernel_size = repeated(kernel_size, n)
        self.stride = repeated(kernel_size if stride is None else stride, n)
        self.padding = repeated(padding, n)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        """(batch, channels, *spatial), and the indices of the pooling; the batch may be absent."""
        unpool = (F.max_unpool1d, F.max_unpool2d, F.max_unpool3d)[self.spatial - 1]
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """The parameters."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AdaptiveAvgPool(Module):
    """The mean of each of as many windows as `output_size` says.

    Args:
        output_size: an int, or one for each spatial axis; None keeps an axis as it is.
    """

    spatial: int

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Tensor) -> Any:
        """(batch, channels, *spatial); the batch may be absent."""
        pool = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[self.spatial - 1]
        return pool(input, self.output_size)

    def extra_repr(self) -> str:
        """The size."""
        return f"output_size={self.output_size}"


class _AdaptiveMaxPool(_AdaptiveAvgPool):
    """The largest value of each of as many windows as `output_size` says.

    Args:
        output_size: an int, or one for each spatial axis; None keeps an axis as it is.
        return_indices: return also where each value was found.
    """

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        """(batch, channels, *spatial); the batch may be absent."""
        pool = (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)[self.spatial - 1]
        return pool(input, self.output_size, self.return_indices)


MaxPool1d, MaxPool2d, MaxPool3d = family(__name__, _MaxPool)
AvgPool2d, AvgPool3d = family(__name__, _AvgPool)[1:]
LPPool1d, LPPool2d, LPPool3d = family(__name__, _LPPool)
MaxUnpool1d, MaxUnpool2d, MaxUnpool3d = family(__name__, _MaxUnpool)
AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d = family(__name__, _AdaptiveAvgPool)
AdaptiveMaxPool1d, AdaptiveMaxPool2d, AdaptiveMaxPool3d = family(__name__, _AdaptiveMaxPool)
