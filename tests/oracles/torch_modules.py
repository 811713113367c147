"""PyTorch's own database of its modules as an oracle: each sample's module, built twice and given the same state.

``python tests/oracles/torch_modules.py [PATTERN]`` prints a line for each entry: pass, absent, or what differs.
Compared are what is printed, the names of the state, results in value, shape and dtype, the buffers after a call, and
the gradients of inputs and parameters.
"""

from __future__ import annotations

import itertools
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from left_out import MODULE_DEVIATIONS, excluded_module
from torch.testing._internal.common_modules import module_db
from torch_ops import chosen, compare, host, ours, report, tensors

import xpgrad

TOLERANCE = 1e-9


def entries() -> list[Any]:
    """The entries that count."""
    return [m for m in module_db if not excluded_module(m.name)]


def label(entry: Any) -> str:
    """The module's name."""
    return str(entry.name).removeprefix("nn.").replace(".", "_")


def resolve(entry: Any) -> Any:
    """xpgrad's class for an entry, or None."""
    return getattr(xpgrad.nn, entry.module_cls.__name__, None)


def _mine(value: Any, made: dict[int, Any]) -> Any:
    """PyTorch's argument as xpgrad's."""
    if isinstance(value, torch.nn.TransformerEncoderLayer):
        attention, wide = value.self_attn, value.linear1
        return xpgrad.nn.TransformerEncoderLayer(
            attention.embed_dim, attention.num_heads, wide.out_features, value.dropout.p, norm_first=value.norm_first,
            activation=_mine(value.activation, made), batch_first=attention.batch_first, bias=wide.bias is not None,
            dtype=_mine(wide.weight.dtype, made))  # fmt: skip
    return "cpu" if value == torch.device("cpu") else ours(value, made)


def given(call: Any, made: dict[int, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a sample's constructor or call."""
    positional = [_mine(a, made) for a in call.args]
    return positional, {k: str(v) if k == "device" else _mine(v, made) for k, v in call.kwargs.items()}


def state(module: Any) -> dict[str, Any]:
    """PyTorch's state dict as xpgrad's Tensors."""
    return {k: chosen(np.array(host(v))) for k, v in module.state_dict().items()}


def gradients(theirs: Any, mine: Any, expected: Any, found: Any, inputs: list[tuple[Any, Any]]) -> None:
    """Compare the gradients of the results' sum, weighted at random, for inputs and parameters."""
    pairs = [(a, b, torch.randn(a.shape, dtype=a.dtype))
             for a, b in zip(tensors(expected, torch.Tensor), tensors(found, xpgrad.Tensor), strict=True)
             if a.requires_grad]  # fmt: skip
    named = dict(mine.named_parameters())
    leaves = [*inputs, *((p, named[name]) for name, p in theirs.named_parameters() if p.requires_grad)]
    if not pairs or not leaves:
        return
    a_grads = torch.autograd.grad([a for a, _, _ in pairs], [a for a, _ in leaves], [w for _, _, w in pairs],
                                  allow_unused=True)  # fmt: skip
    b_grads = xpgrad.autograd.grad([b for _, b, _ in pairs], [b for _, b in leaves],
                                   [xpgrad.tensor(w.numpy()) for _, _, w in pairs], allow_unused=True)  # fmt: skip
    for i, (a, b) in enumerate(zip(a_grads, b_grads, strict=True)):
        if a is None or b is None:
            assert (a is None or not a.any()) and (b is None or not bool(b.any())), f"gradient {i}: one is absent"
        else:
            compare(f"gradient {i}", a, b, 10 * TOLERANCE)


def run_sample(entry: Any, sample: Any, training: bool) -> None:
    """One sample, in training or evaluation."""
    made: dict[int, Any] = {}
    built = sample.constructor_input
    theirs = entry.module_cls(*built.args, **built.kwargs).to(torch.float64).train(training)
    args, kwargs = given(built, made)
    mine = resolve(entry)(*args, **kwargs).to(xpgrad.float64).train(training)
    assert repr(mine) == repr(theirs), f"printed as {mine!r}, expected {theirs!r}"
    mine.load_state_dict(state(theirs))
    assert list(mine.state_dict()) == list(theirs.state_dict()), "names of the state"
    assert [n for n, _ in mine.named_parameters()] == [n for n, _ in theirs.named_parameters()], "names of parameters"
    call = sample.forward_input
    args, kwargs = given(call, made)
    expected, found = theirs(*call.args, **call.kwargs), mine(*args, **kwargs)
    a_out, b_out = list(tensors(expected, torch.Tensor)), list(tensors(found, xpgrad.Tensor))
    assert len(a_out) == len(b_out), f"{len(b_out)} results, expected {len(a_out)}"
    for i, (a, b) in enumerate(zip(a_out, b_out, strict=True)):
        compare(f"output {i}", a, b, TOLERANCE)
    for (name, a), (_, b) in zip(theirs.named_buffers(), mine.named_buffers(), strict=True):
        compare(f"buffer {name}", a, b, TOLERANCE)
    unique = {id(t): t for t in tensors([call.args, call.kwargs], torch.Tensor)}.values()
    gradients(theirs, mine, expected, found, [(t, made[id(t)]) for t in unique if t.requires_grad])


def samples(entry: Any, training: bool) -> Iterator[Any]:
    """The samples of an entry, in float64."""
    yield from entry.module_inputs_func(entry, device="cpu", dtype=torch.float64, requires_grad=True, training=training)


def modes(entry: Any) -> tuple[bool, ...]:
    """Whether it is run in training, in evaluation, or both."""
    return (True, False) if entry.train_and_eval_differ else (True,)


def run(entry: Any, limit: int | None = None) -> str:
    """``pass``, ``absent``, ``deviation: ...`` or ``FAIL: ...`` for all samples of an entry."""
    if resolve(entry) is None:
        return "absent"
    reason = MODULE_DEVIATIONS.get(label(entry))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for training in modes(entry):
            torch.manual_seed(0)
            xpgrad.manual_seed(0)
            for i, sample in enumerate(itertools.islice(samples(entry, training), limit)):
                try:
                    run_sample(entry, sample, training)
                except Exception as error:
                    text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                    where = f"sample {i} ({sample.desc}), {'training' if training else 'evaluation'}"
                    return f"deviation: {reason}" if reason else f"FAIL: {where}: {text}"
    return f"FAIL: listed as a deviation ({reason}), but it passes" if reason else "pass"


if __name__ == "__main__":
    sys.exit(report(entries(), label, run))
