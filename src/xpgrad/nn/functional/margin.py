"""Losses that ask for a margin between scores."""

from __future__ import annotations

from typing import Any

from ...kernels.linear import same_dtype
from ...tensor import Tensor
from ._call import call
from .loss import reduced, reduction_of


def margin_ranking_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: bool | None = None,
                        reduce: bool | None = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """max(0, -target (input1 - input2) + margin): which of two is to be larger, the first (1) or the second (-1)."""
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError("margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
                           f"{input1.shape}, input2: {input2.shape}, target: {target.shape} ")  # fmt: skip
    xp = input1.__array_namespace__()
    loss = xp.clip(-target * (input1 - input2) + margin, 0.0)
    return reduced(loss, reduction_of(size_average, reduce, reduction))


def hinge_embedding_loss(input: Any, target: Any, margin: float = 1.0, size_average: bool | None = None,
                         reduce: bool | None = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """input where target is 1, and max(0, margin - input) where it is -1."""
    xp = input.__array_namespace__()
    loss = xp.where(target != 1, xp.clip(margin - input, 0.0), 0.0) + xp.where(target != -1, input, 0.0)
    return reduced(loss, reduction_of(size_average, reduce, reduction))


def soft_margin_loss(input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
                     reduction: str = "mean") -> Tensor:  # fmt: skip
    """log(1 + exp(-target input)), for targets 1 and -1."""
    if input.shape != target.shape:
        raise RuntimeError(f"soft_margin_loss: The size of target {list(target.shape)} must match the size of input "
                           f"{list(input.shape)}")  # fmt: skip
    loss: Any = call("log_sigmoid", target * input)
    return reduced(-loss, reduction_of(size_average, reduce, reduction))


def _lines(name: str, input: Any, target: Any, inner: bool) -> tuple[Any, Any, bool]:
    """Scores as (N, C), targets as (N,) or, with `inner`, (N, C), and whether there was a batch."""
    batched = input.ndim == 2
    shape = tuple(input.shape) if inner else tuple(input.shape[:-1])
    if input.ndim > 2 or not input.size:
        raise RuntimeError(f"{name}: Expected non-empty vector or matrix, but got {list(input.shape)}")
    if input.ndim < 2:
        input = call("reshape", input, shape=(1, -1))
        shape = tuple(input.shape) if inner else (1,)
    if int(target.size) != (input.shape[0] * input.shape[1] if inner else input.shape[0]):
        raise RuntimeError(f"{name}: inconsistent target size: {list(target.shape)} for input of size: "
                           f"{list(input.shape)}")  # fmt: skip
    return input, call("reshape", target, shape=shape), batched


def multi_margin_loss(input: Any, target: Any, p: int = 1, margin: float = 1.0, weight: Any = None,
                      size_average: bool | None = None, reduce: bool | None = None,
                      reduction: str = "mean") -> Tensor:  # fmt: skip
    """The sum over the wrong classes j of max(0, margin - input[y] + input[j])^p, over the number of classes.

    Args:
        input: (N, C) or (C,). target: (N,) or ().
        p: 1 or 2.
        weight: (C,): a factor for each right class.

    Raises:
        ValueError, RuntimeError: if arguments do not fit.
    """
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.ndim != 1:
        raise ValueError("weight must be one-dimensional")
    same_dtype("multi_margin_loss", input=input, weight=weight)
    x, y, batched = _lines("multi_margin_loss", input, target, False)
    xp = x.__array_namespace__()
    y = xp.astype(y, xp.int64)
    right = xp.take_along_axis(x, xp.expand_dims(y, axis=1), axis=1)
    short = xp.clip(margin - right + x, 0.0)
    short = short if p == 1 else short * short
    if weight is not None:
        short = short * xp.expand_dims(xp.take(weight, y, axis=0), axis=1)
    wrong = xp.arange(x.shape[1], device=x.device) != xp.expand_dims(y, axis=1)
    loss = xp.sum(xp.where(wrong, short, 0.0), axis=1) / x.shape[1]
    return reduced(loss if batched else loss[0], reduction_of(size_average, reduce, reduction))


def multilabel_margin_loss(input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None,
                           reduction: str = "mean") -> Tensor:  # fmt: skip
    """The sum over right classes y and wrong ones j of max(0, 1 - (input[y] - input[j])), over the number of classes.

    Args:
        input: (N, C) or (C,).
        target: of the same shape: the right classes, followed by -1 where there are fewer than C.

    Raises:
        RuntimeError: if the shapes do not fit.
    """
    x, y, batched = _lines("multilabel_margin_loss", input, target, True)
    xp = x.__array_namespace__()
    counts = xp.cumulative_sum(xp.astype(y < 0, xp.int64), axis=1) == 0  # what stands before the first -1
    labels = xp.astype(xp.where(counts, y, 0), xp.int64)
    classes = xp.arange(x.shape[1], device=x.device)
    named = (xp.expand_dims(labels, axis=2) == classes) & xp.expand_dims(counts, axis=2)
    wrong = ~xp.any(named, axis=1, keepdims=True)
    right = xp.expand_dims(xp.take_along_axis(x, labels, axis=1), axis=2)
    short = xp.clip(1 - (right - xp.expand_dims(x, axis=1)), 0.0)
    loss = xp.sum(xp.where(wrong & xp.expand_dims(counts, axis=2), short, 0.0), axis=(1, 2)) / x.shape[1]
    return reduced(loss if batched else loss[0], reduction_of(size_average, reduce, reduction))


def multilabel_soft_margin_loss(input: Any, target: Any, weight: Any = None, size_average: bool | None = None,
                                reduce: bool | None = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """The mean over the classes of the binary cross entropy of sigmoid(input)."""
    xp = input.__array_namespace__()
    yes: Any = call("log_sigmoid", input)
    no: Any = call("log_sigmoid", -input)
    loss = -(target * yes + (1 - target) * no)
    loss = loss if weight is None else loss * weight
    return reduced(xp.mean(loss, axis=-1), reduction_of(size_average, reduce, reduction))
