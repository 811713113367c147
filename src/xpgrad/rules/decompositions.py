"""Gradients of the matrix decompositions: ``linalg.cholesky``, ``qr``, ``eigh``, ``eig``, ``svd`` and their values.

Eigenvectors and singular vectors are unique only up to a sign, or a phase if complex, and where values are equal only
up to a rotation among them. What that means for a gradient:

- *Values alone* (`eigvalsh`, `eigvals`, `svdvals`, or a loss that does not use the vectors) always have a finite
  gradient, equal values included; it is PyTorch's.
- *Vectors of equal values* have none: the formula divides by the difference of the values, and PyTorch returns inf or
  nan. Here the gradient is nan, also where the difference is no more than rounding and the quotient would be a number
  without a correct digit. A loss "uses the vectors" if any entry of their gradient is not zero.
- *A loss that depends on the phase* of complex vectors, or on the choice of the surplus vectors of a full `svd`, has no
  gradient. PyTorch raises for the phase, after looking at the numbers; a rule that must also run under a compiler
  cannot look, so here the gradient is nan.

Formulas: M. Giles (2008), as in `linalg`; for `qr` S. Walter and L. Lehmann, "Algorithmic differentiation of linear
algebra functions with application in optimum experimental design" (2010); for a complex `svd` Z. Wan and S. Zhang,
"Automatic differentiation for complex valued SVD" (2019).
"""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..op import conj, op
from .linalg import adjoint, alike, on_diagonal

_NAN = float("nan")


def _square(xp: Any, x: Any) -> Any:
    """A vector on the diagonal of a square matrix."""
    return on_diagonal(xp, x, x.shape[-1], x.shape[-1])


def _skew(xp: Any, x: Any) -> Any:
    """The anti-Hermitian part."""
    return (x - adjoint(xp, x)) / 2


def _eps(xp: Any, x: Any) -> float:
    return float(xp.finfo(x.dtype).eps)


def _idle(xp: Any, *gradients: Any) -> Any:
    """Which matrices of a stack have only zeros in all the gradients: vectors that the loss does not use."""
    out = xp.all(gradients[0] == 0, axis=(-2, -1), keepdims=True)
    for g in gradients[1:]:
        out = xp.logical_and(out, xp.all(g == 0, axis=(-2, -1), keepdims=True))
    return out


def _quotient(xp: Any, x: Any, gaps: Any, tied: Any, idle: Any) -> Any:
    """``x / gaps``; where `tied` it is 0 if `idle` and nan if not, and no derivative passes."""
    out = x / xp.where(tied, 1.0, gaps)
    return xp.where(tied, xp.where(idle, xp.zeros_like(out), _NAN), out)


def _over_gaps(xp: Any, x: Any, gaps: Any, values: Any, differences: Any, idle: Any) -> Any:
    """``x / gaps`` off the diagonal and 0 on it, for pairs of `values` with those `differences`."""
    size = xp.sum(xp.abs(values), axis=-1)[..., None, None]
    tied = xp.abs(differences) <= _eps(xp, size) * size
    diagonal = xp.eye(values.shape[-1], **alike(size)) == 1
    return _quotient(xp, x, gaps, tied, xp.logical_or(idle, diagonal))


def _unless(xp: Any, x: Any, ill: Any, *gradients: Any) -> Any:
    """Matrices `x`, or nan where the real numbers `ill` exceed what rounding explains in those gradients."""
    size = xp.max(xp.abs(ill), axis=(-2, -1), keepdims=True)
    scale = 1.0
    for g in gradients:
        scale = scale + xp.sum(xp.abs(g), axis=(-2, -1), keepdims=True)
    return xp.where(size > _eps(xp, size) ** 0.5 * scale, _NAN, x)


# Triangular factors


