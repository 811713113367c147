"""Losses that are negative logarithms of likelihoods: Poisson's, the normal distribution's, and of sequences."""

from __future__ import annotations

import math
import warnings
from typing import Any

from ...kernels.host import waits
from ...tensor import Tensor, current
from ._call import call
from .distance import at_least
from .linear import linear
from .loss import cross_entropy, reduced, reduction_of


def kl_div(input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
           reduction: str = "mean", log_target: bool = False) -> Tensor:  # fmt: skip
    """target (log(target) - input), for log-probabilities `input`: the Kullback-Leibler divergence when summed.

    Args:
        log_target: `target` is of log-probabilities too.
        reduction: ``none``, ``sum``, ``mean`` over all elements, or ``batchmean``, the sum over the size of the batch.
    """
    if reduction == "mean" and size_average is None and reduce is None:
        warnings.warn("reduction: 'mean' divides the total loss by both the batch size and the support size."
                      "'batchmean' divides only by the batch size, and aligns with the KL div math definition.",
                      stacklevel=2)  # fmt: skip
    xp = input.__array_namespace__()
    batch = reduction == "batchmean"
    reduction = reduction_of(size_average, reduce, "sum" if batch else reduction)
    loss = xp.exp(target) * (target - input) if log_target else call("xlogy", target, target) - target * input
    total: Any = reduced(loss, reduction)
    return total / input.shape[0] if batch and input.ndim else total  # type: ignore[no-any-return]


def poisson_nll_loss(input: Any, target: Any, log_input: bool = True, full: bool = False,
                     size_average: bool | None = None, eps: float = 1e-8, reduce: bool | None = None,
                     reduction: str = "mean") -> Tensor:  # fmt: skip
    """exp(input) - target input, for the logarithm of a rate; input - target log(input + eps), for a rate.

    Args:
        log_input: `input` is the logarithm.
        full: add Stirling's approximation of log(target!), where target > 1.
    """
    xp = input.__array_namespace__()
    loss = xp.exp(input) - target * input if log_input else input - target * xp.log(input + eps)
    if full:
        large = target > 1
        t = xp.where(large, target, 1.0)
        loss = loss + xp.where(large, t * xp.log(t) - t + 0.5 * xp.log(2 * math.pi * t), 0.0)
    return reduced(loss, reduction_of(size_average, reduce, reduction))


def gaussian_nll_loss(input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6,
                      reduction: str = "mean") -> Tensor:  # fmt: skip
    """(log(var) + (input - target)² / var) / 2.

    Args:
        var: variances: a number, of the input's shape, or with its last axis missing or of length 1.
        full: add log(2π) / 2.
        eps: the least variance.

    Raises:
        ValueError: for a negative variance, where looking does not make a device wait, or a shape that does not fit.
    """
    xp = input.__array_namespace__()
    if not isinstance(var, Tensor):
        var = xp.zeros_like(input) + float(var)
    raw = current(var)
    if not waits(var.library, raw) and bool(var.library.any(raw < 0)):
        raise ValueError("var has negative entry/entries")
    if var.shape != input.shape:
        if tuple(input.shape[:-1]) == tuple(var.shape):
            var = xp.expand_dims(var, axis=-1)
        elif input.ndim != var.ndim or sum(b for a, b in zip(input.shape, var.shape, strict=True) if a != b) != 1:
            raise ValueError(f"var is of incorrect size: {list(var.shape)} for input of size {list(input.shape)}")
    reduction = reduction_of(None, None, reduction)
    var = at_least(var, eps)
    loss = 0.5 * (xp.log(var) + (input - target) ** 2 / var)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


def _numbers(values: Any, like: Any) -> Any:
    """Lengths as int64 beside `like`."""
    xp = like.__array_namespace__()
    if isinstance(values, Tensor):
        return xp.astype(values, xp.int64)
    return xp.asarray([int(v) for v in values], dtype=xp.int64, device=like.device)


def _longest(lengths: Any, bound: int) -> int:
    """The largest length; `bound`, where to look would make a device wait."""
    if isinstance(lengths, Tensor):
        raw = current(lengths)
        return bound if waits(lengths.library, raw) else int(lengths.library.max(raw))
    return max((int(v) for v in lengths), default=0)


