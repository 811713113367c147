"""``xpgrad.linalg``: linear algebra as PyTorch spells it, on the standard's functions.

Matrices are the last two dims, and everything before them is a batch. Gradients are those of the standard's functions,
whose formulas are in `rules.linalg` and `rules.decompositions`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from . import dtypes
from .namespace import function
from .op import conj
from .tensor import Tensor, current
from .torch_names import factors
from .torch_names.common import results, wrap_dim
from .torch_names.diagonals import diagonal as _diagonal
from .torch_names.factors import adjoint
from .torch_names.norms import cond as cond
from .torch_names.norms import matrix_norm as matrix_norm
from .torch_names.norms import norm as norm
from .torch_names.norms import vector_norm as vector_norm


def _square(name: str, A: Any) -> None:
    if A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        raise RuntimeError(f"linalg.{name}: A must be batches of square matrices, but they are "
                           f"{' by '.join(map(str, A.shape[-2:]))} matrices")  # fmt: skip


def _matrix(name: str, A: Any) -> None:
    if A.ndim < 2:
        raise RuntimeError(f"linalg.{name}: The input tensor A must have at least 2 dimensions.")


def _info(A: Any) -> Any:
    """No errors, for each matrix."""
    return A.__array_namespace__().zeros(tuple(A.shape[:-2]), dtype=dtypes.int32, device=A.device)


def _of_square(name: str, doc: str) -> Callable[..., Any]:
    def f(A: Any) -> Any:
        _square(name, A)
        return function(f"linalg.{name}")(A)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = doc
    return f


inv = _of_square("inv", "The inverse of square matrices.")
det = _of_square("det", "The determinant of square matrices.")
eigvals = _of_square("eigvals", "The eigenvalues of square matrices, complex and in no order.")
matrix_exp = _of_square("matrix_exp", "The exponential of square matrices.")


def inv_ex(A: Any, *, check_errors: bool = False) -> Any:
    """The inverse, and 0 for each matrix as `info`; a singular matrix raises or gives inf and nan, as the library
    does.
    """
    return results("linalg_inv_ex", "inverse info")(inv(A), _info(A))


def slogdet(A: Any) -> Any:
    """The sign of the determinant, and the logarithm of its absolute value."""
    _square("slogdet", A)
    return results("linalg_slogdet", "sign logabsdet")(*function("linalg.slogdet")(A))


def cholesky(A: Any, *, upper: bool = False) -> Any:
    """L with ``A = L L^H``, lower triangular; with `upper`, L^H."""
    _square("cholesky", A)
    return function("linalg.cholesky")(A, upper=upper)


def cholesky_ex(A: Any, *, upper: bool = False, check_errors: bool = False) -> Any:
    """Cholesky's factor, and 0 for each matrix as `info`; a matrix that is not positive-definite fails as the
    library does.
    """
    return results("linalg_cholesky_ex", "L info")(cholesky(A, upper=upper), _info(A))


def _read(A: Any, UPLO: str) -> Any:
    """The matrix whose lower triangle is to be read."""
    if UPLO not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return A if UPLO == "L" else adjoint(A)


def eig(A: Any) -> Any:
    """Eigenvalues and eigenvectors of square matrices, complex."""
    _square("eig", A)
    return results("linalg_eig", "eigenvalues eigenvectors")(*function("linalg.eig")(A))


def eigh(A: Any, UPLO: str = "L") -> Any:
    """Eigenvalues, ascending, and eigenvectors of Hermitian matrices, of which one triangle is read."""
    _square("eigh", A)
    return results("linalg_eigh", "eigenvalues eigenvectors")(*function("linalg.eigh")(_read(A, UPLO)))


def eigvalsh(A: Any, UPLO: str = "L") -> Any:
    """The eigenvalues, ascending, of Hermitian matrices, of which one triangle is read."""
    _square("eigvalsh", A)
    return function("linalg.eigvalsh")(_read(A, UPLO))


def qr(A: Any, mode: str = "reduced") -> Any:
    """``A = Q R``, Q with orthonormal columns and R upper triangular; Q is empty in the mode "r"."""
    _matrix("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    Q, R = function("linalg.qr")(A, mode="reduced" if mode == "r" else mode)
    return results("linalg_qr", "Q R")(Q.new_zeros(0) if mode == "r" else Q, R)


def svd(A: Any, full_matrices: bool = True, *, driver: str | None = None) -> Any:
    """``A = U diag(S) Vh``, S descending."""
    _matrix("svd", A)
    return results("linalg_svd", "U S Vh")(*function("linalg.svd")(A, full_matrices=full_matrices))


def svdvals(A: Any, *, driver: str | None = None) -> Any:
    """The singular values, descending."""
    _matrix("svdvals", A)
    return function("linalg.svdvals")(A)


# -- products --


def matrix_power(A: Any, n: int) -> Any:
    """The n-th power of square matrices; of the inverse if n is negative."""
    _square("matrix_power", A)
    return function("linalg.matrix_power")(A, n)


def matmul(input: Any, other: Any) -> Any:
    """The product of matrices."""
    return function("matmul")(input, other)


def cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """The cross product along `dim`, of length 3."""
    if input.shape[dim] != 3 or other.shape[dim] != 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[dim]} and {other.shape[dim]}"
        )
    a, b = function("broadcast_arrays")(input, other)
    return function("linalg.cross")(a, b, axis=wrap_dim(dim, input.ndim) - input.ndim)


def vecdot(x: Any, y: Any, *, dim: int = -1) -> Any:
    """Sums of products along `dim`, x conjugated."""
    a, b = function("broadcast_arrays")(x, y)
    return function("vecdot")(a, b, axis=wrap_dim(dim, a.ndim) - a.ndim)


def diagonal(A: Any, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """The diagonal of matrices."""
    return _diagonal(A, offset, dim1, dim2)


def multi_dot(tensors: Any) -> Any:
    """The product of matrices in the cheapest order; the first may be a row and the last a column."""
    given = list(tensors)
    if len(given) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(given)}")
    first, last = given[0].ndim == 1, given[-1].ndim == 1
    given[0] = given[0].reshape(1, -1) if first else given[0]
    given[-1] = given[-1].reshape(-1, 1) if last else given[-1]
    n, sizes = len(given), [given[0].shape[0], *(t.shape[1] for t in given)]
    cost: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(n)}
    for width in range(1, n):
        for i in range(n - width):
            j = i + width
            cost[i, j] = min(
                (cost[i, k][0] + cost[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Any:
        return given[i] if i == j else product(i, cost[i, j][1]) @ product(cost[i, j][1] + 1, j)

    out = product(0, n - 1)
    out = out[0] if first else out
    return out[..., 0] if last else out


def vander(x: Any, N: int | None = None) -> Any:
    """The powers 0 ... N-1 of each element, in a new last dim."""
    if N is not None and N <= 1:
        raise RuntimeError("N must be greater than 1.")
    x = x.reshape(1) if x.ndim == 0 else x
    xp, n = x.__array_namespace__(), x.shape[-1] if N is None else N
    x = x.to(dtypes.int64) if dtypes.rank(x.dtype) < 2 else x
    spread = xp.broadcast_to(xp.expand_dims(x, axis=-1), (*x.shape, n - 1))
    return xp.cumulative_prod(spread, axis=-1, include_initial=True)


# -- ranks --


def _bound(A: Any, largest: Any, atol: Any, rtol: Any) -> Any:
    """Below what a singular value counts as 0."""
    xp = A.__array_namespace__()
    if rtol is None:
        rtol = 0.0 if atol is not None and _positive(atol) else xp.finfo(A.dtype).eps * max(A.shape[-2:])
    bounds = [_raised(t) for t in (0.0 if atol is None else atol, rtol)]
    low, scaled = bounds[0], bounds[1] * largest
    return xp.maximum(scaled, low) if isinstance(low, Tensor) or low else scaled


def _positive(tol: Any) -> bool:
    return bool((tol > 0).any()) if isinstance(tol, Tensor) else tol > 0


def _raised(tol: Any) -> Any:
    """A tolerance for each matrix, beside its singular values."""
    return function("expand_dims")(tol, axis=-1) if isinstance(tol, Tensor) else tol


def matrix_rank(A: Any, tol: Any = None, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    """How many singular values are above max(atol, rtol times the largest); `tol` is an absolute bound."""
    xp = A.__array_namespace__()
    if 0 in A.shape[-2:]:
        return xp.zeros(tuple(A.shape[:-2]), dtype=dtypes.int64, device=A.device)
    A = A.detach()
    values = xp.abs(function("linalg.eigvalsh")(A)) if hermitian else function("linalg.svdvals")(A)
    bound = _bound(
        A, xp.max(values, axis=-1, keepdims=True), atol if tol is None else tol, 0.0 if tol is not None else rtol
    )
    return (values > bound).sum(-1)


def pinv(A: Any, rcond: Any = None, *, atol: Any = None, rtol: Any = None, hermitian: bool = False) -> Any:
    """The pseudo-inverse, singular values below max(atol, rtol times the largest) taken as 0."""
    _matrix("pinv", A)
    xp, rtol = A.__array_namespace__(), rtol if rcond is None else rcond
    if 0 in A.shape:
        return xp.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]), dtype=A.dtype, device=A.device) + 0 * xp.sum(A)
    if hermitian:  # one triangle is read; the gradient is that of the whole matrix, as in PyTorch
        lower = A.detach()
        whole = xp.tril(lower) + adjoint(xp.tril(lower, k=-1))
        A = A + (whole - lower)
    largest = xp.max(function("linalg.svdvals")(A.detach()), axis=-1, keepdims=True)
    bound = _bound(A, largest, atol, rtol) / xp.where(largest == 0, xp.ones_like(largest), largest)
    return function("linalg.pinv")(A, rtol=current(bound[..., 0]))


# -- equations --


def solve(A: Any, B: Any, *, left: bool = True) -> Any:
    """X with ``A X = B``, or ``X A = B``; B is a batch of vectors if it has one dim or the shape of A without the
    last one.

    Raises:
        RuntimeError: if A is not square, or the shapes do not fit.
    """
    _square("solve", A)
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    rows = B.shape[-1] if vector else B.shape[-2 if left else -1]
    if rows != A.shape[-1]:
        raise RuntimeError(f"linalg.solve: Incompatible shapes of A and B for the equation "
                           f"{'AX = B' if left else 'XA = B'} "
                           f"({'x'.join(map(str, A.shape[-2:]))} and {'x'.join(map(str, B.shape[-2:]))})")  # fmt: skip
    if vector:
        return solve(A, function("expand_dims")(B, axis=-1))[..., 0]
    if not left:
        return solve(A.mT, B.mT).mT
    return function("linalg.solve")(A, B)


def solve_ex(A: Any, B: Any, *, left: bool = True, check_errors: bool = False) -> Any:
    """The solution, and 0 for each matrix as `info`; a singular matrix raises or gives inf and nan, as the library
    does.
    """
    return results("linalg_solve_ex", "result info")(solve(A, B, left=left), _info(A))


def solve_triangular(A: Any, B: Any, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Any:
    """X with ``A X = B``, or ``X A = B``, for triangular A, of which the other triangle is not read."""
    _square("solve_triangular", A)
    xp = A.__array_namespace__()
    A = (xp.triu if upper else xp.tril)(A, k=(1 if upper else -1) * unitriangular)
    A = A + factors.eye(A.shape[-2], A.shape[-1], A) if unitriangular else A
    return function("linalg.solve")(A, B) if left else function("linalg.solve")(A.mT, B.mT).mT


def lstsq(A: Any, B: Any, rcond: float | None = None, *, driver: str | None = None) -> Any:
    """X with the least |A X - B|, of all those the smallest; with it `residuals`, `rank` and `singular_values`.

    As in PyTorch, the rank is there for all drivers but "gels", singular values for "gelsd" and "gelss", and residuals
    for more rows than columns: with "gels", and with those two where all have full rank.
    """
    _matrix("lstsq", A)
    xp, (m, n) = A.__array_namespace__(), A.shape[-2:]
    driver = driver or "gelsy"
    vector = B.ndim == 1 or (B.ndim == A.ndim - 1 and B.shape == A.shape[:-1])
    columns = function("expand_dims")(B, axis=-1) if vector else B
    X = pinv(A, rtol=rcond) @ columns
    empty = xp.zeros((0,), dtype=A.dtype.to_real(), device=A.device)
    rank = empty.to(dtypes.int64)
    full = driver == "gels"
    if not full:
        rank = matrix_rank(A, rtol=rcond)
        full = driver != "gelsy" and bool((rank == n).all())
    left_over = A @ X - columns
    squares = xp.real(conj(xp, left_over) * left_over) if A.dtype.is_complex else left_over * left_over
    residuals = squares.sum(-2) if full and m > n else empty
    values = svdvals(A) if driver in ("gelsd", "gelss") else empty
    return results("linalg_lstsq", "solution residuals rank singular_values")(
        X[..., 0] if vector else X, residuals[..., 0] if vector and full and m > n else residuals, rank, values
    )


def tensorinv(A: Any, ind: int = 2) -> Any:
    """The inverse of A as a map from its last dims to its first `ind`."""
    rows = math.prod(A.shape[:ind])
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    if rows != math.prod(A.shape[ind:]):
        raise RuntimeError(f"Expected self to satisfy the requirement prod(self.shape[ind:]) == "
                           f"prod(self.shape[:ind]), but got "
                           f"{math.prod(A.shape[ind:])} != {rows}")  # fmt: skip
    return inv(A.reshape(rows, rows)).reshape(*A.shape[ind:], *A.shape[:ind])


def tensorsolve(A: Any, B: Any, dims: Any = None) -> Any:
    """X with ``tensordot(A, X, X.ndim) = B``; `dims` of A are moved to the end first."""
    if dims is not None:
        A = function("moveaxis")(A, tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    out, size = tuple(A.shape[B.ndim :]), math.prod(B.shape)
    if math.prod(out) != size:
        raise RuntimeError("Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
                           "prod(self.shape[:other.ndim]), "
                           f"but got {math.prod(out)} != {size}")  # fmt: skip
    return solve(A.reshape(size, size), B.reshape(size)).reshape(out)


# -- LU and Householder --


def lu_factor(A: Any, *, pivot: bool = True) -> Any:
    """L and U in one matrix, and the pivots: which row each row was exchanged with, from 1 on."""
    _matrix("lu_factor", A)
    return results("linalg_lu_factor", "LU pivots")(*factors.eliminated(A, pivot)[:2])


def lu_factor_ex(A: Any, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """`lu_factor`, and as `info` the number of the first pivot that is 0, or 0."""
    packed, pivots = lu_factor(A, pivot=pivot)
    xp, zero = A.__array_namespace__(), function("linalg.diagonal")(packed.detach()) == 0
    if 0 in zero.shape:
        return results("linalg_lu_factor_ex", "LU pivots info")(packed, pivots, _info(A))
    first = xp.argmax(zero.to(dtypes.int32), axis=-1) + 1
    return results("linalg_lu_factor_ex", "LU pivots info")(packed, pivots, (first * zero.any(-1)).to(dtypes.int32))


def lu(A: Any, *, pivot: bool = True) -> Any:
    """``A = P L U``: a permutation, a lower triangular matrix with ones on the diagonal, and an upper triangular
    one.
    """
    _matrix("lu", A)
    packed, _, order = factors.eliminated(A, pivot)
    return results("linalg_lu", "P L U")(factors.permutation(order, A), *factors.triangles(packed))


def lu_solve(LU: Any, pivots: Any, B: Any, *, left: bool = True, adjoint: bool = False) -> Any:
    """X with ``A X = B``, or ``X A = B``, for A or its adjoint, from what `lu_factor` returned."""
    lower, upper = factors.triangles(LU)
    A = factors.permutation(factors.rows_of(pivots, LU.shape[-2]), LU) @ lower @ upper
    A = factors.adjoint(A) if adjoint else A
    return function("linalg.solve")(A, B) if left else function("linalg.solve")(A.mT, B.mT).mT


def householder_product(A: Any, tau: Any) -> Any:
    """The first columns of the product of the reflections that `geqrf` left in A and tau."""
    m, n = A.shape[-2:]
    if m < n or tau.shape[-1] > n:
        raise RuntimeError("torch.linalg.householder_product: input.shape[-2] must be greater than or equal to "
                           "input.shape[-1], "
                           "and input.shape[-1] to tau.shape[-1]")  # fmt: skip
    return factors.reflected(A, tau, factors.eye(m, n, A))
