"""In-place methods and assignment: views see each other's writes, and gradients are PyTorch's, on every library."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xpgrad

torch = pytest.importorskip("torch")
LIBRARIES = ["numpy", "jax", "torch", "strict"]


@pytest.fixture(params=LIBRARIES)
def lib(request: pytest.FixtureRequest) -> Any:
    pytest.importorskip({"strict": "array_api_strict"}.get(request.param, request.param))
    with xpgrad.backend(request.param):
        yield xpgrad


def of(lib: Any, values: Any, requires_grad: bool = False) -> Any:
    return lib.tensor(values, dtype=lib.float64, requires_grad=requires_grad)


# -- sharing --


def test_a_view_writes_into_its_base(lib: Any) -> None:
    x = of(lib, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    row, column, all_of_it = x[1], x.T[0], x.reshape(-1)
    inner = row[1:]
    inner.mul_(10)
    assert x.tolist() == [[1.0, 2.0, 3.0], [4.0, 50.0, 60.0]]
    column.zero_()
    assert row.tolist() == [0.0, 50.0, 60.0]
    all_of_it[-1] = -1.0
    x[0, 0] += 7
    assert inner.tolist() == [50.0, -1.0] and column.tolist() == [7.0, 0.0]
    assert all_of_it.tolist() == [7.0, 2.0, 3.0, 0.0, 50.0, -1.0]


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.reshape(4, 3),
        lambda x: x.reshape(-1),
        lambda x: x.permute(2, 0, 1),
        lambda x: x.unsqueeze(1),
        lambda x: x[:, :1].squeeze(1),
        lambda x: x[0],
        lambda x: x[..., 1],
        lambda x: x[::1, 1:],
        lambda x: x[None, 1, :, 0:2],
        lambda x: x.transpose(0, 1)[2].unsqueeze(-1),
        lambda x: x.detach(),
        lambda x: x.data[1],
    ],
)
def test_every_view_shares_both_ways(view: Any) -> None:
    start = np.arange(12.0).reshape(2, 3, 2)
    ours, theirs = of(xpgrad, start), torch.tensor(start)
    one, other = view(ours), view(theirs)
    for x, v in ((ours, one), (theirs, other)):
        v.add_(100)
        x.mul_(2)
        v[..., 0] = -1.0
    assert ours.tolist() == theirs.tolist() and one.tolist() == other.tolist()


def test_copies_do_not_share(lib: Any) -> None:
    x = of(lib, [1.0, 2.0])
    others = [x.clone(), x + 0, x[xpgrad.tensor([0, 1])], copy.deepcopy(x), x.to(lib.float32)]
    x.zero_()
    assert all(t.tolist() == [1.0, 2.0] for t in others)


def test_a_parameter_is_updated_under_no_grad(lib: Any) -> None:
    p = of(lib, [1.0, 2.0], requires_grad=True)
    view = p.detach()
    (p * p).sum().backward()
    with lib.no_grad():
        p.sub_(p.grad * 0.5)
        p[0] = 5.0
        p[1:].add_(1)
        p -= 1
    assert p.is_leaf and p.requires_grad and p.tolist() == view.tolist() == [4.0, 0.0]
    p.data.mul_(2)
    (p * p).sum().backward()
    assert p.tolist() == [8.0, 0.0] and p.grad.tolist() == [18.0, 4.0]


def test_data_can_be_replaced(lib: Any) -> None:
    p, source = of(lib, [1.0, 2.0], requires_grad=True), of(lib, [3.0, 4.0])
    old = p.detach()
    y = (p * p).sum()
    p.data = source
    assert old.tolist() == [1.0, 2.0]
    old.zero_()
    source.add_(1)
    assert p.tolist() == [4.0, 5.0] and p.is_leaf
    y.backward()
    assert p.grad.tolist() == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="floating point"):
        p.data = lib.tensor([1, 2])
    p.data = of(lib, [[1.0]])
    p.grad = None
    (p * 3).sum().backward()
    assert p.grad.tolist() == [[3.0]]


def test_data_may_be_replaced_under_a_recorded_view(lib: Any) -> None:
    p = of(lib, [1.0, 2.0], requires_grad=True)
    view = p[1:]
    p.data = of(lib, [10.0, 20.0])
    assert view.tolist() == [2.0]
    view.sum().backward()
    assert p.grad.tolist() == [0.0, 1.0]


# -- refusals --


def test_refusals(lib: Any) -> None:
    p = of(lib, [1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        p.add_(1)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        p[0] = 1.0
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        p += 1
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        p[:1].zero_()
    x = of(lib, [[1.0], [2.0]])
    with pytest.raises(RuntimeError, match="clone"):
        x.expand(2, 3).add_(1)
    with pytest.raises(RuntimeError, match=r"output with shape \[2, 1\]"):
        x.add_(of(lib, [[1.0, 2.0]]))
    with pytest.raises(RuntimeError, match="can't be cast"):
        lib.tensor([1, 2]).mul_(1.5)
    with pytest.raises(RuntimeError, match="can't be cast"):
        x.mul_(1j)
    with lib.no_grad():
        silent = (p * 1)[:1]
        quiet = p[:1]
    with pytest.raises(RuntimeError, match="no_grad mode"):
        quiet.mul_(of(lib, [2.0], requires_grad=True))
    with pytest.raises(RuntimeError, match="no_grad mode"):
        silent.mul_(of(lib, [2.0], requires_grad=True))
    assert x.tolist() == [[1.0], [2.0]] and p.tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="Can't detach views"):
        (p * 1)[:1].detach_()


def test_a_refused_write_changes_nothing(lib: Any) -> None:
    x = of(lib, [[1.0], [2.0]]) * of(lib, 2.0, requires_grad=True)
    wide = x.expand(2, 3)
    before = x.grad_fn
    with pytest.raises(RuntimeError):
        wide.mul_(5)
    assert x.grad_fn is before and x.tolist() == [[2.0], [4.0]]


def test_dtypes_are_kept(lib: Any) -> None:
    x = lib.tensor([1.0, 2.0], dtype=lib.float32)
    x.add_(of(lib, [1.0, 1.0]))
    x[0] = of(lib, 9.0)
    n = lib.tensor([1, 2])
    n += 1
    n[1] = 7
    assert (x.dtype, n.dtype) == (lib.float32, lib.int64)
    assert x.tolist() == [9.0, 3.0] and n.tolist() == [2, 7]


# -- gradients --

PROGRAMS: dict[str, Any] = {}


def program(f: Any) -> Any:
    PROGRAMS[f.__name__] = f
    return f


@program
def through_a_view(t: Any, x: Any, w: Any) -> Any:
    y = x * 1
    y[0].mul_(w[0])
    return (y * y).sum()


@program
def view_taken_before_the_write(t: Any, x: Any, w: Any) -> Any:
    y = x * 1
    v = y[0]
    y.mul_(w)
    v.add_(w[1])
    return (v * v).sum() + y.sum()


@program
def values_saved_before_the_write(t: Any, x: Any, w: Any) -> Any:
    y = x * 2
    z = y.clone() * w
    y.mul_(3)
    return (z * y).sum()


@program
def base_without_history(t: Any, x: Any, w: Any) -> Any:
    buffer = x.detach() * 0
    v = buffer.reshape(-1)
    buffer[1] = w[1] * x[0]
    v[0:2].add_(x[1, :2])
    return (buffer * buffer).sum() + v.sum()


@program
def a_detached_view_has_its_own_history(t: Any, x: Any, w: Any) -> Any:
    y = x * 2
    d = y.detach()
    d[0].mul_(w[0])
    return (d * d).sum()


@program
def with_a_mask(t: Any, x: Any, w: Any) -> Any:
    y = x * 1
    y[y.detach() > 0.5] = w[0, 0]
    y[t.tensor([0, 1]), t.tensor([2, 0])] = w[1, :2]
    return (y * y * w).sum()


@program
def broadcast_values(t: Any, x: Any, w: Any) -> Any:
    y = x * w
    y[:, 1:] = w[0, :2] * 2
    y[1] = 5.0
    y[..., 0] += x[..., 1]
    return (y**3).sum()


@program
def operators(t: Any, x: Any, w: Any) -> Any:
    y = x * 1
    alias = y
    y += w
    y *= x
    y -= 2
    y /= w + 4
    y **= 2
    return (alias * y).sum()


@program
def overwritten(t: Any, x: Any, w: Any) -> Any:
    y = x * 3
    y[0].copy_(w[1])
    y[1].fill_(2.0)
    y[:, 2].zero_()
    return (y * y * x).sum()


@program
def through_permute_and_squeeze(t: Any, x: Any, w: Any) -> Any:
    y = x * 1
    v = y.permute(1, 0).unsqueeze(0)[:, 1:].squeeze(0)
    v.mul_(w.T[1:])
    v[0] = v[1].clone() ** 2
    return (y * w).sum()


@program
def saved_by_a_reader(t: Any, x: Any, w: Any) -> Any:
    y = x * 1
    first = y.sum() * 2
    y[0] = w[0]
    second = (y.clone() ** 2).sum()
    y.view(-1)[3:].mul_(first)
    return first + second + y.sum()


def arguments(t: Any) -> Any:
    rng = np.random.default_rng(3)
    return [t.tensor(rng.uniform(0.1, 1.0, (2, 3)).tolist(), dtype=t.float64, requires_grad=True) for _ in range(2)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_pytorchs(lib: Any, name: str) -> None:
    ours, theirs = arguments(lib), arguments(torch)
    out, expected = PROGRAMS[name](lib, *ours), PROGRAMS[name](torch, *theirs)
    assert out.item() == pytest.approx(expected.item(), rel=1e-13)
    found = lib.autograd.grad(out, ours, create_graph=True, materialize_grads=True)
    wanted = torch.autograd.grad(expected, theirs, create_graph=True, materialize_grads=True)
    for g, h in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(g.tolist()), h.detach().numpy(), rtol=1e-12, atol=1e-13)
    second, fourth = sum((g * g).sum() for g in found), sum((h * h).sum() for h in wanted)
    if fourth.requires_grad:
        for g, h in zip(lib.autograd.grad(second, ours, materialize_grads=True),
                        torch.autograd.grad(fourth, theirs, materialize_grads=True), strict=True):  # fmt: skip
            np.testing.assert_allclose(np.asarray(g.tolist()), h.numpy(), rtol=1e-11, atol=1e-12)


def test_a_value_saved_before_a_write_keeps_its_gradient() -> None:
    x = of(xpgrad, [2.0, 3.0], requires_grad=True)
    y = x * 1
    z = (y * y).sum()
    y.mul_(100)  # PyTorch refuses to go back through z; here the graph holds the values that were computed with
    z.backward()
    assert x.grad.tolist() == [4.0, 6.0]


# -- random programs --


def views_of(t: Any, draw: Any) -> Any:
    """One step from a Tensor to a view of it."""
    options = ["detach", "unsqueeze"]
    if t.ndim:
        options += ["slice", "reverse-free slice", "index", "permute", "transpose"]
    if any(n == 1 for n in t.shape):
        options += ["squeeze", "expand"]
    kind = draw(st.sampled_from(options))
    axis = draw(st.integers(0, max(t.ndim - 1, 0)))
    return kind, axis, draw(st.integers(0, 5)), draw(st.permutations(list(range(t.ndim))))


def take_view(t: Any, step: Any) -> Any:
    kind, axis, n, order = step
    if kind == "detach":
        return t.detach()
    if kind == "unsqueeze":
        return t.unsqueeze(axis)
    if kind == "squeeze":
        return t.squeeze()
    if kind == "expand":
        return t.expand(*[3 if s == 1 else s for s in t.shape])
    if kind == "permute":
        return t.permute(*order)
    if kind == "transpose":
        return t.transpose(0, axis)
    before = (slice(None),) * axis
    if kind == "index":
        return t[(*before, n % t.shape[axis])] if t.shape[axis] else t
    return t[(*before, slice(n % 2, None, 1 + n % 2))]


def write_into(t: Any, kind: str, other: Any) -> None:
    if kind == "mul":
        t.mul_(1.5)
    elif kind == "scale":
        t.mul_(other)
    elif kind == "sin":
        t.sin_()
    elif kind == "fill":
        t.fill_(0.5)
    elif kind == "copy":
        t.copy_(other * 2)
    elif kind == "item" and t.ndim and t.shape[0]:
        t[0] = other
    elif kind == "iadd":
        t += other


WRITES = ["mul", "scale", "sin", "fill", "copy", "item", "iadd"]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_random_programs_agree_or_raise(data: Any) -> None:
    draw = data.draw
    start = [[0.3, -0.7, 1.1], [0.9, 0.2, -0.4]]
    x, tx = of(xpgrad, start, True), of(torch, start, True)
    w, tw = of(xpgrad, 1.3, True), of(torch, 1.3, True)
    recorded = draw(st.booleans())
    ours, theirs = [x * 1 if recorded else x.detach().clone()], [tx * 1 if recorded else tx.detach().clone()]
    for _ in range(draw(st.integers(1, 8))):
        i = draw(st.integers(0, len(ours) - 1))
        quiet = draw(st.integers(0, 5)) == 0
        action = draw(st.sampled_from(["view", "view", "write"]))
        step = views_of(ours[i], draw) if action == "view" else draw(st.sampled_from(WRITES))
        results = []
        for lib, pool, factor in ((xpgrad, ours, w), (torch, theirs, tw)):
            with lib.set_grad_enabled(not quiet):
                try:
                    results.append(take_view(pool[i], step) if action == "view" else write_into(pool[i], step, factor))
                except RuntimeError as error:
                    results.append(error)
        if isinstance(results[0], RuntimeError) or isinstance(results[1], RuntimeError):
            return  # PyTorch refuses more, and leaves its Tensors half changed
        if action == "view":
            ours.append(results[0])
            theirs.append(results[1])
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)
    total = sum((a * a).sum() for a in ours)
    try:
        expected_total = sum((b * b).sum() for b in theirs)
        assert total.requires_grad == expected_total.requires_grad
        if not expected_total.requires_grad:
            return
        wanted = torch.autograd.grad(expected_total, [tx, tw], materialize_grads=True)
    except RuntimeError:
        return  # PyTorch's version counters refuse
    found = xpgrad.autograd.grad(total, [x, w], materialize_grads=True)
    for g, h in zip(found, wanted, strict=True):
        np.testing.assert_allclose(np.asarray(g.tolist()), h.numpy(), rtol=1e-10, atol=1e-11)
