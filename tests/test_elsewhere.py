"""Code that others wrote for the standard, unchanged, with gradients through it: array-api-extra, SciPy, einops.

Each call is checked by `check_grads`, central differences through the second order, on NumPy and on array-api-strict.
SciPy takes the standard's arrays when ``SCIPY_ARRAY_API=1`` is set before it is imported, which ``conftest.py`` does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad.check import check_grads

LIBRARIES = ("numpy", "strict")
xpx = pytest.importorskip("array_api_extra")
pytest.importorskip("scipy")
einops = pytest.importorskip("einops")
agnostic = pytest.importorskip("einops.array_api")
if os.environ.get("SCIPY_ARRAY_API") != "1":
    pytest.skip("SCIPY_ARRAY_API=1 is not set", allow_module_level=True)
from scipy import fft, integrate, special, stats  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402


@pytest.fixture(params=LIBRARIES)
def xp(request: pytest.FixtureRequest) -> Any:
    return xpgrad.array_namespace(request.param)


def normal(xp: Any, *shape: int, seed: int = 0) -> Any:
    """Normal numbers, nowhere near a tie or a zero."""
    x = np.random.default_rng(seed).normal(size=shape)
    return xp.asarray((x + np.sign(x) * 0.1).tolist() if shape else float(x), dtype=xp.float64)


def checked(f: Callable[..., Any], *args: Any, order: int = 2) -> Any:
    """The result of `f`, after its gradients have been checked."""
    check_grads(f, args, order=order)
    out = f(*[a.detach().requires_grad_() for a in args])
    assert isinstance(out, xpgrad.Tensor) and out.requires_grad
    return np.asarray(out.detach())


def host(*tensors: Any) -> Any:
    return [np.asarray(t.detach()) for t in tensors]


# -- array-api-extra --


def test_cov(xp: Any) -> None:
    x = normal(xp, 3, 6)
    np.testing.assert_allclose(checked(xpx.cov, x), np.cov(*host(x)), rtol=1e-12)


def test_kron(xp: Any) -> None:
    a, b = normal(xp, 2, 3), normal(xp, 3, 2, seed=1)
    np.testing.assert_allclose(checked(xpx.kron, a, b), np.kron(*host(a, b)), rtol=1e-12)


def test_sinc(xp: Any) -> None:
    x = normal(xp, 5)
    np.testing.assert_allclose(checked(xpx.sinc, x), np.sinc(*host(x)), rtol=1e-12)


def test_pad(xp: Any) -> None:
    x = normal(xp, 2, 3)
    out = checked(lambda t: xpx.pad(t, [(1, 2), (0, 1)], constant_values=3.0), x)
    np.testing.assert_allclose(out, np.pad(host(x)[0], [(1, 2), (0, 1)], constant_values=3.0))


def test_create_diagonal(xp: Any) -> None:
    x = normal(xp, 3)
    np.testing.assert_allclose(checked(lambda t: xpx.create_diagonal(t, offset=1), x), np.diag(host(x)[0], 1))


@pytest.mark.filterwarnings("ignore:`xpx:DeprecationWarning")
def test_expand_dims_and_atleast_nd(xp: Any) -> None:
    x = normal(xp, 3)
    assert checked(lambda t: xpx.expand_dims(t, axis=(0, 2)), x).shape == (1, 3, 1)
    assert checked(lambda t: xpx.atleast_nd(t, ndim=3), x).shape == (1, 1, 3)


def test_nan_to_num(xp: Any) -> None:
    x = xp.asarray([1.0, float("nan"), -2.0]).requires_grad_()
    y = xp.sum(xpx.nan_to_num(x, fill_value=5.0) ** 2)
    y.backward()
    assert y.item() == 30.0 and x.grad.tolist() == [2.0, 0.0, -4.0]


@pytest.mark.parametrize("method", ["set", "add", "multiply", "subtract", "divide", "max"])
def test_at(xp: Any, method: str) -> None:
    x, v = normal(xp, 4, 3), normal(xp, 3, seed=1)
    checked(lambda t, u: getattr(xpx.at(t)[1:3, :], method)(u, copy=True), x, v, order=2)
    kept = x.detach()
    getattr(xpx.at(x)[0, :], method)(v, copy=True)
    assert (x == kept).tolist() == [[True] * 3] * 4


def test_at_set_in_place(xp: Any) -> None:
    x, v = normal(xp, 4, 3).requires_grad_(), normal(xp, 3, seed=1).requires_grad_()
    y = xpx.at(x * 1.0)[1, :].set(v, copy=False)
    xp.sum(y * y).backward()
    np.testing.assert_allclose(np.asarray(v.grad), 2 * host(v)[0])
    np.testing.assert_allclose(np.asarray(x.grad)[[0, 2, 3]], 2 * host(x)[0][[0, 2, 3]])
    assert np.asarray(x.grad)[1].tolist() == [0.0, 0.0, 0.0]


def test_isclose_and_setdiff_return_tensors_without_gradient(xp: Any) -> None:
    x = normal(xp, 4).requires_grad_()
    assert not xpx.isclose(x, x).requires_grad and bool(xp.all(xpx.isclose(x, x)))


# -- SciPy --


@pytest.mark.parametrize("name", ["logsumexp", "softmax", "log_softmax"])
def test_scipy_special_along_an_axis(xp: Any, name: str) -> None:
    x = normal(xp, 3, 4)
    function = getattr(special, name)
    np.testing.assert_allclose(checked(lambda t: function(t, axis=1), x), function(*host(x), axis=1), rtol=1e-12)


@pytest.mark.parametrize("name", ["erf", "erfc", "expit", "logit", "gammaln", "digamma", "log_ndtr"])
def test_scipy_special_functions(xp: Any, name: str) -> None:
    x = xp.asarray([0.1, 0.3, 0.6, 0.9], dtype=xp.float64)
    function = getattr(special, name)
    np.testing.assert_allclose(checked(function, x), function(*host(x)), rtol=1e-12)


def test_scipy_xlogy(xp: Any) -> None:
    x, y = normal(xp, 4), xp.exp(normal(xp, 4, seed=1))
    np.testing.assert_allclose(checked(special.xlogy, x, y), special.xlogy(*host(x, y)), rtol=1e-12)


@pytest.mark.parametrize("name", ["zscore", "gmean", "hmean", "skew", "kurtosis", "variation"])
def test_scipy_stats(xp: Any, name: str) -> None:
    x = xp.exp(normal(xp, 5, 2))
    function = getattr(stats, name)
    np.testing.assert_allclose(checked(lambda t: function(t, axis=0), x), function(*host(x), axis=0), rtol=1e-10)


def test_scipy_integrate(xp: Any) -> None:
    y, x = normal(xp, 2, 7), xp.asarray([0.0, 0.3, 0.7, 1.0, 1.6, 1.9, 2.5])
    area = checked(lambda t, s: integrate.trapezoid(t, x=s), y, x)
    np.testing.assert_allclose(area, integrate.trapezoid(*host(y, x)))
    expected = integrate.cumulative_simpson(host(y)[0], dx=0.5)
    np.testing.assert_allclose(checked(lambda t: integrate.cumulative_simpson(t, dx=0.5), y), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft", "fft2", "fftn", "hfft", "ihfft"])
def test_scipy_fft(xp: Any, name: str) -> None:
    x = normal(xp, 3, 4)
    function = getattr(fft, name)
    np.testing.assert_allclose(checked(function, x), function(*host(x)), rtol=1e-12, atol=1e-12)


def test_scipy_rotation(xp: Any) -> None:
    quaternion, vectors = normal(xp, 4), normal(xp, 5, 3, seed=1)
    turned = checked(lambda q, v: Rotation.from_quat(q).apply(v), quaternion, vectors)
    np.testing.assert_allclose(turned, Rotation.from_quat(host(quaternion)[0]).apply(host(vectors)[0]), rtol=1e-12)
    angles = checked(lambda r: Rotation.from_rotvec(r).as_matrix(), normal(xp, 3))
    np.testing.assert_allclose(angles @ angles.T, np.eye(3), atol=1e-12)


# -- einops --


def test_einops_rearrange_reduce_repeat(xp: Any) -> None:
    x = normal(xp, 2, 4, 3)
    out = checked(lambda t: agnostic.rearrange(t, "b (h w) c -> b c h w", h=2), x)
    np.testing.assert_allclose(out, einops.rearrange(host(x)[0], "b (h w) c -> b c h w", h=2))
    out = checked(lambda t: agnostic.reduce(t, "b (h w) c -> b c", "mean", h=2), x)
    np.testing.assert_allclose(out, einops.reduce(host(x)[0], "b (h w) c -> b c", "mean", h=2))
    out = checked(lambda t: agnostic.repeat(t, "b n c -> b (n r) c", r=2), x)
    np.testing.assert_allclose(out, einops.repeat(host(x)[0], "b n c -> b (n r) c", r=2))
