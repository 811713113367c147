"""Convolutions in groups and without overlap: each formulation, in every memory order, against PyTorch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpgrad.kernels import disjoint, grouped
from xpgrad.kernels.geometry import backward_geometry, forward_geometry
from xpgrad.op import library_of

array_api_strict = pytest.importorskip("array_api_strict")
torch = pytest.importorskip("torch")
LIBRARIES: dict[str, Any] = {"numpy": np.asarray, "torch": torch.asarray, "strict": array_api_strict.asarray}
RUN: dict[str, Any] = {"max_examples": 40, "deadline": None, "suppress_health_check": list(HealthCheck)}


@st.composite
def problems(draw: Any, overlap: bool) -> Any:
    """Arrays in some memory order, and the parameters of their convolution."""
    count, groups = draw(st.integers(1, 3)), draw(st.integers(1, 3))

    def numbers(low: int, high: int) -> tuple[int, ...]:
        return tuple(draw(st.integers(low, high)) for _ in range(count))

    kernel = numbers(1, 3)
    if overlap:
        stride, dilation = numbers(1, 4), numbers(1, 2)
    else:
        stride = tuple(k + more for k, more in zip(kernel, numbers(0, 1), strict=True))
        dilation = tuple(d if k == 1 else 1 for d, k in zip(numbers(1, 2), kernel, strict=True))
    pads = tuple(zip(numbers(0, 2), numbers(0, 1), strict=True))
    least = [max(d * (k - 1) + 1 - sum(p), 1) for k, d, p in zip(kernel, dilation, pads, strict=True)]
    spatial = tuple(n + more for n, more in zip(least, numbers(0, 4), strict=True))
    channels, outs = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    shapes = (draw(st.integers(1, 3)), groups * channels, *spatial), (groups * outs, channels, *kernel)
    rng, order = np.random.default_rng(draw(st.integers(0, 99))), draw(st.permutations(range(count + 2)))
    x, w = (np.transpose(rng.standard_normal([s[i] for i in order]), np.argsort(order)) for s in shapes)
    return x, w, {"stride": stride, "dilation": dilation, "groups": groups}, pads


def check(maps: Any, make: Any, problem: Any) -> None:
    """The three maps of a file, with bias and without, against PyTorch."""
    x, w, params, pads = problem
    tensors = [torch.tensor(np.ascontiguousarray(a), requires_grad=True) for a in (x, w)]
    wide = torch.nn.functional.pad(tensors[0], tuple(itertools.chain(*reversed(pads))))
    y = getattr(torch.nn.functional, f"conv{x.ndim - 2}d")(wide, tensors[1], **params)
    z = np.asfortranarray(y.detach().numpy())
    dx, dw = torch.autograd.grad(y, tensors, torch.tensor(z))
    how = (params["stride"], pads, params["dilation"], params["groups"])
    there = forward_geometry(x.shape, w.shape, *how, None)
    back = backward_geometry(z.shape, w.shape, *how, x.shape[2:])
    native = [make(a) for a in (x, w, z)]
    xp, (x_, w_, z_) = library_of(native[0]), native
    close: Any = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(np.asarray(maps.weight_grad(xp, z_, x_, there)), dw, **close)
    for run, argument, geo, expected in ((maps.forward, x_, there, z), (maps.input_grad, z_, back, dx.numpy())):
        bias = np.arange(float(expected.shape[1]))
        np.testing.assert_allclose(np.asarray(run(xp, argument, w_, None, geo)), expected, **close)
        expected = expected + np.reshape(bias, (-1,) + (1,) * len(pads))
        np.testing.assert_allclose(np.asarray(run(xp, argument, w_, make(bias), geo)), expected, **close)


@pytest.mark.parametrize("name", LIBRARIES)
@settings(**RUN)
@given(problems(overlap=False))
def test_windows_that_do_not_overlap(name: str, problem: Any) -> None:
    x, w, params, pads = problem
    geo = forward_geometry(x.shape, w.shape, params["stride"], pads, params["dilation"], params["groups"], None)
    assert disjoint.serves(geo)
    check(disjoint, LIBRARIES[name], problem)


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize(("row", "block"), [(1, 1), (1, 40), (1, 2**18), (2**40, 1), (2**40, 200), (2**40, 2**18)])
@settings(**RUN)
@given(problem=problems(overlap=True))
def test_groups_by_rows_and_by_columns(name: str, row: int, block: int, problem: Any) -> None:
    """Every kind of convolution, whatever fits into a row's product and into the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grouped, "_ROW", row)
        patch.setattr(grouped, "_BLOCK", block)
        check(grouped, LIBRARIES[name], problem)


def test_order_is_kept_without_overlap() -> None:
    """Batch first or rows first in, the same out."""
    x, w = np.ones((3, 2, 6, 7)), np.ones((4, 2, 1, 1))
    geo = forward_geometry(x.shape, w.shape, 1, 0, 1, 1, None)
    xp = library_of(x)
    assert disjoint.forward(xp, x, w, None, geo).flags.c_contiguous
    rows = np.transpose(np.ones((6, 2, 7, 3)), (3, 1, 0, 2))
    assert np.transpose(disjoint.forward(xp, rows, w, None, geo), (2, 1, 3, 0)).flags.c_contiguous
