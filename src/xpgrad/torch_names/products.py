"""Products of vectors, matrices and more, as PyTorch spells them; `einsum` and `tensordot` among them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..namespace import function
from ..op import OPS, conj
from ..tensor import Tensor, apply
from .common import floating, wrap_dim
from .einsum import einsum


def _need(name: str, t: Any, ndim: int, kind: str) -> None:
    if t.ndim != ndim:
        raise RuntimeError(f"{name}: {kind} must be {ndim}D, got {t.ndim}D with shape {list(t.shape)}")


def mm(input: Any, mat2: Any) -> Any:
    """The product of two matrices."""
    if input.ndim != 2 or mat2.ndim != 2 or input.shape[1] != mat2.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, input.shape))} and "
                           f"{'x'.join(map(str, mat2.shape))})")  # fmt: skip
    return function("matmul")(input, mat2)


def bmm(input: Any, mat2: Any, *, out_dtype: Any = None) -> Any:
    """The products of two batches of matrices."""
    if input.ndim != 3 or mat2.ndim != 3:
        raise RuntimeError(f"batch1 must be a 3D tensor: bmm got {list(input.shape)} and {list(mat2.shape)}")
    if input.shape[0] != mat2.shape[0] or input.shape[2] != mat2.shape[1]:
        raise RuntimeError(f"Expected size for first two dimensions of batch2 tensor to be: [{input.shape[0]}, "
                           f"{input.shape[2]}] "
                           f"but got: [{mat2.shape[0]}, {mat2.shape[1]}].")  # fmt: skip
    return function("matmul")(input, mat2)


def mv(input: Any, vec: Any) -> Any:
    """A matrix times a vector."""
    if input.ndim != 2 or vec.ndim != 1 or input.shape[1] != vec.shape[0]:
        raise RuntimeError(f"size mismatch, got input ({'x'.join(map(str, input.shape))}), vec "
                           f"({'x'.join(map(str, vec.shape))})")  # fmt: skip
    return function("matmul")(input, vec)


def dot(input: Any, tensor: Any) -> Any:
    """The sum of products of two vectors."""
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    if input.shape != tensor.shape:
        raise RuntimeError(f"inconsistent tensor size, expected tensor [{input.shape[0]}] and src "
                           f"[{tensor.shape[0]}] to have "
                           f"the same number of elements, but got {input.shape[0]} and {tensor.shape[0]} elements "
                           "respectively")  # fmt: skip
    return function("matmul")(input, tensor)


def vdot(input: Any, other: Any) -> Any:
    """The sum of products of two vectors, the first conjugated."""
    return dot(conj(input.__array_namespace__(), input), other)


def outer(input: Any, vec2: Any) -> Any:
    """All products of the elements of two vectors."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise RuntimeError(f"outer: Expected 1-D arguments, but got {input.ndim}D and {vec2.ndim}D")
    return input.reshape(-1, 1) * vec2.reshape(1, -1)


def inner(input: Any, other: Any) -> Any:
    """Sums of products over the last dims; the product, if one has no dims."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(f"inner() the last dimension must match on both input tensors but got shapes "
                           f"{list(input.shape)} and "
                           f"{list(other.shape)}")  # fmt: skip
    return function("tensordot")(input, other, axes=([-1], [-1]))


def kron(input: Any, other: Any) -> Any:
    """Each element of `input` times the whole of `other`, laid out as blocks."""
    n = max(input.ndim, other.ndim)
    a, b = ((1,) * (n - t.ndim) + tuple(t.shape) for t in (input, other))
    left = input.reshape(tuple(k for size in a for k in (size, 1)))
    right = other.reshape(tuple(k for size in b for k in (1, size)))
    return (left * right).reshape(tuple(p * q for p, q in zip(a, b, strict=True)))


def addmm(input: Any, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha mat1 @ mat2."""
    if mat1.ndim != 2 or mat2.ndim != 2 or mat1.shape[1] != mat2.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, mat1.shape))} and "
                           f"{'x'.join(map(str, mat2.shape))})")  # fmt: skip
    return apply(OPS["addmm"], (input, mat1, mat2), {"beta": beta, "alpha": alpha})


def _plus(input: Any, product: Any, beta: float, alpha: float) -> Any:
    """beta input + alpha product; with beta 0 whatever `input` holds, nan included, is left out."""
    product = product if alpha == 1 else alpha * product
    if beta == 0:
        return product
    return (input if beta == 1 else beta * input) + product


