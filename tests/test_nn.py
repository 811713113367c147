"""Layers, losses and initial values against PyTorch's, on every backend; and what bad input is told."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad import nn
from xpgrad.nn import functional as F

torch = pytest.importorskip("torch")

LAYERS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("Linear(4, 3)", (2, 4)),
    ("Linear(4, 3)", (2, 5, 4)),
    ("Linear(4, 3, bias=False)", (2, 4)),
    ("Linear(4, 3)", (4,)),
    ("Conv1d(2, 4, 3, padding=1)", (2, 2, 7)),
    ("Conv2d(2, 4, (3, 2), stride=2, padding=(1, 0), groups=2)", (2, 2, 7, 6)),
    ("Conv2d(2, 3, 3, dilation=2, padding='same', bias=False)", (2, 6, 6)),
    ("Conv3d(1, 2, 2)", (1, 1, 3, 4, 3)),
    ("MaxPool1d(2)", (2, 3, 6)),
    ("MaxPool2d(3, stride=2, padding=1, ceil_mode=True)", (1, 2, 7, 6)),
    ("MaxPool3d(2)", (2, 4, 4, 4)),
    ("AvgPool2d(2, padding=1, count_include_pad=False)", (1, 2, 5, 6)),
    ("Flatten()", (2, 3, 4)),
    ("Unflatten(1, (2, -1))", (2, 6)),
    ("PReLU(3)", (2, 3, 4)),
    ("GLU(dim=1)", (2, 4)),
    ("SELU()", (2, 3)),
    ("ReLU6()", (2, 3)),
    ("Tanhshrink()", (2, 3)),
    ("Softsign()", (2, 3)),
    ("LogSigmoid()", (2, 3)),
    ("Softmin(dim=0)", (2, 3)),
    ("Softmax2d()", (2, 3, 2, 2)),
    ("Mish()", (2, 3)),
)


def array(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def tensor(values: Any, **options: Any) -> Any:
    """A Tensor on the chosen backend, of the array's dtype."""
    dtype = getattr(xpgrad, values.dtype.name)
    return xpgrad.tensor(values.tolist(), dtype=dtype, **options)


def agree(mine: Any, theirs: Any, rtol: float = 1e-10) -> None:
    got, expected = mine.numpy_array(), theirs.detach().numpy()
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol)


@pytest.mark.parametrize(("text", "shape"), LAYERS)
def test_layer(backend: str, text: str, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    ours, theirs = eval(f"n.{text}", {"n": nn}), eval(f"n.{text}", {"n": torch.nn})
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        agree(mine, other, rtol=0)
    ours, theirs = ours.double(), theirs.double()
    x = array(*shape)
    a, b = tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = ours(a), theirs(b)
    agree(y, z)
    (y * y).sum().backward()
    (z * z).sum().backward()
    agree(a.grad, b.grad)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        agree(mine.grad, other.grad)


SCORES, CLASSES = array(4, 3), np.asarray([0, 2, 1, 2])
SHARES = np.abs(array(4, 3)) / 5
WEIGHT = np.asarray([0.5, 1.0, 2.0])
LOSSES: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
    ("cross_entropy", (SCORES, CLASSES), {}),
    ("cross_entropy", (SCORES, CLASSES, WEIGHT), {"label_smoothing": 0.1}),
    ("cross_entropy", (SCORES, CLASSES, WEIGHT), {"label_smoothing": 0.1, "ignore_index": 1, "reduction": "sum"}),
    ("cross_entropy", (SCORES, CLASSES), {"label_smoothing": 0.2, "reduction": "none"}),
    ("cross_entropy", (SCORES, SHARES, WEIGHT), {"label_smoothing": 0.1}),
    ("cross_entropy", (SCORES, SHARES), {"reduction": "none"}),
    ("cross_entropy", (SCORES[0], CLASSES[0]), {}),
    ("cross_entropy", (array(2, 3, 4), np.asarray([[0, 1, 2, 0], [1, 1, 2, 2]])), {"ignore_index": 2}),
    ("nll_loss", (SCORES, CLASSES, WEIGHT), {}),
    ("l1_loss", (SCORES, SHARES), {}),
    ("mse_loss", (SCORES, SHARES), {"reduction": "sum"}),
    ("binary_cross_entropy", (SHARES, SHARES[::-1].copy(), WEIGHT), {}),
    ("binary_cross_entropy_with_logits", (SCORES, SHARES, WEIGHT), {"pos_weight": WEIGHT * 2}),
    ("binary_cross_entropy_with_logits", (SCORES, SHARES), {"reduction": "sum"}),
)


