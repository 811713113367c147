"""Factorisations that the standard lacks: LU with pivots, and products of Householder's reflections.

Each is a loop over columns in functions of Tensors, which choose pivots without looking at the numbers, so it runs on
every library and its gradient is that of the steps.
"""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..op import conj
from .common import positions


def adjoint(x: Any) -> Any:
    """The conjugate transpose of matrices."""
    xp = x.__array_namespace__()
    return conj(xp, xp.matrix_transpose(x))


def eye(n: int, m: int, like: Any) -> Any:
    """Ones on the diagonal of an (n, m) matrix beside `like`."""
    return like.__array_namespace__().eye(n, m, dtype=like.dtype, device=like.device)


def _size(xp: Any, x: Any) -> Any:
    """What LAPACK compares: |x|, of complex numbers |re x| + |im x|."""
    return xp.abs(xp.real(x)) + xp.abs(xp.imag(x)) if x.dtype.is_complex else xp.abs(x)


def eliminated(a: Any, pivot: bool = True) -> tuple[Any, Any, Any]:
    """L and U in one matrix, the pivots (from 1 on, int32), and the order of the rows of `a` that they lead to."""
    xp = a.__array_namespace__()
    m, n = a.shape[-2:]
    batch = tuple(a.shape[:-2])
    rows = xp.broadcast_to(positions(a, m), (*batch, m))
    order, pivots = rows, []
    for k in range(min(m, n)):
        if pivot:
            found = xp.argmax(_size(xp, a[..., k:, k].detach()), axis=-1, keepdims=True) + k
            swap = xp.where(rows == k, found, xp.where(rows == found, k, rows))
            a = xp.take_along_axis(a, xp.broadcast_to(xp.expand_dims(swap, axis=-1), a.shape), axis=-2)
            order = xp.take_along_axis(order, swap, axis=-1)
        else:
            found = xp.full((*batch, 1), k, dtype=dtypes.int64, device=a.device)
        pivots.append(found + 1)
        head = a[..., k : k + 1, k : k + 1]
        below = a[..., k + 1 :, k : k + 1] / xp.where(head == 0, xp.ones_like(head), head)
        rest = a[..., k + 1 :, k + 1 :] - below @ a[..., k : k + 1, k + 1 :]
        lower = xp.concat([a[..., k + 1 :, :k], below, rest], axis=-1)
        a = xp.concat([a[..., : k + 1, :], lower], axis=-2)
    empty = xp.zeros((*batch, 0), dtype=dtypes.int64, device=a.device)
    return a, (xp.concat(pivots, axis=-1) if pivots else empty).to(dtypes.int32), order


def permutation(order: Any, like: Any) -> Any:
    """P with ``A = P A[order]``."""
    xp, m = like.__array_namespace__(), order.shape[-1]
    return xp.astype(xp.expand_dims(order, axis=-2) == positions(like, m, -2, 2), like.dtype)


def rows_of(pivots: Any, m: int) -> Any:
    """The order of `m` rows after the swaps that `pivots` stand for."""
    xp = pivots.__array_namespace__()
    rows = xp.broadcast_to(positions(pivots, m), (*pivots.shape[:-1], m))
    order = rows
    for k in range(pivots.shape[-1]):
        found = pivots[..., k : k + 1].to(dtypes.int64) - 1
        order = xp.take_along_axis(order, xp.where(rows == k, found, xp.where(rows == found, k, rows)), axis=-1)
    return order


def triangles(packed: Any) -> tuple[Any, Any]:
    """L, with ones on its diagonal, and U."""
    xp = packed.__array_namespace__()
    m, n = packed.shape[-2:]
    k = min(m, n)
    return xp.tril(packed[..., :, :k], k=-1) + eye(m, k, packed), xp.triu(packed[..., :k, :])


def reflected(a: Any, tau: Any, x: Any, backwards: bool = False) -> Any:
    """Q x, or Q^H x, where Q is the product of the reflections I - tau v v^H, v the columns of `a` below a one."""
    xp = a.__array_namespace__()
    m, k = a.shape[-2], tau.shape[-1]
    for i in range(k) if backwards else reversed(range(k)):
        column = a[..., :, i : i + 1]
        row = positions(a, m, 0, 2)
        v = xp.where(row == i, xp.ones_like(column), xp.where(row > i, column, xp.zeros_like(column)))
        scale = tau[..., i : i + 1][..., None]
        x = x - (conj(xp, scale) if backwards else scale) * (v @ (adjoint(v) @ x))
    return x


def geqrf(input: Any) -> tuple[Any, Any]:
    """R on and above the diagonal, Householder's vectors below it, and their factors tau; see `reflected`."""
    xp, a = input.__array_namespace__(), input
    m, n = a.shape[-2:]
    factors = []
    for i in range(min(m, n)):
        head, below = a[..., i : i + 1, i : i + 1], a[..., i + 1 :, i : i + 1]
        real = xp.real(head) if head.dtype.is_complex else head
        square = xp.sum(_square(xp, a[..., i:, i : i + 1]), axis=-2, keepdims=True)
        idle = xp.sum(_square(xp, below), axis=-2, keepdims=True) == 0
        if head.dtype.is_complex:
            idle = idle & (xp.imag(head) == 0)
        length = xp.sqrt(square)
        beta = xp.where(real < 0, length, -length).to(a.dtype)
        one = xp.ones_like(beta)
        tau = xp.where(idle, xp.zeros_like(beta), (beta - head) / xp.where(idle, one, beta))
        v = xp.concat([one, below / xp.where(idle, one, head - beta)], axis=-2)
        rest = a[..., i:, i + 1 :]
        rest = rest - conj(xp, tau) * (v @ (adjoint(v) @ rest))
        first = xp.concat([xp.where(idle, head, beta), v[..., 1:, :]], axis=-2)
        a = xp.concat([a[..., :i, :], xp.concat([a[..., i:, :i], first, rest], axis=-1)], axis=-2)
        factors.append(tau[..., 0])
    none = xp.zeros((*a.shape[:-2], 0), dtype=a.dtype, device=a.device)
    return a, xp.concat(factors, axis=-1) if factors else none


def _square(xp: Any, x: Any) -> Any:
    return xp.square(xp.real(x)) + xp.square(xp.imag(x)) if x.dtype.is_complex else xp.square(x)
