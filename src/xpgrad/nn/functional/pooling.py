"""Pooling: the largest or the mean of each window, under the names for one, two and three dimensions."""

from __future__ import annotations

import functools
import math
from typing import Any

from ...kernels.windows import tupled
from ...tensor import Tensor
from ._call import call

_SHAPES = "(batch, channels, *spatial), or without the batch"


def _batched(name: str, spatial: int, input: Tensor) -> tuple[Tensor, bool]:
    if input.ndim not in (spatial + 1, spatial + 2):
        raise RuntimeError(f"{name}: Expected {spatial + 1}D or {spatial + 2}D input, but got input of size: "
                           f"{list(input.shape)}")  # fmt: skip
    alone = input.ndim == spatial + 1
    return (call("expand_dims", input, axis=0) if alone else input), alone


def _fixed(value: Any) -> Any:
    """A list of sizes as a tuple, so that geometry can be remembered by it; an empty one stands for none."""
    return (tuple(value) or None) if isinstance(value, list | tuple) else value


def _max_pool(spatial: int) -> Any:
    name = f"max_pool{spatial}d"

    def pool(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
             ceil_mode: bool = False, return_indices: bool = False) -> Any:  # fmt: skip
        x, alone = _batched(name, spatial, input)
        how = {"kernel": _fixed(kernel_size), "stride": _fixed(stride), "padding": _fixed(padding),
               "dilation": _fixed(dilation), "ceil_mode": ceil_mode}  # fmt: skip
        out = [call("max_pool", x, **how)]
        if return_indices:
            out.append(call("max_pool_indices", x, **how))
        out = [call("squeeze", y, axis=0) for y in out] if alone else out
        return tuple(out) if return_indices else out[0]

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"""The largest value of each window.

    Args:
        input: {_SHAPES}.
        kernel_size, stride, padding, dilation: an int, or one for each spatial axis; the stride is the kernel size if
            not given.
        ceil_mode: windows that begin inside the input but end beyond it count as well.
        return_indices: return also where in the flattened spatial axes each value was found.

    Raises:
        RuntimeError: if shapes or parameters do not fit.
    """
    return pool