def addmv(input: Any, mat: Any, vec: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha mat @ vec."""
    return _plus(input, mv(mat, vec), beta, alpha)


def addr(input: Any, vec1: Any, vec2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha vec1 vec2^T."""
    return _plus(input, outer(vec1, vec2), beta, alpha)


def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha batch1 @ batch2."""
    return _plus(input, bmm(batch1, batch2), beta, alpha)


def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha times the sum of batch1 @ batch2 over the batch."""
    return _plus(input, bmm(batch1, batch2).sum(0), beta, alpha)


def tensordot(a: Any, b: Any, dims: Any = 2) -> Any:
    """The sum of products over the last `dims` dims of a and the first of b, or over two lists of dims."""
    if isinstance(dims, Tensor):
        dims = dims.tolist() if dims.ndim else dims.item()
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        dims = (list(range(a.ndim - dims, a.ndim)), list(range(dims)))
    left, right = ([d % t.ndim for d in side] for side, t in zip(dims, (a, b), strict=True))
    for i, j in zip(left, right, strict=True):  # a dim of length 1 meets any other
        if a.shape[i] != b.shape[j] and 1 in (a.shape[i], b.shape[j]):
            a, b = (a.sum(i, keepdim=True), b) if b.shape[j] == 1 else (a, b.sum(j, keepdim=True))
    return function("tensordot")(a, b, axes=(left, right))


def cross(input: Any, other: Any, dim: int | None = None) -> Any:
    """The cross product along `dim`, the first of length 3 if none is given."""
    if dim is None:
        dim = next((d for d, n in enumerate(input.shape) if n == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    xp = input.__array_namespace__()
    a, b = xp.broadcast_arrays(input, other)
    return xp.linalg.cross(a, b, axis=wrap_dim(dim, a.ndim) - a.ndim)


# -- distances --


def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The p-norm of the difference."""
    return function("linalg.vector_norm")(floating(input - other).reshape(-1), ord=p)


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary") -> Any:
    """The p-norm of the difference of every row of `x1` and every row of `x2`: (..., P, M), (..., R, M) to (..., P,
    R).
    """
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    xp = x1.__array_namespace__()
    apart = xp.expand_dims(x1, axis=-2) - xp.expand_dims(x2, axis=-3)
    if 0 in apart.shape:
        return xp.sum(apart, axis=-1)
    return xp.linalg.vector_norm(apart, axis=-1, ord=p)


# -- statistics --


def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance of the rows of a matrix, observations lying in the columns; of a vector, its variance.

    Args:
        fweights: how often each observation is counted. aweights: its relative weight.
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    xp = input.__array_namespace__()
    x = floating(input).reshape(1, -1) if input.ndim < 2 else floating(input)
    n = x.shape[1]
    real = x.dtype.to_real()
    weight = fweights if aweights is None else aweights if fweights is None else fweights * aweights
    if weight is None:
        total: Any = n
        freedom: Any = max(n - correction, 0)
        mean = xp.sum(x, axis=1, keepdims=True) / n if n else xp.sum(x, axis=1, keepdims=True) * math.nan
        freedom = xp.asarray(freedom, dtype=real, device=x.device)
    else:
        total = weight.sum()
        share = total if aweights is None else (weight * aweights).sum() / total
        freedom = total - correction * (1 if aweights is None else share)
        freedom = xp.where(freedom < 0, xp.zeros_like(freedom), freedom)
        mean = xp.sum(x * weight, axis=1, keepdims=True) / total
    apart = x - mean
    weighted = apart if weight is None else apart * weight
    out = xp.matmul(weighted, xp.matrix_transpose(conj(xp, apart))) / freedom
    return out.reshape(()) if x.shape[0] == 1 else out


def corrcoef(input: Any) -> Any:
    """The correlation of the rows of a matrix: their covariance over their standard deviations."""
    c = cov(input)
    if c.ndim == 0:
        return c / c
    xp = c.__array_namespace__()
    diagonal = xp.linalg.diagonal(c)
    deviation = xp.sqrt(xp.real(diagonal) if c.dtype.is_complex else diagonal)
    out = c / xp.expand_dims(deviation, axis=1) / xp.expand_dims(deviation, axis=0)
    if out.dtype.is_complex:
        return xp.clip(xp.real(out), -1, 1) + 1j * xp.clip(xp.imag(out), -1, 1)
    return xp.clip(out, -1, 1)


METHODS = (mm, bmm, mv, dot, vdot, outer, inner, kron, addmm, addmv, addr, baddbmm, addbmm, cross, dist, cov, corrcoef)
FUNCTIONS: tuple[Callable[..., Any], ...] = (tensordot, cdist, einsum)
