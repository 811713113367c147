"""Matrix products of the main namespace, with every broadcast that the standard allows.

One matrix product gives each gradient of another. An argument with one axis is a row on the left and a column on the
right; its gradient comes out with the batch in front, which the walk sums away as it does any broadcast.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from ..op import composite, conj, op


def _adjoint(xp: Any, x: Any) -> Any:
    """The conjugate transpose of matrices."""
    return xp.matrix_transpose(conj(xp, x))


def _left(xp: Any, g: Any, x2: Any, x1_shape: Any) -> Any:
    """g x2*, with g as a row where x1 is one, and an outer product where x2 is a column."""
    if len(x2.shape) == 1:
        return (xp.expand_dims(g, axis=-1) if len(x1_shape) > 1 else g) * conj(xp, x2)
    if len(x1_shape) == 1:
        return xp.squeeze(xp.expand_dims(g, axis=-2) @ _adjoint(xp, x2), axis=-2)
    return g @ _adjoint(xp, x2)


def _right(xp: Any, g: Any, x1: Any, x2_shape: Any) -> Any:
    """x1* g, with g as a column where x2 is one, and an outer product where x1 is a row."""
    if len(x1.shape) == 1:
        row = conj(xp, x1)
        return row * g if len(x2_shape) == 1 else xp.expand_dims(row, axis=-1) * xp.expand_dims(g, axis=-2)
    if len(x2_shape) == 1:
        g = xp.expand_dims(g, axis=-1)
    if len(x2_shape) <= 2 and len(x1.shape) > 2:  # one product over the whole batch, in place of one each and a sum
        rows = math.prod(x1.shape[:-1])
        x1, g = xp.reshape(x1, (rows, x1.shape[-1])), xp.reshape(g, (rows, g.shape[-1]))
    product = _adjoint(xp, x1) @ g
    return xp.squeeze(product, axis=-1) if len(x2_shape) == 1 else product


op("matmul", _left, _right, operator=operator.matmul, promotes=True, node="MmBackward0")
op("matrix_transpose", lambda xp, g: xp.matrix_transpose(g), node="TransposeBackward0")
# conj(x1) x2 is not holomorphic in x1, hence conj(g) there
op("vecdot", lambda xp, g, x2, axis=-1: xp.expand_dims(conj(xp, g), axis=axis) * x2,
             lambda xp, g, x1, axis=-1: xp.expand_dims(g, axis=axis) * x1,
   promotes=True, node="LinalgVecdotBackward0")  # fmt: skip


@composite("tensordot")
def tensordot(xp: Any, x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """The sum of products over pairs of axes: the last `axes` of x1 and the first of x2, or two lists of axes.

    Raises:
        ValueError: if the lists, or the extents of two paired axes, differ.
    """
    n1, n2 = len(x1.shape), len(x2.shape)
    if isinstance(axes, int):
        if not 0 <= axes <= min(n1, n2):
            raise ValueError(f"tensordot: axes={axes} does not fit arrays of {n1} and {n2} axes")
        axes = (range(n1 - axes, n1), range(axes))
    over1, over2 = ([a % n for a in side] for side, n in zip(axes, (n1, n2), strict=True))
    if [x1.shape[a] for a in over1] != [x2.shape[a] for a in over2]:
        raise ValueError(f"tensordot: the extents of axes {over1} of shape {tuple(x1.shape)} and of axes {over2} of "
                         f"shape {tuple(x2.shape)} differ; pair axes of equal extent")  # fmt: skip
    free1 = [a for a in range(n1) if a not in over1]
    free2 = [a for a in range(n2) if a not in over2]
    kept = [x1.shape[a] for a in free1], [x2.shape[a] for a in free2]
    inner = math.prod(x1.shape[a] for a in over1)
    left = xp.reshape(xp.permute_dims(x1, (*free1, *over1)), (math.prod(kept[0]), inner))
    right = xp.reshape(xp.permute_dims(x2, (*over2, *free2)), (inner, math.prod(kept[1])))
    return xp.reshape(left @ right, (*kept[0], *kept[1]))
