"""Indexing with any mixture of slices, integers and arrays: NumPy is the oracle, on libraries that take less as
well.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import xpgrad

LIBRARIES = ("numpy", "strict", "torch", "jax")


def indices(extent: int, shape: tuple[int, ...]) -> st.SearchStrategy[Any]:
    count = int(np.prod(shape))
    numbers = st.lists(st.integers(-extent, extent - 1), min_size=count, max_size=count)
    return numbers.map(lambda found: np.reshape(np.asarray(found, dtype=np.int64), shape))


def slices(extent: int) -> st.SearchStrategy[slice]:
    bound = st.none() | st.integers(-extent - 1, extent + 1)
    return st.builds(slice, bound, bound, st.sampled_from([None, 1, 2, -1, -2]))


@st.composite
def keys(draw: Any) -> tuple[tuple[int, ...], Any]:
    """A shape and a key with arrays, masks and slices for it; integers only where they do not tear arrays apart."""
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=4)))
    common = draw(st.sampled_from([(), (3,), (2, 3), (0,)]))
    ellipsis = draw(st.integers(0, len(shape)))
    parts: list[Any] = []
    for axis, n in enumerate(shape):
        kind = draw(st.sampled_from(["slice", "array", "broadcast", "none"]))
        if kind == "array":
            parts.append(draw(indices(n, common)))
        elif kind == "broadcast":
            parts.append(draw(indices(n, (1,) * len(common))))
        elif kind == "none":
            parts += [None, slice(None)]
        else:
            parts.append(draw(slices(n)))
        if axis == ellipsis and len(parts) == axis + 1 and axis == len(shape) - 1:
            parts[-1] = Ellipsis
    if not any(isinstance(p, np.ndarray) for p in parts):
        parts[-1] = draw(indices(shape[-1], common)) if parts[-1] is not None else parts[-1]
    return shape, tuple(parts)


def on(library: str, part: Any, xp: Any) -> Any:
    return xp.asarray(part) if isinstance(part, np.ndarray) else part


@pytest.mark.parametrize("library", LIBRARIES)
@settings(max_examples=40, deadline=None)
@given(case=keys())
def test_values_and_gradients(library: str, case: tuple[tuple[int, ...], Any]) -> None:
    """``x[key]``, its gradient and ``x[key] = v`` are NumPy's, for every key."""
    shape, key = case
    xp = xpgrad.array_namespace(library)
    x_host = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    expected = x_host[key]
    x = xp.asarray(x_host.copy()).requires_grad_()
    y = x[tuple(on(library, p, xp) for p in key)]
    np.testing.assert_array_equal(y.detach().numpy_array(), expected)
    weights = np.arange(1.0, expected.size + 1).reshape(expected.shape)
    y.backward(xp.asarray(weights))
    gradient = np.zeros(shape)
    np.add.at(gradient, key, weights)
    np.testing.assert_array_equal(x.grad.numpy_array(), gradient)


@pytest.mark.parametrize("library", LIBRARIES)
def test_masks_integers_and_lists(library: str) -> None:
    xp = xpgrad.array_namespace(library)
    host = np.arange(24.0).reshape(2, 3, 4)
    x = xp.asarray(host)
    mask = np.array([True, False, True])
    flat = host > 11
    index = np.array([2, 0, 2, 1, 0])
    for key, expected in [
        ((slice(None), mask), host[:, mask]),
        ((slice(None), mask, slice(None, None, -2)), host[:, mask, ::-2]),
        ((1, mask), host[1][mask]),
        ((flat,), host[flat]),
        (flat, host[flat]),
        ((slice(None), [0, -1]), host[:, [0, -1]]),
        ([1], host[[1]]),
        (True, host[True]),
        (False, host[False]),
        ((0, slice(None), index), host[0][:, index]),  # as PyTorch: what is basic is cut out first
        ((slice(None), index, ..., index), np.moveaxis(host[:, index, index], 0, 0)),
    ]:
        parts = tuple(on(library, p, xp) for p in key) if isinstance(key, tuple) else on(library, key, xp)
        np.testing.assert_array_equal(x[parts].numpy_array(), expected)


@pytest.mark.parametrize("library", LIBRARIES)
def test_assignment(library: str) -> None:
    xp = xpgrad.array_namespace(library)
    index = np.array([2, 0])
    for key, reach in [((slice(None), index), (2, 2, 4)), ((0, slice(None), index), (3, 2)), ((index // 2,), (2, 3, 4)),
                       ((slice(None), index, slice(None, None, -1)), (2, 2, 4))]:  # fmt: skip
        values = np.arange(np.prod(reach)).reshape(reach) + 100.0
        expected = np.zeros((2, 3, 4))
        if key[0] == 0 if isinstance(key[0], int) else False:
            expected[0][key[1:]] = values
        else:
            expected[key] = values
        x, v = xp.zeros((2, 3, 4), dtype=xpgrad.float64).requires_grad_(), xp.asarray(values).requires_grad_()
        y = x * 1
        y[tuple(on(library, p, xp) for p in key)] = v
        np.testing.assert_array_equal(y.detach().numpy_array(), expected)
        (y * y).sum().backward()
        np.testing.assert_array_equal(v.grad.numpy_array(), 2 * values)


@pytest.mark.parametrize("library", ("numpy", "strict", "torch"))
def test_out_of_range(library: str) -> None:
    xp = xpgrad.array_namespace(library)
    x = xp.zeros((2, 3))
    for key in [(slice(None), xp.asarray([0, 3])), (xp.asarray([0, -3]),), (xp.asarray([0]), xp.asarray([5]))]:
        with pytest.raises(IndexError):
            x[key]
    with pytest.raises(IndexError):
        x[xp.asarray([0.5])]
