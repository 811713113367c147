"""Losses, under PyTorch's names and with its reductions: ``mean``, ``sum`` or ``none``."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ...kernels.host import waits
from ...kernels.linear import same_dtype
from ...tensor import Tensor, current
from ._call import call


def reduction_of(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, from PyTorch's older two flags where they are given."""
    if size_average is not None or reduce is not None:
        warnings.warn("size_average and reduce args will be deprecated, please use reduction instead.", stacklevel=3)
        if reduce is False:
            return "none"
        return "sum" if size_average is False else "mean"
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(loss: Any, reduction: str) -> Tensor:
    """A loss of each element as `reduction` says."""
    return loss if reduction == "none" else call(reduction, loss)


def _weighted(loss: Any, weight: Any, reduction: str) -> Tensor:
    """The losses times their weights; the mean is divided by the weights' sum."""
    loss = loss * weight
    if reduction == "mean":
        return call("divide", call("sum", loss), call("sum", weight))
    return reduced(loss, reduction)


def _paired(name: str, input: Tensor, target: Tensor) -> None:
    """Warn where the sizes differ, and refuse those that do not broadcast."""
    if input.shape == target.shape:
        return
    for i in range(1, min(input.ndim, target.ndim) + 1):
        a, b = input.shape[-i], target.shape[-i]
        if a != b and 1 not in (a, b):
            raise RuntimeError(f"{name}: The size of tensor a ({a}) must match the size of tensor b ({b}) at "
                               f"non-singleton dimension {max(input.ndim, target.ndim) - i}; "
                               f"input {list(input.shape)}, target {list(target.shape)}")  # fmt: skip
    warnings.warn(f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). This "
                  "will likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
                  stacklevel=3)  # fmt: skip


def mse_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
             reduction: str = "mean", weight: Tensor | None = None) -> Tensor:  # fmt: skip
    """The squared error, (input - target)².

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.mse_loss(xpgrad.tensor([1.0, 3.0]), xpgrad.tensor([1.0, 1.0]))
        tensor(2.)
    """
    _paired("mse_loss", input, target)
    reduction = reduction_of(size_average, reduce, reduction)
    if weight is None:
        return call("mse_loss", input, target, reduction=reduction)
    return _weighted(call("mse_loss", input, target, reduction="none"), weight, reduction)


def l1_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
            reduction: str = "mean") -> Tensor:  # fmt: skip
    """The absolute error, |input - target|."""
    _paired("l1_loss", input, target)
    distance = call("abs", call("subtract", input, target))
    return reduced(distance, reduction_of(size_average, reduce, reduction))


def smooth_l1_loss(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
                   reduction: str = "mean", beta: float = 1.0) -> Tensor:  # fmt: skip
    """The squared error over 2 beta where it is below beta, else the absolute error less beta / 2.

    Raises:
        RuntimeError: for a negative `beta`.
    """
    _paired("smooth_l1_loss", input, target)
    if beta < 0:
        raise RuntimeError("smooth_l1_loss does not support negative values for beta.")
    return call("smooth_l1_loss", input, target, reduction=reduction_of(size_average, reduce, reduction), beta=beta)


def huber_loss(input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0,
               weight: Tensor | None = None) -> Tensor:  # fmt: skip
    """Half the squared error where it is within delta, else delta (error - delta / 2).

    Raises:
        RuntimeError: unless `delta` is positive.
    """
    _paired("huber_loss", input, target)
    if delta <= 0:
        raise RuntimeError("huber_loss does not support non-positive values for delta.")
    reduction = reduction_of(None, None, reduction)
    if weight is None:
        return call("huber_loss", input, target, reduction=reduction, delta=delta)
    return _weighted(call("huber_loss", input, target, reduction="none", delta=delta), weight, reduction)


def binary_cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """-(target log(input) + (1 - target) log(1 - input)), for probabilities; logarithms at least -100.

    Raises:
        ValueError: if the sizes differ.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
                         "deprecated. Please ensure they have the same size.")  # fmt: skip
    same_dtype("binary_cross_entropy", input=input, target=target)
    if weight is None:
        return call("binary_cross_entropy", input, target, reduction=reduction)
    return reduced(call("multiply", call("binary_cross_entropy", input, target, reduction="none"), weight), reduction)


def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Tensor | None = None,
                                     size_average: bool | None = None, reduce: bool | None = None,
                                     reduction: str = "mean", pos_weight: Any = None) -> Tensor:  # fmt: skip
    """`binary_cross_entropy` of sigmoid(input), without overflow; `pos_weight` multiplies the target's part.

    Raises:
        ValueError: if the sizes differ.
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    if pos_weight is None and weight is None:
        return call("binary_cross_entropy_with_logits", input, target, reduction=reduction)
    if pos_weight is None:
        loss: Any = call("binary_cross_entropy_with_logits", input, target, reduction="none")
    else:
        factor = 1 + (pos_weight - 1) * target
        loss = (1 - target) * input - factor * call("log_sigmoid", input)
    return reduced(loss if weight is None else loss * weight, reduction)


