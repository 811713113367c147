"""Convolution's three maps on raw arrays: values, first and second order against PyTorch, on every library."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from xpgrad.kernels import banded, convolution
from xpgrad.op import OPS, library_of

array_api_strict = pytest.importorskip("array_api_strict")
jax = pytest.importorskip("jax")
torch = pytest.importorskip("torch")
jax.config.update("jax_enable_x64", True)

LIBRARIES = {"numpy": np.asarray, "jax": jax.numpy.asarray, "torch": torch.asarray, "strict": array_api_strict.asarray}
CASES: tuple[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    ((2, 3, 9), (4, 3, 3), {"stride": 2, "padding": 1}),
    ((2, 4, 7, 6), (6, 2, 3, 2), {"stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "groups": 2}),
    ((2, 3, 8, 8), (4, 3, 3, 3), {}),
    ((2, 3, 5, 5), (4, 3, 2, 2), {"stride": 3, "padding": 1}),
    ((1, 2, 4, 5, 6), (4, 2, 2, 3, 2), {"stride": (1, 2, 3), "padding": (0, 1, 1)}),
    ((0, 2, 5, 5), (3, 2, 3, 3), {}),
)


@pytest.fixture(autouse=True, scope="module")
def nothing_is_small() -> Iterator[None]:
    """Blocks also for these shapes, which would be copied whole; JAX, and the table of cases, test that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "_SMALL", 0)
        yield


def arrays(*shapes: tuple[int, ...], dtype: str = "float64") -> list[Any]:
    rng = np.random.default_rng(0)
    made = [rng.standard_normal(s) for s in shapes]
    if dtype.startswith("complex"):
        made = [a + 1j * rng.standard_normal(a.shape) for a in made]
    made = [a.astype(dtype) for a in made]
    for a in made:
        a.flags.writeable = False
    return made


def host(x: Any) -> Any:
    return np.asarray(x)


def reference(x: Any, w: Any, b: Any, params: dict[str, Any]) -> list[Any]:
    """PyTorch's output and its gradients for the output itself as gradient."""
    tensors = [torch.tensor(a, requires_grad=True) for a in (x, w, b)]
    y = getattr(torch.nn.functional, f"conv{x.ndim - 2}d")(*tensors, **params)
    return [t.detach().numpy() for t in (y, *torch.autograd.grad(y, tensors, y.detach()))]


def ours(x: Any, w: Any, b: Any, params: dict[str, Any]) -> list[Any]:
    xp, rules = library_of(x), OPS["convolution"].rules
    y = xp.convolution(x, w, b, **params)
    dx = rules[0](xp, y, w, tuple(x.shape), **params)  # type: ignore[misc]
    dw = rules[1](xp, y, x, tuple(w.shape), **params)  # type: ignore[misc]
    return [y, dx, dw, rules[2](xp, y)]  # type: ignore[misc]


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.parametrize("name", LIBRARIES)
def test_values_and_gradients(name: str, case: Any, dtype: str) -> None:
    shape, weight, params = case
    if dtype == "complex128" and shape[0] == 0:
        pytest.skip("PyTorch has no empty complex convolution")
    if name == "jax" and (dtype == "float32") != (len(shape) == 4 and shape[0] > 0):
        pytest.skip("compiling every operation anew takes long; the others run under the compiler below")
    inputs = arrays(shape, weight, weight[:1], dtype=dtype)
    found = ours(*map(LIBRARIES[name], inputs), params)
    rtol = 1e-4 if dtype == "float32" else 1e-11
    for mine, theirs in zip(found, reference(*inputs, params), strict=True):
        assert host(mine).dtype == theirs.dtype
        np.testing.assert_allclose(host(mine), theirs, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("case", CASES[:5], ids=str)
def test_under_a_compiler(case: Any) -> None:
    shape, weight, params = case
    inputs = arrays(shape, weight, weight[:1])
    found = jax.jit(lambda x, w, b: ours(x, w, b, params))(*inputs)
    for mine, theirs in zip(found, ours(*inputs, params), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-11)


@st.composite
def parameters(draw: Any) -> Any:
    count = draw(st.integers(1, 3))

    def numbers(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(count))

    kernel_size, stride, dilation, padding = numbers(1, 3), numbers(1, 3), numbers(1, 3), numbers(0, 2)
    groups, outs, channels = draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    least = [max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel_size, dilation, padding, strict=True)]
    spatial = tuple(n + m for n, m in zip(least, numbers(0, 4), strict=True))
    shape = (draw(st.integers(1, 2)), groups * channels, *spatial)
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return shape, (groups * outs, channels, *kernel_size), params


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(parameters())
def test_every_parameter(case: Any) -> None:
    shape, weight, params = case
    inputs = arrays(shape, weight, weight[:1])
    for mine, theirs in zip(ours(*inputs, params), reference(*inputs, params), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10, atol=1e-10)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(parameters(), st.integers(0, 2))
