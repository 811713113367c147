"""Distances and likenesses of vectors, and the losses made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...modes import no_grad
from ...tensor import Tensor
from .loss import reduced, reduction_of


def at_least(x: Any, bound: float) -> Any:
    """x, no less than `bound`; the gradient is that of x itself."""
    with no_grad():
        lift = x.__array_namespace__().clip(x, bound) - x
    return x + lift


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 · x2 / (max(|x1|, eps) max(|x2|, eps)), along `dim`, after broadcasting.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> F.cosine_similarity(xpgrad.tensor([3.0, 4.0]), xpgrad.tensor([3.0, 0.0]), dim=0)
        tensor(0.6000)
    """
    xp = x1.__array_namespace__()
    if not (x1.dtype.is_floating_point or x1.dtype.is_complex):
        raise RuntimeError(f"expected common dtype to be floating point, yet common dtype is {x1.dtype}")
    shape = xp.broadcast_shapes(x1.shape, x2.shape)
    x1, x2 = xp.broadcast_to(x1, shape), xp.broadcast_to(x2, shape)
    if not shape:
        return x1 * x2 / (at_least(abs(x1), eps) * at_least(abs(x2), eps))  # type: ignore[no-any-return]
    unit1, unit2 = (x / at_least(xp.linalg.vector_norm(x, axis=dim, keepdims=True), eps) for x in (x1, x2))
    return xp.sum(unit1 * unit2, axis=dim)  # type: ignore[no-any-return]


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The norm of order p of x1 - x2 + eps, along the last axis."""
    xp = x1.__array_namespace__()
    return xp.linalg.vector_norm(x1 - x2 + eps, axis=-1, keepdims=keepdim, ord=p)  # type: ignore[no-any-return]


def pdist(input: Any, p: float = 2.0) -> Tensor:
    """The distances of all pairs of rows of (N, D): (N (N - 1) / 2,), in the order (0, 1), (0, 2), ...

    Raises:
        RuntimeError: unless `input` has two axes, or for a negative `p`.
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError("pdist only supports non-negative p values")
    xp, n = input.__array_namespace__(), input.shape[0]
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    if not pairs:
        return xp.zeros((0,), dtype=input.dtype, device=input.device)  # type: ignore[no-any-return]
    first, second = (xp.asarray(list(k), dtype=xp.int64, device=input.device) for k in zip(*pairs, strict=True))
    difference = xp.take(input, first, axis=0) - xp.take(input, second, axis=0)
    return xp.linalg.vector_norm(difference, axis=-1, ord=p)  # type: ignore[no-any-return]


def cosine_embedding_loss(input1: Any, input2: Any, target: Any, margin: float = 0, size_average: bool | None = None,
                          reduce: bool | None = None, reduction: str = "mean") -> Tensor:  # fmt: skip
    """1 - cos(input1, input2) where target is 1, and max(0, cos - margin) where it is -1.

    Args:
        input1, input2: (N, D) or (D,). target: (N,) or ().

    Raises:
        RuntimeError: if the shapes do not fit.
    """
    if target.ndim > 1 or input1.ndim != target.ndim + 1 or input2.ndim != target.ndim + 1:
        raise RuntimeError(f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs "
                           f"with sizes {list(input1.shape)} and {list(input2.shape)}.")  # fmt: skip
    xp, tiny = input1.__array_namespace__(), 1e-12
    squares = (xp.sum(input1 * input1, axis=-1) + tiny) * (xp.sum(input2 * input2, axis=-1) + tiny)
    cosine = xp.sum(input1 * input2, axis=-1) / xp.sqrt(squares)
    loss = xp.where(target == 1, 1 - cosine, 0.0) + xp.where(target == -1, xp.clip(cosine - margin, 0.0), 0.0)
    return reduced(loss, reduction_of(size_average, reduce, reduction))


def _triplet(near: Any, far: Any, other: Any, margin: float, reduction: str) -> Tensor:
    xp = near.__array_namespace__()
    if other is not None:
        far = xp.minimum(far, other)
    return reduced(xp.clip(near - far + margin, 0.0), reduction_of(None, None, reduction))


def triplet_margin_loss(anchor: Any, positive: Any, negative: Any, margin: float = 1.0, p: float = 2, eps: float = 1e-6,
                        swap: bool = False, size_average: bool | None = None, reduce: bool | None = None,
                        reduction: str = "mean") -> Tensor:  # fmt: skip
    """max(0, |anchor - positive| - |anchor - negative| + margin). Balntas et al. (2016).

    Args:
        swap: take the distance of positive and negative, where that is smaller than anchor and negative's.

    Raises:
        ValueError: unless `margin` is positive.
    """

    def distance(a: Any, b: Any) -> Any:
        return pairwise_distance(a, b, p, eps)

    return triplet_margin_with_distance_loss(anchor, positive, negative, distance_function=distance, margin=margin,
                                             swap=swap, reduction=reduction_of(size_average, reduce, reduction))


def triplet_margin_with_distance_loss(anchor: Any, positive: Any, negative: Any, *,
                                      distance_function: Callable[[Any, Any], Any] | None = None, margin: float = 1.0,
                                      swap: bool = False, reduction: str = "mean") -> Tensor:  # fmt: skip
    """`triplet_margin_loss` with a distance of one's own."""
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        ranks = f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D"
        raise RuntimeError("The anchor, positive, and negative tensors are expected to have the same number of "
                           f"dimensions, but got: {ranks} inputs")  # fmt: skip
    distance = distance_function or pairwise_distance
    other = distance(positive, negative) if swap else None
    return _triplet(distance(anchor, positive), distance(anchor, negative), other, margin, reduction)


