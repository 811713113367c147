"""Embedding: rows of a table, by their numbers."""

from __future__ import annotations

import math
from typing import Any

from ..op import device_of, op
from .host import waits


def check_range(xp: Any, name: str, indices: Any, count: int) -> None:
    """Refuse indices outside 0 .. count - 1, where reading them makes no device wait.

    Raises:
        IndexError: says so.
    """
    if math.prod(indices.shape) and not waits(xp, indices) and bool(xp.any((indices < 0) | (indices >= count))):
        raise IndexError(f"{name}: index out of range in self; indices must be in [0, {count - 1}]")


def embedding(xp: Any, weight: Any, indices: Any, *, padding_idx: int = -1, scale_grad_by_freq: bool = False) -> Any:
    """``weight[indices]``: a table (M, D) and indices of any shape S to (*S, D).

    Args:
        padding_idx: the row that gets no gradient; -1 for none.
        scale_grad_by_freq: divide each row's gradient by how often it occurs.

    Raises:
        IndexError: for an index out of range; on a library that computes asynchronously its rows are NaN instead.
    """
    check_range(xp, "embedding", indices, weight.shape[0])
    flat = xp.reshape(indices, (math.prod(indices.shape),))
    rows = xp.take(weight, flat, axis=0)
    if waits(xp, indices):
        outside = xp.reshape((flat < 0) | (flat >= weight.shape[0]), (flat.shape[0], 1))
        rows = xp.where(outside, math.nan, rows)
    return xp.reshape(rows, (*indices.shape, weight.shape[1]))


def _embedding(xp: Any, g: Any, indices: Any, weight_shape: Any, padding_idx: int = -1,
               scale_grad_by_freq: bool = False) -> Any:  # fmt: skip
    flat = xp.reshape(indices, (math.prod(indices.shape),))
    rows = xp.reshape(g, (flat.shape[0], weight_shape[1]))
    if padding_idx >= 0:
        rows = xp.where(xp.reshape(flat == padding_idx, (flat.shape[0], 1)), 0.0, rows)
    if scale_grad_by_freq:
        ones = xp.ones((flat.shape[0], 1), dtype=g.dtype, device=device_of(g))
        counts = xp.take_adjoint(ones, flat, shape=(weight_shape[0], 1), axis=0)
        rows = rows / xp.take(counts, flat, axis=0)
    return xp.take_adjoint(rows, flat, shape=tuple(weight_shape), axis=0)


op("embedding", _embedding, None, args="weight indices", forward=embedding, node="EmbeddingBackward0")
