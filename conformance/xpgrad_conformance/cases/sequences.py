"""Recurrent layers and attention: their kernels, packed and block by block, and the layers made of them."""

from __future__ import annotations

from typing import Any

from . import case, fixed, real, unit
from .layers import layer

_SIZES = (3, 3, 2, 1)  # the rows of each step of three packed sequences
_ROWS = sum(_SIZES)

for _reverse in (False, True):
    _way: Any = {"sizes": _SIZES, "reverse": _reverse}
    case("rnn", unit(_ROWS, 2), unit(3, 2), unit(2, 2), **_way)
    case("lstm", unit(_ROWS, 8), unit(3, 2), unit(3, 2), unit(8, 2), **_way)
    case("lstm", unit(_ROWS, 8), unit(3, 1), unit(3, 2), unit(8, 1), unit(1, 2), about="projected", **_way)
    case("gru", unit(_ROWS, 6), unit(3, 2), unit(6, 2), unit(6), **_way)
case("rnn", real(_ROWS, 2), real(3, 2), real(2, 2), sizes=_SIZES, relu=True)

_Q, _K, _V = unit(2, 5, 3), unit(2, 6, 3), unit(2, 6, 2)
_SEEN = fixed([[(i + j) % 3 != 0 for j in range(6)] for i in range(5)])


def _attention(torch: Any, q: Any, k: Any, v: Any, mask: Any = None) -> Any:
    scores = q @ k.mT * 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf) if mask.dtype == torch.bool else scores + mask
    return scores.softmax(-1) @ v, scores.logsumexp(-1, keepdim=True)


for _block in (None, 2):
    _options: Any = {"scale": 0.5, "block": _block}
    case("attention", _Q, _K, _V, torch=_attention, **_options)
    case("attention", _Q, _K, _V, _SEEN, torch=_attention, about="booleans", **_options)
    case("attention", _Q, _K, _V, unit(5, 6), torch=_attention, about="numbers", **_options)
    case("attention", _Q, _K, _V, causal=True, **_options)


case("into_heads", unit(3, 2, 4), unit(12, 4), unit(12), heads=2)
case("into_heads", unit(3, 2, 4), unit(12, 4), heads=2, about="no bias")
case("out_of_heads", unit(2, 2, 3, 2), unit(5, 4), unit(5))
case("out_of_heads", unit(2, 2, 3, 2), unit(5, 4), about="no bias")


def _weights(count: int, features: int, size: int = 2, suffix: str = "") -> dict[str, Any]:
    """The parameters of a recurrent layer with `count` gates."""
    return {f"weight_ih{suffix}": unit(count * size, features), f"weight_hh{suffix}": unit(count * size, size),
            f"bias_ih{suffix}": unit(count * size), f"bias_hh{suffix}": unit(count * size)}  # fmt: skip


for _name, _gates in (("RNN", 1), ("LSTM", 4), ("GRU", 3)):
    layer(_name, (3, 2), unit(4, 2, 3), **_weights(_gates, 3, suffix="_l0"))
    layer(_name, (3, 2), unit(2, 4, 3), about="batch first, both directions",
          options={"batch_first": True, "bidirectional": True},
          **_weights(_gates, 3, suffix="_l0"), **_weights(_gates, 3, suffix="_l0_reverse"))  # fmt: skip
    layer(f"{_name}Cell", (3, 2), unit(2, 3), **_weights(_gates, 3))

_HEADS: dict[str, Any] = {"in_proj_weight": unit(12, 4), "in_proj_bias": unit(12), "out_proj__weight": unit(4, 4),
                             "out_proj__bias": unit(4)}  # fmt: skip
layer("MultiheadAttention", (4, 2), unit(3, 2, 4), unit(5, 2, 4), unit(5, 2, 4), **_HEADS)


def _within(owner: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {f"{owner}__{name}": sample for name, sample in parameters.items()}


def _nets(norms: int) -> dict[str, Any]:
    """The parameters of a feed-forward net and of the norms."""
    made = {"linear1__weight": unit(3, 4), "linear1__bias": unit(3), "linear2__weight": unit(4, 3),
            "linear2__bias": unit(4)}  # fmt: skip
    for i in range(1, norms + 1):
        made |= {f"norm{i}__weight": unit(4), f"norm{i}__bias": unit(4)}
    return made


_ENCODER = _within("self_attn", _HEADS) | _nets(2)
_DECODER = _within("self_attn", _HEADS) | _within("multihead_attn", _HEADS) | _nets(3)
_SMALL: Any = {"dropout": 0.0, "activation": "gelu"}
layer("TransformerEncoderLayer", (4, 2, 3), unit(3, 2, 4), options=_SMALL, **_ENCODER)
layer("TransformerEncoderLayer", (4, 2, 3), unit(3, 2, 4), options={**_SMALL, "norm_first": True}, about="norm first",
      **_ENCODER)  # fmt: skip
layer("TransformerDecoderLayer", (4, 2, 3), unit(3, 2, 4), unit(2, 2, 4), options=_SMALL, **_DECODER)
layer("Transformer", (4, 2, 1, 1, 3), unit(3, 1, 4), unit(2, 1, 4), options=_SMALL, order=1,
      **_within("encoder__layers__0", _ENCODER), **_within("decoder__layers__0", _DECODER),
      encoder__norm__weight=unit(4), encoder__norm__bias=unit(4), decoder__norm__weight=unit(4),
      decoder__norm__bias=unit(4))  # fmt: skip