def _check_classes(name: str, input: Tensor, target: Tensor, weight: Tensor | None) -> None:
    if input.ndim == 0:
        raise ValueError(f"{name}: Expected input with at least 1 dimension, got 0")
    expected = input.shape[:0] if input.ndim == 1 else (input.shape[0], *input.shape[2:])
    if input.ndim > 1 and target.ndim and input.shape[0] != target.shape[0]:
        raise ValueError(f"{name}: Expected input batch_size ({input.shape[0]}) to match target batch_size "
                         f"({target.shape[0]}).")  # fmt: skip
    if tuple(target.shape) != tuple(expected):
        raise RuntimeError(f"{name}: for an input of shape {list(input.shape)} (classes in axis "
                           f"{1 if input.ndim > 1 else 0}) expected target of shape {list(expected)}, got "
                           f"{list(target.shape)}")  # fmt: skip
    if target.dtype.kind not in ("signed integer", "unsigned integer"):
        raise RuntimeError(f"{name}: expected scalar type Long for class indices, but the target is {target.dtype}; "
                           "convert it with .long(), or give probabilities in the input's shape")  # fmt: skip
    classes = input.shape[1 if input.ndim > 1 else 0]
    if weight is not None and tuple(weight.shape) != (classes,):
        raise RuntimeError(f"{name}: weight tensor should be defined either for all {classes} classes or no classes "
                           f"but got weight tensor of shape: {list(weight.shape)}")  # fmt: skip
    same_dtype(name, input=input, weight=weight)


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
             ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """-weight[target] input[target]: the negative logarithm of the right class's probability.

    Args:
        input: log-probabilities (C,), (N, C) or (N, C, *S).
        target: class indices (), (N,) or (N, *S).
        weight: (C,), each class's weight; the mean is weighted.
        ignore_index: a class index that does not count.

    Raises:
        ValueError, RuntimeError: if shapes or dtypes do not fit.
        IndexError: for a class out of range; on a library that computes asynchronously the loss is NaN instead.
    """
    _check_classes("nll_loss", input, target, weight)
    return call("nll_loss", input, target, weight, ignore_index=ignore_index,
                reduction=reduction_of(size_average, reduce, reduction))  # fmt: skip


def cross_entropy(input: Any, target: Any, weight: Tensor | None = None, size_average: bool | None = None,
                  ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Tensor:  # fmt: skip
    """The cross entropy of softmax(input) and the target: class indices, or probabilities in the input's shape.

    Args:
        input: scores (C,), (N, C) or (N, C, *S).
        target: class indices (), (N,) or (N, *S), or probabilities of the input's shape.
        weight: (C,), each class's weight.
        ignore_index: a class index that does not count.
        label_smoothing: how much of the target is spread over all classes.

    Raises:
        ValueError, RuntimeError: if shapes or dtypes do not fit.
        IndexError: for a class out of range; ValueError: for a probability that is NaN. On a library that computes
            asynchronously the loss is NaN instead.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.cross_entropy(xpgrad.zeros(2, 4), xpgrad.tensor([0, 3]))
        tensor(1.3863)
    """
    reduction = reduction_of(size_average, reduce, reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    axis = 1 if input.ndim > 1 else 0
    probabilities = input.shape == target.shape and target.dtype.is_floating_point
    if probabilities:
        _refuse_nan("cross_entropy", target)
    else:
        _check_classes("cross_entropy", input, target, weight)
    log_p: Any = call("log_softmax", input, axis=axis)
    classes = input.shape[axis]
    if weight is not None:
        spread: Any = call("reshape", weight, shape=(1,) * axis + (classes,) + (1,) * (input.ndim - axis - 1))
    if probabilities:
        return _soft(log_p, target, spread if weight is not None else None, axis, reduction, label_smoothing)
    loss: Any = call("nll_loss", log_p, target, weight, ignore_index=ignore_index, reduction=reduction)
    if label_smoothing:
        even = _even(log_p if weight is None else log_p * spread, target, weight, ignore_index, axis, reduction)
        loss = (1 - label_smoothing) * loss + even * (label_smoothing / classes)
    return loss  # type: ignore[no-any-return]


def _refuse_nan(name: str, target: Tensor) -> None:
    """Raise for a target with a NaN, where reading it makes nobody wait; elsewhere the loss will be NaN."""
    xp, array = target.library, current(target)
    if not waits(xp, array) and bool(xp.any(xp.isnan(array))):
        raise ValueError(f"{name}: the target, {target.dtype} of shape {list(target.shape)}, holds NaN; a target of "
                         "probabilities must be numbers, so leave such samples out")  # fmt: skip


def _even(log_p: Any, target: Any, weight: Any, ignore_index: int, axis: int, reduction: str) -> Any:
    """The loss for a target spread evenly over the classes, of which there is one each: -sum(weight log p)."""
    counted = target != ignore_index
    each = call("where", counted, call("negative", call("sum", log_p, axis=axis)), 0.0)
    if reduction != "mean":
        return reduced(each, reduction)
    share: Any = call("astype", counted, dtype=log_p.dtype)
    if weight is not None:
        safe = call("reshape", call("where", counted, target, 0), shape=(-1,))
        share = share * call("reshape", call("take", weight, safe, axis=0), shape=target.shape)
    return call("divide", call("sum", each), call("sum", share))


def _soft(log_p: Any, target: Any, weight: Any, axis: int, reduction: str, smoothing: float) -> Tensor:
    """The cross entropy for a target of probabilities; the mean is over the samples."""
    if smoothing:
        target = target * (1 - smoothing) + smoothing / log_p.shape[axis]
    products = log_p * target if weight is None else log_p * target * weight
    each = call("negative", call("sum", products, axis=axis))
    if reduction == "mean":
        return call("divide", call("sum", each), max(math.prod(each.shape), 1))
    return reduced(each, reduction)
