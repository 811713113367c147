"""Losses as modules: each calls the function of its name."""

from __future__ import annotations

import functools
import math
from typing import Any

from ..tensor import Tensor
from . import functional as F
from .functional.loss import reduction_of
from .linear import Linear
from .module import Module
from .stored import Stored, made


class _Loss(Module):
    """What losses have in common: a reduction, ``mean``, ``sum`` or ``none``."""

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        older = size_average is not None or reduce is not None
        self.reduction = reduction_of(size_average, reduce, reduction) if older else reduction


class _WeightedLoss(_Loss):
    """A loss with a weight for each class or element, kept as a buffer."""

    weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
                 reduction: str = "mean") -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(_Loss):
    """The absolute error, |input - target|."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Both of one shape."""
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """The squared error, (input - target)²."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Both of one shape."""
        return F.mse_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """The squared error over 2 beta where it is below beta, else the absolute error less beta / 2."""

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
                 beta: float = 1.0) -> None:  # fmt: skip
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Both of one shape."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Half the squared error where it is within delta, else delta (error - delta / 2)."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Both of one shape."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class BCELoss(_WeightedLoss):
    """The binary cross entropy of probabilities."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Both of one shape."""
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_WeightedLoss):
    """The binary cross entropy of sigmoid(input), without overflow."""

    pos_weight: Tensor | None

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None,
                 reduction: str = "mean", pos_weight: Tensor | None = None) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Both of one shape."""
        return F.binary_cross_entropy_with_logits(input, target, self.weight, pos_weight=self.pos_weight,
                                                  reduction=self.reduction)  # fmt: skip


class NLLLoss(_WeightedLoss):
    """The negative logarithm of the right class's probability, for log-probabilities (N, C, *S) and classes (N, *S)."""

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, ignore_index: int = -100,
                 reduce: bool | None = None, reduction: str = "mean") -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Log-probabilities and class indices."""
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CrossEntropyLoss(_WeightedLoss):
    """The cross entropy of softmax(input) and the target: class indices, or probabilities.

    Args:
        weight: (C,), each class's weight.
        ignore_index: a class index that does not count.
        reduction: ``mean``, ``sum`` or ``none``.
        label_smoothing: how much of the target is spread over all classes.

    Shape:
        Input (C,), (N, C) or (N, C, *S); target (), (N,) or (N, *S) of classes, or probabilities of the input's shape.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> nn.CrossEntropyLoss()(xpgrad.zeros(2, 4), xpgrad.tensor([0, 3]))
        tensor(1.3863)
    """

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, ignore_index: int = -100,
                 reduce: bool | None = None, reduction: str = "mean",
                 label_smoothing: float = 0.0) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:
        """Scores, and class indices or probabilities."""
        return F.cross_entropy(input, target, weight=self.weight, ignore_index=self.ignore_index,
                               reduction=self.reduction, label_smoothing=self.label_smoothing)  # fmt: skip


class _Table(Stored):
    """A loss that keeps its arguments; PyTorch's two older flags become a reduction."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        average, reduce = (self.__dict__.pop(name, None) for name in ("size_average", "reduce"))
        if (average, reduce) != (None, None):
            self.reduction = reduction_of(average, reduce, "mean")
        if "weight" in self.__dict__:
            self.register_buffer("weight", self.__dict__.pop("weight"))

    def stored(self) -> dict[str, Any]:
        """The arguments without the older flags."""
        return {name: getattr(self, name) for name, _ in self.arguments if name not in ("size_average", "reduce")}

    def extra_repr(self) -> str:
        """Nothing, as in PyTorch."""
        return ""


_made = functools.partial(made, __name__, base=_Table)
_OLDER = (("size_average", None), ("reduce", None))
_FLAGS = (*_OLDER, ("reduction", "mean"))
KLDivLoss = _made("KLDivLoss", "kl_div", *_FLAGS, ("log_target", False))
PoissonNLLLoss = _made("PoissonNLLLoss", "poisson_nll_loss", ("log_input", True), ("full", False),
                       ("size_average", None), ("eps", 1e-8), ("reduce", None), ("reduction", "mean"))  # fmt: skip
GaussianNLLLoss = _made("GaussianNLLLoss", "gaussian_nll_loss", ("full", False), ("eps", 1e-6), ("reduction", "mean"),
                        keyword_only=True)  # fmt: skip
CosineEmbeddingLoss = _made("CosineEmbeddingLoss", "cosine_embedding_loss", ("margin", 0.0), *_FLAGS)
HingeEmbeddingLoss = _made("HingeEmbeddingLoss", "hinge_embedding_loss", ("margin", 1.0), *_FLAGS)
MarginRankingLoss = _made("MarginRankingLoss", "margin_ranking_loss", ("margin", 0.0), *_FLAGS)
SoftMarginLoss = _made("SoftMarginLoss", "soft_margin_loss", *_FLAGS)
MultiLabelMarginLoss = _made("MultiLabelMarginLoss", "multilabel_margin_loss", *_FLAGS)
MultiLabelSoftMarginLoss = _made("MultiLabelSoftMarginLoss", "multilabel_soft_margin_loss", ("weight", None), *_FLAGS)
MultiMarginLoss = _made("MultiMarginLoss", "multi_margin_loss", ("p", 1), ("margin", 1.0), ("weight", None), *_FLAGS)
TripletMarginLoss = _made("TripletMarginLoss", "triplet_margin_loss", ("margin", 1.0), ("p", 2.0), ("eps", 1e-6),
                          ("swap", False), *_FLAGS)  # fmt: skip
TripletMarginWithDistanceLoss = _made(
    "TripletMarginWithDistanceLoss", "triplet_margin_with_distance_loss", ("distance_function", None), ("margin", 1.0),
    ("swap", False), ("reduction", "mean"), keyword_only=True)  # fmt: skip
CTCLoss = _made("CTCLoss", "ctc_loss", ("blank", 0), ("reduction", "mean"), ("zero_infinity", False))


class NLLLoss2d(NLLLoss):
    """`NLLLoss` for images, under its older name."""


class LinearCrossEntropyLoss(_WeightedLoss):
    """`CrossEntropyLoss` of a linear layer's scores.

    Args:
        in_features: size of the input's last axis. num_classes: how many classes.
        out_features: further axes of the target.
        bias: whether the layer has one.
        options: taken for PyTorch's sake: how it would save memory.
    """

    def __init__(self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False,
                 device: Any = None, dtype: Any = None, reduction: str = "mean", weight: Tensor | None = None,
                 ignore_index: int | None = None, label_smoothing: float = 0.0, options: Any = None) -> None:
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}")
        if not 0 <= label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        super().__init__(weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        outs = math.prod(out_features, start=num_classes)
        self.linear = Linear(in_features, outs, bias=bias, device=device, dtype=dtype)
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """(N, in_features) and classes (N, *out_features), or probabilities."""
        weight: Any = self.linear.weight
        bias: Any = self.linear.bias
        shape = (self.num_classes, *self.out_features)
        return F.linear_cross_entropy(
            input, weight.reshape((*shape, self.linear.in_features)), target, weight=self.weight,
            linear_bias=None if bias is None else bias.reshape(shape), reduction=self.reduction,
            ignore_index=self.ignore_index, label_smoothing=self.label_smoothing, options=self.options)  # fmt: skip

    def extra_repr(self) -> str:
        """The arguments."""
        return (f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
                f"out_features={self.out_features}, bias={self.linear.bias is not None}, reduction={self.reduction}, "
                f"ignore_index={self.ignore_index}, label_smoothing={self.label_smoothing}, "
                f"options={self.options}")  # fmt: skip
