"""Pooling on raw arrays: values, indices, ties, gradients of first and second order against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpgrad.kernels import adaptive, pooling  # noqa: F401  (they register their ops)
from xpgrad.op import OPS, library_of

array_api_strict = pytest.importorskip("array_api_strict")
jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")
jax.config.update("jax_enable_x64", True)
functional = torch.nn.functional

LIBRARIES = {"numpy": np.asarray, "jax": jax.numpy.asarray, "torch": torch.asarray, "strict": array_api_strict.asarray}
CASES: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 3, 8), {"kernel": 2}),
    ((2, 2, 7, 6), {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
    ((1, 2, 6, 7), {"kernel": 2, "stride": 3, "ceil_mode": True}),
    ((1, 2, 4, 5, 6), {"kernel": 2, "stride": (1, 2, 3), "padding": 1}),
)


def tied(shape: tuple[int, ...], dtype: str = "float64", seed: int = 0) -> Any:
    """Few different values, so that most windows have ties."""
    x = np.random.default_rng(seed).integers(-2, 3, shape).astype(dtype)
    x.flags.writeable = False
    return x


def in_torch(name: str, x: Any, *, kernel: Any, **params: Any) -> Any:
    return getattr(functional, f"{name}{x.ndim - 2}d")(x, kernel, **params)


def ramp(shape: tuple[int, ...], dtype: Any) -> Any:
    """1, 2, 3, ..., as incoming gradient."""
    return np.arange(1, 1 + int(np.prod(shape)), dtype=dtype).reshape(shape)


def gradient(name: str, x: Any, **params: Any) -> list[Any]:
    """PyTorch's output and its gradient for a ramp."""
    t = torch.tensor(x, requires_grad=True)
    y = in_torch(name, t, **params)
    return [a.detach().numpy() for a in (y, *torch.autograd.grad(y, t, torch.tensor(ramp(tuple(y.shape), x.dtype))))]


def same(mine: Any, theirs: Any) -> None:
    mine = np.asarray(mine)
    assert mine.dtype == theirs.dtype
    rtol = 1e-5 if theirs.dtype == np.float32 else 1e-12
    np.testing.assert_allclose(mine, theirs, rtol=rtol, atol=rtol)


def ramped(xp: Any, y: Any) -> Any:
    """The same ramp in the library of `y`."""
    return xp.reshape(xp.arange(1, 1 + int(np.prod(y.shape)), dtype=y.dtype), y.shape)


def max_both(x: Any, params: Any) -> list[Any]:
    xp = library_of(x)
    y = xp.max_pool(x, **params)
    return [y, OPS["max_pool"].rules[0](xp, ramped(xp, y), x, y, **params)]  # type: ignore[misc]


def avg_both(x: Any, params: Any) -> list[Any]:
    xp = library_of(x)
    y = xp.avg_pool(x, **params)
    return [y, OPS["avg_pool"].rules[0](xp, ramped(xp, y), tuple(x.shape), **params)]  # type: ignore[misc]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", LIBRARIES)
def test_values_and_gradients(name: str, case: Any, dtype: str) -> None:
    shape, params = case
    if name == "jax" and (dtype == "float64" or len(shape) != 4):
        pytest.skip("compiling every operation anew takes long; the others run under the compiler below")
    x = tied(shape, dtype)
    for both, reference in ((max_both, "max_pool"), (avg_both, "avg_pool")):
        for mine, theirs in zip(both(LIBRARIES[name](x), params), gradient(reference, x, **params), strict=True):
            same(mine, theirs)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_under_a_compiler(case: Any) -> None:
    shape, params = case
    x = tied(shape)
    for both in (max_both, avg_both):
        for mine, theirs in zip(jax.jit(lambda x, f=both: f(x, params))(x), both(x, params), strict=True):
            same(mine, theirs)


