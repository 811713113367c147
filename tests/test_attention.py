"""Attention, block by block, and the layers made of it, against PyTorch's on every backend."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad import nn
from xpgrad.nn import functional as F
from xpgrad.op import OPS
from xpgrad.tensor import apply

torch = pytest.importorskip("torch")


def both(*shape: int, seed: int = 0) -> tuple[Any, Any]:
    """The same random numbers in both libraries, with gradients."""
    values = np.random.default_rng(seed).normal(size=shape).tolist()
    return (torch.tensor(values, dtype=torch.float64, requires_grad=True),
            xpgrad.tensor(values, dtype=xpgrad.float64, requires_grad=True))  # fmt: skip


def close(ours: Any, theirs: Any) -> None:
    """The same numbers."""
    np.testing.assert_allclose(ours.detach().numpy_array(), theirs.detach().numpy(), rtol=1e-9, atol=1e-12)


MASKS: dict[str, Any] = {
    "none": {}, "causal": {"is_causal": True}, "scale": {"scale": 0.3}, "numbers": {"attn_mask": "numbers"},
    "booleans": {"attn_mask": "booleans"}, "blind": {"attn_mask": "blind"},
}  # fmt: skip


@pytest.mark.parametrize("kind", MASKS)
def test_scaled_dot_product_attention(backend: str, kind: str) -> None:
    rng, shapes = np.random.default_rng(1), ((2, 3, 5, 4), (2, 3, 6, 4), (2, 3, 6, 2))
    inputs = [both(*shape, seed=i) for i, shape in enumerate(shapes)]
    masks = {"numbers": rng.normal(size=(5, 6)), "booleans": rng.random((2, 1, 5, 6)) < 0.6, "blind": np.eye(5, 6) > 1}
    outs = []
    for i, lib in enumerate((torch, xpgrad)):
        options = dict(MASKS[kind])
        if "attn_mask" in options:
            options["attn_mask"] = lib.tensor(masks[options["attn_mask"]].tolist())
            if kind == "numbers":
                options["attn_mask"] = options["attn_mask"].to(lib.float64)
        out = lib.nn.functional.scaled_dot_product_attention(*(pair[i] for pair in inputs), **options)
        (out**3).sum().backward()
        outs.append(out)
    close(outs[1], outs[0])
    for theirs, ours in inputs:
        close(ours.grad, theirs.grad)


def test_blocks_change_nothing() -> None:
    q, k, v, mask = (both(*shape)[1] for shape in ((2, 7, 3), (2, 9, 3), (1, 9, 2), (7, 9)))
    for causal in (False, True):
        found = []
        for block in (None, 2, 3, 8):
            out = apply(OPS["attention"], (q, k, v, mask), {"scale": 0.7, "causal": causal, "block": block})[0]
            first = xpgrad.autograd.grad((out**2).sum(), (q, k, v, mask), create_graph=True)
            second = xpgrad.autograd.grad(sum((g**2).sum() for g in first), (q, k, v, mask))
            found.append([out, *first, *second])
        for other in found[1:]:
            for a, b in zip(found[0], other, strict=True):
                np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-11)


def test_memory_is_linear_in_the_length() -> None:
    def peak(length: int) -> int:
        x = xpgrad.ones(1, 1, length, 4, requires_grad=True)
        tracemalloc.start()
        F.scaled_dot_product_attention(x, x, x).sum().backward()
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(8192) < 1.5 * peak(4096)
    assert peak(8192) < 8192 * 8192  # a quarter of what one matrix of scores would take


def test_heads_that_share_keys() -> None:
    q, k, v = both(2, 4, 5, 3), both(2, 2, 5, 3, seed=1), both(2, 2, 5, 3, seed=2)
    theirs, ours = (lib.nn.functional.scaled_dot_product_attention(q[i], k[i], v[i], enable_gqa=True)
                    for i, lib in enumerate((torch, xpgrad)))  # fmt: skip
    close(ours, theirs)
    (theirs**2).sum().backward()
    (ours**2).sum().backward()
    close(k[1].grad, k[0].grad)


def test_dropout_keeps_the_mean() -> None:
    x = xpgrad.ones(1, 200, 4)
    out = F.scaled_dot_product_attention(x, x, x, dropout_p=0.5, is_causal=True)
    assert abs(out.mean().item() - 1) < 0.2
    assert not (out == 1).all()


HEADS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("MultiheadAttention(4, 2)", {}),
    ("MultiheadAttention(4, 2, bias=False)", {"need_weights": False}),
    ("MultiheadAttention(4, 2, kdim=3, vdim=5)", {"average_attn_weights": False}),
    ("MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)", {"key_padding_mask": "padding"}),
    ("MultiheadAttention(4, 2, batch_first=True)", {"attn_mask": "mask", "key_padding_mask": "padding"}),
    ("MultiheadAttention(4, 2, add_zero_attn=True)", {"attn_mask": "each", "need_weights": False}),
)


@pytest.mark.parametrize(("text", "options"), HEADS)
def test_multihead_attention(backend: str, text: str, options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    xpgrad.manual_seed(0)
    theirs, ours = (eval(f"nn.{text}", {"nn": lib.nn}) for lib in (torch, xpgrad))
    assert repr(theirs) == repr(ours)
    for (a, p), (b, q) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
        assert a == b
        np.testing.assert_allclose(q.detach().numpy_array(), p.detach().numpy(), rtol=1e-6)
    theirs = theirs.double()
    ours.double().load_state_dict({n: xpgrad.tensor(p.tolist(), dtype=xpgrad.float64)
                                   for n, p in theirs.state_dict().items()})  # fmt: skip
    sizes = [(4, 4), (6, theirs.kdim), (6, theirs.vdim)]
    inputs = [both(*((2, n, f) if theirs.batch_first else (n, 2, f)), seed=i) for i, (n, f) in enumerate(sizes)]
    masks = {"padding": [[False] * 6, [False] * 4 + [True] * 2], "mask": (np.triu(np.ones((4, 6)), 3) > 0).tolist(),
             "each": np.random.default_rng(0).normal(size=(4, 4, 6)).tolist()}  # fmt: skip
    outs = []
    for i, (lib, model) in enumerate(((torch, theirs), (xpgrad, ours))):
        given = {k: lib.tensor(masks[v]) if isinstance(v, str) else v for k, v in options.items()}
        given = {k: v.to(lib.float64) if v is not None and k == "attn_mask" and v.dtype != lib.bool else v
                 for k, v in given.items()}  # fmt: skip
        outs.append(model(*(pair[i] for pair in inputs), **given))
        (outs[-1][0] ** 2).sum().backward()
    close(outs[1][0], outs[0][0])
    assert (outs[0][1] is None) == (outs[1][1] is None)
    if outs[0][1] is not None:
        close(outs[1][1], outs[0][1])
    for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
        close(q.grad, p.grad)


def test_transformer() -> None:
    torch.manual_seed(0)
    xpgrad.manual_seed(0)
    options: Any = {"d_model": 4, "nhead": 2, "num_encoder_layers": 2, "num_decoder_layers": 1, "dim_feedforward": 5}
    theirs, ours = (lib.nn.Transformer(**options, dropout=0.0, activation="gelu", norm_first=True, batch_first=True)
                    for lib in (torch, xpgrad))  # fmt: skip
    assert repr(theirs) == repr(ours)
    theirs, ours = theirs.double(), ours.double()
    for (a, p), (b, q) in zip(theirs.named_parameters(), ours.named_parameters(), strict=True):
        assert a == b
        np.testing.assert_allclose(q.detach().numpy(), p.detach().numpy(), rtol=1e-6)
        p.data = torch.tensor(q.tolist(), dtype=torch.float64)
    src, tgt = both(2, 5, 4), both(2, 3, 4, seed=1)
    outs = []
    for i, (lib, model) in enumerate(((torch, theirs), (xpgrad, ours))):
        mask = lib.nn.Transformer.generate_square_subsequent_mask(3)
        padding = lib.tensor([[False] * 5, [False] * 3 + [True] * 2])
        outs.append(model(src[i], tgt[i], tgt_mask=mask.to(lib.float64), src_key_padding_mask=padding))
        outs[-1].sum().backward()
    close(outs[1], outs[0])
    for p, q in zip(theirs.parameters(), ours.parameters(), strict=True):
        close(q.grad, p.grad)


REFUSALS = (
    ("F.scaled_dot_product_attention(x, x, x, attn_mask=t.ones(2, 2), is_causal=True)", "should not be set when"),
    ("F.scaled_dot_product_attention(x, x.double(), x)", "to have the same dtype"),
    ("nn.MultiheadAttention(5, 2)", "embed_dim must be divisible by num_heads"),
    ("nn.MultiheadAttention(0, 2)", "must be greater than 0"),
    ("nn.MultiheadAttention(4, 2)(x, x, x, is_causal=True)", "Need attn_mask"),
    ("nn.MultiheadAttention(4, 2)(x, x, x, attn_mask=t.ones(3, 3))", "attn_mask"),
    ("nn.TransformerEncoderLayer(4, 2, activation='sin')", "activation should be relu/gelu, not sin"),
)


@pytest.mark.parametrize(("text", "what"), REFUSALS)
def test_refusals(text: str, what: str) -> None:
    for lib in (torch, xpgrad):
        scope = {"t": lib, "nn": lib.nn, "F": lib.nn.functional, "x": lib.ones(2, 1, 4)}
        with pytest.raises((ValueError, RuntimeError, AssertionError), match=what):
            eval(text, scope)


def test_the_layer_is_in_its_place() -> None:
    assert nn.MultiheadAttention(4, 2).out_proj.weight.shape == (4, 4)
    assert xpgrad.nn.functional.multi_head_attention_forward is F.multi_head_attention_forward
