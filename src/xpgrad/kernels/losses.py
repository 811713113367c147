"""Losses that are one node in PyTorch's graph, and the scoring of classes.

A class index is compared with the indices of all classes, never used to write into an array, so the gradient of
`nll_loss` is a product and a sum on every library. A class or a probability out of range raises where reading it
does not make a device wait, and is NaN elsewhere: never a number.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import device_of, op
from .host import waits


def reduced(xp: Any, loss: Any, reduction: str) -> Any:
    """`loss` as it is (``none``), its mean or its sum.

    Raises:
        ValueError: for another `reduction`.
    """
    if reduction == "mean":
        return xp.mean(loss)
    if reduction == "sum":
        return xp.sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _share(g: Any, like: Any, reduction: str) -> Any:
    """The gradient of each element's loss, given the gradient `g` of the reduced loss."""
    return g / max(math.prod(like.shape), 1) if reduction == "mean" else g


def mse_loss(xp: Any, x: Any, target: Any, reduction: str = "mean") -> Any:
    """(x - target)²."""
    d = x - target
    return reduced(xp, d * d, reduction)


def _mse(xp: Any, g: Any, x: Any, target: Any, reduction: str = "mean") -> Any:
    d = x - target
    return _share(2 * g, d, reduction) * d


op("mse_loss", _mse, lambda xp, g, x, target, reduction="mean": -_mse(xp, g, x, target, reduction),
   args="x target", forward=mse_loss, promotes=True)  # fmt: skip


