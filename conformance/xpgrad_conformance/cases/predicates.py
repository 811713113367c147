"""Ops without a gradient: comparisons, logic, bits, searches and sets. They are compared in their values alone."""

from __future__ import annotations

from typing import Any

from . import booleans, case, distinct, fixed, integers, real


def _like(name: str) -> Any:
    return lambda torch, *xs: getattr(torch, name)(*xs)


_A, _B = fixed([1.0, 2.0, -3.0, 0.0]), fixed([1.0, 1.5, 2.0, -0.5])
for _name, _theirs in {"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt",
                       "greater_equal": "ge"}.items():  # fmt: skip
    case(_name, _A, _B, torch=_like(_theirs), order=0)
for _name in ("logical_and", "logical_or", "logical_xor"):
    case(_name, booleans(3, 2), booleans(2), torch=_like(_name), order=0)
case("logical_not", booleans(4), torch=_like("logical_not"), order=0)
for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(_name, integers(3, 2), integers(2), torch=_like(_name), order=0)
case("bitwise_left_shift", integers(4), integers(4), torch=_like("bitwise_left_shift"), order=0)
case("bitwise_right_shift", integers(4, high=99), integers(4), torch=_like("bitwise_right_shift"), order=0)
case("bitwise_invert", integers(4), torch=_like("bitwise_not"), order=0)
case("floor_divide", fixed([7.0, -7.0, 2.5]), fixed([2.0, 2.0, -1.5]), torch=_like("floor_divide"), order=0)
for _name in ("isfinite", "isinf", "isnan", "signbit"):
    case(_name, fixed([1.0, float("inf"), -float("inf"), float("nan"), -2.0]), torch=_like(_name), order=0)
for _name in ("all", "any"):
    case(_name, booleans(3, 4), axis=1, torch=lambda torch, x, f=_name: getattr(torch, f)(x, 1), order=0)
    case(_name, booleans(3, 4), torch=_like(_name), order=0)
for _name in ("argmax", "argmin"):
    case(_name, distinct(3, 4), axis=-1, torch=lambda torch, x, f=_name: getattr(torch, f)(x, -1), order=0)
case("argsort", distinct(3, 4), torch=lambda torch, x: torch.argsort(x), order=0)
case("argsort", distinct(4, 2), axis=0, descending=True, order=0,
     torch=lambda torch, x: torch.argsort(x, dim=0, descending=True))  # fmt: skip
case("count_nonzero", integers(3, 4, high=2), axis=0, torch=lambda torch, x: torch.count_nonzero(x, 0), order=0)
case("nonzero", fixed([[0, 1], [2, 0]]), torch=lambda torch, x: torch.nonzero(x, as_tuple=True), order=0)
case("searchsorted", fixed([1.0, 2.0, 4.0]), fixed([0.5, 2.0, 3.0, 9.0]), torch=_like("searchsorted"), order=0)
case("isin", integers(5), integers(2), torch=_like("isin"), order=0)
_REPEATED = fixed([3, 1, 3, 2, 1])
case("unique_values", _REPEATED, torch=_like("unique"), order=0, compare=lambda xp, out: _sorted(xp, out))
case("unique_counts", _REPEATED, order=0, compare=lambda xp, out: out[1][xp.argsort(out[0])])
case("unique_inverse", _REPEATED, order=0, compare=lambda xp, out: out[0][out[1]])
case("unique_all", _REPEATED, order=0, compare=lambda xp, out: out[0][out[2]])
case("clone", real(2, 3), torch=_like("clone"), complex=True)


def _sorted(xp: Any, x: Any) -> Any:
    """In ascending order; the standard leaves the order of unique values open."""
    found = xp.sort(x)
    return found if hasattr(found, "shape") else found[0]