def _avg_pool(spatial: int) -> Any:
    name = f"avg_pool{spatial}d"

    def pool(input: Tensor, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
             count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor:  # fmt: skip
        x, alone = _batched(name, spatial, input)
        y = call("avg_pool", x, kernel=_fixed(kernel_size), stride=_fixed(stride), padding=_fixed(padding),
                 ceil_mode=ceil_mode, count_include_pad=count_include_pad,
                 divisor_override=divisor_override)  # fmt: skip
        return call("squeeze", y, axis=0) if alone else y

    pool.__name__ = pool.__qualname__ = name
    pool.__doc__ = f"""The mean of each window.

    Args:
        input: {_SHAPES}.
        kernel_size, stride, padding: an int, or one for each spatial axis; the stride is the kernel size if not given.
        ceil_mode: windows that begin inside the input but end beyond it count as well.
        count_include_pad: padded zeros count in the mean.
        divisor_override: divide by this number instead.

    Raises:
        RuntimeError: if shapes or parameters do not fit.
    """
    return pool


max_pool1d, max_pool2d, max_pool3d = map(_max_pool, (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = map(_avg_pool, (1, 2, 3))


def _adaptive(kind: str, spatial: int) -> Any:
    name = f"adaptive_{kind}_pool{spatial}d"
    op = f"adaptive_{kind}_pool"

    def sizes(output_size: Any) -> Any:
        return tuple(output_size) if isinstance(output_size, list | tuple) else output_size

    def average(input: Tensor, output_size: Any) -> Tensor:
        x, alone = _batched(name, spatial, input)
        y = call(op, x, size=sizes(output_size))
        return call("squeeze", y, axis=0) if alone else y

    def largest(input: Tensor, output_size: Any, return_indices: bool = False) -> Any:
        x, alone = _batched(name, spatial, input)
        out = [call(op, x, size=sizes(output_size))]
        if return_indices:
            out.append(call("adaptive_max_pool_indices", x, size=sizes(output_size)))
        out = [call("squeeze", y, axis=0) for y in out] if alone else out
        return tuple(out) if return_indices else out[0]

    pool = average if kind == "avg" else largest
    pool.__name__ = pool.__qualname__ = name
    what = "mean" if kind == "avg" else "largest value"
    pool.__doc__ = f"""The {what} of each of as many windows as `output_size` says.

    Args:
        input: {_SHAPES}.
        output_size: an int, or one for each spatial axis; None keeps an axis as it is.

    Raises:
        RuntimeError: if shapes or parameters do not fit.
    """
    return pool


adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = (_adaptive("avg", n) for n in (1, 2, 3))
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = (_adaptive("max", n) for n in (1, 2, 3))


def with_indices(pool: Any) -> Any:
    """A max-pooling that always returns its indices too, under PyTorch's name for it."""

    @functools.wraps(pool)
    def both(*args: Any, **params: Any) -> Any:
        return pool(*args, **{**params, "return_indices": True})

    both.__name__ = both.__qualname__ = f"{pool.__name__}_with_indices"
    return both


max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices = map(
    with_indices, (max_pool1d, max_pool2d, max_pool3d))  # fmt: skip
adaptive_max_pool1d_with_indices, adaptive_max_pool2d_with_indices, adaptive_max_pool3d_with_indices = map(
    with_indices, (adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d))  # fmt: skip


def _lp_pool(spatial: int) -> Any:
    average = (avg_pool1d, avg_pool2d, avg_pool3d)[spatial - 1]

    def pool(input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
        kernel = tupled(pool.__name__, "kernel_size", kernel_size, spatial)
        if math.isinf(norm_type):
            sign = math.copysign(1, norm_type)
            largest = (max_pool1d, max_pool2d, max_pool3d)[spatial - 1]
            return largest(abs(input) * sign, kernel, stride, 0, 1, ceil_mode) * sign  # type: ignore[no-any-return]
        mean: Any = average(input**norm_type, kernel, stride, 0, ceil_mode)
        root: Any = call("multiply", call("sign", mean), call("relu", call("abs", mean)))  # its slope at 0 is 0
        return (root * math.prod(kernel)) ** (1.0 / norm_type)  # type: ignore[no-any-return]

    pool.__name__ = pool.__qualname__ = f"lp_pool{spatial}d"
    pool.__doc__ = f"""The norm of each window, (sum of input^p)^(1/p), p = `norm_type`.

    Args:
        input: {_SHAPES}.
        norm_type: the norm's order.
        kernel_size, stride: an int, or one for each spatial axis; the stride is the kernel size if not given.
        ceil_mode: windows that begin inside the input but end beyond it count as well.
    """
    return pool


lp_pool1d, lp_pool2d, lp_pool3d = map(_lp_pool, (1, 2, 3))


def _unpooled(name: str, spatial: int, shape: Any, kernel: Any, stride: Any, padding: Any, wanted: Any) -> Any:
    """The spatial sizes of the result: `wanted`, if it is within one stride of those that follow."""
    k = tupled(name, "kernel_size", kernel, spatial)
    s = tupled(name, "stride", kernel if stride in (None, [], ()) else stride, spatial)
    p = tupled(name, "padding", padding, spatial)
    default = tuple((n - 1) * t - 2 * b + m for n, t, b, m in zip(shape[-spatial:], s, p, k, strict=True))
    if wanted is None:
        return default
    sizes = tuple(wanted)[-spatial:]
    if any(not d - t < n < d + t for n, d, t in zip(sizes, default, s, strict=True)):
        raise ValueError(f'invalid output_size "{list(wanted)}" (each must be within one stride of {list(default)})')
    return sizes


def _max_unpool(spatial: int) -> Any:
    name = f"max_unpool{spatial}d"

    def unpool(input: Any, indices: Any, kernel_size: Any, stride: Any = None, padding: Any = 0,
               output_size: Any = None) -> Tensor:  # fmt: skip
        if input.shape != indices.shape:
            raise RuntimeError(f"{name}: Expected shape of indices to be same as that of the input tensor "
                               f"({input.shape}) but got indices tensor with shape: {indices.shape}")
        _batched(name, spatial, input)
        sizes = _unpooled(name, spatial, input.shape, kernel_size, stride, padding, output_size)
        return call("max_unpool", input, indices, size=sizes)

    unpool.__name__ = unpool.__qualname__ = name
    unpool.__doc__ = f"""Zeros, with each value where `indices` says, the way back from `max_pool{spatial}d`.

    Args:
        input: {_SHAPES}.
        indices: of the same shape: places in the flattened spatial axes of the result.
        kernel_size, stride, padding: those of the pooling.
        output_size: the result's spatial sizes, where those that follow from the pooling leave a choice.

    Raises:
        RuntimeError, ValueError: if shapes or parameters do not fit.
    """
    return unpool


max_unpool1d, max_unpool2d, max_unpool3d = map(_max_unpool, (1, 2, 3))
