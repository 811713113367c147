"""The affine map: a product of matrices with an addend, and the transposed weight that it takes.

`addmm(input, mat1, mat2)` has its arguments in PyTorch's order, so that a graph that is printed shows the bias first.
"""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..op import conj, op


def addmm(xp: Any, input: Any, mat1: Any, mat2: Any, beta: float = 1, alpha: float = 1) -> Any:
    """beta input + alpha mat1 @ mat2, for matrices (n, k) and (k, m), and an input that broadcasts to (n, m).

    Raises:
        RuntimeError: if the shapes do not fit, or the dtypes differ.
    """
    if mat1.ndim != 2 or mat2.ndim != 2 or mat1.shape[1] != mat2.shape[0]:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied "
                           f"({'x'.join(map(str, mat1.shape))} and {'x'.join(map(str, mat2.shape))})")  # fmt: skip
    same_dtype(input=input, mat1=mat1, mat2=mat2)
    if mat1.shape[0] == 1 and xp.backend.compile is not None:  # a compiler would copy the weight that mat2 transposes
        product = xp.matrix_transpose(xp.matrix_transpose(mat2) @ xp.matrix_transpose(mat1))
    else:
        product = mat1 @ mat2
    if alpha != 1:
        product = product * alpha
    product += input if beta == 1 else input * beta
    return product


def same_dtype(name: str = "", /, **arrays: Any) -> None:
    """Refuse arrays of different dtypes, as PyTorch's layers do; `name` is who asks, where nobody else will say.

    Raises:
        RuntimeError: names each argument's dtype.
    """
    present = [a.dtype for a in arrays.values() if a is not None]
    if all(dtype == present[0] for dtype in present):
        return
    given = {name: dtypes.from_native(a.dtype).name for name, a in arrays.items() if a is not None}
    if len(set(given.values())) > 1:
        found = ", ".join(f"{name} {kind}" for name, kind in given.items())
        raise RuntimeError(
            f"{name and name + ': '}expected one dtype for all arguments, but got {found}; convert the input with "
            ".to(dtype), or the module with .double() or .float()"
        )


def _scaled(x: Any, factor: float) -> Any:
    return x if factor == 1 else x * factor


def _mat2_rule(xp: Any, g: Any, mat1: Any, alpha: float = 1) -> Any:
    """As a transpose, so that it lies in memory as the weight does, of which mat2 is the transpose. A matrix of one row
    needs no sums: an outer product of 400 by 120 took three times as long as a matrix product."""
    left, right = xp.matrix_transpose(g), conj(xp, mat1)
    return _scaled(xp.matrix_transpose(left * right if g.shape[0] == 1 else left @ right), alpha)


op("addmm",
   lambda xp, g, beta=1: _scaled(g, beta),
   lambda xp, g, mat2, alpha=1: _scaled(g @ conj(xp, xp.matrix_transpose(mat2)), alpha),
   _mat2_rule,
   args="input mat1 mat2", forward=addmm)  # fmt: skip

op("t", lambda xp, g: xp.t(g), forward=lambda xp, x: xp.matrix_transpose(x) if x.ndim == 2 else x)