@st.composite
def parameters(draw: Any) -> Any:
    count = draw(st.integers(1, 3))

    def numbers(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(count))

    kernel, stride = numbers(1, 4), numbers(1, 4)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    shape = (1, 2, *(k + n for k, n in zip(kernel, numbers(0, 4), strict=True)))
    return shape, {"kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": draw(st.booleans())}


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(parameters(), st.integers(0, 5))
def test_every_parameter(case: Any, seed: int) -> None:
    shape, params = case
    x = tied(shape, seed=seed)
    if seed == 5:
        x = np.where(x > 0, x, -np.inf)
    xp = library_of(x)
    for mine, theirs in zip(max_both(x, params), gradient("max_pool", x, **params), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    _, theirs = in_torch("max_pool", torch.tensor(x), return_indices=True, **params)
    places = xp.max_pool_indices(x, **params)
    np.testing.assert_array_equal(places, theirs)
    other = np.random.default_rng(1).standard_normal(shape)
    taken = np.take_along_axis(other.reshape(1, 2, -1), places.reshape(1, 2, -1), axis=2).reshape(places.shape)
    np.testing.assert_array_equal(xp.max_pool_take(other, x, xp.max_pool(x, **params), **params), taken)
    for include in (False, True):
        more = {**params, "count_include_pad": include}
        for mine, theirs in zip(avg_both(other, more), gradient("avg_pool", other, **more), strict=True):
            same(mine, theirs)


def test_dilation_and_divisor() -> None:
    x = tied((1, 2, 9, 8))
    params = {"kernel": 3, "stride": 2, "dilation": 2, "padding": 1}
    for mine, theirs in zip(max_both(x, params), gradient("max_pool", x, **params), strict=True):
        same(mine, theirs)
    params = {"kernel": 3, "stride": 2, "ceil_mode": True, "divisor_override": 5}
    for mine, theirs in zip(avg_both(x, params), gradient("avg_pool", x, **params), strict=True):
        same(mine, theirs)


@pytest.mark.parametrize("name", ["max_pool_put", "max_pool_take", "avg_pool_grad"])
def test_second_order(name: str) -> None:
    """Each of the linear maps and its rule are each other's transpose."""
    x, rng = tied((2, 2, 7, 6)), np.random.default_rng(0)
    params = {"kernel": (3, 2), "stride": (2, 1), "padding": (1, 0)}
    xp = library_of(x)
    top = xp.max_pool(x, **params)
    rule, given_to = OPS[name].rules[0], xp.__getattr__(name)
    if name == "avg_pool_grad":
        a, more, reads = rng.standard_normal(top.shape), {"size": x.shape[2:]}, ()
    else:
        a, more, reads = rng.standard_normal((top if name == "max_pool_put" else x).shape), {}, (x, top)
    y = given_to(a, *reads, **more, **params)
    g = rng.standard_normal(y.shape)
    np.testing.assert_allclose(np.vdot(rule(xp, g, *reads, **params), a), np.vdot(g, y), rtol=1e-12)  # type: ignore[misc]


def test_nan_wins() -> None:
    x = tied((1, 1, 6, 6)).copy()
    x[0, 0, 1, 1] = x[0, 0, 0, 1] = x[0, 0, 4, 3] = np.nan
    y, places = functional.max_pool2d(torch.tensor(x), 2, return_indices=True)
    xp = library_of(x)
    np.testing.assert_array_equal(xp.max_pool(x, kernel=2), y)
    np.testing.assert_array_equal(xp.max_pool_indices(x, kernel=2), places)


def test_integers() -> None:
    x = np.arange(25).reshape(1, 1, 5, 5) - 40
    y = library_of(x).max_pool(x, kernel=3, stride=2, padding=1)
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y[0, 0, 0], [-34, -32, -31])


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize(("shape", "size"), [
    ((2, 2, 6), (3,)), ((2, 2, 7), (4,)), ((1, 2, 7, 5), (3, 4)), ((1, 2, 3, 4), (5, 1)), ((1, 1, 6, 4), (3, 2)),
    ((1, 2, 4, 5, 3), (2, 3, 2)),
])  # fmt: skip
def test_adaptive(name: str, shape: Any, size: Any) -> None:
    if name == "jax" and shape not in ((1, 2, 7, 5), (1, 1, 6, 4)):
        pytest.skip("compiling every operation anew takes long")
    x = tied(shape)
    a = LIBRARIES[name](x)
    xp, count = library_of(a), x.ndim - 2
    t = torch.tensor(x, requires_grad=True)
    y, places = getattr(functional, f"adaptive_max_pool{count}d")(t, size, return_indices=True)
    mine = xp.adaptive_max_pool(a, size=size)
    same(mine, y.detach().numpy())
    same(xp.adaptive_max_pool_indices(a, size=size), places.numpy())
    same(OPS["adaptive_max_pool"].rules[0](xp, mine + 1, a, mine),  # type: ignore[misc]
         torch.autograd.grad(y, t, y.detach() + 1)[0].numpy())  # fmt: skip
    same(xp.adaptive_max_take(a, a, mine), y.detach().numpy())
    y = getattr(functional, f"adaptive_avg_pool{count}d")(t, size)
    mine = xp.adaptive_avg_pool(a, size=size)
    same(mine, y.detach().numpy())
    dx = OPS["adaptive_avg_pool"].rules[0](xp, mine + 1, tuple(a.shape))  # type: ignore[misc]
    same(dx, torch.autograd.grad(y, t, y.detach() + 1)[0].numpy())
    same(OPS["adaptive_avg_pool_grad"].rules[0](xp, dx, tuple(mine.shape)),  # type: ignore[misc]
         getattr(functional, f"adaptive_avg_pool{count}d")(torch.tensor(np.asarray(dx)), size).numpy())  # fmt: skip


@pytest.mark.parametrize(("message", "shape", "params"), [
    (r"max_pool2d: pad should be at most half of effective kernel size", (1, 1, 6, 6), {"kernel": 2, "padding": 2}),
    (r"max_pool2d: Given input size: \(1 x 2 x 2\).* Output size is too small", (1, 1, 2, 2), {"kernel": 3}),
    (r"non-positive stride is not supported", (1, 1, 6, 6), {"kernel": 2, "stride": 0}),
    (r"kernel size should be greater than zero", (1, 1, 6, 6), {"kernel": 0}),
    (r"negative padding", (1, 1, 6, 6), {"kernel": 2, "padding": -1}),
    (r"expected kernel_size to be a single integer value or a list of 2", (1, 1, 6, 6), {"kernel": (2, 2, 2)}),
    (r"Expected \(N, C, spatial...\) input", (6, 6), {"kernel": 2}),
])  # fmt: skip
def test_errors(message: str, shape: Any, params: Any) -> None:
    x = tied(shape)
    with pytest.raises(RuntimeError, match=message):
        library_of(x).max_pool(x, **params)


def test_more_errors() -> None:
    x = tied((1, 1, 6, 6))
    with pytest.raises(RuntimeError, match="divisor must be not zero"):
        library_of(x).avg_pool(x, kernel=2, divisor_override=0)
    with pytest.raises(RuntimeError, match="adaptive_avg_pool2d: output_size must be positive"):
        library_of(x).adaptive_avg_pool(x, size=(0, 1))
