"""Custom autograd Functions, the same source run on xpgrad and on PyTorch where PyTorch has the feature."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import xpgrad
from xpgrad.function import once_differentiable

torch = pytest.importorskip("torch")
BOTH = pytest.mark.parametrize("lib", [xpgrad, torch], ids=["xpgrad", "torch"])


def leaf(lib: Any, values: Any) -> Any:
    return lib.tensor(values, dtype=lib.float64, requires_grad=True)


def cube(lib: Any) -> Any:
    class Cube(lib.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            assert not lib.is_grad_enabled()
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 3 * x**2

    return Cube


@BOTH
def test_first_and_second_order(lib: Any) -> None:
    x = leaf(lib, [2.0, 3.0])
    y = cube(lib).apply(x)
    assert y.grad_fn.name() == "CubeBackward" and y.tolist() == [8.0, 27.0]
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    assert g.tolist() == [12.0, 27.0]
    (g2,) = lib.autograd.grad(g.sum(), x, create_graph=True)
    assert g2.tolist() == [12.0, 18.0]
    assert lib.autograd.grad(g2.sum(), x)[0].tolist() == [6.0, 6.0]


@BOTH
def test_a_saved_output(lib: Any) -> None:
    class Exp(lib.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0]

    x = leaf(lib, [0.5])
    y = Exp.apply(x)
    (g,) = lib.autograd.grad(y, x, create_graph=True)
    (g2,) = lib.autograd.grad(g, x)
    assert g.item() == g2.item() == y.item()
    gc.disable()
    try:
        gone = weakref.ref(y)
        del y, g
        assert gone() is None
    finally:
        gc.enable()


@BOTH
def test_setup_context_and_other_arguments(lib: Any) -> None:
    needs = []

    class Scale(lib.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(x: Any, factor: Any, w: Any, note: Any) -> Any:
            return x * factor * w

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            x, ctx.factor, w, ctx.note = inputs
            ctx.save_for_backward(x, w, None)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            needs.append(ctx.needs_input_grad)
            x, w, nothing = ctx.saved_tensors
            assert nothing is None and ctx.note == "text"
            return g * ctx.factor * w, None, g * ctx.factor * x if ctx.needs_input_grad[2] else None, None

    x, w = leaf(lib, [1.0, 2.0]), leaf(lib, [3.0, 4.0])
    Scale.apply(x, 10, w, "text").sum().backward()
    assert (x.grad.tolist(), w.grad.tolist()) == ([30.0, 40.0], [10.0, 20.0])
    Scale.apply(x, 10, w.detach(), "text").sum().backward()
    assert needs == [(True, False, True, False), (True, False, False, False)]


@BOTH
def test_several_outputs_and_marks(lib: Any) -> None:
    seen: list[Any] = []

    class Parts(lib.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any, materialize: bool) -> Any:
            sign = lib.sign(x)
            ctx.mark_non_differentiable(sign)
            ctx.set_materialize_grads(materialize)
            return x * 2, x * 3, sign

        @staticmethod
        def backward(ctx: Any, g2: Any, g3: Any, gs: Any) -> Any:
            seen.append([None if g is None else g.tolist() for g in (g2, g3, gs)])
            return g2 * 2, None

    x = leaf(lib, [1.0, -1.0])
    for materialize in (True, False):
        double, triple, sign = Parts.apply(x, materialize)
        assert triple.requires_grad and not sign.requires_grad and double.grad_fn is triple.grad_fn
        double.sum().backward()
    assert seen == [[[1.0, 1.0], [0.0, 0.0], [0.0, 0.0]], [[1.0, 1.0], None, None]]
    assert x.grad.tolist() == [4.0, 4.0]


@BOTH
def test_mark_dirty(lib: Any) -> None:
    class Double_(lib.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(2)
            ctx.mark_dirty(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    x = leaf(lib, [1.0, 2.0])
    y = x * 3
    z = Double_.apply(y)
    assert z is y and y.grad_fn.name() == "Double_Backward"
    (y * y).sum().backward()
    assert y.tolist() == [6.0, 12.0] and x.grad.tolist() == [72.0, 144.0]
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        Double_.apply(leaf(lib, [1.0]))
    base = x * 1
    Double_.apply(base[1:])
    base.sum().backward()
    assert base.tolist() == [1.0, 4.0] and x.grad.tolist() == [73.0, 146.0]


@BOTH
def test_an_argument_returned_as_it_is(lib: Any) -> None:
    class Same(lib.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0]

    x = leaf(lib, [3.0])
    y = Same.apply(x)
    assert y is not x and x.is_leaf and not y.is_leaf
    (g,) = lib.autograd.grad(y, x, create_graph=True)
    assert (g.item(), lib.autograd.grad(g, x)[0].item()) == (3.0, 1.0)
    with lib.no_grad():
        assert not Same.apply(x).requires_grad


@BOTH
def test_errors(lib: Any) -> None:
    class Bad(lib.autograd.Function):  # type: ignore[misc]
        answer: Any = None

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            ctx.saved_tensors  # noqa: B018
            return Bad.answer

    x = leaf(lib, [1.0, 2.0])
    one = lib.ones(2, dtype=lib.float64)
    Bad.answer = (one, one)
    with pytest.raises(RuntimeError, match="incorrect number of gradients"):
        Bad.apply(x).sum().backward()
    Bad.answer = lib.ones(3, dtype=lib.float64)
    with pytest.raises(RuntimeError, match="invalid gradient"):
        Bad.apply(x).sum().backward()
    Bad.answer = (one, None)
    y = Bad.apply(x).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()
    Bad.answer = lib.ones((4, 2), dtype=lib.float64)
    x.grad = None
    Bad.apply(x).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]
    Bad.answer = None
    x.grad = None
    Bad.apply(x).sum().backward()
    assert x.grad is None

    class Empty(lib.autograd.Function):  # type: ignore[misc]
        pass

    with pytest.raises(NotImplementedError, match="forward"):
        Empty.apply(x)


def test_a_gradient_that_is_no_tensor() -> None:
    class Number(xpgrad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 2.0

    with pytest.raises(TypeError, match="must be a Tensor"):
        Number.apply(leaf(xpgrad, 1.0)).backward()


@BOTH
def test_once_differentiable(lib: Any) -> None:
    once = once_differentiable if lib is xpgrad else torch.autograd.function.once_differentiable

    class Cube(lib.autograd.Function):  # type: ignore[misc]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @once  # type: ignore[untyped-decorator, unused-ignore]
        def backward(ctx: Any, g: Any) -> Any:
            assert not lib.is_grad_enabled()
            return g * 3 * ctx.saved_tensors[0] ** 2

    x = leaf(lib, 2.0)
    (g,) = lib.autograd.grad(Cube.apply(x), x, create_graph=True)
    assert g.item() == 12.0
    with pytest.raises(RuntimeError, match=r"once_differentiable|does not require grad"):
        g.backward()
    Cube.apply(x).backward()
    assert x.grad.item() == 12.0
