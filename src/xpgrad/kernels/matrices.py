"""The exponential of matrices, which the standard lacks: scaling, a Padé approximant, and squaring.

N. Higham, "The scaling and squaring method for the matrix exponential revisited" (2005), with the
approximant of degree 7. Its gradient is the exponential of a matrix of twice the size, so every order of gradient is
there.
"""

from __future__ import annotations

import math
from typing import Any

from ..op import op
from ..rules.linalg import adjoint, alike
from .host import waits

_PADE = (17297280.0, 8648640.0, 1995840.0, 277200.0, 25200.0, 1512.0, 56.0, 1.0)
_REACH = 0.95  # the 1-norm up to which the approximant is exact to double precision
_MOST = 24  # squarings where the norm cannot be looked at; beyond 2^24 the answer is nan there


def matrix_exp(xp: Any, x: Any) -> Any:
    """exp(A) = I + A + A² / 2 + ... of square matrices; of (..., n, n) the same shape."""
    native, n = xp.native, x.shape[-1]
    if math.prod(x.shape) == 0:
        return x
    norm = native.max(native.sum(native.abs(x), axis=-2), axis=-1)
    known = native.isfinite(norm)
    halvings = native.ceil(native.log2(native.where(known & (norm > _REACH), norm / _REACH, native.ones_like(norm))))
    count = _MOST if waits(xp, x) else int(native.max(halvings))
    known = native.reshape(known & (halvings <= count), (*norm.shape, 1, 1))
    halvings = native.reshape(halvings, (*norm.shape, 1, 1))
    x = x * native.pow(native.full_like(halvings, 0.5), halvings)
    one = native.eye(n, **alike(x))
    square = native.matmul(x, x)
    fourth = native.matmul(square, square)
    sixth = native.matmul(fourth, square)
    b = _PADE
    odd = native.matmul(x, b[7] * sixth + b[5] * fourth + b[3] * square + b[1] * one)
    even = b[6] * sixth + b[4] * fourth + b[2] * square + b[0] * one
    out = native.linalg.solve(even - odd, even + odd)
    for step in range(count, 0, -1):  # those with fewer halvings start later
        out = native.where(halvings >= step, native.matmul(out, out), out)
    return native.where(known, out, native.full_like(out, math.nan))


def _matrix_exp(xp: Any, g: Any, x: Any) -> Any:
    """The upper right block of exp([[A^H, g], [0, A^H]])."""
    n, a = x.shape[-1], adjoint(xp, x)
    above, below = xp.concat([a, g], axis=-1), xp.concat([xp.zeros_like(a), a], axis=-1)
    return xp.linalg.matrix_exp(xp.concat([above, below], axis=-2))[..., :n, n:]


op("linalg.matrix_exp", _matrix_exp, forward=matrix_exp, floats=True, node="LinalgMatrixExpBackward0")