def _cholesky(xp: Any, g: Any, y: Any, upper: bool = False) -> Any:
    """A = L L^H. With P the lower half of L^H g, its diagonal halved: L^-H P L^-1, made Hermitian."""
    if upper:
        g, y = adjoint(xp, g), adjoint(xp, y)
    y_h = adjoint(xp, y)
    product = y_h @ g
    half = xp.tril(product) - _square(xp, xp.linalg.diagonal(product)) / 2
    out = xp.linalg.solve(y_h, adjoint(xp, xp.linalg.solve(y_h, half)))
    return (out + adjoint(xp, out)) / 2


op("linalg.cholesky", _cholesky, node="LinalgCholeskyExBackward0")


def _qr_tall(xp: Any, g_q: Any, g_r: Any, q: Any, r: Any) -> Any:
    """No fewer rows than columns: [gQ + Q M] R^-H, M the Hermitian matrix with the upper half of gR R^H - Q^H gQ."""
    upper = xp.triu(g_r @ adjoint(xp, r) - adjoint(xp, q) @ g_q)
    diagonal = xp.linalg.diagonal(upper)
    middle = upper + adjoint(xp, upper) - _square(xp, (diagonal + conj(xp, diagonal)) / 2)
    return adjoint(xp, xp.linalg.solve(r, adjoint(xp, g_q + q @ middle)))


def _qr(xp: Any, g: Any, y: Any, x_shape: Any, mode: str = "reduced") -> Any:
    """A wide matrix is [A1 A2] with A1 = Q R1 square and R2 = Q^H A2."""
    (g_q, g_r), (q, r), (rows, cols) = g, y, x_shape[-2:]
    if mode == "complete" and rows > cols:
        raise RuntimeError(f"linalg.qr: with mode='complete' the decomposition of a {rows} by {cols} matrix has no "
                           "gradient, for its last columns of Q are not unique; use mode='reduced'")  # fmt: skip
    if rows >= cols:
        return _qr_tall(xp, g_q, g_r, q, r)
    rest = g_r[..., rows:]
    g_q = g_q + q @ (r[..., rows:] @ adjoint(xp, rest))
    return xp.concat([_qr_tall(xp, g_q, g_r[..., :rows], q, r[..., :rows]), q @ rest], axis=-1)


op("linalg.qr", _qr, outputs="Q R", node="LinalgQrBackward0")


# Eigenvalues and eigenvectors


def _eigh(xp: Any, g: Any, y: Any) -> Any:
    """A = V diag(l) V^H: V (diag(gl) + skew(V^H gV) / E) V^H, with E_ij = l_j - l_i."""
    (g_l, g_v), (values, v) = g, y
    product = adjoint(xp, v) @ g_v
    gaps = values[..., None, :] - values[..., :, None]
    inner = _over_gaps(xp, _skew(xp, product), gaps, values, gaps, _idle(xp, g_v)) + _square(xp, g_l)
    out = v @ inner @ adjoint(xp, v)
    return _phase(xp, out, product, g_v)


def _phase(xp: Any, out: Any, product: Any, *gradients: Any) -> Any:
    """`out`, or nan where the loss depends on the phase: where diag(V^H gV) is not real."""
    if product.shape[-1] == 0 or not dtypes.is_complex(product.dtype):
        return out
    return _unless(xp, out, xp.imag(xp.linalg.diagonal(product))[..., None], *gradients)


op("linalg.eigh", _eigh, outputs="eigenvalues eigenvectors", node="LinalgEighBackward0")


def _eigvalsh(xp: Any, g: Any, x: Any) -> Any:
    v = xp.linalg.eigh(x)[1]
    return (v * g[..., None, :]) @ adjoint(xp, v)


op("linalg.eigvalsh", _eigvalsh, node="LinalgEighBackward0")


def _eig(xp: Any, g: Any, y: Any) -> Any:
    """A V = V diag(l): V^-H (diag(gl) + (P - V^H V diag(Re P)) / E^*) V^H, with P = V^H gV and E_ij = l_j - l_i."""
    (g_l, g_v), (values, v) = g, y
    v_h = adjoint(xp, v)
    product = v_h @ g_v
    norms = xp.real(xp.linalg.diagonal(product))  # the columns of V are kept at length 1
    gaps = conj(xp, values[..., None, :] - values[..., :, None])
    inner = _over_gaps(xp, product - (v_h @ v) * norms[..., None, :], gaps, values, gaps, _idle(xp, g_v))
    out = xp.linalg.solve(v_h, (inner + _square(xp, g_l)) @ v_h)
    return _phase(xp, out, product, g_v)


