"""Layers that learn the size of their input from the first one they see."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..modes import no_grad
from ..tensor import Tensor
from . import batchnorm, convolution
from .linear import Linear
from .module import Module
from .parameter import Buffer, Parameter


class UninitializedTensorMixin:
    """A parameter or buffer whose shape is not known yet."""

    materialize: Any


class UninitializedParameter(Parameter, UninitializedTensorMixin):
    """A parameter whose shape is not known yet.

    Args:
        requires_grad: whether gradients will flow to it.
        device, dtype: where and of what it will be.
    """

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> UninitializedParameter:
        return super().__new__(cls, empty(0, device=device, dtype=dtype), requires_grad)  # type: ignore[return-value]

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        pass

    def materialize(self, shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> None:
        """Become a parameter of this shape; its values are whatever they are."""
        self.data = empty(shape, device=device or self.device, dtype=dtype or self.dtype)
        self.__class__ = Parameter  # type: ignore[assignment]

    def __repr__(self, *, tensor_contents: str | None = None) -> str:  # type: ignore[override]
        return "<UninitializedParameter>"


class UninitializedBuffer(Buffer, UninitializedTensorMixin):
    """A buffer whose shape is not known yet."""

    def __new__(cls, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> UninitializedBuffer:
        return super().__new__(cls, empty(0, device=device, dtype=dtype))  # type: ignore[return-value]

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: Any = None) -> None:
        pass

    def materialize(self, shape: tuple[int, ...], device: Any = None, dtype: Any = None) -> None:
        """Become a buffer of this shape."""
        self.data = empty(shape, device=device or self.device, dtype=dtype or self.dtype)
        self.__class__ = Buffer  # type: ignore[assignment]

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        return "<UninitializedBuffer>"


class LazyModuleMixin(Module):
    """What lazy layers have in common: with the first input they take their shapes and become `cls_to_become`."""

    cls_to_become: type[Module] | None = None

    def has_uninitialized_params(self) -> bool:
        """Whether some shape is not known yet."""
        own = (*self._parameters.values(), *self._buffers.values())
        return any(isinstance(v, UninitializedTensorMixin) for v in own)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes, from the arguments of the first call; every subclass defines it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.has_uninitialized_params():
            with no_grad():
                self.initialize_parameters(*args, **kwargs)
        if self.cls_to_become is None:
            return super().__call__(*args, **kwargs)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self(*args, **kwargs)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *others: Any) -> None:
        for name, value in (*self._parameters.items(), *self._buffers.items()):
            source = state_dict.get(prefix + name)
            known = isinstance(source, Tensor) and not isinstance(source, UninitializedTensorMixin)
            if known and isinstance(value, UninitializedTensorMixin):
                value.materialize(tuple(source.shape))
        super()._load_from_state_dict(state_dict, prefix, *others)


class LazyLinear(LazyModuleMixin, Linear):
    """`Linear`, its `in_features` the size of the first input's last axis."""

    cls_to_become = Linear
    weight: Any
    bias: Any

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        Module.__init__(self)
        self.in_features = 0
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.register_parameter("bias", UninitializedParameter(device=device, dtype=dtype) if bias else None)

    def reset_parameters(self) -> None:
        """Draw the initial values anew, once there are shapes."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Shapes from the first input."""
        self.in_features = input.shape[-1]
        _materialized(self.weight, (self.out_features, self.in_features))
        _materialized(self.bias, (self.out_features,))
        self.reset_parameters()


def _materialized(value: Any, shape: tuple[int, ...]) -> None:
    if isinstance(value, UninitializedParameter | UninitializedBuffer):
        value.materialize(shape)


class _LazyConv(LazyModuleMixin, convolution._ConvLike):
    weight: Any
    bias: Any

    def _register(self, bias: bool, device: Any, dtype: Any) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.register_parameter("bias", UninitializedParameter(device=device, dtype=dtype) if bias else None)

    def reset_parameters(self) -> None:
        """Draw the initial values anew, once there are shapes."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()

    def initialize_parameters(self, input: Any, *args: Any, **kwargs: Any) -> None:
        """Shapes from the first input."""
        if input.ndim not in (self.spatial + 1, self.spatial + 2):
            raise RuntimeError(f"Expected {self.spatial + 1}D (unbatched) or {self.spatial + 2}D (batched) input to "
                               f"{type(self).__name__}, but got input of size: {list(input.shape)}")  # fmt: skip
        self.in_channels = input.shape[-self.spatial - 1]
        if self.in_channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        _materialized(self.weight, self._weight_shape())
        _materialized(self.bias, (self.out_channels,))
        self.reset_parameters()


class _LazyNorm(LazyModuleMixin, batchnorm._Norm):
    weight: Any
    bias: Any
    running_mean: Any
    running_var: Any

    def _register(self, shape: Any, weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        for name, wanted in (("weight", weight), ("bias", weight and bias)):
            self.register_parameter(name, UninitializedParameter(device=device, dtype=dtype) if wanted else None)

    def reset_running_stats(self) -> None:
        """Means 0, variances 1, once there are shapes."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_running_stats()

    def reset_parameters(self) -> None:
        """Initial values, once there are shapes."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        """Shapes from the first input."""
        self.num_features = input.shape[1]
        for value in (self.weight, self.bias, self.running_mean, self.running_var):
            _materialized(value, (self.num_features,))
        self.reset_parameters()


def _conv(kind: Any) -> Any:
    first = "in_channels"

    def __init__(self: Any, out_channels: int, *args: Any, **kwargs: Any) -> None:
        kind.__init__(self, 0, out_channels, *args, **kwargs)

    body = {"__doc__": f"`{kind.__name__}`, its `{first}` the channels of the first input.", "__init__": __init__,
            "__module__": __name__, "cls_to_become": kind}  # fmt: skip
    return type(f"Lazy{kind.__name__}", (_LazyConv, kind), body)


def _norm(kind: Any) -> Any:
    def __init__(self: Any, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        kind.__init__(self, 0, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        for name in ("running_mean", "running_var"):
            if track_running_stats:
                self._buffers[name] = UninitializedBuffer(device=device, dtype=dtype)

    body = {"__doc__": f"`{kind.__name__}`, its `num_features` the channels of the first input.", "__init__": __init__,
            "__module__": __name__, "cls_to_become": kind}  # fmt: skip
    return type(f"Lazy{kind.__name__}", (_LazyNorm, kind), body)


LazyConv1d, LazyConv2d, LazyConv3d = map(_conv, (convolution.Conv1d, convolution.Conv2d, convolution.Conv3d))
LazyConvTranspose1d, LazyConvTranspose2d, LazyConvTranspose3d = map(
    _conv, (convolution.ConvTranspose1d, convolution.ConvTranspose2d, convolution.ConvTranspose3d))  # fmt: skip
LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d = map(
    _norm, (batchnorm.BatchNorm1d, batchnorm.BatchNorm2d, batchnorm.BatchNorm3d))  # fmt: skip
LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d = map(
    _norm, (batchnorm.InstanceNorm1d, batchnorm.InstanceNorm2d, batchnorm.InstanceNorm3d))  # fmt: skip
