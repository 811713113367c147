"""Attention of several heads as a layer."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..tensor import Tensor
from . import init
from .functional.attention import multi_head_attention_forward
from .linear import Linear
from .module import Module
from .parameter import Parameter


class NonDynamicallyQuantizableLinear(Linear):
    """The `Linear` at the end of `MultiheadAttention`, under the name that PyTorch prints."""


class MultiheadAttention(Module):
    """Heads of attention side by side, each on its own projections; their outputs together are projected again.

    Vaswani et al., "Attention is all you need" (2017).

    Args:
        embed_dim: E, the features of query and output.
        num_heads: each has E / num_heads features.
        dropout: of the weights.
        bias: whether the projections have one.
        add_bias_kv: one more key and value, learned.
        add_zero_attn: one more key and value of zeros.
        kdim, vdim: the features of key and value; E if not given.
        batch_first: (N, L, E) in place of (L, N, E).

    Attributes:
        in_proj_weight: (3E, E), for query, key and value, uniform as Glorot and Bengio's (2010) at first; or
            q_proj_weight, k_proj_weight and v_proj_weight where `kdim` or `vdim` differ. in_proj_bias: (3E,), zeros.
        out_proj: the last projection. bias_k, bias_v: (1, 1, E).

    Raises:
        ValueError: for sizes that are not positive. AssertionError: if E is no multiple of `num_heads`.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> x = xpgrad.randn(4, 2, 6)
        >>> output, weights = nn.MultiheadAttention(6, num_heads=3)(x, x, x)
        >>> output.shape, weights.shape
        (torch.Size([4, 2, 6]), torch.Size([2, 4, 4]))
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True,
                 add_bias_kv: bool = False, add_zero_attn: bool = False, kdim: int | None = None,
                 vdim: int | None = None, batch_first: bool = False, device: Any = None,
                 dtype: Any = None) -> None:  # fmt: skip
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError("embed_dim and num_heads must be greater than 0, got "
                             f"embed_dim={embed_dim} and num_heads={num_heads} instead")  # fmt: skip
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        options = {"device": device, "dtype": dtype}
        shapes: dict[str, tuple[int, ...] | None] = dict.fromkeys(
            ("q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_weight"))  # fmt: skip
        if self._qkv_same_embed_dim:
            shapes["in_proj_weight"] = (3 * embed_dim, embed_dim)
        else:
            shapes |= {f"{name}_proj_weight": (embed_dim, features)
                       for name, features in (("q", embed_dim), ("k", self.kdim), ("v", self.vdim))}  # fmt: skip
        shapes["in_proj_bias"] = (3 * embed_dim,) if bias else None
        for name, shape in shapes.items():
            self.register_parameter(name, None if shape is None else Parameter(empty(shape, **options)))
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, **options)
        for name in ("bias_k", "bias_v"):
            self.register_parameter(name, Parameter(empty((1, 1, embed_dim), **options)) if add_bias_kv else None)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            weight = getattr(self, name)
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)  # type: ignore[arg-type]
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(self, query: Any, key: Any, value: Any, key_padding_mask: Any = None, need_weights: bool = True,
                attn_mask: Any = None, average_attn_weights: bool = True,
                is_causal: bool = False) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """Attention of `query` to `key`; see `functional.multi_head_attention_forward`.

        Args:
            query: (L, N, E), (N, L, E) with `batch_first`, or (L, E). key, value: likewise, with S, kdim and vdim.
            key_padding_mask: (N, S), true or minus infinity for keys that nobody may see.
            need_weights: return the weights; without, memory is linear in the lengths.
            attn_mask: (L, S) or (N * heads, L, S), true or minus infinity where a query may not see a key.
            average_attn_weights: the mean of the weights over the heads, and not each head's.
            is_causal: says that `attn_mask` is the causal one.

        Returns:
            The output, of the shape of `query`, and the weights or None.
        """
        swap = self.batch_first and query.ndim == 3
        if swap:
            turned = {id(t): t.transpose(1, 0) for t in (query, key, value)}  # what is one Tensor stays one
            query, key, value = (turned[id(t)] for t in (query, key, value))
        out, weights = multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim, q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight, v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights, is_causal=is_causal)  # fmt: skip
        return (out.transpose(1, 0) if swap else out), weights
