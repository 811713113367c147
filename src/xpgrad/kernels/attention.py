"""Attention: softmax(q kᵀ scale + mask) v, block by block.

The matrix of scores is never whole: for a block of queries, the blocks of keys come one after the other, and the
largest score, the sum of exponentials and the weighted values so far are carried along (Milakov and Gimelshein,
"Online normalizer calculation for softmax", 2018; Dao et al., "FlashAttention", 2022). The rule computes the blocks
anew from the logarithm of the sums, which is an output of the op, so gradients of every order are exact.

Scores lie keys by queries, so that the largest of a query is a maximum of rows: 3.5 times as fast on NumPy as one along
them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .. import dtypes
from ..op import device_of, op
from .linear import same_dtype

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
    if key.shape[-2] == 0:
        nothing = query @ xp.matrix_transpose(key) @ value
        return nothing, xp.full((*nothing.shape[:-1], 1), -math.inf, dtype=nothing.dtype, device=device_of(nothing))
    outs, logs = [], []
    for rows in _blocks(query.shape[-2], _length(query, key, block)):
        q = query[..., rows, :] * scale
        out: Any = None
        total: Any = None
        largest: Any = None
        for columns in _blocks(key.shape[-2], _length(query, key, block)):
            if causal and columns.start >= rows.stop:
                break
            v = value[..., columns, :]
            scores = _scores(xp, q, key[..., columns, :], mask, rows, columns, causal)
            top = xp.max(scores, axis=-2, keepdims=True)
            top = top if largest is None else xp.maximum(top, largest)
            shift = top if mask is None else _finite(xp, top)
            scores -= shift
            weights = xp.exp(scores)
            here = _ones(xp, weights, 1, weights.shape[-2]) @ weights
            added = xp.matrix_transpose(weights) @ v
            if out is None:
                total, out = here, added
            else:
                old = xp.exp(largest - shift)
                total, out = total * old + here, out * xp.matrix_transpose(old) + added
            largest = top
        if mask is not None:
            seen = total > 0
            total = xp.where(seen, total, xp.ones_like(total))
        outs.append(out / xp.matrix_transpose(total))
        log = largest + xp.log(total)
        logs.append(xp.matrix_transpose(log if mask is None else xp.where(seen, log, largest)))
    return _joined(xp, outs), _joined(xp, logs)


def _ones(xp: Any, like: Any, *shape: int) -> Any:
    """Ones: a product with them is a sum, on NumPy several times as fast as `sum`."""
    return xp.ones(shape, dtype=like.dtype, device=device_of(like))


def _finite(xp: Any, x: Any) -> Any:
    """`x`, and 0 where it is infinite: for a query that may see no key."""
    return xp.where(xp.isinf(x), xp.zeros_like(x), x)


def _length(query: Any, key: Any, block: int | None) -> int:
    """How many queries and keys are taken at a time."""
    if block is not None:
        return block
    side = math.isqrt(_ELEMENTS // max(1, math.prod(query.shape[:-2])))
    whole = max(query.shape[-2], key.shape[-2], 1)
    return whole if whole <= 2 * side else max(64, side // 16 * 16)


def _blocks(length: int, size: int) -> Iterator[slice]:
    return (slice(begin, min(begin + size, length)) for begin in range(0, max(length, 1), size))


def _joined(xp: Any, parts: list[Any]) -> Any:
    return xp.concat(parts, axis=-2) if len(parts) > 1 else parts[0]


def _scores(xp: Any, q: Any, k: Any, mask: Any, rows: slice, columns: slice, causal: bool) -> Any:
    """One block of scores, keys by queries; minus infinity where a query may not see a key. `q` is scaled."""
    scores = k @ xp.matrix_transpose(q)
    if mask is not None:
        part, boolean = _part(xp, mask, rows, columns), dtypes.from_native(mask.dtype) is dtypes.bool_
        scores = xp.where(part, scores, -math.inf) if boolean else scores + part
    if causal and columns.stop > rows.start + 1:
        place = device_of(scores)
        i = xp.arange(rows.start, rows.stop, device=place)[None, :]
        scores = xp.where(xp.arange(columns.start, columns.stop, device=place)[:, None] <= i, scores, -math.inf)
    return scores


def _part(xp: Any, mask: Any, rows: slice, columns: slice) -> Any:
    """A block of the mask, which may be one row or one column, keys by queries."""
    rows = rows if mask.ndim > 1 and mask.shape[-2] != 1 else slice(None)
    columns = columns if mask.shape[-1] != 1 else slice(None)
    return xp.matrix_transpose(mask[..., rows, columns]) if mask.ndim > 1 else mask[columns][:, None]


def _rule(xp: Any, g: Any, query: Any, key: Any, value: Any, mask: Any, y: Any, needs: tuple[bool, ...] = (),
          scale: float = 1.0, causal: bool = False, block: int | None = None) -> tuple[Any, ...]:  # fmt: skip
    """With weights P = exp(scores - log of their sum), that of the scores is P (g vᵀ - <g, y> + that of the log)."""
    (g_out, g_log), (out, log) = g, y
    inner = xp.matrix_transpose(g_log) - xp.vecdot(g_out, out)[..., None, :]
    log = xp.matrix_transpose(log if mask is None else _finite(xp, log))
    length = _length(query, key, block)
    row_blocks = list(_blocks(query.shape[-2], length))
    g_query: list[Any] = [None] * len(row_blocks)
    g_key, g_value, g_mask = [], [], []
    for columns in _blocks(key.shape[-2], length):
        k, v = key[..., columns, :], value[..., columns, :]
        g_k = g_v = None
        g_masked = []
        for i, rows in enumerate(row_blocks):
            q, g_o = query[..., rows, :] * scale, g_out[..., rows, :]
            if causal and columns.start >= rows.stop:
                if needs[3]:
                    g_masked.append(xp.zeros_like(q @ xp.matrix_transpose(k)))
                continue
            weights = _scores(xp, q, k, mask, rows, columns, causal)
            weights -= log[..., rows]
            weights = xp.exp(weights)
            g_scores = v @ xp.matrix_transpose(g_o)
            g_scores += inner[..., rows]
            g_scores *= weights
            g_k = _plus(g_k, g_scores @ q)
            g_v = _plus(g_v, weights @ g_o)
            g_query[i] = _plus(g_query[i], xp.matrix_transpose(g_scores) @ k)
            if needs[3]:
                g_masked.append(xp.matrix_transpose(g_scores))
        g_key.append(xp.zeros_like(k) if g_k is None else g_k)
        g_value.append(xp.zeros_like(v) if g_v is None else g_v)
        if needs[3]:
            g_mask.append(_joined(xp, g_masked))
    of_mask = (xp.concat(g_mask, axis=-1) if len(g_mask) > 1 else g_mask[0]) if needs[3] else None
    return _joined(xp, g_query) * scale, _joined(xp, _alike(xp, g_key)), _joined(xp, _alike(xp, g_value)), of_mask


def _plus(sum: Any, term: Any) -> Any:
    return term if sum is None else sum + term


def _alike(xp: Any, parts: list[Any]) -> list[Any]:
    """Blocks of one shape before the last two axes: one that no query saw was not broadcast."""
    shape = parts[0].shape[:-2]
    return [p if p.shape[:-2] == shape else xp.broadcast_to(p, (*shape, *p.shape[-2:])) for p in parts]


op("attention", joint=_rule, forward=attention, args="query key value mask", outputs="output logsumexp",
   node="ScaledDotProductAttentionBackward0")  # fmt: skip


# -- the projections around it --


def into_heads(xp: Any, x: Any, weight: Any, bias: Any = None, *, heads: int) -> tuple[Any, Any, Any]:
    """x (L, N, E) times weight (3E, E) transposed plus bias (3E,): queries, keys and values (N, heads, L, E / heads).

    They lie in memory with the sequence last: products of short sequences with their transposes are then twice as fast
    on NumPy as with the features last.
    """
    same_dtype(x=x, weight=weight, bias=bias)
    length, count, _ = x.shape
    packed = weight @ xp.matrix_transpose(_flat(xp, x))
    if bias is not None:
        packed += bias[:, None]
    parts = xp.reshape(packed, (3, heads, weight.shape[0] // (3 * heads), count, length))
    parts = xp.permute_dims(parts, (0, 3, 1, 4, 2))
    return parts[0, ...], parts[1, ...], parts[2, ...]


def _flat(xp: Any, x: Any) -> Any:
    """(L, N, E) as (N · L, E)."""
    return xp.reshape(xp.permute_dims(x, (1, 0, 2)), (x.shape[1] * x.shape[0], x.shape[2]))


def _weight_and_bias(xp: Any, g: Any, x: Any, needs: tuple[bool, ...]) -> tuple[Any, Any]:
    """The gradients of both, from those of the rows of a product."""
    dw = xp.matrix_transpose(g) @ x if needs[1] else None
    return dw, _ones(xp, g, g.shape[0]) @ g if needs[2] else None


def _into_heads_rule(xp: Any, g: Any, x: Any, weight: Any, needs: tuple[bool, ...]) -> tuple[Any, ...]:
    parts = xp.permute_dims(xp.stack(g, axis=0), (1, 3, 0, 2, 4))  # (N, L, 3, heads, E / heads)
    rows = xp.reshape(parts, (x.shape[1] * x.shape[0], weight.shape[0]))
    dx = xp.permute_dims(xp.reshape(rows @ weight, (x.shape[1], *x.shape[::2])), (1, 0, 2)) if needs[0] else None
    return dx, *_weight_and_bias(xp, rows, _flat(xp, x), needs)


op("into_heads", joint=_into_heads_rule, args="x weight bias", forward=into_heads, outputs="query key value",
   node="ViewBackward0")  # fmt: skip


def out_of_heads(xp: Any, x: Any, weight: Any, bias: Any = None) -> Any:
    """x (N, heads, L, V), its heads side by side, times weight (E, heads · V) transposed plus bias (E,): (L, N, E)."""
    same_dtype(x=x, weight=weight, bias=bias)
    y = _beside(xp, x) @ xp.matrix_transpose(weight)
    if bias is not None:
        y += bias
    return xp.permute_dims(xp.reshape(y, (x.shape[0], x.shape[2], weight.shape[0])), (1, 0, 2))


def _beside(xp: Any, x: Any) -> Any:
    """(N, heads, L, V) as (N · L, heads · V)."""
    n, heads, length, features = x.shape
    return xp.reshape(xp.permute_dims(x, (0, 2, 1, 3)), (n * length, heads * features))


def _out_of_heads_rule(xp: Any, g: Any, x: Any, weight: Any, needs: tuple[bool, ...]) -> tuple[Any, ...]:
    n, heads, length, features = x.shape
    rows = _flat(xp, g)
    dx = xp.reshape(rows @ weight, (n, length, heads, features))
    return xp.permute_dims(dx, (0, 2, 1, 3)), *_weight_and_bias(xp, rows, _beside(xp, x), needs)


op("out_of_heads", joint=_out_of_heads_rule, args="x weight bias", forward=out_of_heads, node="ViewBackward0")
