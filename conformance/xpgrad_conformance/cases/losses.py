"""Losses, in each reduction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import case, fixed, integers, real


def _functional(name: str, **params: Any) -> Callable[..., Any]:
    return lambda torch, *args: getattr(torch.nn.functional, name)(*args, **params)


_P = real(3, 5, low=0.05, high=0.95)

for _reduction in ("mean", "sum", "none"):
    _how: dict[str, Any] = {"reduction": _reduction}
    case("mse_loss", real(3, 5), real(3, 5), torch=_functional("mse_loss", **_how), **_how)
    case("huber_loss", real(3, 5), real(3, 5), torch=_functional("huber_loss", delta=0.7, **_how), delta=0.7, **_how)
    case("smooth_l1_loss", real(3, 5), real(3, 5), torch=_functional("smooth_l1_loss", beta=0.7, **_how),
         beta=0.7, **_how)  # fmt: skip
    case("binary_cross_entropy", _P, _P, torch=_functional("binary_cross_entropy", **_how), **_how)
    case("binary_cross_entropy_with_logits", real(3, 5), _P,
         torch=_functional("binary_cross_entropy_with_logits", **_how), **_how)  # fmt: skip
    case("nll_loss", real(4, 5), integers(4), torch=_functional("nll_loss", **_how), **_how)
    case("nll_loss", real(4, 5, 2), integers(4, 2), fixed([0.5, 1.0, 2.0, 0.1, 3.0]), about="weighted",
         torch=_functional("nll_loss", **_how), **_how)  # fmt: skip
    case("nll_loss", real(4, 3), fixed([0, 2, -1, 1]), torch=_functional("nll_loss", ignore_index=-1, **_how),
         about="one ignored", ignore_index=-1, **_how)  # fmt: skip
case("nll_loss", real(5), integers(), torch=_functional("nll_loss"), about="no batch")
case("smooth_l1_loss", real(3, 5), real(3, 5), torch=_functional("smooth_l1_loss", beta=0.0), beta=0.0, order=1)
case("one_hot", integers(3, 2), torch=lambda torch, x: torch.nn.functional.one_hot(x, 5).bool(), classes=5, order=0)