@pytest.mark.parametrize("which", range(len(LOSSES)))
def test_loss(backend: str, which: int) -> None:
    name, arguments, how = LOSSES[which]

    def run(t: Any, make: Any) -> list[Any]:
        inputs = [make(np.asarray(a)) for a in arguments]
        inputs[0].requires_grad_()
        options = {k: make(v) if isinstance(v, np.ndarray) else v for k, v in how.items()}
        loss = getattr(t.nn.functional, name)(*inputs, **options)
        return [loss, *t.autograd.grad((loss * loss).sum(), inputs[:1], create_graph=True)]

    for mine, theirs in zip(run(xpgrad, tensor), run(torch, torch.tensor), strict=True):
        agree(mine, theirs)


def test_graph_of_a_linear_layer_is_pytorchs() -> None:
    def names(t: Any) -> list[str]:
        loss = t.nn.functional.mse_loss(t.nn.functional.relu(t.nn.Linear(2, 2)(t.ones(1, 2))), t.zeros(1, 2))
        nodes, out = [loss.grad_fn], []
        while nodes:
            node = nodes.pop(0)
            out.append(type(node).__name__)
            nodes += [n for n, _ in node.next_functions if n is not None]
        return out

    assert names(xpgrad) == names(torch)


INITS = (
    "uniform_(w, -1, 2)", "normal_(w, 1, 3)", "constant_(w, 0.3)", "ones_(w)", "zeros_(w)", "xavier_uniform_(w, 2)",
    "xavier_normal_(w)", "kaiming_uniform_(w, 0.2, 'fan_out')", "kaiming_normal_(w, nonlinearity='relu')",
    "sparse_(w, 0.3)", "trunc_normal_(w)",
    "trunc_normal_(w, 0, 1, 1.5, 2.5)", "trunc_normal_(w, a=-0.1, b=0.1)", "orthogonal_(w, 2)",
    "eye_(w)", "dirac_(c)", "dirac_(c, 2)", "orthogonal_(c)", "kaiming_uniform_(c)",
)  # fmt: skip


@pytest.mark.parametrize("text", INITS)
def test_init(backend: str, text: str) -> None:
    def run(t: Any) -> Any:
        t.manual_seed(3)
        w, c = t.empty(6, 5), t.empty(4, 2, 3, 3)
        return eval(f"init.{text}", {"init": t.nn.init, "w": w, "c": c})

    agree(run(xpgrad), run(torch), rtol=2e-6)


def test_dropout(backend: str) -> None:
    x = xpgrad.ones(40, 50)
    y = F.dropout(x, 0.25)
    kept = y != 0
    assert 0.7 < kept.float().mean().item() < 0.8
    assert y[kept].numpy_array() == pytest.approx(1 / 0.75)
    assert nn.Dropout(0.5).eval()(x) is x
    assert F.dropout(x, 1.0).sum().item() == 0
    rows = F.dropout2d(xpgrad.ones(5, 8, 3, 3), 0.5).numpy_array()
    assert ((rows == 0) == (rows[:, :, :1, :1] == 0)).all()
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got 2"):
        F.dropout(x, 2)