def test_transposed(case: Any, extra: int) -> None:
    _, weight, params = case
    count = len(weight) - 2
    assume(extra == 0 or all(extra < max(s, d) for s, d in zip(params["stride"], params["dilation"], strict=True)))
    spatial = tuple(range(3, 3 + count))
    z, w = arrays((2, weight[0], *spatial), weight)
    tensors = [torch.tensor(a, requires_grad=True) for a in (z, w)]
    smallest = [(n - 1) * s - 2 * p + d * (k - 1) + 1 + extra for n, s, p, d, k in zip(
        spatial, params["stride"], params["padding"], params["dilation"], weight[2:], strict=True)]  # fmt: skip
    assume(min(smallest) - extra > 0)
    y = getattr(torch.nn.functional, f"conv_transpose{count}d")(*tensors, output_padding=extra, **params)
    xp, rules = library_of(z), OPS["conv_input_grad"].rules
    mine = xp.conv_input_grad(z, w, size=tuple(smallest), **params)
    np.testing.assert_allclose(mine, y.detach(), rtol=1e-10, atol=1e-10)
    dz, dw = torch.autograd.grad(y, tensors, y.detach())
    np.testing.assert_allclose(rules[0](xp, mine, w, z.shape, **params), dz, rtol=1e-10, atol=1e-10)  # type: ignore[misc]
    np.testing.assert_allclose(rules[1](xp, mine, z, w.shape, **params), dw, rtol=1e-10, atol=1e-10)  # type: ignore[misc]


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_rules_of_rules(dtype: str) -> None:
    """Every map is linear in each argument, and the rule is the adjoint: <rule(g), step> = <g, map(step)>."""
    params = {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2), "groups": 2}
    x, w = arrays((2, 4, 7, 6), (6, 2, 3, 2), dtype=dtype)
    xp = library_of(x)
    rng = np.random.default_rng(1)
    z = xp.convolution(x, w, **params) * rng.standard_normal()
    size, taps = {"size": x.shape[2:]}, {"kernel": w.shape[2:]}
    shapes = {"x_shape": x.shape, "w_shape": w.shape, "z_shape": z.shape}
    for name, pair, more in (("conv_input_grad", (z, w), size), ("conv_weight_grad", (z, x), taps)):
        entry = OPS[name]
        values = dict(zip(entry.args, pair, strict=False))
        y = getattr(xp, name)(*pair, **more, **params)
        g = y + rng.standard_normal(y.shape)
        for position in (0, 1):
            step = rng.standard_normal(pair[position].shape).astype(dtype)
            moved = [a + step if i == position else a for i, a in enumerate(pair)]
            change = getattr(xp, name)(*moved, **more, **params) - y  # exact: the map is linear in each argument
            reads = [shapes[n] if n.endswith("_shape") else values[n]
                     for n in entry.reads[position] if n in shapes or n in values]  # fmt: skip
            gradient = entry.rules[position](xp, g, *reads, **params)  # type: ignore[misc]
            np.testing.assert_allclose(np.vdot(gradient, step), np.vdot(g, change), rtol=1e-9)


