"""Cases of the linalg extension.

A decomposition reads one triangle of its matrix or is unique up to signs and phases only: such an op is called on a
matrix made symmetric, and what is compared does not see signs, phases or the order of eigenvalues.
"""

from __future__ import annotations

import math
from typing import Any

from . import case, distinct, fixed, positive, real, spd


def adjoint(xp: Any, x: Any) -> Any:
    """The conjugate transpose in the standard's words."""
    x = xp.matrix_transpose(x)
    return xp.conj(x) if xp.isdtype(x.dtype, "complex floating") else x


def hermitian(xp: Any, x: Any) -> Any:
    """The Hermitian part in the standard's words."""
    return (x + adjoint(xp, x)) / 2


def flat(xp: Any, *parts: Any) -> Any:
    """All parts in one axis, in words that PyTorch shares with the standard."""
    return xp.concat([xp.reshape(part, (-1,)) for part in parts])


shape: tuple[int, ...]
ord: Any

# Products
for shapes, axis in (((3,), (3,)), -1), (((2, 3), (3,)), -1), (((4, 1, 3), (2, 3)), -1), (((3, 2), (3, 2)), -2):
    case("linalg.cross", real(*shapes[0]), real(*shapes[1]), axis=axis, complex=True,
         torch=lambda torch, a, b, d=axis: torch.linalg.cross(*torch.broadcast_tensors(a, b), dim=d))  # fmt: skip
case("linalg.outer", real(3), real(4), complex=True, torch=lambda torch, a, b: torch.outer(a, b))
case("linalg.outer", real(0), real(4), torch=lambda torch, a, b: torch.outer(a, b))
for n in (0, 1, 2, 5, -1, -3):
    case("linalg.matrix_power", real(2, 3, 3), complex=True, order=2 if n else 0, about=f"power {n}",
         call=lambda xp, x, n=n: xp.linalg.matrix_power(x, n),
         torch=lambda torch, x, n=n: torch.linalg.matrix_power(x, n))  # fmt: skip
case("linalg.matmul", real(2, 3), real(3, 2), complex=True, torch=lambda torch, a, b: a @ b)
case("linalg.matrix_transpose", real(2, 3), complex=True, torch=lambda torch, x: x.mT)
case("linalg.tensordot", real(2, 3), real(3, 2), axes=1, complex=True,
     torch=lambda torch, a, b: torch.tensordot(a, b, dims=1))  # fmt: skip
case("linalg.vecdot", real(2, 3), real(2, 3), complex=True, torch=lambda torch, a, b: torch.linalg.vecdot(a, b))

# Diagonals
for shape, offset in ((2, 3, 3), 0), ((3, 5), 1), ((2, 5, 3), -2), ((3, 4), 3), ((4, 2), 1), ((2, 2), 5), ((0, 3), 0):
    case("linalg.diagonal", real(*shape), offset=offset, complex=True,
         torch=lambda torch, x, k=offset: torch.diagonal(x, offset=k, dim1=-2, dim2=-1))  # fmt: skip
    case("linalg.trace", real(*shape), offset=offset, complex=True,
         torch=lambda torch, x, k=offset: torch.diagonal(x, offset=k, dim1=-2, dim2=-1).sum(-1))  # fmt: skip

# Inverses and determinants
for shape in (3, 3), (2, 1, 2, 2), (1, 1), (2, 0, 0):
    empty = shape[-1] == 0
    about = "empty" if empty else ""
    case("linalg.inv", real(*shape), complex=not empty, torch=lambda torch, x: torch.linalg.inv(x), about=about)
    case("linalg.det", real(*shape), complex=not empty, torch=lambda torch, x: torch.linalg.det(x), about=about)
    case("linalg.slogdet", real(*shape), complex=not empty, torch=lambda torch, x: torch.linalg.slogdet(x),
         compare=lambda xp, out: out[0] * out[1], about=about)  # fmt: skip
case("linalg.cofactor", real(2, 3, 3), complex=True, torch=lambda torch, x: torch.linalg.det(x)[..., None, None]
     * torch.linalg.inv(x).mT)  # fmt: skip
case("linalg.det", fixed([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]), order=1,
     about="singular, where PyTorch's gradient is 0")  # fmt: skip
