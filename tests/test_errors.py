"""Bad input: one clear error, which names the op, what it was given and what to do; and nothing is half changed.

(Files of digits that are cut short are in test_digits, the command line's mistakes in test_cli.)
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xpgrad
import xpgrad.nn.functional as F
from xpgrad import nn
from xpgrad.backend import _load_by_name
from xpgrad.io import load_file, save_file

Z = xpgrad.zeros
NAN = float("nan")


def double(*shape: int) -> Any:
    return Z(*shape, dtype=xpgrad.float64)


def labels(*values: float) -> Any:
    return xpgrad.tensor(list(values))


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    # shapes
    "channels of a convolution": (
        lambda: nn.Conv2d(3, 4, 3)(Z(2, 1, 8, 8)),
        RuntimeError,
        ["conv2d", "[2, 1, 8, 8]", "[4, 3, 3, 3]", "to have 3 channels, but got 1"],
    ),
    "axes of a convolution": (
        lambda: nn.Conv2d(3, 4, 3)(Z(8, 8)),
        RuntimeError,
        ["conv2d", "Expected 3D (unbatched) or 4D (batched)", "[8, 8]"],
    ),
    "an image smaller than the kernel": (
        lambda: nn.Conv2d(1, 1, 3)(Z(1, 1, 2, 5)),
        RuntimeError,
        ["conv2d", "(2 x 5)", "(3 x 3)", "can't be greater than"],
    ),
    "groups": (lambda: F.conv2d(Z(1, 4, 5, 5), Z(5, 2, 3, 3), groups=2), RuntimeError, ["groups=2", "[5, 2, 3, 3]"]),
    "a convolution's bias": (
        lambda: F.conv1d(Z(1, 4, 5), Z(6, 4, 3), Z(5)),
        RuntimeError,
        ["conv1d", "6 elements", "[5]"],
    ),
    "a transposed convolution": (
        lambda: nn.ConvTranspose2d(3, 4, 3)(Z(2, 1, 8, 8)),
        RuntimeError,
        ["conv_transpose2d", "[2, 1, 8, 8]", "3 channels"],
    ),
    "linear": (lambda: nn.Linear(4, 2)(Z(3, 5)), RuntimeError, ["addmm", "3x5 and 4x2"]),
    "linear, of a vector": (lambda: nn.Linear(4, 2)(Z(5)), RuntimeError, ["5"]),
    "linear's bias": (lambda: F.linear(Z(2, 4), Z(3, 4), Z(4)), RuntimeError, ["addmm", "[4]", "[2, 4]"]),
    "axes of a pool": (lambda: nn.MaxPool2d(2)(Z(4, 4)), RuntimeError, ["max_pool2d", "3D or 4D", "[4, 4]"]),
    "an image smaller than the window": (
        lambda: nn.MaxPool2d(3)(Z(1, 1, 2, 2)),
        RuntimeError,
        ["max_pool2d", "(1 x 2 x 2)", "too small"],
    ),
    "an average of nothing": (lambda: F.avg_pool2d(Z(1, 1, 1, 1), 2), RuntimeError, ["avg_pool2d", "too small"]),
    "a pool's padding": (lambda: F.max_pool2d(Z(1, 1, 4, 4), 2, padding=2), RuntimeError, ["max_pool2d", "pad=2"]),
    "a batch of labels": (
        lambda: F.cross_entropy(Z(3, 5), labels(1, 2)),
        ValueError,
        ["cross_entropy", "batch_size (3)", "(2)"],
    ),
    "two targets": (lambda: F.cross_entropy(Z(2, 3), Z(2, 2)), RuntimeError, ["cross_entropy", "[2, 3]", "[2, 2]"]),
    "weights of classes": (
        lambda: F.nll_loss(Z(2, 3), labels(1, 2), weight=Z(2)),
        RuntimeError,
        ["nll_loss", "3 classes", "[2]"],
    ),
    "squared error": (lambda: F.mse_loss(Z(3, 5), Z(2, 5)), RuntimeError, ["mse_loss", "[3, 5]", "[2, 5]"]),
    "binary cross entropy": (lambda: F.binary_cross_entropy_with_logits(Z(3), Z(2)), ValueError, ["[3]", "[2]"]),
    "a sum": (lambda: Z(2, 3) + Z(2, 4), RuntimeError, ["add", "float32[2, 3]", "float32[2, 4]"]),
    "a product": (lambda: Z(2, 3) @ Z(2, 3), RuntimeError, ["matmul", "float32[2, 3], float32[2, 3]"]),
    "batch norm": (lambda: nn.BatchNorm2d(3)(Z(2, 4, 5, 5)), RuntimeError, ["batch_norm", "4 elements not 3"]),
    # dtypes
    "float64 into a convolution": (
        lambda: nn.Conv2d(3, 4, 3)(double(2, 3, 8, 8)),
        RuntimeError,
        ["conv2d", "float64", "float32", ".to(dtype)"],
    ),
    "float64 into a linear layer": (
        lambda: nn.Linear(4, 2)(double(2, 4)),
        RuntimeError,
        ["addmm", "float64", "float32", ".to(dtype)"],
    ),
    "integers into a linear layer": (
        lambda: nn.Linear(4, 2)(Z(2, 4, dtype=xpgrad.int64)),
        RuntimeError,
        ["int64", "float32", ".to(dtype)"],
    ),
    "float64 into a recurrent layer": (
        lambda: nn.LSTM(4, 2)(double(3, 2, 4)),
        ValueError,
        ["float64", "float32", "input.to("],
    ),
    "softmax of integers": (lambda: F.softmax(labels(1, 2), dim=0), RuntimeError, ["softmax", "int64", ".to(dtype)"]),
    "labels that are floats": (
        lambda: F.cross_entropy(Z(2, 3), labels(1.0, NAN)),
        RuntimeError,
        ["cross_entropy", "float32", ".long()"],
    ),
    # places
    "an absent device": (lambda: Z(2, device="cuda"), RuntimeError, ["'cuda'", "it has cpu", "choose the backend"]),
    "a module to an absent device": (lambda: nn.Linear(2, 2).to("moon"), RuntimeError, ["'moon'", "it has cpu"]),
    "an unknown backend": (
        lambda: xpgrad.set_backend("nope"),
        ValueError,
        ["'nope'", "cupy, jax, numpy, strict, torch"],
    ),
    "an index out of range": (lambda: Z(2, 3)[1, 3], IndexError, ["index 3", "dimension 1", "size 3"]),
}


@pytest.fixture(autouse=True)
def not_on_cuda(request: pytest.FixtureRequest) -> None:
    if "cuda" in str(request.node.name) and xpgrad.cuda.is_available():
        pytest.skip("the device is there")


@pytest.mark.parametrize("name", WRONG)
def test_one_clear_error(backend: str, name: str) -> None:
    attempt, kind, parts = WRONG[name]
    with pytest.raises(kind) as caught:
        attempt()
    said = str(caught.value)
    for part in parts:
        assert part in said, said
    assert xpgrad.get_backend().name == backend


def asynchronous(name: str) -> bool:
    return name == "jax"  # reading a value would wait for it


@pytest.mark.parametrize("target", [7, -1], ids=str)
def test_a_class_out_of_range(backend: str, target: int) -> None:
    scores = Z(2, 5, requires_grad=True)
    for loss in (F.cross_entropy, F.nll_loss):
        if asynchronous(backend):
            assert np.isnan(loss(scores, labels(1, target)).item())
            continue
        with pytest.raises(IndexError, match=rf"Target {target} is out of bounds.*\[2, 5\] has classes 0 to 4"):
            loss(scores, labels(1, target))
    assert scores.grad is None


@pytest.mark.parametrize("loss", [F.cross_entropy, F.binary_cross_entropy])
def test_nan_labels(backend: str, loss: Any) -> None:
    p, target = xpgrad.full((1, 2), 0.5), xpgrad.tensor([[NAN, 1.0]])
    if asynchronous(backend):
        assert np.isnan(loss(p, target).item())
        return
    with pytest.raises(ValueError, match="NaN") as caught:
        loss(p, target)
    assert loss.__name__ in str(caught.value)


def test_nan_labels_are_found_by_anomaly_detection(backend: str) -> None:
    """A squared error may be NaN, as in PyTorch; whoever looks for it is told where it began."""
    x = xpgrad.ones(2, requires_grad=True)
    with xpgrad.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="MseLossBackward0"):
        F.mse_loss(x, labels(NAN, 1.0)).backward()


ENTRIES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "missing": (lambda s: s.pop("0.weight"), 'Missing key.*"0.weight"'),
    "surplus": (lambda s: s.update(extra=Z(1)), 'Unexpected key.*"extra"'),
    "misshapen": (lambda s: s.update({"1.bias": Z(4)}), r"size mismatch for 1.bias.*\[4\].*\[3\]"),
}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_safetensors_file_that_does_not_fit(backend: str, tmp_path: Path, name: str) -> None:
    change, message = ENTRIES[name]
    net = nn.Sequential(nn.Linear(4, 2), nn.Linear(2, 3))
    before = {key: value.tolist() for key, value in net.state_dict().items()}
    state = {key: value + 1 for key, value in net.state_dict().items()}
    change(state)
    save_file(state, tmp_path / "net.safetensors")
    with pytest.raises(RuntimeError, match=f"(?s)loading state_dict for Sequential.*{message}"):
        net.load_state_dict(load_file(tmp_path / "net.safetensors"))
    assert {key: value.tolist() for key, value in net.state_dict().items()} == before


def test_a_safetensors_file_cut_short(backend: str, tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_file(nn.Linear(2, 2).state_dict(), path)
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ValueError, match=r"net\.safetensors: not a whole safetensors file"):
        load_file(path)


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What was found of the libraries is looked for anew, and again afterwards."""
    _load_by_name.cache_clear()
    yield
    _load_by_name.cache_clear()


