"""The Transformer, and the encoders and decoders that it is made of. Vaswani et al. (2017)."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..creation import full
from ..tensor import Tensor
from . import functional as F
from . import init
from .attention import MultiheadAttention
from .containers import ModuleList
from .dropout import Dropout
from .linear import Linear
from .module import Module
from .normalization import LayerNorm

Activation = str | Callable[[Tensor], Tensor]


def generate_square_subsequent_mask(sz: int, device: Any = None, dtype: Any = None) -> Any:
    """(sz, sz), 0 where query i may see key j, j up to i, and minus infinity elsewhere."""
    return full((sz, sz), -math.inf, dtype=dtype or dtypes.get_default_dtype(), device=device).triu(1)


def _activation(given: Activation) -> Callable[[Any], Any]:
    if given == "relu":
        return F.relu
    if given == "gelu":
        return F.gelu
    if isinstance(given, str):
        raise RuntimeError(f"activation should be relu/gelu, not {given}")
    return given


def _seems_causal(mask: Any, is_causal: bool | None, length: int) -> bool:
    """Whether `mask` is the causal one; looked up where nobody says so."""
    if is_causal is not None or mask is None or mask.ndim != 2 or tuple(mask.shape) != (length, length):
        return bool(is_causal)
    wanted = generate_square_subsequent_mask(length)
    found = mask.detach().to(wanted.dtype)
    return found.tolist() == wanted.tolist()  # type: ignore[no-any-return]


class _Layer(Module):
    """What the layers of encoder and decoder have in common: a feed-forward net and its options."""

    def _finish(self, d_model: int, dim_feedforward: int, dropout: float, activation: Activation, norms: int,
                layer_norm_eps: float, bias: bool, norm_first: bool, options: dict[str, Any]) -> None:  # fmt: skip
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **options)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **options)
        self.norm_first = norm_first
        for i in range(1, norms + 1):
            setattr(self, f"norm{i}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **options))
        for i in range(1, norms + 1):
            setattr(self, f"dropout{i}", Dropout(dropout))
        self.activation = _activation(activation)

    def _fed(self, x: Any) -> Any:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))

    def _along(self, x: Any, parts: list[Callable[[Any], Any]]) -> Any:
        """x plus each part of it in turn, normalized before or after."""
        for i, part in enumerate(parts, 1):
            norm, drop = getattr(self, f"norm{i}"), getattr(self, f"dropout{i}")
            x = x + drop(part(norm(x))) if self.norm_first else norm(x + drop(part(x)))
        return x


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, and a feed-forward net, each added to its input and normalized.

    Args:
        d_model: the features of input and output.
        nhead: the heads of the attention.
        dim_feedforward: the features within the net.
        dropout: after attention and net, and within both.
        activation: ``relu``, ``gelu``, or a function of a Tensor.
        layer_norm_eps: of the norms.
        batch_first: (N, L, d_model) in place of (L, N, d_model).
        norm_first: normalize before attention and net, and not after.
        bias: whether linear layers and norms have one.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> nn.TransformerEncoderLayer(d_model=8, nhead=2, dim_feedforward=16)(xpgrad.rand(10, 4, 8)).shape
        torch.Size([10, 4, 8])
    """

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Activation = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        options = {"device": device, "dtype": dtype}
        self.self_attn = MultiheadAttention(d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first,
                                            **options)  # fmt: skip
        self._finish(d_model, dim_feedforward, dropout, activation, 2, layer_norm_eps, bias, norm_first, options)

    def forward(self, src: Any, src_mask: Any = None, src_key_padding_mask: Any = None,
                is_causal: bool = False) -> Any:  # fmt: skip
        """As `src`; the masks are those of `MultiheadAttention`."""

        def attended(x: Any) -> Any:
            return self.self_attn(x, x, x, attn_mask=src_mask, key_padding_mask=src_key_padding_mask,
                                  need_weights=False, is_causal=is_causal)[0]  # fmt: skip

        return self._along(src, [attended, self._fed])


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself and then to another, `memory`, and a feed-forward net.

    Arguments as `TransformerEncoderLayer`'s.
    """

    def __init__(self, d_model: int, nhead: int, dim_feedforward: int = 2048, dropout: float = 0.1,
                 activation: Activation = "relu", layer_norm_eps: float = 1e-5, batch_first: bool = False,
                 norm_first: bool = False, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        options = {"device": device, "dtype": dtype}
        for name in ("self_attn", "multihead_attn"):
            setattr(self, name, MultiheadAttention(d_model, nhead, dropout=dropout, batch_first=batch_first, bias=bias,
                                                   **options))  # fmt: skip
        self._finish(d_model, dim_feedforward, dropout, activation, 3, layer_norm_eps, bias, norm_first, options)

    def forward(self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
                tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None, tgt_is_causal: bool = False,
                memory_is_causal: bool = False) -> Any:  # fmt: skip
        """As `tgt`; the masks are those of `MultiheadAttention`, for the attention to `tgt` and to `memory`."""

        def to_itself(x: Any) -> Any:
            return self.self_attn(x, x, x, attn_mask=tgt_mask, key_padding_mask=tgt_key_padding_mask,
                                  is_causal=tgt_is_causal, need_weights=False)[0]  # fmt: skip

        def to_memory(x: Any) -> Any:
            return self.multihead_attn(x, memory, memory, attn_mask=memory_mask, is_causal=memory_is_causal,
                                       key_padding_mask=memory_key_padding_mask, need_weights=False)[0]  # fmt: skip

        return self._along(tgt, [to_itself, to_memory, self._fed])


class TransformerEncoder(Module):
    """`num_layers` copies of an encoder layer, one after the other.

    Args:
        encoder_layer: is copied.
        norm: after the last, or None.
        enable_nested_tensor, mask_check: accepted and kept, without effect.
    """

    def __init__(self, encoder_layer: Module, num_layers: int, norm: Module | None = None,
                 enable_nested_tensor: bool = True, mask_check: bool = True) -> None:  # fmt: skip
        super().__init__()
        self.layers = _clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(self, src: Any, mask: Any = None, src_key_padding_mask: Any = None,
                is_causal: bool | None = None) -> Any:  # fmt: skip
        """As `src`; `is_causal` says that `mask` is the causal one, None lets it be looked up."""
        causal = _seems_causal(mask, is_causal, _length(src, self.layers[0].self_attn))
        for layer in self.layers:
            src = layer(src, src_mask=mask, is_causal=causal, src_key_padding_mask=src_key_padding_mask)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """`num_layers` copies of a decoder layer, one after the other; `norm` after the last, if not None."""

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__()
        self.layers = _clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(self, tgt: Any, memory: Any, tgt_mask: Any = None, memory_mask: Any = None,
                tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
                tgt_is_causal: bool | None = None, memory_is_causal: bool = False) -> Any:  # fmt: skip
        """As `tgt`; the arguments are those of `TransformerDecoderLayer`."""
        causal = _seems_causal(tgt_mask, tgt_is_causal, _length(tgt, self.layers[0].self_attn))
        for layer in self.layers:
            tgt = layer(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                        tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
                        tgt_is_causal=causal, memory_is_causal=memory_is_causal)  # fmt: skip
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder of one sequence and a decoder of another that attends to it.

    Args:
        d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias: as in
            `TransformerEncoderLayer`.
        num_encoder_layers, num_decoder_layers: how many layers.
        custom_encoder, custom_decoder: modules in their place.

    Attributes:
        encoder, decoder: with a norm at their end. Matrices are uniform as Glorot and Bengio's (2010) at first.
    """

    def __init__(self, d_model: int = 512, nhead: int = 8, num_encoder_layers: int = 6, num_decoder_layers: int = 6,
                 dim_feedforward: int = 2048, dropout: float = 0.1, activation: Activation = "relu",
                 custom_encoder: Any = None, custom_decoder: Any = None, layer_norm_eps: float = 1e-5,
                 batch_first: bool = False, norm_first: bool = False, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        options = {"device": device, "dtype": dtype}
        shared: Any = (d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first,
                       bias)  # fmt: skip
        for name, custom, layer, stack, count in (
            ("encoder", custom_encoder, TransformerEncoderLayer, TransformerEncoder, num_encoder_layers),
            ("decoder", custom_decoder, TransformerDecoderLayer, TransformerDecoder, num_decoder_layers),
        ):
            if custom is None:
                first = layer(*shared, **options)
                custom = stack(first, count, LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **options))
            setattr(self, name, custom)
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        for p in self.parameters():
            if p.ndim > 1:
                init.xavier_uniform_(p)

    generate_square_subsequent_mask = staticmethod(generate_square_subsequent_mask)

    def forward(self, src: Any, tgt: Any, src_mask: Any = None, tgt_mask: Any = None, memory_mask: Any = None,
                src_key_padding_mask: Any = None, tgt_key_padding_mask: Any = None, memory_key_padding_mask: Any = None,
                src_is_causal: bool | None = None, tgt_is_causal: bool | None = None,
                memory_is_causal: bool = False) -> Any:  # fmt: skip
        """`src`, (S, N, d_model), is encoded, and `tgt`, (T, N, d_model), decoded: as `tgt`.

        Raises:
            RuntimeError: if batch sizes or features do not fit.
        """
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise RuntimeError("the batch number of src and tgt must be equal")
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError("the feature number of src and tgt must be equal to d_model")
        memory = self.encoder(src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal)
        return self.decoder(tgt, memory, tgt_mask=tgt_mask, memory_mask=memory_mask,
                            tgt_key_padding_mask=tgt_key_padding_mask, memory_key_padding_mask=memory_key_padding_mask,
                            tgt_is_causal=tgt_is_causal, memory_is_causal=memory_is_causal)  # fmt: skip


def _clones(module: Module, count: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(count)])


def _length(x: Any, attention: Any) -> int:
    """The length of a sequence, with or without a batch."""
    return int(x.shape[1 if x.ndim == 3 and getattr(attention, "batch_first", False) else 0])
