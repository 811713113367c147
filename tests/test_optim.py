"""Optimizers and schedules against PyTorch's, step by step; states that go there and back; what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import xpgrad

torch = pytest.importorskip("torch")

OPTIMIZERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.1, "amsgrad": True, "betas": (0.4, 0.9)}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.3, "maximize": True}),
    ("RMSprop", {"lr": 0.1}),
    ("RMSprop", {"lr": 0.1, "centered": True, "momentum": 0.9, "weight_decay": 0.1}),
)
START = np.random.default_rng(0).normal(size=(2, 3))


def problem(t: Any, name: str, options: dict[str, Any], dtype: str = "float64") -> tuple[Any, Any, Any]:
    """Parameters, optimizer, and a step that returns the loss."""
    kind = getattr(t, dtype)
    params = [t.nn.Parameter(t.tensor(START.tolist(), dtype=kind)), t.nn.Parameter(t.tensor(0.5, dtype=kind))]
    optimizer = getattr(t.optim, name)(params, **options)

    def step() -> Any:
        optimizer.zero_grad()
        loss = ((params[0] * params[1] - 1) ** 2).sum() + (params[0] ** 4).sum() / 4
        loss.backward()
        optimizer.step()
        return loss.item()

    return params, optimizer, step


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_five_steps(backend: str, name: str, options: dict[str, Any]) -> None:
    ours, theirs = problem(xpgrad, name, options), problem(torch, name, options)
    for _ in range(5):
        assert ours[2]() == pytest.approx(theirs[2](), rel=1e-12)
    for mine, other in zip(ours[0], theirs[0], strict=True):
        np.testing.assert_allclose(mine.detach().numpy_array(), other.detach().numpy(), rtol=1e-12)
    assert repr(ours[1]) == repr(theirs[1])


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_float32_stays(backend: str, name: str, options: dict[str, Any]) -> None:
    params, optimizer, step = problem(xpgrad, name, options, "float32")
    step()
    step()
    assert {p.dtype for p in params} == {xpgrad.float32}
    assert {v.dtype for s in optimizer.state.values() for v in s.values()} <= {xpgrad.float32}


def translated(value: Any, leaf: type, convert: Any) -> Any:
    if isinstance(value, leaf):
        return convert(value)
    if isinstance(value, dict):
        return {k: translated(v, leaf, convert) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(translated(v, leaf, convert) for v in value)
    return value


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_state_goes_to_pytorch_and_back(name: str, options: dict[str, Any]) -> None:
    ours, theirs, third = (problem(t, name, options) for t in (xpgrad, torch, xpgrad))
    for _ in range(3):
        ours[2]()
    state = ours[1].state_dict()
    theirs[1].load_state_dict(translated(state, xpgrad.Tensor, lambda t: torch.tensor(t.numpy_array())))
    assert set(theirs[1].state_dict()["param_groups"][0]) == set(state["param_groups"][0])
    third[1].load_state_dict(theirs[1].state_dict())
    with torch.no_grad(), xpgrad.no_grad():
        for mine, other, last in zip(ours[0], theirs[0], third[0], strict=True):
            other.copy_(torch.tensor(mine.numpy_array()))
            last.copy_(mine)
    expected = [ours[2]() for _ in range(2)]
    assert [theirs[2]() for _ in range(2)] == pytest.approx(expected, rel=1e-12)
    assert [third[2]() for _ in range(2)] == pytest.approx(expected, rel=1e-12)


def test_groups_and_refusals() -> None:
    w, v = xpgrad.nn.Parameter(xpgrad.ones(1)), xpgrad.nn.Parameter(xpgrad.ones(1))
    optimizer = xpgrad.optim.SGD([{"params": [w], "lr": 1.0}, {"params": v}], lr=0.5)
    for p in (w, v):
        p.grad = xpgrad.ones(1)
    optimizer.step()
    assert (w.item(), v.item()) == (0.0, 0.5)
    with pytest.raises(ValueError, match="some parameters appear in more than one parameter group"):
        optimizer.add_param_group({"params": [w]})
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        optimizer.add_param_group({"params": [w * 2]})
    with pytest.raises(TypeError, match="param_group must be a dict"):
        optimizer.add_param_group([w])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="optimizer can only optimize Tensors, but one of the params is int"):
        xpgrad.optim.SGD([3])
    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        xpgrad.optim.SGD([])
    with pytest.raises(ValueError, match="Invalid learning rate: -1"):
        xpgrad.optim.SGD([w], lr=-1)
    with pytest.raises(ValueError, match="Nesterov momentum requires a momentum and zero dampening"):
        xpgrad.optim.SGD([w], nesterov=True)
    with pytest.raises(ValueError, match="different number of parameter groups"):
        xpgrad.optim.SGD([w]).load_state_dict(optimizer.state_dict())


def test_closure_and_hooks() -> None:
    params, optimizer, _ = problem(xpgrad, "SGD", {"lr": 0.1})
    seen: list[str] = []
    optimizer.register_step_pre_hook(lambda *_: seen.append("pre"))
    optimizer.register_step_post_hook(lambda *_: seen.append("post"))

    def closure() -> Any:
        optimizer.zero_grad()
        loss = (params[0] ** 2).sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == pytest.approx((START**2).sum())
    assert seen == ["pre", "post"]


SCHEDULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [2, 5, 5], "gamma": 0.5}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 5, "eta_min": 0.01}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 0.95**epoch}),
    ("OneCycleLR", {"max_lr": 0.01, "total_steps": 13}),
    ("OneCycleLR", {"max_lr": 0.01, "epochs": 3, "steps_per_epoch": 5, "three_phase": True,
                    "anneal_strategy": "linear"}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 0.9 + 0.01 * epoch}),
    ("ConstantLR", {"factor": 0.5, "total_iters": 3}),
    ("LinearLR", {"start_factor": 0.2, "end_factor": 0.8, "total_iters": 5}),
    ("PolynomialLR", {"total_iters": 7, "power": 2.0}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 3, "step_size_down": 2}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 2, "mode": "exp_range", "gamma": 0.9}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.3, "step_size_up": 2, "mode": "triangular2"}),
)


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
@pytest.mark.parametrize("optimizer", ("SGD", "Adam"))
def test_schedule(name: str, options: dict[str, Any], optimizer: str) -> None:
    def run(t: Any) -> list[Any]:
        momentum = {"momentum": 0.9} if optimizer == "SGD" else {}
        _, opt, step = problem(t, optimizer, {"lr": 0.2, **momentum})
        scheduler = getattr(t.optim.lr_scheduler, name)(opt, **options)
        out = []
        for i in range(12):
            group = opt.param_groups[0]
            out += [scheduler.get_last_lr(), group["lr"], group.get("momentum"), group.get("betas")]
            step()
            scheduler.step()
            if i == 5:
                kept = scheduler.state_dict()
                scheduler = getattr(t.optim.lr_scheduler, name)(opt, **options)
                scheduler.load_state_dict(kept)
                group["lr"] = kept["_last_lr"][0]
        return out

    assert run(xpgrad) == run(torch)


def test_reduce_on_plateau() -> None:
    def run(t: Any) -> list[float]:
        _, optimizer, _ = problem(t, "SGD", {"lr": 1.0})
        scheduler = t.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, cooldown=1, factor=0.5, min_lr=0.2)
        out = []
        for metric in (3.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0):
            scheduler.step(metric)
            out.append(optimizer.param_groups[0]["lr"])
        return out

    assert run(xpgrad) == run(torch)


def test_scheduler_before_optimizer_warns() -> None:
    _, optimizer, _ = problem(xpgrad, "SGD", {"lr": 1.0})
    scheduler = xpgrad.optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match="before `optimizer.step"):
        scheduler.step()


def combined(t: Any, optimizer: Any) -> list[Any]:
    """Schedules made of schedules."""
    s = t.optim.lr_scheduler
    parts = [s.LinearLR(optimizer, 0.1, total_iters=4), s.ExponentialLR(optimizer, 0.9)]
    inner = [s.ConstantLR(optimizer, 0.5, 2), s.CosineAnnealingLR(optimizer, 6)]
    return [s.ChainedScheduler(parts), s.SequentialLR(optimizer, inner, [4])]


@pytest.mark.parametrize("which", (0, 1))
def test_combined_schedules(which: int) -> None:
    def run(t: Any) -> list[Any]:
        _, optimizer, step = problem(t, "SGD", {"lr": 0.02})
        scheduler = combined(t, optimizer)[which]
        out = []
        for i in range(10):
            out.append((scheduler.get_last_lr(), optimizer.param_groups[0]["lr"]))
            step()
            scheduler.step()
            if i == 5:
                kept, lr = scheduler.state_dict(), optimizer.param_groups[0]["lr"]
                scheduler = combined(t, optimizer)[which]
                scheduler.load_state_dict(kept)
                optimizer.param_groups[0]["lr"] = lr
        return out

    assert run(xpgrad) == run(torch)


def test_what_schedules_refuse() -> None:
    for t in (torch, xpgrad):
        _, optimizer, _ = problem(t, "SGD", {"lr": 0.2})
        _, other, _ = problem(t, "SGD", {"lr": 0.2})
        s = t.optim.lr_scheduler
        one, plateau = s.ConstantLR(optimizer), s.ReduceLROnPlateau(optimizer)
        for make, what in (
            (lambda: s.ChainedScheduler([]), "expects at least one scheduler to be chained"),  # noqa: B023
            (lambda: s.SequentialLR(optimizer, [one], [1]), "number of schedulers provided to be one more"),  # noqa: B023
            (lambda: s.ChainedScheduler([one, plateau]), "does not support `ReduceLROnPlateau`"),  # noqa: B023
            (lambda: s.ChainedScheduler([one, s.ConstantLR(other)]), "belong to the same optimizer"),  # noqa: B023
            (lambda: s.ConstantLR(optimizer, 2.0), "between 0 and 1"),  # noqa: B023
            (lambda: s.CosineAnnealingWarmRestarts(optimizer, 0), "positive integer T_0"),  # noqa: B023
        ):
            with pytest.raises(ValueError, match=what):
                make()


def test_averages() -> None:
    def run(t: Any, **options: Any) -> list[Any]:
        swa = t.optim.swa_utils
        params, optimizer, step = problem(t, "SGD", {"lr": 0.02})
        model = t.nn.ParameterList(params)
        averaged = swa.AveragedModel(model, **{k: getattr(swa, v)(*a) for k, (v, a) in options.items()})
        schedule = swa.SWALR(optimizer, 0.005, anneal_epochs=3)
        out = []
        for _ in range(5):
            step()
            averaged.update_parameters(model)
            schedule.step()
            out += [optimizer.param_groups[0]["lr"], *[p.tolist() for p in averaged.parameters()]]
        return [*out, averaged.n_averaged.item(), sorted(averaged.state_dict())]

    for options in ({}, {"avg_fn": ("get_ema_avg_fn", (0.9,))}, {"multi_avg_fn": ("get_ema_multi_avg_fn", (0.9,))},
                    {"multi_avg_fn": ("get_swa_multi_avg_fn", ())}):  # fmt: skip
        mine, other = run(xpgrad, **options), run(torch, **options)
        for a, b in zip(mine[:-1], other[:-1], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-7)  # PyTorch's share of the new, 1 / (n + 1), is a float32
        assert mine[-1] == other[-1]


def test_update_bn() -> None:
    found = []
    for t in (torch, xpgrad):
        model = t.nn.Sequential(t.nn.BatchNorm1d(2)).eval()
        batches = [t.arange(8.0).reshape(4, 2), [t.ones(3, 2), "label"]]
        t.optim.swa_utils.update_bn(batches, model)
        assert not model.training and model[0].momentum == 0.1
        found.append(model[0].running_mean.tolist() + model[0].running_var.tolist())
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


def test_lbfgs_finds_the_valley(backend: str) -> None:
    x = xpgrad.nn.Parameter(xpgrad.tensor([-1.5, 2.0], dtype=xpgrad.float64))
    optimizer = xpgrad.optim.LBFGS([x], max_iter=60, line_search_fn="strong_wolfe")

    def rosenbrock() -> Any:
        optimizer.zero_grad()
        loss = (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
        loss.backward()
        return loss

    optimizer.step(rosenbrock)
    np.testing.assert_allclose(x.tolist(), [1, 1], atol=1e-4)
    with pytest.raises(TypeError, match="closure"):
        optimizer.step()


def test_complex_parameters_that_are_refused() -> None:
    for name in ("Adafactor", "Muon"):
        w = xpgrad.nn.Parameter(xpgrad.ones(2, 2, dtype=xpgrad.complex64))
        w.grad = xpgrad.ones(2, 2, dtype=xpgrad.complex64)
        with pytest.raises(RuntimeError, match=f"{name} does not support complex parameters"):
            getattr(xpgrad.optim, name)([w]).step()
