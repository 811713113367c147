"""Power iteration: the largest singular value of a matrix, and its vectors, better with each step."""

from __future__ import annotations

from typing import Any

from ...modes import no_grad
from ...views import write
from .. import functional as F


def as_matrix(weight: Any, dim: int) -> Any:
    """A weight with axis `dim` as rows, and everything else as columns."""
    if dim:
        others = [d for d in range(weight.ndim) if d != dim]
        weight = weight.__array_namespace__().permute_dims(weight, (dim, *others))
    return weight.reshape((weight.shape[0], -1))


def iterate(matrix: Any, u: Any, v: Any, steps: int, eps: float) -> None:
    """Bring `u` and `v` nearer to the singular vectors of the largest value, in place."""
    with no_grad():
        xp = matrix.__array_namespace__()
        for _ in range(steps):
            write(u, F.normalize(xp.matmul(matrix, v), dim=0, eps=eps))
            write(v, F.normalize(xp.matmul(xp.matrix_transpose(matrix), u), dim=0, eps=eps))
