"""`compile`: the same numbers as the plain step, on every library; on jax, as one program."""

from __future__ import annotations

from typing import Any

import pytest

import xpgrad
from xpgrad import nn, optim
from xpgrad.compiled import CompileError


def classifier(how: str) -> tuple[nn.Module, Any, Any]:
    """A small network, its optimizer and its schedule."""
    xpgrad.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.25), nn.Linear(8, 3))
    made = {
        "sgd": lambda p: optim.SGD(p, lr=0.2, momentum=0.9),
        "adam": lambda p: optim.Adam(p, lr=0.05),
        "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5),
    }[how](net.parameters())
    return net, made, optim.lr_scheduler.StepLR(made, 2, 0.5)


def losses(how: str, compiled: bool, steps: int = 6) -> tuple[list[float], list[Any]]:
    """The losses of a few training steps, and the parameters after them."""
    net, optimizer, schedule = classifier(how)
    x, y = xpgrad.randn(5, 6), xpgrad.randint(0, 3, (5,))

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss

    run = xpgrad.compile(step) if compiled else step
    return [float(run(x, y)) for _ in range(steps)], [p.tolist() for p in net.parameters()]


@pytest.mark.parametrize("how", ["sgd", "adam", "rmsprop"])
def test_training_equals_the_plain_step(how: str, backend: str) -> None:
    plain, compiled = losses(how, False), losses(how, True)
    assert compiled[0] == pytest.approx(plain[0], rel=2e-6)
    for a, b in zip(plain[1], compiled[1], strict=True):
        assert xpgrad.allclose(xpgrad.tensor(a), xpgrad.tensor(b), rtol=1e-5, atol=1e-6)


@pytest.fixture
def jax() -> Any:
    """JAX chosen."""
    library = pytest.importorskip("jax")
    with xpgrad.backend("jax"):
        yield library


def test_traced_once_for_each_shape(jax: Any) -> None:
    runs = []
    w = xpgrad.ones(3, requires_grad=True)

    def f(x: Any) -> Any:
        runs.append(tuple(x.shape))
        return (w * x).sum()

    g = xpgrad.compile(f)
    for _ in range(5):
        g(xpgrad.ones(3))
        g(xpgrad.ones(2, 3))
    assert runs.count((3,)) == runs.count((2, 3)) == 2  # once as it is, once traced


def test_gradients_flow_through_a_compiled_module(jax: Any) -> None:
    xpgrad.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1))
    x = xpgrad.randn(3, 4, requires_grad=True)
    compiled = xpgrad.compile(net)
    expected = xpgrad.autograd.grad(net(x).sum(), [x, *net.parameters()])
    for _ in range(3):
        found = xpgrad.autograd.grad(compiled(x).sum(), [x, *net.parameters()])
        for a, b in zip(expected, found, strict=True):
            assert xpgrad.allclose(a, b, rtol=1e-5, atol=1e-6)
    assert compiled.training and list(compiled.parameters())


def test_the_training_flag_makes_another_program(jax: Any) -> None:
    layer = nn.Dropout(0.5)
    f = xpgrad.compile(lambda x: layer(x))
    x = xpgrad.ones(100)
    for _ in range(3):
        assert float(f(x).min()) == 0
    layer.eval()
    for _ in range(3):
        assert float(f(x).min()) == 1


def test_random_numbers_go_on(jax: Any) -> None:
    f = xpgrad.compile(lambda x: nn.functional.dropout(x, 0.5))
    xpgrad.manual_seed(3)
    found = [f(xpgrad.ones(8)).tolist() for _ in range(4)]
    xpgrad.manual_seed(3)
    assert found == [nn.functional.dropout(xpgrad.ones(8), 0.5).tolist() for _ in range(4)]


def test_a_branch_on_data_names_the_line(jax: Any) -> None:
    x = xpgrad.ones(2)
    state = xpgrad.zeros(2)

    def f(x: Any) -> Any:
        state.add_(1)
        return x if x.sum() > 0 else -x  # the line

    g = xpgrad.compile(f)
    g(x)
    with pytest.raises(CompileError, match=r"test_compile\.py:\d+: return x if x\.sum"):
        g(x)
    assert state.tolist() == [1, 1]  # nothing of the failed trace is left


def test_a_step_that_keeps_what_it_makes_is_refused(jax: Any) -> None:
    kept: list[Any] = []

    def f(x: Any) -> Any:
        kept.append(x * 2)
        return x

    g = xpgrad.compile(f)
    g(xpgrad.ones(2))
    with pytest.raises(CompileError, match="keeps a Tensor"):
        g(xpgrad.ones(2))


