"""Gradients of the standard's linear algebra: ops named ``linalg.<name>``, all but the decompositions.

The decompositions have a room of their own (`decompositions`). Notation: A^H is the conjugate transpose, g the gradient
that comes in, and gradients of complex matrices follow PyTorch's convention, under which the adjoint of
``X -> A X B`` is ``g -> A^H g B^H``. Everything holds for stacks of matrices, with broadcasting.

The formulas are those of M. Giles, "An extended collection of matrix derivative results for forward and reverse mode
algorithmic differentiation" (2008), and for the pseudo-inverse of G. Golub and V. Pereyra, "The differentiation of
pseudo-inverses and nonlinear least squares problems" (1973). `matmul`, `matrix_transpose`, `tensordot` and `vecdot` are
the main namespace's own.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import composite, conj, op


def alike(x: Any) -> dict[str, Any]:
    """The dtype and device of `x` for a new array; what stands for an array under a compiler has no device."""
    return {"dtype": x.dtype, "device": getattr(x, "device", None)}


def adjoint(xp: Any, x: Any) -> Any:
    """The conjugate transpose of matrices."""
    return conj(xp, xp.matrix_transpose(x))


def on_diagonal(xp: Any, x: Any, rows: int, cols: int, offset: int = 0) -> Any:
    """Matrices of `rows` by `cols` with the last axis of `x` on the diagonal `offset`, and zeros elsewhere."""
    kind = alike(x)
    above, length = max(-offset, 0), x.shape[-1]
    if length != rows:
        before = xp.zeros((*x.shape[:-1], above), **kind)
        after = xp.zeros((*x.shape[:-1], rows - above - length), **kind)
        x = xp.concat([before, x, after], axis=-1)
    # a mask and not a product, so that an inf on the diagonal makes no nan beside it
    return xp.where(xp.eye(rows, cols, k=offset, **kind) == 1, xp.expand_dims(x, axis=-1), 0.0)


def _matrices(xp: Any, x: Any) -> Any:
    """Numbers, one for each matrix of a stack, in a shape that multiplies the matrices."""
    return x[..., None, None]


# Products

op("linalg.cross",
   lambda xp, g, x2, axis=-1: xp.linalg.cross(conj(xp, x2), g, axis=axis),
   lambda xp, g, x1, axis=-1: xp.linalg.cross(g, conj(xp, x1), axis=axis),
   node="LinalgCrossBackward0")  # fmt: skip
op("linalg.outer",
   lambda xp, g, x2: xp.matmul(g, conj(xp, x2)),
   lambda xp, g, x1: xp.matmul(conj(xp, x1), g),
   node="MulBackward0")  # fmt: skip


@composite("linalg.matrix_power")
def matrix_power(xp: Any, x: Any, n: int, /) -> Any:
    """The `n`-th power of square matrices, of the inverse for negative n, by repeated squaring."""
    if n == 0:
        return xp.broadcast_to(xp.eye(x.shape[-1], **alike(x)), x.shape)
    if n < 0:
        x, n = xp.linalg.inv(x), -n
    out = None
    while True:
        if n % 2:
            out = x if out is None else xp.matmul(out, x)
        n //= 2
        if n == 0:
            return out
        x = xp.matmul(x, x)


# Diagonals

op("linalg.diagonal",
   lambda xp, g, x_shape, offset=0: on_diagonal(xp, g, x_shape[-2], x_shape[-1], offset),
   node="DiagonalBackward0")  # fmt: skip
op("linalg.trace",
   lambda xp, g, x_shape, offset=0: _matrices(xp, g) * xp.eye(x_shape[-2], x_shape[-1], k=offset, **alike(g)),
   node="TraceBackward0")  # fmt: skip


# Inverses and determinants

op("linalg.inv", lambda xp, g, y: -adjoint(xp, y) @ g @ adjoint(xp, y), node="LinalgInvExBackward0")


def _solve(xp: Any, g: Any, y: Any, x1: Any, x2_shape: Any, needs: Any) -> tuple[Any, Any]:
    """A X = B: the gradient of B solves A^H gB = g, and that of A is -gB X^H. A one-dimensional B is one column."""
    if len(x2_shape) == 1:
        g, y = xp.expand_dims(g, axis=-1), xp.expand_dims(y, axis=-1)
    to_b = xp.linalg.solve(adjoint(xp, x1), g)
    to_a = -to_b @ adjoint(xp, y) if needs[0] else None
    return to_a, to_b[..., 0] if len(x2_shape) == 1 else to_b


op("linalg.solve", joint=_solve, args="x1 x2", node="LinalgSolveExBackward0")


def _pinv(xp: Any, g: Any, x: Any, y: Any) -> Any:
    """Golub and Pereyra's formula, for a rank that does not change: of the three terms the first is the inverse's."""
    y_h, g_h = adjoint(xp, y), adjoint(xp, g)
    outside = g_h - x @ (y @ g_h)  # what lies outside the column space
    beside = g_h - (g_h @ y) @ x  # and outside the row space
    return -y_h @ g @ y_h + outside @ y @ y_h + y_h @ y @ beside


op("linalg.pinv", _pinv, node="LinalgPinvBackward0")


def cofactor(xp: Any, x: Any) -> Any:
    """The cofactor matrix, entry by entry the derivative of the determinant; det(A) A^-T where A is invertible.

    From A = U S V^H it is det(U) det(V^H) conj(U) C conj(V^H), where C holds the products of all singular values but
    one: no division, so singular matrices have theirs too (where PyTorch's gradient of the determinant is 0).
    """
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    before = xp.cumulative_prod(s, axis=-1, include_initial=True)[..., :-1]
    after = xp.flip(xp.cumulative_prod(xp.flip(s, axis=-1), axis=-1, include_initial=True)[..., :-1], axis=-1)
    sign = _matrices(xp, xp.linalg.det(u) * xp.linalg.det(vh))
    return sign * ((conj(xp, u) * (before * after)[..., None, :]) @ conj(xp, vh))


def _cofactor(xp: Any, g: Any, x: Any, y: Any) -> Any:
    """For invertible matrices: a singular one raises, or gives inf and nan, by the library's own `inv`."""
    y_conj = conj(xp, y)
    inner = _matrices(xp, xp.sum(g * y_conj, axis=(-2, -1)))
    return (inner * xp.eye(x.shape[-1], **alike(g)) - y_conj @ xp.matrix_transpose(g)) @ adjoint(xp, xp.linalg.inv(x))


op("linalg.cofactor", _cofactor, forward=cofactor)
op("linalg.det", lambda xp, g, x: _matrices(xp, g) * conj(xp, xp.linalg.cofactor(x)), node="LinalgDetBackward0")


def _slogdet(xp: Any, g: Any, x: Any, y: Any) -> Any:
    """d log det A = tr(A^-1 dA), whose real part moves the logarithm and whose imaginary part turns the sign."""
    turn = g[0] * conj(xp, y[0])
    return _matrices(xp, g[1] + (turn - conj(xp, turn)) / 2) * adjoint(xp, xp.linalg.inv(x))


op("linalg.slogdet", _slogdet, outputs="sign logabsdet", node="LinalgSlogdetBackward0")
op("linalg.matrix_rank", None)


# Norms


def _vector_norm(xp: Any, g: Any, x: Any, y: Any, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """The gradient of (sum |x|^p)^(1/p) is sgn(x) (|x| / y)^(p-1); for inf and -inf it is shared among the ties.

    Where the norm is 0 the subgradient 0 is taken, and for p below 1 also at entries that are 0, as PyTorch does.
    """
    if ord == 0:
        return xp.zeros_like(x)
    if not keepdims:
        axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        places = {a % x.ndim for a in axes}
        shape = tuple(1 if i in places else size for i, size in enumerate(x.shape))
        g, y = xp.reshape(g, shape), xp.reshape(y, shape)
    if ord == 1:
        return g * xp.sign(x)
    if ord in (math.inf, -math.inf):
        ties = xp.astype(xp.abs(x) == y, y.dtype)
        return g * xp.sign(x) * (ties / xp.sum(ties, axis=axis, keepdims=True))
    nothing = y == 0
    g, ratio = xp.where(nothing, 0.0, g), x / xp.where(nothing, 1.0, y)
    if ord == 2:
        return g * ratio
    if 1 < ord < 2:
        return g * xp.sign(ratio) * xp.abs(ratio) ** (ord - 1)
    # |x|^(p-2) has no value or no derivative at 0, where for p > 2 the gradient is 0 and flat, and for p < 1 set to 0
    inside = xp.where(x == 0, 1.0, ratio)
    return xp.where(x == 0, 0.0, g * inside * xp.abs(inside) ** (ord - 2))


op("linalg.vector_norm", _vector_norm, node="LinalgVectorNormBackward0")


def _extreme(xp: Any, x: Any, axis: int, largest: bool) -> Any:
    """The largest or the smallest value over an axis, whose gradient is shared evenly among ties."""
    found = (xp.max if largest else xp.min)(x, axis=axis, keepdims=True)
    ties = x == found
    count = xp.sum(xp.astype(ties, x.dtype), axis=axis)
    return xp.sum(xp.where(ties, x, 0.0), axis=axis) / count


@composite("linalg.matrix_norm")
def matrix_norm(xp: Any, x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """The norm of matrices: Frobenius, nuclear, or that of the operator between spaces with norm 1, 2 or inf."""
    if ord is None or ord == "fro":
        return xp.linalg.vector_norm(x, axis=(-2, -1), keepdims=keepdims)
    if ord == "nuc":
        out = xp.sum(xp.linalg.svdvals(x), axis=-1)
    elif ord in (2, -2):
        out = _extreme(xp, xp.linalg.svdvals(x), -1, ord > 0)
    elif ord in (1, -1, math.inf, -math.inf):
        sums = xp.sum(xp.abs(x), axis=-2 if abs(ord) == 1 else -1)
        out = _extreme(xp, sums, -1, ord > 0)
    else:
        raise ValueError(f"linalg.matrix_norm: ord={ord!r} is none of 'fro', 'nuc', 1, -1, 2, -2, inf, -inf")
    return _matrices(xp, out) if keepdims else out