def huber_loss(xp: Any, x: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """d² / 2 where |d| <= delta, else delta (|d| - delta / 2). Huber (1964)."""
    d = xp.abs(x - target)
    return reduced(xp, xp.where(d <= delta, 0.5 * d * d, delta * (d - 0.5 * delta)), reduction)


def _huber(xp: Any, g: Any, x: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    d = x - target
    return _share(g, d, reduction) * xp.clip(d, -delta, delta)


op("huber_loss", _huber,
   lambda xp, g, x, target, reduction="mean", delta=1.0: -_huber(xp, g, x, target, reduction, delta),
   args="x target", forward=huber_loss, promotes=True)  # fmt: skip


def smooth_l1_loss(xp: Any, x: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    """d² / (2 beta) where |d| < beta, else |d| - beta / 2; |d| for beta = 0."""
    d = xp.abs(x - target)
    smooth = xp.where(d < beta, 0.5 * d * d / beta, d - 0.5 * beta) if beta > 0 else d
    return reduced(xp, smooth, reduction)


def _smooth_l1(xp: Any, g: Any, x: Any, target: Any, reduction: str = "mean", beta: float = 1.0) -> Any:
    d = x - target
    return _share(g, d, reduction) * (xp.clip(d / beta, -1.0, 1.0) if beta > 0 else xp.sign(d))


op("smooth_l1_loss", _smooth_l1,
   lambda xp, g, x, target, reduction="mean", beta=1.0: -_smooth_l1(xp, g, x, target, reduction, beta),
   args="x target", forward=smooth_l1_loss, promotes=True)  # fmt: skip


def outside(xp: Any, name: str, p: Any) -> Any:
    """Where `p` is no probability (NaN is none), if reading that would make a device wait; None if not.

    Raises:
        ValueError: if an element is no probability, and can be read without delay.
    """
    wrong = xp.logical_not((p >= 0) & (p <= 1))
    if waits(xp, p):
        return wrong
    if bool(xp.any(wrong)):
        raise ValueError(f"all elements of {name} should be between 0 and 1, and none NaN")
    return None


def binary_cross_entropy(xp: Any, x: Any, target: Any, reduction: str = "mean") -> Any:
    """-(target log x + (1 - target) log(1 - x)), each logarithm at least -100.

    Raises:
        ValueError: for what is no probability, where the library computes without delay; elsewhere the loss is NaN.
    """
    wrong = [w for w in (outside(xp, "input", x), outside(xp, "target", target)) if w is not None]
    none, all_ = x <= 0, x >= 1  # where a logarithm is infinite
    yes = xp.where(none, -100.0, xp.maximum(xp.log(xp.where(none, 1.0, x)), -100.0))
    no = xp.where(all_, -100.0, xp.maximum(xp.log1p(xp.where(all_, 0.0, -x)), -100.0))
    loss = (target - 1) * no - target * yes
    for w in wrong:
        loss = xp.where(w, math.nan, loss)
    return reduced(xp, loss, reduction)


def _bce(xp: Any, g: Any, x: Any, target: Any, reduction: str = "mean") -> Any:
    d = x - target
    return _share(g, d, reduction) * d / xp.clip((1 - x) * x, 1e-12)


def _bce_target(xp: Any, g: Any, x: Any, target: Any, reduction: str = "mean") -> Any:
    return _share(g, x - target, reduction) * (xp.log1p(-x) - xp.log(x))


op("binary_cross_entropy", _bce, _bce_target, args="x target", forward=binary_cross_entropy)


def binary_cross_entropy_with_logits(xp: Any, x: Any, target: Any, reduction: str = "mean") -> Any:
    """The binary cross entropy of sigmoid(x), without overflow: (1 - target) x - log(sigmoid(x))."""
    return reduced(xp, (1 - target) * x - xp.log_sigmoid(x), reduction)


op("binary_cross_entropy_with_logits",
   lambda xp, g, x, target, reduction="mean": _share(g, x - target, reduction) * (xp.sigmoid(x) - target),
   lambda xp, g, x, target, reduction="mean": _share(g, x - target, reduction) * -x,
   args="x target", forward=binary_cross_entropy_with_logits)  # fmt: skip


op("one_hot", None, forward=lambda xp, x, classes=1, axis=-1: _one_hot(xp, x, classes, axis))


def _one_hot(xp: Any, x: Any, classes: int, axis: int) -> Any:
    """A new axis of booleans at `axis`, true at the class that `x` names."""
    place = axis % (x.ndim + 1)
    names = xp.arange(classes, dtype=x.dtype, device=device_of(x))
    if place < x.ndim:
        names = xp.reshape(names, (classes,) + (1,) * (x.ndim - place))
    return names == xp.reshape(x, (*x.shape[:place], 1, *x.shape[place:]))


def _weights(xp: Any, target: Any, weight: Any, ignore_index: int, dtype: Any) -> tuple[Any, Any]:
    """The target with 0 for the classes to ignore, and the weight of each sample."""
    counted = target != ignore_index
    safe = xp.where(counted, target, 0)
    if weight is None:
        return safe, xp.astype(counted, dtype)
    each = xp.reshape(xp.take(weight, xp.reshape(safe, (-1,)), axis=0), safe.shape)
    return safe, xp.where(counted, each, 0.0)


def nll_loss(xp: Any, x: Any, target: Any, weight: Any = None, ignore_index: int = -100,
             reduction: str = "mean") -> Any:  # fmt: skip
    """-weight[target] x[target], classes along axis 1 (axis 0 of a vector); the mean is divided by the weights' sum.

    Raises:
        IndexError: for a class out of range, where the library computes without delay; elsewhere the loss is NaN.
    """
    axis = 1 if x.ndim > 1 else 0
    classes = x.shape[axis]
    unread = waits(xp, target)
    if not unread and math.prod(target.shape):
        least, most = int(xp.min(target)), int(xp.max(target))
        if least >= 0 and most < classes and not least <= ignore_index <= most and weight is None:
            return reduced(xp, -_chosen(xp, x, target, axis), reduction)  # every sample counts
    counted = target != ignore_index
    wrong = counted & ((target < 0) | (target >= classes))
    if not unread and bool(xp.any(wrong)):
        most = int(xp.max(xp.where(wrong, target, 0)))
        raise IndexError(f"Target {most or int(xp.min(xp.where(wrong, target, 0)))} is out of bounds. nll_loss: an "
                         f"input of shape {list(x.shape)} has classes 0 to {classes - 1}; mark what is not to "
                         f"count with ignore_index={ignore_index}")  # fmt: skip
    target = xp.where(wrong, ignore_index, target) if unread else target
    safe, each = _weights(xp, target, weight, ignore_index, x.dtype)
    loss = -_chosen(xp, x, safe, axis) * each
    if unread:
        loss = xp.where(wrong, math.nan, loss)
    loss = xp.where(counted, loss, 0.0)
    return xp.sum(loss) / xp.sum(each) if reduction == "mean" else reduced(xp, loss, reduction)


def _chosen(xp: Any, x: Any, target: Any, axis: int) -> Any:
    """x at the class of each sample."""
    return xp.squeeze(xp.take_along_axis(x, xp.expand_dims(target, axis=axis), axis=axis), axis=axis)


def _nll(xp: Any, g: Any, target: Any, weight: Any, x_shape: Any, ignore_index: int = -100,
         reduction: str = "mean") -> Any:  # fmt: skip
    axis = 1 if len(x_shape) > 1 else 0
    if weight is None:
        share = g / -xp.sum(xp.astype(target != ignore_index, g.dtype)) if reduction == "mean" else -g
        share = xp.expand_dims(share, axis=axis) if reduction == "none" else share
        if not 0 <= ignore_index < x_shape[axis]:  # then the classes to ignore are no class at all
            return xp.where(xp.one_hot(target, classes=x_shape[axis], axis=axis), share, 0.0)
    safe, each = _weights(xp, target, weight, ignore_index, g.dtype)
    share = -g * each / xp.sum(each) if reduction == "mean" else -g * each
    share = xp.where(target != ignore_index, share, 0.0)  # where all are ignored the mean is NaN, its gradient is not
    return xp.where(xp.one_hot(safe, classes=x_shape[axis], axis=axis), xp.expand_dims(share, axis=axis), 0.0)


op("nll_loss", _nll, None, None, args="x target weight", forward=nll_loss)
