"""Cases of reductions, cumulations and sorting: axes of every kind, ties, zeros among factors."""

from __future__ import annotations

from typing import Any

from . import case, distinct, fixed, real

_AXES: tuple[dict[str, Any], ...] = (
    {}, {"axis": 0}, {"axis": -1, "keepdims": True}, {"axis": (0, -1)}, {"axis": (0, 1, 2)}, {"keepdims": True},
)  # fmt: skip


def _dim(params: dict[str, Any], ndim: int) -> dict[str, Any]:
    """The standard's axis and keepdims in PyTorch's spelling, every axis where none is given."""
    axis = params.get("axis", tuple(range(ndim)))
    return {"dim": axis, "keepdim": params.get("keepdims", False)}


def _prod(x: Any, dim: Any, keepdim: bool) -> Any:
    """PyTorch's prod over several axes: one after another."""
    for axis in sorted((a % 3 for a in (dim if isinstance(dim, tuple) else (dim,))), reverse=True):
        x = x.prod(axis, keepdim=keepdim)
    return x


for _p in _AXES:
    for _name in ("sum", "mean"):
        case(_name, real(2, 3, 4), complex=True, **_p,
             torch=lambda torch, x, f=_name, p=_p: getattr(torch, f)(x, **_dim(p, 3)))  # fmt: skip
    for _name in ("std", "var"):
        for _correction in (0, 1.5):
            case(_name, real(2, 3, 4), correction=_correction, **_p,
                 torch=lambda torch, x, f=_name, p=_p, c=_correction: getattr(torch, f)(x, correction=c, **_dim(p,
                 3)))  # fmt: skip
    for _name in ("max", "min"):
        case(_name, distinct(2, 3, 4), **_p,
             torch=lambda torch, x, f=_name, p=_p: getattr(torch, "a" + f)(x, **_dim(p, 3)))  # fmt: skip
    case("prod", real(2, 3, 4), complex=True, **_p,
         torch=lambda torch, x, p=_p: _prod(x, **_dim(p, 3)))  # fmt: skip


for _name in ("sum", "mean", "max", "min", "prod"):
    _f = "a" + _name if _name in ("max", "min") else _name
    case(_name, real(), torch=lambda torch, x, f=_f: getattr(torch, f)(x), about="0-d")
for _name in ("sum", "prod"):
    case(_name, real(0, 3), axis=0, torch=lambda torch, x, f=_name: getattr(torch, f)(x, 0), about="empty")
case("mean", real(3, 0), axis=0, torch=lambda torch, x: torch.mean(x, 0), about="empty")
for _name in ("max", "min"):
    _tied = fixed([[1.0, 2.0, 2.0], [2.0, 1.0, 1.0]])
    case(_name, _tied, order=1, torch=lambda torch, x, f=_name: getattr(torch, "a" + f)(x), about="a tie")
    case(_name, _tied, axis=1, order=1, torch=lambda torch, x, f=_name: getattr(torch, "a" + f)(x, 1), about="a tie")
case("std", fixed([[1.0, 1.0], [1.0, 3.0]]), axis=1, order=1, torch=lambda torch, x: torch.std(x, 1, correction=0),
     about="no deviation")  # fmt: skip
for _zeros in ([2.0, 0.0, 3.0, 4.0], [2.0, 0.0, 3.0, 0.0], [0.0, 0.0, 0.0, 1.0]):
    _count = f"{_zeros.count(0.0)} zeros"
    case("prod", fixed(_zeros), torch=lambda torch, x: torch.prod(x), about=_count)
    case("cumulative_prod", fixed(_zeros), axis=0, torch=lambda torch, x: torch.cumprod(x, 0), about=_count)

for _name, _theirs in (("cumulative_sum", "cumsum"), ("cumulative_prod", "cumprod")):
    for _axis in (0, -1):
        case(_name, real(3, 5), axis=_axis, complex=True,
             torch=lambda torch, x, f=_theirs, a=_axis: getattr(torch, f)(x, a))  # fmt: skip
    case(_name, real(4), torch=lambda torch, x, f=_theirs: getattr(torch, f)(x, 0), about="no axis")
    case(_name, real(0, 3), axis=0, torch=lambda torch, x, f=_theirs: getattr(torch, f)(x, 0), about="empty")
case("cumulative_sum", real(2, 3), axis=1, include_initial=True,
     torch=lambda torch, x: torch.cat((torch.zeros_like(x[:, :1]), torch.cumsum(x, 1)), 1))  # fmt: skip
case("cumulative_prod", real(2, 3), axis=1, include_initial=True,
     torch=lambda torch, x: torch.cat((torch.ones_like(x[:, :1]), torch.cumprod(x, 1)), 1))  # fmt: skip

for _axis in (0, -1):
    for _down in (False, True):
        case("sort", distinct(4, 3), axis=_axis, descending=_down,
             torch=lambda torch, x, a=_axis, d=_down: torch.sort(x, dim=a, descending=d, stable=True)[0])  # fmt: skip
case("sort", fixed([2.0, 1.0, 2.0, 1.0]), order=1, torch=lambda torch, x: torch.sort(x, stable=True)[0], about="a tie")
case("sort", real(0), torch=lambda torch, x: torch.sort(x)[0], about="empty")
