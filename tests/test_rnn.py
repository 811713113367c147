"""Recurrent layers and packed sequences against PyTorch's, on every backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad import nn

torch = pytest.importorskip("torch")

LAYERS = (
    "RNN(3, 4)",
    "RNN(3, 4, 2, 'relu', bias=False)",
    "LSTM(3, 4, 2, bidirectional=True)",
    "LSTM(3, 4, proj_size=2)",
    "GRU(3, 4, 2, batch_first=True, bidirectional=True)",
    "GRU(3, 4, bias=False)",
)


def pair(text: str) -> tuple[Any, Any]:
    """The module in both libraries, with the same parameters in float64."""
    torch.manual_seed(0)
    xpgrad.manual_seed(0)
    theirs, ours = (eval(f"nn.{text}", {"nn": lib.nn}) for lib in (torch, xpgrad))
    assert repr(ours) == repr(theirs)
    mine, other = ({n: p.tolist() for n, p in model.state_dict().items()} for model in (ours, theirs))
    assert mine == other
    return theirs.double(), ours.double()


def compare(theirs: Any, ours: Any, expected: Any, found: Any) -> None:
    """Results, and the gradients of the sum of their squares."""
    a, b = flat(expected), flat(found)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(y.detach().numpy_array(), x.detach().numpy(), rtol=1e-9, atol=1e-12)
    sum((x * x).sum() for x in a if x.requires_grad).backward()
    sum((y * y).sum() for y in b if y.requires_grad).backward()
    for (name, p), q in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        np.testing.assert_allclose(q.grad.numpy_array(), p.grad.numpy(), rtol=1e-8, atol=1e-11, err_msg=name)


def flat(out: Any) -> list[Any]:
    """The Tensors of nested results."""
    if hasattr(out, "batch_sizes"):
        return [out.data]
    return [t for part in out for t in flat(part)] if isinstance(out, tuple) else [out]


def both(*shape: int, seed: int = 0) -> tuple[Any, Any]:
    """The same random numbers in both libraries."""
    values = np.random.default_rng(seed).normal(size=shape).tolist()
    return torch.tensor(values, dtype=torch.float64), xpgrad.tensor(values, dtype=xpgrad.float64)


@pytest.mark.parametrize("text", LAYERS)
def test_layers(backend: str, text: str) -> None:
    theirs, ours = pair(text)
    x, y = both(2, 5, 3)
    compare(theirs, ours, theirs(x), ours(y))


@pytest.mark.parametrize("text", LAYERS)
def test_packed_sequences(text: str) -> None:
    theirs, ours = pair(text)
    x, y = both(4, 5, 3)
    results = []
    for lib, data, model in ((torch, x, theirs), (xpgrad, y, ours)):
        tools = lib.nn.utils.rnn
        packed = tools.pack_padded_sequence(data, lib.tensor([2, 5, 1, 5]), batch_first=True, enforce_sorted=False)
        out, state = model(packed)
        results.append((*tools.pad_packed_sequence(out, batch_first=True, padding_value=7.0, total_length=6), state))
    assert results[0][1].tolist() == results[1][1].tolist() == [2, 5, 1, 5]
    compare(theirs, ours, (results[0][0], results[0][2]), (results[1][0], results[1][2]))


def test_states_unbatched_and_cells() -> None:
    for text, sizes in (("LSTM(3, 4, proj_size=2)", (2, 4)), ("GRU(3, 4)", (4,)), ("RNN(3, 4)", (4,))):
        theirs, ours = pair(text)
        (x, y), states = both(5, 3), [both(1, size, seed=size) for size in sizes]
        given = [tuple(s) if len(sizes) > 1 else s[0] for s in zip(*states, strict=True)]
        compare(theirs, ours, theirs(x, given[0]), ours(y, given[1]))
    for text in ("LSTMCell(3, 4)", "GRUCell(3, 4, bias=False)", "RNNCell(3, 4, nonlinearity='relu')"):
        for shape in ((2, 3), (3,)):
            theirs, ours = pair(text)
            x, y = both(*shape)
            a, b = theirs(x), ours(y)
            compare(theirs, ours, theirs(x, a), ours(y, b))


def test_dropout_lies_between_layers() -> None:
    lstm = nn.LSTM(3, 4, 2, dropout=1.0)
    x = xpgrad.randn(5, 2, 3)
    dropped = lstm(x)[0]
    assert (dropped == nn.LSTM.forward(lstm, x * 2)[0]).all()  # nothing of the input reaches the second layer
    assert not (lstm.eval()(x)[0] == dropped).all()
    with pytest.warns(UserWarning, match="dropout option adds dropout after all but last recurrent layer"):
        nn.GRU(3, 4, dropout=0.5)


def test_second_order() -> None:
    for text in ("LSTM(2, 3)", "GRU(2, 3)", "RNN(2, 3)"):
        theirs, ours = pair(text)
        x, y = both(4, 2, 2)
        found = []
        for lib, model, data in ((torch, theirs, x), (xpgrad, ours, y)):
            (g,) = lib.autograd.grad((model(data)[0] ** 2).sum(), model.weight_hh_l0, create_graph=True)
            (h,) = lib.autograd.grad((g**2).sum(), model.weight_ih_l0)
            found.append(np.array(h.tolist()))
        np.testing.assert_allclose(found[1], found[0], rtol=1e-9)


def test_padding_and_packing() -> None:
    for lib in (torch, xpgrad):
        tools, t = lib.nn.utils.rnn, lib.tensor
        parts = [t([1, 2, 3]), t([4]), t([5, 6])]
        assert tools.pad_sequence(parts, padding_value=9).tolist() == [[1, 4, 5], [2, 9, 6], [3, 9, 9]]
        assert tools.pad_sequence(parts, True, padding_side="left").tolist() == [[1, 2, 3], [0, 0, 4], [0, 5, 6]]
        packed = tools.pack_sequence(parts, enforce_sorted=False)
        assert packed.data.tolist() == [1, 5, 4, 2, 6, 3]
        assert packed.batch_sizes.tolist() == [3, 2, 1]
        assert packed.sorted_indices.tolist() == [0, 2, 1]
        assert [s.tolist() for s in tools.unpack_sequence(packed)] == [[1, 2, 3], [4], [5, 6]]
        assert packed.to(lib.float64).data.dtype is lib.float64
        with pytest.raises(RuntimeError, match="must be sorted in decreasing order"):
            tools.pack_sequence(parts)


REFUSALS = (
    ("nn.LSTM(3, 4)(t.ones(2, 3, 4, 5))", "Expected input to be 2D or 3D, got 4D"),
    ("nn.GRU(3, 4)(t.ones(2, 3, 4))", r"input.size\(-1\) must be equal to input_size. Expected 3, got 4"),
    ("nn.RNN(3, 4)(t.ones(2, 2, 3), t.ones(1, 3, 4))", "Expected hidden size"),
    ("nn.LSTM(3, 4)(t.ones(2, 2, 3), (t.ones(1, 4), t.ones(1, 4)))", "hx and cx should also be 3-D"),
    ("nn.GRU(3, 4)(t.ones(2, 3), t.ones(1, 1, 4))", "hx should also be 2-D but got 3-D"),
    ("nn.RNN(3, 4)(t.ones(2, 2, 3, dtype=t.float64))", "does not match weight dtype"),
    ("nn.RNN(3, 4, dropout=2)", "number in range"),
    ("nn.LSTM(3, 4, proj_size=4)", "smaller than hidden_size"),
    ("nn.GRU(3, 4, proj_size=2)", "only supported for LSTM"),
    ("nn.GRU(3, 0)", "hidden_size must be greater than zero"),
    ("nn.RNN(3, 4, nonlinearity='sin')", "Unknown nonlinearity"),
    ("nn.GRUCell(3, 4)(t.ones(1, 2, 3))", "Expected input to be 1D or 2D, got 3D"),
)


@pytest.mark.parametrize(("text", "what"), REFUSALS)
def test_refusals(text: str, what: str) -> None:
    for lib in (torch, xpgrad):
        with pytest.raises((ValueError, RuntimeError), match=what):
            eval(text, {"t": lib, "nn": lib.nn})
