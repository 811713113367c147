"""Weights given by norm and direction, of spectral norm 1, or orthogonal, as parametrizations."""

from __future__ import annotations

from typing import Any

from ... import creation
from ...modes import no_grad
from .. import functional as F
from ..module import Module
from .older_norms import norm_except, weight_of
from .parametrize import register_parametrization
from .power import as_matrix, iterate

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        """Norm and direction to the weight."""
        return weight_of(weight_g, weight_v, self.dim)

    def right_inverse(self, weight: Any) -> Any:
        """The weight to norm and direction."""
        return norm_except(weight, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Let a weight be g v / |v|, with norms g and directions v learned apart. Salimans and Kingma (2016).

    Args:
        dim: the axis along which each slice has a norm of its own; None for one norm.
    """
    return register_parametrization(module, name, _WeightNorm(dim), unsafe=True)


class _SpectralNorm(Module):
    _u: Any
    _v: Any

    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if n_power_iterations <= 0:
            raise ValueError("Expected n_power_iterations to be positive, but got "
                             f"n_power_iterations={n_power_iterations}")  # fmt: skip
        self.dim = dim % max(weight.ndim, 1)
        self.n_power_iterations = n_power_iterations
        self.eps = eps
        if weight.ndim > 1:
            with no_grad():
                matrix = as_matrix(weight, self.dim)
                u, v = (creation.randn(n, dtype=weight.dtype, device=weight.device) for n in matrix.shape)
                self.register_buffer("_u", F.normalize(u, dim=0, eps=eps))
                self.register_buffer("_v", F.normalize(v, dim=0, eps=eps))
                iterate(matrix, self._u, self._v, 15, eps)

    def forward(self, weight: Any) -> Any:
        """The weight divided by its spectral norm."""
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            iterate(matrix, self._u, self._v, self.n_power_iterations, self.eps)
        xp = weight.__array_namespace__()
        return weight / xp.vecdot(self._u.clone(), xp.matmul(matrix, self._v.clone()))

    def right_inverse(self, value: Any) -> Any:
        """A weight is taken as it is."""
        return value


def spectral_norm(module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12,
                  dim: int | None = None) -> Any:  # fmt: skip
    """Divide a weight by its largest singular value, estimated by power iteration. Miyato et al. (2018).

    Args:
        dim: the axis that becomes the rows of a matrix: 0, and 1 for transposed convolutions, if not given.
    """
    if dim is None:
        dim = 1 if "ConvTranspose" in type(module).__name__ else 0
    return register_parametrization(module, name, _SpectralNorm(getattr(module, name), n_power_iterations, dim, eps))


class _Orthogonal(Module):
    base: Any

    def __init__(self, weight: Any, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Any) -> Any:
        """Any matrix to one with orthonormal columns, or rows where it is wide."""
        xp = x.__array_namespace__()
        wide = x.shape[-2] < x.shape[-1]
        x = x.mT if wide else x
        n, k = x.shape[-2:]
        skew = xp.tril(x)
        if n != k:
            fill = xp.zeros((*x.shape[:-1], n - k), dtype=x.dtype, device=x.device)
            skew = xp.concat([skew, fill], axis=-1)
        skew = skew - skew.mT
        if self.orthogonal_map == "matrix_exp":
            q = skew.matrix_exp()
        else:
            eye = xp.eye(n, dtype=x.dtype, device=x.device)
            q = xp.linalg.solve(eye - skew / 2, eye + skew / 2)
        q = q[..., :k]
        if "base" in self._buffers and self.base is not None:
            q = xp.matmul(self.base, q)
        return q.mT if wide else q

    def right_inverse(self, q: Any) -> Any:
        """An orthogonal matrix becomes the base, from which 0 leads to it."""
        if "base" not in self._buffers:
            raise NotImplementedError("It is not possible to assign to the matrix exponential or the Cayley "
                                      "parametrizations when use_trivialization=False.")  # fmt: skip
        xp = q.__array_namespace__()
        tall = q.mT if q.shape[-2] < q.shape[-1] else q
        full, r = xp.linalg.qr(tall, mode="complete")
        k = tall.shape[-1]
        signs = xp.sign(xp.linalg.diagonal(r[..., :k, :]))
        self.base = xp.concat([full[..., :k] * xp.expand_dims(signs, axis=-2), full[..., k:]], axis=-1)
        return xp.zeros_like(q)


def orthogonal(module: Any, name: str = "weight", orthogonal_map: str | None = None, *,
               use_trivialization: bool = True) -> Any:  # fmt: skip
    """Keep a matrix orthogonal: the exponential, or the Cayley map, of a skew-symmetric one. Lezcano-Casado (2019).

    Args:
        orthogonal_map: ``matrix_exp``, the usual one for square matrices, or ``cayley``, for others; Householder's
            form is not there.
        use_trivialization: start from the matrix that there is, and allow assignment.

    Raises:
        ValueError: for another map, or a parameter with fewer than two axes.
    """
    weight = getattr(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    chosen = orthogonal_map or ("matrix_exp" if weight.shape[-2] == weight.shape[-1] else "cayley")
    if chosen not in ("matrix_exp", "cayley"):
        raise ValueError(f'orthogonal_map has to be one of "matrix_exp", "cayley". Got: {orthogonal_map}')
    return register_parametrization(module, name, _Orthogonal(weight, chosen, use_trivialization), unsafe=True)
