"""Normalization, under PyTorch's names."""

from __future__ import annotations

import math
from typing import Any

from ...modes import no_grad
from ...op import OPS
from ...tensor import Tensor, apply
from ...views import write
from ._call import call
from .padding import pad


def layer_norm(input: Any, normalized_shape: Any, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:  # fmt: skip
    """(input - mean) / sqrt(variance + eps) * weight + bias, over the last axes. Ba et al. (2016).

    Args:
        input: (*, *normalized_shape).
        normalized_shape: the sizes of the axes that are normalized.
        weight, bias: of that shape.

    Raises:
        RuntimeError: if the shapes do not fit.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.layer_norm(xpgrad.tensor([[1.0, 3.0]]), [2])
        tensor([[-1.0000,  1.0000]])
    """
    shape = _checked("layer_norm", input, normalized_shape, weight)
    return apply(OPS["normalize_layer"], (input, weight, bias), {"count": len(shape), "eps": eps})[0]  # type: ignore[no-any-return]


def _checked(name: str, input: Any, normalized_shape: Any, weight: Tensor | None) -> tuple[int, ...]:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape:
        raise RuntimeError(f"{name}: Expected normalized_shape to be at least 1-dimensional, got {shape}")
    if tuple(input.shape[input.ndim - len(shape) :]) != shape or input.ndim < len(shape):
        raise RuntimeError(f"{name}: Given normalized_shape={list(shape)}, expected input with shape [*, "
                           f"{', '.join(map(str, shape))}], but got input of size{list(input.shape)}")  # fmt: skip
    if weight is not None and tuple(weight.shape) != shape:
        raise RuntimeError(f"{name}: Expected weight to be of same shape as normalized_shape, but got weight of shape "
                           f"{list(weight.shape)} and normalized_shape = {list(shape)}")  # fmt: skip
    return shape


def rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Tensor:
    """input / sqrt(mean of input² + eps) * weight, over the last axes. Zhang and Sennrich (2019).

    Args:
        eps: the dtype's own if not given.
    """
    shape = _checked("rms_norm", input, normalized_shape, weight)
    xp = input.__array_namespace__()
    axes = tuple(range(input.ndim - len(shape), input.ndim))
    small = float(xp.finfo(input.dtype).eps) if eps is None else eps
    y = input / xp.sqrt(xp.mean(input * input, axis=axes, keepdims=True) + small)
    return y if weight is None else y * weight  # type: ignore[no-any-return]


def group_norm(input: Any, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None,
               eps: float = 1e-5) -> Tensor:  # fmt: skip
    """`layer_norm` over each of `num_groups` groups of channels of (batch, channels, ...). Wu and He (2018).

    Raises:
        RuntimeError: if the groups do not divide the channels, or the input has no channels.
    """
    if input.ndim < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    if num_groups <= 0 or input.shape[1] % num_groups:
        raise RuntimeError("Expected number of channels in input to be divisible by num_groups, but got input of shape "
                           f"{list(input.shape)} and num_groups={num_groups}")  # fmt: skip
    _several("group_norm", input.shape[0] * input.shape[1] // num_groups, input.shape, input.shape[2:], first=False)
    return apply(OPS["normalize_group"], (input, weight, bias), {"groups": num_groups, "eps": eps})[0]  # type: ignore[no-any-return]


def _several(name: str, count: int, shape: Any, spatial: Any, first: bool = True) -> None:
    """Refuse to compute a variance of one value, as PyTorch does where it would mean nothing."""
    if count * math.prod(spatial) == 1:
        raise ValueError(f"Expected more than 1 {'value per channel' if first else 'value per group'} when training, "
                         f"got input size {shape}")  # fmt: skip


def _blend(running: Any, new: Any, momentum: float) -> None:
    """``running = (1 - momentum) running + momentum new``, in place."""
    if running is not None:
        write(running, running * (1 - momentum) + new * momentum)


def batch_norm(input: Any, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
               bias: Tensor | None = None, training: bool = False, momentum: float = 0.1,
               eps: float = 1e-5) -> Tensor:  # fmt: skip
    """Each channel of (batch, channels, ...) less its mean, over its deviation. Ioffe and Szegedy (2015).

    Args:
        running_mean, running_var: (channels,): used in evaluation; updated in place in training, where they are given.
        weight, bias: (channels,).
        training: take mean and variance from this batch.
        momentum: how much of them enters the running ones.

    Raises:
        ValueError: in training, if there is but one value for each channel. RuntimeError: if shapes do not fit.
    """
    if input.ndim < 2:
        if input.size:
            raise RuntimeError(f"batch_norm: expected (batch, channels, ...), got input of shape {list(input.shape)}")
        return input * 1  # type: ignore[no-any-return]
    for name, given in (("running_mean", running_mean), ("weight", weight)):
        if given is not None and int(given.size) != input.shape[1]:
            raise RuntimeError(f"batch_norm: {name} should contain {input.shape[1]} elements not {int(given.size)}")
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: Expected running_mean and running_var to be defined when training=False")
        return call("scale_batch", input, weight, bias, running_mean, running_var, eps=eps)
    _several("batch_norm", input.shape[0], input.shape, input.shape[2:])
    out, mean, rstd = apply(OPS["normalize_batch"], (input, weight, bias), {"eps": eps})
    count = math.prod(input.shape) // max(input.shape[1], 1)
    if count and (running_mean is not None or running_var is not None):
        with no_grad():
            _blend(running_mean, mean, momentum)
            _blend(running_var, (1 / (rstd * rstd) - eps) * (count / max(count - 1, 1)), momentum)
    return out  # type: ignore[no-any-return]


def instance_norm(input: Any, running_mean: Any = None, running_var: Any = None, weight: Any = None, bias: Any = None,
                  use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5) -> Tensor:  # fmt: skip
    """`batch_norm` of each sample alone, over space. Ulyanov et al. (2016).

    Args:
        use_input_stats: take mean and variance from the input; else the running ones.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _, c, *spatial = input.shape
    if math.prod(spatial) == 1:
        raise ValueError(f"Expected more than 1 spatial element when training, got input size {input.shape}")
    xp = input.__array_namespace__()
    out, mean, rstd = apply(OPS["normalize_group"], (input, weight, bias), {"groups": max(c, 1), "eps": eps})
    count = math.prod(spatial)
    if running_mean is not None or running_var is not None:
        with no_grad():
            var = (1 / (rstd * rstd) - eps) * (count / max(count - 1, 1))
            for running, new in ((running_mean, mean), (running_var, var)):
                _blend(running, xp.mean(new, axis=0), momentum)
    return xp.reshape(out, input.shape)  # type: ignore[no-any-return]


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """input / (k + alpha mean of the squares of `size` neighbouring channels)^beta. Krizhevsky et al. (2012).

    Raises:
        ValueError: if there are fewer than 3 axes.
    """
    if input.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.ndim} dimensions)")
    xp = input.__array_namespace__()
    if 0 in input.shape:
        return input  # type: ignore[no-any-return]
    squares = xp.reshape(input * input, (input.shape[0], 1, input.shape[1], -1))
    around = pad(squares, (0, 0, size // 2, (size - 1) // 2))
    mean = call("avg_pool", around, kernel=(size, 1), stride=(1, 1))
    return input / (xp.reshape(mean, input.shape) * alpha + k) ** beta  # type: ignore[no-any-return]
