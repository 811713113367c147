"""Special functions against SciPy over wide ranges, at their edges, and their gradients to the third order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import xpgrad
from xpgrad.check import check_grads
from xpgrad.namespace import function

scipy_special = pytest.importorskip("scipy.special")

_RNG = np.random.default_rng(0)
ANY = np.concatenate(
    [_RNG.uniform(-6, 6, 60), 10.0 ** _RNG.uniform(-300, 1.4, 40), -(10.0 ** _RNG.uniform(-300, 1.4, 40))]
)
RIGHT = np.concatenate([_RNG.uniform(0, 4, 60), 10.0 ** _RNG.uniform(-150, 150, 60)])
LEFT = _RNG.uniform(-30, 0, 40)
UNIT = np.concatenate(
    [_RNG.uniform(0, 1, 60), 1 - 10.0 ** _RNG.uniform(-15, -1, 30), 10.0 ** _RNG.uniform(-300, -1, 30)]
)
EDGES = np.asarray([0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5])
NAMES = {
    "erf": ("erf", ANY), "erfc": ("erfc", ANY), "erfcx": ("erfcx", ANY),
    "erfinv": ("erfinv", np.concatenate([UNIT, -UNIT])),
    "sigmoid": ("expit", 30 * ANY), "logit": ("logit", UNIT), "lgamma": ("gammaln", np.concatenate([RIGHT, LEFT])),
    "digamma": ("digamma", np.concatenate([RIGHT, LEFT])),
    "log_ndtr": ("log_ndtr", 4 * ANY), "ndtr": ("ndtr", ANY), "ndtri": ("ndtri", UNIT), "entr": ("entr", RIGHT),
    "i0": ("i0", 10 * ANY), "i0e": ("i0e", 10 * ANY), "i1": ("i1", 10 * ANY), "i1e": ("i1e", 10 * ANY),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_scipys_values(backend: str, name: str) -> None:
    theirs, x = NAMES[name]
    with np.errstate(all="ignore"):
        found = function(name)(xpgrad.from_numpy(x)).numpy_array()
        expected = getattr(scipy_special, theirs)(x)
    near_zero = 1e-13 if name in ("lgamma", "digamma") else 1e-300
    np.testing.assert_allclose(found, expected, rtol=2e-13 if name in ("lgamma", "digamma") else 2e-14, atol=near_zero)


@pytest.mark.parametrize("name", NAMES)
def test_edges(backend: str, name: str) -> None:
    theirs, _ = NAMES[name]
    with np.errstate(all="ignore"):
        found = function(name)(xpgrad.from_numpy(EDGES)).numpy_array()
        expected = getattr(scipy_special, theirs)(EDGES)
    if theirs == "gammaln":
        expected[3] = np.inf  # |Γ| at -∞, as PyTorch and C have it
    if name in ("i0", "i1"):
        expected[2:4] = np.inf, np.inf if name == "i0" else -np.inf  # SciPy has NaN there
    np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_polygamma(backend: str, n: int) -> None:
    x = 10.0 ** _RNG.uniform(-3, 5, 40)
    found = function("polygamma")(xpgrad.from_numpy(x), n=n).numpy_array()
    np.testing.assert_allclose(found, scipy_special.polygamma(n, x), rtol=1e-13)
    negative = function("polygamma")(xpgrad.from_numpy(np.asarray([-12.25, -40.75])), n=n).numpy_array()
    steps = np.asarray([sum((x + k) ** -(n + 1.0) for k in range(60)) for x in (-12.25, -40.75)])
    there = scipy_special.polygamma(n, np.asarray([-12.25, -40.75]) + 60)  # by the recurrence
    np.testing.assert_allclose(
        negative, there + (-1.0) ** (n + 1) * float(scipy_special.factorial(n)) * steps, rtol=1e-11
    )


@pytest.mark.parametrize("name", ["xlogy", "xlog1py"])
def test_products_with_logarithms(backend: str, name: str) -> None:
    x, y = np.meshgrid([0.0, 1.5, -2.0, np.nan], [0.0, 0.5, 1e-20, np.inf, np.nan])
    with np.errstate(all="ignore"):
        found = function(name)(xpgrad.from_numpy(x.copy()), xpgrad.from_numpy(y.copy())).numpy_array()
        expected = getattr(scipy_special, name)(x, y)
    np.testing.assert_allclose(found, expected, rtol=1e-14)


def test_sinc(backend: str) -> None:
    x = np.concatenate([ANY, [0.0, 3.0]])
    np.testing.assert_allclose(function("sinc")(xpgrad.from_numpy(x)).numpy_array(), np.sinc(x), rtol=1e-13, atol=1e-16)


DOMAINS: dict[str, Any] = {
    "erfinv": [-0.8, 0.1, 0.9], "logit": [0.1, 0.3, 0.8], "ndtri": [0.1, 0.3, 0.8], "entr": [0.5, 1.5], 
    "lgamma": [-0.4, 0.7, 1.0, 2.0], "digamma": [-0.4, 0.7, 3.0], "erfcx": [-1.0, 2.0, 9.0],
}  # fmt: skip


@pytest.mark.parametrize("name", [*NAMES, "sinc"])
def test_gradients_of_every_order(backend: str, name: str) -> None:
    points = DOMAINS.get(name, [-1.5, 0.3, 2.0] if name in ("i0e", "i1e") else [-1.5, 0.0, 0.3, 2.0])
    check_grads(function(name), xpgrad.from_numpy(np.asarray(points)), order=3, rtol=1e-5, eps=1e-5)
    single = function(name)(xpgrad.from_numpy(np.asarray(points, dtype=np.float32)))
    assert single.dtype is xpgrad.float32


def test_log_ndtr_has_the_right_slope_far_in_its_tail() -> None:
    x = xpgrad.from_numpy(np.asarray([-1e8, -1e3, -50.0]))
    x.requires_grad = True
    (slope,) = xpgrad.autograd.grad(function("log_ndtr")(x).sum(), x, create_graph=True)
    np.testing.assert_allclose(slope.detach().numpy_array(), -x.detach().numpy_array(), rtol=1e-3)
    (bend,) = xpgrad.autograd.grad(slope.sum(), x)
    np.testing.assert_allclose(bend.numpy_array(), [-1.0, -1.0 + 1e-6, -1.0 + 1 / 2500], rtol=1e-6)
