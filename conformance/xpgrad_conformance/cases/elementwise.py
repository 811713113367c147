"""Cases of the elementwise functions: every domain, broadcasting, 0-d and empty arrays, kinks and ties."""

from __future__ import annotations

import dataclasses
from typing import Any

from . import CASES, case, fixed, integers, positive, real, unit


def _like(name: str) -> Any:
    """PyTorch's function of the same name."""
    return lambda torch, *xs: getattr(torch, name)(*xs)


def _complex_case(name: str, values: Any, **rest: Any) -> None:
    """A case that real numbers cannot have."""
    made = case(name, fixed(values), complex=True, **rest)
    CASES[-1] = dataclasses.replace(made, dtypes=("complex128",))


_ANYWHERE = ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "expm1", "square", "asinh", "atan")
for _name in _ANYWHERE:
    case(_name, unit(2, 3), torch=_like(_name), complex=True)
    case(_name, unit(), torch=_like(_name), about="0-d")
    case(_name, unit(0, 3), torch=_like(_name), about="empty")
for _name in ("log", "log2", "log10", "sqrt", "reciprocal"):
    case(_name, positive(2, 3), torch=_like(_name), complex=True)
    case(_name, positive(), torch=_like(_name), about="0-d")
for _name in ("asin", "acos", "atanh", "log1p"):
    case(_name, unit(2, 3), torch=_like(_name), complex=_name != "log1p")
case("log1p", positive(4), torch=lambda torch, x: torch.log(1 + x), complex=True, about="complex, by log")
case("acosh", real(2, 3, low=1.2, high=3.0), torch=_like("acosh"), complex=True)
_complex_case("acosh", [-2.0 + 1.0j, -2.0 - 1.0j, 0.3 + 2.0j], torch=_like("acosh"), about="left half plane")
for _name in ("negative", "positive", "abs"):
    case(_name, positive(2, 3), torch=_like(_name), complex=True)
case("sign", positive(2, 3), torch=_like("sign"))
_complex_case("sign", [1.0 + 2.0j, -0.5j, -3.0 + 0.25j], torch=_like("sgn"))
case("abs", fixed([-1.0, 0.0, 2.0]), torch=_like("abs"), order=1, about="a kink")
_complex_case("abs", [0.0 + 0.0j, 1.0 - 2.0j], torch=_like("abs"), order=1, about="a kink")
case("sign", fixed([-1.0, 0.0, 2.0]), torch=_like("sign"), order=1, about="a kink")
for _name in ("floor", "ceil", "trunc", "round"):
    case(_name, fixed([-1.4, -0.3, 0.2, 1.8]), torch=_like(_name), order=1)
for _name in ("conj", "real", "imag"):
    _complex_case(_name, [[1.0 + 2.0j, -0.5j], [0.25, 3.0 - 1.0j]], torch=_like(_name), about="complex")
case("conj", real(3), torch=lambda torch, x: torch.conj(x))
case("real", real(3), torch=lambda torch, x: torch.real(x))

_BINARY = {"add": "add", "subtract": "sub", "multiply": "mul", "divide": "div"}
for _name, _theirs in _BINARY.items():
    case(_name, positive(2, 3), positive(2, 3), torch=_like(_theirs), complex=True)
    case(_name, positive(2, 1), positive(4, 1, 3), torch=_like(_theirs), complex=True, about="both broadcast")
    case(_name, positive(), positive(3), torch=_like(_theirs), about="0-d")
    case(_name, positive(0, 3), positive(3), torch=_like(_theirs), about="empty")
    case(_name, positive(3), positive(3), torch=lambda torch, a, _, f=_theirs: getattr(torch, f)(a, 3.0),
         call=lambda xp, a, _, f=_name: getattr(xp, f)(a, 3.0), about="a Python scalar")  # fmt: skip
    case(_name, positive(3), positive(3),
         torch=lambda torch, a, _, f=_theirs: getattr(torch, f)(torch.tensor(3.0).to(a), a),
         call=lambda xp, a, _, f=_name: getattr(xp, f)(3.0, a), about="a Python scalar first")  # fmt: skip

