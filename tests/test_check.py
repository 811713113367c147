"""The checkers themselves: right gradients pass at every order, planted wrong ones are caught and named."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad.check import check_grads
from xpgrad.jacobians import GradcheckError, gradcheck, gradgradcheck
from xpgrad.op import OPS, op

X = np.asarray([[0.5, -1.0, 0.3], [2.0, 0.25, -0.7]])
_numbers = itertools.count()
ROW = np.asarray([1.5, -0.5, 0.2])
Z = X + 1j * X[::-1]


@pytest.fixture
def plant() -> Iterator[Any]:
    """Registers an op with given rules for the length of a test, and returns its function of Tensors."""
    from xpgrad.tensor import apply

    names = []

    def register(*rules: Any, forward: Any) -> Any:
        name = f"planted_{next(_numbers)}"  # libraries remember forwards by name
        made = op(name, *rules, forward=forward)
        names.append(name)
        return lambda *args: apply(made, args)

    yield register
    for name in names:
        del OPS[name]


def leaf(value: np.ndarray[Any, Any]) -> Any:
    t = xpgrad.from_numpy(value)
    t.requires_grad = True
    return t


# -- what is right passes --


def test_right_gradients_pass(backend: str) -> None:
    x, row, z = map(xpgrad.from_numpy, (X, ROW, Z))
    check_grads(lambda x, b: (x * b).sin(), (x, row), order=3)
    check_grads(lambda x: x.exp().sum(), x, order=4)
    check_grads(lambda z: z * z.conj() * z, z)
    check_grads(lambda z: {"size": abs(z), "parts": [z.real, z.imag]}, (z,))
    check_grads(lambda p: p["w"] @ p["b"][0], {"w": x, "b": [row, None]})
    check_grads(lambda x, n: x * n, (x, xpgrad.from_numpy(np.asarray([1, 2, 3]))))
    check_grads(lambda x, z: x * z, (x, z))


def test_single_precision_has_its_own_tolerance(backend: str) -> None:
    check_grads(lambda x: (x * x).sin(), xpgrad.from_numpy(X.astype(np.float32)))
    with pytest.raises(AssertionError):
        check_grads(lambda x: x * x.detach(), xpgrad.from_numpy(X.astype(np.float32)))


def test_raw_arrays_of_any_library() -> None:
    strict = pytest.importorskip("array_api_strict")
    seen = []

    def f(x: Any) -> Any:
        seen.append(x.array)
        xp = x.__array_namespace__()
        return xp.sum(xp.exp(x) * x, axis=-1)

    check_grads(f, strict.asarray(X))
    assert all(type(a) is type(strict.asarray(X)) for a in seen)
    check_grads(f, X)


def test_pytorchs_checks_pass(backend: str) -> None:
    x, row, z = map(leaf, (X, ROW, Z))
    assert gradcheck(lambda x, b: (x * b, (x + b).sum()), (x, row), check_forward_ad=True) is True
    assert gradcheck(lambda z: (z * z.conj(), abs(z)), z, fast_mode=True)
    assert gradcheck(lambda z: z * z, leaf(Z[0]), check_forward_ad=True)
    assert gradcheck(lambda x, c: x * c, (row, xpgrad.from_numpy(ROW)))
    assert gradgradcheck(lambda x, b: x * b.exp(), (leaf(X[:, :1]), row), check_fwd_over_rev=True)
    assert gradgradcheck(lambda z: z * z * z.conj(), leaf(Z[0]), fast_mode=True)
    assert gradgradcheck(lambda x: x**3, row, xpgrad.from_numpy(ROW))


# -- what is wrong is caught --

SIGN = (lambda xp, g, x: -g * xp.cos(x), lambda xp, x: xp.sin(x), X, ())
SCALE = (lambda xp, g, x: g * 1.01 * xp.cos(x), lambda xp, x: xp.sin(x), X, ())
CONJUGATE = (lambda xp, g, x: 2 * g * x, lambda xp, x: x * x, Z, ())
SWAPPED = (lambda xp, g, x: xp.flip(g) * 2, lambda xp, x: x * 2, ROW, ())


@pytest.mark.parametrize("wrong", [SIGN, SCALE, CONJUGATE, SWAPPED], ids=["sign", "1 percent", "conjugate", "order"])
def test_wrong_gradients_are_caught(plant: Any, wrong: Any) -> None:
    rule, forward, x, _ = wrong
    f = plant(rule, forward=forward)
    with pytest.raises(
        AssertionError, match=r"of order 1 with respect to argument 0 \(shape .* differ by .* is allowed"
    ):
        check_grads(f, x)
    with pytest.raises(
        GradcheckError, match=r"Jacobian mismatch for output 0 with respect to input 0.*\nnumerical:tensor"
    ):
        gradcheck(f, leaf(x))
    with pytest.raises(GradcheckError, match="with respect to input 0"):
        gradcheck(f, leaf(x), fast_mode=True)
    assert gradcheck(f, leaf(x), raise_exception=False) is False


def test_a_missing_broadcast_sum_is_caught(plant: Any) -> None:
    first_row = plant(lambda xp, g, x2: g * x2, lambda xp, g, x1: (g * x1)[0, :], forward=lambda xp, x1, x2: x1 * x2)
    with pytest.raises(AssertionError, match="of order 1 with respect to argument 1 "):
        check_grads(first_row, (X, ROW))


def test_a_wrong_second_derivative_is_caught_at_order_two(plant: Any) -> None:
    slope = plant(lambda xp, g, x: g * xp.sin(x), forward=lambda xp, x: xp.cos(x))
    f = plant(lambda xp, g, x: g * (slope(x) if hasattr(x, "grad_fn") else xp.cos(x)), forward=lambda xp, x: xp.sin(x))
    check_grads(f, X, order=1)
    with pytest.raises(AssertionError, match="of order 2 with respect to argument 0 "):
        check_grads(f, X, order=2)
    assert gradcheck(f, leaf(X))
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradgradcheck(f, leaf(X))


def test_a_detached_argument_is_named() -> None:
    with pytest.raises(AssertionError, match=r"of order 1 with respect to argument 1\['b'\]\[0\] .*on numpy\)"):
        check_grads(lambda x, p: x * p["w"] + p["b"][0].detach() ** 2, (X, {"w": ROW, "b": [ROW]}))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_nan_is_no_agreement() -> None:
    with pytest.raises(AssertionError, match="nan"):
        check_grads(lambda x: x.log(), X)


def test_a_walk_that_does_not_repeat_is_caught() -> None:
    count = iter(range(1000))

    class Restless(xpgrad.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * (1 + 1e-9 * next(count))

    assert gradcheck(Restless.apply, leaf(ROW), nondet_tol=1e-6)
    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(Restless.apply, leaf(ROW))


def test_errors() -> None:
    with pytest.raises(ValueError, match="order must be at least 1"):
        check_grads(lambda x: x, X, order=0)
    with pytest.raises(ValueError, match="no argument is a floating-point or complex array"):
        check_grads(lambda x: x, np.asarray([1]))
    with pytest.raises(ValueError, match="no output of the function"):
        check_grads(lambda x: x > 0, X)
    with pytest.raises(TypeError, match="must return Tensors, got float"):
        check_grads(lambda x: 3.0, X)
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x, xpgrad.from_numpy(X))
    with pytest.raises(NotImplementedError, match="vmap"):
        gradcheck(lambda x: x, leaf(X), check_batched_grad=True)
    with pytest.warns(UserWarning, match="not a double precision"):
        gradcheck(lambda x: x * 1, leaf(X.astype(np.float32)), eps=1e-2, atol=1e-2)
