"""The adaptive softmax: classes in clusters, the rare ones with smaller layers. Grave et al. (2017)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..tensor import Tensor
from . import functional as F
from .containers import ModuleList, Sequential
from .linear import Linear
from .module import Module


class _ASMoutput(NamedTuple):
    """Each sample's log-probability of its target, and the loss, their mean with the other sign."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    """The loss of a softmax over very many classes, ordered by how often they occur.

    The first classes have scores of their own in the head, which also scores the clusters; within a cluster a smaller
    layer scores the classes. Every cluster is computed for every sample, so that no target has to be looked at.

    Args:
        in_features: size of the input's last axis. n_classes: how many classes.
        cutoffs: where clusters begin.
        div_value: by what the layers shrink from cluster to cluster.
        head_bias: whether the head has a bias.

    Raises:
        ValueError: for cutoffs that are not increasing, or out of range.
    """

    def __init__(self, in_features: int, n_classes: int, cutoffs: Sequence[int], div_value: float = 4.0,
                 head_bias: bool = False, device: Any = None, dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        if cutoffs != sorted({int(c) for c in cutoffs}) or cutoffs[0] <= 0 or cutoffs[-1] > n_classes - 1:
            raise ValueError("cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                             "where each value is between 1 and n_classes-1")  # fmt: skip
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        how: dict[str, Any] = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **how)
        self.tail = ModuleList()
        for i, (start, stop) in enumerate(itertools.pairwise(self.cutoffs)):
            middle = int(in_features // div_value ** (i + 1))
            self.tail.append(Sequential(Linear(in_features, middle, bias=False, **how),
                                        Linear(middle, stop - start, bias=False, **how)))  # fmt: skip

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        for layer in self.modules():
            if isinstance(layer, Linear):
                layer.reset_parameters()

    def forward(self, input_: Any, target_: Any) -> _ASMoutput:
        """(N, in_features) and classes (N,), or one sample; to log-probabilities of the targets and the loss.

        Raises:
            RuntimeError: if the shapes do not fit.
        """
        if target_.ndim > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if input_.ndim != target_.ndim + 1:
            raise RuntimeError(f"{target_.ndim}D target tensor expects {target_.ndim + 1}D input tensors, but found "
                               f"inputs with size {input_.shape}")  # fmt: skip
        if target_.ndim and input_.shape[0] != target_.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        xp = input_.__array_namespace__()
        input, target = input_, target_
        if not target_.ndim:
            input, target = xp.expand_dims(input_, axis=0), xp.reshape(target_, (1,))
        log_p = self.log_prob(input)
        output = -F.nll_loss(log_p, target, reduction="none")
        loss = xp.mean(-output)
        return _ASMoutput(output if target_.ndim else output[0], loss)

    def log_prob(self, input: Any) -> Tensor:
        """(N, in_features) to the log-probabilities of all classes, (N, n_classes)."""
        xp = input.__array_namespace__()
        head = F.log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            place = self.shortlist_size + i
            parts.append(F.log_softmax(cluster(input), dim=1) + head[:, place : place + 1])
        return xp.concat(parts, axis=1)  # type: ignore[no-any-return]

    def predict(self, input: Any) -> Tensor:
        """(N, in_features) to the likeliest classes, (N,)."""
        return input.__array_namespace__().argmax(self.log_prob(input), axis=1)  # type: ignore[no-any-return]
