"""Linear algebra under the names that PyTorch has outside `linalg`; each is one or two of that module's functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from .. import linalg
from ..namespace import function
from . import factors
from .common import results

det, slogdet, matrix_exp, matrix_power = linalg.det, linalg.slogdet, linalg.matrix_exp, linalg.matrix_power


def _linalg(name: str, target: Callable[..., Any]) -> Callable[..., Any]:
    def f(*args: Any, **params: Any) -> Any:
        return target(*args, **params)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = f"``linalg.{target.__name__}``."
    return f


inverse = _linalg("inverse", linalg.inv)
orgqr = _linalg("orgqr", linalg.householder_product)


def logdet(input: Any) -> Any:
    """The logarithm of the determinant; nan where it is negative."""
    xp = input.__array_namespace__()
    sign, size = linalg.slogdet(input)
    return size + xp.log(sign) if sign.dtype.is_complex else xp.where(sign < 0, math.nan, size)


def cholesky(input: Any, upper: bool = False) -> Any:
    """Cholesky's factor L of ``A = L L^H``, or L^H."""
    return linalg.cholesky(input, upper=upper)


def _from_factor(L: Any, upper: bool) -> Any:
    """The matrix that a triangular factor is of; its other triangle is not read."""
    xp = L.__array_namespace__()
    return factors.adjoint(xp.triu(L)) @ xp.triu(L) if upper else xp.tril(L) @ factors.adjoint(xp.tril(L))


def cholesky_inverse(L: Any, upper: bool = False) -> Any:
    """The inverse of the matrix whose Cholesky factor is L."""
    return function("linalg.inv")(_from_factor(L, upper))


def cholesky_solve(B: Any, L: Any, upper: bool = False) -> Any:
    """X with ``A X = B`` for the matrix whose Cholesky factor is L."""
    return function("linalg.solve")(_from_factor(L, upper), B)


def qr(input: Any, some: bool = True) -> Any:
    """``A = Q R``; with a square Q if not `some`."""
    return results("qr", "Q R")(*linalg.qr(input, "reduced" if some else "complete"))


def svd(input: Any, some: bool = True, compute_uv: bool = True) -> Any:
    """``A = U diag(S) V^H``, V not transposed; U and V are zeros if not `compute_uv`."""
    if not compute_uv:
        m, n = input.shape[-2:]
        batch = tuple(input.shape[:-2])
        return results("svd", "U S V")(
            input.new_zeros((*batch, m, m)), linalg.svdvals(input), input.new_zeros((*batch, n, n))
        )
    U, S, Vh = linalg.svd(input, full_matrices=not some)
    return results("svd", "U S V")(U, S, factors.adjoint(Vh))


def pinverse(input: Any, rcond: float = 1e-15) -> Any:
    """The pseudo-inverse, singular values below `rcond` times the largest taken as 0."""
    return linalg.pinv(input, rtol=rcond)


def lu_unpack(LU_data: Any, LU_pivots: Any, unpack_data: bool = True, unpack_pivots: bool = True) -> Any:
    """P, L and U from what `lu_factor` returned; empty ones in place of what is not asked for."""
    nothing = LU_data.new_zeros(0)
    lower, upper = factors.triangles(LU_data) if unpack_data else (nothing, nothing)
    P = factors.permutation(factors.rows_of(LU_pivots, LU_data.shape[-2]), LU_data) if unpack_pivots else nothing
    return results("lu_unpack", "P L U")(P, lower, upper)


def lu(A: Any, pivot: bool = True, get_infos: bool = False, out: None = None) -> Any:
    """L and U in one matrix and the pivots; with `get_infos` also the number of the first pivot that is 0, or 0."""
    found = linalg.lu_factor_ex(A, pivot=pivot)
    return tuple(found) if get_infos else tuple(found)[:2]


def lu_solve(b: Any, LU_data: Any, LU_pivots: Any) -> Any:
    """X with ``A X = b``, from what `lu_factor` returned."""
    return linalg.lu_solve(LU_data, LU_pivots, b)


def triangular_solve(b: Any, A: Any, upper: bool = True, transpose: bool = False, unitriangular: bool = False) -> Any:
    """X with ``A X = b`` for triangular A, or its transpose; and a copy of A."""
    matrix, above = (A.mT, not upper) if transpose else (A, upper)
    solution = linalg.solve_triangular(matrix, b, upper=above, unitriangular=unitriangular)
    return results("triangular_solve", "solution cloned_coefficient")(solution, A.clone())


def geqrf(input: Any) -> Any:
    """R and Householder's vectors in one matrix, and their factors tau; `householder_product` makes Q of them."""
    return results("geqrf", "a tau")(*factors.geqrf(input))


def ormqr(input: Any, tau: Any, other: Any, left: bool = True, transpose: bool = False) -> Any:
    """Q other, or other Q, or with the adjoint of Q, where Q is what `geqrf` left in `input` and `tau`."""
    if left:
        return factors.reflected(input, tau, other, transpose)
    return factors.adjoint(factors.reflected(input, tau, factors.adjoint(other), not transpose))


def chain_matmul(*matrices: Any) -> Any:
    """The product of matrices in the cheapest order."""
    return matrices[0] if len(matrices) == 1 else linalg.multi_dot(matrices)


METHODS = (
    det, slogdet, matrix_exp, matrix_power, inverse, orgqr, logdet, cholesky, cholesky_inverse, cholesky_solve, qr, svd,
    pinverse, lu, lu_solve, triangular_solve, geqrf, ormqr,
)  # fmt: skip
FUNCTIONS: tuple[Callable[..., Any], ...] = (lu_unpack, chain_matmul)