@pytest.mark.parametrize("rows", range(1, 7))
@pytest.mark.parametrize("positions", [1, 2, 9])
@pytest.mark.parametrize("stride", [1, 2])
def test_cuts(rows: int, positions: int, stride: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(banded, "_cut", lambda geo, *_: (min(positions, geo.outer[1]), min(rows, geo.outer[0])))
    monkeypatch.setattr(banded, "_BLOCK", 400 if positions == 1 else 2**18)
    inputs = arrays((2, 3, 8, 7), (4, 3, 3, 2), (4,))
    params = {"stride": stride}
    for mine, theirs in zip(ours(*inputs, params), reference(*inputs, params), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_padding_by_name(padding: str) -> None:
    inputs = arrays((1, 2, 6, 7), (3, 2, 4, 3), (3,))
    params = {"padding": padding, "dilation": (1, 2)}
    for mine, theirs in zip(ours(*inputs, params), reference(*inputs, params), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-11, atol=1e-11)


ERRORS: tuple[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    (r"conv2d: Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d", (3, 8), (4, 3, 3, 3), {}),
    (r"weight of size \[4, 1, 3, 3\], expected input\[1, 3, 8, 8\] to have 1 channels, but got 3 channels instead",
     (1, 3, 8, 8), (4, 1, 3, 3), {}),
    (r"Kernel size can't be greater than actual input size", (1, 1, 2, 2), (1, 1, 3, 3), {}),
    (r"non-positive stride is not supported", (1, 1, 4, 4), (1, 1, 3, 3), {"stride": 0}),
    (r"dilation should be greater than zero", (1, 1, 4, 4), (1, 1, 3, 3), {"dilation": 0}),
    (r"negative padding is not supported", (1, 1, 4, 4), (1, 1, 3, 3), {"padding": -1}),
    (r"expected weight to be divisible by 2", (1, 2, 4, 4), (3, 1, 3, 3), {"groups": 2}),
    (r"expected stride to be a single integer value or a list of 2", (1, 1, 4, 4), (1, 1, 3, 3), {"stride": (1, 1, 1)}),
    (r"padding='same' is not supported for strided", (1, 1, 4, 4), (1, 1, 3, 3), {"padding": "same", "stride": 2}),
)  # fmt: skip


@pytest.mark.parametrize(("message", "shape", "weight", "params"), ERRORS)
def test_errors(message: str, shape: Any, weight: Any, params: Any) -> None:
    x, w = arrays(shape, weight)
    with pytest.raises(RuntimeError, match=message):
        library_of(x).convolution(x, w, **params)


def test_more_errors() -> None:
    x, w, b = arrays((1, 2, 4, 4), (3, 2, 2, 2), (4,))
    xp = library_of(x)
    with pytest.raises(RuntimeError, match=r"Input type \(float64\) and weight type \(float32\) should be the same"):
        xp.convolution(x, w.astype("float32"))
    with pytest.raises(RuntimeError, match=r"expected bias to be 1-dimensional with 3 elements"):
        xp.convolution(x, w, b)
    with pytest.raises(RuntimeError, match=r"conv_transpose2d: .* to have 3 channels, but got 2 channels"):
        xp.conv_input_grad(x, w)
    with pytest.raises(RuntimeError, match=r"output padding must be smaller than either stride or dilation"):
        xp.conv_input_grad(xp.convolution(x, w), w, size=(9, 9))


def test_memory_order_is_kept() -> None:
    """Rows first and batch last in, the same out, so a network copies only its first input."""
    x, w = arrays((3, 2, 6, 7), (4, 2, 3, 3))
    inner = np.transpose(library_of(x).convolution(x, w), (2, 1, 3, 0))
    assert inner.flags.c_contiguous