def test_views_of_what_is_written_follow(jax: Any) -> None:
    state = xpgrad.zeros(2, 2)
    seen = state.detach()
    row = state[0]
    g = xpgrad.compile(lambda x: state.add_(x).sum())
    for i in range(1, 4):
        assert float(g(xpgrad.ones(2, 2))) == 4 * i
        assert seen.tolist() == [[i, i], [i, i]] and row.tolist() == [i, i]


def test_a_view_read_before_its_base_is_written(jax: Any) -> None:
    state = xpgrad.zeros(2, 2)
    row = state[0]

    def f(x: Any) -> Any:
        before = row.sum()
        state.add_(x)
        return before

    g = xpgrad.compile(f)
    assert [float(g(xpgrad.ones(2, 2))) for _ in range(5)] == [0, 2, 4, 6, 8]
    assert row.tolist() == [5, 5]


def test_one_array_in_several_places(jax: Any) -> None:
    a, b, seen = xpgrad.zeros(2), xpgrad.zeros(2), xpgrad.zeros(2)
    shared = seen.detach()

    def f(x: Any) -> Any:
        y = x + a
        for t in (a, b, seen):
            t.copy_(y)
        return y

    g = xpgrad.compile(f)
    for i in range(1, 5):
        assert g(xpgrad.ones(2)).add_(10).tolist() == [i + 10, i + 10]
        assert a.tolist() == b.tolist() == seen.tolist() == shared.tolist() == [i, i]
    b.add_(1)
    assert b.tolist() == [5, 5] and a.tolist() == [4, 4]


def test_gradients_after_a_step(jax: Any) -> None:
    w, kept = xpgrad.ones(2, requires_grad=True), xpgrad.ones(2, requires_grad=True)
    before = kept.grad = xpgrad.ones(2)

    def f(x: Any) -> Any:
        w.grad, kept.grad = None, before
        (w * x).sum().backward()

    g = xpgrad.compile(f)
    seen = []
    for i in range(1, 5):
        g(xpgrad.ones(2) * i)
        seen.append(w.grad)
        assert kept.grad is before
        kept.grad = None
        g(xpgrad.ones(2) * i)
        kept.grad = before
    assert [t.tolist() for t in seen] == [[i, i] for i in range(1, 5)]


def test_gradients_at_the_address_of_something_forgotten(jax: Any) -> None:
    w = xpgrad.ones(2, requires_grad=True)

    def f(x: Any) -> Any:
        w.grad = None
        for _ in range(100):
            x * 2  # made and forgotten, so that what is made next may lie where it lay
        (w * x).sum().backward()

    g = xpgrad.compile(f)
    for i in range(1, 5):
        g(xpgrad.ones(2) * i)
        assert w.grad.tolist() == [i, i]


def test_a_compiled_function_within_another(jax: Any) -> None:
    state = xpgrad.zeros(2)
    inner = xpgrad.compile(lambda x: state.add_(x).sum())
    outer = xpgrad.compile(lambda x: inner(x) * 2)
    assert [float(outer(xpgrad.ones(2))) for _ in range(5)] == [4, 8, 12, 16, 20]
    assert state.tolist() == [5, 5] and float(inner(xpgrad.ones(2))) == 12


def test_arguments_of_any_nesting(jax: Any) -> None:
    g = xpgrad.compile(lambda x, y=None, *, z=(): x if y is None else x + y["a"] * 2 + sum(z))
    a, b = xpgrad.ones(2), xpgrad.ones(2) * 3
    for _ in range(3):
        assert g(a).tolist() == [1, 1]
        assert g(a, {"a": b}).tolist() == [7, 7]
        assert g(a, {"a": 2}).tolist() == [5, 5]
        assert g(a, {"a": b}, z=[a, b]).tolist() == [11, 11]


def test_batch_norm_buffers_are_updated(jax: Any) -> None:
    def run(compiled: bool) -> Any:
        xpgrad.manual_seed(0)
        net = nn.BatchNorm1d(3)
        f = xpgrad.compile(net) if compiled else net
        for _ in range(4):
            f(xpgrad.randn(6, 3))
        return {k: v.tolist() for k, v in net.state_dict().items()}

    plain, compiled = run(False), run(True)
    assert compiled["num_batches_tracked"] == plain["num_batches_tracked"] == 4
    assert compiled["running_mean"] == pytest.approx(plain["running_mean"], rel=1e-5)
