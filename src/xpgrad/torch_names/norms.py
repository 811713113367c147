"""Norms of vectors and of matrices, and what is made of them: `linalg.norm`, `linalg.cond` and their kin."""

from __future__ import annotations

from typing import Any

from ..namespace import function
from .common import cast, wrap_dims


def vector_norm(x: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """(sum |x|^ord)^(1/ord) over `dim` (all if None); the largest or smallest |x| for inf and -inf, how many are not
    0 for 0.
    """
    x = cast(x, dtype)
    axis = wrap_dims(dim, x.ndim)
    if x.ndim == 0:
        return vector_norm(x.reshape(1), ord).reshape(())
    return function("linalg.vector_norm")(x, axis=axis, keepdims=keepdim, ord=ord)


def matrix_norm(A: Any, ord: Any = "fro", dim: Any = (-2, -1), keepdim: bool = False, *, dtype: Any = None) -> Any:
    """The norm of matrices: "fro", "nuc", or 1, -1, 2, -2, inf, -inf."""
    A = cast(A, dtype)
    axes = wrap_dims(dim, A.ndim) or ()
    if len(axes) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {dim}")
    if isinstance(ord, str) and ord not in ("fro", "nuc"):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    out = function("linalg.matrix_norm")(function("moveaxis")(A, axes, (-2, -1)), ord=ord)
    for axis in sorted(axes) if keepdim else ():
        out = function("expand_dims")(out, axis=axis)
    return out


def norm(A: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    """A matrix norm over two dims, or if there is an order and `A` is a matrix; else a vector norm."""
    two = isinstance(dim, list | tuple) and len(dim) == 2
    if ord is not None and (two or (dim is None and A.ndim == 2)):
        return matrix_norm(A, ord, dim if two else (-2, -1), keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: Order {ord} is a matrix norm; give two dims")
    if ord is not None and dim is None and A.ndim > 2:
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    return vector_norm(A, 2 if ord is None else ord, dim, keepdim, dtype=dtype)


def cond(A: Any, p: Any = None) -> Any:
    """The condition number: the norm of A times that of its inverse; for p None, 2 and -2 a ratio of singular
    values.
    """
    if p in (None, 2, -2):
        if 0 in A.shape:
            return norm(A, 2 if p is None else p, (-2, -1)) if A.shape[-1] and A.shape[-2] else _empty_norm(A)
        values = function("linalg.svdvals")(A)
        largest, smallest = values[..., 0], values[..., -1]
        return smallest / largest if p == -2 else largest / smallest
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"linalg.cond: p={p!r} needs square matrices, got {' by '.join(map(str, A.shape[-2:]))}")
    if 0 in A.shape[-2:]:
        return _empty_norm(A)
    return matrix_norm(A, p) * matrix_norm(function("linalg.inv")(A), p)


def _empty_norm(A: Any) -> Any:
    return A.__array_namespace__().zeros(tuple(A.shape[:-2]), dtype=A.dtype.to_real(), device=A.device)
