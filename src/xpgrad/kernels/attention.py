"""Attention: softmax(q kᵀ scale + mask) v, block by block.

The matrix of scores is never whole: for a block of queries, the blocks of keys come one after the other, and the
largest score, the sum of exponentials and the weighted values so far are carried along (Milakov and Gimelshein,
"Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022). The rule computes the blocks
anew from the logarithm of the sums, which is an output of the op, so gradients of every order are exact.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .. import dtypes
from ..op import device_of, op

_ELEMENTS = 2**20  # scores that are held at once, about; they stay in a processor's cache


def attention(xp: Any, query: Any, key: Any, value: Any, mask: Any = None, *, scale: float, causal: bool = False,
              block: int | None = None) -> tuple[Any, Any]:  # fmt: skip
    """softmax(query keyᵀ scale + mask) value; 0 for a query that may see no key.

    Args:
        query: (..., L, E). key: (..., S, E). value: (..., S, V); axes before those broadcast.
        mask: broadcasts to (..., L, S): booleans, true where a query may see a key, or numbers to be added.
        causal: query i sees the keys up to i.
        block: how many queries and keys are taken at a time; by the sizes if not given.

    Returns:
        (..., L, V), and the logarithms of the sums of exponentials, (..., L, 1).
    """
    outs, logs = [], []
    for rows in _blocks(query.shape[-2], _length(query, key, block)):
        q = query[..., rows, :]
        largest: Any = None
        total: Any = None
        out: Any = None
        for columns in _blocks(key.shape[-2], _length(query, key, block)):
            if causal and columns.start >= rows.stop:
                break
            v = value[..., columns, :]
            scores = _scores(xp, q, key[..., columns, :], mask, rows, columns, scale, causal)
            top = xp.max(scores, axis=-1, keepdims=True)
            top = top if largest is None else xp.maximum(top, largest)
            shift = xp.where(xp.isinf(top), xp.zeros_like(top), top)  # a row that has seen no key yet
            weights = xp.exp(scores - shift)
            here = xp.sum(weights, axis=-1, keepdims=True)
            if out is None:
                total, out = here, weights @ v
            else:
                old = xp.exp(largest - shift)
                total, out = total * old + here, out * old + weights @ v
            largest = top
        seen = total > 0
        total = xp.where(seen, total, xp.ones_like(total))
        outs.append(out / total)
        logs.append(xp.where(seen, largest + xp.log(total), largest))
    return _joined(xp, outs), _joined(xp, logs)


def _length(query: Any, key: Any, block: int | None) -> int:
    """How many queries and keys are taken at a time."""
    if block is not None:
        return block
    side = math.isqrt(_ELEMENTS // max(1, math.prod(query.shape[:-2])))
    whole = max(query.shape[-2], key.shape[-2], 1)
    return whole if whole <= 2 * side else max(64, side // 16 * 16)


def _blocks(length: int, size: int) -> Iterator[slice]:
    return (slice(begin, min(begin + size, length)) for begin in range(0, length, size))


def _joined(xp: Any, parts: list[Any]) -> Any:
    return xp.concat(parts, axis=-2) if len(parts) > 1 else parts[0]


def _scores(xp: Any, q: Any, k: Any, mask: Any, rows: slice, columns: slice, scale: float, causal: bool) -> Any:
    """One block of scores, minus infinity where a query may not see a key."""
    scores = (q * scale) @ xp.matrix_transpose(k)
    if mask is not None:
        part, boolean = _part(mask, rows, columns), dtypes.from_native(mask.dtype) is dtypes.bool_
        scores = xp.where(part, scores, -math.inf) if boolean else scores + part
    if causal and columns.stop > rows.start + 1:
        place = device_of(scores)
        i = xp.arange(rows.start, rows.stop, device=place)[:, None]
        scores = xp.where(xp.arange(columns.start, columns.stop, device=place)[None, :] <= i, scores, -math.inf)
    return scores


def _part(mask: Any, rows: slice, columns: slice) -> Any:
    """A block of the mask, which may be one row or one column."""
    rows = rows if mask.ndim > 1 and mask.shape[-2] != 1 else slice(None)
    columns = columns if mask.shape[-1] != 1 else slice(None)
    return mask[..., rows, columns] if mask.ndim > 1 else mask[columns]


def _rule(xp: Any, g: Any, query: Any, key: Any, value: Any, mask: Any, y: Any, needs: tuple[bool, ...] = (),
          scale: float = 1.0, causal: bool = False, block: int | None = None) -> tuple[Any, ...]:  # fmt: skip
    """With weights P = exp(scores - log of their sum), that of the scores is P (g vᵀ - <g, y> + that of the log)."""
    (g_out, g_log), (out, log) = g, y
    inner = g_log - xp.sum(g_out * out, axis=-1, keepdims=True)
    log = xp.where(xp.isinf(log), xp.zeros_like(log), log)
    length = _length(query, key, block)
    row_blocks = list(_blocks(query.shape[-2], length))
    g_query: list[Any] = [None] * len(row_blocks)
    g_key, g_value, g_mask = [], [], []
    for columns in _blocks(key.shape[-2], length):
        k, v = key[..., columns, :], value[..., columns, :]
        g_k = g_v = None
        g_masked = []
        for i, rows in enumerate(row_blocks):
            q, g_o = query[..., rows, :], g_out[..., rows, :]
            if causal and columns.start >= rows.stop:
                if needs[3]:
                    g_masked.append(xp.zeros_like(q @ xp.matrix_transpose(k)))
                continue
            weights = xp.exp(_scores(xp, q, k, mask, rows, columns, scale, causal) - log[..., rows, :])
            g_scores = weights * (g_o @ xp.matrix_transpose(v) + inner[..., rows, :])
            g_k = _plus(g_k, xp.matrix_transpose(g_scores) @ (q * scale))
            g_v = _plus(g_v, xp.matrix_transpose(weights) @ g_o)
            g_query[i] = _plus(g_query[i], g_scores @ (k * scale))
            if needs[3]:
                g_masked.append(g_scores)
        g_key.append(xp.zeros_like(k) if g_k is None else g_k)
        g_value.append(xp.zeros_like(v) if g_v is None else g_v)
        if needs[3]:
            g_mask.append(_joined(xp, g_masked))
    of_mask = (xp.concat(g_mask, axis=-1) if len(g_mask) > 1 else g_mask[0]) if needs[3] else None
    return _joined(xp, g_query), _joined(xp, _alike(xp, g_key)), _joined(xp, _alike(xp, g_value)), of_mask


def _plus(sum: Any, term: Any) -> Any:
    return term if sum is None else sum + term


def _alike(xp: Any, parts: list[Any]) -> list[Any]:
    """Blocks of one shape before the last two axes: one that no query saw was not broadcast."""
    shape = parts[0].shape[:-2]
    return [p if p.shape[:-2] == shape else xp.broadcast_to(p, (*shape, *p.shape[-2:])) for p in parts]


op("attention", joint=_rule, forward=attention, args="query key value mask", outputs="output logsumexp",
   node="ScaledDotProductAttentionBackward0")  # fmt: skip
