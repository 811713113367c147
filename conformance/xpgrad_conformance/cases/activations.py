"""Activations, away from their kinks, and at them where PyTorch's slope is a choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import case, distinct, fixed, real


def _functional(name: str, **params: Any) -> Callable[..., Any]:
    return lambda torch, *args: getattr(torch.nn.functional, name)(*args, **params)


_KINKS = fixed([-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0, 6.0])

_KINKED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("relu", {}),
    ("leaky_relu", {"negative_slope": 0.2}),
    ("elu", {"alpha": 1.3}),
    ("hardtanh", {}),
    ("hardtanh", {"min_val": -0.3, "max_val": 0.9}),
    ("hardswish", {}),
    ("softshrink", {}),
    ("hardshrink", {"lambd": 0.3}),
    ("threshold", {"threshold": 0.5, "value": 2.0}),
)
for _name, _params in _KINKED:
    case(_name, distinct(3, 5), torch=_functional(_name, **_params), **_params)
    case(_name, _KINKS, torch=_functional(_name, **_params), order=1, about="kinks", **_params)

# PyTorch's own slopes of these two carry a constant rounded to float32, so their formulas stand for them
_CELU: dict[str, Any] = {"alpha": 0.7}
case("celu", distinct(3, 5), torch=lambda torch, x: torch.where(x > 0, x, 0.7 * torch.expm1(x / 0.7)), **_CELU)
case("hardsigmoid", distinct(3, 5), torch=lambda torch, x: torch.clamp(x + 3, 0, 6) / 6)

_SMOOTH: tuple[tuple[str, dict[str, Any]], ...] = (
    ("sigmoid", {}),
    ("silu", {}),
    ("mish", {}),
    ("gelu", {}),
    ("gelu", {"approximate": "tanh"}),
    ("softplus", {"beta": 2.0, "threshold": 3.0}),
)
for _name, _params in _SMOOTH:
    case(_name, real(3, 5), torch=_functional(_name, **_params), **_params)
case("sigmoid", real(3, 2), torch=lambda torch, x: torch.sigmoid(x), complex=True, about="complex")
case("sigmoid", fixed([-800.0, -40.0, 40.0, 800.0]), torch=_functional("sigmoid"), order=1, about="far out")
case("log_sigmoid", real(3, 5, low=-40, high=40), torch=_functional("logsigmoid"))
case("softmax", real(3, 5), torch=_functional("softmax", dim=-1))
case("softmax", real(3, 4, 2), torch=_functional("softmax", dim=1), axis=1)
case("log_softmax", real(3, 5, low=-900, high=900), torch=_functional("log_softmax", dim=0), order=1, about="large",
     axis=0)  # fmt: skip
case("log_softmax", real(3, 5), torch=_functional("log_softmax", dim=-1))
case("prelu", distinct(3, 5), fixed([0.25]), torch=lambda torch, x, w: torch.where(x > 0, x, w * x))
case("addmm", real(4), real(3, 5), real(5, 4), torch=lambda torch, b, x, w: torch.addmm(b, x, w), complex=True)
case("addmm", real(3, 4), real(3, 5), real(5, 4), beta=0.5, alpha=2.0,
     torch=lambda torch, b, x, w: torch.addmm(b, x, w, beta=0.5, alpha=2.0))  # fmt: skip
case("t", real(3, 5), torch=lambda torch, x: x.t())
