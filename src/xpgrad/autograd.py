"""``xpgrad.autograd``: PyTorch's spelling of the walk, the modes and custom functions."""

from __future__ import annotations

import sys

from . import function, functional, jacobians
from .backward import backward, grad
from .function import Function
from .jacobians import GradcheckError, gradcheck, gradgradcheck
from .modes import (
    detect_anomaly,
    enable_grad,
    inference_mode,
    is_anomaly_enabled,
    no_grad,
    set_detect_anomaly,
    set_grad_enabled,
)

__all__ = ["Function", "GradcheckError", "backward", "detect_anomaly", "enable_grad", "function", "functional", "grad",
           "gradcheck", "gradgradcheck", "inference_mode", "is_anomaly_enabled", "no_grad", "set_detect_anomaly",
           "set_grad_enabled"]  # fmt: skip

# PyTorch's paths to these, so that ``from torch.autograd.function import once_differentiable`` finds it
sys.modules |= {f"{__name__}.{name}": module
                for name, module in {"function": function, "functional": functional, "gradcheck": jacobians}.items()}
