"""Embeddings: tables whose rows are learned."""

from __future__ import annotations

from typing import Any

from ..creation import empty
from ..modes import no_grad
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter


class _Table(Module):
    """What embeddings have in common: the table and its arguments."""

    weight: Parameter

    def _fill(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None, max_norm: float | None,
              norm_type: float, scale_grad_by_freq: bool, given: Any, freeze: bool, device: Any, dtype: Any) -> None:
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise AssertionError("Padding_idx must be within num_embeddings")
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        if given is None:
            self.weight = Parameter(empty((num_embeddings, embedding_dim), device=device, dtype=dtype), not freeze)
            self.reset_parameters()
            return
        if tuple(given.shape) != (num_embeddings, embedding_dim):
            raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
        self.weight = Parameter(given, not freeze)

    def reset_parameters(self) -> None:
        """Draw the table anew: normal, the padding row 0."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0.0

    def _repr_end(self) -> str:
        parts = [] if self.max_norm is None else [f"max_norm={self.max_norm}"]
        parts += [] if self.norm_type == 2 else [f"norm_type={self.norm_type}"]
        parts += [f"scale_grad_by_freq={self.scale_grad_by_freq}"] if self.scale_grad_by_freq else []
        return "".join(f", {p}" for p in parts)


def _sized(embeddings: Any) -> Any:
    if embeddings.ndim != 2:
        raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
    return embeddings.shape


class Embedding(_Table):
    """Rows of a learned table, by number.

    Args:
        num_embeddings, embedding_dim: how many rows, and their length.
        padding_idx: a row that is 0 at first and gets no gradient.
        max_norm, norm_type: rows with a larger norm are scaled down when they are read.
        scale_grad_by_freq: divide each row's gradient by how often it occurs.
        sparse: taken for PyTorch's sake; gradients are dense.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> nn.Embedding(10, 3)(xpgrad.tensor([[1, 2], [4, 9]])).size()
        torch.Size([2, 2, 3])
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None,
                 max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                 sparse: bool = False, _weight: Tensor | None = None, _freeze: bool = False, device: Any = None,
                 dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        self._fill(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, _weight,
                   _freeze, device, dtype)  # fmt: skip
        self.sparse = sparse

    def forward(self, input: Tensor) -> Tensor:
        """Integers of any shape to (*shape, embedding_dim)."""
        return F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type,
                           self.scale_grad_by_freq, self.sparse)  # fmt: skip

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None,
                        max_norm: float | None = None, norm_type: float = 2.0, scale_grad_by_freq: bool = False,
                        sparse: bool = False) -> Embedding:  # fmt: skip
        """An embedding with the table given, not trained unless `freeze` is False."""
        rows, length = _sized(embeddings)
        return cls(rows, length, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse, embeddings, freeze)

    def extra_repr(self) -> str:
        """The sizes and the arguments that are not as usual."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        sparse = ", sparse=True" if self.sparse else ""
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}{self._repr_end()}{sparse}"


class EmbeddingBag(_Table):
    """The sum, mean or maximum of the rows of each bag; see `functional.embedding_bag`.

    Args:
        num_embeddings, embedding_dim: how many rows, and their length.
        mode: ``sum``, ``mean`` or ``max``.
        include_last_offset: `offsets` say also where the last bag ends.
        padding_idx: a row that does not count.
        max_norm, norm_type, scale_grad_by_freq, sparse: as in `Embedding`.
    """

    def __init__(self, num_embeddings: int, embedding_dim: int, max_norm: float | None = None, norm_type: float = 2.0,
                 scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False,
                 _weight: Tensor | None = None, include_last_offset: bool = False, padding_idx: int | None = None,
                 device: Any = None, dtype: Any = None) -> None:  # fmt: skip
        super().__init__()
        self._fill(num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, _weight,
                   False, device, dtype)  # fmt: skip
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset

    def forward(self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None) -> Tensor:
        """(bags, length of each), or all in one line with `offsets`, to (bags, embedding_dim)."""
        return F.embedding_bag(input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq,
                               self.mode, self.sparse, per_sample_weights, self.include_last_offset, self.padding_idx)

    @classmethod
    def from_pretrained(cls, embeddings: Any, freeze: bool = True, max_norm: float | None = None,
                        norm_type: float = 2.0, scale_grad_by_freq: bool = False, mode: str = "mean",
                        sparse: bool = False, include_last_offset: bool = False,
                        padding_idx: int | None = None) -> EmbeddingBag:  # fmt: skip
        """Bags of the table given, not trained unless `freeze` is False."""
        rows, length = _sized(embeddings)
        made = cls(rows, length, max_norm, norm_type, scale_grad_by_freq, mode, sparse, embeddings,
                   include_last_offset, padding_idx)  # fmt: skip
        made.weight.requires_grad = not freeze
        return made

    def extra_repr(self) -> str:
        """The sizes and the arguments that are not as usual."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{self._repr_end()}, mode={self.mode!r}{padding}"
