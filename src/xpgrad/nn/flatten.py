"""Layers that change the shape alone."""

from __future__ import annotations

import math
from typing import Any

from ..tensor import Tensor
from .functional._call import call
from .module import Module


class Flatten(Module):
    """Axes `start_dim` to `end_dim` as one.

    Example:
        >>> import xpgrad
        >>> from xpgrad import nn
        >>> nn.Flatten()(xpgrad.zeros(32, 1, 5, 5)).size()
        torch.Size([32, 25])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """(*before, *axes, *after) to (*before, product of axes, *after)."""
        n = max(input.ndim, 1)
        for d in (self.start_dim, self.end_dim):
            if not -n <= d < n:
                raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {d})")
        start, end = self.start_dim % n, self.end_dim % n
        if start > end:
            raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
        shape = input.shape
        return call("reshape", input, shape=(*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]))

    def extra_repr(self) -> str:
        """The parameters."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """Axis `dim` as several, of sizes `unflattened_size`; one of them may be -1."""

    def __init__(self, dim: int, unflattened_size: Any) -> None:
        super().__init__()
        if not isinstance(unflattened_size, tuple | list) or not all(isinstance(n, int) for n in unflattened_size):
            raise TypeError(f"unflattened_size must be tuple of ints, but found {unflattened_size!r}")
        self.dim = dim
        self.unflattened_size = unflattened_size

    def forward(self, input: Tensor) -> Tensor:
        """(*before, axis, *after) to (*before, *sizes, *after)."""
        dim = self.dim % input.ndim
        sizes = list(self.unflattened_size)
        if -1 in sizes:
            rest = math.prod(n for n in sizes if n != -1)
            sizes[sizes.index(-1)] = input.shape[dim] // max(rest, 1)
        if math.prod(sizes) != input.shape[dim]:
            raise RuntimeError(f"unflatten: Provided sizes {self.unflattened_size} don't multiply up to the size of "
                               f"dim {self.dim} ({input.shape[dim]}) in the input tensor")  # fmt: skip
        return call("reshape", input, shape=(*input.shape[:dim], *sizes, *input.shape[dim + 1 :]))

    def extra_repr(self) -> str:
        """The parameters."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