X = xpgrad.ones
BAD = (
    (lambda: F.linear(X(2, 3), X(4, 5), X(4)), RuntimeError, r"cannot be multiplied \(2x3 and 5x4\)"),
    (lambda: F.linear(X(2, 3), X(4, 5)), RuntimeError, r"cannot be multiplied \(2x3 and 5x4\)"),
    (lambda: nn.Linear(3, 2)(X(2, 3).double()), RuntimeError, "one dtype.*float64"),
    (lambda: nn.Linear(3, 2, bias=False)(X(2, 3).double()), RuntimeError, "one dtype.*float64"),
    (lambda: nn.Conv2d(1, 2, 3)(X(1, 1, 5, 5).double()), RuntimeError, r"Input type \(float64\)"),
    (lambda: nn.Conv2d(1, 2, 3)(X(1, 3, 5, 5)), RuntimeError, "to have 1 channels, but got 3 channels instead"),
    (lambda: nn.Conv2d(1, 2, 3)(X(5, 5)), RuntimeError, "conv2d: Expected 3D .unbatched. or 4D .batched. input"),
    (lambda: nn.Conv2d(1, 2, 9)(X(1, 1, 5, 5)), RuntimeError, "Kernel size can't be greater than actual input size"),
    (lambda: nn.MaxPool2d(2)(X(5, 5)), RuntimeError, "max_pool2d: Expected 3D or 4D input"),
    (lambda: F.mse_loss(X(2, 3), X(2, 4)), RuntimeError, r"tensor a \(3\) must match the size of tensor b \(4\)"),
    (lambda: F.cross_entropy(X(2, 3), xpgrad.tensor([0])), ValueError, r"\(2\) to match target batch_size \(1\)"),
    (lambda: F.cross_entropy(X(2, 3), X(2)), RuntimeError, "expected scalar type Long"),
    (lambda: F.cross_entropy(X(2, 3), xpgrad.tensor([0, 1]), X(4)), RuntimeError, "all 3 classes or no classes"),
    (lambda: F.cross_entropy(X(2, 3), xpgrad.tensor([0, 12])), IndexError, "Target 12 is out of bounds."),
    (lambda: F.cross_entropy(X(2, 3), xpgrad.tensor([0, -1])), IndexError, "Target -1 is out of bounds."),
    (lambda: F.mse_loss(X(2), X(2), reduction="avg"), ValueError, "avg is not a valid value for reduction"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible by groups"),
)  # fmt: skip


@pytest.mark.parametrize("which", range(len(BAD)))
def test_bad_input(which: int) -> None:
    call, kind, text = BAD[which]
    with pytest.raises(kind, match=text):
        call()


def test_a_class_out_of_range_is_never_a_number(backend: str) -> None:
    scores, target = xpgrad.zeros(2, 3), xpgrad.tensor([0, 12])
    if backend == "jax":  # reading the target would make a device wait
        assert np.isnan(F.cross_entropy(scores, target).item())
    else:
        with pytest.raises(IndexError, match="Target 12 is out of bounds"):
            F.cross_entropy(scores, target)


def test_nan_labels_give_nan_or_raise(backend: str) -> None:
    nan = float("nan")
    assert np.isnan(F.mse_loss(xpgrad.ones(2), xpgrad.tensor([nan, 1.0])).item())
    for loss, input in ((F.cross_entropy, xpgrad.ones(1, 2)), (F.binary_cross_entropy, xpgrad.ones(1, 2) / 2)):
        if backend == "jax":  # it would have to wait
            assert np.isnan(loss(input, xpgrad.tensor([[nan, 1.0]])).item())
        else:
            with pytest.raises(ValueError, match="NaN"):
                loss(input, xpgrad.tensor([[nan, 1.0]]))


def test_broadcast_target_warns() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        F.mse_loss(xpgrad.ones(3, 1), xpgrad.ones(3))
    assert "Using a target size (torch.Size([3]))" in str(caught[0].message)