case("pow", positive(2, 3), real(2, 3), torch=_like("pow"), complex=True)
case("pow", positive(2, 1), real(3), torch=_like("pow"), about="broadcast")
case("pow", fixed([0.0, 0.0, 2.0, 3.0]), fixed([0.0, 2.0, 0.0, 1.0]), torch=_like("pow"), order=1, about="zeros")
for _exponent in (0, 1, 2, 3, 0.5, -1.5):
    case("pow", positive(3), call=lambda xp, x, e=_exponent: xp.pow(x, e), torch=lambda torch, x, e=_exponent: x**e,
         complex=True, about=f"exponent {_exponent}")  # fmt: skip
case("pow", real(3), call=lambda xp, x: xp.pow(2.0, x), torch=lambda torch, x: 2.0**x, about="scalar base")
case("pow", fixed([-1.0, 0.0, 2.0]), call=lambda xp, x: xp.pow(x, 2), torch=lambda torch, x: x**2,
     about="a square at 0")  # fmt: skip
case("remainder", fixed([5.3, -7.2, 1.5]), fixed([2.0, 3.0, -4.0]), torch=_like("remainder"))
case("remainder", fixed([[5.3], [-7.2]]), fixed([2.0, 3.1]), torch=_like("remainder"), about="broadcast")

for _name in ("atan2", "hypot", "logaddexp", "maximum", "minimum", "copysign"):
    case(_name, fixed([0.7, -1.1, 0.4]), fixed([1.2, 0.6, -0.8]), torch=_like(_name))
    case(_name, real(2, 1), real(4, 1, 3), torch=_like(_name), about="both broadcast")
    case(_name, positive(), positive(3), torch=_like(_name), about="0-d")
for _name in ("maximum", "minimum"):
    case(_name, fixed([1.0, 2.0, 3.0]), fixed([1.0, 3.0, 2.0]), torch=_like(_name), order=1, about="a tie")
case("logaddexp", fixed([900.0, -900.0, 1.0, float("inf")]), fixed([-900.0, 900.0, 1.0, 1.0]), torch=_like("logaddexp"),
     order=1, about="far apart")  # fmt: skip
case("atan2", fixed([0.0, 1.0]), fixed([0.0, 1.0]), torch=_like("atan2"), order=1, about="the origin")
case("copysign", fixed([0.0, -1.0, 2.0]), fixed([1.0, 1.0, -2.0]), torch=_like("copysign"), order=1, about="zero")
case("nextafter", fixed([5.0, 5.0, -1.0]), fixed([6.0, 5.0, -2.0]), torch=_like("nextafter"), order=1)

case("clip", real(2, 5), min=-1.0, max=1.0, torch=lambda torch, x: torch.clamp(x, -1.0, 1.0))
case("clip", real(2, 5), min=0.25, torch=lambda torch, x: torch.clamp(x, min=0.25), about="min alone")
case("clip", real(2, 5), max=0.25, torch=lambda torch, x: torch.clamp(x, max=0.25), about="max alone")
case("clip", real(3), torch=lambda torch, x: x * 1, about="no bounds")
case("clip", fixed([0.0, 1.0, 2.0]), min=0.0, max=2.0, order=1, torch=lambda torch, x: torch.clamp(x, 0.0, 2.0),
     about="the boundary")  # fmt: skip
case("clip", fixed([0.5, -1.0, 2.5, 5.0]), fixed([0.0, 0.0, 3.0, 0.0]), fixed([1.0, 1.0, 4.0, 1.0]),
     torch=_like("clamp"),
     about="bounds are arrays")  # fmt: skip
case("clip", real(2, 3), fixed([[-0.5], [-0.25]]), fixed([0.5, 0.75, 1.0]), torch=_like("clamp"),
     about="bounds broadcast")  # fmt: skip

case("where", integers(2, 3, low=0, high=2), real(2, 3), real(3), complex=True, about="broadcast",
     call=lambda xp, c, a, b: xp.where(c > 0, a, b), torch=lambda torch, c, a, b: torch.where(c > 0, a, b))  # fmt: skip
case("where", fixed([True, False, True]), real(3), real(), torch=_like("where"), about="0-d")
case("where", fixed([True, False, True]), real(3), call=lambda xp, c, a: xp.where(c, a, 2.0),
     torch=lambda torch, c, a: torch.where(c, a, 2.0), about="a Python scalar")  # fmt: skip
