"""Diagonals as PyTorch spells them: read, embedded, written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import creation, dtypes
from ..namespace import function
from ..op import OPS
from ..tensor import apply, current
from .common import positions, wrap_dim


def _dims(input: Any, dim1: int, dim2: int, extra: int = 0) -> tuple[int, int]:
    a, b = wrap_dim(dim1, input.ndim + extra), wrap_dim(dim2, input.ndim + extra)
    if a == b:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    return a, b


def _length(rows: int, cols: int, offset: int) -> int:
    return max(0, min(rows + min(offset, 0), cols - max(offset, 0)))


def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """The diagonal between two dims, as the last dim; above the main one for a positive `offset`.

    Raises:
        RuntimeError: if the dims are the same.
    """
    dims = _dims(input, dim1, dim2)
    return function("linalg.diagonal")(function("moveaxis")(input, dims, (-2, -1)), offset=offset)


def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """`input` with `src` written on the diagonal between two dims."""
    dims = _dims(input, dim1, dim2)
    moved = function("moveaxis")(input, dims, (0, 1))
    value = function("moveaxis")(src, -1, 0) if src.ndim else src
    step = positions(input, _length(moved.shape[0], moved.shape[1], offset))
    key = (current(step + max(-offset, 0)), current(step + max(offset, 0)))
    return function("moveaxis")(apply(OPS["setitem"], (moved, value), {"key": key}), (0, 1), dims)


def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Zeros with the last dim of `input` on the diagonal between two dims of the result."""
    dims = _dims(input, dim1, dim2, 1)
    n = input.shape[-1] + abs(offset)
    xp = input.__array_namespace__()
    zeros = xp.zeros((*input.shape[:-1], n, n), dtype=input.dtype, device=input.device)
    return function("moveaxis")(diagonal_scatter(zeros, input, offset, -2, -1), (-2, -1), dims)


def diag(input: Any, diagonal: int = 0) -> Any:
    """A matrix with a vector on its diagonal, or the diagonal of a matrix."""
    if input.ndim == 1:
        return diag_embed(input, diagonal)
    if input.ndim != 2:
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return function("linalg.diagonal")(input, offset=diagonal)


def diagflat(input: Any, offset: int = 0) -> Any:
    """A matrix with the elements of `input` on its diagonal."""
    return diag_embed(input.reshape(-1), offset)


def trace(input: Any) -> Any:
    """The sum of the diagonal of a matrix."""
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return diagonal(input).sum()


def _triangle(keep: Callable[[int, int, int], bool], name: str) -> Callable[..., Any]:
    def indices(
        row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None, layout: Any = None
    ) -> Any:
        found = [[i, j] for i in range(row) for j in range(col) if keep(i, j, offset)]
        pairs = [[p[0] for p in found], [p[1] for p in found]]
        return creation.tensor(pairs, dtype=dtype or dtypes.int64, device=device)

    indices.__name__ = indices.__qualname__ = name
    indices.__doc__ = f"Rows and columns of the elements that `{name[:4]}` keeps, row by row: a Tensor of shape (2, n)."
    return indices


tril_indices = _triangle(lambda i, j, offset: j <= i + offset, "tril_indices")
triu_indices = _triangle(lambda i, j, offset: j >= i + offset, "triu_indices")

METHODS = (diagonal, diagonal_scatter, diag_embed, diag, diagflat, trace)
FUNCTIONS: tuple[Callable[..., Any], ...] = (tril_indices, triu_indices)
