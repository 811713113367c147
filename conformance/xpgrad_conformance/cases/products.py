"""Cases of matrix products: every pair of ranks, and broadcasting over the batch."""

from __future__ import annotations

from . import case, real

_SHAPES = (
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3,)), ((3,), (5, 3, 2)),
    ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((1, 5, 2, 3), (4, 1, 3, 2)), ((5, 2, 3), (1, 3,
    4)),
    ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0,), (0,)), ((4, 0, 3), (3, 2)),
)  # fmt: skip
for _a, _b in _SHAPES:
    case("matmul", real(*_a), real(*_b), torch=lambda torch, a, b: torch.matmul(a, b), complex=True)

for _axes in (0, 1, 2):
    case("tensordot", real(2, 3, 4), real(*(4,), 3) if _axes < 2 else real(3, 4, 2), axes=_axes, complex=True,
         torch=lambda torch, a, b, n=_axes: torch.tensordot(a, b, n))  # fmt: skip
case("tensordot", real(2, 3, 4), real(4, 2, 5), axes=((0, -1), (1, 0)), complex=True,
     torch=lambda torch, a, b: torch.einsum("ijk,kil->jl", a, b))  # fmt: skip

case("vecdot", real(2, 3), real(2, 3), torch=lambda torch, a, b: torch.linalg.vecdot(a, b), complex=True)
case("vecdot", real(3), real(4, 2, 3), torch=lambda torch, a, b: torch.linalg.vecdot(a, b), complex=True,
     about="broadcast")  # fmt: skip
case("vecdot", real(3, 2), real(3, 2), axis=-2, torch=lambda torch, a, b: torch.linalg.vecdot(a, b, dim=-2))
case("vecdot", real(0), real(0), torch=lambda torch, a, b: torch.linalg.vecdot(a, b), about="empty")