op("linalg.eig", _eig, outputs="eigenvalues eigenvectors", node="LinalgEigBackward0")


def _eigvals(xp: Any, g: Any, x: Any) -> Any:
    v_h = adjoint(xp, xp.linalg.eig(x)[1])
    return xp.linalg.solve(v_h, g[..., :, None] * v_h)


op("linalg.eigvals", _eigvals, node="LinalgEigBackward0")


# Singular values and vectors


def _thin(xp: Any, u: Any, g: Any, k: int) -> Any:
    """The gradient of the first `k` columns of a unitary U, those of the others added to it.

    When the first columns move, the others follow so as to stay orthogonal: dU2 = -U1 dU1^H U2.
    """
    return g[..., :k] - u[..., k:] @ (adjoint(xp, g[..., k:]) @ u[..., :k])


def _surplus(xp: Any, out: Any, u: Any, g: Any, k: int) -> Any:
    """`out`, or nan where the loss depends on the choice of the columns of U after the first `k`."""
    if u.shape[-1] == k:
        return out
    return _unless(xp, out, xp.abs(_skew(xp, adjoint(xp, u[..., k:]) @ g[..., k:])), g)


def _svd(xp: Any, g: Any, y: Any) -> Any:
    """A = U S V^H: U [skew(U^H gU)/E S + S skew(V^H gV)/E + gS] V^H and what lies outside the spaces of U and V.

    E_ij = (s_j^2 - s_i^2) / 2; of a complex matrix the diagonal has i Im(U^H gU) / S beside gS.
    """
    (full_u, s, vh), k = y, y[1].shape[-1]
    full_v, full_gv = adjoint(xp, vh), adjoint(xp, g[2])
    u, v = full_u[..., :k], full_v[..., :k]
    g_u, g_v = _thin(xp, full_u, g[0], k), _thin(xp, full_v, full_gv, k)
    idle = _idle(xp, g_u, g_v)
    u_gu, v_gv = adjoint(xp, u) @ g_u, adjoint(xp, v) @ g_v
    row, column = s[..., None, :], s[..., :, None]
    differences = row - column
    gaps = differences * (row + column) / 2
    size = xp.sum(s, axis=-1)[..., None, None]
    tiny = row <= _eps(xp, s) * size
    inner = (
        _over_gaps(xp, _skew(xp, u_gu), gaps, s, differences, idle) * row
        + _over_gaps(xp, _skew(xp, v_gv), gaps, s, differences, idle) * column
        + _square(xp, g[1])
    )
    if dtypes.is_complex(u.dtype):
        turn = xp.linalg.diagonal(_skew(xp, u_gu))[..., None, :]
        inner = inner + _square(xp, _quotient(xp, turn, row, tiny, idle)[..., 0, :])
    out = u @ inner @ adjoint(xp, v)
    if u.shape[-2] > k:
        out = out + _quotient(xp, g_u - u @ u_gu, row, tiny, idle) @ adjoint(xp, v)
    if v.shape[-2] > k:
        out = out + u @ adjoint(xp, _quotient(xp, g_v - v @ v_gv, row, tiny, idle))
    out = _surplus(xp, _surplus(xp, out, full_u, g[0], k), full_v, full_gv, k)
    return _phase(xp, out, u_gu + v_gv, g_u, g_v)


op("linalg.svd", _svd, outputs="U S Vh", node="LinalgSvdBackward0")


def _svdvals(xp: Any, g: Any, x: Any) -> Any:
    u, _, vh = xp.linalg.svd(x, full_matrices=False)
    return (u * g[..., None, :]) @ vh


op("linalg.svdvals", _svdvals, node="LinalgSvdBackward0")
