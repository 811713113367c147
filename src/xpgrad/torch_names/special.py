"""The special functions that PyTorch also has outside `special`, some under older names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import special

_NAMES = {"i0": "i0", "sinc": "sinc", "logit": "logit", "xlogy": "xlogy", "lgamma": "gammaln", "digamma": "digamma",
          "erf": "erf", "erfc": "erfc", "erfinv": "erfinv", "igamma": "gammainc", "igammac": "gammaincc",
          "mvlgamma": "multigammaln"}  # fmt: skip


def _older(name: str) -> Callable[..., Any]:
    target = getattr(special, _NAMES[name])

    def f(*args: Any, **params: Any) -> Any:
        return target(*args, **params)

    f.__name__ = f.__qualname__ = name
    f.__doc__ = target.__doc__
    return f


polygamma = special.polygamma

METHODS: tuple[Callable[..., Any], ...] = (*(_older(name) for name in _NAMES), polygamma)
FUNCTIONS: tuple[Callable[..., Any], ...] = ()
