"""Module: attributes, walks, state dicts, hooks, printing, copies; what PyTorch does is what is asked."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import pytest

import xpgrad
from xpgrad import nn

torch = pytest.importorskip("torch")


def build(t: Any) -> Any:
    """The same odd model of either library."""
    n = t.nn

    class Inner(n.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.scale = n.Parameter(t.ones(3))
            self.register_buffer("seen", t.zeros(2))
            self.register_buffer("hidden", t.zeros(1), persistent=False)
            self.register_parameter("none", None)

        def forward(self, x: Any) -> Any:
            return x * self.scale

    class Net(n.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layers = n.ModuleList(n.Linear(3, 3) for _ in range(3))
            self.inner = Inner()
            self.again = self.inner
            self.table = n.ModuleDict({"a": n.ReLU(), "b": n.Sequential(n.Linear(3, 2), n.Flatten())})

        def forward(self, x: Any) -> Any:
            return self.table["b"](self.inner(self.layers[0](x)))

    return Net()


def test_structure_is_pytorchs() -> None:
    ours, theirs = build(xpgrad), build(torch)
    assert repr(ours) == repr(theirs)
    for walk in ("named_parameters", "named_buffers", "named_modules", "named_children"):
        assert [n for n, _ in getattr(ours, walk)()] == [n for n, _ in getattr(theirs, walk)()], walk
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert ours.state_dict()._metadata == theirs.state_dict()._metadata
    assert set(dir(theirs)) & {"layers", "inner", "table"} <= set(dir(ours))


REPRS = (
    "n.Conv2d(4, 4, 3, padding=1, stride=2, dilation=2, groups=2, bias=False)", "n.Conv1d(1, 1, 3, padding='same')",
    "n.MaxPool2d((2, 2), 1, padding=(1, 0))", "n.AvgPool2d(2)", "n.AvgPool1d(2)", "n.Dropout(0.2)", "n.Flatten()",
    "n.Unflatten(1, (2, 3))", "n.MSELoss()", "n.CrossEntropyLoss()", "n.ELU()", "n.GELU()", "n.Softmax(dim=1)",
    "n.LogSoftmax()", "n.Softplus()", "n.LeakyReLU(inplace=True)", "n.Threshold(1, 2)", "n.PReLU()", "n.Hardtanh()",
    "n.ReLU6()", "n.Softshrink()", "n.CELU(inplace=True)", "n.SELU()", "n.GLU()", "n.Hardswish()", "n.ReLU(True)",
    "n.Identity(3)", "n.Hardsigmoid()", "n.SiLU(inplace=True)", "n.Softmin(1)", "n.Softmax2d()", "n.Hardshrink(0.3)",
    "n.Sequential()", "n.ModuleList()", "n.Linear(2, 3, bias=False)",
    "n.ParameterList([t.ones(2, 3), n.Parameter(t.ones(1))])",
    "n.ModuleList([n.Linear(1, 1), n.Linear(1, 1), n.ReLU()])", "n.Tanh()", "n.Sigmoid()", "n.Mish()", "n.Tanhshrink()",
)  # fmt: skip


@pytest.mark.parametrize("text", REPRS)
def test_repr(text: str) -> None:
    assert repr(eval(text, {"n": nn, "t": xpgrad})) == repr(eval(text, {"n": torch.nn, "t": torch}))


def test_attributes() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(TypeError, match=r"cannot assign .* as parameter 'weight'"):
        layer.weight = xpgrad.ones(2, 2)
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'weigth'"):
        _ = layer.weigth
    with pytest.raises(KeyError, match="attribute 'forward' already exists"):
        layer.register_parameter("forward", None)
    layer.bias = None
    assert [n for n, _ in layer.named_parameters()] == ["weight"]
    layer.extra = nn.Buffer(xpgrad.ones(1))
    assert list(layer.state_dict()) == ["weight", "extra"]
    layer.extra = xpgrad.zeros(1)
    assert dict(layer.named_buffers())["extra"].item() == 0
    del layer.extra
    assert not hasattr(layer, "extra")

    class Early(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"cannot assign module before Module.__init__\(\) call"):
        Early()


def test_load_state_dict_changes_nothing_on_error() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    theirs = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Linear(3, 1))
    bad: dict[str, Any] = {"0.weight": (3, 2), "0.bias": (3,), "1.bias": (2,), "2.bias": (1,)}
    with pytest.raises(RuntimeError) as expected:
        theirs.load_state_dict({k: torch.ones(s) for k, s in bad.items()})
    with pytest.raises(RuntimeError) as error:
        model.load_state_dict({k: xpgrad.ones(s) for k, s in bad.items()})
    assert str(error.value) == str(expected.value)
    assert all((v == before[k]).all() for k, v in model.state_dict().items())
    keys = model.load_state_dict({"0.bias": xpgrad.ones(3)}, strict=False)
    assert keys.missing_keys == ["0.weight", "1.weight", "1.bias"]
    assert model[0].bias.tolist() == [1, 1, 1]
    assert repr(model.load_state_dict(before)) == "<All keys matched successfully>"


def test_forward_hooks() -> None:
    layer = nn.Linear(2, 1)
    seen: list[str] = []
    first = layer.register_forward_pre_hook(lambda m, args: seen.append("pre"))
    layer.register_forward_pre_hook(lambda m, args, kwargs: ((args[0] * 0,), kwargs), with_kwargs=True, prepend=True)
    layer.register_forward_hook(lambda m, args, out: out + 1)
    layer.register_forward_hook(lambda m, args, out: seen.append("always"), always_call=True)
    assert layer(xpgrad.ones(1, 2)).item() == pytest.approx(layer.bias.item() + 1)
    first.remove()
    with pytest.raises(RuntimeError):
        layer(xpgrad.ones(1, 5))
    assert seen == ["pre", "always", "always"]


@pytest.mark.parametrize("recorded", (True, False))
def test_backward_hooks(recorded: bool) -> None:
    def run(t: Any) -> list[Any]:
        t.manual_seed(0)
        layer = t.nn.Linear(2, 2)
        seen: list[Any] = []

        def after(module: Any, grad_in: Any, grad_out: Any) -> Any:
            seen.append([None if g is None else g.tolist() for g in (*grad_in, *grad_out)])
            return (grad_in[0] * 3,) if grad_in[0] is not None else None

        layer.register_full_backward_pre_hook(lambda m, grad_out: (grad_out[0] * 2,))
        layer.register_full_backward_hook(after)
        x = t.ones(1, 2, requires_grad=recorded)
        layer(x).sum().backward()
        return [*seen, x.grad.tolist() if recorded else None, layer.weight.grad.tolist()]

    assert run(xpgrad) == run(torch)


def test_copies_and_pickles() -> None:
    model = build(xpgrad)
    x = xpgrad.ones(2, 3)
    twin = copy.deepcopy(model)
    assert twin.again is twin.inner
    with xpgrad.no_grad():
        model.inner.scale.mul_(2)
    assert not (model(x) == twin(x)).all()
    layer = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
    again = pickle.loads(pickle.dumps(layer))
    assert repr(again) == repr(layer)
    assert (again(xpgrad.ones(1, 2)) == layer(xpgrad.ones(1, 2))).all()


def test_casts_and_modes() -> None:
    model = build(xpgrad).double()
    assert {p.dtype for p in model.parameters()} == {xpgrad.float64}
    assert model.to(xpgrad.float32).inner.seen.dtype is xpgrad.float32
    with pytest.raises(TypeError, match="only accepts floating point or complex dtypes"):
        model.to(xpgrad.int64)
    assert not any(m.training for m in model.eval().modules())
    assert not any(p.requires_grad for p in model.requires_grad_(False).parameters())
    assert model.get_submodule("table.b.0") is model.table["b"][0]
    with pytest.raises(AttributeError, match="ModuleDict has no attribute `c`"):
        model.get_submodule("table.c")


def test_containers() -> None:
    chain = nn.Sequential(OrderedDict(a=nn.ReLU(), b=nn.Tanh()))
    assert chain[1] is chain.b
    assert isinstance(chain[:1], nn.Sequential)
    chain.append(nn.Sigmoid()).insert(0, nn.Identity())
    assert [type(m).__name__ for m in chain] == ["Identity", "ReLU", "Tanh", "Sigmoid"]
    del chain[0]
    assert len(chain) == 3
    with pytest.raises(IndexError, match="index 7 is out of range"):
        chain[7]
    values = nn.ParameterDict({"w": xpgrad.ones(2)})
    values["v"] = nn.Parameter(xpgrad.zeros(1))
    assert [n for n, _ in values.named_parameters()] == ["w", "v"]
    assert values.pop("w").shape == (2,)
    assert "w" not in values
