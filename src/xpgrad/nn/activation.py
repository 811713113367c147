"""Activations as modules: one table, since each only keeps arguments and calls the function of its name."""

from __future__ import annotations

import functools
import warnings
from typing import Any

from ..creation import full
from ..tensor import Tensor
from . import functional as F
from .module import Module
from .parameter import Parameter
from .stored import Stored, made


class _Activation(Stored):
    """An activation; ``inplace`` is printed only if it is true, `bare` arguments without names, `hidden` ones never."""

    bare = False
    hidden: tuple[str, ...] = ()

    def extra_repr(self) -> str:
        """The arguments."""
        shown = [(n, getattr(self, n)) for n, _ in self.arguments if n not in self.hidden]
        return ", ".join(str(v) if self.bare else f"{n}={v!r}" for n, v in shown if n != "inplace" or v)


_made = functools.partial(made, __name__, base=_Activation)
_INPLACE = ("inplace", False)

ReLU = _made("ReLU", "relu", _INPLACE)
ReLU6 = _made("ReLU6", "relu6", _INPLACE)
Sigmoid = _made("Sigmoid", "sigmoid")
Tanh = _made("Tanh", "tanh")
LogSigmoid = _made("LogSigmoid", "logsigmoid")
Softplus = _made("Softplus", "softplus", ("beta", 1.0), ("threshold", 20.0))
SiLU = _made("SiLU", "silu", _INPLACE)
Mish = _made("Mish", "mish", _INPLACE)
GELU = _made("GELU", "gelu", ("approximate", "none"))
ELU = _made("ELU", "elu", ("alpha", 1.0), _INPLACE)
CELU = _made("CELU", "celu", ("alpha", 1.0), _INPLACE)
SELU = _made("SELU", "selu", _INPLACE)
LeakyReLU = _made("LeakyReLU", "leaky_relu", ("negative_slope", 0.01), _INPLACE)
Threshold = _made("Threshold", "threshold", ("threshold", 0.0), ("value", 0.0), _INPLACE)
Hardsigmoid = _made("Hardsigmoid", "hardsigmoid", _INPLACE, hidden=("inplace",))
Hardswish = _made("Hardswish", "hardswish", _INPLACE, hidden=("inplace",))
Softshrink = _made("Softshrink", "softshrink", ("lambd", 0.5), bare=True)
Hardshrink = _made("Hardshrink", "hardshrink", ("lambd", 0.5), bare=True)
Softsign = _made("Softsign", "softsign")
Tanhshrink = _made("Tanhshrink", "tanhshrink")
GLU = _made("GLU", "glu", ("dim", -1))
Softmax = _made("Softmax", "softmax", ("dim", None))
Softmin = _made("Softmin", "softmin", ("dim", None))
LogSoftmax = _made("LogSoftmax", "log_softmax", ("dim", None))


class RReLU(_made("RReLU", "rrelu", ("lower", 1 / 8), ("upper", 1 / 3), _INPLACE)):  # type: ignore[misc]
    """leaky_relu with random slopes in training. Xu et al. (2015)."""

    def forward(self, input: Tensor) -> Tensor:
        """Of any shape."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)


class Hardtanh(_made("Hardtanh", "hardtanh", ("min_val", -1.0), ("max_val", 1.0), _INPLACE)):  # type: ignore[misc]
    """input, kept in [min_val, max_val].

    Raises:
        AssertionError: unless `min_val` is below `max_val`.
    """

    def __init__(self, *args: Any, min_value: float | None = None, max_value: float | None = None,
                 **kwargs: Any) -> None:  # fmt: skip
        for old, new, value in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if value is not None:
                warnings.warn(f"keyword argument `{old}` is deprecated and rename to `{new}`", FutureWarning,
                              stacklevel=2)  # fmt: skip
                kwargs[new] = value
        super().__init__(*args, **kwargs)
        if not self.max_val > self.min_val:
            raise AssertionError("max_val must be larger than min_val")


class Softmax2d(Module):
    """softmax over the channels of (batch, channels, height, width)."""

    def forward(self, input: Tensor) -> Tensor:
        """The batch may be absent."""
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, dim=-3)


class PReLU(Module):
    """leaky_relu with a learned slope, one for all or one for each channel. He et al. (2015).

    Args:
        num_parameters: 1, or the number of channels.
        init: the slope to begin with.
    """

    weight: Parameter

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), float(init), device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, ...)."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"
