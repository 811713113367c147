"""Batch and instance normalization, with running statistics: one family for all numbers of axes."""

from __future__ import annotations

import warnings
from typing import Any

from ..creation import tensor, zeros
from ..dtypes import int64
from ..modes import no_grad
from ..tensor import Tensor
from ..views import write
from . import functional as F
from . import init
from .normalization import _Affine
from .stored import family

_RANKS = {1: (2, 3), 2: (4,), 3: (5,)}


class _Norm(_Affine):
    """What batch and instance normalization have in common; `spatial` says which inputs they take."""

    _version = 2
    spatial: int
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
                 track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        kept = track_running_stats
        self._register((num_features,), affine, bias, device, dtype)
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, zeros(num_features, device=device, dtype=dtype) if kept else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64, device=device) if kept else None)
        self.reset_running_stats()

    def reset_running_stats(self) -> None:
        """Running means 0, variances 1, and no batch seen."""
        if self.track_running_stats:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            with no_grad():
                write(self.num_batches_tracked, self.num_batches_tracked * 0)

    def reset_parameters(self) -> None:
        """Running statistics, weights and biases as at first."""
        if "running_mean" in self._buffers:
            self.reset_running_stats()
        super().reset_parameters()

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any],
                              *others: Any) -> None:  # fmt: skip
        key = prefix + "num_batches_tracked"
        old = (local_metadata.get("version") or 1) < 2
        if old and self.track_running_stats and key not in state_dict and self.num_batches_tracked is not None:
            state_dict[key] = self.num_batches_tracked  # a state saved before there was this number
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *others)

    def extra_repr(self) -> str:
        """The arguments."""
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
                f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}")  # fmt: skip


class _BatchNorm(_Norm):
    """Each channel less its mean, over its deviation, times weight plus bias. Ioffe and Szegedy (2015).

    In training, mean and variance are those of the batch, and running ones are kept, which evaluation uses.

    Args:
        num_features: the number of channels, size of axis 1.
        eps: added to the variance.
        momentum: how much of a batch's statistics enters the running ones; None for their plain mean.
        affine: whether there are weight and bias. bias: whether there is a bias.
        track_running_stats: keep running statistics; if not, evaluation uses the batch's too.

    Raises:
        ValueError: for an input of another number of axes.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(batch, channels, *spatial)."""
        ranks = _RANKS[self.spatial]
        if input.ndim not in ranks:
            raise ValueError(f"expected {' or '.join(f'{n}D' for n in ranks)} input (got {input.ndim}D input)")
        momentum: Any = self.momentum
        if self.training and self.track_running_stats and self.num_batches_tracked is not None:
            with no_grad():
                write(self.num_batches_tracked, self.num_batches_tracked + 1)
                if momentum is None and self.running_mean is not None:
                    momentum = 1.0 / self.num_batches_tracked.to(self.running_mean.dtype)
        used = not self.training or self.track_running_stats
        mean, var = (self.running_mean, self.running_var) if used else (None, None)
        training = self.training or (self.running_mean is None and self.running_var is None)
        momentum = 0.0 if momentum is None else momentum
        return F.batch_norm(input, mean, var, self.weight, self.bias, training, momentum, self.eps)  # fmt: skip


class _InstanceNorm(_Norm):
    """Each channel of each sample less its mean, over its deviation. Ulyanov et al. (2016).

    Args:
        num_features: the number of channels.
        eps: added to the variance.
        momentum: how much of a batch's statistics enters the running ones.
        affine: whether there are weight and bias. bias: whether there is a bias.
        track_running_stats: keep running statistics, and use them in evaluation.

    Raises:
        ValueError: for an input of another number of axes or channels.
    """

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
                 track_running_stats: bool = False, device: Any = None, dtype: Any = None, *,
                 bias: bool = True) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Any) -> Tensor:
        """(batch, channels, *spatial); the batch may be absent."""
        alone, batched = self.spatial + 1, self.spatial + 2
        if input.ndim not in (alone, batched):
            raise ValueError(f"expected {alone}D or {batched}D input (got {input.ndim}D input)")
        channels = input.shape[input.ndim - alone]
        if channels != self.num_features:
            if self.affine:
                raise ValueError(f"expected input's size at dim={input.ndim - alone} to match num_features "
                                 f"({self.num_features}), but got: {channels}.")  # fmt: skip
            warnings.warn(f"input's size at dim={input.ndim - alone} does not match num_features. You can silence this "
                          "warning by not passing in num_features, which is not used because affine=False",
                          stacklevel=2)  # fmt: skip
        xp = input.__array_namespace__()
        x = xp.expand_dims(input, axis=0) if input.ndim == alone else input
        y = F.instance_norm(x, self.running_mean, self.running_var, self.weight, self.bias,
                            self.training or not self.track_running_stats, self.momentum or 0.0, self.eps)  # fmt: skip
        return xp.squeeze(y, axis=0) if input.ndim == alone else y


BatchNorm1d, BatchNorm2d, BatchNorm3d = family(__name__, _BatchNorm)
InstanceNorm1d, InstanceNorm2d, InstanceNorm3d = family(__name__, _InstanceNorm)
