"""The losses beyond the common ones: margins, distances, likelihoods and sequences."""

from __future__ import annotations

from . import fixed, positive, real, unit
from .layers import layer

_SIGNS = fixed([1.0, -1.0, 1.0, -1.0])
_P = real(3, 4, low=0.05, high=0.95)

for _reduction in ("mean", "sum", "none"):
    _how = {"reduction": _reduction}
    layer("KLDivLoss", (), real(3, 4), _P, options=_how, about=_reduction)
    layer("PoissonNLLLoss", (), real(3, 4), positive(3, 4), options=_how, about=_reduction)
    layer("GaussianNLLLoss", (), real(3, 4), real(3, 4), positive(3, 4), options=_how, about=_reduction)
    layer("SoftMarginLoss", (), real(4), _SIGNS, options=_how, about=_reduction)
    layer("HingeEmbeddingLoss", (), fixed([0.3, 0.6, 1.7, 2.2]), _SIGNS, options=_how, about=_reduction, order=1)
    layer("MarginRankingLoss", (), real(4), real(4), _SIGNS, options={"margin": 0.1, **_how}, about=_reduction)
    layer("CosineEmbeddingLoss", (), real(4, 3), real(4, 3), _SIGNS, options={"margin": -0.9, **_how}, about=_reduction)
    layer("TripletMarginLoss", (), real(4, 3), real(4, 3), real(4, 3),
          options={"margin": 9.0, **_how}, about=_reduction)  # fmt: skip
    layer("TripletMarginWithDistanceLoss", (), real(4, 3), real(4, 3), real(4, 3), options={"margin": 9.0, **_how},
          about=_reduction)  # fmt: skip
    layer("MultiMarginLoss", (), unit(3, 4), fixed([0, 3, 1]), options={"margin": 3.0, **_how}, about=_reduction)
    layer("MultiLabelMarginLoss", (), unit(2, 4), fixed([[1, 3, -1, 0], [2, -1, 0, 0]]), options=_how, order=1,
          about=_reduction)  # fmt: skip
    layer("MultiLabelSoftMarginLoss", (), real(2, 3), fixed([[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), options=_how,
          about=_reduction)  # fmt: skip
    # its gradient, as PyTorch's, is that of scores which a log_softmax has been through
    layer("CTCLoss", (), real(5, 2, 4), fixed([[1, 2], [3, 3]]), fixed([5, 4]), fixed([2, 2]), options=_how,
          about=_reduction,
          before=lambda lib, x, *rest: (lib.nn.functional.log_softmax(x, -1), *rest))  # fmt: skip
layer("NLLLoss2d", (), real(2, 4, 2, 3), fixed([[[0, 1, 2], [3, 0, 1]], [[2, 2, 1], [0, 3, 3]]]))
layer("LinearCrossEntropyLoss", (3, 4), real(2, 3), fixed([0, 3]), linear__weight=real(4, 3))
layer("AdaptiveLogSoftmaxWithLoss", (3, 6, [2]), real(4, 3), fixed([0, 5, 3, 1]), head__weight=real(3, 3),
      tail__0__0__weight=real(1, 3), tail__0__1__weight=real(4, 1), options={"div_value": 3.0}, about="one tail",
      compare=lambda xp, out: out[0])  # fmt: skip
