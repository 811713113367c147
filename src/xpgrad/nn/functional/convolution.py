"""Convolutions and their transposes: one function each, under its names for one, two and three dimensions."""

from __future__ import annotations

from typing import Any

from ...kernels.windows import tupled
from ...tensor import Tensor
from ._call import call

_AXES = ("width", "height, width", "depth, height, width")


def _named(spatial: int) -> Any:
    axes = _AXES[spatial - 1]

    def conv(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
             dilation: Any = 1, groups: int = 1) -> Tensor:  # fmt: skip
        batched = input.ndim != spatial + 1
        x = input if batched else call("expand_dims", input, axis=0)
        y = call("convolution", x, weight, bias, stride=_hashable(stride), padding=_hashable(padding),
                 dilation=_hashable(dilation), groups=groups)  # fmt: skip
        return y if batched else call("squeeze", y, axis=0)

    conv.__name__ = conv.__qualname__ = f"conv{spatial}d"
    conv.__doc__ = f"""The convolution (cross-correlation) over {axes}.

    Args:
        input: (batch, in_channels, {axes}), or without the batch.
        weight: (out_channels, in_channels / groups, and one kernel size for each axis).
        bias: (out_channels,).
        stride, dilation: an int, or one for each axis.
        padding: an int, one for each axis, ``"same"`` or ``"valid"``.
        groups: how many groups of channels are convolved apart.

    Raises:
        RuntimeError: if shapes, dtypes or parameters do not fit each other.
    """
    return conv


def _transposed(spatial: int) -> Any:
    axes, name = _AXES[spatial - 1], f"conv_transpose{spatial}d"

    def conv_transpose(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Any = 1, padding: Any = 0,
                       output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Tensor:  # fmt: skip
        batched = input.ndim != spatial + 1
        x = input if batched else call("expand_dims", input, axis=0)
        if x.ndim != spatial + 2 or weight.ndim != spatial + 2:
            raise RuntimeError(f"{name}: Expected {spatial + 1}D (unbatched) or {spatial + 2}D (batched) input and "
                               f"{spatial + 2}D weight, but got {list(input.shape)} and {list(weight.shape)}")
        step, before, extra, apart = (tupled(name, what, value, spatial) for what, value in (
            ("stride", stride), ("padding", padding), ("output_padding", output_padding), ("dilation", dilation)))
        size = tuple((n - 1) * s - 2 * p + d * (k - 1) + 1 + e for n, k, s, p, e, d in zip(
            x.shape[2:], weight.shape[2:], step, before, extra, apart, strict=True))  # fmt: skip
        y = call("conv_input_grad", x, weight, bias, size=size, stride=step, padding=before, dilation=apart,
                 groups=groups)  # fmt: skip
        return y if batched else call("squeeze", y, axis=0)

    conv_transpose.__name__ = conv_transpose.__qualname__ = name
    conv_transpose.__doc__ = f"""The transpose of `conv{spatial}d` as a linear map, over {axes}.

    Args:
        input: (batch, in_channels, {axes}), or without the batch.
        weight: (in_channels, out_channels / groups, and one kernel size for each axis).
        bias: (out_channels,).
        stride, padding, dilation: those of the convolution; an int, or one for each axis.
        output_padding: how much larger the result is on one side, since several sizes have the same convolution's.
        groups: how many groups of channels are convolved apart.

    Returns:
        Each size is ``(size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1``.

    Raises:
        RuntimeError: if shapes, dtypes or parameters do not fit each other.
    """
    return conv_transpose


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


conv1d, conv2d, conv3d = _named(1), _named(2), _named(3)
conv_transpose1d, conv_transpose2d, conv_transpose3d = _transposed(1), _transposed(2), _transposed(3)


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Each window of (batch, channels, height, width) as a column: (batch, channels · kernel, number of windows).

    Raises:
        RuntimeError: if shapes or parameters do not fit.
    """
    batched = input.ndim != 3
    if input.ndim not in (3, 4):
        raise RuntimeError(f"unfold: Expected 3D or 4D (batch mode) tensor, but got: {list(input.shape)}")
    x = input if batched else call("expand_dims", input, axis=0)
    y = call("im2col", x, kernel=_hashable(kernel_size), stride=_hashable(stride), padding=_hashable(padding),
             dilation=_hashable(dilation))  # fmt: skip
    return y if batched else call("squeeze", y, axis=0)


def fold(input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0,
         stride: Any = 1) -> Tensor:  # fmt: skip
    """Columns laid back as windows over each other and summed, the adjoint of `unfold`.

    Args:
        input: (batch, channels · kernel, number of windows), or without the batch.
        output_size: (height, width).

    Raises:
        RuntimeError: if shapes or parameters do not fit.
    """
    batched = input.ndim != 2
    if input.ndim not in (2, 3):
        raise RuntimeError(f"fold: Expected 2D or 3D (batch mode) tensor for input, but got: {list(input.shape)}")
    x = input if batched else call("expand_dims", input, axis=0)
    y = call("col2im", x, size=tupled("fold", "output_size", output_size, 2), kernel=_hashable(kernel_size),
             stride=_hashable(stride), padding=_hashable(padding), dilation=_hashable(dilation))  # fmt: skip
    return y if batched else call("squeeze", y, axis=0)
