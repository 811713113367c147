"""The rules of linalg and fft on raw arrays: against PyTorch, and in the places where a formula breaks down.

The table of cases runs through Tensors elsewhere; here a rule is called as a first-order walk calls it, so dtypes,
tracers and read-only arrays are seen before the walk casts or sums anything.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import xpgrad.rules  # noqa: F401  (fills the registry)
from xpgrad.op import OPS, library_of

RANDOM = np.random.default_rng(3)


def draw(*shape: int, dtype: str = "float64") -> np.ndarray[Any, Any]:
    x = RANDOM.uniform(-1.0, 1.0, shape)
    if dtype.startswith("complex"):
        x = x + 1j * RANDOM.uniform(-1.0, 1.0, shape)
    x = x.astype(dtype)
    x.flags.writeable = False
    return x


def forward(name: str, *arrays: Any, **params: Any) -> Any:
    space, _, last = name.partition(".")
    y = getattr(getattr(library_of(arrays[0]), space), last)(*arrays, **params)
    return tuple(y) if OPS[name].outputs else y


def pull(name: str, g: Any, y: Any, *arrays: Any, **params: Any) -> list[Any]:
    """The gradients of all array arguments, as a walk over raw arrays asks the rules for them."""
    op = OPS[name]
    known = {**params, "y": y, "needs": (True,) * len(arrays)}
    for argument, array in zip(op.args, arrays, strict=True):
        known |= {argument: array, f"{argument}_shape": array.shape}
    xp = library_of(arrays[0])
    if op.joint is not None:
        return list(op.joint(xp, g, **{n: known[n] for n in op.reads[0] if n in known}))
    rules = zip(op.rules, op.reads, strict=True)
    return [rule(xp, g, **{n: known[n] for n in reads if n in known}) for rule, reads in rules if rule is not None]


def hermitian(x: Any) -> Any:
    return (x + np.conj(np.swapaxes(x, -1, -2))) / 2


SQUARE, TALL, WIDE = (2, 3, 3), (2, 4, 3), (2, 3, 4)
CALLS: list[tuple[str, tuple[tuple[int, ...], ...], dict[str, Any]]] = [
    ("linalg.cross", ((2, 3), (2, 3)), {}),
    ("linalg.outer", ((3,), (4,)), {}),
    ("linalg.inv", (SQUARE,), {}),
    ("linalg.det", (SQUARE,), {}),
    ("linalg.solve", (SQUARE, SQUARE), {}),
    ("linalg.pinv", (TALL,), {}),
    ("linalg.pinv", (WIDE,), {}),
    ("linalg.svdvals", (TALL,), {}),
    ("linalg.eigvals", (SQUARE,), {}),
    *(("linalg.vector_norm", ((5,),), {"ord": p}) for p in (1, 2, 3, 0.5, 1.5, -1, math.inf, -math.inf)),
    ("fft.fft", ((2, 5),), {"n": 7}),
    ("fft.irfft", ((2, 5),), {"n": 6, "norm": "ortho"}),
    ("fft.hfft", ((2, 5),), {"norm": "forward"}),
]


@pytest.mark.parametrize("dtype", ["float64", "complex128", "float32"])
@pytest.mark.parametrize(("name", "shapes", "params"), CALLS, ids=str)
def test_agrees_with_torch(name: str, shapes: Any, params: dict[str, Any], dtype: str) -> None:
    torch = pytest.importorskip("torch")
    arrays = [draw(*shape, dtype=dtype) for shape in shapes]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    expected = getattr(getattr(torch, name.split(".")[0]), name.split(".")[1], torch.outer)(*theirs, **params)
    y = forward(name, *arrays, **params)
    tolerance = 1e-9 if dtype != "float32" else 1e-3
    if name == "linalg.eigvals":  # in an order of their own: a loss that does not see it
        g = 2 * np.conj(y)
        (expected**2).sum().real.backward()
    else:
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=tolerance, atol=tolerance)
        g = draw(*y.shape, dtype=str(y.dtype))
        expected.backward(torch.tensor(g))
    for ours, their in zip(pull(name, g, y, *arrays, **params), theirs, strict=True):
        kept = ours.real if not dtype.startswith("complex") else ours
        assert kept.dtype == dtype
        np.testing.assert_allclose(kept, their.grad.resolve_conj().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("name", "shape", "params"),
    [
        ("linalg.qr", TALL, {"mode": "reduced"}), ("linalg.qr", WIDE, {"mode": "reduced"}),
        ("linalg.qr", WIDE, {"mode": "complete"}), ("linalg.eigh", SQUARE, {}), ("linalg.slogdet", SQUARE, {}),
        ("linalg.svd", SQUARE, {"full_matrices": True}), ("linalg.svd", TALL, {"full_matrices": False}),
        ("linalg.svd", WIDE, {"full_matrices": False}),
    ],
)  # fmt: skip
def test_decompositions_on_torch_arrays(name: str, shape: Any, params: dict[str, Any], dtype: str) -> None:
    """On its own arrays, so that the signs of vectors are the same, any real gradient may be compared."""
    torch = pytest.importorskip("torch")
    x = draw(*shape, dtype=dtype)
    a = torch.tensor(hermitian(x) if name == "linalg.eigh" else x, requires_grad=True)
    expected = getattr(torch.linalg, name.removeprefix("linalg."))(a, **params)
    g = tuple(torch.tensor(draw(*o.shape, dtype=dtype)) for o in expected)
    torch.autograd.backward(list(expected), list(g))
    (ours,) = pull(name, g, forward(name, a.detach(), **params), a.detach(), **params)
    assert ours.dtype == a.dtype
    tolerance = 1e-9 if dtype == "float64" else 1e-2
    np.testing.assert_allclose(ours.numpy(), a.grad.numpy(), rtol=tolerance, atol=tolerance)


def equal_values(dtype: str) -> Any:
    return np.eye(3, dtype=dtype) * 2


def test_values_alone_have_a_gradient_where_they_are_equal() -> None:
    x = equal_values("float64")
    for name in ("linalg.eigh", "linalg.eig"):
        values, vectors = y = forward(name, x)
        (out,) = pull(name, (np.ones_like(values), np.zeros_like(vectors)), y, x)
        np.testing.assert_allclose(out, np.eye(3), atol=1e-12)
    u, s, vh = y = forward("linalg.svd", x)
    (out,) = pull("linalg.svd", (0 * u, np.ones_like(s), 0 * vh), y, x)
    np.testing.assert_allclose(out, np.eye(3), atol=1e-12)
    for name in ("linalg.eigvalsh", "linalg.eigvals", "linalg.svdvals"):
        values = forward(name, x)
        np.testing.assert_allclose(pull(name, np.ones_like(values), values, x)[0], np.eye(3), atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("nearly", [0.0, 1e-16])
def test_vectors_of_equal_values_give_nan_and_no_wrong_number(dtype: str, nearly: float) -> None:
    x = equal_values(dtype)
    x[0, 0] += 2 * nearly
    for name in ("linalg.eigh", "linalg.svd"):
        y = forward(name, x)
        g = tuple(np.real(draw(*o.shape)).astype(o.dtype) for o in y)
        assert np.isnan(pull(name, g, y, x)[0]).any()


def test_a_stack_is_judged_matrix_by_matrix() -> None:
    x = np.stack([equal_values("float64"), np.diag([1.0, 2.0, 4.0])])
    y = forward("linalg.eigh", x)
    (out,) = pull("linalg.eigh", tuple(draw(*o.shape) for o in y), y, x)
    assert np.isnan(out[0]).any()
    assert np.isfinite(out[1]).all()


def test_a_loss_that_depends_on_the_phase_gives_nan() -> None:
    x = hermitian(draw(3, 3, dtype="complex128"))
    for name in ("linalg.eigh", "linalg.eig", "linalg.svd"):
        y = forward(name, x)
        g = tuple(draw(*o.shape, dtype=str(o.dtype)) for o in y)
        assert np.isnan(pull(name, g, y, x)[0]).all()


def test_surplus_columns_count_where_their_choice_does_not_matter() -> None:
    x = draw(4, 2)

    def loss(a: Any) -> Any:
        surplus = np.linalg.svd(a)[0][:, 2:]
        return np.sum(weight * (surplus @ surplus.T))

    weight, direction, step = hermitian(draw(4, 4)), draw(4, 2), 1e-6
    u, s, vh = y = forward("linalg.svd", x)
    g_u = np.concatenate([np.zeros((4, 2)), 2 * weight @ u[:, 2:]], axis=1)
    (out,) = pull("linalg.svd", (g_u, 0 * s, 0 * vh), y, x)
    slope = (loss(x + step * direction) - loss(x - step * direction)) / (2 * step)
    np.testing.assert_allclose(np.sum(out * direction), slope, rtol=1e-6)
    (out,) = pull("linalg.svd", (draw(4, 4), 0 * s, 0 * vh), y, x)
    assert np.isnan(out).all()


def test_complete_qr_of_a_tall_matrix_is_refused() -> None:
    x = draw(4, 2)
    y = forward("linalg.qr", x, mode="complete")
    with pytest.raises(RuntimeError, match="4 by 2"):
        pull("linalg.qr", y, y, x, mode="complete")


def test_determinant_of_singular_matrices() -> None:
    x = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
    cofactors = [[-3.0, 6.0, -3.0], [6.0, -12.0, 6.0], [-3.0, 6.0, -3.0]]
    np.testing.assert_allclose(pull("linalg.det", np.asarray(1.0), None, x)[0], cofactors, atol=1e-12)


def test_norm_of_zero_has_the_gradient_zero() -> None:
    x = np.zeros(3)
    for order in (0, 1, 2, 3, 0.5):
        y = forward("linalg.vector_norm", x, ord=order)
        assert (pull("linalg.vector_norm", np.asarray(1.0), y, x, ord=order)[0] == 0).all()


def test_diagonal_keeps_an_infinite_gradient_to_itself() -> None:
    x = draw(2, 3)
    (out,) = pull("linalg.diagonal", np.array([np.inf, 1.0]), None, x, offset=1)
    np.testing.assert_array_equal(out, [[0.0, np.inf, 0.0], [0.0, 0.0, 1.0]])


def test_rules_trace_under_a_compiler() -> None:
    jax = pytest.importorskip("jax")

    def gradient(x: Any) -> Any:
        out = 0.0
        for name in ("linalg.eigh", "linalg.svd", "linalg.qr", "linalg.det"):
            y = forward(name, x)
            g = tuple(o + 1 for o in y) if isinstance(y, tuple) else y
            out = out + pull(name, g, y, x)[0]
        return out

    x = jax.numpy.asarray(hermitian(draw(3, 3, dtype="float32")))
    np.testing.assert_allclose(jax.jit(gradient)(x), gradient(x), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("name", ["linalg.eigh", "linalg.svd", "linalg.qr", "linalg.slogdet", "linalg.cofactor"])
def test_strict_library_agrees_with_numpy(name: str) -> None:
    strict = pytest.importorskip("array_api_strict")
    x = hermitian(draw(3, 3))
    y = forward(name, x)
    g = tuple(draw(*o.shape) for o in y) if isinstance(y, tuple) else draw(*y.shape)
    theirs = tuple(map(strict.asarray, g)) if isinstance(g, tuple) else strict.asarray(g)
    kept = tuple(map(strict.asarray, y)) if isinstance(y, tuple) else strict.asarray(y)
    (ours,), (other,) = pull(name, g, y, x), pull(name, theirs, kept, strict.asarray(x))
    np.testing.assert_allclose(np.asarray(other), ours, rtol=1e-12, atol=1e-12)