def ctc_loss(log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any, blank: int = 0,
             reduction: str = "mean", zero_infinity: bool = False) -> Tensor:  # fmt: skip
    """The negative logarithm of the probability of each target, over all its alignments. Graves et al. (2006).

    Args:
        log_probs: (T, N, C) or (T, C), log-probabilities; the gradient is the one before log_softmax, as PyTorch's.
        targets: (N, longest), (longest,) without a batch, or all in one line; no blank among them.
        input_lengths, target_lengths: (N,) or (); numbers or a Tensor of integers.
        blank: the class that stands for no label.
        reduction: ``none``, ``sum``, or ``mean`` of the losses over their target's length.
        zero_infinity: 0 and no gradient where no alignment fits; else infinite.

    Raises:
        RuntimeError: if the shapes do not fit.
    """
    xp = log_probs.__array_namespace__()
    batched = log_probs.ndim == 3
    if log_probs.ndim not in (2, 3):
        raise RuntimeError(f"ctc_loss: log_probs must be (T, N, C) or (T, C), got {list(log_probs.shape)}")
    if not 0 <= blank < log_probs.shape[-1]:
        raise RuntimeError("blank must be in label range")
    if not batched:
        log_probs = xp.expand_dims(log_probs, axis=1)
        input_lengths, target_lengths = (
            xp.reshape(v, (1,)) if isinstance(v, Tensor) else [v] if isinstance(v, int) else v
            for v in (input_lengths, target_lengths))  # fmt: skip
        targets = xp.reshape(targets, (1, -1))
    n = log_probs.shape[1]
    ins, outs = _numbers(input_lengths, log_probs), _numbers(target_lengths, log_probs)
    for name, lengths in (("input_lengths", ins), ("target_lengths", outs)):
        if tuple(lengths.shape) != (n,):
            raise RuntimeError(f"{name} must be of size batch_size {n}, got {list(lengths.shape)}")
    longest = _longest(target_lengths, targets.shape[-1])
    if not isinstance(input_lengths, Tensor) and max(map(int, input_lengths)) > log_probs.shape[0]:
        raise RuntimeError(f"Expected input_lengths to have value at most {log_probs.shape[0]}, but got value "
                           f"{max(map(int, input_lengths))}")  # fmt: skip
    targets = xp.astype(targets, xp.int64)
    if targets.ndim == 1:
        places = xp.expand_dims(xp.cumulative_sum(outs) - outs, axis=1) + xp.arange(longest, device=log_probs.device)
        places = xp.reshape(xp.clip(places, 0, max(targets.shape[0] - 1, 0)), (-1,))
        targets = xp.reshape(xp.take(targets, places, axis=0), (n, longest))
    elif targets.shape[0] != n or targets.shape[1] < longest:
        raise RuntimeError(f"Expected tensor to have size at least {longest} at dimension 1, but got size "
                           f"{list(targets.shape)} for targets")  # fmt: skip
    targets = targets[:, :longest]
    within = xp.arange(longest, device=log_probs.device) < xp.expand_dims(outs, axis=1)
    targets = xp.where(within, targets, blank)  # what lies behind a target is never reached
    loss: Any = call("ctc_loss_each", log_probs, targets, ins, outs, blank=blank)
    if zero_infinity:
        loss = xp.where(xp.isinf(loss), 0.0, loss)
    if reduction == "mean":
        return xp.mean(loss / xp.astype(xp.clip(outs, 1), loss.dtype))  # type: ignore[no-any-return]
    return reduced(loss if batched else loss[0], reduction_of(None, None, reduction))


def linear_cross_entropy(input: Any, linear_weight: Any, target: Any, *, linear_bias: Any = None, weight: Any = None,
                         reduction: str = "mean", ignore_index: int | None = None, label_smoothing: float = 0.0,
                         options: Any = None) -> Tensor:  # fmt: skip
    """`cross_entropy` of `linear(input, linear_weight, linear_bias)`.

    Args:
        input: (in_features,) or (N, in_features).
        linear_weight: (C, *S, in_features); linear_bias: (C, *S).
        target: classes or probabilities, as in `cross_entropy`.
        options: taken for PyTorch's sake: how it would save memory; the numbers are the same.

    Raises:
        RuntimeError: if shapes do not fit.
    """
    features, (classes, *spatial) = input.shape[-1], linear_weight.shape[:-1]
    if not 1 <= input.ndim <= 2:
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if linear_weight.ndim < 2 or linear_weight.shape[-1] != features:
        raise RuntimeError("expected equal input and linear_weight last dimensions (in_features), got "
                           f"{features} and {linear_weight.shape[-1]}, respectively")  # fmt: skip
    if linear_bias is not None and tuple(linear_bias.shape) != (classes, *spatial):
        raise RuntimeError(f"expected linear_bias shape {(classes, *spatial)}, got {tuple(linear_bias.shape)}")
    if spatial and input.ndim == 1:
        raise RuntimeError(f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires "
                           f"batched input, (N, {features}), got unbatched input with shape {tuple(input.shape)}")
    xp, outs = input.__array_namespace__(), math.prod(spatial, start=classes)
    bias = None if linear_bias is None else xp.reshape(linear_bias, (outs,))
    logits = linear(input, xp.reshape(linear_weight, (outs, features)), bias)
    logits = xp.reshape(logits, (*input.shape[:-1], classes, *spatial))
    if ignore_index is not None and tuple(target.shape) == tuple(logits.shape):
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    return cross_entropy(logits, target, weight=weight, reduction=reduction, label_smoothing=label_smoothing,
                         ignore_index=-100 if ignore_index is None else ignore_index)  # fmt: skip
