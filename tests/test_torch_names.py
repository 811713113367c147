"""PyTorch's plain functions on every library: the same numbers and gradients as on NumPy, one call of each family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import xpgrad

torch = xpgrad
OTHERS = ("strict", "torch", "jax")


def _draw(*shape: int, low: float = -2.0, high: float = 2.0) -> Any:
    return np.random.default_rng(7).uniform(low, high, shape)


A, B, POSITIVE = _draw(4, 4), _draw(4, 4)[::-1].copy(), _draw(3, 4, low=0.5, high=3.0)
SPD = A @ A.T + 4 * np.eye(4)
INDEX = np.array([[0, 2, 1, 1], [3, 0, 0, 2]])
LINE = np.array([2, 0, 2])

CASES: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "gather": (lambda x, i: x.gather(0, i), [A, INDEX]),
    "scatter": (lambda x, s, i: x.scatter(1, i, s), [A, B, INDEX[:, [0, 1]]]),
    "scatter_add": (lambda x, s, i: x.scatter_add(0, i, s), [A, B, INDEX]),
    "scatter_reduce mean": (lambda x, s, i: x.scatter_reduce(0, i, s, "mean"), [A, B, INDEX]),
    "scatter_reduce prod": (lambda x, s, i: x.scatter_reduce(0, i, s, "prod", include_self=False), [A, B, INDEX]),
    "scatter_reduce amax": (lambda x, s, i: x.scatter_reduce(0, i, s, "amax"), [A, B, INDEX]),
    "index_add": (lambda x, s, i: x.index_add(1, i, s[:, :3], alpha=2.0), [A, B, LINE]),
    "index_put": (lambda x, s, i: torch.index_put(x, (i,), s[:3], accumulate=True), [A, B, LINE]),
    "index_reduce": (lambda x, s, i: x.index_reduce(0, i, s[:3], "amin"), [A, B, LINE]),
    "masked_scatter": (lambda x, s: x.masked_scatter(x > 0, s), [A, B]),
    "masked_select": (lambda x: x.masked_select(x > 0), [A]),
    "put": (lambda x, s, i: x.put(i, s[0, :3], accumulate=True), [A, B, LINE]),
    "diagonal_scatter": (lambda x, s: x.diagonal_scatter(s[0, :3], 1), [A, B]),
    "slice_scatter": (lambda x, s: x.slice_scatter(s[:2], 0, 0, 4, 2), [A, B]),
    "unfold": (lambda x: x.unfold(1, 3, 1), [A]),
    "mixed key": (lambda x, i: x[:, i][1:, None], [A, LINE]),
    "einsum": (lambda a, b: torch.einsum("ij,kj,ii->ik", a, b, a), [A, B]),
    "einsum ellipsis": (lambda a, b: torch.einsum("...i,i...->...", a, b), [A, B]),
    "tensordot": (lambda a, b: torch.tensordot(a, b, dims=([1], [0])), [A, B]),
    "kron": (torch.kron, [A[:2, :2], B[:2]]),
    "cdist": (lambda a, b: torch.cdist(a, b, 3.0), [A, B]),
    "cov": (torch.cov, [A]),
    "corrcoef": (torch.corrcoef, [A]),
    "baddbmm": (lambda a, b: torch.baddbmm(a, a[None], b[None], alpha=0.5), [A, B]),
    "matrix_exp": (torch.matrix_exp, [A]),
    "lu": (lambda a: torch.linalg.lu(a)[2], [A]),
    "lu_solve": (lambda a, b: torch.linalg.lu_solve(*torch.linalg.lu_factor(a), b), [A, B]),
    "solve_triangular": (lambda a, b: torch.linalg.solve_triangular(a, b, upper=True), [A + 4 * np.eye(4), B]),
    "lstsq": (lambda a, b: torch.linalg.lstsq(a, b).solution, [A[:, :3], B]),
    "pinv": (lambda a: torch.linalg.pinv(a), [A[:3]]),
    "cholesky": (lambda a: torch.cholesky((a + a.mT) / 2), [SPD]),
    "householder": (lambda a, t: torch.linalg.householder_product(a, t[0, :2]), [A, B]),
    "norm nuc": (lambda a: torch.linalg.norm(a, "nuc"), [A]),
    "cond": (lambda a: torch.linalg.cond(a), [A]),
    "multi_dot": (lambda a, b: torch.linalg.multi_dot([a[0], b, a]), [A, B]),
    "vander": (lambda a: torch.linalg.vander(a[0]), [A]),
    "rfft": (lambda x: torch.fft.rfft(x, n=5).abs(), [A]),
    "hfft2": (lambda x: torch.fft.hfft2(torch.fft.ihfft2(x)), [A]),
    "stft": (lambda x: torch.stft(x.reshape(-1), 8, 4, return_complex=True).abs(), [A]),
    "bessel": (lambda x: torch.special.bessel_j0(x) + torch.special.i1e(x), [A]),
    "igamma": (lambda x: torch.igamma(x.detach() + 0.5, x), [POSITIVE]),
    "zeta": (lambda x: torch.special.zeta(x.detach() + 1, x), [POSITIVE]),
    "hermite": (lambda x: torch.special.hermite_polynomial_h(x, 5), [A]),
    "multigammaln": (lambda x: torch.special.multigammaln(x + 2, 3), [POSITIVE]),
    "logit": (lambda x: torch.special.logit(x / 4, eps=0.2), [POSITIVE]),
    "searchsorted": (lambda x, v: torch.searchsorted(x.sort(1).values, v, right=True), [A, B]),
    "bucketize": (lambda x, v: torch.bucketize(x, v[0].sort().values), [A, B]),
    "unique": (lambda x: torch.unique(x.round(), return_inverse=True)[1], [A]),
    "bincount": (lambda i: torch.bincount(i.reshape(-1), minlength=6), [INDEX]),
    "histc": (lambda x: torch.histc(x, 5, -2, 2), [A]),
    "nonzero": (lambda x: torch.nonzero(x > 0), [A]),
}


def _run(name: str, library: str) -> list[Any]:
    """The result and the gradients, on a library."""
    f, given = CASES[name]
    xp = xpgrad.array_namespace(library)
    tensors = [xp.asarray(np.array(a)) for a in given]
    leaves = [t.requires_grad_() for t in tensors if t.dtype.is_floating_point]
    y = f(*tensors)
    assert y.library is tensors[0].library
    out = [y.detach()]
    if y.requires_grad:
        weights = xp.reshape(xp.linspace(0.5, 1.5, int(y.size), dtype=y.dtype), tuple(y.shape))
        out += xpgrad.autograd.grad(y, leaves, weights, allow_unused=True)
    return [None if t is None else t.numpy_array() for t in out]


@pytest.mark.parametrize("library", OTHERS)
@pytest.mark.parametrize("name", list(CASES))
def test_same_numbers(name: str, library: str) -> None:
    for a, b in zip(_run(name, "numpy"), _run(name, library), strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.dtype == b.dtype
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    ("call", "kind", "says"),
    [
        (lambda x: x.gather(0, xpgrad.tensor([0])), RuntimeError, "same number of dimensions"),
        (lambda x: x.masked_fill(x, 1.0), RuntimeError, "boolean masks"),
        (lambda x: x.index_select(0, xpgrad.tensor([[0]])), IndexError, "vector"),
        (lambda x: x.scatter(0, xpgrad.tensor([[9, 9]]), 1.0), IndexError, ""),
        (lambda x: torch.einsum("ij,jk", x, xpgrad.ones(3, 2)), RuntimeError, "does not broadcast"),
        (lambda x: torch.einsum("ij->z", x), RuntimeError, "does not appear"),
        (lambda x: torch.mm(x, x[:1]), RuntimeError, "shapes cannot be multiplied"),
        (lambda x: torch.linalg.inv(x[:1]), RuntimeError, "square matrices"),
        (lambda x: torch.fft.fft(x, n=0), RuntimeError, "Invalid number of data points"),
        (lambda x: torch.fft.rfft(x + 1j), RuntimeError, "real input"),
        (lambda x: torch.diag(x[None]), RuntimeError, "1D or 2D"),
        (lambda x: x.unfold(0, 5, 1), RuntimeError, "maximum size"),
        (lambda x: torch.stft(x[0], 2), RuntimeError, "return_complex"),
        (lambda x: torch.histc(x, 3, 2, 1), RuntimeError, "max must be larger than min"),
    ],
)
def test_refusals(call: Callable[[Any], Any], kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        call(xpgrad.tensor([[1.0, 2.0], [3.0, 4.0]]))


def test_matrix_exp_of_what_cannot_be_looked_at() -> None:
    """Under a compiler the number of squarings is fixed; a norm beyond it gives nan, never a wrong number."""
    xp = xpgrad.array_namespace("jax")
    big = xp.asarray(np.array([[[0.0, 1e9], [0.0, 0.0]], [[0.0, 30.0], [-30.0, 0.0]]]))
    found = xpgrad.linalg.matrix_exp(big).numpy_array()
    assert np.isnan(found[0]).all()
    np.testing.assert_allclose(found[1], [[np.cos(30), np.sin(30)], [-np.sin(30), np.cos(30)]], atol=1e-12)


def test_igamma_against_its_series() -> None:
    """P + Q = 1 across the seams of the formulas, and P(1, x) = 1 - exp(-x)."""
    x = xpgrad.linspace(0.1, 300.0, 50, dtype=xpgrad.float64)
    for a in (0.3, 1.0, 99.0, 101.0, 250.0):
        total = xpgrad.special.gammainc(xpgrad.full_like(x, a), x) + xpgrad.special.gammaincc(xpgrad.full_like(x, a), x)
        np.testing.assert_allclose(total.numpy(), 1, rtol=1e-12)
    np.testing.assert_allclose(xpgrad.igamma(xpgrad.ones_like(x), x).numpy(), -np.expm1(-x.numpy()), rtol=1e-12)
