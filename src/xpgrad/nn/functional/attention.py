"""Attention, of one head and of several."""

from __future__ import annotations

import math
from typing import Any

from ... import dtypes
from ...kernels import attention  # noqa: F401  (registers its op)
from ...tensor import Tensor
from ._call import call
from .activation import softmax
from .dropout import dropout
from .linear import linear


def scaled_dot_product_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None = None,
                                 dropout_p: float = 0.0, is_causal: bool = False, scale: float | None = None,
                                 enable_gqa: bool = False) -> Tensor:  # fmt: skip
    """softmax(query keyᵀ scale + mask) value, with memory linear in the lengths. Vaswani et al. (2017).

    With dropout the weights are whole, since each has its own random number.

    Args:
        query: (..., L, E). key: (..., S, E). value: (..., S, V).
        attn_mask: broadcasts to (..., L, S): booleans, true where a query may see a key, or numbers to be added.
        dropout_p: the probability that a weight is set to 0; used whenever it is positive, in evaluation too.
        is_causal: query i sees the keys up to i; without an `attn_mask`.
        scale: 1 / sqrt(E) if not given.
        enable_gqa: key and value have fewer heads, (..., H, L, E) and (..., H / n, S, E): n queries share one.

    Returns:
        (..., L, V).

    Raises:
        RuntimeError: for both `attn_mask` and `is_causal`, or dtypes or shapes that do not fit.

    Example:
        >>> import xpgrad
        >>> from xpgrad.nn import functional as F
        >>> x = xpgrad.tensor([[[1.0, 0.0], [0.0, 1.0]]])
        >>> F.scaled_dot_product_attention(x, x, x, is_causal=True)
        tensor([[[1.0000, 0.0000],
                 [0.3302, 0.6698]]])
    """
    if attn_mask is not None and is_causal:
        raise RuntimeError("scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
    if not query.dtype is key.dtype is value.dtype:
        raise RuntimeError("Expected query, key, and value to have the same dtype, but got query.dtype: "
                           f"{query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead.")  # fmt: skip
    factor = 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
    heads = query.shape[-3] if enable_gqa and query.ndim > 2 else 0
    if heads and heads != key.shape[-3]:
        if heads % key.shape[-3] or heads % value.shape[-3]:
            raise RuntimeError("scaled_dot_product_attention: with enable_gqa the number of heads of query "
                               f"({heads}) must be a multiple of key's ({key.shape[-3]}) and value's "
                               f"({value.shape[-3]})")  # fmt: skip
        key, value = (t.repeat_interleave(heads // t.shape[-3], -3) for t in (key, value))
    if dropout_p > 0:
        return _whole(query, key, value, attn_mask, dropout_p, is_causal, factor)
    out: Any = call("attention", query, key, value, attn_mask, scale=factor, causal=is_causal)
    return out[0]  # type: ignore[no-any-return]


def _whole(query: Any, key: Any, value: Any, mask: Any, dropout_p: float, causal: bool, scale: float) -> Tensor:
    """Attention with all weights at once."""
    scores = (query * scale) @ key.mT
    if causal:
        mask = scores.new_ones(scores.shape[-2:], dtype=dtypes.bool_).tril()
    if mask is not None:
        boolean = mask.dtype is dtypes.bool_
        scores = scores.masked_fill(call("logical_not", mask), -math.inf) if boolean else scores + mask
    blind = call("all", call("equal", scores, -math.inf), axis=-1, keepdims=True)
    weights = softmax(scores, -1).masked_fill(blind, 0.0)
    return dropout(weights, dropout_p) @ value  # type: ignore[no-any-return]


def multi_head_attention_forward(query: Any, key: Any, value: Any, embed_dim_to_check: int, num_heads: int,
                                 in_proj_weight: Any, in_proj_bias: Any, bias_k: Any, bias_v: Any, add_zero_attn: bool,
                                 dropout_p: float, out_proj_weight: Any, out_proj_bias: Any, training: bool = True,
                                 key_padding_mask: Any = None, need_weights: bool = True, attn_mask: Any = None,
                                 use_separate_proj_weight: bool = False, q_proj_weight: Any = None,
                                 k_proj_weight: Any = None, v_proj_weight: Any = None, static_k: Any = None,
                                 static_v: Any = None, average_attn_weights: bool = True,
                                 is_causal: bool = False) -> tuple[Tensor, Tensor | None]:  # fmt: skip
    """Attention of several heads on projections of query, key and value; see `MultiheadAttention`.

    Args:
        query: (L, N, E). key, value: (S, N, features). All may be without N.
        in_proj_weight: (3E, E), for query, key and value one below the other, or three weights with
            `use_separate_proj_weight`; in_proj_bias: (3E,) or None.
        bias_k, bias_v: (1, 1, E), one more key and value for all.
        add_zero_attn: one more key and value of zeros.
        key_padding_mask: (N, S), true or minus infinity for keys that nobody may see.
        attn_mask: (L, S) or (N * heads, L, S), true or minus infinity where a query may not see a key.
        static_k, static_v: (N * heads, S, E / heads), in place of the projections.

    Returns:
        (L, N, E), and the weights, (N, L, S), if `need_weights`: their mean over the heads, or (N, heads, L, S).
    """
    batched = query.ndim == 3
    _check_masks(query, key, value, key_padding_mask, attn_mask, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if not batched:
        query, key, value = (t.unsqueeze(1) for t in (query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, count, size = query.shape
    if size != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {size}")
    if size % num_heads:
        raise AssertionError(f"embed_dim {size} not divisible by num_heads {num_heads}")
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None  # the hint says it all
    else:
        is_causal = False
    padding = _added(key_padding_mask, query.dtype)
    mask = _added(attn_mask, query.dtype)
    if mask is not None and mask.ndim == 2:
        mask = mask.unsqueeze(0)
    width = size // num_heads

    def apart(t: Any) -> Any:
        """(length, N, E) as (N, heads, length, E / heads)."""
        return t.reshape(t.shape[0], count, num_heads, width).permute(1, 2, 0, 3)

    if query is key is value and static_k is static_v is None and not use_separate_proj_weight:
        made: Any = call("into_heads", query, in_proj_weight, in_proj_bias, heads=num_heads)
        q, k, v = made
    else:
        weights = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else in_proj_weight.chunk(3)
        biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
        q, k, v = (apart(linear(x, w, b)) for x, w, b in zip((query, key, value), weights, biases, strict=True))
        k = k if static_k is None else static_k.reshape(count, num_heads, -1, width)
        v = v if static_v is None else static_v.reshape(count, num_heads, -1, width)
    if bias_k is not None and bias_v is not None:
        more = (apart(b.expand(1, count, size)) for b in (bias_k, bias_v))
        k, v = (call("concat", pair, axis=-2) for pair in zip((k, v), more, strict=True))
        mask, padding = _one_more(mask), _one_more(padding)
    if add_zero_attn:
        k, v = (call("concat", [t, t.new_zeros((count, num_heads, 1, width))], axis=-2) for t in (k, v))
        mask, padding = _one_more(mask), _one_more(padding)
    source = k.shape[-2]
    if mask is not None:
        mask = mask.reshape(-1, num_heads, length, source) if mask.shape[0] != 1 else mask.unsqueeze(0)
    if padding is not None:
        padding = padding.reshape(count, 1, 1, source)
        mask = padding if mask is None else mask + padding
    chance = dropout_p if training else 0.0
    found = None
    if need_weights:
        scores = (q * math.sqrt(1.0 / width)) @ k.mT
        found = softmax(scores if mask is None else scores + mask, -1)
        found = dropout(found, chance) if chance > 0 else found
        out: Any = found @ v
        found = found.mean(1) if average_attn_weights else found
    else:
        out = scaled_dot_product_attention(q, k, v, mask, chance, is_causal)
    out = call("out_of_heads", out, out_proj_weight, out_proj_bias)
    if not batched:
        out, found = out.squeeze(1), None if found is None else found.squeeze(0)
    return out, found


def _added(mask: Any, dtype: Any) -> Any:
    """A mask as numbers to be added: minus infinity where it is true."""
    if mask is None:
        return None
    if mask.dtype is dtypes.bool_:
        return mask.new_zeros(mask.shape, dtype=dtype).masked_fill(mask, -math.inf)
    if not mask.dtype.is_floating_point:
        raise AssertionError("only bool and floating types of attn_mask and key_padding_mask are supported")
    return mask


def _one_more(mask: Any) -> Any:
    """A mask with a column of zeros at the end."""
    if mask is None:
        return None
    return call("concat", [mask, mask.new_zeros((*mask.shape[:-1], 1))], axis=-1)


def _check_masks(query: Any, key: Any, value: Any, padding: Any, mask: Any, heads: int) -> None:
    kinds = {3: "batched (3-D)", 2: "unbatched (2-D)"}
    if query.ndim not in kinds:
        raise AssertionError("query should be unbatched 2D or batched 3D tensor but received "
                             f"{query.ndim}-D query tensor")  # fmt: skip
    kind, ndim = kinds[query.ndim], query.ndim
    if key.ndim != ndim or value.ndim != ndim:
        raise AssertionError(f"For {kind} `query`, expected `key` and `value` to be {ndim}-D but found {key.ndim}-D "
                             f"and {value.ndim}-D tensors respectively")  # fmt: skip
    if padding is not None and padding.ndim != ndim - 1:
        raise AssertionError(f"For {kind} `query`, expected `key_padding_mask` to be `None` or {ndim - 1}-D but found "
                             f"{padding.ndim}-D tensor instead")  # fmt: skip
    if mask is None:
        return
    if mask.ndim not in (2, 3):
        raise AssertionError(f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
                             f"{mask.ndim}-D tensor instead")  # fmt: skip
    length, source = query.shape[0], key.shape[0]
    count = query.shape[1] if ndim == 3 else 1
    wanted = (length, source) if mask.ndim == 2 else (count * heads, length, source)
    if tuple(mask.shape) != wanted:
        raise RuntimeError(f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {wanted}.")