@pytest.mark.parametrize(("name", "package"), [("jax", "jax"), ("torch", "torch"), ("cupy", "cupy"),
                                               ("strict", "array_api_strict")])  # fmt: skip
def test_an_absent_library(name: str, package: str, monkeypatch: pytest.MonkeyPatch, forgotten: None) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda n, *rest: None if n == package else find(n, *rest))
    monkeypatch.setitem(sys.modules, package, None)
    for choose in (xpgrad.set_backend, lambda n: xpgrad.backend(n).__enter__()):
        with pytest.raises(ModuleNotFoundError) as caught:
            choose(name)
        assert f"pip install 'xpgrad[{name}]'" in str(caught.value)
    assert xpgrad.get_backend().name == "numpy"


def test_libraries_do_not_mix() -> None:
    strict = pytest.importorskip("array_api_strict")
    ours, other = Z(2, 2), xpgrad.tensor(strict.ones((2, 2), dtype=strict.float32))
    for attempt in (lambda: ours + other, lambda: F.linear(ours, other), lambda: ours.add_(other),
                    lambda: F.conv2d(ours[None, None], other[None, None]),
                    lambda: F.mse_loss(ours, other)):  # fmt: skip
        with pytest.raises(TypeError, match=r"cannot mix arrays of numpy and strict; .*to_backend\('numpy'\)"):
            attempt()
    assert ours.tolist() == [[0, 0], [0, 0]]
    assert (ours + other.to_backend("numpy")).tolist() == [[1, 1], [1, 1]]


def test_a_refused_write_changes_nothing(backend: str) -> None:
    x = xpgrad.tensor([1.0, 2.0])
    view = x[:1]
    for attempt in (lambda: x.add_(Z(3)), lambda: x.mul_(Z(2, 2)), lambda: x.copy_(Z(3)),
                    lambda: x.__setitem__(5, 1.0), lambda: x.__setitem__(slice(0, 1), Z(3))):  # fmt: skip
        with pytest.raises((RuntimeError, IndexError)):
            attempt()
    assert x.tolist() == [1, 2] and view.tolist() == [1]


def test_a_refused_step_changes_nothing(backend: str) -> None:
    """A loss that cannot be computed leaves neither gradients nor another place in the stream of random numbers."""
    net = nn.Sequential(nn.Linear(4, 2), nn.Linear(3, 1))
    state = xpgrad.get_rng_state().tolist()
    with pytest.raises(RuntimeError, match=r"2x2 and 3x1|addmm"):
        net(Z(2, 4))
    assert all(p.grad is None for p in net.parameters())
    assert xpgrad.get_rng_state().tolist() == state
