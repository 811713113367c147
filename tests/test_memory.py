"""What a graph holds, and for how long: it goes when its last Tensor goes, by reference counting alone."""

from __future__ import annotations

import gc
import time
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad.autograd import Function, grad
from xpgrad.tensor import make


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def leaf(n: int = 3) -> Any:
    return xpgrad.ones(n, requires_grad=True)


class KeepsOutput(Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        y = x.exp()
        ctx.save_for_backward(y, x)
        return y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * ctx.saved_tensors[0]


def hooked(x: Any) -> Any:
    y = x * x
    y.register_hook(lambda g: g * 2)
    y.grad_fn.register_hook(lambda inputs, outputs: None)
    x.register_hook(lambda g: g)
    return y * 2


def retained(x: Any) -> Any:
    y = x * x
    y.retain_grad()
    return y + 1


def written(x: Any) -> Any:
    y = x * 2
    y[1] = y[0] * 3
    y[:2].mul_(y[1:].detach())
    return y.reshape(-1)[1:]


GRAPHS: dict[str, Callable[[Any], Any]] = {
    "chain": lambda x: ((x * x).exp() / x).sum(),
    "diamond": lambda x: (x * x) + (x + x),
    "views": lambda x: (x * 1).reshape(-1, 1)[1:].detach() + (x * 1).reshape(1, -1)[:, 1:].T,
    "hooks": hooked,
    "retain_grad": retained,
    "writes": written,
    "function": lambda x: KeepsOutput.apply(x) * 2,
    "several outputs": lambda x: xpgrad.array_namespace("numpy").linalg.qr(x.reshape(-1, 1)).Q,
}


def nodes(root: Any) -> list[Any]:
    found, stack = [], [root]
    while stack:
        node = stack.pop()
        if node is not None and all(node is not f for f in found):
            found.append(node)
            stack += [n for n, _ in node.next_functions]
    return found


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("walked", ["not walked", "walked", "walked twice", "second order"])
def test_a_graph_goes_with_its_last_tensor(name: str, walked: str) -> None:
    x = leaf()
    y = GRAPHS[name](x)
    alive = [weakref.ref(node) for node in nodes(y.grad_fn)] + [weakref.ref(y)]
    assert len(alive) > 2
    if walked == "walked":
        y.backward(xpgrad.ones_like(y))
    elif walked == "walked twice":
        y.sum().backward(retain_graph=True)
        y.sum().backward(retain_graph=True)
    elif walked == "second order":
        (g,) = grad(y.sum(), x, create_graph=True)
        if g.requires_grad:
            alive += [weakref.ref(node) for node in nodes(g.grad_fn)]
            g.sum().backward(retain_graph=True)
        del g
    del y
    x.grad = None
    assert [r() for r in alive if r() is not None] == []


def test_a_leaf_goes_with_its_hooks() -> None:
    x = leaf()
    x.register_hook(lambda g: g)
    x.register_post_accumulate_grad_hook(lambda p: None)
    (x * 2).sum().backward()
    gone = weakref.ref(x)
    del x
    assert gone() is None


class Watched(np.ndarray[Any, Any]):
    """A NumPy array that can be watched as it goes."""


def watched(n: int = 4) -> Any:
    return np.ones(n, dtype=np.float32).view(Watched)


@pytest.mark.parametrize(
    ("compute", "held"),
    [
        (lambda x, other: x + other, False),
        (lambda x, other: x - other, False),
        (lambda x, other: x * other, True),
        (lambda x, other: other * x, True),
        (lambda x, other: other / x, False),
        (lambda x, other: x / 2.0 + other, False),
        (lambda x, other: xpgrad.function("concat")((x, other)), False),
        (lambda x, other: xpgrad.function("where")(other > 0, x, other), False),
    ],
)
def test_what_no_rule_reads_is_not_held(compute: Callable[[Any, Any], Any], held: bool) -> None:
    x = xpgrad.ones(4, requires_grad=True)
    array = watched()
    gone = weakref.ref(array)
    other = make(array)
    y = compute(x, other)
    del array, other
    assert (gone() is not None) == held
    y.sum().backward()
    assert gone() is None


def test_a_product_with_a_constant_holds_only_the_constant() -> None:
    x = leaf(250_000)
    tracemalloc.start()
    try:
        y = x
        for _ in range(10):
            y = (y + 1) * 2 - 3
        current, _ = tracemalloc.get_traced_memory()
        assert current < 2.5e6  # one array of 1 MB, not thirty
        y = x.cos()
        for _ in range(10):
            y = y.cos()
        current, _ = tracemalloc.get_traced_memory()
        assert current > 10e6
        y.sum().backward()
        current, _ = tracemalloc.get_traced_memory()
        assert current < 3.5e6
    finally:
        tracemalloc.stop()


def test_a_chain_of_a_million_nodes() -> None:
    x = leaf(1)
    begin = time.perf_counter()
    y = x
    for _ in range(1_000_000):
        y = y + 1
    y.backward()
    assert x.grad.tolist() == [1.0]
    z = x
    for _ in range(50_000):
        z = -z
    (g,) = grad(z, x, create_graph=True)
    assert g.tolist() == [1.0]
    first = weakref.ref(y.grad_fn)
    del y, z, g
    assert first() is None
    assert time.perf_counter() - begin < 120  # ten seconds on a machine that does nothing else


def test_ten_thousand_steps_do_not_grow() -> None:
    w, b = leaf(), leaf(1)
    data = xpgrad.arange(3.0)

    def steps(n: int) -> None:
        for _ in range(n):
            loss = ((w * data).sum() + b - 1).pow(2).sum()
            w.grad = b.grad = None
            loss.backward()
            with xpgrad.no_grad():
                w.sub_(w.grad * 0.01)
                b.data = b - 0.01 * b.grad

    steps(1000)
    tracemalloc.start()
    try:
        steps(100)
        before, _ = tracemalloc.get_traced_memory()
        steps(400)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2000
    objects = len(gc.get_objects())
    steps(8500)
    assert len(gc.get_objects()) - objects < 50