case("linalg.det", fixed([[0.0, 0.0], [0.0, 0.0]]), order=1, about="zero", torch=lambda torch, x: torch.linalg.det(x))
_SYSTEMS = (((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (3, 2)), ((2, 1, 3, 3), (4, 3, 1)), ((2, 3, 3), (3,)),
            ((0, 0), (0, 2)))  # fmt: skip
for a, b in _SYSTEMS:
    case("linalg.solve", real(*a), real(*b), complex=0 not in a, torch=lambda torch, a, b: (
        torch.linalg.solve(a, b[:, None])[..., 0] if b.ndim == 1 else torch.linalg.solve(a, b)))  # fmt: skip
for shape in (3, 3), (2, 4, 3), (2, 3), (0, 3):
    case("linalg.pinv", real(*shape), complex=0 not in shape, torch=lambda torch, x: torch.linalg.pinv(x))
case("linalg.matrix_rank", real(2, 4, 3), torch=lambda torch, x: torch.linalg.matrix_rank(x), order=0)

# Norms
for ord in (2, 1, 3, 0.5, 1.5, 2.5, 0, -1, -2, math.inf, -math.inf):
    for shape, how in ((4,), {}), ((3, 4), {"axis": -1, "keepdims": True}), ((2, 3, 2), {"axis": (0, -1)}):
        case("linalg.vector_norm", distinct(*shape), ord=ord, complex=True, **how, order=2 if ord else 0,
             torch=lambda torch, x, p=ord, how=how: (
                 torch.linalg.vector_norm(x, ord=p, dim=how.get("axis"), keepdim="keepdims" in how)))  # fmt: skip
case("linalg.vector_norm", distinct(3, 2), ord=0, complex=True, order=1, about="constant")  # PyTorch has no gradient
for ord in (2, 1, 3, math.inf):
    case("linalg.vector_norm", fixed([0.0, 0.0, 0.0]), ord=ord, order=0, about="zero",
         torch=lambda torch, x, p=ord: torch.linalg.vector_norm(x, ord=p))  # fmt: skip
case("linalg.vector_norm", fixed([1.0, 0.0, -2.0, 3.0]), ord=3, about="an entry of 0",
     torch=lambda torch, x: torch.linalg.vector_norm(x, ord=3))  # fmt: skip
for ord in ("fro", "nuc", 1, -1, 2, -2, math.inf, -math.inf):
    for shape, keepdims in ((3, 3), False), ((2, 4, 3), True), ((2, 3), False):
        case("linalg.matrix_norm", distinct(*shape), ord=ord, keepdims=keepdims, complex=True,
             torch=lambda torch, x, p=ord, k=keepdims: torch.linalg.matrix_norm(x, ord=p, keepdim=k))  # fmt: skip

# Triangular factors
for upper in (False, True):
    for shape in (3, 3), (2, 2, 2):
        case("linalg.cholesky", spd(*shape), upper=upper, complex=True,
             call=lambda xp, x, u=upper: xp.linalg.cholesky(hermitian(xp, x), upper=u),
             torch=lambda torch, x, u=upper: torch.linalg.cholesky((x + x.mH) / 2, upper=u))  # fmt: skip
for shape, mode in [((3, 3), "reduced"), ((2, 4, 3), "reduced"), ((2, 3, 5), "reduced"), ((2, 3), "complete"),
                    ((2, 2), "complete")]:  # fmt: skip
    # R has a real diagonal, so signs are all that is free, and squares do not see them
    case("linalg.qr", real(*shape), mode=mode, complex=True, torch=lambda torch, x, m=mode: torch.linalg.qr(x, mode=m),
         compare=lambda xp, out: flat(xp, out[0] * out[0], out[1] * out[1]))  # fmt: skip

# Eigenvalues and eigenvectors
for shape in (3, 3), (2, 3, 3), (1, 1):
    case("linalg.eigh", real(*shape), complex=True, call=lambda xp, x: xp.linalg.eigh(hermitian(xp, x)),
         torch=lambda torch, x: torch.linalg.eigh((x + x.mH) / 2),
         compare=lambda xp, out: flat(xp, out[0], xp.abs(out[1]) ** 2))  # fmt: skip
    case("linalg.eigvalsh", real(*shape), complex=True, call=lambda xp, x: xp.linalg.eigvalsh(hermitian(xp, x)),
         torch=lambda torch, x: torch.linalg.eigvalsh((x + x.mH) / 2))  # fmt: skip
    case("linalg.eig", real(*shape), complex=True, torch=lambda torch, x: torch.linalg.eig(x),
         compare=lambda xp, out: xp.sum(xp.abs(out[0])[..., None, :] * xp.abs(out[1]) ** 2, axis=-1))  # fmt: skip
    case("linalg.eigvals", real(*shape), complex=True, torch=lambda torch, x: torch.linalg.eigvals(x),
         compare=lambda xp, out: flat(xp, xp.sum(out**2, axis=-1), xp.sum(out**3, axis=-1)))  # fmt: skip
case("linalg.eigvalsh", fixed([[2.0, 0.0], [0.0, 2.0]]), order=1, about="equal eigenvalues, their sum",
     compare=lambda xp, out: xp.sum(out), call=lambda xp, x: xp.linalg.eigvalsh(hermitian(xp, x)),
     torch=lambda torch, x: torch.linalg.eigvalsh((x + x.mH) / 2))  # fmt: skip

# Singular values and vectors
for shape in (3, 3), (2, 4, 2), (2, 4):
    for full in (False, True):
        case("linalg.svd", real(*shape), full_matrices=full, complex=True, about="vectors without phases",
             torch=lambda torch, x, f=full: torch.linalg.svd(x, full_matrices=f),
             compare=lambda xp, out: flat(xp, xp.abs(out[0][..., : out[1].shape[-1]]) ** 2, out[1],
                                          xp.abs(out[2][..., : out[1].shape[-1], :]) ** 2))  # fmt: skip
    case("linalg.svd", real(*shape), full_matrices=False, complex=True, about="the three together",
         torch=lambda torch, x: torch.linalg.svd(x, full_matrices=False),
         compare=lambda xp, out: (out[0] * out[1][..., None, :] ** 2) @ out[2])  # fmt: skip
    case("linalg.svdvals", real(*shape), complex=True, torch=lambda torch, x: torch.linalg.svdvals(x))
# PyTorch leaves out what the surplus columns contribute
case("linalg.svd", real(4, 2), full_matrices=True, complex=True, about="surplus columns",
     compare=lambda xp, out: xp.sum(xp.abs(out[0][..., 2:]) ** 2, axis=-1))  # fmt: skip
case("linalg.svdvals", fixed([[2.0, 0.0], [0.0, 2.0]]), order=1, about="equal singular values, their sum",
     compare=lambda xp, out: xp.sum(out), torch=lambda torch, x: torch.linalg.svdvals(x))  # fmt: skip
case("linalg.eigvalsh", positive(0, 0), torch=lambda torch, x: torch.linalg.eigvalsh(x), about="empty")
