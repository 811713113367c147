"""What the database of modules does not show: lazy layers, nn.utils, running statistics, second orders, refusals."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad import nn
from xpgrad.nn import functional as F
from xpgrad.nn.utils import parametrizations, parametrize

torch = pytest.importorskip("torch")


def array(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


def loaded(mine: Any, theirs: Any) -> Any:
    """`mine` in float64 with the state of `theirs`."""
    mine = mine.to(xpgrad.float64)
    mine.load_state_dict({k: xpgrad.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    return mine


@pytest.mark.parametrize(("name", "args", "shape", "became"), [
    ("LazyLinear", (3,), (2, 4), "Linear"),
    ("LazyConv1d", (4, 3), (2, 2, 7), "Conv1d"),
    ("LazyConv2d", (4, 3), (2, 2, 7, 7), "Conv2d"),
    ("LazyConv3d", (4, 2), (1, 2, 3, 3, 3), "Conv3d"),
    ("LazyConvTranspose2d", (4, 3), (2, 2, 5, 5), "ConvTranspose2d"),
    ("LazyBatchNorm2d", (), (2, 3, 4, 4), "BatchNorm2d"),
    ("LazyInstanceNorm1d", (), (2, 3, 5), "InstanceNorm1d"),
])  # fmt: skip
def test_lazy_layers_take_their_shape_from_the_first_input(name: str, args: Any, shape: Any, became: str) -> None:
    layer, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    assert layer.has_uninitialized_params() == theirs.has_uninitialized_params() is True
    x = array(*shape).astype("float32")
    layer(xpgrad.tensor(x))
    expected = theirs(torch.tensor(x))
    assert repr(layer) == repr(theirs) and type(layer).__name__ == became
    assert [(n, tuple(p.shape)) for n, p in layer.named_parameters()] == [
        (n, tuple(p.shape)) for n, p in theirs.named_parameters()]  # fmt: skip
    mine = loaded(layer, theirs)(xpgrad.tensor(x.astype("float64")))
    np.testing.assert_allclose(mine.detach().numpy(), expected.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_a_lazy_layer_loads_a_state() -> None:
    layer = nn.LazyLinear(3)
    layer.load_state_dict(nn.Linear(4, 3).state_dict())
    assert tuple(layer.weight.shape) == (3, 4)


def test_batch_norm_keeps_a_plain_mean_without_momentum() -> None:
    mine, theirs = nn.BatchNorm1d(3, momentum=None), torch.nn.BatchNorm1d(3, momentum=None)
    for seed in range(3):
        x = array(5, 3, seed=seed).astype("float32")
        mine(xpgrad.tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(mine.running_var.numpy(), theirs.running_var.numpy(), rtol=1e-5)
    assert mine.num_batches_tracked.item() == 3
    x = array(4, 3).astype("float32")
    np.testing.assert_allclose(mine.eval()(xpgrad.tensor(x)).detach().numpy(),
                               theirs.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-4, atol=1e-6)  # fmt: skip


@pytest.mark.parametrize(("call", "shape", "node"), [
    (lambda lib, x: lib.nn.functional.layer_norm(x, (4,)), (3, 4), "NativeLayerNormBackward0"),
    (lambda lib, x: lib.nn.functional.group_norm(x, 2), (2, 4, 3), "NativeGroupNormBackward0"),
    (lambda lib, x: lib.nn.functional.batch_norm(x, None, None, training=True), (4, 3), "NativeBatchNormBackward0"),
    (lambda lib, x: lib.nn.functional.pad(x, (2, 1), mode="reflect"), (1, 2, 4), ""),
    (lambda lib, x: lib.nn.functional.interpolate(x, size=(5, 3), mode="bicubic"), (1, 1, 4, 4), ""),
    (lambda lib, x: lib.nn.functional.unfold(x, 2), (1, 1, 3, 3), "Im2ColBackward0"),
    (lambda lib, x: lib.nn.functional.conv_transpose1d(x, x[:1] * 0 + 1), (1, 1, 4), "ConvolutionBackward0"),
])  # fmt: skip
def test_second_order(call: Any, shape: Any, node: str) -> None:
    x = array(*shape)
    grads = []
    for lib in (xpgrad, torch):
        t = lib.tensor(x, requires_grad=True)
        y = call(lib, t)
        if lib is xpgrad and node:
            assert type(y.grad_fn).__name__ == node or y.grad_fn.name() == node
        (g,) = lib.autograd.grad((y**3).sum(), t, create_graph=True)
        (second,) = lib.autograd.grad((g**2).sum(), t)
        grads.append(second.numpy())
    np.testing.assert_allclose(*grads, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(3, 5), (9, 4)])
def test_antialias(mode: str, size: Any) -> None:
    x = array(1, 2, 7, 8)
    mine = F.interpolate(xpgrad.tensor(x), size, mode=mode, antialias=True)
    theirs = torch.nn.functional.interpolate(torch.tensor(x), size, mode=mode, antialias=True)
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-7)


def test_affine_grid_and_fold() -> None:
    theta = array(2, 2, 3)
    for corners in (True, False):
        mine = F.affine_grid(xpgrad.tensor(theta), (2, 1, 3, 4), align_corners=corners)
        theirs = torch.nn.functional.affine_grid(torch.tensor(theta), (2, 1, 3, 4), align_corners=corners)
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-12)
    columns = array(1, 8, 6)
    options = {"output_size": (3, 4), "kernel_size": 2}
    np.testing.assert_allclose(nn.Fold(**options)(xpgrad.tensor(columns)).numpy(),
                               torch.nn.Fold(**options)(torch.tensor(columns)).numpy())  # fmt: skip


def test_adaptive_log_softmax() -> None:
    theirs = torch.nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0).double()
    mine = loaded(nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 7], div_value=2.0), theirs)
    assert repr(mine) == repr(theirs)
    x, y = array(6, 8), np.array([0, 4, 11, 2, 7, 3])
    expected, found = theirs(torch.tensor(x), torch.tensor(y)), mine(xpgrad.tensor(x), xpgrad.tensor(y))
    np.testing.assert_allclose(found.output.detach().numpy(), expected.output.detach().numpy())
    np.testing.assert_allclose(found.loss.item(), expected.loss.item())
    assert mine.predict(xpgrad.tensor(x)).tolist() == theirs.predict(torch.tensor(x)).tolist()


def test_ctc_of_lengths_that_differ() -> None:
    scores, targets = array(9, 3, 5), np.array([[1, 1, 2], [3, 4, 0], [2, 2, 2]])
    lengths, sizes = (9, 7, 4), (3, 2, 3)
    grads = []
    for lib in (xpgrad, torch):
        t = lib.tensor(scores, requires_grad=True)
        loss = lib.nn.functional.ctc_loss(t.log_softmax(2), lib.tensor(targets), lengths, sizes, zero_infinity=True)
        loss.backward()
        grads.append((loss.item(), t.grad.numpy()))
    np.testing.assert_allclose(grads[0][0], grads[1][0])
    np.testing.assert_allclose(grads[0][1], grads[1][1], atol=1e-12)


def test_embedding_max_norm_and_refusals() -> None:
    table = array(4, 3) * 3
    mine, theirs = nn.Embedding(4, 3, max_norm=1.0), torch.nn.Embedding(4, 3, max_norm=1.0).double()
    theirs.weight.data = torch.tensor(table)
    mine = loaded(mine, theirs)
    mine(xpgrad.tensor([1, 1, 3])), theirs(torch.tensor([1, 1, 3]))
    np.testing.assert_allclose(mine.weight.detach().numpy(), theirs.weight.detach().numpy())
    with pytest.raises(IndexError, match="out of range"):
        F.embedding(xpgrad.tensor([4]), xpgrad.ones(4, 2))
    with pytest.raises(RuntimeError, match="Class values"):
        F.one_hot(xpgrad.tensor([3]), 2)


@pytest.mark.parametrize("order", [1.0, 2.0, float("inf")])
def test_clipping(order: float) -> None:
    norms = []
    for lib in (xpgrad, torch):
        parameters = [lib.nn.Parameter(lib.tensor(array(3, 2))), lib.nn.Parameter(lib.tensor(array(4)))]
        for p in parameters:
            p.grad = p.detach() * 10
        norm = lib.nn.utils.clip_grad_norm_(parameters, 1.5, order)
        lib.nn.utils.clip_grad_value_(parameters[:1], 0.1)
        norms.append([norm.item(), *parameters[0].grad.flatten().tolist(), *parameters[1].grad.tolist()])
    np.testing.assert_allclose(*norms)


def test_parameters_as_a_vector() -> None:
    layer = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert tuple(vector.shape) == (9,)
    nn.utils.vector_to_parameters(vector.detach() * 0 + 2, layer.parameters())
    assert layer.weight.tolist() == [[2.0, 2.0]] * 3 and layer.bias.requires_grad


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("what", ["weight_norm", "spectral_norm"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_normed_weights(what: str, old: bool) -> None:
    theirs = torch.nn.Conv2d(2, 3, 2).double()
    mine = loaded(nn.Conv2d(2, 3, 2), theirs)
    homes = (torch.nn.utils, nn.utils) if old else (torch.nn.utils.parametrizations, parametrizations)
    theirs, mine = (getattr(home, what)(m) for home, m in zip(homes, (theirs, mine), strict=True))
    assert list(mine.state_dict()) == list(theirs.state_dict())
    mine = loaded(mine, theirs)
    x = array(1, 2, 4, 4)
    np.testing.assert_allclose(mine(xpgrad.tensor(x)).detach().numpy(), theirs(torch.tensor(x)).detach().numpy())
    for lib, m in ((torch, theirs), (xpgrad, mine)):
        (m(lib.tensor(x)) ** 2).sum().backward()
    for (name, a), (_, b) in zip(theirs.named_parameters(), mine.named_parameters(), strict=True):
        np.testing.assert_allclose(b.grad.numpy(), a.grad.numpy(), atol=1e-10, err_msg=name)
    if old:
        getattr(nn.utils, f"remove_{what}")(mine)
    else:
        parametrize.remove_parametrizations(mine, "weight")
    assert type(mine) is nn.Conv2d and "weight" in dict(mine.named_parameters())


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_orthogonal(shape: Any) -> None:
    layer = parametrizations.orthogonal(nn.Linear(shape[1], shape[0]).double())
    w = layer.weight.detach().numpy()
    w = w if shape[0] >= shape[1] else w.T
    np.testing.assert_allclose(w.T @ w, np.eye(w.shape[1]), atol=1e-10)
    target = np.linalg.qr(array(*shape) if shape[0] >= shape[1] else array(*shape).T)[0]
    target = target if shape[0] >= shape[1] else target.T
    layer.weight = xpgrad.tensor(target)
    np.testing.assert_allclose(layer.weight.detach().numpy(), target, atol=1e-10)
    assert copy.deepcopy(layer).weight.shape == shape


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    xpgrad.manual_seed(0)
    y = nn.AlphaDropout(0.3)(xpgrad.randn(20000)).numpy()
    assert abs(y.mean()) < 0.03 and abs(y.std() - 1) < 0.03
    assert nn.AlphaDropout(0.3).eval()(xpgrad.ones(2)).tolist() == [1.0, 1.0]
    z = F.feature_alpha_dropout(xpgrad.ones(4, 6, 3), 0.5, training=True).numpy()
    assert (z == z[:, :, :1]).all()


def test_names_that_are_not_there_say_so() -> None:
    with pytest.raises(AttributeError, match="the nearest there is: Conv2d"):
        nn.Conv2dd  # noqa: B018


def test_hooks_on_all_modules() -> None:
    seen: list[str] = []
    hooks = nn.modules.module

    def note(when: str) -> Any:
        return lambda module, *args: seen.append(f"{when} {type(module).__name__}")

    handles = [hooks.register_module_forward_pre_hook(note("before")),
               hooks.register_module_forward_hook(note("after")),
               hooks.register_module_full_backward_hook(note("back"))]  # fmt: skip
    try:
        nn.Sequential(nn.Linear(2, 2), nn.ReLU())(xpgrad.ones(1, 2, requires_grad=True)).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    assert seen[:4] == ["before Sequential", "before Linear", "after Linear", "before ReLU"]
    assert seen[-3:] == ["back ReLU", "back Linear", "back Sequential"]
    nn.ReLU()(xpgrad.ones(1))
    assert len(seen) == 9 and isinstance(nn.BatchNorm2d(2), nn.modules.batchnorm._BatchNorm)
